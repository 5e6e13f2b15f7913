/* SPDX-License-Identifier: MIT */
/* Marks of roots ride on pings and acks. Who is heard with another one is noted; when gossip has
 * had an interval to settle that, the two walk down the digest, one walk an interval, whoever
 * differs. Each sync interval one random member is walked with unasked, so that also those find
 * each other whose pings go elsewhere. All O(1), but for the walk itself (walk.c). */
#include "core/sync/sync.h"

#include <string.h>

#include "core/detect/order.h"
#include "core/node.h"
#include "core/sync/exchange.h"

void
shoal_sync_arm(struct shoal_core *core)
{
	shoal_heap_arm(&core->heap, &core->sync.interval,
	        core->now + shoal_jitter(core, shoal_ms(core->profile.sync_interval_ms)));
}

/* Never sooner than the interval: what gossip settles by itself is not walked for, and whoever lies
 * about its root costs one walk an interval. What walks cannot settle, for want of room here or
 * there, is tried less and less often. */
static void
arm_digest(struct shoal_core *core)
{
	uint64_t interval = shoal_ms(core->profile.digest_interval_ms) << core->sync.futile;

	shoal_heap_arm(&core->heap, &core->sync.digest,
	        core->now + shoal_rng_between(&core->rng, interval, interval + interval / 2));
}

void
shoal_sync_retry(struct shoal_core *core)
{
	core->sync.futile = 0;
	if (shoal_timer_armed(&core->sync.digest)) {
		arm_digest(core);
	}
}

void
shoal_sync_init(struct shoal_core *core)
{
	core->sync.interval.kind = SHOAL_TIMER_SYNC;
	core->sync.digest.kind = SHOAL_TIMER_DIGEST;
	shoal_sync_arm(core);
}

/* Whether it still is the member that was noted, and takes part. */
static bool
is_current(const struct shoal_core *core, const struct shoal_differs *differs)
{
	const struct shoal_record *record = shoal_members_at(core, differs->slot);

	return record != NULL && shoal_members_counts(record) &&
	       memcmp(&record->info->id, &differs->id, sizeof differs->id) == 0;
}

static void
forget(struct shoal_sync *sync, uint32_t i)
{
	sync->differs[i] = sync->differs[--sync->count];
	if (sync->count == 0) {
		sync->turn = 0;
	}
}

static void
settle(struct shoal_core *core, uint32_t slot)
{
	struct shoal_sync *sync = &core->sync;

	for (uint32_t i = 0; i < sync->count; i++) {
		if (sync->differs[i].slot == slot) {
			forget(sync, i);
			sync->futile = 0;
			break;
		}
	}
	if (sync->count == 0) {
		shoal_heap_disarm(&core->heap, &sync->digest);
	}
}

static void
note(struct shoal_core *core, uint32_t slot, const struct shoal_record *record)
{
	struct shoal_sync *sync = &core->sync;

	for (uint32_t i = 0; i < sync->count;) {
		if (!is_current(core, &sync->differs[i])) {
			forget(sync, i);
		} else if (sync->differs[i].slot == slot) {
			return;
		} else {
			i++;
		}
	}
	if (sync->count < SHOAL_DIFFERS_MAX) {
		sync->differs[sync->count++] =
		        (struct shoal_differs){record->info->id, slot, core->now};
	}
	if (!shoal_timer_armed(&sync->digest)) {
		arm_digest(core);
	}
}

void
shoal_sync_heard(struct shoal_core *core, uint32_t slot, uint32_t mark)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record == NULL || !shoal_members_counts(record) || shoal_members_inbound(record) ||
	        core->leave.phase != SHOAL_LEAVE_NOT) {
		return;
	}
	if (mark == shoal_tree_mark(shoal_tree_root(core))) {
		settle(core, slot);
	} else {
		note(core, slot, record);
	}
}

uint64_t
shoal_core_convergence_lag(const struct shoal_core *core)
{
	uint64_t lag = 0;

	for (uint32_t i = 0; i < core->sync.count; i++) {
		const struct shoal_differs *differs = &core->sync.differs[i];
		if (is_current(core, differs) && core->now - differs->since > lag) {
			lag = core->now - differs->since;
		}
	}
	return lag;
}

void
shoal_sync_begin(struct shoal_core *core, uint32_t slot)
{
	struct shoal_addr to = shoal_members_addr(shoal_members_at(core, slot));
	uint64_t walk = shoal_rng_u64(&core->rng) | 1;

#ifdef SHOAL_PLANT_NEVER_SYNCS
	return;
#endif
	if (shoal_members_inbound(shoal_members_at(core, slot))) {
		return; /* it begins them itself */
	}
	if (core->leave.phase == SHOAL_LEAVE_NOT && shoal_exchange_step(core, slot, &to, walk, 1)) {
		shoal_count(core, SHOAL_COUNTER_SYNCS);
	}
}

void
shoal_sync_answered(struct shoal_core *core, const struct shoal_exchange *exchange, uint32_t slot,
        uint32_t mark)
{
	bool more = shoal_walk_close(core);

	if (more && exchange->step < SHOAL_WALK_STEPS_MAX && slot != SHOAL_NONE &&
	        core->leave.phase == SHOAL_LEAVE_NOT) {
		shoal_exchange_step(core, slot, &exchange->to, exchange->walk, exchange->step + 1u);
		return;
	}
	if (more) {
		shoal_walk_sent(core);
	}
	shoal_count(core, SHOAL_COUNTER_SYNCS_DONE);
	if (slot != SHOAL_NONE) {
		shoal_sync_heard(core, slot, mark);
	}
}

void
shoal_sync_on_interval(struct shoal_core *core)
{
	uint32_t slot;

	shoal_sync_arm(core);
	shoal_meta_retry(core);
	if (shoal_order_sample(core, SHOAL_NONE, 1, &slot) == 1) {
		shoal_sync_begin(core, slot);
	}
}

void
shoal_sync_on_digest(struct shoal_core *core)
{
	struct shoal_sync *sync = &core->sync;

	for (uint32_t i = 0; i < sync->count;) {
		if (is_current(core, &sync->differs[i])) {
			i++;
		} else {
			forget(sync, i);
		}
	}
	if (sync->count > 0) {
		uint64_t root = shoal_tree_root(core);
		bool futile = root == sync->walked && sync->futile < SHOAL_FUTILE_MAX;
		sync->futile = root != sync->walked ? 0 : sync->futile + futile;
		sync->walked = root;
		arm_digest(core);
		shoal_sync_begin(core, sync->differs[sync->turn++ % sync->count].slot);
	}
}

bool
shoal_sync_write_table(
        struct shoal_core *core, struct shoal_writer *writer, uint32_t start, uint32_t except)
{
	uint32_t end = core->members.records.end;

	for (uint32_t told = 0; told < end; told++) {
		uint32_t slot = (start + told) % end;
		const struct shoal_record *record = shoal_members_at(core, slot);
		if (record == NULL || !shoal_tree_tells(core, record)) {
			continue;
		}
		if ((slot != except && !shoal_gossip_write(core, slot, true, writer)) ||
		        !shoal_meta_write(core, slot, false, writer)) {
			return false;
		}
	}
	return true;
}
