/* SPDX-License-Identifier: MIT */
/* The share of the loop's time that handshakes of those who dial may take, of one source and in
 * all, counted by a clock of the test's. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "transports/handshakes.h"

static const uint64_t key[2] = {1, 2};

static struct shoal_addr
from(const char *text)
{
	struct shoal_addr addr;

	assert_int_equal(shoal_addr_parse(&addr, text), 0);
	return addr;
}

/* How many handshakes of a cost are let in until a time, who tries once in a millisecond. */
static unsigned
let_in(struct shoal_handshakes *handshakes, const char *text, uint64_t from_ms, uint64_t to_ms,
        uint64_t cost_ms)
{
	struct shoal_addr addr = from(text);
	unsigned count = 0;

	for (uint64_t ms = from_ms; ms < to_ms; ms++) {
		if (shoal_handshakes_may(handshakes, key, &addr, SHOAL_MS(ms))) {
			shoal_handshakes_spend(
			        handshakes, key, &addr, SHOAL_MS(ms), SHOAL_MS(cost_ms));
			count++;
		}
	}
	return count;
}

static void
one_source_gets_a_quarter_of_the_time_and_others_theirs(void **state)
{
	struct shoal_handshakes handshakes = {0};

	(void)state;
	/* A quarter of ten seconds, and half a second. */
	unsigned count = let_in(&handshakes, "192.0.2.1:1", 10000, 20000, 5);
	assert_in_range(count, 599, 602);
	struct shoal_addr port = from("192.0.2.1:2"), other = from("192.0.2.77:1");
	shoal_handshakes_spend(&handshakes, key, &port, SHOAL_SEC(20), SHOAL_MS(10));
	assert_false(shoal_handshakes_may(&handshakes, key, &port, SHOAL_SEC(20)));
	assert_true(shoal_handshakes_may(&handshakes, key, &other, SHOAL_SEC(20)));
	/* It comes back when its time has passed; what costs nothing uses nothing. */
	assert_true(shoal_handshakes_may(&handshakes, key, &port, SHOAL_MS(20060)));
	assert_int_equal(let_in(&handshakes, "192.0.2.1:3", 20060, 21060, 0), 1000);
}

static void
a_network_of_ipv6_is_one_source(void **state)
{
	struct shoal_handshakes handshakes = {0};
	struct shoal_addr one = from("[2001:db8::1]:1"), same = from("[2001:db8::ffff:1]:1"),
	                  other = from("[2001:db8:0:9::1]:1");

	(void)state;
	shoal_handshakes_spend(&handshakes, key, &one, SHOAL_SEC(1), SHOAL_MS(501));
	assert_false(shoal_handshakes_may(&handshakes, key, &same, SHOAL_SEC(1)));
	assert_true(shoal_handshakes_may(&handshakes, key, &other, SHOAL_SEC(1)));
}

static void
all_sources_together_get_half(void **state)
{
	struct shoal_handshakes handshakes = {0};
	unsigned count = 0;
	char text[32];

	(void)state;
	for (uint64_t ms = 10000; ms < 20000; ms++) {
		snprintf(text, sizeof(text), "10.%u.%u.1:1", (unsigned)(ms / 200),
		        (unsigned)(ms % 200));
		count += let_in(&handshakes, text, ms, ms + 1, 5);
	}
	assert_in_range(count, 1199, 1202);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_source_gets_a_quarter_of_the_time_and_others_theirs),
	        cmocka_unit_test(a_network_of_ipv6_is_one_source),
	        cmocka_unit_test(all_sources_together_get_half),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
