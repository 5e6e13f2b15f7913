/* SPDX-License-Identifier: MIT */
/* What is remembered of broadcasts. */
#include "core_cast_world.h"

static struct shoal_cast_key
key_of(uint8_t id, uint64_t salt, uint64_t number, bool reliable)
{
	return (struct shoal_cast_key){{{id}}, salt, number, reliable};
}

static bool
has(struct core_world *world, uint8_t id, uint64_t salt, uint64_t number, bool reliable)
{
	struct shoal_cast_key key = key_of(id, salt, number, reliable);
	return shoal_seen_has(world_core(world, 0), &key);
}

static void
add(struct core_world *world, uint8_t id, uint64_t salt, uint64_t number, bool reliable)
{
	struct shoal_cast_key key = key_of(id, salt, number, reliable);
	assert_int_equal(shoal_seen_add(world_core(world, 0), &key, true, false), SHOAL_OK);
}

static void
instances_and_rows_are_told_apart(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 1, NULL);
	assert_false(has(&world, 1, 1, 5, false));
	add(&world, 1, 1, 5, false);
	assert_true(has(&world, 1, 1, 5, false));
	assert_false(has(&world, 1, 1, 5, true));
	assert_false(has(&world, 1, 2, 5, false));
	assert_false(has(&world, 2, 1, 5, false));
	assert_false(has(&world, 1, 1, 4, false));
	assert_false(has(&world, 1, 1, 6, false));
	world_done(&world);
}

static void
any_order_within_the_window_counts_each_once_and_what_is_below_counts_as_heard(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 1, NULL);
	for (unsigned reliable = 0; reliable < 2; reliable++) {
		uint64_t window = reliable != 0 ? 2048 : 1024;
		for (uint64_t i = 0; i < 5000; i++) {
			uint64_t number = 1 + (i ^ 37);
			assert_false(has(&world, 3, 1, number, reliable != 0));
			add(&world, 3, 1, number, reliable != 0);
			assert_true(has(&world, 3, 1, number, reliable != 0));
		}
		add(&world, 4, 1, 100000, reliable != 0);
		assert_false(has(&world, 4, 1, 100000 - window + 64, reliable != 0));
		assert_true(has(&world, 4, 1, 100000 - window - 64, reliable != 0));
	}
	world_done(&world);
}

static void
numbers_rise_as_fast_as_they_can_and_an_origin_has_the_last_word(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 1, NULL);
	struct shoal_core *core = world_core(&world, 0);
	struct shoal_cast_key key = key_of(3, 1, UINT64_MAX, true);
	assert_false(shoal_seen_is_credible(core, &key));
	key.number = UINT64_C(1) << 62; /* nobody knows where it began */
	assert_true(shoal_seen_is_credible(core, &key));
	add(&world, 3, 1, 100, true);
	assert_false(shoal_seen_is_credible(core, &key));
	key.number = 100 + 2000;
	assert_true(shoal_seen_is_credible(core, &key));
	key.number++;
	assert_false(shoal_seen_is_credible(core, &key));
	world_run(&world, SHOAL_MS(5));
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	assert_true(shoal_seen_is_credible(core, &key));
	/* Made up: the origin itself is at 101. */
	add(&world, 3, 1, 4000, true);
	key.number = 101;
	assert_true(has(&world, 3, 1, 101, true));
	assert_true(shoal_seen_correct(core, &key));
	assert_false(has(&world, 3, 1, 101, true));
	assert_false(has(&world, 3, 1, 100, true)); /* nobody knows any more */
	assert_false(has(&world, 3, 1, 102, true));
	assert_int_equal(shoal_seen_add(core, &key, true, true), SHOAL_OK);
	assert_true(has(&world, 3, 1, 101, true));
	assert_false(shoal_seen_correct(core, &key)); /* a copy corrects nothing */
	/* What was heard and is kept no more does not come again. */
	key.number = 60;
	shoal_seen_gone(core, &key);
	key.number = 4000;
	shoal_seen_gone(core, &key); /* its origin did not say that */
	add(&world, 3, 1, 4000, true);
	key.number = 130;
	assert_true(shoal_seen_correct(core, &key));
	assert_true(has(&world, 3, 1, 60, true));
	assert_false(has(&world, 3, 1, 61, true));
	assert_false(has(&world, 3, 1, 130, true));
	/* Of those that go once all do count as heard. */
	add(&world, 3, 1, 4000, false);
	key.number = 101;
	key.reliable = false;
	assert_true(shoal_seen_correct(core, &key));
	assert_true(has(&world, 3, 1, 100, false));
	assert_false(has(&world, 3, 1, 101, false));
	world_done(&world);
}

static size_t
shortest(void)
{
	struct shoal_msg_cast cast = {.number = 1, .stamp = 1, .type = CAST_TYPE};
	struct parcel parcel;

	shoal_writer_init(&parcel.writer, parcel.data, sizeof parcel.data);
	assert_true(shoal_message_append(&parcel.writer, SHOAL_MESSAGE_CAST, &cast));
	return parcel.writer.len;
}

static void
whatever_the_rates_let_an_origin_say_is_believed_of_it(void **state)
{
	static const enum shoal_profile_kind kinds[] = {
	        SHOAL_PROFILE_LAN, SHOAL_PROFILE_WAN, SHOAL_PROFILE_LOCAL};
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
		world_init(&world);
		world_config(&world, &config);
		assert_int_equal(shoal_profile_init(&config.profile, kinds[i]), SHOAL_OK);
		cast_begin(&world, 1, &config);
		struct shoal_core *core = world_core(&world, 0);
		const struct shoal_profile *profile = &core->profile;
		add(&world, 3, 1, 1, false);
		add(&world, 3, 1, 1, true);
		world_run(&world, SHOAL_SEC(1));
		world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
		/* To the two members at least who are all that others may be. */
		uint64_t bytes = profile->cast_burst + profile->cast_rate;
		struct shoal_cast_key key = key_of(3, 1, bytes / (2 * shortest()), false);
		assert_true(shoal_seen_is_credible(core, &key));
		key.number *= 2;
		assert_false(shoal_seen_is_credible(core, &key));
		key = key_of(3, 1, 2 * (uint64_t)profile->casts_max, true);
		assert_true(shoal_seen_is_credible(core, &key));
		key.number *= 2; /* so a single one shuts out none that was not told */
		assert_false(shoal_seen_is_credible(core, &key));
		world_done(&world);
	}
}

static void
made_up_instances_take_few_places_and_those_that_are_told_no_more(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 1, NULL);
	struct shoal_core *core = world_core(&world, 0);
	for (uint64_t salt = 1; salt < 1000; salt++) {
		struct shoal_cast_key key = key_of(3, salt, 1, false);
		assert_int_equal(shoal_seen_add(core, &key, false, false),
		        salt <= SHOAL_SEEN_STRAYS ? SHOAL_OK : SHOAL_ERR_LIMIT);
	}
	struct shoal_cast_key key = key_of(3, 2000, 1, false);
	assert_int_equal(shoal_seen_add(core, &key, true, false), SHOAL_OK);
	key.salt = 1; /* a statement told it after all */
	key.number = 2;
	assert_int_equal(shoal_seen_add(core, &key, true, false), SHOAL_OK);
	key.salt = 999;
	assert_int_equal(shoal_seen_add(core, &key, false, false), SHOAL_OK);
	assert_int_equal(core->seen.slab.count, SHOAL_SEEN_STRAYS + 2);
	world_done(&world);
}

static void
an_instance_is_forgotten_after_a_quarter_of_an_hour_of_silence(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 1, NULL);
	add(&world, 1, 1, 5, false);
	world_run(&world, SHOAL_SEC(899));
	add(&world, 2, 1, 5, false);
	assert_true(has(&world, 1, 1, 5, false));
	world_run(&world, SHOAL_SEC(2));
	add(&world, 3, 1, 5, false);
	assert_false(has(&world, 1, 1, 5, false));
	assert_true(has(&world, 2, 1, 5, false));
	world_done(&world);
}

static void
there_are_so_many_and_the_most_silent_makes_room(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 1, NULL);
	size_t before = shoal_seen_memory(world_core(&world, 0));
	for (uint64_t salt = 1; salt <= SHOAL_SEEN_MAX; salt++) {
		add(&world, 1, salt, 5, false);
	}
	add(&world, 1, 1, 6, false);
	add(&world, 1, 0, 5, false);
	assert_int_equal(world_core(&world, 0)->seen.slab.count, SHOAL_SEEN_MAX);
	assert_true(has(&world, 1, 1, 5, false));
	assert_false(has(&world, 1, 2, 5, false));
	assert_in_range(shoal_seen_memory(world_core(&world, 0)) - before, 6000000, 9000000);
	world_done(&world);
}

static bool
lacks(struct core_world *world, uint8_t id)
{
	struct shoal_cast_key key = key_of(id, 1, 0, true);
	return shoal_seen_lacks(world_core(world, 0), &key);
}

static void
one_between_others_is_known_to_be_missing(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 1, NULL);
	assert_false(lacks(&world, 1));
	add(&world, 1, 1, 7, false);
	add(&world, 1, 1, 9, false); /* not reliable */
	assert_false(lacks(&world, 1));
	const uint64_t firsts[] = {1, 62, 64, 700, 5000};
	for (uint8_t i = 0; i < 5; i++) {
		uint64_t first = firsts[i];
		add(&world, i + 2, 1, first, true); /* what was said before is not wanted */
		assert_false(lacks(&world, i + 2));
		add(&world, i + 2, 1, first + 1, true);
		assert_false(lacks(&world, i + 2));
		add(&world, i + 2, 1, first + 3, true);
		assert_true(lacks(&world, i + 2));
		add(&world, i + 2, 1, first + 2, true);
		assert_false(lacks(&world, i + 2));
		add(&world, i + 2, 1, first + 900, true);
		assert_true(lacks(&world, i + 2));
	}
	/* What its origin keeps no more is not missed for ever. */
	add(&world, 10, 1, 1, true);
	for (uint64_t number = 3; number < 1200; number++) {
		add(&world, 10, 1, number, true);
		assert_true(number > 1000 || lacks(&world, 10));
	}
	assert_false(lacks(&world, 10));
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(instances_and_rows_are_told_apart),
	        cmocka_unit_test(
	                any_order_within_the_window_counts_each_once_and_what_is_below_counts_as_heard),
	        cmocka_unit_test(numbers_rise_as_fast_as_they_can_and_an_origin_has_the_last_word),
	        cmocka_unit_test(whatever_the_rates_let_an_origin_say_is_believed_of_it),
	        cmocka_unit_test(made_up_instances_take_few_places_and_those_that_are_told_no_more),
	        cmocka_unit_test(an_instance_is_forgotten_after_a_quarter_of_an_hour_of_silence),
	        cmocka_unit_test(there_are_so_many_and_the_most_silent_makes_room),
	        cmocka_unit_test(one_between_others_is_known_to_be_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
