/* SPDX-License-Identifier: MIT */
/* Nobody knows of itself whether others reach it at what it advertises, but what comes and what
 * does not tells it, without a message for it. A member that pings this one on a stream got no
 * answer to its ping in a datagram; one that accuses it, or says that the way to it is bad, got
 * none on a stream either. That may be loss. It is told where two said so lately (the only other
 * one, where there are two members), and nothing of that kind came in for a while in which
 * something should have: each is pinged about once an interval. And by inbound.c, where others were
 * asked to connect and could not.
 *
 * Told are a line of the log, again every ten minutes, and what shoal_core_access says, until it
 * has been otherwise for ten seconds; and where no links are kept this member polls (poll.c).
 * Nothing else follows from it, so that it does not matter who made it up. O(1). */
#include "core/detect/reach.h"

#include <string.h>

#include "core/event.h"
#include "core/node.h"

/* What was said counts for so long. */
#define LATELY SHOAL_SEC(60)
/* Nothing came for so long, and for so many probe intervals. */
#define QUIET           SHOAL_SEC(10)
#define QUIET_INTERVALS 10
/* It is looked at again, and told again; what has ended for so long is over. */
#define LOOK_AGAIN SHOAL_SEC(1)
#define TELL_AGAIN SHOAL_SEC(600)
#define OVER       SHOAL_SEC(10)

void
shoal_reach_init(struct shoal_core *core)
{
	core->reach.timer.kind = SHOAL_TIMER_REACH;
	core->reach.pinged = core->reach.streamed = core->reach.entered = core->now;
}

static bool
is_quiet(const struct shoal_core *core, uint64_t since)
{
	uint64_t intervals = QUIET_INTERVALS * shoal_ms(core->profile.probe_interval_ms);

	return core->now - since >= (intervals > QUIET ? intervals : QUIET);
}

static bool
is_late(const struct shoal_core *core, uint64_t at)
{
	return at != 0 && core->now - at < LATELY;
}

/* What is the case now, by what was said and what came. */
static unsigned
judge(struct shoal_core *core)
{
	struct shoal_reach_in *reach = &core->reach;
	uint32_t datagrams = 0, streams = 0, others = shoal_members_n(core) - 1;
	uint32_t wanted = others < 2 ? 1 : 2;
	unsigned ways = 0;

	for (uint8_t i = 0; i < reach->count; i++) {
		datagrams += is_late(core, reach->peer[i].datagrams);
		streams += is_late(core, reach->peer[i].streams);
	}
	if (streams >= wanted) {
		shoal_poll_unreached(core);
	}
	if (datagrams >= wanted && is_quiet(core, reach->pinged)) {
		ways |= SHOAL_ACCESS_NO_DATAGRAMS;
	}
	if (streams >= wanted && is_quiet(core, reach->streamed)) {
		ways |= SHOAL_ACCESS_NO_STREAMS;
	}
	if (shoal_members_inbound(shoal_members_at(core, SHOAL_SELF))) {
		bool silent = is_quiet(core, reach->pinged);
		ways |= SHOAL_ACCESS_NO_STREAMS |
		        (silent ? reach->ways & SHOAL_ACCESS_NO_DATAGRAMS : 0);
	} else if (ways != 0) {
		reach->peers = datagrams > streams ? datagrams : streams;
	}
	return ways;
}

static void
tell(struct shoal_core *core)
{
	static const char *const missed[] = {"",
	        " in datagrams, and some on streams: open its UDP port",
	        " on streams, and some in datagrams: open its TCP port",
	        " in datagrams or on streams: open its UDP and its TCP port"};
	struct shoal_reach_in *reach = &core->reach;
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_addr addr = shoal_members_addr(self);
	bool web = shoal_addr_is_web(&addr);
	struct shoal_log_line line;

	reach->told = core->now;
	if (!shoal_log_begin(
	            core, &line, reach->ways != 0 ? SHOAL_LOG_WARN : SHOAL_LOG_INFO, "reach")) {
		return;
	}
	shoal_text_str(
	        &line.text, reach->ways != 0 ? "peers cannot reach me at " : "peers reach me at ");
	shoal_kind_write(self, &line.text);
	if (reach->ways == 0) {
		shoal_text_str(&line.text, " again");
		return;
	}
	shoal_text_str(&line.text, ": ");
	shoal_text_u64(&line.text, reach->peers);
	shoal_text_str(&line.text, " of them got no answer");
	shoal_text_str(
	        &line.text, web ? ": see that the proxy passes it on to where this one listens"
	                        : missed[reach->ways]);
	shoal_text_str(&line.text, ", or advertise where they reach it");
	if (shoal_members_inbound(self)) {
		shoal_text_str(&line.text, shoal_poll_is_for(core, self)
		                                   ? "; it is reached by what it polls only"
		                                   : "; it is reached by its own links only");
	}
}

static void
change(struct shoal_core *core, unsigned ways)
{
	struct shoal_reach_in *reach = &core->reach;

	if (ways != 0 && reach->ways == 0) {
		shoal_count(core, SHOAL_COUNTER_UNREACHED);
	}
	reach->ways = (uint8_t)ways;
	reach->good = 0;
	tell(core);
}

void
shoal_reach_on_timer(struct shoal_core *core)
{
	struct shoal_reach_in *reach = &core->reach;
	unsigned ways = judge(core), ended = reach->ways & ~ways;
	bool doubted = false;

	for (uint8_t i = 0; i < reach->count; i++) {
		doubted = doubted || is_late(core, reach->peer[i].datagrams);
	}
	if (ended == 0 || reach->good == 0) {
		reach->good = ended != 0 ? core->now : 0;
	}
	if ((ways & ~(unsigned)reach->ways) != 0) {
		change(core, ways | reach->ways);
	} else if (ended != 0 && core->now - reach->good >= OVER) {
		change(core, ways);
	} else if (reach->ways != 0 && core->now - reach->told >= TELL_AGAIN) {
		tell(core);
	}
	if (doubted || reach->ways != 0) {
		shoal_heap_arm(&core->heap, &reach->timer, core->now + LOOK_AGAIN);
	}
}

static void
look(struct shoal_core *core)
{
	if (!shoal_timer_armed(&core->reach.timer)) {
		shoal_heap_arm(&core->heap, &core->reach.timer, core->now + LOOK_AGAIN);
	}
}

static void
enter(struct shoal_core *core)
{
	core->reach.entered = core->now;
	core->reach.came = true;
	shoal_poll_reached(core);
}

void
shoal_reach_pinged(struct shoal_core *core, bool dialled)
{
	core->reach.pinged = core->now;
	if (dialled) {
		enter(core);
	}
}

void
shoal_reach_streamed(struct shoal_core *core)
{
	core->reach.streamed = core->now;
	enter(core);
}

uint64_t
shoal_reach_last(const struct shoal_core *core)
{
	return core->reach.entered;
}

bool
shoal_reach_is_known(const struct shoal_core *core)
{
	return core->reach.came;
}

/* The place of a peer, or of the one that said it longest ago. */
static struct shoal_reach_peer *
place_of(struct shoal_reach_in *reach, const struct shoal_id *id)
{
	struct shoal_reach_peer *oldest = &reach->peer[0];

	for (uint8_t i = 0; i < reach->count; i++) {
		struct shoal_reach_peer *peer = &reach->peer[i];
		if (memcmp(&peer->id, id, sizeof *id) == 0) {
			return peer;
		}
		oldest = peer->datagrams < oldest->datagrams ? peer : oldest;
	}
	if (reach->count < SHOAL_REACH_PEERS) {
		oldest = &reach->peer[reach->count++];
	}
	*oldest = (struct shoal_reach_peer){.id = *id};
	return oldest;
}

void
shoal_reach_missed(struct shoal_core *core, const struct shoal_id *peer, bool streams)
{
	uint32_t slot = shoal_members_find(core, peer);
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record == NULL || slot == SHOAL_SELF || !shoal_members_counts(record) ||
	        shoal_members_inbound(record) || core->leave.phase != SHOAL_LEAVE_NOT) {
		return; /* that its own wall is in the way says nothing about this member */
	}
	struct shoal_reach_peer *place = place_of(&core->reach, peer);
	place->datagrams = core->now;
	place->streams = streams ? core->now : place->streams;
	look(core);
}

void
shoal_reach_undialled(struct shoal_core *core, uint32_t asked)
{
	struct shoal_reach_in *reach = &core->reach;

	reach->peers = asked;
	change(core, SHOAL_ACCESS_NO_STREAMS |
	                     (is_quiet(core, reach->pinged) ? SHOAL_ACCESS_NO_DATAGRAMS : 0));
	look(core);
}

void
shoal_reach_dialled(struct shoal_core *core)
{
	change(core, judge(core));
}

void
shoal_reach_moved(struct shoal_core *core)
{
	struct shoal_reach_in *reach = &core->reach;

	reach->count = reach->ways = 0;
	reach->pinged = reach->streamed = reach->entered = core->now;
	reach->came = false;
	core->poll.begun = core->now; /* who got in did so elsewhere */
}

enum shoal_access
shoal_core_access(const struct shoal_core *core, unsigned *peers)
{
	if (peers != NULL) {
		*peers = core->reach.ways != 0 ? core->reach.peers : 0;
	}
	return (enum shoal_access)core->reach.ways;
}

const char *
shoal_access_name(enum shoal_access reach)
{
	static const char *const names[] = {"reached", "no datagrams", "no streams", "not reached"};

	return (unsigned)reach < 4 ? names[reach] : "invalid";
}
