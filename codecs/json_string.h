/* SPDX-License-Identifier: MIT */
/* The strings of JSON: keys, texts, and bytes in the form that json.c describes. */
#ifndef SHOAL_CODECS_JSON_STRING_H
#define SHOAL_CODECS_JSON_STRING_H

#include <shoal/codec.h>

/* A key. */
void shoal_json_string_write(struct shoal_writer *writer, const char *text, size_t len);
/* A text: one that looks like bytes is made to look different. */
void shoal_json_text_write(struct shoal_writer *writer, const char *text, size_t len);
void shoal_json_bytes_write(struct shoal_writer *writer, const uint8_t *data, size_t len);
/* How long that is. */
size_t shoal_json_bytes_bound(size_t len);

/* The string at the cursor as token->type says: a KEY; or a STRING, which may turn out to be BYTES.
 * SHOAL_ERR_MALFORMED. */
int shoal_json_string_read(struct shoal_reader *reader, struct shoal_token *token);
/* The content of an escaped token. */
void shoal_json_string_copy(const struct shoal_token *token, uint8_t *dst);

#endif
