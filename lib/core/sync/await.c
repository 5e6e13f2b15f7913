/* SPDX-License-Identifier: MIT */
/* Both rules go by when a poll was answered last: nobody counts those who poll. */
#include "core/sync/await.h"

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
