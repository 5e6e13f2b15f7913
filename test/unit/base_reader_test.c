/* SPDX-License-Identifier: MIT */
/* The bounded cursor: every read at every length, with buffers of exactly that length, so that the
 * address sanitizer sees a byte too many. */
#include "unit.h"

#include <stdlib.h>

#include "base/reader.h"

/* A copy on the heap of exactly len bytes. */
static uint8_t *
exact(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	assert_non_null(copy);
	if (len > 0) {
		memcpy(copy, data, len);
	}
	return copy;
}

static uint64_t
read_width(struct shoal_reader *reader, size_t width)
{
	switch (width) {
	case 1:
		return shoal_reader_u8(reader);
	case 2:
		return shoal_reader_u16(reader);
	case 4:
		return shoal_reader_u32(reader);
	default:
		return shoal_reader_u64(reader);
	}
}

static void
numbers_are_read_in_network_order(void **state)
{
	static const uint8_t bytes[] = {0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88};
	struct shoal_reader reader;

	(void)state;
	shoal_reader_init(&reader, bytes, sizeof(bytes));
	assert_int_equal(shoal_reader_u8(&reader), 0x81);
	assert_int_equal(shoal_reader_u16(&reader), 0x8283);
	assert_int_equal(shoal_reader_u32(&reader), 0x84858687);
	assert_int_equal(shoal_reader_u8(&reader), 0x88);
	assert_int_equal(reader.left, 0);
	assert_false(reader.failed);
	shoal_reader_init(&reader, bytes, sizeof(bytes));
	assert_true(shoal_reader_u64(&reader) == UINT64_C(0x8182838485868788));
	assert_false(reader.failed);
}

static void
a_number_cut_short_reads_as_zero_and_fails(void **state)
{
	static const uint8_t ones[8] = {255, 255, 255, 255, 255, 255, 255, 255};
	static const size_t widths[] = {1, 2, 4, 8};
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT_OF(widths); i++) {
		for (len = 0; len < widths[i]; len++) {
			uint8_t *data = exact(ones, len);
			struct shoal_reader reader;

			shoal_reader_init(&reader, data, len);
			assert_true(read_width(&reader, widths[i]) == 0);
			assert_true(reader.failed);
			free(data);
		}
	}
}

static void
after_a_failure_nothing_is_read_although_bytes_were_left(void **state)
{
	static const uint8_t ones[] = {1, 1, 1};
	struct shoal_reader reader, sub;
	uint8_t copy[2] = {9, 9};

	(void)state;
	shoal_reader_init(&reader, ones, sizeof(ones));
	assert_true(shoal_reader_u32(&reader) == 0);
	assert_int_equal(shoal_reader_u8(&reader), 0);
	assert_int_equal(shoal_reader_u16(&reader), 0);
	assert_true(shoal_reader_u64(&reader) == 0);
	assert_true(shoal_reader_var(&reader, UINT64_MAX) == 0);
	assert_null(shoal_reader_bytes(&reader, 1));
	assert_null(shoal_reader_bytes(&reader, 0));
	assert_false(shoal_reader_copy(&reader, copy, 0));
	assert_false(shoal_reader_copy(&reader, copy, sizeof(copy)));
	assert_true(copy[0] == 0 && copy[1] == 0);
	sub = shoal_reader_sub(&reader, 0);
	assert_true(sub.failed);
	assert_true(reader.failed);
}

static void
no_bytes_may_be_a_null_pointer(void **state)
{
	struct shoal_reader reader;

	(void)state;
	shoal_reader_init(&reader, NULL, 0);
	assert_non_null(shoal_reader_bytes(&reader, 0));
	assert_false(reader.failed);
	assert_int_equal(shoal_reader_u8(&reader), 0);
	assert_true(reader.failed);
	shoal_reader_init(&reader, NULL, 5);
	assert_int_equal(reader.left, 0);
}

static void
a_varint_is_followed_by_what_stands_behind_it(void **state)
{
	static const uint8_t data[] = {5, 0x80, 0x01, 6, 7};
	struct shoal_reader reader;

	(void)state;
	shoal_reader_init(&reader, data, sizeof(data));
	assert_true(shoal_reader_var(&reader, 5) == 5);
	assert_true(shoal_reader_var(&reader, 128) == 128);
	assert_true(shoal_reader_var(&reader, 6) == 6);
	assert_int_equal(reader.left, 1);
	assert_int_equal(shoal_reader_u8(&reader), 7);
	assert_true(!reader.failed && reader.left == 0);
}

struct var {
	uint64_t value;
	size_t len;
	uint8_t bytes[10];
};

static const struct var vars[] = {
        {0, 1, {0}},
        {1, 1, {1}},
        {127, 1, {0x7f}},
        {128, 2, {0x80, 0x01}},
        {300, 2, {0xac, 0x02}},
        {16383, 2, {0xff, 0x7f}},
        {16384, 3, {0x80, 0x80, 0x01}},
        {UINT32_MAX, 5, {0xff, 0xff, 0xff, 0xff, 0x0f}},
        {INT64_MAX, 9, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}},
        {UINT64_C(1) << 63, 10, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}},
        {UINT64_MAX, 10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
};

static void
a_varint_is_read_whole_or_not_at_all(void **state)
{
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT_OF(vars); i++) {
		for (len = 0; len <= vars[i].len; len++) {
			uint8_t *data = exact(vars[i].bytes, len);
			struct shoal_reader reader;
			uint64_t value;

			shoal_reader_init(&reader, data, len);
			value = shoal_reader_var(&reader, UINT64_MAX);
			assert_true(value == (len == vars[i].len ? vars[i].value : 0));
			assert_true(reader.failed == (len < vars[i].len));
			assert_int_equal(reader.left, 0);
			free(data);
		}
	}
}

static void
a_varint_may_be_its_maximum_and_not_above(void **state)
{
	struct shoal_reader reader;
	size_t i;

	(void)state;
	for (i = 1; i < COUNT_OF(vars); i++) {
		shoal_reader_init(&reader, vars[i].bytes, vars[i].len);
		assert_true(shoal_reader_var(&reader, vars[i].value) == vars[i].value);
		assert_false(reader.failed);
		shoal_reader_init(&reader, vars[i].bytes, vars[i].len);
		assert_true(shoal_reader_var(&reader, vars[i].value - 1) == 0);
		assert_true(reader.failed);
	}
}

static void
a_varint_in_a_longer_form_than_needed_fails(void **state)
{
	static const struct {
		size_t len;
		uint8_t bytes[11];
	} bad[] = {
	        {2, {0x80, 0x00}},
	        {2, {0xff, 0x00}},
	        {3, {0x80, 0x80, 0x00}},
	        {10, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00}},
	        /* More than 64 bits. */
	        {10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}},
	        {10, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f}},
	        {11, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81, 0x00}},
	        {11, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}},
	};
	struct shoal_reader reader;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		shoal_reader_init(&reader, bad[i].bytes, bad[i].len);
		assert_true(shoal_reader_var(&reader, UINT64_MAX) == 0);
		assert_true(reader.failed);
	}
}

static void
bytes_are_borrowed_up_to_the_last_one(void **state)
{
	static const uint8_t data[] = {1, 2, 3, 4, 5};
	struct shoal_reader reader;
	uint8_t copy[2];

	(void)state;
	shoal_reader_init(&reader, data, sizeof(data));
	assert_ptr_equal(shoal_reader_bytes(&reader, 1), data);
	assert_true(shoal_reader_copy(&reader, copy, 0));
	assert_true(shoal_reader_copy(&reader, copy, 2));
	assert_memory_equal(copy, data + 1, 2);
	assert_true(shoal_reader_copy(&reader, copy, 1));
	assert_int_equal(copy[0], data[3]);
	assert_ptr_equal(shoal_reader_bytes(&reader, 1), data + 4);
	assert_non_null(shoal_reader_bytes(&reader, 0));
	assert_false(reader.failed);
	assert_null(shoal_reader_bytes(&reader, SIZE_MAX));
	assert_true(reader.failed);
}

static void
a_part_has_its_own_end(void **state)
{
	static const uint8_t data[] = {1, 2, 3, 4, 5};
	struct shoal_reader reader, sub;

	(void)state;
	shoal_reader_init(&reader, data, sizeof(data));
	sub = shoal_reader_sub(&reader, 3);
	assert_int_equal(shoal_reader_u16(&sub), 0x0102);
	assert_int_equal(shoal_reader_u16(&sub), 0);
	assert_true(sub.failed);
	assert_false(reader.failed);
	assert_int_equal(shoal_reader_u8(&reader), 4);
	sub = shoal_reader_sub(&reader, 2);
	assert_true(sub.failed);
	assert_true(reader.failed);
	assert_int_equal(shoal_reader_u8(&sub), 0);
}

static void
a_decoder_can_fail_the_cursor_itself(void **state)
{
	static const uint8_t data[] = {1};
	struct shoal_reader reader;

	(void)state;
	shoal_reader_init(&reader, data, sizeof(data));
	shoal_reader_fail(&reader);
	assert_true(reader.failed);
	assert_int_equal(shoal_reader_u8(&reader), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(numbers_are_read_in_network_order),
	        cmocka_unit_test(a_number_cut_short_reads_as_zero_and_fails),
	        cmocka_unit_test(after_a_failure_nothing_is_read_although_bytes_were_left),
	        cmocka_unit_test(no_bytes_may_be_a_null_pointer),
	        cmocka_unit_test(a_varint_is_followed_by_what_stands_behind_it),
	        cmocka_unit_test(a_varint_is_read_whole_or_not_at_all),
	        cmocka_unit_test(a_varint_may_be_its_maximum_and_not_above),
	        cmocka_unit_test(a_varint_in_a_longer_form_than_needed_fails),
	        cmocka_unit_test(bytes_are_borrowed_up_to_the_last_one),
	        cmocka_unit_test(a_part_has_its_own_end),
	        cmocka_unit_test(a_decoder_can_fail_the_cursor_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
