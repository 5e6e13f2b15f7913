/* SPDX-License-Identifier: MIT */
/* Drawn trees of values, and the codecs: for the tests of codecs/ and of what stands on them. */
#ifndef SHOAL_TEST_CODECS_DRAW_H
#define SHOAL_TEST_CODECS_DRAW_H

#include <shoal/value.h>

/* A tree of a few dozen values at most, none deeper than `depth`. finite: no infinities, no NaN. */
struct shoal_value *draw_value(uint64_t *seed, unsigned depth, bool finite);

/* A value from JSON, whose codec has tests of its own; it must be right. */
struct shoal_value *draw_json(const char *text);

/* Decodes bytes that lie in memory of exactly their length. */
int draw_decode(const struct shoal_codec_ops *codec, const void *data, size_t len,
        struct shoal_value **value);

/* Asserts that a codec makes these bytes (in hexadecimal digits) of a value given as JSON, and the
 * value of the bytes. */
void draw_expect_both(const struct shoal_codec_ops *codec, const char *json, const char *hex);
/* Asserts that it makes the value of the bytes. */
void draw_expect_value(const struct shoal_codec_ops *codec, const char *json, const char *hex);
/* Asserts that it refuses the bytes with this error. */
void draw_expect_error(const struct shoal_codec_ops *codec, int error, const char *hex);

/* Asserts that a value comes back through a codec. Returns the length of its document. */
size_t draw_round_trip(const struct shoal_codec_ops *codec, const struct shoal_value *value);

/* Bytes that a text in hexadecimal digits stands for; spaces are skipped. Returns their number. */
size_t draw_hex(const char *text, uint8_t *data, size_t cap);

#endif
