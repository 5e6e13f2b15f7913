/* SPDX-License-Identifier: MIT */
/* What the tests of the cluster object share: members on loopback that die and are found dead in
 * about a second, waiting for conditions with a deadline, and a record of the events that one
 * member told. */
#ifndef SHOAL_TEST_CLUSTER_KIT_H
#define SHOAL_TEST_CLUSTER_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <shoal/shoal.h>

#include <event2/event.h>
#include <pthread.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Long enough for a machine that has much else to do; a test that works never waits so long. */
#define KIT_PATIENCE_MS 30000

/* Defaults of a member of a test: the local profile, 127.0.0.1 with a port of the kernel, a label
 * of this process (the kernel may give the port of one that is gone to a member of another test),
 * and patience for what is answered at once unless the machine is busy. */
struct shoal_config kit_config(const char *name);

/* For what is not about failure detection: nobody is suspected who stands still for less than five
 * seconds. */
void kit_steady(struct shoal_config *config);

/* Skips the test where this machine has no ::1. To be called before anything is made. */
void kit_needs_ipv6(void);

/* Makes, and starts. A failure ends the test with the last error. */
struct shoal_cluster *kit_new(const struct shoal_config *config);
struct shoal_cluster *kit_start(const struct shoal_config *config);
/* kit_start(kit_config(name)) */
struct shoal_cluster *kit_member(const char *name);
void kit_free(struct shoal_cluster *cluster);

/* Its address as text, in one of eight buffers that are used in turn. */
const char *kit_address(struct shoal_cluster *cluster);

/* Joins through one seed and expects it to be reached. */
void kit_join(struct shoal_cluster *cluster, const char *seed);

/* The state in which one member holds another; UNKNOWN: not in its list. */
enum shoal_state kit_state(struct shoal_cluster *observer, const char *name);

/* Waits until condition(arg) is true; false: it was not within KIT_PATIENCE_MS. base, where it is
 * not NULL, is run meanwhile on this thread. */
bool kit_until(struct event_base *base, bool (*condition)(void *arg), void *arg);
/* Waits for a state; fails the test where it does not come. */
void kit_await_state(struct event_base *base, struct shoal_cluster *observer, const char *name,
        enum shoal_state state);
/* Waits until n members are alive in the view of the observer. */
void kit_await_members(struct event_base *base, struct shoal_cluster *observer, size_t n);

uint64_t kit_now_ms(void);

/* Ends of operations, from any thread. */
struct kit_done {
	pthread_mutex_t lock;
	unsigned calls;
	int code;
	size_t reached;
	char text[512];
	bool would_block; /* shoal_cluster_free inside the callback was refused */
};
#define KIT_DONE                                                                                   \
	{                                                                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER                                                  \
	}
void kit_on_done(
        struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg);
/* Waits for the first call and returns its code. */
int kit_await_done(struct event_base *base, struct kit_done *done);
unsigned kit_done_calls(struct kit_done *done);

/* Events that one member told, from any thread. */
struct kit_events {
	pthread_mutex_t lock;
	size_t count;
	struct kit_event {
		enum shoal_event_kind kind;
		enum shoal_state was, state;
		enum shoal_cause_kind cause;
		bool current;
		char name[32];
	} event[512];
};
#define KIT_EVENTS                                                                                 \
	{                                                                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER                                                  \
	}
void kit_on_member(
        struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg);
/* How many of a kind about a member (NULL: any) came. */
size_t kit_events_of(struct kit_events *events, enum shoal_event_kind kind, const char *name);
void kit_await_event(struct event_base *base, struct kit_events *events, enum shoal_event_kind kind,
        const char *name);

/* The id of a member of that name, which is known. */
struct shoal_id kit_id_of(struct shoal_cluster *cluster, const char *name);

#endif
