/* SPDX-License-Identifier: MIT */
/* What waits for polls goes by when one was answered last: nobody counts those who poll. */
#include "core/sync/await.h"

#include "core/detect/order.h"
#include "core/node.h"

static uint64_t
half_interval(const struct shoal_core *core)
{
	return shoal_ms(core->profile.probe_interval_ms) / 2;
}

static bool
is_polled(const struct shoal_core *core)
{
	uint64_t polled = core->gossip.polled;

	return polled != 0 && core->now - polled <= half_interval(core);
}

uint32_t
shoal_await_share(const struct shoal_core *core)
{
	uint32_t limit = shoal_gossip_sends(core), rest = limit / 4;

	if (rest == 0 && limit > 0 && is_polled(core)) {
		rest = 1;
	}
	return limit - rest;
}

bool
shoal_await_keeps(const struct shoal_core *core, const struct shoal_news *news, uint32_t addressee)
{
	return is_polled(core) && core->now - news->since <= half_interval(core) &&
	       news->sends >= shoal_await_share(core) &&
	       !shoal_send_is_polled(core, shoal_members_at(core, addressee));
}

void
shoal_await_passed(struct shoal_core *core, uint32_t found)
{
	uint32_t fanout = core->profile.gossip_fanout;

	if (!shoal_await_is_idle(core)) {
		core->gossip.passed += found < fanout ? fanout + SHOAL_ORDER_PAST : found;
	}
}

bool
shoal_await_is_idle(const struct shoal_core *core)
{
	return core->gossip.passed >= core->members.ordered;
}

bool
shoal_await_is_alone(const struct shoal_core *core)
{
	const struct shoal_members *members = &core->members;
	uint32_t ways = 0;

	for (uint32_t i = 0; i < members->ordered && ways < 2; i++) {
		const struct shoal_record *record = shoal_members_at(core, members->order[i]);
		ways += shoal_kind_parts(core, record) ? 0 : 1;
	}
	return ways < 2;
}
