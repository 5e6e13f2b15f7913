/* SPDX-License-Identifier: MIT */
/* Metadata in a swarm: who starts says some or none, says something else in chaos, short or too
 * long for gossip. In the end whoever lives must hold what each other one said last.
 *
 * Draws come from a stream of their own: a seed without metadata is the same with and without. */
#include "sim/swarm.h"

#include <string.h>

#include <shoal/document.h>

#define BODY_MOST 24000

static size_t
draw_body(struct shoal_rng *rng, uint8_t *body)
{
	uint8_t value[BODY_MOST / 2] = {0}, room[BODY_MOST];
	size_t len = 0, most = shoal_rng_below(rng, 6) == 0 ? sizeof(value) : 120, made;
	uint32_t keys = shoal_rng_below(rng, 4);

	for (uint32_t i = 0; i < keys; i++) {
		const char key[2] = {'k', (char)('a' + shoal_rng_below(rng, 4))};
		struct shoal_meta_value bytes = {.type = SHOAL_META_BYTES};
		size_t size = 1 + shoal_rng_below(rng, (uint32_t)most / (keys < 2 ? 1 : 3));

		for (size_t byte = 0; byte < size; byte += 97) {
			value[byte] = (uint8_t)shoal_rng_u32(rng);
		}
		bytes.is.bytes.data = value;
		bytes.is.bytes.len = size;
		if (shoal_document_set(
		            body, len, key, sizeof(key), &bytes, room, sizeof(room), &made) == 0) {
			memcpy(body, room, made);
			len = made;
		}
	}
	if (shoal_rng_below(rng, 2) == 0 &&
	        shoal_document_tag(body, len, "spare", 5, true, room, sizeof(room), &made) == 0) {
		memcpy(body, room, made);
		len = made;
	}
	return len;
}

void
shoal_swarm_describe(struct shoal_swarm *swarm, uint32_t node)
{
	uint8_t body[BODY_MOST];
	struct shoal_input input = {.kind = SHOAL_INPUT_META, .data = body};

	if (!swarm->plan.metadata || !shoal_sim_is_up(swarm->sim, node) ||
	        shoal_sim_is_leaving(swarm->sim, node)) {
		return;
	}
	input.len = draw_body(&swarm->described, body);
	int rc = shoal_sim_step(swarm->sim, node, &input);
	(void)shoal_checker_that(shoal_sim_checkers(swarm->sim), SHOAL_CHECKER_COMMANDS,
	        rc == 0 || rc == SHOAL_ERR_STATE || rc == SHOAL_ERR_NOMEM, node,
	        shoal_sim_id(swarm->sim, node), "metadata was refused");
}

void
shoal_swarm_describe_some(struct shoal_swarm *swarm)
{
	for (uint32_t i = 0; swarm->plan.metadata && i < swarm->plan.nodes; i++) {
		if (shoal_rng_below(&swarm->described, 3) != 0) {
			shoal_swarm_describe(swarm, i);
		}
	}
}

void
shoal_swarm_describe_one(struct shoal_swarm *swarm)
{
	if (swarm->plan.metadata) {
		shoal_swarm_describe(swarm, shoal_rng_below(&swarm->described, swarm->plan.nodes));
	}
}

static bool
holds(const struct shoal_core *core, const struct shoal_core_member *said)
{
	struct shoal_core_member held;
	uint32_t slot;

	return shoal_core_find(core, &said->id, &slot) == 0 &&
	       shoal_core_member(core, slot, &held) && held.meta_version == said->meta_version &&
	       held.meta_len == said->meta_len &&
	       (said->meta_len == 0 || memcmp(held.meta, said->meta, said->meta_len) == 0);
}

/* Every two that live and stay. */
int
shoal_swarm_metadata(struct shoal_swarm *swarm)
{
	struct shoal_sim *sim = swarm->sim;
	bool all = true;

	for (uint32_t i = 0; i < swarm->plan.nodes * swarm->plan.nodes && all; i++) {
		uint32_t subject = i / swarm->plan.nodes, observer = i % swarm->plan.nodes;
		struct shoal_core_member said;

		if (shoal_sim_is_up(sim, subject) && !shoal_sim_is_leaving(sim, subject) &&
		        shoal_sim_is_up(sim, observer) && !shoal_sim_is_leaving(sim, observer)) {
			all = shoal_core_member(shoal_sim_core(sim, subject), 0, &said) &&
			      shoal_checker_that(shoal_sim_checkers(sim), SHOAL_CHECKER_METADATA,
			              holds(shoal_sim_core(sim, observer), &said), observer,
			              shoal_sim_id(sim, subject),
			              "does not hold the newest metadata");
		}
	}
	return all ? 0 : SHOAL_ERR_STATE;
}
