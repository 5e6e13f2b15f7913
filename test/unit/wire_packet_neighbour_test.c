/* SPDX-License-Identifier: MIT */
/* What is no packet is told by name where it can be. */
#include "unit.h"

#include <stdlib.h>

#include "wire/packet.h"
#include "wire_fill.h"

static void
neighbours_are_told_by_name_where_they_can_be(void **state)
{
	static const struct {
		const char *bytes, *name;
		size_t len;
	} rows[] = {{"\x00\x82\xa4Node", "it looks like memberlist (Serf, Consul, Nomad)", 7},
	        {"\x0c\x01\x02\x03\x04", "it looks like memberlist (Serf, Consul, Nomad)", 5},
	        {"\xf4\x04prod", "it looks like memberlist (Serf, Consul, Nomad)", 6},
	        {"\x83\x00\x01", "it looks like MessagePack (Tarantool's SWIM)", 3},
	        {"\x00\x00\x00\x02", "it looks like a release of shoal from before version 1", 4},
	        {"GET / HTTP/1.1", "it looks like HTTP", 14},
	        {"\x16\x03\x01", "it looks like TLS", 3}, {"{\"a\":1}", "it looks like JSON", 7},
	        {"\xc2\x00", "a packet of another version of shoal", 2},
	        {"\xcf\x00", "a packet of another version of shoal", 2},
	        {"\xc1\x08", "a packet with flags that only a newer shoal knows", 2},
	        {"\xc1\x07", NULL, 2}, {"\xc0\x08", NULL, 2}, {"\xd0\x08", NULL, 2}, {"G", NULL, 1},
	        {"", NULL, 0}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint8_t *exact = fill_exact((const uint8_t *)rows[i].bytes, rows[i].len);
		const char *name = shoal_packet_neighbour(exact, rows[i].len);
		if (rows[i].name == NULL) {
			assert_null(name);
		} else {
			assert_non_null(name);
			assert_string_equal(name, rows[i].name);
		}
		free(exact);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(neighbours_are_told_by_name_where_they_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
