/* SPDX-License-Identifier: MIT */
/* The failure detector: who is probed when, what an unanswered ping leads to at which nanosecond,
 * and which answers count. One core, and puppets that answer when the test says so. */
#include "unit.h"

#include "core/node.h"
#include "core_world.h"

#define INTERVAL SHOAL_SEC(1)
#define TIMEOUT  SHOAL_MS(500)

/* A core that knows silent puppets and has just pinged one of them. */
struct bench {
	struct core_world world;
	const struct world_packet *packet; /* the ping */
	struct shoal_msg_ping ping;
	struct puppet *target;
	uint64_t begun;
};

static struct puppet *
whose(struct core_world *world, const struct shoal_id *id)
{
	for (size_t i = 0; i < world->puppets; i++) {
		if (shoal_id_compare(&world->puppet[i].id, id) == 0) {
			return &world->puppet[i];
		}
	}
	return NULL;
}

static void
await_ping(struct bench *bench)
{
	struct core_world *world = &bench->world;

	world_clear(world);
	bench->packet = world_await_sent(world, 0, NULL, SHOAL_MESSAGE_PING, SHOAL_SEC(60));
	assert_non_null(bench->packet);
	assert_int_equal(bench->packet->kind, SHOAL_SEND_DATAGRAM);
	bench->ping = packet_has(bench->packet, SHOAL_MESSAGE_PING)->ping;
	bench->target = whose(world, &bench->ping.target);
	bench->begun = world->now;
	assert_non_null(bench->target);
	assert_true(shoal_addr_equal(&bench->packet->to, &bench->target->addr));
}

static void
set_up(struct bench *bench, size_t puppets)
{
	memset(bench, 0, sizeof *bench);
	world_init(&bench->world);
	world_add(&bench->world, NULL);
	for (size_t i = 0; i < puppets; i++) {
		world_meet(&bench->world, 0, 0);
	}
	await_ping(bench);
}

static struct shoal_msg_ack
ack_of(const struct bench *bench)
{
	return (struct shoal_msg_ack){.seq = bench->ping.seq,
	        .id = bench->target->id,
	        .salt = puppet_salt(bench->target)};
}

static void
send_ack(struct bench *bench, const struct shoal_addr *from)
{
	struct shoal_msg_ack ack = ack_of(bench);
	assert_int_equal(world_send(&bench->world, 0, from, SHOAL_MESSAGE_ACK, &ack), SHOAL_OK);
}

static void
run_to(struct bench *bench, uint64_t after)
{
	world_run(&bench->world, bench->begun + after - bench->world.now);
}

static enum shoal_state
held(const struct bench *bench)
{
	return world_state(&bench->world, 0, &bench->target->id);
}

static uint64_t
counted(const struct bench *bench, enum shoal_counter counter)
{
	return world_counter(&bench->world, 0, counter);
}

static void
at_the_timeout_relays_and_a_stream_are_tried_and_not_before(void **state)
{
	struct bench bench;
	struct core_world *world = &bench.world;
	const struct world_packet *packet = NULL;
	size_t relays = 0;

	(void)state;
	set_up(&bench, 6);
	run_to(&bench, TIMEOUT - 1);
	assert_int_equal(world_count_sent(world, 0, NULL, SHOAL_MESSAGE_RELAY), 0);
	assert_int_equal(world_count_sent(world, 0, NULL, SHOAL_MESSAGE_PING), 1);
	run_to(&bench, TIMEOUT);
	while ((packet = world_sent(world, packet, 0, NULL, SHOAL_MESSAGE_RELAY)) != NULL) {
		const struct shoal_msg_relay *relay =
		        &packet_has(packet, SHOAL_MESSAGE_RELAY)->relay;
		assert_int_equal(packet->kind, SHOAL_SEND_DATAGRAM);
		assert_memory_equal(&relay->target, &bench.target->id, 16);
		assert_int_equal(relay->budget_ms, 500);
		assert_true(relay->seq == bench.ping.seq);
		assert_false(shoal_addr_equal(&packet->to, &bench.target->addr));
		for (const struct world_packet *other = packet;
		        (other = world_sent(world, other, 0, NULL, SHOAL_MESSAGE_RELAY)) != NULL;) {
			assert_false(shoal_addr_equal(&packet->to, &other->to));
		}
		relays++;
	}
	assert_int_equal(relays, 3);
	/* The first ping to a member was padded: a short one follows it. */
	assert_int_equal(world_count_sent(world, 0, &bench.target->addr, SHOAL_MESSAGE_PING), 3);
	packet = world_sent(world, bench.packet, 0, &bench.target->addr, SHOAL_MESSAGE_PING);
	assert_int_equal(packet->kind, SHOAL_SEND_DATAGRAM);
	assert_in_range(packet->len, 50, 100);
	packet = world_sent(world, packet, 0, &bench.target->addr, SHOAL_MESSAGE_PING);
	assert_int_equal(packet->kind, SHOAL_SEND_REQUEST);
	assert_true(packet_has(packet, SHOAL_MESSAGE_PING)->ping.seq == bench.ping.seq);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_RELAYS_ASKED), 3);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_STREAM_PINGS), 1);
	world_done(world);
}

static void
as_many_relays_are_asked_as_there_are_candidates(void **state)
{
	(void)state;
	for (size_t others = 0; others <= 5; others++) {
		struct bench bench;

		set_up(&bench, others + 1);
		run_to(&bench, TIMEOUT);
		assert_int_equal(world_count_sent(&bench.world, 0, NULL, SHOAL_MESSAGE_RELAY),
		        others < 3 ? others : 3);
		world_done(&bench.world);
	}
}

static void
members_on_one_address_and_suspects_are_no_second_relay(void **state)
{
	struct bench bench;
	struct core_world *world = &bench.world;

	(void)state;
	memset(&bench, 0, sizeof bench);
	world_init(world);
	world_add(world, NULL);
	for (size_t i = 0; i < 6; i++) {
		struct puppet *puppet = world_puppet(world);
		if (i == 1 || i == 2) {
			puppet->addr = world->puppet[0].addr;
		}
		struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
		world_tell(world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member);
	}
	struct shoal_msg_state suspect = puppet_state(&world->puppet[3], SHOAL_STATE_SUSPECT);
	world_tell(world, 0, &world->puppet[4], SHOAL_MESSAGE_STATE, &suspect);
	do {
		await_ping(&bench);
		send_ack(&bench, &bench.target->addr);
	} while (bench.target != &world->puppet[5]);
	do {
		await_ping(&bench);
		if (bench.target != &world->puppet[5]) {
			send_ack(&bench, &bench.target->addr);
		}
	} while (bench.target != &world->puppet[5]);
	run_to(&bench, TIMEOUT);
	/* One of 0, 1 and 2, and 4. */
	assert_int_equal(world_count_sent(world, 0, NULL, SHOAL_MESSAGE_RELAY), 2);
	assert_int_equal(
	        world_count_sent(world, 0, &world->puppet[0].addr, SHOAL_MESSAGE_RELAY), 1);
	assert_int_equal(
	        world_count_sent(world, 0, &world->puppet[4].addr, SHOAL_MESSAGE_RELAY), 1);
	world_done(world);
}

static void
at_the_end_of_the_interval_the_silent_one_is_suspected_and_not_before(void **state)
{
	struct bench bench;
	const struct shoal_event *event;

	(void)state;
	set_up(&bench, 5);
	run_to(&bench, INTERVAL - 1);
	assert_int_equal(held(&bench), SHOAL_STATE_ALIVE);
	run_to(&bench, INTERVAL);
	assert_int_equal(held(&bench), SHOAL_STATE_SUSPECT);
	event = world_event(&bench.world, 0, SHOAL_EVENT_SUSPECT, &bench.target->id, 0);
	assert_non_null(event);
	assert_true(event->mono_ns == bench.begun + INTERVAL);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_UNANSWERED);
	assert_true(event->cause.after_ns == INTERVAL);
	assert_int_equal(event->cause.accusers, 1);
	assert_string_equal(event->cause.accuser_name[0], "node-0");
	assert_true(strncmp(event->cause.detail, "asked 10.1.0.", 13) == 0);
	assert_non_null(strstr(event->cause.detail, "through 3 relays"));
	assert_int_equal(counted(&bench, SHOAL_COUNTER_PROBES_FAILED), 1);
	world_done(&bench.world);
}

static void
the_cause_tells_how_many_relays_said_no(void **state)
{
	static const char *const ends[] = {"through 3 relays",
	        "through 3 relays, 1 of which got no "
	        "answer either"};

	(void)state;
	for (size_t nacks = 0; nacks <= 1; nacks++) {
		struct bench bench;

		set_up(&bench, 5);
		run_to(&bench, TIMEOUT);
		const struct shoal_addr relay =
		        world_sent(&bench.world, NULL, 0, NULL, SHOAL_MESSAGE_RELAY)->to;
		for (size_t i = 0; i < bench.world.puppets && nacks > 0; i++) {
			const struct puppet *puppet = &bench.world.puppet[i];
			struct shoal_msg_nack nack = {.seq = bench.ping.seq, .id = puppet->id};
			if (shoal_addr_equal(&puppet->addr, &relay)) {
				world_send(&bench.world, 0, &relay, SHOAL_MESSAGE_NACK, &nack);
			}
		}
		run_to(&bench, INTERVAL);
		const char *detail =
		        world_event(&bench.world, 0, SHOAL_EVENT_SUSPECT, NULL, 0)->cause.detail;
		assert_string_equal(strstr(detail, "through"), ends[nacks]);
		world_done(&bench.world);
	}
}

static void
an_answer_in_the_last_nanosecond_counts(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, 5);
	run_to(&bench, INTERVAL - 1);
	send_ack(&bench, &bench.target->addr);
	run_to(&bench, INTERVAL + SHOAL_MS(1));
	assert_int_equal(held(&bench), SHOAL_STATE_ALIVE);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_PROBES_ACKED), 1);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_PROBES_FAILED), 0);
	send_ack(&bench, &bench.target->addr);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_DROP_LATE), 1);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_PROBES_ACKED), 1);
	world_done(&bench.world);
}

static void
an_answer_with_a_wrong_number_id_or_address_counts_for_nothing(void **state)
{
	struct bench bench;
	struct core_world *world = &bench.world;

	(void)state;
	set_up(&bench, 5);
	struct puppet *other = whose(world, &bench.target->id) == &world->puppet[0]
	                               ? &world->puppet[1]
	                               : &world->puppet[0];
	struct shoal_msg_ack ack = ack_of(&bench);
	ack.seq ^= UINT64_C(1) << 40;
	world_send(world, 0, &bench.target->addr, SHOAL_MESSAGE_ACK, &ack);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_DROP_LATE), 1);
	ack = ack_of(&bench);
	ack.id = other->id;
	world_send(world, 0, &bench.target->addr, SHOAL_MESSAGE_ACK, &ack);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_DROP_FORGED), 1);
	/* An address that was not asked; a member that will be a relay, but is none yet. */
	send_ack(&bench, &other->addr);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_DROP_FORGED), 2);
	struct shoal_addr near = bench.target->addr;
	near.port++;
	send_ack(&bench, &near);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_DROP_FORGED), 3);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_PROBES_ACKED), 0);
	run_to(&bench, INTERVAL);
	assert_int_equal(held(&bench), SHOAL_STATE_SUSPECT);
	world_done(world);
}

static void
an_answer_through_a_relay_that_was_asked_counts_and_through_another_does_not(void **state)
{
	struct bench bench;
	struct core_world *world = &bench.world;

	(void)state;
	set_up(&bench, 6);
	run_to(&bench, TIMEOUT);
	for (size_t i = 0; i < world->puppets; i++) {
		struct puppet *puppet = &world->puppet[i];
		if (puppet != bench.target &&
		        world_sent(world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_RELAY) == NULL) {
			send_ack(&bench, &puppet->addr);
		}
	}
	assert_int_equal(counted(&bench, SHOAL_COUNTER_DROP_FORGED), 2);
	const struct shoal_addr relay = world_sent(world, NULL, 0, NULL, SHOAL_MESSAGE_RELAY)->to;
	send_ack(&bench, &relay);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_PROBES_ACKED), 1);
	run_to(&bench, INTERVAL);
	assert_int_equal(held(&bench), SHOAL_STATE_ALIVE);
	/* The way through a relay measures nothing. */
	assert_int_equal(world_count_events(world, 0, SHOAL_EVENT_MEASURED), 0);
	world_done(world);
}

static const struct world_packet *
stream_ping(const struct bench *bench)
{
	const struct world_packet *packet = bench->packet;

	do {
		packet = world_sent(
		        &bench->world, packet, 0, &bench->target->addr, SHOAL_MESSAGE_PING);
		assert_non_null(packet);
	} while (packet->kind != SHOAL_SEND_REQUEST);
	return packet;
}

static void
an_answer_on_the_stream_counts_and_prevents_the_suspicion(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, 4);
	run_to(&bench, INTERVAL - 1);
	struct shoal_msg_ack ack = ack_of(&bench);
	assert_int_equal(
	        world_answer(&bench.world, stream_ping(&bench), 0, SHOAL_MESSAGE_ACK, &ack), 0);
	run_to(&bench, INTERVAL);
	assert_int_equal(held(&bench), SHOAL_STATE_ALIVE);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_STREAM_ACKS), 1);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_PROBES_ACKED), 1);
	assert_int_equal(world_count_events(&bench.world, 0, SHOAL_EVENT_MEASURED), 0);
	world_done(&bench.world);
}

static void
a_stream_that_fails_prevents_nothing(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, 4);
	run_to(&bench, TIMEOUT);
	world_answer(&bench.world, stream_ping(&bench), SHOAL_ERR_REFUSED, SHOAL_MESSAGE_ACK, NULL);
	run_to(&bench, INTERVAL);
	assert_int_equal(held(&bench), SHOAL_STATE_SUSPECT);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_STREAM_ACKS), 0);
	world_done(&bench.world);
}

static void
another_instance_that_answers_ends_the_probe_and_hears_what_is_held(void **state)
{
	(void)state;
	for (int stream = 0; stream <= 1; stream++) {
		struct bench bench;

		set_up(&bench, 4);
		struct shoal_msg_ack ack = ack_of(&bench);
		ack.salt++;
		if (stream) {
			run_to(&bench, TIMEOUT);
			world_answer(&bench.world, stream_ping(&bench), SHOAL_OK, SHOAL_MESSAGE_ACK,
			        &ack);
		} else {
			world_clear(&bench.world);
			world_send(&bench.world, 0, &bench.target->addr, SHOAL_MESSAGE_ACK, &ack);
		}
		assert_int_equal(counted(&bench, SHOAL_COUNTER_DROP_MISDIRECTED), 1);
		assert_int_equal(counted(&bench, SHOAL_COUNTER_PROBES_ACKED), 0);
		struct shoal_id self = world_id(&bench.world, 0);
		const struct world_packet *packet = NULL;
		size_t told = 0;
		while ((packet = world_sent(&bench.world, packet, 0, &bench.target->addr,
		                SHOAL_MESSAGE_SENDER)) != NULL) {
			told += packet_state_of(packet, &self) == SHOAL_STATE_ALIVE &&
			        packet_state_of(packet, &bench.target->id) == SHOAL_STATE_ALIVE;
		}
		assert_int_equal(told, 1);
		run_to(&bench, INTERVAL);
		assert_int_equal(held(&bench), SHOAL_STATE_ALIVE);
		assert_int_equal(shoal_core_health(world_core(&bench.world, 0)), 0);
		world_done(&bench.world);
	}
}

static void
another_instance_than_the_one_that_was_asked_is_not_judged(void **state)
{
	struct bench bench;

	(void)state;
	set_up(&bench, 4);
	bench.target->salt.bytes[0]++;
	bench.target->incarnation++;
	struct shoal_msg_member again = puppet_member(bench.target, SHOAL_STATE_ALIVE);
	world_tell(&bench.world, 0, bench.target, SHOAL_MESSAGE_MEMBER, &again);
	run_to(&bench, INTERVAL);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_PROBES_FAILED), 1);
	assert_int_equal(held(&bench), SHOAL_STATE_ALIVE);
	world_done(&bench.world);
}

static void
one_that_leaves_while_it_is_probed_is_not_suspected(void **state)
{
	static const enum shoal_state states[] = {SHOAL_STATE_LEAVING, SHOAL_STATE_LEFT};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		struct bench bench;

		set_up(&bench, 4);
		struct shoal_msg_state said = puppet_state(bench.target, states[i]);
		said.age_ms = 5000;
		world_tell(&bench.world, 0, bench.target, SHOAL_MESSAGE_STATE, &said);
		run_to(&bench, INTERVAL);
		assert_int_equal(held(&bench), states[i]);
		assert_int_equal(world_count_events(&bench.world, 0, SHOAL_EVENT_SUSPECT), 0);
		world_done(&bench.world);
	}
}

/* The host comes back after the deadline of the direct ping, and of the whole probe. */
static void
a_late_host_does_not_cost_the_relays_their_time(void **state)
{
	static const uint64_t lags[] = {SHOAL_MS(100), SHOAL_MS(499), SHOAL_MS(500), SHOAL_SEC(30)};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lags); i++) {
		struct bench bench;
		struct core_world *world = &bench.world;

		set_up(&bench, 4);
		run_to(&bench, TIMEOUT - 1);
		world->now = bench.begun + TIMEOUT + lags[i];
		world_step(world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
		assert_int_equal(held(&bench), SHOAL_STATE_ALIVE);
		const struct world_packet *packet = NULL;
		size_t asked = 0;
		while ((packet = world_sent(world, packet, 0, NULL, SHOAL_MESSAGE_RELAY)) != NULL) {
			const struct shoal_msg_relay *relay =
			        &packet_has(packet, SHOAL_MESSAGE_RELAY)->relay;
			if (relay->seq == bench.ping.seq) {
				assert_int_equal(relay->budget_ms, 500);
				asked++;
			}
		}
		assert_int_equal(asked, 3);
		world_run(world, SHOAL_MS(500) - 1);
		assert_int_equal(held(&bench), SHOAL_STATE_ALIVE);
		world_run(world, 1);
		assert_int_equal(held(&bench), SHOAL_STATE_SUSPECT);
		world_done(world);
	}
}

static void
a_full_queue_of_sends_keeps_no_request_open(void **state)
{
	struct bench bench;
	struct core_world *world = &bench.world;
	struct shoal_core_config config;

	(void)state;
	memset(&bench, 0, sizeof bench);
	world_init(world);
	world_config(world, &config);
	config.profile.sends_max = 16;
	world_add(world, &config);
	for (size_t i = 0; i < 4; i++) {
		world_meet(world, 0, 0);
	}
	await_ping(&bench);
	struct shoal_core *core = world_core(world, 0);
	run_to(&bench, TIMEOUT - 1);
	while (shoal_send_queue(core, SHOAL_SEND_DATAGRAM, &bench.target->addr, SHOAL_NONE, 0) !=
	        NULL) {
	}
	struct shoal_input timer = {.kind = SHOAL_INPUT_TIMER, .mono_ns = bench.begun + TIMEOUT};
	assert_int_equal(shoal_core_step(core, &timer), SHOAL_OK);
	assert_true(shoal_core_counters(core)->value[SHOAL_COUNTER_DROP_SENDS_FULL] >= 4);
	assert_int_equal(core->exchanges.count, 0);
	world_done(world);
}

static void
with_no_room_for_a_request_the_relays_are_asked_all_the_same(void **state)
{
	struct bench bench;
	struct core_world *world = &bench.world;
	struct shoal_core_config config;

	(void)state;
	memset(&bench, 0, sizeof bench);
	world_init(world);
	world_config(world, &config);
	config.profile.exchanges_max = 1;
	world_add(world, &config);
	for (size_t i = 0; i < 5; i++) {
		world_meet(world, 0, 0);
	}
	world_step(world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = world->puppet[0].addr});
	await_ping(&bench);
	run_to(&bench, TIMEOUT);
	assert_int_equal(world_count_sent(world, 0, NULL, SHOAL_MESSAGE_RELAY), 3);
	assert_int_equal(
	        world_count_sent(world, 0, NULL, SHOAL_MESSAGE_PING), 2); /* padded, and short */
	assert_int_equal(counted(&bench, SHOAL_COUNTER_STREAM_PINGS), 0);
	assert_int_equal(counted(&bench, SHOAL_COUNTER_DROP_EXCHANGES_FULL), 1);
	world_done(world);
}

/* Of every purpose and with every end. */
static void
no_probe_outlives_its_end(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.tombstones_max = 1;
	config.profile.heal_interval_ms = 1000;
	world_add(&world, &config);
	for (size_t i = 0; i < 12; i++) {
		world_meet(&world, 0, i % 2 == 0 ? PUPPET_DATAGRAMS : 0);
	}
	for (size_t i = 0; i < 12; i++) {
		struct shoal_msg_state dead = puppet_state(&world.puppet[i], SHOAL_STATE_DEAD);
		world_tell(&world, 0, &world.puppet[(i + 2) % 12], SHOAL_MESSAGE_STATE, &dead);
	}
	/* The tombstone that is tried is forgotten while it is tried. */
	for (size_t i = 0; i < 30; i++) {
		struct shoal_msg_member gone =
		        puppet_member(world_puppet(&world), SHOAL_STATE_DEAD);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &gone);
		world_run(&world, SHOAL_MS(700));
	}
	world_run(&world, SHOAL_SEC(100));
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_HEALS) > 10);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_PROBES) > 60);
	/* One of its rounds, and some that heal, may run. */
	assert_in_range(world_core(&world, 0)->probes.slab.count, 0, 12);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	world_run(&world, SHOAL_MS(400));
	assert_in_range(world_core(&world, 0)->probes.slab.count, 0, 15);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(at_the_timeout_relays_and_a_stream_are_tried_and_not_before),
	        cmocka_unit_test(as_many_relays_are_asked_as_there_are_candidates),
	        cmocka_unit_test(members_on_one_address_and_suspects_are_no_second_relay),
	        cmocka_unit_test(
	                at_the_end_of_the_interval_the_silent_one_is_suspected_and_not_before),
	        cmocka_unit_test(an_answer_in_the_last_nanosecond_counts),
	        cmocka_unit_test(an_answer_with_a_wrong_number_id_or_address_counts_for_nothing),
	        cmocka_unit_test(
	                an_answer_through_a_relay_that_was_asked_counts_and_through_another_does_not),
	        cmocka_unit_test(an_answer_on_the_stream_counts_and_prevents_the_suspicion),
	        cmocka_unit_test(a_stream_that_fails_prevents_nothing),
	        cmocka_unit_test(
	                another_instance_that_answers_ends_the_probe_and_hears_what_is_held),
	        cmocka_unit_test(another_instance_than_the_one_that_was_asked_is_not_judged),
	        cmocka_unit_test(one_that_leaves_while_it_is_probed_is_not_suspected),
	        cmocka_unit_test(a_late_host_does_not_cost_the_relays_their_time),
	        cmocka_unit_test(a_full_queue_of_sends_keeps_no_request_open),
	        cmocka_unit_test(with_no_room_for_a_request_the_relays_are_asked_all_the_same),
	        cmocka_unit_test(no_probe_outlives_its_end),
	        cmocka_unit_test(the_cause_tells_how_many_relays_said_no),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
