/* SPDX-License-Identifier: MIT */
/* AES-GCM behind the cipher's vtable: the test cases with nonces of 96 bits of McGrew and Viega,
 * "The Galois/Counter Mode of Operation (GCM)", appendix B, and that nothing opens but what was
 * sealed. */
#include "unit.h"

#include <stdlib.h>

#include <shoal/codec.h>

#include "codecs_draw.h"
#include "heap_fault.h"

#define KEY   "feffe9928665731c6d6a8f9467308308"
#define NONCE "cafebabefacedbaddecaf888"
#define AD    "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define TEXT                                                                                       \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                         \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255"
#define SHORT                                                                                      \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                         \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define Z64  "0000000000000000"
#define Z96  "000000000000000000000000"
#define Z128 Z64 Z64

struct vector {
	const char *key, *nonce, *ad, *text, *sealed;
};

static const struct vector vectors[] = {
        {Z128, Z96, "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
        {Z128, Z96, "", Z128, "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"},
        {KEY, NONCE, "", TEXT,
                "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091473f5985"
                "4d5c2af327cd64a62cf35abd2ba6fab4"},
        {KEY, NONCE, AD, SHORT,
                "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
                "5bc94fbc3221a5db94fae95ae7121a47"},
        {Z128 Z64, Z96, "", "", "cd33b28ac773f74ba00ed1f312572435"},
        {Z128 Z64, Z96, "", Z128,
                "98e7247c07f0fe411c267e4384b0f6002ff58d80033927ab8ef4d4587514f0fb"},
        {KEY "feffe9928665731c", NONCE, "", TEXT,
                "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
                "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710acade256"
                "9924a7c8587336bfb118024db8674a14"},
        {KEY "feffe9928665731c", NONCE, AD, SHORT,
                "3980ca0b3c00e841eb06fac4872a2757859e1ceaa6efd984628593b40ca1e19c"
                "7d773d00c144c525ac619d18c84a3f4718e2448b2fe324d9ccda2710"
                "2519498e80f1478f37ba55bd6d27618c"},
        {Z128 Z128, Z96, "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
        {Z128 Z128, Z96, "", Z128,
                "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
        {KEY KEY, NONCE, "", TEXT,
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad"
                "b094dac5d93471bdec1a502270e3cc6c"},
        {KEY KEY, NONCE, AD, SHORT,
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static const struct shoal_cipher_ops *cipher;

static void
check_vector(const struct vector *vector)
{
	uint8_t key[32], nonce[12], ad[32], text[80], sealed[96], data[96];
	size_t key_len = draw_hex(vector->key, key, sizeof key);
	size_t ad_len = draw_hex(vector->ad, ad, sizeof ad);
	size_t len = draw_hex(vector->text, text, sizeof text);
	void *context;

	assert_int_equal(draw_hex(vector->nonce, nonce, sizeof nonce), cipher->nonce_len);
	assert_int_equal(draw_hex(vector->sealed, sealed, sizeof sealed), len + cipher->overhead);
	assert_int_equal(cipher->init(&context, key, key_len, NULL), 0);
	/* Twice: a context is used again and again. */
	for (int i = 0; i < 2; i++) {
		memcpy(data, text, len);
		assert_int_equal(cipher->seal(context, nonce, ad, ad_len, data, len), 0);
		assert_memory_equal(data, sealed, len + cipher->overhead);
		assert_int_equal(
		        cipher->open(context, nonce, ad, ad_len, data, len + cipher->overhead), 0);
		assert_memory_equal(data, text, len);
	}
	cipher->free(context);
}

static void
the_published_test_cases_come_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		check_vector(&vectors[i]);
	}
}

struct sealing {
	void *context;
	uint8_t nonce[12], ad[20], clear[50], sealed[66], data[66];
};

static void
sealing_init(struct sealing *s)
{
	uint8_t key[32];

	memset(key, 0x42, sizeof key);
	memset(s->nonce, 1, sizeof s->nonce);
	memset(s->ad, 2, sizeof s->ad);
	memset(s->clear, 3, sizeof s->clear);
	assert_int_equal(cipher->init(&s->context, key, sizeof key, NULL), 0);
	memcpy(s->sealed, s->clear, sizeof s->clear);
	assert_int_equal(
	        cipher->seal(s->context, s->nonce, s->ad, sizeof s->ad, s->sealed, sizeof s->clear),
	        0);
}

static int
try_open(struct sealing *s, size_t ad_len, size_t len)
{
	memcpy(s->data, s->sealed, sizeof s->sealed);
	return cipher->open(s->context, s->nonce, s->ad, ad_len, s->data, len);
}

static void
expect_refused(struct sealing *s, size_t ad_len, size_t len)
{
	assert_int_equal(try_open(s, ad_len, len), SHOAL_ERR_AUTH);
	assert_memory_not_equal(s->data, s->clear, sizeof s->clear);
}

static void
a_bit_that_changed_anywhere_is_noticed(void **state)
{
	struct sealing s;
	uint8_t *const parts[] = {s.nonce, s.ad, s.sealed};
	const size_t lens[] = {sizeof s.nonce, sizeof s.ad, sizeof s.sealed};

	(void)state;
	sealing_init(&s);
	for (size_t part = 0; part < COUNT_OF(parts); part++) {
		for (size_t bit = 0; bit < lens[part] * 8; bit++) {
			parts[part][bit / 8] ^= (uint8_t)(1U << bit % 8);
			expect_refused(&s, sizeof s.ad, sizeof s.sealed);
			parts[part][bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
	}
	for (size_t len = 0; len < sizeof s.sealed; len++) {
		assert_int_equal(try_open(&s, sizeof s.ad, len), SHOAL_ERR_AUTH);
	}
	expect_refused(&s, sizeof s.ad - 1, sizeof s.sealed);
	assert_int_equal(try_open(&s, sizeof s.ad, sizeof s.sealed), 0);
	assert_memory_equal(s.data, s.clear, sizeof s.clear);
	cipher->free(s.context);
}

static void
another_key_opens_nothing(void **state)
{
	struct sealing s;
	uint8_t key[32] = {7};

	(void)state;
	sealing_init(&s);
	cipher->free(s.context);
	assert_int_equal(cipher->init(&s.context, key, sizeof key, NULL), 0);
	expect_refused(&s, sizeof s.ad, sizeof s.sealed);
	cipher->free(s.context);
	assert_int_equal(cipher->init(&s.context, key, 16, NULL), 0);
	expect_refused(&s, sizeof s.ad, sizeof s.sealed);
	cipher->free(s.context);
}

static void
a_key_has_one_of_the_lengths_that_are_told(void **state)
{
	uint8_t key[64] = {0};

	(void)state;
	for (size_t len = 0; len <= sizeof key; len++) {
		void *context;
		bool told = false;

		for (size_t i = 0; cipher->key_len[i] != 0; i++) {
			told |= cipher->key_len[i] == len;
		}
		assert_int_equal(
		        cipher->init(&context, key, len, NULL), told ? 0 : SHOAL_ERR_INVALID);
		assert_true((context != NULL) == told);
		cipher->free(context);
	}
}

/* Looks at the memory of a context as it is given back. */
static const uint8_t *wiped;
static size_t wiped_len;

static void *
watching_malloc(size_t size, void *arg)
{
	(void)arg;
	wiped_len = size;
	return malloc(size);
}

static void
watching_free(void *ptr, void *arg)
{
	(void)arg;
	wiped = ptr;
	for (size_t i = 0; i < wiped_len; i++) {
		assert_int_equal(wiped[i], 0);
	}
	free(ptr);
}

static void
nothing_of_a_key_is_left_when_its_context_is_freed(void **state)
{
	struct shoal_allocator watching = {
	        .malloc = watching_malloc, .realloc = NULL, .free = watching_free};
	uint8_t key[32];
	void *context;

	(void)state;
	memset(key, 0x42, sizeof key);
	assert_int_equal(cipher->init(&context, key, sizeof key, &watching), 0);
	cipher->free(context);
	assert_non_null(wiped);
}

static int
make_and_free(const struct shoal_allocator *mem, void *arg)
{
	uint8_t key[32] = {1};
	void *context;
	int rc = cipher->init(&context, key, sizeof key, mem);

	(void)arg;
	cipher->free(context);
	return rc;
}

static void
it_says_what_it_is(void **state)
{
	(void)state;
	assert_string_equal(cipher->name, "aes-gcm");
	assert_int_equal(cipher->abi, SHOAL_CIPHER_ABI);
}

static void
memory_may_end(void **state)
{
	(void)state;
	assert_int_equal(heap_fault_sweep(make_and_free, NULL), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_published_test_cases_come_out),
	        cmocka_unit_test(a_bit_that_changed_anywhere_is_noticed),
	        cmocka_unit_test(another_key_opens_nothing),
	        cmocka_unit_test(a_key_has_one_of_the_lengths_that_are_told),
	        cmocka_unit_test(nothing_of_a_key_is_left_when_its_context_is_freed),
	        cmocka_unit_test(it_says_what_it_is),
	        cmocka_unit_test(memory_may_end),
	};

	/* A build without mbedTLS says so. */
	cipher = shoal_cipher_aes_gcm();
	if (cipher == NULL) {
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
