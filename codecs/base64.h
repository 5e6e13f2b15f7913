/* SPDX-License-Identifier: MIT */
/* Base64 (RFC 4648, section 4: with padding), strict: one form for each sequence of bytes. */
#ifndef SHOAL_CODECS_BASE64_H
#define SHOAL_CODECS_BASE64_H

#include <shoal/cursor.h>

void shoal_base64_write(struct shoal_writer *writer, const uint8_t *data, size_t len);

/* Whether text is the base64 of something, and of how many bytes. */
bool shoal_base64_check(const uint8_t *text, size_t len, size_t *bytes);

/* Decodes a text that was checked. */
void shoal_base64_decode(const uint8_t *text, size_t len, uint8_t *dst);

#endif
