/* SPDX-License-Identifier: MIT */
/* A list of reasons in a bounded text.
 *
 * A join of many seeds may fail for more reasons than anybody reads. What has no place is counted,
 * never cut in the middle and never left out in silence: the text is complete after every addition.
 * Once a reason had no place none behind it is taken, so that those that are listed are the first
 * ones. */
#include "cluster/report/reasons.h"

#include <stdio.h>

/* "; and 4294967295 more" and a zero. */
#define TAIL 24

void
shoal_reasons_vadd(struct shoal_reasons *reasons, const char *format, va_list args)
{
	const char *between = reasons->len > 0 ? "; " : "";
	size_t room = sizeof(reasons->text) - reasons->len, need;
	char *at = reasons->text + reasons->len;
	int head, tail;

	if (reasons->more == 0) {
		head = snprintf(at, room, "%s", between);
		tail = vsnprintf(at + head, room - (size_t)head, format, args);
		need = (size_t)head + (size_t)(tail > 0 ? tail : 0);
		if (need + TAIL <= room) {
			reasons->len += need;
			return;
		}
		if (reasons->len == 0) {
			reasons->len = sizeof(reasons->text) - TAIL;
			reasons->text[reasons->len] = '\0';
			return;
		}
	}
	snprintf(at, room, "; and %u more", ++reasons->more);
}

void
shoal_reasons_add(struct shoal_reasons *reasons, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	shoal_reasons_vadd(reasons, format, args);
	va_end(args);
}

void
shoal_reasons_clear(struct shoal_reasons *reasons)
{
	reasons->text[0] = '\0';
	reasons->len = 0;
	reasons->more = 0;
}
