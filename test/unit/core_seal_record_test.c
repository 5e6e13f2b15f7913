/* SPDX-License-Identifier: MIT */
/* What members that seal or compress put on streams, and what is recorded of them. */
#include "core_opened_tape.h"
#include "core_sealed.h"
#include "core_ticket.h"

#include "core/node.h"

static void
what_goes_on_streams_sealed_is_compressed_before(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	for (size_t i = 0; i < 3; i++) {
		sealed_config(&world, &config, 0);
		config.compressor = i < 2 ? &ticket : NULL;
		config.compress_min = 10;
		world_add(&world, &config);
	}
	assert_int_equal(join_code(&world, 1), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 2);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_COMPRESSED) > 0);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_BYTES_SAVED) > 50);
	/* One without a compressor is told by who has one, and says so. */
	assert_int_equal(join_code(&world, 2), SHOAL_ERR_UNSUPPORTED);
	assert_true(world_counter(&world, 2, SHOAL_COUNTER_DROP_COMPRESSED) > 0);
	world_done(&world);
}

/* The next thing of a kind that a core sends; it has one. */
static struct shoal_send
next_of(struct shoal_core *core, enum shoal_send_kind kind)
{
	struct shoal_send send = {.kind = SHOAL_SEND_DROP};

	while (send.kind != kind) {
		assert_true(shoal_core_next_send(core, &send));
	}
	return send;
}

/* By hand: a world looks into packets. */
static void
what_goes_on_streams_in_clear_is_compressed_and_taken(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_core *core[2];
	struct shoal_input input = {.kind = SHOAL_INPUT_JOIN, .exchange = 1000};

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 2; i++) {
		world_config(&world, &config);
		config.compressor = &ticket;
		config.compress_min = 10;
		config.addr[0].ip[15] = (uint8_t)(i + 1);
		config.salt.bytes[1] = (uint8_t)(i + 1);
		config.name = i == 0 ? "seed" : "joiner";
		assert_int_equal(shoal_core_new(&core[i], &config, NULL, 0), SHOAL_OK);
		input.from = i == 0 ? config.addr[0] : input.from;
	}
	input.mono_ns = config.mono_ns;
	input.wall_ns = config.wall_ns;
	assert_int_equal(shoal_core_step(core[1], &input), SHOAL_OK);
	struct shoal_send send = next_of(core[1], SHOAL_SEND_REQUEST);
	uint64_t number = send.exchange;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send.data[1], SHOAL_PACKET_COMPRESSED);
		input.kind = i == 0 ? SHOAL_INPUT_REQUEST : SHOAL_INPUT_RESULT;
		input.from = i == 0 ? config.addr[0] : (struct shoal_addr){.port = 0};
		input.exchange = i == 0 ? 1000 : number;
		input.data = send.data;
		input.len = send.len;
		assert_int_equal(shoal_core_step(core[i], &input), SHOAL_OK);
		if (i == 0) {
			send = next_of(core[0], SHOAL_SEND_REPLY);
		}
	}
	for (int i = 0; i < 2; i++) {
		const struct shoal_counters *counters = shoal_core_counters(core[i]);
		assert_int_equal(shoal_core_count(core[i], SHOAL_STATE_ALIVE), 2);
		assert_true(counters->value[SHOAL_COUNTER_COMPRESSED] > 0);
		assert_true(counters->value[SHOAL_COUNTER_BYTES_SAVED] > 50);
		shoal_core_free(core[i]);
	}
	world_done(&world);
}

/* Says that it holds more than anybody has room for. */
static size_t most_room;

static int
claims_much(const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	(void)data, (void)len, (void)out, (void)out_len;
	most_room = cap > most_room ? cap : most_room;
	return SHOAL_ERR_TOO_BIG;
}

static void
no_room_is_made_for_more_than_a_packet_pays_for(void **state)
{
	static struct parcel parcel;
	struct shoal_compressor_ops claims = ticket;
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_msg_sender sender = {.id = {{9}}, .salt = 1};

	(void)state;
	claims.uncompress = claims_much;
	world_init(&world);
	world_config(&world, &config);
	config.compressor = &claims;
	size_t node = world_add(&world, &config);
	for (size_t len = 100; len <= 60000; len += 59900) {
		most_room = 0;
		parcel_begin(&parcel, world.label);
		parcel.data[1] |= SHOAL_PACKET_COMPRESSED;
		while (parcel.writer.len < len) {
			parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
		}
		parcel_end(&parcel);
		assert_int_equal(world_request(&world, node, &world.node[0].addr, 1, &parcel),
		        SHOAL_ERR_TOO_BIG);
		assert_true(most_room > 0 && most_room <= shoal_packet_expands(len + 100));
		assert_true(most_room < 8 * 60100);
	}
	assert_true(shoal_seal_memory(world_core(&world, node)) > 8 * 60000);
	world_step(&world, node, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	parcel_begin(&parcel, world.label);
	parcel_end(&parcel);
	(void)world_request(&world, node, &world.node[0].addr, 2, &parcel);
	assert_true(shoal_seal_memory(world_core(&world, node)) <= 3 * 65536);
	world_done(&world);
}

/* Whether bytes stand anywhere in what was recorded. */
static bool
is_recorded(const uint8_t *bytes, size_t len)
{
	return memmem(tape, tape_len, bytes, len) != NULL;
}

/* The record gives the same core again, bit for bit. */
static void
expect_replayed(void)
{
	struct shoal_replay *replay;
	struct shoal_replay_entry entry;
	size_t checks = 0;

	assert_int_equal(shoal_replay_new(&replay, tape, tape_len, NULL), 0);
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
	assert_int_equal(shoal_replay_status(replay, NULL), 0);
	assert_true(checks > 20);
	shoal_replay_free(replay);
}

static void
a_record_replays_without_the_key_and_does_not_hold_it(void **state)
{
	struct shoal_recorder_config how;
	struct shoal_core_config config;
	struct core_world world;
	const uint8_t *data;
	size_t len;
	struct shoal_key key = {.len = 32};

	(void)state;
	for (uint8_t i = 0; i < 32; i++) {
		key.bytes[i] = (uint8_t)(i * 37 + 11);
	}
	tape_len = 0;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	for (size_t i = 0; i < 4; i++) {
		sealed_config(&world, &config, 0);
		config.key = &key;
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
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(join_code(&world, i), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(5));
	/* Packets that do not open are recorded as what they were. */
	const uint8_t forged[60] = {0xc1, 1, 0, 9};
	(void)world_step(&world, 1,
	        (struct shoal_input){.kind = SHOAL_INPUT_DATAGRAM,
	                .from = world.node[0].addr,
	                .data = forged,
	                .len = sizeof forged});
	world.node[3].up = false;
	world_run(&world, SHOAL_SEC(40));
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 3);
	assert_int_equal(shoal_recorder_end(recorder, world_core(&world, 1), &data, &len), 0);
	keep(data, len);
	assert_false(is_recorded(key.bytes, 8));
	assert_false(is_recorded(key.bytes + 24, 8));
	assert_true(is_recorded((const uint8_t *)"node-1", 6));

	expect_replayed();
	shoal_recorder_free(recorder);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_goes_on_streams_sealed_is_compressed_before),
	        cmocka_unit_test(what_goes_on_streams_in_clear_is_compressed_and_taken),
	        cmocka_unit_test(no_room_is_made_for_more_than_a_packet_pays_for),
	        cmocka_unit_test(a_record_replays_without_the_key_and_does_not_hold_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
