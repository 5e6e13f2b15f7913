/* SPDX-License-Identifier: MIT */
/* The allocator hooks: products that overflow, failures, sizes of 0, and the failing allocator of
 * the tests itself. */
#include "unit.h"

#include "base/alloc.h"
#include "heap_fault.h"
#include <shoal/error.h>

static void
without_hooks_libc_is_used(void **state)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(NULL);
	uint8_t *block = shoal_alloc(&mem, 10);

	(void)state;
	assert_non_null(block);
	memset(block, 7, 10);
	block = shoal_alloc_resize(&mem, block, 1000, 3);
	assert_non_null(block);
	assert_int_equal(block[9], 7);
	shoal_alloc_free(&mem, block);
	shoal_alloc_free(&mem, NULL);
}

static void
the_hosts_hooks_are_used_where_given(void **state)
{
	struct heap_fault fault;
	struct shoal_allocator mem;
	void *block;

	(void)state;
	heap_fault_init(&fault);
	mem = shoal_allocator_or_libc(&fault.mem);
	block = shoal_alloc(&mem, 100);
	assert_int_equal(fault.live, 1);
	assert_int_equal(fault.bytes, 100);
	block = shoal_alloc_resize(&mem, block, 10, 5);
	assert_int_equal(fault.live, 1);
	assert_int_equal(fault.bytes, 50);
	shoal_alloc_free(&mem, block);
	assert_int_equal(fault.live, 0);
	assert_int_equal(fault.peak, 150);
}

static void
a_product_that_overflows_is_no_memory(void **state)
{
	struct heap_fault fault;
	void *block;

	(void)state;
	heap_fault_init(&fault);
	assert_null(shoal_alloc_zeroed(&fault.mem, SIZE_MAX / 8 + 1, 8));
	assert_null(shoal_alloc_zeroed(&fault.mem, 2, SIZE_MAX));
	assert_null(shoal_alloc_zeroed(&fault.mem, SIZE_MAX, SIZE_MAX));
	assert_int_equal(fault.calls, 0);
	block = shoal_alloc_text(&fault.mem, "kept");
	assert_null(shoal_alloc_resize(&fault.mem, block, SIZE_MAX / 2, 3));
	assert_string_equal(block, "kept");
	shoal_alloc_free(&fault.mem, block);
	assert_int_equal(fault.live, 0);
}

static void
nothing_is_a_block_too(void **state)
{
	struct heap_fault fault;
	void *block[4];
	size_t i;

	(void)state;
	heap_fault_init(&fault);
	block[0] = shoal_alloc(&fault.mem, 0);
	block[1] = shoal_alloc_zeroed(&fault.mem, 0, 8);
	block[2] = shoal_alloc_zeroed(&fault.mem, 8, 0);
	block[3] = shoal_alloc_resize(&fault.mem, NULL, 0, 8);
	for (i = 0; i < COUNT_OF(block); i++) {
		assert_non_null(block[i]);
		shoal_alloc_free(&fault.mem, block[i]);
	}
	assert_int_equal(fault.live, 0);
}

static void
zeroed_memory_is_zero(void **state)
{
	static const uint8_t zero[70];
	struct heap_fault fault;
	uint8_t *block;

	(void)state;
	heap_fault_init(&fault);
	block = shoal_alloc_zeroed(&fault.mem, 7, 10);
	assert_memory_equal(block, zero, 70);
	shoal_alloc_free(&fault.mem, block);
}

static void
a_failed_resize_leaves_the_block(void **state)
{
	struct heap_fault fault;
	char *text;

	(void)state;
	heap_fault_init(&fault);
	fault.fail_at = 2;
	text = shoal_alloc_text(&fault.mem, "still here");
	assert_null(shoal_alloc_resize(&fault.mem, text, 100, 1));
	assert_string_equal(text, "still here");
	assert_int_equal(fault.failed, 1);
	shoal_alloc_free(&fault.mem, text);
	assert_int_equal(fault.live, 0);
}

static int
two_texts(const struct shoal_allocator *mem, void *arg)
{
	char *a, *b;
	int err = SHOAL_ERR_NOMEM;

	(*(size_t *)arg)++;
	a = shoal_alloc_text(mem, "a");
	b = shoal_alloc_text(mem, "");
	if (a != NULL && b != NULL) {
		assert_string_equal(a, "a");
		assert_string_equal(b, "");
		err = 0;
	}
	shoal_alloc_free(mem, a);
	shoal_alloc_free(mem, b);
	return err;
}

static int
forgiving_text(const struct shoal_allocator *mem, void *arg)
{
	(void)arg;
	shoal_alloc_free(mem, shoal_alloc_text(mem, "dropped where there is no memory"));
	return 0;
}

static void
a_sweep_runs_once_for_each_allocation_and_once_without_failure(void **state)
{
	size_t runs = 0;

	(void)state;
	assert_int_equal(heap_fault_sweep(two_texts, &runs), 2);
	assert_int_equal(runs, 6);
	assert_int_equal(heap_fault_sweep_tolerant(forgiving_text, NULL), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(without_hooks_libc_is_used),
	        cmocka_unit_test(the_hosts_hooks_are_used_where_given),
	        cmocka_unit_test(a_product_that_overflows_is_no_memory),
	        cmocka_unit_test(nothing_is_a_block_too),
	        cmocka_unit_test(zeroed_memory_is_zero),
	        cmocka_unit_test(a_failed_resize_leaves_the_block),
	        cmocka_unit_test(a_sweep_runs_once_for_each_allocation_and_once_without_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
