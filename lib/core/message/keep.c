/* SPDX-License-Identifier: MIT */
/* What this member says itself and what others say are kept apart, each up to casts_max and
 * cast_bytes: so nobody else makes it lose what it promised to repair. Of its own none goes that is
 * on its way or so young that some may miss it still; the next one waits instead.
 *
 * Those of others share what there is. Their origins are sorted into a few shares by a keyed hash,
 * as in stochastic fair queueing (McKenney 1990), and the largest share loses its oldest: who says
 * much pushes out what it said itself. All is O(1), but for one of this member's that is larger
 * than many that it takes the place of. */
#include "core/message/keep.h"

#include "base/hash.h"
#include "core/message/limit.h"
#include "core/node.h"

/* Digests after which all that are not cut off were told of another sum. */
#define DIGESTS 2

/* A place among those that are kept weighs as much as these bytes. */
#define PLACE 4096

void
shoal_keep_init(struct shoal_core *core)
{
	struct shoal_keep *keep = &core->keep;

	shoal_list_init(&keep->own);
	shoal_list_init(&keep->others);
	for (size_t i = 0; i < SHOAL_KEEP_SHARES; i++) {
		shoal_list_init(&keep->share[i].casts);
	}
}

static struct shoal_keep_share *
share_of(struct shoal_core *core, const struct shoal_cast *cast)
{
	uint64_t hash = shoal_hash_sip(core->members.by_id.key, &cast->key.id, sizeof cast->key.id);

	return &core->keep.share[hash % SHOAL_KEEP_SHARES];
}

static uint64_t
load_of(const struct shoal_cast *cast)
{
	return shoal_cast_cost(cast) + PLACE;
}

static bool
is_fresh(const struct shoal_core *core, const struct shoal_cast *cast)
{
	uint64_t span = DIGESTS * shoal_ms(core->profile.digest_interval_ms);
	uint64_t most = shoal_limit_keep(core, cast);

	return core->now - cast->born < (span < most ? span : most);
}

static bool
is_full(const struct shoal_core *core, uint32_t count, uint64_t bytes, uint64_t cost)
{
	return count > 0 &&
	       (count >= core->profile.casts_max || bytes + cost > core->profile.cast_bytes);
}

bool
shoal_keep_has_room(const struct shoal_core *core, uint64_t cost)
{
	const struct shoal_keep *keep = &core->keep;
	uint32_t count = keep->own_count;
	uint64_t bytes = keep->own_bytes;

	SHOAL_LIST_FOREACH (node, &keep->own) {
		const struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, kept);
		if (!is_full(core, count, bytes, cost)) {
			return true;
		}
		if (cast->counted || is_fresh(core, cast)) {
			return false;
		}
		count--;
		bytes -= shoal_cast_cost(cast);
	}
	return true;
}

bool
shoal_keep_is_fresh(const struct shoal_core *core)
{
	const struct shoal_list *own = &core->keep.own;

	return !shoal_list_empty(own) &&
	       is_fresh(core, SHOAL_LIST_ITEM(own->prev, struct shoal_cast, kept));
}

/* Half of the room was taken by what is not twice as old as what goes at the earliest. */
static bool
is_pressed(const struct shoal_core *core, const struct shoal_list *list, uint32_t count,
        uint64_t bytes)
{
	uint64_t span = 2 * DIGESTS * shoal_ms(core->profile.digest_interval_ms);

	return is_full(core, 2 * count, 2 * bytes, 0) &&
	       core->now - SHOAL_LIST_ITEM(list->next, struct shoal_cast, kept)->born < span;
}

bool
shoal_keep_is_pressed(const struct shoal_core *core)
{
	const struct shoal_keep *keep = &core->keep;

	return is_pressed(core, &keep->own, keep->own_count, keep->own_bytes) ||
	       is_pressed(core, &keep->others, keep->others_count, keep->others_bytes);
}

static void
evict(struct shoal_core *core, struct shoal_list *link, bool own)
{
	struct shoal_cast *cast = own ? SHOAL_LIST_ITEM(link, struct shoal_cast, kept)
	                              : SHOAL_LIST_ITEM(link, struct shoal_cast, share);

	shoal_count(core, SHOAL_COUNTER_CASTS_EVICTED);
	shoal_seen_gone(core, &cast->key);
	shoal_keep_remove(core, cast);
	shoal_cast_free(core, cast);
}

static struct shoal_keep_share *
largest(struct shoal_keep *keep)
{
	struct shoal_keep_share *found = &keep->share[0];

	for (size_t i = 1; i < SHOAL_KEEP_SHARES; i++) {
		if (keep->share[i].load > found->load) {
			found = &keep->share[i];
		}
	}
	return found;
}

void
shoal_keep_add(struct shoal_core *core, struct shoal_cast *cast)
{
	struct shoal_keep *keep = &core->keep;
	uint64_t cost = shoal_cast_cost(cast);

	keep->sum ^= shoal_cast_sum(&cast->key);
	if (cast->own) {
		while (is_full(core, keep->own_count, keep->own_bytes, cost)) {
			evict(core, shoal_list_first(&keep->own), true);
		}
		shoal_list_push_back(&keep->own, &cast->kept);
		keep->own_count++;
		keep->own_bytes += cost;
		return;
	}
	while (is_full(core, keep->others_count, keep->others_bytes, cost)) {
		evict(core, shoal_list_first(&largest(keep)->casts), false);
	}
	struct shoal_keep_share *share = share_of(core, cast);
	shoal_list_push_back(&share->casts, &cast->share);
	share->load += load_of(cast);
	shoal_list_push_back(&keep->others, &cast->kept);
	keep->others_count++;
	keep->others_bytes += cost;
}

void
shoal_keep_remove(struct shoal_core *core, struct shoal_cast *cast)
{
	struct shoal_keep *keep = &core->keep;
	uint64_t cost = shoal_cast_cost(cast);

	if (!shoal_list_linked(&cast->kept)) {
		return;
	}
	shoal_list_remove(&cast->kept);
	keep->sum ^= shoal_cast_sum(&cast->key);
	if (cast->own) {
		keep->own_count--;
		keep->own_bytes -= cost;
		return;
	}
	shoal_list_remove(&cast->share);
	share_of(core, cast)->load -= load_of(cast);
	keep->others_count--;
	keep->others_bytes -= cost;
}
