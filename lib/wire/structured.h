/* SPDX-License-Identifier: MIT */
/* Bodies of messages in any codec: a map from the names of the fields to their values, made from
 * the same tables as the compact form of wire/binary.h and with the same limits. The framing of
 * messages in a packet stays as it is; only bodies change with the codec.
 *
 *     U8, FLAG, U32,
 *     U64, VAR            an integer
 *     ID, SALT            16 bytes
 *     ADDR                "1.2.3.4:7946", "[2001:db8::1]:7946", without a scope
 *     TEXT                a string
 *     BYTES               bytes
 *     IDS, ADDRS          an array of these
 *
 * A field that is zero (no id, no address, an empty text or list) is left out, and one that is not
 * there is zero. Keys that are not known are skipped: newer fields. No key may come twice, and no
 * value is a double. The body of a PAD is zero bytes in every codec. */
#ifndef SHOAL_WIRE_STRUCTURED_H
#define SHOAL_WIRE_STRUCTURED_H

#include <shoal/codec.h>

#include "wire/message.h"

/* As shoal_message_append. */
bool shoal_structured_append(struct shoal_writer *writer, const struct shoal_codec_ops *codec,
        enum shoal_message_kind kind, const void *message);

/* As shoal_message_decode. Texts and bytes of the message point into the packet, or into scratch
 * where they do not stand in the packet as they are: as many bytes as the body has are enough for
 * any message; with fewer, one that needs more is malformed. */
int shoal_structured_decode(const struct shoal_codec_ops *codec, uint16_t kind,
        struct shoal_reader body, uint8_t *scratch, size_t room, union shoal_wire_message *message);

#endif
