/* SPDX-License-Identifier: MIT */
/* Replay windows: what has opened opens no more, and what is not kept leaves nothing. */
#include "wire_keyrings.h"

#include <stdlib.h>

#include "wire/window.h"

static void
packets_out_of_order_open_once_within_the_window(void **state)
{
	enum {
		MANY = 3 * SHOAL_REPLAY_WINDOW
	};
	struct packet *packet = calloc(MANY, sizeof *packet);
	struct shoal_keyring *from = with_key(1), *to = with_key(2);
	uint64_t seed = 1, top = 0;
	uint8_t seen[MANY] = {0};

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		packet[i] = seal(from, false);
	}
	for (size_t n = 0; n < (size_t)8 * MANY; n++) {
		size_t low = top > 1500 ? top - 1500 : 0;
		size_t i = low + unit_random(&seed) % (n / 8 + 1 - low);
		bool old = top >= i + SHOAL_REPLAY_WINDOW;

		assert_int_equal(open_copy(to, &packet[i]),
		        old || seen[i] != 0 ? SHOAL_ERR_REPLAYED : SHOAL_OK);
		if (!old) {
			seen[i] = 1;
		}
		top = i > top ? i : top;
	}
	free(packet);
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

static void
the_window_ends_where_it_should(void **state)
{
	struct shoal_keyring *from = with_key(1), *to = with_key(2);
	struct packet first = seal(from, false), second = seal(from, false), last;

	(void)state;
	do {
		last = seal(from, false);
	} while (last.by.counter < first.by.counter + SHOAL_REPLAY_WINDOW);
	assert_int_equal(open_copy(to, &last), SHOAL_OK);
	assert_int_equal(open_copy(to, &first), SHOAL_ERR_REPLAYED);
	assert_int_equal(open_copy(to, &second), SHOAL_OK);
	assert_int_equal(open_copy(to, &second), SHOAL_ERR_REPLAYED);
	/* A jump over more than the window clears it. */
	for (int i = 0; i < 3 * SHOAL_REPLAY_WINDOW; i++) {
		(void)shoal_keyring_next(from, false);
	}
	last = seal(from, false);
	assert_int_equal(open_copy(to, &last), SHOAL_OK);
	assert_int_equal(open_copy(to, &last), SHOAL_ERR_REPLAYED);
	assert_int_equal(open_copy(to, &second), SHOAL_ERR_REPLAYED);
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

/* A long message is under way while its sender says much to others. */
static void
the_window_of_streams_is_as_long_as_eight_of_datagrams(void **state)
{
	struct shoal_keyring *from = with_key(1), *to = with_key(2);
	struct packet past = seal(from, true), slow = seal(from, true), last;

	(void)state;
	do {
		last = seal(from, true);
	} while (last.by.counter < past.by.counter + SHOAL_REPLAY_STREAMS);
	assert_true(SHOAL_REPLAY_STREAMS >= 8 * SHOAL_REPLAY_WINDOW);
	assert_int_equal(open_copy(to, &last), SHOAL_OK);
	assert_int_equal(open_copy(to, &past), SHOAL_ERR_REPLAYED);
	assert_int_equal(open_copy(to, &slow), SHOAL_OK);
	assert_int_equal(open_copy(to, &slow), SHOAL_ERR_REPLAYED);
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

static void
a_sender_is_known_where_its_last_packet_came_from(void **state)
{
	struct shoal_keyring *from = with_key(1), *to = with_key(2);

	(void)state;
	for (uint8_t place = 1; place <= 3; place++) {
		struct packet packet = seal(from, place % 2 == 0);
		struct shoal_sealed_by elsewhere = packet.by;
		packet.by.from[15] = place;
		assert_int_equal(open_copy(to, &packet), SHOAL_OK);
		assert_true(shoal_keyring_knows(to, &packet.by));
		assert_false(shoal_keyring_knows(to, &elsewhere));
		/* What comes again, or does not open, is of no weight. */
		packet.by.from[15] = 9;
		assert_int_equal(open_copy(to, &packet), SHOAL_ERR_REPLAYED);
		packet.by.counter++;
		assert_int_equal(open_copy(to, &packet), SHOAL_ERR_AUTH);
		assert_false(shoal_keyring_knows(to, &packet.by));
	}
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

/* Of datagrams, and as many of streams. */
static void
as_many_senders_are_kept_as_are_expected(void **state)
{
	struct shoal_keyring *from[4], *to = make(200, NULL, 2, 2);
	struct packet packet[4];

	(void)state;
	install(to, key_one, 32);
	shoal_keyring_expect(to, 4);
	shoal_keyring_expect(to, 1);
	for (int stream = 0; stream < 2; stream++) {
		for (uint8_t i = 0; i < 4; i++) {
			from[i] = with_key((uint8_t)(i + 1));
			packet[i] = seal(from[i], stream != 0);
			assert_int_equal(open_copy(to, &packet[i]), SHOAL_OK);
		}
		for (uint8_t i = 0; i < 4; i++) {
			assert_true(shoal_keyring_knows(to, &packet[i].by));
			shoal_keyring_free(from[i]);
		}
	}
	packet[0].by.stream = false;
	assert_true(shoal_keyring_knows(to, &packet[0].by));
	shoal_keyring_free(to);
}

static void
streams_and_datagrams_have_windows_of_their_own(void **state)
{
	struct shoal_keyring *from = with_key(1), *to = with_key(2);
	struct packet slow = seal(from, true), packet;

	(void)state;
	for (int i = 0; i < 2 * SHOAL_REPLAY_WINDOW; i++) {
		packet = seal(from, false);
		assert_int_equal(open_copy(to, &packet), SHOAL_OK);
	}
	assert_int_equal(open_copy(to, &slow), SHOAL_OK);
	assert_int_equal(open_copy(to, &slow), SHOAL_ERR_REPLAYED);
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

static void
many_datagrams_push_no_message_on_a_stream_out_of_its_window(void **state)
{
	struct shoal_keyring *from = with_key(1), *to = with_key(2);
	struct packet early = seal(from, true), late, datagram;

	(void)state;
	late = seal(from, true);
	for (int i = 0; i < 3 * SHOAL_REPLAY_WINDOW; i++) {
		datagram = seal(from, false);
	}
	struct packet last = seal(from, true);
	assert_int_equal(open_copy(to, &datagram), SHOAL_OK);
	assert_int_equal(open_copy(to, &last), SHOAL_OK);
	assert_int_equal(open_copy(to, &late), SHOAL_OK);
	assert_int_equal(open_copy(to, &early), SHOAL_OK);
	assert_int_equal(open_copy(to, &early), SHOAL_ERR_REPLAYED);
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

/* One sender is all that there is room for. */
static void
what_is_not_kept_is_verified_and_leaves_nothing(void **state)
{
	struct shoal_keyring *from = with_key(1), *other = with_key(3), *to = make(2, NULL, 1, 1);
	struct packet first, second, foreign, copy;

	(void)state;
	install(to, key_one, 32);
	first = seal(from, false);
	second = seal(from, false);
	foreign = seal(other, false);
	assert_int_equal(open_copy(to, &second), SHOAL_OK);
	size_t held = shoal_keyring_memory(to);
	for (int i = 0; i < 3; i++) {
		copy = foreign;
		assert_int_equal(shoal_keyring_open(to, &copy.by, false, (const uint8_t *)AD,
		                         sizeof AD, copy.data, sizeof copy.data),
		        SHOAL_OK);
		assert_memory_equal(copy.data, TEXT, sizeof TEXT - 1);
		copy = first;
		assert_int_equal(shoal_keyring_open(to, &copy.by, false, (const uint8_t *)AD,
		                         sizeof AD, copy.data, sizeof copy.data),
		        SHOAL_OK);
		copy = foreign;
		copy.data[0] ^= 1;
		assert_int_equal(shoal_keyring_open(to, &copy.by, false, (const uint8_t *)AD,
		                         sizeof AD, copy.data, sizeof copy.data),
		        SHOAL_ERR_AUTH);
	}
	/* Also of what was opened before: who asks again can be answered. */
	copy = second;
	assert_int_equal(shoal_keyring_open(to, &copy.by, false, (const uint8_t *)AD, sizeof AD,
	                         copy.data, sizeof copy.data),
	        SHOAL_OK);
	assert_memory_equal(copy.data, TEXT, sizeof TEXT - 1);
	assert_int_equal(open_copy(to, &second), SHOAL_ERR_REPLAYED);
	assert_false(shoal_keyring_knows(to, &foreign.by));
	assert_true(shoal_keyring_knows(to, &first.by));
	assert_int_equal(shoal_keyring_memory(to), held);
	assert_int_equal(open_copy(to, &first), SHOAL_OK);
	shoal_keyring_free(from);
	shoal_keyring_free(other);
	shoal_keyring_free(to);
	assert_int_equal(unit_cipher_seen.live, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(packets_out_of_order_open_once_within_the_window),
	        cmocka_unit_test(the_window_ends_where_it_should),
	        cmocka_unit_test(the_window_of_streams_is_as_long_as_eight_of_datagrams),
	        cmocka_unit_test(a_sender_is_known_where_its_last_packet_came_from),
	        cmocka_unit_test(as_many_senders_are_kept_as_are_expected),
	        cmocka_unit_test(streams_and_datagrams_have_windows_of_their_own),
	        cmocka_unit_test(many_datagrams_push_no_message_on_a_stream_out_of_its_window),
	        cmocka_unit_test(what_is_not_kept_is_verified_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
