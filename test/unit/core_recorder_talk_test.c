/* SPDX-License-Identifier: MIT */
/* Messages of the application in a record. */
#include "core_cast_world.h"
#include "core_talk_world.h"
#include "core_tape.h"

static void
messages_are_replayed_to_the_same_hashes_and_not_kept_in_a_redacted_record(void **state)
{
	(void)state;
	for (int redact = 0; redact < 2; redact++) {
		struct shoal_replay_entry entry;
		struct tape tape;

		tape_begin(&tape, redact != 0, SHOAL_MS(100));
		tape_live(&tape, SHOAL_SEC(1));
		struct shoal_id id[] = {world_id(&tape.world, 1), world_id(&tape.world, 0),
		        tape.world.puppet[0].id};
		for (unsigned i = 0; i < 6; i++) {
			assert_int_equal(talk_say(&tape.world, i / 2 % 2, &id[i / 2], i % 2, 7,
			                         "the combination is 12345"),
			        SHOAL_OK);
		}
		assert_int_equal(world_step(&tape.world, 0,
		                         cast_input(SHOAL_RELIABLE, NULL, 5, "code 12345", 10)),
		        SHOAL_OK);
		assert_int_equal(
		        world_step(&tape.world, 0, cast_input(0, "red", 6, "code 12345", 10)),
		        SHOAL_OK);
		struct shoal_input within = cast_input(0, NULL, 8, "code 12345", 10);
		within.size = 3;
		within.timeout_ns = SHOAL_SEC(2);
		assert_int_equal(world_step(&tape.world, 0, within), SHOAL_OK);
		world_run(&tape.world, SHOAL_SEC(60));
		for (size_t i = 0; i < 2; i++) {
			assert_int_equal(
			        world_count_events(&tape.world, i, SHOAL_EVENT_MESSAGE), 2 + 2 * i);
		}
		tape_end(&tape);
		assert_int_equal(memmem(tape.data, tape.len, "12345", 5) == NULL, redact);
		struct shoal_replay *replay = replay_of(tape.data, tape.len);
		bool tagged = false, bounded = false;
		while (shoal_replay_step(replay, &entry)) {
			assert_true(entry.hash == entry.is_hash);
			tagged = tagged || (entry.kind == SHOAL_REPLAY_INPUT &&
			                           entry.input.kind == SHOAL_INPUT_BROADCAST &&
			                           entry.input.type == CAST_TYPE &&
			                           entry.input.tag_len == 3 &&
			                           memcmp(entry.input.tag, "red", 3) == 0);
			bounded = bounded || (entry.kind == SHOAL_REPLAY_INPUT &&
			                             entry.input.kind == SHOAL_INPUT_BROADCAST &&
			                             entry.input.size == 3 &&
			                             entry.input.timeout_ns == SHOAL_SEC(2));
		}
		assert_true(tagged && bounded);
		assert_int_equal(shoal_replay_status(replay, NULL), 0);
		shoal_replay_free(replay);
		tape_done(&tape);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                messages_are_replayed_to_the_same_hashes_and_not_kept_in_a_redacted_record),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
