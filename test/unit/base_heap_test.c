/* SPDX-License-Identifier: MIT */
/* The deadline heap against a search through all timers; equal deadlines; moving and disarming;
 * room and its lack. */
#include "unit.h"

#include "base/alloc.h"
#include "base/heap.h"
#include "heap_fault.h"
#include <shoal/error.h>

#define TIMERS 200

static void
init(struct shoal_heap *heap, size_t room)
{
	shoal_heap_init(heap, &shoal_allocator_libc);
	assert_int_equal(shoal_heap_reserve(heap, room), 0);
}

static void
timers_expire_in_the_order_of_their_deadlines(void **state)
{
	static const uint64_t at[] = {50, 10, 40, 20, 30, 0, SHOAL_NEVER - 1};
	static const size_t order[] = {5, 1, 3, 4, 2, 0, 6};
	struct shoal_timer timer[COUNT_OF(at)] = {{0}};
	struct shoal_heap heap;
	size_t i;

	(void)state;
	init(&heap, COUNT_OF(at));
	assert_true(shoal_heap_next(&heap) == SHOAL_NEVER);
	assert_null(shoal_heap_expire(&heap, SHOAL_NEVER));
	for (i = 0; i < COUNT_OF(at); i++) {
		shoal_heap_arm(&heap, &timer[i], at[i]);
	}
	for (i = 0; i < COUNT_OF(at); i++) {
		assert_true(shoal_heap_next(&heap) == at[order[i]]);
		assert_ptr_equal(shoal_heap_expire(&heap, at[order[i]]), &timer[order[i]]);
		assert_false(shoal_timer_armed(&timer[order[i]]));
	}
	assert_true(shoal_heap_next(&heap) == SHOAL_NEVER);
	shoal_heap_done(&heap);
}

static void
a_timer_expires_at_its_deadline_and_not_before(void **state)
{
	struct shoal_timer timer = {.kind = 3, .slot = 4};
	struct shoal_heap heap;

	(void)state;
	init(&heap, 1);
	shoal_heap_arm(&heap, &timer, 1000);
	assert_null(shoal_heap_expire(&heap, 999));
	assert_true(shoal_timer_armed(&timer));
	assert_ptr_equal(shoal_heap_expire(&heap, 1000), &timer);
	assert_null(shoal_heap_expire(&heap, 1000));
	assert_true(timer.kind == 3 && timer.slot == 4 && timer.at == 1000);
	shoal_heap_done(&heap);
}

static void
equal_deadlines_expire_in_the_order_of_arming(void **state)
{
	struct shoal_timer timer[TIMERS] = {{0}};
	struct shoal_heap heap;
	size_t i;

	(void)state;
	init(&heap, TIMERS);
	for (i = 0; i < TIMERS; i++) {
		shoal_heap_arm(&heap, &timer[i], i % 2 == 0 ? 7 : 8);
	}
	for (i = 0; i < TIMERS; i++) {
		assert_ptr_equal(shoal_heap_expire(&heap, 8),
		        &timer[i < TIMERS / 2 ? 2 * i : 2 * (i - TIMERS / 2) + 1]);
	}
	shoal_heap_done(&heap);
}

static void
a_timer_that_is_armed_again_stands_behind_its_equals(void **state)
{
	struct shoal_timer timer[3] = {{0}};
	struct shoal_heap heap;
	size_t i;

	(void)state;
	init(&heap, 3);
	for (i = 0; i < 3; i++) {
		shoal_heap_arm(&heap, &timer[i], 7);
	}
	shoal_heap_arm(&heap, &timer[0], 7);
	assert_ptr_equal(shoal_heap_expire(&heap, 7), &timer[1]);
	assert_ptr_equal(shoal_heap_expire(&heap, 7), &timer[2]);
	assert_ptr_equal(shoal_heap_expire(&heap, 7), &timer[0]);
	shoal_heap_done(&heap);
}

static void
a_timer_can_be_moved_while_armed(void **state)
{
	struct shoal_timer timer[5] = {{0}};
	struct shoal_heap heap;
	size_t i;

	(void)state;
	init(&heap, 5);
	for (i = 0; i < 5; i++) {
		shoal_heap_arm(&heap, &timer[i], 10 * (i + 1));
	}
	shoal_heap_arm(&heap, &timer[4], 5);
	assert_true(shoal_heap_next(&heap) == 5);
	shoal_heap_arm(&heap, &timer[4], 60);
	assert_true(shoal_heap_next(&heap) == 10);
	shoal_heap_arm(&heap, &timer[0], 70);
	assert_int_equal(heap.count, 5);
	for (i = 1; i < 5; i++) {
		assert_ptr_equal(shoal_heap_expire(&heap, 100), &timer[i]);
	}
	assert_ptr_equal(shoal_heap_expire(&heap, 100), &timer[0]);
	shoal_heap_done(&heap);
}

static void
a_timer_can_be_disarmed_at_any_time(void **state)
{
	struct shoal_timer timer[9];
	size_t out, i;

	(void)state;
	for (out = 0; out < COUNT_OF(timer); out++) {
		struct shoal_heap heap;

		init(&heap, COUNT_OF(timer));
		memset(timer, 0, sizeof(timer));
		shoal_heap_disarm(&heap, &timer[out]);
		for (i = 0; i < COUNT_OF(timer); i++) {
			shoal_heap_arm(&heap, &timer[i], i * 5 % 9);
		}
		if (out % 2 == 0) {
			shoal_heap_disarm(&heap, &timer[out]);
		} else {
			shoal_heap_arm(&heap, &timer[out], SHOAL_NEVER);
		}
		assert_false(shoal_timer_armed(&timer[out]));
		shoal_heap_disarm(&heap, &timer[out]);
		for (i = 0; i < COUNT_OF(timer); i++) {
			/* 2 * 5 = 1 in the numbers modulo 9: deadline i belongs to timer 2 * i. */
			size_t next = i * 2 % 9;

			if (next != out) {
				assert_ptr_equal(shoal_heap_expire(&heap, 8), &timer[next]);
			}
		}
		assert_int_equal(heap.count, 0);
		shoal_heap_done(&heap);
	}
}

/* What the model knows of a timer beside it. */
struct planned {
	uint64_t at, order;
	bool armed;
};

static struct planned *
first_planned(struct planned planned[TIMERS])
{
	struct planned *first = NULL;
	size_t i;

	for (i = 0; i < TIMERS; i++) {
		if (planned[i].armed &&
		        (first == NULL || planned[i].at < first->at ||
		                (planned[i].at == first->at && planned[i].order < first->order))) {
			first = &planned[i];
		}
	}
	return first;
}

static void
drawn_changes_give_the_expiries_of_a_search_through_all(void **state)
{
	static struct shoal_timer timer[TIMERS];
	static struct planned planned[TIMERS];
	struct shoal_heap heap;
	uint64_t seed = 23, now = 0, order = 0;
	unsigned round;

	(void)state;
	init(&heap, TIMERS);
	for (round = 0; round < 100000; round++) {
		size_t i = unit_random(&seed) % TIMERS;
		unsigned draw = (unsigned)(unit_random(&seed) % 10);
		struct planned *first;

		if (draw < 6) {
			planned[i] = (struct planned){now + unit_random(&seed) % 50, order++, true};
			shoal_heap_arm(&heap, &timer[i], planned[i].at);
		} else if (draw < 8) {
			planned[i].armed = false;
			shoal_heap_disarm(&heap, &timer[i]);
		} else {
			now += unit_random(&seed) % 20;
			while ((first = first_planned(planned)) != NULL && first->at <= now) {
				assert_ptr_equal(
				        shoal_heap_expire(&heap, now), &timer[first - planned]);
				first->armed = false;
			}
			assert_null(shoal_heap_expire(&heap, now));
		}
		first = round % 16 == 0 ? first_planned(planned) : NULL;
		if (first != NULL) {
			assert_true(shoal_heap_next(&heap) == first->at);
		}
		assert_true(shoal_timer_armed(&timer[i]) == planned[i].armed);
	}
	shoal_heap_done(&heap);
}

static int
reserve_and_arm(const struct shoal_allocator *mem, void *arg)
{
	static struct shoal_timer timer[TIMERS];
	struct shoal_heap heap;
	size_t i, armed = 0;
	int err = 0;

	(void)arg;
	memset(timer, 0, sizeof(timer));
	shoal_heap_init(&heap, mem);
	for (i = 0; i < TIMERS && err == 0; i++) {
		err = shoal_heap_reserve(&heap, i + 1);
		if (err == 0) {
			shoal_heap_arm(&heap, &timer[armed++], TIMERS - i);
		}
	}
	for (i = armed; i > 0; i--) {
		assert_ptr_equal(shoal_heap_expire(&heap, TIMERS), &timer[i - 1]);
	}
	shoal_heap_done(&heap);
	return err;
}

static void
without_memory_the_armed_timers_stay(void **state)
{
	(void)state;
	/* 16, 32, 64, 128 and 256. */
	assert_int_equal(heap_fault_sweep(reserve_and_arm, NULL), 5);
}

static void
room_once_reserved_is_not_asked_for_again(void **state)
{
	struct heap_fault fault;
	struct shoal_heap heap;
	size_t calls;

	(void)state;
	heap_fault_init(&fault);
	shoal_heap_init(&heap, &fault.mem);
	assert_int_equal(shoal_heap_reserve(&heap, 0), 0);
	assert_int_equal(fault.calls, 0);
	assert_int_equal(shoal_heap_reserve(&heap, 64), 0);
	assert_int_equal(heap.capacity, 64);
	assert_int_equal(shoal_heap_reserve(&heap, 100), 0);
	calls = fault.calls;
	assert_int_equal(shoal_heap_reserve(&heap, 100), 0);
	assert_int_equal(shoal_heap_reserve(&heap, 1), 0);
	assert_int_equal(fault.calls, calls);
	assert_int_equal(shoal_heap_reserve(&heap, SIZE_MAX), SHOAL_ERR_NOMEM);
	assert_int_equal(shoal_heap_reserve(&heap, ((size_t)1 << 28) + 1), SHOAL_ERR_NOMEM);
	assert_true(heap.capacity >= 100);
	shoal_heap_done(&heap);
	assert_int_equal(fault.live, 0);
	shoal_heap_done(&heap);
}

static void
arm_without_room(void *arg)
{
	struct shoal_heap heap;
	struct shoal_timer timer = {0};

	(void)arg;
	shoal_heap_init(&heap, &shoal_allocator_libc);
	shoal_heap_arm(&heap, &timer, 1);
}

/* A timer that was copied while armed: the heap knows the original's address. */
static void
move_a_copy(void *arg)
{
	struct shoal_heap heap;
	struct shoal_timer timer = {0}, copy;

	(void)arg;
	init(&heap, 1);
	shoal_heap_arm(&heap, &timer, 1);
	copy = timer;
	shoal_heap_arm(&heap, &copy, 2);
}

static void
disarm_a_copy(void *arg)
{
	struct shoal_heap heap;
	struct shoal_timer timer = {0}, copy;

	(void)arg;
	init(&heap, 1);
	shoal_heap_arm(&heap, &timer, 1);
	copy = timer;
	shoal_heap_disarm(&heap, &copy);
}

static void
arming_without_room_and_moving_in_memory_are_bugs(void **state)
{
	(void)state;
	assert_true(unit_panics(arm_without_room, NULL));
	assert_true(unit_panics(disarm_a_copy, NULL));
	assert_true(unit_panics(move_a_copy, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(timers_expire_in_the_order_of_their_deadlines),
	        cmocka_unit_test(a_timer_expires_at_its_deadline_and_not_before),
	        cmocka_unit_test(equal_deadlines_expire_in_the_order_of_arming),
	        cmocka_unit_test(a_timer_that_is_armed_again_stands_behind_its_equals),
	        cmocka_unit_test(a_timer_can_be_moved_while_armed),
	        cmocka_unit_test(a_timer_can_be_disarmed_at_any_time),
	        cmocka_unit_test(drawn_changes_give_the_expiries_of_a_search_through_all),
	        cmocka_unit_test(without_memory_the_armed_timers_stay),
	        cmocka_unit_test(room_once_reserved_is_not_asked_for_again),
	        cmocka_unit_test(arming_without_room_and_moving_in_memory_are_bugs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
