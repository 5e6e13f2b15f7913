/* SPDX-License-Identifier: MIT */
/* The compact binary codec, driven by the tables: every message with every field at its least and
 * at its most, cut at every byte, followed by more than is known, and with every field beyond its
 * limit. Lengths are those that wire_fill.c computes for itself. */
#include "unit.h"

#include <stdlib.h>

#include "base/addr.h"
#include "wire/binary.h"
#include "wire_fill.h"

#define MESSAGE_MOST (SHOAL_META_MAX + 8192)

/* Encodes, and returns how many bytes the fields should take. */
static size_t
encode(const struct shoal_layout *layout, const void *message, uint8_t data[MESSAGE_MOST])
{
	struct shoal_writer writer;
	size_t width = 0;

	shoal_writer_init(&writer, data, MESSAGE_MOST);
	shoal_binary_encode(layout, message, &writer);
	for (size_t i = 0; i < layout->fields; i++) {
		width += fill_width(layout, i, message);
	}
	assert_false(writer.failed);
	assert_int_equal(writer.len, width);
	return width;
}

/* Decodes from memory of exactly that length. Texts of *message live as long as *copy. */
static struct shoal_reader
decode(const struct shoal_layout *layout, const uint8_t *data, size_t len,
        union shoal_wire_message *message, uint8_t **copy)
{
	struct shoal_reader reader;

	*copy = fill_exact(data, len);
	memset(message, 0xee, sizeof *message);
	shoal_reader_init(&reader, *copy, len);
	shoal_binary_decode(layout, &reader, message);
	return reader;
}

static void
round_trip(const struct shoal_layout *layout, enum fill_how how, uint64_t *seed)
{
	union shoal_wire_message before, after;
	uint8_t data[MESSAGE_MOST], *copy;

	fill_message(layout, &before, how, seed);
	size_t len = encode(layout, &before, data);
	struct shoal_reader reader = decode(layout, data, len, &after, &copy);
	assert_false(reader.failed);
	assert_int_equal(reader.left, 0);
	for (size_t i = 0; i < layout->fields; i++) {
		if (!fill_same(&layout->field[i], &before, &after)) {
			fail_msg("%s.%s", layout->name, layout->field[i].name);
		}
	}
	free(copy);
}

static void
every_message_comes_back_with_every_field_at_its_least_and_most(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		round_trip(shoal_message_layout(kind), FILL_LEAST, &seed);
		round_trip(shoal_message_layout(kind), FILL_MOST, &seed);
	}
}

static void
drawn_messages_come_back_as_they_were(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		for (int i = 0; i < 200; i++) {
			round_trip(shoal_message_layout(kind), FILL_DRAWN, &seed);
		}
	}
}

static bool
is_zero(const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (((const uint8_t *)data)[i] != 0) {
			return false;
		}
	}
	return true;
}

/* The next length of interest: the inside of a long field is looked at here and there. */
static size_t
next_cut(size_t cut, size_t len)
{
	return cut + (cut > 1000 && cut + 1000 < len ? 499 : 1);
}

/* What a body that was cut after `cut` bytes must give: the whole fields before, zeros after, and a
 * failure unless the cut is between two fields. */
static void
check_cut(const struct shoal_layout *layout, const union shoal_wire_message *whole,
        const uint8_t *data, size_t cut)
{
	union shoal_wire_message message;
	uint8_t *copy;
	struct shoal_reader reader = decode(layout, data, cut, &message, &copy);
	size_t end = 0, i = 0;

	for (; i < layout->fields; i++) {
		const struct shoal_field *field = &layout->field[i];
		if (end + fill_width(layout, i, whole) > cut) {
			break;
		}
		end += fill_width(layout, i, whole);
		assert_true(fill_same(field, whole, &message));
	}
	if (reader.failed != (end < cut)) {
		fail_msg("%s cut at byte %zu", layout->name, cut);
	}
	for (i += end < cut; i < layout->fields; i++) {
		size_t from = layout->field[i].offset;
		size_t to = i + 1 < layout->fields ? layout->field[i + 1].offset : layout->size;
		assert_true(is_zero((const uint8_t *)&message + from, to - from));
	}
	free(copy);
}

static void
a_body_cut_inside_a_field_fails_and_one_cut_between_fields_gives_zeros(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		const struct shoal_layout *layout = shoal_message_layout(kind);
		for (int how = FILL_LEAST; how <= FILL_DRAWN; how++) {
			union shoal_wire_message whole;
			uint8_t data[MESSAGE_MOST];

			fill_message(layout, &whole, (enum fill_how)how, &seed);
			size_t len = encode(layout, &whole, data);
			for (size_t cut = 0; cut <= len; cut = next_cut(cut, len)) {
				check_cut(layout, &whole, data, cut);
			}
		}
	}
}

static void
what_a_newer_sender_wrote_after_the_last_field_is_left_unread(void **state)
{
	uint64_t seed = 4;

	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		const struct shoal_layout *layout = shoal_message_layout(kind);
		union shoal_wire_message whole, message;
		uint8_t data[MESSAGE_MOST], *copy;

		fill_message(layout, &whole, FILL_MOST, &seed);
		size_t len = encode(layout, &whole, data);
		memset(data + len, 0xff, 20);
		for (size_t more = 1; more <= 20; more++) {
			struct shoal_reader reader =
			        decode(layout, data, len + more, &message, &copy);
			assert_false(reader.failed);
			assert_int_equal(reader.left, more);
			for (size_t i = 0; i < layout->fields; i++) {
				assert_true(fill_same(&layout->field[i], &whole, &message));
			}
			free(copy);
		}
	}
}

/* Encodes the fields before number `field`, then raw bytes, and decodes. */
static bool
takes(const struct shoal_layout *layout, size_t field, const void *raw, size_t len)
{
	struct shoal_layout front = *layout;
	union shoal_wire_message whole, message;
	uint8_t data[MESSAGE_MOST], *copy;
	uint64_t seed = 5;

	fill_message(layout, &whole, FILL_LEAST, &seed);
	front.fields = (uint16_t)field;
	for (size_t i = 0; i < field; i++) {
		if (layout->field[i].type == SHOAL_FIELD_FLAG ||
		        layout->field[i].type == SHOAL_FIELD_LONG) {
			((uint8_t *)&whole)[layout->field[i].offset] = 1; /* else left out */
		}
	}
	size_t at = encode(&front, &whole, data);
	memcpy(data + at, raw, len);
	struct shoal_reader reader = decode(layout, data, at + len, &message, &copy);
	free(copy);
	return !reader.failed;
}

static size_t
raw_var(uint8_t raw[10], uint64_t value)
{
	size_t len = 0;

	for (; value > 127; value /= 128) {
		raw[len++] = (uint8_t)(value % 128 + 128);
	}
	raw[len++] = (uint8_t)value;
	return len;
}

static void
check_var(const struct shoal_layout *layout, size_t i, uint64_t limit)
{
	static const uint8_t longer[] = {0x80, 0x00}, eleven[] = {0xff, 0xff, 0xff, 0xff, 0xff,
	                                                      0xff, 0xff, 0xff, 0xff, 0x81, 0x00};
	uint8_t raw[10];

	assert_true(takes(layout, i, raw, raw_var(raw, limit)));
	if (limit < UINT64_MAX) {
		assert_false(takes(layout, i, raw, raw_var(raw, limit + 1)));
		assert_false(takes(layout, i, raw, raw_var(raw, UINT64_MAX)));
	}
	assert_false(takes(layout, i, longer, sizeof longer));
	assert_false(takes(layout, i, eleven, sizeof eleven));
}

static void
check_text(const struct shoal_layout *layout, size_t i, uint64_t limit)
{
	static const char *const wrong[] = {"\x01\x80", "\x02\xc0\xaf", "\x03\xed\xa0\x80",
	        "\x04\xf4\x90\x80\x80", "\x01\xff",
	        "\x02"
	        "a\xc3",
	        /* control characters: C0, delete, C1 */
	        "\x01\x1b", "\x01\n", "\x01\x7f", "\x02\xc2\x85",
	        "\x03"
	        "a\x01"
	        "b"};
	uint8_t raw[700];

	memset(raw, 'x', sizeof raw);
	size_t at = raw_var(raw, limit);
	assert_true(takes(layout, i, raw, at + limit));
	assert_false(takes(layout, i, raw, at + limit - 1));
	at = raw_var(raw, limit + 1);
	assert_false(takes(layout, i, raw, at + limit + 1));
	for (size_t k = 0; k < COUNT_OF(wrong); k++) {
		assert_false(takes(layout, i, wrong[k], strlen(wrong[k])));
	}
	assert_false(takes(layout, i,
	        "\x03"
	        "a\0b",
	        4));
	assert_true(takes(layout, i, "\x03\xe2\x82\xac", 4));
}

static void
check_list(const struct shoal_layout *layout, size_t i, uint64_t limit)
{
	static uint8_t raw[1 + 256 * 19];
	bool ids = layout->field[i].type == SHOAL_FIELD_IDS;

	for (unsigned count = 0; count <= 255; count++) {
		memset(raw, ids ? 0x11 : 0, sizeof raw);
		raw[0] = (uint8_t)count;
		bool taken = takes(layout, i, raw, 1 + count * (ids ? 16 : 1));
		assert_true(taken == (count <= limit));
	}
}

static void
check_address(const struct shoal_layout *layout, size_t i)
{
	bool list = layout->field[i].type == SHOAL_FIELD_ADDRS;
	uint8_t raw[20] = {1};

	for (unsigned tag = 0; tag <= 255; tag++) {
		size_t width = tag == 4 ? 7 : tag == 6 ? 19 : 1;
		raw[list] = (uint8_t)tag;
		bool taken = takes(layout, i, raw, list + width);
		assert_true(taken == (tag == 0 || tag == 4 || tag == 6));
		if (width > 1) {
			assert_false(takes(layout, i, raw, list + width - 1));
		}
	}
}

static void
check_bytes(const struct shoal_layout *layout, size_t i, uint64_t limit)
{
	static uint8_t raw[SHOAL_META_MAX + 16];

	if (limit == SHOAL_ENTRIES_MAX) {
		return; /* above what any packet holds */
	}
	memset(raw, 0, sizeof raw);
	size_t at = raw_var(raw, limit);
	assert_true(takes(layout, i, raw, at + limit));
	assert_false(takes(layout, i, raw, at + limit - 1));
	at = raw_var(raw, limit + 1);
	assert_false(takes(layout, i, raw, at + limit + 1));
}

static void
every_field_is_refused_above_its_limit(void **state)
{
	size_t vars = 0, texts = 0, lists = 0, bytes = 0, spans = 0;

	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		const struct shoal_layout *layout = shoal_message_layout(kind);
		for (size_t i = 0; i < layout->fields; i++) {
			const struct shoal_field *field = &layout->field[i];
			if (field->type == SHOAL_FIELD_VAR) {
				check_var(layout, i, field->limit);
				vars++;
			} else if (field->type == SHOAL_FIELD_TEXT ||
			           field->type == SHOAL_FIELD_WORD) {
				check_text(layout, i, field->limit);
				texts++;
			} else if (field->type == SHOAL_FIELD_BYTES) {
				check_bytes(layout, i, field->limit);
				spans++;
			} else if (field->type == SHOAL_FIELD_U8 ||
			           field->type == SHOAL_FIELD_FLAG) {
				for (unsigned value = 0; value <= 255; value++) {
					uint8_t raw = (uint8_t)value;
					assert_true(takes(layout, i, &raw, 1) ==
					            (value <= field->limit));
				}
				bytes++;
			} else if (field->type == SHOAL_FIELD_IDS ||
			           field->type == SHOAL_FIELD_ADDRS) {
				check_list(layout, i, field->limit);
				lists++;
			}
			if (field->type == SHOAL_FIELD_ADDR || field->type == SHOAL_FIELD_ADDRS) {
				check_address(layout, i);
			}
		}
	}
	assert_true(vars >= 7 && texts == 4 && lists == 3 && bytes >= 7 && spans >= 3);
}

static void
an_address_travels_without_its_scope_and_ipv4_in_four_bytes(void **state)
{
	struct shoal_msg_ping ping = {.seq = 1};
	union shoal_wire_message after;
	uint8_t data[MESSAGE_MOST], *copy;
	const struct shoal_layout *layout = shoal_message_layout(SHOAL_MESSAGE_PING);

	(void)state;
	assert_int_equal(shoal_addr_parse(&ping.origin, "[fe80::1%7]:7946"), 0);
	size_t len = encode(layout, &ping, data);
	assert_int_equal(len, 48 + 19 + 4);
	decode(layout, data, len, &after, &copy);
	assert_int_equal(after.ping.origin.scope, 0);
	ping.origin.scope = 0;
	assert_true(shoal_addr_equal(&ping.origin, &after.ping.origin));
	free(copy);

	assert_int_equal(shoal_addr_parse(&ping.origin, "1.2.3.4:5"), 0);
	len = encode(layout, &ping, data);
	assert_int_equal(len, 48 + 7 + 4);
	assert_memory_equal(data + 48, "\x04\x01\x02\x03\x04\x00\x05", 7);
	decode(layout, data, len, &after, &copy);
	assert_true(shoal_addr_equal(&ping.origin, &after.ping.origin));
	free(copy);
}

struct too_much {
	const struct shoal_layout *layout;
	union shoal_wire_message message;
};

static void
encode_too_much(void *arg)
{
	const struct too_much *too_much = arg;
	uint8_t data[MESSAGE_MOST];
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, sizeof data);
	shoal_binary_encode(too_much->layout, &too_much->message, &writer);
}

static void
writing_a_value_above_its_limit_is_a_bug(void **state)
{
	struct too_much relay = {.layout = shoal_message_layout(SHOAL_MESSAGE_RELAY)};
	struct too_much answer = {.layout = shoal_message_layout(SHOAL_MESSAGE_ANSWER)};
	struct too_much said = {.layout = shoal_message_layout(SHOAL_MESSAGE_STATE)};
	struct too_much member = {.layout = shoal_message_layout(SHOAL_MESSAGE_MEMBER)};
	static const uint8_t text[SHOAL_REASON_MAX + 1];

	(void)state;
	relay.message.relay.budget_ms = SHOAL_BUDGET_MAX_MS;
	assert_false(unit_panics(encode_too_much, &relay));
	relay.message.relay.budget_ms++;
	assert_true(unit_panics(encode_too_much, &relay));
	answer.message.answer.reason = (struct shoal_span){text, SHOAL_REASON_MAX};
	assert_false(unit_panics(encode_too_much, &answer));
	answer.message.answer.reason.len++;
	assert_true(unit_panics(encode_too_much, &answer));
	said.message.state.accusers.count = SHOAL_ACCUSERS_MAX + 1;
	assert_true(unit_panics(encode_too_much, &said));
	member.message.member.addrs.count = SHOAL_ADDRS_MAX + 1;
	assert_true(unit_panics(encode_too_much, &member));
}

static void
a_message_that_does_not_fit_shows_in_the_writer(void **state)
{
	uint64_t seed = 6;

	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		const struct shoal_layout *layout = shoal_message_layout(kind);
		union shoal_wire_message whole;
		uint8_t data[MESSAGE_MOST];

		fill_message(layout, &whole, FILL_MOST, &seed);
		size_t len = encode(layout, &whole, data);
		for (size_t room = 0; room <= len; room = next_cut(room, len)) {
			struct shoal_writer writer;
			uint8_t *exact = fill_exact(data, room);

			shoal_writer_init(&writer, exact, room);
			shoal_binary_encode(layout, &whole, &writer);
			assert_true(writer.failed == (room < len));
			assert_memory_equal(exact, data, writer.len);
			free(exact);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_message_comes_back_with_every_field_at_its_least_and_most),
	        cmocka_unit_test(drawn_messages_come_back_as_they_were),
	        cmocka_unit_test(
	                a_body_cut_inside_a_field_fails_and_one_cut_between_fields_gives_zeros),
	        cmocka_unit_test(what_a_newer_sender_wrote_after_the_last_field_is_left_unread),
	        cmocka_unit_test(every_field_is_refused_above_its_limit),
	        cmocka_unit_test(an_address_travels_without_its_scope_and_ipv4_in_four_bytes),
	        cmocka_unit_test(writing_a_value_above_its_limit_is_a_bug),
	        cmocka_unit_test(a_message_that_does_not_fit_shows_in_the_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
