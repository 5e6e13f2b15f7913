/* SPDX-License-Identifier: MIT */
/* Keys, subkeys, nonces and replay windows; see keyring.h.
 *
 * Invariants: an entry exists only once a packet of its sender opened; a counter is marked as seen
 * only after the tag was right, so that a forger cannot move a window; a sender is in `senders` or
 * in `former`, never in both; what leaves `senders` keeps its highest counter in `former`. */
#include "wire/keyring.h"

#include <string.h>

#include "base/alloc.h"
#include "base/counted.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/panic.h"
#include "base/slab.h"
#include "base/table.h"
#include "base/wipe.h"
#include "wire/window.h"

#define NO_KEY SHOAL_KEYS_MAX

struct key {
	uint64_t print; /* 0: the place is free */
	uint8_t len;
	uint8_t bytes[SHOAL_KEY_MOST];
};

/* Whose counters. The tables compare and hash it as bytes. */
struct who {
	uint64_t salt;
	uint64_t stream;
};

struct sender {
	struct who who;
	struct shoal_list age;  /* in ring->latest */
	struct shoal_list warm; /* in ring->warm where there is a context */
	void *context;          /* NULL: none */
	struct shoal_window window;
	uint8_t subkey[SHOAL_KEY_MOST];
	uint8_t key; /* that the subkey comes from; NO_KEY: it was removed */
};

struct former {
	struct who who;
	struct shoal_list age; /* in ring->gone */
	uint64_t top;
};

struct shoal_keyring {
	struct shoal_allocator mem;
	struct shoal_counted counted; /* what the cipher takes */
	const struct shoal_cipher_ops *cipher;
	struct key key[SHOAL_KEYS_MAX];
	uint8_t in_use; /* NO_KEY: none */
	uint64_t salt;
	uint64_t counter[2]; /* the next ones: datagrams, streams */
	void *own[2];        /* contexts to seal with */
	struct shoal_slab senders, former;
	struct shoal_table sender_of, former_of;
	struct shoal_list latest, gone, warm; /* the latest first */
	size_t warmed;
};

static struct sender *
sender_at(const struct shoal_keyring *ring, uint32_t number)
{
	return shoal_slab_at(&ring->senders, number);
}

static bool
is_sender(const void *owner, uint32_t number, const void *who)
{
	return memcmp(&sender_at(owner, number)->who, who, sizeof(struct who)) == 0;
}

static bool
is_former(const void *owner, uint32_t number, const void *who)
{
	const struct shoal_keyring *ring = owner;
	const struct former *former = shoal_slab_at(&ring->former, number);

	return memcmp(&former->who, who, sizeof(struct who)) == 0;
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
	shoal_slab_init(&ring->senders, &ring->mem, sizeof(struct sender), senders);
	shoal_slab_init(&ring->former, &ring->mem, sizeof(struct former), former);
	shoal_table_init(&ring->sender_of, &ring->mem, config->hash, senders, is_sender, ring);
	shoal_table_init(&ring->former_of, &ring->mem, config->hash, former, is_former, ring);
	shoal_list_init(&ring->latest);
	shoal_list_init(&ring->gone);
	shoal_list_init(&ring->warm);
	*out = ring;
	return SHOAL_OK;
}

static void
cool(struct shoal_keyring *ring, struct sender *sender)
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
forget_subkey(struct shoal_keyring *ring, struct sender *sender)
{
	cool(ring, sender);
	shoal_wipe(sender->subkey, sizeof sender->subkey);
	sender->key = NO_KEY;
}

void
shoal_keyring_free(struct shoal_keyring *ring)
{
	if (ring == NULL) {
		return;
	}
	struct shoal_allocator mem = ring->mem;
	for (uint32_t i = 0; i < ring->senders.end; i++) {
		struct sender *sender = sender_at(ring, i);
		if (sender != NULL) {
			forget_subkey(ring, sender);
		}
	}
	ring->cipher->free(ring->own[0]);
	ring->cipher->free(ring->own[1]);
	shoal_table_done(&ring->sender_of);
	shoal_table_done(&ring->former_of);
	shoal_slab_done(&ring->senders);
	shoal_slab_done(&ring->former);
	shoal_wipe(ring, sizeof *ring);
	shoal_alloc_free(&mem, ring);
}

static uint8_t
id_of(const struct key *key)
{
	return (uint8_t)(key->print >> 56);
}

static void
derive(const struct key *key, const struct who *who, uint8_t subkey[SHOAL_KEY_MOST])
{
	uint8_t salt[8];
	struct shoal_hkdf_input input = {.key = key->bytes,
	        .key_len = key->len,
	        .salt = salt,
	        .salt_len = sizeof salt,
	        .info = who->stream != 0 ? "s" : "d",
	        .info_len = 1};

	for (size_t i = 0; i < sizeof salt; i++) {
		salt[i] = (uint8_t)(who->salt >> (56 - 8 * i));
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
	for (uint64_t stream = 0; stream < 2 && rc == SHOAL_OK; stream++) {
		struct who own = {ring->salt, stream};
		derive(&ring->key[at], &own, subkey);
		rc = ring->cipher->init(
		        &context[stream], subkey, ring->key[at].len, &ring->counted.hooks);
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
	for (uint32_t i = 0; i < ring->senders.end; i++) {
		struct sender *sender = sender_at(ring, i);
		if (sender != NULL && sender->key == at) {
			forget_subkey(ring, sender);
		}
	}
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

static struct former *
find_former(const struct shoal_keyring *ring, const struct who *who)
{
	uint64_t hash = shoal_table_hash(&ring->former_of, who, sizeof *who);
	uint32_t number = shoal_table_find(&ring->former_of, hash, who);

	return number == SHOAL_TABLE_NONE ? NULL : shoal_slab_at(&ring->former, number);
}

static void
drop_former(struct shoal_keyring *ring, struct former *former)
{
	uint64_t hash = shoal_table_hash(&ring->former_of, &former->who, sizeof former->who);
	uint32_t number = shoal_table_find(&ring->former_of, hash, &former->who);

	shoal_table_remove(&ring->former_of, hash, number);
	shoal_list_remove(&former->age);
	shoal_slab_give(&ring->former, number);
}

static void
drop_sender(struct shoal_keyring *ring, struct sender *sender)
{
	uint64_t hash = shoal_table_hash(&ring->sender_of, &sender->who, sizeof sender->who);
	uint32_t number = shoal_table_find(&ring->sender_of, hash, &sender->who);

	forget_subkey(ring, sender);
	shoal_table_remove(&ring->sender_of, hash, number);
	shoal_list_remove(&sender->age);
	shoal_slab_give(&ring->senders, number);
}

/* The one not heard for the longest time leaves only its highest counter behind. Where even that
 * has no room, the one that left first is forgotten. false: no memory; nothing changed. */
static bool
retire(struct shoal_keyring *ring)
{
	struct sender *sender = SHOAL_LIST_ITEM(ring->latest.prev, struct sender, age);
	uint64_t hash = shoal_table_hash(&ring->former_of, &sender->who, sizeof sender->who);
	uint32_t number;

	if (ring->former.count >= ring->former.limit) {
		drop_former(ring, SHOAL_LIST_ITEM(ring->gone.prev, struct former, age));
	}
	struct former *former = shoal_slab_take(&ring->former, &number);
	if (former == NULL) {
		return false;
	}
	if (shoal_table_put(&ring->former_of, hash, number) != SHOAL_OK) {
		shoal_slab_give(&ring->former, number);
		return false;
	}
	former->who = sender->who;
	former->top = sender->window.top;
	shoal_list_push_front(&ring->gone, &former->age);
	drop_sender(ring, sender);
	return true;
}

/* An entry for a sender of whom a packet has just opened. Where all places are taken, one that
 * comes back trades places: it is taken out of `former` first, so that nothing can fail and its
 * counter is not lost. NULL: no memory; nothing changed. */
static struct sender *
admit(struct shoal_keyring *ring, const struct who *who)
{
	uint64_t hash = shoal_table_hash(&ring->sender_of, who, sizeof *who);
	struct former *former = find_former(ring, who);
	bool returns = former != NULL, full = ring->senders.count >= ring->senders.limit;
	uint64_t top = returns ? former->top : 0;
	uint32_t number;

	if (returns && full) {
		drop_former(ring, former);
	}
	if (full && !retire(ring)) {
		return NULL;
	}
	struct sender *sender = shoal_slab_take(&ring->senders, &number);
	if (sender == NULL) {
		return NULL;
	}
	if (shoal_table_put(&ring->sender_of, hash, number) != SHOAL_OK) {
		shoal_slab_give(&ring->senders, number);
		return NULL;
	}
	sender->who = *who;
	sender->key = NO_KEY;
	shoal_window_init(&sender->window, top, returns);
	shoal_list_push_front(&ring->latest, &sender->age);
	if (returns && !full) {
		drop_former(ring, former);
	}
	return sender;
}

static struct sender *
find_sender(const struct shoal_keyring *ring, const struct who *who)
{
	uint64_t hash = shoal_table_hash(&ring->sender_of, who, sizeof *who);
	uint32_t number = shoal_table_find(&ring->sender_of, hash, who);

	return number == SHOAL_TABLE_NONE ? NULL : sender_at(ring, number);
}

/* Keeps a context with its sender, in the place of one that was not used for the longest time. */
static void
warm(struct shoal_keyring *ring, struct sender *sender, void *context)
{
	cool(ring, sender);
	if (ring->warmed >= SHOAL_KEYRING_WARM) {
		cool(ring, SHOAL_LIST_ITEM(ring->warm.prev, struct sender, warm));
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
try_subkey(struct shoal_keyring *ring, const struct attempt *attempt, const struct who *who,
        uint8_t key, const uint8_t subkey[SHOAL_KEY_MOST])
{
	void *context;
	int rc = ring->cipher->init(&context, subkey, ring->key[key].len, &ring->counted.hooks);

	if (rc != SHOAL_OK) {
		return rc;
	}
	rc = try_context(ring, attempt, context);
	bool keeps = rc == SHOAL_OK && attempt->keep;
	struct sender *sender = keeps ? find_sender(ring, who) : NULL;
	if (keeps && sender == NULL) {
		sender = admit(ring, who);
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
try_key(struct shoal_keyring *ring, const struct attempt *attempt, const struct who *who,
        uint8_t key)
{
	struct sender *sender = find_sender(ring, who);
	uint8_t subkey[SHOAL_KEY_MOST];

	if (sender != NULL && sender->key == key) {
		if (sender->context != NULL) {
			return try_context(ring, attempt, sender->context);
		}
		return try_subkey(ring, attempt, who, key, sender->subkey);
	}
	derive(&ring->key[key], who, subkey);
	int rc = try_subkey(ring, attempt, who, key, subkey);
	shoal_wipe(subkey, sizeof subkey);
	return rc;
}

/* Whether a counter is past, before any work is done for it. */
static bool
is_past(const struct shoal_keyring *ring, const struct who *who, uint64_t counter)
{
	const struct sender *sender = find_sender(ring, who);

	if (sender != NULL) {
		return shoal_window_saw(&sender->window, counter);
	}
	const struct former *former = find_former(ring, who);
	return former != NULL && counter <= former->top;
}

int
shoal_keyring_open(struct shoal_keyring *ring, const struct shoal_sealed_by *by, bool keep,
        const uint8_t *ad, size_t ad_len, uint8_t *data, size_t len)
{
	struct attempt attempt = {
	        .ad = ad, .ad_len = ad_len, .data = data, .len = len, .keep = keep};
	struct who who = {by->salt, by->stream ? 1 : 0};
	uint8_t key = find_id(ring, by->key_id);

	if (key == NO_KEY) {
		return SHOAL_ERR_KEY;
	}
	if (is_past(ring, &who, by->counter)) {
		return SHOAL_ERR_REPLAYED;
	}
	make_nonce(by->counter, attempt.nonce);
	int rc = try_key(ring, &attempt, &who, key);
	if (rc == SHOAL_OK && keep) {
		struct sender *sender = find_sender(ring, &who);
		shoal_window_mark(&sender->window, by->counter);
		shoal_list_remove(&sender->age);
		shoal_list_push_front(&ring->latest, &sender->age);
		shoal_list_remove(&sender->warm);
		shoal_list_push_front(&ring->warm, &sender->warm);
	}
	return rc;
}

bool
shoal_keyring_knows(const struct shoal_keyring *ring, const struct shoal_sealed_by *by)
{
	struct who who = {by->salt, by->stream ? 1 : 0};

	return find_sender(ring, &who) != NULL;
}

size_t
shoal_keyring_memory(const struct shoal_keyring *ring)
{
	return sizeof *ring + ring->counted.taken + shoal_slab_memory(&ring->senders) +
	       shoal_slab_memory(&ring->former) + shoal_table_memory(&ring->sender_of) +
	       shoal_table_memory(&ring->former_of);
}
