/* SPDX-License-Identifier: MIT */
/* Round trips, measured for each member and pooled over each network, and the time-outs that follow
 * from them. */
#ifndef SHOAL_CORE_RTT_H
#define SHOAL_CORE_RTT_H

#include <shoal/types.h>

/* Networks (/24, or /64 of IPv6) that are kept apart. */
#define SHOAL_NETS_MAX 64
/* Samples after which an estimate counts. */
#define SHOAL_RTT_SAMPLES 4
/* In shoal_record.samples: an answer was late, the configured time-out counts until there are
 * enough new samples. */
#define SHOAL_RTT_BACKED_OFF 0x80

struct shoal_core;
struct shoal_record;

struct shoal_net {
	uint8_t prefix[16]; /* what is not in the prefix is zero */
	uint64_t at;        /* last sample */
	uint32_t srtt_us, rttvar_us;
	uint8_t samples;
};

struct shoal_nets {
	struct shoal_net item[SHOAL_NETS_MAX];
	uint32_t count;
};

/* A round trip of a ping that was sent once. */
void shoal_rtt_measure(struct shoal_core *core, uint32_t slot, uint64_t rtt_ns);

/* The answer to a direct ping came after its time-out: it measures nothing (Karn), but the estimate
 * was too short. */
void shoal_rtt_late(struct shoal_record *record);

/* How long a direct ping may go unanswered, before local health stretches it. */
uint64_t shoal_rtt_timeout(const struct shoal_core *core, const struct shoal_record *record);

#endif
