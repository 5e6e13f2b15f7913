/* SPDX-License-Identifier: MIT */
/* Header, label, checksum and seal: what opens, what each damage is called, and that no flipped
 * byte and no missing end ever passes. */
#include "unit.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/hash.h"
#include "unit_cipher.h"
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
	assert_int_equal(data[0], 0xc1);
	assert_int_equal(header.version, 1);
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
	data[0] = SHOAL_PACKET_FIRST | SHOAL_PACKET_VERSION;
	data[1] = 0;
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
	if (at == 0 || (at == 1 && value > 7)) {
		return SHOAL_ERR_VERSION;
	}
	if (at == 1 && (value & SHOAL_PACKET_SEALED) != 0) {
		return SHOAL_ERR_KEY;
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
	for (unsigned first = 0; first <= 255; first++) {
		uint8_t data[1] = {(uint8_t)first};
		unsigned version = first >> 4 == 0xc ? first & 15 : 0;
		assert_int_equal(open_exact(data, 1, "", &header),
		        version == 1 ? SHOAL_ERR_MALFORMED : SHOAL_ERR_VERSION);
		assert_int_equal(header.version, version);
	}
}

static void
a_flag_that_is_not_known_is_of_another_version_also_with_a_right_checksum(void **state)
{
	uint8_t data[PACKET_MOST];
	struct shoal_packet_header header;
	size_t len = make(data, "", "messages");

	(void)state;
	for (unsigned flags = 8; flags <= 255; flags++) {
		data[1] = (uint8_t)flags;
		mend(data, len);
		assert_int_equal(open_exact(data, len, "", &header), SHOAL_ERR_VERSION);
	}
	data[1] = SHOAL_PACKET_COMPRESSED;
	mend(data, len);
	assert_int_equal(open_exact(data, len, "", &header), SHOAL_ERR_UNSUPPORTED);
	data[1] = SHOAL_PACKET_CODED; /* in what is a letter now */
	mend(data, len);
	assert_int_equal(open_exact(data, len, "", &header), SHOAL_ERR_CODEC);
	assert_int_equal(header.codec, 'm');
}

static void
a_sealed_header_is_read_and_the_packet_refused(void **state)
{
	static const uint8_t sealed[] = {0xc1, SHOAL_PACKET_SEALED, 2, 'a', 'b', 7, 1, 2, 3, 4, 5,
	        6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24};
	uint8_t data[sizeof sealed];
	struct shoal_packet_header header;

	(void)state;
	memcpy(data, sealed, sizeof data);
	assert_int_equal(open_exact(data, sizeof data, "ab", &header), SHOAL_ERR_KEY);
	assert_int_equal(header.by.key_id, 7);
	assert_true(header.by.salt == UINT64_C(0x0102030405060708));
	assert_true(header.by.counter == UINT64_C(0x090a0b0c0d0e0f10));
	assert_true(header.addressee == UINT64_C(0x1112131415161718));
	for (size_t cut = 0; cut < sizeof data; cut++) {
		assert_int_equal(open_exact(data, cut, "ab", &header), SHOAL_ERR_MALFORMED);
	}
}

static struct shoal_keyring *
keyring(uint8_t salt)
{
	static const uint8_t key[32] = {7};
	struct shoal_keyring_config config = {.cipher = unit_cipher()};
	struct shoal_keyring *ring;

	memset(config.salt.bytes, salt, sizeof config.salt.bytes);
	assert_int_equal(shoal_keyring_new(&ring, &config), SHOAL_OK);
	assert_int_equal(shoal_keyring_install(ring, key, sizeof key, NULL), SHOAL_OK);
	return ring;
}

static const struct shoal_packet_frame *
as(bool stream)
{
	static const struct shoal_packet_frame frames[] = {
	        {SHOAL_PACKET_DATAGRAM, 0}, {SHOAL_PACKET_ANSWER, 5}};

	return &frames[stream ? 1 : 0];
}

/* A sealed packet for the instance 0x99. */
static size_t
make_sealed(uint8_t data[PACKET_MOST], struct shoal_keyring *ring, const char *label,
        const char *body, bool stream)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, PACKET_MOST);
	shoal_packet_begin_sealed(&writer, span(label));
	shoal_writer_bytes(&writer, body, strlen(body));
	assert_int_equal(shoal_packet_seal(&writer, ring, as(stream), 0x99), SHOAL_OK);
	assert_false(writer.failed);
	assert_int_equal(writer.len, shoal_packet_sealed_overhead(strlen(label)) + strlen(body));
	return writer.len;
}

/* As a receiver does it. *clear: in data, on success. */
static int
unseal(uint8_t *data, size_t len, struct shoal_keyring *ring, bool stream, uint8_t **clear,
        size_t *clear_len)
{
	struct shoal_packet_header header;
	struct shoal_reader reader;

	shoal_reader_init(&reader, data, len);
	int rc = shoal_packet_header(&reader, &header);
	if (rc == SHOAL_OK && (header.flags & SHOAL_PACKET_SEALED) == 0) {
		return SHOAL_ERR_CLEAR;
	}
	*clear = data + SHOAL_PACKET_SEAL;
	return rc == SHOAL_OK
	               ? shoal_packet_unseal(data, len, &header, as(stream), ring, true, clear_len)
	               : rc;
}

static void
what_is_sealed_is_unsealed_to_the_clear_packet(void **state)
{
	struct shoal_keyring *from = keyring(1), *to = keyring(2);
	uint8_t data[PACKET_MOST], expected[PACKET_MOST], *clear;
	size_t clear_len;

	(void)state;
	for (int stream = 0; stream < 2; stream++) {
		size_t len = make_sealed(data, from, "prod", "messages", stream != 0);
		assert_null(memmem(data, len, "messages", 8));
		assert_int_equal(unseal(data, len, to, stream != 0, &clear, &clear_len), SHOAL_OK);
		assert_int_equal(clear_len, make(expected, "prod", "messages"));
		assert_memory_equal(clear, expected, clear_len);
		assert_true(clear + clear_len <= data + len);

		len = make_sealed(data, from, "", "", stream != 0);
		assert_int_equal(unseal(data, len, to, stream != 0, &clear, &clear_len), SHOAL_OK);
		assert_int_equal(clear_len, make(expected, "", ""));
		assert_memory_equal(clear, expected, clear_len);
	}
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

static void
no_changed_bit_and_no_other_length_of_a_sealed_packet_ever_opens(void **state)
{
	struct shoal_keyring *from = keyring(1), *to = keyring(2);
	uint8_t data[PACKET_MOST] = {0}, copy[PACKET_MOST], *clear;
	size_t len = make_sealed(data, from, "prod", "messages", false), clear_len;

	(void)state;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		memcpy(copy, data, len);
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(unseal(copy, len, to, false, &clear, &clear_len), SHOAL_OK);
	}
	for (size_t cut = 0; cut < len + 10; cut++) {
		if (cut != len) {
			uint8_t *exact = fill_exact(data, cut);
			assert_int_not_equal(
			        unseal(exact, cut, to, false, &clear, &clear_len), SHOAL_OK);
			free(exact);
		}
	}
	memcpy(copy, data, len);
	assert_int_equal(unseal(copy, len, to, true, &clear, &clear_len), SHOAL_ERR_AUTH);
	memcpy(copy, data, len);
	assert_int_equal(unseal(copy, len, to, false, &clear, &clear_len), SHOAL_OK);
	memcpy(copy, data, len);
	assert_int_equal(unseal(copy, len, to, false, &clear, &clear_len), SHOAL_ERR_REPLAYED);
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

static void
a_packet_on_a_stream_opens_as_what_it_was_sealed_and_as_nothing_else(void **state)
{
	struct shoal_keyring *from = keyring(1), *to = keyring(2);
	uint8_t data[PACKET_MOST], copy[PACKET_MOST];
	struct shoal_packet_header header;
	struct shoal_reader reader;
	struct shoal_packet_frame frame;
	size_t len = make_sealed(data, from, "prod", "messages", true), clear_len;

	(void)state;
	shoal_reader_init(&reader, data, len);
	assert_int_equal(shoal_packet_header(&reader, &header), SHOAL_OK);
	for (int kind = SHOAL_PACKET_DATAGRAM; kind <= SHOAL_PACKET_ANSWER; kind++) {
		for (uint64_t request = 0; request < 10; request++) {
			if (kind != SHOAL_PACKET_ANSWER || request != 5) {
				memcpy(copy, data, len);
				frame.kind = (enum shoal_packet_kind)kind;
				frame.request = request;
				assert_int_equal(shoal_packet_unseal(copy, len, &header, &frame, to,
				                         true, &clear_len),
				        SHOAL_ERR_AUTH);
			}
		}
	}
	assert_int_equal(
	        shoal_packet_unseal(data, len, &header, as(true), to, true, &clear_len), SHOAL_OK);
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

/* Runs of one byte: {length, byte} each; a second half that is at most as long. */
static size_t
runs_bound(size_t len)
{
	return 2 * len;
}

static int
runs_compress(const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t n = 0;

	assert_true(cap >= runs_bound(len));
	for (size_t i = 0; i < len;) {
		size_t run = 1;
		while (i + run < len && run < 255 && data[i + run] == data[i]) {
			run++;
		}
		out[n++] = (uint8_t)run;
		out[n++] = data[i];
		i += run;
	}
	*out_len = n;
	return SHOAL_OK;
}

static int
runs_uncompress(const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t n = 0;

	for (size_t i = 0; i + 1 < len; i += 2) {
		if (data[i] > cap - n) {
			return SHOAL_ERR_TOO_BIG;
		}
		memset(out + n, data[i + 1], data[i]);
		n += data[i];
	}
	*out_len = n;
	return len % 2 == 0 ? SHOAL_OK : SHOAL_ERR_MALFORMED;
}

static const struct shoal_compressor_ops runs = {.abi = SHOAL_COMPRESSOR_ABI,
        .name = "runs",
        .bound = runs_bound,
        .compress = runs_compress,
        .uncompress = runs_uncompress};

#define LONG "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbb"

static void
only_what_gets_smaller_is_compressed_and_comes_back_whole(void **state)
{
	struct shoal_keyring *from = keyring(1), *to = keyring(2);
	uint8_t data[PACKET_MOST], room[2 * PACKET_MOST], out[PACKET_MOST], expected[PACKET_MOST];
	struct shoal_packet_header header;
	struct shoal_reader messages;
	struct shoal_writer writer;
	uint8_t *clear;
	size_t len, plain = make(expected, "prod", LONG);

	(void)state;
	shoal_writer_init(&writer, data, sizeof data);
	shoal_packet_begin(&writer, span("prod"));
	shoal_writer_bytes(&writer, "abcdef", 6);
	assert_false(shoal_packet_compress(&writer, &runs, room, sizeof room));
	assert_int_equal(writer.len, 3 + 4 + 6);
	assert_int_equal(data[1], 0);

	shoal_writer_init(&writer, data, sizeof data);
	shoal_packet_begin(&writer, span("prod"));
	shoal_writer_bytes(&writer, LONG, strlen(LONG));
	assert_true(shoal_packet_compress(&writer, &runs, room, sizeof room));
	shoal_packet_end(&writer);
	assert_int_equal(writer.len, 3 + 4 + 4 + 4);
	assert_int_equal(
	        shoal_packet_open(writer.data, writer.len, span("prod"), &header, &messages),
	        SHOAL_ERR_UNSUPPORTED);
	assert_int_equal(
	        shoal_packet_uncompress(writer.data, writer.len, &runs, out, sizeof out, &len),
	        SHOAL_OK);
	assert_int_equal(len, plain);
	assert_memory_equal(out, expected, len);
	for (size_t cap = 0; cap < plain; cap++) {
		assert_int_equal(
		        shoal_packet_uncompress(writer.data, writer.len, &runs, out, cap, &len),
		        SHOAL_ERR_TOO_BIG);
	}
	data[8] ^= 1;
	assert_int_equal(
	        shoal_packet_uncompress(writer.data, writer.len, &runs, out, sizeof out, &len),
	        SHOAL_ERR_CHECKSUM);
	assert_int_equal(shoal_packet_uncompress(data, 9, &runs, out, sizeof out, &len),
	        SHOAL_ERR_MALFORMED);

	/* Sealed, it is both, one after the other. */
	shoal_writer_init(&writer, data, sizeof data);
	shoal_packet_begin_sealed(&writer, span("prod"));
	shoal_writer_bytes(&writer, LONG, strlen(LONG));
	assert_true(shoal_packet_compress(&writer, &runs, room, sizeof room));
	assert_int_equal(shoal_packet_seal(&writer, from, as(true), 0), SHOAL_OK);
	assert_int_equal(writer.len, shoal_packet_sealed_overhead(4) + 4);
	assert_int_equal(unseal(data, writer.len, to, true, &clear, &len), SHOAL_OK);
	assert_int_equal(
	        shoal_packet_uncompress(clear, len, &runs, out, sizeof out, &len), SHOAL_OK);
	assert_int_equal(len, plain);
	assert_memory_equal(out, expected, len);
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

static void
nothing_is_compressed_to_less_than_an_eighth_but_what_is_short(void **state)
{
	static uint8_t data[200000], room[2 * sizeof data];
	struct shoal_writer writer;

	(void)state;
	for (size_t n = 65000; n < 66000; n += 1) {
		shoal_writer_init(&writer, data, sizeof data);
		shoal_packet_begin(&writer, span("prod"));
		memset(shoal_writer_room(&writer, n), 'a', n);
		size_t whole = n + shoal_packet_overhead(4);
		assert_true(shoal_packet_compress(&writer, &runs, room, sizeof room) ==
		            (whole <= 65536));
		assert_int_equal(data[1], whole <= 65536 ? SHOAL_PACKET_COMPRESSED : 0);
	}
	assert_int_equal(shoal_packet_expands(0), 65536);
	assert_int_equal(shoal_packet_expands(8192), 65536);
	assert_int_equal(shoal_packet_expands(8193), 8 * 8193);
	assert_int_equal(shoal_packet_expands(100000), 800000);
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
	        cmocka_unit_test(
	                a_flag_that_is_not_known_is_of_another_version_also_with_a_right_checksum),
	        cmocka_unit_test(a_sealed_header_is_read_and_the_packet_refused),
	        cmocka_unit_test(what_is_sealed_is_unsealed_to_the_clear_packet),
	        cmocka_unit_test(no_changed_bit_and_no_other_length_of_a_sealed_packet_ever_opens),
	        cmocka_unit_test(
	                a_packet_on_a_stream_opens_as_what_it_was_sealed_and_as_nothing_else),
	        cmocka_unit_test(only_what_gets_smaller_is_compressed_and_comes_back_whole),
	        cmocka_unit_test(nothing_is_compressed_to_less_than_an_eighth_but_what_is_short),
	        cmocka_unit_test(the_room_for_the_checksum_is_kept_until_the_end),
	        cmocka_unit_test(a_buffer_that_cannot_hold_an_empty_packet_is_a_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
