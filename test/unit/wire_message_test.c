/* SPDX-License-Identifier: MIT */
/* The tables of the messages against their structs, the framing of messages in a packet, appending
 * where it fits, and what is refused although each field alone is well formed. */
#include "unit.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/addr.h"
#include "wire_fill.h"

static const size_t type_size[] = {
#define SHOAL_X(name, ctype, least, text) [SHOAL_FIELD_##name] = sizeof(ctype),
        SHOAL_FIELD_TYPES(SHOAL_X)
#undef SHOAL_X
};

static const size_t type_least[] = {
#define SHOAL_X(name, ctype, least, text) [SHOAL_FIELD_##name] = (least),
        SHOAL_FIELD_TYPES(SHOAL_X)
#undef SHOAL_X
};

static void
each_kind_of_message_has_its_number(void **state)
{
	static const char *const names[] = {NULL, "sender", "ping", "ack", "nack", "relay",
	        "member", "state", "join", "sync", "answer", "gone", "conflict", "tree", "nodes",
	        "want", "watch", "check", "refused", "partial", "pad", "meta", "pull", NULL, "user",
	        "batch", "receipt", "cast", "offer",
	        "fetch", [32] = "keys", [33] = "keyring", [34] = "call"};

	(void)state;
	for (unsigned kind = 0; kind <= UINT16_MAX; kind++) {
		const struct shoal_layout *layout = shoal_message_layout((uint16_t)kind);
		if (kind >= COUNT_OF(names) || names[kind] == NULL) {
			assert_null(layout);
			continue;
		}
		assert_string_equal(layout->name, names[kind]);
		assert_int_equal(layout->kind, kind);
	}
	assert_true(COUNT_OF(names) <= SHOAL_MESSAGE_KINDS);
}

static void
the_fields_of_a_table_lie_one_after_the_other_inside_its_struct(void **state)
{
	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		const struct shoal_layout *layout = shoal_message_layout(kind);
		size_t end = 0;

		assert_true(layout->fields > 0);
		assert_true(layout->size <= sizeof(union shoal_wire_message));
		for (size_t i = 0; i < layout->fields; i++) {
			const struct shoal_field *field = &layout->field[i];
			assert_true(field->type < SHOAL_FIELD_TYPE_COUNT);
			assert_true(field->offset >= end);
			end = field->offset + type_size[field->type];
			assert_true(end <= layout->size);
			for (size_t other = 0; other < i; other++) {
				assert_string_not_equal(field->name, layout->field[other].name);
			}
		}
	}
}

static void
the_limits_of_a_table_are_what_its_struct_can_hold(void **state)
{
	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		const struct shoal_layout *layout = shoal_message_layout(kind);
		for (size_t i = 0; i < layout->fields; i++) {
			const struct shoal_field *field = &layout->field[i];
			switch (field->type) {
			case SHOAL_FIELD_U8:
				assert_true(field->limit <= 255);
				break;
			case SHOAL_FIELD_IDS:
				assert_int_equal(field->limit, SHOAL_ACCUSERS_MAX);
				break;
			case SHOAL_FIELD_ADDRS:
				assert_int_equal(field->limit, SHOAL_ADDRS_MAX);
				break;
			case SHOAL_FIELD_WORD:
				assert_int_equal(field->limit, SHOAL_URL_MAX);
				break;
			case SHOAL_FIELD_TEXT:
				assert_true(field->limit <= SHOAL_REASON_MAX);
				break;
			default:
				break;
			}
		}
	}
}

static void
the_shortest_encoding_of_a_type_is_what_its_table_says(void **state)
{
	bool seen[SHOAL_FIELD_TYPE_COUNT] = {false};
	uint64_t seed = 1;

	(void)state;
	for (uint16_t kind = 0; (kind = fill_next_kind(kind)) != 0;) {
		const struct shoal_layout *layout = shoal_message_layout(kind);
		union shoal_wire_message message;

		fill_message(layout, &message, FILL_LEAST, &seed);
		for (size_t i = 0; i < layout->fields; i++) {
			const struct shoal_field *field = &layout->field[i];
			assert_int_equal(fill_width(layout, i, &message), type_least[field->type]);
			seen[field->type] = true;
		}
	}
	for (size_t i = 0; i < COUNT_OF(seen); i++) {
		assert_true(seen[i]);
	}
}

/* Kind and length of a framed message, then its body. */
static size_t
frame(uint8_t *data, const uint8_t *head, size_t head_len, size_t body)
{
	memcpy(data, head, head_len);
	memset(data + head_len, 0x77, body);
	return head_len + body;
}

static int
next_of(const uint8_t *data, size_t len, uint16_t *kind, size_t *body_len)
{
	uint8_t *exact = fill_exact(data, len);
	struct shoal_reader packet, body;

	shoal_reader_init(&packet, exact, len);
	int rc = shoal_message_next(&packet, kind, &body);
	*body_len = rc == 1 ? body.left : 0;
	if (rc == 1) {
		assert_int_equal(packet.left, 0);
	}
	free(exact);
	return rc;
}

static void
a_message_is_framed_by_its_kind_and_length(void **state)
{
	static const struct {
		uint8_t head[12];
		size_t head_len, body;
		unsigned kind; /* 0: malformed */
	} frames[] = {
	        {{1, 0}, 2, 0, 1},
	        {{1, 5}, 2, 5, 1},
	        {{200, 1, 3}, 3, 3, 200},
	        {{0xff, 0xff, 3, 1}, 4, 1, 65535},
	        {{1, 0x80, 1}, 3, 128, 1},
	        {{0x80, 0x80, 4, 0}, 4, 0, 0}, /* kind 65536 */
	        {{0x81, 0, 0}, 3, 0, 0},       /* kind not in its shortest form */
	        {{1, 0x85, 0}, 3, 5, 0},       /* length not in its shortest form */
	        {{1, 6}, 2, 5, 0},             /* length beyond the packet */
	        {{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 11, 5, 0},
	        {{1}, 1, 0, 0},
	        {{0x80}, 1, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(frames); i++) {
		uint8_t data[256];
		uint16_t kind;
		size_t body;
		size_t len = frame(data, frames[i].head, frames[i].head_len, frames[i].body);
		int rc = next_of(data, len, &kind, &body);

		assert_int_equal(rc, frames[i].kind != 0 ? 1 : SHOAL_ERR_MALFORMED);
		if (rc == 1) {
			assert_int_equal(kind, frames[i].kind);
			assert_int_equal(body, frames[i].body);
		}
		for (size_t cut = 1; cut < len; cut++) {
			assert_int_equal(next_of(data, cut, &kind, &body), SHOAL_ERR_MALFORMED);
		}
	}
	uint16_t kind;
	size_t body;
	assert_int_equal(next_of(NULL, 0, &kind, &body), 0);
}

static void
a_kind_that_is_not_known_is_skipped_by_its_length(void **state)
{
	static const uint16_t strange[] = {0, 50, 63, 64, 127, 128, 65535};
	struct shoal_msg_nack nack = {.seq = 9, .id = {{1}}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(strange); i++) {
		struct shoal_writer writer;
		struct shoal_reader packet, body;
		union shoal_wire_message message;
		uint8_t data[128];
		uint16_t kind;

		shoal_writer_init(&writer, data, sizeof data);
		shoal_writer_var(&writer, strange[i]);
		shoal_writer_var(&writer, 3);
		shoal_writer_bytes(&writer, "abc", 3);
		assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_NACK, &nack));
		shoal_reader_init(&packet, data, writer.len);
		assert_int_equal(shoal_message_next(&packet, &kind, &body), 1);
		assert_int_equal(kind, strange[i]);
		assert_int_equal(shoal_message_decode(kind, body, &message), SHOAL_ERR_UNSUPPORTED);
		assert_int_equal(shoal_message_next(&packet, &kind, &body), 1);
		assert_int_equal(shoal_message_decode(kind, body, &message), SHOAL_OK);
		assert_int_equal(message.nack.seq, 9);
		assert_int_equal(shoal_message_next(&packet, &kind, &body), 0);
	}
}

/* Appends behind three bytes with room for `room` more. */
static bool
append(size_t room, const struct shoal_msg_answer *answer, struct shoal_writer *writer,
        uint8_t **data)
{
	*data = fill_exact((const uint8_t *)"abc", 3);
	*data = realloc(*data, 3 + room);
	assert_non_null(*data);
	memset(*data + 3, 0x99, room);
	shoal_writer_init(writer, *data, 3 + room);
	writer->len = 3;
	return shoal_message_append(writer, SHOAL_MESSAGE_ANSWER, answer);
}

static void
a_message_is_appended_where_it_fits_to_the_byte_and_else_not_at_all(void **state)
{
	uint8_t text[SHOAL_REASON_MAX], *data;

	(void)state;
	memset(text, 'r', sizeof text);
	for (size_t reason = 0; reason <= SHOAL_REASON_MAX; reason++) {
		struct shoal_msg_answer answer = {.id = {{1}}, .code = 1, .reason = {text, reason}};
		size_t body = 16 + 8 + 1 + (reason < 128 ? 1u : 2u) + reason + 8;
		size_t whole = 1 + (body < 128 ? 1u : 2u) + body;
		struct shoal_reader packet, inner;
		union shoal_wire_message message;
		struct shoal_writer writer;
		uint16_t kind;

		assert_true(append(whole, &answer, &writer, &data));
		assert_int_equal(writer.len, 3 + whole);
		shoal_reader_init(&packet, data + 3, whole);
		assert_int_equal(shoal_message_next(&packet, &kind, &inner), 1);
		assert_int_equal(inner.left, body);
		assert_int_equal(shoal_message_decode(kind, inner, &message), SHOAL_OK);
		assert_int_equal(message.answer.reason.len, reason);
		free(data);
		for (size_t room = 0; room < whole; room++) {
			assert_false(append(room, &answer, &writer, &data));
			assert_int_equal(writer.len, 3);
			assert_false(writer.failed);
			assert_memory_equal(data, "abc", 3);
			free(data);
		}
	}
}

static void
a_writer_that_has_failed_takes_no_message_and_stays_failed(void **state)
{
	struct shoal_msg_nack nack = {.seq = 9, .id = {{1}}};
	struct shoal_writer writer;
	uint8_t data[64];

	(void)state;
	shoal_writer_init(&writer, data, sizeof data);
	writer.failed = true;
	assert_false(shoal_message_append(&writer, SHOAL_MESSAGE_NACK, &nack));
	assert_true(writer.failed);
	assert_int_equal(writer.len, 0);
}

static int
decodes(uint16_t kind, const void *message)
{
	struct shoal_writer writer;
	struct shoal_reader packet, body;
	union shoal_wire_message read;
	uint8_t data[1024];

	shoal_writer_init(&writer, data, sizeof data);
	assert_true(shoal_message_append(&writer, (enum shoal_message_kind)kind, message));
	shoal_reader_init(&packet, data, writer.len);
	assert_int_equal(shoal_message_next(&packet, &kind, &body), 1);
	return shoal_message_decode(kind, body, &read);
}

static struct shoal_msg_member
good_member(void)
{
	struct shoal_msg_member m = {.id = {{1}},
	        .state = SHOAL_STATE_ALIVE,
	        .name = {(const uint8_t *)"n", 1},
	        .addrs = {.count = 1}};
	assert_int_equal(shoal_addr_parse(&m.addrs.item[0], "10.0.0.1:1"), 0);
	return m;
}

static void
a_member_that_nobody_could_name_or_reach_is_refused(void **state)
{
	static const char *const useless[] = {"0.0.0.0:7946", "[::]:7946"};
	struct shoal_msg_member m = good_member(), bad;

	(void)state;
	assert_int_equal(decodes(SHOAL_MESSAGE_MEMBER, &m), SHOAL_OK);
	bad = m, bad.id.bytes[0] = 0;
	assert_int_equal(decodes(SHOAL_MESSAGE_MEMBER, &bad), SHOAL_ERR_MALFORMED);
	for (unsigned value = 0; value <= 255; value++) {
		bool good = value >= SHOAL_STATE_ALIVE && value <= SHOAL_STATE_LEFT;
		bad = m, bad.state = (uint8_t)value;
		assert_int_equal(
		        decodes(SHOAL_MESSAGE_MEMBER, &bad), good ? SHOAL_OK : SHOAL_ERR_MALFORMED);
	}
	bad = m, bad.name.len = 0;
	assert_int_equal(decodes(SHOAL_MESSAGE_MEMBER, &bad), SHOAL_ERR_MALFORMED);
	bad = m, bad.addrs.count = 0;
	assert_int_equal(decodes(SHOAL_MESSAGE_MEMBER, &bad), SHOAL_ERR_MALFORMED);
	bad = m, bad.protocol_min = 1;
	assert_int_equal(decodes(SHOAL_MESSAGE_MEMBER, &bad), SHOAL_ERR_MALFORMED);
	bad.protocol_max = 1;
	assert_int_equal(decodes(SHOAL_MESSAGE_MEMBER, &bad), SHOAL_OK);
	for (size_t place = 0; place < SHOAL_ADDRS_MAX; place++) {
		for (size_t i = 0; i <= COUNT_OF(useless); i++) {
			bad = m, bad.addrs.count = SHOAL_ADDRS_MAX;
			for (size_t k = 1; k < SHOAL_ADDRS_MAX; k++) {
				bad.addrs.item[k] = m.addrs.item[0];
			}
			assert_int_equal(decodes(SHOAL_MESSAGE_MEMBER, &bad), SHOAL_OK);
			if (i < COUNT_OF(useless)) {
				assert_int_equal(
				        shoal_addr_parse(&bad.addrs.item[place], useless[i]), 0);
			} else {
				bad.addrs.item[place].port = 0;
			}
			assert_int_equal(decodes(SHOAL_MESSAGE_MEMBER, &bad), SHOAL_ERR_MALFORMED);
		}
	}
}

static void
a_message_without_the_ids_and_numbers_that_it_needs_is_refused(void **state)
{
	const struct shoal_id one = {{1}}, none = {{0}};
	struct shoal_msg_state said = {.id = one, .state = SHOAL_STATE_LEFT};
	struct shoal_msg_join join = {.id = one};
	struct shoal_msg_relay relay = {.seq = 1, .id = one, .target = one};
	struct shoal_msg_sender sender = {.id = one};

	(void)state;
	assert_int_equal(decodes(SHOAL_MESSAGE_STATE, &said), SHOAL_OK);
	said.state = SHOAL_STATE_UNKNOWN;
	assert_int_equal(decodes(SHOAL_MESSAGE_STATE, &said), SHOAL_ERR_MALFORMED);
	said.state = SHOAL_STATE_ALIVE, said.id = none;
	assert_int_equal(decodes(SHOAL_MESSAGE_STATE, &said), SHOAL_ERR_MALFORMED);
	assert_int_equal(decodes(SHOAL_MESSAGE_JOIN, &join), SHOAL_OK);
	join.protocol_min = 1;
	assert_int_equal(decodes(SHOAL_MESSAGE_JOIN, &join), SHOAL_ERR_MALFORMED);
	join.protocol_min = 0, join.id = none;
	assert_int_equal(decodes(SHOAL_MESSAGE_JOIN, &join), SHOAL_ERR_MALFORMED);
	assert_int_equal(decodes(SHOAL_MESSAGE_RELAY, &relay), SHOAL_OK);
	relay.seq = 0;
	assert_int_equal(decodes(SHOAL_MESSAGE_RELAY, &relay), SHOAL_ERR_MALFORMED);
	relay.seq = 1, relay.id = none;
	assert_int_equal(decodes(SHOAL_MESSAGE_RELAY, &relay), SHOAL_ERR_MALFORMED);
	relay.id = one, relay.target = none;
	assert_int_equal(decodes(SHOAL_MESSAGE_RELAY, &relay), SHOAL_ERR_MALFORMED);
	assert_int_equal(decodes(SHOAL_MESSAGE_SENDER, &sender), SHOAL_OK);
	sender.id = none;
	assert_int_equal(decodes(SHOAL_MESSAGE_SENDER, &sender), SHOAL_ERR_MALFORMED);
}

static void
a_ping_with_half_an_origin_is_refused(void **state)
{
	const struct shoal_id one = {{1}};
	struct shoal_msg_ping ping = {.seq = 1, .id = one, .target = one};

	(void)state;
	assert_int_equal(decodes(SHOAL_MESSAGE_PING, &ping), SHOAL_OK);
	assert_int_equal(shoal_addr_parse(&ping.origin, "10.0.0.1:1"), 0);
	assert_int_equal(decodes(SHOAL_MESSAGE_PING, &ping), SHOAL_OK);
	ping.origin.port = 0;
	assert_int_equal(decodes(SHOAL_MESSAGE_PING, &ping), SHOAL_ERR_MALFORMED);
	assert_int_equal(shoal_addr_parse(&ping.origin, "0.0.0.0:1"), 0);
	assert_int_equal(decodes(SHOAL_MESSAGE_PING, &ping), SHOAL_ERR_MALFORMED);
	ping = (struct shoal_msg_ping){.seq = 0, .id = one, .target = one};
	assert_int_equal(decodes(SHOAL_MESSAGE_PING, &ping), SHOAL_ERR_MALFORMED);
	ping = (struct shoal_msg_ping){.seq = 1, .target = one};
	assert_int_equal(decodes(SHOAL_MESSAGE_PING, &ping), SHOAL_ERR_MALFORMED);
}

/* By its table: the field `id`, but where that names the member that the statement is about. */
static void
the_sender_of_a_message_is_its_id_where_it_is_no_statement(void **state)
{
	(void)state;
	for (uint16_t kind = fill_next_kind(0); kind != 0; kind = fill_next_kind(kind)) {
		const struct shoal_layout *layout = shoal_message_layout(kind);
		const void *expected = NULL;
		union shoal_wire_message message;

		for (size_t i = 0; i < layout->fields; ++i) {
			if (strcmp(layout->field[i].name, "id") == 0 &&
			        kind != SHOAL_MESSAGE_MEMBER && kind != SHOAL_MESSAGE_STATE &&
			        kind != SHOAL_MESSAGE_META && kind != SHOAL_MESSAGE_CAST) {
				expected = (const char *)&message + layout->field[i].offset;
			}
		}
		assert_ptr_equal(shoal_message_from(kind, &message), expected);
		memset(&message, 0x5a, sizeof message);
		bool salted = expected != NULL && kind != SHOAL_MESSAGE_NACK;
		assert_true(shoal_message_salt(kind, &message) ==
		            (salted ? UINT64_C(0x5a5a5a5a5a5a5a5a) : 0));
	}
	assert_null(shoal_message_from(SHOAL_MESSAGE_KINDS, NULL));
	assert_true(shoal_message_salt(SHOAL_MESSAGE_KINDS, NULL) == 0);
}

/* A pad of two bytes of head and so much zero fills all but the room that no length fits exactly.
 */
static void
a_pad_fills_the_room_but_for_a_byte_at_most_and_is_skipped(void **state)
{
	(void)state;
	for (size_t room = 0; room <= 20000; room += room < 300 ? 1 : 97) {
		static uint8_t data[20000];
		struct shoal_writer writer;
		struct shoal_reader reader, body;
		union shoal_wire_message message;
		uint16_t kind;

		memset(data, 0xff, sizeof data);
		shoal_writer_init(&writer, data, room);
		shoal_message_pad(&writer);
		assert_false(writer.failed);
		assert_in_range(writer.len, room < 2 ? 0 : room - 1, room < 2 ? 0 : room);
		shoal_reader_init(&reader, data, writer.len);
		if (room < 2) {
			continue;
		}
		assert_int_equal(shoal_message_next(&reader, &kind, &body), 1);
		assert_int_equal(kind, SHOAL_MESSAGE_PAD);
		assert_int_equal(shoal_message_decode(kind, body, &message), SHOAL_OK);
		assert_int_equal(shoal_message_next(&reader, &kind, &body), 0);
	}
}

static void
a_broadcast_beyond_any_limit_is_malformed(void **state)
{
	struct shoal_msg_cast cast = {.number = 1, .hops_max = SHOAL_HOPS_MAX};
	union shoal_wire_message read;
	struct shoal_writer writer;
	struct shoal_reader body;
	uint8_t data[128];

	(void)state;
	cast.id.bytes[0] = 1;
	cast.ttl_ms = SHOAL_CAST_AGE_MAX;
	assert_int_equal(decodes(SHOAL_MESSAGE_CAST, &cast), SHOAL_OK);
	cast.ttl_ms++;
	assert_int_equal(decodes(SHOAL_MESSAGE_CAST, &cast), SHOAL_ERR_MALFORMED);
	cast.ttl_ms = 0;
	shoal_writer_init(&writer, data, sizeof data);
	assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_CAST, &cast));
	shoal_reader_init(&body, data + 2, writer.len - 2);
	assert_int_equal(shoal_message_decode(SHOAL_MESSAGE_CAST, body, &read), SHOAL_OK);
	assert_int_equal(read.cast.hops_max, SHOAL_HOPS_MAX);
	data[writer.len - 1]++;
	assert_int_equal(
	        shoal_message_decode(SHOAL_MESSAGE_CAST, body, &read), SHOAL_ERR_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_kind_of_message_has_its_number),
	        cmocka_unit_test(a_pad_fills_the_room_but_for_a_byte_at_most_and_is_skipped),
	        cmocka_unit_test(the_fields_of_a_table_lie_one_after_the_other_inside_its_struct),
	        cmocka_unit_test(the_limits_of_a_table_are_what_its_struct_can_hold),
	        cmocka_unit_test(the_shortest_encoding_of_a_type_is_what_its_table_says),
	        cmocka_unit_test(a_message_is_framed_by_its_kind_and_length),
	        cmocka_unit_test(a_kind_that_is_not_known_is_skipped_by_its_length),
	        cmocka_unit_test(
	                a_message_is_appended_where_it_fits_to_the_byte_and_else_not_at_all),
	        cmocka_unit_test(a_writer_that_has_failed_takes_no_message_and_stays_failed),
	        cmocka_unit_test(a_member_that_nobody_could_name_or_reach_is_refused),
	        cmocka_unit_test(a_message_without_the_ids_and_numbers_that_it_needs_is_refused),
	        cmocka_unit_test(a_ping_with_half_an_origin_is_refused),
	        cmocka_unit_test(the_sender_of_a_message_is_its_id_where_it_is_no_statement),
	        cmocka_unit_test(a_broadcast_beyond_any_limit_is_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
