/* SPDX-License-Identifier: MIT */
/* Each broadcast is sent by each member that hears it three times for each decimal digit of the
 * number of members, six times at the least: three quarters as often as memberlist sends one, so
 * that it costs about as many bytes, the longer head included, and is lost about as seldom. It goes
 * at once to those below it in a tree (branch.h), so that it comes to all before it comes to
 * anybody twice; then until three quarters are spent in bursts, every few milliseconds, the rest
 * with periodic ticks; and what is not spent fills probes, acks and gossip behind all statements.
 * Those that were sent least go first. What does not go down the tree here, since nobody else
 * passes it on, there are no bursts or too much is said, is sent as often as a statement
 * (gossip.h).
 *
 * Nor is one sent oftener than there are members that can be told and may lack it: all but its
 * origin, who told it here, those that this member has no way to, which hear it from others, and
 * those that poll, for which it waits elsewhere (shelf.h). Where there are none it does not spread
 * at all. Nobody is sent it twice, or after it told it here, before all were sent it: so in a small
 * cluster of any two one tells the other, whichever packet is lost. Where two of up to 64 members
 * share a bit of `told`, bursts tell all in turn. Who can be told is looked up with each burst.
 *
 * Bytes are counted against a budget of its own, so that no statement, probe or ack ever waits for
 * a broadcast: while it is used up, bursts and ticks are put off and nothing is lost. The queue is
 * bounded by bytes, this member's own apart from those of others.
 *
 * What fits no datagram to a member is offered to it once by its key instead (repair.h), and counts
 * in the queue until all to whom it was offered have it, or for OFFERED_NS after the last offer.
 * Who has fetched it here has it, and who offers it.
 */
#include "core/message/spread.h"

#include "core/detect/order.h"
#include "core/message/limit.h"
#include "core/message/told.h"
#include "core/node.h"

/* Broadcasts that may fail to fit, or that the addressee has, before a packet is full enough. */
#define MISSES_MAX 3
#define PASSED_MAX 64
/* Turns of members to whom one was offered before, after which it has been told to enough: slots
 * may share a bit. */
#define SKIPS_MAX 64
/* Pause while the budget is used up. */
#define LOADED_STEP SHOAL_MS(16)
/* One that was offered is held for so long, so that it can be had. */
#define OFFERED_NS SHOAL_SEC(10)
/* With this, of any two of up to 8 members one tells the other. */
#define SENDS_LEAST   6
#define SENDS_A_DIGIT 3

void
shoal_spread_init(struct shoal_core *core)
{
	core->spread.timer.kind = SHOAL_TIMER_SPREAD;
	for (size_t i = 0; i < SHOAL_NEWS_SENDS_MAX; i++) {
		shoal_list_init(&core->spread.bucket[i]);
	}
}

bool
shoal_spread_has_room(const struct shoal_core *core, bool own, uint64_t cost)
{
	const struct shoal_spread *spread = &core->spread;

	return (own ? spread->own : spread->passed) + cost <= core->profile.queue_bytes;
}

uint32_t
shoal_spread_reach(const struct shoal_core *core, const struct shoal_id *id, uint32_t from)
{
	uint32_t origin = shoal_members_find(core, id);
	uint32_t reach = core->members.ordered;

	reach -= shoal_told_is(core, origin) ? 1 : 0;
	return reach - (from != origin && shoal_told_is(core, from) ? 1 : 0);
}

static uint32_t
limit_of(const struct shoal_core *core)
{
	uint32_t limit = SENDS_LEAST;

	for (uint32_t n = shoal_members_n(core); n >= 100; n /= 10) {
		limit += SENDS_A_DIGIT;
	}
	return limit;
}

/* How often it is sent. */
static uint32_t
sends_of(const struct shoal_core *core, const struct shoal_cast *cast)
{
	uint32_t limit = cast->descends ? limit_of(core) : shoal_gossip_sends(core);
	uint32_t reach = shoal_told_lacking(core, cast);

#ifdef SHOAL_PLANT_CAST_ONCE
	limit = 1;
#endif
	return limit < reach ? limit : reach;
}

static uint32_t
burst_share(const struct shoal_core *core)
{
	uint32_t limit = limit_of(core);

	return core->profile.bursts == 0 ? 0 : limit - limit / 4;
}

static void
enqueue(struct shoal_spread *spread, struct shoal_cast *cast)
{
	shoal_list_push_back(&spread->bucket[cast->sends], &cast->spread);
	spread->used |= UINT64_C(1) << cast->sends;
}

static void
arm(struct shoal_core *core, uint64_t at)
{
	shoal_heap_arm(&core->heap, &core->spread.timer, at);
}

static void
arm_tick(struct shoal_core *core)
{
	core->spread.bursting = false;
	arm(core, core->now + shoal_jitter(core, shoal_ms(core->profile.gossip_interval_ms)));
}

/* Nanoseconds that a number of bytes take at the rate. */
static uint64_t
time_of(const struct shoal_core *core, uint64_t bytes)
{
	return bytes * SHOAL_MS(1) / core->profile.cast_rate * 1000;
}

static bool
affords(const struct shoal_core *core)
{
	return core->spread.paid <= core->now + time_of(core, core->profile.cast_burst);
}

static void
spend(struct shoal_core *core, uint64_t bytes)
{
	struct shoal_spread *spread = &core->spread;

	spread->paid = spread->paid > core->now ? spread->paid : core->now;
	spread->paid += time_of(core, bytes);
}

/* Until bursts begin: a step for each level of the tree, or they would be in its way where many
 * members share a machine. */
static uint64_t
time_of_tree(struct shoal_core *core)
{
	uint64_t step = shoal_ms(core->profile.burst_step_ms), levels = 1;

	for (uint64_t n = core->members.ordered; n > SHOAL_BRANCHES; n /= SHOAL_BRANCHES) {
		levels++;
	}
	return shoal_jitter(core, step * levels);
}

void
shoal_spread_add(struct shoal_core *core, struct shoal_cast *cast)
{
	struct shoal_spread *spread = &core->spread;

	*(cast->own ? &spread->own : &spread->passed) += shoal_cast_cost(cast);
	cast->counted = true;
	shoal_shelf_add(core, cast);
	if (!shoal_timer_armed(&spread->timer) || core->told.ordered != core->members.ordered) {
		shoal_told_look_up(core);
	}
	if (sends_of(core, cast) == 0) {
		shoal_spread_release(core, cast);
		return;
	}
	spread->count++;
	cast->told |= shoal_told_bit(core, shoal_members_find(core, &cast->key.id)) |
	              shoal_told_bit(core, cast->from);
	enqueue(spread, cast);
	if (core->profile.bursts == 0) {
		if (!shoal_timer_armed(&spread->timer)) {
			arm_tick(core);
		}
		return;
	}
	bool forwarded = (cast->flags & SHOAL_NO_FORWARD) == 0 &&
	                 !shoal_limit_ends_at(cast->hops + 1, cast->hops_max);
	if (forwarded && affords(core)) {
		cast->descends = true;
		shoal_branch_begin(core, cast);
	}
	if (!spread->bursting) {
		spread->bursting = true;
		arm(core, core->now + (forwarded ? time_of_tree(core) : 0));
	}
}

void
shoal_spread_release(struct shoal_core *core, struct shoal_cast *cast)
{
	struct shoal_spread *spread = &core->spread;

	if (!cast->counted || shoal_list_linked(&cast->spread)) {
		return;
	}
#ifdef SHOAL_PLANT_CAST_HELD
	return;
#endif
	cast->counted = false;
	cast->until = 0;
	*(cast->own ? &spread->own : &spread->passed) -= shoal_cast_cost(cast);
	shoal_cast_spent(core, cast);
}

static bool
all_had(const struct shoal_cast *cast)
{
	return (cast->offered & ~cast->had) == 0;
}

bool
shoal_spread_note(struct shoal_cast *cast, uint32_t slot)
{
	bool before = (cast->offered & shoal_told_rest(slot)) != 0;

	cast->offered |= shoal_told_rest(slot);
	return !before;
}

void
shoal_spread_had(struct shoal_core *core, struct shoal_cast *cast, uint32_t slot)
{
	cast->had |= shoal_told_rest(slot);
	if (cast->offered != 0 && all_had(cast)) {
		shoal_spread_release(core, cast);
	}
}

/* It is told no more. */
static void
end(struct shoal_core *core, struct shoal_cast *cast)
{
	core->spread.count--;
	shoal_branch_end(cast);
	shoal_list_remove(&cast->spread);
	shoal_list_remove(&cast->flying);
	if (cast->until <= core->now || all_had(cast)) {
		shoal_spread_release(core, cast);
	}
}

void
shoal_spread_heard(struct shoal_core *core, struct shoal_cast *cast, uint32_t slot)
{
	if (!shoal_list_linked(&cast->spread)) {
		return;
	}
	cast->told |= shoal_told_bit(core, slot);
	shoal_branch_told(cast, slot);
	if (shoal_told_to_all(core, cast)) {
		end(core, cast);
	}
}

void
shoal_spread_drop(struct shoal_core *core, struct shoal_cast *cast)
{
	cast->until = 0;
	shoal_shelf_remove(core, cast);
	if (shoal_list_linked(&cast->spread)) {
		end(core, cast);
	} else if (cast->counted) {
		shoal_spread_release(core, cast);
	} else {
		shoal_cast_free(core, cast);
	}
}

static bool
offer(struct shoal_core *core, struct shoal_cast *cast, uint32_t slot, struct shoal_writer *writer)
{
	if (!shoal_repair_write_offer(core, &cast->key, writer)) {
		return false;
	}
	cast->until = core->now + OFFERED_NS;
	cast->offered |= shoal_told_rest(slot);
	return true;
}

/* Whether it is not to be told to the member: that one has it, or was offered it, or was told it
 * while another one of all was not; where two share a bit, each has its turn. */
static bool
is_passed(struct shoal_cast *cast, uint32_t slot, const struct shoal_id *id, uint64_t all)
{
	bool offered = (cast->offered & shoal_told_rest(slot)) != 0;

	if (offered && cast->skips < SKIPS_MAX) {
		cast->skips++;
	}
	if (offered || cast->from == slot || shoal_id_compare(&cast->key.id, id) == 0) {
		return true;
	}
	if ((all & ~cast->told) == 0) {
		cast->told = 0;
	}
	return (cast->told & shoal_told_rest(slot)) != 0;
}

/* Also where it was offered to as many, or its time is over. */
static bool
is_spent(const struct shoal_core *core, const struct shoal_cast *cast)
{
	uint32_t sends = sends_of(core, cast);

	return cast->sends >= sends || cast->skips == SKIPS_MAX ||
	       shoal_limit_is_over(core, cast) ||
	       (uint32_t)__builtin_popcountll(cast->offered) >= sends;
}

/* false: it does not fit. */
static bool
put(struct shoal_core *core, struct shoal_cast *cast, uint32_t slot, struct shoal_writer *writer,
        bool *alone)
{
	bool written = shoal_cast_write(core, cast, writer);

	if (!written && !(*alone && offer(core, cast, slot, writer))) {
		return false;
	}
	*alone = *alone && !written;
	cast->told |= shoal_told_bit(core, slot);
	shoal_branch_told(cast, slot);
	return true;
}

/* What fits of one bucket; the sent ones wait in `sent` until the packet is done. Those that the
 * addressee has go to the end of the bucket, so that they are not in the way of others, or go for
 * good where that makes them spent. */
static void
fill_from(struct shoal_core *core, struct shoal_list *bucket, uint32_t slot,
        struct shoal_writer *writer, struct shoal_list *sent, bool *alone, unsigned *misses)
{
	const struct shoal_id *id = &shoal_members_at(core, slot)->info->id;
	const struct shoal_list *last = bucket->prev;
	uint64_t all = core->told.open;
	unsigned passed = 0;
	bool done = false;

	SHOAL_LIST_FOREACH_SAFE (node, after, bucket) {
		struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, spread);
		if (done || *misses > MISSES_MAX || passed > PASSED_MAX) {
			return;
		}
		done = node == last;
		if (is_passed(cast, slot, id, all) || shoal_limit_is_over(core, cast)) {
			passed++;
			if (is_spent(core, cast)) {
				end(core, cast);
			} else {
				shoal_list_remove(node);
				shoal_list_push_back(bucket, node);
			}
			continue;
		}
		if (!put(core, cast, slot, writer, alone)) {
			++*misses;
			continue;
		}
		shoal_list_remove(node);
		shoal_list_push_back(sent, node);
	}
}

/* Those that a packet holds, by their number of sends. Where two share a bit, what went down the
 * tree does not count: bursts tell each in turn, also those that it told. */
static void
count_sent(struct shoal_core *core, struct shoal_list *sent, bool down)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, sent) {
		struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, spread);
		if (!down || core->told.open != 0) {
			cast->sends++;
		}
		if (cast->sends >= sends_of(core, cast) || shoal_told_to_all(core, cast)) {
			end(core, cast);
		} else {
			shoal_list_remove(node);
			enqueue(&core->spread, cast);
		}
	}
}

void
shoal_spread_fill(struct shoal_core *core, uint32_t slot, struct shoal_writer *writer, bool alone)
{
	struct shoal_spread *spread = &core->spread;
	size_t before = writer->len;
	struct shoal_list sent;
	unsigned misses = 0;

	if (spread->count == 0 || !affords(core)) {
		return;
	}
	shoal_list_init(&sent);
	for (uint64_t left = spread->used; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		fill_from(core, &spread->bucket[i], slot, writer, &sent, &alone, &misses);
		if (shoal_list_empty(&spread->bucket[i])) {
			spread->used &= ~(UINT64_C(1) << i);
		}
	}
	spend(core, writer->len - before);
	count_sent(core, &sent, false);
}

void
shoal_spread_fill_reply(struct shoal_core *core, uint32_t slot, struct shoal_writer *writer)
{
	size_t before = writer->len;

	if (affords(core)) {
		shoal_shelf_fill(core, slot, writer);
		spend(core, writer->len - before);
	}
}

void
shoal_spread_fill_branch(struct shoal_core *core, uint32_t slot, struct shoal_writer *writer)
{
	size_t before = writer->len;
	struct shoal_list sent;
	unsigned misses = 0;
	bool alone = true;

	if (!affords(core)) {
		return;
	}
	shoal_list_init(&sent);
	SHOAL_LIST_FOREACH_SAFE (node, after, &core->branches.casts) {
		struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, down);
		if (misses > MISSES_MAX) {
			break;
		}
		if (!shoal_branch_waits(cast, slot) || shoal_limit_is_over(core, cast)) {
			continue;
		}
		if (!put(core, cast, slot, writer, &alone)) {
			misses++;
			continue;
		}
		shoal_list_remove(&cast->spread);
		shoal_list_push_back(&sent, &cast->spread);
	}
	spend(core, writer->len - before);
	count_sent(core, &sent, true);
}

bool
shoal_spread_tell(struct shoal_core *core, uint32_t slot, unsigned flags)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};
	struct shoal_pending *pending =
	        shoal_send_to(core, SHOAL_SEND_DATAGRAM, slot, SHOAL_FILL_CASTS | flags);

	if (pending != NULL) {
		shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
	}
	return pending != NULL;
}

static void
tell_some(struct shoal_core *core)
{
	uint32_t slots[SHOAL_FANOUT_MAX];
	uint32_t n = shoal_order_turn(core, &core->spread.turn, core->profile.gossip_fanout, slots);

	for (uint32_t i = 0; i < n; i++) {
		(void)shoal_spread_tell(core, slots[i], 0);
	}
}

/* Those that were sent as often as they are now, or that nobody lacks any more who can be told. */
static void
end_spent(struct shoal_core *core)
{
	struct shoal_spread *spread = &core->spread;

	if (!core->told.changed) {
		return;
	}
	core->told.changed = false;
	for (uint64_t left = spread->used; left != 0; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctzll(left);
		SHOAL_LIST_FOREACH_SAFE (node, after, &spread->bucket[i]) {
			struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, spread);
			if (cast->sends >= sends_of(core, cast) || shoal_told_to_all(core, cast)) {
				end(core, cast);
			}
		}
	}
}

/* Whether one was sent less often than bursts do. */
static bool
is_fresh(const struct shoal_core *core)
{
	const struct shoal_spread *spread = &core->spread;
	uint64_t below = (UINT64_C(1) << burst_share(core)) - 1;

	for (uint64_t left = spread->used & below; left != 0; left &= left - 1) {
		if (!shoal_list_empty(&spread->bucket[__builtin_ctzll(left)])) {
			return true;
		}
	}
	return false;
}

void
shoal_spread_on_timer(struct shoal_core *core)
{
	struct shoal_spread *spread = &core->spread;

	shoal_told_look_up(core);
	end_spent(core);
	bool fresh = is_fresh(core);
	spread->bursting = false;
	if (spread->count == 0) {
		return;
	}
	bool afforded = affords(core);
	if (afforded) {
		tell_some(core);
	} else {
		shoal_count(core, SHOAL_COUNTER_CASTS_DEFERRED);
	}
	if (!fresh) {
		arm_tick(core);
		return;
	}
	uint64_t step = shoal_ms(core->profile.burst_step_ms);
	if (!afforded && step < LOADED_STEP) {
		step = LOADED_STEP;
	}
	spread->bursting = true;
	arm(core, core->now + shoal_jitter(core, step));
}

void
shoal_spread_end_all(struct shoal_core *core)
{
	struct shoal_spread *spread = &core->spread;

	for (uint32_t i = 0; i < SHOAL_NEWS_SENDS_MAX; i++) {
		SHOAL_LIST_FOREACH_SAFE (node, after, &spread->bucket[i]) {
			end(core, SHOAL_LIST_ITEM(node, struct shoal_cast, spread));
		}
	}
	SHOAL_LIST_FOREACH_SAFE (node, after, &core->casts.all) {
		shoal_spread_release(core, SHOAL_LIST_ITEM(node, struct shoal_cast, all));
	}
	spread->used = 0;
	shoal_shelf_clear(core);
	shoal_heap_disarm(&core->heap, &spread->timer);
}
