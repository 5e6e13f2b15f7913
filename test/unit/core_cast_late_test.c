/* SPDX-License-Identifier: MIT */
/* What an origin told itself, and what of it comes late: nobody forged that. */
#include "core_cast_world.h"

#include <stdlib.h>

#define SHORT_ONES 1100

/* A core, an origin, and a member that passes on what that one says. */
struct cast_late {
	struct core_world world;
	struct puppet *origin, *other;
};

static void
begin(struct cast_late *late)
{
	cast_begin(&late->world, 1, NULL);
	late->origin = world_meet(&late->world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	late->other = world_meet(&late->world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	world_run(&late->world, SHOAL_SEC(2));
	world_clear(&late->world);
}

static struct shoal_msg_cast
cast_of(const struct cast_late *late, uint64_t number, unsigned flags, unsigned hops)
{
	return (struct shoal_msg_cast){.id = late->origin->id,
	        .salt = puppet_salt(late->origin),
	        .number = number,
	        .hops = (uint8_t)hops,
	        .flags = (uint8_t)flags,
	        .type = CAST_TYPE,
	        .body = {(const uint8_t *)"true", 4}};
}

static void
tell(struct cast_late *late, uint64_t number, unsigned flags, unsigned hops)
{
	struct shoal_msg_cast cast = cast_of(late, number, flags, hops);

	world_tell(
	        &late->world, 0, hops == 0 ? late->origin : late->other, SHOAL_MESSAGE_CAST, &cast);
	world_forget_sent(&late->world);
}

static size_t
heard(const struct cast_late *late)
{
	return world_count_events(&late->world, 0, SHOAL_EVENT_MESSAGE);
}

static void
an_answer_that_comes_late_takes_back_nothing_that_was_said_meanwhile(void **state)
{
	static struct cast_late late;
	uint8_t data[SHOAL_CAST_KEY_BYTES];
	struct shoal_writer keys;

	(void)state;
	begin(&late);
	struct core_world *world = &late.world;
	struct shoal_cast_key key = {late.origin->id, puppet_salt(late.origin), 1, 0};
	shoal_writer_init(&keys, data, sizeof data);
	shoal_cast_key_write(&keys, &key);
	struct shoal_msg_offer offer = {
	        .id = late.origin->id, .salt = puppet_salt(late.origin), .keys = {data, keys.len}};
	world_tell(world, 0, late.origin, SHOAL_MESSAGE_OFFER, &offer);
	struct world_packet request =
	        *world_sent(world, NULL, 0, &late.origin->addr, SHOAL_MESSAGE_FETCH);
	for (uint64_t number = 2; number < 2 + SHORT_ONES; number++) {
		tell(&late, number, 0, 1);
	}
	assert_int_equal(heard(&late), SHORT_ONES);
	struct shoal_msg_cast cast = cast_of(&late, 1, 0, 0);
	struct parcel *parcel = calloc(1, sizeof *parcel);
	assert_non_null(parcel);
	parcel_begin(parcel, world->label);
	parcel_add(parcel, SHOAL_MESSAGE_OFFER, &offer);
	parcel_add(parcel, SHOAL_MESSAGE_CAST, &cast);
	parcel_end(parcel);
	world_result(world, &request, SHOAL_OK, parcel);
	free(parcel);
	assert_int_equal(world_counter(world, 0, SHOAL_COUNTER_DROP_FORGED), 0);
	assert_int_equal(world_counter(world, 0, SHOAL_COUNTER_CASTS_PASSED), 1);
	for (uint64_t number = 2; number < 2 + SHORT_ONES; number++) {
		tell(&late, number, 0, 1);
	}
	assert_int_equal(heard(&late), SHORT_ONES);
	tell(&late, 2 + SHORT_ONES, 0, 1);
	assert_int_equal(heard(&late), SHORT_ONES + 1);
	world_done(world);
}

static void
what_an_origin_tells_after_others_did_counts_as_its_own_word(void **state)
{
	static struct cast_late late;

	(void)state;
	begin(&late);
	for (uint64_t number = 2; number < 2 + SHORT_ONES; number++) {
		tell(&late, number, 0, 1);
		tell(&late, number, 0, 0);
	}
	tell(&late, 1, 0, 0);
	assert_int_equal(world_counter(&late.world, 0, SHOAL_COUNTER_DROP_FORGED), 0);
	assert_int_equal(world_counter(&late.world, 0, SHOAL_COUNTER_CASTS_PASSED), 1);
	assert_int_equal(heard(&late), SHORT_ONES);
	world_done(&late.world);
}

static void
reliable_ones_that_are_not_kept_any_more_do_not_come_again_after_a_forgery(void **state)
{
	static struct cast_late late;

	(void)state;
	begin(&late);
	for (uint64_t number = 1; number <= 20; number++) {
		tell(&late, number, SHOAL_RELIABLE, 1);
		tell(&late, number, SHOAL_RELIABLE, 0);
	}
	assert_int_equal(heard(&late), 20);
	world_run(&late.world, SHOAL_SEC(400)); /* older ones are kept nowhere */
	assert_int_equal(shoal_keep_count(&world_core(&late.world, 0)->keep), 0);
	tell(&late, 2000, SHOAL_RELIABLE, 1);
	tell(&late, 4000, SHOAL_RELIABLE, 1);
	tell(&late, 21, SHOAL_RELIABLE, 0); /* the origin has the last word */
	assert_int_equal(world_counter(&late.world, 0, SHOAL_COUNTER_DROP_FORGED), 1);
	assert_int_equal(heard(&late), 23);
	for (uint64_t number = 1; number <= 20; number++) {
		tell(&late, number, SHOAL_RELIABLE, 1);
	}
	assert_int_equal(heard(&late), 23);
	world_done(&late.world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                an_answer_that_comes_late_takes_back_nothing_that_was_said_meanwhile),
	        cmocka_unit_test(what_an_origin_tells_after_others_did_counts_as_its_own_word),
	        cmocka_unit_test(
	                reliable_ones_that_are_not_kept_any_more_do_not_come_again_after_a_forgery),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
