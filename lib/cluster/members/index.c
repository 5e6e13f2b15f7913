/* SPDX-License-Identifier: MIT */
/* The index of the list of members: open addressing over pages of 256 numbers, each the place of a
 * member + 1. The ids are in the members, so that a member that only changes leaves the index
 * alone; one that comes or goes changes one entry, or two.
 *
 * It is shared as the list is: the view and the snapshots hold the same one until an entry is
 * written, then the directory and one page are copied. Looking up is O(1), a member that comes or
 * goes O(members / 256) where a snapshot shares, and making it anew, O(members), comes after as
 * many members as a quarter of the entries; 5 to 8 bytes a member. Keyed, because a peer chooses
 * its id. */
#include "cluster/members/index.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/id.h"
#include "base/panic.h"

#include <string.h>

#define ENTRIES 256

struct shoal_index_page {
	_Atomic uint32_t refs;
	uint32_t entry[ENTRIES];
};

static struct shoal_index_page *
page_new(const struct shoal_allocator *mem)
{
	struct shoal_index_page *page = shoal_alloc_zeroed(mem, 1, sizeof(*page));

	if (page != NULL) {
		atomic_init(&page->refs, 1);
	}
	return page;
}

static void
page_unref(const struct shoal_allocator *mem, struct shoal_index_page *page)
{
	if (page != NULL && atomic_fetch_sub_explicit(&page->refs, 1, memory_order_acq_rel) == 1) {
		shoal_alloc_free(mem, page);
	}
}

/* Without its pages. */
static struct shoal_index *
directory_new(const struct shoal_allocator *mem, const uint64_t key[2], size_t pages)
{
	struct shoal_index *index = shoal_alloc_zeroed(
	        mem, 1, sizeof(*index) + pages * sizeof(struct shoal_index_page *));

	if (index != NULL) {
		atomic_init(&index->refs, 1);
		index->mem = mem;
		memcpy(index->key, key, sizeof(index->key));
		index->pages = pages;
	}
	return index;
}

static struct shoal_index *
with_pages(const struct shoal_allocator *mem, const uint64_t key[2], size_t pages)
{
	struct shoal_index *index = directory_new(mem, key, pages);

	for (size_t i = 0; index != NULL && i < pages; i++) {
		index->page[i] = page_new(mem);
		if (index->page[i] == NULL) {
			shoal_index_unref(index);
			return NULL;
		}
	}
	return index;
}

struct shoal_index *
shoal_index_new(const struct shoal_allocator *mem, const uint64_t key[2])
{
	return with_pages(mem, key, 1);
}

struct shoal_index *
shoal_index_ref(struct shoal_index *index)
{
	atomic_fetch_add_explicit(&index->refs, 1, memory_order_relaxed);
	return index;
}

void
shoal_index_unref(struct shoal_index *index)
{
	if (index == NULL ||
	        atomic_fetch_sub_explicit(&index->refs, 1, memory_order_acq_rel) != 1) {
		return;
	}
	for (size_t i = 0; i < index->pages; i++) {
		page_unref(index->mem, index->page[i]);
	}
	shoal_alloc_free(index->mem, index);
}

static uint32_t *
at(const struct shoal_index *index, size_t n)
{
	return &index->page[n / ENTRIES]->entry[n % ENTRIES];
}

/* Where the search for an id begins. */
static size_t
start_of(const struct shoal_index *index, const struct shoal_id *id)
{
	uint64_t hash = shoal_hash_sip(index->key, id->bytes, sizeof(id->bytes));

	return (size_t)((hash >> 32) * (index->pages * ENTRIES) >> 32);
}

static size_t
after(const struct shoal_index *index, size_t n)
{
	return n + 1 < index->pages * ENTRIES ? n + 1 : 0;
}

uint32_t
shoal_index_find(const struct shoal_index *index, const struct shoal_index_owner *owner,
        const struct shoal_id *id)
{
	for (size_t n = start_of(index, id);; n = after(index, n)) {
		uint32_t entry = *at(index, n);

		if (entry == 0) {
			return SHOAL_INDEX_NONE;
		}
		if (entry != SHOAL_INDEX_GONE &&
		        shoal_id_compare(owner->id_at(owner->owner, entry - 1), id) == 0) {
			return entry - 1;
		}
	}
}

static size_t
free_from(const struct shoal_index *index, const struct shoal_id *id)
{
	size_t n = start_of(index, id);

	while (*at(index, n) != 0 && *at(index, n) != SHOAL_INDEX_GONE) {
		n = after(index, n);
	}
	return n;
}

/* Twice as many entries as members, without the emptied ones. */
static int
make_anew(struct shoal_index **index, const struct shoal_index_owner *owner, size_t count)
{
	const struct shoal_index *old = *index;
	struct shoal_index *made = with_pages(old->mem, old->key, 2 * (count + 1) / ENTRIES + 1);

	if (made == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	for (size_t n = 0; n < old->pages * ENTRIES; n++) {
		uint32_t entry = *at(old, n);

		if (entry != 0 && entry != SHOAL_INDEX_GONE) {
			*at(made, free_from(made, owner->id_at(owner->owner, entry - 1))) = entry;
			made->used++;
		}
	}
	shoal_index_unref(*index);
	*index = made;
	return 0;
}

/* The directory, the view's own. */
static int
own_directory(struct shoal_index **index)
{
	struct shoal_index *old = *index, *copy;

	if (atomic_load_explicit(&old->refs, memory_order_acquire) == 1) {
		return 0;
	}
	copy = directory_new(old->mem, old->key, old->pages);
	if (copy == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	copy->used = old->used;
	for (size_t i = 0; i < old->pages; i++) {
		copy->page[i] = old->page[i];
		atomic_fetch_add_explicit(&copy->page[i]->refs, 1, memory_order_relaxed);
	}
	shoal_index_unref(old);
	*index = copy;
	return 0;
}

/* An entry, the view's own. NULL: no memory. */
static uint32_t *
own_entry(struct shoal_index **index, size_t n)
{
	struct shoal_index_page **page, *copy;

	if (own_directory(index) != 0) {
		return NULL;
	}
	page = &(*index)->page[n / ENTRIES];
	if (atomic_load_explicit(&(*page)->refs, memory_order_acquire) != 1) {
		copy = page_new((*index)->mem);
		if (copy == NULL) {
			return NULL;
		}
		memcpy(copy->entry, (*page)->entry, sizeof(copy->entry));
		page_unref((*index)->mem, *page);
		*page = copy;
	}
	return at(*index, n);
}

uint32_t *
shoal_index_room(struct shoal_index **index, const struct shoal_index_owner *owner, size_t count,
        const struct shoal_id *id)
{
	uint32_t *entry;

	if (((*index)->used + 1) * 4 > (*index)->pages * ENTRIES * 3 &&
	        make_anew(index, owner, count) != 0) {
		return NULL;
	}
	entry = own_entry(index, free_from(*index, id));
	if (entry != NULL && *entry == 0) {
		(*index)->used++; /* too many where the caller does not write it: made anew sooner
		                   */
	}
	return entry;
}

uint32_t *
shoal_index_entry(struct shoal_index **index, const struct shoal_id *id, size_t place)
{
	size_t n = start_of(*index, id);

	while (*at(*index, n) != place + 1) {
		SHOAL_ASSERT(*at(*index, n) != 0);
		n = after(*index, n);
	}
	return own_entry(index, n);
}
