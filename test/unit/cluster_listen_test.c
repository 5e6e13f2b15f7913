/* SPDX-License-Identifier: MIT */
/* Binding with transports that play the kernel: they pick ports, and find ports taken. */
#include "unit.h"

#include "base/addr.h"

#include <shoal/shoal.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

/* A stream transport and a datagram one that share this. */
struct kernel {
	uint16_t next;      /* port that the streams get next */
	unsigned taken;     /* so many starts of the datagrams find their port taken */
	unsigned starts[2]; /* of streams and datagrams */
	unsigned running[2];
	struct shoal_addr bound[2][SHOAL_ADDRS_MAX];
	bool freed[2];
};

struct fake {
	struct kernel *kernel;
	int which;
};

static int
start(void *self, const struct shoal_transport_env *env, char *why, size_t len)
{
	struct fake *fake = self;
	struct kernel *kernel = fake->kernel;

	assert_int_equal(kernel->running[fake->which], 0);
	kernel->starts[fake->which]++;
	if (fake->which == 1 && kernel->taken > 0) {
		kernel->taken--;
		snprintf(why, len, "port %u is taken", env->bind[0].port);
		return SHOAL_ERR_IN_USE;
	}
	for (size_t i = 0; i < env->binds; i++) {
		kernel->bound[fake->which][i] = env->bind[i];
		if (env->bind[i].port == 0) {
			kernel->bound[fake->which][i].port = kernel->next++;
		}
	}
	kernel->running[fake->which] = 1;
	return 0;
}

static int
address(const void *self, size_t i, struct shoal_addr *addr)
{
	const struct fake *fake = self;

	*addr = fake->kernel->bound[fake->which][i];
	return 0;
}

static int
send_one(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	(void)self;
	(void)to;
	(void)data;
	(void)len;
	return 0;
}

static int
request(void *self, const struct shoal_addr *to, uint64_t exchange, const uint8_t *data, size_t len,
        uint64_t timeout_ns)
{
	(void)exchange;
	(void)timeout_ns;
	return send_one(self, to, data, len);
}

static int
reply(void *self, uint64_t exchange, const uint8_t *data, size_t len)
{
	(void)exchange;
	return send_one(self, NULL, data, len);
}

static void
stop(void *self)
{
	struct fake *fake = self;

	fake->kernel->running[fake->which] = 0;
}

static void
release(void *self)
{
	struct fake *fake = self;

	stop(self);
	fake->kernel->freed[fake->which] = true;
	free(fake);
}

static const struct shoal_transport_ops ops[2] = {{.abi = SHOAL_TRANSPORT_ABI,
                                                          .caps = SHOAL_TRANSPORT_STREAM,
                                                          .name = "streams",
                                                          .start = start,
                                                          .address = address,
                                                          .stream = send_one,
                                                          .request = request,
                                                          .reply = reply,
                                                          .stop = stop,
                                                          .free = release},
        {.abi = SHOAL_TRANSPORT_ABI,
                .caps = SHOAL_TRANSPORT_DATAGRAM,
                .name = "datagrams",
                .start = start,
                .address = address,
                .send = send_one,
                .stop = stop,
                .free = release}};

static int
run(struct kernel *kernel, const char *bind, const char *advertise, char addresses[200])
{
	struct event_base *base = event_base_new();
	struct shoal_transport transports[2];
	struct shoal_config config;
	struct shoal_cluster *cluster;
	struct shoal_member *self;
	int rc;

	shoal_config_init(&config);
	config.name = "a";
	config.bind = bind;
	config.advertise = advertise;
	config.run = SHOAL_RUN_BASE;
	config.base = base;
	config.transports = transports;
	config.transport_count = 2;
	/* The order of the config does not matter: streams come first. */
	for (int i = 0; i < 2; i++) {
		struct fake *fake = calloc(1, sizeof(*fake));

		fake->kernel = kernel;
		fake->which = 1 - i;
		transports[i] = (struct shoal_transport){.ops = &ops[1 - i], .self = fake};
	}
	assert_int_equal(shoal_cluster_new(&cluster, &config), 0);
	rc = shoal_cluster_start(cluster);
	*addresses = '\0';
	self = shoal_cluster_self(cluster);
	for (size_t i = 0; rc == 0 && i < shoal_member_addresses(self, NULL); i++) {
		const struct shoal_addr *addrs;
		size_t len = strlen(addresses);

		shoal_member_addresses(self, &addrs);
		if (i > 0) {
			addresses[len++] = ' ';
		}
		shoal_addr_print(&addrs[i], addresses + len, 200 - len);
	}
	shoal_member_unref(self);
	assert_int_equal(kernel->running[0] + kernel->running[1], rc == 0 ? 2 : 0);
	assert_int_equal(shoal_cluster_free(cluster), 0);
	assert_true(kernel->freed[0] && kernel->freed[1]);
	event_base_free(base);
	return rc;
}

static void
a_port_that_the_kernel_picked_and_another_transport_finds_taken_is_picked_anew(void **state)
{
	struct kernel kernel = {.next = 4000, .taken = 3};
	char addresses[200];

	(void)state;
	assert_int_equal(run(&kernel, "127.0.0.1:0", NULL, addresses), 0);
	assert_string_equal(addresses, "127.0.0.1:4003");
	assert_int_equal(kernel.starts[0], 4);
	assert_int_equal(kernel.starts[1], 4);
}

static void
it_is_not_picked_for_ever(void **state)
{
	struct kernel kernel = {.next = 4000, .taken = 1000};
	char addresses[200];

	(void)state;
	assert_int_equal(run(&kernel, "127.0.0.1:0", NULL, addresses), SHOAL_ERR_IN_USE);
	assert_string_equal(shoal_last_error(), "port 4015 is taken");
	assert_int_equal(kernel.starts[1], 16);
}

static void
a_port_that_the_user_named_is_tried_once(void **state)
{
	struct kernel kernel = {.taken = 1};
	char addresses[200];

	(void)state;
	assert_int_equal(run(&kernel, "127.0.0.1:7946", NULL, addresses), SHOAL_ERR_IN_USE);
	assert_string_equal(shoal_last_error(), "port 7946 is taken");
	assert_int_equal(kernel.starts[0], 1);
	assert_int_equal(kernel.starts[1], 1);
}

static void
all_addresses_with_any_port_get_the_same(void **state)
{
	struct kernel kernel = {.next = 4000, .taken = 1};
	char addresses[200];

	(void)state;
	assert_int_equal(run(&kernel, "127.0.0.1:0,[::1]:0,127.0.0.2:9", NULL, addresses), 0);
	assert_string_equal(addresses, "127.0.0.1:4002 [::1]:4002 127.0.0.2:9");
	assert_int_equal(kernel.bound[1][0].port, 4002);
	assert_int_equal(kernel.bound[1][1].port, 4002);
	assert_int_equal(kernel.bound[1][2].port, 9);
}

static void
an_advertised_address_without_a_port_has_that_of_its_family(void **state)
{
	struct kernel kernel = {.next = 4000};
	char addresses[200];

	(void)state;
	assert_int_equal(
	        run(&kernel, "0.0.0.0:5,[::]:6", "10.0.0.1,[2001:db8::1],10.0.0.2:7", addresses),
	        0);
	assert_string_equal(addresses, "10.0.0.1:5 [2001:db8::1]:6 10.0.0.2:7");
}

static void
a_wildcard_is_not_advertised(void **state)
{
	struct kernel kernel = {.next = 4000};
	char addresses[200];
	int rc;

	(void)state;
	rc = run(&kernel, "0.0.0.0:0", NULL, addresses);
	if (rc == 0) {
		assert_null(strstr(addresses, "0.0.0.0"));
		assert_non_null(strstr(addresses, ":4000"));
	} else {
		/* A machine with nothing but its loopback. */
		assert_int_equal(rc, SHOAL_ERR_INVALID);
		assert_non_null(strstr(shoal_last_error(), "advertise"));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                a_port_that_the_kernel_picked_and_another_transport_finds_taken_is_picked_anew),
	        cmocka_unit_test(it_is_not_picked_for_ever),
	        cmocka_unit_test(a_port_that_the_user_named_is_tried_once),
	        cmocka_unit_test(all_addresses_with_any_port_get_the_same),
	        cmocka_unit_test(an_advertised_address_without_a_port_has_that_of_its_family),
	        cmocka_unit_test(a_wildcard_is_not_advertised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
