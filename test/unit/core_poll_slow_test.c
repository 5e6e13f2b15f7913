/* SPDX-License-Identifier: MIT */
/* Messages to a member that cannot be dialled, where the answers to its polls take long, or do not
 * come. */
#include "core_poll_world.h"

#include "core/message/user.h"
#include "core/sync/exchange.h"

#include "core_sealed.h"
#include "core_talk_world.h"

static size_t
heard(const struct core_world *world)
{
	return world_count_events(world, FAR, SHOAL_EVENT_MESSAGE);
}

static bool
is_polled_by_itself(const struct core_world *world, size_t node)
{
	struct shoal_core *core = world_core(world, node);
	struct shoal_id far = world_id(world, FAR);

	return shoal_poll_comes(core, shoal_members_find(core, &far));
}

static void
what_takes_longer_than_an_interval_arrives_and_nobody_is_suspected(void **state)
{
	static struct core_world world;
	static char text[200000];
	unsigned by_itself = 0;

	(void)state;
	set_up_urls(&world);
	world_run(&world, SHOAL_SEC(20));
	expect_diagnosis(&world, SHOAL_DIAGNOSIS_INBOUND_ONLY);
	memset(text, 'x', sizeof text);
	struct shoal_id far = world_id(&world, FAR);
	world.ns_per_byte = 10000; /* two seconds for it */
	for (size_t from = 0; from < FAR; from++) {
		world_clear(&world);
		by_itself += is_polled_by_itself(&world, from);
		for (unsigned i = 0; i < 8; i++) {
			struct shoal_input input = talk_input(
			        &far, SHOAL_RELIABLE, i + 1, text, i < 7 ? sizeof text : 5);
			assert_int_equal(world_step(&world, from, input), SHOAL_OK);
		}
		world_run(&world, SHOAL_SEC(40));
		assert_int_equal(heard(&world), 8);
		for (size_t i = 0; i < 8; i++) {
			const struct shoal_event *end =
			        world_event(&world, from, SHOAL_EVENT_SENT, NULL, i);
			assert_non_null(end);
			assert_int_equal(end->code, SHOAL_OK);
		}
		assert_int_equal(count(&world, SHOAL_EVENT_SUSPECT), 0);
		assert_int_equal(world_counter(&world, FAR, SHOAL_COUNTER_DROP_AGAIN), 0);
	}
	assert_int_equal(by_itself, 3);
	world_done(&world);
}

/* All three that it polls send it long messages at once, and it is probed by what they bring. */
static void
while_they_come_from_all_that_it_polls_its_probes_are_answered(void **state)
{
	static struct core_world world;
	static char text[200000];

	(void)state;
	set_up_urls(&world);
	world_run(&world, SHOAL_SEC(20));
	memset(text, 'x', sizeof text);
	struct shoal_id far = world_id(&world, FAR);
	world.ns_per_byte = 20000;
	world_clear(&world);
	for (size_t from = 0; from < FAR; from++) {
		for (unsigned flags = 0; flags <= SHOAL_RELIABLE; flags += SHOAL_RELIABLE) {
			for (unsigned i = 0; i < 5; i++) {
				struct shoal_input input =
				        talk_input(&far, flags, i + 1, text, sizeof text);
				assert_int_equal(world_step(&world, from, input), SHOAL_OK);
			}
		}
	}
	world_run(&world, SHOAL_SEC(120));
	assert_int_equal(count(&world, SHOAL_EVENT_SUSPECT), 0);
	assert_int_equal(heard(&world), (size_t)10 * FAR);
	world_done(&world);
}

/* The way to it is stuck for a moment: the answers that are under way then never come. */
static void
an_answer_that_does_not_come_delays_what_waits_and_does_not_end_it(void **state)
{
	static struct core_world world;
	uint64_t opened[WORLD_NODES];

	(void)state;
	for (int wan = 0; wan < 2; wan++) {
		if (wan != 0) {
			set_up_wan(&world, opened);
		} else {
			set_up_urls(&world);
		}
		world_run(&world, SHOAL_SEC(90));
		expect_diagnosis(&world, SHOAL_DIAGNOSIS_INBOUND_ONLY);
		struct shoal_id far = world_id(&world, FAR);
		for (size_t from = 0; from < world.nodes; from++) {
			if (from == FAR) {
				continue;
			}
			assert_int_equal(
			        talk_say(&world, from, &far, SHOAL_RELIABLE, 1, "a"), SHOAL_OK);
			assert_non_null(world_await(&world, from, SHOAL_EVENT_SENT, SHOAL_SEC(10)));
			world.ns_per_byte = SHOAL_SEC(10);
			world_run(&world, SHOAL_MS(wan != 0 ? 1300 : 260));
			world.ns_per_byte = 0;
			world_clear(&world);
			assert_int_equal(talk_say(&world, from, &far, 0, 0, "once"), SHOAL_OK);
			assert_int_equal(
			        talk_say(&world, from, &far, SHOAL_RELIABLE, 2, "b"), SHOAL_OK);
			world_run(&world, SHOAL_SEC(45));
			const struct shoal_event *end =
			        world_event(&world, from, SHOAL_EVENT_SENT, NULL, 0);
			assert_non_null(end);
			assert_int_equal(end->code, SHOAL_OK);
			assert_int_equal(heard(&world), 2);
		}
		world_done(&world);
	}
}

/* A poll brings what is for the member that it names only where that one sealed it. */
static void
who_seals_a_poll_in_the_name_of_another_gets_nothing_of_it(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 3; i++) {
		struct shoal_core_config config;
		sealed_config(&world, &config, 0);
		config.profile.watchers = 0;
		world_add(&world, &config);
		if (i > 0) {
			world_join(&world, i, 0);
		}
		world_run(&world, SHOAL_SEC(2));
	}
	struct shoal_core *core = world_core(&world, 0), *other = world_core(&world, 1);
	struct shoal_id far = world_id(&world, 2), self = world_id(&world, 0);
	uint32_t slot = shoal_members_find(core, &far);
	shoal_members_set_inbound(shoal_members_at(core, slot), true);
	world.node[2].up = false;
	assert_int_equal(talk_say(&world, 0, &far, 0, 0, "for it alone"), SHOAL_OK);
	assert_true(shoal_user_waits(core, slot));
	for (int forged = 1; forged >= 0; forged--) {
		struct shoal_msg_ping ping = {.seq = (uint64_t)SHOAL_NUMBER_POLL << 16,
		        .id = far,
		        .salt = shoal_members_salt(shoal_members_at(core, slot)),
		        .target = self};
		struct shoal_core *from = forged != 0 ? other : world_core(&world, 2);
		struct shoal_pending *pending =
		        shoal_send_to(from, SHOAL_SEND_REQUEST, shoal_members_find(from, &self), 0);
		assert_non_null(pending);
		pending->exchange = shoal_exchange_begin(
		        from, SHOAL_EXCHANGE_PING, shoal_members_find(from, &self), NULL);
		pending->timeout_ns = SHOAL_SEC(1);
		shoal_send_primary(pending, SHOAL_MESSAGE_PING, &ping);
		world.node[2].up = forged == 0;
		world_step(&world, forged != 0 ? 1 : 2,
		        (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
		world_run(&world, SHOAL_MS(10));
		assert_int_equal(shoal_user_waits(core, slot), forged);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                what_takes_longer_than_an_interval_arrives_and_nobody_is_suspected),
	        cmocka_unit_test(while_they_come_from_all_that_it_polls_its_probes_are_answered),
	        cmocka_unit_test(who_seals_a_poll_in_the_name_of_another_gets_nothing_of_it),
	        cmocka_unit_test(
	                an_answer_that_does_not_come_delays_what_waits_and_does_not_end_it)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
