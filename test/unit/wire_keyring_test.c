/* SPDX-License-Identifier: MIT */
/* Keys, subkeys and counters: what opens, and what never does. */
#include "wire_keyrings.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "heap_fault.h"

static void
a_packet_opens_once_with_keys_of_every_length(void **state)
{
	static const size_t lens[] = {16, 24, 32};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lens); i++) {
		struct shoal_keyring *from = make(1, NULL, 0, 0), *to = make(2, NULL, 0, 0);
		uint64_t print = install(from, key_one, lens[i]);

		assert_true(install(to, key_one, lens[i]) == print);
		for (int stream = 0; stream < 2; stream++) {
			struct packet packet = seal(from, stream != 0);
			assert_int_equal(unit_cipher_seen.key_len, lens[i]);
			assert_false(shoal_keyring_knows(to, &packet.by));
			assert_int_equal(open_copy(to, &packet), SHOAL_OK);
			assert_true(shoal_keyring_knows(to, &packet.by));
			assert_int_equal(open_copy(to, &packet), SHOAL_ERR_REPLAYED);
		}
		shoal_keyring_free(from);
		shoal_keyring_free(to);
	}
	assert_int_equal(unit_cipher_seen.live, 0);
}

/* It is dialled at another address than the one that it speaks from. */
static void
an_answer_does_not_change_where_its_sender_is_heard_from(void **state)
{
	struct shoal_keyring *from = make(1, NULL, 0, 0), *to = make(2, NULL, 0, 0);

	(void)state;
	install(from, key_one, 16);
	install(to, key_one, 16);
	struct packet answer = seal(from, true), said = seal(from, true), next = seal(from, true);
	answer.by.from[15] = 1;
	answer.by.asked = next.by.asked = true;
	said.by.from[15] = 2;
	assert_int_equal(open_copy(to, &answer), SHOAL_OK);
	assert_true(shoal_keyring_knows(to, &answer.by)); /* nothing else is known of it */
	assert_int_equal(open_copy(to, &said), SHOAL_OK);
	assert_true(shoal_keyring_knows(to, &said.by));
	next.by.from[15] = 1;
	assert_int_equal(open_copy(to, &next), SHOAL_OK);
	assert_true(shoal_keyring_knows(to, &said.by));
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

static void
lengths_that_are_none_and_other_ciphers_are_refused(void **state)
{
	struct shoal_keyring *ring = make(1, NULL, 0, 0), *none = NULL;
	struct shoal_cipher_ops other = *unit_cipher();
	struct shoal_keyring_config config = {.cipher = &other};
	uint8_t key[64] = {0};

	(void)state;
	for (size_t len = 0; len <= sizeof key; len++) {
		bool good = len == 16 || len == 24 || len == 32;
		assert_int_equal(shoal_keyring_install(ring, key, len, NULL),
		        good ? SHOAL_OK : SHOAL_ERR_INVALID);
	}
	shoal_keyring_free(ring);
	other.overhead = 12;
	assert_int_equal(shoal_keyring_new(&none, &config), SHOAL_ERR_INVALID);
	other.overhead = 16;
	other.nonce_len = 24;
	assert_int_equal(shoal_keyring_new(&none, &config), SHOAL_ERR_INVALID);
	other.nonce_len = 12;
	other.abi = 0;
	assert_int_equal(shoal_keyring_new(&none, &config), SHOAL_ERR_INVALID);
	config.cipher = NULL;
	assert_int_equal(shoal_keyring_new(&none, &config), SHOAL_ERR_INVALID);
	shoal_keyring_free(NULL);
}

static void
no_changed_bit_opens(void **state)
{
	struct shoal_keyring *from = with_key(1), *to = with_key(2);
	struct packet packet = seal(from, false);

	(void)state;
	for (size_t bit = 0; bit < 8 * sizeof packet.data; bit++) {
		struct packet bad = packet;
		bad.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(open_copy(to, &bad), SHOAL_ERR_AUTH);
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		struct packet bad = packet;
		bad.by.salt ^= UINT64_C(1) << bit;
		assert_int_equal(open_copy(to, &bad), SHOAL_ERR_AUTH);
		bad = packet;
		bad.by.counter ^= UINT64_C(1) << bit;
		assert_int_equal(open_copy(to, &bad), SHOAL_ERR_AUTH);
	}
	struct packet bad = packet;
	bad.by.stream = true;
	assert_int_equal(open_copy(to, &bad), SHOAL_ERR_AUTH);
	bad = packet;
	bad.by.key_id ^= 1;
	assert_int_equal(open_copy(to, &bad), SHOAL_ERR_KEY);
	for (size_t len = 0; len < sizeof packet.data; len++) {
		bad = packet;
		assert_int_equal(shoal_keyring_open(to, &bad.by, true, (const uint8_t *)AD,
		                         sizeof AD, bad.data, len),
		        SHOAL_ERR_AUTH);
	}
	bad = packet;
	assert_int_equal(shoal_keyring_open(to, &bad.by, true, (const uint8_t *)"Header", sizeof AD,
	                         bad.data, sizeof bad.data),
	        SHOAL_ERR_AUTH);
	/* None of it left a trace. */
	assert_false(shoal_keyring_knows(to, &packet.by));
	assert_int_equal(open_copy(to, &packet), SHOAL_OK);
	shoal_keyring_free(from);
	shoal_keyring_free(to);
}

static void
another_key_and_no_key_open_nothing(void **state)
{
	struct shoal_keyring *from = with_key(1), *other = make(2, NULL, 0, 0);
	struct packet packet = seal(from, false);

	(void)state;
	assert_int_equal(open_copy(other, &packet), SHOAL_ERR_KEY);
	uint64_t print = install(other, key_two, 32);
	assert_int_equal(open_copy(other, &packet), SHOAL_ERR_KEY);
	/* Even where its id is the same by chance. */
	packet.by.key_id = (uint8_t)(print >> 56);
	assert_int_equal(open_copy(other, &packet), SHOAL_ERR_AUTH);
	shoal_keyring_free(from);
	shoal_keyring_free(other);
}

static void
keys_are_changed_one_after_the_other_while_packets_flow(void **state)
{
	struct shoal_keyring *a = with_key(1), *b = with_key(2);
	struct shoal_key_info info;

	(void)state;
	struct packet before = seal(a, false), late = seal(a, false);
	assert_int_equal(open_copy(b, &before), SHOAL_OK);
	assert_true(shoal_keyring_key(b, 0, &info) && info.in_use && info.len == 32);
	uint64_t one = info.print, two = install(a, key_two, 32);
	assert_true(one != two);
	assert_true(install(b, key_two, 32) == two);
	assert_true(install(b, key_two, 32) == two);
	assert_true(shoal_keyring_key(b, 1, &info) && !info.in_use && info.print == two);
	assert_false(shoal_keyring_key(b, 2, &info));
	assert_int_equal(shoal_keyring_use(a, two), SHOAL_OK);
	struct packet after = seal(a, false);
	assert_true(after.by.key_id != before.by.key_id);
	assert_int_equal(open_copy(b, &after), SHOAL_OK);
	assert_int_equal(open_copy(b, &late), SHOAL_OK);
	assert_int_equal(open_copy(b, &before), SHOAL_ERR_REPLAYED);
	/* What was seen is not forgotten with the key. */
	assert_int_equal(shoal_keyring_remove(b, one), SHOAL_ERR_STATE);
	assert_int_equal(shoal_keyring_use(b, two), SHOAL_OK);
	assert_int_equal(shoal_keyring_remove(b, one), SHOAL_OK);
	assert_int_equal(shoal_keyring_remove(b, one), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_keyring_use(b, one), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(open_copy(b, &before), SHOAL_ERR_KEY);
	assert_int_equal(open_copy(b, &after), SHOAL_ERR_REPLAYED);
	assert_true(install(b, key_one, 32) == one);
	assert_int_equal(open_copy(b, &late), SHOAL_ERR_REPLAYED);
	shoal_keyring_free(a);
	shoal_keyring_free(b);
	assert_int_equal(unit_cipher_seen.live, 0);
}

static void
no_more_than_eight_keys_are_held_and_ids_differ(void **state)
{
	struct shoal_keyring *ring = make(1, NULL, 0, 0);
	bool id[256] = {false};
	size_t held = 0, refused = 0;
	struct shoal_key_info info;

	(void)state;
	for (unsigned n = 0; n < 400; n++) {
		uint8_t key[16] = {(uint8_t)n, (uint8_t)(n >> 8)};
		uint64_t print = 0;
		int rc = shoal_keyring_install(ring, key, sizeof key, &print);
		bool taken = id[print >> 56];

		assert_int_equal(rc, taken                    ? SHOAL_ERR_STATE
		                     : held == SHOAL_KEYS_MAX ? SHOAL_ERR_LIMIT
		                                              : SHOAL_OK);
		if (rc == SHOAL_OK) {
			id[print >> 56] = true;
			held++;
		}
		refused += taken ? 1 : 0;
	}
	assert_int_equal(held, SHOAL_KEYS_MAX);
	assert_true(refused > 0);
	assert_true(shoal_keyring_key(ring, SHOAL_KEYS_MAX - 1, &info));
	assert_false(shoal_keyring_key(ring, SHOAL_KEYS_MAX, &info));
	shoal_keyring_free(ring);
}

/* 4 senders are kept and 8 more remembered: of 20 that came, the first 8 are forgotten. */
static void
who_was_evicted_is_refused_at_or_below_its_highest_counter(void **state)
{
	enum {
		MANY = 20
	};
	struct shoal_keyring *from[MANY], *to = make(200, NULL, 4, 8);
	struct packet low[MANY], high[MANY], next;

	(void)state;
	install(to, key_one, 32);
	for (uint8_t i = 0; i < MANY; i++) {
		from[i] = with_key((uint8_t)(i + 1));
		low[i] = seal(from[i], false);
		high[i] = seal(from[i], false);
		assert_int_equal(open_copy(to, &high[i]), SHOAL_OK);
	}
	for (uint8_t i = MANY - 4; i < MANY; i++) {
		assert_true(shoal_keyring_knows(to, &low[i].by));
		assert_int_equal(open_copy(to, &low[i]), SHOAL_OK);
	}
	for (uint8_t i = MANY - 12; i < MANY - 4; i++) {
		assert_false(shoal_keyring_knows(to, &low[i].by));
		assert_int_equal(open_copy(to, &low[i]), SHOAL_ERR_REPLAYED);
		assert_int_equal(open_copy(to, &high[i]), SHOAL_ERR_REPLAYED);
	}
	/* The oldest that is remembered comes back, with every place taken. */
	next = seal(from[MANY - 12], false);
	assert_int_equal(open_copy(to, &next), SHOAL_OK);
	assert_int_equal(open_copy(to, &next), SHOAL_ERR_REPLAYED);
	assert_int_equal(open_copy(to, &low[MANY - 12]), SHOAL_ERR_REPLAYED);
	assert_int_equal(open_copy(to, &high[MANY - 12]), SHOAL_ERR_REPLAYED);
	for (uint8_t i = 0; i < MANY; i++) {
		shoal_keyring_free(from[i]);
	}
	shoal_keyring_free(to);
	assert_int_equal(unit_cipher_seen.live, 0);
}

static void
contexts_are_few_and_a_packet_of_a_known_sender_makes_none(void **state)
{
	enum {
		MANY = 2 * SHOAL_KEYRING_WARM
	};
	struct shoal_keyring *from[MANY], *to = make(250, NULL, 0, 0);
	struct packet packet;

	(void)state;
	install(to, key_one, 32);
	for (uint8_t i = 0; i < MANY; i++) {
		from[i] = with_key((uint8_t)(i + 1));
		packet = seal(from[i], false);
		assert_int_equal(open_copy(to, &packet), SHOAL_OK);
	}
	assert_int_equal(
	        unit_cipher_seen.live, 2 * MANY + 2 + SHOAL_KEYRING_WARM); /* own, and kept */
	size_t made = unit_cipher_seen.made;
	for (int round = 0; round < 3; round++) {
		for (uint8_t i = MANY - SHOAL_KEYRING_WARM; i < MANY; i++) {
			packet = seal(from[i], false);
			assert_int_equal(open_copy(to, &packet), SHOAL_OK);
		}
	}
	assert_int_equal(unit_cipher_seen.made, made);
	packet = seal(from[0], false); /* its subkey is kept, its context is made again */
	assert_int_equal(open_copy(to, &packet), SHOAL_OK);
	assert_int_equal(unit_cipher_seen.made, made + 1);
	assert_int_equal(unit_cipher_seen.live, 2 * MANY + 2 + SHOAL_KEYRING_WARM);
	for (uint8_t i = 0; i < MANY; i++) {
		shoal_keyring_free(from[i]);
	}
	shoal_keyring_free(to);
}

/* What a nonce is used with, as one instance begins. */
struct start {
	uint64_t subkey; /* the salt that it comes from */
	uint64_t first;
};

static int
compare(const void *left, const void *right)
{
	const struct start *a = left, *b = right;

	if (a->subkey != b->subkey) {
		return a->subkey < b->subkey ? -1 : 1;
	}
	return a->first < b->first ? -1 : a->first > b->first ? 1 : 0;
}

/* Neither the clock nor the seed comes into it: salts are drawn as the host draws them, and a
 * restart is nothing but another salt. */
static void
no_nonce_comes_twice_in_a_million_starts(void **state)
{
	enum {
		MANY = 1000000
	};
	struct start *start = calloc(MANY, sizeof *start);
	struct shoal_salt salt;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		assert_int_equal(getrandom(&salt, sizeof salt, 0), sizeof salt);
		memcpy(&start[i].subkey, salt.bytes, sizeof start[i].subkey);
		start[i].first = shoal_keyring_first(&salt);
		assert_true(start[i].first > 0 && start[i].first <= UINT64_C(1) << 62);
	}
	qsort(start, MANY, sizeof *start, compare);
	for (size_t i = 1; i < MANY; i++) {
		/* A packet each microsecond for 30 years. */
		assert_true(start[i].subkey != start[i - 1].subkey ||
		            start[i].first - start[i - 1].first > UINT64_C(1) << 50);
	}
	free(start);
}

static void
every_packet_has_a_nonce_of_its_own_and_each_way_its_subkey(void **state)
{
	struct shoal_keyring *ring = with_key(7);
	uint8_t subkey[2][32];
	uint64_t last[2] = {0};

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct packet packet = seal(ring, i % 2 != 0);
		uint64_t counter = 0;
		for (size_t byte = 4; byte < 12; byte++) {
			counter = counter << 8 | unit_cipher_seen.nonce[byte];
		}
		assert_true(counter == packet.by.counter && (i < 2 || counter == last[i % 2] + 1));
		last[i % 2] = counter;
		memcpy(subkey[i % 2], unit_cipher_seen.key, 32);
	}
	assert_memory_not_equal(subkey[0], subkey[1], 32);
	assert_memory_not_equal(subkey[0], key_one, 32);
	shoal_keyring_free(ring);
}

static void
seal_again(void *arg)
{
	struct shoal_keyring *ring = with_key(1);
	struct packet packet = seal(ring, false);

	(void)arg;
	(void)shoal_keyring_next(ring, false);
	int rc = shoal_keyring_seal(
	        ring, &packet.by, (const uint8_t *)AD, sizeof AD, packet.data, sizeof TEXT - 1);
	(void)rc;
}

static void
sealing_under_an_old_counter_is_a_bug(void **state)
{
	(void)state;
	assert_true(unit_panics(seal_again, NULL));
}

static int
scenario(const struct shoal_allocator *mem, void *arg)
{
	struct packet *packet = arg;
	struct shoal_keyring *to = make(100, mem, 2, 2);
	int rc = to != NULL ? shoal_keyring_install(to, key_one, 32, NULL) : SHOAL_ERR_NOMEM;

	for (size_t i = 0; i < 6 && rc == SHOAL_OK; i++) {
		rc = open_copy(to, &packet[i]);
		/* Opened and refused for want of memory: it may come again. */
		assert_int_equal(open_copy(to, &packet[i]) == SHOAL_ERR_REPLAYED, rc == SHOAL_OK);
	}
	shoal_keyring_free(to);
	return rc;
}

static void
without_memory_nothing_opens_and_nothing_leaks(void **state)
{
	struct shoal_keyring *from[5];
	struct packet packet[6];

	(void)state;
	for (uint8_t i = 0; i < 5; i++) {
		from[i] = with_key((uint8_t)(i + 1));
		packet[i] = seal(from[i], false);
	}
	packet[5] = seal(from[2], false);
	size_t live = unit_cipher_seen.live;
	assert_true(heap_fault_sweep(scenario, packet) > 5);
	assert_int_equal(unit_cipher_seen.live, live);
	for (uint8_t i = 0; i < 5; i++) {
		shoal_keyring_free(from[i]);
	}
}

static void
memory_is_bounded_and_told(void **state)
{
	struct shoal_keyring *from, *to = make(255, NULL, 8, 8);
	size_t most = 0;

	(void)state;
	install(to, key_one, 32);
	size_t empty = shoal_keyring_memory(to);
	for (uint8_t i = 1; i < 200; i++) {
		from = with_key(i);
		struct packet packet = seal(from, false);
		assert_int_equal(open_copy(to, &packet), SHOAL_OK);
		shoal_keyring_free(from);
		if (i == 100) {
			most = shoal_keyring_memory(to);
		}
	}
	assert_true(most > empty);
	assert_int_equal(shoal_keyring_memory(to), most);
	shoal_keyring_free(to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_packet_opens_once_with_keys_of_every_length),
	        cmocka_unit_test(lengths_that_are_none_and_other_ciphers_are_refused),
	        cmocka_unit_test(no_changed_bit_opens),
	        cmocka_unit_test(another_key_and_no_key_open_nothing),
	        cmocka_unit_test(keys_are_changed_one_after_the_other_while_packets_flow),
	        cmocka_unit_test(no_more_than_eight_keys_are_held_and_ids_differ),
	        cmocka_unit_test(who_was_evicted_is_refused_at_or_below_its_highest_counter),
	        cmocka_unit_test(contexts_are_few_and_a_packet_of_a_known_sender_makes_none),
	        cmocka_unit_test(no_nonce_comes_twice_in_a_million_starts),
	        cmocka_unit_test(every_packet_has_a_nonce_of_its_own_and_each_way_its_subkey),
	        cmocka_unit_test(sealing_under_an_old_counter_is_a_bug),
	        cmocka_unit_test(without_memory_nothing_opens_and_nothing_leaks),
	        cmocka_unit_test(memory_is_bounded_and_told),
	        cmocka_unit_test(an_answer_does_not_change_where_its_sender_is_heard_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
