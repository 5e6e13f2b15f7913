/* SPDX-License-Identifier: MIT */
/* shoal/document.h - the metadata and the tags of a member as bytes: what SHOAL_INPUT_META takes
 * and struct shoal_core_member shows. Applications on a cluster use metadata.h.
 *
 * A document is empty, or { tags: VAR count, each VAR length and bytes; then, to the end, each key:
 * VAR length and bytes, type 1 byte, value }, tags and keys in the order of their bytes and each
 * once: documents that say the same are the same bytes. Values: BOOL one byte; INT64 and TIME
 * zigzag VAR; UINT64 VAR; DOUBLE 8 bytes; STRING and BYTES VAR length and bytes.
 *
 * Threads: plain values; the functions keep no state and may be called from any thread. Cost:
 * O(size of the document), nothing is allocated. */
#ifndef SHOAL_DOCUMENT_H
#define SHOAL_DOCUMENT_H

#include <shoal/cursor.h>
#include <shoal/error.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A value of metadata. Numbers are ABI and on the wire: append only. */
enum shoal_meta_type {
	SHOAL_META_NONE = 0, /* no value */
	SHOAL_META_BOOL = 1,
	SHOAL_META_INT64 = 2,
	SHOAL_META_UINT64 = 3,
	SHOAL_META_DOUBLE = 4,
	SHOAL_META_TIME = 5,   /* milliseconds since 1970, before it negative */
	SHOAL_META_STRING = 6, /* UTF-8 */
	SHOAL_META_BYTES = 7
};

struct shoal_meta_value {
	enum shoal_meta_type type;
	union {
		bool boolean;
		int64_t int64;
		uint64_t uint64;
		double number;
		int64_t time_ms;
		struct {
			const uint8_t *data; /* borrowed */
			size_t len;
		} bytes; /* STRING, BYTES */
	} is;
};

/* "bool", "int64", "uint64", "double", "time", "string", "bytes"; "none" for any other number.
 * Never NULL. */
SHOAL_API const char *shoal_meta_type_name(enum shoal_meta_type type);

/* Whether bytes are a document of at most SHOAL_META_MAX bytes. The functions below take valid ones
 * only. */
SHOAL_API bool shoal_document_is_valid(const uint8_t *data, size_t len);

/* Where reading stands: first the tags, then the keys. */
struct shoal_document_cursor {
	struct shoal_reader reader;
	uint64_t tags; /* not read yet */
};

/* Starts to read. */
SHOAL_API void shoal_document_begin(
        struct shoal_document_cursor *cursor, const uint8_t *data, size_t len);

/* The next tag, borrowed, without a zero. false: there is none. */
SHOAL_API bool shoal_document_next_tag(
        struct shoal_document_cursor *cursor, const char **tag, size_t *len);

/* The next key and its value, borrowed; tags that were not read are passed over. value may be NULL.
 * false: there is none. */
SHOAL_API bool shoal_document_next(struct shoal_document_cursor *cursor, const char **key,
        size_t *len, struct shoal_meta_value *value);

/* The value of a key. SHOAL_ERR_NOT_FOUND: *value untouched. */
SHOAL_API int shoal_document_find(const uint8_t *data, size_t len, const char *key, size_t key_len,
        struct shoal_meta_value *value);

/* Whether a tag is there. */
SHOAL_API bool shoal_document_has_tag(
        const uint8_t *data, size_t len, const char *tag, size_t tag_len);

/* Writes the document with a key set, or with value NULL without it, into out, which must not
 * overlap; *out_len is its length. SHOAL_ERR_INVALID: the key is empty, above SHOAL_META_KEY_MAX or
 * no UTF-8 without control characters, or the value is no UTF-8 or of no type; SHOAL_ERR_TOO_BIG:
 * it would be longer than cap or than SHOAL_META_MAX; SHOAL_ERR_NOT_FOUND: value NULL, and the key
 * is not there. */
SHOAL_API SHOAL_MUST_USE int shoal_document_set(const uint8_t *data, size_t len, const char *key,
        size_t key_len, const struct shoal_meta_value *value, uint8_t *out, size_t cap,
        size_t *out_len);

/* The same with a tag added or removed. One that is there already is there once. */
SHOAL_API SHOAL_MUST_USE int shoal_document_tag(const uint8_t *data, size_t len, const char *tag,
        size_t tag_len, bool wanted, uint8_t *out, size_t cap, size_t *out_len);

/* What differs between two documents: SHOAL_CHANGE_TAGS, SHOAL_CHANGE_METADATA. */
SHOAL_API unsigned shoal_document_changes(
        const uint8_t *before, size_t before_len, const uint8_t *after, size_t after_len);

/* The keys that differ, in order. */
struct shoal_document_diff {
	struct shoal_document_cursor before, after;
	const char *old_key, *new_key; /* NULL: no more */
	size_t old_len, new_len;
	struct shoal_meta_value old_value, new_value;
};

/* Starts to compare. */
SHOAL_API void shoal_document_diff_begin(struct shoal_document_diff *diff, const uint8_t *before,
        size_t before_len, const uint8_t *after, size_t after_len);

/* The next of them, borrowed from one of the documents. false: there is none. */
SHOAL_API bool shoal_document_diff_next(struct shoal_document_diff *diff, const char **key,
        size_t *len, enum shoal_key_change *change);

#ifdef __cplusplus
}
#endif

#endif
