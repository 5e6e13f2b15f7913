/* SPDX-License-Identifier: MIT */
/* The tree that a broadcast takes: each living member is below exactly one other. */
#include "unit.h"

#include "core/message/branch.h"
#include "core/node.h"
#include "core_world.h"

#define MANY 2000

static struct shoal_core *
set_up(struct core_world *world)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.members_max = MANY + 2;
	world_add(world, &config);
	return world_core(world, 0);
}

static uint32_t
add(struct shoal_core *core, uint32_t number)
{
	struct shoal_msg_member made = {.incarnation = 1,
	        .state = SHOAL_STATE_ALIVE,
	        .name = {(const uint8_t *)"somebody", 8},
	        .addrs = {.count = 1}};
	uint32_t slot;

	memset(made.id.bytes, 0xdd, sizeof made.id.bytes);
	memcpy(made.id.bytes, &number, sizeof number);
	made.salt.bytes[15] = 1;
	assert_int_equal(shoal_addr_parse(&made.addrs.item[0], "10.2.3.4:5"), 0);
	memcpy(made.addrs.item[0].ip + 13, &number, 3);
	assert_int_equal(shoal_members_add(core, &made, &slot), SHOAL_OK);
	shoal_members_move(core, slot, SHOAL_STATE_ALIVE, 0, NULL);
	return slot;
}

struct walk {
	struct shoal_core *core;
	const struct shoal_id *origin;
	uint32_t told[MANY + 2];
	uint32_t deepest;
};

/* As members do, of which this one, alone in the test, tells nobody of itself. */
static void
follow(struct walk *walk, uint32_t slot, uint32_t depth)
{
	uint32_t found[SHOAL_BRANCHES];
	uint32_t n = shoal_branch_find(walk->core, walk->origin, slot, depth, found);

	assert_in_range(n, 0, SHOAL_BRANCHES);
	walk->deepest = depth > walk->deepest ? depth : walk->deepest;
	for (uint32_t i = 0; i < n; i++) {
		walk->told[found[i]]++;
		assert_int_equal(walk->told[found[i]], 1);
		follow(walk, found[i], depth + 1);
	}
}

/* From this member, so that all others are to be told. The deepest of them. */
static uint32_t
follow_all(struct shoal_core *core, uint32_t living)
{
	static struct walk walk;
	uint32_t told = 0;

	memset(&walk, 0, sizeof walk);
	walk.core = core;
	walk.origin = &shoal_members_at(core, SHOAL_SELF)->info->id;
	follow(&walk, SHOAL_SELF, 0);
	for (uint32_t slot = 0; slot < core->members.records.end; slot++) {
		told += walk.told[slot];
		if (walk.told[slot] > 0) {
			assert_int_equal(shoal_members_at(core, slot)->state, SHOAL_STATE_ALIVE);
		}
	}
	assert_int_equal(told, living);
	return walk.deepest;
}

static void
every_living_member_is_told_once_however_many_there_are(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world);

	(void)state;
	assert_int_equal(follow_all(core, 0), 0);
	for (uint32_t i = 1; i <= MANY; i++) {
		add(core, i);
		if (i < 70 || i % 400 == 0) {
			/* Places are drawn: some stand closer together than the average. */
			assert_in_range(follow_all(core, i), 1, 16);
		}
	}
	world_done(&world);
}

static void
those_who_are_gone_are_told_nothing_and_those_behind_them_all_the_same(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world);
	uint32_t living = 300;

	(void)state;
	for (uint32_t i = 1; i <= 300; i++) {
		add(core, i);
	}
	for (uint32_t slot = 1; slot <= 300; slot += 3) {
		shoal_members_move(core, slot, SHOAL_STATE_DEAD, 0, NULL);
		living--;
	}
	follow_all(core, living);
	world_done(&world);
}

static void
who_cannot_be_reached_is_told_nothing_and_those_behind_it_all_the_same(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world);
	uint32_t reached = 300;

	(void)state;
	for (uint32_t i = 1; i <= 300; i++) {
		add(core, i);
	}
	for (uint32_t slot = 1; slot <= 300; slot += 3) {
		shoal_members_set_inbound(shoal_members_at(core, slot), true);
		reached--;
	}
	follow_all(core, reached);
	/* Down a link that it holds here it can. */
	const struct shoal_record *record = shoal_members_at(core, 1);
	core->watch.watcher[0] = (struct shoal_watcher){.number = 1,
	        .slot = 1,
	        .local = true,
	        .salt = shoal_members_salt(record),
	        .id = record->info->id};
	assert_true(shoal_inbound_link(core, 1) != 0);
	follow_all(core, reached + 1);
	core->watch.watcher[0] = (struct shoal_watcher){.number = 0};
	world_done(&world);
}

static void
a_depth_that_no_honest_sender_tells_leads_nowhere(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world);
	struct shoal_id nobody = {{9}};
	uint32_t found[SHOAL_BRANCHES];

	(void)state;
	for (uint32_t i = 1; i <= 50; i++) {
		add(core, i);
	}
	for (uint32_t depth = 0; depth <= UINT8_MAX; depth++) {
		uint32_t n = shoal_branch_find(core, &nobody, SHOAL_SELF, depth, found);
		assert_in_range(n, 0, depth > 30 ? 0 : SHOAL_BRANCHES);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_living_member_is_told_once_however_many_there_are),
	        cmocka_unit_test(
	                those_who_are_gone_are_told_nothing_and_those_behind_them_all_the_same),
	        cmocka_unit_test(
	                who_cannot_be_reached_is_told_nothing_and_those_behind_it_all_the_same),
	        cmocka_unit_test(a_depth_that_no_honest_sender_tells_leads_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
