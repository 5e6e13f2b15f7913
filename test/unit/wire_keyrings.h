/* SPDX-License-Identifier: MIT */
/* Keyrings with one key, and packets between them. */
#ifndef SHOAL_TEST_WIRE_KEYRINGS_H
#define SHOAL_TEST_WIRE_KEYRINGS_H

#include "unit.h"

#include "unit_cipher.h"
#include "wire/keyring.h"

#define TEXT "what members tell each other"
#define AD   "header"

static const uint8_t key_one[32] = {1, 2, 3}, key_two[32] = {4, 5, 6};

struct packet {
	struct shoal_sealed_by by;
	uint8_t data[sizeof TEXT - 1 + SHOAL_SEALED_TAG];
};

static inline struct shoal_keyring *
make(uint8_t salt, const struct shoal_allocator *mem, uint32_t senders, uint32_t former)
{
	struct shoal_keyring_config config = {.cipher = unit_cipher(),
	        .allocator = mem,
	        .hash = {1, 2},
	        .senders_max = senders,
	        .former_max = former};
	struct shoal_keyring *ring = NULL;

	memset(config.salt.bytes, salt, sizeof config.salt.bytes);
	return shoal_keyring_new(&ring, &config) == SHOAL_OK ? ring : NULL;
}

static inline uint64_t
install(struct shoal_keyring *ring, const uint8_t *key, size_t len)
{
	uint64_t print = 0;

	assert_int_equal(shoal_keyring_install(ring, key, len, &print), SHOAL_OK);
	return print;
}

/* With the first key, which is the one in use. */
static inline struct shoal_keyring *
with_key(uint8_t salt)
{
	struct shoal_keyring *ring = make(salt, NULL, 0, 0);

	install(ring, key_one, 32);
	return ring;
}

static inline struct packet
seal(struct shoal_keyring *ring, bool stream)
{
	struct packet packet = {.by = shoal_keyring_next(ring, stream)};

	memcpy(packet.data, TEXT, sizeof TEXT - 1);
	assert_int_equal(shoal_keyring_seal(ring, &packet.by, (const uint8_t *)AD, sizeof AD,
	                         packet.data, sizeof TEXT - 1),
	        SHOAL_OK);
	assert_memory_not_equal(packet.data, TEXT, sizeof TEXT - 1);
	return packet;
}

static inline int
open_copy(struct shoal_keyring *ring, const struct packet *packet)
{
	struct packet copy = *packet;
	int rc = shoal_keyring_open(
	        ring, &copy.by, true, (const uint8_t *)AD, sizeof AD, copy.data, sizeof copy.data);

	if (rc == SHOAL_OK) {
		assert_memory_equal(copy.data, TEXT, sizeof TEXT - 1);
	}
	return rc;
}

#endif
