/* SPDX-License-Identifier: MIT */
/* Addresses: RFC 5952 both ways, strict reading of hostile text, and libc's inet_pton and inet_ntop
 * as the second opinion on hundreds of thousands of drawn texts and addresses. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/addr.h"
#include <shoal/error.h>

static struct shoal_addr
parsed(const char *text)
{
	struct shoal_addr addr;

	memset(&addr, 0xee, sizeof(addr));
	if (shoal_addr_parse(&addr, text) != 0) {
		fail_msg("%s is refused", text);
	}
	return addr;
}

static void
addresses_are_printed_in_the_one_form_of_rfc_5952(void **state)
{
	static const struct {
		const char *read, *printed;
	} table[] = {
	        {"1.2.3.4:7946", "1.2.3.4:7946"},
	        {"0.0.0.0:0", "0.0.0.0:0"},
	        {"255.255.255.255:65535", "255.255.255.255:65535"},
	        {"[::]:0", "[::]:0"},
	        {"[::1]:1", "[::1]:1"},
	        {"[1::]:1", "[1::]:1"},
	        {"[2001:DB8::1]:7946", "[2001:db8::1]:7946"},
	        {"[2001:0db8:0000:0000:0000:0000:0002:0001]:1", "[2001:db8::2:1]:1"},
	        /* 4.2.2: one group alone is not shortened. */
	        {"[2001:db8::1:1:1:1:1]:1", "[2001:db8:0:1:1:1:1:1]:1"},
	        /* 4.2.3: the longest run, and of equal ones the first. */
	        {"[2001:0:0:1:0:0:0:1]:1", "[2001:0:0:1::1]:1"},
	        {"[2001:db8:0:0:1:0:0:1]:1", "[2001:db8::1:0:0:1]:1"},
	        {"[0:0:1:0:0:1:0:0]:1", "[::1:0:0:1:0:0]:1"},
	        {"[1:0:0:2:0:0:0:0]:1", "[1:0:0:2::]:1"},
	        {"[1:2:3:4:5:6:7:8]:1", "[1:2:3:4:5:6:7:8]:1"},
	        {"[::2:3:4:5:6:7:8]:1", "[0:2:3:4:5:6:7:8]:1"},
	        {"[1:2:3:4:5:6:7::]:1", "[1:2:3:4:5:6:7:0]:1"},
	        {"[64:ff9b::192.0.2.33]:1", "[64:ff9b::c000:221]:1"},
	        {"[1:2:3:4:5:6:1.2.3.4]:1", "[1:2:3:4:5:6:102:304]:1"},
	        /* A mapped address is the IPv4 address. */
	        {"[::ffff:1.2.3.4]:80", "1.2.3.4:80"},
	        {"[::ffff:102:304]:80", "1.2.3.4:80"},
	        {"[fe80::1%2]:7946", "[fe80::1%2]:7946"},
	        {"[febf::1%4294967295]:7946", "[febf::1%4294967295]:7946"},
	        {"[fe80::1]:7946", "[fe80::1]:7946"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(table); i++) {
		struct shoal_addr addr = parsed(table[i].read), again;
		char text[SHOAL_ADDR_TEXT];

		assert_ptr_equal(shoal_addr_print(&addr, text, sizeof(text)), text);
		assert_string_equal(text, table[i].printed);
		again = parsed(text);
		assert_true(shoal_addr_equal(&addr, &again));
	}
}

static void
what_is_no_address_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = {"", ":", ":1", "1", "1.2.3.4", "1.2.3.4:", "1.2.3.4:-1",
	        "1.2.3.4:+1", "1.2.3.4: 1", "1.2.3.4:65536", "1.2.3.4:99999999999999999999",
	        "1.2.3.4:1 ", "1.2.3.4:1x", "1.2.3.4:01", " 1.2.3.4:1", "1.2.3:1", "1.2.3.4.5:1",
	        "1.2.3.256:1", "1.2.3.1000:1", "01.2.3.4:1", "1.2.3.04:1", "0x1.2.3.4:1",
	        "1..3.4:1", "1.2.3.:1", ".2.3.4:1", "1.2.3.-4:1", "localhost:1", "a.b.c.d:1",
	        "::1:7946", "::1", "[]:1", "[:]:1", "[::]", "[::]:", "[::]1", "[::]:1]", "[::1:1",
	        "::1]:1", "[[::1]]:1", "[1.2.3.4]:1", "[1.2.3.4::]:1", "[::1.2.3.4:5]:1",
	        "[::1.2.3]:1", "[::1.2.3.4.5]:1", "[::256.1.1.1]:1", "[::01.1.1.1]:1",
	        "[::1.2.3.4%2]:1", "[1:2:3:4:5:6:7]:1", "[1:2:3:4:5:6:7:8:9]:1",
	        "[1:2:3:4:5:6:7:8::]:1", "[::1:2:3:4:5:6:7:8]:1", "[1:2:3:4::5:6:7:8]:1",
	        "[1:2:3:4:5:6:7:1.2.3.4]:1", "[1::2::3]:1", "[:::]:1", "[:::1]:1", "[1:::2]:1",
	        "[1:]:1", "[:1]:1", "[1::2:]:1", "[12345::]:1", "[00001::]:1", "[g::]:1",
	        "[fe80::1%]:1", "[fe80::1%0]:1", "[fe80::1%01]:1", "[fe80::1%eth0]:1",
	        "[fe80::1%-1]:1", "[fe80::1%4294967296]:1", "[fe80::1%2%3]:1", "[fe80%2::1]:1",
	        "[%2]:1", "[::1%2]:1", "[2001:db8::1%2]:1", "[::ffff:1.2.3.4%2]:1", "1.2.3.4%2:1",
	        "[fec0::1%2]:1", "[:80", "[::1.2.3:80", "[1:2:3:4:5:6:7:8:80", "[fe80::1%:80",
	        "[fe80::1%0:80", "\xc2\xb9.2.3.4:1", "1.2.3.4\xef\xbc\x9a:1", "[::1]:1\n",
	        "[::1]\x01:1"};
	struct shoal_addr addr = {{7}, 7, 7};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		if (shoal_addr_parse(&addr, bad[i]) != SHOAL_ERR_INVALID) {
			fail_msg("%s is taken for an address", bad[i]);
		}
	}
	assert_true(addr.ip[0] == 7 && addr.port == 7 && addr.scope == 7);
}

static void
an_address_cut_anywhere_before_its_port_is_refused(void **state)
{
	static const char *const whole[] = {
	        "192.168.100.200:7946", "[fe80:1:2:3:4:5:6:7%12]:7946", "[2001:db8::1.2.3.4]:7946"};
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT_OF(whole); i++) {
		size_t port = (size_t)(strrchr(whole[i], ':') - whole[i]) + 1;

		for (len = 0; len <= strlen(whole[i]); len++) {
			char text[SHOAL_ADDR_TEXT] = {0};
			struct shoal_addr addr;

			memcpy(text, whole[i], len);
			assert_int_equal(
			        shoal_addr_parse(&addr, text), len > port ? 0 : SHOAL_ERR_INVALID);
		}
	}
}

static void
an_address_is_printed_cut_to_fit_every_buffer(void **state)
{
	static const char whole[] = "[1111:2222:3333:4444:5555:6666:7777:8888%4294967295]:65535";
	struct shoal_addr addr = parsed("[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
	char text[SHOAL_ADDR_TEXT];
	size_t len;

	(void)state;
	/* The longest there can be; a scope without a link-local address is shown, not hidden. */
	addr.scope = UINT32_MAX;
	for (len = 1; len <= sizeof(text); len++) {
		size_t shown = len < sizeof(whole) ? len - 1 : sizeof(whole) - 1;

		memset(text, 'x', sizeof(text));
		shoal_addr_print(&addr, text, len);
		assert_int_equal(strlen(text), shown);
		assert_memory_equal(text, whole, shown);
		assert_true(len == sizeof(text) || text[len] == 'x');
	}
	text[0] = 'x';
	assert_ptr_equal(shoal_addr_print(&addr, text, 0), text);
	assert_int_equal(text[0], 'x');
}

static void
drawn_texts_are_read_as_inet_pton_reads_them(void **state)
{
	static const char alphabet[] = "0123456789abcdefABF::::::..";
	uint64_t seed = 11;
	unsigned round, taken = 0;

	(void)state;
	for (round = 0; round < 300000; round++) {
		char body[48], text[64];
		size_t len = unit_random(&seed) % 20 + 1, i;
		struct shoal_addr addr;
		uint8_t ip[16];
		bool theirs;

		/* Mostly short groups, so that many are valid. */
		for (i = 0; i < len; i++) {
			body[i] = alphabet[unit_random(&seed) % (sizeof(alphabet) - 1)];
		}
		for (i = 2; i < len; i += 2 + unit_random(&seed) % 3) {
			body[i] = ':';
		}
		body[len] = 0;
		snprintf(text, sizeof(text), "[%s]:9", body);
		theirs = inet_pton(AF_INET6, body, ip) == 1;
		if ((shoal_addr_parse(&addr, text) == 0) != theirs) {
			fail_msg("inet_pton says %d of %s", theirs, body);
		}
		if (theirs) {
			assert_memory_equal(addr.ip, ip, 16);
			taken++;
		}
	}
	assert_true(taken > 1000);
}

static void
drawn_ipv4_texts_are_read_as_inet_pton_reads_them(void **state)
{
	uint64_t seed = 12;
	unsigned round, taken = 0;

	(void)state;
	for (round = 0; round < 100000; round++) {
		char body[48], text[64];
		size_t len = 0, parts = 3 + unit_random(&seed) % 8 / 7 + 1, i;
		struct shoal_addr addr;
		uint8_t ip[4];
		bool theirs;

		for (i = 0; i < parts; i++) {
			len += (size_t)snprintf(body + len, sizeof(body) - len, "%s%0*u",
			        i > 0 ? "." : "", (int)(unit_random(&seed) % 16 / 15 + 1),
			        (unsigned)(unit_random(&seed) % 280));
		}
		snprintf(text, sizeof(text), "%s:9", body);
		theirs = inet_pton(AF_INET, body, ip) == 1;
		if ((shoal_addr_parse(&addr, text) == 0) != theirs) {
			fail_msg("inet_pton says %d of %s", theirs, body);
		}
		if (theirs) {
			assert_true(shoal_addr_is_ipv4(&addr));
			assert_memory_equal(addr.ip + 12, ip, 4);
			taken++;
		}
	}
	assert_true(taken > 1000);
}

static void
drawn_addresses_survive_print_and_parse(void **state)
{
	uint64_t seed = 13;
	unsigned round;

	(void)state;
	for (round = 0; round < 100000; round++) {
		struct shoal_addr addr = {.port = (uint16_t)unit_random(&seed)}, back;
		char text[SHOAL_ADDR_TEXT], theirs[INET6_ADDRSTRLEN], expected[SHOAL_ADDR_TEXT];
		uint64_t zero = unit_random(&seed) | unit_random(&seed);
		size_t i;

		for (i = 0; i < 16; i++) {
			if (zero >> i / 2 & 1) {
				addr.ip[i] =
				        (uint8_t)(unit_random(&seed) >> unit_random(&seed) % 8);
			}
		}
		if (round % 4 == 0) {
			addr.ip[0] = 0xfe;
			addr.ip[1] = 0x80;
			addr.scope = (uint32_t)unit_random(&seed);
		}
		shoal_addr_print(&addr, text, sizeof(text));
		assert_int_equal(shoal_addr_parse(&back, text), 0);
		assert_true(shoal_addr_equal(&addr, &back));
		/* inet_ntop prints the form that RFC 4291 calls IPv4-compatible with dots; nobody
		 * uses it. */
		if (addr.scope != 0 || memcmp(addr.ip, (const uint8_t[12]){0}, 12) == 0) {
			continue;
		}
		assert_non_null(inet_ntop(AF_INET6, addr.ip, theirs, sizeof(theirs)));
		snprintf(expected, sizeof(expected), "[%s]:%u", theirs, addr.port);
		assert_string_equal(text, expected);
	}
}

static void
addresses_are_compared_in_every_part(void **state)
{
	struct shoal_addr a = parsed("[fe80::1%2]:7"), b = a;

	(void)state;
	assert_true(shoal_addr_equal(&a, &b) && shoal_addr_same_host(&a, &b));
	b.port = 8;
	assert_false(shoal_addr_equal(&a, &b));
	assert_true(shoal_addr_same_host(&a, &b));
	b = a;
	b.scope = 3;
	assert_false(shoal_addr_equal(&a, &b));
	assert_false(shoal_addr_same_host(&a, &b));
	b = a;
	b.ip[15] = 2;
	assert_false(shoal_addr_equal(&a, &b));
	assert_false(shoal_addr_same_host(&a, &b));
}

static void
addresses_know_what_they_are(void **state)
{
	static const struct {
		const char *text;
		bool ipv4, zero, wildcard, loopback;
	} table[] = {
	        {"1.2.3.4:5", true, false, false, false},
	        {"127.0.0.1:5", true, false, false, true},
	        {"127.255.0.9:0", true, false, false, true},
	        {"128.0.0.1:0", true, false, false, false},
	        {"0.0.0.0:0", true, false, true, false},
	        {"0.0.0.0:7946", true, false, true, false},
	        {"[::]:0", false, true, true, false},
	        {"[::]:7946", false, false, true, false},
	        {"[::1]:5", false, false, false, true},
	        {"[::2]:5", false, false, false, false},
	        {"[1::1]:5", false, false, false, false},
	        {"[100::]:5", false, false, false, false},
	        {"[::1.0.0.0]:5", false, false, false, false},
	        {"[::fffe:127.0.0.1]:5", false, false, false, false},
	        {"[::127.0.0.1]:5", false, false, false, false},
	        {"[1::ffff:127.0.0.1]:5", false, false, false, false},
	};
	struct shoal_addr made;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(table); i++) {
		struct shoal_addr addr = parsed(table[i].text);

		assert_true(shoal_addr_is_ipv4(&addr) == table[i].ipv4);
		assert_true(shoal_addr_is_zero(&addr) == table[i].zero);
		assert_true(shoal_addr_is_wildcard(&addr) == table[i].wildcard);
		assert_true(shoal_addr_is_loopback(&addr) == table[i].loopback);
	}
	memset(&made, 0xee, sizeof(made));
	shoal_addr_from_ipv4(&made, (const uint8_t[4]){1, 2, 3, 4}, 5);
	assert_true(
	        shoal_addr_equal(&made, &(struct shoal_addr){{[10] = 255, 255, 1, 2, 3, 4}, 5, 0}));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(addresses_are_printed_in_the_one_form_of_rfc_5952),
	        cmocka_unit_test(what_is_no_address_is_refused_and_changes_nothing),
	        cmocka_unit_test(an_address_cut_anywhere_before_its_port_is_refused),
	        cmocka_unit_test(an_address_is_printed_cut_to_fit_every_buffer),
	        cmocka_unit_test(drawn_texts_are_read_as_inet_pton_reads_them),
	        cmocka_unit_test(drawn_ipv4_texts_are_read_as_inet_pton_reads_them),
	        cmocka_unit_test(drawn_addresses_survive_print_and_parse),
	        cmocka_unit_test(addresses_are_compared_in_every_part),
	        cmocka_unit_test(addresses_know_what_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
