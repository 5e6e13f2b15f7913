/* SPDX-License-Identifier: MIT */
/* RFC 6298 for pings. A member's own estimate counts once it has four samples, each at most 150 s
 * after the one before, so that none is older than ten minutes; until then that of its network
 * does, whose samples come from all members in it: among many, one is asked too rarely to be known
 * well. An estimate that gets old grows wider. Without either, and after an answer that came late,
 * the configured time-out counts, which is also the longest.
 *
 * A member costs 13 bytes of its record. The networks are few and are searched one after the other,
 * on a timer or an ack of an own probe only; where there are more than fit, the one that was
 * measured longest ago goes. */
#include "core/detect/rtt.h"

#include <string.h>

#include "base/addr.h"
#include "core/event.h"
#include "core/node.h"

#define SAMPLES_APART SHOAL_SEC(150)
/* Each such time without a sample adds the spread once more. */
#define WIDENED_EACH SHOAL_SEC(600)
#define RTT_MAX_US   60000000u

/* The 32 bits of a time in milliseconds that a record has room for. */
static uint32_t
short_ms(uint64_t time)
{
	return (uint32_t)(time / SHOAL_MS(1));
}

static uint32_t
clamp_us(uint64_t us)
{
	return us > RTT_MAX_US ? RTT_MAX_US : us == 0 ? 1 : (uint32_t)us;
}

static uint32_t
widened(uint32_t rttvar_us, uint64_t age)
{
	uint64_t times = 1 + age / WIDENED_EACH;

	return clamp_us(rttvar_us * (times < 1024 ? times : 1024));
}

/* RFC 6298, 2: in microseconds, alpha 1/8, beta 1/4. */
static void
smooth(uint32_t *srtt_us, uint32_t *rttvar_us, uint32_t rtt)
{
	if (*srtt_us == 0) {
		*srtt_us = rtt;
		*rttvar_us = rtt / 2;
		return;
	}
	uint32_t apart = *srtt_us > rtt ? *srtt_us - rtt : rtt - *srtt_us;
	*rttvar_us = *rttvar_us - *rttvar_us / 4 + apart / 4;
	*srtt_us = *srtt_us - *srtt_us / 8 + rtt / 8;
	*srtt_us = *srtt_us == 0 ? 1 : *srtt_us;
}

/* What a sample makes of the count of samples that are close enough together. */
static uint8_t
counted(uint8_t samples, bool apart)
{
	bool backed_off = (samples & SHOAL_RTT_BACKED_OFF) != 0;
	uint8_t count = (uint8_t)(samples & ~SHOAL_RTT_BACKED_OFF);

	/* Who has backed off collects samples however rare they are, or it would never end. */
	count = apart && !backed_off ? 1 : (uint8_t)(count + 1);
	if (count >= SHOAL_RTT_SAMPLES) {
		return SHOAL_RTT_SAMPLES;
	}
	return backed_off ? count | SHOAL_RTT_BACKED_OFF : count;
}

static void
prefix_of(const struct shoal_addr *addr, uint8_t prefix[16])
{
	size_t kept = shoal_addr_is_ipv4(addr) ? 15 : 8;

	memset(prefix, 0, 16);
	memcpy(prefix, addr->ip, kept);
}

static uint32_t
find_net(const struct shoal_nets *nets, const uint8_t prefix[16])
{
	uint32_t i = 0;

	while (i < nets->count && memcmp(nets->item[i].prefix, prefix, 16) != 0) {
		i++;
	}
	return i;
}

static struct shoal_net *
take_net(struct shoal_nets *nets, const uint8_t prefix[16])
{
	uint32_t found = find_net(nets, prefix);

	if (found == SHOAL_NETS_MAX) {
		found = 0;
		for (uint32_t i = 1; i < nets->count; i++) {
			found = nets->item[i].at < nets->item[found].at ? i : found;
		}
	} else if (found < nets->count) {
		return &nets->item[found];
	} else {
		nets->count++;
	}
	struct shoal_net *net = &nets->item[found];
	memset(net, 0, sizeof *net);
	memcpy(net->prefix, prefix, 16);
	return net;
}

static void
measure_net(struct shoal_core *core, const struct shoal_addr *addr, uint32_t rtt)
{
	uint8_t prefix[16];

	prefix_of(addr, prefix);
	struct shoal_net *net = take_net(&core->nets, prefix);
	uint64_t age = net->samples == 0 ? 0 : core->now - net->at;
	net->rttvar_us = widened(net->rttvar_us, age);
	net->samples = counted(net->samples, age > SAMPLES_APART);
	net->at = core->now;
	smooth(&net->srtt_us, &net->rttvar_us, rtt);
}

void
shoal_rtt_measure(struct shoal_core *core, uint32_t slot, uint64_t rtt_ns)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	uint32_t rtt = clamp_us(rtt_ns / SHOAL_US(1));
	uint64_t age = SHOAL_MS((uint32_t)(short_ms(core->now) - record->sampled_ms));

	if (record->srtt_us != 0) {
		record->rttvar_us = widened(record->rttvar_us, age);
	}
	record->samples = counted(record->samples, age > SAMPLES_APART);
	record->sampled_ms = short_ms(core->now);
	smooth(&record->srtt_us, &record->rttvar_us, rtt);
	struct shoal_addr addr = shoal_members_addr(record);
	measure_net(core, &addr, rtt);
	shoal_event_measured(core, slot, SHOAL_US(record->srtt_us));
}

void
shoal_rtt_late(struct shoal_record *record)
{
	record->samples = SHOAL_RTT_BACKED_OFF;
}

static uint64_t
clamp_timeout(const struct shoal_core *core, uint32_t srtt_us, uint32_t rttvar_us)
{
	uint64_t wanted = SHOAL_US((uint64_t)srtt_us + 4 * (uint64_t)rttvar_us);
	uint64_t floor = shoal_ms(core->profile.probe_floor_ms);
	uint64_t most = shoal_ms(core->profile.probe_timeout_ms);

#ifdef SHOAL_PLANT_FLOOR_IGNORED
	floor = 0;
#endif
	wanted = wanted < floor ? floor : wanted;
	return wanted < most ? wanted : most;
}

uint64_t
shoal_rtt_timeout(const struct shoal_core *core, const struct shoal_record *record)
{
	uint64_t age = SHOAL_MS((uint32_t)(short_ms(core->now) - record->sampled_ms));
	uint8_t prefix[16];

	if (core->profile.adaptive_timeout == 0 || (record->samples & SHOAL_RTT_BACKED_OFF) != 0) {
		return shoal_ms(core->profile.probe_timeout_ms);
	}
	if (record->samples >= SHOAL_RTT_SAMPLES && age <= SAMPLES_APART) {
		return clamp_timeout(core, record->srtt_us, record->rttvar_us);
	}
	struct shoal_addr addr = shoal_members_addr(record);
	prefix_of(&addr, prefix);
	uint32_t found = find_net(&core->nets, prefix);
	const struct shoal_net *net = &core->nets.item[found];
	if (found == core->nets.count || net->samples < SHOAL_RTT_SAMPLES) {
		return shoal_ms(core->profile.probe_timeout_ms);
	}
	return clamp_timeout(core, net->srtt_us, widened(net->rttvar_us, core->now - net->at));
}
