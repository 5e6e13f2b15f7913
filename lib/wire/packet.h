/* SPDX-License-Identifier: MIT */
/* The native packet, the same in a datagram and in a message on a stream:
 *
 *     +---------+-------+-----------+-------+--------------------+----------+-----------+
 *     | version | flags | label len | label | sealed header, if  | messages | CRC32C or |
 *     |    1    |   1   |     1     | 0..64 | SEALED: 17 or 25   |    ...   |   tag     |
 *     +---------+-------+-----------+-------+--------------------+----------+-----------+
 *
 *     sealed header: key id 1 | sender salt 8 | counter 8 | addressee's salt 8, if ADDRESSED
 *
 * Version 0 makes no promises. Sealed packets are recognised and refused until a keyring exists. */
#ifndef SHOAL_WIRE_PACKET_H
#define SHOAL_WIRE_PACKET_H

#include <shoal/error.h>

#include "base/reader.h"
#include "base/writer.h"
#include "wire/field.h"

#define SHOAL_PACKET_VERSION 0
#define SHOAL_PACKET_CRC     4

enum shoal_packet_flag {
	SHOAL_PACKET_SEALED = 1, /* encrypted and authenticated; no checksum                     */
	SHOAL_PACKET_COMPRESSED = 2, /* the messages are compressed */
	SHOAL_PACKET_ADDRESSED = 4   /* SEALED only: the addressee's salt is in the header   */
};

struct shoal_packet_header {
	uint8_t version, flags;
	struct shoal_span label;
	uint8_t key_id;
	uint64_t sender_salt, counter, addressee_salt;
};

/* Reads a header only. SHOAL_ERR_VERSION, SHOAL_ERR_MALFORMED (also for flags that are not known).
 */
int shoal_packet_header(struct shoal_reader *reader, struct shoal_packet_header *header);

/* Opens a packet for members of `label`: on success *messages holds the messages, borrowed from
 * data. SHOAL_ERR_MALFORMED, _VERSION, _CHECKSUM; SHOAL_ERR_LABEL: well formed, another label,
 * *header is set; SHOAL_ERR_AUTH: sealed, no key here; SHOAL_ERR_UNSUPPORTED: compressed. */
int shoal_packet_open(const uint8_t *data, size_t len, struct shoal_span label,
        struct shoal_packet_header *header, struct shoal_reader *messages);

/* Starts a clear packet in an empty writer; leaves room for the checksum at its end. */
void shoal_packet_begin(struct shoal_writer *writer, struct shoal_span label);

/* Gives back that room and writes the checksum. */
void shoal_packet_end(struct shoal_writer *writer);

/* Bytes of a clear packet around its messages. */
size_t shoal_packet_overhead(size_t label_len);

#endif
