/* SPDX-License-Identifier: MIT */
/* Sealed and compressed packets, made clear where the keys are there. */
#ifndef SHOAL_TOOLS_REVEAL_H
#define SHOAL_TOOLS_REVEAL_H

#include "capture.h"

#include <shoal/packet.h>

struct cli_reveal;

/* path: of a file with keys; NULL: none. CLI_DONE, or CLI_FAILED with a complaint. */
int cli_reveal_new(struct cli_reveal **reveal, const char *path);
void cli_reveal_free(struct cli_reveal *reveal);

/* A packet of which it is not said how it came: any way is tried but as an answer. Fills in *opened
 * in any case. */
void cli_reveal_any(struct cli_reveal *reveal, const uint8_t *data, size_t len,
        struct shoal_packet_opened *opened);

/* A datagram of a capture. */
void cli_reveal_datagram(struct cli_reveal *reveal, const uint8_t *data, size_t len,
        struct shoal_packet_opened *opened);

/* What a frame of a stream in a capture held. An answer is opened where its request was seen before
 * it. kind: that of the frame. */
void cli_reveal_frame(struct cli_reveal *reveal, const struct cli_capture_packet *packet,
        uint8_t kind, uint64_t exchange, const uint8_t *data, size_t len,
        struct shoal_packet_opened *opened);

#endif
