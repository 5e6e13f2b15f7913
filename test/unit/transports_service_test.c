/* SPDX-License-Identifier: MIT */
/* The order among SRV records: priorities, and draws by weight from a seed. */
#include "unit.h"

#include "base/rng.h"
#include "transports/service.h"

#define DRAWS 20000

static struct shoal_service
at(const char *host, uint16_t priority, uint16_t weight)
{
	return (struct shoal_service){host, 1, priority, weight};
}

/* How often each of them, named by one digit, is the first. */
static void
draw(const struct shoal_service *service, size_t n, unsigned *first)
{
	struct shoal_rng rng;

	shoal_rng_init(&rng, 7, 1);
	memset(first, 0, 10 * sizeof(*first));
	for (unsigned i = 0; i < DRAWS; i++) {
		struct shoal_service copy[10];

		memcpy(copy, service, n * sizeof(*service));
		assert_int_equal(shoal_service_order(copy, n, 1, &rng), 1);
		first[copy[0].host[0] - '0']++;
	}
}

static void
the_lowest_priority_comes_first_whatever_the_weights(void **state)
{
	const struct shoal_service all[] = {at("0", 20, 65535), at("1", 10, 0), at("2", 0, 1),
	        at("3", 10, 9), at("4", 65535, 7)};
	struct shoal_rng rng;

	(void)state;
	shoal_rng_init(&rng, 3, 1);
	for (unsigned i = 0; i < 200; i++) {
		struct shoal_service copy[COUNT_OF(all)];

		memcpy(copy, all, sizeof(all));
		assert_int_equal(shoal_service_order(copy, COUNT_OF(copy), 10, &rng), 5);
		assert_string_equal(copy[0].host, "2");
		assert_string_equal(copy[3].host, "0");
		assert_string_equal(copy[4].host, "4");
		assert_int_not_equal(copy[1].host[0], copy[2].host[0]);
	}
}

/* RFC 2782: a number of 0 to the sum, both included; 0 is for the first one of weight 0. */
static void
the_first_is_drawn_by_weight_exactly(void **state)
{
	const struct shoal_service all[] = {at("0", 5, 1), at("1", 5, 3), at("2", 5, 0)};
	unsigned first[10];

	(void)state;
	draw(all, COUNT_OF(all), first);
	/* 0 of 0..4: the one without weight; 1: the first; 2 to 4: the second. */
	assert_in_range(first[2], DRAWS / 5 - 300, DRAWS / 5 + 300);
	assert_in_range(first[0], DRAWS / 5 - 300, DRAWS / 5 + 300);
	assert_in_range(first[1], DRAWS * 3 / 5 - 300, DRAWS * 3 / 5 + 300);
}

static void
those_without_weight_are_hardly_ever_first_beside_others(void **state)
{
	const struct shoal_service all[] = {
	        at("0", 5, 0), at("1", 5, 500), at("2", 5, 499), at("3", 5, 0)};
	unsigned first[10];

	(void)state;
	draw(all, COUNT_OF(all), first);
	assert_in_range(first[0] + first[3], 1, 60); /* 20 expected */
	assert_true(first[0] > 0 && first[3] > 0);
}

static void
those_that_all_have_no_weight_share_the_load(void **state)
{
	const struct shoal_service all[] = {at("0", 5, 0), at("1", 5, 0), at("2", 5, 0)};
	unsigned first[10];

	(void)state;
	draw(all, COUNT_OF(all), first);
	for (unsigned i = 0; i < 3; i++) {
		assert_in_range(first[i], DRAWS / 3 - 400, DRAWS / 3 + 400);
	}
}

/* The second place is drawn among those that are left. */
static void
every_place_is_drawn_anew_and_nobody_is_lost(void **state)
{
	const struct shoal_service all[] = {at("0", 5, 100), at("1", 5, 1), at("2", 5, 99)};
	unsigned second = 0;
	struct shoal_rng rng;

	(void)state;
	shoal_rng_init(&rng, 11, 1);
	for (unsigned i = 0; i < DRAWS; i++) {
		struct shoal_service copy[COUNT_OF(all)];
		unsigned seen = 0;

		memcpy(copy, all, sizeof(all));
		assert_int_equal(shoal_service_order(copy, 3, 3, &rng), 3);
		for (unsigned j = 0; j < 3; j++) {
			seen |= 1u << (copy[j].host[0] - '0');
		}
		assert_int_equal(seen, 7);
		second += copy[1].host[0] == '1';
	}
	/* Second after one of weight 100 or 99: about one in a hundred. */
	assert_in_range(second, DRAWS / 200, DRAWS / 50);
}

static void
the_same_seed_gives_the_same_order_and_none_gives_none(void **state)
{
	struct shoal_service one[100], other[100];
	struct shoal_rng rng;

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		one[i] = other[i] = at("x", (uint16_t)(i % 3), (uint16_t)i);
	}
	shoal_rng_init(&rng, 5, 1);
	assert_int_equal(shoal_service_order(one, 100, 40, &rng), 40);
	shoal_rng_init(&rng, 5, 1);
	assert_int_equal(shoal_service_order(other, 100, 40, &rng), 40);
	assert_memory_equal(one, other, sizeof(one));
	assert_int_equal(shoal_service_order(one, 0, 40, &rng), 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_lowest_priority_comes_first_whatever_the_weights),
	        cmocka_unit_test(the_first_is_drawn_by_weight_exactly),
	        cmocka_unit_test(those_without_weight_are_hardly_ever_first_beside_others),
	        cmocka_unit_test(those_that_all_have_no_weight_share_the_load),
	        cmocka_unit_test(every_place_is_drawn_anew_and_nobody_is_lost),
	        cmocka_unit_test(the_same_seed_gives_the_same_order_and_none_gives_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
