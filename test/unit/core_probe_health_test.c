/* SPDX-License-Identifier: MIT */
/* What a core measures of itself and of others: the local health score of Lifeguard, how it
 * stretches the probes, and the round trip time of RFC 6298 against a reference in double
 * precision. */
#include "unit.h"

#include <math.h>

#include "core/node.h"
#include "core_world.h"

#define INTERVAL SHOAL_SEC(1)
#define TIMEOUT  SHOAL_MS(500)

static const struct puppet *
target_of(const struct core_world *world, const struct shoal_msg_ping *ping)
{
	for (size_t i = 0; i < world->puppets; i++) {
		if (shoal_id_compare(&world->puppet[i].id, &ping->target) == 0) {
			return &world->puppet[i];
		}
	}
	fail();
	return NULL;
}

/* Runs to the next ping. */
static struct shoal_msg_ping
await_ping(struct core_world *world)
{
	world_clear(world);
	const struct world_packet *packet =
	        world_await_sent(world, 0, NULL, SHOAL_MESSAGE_PING, SHOAL_SEC(60));
	assert_non_null(packet);
	return packet_has(packet, SHOAL_MESSAGE_PING)->ping;
}

static void
set_up(struct core_world *world, size_t puppets, unsigned answers)
{
	world_begin(world, NULL, puppets, answers);
}

static unsigned
health(const struct core_world *world)
{
	return shoal_core_health(world_core(world, 0));
}

/* A nack from each of the first n relays that were asked, each sent twice. */
static void
send_nacks(struct core_world *world, const struct shoal_msg_ping *ping, size_t n)
{
	const struct world_packet *packet = NULL;

	for (size_t i = 0; i < n; i++) {
		packet = world_sent(world, packet, 0, NULL, SHOAL_MESSAGE_RELAY);
		assert_non_null(packet);
		for (size_t k = 0; k < world->puppets; k++) {
			const struct puppet *relay = &world->puppet[k];
			struct shoal_msg_nack nack = {.seq = ping->seq, .id = relay->id};
			if (shoal_addr_equal(&relay->addr, &packet->to)) {
				world_send(world, 0, &relay->addr, SHOAL_MESSAGE_NACK, &nack);
				world_send(world, 0, &relay->addr, SHOAL_MESSAGE_NACK, &nack);
			}
		}
	}
}

static void
a_failed_probe_raises_the_score_by_the_missing_nacks(void **state)
{
	static const struct {
		size_t others, nacks;
		unsigned score;
	} rows[] = {{0, 0, 1}, {1, 0, 1}, {1, 1, 0}, {2, 0, 2}, {2, 1, 1}, {2, 2, 0}, {5, 0, 3},
	        {5, 1, 2}, {5, 2, 1}, {5, 3, 0}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct core_world world;

		set_up(&world, rows[i].others + 1, 0);
		struct shoal_msg_ping ping = await_ping(&world);
		uint64_t begun = world.now;
		world_run(&world, TIMEOUT);
		send_nacks(&world, &ping, rows[i].nacks);
		world_run(&world, begun + INTERVAL - 1 - world.now);
		assert_int_equal(health(&world), 0);
		world_run(&world, 1);
		assert_int_equal(health(&world), rows[i].score);
		assert_int_equal(
		        world_counter(&world, 0, SHOAL_COUNTER_NACKS_IN), 2 * rows[i].nacks);
		const struct shoal_event *event =
		        world_event(&world, 0, SHOAL_EVENT_HEALTH, NULL, 0);
		if (rows[i].score > 0) {
			assert_int_equal(event->code, rows[i].score);
		} else {
			assert_null(event);
		}
		world_done(&world);
	}
}

static void
one_silent_member_costs_one_point_where_nobody_else_can_be_asked(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 1, 0);
	world_run(&world, SHOAL_SEC(3));
	assert_int_equal(world_state(&world, 0, &world.puppet[0].id), SHOAL_STATE_SUSPECT);
	world_run(&world, SHOAL_MS(2900));
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED) >= 2);
	assert_int_equal(health(&world), 1);
	world_done(&world);
}

static void
a_nack_of_one_that_was_not_asked_counts_for_nothing(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 6, 0);
	struct shoal_msg_ping ping = await_ping(&world);
	for (size_t i = 0; i < world.puppets; i++) {
		struct shoal_msg_nack nack = {.seq = ping.seq, .id = world.puppet[i].id};
		world_send(&world, 0, &world.puppet[i].addr, SHOAL_MESSAGE_NACK, &nack);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 6);
	world_run(&world, TIMEOUT);
	struct shoal_msg_nack nack = {.seq = ping.seq, .id = ping.target};
	world_send(&world, 0, &world.puppet[0].addr, SHOAL_MESSAGE_NACK, &nack);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 7);
	nack.seq ^= UINT64_C(1) << 50;
	world_send(&world, 0, &world.puppet[0].addr, SHOAL_MESSAGE_NACK, &nack);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LATE), 1);
	world_run(&world, INTERVAL);
	assert_int_equal(health(&world), 3);
	world_done(&world);
}

static void
the_score_ends_at_its_limit_and_falls_by_one_with_each_answer(void **state)
{
	struct core_world world;
	unsigned before = 0;

	(void)state;
	set_up(&world, 12, 0);
	world_run(&world, SHOAL_SEC(40));
	assert_int_equal(health(&world), 8);
	for (size_t i = 0; i < world_count_events(&world, 0, SHOAL_EVENT_HEALTH); i++) {
		int code = world_event(&world, 0, SHOAL_EVENT_HEALTH, NULL, i)->code;
		assert_in_range(code, before + 1, 8);
		before = (unsigned)code;
	}
	/* They answer again, and refute what was said meanwhile. */
	for (size_t i = 0; i < world.puppets; i++) {
		struct puppet *puppet = &world.puppet[i];
		puppet->answers = PUPPET_DATAGRAMS;
		puppet->incarnation++;
		struct shoal_msg_member alive = puppet_member(puppet, SHOAL_STATE_ALIVE);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &alive);
	}
	world_clear(&world);
	world_run(&world, SHOAL_SEC(100));
	assert_int_equal(health(&world), 0);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(world_event(&world, 0, SHOAL_EVENT_HEALTH, NULL, i)->code, 7 - i);
	}
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_HEALTH), 8);
	world_done(&world);
}

static void
interval_and_timeout_stretch_with_the_score(void **state)
{
	(void)state;
	for (unsigned score = 0; score <= 8; score++) {
		struct core_world world;

		set_up(&world, 5, 0);
		shoal_probe_health(world_core(&world, 0), (int)score);
		assert_int_equal(health(&world), score);
		struct shoal_msg_ping ping = await_ping(&world);
		uint64_t begun = world.now;
		world_run(&world, (score + 1) * TIMEOUT - 1);
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_RELAY), 0);
		world_run(&world, 1);
		const struct world_packet *packet =
		        world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_RELAY);
		assert_int_equal(packet_has(packet, SHOAL_MESSAGE_RELAY)->relay.budget_ms,
		        (score + 1) * 500);
		world_run(&world, (score + 1) * (INTERVAL - TIMEOUT) - 1);
		assert_int_equal(world_state(&world, 0, &ping.target), SHOAL_STATE_ALIVE);
		world_run(&world, 1);
		assert_int_equal(world_state(&world, 0, &ping.target), SHOAL_STATE_SUSPECT);
		assert_true(world.now == begun + (score + 1) * INTERVAL);
		world_done(&world);
	}
}

static void
with_a_bad_score_fewer_members_are_probed(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 1, 0);
	/* Silent and never declared dead: each probe fails, nobody is there to ask. */
	for (int i = 0; i < 40; i++) {
		world_run(&world, SHOAL_SEC(3));
		world.puppet[0].incarnation++;
		struct shoal_msg_member alive = puppet_member(&world.puppet[0], SHOAL_STATE_ALIVE);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &alive);
	}
	assert_int_equal(health(&world), 8);
	uint64_t probes = world_counter(&world, 0, SHOAL_COUNTER_PROBES);
	for (int i = 0; i < 60; i++) {
		world_run(&world, SHOAL_SEC(3));
		world.puppet[0].incarnation++;
		struct shoal_msg_member alive = puppet_member(&world.puppet[0], SHOAL_STATE_ALIVE);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &alive);
	}
	assert_in_range(world_counter(&world, 0, SHOAL_COUNTER_PROBES) - probes, 20, 21);
	world_done(&world);
}

static void
refuting_an_accusation_of_oneself_raises_the_score(void **state)
{
	struct core_world world;
	struct shoal_core_member self;

	(void)state;
	set_up(&world, 3, PUPPET_DATAGRAMS);
	for (unsigned i = 1; i <= 10; i++) {
		assert_true(shoal_core_member(world_core(&world, 0), 0, &self));
		struct shoal_msg_state said = {.id = self.id,
		        .incarnation = self.incarnation,
		        .state = i % 2 == 0 ? SHOAL_STATE_DEAD : SHOAL_STATE_SUSPECT};
		for (size_t k = 0; k < 8; k++) {
			said.salt = said.salt << 8 | self.salt.bytes[k];
		}
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &said);
		assert_int_equal(health(&world), i < 8 ? i : 8);
		/* The same again is old by now. */
		world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_STATE, &said);
		assert_int_equal(health(&world), i < 8 ? i : 8);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SELF_REFUTATIONS), 10);
	world_done(&world);
}

/* One answer after rtt, told by the kernel's time `late` before it is handled. */
static void
answer_after(struct core_world *world, uint64_t rtt, uint64_t late)
{
	static struct parcel parcel;
	struct shoal_msg_ping ping = await_ping(world);
	const struct puppet *target = target_of(world, &ping);
	struct shoal_msg_ack ack = {.seq = ping.seq, .id = target->id, .salt = puppet_salt(target)};

	world_run(world, rtt + late);
	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_ACK, &ack);
	parcel_end(&parcel);
	assert_int_equal(world_step(world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_DATAGRAM,
	                                 .from = target->addr,
	                                 .received_ns = world->now - late,
	                                 .data = parcel.data,
	                                 .len = parcel.writer.len}),
	        SHOAL_OK);
}

static void
the_round_trip_is_smoothed_as_rfc_6298_tells(void **state)
{
	static const uint64_t trips_us[] = {1000, 1000, 3000, 200, 5000, 5000, 5000, 1, 90000};
	struct core_world world;
	double smoothed = 0, spread = 0;

	(void)state;
	set_up(&world, 1, 0);
	for (size_t i = 0; i < COUNT_OF(trips_us); i++) {
		struct shoal_core_member member;

		answer_after(&world, SHOAL_US(trips_us[i]), 0);
		double trip = (double)trips_us[i];
		spread = i == 0 ? trip / 2 : spread * 3 / 4 + fabs(smoothed - trip) / 4;
		smoothed = i == 0 ? trip : smoothed * 7 / 8 + trip / 8;
		assert_true(world_holds(&world, 0, &world.puppet[0].id, &member));
		assert_true(fabs((double)member.rtt_ns / 1e3 - smoothed) < 8);
		const struct shoal_record *record = shoal_members_at(world_core(&world, 0), 1);
		assert_true(fabs((double)record->rttvar_us - spread) < 8);
		assert_true(member.heard_ns == world.now / SHOAL_MS(1) * SHOAL_MS(1));
		const struct shoal_event *event =
		        world_event(&world, 0, SHOAL_EVENT_MEASURED, NULL, 0);
		assert_true(event->rtt_ns == member.rtt_ns);
		assert_int_equal(event->slot, 1);
	}
	/* Later events of the member carry it. */
	struct shoal_core_member member;
	assert_true(world_holds(&world, 0, &world.puppet[0].id, &member));
	struct shoal_msg_state left = puppet_state(&world.puppet[0], SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &left);
	assert_true(world_event(&world, 0, SHOAL_EVENT_LEFT, NULL, 0)->rtt_ns == member.rtt_ns);
	world_done(&world);
}

static void
the_kernels_time_of_arrival_counts_and_not_when_it_is_handled(void **state)
{
	struct core_world world;
	struct shoal_core_member member;

	(void)state;
	set_up(&world, 1, 0);
	answer_after(&world, SHOAL_MS(2), SHOAL_MS(300));
	assert_true(world_holds(&world, 0, &world.puppet[0].id, &member));
	assert_true(member.rtt_ns == SHOAL_MS(2));
	world_done(&world);
}

static void
a_time_of_arrival_that_cannot_be_is_not_measured(void **state)
{
	(void)state;
	for (int future = 0; future <= 1; future++) {
		static struct parcel parcel;
		struct core_world world;
		struct shoal_core_member member;

		set_up(&world, 1, 0);
		struct shoal_msg_ping ping = await_ping(&world);
		struct shoal_msg_ack ack = {.seq = ping.seq,
		        .id = world.puppet[0].id,
		        .salt = puppet_salt(&world.puppet[0])};
		uint64_t begun = world.now;
		world_run(&world, SHOAL_MS(3));
		parcel_begin(&parcel, world.label);
		parcel_add(&parcel, SHOAL_MESSAGE_ACK, &ack);
		parcel_end(&parcel);
		world_step(&world, 0,
		        (struct shoal_input){.kind = SHOAL_INPUT_DATAGRAM,
		                .from = world.puppet[0].addr,
		                .received_ns = future ? world.now + SHOAL_SEC(9) : begun - 1,
		                .data = parcel.data,
		                .len = parcel.writer.len});
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED), 1);
		assert_true(world_holds(&world, 0, &world.puppet[0].id, &member));
		assert_true(member.rtt_ns == (future ? SHOAL_MS(3) : 0));
		world_done(&world);
	}
}

static void
an_answer_after_the_timeout_is_not_measured(void **state)
{
	struct core_world world;
	struct shoal_core_member member;

	(void)state;
	set_up(&world, 1, 0);
	answer_after(&world, SHOAL_MS(700), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED), 1);
	assert_true(world_holds(&world, 0, &world.puppet[0].id, &member));
	assert_true(member.rtt_ns == 0);
	assert_true(member.heard_ns == world.now / SHOAL_MS(1) * SHOAL_MS(1));
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_failed_probe_raises_the_score_by_the_missing_nacks),
	        cmocka_unit_test(a_nack_of_one_that_was_not_asked_counts_for_nothing),
	        cmocka_unit_test(the_score_ends_at_its_limit_and_falls_by_one_with_each_answer),
	        cmocka_unit_test(interval_and_timeout_stretch_with_the_score),
	        cmocka_unit_test(with_a_bad_score_fewer_members_are_probed),
	        cmocka_unit_test(refuting_an_accusation_of_oneself_raises_the_score),
	        cmocka_unit_test(the_round_trip_is_smoothed_as_rfc_6298_tells),
	        cmocka_unit_test(the_kernels_time_of_arrival_counts_and_not_when_it_is_handled),
	        cmocka_unit_test(a_time_of_arrival_that_cannot_be_is_not_measured),
	        cmocka_unit_test(an_answer_after_the_timeout_is_not_measured),
	        cmocka_unit_test(one_silent_member_costs_one_point_where_nobody_else_can_be_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
