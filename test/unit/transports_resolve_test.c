/* SPDX-License-Identifier: MIT */
/* Names on an event loop: the hosts file, what a name server of the test's answers and how it
 * fails, and ending a question early. No question leaves the machine. */
#include "unit.h"

#include "base/addr.h"
#include "base/rng.h"
#include "heap_fault.h"
#include "transports/resolve.h"
#include "unit_dns.h"

#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct answer {
	struct event_base *base;
	unsigned calls;
	int code;
	char why[100];
	size_t count, left_out;
	struct shoal_addr addr[8];
	struct shoal_service service[8];
	char host[8][SHOAL_HOST_MAX + 1];
	bool inside; /* shoal_resolve_host has not returned */
};

static void
on_answer(void *arg, const struct shoal_resolve_answer *found)
{
	struct answer *answer = arg;

	assert_false(answer->inside);
	answer->calls++;
	answer->code = found->code;
	if (found->code != 0) {
		snprintf(answer->why, sizeof(answer->why), "%s", found->why);
	}
	answer->count = found->n;
	answer->left_out = found->left_out;
	for (size_t i = 0; i < found->n && found->service != NULL; i++) {
		answer->service[i] = found->service[i];
		snprintf(answer->host[i], sizeof(answer->host[i]), "%s", found->service[i].host);
	}
	if (found->addr != NULL) {
		memcpy(answer->addr, found->addr, found->n * sizeof(*found->addr));
	}
	event_base_loopexit(answer->base, NULL);
}

static int
ask_as(const struct shoal_resolve_how *how, const char *name, bool service, struct answer *answer)
{
	struct shoal_resolve *resolve;
	int rc;

	memset(answer, 0, sizeof(*answer));
	answer->base = how->base;
	answer->inside = true;
	if (service) {
		rc = shoal_resolve_service(
		        &resolve, how, name, COUNT_OF(answer->service), on_answer, answer);
	} else {
		rc = shoal_resolve_host(
		        &resolve, how, name, 7946, COUNT_OF(answer->addr), on_answer, answer);
	}
	answer->inside = false;
	if (rc == 0) {
		event_base_dispatch(how->base);
	}
	return rc;
}

static int
ask(const struct shoal_allocator *mem, struct event_base *base, const char *host,
        struct answer *answer)
{
	const struct shoal_resolve_how how = {.mem = mem, .base = base};

	return ask_as(&how, host, false, answer);
}

/* A name server, and how it is asked. */
struct site {
	struct heap_fault fault;
	struct shoal_rng rng;
	struct dns dns;
	struct shoal_resolve_how how;
	struct answer answer;
};

static void
site_open(struct site *site, const struct dns_record *record, size_t records)
{
	memset(site, 0, sizeof(*site));
	heap_fault_init(&site->fault);
	shoal_rng_init(&site->rng, 1, 1);
	site->dns.record = record;
	site->dns.records = records;
	site->how.mem = &site->fault.mem;
	site->how.base = event_base_new();
	site->how.rng = &site->rng;
	site->how.server = &site->dns.addr;
	site->how.servers = 1;
	dns_start(&site->dns, site->how.base);
}

static void
site_close(struct site *site)
{
	assert_int_equal(site->fault.live, 0);
	dns_stop(&site->dns);
	event_base_free(site->how.base);
}

static struct answer *
site_ask(struct site *site, const char *name, bool service)
{
	assert_int_equal(ask_as(&site->how, name, service, &site->answer), 0);
	assert_int_equal(site->answer.calls, 1);
	return &site->answer;
}

static const char *
text_of(const struct shoal_addr *addr)
{
	static char text[SHOAL_ADDR_TEXT];

	return shoal_addr_print(addr, text, sizeof(text));
}

static void
localhost_has_its_loopback_addresses_with_the_port(void **state)
{
	struct event_base *base = event_base_new();
	struct heap_fault fault;
	struct answer answer;

	(void)state;
	heap_fault_init(&fault);
	assert_int_equal(ask(&fault.mem, base, "localhost", &answer), 0);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(answer.code, 0);
	assert_in_range(answer.count, 1, 8);
	for (size_t i = 0; i < answer.count; i++) {
		assert_true(shoal_addr_is_loopback(&answer.addr[i]));
		assert_int_equal(answer.addr[i].port, 7946);
		for (size_t j = 0; j < i; j++) {
			assert_false(shoal_addr_equal(&answer.addr[i], &answer.addr[j]));
		}
	}
	assert_int_equal(fault.live, 0);
	event_base_free(base);
}

static void
what_cannot_be_a_name_fails_with_a_reason(void **state)
{
	struct event_base *base = event_base_new();
	struct heap_fault fault;
	struct answer answer;

	(void)state;
	heap_fault_init(&fault);
	assert_int_equal(ask(&fault.mem, base, "two..dots", &answer), 0);
	assert_int_equal(answer.calls, 1);
	assert_int_equal(answer.code, SHOAL_ERR_RESOLVE);
	assert_int_equal(answer.count, 0);
	assert_true(strlen(answer.why) > 0);
	assert_int_equal(fault.live, 0);
	event_base_free(base);
}

static void
a_canceled_question_is_not_answered_and_leaves_nothing(void **state)
{
	struct shoal_resolve *resolve;
	struct site site;

	(void)state;
	site_open(&site, NULL, 0);
	site.dns.silent = true;
	for (unsigned wait = 0; wait < 2; wait++) {
		assert_int_equal(
		        shoal_resolve_host(&resolve, &site.how, wait > 0 ? "db.test" : "localhost",
		                1, COUNT_OF(site.answer.addr), on_answer, &site.answer),
		        0);
		while (wait > 0 && site.dns.by_udp == 0) {
			event_base_loop(site.how.base, EVLOOP_ONCE);
		}
		shoal_resolve_cancel(resolve);
		event_base_loop(site.how.base, EVLOOP_NONBLOCK);
	}
	assert_int_equal(site.answer.calls, 0);
	site_close(&site);
}

/* Its servers are tried for 14 seconds otherwise, and for as long with each search domain. */
static void
a_question_ends_in_its_time(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, NULL, 0);
	site.dns.silent = true;
	site.how.ms = 30;
	assert_int_equal(site_ask(&site, "db.test", false)->code, SHOAL_ERR_RESOLVE);
	assert_string_equal(site.answer.why, "no name server has answered in time");
	assert_in_range(site.dns.by_udp, 0, 2); /* none was sent a second time */
	site_close(&site);
}

/* Sockets and answers are the parent's. */
static void
a_child_of_fork_neither_asks_nor_hears(void **state)
{
	const struct timeval in = {.tv_usec = 100000};
	struct shoal_resolve *resolve;
	struct site site;
	int status = -1;
	pid_t child;

	(void)state;
	site_open(&site, NULL, 0);
	site.dns.silent = true;
	site.how.ms = 30;
	site.answer.base = site.how.base;
	assert_int_equal(shoal_resolve_host(&resolve, &site.how, "db.test", 1,
	                         COUNT_OF(site.answer.addr), on_answer, &site.answer),
	        0);
	child = fork();
	if (child == 0) {
		bool ready = event_reinit(site.how.base) == 0;

		event_base_loopexit(site.how.base, &in);
		event_base_dispatch(site.how.base);
		_exit(ready && site.answer.calls == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	event_base_dispatch(site.how.base);
	assert_int_equal(site.answer.calls, 1);
	site_close(&site);
}

static const struct dns_record both[] = {
        {"db.test", DNS_AAAA, "::1", 0, 0, 0},
        {"db.test", DNS_A, "127.0.0.1", 0, 0, 0},
        {"db.test", DNS_A, "127.0.0.2", 0, 0, 0},
        {"alias.test", DNS_CNAME, "db.test", 0, 0, 0},
        {"four.test", DNS_A, "127.0.0.3", 0, 0, 0},
        {"twice.test", DNS_A, "127.0.0.4", 0, 0, 0},
        {"twice.test", DNS_A, "127.0.0.4", 0, 0, 0},
};

static void
check_order(struct site *site, enum shoal_family family, const char *first, size_t count)
{
	struct answer *answer;

	site->how.family = family;
	answer = site_ask(site, "db.test", false);
	assert_int_equal(answer->code, 0);
	assert_int_equal(answer->count, count);
	assert_string_equal(text_of(&answer->addr[0]), first);
	assert_int_equal(answer->left_out, 0);
}

static void
addresses_come_in_the_order_that_the_family_asks_for(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, both, COUNT_OF(both));
	check_order(&site, SHOAL_FAMILY_ANY, text_of(&site.answer.addr[0]), 3);
	check_order(&site, SHOAL_FAMILY_IPV6_FIRST, "[::1]:7946", 3);
	assert_string_equal(text_of(&site.answer.addr[1]), "127.0.0.1:7946");
	check_order(&site, SHOAL_FAMILY_IPV4_FIRST, "127.0.0.1:7946", 3);
	assert_string_equal(text_of(&site.answer.addr[2]), "[::1]:7946");
	check_order(&site, SHOAL_FAMILY_IPV4, "127.0.0.1:7946", 2);
	check_order(&site, SHOAL_FAMILY_IPV6, "[::1]:7946", 1);
	assert_string_equal(site_ask(&site, "four.test", false)->why, "it has no IPv6 address");
	site.how.family = SHOAL_FAMILY_ANY;
	assert_string_equal(text_of(&site_ask(&site, "alias.test", false)->addr[1]),
	        text_of(&site.answer.addr[1]));
	assert_int_equal(site.answer.count, 3);
	assert_int_equal(site_ask(&site, "twice.test", false)->count, 1);
	site_close(&site);
}

/* RFC 6724, rule 1, wherever the server put it. */
static void
what_cannot_be_reached_from_here_stands_last(void **state)
{
	static const struct dns_record records[] = {
	        {"db.test", DNS_A, "255.255.255.255", 0, 0, 0}, /* connect(2): EACCES */
	        {"db.test", DNS_A, "127.0.0.9", 0, 0, 0},
	};
	struct site site;

	(void)state;
	site_open(&site, records, COUNT_OF(records));
	assert_int_equal(site_ask(&site, "db.test", false)->count, 2);
	assert_string_equal(text_of(&site.answer.addr[0]), "127.0.0.9:7946");
	site_close(&site);
}

static size_t sockets;

/* In the place of libc's: c-ares has none but by functions of resolve_sockets.c. */
int
socket(int domain, int type, int protocol)
{
	sockets++;
	return (int)syscall(SYS_socket, domain, type, protocol);
}

/* 2,000 addresses do not fit a datagram. */
static void
an_answer_that_was_cut_comes_by_tcp_and_what_is_kept_is_bounded(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, NULL, 0);
	site.dns.many = 2000;
	site.how.family = SHOAL_FAMILY_IPV4;
	sockets = 0;
	assert_int_equal(site_ask(&site, "db.test", false)->code, 0);
	assert_in_range(sockets, 100, 300); /* it is put in order, and that costs no more */
	assert_int_equal(site.answer.count, 8);
	assert_int_equal(site.answer.left_out, 1992);
	assert_int_equal(site.dns.by_tcp, 1);
	assert_in_range(site.fault.peak, 1, 16384);
	site_close(&site);
}

static const struct dns_record services[] = {
        {"_shoal._tcp.test", DNS_SRV, "b.test", 20, 1, 8001},
        {"_shoal._tcp.test", DNS_SRV, "a.test", 10, 1, 8000},
        {"_off._tcp.test", DNS_SRV, ".", 0, 0, 0},
        {"db.test", DNS_A, "127.0.0.1", 0, 0, 0},
};

static void
services_come_by_priority_with_host_and_port(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, services, COUNT_OF(services));
	assert_int_equal(site_ask(&site, "_shoal._tcp.test", true)->code, 0);
	assert_int_equal(site.answer.count, 2);
	assert_string_equal(site.answer.host[0], "a.test");
	assert_int_equal(site.answer.service[0].port, 8000);
	assert_int_equal(site.answer.service[0].priority, 10);
	assert_string_equal(site.answer.host[1], "b.test");
	assert_int_equal(site.answer.service[1].priority, 20);
	assert_int_equal(site_ask(&site, "_off._tcp.test", true)->code, SHOAL_ERR_RESOLVE);
	assert_non_null(strstr(site.answer.why, "not offered"));
	assert_string_equal(site_ask(&site, "db.test", true)->why, "it has no SRV record");
	site_close(&site);
}

static void
huge_numbers_of_services_are_chosen_from_and_bounded(void **state)
{
	static struct dns_record record[1500];
	struct site site;
	unsigned low = 0;

	(void)state;
	for (unsigned i = 0; i < COUNT_OF(record); i++) {
		/* The five of the lowest priority stand last. */
		record[i] = (struct dns_record){"_shoal._tcp.test", DNS_SRV, "a.test",
		        i < COUNT_OF(record) - 5, (uint16_t)i, (uint16_t)(i + 1)};
	}
	site_open(&site, record, COUNT_OF(record));
	assert_int_equal(site_ask(&site, "_shoal._tcp.test", true)->count, 8);
	assert_int_equal(site.answer.left_out, COUNT_OF(record) - 8);
	for (unsigned i = 0; i < 8; i++) {
		low += site.answer.service[i].priority == 0;
	}
	assert_int_equal(low, 5);
	assert_int_equal(site.answer.service[4].priority, 0);
	assert_int_equal(site.dns.by_tcp, 1);
	site_close(&site);
}

static void
check_failure(struct site *site, unsigned rcode, bool garbled, const char *why)
{
	site->dns.rcode = rcode;
	site->dns.garbled = garbled;
	for (unsigned service = 0; service < 2; service++) {
		struct answer *answer =
		        site_ask(site, service ? "_shoal._tcp.test" : "db.test", service != 0);
		assert_int_equal(answer->code, SHOAL_ERR_RESOLVE);
		assert_int_equal(answer->count, 0);
		if (strstr(answer->why, why) == NULL) {
			fail_msg("\"%s\" where \"%s\" is expected", answer->why, why);
		}
	}
}

static void
each_way_in_which_a_name_server_fails_has_its_reason(void **state)
{
	struct site site;

	(void)state;
	site_open(&site, services, COUNT_OF(services));
	check_failure(&site, DNS_SERVFAIL, false, "(SERVFAIL)");
	check_failure(&site, DNS_REFUSED, false, "(REFUSED)");
	check_failure(&site, DNS_NXDOMAIN, false, "(NXDOMAIN)");
	site.how.family = SHOAL_FAMILY_IPV4; /* or the answer of the other one counts */
	check_failure(&site, 0, true, "malformed");
	site_close(&site);
}

static void
where_no_server_can_be_reached_that_is_the_reason(void **state)
{
	struct shoal_addr gone;
	struct site site;

	(void)state;
	site_open(&site, both, COUNT_OF(both));
	gone = site.dns.addr;
	dns_stop(&site.dns);
	site.how.server = &gone;
	site.how.family = SHOAL_FAMILY_IPV4; /* one question: two on a socket hide the refusal */
	assert_int_equal(site_ask(&site, "db.test", false)->code, SHOAL_ERR_RESOLVE);
	assert_string_equal(site.answer.why, "no name server can be reached");
	dns_start(&site.dns, site.how.base);
	site_close(&site);
}

static void
the_next_server_is_asked_where_one_fails(void **state)
{
	struct shoal_addr servers[2];
	struct dns failing = {.rcode = DNS_SERVFAIL};
	struct site site;

	(void)state;
	site_open(&site, both, COUNT_OF(both));
	dns_start(&failing, site.how.base);
	servers[0] = failing.addr;
	servers[1] = site.dns.addr;
	site.how.server = servers;
	site.how.servers = 2;
	assert_int_equal(site_ask(&site, "db.test", false)->code, 0);
	assert_int_equal(site.answer.count, 3);
	assert_true(failing.by_udp > 0);
	dns_stop(&failing);
	site_close(&site);
}

static void
every_question_is_asked_anew(void **state)
{
	static struct dns_record record = {"db.test", DNS_A, "127.0.0.1", 0, 0, 0};
	struct site site;

	(void)state;
	site_open(&site, &record, 1);
	record.data = "127.0.0.1";
	assert_string_equal(text_of(&site_ask(&site, "db.test", false)->addr[0]), "127.0.0.1:7946");
	record.data = "127.0.0.2";
	assert_string_equal(text_of(&site_ask(&site, "db.test", false)->addr[0]), "127.0.0.2:7946");
	assert_string_equal(site.dns.last, "db.test");
	site_close(&site);
}

struct sweep {
	struct site site;
	bool service;
};

static int
resolve_once(const struct shoal_allocator *mem, void *arg)
{
	struct sweep *sweep = arg;
	struct answer answer;
	int rc;

	sweep->site.how.mem = mem;
	rc = ask_as(&sweep->site.how, sweep->service ? "_shoal._tcp.test" : "db.test",
	        sweep->service, &answer);
	assert_int_equal(answer.calls, rc == 0 ? 1 : 0);
	return rc != 0 ? rc : answer.code == SHOAL_ERR_NOMEM ? SHOAL_ERR_NOMEM : 0;
}

static void
a_failed_allocation_is_told(void **state)
{
	struct sweep sweep = {.service = true};

	(void)state;
	site_open(&sweep.site, services, COUNT_OF(services));
	assert_true(heap_fault_sweep(resolve_once, &sweep) >= 4);
	sweep.service = false;
	assert_true(heap_fault_sweep(resolve_once, &sweep) >= 2);
	site_close(&sweep.site);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(localhost_has_its_loopback_addresses_with_the_port),
	        cmocka_unit_test(what_cannot_be_a_name_fails_with_a_reason),
	        cmocka_unit_test(a_question_ends_in_its_time),
	        cmocka_unit_test(a_child_of_fork_neither_asks_nor_hears),
	        cmocka_unit_test(a_canceled_question_is_not_answered_and_leaves_nothing),
	        cmocka_unit_test(addresses_come_in_the_order_that_the_family_asks_for),
	        cmocka_unit_test(what_cannot_be_reached_from_here_stands_last),
	        cmocka_unit_test(an_answer_that_was_cut_comes_by_tcp_and_what_is_kept_is_bounded),
	        cmocka_unit_test(services_come_by_priority_with_host_and_port),
	        cmocka_unit_test(huge_numbers_of_services_are_chosen_from_and_bounded),
	        cmocka_unit_test(each_way_in_which_a_name_server_fails_has_its_reason),
	        cmocka_unit_test(where_no_server_can_be_reached_that_is_the_reason),
	        cmocka_unit_test(the_next_server_is_asked_where_one_fails),
	        cmocka_unit_test(every_question_is_asked_anew),
	        cmocka_unit_test(a_failed_allocation_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
