/* SPDX-License-Identifier: MIT */
/* Packets as a checker reads them: who sends, what the packet is there for, and the statements that
 * it carries. Nothing here trusts the packet, and nothing of it is kept. */
#ifndef SHOAL_SIM_READ_H
#define SHOAL_SIM_READ_H

#include "wire/message.h"

#include <shoal/types.h>

struct shoal_read {
	uint16_t kind; /* of the first message that is no SENDER; 0: there is none */
	union shoal_wire_message message;
	struct shoal_id sender;       /* all zero: it names none */
	bool passed_on;               /* a SENDER stood before it */
	struct shoal_reader messages; /* all of the packet */
};

/* A statement in either form, salts in their short one. */
struct shoal_read_statement {
	struct shoal_id id;
	uint64_t salt, incarnation;
	enum shoal_state state;
	uint64_t age_ms, refused_ms;
	bool forgotten; /* by an operator */
	struct shoal_id_list accusers;
};

/* false: it is no packet, or its first messages are none; read is all zero then. The checksum is
 * not looked at. */
bool shoal_read_packet(struct shoal_read *read, const uint8_t *data, size_t len);

/* The next statement of the packet's. false: there are no more. */
bool shoal_read_next(struct shoal_reader *messages, struct shoal_read_statement *statement);

/* The first 8 bytes, as a number. */
uint64_t shoal_read_salt(const struct shoal_salt *salt);

#endif
