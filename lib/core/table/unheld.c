/* SPDX-License-Identifier: MIT */
/* Only {version, hash} and length are kept, by slot, in an array that is made when the first one
 * finds no room. Nothing of it is verified: a walk with whoever holds the member's word corrects
 * it. Cost: O(items), none where there is room for all. */
#include "core/table/unheld.h"

#include "base/alloc.h"
#include "core/node.h"

void
shoal_unheld_done(struct shoal_core *core)
{
	shoal_alloc_free(&core->mem, core->meta.unheld.item);
}

/* Of another member that was in the slot it says nothing. */
static bool
is_of(const struct shoal_core *core, const struct shoal_unheld_item *item)
{
	const struct shoal_record *record = shoal_members_at(core, item->slot);

	return record != NULL && shoal_id_compare(&record->info->id, &item->id) == 0;
}

static struct shoal_unheld_item *
find(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_unheld *unheld = &core->meta.unheld;

	for (uint32_t i = 0; i < unheld->count; i++) {
		if (unheld->item[i].slot == slot) {
			return &unheld->item[i];
		}
	}
	return NULL;
}

static void
purge(struct shoal_core *core)
{
	struct shoal_unheld *unheld = &core->meta.unheld;

	for (uint32_t i = 0; i < unheld->count;) {
		if (is_of(core, &unheld->item[i])) {
			i++;
		} else {
			unheld->item[i] = unheld->item[--unheld->count];
		}
	}
}

/* NULL: there is no room for it, either. */
static struct shoal_unheld_item *
take(struct shoal_core *core, uint32_t slot)
{
	struct shoal_unheld *unheld = &core->meta.unheld;
	struct shoal_unheld_item *item = find(core, slot);

	if (item != NULL) {
		return item;
	}
	if (unheld->item == NULL) {
		unheld->item = shoal_alloc_zeroed(
		        &core->mem, SHOAL_UNHELD_MAX, sizeof(struct shoal_unheld_item));
	}
	if (unheld->count == SHOAL_UNHELD_MAX) {
		purge(core);
	}
	if (unheld->item == NULL || unheld->count == SHOAL_UNHELD_MAX) {
		return NULL;
	}
	return &unheld->item[unheld->count++];
}

void
shoal_unheld_note(
        struct shoal_core *core, uint32_t slot, const struct shoal_msg_meta *told, uint64_t len)
{
	struct shoal_unheld_item *item = take(core, slot);

	if (item != NULL) {
		*item = (struct shoal_unheld_item){shoal_members_at(core, slot)->info->id, slot,
		        told->version ^ told->hash, len};
		shoal_tree_touch(core, slot);
	}
}

void
shoal_unheld_forget(struct shoal_core *core, uint32_t slot)
{
	struct shoal_unheld *unheld = &core->meta.unheld;
	struct shoal_unheld_item *item = find(core, slot);

	if (item != NULL) {
		bool current = is_of(core, item);
		*item = unheld->item[--unheld->count];
		if (current) {
			shoal_tree_touch(core, slot);
		}
	}
}

bool
shoal_unheld_sum(const struct shoal_core *core, uint32_t slot, uint64_t *sum)
{
	const struct shoal_unheld_item *item = find(core, slot);

	if (item == NULL || !is_of(core, item)) {
		return false;
	}
	*sum = item->sum;
	return true;
}
