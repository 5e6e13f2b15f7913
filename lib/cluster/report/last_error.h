/* SPDX-License-Identifier: MIT */
/* The text behind shoal_last_error: one buffer a thread, written by every public call that fails.
 */
#ifndef SHOAL_CLUSTER_LAST_ERROR_H
#define SHOAL_CLUSTER_LAST_ERROR_H

#include <shoal/error.h>

#define SHOAL_LAST_ERROR_MAX 1024

/* Sets the calling thread's text, cut to fit. */
void shoal_last_error_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Sets it, and is the code: return shoal_last_error_set(SHOAL_ERR_STATE, "...", ...). */
#define shoal_last_error_set(code, ...) (shoal_last_error_say(__VA_ARGS__), (code))

#endif
