/* SPDX-License-Identifier: MIT */
/* Names on an event loop: the hosts file, a name that cannot be one, and ending a question early.
 * No question leaves the machine. */
#include "unit.h"

#include "base/addr.h"
#include "heap_fault.h"
#include "transports/resolve.h"

#include <event2/event.h>
#include <stdio.h>

struct answer {
	unsigned calls;
	int code;
	char why[100];
	size_t count;
	struct shoal_addr addr[8];
	bool inside; /* shoal_resolve_begin has not returned */
};

static void
on_answer(void *arg, int code, const char *why, const struct shoal_addr *addr, size_t n)
{
	struct answer *answer = arg;

	assert_false(answer->inside);
	answer->calls++;
	answer->code = code;
	snprintf(answer->why, sizeof(answer->why), "%s", why);
	answer->count = n;
	memcpy(answer->addr, addr, n * sizeof(*addr));
}

static int
ask(const struct shoal_allocator *mem, struct event_base *base, const char *host,
        struct answer *answer)
{
	struct shoal_resolve *resolve;
	int rc;

	memset(answer, 0, sizeof(*answer));
	answer->inside = true;
	rc = shoal_resolve_begin(
	        &resolve, mem, base, host, 7946, COUNT_OF(answer->addr), on_answer, answer);
	answer->inside = false;
	if (rc == 0) {
		event_base_dispatch(base);
	}
	return rc;
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
	struct event_base *base = event_base_new();
	struct shoal_resolve *resolve;
	struct answer answer = {0};
	struct heap_fault fault;

	(void)state;
	heap_fault_init(&fault);
	assert_int_equal(shoal_resolve_begin(&resolve, &fault.mem, base, "localhost", 1,
	                         COUNT_OF(answer.addr), on_answer, &answer),
	        0);
	shoal_resolve_cancel(resolve);
	event_base_dispatch(base);
	assert_int_equal(answer.calls, 0);
	assert_int_equal(fault.live, 0);
	event_base_free(base);
}

static int
resolve_once(const struct shoal_allocator *mem, void *arg)
{
	struct event_base *base = arg;
	struct answer answer;
	int rc = ask(mem, base, "localhost", &answer);

	assert_int_equal(answer.calls, rc == 0 ? 1 : 0);
	return rc;
}

static void
a_failed_allocation_is_told(void **state)
{
	struct event_base *base = event_base_new();

	(void)state;
	assert_true(heap_fault_sweep(resolve_once, base) >= 1);
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(localhost_has_its_loopback_addresses_with_the_port),
	        cmocka_unit_test(what_cannot_be_a_name_fails_with_a_reason),
	        cmocka_unit_test(a_canceled_question_is_not_answered_and_leaves_nothing),
	        cmocka_unit_test(a_failed_allocation_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
