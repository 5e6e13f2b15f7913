/* SPDX-License-Identifier: MIT */
/* The queue of bytes: order, its limit, the memory that it keeps, what moving costs, and every
 * allocation failing. */
#include "unit.h"

#include "base/alloc.h"
#include "base/fifo.h"
#include "heap_fault.h"
#include <shoal/error.h>

static void
push(struct shoal_fifo *fifo, uint8_t value, size_t len)
{
	uint8_t *at = shoal_fifo_push(fifo, len);

	assert_non_null(at);
	memset(at, value, len);
}

static void
what_goes_in_first_comes_out_first_whatever_the_lengths(void **state)
{
	struct shoal_fifo fifo;
	uint8_t first = 0, next = 0;
	uint64_t seed = 1;
	size_t size[256];

	(void)state;
	shoal_fifo_init(&fifo, &shoal_allocator_libc, 10000);
	assert_null(shoal_fifo_data(&fifo));
	for (int i = 0; i < 20000; i++) {
		size_t len = 1 + unit_random(&seed) % 300;

		if (unit_random(&seed) % 2 == 0 && shoal_fifo_len(&fifo) + len <= 10000) {
			push(&fifo, next, len);
			size[next++] = len;
		} else if (first != next) {
			const uint8_t *data = shoal_fifo_data(&fifo);
			assert_int_equal(data[0], first);
			assert_int_equal(data[size[first] - 1], first);
			shoal_fifo_drop(&fifo, size[first++], 0);
		}
		assert_true(shoal_fifo_memory(&fifo) < 4 * 10000);
	}
	shoal_fifo_done(&fifo);
}

static void
above_its_limit_it_takes_nothing_and_stays_as_it_is(void **state)
{
	struct shoal_fifo fifo;

	(void)state;
	shoal_fifo_init(&fifo, &shoal_allocator_libc, 100);
	assert_null(shoal_fifo_push(&fifo, 101));
	push(&fifo, 1, 60);
	assert_null(shoal_fifo_push(&fifo, 41));
	assert_null(shoal_fifo_push(&fifo, SIZE_MAX));
	assert_int_equal(shoal_fifo_len(&fifo), 60);
	push(&fifo, 2, 40);
	assert_int_equal(shoal_fifo_data(&fifo)[60], 2);
	shoal_fifo_done(&fifo);
}

static void
an_empty_one_keeps_no_more_memory_than_it_is_told(void **state)
{
	struct shoal_fifo fifo;

	(void)state;
	shoal_fifo_init(&fifo, &shoal_allocator_libc, 100000);
	push(&fifo, 1, 5000);
	shoal_fifo_drop(&fifo, 4999, 0);
	assert_int_equal(shoal_fifo_memory(&fifo), 8192);
	shoal_fifo_drop(&fifo, 1, 8192);
	assert_int_equal(shoal_fifo_memory(&fifo), 8192);
	push(&fifo, 1, 1);
	shoal_fifo_drop(&fifo, 1, 8191);
	assert_int_equal(shoal_fifo_memory(&fifo), 0);
	push(&fifo, 1, 1);
	shoal_fifo_done(&fifo);
}

static int
use(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_fifo fifo;
	int rc = SHOAL_OK;

	(void)arg;
	shoal_fifo_init(&fifo, mem, 100000);
	for (uint8_t i = 0; i < 40 && rc == SHOAL_OK; i++) {
		uint8_t *at = shoal_fifo_push(&fifo, 1000);
		if (at == NULL) {
			assert_int_equal(shoal_fifo_len(&fifo), 1000u * i);
			rc = SHOAL_ERR_NOMEM;
		} else {
			memset(at, i, 1000);
			assert_int_equal(shoal_fifo_data(&fifo)[0], 0);
		}
	}
	shoal_fifo_done(&fifo);
	return rc;
}

static void
it_copes_with_every_allocation_failing(void **state)
{
	(void)state;
	assert_int_equal(heap_fault_sweep(use, NULL), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_goes_in_first_comes_out_first_whatever_the_lengths),
	        cmocka_unit_test(above_its_limit_it_takes_nothing_and_stays_as_it_is),
	        cmocka_unit_test(an_empty_one_keeps_no_more_memory_than_it_is_told),
	        cmocka_unit_test(it_copes_with_every_allocation_failing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
