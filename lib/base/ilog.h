/* SPDX-License-Identifier: MIT */
/* Logarithms in integers, by table, in Q16 (65536 is 1.0): what two machines must agree on has no
 * floats. Error below 2^-14 over the whole range. */
#ifndef SHOAL_BASE_ILOG_H
#define SHOAL_BASE_ILOG_H

#include <stdint.h>

/* value 0 gives 0. */
uint32_t shoal_ilog2_q16(uint64_t value);
uint32_t shoal_ilog_ln_q16(uint64_t value);
uint32_t shoal_ilog_10_q16(uint64_t value);
/* Smallest integer not below ln(value); 0 for values below 2. */
uint32_t shoal_ilog_ln_ceil(uint64_t value);

#endif
