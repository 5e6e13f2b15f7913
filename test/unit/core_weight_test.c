/* SPDX-License-Identifier: MIT */
/* What an accusation weighs: of members only, less after refutations, never below a half, whole
 * again after ten minutes; and what that does to the length of a suspicion. */
#include "unit.h"

#include "core/detect/suspicion.h"
#include "core/node.h"
#include "core_world.h"

#define ACCUSERS 12

/* A core with members of which none is probed meanwhile: 0 is the subject, the others accuse. */
static void
set_up(struct core_world *world)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.probe_interval_ms = 600000;
	config.profile.stall_ms = 0;
	world_add(world, &config);
	for (size_t i = 0; i <= ACCUSERS; i++) {
		world_meet(world, 0, PUPPET_DATAGRAMS);
	}
	world_core(world, 0)->profile.probe_interval_ms = 1000;
}

static void
accuse_by(struct core_world *world, const struct shoal_id *accuser)
{
	struct shoal_msg_state said = puppet_state(&world->puppet[0], SHOAL_STATE_SUSPECT);

	said.accusers.count = 1;
	said.accusers.item[0] = *accuser;
	world_tell(world, 0, &world->puppet[1], SHOAL_MESSAGE_STATE, &said);
}

static void
refute(struct core_world *world)
{
	struct puppet *subject = &world->puppet[0];

	subject->incarnation++;
	struct shoal_msg_member alive = puppet_member(subject, SHOAL_STATE_ALIVE);
	world_tell(world, 0, subject, SHOAL_MESSAGE_MEMBER, &alive);
	assert_int_equal(world_state(world, 0, &subject->id), SHOAL_STATE_ALIVE);
}

static uint32_t
weight_of(const struct core_world *world, size_t accuser)
{
	return shoal_weight_of(world_core(world, 0), &world->puppet[accuser].id);
}

static const struct shoal_hold *
hold_of(const struct core_world *world)
{
	const struct shoal_core *core = world_core(world, 0);
	uint32_t slot;

	assert_int_equal(shoal_core_find(core, &world->puppet[0].id, &slot), SHOAL_OK);
	return shoal_members_hold(core, shoal_members_at(core, slot));
}

static void
an_eighth_is_lost_with_each_refutation_down_to_a_half(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	for (unsigned i = 1; i <= 7; i++) {
		accuse_by(&world, &world.puppet[2].id);
		refute(&world);
		assert_int_equal(weight_of(&world, 2), i < 4 ? 256 - 32 * i : 128);
		assert_int_equal(weight_of(&world, 3), 256);
	}
	world_done(&world);
}

static void
a_death_gives_back_what_a_refutation_took(void **state)
{
	struct core_world world;
	uint32_t slot;

	(void)state;
	set_up(&world);
	for (int i = 0; i < 2; i++) {
		accuse_by(&world, &world.puppet[2].id);
		refute(&world);
	}
	assert_int_equal(weight_of(&world, 2), 192);
	accuse_by(&world, &world.puppet[2].id);
	shoal_core_find(world_core(&world, 0), &world.puppet[0].id, &slot);
	shoal_suspicion_expire(world_core(&world, 0), slot);
	assert_int_equal(weight_of(&world, 2), 224);
	/* A restart proves them right as well. */
	refute(&world);
	accuse_by(&world, &world.puppet[2].id);
	world.puppet[0].salt.bytes[0] ^= 1;
	refute(&world);
	assert_int_equal(weight_of(&world, 2), 256);
	world_done(&world);
}

static void
what_was_lost_is_back_after_ten_minutes(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	for (int i = 0; i < 9; i++) {
		accuse_by(&world, &world.puppet[2].id);
		refute(&world);
	}
	struct shoal_core *core = world_core(&world, 0);
	uint64_t begun = core->now;
	for (uint64_t s = 0; s <= 660; s += 60) {
		core->now = begun + SHOAL_SEC(s);
		assert_in_range(weight_of(&world, 2), s < 600 ? 128 + s * 128 / 600 : 256, 256);
		assert_true(s >= 600 || weight_of(&world, 2) <= 129 + s * 128 / 600);
	}
	world_done(&world);
}

static void
the_length_follows_the_sum_of_the_weights(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	for (int i = 0; i < 4; i++) {
		accuse_by(&world, &world.puppet[2].id);
		refute(&world);
	}
	accuse_by(&world, &world.puppet[3].id);
	const struct shoal_hold *hold = hold_of(&world);
	struct shoal_suspicion_span span = {hold->least, hold->most, hold->wanted};
	assert_true(hold->timer.at == hold->begun + span.most);
	accuse_by(&world, &world.puppet[2].id);
	assert_int_equal(hold->weight, 384);
	assert_true(hold->timer.at == hold->begun + shoal_suspicion_length(&span, 128));
	assert_true(shoal_suspicion_length(&span, 128) > shoal_suspicion_length(&span, 256));
	assert_true(shoal_suspicion_length(&span, 128) < span.most);
	/* One that is no member here counts for nothing, and neither does one that left. */
	struct shoal_id stranger = {{9}};
	accuse_by(&world, &stranger);
	struct shoal_msg_state left = puppet_state(&world.puppet[4], SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[4], SHOAL_MESSAGE_STATE, &left);
	accuse_by(&world, &world.puppet[4].id);
	assert_int_equal(hold->weight, 384);
	assert_int_equal(hold->doubters, 2);
	accuse_by(&world, &world.puppet[5].id);
	assert_int_equal(hold->weight, 640);
	world_done(&world);
}

/* The statement counts all the same: it is merged, and told on with its accuser. */
static void
a_stranger_may_begin_a_suspicion_and_has_no_weight_in_it(void **state)
{
	struct core_world world;
	struct shoal_id stranger = {{9}};

	(void)state;
	set_up(&world);
	accuse_by(&world, &stranger);
	assert_int_equal(world_state(&world, 0, &world.puppet[0].id), SHOAL_STATE_SUSPECT);
	const struct shoal_hold *hold = hold_of(&world);
	assert_int_equal(hold->weight, 0);
	assert_int_equal(hold->doubters, 1);
	accuse_by(&world, &world.puppet[3].id);
	assert_int_equal(hold->weight, 256);
	assert_true(hold->timer.at == hold->begun + hold->most);
	world_done(&world);
}

static void
where_there_are_too_many_the_nearest_to_full_weight_is_forgotten(void **state)
{
	struct core_world world;
	struct shoal_core *core;
	struct shoal_hold hold = {.doubters = 1};

	(void)state;
	set_up(&world);
	core = world_core(&world, 0);
	for (uint8_t i = 0; i < SHOAL_WEIGHTS_MAX; i++) {
		memset(&hold.doubter[0], i + 1, sizeof hold.doubter[0]);
		shoal_weight_judge(core, &hold, true);
		if (i != 7) {
			shoal_weight_judge(core, &hold, true);
		}
	}
	hold.doubter[0] = world.puppet[2].id;
	shoal_weight_judge(core, &hold, true);
	assert_int_equal(core->weights.count, SHOAL_WEIGHTS_MAX);
	assert_int_equal(weight_of(&world, 2), 224);
	for (uint8_t i = 0; i < SHOAL_WEIGHTS_MAX; i++) {
		assert_true(core->weights.item[i].id.bytes[0] != 8);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_eighth_is_lost_with_each_refutation_down_to_a_half),
	        cmocka_unit_test(a_death_gives_back_what_a_refutation_took),
	        cmocka_unit_test(what_was_lost_is_back_after_ten_minutes),
	        cmocka_unit_test(the_length_follows_the_sum_of_the_weights),
	        cmocka_unit_test(a_stranger_may_begin_a_suspicion_and_has_no_weight_in_it),
	        cmocka_unit_test(where_there_are_too_many_the_nearest_to_full_weight_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
