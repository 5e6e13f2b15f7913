/* SPDX-License-Identifier: MIT */
/* AES-GCM (NIST SP 800-38D) of mbedTLS behind the cipher's vtable: nonces of 96 bits, tags of 128.
 * Written for mbedTLS 2.28; what it uses is the same in 3.x. The tables of a key are made once, in
 * its context; sealing and opening take no memory. */
#include <shoal/codec.h>

#ifdef SHOAL_HAVE_MBEDTLS

#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>

#include "base/alloc.h"

#define NONCE_LEN 12
#define TAG_LEN   16
/* SP 800-38D, 5.2.1.1: 2^39 - 256 bits under one nonce. */
#define TEXT_MAX ((UINT64_C(1) << 36) - 32)

struct context {
	mbedtls_gcm_context gcm;
	struct shoal_allocator mem;
};

static void
context_free(void *self)
{
	struct context *context = self;
	struct shoal_allocator mem;

	if (context == NULL) {
		return;
	}
	mem = context->mem;
	mbedtls_gcm_free(&context->gcm);
	mbedtls_platform_zeroize(context, sizeof *context);
	shoal_alloc_free(&mem, context);
}

static int
context_init(
        void **self, const uint8_t *key, size_t key_len, const struct shoal_allocator *allocator)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(allocator);
	struct context *context;
	int rc;

	*self = NULL;
	if (key_len != 16 && key_len != 24 && key_len != 32) {
		return SHOAL_ERR_INVALID;
	}
	context = shoal_alloc(&mem, sizeof *context);
	if (context == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	context->mem = mem;
	mbedtls_gcm_init(&context->gcm);
	rc = mbedtls_gcm_setkey(&context->gcm, MBEDTLS_CIPHER_ID_AES, key, (unsigned)key_len * 8);
	if (rc != 0) {
		/* The key length is right, so only memory can be short. */
		context_free(context);
		return SHOAL_ERR_NOMEM;
	}
	*self = context;
	return SHOAL_OK;
}

static int
seal(void *self, const uint8_t *nonce, const uint8_t *ad, size_t ad_len, uint8_t *data, size_t len)
{
	struct context *context = self;

	if (len > TEXT_MAX) {
		return SHOAL_ERR_TOO_BIG;
	}
	return mbedtls_gcm_crypt_and_tag(&context->gcm, MBEDTLS_GCM_ENCRYPT, len, nonce, NONCE_LEN,
	               ad, ad_len, data, data, TAG_LEN, data + len) == 0
	               ? SHOAL_OK
	               : SHOAL_ERR_TOO_BIG;
}

static int
open_sealed(void *self, const uint8_t *nonce, const uint8_t *ad, size_t ad_len, uint8_t *data,
        size_t len)
{
	struct context *context = self;

	if (len < TAG_LEN) {
		return SHOAL_ERR_AUTH;
	}
	len -= TAG_LEN;
	return mbedtls_gcm_auth_decrypt(&context->gcm, len, nonce, NONCE_LEN, ad, ad_len,
	               data + len, TAG_LEN, data, data) == 0
	               ? SHOAL_OK
	               : SHOAL_ERR_AUTH;
}

static const struct shoal_cipher_ops aes_gcm = {
        .abi = SHOAL_CIPHER_ABI,
        .name = "aes-gcm",
        .key_len = {16, 24, 32, 0},
        .nonce_len = NONCE_LEN,
        .overhead = TAG_LEN,
        .init = context_init,
        .free = context_free,
        .seal = seal,
        .open = open_sealed,
};

const struct shoal_cipher_ops *
shoal_cipher_aes_gcm(void)
{
	return &aes_gcm;
}

#else

const struct shoal_cipher_ops *
shoal_cipher_aes_gcm(void)
{
	return NULL;
}

#endif
