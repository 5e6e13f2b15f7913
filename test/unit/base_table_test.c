/* SPDX-License-Identifier: MIT */
/* The hash table against a plain array of flags, with honest hashes and with the worst ones;
 * limits; every allocation failing. */
#include "unit.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/table.h"
#include "heap_fault.h"
#include <shoal/error.h>

#define KEYS 3000

static const uint64_t secret[2] = {11, 22};

/* Value n has key n. owner counts the questions. */
static bool
number_equal(const void *owner, uint32_t value, const void *key)
{
	uint32_t wanted;

	if (owner != NULL) {
		(**(size_t *const *)owner)++;
	}
	memcpy(&wanted, key, sizeof(wanted));
	return value == wanted;
}

/* How a test makes a hash of a number. */
typedef uint64_t (*hash_fn)(const struct shoal_table *table, uint32_t number);

static uint64_t
honest(const struct shoal_table *table, uint32_t number)
{
	return shoal_table_hash(table, &number, sizeof(number));
}

static uint64_t
constant(const struct shoal_table *table, uint32_t number)
{
	(void)table;
	(void)number;
	return UINT64_MAX;
}

/* 16 homes in the last part of the table: long runs that wrap around. */
static uint64_t
crowded(const struct shoal_table *table, uint32_t number)
{
	(void)table;
	return UINT32_MAX - number % 16 * (UINT32_MAX / 512);
}

static void
compare_with_model(hash_fn hash, uint32_t keys, unsigned rounds)
{
	static bool model[KEYS];
	struct shoal_table table;
	struct heap_fault fault;
	uint64_t seed = 17;
	size_t count = 0;
	uint32_t n;

	memset(model, 0, sizeof(model));
	heap_fault_init(&fault);
	shoal_table_init(&table, &fault.mem, secret, keys, number_equal, NULL);
	for (; rounds > 0; rounds--) {
		bool fill = rounds / 5000 % 2 == 0;

		n = (uint32_t)(unit_random(&seed) % keys);
		assert_true(shoal_table_find(&table, hash(&table, n), &n) ==
		            (model[n] ? n : SHOAL_TABLE_NONE));
		if (model[n] && (!fill || unit_random(&seed) % 4 == 0)) {
			assert_true(shoal_table_remove(&table, hash(&table, n), n));
			assert_false(shoal_table_remove(&table, hash(&table, n), n));
			model[n] = false;
			count--;
		} else if (!model[n] && (fill || unit_random(&seed) % 4 == 0)) {
			assert_false(shoal_table_remove(&table, hash(&table, n), n));
			assert_int_equal(shoal_table_put(&table, hash(&table, n), n), 0);
			model[n] = true;
			count++;
		}
		assert_int_equal(table.count, count);
	}
	for (n = 0; n < keys; n++) {
		assert_true(shoal_table_find(&table, hash(&table, n), &n) ==
		            (model[n] ? n : SHOAL_TABLE_NONE));
	}
	shoal_table_done(&table);
	assert_int_equal(fault.live, 0);
}

static void
a_hundred_thousand_changes_leave_what_a_plain_array_holds(void **state)
{
	(void)state;
	compare_with_model(honest, KEYS, 100000);
}

static void
it_stays_right_when_all_hashes_are_the_same(void **state)
{
	(void)state;
	compare_with_model(constant, 60, 20000);
}

static void
it_stays_right_when_runs_wrap_around_the_end(void **state)
{
	(void)state;
	compare_with_model(crowded, 200, 20000);
}

static void
it_holds_as_many_as_its_limit_and_no_more(void **state)
{
	static const size_t limits[] = {0, 1, 7, 8, 14, 15, 100};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(limits); i++) {
		struct shoal_table table;
		uint32_t n;

		shoal_table_init(
		        &table, &shoal_allocator_libc, secret, limits[i], number_equal, NULL);
		for (n = 0; n < limits[i]; n++) {
			assert_int_equal(shoal_table_put(&table, honest(&table, n), n), 0);
		}
		assert_int_equal(shoal_table_put(&table, honest(&table, n), n), SHOAL_ERR_LIMIT);
		assert_int_equal(table.count, limits[i]);
		assert_true(shoal_table_find(&table, honest(&table, n), &n) == SHOAL_TABLE_NONE);
		if (limits[i] > 0) {
			n = 0;
			assert_true(shoal_table_remove(&table, honest(&table, n), n));
			assert_int_equal(shoal_table_put(&table, honest(&table, n), n), 0);
		}
		shoal_table_done(&table);
	}
}

static void
an_empty_table_holds_nothing_and_no_memory(void **state)
{
	struct shoal_table table;
	struct heap_fault fault;
	uint32_t n = 3;

	(void)state;
	heap_fault_init(&fault);
	shoal_table_init(&table, &fault.mem, secret, 10, number_equal, NULL);
	assert_true(shoal_table_find(&table, honest(&table, n), &n) == SHOAL_TABLE_NONE);
	assert_false(shoal_table_remove(&table, honest(&table, n), n));
	assert_int_equal(shoal_table_memory(&table), 0);
	assert_int_equal(fault.calls, 0);
	shoal_table_done(&table);
	assert_int_equal(shoal_table_put(&table, honest(&table, n), n), 0);
	assert_int_equal(shoal_table_memory(&table), fault.bytes);
	shoal_table_done(&table);
	assert_int_equal(fault.live, 0);
}

static void
it_is_from_seven_twelfths_to_seven_eighths_full_and_costs_eight_bytes_a_bucket(void **state)
{
	struct shoal_table table;
	uint32_t n;

	(void)state;
	shoal_table_init(&table, &shoal_allocator_libc, secret, KEYS, number_equal, NULL);
	for (n = 0; n < KEYS; n++) {
		assert_int_equal(shoal_table_put(&table, honest(&table, n), n), 0);
		assert_true(table.count * 8 <= table.capacity * 7);
		assert_true(table.capacity < 40 || table.count * 100 > table.capacity * 57);
		assert_int_equal(shoal_table_memory(&table), table.capacity * 8);
	}
	shoal_table_done(&table);
}

static void
a_search_asks_the_owner_about_once(void **state)
{
	struct shoal_table table;
	size_t questions = 0, *counter = &questions;
	uint32_t n;

	(void)state;
	shoal_table_init(&table, &shoal_allocator_libc, secret, KEYS, number_equal, &counter);
	for (n = 0; n < KEYS; n++) {
		assert_int_equal(shoal_table_put(&table, honest(&table, n), n), 0);
	}
	assert_int_equal(questions, 0);
	for (n = 0; n < 2 * KEYS; n++) {
		shoal_table_find(&table, honest(&table, n), &n);
	}
	assert_true(questions >= KEYS && questions <= KEYS + 5);
	shoal_table_done(&table);
}

static void
the_same_key_hashes_differently_under_another_secret(void **state)
{
	const uint64_t other[2] = {secret[0] + 1, secret[1]};
	struct shoal_table a, b;

	(void)state;
	shoal_table_init(&a, &shoal_allocator_libc, secret, 1, number_equal, NULL);
	shoal_table_init(&b, &shoal_allocator_libc, other, 1, number_equal, NULL);
	assert_true(shoal_table_hash(&a, "key", 3) == shoal_hash_sip(secret, "key", 3));
	assert_true(shoal_table_hash(&a, "key", 3) != shoal_table_hash(&b, "key", 3));
	assert_true(shoal_table_hash(&a, "key", 3) != shoal_table_hash(&a, "key", 2));
}

static int
fill(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_table table;
	uint32_t n, m;
	int err = 0;

	(void)arg;
	shoal_table_init(&table, mem, secret, 100, number_equal, NULL);
	for (n = 0; n < 100 && err == 0; n++) {
		size_t memory = shoal_table_memory(&table);

		err = shoal_table_put(&table, honest(&table, n), n);
		if (err != 0) {
			assert_true(table.count == n && shoal_table_memory(&table) == memory);
		}
	}
	for (m = 0; m < 100; m++) {
		assert_true(shoal_table_find(&table, honest(&table, m), &m) ==
		            (m < table.count ? m : SHOAL_TABLE_NONE));
	}
	shoal_table_done(&table);
	return err;
}

static void
without_memory_it_keeps_what_it_had(void **state)
{
	(void)state;
	/* 8, 12, 18, 27, 40, 60, 90 and 135 buckets. */
	assert_int_equal(heap_fault_sweep(fill, NULL), 8);
}

static void
put_none(void *arg)
{
	shoal_table_put(arg, 1, SHOAL_TABLE_NONE);
}

static void
to_put_no_value_is_a_bug(void **state)
{
	struct shoal_table table;

	(void)state;
	shoal_table_init(&table, &shoal_allocator_libc, secret, 1, number_equal, NULL);
	assert_true(unit_panics(put_none, &table));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_hundred_thousand_changes_leave_what_a_plain_array_holds),
	        cmocka_unit_test(it_stays_right_when_all_hashes_are_the_same),
	        cmocka_unit_test(it_stays_right_when_runs_wrap_around_the_end),
	        cmocka_unit_test(it_holds_as_many_as_its_limit_and_no_more),
	        cmocka_unit_test(an_empty_table_holds_nothing_and_no_memory),
	        cmocka_unit_test(
	                it_is_from_seven_twelfths_to_seven_eighths_full_and_costs_eight_bytes_a_bucket),
	        cmocka_unit_test(a_search_asks_the_owner_about_once),
	        cmocka_unit_test(the_same_key_hashes_differently_under_another_secret),
	        cmocka_unit_test(without_memory_it_keeps_what_it_had),
	        cmocka_unit_test(to_put_no_value_is_a_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
