/* SPDX-License-Identifier: MIT */
/* Why something failed that failed in several ways: "a: refused; b: timed out; and 3 more". */
#ifndef SHOAL_CLUSTER_REASONS_H
#define SHOAL_CLUSTER_REASONS_H

#include "cluster/report/last_error.h"

#include <stdarg.h>
#include <stddef.h>

/* All zero: none. */
struct shoal_reasons {
	char text[SHOAL_LAST_ERROR_MAX];
	size_t len;    /* of the reasons in text */
	unsigned more; /* reasons behind them that have no place */
};

/* Adds one. Those that have no place are counted; the first one is cut instead. */
void shoal_reasons_add(struct shoal_reasons *reasons, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
void shoal_reasons_vadd(struct shoal_reasons *reasons, const char *format, va_list args)
        __attribute__((format(printf, 2, 0)));
void shoal_reasons_clear(struct shoal_reasons *reasons);

#endif
