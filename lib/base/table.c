/* SPDX-License-Identifier: MIT */
/* The hash table. Robin hood hashing (Celis 1986): an entry that is further from its home takes the
 * bucket of one that is nearer, which keeps all probe lengths close to the mean and lets a search
 * for what is not there stop early. Removal shifts the following entries back, so there are no
 * tombstones and the table does not wear out.
 *
 * Invariants: value SHOAL_TABLE_NONE marks an empty bucket; at most 7/8 of the buckets are taken,
 * so every walk meets an empty one; along a run of taken buckets the distance from home grows by at
 * most 1 a step. The home of a tag is its share of the buckets, not its low bits, so that a table
 * may have any number of them. */
#include "base/table.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/panic.h"
#include <shoal/error.h>

#define TABLE_FIRST 8
#define TABLE_LAST  ((size_t)1 << 31)

struct shoal_table_bucket {
	uint32_t tag; /* 32 bits of the hash: the home bucket, and a filter before equal() */
	uint32_t value;
};

void
shoal_table_init(struct shoal_table *table, const struct shoal_allocator *mem,
        const uint64_t key[2], size_t limit, shoal_table_equal equal, const void *owner)
{
	*table = (struct shoal_table){.mem = mem,
	        .limit = limit,
	        .key = {key[0], key[1]},
	        .equal = equal,
	        .owner = owner};
}

void
shoal_table_done(struct shoal_table *table)
{
	shoal_alloc_free(table->mem, table->bucket);
	table->bucket = NULL;
	table->capacity = table->count = 0;
}

uint64_t
shoal_table_hash(const struct shoal_table *table, const void *key, size_t len)
{
	return shoal_hash_sip(table->key, key, len);
}

static size_t
home_of(const struct shoal_table *table, uint32_t tag)
{
	return (size_t)((uint64_t)tag * table->capacity >> 32);
}

static size_t
after(const struct shoal_table *table, size_t place)
{
	return place + 1 < table->capacity ? place + 1 : 0;
}

static size_t
distance(const struct shoal_table *table, size_t place, uint32_t tag)
{
	size_t home = home_of(table, tag);

	return place >= home ? place - home : place + table->capacity - home;
}

static uint32_t
tag_of(uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32);
}

uint32_t
shoal_table_find(const struct shoal_table *table, uint64_t hash, const void *key)
{
	uint32_t tag = tag_of(hash);
	size_t place = home_of(table, tag), far;

	if (table->count == 0) {
		return SHOAL_TABLE_NONE;
	}
	for (far = 0;; far++, place = after(table, place)) {
		const struct shoal_table_bucket *bucket = &table->bucket[place];

		if (bucket->value == SHOAL_TABLE_NONE ||
		        distance(table, place, bucket->tag) < far) {
			return SHOAL_TABLE_NONE;
		}
		if (bucket->tag == tag && table->equal(table->owner, bucket->value, key)) {
			return bucket->value;
		}
	}
}

/* There is an empty bucket. */
static void
insert(struct shoal_table *table, struct shoal_table_bucket entry)
{
	size_t place = home_of(table, entry.tag), far = 0;

	for (;; place = after(table, place), far++) {
		struct shoal_table_bucket *bucket = &table->bucket[place];
		size_t theirs;

		if (bucket->value == SHOAL_TABLE_NONE) {
			*bucket = entry;
			return;
		}
		theirs = distance(table, place, bucket->tag);
		if (theirs < far) {
			struct shoal_table_bucket poorer = entry;

			entry = *bucket;
			*bucket = poorer;
			far = theirs;
		}
	}
}

static int
grow(struct shoal_table *table)
{
	struct shoal_table_bucket *old = table->bucket;
	size_t old_capacity = table->capacity, i;
	size_t capacity = old_capacity > 0 ? old_capacity + old_capacity / 2 : TABLE_FIRST;

	if (capacity > TABLE_LAST) {
		return SHOAL_ERR_LIMIT;
	}
	table->bucket = shoal_alloc_zeroed(table->mem, capacity, sizeof(*old));
	if (table->bucket == NULL) {
		table->bucket = old;
		return SHOAL_ERR_NOMEM;
	}
	table->capacity = capacity;
	for (i = 0; i < capacity; i++) {
		table->bucket[i].value = SHOAL_TABLE_NONE;
	}
	for (i = 0; i < old_capacity; i++) {
		if (old[i].value != SHOAL_TABLE_NONE) {
			insert(table, old[i]);
		}
	}
	shoal_alloc_free(table->mem, old);
	return 0;
}

int
shoal_table_put(struct shoal_table *table, uint64_t hash, uint32_t value)
{
	SHOAL_ASSERT(value != SHOAL_TABLE_NONE);
	if (table->count >= table->limit) {
		return SHOAL_ERR_LIMIT;
	}
	if ((table->count + 1) * 8 > table->capacity * 7) {
		int err = grow(table);

		if (err != 0) {
			return err;
		}
	}
	insert(table, (struct shoal_table_bucket){.tag = tag_of(hash), .value = value});
	table->count++;
	return 0;
}

bool
shoal_table_remove(struct shoal_table *table, uint64_t hash, uint32_t value)
{
	uint32_t tag = tag_of(hash);
	size_t place = home_of(table, tag), far;

	if (table->count == 0) {
		return false;
	}
	for (far = 0;; far++, place = after(table, place)) {
		const struct shoal_table_bucket *bucket = &table->bucket[place];

		if (bucket->value == SHOAL_TABLE_NONE ||
		        distance(table, place, bucket->tag) < far) {
			return false;
		}
		if (bucket->value == value && bucket->tag == tag) {
			break;
		}
	}
	/* Everything up to the next entry that is at home, or a gap, moves one back. */
	for (;;) {
		size_t next = after(table, place);
		const struct shoal_table_bucket *follower = &table->bucket[next];

		if (follower->value == SHOAL_TABLE_NONE ||
		        distance(table, next, follower->tag) == 0) {
			break;
		}
		table->bucket[place] = *follower;
		place = next;
	}
	table->bucket[place].value = SHOAL_TABLE_NONE;
	table->count--;
	return true;
}

size_t
shoal_table_memory(const struct shoal_table *table)
{
	return table->capacity * sizeof(struct shoal_table_bucket);
}
