/* SPDX-License-Identifier: MIT */
/* Member events between the loop and their callbacks: where each stands, and how a newer one takes
 * the place of an older one where the queue is full. Cost: O(1), one allocation an event. */
#include "cluster/loop/pending.h"

#include "base/alloc.h"
#include "base/panic.h"

struct shoal_pending_event *
shoal_pending_of(struct shoal_call *call)
{
	SHOAL_ASSERT(call->kind == SHOAL_CALL_EVENT);
	return SHOAL_LIST_ITEM(call, struct shoal_pending_event, call);
}

void
shoal_pending_remove(struct shoal_callbacks *callbacks, struct shoal_pending_event *pending)
{
	struct shoal_pending_places *last = &callbacks->last;

	shoal_list_remove(&pending->call.node);
	callbacks->events--;
	if (pending->slot < last->capacity && last->item[pending->slot].event == pending) {
		last->item[pending->slot].event = NULL;
	}
}

void
shoal_pending_free(struct shoal_callbacks *callbacks, struct shoal_pending_event *pending)
{
	shoal_member_unref(pending->event.member);
	shoal_member_unref(pending->event.before);
	shoal_alloc_free(callbacks->mem, pending);
}

void
shoal_pending_drop(struct shoal_callbacks *callbacks, struct shoal_pending_event *pending)
{
	shoal_pending_remove(callbacks, pending);
	shoal_pending_free(callbacks, pending);
}

struct shoal_pending_place *
shoal_pending_place(
        struct shoal_callbacks *callbacks, struct shoal_pending_places *places, uint32_t slot)
{
	size_t capacity = places->capacity > 0 ? places->capacity : 16;
	struct shoal_pending_place *grown;

	if (slot < places->capacity) {
		return &places->item[slot];
	}
	while (capacity <= slot) {
		capacity *= 2;
	}
	grown = shoal_alloc_resize(
	        callbacks->mem, places->item, capacity, sizeof(struct shoal_pending_place));
	if (grown == NULL) {
		return NULL;
	}
	for (size_t i = places->capacity; i < capacity; i++) {
		grown[i] = (struct shoal_pending_place){0};
	}
	places->item = grown;
	places->capacity = capacity;
	return &places->item[slot];
}

static void
describe(struct shoal_member_event *to, const struct shoal_event *from, struct shoal_member *member)
{
	shoal_member_unref(to->member);
	to->changed = from->kind == SHOAL_EVENT_UPDATE ? to->changed | from->changed : 0;
	to->kind = from->kind;
	to->member = shoal_member_ref(member);
	to->state = from->state;
	to->wall_ns = from->wall_ns;
	to->cause = from->cause;
}

bool
shoal_pending_replace(struct shoal_callbacks *callbacks, uint32_t slot,
        const struct shoal_event *event, struct shoal_member *member, struct shoal_member *before)
{
	struct shoal_pending_event *older;

	if (slot >= callbacks->last.capacity ||
	        (older = callbacks->last.item[slot].event) == NULL) {
		return false;
	}
	if (older->held ||
	        shoal_id_compare(shoal_member_id(older->event.member), &event->id) != 0) {
		return false;
	}
	/* Of two updates the first one knows what was before; what else it is told instead needs
	 * nothing of that. */
	if (event->kind != SHOAL_EVENT_UPDATE || older->event.kind != SHOAL_EVENT_UPDATE) {
		shoal_member_unref(older->event.before);
		older->event.before =
		        event->kind == SHOAL_EVENT_UPDATE ? shoal_member_ref(before) : NULL;
		older->event.changed = 0;
	}
	describe(&older->event, event, member);
	older->changed |= event->changed;
	older->number = callbacks->next;
	return true;
}

bool
shoal_pending_append(struct shoal_callbacks *callbacks, uint32_t slot,
        const struct shoal_event *event, struct shoal_member *member, struct shoal_member *before)
{
	struct shoal_pending_event *pending;
	struct shoal_pending_place *last;

	pending = shoal_alloc_zeroed(callbacks->mem, 1, sizeof(*pending));
	if (pending == NULL) {
		return false;
	}
	pending->call.kind = SHOAL_CALL_EVENT;
	pending->slot = slot;
	pending->changed = event->changed;
	pending->event.was = event->was;
	pending->event.before = shoal_member_ref(before);
	describe(&pending->event, event, member);
	shoal_list_push_back(&callbacks->staged, &pending->call.node);
	callbacks->events++;
	last = shoal_pending_place(callbacks, &callbacks->last, slot);
	if (last != NULL) {
		last->event = pending; /* without, nothing of it is replaced */
	}
	return true;
}

static bool
is_wanted(const struct shoal_callbacks *callbacks, const struct shoal_pending_event *pending)
{
	for (size_t i = 0; i < callbacks->subscribers; i++) {
		if (callbacks->subscriber[i].mask & (unsigned)pending->event.kind) {
			return true;
		}
	}
	return false;
}

void
shoal_pending_ready(struct shoal_callbacks *callbacks, struct shoal_pending_event *pending)
{
	if (!is_wanted(callbacks, pending)) {
		shoal_pending_drop(callbacks, pending);
		return;
	}
	shoal_list_remove(&pending->call.node);
	pending->number = callbacks->next++;
	shoal_list_push_back(&callbacks->queue, &pending->call.node);
	callbacks->calls++;
}
