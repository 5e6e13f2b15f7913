/* SPDX-License-Identifier: MIT */
/* shoal/packet.h - packets of the protocol as text, for tools and logs; sealed and compressed ones
 * are made clear before. The bytes may be anything.
 *
 * Threads: any; an opener is used by one thread at a time. */
#ifndef SHOAL_PACKET_H
#define SHOAL_PACKET_H

#include <shoal/codec.h>
#include <shoal/error.h>
#include <shoal/keyring.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_print_form {
	SHOAL_PRINT_TEXT, /* a line for the header, and one for each message and error */
	SHOAL_PRINT_JSON  /* one object, without an end of line */
};

/* Takes the next piece of what is printed; not terminated by a zero, borrowed for the call. */
typedef void (*shoal_print_fn)(const char *text, size_t len, void *arg);

/* Prints without allocating the header and the messages of a packet, by the tables that the library
 * decodes them with, and what is wrong with it at which byte. What comes from the packet is printed
 * without control characters. 0: a whole packet; SHOAL_ERR_AUTH: it is sealed, its header is
 * printed; SHOAL_ERR_UNSUPPORTED: it is compressed, its header is printed; SHOAL_ERR_CODEC: it is
 * not in the compact codec, its header is printed; SHOAL_ERR_VERSION, _MALFORMED, _CHECKSUM: as
 * much as could be read is printed. */
SHOAL_API int shoal_packet_print(const uint8_t *data, size_t len, enum shoal_print_form form,
        shoal_print_fn write, void *arg);

/* As what a packet came; of a sealed one that is authenticated. */
enum shoal_packet_way {
	SHOAL_WAY_DATAGRAM = 0,
	SHOAL_WAY_ONE_WAY = 1,
	SHOAL_WAY_REQUEST = 2,
	SHOAL_WAY_WATCH = 3,
	SHOAL_WAY_ANSWER = 4
};

/* A packet that was opened, or the same where it cannot be. */
struct shoal_packet_opened {
	const uint8_t *data; /* clear, valid until the next call on the opener */
	size_t len;
	bool sealed, compressed; /* what it was */
	uint64_t counter;        /* of a sealed one: what its answer is bound to */
	const char *codec;       /* NULL: the compact one; else the name of that it was in, static;
	                          * "" for one that is not known */
};

/* Opens packets of any sender, for any addressee, in any order and as often as wanted: for people
 * who hold the key and look, never to act on what is in them. */
struct shoal_packet_opener;

/* keys: count of them, copied, as long as the opener lives. cipher may be NULL without keys,
 * compressor (NULL: none) and allocator (NULL: malloc and free) always. SHOAL_ERR_UNSUPPORTED: keys
 * without a cipher; SHOAL_ERR_INVALID: a key of a wrong length, or the cipher does not fit;
 * SHOAL_ERR_STATE: two keys with one id; SHOAL_ERR_LIMIT: more than SHOAL_KEYS_MAX;
 * SHOAL_ERR_NOMEM. */
SHOAL_API SHOAL_MUST_USE int shoal_packet_opener_new(struct shoal_packet_opener **opener,
        const struct shoal_key *keys, size_t count, const struct shoal_cipher_ops *cipher,
        const struct shoal_compressor_ops *compressor, const struct shoal_allocator *allocator);

/* A codec that packets may be in, besides the compact binary one: they are opened as compact ones.
 * At most SHOAL_CODECS_MAX; not copied. SHOAL_ERR_INVALID: made for another version of codec.h;
 * SHOAL_ERR_LIMIT. */
SHOAL_API SHOAL_MUST_USE int shoal_packet_opener_codec(
        struct shoal_packet_opener *opener, const struct shoal_codec_ops *codec);

/* Wipes the keys. NULL is allowed. */
SHOAL_API void shoal_packet_opener_free(struct shoal_packet_opener *opener);

/* request: ANSWER: the counter of the request, where that was sealed; else 0. 0: *opened is a clear
 * packet; else *opened holds the packet as it came: SHOAL_ERR_KEY: sealed with another key;
 * SHOAL_ERR_AUTH: changed, or it came another way; SHOAL_ERR_UNSUPPORTED: compressed, and no
 * compressor; SHOAL_ERR_CODEC: in a codec that is not known; SHOAL_ERR_VERSION, _MALFORMED,
 * _CHECKSUM, _TOO_BIG: no packet that a member would take; SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_packet_opener_open(struct shoal_packet_opener *opener,
        enum shoal_packet_way way, uint64_t request, const uint8_t *data, size_t len,
        struct shoal_packet_opened *opened);

#ifdef __cplusplus
}
#endif

#endif
