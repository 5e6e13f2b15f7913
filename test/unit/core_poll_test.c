/* SPDX-License-Identifier: MIT */
/* Members that cannot be dialled, where nobody keeps links: what they ask, and what comes with the
 * answers. */
#include "core_poll_world.h"

#include "core_cast_world.h"

static void
one_at_a_url_that_nobody_reaches_is_shown_so_accused_by_nobody_and_dead_when_it_is_silent(
        void **state)
{
	static struct core_world world;
	struct shoal_profile profile;
	struct shoal_id far;

	(void)state;
	(void)shoal_profile_init(&profile, SHOAL_PROFILE_LAN);
	set_up_urls(&world);
	far = world_id(&world, FAR);
	world_run(&world, SHOAL_SEC(20));
	expect_diagnosis(&world, SHOAL_DIAGNOSIS_INBOUND_ONLY);
	for (unsigned i = 0; i < 10; i++) {
		world_run(&world, SHOAL_SEC(30));
		world_forget_sent(&world);
	}
	expect_diagnosis(&world, SHOAL_DIAGNOSIS_INBOUND_ONLY);
	assert_int_equal(count(&world, SHOAL_EVENT_SUSPECT), 0);
	world.node[FAR].up = false;
	world_run(&world, shoal_profile_detection_bound(&profile, FAR + 1));
	for (size_t i = 0; i < FAR; i++) {
		assert_int_equal(world_state(&world, i, &far), SHOAL_STATE_DEAD);
	}
	world_done(&world);
}

/* Its own datagrams let others in for a while. That ends neither its polls nor the diagnosis, and
 * who got in so once asks for it as the others do. */
static void
one_behind_a_firewall_that_its_datagrams_open_is_shown_so_and_accused_by_nobody(void **state)
{
	static struct core_world world;
	struct shoal_core_member before, after;
	struct shoal_profile profile;
	uint64_t opened[WORLD_NODES];
	struct shoal_id far;

	(void)state;
	(void)shoal_profile_init(&profile, SHOAL_PROFILE_WAN);
	set_up_wan(&world, opened);
	far = world_id(&world, FAR);
	world_run(&world, SHOAL_SEC(90));
	expect_diagnosis(&world, SHOAL_DIAGNOSIS_INBOUND_ONLY);
	assert_true(world_holds(&world, 0, &far, &before));
	for (unsigned i = 0; i < 20; i++) {
		world_run(&world, SHOAL_SEC(60));
		expect_diagnosis(&world, SHOAL_DIAGNOSIS_INBOUND_ONLY);
		world_forget_sent(&world);
	}
	assert_true(world_holds(&world, 0, &far, &after));
	assert_int_equal(after.incarnation, before.incarnation);
	assert_int_equal(count(&world, SHOAL_EVENT_SUSPECT), 0);
	world.node[FAR].up = false;
	world_run(&world, shoal_profile_detection_bound(&profile, EIGHT));
	for (size_t i = 0; i < EIGHT; i++) {
		if (i != FAR) {
			assert_int_equal(world_state(&world, i, &far), SHOAL_STATE_DEAD);
		}
	}
	world_done(&world);
}

/* Who can be dialled asks for an interval or two, and is asked for nothing more. */
static void
ordinary_members_end_their_polls_soon_and_a_wall_that_goes_is_found_out(void **state)
{
	static struct core_world world;
	uint64_t opened[WORLD_NODES], asked[WORLD_NODES];

	(void)state;
	set_up_wan(&world, opened);
	world_run(&world, SHOAL_SEC(90));
	expect_diagnosis(&world, SHOAL_DIAGNOSIS_INBOUND_ONLY);
	for (size_t i = 0; i < EIGHT; i++) {
		asked[i] = world_counter(&world, i, SHOAL_COUNTER_STREAM_PINGS);
	}
	world.loses = NULL;
	world_run(&world, SHOAL_SEC(180));
	expect_diagnosis(&world, SHOAL_DIAGNOSIS_NONE);
	asked[FAR] = world_counter(&world, FAR, SHOAL_COUNTER_STREAM_PINGS);
	world_run(&world, SHOAL_SEC(60));
	for (size_t i = 0; i < EIGHT; i++) {
		uint64_t now = world_counter(&world, i, SHOAL_COUNTER_STREAM_PINGS);
		assert_in_range(now, asked[i], asked[i] + 2);
	}
	assert_int_equal(count(&world, SHOAL_EVENT_SUSPECT), 0);
	world_done(&world);
}

/* Its proxy is there now. */
static void
it_says_so_no_more_and_asks_no_more_when_others_get_in(void **state)
{
	static struct core_world world;

	(void)state;
	set_up_urls(&world);
	world_run(&world, SHOAL_SEC(20));
	expect_diagnosis(&world, SHOAL_DIAGNOSIS_INBOUND_ONLY);
	world.loses = NULL;
	world_run(&world, SHOAL_SEC(70));
	expect_diagnosis(&world, SHOAL_DIAGNOSIS_NONE);
	uint64_t asked = world_counter(&world, FAR, SHOAL_COUNTER_STREAM_PINGS);
	world_run(&world, SHOAL_SEC(30));
	assert_int_equal(world_counter(&world, FAR, SHOAL_COUNTER_STREAM_PINGS), asked);
	assert_int_equal(count(&world, SHOAL_EVENT_SUSPECT), 0);
	world_done(&world);
}

/* The setting may change while it polls. */
static void
it_asks_no_more_where_pings_on_streams_are_switched_off(void **state)
{
	static struct core_world world;

	(void)state;
	set_up_urls(&world);
	world_run(&world, SHOAL_SEC(20));
	world_core(&world, FAR)->profile.stream_pings = 0;
	world_run(&world, SHOAL_SEC(1));
	uint64_t asked = world_counter(&world, FAR, SHOAL_COUNTER_STREAM_PINGS);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(world_counter(&world, FAR, SHOAL_COUNTER_STREAM_PINGS), asked);
	world_done(&world);
}

/* Without walks, which bring it too. */
static void
expect_death_heard(struct core_world *world, size_t node)
{
	struct shoal_profile *profile = &world_core(world, FAR)->profile;
	struct shoal_id id = world_id(world, node);

	for (size_t i = 0; i < world->nodes; i++) {
		world_core(world, i)->profile.digest_interval_ms = 86400000;
		world_core(world, i)->profile.sync_interval_ms = 86400000;
	}
	world_run(world, SHOAL_SEC(60)); /* those that were due */
	world_forget_sent(world);
	world->node[node].up = false;
	world_run(world, shoal_profile_detection_bound(profile, (uint32_t)world->nodes));
	world_run(world, shoal_ms(profile->probe_interval_ms));
	assert_int_equal(world_state(world, FAR, &id), SHOAL_STATE_DEAD);
}

/* Broadcasts of both kinds, and who is dead, come with what it polls. */
static void
what_all_are_told_reaches_one_that_nobody_dials(void **state)
{
	static struct core_world world;
	uint64_t opened[WORLD_NODES];
	char text[1400];

	(void)state;
	memset(text, 'x', sizeof text - 1); /* fits no datagram: is offered and fetched */
	text[sizeof text - 1] = '\0';
	for (int wan = 0; wan < 2; wan++) {
		if (wan) {
			set_up_wan(&world, opened);
		} else {
			set_up_urls(&world);
		}
		world_run(&world, wan ? SHOAL_SEC(90) : SHOAL_SEC(20));
		expect_diagnosis(&world, SHOAL_DIAGNOSIS_INBOUND_ONLY);
		assert_int_equal(cast_say(&world, 1, 0, "short"), SHOAL_OK);
		world_run(&world, SHOAL_SEC(5));
		cast_heard(&world, 1, "short", 1);
		assert_int_equal(cast_say(&world, 2, SHOAL_RELIABLE, "kept"), SHOAL_OK);
		assert_int_equal(cast_say(&world, 3, SHOAL_RELIABLE, text), SHOAL_OK);
		world_run(&world, SHOAL_SEC(30));
		cast_heard(&world, 2, "kept", 1);
		cast_heard(&world, 3, text, 1);
		assert_int_equal(count(&world, SHOAL_EVENT_SUSPECT), 0);
		expect_death_heard(&world, 3);
		world_done(&world);
	}
}

/* Who said it may be nobody whom that one polls. */
static void
what_is_said_ends_also_where_one_polls_others(void **state)
{
	static struct core_world world;

	(void)state;
	set_up_urls(&world);
	world_run(&world, SHOAL_SEC(20));
	expect_diagnosis(&world, SHOAL_DIAGNOSIS_INBOUND_ONLY);
	for (size_t from = 0; from < FAR; from++) {
		assert_int_equal(cast_say(&world, from, 0, "once"), SHOAL_OK);
		assert_int_equal(cast_say(&world, from, SHOAL_RELIABLE, "kept"), SHOAL_OK);
		world_run(&world, SHOAL_SEC(5));
		for (size_t i = 0; i < world.nodes; i++) {
			assert_int_equal(world_core(&world, i)->spread.count, 0);
		}
		cast_heard(&world, from, "once", 1);
		cast_heard(&world, from, "kept", 1);
		world_clear(&world);
	}
	for (size_t from = 0; from < FAR; from++) {
		for (unsigned i = 0; i < 600; i++) {
			assert_int_equal(cast_say(&world, from, 0, "one of many"), SHOAL_OK);
			world_run(&world, SHOAL_MS(10));
			world_forget_sent(&world);
		}
		world_clear(&world);
	}
	world_done(&world);
}

/* How often the timers of bursts are set anew in a second. */
static unsigned
bursts(struct core_world *world, size_t node)
{
	const struct shoal_core *core = world_core(world, node);
	unsigned n = 0;

	for (unsigned i = 0; i < 1000; i++) {
		uint64_t gossip = core->gossip.burst.at, spread = core->spread.timer.at;
		world_run(world, SHOAL_MS(1));
		n += core->gossip.burst.at != gossip;
		n += core->spread.timer.at != spread;
	}
	return n;
}

/* Their site went away; ticks go on. */
static void
nothing_spins_where_all_others_poll_and_are_gone(void **state)
{
	static struct core_world world;

	(void)state;
	set_up_urls(&world);
	world_run(&world, SHOAL_SEC(20));
	struct shoal_core *core = world_core(&world, 0);
	for (size_t i = 1; i < world.nodes; i++) {
		struct shoal_id id = world_id(&world, i);
		uint32_t slot = shoal_members_find(core, &id);
		shoal_members_set_inbound(shoal_members_at(core, slot), true);
		world.node[i].up = false;
	}
	shoal_gossip_add(core, SHOAL_SELF);
	assert_int_equal(cast_say(&world, 0, 0, "to nobody"), SHOAL_OK);
	assert_in_range(bursts(&world, 0), 2, 40);
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(core->spread.count, 0);
	world_done(&world);
}

/* One at a socket, one that has both kinds, and one at a URL, which no wall parts. */
static void
set_up_mixed(struct core_world *world)
{
	static const char *const url[] = {"", "https://both.example/g", "https://web.example/g"};

	world_init(world);
	for (size_t i = 0; i < 3; i++) {
		struct shoal_core_config config;

		world_config(world, &config);
		if (i > 0) {
			config.addrs = i == 1 ? 2 : 1;
			config.url = url[i];
			assert_int_equal(
			        shoal_addr_from_url(&config.addr[config.addrs - 1], url[i]),
			        SHOAL_OK);
		}
		world_add(world, &config);
	}
	assert_int_equal(world_join(world, 1, 0), SHOAL_OK);
	world_run(world, SHOAL_MS(100));
	struct shoal_addr both = world->node[1].other;
	world_hears(&world->node[2], &both);
	struct shoal_input join = {.kind = SHOAL_INPUT_JOIN, .from = both};
	assert_int_equal(world_step(world, 2, join), SHOAL_OK);
	world_run(world, SHOAL_SEC(30));
	world_clear(world);
}

/* What one says that others pass on to whom it has no way to. */
static void
what_is_said_ends_where_one_is_told_by_others(void **state)
{
	static struct core_world world;

	(void)state;
	set_up_mixed(&world);
	struct shoal_core *core = world_core(&world, 0);
	assert_int_equal(core->members.ordered, 2);
	for (unsigned i = 0; i < 600; i++) {
		assert_int_equal(cast_say(&world, 0, 0, "one of many"), SHOAL_OK);
		world_run(&world, SHOAL_MS(10));
		world_forget_sent(&world);
	}
	world_run(&world, SHOAL_SEC(5));
	cast_heard(&world, 0, "one of many", 600);
	assert_int_equal(core->spread.count, 0);
	assert_int_equal(bursts(&world, 0), 0);
	world_done(&world);
}

/* Nobody else is to hear of the one that has both kinds from here. */
static void
news_of_the_only_one_that_can_be_told_it_ends(void **state)
{
	static struct core_world world;

	(void)state;
	set_up_mixed(&world);
	struct shoal_core *core = world_core(&world, 0);
	struct shoal_id both = world_id(&world, 1);
	shoal_gossip_add(core, shoal_members_find(core, &both));
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(core->gossip.entries.count, 0);
	assert_int_equal(bursts(&world, 0), 0);
	world_done(&world);
}

/* Of 243 others three do not poll. What one hears comes to these as fast as to few. */
static void
news_goes_past_any_number_that_poll_at_the_pace_of_bursts(void **state)
{
	static struct core_world world;

	(void)state;
	world_begin(&world, NULL, 240, PUPPET_DATAGRAMS);
	for (size_t i = 1; i < 4; i++) {
		world_add(&world, NULL);
		world_join(&world, i, 0);
		world_run(&world, SHOAL_MS(100));
	}
	world_run(&world, SHOAL_SEC(20));
	for (size_t k = 0; k < 4; k++) {
		struct shoal_core *core = world_core(&world, k);
		for (size_t i = 0; i < 240; i++) {
			uint32_t slot = shoal_members_find(core, &world.puppet[i].id);
			assert_int_not_equal(slot, SHOAL_NONE);
			shoal_members_set_inbound(shoal_members_at(core, slot), true);
		}
	}
	for (size_t t = 0; t < 4; t++) {
		struct puppet *gone = &world.puppet[t];
		struct shoal_msg_state left = puppet_state(gone, SHOAL_STATE_LEFT);

		assert_int_equal(world_tell(&world, 0, gone, SHOAL_MESSAGE_STATE, &left), SHOAL_OK);
		world_run(&world, SHOAL_MS(100));
		for (size_t i = 1; i < 4; i++) {
			assert_int_equal(world_state(&world, i, &gone->id), SHOAL_STATE_LEFT);
		}
		world_run(&world, SHOAL_SEC(8));
		world_clear(&world);
	}
	world_done(&world);
}

/* Of 202 others one has a kind of address in common with it. */
static void
who_can_be_polled_is_found_behind_any_number_of_others(void **state)
{
	static struct core_world world;
	static const char *const urls[] = {"https://both.example/g", "https://far.example/g"};
	uint32_t anchors[SHOAL_POLLED];

	(void)state;
	world_begin(&world, NULL, 200, PUPPET_DATAGRAMS);
	struct puppet *far = world_puppet(&world), *both = world_puppet(&world);
	assert_int_equal(shoal_addr_from_url(&both->also, urls[0]), SHOAL_OK);
	assert_int_equal(shoal_addr_from_url(&far->addr, urls[1]), SHOAL_OK);
	struct puppet *const told[] = {far, both, both, far};
	uint32_t slot = SHOAL_NONE;
	for (unsigned i = 0; i < 4; i++) {
		struct shoal_msg_member member =
		        puppet_member(told[i], i < 2 ? SHOAL_STATE_ALIVE : SHOAL_STATE_LEFT);
		const char *url = urls[told[i] == far];

		member.url = (struct shoal_span){(const uint8_t *)url, strlen(url)};
		assert_int_equal(
		        world_tell(&world, 0, told[i], SHOAL_MESSAGE_MEMBER, &member), SHOAL_OK);
		slot = shoal_members_find(world_core(&world, 0), &far->id);
		assert_int_equal(
		        shoal_poll_anchors(world_core(&world, 0), slot, anchors), i == 1 ? 1 : 0);
		if (i == 1) {
			assert_int_equal(
			        anchors[0], shoal_members_find(world_core(&world, 0), &both->id));
		}
	}
	/* It has left: the ring does not come by it. */
	assert_int_equal(shoal_members_at(world_core(&world, 0), slot)->state, SHOAL_STATE_LEFT);
	world_done(&world);
}

static const struct shoal_msg_ping *
poll(struct core_world *world, const struct puppet *puppet, const struct shoal_addr *from)
{
	const union shoal_wire_message *m =
	        packet_has(poll_from(world, puppet, from), SHOAL_MESSAGE_PING);

	return m == NULL ? NULL : &m->ping;
}

/* Unsealed: from a host of that member, once a try, and only what its target has not answered. */
static void
a_poll_brings_the_ping_that_waits_once_and_to_no_stranger(void **state)
{
	static struct core_world world;
	struct shoal_addr elsewhere;
	const uint8_t ip[4] = {10, 9, 9, 9};

	(void)state;
	world_begin(&world, NULL, 1, 0);
	struct puppet *far = &world.puppet[0];
	shoal_addr_from_ipv4(&elsewhere, ip, 50000);
	assert_non_null(world_await_sent(&world, 0, &far->addr, SHOAL_MESSAGE_PING, SHOAL_SEC(3)));
	assert_null(poll(&world, far, &far->addr)); /* the way may be good */
	world_run(&world, SHOAL_MS(600));
	assert_null(poll(&world, far, &elsewhere));
	const struct shoal_msg_ping *ping = poll(&world, far, &far->addr);
	assert_non_null(ping);
	struct shoal_msg_ack ack = {.seq = ping->seq, .id = far->id, .salt = puppet_salt(far)};
	assert_null(poll(&world, far, &far->addr));
	struct shoal_addr port = far->addr; /* it sends from another one than it tells */
	port.port++;
	assert_int_equal(world_send(&world, 0, &port, SHOAL_MESSAGE_ACK, &ack), SHOAL_OK);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED), 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
	/* That took as long as the poll did, and says nothing of the way. */
	struct shoal_core_member member;
	assert_true(world_holds(&world, 0, &far->id, &member));
	assert_int_equal(member.rtt_ns, 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                one_at_a_url_that_nobody_reaches_is_shown_so_accused_by_nobody_and_dead_when_it_is_silent),
	        cmocka_unit_test(
	                one_behind_a_firewall_that_its_datagrams_open_is_shown_so_and_accused_by_nobody),
	        cmocka_unit_test(
	                ordinary_members_end_their_polls_soon_and_a_wall_that_goes_is_found_out),
	        cmocka_unit_test(it_asks_no_more_where_pings_on_streams_are_switched_off),
	        cmocka_unit_test(what_all_are_told_reaches_one_that_nobody_dials),
	        cmocka_unit_test(what_is_said_ends_also_where_one_polls_others),
	        cmocka_unit_test(nothing_spins_where_all_others_poll_and_are_gone),
	        cmocka_unit_test(what_is_said_ends_where_one_is_told_by_others),
	        cmocka_unit_test(news_of_the_only_one_that_can_be_told_it_ends),
	        cmocka_unit_test(news_goes_past_any_number_that_poll_at_the_pace_of_bursts),
	        cmocka_unit_test(who_can_be_polled_is_found_behind_any_number_of_others),
	        cmocka_unit_test(it_says_so_no_more_and_asks_no_more_when_others_get_in),
	        cmocka_unit_test(a_poll_brings_the_ping_that_waits_once_and_to_no_stranger)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
