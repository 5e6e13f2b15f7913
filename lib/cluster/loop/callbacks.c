/* SPDX-License-Identifier: MIT */
/* The callbacks' queue: the loop puts in, one thread at a time takes out and runs the application's
 * code.
 *
 * The loop never waits for a callback, so the queue must end somewhere. Up to `soft` events every
 * one is kept. Above, a member that waits already has its last event replaced by the newer one
 * (which keeps the older `was`, so that the events of a member still chain), and a member that does
 * not wait gets its one place: the queue is bounded by soft plus the number of members. An OVERFLOW
 * event tells it, once until the queue was empty again.
 *
 * Events are staged while the loop drains its core and become ready when the snapshot with their
 * effects is published: a callback that looks at the list never sees an older one than its event. A
 * subscriber gets the events that become ready after it subscribed. One that wants to know who is
 * there gets a call of its own in the queue, with the list that belongs to what was ready then: it
 * is skipped until that has run. What took the place of an older event ahead of that call is not
 * told to it, so that an OVERFLOW always comes behind the call.
 *
 * With a window (config.coalesce_ms) events that are ready are held until it ends, and those of one
 * member become one; see coalesce.c. A subscriber's coming ends it: what happened before is in the
 * list that it reads.
 *
 * Cost: one allocation an event, O(1) each; the lock is held for a few instructions, never while a
 * callback runs. */
#include "cluster/loop/callbacks.h"

#include "base/alloc.h"
#include "base/panic.h"
#include "cluster/loop/clock.h"
#include "cluster/loop/current.h"
#include "cluster/loop/pending.h"
#include "cluster/members/snapshot.h"

#include <string.h>

static _Thread_local const struct shoal_callbacks *inside;

int
shoal_callbacks_init(struct shoal_callbacks *callbacks, const struct shoal_allocator *mem,
        size_t events_max, size_t members_max)
{
	memset(callbacks, 0, sizeof(*callbacks));
	callbacks->mem = mem;
	callbacks->soft = events_max;
	callbacks->hard = events_max + members_max;
	callbacks->overflow.kind = SHOAL_CALL_OVERFLOW;
	shoal_list_init(&callbacks->queue);
	shoal_list_init(&callbacks->staged);
	shoal_list_init(&callbacks->held);
	callbacks->due = SHOAL_NEVER;
	if (pthread_mutex_init(&callbacks->lock, NULL) != 0) {
		return SHOAL_ERR_SYSTEM;
	}
	if (pthread_cond_init(&callbacks->changed, NULL) != 0) {
		pthread_mutex_destroy(&callbacks->lock);
		return SHOAL_ERR_SYSTEM;
	}
	return 0;
}

/* Under the lock. */
static void
drop_events(struct shoal_callbacks *callbacks, struct shoal_list *list)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, list) {
		struct shoal_call *call = SHOAL_LIST_ITEM(node, struct shoal_call, node);

		if (call->kind == SHOAL_CALL_DONE || call->kind >= SHOAL_CALL_SENT) {
			continue; /* what is about messages is released when its turn comes */
		}
		if (list == &callbacks->queue) {
			callbacks->calls--;
		}
		if (call->kind == SHOAL_CALL_OVERFLOW) {
			shoal_list_remove(node);
			continue;
		}
		if (call->kind == SHOAL_CALL_CURRENT) {
			shoal_list_remove(node);
			shoal_current_free(callbacks, call);
			continue;
		}
		shoal_pending_drop(callbacks, shoal_pending_of(call));
	}
}

void
shoal_callbacks_fini(struct shoal_callbacks *callbacks)
{
	drop_events(callbacks, &callbacks->queue);
	drop_events(callbacks, &callbacks->staged);
	shoal_coalesce_drop(callbacks);
	SHOAL_ASSERT(shoal_list_empty(&callbacks->queue));
	shoal_member_list_free(callbacks->shown);
	shoal_member_list_free(callbacks->next_shown);
	shoal_alloc_free(callbacks->mem, callbacks->last.item);
	shoal_alloc_free(callbacks->mem, callbacks->held_at.item);
	pthread_cond_destroy(&callbacks->changed);
	pthread_mutex_destroy(&callbacks->lock);
}

/* Under the lock. OVERFLOW, behind all that waits. */
static void
overflow_last(struct shoal_callbacks *callbacks)
{
	callbacks->overflowing = true;
	callbacks->calls += !shoal_list_linked(&callbacks->overflow.node);
	shoal_list_remove(&callbacks->overflow.node);
	shoal_list_push_back(&callbacks->queue, &callbacks->overflow.node);
}

/* Under the lock. Tells the application, unless it was told since the queue was last empty. */
static void
overflow(struct shoal_callbacks *callbacks)
{
	callbacks->coalesced++;
	if (!callbacks->overflowing) {
		overflow_last(callbacks);
	}
}

/* Under the lock. */
static void
append(struct shoal_callbacks *callbacks, uint32_t slot, const struct shoal_event *event,
        struct shoal_member *member, struct shoal_member *before)
{
	if (!shoal_pending_append(callbacks, slot, event, member, before)) {
		callbacks->lost = true;
		overflow(callbacks);
	}
}

void
shoal_callbacks_stage(struct shoal_callbacks *callbacks, uint32_t slot,
        const struct shoal_event *event, struct shoal_member *member, struct shoal_member *before)
{
	pthread_mutex_lock(&callbacks->lock);
	if (callbacks->closing) {
		/* Nobody hears of it any more. */
	} else if (callbacks->events < callbacks->soft) {
		append(callbacks, slot, event, member, before);
	} else if (callbacks->subscribers == 0) {
		callbacks->skipped = true;
	} else {
		overflow(callbacks);
		if (shoal_pending_replace(callbacks, slot, event, member, before)) {
			/* Its place in the queue is used again. */
		} else if (callbacks->events < callbacks->hard) {
			append(callbacks, slot, event, member, before);
		} else {
			callbacks->lost = true;
		}
	}
	pthread_mutex_unlock(&callbacks->lock);
}

void
shoal_callbacks_stage_message(struct shoal_callbacks *callbacks, struct shoal_call *call)
{
	pthread_mutex_lock(&callbacks->lock);
	shoal_list_push_back(&callbacks->staged, &call->node);
	pthread_mutex_unlock(&callbacks->lock);
}

void
shoal_callbacks_lose(struct shoal_callbacks *callbacks)
{
	pthread_mutex_lock(&callbacks->lock);
	if (!callbacks->closing) {
		callbacks->lost = true;
		overflow(callbacks);
	}
	pthread_mutex_unlock(&callbacks->lock);
}

/* Under the lock. */
static void
commit_one(struct shoal_callbacks *callbacks, struct shoal_call *call, uint64_t now)
{
	if (call->kind != SHOAL_CALL_EVENT) {
		shoal_list_remove(&call->node);
		shoal_list_push_back(&callbacks->queue, &call->node);
		callbacks->calls++;
	} else if (callbacks->window > 0 && callbacks->subscribers > 0) {
		shoal_coalesce_hold(callbacks, shoal_pending_of(call), now);
	} else {
		shoal_pending_ready(callbacks, shoal_pending_of(call));
	}
}

void
shoal_callbacks_show(struct shoal_callbacks *callbacks, struct shoal_member_list *list)
{
	shoal_member_list_free(callbacks->next_shown);
	callbacks->next_shown = list != NULL ? shoal_member_list_ref(list) : NULL;
}

void
shoal_callbacks_commit(struct shoal_callbacks *callbacks, uint64_t now)
{
	struct shoal_member_list *old;
	bool wake;

	pthread_mutex_lock(&callbacks->lock);
	old = callbacks->shown;
	callbacks->shown = callbacks->next_shown;
	callbacks->next_shown = NULL;
	callbacks->unseen = callbacks->shown == NULL;
	if (callbacks->skipped && callbacks->subscribers > 0 && !callbacks->closing) {
		/* Somebody subscribed in the middle of this turn, may have read the list before it,
		 * and more happened in it than is kept for nobody, or for it. */
		callbacks->coalesced++;
		overflow_last(callbacks);
	}
	callbacks->skipped = false;
	SHOAL_LIST_FOREACH_SAFE (node, after, &callbacks->staged) {
		commit_one(callbacks, SHOAL_LIST_ITEM(node, struct shoal_call, node), now);
	}
	/* What is held is not to bring the queue to its end. */
	if (now >= callbacks->due || callbacks->events > callbacks->soft / 2) {
		shoal_coalesce_end(callbacks);
	}
	wake = callbacks->calls > 0;
	pthread_mutex_unlock(&callbacks->lock);
	shoal_member_list_free(old);
	if (wake) { /* without the lock, for which who wakes would wait at once */
		pthread_cond_broadcast(&callbacks->changed);
		callbacks->wake(callbacks->cluster);
	}
}

uint64_t
shoal_callbacks_due(struct shoal_callbacks *callbacks)
{
	uint64_t due;

	pthread_mutex_lock(&callbacks->lock);
	due = callbacks->due;
	pthread_mutex_unlock(&callbacks->lock);
	return due;
}

void
shoal_callbacks_push(struct shoal_callbacks *callbacks, struct shoal_call *call)
{
	pthread_mutex_lock(&callbacks->lock);
	shoal_list_push_back(&callbacks->queue, &call->node);
	callbacks->calls++;
	pthread_mutex_unlock(&callbacks->lock);
	pthread_cond_broadcast(&callbacks->changed);
	callbacks->wake(callbacks->cluster);
}

void
shoal_callbacks_tell(struct shoal_callbacks *callbacks, struct shoal_subscriber one,
        const struct shoal_member_event *event)
{
	callbacks->running_fn = one.fn;
	callbacks->running_arg = one.arg;
	pthread_mutex_unlock(&callbacks->lock);
	one.fn(callbacks->cluster, event, one.arg);
	pthread_mutex_lock(&callbacks->lock);
	callbacks->running_fn = NULL;
	pthread_cond_broadcast(&callbacks->changed);
}

static bool
wants(const struct shoal_subscriber *one, const struct shoal_member_event *event, uint64_t number)
{
	return (one->mask & (unsigned)event->kind) != 0 && one->from <= number &&
	       one->current == NULL;
}

/* Calls every subscriber of one event. The set may change meanwhile: each step looks again, by
 * number. */
static int
deliver(struct shoal_callbacks *callbacks, const struct shoal_member_event *event, uint64_t number)
{
	struct shoal_subscriber called[SHOAL_SUBSCRIBERS_MAX];
	size_t n = 0;
	int ran = 0;

	pthread_mutex_lock(&callbacks->lock);
	for (size_t i = 0; i < callbacks->subscribers; i++) {
		struct shoal_subscriber *one = &callbacks->subscriber[i];

		if (wants(one, event, number)) {
			called[n++] = *one;
		}
	}
	for (size_t i = 0; i < n; i++) {
		bool there = false;

		for (size_t k = 0; k < callbacks->subscribers && !there; k++) {
			there = callbacks->subscriber[k].fn == called[i].fn &&
			        callbacks->subscriber[k].arg == called[i].arg &&
			        wants(&callbacks->subscriber[k], event, number);
		}
		if (there) {
			shoal_callbacks_tell(callbacks, called[i], event);
			ran++;
		}
	}
	pthread_mutex_unlock(&callbacks->lock);
	return ran;
}

static int
run_overflow(struct shoal_callbacks *callbacks)
{
	struct shoal_member_event event = {
	        .kind = SHOAL_EVENT_OVERFLOW, .wall_ns = shoal_clock_wall()};

	return deliver(callbacks, &event, UINT64_MAX);
}

/* Under the lock. The queue is empty again. What was lost after the last OVERFLOW needs another
 * one. */
static void
end_episode(struct shoal_callbacks *callbacks)
{
	if (callbacks->lost) {
		callbacks->lost = false;
		shoal_list_push_back(&callbacks->queue, &callbacks->overflow.node);
		callbacks->calls++;
	} else {
		callbacks->overflowing = false;
	}
}

/* Takes the first call out of the queue; NULL: there is none. */
static struct shoal_call *
take(struct shoal_callbacks *callbacks)
{
	struct shoal_call *call = NULL;
	struct shoal_list *first;

	pthread_mutex_lock(&callbacks->lock);
	first = shoal_list_first(&callbacks->queue);
	if (first != NULL) {
		call = SHOAL_LIST_ITEM(first, struct shoal_call, node);
		if (call->kind == SHOAL_CALL_EVENT) {
			shoal_pending_remove(callbacks, shoal_pending_of(call));
		} else {
			shoal_list_remove(first);
		}
		callbacks->calls--;
		if (call->kind == SHOAL_CALL_OVERFLOW) {
			callbacks->lost = false;
		}
	}
	if (callbacks->calls == 0) {
		end_episode(callbacks);
	}
	pthread_mutex_unlock(&callbacks->lock);
	return call;
}

static bool
is_closing(struct shoal_callbacks *callbacks)
{
	bool closing;

	pthread_mutex_lock(&callbacks->lock);
	closing = callbacks->closing;
	pthread_mutex_unlock(&callbacks->lock);
	return closing;
}

static int
run_call(struct shoal_callbacks *callbacks, struct shoal_call *call)
{
	int ran = 1;

	switch (call->kind) {
	case SHOAL_CALL_EVENT: {
		struct shoal_pending_event *pending = shoal_pending_of(call);

		ran = deliver(callbacks, &pending->event, pending->number);
		shoal_pending_free(callbacks, pending);
		break;
	}
	case SHOAL_CALL_OVERFLOW:
		ran = run_overflow(callbacks);
		break;
	case SHOAL_CALL_CURRENT:
		ran = shoal_current_run(callbacks, call);
		break;
	case SHOAL_CALL_DONE:
		callbacks->done(callbacks->cluster, call);
		break;
	case SHOAL_CALL_SENT:
	case SHOAL_CALL_REPLY:
		callbacks->message(callbacks->cluster, call, false);
		break;
	case SHOAL_CALL_WRITABLE:
	case SHOAL_CALL_MESSAGE:
	case SHOAL_CALL_ROOM:
	case SHOAL_CALL_APPLICANT:
	case SHOAL_CALL_NAME:
		ran = !is_closing(callbacks);
		callbacks->message(callbacks->cluster, call, !ran);
		break;
	}
	return ran;
}

int
shoal_callbacks_run(struct shoal_callbacks *callbacks, size_t most)
{
	const struct shoal_callbacks *outer = inside;
	int ran = 0;

	pthread_mutex_lock(&callbacks->lock);
	if (callbacks->busy) {
		pthread_mutex_unlock(&callbacks->lock);
		return SHOAL_ERR_WOULD_BLOCK;
	}
	callbacks->busy = true;
	callbacks->runner = pthread_self();
	pthread_mutex_unlock(&callbacks->lock);
	inside = callbacks;
	while (most-- > 0) {
		struct shoal_call *call = take(callbacks);

		if (call == NULL) {
			break;
		}
		ran += run_call(callbacks, call);
	}
	inside = outer;
	pthread_mutex_lock(&callbacks->lock);
	callbacks->busy = false;
	pthread_cond_broadcast(&callbacks->changed);
	pthread_mutex_unlock(&callbacks->lock);
	return ran;
}

bool
shoal_callbacks_wait(struct shoal_callbacks *callbacks)
{
	bool there;

	pthread_mutex_lock(&callbacks->lock);
	while (callbacks->calls == 0 && !callbacks->closing) {
		pthread_cond_wait(&callbacks->changed, &callbacks->lock);
	}
	there = callbacks->calls > 0;
	pthread_mutex_unlock(&callbacks->lock);
	return there;
}

void
shoal_callbacks_close(struct shoal_callbacks *callbacks)
{
	struct shoal_list *node;

	pthread_mutex_lock(&callbacks->lock);
	callbacks->closing = true;
	callbacks->lost = false;
	drop_events(callbacks, &callbacks->queue);
	drop_events(callbacks, &callbacks->staged);
	shoal_coalesce_drop(callbacks);
	while ((node = shoal_list_first(&callbacks->staged)) != NULL) {
		shoal_list_remove(node); /* a message, to be released */
		shoal_list_push_back(&callbacks->queue, node);
		callbacks->calls++;
	}
	pthread_cond_broadcast(&callbacks->changed);
	pthread_mutex_unlock(&callbacks->lock);
}

size_t
shoal_callbacks_waiting(struct shoal_callbacks *callbacks)
{
	size_t n;

	pthread_mutex_lock(&callbacks->lock);
	n = callbacks->calls;
	pthread_mutex_unlock(&callbacks->lock);
	return n;
}

void
shoal_callbacks_count(struct shoal_callbacks *callbacks, struct shoal_counters *counters)
{
	pthread_mutex_lock(&callbacks->lock);
	counters->value[SHOAL_COUNTER_EVENTS_OVERFLOW] = callbacks->coalesced;
	counters->value[SHOAL_COUNTER_EVENTS_MERGED] = callbacks->merged;
	pthread_mutex_unlock(&callbacks->lock);
}

bool
shoal_callbacks_inside(const struct shoal_callbacks *callbacks)
{
	return inside == callbacks;
}

/* Under the lock. An OVERFLOW that waits or was told may be about what is skipped until the call
 * has run. */
static void
queue_current(struct shoal_callbacks *callbacks, struct shoal_call *call)
{
	shoal_list_push_back(&callbacks->queue, &call->node);
	callbacks->calls++;
	if (callbacks->overflowing) {
		overflow_last(callbacks);
		callbacks->skipped = true;
	}
}

int
shoal_callbacks_subscribe(
        struct shoal_callbacks *callbacks, unsigned mask, shoal_member_fn fn, void *arg)
{
	struct shoal_call *current = NULL;
	bool wake = false;
	int rc;

	pthread_mutex_lock(&callbacks->lock);
	rc = callbacks->subscribers < SHOAL_SUBSCRIBERS_MAX ? 0 : SHOAL_ERR_LIMIT;
	if (rc == 0 && (mask & SHOAL_EVENT_CURRENT) != 0) {
		rc = shoal_current_new(callbacks, &current);
	}
	if (rc == 0) {
		/* What is held is in the list that the subscriber may have read. */
		shoal_coalesce_end(callbacks);
		callbacks->subscriber[callbacks->subscribers++] =
		        (struct shoal_subscriber){.fn = fn,
		                .arg = arg,
		                .mask = mask,
		                .from = callbacks->next,
		                .current = current};
		if (current != NULL) {
			queue_current(callbacks, current);
		}
		wake = (callbacks->window > 0 || current != NULL) && callbacks->calls > 0;
	}
	if (wake) {
		pthread_cond_broadcast(&callbacks->changed);
	}
	pthread_mutex_unlock(&callbacks->lock);
	if (wake) {
		callbacks->wake(callbacks->cluster);
	}
	return rc;
}

int
shoal_callbacks_unsubscribe(struct shoal_callbacks *callbacks, shoal_member_fn fn, void *arg)
{
	size_t kept = 0, before;
	bool wake = false;

	pthread_mutex_lock(&callbacks->lock);
	before = callbacks->subscribers;
	for (size_t i = 0; i < before; i++) {
		struct shoal_subscriber one = callbacks->subscriber[i];

		if (one.fn != fn || one.arg != arg) {
			callbacks->subscriber[kept++] = one;
		} else if (one.current != NULL && shoal_list_linked(&one.current->node)) {
			shoal_list_remove(&one.current->node);
			shoal_current_free(callbacks, one.current);
			callbacks->calls--;
			wake = true;
		}
	}
	callbacks->subscribers = kept;
	if (wake && callbacks->calls == 0) {
		end_episode(callbacks);
	}
	wake = wake && callbacks->calls > 0;
	if (wake) {
		pthread_cond_broadcast(&callbacks->changed);
	}
	while (callbacks->busy && !pthread_equal(callbacks->runner, pthread_self()) &&
	        callbacks->running_fn == fn && callbacks->running_arg == arg) {
		pthread_cond_wait(&callbacks->changed, &callbacks->lock);
	}
	pthread_mutex_unlock(&callbacks->lock);
	if (wake) {
		callbacks->wake(callbacks->cluster);
	}
	return kept < before ? 0 : SHOAL_ERR_NOT_FOUND;
}
