/* SPDX-License-Identifier: MIT */
/* What strangers and enemies send: every packet that gives an error changes nothing but counters
 * and causes no send and no event, wherever in it the damage is; and whatever is accepted leaves
 * the core whole. */
#include "unit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "core/node.h"
#include "core_world.h"
#include "wire/packet.h"

/* The hash of all that a core holds but its counters. */
static uint64_t
state_of(struct shoal_core *core)
{
	struct shoal_counters counters = core->counters;

	memset(&core->counters, 0, sizeof core->counters);
	uint64_t hash = shoal_core_hash(core);
	core->counters = counters;
	return hash;
}

static void
set_up(struct core_world *world)
{
	world_begin(world, NULL, 5, PUPPET_DATAGRAMS);
	world_run(world, SHOAL_SEC(5));
	world_clear(world);
}

/* Gives the bytes to the core; where it is an error, everything must be as before. */
static int
give(struct core_world *world, enum shoal_input_kind kind, const uint8_t *data, size_t len)
{
	struct shoal_core *core = world_core(world, 0);

	world_step(world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER}); /* the same time */
	uint64_t before = state_of(core), deadline = shoal_core_deadline(core);
	uint8_t *exact = malloc(len + 1);

	assert_non_null(exact);
	memcpy(exact + 1, data, len); /* not aligned */
	world_clear(world);
	int rc = world_step(world, 0,
	        (struct shoal_input){.kind = kind,
	                .from = world->puppet[0].addr,
	                .exchange = UINT64_C(1) << 60,
	                .data = exact + 1,
	                .len = len});
	free(exact);
	if (rc != SHOAL_OK) {
		assert_true(state_of(core) == before);
		assert_true(shoal_core_deadline(core) == deadline);
		assert_int_equal(world->events, 0);
		assert_true(world->sent == NULL ||
		            ((rc == SHOAL_ERR_LABEL || rc == SHOAL_ERR_KEY ||
		                     rc == SHOAL_ERR_UNSUPPORTED || rc == SHOAL_ERR_CODEC ||
		                     rc == SHOAL_ERR_VERSION) &&
		                    kind == SHOAL_INPUT_REQUEST));
	}
	return rc;
}

static void
each_kind_of_damage_has_its_code_and_its_counter(void **state)
{
	static const struct {
		int rc;
		enum shoal_counter counter;
	} rows[] = {{SHOAL_ERR_CHECKSUM, SHOAL_COUNTER_DROP_CHECKSUM},
	        {SHOAL_ERR_VERSION, SHOAL_COUNTER_DROP_VERSION},
	        {SHOAL_ERR_LABEL, SHOAL_COUNTER_DROP_LABEL},
	        {SHOAL_ERR_KEY, SHOAL_COUNTER_DROP_SEALED},
	        {SHOAL_ERR_MALFORMED, SHOAL_COUNTER_DROP_MALFORMED}};
	static struct parcel parcel;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct core_world world;
		struct shoal_span label = {(const uint8_t *)"other", i == 2 ? 5 : 0};

		set_up(&world);
		struct shoal_msg_state said = puppet_state(&world.puppet[1], SHOAL_STATE_LEFT);
		parcel_begin(&parcel, label);
		parcel_add(&parcel, SHOAL_MESSAGE_STATE, &said);
		if (i == 4) {
			shoal_writer_u8(&parcel.writer, 7); /* a message without an end */
		}
		parcel_end(&parcel);
		parcel.data[i == 0 ? 9 : i == 1 ? 0 : 1] ^= i == 0 || i == 1 || i == 3;
		assert_int_equal(give(&world, SHOAL_INPUT_DATAGRAM, parcel.data, parcel.writer.len),
		        rows[i].rc);
		assert_int_equal(world_counter(&world, 0, rows[i].counter), 1);
		assert_int_equal(world_state(&world, 0, &world.puppet[1].id), SHOAL_STATE_ALIVE);
		world_done(&world);
	}
}

static void
what_comes_in_is_counted_by_its_path(void **state)
{
	static struct parcel parcel;
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_puppet(&world);
	parcel_begin(&parcel, world.label);
	parcel_end(&parcel);
	for (int i = 0; i < 6; i++) {
		give(&world,
		        i < 3   ? SHOAL_INPUT_DATAGRAM
		        : i < 5 ? SHOAL_INPUT_STREAM
		                : SHOAL_INPUT_REQUEST,
		        parcel.data, parcel.writer.len);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DATAGRAMS_IN), 3);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_STREAMS_IN), 3);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_BYTES_IN), 6 * 7);
	world_done(&world);
}

static void
a_packet_above_the_limit_is_dropped_unread(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	uint8_t *data = calloc(65537, 1);

	(void)state;
	assert_non_null(data);
	data[0] = 0xc1;
	world_init(&world);
	world_config(&world, &config);
	config.profile.stream_max = 65536;
	world_add(&world, &config);
	world_puppet(&world);
	assert_int_equal(give(&world, SHOAL_INPUT_STREAM, data, 65537), SHOAL_ERR_TOO_BIG);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_TOO_BIG), 1);
	assert_int_equal(give(&world, SHOAL_INPUT_STREAM, data, 65536), SHOAL_ERR_CHECKSUM);
	free(data);
	world_done(&world);
}

static void
damage_in_the_last_message_keeps_the_first_from_counting(void **state)
{
	static struct parcel parcel;
	struct core_world world;

	(void)state;
	set_up(&world);
	struct shoal_msg_state said = puppet_state(&world.puppet[1], SHOAL_STATE_LEFT);
	struct shoal_msg_state bad = said;
	bad.state = SHOAL_STATE_UNKNOWN;
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_STATE, &said);
	parcel_add(&parcel, SHOAL_MESSAGE_STATE, &bad);
	parcel_end(&parcel);
	assert_int_equal(give(&world, SHOAL_INPUT_DATAGRAM, parcel.data, parcel.writer.len),
	        SHOAL_ERR_MALFORMED);
	assert_int_equal(world_state(&world, 0, &world.puppet[1].id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
a_message_of_a_newer_release_is_skipped_and_the_rest_counts(void **state)
{
	static struct parcel parcel;
	struct core_world world;

	(void)state;
	set_up(&world);
	struct shoal_msg_state said = puppet_state(&world.puppet[1], SHOAL_STATE_LEFT);
	struct shoal_msg_sender sender = {.id = world.puppet[0].id};
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
	shoal_writer_var(&parcel.writer, 63);
	shoal_writer_var(&parcel.writer, 2);
	shoal_writer_bytes(&parcel.writer, "??", 2);
	parcel_add(&parcel, SHOAL_MESSAGE_STATE, &said);
	parcel_end(&parcel);
	assert_int_equal(
	        give(&world, SHOAL_INPUT_DATAGRAM, parcel.data, parcel.writer.len), SHOAL_OK);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_UNKNOWN_KIND), 1);
	assert_int_equal(world_state(&world, 0, &world.puppet[1].id), SHOAL_STATE_LEFT);
	world_done(&world);
}

static void
only_the_first_question_of_a_packet_is_answered(void **state)
{
	static struct parcel parcel;

	(void)state;
	for (int first = 0; first <= 1; first++) {
		struct core_world world;

		set_up(&world);
		struct shoal_msg_ping ping = {
		        .seq = 1, .id = world.puppet[0].id, .target = world_id(&world, 0)};
		struct shoal_msg_relay relay = {.seq = 2,
		        .id = world.puppet[0].id,
		        .target = world.puppet[1].id,
		        .budget_ms = 100};
		parcel_begin(&parcel, world.label);
		for (int i = 0; i < 6; i++) {
			if (i % 2 == first) {
				parcel_add(&parcel, SHOAL_MESSAGE_PING, &ping);
			} else {
				parcel_add(&parcel, SHOAL_MESSAGE_RELAY, &relay);
			}
		}
		parcel_end(&parcel);
		assert_int_equal(give(&world, SHOAL_INPUT_DATAGRAM, parcel.data, parcel.writer.len),
		        SHOAL_OK);
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_ACK), first == 0);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_RELAYS_SERVED), first);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCESS), 5);
		world_done(&world);
	}
}

static void
statements_of_nobody_and_in_the_cores_own_name_are_dropped(void **state)
{
	static struct parcel parcel;

	(void)state;
	for (int named = 0; named <= 2; named++) {
		struct core_world world;

		set_up(&world);
		struct shoal_msg_sender sender = {
		        .id = named == 1 ? world_id(&world, 0) : world.puppet[0].id};
		struct shoal_msg_state left = puppet_state(&world.puppet[1], SHOAL_STATE_LEFT);
		struct shoal_msg_member comes =
		        puppet_member(world_puppet(&world), SHOAL_STATE_ALIVE);
		parcel_begin(&parcel, world.label);
		if (named > 0) {
			parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
		}
		parcel_add(&parcel, SHOAL_MESSAGE_STATE, &left);
		parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &comes);
		parcel_end(&parcel);
		assert_int_equal(give(&world, SHOAL_INPUT_DATAGRAM, parcel.data, parcel.writer.len),
		        SHOAL_OK);
		bool counts = named == 2;
		assert_int_equal(world_state(&world, 0, &left.id),
		        counts ? SHOAL_STATE_LEFT : SHOAL_STATE_ALIVE);
		assert_int_equal(world_state(&world, 0, &comes.id),
		        counts ? SHOAL_STATE_ALIVE : (int)SHOAL_STATES);
		assert_int_equal(
		        world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), counts ? 0 : 2);
		world_done(&world);
	}
}

static void
random_bytes_change_nothing(void **state)
{
	static const enum shoal_input_kind kinds[] = {
	        SHOAL_INPUT_DATAGRAM, SHOAL_INPUT_STREAM, SHOAL_INPUT_REQUEST};
	struct core_world world;
	uint64_t draw = 1;
	uint8_t data[600];

	(void)state;
	set_up(&world);
	for (unsigned i = 0; i < 20000; i++) {
		size_t len = unit_random(&draw) % sizeof data;
		for (size_t k = 0; k < len; k++) {
			data[k] = (uint8_t)unit_random(&draw);
		}
		if (i % 2 == 0 && len > 2) {
			data[0] = 0xc1;
			data[1] &= 2;
			data[2] = 0;
		}
		assert_int_not_equal(
		        give(&world, kinds[unit_random(&draw) % 3], data, len), SHOAL_OK);
	}
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 6);
	world_done(&world);
}

/* Real packets of a cluster in which somebody joins, fails, refutes and leaves. */
struct corpus {
	uint8_t *data[4000];
	size_t len[4000], count;
};

static void
keep(struct corpus *corpus, const struct core_world *world)
{
	for (const struct world_packet *packet = world->sent;
	        packet != NULL && corpus->count < COUNT_OF(corpus->data); packet = packet->next) {
		uint8_t *copy = malloc(packet->len);
		assert_non_null(copy);
		memcpy(copy, packet->data, packet->len);
		corpus->data[corpus->count] = copy;
		corpus->len[corpus->count++] = packet->len;
	}
}

static void
collect(struct corpus *corpus)
{
	struct core_world world;

	corpus->count = 0;
	world_init(&world);
	for (size_t i = 0; i < 5; i++) {
		world_add(&world, NULL);
	}
	for (size_t i = 1; i < 5; i++) {
		world_join(&world, i, 0);
	}
	world_run(&world, SHOAL_SEC(3));
	world.node[4].up = false;
	world_run(&world, SHOAL_SEC(40));
	world.node[4].up = true;
	world_run(&world, SHOAL_SEC(30));
	world_step(&world, 3, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	world_run(&world, SHOAL_SEC(3));
	keep(corpus, &world);
	assert_true(corpus->count > 300);
	world_done(&world);
}

static void
release(struct corpus *corpus)
{
	for (size_t i = 0; i < corpus->count; i++) {
		free(corpus->data[i]);
	}
}

/* A few bytes changed, cut or added. */
static size_t
mutate(const struct corpus *corpus, uint64_t *draw, uint8_t *data, size_t room)
{
	size_t i = unit_random(draw) % corpus->count, len = corpus->len[i];

	len = len < room ? len : room;
	memcpy(data, corpus->data[i], len);
	for (unsigned n = (unsigned)(unit_random(draw) % 4); n > 0; n--) {
		size_t at = unit_random(draw) % len;
		switch (unit_random(draw) % 4) {
		case 0:
			data[at] = (uint8_t)unit_random(draw);
			break;
		case 1:
			data[at] ^= (uint8_t)(1u << unit_random(draw) % 8);
			break;
		case 2:
			len = len > 8 ? len - unit_random(draw) % 8 : len;
			break;
		default:
			data[at] = unit_random(draw) % 2 == 0 ? 0xff : 0;
			break;
		}
	}
	return len;
}

static void
mend(uint8_t *data, size_t len)
{
	uint32_t crc = shoal_hash_crc32c(0, data, len - 4);

	for (size_t i = 0; i < 4; i++) {
		data[len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
	}
}

static void
check_whole(const struct core_world *world)
{
	const struct shoal_core *core = world_core(world, 0);
	struct shoal_core_member self;
	size_t total = 0, members = 0;

	assert_true(shoal_core_member(core, 0, &self));
	assert_true(self.self && self.state == SHOAL_STATE_ALIVE);
	for (int s = 0; s < SHOAL_STATES; s++) {
		total += shoal_core_count(core, (enum shoal_state)s);
	}
	for (uint32_t slot = 0; slot < shoal_core_slots(core); slot++) {
		struct shoal_core_member member;
		members += shoal_core_member(core, slot, &member);
	}
	assert_int_equal(total, members);
	assert_int_equal(members, core->members.records.count);
}

static void
changed_packets_with_a_right_checksum_change_all_they_say_or_nothing(void **state)
{
	static const enum shoal_input_kind kinds[] = {
	        SHOAL_INPUT_DATAGRAM, SHOAL_INPUT_STREAM, SHOAL_INPUT_REQUEST};
	static struct corpus corpus;
	struct core_world world;
	uint64_t draw = 7;
	size_t taken = 0, refused = 0;

	(void)state;
	collect(&corpus);
	/* Node 0 of a world like that of the corpus: its packets are meant for it. */
	world_begin(&world, NULL, 5, PUPPET_DATAGRAMS);
	for (unsigned i = 0; i < 30000; i++) {
		uint8_t data[2048];
		size_t len = mutate(&corpus, &draw, data, sizeof data);
		if (unit_random(&draw) % 16 != 0) {
			mend(data, len);
		}
		int rc = give(&world, kinds[unit_random(&draw) % 3], data, len);
		taken += rc == SHOAL_OK;
		refused += rc != SHOAL_OK;
		if (i % 50 == 0) {
			world_run(&world, unit_random(&draw) % SHOAL_SEC(1));
			check_whole(&world);
		}
	}
	assert_true(taken > 1000 && refused > 1000);
	world_run(&world, SHOAL_SEC(700));
	check_whole(&world);
	world_done(&world);
	release(&corpus);
}

static void
changed_answers_end_a_request_once_and_leave_the_core_whole(void **state)
{
	static struct corpus corpus;
	struct core_world world;
	uint64_t draw = 9;

	(void)state;
	collect(&corpus);
	set_up(&world);
	for (unsigned i = 0; i < 3000; i++) {
		uint8_t data[2048];
		struct puppet *seed = &world.puppet[1];

		world_clear(&world);
		assert_int_equal(
		        world_step(&world, 0,
		                (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = seed->addr}),
		        SHOAL_OK);
		const struct world_packet *request =
		        world_sent(&world, NULL, 0, &seed->addr, SHOAL_MESSAGE_JOIN);
		size_t len = mutate(&corpus, &draw, data, sizeof data);
		mend(data, len);
		struct shoal_input result = {.kind = SHOAL_INPUT_RESULT,
		        .exchange = request->exchange,
		        .data = data,
		        .len = len};
		int rc = world_step(&world, 0, result);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOINED), 1);
		const struct shoal_event *event =
		        world_event(&world, 0, SHOAL_EVENT_JOINED, NULL, 0);
		assert_true(rc == SHOAL_OK || event->code == rc);
		check_whole(&world);
		if (i % 20 == 0) {
			world_run(&world, SHOAL_MS(300));
		}
	}
	world_done(&world);
	release(&corpus);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_kind_of_damage_has_its_code_and_its_counter),
	        cmocka_unit_test(a_packet_above_the_limit_is_dropped_unread),
	        cmocka_unit_test(damage_in_the_last_message_keeps_the_first_from_counting),
	        cmocka_unit_test(a_message_of_a_newer_release_is_skipped_and_the_rest_counts),
	        cmocka_unit_test(random_bytes_change_nothing),
	        cmocka_unit_test(
	                changed_packets_with_a_right_checksum_change_all_they_say_or_nothing),
	        cmocka_unit_test(changed_answers_end_a_request_once_and_leave_the_core_whole),
	        cmocka_unit_test(only_the_first_question_of_a_packet_is_answered),
	        cmocka_unit_test(statements_of_nobody_and_in_the_cores_own_name_are_dropped),
	        cmocka_unit_test(what_comes_in_is_counted_by_its_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
