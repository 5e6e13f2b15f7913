/* SPDX-License-Identifier: MIT */
/* What belongs to a process is not used in a child of fork, and that is asked for each packet and
 * each call: getpid is a system call, as dear as what a message costs in all.
 *
 * The number stands in a page that the kernel empties in each child, however it is made; who finds
 * none there takes the next one, which nobody before it in its line had. Where the kernel knows
 * no such pages the process id is the number. */
#define _GNU_SOURCE
#include "transports/process.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

typedef _Atomic uint64_t number_type;

static _Atomic(number_type *) page;
static number_type last; /* number that was taken in this line of processes */
static number_type none; /* stands for a page that cannot be had */

static number_type *
make_page(void)
{
	size_t size = sizeof(number_type);
	number_type *made =
	        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	number_type *expected = NULL;

	if (made == MAP_FAILED) {
		made = &none;
	} else if (madvise(made, size, MADV_WIPEONFORK) != 0) {
		(void)munmap(made, size);
		made = &none;
	}
	if (atomic_compare_exchange_strong(&page, &expected, made)) {
		return made;
	}
	if (made != &none) {
		(void)munmap(made, size);
	}
	return expected; /* another thread's */
}

uint64_t
shoal_process_number(void)
{
	number_type *at = atomic_load_explicit(&page, memory_order_acquire);
	uint64_t number, taken;

	at = at != NULL ? at : make_page();
	if (at == &none) {
		return (uint64_t)getpid();
	}
	number = atomic_load_explicit(at, memory_order_relaxed);
	if (number != 0) {
		return number;
	}
	taken = atomic_fetch_add(&last, 1) + 1;
	return atomic_compare_exchange_strong(at, &number, taken) ? taken : number;
}
