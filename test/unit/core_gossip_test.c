/* SPDX-License-Identifier: MIT */
/* Dissemination: how often a statement is sent, to whom, in which order, how fast, and that an idle
 * core is silent. One core among puppets that answer pings; what it sends is counted. */
#include "unit.h"

#include "core/sync/gossip.h"
#include "core_gossip_world.h"

static void
a_statement_is_sent_as_often_as_the_limit_says(void **state)
{
	static const size_t others[] = {2, 3, 5, 11, 12, 19, 20, 40, 100, 200};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		struct core_world world;

		set_up(&world, others[i] - 1, NULL);
		const struct puppet *newcomer = world_meet(&world, 0, PUPPET_DATAGRAMS);
		world_run(&world, SHOAL_SEC(20));
		assert_int_equal(
		        count_told(&world, newcomer, SHOAL_STATE_ALIVE), limit_of(others[i] + 1));
		world_done(&world);
	}
}

static void
the_only_other_member_is_told_nothing_of_itself_and_the_core_comes_to_rest(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 1, NULL);
	world.node[0].wakes = 0;
	world_run(&world, SHOAL_SEC(100));
	assert_int_equal(count_told(&world, &world.puppet[0], SHOAL_STATE_ALIVE), 0);
	assert_int_equal(packet_state_of(world.sent, &world.puppet[0].id), SHOAL_STATE_UNKNOWN);
	/* A hundred probes, some table exchanges and tries to heal. */
	assert_in_range(world.node[0].wakes, 100, 130);
	world_done(&world);
}

static void
an_idle_core_sends_no_statements_and_wakes_for_its_probes_only(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 30, NULL);
	world.node[0].wakes = 0;
	world_run(&world, SHOAL_SEC(20));
	assert_true(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_PING) >= 20);
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		if (packet->kind == SHOAL_SEND_DATAGRAM) {
			assert_null(packet_has(packet, SHOAL_MESSAGE_MEMBER));
			assert_null(packet_has(packet, SHOAL_MESSAGE_STATE));
		}
	}
	assert_in_range(world.node[0].wakes, 20, 25);
	world_done(&world);
}

static void
news_goes_to_the_fanout_at_once_and_three_quarters_in_bursts(void **state)
{
	struct core_world world;
	struct shoal_profile lan;
	size_t limit = limit_of(42);

	(void)state;
	set_up(&world, 40, NULL);
	shoal_profile_init(&lan, SHOAL_PROFILE_LAN);
	const struct puppet *newcomer = world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_run(&world, 0);
	size_t first = count_told(&world, newcomer, SHOAL_STATE_ALIVE);
	assert_in_range(first, lan.gossip_fanout - 1, lan.gossip_fanout);
	const struct world_packet *packet = NULL, *other;
	while ((packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_MEMBER)) != NULL) {
		for (other = packet->next; other != NULL; other = other->next) {
			assert_false(shoal_addr_equal(&packet->to, &other->to));
		}
	}
	/* Each further burst after the step, give or take a quarter. */
	world_run(&world, SHOAL_US(2249));
	assert_int_equal(count_told(&world, newcomer, SHOAL_STATE_ALIVE), first);
	world_run(&world, SHOAL_US(3751 - 2249));
	assert_true(
	        count_told(&world, newcomer, SHOAL_STATE_ALIVE) > first + lan.gossip_fanout - 2);
	world_run(&world, SHOAL_MS(60));
	assert_true(count_told(&world, newcomer, SHOAL_STATE_ALIVE) >= limit - limit / 4);
	world_run(&world, SHOAL_SEC(10));
	assert_int_equal(count_told(&world, newcomer, SHOAL_STATE_ALIVE), limit);
	world_done(&world);
}

static void
a_burst_goes_to_as_many_as_the_fanout_says(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 40, NULL);
	struct shoal_msg_state left = puppet_state(&world.puppet[3], SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[3], SHOAL_MESSAGE_STATE, &left);
	world_run(&world, 0);
	assert_int_equal(count_told(&world, &world.puppet[3], SHOAL_STATE_LEFT), 3);
	world_run(&world, SHOAL_US(3750));
	assert_int_equal(count_told(&world, &world.puppet[3], SHOAL_STATE_LEFT), 6);
	world_done(&world);
}

static void
a_newer_statement_takes_the_place_of_the_older(void **state)
{
	struct core_world world;
	struct puppet *subject;

	(void)state;
	set_up(&world, 40, NULL);
	subject = &world.puppet[3];
	struct shoal_msg_state suspect = puppet_state(subject, SHOAL_STATE_SUSPECT);
	world_tell(&world, 0, &world.puppet[4], SHOAL_MESSAGE_STATE, &suspect);
	world_run(&world, SHOAL_MS(2));
	assert_true(count_told(&world, subject, SHOAL_STATE_SUSPECT) > 0);
	world_clear(&world);
	subject->incarnation++;
	struct shoal_msg_member alive = puppet_member(subject, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, subject, SHOAL_MESSAGE_MEMBER, &alive);
	world_run(&world, SHOAL_SEC(10));
	assert_int_equal(count_told(&world, subject, SHOAL_STATE_SUSPECT), 0);
	assert_int_equal(count_told(&world, subject, SHOAL_STATE_ALIVE), limit_of(41));
	world_done(&world);
}

static void
further_accusers_make_it_news_again_at_most_k_times(void **state)
{
	static const size_t others[] = {4, 5, 12, 40, 100};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		struct core_world world;
		size_t limit = limit_of(others[i] + 1);

		set_up(&world, others[i], NULL);
		struct shoal_msg_state suspect =
		        puppet_state(&world.puppet[0], SHOAL_STATE_SUSPECT);
		/* lan: k = 2. The statement has been sent as often as it may when the next comes.
		 */
		for (size_t k = 1; k <= 8 && k < others[i]; k++) {
			size_t told = k < 3 ? k : 3;
			world_tell(&world, 0, &world.puppet[k], SHOAL_MESSAGE_STATE, &suspect);
			world_run(&world, SHOAL_MS(750));
			assert_int_equal(count_told(&world, &world.puppet[0], SHOAL_STATE_SUSPECT),
			        told * limit);
		}
		world_done(&world);
	}
}

static void
accusers_that_come_together_make_it_no_more_news_than_one_by_one(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 40, NULL);
	struct shoal_msg_state suspect = puppet_state(&world.puppet[0], SHOAL_STATE_SUSPECT);
	for (size_t i = 1; i <= 8; i++) {
		world_tell(&world, 0, &world.puppet[i], SHOAL_MESSAGE_STATE, &suspect);
		world_run(&world, SHOAL_MS(5));
	}
	world_run(&world, SHOAL_SEC(3));
	assert_in_range(count_told(&world, &world.puppet[0], SHOAL_STATE_SUSPECT), limit_of(41) + 1,
	        3 * limit_of(41));
	world_done(&world);
}

static void
without_bursts_news_goes_with_the_ticks(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.bursts = 0;
	set_up(&world, 40, &config);
	world_drop_flights(&world);
	struct shoal_msg_state left = puppet_state(&world.puppet[3], SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[3], SHOAL_MESSAGE_STATE, &left);
	uint64_t begun = world.now;
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(count_told(&world, &world.puppet[3], SHOAL_STATE_LEFT), limit_of(40));
	uint64_t last = begun;
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		if (packet->message[0].kind == SHOAL_MESSAGE_SENDER && packet->at != last) {
			assert_in_range(packet->at - last, SHOAL_MS(150), SHOAL_MS(250));
			last = packet->at;
		}
	}
	assert_true(last > begun + SHOAL_MS(400));
	world_done(&world);
}

/* Datagrams that tell of it in full. */
static size_t
count_full(const struct core_world *world, const struct puppet *subject)
{
	size_t full = 0;

	for (const struct world_packet *packet = world->sent; packet != NULL;
	        packet = packet->next) {
		for (size_t i = 0; packet->kind == SHOAL_SEND_DATAGRAM && i < packet->messages;
		        i++) {
			const struct world_message *message = &packet->message[i];
			full += message->kind == SHOAL_MESSAGE_MEMBER &&
			        shoal_id_compare(&message->m.member.id, &subject->id) == 0;
		}
	}
	return full;
}

static void
a_refutation_goes_short_and_in_full_only_where_more_than_the_incarnation_is_new(void **state)
{
	struct core_world world;
	struct puppet *subject;

	(void)state;
	set_up(&world, 40, NULL);
	subject = &world.puppet[3];
	struct shoal_msg_state suspect = puppet_state(subject, SHOAL_STATE_SUSPECT);
	world_tell(&world, 0, &world.puppet[4], SHOAL_MESSAGE_STATE, &suspect);
	subject->incarnation++;
	struct shoal_msg_member alive = puppet_member(subject, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, subject, SHOAL_MESSAGE_MEMBER, &alive);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(count_told(&world, subject, SHOAL_STATE_ALIVE), limit_of(41));
	assert_int_equal(count_full(&world, subject), 0);
	/* The short form again. */
	world_clear(&world);
	subject->incarnation++;
	struct shoal_msg_state raised = puppet_state(subject, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, subject, SHOAL_MESSAGE_STATE, &raised);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(count_told(&world, subject, SHOAL_STATE_ALIVE), limit_of(41));
	assert_int_equal(count_full(&world, subject), 0);
	/* Another name, and while that is on its way a mere rise. */
	world_clear(&world);
	subject->incarnation++;
	subject->name[0] = 'P';
	alive = puppet_member(subject, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, subject, SHOAL_MESSAGE_MEMBER, &alive);
	world_run(&world, SHOAL_MS(4));
	subject->incarnation++;
	raised = puppet_state(subject, SHOAL_STATE_ALIVE);
	world_clear(&world);
	world_tell(&world, 0, subject, SHOAL_MESSAGE_STATE, &raised);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(count_told(&world, subject, SHOAL_STATE_ALIVE), limit_of(41));
	assert_int_equal(count_full(&world, subject), limit_of(41));
	world_done(&world);
}

static void
another_instance_and_one_that_was_dead_are_told_in_full(void **state)
{
	struct core_world world;
	struct puppet *restarted, *returned;

	(void)state;
	set_up(&world, 40, NULL);
	restarted = &world.puppet[3];
	restarted->incarnation++;
	restarted->salt.bytes[0] ^= 1;
	struct shoal_msg_member alive = puppet_member(restarted, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, restarted, SHOAL_MESSAGE_MEMBER, &alive);
	returned = &world.puppet[4];
	struct shoal_msg_state left = puppet_state(returned, SHOAL_STATE_LEFT);
	world_tell(&world, 0, returned, SHOAL_MESSAGE_STATE, &left);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(
	        count_full(&world, restarted), count_told(&world, restarted, SHOAL_STATE_ALIVE));
	assert_true(count_full(&world, restarted) >= limit_of(40));
	returned->incarnation++;
	struct shoal_msg_state raised = puppet_state(returned, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, returned, SHOAL_MESSAGE_STATE, &raised);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(count_full(&world, returned), limit_of(41));
	world_done(&world);
}

static int
rank_of(enum shoal_state state)
{
	switch (state) {
	case SHOAL_STATE_SUSPECT:
	case SHOAL_STATE_DEAD:
		return 0;
	case SHOAL_STATE_ALIVE:
		return 1;
	default:
		return 2;
	}
}

/* The gossip of one packet: classes in order, inside a class least sent first. */
static void
check_order(const struct core_world *world, const struct world_packet *packet,
        size_t sends[WORLD_PUPPETS])
{
	int rank = 0;
	size_t sent = 0, in[WORLD_PUPPETS], ins = 0;

	for (size_t i = 0; i < packet->messages; i++) {
		const struct world_message *message = &packet->message[i];
		bool full = message->kind == SHOAL_MESSAGE_MEMBER;
		if (!full && message->kind != SHOAL_MESSAGE_STATE) {
			continue;
		}
		const struct shoal_id *id = full ? &message->m.member.id : &message->m.state.id;
		size_t number = id->bytes[15];
		int its = rank_of((enum shoal_state)(
		        full ? message->m.member.state : message->m.state.state));
		if (shoal_addr_equal(&packet->to, &world->puppet[number].addr)) {
			continue; /* a belief, not gossip */
		}
		assert_true(its >= rank);
		assert_true(its > rank || sends[number] >= sent);
		rank = its;
		sent = sends[number];
		in[ins++] = number;
	}
	while (ins > 0) {
		sends[in[--ins]]++;
	}
}

static void
a_packet_has_failures_first_then_the_living_and_the_least_sent_before_others(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	size_t sends[WORLD_PUPPETS] = {0}, packets = 0;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.datagram_max = 508;
	set_up(&world, 60, &config);
	for (size_t i = 0; i < 30; i++) {
		static const enum shoal_state kinds[] = {
		        SHOAL_STATE_LEAVING, SHOAL_STATE_SUSPECT, SHOAL_STATE_LEFT};
		struct shoal_msg_state said = puppet_state(&world.puppet[i], kinds[i % 3]);
		said.age_ms = i % 3 == 0 ? 60000 : 0;
		world_tell(&world, 0, &world.puppet[59], SHOAL_MESSAGE_STATE, &said);
	}
	for (size_t i = 0; i < 10; i++) {
		world_meet(&world, 0, PUPPET_DATAGRAMS);
	}
	world_run(&world, SHOAL_SEC(2));
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next, packets++) {
		check_order(&world, packet, sends);
	}
	assert_in_range(packets, 60, 1000);
	world_done(&world);
}

static void
no_datagram_is_longer_than_allowed_and_full_ones_are_well_filled(void **state)
{
	static const uint32_t sizes[] = {508, 509, 777, 1232, 1400, 9000};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct core_world world;
		struct shoal_core_config config;
		size_t longest = 0;

		world_init(&world);
		world_config(&world, &config);
		config.profile.datagram_max = sizes[i];
		set_up(&world, 5, &config);
		for (size_t k = 0; k < 150; k++) {
			world_meet(&world, 0, PUPPET_DATAGRAMS);
		}
		world_run(&world, SHOAL_SEC(1));
		for (const struct world_packet *packet = world.sent; packet != NULL;
		        packet = packet->next) {
			if (packet->kind == SHOAL_SEND_DATAGRAM) {
				assert_true(packet->len <= sizes[i]);
				longest = packet->len > longest ? packet->len : longest;
			}
		}
		/* A member statement of a puppet takes 79 bytes. */
		assert_true(longest > sizes[i] - 79);
		world_done(&world);
	}
}

static void
an_alive_statement_goes_full_with_its_age_and_others_short(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 20, NULL);
	struct puppet *newcomer = world_puppet(&world);
	newcomer->answers = 0;
	struct shoal_msg_member member = puppet_member(newcomer, SHOAL_STATE_ALIVE);
	member.age_ms = 7000;
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &member);
	world_run(&world, SHOAL_MS(300));
	const struct world_packet *packet = NULL;
	size_t seen = 0;
	while ((packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_MEMBER)) != NULL) {
		const struct shoal_msg_member *told =
		        &packet_has(packet, SHOAL_MESSAGE_MEMBER)->member;
		uint64_t held_ms = (packet->at - world.sent->at) / SHOAL_MS(1);
		assert_int_equal(told->age_ms, 7000 + held_ms);
		assert_int_equal(told->name.len, strlen(newcomer->name));
		assert_memory_equal(&told->salt, &newcomer->salt, 16);
		seen++;
	}
	assert_true(seen > 5);
	world_clear(&world);
	struct shoal_msg_state suspect = puppet_state(newcomer, SHOAL_STATE_SUSPECT);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &suspect);
	world_run(&world, SHOAL_MS(300));
	assert_true(count_told(&world, newcomer, SHOAL_STATE_SUSPECT) > 5);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_MEMBER), 0);
	world_done(&world);
}

static void
a_suspicion_is_told_with_its_newest_four_accusers(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 20, NULL);
	struct shoal_msg_state suspect = puppet_state(&world.puppet[0], SHOAL_STATE_SUSPECT);
	for (size_t i = 1; i <= 6; i++) {
		world_tell(&world, 0, &world.puppet[i], SHOAL_MESSAGE_STATE, &suspect);
	}
	world_clear(&world);
	world_run(&world, SHOAL_MS(100));
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_STATE);
	assert_non_null(packet);
	const struct shoal_msg_state *told = &packet_has(packet, SHOAL_MESSAGE_STATE)->state;
	assert_int_equal(told->state, SHOAL_STATE_SUSPECT);
	assert_int_equal(told->accusers.count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_memory_equal(&told->accusers.item[i], &world.puppet[3 + i].id, 16);
	}
	/* Who leaves is accused of nothing. */
	struct shoal_msg_state left = puppet_state(&world.puppet[0], SHOAL_STATE_LEFT);
	world_clear(&world);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &left);
	world_run(&world, SHOAL_MS(100));
	packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_STATE);
	told = &packet_has(packet, SHOAL_MESSAGE_STATE)->state;
	assert_int_equal(told->state, SHOAL_STATE_LEFT);
	assert_int_equal(told->accusers.count, 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_statement_is_sent_as_often_as_the_limit_says),
	        cmocka_unit_test(
	                the_only_other_member_is_told_nothing_of_itself_and_the_core_comes_to_rest),
	        cmocka_unit_test(an_idle_core_sends_no_statements_and_wakes_for_its_probes_only),
	        cmocka_unit_test(news_goes_to_the_fanout_at_once_and_three_quarters_in_bursts),
	        cmocka_unit_test(a_newer_statement_takes_the_place_of_the_older),
	        cmocka_unit_test(further_accusers_make_it_news_again_at_most_k_times),
	        cmocka_unit_test(accusers_that_come_together_make_it_no_more_news_than_one_by_one),
	        cmocka_unit_test(without_bursts_news_goes_with_the_ticks),
	        cmocka_unit_test(
	                a_refutation_goes_short_and_in_full_only_where_more_than_the_incarnation_is_new),
	        cmocka_unit_test(another_instance_and_one_that_was_dead_are_told_in_full),
	        cmocka_unit_test(
	                a_packet_has_failures_first_then_the_living_and_the_least_sent_before_others),
	        cmocka_unit_test(no_datagram_is_longer_than_allowed_and_full_ones_are_well_filled),
	        cmocka_unit_test(an_alive_statement_goes_full_with_its_age_and_others_short),
	        cmocka_unit_test(a_suspicion_is_told_with_its_newest_four_accusers),
	        cmocka_unit_test(a_burst_goes_to_as_many_as_the_fanout_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
