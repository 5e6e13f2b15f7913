/* SPDX-License-Identifier: MIT */
/* Assertions of our own invariants: on in every build type, never on anything that a packet or a
 * caller can influence. Runs the host's hook (shoal_on_panic), then traps. */
#ifndef SHOAL_BASE_PANIC_H
#define SHOAL_BASE_PANIC_H

#include <shoal/error.h>

_Noreturn void shoal_panic(const char *expression, const char *file, int line);

#define SHOAL_ASSERT(expression)                                                                   \
	((expression) ? (void)0 : shoal_panic(#expression, __FILE__, __LINE__))

#endif
