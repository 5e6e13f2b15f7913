/* SPDX-License-Identifier: MIT */
/* Codecs of an application that are wrong about what they read, and documents that are dear to
 * read: the decoder goes on or says no, and looks at nothing that is not there. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "codecs_draw.h"
#include "wire/structured.h"

/* What the codec says of whatever it reads, and how many bytes it takes for it. */
static struct {
	struct shoal_token token;
	size_t data_at; /* of the token, from where the codec stands; SIZE_MAX: as it is in token */
	size_t takes, gives_back;
	int rc;
} lie;

static int
wrong_read(struct shoal_reader *reader, struct shoal_token *token)
{
	const uint8_t *from = reader->at;

	*token = lie.token;
	if (lie.data_at != SIZE_MAX) {
		token->data = (const uint8_t *)((uintptr_t)from + lie.data_at);
	}
	shoal_reader_take(reader, lie.takes);
	reader->at -= lie.gives_back;
	reader->left += lie.gives_back;
	return lie.rc;
}

static size_t ends; /* of arrays without a count, before one is told; SIZE_MAX: never */
static size_t end_gives_back;

static int
wrong_end(struct shoal_reader *reader, enum shoal_token_type type, bool first)
{
	(void)type;
	(void)first;
	reader->at -= end_gives_back;
	reader->left += end_gives_back;
	return ends == 0 ? 1 : (ends -= ends != SIZE_MAX, 0);
}

static struct shoal_codec_ops wrong = {.abi = SHOAL_CODEC_ABI,
        .id = 200,
        .name = "wrong",
        .read = wrong_read,
        .read_key = wrong_read,
        .read_end = wrong_end};

/* Of 64 bytes; at most so many tokens come. */
static int
read_all(void)
{
	uint8_t *data = calloc(1, 64);
	struct shoal_decoder decoder;
	struct shoal_token token;
	int rc = 1;

	assert_non_null(data);
	shoal_decoder_init(&decoder, &wrong, data, 64);
	for (int i = 0; i < 200 && rc > 0; i++) {
		rc = shoal_decoder_next(&decoder, &token);
		if (rc > 0 && (token.type == SHOAL_TOKEN_STRING || token.type == SHOAL_TOKEN_KEY)) {
			char copy[64];
			assert_true(token.is.len <= sizeof copy);
			shoal_decoder_copy(&decoder, &token, copy);
		}
	}
	assert_true(rc <= 0);
	free(data);
	return rc;
}

static void
reset(enum shoal_token_type type)
{
	memset(&lie, 0, sizeof lie);
	lie.token.type = type;
	lie.data_at = SIZE_MAX;
	lie.takes = 64;
	ends = end_gives_back = 0;
	wrong.read_end = wrong_end;
}

static void
strings_stand_in_what_was_read(void **state)
{
	static const struct {
		size_t at, data_len, len;
		bool escaped;
	} rows[] = {{0, 64, 65, false}, {0, 64, 63, false}, {1, 64, 64, false}, {64, 1, 1, false},
	        {0, SIZE_MAX, SIZE_MAX, false}, {65, 1, 1, false}, {(size_t)-1, 1, 1, false},
	        {0, 64, 64, true}, {5, SIZE_MAX - 3, SIZE_MAX - 3, false}};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
		reset(i % 2 == 0 ? SHOAL_TOKEN_BYTES : SHOAL_TOKEN_STRING);
		lie.data_at = rows[i / 2].at;
		lie.token.data_len = rows[i / 2].data_len;
		lie.token.is.len = rows[i / 2].len;
		lie.token.escaped = rows[i / 2].escaped;
		assert_int_equal(read_all(), SHOAL_ERR_MALFORMED);
	}
	reset(SHOAL_TOKEN_BYTES);
	lie.data_at = 60;
	lie.token.data_len = lie.token.is.len = 4;
	assert_int_equal(read_all(), SHOAL_OK);
	reset(SHOAL_TOKEN_BYTES);
	assert_int_equal(read_all(), SHOAL_OK);
}

static void
a_token_is_one_that_can_stand_there(void **state)
{
	static const enum shoal_token_type types[] = {
	        SHOAL_TOKEN_KEY, SHOAL_TOKEN_END, (enum shoal_token_type)77};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		reset(types[i]);
		assert_int_equal(read_all(), SHOAL_ERR_MALFORMED);
	}
	/* A key that is none. */
	reset(SHOAL_TOKEN_MAP);
	lie.takes = 1;
	lie.token.is.count = 3;
	assert_int_equal(read_all(), SHOAL_ERR_MALFORMED);
	reset(SHOAL_TOKEN_ARRAY);
	lie.token.is.count = SHOAL_COUNT_UNKNOWN;
	wrong.read_end = NULL;
	assert_int_equal(read_all(), SHOAL_ERR_MALFORMED);
}

static void
a_codec_that_takes_nothing_gets_no_further(void **state)
{
	(void)state;
	reset(SHOAL_TOKEN_NULL);
	lie.takes = 0;
	assert_int_equal(read_all(), SHOAL_ERR_MALFORMED);
	reset(SHOAL_TOKEN_ARRAY);
	lie.token.is.count = SHOAL_COUNT_UNKNOWN;
	ends = SIZE_MAX;
	lie.takes = 0;
	assert_int_equal(read_all(), SHOAL_ERR_MALFORMED);
	/* Back to where it was. */
	reset(SHOAL_TOKEN_NULL);
	lie.takes = 4;
	lie.gives_back = 4;
	assert_int_equal(read_all(), SHOAL_ERR_MALFORMED);
	reset(SHOAL_TOKEN_ARRAY);
	lie.token.is.count = SHOAL_COUNT_UNKNOWN;
	ends = SIZE_MAX;
	lie.takes = end_gives_back = 1;
	assert_int_equal(read_all(), SHOAL_ERR_MALFORMED);
}

static void
what_it_returns_is_an_error_or_0(void **state)
{
	(void)state;
	reset(SHOAL_TOKEN_NULL);
	lie.rc = 1;
	assert_int_equal(read_all(), SHOAL_ERR_MALFORMED);
	lie.rc = SHOAL_ERR_UNSUPPORTED;
	assert_int_equal(read_all(), SHOAL_ERR_UNSUPPORTED);
}

/* Each costs as much as a thousand bytes of anything else. */
static void
no_message_has_doubles_that_somebody_must_read(void **state)
{
	static const char *const values[] = {
	        "1.5", "[1,[2,[1e-300]]]", "{\"a\":{\"b\":1.0}}", "[\"x\",0.5,1]"};
	uint8_t scratch[256];

	(void)state;
	for (size_t i = 0; i < 3 * COUNT_OF(values); i++) {
		const struct shoal_codec_ops *const codecs[] = {
		        shoal_codec_binary(), shoal_codec_msgpack(), shoal_codec_json()};
		const struct shoal_codec_ops *codec = codecs[i % 3];
		union shoal_wire_message message;
		struct shoal_reader body;
		char json[100];
		uint8_t *data;
		size_t len;

		snprintf(json, sizeof json, "{\"new\":%s,\"seq\":7}", values[i / 3]);
		struct shoal_value *value = draw_json(json);
		assert_int_equal(shoal_value_encode(codec, value, SIZE_MAX, NULL, &data, &len), 0);
		shoal_reader_init(&body, data, len);
		assert_true(len <= sizeof scratch);
		assert_int_equal(shoal_structured_decode(
		                         codec, SHOAL_MESSAGE_ACK, body, scratch, len, &message),
		        SHOAL_ERR_MALFORMED);
		free(data);
		shoal_value_free(value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(strings_stand_in_what_was_read),
	        cmocka_unit_test(a_token_is_one_that_can_stand_there),
	        cmocka_unit_test(a_codec_that_takes_nothing_gets_no_further),
	        cmocka_unit_test(what_it_returns_is_an_error_or_0),
	        cmocka_unit_test(no_message_has_doubles_that_somebody_must_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
