/* SPDX-License-Identifier: MIT */
/* Header, label and checksum: what opens, what each damage is called, and that no flipped byte and
 * no missing end ever passes. */
#include "unit.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/hash.h"
#include "wire/packet.h"
#include "wire_fill.h"

#define PACKET_MOST 256

static struct shoal_span
span(const char *text)
{
	return (struct shoal_span){(const uint8_t *)text, strlen(text)};
}

/* A clear packet with the bytes of `body` as its messages. */
static size_t
make(uint8_t data[PACKET_MOST], const char *label, const char *body)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, PACKET_MOST);
	shoal_packet_begin(&writer, span(label));
	shoal_writer_bytes(&writer, body, strlen(body));
	shoal_packet_end(&writer);
	assert_false(writer.failed);
	assert_int_equal(writer.len, shoal_packet_overhead(strlen(label)) + strlen(body));
	return writer.len;
}

static int
open_exact(const uint8_t *data, size_t len, const char *label, struct shoal_packet_header *header)
{
	uint8_t *exact = fill_exact(data, len);
	struct shoal_reader messages;
	int rc = shoal_packet_open(exact, len, span(label), header, &messages);

	free(exact);
	return rc;
}

/* Writes the right checksum over what was changed. */
static void
mend(uint8_t *data, size_t len)
{
	uint32_t crc = shoal_hash_crc32c(0, data, len - 4);

	for (size_t i = 0; i < 4; i++) {
		data[len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
	}
}

static void
a_packet_opens_to_the_messages_that_were_put_in(void **state)
{
	uint8_t data[PACKET_MOST];
	struct shoal_packet_header header;
	struct shoal_reader messages;

	(void)state;
	size_t len = make(data, "prod", "messages");
	assert_int_equal(shoal_packet_open(data, len, span("prod"), &header, &messages), SHOAL_OK);
	assert_int_equal(header.version, 0);
	assert_int_equal(header.flags, 0);
	assert_int_equal(header.label.len, 4);
	assert_memory_equal(header.label.data, "prod", 4);
	assert_int_equal(messages.left, 8);
	assert_memory_equal(messages.at, "messages", 8);

	len = make(data, "", "");
	assert_int_equal(len, 7);
	assert_int_equal(shoal_packet_open(data, len, span(""), &header, &messages), SHOAL_OK);
	assert_int_equal(messages.left, 0);
}

static void
a_label_may_have_64_bytes_and_not_65(void **state)
{
	char label[SHOAL_LABEL_MAX + 2];
	uint8_t data[PACKET_MOST] = {0};
	struct shoal_packet_header header;

	(void)state;
	memset(label, 'l', sizeof label);
	label[SHOAL_LABEL_MAX] = '\0';
	size_t len = make(data, label, "m");
	assert_int_equal(open_exact(data, len, label, &header), SHOAL_OK);
	assert_int_equal(header.label.len, SHOAL_LABEL_MAX);

	memset(data, 'l', sizeof data);
	data[0] = data[1] = 0;
	for (unsigned labelled = 65; labelled <= 255; labelled++) {
		data[2] = (uint8_t)labelled;
		mend(data, 200);
		assert_int_equal(open_exact(data, 200, "", &header), SHOAL_ERR_MALFORMED);
	}
}

static void
another_label_is_told_apart_from_damage(void **state)
{
	static const char *const others[] = {"", "p", "proe", "prod2", "PROD"};
	uint8_t data[PACKET_MOST];
	struct shoal_packet_header header;

	(void)state;
	size_t len = make(data, "prod", "m");
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		assert_int_equal(open_exact(data, len, others[i], &header), SHOAL_ERR_LABEL);
		assert_int_equal(header.label.len, 4);
	}
	data[4] ^= 1;
	assert_int_equal(open_exact(data, len, "prod", &header), SHOAL_ERR_CHECKSUM);
	len = make(data, "", "m");
	assert_int_equal(open_exact(data, len, "prod", &header), SHOAL_ERR_LABEL);
	len = make(data, "a", "m");
	assert_int_equal(open_exact(data, len, "b", &header), SHOAL_ERR_LABEL);
	assert_int_equal(open_exact(data, len, "a", &header), SHOAL_OK);
}

/* The code that a packet with this byte changed must give. */
static int
expected(size_t at, uint8_t value)
{
	if (at == 0) {
		return SHOAL_ERR_VERSION;
	}
	if (at == 1 && (value & ~SHOAL_PACKET_COMPRESSED) != 0) {
		bool sealed = value == SHOAL_PACKET_SEALED ||
		              value == (SHOAL_PACKET_SEALED | SHOAL_PACKET_COMPRESSED) ||
		              value == (SHOAL_PACKET_SEALED | SHOAL_PACKET_ADDRESSED) ||
		              value == (SHOAL_PACKET_SEALED | SHOAL_PACKET_ADDRESSED |
		                               SHOAL_PACKET_COMPRESSED);
		return sealed ? SHOAL_ERR_AUTH : SHOAL_ERR_MALFORMED;
	}
	return SHOAL_ERR_CHECKSUM;
}

static void
no_changed_byte_ever_passes(void **state)
{
	uint8_t data[PACKET_MOST];
	struct shoal_packet_header header;
	size_t len = make(data, "prod", "a body that is long enough for a sealed header");

	(void)state;
	for (size_t at = 0; at < len; at++) {
		uint8_t was = data[at];
		for (unsigned value = 0; value <= 255; value++) {
			if (value == was) {
				continue;
			}
			data[at] = (uint8_t)value;
			int rc = open_exact(data, len, "prod", &header);
			if (at == 2) { /* the length of the label: where the body begins */
				bool fits = value <= SHOAL_LABEL_MAX && 3 + value + 4 <= len;
				assert_int_equal(
				        rc, fits ? SHOAL_ERR_CHECKSUM : SHOAL_ERR_MALFORMED);
			} else {
				assert_int_equal(rc, expected(at, (uint8_t)value));
			}
		}
		data[at] = was;
	}
	assert_int_equal(open_exact(data, len, "prod", &header), SHOAL_OK);
}

static void
no_cut_and_no_longer_packet_ever_passes(void **state)
{
	uint8_t data[PACKET_MOST];
	struct shoal_packet_header header;
	size_t len = make(data, "prod", "messages");

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		int rc = open_exact(data, cut, "prod", &header);
		assert_int_equal(rc, cut < 3 + 4 + 4 ? SHOAL_ERR_MALFORMED : SHOAL_ERR_CHECKSUM);
	}
	for (size_t more = 1; more < 16; more++) {
		assert_int_equal(open_exact(data, len + more, "prod", &header), SHOAL_ERR_CHECKSUM);
	}
	assert_int_equal(open_exact(NULL, 0, "", &header), SHOAL_ERR_MALFORMED);
}

static void
another_version_is_told_before_anything_else_is_looked_at(void **state)
{
	struct shoal_packet_header header;

	(void)state;
	for (unsigned version = 1; version <= 255; version++) {
		uint8_t data[1] = {(uint8_t)version};
		assert_int_equal(open_exact(data, 1, "", &header), SHOAL_ERR_VERSION);
		assert_int_equal(header.version, version);
	}
}

static void
a_flag_that_is_not_known_is_malformed_also_with_a_right_checksum(void **state)
{
	uint8_t data[PACKET_MOST];
	struct shoal_packet_header header;
	size_t len = make(data, "", "messages");

	(void)state;
	for (unsigned flags = 8; flags <= 255; flags++) {
		data[1] = (uint8_t)flags;
		mend(data, len);
		assert_int_equal(open_exact(data, len, "", &header), SHOAL_ERR_MALFORMED);
	}
	data[1] = SHOAL_PACKET_ADDRESSED;
	mend(data, len);
	assert_int_equal(open_exact(data, len, "", &header), SHOAL_ERR_MALFORMED);
	data[1] = SHOAL_PACKET_COMPRESSED;
	mend(data, len);
	assert_int_equal(open_exact(data, len, "", &header), SHOAL_ERR_UNSUPPORTED);
}

static void
a_sealed_header_is_read_and_the_packet_refused(void **state)
{
	static const uint8_t sealed[] = {0, SHOAL_PACKET_SEALED | SHOAL_PACKET_ADDRESSED, 2, 'a',
	        'b', 7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
	        22, 23, 24};
	uint8_t data[sizeof sealed];
	struct shoal_packet_header header;

	(void)state;
	memcpy(data, sealed, sizeof data);
	assert_int_equal(open_exact(data, sizeof data, "ab", &header), SHOAL_ERR_AUTH);
	assert_int_equal(header.key_id, 7);
	assert_true(header.sender_salt == UINT64_C(0x0102030405060708));
	assert_true(header.counter == UINT64_C(0x090a0b0c0d0e0f10));
	assert_true(header.addressee_salt == UINT64_C(0x1112131415161718));
	for (size_t cut = 0; cut < sizeof data; cut++) {
		assert_int_equal(open_exact(data, cut, "ab", &header), SHOAL_ERR_MALFORMED);
	}
	data[1] = SHOAL_PACKET_SEALED;
	for (size_t cut = 0; cut < sizeof data; cut++) {
		int rc = open_exact(data, cut, "ab", &header);
		assert_int_equal(rc, cut < 5 + 17 ? SHOAL_ERR_MALFORMED : SHOAL_ERR_AUTH);
	}
	assert_true(header.addressee_salt == 0);
}

static void
the_room_for_the_checksum_is_kept_until_the_end(void **state)
{
	struct shoal_writer writer;
	uint8_t data[3 + 4 + 10];

	(void)state;
	assert_int_equal(shoal_packet_overhead(0), 7);
	assert_int_equal(shoal_packet_overhead(64), 71);
	shoal_writer_init(&writer, data, sizeof data);
	shoal_packet_begin(&writer, span(""));
	assert_int_equal(shoal_writer_left(&writer), 10);
	shoal_writer_bytes(&writer, "0123456789", 10);
	assert_int_equal(shoal_writer_left(&writer), 0);
	shoal_packet_end(&writer);
	assert_false(writer.failed);
	assert_int_equal(writer.len, sizeof data);
}

static void
begin_without_room(void *arg)
{
	struct shoal_writer writer;
	uint8_t data[6];

	(void)arg;
	shoal_writer_init(&writer, data, sizeof data);
	shoal_packet_begin(&writer, span(""));
}

static void
a_buffer_that_cannot_hold_an_empty_packet_is_a_bug(void **state)
{
	(void)state;
	assert_true(unit_panics(begin_without_room, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_packet_opens_to_the_messages_that_were_put_in),
	        cmocka_unit_test(a_label_may_have_64_bytes_and_not_65),
	        cmocka_unit_test(another_label_is_told_apart_from_damage),
	        cmocka_unit_test(no_changed_byte_ever_passes),
	        cmocka_unit_test(no_cut_and_no_longer_packet_ever_passes),
	        cmocka_unit_test(another_version_is_told_before_anything_else_is_looked_at),
	        cmocka_unit_test(a_flag_that_is_not_known_is_malformed_also_with_a_right_checksum),
	        cmocka_unit_test(a_sealed_header_is_read_and_the_packet_refused),
	        cmocka_unit_test(the_room_for_the_checksum_is_kept_until_the_end),
	        cmocka_unit_test(a_buffer_that_cannot_hold_an_empty_packet_is_a_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
