/* SPDX-License-Identifier: MIT */
/* Trees of values as their users see them: constructors, what is in them, copies, equality. A type
 * is never guessed: what another one holds exactly is given, anything else is SHOAL_ERR_TYPE. */
#include "wire/value.h"

#include <string.h>

#include "base/alloc.h"

static struct shoal_value *
make(const struct shoal_allocator *allocator, struct shoal_value node)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(allocator);

	return shoal_value_root_new(&mem, node);
}

struct shoal_value *
shoal_value_null(const struct shoal_allocator *allocator)
{
	return make(allocator, (struct shoal_value){.type = SHOAL_VALUE_NULL});
}

struct shoal_value *
shoal_value_bool(const struct shoal_allocator *allocator, bool value)
{
	return make(allocator,
	        (struct shoal_value){.type = SHOAL_VALUE_BOOL, .is = {.boolean = value}});
}

struct shoal_value *
shoal_value_int64(const struct shoal_allocator *allocator, int64_t value)
{
	return make(
	        allocator, (struct shoal_value){.type = SHOAL_VALUE_INT64, .is = {.int64 = value}});
}

struct shoal_value *
shoal_value_uint64(const struct shoal_allocator *allocator, uint64_t value)
{
	if (value <= INT64_MAX) {
		return shoal_value_int64(allocator, (int64_t)value);
	}
	return make(allocator,
	        (struct shoal_value){.type = SHOAL_VALUE_UINT64, .is = {.uint64 = value}});
}

struct shoal_value *
shoal_value_double(const struct shoal_allocator *allocator, double value)
{
	return make(allocator,
	        (struct shoal_value){.type = SHOAL_VALUE_DOUBLE, .is = {.number = value}});
}

static struct shoal_value *
make_text(const struct shoal_allocator *allocator, enum shoal_value_type type, const void *data,
        size_t len)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(allocator);
	struct shoal_value node;
	char *text = shoal_value_node_text(&mem, &node, type, len);

	if (text == NULL) {
		return NULL;
	}
	if (len > 0) {
		memcpy(text, data, len);
	}
	return shoal_value_root_new(&mem, node);
}

struct shoal_value *
shoal_value_string(const struct shoal_allocator *allocator, const char *text, size_t len)
{
	return make_text(allocator, SHOAL_VALUE_STRING, text, len);
}

struct shoal_value *
shoal_value_text(const struct shoal_allocator *allocator, const char *text)
{
	return make_text(allocator, SHOAL_VALUE_STRING, text, strlen(text));
}

struct shoal_value *
shoal_value_bytes(const struct shoal_allocator *allocator, const void *data, size_t len)
{
	return make_text(allocator, SHOAL_VALUE_BYTES, data, len);
}

static struct shoal_value *
make_container(const struct shoal_allocator *allocator, enum shoal_value_type type)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(allocator);
	struct shoal_value node;

	(void)shoal_value_node_begin(&mem, &node, type, 0);
	return shoal_value_root_new(&mem, node);
}

struct shoal_value *
shoal_value_array(const struct shoal_allocator *allocator)
{
	return make_container(allocator, SHOAL_VALUE_ARRAY);
}

struct shoal_value *
shoal_value_map(const struct shoal_allocator *allocator)
{
	return make_container(allocator, SHOAL_VALUE_MAP);
}

enum shoal_value_type
shoal_value_type(const struct shoal_value *value)
{
	return value != NULL ? (enum shoal_value_type)value->type : SHOAL_VALUE_NULL;
}

const char *
shoal_value_type_name(enum shoal_value_type type)
{
	static const char *const names[] = {
	        "null", "bool", "int64", "uint64", "double", "string", "bytes", "array", "map"};

	return (size_t)type < sizeof names / sizeof names[0] ? names[type] : "invalid";
}

int
shoal_value_get_bool(const struct shoal_value *value, bool *result)
{
	if (shoal_value_type(value) != SHOAL_VALUE_BOOL) {
		return SHOAL_ERR_TYPE;
	}
	*result = value->is.boolean;
	return SHOAL_OK;
}

int
shoal_value_get_int64(const struct shoal_value *value, int64_t *result)
{
	if (shoal_value_type(value) != SHOAL_VALUE_INT64) {
		return SHOAL_ERR_TYPE;
	}
	*result = value->is.int64;
	return SHOAL_OK;
}

int
shoal_value_get_uint64(const struct shoal_value *value, uint64_t *result)
{
	if (shoal_value_type(value) == SHOAL_VALUE_UINT64) {
		*result = value->is.uint64;
		return SHOAL_OK;
	}
	if (shoal_value_type(value) != SHOAL_VALUE_INT64 || value->is.int64 < 0) {
		return SHOAL_ERR_TYPE;
	}
	*result = (uint64_t)value->is.int64;
	return SHOAL_OK;
}

/* A double holds an integer exactly where the bits between its first and its last are at most 53.
 */
static bool
fits_double(uint64_t magnitude)
{
	while (magnitude != 0 && magnitude % 2 == 0) {
		magnitude /= 2;
	}
	return magnitude < UINT64_C(1) << 53;
}

int
shoal_value_get_double(const struct shoal_value *value, double *result)
{
	switch (shoal_value_type(value)) {
	case SHOAL_VALUE_DOUBLE:
		*result = value->is.number;
		return SHOAL_OK;
	case SHOAL_VALUE_INT64:
		if (!fits_double(value->is.int64 < 0 ? -(uint64_t)value->is.int64
		                                     : (uint64_t)value->is.int64)) {
			return SHOAL_ERR_TYPE;
		}
		*result = (double)value->is.int64;
		return SHOAL_OK;
	case SHOAL_VALUE_UINT64:
		if (!fits_double(value->is.uint64)) {
			return SHOAL_ERR_TYPE;
		}
		*result = (double)value->is.uint64;
		return SHOAL_OK;
	default:
		return SHOAL_ERR_TYPE;
	}
}

int
shoal_value_get_string(const struct shoal_value *value, const char **result, size_t *len)
{
	if (shoal_value_type(value) != SHOAL_VALUE_STRING) {
		return SHOAL_ERR_TYPE;
	}
	*result = shoal_value_node_data(value);
	if (len != NULL) {
		*len = value->len;
	}
	return SHOAL_OK;
}

int
shoal_value_get_bytes(const struct shoal_value *value, const uint8_t **result, size_t *len)
{
	if (shoal_value_type(value) != SHOAL_VALUE_BYTES) {
		return SHOAL_ERR_TYPE;
	}
	*result = (const uint8_t *)shoal_value_node_data(value);
	if (len != NULL) {
		*len = value->len;
	}
	return SHOAL_OK;
}

size_t
shoal_value_count(const struct shoal_value *value)
{
	enum shoal_value_type type = shoal_value_type(value);

	return type == SHOAL_VALUE_ARRAY || type == SHOAL_VALUE_MAP ? value->len : 0;
}

const struct shoal_value *
shoal_value_at(const struct shoal_value *value, size_t i)
{
	if (i >= shoal_value_count(value)) {
		return NULL;
	}
	return value->type == SHOAL_VALUE_MAP ? &value->is.pair[i].value : &value->is.item[i];
}

const char *
shoal_value_key(const struct shoal_value *map, size_t i)
{
	if (shoal_value_type(map) != SHOAL_VALUE_MAP || i >= map->len) {
		return NULL;
	}
	return shoal_value_node_data(&map->is.pair[i].key);
}

static int
copy_node(const struct shoal_allocator *mem, struct shoal_value *to, const struct shoal_value *from)
{
	struct shoal_value key = {.type = SHOAL_VALUE_NULL}, value;
	int rc;

	if (from->type == SHOAL_VALUE_STRING || from->type == SHOAL_VALUE_BYTES) {
		char *text = shoal_value_node_text(
		        mem, to, (enum shoal_value_type)from->type, from->len);
		if (text == NULL) {
			return SHOAL_ERR_NOMEM;
		}
		memcpy(text, shoal_value_node_data(from), from->len);
		return SHOAL_OK;
	}
	*to = *from;
	if (from->type != SHOAL_VALUE_ARRAY && from->type != SHOAL_VALUE_MAP) {
		return SHOAL_OK;
	}
	rc = shoal_value_node_begin(mem, to, (enum shoal_value_type)from->type, from->len);
	for (size_t i = 0; i < from->len && rc == SHOAL_OK; i++) {
		if (from->type == SHOAL_VALUE_MAP) {
			rc = copy_node(mem, &key, &from->is.pair[i].key);
		}
		if (rc == SHOAL_OK) {
			rc = copy_node(mem, &value, shoal_value_at(from, i));
		}
		if (rc == SHOAL_OK) {
			shoal_value_node_place(to, i, &key, &value);
			key = (struct shoal_value){.type = SHOAL_VALUE_NULL};
		}
	}
	if (rc == SHOAL_OK) {
		return shoal_value_node_end(mem, to);
	}
	shoal_value_node_clear(mem, &key);
	shoal_value_node_clear(mem, to);
	return rc;
}

int
shoal_value_copy(struct shoal_value **copy, const struct shoal_value *value,
        const struct shoal_allocator *allocator)
{
	static const struct shoal_value null = {.type = SHOAL_VALUE_NULL};
	struct shoal_allocator mem = shoal_allocator_or_libc(allocator);
	struct shoal_value node;
	int rc = copy_node(&mem, &node, value != NULL ? value : &null);

	*copy = rc == SHOAL_OK ? shoal_value_root_new(&mem, node) : NULL;
	return *copy != NULL ? SHOAL_OK : SHOAL_ERR_NOMEM;
}

static bool equal_nodes(const struct shoal_value *a, const struct shoal_value *b);

static bool
equal_texts(const struct shoal_value *a, const struct shoal_value *b)
{
	return a->len == b->len &&
	       memcmp(shoal_value_node_data(a), shoal_value_node_data(b), a->len) == 0;
}

static bool
equal_maps(const struct shoal_value *a, const struct shoal_value *b)
{
	const uint32_t *in_a, *in_b;

	if (a->len == 0) {
		return true;
	}
	in_a = shoal_value_node_order(a);
	in_b = shoal_value_node_order(b);
	for (size_t i = 0; i < a->len; i++) {
		const struct shoal_value_pair *x = &a->is.pair[in_a[i]], *y = &b->is.pair[in_b[i]];

		if (!equal_texts(&x->key, &y->key) || !equal_nodes(&x->value, &y->value)) {
			return false;
		}
	}
	return true;
}

static uint64_t
bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	return bits;
}

static bool
equal_nodes(const struct shoal_value *a, const struct shoal_value *b)
{
	if (a->type != b->type || a->len != b->len) {
		return false;
	}
	switch ((enum shoal_value_type)a->type) {
	case SHOAL_VALUE_NULL:
		return true;
	case SHOAL_VALUE_BOOL:
		return a->is.boolean == b->is.boolean;
	case SHOAL_VALUE_INT64:
		return a->is.int64 == b->is.int64;
	case SHOAL_VALUE_UINT64:
		return a->is.uint64 == b->is.uint64;
	case SHOAL_VALUE_DOUBLE:
		return bits_of(a->is.number) == bits_of(b->is.number);
	case SHOAL_VALUE_STRING:
	case SHOAL_VALUE_BYTES:
		return equal_texts(a, b);
	case SHOAL_VALUE_MAP:
		return equal_maps(a, b);
	case SHOAL_VALUE_ARRAY:
		break;
	}
	for (size_t i = 0; i < a->len; i++) {
		if (!equal_nodes(&a->is.item[i], &b->is.item[i])) {
			return false;
		}
	}
	return true;
}

bool
shoal_value_equal(const struct shoal_value *a, const struct shoal_value *b)
{
	static const struct shoal_value null = {.type = SHOAL_VALUE_NULL};

	return equal_nodes(a != NULL ? a : &null, b != NULL ? b : &null);
}
