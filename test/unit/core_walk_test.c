/* SPDX-License-Identifier: MIT */
/* The steps of a walk against a puppet that says anything: what is answered, what is refused, and
 * that no peer makes this member say, look at or ask for more than the bounds. */
#include "unit.h"

#include "base/addr.h"
#include "core/node.h"
#include "core_world.h"
#include "heap_fault.h"

#define REQUEST (UINT64_C(1) << 60)
#define WALK    UINT64_C(0x1234567)

static uint8_t junk[256];

/* A core that knows one puppet that may ask, and a crowd. */
static void
set_up(struct core_world *world, uint32_t crowd, uint32_t stream_max)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.stream_max = stream_max;
	config.profile.exchange_timeout_ms = 600000;
	world_add(world, &config);
	world_meet(world, 0, PUPPET_DATAGRAMS);
	for (uint32_t i = 0; i < crowd; i++) {
		struct shoal_msg_member m = puppet_member(&world->puppet[0], SHOAL_STATE_ALIVE);
		uint32_t slot;
		m.id.bytes[0] = 0xcc;
		memcpy(m.id.bytes + 1, &i, sizeof i);
		assert_int_equal(shoal_members_add(world_core(world, 0), &m, &slot), SHOAL_OK);
		shoal_members_hear(world_core(world, 0),
		        shoal_members_at(world_core(world, 0), slot), world_core(world, 0)->now);
		shoal_members_move(world_core(world, 0), slot, SHOAL_STATE_ALIVE, 0, NULL);
	}
	world_clear(world);
	memset(junk, 0x5b, sizeof junk);
}

static void
open_step(const struct core_world *world, struct parcel *parcel, uint64_t walk, uint64_t root)
{
	struct shoal_msg_sync step = {.id = world->puppet[0].id,
	        .salt = puppet_salt(&world->puppet[0]),
	        .walk = walk,
	        .root = root};

	parcel_begin(parcel, world->label);
	parcel_add(parcel, SHOAL_MESSAGE_SYNC, &step);
}

/* The answer to a step of the puppet's. */
static const struct world_packet *
ask(struct core_world *world, struct parcel *parcel)
{
	parcel_end(parcel);
	world_forget_sent(world);
	assert_int_equal(
	        world_request(world, 0, &world->puppet[0].addr, REQUEST, parcel), SHOAL_OK);
	const struct world_packet *packet =
	        world_sent(world, NULL, 0, &world->puppet[0].addr, SHOAL_MESSAGE_ANSWER);
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_REPLY);
	return packet;
}

static size_t
count(const struct world_packet *packet, unsigned kind)
{
	size_t n = 0;

	for (size_t i = 0; i < packet->messages; i++) {
		n += packet->message[i].kind == kind;
	}
	return n;
}

static void
a_step_begins_with_the_list_of_a_short_table_and_the_sums_of_a_long_one(void **state)
{
	static struct parcel parcel;

	(void)state;
	for (uint32_t members = SHOAL_WALK_LIST - 1; members <= SHOAL_WALK_LIST + 1; members++) {
		struct core_world world;
		bool list = members <= SHOAL_WALK_LIST;

		set_up(&world, members - 2, 65536);
		uint64_t root = shoal_tree_root(world_core(&world, 0));
		open_step(&world, &parcel, WALK, root + 1);
		const struct world_packet *packet = ask(&world, &parcel);
		assert_int_equal(packet->messages, 2);
		assert_true(packet_has(packet, SHOAL_MESSAGE_ANSWER)->answer.root == root);
		const union shoal_wire_message *m =
		        packet_has(packet, list ? SHOAL_MESSAGE_NODES : SHOAL_MESSAGE_TREE);
		assert_non_null(m);
		assert_int_equal(m->tree.bits, 0);
		assert_int_equal(m->tree.sums.len, list ? 4 * members : 256);
		/* Nothing differs: nothing is said. */
		open_step(&world, &parcel, WALK, root);
		assert_int_equal(ask(&world, &parcel)->messages, 1);
		world_done(&world);
	}
}

static void
sums_of_another_walk_are_others(void **state)
{
	static struct parcel parcel;
	struct core_world world;
	uint8_t first[8], second[8];

	(void)state;
	set_up(&world, 0, 65536);
	open_step(&world, &parcel, WALK, 1);
	memcpy(first, packet_has(ask(&world, &parcel), SHOAL_MESSAGE_NODES)->nodes.sums.data, 8);
	open_step(&world, &parcel, WALK + 1, 1);
	memcpy(second, packet_has(ask(&world, &parcel), SHOAL_MESSAGE_NODES)->nodes.sums.data, 8);
	assert_memory_not_equal(first, second, 8);
	world_done(&world);
}

static void
a_list_is_answered_with_what_it_lacks_and_asked_for_what_it_has_more(void **state)
{
	static struct parcel parcel;
	struct core_world world;
	uint8_t sums[12];

	(void)state;
	set_up(&world, 3, 65536);
	open_step(&world, &parcel, WALK, 1);
	const struct world_packet *packet = ask(&world, &parcel);
	memcpy(sums, packet_has(packet, SHOAL_MESSAGE_NODES)->nodes.sums.data, 8);
	memcpy(sums + 8, "none", 4);
	struct shoal_msg_nodes nodes = {.sums = {sums, 12}};
	open_step(&world, &parcel, WALK, 0);
	parcel_add(&parcel, SHOAL_MESSAGE_NODES, &nodes);
	packet = ask(&world, &parcel);
	assert_int_equal(count(packet, SHOAL_MESSAGE_MEMBER), 3);
	assert_int_equal(count(packet, SHOAL_MESSAGE_WANT), 1);
	const struct shoal_msg_want *want = &packet_has(packet, SHOAL_MESSAGE_WANT)->want;
	assert_int_equal(want->sums.len, 4);
	assert_memory_equal(want->sums.data, "none", 4);
	/* And the other way around: what is wanted is told, and nothing else. */
	struct shoal_msg_want wanted = {.sums = {sums, 12}};
	open_step(&world, &parcel, WALK, 0);
	parcel_add(&parcel, SHOAL_MESSAGE_WANT, &wanted);
	packet = ask(&world, &parcel);
	assert_int_equal(count(packet, SHOAL_MESSAGE_MEMBER), 2);
	assert_int_equal(packet->messages, 3);
	world_done(&world);
}

static void
what_belongs_to_no_walk_is_dropped_and_counted(void **state)
{
	static struct parcel parcel;
	struct core_world world;
	struct shoal_msg_tree tree = {.sums = {junk, 256}};
	struct shoal_msg_nodes nodes = {.sums = {junk, 8}};
	struct shoal_msg_want want = {.sums = {junk, 8}};

	(void)state;
	set_up(&world, 5, 65536);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_TREE, &tree);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_NODES, &nodes);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_WANT, &want);
	assert_null(world.sent);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_WALK), 3);
	/* In an exchange of whole tables the table is the answer. */
	open_step(&world, &parcel, 0, 0);
	parcel_add(&parcel, SHOAL_MESSAGE_NODES, &nodes);
	const struct world_packet *packet = ask(&world, &parcel);
	assert_int_equal(packet->messages, 1 + 7);
	assert_true(packet_has(packet, SHOAL_MESSAGE_ANSWER)->answer.root == 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_WALK), 4);
	/* A stranger gets nothing. */
	struct puppet *stranger = world_puppet(&world);
	struct shoal_msg_sync step = {.id = stranger->id, .walk = WALK, .root = 1};
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_SYNC, &step);
	parcel_add(&parcel, SHOAL_MESSAGE_NODES, &nodes);
	packet = ask(&world, &parcel);
	assert_int_equal(packet->messages, 1);
	assert_int_equal(packet_has(packet, SHOAL_MESSAGE_ANSWER)->answer.code,
	        (uint64_t)-SHOAL_ERR_NOT_FOUND);
	world_done(&world);
}

static void
ranges_that_are_none_are_malformed(void **state)
{
	static const struct {
		uint8_t bits;
		uint64_t prefix;
		size_t sums;
		bool tree, list;
	} cases[] = {
	        {0, 0, 256, true, true},
	        {0, 1, 256, false, false},
	        {6, 63, 256, true, true},
	        {6, 64, 256, false, false},
	        {5, 0, 256, false, false},
	        {54, UINT64_MAX >> 10, 256, true, true},
	        {54, UINT64_MAX >> 9, 256, false, false},
	        {60, UINT64_MAX >> 4, 256, false, true},
	        {60, UINT64_MAX >> 3, 256, false, false},
	        {0, 0, 252, false, true},
	        {0, 0, 0, false, true},
	        {0, 0, 255, false, false},
	        {0, 0, 3, false, false},
	};

	(void)state;
	for (size_t i = 0; i < 3 * COUNT_OF(cases); i++) {
		static struct parcel parcel;
		struct core_world world;
		enum shoal_message_kind kind = SHOAL_MESSAGE_TREE + (i % 3);
		bool fits = i % 3 == 0 ? cases[i / 3].tree : cases[i / 3].list;
		/* One struct as another: they have the same fields, and the limits of bits differ.
		 */
		struct shoal_msg_nodes range = {.bits = cases[i / 3].bits,
		        .prefix = cases[i / 3].prefix,
		        .sums = {junk, cases[i / 3].sums}};

		set_up(&world, 1, 65536);
		open_step(&world, &parcel, WALK, 0);
		parcel_add(&parcel, kind, &range);
		parcel_end(&parcel);
		int rc = world_request(&world, 0, &world.puppet[0].addr, REQUEST, &parcel);
		assert_int_equal(rc, fits ? SHOAL_OK : SHOAL_ERR_MALFORMED);
		world_done(&world);
	}
}

/* Sums that are all wrong, as many as fit a packet: the answer is cut at the bound, the rest is
 * dropped and counted, and the buffer is given back. */
static void
a_step_says_no_more_than_its_bound(void **state)
{
	static struct parcel parcel;
	struct shoal_msg_tree tree = {.sums = {junk, 256}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct core_world world;
		uint32_t stream_max = i == 0 ? 65536 : 16777216;
		size_t most = stream_max == 65536 ? 65536 : SHOAL_WALK_BYTES_MAX + 1024;

		set_up(&world, 3000, stream_max);
		open_step(&world, &parcel, WALK, 1);
		while (parcel.writer.len + 400 < sizeof parcel.data) {
			parcel_add(&parcel, SHOAL_MESSAGE_TREE, &tree);
		}
		const struct world_packet *packet = ask(&world, &parcel);
		assert_in_range(packet->len, most - 8192, most);
		assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_WALK) > 0);
		assert_true(world_core(&world, 0)->walk.out.cap <= 65536);
		/* The next step is served as if nothing had been. */
		open_step(&world, &parcel, WALK, 1);
		assert_int_equal(ask(&world, &parcel)->messages, 2);
		world_done(&world);
	}
}

/* An empty list of everything: the whole table, within the bound. */
static void
a_step_looks_at_no_more_than_its_bound(void **state)
{
	static struct parcel parcel;
	struct core_world world;
	struct shoal_msg_want want = {.sums = {junk, 4}};

	(void)state;
	set_up(&world, 3000, 16777216);
	open_step(&world, &parcel, WALK, 0);
	for (size_t i = 0; i < 200; i++) {
		parcel_add(&parcel, SHOAL_MESSAGE_WANT, &want);
	}
	assert_int_equal(ask(&world, &parcel)->messages, 1);
	/* 3,002 statements each: the rest of the 200 was not looked at. */
	size_t looked = SHOAL_WALK_WORK_MAX / 3002 + 1;
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_WALK), 200 - looked);
	world_done(&world);
}

/* A peer that answers each step with sums that are all wrong. */
static void
a_peer_that_never_agrees_is_asked_no_more_often_than_the_bound(void **state)
{
	static struct parcel parcel;
	struct core_world world;
	const struct world_packet *request;
	size_t steps = 0;

	(void)state;
	set_up(&world, 100, 65536);
	shoal_sync_begin(world_core(&world, 0), 1);
	world_drain(&world, 0);
	while ((request = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_SYNC)) != NULL) {
		struct world_packet copy = *request;
		struct shoal_msg_answer answer = {.id = world.puppet[0].id, .root = 77};
		struct shoal_msg_tree tree = {.sums = {junk, 256}};

		steps++;
		world_forget_sent(&world);
		parcel_begin(&parcel, world.label);
		parcel_add(&parcel, SHOAL_MESSAGE_ANSWER, &answer);
		parcel_add(&parcel, SHOAL_MESSAGE_TREE, &tree);
		parcel_end(&parcel);
		world_result(&world, &copy, SHOAL_OK, &parcel);
	}
	assert_int_equal(steps, SHOAL_WALK_STEPS_MAX);
	assert_int_equal(world_core(&world, 0)->exchanges.count, 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SYNCS_DONE), 1);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	world_run(&world, SHOAL_SEC(3));
	assert_true(shoal_core_convergence_lag(world_core(&world, 0)) > 0);
	world_done(&world);
}

static void
a_peer_of_an_older_release_answers_with_its_table(void **state)
{
	static struct parcel parcel;
	struct core_world world;

	(void)state;
	set_up(&world, 5, 65536);
	struct puppet *other = world_puppet(&world);
	struct shoal_msg_member member = puppet_member(other, SHOAL_STATE_ALIVE);
	struct shoal_msg_answer answer = {.id = world.puppet[0].id};
	shoal_sync_begin(world_core(&world, 0), 1);
	world_drain(&world, 0);
	struct world_packet request = *world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_SYNC);
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_ANSWER, &answer);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &member);
	parcel_end(&parcel);
	world_clear(&world);
	world_result(&world, &request, SHOAL_OK, &parcel);
	assert_int_equal(world_state(&world, 0, &other->id), SHOAL_STATE_ALIVE);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_SYNC), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SYNCS_DONE), 1);
	world_done(&world);
}

/* A host that does not take the packets: what one step says is never mixed with another's. */
static void
a_step_while_another_is_not_sent_yet_is_answered_with_the_root_only(void **state)
{
	static struct parcel parcel;
	struct core_world world;
	struct shoal_send send;
	size_t lens[2] = {0, 0};

	(void)state;
	set_up(&world, 5, 65536);
	for (size_t i = 0; i < 2; i++) {
		open_step(&world, &parcel, WALK + i, 1);
		parcel_end(&parcel);
		struct shoal_input input = {.kind = SHOAL_INPUT_REQUEST,
		        .mono_ns = world.now,
		        .from = world.puppet[0].addr,
		        .exchange = REQUEST + i,
		        .data = parcel.data,
		        .len = parcel.writer.len};
		assert_int_equal(shoal_core_step(world_core(&world, 0), &input), SHOAL_OK);
	}
	while (shoal_core_next_send(world_core(&world, 0), &send)) {
		if (send.kind == SHOAL_SEND_REPLY) {
			lens[send.exchange - REQUEST] = send.len;
		}
	}
	assert_true(lens[1] > 30);
	assert_int_equal(lens[0], lens[1] + 2 + 3 + 7 * 4);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_WALK), 1);
	open_step(&world, &parcel, WALK, 1);
	assert_int_equal(ask(&world, &parcel)->messages, 2);
	world_done(&world);
}

/* Each allocation of a walk fails, from a core that had memory so far. */
static void
a_walk_without_memory_says_less_and_goes_on_when_there_is_some(void **state)
{
	static struct parcel parcel;
	struct shoal_msg_nodes nothing = {.sums = {junk, 0}};

	(void)state;
	for (size_t k = 1; k < 12; k++) {
		struct core_world world;
		struct heap_fault fault;
		struct shoal_core_config config;

		heap_fault_init(&fault);
		world_init(&world);
		world_config(&world, &config);
		config.allocator = &fault.mem;
		world_add(&world, &config);
		for (size_t i = 0; i < 100; i++) {
			world_meet(&world, 0, PUPPET_DATAGRAMS);
		}
		for (int round = 0; round < 2; round++) {
			fault.fail_at = round == 0 ? fault.calls + k : 0;
			fault.fail_on = round == 0;
			open_step(&world, &parcel, WALK, 0);
			parcel_add(&parcel, SHOAL_MESSAGE_NODES, &nothing);
			parcel_end(&parcel);
			world_clear(&world);
			world_request(&world, 0, &world.puppet[0].addr, REQUEST, &parcel);
			assert_false(world_core(&world, 0)->walk.open);
			assert_false(world_core(&world, 0)->walk.queued);
		}
		const struct world_packet *packet =
		        world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_ANSWER);
		assert_int_equal(count(packet, SHOAL_MESSAGE_MEMBER), 101);
		world_done(&world);
		assert_int_equal(fault.live, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                a_step_begins_with_the_list_of_a_short_table_and_the_sums_of_a_long_one),
	        cmocka_unit_test(sums_of_another_walk_are_others),
	        cmocka_unit_test(
	                a_list_is_answered_with_what_it_lacks_and_asked_for_what_it_has_more),
	        cmocka_unit_test(what_belongs_to_no_walk_is_dropped_and_counted),
	        cmocka_unit_test(ranges_that_are_none_are_malformed),
	        cmocka_unit_test(a_step_says_no_more_than_its_bound),
	        cmocka_unit_test(a_step_looks_at_no_more_than_its_bound),
	        cmocka_unit_test(a_peer_that_never_agrees_is_asked_no_more_often_than_the_bound),
	        cmocka_unit_test(a_peer_of_an_older_release_answers_with_its_table),
	        cmocka_unit_test(
	                a_step_while_another_is_not_sent_yet_is_answered_with_the_root_only),
	        cmocka_unit_test(a_walk_without_memory_says_less_and_goes_on_when_there_is_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
