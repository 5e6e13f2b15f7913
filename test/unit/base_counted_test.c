/* SPDX-License-Identifier: MIT */
/* The allocator that counts: what is taken, moved and given back. */
#include "unit.h"

#include "base/alloc.h"
#include "base/counted.h"
#include "heap_fault.h"

static void
what_is_taken_is_counted_until_it_is_given_back(void **state)
{
	struct heap_fault fault;
	struct shoal_counted counted;
	const struct shoal_allocator *hooks = &counted.hooks;

	(void)state;
	heap_fault_init(&fault);
	shoal_counted_init(&counted, &fault.mem);
	char *text = hooks->malloc(10, hooks->arg);
	assert_non_null(text);
	memcpy(text, "123456789", 10);
	assert_int_equal(counted.taken, fault.bytes);
	text = hooks->realloc(text, 1000, hooks->arg);
	assert_string_equal(text, "123456789");
	assert_int_equal(counted.taken, fault.bytes);
	void *other = hooks->realloc(NULL, 5, hooks->arg);
	assert_non_null(other);
	assert_int_equal(counted.taken, fault.bytes);
	text = hooks->realloc(text, 4, hooks->arg);
	assert_memory_equal(text, "1234", 4);
	hooks->free(text, hooks->arg);
	hooks->free(other, hooks->arg);
	hooks->free(NULL, hooks->arg);
	assert_int_equal(counted.taken, 0);
	assert_int_equal(fault.live, 0);
}

static void
without_memory_nothing_changes(void **state)
{
	struct heap_fault fault;
	struct shoal_counted counted;

	(void)state;
	heap_fault_init(&fault);
	shoal_counted_init(&counted, &fault.mem);
	void *held = counted.hooks.malloc(8, counted.hooks.arg);
	size_t taken = counted.taken;
	fault.fail_at = fault.calls + 1;
	fault.fail_on = true;
	assert_null(counted.hooks.malloc(8, counted.hooks.arg));
	assert_null(counted.hooks.realloc(held, 100, counted.hooks.arg));
	assert_null(counted.hooks.malloc(SIZE_MAX - 1, counted.hooks.arg));
	assert_int_equal(counted.taken, taken);
	counted.hooks.free(held, counted.hooks.arg);
	assert_int_equal(fault.live, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_taken_is_counted_until_it_is_given_back),
	        cmocka_unit_test(without_memory_nothing_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
