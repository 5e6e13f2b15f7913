/* SPDX-License-Identifier: MIT */
/* Members that live and cannot be reached from here: when that is the diagnosis, what it takes to
 * suspect them all the same, when it ends, and what the subject hears. */
#include "unit.h"

#include "core/detect/suspicion.h"
#include "core/node.h"
#include "core_world.h"

#define INTERVAL SHOAL_SEC(1)

/* A core and six members, of which the first does not answer: n = 7, k = 2, four reports. */
static void
set_up(struct core_world *world)
{
	world_init(world);
	world_add(world, NULL);
	for (size_t i = 0; i < 6; i++) {
		world_meet(world, 0, i == 0 ? 0 : PUPPET_DATAGRAMS);
	}
}

static void
refute(struct core_world *world)
{
	struct puppet *subject = &world->puppet[0];

	subject->incarnation++;
	struct shoal_msg_member alive = puppet_member(subject, SHOAL_STATE_ALIVE);
	world_tell(world, 0, subject, SHOAL_MESSAGE_MEMBER, &alive);
}

static enum shoal_diagnosis
diagnosis(const struct core_world *world)
{
	struct shoal_core_member member;

	assert_true(world_holds(world, 0, &world->puppet[0].id, &member));
	return member.diagnosis;
}

/* Accused by the core itself, and refuted. */
static void
accuse_and_refute(struct core_world *world)
{
	world_clear(world);
	assert_non_null(world_await(world, 0, SHOAL_EVENT_SUSPECT, SHOAL_SEC(60)));
	refute(world);
	assert_int_equal(world_state(world, 0, &world->puppet[0].id), SHOAL_STATE_ALIVE);
}

static void
two_refutations_within_ten_minutes_make_the_diagnosis(void **state)
{
	(void)state;
	for (int form = 0; form < 3; form++) {
		bool late = form == 1, off = form == 2;
		struct core_world world;

		set_up(&world);
		world_core(&world, 0)->profile.partial = off ? 0 : 1;
		accuse_and_refute(&world);
		assert_int_equal(diagnosis(&world), SHOAL_DIAGNOSIS_NONE);
		if (late) {
			world.puppet[0].answers = PUPPET_DATAGRAMS;
			world_run(&world, SHOAL_SEC(601));
			world.puppet[0].answers = 0;
		}
		accuse_and_refute(&world);
		assert_int_equal(diagnosis(&world),
		        late || off ? SHOAL_DIAGNOSIS_NONE : SHOAL_DIAGNOSIS_PARTIAL);
		world_done(&world);
	}
}

static void
what_others_accused_is_no_diagnosis_of_this_member(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	world.puppet[0].answers = PUPPET_DATAGRAMS;
	for (int i = 0; i < 5; i++) {
		struct shoal_msg_state said = puppet_state(&world.puppet[0], SHOAL_STATE_SUSPECT);
		world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_STATE, &said);
		refute(&world);
	}
	assert_int_equal(diagnosis(&world), SHOAL_DIAGNOSIS_NONE);
	world_done(&world);
}

/* Relays that were asked about the subject since `after` say that it did not answer them either. */
static void
nack_all(struct core_world *world, bool *reported, size_t *reports)
{
	const struct world_packet *packet = NULL;

	while ((packet = world_sent(world, packet, 0, NULL, SHOAL_MESSAGE_RELAY)) != NULL) {
		for (size_t i = 1; i < world->puppets; i++) {
			const struct puppet *relay = &world->puppet[i];
			struct shoal_msg_nack nack = {
			        .seq = packet_has(packet, SHOAL_MESSAGE_RELAY)->relay.seq,
			        .id = relay->id,
			        .reason = SHOAL_NACK_SILENT};
			if (!shoal_addr_equal(&relay->addr, &packet->to)) {
				continue;
			}
			world_send(world, 0, &relay->addr, SHOAL_MESSAGE_NACK, &nack);
			*reports += !reported[i];
			reported[i] = true;
		}
	}
	world_forget_sent(world);
}

static void
four_reports_of_relays_are_a_suspicion_and_fewer_are_told_to_the_subject_only(void **state)
{
	struct core_world world;
	bool reported[6] = {false};
	size_t reports = 0, tries = 0;

	(void)state;
	set_up(&world);
	accuse_and_refute(&world);
	accuse_and_refute(&world);
	world_clear(&world);
	while (world_count_events(&world, 0, SHOAL_EVENT_SUSPECT) == 0) {
		assert_true(reports < 4 && tries < 100);
		assert_non_null(
		        world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_RELAY, SHOAL_SEC(30)));
		nack_all(&world, reported, &reports);
		const struct world_packet *told = NULL;
		while (told == NULL && world_count_events(&world, 0, SHOAL_EVENT_SUSPECT) == 0) {
			world_run(&world, SHOAL_MS(10));
			told = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_PARTIAL);
			for (const struct world_packet *p = world.sent; p != NULL; p = p->next) {
				assert_true(shoal_addr_equal(&p->to, &world.puppet[0].addr) ||
				            packet_state_of(p, &world.puppet[0].id) !=
				                    SHOAL_STATE_SUSPECT ||
				            reports >= 4);
			}
		}
		if (told != NULL) {
			const struct shoal_msg_partial *partial =
			        &packet_has(told, SHOAL_MESSAGE_PARTIAL)->partial;
			assert_true(shoal_addr_equal(&told->to, &world.puppet[0].addr));
			assert_memory_equal(&partial->target, &world.puppet[0].id, 16);
			assert_int_equal(partial->reports, reports);
			/* And at once the next try. */
			assert_non_null(world_sent(
			        &world, NULL, 0, &world.puppet[0].addr, SHOAL_MESSAGE_PING));
		}
		tries++;
	}
	assert_true(reports >= 4);
	world_done(&world);
}

static void
without_reports_the_suspicion_begins_after_its_longest_time(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	accuse_and_refute(&world);
	accuse_and_refute(&world);
	world_core(&world, 0)->profile.nacks = 0;
	struct shoal_suspicion_span span = shoal_suspicion_span(&world_core(&world, 0)->profile, 7);
	world_clear(&world);
	const struct world_packet *packet = world_await_sent(
	        &world, 0, &world.puppet[0].addr, SHOAL_MESSAGE_PING, SHOAL_SEC(60));
	assert_non_null(packet);
	uint64_t begun = world.now;
	world_run(&world, span.most - 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SUSPECT), 0);
	assert_non_null(world_await(&world, 0, SHOAL_EVENT_SUSPECT, SHOAL_SEC(60)));
	/* Each try stretches with the score that the silence costs. */
	assert_true(world.now - begun <= span.most + 9 * INTERVAL);
	world_done(&world);
}

static void
such_a_suspicion_lasts_its_longest_time_whoever_accuses(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	struct shoal_core *core = world_core(&world, 0);
	shoal_partial_refuted(core, &world.puppet[0].id, false);
	shoal_partial_refuted(core, &world.puppet[0].id, false);
	uint64_t begun = world.now;
	for (size_t i = 1; i < 6; i++) {
		struct shoal_msg_state said = puppet_state(&world.puppet[0], SHOAL_STATE_SUSPECT);
		world_tell(&world, 0, &world.puppet[i], SHOAL_MESSAGE_STATE, &said);
	}
	uint64_t most = shoal_suspicion_span(&core->profile, 7).most;
	world_run(&world, begun + most - 1 - world.now);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
	world_run(&world, 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 1);
	world_done(&world);
}

static void
direct_answers_for_as_long_as_the_longest_suspicion_end_it(void **state)
{
	(void)state;
	for (int indirect = 0; indirect <= 1; indirect++) {
		struct core_world world;
		struct shoal_core *core;

		set_up(&world);
		core = world_core(&world, 0);
		uint64_t most = shoal_suspicion_span(&core->profile, 7).most;
		shoal_partial_refuted(core, &world.puppet[0].id, false);
		shoal_partial_refuted(core, &world.puppet[0].id, false);
		shoal_partial_answered(core, &world.puppet[0].id, true);
		core->now += most - 1;
		shoal_partial_answered(core, &world.puppet[0].id, !indirect);
		assert_int_equal(diagnosis(&world), SHOAL_DIAGNOSIS_PARTIAL);
		core->now += 1;
		shoal_partial_answered(core, &world.puppet[0].id, true);
		assert_int_equal(diagnosis(&world),
		        indirect ? SHOAL_DIAGNOSIS_PARTIAL : SHOAL_DIAGNOSIS_NONE);
		world_done(&world);
	}
}

static void
another_instance_is_another_case(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	accuse_and_refute(&world);
	accuse_and_refute(&world);
	assert_int_equal(diagnosis(&world), SHOAL_DIAGNOSIS_PARTIAL);
	shoal_partial_refuted(world_core(&world, 0), &world.puppet[0].id, true);
	assert_int_equal(diagnosis(&world), SHOAL_DIAGNOSIS_NONE);
	world_done(&world);
}

static void
of_too_many_the_one_not_seen_for_longest_is_forgotten(void **state)
{
	struct core_world world;
	struct shoal_core *core;
	struct shoal_id id = {{0}};

	(void)state;
	set_up(&world);
	core = world_core(&world, 0);
	for (uint8_t i = 0; i <= SHOAL_PARTIALS_MAX; i++) {
		core->now++;
		id.bytes[0] = i;
		shoal_partial_refuted(core, &id, false);
		shoal_partial_refuted(core, &id, false);
		if (i == 9) {
			id.bytes[0] = 0;
			shoal_partial_answered(core, &id, true);
		}
	}
	assert_int_equal(core->partials.slab.count, SHOAL_PARTIALS_MAX);
	for (uint8_t i = 0; i <= SHOAL_PARTIALS_MAX; i++) {
		id.bytes[0] = i;
		assert_true(shoal_partial_is(core, &id) == (i != 1));
	}
	world_done(&world);
}

static size_t
count_logs(struct shoal_core *core, const char *room)
{
	struct shoal_log_record record;
	size_t count = 0;

	while (shoal_core_next_log(core, &record)) {
		count += strcmp(record.room, room) == 0;
	}
	return count;
}

/* The rounds come to it too while it is tried again and again: still there is one try at a time. */
static void
it_is_tried_again_once_an_interval_however_many_rounds_fail(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world);
	accuse_and_refute(&world);
	accuse_and_refute(&world);
	world_clear(&world);
	uint64_t before = world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED);
	world_core(&world, 0)->profile.health_max = 0;
	world_core(&world, 0)->health = 0;
	world_run(&world, 23 * INTERVAL);
	assert_int_equal(world_state(&world, 0, &world.puppet[0].id), SHOAL_STATE_ALIVE);
	/* One an interval, and those of three or four rounds of six members. */
	assert_in_range(world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED) - before, 15, 28);
	world_done(&world);
}

static void
the_subject_logs_once_who_cannot_reach_it(void **state)
{
	struct core_world world;
	struct shoal_core *core;

	(void)state;
	set_up(&world);
	core = world_core(&world, 0);
	struct shoal_msg_partial message = {.id = world.puppet[1].id,
	        .salt = puppet_salt(&world.puppet[1]),
	        .target = world_id(&world, 0),
	        .reports = 2};
	shoal_partial_on_message(core, &message);
	assert_int_equal(count_logs(core, "partial"), 1);
	shoal_partial_on_message(core, &message);
	assert_int_equal(count_logs(core, "partial"), 0);
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_PARTIAL, &message);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PARTIALS_IN), 3);
	message.id = world.puppet[2].id;
	shoal_partial_on_message(core, &message);
	assert_int_equal(count_logs(core, "partial"), 1);
	message.id.bytes[0] ^= 1;
	shoal_partial_on_message(core, &message);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), 1);
	message.target.bytes[0] ^= 1;
	shoal_partial_on_message(core, &message);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_MISDIRECTED), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PARTIALS_IN), 4);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(two_refutations_within_ten_minutes_make_the_diagnosis),
	        cmocka_unit_test(what_others_accused_is_no_diagnosis_of_this_member),
	        cmocka_unit_test(
	                four_reports_of_relays_are_a_suspicion_and_fewer_are_told_to_the_subject_only),
	        cmocka_unit_test(without_reports_the_suspicion_begins_after_its_longest_time),
	        cmocka_unit_test(such_a_suspicion_lasts_its_longest_time_whoever_accuses),
	        cmocka_unit_test(direct_answers_for_as_long_as_the_longest_suspicion_end_it),
	        cmocka_unit_test(another_instance_is_another_case),
	        cmocka_unit_test(of_too_many_the_one_not_seen_for_longest_is_forgotten),
	        cmocka_unit_test(it_is_tried_again_once_an_interval_however_many_rounds_fail),
	        cmocka_unit_test(the_subject_logs_once_who_cannot_reach_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
