/* SPDX-License-Identifier: MIT */
/* A packet's first message says what it is there for; a SENDER before it only names who sends. */
#include "sim/read.h"

#include "wire/packet.h"

#include <string.h>

/* The next message. false: there is none, or none that is understood. */
static bool
next(struct shoal_reader *messages, struct shoal_read *read)
{
	struct shoal_reader body;
	const struct shoal_id *sender;

	if (shoal_message_next(messages, &read->kind, &body) <= 0 ||
	        shoal_message_decode(read->kind, body, &read->message) != 0) {
		read->kind = 0;
		return false;
	}
	sender = shoal_message_from(read->kind, &read->message);
	if (sender != NULL && shoal_id_is_zero(&read->sender)) {
		read->sender = *sender;
	}
	return true;
}

bool
shoal_read_packet(struct shoal_read *read, const uint8_t *data, size_t len)
{
	struct shoal_packet_header header;
	struct shoal_reader messages;

	memset(read, 0, sizeof(*read));
	if (len < SHOAL_PACKET_CRC) {
		return false;
	}
	shoal_reader_init(&messages, data, len - SHOAL_PACKET_CRC);
	if (shoal_packet_header(&messages, &header) != 0 ||
	        (header.flags & (SHOAL_PACKET_SEALED | SHOAL_PACKET_CODED)) != 0) {
		return false;
	}
	read->messages = messages;
	if (next(&messages, read) && read->kind == SHOAL_MESSAGE_SENDER) {
		read->passed_on = true;
		(void)next(&messages, read);
	}
	return true;
}

uint64_t
shoal_read_salt(const struct shoal_salt *salt)
{
	struct shoal_reader reader;

	shoal_reader_init(&reader, salt->bytes, sizeof(salt->bytes));
	return shoal_reader_u64(&reader);
}

static void
from_member(struct shoal_read_statement *statement, const struct shoal_msg_member *member)
{
	*statement = (struct shoal_read_statement){.id = member->id,
	        .salt = shoal_read_salt(&member->salt),
	        .incarnation = member->incarnation,
	        .state = (enum shoal_state)member->state,
	        .age_ms = member->age_ms,
	        .refused_ms = member->refused_ms,
	        .forgotten = (member->marks & SHOAL_MARK_FORGOTTEN) != 0,
	        .accusers = member->accusers};
}

static void
from_state(struct shoal_read_statement *statement, const struct shoal_msg_state *state)
{
	*statement = (struct shoal_read_statement){.id = state->id,
	        .salt = state->salt,
	        .incarnation = state->incarnation,
	        .state = (enum shoal_state)state->state,
	        .age_ms = state->age_ms,
	        .refused_ms = state->refused_ms,
	        .forgotten = (state->marks & SHOAL_MARK_FORGOTTEN) != 0,
	        .accusers = state->accusers};
}

bool
shoal_read_next(struct shoal_reader *messages, struct shoal_read_statement *statement)
{
	struct shoal_reader body;
	union shoal_wire_message message;
	uint16_t kind;

	while (shoal_message_next(messages, &kind, &body) > 0) {
		if (kind != SHOAL_MESSAGE_MEMBER && kind != SHOAL_MESSAGE_STATE) {
			continue;
		}
		if (shoal_message_decode(kind, body, &message) != 0) {
			return false;
		}
		if (kind == SHOAL_MESSAGE_MEMBER) {
			from_member(statement, &message.member);
		} else {
			from_state(statement, &message.state);
		}
		return true;
	}
	return false;
}
