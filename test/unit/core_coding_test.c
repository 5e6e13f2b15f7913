/* SPDX-License-Identifier: MIT */
/* A cluster in each codec: its members do what others do, packets keep their budgets, and who
 * speaks another codec is told so in words that both read. */
#include "core_coded.h"

#include <stdio.h>

#include "base/hash.h"
#include "core/message/user.h"
#include "core/node.h"
#include "wire/coded.h"

static uint64_t
drops(const struct core_world *world, size_t node)
{
	return dropped(world, node) - world_counter(world, node, SHOAL_COUNTER_DROP_REDIRECTED) +
	       world_counter(world, node, SHOAL_COUNTER_DROP_CODEC) +
	       world_counter(world, node, SHOAL_COUNTER_DROP_TOO_BIG);
}

/* All packets but those that members of all codecs read are in the codec; of those some are there.
 */
static void
expect_packets_in(const struct core_world *world, uint8_t id)
{
	size_t common = 0, coded = 0;

	for (const struct world_packet *packet = world->sent; packet; packet = packet->next) {
		struct shoal_packet_header header;
		struct shoal_reader reader;

		if (packet->len == 0) {
			continue;
		}
		shoal_reader_init(&reader, packet->data, packet->len);
		assert_int_equal(shoal_packet_header(&reader, &header), SHOAL_OK);
		assert_true(header.codec == id || header.codec == 0);
		coded += header.codec != 0;
		common += header.codec == 0;
		if (header.codec != id && (header.flags & SHOAL_PACKET_SEALED) == 0) {
			reader.left -= SHOAL_PACKET_CRC;
			assert_true(shoal_coded_is_common(reader));
		}
		if (packet->kind == SHOAL_SEND_DATAGRAM) {
			assert_true(packet->len <= 1400);
		}
	}
	assert_true(common > 0 && (id == 0 || coded > 10 * common));
}

static void
members_join_probe_gossip_and_leave_in_each_codec(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2 * CODECS; k++) {
		struct core_world world;
		const struct shoal_codec_ops *codec = codec_at(k / 2);

		form_coded(&world, codec, k % 2 != 0, 5);
		world_run(&world, SHOAL_SEC(60));
		for (size_t i = 0; i < 5; i++) {
			assert_int_equal(
			        shoal_core_count(world_core(&world, i), SHOAL_STATE_ALIVE), 5);
			assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_SUSPICIONS), 0);
			assert_true(world_counter(&world, i, SHOAL_COUNTER_PROBES_ACKED) > 50);
			assert_true(world_counter(&world, i, SHOAL_COUNTER_SYNCS_DONE) > 0 ||
			            world_counter(&world, i, SHOAL_COUNTER_STATEMENTS_OUT) > 0);
			assert_int_equal(drops(&world, i), 0);
		}
		if (codec->id != 0) {
			expect_packets_in(&world, codec->id);
		}
		world_step(&world, 4, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
		world_run(&world, SHOAL_SEC(2));
		struct shoal_id left = world_id(&world, 4), gone = world_id(&world, 3);
		assert_int_equal(world_state(&world, 0, &left), SHOAL_STATE_LEFT);
		world.node[3].up = false;
		world_run(&world, SHOAL_SEC(60));
		assert_int_equal(world_state(&world, 0, &gone), SHOAL_STATE_DEAD);
		assert_int_equal(world_state(&world, 1, &gone), SHOAL_STATE_DEAD);
		world_done(&world);
	}
}

static void
a_joiner_of_another_codec_is_told_which_one_to_set(void **state)
{
	static const char *const names[] = {"binary", "msgpack", "json"};

	(void)state;
	for (size_t k = 0; k < 2 * CODECS * CODECS; k++) {
		size_t here = k / 2 / CODECS, there = k / 2 % CODECS;
		struct core_world world;
		char expected[200];

		if (here == there) {
			continue;
		}
		form_coded(&world, codec_at(here), k % 2 != 0, 2);
		size_t joiner = add_coded(&world, codec_at(there), k % 2 != 0);
		assert_int_equal(join_code(&world, joiner), SHOAL_ERR_CODEC);
		const struct shoal_event *event =
		        world_event(&world, joiner, SHOAL_EVENT_JOINED, NULL, 0);
		snprintf(expected, sizeof expected,
		        "the cluster speaks %s, this node %s: set codec to %s", names[here],
		        names[there], names[here]);
		assert_string_equal(event->cause.detail, expected);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_JOINS_REFUSED), 1);
		world_run(&world, SHOAL_SEC(20));
		assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 2);
		assert_int_equal(
		        shoal_core_count(world_core(&world, joiner), SHOAL_STATE_ALIVE), 1);
		world_done(&world);
	}
}

/* A datagram of a member that has been delivered, to another cluster. */
static void
what_another_codec_says_is_dropped_counted_and_said_once_a_minute(void **state)
{
	(void)state;
	for (size_t here = 0; here < CODECS; here++) {
		size_t there = (here + 1) % CODECS;
		struct core_world world, other;

		form_coded(&world, codec_at(here), false, 1);
		form_coded(&other, codec_at(there), false, 2);
		struct world_packet packet = overheard(&other, 1, 0);
		struct shoal_core *core = world_core(&world, 0);
		size_t said = 0;
		for (int i = 0; i < 3; i++) {
			struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
			        .mono_ns = world.now + (i == 2 ? SHOAL_SEC(61) : 0),
			        .wall_ns = SHOAL_SEC(WORLD_EPOCH) + world.now,
			        .from = other.node[1].addr,
			        .data = packet.data,
			        .len = packet.len};
			struct shoal_log_record record;
			char expected[120];

			assert_int_equal(shoal_core_step(core, &input), SHOAL_ERR_CODEC);
			snprintf(expected, sizeof expected, "it speaks %s, this member %s",
			        codec_at(there)->name, codec_at(here)->name);
			while (shoal_core_next_log(core, &record)) {
				said += strstr(record.text, expected) != NULL;
			}
		}
		assert_int_equal(said, 2);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CODEC), 3);
		assert_int_equal(shoal_core_count(core, SHOAL_STATE_ALIVE), 1);
		free(packet.data);
		world_done(&other);
		world_done(&world);
	}
}

/* Compact statements behind what members of all codecs read are not taken either. */
static void
nothing_is_taken_of_a_compact_packet_but_what_all_must_read(void **state)
{
	struct core_world world;
	struct parcel parcel;

	(void)state;
	form_coded(&world, shoal_codec_msgpack(), false, 2);
	struct puppet *stranger = world_puppet(&world);
	struct shoal_msg_sender sender = {.id = stranger->id, .salt = puppet_salt(stranger)};
	struct shoal_msg_member member = puppet_member(stranger, SHOAL_STATE_ALIVE);
	struct shoal_msg_answer answer = {.id = stranger->id, .code = 31};
	for (int i = 0; i < 3; i++) {
		parcel_begin(&parcel, world.label);
		if (i == 0) {
			parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
		} else if (i == 1) {
			parcel_add(&parcel, SHOAL_MESSAGE_ANSWER, &answer);
		}
		parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &member);
		parcel_end(&parcel);
		assert_int_equal(
		        world_datagram(&world, 0, &stranger->addr, &parcel), SHOAL_ERR_CODEC);
	}
	assert_int_equal(
	        world_send(&world, 0, &stranger->addr, SHOAL_MESSAGE_SENDER, &sender), SHOAL_OK);
	answer.code = 0;
	assert_int_equal(world_send(&world, 0, &stranger->addr, SHOAL_MESSAGE_ANSWER, &answer),
	        SHOAL_ERR_CODEC);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CODEC), 4);
	assert_int_equal(world_state(&world, 0, &stranger->id), SHOAL_STATES);
	world_done(&world);
}

/* Each byte of a packet changed, under a checksum that is right. */
static void
a_damaged_packet_in_each_codec_changes_nothing_or_is_another(void **state)
{
	(void)state;
	for (size_t k = 1; k < CODECS; k++) {
		struct core_world world;
		uint64_t seed = 7;

		form_coded(&world, codec_at(k), false, 2);
		struct world_packet packet = overheard(&world, 1, 0);
		for (size_t i = 0; i < 3 * packet.len; i++) {
			size_t len = i % 3 == 0 ? i / 3 : packet.len;
			uint8_t *data = malloc(packet.len + 4);
			struct shoal_writer crc;

			assert_non_null(data);
			memcpy(data, packet.data, packet.len);
			data[i / 3] = i % 3 == 0 ? data[i / 3] : (uint8_t)unit_random(&seed);
			len = len < 8 ? 8 : len;
			shoal_writer_init(&crc, data + len - 4, 4);
			shoal_writer_u32(&crc, shoal_hash_crc32c(0, data, len - 4));
			(void)world_step(&world, 0,
			        (struct shoal_input){.kind = SHOAL_INPUT_DATAGRAM,
			                .from = world.node[1].addr,
			                .data = data,
			                .len = len});
			free(data);
		}
		assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_MALFORMED) > 10);
		free(packet.data);
		world_run(&world, SHOAL_SEC(10));
		assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 2);
		world_done(&world);
	}
}

/* {} is a NACK of 25 bytes: a packet of them stands for more than it is, within a bound. */
static void
a_packet_pays_for_the_room_that_it_is_opened_in(void **state)
{
	struct core_world world;
	size_t len = 60000;
	uint8_t *data = malloc(len);
	struct shoal_writer writer;

	(void)state;
	assert_non_null(data);
	form_coded(&world, shoal_codec_msgpack(), false, 1);
	shoal_writer_init(&writer, data, len);
	shoal_packet_begin(&writer, world.label);
	shoal_packet_set_codec(&writer, SHOAL_CODEC_MSGPACK);
	while (shoal_writer_left(&writer) > 3) {
		shoal_writer_u8(&writer, SHOAL_MESSAGE_NACK);
		shoal_writer_u8(&writer, 1);
		shoal_writer_u8(&writer, 0x80);
	}
	shoal_packet_end(&writer);
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_STREAM,
	                                 .from = world.node[0].addr,
	                                 .data = data,
	                                 .len = writer.len}),
	        SHOAL_ERR_TOO_BIG);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_TOO_BIG), 1);
	assert_true(shoal_coding_memory(world_core(&world, 0)) < 3 * 8 * len);
	free(data);
	world_done(&world);
}

static struct shoal_input
message(const struct core_world *world, size_t to, unsigned flags, const uint8_t *data, size_t len)
{
	return (struct shoal_input){.kind = SHOAL_INPUT_SEND,
	        .id = world_id(world, to),
	        .type = 200,
	        .flags = (uint16_t)flags,
	        .data = data,
	        .len = len};
}

static void
messages_and_broadcasts_arrive_in_each_codec_at_any_length(void **state)
{
	static const size_t lengths[] = {0, 1, 700, 1000, 1300, 5000, 131072, 300000};
	uint8_t *data = malloc(300000);

	(void)state;
	assert_non_null(data);
	memset(data, 0xfe, 300000);
	for (size_t k = 0; k < CODECS; k++) {
		struct core_world world;
		size_t n = COUNT_OF(lengths);

		form_coded(&world, codec_at(k), false, 3);
		for (size_t i = 0; i < 40 + 2 * n; i++) {
			size_t len = i < 2 * n ? lengths[i / 2] : 150;
			unsigned flags = i % 2 != 0 ? SHOAL_RELIABLE : 0;
			assert_int_equal(
			        world_step(&world, 0, message(&world, 1, flags, data, len)),
			        SHOAL_OK);
		}
		assert_int_equal(world_step(&world, 0,
		                         (struct shoal_input){.kind = SHOAL_INPUT_BROADCAST,
		                                 .type = 201,
		                                 .flags = SHOAL_RELIABLE,
		                                 .data = data,
		                                 .len = 5000}),
		        SHOAL_OK);
		world_run(&world, SHOAL_SEC(20));
		assert_int_equal(
		        world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 40 + 2 * n + 1);
		assert_int_equal(world_count_events(&world, 2, SHOAL_EVENT_MESSAGE), 1);
		assert_int_equal(drops(&world, 1), 0);
		world_done(&world);
	}
	free(data);
}

static void
a_message_is_refused_when_it_would_fit_no_packet_in_the_codec(void **state)
{
	uint8_t *data = calloc(1, 100000);

	(void)state;
	assert_non_null(data);
	for (size_t k = 0; k < CODECS; k++) {
		struct core_world world;
		struct shoal_core_config config;
		size_t most;

		world_init(&world);
		world.latency = SHOAL_MS(1);
		for (size_t i = 0; i < 2; i++) {
			world_config(&world, &config);
			config.profile.stream_max = 65536;
			config.profile.batch_max = 65536;
			config.codec = codec_at(k);
			world_add(&world, &config);
		}
		assert_int_equal(join_code(&world, 1), SHOAL_OK);
		most = shoal_user_most(world_core(&world, 0));
		assert_true(k == 2 ? most > 47000 && most < 49000 : most > 64000);
		assert_int_equal(
		        world_step(&world, 0, message(&world, 1, SHOAL_RELIABLE, data, most + 1)),
		        SHOAL_ERR_TOO_BIG);
		assert_int_equal(
		        world_step(&world, 0, message(&world, 1, SHOAL_RELIABLE, data, most)), 0);
		assert_int_equal(world_step(&world, 0, message(&world, 1, 0, data, most)), 0);
		/* Together they are as long as what goes at once may be, and longer in JSON. */
		for (int i = 0; i < 100; i++) {
			assert_int_equal(world_step(&world, 0,
			                         message(&world, 1, SHOAL_RELIABLE, data, 1000)),
			        0);
		}
		world_run(&world, SHOAL_SEC(10));
		assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 102);
		world_done(&world);
	}
	free(data);
}

static void
a_member_remembers_its_cluster_whatever_the_codec(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	const uint8_t *data;
	size_t len;

	(void)state;
	form_coded(&world, shoal_codec_json(), false, 3);
	assert_int_equal(shoal_core_save(world_core(&world, 0), &data, &len), SHOAL_OK);
	assert_int_equal(data[1], 0);
	uint8_t *kept = malloc(len);
	assert_non_null(kept);
	memcpy(kept, data, len);
	world_config(&world, &config);
	config.name = "node-0";
	config.salt.bytes[5] = 9;
	config.wall_ns += SHOAL_SEC(1);
	size_t again = world_add(&world, &config);
	assert_int_equal(world_step(&world, again,
	                         (struct shoal_input){
	                                 .kind = SHOAL_INPUT_RESTORE, .data = kept, .len = len}),
	        SHOAL_OK);
	assert_int_equal(shoal_core_count(world_core(&world, again), SHOAL_STATE_ALIVE), 3);
	free(kept);
	world_done(&world);
}

static struct shoal_codec_ops own;

static void
a_codec_of_ones_own_is_taken_where_its_number_is_free(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_core *core;
	char why[200];

	(void)state;
	own = *shoal_codec_msgpack();
	own.name = "mine";
	own.id = 200;
	form_coded(&world, &own, false, 3);
	size_t joiner = add_coded(&world, NULL, false);
	assert_int_equal(join_code(&world, joiner), SHOAL_ERR_CODEC);
	const struct shoal_event *event = world_event(&world, joiner, SHOAL_EVENT_JOINED, NULL, 0);
	assert_string_equal(event->cause.detail,
	        "the cluster speaks mine, this node binary: set codec to mine");
	world_config(&world, &config);
	config.codec = &own;
	own.id = 100;
	assert_int_equal(shoal_core_new(&core, &config, why, sizeof why), SHOAL_ERR_INVALID);
	assert_non_null(strstr(why, "codec"));
	own.id = 200;
	own.abi = 9;
	assert_int_equal(shoal_core_new(&core, &config, why, sizeof why), SHOAL_ERR_INVALID);
	own.abi = SHOAL_CODEC_ABI;
	own.read = NULL;
	assert_int_equal(shoal_core_new(&core, &config, why, sizeof why), SHOAL_ERR_INVALID);
	own.read = shoal_codec_msgpack()->read;
	config.profile.datagram_max = 1199;
	assert_int_equal(shoal_core_new(&core, &config, why, sizeof why), SHOAL_ERR_INVALID);
	assert_non_null(strstr(why, "datagram_max"));
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(members_join_probe_gossip_and_leave_in_each_codec),
	        cmocka_unit_test(a_joiner_of_another_codec_is_told_which_one_to_set),
	        cmocka_unit_test(what_another_codec_says_is_dropped_counted_and_said_once_a_minute),
	        cmocka_unit_test(nothing_is_taken_of_a_compact_packet_but_what_all_must_read),
	        cmocka_unit_test(a_damaged_packet_in_each_codec_changes_nothing_or_is_another),
	        cmocka_unit_test(a_packet_pays_for_the_room_that_it_is_opened_in),
	        cmocka_unit_test(messages_and_broadcasts_arrive_in_each_codec_at_any_length),
	        cmocka_unit_test(a_message_is_refused_when_it_would_fit_no_packet_in_the_codec),
	        cmocka_unit_test(a_member_remembers_its_cluster_whatever_the_codec),
	        cmocka_unit_test(a_codec_of_ones_own_is_taken_where_its_number_is_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
