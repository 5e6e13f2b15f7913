/* SPDX-License-Identifier: MIT */
/* The native packet, the same in a datagram and in a message on a stream:
 *
 *     +---------+-------+-----------+-------+---------------+--------------+----------+-----------+
 *     | version | flags | label len | label | codec,        | sealed head, | messages | CRC32C or |
 *     |    1    |   1   |     1     | 0..64 | if CODED: 1   | if SEALED: 25|    ...   | tag: 16   |
 *     +---------+-------+-----------+-------+---------------+--------------+----------+-----------+
 *
 *     sealed header: key id 1 | sender's salt 8 | counter 8 | addressee's salt 8
 *
 * The first byte is 0xc0 and the version: 0xc1 now. No MessagePack and no UTF-8 text begins with
 * it, and no kind of message of the gossip protocols that number theirs from 0 on, so that a
 * neighbour of another kind is seen at once.
 *
 * Messages may be compressed, sealed or not; sealing comes last. What is in front of the messages
 * is authenticated with them. */
#ifndef SHOAL_WIRE_PACKET_H
#define SHOAL_WIRE_PACKET_H

#include <shoal/error.h>

#include "base/reader.h"
#include "base/writer.h"
#include "wire/field.h"
#include "wire/keyring.h"

#define SHOAL_PACKET_VERSION 1
#define SHOAL_PACKET_FIRST   0xc0 /* the first byte without the version, which is below 16 */
#define SHOAL_PACKET_HEAD    3    /* version, flags, length of the label */
#define SHOAL_PACKET_CRC     4
#define SHOAL_PACKET_SEAL    25 /* the sealed header */

enum shoal_packet_flag {
	SHOAL_PACKET_SEALED = 1,     /* encrypted and authenticated; a tag, no checksum */
	SHOAL_PACKET_COMPRESSED = 2, /* the messages are compressed */
	SHOAL_PACKET_CODED = 4       /* bodies of messages are in the codec that the header names */
};

/* What a packet is carried as. On a stream that is authenticated with it, so that none is taken for
 * one of another kind, and no answer for that to another request. */
enum shoal_packet_kind {
	SHOAL_PACKET_DATAGRAM = 0,
	SHOAL_PACKET_ONE_WAY, /* a message on a stream, or down a watch link */
	SHOAL_PACKET_REQUEST,
	SHOAL_PACKET_WATCH, /* opens a watch link */
	SHOAL_PACKET_ANSWER /* to one of these two */
};

struct shoal_packet_frame {
	enum shoal_packet_kind kind;
	uint64_t request; /* ANSWER: the counter of what it answers; else, and if that was clear, 0
	                   */
};

struct shoal_packet_header {
	uint8_t version; /* 0: the first byte is none of ours */
	uint8_t flags;
	struct shoal_span label;
	uint8_t codec;             /* CODED: its number; else 0, the compact binary one */
	struct shoal_sealed_by by; /* SEALED; by.stream is not in the packet */
	uint64_t addressee;        /* SEALED: the addressee's salt, 0: not known */
};

/* Reads a header only. SHOAL_ERR_VERSION: of another version, or with flags that are not known;
 * SHOAL_ERR_MALFORMED. */
int shoal_packet_header(struct shoal_reader *reader, struct shoal_packet_header *header);

/* The header of a clear packet and, borrowed from data, what is between it and the checksum, which
 * is right; whatever its label, and coded or compressed or not. SHOAL_ERR_MALFORMED, _VERSION,
 * _CHECKSUM; SHOAL_ERR_KEY: sealed. */
int shoal_packet_read(const uint8_t *data, size_t len, struct shoal_packet_header *header,
        struct shoal_reader *messages);

/* Opens a clear packet for members of `label`: on success *messages holds the messages, borrowed
 * from data. SHOAL_ERR_MALFORMED, _VERSION, _CHECKSUM; SHOAL_ERR_LABEL: well formed, another label,
 * *header is set; SHOAL_ERR_KEY: sealed; SHOAL_ERR_CODEC: coded, *header and *messages are set;
 * SHOAL_ERR_UNSUPPORTED: compressed. */
int shoal_packet_open(const uint8_t *data, size_t len, struct shoal_span label,
        struct shoal_packet_header *header, struct shoal_reader *messages);

/* Starts a clear packet in an empty writer; leaves room for the checksum at its end. */
void shoal_packet_begin(struct shoal_writer *writer, struct shoal_span label);

/* Of a packet that has just been started: its messages will be in this codec, not 0. Takes a byte.
 */
void shoal_packet_set_codec(struct shoal_writer *writer, uint8_t codec);

/* Gives back that room and writes the checksum. */
void shoal_packet_end(struct shoal_writer *writer);

/* Bytes of a clear packet around its messages, not coded. */
size_t shoal_packet_overhead(size_t label_len);

/* Starts a packet that will be sealed; leaves room for the tag at its end. */
void shoal_packet_begin_sealed(struct shoal_writer *writer, struct shoal_span label);

/* Gives back that room, and seals what was written for the instance with the salt `addressee`. A
 * key has been installed. SHOAL_ERR_TOO_BIG: more than the cipher takes. */
SHOAL_MUST_USE int shoal_packet_seal(struct shoal_writer *writer, struct shoal_keyring *ring,
        const struct shoal_packet_frame *frame, uint64_t addressee);

/* Bytes of a sealed packet around its messages, not coded. */
size_t shoal_packet_sealed_overhead(size_t label_len);

/* Opens a sealed packet in place: behind SHOAL_PACKET_SEAL bytes it is the clear packet with the
 * same label and messages then, of *clear_len bytes. header: as shoal_packet_header gave it. frame:
 * as what it came. keep: as of shoal_keyring_open.
 * SHOAL_ERR_MALFORMED: no room for a tag; others as of shoal_keyring_open: data is of no use then.
 */
SHOAL_MUST_USE int shoal_packet_unseal(uint8_t *data, size_t len,
        const struct shoal_packet_header *header, const struct shoal_packet_frame *frame,
        struct shoal_keyring *ring, bool keep, size_t *clear_len);

/* How long the packet may be that a compressed one of len bytes stands for: eight times that, or 64
 * KiB. So the memory for what somebody claims is paid for with bytes. */
static inline size_t
shoal_packet_expands(size_t len)
{
	return len > 8192 ? 8 * len : 65536;
}

/* Compresses what was written since shoal_packet_begin, or _begin_sealed, where that makes it
 * smaller, and not smaller than shoal_packet_expands allows. room: bound(writer->len) bytes. false:
 * as it was. */
bool shoal_packet_compress(struct shoal_writer *writer, const struct shoal_compressor_ops *by,
        uint8_t *room, size_t room_len);

/* Makes of a clear packet that is compressed the one that is not, at most cap bytes long.
 * SHOAL_ERR_CHECKSUM, SHOAL_ERR_MALFORMED; SHOAL_ERR_TOO_BIG: longer than that. */
SHOAL_MUST_USE int shoal_packet_uncompress(const uint8_t *data, size_t len,
        const struct shoal_compressor_ops *by, uint8_t *out, size_t cap, size_t *out_len);

/* What bytes that are no packet look like: "it looks like memberlist (Serf, Consul, Nomad)" and
 * others, also what shoal_packet_newer says; NULL: no idea. Static. */
const char *shoal_packet_neighbour(const uint8_t *data, size_t len);

/* Why this release cannot read a packet of another one: its version, or its flags. NULL: it is none
 * of shoal's, or it can. Static. */
const char *shoal_packet_newer(const uint8_t *data, size_t len);

#endif
