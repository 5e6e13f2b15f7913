/* SPDX-License-Identifier: MIT */
/* What a ping gets back. An answer is never longer than its request where it goes to somebody who
 * is no current member, and is the only packet that a ping causes. */
#include "core/answer.h"

#include <string.h>

#include "core/node.h"

/* Who is dead or left here hears so at most this often. */
#define TOLD_APART SHOAL_SEC(1)

/* What goes along. A member that takes part gets gossip, and what is believed of it; of an instance
 * that is not the one known here it hears at once which one is. One that is dead or left here hears
 * that at most once a second: it may be no more than a forged address. */
static unsigned
fill_for(struct shoal_core *core, const struct shoal_msg_ping *ping, uint32_t slot,
        const struct shoal_addr *from, bool replies)
{
	const struct shoal_record *sender = shoal_members_at(core, slot);
	struct shoal_hold *hold = shoal_members_hold(core, sender);

	if (shoal_state_is_gone((enum shoal_state)sender->state)) {
		if (hold->told_self != 0 && core->now - hold->told_self < TOLD_APART) {
			return 0;
		}
		hold->told_self = core->now;
		return SHOAL_FILL_BELIEF;
	}
	bool there = replies || shoal_members_is_at(sender, from);
	if (core->profile.belief != 0 && shoal_members_counts(sender) && there &&
	        ping->salt != shoal_members_salt(sender)) {
		return SHOAL_FILL_GOSSIP | SHOAL_FILL_ABOUT;
	}
	return SHOAL_FILL_GOSSIP | SHOAL_FILL_BELIEF;
}

/* Whether it came as a datagram does. Where none pass, streams stand in for them: each comes on a
 * connection that the sender opened. What comes down a link of this member's own is from where that
 * leads, and says nothing of whether others get in. */
static bool
is_datagram(const struct shoal_record *sender, const struct shoal_addr *from,
        enum shoal_input_kind path)
{
	return path == SHOAL_INPUT_DATAGRAM ||
	       (path == SHOAL_INPUT_STREAM && !shoal_members_has_addr(sender, from));
}

/* What it says of the way in to this member. */
static void
note_way(struct shoal_core *core, const struct shoal_msg_ping *ping,
        const struct shoal_record *sender, const struct shoal_addr *from,
        enum shoal_input_kind path)
{
	if (path == SHOAL_INPUT_RESULT) {
		shoal_poll_brought(core);
	} else if (sender != NULL && is_datagram(sender, from, path)) {
		shoal_reach_pinged(core, path == SHOAL_INPUT_STREAM || shoal_addr_is_web(from));
	} else if (path == SHOAL_INPUT_REQUEST && sender != NULL &&
	           !SHOAL_NUMBER_POLLS(ping->seq) && shoal_inbound_is_from(core, sender, from)) {
		shoal_reach_missed(core, &ping->id, false);
	}
}

/* The answer goes where the ping came from, or to the origin that a member relays for. To one that
 * is not known here it is bare: shorter than the ping, and without gossip. */
void
shoal_answer_ping(struct shoal_core *core, const struct shoal_msg_ping *ping,
        const struct shoal_addr *from, enum shoal_input_kind path, uint64_t exchange)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	uint32_t slot = shoal_members_find(core, &ping->id);
	const struct shoal_record *sender =
	        slot == SHOAL_NONE ? NULL : shoal_members_at(core, slot);
	struct shoal_msg_ack ack = {
	        .seq = ping->seq, .id = self->info->id, .salt = shoal_members_salt(self)};
	struct shoal_addr to = *from;
	uint64_t salt = ping->salt;
	bool replies = path == SHOAL_INPUT_REQUEST;
	unsigned flags = 0;

	ack.mark = sender == NULL ? 0 : shoal_tree_mark(shoal_tree_root(core));
	bool mine = memcmp(&ping->target, &self->info->id, sizeof ping->target) == 0;
#ifdef SHOAL_PLANT_ANSWERS_FOR_OTHERS
	mine = true;
#endif
	if (!mine) {
		shoal_count(core, SHOAL_COUNTER_DROP_MISDIRECTED);
		shoal_gone_answer(core, ping, from, path, exchange);
		return;
	}
	shoal_count(core, SHOAL_COUNTER_PINGS_IN);
	note_way(core, ping, sender, from, path);
	if (sender != NULL && shoal_gone_is_shared(core, &ping->id) &&
	        ping->salt == shoal_members_salt(sender)) {
		shoal_members_hear(
		        core, shoal_members_at(core, slot), core->now); /* hardly itself */
	}
	if (ping->origin.port != 0 && !replies) {
		if (sender == NULL || !shoal_members_counts(sender)) {
			shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
			return;
		}
		to = ping->origin;
		salt = ping->origin_salt;
		slot = SHOAL_NONE;
	} else if (path == SHOAL_INPUT_STREAM && sender != NULL) {
		to = shoal_members_addr(sender); /* a stream's own address takes no datagrams */
	}
	if (slot != SHOAL_NONE && slot != SHOAL_SELF) {
		flags = fill_for(core, ping, slot, &to, replies);
	}
#ifdef SHOAL_PLANT_STRANGER_TOLD
	flags |= SHOAL_FILL_SELF;
#endif
#ifdef SHOAL_PLANT_PING_UNANSWERED
	if ((ping->seq >> 32 & 3) == 0) {
		return;
	}
#endif
	struct shoal_pending *pending = shoal_send_queue(
	        core, replies ? SHOAL_SEND_REPLY : SHOAL_SEND_DATAGRAM, &to, slot, flags);
	if (pending != NULL) {
		pending->exchange = exchange;
		pending->about = slot;
		pending->salt = salt;
		shoal_send_primary(pending, SHOAL_MESSAGE_ACK, &ack);
		if (replies && slot != SHOAL_NONE) {
			shoal_poll_serve(core, slot, ping, from, pending);
		}
	}
}
