/* SPDX-License-Identifier: MIT */
/* All members have a place by a hash of their ids (tree.h), and are as far from the origin as the
 * exclusive or of both places says. Who is `depth` steps from it has below itself all whose
 * distance begins with the same 2 * depth bits as its own and is greater: the origin everybody. It
 * cuts that into SHOAL_BRANCHES parts, by the next two bits, and hands each to the nearest member
 * in it that it can reach. So the depth, which the broadcast tells as its hops, says which part is
 * a member's own. Where all hold the same members each is reached exactly once; where they do not,
 * or a packet is lost, or one of them cannot be dialled, some are missed or hear it twice, and the
 * bursts of spread.c tell those that were missed.
 *
 * Cost: O(log n) sums of the digest tree a broadcast, each O(log n); and a look at those that are
 * skipped since they cannot be dialled, O(n) where few can. */
#include "core/message/branch.h"

#include "base/hash.h"
#include "core/node.h"

#define BITS      2 /* of the distance, a step: log2 of SHOAL_BRANCHES */
#define DEPTH_MAX 30
/* So few are looked at one by one. */
#define FEW 8

void
shoal_branch_init(struct shoal_core *core)
{
	shoal_list_init(&core->branches.casts);
}

struct search {
	struct shoal_core *core;
	uint64_t base, above; /* the place of the origin; it is further than this from there */
	uint64_t distance;    /* of what was found */
	uint32_t slot;
};

static uint64_t
place_of(const struct shoal_core *core, const struct shoal_id *id)
{
	return shoal_hash_sip(core->tree.key, id, sizeof *id);
}

/* Whether it lives and can be told something from here: it has a kind of address in common with
 * this member, and one that nobody can dial holds a link to it. */
static bool
is_reached(const struct shoal_core *core, uint32_t slot, const struct shoal_record *record)
{
	bool lives = record->state == SHOAL_STATE_ALIVE || record->state == SHOAL_STATE_SUSPECT;

	return lives && !shoal_kind_parts(core, record) &&
	       (!shoal_members_inbound(record) || shoal_inbound_link(core, slot) != 0);
}

static bool
on_member(void *arg, uint32_t slot)
{
	struct search *search = arg;
	const struct shoal_record *record = shoal_members_at(search->core, slot);
	uint64_t distance = place_of(search->core, &record->info->id) ^ search->base;

	if (distance > search->above &&
	        (search->slot == SHOAL_NONE || distance < search->distance) &&
	        is_reached(search->core, slot, record)) {
		search->slot = slot;
		search->distance = distance;
	}
	return true;
}

/* The nearest of the range that is reached: in its nearer half, or else in the other one. */
static void
find_nearest(struct search *search, struct shoal_tree_range range)
{
	uint64_t most = (range.prefix ^ search->base) | (UINT64_MAX >> range.bits);
	struct shoal_tree_total total = shoal_tree_total(search->core, range);

	if (most <= search->above || total.living == 0) {
		return;
	}
	if (total.told <= FEW || range.bits == 63) {
		(void)shoal_tree_each(search->core, range, on_member, search);
		return;
	}
	uint64_t bit = UINT64_C(1) << (63 - range.bits);
	struct shoal_tree_range half = {range.prefix | (search->base & bit), range.bits + 1};
	find_nearest(search, half);
	if (search->slot == SHOAL_NONE) {
		half.prefix ^= bit;
		find_nearest(search, half);
	}
}

uint32_t
shoal_branch_find(struct shoal_core *core, const struct shoal_id *origin, uint32_t slot,
        uint32_t depth, uint32_t found[SHOAL_BRANCHES])
{
	uint64_t base = place_of(core, origin);
	uint64_t mine = place_of(core, &shoal_members_at(core, slot)->info->id) ^ base;
	uint32_t n = 0;

	if (depth > DEPTH_MAX) {
		return 0;
	}
	unsigned bits = BITS * (depth + 1);
	uint64_t size = UINT64_C(1) << (64 - bits);
	uint64_t arc = depth == 0 ? 0 : mine & ~(size * SHOAL_BRANCHES - 1);
	for (uint64_t i = 0; i < SHOAL_BRANCHES; i++) {
		struct search search = {core, base, mine, 0, SHOAL_NONE};
		struct shoal_tree_range part = {(arc + i * size) ^ (base & ~(size - 1)), bits};
		find_nearest(&search, part);
		if (search.slot != SHOAL_NONE) {
			found[n++] = search.slot;
		}
	}
	return n;
}

static bool
is_queued(const struct shoal_branches *branches, uint32_t slot)
{
	for (uint32_t i = 0; i < branches->count; i++) {
		if (branches->slot[i] == slot) {
			return true;
		}
	}
	return false;
}

/* One packet takes all that waits for the member. false: there is none. */
static bool
queue(struct shoal_core *core, uint32_t slot)
{
	struct shoal_branches *branches = &core->branches;

	if (is_queued(branches, slot)) {
		return true;
	}
	if (branches->count == SHOAL_BRANCH_PACKETS ||
	        !shoal_spread_tell(core, slot, SHOAL_FILL_BRANCH)) {
		return false;
	}
	branches->slot[branches->count++] = slot;
	return true;
}

void
shoal_branch_begin(struct shoal_core *core, struct shoal_cast *cast)
{
	uint32_t found[SHOAL_BRANCHES];
	uint32_t n = shoal_branch_find(core, &cast->key.id, SHOAL_SELF, cast->hops, found);

	for (uint32_t i = 0; i < n; i++) {
		if (found[i] != cast->from && queue(core, found[i])) {
			cast->branch[cast->branches++] = found[i];
		}
	}
	if (cast->branches > 0) {
		shoal_list_push_back(&core->branches.casts, &cast->down);
	}
}

bool
shoal_branch_waits(const struct shoal_cast *cast, uint32_t slot)
{
	for (uint32_t i = 0; i < cast->branches; i++) {
		if (cast->branch[i] == slot) {
			return true;
		}
	}
	return false;
}

void
shoal_branch_told(struct shoal_cast *cast, uint32_t slot)
{
	uint8_t kept = 0;

	for (uint32_t i = 0; i < cast->branches; i++) {
		if (cast->branch[i] != slot) {
			cast->branch[kept++] = cast->branch[i];
		}
	}
	cast->branches = kept;
	if (kept == 0) {
		shoal_list_remove(&cast->down);
	}
}

void
shoal_branch_end(struct shoal_cast *cast)
{
	cast->branches = 0;
	shoal_list_remove(&cast->down);
}

static void
forget(struct shoal_core *core, uint32_t slot)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &core->branches.casts) {
		shoal_branch_told(SHOAL_LIST_ITEM(node, struct shoal_cast, down), slot);
	}
}

static bool
is_waited_for(const struct shoal_core *core, uint32_t slot)
{
	SHOAL_LIST_FOREACH (node, &core->branches.casts) {
		if (shoal_branch_waits(SHOAL_LIST_ITEM(node, struct shoal_cast, down), slot)) {
			return true;
		}
	}
	return false;
}

void
shoal_branch_sent(struct shoal_core *core, uint32_t slot, bool made)
{
	struct shoal_branches *branches = &core->branches;

	for (uint32_t i = 0; i < branches->count; i++) {
		if (branches->slot[i] == slot) {
			branches->slot[i] = branches->slot[--branches->count];
			break;
		}
	}
	if (is_waited_for(core, slot) && !(made && queue(core, slot))) {
		forget(core, slot);
	}
}
