/* SPDX-License-Identifier: MIT */
/* Packets as text and as JSON: every message with its fields, and what is wrong at which byte. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "wire/packet.h"
#include "wire/print.h"
#include "wire_fill.h"

#define OUTPUT 65536

struct output {
	char text[OUTPUT];
	size_t len;
};

static void
take(const char *text, size_t len, void *arg)
{
	struct output *output = arg;

	assert_true(output->len + len < OUTPUT);
	memcpy(output->text + output->len, text, len);
	output->len += len;
	output->text[output->len] = 0;
}

static struct output out;

/* Prints bytes that lie in memory of exactly their length. */
static int
print(const uint8_t *data, size_t len, enum shoal_print_form form)
{
	uint8_t *exact = fill_exact(data, len);
	int rc;

	out.len = 0;
	out.text[0] = 0;
	rc = shoal_packet_print(exact, len, form, take, &out);
	free(exact);
	return rc;
}

static size_t
make(uint8_t data[512], const char *label)
{
	struct shoal_msg_ping ping = {.seq = 1, .id = {{0x11}}, .salt = 2, .target = {{0x22}}};
	struct shoal_msg_state said = {
	        .id = {{0x33}}, .state = SHOAL_STATE_SUSPECT, .age_ms = 1500};
	struct shoal_writer writer;

	said.accusers.count = 1;
	assert_int_equal(shoal_addr_parse(&ping.origin, "1.2.3.4:7946"), 0);
	shoal_writer_init(&writer, data, 512);
	shoal_packet_begin(&writer, (struct shoal_span){(const uint8_t *)label, strlen(label)});
	assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_PING, &ping));
	assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_STATE, &said));
	shoal_writer_var(&writer, 130);
	shoal_writer_var(&writer, 3);
	shoal_writer_bytes(&writer, "abc", 3);
	shoal_packet_end(&writer);
	return writer.len;
}

static void
a_packet_is_printed_line_by_line(void **state)
{
	uint8_t data[512];
	size_t len = make(data, "blue \"one\"");

	(void)state;
	assert_int_equal(print(data, len, SHOAL_PRINT_TEXT), 0);
	assert_string_equal(out.text,
	        "packet version=1 flags=none label=\"blue \\\"one\\\"\" bytes=139 checksum=ok\n"
	        "  ping seq=0x0000000000000001 id=11000000-0000-0000-0000-000000000000 "
	        "salt=0x0000000000000002 target=22000000-0000-0000-0000-000000000000 "
	        "origin=1.2.3.4:7946 mark=0x00000000 origin_salt=0x0000000000000000\n"
	        "  state id=33000000-0000-0000-0000-000000000000 salt=0x0000000000000000 "
	        "incarnation=0x0000000000000000 state=suspect age_ms=1500 "
	        "accusers=[00000000-0000-0000-0000-000000000000] refused_ms=0 "
	        "marks=0\n"
	        "  kind 130, not known, bytes=3 body=0x616263\n");
}

static void
or_as_one_object(void **state)
{
	uint8_t data[512];
	size_t len = make(data, "");

	(void)state;
	assert_int_equal(print(data, len, SHOAL_PRINT_JSON), 0);
	assert_string_equal(out.text,
	        "{\"version\":1,\"flags\":[],\"label\":\"\",\"bytes\":129,\"checksum\":\"ok\","
	        "\"messages\":["
	        "{\"kind\":2,\"message\":\"ping\",\"fields\":{\"seq\":\"0x0000000000000001\","
	        "\"id\":\"11000000-0000-0000-0000-000000000000\",\"salt\":\"0x0000000000000002\","
	        "\"target\":\"22000000-0000-0000-0000-000000000000\",\"origin\":\"1.2.3.4:7946\","
	        "\"mark\":\"0x00000000\",\"origin_salt\":\"0x0000000000000000\"}},"
	        "{\"kind\":7,\"message\":\"state\",\"fields\":{"
	        "\"id\":\"33000000-0000-0000-0000-000000000000\",\"salt\":\"0x0000000000000000\","
	        "\"incarnation\":\"0x0000000000000000\",\"state\":\"suspect\",\"age_ms\":1500,"
	        "\"accusers\":[\"00000000-0000-0000-0000-000000000000\"],\"refused_ms\":0,\"marks\":0}},"
	        "{\"kind\":130,\"message\":null,\"bytes\":3,\"body\":\"0x616263\"}],\"errors\":[]}");
}

static bool
ends_with(const char *end)
{
	size_t len = strlen(end);

	return out.len >= len && strcmp(out.text + out.len - len, end) == 0;
}

static void
expect_end(const uint8_t *data, size_t len, int rc, const char *end)
{
	assert_int_equal(print(data, len, SHOAL_PRINT_TEXT), rc);
	if (!ends_with(end)) {
		fail_msg("%s does not end with %s", out.text, end);
	}
	assert_int_equal(print(data, len, SHOAL_PRINT_JSON), rc);
	assert_true(ends_with("\"}]}"));
}

static void
what_is_wrong_is_said_with_its_place(void **state)
{
	static const uint8_t old[] = {0xc2, 1, 2, 3}, flags[] = {0xc1, 0x10, 0},
	                     label[] = {0xc1, 0, 65, 'a'}, cut[] = {0xc1, 0, 3, 'a'},
	                     bare[] = {0xc1, 0, 0, 1, 2, 3}, other[] = {0, 0x82, 0xa4},
	                     none[] = {0xee, 1, 2}, uncoded[] = {0xc1, 4, 1, 'a', 0, 1};
	uint8_t data[512];
	size_t len = make(data, "");

	(void)state;
	expect_end(NULL, 0, SHOAL_ERR_MALFORMED, "  malformed at byte 0: the header is cut\n");
	expect_end(old, sizeof old, SHOAL_ERR_VERSION,
	        "  version at byte 0: a packet of another version of shoal\n");
	expect_end(none, sizeof none, SHOAL_ERR_VERSION,
	        "  version at byte 0: not a packet of this version\n");
	expect_end(other, sizeof other, SHOAL_ERR_VERSION,
	        "  version at byte 0: it looks like memberlist (Serf, Consul, Nomad)\n");
	expect_end(flags, sizeof flags, SHOAL_ERR_VERSION,
	        "  version at byte 1: a packet with flags that only a newer shoal knows\n");
	expect_end(
	        uncoded, sizeof uncoded, SHOAL_ERR_MALFORMED, "  malformed at byte 4: the codec\n");
	expect_end(label, sizeof label, SHOAL_ERR_MALFORMED,
	        "  malformed at byte 2: the length of the label\n");
	expect_end(
	        cut, sizeof cut, SHOAL_ERR_MALFORMED, "  malformed at byte 3: the header is cut\n");
	expect_end(bare, sizeof bare, SHOAL_ERR_MALFORMED, "  malformed at byte 3: no checksum\n");
	data[len - 1] ^= 1;
	expect_end(data, len, SHOAL_ERR_CHECKSUM,
	        "body=0x616263\n  checksum at byte 125: the checksum\n");
}

/* A packet around messages that are given as they are. */
static size_t
wrap(uint8_t data[512], const void *messages, size_t len)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, 512);
	shoal_packet_begin(&writer, (struct shoal_span){NULL, 0});
	shoal_writer_bytes(&writer, messages, len);
	shoal_packet_end(&writer);
	return writer.len;
}

static void
a_wrong_field_is_named(void **state)
{
	uint8_t data[512];
	size_t len;

	(void)state;
	len = wrap(data, "\x04\x1a\0\0\0\0\0\0\0\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\3", 27);
	expect_end(data, len, SHOAL_ERR_MALFORMED,
	        "  malformed at byte 3: the kind or the length of a message\n");
	len = wrap(data, "\x0a\x19\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\2\2\2\2\2\2\2\2\xff", 27);
	expect_end(data, len, SHOAL_ERR_MALFORMED, "  malformed at byte 29: answer.code\n");
	len = wrap(data, "\x0a\x09\1\1\1\1\1\1\1\1\1", 11);
	expect_end(data, len, SHOAL_ERR_MALFORMED, "  malformed at byte 5: answer.id\n");
	len = wrap(data, "\x01\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 18);
	expect_end(data, len, SHOAL_ERR_MALFORMED,
	        "  sender id=00000000-0000-0000-0000-000000000000 salt=0x0000000000000000\n"
	        "  malformed at byte 5: values that no member sends\n");
}

static void
sealed_and_compressed_packets_show_their_header(void **state)
{
	uint8_t data[512] = {0xc1, SHOAL_PACKET_SEALED, 1, 'x', 7};

	(void)state;
	memset(data + 5, 0x11, 8);
	memset(data + 13, 0x22, 8);
	memset(data + 21, 0x33, 8);
	expect_end(data, 60, SHOAL_ERR_AUTH,
	        "packet version=1 flags=sealed label=\"x\" bytes=60 key_id=7 "
	        "sender_salt=0x1111111111111111 counter=0x2222222222222222 "
	        "addressee_salt=0x3333333333333333\n"
	        "  auth at byte 29: sealed: without the key no more can be read\n");
	size_t len = wrap(data, "\1\2\3", 3);
	data[1] = SHOAL_PACKET_COMPRESSED;
	expect_end(data, len, SHOAL_ERR_CHECKSUM, "  unsupported at byte 3: compressed messages\n");
}

static void
a_label_that_is_no_text_is_printed_in_digits(void **state)
{
	uint8_t data[512];
	size_t len = make(data, "\x1b[2J");

	(void)state;
	assert_int_equal(print(data, len, SHOAL_PRINT_TEXT), 0);
	assert_non_null(strstr(out.text, "label=\"0x1b5b324a\""));
}

/* As JSON: no quote, brace or bracket is left open. */
static void
expect_balanced(const char *json)
{
	char open[64];
	size_t depth = 0;
	bool quoted = false;

	for (; *json != 0; json++) {
		if (quoted && *json == '\\') {
			json++;
		} else if (quoted) {
			quoted = *json != '"';
		} else if (*json == '"') {
			quoted = true;
		} else if (*json == '{' || *json == '[') {
			assert_true(depth < sizeof open);
			open[depth++] = *json;
		} else if (*json == '}' || *json == ']') {
			assert_true(depth > 0);
			assert_int_equal(open[--depth], *json == '}' ? '{' : '[');
		}
	}
	assert_true(depth == 0 && !quoted);
}

static void
every_message_fits_with_every_field_at_its_most(void **state)
{
	static const char *const names[] = {"\"", "\\", "n"};
	uint64_t seed = 1;
	char buffer[SHOAL_MESSAGE_TEXT];
	char name[SHOAL_NAME_MAX];

	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		const struct shoal_layout *layout = shoal_message_layout(kind);

		for (unsigned turn = 0; turn < 60; turn++) {
			union shoal_wire_message message;
			struct shoal_text text;

			fill_message(layout, &message, turn < 3 ? FILL_MOST : FILL_DRAWN, &seed);
			memset(name, names[turn % 3][0], sizeof name);
			if (kind == SHOAL_MESSAGE_MEMBER) {
				message.member.name =
				        (struct shoal_span){(uint8_t *)name, sizeof name};
			}
			shoal_text_init(&text, buffer, sizeof buffer);
			shoal_message_print(&text, SHOAL_PRINT_TEXT, kind, &message);
			assert_false(text.cut);
			shoal_text_init(&text, buffer, sizeof buffer);
			shoal_message_print(&text, SHOAL_PRINT_JSON, kind, &message);
			assert_false(text.cut);
			expect_balanced(buffer);
		}
	}
}

static void
damaged_packets_are_printed_as_far_as_they_go(void **state)
{
	uint8_t data[512];
	uint64_t seed = 2;
	size_t len = make(data, "blue"), whole = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		uint64_t draw = unit_random(&seed);
		uint8_t was = data[draw % len];

		data[draw % len] = (uint8_t)(draw >> 32);
		whole += print(data, (draw >> 40) % 4 == 0 ? (draw >> 48) % len : len,
		                 SHOAL_PRINT_JSON) == 0;
		expect_balanced(out.text);
		(void)print(data, len, SHOAL_PRINT_TEXT);
		for (size_t k = 0; k < out.len; k++) {
			assert_true((uint8_t)out.text[k] >= 0x20 || out.text[k] == '\n');
		}
		data[draw % len] = was;
	}
	assert_true(whole > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_packet_is_printed_line_by_line),
	        cmocka_unit_test(or_as_one_object),
	        cmocka_unit_test(what_is_wrong_is_said_with_its_place),
	        cmocka_unit_test(a_wrong_field_is_named),
	        cmocka_unit_test(sealed_and_compressed_packets_show_their_header),
	        cmocka_unit_test(a_label_that_is_no_text_is_printed_in_digits),
	        cmocka_unit_test(every_message_fits_with_every_field_at_its_most),
	        cmocka_unit_test(damaged_packets_are_printed_as_far_as_they_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
