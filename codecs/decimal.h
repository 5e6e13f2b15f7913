/* SPDX-License-Identifier: MIT */
/* Doubles as decimal text, exact in both directions, the same on every machine and in every
 * locale. */
#ifndef SHOAL_CODECS_DECIMAL_H
#define SHOAL_CODECS_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHOAL_DECIMAL_TEXT 32

/* Writes a finite number with the fewest digits, at most 17, that read back as the same number, and
 * with a point or an exponent, so that it is not taken for an integer: "1.0", "-0.001", "6.02e23".
 * Returns the length; no zero is written. */
size_t shoal_decimal_print(double value, char text[SHOAL_DECIMAL_TEXT]);

/* The double nearest to a number in JSON's form (ties to even), which the caller has looked at:
 * digits, perhaps '-', '.', 'e'. false: beyond the largest double. */
bool shoal_decimal_parse(const char *text, size_t len, double *value);

#endif
