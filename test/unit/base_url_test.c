/* SPDX-License-Identifier: MIT */
/* URLs of members: the one form that is compared, what is refused, and the address for one. */
#include "unit.h"

#include <shoal/error.h>

#include "base/url.h"

#include <stdio.h>
#include <string.h>

static const char *
form_of(const char *text)
{
	static struct shoal_url url;

	assert_int_equal(shoal_url_parse(&url, text, strlen(text), NULL), SHOAL_OK);
	return url.text;
}

static const char *
fault_of(const char *text)
{
	struct shoal_url url;
	const char *why = "";

	assert_int_equal(shoal_url_parse(&url, text, strlen(text), &why), SHOAL_ERR_INVALID);
	return why;
}

static void
a_url_is_read_into_its_parts(void **state)
{
	struct shoal_url url;
	const char *text = "HTTPS://Node-1.Example.org:8443/Gossip/a%2cb";

	(void)state;
	assert_int_equal(shoal_url_parse(&url, text, strlen(text), NULL), SHOAL_OK);
	assert_true(url.tls);
	assert_string_equal(url.host, "node-1.example.org");
	assert_int_equal(url.port, 8443);
	assert_string_equal(url.path, "/Gossip/a%2Cb");
	assert_string_equal(url.text, "https://node-1.example.org:8443/Gossip/a%2Cb");
	assert_int_equal(shoal_url_parse(&url, "http://[FD00::0:1]:80/x", 23, NULL), SHOAL_OK);
	assert_string_equal(url.host, "fd00::1");
	assert_string_equal(url.text, "http://[fd00::1]/x");
}

static void
urls_of_the_same_place_have_the_same_form(void **state)
{
	(void)state;
	assert_string_equal(form_of("http://h"), "http://h");
	assert_string_equal(form_of("http://h:80/"), "http://h");
	assert_string_equal(form_of("https://h:443/a/"), "https://h/a");
	assert_string_equal(form_of("http://h:443"), "http://h:443");
	assert_string_equal(form_of("http://h.example.:7/a"), "http://h.example:7/a");
	assert_string_equal(form_of("http://h/a%c3%bc"), "http://h/a%C3%BC");
	assert_string_equal(form_of("http://h:080"), "http://h");
	assert_string_equal(form_of("http://10.0.0.1:7/a/b"), "http://10.0.0.1:7/a/b");
}

static void
what_is_no_url_of_a_member_is_refused_with_the_reason(void **state)
{
	char longer[SHOAL_URL_MAX + 8] = "http://h/";

	(void)state;
	assert_non_null(strstr(fault_of("ftp://h"), "neither http:// nor https://"));
	assert_non_null(strstr(fault_of("10.0.0.1:7946"), "neither"));
	assert_non_null(strstr(fault_of(""), "neither"));
	assert_non_null(strstr(fault_of("http://"), "no host"));
	assert_non_null(strstr(fault_of("http:///a"), "no host"));
	assert_non_null(strstr(fault_of("http://a..b"), "no name"));
	assert_non_null(strstr(fault_of("http://-a"), "no name"));
	assert_non_null(strstr(fault_of("http://me@h/a"), "a user and a password"));
	assert_non_null(strstr(fault_of("http://me:7@h:7/a"), "a user and a password"));
	assert_non_null(strstr(fault_of("http://me:secret@[::1]"), "a user and a password"));
	assert_string_equal(form_of("http://h/@"), "http://h/@");
	assert_non_null(strstr(fault_of("http://h?a"), "neither a port nor a path"));
	assert_non_null(strstr(fault_of("http://h:/a"), "1 to 65535"));
	assert_non_null(strstr(fault_of("http://h:65536"), "1 to 65535"));
	assert_non_null(strstr(fault_of("http://h:12345678"), "1 to 65535"));
	assert_non_null(strstr(fault_of("http://h:7x"), "neither a port nor a path"));
	assert_non_null(strstr(fault_of("http://h/a?b"), "query"));
	assert_non_null(strstr(fault_of("http://h/a#b"), "query"));
	assert_non_null(strstr(fault_of("http://h/a b"), "character"));
	assert_non_null(strstr(fault_of("http://h/a\r\nHost: x"), "character"));
	assert_non_null(strstr(fault_of("http://h/a%2"), "hexadecimal"));
	assert_non_null(strstr(fault_of("http://h/a%zz"), "hexadecimal"));
	assert_non_null(strstr(fault_of("http://h/%2e%2E/a"), "stands for a letter"));
	assert_non_null(strstr(fault_of("http://h/a%2Fb"), "stands for a letter"));
	assert_non_null(strstr(fault_of("http://h/%7eme"), "stands for a letter"));
	assert_non_null(strstr(fault_of("http://h/a%41"), "stands for a letter"));
	assert_non_null(strstr(fault_of("http://."), "no name"));
	assert_non_null(strstr(fault_of("http://h//a"), "empty part"));
	assert_non_null(strstr(fault_of("http://h/../a"), "empty part"));
	assert_non_null(strstr(fault_of("http://h/a/."), "ends in"));
	assert_non_null(strstr(fault_of("http://[::1"), "[ has no"));
	assert_non_null(strstr(fault_of("http://[1.2.3.4]"), "no IPv6"));
	assert_non_null(strstr(fault_of("http://[fe80::1%2]"), "without a scope"));
	memset(longer + 9, 'a', SHOAL_URL_MAX - 9);
	assert_int_equal(strlen(form_of(longer)), SHOAL_URL_MAX);
	longer[SHOAL_URL_MAX] = 'a';
	assert_non_null(strstr(fault_of(longer), "200"));
}

/* A part of a text, with whatever stands behind it, is not read past its end. */
static void
only_the_bytes_that_are_given_are_read(void **state)
{
	struct shoal_url url;

	(void)state;
	assert_int_equal(shoal_url_parse(&url, "http://host/path", 11, NULL), SHOAL_OK);
	assert_string_equal(url.text, "http://host");
	assert_int_equal(shoal_url_parse(&url, "http://h\0st", 11, NULL), SHOAL_ERR_INVALID);
}

static void
a_url_has_one_address_whatever_way_it_is_written(void **state)
{
	struct shoal_addr one, same, other, untouched = {.port = 5};
	char text[SHOAL_ADDR_TEXT];

	(void)state;
	assert_int_equal(shoal_addr_from_url(&one, "https://Node.Example:443/g/"), SHOAL_OK);
	assert_int_equal(shoal_addr_from_url(&same, "https://node.example/g"), SHOAL_OK);
	assert_int_equal(shoal_addr_from_url(&other, "https://node.example/h"), SHOAL_OK);
	assert_true(shoal_addr_equal(&one, &same));
	assert_false(shoal_addr_equal(&one, &other));
	assert_int_equal(one.port, 443);
	assert_true(shoal_addr_is_web(&one));
	assert_int_equal(shoal_addr_from_url(&untouched, "node.example"), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_addr_from_url(&untouched, "http://h:0"), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_addr_from_url(&untouched, "http://0.0.0.0:1"), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_addr_from_url(&untouched, "http://[::]:1/a"), SHOAL_ERR_INVALID);
	assert_int_equal(untouched.port, 5);
	assert_int_equal(shoal_addr_parse(&same, shoal_addr_print(&one, text, sizeof text)), 0);
	assert_true(shoal_addr_equal(&one, &same));
	assert_int_equal(shoal_addr_parse(&same, "10.0.0.1:80"), 0);
	assert_false(shoal_addr_is_web(&same));
	assert_int_equal(shoal_addr_parse(&same, "[fd00::1]:80"), 0);
	assert_false(shoal_addr_is_web(&same));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_url_is_read_into_its_parts),
	        cmocka_unit_test(urls_of_the_same_place_have_the_same_form),
	        cmocka_unit_test(what_is_no_url_of_a_member_is_refused_with_the_reason),
	        cmocka_unit_test(only_the_bytes_that_are_given_are_read),
	        cmocka_unit_test(a_url_has_one_address_whatever_way_it_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
