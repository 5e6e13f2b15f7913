/* SPDX-License-Identifier: MIT */
/* The queue: wrapping and growing with the head at every place, odd limits, and every allocation
 * failing. */
#include "unit.h"

#include "base/alloc.h"
#include "base/ring.h"
#include "heap_fault.h"
#include <shoal/error.h>

struct item {
	uint32_t number;
	uint8_t rest[9];
};

static void
push(struct shoal_ring *ring, uint32_t number)
{
	static const struct item zero;
	struct item *item = shoal_ring_push(ring);

	assert_non_null(item);
	assert_memory_equal(item, &zero, sizeof(zero));
	memset(item, 0xff, sizeof(*item));
	item->number = number;
}

/* The ring holds first, first + 1, ... */
static void
check(const struct shoal_ring *ring, uint32_t first, size_t count)
{
	size_t i;

	assert_int_equal(ring->count, count);
	for (i = 0; i < count; i++) {
		assert_int_equal(((struct item *)shoal_ring_at(ring, i))->number, first + i);
	}
	assert_null(shoal_ring_at(ring, count));
	assert_null(shoal_ring_at(ring, SIZE_MAX));
	assert_ptr_equal(shoal_ring_front(ring), shoal_ring_at(ring, 0));
}

static void
what_goes_in_first_comes_out_first(void **state)
{
	struct shoal_ring ring;
	uint32_t i;

	(void)state;
	shoal_ring_init(&ring, &shoal_allocator_libc, sizeof(struct item), 100);
	check(&ring, 0, 0);
	shoal_ring_pop(&ring);
	for (i = 0; i < 100; i++) {
		push(&ring, i);
		check(&ring, 0, i + 1);
	}
	assert_null(shoal_ring_push(&ring));
	for (i = 0; i < 100; i++) {
		check(&ring, i, 100 - i);
		shoal_ring_pop(&ring);
	}
	check(&ring, 0, 0);
	shoal_ring_done(&ring);
}

static void
it_grows_rightly_with_its_head_at_every_place(void **state)
{
	uint32_t head, i;

	(void)state;
	for (head = 0; head < 17; head++) {
		struct shoal_ring ring;

		shoal_ring_init(&ring, &shoal_allocator_libc, sizeof(struct item), 64);
		push(&ring, 0);
		for (i = 1; i <= head; i++) {
			push(&ring, i);
			shoal_ring_pop(&ring);
		}
		for (; i < head + 64; i++) {
			push(&ring, i);
		}
		check(&ring, head, 64);
		assert_null(shoal_ring_push(&ring));
		shoal_ring_done(&ring);
	}
}

static void
an_empty_one_begins_at_its_start_again(void **state)
{
	struct shoal_ring ring;

	(void)state;
	shoal_ring_init(&ring, &shoal_allocator_libc, sizeof(struct item), 100);
	push(&ring, 0);
	const void *start = shoal_ring_front(&ring);
	for (uint32_t i = 1; i < 30; i++) {
		push(&ring, i);
		shoal_ring_pop(&ring);
		shoal_ring_pop(&ring);
		push(&ring, i);
		assert_ptr_equal(shoal_ring_front(&ring), start);
	}
	shoal_ring_done(&ring);
}

static void
room_is_at_the_end_and_is_not_zeroed(void **state)
{
	struct shoal_ring ring;

	(void)state;
	shoal_ring_init(&ring, &shoal_allocator_libc, sizeof(struct item), 2);
	push(&ring, 7);
	shoal_ring_pop(&ring);
	struct item *item = shoal_ring_room(&ring);
	assert_non_null(item);
	assert_int_equal(item->number, 7);
	push(&ring, 8);
	check(&ring, 7, 2);
	assert_null(shoal_ring_room(&ring));
	shoal_ring_done(&ring);
}

static void
it_holds_as_many_as_its_limit_and_no_more(void **state)
{
	static const size_t limits[] = {0, 1, 2, 3, 7, 8, 9, 13, 15, 16, 17, 33};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(limits); i++) {
		struct heap_fault fault;
		struct shoal_ring ring;
		uint32_t n, round;

		heap_fault_init(&fault);
		shoal_ring_init(&ring, &fault.mem, sizeof(struct item), limits[i]);
		for (n = 0; n < limits[i]; n++) {
			push(&ring, n);
		}
		assert_null(shoal_ring_push(&ring));
		assert_int_equal(ring.capacity, limits[i]);
		assert_int_equal(shoal_ring_memory(&ring), fault.bytes);
		/* Full, it goes round and round without another allocation. */
		fault.fail_at = fault.calls + 1;
		for (round = 0; limits[i] > 0 && round < 2 * limits[i] + 1; round++) {
			shoal_ring_pop(&ring);
			push(&ring, n++);
			check(&ring, round + 1, limits[i]);
			assert_null(shoal_ring_push(&ring));
		}
		shoal_ring_done(&ring);
		assert_int_equal(fault.live, 0);
	}
}

static void
drawn_pushes_and_pops_keep_the_order(void **state)
{
	struct shoal_ring ring;
	uint64_t seed = 31;
	uint32_t first = 0, next = 0, round;

	(void)state;
	shoal_ring_init(&ring, &shoal_allocator_libc, sizeof(struct item), 150);
	for (round = 0; round < 20000; round++) {
		bool fill = round / 700 % 2 == 0;

		if (unit_random(&seed) % 3 != 0 ? fill : !fill) {
			if (next - first < 150) {
				push(&ring, next++);
			} else {
				assert_null(shoal_ring_push(&ring));
			}
		} else {
			shoal_ring_pop(&ring);
			if (first < next) {
				first++;
			}
		}
		if (round % 64 == 0) {
			check(&ring, first, next - first);
		}
	}
	shoal_ring_done(&ring);
}

static int
push_many(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_ring ring;
	uint32_t i, pushed = 0;
	int err = 0;

	(void)arg;
	shoal_ring_init(&ring, mem, sizeof(struct item), 100);
	for (i = 0; i < 100; i++) {
		struct item *item = shoal_ring_push(&ring);

		if (item == NULL) {
			err = SHOAL_ERR_NOMEM;
		} else {
			item->number = pushed++;
		}
	}
	check(&ring, 0, pushed);
	shoal_ring_done(&ring);
	return err;
}

static void
without_memory_it_keeps_what_it_had_and_goes_on_later(void **state)
{
	(void)state;
	/* 8, 16, 32, 64 and 100. */
	assert_int_equal(heap_fault_sweep(push_many, NULL), 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_goes_in_first_comes_out_first),
	        cmocka_unit_test(it_grows_rightly_with_its_head_at_every_place),
	        cmocka_unit_test(an_empty_one_begins_at_its_start_again),
	        cmocka_unit_test(room_is_at_the_end_and_is_not_zeroed),
	        cmocka_unit_test(it_holds_as_many_as_its_limit_and_no_more),
	        cmocka_unit_test(drawn_pushes_and_pops_keep_the_order),
	        cmocka_unit_test(without_memory_it_keeps_what_it_had_and_goes_on_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
