/* SPDX-License-Identifier: MIT */
/* A cluster whose members reach each other by functions of the application alone. */
#include "cluster_talk.h"

#include "cluster/cluster.h"
#include "transports_overlay.h"

static void
members_of_an_overlay_join_each_other(void **state)
{
	struct overlay overlay = {.count = 0};
	struct exit exit[2];
	struct shoal_transport_dialer dialer[2];
	struct shoal_cluster *cluster[2];
	struct talk talk = {.base = event_base_new()};
	char address[SHOAL_ADDR_TEXT];
	const char *seeds[] = {address};
	size_t ends = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct shoal_config config;

		exit[i].overlay = &overlay;
		dialer[i] = (struct shoal_transport_dialer){.dial = overlay_dial,
		        .listen = overlay_listen,
		        .accept = overlay_accept,
		        .arg = &exit[i]};
		shoal_config_init(&config);
		config.name = i == 0 ? "one" : "two";
		config.bind = "127.0.0.1:7946";
		config.run = SHOAL_RUN_BASE;
		config.base = talk.base;
		config.dialer = &dialer[i];
		assert_int_equal(shoal_cluster_new(&cluster[i], &config), 0);
		config.dialer = NULL;
		memset(&dialer[i], 0, sizeof(dialer[i])); /* it was copied */
		assert_int_equal(shoal_cluster_start(cluster[i]), 0);
		assert_null(cluster[i]->datagram);
	}
	assert_int_equal(shoal_cluster_address(cluster[0], address, sizeof(address)), 0);
	assert_string_equal(address, "[fd00::1]:1");
	assert_int_equal(
	        shoal_cluster_join_async(cluster[1], seeds, 1, 20000, talk_joined, &ends), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(
		        shoal_cluster_wait_async(cluster[i], 2, 20000, talk_joined, &ends), 0);
	}
	talk_until(&talk, &ends, 3);
	assert_int_equal(shoal_cluster_free(cluster[1]), 0);
	assert_int_equal(shoal_cluster_free(cluster[0]), 0);
	overlay_hang_up(&overlay);
	event_base_free(talk.base);
}

static void
a_dialer_and_datagrams_do_not_go_together(void **state)
{
	const struct shoal_transport_dialer dialer = {.dial = overlay_dial};
	struct shoal_config config;

	(void)state;
	shoal_config_init(&config);
	config.dialer = &dialer;
	assert_int_equal(shoal_config_check(&config), 0);
	config.transport = "socket";
	assert_int_equal(shoal_config_check(&config), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "a dialer makes streams and no datagrams"));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(members_of_an_overlay_join_each_other),
	        cmocka_unit_test(a_dialer_and_datagrams_do_not_go_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
