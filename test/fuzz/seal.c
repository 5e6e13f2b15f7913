/* SPDX-License-Identifier: MIT */
/* Sealing for core_fuzz: the core and all others hold one key, and the others are one sender. So
 * what a script says gets past the tag, and what it leaves unsealed or changes does not. */
#include "fuzz.h"

#include "unit_cipher.h"
#include "wire/packet.h"

#include <stdlib.h>

uint8_t *
fuzz_clear_copy(
        struct fuzz *fuzz, const struct shoal_send *send, const uint8_t **clear, size_t *len)
{
	uint8_t *copy = malloc(send->len);
	struct shoal_packet_header header;
	struct shoal_reader reader;

	if (copy == NULL) {
		fuzz_fail("fuzz", "no memory");
	}
	memcpy(copy, send->data, send->len);
	*clear = copy;
	*len = send->len;
	if (fuzz->ring != NULL) {
		shoal_reader_init(&reader, copy, send->len);
		(void)shoal_packet_header(&reader, &header);
		header.by.stream = send->kind != SHOAL_SEND_DATAGRAM;
		if (shoal_packet_unseal(copy, send->len, &header, fuzz->ring, true, len) != 0) {
			fuzz_fail("packets", "what the core sealed cannot be opened");
		}
		*clear = copy + SHOAL_PACKET_SEAL;
	}
	return copy;
}

void
fuzz_seal(struct fuzz *fuzz, bool stream, bool nobody, const uint8_t **data, size_t *len)
{
	struct shoal_packet_header header;
	struct shoal_reader reader;
	struct shoal_writer writer;

	shoal_reader_init(&reader, *data, *len);
	if (*len > PACKET_MAX || shoal_packet_header(&reader, &header) != 0 ||
	        (header.flags & SHOAL_PACKET_SEALED) != 0 || reader.left < SHOAL_PACKET_CRC) {
		return;
	}
	shoal_writer_init(&writer, fuzz->sealed, sizeof(fuzz->sealed));
	shoal_packet_begin_sealed(&writer, header.label);
	shoal_writer_bytes(&writer, reader.at, reader.left - SHOAL_PACKET_CRC);
	if (shoal_packet_seal(&writer, fuzz->ring, stream, nobody ? 0 : short_salt(&fuzz->salt)) !=
	        0) {
		fuzz_fail("packets", "cannot be sealed");
	}
	*data = writer.data;
	*len = writer.len;
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
