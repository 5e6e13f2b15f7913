/* SPDX-License-Identifier: MIT */
/* The numbers of the profile change as an input, so that a recorded run repeats. Everything reads
 * them where it needs them; what has to be moved here are the timers of the long intervals, which
 * would otherwise run out by the old ones, and what may now be above its bound. */
#include "core/tune.h"

#include <shoal/core.h>

#include "base/writer.h"
#include "core/node.h"
#include "core/sync/heal.h"
#include "core/table/grave.h"

size_t
shoal_core_tuning(
        const struct shoal_profile *profile, enum shoal_log_level level, uint8_t *data, size_t len)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, len);
	shoal_writer_u8(&writer, (uint8_t)level);
#define SHOAL_X(field, min, max, lan, wan, local, text) shoal_writer_u32(&writer, profile->field);
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
	for (size_t i = 0; i < sizeof profile->spare / sizeof profile->spare[0]; i++) {
		shoal_writer_u32(&writer, profile->spare[i]);
	}
	return writer.failed ? 0 : writer.len;
}

static void
retick(struct shoal_core *core)
{
	if (shoal_timer_armed(&core->gossip.tick)) {
		shoal_heap_arm(&core->heap, &core->gossip.tick,
		        core->now + shoal_jitter(core, shoal_ms(core->profile.gossip_interval_ms)));
	}
}

static void
apply(struct shoal_core *core, const struct shoal_profile *profile)
{
	struct shoal_profile old = core->profile;

	core->profile = *profile;
	if (old.probe_interval_ms != profile->probe_interval_ms) {
		shoal_probe_arm(core);
	}
	if (old.sync_interval_ms != profile->sync_interval_ms) {
		shoal_sync_arm(core);
	}
	if (old.digest_interval_ms != profile->digest_interval_ms) {
		shoal_sync_retry(core);
	}
	if (old.gossip_interval_ms != profile->gossip_interval_ms) {
		retick(core);
	}
	if (old.heal_interval_ms != profile->heal_interval_ms) {
		shoal_heal_arm(core);
	}
	if (core->gossip.tokens > (int64_t)profile->gossip_burst) {
		core->gossip.tokens = profile->gossip_burst;
	}
	shoal_probe_health(core, 0);
	shoal_grave_forget_old(core);
}

static bool
moves_fixed(const struct shoal_profile *from, const struct shoal_profile *to)
{
#ifdef SHOAL_PLANT_FIXED_TUNED
	return false;
#endif
#define SHOAL_X(field)                                                                             \
	if (from->field != to->field)                                                              \
		return true;
	SHOAL_PROFILE_FIXED_TABLE(SHOAL_X)
#undef SHOAL_X
	return false;
}

int
shoal_tune(struct shoal_core *core, struct shoal_span data)
{
	struct shoal_profile profile;
	struct shoal_reader reader;
	uint8_t level;

	shoal_reader_init(&reader, data.data, data.len);
	level = shoal_reader_u8(&reader);
#define SHOAL_X(field, min, max, lan, wan, local, text) profile.field = shoal_reader_u32(&reader);
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
	for (size_t i = 0; i < sizeof profile.spare / sizeof profile.spare[0]; i++) {
		profile.spare[i] = shoal_reader_u32(&reader);
	}
	if (reader.failed || data.len != SHOAL_TUNING_BYTES || level < SHOAL_LOG_ERROR ||
	        level > SHOAL_LOG_DEBUG || shoal_profile_check(&profile, NULL, 0) != SHOAL_OK ||
	        moves_fixed(&core->profile, &profile)) {
		return SHOAL_ERR_INVALID;
	}
	core->log_level = (enum shoal_log_level)level;
	apply(core, &profile);
	return SHOAL_OK;
}
