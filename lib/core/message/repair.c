/* SPDX-License-Identifier: MIT */
/* While reliable broadcasts are kept, each interval one random member is told a sum over those that
 * are kept here; and some of them, more often, while some of its own is so young that they
 * may have missed it; oftener still while so much is said that what is kept soon makes room. One
 * that has another sum asks for what it lacks, and names what it has; the answer holds what it did
 * not name, a batch at a time, until nothing new comes. Where that brought nothing, since the other
 * one keeps less, or what is not wanted here or not yet, nobody with that sum is asked again for a
 * while, nor that member, unless one that it said itself is known to be missing: so none who offers
 * without giving is in the way of others. Nobody asks for what was sent before it started.
 *
 * One that fits no datagram is offered by its key (want.h). */
#include "core/message/repair.h"

#include <string.h>

#include "core/message/limit.h"
#include "core/node.h"
#include "core/sync/exchange.h"
#include "core/table/apply.h"

#define STEPS_MAX 64

/* How often the pause doubles before one is asked again: who had nothing, which begins with an
 * interval, and who did not answer, with the time that took. */
#define VAIN_MOST   2
#define FAILED_MOST 4

void
shoal_repair_init(struct shoal_core *core)
{
	core->repair.timer.kind = SHOAL_TIMER_REPAIR;
	core->repair.started = core->now;
	shoal_list_init(&core->repair.answer);
}

static uint64_t
interval_of(const struct shoal_core *core)
{
	return shoal_ms(core->profile.digest_interval_ms);
}

void
shoal_repair_arm(struct shoal_core *core)
{
	if (!shoal_timer_armed(&core->repair.timer)) {
		shoal_heap_arm(&core->heap, &core->repair.timer,
		        core->now + shoal_jitter(core, interval_of(core)));
	}
}

/* 0 says nothing on the wire. */
static uint64_t
sum_of(const struct shoal_core *core)
{
	return core->keep.sum | 1;
}

static struct shoal_msg_offer
offer_of(const struct shoal_core *core)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);

	return (struct shoal_msg_offer){.id = self->info->id, .salt = shoal_members_salt(self)};
}

void
shoal_repair_hurry(struct shoal_core *core)
{
	struct shoal_timer *timer = &core->repair.timer;
	uint64_t soon = interval_of(core) / (shoal_keep_is_pressed(core) ? 8 : 4);

	if (!shoal_timer_armed(timer) || timer->at > core->now + 2 * soon) {
		shoal_heap_arm(&core->heap, timer, core->now + shoal_jitter(core, soon));
	}
}

void
shoal_repair_sum(struct shoal_core *core, struct shoal_pending *pending)
{
	struct shoal_msg_offer offer = offer_of(core);

	if (pending != NULL && shoal_keep_count(&core->keep) != 0) {
		offer.sum = sum_of(core);
		shoal_send_primary(pending, SHOAL_MESSAGE_OFFER, &offer);
	}
}

void
shoal_repair_on_timer(struct shoal_core *core)
{
	struct shoal_members *members = &core->members;

	shoal_shelf_expire(core);
	shoal_cast_expire(core);
	shoal_cast_on_room(core);
	if (core->casts.slab.count == 0) {
		return;
	}
	shoal_repair_arm(core);
	if (shoal_keep_count(&core->keep) == 0 || members->ordered == 0 ||
	        core->leave.phase != SHOAL_LEAVE_NOT) {
		return;
	}
	bool fresh = shoal_keep_is_fresh(core);
	uint32_t most = fresh ? core->profile.gossip_fanout : 1;
	uint32_t start = shoal_rng_below(&core->rng, members->ordered);
	for (uint32_t i = 0; i < most && i < members->ordered; i++) {
		shoal_repair_sum(core, shoal_send_to(core, SHOAL_SEND_DATAGRAM,
		                               members->order[(start + i) % members->ordered], 0));
	}
	if (fresh || shoal_keep_is_pressed(core)) {
		shoal_repair_hurry(core);
	}
}

bool
shoal_repair_write_offer(
        struct shoal_core *core, const struct shoal_cast_key *key, struct shoal_writer *writer)
{
	struct shoal_msg_offer offer = offer_of(core);
	uint8_t data[SHOAL_CAST_KEY_BYTES];
	struct shoal_writer keys;

	shoal_writer_init(&keys, data, sizeof data);
	shoal_cast_key_write(&keys, key);
	offer.keys = (struct shoal_span){data, keys.len};
	return shoal_coding_append(core, writer, SHOAL_MESSAGE_OFFER, &offer);
}

void
shoal_repair_tell(struct shoal_core *core, uint32_t slot, struct shoal_span keys)
{
	struct shoal_pending *pending = shoal_send_to(core, SHOAL_SEND_DATAGRAM, slot, 0);

	if (pending != NULL) {
		struct shoal_msg_offer offer = offer_of(core);
		offer.keys = keys;
		shoal_send_primary(pending, SHOAL_MESSAGE_OFFER, &offer);
	}
}

/* Asks the member in slot for what is missing here. */
static void
ask(struct shoal_core *core, uint32_t slot)
{
	struct shoal_repair *repair = &core->repair;

#ifdef SHOAL_PLANT_CAST_UNREPAIRED
	return;
#endif
	repair->gained = 0;
	repair->answered = false;
	repair->slot = slot;
	repair->exchange = shoal_exchange_fetch(core, slot, (struct shoal_span){NULL, 0});
	if (repair->exchange != 0) {
		shoal_count(core, SHOAL_COUNTER_FETCHES);
	}
}

static struct shoal_vain *
find_vain(struct shoal_vain *list, uint64_t what)
{
	for (size_t i = 0; i < SHOAL_VAIN_MAX; i++) {
		if (list[i].times > 0 && list[i].what == what) {
			return &list[i];
		}
	}
	return NULL;
}

static bool
is_vain(const struct shoal_core *core, struct shoal_vain *list, uint64_t what)
{
	const struct shoal_vain *found = find_vain(list, what);

	return found != NULL && core->now < found->until;
}

/* For so long, doubled for each time before. A new one takes the place of that which is over first.
 */
static void
note_vain(struct shoal_core *core, struct shoal_vain *list, uint64_t what, uint64_t pause,
        uint32_t most)
{
	struct shoal_vain *one = find_vain(list, what);

	if (one == NULL) {
		one = &list[0];
		for (size_t i = 1; i < SHOAL_VAIN_MAX; i++) {
			one = list[i].until < one->until ? &list[i] : one;
		}
		*one = (struct shoal_vain){.what = what};
	}
	one->until = core->now + (pause << one->times);
	one->times += one->times < most;
}

/* Who does not answer is left alone for as long as that took, so that it is not in the way of
 * others; who refuses at once may be asked again soon. */
static void
note_failed(struct shoal_core *core, uint64_t took)
{
	struct shoal_repair *repair = &core->repair;
	uint64_t least = core->now + interval_of(core) / 8;

	note_vain(core, repair->deaf, repair->slot, took, FAILED_MOST);
	struct shoal_vain *one = find_vain(repair->deaf, repair->slot);
	one->until = one->until > least ? one->until : least;
}

static void
forgive(struct shoal_vain *list, uint32_t slot)
{
	struct shoal_vain *member = find_vain(list, slot);

	if (member != NULL) {
		*member = (struct shoal_vain){.times = 0};
	}
}

/* Whether one that the member itself said is known to be missing here: then it says nothing that
 * it had none that was missing when it was asked last. */
static bool
lacks_of(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_cast_key key = {
	        .id = record->info->id, .salt = shoal_members_salt(record), .reliable = true};

	return shoal_seen_lacks(core, &key);
}

/* Whether the member may be asked for what is missing here. */
static bool
is_due(struct shoal_core *core, uint32_t slot, uint64_t sum)
{
	struct shoal_repair *repair = &core->repair;

	if (repair->sum != sum_of(core)) {
		memset(repair->sums, 0, sizeof repair->sums);
		repair->sum = sum_of(core);
	}
	if (sum == 0 || sum == repair->sum || repair->exchange != 0 || core->now < repair->next ||
	        is_vain(core, repair->deaf, slot)) {
		return false;
	}
	return lacks_of(core, slot) ||
	       (!is_vain(core, repair->sums, sum) && !is_vain(core, repair->members, slot));
}

static void
on_offer(struct shoal_core *core, uint32_t slot, const struct shoal_msg_offer *offer)
{
	struct shoal_repair *repair = &core->repair;
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record == NULL || !shoal_members_counts(record)) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		return;
	}
	if (shoal_members_inbound(record) || core->leave.phase != SHOAL_LEAVE_NOT) {
		return; /* it cannot be asked */
	}
	shoal_want_offered(core, slot, offer->keys);
	if (is_due(core, slot, offer->sum)) {
		repair->steps = 0;
		repair->offered = offer->sum;
		ask(core, slot);
	}
}

void
shoal_repair_ended(struct shoal_core *core, const struct shoal_exchange *exchange)
{
	struct shoal_repair *repair = &core->repair;
	const struct shoal_record *record = shoal_members_at(core, repair->slot);
	uint64_t pause = interval_of(core);

	shoal_want_ended(core, exchange->number);
	if (exchange->number != repair->exchange) {
		return;
	}
	repair->exchange = 0;
	if (repair->gained > 0 || repair->answered) {
		forgive(repair->deaf, repair->slot);
	}
	if (repair->gained > 0) {
		forgive(repair->members, repair->slot);
		if (++repair->steps < STEPS_MAX && record != NULL && shoal_members_counts(record) &&
		        core->leave.phase == SHOAL_LEAVE_NOT) {
			ask(core, repair->slot);
			return;
		}
	} else if (repair->answered && repair->steps == 0) {
		note_vain(core, repair->sums, repair->offered, pause, VAIN_MOST);
		note_vain(core, repair->members, repair->slot, pause, VAIN_MOST);
	} else if (!repair->answered) {
		note_failed(core, core->now - exchange->begun);
		return;
	}
	repair->next = core->now + pause / 4;
}

/* Older ones are not wanted here. */
static uint64_t
age_wanted(const struct shoal_core *core)
{
	uint64_t age = (core->now - core->repair.started) / SHOAL_MS(1);

	return age < core->profile.cast_keep_ms ? age : core->profile.cast_keep_ms;
}

void
shoal_repair_write_fetch(struct shoal_core *core, struct shoal_writer *writer)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_fetch fetch = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .others = 1,
	        .age_ms = age_wanted(core)};
	size_t most = (size_t)shoal_keep_count(&core->keep) * SHOAL_CAST_KEY_BYTES;
	uint8_t *data = shoal_alloc(&core->mem, most + 1);
	struct shoal_writer keys;

	if (data == NULL) {
		writer->failed = true;
		return;
	}
	shoal_writer_init(&keys, data, most);
	SHOAL_LIST_FOREACH (node, &core->keep.others) {
		shoal_cast_key_write(&keys, &SHOAL_LIST_ITEM(node, struct shoal_cast, kept)->key);
	}
	fetch.keys = (struct shoal_span){data, keys.len};
	writer->failed = !shoal_coding_append(core, writer, SHOAL_MESSAGE_FETCH, &fetch);
	shoal_alloc_free(&core->mem, data);
}

static void
drop_answer(struct shoal_repair *repair)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &repair->answer) {
		shoal_list_remove(node);
	}
}

/* Those of a list that were not named, may go on, and are not the asker's. */
static void
add_others(
        struct shoal_core *core, const struct shoal_list *kept, const struct shoal_msg_fetch *fetch)
{
	SHOAL_LIST_FOREACH (node, kept) {
		struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, kept);
		bool young = core->now - cast->born < SHOAL_MS(fetch->age_ms);
		bool its = shoal_id_compare(&cast->key.id, &fetch->id) == 0 &&
		           cast->key.salt == fetch->salt;
		if (cast->mark != core->repair.mark && young && !its &&
		        shoal_limit_gives(core, cast)) {
			shoal_list_push_back(&core->repair.answer, &cast->asked);
			core->repair.asked++;
		}
	}
}

/* It begins anywhere: what the asker has given up, and cannot name, is never in the way of the rest
 * for long. */
static void
turn_answer(struct shoal_core *core)
{
	struct shoal_list *answer = &core->repair.answer;
	uint32_t turns =
	        core->repair.asked > 0 ? shoal_rng_below(&core->rng, core->repair.asked) : 0;

	for (; turns > 0; turns--) {
		struct shoal_list *first = shoal_list_first(answer);
		shoal_list_remove(first);
		shoal_list_push_back(answer, first);
	}
}

/* What is asked for: those that are named, once each, or the kept ones that are not. */
static void
choose(struct shoal_core *core, const struct shoal_msg_fetch *fetch)
{
	struct shoal_repair *repair = &core->repair;
	struct shoal_reader reader;
	struct shoal_cast_key key;

	drop_answer(repair);
	repair->asked = 0;
	repair->mark++;
	shoal_reader_init(&reader, fetch->keys.data, fetch->keys.len);
	while (shoal_cast_key_next(&reader, &key) > 0) {
		struct shoal_cast *cast = shoal_cast_find(core, &key);
		if (cast != NULL && cast->mark != repair->mark) {
			cast->mark = repair->mark;
			if (fetch->others == 0 && shoal_limit_gives(core, cast)) {
				shoal_list_push_back(&repair->answer, &cast->asked);
			}
		}
	}
	if (fetch->others == 0) {
		return;
	}
	add_others(core, &core->keep.own, fetch);
	add_others(core, &core->keep.others, fetch);
	turn_answer(core);
}

static void
on_fetch(struct shoal_core *core, uint32_t slot, const struct shoal_msg_fetch *fetch,
        const struct shoal_input *input)
{
	struct shoal_msg_offer offer = offer_of(core);

	if (slot == SHOAL_NONE) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		shoal_exchange_reply(core, input->exchange, &input->from, SHOAL_ERR_NOT_FOUND,
		        shoal_exchange_text("not a member here: join first"));
		return;
	}
	choose(core, fetch);
	struct shoal_pending *pending =
	        shoal_send_queue(core, SHOAL_SEND_REPLY, &input->from, slot, SHOAL_FILL_FETCHED);
	if (pending != NULL) {
		pending->exchange = input->exchange;
		shoal_send_primary(pending, SHOAL_MESSAGE_OFFER, &offer);
		shoal_count(core, SHOAL_COUNTER_FETCHES_SERVED);
	}
}

void
shoal_repair_on_message(struct shoal_core *core, uint16_t kind, const union shoal_wire_message *m,
        const struct shoal_teller *teller, const struct shoal_exchange *exchange,
        const struct shoal_input *input)
{
	struct shoal_repair *repair = &core->repair;
	bool fetched = exchange != NULL && exchange->purpose == SHOAL_EXCHANGE_FETCH;
	bool repaired = fetched && exchange->number == repair->exchange;
	enum shoal_cast_way way = repaired  ? SHOAL_CAST_REPAIRED
	                          : fetched ? SHOAL_CAST_FETCHED
	                                    : SHOAL_CAST_TOLD;

	if (kind == SHOAL_MESSAGE_CAST) {
		if (shoal_cast_on_message(core, &m->cast, teller, way) && repaired) {
			repair->gained++;
			shoal_count(core, SHOAL_COUNTER_CASTS_REPAIRED);
		}
	} else if (kind == SHOAL_MESSAGE_OFFER && fetched) {
		repair->answered = repair->answered || repaired;
	} else if (kind == SHOAL_MESSAGE_OFFER) {
		on_offer(core, teller->slot, &m->offer);
	} else if (kind == SHOAL_MESSAGE_FETCH && input->kind == SHOAL_INPUT_REQUEST) {
		on_fetch(core, teller->slot, &m->fetch, input);
	} else if (kind == SHOAL_MESSAGE_FETCH) {
		shoal_count(core, SHOAL_COUNTER_DROP_MALFORMED);
	}
}

/* The oldest first, as many as a batch holds, and one at least. */
void
shoal_repair_write_answer(struct shoal_core *core, struct shoal_writer *writer)
{
	struct shoal_repair *repair = &core->repair;
	size_t before = writer->len;

	repair->told = 0;
	SHOAL_LIST_FOREACH (node, &repair->answer) {
		struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, asked);
		if (writer->len > before &&
		        writer->len - before + shoal_cast_cost(cast) > shoal_coding_batch(core)) {
			return;
		}
		if (!shoal_cast_write(core, cast, writer)) {
			writer->failed = true;
			return;
		}
		repair->told++;
	}
}

void
shoal_repair_answered(struct shoal_core *core, uint32_t slot)
{
	struct shoal_repair *repair = &core->repair;

	for (; repair->told > 0; repair->told--) {
		struct shoal_list *first = shoal_list_first(&repair->answer);
		shoal_list_remove(first);
		shoal_spread_had(core, SHOAL_LIST_ITEM(first, struct shoal_cast, asked), slot);
	}
	drop_answer(repair);
}
