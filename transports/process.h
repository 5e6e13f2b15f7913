/* SPDX-License-Identifier: MIT */
/* Which process this is, told without a system call: a child of fork has another number. */
#ifndef SHOAL_TRANSPORTS_PROCESS_H
#define SHOAL_TRANSPORTS_PROCESS_H

#include <stdint.h>

/* This process's number, never 0. Any thread; takes no lock. */
uint64_t shoal_process_number(void);

#endif
