/* SPDX-License-Identifier: MIT */
/* An accusation that is refuted costs its accuser an eighth of its weight, one that ends in a death
 * gives that back; so only those lose whose accusations are mostly refuted. Nobody falls below one
 * half, and what was lost comes back by and by within ten minutes: a member whose own network is
 * bad makes others hasty, but it may be the only one that sees a failure.
 *
 * Only accusers that lost something have a record; where there are more than fit, the one that is
 * nearest to its full weight goes. Looked at when an accusation comes or ends: a pass over the few
 * records. */
#include "core/detect/weight.h"

#include <string.h>

#include "core/node.h"

#define EACH     (SHOAL_WEIGHT_FULL / 8)
#define LOST_MAX (SHOAL_WEIGHT_FULL / 2)
#define RECOVERY SHOAL_SEC(600)

/* Lost, less what has come back since. */
static uint32_t
lost_now(const struct shoal_core *core, const struct shoal_weight *weight)
{
	uint64_t age = core->now - weight->at;
	uint64_t back = age < RECOVERY ? age * LOST_MAX / RECOVERY : LOST_MAX;

	return weight->lost > back ? weight->lost - (uint32_t)back : 0;
}

static struct shoal_weight *
find(struct shoal_core *core, const struct shoal_id *id)
{
	struct shoal_weights *weights = &core->weights;

	for (uint32_t i = 0; i < weights->count; i++) {
		if (memcmp(&weights->item[i].id, id, sizeof *id) == 0) {
			return &weights->item[i];
		}
	}
	return NULL;
}

static struct shoal_weight *
take(struct shoal_core *core, const struct shoal_id *id)
{
	struct shoal_weights *weights = &core->weights;
	struct shoal_weight *weight = &weights->item[0];

	if (weights->count < SHOAL_WEIGHTS_MAX) {
		weight = &weights->item[weights->count++];
	} else {
		for (uint32_t i = 1; i < SHOAL_WEIGHTS_MAX; i++) {
			struct shoal_weight *other = &weights->item[i];
			weight = lost_now(core, other) < lost_now(core, weight) ? other : weight;
		}
	}
	memset(weight, 0, sizeof *weight);
	weight->id = *id;
	return weight;
}

uint32_t
shoal_weight_of(const struct shoal_core *core, const struct shoal_id *accuser)
{
	uint32_t slot = shoal_members_find(core, accuser);

	if (slot == SHOAL_NONE ||
	        (slot != SHOAL_SELF && !shoal_members_counts(shoal_members_at(core, slot)))) {
		return 0;
	}
	for (uint32_t i = 0; i < core->weights.count; i++) {
		const struct shoal_weight *weight = &core->weights.item[i];
		if (memcmp(&weight->id, accuser, sizeof *accuser) == 0) {
			return SHOAL_WEIGHT_FULL - lost_now(core, weight);
		}
	}
	return SHOAL_WEIGHT_FULL;
}

void
shoal_weight_judge(struct shoal_core *core, const struct shoal_hold *hold, bool refuted)
{
	for (size_t i = 0; i < hold->doubters; i++) {
		struct shoal_weight *weight = find(core, &hold->doubter[i]);

		if (weight == NULL && refuted) {
			weight = take(core, &hold->doubter[i]);
		}
		if (weight == NULL) {
			continue;
		}
		uint32_t lost = weight->lost == 0 ? 0 : lost_now(core, weight);
		if (refuted) {
			lost = lost + EACH < LOST_MAX ? lost + EACH : LOST_MAX;
		} else {
			lost = lost > EACH ? lost - EACH : 0;
		}
		weight->lost = lost;
		weight->at = core->now;
	}
}
