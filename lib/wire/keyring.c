/* SPDX-License-Identifier: MIT */
/* Keys, subkeys and nonces; see keyring.h. What is known of senders is kept by senders.c. */
#include "wire/keyring.h"

#include <string.h>

#include "base/alloc.h"
#include "base/counted.h"
#include "base/hash.h"
#include "base/panic.h"
#include "base/wipe.h"
#include "wire/senders.h"

#define NO_KEY SHOAL_NO_KEY

struct key {
	uint64_t print; /* 0: the place is free */
	uint8_t len;
	uint8_t bytes[SHOAL_KEY_MOST];
};

struct shoal_keyring {
	struct shoal_allocator mem;
	struct shoal_counted counted; /* what the cipher takes */
	const struct shoal_cipher_ops *cipher;
	struct key key[SHOAL_KEYS_MAX];
	uint8_t in_use; /* NO_KEY: none */
	uint64_t salt;
	uint64_t counter[2]; /* the next ones: datagrams, streams */
	void *own[2];        /* contexts to seal with; the same order */
	struct shoal_senders senders[2];
	struct shoal_list warm; /* of both, the latest first */
	size_t warmed;
};

static void
cool(struct shoal_keyring *ring, struct shoal_sender *sender)
{
	if (sender->context != NULL) {
		ring->cipher->free(sender->context);
		sender->context = NULL;
		shoal_list_remove(&sender->warm);
		ring->warmed--;
	}
}

/* What came from a key, but not which counters were seen. */
static void
forget_subkey(void *owner, struct shoal_sender *sender)
{
	cool(owner, sender);
	shoal_wipe(sender->subkey, sizeof sender->subkey);
	sender->key = NO_KEY;
}

/* Of all senders whose subkeys come from this key; NO_KEY: from any. */
static void
forget_subkeys(struct shoal_keyring *ring, uint8_t key)
{
	for (size_t i = 0; i < 2; i++) {
		for (uint32_t number = 0; number < ring->senders[i].kept.end; number++) {
			struct shoal_sender *sender = shoal_senders_at(&ring->senders[i], number);
			if (sender != NULL && (key == NO_KEY || sender->key == key)) {
				forget_subkey(ring, sender);
			}
		}
	}
}

int
shoal_keyring_new(struct shoal_keyring **out, const struct shoal_keyring_config *config)
{
	const struct shoal_cipher_ops *cipher = config->cipher;
	struct shoal_allocator mem = shoal_allocator_or_libc(config->allocator);
	uint32_t senders = config->senders_max != 0 ? config->senders_max : SHOAL_KEYRING_SENDERS;
	uint32_t former = config->former_max != 0 ? config->former_max : SHOAL_KEYRING_FORMER;

	if (cipher == NULL || cipher->abi != SHOAL_CIPHER_ABI ||
	        cipher->nonce_len != SHOAL_SEALED_NONCE || cipher->overhead != SHOAL_SEALED_TAG) {
		return SHOAL_ERR_INVALID;
	}
	struct shoal_keyring *ring = shoal_alloc_zeroed(&mem, 1, sizeof *ring);
	if (ring == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	ring->mem = mem;
	shoal_counted_init(&ring->counted, &ring->mem);
	ring->cipher = cipher;
	ring->in_use = NO_KEY;
	for (size_t i = 0; i < 8; i++) {
		ring->salt = ring->salt << 8 | config->salt.bytes[i];
	}
	ring->counter[0] = ring->counter[1] = shoal_keyring_first(&config->salt);
	for (size_t i = 0; i < 2; i++) {
		struct shoal_senders *each = &ring->senders[i];
		each->window = i == 0 ? SHOAL_REPLAY_WINDOW : SHOAL_REPLAY_STREAMS;
		each->forget = forget_subkey;
		each->owner = ring;
		shoal_senders_init(each, &ring->mem, config->hash, senders, former);
	}
	shoal_list_init(&ring->warm);
	*out = ring;
	return SHOAL_OK;
}

void
shoal_keyring_free(struct shoal_keyring *ring)
{
	if (ring == NULL) {
		return;
	}
	struct shoal_allocator mem = ring->mem;
	forget_subkeys(ring, NO_KEY);
	ring->cipher->free(ring->own[0]);
	ring->cipher->free(ring->own[1]);
	shoal_senders_done(&ring->senders[0]);
	shoal_senders_done(&ring->senders[1]);
	shoal_wipe(ring, sizeof *ring);
	shoal_alloc_free(&mem, ring);
}

static uint8_t
id_of(const struct key *key)
{
	return (uint8_t)(key->print >> 56);
}

static void
derive(const struct key *key, bool stream, uint64_t sender, uint8_t subkey[SHOAL_KEY_MOST])
{
	uint8_t salt[8];
	struct shoal_hkdf_input input = {.key = key->bytes,
	        .key_len = key->len,
	        .salt = salt,
	        .salt_len = sizeof salt,
	        .info = stream ? "s" : "d",
	        .info_len = 1};

	for (size_t i = 0; i < sizeof salt; i++) {
		salt[i] = (uint8_t)(sender >> (56 - 8 * i));
	}
	shoal_hash_hkdf(&input, subkey, key->len);
}

static uint8_t
find_key(const struct shoal_keyring *ring, uint64_t print)
{
	uint8_t i = 0;

	while (i < SHOAL_KEYS_MAX && (print == 0 || ring->key[i].print != print)) {
		i++;
	}
	return i;
}

/* The place of the key with an id of the wire; NO_KEY: there is none. */
static uint8_t
find_id(const struct shoal_keyring *ring, uint8_t id)
{
	uint8_t i = 0;

	while (i < SHOAL_KEYS_MAX && (ring->key[i].print == 0 || id_of(&ring->key[i]) != id)) {
		i++;
	}
	return i;
}

static bool
takes(const struct shoal_cipher_ops *cipher, size_t len)
{
	for (size_t i = 0; i < sizeof cipher->key_len && cipher->key_len[i] != 0; i++) {
		if (cipher->key_len[i] == len) {
			return len <= SHOAL_KEY_MOST;
		}
	}
	return false;
}

int
shoal_keyring_install(struct shoal_keyring *ring, const uint8_t *key, size_t len, uint64_t *print)
{
	uint8_t at = 0;

	if (!takes(ring->cipher, len)) {
		return SHOAL_ERR_INVALID;
	}
	struct shoal_key whole = {.len = (uint8_t)len};
	memcpy(whole.bytes, key, len);
	uint64_t name = shoal_key_name(&whole);
	shoal_wipe(&whole, sizeof whole);
	if (print != NULL) {
		*print = name;
	}
	if (find_key(ring, name) != NO_KEY) {
		return SHOAL_OK;
	}
	if (find_id(ring, (uint8_t)(name >> 56)) != NO_KEY) {
		return SHOAL_ERR_STATE;
	}
	while (at < SHOAL_KEYS_MAX && ring->key[at].print != 0) {
		at++;
	}
	if (at == SHOAL_KEYS_MAX) {
		return SHOAL_ERR_LIMIT;
	}
	ring->key[at].print = name;
	ring->key[at].len = (uint8_t)len;
	memcpy(ring->key[at].bytes, key, len);
	int rc = ring->in_use == NO_KEY ? shoal_keyring_use(ring, name) : SHOAL_OK;
	if (rc != SHOAL_OK) {
		shoal_wipe(&ring->key[at], sizeof ring->key[at]);
	}
	return rc;
}

int
shoal_keyring_use(struct shoal_keyring *ring, uint64_t print)
{
	uint8_t at = find_key(ring, print);
	void *context[2] = {NULL, NULL};
	uint8_t subkey[SHOAL_KEY_MOST];
	int rc = SHOAL_OK;

	if (at == NO_KEY) {
		return SHOAL_ERR_NOT_FOUND;
	}
	for (size_t i = 0; i < 2 && rc == SHOAL_OK; i++) {
		derive(&ring->key[at], i == 1, ring->salt, subkey);
		rc = ring->cipher->init(
		        &context[i], subkey, ring->key[at].len, &ring->counted.hooks);
	}
	shoal_wipe(subkey, sizeof subkey);
	for (size_t i = 0; i < 2; i++) {
		void **drop = rc == SHOAL_OK ? &ring->own[i] : &context[i];
		ring->cipher->free(*drop);
		*drop = rc == SHOAL_OK ? context[i] : NULL;
	}
	ring->in_use = rc == SHOAL_OK ? at : ring->in_use;
	return rc;
}

int
shoal_keyring_remove(struct shoal_keyring *ring, uint64_t print)
{
	uint8_t at = find_key(ring, print);

	if (at == NO_KEY) {
		return SHOAL_ERR_NOT_FOUND;
	}
	if (at == ring->in_use) {
		return SHOAL_ERR_STATE;
	}
	forget_subkeys(ring, at);
	shoal_wipe(&ring->key[at], sizeof ring->key[at]);
	return SHOAL_OK;
}

bool
shoal_keyring_key(const struct shoal_keyring *ring, size_t i, struct shoal_key_info *info)
{
	for (uint8_t at = 0; at < SHOAL_KEYS_MAX; at++) {
		if (ring->key[at].print != 0 && i-- == 0) {
			*info = (struct shoal_key_info){.print = ring->key[at].print,
			        .len = ring->key[at].len,
			        .in_use = at == ring->in_use};
			return true;
		}
	}
	return false;
}

struct shoal_sealed_by
shoal_keyring_next(struct shoal_keyring *ring, bool stream)
{
	uint64_t *counter = &ring->counter[stream ? 1 : 0];

	SHOAL_ASSERT(ring->in_use != NO_KEY && *counter < UINT64_MAX);
	return (struct shoal_sealed_by){.stream = stream,
	        .key_id = id_of(&ring->key[ring->in_use]),
	        .salt = ring->salt,
	        .counter = (*counter)++};
}

static void
make_nonce(uint64_t counter, uint8_t nonce[SHOAL_SEALED_NONCE])
{
	memset(nonce, 0, 4);
	for (size_t i = 0; i < 8; i++) {
		nonce[4 + i] = (uint8_t)(counter >> (56 - 8 * i));
	}
}

int
shoal_keyring_seal(struct shoal_keyring *ring, const struct shoal_sealed_by *by, const uint8_t *ad,
        size_t ad_len, uint8_t *data, size_t len)
{
	uint8_t nonce[SHOAL_SEALED_NONCE];

	/* A counter is used once, whatever the caller keeps. */
	uint64_t next = ring->counter[by->stream ? 1 : 0];
	SHOAL_ASSERT(by->salt == ring->salt && by->counter == next - 1);
	make_nonce(by->counter, nonce);
	return ring->cipher->seal(ring->own[by->stream ? 1 : 0], nonce, ad, ad_len, data, len);
}

static struct shoal_senders *
senders_of(struct shoal_keyring *ring, const struct shoal_sealed_by *by)
{
	return &ring->senders[by->stream ? 1 : 0];
}

/* Keeps a context with its sender, in the place of one that was not used for the longest time. */
static void
warm(struct shoal_keyring *ring, struct shoal_sender *sender, void *context)
{
	cool(ring, sender);
	if (ring->warmed >= SHOAL_KEYRING_WARM) {
		cool(ring, SHOAL_LIST_ITEM(ring->warm.prev, struct shoal_sender, warm));
	}
	sender->context = context;
	shoal_list_push_front(&ring->warm, &sender->warm);
	ring->warmed++;
}

/* An opening under way. */
struct attempt {
	uint8_t nonce[SHOAL_SEALED_NONCE];
	const uint8_t *ad;
	size_t ad_len;
	uint8_t *data;
	size_t len;
	bool keep;
};

static int
try_context(const struct shoal_keyring *ring, const struct attempt *attempt, void *context)
{
	return ring->cipher->open(
	        context, attempt->nonce, attempt->ad, attempt->ad_len, attempt->data, attempt->len);
}

/* With a subkey, whose context is kept with the sender where that opens it and it is to be kept. */
static int
try_subkey(struct shoal_keyring *ring, const struct attempt *attempt,
        const struct shoal_sealed_by *by, uint8_t key, const uint8_t subkey[SHOAL_KEY_MOST])
{
	void *context;
	int rc = ring->cipher->init(&context, subkey, ring->key[key].len, &ring->counted.hooks);

	if (rc != SHOAL_OK) {
		return rc;
	}
	rc = try_context(ring, attempt, context);
	bool keeps = rc == SHOAL_OK && attempt->keep;
	struct shoal_sender *sender =
	        keeps ? shoal_senders_find(senders_of(ring, by), by->salt) : NULL;
	if (keeps && sender == NULL) {
		sender = shoal_senders_admit(senders_of(ring, by), by->salt);
		rc = sender != NULL ? SHOAL_OK : SHOAL_ERR_NOMEM;
	}
	if (sender == NULL) {
		ring->cipher->free(context);
		return rc;
	}
	warm(ring, sender, context);
	sender->key = key;
	memmove(sender->subkey, subkey, ring->key[key].len);
	return SHOAL_OK;
}

static int
try_key(struct shoal_keyring *ring, const struct attempt *attempt, const struct shoal_sealed_by *by,
        uint8_t key)
{
	struct shoal_sender *sender = shoal_senders_find(senders_of(ring, by), by->salt);
	uint8_t subkey[SHOAL_KEY_MOST];

	if (sender != NULL && sender->key == key) {
		if (sender->context != NULL) {
			return try_context(ring, attempt, sender->context);
		}
		return try_subkey(ring, attempt, by, key, sender->subkey);
	}
	derive(&ring->key[key], by->stream, by->salt, subkey);
	int rc = try_subkey(ring, attempt, by, key, subkey);
	shoal_wipe(subkey, sizeof subkey);
	return rc;
}

int
shoal_keyring_open(struct shoal_keyring *ring, const struct shoal_sealed_by *by, bool keep,
        const uint8_t *ad, size_t ad_len, uint8_t *data, size_t len)
{
	struct attempt attempt = {
	        .ad = ad, .ad_len = ad_len, .data = data, .len = len, .keep = keep};
	struct shoal_senders *senders = senders_of(ring, by);
	uint8_t key = find_id(ring, by->key_id);

	if (key == NO_KEY) {
		return SHOAL_ERR_KEY;
	}
	if (keep && shoal_senders_saw(senders, by->salt, by->counter)) {
		return SHOAL_ERR_REPLAYED;
	}
	make_nonce(by->counter, attempt.nonce);
	bool moves = !by->asked || shoal_senders_find(senders, by->salt) == NULL;
	int rc = try_key(ring, &attempt, by, key);
	if (rc == SHOAL_OK && keep) {
		struct shoal_sender *sender = shoal_senders_find(senders, by->salt);
		shoal_senders_mark(senders, sender, by->counter, moves ? by->from : NULL);
		shoal_list_remove(&sender->warm);
		shoal_list_push_front(&ring->warm, &sender->warm);
	}
	return rc;
}

bool
shoal_keyring_knows(const struct shoal_keyring *ring, const struct shoal_sealed_by *by)
{
	const struct shoal_sender *sender =
	        shoal_senders_find(&ring->senders[by->stream ? 1 : 0], by->salt);

	return sender != NULL && memcmp(sender->from, by->from, sizeof sender->from) == 0;
}

void
shoal_keyring_expect(struct shoal_keyring *ring, uint32_t senders)
{
	shoal_senders_expect(&ring->senders[0], senders);
	shoal_senders_expect(&ring->senders[1], senders);
}

size_t
shoal_keyring_memory(const struct shoal_keyring *ring)
{
	return sizeof *ring + ring->counted.taken + shoal_senders_memory(&ring->senders[0]) +
	       shoal_senders_memory(&ring->senders[1]);
}
