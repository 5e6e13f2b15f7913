/* SPDX-License-Identifier: MIT */
/* What is offered waits in a queue and is asked for a few at a time. No teller has more than its
 * share of places and requests, so one that offers what it does not give is in nobody's way; and
 * the second one that offers a broadcast is asked where the first one does not answer soon; how
 * long it is nobody knows, so that may go on meanwhile, but no third one is asked before one of the
 * two has ended, and each is given twice as long as the one before. What there is no place for, or
 * nobody gave, is counted (drop_offers): it comes again, or is lost.
 *
 * Cost: O(wants) an offered key and an answer, of which there are at most SHOAL_WANTS_MAX. */
#include "core/message/want.h"

#include "core/node.h"
#include "core/sync/exchange.h"

/* After so long the second one is asked, where the first one goes on. */
#define PATIENCE SHOAL_SEC(1)

void
shoal_want_init(struct shoal_core *core)
{
	struct shoal_wants *wants = &core->wants;

	wants->timer.kind = SHOAL_TIMER_WANT;
	shoal_slab_init(&wants->slab, &core->mem, sizeof(struct shoal_want), SHOAL_WANTS_MAX);
	shoal_list_init(&wants->list);
}

void
shoal_want_done(struct shoal_core *core)
{
	shoal_slab_done(&core->wants.slab);
}

static void
drop(struct shoal_core *core, struct shoal_want *want)
{
	shoal_list_remove(&want->node);
	shoal_slab_give(&core->wants.slab, want->number);
}

/* Whether the member can be asked. */
static bool
can_give(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	return record != NULL && slot != SHOAL_SELF && shoal_members_counts(record) &&
	       !shoal_members_inbound(record) && core->leave.phase == SHOAL_LEAVE_NOT;
}

static void
tell_known(struct shoal_core *core)
{
	struct shoal_wants *wants = &core->wants;

	if (wants->known_len > 0 && can_give(core, wants->known_to)) {
		shoal_repair_tell(
		        core, wants->known_to, (struct shoal_span){wants->known, wants->known_len});
	}
	wants->known_len = 0;
}

/* The member is told at the end of this step: who offers much is not told more than it offers. */
static void
add_known(struct shoal_core *core, uint32_t slot, const struct shoal_cast_key *key)
{
	struct shoal_wants *wants = &core->wants;
	struct shoal_writer keys;

	if (wants->known_to != slot ||
	        wants->known_len + SHOAL_CAST_KEY_BYTES > sizeof wants->known) {
		tell_known(core);
	}
	wants->known_to = slot;
	shoal_writer_init(&keys, wants->known, sizeof wants->known);
	keys.len = wants->known_len;
	shoal_cast_key_write(&keys, key);
	wants->known_len = keys.len;
	shoal_heap_arm(&core->heap, &wants->timer, core->now);
}

/* Those that offered it wait until it is had here, whoever gave it. */
static void
tell_had(struct shoal_core *core, const struct shoal_want *want)
{
	const struct shoal_cast *cast = shoal_cast_find(core, &want->key);
	uint32_t origin = want->by_origin ? shoal_members_find(core, &want->key.id) : SHOAL_NONE;
	uint32_t teller[] = {want->slot, want->other, origin};

	for (size_t i = 0; i < 3; i++) {
		bool twice = i == 2 && (origin == want->slot || origin == want->other);
		bool gave = cast != NULL && cast->from == teller[i];
		if (!twice && !gave && can_give(core, teller[i])) {
			add_known(core, teller[i], &want->key);
		}
	}
}

/* Drops it where it was heard meanwhile. */
static bool
is_over(struct shoal_core *core, struct shoal_want *want)
{
	if (!shoal_seen_has(core, &want->key)) {
		return false;
	}
	tell_had(core, want);
	drop(core, want);
	return true;
}

/* It did not come from whom it was wanted of: the other one has its turn, or one that is slow. */
static void
pass_on(struct shoal_core *core, struct shoal_want *want)
{
	bool can = can_give(core, want->other);

	want->exchange = 0;
	if (!can && want->slow != 0) {
		want->exchange = want->slow;
		want->slow = 0;
		return;
	}
	want->slot = want->other;
	want->other = SHOAL_NONE;
	if (!can) {
		shoal_count(core, SHOAL_COUNTER_DROP_OFFERS);
		drop(core, want);
	}
}

/* A place for one more request to the member; SHOAL_WANT_FLIGHTS: there is none. */
static size_t
place_for(const struct shoal_wants *wants, uint32_t slot)
{
	size_t place = SHOAL_WANT_FLIGHTS, its = 0;

	for (size_t i = 0; i < SHOAL_WANT_FLIGHTS; i++) {
		bool taken = wants->flight[i].exchange != 0;
		its += taken && wants->flight[i].slot == slot;
		place = taken ? place : i;
	}
	return its < SHOAL_WANT_FLIGHTS_ONE ? place : SHOAL_WANT_FLIGHTS;
}

/* Asks the teller of this one for it and for others that it offered. */
static void
ask(struct shoal_core *core, struct shoal_want *first, size_t place)
{
	struct shoal_wants *wants = &core->wants;
	struct shoal_want *chosen[SHOAL_WANT_KEYS];
	uint8_t data[SHOAL_WANT_KEYS * SHOAL_CAST_KEY_BYTES];
	struct shoal_writer keys;
	size_t n = 0;

	shoal_writer_init(&keys, data, sizeof data);
	for (struct shoal_list *node = &first->node; node != &wants->list && n < SHOAL_WANT_KEYS;
	        node = node->next) {
		struct shoal_want *want = SHOAL_LIST_ITEM(node, struct shoal_want, node);
		if (want->exchange == 0 && want->slot == first->slot) {
			shoal_cast_key_write(&keys, &want->key);
			chosen[n++] = want;
		}
	}
	uint64_t exchange =
	        shoal_exchange_fetch(core, first->slot, (struct shoal_span){data, keys.len});
	if (exchange == 0) {
		return; /* too many requests: the timer tries again */
	}
	wants->flight[place].exchange = exchange;
	wants->flight[place].slot = first->slot;
	for (size_t i = 0; i < n; i++) {
		chosen[i]->exchange = exchange;
		chosen[i]->at = core->now;
	}
}

/* A request has ended. Where it brought some, the rest is asked for again: an answer holds so many
 * bytes. */
static void
settle(struct shoal_core *core, uint64_t exchange)
{
	struct shoal_list *list = &core->wants.list;
	bool gained = false;

	SHOAL_LIST_FOREACH_SAFE (node, after, list) {
		struct shoal_want *want = SHOAL_LIST_ITEM(node, struct shoal_want, node);
		bool its = want->exchange == exchange || want->slow == exchange;
		gained = (its && is_over(core, want)) || gained;
	}
	SHOAL_LIST_FOREACH_SAFE (node, after, list) {
		struct shoal_want *want = SHOAL_LIST_ITEM(node, struct shoal_want, node);
		if (want->slow == exchange) {
			want->slow = 0;
		} else if (want->exchange == exchange && gained) {
			want->exchange = 0;
		} else if (want->exchange == exchange) {
			pass_on(core, want);
		}
	}
}

/* Whether there was one. */
static bool
settle_all(struct shoal_core *core)
{
	struct shoal_wants *wants = &core->wants;
	bool found = false;

	for (size_t i = 0; i < SHOAL_WANT_FLIGHTS; i++) {
		if (wants->flight[i].over) {
			uint64_t exchange = wants->flight[i].exchange;
			wants->flight[i].exchange = 0;
			wants->flight[i].over = false;
			settle(core, exchange);
			found = true;
		}
	}
	return found;
}

static void
ask_waiting(struct shoal_core *core)
{
	struct shoal_wants *wants = &core->wants;

	SHOAL_LIST_FOREACH_SAFE (node, after, &wants->list) {
		struct shoal_want *want = SHOAL_LIST_ITEM(node, struct shoal_want, node);
		if (want->exchange != 0 || is_over(core, want)) {
			continue;
		}
		if (!can_give(core, want->slot)) {
			pass_on(core, want);
			continue;
		}
		size_t place = place_for(wants, want->slot);
		if (place < SHOAL_WANT_FLIGHTS) {
			ask(core, want, place);
		}
	}
}

/* Asks for what waits, as far as there are places. A request that begins may find others that ended
 * long ago. */
static void
ask_some(struct shoal_core *core)
{
	struct shoal_wants *wants = &core->wants;

	wants->asking = true;
	do {
		settle_all(core);
		ask_waiting(core);
	} while (settle_all(core));
	wants->asking = false;
	if (!shoal_list_empty(&wants->list) && !shoal_timer_armed(&wants->timer)) {
		shoal_heap_arm(&core->heap, &wants->timer, core->now + PATIENCE);
	}
}

/* Who offers what is known here has it, and is told that it is, once: the origin each time, which
 * never answers, another one where it was not offered to it before. */
static void
known(struct shoal_core *core, uint32_t slot, const struct shoal_cast_key *key)
{
	struct shoal_cast *cast = shoal_cast_find(core, key);
	uint32_t origin = shoal_members_find(core, &key->id);
	bool answers = cast != NULL && shoal_spread_note(cast, slot);

	if (cast != NULL) {
		shoal_spread_had(core, cast, slot);
	}
	if (origin != SHOAL_SELF && (answers || origin == slot)) {
		add_known(core, slot, key);
	}
}

static void
offered(struct shoal_core *core, uint32_t slot, const struct shoal_cast_key *key)
{
	struct shoal_wants *wants = &core->wants;
	struct shoal_want *want;
	uint32_t number, its = 0;

	uint32_t origin = shoal_members_find(core, &key->id);
	if (origin == SHOAL_SELF || shoal_seen_has(core, key)) {
		known(core, slot, key);
		return;
	}
	SHOAL_LIST_FOREACH (node, &wants->list) {
		want = SHOAL_LIST_ITEM(node, struct shoal_want, node);
		its += want->slot == slot;
		if (want->key.number == key->number && shoal_cast_key_equal(&want->key, key)) {
			want->other = want->slot != slot ? slot : want->other;
			want->by_origin = want->by_origin || slot == origin;
			return;
		}
	}
	bool share = its <= (SHOAL_WANTS_MAX - (wants->slab.count - its)) / 2;
	want = share ? shoal_slab_take(&wants->slab, &number) : NULL;
	if (want == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_OFFERS);
		return;
	}
	want->key = *key;
	want->number = number;
	want->slot = slot;
	want->other = SHOAL_NONE;
	want->patience = PATIENCE;
	want->by_origin = slot == origin;
	shoal_list_push_back(&wants->list, &want->node);
}

void
shoal_want_offered(struct shoal_core *core, uint32_t slot, struct shoal_span keys)
{
	struct shoal_reader reader;
	struct shoal_cast_key key;

	shoal_reader_init(&reader, keys.data, keys.len);
	while (shoal_cast_key_next(&reader, &key) > 0) {
		offered(core, slot, &key);
	}
	ask_some(core);
}

void
shoal_want_ended(struct shoal_core *core, uint64_t exchange)
{
	struct shoal_wants *wants = &core->wants;

	for (size_t i = 0; i < SHOAL_WANT_FLIGHTS; i++) {
		if (wants->flight[i].exchange == exchange) {
			wants->flight[i].over = true;
			if (!wants->asking) {
				ask_some(core);
			}
		}
	}
}

void
shoal_want_on_timer(struct shoal_core *core)
{
	tell_known(core);
	SHOAL_LIST_FOREACH_SAFE (node, after, &core->wants.list) {
		struct shoal_want *want = SHOAL_LIST_ITEM(node, struct shoal_want, node);
		if (want->exchange != 0 && want->slow == 0 && can_give(core, want->other) &&
		        core->now - want->at >= want->patience) {
			want->slow = want->exchange;
			want->patience *= 2;
			pass_on(core, want);
		}
	}
	ask_some(core);
}

size_t
shoal_want_memory(const struct shoal_core *core)
{
	return shoal_slab_memory(&core->wants.slab);
}
