/* SPDX-License-Identifier: MIT */
/* Packets in the codecs, byte for byte as the documents tell; from there to the compact form and
 * back; and what is cut, damaged or too much. */
#include "unit.h"

#include <shoal/packet.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "codecs_golden.h"
#include "wire/coded.h"
#include "wire_fill.h"

#define ROOM (6 * SHOAL_META_MAX)

static const struct shoal_codec_ops *
codec_at(size_t i)
{
	return i == 0 ? shoal_codec_msgpack() : shoal_codec_json();
}

#define CODECS 2

static const char *
golden_of(size_t i, size_t codec)
{
	return codec == 0 ? golden[i].msgpack : golden[i].json;
}

static size_t
parse_hex(const char *hex, uint8_t *data)
{
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		data[i] = (uint8_t)byte;
	}
	return len;
}

static void
expect_hex(const uint8_t *data, size_t len, const char *hex)
{
	uint8_t expected[2048];
	size_t expected_len = parse_hex(hex, expected);

	assert_int_equal(len, expected_len);
	assert_memory_equal(data, expected, len);
}

/* The messages of a compact packet in a codec, as a whole packet. */
static size_t
encode(const struct shoal_codec_ops *codec, const uint8_t *data, size_t len, uint8_t *out,
        size_t cap)
{
	struct shoal_packet_header header;
	struct shoal_reader messages;
	struct shoal_writer writer;

	assert_int_equal(shoal_packet_read(data, len, &header, &messages), SHOAL_OK);
	shoal_writer_init(&writer, out, cap);
	shoal_packet_begin(&writer, header.label);
	shoal_packet_set_codec(&writer, codec->id);
	shoal_coded_append(&writer, codec, (struct shoal_span){messages.at, messages.left});
	assert_false(writer.failed);
	shoal_packet_end(&writer);
	return writer.len;
}

/* A copy of exactly its length, opened with a scratch of the same. */
static int
open_exact(const uint8_t *data, size_t len, const struct shoal_codec_ops *codec, uint8_t *out,
        size_t cap, size_t *out_len)
{
	uint8_t *copy = fill_exact(data, len), *scratch = fill_exact(data, len);
	int rc = shoal_coded_open(copy, len, codec, scratch, out, cap, out_len);

	free(copy);
	free(scratch);
	return rc;
}

static void
a_packet_of_each_kind_is_in_each_codec_what_the_documents_tell(void **state)
{
	uint8_t data[2048], out[2048];
	uint64_t seen = 0;

	(void)state;
	for (size_t i = 0; i < CODECS * COUNT_OF(golden); i++) {
		const struct shoal_codec_ops *codec = codec_at(i % CODECS);
		const char *hex = golden_of(i / CODECS, i % CODECS);
		size_t made, len = parse_hex(golden[i / CODECS].compact, data);

		len = encode(codec, data, len, out, sizeof out);
		expect_hex(out, len, hex);
		len = parse_hex(hex, data);
		assert_int_equal(open_exact(data, len, codec, out, sizeof out, &made), SHOAL_OK);
		expect_hex(out, made, golden[i / CODECS].compact);
		seen |= UINT64_C(1) << golden[i / CODECS].kind;
	}
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		assert_true((seen >> kind & 1) != 0);
	}
}

static void
drawn_packets_come_back_as_they_were_at_any_length(void **state)
{
	uint8_t *compact = malloc(ROOM), *coded = malloc(2 * ROOM), *back = malloc(ROOM);
	uint64_t seed = 3;

	(void)state;
	assert_true(compact != NULL && coded != NULL && back != NULL);
	for (int turn = 0; turn < 60; turn++) {
		const struct shoal_codec_ops *codec = codec_at((size_t)turn % CODECS);
		struct shoal_writer writer;
		size_t made;

		shoal_writer_init(&writer, compact, ROOM);
		shoal_packet_begin(&writer, (struct shoal_span){(const uint8_t *)"prod", 4});
		for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
			union shoal_wire_message message;
			size_t before = writer.len;
			fill_message(shoal_message_layout(kind), &message, FILL_DRAWN, &seed);
			if (!shoal_message_is_usable(kind, &message) ||
			        !shoal_message_append(
			                &writer, (enum shoal_message_kind)kind, &message)) {
				shoal_writer_rewind(&writer, before);
			}
		}
		shoal_packet_end(&writer);
		size_t len = encode(codec, compact, writer.len, coded, 2 * ROOM);
		assert_int_equal(open_exact(coded, len, codec, back, writer.len, &made), SHOAL_OK);
		assert_int_equal(made, writer.len);
		assert_memory_equal(back, compact, made);
		/* One byte less is too little. */
		assert_int_equal(open_exact(coded, len, codec, back, writer.len - 1, &made),
		        SHOAL_ERR_TOO_BIG);
	}
	free(compact);
	free(coded);
	free(back);
}

static void
a_packet_that_is_cut_is_refused_and_a_damaged_one_is_refused_or_valid(void **state)
{
	uint8_t data[2048], out[8192];
	uint64_t seed = 11;

	(void)state;
	for (size_t i = 0; i < CODECS * COUNT_OF(golden); i++) {
		const struct shoal_codec_ops *codec = codec_at(i % CODECS);
		size_t made, len = parse_hex(golden_of(i / CODECS, i % CODECS), data);

		for (size_t cut = 0; cut < len; cut++) {
			assert_true(open_exact(data, cut, codec, out, sizeof out, &made) < 0);
		}
		for (size_t at = 4; at < len - 4; at++) {
			struct shoal_writer crc;
			uint8_t was = data[at];

			data[at] ^= (uint8_t)(1 + unit_random(&seed) % 255);
			shoal_writer_init(&crc, data + len - 4, 4);
			shoal_writer_u32(&crc, shoal_hash_crc32c(0, data, len - 4));
			int rc = open_exact(data, len, codec, out, sizeof out, &made);
			assert_true(rc == SHOAL_OK || rc == SHOAL_ERR_MALFORMED);
			data[at] = was;
		}
	}
}

static void
what_a_packet_is_not_is_said(void **state)
{
	uint8_t data[2048], out[2048];
	size_t made, len = parse_hex(golden[0].msgpack, data);

	(void)state;
	assert_int_equal(
	        open_exact(data, len, shoal_codec_json(), out, sizeof out, &made), SHOAL_ERR_CODEC);
	assert_int_equal(
	        open_exact(data, len, shoal_codec_msgpack(), out, 6, &made), SHOAL_ERR_TOO_BIG);
	struct shoal_packet_header header;
	struct shoal_reader messages;
	struct shoal_span none = {NULL, 0}, other = {(const uint8_t *)"x", 1};
	assert_int_equal(shoal_packet_open(data, len, none, &header, &messages), SHOAL_ERR_CODEC);
	assert_int_equal(header.codec, SHOAL_CODEC_MSGPACK);
	assert_int_equal(shoal_packet_open(data, len, other, &header, &messages), SHOAL_ERR_LABEL);
	/* That a codec is none is said by no flag. */
	data[3] = 0;
	shoal_reader_init(&messages, data, len);
	assert_int_equal(shoal_packet_header(&messages, &header), SHOAL_ERR_MALFORMED);
	len = parse_hex(golden[0].compact, data);
	assert_int_equal(open_exact(data, len, shoal_codec_msgpack(), out, sizeof out, &made),
	        SHOAL_ERR_CODEC);
	len = parse_hex(golden[0].msgpack, data);
	data[len - 1] ^= 1;
	assert_int_equal(open_exact(data, len, shoal_codec_msgpack(), out, sizeof out, &made),
	        SHOAL_ERR_CHECKSUM);
}

static void
what_members_of_all_codecs_read_is_told_from_the_rest(void **state)
{
	uint8_t data[2048];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(golden); i++) {
		struct shoal_packet_header header;
		struct shoal_reader messages;
		size_t len = parse_hex(golden[i].compact, data);
		bool common = golden[i].kind == SHOAL_MESSAGE_JOIN ||
		              golden[i].kind == SHOAL_MESSAGE_SENDER ||
		              golden[i].kind == SHOAL_MESSAGE_ANSWER;

		assert_int_equal(shoal_packet_read(data, len, &header, &messages), SHOAL_OK);
		assert_int_equal(shoal_coded_is_common(messages), common);
		/* Something behind it. */
		struct shoal_writer writer;
		uint8_t more[2048];
		shoal_writer_init(&writer, more, sizeof more);
		shoal_writer_bytes(&writer, messages.at, messages.left);
		shoal_writer_bytes(&writer, "\x3f\0", 2);
		shoal_reader_init(&messages, more, writer.len);
		assert_int_equal(
		        shoal_coded_is_common(messages), golden[i].kind == SHOAL_MESSAGE_JOIN);
	}
	struct shoal_reader none;
	shoal_reader_init(&none, data, 0);
	assert_false(shoal_coded_is_common(none));
}

static void
the_first_message_is_read_alone(void **state)
{
	uint8_t data[2048], scratch[2048];

	(void)state;
	for (size_t i = 0; i < CODECS * COUNT_OF(golden); i++) {
		const struct shoal_codec_ops *codec = codec_at(i % CODECS);
		union shoal_wire_message message;
		uint16_t kind = 0;
		size_t len = parse_hex(golden_of(i / CODECS, i % CODECS), data);
		bool read = shoal_coded_first(data, len, codec, scratch, &kind, &message);

		assert_true(read && kind == golden[i / CODECS].kind);
		assert_false(shoal_coded_first(data, 4, codec, scratch, &kind, &message));
		assert_false(shoal_coded_first(
		        data, len, codec_at(1 - i % CODECS), scratch, &kind, &message));
	}
}

static void
what_is_not_known_and_what_fills_up_stay_as_they_are(void **state)
{
	uint8_t data[100], out[100];
	size_t made;

	(void)state;
	for (size_t k = 0; k < CODECS; k++) {
		struct shoal_writer writer;

		shoal_writer_init(&writer, data, sizeof data);
		shoal_packet_begin(&writer, (struct shoal_span){NULL, 0});
		shoal_packet_set_codec(&writer, codec_at(k)->id);
		shoal_writer_bytes(&writer, "\x3f\4\xde\xad\xbe\xef", 6); /* kind 63 */
		shoal_writer_bytes(&writer, "\x14\3\0\0\0", 5);           /* PAD */
		shoal_packet_end(&writer);
		assert_int_equal(open_exact(data, writer.len, codec_at(k), out, sizeof out, &made),
		        SHOAL_OK);
		assert_int_equal(made, writer.len - 1);
		assert_memory_equal(out + 3, data + 4, 11);
	}
}

static void
codecs_have_names(void **state)
{
	static const struct {
		uint8_t id;
		const char *name;
	} rows[] = {{0, "binary"}, {1, "msgpack"}, {2, "json"}, {3, "codec 3"}, {255, "codec 255"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char name[32];
		struct shoal_text text;

		shoal_text_init(&text, name, sizeof name);
		shoal_coded_name(&text, rows[i].id);
		assert_string_equal(name, rows[i].name);
	}
	assert_string_equal(shoal_codec_msgpack()->name, "msgpack");
	assert_string_equal(shoal_codec_json()->name, "json");
}

static void
what_fits_a_room_does_and_one_byte_more_does_not(void **state)
{
	static const size_t rooms[] = {0, 1, 16, 17, 20, 100, 65536, 1 << 20};
	uint8_t *data = calloc(2, 1 << 20), *from = calloc(2, 1 << 20);

	(void)state;
	assert_true(data != NULL && from != NULL);
	for (size_t i = 0; i < CODECS * COUNT_OF(rooms); i++) {
		size_t room = rooms[i / CODECS];
		size_t most = shoal_codec_holds(codec_at(i % CODECS), room);
		struct shoal_writer writer;

		assert_true(room < 100 || most > room / 2);
		shoal_writer_init(&writer, data, room);
		if (most > 0) {
			codec_at(i % CODECS)->write_bytes(&writer, from, most);
			assert_false(writer.failed);
		}
		/* Within a step of base64, or of what MessagePack is given for its head. */
		shoal_writer_init(&writer, data, room);
		codec_at(i % CODECS)->write_bytes(&writer, from, most + 17);
		assert_true(writer.failed);
	}
	free(from);
	free(data);
}

static void
collect(const char *text, size_t len, void *arg)
{
	char *all = arg;
	size_t before = strlen(all);

	memcpy(all + before, text, len);
	all[before + len] = '\0';
}

static void
an_opener_makes_packets_of_the_codecs_that_it_is_given_compact(void **state)
{
	struct shoal_packet_opener *opener;
	struct shoal_packet_opened opened;
	struct shoal_codec_ops wrong = *shoal_codec_json();
	uint8_t data[2048];
	size_t len = parse_hex(golden[1].json, data);
	char text[4096] = "";

	(void)state;
	assert_int_equal(shoal_packet_opener_new(&opener, NULL, 0, NULL, NULL, NULL), 0);
	assert_int_equal(
	        shoal_packet_opener_open(opener, SHOAL_WAY_DATAGRAM, 0, data, len, &opened),
	        SHOAL_ERR_CODEC);
	assert_true(opened.data == data && opened.codec != NULL && opened.codec[0] == '\0');
	assert_int_equal(
	        shoal_packet_print(data, len, SHOAL_PRINT_TEXT, collect, text), SHOAL_ERR_CODEC);
	assert_non_null(strstr(text, "flags=coded label=\"\" codec=json bytes="));
	assert_int_equal(shoal_packet_opener_codec(opener, NULL), SHOAL_ERR_INVALID);
	wrong.abi = 9;
	assert_int_equal(shoal_packet_opener_codec(opener, &wrong), SHOAL_ERR_INVALID);
	for (int i = 0; i < SHOAL_CODECS_MAX; i++) {
		assert_int_equal(shoal_packet_opener_codec(opener, shoal_codec_json()), 0);
	}
	assert_int_equal(shoal_packet_opener_codec(opener, shoal_codec_json()), SHOAL_ERR_LIMIT);
	assert_int_equal(
	        shoal_packet_opener_open(opener, SHOAL_WAY_DATAGRAM, 0, data, len, &opened), 0);
	assert_string_equal(opened.codec, "json");
	expect_hex(opened.data, opened.len, golden[1].compact);
	shoal_packet_opener_free(opener);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_packet_of_each_kind_is_in_each_codec_what_the_documents_tell),
	        cmocka_unit_test(drawn_packets_come_back_as_they_were_at_any_length),
	        cmocka_unit_test(
	                a_packet_that_is_cut_is_refused_and_a_damaged_one_is_refused_or_valid),
	        cmocka_unit_test(what_a_packet_is_not_is_said),
	        cmocka_unit_test(what_members_of_all_codecs_read_is_told_from_the_rest),
	        cmocka_unit_test(the_first_message_is_read_alone),
	        cmocka_unit_test(what_is_not_known_and_what_fills_up_stay_as_they_are),
	        cmocka_unit_test(codecs_have_names),
	        cmocka_unit_test(what_fits_a_room_does_and_one_byte_more_does_not),
	        cmocka_unit_test(an_opener_makes_packets_of_the_codecs_that_it_is_given_compact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
