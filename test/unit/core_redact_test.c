/* SPDX-License-Identifier: MIT */
/* Redaction takes what applications sent, and changes nothing that a core does with a packet. */
#include "unit.h"

#include "base/hash.h"
#include "core/record/redact.h"
#include "core_world.h"
#include "wire/entry.h"
#include "wire/packet.h"

#define LEN_MAX 256

static const struct shoal_span no_label = {(const uint8_t *)"", 0};

/* What a core makes of a packet: how it is judged, and what kinds and lengths it holds. */
static uint64_t
verdict(const uint8_t *data, size_t len)
{
	struct shoal_packet_header header;
	struct shoal_reader messages, body;
	uint16_t kind;
	int rc = shoal_packet_open(data, len, no_label, &header, &messages);
	uint64_t sum = (uint64_t)(int64_t)rc;

	while (rc == SHOAL_OK && (rc = shoal_message_next(&messages, &kind, &body)) > 0) {
		sum = sum * 31 + kind * 7u + body.left;
		if (kind == SHOAL_MESSAGE_USER || kind == SHOAL_MESSAGE_BATCH ||
		        kind == SHOAL_MESSAGE_CAST) {
			union shoal_wire_message m;
			sum += (uint64_t)shoal_message_decode(kind, body, &m);
		} else if (kind < SHOAL_REDACT_KIND) {
			sum = sum * 31 + shoal_hash_crc32c(0, body.at, body.left);
		}
		rc = SHOAL_OK;
	}
	return sum * 31 + (uint64_t)(int64_t)rc;
}

static void
seal(uint8_t *data, size_t len)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, data + len - SHOAL_PACKET_CRC, SHOAL_PACKET_CRC);
	shoal_writer_u32(&writer, shoal_hash_crc32c(0, data, len - SHOAL_PACKET_CRC));
}

static size_t
packet(uint8_t data[LEN_MAX], unsigned kind)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, LEN_MAX);
	shoal_packet_begin(&writer, no_label);
	shoal_writer_var(&writer, kind);
	shoal_writer_var(&writer, 6);
	shoal_writer_bytes(&writer, "secret", 6);
	shoal_writer_var(&writer, 63);
	shoal_writer_var(&writer, 4);
	shoal_writer_bytes(&writer, "kept", 4);
	shoal_packet_end(&writer);
	return writer.len;
}

static void
bodies_from_kind_64_on_become_zeros_and_the_checksum_holds(void **state)
{
	uint8_t data[LEN_MAX];

	(void)state;
	for (unsigned kind = 63; kind < 300; kind += kind < 66 ? 1 : 117) {
		size_t len = packet(data, kind);
		uint64_t before = verdict(data, len);

		shoal_redact_packet(data, len);
		assert_true(verdict(data, len) == before);
		assert_true((memmem(data, len, "secret", 6) == NULL) == (kind >= 64));
		assert_non_null(memmem(data, len, "kept", 4));
	}
}

static void
what_applications_say_in_messages_of_the_protocol_becomes_zeros_and_the_rest_stays(void **state)
{
	static const enum shoal_message_kind kinds[] = {SHOAL_MESSAGE_USER, SHOAL_MESSAGE_BATCH};
	struct shoal_entry entry = {.type = 200, .data = {(const uint8_t *)"secret", 6}};
	struct shoal_writer writer;
	uint8_t entries[64], data[LEN_MAX];

	(void)state;
	shoal_writer_init(&writer, entries, sizeof entries);
	shoal_entry_write(&writer, &entry);
	shoal_entry_write(&writer, &entry);
	struct shoal_msg_user user = {.id = {"\1"},
	        .salt = 2,
	        .instance = 3,
	        .number = 4,
	        .entries = {entries, writer.len}};
	struct shoal_msg_batch batch = {
	        .id = user.id, .salt = 2, .instance = 3, .seq = 9, .first = 4};
	const void *message[] = {&user, &batch};
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		batch.entries = user.entries;
		shoal_writer_init(&writer, data, LEN_MAX);
		shoal_packet_begin(&writer, no_label);
		assert_true(shoal_message_append(&writer, kinds[i], message[i]));
		shoal_packet_end(&writer);
		uint64_t before = verdict(data, writer.len);
		shoal_redact_packet(data, writer.len);
		assert_true(verdict(data, writer.len) == before);
		assert_null(memmem(data, writer.len, "secret", 6));
		assert_null(memmem(data, writer.len, "ecre", 4));
		/* Cut in the middle of the last one, it is malformed, and nothing is left. */
		user.entries.len -= 2;
		batch.entries = user.entries;
		shoal_writer_init(&writer, data, LEN_MAX);
		shoal_packet_begin(&writer, no_label);
		assert_true(shoal_message_append(&writer, kinds[i], message[i]));
		shoal_packet_end(&writer);
		before = verdict(data, writer.len);
		shoal_redact_packet(data, writer.len);
		assert_true(verdict(data, writer.len) == before);
		assert_null(memmem(data, writer.len, "ecre", 4));
		user.entries.len += 2;
	}
}

static void
what_applications_say_in_broadcasts_becomes_zeros_too(void **state)
{
	struct shoal_msg_cast cast = {.id = {"\1"},
	        .salt = 2,
	        .number = 3,
	        .type = 200,
	        .tag = {(const uint8_t *)"red", 3},
	        .body = {(const uint8_t *)"secret", 6}};
	struct shoal_writer writer;
	uint8_t data[LEN_MAX];

	(void)state;
	for (uint64_t number = 0; number < 2; number++) { /* 0: malformed */
		cast.number = number;
		shoal_writer_init(&writer, data, LEN_MAX);
		shoal_packet_begin(&writer, no_label);
		assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_CAST, &cast));
		shoal_packet_end(&writer);
		uint64_t before = verdict(data, writer.len);
		shoal_redact_packet(data, writer.len);
		assert_true(verdict(data, writer.len) == before);
		assert_null(memmem(data, writer.len, "secret", 6));
		assert_int_equal(memmem(data, writer.len, "red", 3) != NULL, number);
	}
}

static void
a_packet_that_is_damaged_stays_damaged_and_loses_everything(void **state)
{
	struct shoal_packet_header header;
	struct shoal_reader messages;
	uint8_t data[LEN_MAX];
	size_t len = packet(data, 128);

	(void)state;
	data[len - 1] ^= 1;
	shoal_redact_packet(data, len);
	assert_null(memmem(data, len, "secret", 6));
	assert_int_equal(
	        shoal_packet_open(data, len, no_label, &header, &messages), SHOAL_ERR_CHECKSUM);
	/* A message that is longer than the packet. */
	len = packet(data, 128);
	data[4] = 1, data[5] = 100;
	seal(data, len);
	uint64_t before = verdict(data, len);
	shoal_redact_packet(data, len);
	assert_null(memmem(data, len, "secret", 6));
	assert_true(verdict(data, len) == before);
}

static void
a_sealed_packet_stays_as_it_is(void **state)
{
	uint8_t data[LEN_MAX], before[LEN_MAX];
	size_t len = packet(data, 128);

	(void)state;
	memset(data + len, 0x5a, 40);
	data[1] = SHOAL_PACKET_SEALED;
	memcpy(before, data, sizeof before);
	shoal_redact_packet(data, len + 40);
	assert_memory_equal(data, before, sizeof before);
}

static void
whatever_the_bytes_are_the_verdict_stays(void **state)
{
	uint64_t seed = 1;
	uint8_t data[LEN_MAX];

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		size_t len = packet(data, 60 + (unsigned)(unit_random(&seed) % 10));

		for (uint64_t n = unit_random(&seed) % 4; n > 0; n--) {
			data[unit_random(&seed) % len] = (uint8_t)unit_random(&seed);
		}
		len = unit_random(&seed) % 8 == 0 ? unit_random(&seed) % len : len;
		if (len >= SHOAL_PACKET_CRC && unit_random(&seed) % 2 == 0) {
			seal(data, len);
		}
		uint64_t before = verdict(data, len);
		shoal_redact_packet(data, len);
		assert_true(verdict(data, len) == before);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(bodies_from_kind_64_on_become_zeros_and_the_checksum_holds),
	        cmocka_unit_test(
	                what_applications_say_in_messages_of_the_protocol_becomes_zeros_and_the_rest_stays),
	        cmocka_unit_test(what_applications_say_in_broadcasts_becomes_zeros_too),
	        cmocka_unit_test(a_packet_that_is_damaged_stays_damaged_and_loses_everything),
	        cmocka_unit_test(a_sealed_packet_stays_as_it_is),
	        cmocka_unit_test(whatever_the_bytes_are_the_verdict_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
