/* SPDX-License-Identifier: MIT */
/* Reliable messages that come: a member takes what is at or above the number that it expects, in
 * order, and skips what is below: exactly once, however often it is sent. One that has no room says
 * so by taking less than it was sent, and tells those it turned away when there is some again. */
#include "core/message/reliable.h"

#include "core/node.h"

/* Numbers that a sender may leave out, and with which it may begin: whoever forges a batch makes
 * its receiver expect others, but never gets to the end of them. */
#define LEFT_OUT_MOST (UINT64_C(1) << 40)
#define FIRST_MOST    (UINT64_C(1) << 62)

/* SHOAL_ERR_TOO_BIG: the next one never will be taken. */
static int
take(struct shoal_core *core, struct shoal_peer *peer, const struct shoal_msg_batch *batch)
{
	struct shoal_reader reader;
	struct shoal_entry entry;
	uint64_t number = batch->first;

	shoal_list_remove(&peer->turned);
	/* What is between was given up by its sender. */
	peer->expected = batch->first > peer->expected ? batch->first : peer->expected;
	shoal_reader_init(&reader, batch->entries.data, batch->entries.len);
	for (; shoal_entry_next(&reader, &entry) > 0; number++) {
#ifdef SHOAL_PLANT_TAKEN_AGAIN
		peer->expected = number;
#endif
		if (number < peer->expected) {
			shoal_count(core, SHOAL_COUNTER_DROP_AGAIN);
			continue;
		}
		if (!shoal_inbox_fits(core, entry.data.len)) {
			shoal_count(core, SHOAL_COUNTER_DROP_TOO_BIG);
			return SHOAL_ERR_TOO_BIG;
		}
		if (!shoal_inbox_put(core, peer->slot, SHOAL_RELIABLE, &entry)) {
			peer->turned_seq = batch->seq;
			peer->lacks = entry.data.len + SHOAL_MESSAGE_COST;
			shoal_list_push_back(&core->talk.turned, &peer->turned);
			break;
		}
		peer->expected = number + 1;
	}
	return SHOAL_OK;
}

/* Whether a sender can have come to this number. */
static bool
is_credible(const struct shoal_peer *peer, uint64_t first)
{
	uint64_t most = peer->expected == 0 ? FIRST_MOST : LEFT_OUT_MOST;

	return first <= peer->expected || first - peer->expected <= most;
}

/* Why none of it is looked at; 0: it is. */
static int
judge(const struct shoal_core *core, uint32_t slot, const struct shoal_msg_batch *batch)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);

	if (record == NULL || !shoal_peer_is_there(record) ||
	        batch->salt != shoal_members_salt(record)) {
		return SHOAL_ERR_NOT_FOUND;
	}
	return batch->instance != shoal_members_salt(self) ? SHOAL_ERR_STATE : SHOAL_OK;
}

/* A batch comes with a request, or from a host of its sender down a link or with the answer to a
 * poll: a datagram says nothing of where it comes from. */
static bool
may_come(const struct shoal_core *core, uint32_t slot, const struct shoal_input *input)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	return input->kind == SHOAL_INPUT_REQUEST ||
	       (input->kind != SHOAL_INPUT_DATAGRAM && record != NULL &&
	               shoal_members_has_host(record, &input->from));
}

static void
answer(struct shoal_core *core, uint32_t slot, const struct shoal_msg_receipt *receipt,
        const struct shoal_input *input)
{
	struct shoal_pending *pending = NULL;

	if (input->kind == SHOAL_INPUT_REQUEST) {
		pending = shoal_send_queue(core, SHOAL_SEND_REPLY, &input->from, SHOAL_NONE, 0);
	} else if (shoal_members_at(core, slot) != NULL) {
		pending = shoal_send_to(core, SHOAL_SEND_DATAGRAM, slot, 0);
	}
	if (pending != NULL) {
		pending->exchange =
		        input->kind == SHOAL_INPUT_REQUEST ? input->exchange : pending->exchange;
		shoal_send_primary(pending, SHOAL_MESSAGE_RECEIPT, receipt);
	}
}

void
shoal_reliable_on_batch(struct shoal_core *core, uint32_t slot, const struct shoal_msg_batch *batch,
        const struct shoal_input *input)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_receipt receipt = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .instance = batch->salt,
	        .seq = batch->seq};

	if (!may_come(core, slot, input) || !shoal_peer_may_say(core, batch->salt)) {
		shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
		return;
	}
	shoal_call_heard(core, slot);
	int rc = judge(core, slot, batch);
	struct shoal_peer *peer = rc == SHOAL_OK ? shoal_peer_take(core, slot) : NULL;
	if (peer != NULL && !is_credible(peer, batch->first)) {
		shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
		return;
	}
	if (peer != NULL) {
		rc = take(core, peer, batch);
		receipt.next = peer->expected;
	} else {
		rc = rc == SHOAL_OK ? SHOAL_ERR_LIMIT : rc;
		shoal_count(core, rc == SHOAL_ERR_STATE   ? SHOAL_COUNTER_DROP_MISDIRECTED
		                  : rc == SHOAL_ERR_LIMIT ? SHOAL_COUNTER_DROP_NOMEM
		                                          : SHOAL_COUNTER_DROP_STRANGER);
	}
	receipt.code = (uint64_t)-rc;
	if (peer != NULL || input->kind == SHOAL_INPUT_REQUEST) {
		answer(core, slot, &receipt, input);
	}
}

void
shoal_reliable_on_room(struct shoal_core *core)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	uint64_t promised = 0;

	SHOAL_LIST_FOREACH_SAFE (node, after, &core->talk.turned) {
		struct shoal_peer *peer = SHOAL_LIST_ITEM(node, struct shoal_peer, turned);
		bool there = shoal_peer_is_there(shoal_members_at(core, peer->slot));
		struct shoal_pending *pending = NULL;

		if (there && !shoal_inbox_has_room(core, peer->slot, promised + peer->lacks)) {
			continue;
		}
		shoal_list_remove(node);
		pending = there ? shoal_send_to(core, SHOAL_SEND_DATAGRAM, peer->slot, 0) : NULL;
		if (pending != NULL) {
			struct shoal_msg_receipt receipt = {.id = self->info->id,
			        .salt = shoal_members_salt(self),
			        .instance = peer->salt,
			        .seq = peer->turned_seq,
			        .next = peer->expected};
			promised += peer->lacks;
			shoal_send_primary(pending, SHOAL_MESSAGE_RECEIPT, &receipt);
		}
	}
}
