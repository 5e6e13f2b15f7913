/* SPDX-License-Identifier: MIT */
/* Who a cluster object is: it stops by itself where another live one has its name, and with a state
 * directory it is the same after a restart and finds the others. */
#include "kit.h"

#include <stdlib.h>
#include <unistd.h>

static bool
is_stopped(void *arg)
{
	return shoal_cluster_state(arg) == SHOAL_CLUSTER_STOPPED;
}

static void
of_two_under_one_name_the_later_stops_and_says_why(void **state)
{
	struct kit_events events = KIT_EVENTS;
	struct shoal_cluster *seed = kit_member("seed"), *first = kit_member("twin"), *second;

	(void)state;
	kit_join(first, kit_address(seed));
	assert_int_equal(shoal_on_member(seed, SHOAL_EVENT_CONFLICT, kit_on_member, &events), 0);
	usleep(2000); /* the start is told in milliseconds */
	second = kit_member("twin");
	kit_join(second, kit_address(seed));
	assert_true(kit_until(NULL, is_stopped, second));
	assert_int_equal(shoal_cluster_failure(second), SHOAL_ERR_ID_CONFLICT);
	assert_non_null(strstr(shoal_last_error(), kit_address(first)));
	assert_int_equal(shoal_cluster_state(first), SHOAL_CLUSTER_RUNNING);
	assert_int_equal(shoal_cluster_failure(first), 0);
	kit_await_event(NULL, &events, SHOAL_EVENT_CONFLICT, "twin");
	assert_int_equal(kit_state(seed, "twin"), SHOAL_STATE_ALIVE);
	kit_free(second);
	kit_free(first);
	kit_free(seed);
}

static void
with_a_state_directory_a_restart_needs_no_seeds(void **state)
{
	char root[] = "/tmp/shoal-cluster.XXXXXX", dir[64], command[96];
	struct shoal_config config = kit_config(NULL);
	struct shoal_cluster *seed = kit_member("seed"), *member;
	struct shoal_member *self;
	struct shoal_id id;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(dir, sizeof(dir), "%s/state", root);
	config.state_dir = dir;
	member = kit_start(&config);
	self = shoal_cluster_self(member);
	id = *shoal_member_id(self);
	shoal_member_unref(self);
	kit_join(member, kit_address(seed));
	/* Stopped without a leave: what it knew is written all the same. */
	kit_free(member);
	member = kit_start(&config);
	self = shoal_cluster_self(member);
	assert_memory_equal(shoal_member_id(self), &id, sizeof(id));
	shoal_member_unref(self);
	kit_await_state(NULL, member, "seed", SHOAL_STATE_ALIVE);
	kit_await_members(NULL, seed, 2);

	struct shoal_cluster *other = kit_new(&config);
	assert_int_equal(shoal_cluster_start(other), SHOAL_ERR_IN_USE);
	assert_non_null(strstr(shoal_last_error(), dir));
	kit_free(other);
	kit_free(member);
	kit_free(seed);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	assert_int_equal(system(command), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(of_two_under_one_name_the_later_stops_and_says_why),
	        cmocka_unit_test(with_a_state_directory_a_restart_needs_no_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
