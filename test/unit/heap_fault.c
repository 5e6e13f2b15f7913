/* SPDX-License-Identifier: MIT */
/* The failing allocator. Each block is header, guard, the caller's bytes, guard; the header is as
 * large as the strictest alignment. Blocks come from libc's malloc, so that the sanitizers see them
 * too. */
#include "heap_fault.h"

#include "unit.h"
#include <shoal/error.h>

#include <stdlib.h>

#define GUARD       UINT64_C(0x5a5aa5a5c3c33c3c)
#define SWEEP_LIMIT 100000

struct block {
	_Alignas(max_align_t) size_t size;
	uint64_t guard;
};

static bool
fails(struct heap_fault *fault)
{
	fault->calls++;
	if (fault->fail_at == 0 || fault->calls < fault->fail_at ||
	        (fault->calls > fault->fail_at && !fault->fail_on)) {
		return false;
	}
	fault->failed++;
	return true;
}

static uint8_t *
data_of(struct block *block)
{
	return (uint8_t *)(block + 1);
}

static void *
take(struct heap_fault *fault, size_t size)
{
	const uint64_t guard = GUARD;
	struct block *block;

	assert_true(size > 0);
	assert_true(size < SIZE_MAX / 2);
	block = malloc(sizeof(*block) + size + sizeof(guard));
	assert_non_null(block);
	block->size = size;
	block->guard = GUARD;
	memset(data_of(block), 0xa7, size);
	memcpy(data_of(block) + size, &guard, sizeof(guard));
	fault->live++;
	fault->bytes += size;
	if (fault->bytes > fault->peak) {
		fault->peak = fault->bytes;
	}
	return data_of(block);
}

static struct block *
block_of(void *ptr)
{
	const uint64_t guard = GUARD;
	struct block *block = (struct block *)ptr - 1;

	assert_true(block->guard == GUARD);
	assert_memory_equal(data_of(block) + block->size, &guard, sizeof(guard));
	return block;
}

static void
fault_free(void *ptr, void *arg)
{
	struct heap_fault *fault = arg;
	struct block *block = block_of(ptr);

	assert_true(fault->live > 0);
	fault->live--;
	fault->bytes -= block->size;
	memset(block, 0x7a, sizeof(*block) + block->size);
	free(block);
}

static void *
fault_malloc(size_t size, void *arg)
{
	return fails(arg) ? NULL : take(arg, size);
}

static void *
fault_realloc(void *ptr, size_t size, void *arg)
{
	struct block *old = block_of(ptr);
	uint8_t *moved;

	if (fails(arg)) {
		return NULL;
	}
	moved = take(arg, size);
	memcpy(moved, ptr, old->size < size ? old->size : size);
	fault_free(ptr, arg);
	return moved;
}

void
heap_fault_init(struct heap_fault *fault)
{
	*fault = (struct heap_fault){.mem = {fault_malloc, fault_realloc, fault_free, fault}};
}

static size_t
sweep(heap_fault_scenario scenario, void *arg, bool fail_on, bool tolerant)
{
	size_t k;

	for (k = 1; k <= SWEEP_LIMIT; k++) {
		struct heap_fault fault;
		int err;

		heap_fault_init(&fault);
		fault.fail_at = k;
		fault.fail_on = fail_on;
		err = scenario(&fault.mem, arg);
		if (fault.live != 0) {
			fail_msg("%zu blocks leaked after allocation %zu failed", fault.live, k);
		}
		if (fault.failed == 0) {
			assert_int_equal(err, 0);
			return k - 1;
		}
		if (err != SHOAL_ERR_NOMEM && !(tolerant && err == 0)) {
			fail_msg("allocation %zu failed, the scenario returned %d", k, err);
		}
	}
	fail_msg("the scenario still allocates after %d calls", SWEEP_LIMIT);
	return 0;
}

size_t
heap_fault_sweep(heap_fault_scenario scenario, void *arg)
{
	size_t count = sweep(scenario, arg, false, false);

	sweep(scenario, arg, true, false);
	return count;
}

size_t
heap_fault_sweep_tolerant(heap_fault_scenario scenario, void *arg)
{
	size_t count = sweep(scenario, arg, false, true);

	sweep(scenario, arg, true, true);
	return count;
}
