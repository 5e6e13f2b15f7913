/* SPDX-License-Identifier: MIT */
/* Sealing for core_fuzz: the core and all others hold one key, and the others are one sender. So
 * what a script says gets past the tag, and what it leaves unsealed or changes does not. */
#include "fuzz.h"

#include "unit_cipher.h"
#include "wire/message.h"
#include "wire/packet.h"

#include <stdlib.h>

static struct shoal_packet_frame
went_as(const struct fuzz *fuzz, const struct shoal_send *send, bool bound)
{
	struct shoal_packet_frame frame = {SHOAL_PACKET_ONE_WAY, 0};

	if (send->kind == SHOAL_SEND_DATAGRAM) {
		frame.kind = SHOAL_PACKET_DATAGRAM;
	} else if (send->kind == SHOAL_SEND_REQUEST) {
		frame.kind = SHOAL_PACKET_REQUEST;
	} else if (send->kind == SHOAL_SEND_WATCH) {
		frame.kind = SHOAL_PACKET_WATCH;
	} else if (send->kind == SHOAL_SEND_REPLY) {
		frame.kind = SHOAL_PACKET_ANSWER;
		frame.request = bound ? fuzz->counter[send->exchange % KEPT] : 0;
	}
	return frame;
}

static struct shoal_packet_frame
comes_as(const struct fuzz *fuzz, const struct shoal_input *input)
{
	struct shoal_packet_frame frame = {SHOAL_PACKET_ONE_WAY, 0};

	if (input->kind == SHOAL_INPUT_DATAGRAM) {
		frame.kind = SHOAL_PACKET_DATAGRAM;
	} else if (input->kind == SHOAL_INPUT_REQUEST) {
		frame.kind = SHOAL_PACKET_REQUEST;
	} else if (input->kind == SHOAL_INPUT_WATCHED) {
		frame.kind = SHOAL_PACKET_WATCH;
	} else if (input->kind == SHOAL_INPUT_RESULT) {
		frame.kind = SHOAL_PACKET_ANSWER;
		frame.request = fuzz->request;
	}
	return frame;
}

/* All that a core which seals says in clear: why it did not take a request, and nothing of itself.
 */
static bool
is_refusal(const struct shoal_send *send)
{
	struct shoal_packet_header header;
	struct shoal_reader messages, body;
	union shoal_wire_message message;
	struct shoal_id nobody = {{0}};
	uint16_t kind;

	return send->kind == SHOAL_SEND_REPLY &&
	       shoal_packet_read(send->data, send->len, &header, &messages) == 0 &&
	       header.flags == 0 && shoal_message_next(&messages, &kind, &body) > 0 &&
	       kind == SHOAL_MESSAGE_ANSWER && messages.left == 0 &&
	       shoal_message_decode(kind, body, &message) == 0 && message.answer.code != 0 &&
	       message.answer.salt == 0 && memcmp(&message.answer.id, &nobody, sizeof(nobody)) == 0;
}

static uint8_t *
clear_copy(struct fuzz *fuzz, const struct shoal_send *send, const uint8_t **clear, size_t *len)
{
	uint8_t *copy = malloc(send->len);
	struct shoal_packet_header header;
	struct shoal_reader reader;

	if (copy == NULL) {
		fuzz_fail("fuzz", "no memory");
	}
	*clear = copy;
	*len = send->len;
	/* What answers a request that did not open is bound to none. */
	for (int bound = 1; bound >= 0 && *clear == copy; bound--) {
		struct shoal_packet_frame frame = went_as(fuzz, send, bound != 0);
		memcpy(copy, send->data, send->len);
		shoal_reader_init(&reader, copy, send->len);
		(void)shoal_packet_header(&reader, &header);
		if (fuzz->ring == NULL || is_refusal(send)) {
			return copy;
		}
		if (shoal_packet_unseal(copy, send->len, &header, &frame, fuzz->ring, true, len) ==
		        0) {
			*clear = copy + SHOAL_PACKET_SEAL;
			bool asks =
			        send->kind == SHOAL_SEND_REQUEST || send->kind == SHOAL_SEND_WATCH;
			fuzz->request = asks ? header.by.counter : fuzz->request;
		}
	}
	if (*clear == copy) {
		fuzz_fail("packets", "what the core sealed cannot be opened");
	}
	return copy;
}

void
fuzz_keep_pings(struct fuzz *fuzz, const struct shoal_send *send)
{
	struct shoal_packet_header header;
	struct shoal_reader messages, body;
	struct shoal_span label = {NULL, 0};
	union shoal_wire_message message;
	const uint8_t *clear;
	uint16_t kind;
	size_t len;
	uint8_t *copy = clear_copy(fuzz, send, &clear, &len);
	uint8_t *compact = fuzz_decode(fuzz, clear, &len);

	clear = compact != NULL ? compact : clear;
	if (shoal_packet_open(clear, len, label, &header, &messages) != 0) {
		fuzz_fail("packets", "the core cannot read what it sent");
	}
	while (shoal_message_next(&messages, &kind, &body) == 1) {
		if (shoal_message_decode(kind, body, &message) != 0) {
			fuzz_fail("packets", "the core cannot read a message that it sent");
		}
		if (kind == SHOAL_MESSAGE_PING) {
			struct ping *ping = &fuzz->ping[fuzz->pings++ % KEPT];

			ping->seq = message.ping.seq;
			ping->to = send->to;
			ping->target = message.ping.target;
		}
	}
	free(compact);
	free(copy);
}

void
fuzz_seal(struct fuzz *fuzz, struct shoal_input *input, bool nobody)
{
	struct shoal_packet_frame frame = comes_as(fuzz, input);
	struct shoal_packet_header header;
	struct shoal_reader reader;
	struct shoal_writer writer;

	shoal_reader_init(&reader, input->data, input->len);
	if (input->len > sizeof(fuzz->coded) || shoal_packet_header(&reader, &header) != 0 ||
	        (header.flags & SHOAL_PACKET_SEALED) != 0 || reader.left < SHOAL_PACKET_CRC) {
		return;
	}
	shoal_writer_init(&writer, fuzz->sealed, sizeof(fuzz->sealed));
	shoal_packet_begin_sealed(&writer, header.label);
	if (header.codec != 0) {
		shoal_packet_set_codec(&writer, header.codec);
	}
	shoal_writer_bytes(&writer, reader.at, reader.left - SHOAL_PACKET_CRC);
	if (shoal_packet_seal(&writer, fuzz->ring, &frame, nobody ? 0 : short_salt(&fuzz->salt)) !=
	        0) {
		fuzz_fail("packets", "cannot be sealed");
	}
	input->data = writer.data;
	input->len = writer.len;
	shoal_reader_init(&reader, writer.data, writer.len);
	(void)shoal_packet_header(&reader, &header);
	if (frame.kind == SHOAL_PACKET_REQUEST || frame.kind == SHOAL_PACKET_WATCH) {
		fuzz->counter[input->exchange % KEPT] = header.by.counter;
	}
}

void
fuzz_share_key(struct fuzz *fuzz, struct shoal_core_config *config)
{
	static const struct shoal_key key = {.len = 32, .bytes = {1, 2, 3}};
	struct shoal_keyring_config ring = {.cipher = unit_cipher(), .salt = config->salt};

	ring.salt.bytes[1] ^= 1;
	if (shoal_keyring_new(&fuzz->ring, &ring) != 0 ||
	        shoal_keyring_install(fuzz->ring, key.bytes, key.len, NULL) != 0) {
		fuzz_fail("fuzz", "no memory");
	}
	config->cipher = unit_cipher();
	config->key = &key;
	config->key_count = 1;
}
