/* SPDX-License-Identifier: MIT */
/* Tables of senders; see senders.h.
 *
 * Invariants: an entry exists only once a packet of its sender opened; a counter is marked as seen
 * only after the tag was right, so that a forger cannot move a window; a sender is in `kept` or in
 * `former`, never in both; what leaves `kept` keeps its highest counter in `former`. All O(1). */
#include "wire/senders.h"

#include <string.h>

struct former {
	uint64_t salt;
	struct shoal_list age; /* in senders->gone */
	uint64_t top;
};

static bool
is_kept(const void *owner, uint32_t number, const void *salt)
{
	return shoal_senders_at(owner, number)->salt == *(const uint64_t *)salt;
}

static bool
is_former(const void *owner, uint32_t number, const void *salt)
{
	const struct shoal_senders *senders = owner;
	const struct former *former = shoal_slab_at(&senders->former, number);

	return former->salt == *(const uint64_t *)salt;
}

void
shoal_senders_init(struct shoal_senders *senders, const struct shoal_allocator *mem,
        const uint64_t hash[2], uint32_t kept_max, uint32_t former_max)
{
	size_t size = sizeof(struct shoal_sender) + (size_t)senders->window / 8;

	shoal_slab_init(&senders->kept, mem, size, kept_max);
	shoal_slab_init(&senders->former, mem, sizeof(struct former), former_max);
	shoal_table_init(&senders->kept_of, mem, hash, kept_max, is_kept, senders);
	shoal_table_init(&senders->former_of, mem, hash, former_max, is_former, senders);
	shoal_list_init(&senders->latest);
	shoal_list_init(&senders->gone);
}

void
shoal_senders_done(struct shoal_senders *senders)
{
	shoal_table_done(&senders->kept_of);
	shoal_table_done(&senders->former_of);
	shoal_slab_done(&senders->kept);
	shoal_slab_done(&senders->former);
}

void
shoal_senders_expect(struct shoal_senders *senders, uint32_t kept_max)
{
	if (kept_max > senders->kept.limit) {
		senders->kept.limit = kept_max;
		senders->kept_of.limit = kept_max;
	}
}

struct shoal_sender *
shoal_senders_at(const struct shoal_senders *senders, uint32_t number)
{
	return shoal_slab_at(&senders->kept, number);
}

struct shoal_sender *
shoal_senders_find(const struct shoal_senders *senders, uint64_t salt)
{
	uint64_t hash = shoal_table_hash(&senders->kept_of, &salt, sizeof salt);
	uint32_t number = shoal_table_find(&senders->kept_of, hash, &salt);

	return number == SHOAL_TABLE_NONE ? NULL : shoal_senders_at(senders, number);
}

static struct former *
find_former(const struct shoal_senders *senders, uint64_t salt)
{
	uint64_t hash = shoal_table_hash(&senders->former_of, &salt, sizeof salt);
	uint32_t number = shoal_table_find(&senders->former_of, hash, &salt);

	return number == SHOAL_TABLE_NONE ? NULL : shoal_slab_at(&senders->former, number);
}

bool
shoal_senders_saw(const struct shoal_senders *senders, uint64_t salt, uint64_t counter)
{
	const struct shoal_sender *sender = shoal_senders_find(senders, salt);

	if (sender != NULL) {
		return shoal_window_saw(&sender->window, counter);
	}
	const struct former *former = find_former(senders, salt);
	return former != NULL && counter <= former->top;
}

static void
drop_former(struct shoal_senders *senders, struct former *former)
{
	uint64_t hash = shoal_table_hash(&senders->former_of, &former->salt, sizeof former->salt);
	uint32_t number = shoal_table_find(&senders->former_of, hash, &former->salt);

	shoal_table_remove(&senders->former_of, hash, number);
	shoal_list_remove(&former->age);
	shoal_slab_give(&senders->former, number);
}

static void
drop_sender(struct shoal_senders *senders, struct shoal_sender *sender)
{
	uint64_t hash = shoal_table_hash(&senders->kept_of, &sender->salt, sizeof sender->salt);
	uint32_t number = shoal_table_find(&senders->kept_of, hash, &sender->salt);

	senders->forget(senders->owner, sender);
	shoal_table_remove(&senders->kept_of, hash, number);
	shoal_list_remove(&sender->age);
	shoal_slab_give(&senders->kept, number);
}

/* The one not heard for the longest time leaves only its highest counter behind. Where even that
 * has no room, the one that left first is forgotten. false: no memory; nothing changed. */
static bool
retire(struct shoal_senders *senders)
{
	struct shoal_sender *sender =
	        SHOAL_LIST_ITEM(senders->latest.prev, struct shoal_sender, age);
	uint64_t hash = shoal_table_hash(&senders->former_of, &sender->salt, sizeof sender->salt);
	uint32_t number;

	if (senders->former.count >= senders->former.limit) {
		drop_former(senders, SHOAL_LIST_ITEM(senders->gone.prev, struct former, age));
	}
	struct former *former = shoal_slab_take(&senders->former, &number);
	if (former == NULL) {
		return false;
	}
	if (shoal_table_put(&senders->former_of, hash, number) != SHOAL_OK) {
		shoal_slab_give(&senders->former, number);
		return false;
	}
	former->salt = sender->salt;
	former->top = sender->window.top;
	shoal_list_push_front(&senders->gone, &former->age);
	drop_sender(senders, sender);
	return true;
}

/* Where all places are taken, one that comes back trades places: it is taken out of `former` first,
 * so that nothing can fail and its counter is not lost. */
struct shoal_sender *
shoal_senders_admit(struct shoal_senders *senders, uint64_t salt)
{
	uint64_t hash = shoal_table_hash(&senders->kept_of, &salt, sizeof salt);
	struct former *former = find_former(senders, salt);
	bool returns = former != NULL, full = senders->kept.count >= senders->kept.limit;
	uint64_t top = returns ? former->top : 0;
	uint32_t number;

	if (returns && full) {
		drop_former(senders, former);
	}
	if (full && !retire(senders)) {
		return NULL;
	}
	struct shoal_sender *sender = shoal_slab_take(&senders->kept, &number);
	if (sender == NULL) {
		return NULL;
	}
	if (shoal_table_put(&senders->kept_of, hash, number) != SHOAL_OK) {
		shoal_slab_give(&senders->kept, number);
		return NULL;
	}
	sender->salt = salt;
	sender->key = SHOAL_NO_KEY;
	shoal_window_init(
	        &sender->window, (uint64_t *)(void *)(sender + 1), senders->window, top, returns);
	shoal_list_push_front(&senders->latest, &sender->age);
	if (returns && !full) {
		drop_former(senders, former);
	}
	return sender;
}

void
shoal_senders_mark(struct shoal_senders *senders, struct shoal_sender *sender, uint64_t counter,
        const uint8_t *from)
{
	shoal_window_mark(&sender->window, counter);
	if (from != NULL) {
		memcpy(sender->from, from, sizeof sender->from);
	}
	shoal_list_remove(&sender->age);
	shoal_list_push_front(&senders->latest, &sender->age);
}

size_t
shoal_senders_memory(const struct shoal_senders *senders)
{
	return shoal_slab_memory(&senders->kept) + shoal_slab_memory(&senders->former) +
	       shoal_table_memory(&senders->kept_of) + shoal_table_memory(&senders->former_of);
}
