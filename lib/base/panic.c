/* SPDX-License-Identifier: MIT */
/* The end of a process in which one of our invariants does not hold. The hook is the library's only
 * mutable global; it is atomic because it may be set on one thread while another one fails. A trap
 * rather than abort(): base links no more of libc than memory and strings, and the core dump points
 * at the failing frame. */
#include "base/panic.h"

#include <stddef.h>

static _Atomic(shoal_panic_fn) hook;

void
shoal_on_panic(shoal_panic_fn fn)
{
	hook = fn;
}

void
shoal_panic(const char *expression, const char *file, int line)
{
	shoal_panic_fn fn = hook;

	if (fn != NULL) {
		fn(expression, file, line);
	}
	__builtin_trap();
}
