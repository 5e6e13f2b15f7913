/* SPDX-License-Identifier: MIT */
/* Packets whose messages are in another codec than the compact binary one: what comes is made
 * compact, and taken as any other packet.
 *
 * Members of all codecs must understand three things, so these are always compact: who asks to
 * join, that it is refused, and which instance somebody is. */
#ifndef SHOAL_WIRE_CODED_H
#define SHOAL_WIRE_CODED_H

#include <shoal/codec.h>

#include "base/text.h"
#include "wire/message.h"
#include "wire/packet.h"

/* Adds the name of a codec by its number: "binary", "msgpack", "json", or "codec 130". */
void shoal_coded_name(struct shoal_text *text, uint8_t id);

/* Whether compact messages are such as members of all codecs take: JOIN and what it brings, one
 * refusing ANSWER, or one SENDER. */
bool shoal_coded_is_common(struct shoal_reader messages);

/* Appends compact messages, whole and valid, in a codec (NULL: as they are). Failure shows in the
 * writer. */
void shoal_coded_append(struct shoal_writer *writer, const struct shoal_codec_ops *codec,
        struct shoal_span messages);

/* Makes of a clear packet in the codec the compact one, at most cap bytes long. scratch: room for
 * len bytes. 0; SHOAL_ERR_MALFORMED, _VERSION, _CHECKSUM, _KEY; SHOAL_ERR_UNSUPPORTED: compressed;
 * SHOAL_ERR_CODEC: in another codec, or compact; SHOAL_ERR_TOO_BIG: longer than cap. */
SHOAL_MUST_USE int shoal_coded_open(const uint8_t *data, size_t len,
        const struct shoal_codec_ops *codec, uint8_t *scratch, uint8_t *out, size_t cap,
        size_t *out_len);

/* Decodes the first message of a coded packet, whatever the rest. scratch: room for len bytes.
 * false: it is none. */
bool shoal_coded_first(const uint8_t *data, size_t len, const struct shoal_codec_ops *codec,
        uint8_t *scratch, uint16_t *kind, union shoal_wire_message *message);

#endif
