/* SPDX-License-Identifier: MIT */
/* A loop that was not run when a timer was due has stalled: the process was stopped, the machine
 * suspended, or something else had the processor. Inputs that come late are no judgement on those
 * who sent them. So the deadlines at which others are judged move by the lag, each at most by its
 * own length in all, so that a member that stalls again and again still comes to a verdict; and the
 * score of local health rises.
 *
 * The lag is counted from the last input where that is later than the deadline: a loop that reads
 * what has piled up meanwhile is running again, and one stall counts once.
 *
 * Cost: O(1) an input, O(timers) a stall. */
#include "core/detect/lag.h"

#include "core/detect/suspicion.h"
#include "core/event.h"
#include "core/node.h"

#define LOGGED_APART SHOAL_SEC(60)

static uint64_t
tolerated(const struct shoal_core *core)
{
	uint64_t least = shoal_ms(core->profile.stall_ms);
	uint64_t part = shoal_ms(core->profile.probe_interval_ms) / 20;

	return least > part ? least : part;
}

/* From the last timer to the first: one that moves to a later time changes places with such only as
 * were looked at already. */
static void
move_deadlines(struct shoal_core *core, uint64_t lag)
{
	for (size_t i = core->heap.count; i-- > 0;) {
		const struct shoal_timer *timer = core->heap.item[i].timer;

#ifdef SHOAL_PLANT_LAG_SPARES_PROBES
		if (timer->kind == SHOAL_TIMER_PROBE) {
			continue;
		}
#endif
#ifdef SHOAL_PLANT_LAG_SPARES_SUSPICIONS
		if (timer->kind == SHOAL_TIMER_HOLD) {
			continue;
		}
#endif
		if (timer->kind == SHOAL_TIMER_PROBE) {
			shoal_probe_delay(core, timer->slot, lag);
		} else if (timer->kind == SHOAL_TIMER_HOLD) {
			shoal_suspicion_delay(core, timer->slot, lag);
		}
	}
}

static void
tell(struct shoal_core *core, uint64_t lag)
{
	struct shoal_log_line line;

	if (core->lag.logged != 0 && core->now - core->lag.logged < LOGGED_APART) {
		return;
	}
	core->lag.logged = core->now;
	if (shoal_log_begin(core, &line, SHOAL_LOG_WARN, "lag")) {
		shoal_text_str(&line.text, "this member's own loop was late by ");
		shoal_text_duration(&line.text, lag);
		shoal_text_str(&line.text, ": its deadlines for others move by that");
	}
}

void
shoal_lag_observe(struct shoal_core *core, uint64_t before)
{
	uint64_t due = shoal_heap_next(&core->heap);
	uint64_t from = due > before ? due : before;

	if (core->profile.stall_ms == 0 || core->now <= from ||
	        core->now - from <= tolerated(core)) {
		return;
	}
	core->lag.ns = core->now - from;
	core->lag.at = core->now;
	shoal_count(core, SHOAL_COUNTER_STALLS);
	move_deadlines(core, core->lag.ns);
	shoal_probe_health(core, 1);
	tell(core, core->lag.ns);
}

uint64_t
shoal_lag_since(const struct shoal_core *core, uint64_t time)
{
	return core->lag.at != 0 && core->lag.at >= time ? core->lag.ns : 0;
}

void
shoal_lag_describe(const struct shoal_core *core, uint64_t time, struct shoal_text *text)
{
	uint64_t lag = shoal_lag_since(core, time);

	if (lag != 0) {
		shoal_text_str(text, text->len > 0 ? ", own loop " : "own loop ");
		shoal_text_duration(text, lag);
		shoal_text_str(text, " late");
	}
}
