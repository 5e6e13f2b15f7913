/* SPDX-License-Identifier: MIT */
/* The keys of a cluster as one instance holds them: what it seals with, what it opens with, and
 * which packets it has opened before.
 *
 * A key is never used itself. From it come
 *
 *     print    8 bytes that name it to people and tell nothing of it; the first is the key id of
 *              the wire: HKDF(key, info "shoal key")
 *     subkeys  one for each sender and each way, of the key's length:
 *              HKDF(key, salt: the first 8 bytes of the sender's, info "d" for datagrams, "s" for
 *              messages on streams)
 *
 * and the nonce of a packet is its counter. An instance counts from the second half of its salt on,
 * cut to 62 bits, datagrams and messages apart, as their subkeys are: many of the ones push none of
 * the others out of a window. So a nonce comes twice under a subkey only where two instances have
 * drawn the same 64 bits and their counters, out of 2^62, meet.
 *
 * A sender whose packet has opened has an entry: its subkey, where that packet came from, and a
 * window of counters back from the highest, see window.h. Datagrams and messages on streams are two
 * senders with tables of their own. At most senders_max are kept in each, the latest; of those
 * before them, at most former_max, only the highest counter, at or below which nothing is opened
 * any more. The context of a cipher is kept for the SHOAL_KEYRING_WARM latest senders. Nothing is
 * kept of a packet that did not open, or was for another instance.
 *
 * Everything is O(1) but installing, using and removing a key. A packet of a sender whose context
 * is kept allocates nothing. Secrets are wiped when they are not needed any more. */
#ifndef SHOAL_WIRE_KEYRING_H
#define SHOAL_WIRE_KEYRING_H

#include <shoal/codec.h>
#include <shoal/error.h>
#include <shoal/keyring.h>

#define SHOAL_KEYRING_WARM    64 /* contexts */
#define SHOAL_SEALED_NONCE    12
#define SHOAL_SEALED_TAG      16
#define SHOAL_KEYRING_SENDERS 4096
#define SHOAL_KEYRING_FORMER  65536

struct shoal_keyring;

struct shoal_keyring_config {
	const struct shoal_cipher_ops *cipher; /* nonces of 12 bytes, an overhead of 16 */
	const struct shoal_allocator *allocator;
	struct shoal_salt salt;           /* of this instance */
	uint64_t hash[2];                 /* key of the hash tables */
	uint32_t senders_max, former_max; /* of datagrams, and of streams; 0: the default */
};

/* Which packet of whom. */
struct shoal_sealed_by {
	bool stream; /* a message on a stream, not a datagram */
	uint8_t key_id;
	uint64_t salt, counter;
	uint8_t from[16]; /* the IP address that it came from; not in the packet */
	bool asked;       /* an answer: it came from there only if nothing else is known of it */
};

/* Without a key. SHOAL_ERR_INVALID: a cipher of another shape; SHOAL_ERR_NOMEM. */
SHOAL_MUST_USE int shoal_keyring_new(
        struct shoal_keyring **ring, const struct shoal_keyring_config *config);

/* Wipes all. NULL is allowed. */
void shoal_keyring_free(struct shoal_keyring *ring);

/* Adds a key, with which packets are opened from now on; the first one is used too. Adding one that
 * is held does nothing. *print (may be NULL) names it. SHOAL_ERR_INVALID: a length that the cipher
 * does not take; SHOAL_ERR_STATE: another key has the same id, so draw a new one; SHOAL_ERR_LIMIT:
 * SHOAL_KEYS_MAX are held; SHOAL_ERR_NOMEM. */
SHOAL_MUST_USE int shoal_keyring_install(
        struct shoal_keyring *ring, const uint8_t *key, size_t len, uint64_t *print);

/* Seals with it from now on. SHOAL_ERR_NOT_FOUND, SHOAL_ERR_NOMEM: unchanged. */
SHOAL_MUST_USE int shoal_keyring_use(struct shoal_keyring *ring, uint64_t print);

/* Wipes it and what came from it. SHOAL_ERR_NOT_FOUND; SHOAL_ERR_STATE: it is in use. */
SHOAL_MUST_USE int shoal_keyring_remove(struct shoal_keyring *ring, uint64_t print);

/* The i-th key. false: there are fewer. */
bool shoal_keyring_key(const struct shoal_keyring *ring, size_t i, struct shoal_key_info *info);

/* What the next packet is sealed by: a key has been installed. */
struct shoal_sealed_by shoal_keyring_next(struct shoal_keyring *ring, bool stream);

/* Seals len bytes in place, SHOAL_SEALED_TAG more being there; `by` is what shoal_keyring_next said
 * last. SHOAL_ERR_TOO_BIG. */
SHOAL_MUST_USE int shoal_keyring_seal(struct shoal_keyring *ring, const struct shoal_sealed_by *by,
        const uint8_t *ad, size_t ad_len, uint8_t *data, size_t len);

/* Opens len bytes, the tag included, in place. keep: remembers that it did, and refuses what was
 * opened before; else nothing is remembered and nothing compared, of what is for another instance,
 * or counts no more. SHOAL_ERR_KEY: no key of that id; SHOAL_ERR_AUTH; SHOAL_ERR_REPLAYED: opened
 * before, or too old to tell, data is as it was; SHOAL_ERR_NOMEM. Otherwise data is of no use then,
 * and nothing is remembered. */
SHOAL_MUST_USE int shoal_keyring_open(struct shoal_keyring *ring, const struct shoal_sealed_by *by,
        bool keep, const uint8_t *ad, size_t ad_len, uint8_t *data, size_t len);

/* Whether a packet of this sender has been opened lately, and the last one that was no answer came
 * from there. */
bool shoal_keyring_knows(const struct shoal_keyring *ring, const struct shoal_sealed_by *by);

/* So many senders are kept from now on, where that is more than it was. */
void shoal_keyring_expect(struct shoal_keyring *ring, uint32_t senders);

/* Where an instance begins to count. */
static inline uint64_t
shoal_keyring_first(const struct shoal_salt *salt)
{
	uint64_t first = 0;

	for (size_t i = 8; i < 16; i++) {
		first = first << 8 | salt->bytes[i];
	}
	return (first & (UINT64_MAX >> 2)) + 1;
}

/* Bytes held, with what the cipher took by the allocator that it was given. */
size_t shoal_keyring_memory(const struct shoal_keyring *ring);

#endif
