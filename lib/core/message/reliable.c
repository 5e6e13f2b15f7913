/* SPDX-License-Identifier: MIT */
/* One request to a member is in flight at a time. It carries what waits, from the first message
 * that is not known to be taken, up to a limit; the receipt in its answer says how far the member
 * has taken them. What moved goes on at once; what did not is tried again after a pause that
 * doubles, over a new connection. How they are taken is in taker.c.
 *
 * To a member that cannot be dialled requests go down its link, and the receipt comes by itself. Of
 * one that has none to this member a link is asked for; where no links are kept, that it polls this
 * member, and what waits goes with the answers to its polls.
 * Cost: a copy of each message here, one in the packet and one in the inbox. */
#include "core/message/reliable.h"

#include <string.h>

#include "core/event.h"
#include "core/node.h"
#include "core/sync/exchange.h"

#define BYTES_KEPT  16384
#define PAUSE       SHOAL_MS(50)
#define PAUSE_STEPS 5                 /* the longest pause: 2^5 times as long */
#define FAILURES    (PAUSE_STEPS + 1) /* that are counted, one before each of the pauses */
#define CROWDED     SHOAL_MS(10)      /* until a request can be queued */
/* What found no room comes again unasked, for what was to tell of room may be lost. */
#define FULL (PAUSE << PAUSE_STEPS)
/* No receiver expects one above this. */
#define NEXT_MOST (UINT64_C(1) << 63)

static uint32_t
waiting(const struct shoal_peer *peer)
{
	return (uint32_t)peer->queue.count - peer->ended;
}

static void
pause(struct shoal_core *core, struct shoal_peer *peer, uint64_t span)
{
	shoal_heap_arm(&core->heap, &peer->timer, core->now + shoal_jitter(core, span));
}

/* Requests with messages leave half of the places to those of the protocol, and those after a
 * failure half of that to the others: members that do not answer hold each for long. */
static bool
has_place(const struct shoal_core *core, bool doubtful)
{
	uint32_t most = (core->profile.exchanges_max + 1) / 2;

	return core->talk.flying < most && (!doubtful || core->talk.doubtful < (most + 1) / 2);
}

/* Who has waited longest for a place has its turn, soon. */
static void
call_next(struct shoal_core *core)
{
	for (int doubtful = 0; doubtful < 2; doubtful++) {
		struct shoal_list *first = shoal_list_first(&core->talk.crowd[doubtful]);
		if (first != NULL && has_place(core, doubtful != 0)) {
			struct shoal_peer *peer = SHOAL_LIST_ITEM(first, struct shoal_peer, place);
			shoal_list_remove(first);
			shoal_heap_arm(&core->heap, &peer->timer, core->now + 1);
			return;
		}
	}
}

static void
await_receipt(struct shoal_core *core, struct shoal_peer *peer)
{
	unsigned steps = peer->failures < PAUSE_STEPS ? peer->failures : PAUSE_STEPS;

	peer->flight = SHOAL_PEER_TOLD;
	peer->late = false;
	pause(core, peer, shoal_ms(core->profile.probe_interval_ms) << steps);
}

static bool
tell(struct shoal_core *core, struct shoal_peer *peer)
{
	if (shoal_send_to(core, SHOAL_SEND_DATAGRAM, peer->slot, SHOAL_FILL_BATCH) == NULL) {
		return false;
	}
	await_receipt(core, peer);
	return true;
}

static bool
ask(struct shoal_core *core, struct shoal_peer *peer)
{
	uint64_t number =
	        shoal_exchange_batch(core, peer->slot, shoal_peer_number(peer), peer->failures > 0);

	if (number == 0) {
		return false;
	}
	peer->flight = number;
	peer->doubtful = peer->failures > 0;
	core->talk.flying++;
	core->talk.doubtful += peer->doubtful;
	return true;
}

static bool
is_apart(const struct shoal_core *core, const struct shoal_peer *peer)
{
	return shoal_kind_parts(core, shoal_members_at(core, peer->slot));
}

/* Whether the member has no way in but links, and none to this one. */
static bool
is_walled(struct shoal_core *core, const struct shoal_peer *peer)
{
	return is_apart(core, peer) || (shoal_members_inbound(shoal_members_at(core, peer->slot)) &&
	                                       shoal_inbound_link(core, peer->slot) == 0);
}

static void
failed(struct shoal_core *core, struct shoal_peer *peer)
{
	shoal_count(core, SHOAL_COUNTER_BATCHES_FAILED);
	peer->failures += peer->failures < FAILURES;
}

/* No way to it is left but a link that may come; called: one was asked for. Those tries are counted
 * for themselves, so that the link has its time whatever failed before. What waits is given up
 * after some, once nobody is asked any more; at once where that one cannot dial this one either, or
 * the two have no kind of address in common. */
static void
await_link(struct shoal_core *core, struct shoal_peer *peer, bool called)
{
	bool never =
	        is_apart(core, peer) || shoal_members_inbound(shoal_members_at(core, SHOAL_SELF));

	failed(core, peer);
	if (never || (peer->unlinked == FAILURES && !called)) {
		shoal_peer_walled(core, peer);
		return;
	}
	pause(core, peer, PAUSE << (peer->unlinked < PAUSE_STEPS ? peer->unlinked : PAUSE_STEPS));
	peer->unlinked += peer->unlinked < FAILURES;
}

static void
begin(struct shoal_core *core, struct shoal_peer *peer)
{
	peer->unlinked = 0;
	peer->moved = peer->full = false;
	peer->seq = shoal_rng_u64(&core->rng);
}

static void
try_now(struct shoal_core *core, struct shoal_peer *peer)
{
	bool doubtful = peer->failures > 0;

	if (peer->flight != 0 || peer->over || waiting(peer) == 0 ||
	        shoal_list_linked(&peer->place)) {
		return;
	}
	bool walled = is_walled(core, peer);
	bool apart = is_apart(core, peer);
	bool called = walled && !apart && shoal_call_want(core, peer->slot);
	if (called && shoal_call_is_polled(core, peer->slot)) {
		peer->full = false; /* it comes for it */
		pause(core, peer, shoal_ms(core->profile.probe_interval_ms));
		return;
	}
	if (walled && (doubtful || apart)) {
		await_link(core, peer, called); /* its watchers dial it; one try was enough */
		return;
	}
	begin(core, peer);
	bool link = !walled && shoal_members_inbound(shoal_members_at(core, peer->slot));
	if (!link && !has_place(core, doubtful)) {
		shoal_list_push_back(&core->talk.crowd[doubtful], &peer->place);
	} else if (!(link ? tell(core, peer) : ask(core, peer))) {
		pause(core, peer, CROWDED);
	}
}

int
shoal_reliable_send(struct shoal_core *core, struct shoal_peer *peer,
        const struct shoal_entry *entry, uint64_t token)
{
	uint64_t cost = entry->data.len + SHOAL_MESSAGE_COST;
	size_t size = shoal_entry_size(entry);
	struct shoal_letter *letter = NULL;
	struct shoal_writer writer;

	if (peer->over || peer->cost + cost > core->profile.queue_bytes) {
		return SHOAL_ERR_AGAIN;
	}
	letter = shoal_ring_push(&peer->queue);
	uint8_t *data = letter != NULL ? shoal_fifo_push(&peer->bytes, size) : NULL;
	if (data == NULL) {
		peer->queue.count -= letter != NULL ? 1 : 0;
		return SHOAL_ERR_NOMEM;
	}
	shoal_writer_init(&writer, data, size);
	shoal_entry_write(&writer, entry);
	*letter = (struct shoal_letter){
	        .token = token, .size = (uint32_t)size, .cost = (uint32_t)cost};
	peer->cost += cost;
	if (!shoal_timer_armed(&peer->timer)) {
		if (waiting(peer) == 1) {
			peer->failures = peer->unlinked = 0; /* of what was given up: no news */
		}
		try_now(core, peer);
	}
	return SHOAL_OK;
}

void
shoal_reliable_land(struct shoal_core *core, struct shoal_peer *peer)
{
	shoal_list_remove(&peer->place);
	if (peer->flight != 0 && peer->flight != SHOAL_PEER_TOLD) {
		core->talk.flying--;
		core->talk.doubtful -= peer->doubtful;
		call_next(core);
	}
	peer->flight = 0;
}

void
shoal_reliable_on_timer(struct shoal_core *core, uint32_t number)
{
	struct shoal_peer *peer = shoal_peer_at(core, number);

	bool told = peer->flight == SHOAL_PEER_TOLD;
	if (told && !peer->late) {
		failed(core, peer);
	}
	if (told && shoal_call_is_polled(core, peer->slot)) {
		peer->late = true; /* it may be on its way: what is long takes long */
		pause(core, peer, shoal_ms(core->profile.probe_interval_ms));
		return;
	}
	peer->flight = told ? 0 : peer->flight;
	try_now(core, peer);
}

void
shoal_reliable_linked(struct shoal_core *core, uint32_t slot)
{
	struct shoal_peer *peer = shoal_peer_find(core, slot);

	if (peer == NULL || peer->flight == SHOAL_PEER_TOLD ||
	        !shoal_members_inbound(shoal_members_at(core, slot))) {
		return; /* what was told by the link before may have come */
	}
	shoal_reliable_land(core, peer); /* it was dialled, in case that it could be */
	peer->failures = 0;
	shoal_heap_disarm(&core->heap, &peer->timer);
	try_now(core, peer);
}

bool
shoal_reliable_waits(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_peer *peer = shoal_peer_find(core, slot);

	return peer != NULL && !peer->over && waiting(peer) > 0;
}

bool
shoal_reliable_polled(struct shoal_core *core, uint32_t slot)
{
	struct shoal_peer *peer = shoal_peer_find(core, slot);

	if (!shoal_reliable_waits(core, slot) || peer->full ||
	        (peer->flight == SHOAL_PEER_TOLD && !peer->late)) {
		return false;
	}
	uint64_t seq = peer->seq;
	bool again = peer->flight == SHOAL_PEER_TOLD;
	shoal_reliable_land(core, peer);
	peer->failures = peer->unlinked > 0 ? 0 : peer->failures; /* to find a way to it */
	begin(core, peer);
	peer->seq = again ? seq : peer->seq; /* the receipt of the one before says as much */
	await_receipt(core, peer);
	return true;
}

void
shoal_reliable_unlinked(struct shoal_core *core, uint32_t slot)
{
	struct shoal_peer *peer = shoal_peer_find(core, slot);

	if (peer != NULL && peer->flight == SHOAL_PEER_TOLD && is_walled(core, peer)) {
		peer->flight = 0; /* what was told may have come: it is taken once */
		shoal_heap_disarm(&core->heap, &peer->timer);
		try_now(core, peer);
	}
}

void
shoal_reliable_uncalled(struct shoal_core *core, uint32_t slot)
{
	struct shoal_peer *peer = shoal_peer_find(core, slot);

	if (peer != NULL && peer->unlinked == FAILURES && is_walled(core, peer)) {
		shoal_peer_walled(core, peer);
	}
}

void
shoal_reliable_ended(struct shoal_core *core, uint64_t number, uint64_t exchange)
{
	struct shoal_peer *peer = shoal_peer_at(core, (uint32_t)number);

	if (peer == NULL || peer->flight != exchange) {
		return; /* nobody waits for it any more */
	}
	shoal_reliable_land(core, peer);
	if (peer->full) {
		peer->failures = 0;
		pause(core, peer, FULL);
		return;
	}
	if (peer->moved) {
		peer->failures = 0;
		try_now(core, peer);
		return;
	}
	failed(core, peer);
#ifdef SHOAL_PLANT_BATCH_ONCE
	return;
#endif
	pause(core, peer, PAUSE << (peer->failures - 1));
}

bool
shoal_reliable_is_due(const struct shoal_core *core, const struct shoal_pending *pending)
{
	const struct shoal_peer *peer = shoal_peer_find(core, pending->slot);
	uint64_t flight = pending->kind == SHOAL_SEND_REQUEST ? pending->exchange : SHOAL_PEER_TOLD;

	return peer != NULL && peer->flight == flight && waiting(peer) > 0;
}

/* The messages that one packet takes, and their bytes. */
static uint32_t
choose(const struct shoal_core *core, const struct shoal_peer *peer, size_t *size)
{
	uint32_t n = 0;

	*size = 0;
	for (; n < waiting(peer); n++) {
		const struct shoal_letter *letter = shoal_ring_at(&peer->queue, peer->ended + n);
		if (n > 0 && *size + letter->size > shoal_coding_batch(core)) {
			break;
		}
		*size += letter->size;
	}
	return n;
}

void
shoal_reliable_write(
        struct shoal_core *core, const struct shoal_pending *pending, struct shoal_writer *writer)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_peer *peer = shoal_peer_find(core, pending->slot);
	struct shoal_msg_batch batch = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .instance = peer->salt,
	        .seq = peer->seq,
	        .first = peer->first};
	size_t size;

	choose(core, peer, &size);
	batch.entries = (struct shoal_span){shoal_fifo_data(&peer->bytes), size};
	/* Down a link, too, it goes as one piece and not as what fits a datagram. */
	writer->failed = writer->data == core->sends.datagram ||
	                 !shoal_coding_append(core, writer, SHOAL_MESSAGE_BATCH, &batch);
}

void
shoal_reliable_sent(struct shoal_core *core, const struct shoal_pending *pending)
{
	struct shoal_peer *peer = shoal_peer_find(core, pending->slot);
	size_t size;
	uint32_t n = choose(core, peer, &size);

	peer->sent = n > peer->sent ? n : peer->sent;
	peer->batch = n;
	core->counters.value[SHOAL_COUNTER_MESSAGES_OUT] += n;
}

/* So many of what was sent have this end. */
static void
advance(struct shoal_core *core, struct shoal_peer *peer, uint32_t n, int code)
{
	size_t bytes = 0;

	for (uint32_t i = 0; i < n; i++) {
		struct shoal_letter *letter = shoal_ring_at(&peer->queue, peer->ended + i);
		bytes += letter->size;
		letter->code = code;
	}
	shoal_fifo_drop(&peer->bytes, bytes, BYTES_KEPT);
	peer->ended += n;
	peer->sent -= n;
	peer->first += n;
	peer->moved = peer->moved || n > 0;
	core->counters.value[code == SHOAL_OK ? SHOAL_COUNTER_MESSAGES_TAKEN
	                                      : SHOAL_COUNTER_MESSAGES_ENDED] += n;
}

/* It expects numbers that it was not sent: somebody else sent it some under this name. What is
 * under way can not be known to be taken; what follows begins where it will take it. */
static void
give_up(struct shoal_core *core, struct shoal_peer *peer, uint64_t next)
{
	struct shoal_log_line line;

	shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
	advance(core, peer, peer->sent, SHOAL_ERR_CLOSED);
	peer->lifted += next - peer->first;
	peer->first = next;
	if (!peer->warned && shoal_log_begin(core, &line, SHOAL_LOG_WARN, "messages")) {
		shoal_text_str(&line.text, "somebody sends messages to ");
		shoal_text_str(&line.text, shoal_members_name(shoal_members_at(core, peer->slot)));
		shoal_text_str(&line.text, " in this member's name");
	}
	peer->warned = true;
}

/* A request in flight goes on when it has ended. */
static void
go_on(struct shoal_core *core, struct shoal_peer *peer)
{
	shoal_peer_tell(core, peer);
	if (peer->flight != 0 && peer->flight != SHOAL_PEER_TOLD) {
		return;
	}
	peer->flight = 0;
	peer->failures = 0;
	if (peer->full) {
		pause(core, peer, FULL);
		return;
	}
	shoal_heap_disarm(&core->heap, &peer->timer);
	try_now(core, peer);
}

void
shoal_reliable_on_receipt(
        struct shoal_core *core, uint32_t slot, const struct shoal_msg_receipt *receipt)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_peer *peer = shoal_peer_find(core, slot);
	bool refused = receipt->code == (uint64_t)-SHOAL_ERR_TOO_BIG;

	if (peer == NULL || receipt->salt != peer->salt ||
	        receipt->instance != shoal_members_salt(self) || peer->over ||
	        (peer->flight == 0 && !peer->full) || receipt->seq != peer->seq ||
	        !shoal_peer_may_say(core, receipt->salt)) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
		return;
	}
	if (receipt->code == (uint64_t)-SHOAL_ERR_NOT_FOUND) {
		/* It does not know this one: it is told. */
		shoal_send_gossip(core, slot, SHOAL_FILL_SELF, SHOAL_NONE);
	}
	if ((receipt->code != 0 && !refused) || receipt->next < peer->first) {
		return;
	}
	if (receipt->next > NEXT_MOST) {
		shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
		return;
	}
#ifdef SHOAL_PLANT_GIVEN_UP
	advance(core, peer, peer->sent, SHOAL_ERR_CLOSED);
	go_on(core, peer);
	return;
#endif
	/* One that comes again, when none is in flight any more, tells of room. */
	peer->full = !refused && peer->flight != 0 && receipt->next - peer->first < peer->batch;
	peer->batch = 0;
	if (receipt->next - peer->first > peer->sent) {
		give_up(core, peer, receipt->next);
	} else {
		advance(core, peer, (uint32_t)(receipt->next - peer->first), SHOAL_OK);
		if (refused && peer->sent > 0) {
			advance(core, peer, 1, SHOAL_ERR_TOO_BIG);
		}
	}
	if (peer->moved || peer->full || peer->flight == 0) {
		go_on(core, peer);
	}
}
