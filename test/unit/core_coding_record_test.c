/* SPDX-License-Identifier: MIT */
/* What is recorded of members that speak a codec, and what is not left of a secret. */
#include "core_coded.h"
#include "core_opened_tape.h"

#include "core/node.h"

static size_t
replay(const struct shoal_codec_ops *codec, int expected)
{
	struct shoal_replay *replay;
	struct shoal_replay_entry entry;
	size_t checks = 0;

	assert_int_equal(shoal_replay_new(&replay, tape, tape_len, NULL), 0);
	assert_int_equal(shoal_replay_codec(replay, NULL), SHOAL_ERR_INVALID);
	for (int i = 0; codec != NULL && i < SHOAL_CODECS_MAX; i++) {
		assert_int_equal(shoal_replay_codec(replay, codec), 0);
	}
	if (codec != NULL) {
		assert_int_equal(shoal_replay_codec(replay, codec), SHOAL_ERR_LIMIT);
	}
	while (shoal_replay_step(replay, &entry)) {
		struct shoal_event event;
		struct shoal_log_record log;
		while (shoal_core_next_event(shoal_replay_core(replay), &event) ||
		        shoal_core_next_log(shoal_replay_core(replay), &log)) {
			continue;
		}
		if (entry.kind == SHOAL_REPLAY_CHECKPOINT || entry.kind == SHOAL_REPLAY_END) {
			assert_true(entry.hash == entry.is_hash);
			checks++;
		}
	}
	assert_int_equal(shoal_replay_status(replay, NULL), expected);
	shoal_replay_free(replay);
	return checks;
}

static void
a_record_replays_with_the_codec_and_says_that_it_is_missing(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2 * CODECS; k++) {
		const struct shoal_codec_ops *codec = codec_at(k / 2);
		struct shoal_recorder_config how;
		struct shoal_core_config config;
		struct core_world world;
		const uint8_t *data;
		size_t len;

		tape_len = 0;
		world_init(&world);
		world.latency = SHOAL_MS(1);
		for (size_t i = 0; i < 3; i++) {
			sealed_config(&world, &config, 0);
			config.cipher = k % 2 != 0 ? config.cipher : NULL;
			config.key_count = k % 2 != 0 ? 1 : 0;
			config.codec = codec;
			world_add(&world, &config);
			if (i == 1) {
				shoal_recorder_config_init(&how);
				how.checkpoint_ns = SHOAL_SEC(1);
				assert_int_equal(shoal_recorder_new(&recorder, &config, &how), 0);
				assert_int_equal(shoal_recorder_begin(recorder, &data, &len), 0);
				keep(data, len);
				world.on_input = record;
			}
		}
		assert_int_equal(join_code(&world, 1), SHOAL_OK);
		assert_int_equal(join_code(&world, 2), SHOAL_OK);
		world_run(&world, SHOAL_SEC(10));
		world.node[2].up = false;
		world_run(&world, SHOAL_SEC(30));
		assert_int_equal(
		        shoal_recorder_end(recorder, world_core(&world, 1), &data, &len), 0);
		keep(data, len);
		assert_true(replay(codec, 0) > 20);
		replay(NULL, codec->id == 0 ? 0 : SHOAL_ERR_CODEC);
		shoal_recorder_free(recorder);
		world_done(&world);
	}
}

/* Whether bytes stand in a room. */
static bool
is_in(const struct shoal_room *room, const uint8_t *bytes, size_t len)
{
	return room->cap > 0 && memmem(room->data, room->cap, bytes, len) != NULL;
}

static void
a_key_that_is_told_in_a_codec_stays_in_no_room(void **state)
{
	(void)state;
	for (size_t k = 0; k < CODECS; k++) {
		struct core_world world;
		struct shoal_key key = {.len = 32};
		char hidden[64];
		size_t held = 0;
		struct shoal_key_info info;

		for (uint8_t i = 0; i < 32; i++) {
			key.bytes[i] = (uint8_t)(i * 37 + 11);
		}
		form_coded(&world, codec_at(k), true, 2);
		struct shoal_core *core = world_core(&world, 1);
		struct shoal_id id = world_id(&world, 1);
		assert_int_equal(
		        shoal_core_key_order(world_core(&world, 0), SHOAL_KEY_INSTALL, &key, 0), 0);
		assert_int_equal(world_step(&world, 0,
		                         (struct shoal_input){.kind = SHOAL_INPUT_KEYS,
		                                 .data = id.bytes,
		                                 .len = sizeof id}),
		        SHOAL_OK);
		assert_non_null(world_await(&world, 0, SHOAL_EVENT_KEYS, SHOAL_SEC(10)));
		while (shoal_core_key(core, held, &info)) {
			held++;
		}
		assert_int_equal(held, 2);
		/* Base64 of its first bytes: 0x0b 0x30 0x55 0x7a 0x9f 0xc4. */
		memcpy(hidden, "CzBVep/E", 9);
		const struct shoal_room *rooms[] = {&core->seal.in, &core->seal.plain,
		        &core->coding.scratch, &core->coding.plain};
		for (size_t i = 0; i < COUNT_OF(rooms); i++) {
			assert_false(is_in(rooms[i], key.bytes, 8));
			assert_false(is_in(rooms[i], (const uint8_t *)hidden, 8));
		}
		world_done(&world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_record_replays_with_the_codec_and_says_that_it_is_missing),
	        cmocka_unit_test(a_key_that_is_told_in_a_codec_stays_in_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
