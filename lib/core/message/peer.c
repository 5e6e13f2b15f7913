/* SPDX-License-Identifier: MIT */
/* Peers live in a slab and are found by the member's slot in O(1). Numbers that a peer gives out
 * never come again, also where its state was dropped and made anew: a new one starts above all that
 * were ever given. So a receiver takes whatever is at or above the number that it expects.
 *
 * The ends of messages are told from the queue itself: what has ended stands at its front until the
 * host has heard of it. So no end needs memory, and none is lost. */
#include "core/message/peer.h"

#include <string.h>

#include "core/message/reliable.h"
#include "core/node.h"

/* Memory that an empty queue of a peer keeps. */
#define LETTERS_KEPT 64

static bool
has_slot(const void *owner, uint32_t value, const void *key)
{
	const struct shoal_core *core = owner;
	uint32_t slot;

	memcpy(&slot, key, sizeof slot);
	return shoal_peer_at(core, value)->slot == slot;
}

void
shoal_peer_init(struct shoal_core *core)
{
	struct shoal_talk *talk = &core->talk;
	uint32_t most = core->profile.members_max;

	shoal_slab_init(&talk->peers, &core->mem, sizeof(struct shoal_peer), most);
	shoal_table_init(&talk->by_slot, &core->mem, core->members.by_id.key, most, has_slot, core);
	shoal_list_init(&talk->told);
	shoal_list_init(&talk->turned);
	shoal_list_init(&talk->crowd[0]);
	shoal_list_init(&talk->crowd[1]);
	shoal_ring_init(&talk->past, &core->mem, sizeof(struct shoal_peer_past), SHOAL_PEERS_PAST);
	shoal_inbox_init(core);
}

static void
release(struct shoal_peer *peer)
{
	shoal_fifo_done(&peer->mail);
	shoal_fifo_done(&peer->bytes);
	shoal_ring_done(&peer->queue);
}

void
shoal_peer_done(struct shoal_core *core)
{
	for (uint32_t i = 0; i < core->talk.peers.end; i++) {
		struct shoal_peer *peer = shoal_peer_at(core, i);
		if (peer != NULL) {
			release(peer);
		}
	}
	shoal_slab_done(&core->talk.peers);
	shoal_table_done(&core->talk.by_slot);
	shoal_ring_done(&core->talk.past);
	shoal_inbox_done(core);
}

struct shoal_peer *
shoal_peer_at(const struct shoal_core *core, uint32_t number)
{
	return shoal_slab_at(&core->talk.peers, number);
}

uint32_t
shoal_peer_number(const struct shoal_peer *peer)
{
	return peer->timer.slot;
}

static uint64_t
hash_of(const struct shoal_core *core, uint32_t slot)
{
	return shoal_table_hash(&core->talk.by_slot, &slot, sizeof slot);
}

struct shoal_peer *
shoal_peer_find(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_talk *talk = &core->talk;

	if (talk->by_slot.count == 0 || slot == SHOAL_NONE) {
		return NULL;
	}
	return shoal_peer_at(core, shoal_table_find(&talk->by_slot, hash_of(core, slot), &slot));
}

/* What was taken from the instance is remembered; without memory it is not. */
static void
remember(struct shoal_core *core, const struct shoal_peer *peer)
{
	struct shoal_ring *past = &core->talk.past;
	struct shoal_peer_past *one;

	if (peer->expected == 0 && peer->highest == 0) {
		return;
	}
	if (past->count == SHOAL_PEERS_PAST) {
		shoal_ring_pop(past);
	}
	one = shoal_ring_push(past);
	if (one != NULL) {
		*one = (struct shoal_peer_past){.id = peer->id,
		        .salt = peer->salt,
		        .expected = peer->expected,
		        .highest = peer->highest};
	}
}

/* About this instance, of which nothing is known but what is remembered. */
static void
begin(struct shoal_core *core, struct shoal_peer *peer)
{
	const struct shoal_ring *past = &core->talk.past;

	peer->salt = shoal_members_salt(shoal_members_at(core, peer->slot));
	peer->expected = peer->highest = 0;
	peer->warned = false;
	shoal_list_remove(&peer->turned);
	memset(peer->seen, 0, sizeof peer->seen);
	for (size_t i = past->count; i > 0; i--) {
		const struct shoal_peer_past *one = shoal_ring_at(past, i - 1);
		if (one->salt == peer->salt && shoal_id_compare(&one->id, &peer->id) == 0) {
			peer->expected = one->expected;
			peer->highest = one->highest;
			memset(peer->seen, 0xff, sizeof peer->seen);
			peer->seen[one->highest / 64 % SHOAL_PEER_WORDS] =
			        (UINT64_C(2) << one->highest % 64) - 1;
			return;
		}
	}
}

struct shoal_peer *
shoal_peer_take(struct shoal_core *core, uint32_t slot)
{
	struct shoal_talk *talk = &core->talk;
	struct shoal_peer *peer = shoal_peer_find(core, slot);
	size_t most = core->profile.queue_bytes;
	uint32_t number;

	if (peer != NULL) {
		return peer;
	}
	if (shoal_reserve_timers(core) != SHOAL_OK ||
	        (peer = shoal_slab_take(&talk->peers, &number)) == NULL) {
		return NULL;
	}
	peer->timer.kind = SHOAL_TIMER_PEER;
	peer->timer.slot = number;
	peer->slot = slot;
	peer->id = shoal_members_at(core, slot)->info->id;
	if (shoal_table_put(&talk->by_slot, hash_of(core, slot), number) != SHOAL_OK) {
		shoal_slab_give(&talk->peers, number);
		return NULL;
	}
	/* What an entry takes besides its bytes is less than what it counts. */
	shoal_fifo_init(&peer->mail, &core->mem, most);
	shoal_fifo_init(&peer->bytes, &core->mem, most);
	shoal_ring_init(&peer->queue, &core->mem, sizeof(struct shoal_letter), most);
	peer->first = peer->packets = talk->number + 1;
	begin(core, peer);
	return peer;
}

bool
shoal_peer_may_say(const struct shoal_core *core, uint64_t salt)
{
	return !core->seal.sealed || core->seal.salt == salt;
}

bool
shoal_peer_is_there(const struct shoal_record *record)
{
	return shoal_members_counts(record) || record->state == SHOAL_STATE_LEAVING;
}

/* No number of it is given out again. What its member said of numbers is that member's alone. */
static void
keep_numbers(struct shoal_core *core, const struct shoal_peer *peer)
{
	uint64_t next = peer->first - peer->lifted + peer->queue.count;

	next = peer->packets > next ? peer->packets : next;
	core->talk.number = next > core->talk.number ? next : core->talk.number;
}

/* Nothing that waits will be taken. */
static void
end(struct shoal_core *core, struct shoal_peer *peer)
{
	if (shoal_fifo_len(&peer->mail) > 0) {
		shoal_fifo_drop(&peer->mail, shoal_fifo_len(&peer->mail), 0);
		peer->written = 0;
		peer->letters = 0;
	}
	shoal_reliable_land(core, peer);
	shoal_heap_disarm(&core->heap, &peer->timer);
	peer->failures = peer->unlinked = 0;
	if (peer->queue.count > peer->ended && !peer->over) {
		peer->over = true;
		peer->walled = false;
		core->counters.value[SHOAL_COUNTER_MESSAGES_ENDED] +=
		        peer->queue.count - peer->ended;
		shoal_fifo_drop(&peer->bytes, shoal_fifo_len(&peer->bytes), 0);
	}
	shoal_peer_tell(core, peer);
}

void
shoal_peer_lost(struct shoal_core *core, uint32_t slot)
{
	struct shoal_peer *peer = shoal_peer_find(core, slot);

	if (peer == NULL) {
		return;
	}
	end(core, peer);
	if (peer->salt != shoal_members_salt(shoal_members_at(core, slot))) {
		remember(core, peer);
		begin(core, peer);
	}
}

void
shoal_peer_walled(struct shoal_core *core, struct shoal_peer *peer)
{
	end(core, peer);
	peer->walled = peer->over;
}

static void
drop(struct shoal_core *core, struct shoal_peer *peer)
{
	shoal_list_remove(&peer->node);
	shoal_list_remove(&peer->place);
	release(peer);
	shoal_slab_give(&core->talk.peers, shoal_peer_number(peer));
}

void
shoal_peer_forget(struct shoal_core *core, uint32_t slot)
{
	struct shoal_peer *peer = shoal_peer_find(core, slot);

	if (peer == NULL) {
		return;
	}
	keep_numbers(core, peer);
	remember(core, peer);
	end(core, peer);
	peer->wanted = 0;
	shoal_list_remove(&peer->turned);
	shoal_table_remove(&core->talk.by_slot, hash_of(core, slot), shoal_peer_number(peer));
	peer->slot = SHOAL_NONE;
	if (peer->queue.count == 0) {
		drop(core, peer);
	}
}

void
shoal_peer_end_all(struct shoal_core *core)
{
	for (uint32_t i = 0; i < core->talk.peers.end; i++) {
		struct shoal_peer *peer = shoal_peer_at(core, i);
		if (peer != NULL) {
			peer->wanted = 0;
			end(core, peer);
		}
	}
}

bool
shoal_peer_is_past(const struct shoal_peer *peer, uint64_t number)
{
	return number / 64 < peer->highest / 64 &&
	       peer->highest / 64 - number / 64 >= SHOAL_PEER_WORDS;
}

/* The window of RFC 6479: a ring of words of which those above the highest number are cleared when
 * it passes them. */
bool
shoal_peer_saw(struct shoal_peer *peer, uint64_t number)
{
	const uint64_t words = SHOAL_PEER_WORDS;
	uint64_t word = number / 64, top = peer->highest / 64;
	uint64_t bit = UINT64_C(1) << number % 64;

	SHOAL_ASSERT(!shoal_peer_is_past(peer, number));
	if (number > peer->highest) {
		for (uint64_t i = 1; i <= word - top && i <= words; i++) {
			peer->seen[(top + i) % words] = 0;
		}
		peer->highest = number;
	}
	bool seen = (peer->seen[word % words] & bit) != 0;
	peer->seen[word % words] |= bit;
#ifdef SHOAL_PLANT_COPY_TAKEN
	return false;
#endif
	return seen;
}

/* Whether a queue that was full is half empty, and what was refused fits. */
static bool
has_room(const struct shoal_core *core, const struct shoal_peer *peer)
{
	uint64_t most = core->profile.queue_bytes;
	uint64_t held = shoal_fifo_len(&peer->mail);

	held = peer->cost > held ? peer->cost : held;
	return peer->wanted != 0 && !peer->over && held <= most / 2 && held + peer->wanted <= most;
}

static bool
has_news(const struct shoal_core *core, const struct shoal_peer *peer)
{
	return peer->ended > 0 || peer->over || has_room(core, peer);
}

void
shoal_peer_tell(struct shoal_core *core, struct shoal_peer *peer)
{
	if (!shoal_list_linked(&peer->node) && has_news(core, peer)) {
		shoal_list_push_back(&core->talk.told, &peer->node);
	}
}

/* The end of the first in the queue. false: the host wants to hear of none. */
static bool
next_end(struct shoal_peer *peer, struct shoal_event *event)
{
	while (peer->ended > 0 || peer->over) {
		struct shoal_letter letter =
		        *(const struct shoal_letter *)shoal_ring_front(&peer->queue);
		int code = SHOAL_ERR_UNREACHABLE;

		if (peer->ended > 0) {
			peer->ended--;
			code = letter.code;
#ifdef SHOAL_PLANT_TAKEN_UNTOLD
			code = SHOAL_ERR_UNREACHABLE;
#endif
		} else {
			peer->first++;
			code = peer->sent > 0 ? SHOAL_ERR_CLOSED : code;
			code = peer->walled ? SHOAL_ERR_WALLED : code;
			peer->sent -= peer->sent > 0 ? 1 : 0;
		}
		peer->cost -= letter.cost;
		shoal_ring_pop(&peer->queue);
		shoal_ring_shrink(&peer->queue, LETTERS_KEPT);
		peer->over = peer->over && peer->queue.count > 0;
		if (letter.token != 0) {
			event->kind = SHOAL_EVENT_SENT;
			event->exchange = letter.token;
			event->code = code;
			return true;
		}
	}
	return false;
}

bool
shoal_peer_next_event(struct shoal_core *core, struct shoal_event *event)
{
	struct shoal_list *first;

	if (shoal_inbox_next(core, event)) {
		return true;
	}
	while ((first = shoal_list_first(&core->talk.told)) != NULL) {
		struct shoal_peer *peer = SHOAL_LIST_ITEM(first, struct shoal_peer, node);
		bool found = next_end(peer, event);

		event->slot = peer->slot;
		event->id = peer->id;
		if (!found && has_room(core, peer)) {
			peer->wanted = 0;
			event->kind = SHOAL_EVENT_WRITABLE;
			found = true;
		}
		if (!has_news(core, peer)) {
			shoal_list_remove(&peer->node);
			if (peer->slot == SHOAL_NONE) {
				drop(core, peer);
			}
		}
		if (found) {
			return true;
		}
	}
	return false;
}

size_t
shoal_peer_memory(const struct shoal_core *core)
{
	const struct shoal_talk *talk = &core->talk;
	size_t bytes = shoal_slab_memory(&talk->peers) + shoal_table_memory(&talk->by_slot) +
	               shoal_ring_memory(&talk->past) + shoal_inbox_memory(core);

	for (uint32_t i = 0; i < talk->peers.end; i++) {
		const struct shoal_peer *peer = shoal_peer_at(core, i);
		if (peer != NULL) {
			bytes += shoal_fifo_memory(&peer->mail) + shoal_fifo_memory(&peer->bytes) +
			         shoal_ring_memory(&peer->queue);
		}
	}
	return bytes;
}
