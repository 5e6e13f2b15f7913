/* SPDX-License-Identifier: MIT */
/* Hash table from a key to a 32-bit number (a slot of a slab): open addressing, robin hood, keyed
 * by SipHash so that a peer cannot aim for collisions. It stores no keys: the owner compares. 8
 * bytes a bucket, at most 7/8 full; grows by half, up to the limit. All operations O(1)
 * expected; growing is O(n). */
#ifndef SHOAL_BASE_TABLE_H
#define SHOAL_BASE_TABLE_H

#include <shoal/types.h>

#define SHOAL_TABLE_NONE UINT32_MAX

/* Whether the object numbered value has this key. */
typedef bool (*shoal_table_equal)(const void *owner, uint32_t value, const void *key);

struct shoal_table_bucket;

struct shoal_table {
	const struct shoal_allocator *mem;
	struct shoal_table_bucket *bucket;
	size_t capacity;
	size_t count, limit;
	uint64_t key[2];
	shoal_table_equal equal;
	const void *owner;
};

/* Allocates nothing yet. limit: entries at most. */
void shoal_table_init(struct shoal_table *table, const struct shoal_allocator *mem,
        const uint64_t key[2], size_t limit, shoal_table_equal equal, const void *owner);
void shoal_table_done(struct shoal_table *table);
uint64_t shoal_table_hash(const struct shoal_table *table, const void *key, size_t len);
/* SHOAL_TABLE_NONE: not there. */
uint32_t shoal_table_find(const struct shoal_table *table, uint64_t hash, const void *key);
/* The key must not be there yet. SHOAL_ERR_LIMIT, SHOAL_ERR_NOMEM: unchanged. */
int shoal_table_put(struct shoal_table *table, uint64_t hash, uint32_t value);
/* false: not there. */
bool shoal_table_remove(struct shoal_table *table, uint64_t hash, uint32_t value);
size_t shoal_table_memory(const struct shoal_table *table);

#endif
