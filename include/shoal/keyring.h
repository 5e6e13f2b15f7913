/* SPDX-License-Identifier: MIT */
/* shoal/keyring.h - the keys that packets are sealed with.
 *
 * All members of a cluster hold the same keys. Each seals with one of them, the one in use, and
 * opens with any. To change the key: install the new one everywhere, use it everywhere, remove the
 * old one everywhere.
 *
 * A key has a print: a number that names it, and tells nothing of it.
 *
 * Threads: any. */
#ifndef SHOAL_KEYRING_H
#define SHOAL_KEYRING_H

#include <shoal/error.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHOAL_KEYS_MAX  8  /* keys that a member holds */
#define SHOAL_KEY_MOST  32 /* bytes of a key; 16 and 24 are allowed too */
#define SHOAL_KEY_TEXT  45 /* buffer for shoal_key_print: base64 of 32 bytes and a zero */
#define SHOAL_KEY_PRINT 17 /* buffer for a print: 16 hexadecimal digits and a zero */

struct shoal_key {
	uint8_t len;
	uint8_t bytes[SHOAL_KEY_MOST];
};

/* A key, for people. */
struct shoal_key_info {
	uint64_t print;
	uint8_t len; /* bytes */
	bool in_use; /* sealed with */
};

/* What is done with a key. */
enum shoal_key_action {
	SHOAL_KEY_LIST = 0, /* nothing */
	SHOAL_KEY_INSTALL = 1,
	SHOAL_KEY_USE = 2,
	SHOAL_KEY_REMOVE = 3
};

/* Reads a key as base64 with its padding, len characters, white space around it. SHOAL_ERR_INVALID:
 * no base64, or not of 16, 24 or 32 bytes; *key is wiped. */
SHOAL_API int shoal_key_parse(struct shoal_key *key, const char *text, size_t len);

/* Writes it as base64. The caller wipes text. */
SHOAL_API void shoal_key_print(const struct shoal_key *key, char text[SHOAL_KEY_TEXT]);

/* The print of a key. */
SHOAL_API uint64_t shoal_key_name(const struct shoal_key *key);

/* Zeroes what was a secret; no compiler leaves it out. */
SHOAL_API void shoal_key_wipe(void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif
