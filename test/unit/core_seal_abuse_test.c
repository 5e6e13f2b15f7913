/* SPDX-License-Identifier: MIT */
/* No packet of somebody without the key, and none that was changed, repeated or sent elsewhere,
 * changes anything at a member that seals. */
#include "core_sealed.h"

#include "base/addr.h"
#include "core/node.h"
#include "heap_fault.h"

/* Feeds a packet to a node as a datagram; nothing may come of it but a counter. */
static void
expect_nothing(struct core_world *world, size_t node, const struct shoal_addr *from,
        const uint8_t *data, size_t len, int rc)
{
	struct shoal_core *core = world_core(world, node);
	uint8_t *exact = malloc(len > 0 ? len : 1);
	uint64_t deadline, before = dropped(world, node);
	size_t alive = shoal_core_count(core, SHOAL_STATE_ALIVE);

	assert_non_null(exact);
	if (len > 0) {
		memcpy(exact, data, len);
	}
	world_step(world, node, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	world_clear(world);
	deadline = shoal_core_deadline(core);
	int got = world_step(world, node,
	        (struct shoal_input){
	                .kind = SHOAL_INPUT_DATAGRAM, .from = *from, .data = exact, .len = len});
	free(exact);
	if (rc != 0) {
		assert_int_equal(got, rc);
	}
	assert_int_not_equal(got, SHOAL_OK);
	assert_true(dropped(world, node) == before + 1);
	assert_int_equal(world->events, 0);
	assert_true(shoal_core_deadline(core) == deadline);
	assert_int_equal(shoal_core_count(core, SHOAL_STATE_ALIVE), alive);
	/* Only who sealed for somebody else is answered. */
	assert_true(world->sent == NULL || got == SHOAL_ERR_MISDIRECTED);
}

static void
what_was_changed_cut_repeated_or_redirected_changes_nothing(void **state)
{
	struct core_world world;
	struct shoal_addr stranger;

	(void)state;
	form(&world, 3);
	assert_int_equal(shoal_addr_parse(&stranger, "10.9.9.9:1"), 0);
	struct world_packet packet = overheard(&world, 1, 0);
	const struct shoal_addr *from = &world.node[1].addr;
	/* Repeated, from where it came and from elsewhere. */
	expect_nothing(&world, 0, from, packet.data, packet.len, SHOAL_ERR_REPLAYED);
	expect_nothing(&world, 0, &stranger, packet.data, packet.len, SHOAL_ERR_REPLAYED);
	/* To another member. */
	expect_nothing(&world, 2, from, packet.data, packet.len, SHOAL_ERR_MISDIRECTED);
	expect_nothing(&world, 2, from, packet.data, packet.len, SHOAL_ERR_MISDIRECTED);
	for (size_t bit = 0; bit < 8 * packet.len; bit += 1 + bit / 64) {
		packet.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		expect_nothing(&world, 0, from, packet.data, packet.len, 0);
		packet.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t len = 0; len < packet.len; len++) {
		expect_nothing(&world, 0, from, packet.data, len, 0);
	}
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_AUTH) > 0);
	free(packet.data);
	world_done(&world);
}

static void
what_is_for_somebody_else_or_of_another_label_enters_no_table(void **state)
{
	static const uint8_t label[] = "other";
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_packet_header header;
	struct shoal_reader reader;

	(void)state;
	form(&world, 2);
	struct world_packet packet = overheard(&world, 1, 0);
	/* One that nobody has spoken to yet, and one of another cluster with the same key. */
	size_t fresh = add(&world, 0);
	sealed_config(&world, &config, 0);
	config.label = (const char *)label;
	size_t other = world_add(&world, &config);
	shoal_reader_init(&reader, packet.data, packet.len);
	assert_int_equal(shoal_packet_header(&reader, &header), SHOAL_OK);
	const struct shoal_addr *from = &world.node[1].addr;
	expect_nothing(&world, fresh, from, packet.data, packet.len, SHOAL_ERR_MISDIRECTED);
	assert_false(shoal_keyring_knows(world_core(&world, fresh)->seal.ring, &header.by));
	size_t opened = unit_cipher_seen.opened;
	expect_nothing(&world, other, from, packet.data, packet.len, SHOAL_ERR_LABEL);
	assert_int_equal(unit_cipher_seen.opened, opened);
	memcpy(header.by.from, from->ip, sizeof header.by.from);
	assert_true(shoal_keyring_knows(world_core(&world, 0)->seal.ring, &header.by));
	free(packet.data);
	world_done(&world);
}

static void
who_repeats_what_one_sender_sealed_leaves_the_others_their_answers(void **state)
{
	struct core_world world;
	struct world_packet packet[2];

	(void)state;
	form(&world, 3);
	packet[0] = overheard(&world, 1, 0);
	packet[1] = overheard(&world, 2, 0);
	size_t fresh = add(&world, 0);
	for (size_t i = 0; i < 4; i++) {
		const struct world_packet *said = &packet[i / 3];
		world_clear(&world);
		expect_nothing(&world, fresh, &world.node[said->node].addr, said->data, said->len,
		        SHOAL_ERR_MISDIRECTED);
		assert_int_equal(world.sent != NULL, i == 0 || i == 3);
	}
	free(packet[0].data);
	free(packet[1].data);
	world_done(&world);
}

static void
an_answer_is_taken_for_no_other_request_and_for_nothing_else(void **state)
{
	struct core_world world;
	const struct world_packet *answer = NULL;

	(void)state;
	form(&world, 2);
	world_run(&world, SHOAL_SEC(1));
	world.node[1].up = false; /* so that what it is answered with does not arrive */
	world_clear(&world);
	assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
	const struct world_packet *request = world.sent;
	assert_int_equal(request->kind, SHOAL_SEND_REQUEST);
	world.now += 1;
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_REQUEST,
	                                 .from = world.node[1].addr,
	                                 .exchange = 1000,
	                                 .data = request->data,
	                                 .len = request->len}),
	        SHOAL_ERR_MISDIRECTED);
	answer = world.last;
	assert_int_equal(answer->kind, SHOAL_SEND_REPLY);
	assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
	assert_int_equal(world.last->kind, SHOAL_SEND_REQUEST);
	static const enum shoal_input_kind kinds[] = {SHOAL_INPUT_RESULT, SHOAL_INPUT_REQUEST,
	        SHOAL_INPUT_STREAM, SHOAL_INPUT_WATCHED, SHOAL_INPUT_RESULT};
	uint64_t other = world.last->exchange;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		bool right = i + 1 == COUNT_OF(kinds);
		int rc = world_step(&world, 1,
		        (struct shoal_input){.kind = kinds[i],
		                .from = world.node[0].addr,
		                .exchange = right ? request->exchange : other,
		                .data = answer->data,
		                .len = answer->len});
		assert_int_equal(rc, right ? SHOAL_OK : SHOAL_ERR_AUTH);
	}
	world_done(&world);
}

static int
forge(struct core_world *world, enum shoal_input_kind kind, uint64_t salt, uint8_t *data,
        size_t len)
{
	struct shoal_key_info key;

	assert_true(shoal_core_key(world_core(world, 0), 0, &key));
	data[0] = 0xc1;
	data[1] = SHOAL_PACKET_SEALED;
	data[2] = 0;
	data[3] = (uint8_t)(key.print >> 56);
	memcpy(data + 4, &salt, sizeof salt);
	return world_step(world, 0,
	        (struct shoal_input){.kind = kind,
	                .from = world->node[1].addr,
	                .exchange = 1000,
	                .data = data,
	                .len = len});
}

static void
forged_datagrams_cost_two_thousand_subkeys_a_second_and_members_nothing(void **state)
{
	struct core_world world;
	uint8_t data[60] = {0};
	size_t tried = 0;

	(void)state;
	form(&world, 2);
	size_t made = unit_cipher_seen.made;
	for (uint64_t salt = 1001; salt <= 6000; salt++) {
		int rc = forge(&world, SHOAL_INPUT_DATAGRAM, salt, data, sizeof data);
		tried += rc == SHOAL_ERR_AUTH;
		assert_true(rc == SHOAL_ERR_AUTH || rc == SHOAL_ERR_LIMIT);
	}
	assert_in_range(tried, 1990, 2000);
	assert_int_equal(unit_cipher_seen.made - made, tried);
	world_run(&world, SHOAL_MS(500));
	assert_int_equal(
	        forge(&world, SHOAL_INPUT_DATAGRAM, 1001, data, sizeof data), SHOAL_ERR_AUTH);
	uint64_t acked = world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED);
	for (uint64_t i = 0; i < 200; i++) {
		for (uint64_t salt = 1001; salt <= 1100; salt++) {
			(void)forge(&world, SHOAL_INPUT_DATAGRAM, salt, data, sizeof data);
		}
		world_run(&world, SHOAL_MS(25));
	}
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED) >= acked + 4);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SUSPICIONS), 0);
	world_done(&world);
}

static void
what_does_not_open_on_streams_is_tried_to_four_megabytes_a_second(void **state)
{
	enum {
		LARGE = SHOAL_FIRST_MAX
	};
	struct core_world world;
	uint8_t *data = calloc(1, LARGE);
	size_t tried = 0;

	(void)state;
	assert_non_null(data);
	form(&world, 2);
	for (int i = 0; i < 400; i++) {
		int rc = forge(&world, SHOAL_INPUT_REQUEST, 1001, data, LARGE);
		tried += rc == SHOAL_ERR_AUTH;
		assert_true(rc == SHOAL_ERR_AUTH || rc == SHOAL_ERR_LIMIT);
	}
	assert_in_range(tried, 240, 245);
	/* A member's messages are opened all the same. */
	world_run(&world, SHOAL_MS(1));
	assert_int_equal(join_code(&world, 1), SHOAL_OK);
	assert_int_equal(forge(&world, SHOAL_INPUT_STREAM, 1002, data, LARGE), SHOAL_ERR_LIMIT);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(forge(&world, SHOAL_INPUT_STREAM, 1002, data, 60), SHOAL_ERR_AUTH);
	assert_true(shoal_seal_memory(world_core(&world, 0)) < 16 * LARGE);
	free(data);
	world_done(&world);
}

static void
a_clear_packet_of_a_forger_changes_nothing(void **state)
{
	static struct parcel parcel;
	struct core_world world;

	(void)state;
	form(&world, 3);
	struct shoal_id id = world_id(&world, 1);
	struct shoal_core_member member;
	uint32_t slot;
	assert_int_equal(shoal_core_find(world_core(&world, 0), &id, &slot), 0);
	assert_true(shoal_core_member(world_core(&world, 0), slot, &member));
	struct shoal_msg_sender sender = {.id = world_id(&world, 2), .salt = 1};
	struct shoal_msg_state said = {
	        .id = id, .incarnation = member.incarnation + 5, .state = SHOAL_STATE_LEFT};
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(&parcel, SHOAL_MESSAGE_STATE, &said);
	parcel_end(&parcel);
	expect_nothing(
	        &world, 0, &world.node[2].addr, parcel.data, parcel.writer.len, SHOAL_ERR_CLEAR);
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
a_source_is_complained_of_once_a_minute_and_few_at_once(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_core *core;
	struct shoal_log_record record;
	uint64_t now;
	size_t said = 0;

	(void)state;
	world_init(&world);
	sealed_config(&world, &config, 0);
	now = config.mono_ns;
	assert_int_equal(shoal_core_new(&core, &config, NULL, 0), SHOAL_OK);
	for (unsigned i = 0; i < 120 * 10; i++, now += SHOAL_MS(100)) {
		static const uint8_t data[] = {0xc1, 0, 0, 0, 0, 0, 0};
		uint8_t ip[4] = {10, 9, (uint8_t)(i % 4), 1};
		struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
		        .mono_ns = now,
		        .wall_ns = config.wall_ns,
		        .data = data,
		        .len = sizeof data};
		shoal_addr_from_ipv4(&input.from, ip, (uint16_t)(i + 1));
		assert_int_equal(shoal_core_step(core, &input), SHOAL_ERR_CLEAR);
		while (shoal_core_next_log(core, &record)) {
			if (strcmp(record.room, "seal") == 0) {
				assert_non_null(strstr(record.text, "10.9."));
				said++;
			}
		}
	}
	assert_int_equal(said, 2 * 4);
	for (unsigned i = 0; i < 1000; i++) {
		static const uint8_t data[] = {0, 0x82, 0xa4};
		uint8_t ip[4] = {10, 8, (uint8_t)(i / 256), (uint8_t)i};
		struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
		        .mono_ns = now,
		        .wall_ns = config.wall_ns,
		        .data = data,
		        .len = sizeof data};
		shoal_addr_from_ipv4(&input.from, ip, 7946);
		assert_int_equal(shoal_core_step(core, &input), SHOAL_ERR_VERSION);
		while (shoal_core_next_log(core, &record)) {
			assert_non_null(strstr(record.text, "memberlist"));
			said++;
		}
	}
	assert_in_range(said, 2 * 4 + 60, 2 * 4 + 64);
	shoal_core_free(core);
	world_done(&world);
}

static int
life_without_memory(const struct shoal_allocator *mem, void *arg)
{
	struct world_packet *packet = arg;
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_core *core;
	struct shoal_send send;

	world_init(&world);
	sealed_config(&world, &config, 0);
	config.allocator = mem;
	int rc = shoal_core_new(&core, &config, NULL, 0);
	if (rc == SHOAL_OK) {
		struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
		        .mono_ns = config.mono_ns,
		        .wall_ns = config.wall_ns,
		        .data = packet->data,
		        .len = packet->len};
		uint8_t ip[4] = {127, 0, 0, 1};
		size_t opened = unit_cipher_seen.opened;
		shoal_addr_from_ipv4(&input.from, ip, 7946);
		int step = shoal_core_step(core, &input);
		assert_true(unit_cipher_seen.opened > opened || step == SHOAL_ERR_NOMEM);
		while (shoal_core_next_send(core, &send)) {
			continue;
		}
		shoal_core_free(core);
	}
	world_done(&world);
	return rc;
}

static void
without_memory_a_packet_is_dropped(void **state)
{
	struct core_world world;

	(void)state;
	form(&world, 2);
	struct world_packet packet = overheard(&world, 1, 0);
	heap_fault_sweep_tolerant(life_without_memory, &packet);
	free(packet.data);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_changed_cut_repeated_or_redirected_changes_nothing),
	        cmocka_unit_test(what_is_for_somebody_else_or_of_another_label_enters_no_table),
	        cmocka_unit_test(
	                who_repeats_what_one_sender_sealed_leaves_the_others_their_answers),
	        cmocka_unit_test(an_answer_is_taken_for_no_other_request_and_for_nothing_else),
	        cmocka_unit_test(
	                forged_datagrams_cost_two_thousand_subkeys_a_second_and_members_nothing),
	        cmocka_unit_test(what_does_not_open_on_streams_is_tried_to_four_megabytes_a_second),
	        cmocka_unit_test(a_clear_packet_of_a_forger_changes_nothing),
	        cmocka_unit_test(a_source_is_complained_of_once_a_minute_and_few_at_once),
	        cmocka_unit_test(without_memory_a_packet_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
