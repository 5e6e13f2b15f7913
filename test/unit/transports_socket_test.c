/* SPDX-License-Identifier: MIT */
/* Addresses in the kernel's form and back, codes and texts of failures, times. */
#include "unit.h"

#include <errno.h>
#include <unistd.h>

#include "transports/socket.h"

static void
an_address_survives_the_way_to_the_kernel_and_back(void **state)
{
	static const char *const texts[] = {"1.2.3.4:7946", "[2001:db8::1]:1", "[fe80::1%7]:65535",
	        "0.0.0.0:0", "[::]:0", "255.255.255.255:9"};
	struct shoal_addr addr, back;
	union shoal_sockaddr name;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(shoal_addr_parse(&addr, texts[i]), 0);
		memset(&back, 0xff, sizeof(back));
		assert_int_equal(shoal_socket_from_addr(&name, &addr),
		        shoal_addr_is_ipv4(&addr) ? sizeof(name.v4) : sizeof(name.v6));
		assert_true(shoal_socket_to_addr(&back, &name.any));
		assert_true(shoal_addr_equal(&addr, &back));
	}
	name.any.sa_family = AF_UNIX;
	assert_false(shoal_socket_to_addr(&back, &name.any));
}

/* Who could send from there would pass for a member at a URL, which no list of addresses judges. */
static void
what_stands_for_a_url_is_no_address_of_a_socket(void **state)
{
	struct shoal_addr addr, back;
	union shoal_sockaddr name;

	(void)state;
	assert_int_equal(shoal_addr_parse(&addr, "[100::1]:7946"), 0);
	shoal_socket_from_addr(&name, &addr);
	memset(&back, 0xff, sizeof(back));
	addr = back;
	assert_false(shoal_socket_to_addr(&back, &name.any));
	assert_memory_equal(&back, &addr, sizeof(addr));
}

static void
a_scope_counts_only_where_it_means_something(void **state)
{
	struct shoal_addr addr, back;
	union shoal_sockaddr name;

	(void)state;
	assert_int_equal(shoal_addr_parse(&addr, "[2001:db8::1]:1"), 0);
	shoal_socket_from_addr(&name, &addr);
	name.v6.sin6_scope_id = 3;
	assert_true(shoal_socket_to_addr(&back, &name.any));
	assert_int_equal(back.scope, 0);
}

static void
failures_have_codes_and_texts(void **state)
{
	static const struct {
		int error, code;
		const char *text;
	} cases[] = {
	        {EADDRINUSE, SHOAL_ERR_IN_USE, "x [::1]:7: address already in use; choose"},
	        {EACCES, SHOAL_ERR_PERMISSION, "x [::1]:7: permission denied; choose a port"},
	        {EADDRNOTAVAIL, SHOAL_ERR_INVALID, "x [::1]:7: no interface of this machine"},
	        {EINVAL, SHOAL_ERR_INVALID, "x [::1]:7: not an address to bind to; a link-local"},
	        {EAFNOSUPPORT, SHOAL_ERR_INVALID, "x [::1]:7: this machine does not have"},
	        {EMFILE, SHOAL_ERR_SYSTEM, "x [::1]:7: too many open files; raise"},
	        {ENOMEM, SHOAL_ERR_NOMEM, "x [::1]:7: Cannot allocate memory"},
	        {EIO, SHOAL_ERR_SYSTEM, "x [::1]:7: Input/output error"},
	        {99999, SHOAL_ERR_SYSTEM, "x [::1]:7: a system call failed"},
	};
	struct shoal_addr addr;
	char why[256];

	(void)state;
	assert_int_equal(shoal_addr_parse(&addr, "[::1]:7"), 0);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(shoal_socket_explain("x", &addr, cases[i].error, why, sizeof(why)),
		        cases[i].code);
		assert_memory_equal(why, cases[i].text, strlen(cases[i].text));
	}
	assert_int_equal(shoal_socket_explain("x", &addr, EIO, why, 4), SHOAL_ERR_SYSTEM);
	assert_string_equal(why, "x [");
	assert_int_equal(shoal_socket_explain("x", &addr, EIO, NULL, 0), SHOAL_ERR_SYSTEM);

	assert_int_equal(shoal_socket_code(ECONNREFUSED), SHOAL_ERR_REFUSED);
	assert_int_equal(shoal_socket_code(EHOSTUNREACH), SHOAL_ERR_UNREACHABLE);
	assert_int_equal(shoal_socket_code(ETIMEDOUT), SHOAL_ERR_TIMEOUT);
	assert_int_equal(shoal_socket_code(ECONNRESET), SHOAL_ERR_CLOSED);
	assert_int_equal(shoal_socket_code(EMFILE), SHOAL_ERR_LIMIT);
	assert_int_equal(shoal_socket_code(EIO), SHOAL_ERR_SYSTEM);
}

static void
time_until_a_deadline_is_rounded_up(void **state)
{
	struct timeval in = shoal_socket_until(1000, 1000 + 3 * UINT64_C(1000000000) + 1);

	(void)state;
	assert_int_equal(in.tv_sec, 3);
	assert_int_equal(in.tv_usec, 1);
	in = shoal_socket_until(5000, 4000);
	assert_int_equal(in.tv_sec, 0);
	assert_int_equal(in.tv_usec, 0);
	in = shoal_socket_until(0, UINT64_MAX);
	assert_true(in.tv_sec > 0 && in.tv_usec >= 0 && in.tv_usec < 1000000);
}

static void
addresses_hash_by_what_makes_them_equal(void **state)
{
	uint64_t key[2], other[2];
	struct shoal_addr a, b;

	(void)state;
	assert_true(shoal_socket_random_key(key));
	assert_true(shoal_socket_random_key(other));
	assert_true(key[0] != other[0] || key[1] != other[1]);
	memset(&a, 0xff, sizeof(a));
	memset(&b, 0x00, sizeof(b));
	assert_int_equal(shoal_addr_parse(&a, "10.0.0.1:5"), 0);
	assert_int_equal(shoal_addr_parse(&b, "10.0.0.1:5"), 0);
	assert_true(shoal_socket_hash(key, &a) == shoal_socket_hash(key, &b));
	b.port = 6;
	assert_true(shoal_socket_hash(key, &a) != shoal_socket_hash(key, &b));
}

static void
a_bound_socket_tells_its_port(void **state)
{
	struct shoal_addr addr, bound;
	int fd;

	(void)state;
	assert_int_equal(shoal_addr_parse(&addr, "127.0.0.1:0"), 0);
	fd = shoal_socket_open(&addr, SOCK_STREAM);
	assert_true(fd >= 0);
	assert_int_equal(shoal_socket_bind(fd, &addr, &bound), 0);
	assert_memory_equal(addr.ip, bound.ip, 16);
	assert_true(bound.port != 0);
	close(fd);
	assert_int_equal(shoal_socket_bind(fd, &addr, &bound), -1);
	assert_int_equal(errno, EBADF);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_address_survives_the_way_to_the_kernel_and_back),
	        cmocka_unit_test(what_stands_for_a_url_is_no_address_of_a_socket),
	        cmocka_unit_test(a_scope_counts_only_where_it_means_something),
	        cmocka_unit_test(failures_have_codes_and_texts),
	        cmocka_unit_test(time_until_a_deadline_is_rounded_up),
	        cmocka_unit_test(addresses_hash_by_what_makes_them_equal),
	        cmocka_unit_test(a_bound_socket_tells_its_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
