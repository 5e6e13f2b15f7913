/* SPDX-License-Identifier: MIT */
/* The checkers of one core, each with events that it must accept and events at which it must fire.
 * The core is real and knows itself only; the events are made up. Where it is followed, so are its
 * peers, and what it does is its own. */
#include "base/alloc.h"
#include "sim/check.h"
#include "sim/read.h"
#include "wire/packet.h"

#include <shoal/error.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct bench {
	struct shoal_core *core;
	struct shoal_profile profile;
	struct shoal_checkers checkers;
	struct shoal_watch watch;
};

static const struct shoal_input timer = {.kind = SHOAL_INPUT_TIMER};

static void
set_up(struct bench *bench)
{
	struct shoal_core_config config;

	memset(bench, 0, sizeof(*bench));
	shoal_core_config_init(&config);
	memset(config.salt.bytes, 7, sizeof(config.salt.bytes));
	config.name = "self";
	assert_int_equal(shoal_addr_parse(&config.addr[0], "10.0.0.1:7946"), 0);
	config.addrs = 1;
	bench->profile = config.profile;
	assert_int_equal(shoal_core_new(&bench->core, &config, NULL, 0), 0);
	shoal_watch_init(
	        &bench->watch, &shoal_allocator_libc, &bench->checkers, &bench->profile, 0);
}

static void
tear_down(struct bench *bench)
{
	shoal_watch_done(&bench->watch);
	shoal_core_free(bench->core);
}

/* One event about the member in slot 1, as the whole of a step. */
static void
tell(struct bench *bench, enum shoal_event_kind kind, enum shoal_state was, enum shoal_state state,
        uint64_t incarnation)
{
	struct shoal_event event = {.kind = kind,
	        .slot = 1,
	        .was = was,
	        .state = state,
	        .id = {{1}},
	        .incarnation = incarnation};

	shoal_watch_begin(&bench->watch, &timer);
	assert_int_equal(shoal_watch_event(&bench->watch, bench->core, &event), 0);
}

static void
assert_fired(const struct bench *bench, enum shoal_checker checker)
{
	assert_int_not_equal(bench->checkers.fired, 0);
	assert_string_equal(
	        shoal_checker_name(bench->checkers.first.check), shoal_checker_name(checker));
}

struct peer {
	struct shoal_id id;
	struct shoal_salt salt;
	struct shoal_addr addr;
};

static struct shoal_msg_member
word_of(const struct peer *peer, uint64_t incarnation)
{
	struct shoal_msg_member member = {.id = peer->id,
	        .salt = peer->salt,
	        .incarnation = incarnation << 32,
	        .state = SHOAL_STATE_ALIVE,
	        .name = {(const uint8_t *)"peer", 4},
	        .addrs = {.count = 1, .item = {peer->addr}}};

	return member;
}

/* One input, and what comes of it; a nack is kept from the watch where it is to be. */
static void
follow_step(struct bench *bench, struct shoal_input *input, bool nacks)
{
	struct shoal_send send;
	struct shoal_event event;
	struct shoal_read read;

	shoal_watch_begin(&bench->watch, input);
	shoal_watch_taken(&bench->watch, shoal_core_step(bench->core, input));
	while (shoal_core_next_send(bench->core, &send)) {
		(void)shoal_read_packet(&read, send.data, send.len);
		if (nacks || read.kind != SHOAL_MESSAGE_NACK) {
			shoal_watch_send(&bench->watch, &send);
		}
	}
	while (shoal_core_next_event(bench->core, &event)) {
		assert_int_equal(shoal_watch_event(&bench->watch, bench->core, &event), 0);
	}
	assert_int_equal(shoal_watch_end(&bench->watch, bench->core, input), 0);
}

/* From the first peer: a request, where there is one, and what it tells of another one. */
static void
say(struct bench *bench, const struct peer *from, const struct shoal_msg_relay *relay,
        const struct shoal_msg_member *member)
{
	struct shoal_msg_sender sender = {.id = from->id, .salt = shoal_read_salt(&from->salt)};
	uint8_t data[1000];
	struct shoal_writer writer;
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_DATAGRAM, .from = from->addr, .mono_ns = SHOAL_SEC(1)};

	shoal_writer_init(&writer, data, sizeof(data));
	shoal_packet_begin(&writer, (struct shoal_span){NULL, 0});
	assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_SENDER, &sender));
	assert_true(relay == NULL || shoal_message_append(&writer, SHOAL_MESSAGE_RELAY, relay));
	assert_true(shoal_message_append(&writer, SHOAL_MESSAGE_MEMBER, member));
	shoal_packet_end(&writer);
	input.data = data;
	input.len = writer.len;
	follow_step(bench, &input, true);
}

/* The first peer asks a core that is followed for a ping to the second, and tells in the same
 * packet that another instance of that is elsewhere: a probe of it begins with the ping. Nobody
 * answers. */
static void
relay_to_a_rival(struct bench *bench, bool nacks)
{
	struct peer origin = {.id = {{1}}, .salt = {{1}}}, target = {.id = {{2}}, .salt = {{2}}},
	            rival = {.id = {{2}}, .salt = {{3}}};
	struct shoal_input wake = timer;

	assert_int_equal(shoal_addr_parse(&origin.addr, "10.0.0.2:7946"), 0);
	assert_int_equal(shoal_addr_parse(&target.addr, "10.0.0.3:7946"), 0);
	assert_int_equal(shoal_addr_parse(&rival.addr, "10.0.0.4:7946"), 0);
	set_up(bench);
	assert_int_equal(shoal_watch_follow(&bench->watch, bench->core), 0);
	struct shoal_msg_member asks = word_of(&origin, 7), known = word_of(&target, 7),
	                        other = word_of(&rival, 8);
	struct shoal_msg_relay relay = {.seq = UINT64_C(1) << 63,
	        .id = origin.id,
	        .salt = shoal_read_salt(&origin.salt),
	        .target = target.id,
	        .budget_ms = 500};
	say(bench, &origin, NULL, &asks);
	say(bench, &target, NULL, &known);
	uint64_t pings = shoal_core_counters(bench->core)->value[SHOAL_COUNTER_PINGS_OUT];
	say(bench, &origin, &relay, &other);
	assert_true(shoal_core_counters(bench->core)->value[SHOAL_COUNTER_PINGS_OUT] == pings + 2);
	wake.mono_ns = SHOAL_SEC(1);
	while (wake.mono_ns < SHOAL_MS(1500)) {
		uint64_t next = shoal_core_deadline(bench->core);
		wake.mono_ns = next > wake.mono_ns ? next : wake.mono_ns;
		follow_step(bench, &wake, nacks);
	}
	assert_true(bench->checkers.looked[SHOAL_CHECKER_RELAYS] > 0);
	assert_int_equal(shoal_core_counters(bench->core)->value[SHOAL_COUNTER_NACKS_OUT], 1);
}

static void
a_probe_that_begins_with_a_relayed_ping_needs_no_nack(void **state)
{
	struct bench bench;

	(void)state;
	relay_to_a_rival(&bench, true);
	assert_int_equal(bench.checkers.fired, 0);
	tear_down(&bench);
}

static void
a_relayed_ping_that_ends_without_a_nack_fires(void **state)
{
	struct bench bench;

	(void)state;
	relay_to_a_rival(&bench, false);
	assert_fired(&bench, SHOAL_CHECKER_RELAYS);
	tear_down(&bench);
}

static void
a_whole_life_is_accepted(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	tell(&bench, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE, 5);
	tell(&bench, SHOAL_EVENT_UPDATE, SHOAL_STATE_ALIVE, SHOAL_STATE_ALIVE, 6);
	tell(&bench, SHOAL_EVENT_SUSPECT, SHOAL_STATE_ALIVE, SHOAL_STATE_SUSPECT, 6);
	tell(&bench, SHOAL_EVENT_ALIVE, SHOAL_STATE_SUSPECT, SHOAL_STATE_ALIVE, 7);
	tell(&bench, SHOAL_EVENT_SUSPECT, SHOAL_STATE_ALIVE, SHOAL_STATE_SUSPECT, 7);
	tell(&bench, SHOAL_EVENT_FAILED, SHOAL_STATE_SUSPECT, SHOAL_STATE_DEAD, 7);
	tell(&bench, SHOAL_EVENT_ALIVE, SHOAL_STATE_DEAD, SHOAL_STATE_ALIVE, 8);
	tell(&bench, SHOAL_EVENT_LEAVING, SHOAL_STATE_ALIVE, SHOAL_STATE_LEAVING, 8);
	tell(&bench, SHOAL_EVENT_LEFT, SHOAL_STATE_LEAVING, SHOAL_STATE_LEFT, 8);
	tell(&bench, SHOAL_EVENT_REAP, SHOAL_STATE_LEFT, SHOAL_STATE_LEFT, 8);
	tell(&bench, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE, 2);
	assert_int_equal(bench.checkers.fired, 0);
	assert_true(bench.checkers.looked[SHOAL_CHECKER_EVENTS] >= 11);
	tear_down(&bench);
}

static void
a_was_that_was_not_told_last_fires(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	tell(&bench, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE, 5);
	tell(&bench, SHOAL_EVENT_FAILED, SHOAL_STATE_SUSPECT, SHOAL_STATE_DEAD, 5);
	assert_fired(&bench, SHOAL_CHECKER_EVENTS);
	tear_down(&bench);
}

static void
a_kind_that_does_not_fit_its_states_fires(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	tell(&bench, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE, 5);
	tell(&bench, SHOAL_EVENT_ALIVE, SHOAL_STATE_ALIVE, SHOAL_STATE_ALIVE, 6);
	assert_fired(&bench, SHOAL_CHECKER_EVENTS);
	tear_down(&bench);
}

static void
a_return_from_the_dead_under_the_same_incarnation_fires(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	tell(&bench, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE, 5);
	tell(&bench, SHOAL_EVENT_FAILED, SHOAL_STATE_ALIVE, SHOAL_STATE_DEAD, 5);
	tell(&bench, SHOAL_EVENT_ALIVE, SHOAL_STATE_DEAD, SHOAL_STATE_ALIVE, 5);
	assert_fired(&bench, SHOAL_CHECKER_RESURRECTION);
	tear_down(&bench);
}

static void
an_incarnation_that_falls_fires(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	tell(&bench, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE, 5);
	tell(&bench, SHOAL_EVENT_SUSPECT, SHOAL_STATE_ALIVE, SHOAL_STATE_SUSPECT, 4);
	assert_fired(&bench, SHOAL_CHECKER_INCARNATIONS);
	tear_down(&bench);
}

static void
a_suspicion_withdrawn_under_the_same_incarnation_fires(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	tell(&bench, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE, 5);
	tell(&bench, SHOAL_EVENT_SUSPECT, SHOAL_STATE_ALIVE, SHOAL_STATE_SUSPECT, 5);
	tell(&bench, SHOAL_EVENT_ALIVE, SHOAL_STATE_SUSPECT, SHOAL_STATE_ALIVE, 5);
	assert_fired(&bench, SHOAL_CHECKER_INCARNATIONS);
	tear_down(&bench);
}

static void
a_member_that_is_not_in_the_list_any_more_fires(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	assert_int_equal(shoal_watch_members(&bench.watch, bench.core), 0);
	assert_int_equal(bench.checkers.fired, 0);
	tell(&bench, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE, 5);
	assert_int_equal(shoal_watch_members(&bench.watch, bench.core), 0);
	assert_fired(&bench, SHOAL_CHECKER_EVENTS);
	tear_down(&bench);
}

static void
where_one_checker_is_looked_for_no_other_fires(void **state)
{
	struct shoal_checkers checkers = {.one = true, .which = SHOAL_CHECKER_SUSPICIONS};

	(void)state;
	shoal_checker_fail(&checkers, SHOAL_CHECKER_EVENTS, 0, NULL, "another one");
	assert_int_equal(checkers.fired, 0);
	shoal_checker_fail(&checkers, SHOAL_CHECKER_SUSPICIONS, 0, NULL, "this one");
	assert_int_equal(checkers.fired, 1);
	assert_string_equal(checkers.first.text, "this one");
}

static void
a_datagram_above_its_limit_fires(void **state)
{
	struct bench bench;
	struct shoal_send send = {.kind = SHOAL_SEND_DATAGRAM};

	(void)state;
	set_up(&bench);
	shoal_watch_begin(&bench.watch, &timer);
	send.len = bench.profile.datagram_max;
	shoal_watch_send(&bench.watch, &send);
	assert_int_equal(bench.checkers.fired, 0);
	send.len++;
	shoal_watch_send(&bench.watch, &send);
	assert_fired(&bench, SHOAL_CHECKER_BOUNDS);
	tear_down(&bench);
}

static void
a_third_packet_back_to_where_a_datagram_came_from_fires(void **state)
{
	struct bench bench;
	struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM, .from = {.port = 7}};
	struct shoal_send send = {.kind = SHOAL_SEND_DATAGRAM, .to = {.port = 7}, .len = 10};

	(void)state;
	set_up(&bench);
	shoal_watch_begin(&bench.watch, &input);
	shoal_watch_send(&bench.watch, &send);
	shoal_watch_send(&bench.watch, &send);
	send.to.port = 8;
	shoal_watch_send(&bench.watch, &send);
	assert_int_equal(shoal_watch_end(&bench.watch, bench.core, &input), 0);
	assert_int_equal(bench.checkers.fired, 0);
	send.to.port = 7;
	shoal_watch_send(&bench.watch, &send);
	assert_int_equal(shoal_watch_end(&bench.watch, bench.core, &input), 0);
	assert_fired(&bench, SHOAL_CHECKER_CHAINS);
	tear_down(&bench);
}

static void
memory_that_a_core_does_not_tell_of_fires(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench);
	shoal_watch_memory(&bench.watch, bench.core, shoal_core_memory(bench.core));
	assert_int_equal(bench.checkers.fired, 0);
	shoal_watch_memory(&bench.watch, bench.core, shoal_core_memory(bench.core) + 1);
	assert_fired(&bench, SHOAL_CHECKER_MEMORY);
	tear_down(&bench);
}

static void
a_deadline_in_the_past_after_a_timer_fires(void **state)
{
	struct bench bench;
	struct shoal_input input = {.kind = SHOAL_INPUT_TIMER, .mono_ns = SHOAL_SEC(1)};

	(void)state;
	set_up(&bench);
	assert_int_equal(shoal_core_step(bench.core, &input), 0);
	assert_int_equal(shoal_watch_end(&bench.watch, bench.core, &input), 0);
	assert_int_equal(bench.checkers.fired, 0);
	input.mono_ns = SHOAL_SEC(1000); /* the core was not asked at this time */
	assert_int_equal(shoal_watch_end(&bench.watch, bench.core, &input), 0);
	assert_fired(&bench, SHOAL_CHECKER_BOUNDS);
	tear_down(&bench);
}

static void
after_an_overflow_the_list_is_the_truth(void **state)
{
	struct bench bench;
	struct shoal_input input = {.kind = SHOAL_INPUT_REFUSED};

	(void)state;
	set_up(&bench);
	tell(&bench, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE, 5);
	tell(&bench, SHOAL_EVENT_OVERFLOW, SHOAL_STATE_UNKNOWN, SHOAL_STATE_UNKNOWN, 0);
	assert_int_equal(shoal_watch_end(&bench.watch, bench.core, &input), 0);
	assert_int_equal(shoal_watch_members(&bench.watch, bench.core), 0);
	assert_int_equal(bench.checkers.fired, 0);
	tear_down(&bench);
}

static void
the_first_failure_is_kept_and_all_are_counted(void **state)
{
	struct shoal_checkers checkers = {.fired = 0};
	uint64_t now = 42;

	(void)state;
	checkers.now_ns = &now;
	assert_true(shoal_checker_that(&checkers, SHOAL_CHECKER_CALM, true, 1, NULL, "never told"));
	assert_false(shoal_checker_that(&checkers, SHOAL_CHECKER_CALM, false, 1, NULL, "first"));
	now = 43;
	shoal_checker_fail(&checkers, SHOAL_CHECKER_LEAVE, 2, NULL, "second");
	assert_int_equal(checkers.looked[SHOAL_CHECKER_CALM], 2);
	assert_int_equal(checkers.fired, 2);
	assert_int_equal(checkers.first.check, SHOAL_CHECKER_CALM);
	assert_int_equal(checkers.first.at_ns, 42);
	assert_int_equal(checkers.first.observer, 1);
	assert_string_equal(checkers.first.text, "first");
}

static void
checkers_go_by_their_names(void **state)
{
	enum shoal_checker checker = SHOAL_CHECKER_CALM;

	(void)state;
	for (size_t i = 0; i < SHOAL_CHECKERS; i++) {
		assert_int_equal(
		        shoal_checker_parse(&checker, shoal_checker_name((enum shoal_checker)i)),
		        0);
		assert_int_equal(checker, i);
		assert_true(strlen(shoal_checker_help(checker)) > 10);
	}
	assert_int_equal(shoal_checker_parse(&checker, "nothing"), SHOAL_ERR_NOT_FOUND);
	assert_string_equal(shoal_checker_name(SHOAL_CHECKERS), "invalid");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_probe_that_begins_with_a_relayed_ping_needs_no_nack),
	        cmocka_unit_test(a_relayed_ping_that_ends_without_a_nack_fires),
	        cmocka_unit_test(a_whole_life_is_accepted),
	        cmocka_unit_test(a_was_that_was_not_told_last_fires),
	        cmocka_unit_test(a_kind_that_does_not_fit_its_states_fires),
	        cmocka_unit_test(a_return_from_the_dead_under_the_same_incarnation_fires),
	        cmocka_unit_test(an_incarnation_that_falls_fires),
	        cmocka_unit_test(a_suspicion_withdrawn_under_the_same_incarnation_fires),
	        cmocka_unit_test(a_member_that_is_not_in_the_list_any_more_fires),
	        cmocka_unit_test(where_one_checker_is_looked_for_no_other_fires),
	        cmocka_unit_test(a_datagram_above_its_limit_fires),
	        cmocka_unit_test(a_third_packet_back_to_where_a_datagram_came_from_fires),
	        cmocka_unit_test(memory_that_a_core_does_not_tell_of_fires),
	        cmocka_unit_test(a_deadline_in_the_past_after_a_timer_fires),
	        cmocka_unit_test(after_an_overflow_the_list_is_the_truth),
	        cmocka_unit_test(the_first_failure_is_kept_and_all_are_counted),
	        cmocka_unit_test(checkers_go_by_their_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
