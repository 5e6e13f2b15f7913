/* SPDX-License-Identifier: MIT */
/* Whose word about one that waits to be accepted counts, and for what. */
#include "unit.h"

#include "core_accept_world.h"

/* In another one's packet, from where that one is. */
static void
tell_of(struct core_world *world, const struct puppet *teller, const struct shoal_msg_member *said)
{
	struct shoal_msg_sender sender = {.id = teller->id, .salt = puppet_salt(teller)};
	struct parcel *parcel = calloc(1, sizeof *parcel);

	parcel_begin(parcel, world->label);
	parcel_add(parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(parcel, SHOAL_MESSAGE_MEMBER, said);
	parcel_end(parcel);
	world_datagram(world, 0, &teller->addr, parcel);
	free(parcel);
}

static struct shoal_msg_member
of_version(const struct puppet *puppet, uint64_t version)
{
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);

	said.app_version = version;
	return said;
}

/* A stranger, and one that speaks in its name from elsewhere. */
static void
what_the_host_was_asked_about_is_what_counts_whatever_others_say_meanwhile(void **state)
{
	static struct core_world world;
	struct shoal_core_member held;

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *puppet = world_puppet(&world), *other = world_puppet(&world);
	struct shoal_msg_member said = of_version(puppet, 5);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	uint64_t number = asked(&world, 0, &puppet->id, 0)->exchange;
	struct shoal_msg_member forged = of_version(puppet, 1);
	forged.incarnation++;
	forged.addrs.item[0] = other->addr;
	tell_of(&world, other, &forged);
	struct puppet mask = *puppet;
	mask.addr = other->addr;
	world_tell(&world, 0, &mask, SHOAL_MESSAGE_MEMBER, &forged);
	said.incarnation++; /* its own, newer */
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(count_asked(&world, 0), 1);
	assert_int_equal(decide(&world, 0, number, SHOAL_OK, ""), SHOAL_OK);
	assert_true(world_holds(&world, 0, &puppet->id, &held));
	assert_int_equal(held.app_version, 5);
	assert_true(held.incarnation == said.incarnation);
	assert_true(shoal_addr_equal(&held.addr[0], &puppet->addr));
	world_done(&world);
}

static void
the_host_is_asked_once_more_where_its_own_word_is_not_what_others_said(void **state)
{
	static struct core_world world;
	struct shoal_core_member held;

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *puppet = world_puppet(&world), *other = world_puppet(&world);
	struct shoal_msg_member said = of_version(puppet, 5);
	tell_of(&world, other, &said);
	uint64_t before = asked(&world, 0, &puppet->id, 0)->exchange;
	said = of_version(puppet, 1);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(count_asked(&world, 0), 2);
	assert_int_equal(decide(&world, 0, before, SHOAL_OK, ""), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATES);
	said = of_version(puppet, 2); /* no instance has two: not even its own word */
	said.incarnation++;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(count_asked(&world, 0), 2);
	decide(&world, 0, asked(&world, 0, &puppet->id, 1)->exchange, SHOAL_OK, "");
	assert_true(world_holds(&world, 0, &puppet->id, &held));
	assert_int_equal(held.app_version, 1);
	world_done(&world);
}

static void
a_join_of_no_instance_is_refused(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *puppet = world_puppet(&world);
	memset(&puppet->salt, 0, sizeof puppet->salt);
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	struct shoal_msg_join join = {.id = puppet->id, .epoch_s = WORLD_EPOCH};
	struct parcel *parcel = calloc(1, sizeof *parcel);
	parcel_begin(parcel, world.label);
	parcel_add(parcel, SHOAL_MESSAGE_JOIN, &join);
	parcel_add(parcel, SHOAL_MESSAGE_MEMBER, &said);
	parcel_end(parcel);
	assert_int_equal(world_request(&world, 0, &puppet->addr, 77, parcel), SHOAL_OK);
	assert_int_equal(code_of(&world, 0, 77), SHOAL_ERR_MALFORMED);
	assert_int_equal(count_asked(&world, 0), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_JOINS_REFUSED), 1);
	free(parcel);
	world_done(&world);
}

/* The puppet, and another instance of it elsewhere, of which a member tells. */
static void
an_instance_elsewhere_that_was_probed_for_is_there_when_it_is_accepted(void **state)
{
	static struct core_world world;
	struct shoal_core_member held;

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *puppet = world_puppet(&world), *teller = world_puppet(&world);
	struct puppet heir = *puppet;
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	said = puppet_member(teller, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
	run_accepting(&world, 0, NULL, 1);
	teller->answers = PUPPET_DATAGRAMS;
	heir.addr = world_puppet(&world)->addr;
	heir.salt.bytes[0] ^= 1;
	heir.incarnation += 5;
	said = puppet_member(&heir, SHOAL_STATE_ALIVE);
	tell_of(&world, teller, &said);
	assert_null(asked(&world, 0, &puppet->id, 1));
	for (unsigned i = 0; i < 300 && asked(&world, 0, &puppet->id, 1) == NULL; i++) {
		world_run(&world, SHOAL_MS(100));
	}
	assert_non_null(asked(&world, 0, &puppet->id, 1));
	decide(&world, 0, asked(&world, 0, &puppet->id, 1)->exchange, SHOAL_OK, "");
	assert_true(world_holds(&world, 0, &puppet->id, &held));
	assert_memory_equal(&held.salt, &heir.salt, sizeof held.salt);
	world_done(&world);
}

/* Its own word was fresh when it came. */
static void
a_join_that_waits_longer_than_hearsay_counts_is_taken_in_all_the_same(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.asks_accept = true;
	config.profile.hearsay_ms = 5000;
	world_add(&world, &config);
	struct puppet *puppet = world_puppet(&world);
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	join_as(&world, 0, puppet, &said, NULL, 77);
	world_run(&world, SHOAL_SEC(6));
	decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_OK, "");
	assert_int_equal(code_of(&world, 0, 77), SHOAL_OK);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

/* In its join, and in a datagram. */
static void
a_restart_that_waits_tells_of_nobody_else(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *puppet = world_puppet(&world), *other = world_puppet(&world);
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	struct shoal_msg_member left = puppet_member(other, SHOAL_STATE_LEFT);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_OK, "");
	puppet->salt.bytes[0] ^= 1;
	puppet->incarnation++;
	said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	join_as(&world, 0, puppet, &said, &left, 77);
	assert_int_equal(count_asked(&world, 0), 2);
	assert_int_equal(world_state(&world, 0, &other->id), SHOAL_STATES);
	tell_of(&world, puppet, &left);
	assert_int_equal(world_state(&world, 0, &other->id), SHOAL_STATES);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_NOT_ACCEPTED), 2);
	decide(&world, 0, asked(&world, 0, &puppet->id, 1)->exchange, SHOAL_OK, "");
	tell_of(&world, puppet, &left);
	assert_int_equal(world_state(&world, 0, &other->id), SHOAL_STATE_LEFT);
	world_done(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                what_the_host_was_asked_about_is_what_counts_whatever_others_say_meanwhile),
	        cmocka_unit_test(
	                the_host_is_asked_once_more_where_its_own_word_is_not_what_others_said),
	        cmocka_unit_test(a_join_of_no_instance_is_refused),
	        cmocka_unit_test(a_restart_that_waits_tells_of_nobody_else),
	        cmocka_unit_test(
	                an_instance_elsewhere_that_was_probed_for_is_there_when_it_is_accepted),
	        cmocka_unit_test(
	                a_join_that_waits_longer_than_hearsay_counts_is_taken_in_all_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
