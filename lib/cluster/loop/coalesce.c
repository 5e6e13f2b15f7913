/* SPDX-License-Identifier: MIT */
/* Coalescing: events of a member that fall into one window are told as one, at its end.
 *
 * A member has at most two events that are held: a change of its state, which spans from the first
 * `was` to the last state, and behind it an update with all that changed and what was before the
 * first of them. A state that came and went within the window is told only where something else
 * about the member is not as it was, as an update. What a member says of itself that was told as
 * living needs an update, what one says that joined or returned does not. REAP and CONFLICT are
 * told at once, behind what is held of their member. One event alone is told as it is.
 *
 * What is told chains: who came and is gone again is not told at all, nor is its end in a later
 * window, and if it lives then, it is unknown and joins. */
#include "cluster/loop/pending.h"

#include "base/panic.h"

static bool
lives(enum shoal_state state)
{
	return state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT ||
	       state == SHOAL_STATE_LEAVING;
}

static bool
is_update(const struct shoal_pending_event *pending)
{
	return pending->event.kind == SHOAL_EVENT_UPDATE;
}

/* As the member is now. */
static void
refresh(struct shoal_member_event *event, const struct shoal_member_event *newest)
{
	struct shoal_member *member = shoal_member_ref(newest->member);

	shoal_member_unref(event->member);
	event->member = member;
	event->state = newest->state;
	event->wall_ns = newest->wall_ns;
	if (event->kind == SHOAL_EVENT_UPDATE) {
		event->was = event->state;
	}
}

static void
set_before(struct shoal_member_event *event, struct shoal_member *before)
{
	shoal_member_ref(before);
	shoal_member_unref(event->before);
	event->before = before;
}

/* Who returned stays returned, whatever state it has now, and who joined is named at the end; else
 * the last change gives the name. */
static void
merge_change(struct shoal_member_event *event, const struct shoal_member_event *newest)
{
	bool returned = !lives(event->was) && lives(event->state) && lives(newest->state);

	if (!returned) {
		event->kind = newest->kind;
		event->cause = newest->cause;
	}
}

static void
merge_update(struct shoal_member_event *event, const struct shoal_member_event *newest)
{
	event->changed |= newest->changed;
	event->cause = newest->cause;
}

/* The newer one joins what is held of its member. false: it has to be kept itself, as the update
 * behind the change, or the change before the update. */
static bool
merge(struct shoal_pending_event *held, struct shoal_pending_event *newer)
{
	struct shoal_pending_event *update = is_update(held) ? held : held->update;

	held->changed |= newer->changed;
	if (!is_update(newer)) {
		if (is_update(held)) {
			return false;
		}
		merge_change(&held->event, &newer->event);
		held->merged = true;
		if (update == NULL && held->changed != 0) {
			newer->event.kind = SHOAL_EVENT_UPDATE; /* for what came with the changes */
		}
	}
	if (!is_update(newer)) {
		return true;
	}
	if (update == NULL) {
		return false;
	}
	merge_update(&update->event, &newer->event);
	return true;
}

static void
begin(struct shoal_callbacks *callbacks, struct shoal_pending_place *place,
        struct shoal_pending_event *pending, uint64_t now)
{
	if (shoal_list_empty(&callbacks->held)) {
		callbacks->due = now + callbacks->window;
	}
	shoal_list_remove(&pending->call.node);
	shoal_list_push_back(&callbacks->held, &pending->call.node);
	pending->held = true;
	place->event = pending;
}

/* An update behind a change, or a change before an update: which of them came first knows what was
 * before. */
static void
pair(struct shoal_pending_place *place, struct shoal_pending_event *newer)
{
	struct shoal_pending_event *held = place->event;

	newer->held = true;
	shoal_list_remove(&newer->call.node);
	if (is_update(newer)) {
		held->update = newer;
		if (held->event.before != NULL) {
			set_before(&newer->event, held->event.before);
		}
		return;
	}
	newer->update = held;
	newer->changed |= held->changed;
	shoal_list_insert_before(&held->call.node, &newer->call.node);
	shoal_list_remove(&held->call.node);
	place->event = newer;
}

static void
tell(struct shoal_callbacks *callbacks, struct shoal_pending_event *pending)
{
	if (!is_update(pending)) {
		set_before(&pending->event, NULL);
	}
	pending->held = false;
	shoal_pending_ready(callbacks, pending);
}

static void
drop(struct shoal_callbacks *callbacks, struct shoal_pending_event *pending)
{
	callbacks->merged++;
	shoal_pending_drop(callbacks, pending);
}

/* Whoever hears that it came or returned looks at all of it anyway. */
static bool
needs_update(const struct shoal_pending_event *head, bool same)
{
	return head->changed != 0 && (same || lives(head->event.was));
}

/* NULL: there was no memory for it. */
static struct shoal_pending_place *
last_of(struct shoal_callbacks *callbacks, uint32_t slot)
{
	struct shoal_pending_places *last = &callbacks->last;

	return slot < last->capacity ? &last->item[slot] : NULL;
}

static void
end_one(struct shoal_callbacks *callbacks, struct shoal_pending_event *head)
{
	struct shoal_pending_place *place = &callbacks->held_at.item[head->slot];
	struct shoal_pending_event *update = head->update;
	struct shoal_pending_place *last = last_of(callbacks, head->slot);
	struct shoal_member_event *event = &head->event;
	bool same = head->merged && event->was == event->state;
	bool is_new = event->was == SHOAL_STATE_UNKNOWN;
	bool newest = last != NULL && (last->event == head || last->event == update);

	place->event = NULL;
	place->unheard = is_new && !lives(event->state);
	head->update = NULL;
	shoal_list_remove(&head->call.node);
	if (update != NULL) {
		update->event.changed = head->changed;
	}
	if (is_new) {
		event->kind = SHOAL_EVENT_JOIN;
	}
	bool told = needs_update(head, same);
	if (same || place->unheard) {
		drop(callbacks, head);
	} else {
		tell(callbacks, head);
	}
	if (update != NULL && told) {
		if (newest) {
			/* It runs last: what comes when the queue is full takes its place. */
			last->event = update;
		}
		tell(callbacks, update);
	} else if (update != NULL) {
		drop(callbacks, update);
	}
}

/* The next event of one that was never told of: of its end nothing is told either, else it is
 * unknown yet. Of one that lives, an update shows that events were lost, and that this was said.
 * false: nothing is told of this one. */
static bool
hear(struct shoal_pending_place *place, struct shoal_member_event *event)
{
	bool unheard = place->unheard && event->was != SHOAL_STATE_UNKNOWN;

	place->unheard = false;
	if (!unheard || event->kind == SHOAL_EVENT_CONFLICT) {
		place->unheard = unheard;
	} else if (event->kind == SHOAL_EVENT_UPDATE && !lives(event->state)) {
		place->unheard = true;
		return false;
	} else if (event->kind != SHOAL_EVENT_UPDATE) {
		event->was = SHOAL_STATE_UNKNOWN;
	}
	return !unheard || event->kind != SHOAL_EVENT_REAP;
}

static void
hold(struct shoal_callbacks *callbacks, struct shoal_pending_place *place,
        struct shoal_pending_event *pending)
{
	struct shoal_member_event newest = pending->event;
	struct shoal_pending_event *held = place->event;

	shoal_member_ref(newest.member);
	if (merge(held, pending)) {
		drop(callbacks, pending);
	} else {
		pair(place, pending);
	}
	refresh(&place->event->event, &newest);
	if (place->event->update != NULL) {
		refresh(&place->event->update->event, &newest);
	}
	shoal_member_unref(newest.member);
}

void
shoal_coalesce_hold(
        struct shoal_callbacks *callbacks, struct shoal_pending_event *pending, uint64_t now)
{
	struct shoal_pending_place *place =
	        shoal_pending_place(callbacks, &callbacks->held_at, pending->slot);
	struct shoal_member_event *event = &pending->event;
	struct shoal_pending_event *held = place != NULL ? place->event : NULL;
	bool passes = (event->kind & (SHOAL_EVENT_REAP | SHOAL_EVENT_CONFLICT)) != 0;

	if (held != NULL && (passes || shoal_id_compare(shoal_member_id(held->event.member),
	                                       shoal_member_id(event->member)) != 0)) {
		end_one(callbacks, held);
	}
	if (place != NULL && !hear(place, event)) {
		drop(callbacks, pending);
	} else if (place == NULL || passes) {
		shoal_list_remove(&pending->call.node);
		tell(callbacks, pending);
	} else if (place->event == NULL) {
		begin(callbacks, place, pending, now);
	} else {
		hold(callbacks, place, pending);
	}
}

void
shoal_coalesce_end(struct shoal_callbacks *callbacks)
{
	struct shoal_list *first;

	while ((first = shoal_list_first(&callbacks->held)) != NULL) {
		end_one(callbacks,
		        shoal_pending_of(SHOAL_LIST_ITEM(first, struct shoal_call, node)));
	}
	callbacks->due = SHOAL_NEVER;
}

void
shoal_coalesce_drop(struct shoal_callbacks *callbacks)
{
	struct shoal_list *first;

	while ((first = shoal_list_first(&callbacks->held)) != NULL) {
		struct shoal_pending_event *head =
		        shoal_pending_of(SHOAL_LIST_ITEM(first, struct shoal_call, node));

		callbacks->held_at.item[head->slot].event = NULL;
		if (head->update != NULL) {
			shoal_pending_drop(callbacks, head->update);
		}
		shoal_pending_drop(callbacks, head);
	}
	callbacks->due = SHOAL_NEVER;
}
