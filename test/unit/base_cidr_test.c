/* SPDX-License-Identifier: MIT */
/* Ranges of addresses: what is read, what is refused, what is in one to the bit. */
#include "unit.h"

#include <shoal/error.h>
#include <shoal/types.h>

#include <stdio.h>

static bool
contains(const char *range, const char *address)
{
	struct shoal_cidr cidr;
	struct shoal_addr addr;

	assert_int_equal(shoal_cidr_parse(&cidr, range), SHOAL_OK);
	assert_int_equal(shoal_addr_parse(&addr, address), SHOAL_OK);
	return shoal_cidr_contains(&cidr, &addr);
}

static void
an_address_is_in_a_range_by_its_first_bits(void **state)
{
	(void)state;
	assert_true(contains("10.0.0.0/8", "10.255.255.255:1"));
	assert_false(contains("10.0.0.0/8", "11.0.0.0:1"));
	assert_true(contains("10.1.2.128/25", "10.1.2.128:1"));
	assert_true(contains("10.1.2.128/25", "10.1.2.255:1"));
	assert_false(contains("10.1.2.128/25", "10.1.2.127:1"));
	assert_true(contains("192.168.1.7", "192.168.1.7:9"));
	assert_false(contains("192.168.1.7", "192.168.1.6:9"));
	assert_true(contains("0.0.0.0/0", "255.1.1.1:1"));
	assert_false(contains("0.0.0.0/0", "[::1]:1"));
	assert_true(contains("::/0", "[2001:db8::1]:1"));
	assert_true(contains("::/0", "10.0.0.1:1"));
	assert_true(contains("fd00::/8", "[fdff::1]:1"));
	assert_false(contains("fd00::/8", "[fc00::1]:1"));
	assert_true(contains("2001:db8::1", "[2001:db8::1]:1"));
	assert_true(contains("::ffff:10.0.0.0/104", "10.9.9.9:1"));
	assert_true(contains("fe80::/10", "[fe80::1%2]:1"));
}

static void
every_length_is_exact(void **state)
{
	struct shoal_addr zero = {.port = 1}, one;
	struct shoal_cidr cidr;

	(void)state;
	for (unsigned bits = 0; bits <= 128; bits++) {
		char text[16];
		snprintf(text, sizeof(text), "::/%u", bits);
		assert_int_equal(shoal_cidr_parse(&cidr, text), SHOAL_OK);
		assert_true(shoal_cidr_contains(&cidr, &zero));
		for (unsigned bit = 0; bit < 128; bit++) {
			one = zero;
			one.ip[bit / 8] = (uint8_t)(0x80 >> bit % 8);
			assert_int_equal(shoal_cidr_contains(&cidr, &one), bit >= bits);
		}
	}
}

static void
what_is_no_range_is_refused(void **state)
{
	static const char *const texts[] = {"", "/", "10", "10.0.0/8", "10.0.0.0/33", "10.0.0.0/",
	        "10.0.0.0/-1", "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.1/8", "10.0.0.0/08x", "::/129",
	        "fd00::1/8", "fd00::/", "[fd00::]/8", "fe80::%1/10", "example.org/8", "10.0.0.0:1",
	        "10.0.0.0/8/8",
	        "00000000000000000000000000000000000000000000000000000000000000::/8"};
	struct shoal_cidr cidr = {{9}, 9};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (shoal_cidr_parse(&cidr, texts[i]) != SHOAL_ERR_INVALID) {
			fail_msg("\"%s\" was taken", texts[i]);
		}
	}
	assert_int_equal(cidr.bits, 9);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_address_is_in_a_range_by_its_first_bits),
	        cmocka_unit_test(every_length_is_exact),
	        cmocka_unit_test(what_is_no_range_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
