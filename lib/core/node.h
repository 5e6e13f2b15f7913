/* SPDX-License-Identifier: MIT */
/* The node: what the rooms of the core share. Each part belongs to the file of its name, which
 * alone writes it; what others may ask of it stands in that file's header.
 *
 * Time inside the core is the host's mono scale plus SHOAL_TIME_ORIGIN, so that "a day ago" exists
 * on a machine that was started a minute ago. */
#ifndef SHOAL_CORE_NODE_H
#define SHOAL_CORE_NODE_H

#include <shoal/core.h>

#include "base/alloc.h"
#include "base/heap.h"
#include "base/histogram.h"
#include "base/panic.h"
#include "base/ring.h"
#include "base/rng.h"
#include "base/slab.h"
#include "base/table.h"
#include "core/admission/accept.h"
#include "core/admission/allow.h"
#include "core/admission/budget.h"
#include "core/admission/coding.h"
#include "core/admission/keys.h"
#include "core/admission/migrate.h"
#include "core/admission/seal.h"
#include "core/detect/call.h"
#include "core/detect/hint.h"
#include "core/detect/inbound.h"
#include "core/detect/inquest.h"
#include "core/detect/lag.h"
#include "core/detect/partial.h"
#include "core/detect/path.h"
#include "core/detect/poll.h"
#include "core/detect/probe.h"
#include "core/detect/reach.h"
#include "core/detect/relay.h"
#include "core/detect/rtt.h"
#include "core/detect/silence.h"
#include "core/detect/watch.h"
#include "core/detect/ways.h"
#include "core/detect/weight.h"
#include "core/message/cast.h"
#include "core/message/inbox.h"
#include "core/message/keep.h"
#include "core/message/peer.h"
#include "core/message/repair.h"
#include "core/message/seen.h"
#include "core/message/shelf.h"
#include "core/message/spread.h"
#include "core/message/told.h"
#include "core/message/want.h"
#include "core/send.h"
#include "core/sync/gossip.h"
#include "core/sync/pull.h"
#include "core/sync/sync.h"
#include "core/sync/walk.h"
#include "core/table/gone.h"
#include "core/table/identity.h"
#include "core/table/kind.h"
#include "core/table/members.h"
#include "core/table/meta.h"
#include "core/table/took.h"
#include "core/table/tree.h"
#include "wire/field.h"

#define SHOAL_TIME_ORIGIN (UINT64_C(1) << 60)

enum shoal_timer_kind {
	SHOAL_TIMER_ROUND = 1, /* the next probe */
	SHOAL_TIMER_PROBE, /* slot: probe; its time-out or its end                               */
	SHOAL_TIMER_RELAY, /* slot: relay record                                                 */
	SHOAL_TIMER_HOLD,  /* slot: member; its suspicion, leaving or hearsay ends               */
	SHOAL_TIMER_BURST,
	SHOAL_TIMER_TICK,
	SHOAL_TIMER_SYNC,
	SHOAL_TIMER_HEAL,
	SHOAL_TIMER_CHECK, /* the next told death or hearsay may be checked */
	SHOAL_TIMER_LEAVE,
	SHOAL_TIMER_FADE, /* slot: member; its tombstone is told no more */
	SHOAL_TIMER_TWIN, /* slot: another instance of this id that is asked */
	SHOAL_TIMER_DIGEST,
	SHOAL_TIMER_WATCH,
	SHOAL_TIMER_INQUEST, /* slot: inquest */
	SHOAL_TIMER_INBOUND,
	SHOAL_TIMER_PULL,
	SHOAL_TIMER_PEER, /* slot: peer */
	SHOAL_TIMER_SPREAD,
	SHOAL_TIMER_REPAIR,
	SHOAL_TIMER_WANT,
	SHOAL_TIMER_CALL,
	SHOAL_TIMER_ACCEPT,
	SHOAL_TIMER_MIGRATE,
	SHOAL_TIMER_REACH,
	SHOAL_TIMER_POLL
};

enum shoal_leave_phase {
	SHOAL_LEAVE_NOT = 0,
	SHOAL_LEAVE_LEAVING, /* said leaving, waits for an answer */
	SHOAL_LEAVE_LEFT, /* said left, waits for answers                                         */
	SHOAL_LEAVE_ENDED /* says nothing any more                                                */
};

struct shoal_leave {
	enum shoal_leave_phase phase;
	uint64_t end;   /* when it stops to wait                                                  */
	uint64_t told;  /* answers in this phase                                                  */
	uint32_t asked; /* members asked in this phase                                            */
	bool confirmed; /* somebody answered to left                                              */
	struct shoal_timer timer;
};

struct shoal_check_queue {
	struct shoal_ring waiting; /* see check.c */
	struct shoal_ring tried;   /* the addresses of late, the oldest first */
	struct shoal_ring moves;   /* those of told moves, likewise */
	struct shoal_timer timer;
};

/* What every packet and every probe needs stands first and close together, what is searched or
 * rarely touched behind it: where many cores share a cache, as in the simulator, lines are what a
 * step costs. */
struct shoal_core {
	uint64_t now; /* of the input, on the core's scale                                       */
	uint64_t wall_ns; /* of the input */
	uint64_t visited; /* records looked at, ever: what the cost of an input is measured by */
	unsigned health;
	enum shoal_log_level log_level;
	bool has_ipv4, has_ipv6, has_web; /* what kinds of addresses this member advertises */
	bool unwatched;                   /* of the config */
	char url[SHOAL_URL_MAX + 1];      /* of the config */
	bool events_lost;
	struct shoal_span label_span;
	struct shoal_rng rng;
	struct shoal_profile profile;
	struct shoal_heap heap;
	struct shoal_ring events, logs;
	struct shoal_leave leave;
	struct shoal_lag lag;
	struct shoal_silence silence;
	struct shoal_probes probes;
	struct shoal_sends sends;
	struct shoal_members members;
	struct shoal_tree tree;
	struct shoal_relays relays;
	struct shoal_slab exchanges; /* struct shoal_exchange, see exchange.c */
	struct shoal_slab inquests;  /* struct shoal_inquest */
	struct shoal_gossip gossip;
	struct shoal_sync sync;
	struct shoal_counters counters;
	struct shoal_histograms histograms;

	struct shoal_allocator mem;
	char label[SHOAL_LABEL_MAX + 1];
	struct shoal_check_queue checks;
	struct shoal_walk walk;
	struct shoal_timer heal_timer;
	struct shoal_identity identity;
	struct shoal_took took;
	struct shoal_paths paths;
	struct shoal_budgets budgets;
	struct shoal_nets nets;
	struct shoal_weights weights;
	struct shoal_partials partials;
	struct shoal_ways ways;
	struct shoal_reach_in reach;
	struct shoal_poll poll;
	struct shoal_watch watch;
	struct shoal_inbound inbound;
	struct shoal_calls calls;
	struct shoal_hints hints;
	struct shoal_gone gone;
	struct shoal_own_meta meta;
	struct shoal_pulls pulls;
	struct shoal_allow allow;
	struct shoal_seal seal;
	struct shoal_migrate migrate;
	struct shoal_coding coding;
	struct shoal_talk talk;
	struct shoal_inbox inbox;
	struct shoal_casts casts;
	struct shoal_keep keep;
	struct shoal_seen seen;
	struct shoal_spread spread;
	struct shoal_told_open told;
	struct shoal_shelf shelf;
	struct shoal_branches branches;
	struct shoal_repair repair;
	struct shoal_wants wants;
	struct shoal_keys keys;
	struct shoal_accept accept;
};

static inline void
shoal_count(struct shoal_core *core, enum shoal_counter counter)
{
	core->counters.value[counter]++;
}

/* In the unit of its row. */
static inline void
shoal_observe(struct shoal_core *core, enum shoal_histogram_kind kind, uint64_t value)
{
	shoal_histogram_observe(&core->histograms, kind, value);
}

static inline void
shoal_observe_ns(struct shoal_core *core, enum shoal_histogram_kind kind, uint64_t ns)
{
	shoal_observe(core, kind, ns / SHOAL_US(1));
}

static inline uint64_t
shoal_ms(uint32_t ms)
{
	return SHOAL_MS(ms);
}

/* Timers outside of the slabs: fewer than this. */
#define SHOAL_TIMERS_FIXED 25

/* Room for the timers of one more hold, probe, relay record, inquest or peer, so that arming never
 * fails. */
static inline int
shoal_reserve_timers(struct shoal_core *core)
{
	return shoal_heap_reserve(
	        &core->heap, (size_t)core->members.holds.count + core->probes.slab.count +
	                             core->relays.slab.count + core->inquests.count +
	                             core->talk.peers.count + 1 + SHOAL_TIMERS_FIXED);
}

/* span around `at`, from 3/4 to 5/4 of it: periodic work of many nodes must not march in step. */
static inline uint64_t
shoal_jitter(struct shoal_core *core, uint64_t span)
{
	return shoal_rng_between(&core->rng, span - span / 4, span + span / 4);
}

#endif
