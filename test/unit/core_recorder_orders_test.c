/* SPDX-License-Identifier: MIT */
/* Orders of an operator in a record: other numbers, admission by address, forgetting. */
#include "core_tape.h"

static int
order(struct tape *tape, enum shoal_input_kind kind, const void *data, size_t len)
{
	return world_step(
	        &tape->world, 0, (struct shoal_input){.kind = kind, .data = data, .len = len});
}

static void
tune(struct tape *tape)
{
	uint8_t data[SHOAL_TUNING_BYTES];
	struct shoal_core_config config;

	world_config(&tape->world, &config);
	config.profile.probe_interval_ms /= 2;
	config.profile.probe_timeout_ms /= 2;
	config.profile.gossip_fanout++;
	assert_int_equal(shoal_core_tuning(&config.profile, SHOAL_LOG_DEBUG, data, sizeof data),
	        sizeof data);
	assert_int_equal(order(tape, SHOAL_INPUT_TUNE, data, sizeof data), SHOAL_OK);
}

/* Nobody but the other core. */
static void
narrow(struct tape *tape)
{
	struct shoal_cidr range = {.bits = 128};

	memcpy(range.ip, tape->world.node[1].addr.ip, sizeof range.ip);
	assert_int_equal(order(tape, SHOAL_INPUT_ALLOW, &range, sizeof range), SHOAL_OK);
	assert_int_equal(order(tape, SHOAL_INPUT_ALLOW, &range, 5), SHOAL_ERR_INVALID);
}

static void
orders_are_replayed_to_the_same_hashes(void **state)
{
	struct shoal_replay_entry entry;
	unsigned seen[SHOAL_INPUT_FORGET + SHOAL_INPUT_ALLOW + SHOAL_INPUT_TUNE + 1] = {0};
	struct shoal_core_member held;
	struct shoal_id other, puppet;
	struct tape tape;
	uint32_t slot;

	(void)state;
	tape_begin(&tape, false, SHOAL_MS(100));
	tape_live(&tape, SHOAL_SEC(1));
	other = world_id(&tape.world, 1);
	puppet = tape.world.puppet[0].id;
	tune(&tape);
	world_run(&tape.world, SHOAL_SEC(2));
	assert_int_equal(
	        order(&tape, SHOAL_INPUT_FORGET, other.bytes, sizeof other.bytes), SHOAL_ERR_STATE);
	narrow(&tape);
	world_run(&tape.world, SHOAL_SEC(2));
	/* It is outside, and not held alive. */
	assert_true(shoal_core_find(world_core(&tape.world, 0), &puppet, &slot) != 0 ||
	            (shoal_core_member(world_core(&tape.world, 0), slot, &held) &&
	                    held.state == SHOAL_STATE_DEAD));
	tape.world.node[1].up = false;
	world_run(&tape.world, SHOAL_SEC(120));
	assert_int_equal(world_state(&tape.world, 0, &other), SHOAL_STATE_DEAD);
	assert_int_equal(
	        order(&tape, SHOAL_INPUT_FORGET, other.bytes, sizeof other.bytes), SHOAL_OK);
	world_run(&tape.world, SHOAL_SEC(60));
	tape_end(&tape);
	struct shoal_replay *replay = replay_of(tape.data, tape.len);
	while (shoal_replay_step(replay, &entry)) {
		assert_true(entry.hash == entry.is_hash);
		if (entry.kind == SHOAL_REPLAY_INPUT && entry.input.kind < COUNT_OF(seen)) {
			seen[entry.input.kind]++;
		}
	}
	assert_int_equal(shoal_replay_status(replay, NULL), 0);
	assert_int_equal(seen[SHOAL_INPUT_TUNE], 1);
	assert_int_equal(seen[SHOAL_INPUT_ALLOW], 2);
	assert_int_equal(seen[SHOAL_INPUT_FORGET], 2);
	shoal_replay_free(replay);
	tape_done(&tape);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(orders_are_replayed_to_the_same_hashes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
