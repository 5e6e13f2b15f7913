/* SPDX-License-Identifier: MIT */
/* The cipher for tests. Its stream is HMAC over nonce and place, its tag HMAC over the HMACs of
 * nonce, associated data and sealed text. */
#include "unit_cipher.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

#define TAG   16
#define NONCE 12
#define ROOM  256

struct unit_cipher_seen unit_cipher_seen;

struct context {
	struct shoal_allocator mem;
	uint8_t key[32];
	size_t key_len;
};

static int
make(void **self, const uint8_t *key, size_t key_len, const struct shoal_allocator *allocator)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(allocator);
	struct context *context;

	*self = NULL;
	if (key_len != 16 && key_len != 24 && key_len != 32) {
		return SHOAL_ERR_INVALID;
	}
	context = shoal_alloc_zeroed(&mem, 1, sizeof *context);
	if (context == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	context->mem = mem;
	memcpy(context->key, key, key_len);
	context->key_len = key_len;
	unit_cipher_seen.live++;
	unit_cipher_seen.made++;
	*self = context;
	return SHOAL_OK;
}

static void
drop(void *self)
{
	struct context *context = self;

	if (context != NULL) {
		struct shoal_allocator mem = context->mem;
		unit_cipher_seen.live--;
		memset(context, 0, sizeof *context);
		shoal_alloc_free(&mem, context);
	}
}

static void
stream(const struct context *context, const uint8_t *nonce, uint8_t *data, size_t len)
{
	uint8_t text[NONCE + 4] = {0}, block[SHOAL_SHA256_LEN];

	memcpy(text, nonce, NONCE);
	for (size_t i = 0; i < len; i++) {
		if (i % sizeof block == 0) {
			for (size_t byte = 0; byte < 4; byte++) {
				text[NONCE + byte] = (uint8_t)(i >> 8 * byte);
			}
			shoal_hash_hmac(context->key, context->key_len, text, sizeof text, block);
		}
		data[i] ^= block[i % sizeof block];
	}
}

static void
tag_of(const struct context *context, const uint8_t *nonce, const uint8_t *ad, size_t ad_len,
        const uint8_t *data, size_t len, uint8_t tag[TAG])
{
	uint8_t part[3][SHOAL_SHA256_LEN], all[SHOAL_SHA256_LEN];

	shoal_hash_hmac(context->key, context->key_len, nonce, NONCE, part[0]);
	shoal_hash_hmac(context->key, context->key_len, ad, ad_len, part[1]);
	shoal_hash_hmac(context->key, context->key_len, data, len, part[2]);
	shoal_hash_hmac(context->key, context->key_len, part, sizeof part, all);
	memcpy(tag, all, TAG);
}

static int
seal(void *self, const uint8_t *nonce, const uint8_t *ad, size_t ad_len, uint8_t *data, size_t len)
{
	const struct context *context = self;

	stream(context, nonce, data, len);
	tag_of(context, nonce, ad, ad_len, data, len, data + len);
	unit_cipher_seen.sealed++;
	memcpy(unit_cipher_seen.key, context->key, sizeof context->key);
	unit_cipher_seen.key_len = context->key_len;
	memcpy(unit_cipher_seen.nonce, nonce, NONCE);
	return SHOAL_OK;
}

static int
open_sealed(void *self, const uint8_t *nonce, const uint8_t *ad, size_t ad_len, uint8_t *data,
        size_t len)
{
	const struct context *context = self;
	uint8_t tag[TAG];

	if (len < TAG) {
		return SHOAL_ERR_AUTH;
	}
	tag_of(context, nonce, ad, ad_len, data, len - TAG, tag);
	unit_cipher_seen.opened++;
	if (memcmp(tag, data + len - TAG, TAG) != 0) {
		memset(data, 0, len);
		return SHOAL_ERR_AUTH;
	}
	stream(context, nonce, data, len - TAG);
	return SHOAL_OK;
}

const struct shoal_cipher_ops *
unit_cipher(void)
{
	static const struct shoal_cipher_ops ops = {.abi = SHOAL_CIPHER_ABI,
	        .name = "unit",
	        .key_len = {16, 24, 32, 0},
	        .nonce_len = NONCE,
	        .overhead = TAG,
	        .init = make,
	        .free = drop,
	        .seal = seal,
	        .open = open_sealed};

	return &ops;
}
