/* SPDX-License-Identifier: MIT */
/* All metadata together is bounded: what finds no room is not held, the dead make room first, and
 * whoever found none is heard as soon as there is some. */
#include "unit.h"

#include <shoal/document.h>

#include "base/hash.h"
#include "core/node.h"
#include "core_world.h"

#define LONG        60000
#define BOUND       65600
#define VERSION(ms) (((uint64_t)WORLD_EPOCH * 1000 + (ms)) << 16)

static uint8_t body[SHOAL_META_MAX];

/* A document with so many bytes in it, the last of them is `last`. */
static struct shoal_span
document(size_t bytes, uint8_t last)
{
	static uint8_t value[LONG];
	struct shoal_meta_value blob = {.type = SHOAL_META_BYTES};
	size_t len;

	value[bytes - 1] = last;
	blob.is.bytes.data = value;
	blob.is.bytes.len = bytes;
	assert_int_equal(
	        shoal_document_set(NULL, 0, "blob", 4, &blob, body, sizeof body, &len), SHOAL_OK);
	return (struct shoal_span){body, len};
}

static struct shoal_msg_meta
meta_of(const struct shoal_id *id, uint64_t version, struct shoal_span said)
{
	struct shoal_msg_meta message = {
	        .id = *id, .version = version, .len = said.len, .body = said};
	struct shoal_sha256 sha;
	uint8_t digest[32];

	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, said.data, said.len);
	shoal_sha256_final(&sha, digest);
	for (size_t i = 0; i < 8; i++) {
		message.hash = message.hash << 8 | digest[i];
	}
	return message;
}

static void
set_up(struct core_world *world, size_t puppets, uint32_t bound)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.meta_bytes = bound;
	world_add(world, &config);
	for (size_t i = 0; i < puppets; i++) {
		world_meet(world, 0, PUPPET_DATAGRAMS);
	}
	world_clear(world);
}

/* Announced by its owner, and given where it is asked for. Whether it was. */
static bool
offer(struct core_world *world, size_t puppet, uint64_t version, struct shoal_span said)
{
	const struct puppet *owner = &world->puppet[puppet];
	struct shoal_msg_meta whole = meta_of(&owner->id, version, said), announced = whole;

	announced.body = (struct shoal_span){NULL, 0};
	world_forget_sent(world);
	world_tell(world, 0, owner, SHOAL_MESSAGE_META, &announced);
	world_step(world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	const struct world_packet *pull =
	        world_sent(world, NULL, 0, &owner->addr, SHOAL_MESSAGE_PULL);
	if (pull != NULL) {
		static struct parcel parcel;
		struct shoal_msg_sender sender = {.id = owner->id, .salt = puppet_salt(owner)};

		parcel_begin(&parcel, world->label);
		parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
		parcel_add(&parcel, SHOAL_MESSAGE_META, &whole);
		parcel_end(&parcel);
		world_result(world, pull, SHOAL_OK, &parcel);
	}
	return pull != NULL;
}

static bool
holds(const struct core_world *world, size_t node, const struct shoal_id *id, uint64_t version,
        size_t len)
{
	struct shoal_core_member member;

	return world_holds(world, node, id, &member) && member.meta_version == version &&
	       member.meta_len == len;
}

static void
what_finds_no_room_is_neither_asked_for_nor_held_until_there_is_some(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 2, BOUND);
	const struct shoal_id *first = &world.puppet[0].id, *second = &world.puppet[1].id;
	struct shoal_span said = document(LONG, 1);
	assert_true(offer(&world, 0, VERSION(1), said));
	assert_true(holds(&world, 0, first, VERSION(1), said.len));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_META_FULL), 0);
	assert_false(offer(&world, 1, VERSION(1), said));
	assert_true(holds(&world, 0, second, 0, 0));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_META_FULL), 1);
	/* What is short comes whole, and is measured alike. */
	said = document(250, 1);
	for (size_t i = 0; i < 40; i++) {
		struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
		struct shoal_msg_meta message = meta_of(&puppet->id, VERSION(1), said);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_META, &message);
	}
	uint64_t cost = said.len + SHOAL_META_COST;
	uint64_t fit = (BOUND - shoal_members_meta_cost(shoal_members_at(world_core(&world, 0),
	                                shoal_members_find(world_core(&world, 0), first)))) /
	               cost;
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_META_UPDATES), 1 + fit);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_META_FULL), 1 + 40 - fit);
	assert_true(shoal_core_meta_held(world_core(&world, 0)) <= BOUND);
	/* The first one says less. */
	struct shoal_msg_meta less = meta_of(first, VERSION(2), said);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_META, &less);
	assert_true(holds(&world, 0, first, VERSION(2), said.len));
	said = document(30000, 1);
	assert_true(offer(&world, 1, VERSION(1), said));
	assert_true(holds(&world, 0, second, VERSION(1), said.len));
	world_done(&world);
}

static void
the_dead_make_room_for_those_that_live(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 3, BOUND);
	struct shoal_span said = document(LONG, 1);
	assert_true(offer(&world, 0, VERSION(1), said));
	struct shoal_msg_state left = puppet_state(&world.puppet[0], SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &left);
	assert_true(holds(&world, 0, &world.puppet[0].id, VERSION(1), said.len));
	assert_true(world_core(&world, 0)->members.meta_gone == said.len + SHOAL_META_COST);
	assert_true(offer(&world, 1, VERSION(1), said));
	assert_true(holds(&world, 0, &world.puppet[1].id, VERSION(1), said.len));
	assert_true(holds(&world, 0, &world.puppet[0].id, 0, 0));
	assert_true(world_core(&world, 0)->members.meta_gone == 0);
	assert_false(offer(&world, 2, VERSION(1), said));
	world_done(&world);
}

/* Neither what cannot fit, nor what is announced and never given. */
static void
an_announcement_alone_takes_nothing_from_the_dead(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 4, BOUND);
	struct shoal_span said = document(250, 1);
	struct shoal_msg_meta kept = meta_of(&world.puppet[0].id, VERSION(1), said);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_META, &kept);
	struct shoal_msg_state left = puppet_state(&world.puppet[0], SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &left);
	assert_true(offer(&world, 1, VERSION(1), document(30000, 1)));
	assert_false(offer(&world, 2, VERSION(1), document(LONG, 1)));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_META_FULL), 1);
	assert_true(holds(&world, 0, &world.puppet[0].id, VERSION(1), kept.len));
	/* All but what the dead one has. */
	uint64_t rest = BOUND - shoal_core_meta_held(world_core(&world, 0));
	struct shoal_msg_meta announced =
	        meta_of(&world.puppet[3].id, VERSION(1), document(rest, 1));
	announced.body = (struct shoal_span){NULL, 0};
	world_tell(&world, 0, &world.puppet[3], SHOAL_MESSAGE_META, &announced);
	world_run(&world, SHOAL_SEC(30));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_META_FULL), 1);
	assert_true(holds(&world, 0, &world.puppet[0].id, VERSION(1), kept.len));
	world_done(&world);
}

/* Three cores, of which the second can hold the metadata of one other only. */
static void
who_is_full_agrees_with_all_the_same_until_there_is_room(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;
	uint64_t version[3] = {0};

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 3; i++) {
		world_config(&world, &config);
		config.profile.meta_bytes = i == 1 ? BOUND : 200000;
		world_add(&world, &config);
		world_join(&world, i, i == 0 ? 1 : 0);
	}
	world_run(&world, SHOAL_SEC(5));
	for (size_t i = 0; i < 3; i += 2) {
		struct shoal_id id = world_id(&world, i);
		struct shoal_core_member member;
		struct shoal_span said = document(LONG, (uint8_t)(i + 1));
		world_step(&world, i,
		        (struct shoal_input){
		                .kind = SHOAL_INPUT_META, .data = said.data, .len = said.len});
		world_run(&world, SHOAL_SEC(5));
		assert_true(world_holds(&world, i, &id, &member));
		version[i] = member.meta_version;
	}
	struct shoal_id first = world_id(&world, 0), third = world_id(&world, 2);
	size_t len = document(LONG, 1).len;
	world_run(&world, SHOAL_SEC(120));
	assert_true(holds(&world, 1, &first, version[0], len));
	assert_true(holds(&world, 0, &third, version[2], len));
	assert_true(holds(&world, 1, &third, 0, 0));
	assert_true(world_counter(&world, 1, SHOAL_COUNTER_DROP_META_FULL) > 0);
	for (size_t i = 0; i < 3; i++) {
		assert_true(shoal_core_convergence_lag(world_core(&world, i)) == 0);
	}
	/* The first one says less. */
	struct shoal_span less = document(100, 1);
	world_step(&world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_META, .data = less.data, .len = less.len});
	world_run(&world, SHOAL_SEC(120));
	assert_true(holds(&world, 1, &third, version[2], len));
	world_done(&world);
}

/* It is this member's own business, and bounded by itself. */
static void
its_own_is_always_held_and_a_lower_bound_takes_nothing_away(void **state)
{
	static struct core_world world;
	struct shoal_profile profile;
	uint8_t data[SHOAL_TUNING_BYTES];

	(void)state;
	set_up(&world, 2, 200000);
	struct shoal_span said = document(LONG, 1);
	assert_true(offer(&world, 0, VERSION(1), said));
	assert_true(offer(&world, 1, VERSION(1), said));
	profile = world_core(&world, 0)->profile;
	profile.meta_bytes = BOUND;
	assert_int_equal(
	        shoal_core_tuning(&profile, SHOAL_LOG_INFO, data, sizeof data), sizeof data);
	assert_int_equal(
	        world_step(&world, 0,
	                (struct shoal_input){
	                        .kind = SHOAL_INPUT_TUNE, .data = data, .len = sizeof data}),
	        SHOAL_OK);
	assert_int_equal(
	        world_step(&world, 0,
	                (struct shoal_input){
	                        .kind = SHOAL_INPUT_META, .data = said.data, .len = said.len}),
	        SHOAL_OK);
	assert_true(holds(&world, 0, &world.puppet[1].id, VERSION(1), said.len));
	/* The same length, and a longer one. */
	said = document(LONG, 2);
	assert_true(offer(&world, 0, VERSION(2), said));
	said = document(100, 2);
	struct shoal_msg_meta less = meta_of(&world.puppet[1].id, VERSION(2), said);
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_META, &less);
	assert_true(holds(&world, 0, &world.puppet[1].id, VERSION(2), said.len));
	assert_false(offer(&world, 1, VERSION(3), document(10000, 1)));
	world_done(&world);
}

static size_t
count_held(const struct core_world *world, size_t len)
{
	size_t held = 0;

	for (size_t i = 1; i < world->nodes; i++) {
		struct shoal_id id = world_id(world, i);
		struct shoal_core_member member;
		held += world_holds(world, 0, &id, &member) && member.meta_len == len;
	}
	return held;
}

static void
say(struct core_world *world, size_t node, struct shoal_span said)
{
	assert_int_equal(
	        world_step(world, node,
	                (struct shoal_input){
	                        .kind = SHOAL_INPUT_META, .data = said.data, .len = said.len}),
	        SHOAL_OK);
}

static void
who_found_no_room_is_heard_in_a_walk_once_there_is_some(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 0, BOUND);
	for (size_t i = 1; i < 4; i++) {
		world_add(&world, NULL);
		world_join(&world, i, 0);
	}
	world_run(&world, SHOAL_SEC(3));
	struct shoal_span said = document(LONG, 1);
	size_t whole = said.len;
	for (size_t i = 1; i < 4; i++) {
		say(&world, i, said);
	}
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(count_held(&world, whole), 1);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_META_FULL) > 0);
	struct shoal_id id = world_id(&world, 1), other = world_id(&world, 2);
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_SUSPECT), 0);
	}
	/* Whoever it holds says less now, so that the next one fits; then that one. */
	said = document(100, 1);
	say(&world, 1, said);
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(count_held(&world, whole), 1);
	say(&world, 2, said);
	world_run(&world, SHOAL_SEC(60));
	struct shoal_id last = world_id(&world, 3);
	struct shoal_core_member member;
	assert_true(world_holds(&world, 0, &last, &member) && member.meta_len == whole);
	assert_true(world_holds(&world, 0, &id, &member) && member.meta_len == said.len);
	assert_true(world_holds(&world, 0, &other, &member) && member.meta_len == said.len);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                what_finds_no_room_is_neither_asked_for_nor_held_until_there_is_some),
	        cmocka_unit_test(the_dead_make_room_for_those_that_live),
	        cmocka_unit_test(an_announcement_alone_takes_nothing_from_the_dead),
	        cmocka_unit_test(who_is_full_agrees_with_all_the_same_until_there_is_room),
	        cmocka_unit_test(its_own_is_always_held_and_a_lower_bound_takes_nothing_away),
	        cmocka_unit_test(who_found_no_room_is_heard_in_a_walk_once_there_is_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
