/* SPDX-License-Identifier: MIT */
/* Forms of seeds, and what is said of those that have none. */
#include "unit.h"

#include "base/addr.h"
#include "cluster/join/seed.h"

#include <stdio.h>

static struct shoal_seed
good(const char *text, enum shoal_seed_form form)
{
	struct shoal_seed seed;
	char why[300] = "";

	if (shoal_seed_parse(&seed, text, why, sizeof(why)) != 0) {
		fail_msg("%s", why);
	}
	assert_int_equal(seed.form, form);
	return seed;
}

static void
an_address_may_have_a_port_brackets_and_a_scope(void **state)
{
	static const struct {
		const char *text, *printed;
		bool has_port;
	} is[] = {{"1.2.3.4:7", "1.2.3.4:7", true}, {"1.2.3.4", "1.2.3.4:0", false},
	        {"[2001:DB8::1]:7", "[2001:db8::1]:7", true},
	        {"[2001:db8::1]", "[2001:db8::1]:0", false},
	        {"2001:db8::1", "[2001:db8::1]:0", false}, {"[fe80::1%7]:7", "[fe80::1%7]:7", true},
	        {"[fe80::1%lo]:7", "[fe80::1%1]:7", true}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(is); i++) {
		struct shoal_seed seed = good(is[i].text, SHOAL_SEED_ADDRESS);
		char text[SHOAL_ADDR_TEXT];

		assert_string_equal(
		        shoal_addr_print(&seed.addr, text, sizeof(text)), is[i].printed);
		assert_int_equal(seed.has_port, is[i].has_port);
	}
}

static void
a_host_may_have_a_port(void **state)
{
	struct shoal_seed seed = good("db-1.example.com:80", SHOAL_SEED_HOST);

	(void)state;
	assert_string_equal(seed.host, "db-1.example.com");
	assert_true(seed.has_port);
	assert_int_equal(seed.port, 80);
	seed = good("shoal_seed", SHOAL_SEED_HOST); /* as container networks name things */
	assert_false(seed.has_port);
	assert_string_equal(good("srv.example.com", SHOAL_SEED_HOST).host, "srv.example.com");
}

static void
a_service_is_ours_unless_its_name_begins_with_an_underscore(void **state)
{
	struct shoal_seed seed;

	(void)state;
	assert_string_equal(
	        good("srv+example.com", SHOAL_SEED_SERVICE).host, "_shoal._tcp.example.com");
	assert_string_equal(
	        good("SRV+_gossip._udp.db.svc", SHOAL_SEED_SERVICE).host, "_gossip._udp.db.svc");
	seed = good("srv+https://example.com/a/b", SHOAL_SEED_SERVICE_URL);
	assert_string_equal(seed.host, "_shoal-https._tcp.example.com");
	assert_string_equal(seed.path, "/a/b");
	assert_true(seed.tls);
	seed = good("srv+http://example.com", SHOAL_SEED_SERVICE_URL);
	assert_string_equal(seed.host, "_shoal-http._tcp.example.com");
	assert_string_equal(seed.path, "");
	assert_false(seed.tls);
	seed = good("srv+https://_web._tcp.example.com/gossip", SHOAL_SEED_SERVICE_URL);
	assert_string_equal(seed.host, "_web._tcp.example.com");
}

/* The name in the URL is what a certificate must be for. */
static void
a_service_by_url_is_at_the_name_and_port_of_its_records(void **state)
{
	struct shoal_seed seed = good("srv+https://example.com/gossip/", SHOAL_SEED_SERVICE_URL);
	struct shoal_service service = {"DB1.example.com.", 8443, 0, 0};
	char longest[SHOAL_HOST_MAX + 1];
	struct shoal_url url;

	(void)state;
	assert_int_equal(shoal_seed_url(&seed, &service, &url), 0);
	assert_string_equal(url.text, "https://db1.example.com:8443/gossip");
	assert_string_equal(url.host, "db1.example.com");
	service = (struct shoal_service){"2001:db8::1", 443, 0, 0};
	assert_int_equal(shoal_seed_url(&seed, &service, &url), 0);
	assert_string_equal(url.text, "https://[2001:db8::1]/gossip");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	service.host = longest;
	assert_int_equal(shoal_seed_url(&seed, &service, &url), SHOAL_ERR_INVALID);
}

static void
a_url_is_read_as_one_of_a_member(void **state)
{
	struct shoal_seed seed = good("HTTPS://DB1.example.com:8443/gossip/", SHOAL_SEED_URL);

	(void)state;
	assert_string_equal(seed.url.text, "https://db1.example.com:8443/gossip");
	assert_true(seed.url.tls);
	assert_string_equal(good("http://[::1]:80", SHOAL_SEED_URL).url.text, "http://[::1]");
}

static void
what_has_no_form_is_refused_with_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *why;
		bool lists; /* the forms */
	} bad[] = {{"", "allowed are ip:port", true}, {":80", "allowed are", true},
	        {"host:", "allowed are", true}, {"host:99999", "allowed are", true},
	        {"host:0", "port 0", false}, {"1.2.3.4:0", "port 0", false},
	        {"1.2.3:7", "address is not valid", true},
	        {"1.2.3.4.5", "address is not valid", true},
	        {"[100::1]:7", "address is not valid", true},
	        {"2001:db8::g", "address is not valid", true}, {"[::1", "allowed are", true},
	        {"[fe80::1%no-such]:7", "no such interface", false},
	        {"0.0.0.0:7", "cannot be dialled", false}, {"[::]:7", "cannot be dialled", false},
	        {"255.255.255.255:7", "cannot be dialled", false},
	        {"[ff02::1]:7", "cannot be dialled", false},
	        {"two words:7", "character is not allowed", true},
	        {"db\xc3\xbc.example", "xn--", true}, {"a@b:7", "character is not allowed", true},
	        {"tcp://a:7", "scheme is not known", true}, {"srv+", "a name is missing", true},
	        {"srv+https://me:secret@a/x", "a user and a password are not allowed", false},
	        {"https://me:secret@a/x", "a user and a password are not allowed", false},
	        {"srv+tcp://a", "SRV records have their ports", true},
	        {"srv+a:7946", "SRV records have their ports", true},
	        {"srv+https://a:443/x", "SRV records have their ports", true},
	        {"srv+https:///x", "a name is missing", true},
	        {"srv+10.0.0.1", "not of an address", true},
	        {"srv+a b", "character is not allowed", true},
	        {"srv+a/b", "character is not allowed", true},
	        {"srv+https://a/x?y", "path is not one of a URL", true}, {"http://", "host", false},
	        {"https://a:0/x", "port", false}, {"https://u@a/x", "", false}};
	struct shoal_seed seed;
	char why[400], quoted[120];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(
		        shoal_seed_parse(&seed, bad[i].text, why, sizeof(why)), SHOAL_ERR_INVALID);
		snprintf(quoted, sizeof(quoted), "seed \"%s\": ", bad[i].text);
		if (strncmp(why, quoted, strlen(quoted)) != 0 || strstr(why, bad[i].why) == NULL ||
		        strlen(why) == strlen(quoted) ||
		        (bad[i].lists && strstr(why, "srv+https://name/path") == NULL)) {
			fail_msg("\"%s\" for %s", why, bad[i].text);
		}
	}
}

static void
a_name_has_253_characters_at_most(void **state)
{
	char text[400], why[400];
	struct shoal_seed seed;

	(void)state;
	for (size_t len = 252; len <= 300; len++) {
		memset(text, 'a', len);
		text[len] = '\0';
		assert_int_equal(shoal_seed_parse(&seed, text, why, sizeof(why)),
		        len <= 253 ? 0 : SHOAL_ERR_INVALID);
		memcpy(text, "srv+", 4);
		assert_int_equal(shoal_seed_parse(&seed, text, why, sizeof(why)),
		        len - 4 + strlen("_shoal._tcp.") <= 253 ? 0 : SHOAL_ERR_INVALID);
		memcpy(text, "srv+https://a/", 14);
		assert_int_equal(
		        shoal_seed_parse(&seed, text, why, sizeof(why)), SHOAL_ERR_INVALID);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_address_may_have_a_port_brackets_and_a_scope),
	        cmocka_unit_test(a_host_may_have_a_port),
	        cmocka_unit_test(a_service_is_ours_unless_its_name_begins_with_an_underscore),
	        cmocka_unit_test(a_service_by_url_is_at_the_name_and_port_of_its_records),
	        cmocka_unit_test(a_url_is_read_as_one_of_a_member),
	        cmocka_unit_test(what_has_no_form_is_refused_with_what_is_wrong),
	        cmocka_unit_test(a_name_has_253_characters_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
