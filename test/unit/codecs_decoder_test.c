/* SPDX-License-Identifier: MIT */
/* The decoder over all codecs: the tokens of a document, what is skipped, depth, and a codec of the
 * application's own that mistakes nothing for it. */
#include "unit.h"

#include <stdio.h>

#include <shoal/codec.h>

#include "codecs_draw.h"

/* The tokens of a document as text; an error ends them. */
static const char *
tokens(const struct shoal_codec_ops *codec, const void *data, size_t len)
{
	static char text[1024];
	struct shoal_decoder decoder;
	struct shoal_token token;
	char content[64];
	size_t at = 0;
	int rc;

	shoal_decoder_init(&decoder, codec, data, len);
	while ((rc = shoal_decoder_next(&decoder, &token)) > 0) {
		static const char *const names[] = {"null", "bool", "int", "uint", "double",
		        "string", "bytes", "[", "{", "key", "end"};
		at += (size_t)snprintf(text + at, sizeof text - at, "%s", names[token.type]);
		if (token.type == SHOAL_TOKEN_STRING || token.type == SHOAL_TOKEN_BYTES ||
		        token.type == SHOAL_TOKEN_KEY) {
			assert_true(token.is.len < sizeof content);
			shoal_decoder_copy(&decoder, &token, content);
			at += (size_t)snprintf(
			        text + at, sizeof text - at, "=%.*s", (int)token.is.len, content);
		} else if (token.type == SHOAL_TOKEN_INT64) {
			at += (size_t)snprintf(
			        text + at, sizeof text - at, "=%lld", (long long)token.is.int64);
		}
		at += (size_t)snprintf(text + at, sizeof text - at, " ");
	}
	snprintf(text + at, sizeof text - at, "%s", rc == 0 ? "." : shoal_error_name(rc));
	assert_int_equal(shoal_decoder_next(&decoder, &token), rc);
	return text;
}

static void
a_document_is_read_step_by_step(void **state)
{
	static const char json[] = " {\"a\":[1,-2,18446744073709551615],\"\\u0062\":\"x\\ty\","
	                           "\"c\":\"data:;base64,eno=\",\"d\":{},\"e\":[null,true,0.5]} ";
	static const char expected[] = "{ key=a [ int=1 int=-2 uint end key=b string=x\ty key=c "
	                               "bytes=zz key=d { end key=e [ null bool double end end .";
	const struct shoal_codec_ops *const codecs[] = {
	        shoal_codec_binary(), shoal_codec_msgpack()};
	struct shoal_value *value = draw_json(json);

	(void)state;
	assert_string_equal(tokens(shoal_codec_json(), json, sizeof json - 1), expected);
	for (size_t i = 0; i < COUNT_OF(codecs); i++) {
		uint8_t data[512];
		struct shoal_writer writer = {data, 0, sizeof data, false};
		struct shoal_encoder encoder;

		shoal_encoder_init(&encoder, codecs[i], &writer);
		shoal_value_write(&encoder, value);
		assert_int_equal(shoal_encoder_end(&encoder), 0);
		assert_string_equal(tokens(codecs[i], data, writer.len), expected);
	}
	shoal_value_free(value);
}

static void
one_value_is_a_document_and_two_are_none(void **state)
{
	(void)state;
	assert_string_equal(tokens(shoal_codec_msgpack(), "\x07", 1), "int=7 .");
	assert_string_equal(tokens(shoal_codec_msgpack(), "\x07\x07", 2), "int=7 malformed");
	assert_string_equal(tokens(shoal_codec_msgpack(), "", 0), "malformed");
	assert_string_equal(tokens(shoal_codec_json(), "7 7", 3), "int=7 malformed");
	assert_string_equal(tokens(shoal_codec_json(), "7  ", 3), "int=7 .");
}

/* An outer array says two items; the inner one must leave a byte for the second. */
static void
counts_together_never_promise_more_than_is_left(void **state)
{
	(void)state;
	assert_string_equal(tokens(shoal_codec_msgpack(), "\x92\x92\x01\x02\x03", 5),
	        "[ [ int=1 int=2 end "
	        "int=3 end .");
	assert_string_equal(
	        tokens(shoal_codec_msgpack(), "\x92\x93\x01\x02\x03", 5), "[ malformed");
	assert_string_equal(
	        tokens(shoal_codec_msgpack(), "\x92\xa1xx", 4), "[ string=x int=120 end .");
	assert_string_equal(tokens(shoal_codec_msgpack(), "\x92\xa2xx", 4), "[ malformed");
	assert_string_equal(tokens(shoal_codec_msgpack(), "\x82\xa1", 2), "malformed");
}

static void
what_a_token_began_can_be_skipped(void **state)
{
	static const char json[] = "[[1,[2,{\"a\":3}]],{\"b\":[4,5],\"c\":6},7]";
	struct shoal_decoder decoder;
	struct shoal_token token;

	(void)state;
	shoal_decoder_init(&decoder, shoal_codec_json(), (const uint8_t *)json, sizeof json - 1);
	assert_int_equal(shoal_decoder_next(&decoder, &token), 1);
	assert_int_equal(shoal_decoder_next(&decoder, &token), 1);
	assert_int_equal(token.type, SHOAL_TOKEN_ARRAY);
	assert_int_equal(shoal_decoder_skip(&decoder, &token), 0);
	assert_int_equal(shoal_decoder_next(&decoder, &token), 1);
	assert_int_equal(token.type, SHOAL_TOKEN_MAP);
	assert_int_equal(shoal_decoder_next(&decoder, &token), 1);
	assert_int_equal(token.type, SHOAL_TOKEN_KEY);
	assert_int_equal(shoal_decoder_skip(&decoder, &token), 0);
	assert_int_equal(shoal_decoder_next(&decoder, &token), 1);
	assert_int_equal(token.type, SHOAL_TOKEN_KEY);
	assert_int_equal(shoal_decoder_skip(&decoder, &token), 0);
	assert_int_equal(shoal_decoder_next(&decoder, &token), 1);
	assert_int_equal(token.type, SHOAL_TOKEN_END);
	assert_int_equal(shoal_decoder_next(&decoder, &token), 1);
	assert_int_equal(token.is.int64, 7);
	assert_int_equal(shoal_decoder_skip(&decoder, &token), 0);
	assert_int_equal(shoal_decoder_next(&decoder, &token), 1);
	assert_int_equal(shoal_decoder_next(&decoder, &token), 0);
}

static void
skipping_meets_what_is_malformed(void **state)
{
	static const char json[] = "[[1,[2,}]]]";
	struct shoal_decoder decoder;
	struct shoal_token token;

	(void)state;
	shoal_decoder_init(&decoder, shoal_codec_json(), (const uint8_t *)json, sizeof json - 1);
	assert_int_equal(shoal_decoder_next(&decoder, &token), 1);
	assert_int_equal(shoal_decoder_skip(&decoder, &token), SHOAL_ERR_MALFORMED);
	assert_int_equal(shoal_decoder_next(&decoder, &token), SHOAL_ERR_MALFORMED);
}

static void
nothing_is_deeper_than_the_limit(void **state)
{
	uint8_t data[3][100];
	const char *end;

	(void)state;
	memset(data[0], 0x61, 100);
	memset(data[1], 0x91, 100);
	memset(data[2], '[', 100);
	end = strrchr(tokens(shoal_codec_binary(), data[0], 100), ' ');
	assert_string_equal(end, " too_big");
	end = strrchr(tokens(shoal_codec_msgpack(), data[1], 100), ' ');
	assert_string_equal(end, " too_big");
	end = strrchr(tokens(shoal_codec_json(), data[2], 100), ' ');
	assert_string_equal(end, " too_big");
	data[0][SHOAL_DEPTH_MAX] = 0;
	end = strrchr(tokens(shoal_codec_binary(), data[0], SHOAL_DEPTH_MAX + 1), ' ');
	assert_string_equal(end, " .");
}

/* A codec of the application's own: single digits, and '(' to ')' for arrays. It forgets to look
 * whether anything is left, which its cursor forgives. */
static int
digit_read(struct shoal_reader *reader, struct shoal_token *token)
{
	const uint8_t *at = shoal_reader_take(reader, 1);

	if (at != NULL && *at == '(') {
		token->type = SHOAL_TOKEN_ARRAY;
		token->is.count = SHOAL_COUNT_UNKNOWN;
	} else if (at != NULL) {
		token->type = SHOAL_TOKEN_UINT64;
		token->is.uint64 = (uint64_t)(*at - '0');
	}
	return SHOAL_OK;
}

static int
digit_read_end(struct shoal_reader *reader, enum shoal_token_type type, bool first)
{
	(void)type;
	(void)first;
	return reader->left > 0 && *reader->at == ')' ? (shoal_reader_take(reader, 1), 1) : 0;
}

static void
digit_write_array(struct shoal_writer *writer, size_t count)
{
	(void)count;
	shoal_writer_put(writer, "(", 1);
}

static void
digit_write_end(struct shoal_writer *writer, enum shoal_token_type type)
{
	(void)type;
	shoal_writer_put(writer, ")", 1);
}

static void
digit_write_uint64(struct shoal_writer *writer, uint64_t value)
{
	shoal_writer_put(writer, &"0123456789"[value % 10], 1);
}

static void
an_application_can_bring_its_own(void **state)
{
	static const struct shoal_codec_ops digits = {
	        .abi = SHOAL_CODEC_ABI,
	        .id = SHOAL_CODEC_APPLICATION,
	        .name = "digits",
	        .write_uint64 = digit_write_uint64,
	        .write_array = digit_write_array,
	        .write_end = digit_write_end,
	        .read = digit_read,
	        .read_end = digit_read_end,
	};
	struct shoal_value *value = draw_json("[1,[2,3],[]]"), *back;
	uint8_t data[16];
	struct shoal_writer writer = {data, 0, sizeof data, false};
	struct shoal_encoder encoder;

	(void)state;
	shoal_encoder_init(&encoder, &digits, &writer);
	shoal_value_write(&encoder, value);
	assert_int_equal(shoal_encoder_end(&encoder), 0);
	assert_int_equal(writer.len, 9);
	assert_memory_equal(data, "(1(23)())", 9);
	assert_int_equal(draw_decode(&digits, data, 9, &back), 0);
	assert_true(shoal_value_equal(value, back));
	shoal_value_free(back);
	assert_int_equal(draw_decode(&digits, data, 8, &back), SHOAL_ERR_MALFORMED);
	shoal_value_free(value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_document_is_read_step_by_step),
	        cmocka_unit_test(one_value_is_a_document_and_two_are_none),
	        cmocka_unit_test(counts_together_never_promise_more_than_is_left),
	        cmocka_unit_test(what_a_token_began_can_be_skipped),
	        cmocka_unit_test(skipping_meets_what_is_malformed),
	        cmocka_unit_test(nothing_is_deeper_than_the_limit),
	        cmocka_unit_test(an_application_can_bring_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
