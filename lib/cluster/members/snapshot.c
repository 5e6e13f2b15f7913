/* SPDX-License-Identifier: MIT */
/* Snapshots of the member list.
 *
 * Members stand in pages of 64 references. The view (the loop's side) and each snapshot hold
 * references to pages; a page that nobody else holds is changed in place, a shared one is copied
 * first. So a snapshot costs O(n / 64), a change O(64) at most, and a reader never waits for the
 * loop nor the loop for a reader. Whether a page is shared is seen in its count: only the view
 * could hand out another reference, and it is the one asking. The index by id is shared in the same
 * way; a list that a filter made has none.
 *
 * Members are dense, an emptied place takes the last one. This member is set first and never
 * removed, so that it stays at index 0. */
#include "cluster/members/snapshot.h"

#include "base/alloc.h"
#include "base/panic.h"
#include "cluster/members/criteria.h"
#include "cluster/members/index.h"

#include <shoal/metadata.h>

#include <string.h>

#define PAGE 64

struct shoal_page {
	_Atomic uint32_t refs;
	uint32_t count;
	struct shoal_member *member[PAGE];
};

struct shoal_member_list {
	_Atomic uint32_t refs;
	const struct shoal_allocator *mem;
	struct shoal_index *index; /* NULL: a filter's, or nobody is in it */
	size_t count;
	struct shoal_page *page[];
};

static size_t
pages_of(size_t count)
{
	return (count + PAGE - 1) / PAGE;
}

static struct shoal_page *
page_new(const struct shoal_allocator *mem)
{
	struct shoal_page *page = shoal_alloc_zeroed(mem, 1, sizeof(*page));

	if (page != NULL) {
		atomic_init(&page->refs, 1);
	}
	return page;
}

static struct shoal_page *
page_ref(struct shoal_page *page)
{
	atomic_fetch_add_explicit(&page->refs, 1, memory_order_relaxed);
	return page;
}

static void
page_unref(const struct shoal_allocator *mem, struct shoal_page *page)
{
	if (atomic_fetch_sub_explicit(&page->refs, 1, memory_order_acq_rel) != 1) {
		return;
	}
	for (uint32_t i = 0; i < page->count; i++) {
		shoal_member_unref(page->member[i]);
	}
	shoal_alloc_free(mem, page);
}

void
shoal_view_init(struct shoal_view *view, const struct shoal_allocator *mem, const uint64_t key[2])
{
	memset(view, 0, sizeof(*view));
	view->mem = mem;
	memcpy(view->key, key, sizeof(view->key));
}

void
shoal_view_done(struct shoal_view *view)
{
	const struct shoal_allocator *mem = view->mem;

	for (size_t i = 0; i < pages_of(view->count); i++) {
		page_unref(view->mem, view->page[i]);
	}
	shoal_alloc_free(view->mem, view->page);
	shoal_alloc_free(view->mem, view->place);
	shoal_alloc_free(view->mem, view->slot);
	shoal_index_unref(view->index);
	memset(view, 0, sizeof(*view));
	view->mem = mem;
}

static size_t
doubled(size_t capacity, size_t n)
{
	if (capacity == 0) {
		capacity = 16;
	}
	while (capacity < n) {
		capacity *= 2;
	}
	return capacity;
}

/* Makes the array hold n numbers at least; new ones are zero. */
static int
grow_numbers(const struct shoal_allocator *mem, uint32_t **array, size_t *capacity, size_t n)
{
	size_t more = doubled(*capacity, n);
	uint32_t *grown;

	if (n <= *capacity) {
		return 0;
	}
	grown = shoal_alloc_resize(mem, *array, more, sizeof(**array));
	if (grown == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	memset(grown + *capacity, 0, (more - *capacity) * sizeof(*grown));
	*array = grown;
	*capacity = more;
	return 0;
}

static int
grow_pages(struct shoal_view *view, size_t n)
{
	size_t more = doubled(view->page_capacity, n);
	struct shoal_page **grown;

	if (n <= view->page_capacity) {
		return 0;
	}
	grown = shoal_alloc_resize(view->mem, view->page, more, sizeof(struct shoal_page *));
	if (grown == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	view->page = grown;
	view->page_capacity = more;
	return 0;
}

/* The page of an index, the view's own: copied where a snapshot has it too. NULL: no memory. */
static struct shoal_page *
own_page(struct shoal_view *view, size_t index)
{
	struct shoal_page **at = &view->page[index / PAGE];
	struct shoal_page *old = *at, *copy;

	if (atomic_load_explicit(&old->refs, memory_order_acquire) == 1) {
		return old;
	}
	copy = page_new(view->mem);
	if (copy == NULL) {
		return NULL;
	}
	copy->count = old->count;
	for (uint32_t i = 0; i < old->count; i++) {
		copy->member[i] = shoal_member_ref(old->member[i]);
	}
	page_unref(view->mem, old);
	*at = copy;
	return copy;
}

static struct shoal_member **
member_at(struct shoal_page *const *page, size_t index)
{
	return &page[index / PAGE]->member[index % PAGE];
}

struct shoal_member *
shoal_view_at(const struct shoal_view *view, uint32_t slot)
{
	if (slot >= view->place_capacity || view->place[slot] == 0) {
		return NULL;
	}
	return *member_at(view->page, view->place[slot] - 1);
}

static const struct shoal_id *
id_at(const void *pages, uint32_t place)
{
	return &(*member_at(pages, place))->id;
}

/* An entry of the index to write a new member's place to. NULL: no memory. */
static uint32_t *
room_for(struct shoal_view *view, const struct shoal_member *member)
{
	struct shoal_index_owner owner = {.id_at = id_at, .owner = view->page};

	if (view->index == NULL) {
		view->index = shoal_index_new(view->mem, view->key);
	}
	return view->index == NULL
	               ? NULL
	               : shoal_index_room(&view->index, &owner, view->count, &member->id);
}

static int
append(struct shoal_view *view, uint32_t slot, struct shoal_member *member)
{
	size_t index = view->count;
	struct shoal_page *page;
	uint32_t *entry;

	if (grow_numbers(view->mem, &view->place, &view->place_capacity, (size_t)slot + 1) != 0 ||
	        grow_numbers(view->mem, &view->slot, &view->slot_capacity, index + 1) != 0 ||
	        grow_pages(view, pages_of(index + 1)) != 0 ||
	        (entry = room_for(view, member)) == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	if (index % PAGE == 0) {
		page = view->page[index / PAGE] = page_new(view->mem);
	} else {
		page = own_page(view, index);
	}
	if (page == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	page->member[page->count++] = shoal_member_ref(member);
	view->slot[index] = slot;
	view->place[slot] = *entry = (uint32_t)index + 1;
	view->count++;
	return 0;
}

/* Another member in the place of old: the page is written by the caller. */
static int
index_other(struct shoal_view *view, const struct shoal_member *old,
        const struct shoal_member *member, size_t place)
{
	uint32_t *entry, *former;

	if (shoal_id_compare(&old->id, &member->id) == 0) {
		return 0;
	}
	entry = room_for(view, member);
	former = entry != NULL ? shoal_index_entry(&view->index, &old->id, place) : NULL;
	if (former == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	*entry = *former;
	*former = SHOAL_INDEX_GONE;
	return 0;
}

int
shoal_view_set(struct shoal_view *view, uint32_t slot, struct shoal_member *member)
{
	struct shoal_member *old = shoal_view_at(view, slot);
	struct shoal_page *page;
	size_t index;

	if (old == NULL) {
		return append(view, slot, member);
	}
	index = view->place[slot] - 1;
	page = own_page(view, index);
	if (page == NULL || index_other(view, old, member, index) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	page->member[index % PAGE] = shoal_member_ref(member);
	shoal_member_unref(old);
	return 0;
}

int
shoal_view_remove(struct shoal_view *view, uint32_t slot)
{
	struct shoal_member *gone = shoal_view_at(view, slot);
	struct shoal_page *page, *tail;
	uint32_t *entry, *moved;
	size_t index, last;

	if (gone == NULL) {
		return 0;
	}
	index = view->place[slot] - 1;
	last = view->count - 1;
	page = own_page(view, index);
	tail = page != NULL ? own_page(view, last) : NULL;
	if (tail == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	entry = shoal_index_entry(&view->index, &gone->id, index);
	moved = shoal_index_entry(&view->index, &(*member_at(view->page, last))->id, last);
	if (entry == NULL || moved == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	*moved = (uint32_t)index + 1;
	*entry = SHOAL_INDEX_GONE;
	page->member[index % PAGE] = tail->member[last % PAGE];
	view->slot[index] = view->slot[last];
	view->place[view->slot[index]] = (uint32_t)index + 1;
	view->place[slot] = 0;
	tail->count--;
	view->count--;
	if (tail->count == 0) {
		page_unref(view->mem, tail);
	}
	shoal_member_unref(gone);
	return 0;
}

static struct shoal_member_list *
list_new(const struct shoal_allocator *mem, size_t pages)
{
	struct shoal_member_list *list;

	list = shoal_alloc_zeroed(mem, 1, sizeof(*list) + pages * sizeof(struct shoal_page *));
	if (list == NULL) {
		return NULL;
	}
	atomic_init(&list->refs, 1);
	list->mem = mem;
	return list;
}

struct shoal_member_list *
shoal_view_publish(const struct shoal_view *view)
{
	size_t pages = pages_of(view->count);
	struct shoal_member_list *list = list_new(view->mem, pages);

	if (list == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < pages; i++) {
		list->page[i] = page_ref(view->page[i]);
	}
	list->count = view->count;
	list->index = view->index != NULL ? shoal_index_ref(view->index) : NULL;
	return list;
}

struct shoal_member_list *
shoal_member_list_ref(struct shoal_member_list *list)
{
	atomic_fetch_add_explicit(&list->refs, 1, memory_order_relaxed);
	return list;
}

void
shoal_member_list_free(struct shoal_member_list *list)
{
	if (list == NULL || atomic_fetch_sub_explicit(&list->refs, 1, memory_order_acq_rel) != 1) {
		return;
	}
	for (size_t i = 0; i < pages_of(list->count); i++) {
		page_unref(list->mem, list->page[i]);
	}
	shoal_index_unref(list->index);
	shoal_alloc_free(list->mem, list);
}

size_t
shoal_member_list_count(const struct shoal_member_list *list)
{
	return list != NULL ? list->count : 0;
}

struct shoal_member *
shoal_member_list_at(const struct shoal_member_list *list, size_t i)
{
	return i < shoal_member_list_count(list) ? *member_at(list->page, i) : NULL;
}

struct shoal_member *
shoal_member_list_find_by_id(const struct shoal_member_list *list, const struct shoal_id *id)
{
	if (list != NULL && list->index != NULL) {
		struct shoal_index_owner owner = {.id_at = id_at, .owner = list->page};

		return shoal_member_list_at(list, shoal_index_find(list->index, &owner, id));
	}
	for (size_t i = 0; i < shoal_member_list_count(list); i++) {
		struct shoal_member *member = shoal_member_list_at(list, i);

		if (shoal_id_compare(&member->id, id) == 0) {
			return member;
		}
	}
	return NULL;
}

struct shoal_member *
shoal_member_list_find_by_name(const struct shoal_member_list *list, const char *name)
{
	struct shoal_member *found = NULL;

	for (size_t i = 0; i < shoal_member_list_count(list); i++) {
		struct shoal_member *member = shoal_member_list_at(list, i);

		if (strcmp(member->name, name) != 0) {
			continue;
		}
		if (member->state == SHOAL_STATE_ALIVE) {
			return member;
		}
		if (found == NULL) {
			found = member;
		}
	}
	return found;
}

void
shoal_filter_init_sized(struct shoal_filter *filter, size_t size)
{
	memset(filter, 0, size);
	filter->size = size;
}

static bool
meets(const struct shoal_member *member, const struct shoal_filter *filter)
{
	return (filter->states == 0 || (filter->states & (1u << member->state)) != 0) &&
	       (filter->tag == NULL || shoal_member_has_tag(member, filter->tag)) &&
	       shoal_criteria_meet(filter->criteria, member->described);
}

struct shoal_member_list *
shoal_member_list_filter(struct shoal_member_list *list, const struct shoal_filter *filter)
{
	struct shoal_member_list *found;

	if (filter == NULL || (filter->states == 0 && filter->tag == NULL &&
	                              (filter->criteria == NULL || filter->criteria[0] == '\0'))) {
		return shoal_member_list_ref(list);
	}
	found = list_new(list->mem, pages_of(list->count));
	for (size_t i = 0; found != NULL && i < list->count; i++) {
		struct shoal_member *member = shoal_member_list_at(list, i);
		struct shoal_page *page;

		if (!meets(member, filter)) {
			continue;
		}
		if (found->count % PAGE == 0) {
			found->page[found->count / PAGE] = page_new(list->mem);
		}
		page = found->page[found->count / PAGE];
		if (page == NULL) {
			shoal_member_list_free(found);
			return NULL;
		}
		page->member[page->count++] = shoal_member_ref(member);
		found->count++;
	}
	return found;
}
