/* SPDX-License-Identifier: MIT */
/* snappy behind the compressor's vtable: texts come back, the limit of the result holds against
 * bombs, damaged texts are refused. */
#include "unit.h"

#include <stdlib.h>

#include <shoal/codec.h>

#include "wire_fill.h"

#define MOST 70000

static const struct shoal_compressor_ops *snappy;

/* Compresses; free the result. */
static uint8_t *
compress(const uint8_t *data, size_t len, size_t *packed_len)
{
	size_t bound = snappy->bound(len);
	uint8_t *packed = malloc(bound > 0 ? bound : 1);

	assert_non_null(packed);
	assert_int_equal(snappy->compress(data, len, packed, bound, packed_len), 0);
	assert_true(*packed_len <= bound);
	return packed;
}

/* Uncompresses from and to memory of exactly these lengths. */
static int
uncompress(
        const uint8_t *packed, size_t packed_len, size_t cap, const uint8_t *expected, size_t len)
{
	uint8_t *exact = fill_exact(packed, packed_len), *out = malloc(cap > 0 ? cap : 1);
	size_t out_len = 0;
	int rc;

	assert_non_null(out);
	rc = snappy->uncompress(exact, packed_len, out, cap, &out_len);
	if (rc == 0) {
		assert_true(out_len <= cap);
	}
	if (rc == 0 && expected != NULL) {
		assert_int_equal(out_len, len);
		assert_memory_equal(out, expected, len);
	}
	free(exact);
	free(out);
	return rc;
}

static void
texts_of_every_length_come_back(void **state)
{
	static uint8_t data[MOST];
	uint64_t seed = 1;

	(void)state;
	for (size_t len = 0; len <= MOST; len += len < 100 ? 1 : len / 3) {
		size_t packed_len;
		uint8_t *packed;

		for (size_t i = 0; i < len; i++) {
			data[i] = (uint8_t)(unit_random(&seed) % 4 == 0 ? unit_random(&seed) : i);
		}
		packed = compress(data, len, &packed_len);
		assert_int_equal(uncompress(packed, packed_len, len, data, len), 0);
		assert_int_equal(uncompress(packed, packed_len, len + 100, data, len), 0);
		if (len > 0) {
			assert_int_equal(uncompress(packed, packed_len, len - 1, NULL, 0),
			        SHOAL_ERR_TOO_BIG);
		}
		free(packed);
	}
}

static void
what_repeats_becomes_shorter(void **state)
{
	static uint8_t data[4096];
	size_t packed_len;

	(void)state;
	free(compress(data, sizeof data, &packed_len));
	assert_true(packed_len < sizeof data / 16);
}

static void
it_says_what_it_is(void **state)
{
	(void)state;
	assert_string_equal(snappy->name, "snappy");
	assert_int_equal(snappy->abi, SHOAL_COMPRESSOR_ABI);
}

static void
room_below_the_bound_is_refused(void **state)
{
	uint8_t data[100] = {1}, packed[200];
	size_t packed_len;

	(void)state;
	assert_true(snappy->bound(sizeof data) <= sizeof packed);
	assert_int_equal(snappy->compress(data, sizeof data, packed, snappy->bound(sizeof data) - 1,
	                         &packed_len),
	        SHOAL_ERR_TOO_BIG);
}

static void
a_bomb_is_refused_before_anything_is_written(void **state)
{
	static const uint8_t claims[] = {0xff, 0xff, 0xff, 0xff, 0x0f, 0x00};
	static uint8_t zeros[MOST];
	size_t packed_len;
	uint8_t *packed = compress(zeros, sizeof zeros, &packed_len);
	uint8_t out[1000];
	size_t out_len;

	(void)state;
	assert_int_equal(uncompress(claims, sizeof claims, 1000, NULL, 0), SHOAL_ERR_TOO_BIG);
	memset(out, 0x55, sizeof out);
	assert_int_equal(snappy->uncompress(packed, packed_len, out, sizeof out, &out_len),
	        SHOAL_ERR_TOO_BIG);
	for (size_t i = 0; i < sizeof out; i++) {
		assert_int_equal(out[i], 0x55);
	}
	free(packed);
}

static void
damaged_texts_are_refused_or_stay_within_the_limit(void **state)
{
	static uint8_t data[600];
	uint64_t seed = 2;
	size_t packed_len, refused = 0;

	(void)state;
	for (size_t i = 0; i < sizeof data; i++) {
		data[i] = (uint8_t)(i % 7 == 0 ? unit_random(&seed) : 0);
	}
	uint8_t *packed = compress(data, sizeof data, &packed_len);
	for (size_t cut = 0; cut < packed_len; cut++) {
		assert_int_equal(
		        uncompress(packed, cut, sizeof data, NULL, 0), SHOAL_ERR_MALFORMED);
	}
	for (int i = 0; i < 20000; i++) {
		uint64_t draw = unit_random(&seed);
		uint8_t was = packed[draw % packed_len];
		packed[draw % packed_len] = (uint8_t)(draw >> 32);
		refused += uncompress(packed, packed_len, sizeof data, NULL, 0) != 0;
		if (draw >> 63 != 0) {
			packed[draw % packed_len] = was;
		}
	}
	assert_true(refused > 1000);
	free(packed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(it_says_what_it_is),
	        cmocka_unit_test(texts_of_every_length_come_back),
	        cmocka_unit_test(what_repeats_becomes_shorter),
	        cmocka_unit_test(room_below_the_bound_is_refused),
	        cmocka_unit_test(a_bomb_is_refused_before_anything_is_written),
	        cmocka_unit_test(damaged_texts_are_refused_or_stay_within_the_limit),
	};

	/* A build without snappy says so. */
	snappy = shoal_compressor_snappy();
	if (snappy == NULL) {
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
