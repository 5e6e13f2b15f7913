/* SPDX-License-Identifier: MIT */
/* Dissemination. News is sorted by class and by how often it was sent, least first (SWIM 4.1), in
 * buckets, so that filling a packet looks only at what goes into it and at a few that do not fit.
 *
 * A statement is sent at most min(n - 1, ceil(ln n) + 10) times. Three quarters of that go in
 * bursts: at once to a few members, then every few milliseconds, so that news is everywhere in tens
 * of milliseconds; the rest goes with the periodic ticks and on probes and acks. A byte budget
 * slows bursts and ticks in a storm and loses nothing, and a credit of packets slows bursts where
 * news comes without a pause; no death waits for that.
 *
 * What only raises an incarnation, a refutation above all, goes in the short form: who does not
 * know the member ignores it, and hears of it in a table.
 *
 * Burst and tick walk on through the permutation of members instead of drawing: in a small cluster
 * consecutive sends then reach everyone once. */
#include "core/sync/gossip.h"

#include <string.h>

#include "base/ilog.h"
#include "core/detect/order.h"
#include "core/node.h"
#include "core/sync/await.h"
#include "core/table/grave.h"

/* Statements that may fail to fit before a packet is full enough. */
#define MISSES_MAX 3
/* Pause between bursts while the byte budget is used up, or the credit and there are deaths. */
#define LOADED_STEP SHOAL_MS(16)
/* Deaths overdraw the credit of bursts; other news waits for so long at the most. */
#define OVERDRAWN_MOST SHOAL_SEC(1)

uint32_t
shoal_gossip_sends(const struct shoal_core *core)
{
	uint32_t n = shoal_members_n(core);
	uint32_t limit = shoal_ilog_ln_ceil(n) + 10;
	return limit < n - 1 ? limit : n - 1;
}

static bool
is_of_slot(const void *owner, uint32_t number, const void *key)
{
	const struct shoal_gossip *gossip = owner;
	const struct shoal_news *news = shoal_slab_at(&gossip->entries, number);

	return memcmp(&news->slot, key, sizeof news->slot) == 0;
}

void
shoal_gossip_init(struct shoal_core *core)
{
	struct shoal_gossip *gossip = &core->gossip;

	shoal_slab_init(&gossip->entries, &core->mem, sizeof(struct shoal_news),
	        2 * core->profile.members_max);
	shoal_table_init(&gossip->metas, &core->mem, core->members.by_id.key,
	        core->profile.members_max, is_of_slot, gossip);
	for (size_t rank = 0; rank < SHOAL_NEWS_CLASSES; rank++) {
		for (size_t i = 0; i < SHOAL_NEWS_SENDS_MAX; i++) {
			shoal_list_init(&gossip->bucket[rank][i]);
		}
	}
	gossip->tokens = core->profile.gossip_burst;
	gossip->refilled = core->now;
	gossip->burst.kind = SHOAL_TIMER_BURST;
	gossip->tick.kind = SHOAL_TIMER_TICK;
}

void
shoal_gossip_done(struct shoal_core *core)
{
	shoal_table_done(&core->gossip.metas);
	shoal_slab_done(&core->gossip.entries);
}

static enum shoal_news_class
class_of(const struct shoal_record *record)
{
#ifdef SHOAL_PLANT_CLASSES_MIXED
	return SHOAL_NEWS_ALIVE;
#endif
	switch ((enum shoal_state)record->state) {
	case SHOAL_STATE_DEAD:
		return SHOAL_NEWS_DEATH;
	case SHOAL_STATE_SUSPECT:
		return SHOAL_NEWS_SUSPICION;
	case SHOAL_STATE_LEAVING:
	case SHOAL_STATE_LEFT:
		return SHOAL_NEWS_LEAVING;
	default:
		return SHOAL_NEWS_ALIVE;
	}
}

static void
enqueue(struct shoal_gossip *gossip, struct shoal_news *news)
{
#ifdef SHOAL_PLANT_SENDS_UNSORTED
	shoal_list_push_back(&gossip->bucket[news->rank][0], &news->node);
	gossip->used[news->rank] |= 1;
	return;
#endif
	shoal_list_push_back(&gossip->bucket[news->rank][news->sends], &news->node);
	gossip->used[news->rank] |= UINT64_C(1) << news->sends;
}

static uint64_t
hash_of(const struct shoal_gossip *gossip, uint32_t slot)
{
	return shoal_table_hash(&gossip->metas, &slot, sizeof slot);
}

/* SHOAL_NONE: its metadata is no news. */
static uint32_t
find_meta(const struct shoal_gossip *gossip, uint32_t slot)
{
	return gossip->metas.count == 0
	               ? SHOAL_NONE
	               : shoal_table_find(&gossip->metas, hash_of(gossip, slot), &slot);
}

static void
drop(struct shoal_core *core, struct shoal_news *news)
{
	struct shoal_gossip *gossip = &core->gossip;
	struct shoal_record *record = shoal_members_at(core, news->slot);
	uint32_t number = record->news;

	shoal_list_remove(&news->node);
	if (news->rank == SHOAL_NEWS_META) {
		number = find_meta(gossip, news->slot);
		shoal_table_remove(&gossip->metas, hash_of(gossip, news->slot), number);
	} else {
		record->news = SHOAL_NONE;
	}
	shoal_slab_give(&gossip->entries, number);
}

void
shoal_gossip_forget(struct shoal_core *core, uint32_t slot)
{
	struct shoal_gossip *gossip = &core->gossip;
	struct shoal_news *news =
	        shoal_slab_at(&gossip->entries, shoal_members_at(core, slot)->news);

	if (news != NULL) {
		drop(core, news);
	}
	news = shoal_slab_at(&gossip->entries, find_meta(gossip, slot));
	if (news != NULL) {
		drop(core, news);
	}
}

/* At once where no burst is under way; a death does not wait for one that waits for credit. */
static void
arm_burst(struct shoal_core *core, enum shoal_news_class rank)
{
	struct shoal_timer *timer = &core->gossip.burst;
	uint64_t next = core->now + LOADED_STEP;

	if (core->profile.bursts == 0) {
		return;
	}
	if (!shoal_timer_armed(timer) || shoal_await_is_idle(core)) {
		core->gossip.passed = 0;
		shoal_heap_arm(&core->heap, timer, core->now);
	} else if (rank == SHOAL_NEWS_DEATH && timer->at > next) {
		shoal_heap_arm(&core->heap, timer, next);
	}
}

/* From now on and from the beginning. */
static void
begin_news(struct shoal_core *core, struct shoal_news *news, enum shoal_news_class rank)
{
	struct shoal_gossip *gossip = &core->gossip;

	shoal_list_remove(&news->node);
	news->rank = (uint8_t)rank;
	news->sends = 0;
	news->since = core->now;
	enqueue(gossip, news);
	arm_burst(core, rank);
	if (!shoal_timer_armed(&gossip->tick)) {
		shoal_heap_arm(&core->heap, &gossip->tick,
		        core->now + shoal_jitter(core, shoal_ms(core->profile.gossip_interval_ms)));
	}
}

static void
make_news(struct shoal_core *core, uint32_t slot, bool known)
{
	struct shoal_gossip *gossip = &core->gossip;
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_news *news = shoal_slab_at(&gossip->entries, record->news);

	if (news == NULL) {
		news = shoal_slab_take(&gossip->entries, &record->news);
		if (news == NULL) {
			record->news = SHOAL_NONE;
			shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
			return;
		}
		news->slot = slot;
		news->known = true;
	}
	news->known = news->known && known;
	begin_news(core, news, class_of(record));
}

void
shoal_gossip_describe(struct shoal_core *core, uint32_t slot)
{
	struct shoal_gossip *gossip = &core->gossip;
	uint32_t number = find_meta(gossip, slot);
	struct shoal_news *news = shoal_slab_at(&gossip->entries, number);

	if (news == NULL) {
		news = shoal_slab_take(&gossip->entries, &number);
		if (news == NULL || shoal_table_put(&gossip->metas, hash_of(gossip, slot),
		                            number) != SHOAL_OK) {
			if (news != NULL) {
				shoal_slab_give(&gossip->entries, number);
			}
			shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
			return;
		}
		news->slot = slot;
	}
	begin_news(core, news, SHOAL_NEWS_META);
}

void
shoal_gossip_add(struct shoal_core *core, uint32_t slot)
{
	/* Every other state is told in the short form anyway. */
	make_news(core, slot, shoal_members_at(core, slot)->state != SHOAL_STATE_ALIVE);
}

void
shoal_gossip_raise(struct shoal_core *core, uint32_t slot)
{
	bool moved = shoal_members_at(core, slot)->info->moved != 0;

	/* Who accuses one that has moved may not know where it is. */
	make_news(core, slot, !moved);
}

void
shoal_gossip_fill_in(struct shoal_core *core, uint32_t slot)
{
	uint32_t number = shoal_members_at(core, slot)->news;
	struct shoal_news *news = shoal_slab_at(&core->gossip.entries, number);

	if (news != NULL) {
		news->known = false;
	}
}

/* The age told of one that lives: since it was heard, by us or by whoever told us (hearsay, summed
 * over hops). */
static uint64_t
age_of(const struct shoal_core *core, uint32_t slot, const struct shoal_record *record)
{
	switch ((enum shoal_state)record->state) {
	case SHOAL_STATE_DEAD:
	case SHOAL_STATE_LEFT:
		return slot == SHOAL_SELF ? 0 : shoal_grave_age(core, record);
	case SHOAL_STATE_LEAVING: {
		const struct shoal_hold *hold = shoal_members_hold(core, record);
		uint64_t end = slot == SHOAL_SELF ? core->leave.end
		               : hold != NULL     ? hold->told_end
		                                  : core->now;
		return end > core->now ? end - core->now : 0;
	}
	default:
#ifdef SHOAL_PLANT_AGE_UNTOLD
		return 0;
#endif
		return slot == SHOAL_SELF ? 0 : core->now - shoal_members_heard(core, record);
	}
}

/* Rounded up: who hears it must not think it younger than it is. */
static uint64_t
refused_ms(const struct shoal_core *core, const struct shoal_record *record)
{
	const struct shoal_hold *hold = shoal_members_hold(core, record);

	if (hold == NULL || record->state != SHOAL_STATE_DEAD || hold->refused_at == 0) {
		return 0;
	}
	return (core->now - hold->refused_at) / SHOAL_MS(1) + 1;
}

static void
write_accusers(const struct shoal_core *core, const struct shoal_record *record,
        struct shoal_id_list *list)
{
	const struct shoal_hold *hold = shoal_members_hold(core, record);
	bool accused = record->state == SHOAL_STATE_SUSPECT || record->state == SHOAL_STATE_DEAD;
	bool replaced = hold != NULL && hold->replaced && record->state == SHOAL_STATE_LEFT;

	list->count = 0;
	if (hold == NULL || !(accused || replaced)) {
		return;
	}
	/* The newest are told: those who hear this know the older ones. */
	size_t first =
	        hold->doubters > SHOAL_ACCUSERS_MAX ? hold->doubters - SHOAL_ACCUSERS_MAX : 0;
	for (size_t i = first; i < hold->doubters; i++) {
		list->item[list->count++] = hold->doubter[i];
	}
}

bool
shoal_gossip_write_full(const struct shoal_core *core, uint32_t slot, struct shoal_writer *writer)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_info *info = record->info;
	/* Hearsay is told to its subject only: that somebody heard of it alive. */
	uint8_t state = record->state == SHOAL_STATE_UNKNOWN ? SHOAL_STATE_ALIVE : record->state;
	struct shoal_msg_member message = {.id = info->id,
	        .salt = info->salt,
	        .incarnation = record->incarnation,
	        .state = state,
	        .age_ms = age_of(core, slot, record) / SHOAL_MS(1),
	        .name = {(const uint8_t *)shoal_members_name(record), info->name_len},
	        .protocol_min = info->protocol_min,
	        .protocol_max = info->protocol_max,
	        .app_version = info->app_version,
	        .marks = shoal_members_marks(core, record)};

	message.refused_ms = refused_ms(core, record);
	write_accusers(core, record, &message.accusers);
	message.addrs = shoal_info_addrs(info);
	message.moved = shoal_info_moved(info);
	message.url = (struct shoal_span){
	        (const uint8_t *)shoal_info_url(info), strlen(shoal_info_url(info))};
	return shoal_coding_append(core, writer, SHOAL_MESSAGE_MEMBER, &message);
}

bool
shoal_gossip_write(struct shoal_core *core, uint32_t slot, bool full, struct shoal_writer *writer)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	bool written;

	if (full || record->state == SHOAL_STATE_UNKNOWN) {
		written = shoal_gossip_write_full(core, slot, writer);
	} else {
		struct shoal_msg_state message = {.id = record->info->id,
		        .salt = shoal_members_salt(record),
		        .incarnation = record->incarnation,
		        .state = record->state,
		        .age_ms = age_of(core, slot, record) / SHOAL_MS(1),
		        .marks = shoal_members_marks(core, record)};
		message.refused_ms = refused_ms(core, record);
		write_accusers(core, record, &message.accusers);
		written = shoal_coding_append(core, writer, SHOAL_MESSAGE_STATE, &message);
	}
	if (written) {
		shoal_count(core, SHOAL_COUNTER_STATEMENTS_OUT);
	}
	return written;
}

static bool
write_news(struct shoal_core *core, const struct shoal_news *news, struct shoal_writer *writer)
{
	if (news->rank == SHOAL_NEWS_META) {
		return shoal_meta_write(core, news->slot, false, writer);
	}
	bool full = !news->known && shoal_members_at(core, news->slot)->state == SHOAL_STATE_ALIVE;
	return shoal_gossip_write(core, news->slot, full, writer);
}

/* What fits of one bucket; the sent ones wait in `sent` until the packet is done, so that none goes
 * in twice. */
static size_t
fill_from(struct shoal_core *core, struct shoal_list *bucket, uint32_t addressee, uint32_t told,
        struct shoal_writer *writer, struct shoal_list *sent, unsigned *misses)
{
	size_t filled = 0;

	SHOAL_LIST_FOREACH_SAFE (node, after, bucket) {
		struct shoal_news *news = SHOAL_LIST_ITEM(node, struct shoal_news, node);
		if (news->slot == addressee &&
		        (core->profile.belief != 0 || news->rank == SHOAL_NEWS_META)) {
			/* It knows best, and hears what is believed of it apart from gossip. */
			if (shoal_await_is_alone(core)) {
				drop(core, news); /* there is nobody else to tell */
			}
			continue;
		}
		if ((news->slot == told && news->rank != SHOAL_NEWS_META) ||
		        shoal_await_keeps(core, news, addressee)) {
			continue;
		}
		if (*misses > MISSES_MAX) {
			break;
		}
		if (!write_news(core, news, writer)) {
			++*misses;
			continue;
		}
		shoal_list_remove(node);
		shoal_list_push_back(sent, node);
		filled++;
	}
	return filled;
}

size_t
shoal_gossip_fill(
        struct shoal_core *core, uint32_t addressee, uint32_t told, struct shoal_writer *writer)
{
	struct shoal_gossip *gossip = &core->gossip;
	struct shoal_list sent;
	unsigned misses = 0;
	size_t filled = 0;

	if (gossip->entries.count == 0) {
		return 0;
	}
	shoal_list_init(&sent);
	for (size_t rank = 0; rank < SHOAL_NEWS_CLASSES; rank++) {
		for (uint64_t left = gossip->used[rank]; left != 0 && misses <= MISSES_MAX;
		        left &= left - 1) {
			unsigned i = (unsigned)__builtin_ctzll(left);
			struct shoal_list *bucket = &gossip->bucket[rank][i];
			filled += fill_from(core, bucket, addressee, told, writer, &sent, &misses);
			if (shoal_list_empty(bucket)) {
				gossip->used[rank] &= ~(UINT64_C(1) << i);
			}
		}
	}
	uint32_t limit = shoal_gossip_sends(core);
	gossip->passed = filled > 0 ? 0 : gossip->passed;
	SHOAL_LIST_FOREACH_SAFE (node, after, &sent) {
		struct shoal_news *news = SHOAL_LIST_ITEM(node, struct shoal_news, node);
		shoal_list_remove(node);
		if (++news->sends == 1) {
			shoal_observe_ns(core, SHOAL_HISTOGRAM_NEWS_FIRST, core->now - news->since);
		}
#ifdef SHOAL_PLANT_LIMIT_PASSED
		limit = SHOAL_NEWS_SENDS_MAX - 1;
#endif
		if (news->sends >= limit) {
			shoal_observe_ns(core, SHOAL_HISTOGRAM_NEWS_SPENT, core->now - news->since);
			drop(core, news);
		} else {
			enqueue(gossip, news);
		}
	}
	return filled;
}

/* What a burst sent beyond the budget is paid back before the next one. */
static void
refill(struct shoal_core *core)
{
	struct shoal_gossip *gossip = &core->gossip;
	uint64_t elapsed = core->now - gossip->refilled;
	uint64_t rate = core->profile.gossip_rate;
	int64_t most = core->profile.gossip_burst;
	/* After so long the bucket is full whatever it held: the product below stays small. */
	uint64_t full = ((uint64_t)(most - gossip->tokens) / rate + 1) * SHOAL_SEC(1);

	if (elapsed > full) {
		elapsed = full;
	}
	int64_t earned = (int64_t)(elapsed * rate / SHOAL_SEC(1));
	if (earned > 0) {
		gossip->refilled = core->now;
		gossip->tokens = gossip->tokens + earned > most ? most : gossip->tokens + earned;
	}
}

bool
shoal_gossip_affords(struct shoal_core *core)
{
	refill(core);
	return core->gossip.tokens > 0;
}

/* The time in which the credit of bursts is renewed. */
static uint64_t
credit_of(const struct shoal_core *core)
{
	return SHOAL_SEC(1) / core->profile.burst_rate * core->profile.burst_credit;
}

/* What is left of a packet empty costs a share of a packet: where much is new, packets are full,
 * and bytes alone are counted; where news comes drop by drop, each in a packet of its own would
 * cost more than it is worth. */
void
shoal_gossip_spend(struct shoal_core *core, size_t bytes)
{
	struct shoal_gossip *gossip = &core->gossip;
	uint64_t whole = SHOAL_SEC(1) / core->profile.burst_rate;
	uint64_t most = core->profile.datagram_max;
	uint64_t empty = bytes < most ? most - bytes : 0;
	uint64_t limit = core->now + credit_of(core) + OVERDRAWN_MOST;
	uint64_t from = gossip->paid > core->now ? gossip->paid : core->now;
	uint64_t paid = from + whole * empty / most;

	gossip->tokens -= (int64_t)bytes;
	gossip->paid = paid < limit ? paid : limit;
}

/* How long bursts have to wait for their credit. */
static uint64_t
wait_for_credit(const struct shoal_core *core)
{
	uint64_t credit = credit_of(core);
	uint64_t ahead = core->gossip.paid > core->now ? core->gossip.paid - core->now : 0;

	return ahead > credit ? ahead - credit : 0;
}

/* Whether something of the first classes was sent less than `share` times. Buckets below that are
 * the only ones looked at. */
static bool
is_fresh(const struct shoal_core *core, size_t classes, uint32_t share)
{
	uint64_t below = (UINT64_C(1) << share) - 1;

	for (size_t rank = 0; rank < classes; rank++) {
		for (uint64_t left = core->gossip.used[rank] & below; left != 0; left &= left - 1) {
			if (!shoal_list_empty(&core->gossip.bucket[rank][__builtin_ctzll(left)])) {
				return true;
			}
		}
	}
	return false;
}

static void
tell_some(struct shoal_core *core)
{
	uint32_t slots[SHOAL_FANOUT_MAX];
	uint32_t n = shoal_order_turn(core, &core->gossip.turn, core->profile.gossip_fanout, slots);

	for (uint32_t i = 0; i < n; i++) {
		shoal_send_gossip(core, slots[i], SHOAL_FILL_BUDGET, SHOAL_NONE);
	}
	shoal_await_passed(core, n);
}

void
shoal_gossip_on_burst(struct shoal_core *core)
{
	uint32_t share = shoal_await_share(core);
	uint64_t step = shoal_ms(core->profile.burst_step_ms);
	uint64_t wait = wait_for_credit(core);

	if (!is_fresh(core, SHOAL_NEWS_CLASSES, share) || core->members.ordered == 0) {
		return;
	}
	/* A death goes on without credit: slower, and half as often, which is enough to reach all
	 * but a few. */
	if (wait > 0 && !is_fresh(core, SHOAL_NEWS_DEATH + 1, (share + 1) / 2)) {
		shoal_count(core, SHOAL_COUNTER_GOSSIP_DEFERRED);
		step = step > wait ? step : wait;
	} else if (!shoal_gossip_affords(core)) {
		shoal_count(core, SHOAL_COUNTER_GOSSIP_DEFERRED);
		step = step > LOADED_STEP ? step : LOADED_STEP;
	} else {
		step = shoal_await_is_idle(core) ? shoal_ms(core->profile.gossip_interval_ms)
		                                 : step;
		step = wait > 0 && step < LOADED_STEP ? LOADED_STEP : step;
		tell_some(core);
	}
	shoal_heap_arm(&core->heap, &core->gossip.burst, core->now + shoal_jitter(core, step));
}

void
shoal_gossip_on_tick(struct shoal_core *core)
{
	if (core->gossip.entries.count == 0 || core->members.ordered == 0) {
		return;
	}
	if (!shoal_gossip_affords(core)) {
		shoal_count(core, SHOAL_COUNTER_GOSSIP_DEFERRED);
	} else {
		tell_some(core);
	}
	shoal_heap_arm(&core->heap, &core->gossip.tick,
	        core->now + shoal_jitter(core, shoal_ms(core->profile.gossip_interval_ms)));
}
