/* SPDX-License-Identifier: MIT */
/* The encoder over all codecs: documents that are right, every mistake in their order, and buffers
 * that are too small. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include <shoal/codec.h>

struct encoding {
	struct shoal_encoder encoder;
	struct shoal_writer writer;
	uint8_t data[512];
};

static struct shoal_encoder *
begin(struct encoding *encoding, const struct shoal_codec_ops *codec)
{
	encoding->writer = (struct shoal_writer){encoding->data, 0, sizeof encoding->data, false};
	shoal_encoder_init(&encoding->encoder, codec, &encoding->writer);
	return &encoding->encoder;
}

static void
write_all(struct shoal_encoder *e)
{
	shoal_encoder_map(e, 9);
	shoal_encoder_key(e, "null", SIZE_MAX);
	shoal_encoder_null(e);
	shoal_encoder_key(e, "bool", 4);
	shoal_encoder_bool(e, true);
	shoal_encoder_key(e, "int", 3);
	shoal_encoder_int64(e, -5);
	shoal_encoder_key(e, "uint", 4);
	shoal_encoder_uint64(e, UINT64_MAX);
	shoal_encoder_key(e, "double", 6);
	shoal_encoder_double(e, 2.5);
	shoal_encoder_key(e, "string", 6);
	shoal_encoder_string(e, "text", SIZE_MAX);
	shoal_encoder_key(e, "bytes", 5);
	shoal_encoder_bytes(e, "\0\1", 2);
	shoal_encoder_key(e, "array", 5);
	shoal_encoder_array(e, 3);
	shoal_encoder_int64(e, 7);
	shoal_encoder_array(e, 0);
	shoal_encoder_map(e, 1);
	shoal_encoder_key(e, "", 0);
	shoal_encoder_array(e, 1);
	shoal_encoder_bool(e, false);
	shoal_encoder_key(e, "map", 3);
	shoal_encoder_map(e, 0);
}

static void
a_document_is_written_step_by_step(void **state)
{
	static const char expected[] =
	        "{\"null\":null,\"bool\":true,\"int\":-5,\"uint\":18446744073709551615,"
	        "\"double\":2.5,\"string\":\"text\",\"bytes\":\"data:;base64,AAE=\","
	        "\"array\":[7,[],{\"\":[false]}],\"map\":{}}";
	struct encoding encoding;

	(void)state;
	write_all(begin(&encoding, shoal_codec_json()));
	assert_int_equal(shoal_encoder_end(&encoding.encoder), 0);
	assert_int_equal(encoding.writer.len, sizeof expected - 1);
	assert_memory_equal(encoding.data, expected, sizeof expected - 1);
}

static void
a_buffer_that_is_too_small_by_any_number_of_bytes_is_told(void **state)
{
	const struct shoal_codec_ops *const codecs[] = {
	        shoal_codec_binary(), shoal_codec_msgpack(), shoal_codec_json()};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(codecs); i++) {
		struct encoding encoding;

		write_all(begin(&encoding, codecs[i]));
		assert_int_equal(shoal_encoder_end(&encoding.encoder), 0);
		for (size_t cap = 0; cap <= encoding.writer.len; cap++) {
			struct shoal_writer writer = {malloc(cap + 1), 0, cap, false};
			struct shoal_encoder encoder;

			assert_non_null(writer.data);
			shoal_encoder_init(&encoder, codecs[i], &writer);
			write_all(&encoder);
			assert_int_equal(shoal_encoder_end(&encoder),
			        cap < encoding.writer.len ? SHOAL_ERR_TOO_BIG : 0);
			assert_true(writer.len <= cap);
			free(writer.data);
		}
	}
}

static void
keys_and_values_come_in_turn_and_as_many_as_were_said(void **state)
{
	struct encoding x;
	struct shoal_encoder *e;

	(void)state;
	begin(&x, shoal_codec_json());
	assert_int_equal(shoal_encoder_end(&x.encoder), SHOAL_ERR_STATE);
	e = begin(&x, shoal_codec_json());
	shoal_encoder_null(e);
	shoal_encoder_null(e);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_STATE);
	e = begin(&x, shoal_codec_json());
	shoal_encoder_key(e, "a", 1);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_STATE);
	e = begin(&x, shoal_codec_json());
	shoal_encoder_array(e, 2);
	shoal_encoder_null(e);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_STATE);
	shoal_encoder_null(e);
	assert_int_equal(shoal_encoder_end(e), 0);
	shoal_encoder_null(e);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_STATE);
	e = begin(&x, shoal_codec_json());
	shoal_encoder_array(e, 1);
	shoal_encoder_key(e, "a", 1);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_STATE);
	e = begin(&x, shoal_codec_json());
	shoal_encoder_map(e, 1);
	shoal_encoder_null(e);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_STATE);
	e = begin(&x, shoal_codec_json());
	shoal_encoder_map(e, 1);
	shoal_encoder_key(e, "a", 1);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_STATE);
	shoal_encoder_key(e, "b", 1);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_STATE);
}

static void
the_first_failure_stays(void **state)
{
	struct encoding x;
	struct shoal_encoder *e = begin(&x, shoal_codec_json());

	(void)state;
	shoal_encoder_array(e, 2);
	shoal_encoder_string(e, "\xff", 1);
	shoal_encoder_key(e, "not here", SIZE_MAX);
	shoal_encoder_double(e, (double)INFINITY);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_INVALID);
	assert_int_equal(x.writer.len, 1);
	e = begin(&x, shoal_codec_json());
	shoal_encoder_double(e, (double)NAN);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_UNSUPPORTED);
	e = begin(&x, shoal_codec_msgpack());
	shoal_encoder_double(e, (double)NAN);
	assert_int_equal(shoal_encoder_end(e), 0);
	e = begin(&x, shoal_codec_msgpack());
	shoal_encoder_string(e, "a\0b", 3);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_INVALID);
	e = begin(&x, shoal_codec_msgpack());
	shoal_encoder_map(e, 1);
	shoal_encoder_key(e, "\xc3", 1);
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_INVALID);
}

static void
nothing_is_deeper_than_the_limit(void **state)
{
	struct encoding x;
	struct shoal_encoder *e = begin(&x, shoal_codec_binary());

	(void)state;
	for (int i = 0; i < SHOAL_DEPTH_MAX; i++) {
		shoal_encoder_array(e, 1);
	}
	shoal_encoder_null(e);
	assert_int_equal(shoal_encoder_end(e), 0);
	e = begin(&x, shoal_codec_binary());
	for (int i = 0; i <= SHOAL_DEPTH_MAX; i++) {
		shoal_encoder_array(e, i < SHOAL_DEPTH_MAX);
	}
	assert_int_equal(shoal_encoder_end(e), SHOAL_ERR_TOO_BIG);
}

static void
a_number_that_is_not_below_zero_is_one_whatever_its_type(void **state)
{
	struct encoding a, b;

	(void)state;
	shoal_encoder_int64(begin(&a, shoal_codec_msgpack()), 300);
	shoal_encoder_uint64(begin(&b, shoal_codec_msgpack()), 300);
	assert_int_equal(a.writer.len, b.writer.len);
	assert_memory_equal(a.data, b.data, a.writer.len);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_document_is_written_step_by_step),
	        cmocka_unit_test(a_buffer_that_is_too_small_by_any_number_of_bytes_is_told),
	        cmocka_unit_test(keys_and_values_come_in_turn_and_as_many_as_were_said),
	        cmocka_unit_test(the_first_failure_stays),
	        cmocka_unit_test(nothing_is_deeper_than_the_limit),
	        cmocka_unit_test(a_number_that_is_not_below_zero_is_one_whatever_its_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
