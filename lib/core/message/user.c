/* SPDX-License-Identifier: MIT */
/* What goes once waits with its peer until the host takes the packet that was queued for it, and
 * then as much goes with it as a datagram holds: an application that says much at once fills
 * packets. What does not fit a datagram goes on a stream. Each packet has a number, by which the
 * receiver tells a second copy. */
#include "core/message/user.h"

#include "core/message/reliable.h"
#include "core/node.h"

/* USER without its entries, at most; other things of a packet, a label above all. */
#define USER_HEAD   54
#define PACKET_HEAD 256

size_t
shoal_user_most(const struct shoal_core *core)
{
	size_t most = core->profile.message_max;
	size_t stream = shoal_coding_most(core, core->profile.stream_max - PACKET_HEAD);
	size_t queue = core->profile.queue_bytes - SHOAL_MESSAGE_COST;

	most = most < stream ? most : stream;
	return most < queue ? most : queue;
}

static bool
queue_packet(struct shoal_core *core, struct shoal_peer *peer)
{
	if (!peer->mailing) {
		peer->mailing = shoal_send_to(core, SHOAL_SEND_DATAGRAM, peer->slot,
		                        SHOAL_FILL_MAIL) != NULL;
	}
	return peer->mailing;
}

static int
send_once(struct shoal_core *core, struct shoal_peer *peer, const struct shoal_entry *entry)
{
	size_t size = shoal_entry_size(entry);
	size_t held = shoal_fifo_len(&peer->mail);
	struct shoal_writer writer;
	uint8_t *data = NULL;

#ifdef SHOAL_PLANT_NEVER_SENT
	return SHOAL_OK;
#endif
	if (held + entry->data.len + SHOAL_MESSAGE_COST > core->profile.queue_bytes) {
		return SHOAL_ERR_AGAIN;
	}
	if (queue_packet(core, peer)) {
		data = shoal_fifo_push(&peer->mail, size);
	}
	if (data == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	shoal_writer_init(&writer, data, size);
	shoal_entry_write(&writer, entry);
	return SHOAL_OK;
}

int
shoal_user_send(struct shoal_core *core, const struct shoal_input *input)
{
	uint32_t slot = shoal_members_find(core, &input->id);
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_entry entry = {.type = input->type, .data = {input->data, input->len}};

	if (input->type < SHOAL_TYPE_SERVICE || (input->flags & ~SHOAL_RELIABLE) != 0 ||
	        slot == SHOAL_SELF) {
		return SHOAL_ERR_INVALID;
	}
	if (record == NULL) {
		return SHOAL_ERR_NOT_FOUND;
	}
	if (core->leave.phase != SHOAL_LEAVE_NOT || !shoal_peer_is_there(record)) {
		return SHOAL_ERR_STATE;
	}
	if (input->len > shoal_user_most(core)) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct shoal_peer *peer = shoal_peer_take(core, slot);
	if (peer == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	entry.stamp = shoal_hlc_now(&core->meta.clock, core->wall_ns);
	int rc = (input->flags & SHOAL_RELIABLE) != 0
	                 ? shoal_reliable_send(core, peer, &entry, input->exchange)
	                 : send_once(core, peer, &entry);
	if (rc == SHOAL_ERR_AGAIN) {
		peer->wanted = input->len + SHOAL_MESSAGE_COST;
		shoal_peer_tell(core, peer);
	}
	return rc;
}

/* As many entries as fit; the first one does, or is all that goes. */
static void
choose(struct shoal_peer *peer, size_t room)
{
	struct shoal_reader reader;
	struct shoal_entry entry;
	size_t len = shoal_fifo_len(&peer->mail);

	peer->written = 0;
	peer->letters = 0;
	shoal_reader_init(&reader, shoal_fifo_data(&peer->mail), len);
	while (shoal_entry_next(&reader, &entry) > 0) {
		size_t size = len - reader.left;
		if (peer->letters > 0 && size > room) {
			break;
		}
		peer->written = size;
		peer->letters++;
	}
}

/* Whether its member cannot be dialled and has no link to this one, and the first of what waits is
 * too long for a datagram: it waits for one. Where no links are kept all waits for its polls. */
static bool
awaits_link(struct shoal_core *core, const struct shoal_peer *peer)
{
	const struct shoal_record *record = shoal_members_at(core, peer->slot);
	struct shoal_addr to = shoal_members_addr(record);
	size_t len = shoal_fifo_len(&peer->mail);
	struct shoal_reader reader;
	struct shoal_entry entry;

	if (!shoal_members_inbound(record) || shoal_inbound_link(core, peer->slot) != 0) {
		return false;
	}
	if (shoal_send_is_polled(core, record)) {
		return len > 0 && shoal_call_want(core, peer->slot);
	}
	shoal_reader_init(&reader, shoal_fifo_data(&peer->mail), len);
	size_t most = shoal_path_limit(core, record, &to) - PACKET_HEAD;
	most = core->coding.codec != NULL ? most / 2 : most; /* a codec may need more */
	return shoal_entry_next(&reader, &entry) > 0 && len - reader.left > most &&
	       shoal_call_want(core, peer->slot);
}

bool
shoal_user_waits(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_peer *peer = shoal_peer_find(core, slot);

	return peer != NULL && shoal_fifo_len(&peer->mail) > 0;
}

bool
shoal_user_is_due(struct shoal_core *core, uint32_t slot)
{
	struct shoal_peer *peer = shoal_peer_find(core, slot);

	if (peer == NULL || !peer->mailing) {
		return false;
	}
	peer->mailing = shoal_fifo_len(&peer->mail) > 0 && !awaits_link(core, peer);
	return peer->mailing;
}

void
shoal_user_linked(struct shoal_core *core, uint32_t slot)
{
	struct shoal_peer *peer = shoal_peer_find(core, slot);

	if (peer != NULL && shoal_fifo_len(&peer->mail) > 0) {
		(void)queue_packet(core, peer);
	}
}

void
shoal_user_unlinked(struct shoal_core *core, uint32_t slot)
{
	struct shoal_peer *peer = shoal_peer_find(core, slot);

	if (peer == NULL || peer->mailing || shoal_fifo_len(&peer->mail) == 0) {
		return;
	}
	if (!shoal_members_inbound(shoal_members_at(core, slot)) && queue_packet(core, peer)) {
		return; /* it can be dialled by now */
	}
	choose(peer, SIZE_MAX);
	core->counters.value[SHOAL_COUNTER_DROP_UNSENT] += peer->letters;
	shoal_fifo_drop(&peer->mail, peer->written, 0);
	shoal_peer_tell(core, peer);
}

void
shoal_user_write(struct shoal_core *core, uint32_t slot, struct shoal_writer *writer)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_peer *peer = shoal_peer_find(core, slot);
	struct shoal_msg_user user = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .instance = peer->salt,
	        .number = peer->packets + 1};
	bool datagram = writer->data == core->sends.datagram;
	size_t left = shoal_writer_left(writer);

	size_t room = datagram && left > USER_HEAD ? left - USER_HEAD : shoal_coding_batch(core);
	bool written;
	do {
		choose(peer, room);
		user.entries = (struct shoal_span){shoal_fifo_data(&peer->mail), peer->written};
		written = shoal_coding_append(core, writer, SHOAL_MESSAGE_USER, &user);
		room = peer->written * 3 / 4; /* a codec may need more than the compact one */
	} while (!written && datagram && peer->letters > 1);
	writer->failed = !written;
}

void
shoal_user_sent(struct shoal_core *core, uint32_t slot, bool made)
{
	struct shoal_peer *peer = shoal_peer_find(core, slot);

	core->counters.value[made ? SHOAL_COUNTER_MESSAGES_OUT : SHOAL_COUNTER_DROP_UNSENT] +=
	        peer->letters;
	shoal_fifo_drop(&peer->mail, peer->written, core->profile.datagram_max);
	peer->packets++;
	peer->mailing = false;
	if (shoal_fifo_len(&peer->mail) > 0 && !queue_packet(core, peer)) {
		choose(peer, SIZE_MAX);
		core->counters.value[SHOAL_COUNTER_DROP_UNSENT] += peer->letters;
		shoal_fifo_drop(&peer->mail, peer->written, 0);
	}
	shoal_peer_tell(core, peer);
}

void
shoal_user_on_message(struct shoal_core *core, uint32_t slot, const struct shoal_msg_user *message)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_reader reader;
	struct shoal_entry entry;

	if (record == NULL || !shoal_peer_is_there(record) ||
	        message->salt != shoal_members_salt(record)) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		return;
	}
	if (!shoal_peer_may_say(core, message->salt)) {
		shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
		return;
	}
	if (message->instance != shoal_members_salt(self)) {
		shoal_count(core, SHOAL_COUNTER_DROP_MISDIRECTED);
		return;
	}
	struct shoal_peer *peer = shoal_peer_take(core, slot);
	if (peer == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	shoal_call_heard(core, slot);
	bool past = shoal_peer_is_past(peer, message->number);
	if (past || shoal_peer_saw(peer, message->number)) {
		core->counters.value[past ? SHOAL_COUNTER_DROP_PASSED : SHOAL_COUNTER_DROP_AGAIN] +=
		        shoal_entry_count(message->entries);
		return;
	}
	shoal_reader_init(&reader, message->entries.data, message->entries.len);
	while (shoal_entry_next(&reader, &entry) > 0) {
		shoal_inbox_put(core, slot, 0, &entry);
	}
}
