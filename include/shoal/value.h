/* SPDX-License-Identifier: MIT */
/* shoal/value.h - trees of values, and their way to bytes and back through any codec.
 *
 * A tree is built from its leaves: a constructor makes a value that the caller owns; adding it to
 * an array or putting it into a map takes it over, whether that succeeds or not. So only the root
 * is freed, and what the accessors give belongs to the tree and lives as long as the tree is not
 * changed or freed. Constructors give NULL where memory is short, and NULL is taken as such by
 * whatever takes a value over:
 *
 *     struct shoal_value *map = shoal_value_map(NULL);
 *     rc = shoal_value_put(map, "port", shoal_value_int64(NULL, 7946));
 *     rc = rc ? rc : shoal_value_put(map, "role", shoal_value_text(NULL, "backend"));
 *
 * A map keeps its keys in the order in which they came; looking for one costs O(log n). Arrays and
 * maps go into each other at most SHOAL_DEPTH_MAX deep.
 *
 * allocator: NULL for malloc; all values of a tree have the same one, which must outlive it.
 *
 * Threads: a tree is used by one thread at a time; one that nobody changes by any number. */
#ifndef SHOAL_VALUE_H
#define SHOAL_VALUE_H

#include <shoal/codec.h>
#include <shoal/error.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_value_type {
	SHOAL_VALUE_NULL,
	SHOAL_VALUE_BOOL,
	SHOAL_VALUE_INT64,
	SHOAL_VALUE_UINT64, /* an integer that INT64 cannot hold */
	SHOAL_VALUE_DOUBLE,
	SHOAL_VALUE_STRING,
	SHOAL_VALUE_BYTES,
	SHOAL_VALUE_ARRAY,
	SHOAL_VALUE_MAP
};

struct shoal_value;

/* Constructors. NULL: out of memory. The text of a string is copied; it must be UTF-8 without zero
 * bytes, which is looked at when the tree is encoded. */
SHOAL_API struct shoal_value *shoal_value_null(const struct shoal_allocator *allocator);
SHOAL_API struct shoal_value *shoal_value_bool(const struct shoal_allocator *allocator, bool value);
SHOAL_API struct shoal_value *shoal_value_int64(
        const struct shoal_allocator *allocator, int64_t value);
SHOAL_API struct shoal_value *shoal_value_uint64(
        const struct shoal_allocator *allocator, uint64_t value);
SHOAL_API struct shoal_value *shoal_value_double(
        const struct shoal_allocator *allocator, double value);
SHOAL_API struct shoal_value *shoal_value_string(
        const struct shoal_allocator *allocator, const char *text, size_t len);
SHOAL_API struct shoal_value *shoal_value_text(
        const struct shoal_allocator *allocator, const char *text);
SHOAL_API struct shoal_value *shoal_value_bytes(
        const struct shoal_allocator *allocator, const void *data, size_t len);
SHOAL_API struct shoal_value *shoal_value_array(const struct shoal_allocator *allocator);
SHOAL_API struct shoal_value *shoal_value_map(const struct shoal_allocator *allocator);

/* Adds a value behind the last one of an array. `value` is taken over in any case. SHOAL_ERR_NOMEM:
 * also where one of them is NULL; SHOAL_ERR_TYPE: no array; SHOAL_ERR_TOO_BIG: too deep;
 * SHOAL_ERR_INVALID: another allocator. */
SHOAL_API int shoal_value_add(struct shoal_value *array, struct shoal_value *value);

/* Puts a value into a map under a key, in place of the one that it has there. `value` is taken over
 * in any case. Errors as above. */
SHOAL_API int shoal_value_put(struct shoal_value *map, const char *key, struct shoal_value *value);

/* A tree of its own with the same content. SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_value_copy(struct shoal_value **copy, const struct shoal_value *value,
        const struct shoal_allocator *allocator);

/* Frees a root with all that it holds. NULL is allowed. */
SHOAL_API void shoal_value_free(struct shoal_value *value);

/* Same type and content; maps in any order of their keys; doubles that have the same bits. */
SHOAL_API bool shoal_value_equal(const struct shoal_value *a, const struct shoal_value *b);

/* Of NULL, the type NULL: what a map does not hold reads as null. */
SHOAL_API enum shoal_value_type shoal_value_type(const struct shoal_value *value);

/* "null", "bool", "int64", "uint64", "double", "string", "bytes", "array", "map"; "invalid" for any
 * other number. Static, never NULL. */
SHOAL_API const char *shoal_value_type_name(enum shoal_value_type type);

/* The content. SHOAL_ERR_TYPE, *result untouched: the value, which may be NULL, has another type.
 * An integer is given as any type of number that holds it exactly; nothing else is converted. A
 * string has a zero byte behind it. len may be NULL. */
SHOAL_API int shoal_value_get_bool(const struct shoal_value *value, bool *result);
SHOAL_API int shoal_value_get_int64(const struct shoal_value *value, int64_t *result);
SHOAL_API int shoal_value_get_uint64(const struct shoal_value *value, uint64_t *result);
SHOAL_API int shoal_value_get_double(const struct shoal_value *value, double *result);
SHOAL_API int shoal_value_get_string(
        const struct shoal_value *value, const char **result, size_t *len);
SHOAL_API int shoal_value_get_bytes(
        const struct shoal_value *value, const uint8_t **result, size_t *len);

/* Items of an array, pairs of a map; 0 for anything else. */
SHOAL_API size_t shoal_value_count(const struct shoal_value *value);

/* Item i of an array, or the value of pair i of a map; NULL: there is none. */
SHOAL_API const struct shoal_value *shoal_value_at(const struct shoal_value *value, size_t i);

/* The key of pair i of a map, with a zero byte behind it; NULL: there is none. */
SHOAL_API const char *shoal_value_key(const struct shoal_value *map, size_t i);

/* The value under a key; NULL: there is none, or it is no map. */
SHOAL_API const struct shoal_value *shoal_value_find(
        const struct shoal_value *map, const char *key);

/* What a document may cost. */
struct shoal_value_limits {
	uint32_t depth;    /* arrays and maps inside each other, at most SHOAL_DEPTH_MAX */
	uint32_t elements; /* values in all, keys not counted */
};

#define SHOAL_VALUE_ELEMENTS_MAX 65536 /* where no limits are given */

/* Writes a tree as the next value of a document. Failures show in the encoder. */
SHOAL_API void shoal_value_write(struct shoal_encoder *encoder, const struct shoal_value *value);

/* Encodes a tree. *data is the caller's, to be freed with the allocator's free, or free(3) where
 * that was NULL. SHOAL_ERR_TOO_BIG: longer than limit bytes; SHOAL_ERR_INVALID: a string is not
 * UTF-8 or holds a zero; SHOAL_ERR_UNSUPPORTED: a double that the codec has no form for;
 * SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_value_encode(const struct shoal_codec_ops *codec,
        const struct shoal_value *value, size_t limit, const struct shoal_allocator *allocator,
        uint8_t **data, size_t *len);

/* Decodes a document, which may be hostile, to a tree that the caller owns. It never takes more
 * than 24 bytes of memory for a byte of the document, and a few hundred in all; its time is
 * O(n log n). limits: NULL for SHOAL_DEPTH_MAX and SHOAL_VALUE_ELEMENTS_MAX. SHOAL_ERR_MALFORMED:
 * also where a key comes twice, or something is behind the value; SHOAL_ERR_TOO_BIG: beyond the
 * limits; SHOAL_ERR_UNSUPPORTED: well formed, and no value of ours; SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_value_decode(const struct shoal_codec_ops *codec, const uint8_t *data,
        size_t len, const struct shoal_value_limits *limits,
        const struct shoal_allocator *allocator, struct shoal_value **value);

#ifdef __cplusplus
}
#endif

#endif
