/* SPDX-License-Identifier: MIT */
/* The digest tree in memory: a binary trie over the hash, its leaves the slots of up to 16 members.
 * That halves are split, and not 64 ways at once, keeps leaves 11 full on average, whatever n is:
 * 11 bytes a member. The wire compares 64 parts at a time all the same, since a sum over any range
 * of the hash can be asked for; so how the tree is cut is nobody else's business.
 *
 * Invariants: a reference is to a node, or with LEAF set to a leaf, or NONE where nobody is; at
 * depth d all members below share d bits; a marked (stale) leaf or node has only marked ancestors;
 * a node whose children are leaves with SHOAL_TREE_LEAF / 2 members or fewer does not stay. Depth
 * is at most 64, so that recursion is bounded. Insert and remove: O(log n + 16) expected; who
 * chooses ids to share their first bits makes only the way to them longer. */
#include "core/table/tree.h"

#include <string.h>

#include "base/hash.h"
#include "base/writer.h"
#include "core/node.h"
#include "core/table/grave.h"

#define NONE  UINT32_MAX
#define LEAF  (UINT32_C(1) << 31)
#define DEPTH 64

#define STATEMENT 41 /* what is hashed of one whose addresses are as ever */

struct node {
	struct shoal_tree_total total;
	uint32_t child[2];
	bool stale;
};

struct leaf {
	uint64_t sum;
	uint32_t slot[SHOAL_TREE_LEAF];
	uint8_t told, living; /* with sum: the total */
	uint8_t count;
	bool stale;
};

/* The way from the root to a leaf, or to where one is missing. */
struct way {
	uint64_t place;
	unsigned depth;
	uint32_t *at; /* the reference where the way ends  */
	uint32_t node[DEPTH];
};

void
shoal_tree_init(struct shoal_core *core)
{
	struct shoal_tree *tree = &core->tree;
	struct shoal_sha256 sha;
	uint8_t digest[32];
	uint32_t limit = core->profile.members_max;

	/* A leaf has a member; a node has two children, but for the ways that shared bits make. */
	shoal_slab_init(&tree->leaves, &core->mem, sizeof(struct leaf), limit);
	shoal_slab_init(&tree->nodes, &core->mem, sizeof(struct node), 4 * limit);
	tree->root = NONE;
	tree->stale = true;
	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, "shoal tree", 10);
	shoal_sha256_final(&sha, digest);
	for (size_t i = 0; i < 16; i++) {
		tree->key[i / 8] = tree->key[i / 8] << 8 | digest[i];
	}
}

void
shoal_tree_done(struct shoal_core *core)
{
	shoal_slab_done(&core->tree.leaves);
	shoal_slab_done(&core->tree.nodes);
}

size_t
shoal_tree_memory(const struct shoal_core *core)
{
	return shoal_slab_memory(&core->tree.leaves) + shoal_slab_memory(&core->tree.nodes);
}

static struct node *
node_at(const struct shoal_core *core, uint32_t ref)
{
	return shoal_slab_at(&core->tree.nodes, ref);
}

static struct leaf *
leaf_at(const struct shoal_core *core, uint32_t ref)
{
	return shoal_slab_at(&core->tree.leaves, ref & ~LEAF);
}

static bool
is_node(uint32_t ref)
{
	return (ref & LEAF) == 0;
}

static bool
is_leaf(uint32_t ref)
{
	return ref != NONE && !is_node(ref);
}

/* Where in the order a member stands. */
static uint64_t
place_of(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_id *id = &shoal_members_at(core, slot)->info->id;
	return shoal_hash_sip(core->tree.key, id, sizeof *id);
}

static unsigned
bit(uint64_t place, unsigned depth)
{
	return (unsigned)(place >> (63 - depth) & 1);
}

static void
find(struct shoal_core *core, uint64_t place, struct way *way)
{
	way->place = place;
	way->depth = 0;
	way->at = &core->tree.root;
	while (is_node(*way->at)) {
		way->node[way->depth] = *way->at;
		way->at = &node_at(core, *way->at)->child[bit(place, way->depth)];
		way->depth++;
	}
}

static void
mark(struct shoal_core *core, const struct way *way)
{
	core->tree.stale = true;
	for (unsigned i = 0; i < way->depth; i++) {
		node_at(core, way->node[i])->stale = true;
	}
	if (*way->at != NONE) {
		leaf_at(core, *way->at)->stale = true;
	}
}

/* The full leaf at the end of the way becomes a node with what was in it one level down. */
static int
split(struct shoal_core *core, struct way *way)
{
	struct shoal_tree *tree = &core->tree;
	uint32_t number, upper, kept = 0;

	if (way->depth == DEPTH) {
		return SHOAL_ERR_LIMIT;
	}
	struct leaf *more = shoal_slab_take(&tree->leaves, &upper);
	struct node *node = more != NULL ? shoal_slab_take(&tree->nodes, &number) : NULL;
	if (node == NULL) {
		if (more != NULL) {
			shoal_slab_give(&tree->leaves, upper);
		}
		return SHOAL_ERR_NOMEM;
	}
	struct leaf *leaf = leaf_at(core, *way->at);
	for (uint32_t i = 0; i < leaf->count; i++) {
		if (bit(place_of(core, leaf->slot[i]), way->depth) != 0) {
			more->slot[more->count++] = leaf->slot[i];
		} else {
			leaf->slot[kept++] = leaf->slot[i];
		}
	}
	leaf->count = (uint8_t)kept;
	leaf->stale = more->stale = node->stale = true;
	node->child[0] = *way->at;
	node->child[1] = upper | LEAF;
	if (leaf->count == 0) {
		shoal_slab_give(&tree->leaves, *way->at & ~LEAF);
		node->child[0] = NONE;
	} else if (more->count == 0) {
		shoal_slab_give(&tree->leaves, upper);
		node->child[1] = NONE;
	}
	*way->at = number;
	way->node[way->depth] = number;
	way->at = &node->child[bit(way->place, way->depth)];
	way->depth++;
	return SHOAL_OK;
}

int
shoal_tree_insert(struct shoal_core *core, uint32_t slot)
{
	struct way way;
	uint32_t number;
	int rc = SHOAL_OK;

	find(core, place_of(core, slot), &way);
	while (rc == SHOAL_OK && *way.at != NONE &&
	        leaf_at(core, *way.at)->count == SHOAL_TREE_LEAF) {
		rc = split(core, &way);
	}
	if (rc == SHOAL_OK && *way.at == NONE) {
		if (shoal_slab_take(&core->tree.leaves, &number) != NULL) {
			*way.at = number | LEAF;
		} else {
			rc = SHOAL_ERR_NOMEM;
		}
	}
	if (rc == SHOAL_OK) {
		struct leaf *leaf = leaf_at(core, *way.at);
		leaf->slot[leaf->count++] = slot;
	}
	mark(core, &way);
	return rc;
}

static uint32_t
members_of(const struct shoal_core *core, uint32_t ref)
{
	return ref == NONE ? 0 : leaf_at(core, ref)->count;
}

/* Joins the two leaves of a node where they are small. */
static bool
join(struct shoal_core *core, uint32_t number, uint32_t *at)
{
	struct node *node = node_at(core, number);
	uint32_t low = node->child[0], high = node->child[1];

	if ((low != NONE && is_node(low)) || (high != NONE && is_node(high)) ||
	        members_of(core, low) + members_of(core, high) > SHOAL_TREE_LEAF / 2) {
		return false;
	}
	if (is_leaf(low) && is_leaf(high)) {
		struct leaf *into = leaf_at(core, low), *from = leaf_at(core, high);
		memcpy(into->slot + into->count, from->slot, from->count * sizeof from->slot[0]);
		into->count = (uint8_t)(into->count + from->count);
		shoal_slab_give(&core->tree.leaves, high & ~LEAF);
		high = NONE;
	}
	*at = low != NONE ? low : high;
	if (*at != NONE) {
		leaf_at(core, *at)->stale = true;
	}
	shoal_slab_give(&core->tree.nodes, number);
	return true;
}

void
shoal_tree_remove(struct shoal_core *core, uint32_t slot)
{
	struct way way;
	uint32_t i = 0;

	find(core, place_of(core, slot), &way);
	SHOAL_ASSERT(*way.at != NONE);
	struct leaf *leaf = leaf_at(core, *way.at);
	while (i < leaf->count && leaf->slot[i] != slot) {
		i++;
	}
	SHOAL_ASSERT(i < leaf->count);
	mark(core, &way);
	leaf->slot[i] = leaf->slot[--leaf->count];
	if (leaf->count == 0) {
		shoal_slab_give(&core->tree.leaves, *way.at & ~LEAF);
		*way.at = NONE;
	}
	for (unsigned depth = way.depth; depth > 0; depth--) {
		uint32_t *at = depth == 1 ? &core->tree.root
		                          : &node_at(core, way.node[depth - 2])
		                                     ->child[bit(way.place, depth - 2)];
		if (!join(core, way.node[depth - 1], at)) {
			break;
		}
	}
}

void
shoal_tree_touch(struct shoal_core *core, uint32_t slot)
{
	struct way way;

#ifdef SHOAL_PLANT_TREE_UNTOUCHED
	return;
#endif
	find(core, place_of(core, slot), &way);
	mark(core, &way);
}

bool
shoal_tree_tells(const struct shoal_core *core, const struct shoal_record *record)
{
	switch ((enum shoal_state)record->state) {
	case SHOAL_STATE_UNKNOWN:
		return false;
	case SHOAL_STATE_DEAD:
	case SHOAL_STATE_LEFT:
		return (shoal_members_marks(core, record) & SHOAL_MARK_FORGOTTEN) == 0 &&
		       shoal_grave_age(core, record) < shoal_ms(core->profile.tombstone_ms) / 2;
	default:
		return true;
	}
}

static void
put_u64(uint8_t *at, uint64_t value)
{
	for (size_t i = 0; i < 8; i++) {
		at[i] = (uint8_t)(value >> (56 - 8 * i));
	}
}

/* Where it is, and since when. */
static size_t
put_addresses(uint8_t *at, const struct shoal_info *info)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, at, 8 + SHOAL_ADDRS_MAX * 18);
	shoal_writer_u64(&writer, shoal_info_moved(info));
	for (unsigned i = 0; i < info->addrs; i++) {
		struct shoal_addr addr = shoal_info_addr(info, i);
		shoal_writer_bytes(&writer, addr.ip, sizeof addr.ip);
		shoal_writer_u16(&writer, addr.port);
	}
	return writer.len;
}

uint64_t
shoal_tree_statement(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_claim claim = shoal_members_claim(record);
	uint8_t bytes[STATEMENT + 8 + SHOAL_ADDRS_MAX * 18];
	size_t len = STATEMENT;

	memcpy(bytes, &record->info->id, 16);
	put_u64(bytes + 16, claim.salt);
	put_u64(bytes + 24, claim.incarnation);
	put_u64(bytes + 32, shoal_meta_sum(core, slot));
	bytes[40] = (uint8_t)claim.state;
#ifndef SHOAL_PLANT_MOVES_UNDIGESTED
	/* Where the dead were only they could say. */
	if (record->info->moved != 0 && !shoal_state_is_gone(claim.state)) {
		len += put_addresses(bytes + len, record->info);
	}
#endif
	return shoal_hash_sip(core->tree.key, bytes, len);
}

static bool
lives(const struct shoal_core *core, uint32_t slot)
{
	uint8_t state = shoal_members_at(core, slot)->state;
	return state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT;
}

static void
count_member(const struct shoal_core *core, uint32_t slot, struct shoal_tree_total *total)
{
	if (shoal_tree_tells(core, shoal_members_at(core, slot))) {
		total->sum += shoal_tree_statement(core, slot);
		total->told++;
	}
	if (lives(core, slot)) {
		total->living++;
	}
}

/* The total below a reference; only what is marked is computed. */
static struct shoal_tree_total
refresh(struct shoal_core *core, uint32_t ref)
{
	const struct shoal_tree_total nobody = {0, 0, 0};

	if (ref == NONE) {
		return nobody;
	}
	if (is_leaf(ref)) {
		struct leaf *leaf = leaf_at(core, ref);
		if (leaf->stale) {
			struct shoal_tree_total total = nobody;
			for (uint32_t i = 0; i < leaf->count; i++) {
				count_member(core, leaf->slot[i], &total);
			}
			leaf->sum = total.sum;
			leaf->told = (uint8_t)total.told;
			leaf->living = (uint8_t)total.living;
			leaf->stale = false;
		}
		return (struct shoal_tree_total){leaf->sum, leaf->told, leaf->living};
	}
	struct node *node = node_at(core, ref);
	if (node->stale) {
		struct shoal_tree_total low = refresh(core, node->child[0]);
		struct shoal_tree_total high = refresh(core, node->child[1]);
		node->total.sum = low.sum + high.sum;
		node->total.told = low.told + high.told;
		node->total.living = low.living + high.living;
		node->stale = false;
	}
	return node->total;
}

uint64_t
shoal_tree_root(struct shoal_core *core)
{
	struct shoal_tree *tree = &core->tree;

	if (tree->stale) {
		uint64_t sum = refresh(core, tree->root).sum;
		tree->root_sum = sum != 0 ? sum : 1;
		tree->stale = false;
	}
	return tree->root_sum;
}

uint32_t
shoal_tree_mark(uint64_t root)
{
	return (uint32_t)root != 0 ? (uint32_t)root : 1;
}

static bool
is_in(const struct shoal_core *core, struct shoal_tree_range range, uint32_t slot)
{
	return range.bits == 0 || (place_of(core, slot) ^ range.prefix) >> (64 - range.bits) == 0;
}

/* The reference that holds all of a range: a node of exactly the range, or what is above it. */
static uint32_t
top_of(const struct shoal_core *core, struct shoal_tree_range range)
{
	uint32_t ref = core->tree.root;

	for (unsigned depth = 0; depth < range.bits && is_node(ref); depth++) {
		ref = node_at(core, ref)->child[bit(range.prefix, depth)];
	}
	return ref;
}

struct shoal_tree_total
shoal_tree_total(struct shoal_core *core, struct shoal_tree_range range)
{
	uint32_t ref = top_of(core, range);
	struct shoal_tree_total total = {0, 0, 0};

	if (!is_leaf(ref)) {
		return refresh(core, ref);
	}
	const struct leaf *leaf = leaf_at(core, ref);
	for (uint32_t i = 0; i < leaf->count; i++) {
		if (is_in(core, range, leaf->slot[i])) {
			count_member(core, leaf->slot[i], &total);
		}
	}
	return total;
}

struct shoal_tree_range
shoal_tree_part(struct shoal_tree_range range, unsigned part)
{
	SHOAL_ASSERT(range.bits + SHOAL_TREE_PART_BITS < 64 && part < SHOAL_TREE_PARTS);
	range.prefix |= (uint64_t)part << (64 - SHOAL_TREE_PART_BITS) >> range.bits;
	range.bits += SHOAL_TREE_PART_BITS;
	return range;
}

static bool
each(struct shoal_core *core, uint32_t ref, struct shoal_tree_range range,
        bool (*visit)(void *arg, uint32_t slot), void *arg)
{
	if (refresh(core, ref).told == 0) {
		return true;
	}
	if (is_node(ref)) {
		const struct node *node = node_at(core, ref);
		return each(core, node->child[0], range, visit, arg) &&
		       each(core, node->child[1], range, visit, arg);
	}
	const struct leaf *leaf = leaf_at(core, ref);
	for (uint32_t i = 0; i < leaf->count; i++) {
		if (is_in(core, range, leaf->slot[i]) &&
		        shoal_tree_tells(core, shoal_members_at(core, leaf->slot[i])) &&
		        !visit(arg, leaf->slot[i])) {
			return false;
		}
	}
	return true;
}

bool
shoal_tree_each(struct shoal_core *core, struct shoal_tree_range range,
        bool (*visit)(void *arg, uint32_t slot), void *arg)
{
	return each(core, top_of(core, range), range, visit, arg);
}

/* The order of members: by hash, and where two have the same by id. */
static int
compare(const struct shoal_core *core, uint32_t a, uint32_t b)
{
	uint64_t x = place_of(core, a), y = place_of(core, b);

	if (x != y) {
		return x < y ? -1 : 1;
	}
	return memcmp(&shoal_members_at(core, a)->info->id, &shoal_members_at(core, b)->info->id,
	        sizeof(struct shoal_id));
}

/* The living member of a leaf that is nearest behind (way 1) or before (way -1) another, or with
 * NONE the first or the last. */
static uint32_t
nearest(const struct shoal_core *core, const struct leaf *leaf, uint32_t from, int way)
{
	uint32_t best = NONE;

	for (uint32_t i = 0; i < leaf->count; i++) {
		uint32_t slot = leaf->slot[i];
		if (lives(core, slot) && (from == NONE || compare(core, slot, from) * way > 0) &&
		        (best == NONE || compare(core, slot, best) * way < 0)) {
			best = slot;
		}
	}
	return best;
}

/* The first (way 1) or last living member below a reference that has one. */
static uint32_t
outermost(struct shoal_core *core, uint32_t ref, int way)
{
	unsigned side = way > 0 ? 0 : 1;

	while (is_node(ref)) {
		const struct node *node = node_at(core, ref);
		bool first = refresh(core, node->child[side]).living > 0;
		ref = node->child[first ? side : 1 - side];
	}
	return nearest(core, leaf_at(core, ref), NONE, way);
}

static uint32_t
neighbour(struct shoal_core *core, uint32_t slot, int direction)
{
	unsigned side = direction > 0 ? 1 : 0;
	struct way way;

	if (refresh(core, core->tree.root).living == 0) {
		return SHOAL_NONE;
	}
	find(core, place_of(core, slot), &way);
	uint32_t best =
	        *way.at == NONE ? NONE : nearest(core, leaf_at(core, *way.at), slot, direction);
	for (unsigned depth = way.depth; depth > 0 && best == NONE; depth--) {
		uint32_t sibling = node_at(core, way.node[depth - 1])->child[side];
		if (bit(way.place, depth - 1) != side && refresh(core, sibling).living > 0) {
			best = outermost(core, sibling, direction);
		}
	}
	return best != NONE ? best : outermost(core, core->tree.root, direction);
}

uint32_t
shoal_tree_next(struct shoal_core *core, uint32_t slot)
{
	return neighbour(core, slot, 1);
}

uint32_t
shoal_tree_prev(struct shoal_core *core, uint32_t slot)
{
	return neighbour(core, slot, -1);
}
