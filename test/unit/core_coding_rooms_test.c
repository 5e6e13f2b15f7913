/* SPDX-License-Identifier: MIT */
/* Packets that are coded, compressed and sealed at once, what is changed of their heads on the way,
 * and what is kept of long ones. */
#include "core_coded.h"
#include "core_ticket.h"

#include "core/node.h"
#include "wire/coded.h"

static size_t
add_all(struct core_world *world, const struct shoal_codec_ops *codec)
{
	struct shoal_core_config config;

	sealed_config(world, &config, 0);
	config.codec = codec;
	config.compressor = &ticket;
	config.compress_min = 200;
	return world_add(world, &config);
}

/* Every packet on a stream that is long enough is compressed; what is in clear before the messages
 * says all three. */
static void
coded_compressed_and_sealed_packets_are_opened(void **state)
{
	static uint8_t data[5000];

	(void)state;
	for (size_t k = 0; k < CODECS; k++) {
		struct core_world world;
		uint8_t all = SHOAL_PACKET_SEALED | SHOAL_PACKET_COMPRESSED |
		              (k > 0 ? SHOAL_PACKET_CODED : 0);
		size_t seen = 0;

		world_init(&world);
		world.latency = SHOAL_MS(1);
		for (size_t i = 0; i < 3; i++) {
			add_all(&world, codec_at(k));
			if (i > 0) {
				assert_int_equal(join_code(&world, i), SHOAL_OK);
			}
		}
		for (unsigned i = 0; i < 10; i++) {
			struct shoal_input message = {.kind = SHOAL_INPUT_SEND,
			        .id = world_id(&world, 1),
			        .type = 200,
			        .flags = i % 2 != 0 ? SHOAL_RELIABLE : 0,
			        .data = data,
			        .len = sizeof data};
			assert_int_equal(world_step(&world, 0, message), SHOAL_OK);
		}
		world_run(&world, SHOAL_SEC(20));
		assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 10);
		for (size_t i = 0; i < 3; i++) {
			assert_int_equal(
			        shoal_core_count(world_core(&world, i), SHOAL_STATE_ALIVE), 3);
			assert_int_equal(dropped(&world, i),
			        world_counter(&world, i, SHOAL_COUNTER_DROP_REDIRECTED));
			assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_DROP_CODEC), 0);
		}
		for (const struct world_packet *sent = world.sent; sent; sent = sent->next) {
			seen += sent->len > 1 && sent->data[1] == all;
		}
		assert_true(seen > 5);
		world_done(&world);
	}
}

static const char longest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static void
a_joiner_under_the_longest_label_is_told_the_codec(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	for (size_t i = 0; i < 3; i++) {
		struct shoal_core_config config;
		sealed_config(&world, &config, 0);
		config.label = longest;
		config.codec = codec_at(i < 2 ? 2 : 1);
		world_add(&world, &config);
	}
	assert_int_equal(join_code(&world, 1), SHOAL_OK);
	assert_int_equal(join_code(&world, 2), SHOAL_ERR_CODEC);
	const struct shoal_event *event = world_event(&world, 2, SHOAL_EVENT_JOINED, NULL, 0);
	assert_non_null(event);
	assert_string_equal(event->cause.detail,
	        "the cluster speaks json, this node msgpack: set codec to json");
	world_done(&world);
}

/* One that is sealed with the key, for a member of another codec. */
static size_t
sealed_in_json(const struct core_world *world, const char *label, uint8_t data[300])
{
	struct shoal_keyring_config config = {.cipher = unit_cipher(), .salt = {{77}}};
	struct shoal_packet_frame frame = {SHOAL_PACKET_DATAGRAM, 0};
	uint64_t to = shoal_members_salt(shoal_members_at(world_core(world, 0), SHOAL_SELF));
	struct shoal_keyring *ring;
	struct shoal_writer writer;

	assert_int_equal(shoal_keyring_new(&ring, &config), 0);
	assert_int_equal(shoal_keyring_install(ring, keys[0].bytes, keys[0].len, NULL), 0);
	shoal_writer_init(&writer, data, 300);
	shoal_packet_begin_sealed(
	        &writer, (struct shoal_span){(const uint8_t *)label, strlen(label)});
	shoal_packet_set_codec(&writer, SHOAL_CODEC_JSON);
	shoal_writer_bytes(&writer, "\1\2{}", 4);
	assert_int_equal(shoal_packet_seal(&writer, ring, &frame, to), SHOAL_OK);
	shoal_keyring_free(ring);
	return writer.len;
}

static void
the_codec_of_a_sealed_packet_that_is_dropped_is_said_under_the_longest_label(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_log_record record;
	uint8_t data[300];
	size_t said = 0;

	(void)state;
	world_init(&world);
	sealed_config(&world, &config, 0);
	config.label = longest;
	config.codec = shoal_codec_msgpack();
	world_add(&world, &config);
	struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
	        .mono_ns = world.now,
	        .wall_ns = SHOAL_SEC(WORLD_EPOCH) + world.now,
	        .from = {.ip = {[15] = 9}, .port = 9},
	        .data = data,
	        .len = sealed_in_json(&world, longest, data)};
	assert_int_equal(shoal_core_step(world_core(&world, 0), &input), SHOAL_ERR_CODEC);
	while (shoal_core_next_log(world_core(&world, 0), &record)) {
		said += strstr(record.text, "it speaks json, this member msgpack") != NULL;
	}
	assert_int_equal(said, 1);
	world_done(&world);
}

/* Each is sealed anew: one that was seen is not opened again. */
static void
flags_and_codec_of_a_sealed_packet_are_authenticated(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	uint8_t data[300];

	(void)state;
	world_init(&world);
	sealed_config(&world, &config, 0);
	config.codec = shoal_codec_msgpack();
	world_add(&world, &config);
	for (unsigned change = 1; change < 256; change++) {
		struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
		        .from = {.ip = {[15] = 9}, .port = 9},
		        .data = data,
		        .len = sealed_in_json(&world, "", data)};
		data[SHOAL_PACKET_HEAD] ^= (uint8_t)change;
		int rc = world_step(&world, 0, input);
		assert_int_equal(rc, data[3] == 0 ? SHOAL_ERR_MALFORMED : SHOAL_ERR_AUTH);
		input.len = sealed_in_json(&world, "", data);
		data[1] ^= (uint8_t)change;
		rc = world_step(&world, 0, input);
		assert_true(rc == SHOAL_ERR_AUTH || rc == SHOAL_ERR_KEY || /* the head is shorter */
		            rc == (data[1] > 7 ? SHOAL_ERR_VERSION : SHOAL_ERR_CLEAR));
		world_run(&world, SHOAL_SEC(1));
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CODEC), 0);
	world_done(&world);
}

static void
what_a_long_packet_took_is_given_back_with_the_next_one(void **state)
{
	struct core_world world;
	size_t len = 400000;
	uint8_t *data = malloc(len);

	(void)state;
	assert_non_null(data);
	for (size_t k = 1; k < CODECS; k++) {
		struct shoal_writer writer;

		form_coded(&world, codec_at(k), false, 2);
		struct world_packet packet = overheard(&world, 1, 0);
		shoal_writer_init(&writer, data, len);
		shoal_packet_begin(&writer, world.label);
		shoal_packet_set_codec(&writer, codec_at(k)->id);
		shoal_message_pad(&writer);
		shoal_packet_end(&writer);
		struct shoal_input input = {.kind = SHOAL_INPUT_STREAM,
		        .from = world.node[1].addr,
		        .data = data,
		        .len = writer.len};
		assert_int_equal(world_step(&world, 0, input), SHOAL_OK);
		assert_true(shoal_coding_memory(world_core(&world, 0)) >= 2 * len - 100);
		input = (struct shoal_input){.kind = SHOAL_INPUT_DATAGRAM,
		        .from = world.node[1].addr,
		        .data = packet.data,
		        .len = packet.len};
		(void)world_step(&world, 0, input);
		assert_true(shoal_coding_memory(world_core(&world, 0)) <= 2 * 65536);
		free(packet.data);
		world_done(&world);
	}
	free(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(coded_compressed_and_sealed_packets_are_opened),
	        cmocka_unit_test(a_joiner_under_the_longest_label_is_told_the_codec),
	        cmocka_unit_test(
	                the_codec_of_a_sealed_packet_that_is_dropped_is_said_under_the_longest_label),
	        cmocka_unit_test(flags_and_codec_of_a_sealed_packet_are_authenticated),
	        cmocka_unit_test(what_a_long_packet_took_is_given_back_with_the_next_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
