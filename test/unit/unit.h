/* SPDX-License-Identifier: MIT */
/* What every unit test includes first: cmocka with the headers that it wants before it, and a way
 * to see an assertion of the library fail without ending the test. */
#ifndef SHOAL_TEST_UNIT_H
#define SHOAL_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Whether fn(arg) fails an assertion of the library. Runs it in a child process. */
bool unit_panics(void (*fn)(void *arg), void *arg);

/* A repeatable number for tests that draw; state is any value (SplitMix64, not one of the library's
 * generators). */
uint64_t unit_random(uint64_t *state);

#endif
