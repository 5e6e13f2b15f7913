/* SPDX-License-Identifier: MIT */
/* The codec of the cluster. What comes is made compact where it is opened, before anything else
 * looks at it; what goes out is written in the codec message by message, so that it is as long as
 * it will be when it is measured. With the compact codec nothing here costs anything.
 *
 * What members of all codecs must understand is always compact, see wire/coded.h: a JOIN, which
 * says its codec, a refusal, and a bare SENDER. Any other packet of another codec is dropped. */
#ifndef SHOAL_CORE_ADMISSION_CODING_H
#define SHOAL_CORE_ADMISSION_CODING_H

#include <shoal/core.h>

#include "base/text.h"
#include "core/admission/seal.h"
#include "wire/message.h"

struct shoal_core;
struct shoal_pending;

struct shoal_coding {
	const struct shoal_codec_ops *codec; /* NULL: the compact one */
	const struct shoal_codec_ops *now;   /* of the packet that is being written */
	size_t holds; /* bytes that fit one value of a packet of stream_max, with the rest of it */
	struct shoal_room scratch, plain;
	char reason[SHOAL_REASON_MAX + 1];
};

/* SHOAL_ERR_INVALID: *why is set. */
int shoal_coding_init(
        struct shoal_core *core, const struct shoal_core_config *config, const char **why);
void shoal_coding_done(struct shoal_core *core);
size_t shoal_coding_memory(const struct shoal_core *core);

/* The number of the cluster's codec. */
uint8_t shoal_coding_id(const struct shoal_core *core);

/* The next messages are for this packet; NULL: for one of the cluster's codec, which is so from the
 * start. And: they are for a file, and compact. */
void shoal_coding_write(struct shoal_core *core, const struct shoal_pending *pending);
void shoal_coding_write_compact(struct shoal_core *core);

/* Whether a packet is compact whatever the codec. */
bool shoal_coding_is_common(const struct shoal_pending *pending);

/* As shoal_message_append. */
bool shoal_coding_append(const struct shoal_core *core, struct shoal_writer *writer,
        enum shoal_message_kind kind, const void *message);

/* Makes a clear packet compact that was opened. 0; SHOAL_ERR_CODEC: it is of another codec, and
 * does not say what members of all codecs take; others of shoal_packet_open and shoal_coded_open;
 * SHOAL_ERR_NOMEM. */
int shoal_coding_open(struct shoal_core *core, struct shoal_input *input);

/* The longest bytes that a packet on a stream holds where `room` fit in the compact codec; and what
 * goes in one batch. */
size_t shoal_coding_most(const struct shoal_core *core, size_t room);
size_t shoal_coding_batch(const struct shoal_core *core);

/* "the cluster speaks msgpack, this node binary: set codec to msgpack", to one of the other codec.
 * Lives until the next call. */
const char *shoal_coding_refusal(struct shoal_core *core, uint8_t other);

/* "it speaks json, this member msgpack", of who sent the packet. */
void shoal_coding_complain(
        const struct shoal_core *core, const struct shoal_input *input, struct shoal_text *text);

/* The codec of a packet; 0: compact, or it cannot be told. */
uint8_t shoal_coding_of(const struct shoal_input *input);

#endif
