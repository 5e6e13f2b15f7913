/* SPDX-License-Identifier: MIT */
/* Messages as maps in every codec: all kinds with drawn values come back and mean what the compact
 * form means; limits are those of the tables; what is cut or damaged is refused or is another
 * message. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "codecs_draw.h"
#include "wire/structured.h"
#include "wire_fill.h"

#define CODECS  3
#define ROOM    (4 * SHOAL_META_MAX)
#define SCRATCH (SHOAL_META_MAX + 512)

static const struct shoal_codec_ops *
codec_at(size_t i)
{
	return i == 0 ? shoal_codec_binary() : i == 1 ? shoal_codec_msgpack() : shoal_codec_json();
}

/* A message with memory for its texts, read from a packet of exactly its length. */
struct taken {
	union shoal_wire_message message;
	uint8_t scratch[SCRATCH];
	uint8_t *packet;
	int rc;
};

static void
take(struct taken *taken, const struct shoal_codec_ops *codec, const uint8_t *packet, size_t len)
{
	struct shoal_reader reader, body;
	uint16_t kind;

	taken->packet = fill_exact(packet, len);
	shoal_reader_init(&reader, taken->packet, len);
	assert_int_equal(shoal_message_next(&reader, &kind, &body), 1);
	assert_int_equal(shoal_message_next(&reader, &kind, &body), 0);
	shoal_reader_init(&reader, taken->packet, len);
	assert_int_equal(shoal_message_next(&reader, &kind, &body), 1);
	memset(&taken->message, 0xee, sizeof taken->message);
	taken->rc = shoal_structured_decode(
	        codec, kind, body, taken->scratch, sizeof taken->scratch, &taken->message);
}

static size_t
append(uint8_t data[ROOM], const struct shoal_codec_ops *codec, uint16_t kind, const void *message)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, ROOM);
	assert_true(
	        shoal_structured_append(&writer, codec, (enum shoal_message_kind)kind, message));
	return writer.len;
}

static void
expect_same(uint16_t kind, const void *a, const void *b)
{
	const struct shoal_layout *layout = shoal_message_layout(kind);

	for (size_t i = 0; i < layout->fields; i++) {
		if (!fill_same(&layout->field[i], a, b)) {
			fail_msg("%s.%s", layout->name, layout->field[i].name);
		}
	}
}

static void
round_trip(uint16_t kind, enum fill_how how, uint64_t *seed)
{
	union shoal_wire_message message;
	uint8_t data[ROOM];

	fill_message(shoal_message_layout(kind), &message, how, seed);
	for (size_t k = 0; k < CODECS; k++) {
		struct taken taken;

		take(&taken, codec_at(k), data, append(data, codec_at(k), kind, &message));
		assert_int_equal(taken.rc,
		        shoal_message_is_usable(kind, &message) ? 0 : SHOAL_ERR_MALFORMED);
		expect_same(kind, &message, &taken.message);
		free(taken.packet);
	}
}

static void
every_message_comes_back_through_every_codec(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		round_trip(kind, FILL_LEAST, &seed);
		if (kind != SHOAL_MESSAGE_PAD) {
			round_trip(kind, FILL_MOST, &seed);
		}
		for (int i = 0; i < 100; i++) {
			round_trip(kind, FILL_DRAWN, &seed);
		}
	}
}

/* A message that the core can use. */
static struct shoal_msg_member
some_member(void)
{
	struct shoal_msg_member member = {.id = {{1}},
	        .salt = {{2}},
	        .incarnation = UINT64_MAX - 5,
	        .state = SHOAL_STATE_SUSPECT,
	        .age_ms = 1500,
	        .accusers = {1, {{{3}}}},
	        .protocol_max = 1,
	        .app_version = 9};

	member.name = (struct shoal_span){(const uint8_t *)"say \"hi\" \\ \u20ac", 14};
	member.addrs.count = 2;
	assert_int_equal(shoal_addr_parse(&member.addrs.item[0], "10.0.0.1:7946"), 0);
	assert_int_equal(shoal_addr_parse(&member.addrs.item[1], "[fe80::1%7]:7946"), 0);
	return member;
}

static void
a_member_in_json_is_readable(void **state)
{
	static const char expected[] =
	        "{\"id\":\"data:;base64,AQAAAAAAAAAAAAAAAAAAAA==\","
	        "\"salt\":\"data:;base64,AgAAAAAAAAAAAAAAAAAAAA==\","
	        "\"incarnation\":18446744073709551610,\"state\":2,\"age_ms\":1500,"
	        "\"accusers\":[\"data:;base64,AwAAAAAAAAAAAAAAAAAAAA==\"],"
	        "\"name\":\"say \\\"hi\\\" \\\\ \u20ac\","
	        "\"addrs\":[\"10.0.0.1:7946\",\"[fe80::1]:7946\"],"
	        "\"protocol_max\":1,\"app_version\":9}";
	struct shoal_msg_member member = some_member();
	struct taken taken;
	uint8_t data[ROOM];
	size_t len = append(data, shoal_codec_json(), SHOAL_MESSAGE_MEMBER, &member);

	(void)state;
	assert_int_equal(len, 3 + sizeof expected - 1);
	assert_memory_equal(data + 3, expected, sizeof expected - 1);
	take(&taken, shoal_codec_json(), data, len);
	assert_int_equal(taken.rc, 0);
	expect_same(SHOAL_MESSAGE_MEMBER, &member, &taken.message);
	assert_int_equal(taken.message.member.addrs.item[1].scope, 0);
	free(taken.packet);
}

/* Reads a body that is given as JSON, in every codec. */
static int
decode_json(uint16_t kind, const char *json, union shoal_wire_message *message)
{
	struct shoal_value *value = draw_json(json);
	uint8_t scratch[SCRATCH];
	int rc = 1;

	for (size_t k = 0; k < CODECS; k++) {
		struct shoal_reader body;
		uint8_t *data;
		size_t len;
		int now;

		assert_int_equal(
		        shoal_value_encode(codec_at(k), value, SIZE_MAX, NULL, &data, &len), 0);
		shoal_reader_init(&body, data, len);
		now = shoal_structured_decode(
		        codec_at(k), kind, body, scratch, sizeof scratch, message);
		assert_true(rc == 1 || rc == now);
		rc = now;
		free(data);
	}
	shoal_value_free(value);
	return rc;
}

#define ID "\"data:;base64,AQAAAAAAAAAAAAAAAAAAAA==\""

static void
unknown_keys_are_skipped_and_missing_ones_are_zero(void **state)
{
	union shoal_wire_message message;

	(void)state;
	assert_int_equal(decode_json(SHOAL_MESSAGE_ACK, "{}", &message), 0);
	assert_int_equal(message.ack.seq, 0);
	assert_int_equal(decode_json(SHOAL_MESSAGE_ACK,
	                         "{\"new\":[1,{\"seq\":5}],\"seq\":7,\"\":null,\"seq2\":{},"
	                         "\"a key that is longer than the name of any field is\":1,"
	                         "\"mark\":9}",
	                         &message),
	        0);
	assert_int_equal(message.ack.seq, 7);
	assert_int_equal(message.ack.mark, 9);
	assert_int_equal(message.ack.salt, 0);
}

static void
a_key_may_be_written_with_escapes(void **state)
{
	static const char json[] = "{\"\\u0073eq\":7}";
	uint8_t scratch[SCRATCH];
	union shoal_wire_message message;
	struct shoal_reader body;

	(void)state;
	shoal_reader_init(&body, (const uint8_t *)json, sizeof json - 1);
	assert_int_equal(shoal_structured_decode(shoal_codec_json(), SHOAL_MESSAGE_ACK, body,
	                         scratch, sizeof scratch, &message),
	        0);
	assert_int_equal(message.ack.seq, 7);
}

static void
values_that_a_field_cannot_have_are_refused(void **state)
{
	static const struct {
		uint16_t kind;
		const char *json;
	} wrong[] = {
	        {SHOAL_MESSAGE_ACK, "[]"},
	        {SHOAL_MESSAGE_ACK, "1"},
	        {SHOAL_MESSAGE_ACK, "{\"seq\":-1}"},
	        {SHOAL_MESSAGE_ACK, "{\"seq\":1.0}"},
	        {SHOAL_MESSAGE_ACK, "{\"seq\":\"1\"}"},
	        {SHOAL_MESSAGE_ACK, "{\"seq\":null}"},
	        {SHOAL_MESSAGE_ACK, "{\"id\":\"data:;base64,AQAA\"}"},
	        {SHOAL_MESSAGE_ACK, "{\"id\":[]}"},
	        {SHOAL_MESSAGE_NACK, "{\"reason\":256}"},
	        {SHOAL_MESSAGE_ANSWER, "{\"code\":500}"},
	        {SHOAL_MESSAGE_ANSWER, "{\"reason\":\"a\\nb\"}"},
	        {SHOAL_MESSAGE_ANSWER, "{\"reason\":5}"},
	        {SHOAL_MESSAGE_ANSWER, "{\"reason\":\"data:;base64,AQ==\"}"},
	        {SHOAL_MESSAGE_TREE, "{\"sums\":\"text\"}"},
	        {SHOAL_MESSAGE_STATE, "{\"id\":" ID ",\"state\":6}"},
	        {SHOAL_MESSAGE_STATE, "{\"id\":" ID ",\"state\":1,\"accusers\":" ID "}"},
	        {SHOAL_MESSAGE_STATE, "{\"id\":" ID ",\"state\":1,\"accusers\":[1]}"},
	        {SHOAL_MESSAGE_STATE, "{\"id\":" ID ",\"state\":1,\"accusers\":[" ID "," ID "," ID
	                              "," ID "," ID "]}"},
	        {SHOAL_MESSAGE_CONFLICT, "{\"id\":" ID ",\"addr\":\"1.2.3.4\"}"},
	        {SHOAL_MESSAGE_CONFLICT, "{\"id\":" ID ",\"addr\":\"name:80\"}"},
	        {SHOAL_MESSAGE_CONFLICT, "{\"id\":" ID ",\"addr\":\"[fe80::1%2]:80\"}"},
	        {SHOAL_MESSAGE_CONFLICT, "{\"id\":" ID ",\"addr\":5}"},
	        {SHOAL_MESSAGE_CONFLICT,
	                "{\"id\":" ID ",\"addr\":\"[1111:2222:3333:4444:5555:6666:7777:8888]:80"
	                "                                  \"}"},
	        {SHOAL_MESSAGE_CONFLICT, "{\"id\":" ID ",\"addr\":\"1.2.3.4:0\"}"},
	        {SHOAL_MESSAGE_MEMBER, "{\"id\":" ID ",\"state\":1,\"name\":\"a\",\"addrs\":[]}"},
	        {SHOAL_MESSAGE_MEMBER,
	                "{\"id\":" ID ",\"state\":1,\"name\":\"a\",\"addrs\":[null]}"},
	};
	union shoal_wire_message message;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		if (decode_json(wrong[i].kind, wrong[i].json, &message) != SHOAL_ERR_MALFORMED) {
			fail_msg("%s was taken", wrong[i].json);
		}
	}
	assert_int_equal(decode_json(SHOAL_MESSAGE_MEMBER,
	                         "{\"id\":" ID ",\"state\":1,\"name\":\"a\","
	                         "\"addrs\":[\"1.2.3.4:5\"]}",
	                         &message),
	        0);
	assert_int_equal(decode_json(63, "{}", &message), SHOAL_ERR_UNSUPPORTED);
}

/* Two codecs in which a stranger can say a key twice, or something behind the map. */
static void
no_key_comes_twice_and_nothing_is_behind_the_map(void **state)
{
	static const struct {
		bool json;
		const char *body;
		size_t len;
		int rc;
	} examples[] = {
	        {true, "{\"seq\":1}", 9, 0},
	        {true, "{\"seq\":1} ", 10, 0},
	        {true, "{\"seq\":1,\"seq\":1}", 17, SHOAL_ERR_MALFORMED},
	        {true, "{\"seq\":1}{}", 11, SHOAL_ERR_MALFORMED},
	        {false, "\x81\xa3seq\x01", 6, 0},
	        {false, "\x82\xa3seq\x01\xa3seq\x01", 11, SHOAL_ERR_MALFORMED},
	        {false, "\x81\xa3seq\x01\x00", 7, SHOAL_ERR_MALFORMED},
	        {false, "\x81\xa3seq", 5, SHOAL_ERR_MALFORMED},
	        {false, "\x81\xa3new\xd4\x01\x01", 8, SHOAL_ERR_MALFORMED},
	        {false, "", 0, SHOAL_ERR_MALFORMED},
	};
	uint8_t scratch[SCRATCH];
	union shoal_wire_message message;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(examples); i++) {
		struct shoal_reader body;

		shoal_reader_init(&body, (const uint8_t *)examples[i].body, examples[i].len);
		assert_int_equal(
		        shoal_structured_decode(
		                examples[i].json ? shoal_codec_json() : shoal_codec_msgpack(),
		                SHOAL_MESSAGE_ACK, body, scratch, sizeof scratch, &message),
		        examples[i].rc);
	}
}

static void
a_scratch_as_long_as_the_body_is_enough_for_any_message(void **state)
{
	uint8_t *data = malloc(ROOM);
	uint64_t seed = 5;

	(void)state;
	assert_non_null(data);
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		for (size_t k = 0; k < CODECS; k++) {
			union shoal_wire_message message;
			struct shoal_reader reader, body;
			uint16_t same;

			assert_true(shoal_message_layout(kind)->fields <= 32);
			fill_message(shoal_message_layout(kind), &message, FILL_MOST, &seed);
			if (kind == SHOAL_MESSAGE_PAD || !shoal_message_is_usable(kind, &message)) {
				continue;
			}
			size_t len = append(data, codec_at(k), kind, &message);
			shoal_reader_init(&reader, data, len);
			assert_int_equal(shoal_message_next(&reader, &same, &body), 1);
			uint8_t *scratch = fill_exact(data, body.left);
			assert_int_equal(shoal_structured_decode(codec_at(k), kind, body, scratch,
			                         body.left, &message),
			        SHOAL_OK);
			free(scratch);
		}
	}
	free(data);
}

static void
a_message_that_does_not_fit_leaves_nothing_behind(void **state)
{
	struct shoal_msg_member member = some_member();
	uint8_t data[ROOM];

	(void)state;
	for (size_t k = 0; k < CODECS; k++) {
		size_t len = append(data, codec_at(k), SHOAL_MESSAGE_MEMBER, &member);

		for (size_t cap = 0; cap < len; cap++) {
			struct shoal_writer writer;
			uint8_t *exact = fill_exact(data, cap);

			shoal_writer_init(&writer, exact, cap);
			assert_false(shoal_structured_append(
			        &writer, codec_at(k), SHOAL_MESSAGE_MEMBER, &member));
			assert_int_equal(writer.len, 0);
			assert_false(writer.failed);
			free(exact);
		}
	}
}

static void
padding_is_zeros_in_every_codec(void **state)
{
	uint8_t data[300];
	struct shoal_writer writer;
	struct taken taken;
	struct shoal_msg_pad pad = {0};

	(void)state;
	shoal_writer_init(&writer, data, sizeof data);
	shoal_message_pad(&writer);
	take(&taken, shoal_codec_json(), data, writer.len);
	assert_int_equal(taken.rc, 0);
	free(taken.packet);
	shoal_writer_init(&writer, data, sizeof data);
	assert_true(shoal_structured_append(&writer, shoal_codec_json(), SHOAL_MESSAGE_PAD, &pad));
	assert_int_equal(writer.len, 3);
}

/* What damage leaves well formed is a message, and comes back as such. */
static void
a_damaged_message_is_refused_or_is_another_message(void **state)
{
	uint64_t seed = 2;
	size_t taken_ones = 0, refused = 0;

	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		for (int i = 0; i < 60; i++) {
			size_t k = (size_t)i % CODECS;
			union shoal_wire_message message;
			uint8_t data[ROOM], again[ROOM];
			struct shoal_reader packet, body;
			uint16_t same;

			fill_message(shoal_message_layout(kind), &message, FILL_DRAWN, &seed);
			size_t len = append(data, codec_at(k), kind, &message);
			shoal_reader_init(&packet, data, len);
			assert_int_equal(shoal_message_next(&packet, &same, &body), 1);
			for (int turn = 0; turn < 20 && body.left > 0; turn++) {
				uint64_t draw = unit_random(&seed);
				struct taken taken, back;

				data[len - 1 - draw % body.left] = (uint8_t)(draw >> 32);
				take(&taken, codec_at(k), data, len);
				if (taken.rc != 0) {
					assert_int_equal(taken.rc, SHOAL_ERR_MALFORMED);
					refused++;
				} else {
					taken_ones++;
					take(&back, codec_at(k), again,
					        append(again, codec_at(k), kind, &taken.message));
					assert_int_equal(back.rc, 0);
					expect_same(kind, &taken.message, &back.message);
					free(back.packet);
				}
				free(taken.packet);
			}
		}
	}
	assert_true(taken_ones > 200 && refused > 2000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_message_comes_back_through_every_codec),
	        cmocka_unit_test(a_member_in_json_is_readable),
	        cmocka_unit_test(unknown_keys_are_skipped_and_missing_ones_are_zero),
	        cmocka_unit_test(a_key_may_be_written_with_escapes),
	        cmocka_unit_test(values_that_a_field_cannot_have_are_refused),
	        cmocka_unit_test(no_key_comes_twice_and_nothing_is_behind_the_map),
	        cmocka_unit_test(a_scratch_as_long_as_the_body_is_enough_for_any_message),
	        cmocka_unit_test(a_message_that_does_not_fit_leaves_nothing_behind),
	        cmocka_unit_test(padding_is_zeros_in_every_codec),
	        cmocka_unit_test(a_damaged_message_is_refused_or_is_another_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
