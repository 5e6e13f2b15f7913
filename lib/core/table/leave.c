/* SPDX-License-Identifier: MIT */
/* A leave has two steps. `leaving` is said with its time-out: the others stop probing this member
 * and will count it as left when it never says so. When one has answered, `left` follows; the leave
 * ends when all who were told have answered, or at the time-out. What was said also goes by gossip.
 */
#include "core/table/leave.h"

#include "core/detect/order.h"
#include "core/event.h"
#include "core/node.h"
#include "core/sync/exchange.h"
#include "core/table/rival.h"

#define TOLD_DIRECTLY 3

/* Whom to tell: some that are alive, or else that are in doubt. */
static uint32_t
choose(struct shoal_core *core, uint32_t slots[TOLD_DIRECTLY])
{
	const struct shoal_members *members = &core->members;
	uint32_t n = shoal_order_sample(core, SHOAL_NONE, TOLD_DIRECTLY, slots);

	if (n == 0) {
		for (; n < TOLD_DIRECTLY && n < members->ordered; n++) {
			slots[n] = members->order[n];
		}
	}
	return n;
}

static void
say(struct shoal_core *core, enum shoal_state state, enum shoal_leave_phase phase)
{
	uint32_t slots[TOLD_DIRECTLY];

	core->leave.phase = phase;
	core->leave.told = 0;
	shoal_members_move(core, SHOAL_SELF, state, 0, NULL);
	shoal_gossip_add(core, SHOAL_SELF);
	shoal_watch_tell_leave(core); /* its end must not look like a death */
	core->leave.asked = choose(core, slots);
	for (uint32_t i = 0; i < core->leave.asked; i++) {
		struct shoal_probe *probe = shoal_probe_begin(core, slots[i], SHOAL_PROBE_LEAVE);
		if (probe != NULL) {
			probe->phase = (uint8_t)phase;
		}
	}
}

void
shoal_leave_end(struct shoal_core *core, int code)
{
	shoal_heap_disarm(&core->heap, &core->leave.timer);
	core->leave.phase = SHOAL_LEAVE_ENDED;
	shoal_exchange_cancel_joins(core);
	shoal_peer_end_all(core);
	shoal_cast_end_all(core);
	shoal_event_ended(core, code);
}

static void
say_left(struct shoal_core *core)
{
	say(core, SHOAL_STATE_LEFT, SHOAL_LEAVE_LEFT);
	if (core->leave.asked == 0) {
		shoal_leave_end(core, SHOAL_OK);
	}
}

int
shoal_leave_begin(struct shoal_core *core, uint64_t timeout_ns)
{
	uint64_t most = shoal_ms(core->profile.leave_timeout_ms);

	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		return SHOAL_ERR_STATE;
	}
#ifdef SHOAL_PLANT_LEAVE_UNSAID
	shoal_leave_end(core, SHOAL_OK);
	return SHOAL_OK;
#endif
	if (core->members.ordered == 0) { /* who waits for that holds this one alive */
		shoal_rival_believe(core);
	}
	core->leave.end = core->now + (timeout_ns == 0 || timeout_ns > most ? most : timeout_ns);
	core->leave.timer.kind = SHOAL_TIMER_LEAVE;
	shoal_heap_arm(&core->heap, &core->leave.timer, core->leave.end);
	say(core, SHOAL_STATE_LEAVING, SHOAL_LEAVE_LEAVING);
	if (core->leave.asked == 0) {
		say_left(core);
	}
	return SHOAL_OK;
}

void
shoal_leave_told(struct shoal_core *core, unsigned phase)
{
	if (phase != core->leave.phase) {
		return; /* an answer to the step before */
	}
	core->leave.told++;
	if (core->leave.phase == SHOAL_LEAVE_LEAVING) {
		say_left(core);
	} else if (core->leave.phase == SHOAL_LEAVE_LEFT) {
		core->leave.confirmed = true;
		if (core->leave.told >= core->leave.asked) {
			shoal_leave_end(core, SHOAL_OK);
		}
	}
}

void
shoal_leave_on_timer(struct shoal_core *core)
{
	if (core->leave.phase == SHOAL_LEAVE_LEAVING) {
		say(core, SHOAL_STATE_LEFT, SHOAL_LEAVE_LEFT);
	}
#ifdef SHOAL_PLANT_LEAVE_WAITS
	if (!core->leave.confirmed) {
		return;
	}
#endif
	shoal_leave_end(core, core->leave.confirmed ? SHOAL_OK : SHOAL_ERR_TIMEOUT);
}
