/* SPDX-License-Identifier: MIT */
/* A member that hears nobody at all: whom it accuses, from when on, and what counts as heard. */
#include "unit.h"

#include "core/detect/suspicion.h"
#include "core/node.h"
#include "core_world.h"

#define INTERVAL SHOAL_SEC(1)

/* A core with the rule on that knows puppets; all have answered, and none does any more. */
static void
set_up(struct core_world *world, size_t puppets)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.silence = 1;
	world_add(world, &config);
	for (size_t i = 0; i < puppets; i++) {
		world_meet(world, 0, PUPPET_DATAGRAMS);
	}
	world_run(world, SHOAL_SEC(20));
	for (size_t i = 0; i < puppets; i++) {
		world->puppet[i].answers = 0;
	}
	world_clear(world);
}

static struct shoal_core *
core_of(const struct core_world *world)
{
	return world_core(world, 0);
}

static uint64_t
longest(const struct core_world *world)
{
	return shoal_suspicion_span(&core_of(world)->profile, shoal_members_n(core_of(world))).most;
}

static size_t
suspects(const struct core_world *world)
{
	return world_count_events(world, 0, SHOAL_EVENT_SUSPECT);
}

/* Until a probe has failed. */
static void
fail_one(struct core_world *world)
{
	uint64_t before = world_counter(world, 0, SHOAL_COUNTER_PROBES_FAILED);

	for (int i = 0; i < 1000; i++) {
		if (world_counter(world, 0, SHOAL_COUNTER_PROBES_FAILED) > before) {
			return;
		}
		world_run(world, SHOAL_MS(10));
	}
	fail();
}

static void
who_hears_nobody_accuses_nobody_for_as_long_as_the_longest_suspicion(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 6);
	uint64_t since = core_of(&world)->silence.heard - SHOAL_TIME_ORIGIN;
	world_run(&world, since + longest(&world) - world.now);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED) > 2);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SILENCES), 1);
	assert_int_equal(suspects(&world), 0);
	assert_true(shoal_core_health(core_of(&world)) > 0); /* it distrusts itself all the same */
	const struct shoal_event *event =
	        world_await(&world, 0, SHOAL_EVENT_SUSPECT, SHOAL_SEC(20));
	assert_non_null(event);
	assert_true(event->mono_ns - since >= longest(&world));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SILENCES), 1);
	world_done(&world);
}

/* What may be heard while a probe waits for its relays. */
enum word {
	WORD_NACK,
	WORD_GOSSIP,
	WORD_DATAGRAM_REFUSED,
	WORD_CONNECTION_REFUSED,
	WORDS
};

static void
say(struct core_world *world, enum word word, const struct world_packet *asked)
{
	const struct shoal_msg_relay *relay = &packet_has(asked, SHOAL_MESSAGE_RELAY)->relay;
	const struct puppet *from = &world->puppet[0];
	struct shoal_msg_nack nack = {.seq = relay->seq, .reason = SHOAL_NACK_SILENT};
	struct shoal_msg_member alive = puppet_member(from, SHOAL_STATE_ALIVE);

	for (size_t i = 0; i < world->puppets; i++) {
		if (shoal_addr_equal(&world->puppet[i].addr, &asked->to)) {
			nack.id = world->puppet[i].id;
		}
	}
	switch (word) {
	case WORD_NACK:
		world_send(world, 0, &asked->to, SHOAL_MESSAGE_NACK, &nack);
		break;
	case WORD_GOSSIP:
		world_tell(world, 0, from, SHOAL_MESSAGE_MEMBER, &alive);
		break;
	case WORD_DATAGRAM_REFUSED:
		world_step(world, 0,
		        (struct shoal_input){.kind = SHOAL_INPUT_REFUSED, .from = asked->to});
		break;
	default:
		for (asked = world->sent; asked->kind != SHOAL_SEND_REQUEST; asked = asked->next) {
		}
		world_result(world, asked, SHOAL_ERR_REFUSED, NULL);
		break;
	}
}

static void
one_word_from_anybody_after_relays_were_asked_makes_the_failure_count(void **state)
{
	(void)state;
	for (int word = 0; word < WORDS; word++) {
		struct core_world world;

		set_up(&world, 6);
		const struct world_packet *asked =
		        world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_RELAY, SHOAL_SEC(9));
		assert_non_null(asked);
		world_run(&world, SHOAL_MS(100));
		say(&world, (enum word)word, asked);
		fail_one(&world);
		assert_int_equal(suspects(&world), 1);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SILENCES), 0);
		world_done(&world);
	}
}

static void
what_was_heard_before_relays_were_asked_does_not_count(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 6);
	assert_non_null(world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_PING, SHOAL_SEC(9)));
	world_run(&world, SHOAL_MS(1));
	struct shoal_msg_member alive = puppet_member(&world.puppet[0], SHOAL_STATE_ALIVE);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &alive);
	fail_one(&world);
	assert_int_equal(suspects(&world), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SILENCES), 1);
	world_done(&world);
}

static void
each_silence_is_excused_anew(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 6);
	for (uint64_t i = 1; i <= 3; i++) {
		world_run(&world, longest(&world) * 3 / 4);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SILENCES), i);
		struct shoal_msg_member alive = puppet_member(&world.puppet[0], SHOAL_STATE_ALIVE);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &alive);
	}
	/* A probe that was waiting when the word came may count. */
	assert_true(suspects(&world) <= 3);
	world_done(&world);
}

static void
of_two_members_the_other_is_accused_at_once_and_of_three_both_are_not(void **state)
{
	(void)state;
	for (size_t others = 1; others <= 2; others++) {
		struct core_world world;

		set_up(&world, others);
		fail_one(&world);
		assert_int_equal(suspects(&world), others == 1 ? 1 : 0);
		world_done(&world);
	}
}

static void
time_stalled_away_is_no_time_of_silence(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 6);
	world.now = shoal_core_deadline(core_of(&world)) + SHOAL_SEC(300);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	uint64_t since = world.now;
	world_run(&world, longest(&world) - INTERVAL);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SILENCES), 1);
	assert_true(core_of(&world)->silence.since == since + SHOAL_TIME_ORIGIN);
	assert_int_equal(suspects(&world), 0);
	world_done(&world);
}

static void
a_told_death_is_tried_again_while_nobody_is_heard(void **state)
{
	(void)state;
	for (int silence = 0; silence <= 1; silence++) {
		struct core_world world;

		set_up(&world, 6);
		core_of(&world)->profile.silence = (uint32_t)silence;
		struct puppet *subject = &world.puppet[1];
		struct shoal_msg_state dead = puppet_state(subject, SHOAL_STATE_DEAD);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &dead);
		world_run(&world, longest(&world));
		assert_int_equal(
		        world_state(&world, 0, &subject->id) == SHOAL_STATE_DEAD, silence == 0);
		/* Two tries after that, of a member that distrusts itself most. */
		world_run(&world, 2 * 9 * INTERVAL);
		assert_int_equal(world_state(&world, 0, &subject->id), SHOAL_STATE_DEAD);
		world_done(&world);
	}
}

static void
without_the_switch_or_nacks_a_failure_counts_whatever_was_heard(void **state)
{
	(void)state;
	for (int form = 0; form <= 1; form++) {
		struct core_world world;

		set_up(&world, 6);
		core_of(&world)->profile.silence = form == 0 ? 0 : 1;
		core_of(&world)->profile.nacks = form == 1 ? 0 : 1;
		fail_one(&world);
		assert_int_equal(suspects(&world), 1);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SILENCES), 0);
		world_done(&world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                who_hears_nobody_accuses_nobody_for_as_long_as_the_longest_suspicion),
	        cmocka_unit_test(
	                one_word_from_anybody_after_relays_were_asked_makes_the_failure_count),
	        cmocka_unit_test(what_was_heard_before_relays_were_asked_does_not_count),
	        cmocka_unit_test(each_silence_is_excused_anew),
	        cmocka_unit_test(
	                of_two_members_the_other_is_accused_at_once_and_of_three_both_are_not),
	        cmocka_unit_test(time_stalled_away_is_no_time_of_silence),
	        cmocka_unit_test(a_told_death_is_tried_again_while_nobody_is_heard),
	        cmocka_unit_test(without_the_switch_or_nacks_a_failure_counts_whatever_was_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
