/* SPDX-License-Identifier: MIT */
/* The cluster object and what its files share.
 *
 * Three groups of fields, by who may touch them: constant after start; under `lock`; the loop's
 * thread only. With SHOAL_RUN_BASE the loop's thread is the one that runs the application's
 * event_base. */
#ifndef SHOAL_CLUSTER_CLUSTER_H
#define SHOAL_CLUSTER_CLUSTER_H

#include "base/list.h"
#include "base/ring.h"
#include "base/rng.h"
#include "cluster/config/certs.h"
#include "cluster/config/config.h"
#include "cluster/config/tuning.h"
#include "cluster/join/question.h"
#include "cluster/join/state.h"
#include "cluster/loop/callbacks.h"
#include "cluster/loop/clock.h"
#include "cluster/members/applicant.h"
#include "cluster/members/metadata.h"
#include "cluster/members/snapshot.h"
#include "cluster/message/broadcast.h"
#include "cluster/message/handler.h"
#include "cluster/message/outbox.h"
#include "cluster/message/request.h"
#include "cluster/report/chronicle.h"
#include "cluster/report/log.h"

#include <shoal/cluster.h>

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

/* Joins: seeds being tried, join requests of the core in flight, seeds to try again later. */
struct shoal_joins {
	struct shoal_list tries; /* struct shoal_try                                              */
	struct shoal_list attempts; /* struct shoal_attempt */
	bool waiting;            /* there are addresses that the core was not asked for yet       */
	struct shoal_list again; /* struct shoal_again: seeds for the background                  */
	size_t again_count, again_trying;
	bool found; /* one was reached: those of a former run are not needed any more */
	uint64_t background_pause_ms;
	struct event *background_timer;
	struct shoal_list ops; /* struct shoal_op that wait for their tries */
};

/* What a transport knows its host by. */
struct shoal_host_port {
	struct shoal_cluster *cluster;
	uint64_t place; /* the transport's among those of the config */
};

struct shoal_recording;

struct shoal_cluster {
	const struct shoal_allocator *mem;
	struct shoal_settings settings;
	struct shoal_callbacks callbacks;
	struct shoal_chronicle chronicle;   /* with a lock of its own */
	struct shoal_own_document document; /* the same */
	struct shoal_certs certs;
	/* The loop's: by whose message the core is stepped; NULL: by none. */
	const struct shoal_transport *delivers;
	struct shoal_tuning tuning;     /* the same */
	struct shoal_log_gate log_gate; /* the loop's thread */
	_Atomic unsigned health;
	pid_t owner;              /* the process that started it */
	_Atomic uint64_t process; /* its number (process.h), 0: none; asked without the lock */

	/* Constant after start. */
	struct event_base *base;
	bool own_base;
	/* Sockets, and the web; NULL: there is none. With stream, datagram may be NULL. */
	const struct shoal_transport *datagram, *stream, *web;
	struct shoal_host_port port[SHOAL_TRANSPORTS_MAX];
	struct shoal_addr bound[SHOAL_ADDRS_MAX];
	size_t bounds;
	char url[SHOAL_URL_TEXT];                      /* by which others reach it; "": none */
	char bound_url[SHOAL_URL_TEXT];                /* where it listens for them */
	struct shoal_addr advertised[SHOAL_ADDRS_MAX]; /* these two: the loop's, and may change */
	size_t advertiseds;
	bool watched; /* the address that it began with could be watched */
	int mailbox_fd, dispatch_fd;
	pthread_t loop_thread, callbacks_thread;
	bool has_loop_thread, has_callbacks_thread;

	pthread_mutex_t lock;
	pthread_cond_t changed; /* state, published, or the end of an operation */
	/* Under lock. */
	enum shoal_cluster_state state;
	bool started, stop_wanted;
	struct shoal_list mailbox; /* struct shoal_op */
	size_t ops; /* operations that exist                                          */
	struct shoal_list begun; /* struct shoal_op with a callback, until their end */
	bool cancels;            /* some of them are canceled and have not ended */
	struct shoal_outbox outbox;
	struct shoal_handlers handlers;
	struct shoal_broadcasts broadcasts;
	struct shoal_requests requests;
	struct shoal_applicants applicants;
	struct shoal_questions questions;
	struct shoal_member_list *published;
	size_t alive;
	struct shoal_counters counters;
	uint64_t convergence_lag;
	enum shoal_access reach;
	unsigned unreached; /* peers that do not reach it */
	uint64_t meta_held, meta_most;
	struct shoal_migration migration;
	struct shoal_key_info keys[SHOAL_KEYS_MAX];
	size_t key_count;
	struct shoal_histograms histograms;
	struct shoal_recording *recording; /* NULL: none; its inside is the loop's */
	char address[SHOAL_URL_TEXT];
	int failure; /* why it stopped by itself, 0: it did not */
	char failure_text[SHOAL_DETAIL_TEXT];
	pthread_t base_thread; /* SHOAL_RUN_BASE: where it was started, if it was */

	/* The loop's thread. */
	bool loopback_said; /* see shoal_bound_dials */
	struct shoal_core *core;
	struct shoal_clock clock;
	struct shoal_rng rng;
	struct shoal_view view;
	struct shoal_counters extra; /* of the transports and this room */
	struct shoal_ring failed; /* struct shoal_failed: requests that no transport took         */
	struct shoal_joins joins;
	struct shoal_op *leave;
	struct shoal_rekey *rekey; /* NULL: no order about keys is under way */
	struct shoal_list waits;   /* struct shoal_op */
	struct event *timer, *turn, *mail, *calls;
	uint64_t armed; /* deadline that the timer is set to                                    */
	unsigned postponed; /* turns that the timer gave to packets before it judged */
	bool arrived; /* a packet came in this turn                                           */
	bool turn_pending, changed_view, inside, ended;
	uint32_t looked; /* the slot that was compared last, see shoal_loop_refresh */
	struct shoal_state_keeper keeper;
	bool repair; /* the view missed a change: compare it with the core */
	int ended_code;
};

/* cluster.c */

/* Whether the calling thread runs the loop of this cluster. */
bool shoal_cluster_on_loop(struct shoal_cluster *cluster);
/* SHOAL_ERR_WOULD_BLOCK, with a text, on the loop's thread and in callbacks; 0 elsewhere. */
int shoal_cluster_may_block(struct shoal_cluster *cluster, const char *what);

/* report/log.c */

/* One line for the application's sink, if the level is asked for. */
void shoal_cluster_log(struct shoal_cluster *cluster, enum shoal_log_level level, const char *room,
        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* wait.c */

/* Waits for `changed`, lock held; false: deadline_ns of CLOCK_MONOTONIC has passed. */
bool shoal_cluster_wait(struct shoal_cluster *cluster, uint64_t deadline_ns);
uint64_t shoal_cluster_deadline(unsigned timeout_ms);

#endif
