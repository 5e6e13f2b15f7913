/* SPDX-License-Identifier: MIT */
/* Where no links are kept, a member that others cannot dial is reached by what it asks itself. It
 * sends a PING as a request to three others, four times an interval or more, and in the reply comes
 * a PING of whoever waits for its answer: of a probe whose time-out has passed, and of those that
 * are made for others. It answers them in datagrams, which get out. So it is judged by its answers
 * to random numbers, as any other is, and dead as soon.
 *
 * It begins when a seed has let it in, and when others say that they cannot reach it. It ends when
 * something came in of itself after the last ping that a poll brought, and that is a while ago: an
 * ordinary member polls for an interval or so, one that only some can dial goes on. Where nothing
 * comes in, others are asked to connect, as in inbound.c; if they cannot either, it says in its
 * statement that it cannot be dialled. Datagrams to a socket are no way in: each that this member
 * sends opens a firewall for its answer, and for half a minute for whatever else comes from there.
 *
 * What is put in a reply is put there only where the poll was sealed or came from a host of that
 * member: who knows its id and salt gets no further with them than with a refutation. At URLs the
 * caller says what host that is, and nothing proves it: who reaches the port can answer for the
 * member there, and take messages to it, where packets are not sealed.
 *
 * Who has a message for one that says that it cannot be dialled gives it along with the reply; whom
 * it does not poll of itself asks it to, as for a link (call.h). A reply that brought a message is
 * followed by a poll at once: more may wait. One with messages may take long, or be lost, so no
 * ping goes with them, and while it comes another poll goes beside it, for what is not a message.
 */
#include "core/detect/poll.h"

#include <string.h>

#include "core/detect/ways.h"
#include "core/message/reliable.h"
#include "core/message/user.h"
#include "core/node.h"
#include "core/sync/exchange.h"

/* In probe intervals: nothing came in for so long, at a URL and at a socket, where only requests
 * count, which need not come of themselves; and others are asked to connect so far apart. */
#define ALONE_URL    8
#define ALONE_SOCKET 2
#define ASK_AGAIN    2
/* Polls in an interval, at least, and between a time-out and the end of a probe. */
#define POLLS      4
#define POLLS_LEFT 2
/* Where more waits than one reply brings, the pause is so many times shorter. */
#define FASTER 8
/* A ping that a poll brought says for so long that not all get in. And so long after others were
 * asked, or got in, they are asked again where that may have changed. */
#define LATELY SHOAL_SEC(60)

void
shoal_poll_init(struct shoal_core *core)
{
	core->poll.timer.kind = SHOAL_TIMER_POLL;
}

bool
shoal_poll_is_for(const struct shoal_core *core, const struct shoal_record *record)
{
	return core->profile.stream_pings != 0 &&
	       (core->profile.watchers == 0 || !shoal_kind_is_linked(record));
}

static uint64_t
interval(const struct shoal_core *core)
{
	return shoal_ms(core->profile.probe_interval_ms);
}

static uint64_t
pause_of(const struct shoal_core *core)
{
	uint64_t left = interval(core) - shoal_ms(core->profile.probe_timeout_ms);
	uint64_t most = interval(core) / POLLS;

	left /= POLLS_LEFT;
	return left < most ? left : most;
}

static void
begin(struct shoal_core *core, uint64_t wait)
{
	struct shoal_poll *poll = &core->poll;

	if (poll->needed || !shoal_poll_is_for(core, shoal_members_at(core, SHOAL_SELF))) {
		return;
	}
	poll->needed = true;
	poll->brought = poll->next = 0;
	poll->begun = core->now;
	shoal_heap_arm(&core->heap, &poll->timer, core->now + wait);
}

void
shoal_poll_joined(struct shoal_core *core)
{
	if (!shoal_reach_is_known(core)) {
		begin(core, shoal_ms(core->profile.probe_timeout_ms) / 2);
	}
}

void
shoal_poll_unreached(struct shoal_core *core)
{
	begin(core, 0);
}

/* Whether those who get in do so of themselves, and whoever asked lately did not need a poll. */
static bool
is_over(const struct shoal_core *core)
{
	const struct shoal_poll *poll = &core->poll;
	uint64_t last = shoal_reach_last(core);

	return last > poll->begun && last > poll->brought &&
	       (poll->brought == 0 || core->now - poll->brought >= LATELY);
}

static void
end(struct shoal_core *core)
{
	core->poll.needed = false;
	shoal_heap_disarm(&core->heap, &core->poll.timer);
}

void
shoal_poll_reached(struct shoal_core *core)
{
	if (!core->poll.needed) {
		return;
	}
	shoal_inbound_reached(core);
	if (is_over(core)) {
		end(core);
	}
}

unsigned
shoal_poll_brings(const struct shoal_exchange *exchange)
{
	return exchange != NULL && exchange->purpose == SHOAL_EXCHANGE_PING ? SHOAL_POLL_PINGS : 1;
}

void
shoal_poll_brought(struct shoal_core *core)
{
	struct shoal_poll *poll = &core->poll;
	uint64_t soon = core->now + pause_of(core) / FASTER;

	/* More than one at once: others may wait. */
	if (poll->brought == core->now && poll->needed && poll->timer.at > soon) {
		shoal_heap_arm(&core->heap, &poll->timer, soon);
	}
	poll->brought = core->now;
}

uint32_t
shoal_poll_anchors(struct shoal_core *core, uint32_t slot, uint32_t anchors[SHOAL_POLLED])
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint32_t found = 0, first = SHOAL_NONE, at = slot;

	/* The ring is of those that live: from no other one a lap ends where it began. */
	if (record->state != SHOAL_STATE_ALIVE && record->state != SHOAL_STATE_SUSPECT) {
		return 0;
	}
	/* Those that it has no way to are no steps: where few have one, they are found all the
	 * same, in one lap at most. */
	for (unsigned i = 0; i < SHOAL_RING_STEPS && found < SHOAL_POLLED;) {
		at = shoal_tree_next(core, at);
		if (at == SHOAL_NONE || at == slot || at == first) {
			break;
		}
		first = first == SHOAL_NONE ? at : first;
		const struct shoal_record *other = shoal_members_at(core, at);
		bool joins = shoal_kind_joins(record, other);
		if (joins && !shoal_members_inbound(other)) {
			anchors[found++] = at;
		}
		i += joins;
	}
	return found;
}

static void
write_ping(struct shoal_pending *reply, const struct shoal_msg_ping *base, uint64_t seq)
{
	struct shoal_msg_ping message = *base;

	message.seq = seq;
	shoal_send_primary(reply, SHOAL_MESSAGE_PING, &message);
}

bool
shoal_poll_comes(struct shoal_core *core, uint32_t slot)
{
	uint32_t anchor[SHOAL_POLLED], n = 0, i = 0;

	if (shoal_send_is_polled(core, shoal_members_at(core, slot))) {
		n = shoal_poll_anchors(core, slot, anchor);
	}
	while (i < n && anchor[i] != SHOAL_SELF) {
		i++;
	}
	return i < n;
}

/* Messages for it, of one kind: together they may be longer than an answer can be. */
static unsigned
messages_for(struct shoal_core *core, uint32_t slot)
{
	bool mail = shoal_user_waits(core, slot);

	if (mail && shoal_rng_below(&core->rng, 2) == 0) {
		return SHOAL_FILL_MAIL;
	}
	return shoal_reliable_polled(core, slot) ? SHOAL_FILL_BATCH : mail ? SHOAL_FILL_MAIL : 0;
}

void
shoal_poll_serve(struct shoal_core *core, uint32_t slot, const struct shoal_msg_ping *ping,
        const struct shoal_addr *from, struct shoal_pending *reply)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_msg_ping message = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .mark = shoal_tree_mark(shoal_tree_root(core))};
	uint64_t seq[SHOAL_POLL_PINGS];
	unsigned n = 0;

	if (record == NULL || slot == SHOAL_SELF || ping->salt != shoal_members_salt(record) ||
	        !shoal_peer_may_say(core, ping->salt) || !shoal_poll_is_for(core, record) ||
	        !shoal_inbound_is_from(core, record, from)) {
		return;
	}
	reply->flags |= SHOAL_FILL_CASTS;
	shoal_repair_sum(core, reply);
	message.target = record->info->id;
	n += shoal_ways_carry(core, slot, seq);
	n += shoal_relay_carry(core, &record->info->id, SHOAL_POLL_PINGS - n, seq + n);
	for (unsigned i = 0; i < n; i++) {
		write_ping(reply, &message, seq[i]);
		shoal_count(core, SHOAL_COUNTER_PINGS_OUT);
	}
	if (!shoal_members_inbound(record)) {
		return;
	}
	/* Messages go alone and with what has time only, and have their turn where requests never
	 * end. */
	bool may = n == 0 && SHOAL_NUMBER_KIND(ping->seq) == SHOAL_NUMBER_POLL;
	bool first = may && shoal_rng_below(&core->rng, 2) == 0;
	unsigned calls = first ? 0 : shoal_call_carry(core, slot, SHOAL_POLL_PINGS - n, reply);
	unsigned messages = may && calls == 0 ? messages_for(core, slot) : 0;
	if (first && messages == 0) {
		(void)shoal_call_carry(core, slot, SHOAL_POLL_PINGS, reply);
	}
	reply->flags |= messages;
	shoal_call_polled(core, slot, messages != 0);
}

void
shoal_poll_on_ack(struct shoal_core *core)
{
	core->poll.answered = core->now;
}

void
shoal_poll_one(struct shoal_core *core, uint32_t slot, struct shoal_polled *place)
{
	bool mail = shoal_members_inbound(shoal_members_at(core, SHOAL_SELF));
	uint64_t most = mail ? shoal_ms(core->profile.exchange_timeout_ms) : interval(core);

	if (place->slot != slot) {
		*place = (struct shoal_polled){.slot = slot};
	}
	if (shoal_members_at(core, slot)->state != SHOAL_STATE_ALIVE) {
		return;
	}
	if (shoal_exchange_to(core, place->number).port == 0) {
		place->number = shoal_ways_poll(core, slot, SHOAL_NUMBER_POLL, most);
	} else if (mail && shoal_exchange_to(core, place->beside).port == 0) {
		place->beside = shoal_ways_poll(core, slot, SHOAL_NUMBER_LOOK, interval(core));
	}
}

/* only: this one of them, SHOAL_NONE: all. */
static void
ask(struct shoal_core *core, uint32_t only)
{
	uint32_t anchor[SHOAL_POLLED], n = shoal_poll_anchors(core, SHOAL_SELF, anchor);

	for (uint32_t i = 0; i < n; i++) {
		if (only == SHOAL_NONE || only == anchor[i]) {
			shoal_poll_one(core, anchor[i], &core->poll.place[i]);
		}
	}
	shoal_call_poll(core, only);
}

void
shoal_poll_again(struct shoal_core *core, uint32_t slot)
{
	struct shoal_poll *poll = &core->poll;

	if (poll->told && poll->needed &&
	        shoal_members_inbound(shoal_members_at(core, SHOAL_SELF))) {
		ask(core, slot);
	}
	poll->told = false;
}

/* Whether others are to be asked to connect: what this member sends gets out, and nobody got in. At
 * a socket that a datagram comes may mean that the wall has gone. */
static bool
is_alone(const struct shoal_core *core)
{
	const struct shoal_poll *poll = &core->poll;
	uint64_t last = shoal_reach_last(core), wait = ALONE_URL * interval(core);

	if (core->now - poll->answered > 2 * interval(core)) {
		return false;
	}
	if (shoal_kind_is_linked(shoal_members_at(core, SHOAL_SELF))) {
		bool first = last <= poll->begun;
		wait = first ? ALONE_SOCKET * interval(core) : LATELY;
		last = first ? poll->begun : last;
	}
	bool due = poll->next <= core->now ||
	           (core->reach.pinged > poll->asked && core->now - poll->asked >= LATELY);
	return due && core->now - last >= wait;
}

void
shoal_poll_on_timer(struct shoal_core *core)
{
	struct shoal_poll *poll = &core->poll;

	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		return;
	}
	if (!shoal_poll_is_for(core, shoal_members_at(core, SHOAL_SELF)) || is_over(core)) {
		end(core);
		return;
	}
	ask(core, SHOAL_NONE);
	if (is_alone(core)) {
		uint64_t again = shoal_inbound_ask(core);
		poll->asked = core->now;
		poll->next = again != 0 ? again : core->now + ASK_AGAIN * interval(core);
	}
	shoal_heap_arm(&core->heap, &poll->timer, core->now + pause_of(core));
}
