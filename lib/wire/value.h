/* SPDX-License-Identifier: MIT */
/* How a tree of values lies in memory, for value.c and for the files that make and read trees.
 *
 * A value is a node of 16 bytes. The nodes of an array stand in one block, the pairs of a map in
 * another with the order of its keys behind them; texts and bytes up to 7 stand in the node itself.
 * So a tree is about as large as a document that says the same, and a hostile one cannot make much
 * more of it than it is long. */
#ifndef SHOAL_WIRE_VALUE_H
#define SHOAL_WIRE_VALUE_H

#include <shoal/value.h>

#define SHOAL_VALUE_SMALL 7   /* bytes in a node, without the zero */
#define SHOAL_VALUE_EXACT 255 /* room: as much as there are items */

struct shoal_value_pair;

struct shoal_value {
	uint8_t type;
	uint8_t height; /* arrays and maps inside each other, with this one; 0: a leaf */
	uint8_t room;   /* ARRAY, MAP: log2 of what the block holds */
	uint32_t len;   /* bytes, items, pairs */
	union {
		bool boolean;
		int64_t int64;
		uint64_t uint64;
		double number;
		char small[SHOAL_VALUE_SMALL + 1];
		char *text;
		struct shoal_value *item;
		struct shoal_value_pair *pair;
	} is;
};

struct shoal_value_pair {
	struct shoal_value key, value;
};

/* What a constructor gives: the node first. */
struct shoal_value_root {
	struct shoal_value node;
	struct shoal_allocator mem;
};

/* A root that takes a node over. NULL: no memory, the node was cleared. */
struct shoal_value *shoal_value_root_new(
        const struct shoal_allocator *mem, struct shoal_value node);

/* Room for a STRING or BYTES of len bytes and a zero, to be filled in; NULL: no memory. */
char *shoal_value_node_text(const struct shoal_allocator *mem, struct shoal_value *node,
        enum shoal_value_type type, size_t len);

/* The bytes of a STRING or BYTES. */
const char *shoal_value_node_data(const struct shoal_value *node);

/* An ARRAY or MAP of so many nulls, which shoal_value_node_place fills in. SHOAL_ERR_NOMEM: it is
 * empty. */
int shoal_value_node_begin(const struct shoal_allocator *mem, struct shoal_value *node,
        enum shoal_value_type type, size_t count);

/* Moves a value, with its key where it is a map, to place i or behind the last one. The order of a
 * map's keys is left to shoal_value_node_end. For append: SHOAL_ERR_NOMEM, SHOAL_ERR_TOO_BIG:
 * nothing was moved. */
void shoal_value_node_place(struct shoal_value *node, size_t i, const struct shoal_value *key,
        const struct shoal_value *value);
int shoal_value_node_append(const struct shoal_allocator *mem, struct shoal_value *node,
        const struct shoal_value *key, const struct shoal_value *value);

/* Gives back the room that is not needed, and orders a map's keys. SHOAL_ERR_MALFORMED: one is
 * there twice. */
int shoal_value_node_end(const struct shoal_allocator *mem, struct shoal_value *node);

/* Frees what the node holds and makes it null. */
void shoal_value_node_clear(const struct shoal_allocator *mem, struct shoal_value *node);

/* The pairs of a map in the order of their keys. */
const uint32_t *shoal_value_node_order(const struct shoal_value *node);

#endif
