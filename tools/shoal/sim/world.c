/* SPDX-License-Identifier: MIT */
/* Worlds for scenarios. */
#include "world.h"

#include "../cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AGREE_STEP SHOAL_MS(5)
#define HEAD_UDP   28.0 /* IPv4 and UDP */
#define HEAD_TCP   40.0

const char *
sim_protocol_name(enum sim_protocol protocol)
{
	static const char *const names[SIM_PROTOCOLS] = {[SIM_SWIM] = "SWIM",
	        [SIM_LHA_PROBE] = "LHA-Probe",
	        [SIM_LHA_SUSPICION] = "LHA-Suspicion",
	        [SIM_BUDDY] = "Buddy System",
	        [SIM_LIFEGUARD] = "Lifeguard",
	        [SIM_SHOAL] = "shoal"};

	return names[protocol];
}

void
sim_protocol_apply(enum sim_protocol protocol, struct shoal_sim_config *config)
{
	struct shoal_profile *profile = &config->profile;
	bool all = protocol == SIM_LIFEGUARD;

	if (protocol == SIM_SHOAL) {
		return;
	}
	profile->health_max = all || protocol == SIM_LHA_PROBE ? 8 : 0;
	profile->nacks = all || protocol == SIM_LHA_PROBE;
	profile->suspicion_max_mult = all || protocol == SIM_LHA_SUSPICION ? 6 : 1;
	profile->belief = all || protocol == SIM_BUDDY;
	profile->adaptive_timeout = 0;
	profile->verify_deaths = 0;
	profile->bursts = 0;
	profile->stream_pings = 0;
	profile->watchers = 0;
	profile->stall_ms = 0;
	profile->partial = 0;
	profile->silence = 0;
	config->judges_first = true;
	config->unjudged = true;
}

static void
on_note(const struct shoal_sim_note *note, void *arg)
{
	struct sim_tally *tally = arg;

	if (note->kind != SHOAL_SIM_NOTE_EVENT || note->other >= tally->nodes ||
	        note->node >= tally->nodes) {
		return;
	}
	if (note->event == SHOAL_EVENT_SUSPECT) {
		tally->suspected += note->wrong;
		if (note->other == tally->subject && !tally->sick[note->node]) {
			tally->suspect_first =
			        tally->suspect_by++ == 0 ? note->at_ns : tally->suspect_first;
			tally->suspect_last = note->at_ns;
		}
	} else if (note->event == SHOAL_EVENT_FAILED) {
		tally->failed += note->wrong && !tally->sick[note->other];
		tally->failed_sound +=
		        note->wrong && !tally->sick[note->other] && !tally->sick[note->node];
		tally->failed_sick += note->wrong && tally->sick[note->other];
		if (note->other == tally->subject && !tally->sick[note->node]) {
			tally->failed_first =
			        tally->failed_by++ == 0 ? note->at_ns : tally->failed_first;
			tally->failed_last = note->at_ns;
		}
	}
}

struct sim_tally *
sim_tally_new(struct shoal_sim_config *config)
{
	struct sim_tally *tally = cli_alloc(1, sizeof(*tally));

	tally->nodes = config->nodes;
	tally->sick = cli_alloc(config->nodes, sizeof(*tally->sick));
	tally->subject = SHOAL_SIM_NOBODY;
	config->on_note = on_note;
	config->arg = tally;
	return tally;
}

void
sim_tally_free(struct sim_tally *tally)
{
	free(tally->sick);
	free(tally);
}

void
sim_tally_clear(struct sim_tally *tally)
{
	struct sim_tally kept = *tally;

	*tally =
	        (struct sim_tally){.nodes = kept.nodes, .sick = kept.sick, .subject = kept.subject};
}

int
sim_world_run(struct sim_case *one, struct shoal_sim *sim, uint64_t ns, const char *what)
{
	return sim_must(one, sim, shoal_sim_run(sim, shoal_sim_now(sim) + ns), what);
}

static bool
agree(struct shoal_sim *sim, void *arg)
{
	(void)arg;
	return shoal_sim_agreed(sim, NULL);
}

double
sim_world_agree(struct sim_case *one, struct shoal_sim *sim, uint64_t bound_ns)
{
	uint64_t begun = shoal_sim_now(sim);
	int rc = shoal_sim_run_until(sim, begun + bound_ns, AGREE_STEP, agree, NULL);

	if (sim_must(one, sim, rc, "until all agree") != 0) {
		return NAN;
	}
	return (double)(shoal_sim_now(sim) - begun) / 1e9;
}

struct wanted {
	uint32_t node;
	enum shoal_state state;
};

static bool
hold(struct shoal_sim *sim, void *arg)
{
	const struct wanted *wanted = arg;
	return shoal_sim_all_hold(sim, wanted->node, wanted->state, NULL);
}

double
sim_world_hold(struct sim_case *one, struct shoal_sim *sim, uint32_t node, enum shoal_state state,
        uint64_t bound_ns)
{
	struct wanted wanted = {node, state};
	uint64_t begun = shoal_sim_now(sim);
	int rc = shoal_sim_run_until(sim, begun + bound_ns, AGREE_STEP, hold, &wanted);

	if (sim_must(one, sim, rc, "until all know") != 0) {
		return NAN;
	}
	return (double)(shoal_sim_now(sim) - begun) / 1e9;
}

struct shoal_sim *
sim_world_new(struct sim_case *one, const struct shoal_sim_config *config)
{
	uint64_t bound = shoal_sim_convergence_bound(&config->profile, config->nodes, 0);
	struct shoal_sim_config coded = *config;
	struct shoal_sim *sim = NULL;

	coded.codec = one->codec;
	if (sim_must(one, NULL, shoal_sim_new(&sim, &coded), "the world") != 0) {
		return NULL;
	}
	if (sim_must(one, sim, shoal_sim_gather(sim), "the start") != 0 ||
	        isnan(sim_world_agree(one, sim, bound))) {
		sim_end(one, sim);
		return NULL;
	}
	return sim;
}

struct sim_load
sim_load_of(const struct shoal_sim *sim)
{
	struct shoal_sim_traffic traffic;

	shoal_sim_traffic(sim, SHOAL_SIM_NOBODY, &traffic);
	double datagrams = (double)traffic.datagrams, streams = (double)traffic.streams;
	return (struct sim_load){.messages = datagrams + streams,
	        .bytes = (double)traffic.datagram_bytes + (double)traffic.stream_bytes +
	                 HEAD_UDP * datagrams + HEAD_TCP * streams};
}

uint64_t
sim_draw(uint64_t seed, uint64_t word, uint64_t n)
{
	uint64_t z = seed * UINT64_C(0x9e3779b97f4a7c15) + word * UINT64_C(0xd1b54a32d192ed03);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (z ^ z >> 31) % n;
}
