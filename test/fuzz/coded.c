/* SPDX-License-Identifier: MIT */
/* Packets in a codec as a stranger makes them, with a checksum or a tag that is right, and texts as
 * an operator makes them. */
#include "coded.h"

#include <shoal/config.h>
#include <shoal/keyring.h>
#include <shoal/packet.h>

#include "wire/coded.h"
#include "wire/message.h"
#include "wire/packet.h"

#include <stdlib.h>
#include <string.h>

static void
expect(bool fact)
{
	if (!fact) {
		abort();
	}
}

static const struct shoal_key key = {.len = 32, .bytes = {1, 2, 3}};

static struct shoal_packet_opener *
opener_new(void)
{
	struct shoal_packet_opener *opener;

	expect(shoal_packet_opener_new(&opener, &key, 1, shoal_cipher_aes_gcm(),
	               shoal_compressor_snappy(), NULL) == 0);
	expect(shoal_packet_opener_codec(opener, shoal_codec_msgpack()) == 0);
	expect(shoal_packet_opener_codec(opener, shoal_codec_json()) == 0);
	return opener;
}

/* With the codec's number; what the packet holds are the bytes. */
static size_t
make(const struct shoal_codec_ops *codec, struct shoal_keyring *ring, struct shoal_span messages,
        uint8_t *packet, size_t cap)
{
	struct shoal_packet_frame frame = {SHOAL_PACKET_DATAGRAM, 0};
	struct shoal_span label = {(const uint8_t *)"blue", 4};
	struct shoal_writer writer;

	shoal_writer_init(&writer, packet, cap);
	if (ring != NULL) {
		shoal_packet_begin_sealed(&writer, label);
	} else {
		shoal_packet_begin(&writer, label);
	}
	if (codec->id != SHOAL_CODEC_BINARY) {
		shoal_packet_set_codec(&writer, codec->id);
	}
	shoal_writer_bytes(&writer, messages.data, messages.len);
	expect(!writer.failed);
	if (ring != NULL) {
		expect(shoal_packet_seal(&writer, ring, &frame, 7) == 0);
	} else {
		shoal_packet_end(&writer);
	}
	return writer.len;
}

/* The messages of a clear compact packet; each is one that is known, or skipped. Filling is copied,
 * whatever it is. */
static struct shoal_span
messages_of(const struct shoal_packet_opened *opened)
{
	struct shoal_packet_header header;
	struct shoal_reader reader, look, body;
	union shoal_wire_message message;
	uint16_t kind;
	int rc;

	expect(shoal_packet_read(opened->data, opened->len, &header, &reader) == 0);
	expect(header.codec == 0 && header.flags == 0);
	look = reader;
	while ((rc = shoal_message_next(&look, &kind, &body)) > 0) {
		int known = shoal_message_decode(kind, body, &message);
		expect(known == 0 || known == SHOAL_ERR_UNSUPPORTED || kind == SHOAL_MESSAGE_PAD);
	}
	expect(rc == 0);
	return (struct shoal_span){reader.at, reader.left};
}

/* Whether there is filling among messages: it is as long as fills a packet, whatever the codec. */
static bool
is_padded(struct shoal_span messages)
{
	struct shoal_reader reader, body;
	uint16_t kind;

	shoal_reader_init(&reader, messages.data, messages.len);
	while (shoal_message_next(&reader, &kind, &body) > 0) {
		if (kind == SHOAL_MESSAGE_PAD) {
			return true;
		}
	}
	return false;
}

/* What is known of it comes back through the codec. */
static void
expect_same_again(struct shoal_packet_opener *opener, const struct shoal_codec_ops *codec,
        struct shoal_span messages)
{
	size_t cap = 64 + 16 * messages.len + 4096;
	uint8_t *compact = malloc(messages.len + 1), *coded = malloc(cap),
	        *packet = malloc(2 * cap);
	struct shoal_writer writer;
	struct shoal_packet_opened opened;

	expect(compact != NULL && coded != NULL && packet != NULL);
	memcpy(compact, messages.data, messages.len);
	shoal_writer_init(&writer, coded, cap);
	shoal_coded_append(&writer, codec, (struct shoal_span){compact, messages.len});
	if (!writer.failed) {
		size_t len =
		        make(codec, NULL, (struct shoal_span){coded, writer.len}, packet, 2 * cap);
		expect(shoal_packet_opener_open(
		               opener, SHOAL_WAY_DATAGRAM, 0, packet, len, &opened) == 0);
		struct shoal_span again = messages_of(&opened);
		expect(is_padded(again) ||
		        (again.len == messages.len && memcmp(again.data, compact, again.len) == 0));
	}
	free(compact);
	free(coded);
	free(packet);
}

void
fuzz_coded(const struct shoal_codec_ops *codec, const uint8_t *data, size_t size)
{
	struct shoal_keyring_config config = {.cipher = shoal_cipher_aes_gcm(), .salt = {{5}}};
	struct shoal_packet_opener *opener = opener_new();
	struct shoal_packet_opened opened;
	size_t cap = size + 256;
	uint8_t *packet = malloc(cap), *first = NULL;
	size_t first_len = 0;
	int first_rc = 0;

	expect(packet != NULL);
	for (int sealed = 0; sealed < 2; sealed++) {
		struct shoal_keyring *ring = NULL;

		if (sealed != 0) {
			expect(shoal_keyring_new(&ring, &config) == 0);
			expect(shoal_keyring_install(ring, key.bytes, key.len, NULL) == 0);
		}
		size_t len = make(codec, ring, (struct shoal_span){data, size}, packet, cap);
		int rc = shoal_packet_opener_open(
		        opener, SHOAL_WAY_DATAGRAM, 0, packet, len, &opened);
		if (sealed != 0) {
			expect(rc == first_rc);
			expect(rc != 0 || (opened.len == first_len &&
			                          memcmp(opened.data, first, first_len) == 0));
		} else if (rc == 0) {
			first = malloc(opened.len);
			expect(first != NULL);
			memcpy(first, opened.data, opened.len);
			first_len = opened.len;
		}
		first_rc = rc;
		if (rc == 0 && codec->id != SHOAL_CODEC_BINARY) {
			expect_same_again(opener, codec, messages_of(&opened));
		}
		shoal_keyring_free(ring);
	}
	/* As it is, but for the checksum. */
	if (size >= SHOAL_PACKET_CRC && size < cap) {
		memcpy(packet, data, size);
		(void)shoal_packet_opener_open(opener, SHOAL_WAY_REQUEST, 0, packet, size, &opened);
	}
	free(first);
	free(packet);
	shoal_packet_opener_free(opener);
}

void
fuzz_config(const uint8_t *data, size_t size)
{
	struct shoal_config config, before;
	char *text = malloc(size + 1), *next;

	expect(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	shoal_config_init(&config);
	for (char *line = text; line != NULL; line = next) {
		next = strchr(line, '\n');
		if (next != NULL) {
			*next++ = '\0';
		}
		char *value = strchr(line, '=');
		if (value == NULL) {
			continue;
		}
		*value++ = '\0';
		before = config;
		int rc = shoal_config_set(&config, line, value);
		expect(rc == 0 || rc == SHOAL_ERR_INVALID || rc == SHOAL_ERR_NOT_FOUND);
		expect(rc == 0 || memcmp(&before, &config, sizeof(config)) == 0);
	}
	int rc = shoal_config_check(&config);
	expect(rc == 0 || rc == SHOAL_ERR_INVALID);
	free(text);
}
