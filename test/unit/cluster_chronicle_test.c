/* SPDX-License-Identifier: MIT */
/* The store of transitions: what is kept of whom, what goes first, and what is no transition. */
#include "unit.h"

#include "base/alloc.h"
#include "cluster/report/chronicle.h"
#include "heap_fault.h"

static const uint64_t key[2] = {1, 2};

static struct shoal_event
event_of(uint8_t member, uint64_t time)
{
	struct shoal_event event = {.kind = SHOAL_EVENT_SUSPECT,
	        .was = SHOAL_STATE_ALIVE,
	        .state = SHOAL_STATE_SUSPECT,
	        .id = {.bytes = {member}},
	        .mono_ns = time};

	return event;
}

static void
add(struct shoal_chronicle *chronicle, uint8_t member, uint64_t time)
{
	struct shoal_event event = event_of(member, time);

	shoal_chronicle_add(chronicle, &event);
}

/* Asserts that a member's times are first, first + step, ... and n of them. */
static void
assert_times(
        struct shoal_chronicle *chronicle, uint8_t member, uint64_t first, uint64_t step, size_t n)
{
	struct shoal_id id = {.bytes = {member}};
	struct shoal_history *history = shoal_chronicle_read(chronicle, &id);

	assert_non_null(history);
	assert_int_equal(shoal_history_count(history), n);
	for (size_t i = 0; i < n; i++) {
		assert_true(shoal_history_at(history, i)->mono_ns == first + i * step);
	}
	assert_null(shoal_history_at(history, n));
	shoal_history_free(history);
}

static size_t
members(struct shoal_chronicle *chronicle)
{
	struct shoal_history *history = shoal_chronicle_read(chronicle, NULL);
	size_t n = shoal_history_count(history);

	shoal_history_free(history);
	return n;
}

static void
a_member_keeps_its_newest_sixteen_oldest_first(void **state)
{
	struct shoal_chronicle chronicle;

	(void)state;
	assert_int_equal(shoal_chronicle_init(&chronicle, &shoal_allocator_libc, 100, key), 0);
	assert_times(&chronicle, 1, 0, 0, 0);
	for (uint64_t i = 1; i <= 40; i++) {
		add(&chronicle, 1, i);
		assert_times(&chronicle, 1, i < 16 ? 1 : i - 15, 1, i < 16 ? i : 16);
	}
	add(&chronicle, 2, 41);
	assert_int_equal(members(&chronicle), 2);
	shoal_chronicle_done(&chronicle);
}

static void
the_oldest_of_all_goes_when_the_store_is_full_and_its_member_with_the_last(void **state)
{
	struct shoal_chronicle chronicle;

	(void)state;
	assert_int_equal(shoal_chronicle_init(&chronicle, &shoal_allocator_libc, 3, key), 0);
	add(&chronicle, 1, 1);
	add(&chronicle, 2, 2);
	add(&chronicle, 1, 3);
	add(&chronicle, 3, 4);
	assert_times(&chronicle, 1, 3, 1, 1);
	assert_int_equal(members(&chronicle), 3);
	add(&chronicle, 3, 5);
	assert_times(&chronicle, 2, 0, 0, 0);
	assert_int_equal(members(&chronicle), 2);
	for (unsigned i = 0; i < 1000; i++) {
		add(&chronicle, (uint8_t)i, i);
	}
	assert_int_equal(members(&chronicle), 3);
	assert_int_equal(chronicle.entries.count, 3);
	assert_int_equal(chronicle.tracks.count, 3);
	assert_int_equal(chronicle.by_id.count, 3);
	shoal_chronicle_done(&chronicle);
}

static void
the_last_transition_of_each_member_is_listed(void **state)
{
	struct shoal_chronicle chronicle;
	struct shoal_history *history;
	uint64_t sum = 0;

	(void)state;
	assert_int_equal(shoal_chronicle_init(&chronicle, &shoal_allocator_libc, 100, key), 0);
	for (uint8_t member = 1; member <= 5; member++) {
		add(&chronicle, member, 1);
		add(&chronicle, member, (uint64_t)10 << member);
	}
	history = shoal_chronicle_read(&chronicle, NULL);
	assert_int_equal(shoal_history_count(history), 5);
	for (size_t i = 0; i < 5; i++) {
		sum += shoal_history_at(history, i)->mono_ns;
	}
	assert_true(sum == 10 * (2 + 4 + 8 + 16 + 32));
	shoal_history_free(history);
	shoal_chronicle_done(&chronicle);
}

static void
what_is_no_transition_is_not_kept(void **state)
{
	struct shoal_chronicle chronicle;
	struct shoal_event event = event_of(1, 1);

	(void)state;
	assert_int_equal(shoal_chronicle_init(&chronicle, &shoal_allocator_libc, 100, key), 0);
	event.kind = SHOAL_EVENT_MEASURED;
	shoal_chronicle_add(&chronicle, &event);
	event.kind = SHOAL_EVENT_OVERFLOW;
	shoal_chronicle_add(&chronicle, &event);
	event.kind = SHOAL_EVENT_UPDATE;
	event.was = event.state;
	shoal_chronicle_add(&chronicle, &event);
	assert_int_equal(members(&chronicle), 0);
	event.cause.kind = SHOAL_CAUSE_RESTARTED;
	shoal_chronicle_add(&chronicle, &event);
	assert_int_equal(members(&chronicle), 1);
	shoal_chronicle_done(&chronicle);
	assert_int_equal(shoal_chronicle_init(&chronicle, &shoal_allocator_libc, 0, key), 0);
	add(&chronicle, 1, 1);
	assert_int_equal(members(&chronicle), 0);
	shoal_chronicle_done(&chronicle);
	shoal_history_free(NULL);
}

static int
keep_and_read(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_chronicle chronicle;
	struct shoal_history *history;
	int rc = 0;

	(void)arg;
	assert_int_equal(shoal_chronicle_init(&chronicle, mem, 200, key), 0);
	for (uint8_t i = 0; i < 200; i++) {
		add(&chronicle, i, i);
	}
	history = shoal_chronicle_read(&chronicle, NULL);
	rc = history == NULL || shoal_history_count(history) < 200 ? SHOAL_ERR_NOMEM : 0;
	shoal_history_free(history);
	shoal_chronicle_done(&chronicle);
	return rc;
}

static void
memory_that_is_short_loses_transitions_and_nothing_else(void **state)
{
	(void)state;
	assert_true(heap_fault_sweep(keep_and_read, NULL) > 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_member_keeps_its_newest_sixteen_oldest_first),
	        cmocka_unit_test(
	                the_oldest_of_all_goes_when_the_store_is_full_and_its_member_with_the_last),
	        cmocka_unit_test(the_last_transition_of_each_member_is_listed),
	        cmocka_unit_test(what_is_no_transition_is_not_kept),
	        cmocka_unit_test(memory_that_is_short_loses_transitions_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
