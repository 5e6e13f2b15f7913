/* SPDX-License-Identifier: MIT */
/* Field tables: every protocol message is described once, by a list of fields in message.h. The
 * list makes the C struct and the table; every codec, printer and document is driven by the table.
 *
 * Once a release has gone out, a field is appended, never removed or reordered. Behind a FLAG, LONG
 * or WORD come only others of these. A decoder gives fields that an older sender did not write the
 * value zero, and skips what a newer sender wrote after the last field that it knows.
 */
#ifndef SHOAL_WIRE_FIELD_H
#define SHOAL_WIRE_FIELD_H

#include <shoal/types.h>

/* Borrowed bytes inside the packet. */
struct shoal_span {
	const uint8_t *data;
	size_t len;
};

struct shoal_id_list {
	size_t count;
	struct shoal_id item[SHOAL_ACCUSERS_MAX];
};

struct shoal_addr_list {
	size_t count;
	struct shoal_addr item[SHOAL_ADDRS_MAX];
};

/* X(TYPE, C type, size of the shortest encoding, text) */
#define SHOAL_FIELD_TYPES(X)                                                                       \
	X(U8, uint8_t, 1, "one byte, at most the limit")                                           \
	X(U32, uint32_t, 4, "4 bytes, network order")                                              \
	X(FLAG, uint8_t, 0,                                                                        \
	        "one byte, at most the limit; not written where it and all behind it are 0")       \
	X(U64, uint64_t, 8, "8 bytes, network order")                                              \
	X(LONG, uint64_t, 0,                                                                       \
	        "8 bytes, network order; not written where it and all behind it are 0")            \
	X(VAR, uint64_t, 1, "LEB128, shortest form, at most the limit")                            \
	X(ID, struct shoal_id, 16, "16 bytes")                                                     \
	X(SALT, struct shoal_salt, 16, "16 bytes")                                                 \
	X(ADDR, struct shoal_addr, 1, "0: none; 4: 4 bytes, port; 6: 16 bytes, port")              \
	X(TEXT, struct shoal_span, 1,                                                              \
	        "VAR length at most the limit, UTF-8 without control characters")                  \
	X(WORD, struct shoal_span, 0,                                                              \
	        "as TEXT; not written where it is empty and all behind it are 0 or empty")         \
	X(IDS, struct shoal_id_list, 1, "one byte count at most the limit, ids")                   \
	X(ADDRS, struct shoal_addr_list, 1, "one byte count at most the limit, addresses")         \
	X(BYTES, struct shoal_span, 1, "VAR length at most the limit, bytes")

enum shoal_field_type {
#define SHOAL_X(name, ctype, least, text) SHOAL_FIELD_##name,
	SHOAL_FIELD_TYPES(SHOAL_X)
#undef SHOAL_X
	SHOAL_FIELD_TYPE_COUNT
};

#define SHOAL_X(name, ctype, least, text) typedef ctype shoal_field_##name;
SHOAL_FIELD_TYPES(SHOAL_X)
#undef SHOAL_X

struct shoal_field {
	const char *name;
	enum shoal_field_type type;
	uint16_t offset; /* in the struct */
	uint64_t limit;  /* highest value, length or count  */
};

struct shoal_layout {
	const char *name;
	const struct shoal_field *field;
	uint16_t fields;
	uint16_t size; /* of the struct */
	uint16_t kind;
};

#endif
