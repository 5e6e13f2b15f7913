/* SPDX-License-Identifier: MIT */
/* Builds text in a buffer without libc's formatted output: cut to fit, always terminated. */
#ifndef SHOAL_BASE_TEXT_H
#define SHOAL_BASE_TEXT_H

#include <shoal/types.h>

struct shoal_text {
	char *data;
	size_t len, cap;
	bool cut;
};

/* cap 0 is allowed; then nothing is written. */
void shoal_text_init(struct shoal_text *text, char *data, size_t cap);
void shoal_text_str(struct shoal_text *text, const char *str);
/* At most len bytes of str; stops at a zero; control bytes become '?'. */
void shoal_text_strn(struct shoal_text *text, const char *str, size_t len);
void shoal_text_char(struct shoal_text *text, char c);
void shoal_text_u64(struct shoal_text *text, uint64_t value);
/* Lower case, no prefix, at least `digits` digits. */
void shoal_text_hex(struct shoal_text *text, uint64_t value, unsigned digits);
void shoal_text_id(struct shoal_text *text, const struct shoal_id *id);
void shoal_text_addr(struct shoal_text *text, const struct shoal_addr *addr);
/* "830 us", "12 ms", "4.1 s", "3 min", "5 h": two digits of precision where it matters. */
void shoal_text_duration(struct shoal_text *text, uint64_t ns);

/* Decimal, no sign, no space, whole string, at most max. false: anything else. */
bool shoal_text_parse_u64(const char *str, uint64_t max, uint64_t *value);

/* Whether len bytes can be a name: UTF-8 without control characters (C0, DEL, C1), so that printing
 * it does nothing to a terminal or a log. */
bool shoal_text_is_name(const uint8_t *data, size_t len);

/* Whether len bytes are valid UTF-8 without zero bytes (overlong forms, surrogates, above U+10FFFF
 * are not). */
bool shoal_text_is_utf8(const uint8_t *data, size_t len);

#endif
