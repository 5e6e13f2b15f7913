/* SPDX-License-Identifier: MIT */
/* Seeds by name: members on the memory transport, which may have any address, and a name server of
 * the test's that says where they are. */
#include "cluster_place.h"

static void
a_service_is_found_with_the_port_of_its_records(void **state)
{
	static const struct dns_record records[] = {
	        {"_shoal._tcp.example.test", DNS_SRV, "one.test", 10, 5, 7001},
	        {"_own._udp.example.test", DNS_SRV, "one.test", 10, 5, 7001},
	        {"one.test", DNS_A, "127.0.0.1", 0, 0, 0}};
	struct place place;
	struct shoal_cluster *two;

	(void)state;
	place_open_with(&place, records, COUNT_OF(records));
	place_start(&place, "one", "127.0.0.1:7001", false);
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	assert_int_equal(place_join(&place, two, "srv+example.test", 20000), 0);
	assert_int_equal(place.reached, 1);
	assert_int_equal(place_members_of(two), 2);
	assert_int_equal(place_join(&place, two, "srv+_own._udp.example.test", 20000), 0);
	assert_int_equal(place.reached, 1);
	place_close(&place);
}

static const struct dns_record tiers[] = {
        {"_shoal._tcp.example.test", DNS_SRV, "three.test", 20, 5, 7003},
        {"_shoal._tcp.example.test", DNS_SRV, "one.test", 10, 5, 7001},
        {"_shoal._tcp.example.test", DNS_SRV, "gone.test", 10, 5, 7009},
        {"_shoal._tcp.example.test", DNS_SRV, "none.test", 10, 5, 7009},
        {"one.test", DNS_A, "127.0.0.1", 0, 0, 0}, {"three.test", DNS_A, "127.0.0.3", 0, 0, 0},
        {"gone.test", DNS_A, "127.0.0.9", 0, 0, 0}};

static void
the_next_priority_is_tried_only_where_none_of_the_first_was_reached(void **state)
{
	struct place place;
	struct shoal_cluster *two, *three;

	(void)state;
	place_open_with(&place, tiers, COUNT_OF(tiers));
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	three = place_start(&place, "three", "127.0.0.3:7003", false);
	assert_int_equal(place_join(&place, two, "srv+example.test", 20000), 0);
	assert_int_equal(place.reached, 1);
	assert_int_equal(place_members_of(three), 2);
	assert_string_equal(place_asked_at(place_asked_count - 1), "127.0.0.3:7003");
	place_close(&place);

	place_open_with(&place, tiers, COUNT_OF(tiers));
	place_start(&place, "one", "127.0.0.1:7001", false);
	three = place_start(&place, "three", "127.0.0.3:7003", false);
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	assert_int_equal(place_join(&place, two, "srv+example.test", 20000), 0);
	assert_int_equal(place.reached, 1);
	assert_int_equal(place_members_of(three), 1);
	place_close(&place);
}

/* Members that start together and stop at the first that answers would be two clusters. */
static void
all_hosts_of_one_priority_are_joined(void **state)
{
	static const struct dns_record records[] = {
	        {"_shoal._tcp.example.test", DNS_SRV, "one.test", 10, 5, 7001},
	        {"_shoal._tcp.example.test", DNS_SRV, "three.test", 10, 0, 7003},
	        {"one.test", DNS_A, "127.0.0.1", 0, 0, 0},
	        {"three.test", DNS_A, "127.0.0.3", 0, 0, 0}};
	struct place place;
	struct shoal_cluster *two;

	(void)state;
	place_open_with(&place, records, COUNT_OF(records));
	place_start(&place, "one", "127.0.0.1:7001", false);
	place_start(&place, "three", "127.0.0.3:7003", false);
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	assert_int_equal(place_join(&place, two, "srv+example.test", 20000), 0);
	place_until_members(&place, two, 3); /* one is enough for the join's end */
	place_close(&place);
}

static void
a_service_that_fails_lists_each_host_with_its_reason(void **state)
{
	struct place place;
	struct shoal_cluster *two;

	(void)state;
	place_open_with(&place, tiers, COUNT_OF(tiers));
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	assert_int_equal(place_join(&place, two, "srv+example.test", 20000), SHOAL_ERR_NO_SEED);
	place_says(&place, "srv+example.test: one.test at 127.0.0.1:7001: ");
	place_says(&place, "srv+example.test: gone.test at 127.0.0.9:7009: ");
	place_says(&place,
	        "srv+example.test: none.test: host name could not be resolved: there is no "
	        "such name (NXDOMAIN)");
	place_says(&place, "srv+example.test: three.test at 127.0.0.3:7003: ");
	place_close(&place);
}

static const struct dns_record both[] = {{"db.test", DNS_A, "127.0.0.9", 0, 0, 0},
        {"db.test", DNS_A, "127.0.0.1", 0, 0, 0}, {"db.test", DNS_AAAA, "::1", 0, 0, 0}};

static void
ask_in_order(const char *family, const char *first, size_t count)
{
	struct place place;
	struct shoal_cluster *two;

	place_open_with(&place, both, COUNT_OF(both));
	place.config.family = family;
	two = place_start(&place, "two", "127.0.0.2:7002", true);
	assert_int_equal(place_join(&place, two, "db.test:7001", 20000), SHOAL_ERR_NO_SEED);
	assert_string_equal(place_asked_at(0), first);
	assert_int_equal(place_asked_count, count);
	place_says(&place, "db.test:7001 at ");
	place_close(&place);
}

static void
addresses_are_asked_in_the_order_of_the_preferred_family(void **state)
{
	(void)state;
	ask_in_order("ipv4-first", "127.0.0.9:7001", 3);
	ask_in_order("ipv6-first", "[::1]:7001", 3);
	ask_in_order("ipv6", "[::1]:7001", 1);
	ask_in_order("ipv4", "127.0.0.9:7001", 2);
}

/* It is asked for ten minutes here, and the join may last as long. */
static void
an_address_that_says_nothing_does_not_hold_up_the_others(void **state)
{
	struct place place;
	struct shoal_cluster *two;

	(void)state;
	place_open_with(&place, both, COUNT_OF(both));
	place.config.family = "ipv4";
	place.config.profile.exchange_timeout_ms = 600000;
	snprintf(place_silent, sizeof(place_silent), "127.0.0.9:7001");
	place_start(&place, "one", "127.0.0.1:7001", false);
	two = place_start(&place, "two", "127.0.0.2:7002", true);
	assert_int_equal(place_join(&place, two, "db.test:7001", 600000), 0);
	assert_string_equal(place_asked_at(0), place_silent);
	assert_string_equal(place_asked_at(1), "127.0.0.1:7001");
	assert_int_equal(place.reached, 1);
	assert_int_equal(place_members_of(two), 2);
	place_close(&place);
}

/* By itself a request lasts as long as the whole join does. */
static void
a_priority_that_says_nothing_leaves_time_for_the_next(void **state)
{
	struct place place;
	struct shoal_cluster *two;

	(void)state;
	place_open_with(&place, tiers, COUNT_OF(tiers));
	place.config.profile.exchange_timeout_ms = 1500;
	snprintf(place_silent, sizeof(place_silent), "127.0.0.1:7001");
	place_start(&place, "three", "127.0.0.3:7003", false);
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	assert_int_equal(place_join(&place, two, "srv+example.test", 0), 0);
	assert_int_equal(place.reached, 1);
	assert_string_equal(place_asked_at(place_asked_count - 1), "127.0.0.3:7003");
	place_close(&place);
}

static void
what_says_nothing_is_listed_as_timed_out(void **state)
{
	struct place place;
	struct shoal_cluster *two;

	(void)state;
	place_open_with(&place, tiers, COUNT_OF(tiers));
	place.config.profile.exchange_timeout_ms = 60000;
	snprintf(place_silent, sizeof(place_silent), "127.0.0.1:7001");
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	assert_int_equal(place_join(&place, two, "srv+example.test", 200), SHOAL_ERR_NO_SEED);
	place_says(&place, "one.test at 127.0.0.1:7001: timed out");
	place_close(&place);

	place_open(&place);
	place.dns.silent = true;
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	assert_int_equal(place_join(&place, two, "srv+example.test", 50), SHOAL_ERR_NO_SEED);
	place_says(&place, "srv+example.test: host name could not be resolved: timed out");
	assert_int_equal(place_join(&place, two, "db.test", 50), SHOAL_ERR_NO_SEED);
	place_says(&place, "db.test: host name could not be resolved: timed out");
	place_close(&place);
}

static void
what_the_name_server_says_is_in_the_error_of_the_join(void **state)
{
	struct place place;
	struct shoal_cluster *two;

	(void)state;
	place_open(&place);
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	place.dns.rcode = DNS_SERVFAIL;
	assert_int_equal(place_join(&place, two, "db.test", 20000), SHOAL_ERR_NO_SEED);
	place_says(&place,
	        "db.test: host name could not be resolved: the name server failed (SERVFAIL)");
	place.dns.rcode = DNS_REFUSED;
	assert_int_equal(place_join(&place, two, "srv+a.test", 20000), SHOAL_ERR_NO_SEED);
	place_says(&place, "srv+a.test: host name could not be resolved: the name server refuses");
	place_close(&place);
}

static void
of_huge_answers_a_part_is_tried_and_the_log_says_so_once(void **state)
{
	struct place place;
	const char *first;
	struct shoal_cluster *two;

	(void)state;
	place_open(&place);
	place.dns.many = 2000;
	place.config.family = "ipv4";
	place.config.profile.heal_interval_ms = 100;
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	assert_int_equal(place_join(&place, two, "db.test", 20000), SHOAL_ERR_NO_SEED);
	assert_int_equal(place_asked_count, 32);
	first = strstr(place.log, "has 2000 addresses, of which the first 32 are tried");
	assert_non_null(first);
	while (place_asked_count < 64) {
		place_turn(&place);
	}
	assert_null(strstr(first + 1, "has 2000 addresses")); /* not each time again */
	place_close(&place);
}

/* Nothing is kept of an answer: what the name server says now counts. */
static void
a_name_is_resolved_anew_each_time_a_seed_is_tried_again(void **state)
{
	static struct dns_record moving[] = {
	        {"_shoal._tcp.example.test", DNS_SRV, "old.test", 0, 0, 7009},
	        {"old.test", DNS_A, "127.0.0.9", 0, 0, 0},
	        {"new.test", DNS_A, "127.0.0.1", 0, 0, 0}};
	struct place place;
	struct shoal_cluster *two;

	(void)state;
	for (unsigned service = 0; service < 2; service++) {
		moving[0].data = "old.test";
		moving[0].port = 7009;
		moving[1].data = "127.0.0.9";
		place_open_with(&place, moving, COUNT_OF(moving));
		place.config.profile.heal_interval_ms = 100;
		place_start(&place, "one", "127.0.0.1:7001", false);
		two = place_start(&place, "two", "127.0.0.1:7002", true);
		assert_int_equal(place_join(&place, two,
		                         service ? "srv+example.test" : "old.test:7001", 20000),
		        SHOAL_ERR_NO_SEED);
		moving[0].data = "new.test";
		moving[0].port = 7001;
		moving[1].data = "127.0.0.1";
		place_until_members(&place, two, 2);
		place_close(&place);
	}
}

static void
a_service_that_is_this_member_alone_makes_it_the_first(void **state)
{
	static const struct dns_record records[] = {
	        {"_shoal._tcp.example.test", DNS_SRV, "two.test", 10, 5, 7002},
	        {"_shoal._tcp.example.test", DNS_SRV, "two.test", 20, 5, 7002},
	        {"two.test", DNS_A, "127.0.0.1", 0, 0, 0}};
	struct place place;
	struct shoal_cluster *two;

	(void)state;
	place_open_with(&place, records, COUNT_OF(records));
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	assert_int_equal(place_join(&place, two, "srv+example.test", 20000), 0);
	assert_int_equal(place.reached, 0);
	assert_int_equal(place_asked_count, 0);
	place_close(&place);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_service_is_found_with_the_port_of_its_records),
	        cmocka_unit_test(
	                the_next_priority_is_tried_only_where_none_of_the_first_was_reached),
	        cmocka_unit_test(all_hosts_of_one_priority_are_joined),
	        cmocka_unit_test(a_service_that_fails_lists_each_host_with_its_reason),
	        cmocka_unit_test(addresses_are_asked_in_the_order_of_the_preferred_family),
	        cmocka_unit_test(an_address_that_says_nothing_does_not_hold_up_the_others),
	        cmocka_unit_test(a_priority_that_says_nothing_leaves_time_for_the_next),
	        cmocka_unit_test(what_says_nothing_is_listed_as_timed_out),
	        cmocka_unit_test(what_the_name_server_says_is_in_the_error_of_the_join),
	        cmocka_unit_test(of_huge_answers_a_part_is_tried_and_the_log_says_so_once),
	        cmocka_unit_test(a_name_is_resolved_anew_each_time_a_seed_is_tried_again),
	        cmocka_unit_test(a_service_that_is_this_member_alone_makes_it_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
