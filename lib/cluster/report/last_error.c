/* SPDX-License-Identifier: MIT */
/* shoal_last_error: why the last failing call on this thread failed.
 *
 * A code alone cannot say which address was taken or which field is wrong. The text lives in
 * thread-local storage, so that it needs neither a lock nor an object: shoal_cluster_new fails
 * before there is one. It is never cleared: it belongs to the last failure, whatever succeeded
 * since. */
#include "cluster/report/last_error.h"

#include <shoal/cluster.h>

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char last_error[SHOAL_LAST_ERROR_MAX];

void
shoal_last_error_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(last_error, sizeof(last_error), format, args);
	va_end(args);
}

const char *
shoal_last_error(void)
{
	return last_error;
}
