/* SPDX-License-Identifier: MIT */
/* Times, durations and words as people write them, and text of others made safe for a terminal. */
#ifndef SHOAL_CLI_TEXT_H
#define SHOAL_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define CLI_TIME_TEXT     32
#define CLI_DURATION_TEXT 32

/* Now: nanoseconds since 1970, and milliseconds of a clock that never jumps. */
uint64_t cli_text_wall_ns(void);
uint64_t cli_text_boot_ms(void);

/* "2026-05-01T12:00:00.123Z". Returns text. */
const char *cli_text_time(uint64_t wall_ns, char text[CLI_TIME_TEXT]);

/* "15:04:05.123" in the local time zone. Returns text. */
const char *cli_text_clock(uint64_t wall_ns, char text[CLI_TIME_TEXT]);

/* "850ms", "4.1s", "3m12s", "2h05m", "4d03h". Returns text. */
const char *cli_text_duration(uint64_t ms, char text[CLI_DURATION_TEXT]);

/* Reads "500ms", "2s", "1m" or "1h". -1: anything else; *ms untouched. */
int cli_text_parse_duration(const char *text, uint64_t *ms);

/* Reads 16 hexadecimal digits: the print of a key. -1: anything else; *print untouched. */
int cli_text_print(const char *text, uint64_t *print);

/* 1 for true, yes, on, 1; 0 for false, no, off, 0; -1 for anything else. */
int cli_text_bool(const char *text);

/* Copies, cut to fit, with '?' for control characters (C0, DEL, C1) and what else is no printable
 * UTF-8: a member's name comes from the network and must not steer the terminal. Returns the
 * columns that the copy takes on a terminal. */
size_t cli_text_printable(const char *text, char *copy, size_t len);

/* Cuts a text that cli_text_printable made to at most so many columns of a terminal. Returns the
 * columns that it then takes. */
size_t cli_text_cut(char *text, size_t columns);

/* The printable copy, whole. The caller frees it. */
char *cli_text_safe(const char *text);

#endif
