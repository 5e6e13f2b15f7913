/* SPDX-License-Identifier: MIT */
/* The appending cursor: every capacity, and that the reader gives back what was written. */
#include "unit.h"

#include <stdlib.h>

#include "base/reader.h"
#include "base/writer.h"

/* A value of each kind, 28 bytes in all. ends[i] is the length after i of them. */
static const size_t ends[] = {0, 1, 3, 7, 15, 25, 28};

static void
write_all(struct shoal_writer *writer)
{
	shoal_writer_u8(writer, 0x01);
	shoal_writer_u16(writer, 0x0203);
	shoal_writer_u32(writer, 0x04050607);
	shoal_writer_u64(writer, UINT64_C(0x08090a0b0c0d0e0f));
	shoal_writer_var(writer, UINT64_MAX);
	shoal_writer_bytes(writer, "abc", 3);
}

static const uint8_t expected[28] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 'a', 'b', 'c'};

static void
values_are_written_whole_or_not_at_all_at_every_capacity(void **state)
{
	size_t cap;

	(void)state;
	for (cap = 0; cap <= sizeof(expected); cap++) {
		uint8_t *data = malloc(cap > 0 ? cap : 1);
		struct shoal_writer writer;
		size_t i, whole = 0;

		assert_non_null(data);
		for (i = 0; i < COUNT_OF(ends); i++) {
			if (ends[i] <= cap) {
				whole = ends[i];
			}
		}
		shoal_writer_init(&writer, data, cap);
		write_all(&writer);
		assert_int_equal(writer.len, whole);
		assert_memory_equal(data, expected, whole);
		assert_true(writer.failed == (cap < sizeof(expected)));
		free(data);
	}
}

static void
the_public_functions_do_the_same(void **state)
{
	uint8_t data[4];
	struct shoal_writer writer = {data, 0, sizeof(data), false};
	struct shoal_reader reader;

	(void)state;
	shoal_writer_put(&writer, "abc", 3);
	shoal_writer_put(&writer, "de", 2);
	assert_true(writer.failed);
	assert_int_equal(writer.len, 3);
	reader = (struct shoal_reader){data, writer.len, false};
	assert_memory_equal(shoal_reader_take(&reader, 2), "ab", 2);
	assert_null(shoal_reader_take(&reader, 2));
	assert_true(reader.failed);
	assert_int_equal(reader.left, 0);
}

static void
after_a_failure_a_shorter_value_is_not_written_either(void **state)
{
	uint8_t data[3] = {0};
	struct shoal_writer writer;

	(void)state;
	shoal_writer_init(&writer, data, sizeof(data));
	shoal_writer_u8(&writer, 1);
	shoal_writer_u32(&writer, 2);
	assert_int_equal(shoal_writer_left(&writer), 0);
	shoal_writer_u8(&writer, 3);
	shoal_writer_u16(&writer, 3);
	shoal_writer_var(&writer, 3);
	shoal_writer_bytes(&writer, "x", 1);
	assert_null(shoal_writer_room(&writer, 1));
	assert_true(writer.failed);
	assert_int_equal(writer.len, 1);
	assert_true(data[0] == 1 && data[1] == 0 && data[2] == 0);
}

static void
a_rewind_forgets_the_failure_and_what_came_after(void **state)
{
	uint8_t data[4];
	struct shoal_writer writer;

	(void)state;
	shoal_writer_init(&writer, data, sizeof(data));
	shoal_writer_u16(&writer, 7);
	shoal_writer_u8(&writer, 8);
	shoal_writer_u16(&writer, 9);
	assert_true(writer.failed);
	shoal_writer_rewind(&writer, 2);
	assert_false(writer.failed);
	assert_int_equal(shoal_writer_left(&writer), 2);
	shoal_writer_u16(&writer, 0x0a0b);
	assert_false(writer.failed);
	assert_int_equal(writer.len, 4);
	assert_memory_equal(data, ((uint8_t[]){0, 7, 0x0a, 0x0b}), 4);
	shoal_writer_rewind(&writer, 4);
	assert_int_equal(writer.len, 4);
	shoal_writer_rewind(&writer, 0);
	shoal_writer_bytes(&writer, "z", 1);
	assert_true(writer.len == 1 && data[0] == 'z');
}

static void
rewind_ahead(void *arg)
{
	struct shoal_writer *writer = arg;

	shoal_writer_rewind(writer, writer->len + 1);
}

static void
a_rewind_ahead_is_a_bug(void **state)
{
	uint8_t data[4];
	struct shoal_writer writer;

	(void)state;
	shoal_writer_init(&writer, data, sizeof(data));
	assert_true(unit_panics(rewind_ahead, &writer));
}

static void
nothing_can_be_written_to_no_buffer(void **state)
{
	struct shoal_writer writer;

	(void)state;
	shoal_writer_init(&writer, NULL, 0);
	shoal_writer_bytes(&writer, NULL, 0);
	assert_false(writer.failed);
	shoal_writer_u8(&writer, 1);
	assert_true(writer.failed);
	assert_int_equal(writer.len, 0);
}

static void
the_length_of_a_varint_is_known_before_it_is_written(void **state)
{
	unsigned bit, step;

	(void)state;
	for (bit = 0; bit < 64; bit++) {
		for (step = 0; step < 3; step++) {
			uint64_t value = (UINT64_C(1) << bit) - 1 + step;
			uint8_t data[10];
			struct shoal_writer writer;
			struct shoal_reader reader;

			shoal_writer_init(&writer, data, sizeof(data));
			shoal_writer_var(&writer, value);
			assert_false(writer.failed);
			assert_int_equal(writer.len, shoal_writer_var_len(value));
			shoal_reader_init(&reader, data, writer.len);
			assert_true(shoal_reader_var(&reader, UINT64_MAX) == value);
			assert_true(!reader.failed && reader.left == 0);
		}
	}
}

static void
the_reader_gives_back_what_was_written(void **state)
{
	uint64_t seed = 1;
	unsigned round;

	(void)state;
	for (round = 0; round < 2000; round++) {
		uint64_t value = unit_random(&seed) >> unit_random(&seed) % 64;
		uint8_t data[64], copy[5];
		struct shoal_writer writer;
		struct shoal_reader reader;

		shoal_writer_init(&writer, data, sizeof(data));
		shoal_writer_u8(&writer, (uint8_t)value);
		shoal_writer_u64(&writer, value);
		shoal_writer_var(&writer, value);
		shoal_writer_u32(&writer, (uint32_t)value);
		shoal_writer_bytes(&writer, "12345", 5);
		shoal_writer_u16(&writer, (uint16_t)value);
		shoal_reader_init(&reader, data, writer.len);
		assert_int_equal(shoal_reader_u8(&reader), (uint8_t)value);
		assert_true(shoal_reader_u64(&reader) == value);
		assert_true(shoal_reader_var(&reader, value) == value);
		assert_true(shoal_reader_u32(&reader) == (uint32_t)value);
		assert_true(shoal_reader_copy(&reader, copy, 5));
		assert_memory_equal(copy, "12345", 5);
		assert_int_equal(shoal_reader_u16(&reader), (uint16_t)value);
		assert_true(!reader.failed && reader.left == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_public_functions_do_the_same),
	        cmocka_unit_test(values_are_written_whole_or_not_at_all_at_every_capacity),
	        cmocka_unit_test(after_a_failure_a_shorter_value_is_not_written_either),
	        cmocka_unit_test(a_rewind_forgets_the_failure_and_what_came_after),
	        cmocka_unit_test(a_rewind_ahead_is_a_bug),
	        cmocka_unit_test(nothing_can_be_written_to_no_buffer),
	        cmocka_unit_test(the_length_of_a_varint_is_known_before_it_is_written),
	        cmocka_unit_test(the_reader_gives_back_what_was_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
