/* SPDX-License-Identifier: MIT */
/* Callbacks that coalesce, events for them, and what they tell as text. */
#ifndef SHOAL_TEST_CLUSTER_COALESCE_H
#define SHOAL_TEST_CLUSTER_COALESCE_H

#include "unit.h"

#include "cluster/loop/pending.h"
#include "heap_fault.h"

#include <stdio.h>

#define WINDOW  100
#define JOIN    SHOAL_EVENT_JOIN
#define UPDATE  SHOAL_EVENT_UPDATE
#define SUSPECT SHOAL_EVENT_SUSPECT
#define RETURN  SHOAL_EVENT_ALIVE
#define FAILED  SHOAL_EVENT_FAILED
#define LEFT    SHOAL_EVENT_LEFT
#define REAP    SHOAL_EVENT_REAP

enum {
	NEW = SHOAL_STATE_UNKNOWN,
	UP = SHOAL_STATE_ALIVE,
	ODD = SHOAL_STATE_SUSPECT,
	DOWN = SHOAL_STATE_DEAD,
	GONE = SHOAL_STATE_LEFT
};

struct rig {
	struct heap_fault fault;
	struct shoal_callbacks callbacks;
	uint64_t incarnation; /* of the newest event, so that copies can be told apart */
	char text[1024];      /* what was told: "JOIN 1 unknown>alive; " */
	size_t events, overflows;
	const struct shoal_allocator *mem;
	bool short_of_memory;
};

static inline void
wake(struct shoal_cluster *cluster)
{
	(void)cluster;
}

static inline const char *
name_of(enum shoal_event_kind kind)
{
	return kind == JOIN      ? "join"
	       : kind == UPDATE  ? "update"
	       : kind == SUSPECT ? "suspect"
	       : kind == RETURN  ? "alive"
	       : kind == FAILED  ? "failed"
	       : kind == LEFT    ? "left"
	       : kind == REAP    ? "reap"
	                         : "conflict";
}

static inline void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct rig *rig = arg;
	size_t len = strlen(rig->text);

	(void)cluster;
	if (event->kind == SHOAL_EVENT_OVERFLOW) {
		rig->overflows++;
		return;
	}
	rig->events++;
	assert_int_equal(shoal_member_state(event->member), event->state);
	len += (size_t)snprintf(rig->text + len, sizeof(rig->text) - len, "%s %u %d>%d",
	        name_of(event->kind), shoal_member_id(event->member)->bytes[0], (int)event->was,
	        (int)event->state);
	if (event->kind == UPDATE) {
		assert_non_null(event->before);
		len += (size_t)snprintf(rig->text + len, sizeof(rig->text) - len, " %u since %u",
		        event->changed, (unsigned)shoal_member_incarnation(event->before));
	} else {
		assert_null(event->before);
		assert_int_equal(event->changed, 0);
	}
	snprintf(rig->text + len, sizeof(rig->text) - len, "; ");
}

static inline int
begin_with(struct rig *rig, size_t soft, const struct shoal_allocator *mem)
{
	int rc = shoal_callbacks_init(&rig->callbacks, mem, soft, 100);

	rig->mem = mem;
	rig->callbacks.cluster = (struct shoal_cluster *)rig;
	rig->callbacks.wake = wake;
	rig->callbacks.window = WINDOW;
	return rc != 0 ? rc
	               : shoal_callbacks_subscribe(
	                         &rig->callbacks, SHOAL_EVENT_ALL, on_member, rig);
}

static inline void
begin(struct rig *rig, size_t soft)
{
	memset(rig, 0, sizeof(*rig));
	heap_fault_init(&rig->fault);
	assert_int_equal(begin_with(rig, soft, &rig->fault.mem), 0);
}

static inline void
end(struct rig *rig)
{
	shoal_callbacks_close(&rig->callbacks);
	shoal_callbacks_fini(&rig->callbacks);
	assert_int_equal(rig->fault.live, 0);
}

static inline struct shoal_member *
make(struct rig *rig, uint8_t subject, enum shoal_state state, uint64_t incarnation)
{
	struct shoal_core_member from = {
	        .name = "m", .addrs = 1, .state = state, .incarnation = incarnation};

	from.id.bytes[0] = subject;
	return shoal_member_new(rig->mem, &from, 1, NULL);
}

/* Before each event the member's incarnation was one less. */
static inline void
happen(struct rig *rig, uint8_t subject, unsigned kind, int was, int state, unsigned changed)
{
	struct shoal_event event = {.kind = kind,
	        .slot = subject,
	        .was = (enum shoal_state)was,
	        .state = (enum shoal_state)state,
	        .changed = changed,
	        .wall_ns = 1};
	struct shoal_member *member, *before = NULL;

	event.id.bytes[0] = subject;
	if (was != NEW && kind != REAP) {
		before = make(rig, subject, event.was, rig->incarnation);
	}
	member = make(rig, subject, event.state, ++rig->incarnation);
	if (member == NULL || (before == NULL && was != NEW && kind != REAP)) {
		rig->short_of_memory = true;
		shoal_callbacks_lose(&rig->callbacks);
	} else {
		shoal_callbacks_stage(&rig->callbacks, subject, &event, member, before);
	}
	shoal_member_unref(member);
	shoal_member_unref(before);
}

static inline void
commit(struct rig *rig, uint64_t now)
{
	shoal_callbacks_commit(&rig->callbacks, now);
	while (shoal_callbacks_waiting(&rig->callbacks) > 0) {
		assert_true(shoal_callbacks_run(&rig->callbacks, SIZE_MAX) >= 0);
	}
}

static inline void
told(struct rig *rig, const char *text)
{
	assert_string_equal(rig->text, text);
	rig->text[0] = '\0';
}

static inline uint64_t
merged(struct rig *rig)
{
	struct shoal_counters counters = {{0}};

	shoal_callbacks_count(&rig->callbacks, &counters);
	return counters.value[SHOAL_COUNTER_EVENTS_MERGED];
}

#endif
