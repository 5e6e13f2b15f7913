/* SPDX-License-Identifier: MIT */
/* A cipher for tests of what seals and opens, in rooms that know no real one: HMAC-SHA-256 for the
 * stream and for the tag. It opens what it sealed and nothing else, and is slow. */
#ifndef SHOAL_TEST_UNIT_CIPHER_H
#define SHOAL_TEST_UNIT_CIPHER_H

#include <shoal/codec.h>

/* Shaped as AES-GCM is: keys of 16, 24 and 32 bytes, nonces of 12, tags of 16. */
const struct shoal_cipher_ops *unit_cipher(void);

/* Contexts that are alive, made ever, and the subkey and the nonce of the last sealing. */
struct unit_cipher_seen {
	size_t live, made, sealed, opened;
	uint8_t key[32], nonce[12];
	size_t key_len;
};
extern struct unit_cipher_seen unit_cipher_seen;

#endif
