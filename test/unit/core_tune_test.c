/* SPDX-License-Identifier: MIT */
/* Other numbers for a running core: they count from the step on, long intervals are not waited out,
 * and what is fixed or not valid changes nothing. */
#include "unit.h"

#include "core/node.h"
#include "core_world.h"

static int
tune(struct core_world *world, const struct shoal_profile *profile, enum shoal_log_level level)
{
	uint8_t data[SHOAL_TUNING_BYTES];

	assert_int_equal(shoal_core_tuning(profile, level, data, sizeof data), sizeof data);
	return world_step(world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_TUNE, .data = data, .len = sizeof data});
}

static void
set_up(struct core_world *world)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.probe_interval_ms = 600000;
	config.profile.sync_interval_ms = 86400000;
	config.profile.heal_interval_ms = 86400000;
	world_add(world, &config);
	world_meet(world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	world_run(world, SHOAL_SEC(5));
	world_clear(world);
}

static struct shoal_profile
now(const struct core_world *world)
{
	return world_core(world, 0)->profile;
}

static void
a_shorter_interval_counts_at_once(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world);
	struct shoal_profile profile = now(&world);
	world_run(&world, SHOAL_SEC(4));
	size_t before = world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_PING);
	assert_true(before <= 1);
	profile.probe_interval_ms = 1000;
	assert_int_equal(tune(&world, &profile, SHOAL_LOG_INFO), SHOAL_OK);
	world_run(&world, SHOAL_SEC(10));
	size_t pings = world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_PING) - before;
	assert_true(pings >= 9 && pings <= 11);
	world_done(&world);
}

static void
tables_are_exchanged_and_the_dead_tried_by_the_new_intervals(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world);
	struct shoal_profile profile = now(&world);
	struct puppet *puppet = world_meet(&world, 0, 0);
	const struct shoal_id *dead = &puppet->id;
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_DEAD);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
	for (int i = 0; i < 100 && world_state(&world, 0, dead) != SHOAL_STATE_DEAD; i++) {
		world_run(&world, SHOAL_SEC(60));
	}
	assert_int_equal(world_state(&world, 0, dead), SHOAL_STATE_DEAD);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_SYNC), 0);
	uint64_t healed = world_counter(&world, 0, SHOAL_COUNTER_HEALS);
	profile.sync_interval_ms = 1000;
	profile.heal_interval_ms = 1000;
	assert_int_equal(tune(&world, &profile, SHOAL_LOG_INFO), SHOAL_OK);
	world_run(&world, SHOAL_SEC(5));
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_SYNCS) >= 1);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_HEALS) >= healed + 3);
	assert_true(
	        world_core(&world, 0)->heal_timer.at <= world_core(&world, 0)->now + SHOAL_SEC(2));
	world_done(&world);
}

static void
what_is_above_a_lower_bound_comes_down(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world);
	for (size_t i = 0; i < 4; i++) {
		struct puppet *gone = world_meet(&world, 0, 0);
		struct shoal_msg_member left = puppet_member(gone, SHOAL_STATE_LEFT);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &left);
	}
	struct shoal_profile profile = now(&world);
	shoal_probe_health(world_core(&world, 0), 5);
	assert_int_equal(world_core(&world, 0)->members.graves.count, 4);
	profile.tombstones_max = 2;
	profile.health_max = 3;
	profile.gossip_burst = 1024;
	assert_int_equal(tune(&world, &profile, SHOAL_LOG_INFO), SHOAL_OK);
	assert_int_equal(world_core(&world, 0)->members.graves.count, 2);
	assert_int_equal(shoal_core_health(world_core(&world, 0)), 3);
	assert_true(world_core(&world, 0)->gossip.tokens <= 1024);
	world_done(&world);
}

static void
the_log_level_changes(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world);
	struct shoal_profile profile = now(&world);
	assert_int_equal(tune(&world, &profile, SHOAL_LOG_DEBUG), SHOAL_OK);
	assert_int_equal(world_core(&world, 0)->log_level, SHOAL_LOG_DEBUG);
	assert_int_equal(tune(&world, &profile, SHOAL_LOG_ERROR), SHOAL_OK);
	assert_int_equal(world_core(&world, 0)->log_level, SHOAL_LOG_ERROR);
	world_done(&world);
}

static void
what_is_fixed_or_not_valid_changes_nothing(void **state)
{
	static struct core_world world;
	static const char *const fixed[] = {
#define SHOAL_X(field) #field,
	        SHOAL_PROFILE_FIXED_TABLE(SHOAL_X)
#undef SHOAL_X
	};

	(void)state;
	set_up(&world);
	struct shoal_profile kept = now(&world), other;
	for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
		static const char *const values[] = {"8", "600", "70000"};
		int set = SHOAL_ERR_INVALID;
		other = kept;
		for (size_t k = 0; k < 3 && set != SHOAL_OK; k++) {
			set = shoal_profile_set(&other, fixed[i], values[k]);
		}
		assert_int_equal(set, SHOAL_OK);
		assert_true(shoal_profile_is_fixed(fixed[i]));
		other.probe_interval_ms = 1000;
		assert_int_equal(tune(&world, &other, SHOAL_LOG_INFO), SHOAL_ERR_INVALID);
	}
	other = kept;
	other.gossip_fanout = 0;
	assert_int_equal(tune(&world, &other, SHOAL_LOG_INFO), SHOAL_ERR_INVALID);
	assert_int_equal(tune(&world, &kept, (enum shoal_log_level)0), SHOAL_ERR_INVALID);
	assert_int_equal(tune(&world, &kept, (enum shoal_log_level)5), SHOAL_ERR_INVALID);
	uint8_t data[SHOAL_TUNING_BYTES + 1] = {0};
	assert_int_equal(shoal_core_tuning(&kept, SHOAL_LOG_INFO, data, SHOAL_TUNING_BYTES - 1), 0);
	assert_int_equal(
	        shoal_core_tuning(&kept, SHOAL_LOG_INFO, data, sizeof data), SHOAL_TUNING_BYTES);
	for (size_t len = 0; len <= sizeof data; len++) {
		int rc = world_step(&world, 0,
		        (struct shoal_input){.kind = SHOAL_INPUT_TUNE, .data = data, .len = len});
		assert_int_equal(rc, len == SHOAL_TUNING_BYTES ? SHOAL_OK : SHOAL_ERR_INVALID);
	}
	assert_false(shoal_profile_is_fixed("probe_interval_ms"));
	other = now(&world);
	assert_memory_equal(&other, &kept, sizeof kept);
	world_done(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_shorter_interval_counts_at_once),
	        cmocka_unit_test(tables_are_exchanged_and_the_dead_tried_by_the_new_intervals),
	        cmocka_unit_test(what_is_above_a_lower_bound_comes_down),
	        cmocka_unit_test(the_log_level_changes),
	        cmocka_unit_test(what_is_fixed_or_not_valid_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
