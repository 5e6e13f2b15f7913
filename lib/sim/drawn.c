/* SPDX-License-Identifier: MIT */
/* The swarm as others see it: made from a seed alone, its plan as text, and how near it came to its
 * bounds. */
#include "sim/swarm.h"

#include "base/alloc.h"
#include "base/text.h"

int
shoal_swarm_new(struct shoal_swarm **out, uint64_t seed, uint32_t nodes, shoal_sim_note_fn on_note,
        void *arg)
{
	return shoal_swarm_new_coded(out, seed, nodes, NULL, on_note, arg);
}

int
shoal_swarm_new_coded(struct shoal_swarm **out, uint64_t seed, uint32_t nodes,
        const struct shoal_codec_ops *codec, shoal_sim_note_fn on_note, void *arg)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(NULL);
	struct shoal_swarm *swarm;
	struct shoal_plan plan;
	int rc;

	if (nodes == 1 || nodes > SHOAL_SWARM_NODES_MAX) {
		return SHOAL_ERR_INVALID;
	}
	swarm = shoal_alloc(&mem, sizeof(*swarm));
	if (swarm == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	shoal_plan_draw(&plan, seed, nodes);
	plan.codec = codec;
	if (codec != NULL && codec->id != SHOAL_CODEC_BINARY &&
	        plan.profile.datagram_max < SHOAL_CODEC_DATAGRAM) {
		plan.profile.datagram_max = SHOAL_CODEC_DATAGRAM;
	}
	rc = shoal_swarm_init(swarm, &plan, on_note, arg);
	if (rc != 0) {
		shoal_alloc_free(&mem, swarm);
		return rc;
	}
	*out = swarm;
	return 0;
}

void
shoal_swarm_free(struct shoal_swarm *swarm)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(NULL);

	if (swarm != NULL) {
		shoal_swarm_done(swarm);
		shoal_alloc_free(&mem, swarm);
	}
}

struct shoal_sim *
shoal_swarm_sim(const struct shoal_swarm *swarm)
{
	return swarm->sim;
}

static void
worst(uint32_t *permille, uint64_t time, uint64_t bound)
{
	uint32_t share = bound >= 1000 ? (uint32_t)(time / (bound / 1000)) : 0;

	*permille = share > *permille ? share : *permille;
}

void
shoal_swarm_shares(const struct shoal_swarm *swarm, struct shoal_swarm_shares *shares)
{
	const struct shoal_swarm_times *times = &swarm->times;
	const struct shoal_sim_detection *crash = &times->detection;

	*shares = (struct shoal_swarm_shares){0};
	if (crash->by != 0) {
		worst(&shares->detection, crash->last_ns - crash->down_ns, times->failed_bound_ns);
	}
	worst(&shares->agreement, times->join_ns, times->join_bound_ns);
	worst(&shares->agreement, times->merged_ns, times->merged_bound_ns);
	worst(&shares->agreement, times->converged_ns, times->converged_bound_ns);
	worst(&shares->leave, times->left_ns, times->left_bound_ns);
	worst(&shares->digest, times->settled_ns, times->settled_bound_ns);
}

static void
put(struct shoal_text *text, const char *word, uint64_t value)
{
	shoal_text_str(text, word);
	shoal_text_u64(text, value);
}

static void
put_time(struct shoal_text *text, const char *word, uint64_t ns)
{
	shoal_text_str(text, word);
	shoal_text_duration(text, ns);
}

static void
put_link(struct shoal_text *text, const struct shoal_plan *plan)
{
	put_time(text, "\nlatency ", plan->calm.latency_min_ns);
	put_time(text, " to ", plan->calm.latency_max_ns);
	put_time(text, ", jitter ", plan->calm.jitter_ns);
	put(text, "; in chaos, of a million: lost ", plan->chaos.loss_ppm);
	put(text, ", damaged ", plan->chaos.corrupt_ppm);
	put(text, ", held back ", plan->chaos.reorder_ppm);
	put_time(text, " by up to ", plan->chaos.reorder_ns);
	put(text, ", lost in bursts ", plan->chaos.burst_loss_ppm);
	put(text, ", reset ", plan->chaos.reset_ppm);
	put(text, ", allocations that fail ", plan->fail_ppm);
	put(text, "; faults ", plan->faults);
	shoal_text_str(text, plan->merge ? "; a merge before" : "");
	shoal_text_str(text, plan->talk ? "; messages" : "");
	shoal_text_str(text, plan->casts ? "; broadcasts" : "");
	shoal_text_str(text, plan->moves ? "; members move" : "");
	shoal_text_str(text, plan->operated ? "; operators" : "");
	shoal_text_str(text, plan->asks ? "; hosts are asked whom to take in" : "");
	shoal_text_str(text, plan->flood ? "; strangers flood before" : "");
	shoal_text_str(text, plan->forged ? "; one makes up where another is" : "");
	if (plan->metadata) {
		shoal_text_str(text, "; metadata");
	}
	if (plan->narrow) {
		put(text, "; members 0 and 1 take datagrams of ", plan->narrow_mtu);
		shoal_text_str(text, plan->told ? " bytes before, and say so" : " bytes before");
	}
}

const char *
shoal_plan_print(const struct shoal_plan *plan, char *line, size_t len)
{
	static const char *const kind[] = {[SHOAL_PROFILE_LAN] = "lan",
	        [SHOAL_PROFILE_WAN] = "wan",
	        [SHOAL_PROFILE_LOCAL] = "local"};
	struct shoal_text text;

	shoal_text_init(&text, line, len);
	put(&text, "seed ", plan->seed);
	put(&text, ", members ", plan->nodes);
	shoal_text_str(&text, ", around ");
	shoal_text_str(&text, kind[plan->kind]);
	shoal_text_str(&text, ":");
#define SHOAL_X(field, min, max, lan, wan, local, help)                                            \
	put(&text, " " #field "=", plan->profile.field);
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
	put_link(&text, plan);
	return line;
}

const char *
shoal_swarm_print(const struct shoal_swarm *swarm, char *text, size_t len)
{
	return shoal_plan_print(&swarm->plan, text, len);
}
