/* SPDX-License-Identifier: MIT */
/* The slab: addresses that stay, numbers that come back in a known order, limits, and every
 * allocation failing. */
#include "unit.h"

#include "base/alloc.h"
#include "base/slab.h"
#include "heap_fault.h"
#include <shoal/error.h>

#define OBJECTS 1000

struct object {
	uint64_t value;
	uint8_t rest[17];
};

static void
an_address_stays_while_the_slab_grows(void **state)
{
	static struct object *object[OBJECTS];
	struct heap_fault fault;
	struct shoal_slab slab;
	uint32_t n, i;

	(void)state;
	heap_fault_init(&fault);
	shoal_slab_init(&slab, &fault.mem, sizeof(struct object), OBJECTS);
	for (i = 0; i < OBJECTS; i++) {
		object[i] = shoal_slab_take(&slab, &n);
		assert_non_null(object[i]);
		assert_int_equal(n, i);
		assert_int_equal((uintptr_t)object[i] % _Alignof(struct object), 0);
		object[i]->value = i;
	}
	for (i = 0; i < OBJECTS; i++) {
		assert_ptr_equal(shoal_slab_at(&slab, i), object[i]);
		assert_true(object[i]->value == i);
	}
	assert_int_equal(slab.count, OBJECTS);
	assert_int_equal(slab.end, OBJECTS);
	assert_int_equal(shoal_slab_memory(&slab), fault.bytes);
	shoal_slab_done(&slab);
	assert_int_equal(fault.live, 0);
}

static void
an_object_is_zeroed_each_time_it_is_taken(void **state)
{
	static const struct object zero;
	struct shoal_slab slab;
	struct object *object;
	uint32_t n;
	int round;

	(void)state;
	shoal_slab_init(&slab, &shoal_allocator_libc, sizeof(struct object), 1);
	for (round = 0; round < 3; round++) {
		object = shoal_slab_take(&slab, &n);
		assert_memory_equal(object, &zero, sizeof(zero));
		memset(object, 0xff, sizeof(*object));
		shoal_slab_give(&slab, n);
	}
	shoal_slab_done(&slab);
}

/* Of which mostly there are few, so that a first one must not cost sixty-four. */
static void
large_objects_come_in_small_chunks(void **state)
{
	struct large {
		uint64_t value[9];
	} * object[100];
	struct heap_fault fault;
	struct shoal_slab slab;
	uint32_t n;

	(void)state;
	heap_fault_init(&fault);
	shoal_slab_init(&slab, &fault.mem, sizeof(struct large), 100);
	for (uint32_t i = 0; i < 100; i++) {
		object[i] = shoal_slab_take(&slab, &n);
		assert_non_null(object[i]);
		assert_int_equal(n, i);
		object[i]->value[8] = i;
		assert_int_equal(shoal_slab_memory(&slab), fault.bytes);
		assert_true(i > 0 || fault.bytes < 10 * sizeof(struct large));
	}
	for (uint32_t i = 0; i < 100; i++) {
		assert_ptr_equal(shoal_slab_at(&slab, i), object[i]);
		assert_true(object[i]->value[8] == i);
	}
	shoal_slab_give(&slab, 50);
	assert_null(shoal_slab_at(&slab, 50));
	assert_ptr_equal(shoal_slab_take(&slab, &n), object[50]);
	assert_int_equal(n, 50);
	shoal_slab_done(&slab);
	assert_int_equal(fault.live, 0);
}

static void
the_number_given_back_last_is_used_first(void **state)
{
	struct shoal_slab slab;
	uint32_t n;
	int i;

	(void)state;
	shoal_slab_init(&slab, &shoal_allocator_libc, 1, 200);
	for (i = 0; i < 130; i++) {
		assert_non_null(shoal_slab_take(&slab, &n));
	}
	shoal_slab_give(&slab, 3);
	shoal_slab_give(&slab, 129);
	shoal_slab_give(&slab, 64);
	shoal_slab_take(&slab, &n);
	assert_int_equal(n, 64);
	shoal_slab_take(&slab, &n);
	assert_int_equal(n, 129);
	shoal_slab_take(&slab, &n);
	assert_int_equal(n, 3);
	shoal_slab_take(&slab, &n);
	assert_int_equal(n, 130);
	assert_int_equal(slab.end, 131);
	shoal_slab_done(&slab);
}

static void
a_number_that_is_free_or_was_never_used_has_no_object(void **state)
{
	struct shoal_slab slab;
	uint32_t n;

	(void)state;
	shoal_slab_init(&slab, &shoal_allocator_libc, sizeof(struct object), 100);
	assert_null(shoal_slab_at(&slab, 0));
	shoal_slab_take(&slab, &n);
	assert_non_null(shoal_slab_at(&slab, 0));
	assert_null(shoal_slab_at(&slab, 1));
	assert_null(shoal_slab_at(&slab, 1 << SHOAL_SLAB_SMALL));
	assert_null(shoal_slab_at(&slab, SHOAL_SLAB_NONE));
	shoal_slab_give(&slab, 0);
	assert_null(shoal_slab_at(&slab, 0));
	assert_int_equal(slab.count, 0);
	assert_int_equal(slab.end, 1);
	shoal_slab_done(&slab);
	assert_null(shoal_slab_at(&slab, 0));
}

static void
it_holds_as_many_as_its_limit_and_no_more(void **state)
{
	static const uint32_t limits[] = {0, 1, 63, 64, 65, 130};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(limits); i++) {
		struct shoal_slab slab;
		uint32_t n, k;

		shoal_slab_init(&slab, &shoal_allocator_libc, sizeof(struct object), limits[i]);
		for (k = 0; k < limits[i]; k++) {
			assert_non_null(shoal_slab_take(&slab, &n));
		}
		assert_null(shoal_slab_take(&slab, &n));
		assert_int_equal(slab.count, limits[i]);
		if (limits[i] > 0) {
			shoal_slab_give(&slab, limits[i] / 2);
			assert_non_null(shoal_slab_take(&slab, &n));
			assert_int_equal(n, limits[i] / 2);
			assert_null(shoal_slab_take(&slab, &n));
		}
		shoal_slab_done(&slab);
	}
}

static void
drawn_takes_and_gives_keep_every_object_apart(void **state)
{
	static uint64_t held[OBJECTS]; /* 0: free */
	struct shoal_slab slab;
	uint64_t seed = 29, stamp = 0;
	size_t count = 0;
	unsigned round;
	uint32_t n;

	(void)state;
	shoal_slab_init(&slab, &shoal_allocator_libc, sizeof(struct object), OBJECTS);
	for (round = 0; round < 100000; round++) {
		bool fill = round / 3000 % 2 == 0;
		struct object *object;

		if (unit_random(&seed) % 3 != 0 ? fill : !fill) {
			object = shoal_slab_take(&slab, &n);
			assert_true((object == NULL) == (count == OBJECTS));
			if (object == NULL) {
				continue;
			}
			assert_true(held[n] == 0 && object->value == 0);
			object->value = held[n] = ++stamp;
			count++;
			continue;
		}
		n = (uint32_t)(unit_random(&seed) % OBJECTS);
		object = shoal_slab_at(&slab, n);
		assert_true((object == NULL) == (held[n] == 0));
		if (object != NULL) {
			assert_true(object->value == held[n]);
			shoal_slab_give(&slab, n);
			held[n] = 0;
			count--;
		}
		assert_int_equal(slab.count, count);
	}
	shoal_slab_done(&slab);
}

static int
take_many(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_slab slab;
	uint32_t n, i, taken = 0;
	int err = 0;

	(void)arg;
	shoal_slab_init(&slab, mem, sizeof(struct object), 200);
	for (i = 0; i < 200; i++) {
		struct object *object = shoal_slab_take(&slab, &n);

		if (object == NULL) {
			err = SHOAL_ERR_NOMEM;
			continue;
		}
		assert_int_equal(n, taken);
		object->value = taken++;
	}
	assert_true(slab.count == taken && slab.end == taken);
	for (i = 0; i < taken; i++) {
		assert_true(((struct object *)shoal_slab_at(&slab, i))->value == i);
	}
	shoal_slab_done(&slab);
	return err;
}

static void
without_memory_it_keeps_what_it_had_and_goes_on_later(void **state)
{
	(void)state;
	/* Four chunks, and room for 1, 2 and 4 pointers to them. */
	assert_int_equal(heap_fault_sweep(take_many, NULL), 7);
}

static void
give_twice(void *arg)
{
	shoal_slab_give(arg, 0);
	shoal_slab_give(arg, 0);
}

static void
to_give_back_twice_is_a_bug(void **state)
{
	struct shoal_slab slab;
	uint32_t n;

	(void)state;
	shoal_slab_init(&slab, &shoal_allocator_libc, sizeof(struct object), 10);
	shoal_slab_take(&slab, &n);
	assert_true(unit_panics(give_twice, &slab));
	shoal_slab_done(&slab);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_address_stays_while_the_slab_grows),
	        cmocka_unit_test(an_object_is_zeroed_each_time_it_is_taken),
	        cmocka_unit_test(large_objects_come_in_small_chunks),
	        cmocka_unit_test(the_number_given_back_last_is_used_first),
	        cmocka_unit_test(a_number_that_is_free_or_was_never_used_has_no_object),
	        cmocka_unit_test(it_holds_as_many_as_its_limit_and_no_more),
	        cmocka_unit_test(drawn_takes_and_gives_keep_every_object_apart),
	        cmocka_unit_test(without_memory_it_keeps_what_it_had_and_goes_on_later),
	        cmocka_unit_test(to_give_back_twice_is_a_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
