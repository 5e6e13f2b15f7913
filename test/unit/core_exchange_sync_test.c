/* SPDX-License-Identifier: MIT */
/* What becomes of two members' tables: when they are compared, what that brings to both sides, who
 * is refused, and whole tables that are too long for one message. */
#include "unit.h"

#include "core_world.h"

#define REQUEST (UINT64_C(1) << 60)

static uint64_t
age_in(const struct world_packet *packet, const struct shoal_id *id)
{
	for (size_t i = 0; i < packet->messages; i++) {
		const struct world_message *message = &packet->message[i];
		if (message->kind == SHOAL_MESSAGE_MEMBER &&
		        shoal_id_compare(&message->m.member.id, id) == 0) {
			return message->m.member.age_ms;
		}
	}
	fail();
	return 0;
}

static void
the_tables_of_two_cores_become_one(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct puppet *known[2];
	uint64_t told;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 2; i++) {
		world_config(&world, &config);
		config.profile.gossip_interval_ms = 60000;
		world_add(&world, &config);
	}
	world_join(&world, 1, 0);
	world_run(&world, SHOAL_SEC(2));
	told = world.now;
	/* Each learns of somebody whom the other does not hear of by gossip. */
	for (size_t i = 0; i < 2; i++) {
		struct puppet *puppet = world_puppet(&world);
		struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_LEFT);
		member.age_ms = 3600000 * (i + 1);
		world_tell(&world, i, puppet, SHOAL_MESSAGE_MEMBER, &member);
		known[i] = puppet;
	}
	assert_int_equal(world_state(&world, 0, &known[1]->id), SHOAL_STATES);
	assert_int_equal(world_state(&world, 1, &known[0]->id), SHOAL_STATES);
	world_run(&world, SHOAL_SEC(38));
	assert_int_equal(world_state(&world, 0, &known[1]->id), SHOAL_STATE_LEFT);
	assert_int_equal(world_state(&world, 1, &known[0]->id), SHOAL_STATE_LEFT);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_SYNCS_DONE) > 0);
	assert_true(world_counter(&world, 1, SHOAL_COUNTER_SYNCS_DONE) > 0);
	/* The ages travelled with them. */
	for (size_t i = 0; i < 2; i++) {
		const struct world_packet *packet =
		        world_sent(&world, NULL, i, NULL, SHOAL_MESSAGE_MEMBER);
		while (packet_state_of(packet, &known[i]->id) != SHOAL_STATE_LEFT) {
			packet = world_sent(&world, packet, i, NULL, SHOAL_MESSAGE_MEMBER);
			assert_non_null(packet);
		}
		uint64_t age = 3600000 * (i + 1) + (packet->at - told) / SHOAL_MS(1);
		assert_in_range(age_in(packet, &known[i]->id), age - 5, age + 5);
	}
	world_done(&world);
}

static void
a_core_compares_tables_at_its_interval_give_or_take_a_quarter(void **state)
{
	struct core_world world;
	const struct world_packet *packet = NULL;
	uint64_t before = 0;
	size_t syncs = 0, distinct = 0;

	(void)state;
	world_begin(&world, NULL, 10, PUPPET_DATAGRAMS);
	world_run(&world, SHOAL_SEC(600));
	while ((packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_SYNC)) != NULL) {
		assert_int_equal(packet->kind, SHOAL_SEND_REQUEST);
		assert_int_equal(packet->messages, 1);
		if (before != 0) {
			uint64_t pause = packet->at - before;
			assert_true(pause >= SHOAL_MS(22500) && pause <= SHOAL_MS(37500));
		}
		before = packet->at;
		syncs++;
	}
	for (size_t i = 0; i < 10; i++) {
		distinct +=
		        world_count_sent(&world, 0, &world.puppet[i].addr, SHOAL_MESSAGE_SYNC) > 0;
	}
	assert_in_range(syncs, 16, 27);
	assert_in_range(distinct, 5, 10);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SYNCS), syncs);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SYNCS_DONE), 0);
	world_done(&world);
}

/* The answer to a sync of a puppet with the statements in the parcel. */
static const struct world_packet *
ask(struct core_world *world, const struct puppet *puppet, const struct shoal_msg_member *tells)
{
	static struct parcel parcel;
	struct shoal_msg_sync sync_request = {.id = puppet->id, .salt = puppet_salt(puppet)};

	world_clear(world);
	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_SYNC, &sync_request);
	if (tells != NULL) {
		parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, tells);
	}
	parcel_end(&parcel);
	assert_int_equal(world_request(world, 0, &puppet->addr, REQUEST, &parcel), SHOAL_OK);
	const struct world_packet *packet =
	        world_sent(world, NULL, 0, &puppet->addr, SHOAL_MESSAGE_ANSWER);
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_REPLY);
	assert_true(packet->exchange == REQUEST);
	return packet;
}

static void
only_members_get_the_table(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *stranger = world_puppet(&world), *other = world_puppet(&world);
	struct shoal_msg_member tells = puppet_member(other, SHOAL_STATE_ALIVE);
	const struct world_packet *packet = ask(&world, stranger, &tells);
	assert_int_equal(packet->messages, 1);
	const struct shoal_msg_answer *answer = &packet->message[0].m.answer;
	assert_int_equal(-(int)answer->code, SHOAL_ERR_NOT_FOUND);
	assert_memory_equal(answer->reason.data, "not a member here: join first", 29);
	assert_int_equal(world_state(&world, 0, &other->id), SHOAL_STATES);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), 1);

	packet = ask(&world, &world.puppet[0], &tells);
	assert_int_equal(packet->message[0].m.answer.code, 0);
	assert_int_equal(world_state(&world, 0, &other->id), SHOAL_STATE_ALIVE);
	assert_int_equal(world_event(&world, 0, SHOAL_EVENT_JOIN, &other->id, 0)->cause.kind,
	        SHOAL_CAUSE_SYNC);
	/* What it told is in the table that it gets. */
	assert_int_equal(packet_state_of(packet, &other->id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
a_member_that_is_not_known_there_introduces_itself(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	const struct world_packet *request = world_await_sent(
	        &world, 0, &world.puppet[0].addr, SHOAL_MESSAGE_SYNC, SHOAL_SEC(40));
	assert_non_null(request);
	struct shoal_msg_answer answer = {
	        .id = world.puppet[0].id, .code = (uint64_t)-SHOAL_ERR_NOT_FOUND};
	struct world_packet copy = *request;
	world_clear(&world);
	world_answer(&world, &copy, SHOAL_OK, SHOAL_MESSAGE_ANSWER, &answer);
	const struct world_packet *packet =
	        world_sent(&world, NULL, 0, &world.puppet[0].addr, SHOAL_MESSAGE_MEMBER);
	struct shoal_id self = world_id(&world, 0);
	assert_non_null(packet);
	assert_int_equal(packet_state_of(packet, &self), SHOAL_STATE_ALIVE);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SYNCS_DONE), 0);
	world_done(&world);
}

static void
a_member_that_answered_was_heard(void **state)
{
	(void)state;
	for (uint64_t code = 0; code <= 4; code += 4) {
		struct core_world world;
		struct shoal_core_member held;

		world_init(&world);
		world_add(&world, NULL);
		world_meet(&world, 0, PUPPET_DATAGRAMS);
		struct world_packet request = *world_await_sent(
		        &world, 0, &world.puppet[0].addr, SHOAL_MESSAGE_SYNC, SHOAL_SEC(40));
		struct shoal_msg_answer answer = {.id = world.puppet[0].id, .code = code};
		world_answer(&world, &request, SHOAL_OK, SHOAL_MESSAGE_ANSWER, &answer);
		assert_true(world_holds(&world, 0, &world.puppet[0].id, &held));
		assert_true(
		        (held.heard_ns == world.now / SHOAL_MS(1) * SHOAL_MS(1)) == (code == 0));
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SYNCS_DONE), code == 0);
		world_done(&world);
	}
}

/* A table exchange is nobody's command: one that the host lost ends in silence. */
static void
a_table_exchange_that_the_host_lost_tells_nothing(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.exchanges_max = 1;
	config.profile.exchange_timeout_ms = 1000;
	world_add(&world, &config);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_SYNC, SHOAL_SEC(40));
	world_drop_flights(&world);
	world_run(&world, SHOAL_SEC(3));
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){
	                                 .kind = SHOAL_INPUT_JOIN, .from = world.puppet[0].addr}),
	        SHOAL_OK);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOINED), 0);
	world_done(&world);
}

static void
unknown_members_are_in_no_table(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *hearsay = world_puppet(&world);
	struct shoal_msg_member tells = puppet_member(hearsay, SHOAL_STATE_ALIVE);
	tells.age_ms = 60000;
	const struct world_packet *packet = ask(&world, &world.puppet[0], &tells);
	assert_int_equal(world_state(&world, 0, &hearsay->id), SHOAL_STATE_UNKNOWN);
	assert_int_equal(packet_state_of(packet, &hearsay->id), SHOAL_STATE_UNKNOWN);
	assert_int_equal(packet->messages, 3);
	world_done(&world);
}

#define CROWD 1500

static struct puppet
one_of_crowd(const struct puppet *like, size_t number)
{
	struct puppet puppet = *like;

	memset(puppet.id.bytes, 0xcc, sizeof puppet.id.bytes);
	puppet.id.bytes[0] = (uint8_t)(number >> 8);
	puppet.id.bytes[1] = (uint8_t)number;
	return puppet;
}

static void
a_table_that_is_too_long_is_told_in_parts_that_cover_it(void **state)
{
	static bool told[CROWD];
	struct core_world world;
	struct shoal_core_config config;
	size_t parts = 0, missing = CROWD;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.stream_max = 65536;
	world_add(&world, &config);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	for (size_t i = 0; i < CROWD; i++) {
		struct puppet puppet = one_of_crowd(&world.puppet[0], i);
		struct shoal_msg_member member = puppet_member(&puppet, SHOAL_STATE_ALIVE);
		world_tell(&world, 0, &puppet, SHOAL_MESSAGE_MEMBER, &member);
	}
	for (; missing > 0 && parts < 40; parts++) {
		const struct world_packet *packet = ask(&world, &world.puppet[0], NULL);
		assert_true(packet->len <= 65536);
		assert_true(packet->len > 65536 - 200);
		for (size_t i = 0; i < packet->messages; i++) {
			const struct shoal_id *id = &packet->message[i].m.member.id;
			size_t number = (size_t)id->bytes[0] << 8 | id->bytes[1];
			if (packet->message[i].kind == SHOAL_MESSAGE_MEMBER &&
			        id->bytes[2] == 0xcc && number < CROWD && !told[number]) {
				told[number] = true;
				missing--;
			}
		}
	}
	assert_int_equal(missing, 0);
	assert_true(parts >= 2);
	world_done(&world);
}

/* Also while the buffer for streams grows under it. */
static void
an_old_tombstone_that_is_needed_is_in_one_table(void **state)
{
	(void)state;
	for (size_t members = 3; members < 250; members += 19) {
		struct core_world world;

		world_init(&world);
		world_add(&world, NULL);
		for (size_t i = 0; i < members; i++) {
			world_meet(&world, 0, PUPPET_DATAGRAMS);
		}
		struct puppet *subject = &world.puppet[1];
		struct shoal_msg_member left = puppet_member(subject, SHOAL_STATE_LEFT);
		left.age_ms = 13 * 3600 * 1000;
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &left);
		struct shoal_msg_member alive = puppet_member(subject, SHOAL_STATE_ALIVE);
		const struct world_packet *packet = ask(&world, &world.puppet[0], &alive);
		assert_int_equal(packet_state_of(packet, &subject->id), SHOAL_STATE_LEFT);
		assert_int_equal(packet->messages, members + 2);
		packet = ask(&world, &world.puppet[0], NULL);
		assert_int_equal(packet_state_of(packet, &subject->id), SHOAL_STATE_UNKNOWN);
		assert_int_equal(packet->messages, members + 1);
		world_done(&world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_tables_of_two_cores_become_one),
	        cmocka_unit_test(a_core_compares_tables_at_its_interval_give_or_take_a_quarter),
	        cmocka_unit_test(only_members_get_the_table),
	        cmocka_unit_test(a_member_that_is_not_known_there_introduces_itself),
	        cmocka_unit_test(unknown_members_are_in_no_table),
	        cmocka_unit_test(a_table_that_is_too_long_is_told_in_parts_that_cover_it),
	        cmocka_unit_test(an_old_tombstone_that_is_needed_is_in_one_table),
	        cmocka_unit_test(a_member_that_answered_was_heard),
	        cmocka_unit_test(a_table_exchange_that_the_host_lost_tells_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
