/* SPDX-License-Identifier: MIT */
/* Metadata that is too long for gossip: who is asked for it, in which order, how many at once, what
 * comes of answers that are none, and who gets one. */
#include "unit.h"

#include <stdlib.h>

#include <shoal/document.h>

#include "base/hash.h"
#include "core/node.h"
#include "core/table/meta.h"
#include "core_world.h"

#define LONG        60000
#define VERSION(ms) (((uint64_t)WORLD_EPOCH * 1000 + (ms)) << 16)

static uint8_t body[SHOAL_META_MAX];
static size_t body_len;
static struct parcel parcel;

/* A document of a little more than LONG bytes, told by its last one. */
static struct shoal_span
make(uint8_t last)
{
	static uint8_t bytes[LONG];
	struct shoal_meta_value value = {.type = SHOAL_META_BYTES};

	bytes[LONG - 1] = last;
	value.is.bytes.data = bytes;
	value.is.bytes.len = sizeof bytes;
	assert_int_equal(
	        shoal_document_set(NULL, 0, "blob", 4, &value, body, sizeof body, &body_len),
	        SHOAL_OK);
	return (struct shoal_span){body, body_len};
}

static struct shoal_msg_meta
meta_of(const struct shoal_id *id, uint64_t version)
{
	struct shoal_msg_meta message = {
	        .id = *id, .version = version, .len = body_len, .body = {body, body_len}};
	struct shoal_sha256 sha;
	uint8_t digest[32];

	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, body, body_len);
	shoal_sha256_final(&sha, digest);
	for (size_t i = 0; i < 8; i++) {
		message.hash = message.hash << 8 | digest[i];
	}
	return message;
}

static void
announce(struct core_world *world, size_t teller, const struct shoal_msg_meta *message)
{
	struct shoal_msg_meta announced = *message;

	announced.body = (struct shoal_span){NULL, 0};
	world_tell(world, 0, &world->puppet[teller], SHOAL_MESSAGE_META, &announced);
	world_step(world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
}

static void
set_up(struct core_world *world, size_t puppets)
{
	make(1);
	world_begin(world, NULL, puppets, PUPPET_DATAGRAMS);
	world_clear(world);
}

static const struct world_packet *
pulled_from(const struct core_world *world, size_t puppet)
{
	const struct world_packet *packet =
	        world_sent(world, NULL, 0, &world->puppet[puppet].addr, SHOAL_MESSAGE_PULL);

	assert_true(packet == NULL || packet->kind == SHOAL_SEND_REQUEST);
	return packet;
}

static void
give(struct core_world *world, const struct world_packet *request, size_t puppet,
        const struct shoal_msg_meta *message)
{
	struct shoal_msg_sender sender = {
	        .id = world->puppet[puppet].id, .salt = puppet_salt(&world->puppet[puppet])};

	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(&parcel, SHOAL_MESSAGE_META, message);
	parcel_end(&parcel);
	world_result(world, request, SHOAL_OK, &parcel);
	world_step(world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
}

static uint64_t
version_of(const struct core_world *world, const struct shoal_id *id)
{
	struct shoal_core_member member;

	assert_true(world_holds(world, 0, id, &member));
	return member.meta_version;
}

static void
whoever_told_is_asked_and_the_owner_last(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 4);
	struct shoal_id id = world.puppet[3].id;
	struct shoal_msg_meta message = meta_of(&id, VERSION(1));
	announce(&world, 3, &message);
	/* The owner was the first to tell, and nobody else is known to hold it. */
	const struct world_packet *packet = pulled_from(&world, 3);
	assert_non_null(packet);
	const union shoal_wire_message *pull = packet_has(packet, SHOAL_MESSAGE_PULL);
	assert_true(pull->pull.version == VERSION(1));
	assert_memory_equal(&pull->pull.target, &id, 16);
	/* Two tell of something newer; the one that is open ends without. */
	message = meta_of(&id, VERSION(2));
	announce(&world, 0, &message);
	announce(&world, 1, &message);
	announce(&world, 1, &message);
	assert_null(pulled_from(&world, 0));
	world_result(&world, packet, SHOAL_ERR_TIMEOUT, NULL);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	packet = pulled_from(&world, 0);
	assert_non_null(packet);
	assert_null(pulled_from(&world, 1));
	struct shoal_msg_answer none = {.id = world.puppet[0].id, .code = 5};
	world_answer(&world, packet, SHOAL_OK, SHOAL_MESSAGE_ANSWER, &none);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	packet = pulled_from(&world, 1);
	assert_non_null(packet);
	/* Another document than was told is none. */
	struct shoal_msg_meta wrong = message;
	wrong.hash ^= 1;
	wrong.version++;
	give(&world, packet, 1, &wrong);
	assert_true(version_of(&world, &id) == 0);
	assert_int_equal(world_count_sent(&world, 0, &world.puppet[3].addr, SHOAL_MESSAGE_PULL), 2);
	packet = world_sent(
	        &world, pulled_from(&world, 3), 0, &world.puppet[3].addr, SHOAL_MESSAGE_PULL);
	give(&world, packet, 3, &message);
	assert_true(version_of(&world, &id) == VERSION(2));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 1);
	assert_int_equal(world_core(&world, 0)->pulls.slab.count, 0);
	assert_int_equal(world_core(&world, 0)->pulls.open, 0);
	world_done(&world);
}

static void
what_nobody_gives_is_given_up_until_it_is_told_again(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct shoal_id id = world.puppet[2].id;
	struct shoal_msg_meta message = meta_of(&id, VERSION(1));
	for (int round = 0; round < 2; round++) {
		world_clear(&world);
		announce(&world, 0, &message);
		world_result(&world, pulled_from(&world, 0), SHOAL_ERR_REFUSED, NULL);
		world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
		world_result(&world, pulled_from(&world, 2), SHOAL_ERR_REFUSED, NULL);
		world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
		assert_int_equal(world_core(&world, 0)->pulls.slab.count, 0);
		assert_int_equal(world_core(&world, 0)->pulls.open, 0);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PULLS_FAILED), 2);
	world_done(&world);
}

static void
few_are_asked_for_at_once_and_who_is_forgotten_is_not_asked_for(void **state)
{
	static struct core_world world;
	size_t asked = 0;

	(void)state;
	set_up(&world, 10);
	for (size_t i = 0; i < 8; i++) {
		struct shoal_msg_meta message = meta_of(&world.puppet[i].id, VERSION(1));
		announce(&world, 9, &message);
	}
	asked = world_count_sent(&world, 0, &world.puppet[9].addr, SHOAL_MESSAGE_PULL);
	assert_int_equal(asked, SHOAL_PULLS_FROM);
	struct shoal_core *core = world_core(&world, 0);
	assert_int_equal(core->pulls.slab.count, 8);
	/* One that is asked for, and one that waits. */
	shoal_members_remove(core, shoal_members_find(core, &world.puppet[0].id));
	shoal_members_remove(core, shoal_members_find(core, &world.puppet[7].id));
	assert_int_equal(core->pulls.slab.count, 6);
	assert_int_equal(core->pulls.open, SHOAL_PULLS_FROM - 1);
	struct shoal_msg_meta message = meta_of(&world.puppet[1].id, VERSION(1));
	const struct world_packet *packet = pulled_from(&world, 9);
	packet = world_sent(&world, packet, 0, &world.puppet[9].addr, SHOAL_MESSAGE_PULL);
	give(&world, packet, 9, &message);
	asked = world_count_sent(&world, 0, &world.puppet[9].addr, SHOAL_MESSAGE_PULL);
	assert_int_equal(asked, SHOAL_PULLS_FROM + 2);
	world_done(&world);
}

static void
who_tells_much_and_does_not_answer_holds_up_nobody_else(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 40);
	for (size_t i = 0; i < 20; i++) {
		struct shoal_msg_meta message = meta_of(&world.puppet[i].id, VERSION(1));
		announce(&world, 39, &message);
	}
	/* The other one tells of some that the first has told of, too. */
	for (size_t i = 10; i < 38; i++) {
		struct shoal_msg_meta message = meta_of(&world.puppet[i].id, VERSION(1));
		announce(&world, 38, &message);
	}
	const struct shoal_addr *hangs = &world.puppet[39].addr, *gives = &world.puppet[38].addr;
	assert_int_equal(world_count_sent(&world, 0, hangs, SHOAL_MESSAGE_PULL), SHOAL_PULLS_FROM);
	assert_int_equal(world_count_sent(&world, 0, gives, SHOAL_MESSAGE_PULL), SHOAL_PULLS_FROM);
	const struct world_packet *packet = NULL;
	for (size_t i = 10; i < 38; i++) {
		packet = world_sent(&world, packet, 0, gives, SHOAL_MESSAGE_PULL);
		assert_non_null(packet);
		const union shoal_wire_message *pull = packet_has(packet, SHOAL_MESSAGE_PULL);
		struct shoal_msg_meta message = meta_of(&pull->pull.target, VERSION(1));
		give(&world, packet, 38, &message);
		assert_true(version_of(&world, &message.id) == VERSION(1));
	}
	assert_int_equal(world_count_sent(&world, 0, hangs, SHOAL_MESSAGE_PULL), SHOAL_PULLS_FROM);
	world_done(&world);
}

static int
ask(struct core_world *world, const struct puppet *from, const struct shoal_id *target,
        uint64_t version, uint64_t exchange)
{
	struct shoal_msg_pull pull = {
	        .id = from->id, .salt = puppet_salt(from), .target = *target, .version = version};

	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_PULL, &pull);
	parcel_end(&parcel);
	return world_request(world, 0, &from->addr, exchange, &parcel);
}

static void
members_get_what_they_ask_for_and_strangers_nothing(void **state)
{
	static struct core_world world;
	const struct world_packet *packet;

	(void)state;
	set_up(&world, 2);
	struct shoal_id self = world_id(&world, 0);
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){
	                                 .kind = SHOAL_INPUT_META, .data = body, .len = body_len}),
	        SHOAL_OK);
	world_clear(&world);
	assert_int_equal(ask(&world, &world.puppet[0], &self, 1, 77), SHOAL_OK);
	packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_META);
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_REPLY);
	assert_true(packet->exchange == 77);
	assert_int_equal(packet_has(packet, SHOAL_MESSAGE_META)->meta.body.len, body_len);
	/* What is held, also where a forger told of more. */
	world_clear(&world);
	assert_int_equal(ask(&world, &world.puppet[0], &self, UINT64_MAX, 79), SHOAL_OK);
	packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_META);
	assert_non_null(packet);
	assert_int_equal(packet_has(packet, SHOAL_MESSAGE_META)->meta.body.len, body_len);
	/* Nothing of one that says nothing. */
	for (int what = 0; what < 2; what++) {
		struct puppet stranger = world.puppet[0];
		stranger.id.bytes[3] ^= 0x55;
		world_clear(&world);
		ask(&world, what == 0 ? &stranger : &world.puppet[0],
		        what == 1 ? &world.puppet[1].id : &self, 1, 78);
		packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_ANSWER);
		assert_non_null(packet);
		assert_int_equal(packet_has(packet, SHOAL_MESSAGE_ANSWER)->answer.code,
		        -SHOAL_ERR_NOT_FOUND);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PULLS_SERVED), 2);
	world_done(&world);
}

static void
what_there_is_no_room_to_ask_for_now_is_asked_for_later(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 2);
	struct shoal_core *core = world.node[0].core;
	struct shoal_id id = world.puppet[1].id;
	uint32_t limit = core->exchanges.limit;
	core->exchanges.limit = core->exchanges.count;
	struct shoal_msg_meta message = meta_of(&id, VERSION(1));
	announce(&world, 0, &message);
	world_run(&world, SHOAL_MS(500));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PULLS), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PULLS_FAILED), 0);
	core->exchanges.limit = limit;
	world_run(&world, SHOAL_MS(150));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PULLS), 1);
	world_done(&world);
}

static void
an_announcement_of_a_stranger_makes_nobody_pull(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 1);
	struct puppet stranger = world.puppet[0];
	stranger.id.bytes[3] ^= 0x55;
	struct shoal_msg_meta message = meta_of(&world.puppet[0].id, VERSION(1));
	struct shoal_msg_meta announced = message;
	announced.body = (struct shoal_span){NULL, 0};
	world_tell(&world, 0, &stranger, SHOAL_MESSAGE_META, &announced);
	world_run(&world, SHOAL_MS(150));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PULLS), 0);
	announce(&world, 0, &message);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PULLS), 1);
	world_done(&world);
}

static void
a_long_document_reaches_all_and_a_newcomer(void **state)
{
	static struct core_world world;

	(void)state;
	make(2);
	world_init(&world);
	for (size_t i = 0; i < 6; i++) {
		world_add(&world, NULL);
		if (i > 0 && i < 5) {
			world_join(&world, i, 0);
		}
	}
	world_run(&world, SHOAL_SEC(3));
	assert_int_equal(world_step(&world, 4,
	                         (struct shoal_input){
	                                 .kind = SHOAL_INPUT_META, .data = body, .len = body_len}),
	        SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	world_join(&world, 5, 0);
	world_run(&world, SHOAL_SEC(1));
	struct shoal_id id = world_id(&world, 4);
	for (size_t i = 0; i < 6; i++) {
		struct shoal_core_member member;
		assert_true(world_holds(&world, i, &id, &member));
		assert_int_equal(member.meta_len, body_len);
		assert_memory_equal(member.meta, body, body_len);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(whoever_told_is_asked_and_the_owner_last),
	        cmocka_unit_test(what_nobody_gives_is_given_up_until_it_is_told_again),
	        cmocka_unit_test(few_are_asked_for_at_once_and_who_is_forgotten_is_not_asked_for),
	        cmocka_unit_test(who_tells_much_and_does_not_answer_holds_up_nobody_else),
	        cmocka_unit_test(members_get_what_they_ask_for_and_strangers_nothing),
	        cmocka_unit_test(what_there_is_no_room_to_ask_for_now_is_asked_for_later),
	        cmocka_unit_test(an_announcement_of_a_stranger_makes_nobody_pull),
	        cmocka_unit_test(a_long_document_reaches_all_and_a_newcomer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
