/* SPDX-License-Identifier: MIT */
/* The steps of a walk. Everything that a peer can ask for here is bounded: bytes said, parts
 * compared and statements looked at for one packet; depth by the 60 bits of a range. Nothing is
 * believed but by admission: a wrong sum costs the statements of the range that it names.
 *
 * Cost of a walk over d differences among n: O(d log n) bytes and O(d (log n + SHOAL_WALK_LIST))
 * work. */
#include "core/sync/walk.h"

#include "core/node.h"
#include "core/sync/gossip.h"

#define SUM      4 /* bytes of a sum on the wire */
#define SUMS_MAX (256 / SUM)
#define KEPT     (UINT32_C(1) << 16) /* a larger buffer is given back */
#define DEEPEST  54                  /* bits of the last range that is divided */

static bool
grow(struct shoal_core *core)
{
	struct shoal_writer *out = &core->walk.out;
	size_t most = core->profile.stream_max - 1024u; /* the rest of the packet */
	size_t cap = out->cap == 0 ? 2048 : 2 * out->cap;

	most = most < SHOAL_WALK_BYTES_MAX ? most : SHOAL_WALK_BYTES_MAX;
	cap = cap < most ? cap : most;
	uint8_t *data = cap > out->cap ? shoal_alloc_resize(&core->mem, out->data, cap, 1) : NULL;
	if (data == NULL) {
		core->walk.work = 0; /* enough for this time */
		return false;
	}
	out->data = data;
	out->cap = cap;
	return true;
}

/* What most walks need is there from the start: the steady path allocates nothing. */
int
shoal_walk_init(struct shoal_core *core)
{
	shoal_writer_init(&core->walk.out, NULL, 0);
	return grow(core) ? SHOAL_OK : SHOAL_ERR_NOMEM;
}

void
shoal_walk_done(struct shoal_core *core)
{
	shoal_alloc_free(&core->mem, core->walk.out.data);
}

void
shoal_walk_open(struct shoal_core *core, uint64_t number)
{
	struct shoal_walk *walk = &core->walk;

	walk->open = true;
	walk->number = number;
	walk->work = 0; /* what is queued must not change: a host that is behind is told less */
	if (!walk->queued) {
		walk->work = SHOAL_WALK_WORK_MAX;
		shoal_writer_rewind(&walk->out, 0);
	}
}

bool
shoal_walk_close(struct shoal_core *core)
{
	struct shoal_walk *walk = &core->walk;
	bool said = walk->open && !walk->queued && walk->out.len > 0;

	walk->open = false;
	walk->queued = walk->queued || said;
	return said;
}

void
shoal_walk_sent(struct shoal_core *core)
{
	struct shoal_walk *walk = &core->walk;

	walk->queued = false;
	if (walk->out.cap > KEPT) {
		shoal_alloc_free(&core->mem, walk->out.data);
		shoal_writer_init(&walk->out, NULL, 0);
	}
}

static void
say(struct shoal_core *core, enum shoal_message_kind kind, const void *message)
{
	while (!shoal_coding_append(core, &core->walk.out, kind, message) && grow(core)) {
	}
}

/* With its metadata. A member that cannot be dialled tells its own whole: nobody could pull it. */
static bool
tell(struct shoal_core *core, uint32_t slot)
{
	bool whole = slot == SHOAL_SELF && shoal_members_inbound(shoal_members_at(core, slot));

	while (!shoal_gossip_write(core, slot, true, &core->walk.out)) {
		if (!grow(core)) {
			return false;
		}
	}
	while (!shoal_meta_write(core, slot, whole, &core->walk.out)) {
		if (!grow(core)) {
			return false;
		}
	}
	return true;
}

/* false: the packet has cost enough. */
static bool
work(struct shoal_core *core, uint32_t units)
{
	struct shoal_walk *walk = &core->walk;

	walk->work = walk->work > units ? walk->work - units : 0;
	return walk->work > 0;
}

/* Whether a message of a walk is to be heard; counted where not. */
static bool
may_hear(struct shoal_core *core)
{
	bool heard = core->walk.open && core->walk.number != 0 && core->walk.work > 0;

	if (!heard) {
		shoal_count(core, SHOAL_COUNTER_DROP_WALK);
	}
	return heard;
}

/* Murmur's finalizer: each bit of the sum and of the walk's number moves each of the result. */
static uint32_t
cut(const struct shoal_core *core, uint64_t sum)
{
	uint64_t x = sum ^ core->walk.number;

	x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
	x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (uint32_t)(x >> 32);
}

static void
put_sum(uint8_t *sums, size_t i, uint32_t sum)
{
	for (size_t byte = 0; byte < SUM; byte++) {
		sums[SUM * i + byte] = (uint8_t)(sum >> (24 - 8 * byte));
	}
}

static uint32_t
get_sum(struct shoal_span sums, size_t i)
{
	const uint8_t *at = sums.data + SUM * i;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint64_t
to_wire(struct shoal_tree_range range)
{
	return range.bits == 0 ? 0 : range.prefix >> (64 - range.bits);
}

static struct shoal_tree_range
from_wire(uint8_t bits, uint64_t prefix)
{
	return (struct shoal_tree_range){bits == 0 ? 0 : prefix << (64 - bits), bits};
}

struct list {
	struct shoal_core *core;
	uint8_t sums[SUMS_MAX * SUM];
	size_t count;
};

static bool
list_statement(void *arg, uint32_t slot)
{
	struct list *list = arg;

	if (list->count == SUMS_MAX) {
		return false;
	}
	put_sum(list->sums, list->count++, cut(list->core, shoal_tree_statement(list->core, slot)));
	return work(list->core, 1);
}

/* Says what is held in a range: its list, or where that is long the sums of its parts. */
static void
describe(struct shoal_core *core, struct shoal_tree_range range)
{
	uint8_t sums[SHOAL_TREE_PARTS * SUM];

	if (shoal_tree_total(core, range).told <= SHOAL_WALK_LIST || range.bits > DEEPEST) {
		struct list list = {.core = core};
		shoal_tree_each(core, range, list_statement, &list);
		struct shoal_msg_nodes nodes = {.bits = (uint8_t)range.bits,
		        .prefix = to_wire(range),
		        .sums = {list.sums, list.count * SUM}};
		say(core, SHOAL_MESSAGE_NODES, &nodes);
		return;
	}
	for (unsigned i = 0; i < SHOAL_TREE_PARTS; i++) {
		uint64_t sum = shoal_tree_total(core, shoal_tree_part(range, i)).sum;
		put_sum(sums, i, cut(core, sum));
	}
	work(core, SHOAL_TREE_PARTS);
	struct shoal_msg_tree tree = {
	        .bits = (uint8_t)range.bits, .prefix = to_wire(range), .sums = {sums, sizeof sums}};
	say(core, SHOAL_MESSAGE_TREE, &tree);
}

void
shoal_walk_start(struct shoal_core *core)
{
	if (may_hear(core)) {
		describe(core, (struct shoal_tree_range){0, 0});
	}
}

/* From a part on that the walk's number draws: where not everything fits, no part is always last.
 */
void
shoal_walk_on_tree(struct shoal_core *core, const struct shoal_msg_tree *tree)
{
	struct shoal_tree_range range = from_wire(tree->bits, tree->prefix);

	if (!may_hear(core)) {
		return;
	}
	work(core, SHOAL_TREE_PARTS);
	for (unsigned i = 0; i < SHOAL_TREE_PARTS && core->walk.work > 0; i++) {
		unsigned number = (unsigned)(core->walk.number + i) % SHOAL_TREE_PARTS;
		struct shoal_tree_range part = shoal_tree_part(range, number);
		if (cut(core, shoal_tree_total(core, part).sum) != get_sum(tree->sums, number)) {
			describe(core, part);
		}
	}
}

/* What of a peer's list is held here. */
struct match {
	struct shoal_core *core;
	struct shoal_span sums;
	uint64_t found; /* bit i: the i-th of the list */
	bool wanted;    /* those of the list are told, not those that are not in it */
};

static bool
match_statement(void *arg, uint32_t slot)
{
	struct match *match = arg;
	uint32_t sum = cut(match->core, shoal_tree_statement(match->core, slot));
	bool listed = false;

	for (size_t i = 0; i < match->sums.len / SUM; i++) {
		if (get_sum(match->sums, i) == sum) {
			match->found |= UINT64_C(1) << i;
			listed = true;
		}
	}
	return (listed != match->wanted || tell(match->core, slot)) && work(match->core, 1);
}

/* The list of a peer: it is told what is not in it, and asked for what is in it and not held here.
 */
void
shoal_walk_on_nodes(struct shoal_core *core, const struct shoal_msg_nodes *nodes)
{
	struct match match = {.core = core, .sums = nodes->sums};
	uint8_t sums[SUMS_MAX * SUM];
	size_t count = 0;

	if (!may_hear(core)) {
		return;
	}
#ifdef SHOAL_PLANT_LIST_UNWALKED
	return;
#endif
	if (!shoal_tree_each(
	            core, from_wire(nodes->bits, nodes->prefix), match_statement, &match)) {
		return; /* what was not looked at would be asked for in vain */
	}
	for (size_t i = 0; i < nodes->sums.len / SUM; i++) {
		if ((match.found >> i & 1) == 0) {
			put_sum(sums, count++, get_sum(nodes->sums, i));
		}
	}
	if (count > 0) {
		struct shoal_msg_want want = {
		        .bits = nodes->bits, .prefix = nodes->prefix, .sums = {sums, count * SUM}};
		say(core, SHOAL_MESSAGE_WANT, &want);
	}
}

void
shoal_walk_on_want(struct shoal_core *core, const struct shoal_msg_want *want)
{
	struct match match = {.core = core, .sums = want->sums, .wanted = true};

	if (may_hear(core)) {
		shoal_tree_each(core, from_wire(want->bits, want->prefix), match_statement, &match);
	}
}

void
shoal_walk_tell_old(struct shoal_core *core, uint32_t slot)
{
	if (core->walk.open && core->walk.work > 0 &&
	        !shoal_tree_tells(core, shoal_members_at(core, slot))) {
		tell(core, slot);
	}
}
