/* SPDX-License-Identifier: MIT */
/* Leaving: told to three members until they answer, gossiped, ended in time in every case; and what
 * a leaving core still does and does not do. */
#include "unit.h"

#include "core_world.h"

static const struct shoal_input leave_command = {.kind = SHOAL_INPUT_LEAVE};

static void
make_cluster(struct core_world *world, size_t nodes)
{
	world_init(world);
	for (size_t i = 0; i < nodes; i++) {
		world_add(world, NULL);
	}
	for (size_t i = 1; i < nodes; i++) {
		assert_int_equal(world_join(world, i, 0), SHOAL_OK);
	}
	world_run(world, SHOAL_SEC(5));
	world_clear(world);
}

static void
set_up(struct core_world *world, size_t puppets, unsigned answers)
{
	world_begin(world, NULL, puppets, answers);
	world_clear(world);
}

static const struct shoal_event *
ended(const struct core_world *world)
{
	return world_event(world, 0, SHOAL_EVENT_ENDED, NULL, 0);
}

static void
all_others_see_it_leave_and_nobody_sees_it_fail(void **state)
{
	struct core_world world;

	(void)state;
	make_cluster(&world, 6);
	struct shoal_id id = world_id(&world, 0);
	uint64_t begun = world.now;
	assert_int_equal(world_step(&world, 0, leave_command), SHOAL_OK);
	const struct shoal_event *event = world_await(&world, 0, SHOAL_EVENT_ENDED, SHOAL_SEC(5));
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_OK);
	assert_true(world.now - begun < SHOAL_MS(100));
	world_run(&world, SHOAL_SEC(60));
	for (size_t i = 1; i < 6; i++) {
		assert_int_equal(world_state(&world, i, &id), SHOAL_STATE_LEFT);
		event = world_event(&world, i, SHOAL_EVENT_LEFT, &id, 0);
		assert_non_null(event);
		assert_int_equal(event->cause.kind, SHOAL_CAUSE_LEAVE);
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_FAILED), 0);
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_SUSPECT), 0);
	}
	world_done(&world);
}

static void
alone_it_ends_at_once(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 0, 0);
	assert_int_equal(world_step(&world, 0, leave_command), SHOAL_OK);
	assert_non_null(ended(&world));
	assert_int_equal(ended(&world)->code, SHOAL_OK);
	world_done(&world);
}

/* Members that were told in a ping that the core is in this state. */
static size_t
told(const struct core_world *world, enum shoal_state state)
{
	struct shoal_id self = world_id(world, 0);
	size_t count = 0;

	for (size_t i = 0; i < world->puppets; i++) {
		const struct world_packet *packet = NULL;
		bool heard = false;
		while ((packet = world_sent(world, packet, 0, &world->puppet[i].addr,
		                SHOAL_MESSAGE_PING)) != NULL) {
			heard = heard || packet_state_of(packet, &self) == state;
		}
		count += heard;
	}
	return count;
}

static void
it_tells_three_members_leaving_and_then_left(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 10, PUPPET_DATAGRAMS);
	world_step(&world, 0, leave_command);
	assert_int_equal(told(&world, SHOAL_STATE_LEAVING), 3);
	assert_int_equal(told(&world, SHOAL_STATE_LEFT), 0);
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_MEMBER);
	assert_int_equal(packet_has(packet, SHOAL_MESSAGE_MEMBER)->member.age_ms, 5000);
	world_run(&world, 2 * world.latency);
	assert_int_equal(told(&world, SHOAL_STATE_LEFT), 3);
	assert_null(ended(&world));
	world_run(&world, 2 * world.latency);
	assert_non_null(ended(&world));
	assert_int_equal(ended(&world)->code, SHOAL_OK);
	world_done(&world);
}

static void
unanswered_it_repeats_itself_and_ends_at_the_timeout(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 10, 0);
	uint64_t begun = world.now;
	world_step(&world, 0, leave_command);
	world_run(&world, SHOAL_SEC(5) - 1);
	assert_null(ended(&world));
	size_t pings = world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_PING);
	/* Each of three, each 300 ms. */
	assert_int_equal(pings, 3 * 17);
	const struct world_packet *packet = NULL;
	while ((packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_PING)) != NULL) {
		assert_int_equal((packet->at - begun) % SHOAL_MS(300), 0);
	}
	world_run(&world, 1);
	assert_non_null(ended(&world));
	assert_int_equal(ended(&world)->code, SHOAL_ERR_TIMEOUT);
	/* Its last words are that it left. */
	assert_int_equal(told(&world, SHOAL_STATE_LEFT), 3);
	world_done(&world);
}

static void
one_or_two_of_three_that_confirm_are_enough_at_the_timeout(void **state)
{
	(void)state;
	for (size_t answering = 1; answering <= 2; answering++) {
		struct core_world world;

		set_up(&world, 3, 0);
		for (size_t i = 0; i < answering; i++) {
			world.puppet[i].answers = PUPPET_DATAGRAMS;
		}
		world_step(&world, 0, leave_command);
		world_run(&world, SHOAL_SEC(5) - 1);
		assert_null(ended(&world));
		world_run(&world, 1);
		assert_non_null(ended(&world));
		assert_int_equal(ended(&world)->code, SHOAL_OK);
		world_done(&world);
	}
}

static void
one_that_confirms_leaving_only_confirms_nothing(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3, 0);
	world.puppet[1].answers = PUPPET_DATAGRAMS;
	world_step(&world, 0, leave_command);
	world.puppet[1].answers = 0; /* its answer is under way */
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(told(&world, SHOAL_STATE_LEFT), 3);
	assert_non_null(ended(&world));
	assert_int_equal(ended(&world)->code, SHOAL_ERR_TIMEOUT);
	world_done(&world);
}

static void
members_in_doubt_are_told_where_there_are_no_others(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2, PUPPET_DATAGRAMS);
	for (size_t i = 0; i < 2; i++) {
		struct shoal_msg_state suspect =
		        puppet_state(&world.puppet[i], SHOAL_STATE_SUSPECT);
		world_tell(&world, 0, &world.puppet[1 - i], SHOAL_MESSAGE_STATE, &suspect);
	}
	world_step(&world, 0, leave_command);
	assert_null(ended(&world));
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(told(&world, SHOAL_STATE_LEFT), 2);
	assert_non_null(ended(&world));
	assert_int_equal(ended(&world)->code, SHOAL_OK);
	world_done(&world);
}

/* Its own join has told it of the one that leaves, which holds it left still: the instance before
 * is asked first. */
static void
who_came_back_elsewhere_a_moment_ago_is_told_where_there_are_no_others(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	make_cluster(&world, 2);
	struct shoal_id id = world_id(&world, 0), back = world_id(&world, 1);
	world_step(&world, 1, leave_command);
	assert_non_null(world_await(&world, 1, SHOAL_EVENT_ENDED, SHOAL_SEC(5)));
	world.node[1].up = false;
	world_config(&world, &config);
	config.name = "node-1";
	size_t again = world_add(&world, &config);
	assert_int_equal(world_join(&world, again, 0), SHOAL_OK);
	assert_non_null(world_await(&world, again, SHOAL_EVENT_JOINED, SHOAL_SEC(1)));
	assert_int_equal(world_state(&world, again, &id), SHOAL_STATE_ALIVE);
	assert_int_equal(world_state(&world, 0, &back), SHOAL_STATE_LEFT);
	world_clear(&world);
	world_step(&world, 0, leave_command);
	assert_int_equal(world_state(&world, 0, &back), SHOAL_STATE_ALIVE);
	world_run(&world, SHOAL_MS(100));
	assert_non_null(ended(&world));
	assert_int_equal(ended(&world)->code, SHOAL_OK);
	assert_int_equal(world_state(&world, again, &id), SHOAL_STATE_LEFT);
	assert_non_null(world_event(&world, again, SHOAL_EVENT_LEFT, &id, 0));
	world_done(&world);
}

static void
a_leaving_core_answers_and_does_not_probe_join_or_serve_joins(void **state)
{
	static struct parcel parcel;
	struct core_world world;

	(void)state;
	set_up(&world, 3, 0);
	world_step(&world, 0, leave_command);
	assert_int_equal(world_step(&world, 0, leave_command), SHOAL_ERR_STATE);
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){
	                                 .kind = SHOAL_INPUT_JOIN, .from = world.puppet[0].addr}),
	        SHOAL_ERR_STATE);
	world_clear(&world);
	struct shoal_msg_ping ping = {
	        .seq = 5, .id = world.puppet[0].id, .target = world_id(&world, 0)};
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_PING, &ping);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_ACK), 1);

	struct puppet *joiner = world_puppet(&world);
	struct shoal_msg_join join = {.id = joiner->id};
	struct shoal_msg_member self = puppet_member(joiner, SHOAL_STATE_ALIVE);
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_JOIN, &join);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &self);
	parcel_end(&parcel);
	world_request(&world, 0, &joiner->addr, UINT64_C(1) << 60, &parcel);
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_ANSWER);
	assert_non_null(packet);
	assert_int_equal(packet_has(packet, SHOAL_MESSAGE_ANSWER)->answer.code, -SHOAL_ERR_STATE);
	assert_int_equal(world_state(&world, 0, &joiner->id), SHOAL_STATES);
	world_run(&world, SHOAL_MS(4900));
	/* The three were never suspected: nobody is probed any more. */
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
	world_done(&world);
}

static void
an_ended_core_takes_no_input_and_has_no_deadline(void **state)
{
	struct core_world world;
	struct shoal_core *core;

	(void)state;
	set_up(&world, 0, 0);
	world_step(&world, 0, leave_command);
	core = world_core(&world, 0);
	for (int kind = SHOAL_INPUT_TIMER; kind <= SHOAL_INPUT_LEAVE; kind++) {
		assert_int_equal(world_step(&world, 0,
		                         (struct shoal_input){.kind = (enum shoal_input_kind)kind}),
		        SHOAL_ERR_STATE);
	}
	assert_true(shoal_core_deadline(core) == SHOAL_NEVER);
	struct shoal_core_member self;
	assert_true(shoal_core_member(core, 0, &self));
	assert_int_equal(self.state, SHOAL_STATE_LEFT);
	assert_int_equal(shoal_core_count(core, SHOAL_STATE_LEFT), 1);
	world_done(&world);
}

static void
a_leaving_core_that_is_called_dead_says_so_again_and_stays_leaving(void **state)
{
	struct core_world world;
	struct shoal_core_member self;

	(void)state;
	set_up(&world, 3, 0);
	world_step(&world, 0, leave_command);
	assert_true(shoal_core_member(world_core(&world, 0), 0, &self));
	struct shoal_msg_state said = {.id = self.id,
	        .incarnation = self.incarnation + 3,
	        .salt = 0,
	        .state = SHOAL_STATE_DEAD};
	for (size_t i = 0; i < 8; i++) {
		said.salt = said.salt << 8 | self.salt.bytes[i];
	}
	world_clear(&world);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &said);
	assert_true(shoal_core_member(world_core(&world, 0), 0, &self));
	assert_true(self.incarnation == said.incarnation + 1);
	assert_int_equal(self.state, SHOAL_STATE_LEAVING);
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &world.puppet[0].addr, SHOAL_MESSAGE_MEMBER);
	assert_int_equal(packet_state_of(packet, &self.id), SHOAL_STATE_LEAVING);
	world_done(&world);
}

static void
the_command_may_shorten_the_timeout_and_not_lengthen_it(void **state)
{
	static const uint64_t given[][2] = {{SHOAL_MS(700), SHOAL_MS(700)},
	        {SHOAL_SEC(5), SHOAL_SEC(5)}, {SHOAL_SEC(6), SHOAL_SEC(5)}, {0, SHOAL_SEC(5)},
	        {UINT64_MAX, SHOAL_SEC(5)}, {1, 1}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(given); i++) {
		struct core_world world;

		set_up(&world, 3, 0);
		world_step(&world, 0,
		        (struct shoal_input){.kind = SHOAL_INPUT_LEAVE, .timeout_ns = given[i][0]});
		const struct world_packet *packet =
		        world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_MEMBER);
		assert_int_equal(packet_has(packet, SHOAL_MESSAGE_MEMBER)->member.age_ms,
		        given[i][1] / SHOAL_MS(1));
		world_run(&world, given[i][1] - 1);
		assert_null(ended(&world));
		world_run(&world, 1);
		assert_non_null(ended(&world));
		world_done(&world);
	}
}

static void
joins_under_way_end_with_the_leave(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 0, 0);
	struct puppet *seed = world_puppet(&world);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = seed->addr});
	world_step(&world, 0, leave_command);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_JOINED, NULL, 0);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_CANCELED);
	assert_true(shoal_addr_equal(&event->addr, &seed->addr));
	/* ENDED is the last word. */
	assert_int_equal(world.event[world.events - 1].event.kind, SHOAL_EVENT_ENDED);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_ENDED), 0);
	world_run(&world, SHOAL_SEC(11));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOINED), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_ENDED), 1);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(all_others_see_it_leave_and_nobody_sees_it_fail),
	        cmocka_unit_test(alone_it_ends_at_once),
	        cmocka_unit_test(it_tells_three_members_leaving_and_then_left),
	        cmocka_unit_test(unanswered_it_repeats_itself_and_ends_at_the_timeout),
	        cmocka_unit_test(one_or_two_of_three_that_confirm_are_enough_at_the_timeout),
	        cmocka_unit_test(one_that_confirms_leaving_only_confirms_nothing),
	        cmocka_unit_test(members_in_doubt_are_told_where_there_are_no_others),
	        cmocka_unit_test(
	                who_came_back_elsewhere_a_moment_ago_is_told_where_there_are_no_others),
	        cmocka_unit_test(a_leaving_core_answers_and_does_not_probe_join_or_serve_joins),
	        cmocka_unit_test(an_ended_core_takes_no_input_and_has_no_deadline),
	        cmocka_unit_test(
	                a_leaving_core_that_is_called_dead_says_so_again_and_stays_leaving),
	        cmocka_unit_test(the_command_may_shorten_the_timeout_and_not_lengthen_it),
	        cmocka_unit_test(joins_under_way_end_with_the_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
