/* SPDX-License-Identifier: MIT */
/* An allocator for tests that fails where it is told to and knows what is still held, and the loop
 * that runs a scenario with a failure at its first allocation, its second, and so on until one run
 * needs no more of them.
 *
 *     static int
 *     scenario(const struct shoal_allocator *mem, void *arg)
 *     {
 *             make something through mem, use it, free it;
 *             return 0, or SHOAL_ERR_NOMEM where memory was short
 *     }
 *     ...
 *     heap_fault_sweep(scenario, NULL);
 *
 * A scenario cleans up after itself in either case, and what it asserts must hold also when memory
 * was short. Every block has guards before and after, is filled with rubbish when it is taken and
 * when it is freed, and a realloc always moves, so that a pointer kept too long reads nonsense also
 * without a sanitizer. */
#ifndef SHOAL_TEST_HEAP_FAULT_H
#define SHOAL_TEST_HEAP_FAULT_H

#include <shoal/types.h>

struct heap_fault {
	struct shoal_allocator mem; /* give &fault.mem to what is tested */
	size_t calls;               /* malloc and realloc, so far */
	size_t fail_at;             /* this call fails, 1 is the first; 0: none does */
	bool fail_on;               /* every call after fail_at fails too */
	size_t failed;              /* calls that failed */
	size_t live;                /* blocks held */
	size_t bytes;               /* and their sizes together */
	size_t peak;                /* the most that bytes ever was */
};

void heap_fault_init(struct heap_fault *fault);

/* 0: it went through; SHOAL_ERR_NOMEM: it ran out of memory and cleaned up. */
typedef int (*heap_fault_scenario)(const struct shoal_allocator *mem, void *arg);

/* Runs the scenario with allocation k failing, for k = 1, 2, ... until it goes through without
 * meeting the failure; asserts that each run left nothing behind, and that the code told of the
 * failure. Then again with k and all that follow failing. Returns the number of allocations of the
 * scenario. */
size_t heap_fault_sweep(heap_fault_scenario scenario, void *arg);

/* The same where a failure is coped with (dropped and counted) rather than reported: the code may
 * be 0. */
size_t heap_fault_sweep_tolerant(heap_fault_scenario scenario, void *arg);

#endif
