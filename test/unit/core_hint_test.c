/* SPDX-License-Identifier: MIT */
/* Refused datagrams bring a probe forward, and no flood of them does more. */
#include "core_world.h"
#include "unit.h"

static void
refuse(struct core_world *world, const struct shoal_addr *from)
{
	assert_int_equal(world_step(world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_REFUSED, .from = *from}),
	        0);
}

static void
a_refusal_counts_of_an_address_that_a_datagram_went_to_and_once_an_interval(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *member = world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_run(&world, SHOAL_SEC(3));
	struct shoal_addr other = member->addr;
	other.port++;
	refuse(&world, &other);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HINTS), 0);
	uint64_t probes = world_counter(&world, 0, SHOAL_COUNTER_PROBES);
	refuse(&world, &member->addr);
	refuse(&world, &member->addr);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HINTS), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES), probes + 1);
	world_run(&world, SHOAL_MS(1001));
	refuse(&world, &member->addr);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HINTS), 2);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(world_state(&world, 0, &member->id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
a_thousand_forged_refusals_of_every_member_cost_a_bounded_number_of_probes(void **state)
{
	struct core_world world;
	uint64_t begun;

	(void)state;
	world_begin(&world, NULL, 30, PUPPET_DATAGRAMS);
	world_run(&world, SHOAL_SEC(60));
	begun = world.now;
	for (size_t i = 0; i < 1000; i++) {
		for (size_t k = 0; k < 30; k++) {
			refuse(&world, &world.puppet[k].addr);
		}
		world_run(&world, SHOAL_MS(1));
	}
	uint64_t most = (world.now - begun) / SHOAL_MS(50) + 2; /* verify_rate: 20 a second */
	assert_in_range(world_counter(&world, 0, SHOAL_COUNTER_HINTS), 1, most);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_REFUSALS), 30000);
	world_run(&world, SHOAL_SEC(10));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                a_refusal_counts_of_an_address_that_a_datagram_went_to_and_once_an_interval),
	        cmocka_unit_test(
	                a_thousand_forged_refusals_of_every_member_cost_a_bounded_number_of_probes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
