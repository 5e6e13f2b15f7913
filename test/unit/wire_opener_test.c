/* SPDX-License-Identifier: MIT */
/* Packets opened for people: with any key, in any order, as often as wanted, each the way it came;
 * what cannot be opened is left as it is. */
#include "wire_keyrings.h"

#include <shoal/packet.h>

#include <stdlib.h>

#include "heap_fault.h"
#include "wire/packet.h"

#define MOST 256

static const struct shoal_key both[2] = {{32, {4, 5, 6}}, {32, {1, 2, 3}}};

/* A packet of the instance `salt`, sealed with key_one. */
static size_t
sealed(struct shoal_keyring *ring, enum shoal_packet_kind kind, uint64_t request,
        uint8_t data[MOST])
{
	struct shoal_packet_frame frame = {kind, request};
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, MOST);
	shoal_packet_begin_sealed(&writer, (struct shoal_span){(const uint8_t *)"prod", 4});
	shoal_writer_bytes(&writer, TEXT, sizeof TEXT - 1);
	assert_int_equal(shoal_packet_seal(&writer, ring, &frame, 0x99), SHOAL_OK);
	return writer.len;
}

static struct shoal_packet_opener *
opener_with(const struct shoal_key *keys, size_t count)
{
	struct shoal_packet_opener *opener = NULL;

	assert_int_equal(
	        shoal_packet_opener_new(&opener, keys, count, unit_cipher(), NULL, NULL), SHOAL_OK);
	return opener;
}

static void
what_is_sealed_is_opened_any_number_of_times_and_left_as_it_was(void **state)
{
	struct shoal_keyring *ring = make(1, NULL, 0, 0);
	struct shoal_packet_opener *opener = opener_with(both, 2);
	struct shoal_packet_opened opened;
	struct shoal_packet_header header;
	struct shoal_reader messages;
	uint8_t data[3][MOST], copy[MOST];
	size_t len = 0;

	(void)state;
	(void)install(ring, key_one, sizeof key_one);
	for (size_t i = 0; i < 3; i++) {
		len = sealed(ring, SHOAL_PACKET_DATAGRAM, 0, data[i]);
	}
	for (size_t i = 0; i < 9; i++) {
		const uint8_t *one = data[i * 2 % 3];
		memcpy(copy, one, len);
		assert_int_equal(
		        shoal_packet_opener_open(opener, SHOAL_WAY_DATAGRAM, 0, one, len, &opened),
		        SHOAL_OK);
		assert_memory_equal(copy, one, len);
		assert_true(opened.sealed && !opened.compressed && opened.data != one);
		assert_int_equal(shoal_packet_open(opened.data, opened.len,
		                         (struct shoal_span){(const uint8_t *)"prod", 4}, &header,
		                         &messages),
		        SHOAL_OK);
		assert_int_equal(messages.left, sizeof TEXT - 1);
		assert_memory_equal(messages.at, TEXT, messages.left);
	}
	shoal_packet_opener_free(opener);
	shoal_keyring_free(ring);
}

static void
each_is_opened_only_the_way_it_came(void **state)
{
	struct shoal_keyring *ring = make(1, NULL, 0, 0);
	struct shoal_packet_opener *opener = opener_with(both, 2);
	struct shoal_packet_opened opened;
	uint8_t data[MOST];

	(void)state;
	(void)install(ring, key_one, sizeof key_one);
	for (unsigned came = SHOAL_WAY_DATAGRAM; came <= SHOAL_WAY_ANSWER; came++) {
		uint64_t request = came == SHOAL_WAY_ANSWER ? 77 : 0;
		size_t len = sealed(ring, (enum shoal_packet_kind)came, request, data);
		for (unsigned way = SHOAL_WAY_DATAGRAM; way <= SHOAL_WAY_ANSWER; way++) {
			for (uint64_t asked = 0; asked <= 77; asked += 77) {
				bool right = way == came && asked == request;
				int rc = shoal_packet_opener_open(opener,
				        (enum shoal_packet_way)way, asked, data, len, &opened);
				if (way != SHOAL_WAY_ANSWER && asked != 0) {
					continue; /* of an answer only */
				}
				assert_int_equal(rc, right ? SHOAL_OK : SHOAL_ERR_AUTH);
				assert_int_equal(opened.data != data, right);
				assert_true(opened.sealed && opened.counter != 0);
			}
		}
	}
	shoal_packet_opener_free(opener);
	shoal_keyring_free(ring);
}

static void
what_cannot_be_opened_says_why_and_what_is_clear_stays(void **state)
{
	struct shoal_keyring *ring = make(1, NULL, 0, 0);
	struct shoal_packet_opener *other = opener_with(&both[0], 1), *none = opener_with(NULL, 0);
	struct shoal_packet_opened opened;
	struct shoal_writer writer;
	uint8_t data[MOST];

	(void)state;
	(void)install(ring, key_one, sizeof key_one);
	size_t len = sealed(ring, SHOAL_PACKET_DATAGRAM, 0, data);
	assert_int_equal(shoal_packet_opener_open(other, SHOAL_WAY_DATAGRAM, 0, data, len, &opened),
	        SHOAL_ERR_KEY);
	assert_ptr_equal(opened.data, data);
	assert_int_equal(shoal_packet_opener_open(none, SHOAL_WAY_DATAGRAM, 0, data, len, &opened),
	        SHOAL_ERR_KEY);
	assert_int_equal(opened.len, len);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_not_equal(
		        shoal_packet_opener_open(other, SHOAL_WAY_DATAGRAM, 0, data, cut, &opened),
		        SHOAL_OK);
		assert_int_equal(opened.len, cut);
	}
	shoal_writer_init(&writer, data, sizeof data);
	shoal_packet_begin(&writer, (struct shoal_span){NULL, 0});
	shoal_packet_end(&writer);
	assert_int_equal(
	        shoal_packet_opener_open(none, SHOAL_WAY_DATAGRAM, 0, data, writer.len, &opened),
	        SHOAL_OK);
	assert_true(opened.data == data && opened.len == writer.len && !opened.sealed);
	data[1] = SHOAL_PACKET_COMPRESSED;
	assert_int_equal(
	        shoal_packet_opener_open(none, SHOAL_WAY_DATAGRAM, 0, data, writer.len, &opened),
	        SHOAL_ERR_UNSUPPORTED);
	assert_true(opened.compressed && opened.data == data);
	shoal_packet_opener_free(other);
	shoal_packet_opener_free(none);
	shoal_keyring_free(ring);
}

static void
wrong_keys_are_refused(void **state)
{
	struct shoal_packet_opener *opener = NULL;
	const struct shoal_key odd = {.len = 20};

	(void)state;
	assert_int_equal(
	        shoal_packet_opener_new(&opener, both, 2, NULL, NULL, NULL), SHOAL_ERR_UNSUPPORTED);
	assert_int_equal(shoal_packet_opener_new(&opener, &odd, 1, unit_cipher(), NULL, NULL),
	        SHOAL_ERR_INVALID);
	assert_null(opener);
	shoal_packet_opener_free(NULL);
}

static int
life(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_packet_opener *opener = NULL;
	struct shoal_packet_opened opened;
	uint8_t *data = arg;
	int rc = shoal_packet_opener_new(&opener, both, 2, unit_cipher(), NULL, mem);

	if (rc == SHOAL_OK) {
		rc = shoal_packet_opener_open(
		        opener, SHOAL_WAY_DATAGRAM, 0, data + 1, data[0], &opened);
		shoal_packet_opener_free(opener);
	}
	return rc;
}

static void
without_memory_nothing_is_opened(void **state)
{
	struct shoal_keyring *ring = make(1, NULL, 0, 0);
	uint8_t data[1 + MOST];

	(void)state;
	(void)install(ring, key_one, sizeof key_one);
	data[0] = (uint8_t)sealed(ring, SHOAL_PACKET_DATAGRAM, 0, data + 1);
	heap_fault_sweep(life, data);
	shoal_keyring_free(ring);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_sealed_is_opened_any_number_of_times_and_left_as_it_was),
	        cmocka_unit_test(each_is_opened_only_the_way_it_came),
	        cmocka_unit_test(what_cannot_be_opened_says_why_and_what_is_clear_stays),
	        cmocka_unit_test(wrong_keys_are_refused),
	        cmocka_unit_test(without_memory_nothing_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
