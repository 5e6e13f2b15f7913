/* SPDX-License-Identifier: MIT */
/* What a codec meets beside what it was made for: transports that take less, floods, packets that
 * are all at once, codecs of applications that fail, no memory, and packets of newer releases. */
#include "core_coded.h"

#include "core/node.h"
#include "heap_fault.h"
#include "wire/coded.h"

/* The next datagram of a core, at least so long; the time goes on until there is one. */
static struct shoal_send
next_datagram(struct core_world *world, struct shoal_core *core, size_t least)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_TIMER};
	struct shoal_send send;

	input.mono_ns = world->now;
	for (;;) {
		while (shoal_core_next_send(core, &send)) {
			if (send.kind == SHOAL_SEND_DATAGRAM && send.len >= least) {
				world->now = input.mono_ns;
				return send;
			}
		}
		input.mono_ns = shoal_core_deadline(core);
		assert_true(input.mono_ns < world->now + SHOAL_SEC(600));
		input.wall_ns = SHOAL_SEC(WORLD_EPOCH) + input.mono_ns;
		assert_int_equal(shoal_core_step(core, &input), SHOAL_OK);
	}
}

static void
a_datagram_in_each_codec_is_made_again_as_a_message_on_a_stream(void **state)
{
	(void)state;
	for (size_t k = 0; k < 2 * CODECS; k++) {
		struct core_world world;

		form_coded(&world, codec_at(k / 2), k % 2 != 0, 2);
		struct shoal_core *core = world_core(&world, 0);
		struct shoal_send send = next_datagram(&world, core, 0);
		size_t len = send.len;
		assert_int_equal(shoal_core_as_stream(core, &send), SHOAL_OK);
		assert_int_equal(send.kind, SHOAL_SEND_STREAM);
		assert_int_equal(send.len, len);
		struct shoal_input came = {.kind = SHOAL_INPUT_STREAM,
		        .from = world.node[0].addr,
		        .data = send.data,
		        .len = send.len};
		assert_int_equal(world_step(&world, 1, came), SHOAL_OK);
		world_done(&world);
	}
}

static void
so_is_one_that_is_longer_than_what_streams_began_with(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	for (size_t i = 0; i < 2; i++) {
		struct shoal_core_config config;
		sealed_config(&world, &config, 0);
		config.profile.datagram_max = 9000;
		world_add(&world, &config);
	}
	assert_int_equal(join_code(&world, 1), SHOAL_OK);
	world_run(&world, SHOAL_SEC(60));
	struct shoal_core *core = world_core(&world, 0);
	for (int i = 0; i < 8; i++) {
		static const uint8_t data[1000];
		struct shoal_input input = {.kind = SHOAL_INPUT_SEND,
		        .mono_ns = world.now,
		        .wall_ns = SHOAL_SEC(WORLD_EPOCH) + world.now,
		        .id = world_id(&world, 1),
		        .type = 200,
		        .data = data,
		        .len = sizeof data};
		assert_int_equal(shoal_core_step(core, &input), SHOAL_OK);
	}
	struct shoal_send send = next_datagram(&world, core, 4100);
	size_t len = send.len;
	assert_int_equal(shoal_core_as_stream(core, &send), SHOAL_OK);
	assert_int_equal(send.len, len);
	world_done(&world);
}

/* The compact packet in a codec. */
static size_t
in_codec(const struct parcel *parcel, const struct shoal_codec_ops *codec, uint8_t data[65536])
{
	struct shoal_packet_header header;
	struct shoal_reader messages;
	struct shoal_writer writer;

	assert_int_equal(
	        shoal_packet_read(parcel->data, parcel->writer.len, &header, &messages), SHOAL_OK);
	shoal_writer_init(&writer, data, 65536);
	shoal_packet_begin(&writer, header.label);
	if (codec->id != SHOAL_CODEC_BINARY) {
		shoal_packet_set_codec(&writer, codec->id);
	}
	shoal_coded_append(&writer, codec->id == SHOAL_CODEC_BINARY ? NULL : codec,
	        (struct shoal_span){messages.at, messages.left});
	assert_false(writer.failed);
	shoal_packet_end(&writer);
	return writer.len;
}

static int
say_opened(struct core_world *world, const struct shoal_codec_ops *codec,
        const struct shoal_addr *from, const struct shoal_msg_sender *opening,
        enum shoal_message_kind kind, const void *message)
{
	static struct parcel parcel;
	static uint8_t data[65536];

	parcel_begin(&parcel, world->label);
	if (opening != NULL) {
		parcel_add(&parcel, SHOAL_MESSAGE_SENDER, opening);
	}
	parcel_add(&parcel, kind, message);
	parcel_end(&parcel);
	return world_step(world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_DATAGRAM,
	                .from = *from,
	                .data = data,
	                .len = in_codec(&parcel, codec, data)});
}

static int
say(struct core_world *world, const struct shoal_codec_ops *codec, const struct shoal_addr *from,
        enum shoal_message_kind kind, const void *message)
{
	return say_opened(world, codec, from, NULL, kind, message);
}

static struct puppet *
meet_in(struct core_world *world, const struct shoal_codec_ops *codec)
{
	struct puppet *puppet = world_puppet(world);
	struct shoal_msg_sender sender = {.id = puppet->id, .salt = puppet_salt(puppet)};
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);

	assert_int_equal(
	        say_opened(world, codec, &puppet->addr, &sender, SHOAL_MESSAGE_MEMBER, &member),
	        SHOAL_OK);
	assert_int_equal(world_state(world, 0, &puppet->id), SHOAL_STATE_ALIVE);
	return puppet;
}

/* Whatever the first message is; what the application says has bytes, which JSON writes in another
 * form. */
static void
a_member_keeps_its_budget_in_a_flood_in_each_codec(void **state)
{
	(void)state;
	for (size_t k = 0; k < CODECS; k++) {
		struct core_world world;
		struct shoal_core_config config;
		struct shoal_msg_user user = {
		        .entries = {(const uint8_t *)"\x80\x02\0\0\0\0\0\0\0\1\1x", 12}};
		struct shoal_addr elsewhere;

		world_init(&world);
		world_config(&world, &config);
		config.codec = codec_at(k);
		config.profile.datagram_rate = 10;
		config.profile.datagram_burst = 2;
		config.profile.member_rate = 4;
		config.profile.member_burst = 3;
		world_add(&world, &config);
		struct puppet *puppet = meet_in(&world, codec_at(k));
		assert_int_equal(shoal_addr_parse(&elsewhere, "203.0.113.9:999"), 0);
		struct shoal_msg_ping ping = {.seq = 1, .id = {{9}}, .target = world_id(&world, 0)};
		while (say(&world, codec_at(k), &elsewhere, SHOAL_MESSAGE_PING, &ping) ==
		        SHOAL_OK) {
		}
		user.id = puppet->id;
		user.salt = puppet_salt(puppet);
		user.instance =
		        shoal_members_salt(shoal_members_at(world_core(&world, 0), SHOAL_SELF));
		for (user.number = 1; user.number <= 3; user.number++) {
			assert_int_equal(
			        say(&world, codec_at(k), &elsewhere, SHOAL_MESSAGE_USER, &user),
			        SHOAL_ERR_LIMIT);
			assert_int_equal(
			        say(&world, codec_at(k), &puppet->addr, SHOAL_MESSAGE_USER, &user),
			        SHOAL_OK);
		}
		assert_int_equal(say(&world, codec_at(k), &puppet->addr, SHOAL_MESSAGE_USER, &user),
		        SHOAL_ERR_LIMIT);
		world_done(&world);
	}
}

/* The number of the ping in what a core sent; 0: there is none. */
static uint64_t
ping_in(const struct world_packet *packet, const struct shoal_codec_ops *codec)
{
	static uint8_t scratch[65536], plain[65536];
	const uint8_t *data = packet->data;
	struct shoal_packet_header header;
	struct shoal_reader messages, body;
	union shoal_wire_message message;
	size_t len = packet->len;
	uint16_t kind;

	if (codec->id != SHOAL_CODEC_BINARY) {
		assert_int_equal(
		        shoal_coded_open(data, len, codec, scratch, plain, sizeof plain, &len),
		        SHOAL_OK);
		data = plain;
	}
	assert_int_equal(shoal_packet_read(data, len, &header, &messages), SHOAL_OK);
	while (shoal_message_next(&messages, &kind, &body) > 0) {
		assert_int_equal(shoal_message_decode(kind, body, &message), SHOAL_OK);
		if (kind == SHOAL_MESSAGE_PING) {
			return message.ping.seq;
		}
	}
	return 0;
}

/* It counts for more than any budget. */
static void
an_ack_that_is_awaited_counts_in_a_flood_in_each_codec(void **state)
{
	(void)state;
	for (size_t k = 0; k < CODECS; k++) {
		struct core_world world;
		struct shoal_core_config config;
		struct shoal_addr elsewhere;

		world_init(&world);
		world_config(&world, &config);
		config.codec = codec_at(k);
		config.profile.datagram_rate = 1;
		config.profile.datagram_burst = 1;
		config.profile.member_rate = 1;
		config.profile.member_burst = 1;
		world_add(&world, &config);
		struct puppet *puppet = meet_in(&world, codec_at(k));
		struct shoal_msg_ack ack = {.id = puppet->id, .salt = puppet_salt(puppet)};
		world_clear(&world);
		for (int i = 0; i < 3000 && ack.seq == 0; i++) {
			world_run(&world, SHOAL_MS(10));
			for (const struct world_packet *sent = world.sent; sent;
			        sent = sent->next) {
				ack.seq = sent->kind == SHOAL_SEND_DATAGRAM
				                  ? ping_in(sent, codec_at(k))
				                  : ack.seq;
			}
		}
		assert_true(ack.seq != 0);
		assert_int_equal(shoal_addr_parse(&elsewhere, "203.0.113.9:999"), 0);
		struct shoal_msg_ping ping = {
		        .seq = 1, .id = puppet->id, .target = world_id(&world, 0)};
		while (say(&world, codec_at(k), &elsewhere, SHOAL_MESSAGE_PING, &ping) ==
		                SHOAL_OK ||
		        say(&world, codec_at(k), &puppet->addr, SHOAL_MESSAGE_PING, &ping) ==
		                SHOAL_OK) {
		}
		assert_int_equal(
		        say(&world, codec_at(k), &elsewhere, SHOAL_MESSAGE_ACK, &ack), SHOAL_OK);
		world_done(&world);
	}
}

static struct shoal_codec_ops failing;
static size_t writes_left;

static void
write_key_or_fail(struct shoal_writer *writer, const char *text, size_t len)
{
	if (writes_left == 0) {
		writer->failed = true;
	} else {
		writes_left--;
		shoal_codec_msgpack()->write_key(writer, text, len);
	}
}

static int
read_nothing(struct shoal_reader *reader, struct shoal_token *token)
{
	(void)token;
	shoal_reader_take(reader, reader->left);
	return SHOAL_ERR_UNSUPPORTED;
}

/* It is as if its packets were lost: nothing else is. */
static void
a_codec_that_cannot_write_or_read_any_more_ends_nothing_but_its_packets(void **state)
{
	(void)state;
	for (int reads = 0; reads < 2; reads++) {
		struct core_world world;
		uint8_t data[500] = {1};

		failing = *shoal_codec_msgpack();
		failing.id = 201;
		failing.name = "failing";
		failing.write_key = write_key_or_fail;
		writes_left = SIZE_MAX;
		form_coded(&world, &failing, false, 3);
		writes_left = reads != 0 ? SIZE_MAX : 5;
		failing.read = reads != 0 ? read_nothing : failing.read;
		for (int i = 0; i < 20; i++) {
			struct shoal_input message = {.kind = SHOAL_INPUT_SEND,
			        .id = world_id(&world, 1),
			        .type = 200,
			        .flags = i % 2 != 0 ? SHOAL_RELIABLE : 0,
			        .data = data,
			        .len = sizeof data};
			(void)world_step(&world, 0, message);
			world_run(&world, SHOAL_SEC(3));
		}
		assert_true(world_counter(&world, 0,
		                    reads != 0 ? SHOAL_COUNTER_DROP_MALFORMED
		                               : SHOAL_COUNTER_DROP_NOMEM) > 10);
		assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 1);
		world_done(&world);
	}
}

static void
a_name_that_cannot_be_shown_to_others_is_no_codec(void **state)
{
	static const char *const names[] = {
	        "", "a\nb", "\x1b[2J", "\xff", "a name that is longer than the 31 bytes"};
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_core *core;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	failing = *shoal_codec_msgpack();
	failing.id = 201;
	config.codec = &failing;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		failing.name = names[i];
		assert_int_equal(shoal_core_new(&core, &config, NULL, 0), SHOAL_ERR_INVALID);
	}
	world_done(&world);
}

/* Whatever is short: the packet is dropped, counted, and the next one is taken. */
static void
a_packet_that_finds_no_memory_is_dropped_and_the_next_one_is_not(void **state)
{
	(void)state;
	for (size_t k = 2; k < 2 * CODECS; k++) {
		for (size_t fail = 1; fail < 4; fail++) {
			struct core_world world, other;
			struct shoal_core_config config;
			struct heap_fault fault;

			form_coded(&other, codec_at(k / 2), false, 2);
			struct world_packet packet = overheard(&other, 1, 0);
			world_init(&world);
			world_config(&world, &config);
			config.codec = codec_at(k / 2);
			heap_fault_init(&fault);
			config.allocator = &fault.mem;
			world_add(&world, &config);
			fault.fail_at = fault.calls + fail;
			fault.fail_on = k % 2 != 0;
			struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
			        .from = other.node[1].addr,
			        .data = packet.data,
			        .len = packet.len};
			int rc = world_step(&world, 0, input);
			assert_int_equal(rc, fail < 3 ? SHOAL_ERR_NOMEM : SHOAL_OK);
			assert_int_equal(
			        world_counter(&world, 0, SHOAL_COUNTER_DROP_NOMEM), fail < 3);
			fault.fail_at = 0;
			fault.fail_on = false;
			assert_int_equal(world_step(&world, 0, input), SHOAL_OK);
			world_done(&world);
			assert_int_equal(fault.live, 0);
			free(packet.data);
			world_done(&other);
		}
	}
}

static void
flags_of_a_newer_release_are_refused_with_the_reason(void **state)
{
	static struct parcel parcel;
	struct shoal_addr from;

	(void)state;
	assert_int_equal(shoal_addr_parse(&from, "203.0.113.9:999"), 0);
	for (int flag = 8; flag <= 128; flag *= 2) {
		struct core_world world;
		struct shoal_log_record record;
		struct shoal_msg_join join = {.id = {{7}}, .salt = 7};
		size_t said = 0;

		world_init(&world);
		world_add(&world, NULL);
		parcel_begin(&parcel, world.label);
		parcel_add(&parcel, SHOAL_MESSAGE_JOIN, &join);
		parcel.data[1] = (uint8_t)flag;
		parcel_end(&parcel);
		while (shoal_core_next_log(world_core(&world, 0), &record)) {
		}
		for (int i = 0; i < 3; i++) {
			struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
			        .mono_ns = world.now,
			        .wall_ns = SHOAL_SEC(WORLD_EPOCH) + world.now,
			        .from = from,
			        .data = parcel.data,
			        .len = parcel.writer.len};
			assert_int_equal(
			        shoal_core_step(world_core(&world, 0), &input), SHOAL_ERR_VERSION);
		}
		while (shoal_core_next_log(world_core(&world, 0), &record)) {
			said += strstr(record.text, "flags that only a newer shoal knows") != NULL;
		}
		assert_int_equal(said, 1);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_VERSION), 3);
		assert_int_equal(world_request(&world, 0, &from, UINT64_C(1) << 60, &parcel),
		        SHOAL_ERR_VERSION);
		const struct world_packet *answer =
		        world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_ANSWER);
		assert_non_null(answer);
		const struct shoal_msg_answer *refused =
		        &packet_has(answer, SHOAL_MESSAGE_ANSWER)->answer;
		assert_int_equal(refused->code, -SHOAL_ERR_VERSION);
		assert_int_equal(refused->reason.len, 49);
		assert_memory_equal(refused->reason.data,
		        "a packet with flags that only a newer shoal knows", 49);
		assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 1);
		world_done(&world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_datagram_in_each_codec_is_made_again_as_a_message_on_a_stream),
	        cmocka_unit_test(so_is_one_that_is_longer_than_what_streams_began_with),
	        cmocka_unit_test(a_member_keeps_its_budget_in_a_flood_in_each_codec),
	        cmocka_unit_test(an_ack_that_is_awaited_counts_in_a_flood_in_each_codec),
	        cmocka_unit_test(
	                a_codec_that_cannot_write_or_read_any_more_ends_nothing_but_its_packets),
	        cmocka_unit_test(a_name_that_cannot_be_shown_to_others_is_no_codec),
	        cmocka_unit_test(a_packet_that_finds_no_memory_is_dropped_and_the_next_one_is_not),
	        cmocka_unit_test(flags_of_a_newer_release_are_refused_with_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
