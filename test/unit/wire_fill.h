/* SPDX-License-Identifier: MIT */
/* Values for every field of a message, made from its table, and an account of their encoding that
 * shares no code with the codec: for the tests of lib/wire. */
#ifndef SHOAL_TEST_WIRE_FILL_H
#define SHOAL_TEST_WIRE_FILL_H

#include "wire/message.h"

enum fill_how {
	FILL_LEAST, /* zeros, empty texts and lists, no address */
	FILL_MOST,  /* every number and length at its limit, IPv6 */
	FILL_DRAWN  /* anything between; IPv4 and IPv6 */
};

/* All fields of the struct. seed: for FILL_DRAWN. Texts point to memory that lives on. */
void fill_message(
        const struct shoal_layout *layout, void *message, enum fill_how how, uint64_t *seed);

/* Bytes that the nth field of the struct takes. */
size_t fill_width(const struct shoal_layout *layout, size_t nth, const void *message);

/* Whether two structs hold the same in a field. Scopes of addresses are not looked at. */
bool fill_same(const struct shoal_field *field, const void *a, const void *b);

/* The next kind after `kind` that has a table, 0: none. Begin with 0. */
uint16_t fill_next_kind(uint16_t kind);

/* A copy on the heap of exactly len bytes, so that the address sanitizer sees a byte too many. Free
 * it. */
uint8_t *fill_exact(const uint8_t *data, size_t len);

#endif
