/* SPDX-License-Identifier: MIT */
/* Joins between two real cores: what both sides then know and tell. */
#include "unit.h"

#include "core_world.h"

static const struct shoal_event *
joined(const struct core_world *world, size_t node)
{
	assert_true(world_count_events(world, node, SHOAL_EVENT_JOINED) <= 1);
	return world_event(world, node, SHOAL_EVENT_JOINED, NULL, 0);
}

static void
two_cores_join_and_know_each_other(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_add(&world, NULL);
	assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
	const struct world_packet *packet = world_sent(&world, NULL, 1, NULL, SHOAL_MESSAGE_JOIN);
	assert_int_equal(packet->kind, SHOAL_SEND_REQUEST);
	assert_true(packet->timeout_ns == SHOAL_SEC(10));
	world_run(&world, 2 * world.latency);
	const struct shoal_event *event = joined(&world, 1);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_OK);
	assert_true(shoal_addr_equal(&event->addr, &world.node[0].addr));
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_JOIN);
	for (size_t i = 0; i < 2; i++) {
		struct shoal_id other = world_id(&world, 1 - i);
		event = world_event(&world, i, SHOAL_EVENT_JOIN, &other, 0);
		assert_non_null(event);
		assert_int_equal(event->cause.kind, SHOAL_CAUSE_JOIN);
	}
	world_done(&world);
}

/* Once: by whom, does not matter any more. Its own clock is right. */
static void
who_was_told_an_incarnation_far_ahead_and_went_above_it_joins_all_the_same(void **state)
{
	struct shoal_core_member self;
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_add(&world, NULL);
	struct puppet *puppet = world_meet(&world, 1, PUPPET_DATAGRAMS);
	assert_true(shoal_core_member(world_core(&world, 1), 0, &self));
	struct shoal_msg_state said = {.id = self.id,
	        .incarnation = self.incarnation + ((UINT64_C(30) * 24 * 3600) << 32),
	        .state = SHOAL_STATE_SUSPECT};
	for (size_t i = 0; i < 8; i++) {
		said.salt = said.salt << 8 | self.salt.bytes[i];
	}
	world_tell(&world, 1, puppet, SHOAL_MESSAGE_STATE, &said);
	assert_true(shoal_core_member(world_core(&world, 1), 0, &self));
	assert_true(self.incarnation == said.incarnation + 1);
	assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	const struct shoal_event *event = joined(&world, 1);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_OK);
	assert_int_equal(world_state(&world, 0, &self.id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

/* The label and the name of node 1 differ from what they should be. */
static void
try_to_join(struct core_world *world, const char *seed, const char *joiner, const char *name)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.label = seed;
	world_add(world, &config);
	world_config(world, &config);
	config.label = joiner;
	config.name = name != NULL ? name : config.name;
	world_add(world, &config);
	assert_int_equal(world_join(world, 1, 0), SHOAL_OK);
	world_run(world, SHOAL_SEC(1));
}

static void
another_label_is_refused_in_both_directions(void **state)
{
	static const char *const labels[][2] = {
	        {"prod", NULL}, {NULL, "prod"}, {"prod", "test"}, {"a", "aa"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(labels); i++) {
		struct core_world world;

		try_to_join(&world, labels[i][0], labels[i][1], NULL);
		const struct shoal_event *event = joined(&world, 1);
		assert_non_null(event);
		assert_int_equal(event->code, SHOAL_ERR_LABEL);
		if (labels[i][1] == NULL) {
			assert_string_equal(event->cause.detail, "another cluster's label");
		}
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LABEL), 1);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_JOINS_REFUSED), 1);
		for (size_t node = 0; node < 2; node++) {
			assert_int_equal(
			        shoal_core_count(world_core(&world, node), SHOAL_STATE_ALIVE), 1);
			assert_int_equal(world_count_events(&world, node, SHOAL_EVENT_JOIN), 0);
		}
		world_done(&world);
	}
}

static void
the_same_label_is_accepted(void **state)
{
	struct core_world world;

	(void)state;
	try_to_join(&world, "prod", "prod", NULL);
	assert_int_equal(joined(&world, 1)->code, SHOAL_OK);
	world_done(&world);
}

static void
a_second_member_with_the_same_name_hears_why_it_is_refused(void **state)
{
	struct core_world world;

	(void)state;
	try_to_join(&world, NULL, NULL, "node-0");
	const struct shoal_event *event = joined(&world, 1);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_ID_CONFLICT);
	assert_string_equal(
	        event->cause.detail, "this id is my own: two members have the same name or id");
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(two_cores_join_and_know_each_other),
	        cmocka_unit_test(
	                who_was_told_an_incarnation_far_ahead_and_went_above_it_joins_all_the_same),
	        cmocka_unit_test(another_label_is_refused_in_both_directions),
	        cmocka_unit_test(the_same_label_is_accepted),
	        cmocka_unit_test(a_second_member_with_the_same_name_hears_why_it_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
