/* SPDX-License-Identifier: MIT */
/* Keys of broadcasts. */
#include "unit.h"

#include "wire/cast_key.h"

#include <shoal/error.h>

static const struct shoal_cast_key keys[] = {{{{1}}, 2, 3, false}, {{{1}}, 2, 3, true},
        {{{1}}, 2, UINT64_MAX, true}, {{{0xff}}, UINT64_MAX, 1, false}};

static void
keys_are_read_as_they_were_written(void **state)
{
	uint8_t data[4 * SHOAL_CAST_KEY_BYTES];
	struct shoal_writer writer;
	struct shoal_reader reader;
	struct shoal_cast_key key;

	(void)state;
	shoal_writer_init(&writer, data, sizeof data);
	for (size_t i = 0; i < 4; i++) {
		shoal_cast_key_write(&writer, &keys[i]);
	}
	assert_false(writer.failed);
	assert_true(shoal_cast_key_are_valid((struct shoal_span){data, writer.len}));
	assert_false(shoal_cast_key_are_valid((struct shoal_span){data, writer.len - 1}));
	shoal_reader_init(&reader, data, writer.len);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(shoal_cast_key_next(&reader, &key), 1);
		for (size_t j = 0; j < 4; j++) {
			assert_int_equal(shoal_cast_key_equal(&key, &keys[j]), i == j);
		}
	}
	assert_int_equal(shoal_cast_key_next(&reader, &key), 0);
}

static void
what_no_key_looks_like_is_malformed(void **state)
{
	uint8_t data[26] = {[24] = 1, [25] = 1};
	struct shoal_span span = {data, sizeof data};

	(void)state;
	assert_true(shoal_cast_key_are_valid((struct shoal_span){NULL, 0}));
	assert_true(shoal_cast_key_are_valid(span));
	data[25] = 2;
	assert_false(shoal_cast_key_are_valid(span));
	data[25] = 0;
	data[24] = 0;
	assert_false(shoal_cast_key_are_valid(span));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(keys_are_read_as_they_were_written),
	        cmocka_unit_test(what_no_key_looks_like_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
