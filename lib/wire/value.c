/* SPDX-License-Identifier: MIT */
/* Trees of values: nodes and their blocks. See value.h for how they lie in memory.
 *
 * Keys are ordered by length and then by bytes, in an array of pair numbers behind the pairs: a
 * lookup is O(log n), a put moves O(n) numbers of 4 bytes, and a decoded map is ordered once, by
 * heap sort, so that no choice of keys makes it slow. Recursion goes as deep as trees do, at most
 * SHOAL_DEPTH_MAX. */
#include "wire/value.h"

#include <string.h>

#include "base/alloc.h"
#include "base/panic.h"

#define ITEMS_MAX ((uint32_t)1 << 30)
#define ROOM_LOG2 2 /* a block that grows begins with 4 */

struct shoal_value *
shoal_value_root_new(const struct shoal_allocator *mem, struct shoal_value node)
{
	struct shoal_value_root *root = shoal_alloc(mem, sizeof *root);

	if (root == NULL) {
		shoal_value_node_clear(mem, &node);
		return NULL;
	}
	root->node = node;
	root->mem = *mem;
	return &root->node;
}

static const struct shoal_allocator *
allocator_of(struct shoal_value *root)
{
	return &((struct shoal_value_root *)root)->mem;
}

static bool
is_text(const struct shoal_value *node)
{
	return node->type == SHOAL_VALUE_STRING || node->type == SHOAL_VALUE_BYTES;
}

char *
shoal_value_node_text(const struct shoal_allocator *mem, struct shoal_value *node,
        enum shoal_value_type type, size_t len)
{
	char *text = node->is.small;

	*node = (struct shoal_value){.type = SHOAL_VALUE_NULL};
	if (len > SHOAL_VALUE_SMALL) {
		text = len < UINT32_MAX ? shoal_alloc(mem, len + 1) : NULL;
		if (text == NULL) {
			return NULL;
		}
		node->is.text = text;
	}
	node->type = (uint8_t)type;
	node->len = (uint32_t)len;
	text[len] = 0;
	return text;
}

const char *
shoal_value_node_data(const struct shoal_value *node)
{
	return node->len > SHOAL_VALUE_SMALL ? node->is.text : node->is.small;
}

/* Items or pairs that the block has room for. */
static size_t
room_of(const struct shoal_value *node)
{
	return node->room == SHOAL_VALUE_EXACT ? node->len : (size_t)1 << node->room;
}

/* A pair and its place in the order. */
static size_t
size_of_one(const struct shoal_value *node)
{
	return node->type == SHOAL_VALUE_MAP ? sizeof *node->is.pair + sizeof(uint32_t)
	                                     : sizeof *node->is.item;
}

static void *
block_of(const struct shoal_value *node)
{
	return node->type == SHOAL_VALUE_MAP ? (void *)node->is.pair : (void *)node->is.item;
}

static void
set_block(struct shoal_value *node, void *block)
{
	if (node->type == SHOAL_VALUE_MAP) {
		node->is.pair = block;
	} else {
		node->is.item = block;
	}
}

const uint32_t *
shoal_value_node_order(const struct shoal_value *node)
{
	return (const uint32_t *)(const void *)(node->is.pair + room_of(node));
}

static uint32_t *
order_of(struct shoal_value *node)
{
	return (uint32_t *)(void *)(node->is.pair + room_of(node));
}

/* Makes the block larger or smaller; the order of a map moves with its end. */
static int
resize(const struct shoal_allocator *mem, struct shoal_value *node, size_t room, uint8_t log2)
{
	size_t was = room_of(node);
	void *block = block_of(node);

	if (node->type == SHOAL_VALUE_MAP && room < was) {
		memmove(node->is.pair + room, node->is.pair + was, node->len * sizeof(uint32_t));
	}
	block = shoal_alloc_resize(mem, block, room, size_of_one(node));
	if (block == NULL) {
		/* Smaller is a wish, larger is not. */
		if (room < was && node->type == SHOAL_VALUE_MAP) {
			memmove(node->is.pair + was, node->is.pair + room,
			        node->len * sizeof(uint32_t));
		}
		return SHOAL_ERR_NOMEM;
	}
	set_block(node, block);
	if (node->type == SHOAL_VALUE_MAP && room > was && node->len > 0) {
		memmove(node->is.pair + room, node->is.pair + was, node->len * sizeof(uint32_t));
	}
	node->room = log2;
	return SHOAL_OK;
}

int
shoal_value_node_begin(const struct shoal_allocator *mem, struct shoal_value *node,
        enum shoal_value_type type, size_t count)
{
	void *block;

	*node = (struct shoal_value){.type = (uint8_t)type, .height = 1, .room = SHOAL_VALUE_EXACT};
	if (count == 0) {
		return SHOAL_OK;
	}
	block = count <= ITEMS_MAX ? shoal_alloc_zeroed(mem, count, size_of_one(node)) : NULL;
	if (block == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	set_block(node, block);
	node->len = (uint32_t)count;
	return SHOAL_OK;
}

void
shoal_value_node_place(struct shoal_value *node, size_t i, const struct shoal_value *key,
        const struct shoal_value *value)
{
	if (node->type == SHOAL_VALUE_MAP) {
		node->is.pair[i] = (struct shoal_value_pair){*key, *value};
	} else {
		node->is.item[i] = *value;
	}
	if (value->height >= node->height) {
		node->height = (uint8_t)(value->height + 1);
	}
}

int
shoal_value_node_append(const struct shoal_allocator *mem, struct shoal_value *node,
        const struct shoal_value *key, const struct shoal_value *value)
{
	uint8_t log2 = ROOM_LOG2;
	int rc;

	if (node->len == ITEMS_MAX) {
		return SHOAL_ERR_TOO_BIG;
	}
	if (node->len == room_of(node)) {
		while ((size_t)1 << log2 <= node->len) {
			log2++;
		}
		rc = resize(mem, node, (size_t)1 << log2, log2);
		if (rc != SHOAL_OK) {
			return rc;
		}
	}
	shoal_value_node_place(node, node->len++, key, value);
	return SHOAL_OK;
}

static int
compare_keys(const struct shoal_value *a, const char *text, uint32_t len)
{
	if (a->len != len) {
		return a->len < len ? -1 : 1;
	}
	return memcmp(shoal_value_node_data(a), text, len);
}

static int
compare_pairs(const struct shoal_value *map, uint32_t a, uint32_t b)
{
	const struct shoal_value *key = &map->is.pair[b].key;

	return compare_keys(&map->is.pair[a].key, shoal_value_node_data(key), key->len);
}

/* Lets the number at the root of a heap (the greatest pair on top) sink to its place. */
static void
sink(const struct shoal_value *map, uint32_t *order, size_t at, size_t len)
{
	uint32_t pair = order[at];

	for (size_t child; (child = 2 * at + 1) < len; at = child) {
		if (child + 1 < len && compare_pairs(map, order[child], order[child + 1]) < 0) {
			child++;
		}
		if (compare_pairs(map, pair, order[child]) >= 0) {
			break;
		}
		order[at] = order[child];
	}
	order[at] = pair;
}

static void
sort(struct shoal_value *map)
{
	uint32_t *order = order_of(map);

	for (uint32_t i = 0; i < map->len; i++) {
		order[i] = i;
	}
	for (size_t i = map->len / 2; i-- > 0;) {
		sink(map, order, i, map->len);
	}
	for (size_t len = map->len; len-- > 1;) {
		uint32_t greatest = order[0];
		order[0] = order[len];
		order[len] = greatest;
		sink(map, order, 0, len);
	}
}

int
shoal_value_node_end(const struct shoal_allocator *mem, struct shoal_value *node)
{
	const uint32_t *order;

	if (node->len > 0 && node->room != SHOAL_VALUE_EXACT) {
		(void)resize(mem, node, node->len, SHOAL_VALUE_EXACT);
	}
	if (node->type != SHOAL_VALUE_MAP || node->len == 0) {
		return SHOAL_OK;
	}
	sort(node);
	order = shoal_value_node_order(node);
	for (uint32_t i = 1; i < node->len; i++) {
		if (compare_pairs(node, order[i - 1], order[i]) == 0) {
			return SHOAL_ERR_MALFORMED;
		}
	}
	return SHOAL_OK;
}

void
shoal_value_node_clear(const struct shoal_allocator *mem, struct shoal_value *node)
{
	if (node->type == SHOAL_VALUE_ARRAY) {
		for (size_t i = 0; i < node->len; i++) {
			shoal_value_node_clear(mem, &node->is.item[i]);
		}
		shoal_alloc_free(mem, node->is.item);
	} else if (node->type == SHOAL_VALUE_MAP) {
		for (size_t i = 0; i < node->len; i++) {
			shoal_value_node_clear(mem, &node->is.pair[i].key);
			shoal_value_node_clear(mem, &node->is.pair[i].value);
		}
		shoal_alloc_free(mem, node->is.pair);
	} else if (is_text(node) && node->len > SHOAL_VALUE_SMALL) {
		shoal_alloc_free(mem, node->is.text);
	}
	*node = (struct shoal_value){.type = SHOAL_VALUE_NULL};
}

void
shoal_value_free(struct shoal_value *value)
{
	struct shoal_allocator mem;

	if (value != NULL) {
		mem = *allocator_of(value);
		shoal_value_node_clear(&mem, value);
		shoal_alloc_free(&mem, value);
	}
}

static bool
same_allocator(const struct shoal_allocator *a, const struct shoal_allocator *b)
{
	return a->malloc == b->malloc && a->realloc == b->realloc && a->free == b->free &&
	       a->arg == b->arg;
}

/* Whether value may become part of a container of that type. */
static int
check_take(struct shoal_value *container, struct shoal_value *value, enum shoal_value_type type)
{
	if (container == NULL || value == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	if (container->type != (uint8_t)type) {
		return SHOAL_ERR_TYPE;
	}
	if (container == value || !same_allocator(allocator_of(container), allocator_of(value))) {
		return SHOAL_ERR_INVALID;
	}
	return value->height < SHOAL_DEPTH_MAX ? SHOAL_OK : SHOAL_ERR_TOO_BIG;
}

/* The node has moved to a container, or it has not. */
static int
end_take(struct shoal_value *container, struct shoal_value *value, int rc)
{
	if (rc == SHOAL_OK) {
		shoal_alloc_free(allocator_of(container), value);
	} else if (value != container) {
		shoal_value_free(value);
	}
	return rc;
}

int
shoal_value_add(struct shoal_value *array, struct shoal_value *value)
{
	int rc = check_take(array, value, SHOAL_VALUE_ARRAY);

	if (rc == SHOAL_OK) {
		rc = shoal_value_node_append(allocator_of(array), array, NULL, value);
	}
	return end_take(array, value, rc);
}

/* The place of a key in the order, or where it would go. */
static uint32_t
search(const struct shoal_value *map, const char *key, uint32_t len, bool *found)
{
	const uint32_t *order = shoal_value_node_order(map);
	uint32_t low = 0, high = map->len;

	*found = false;
	while (low < high && !*found) {
		uint32_t middle = low + (high - low) / 2;
		int order_of_keys = compare_keys(&map->is.pair[order[middle]].key, key, len);

		if (order_of_keys < 0) {
			low = middle + 1;
		} else if (order_of_keys > 0) {
			high = middle;
		} else {
			*found = true;
			low = middle;
		}
	}
	return low;
}

/* A key that is not there yet goes to its place in the order. */
static int
insert(const struct shoal_allocator *mem, struct shoal_value *map, uint32_t place, const char *key,
        size_t len, const struct shoal_value *value)
{
	struct shoal_value node = {.type = SHOAL_VALUE_NULL};
	char *text = shoal_value_node_text(mem, &node, SHOAL_VALUE_STRING, len);
	uint32_t *order;
	int rc;

	if (text == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	memcpy(text, key, len);
	rc = shoal_value_node_append(mem, map, &node, value);
	if (rc != SHOAL_OK) {
		shoal_value_node_clear(mem, &node);
		return rc;
	}
	order = order_of(map);
	memmove(order + place + 1, order + place, (map->len - 1 - place) * sizeof *order);
	order[place] = map->len - 1;
	return SHOAL_OK;
}

int
shoal_value_put(struct shoal_value *map, const char *key, struct shoal_value *value)
{
	int rc = check_take(map, value, SHOAL_VALUE_MAP);
	size_t len = strlen(key);
	bool found = false;
	uint32_t place = 0;

	if (rc == SHOAL_OK && len >= UINT32_MAX) {
		rc = SHOAL_ERR_TOO_BIG;
	}
	if (rc != SHOAL_OK) {
		return end_take(map, value, rc);
	}
	if (map->len > 0) {
		place = search(map, key, (uint32_t)len, &found);
	}
	if (found) {
		struct shoal_value_pair *pair = &map->is.pair[order_of(map)[place]];
		shoal_value_node_clear(allocator_of(map), &pair->value);
		pair->value = *value;
		map->height =
		        value->height >= map->height ? (uint8_t)(value->height + 1) : map->height;
	} else {
		rc = insert(allocator_of(map), map, place, key, len, value);
	}
	return end_take(map, value, rc);
}

const struct shoal_value *
shoal_value_find(const struct shoal_value *map, const char *key)
{
	size_t len = strlen(key);
	bool found;
	uint32_t place;

	if (map == NULL || map->type != SHOAL_VALUE_MAP || map->len == 0 || len >= UINT32_MAX) {
		return NULL;
	}
	place = search(map, key, (uint32_t)len, &found);
	return found ? &map->is.pair[shoal_value_node_order(map)[place]].value : NULL;
}
