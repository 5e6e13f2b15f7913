/* SPDX-License-Identifier: MIT */
/* CRC32C against RFC 3720, B.4, and against its definition, bit by bit, at every length and
 * alignment that the unrolled loop can meet. */
#include "unit.h"

#include "base/hash.h"

/* The definition: the polynomial 0x1edc6f41, bits reversed. */
static uint32_t
bitwise(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (; len > 0; len--) {
		int bit;

		crc ^= *data++;
		for (bit = 0; bit < 8; bit++) {
			crc = crc & 1 ? crc >> 1 ^ UINT32_C(0x82f63b78) : crc >> 1;
		}
	}
	return ~crc;
}

static void
the_published_vectors_come_out(void **state)
{
	static const uint8_t read_command[48] = {0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	        0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0,
	        0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0};
	uint8_t data[32];
	size_t i;

	(void)state;
	memset(data, 0, sizeof(data));
	assert_true(shoal_hash_crc32c(0, data, sizeof(data)) == UINT32_C(0x8a9136aa));
	memset(data, 0xff, sizeof(data));
	assert_true(shoal_hash_crc32c(0, data, sizeof(data)) == UINT32_C(0x62a8ab43));
	for (i = 0; i < sizeof(data); i++) {
		data[i] = (uint8_t)i;
	}
	assert_true(shoal_hash_crc32c(0, data, sizeof(data)) == UINT32_C(0x46dd794e));
	for (i = 0; i < sizeof(data); i++) {
		data[i] = (uint8_t)(31 - i);
	}
	assert_true(shoal_hash_crc32c(0, data, sizeof(data)) == UINT32_C(0x113fdb5c));
	assert_true(shoal_hash_crc32c(0, read_command, 48) == UINT32_C(0xd9963a56));
	assert_true(shoal_hash_crc32c(0, "123456789", 9) == UINT32_C(0xe3069283));
	assert_true(shoal_hash_crc32c(0, NULL, 0) == 0);
}

static void
every_length_and_alignment_is_that_of_the_definition(void **state)
{
	uint8_t data[8 + 100];
	uint64_t seed = 5;
	size_t shift, len, i;

	(void)state;
	for (i = 0; i < sizeof(data); i++) {
		data[i] = (uint8_t)unit_random(&seed);
	}
	for (shift = 0; shift < 8; shift++) {
		for (len = 0; len <= 100; len++) {
			uint32_t right = bitwise(data + shift, len);
			assert_true(shoal_hash_crc32c(0, data + shift, len) == right);
			assert_true(shoal_hash_crc32c_by_table(0, data + shift, len) == right);
		}
	}
}

static void
every_single_byte_is_that_of_the_definition_at_every_place(void **state)
{
	unsigned byte;
	size_t place;

	(void)state;
	for (byte = 0; byte < 256; byte++) {
		for (place = 0; place < 8; place++) {
			uint8_t data[8] = {0};

			data[place] = (uint8_t)byte;
			assert_true(shoal_hash_crc32c(0, data, 8) == bitwise(data, 8));
			assert_true(shoal_hash_crc32c_by_table(0, data, 8) == bitwise(data, 8));
		}
	}
}

static void
a_sum_can_be_continued_anywhere(void **state)
{
	static const char text[] = "the quick brown fox jumps over the lazy dog";
	uint32_t whole = shoal_hash_crc32c(0, text, sizeof(text));
	size_t split;

	(void)state;
	for (split = 0; split <= sizeof(text); split++) {
		uint32_t first = shoal_hash_crc32c(0, text, split);

		assert_true(shoal_hash_crc32c(first, text + split, sizeof(text) - split) == whole);
		assert_true(shoal_hash_crc32c_by_table(first, text + split, sizeof(text) - split) ==
		            whole);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_published_vectors_come_out),
	        cmocka_unit_test(every_length_and_alignment_is_that_of_the_definition),
	        cmocka_unit_test(every_single_byte_is_that_of_the_definition_at_every_place),
	        cmocka_unit_test(a_sum_can_be_continued_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
