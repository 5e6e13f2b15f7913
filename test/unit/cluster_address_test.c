/* SPDX-License-Identifier: MIT */
/* Addresses as users write them, and what a wildcard stands for on this machine. */
#include "unit.h"

#include "base/addr.h"
#include "cluster/join/address.h"

static void
splits(const char *text, const char *host, bool has_port, unsigned port)
{
	struct shoal_address_parts parts;

	assert_int_equal(shoal_address_split(&parts, text), 0);
	assert_string_equal(parts.host, host);
	assert_int_equal(parts.has_port, has_port);
	assert_int_equal(parts.port, port);
}

static void
a_seed_is_split_into_host_and_port(void **state)
{
	(void)state;
	splits("web-1", "web-1", false, 0);
	splits("web-1:80", "web-1", true, 80);
	splits("1.2.3.4:65535", "1.2.3.4", true, 65535);
	splits("[2001:db8::1]:7", "2001:db8::1", true, 7);
	splits("[fe80::1%eth0]", "fe80::1%eth0", false, 0);
	splits("2001:db8::1", "2001:db8::1", false, 0);
}

static void
what_has_no_such_form_is_refused(void **state)
{
	static const char *const bad[] = {
	        "", ":80", "web:", "web:x", "web:65536", "web:-1", "[::1", "[::1]x", "[]:7", "[]"};
	char longest[SHOAL_ADDRESS_HOST_MAX + 1];
	struct shoal_address_parts parts;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(shoal_address_split(&parts, bad[i]), SHOAL_ERR_INVALID);
	}
	memset(longest, 'a', sizeof(longest));
	longest[SHOAL_ADDRESS_HOST_MAX] = '\0';
	assert_int_equal(shoal_address_split(&parts, longest), SHOAL_ERR_INVALID);
	longest[SHOAL_ADDRESS_HOST_MAX - 1] = '\0';
	assert_int_equal(shoal_address_split(&parts, longest), 0);
}

static void
a_numeric_host_becomes_an_address_and_a_name_does_not(void **state)
{
	struct shoal_addr addr = {.port = 9};
	char text[SHOAL_ADDR_TEXT];

	(void)state;
	assert_int_equal(shoal_address_numeric(&addr, "web-1", 7), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_address_numeric(&addr, "1.2.3", 7), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_address_numeric(&addr, "1.2.3.4%1", 7), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_address_numeric(&addr, "fe80::1%nosuchif0", 7), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_address_numeric(&addr, "fe80::1%0", 7), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_address_numeric(&addr, "100::1", 7), SHOAL_ERR_INVALID);
	assert_int_equal(addr.port, 9);
	assert_int_equal(shoal_address_numeric(&addr, "1.2.3.4", 7), 0);
	assert_string_equal(shoal_addr_print(&addr, text, sizeof(text)), "1.2.3.4:7");
	assert_int_equal(shoal_address_numeric(&addr, "2001:db8::1", 7), 0);
	assert_string_equal(shoal_addr_print(&addr, text, sizeof(text)), "[2001:db8::1]:7");
	assert_int_equal(shoal_address_numeric(&addr, "fe80::1%3", 7), 0);
	assert_int_equal(addr.scope, 3);
	assert_int_equal(shoal_address_numeric(&addr, "fe80::1%lo", 7), 0);
	assert_int_not_equal(addr.scope, 0);
}

static void
a_list_has_commas_and_at_most_four_addresses(void **state)
{
	struct shoal_address_list list;
	char why[300];

	(void)state;
	assert_int_equal(
	        shoal_address_list(&list, " 1.2.3.4:5 , [::1]:6 ", false, why, sizeof(why)), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.addr[0].port, 5);
	assert_int_equal(list.addr[1].port, 6);
	assert_string_equal(list.url.text, "");
	assert_int_equal(shoal_address_list(&list, "1.2.3.4,::1", true, why, sizeof(why)), 0);
	assert_int_equal(list.addr[0].port, 0);
	assert_int_equal(
	        shoal_address_list(&list, "1.2.3.4", false, why, sizeof(why)), SHOAL_ERR_INVALID);
	assert_non_null(strstr(why, "\"1.2.3.4\""));
	assert_int_equal(shoal_address_list(&list, "1.1.1.1:1,,", false, why, sizeof(why)),
	        SHOAL_ERR_INVALID);
	assert_int_equal(shoal_address_list(&list, "::1,::2,::3,::4,::5", true, why, sizeof(why)),
	        SHOAL_ERR_INVALID);
	assert_non_null(strstr(why, "more than 4"));
}

static void
a_list_may_name_one_url(void **state)
{
	static const struct {
		const char *text, *says;
	} bad[] = {{"http://a,http://b", "more than one URL"}, {"http://a/?x", "query"},
	        {"http://", "no host"}, {"ftp://a:1", "is no address"},
	        {"http://a,::1,::2,::3,::4", "more than 4"},
	        {"::1,::2,::3,::4,https://a", "more than 4"}};
	struct shoal_address_list list;
	char why[300];

	(void)state;
	assert_int_equal(shoal_address_list(
	                         &list, "1.2.3.4:5, HTTP://[::1]:80/a/ ", false, why, sizeof(why)),
	        0);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.url.text, "http://[::1]/a");
	assert_int_equal(shoal_address_list(&list, "https://a:0", false, why, sizeof(why)), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(list.url.port, 0);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(shoal_address_list(&list, bad[i].text, true, why, sizeof(why)),
		        SHOAL_ERR_INVALID);
		assert_non_null(strstr(why, bad[i].says));
	}
}

static void
a_wildcard_stands_for_an_address_of_this_machine_with_its_port(void **state)
{
	static const char *const wildcard[] = {"0.0.0.0", "::"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wildcard); i++) {
		struct shoal_addr any, addr = {.port = 1};
		int rc;

		assert_int_equal(shoal_address_numeric(&any, wildcard[i], 4711), 0);
		rc = shoal_address_of_route(&addr, &any);
		if (rc != 0) {
			assert_int_equal(rc, SHOAL_ERR_NOT_FOUND);
			assert_int_equal(addr.port, 1);
			continue;
		}
		assert_int_equal(addr.port, 4711);
		assert_int_equal(shoal_addr_is_ipv4(&addr), shoal_addr_is_ipv4(&any));
		assert_false(shoal_addr_is_wildcard(&addr));
		assert_true(shoal_address_is_local(&addr));
	}
}

static void
loopback_is_local_and_documentation_is_not(void **state)
{
	struct shoal_addr addr;

	(void)state;
	assert_int_equal(shoal_address_numeric(&addr, "127.0.0.1", 1), 0);
	assert_true(shoal_address_is_local(&addr));
	assert_int_equal(shoal_address_numeric(&addr, "::1", 1), 0);
	assert_true(shoal_address_is_local(&addr));
	assert_int_equal(shoal_address_numeric(&addr, "192.0.2.77", 1), 0);
	assert_false(shoal_address_is_local(&addr));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_seed_is_split_into_host_and_port),
	        cmocka_unit_test(what_has_no_such_form_is_refused),
	        cmocka_unit_test(a_numeric_host_becomes_an_address_and_a_name_does_not),
	        cmocka_unit_test(a_list_has_commas_and_at_most_four_addresses),
	        cmocka_unit_test(a_list_may_name_one_url),
	        cmocka_unit_test(a_wildcard_stands_for_an_address_of_this_machine_with_its_port),
	        cmocka_unit_test(loopback_is_local_and_documentation_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
