/* SPDX-License-Identifier: MIT */
/* Who waits to be accepted, and what was decided: how much of it is kept, and that a recording has
 * it all. */
#include "unit.h"

#include "core_accept_world.h"
#include "core_tape.h"

static void
who_waits_is_bounded_by_a_share_of_strangers_and_one_of_each_teller(void **state)
{
	static struct core_world world;
	struct puppet *told[40];

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *teller = world_puppet(&world);
	struct shoal_msg_member said = puppet_member(teller, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
	decide(&world, 0, asked(&world, 0, &teller->id, 0)->exchange, SHOAL_OK, "");
	world_clear(&world);
	for (size_t i = 0; i < 100; i++) { /* themselves */
		struct puppet *puppet = world_puppet(&world);
		said = puppet_member(puppet, SHOAL_STATE_ALIVE);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	}
	assert_int_equal(count_asked(&world, 0), 64);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCESS), 36);
	for (size_t i = 0; i < COUNT_OF(told); i++) {
		told[i] = world_puppet(&world);
		said = puppet_member(told[i], SHOAL_STATE_ALIVE);
		world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
	}
	assert_int_equal(count_asked(&world, 0), 64 + 32);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCESS), 36 + 8);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_APPLICANTS), 1 + 64 + 32);
	/* A place that is free again is used again. */
	decide(&world, 0, asked(&world, 0, &told[0]->id, 0)->exchange, SHOAL_ERR_REJECTED, "");
	said = puppet_member(told[39], SHOAL_STATE_ALIVE);
	world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
	assert_non_null(asked(&world, 0, &told[39]->id, 0));
	world_done(&world);
}

static void
decisions_are_remembered_up_to_a_number(void **state)
{
	static struct core_world world;
	struct puppet *first = NULL;

	(void)state;
	world_init(&world);
	add_asking(&world);
	for (size_t i = 0; i < 256; i++) {
		struct puppet *puppet = world_puppet(&world);
		struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
		first = i == 0 ? puppet : first;
		said.id.bytes[0] = (uint8_t)i;
		said.id.bytes[1] = 1;
		puppet->id = said.id;
		world_run(&world, SHOAL_MS(1));
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
		decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_ERR_REJECTED,
		        "");
	}
	struct shoal_msg_member said = puppet_member(first, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, first, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(count_asked(&world, 0), 256);
	struct puppet other = *first;
	other.id.bytes[1] = 2;
	said.id = other.id;
	world_tell(&world, 0, &other, SHOAL_MESSAGE_MEMBER, &said);
	decide(&world, 0, asked(&world, 0, &other.id, 0)->exchange, SHOAL_ERR_REJECTED, "");
	said.id = first->id;
	world_tell(&world, 0, first, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(count_asked(&world, 0), 258);
	world_done(&world);
}

static void
decisions_are_recorded_and_run_again(void **state)
{
	struct shoal_recorder_config how;
	struct shoal_core_config config;
	struct shoal_replay_entry entry;
	const uint8_t *data;
	size_t len, decisions = 0;
	static struct tape tape;

	(void)state;
	memset(&tape, 0, sizeof tape);
	world_init(&tape.world);
	tape.world.on_input = on_input;
	tape.world.arg = &tape;
	world_config(&tape.world, &config);
	config.asks_accept = true;
	shoal_recorder_config_init(&how);
	how.checkpoint_ns = SHOAL_SEC(1);
	assert_int_equal(shoal_recorder_new(&tape.recorder, &config, &how), 0);
	assert_int_equal(shoal_recorder_begin(tape.recorder, &data, &len), 0);
	keep(&tape, data, len);
	world_add(&tape.world, &config);
	world_add(&tape.world, NULL);
	world_add(&tape.world, NULL);
	struct shoal_id refused = world_id(&tape.world, 2);
	world_join(&tape.world, 1, 0);
	world_join(&tape.world, 2, 0);
	run_accepting(&tape.world, 0, &refused, 20);
	tape_end(&tape);
	struct shoal_replay *replay = replay_of(tape.data, tape.len);
	while (shoal_replay_step(replay, &entry)) {
		bool decision =
		        entry.kind == SHOAL_REPLAY_INPUT && entry.input.kind == SHOAL_INPUT_ACCEPT;
		decisions += decision;
		assert_true(!decision || strcmp(shoal_input_name(entry.input.kind), "accept") == 0);
		assert_true(entry.kind == SHOAL_REPLAY_INPUT || entry.kind == SHOAL_REPLAY_BEGIN ||
		            entry.hash == entry.is_hash);
	}
	assert_int_equal(shoal_replay_status(replay, NULL), 0);
	assert_true(decisions >= 2);
	assert_int_equal(shoal_core_count(shoal_replay_core(replay), SHOAL_STATE_ALIVE), 2);
	shoal_replay_free(replay);
	tape_done(&tape);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                who_waits_is_bounded_by_a_share_of_strangers_and_one_of_each_teller),
	        cmocka_unit_test(decisions_are_remembered_up_to_a_number),
	        cmocka_unit_test(decisions_are_recorded_and_run_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
