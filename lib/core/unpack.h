/* SPDX-License-Identifier: MIT */
/* A packet that came, checked as a whole. */
#ifndef SHOAL_CORE_UNPACK_H
#define SHOAL_CORE_UNPACK_H

#include <shoal/core.h>

#include "wire/message.h"

#define SHOAL_UNPACKED_MAX 16

struct shoal_core;

struct shoal_received {
	uint16_t kind;
	bool known; /* false: skipped, a kind of a newer release */
	union shoal_wire_message m;
};

/* A packet that is as it should be. */
struct shoal_unpacked {
	size_t kept;
	struct shoal_reader rest; /* the messages after those kept */
	struct shoal_received message[SHOAL_UNPACKED_MAX];
};

/* Opens a packet, or takes it as it was opened, and decodes every message. The first
 * SHOAL_UNPACKED_MAX, which is all of most packets, are kept; what follows is decoded again when
 * its turn comes. Else why it is dropped. */
int shoal_unpack(
        struct shoal_core *core, const struct shoal_input *input, struct shoal_unpacked *unpacked);

#endif
