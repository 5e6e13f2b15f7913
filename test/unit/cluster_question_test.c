/* SPDX-License-Identifier: MIT */
/* The resolver of the application: what it is asked, when and from where it may answer, and what
 * becomes of the join. */
#include "cluster_place.h"

#include "cluster/cluster.h"
#include "cluster/join/lookup.h"
#include "cluster/join/try.h"

#include <pthread.h>

enum answers {
	ADDRESSES,
	SERVICES,
	REASON,
	THREAD,
	NEVER
};

struct names {
	enum answers with;
	size_t asked;
	uint64_t ticket;
	enum shoal_name_kind kind;
	char name[8][64];
	struct shoal_addr addr[2];
	struct shoal_service service[3];
	size_t services;
	struct shoal_cluster *cluster;
	pthread_t thread;
	int rc;
};

static void *
answer_elsewhere(void *arg)
{
	struct names *names = arg;

	names->rc = shoal_resolved(names->cluster, names->ticket, names->addr, 1);
	return NULL;
}

static void
on_question(struct shoal_cluster *cluster, const struct shoal_name_question *question, void *arg)
{
	struct names *names = arg;

	assert_true(names->asked < COUNT_OF(names->name));
	snprintf(names->name[names->asked], sizeof(names->name[0]), "%s", question->name);
	names->asked++;
	names->ticket = question->ticket;
	names->kind = question->kind;
	names->cluster = cluster;
	if (names->with == NEVER) {
		return;
	}
	if (names->with == THREAD) {
		assert_int_equal(pthread_create(&names->thread, NULL, answer_elsewhere, names), 0);
		return;
	}
	if (names->with == REASON) {
		names->rc = shoal_unresolved(cluster, names->ticket, "the directory is closed");
	} else if (question->kind == SHOAL_NAME_SERVICE) {
		names->rc = shoal_resolved_services(
		        cluster, names->ticket, names->service, names->services);
	} else {
		names->rc = shoal_resolved(cluster, names->ticket, names->addr, 2);
	}
}

static void
read_addr(struct shoal_addr *addr, const char *text)
{
	assert_int_equal(shoal_addr_parse(addr, text), 0);
}

/* Two asks the application; one is at 127.0.0.1:7001. */
static struct shoal_cluster *
names_open(struct place *place, struct names *names, enum answers with)
{
	memset(names, 0, sizeof(*names));
	names->with = with;
	names->rc = -99;
	read_addr(&names->addr[0], "127.0.0.1:7001");
	read_addr(&names->addr[1], "[::1]:7009");
	place_open(place);
	place->config.resolver = on_question;
	place->config.resolver_arg = names;
	place->config.family = "ipv6"; /* counts for nothing here */
	place_start(place, "one", "127.0.0.1:7001", false);
	return place_start(place, "two", "127.0.0.1:7002", true);
}

static void
asked_until(struct place *place, const struct names *names, size_t wanted)
{
	for (unsigned i = 0; names->asked < wanted; i++) {
		assert_true(i < 60000);
		place_turn(place);
	}
}

static void
begin_join(struct place *place, struct shoal_cluster *cluster, const char *seed, unsigned ms)
{
	place->ended = 0;
	assert_int_equal(
	        shoal_cluster_join_async(cluster, &seed, 1, ms, place_on_joined, place), 0);
}

static void
ended_until(struct place *place)
{
	for (unsigned i = 0; place->ended == 0; i++) {
		assert_true(i < 60000);
		place_turn(place);
	}
}

static void
addresses_count_in_the_order_of_the_application(void **state)
{
	struct shoal_cluster *two;
	struct names names;
	struct place place;

	(void)state;
	two = names_open(&place, &names, ADDRESSES);
	names.addr[0].port = 0; /* that of the seed */
	assert_int_equal(place_join(&place, two, "db.test:7001", 20000), 0);
	assert_int_equal(names.rc, 0);
	assert_int_equal(names.asked, 1);
	assert_int_equal(names.kind, SHOAL_NAME_HOST);
	assert_string_equal(names.name[0], "db.test");
	assert_string_equal(place_asked_at(0), "127.0.0.1:7001");
	assert_string_equal(place_asked_at(1), "[::1]:7009");
	assert_int_equal(place.dns.by_udp, 0);
	place_close(&place);
}

static void
hosts_of_a_service_go_by_priority_and_names_among_them_are_asked_for(void **state)
{
	struct shoal_cluster *two;
	struct names names;
	struct place place;

	(void)state;
	two = names_open(&place, &names, SERVICES);
	names.service[0] = (struct shoal_service){"last.test", 7003, 2, 0};
	names.service[1] = (struct shoal_service){"127.0.0.8", 7008, 0, 0};
	names.service[2] = (struct shoal_service){"one.test", 7009, 1, 0};
	names.services = 3;
	assert_int_equal(place_join(&place, two, "srv+example.test", 20000), 0);
	assert_int_equal(names.asked, 2);
	assert_string_equal(names.name[0], "_shoal._tcp.example.test");
	assert_string_equal(names.name[1], "one.test");
	assert_string_equal(place_asked_at(0), "127.0.0.8:7008");
	assert_string_equal(place_asked_at(1), "127.0.0.1:7001");
	assert_int_equal(place.dns.by_udp, 0);
	place_close(&place);
}

static void
another_thread_may_answer(void **state)
{
	struct shoal_cluster *two;
	struct names names;
	struct place place;

	(void)state;
	two = names_open(&place, &names, THREAD);
	assert_int_equal(place_join(&place, two, "db.test", 60000), 0);
	assert_int_equal(pthread_join(names.thread, NULL), 0);
	assert_int_equal(names.rc, 0);
	assert_int_equal(place.reached, 1);
	place_close(&place);
}

static void
its_reason_is_in_the_error_of_the_join(void **state)
{
	struct shoal_cluster *two;
	struct names names;
	struct place place;

	(void)state;
	two = names_open(&place, &names, REASON);
	assert_int_equal(place_join(&place, two, "db.test", 20000), SHOAL_ERR_NO_SEED);
	assert_int_equal(names.rc, 0);
	place_says(&place, "db.test: host name could not be resolved: the directory is closed");
	assert_int_equal(place_join(&place, two, "srv+db.test", 20000), SHOAL_ERR_NO_SEED);
	place_says(&place, "srv+db.test: host name could not be resolved: the directory is closed");
	place_close(&place);
}

static void
a_question_is_answered_once_and_in_its_own_way(void **state)
{
	static const struct shoal_service service = {"one.test", 7001, 0, 0};
	static const struct shoal_service bad[] = {{NULL, 1, 0, 0}, {"", 1, 0, 0}, {"a", 0, 0, 0},
	        {"a b", 1, 0, 0}, {"evil.test/x", 1, 0, 0}, {"a:1", 1, 0, 0},
	        {"1.2.3.4:5", 1, 0, 0}, {"d\xc3\xbc", 1, 0, 0}};
	char longest[SHOAL_HOST_MAX + 2], reason[SHOAL_RESOLVED_REASON + 2];
	struct shoal_addr many[SHOAL_RESOLVED_MAX + 1] = {0};
	struct shoal_cluster *two;
	struct names names;
	struct place place;

	(void)state;
	two = names_open(&place, &names, NEVER);
	begin_join(&place, two, "db.test", 60000);
	asked_until(&place, &names, 1);
	assert_int_equal(
	        shoal_resolved_services(two, names.ticket, &service, 1), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "addresses of a host"));
	assert_int_equal(shoal_resolved(two, names.ticket, names.addr, 0), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_resolved(two, names.ticket, NULL, 1), SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_resolved(two, names.ticket, many, COUNT_OF(many)), SHOAL_ERR_INVALID);
	many[0].ip[0] = 1;
	assert_int_equal(shoal_resolved(two, names.ticket, many, 1), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "stands for a URL"));
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(
		        shoal_resolved_services(two, names.ticket, &bad[i], 1), SHOAL_ERR_INVALID);
	}
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(shoal_resolved_services(
	                         two, names.ticket, &(struct shoal_service){longest, 1, 0, 0}, 1),
	        SHOAL_ERR_INVALID);
	memset(reason, 'a', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	assert_int_equal(shoal_unresolved(two, names.ticket, reason), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_unresolved(two, names.ticket, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_unresolved(two, names.ticket, "a\nb"), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_resolved(two, names.ticket + 1, names.addr, 1), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_resolved(two, 0, names.addr, 1), SHOAL_ERR_NOT_FOUND);
	/* After all of this the question is open. */
	assert_int_equal(shoal_resolved(two, names.ticket, names.addr, 1), 0);
	assert_int_equal(shoal_resolved(two, names.ticket, names.addr, 1), SHOAL_ERR_NOT_FOUND);
	assert_non_null(strstr(shoal_last_error(), "answered before"));
	ended_until(&place);
	assert_int_equal(place.code, 0);
	assert_int_equal(shoal_unresolved(two, names.ticket, "late"), SHOAL_ERR_NOT_FOUND);
	begin_join(&place, two, "srv+db.test", 60000);
	asked_until(&place, &names, 2);
	assert_int_equal(shoal_resolved(two, names.ticket, names.addr, 1), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "for a service"));
	assert_int_equal(shoal_unresolved(two, names.ticket, "no such service"), 0);
	ended_until(&place);
	assert_int_equal(place.code, SHOAL_ERR_NO_SEED);
	place_close(&place);
}

static void
who_never_answers_holds_nobody_up_for_good(void **state)
{
	struct shoal_cluster *two;
	struct names names;
	struct place place;

	(void)state;
	two = names_open(&place, &names, NEVER);
	assert_int_equal(place_join(&place, two, "db.test", 50), SHOAL_ERR_NO_SEED);
	place_says(&place, "db.test: host name could not be resolved: timed out");
	assert_int_equal(shoal_resolved(two, names.ticket, names.addr, 1), SHOAL_ERR_NOT_FOUND);
	two->questions.asked_ms = 20;
	assert_int_equal(place_join(&place, two, "other.test", 60000), SHOAL_ERR_NO_SEED);
	place_says(&place, "could not be resolved: the application has not answered in time");
	assert_int_equal(shoal_resolved(two, names.ticket, names.addr, 1), SHOAL_ERR_NOT_FOUND);
	place_close(&place);
}

static void
after_a_stop_nobody_listens(void **state)
{
	struct shoal_cluster *two;
	struct names names;
	struct place place;

	(void)state;
	two = names_open(&place, &names, NEVER);
	begin_join(&place, two, "db.test", 60000);
	asked_until(&place, &names, 1);
	assert_int_equal(shoal_cluster_stop(two), 0);
	assert_int_equal(shoal_resolved(two, names.ticket, names.addr, 1), SHOAL_ERR_STATE);
	assert_int_equal(shoal_unresolved(two, names.ticket, "late"), SHOAL_ERR_STATE);
	ended_until(&place);
	assert_int_equal(place.code, SHOAL_ERR_CANCELED);
	place_close(&place);

	/* Answered, and stopped before the loop has heard of it. */
	two = names_open(&place, &names, NEVER);
	begin_join(&place, two, "db.test", 60000);
	asked_until(&place, &names, 1);
	assert_int_equal(shoal_resolved(two, names.ticket, names.addr, 1), 0);
	place_close(&place);
}

static void
nothing(void *arg, const struct shoal_resolve_answer *answer)
{
	(void)arg;
	(void)answer;
}

static void
on_tried(void *arg, const struct shoal_try *try, const char *seed, enum shoal_try_result result,
        const char *why)
{
	(void)try;
	(void)seed;
	assert_int_equal(result, SHOAL_TRY_FAILED);
	snprintf(arg, 100, "%s", why);
}

/* Those whose question waits for the callbacks' thread keep their places, also given up. A service
 * that cannot be asked for is the end of its seed, and of no join. */
static void
no_more_questions_wait_than_there_are_places(void **state)
{
	static struct shoal_lookup *lookup[4096], *more;
	struct shoal_cluster *two;
	struct shoal_try *try;
	struct names names;
	struct place place;
	char why[100] = "";

	(void)state;
	two = names_open(&place, &names, NEVER);
	for (size_t i = 0; i < COUNT_OF(lookup); i++) {
		assert_int_equal(
		        shoal_lookup_host(&lookup[i], two, "db.test", 1, 1, nothing, NULL), 0);
	}
	assert_int_equal(
	        shoal_lookup_host(&more, two, "db.test", 1, 1, nothing, NULL), SHOAL_ERR_LIMIT);
	assert_int_equal(shoal_try_begin(&try, two, "srv+db.test", 60000, false, on_tried, why), 0);
	for (size_t i = 0; i < COUNT_OF(lookup); i++) {
		shoal_lookup_cancel(lookup[i]);
	}
	assert_int_equal(
	        shoal_lookup_host(&more, two, "db.test", 1, 1, nothing, NULL), SHOAL_ERR_LIMIT);
	for (unsigned i = 0; two->questions.asked.count > 0; i++) {
		assert_true(i < 60000);
		place_turn(&place);
	}
	assert_int_equal(names.asked, 0);
	assert_string_equal(why, "srv+db.test: a configured limit was reached");
	assert_int_equal(shoal_lookup_host(&more, two, "db.test", 1, 1, nothing, NULL), 0);
	shoal_lookup_cancel(more);
	place_close(&place);
}

static void
on_looked(void *arg, const struct shoal_resolve_answer *answer)
{
	size_t *ended = arg;

	assert_int_equal(answer->code, SHOAL_ERR_RESOLVE);
	++*ended;
}

static void
turn_until(struct place *place, const size_t *ended, size_t wanted)
{
	for (unsigned i = 0; *ended < wanted; i++) {
		assert_true(i < 60000);
		place_turn(place);
	}
}

/* Each has a socket of its own, and thousands of peers may have one after an outage. */
static void
few_questions_are_out_at_name_servers_at_once(void **state)
{
	struct shoal_lookup *lookup[40];
	struct shoal_cluster *two;
	struct place place;
	size_t ended = 0;

	(void)state;
	place_open(&place);
	place.dns.silent = true;
	two = place_start(&place, "two", "127.0.0.1:7002", true);
	for (size_t i = 0; i < COUNT_OF(lookup); i++) {
		assert_int_equal(
		        shoal_lookup_host(&lookup[i], two, "db.test", 1, 1, on_looked, &ended), 0);
	}
	assert_int_equal(two->questions.out[0], 32);
	shoal_lookup_cancel(lookup[0]);  /* its place is the 33rd's */
	shoal_lookup_cancel(lookup[32]); /* and now the 34th's */
	shoal_lookup_cancel(lookup[39]); /* which waits */
	place_turn(&place);
	assert_int_equal(two->questions.out[0], 32);
	for (size_t i = 0; i < COUNT_OF(lookup); i++) {
		if (i != 0 && i != 32 && i != 39) {
			shoal_lookup_cancel(lookup[i]);
		}
	}
	assert_int_equal(two->questions.out[0], 0);
	two->questions.asked_ms = 30;
	for (size_t i = 0; i < COUNT_OF(lookup); i++) {
		assert_int_equal(
		        shoal_lookup_host(&lookup[i], two, "db.test", 1, 1, on_looked, &ended), 0);
	}
	turn_until(&place, &ended, COUNT_OF(lookup));
	assert_int_equal(two->questions.out[0], 0);
	place.dns.silent = false; /* there is no such name, for all in turn */
	two->questions.asked_ms = 60000;
	for (size_t i = 0; i < COUNT_OF(lookup); i++) {
		assert_int_equal(
		        shoal_lookup_host(&lookup[i], two, "db.test", 1, 1, on_looked, &ended), 0);
	}
	turn_until(&place, &ended, 2 * COUNT_OF(lookup));
	assert_int_equal(two->questions.out[0], 0);
	place_close(&place);
}

/* A member at a URL over HTTP, found by its name and by the records of a service. */
static void
names_in_urls_are_asked_for_too(void **state)
{
	struct shoal_cluster *one, *two;
	struct shoal_config config;
	char address[SHOAL_URL_TEXT], seed[64];
	struct names names;
	struct place place;

	(void)state;
	memset(&names, 0, sizeof(names));
	names.with = SERVICES;
	place_open(&place);
	for (size_t i = 0; i < 2; i++) {
		shoal_config_init(&config);
		config.name = i == 0 ? "one" : "two";
		config.bind = "http://127.0.0.1:0/gossip";
		config.run = SHOAL_RUN_BASE;
		config.base = place.base;
		config.resolver = on_question;
		config.resolver_arg = &names;
		assert_int_equal(shoal_cluster_new(&place.member[i], &config), 0);
		assert_int_equal(shoal_cluster_start(place.member[i]), 0);
		place.members++;
	}
	one = place.member[0];
	two = place.member[1];
	assert_int_equal(shoal_cluster_address(one, address, sizeof(address)), 0);
	names.service[0].host = "one.test";
	assert_int_equal(sscanf(address, "http://127.0.0.1:%hu/gossip", &names.service[0].port), 1);
	names.services = 1;
	read_addr(&names.addr[0], "127.0.0.1:1");
	names.addr[0].port = names.addr[1].port = 0;
	names.addr[1] = names.addr[0];
	snprintf(seed, sizeof(seed), "srv+http://example.test/gossip");
	assert_int_equal(place_join(&place, two, seed, 60000), 0);
	assert_int_equal(place.reached, 1);
	assert_string_equal(names.name[0], "_shoal-http._tcp.example.test");
	assert_string_equal(names.name[1], "one.test");
	assert_int_equal(names.asked, 2);
	place_close(&place);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(addresses_count_in_the_order_of_the_application),
	        cmocka_unit_test(
	                hosts_of_a_service_go_by_priority_and_names_among_them_are_asked_for),
	        cmocka_unit_test(another_thread_may_answer),
	        cmocka_unit_test(its_reason_is_in_the_error_of_the_join),
	        cmocka_unit_test(a_question_is_answered_once_and_in_its_own_way),
	        cmocka_unit_test(who_never_answers_holds_nobody_up_for_good),
	        cmocka_unit_test(after_a_stop_nobody_listens),
	        cmocka_unit_test(no_more_questions_wait_than_there_are_places),
	        cmocka_unit_test(few_questions_are_out_at_name_servers_at_once),
	        cmocka_unit_test(names_in_urls_are_asked_for_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
