/* SPDX-License-Identifier: MIT */
/* HMAC against RFC 4231, HKDF against RFC 5869, appendix A. */
#include "unit.h"

#include "base/hash.h"

#define MOST 160

static size_t
bytes(const char *hex, uint8_t data[MOST])
{
	static const char digits[] = "0123456789abcdef";
	size_t len = strlen(hex) / 2;

	assert_true(len <= MOST);
	for (size_t i = 0; i < len; i++) {
		data[i] = (uint8_t)((strchr(digits, hex[2 * i]) - digits) * 16 +
		                    (strchr(digits, hex[2 * i + 1]) - digits));
	}
	return len;
}

static void
hmac_gives_what_rfc_4231_says(void **state)
{
	static const char *const rows[][3] = {
	        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	};
	uint8_t key[MOST], data[MOST], mac[SHOAL_SHA256_LEN], expected[MOST];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t key_len = bytes(rows[i][0], key), len = bytes(rows[i][1], data);

		bytes(rows[i][2], expected);
		shoal_hash_hmac(key, key_len, data, len, mac);
		assert_memory_equal(mac, expected, sizeof mac);
	}
	/* Test case 6: a key that is longer than a block. */
	memset(key, 0xaa, 131);
	static const char text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	shoal_hash_hmac(key, 131, text, strlen(text), mac);
	bytes("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", expected);
	assert_memory_equal(mac, expected, sizeof mac);
}

static const struct {
	const char *key, *salt, *info, *out;
} vectors[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
                "f0f1f2f3f4f5f6f7f8f9",
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                "34007208d5b887185865"},
        {"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
         "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
         "404142434445464748494a4b4c4d4e4f",
                "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
                "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
                "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
                "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
                "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
                "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
                "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
                "cc30c58179ec3e87c14c01d5c1f3434f1d87"},
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
                "9d201395faa4b61a96c8"},
};

static void
hkdf_gives_what_rfc_5869_says(void **state)
{
	uint8_t key[MOST], salt[MOST], info[MOST], out[MOST], expected[MOST];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(vectors); i++) {
		struct shoal_hkdf_input input = {key, salt, info, bytes(vectors[i].key, key),
		        bytes(vectors[i].salt, salt), bytes(vectors[i].info, info)};
		size_t len = bytes(vectors[i].out, expected);

		shoal_hash_hkdf(&input, out, len);
		assert_memory_equal(out, expected, len);
		/* A shorter output is the beginning of a longer one. */
		for (size_t cut = 0; cut < len; cut++) {
			memset(out, 0xee, sizeof out);
			shoal_hash_hkdf(&input, out, cut);
			assert_memory_equal(out, expected, cut);
			assert_int_equal(out[cut], 0xee);
		}
	}
}

static void
no_salt_is_thirty_two_zeros(void **state)
{
	static const uint8_t zeros[SHOAL_SHA256_LEN];
	struct shoal_hkdf_input without = {.key = "key", .key_len = 3};
	struct shoal_hkdf_input with = without;
	uint8_t a[32], b[32];

	(void)state;
	with.salt = zeros;
	with.salt_len = sizeof zeros;
	shoal_hash_hkdf(&without, a, sizeof a);
	shoal_hash_hkdf(&with, b, sizeof b);
	assert_memory_equal(a, b, sizeof a);
}

static void
ask_for_too_much(void *arg)
{
	static uint8_t out[SHOAL_HKDF_MAX + 1];
	struct shoal_hkdf_input input = {.key = "key", .key_len = 3};

	(void)arg;
	shoal_hash_hkdf(&input, out, sizeof out);
}

static void
more_than_the_counter_counts_is_a_bug(void **state)
{
	static uint8_t out[SHOAL_HKDF_MAX];
	struct shoal_hkdf_input input = {.key = "key", .key_len = 3};

	(void)state;
	shoal_hash_hkdf(&input, out, sizeof out);
	assert_true(unit_panics(ask_for_too_much, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(hmac_gives_what_rfc_4231_says),
	        cmocka_unit_test(hkdf_gives_what_rfc_5869_says),
	        cmocka_unit_test(no_salt_is_thirty_two_zeros),
	        cmocka_unit_test(more_than_the_counter_counts_is_a_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
