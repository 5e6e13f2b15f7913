/* SPDX-License-Identifier: MIT */
/* Which forms of addresses go with which transports, and what a config hears that mixes them up. */
#include "unit.h"

#include <shoal/shoal.h>

#include "base/addr.h"
#include "cluster/config/forms.h"

static int
check(const char *bind, const char *advertise, const char *transport, const char *token)
{
	struct shoal_config config;

	shoal_config_init(&config);
	config.bind = bind;
	config.advertise = advertise;
	config.transport = transport;
	config.token = token;
	return shoal_config_check(&config);
}

static void
what_is_bound_and_the_transport_must_fit(void **state)
{
	static const struct {
		const char *bind, *transport, *says;
	} rows[] = {{"127.0.0.1:1", NULL, NULL}, {"http://127.0.0.1:1", NULL, NULL},
	        {"127.0.0.1:1,http://127.0.0.1:2/a", NULL, NULL}, {"127.0.0.1:1", "socket", NULL},
	        {"127.0.0.1:1", "tcp", NULL}, {"http://127.0.0.1:0/a", "http", NULL},
	        {"127.0.0.1:1", "http", "http://127.0.0.1:7946"},
	        {"127.0.0.1:1,http://127.0.0.1:2", "http", "nothing else"},
	        {"http://127.0.0.1:2", "socket", "ip:port"},
	        {"127.0.0.1:1,http://127.0.0.1:2", "tcp", "no URL"},
	        {"127.0.0.1:1", "udp", "cannot join"},
	        {"127.0.0.1:1", "quic", "socket (udp and tcp), tcp and http"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int rc = check(rows[i].bind, NULL, rows[i].transport, NULL);

		assert_int_equal(rc, rows[i].says == NULL ? 0 : SHOAL_ERR_INVALID);
		if (rows[i].says != NULL) {
			assert_ptr_equal(
			        strstr(shoal_last_error(), "transport: "), shoal_last_error());
			assert_non_null(strstr(shoal_last_error(), rows[i].says));
		}
	}
}

static void
what_is_advertised_must_be_bound_and_dialled(void **state)
{
	static const struct {
		const char *bind, *advertise, *says;
	} rows[] = {{"http://127.0.0.1:1", "https://a.example/x", NULL},
	        {"127.0.0.1:1,http://127.0.0.1:1", "1.2.3.4", NULL},
	        {"127.0.0.1:1,http://127.0.0.1:1", "1.2.3.4,https://a", NULL},
	        {"127.0.0.1:1", "https://a", "needs a URL in bind"},
	        {"http://127.0.0.1:1", "1.2.3.4", "needs ip:port in bind"},
	        {"http://127.0.0.1:1", "http://0.0.0.0:1", "wildcard"},
	        {"http://127.0.0.1:1", "http://[::]:1", "wildcard"},
	        {"http://127.0.0.1:1", "http://a:0", "port 0"},
	        {"http://localhost:1/a", NULL, "must be an address of this machine"},
	        {"https://[::1]:1/a", NULL, "needs tls_cert"},
	        {"127.0.0.1:1,http://127.0.0.1:1", "::1,::2,::3,::4", "more than 4"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int rc = check(rows[i].bind, rows[i].advertise, NULL, NULL);

		assert_int_equal(rc, rows[i].says == NULL ? 0 : SHOAL_ERR_INVALID);
		if (rows[i].says != NULL) {
			assert_non_null(strstr(shoal_last_error(), rows[i].says));
		}
	}
}

static void
a_token_is_for_urls_and_visible_ascii(void **state)
{
	char longest[SHOAL_TOKEN_MAX + 2];

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[SHOAL_TOKEN_MAX] = '\0';
	assert_int_equal(check("http://127.0.0.1:1", NULL, NULL, longest), 0);
	assert_int_equal(check("127.0.0.1:1", NULL, NULL, ""), 0);
	longest[SHOAL_TOKEN_MAX] = 'x';
	longest[SHOAL_TOKEN_MAX + 1] = '\0';
	assert_int_equal(check("http://127.0.0.1:1", NULL, NULL, longest), SHOAL_ERR_INVALID);
	assert_null(strstr(shoal_last_error(), "xx")); /* it is a secret */
	assert_int_equal(check("http://127.0.0.1:1", NULL, NULL, "new old"), 0);
	assert_int_equal(check("http://127.0.0.1:1", NULL, NULL, "a b c"), SHOAL_ERR_INVALID);
	assert_int_equal(check("http://127.0.0.1:1", NULL, NULL, "a "), SHOAL_ERR_INVALID);
	assert_int_equal(check("http://127.0.0.1:1", NULL, NULL, " a"), SHOAL_ERR_INVALID);
	assert_int_equal(check("http://127.0.0.1:1", NULL, NULL, "a\nb"), SHOAL_ERR_INVALID);
	assert_int_equal(check("127.0.0.1:1", NULL, NULL, "a"), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "bind has none"));
}

static int
check_with(struct shoal_transport *transports, size_t n, const char *bind)
{
	struct shoal_config config;

	shoal_config_init(&config);
	config.bind = bind;
	config.transports = transports;
	config.transport_count = n;
	return shoal_config_check(&config);
}

static void
transports_of_the_application_must_be_those_that_bind_needs(void **state)
{
	struct shoal_transport made[3], two_webs[2];
	struct shoal_transport_ops ops;

	(void)state;
	assert_int_equal(shoal_transport_tcp(&made[0], NULL), 0);
	assert_int_equal(shoal_transport_udp(&made[1], NULL), 0);
	if (shoal_transport_http(&made[2], NULL) == SHOAL_ERR_UNSUPPORTED) {
		made[0].ops->free(made[0].self);
		made[1].ops->free(made[1].self);
		return; /* a build without it */
	}
	two_webs[0] = two_webs[1] = made[2];
	assert_int_equal(check_with(made, 3, "127.0.0.1:1,http://127.0.0.1:2"), 0);
	assert_int_equal(check_with(made, 2, "127.0.0.1:1"), 0);
	assert_int_equal(check_with(made, 1, "127.0.0.1:1"), 0);
	assert_int_equal(check_with(made + 2, 1, "http://127.0.0.1:2"), 0);
	assert_int_equal(check_with(made + 1, 1, "127.0.0.1:1"), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "no streams"));
	assert_int_equal(check_with(made, 3, "127.0.0.1:1"), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "bind has none"));
	assert_int_equal(check_with(made, 2, "http://127.0.0.1:2"), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "bind has one"));
	assert_int_equal(check_with(made, 3, "http://127.0.0.1:2"), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "URL only"));
	assert_int_equal(
	        check_with(made + 2, 1, "127.0.0.1:1,http://127.0.0.1:2"), SHOAL_ERR_INVALID);
	assert_int_equal(check_with(two_webs, 2, "http://127.0.0.1:2"), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "can nothing"));
	ops = *made[2].ops;
	ops.know = NULL;
	two_webs[0].ops = &ops;
	assert_int_equal(check_with(two_webs, 1, "http://127.0.0.1:2"), SHOAL_ERR_INVALID);
	for (size_t i = 0; i < COUNT_OF(made); i++) {
		made[i].ops->free(made[i].self);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_bound_and_the_transport_must_fit),
	        cmocka_unit_test(what_is_advertised_must_be_bound_and_dialled),
	        cmocka_unit_test(a_token_is_for_urls_and_visible_ascii),
	        cmocka_unit_test(transports_of_the_application_must_be_those_that_bind_needs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
