/* SPDX-License-Identifier: MIT */
/* A child of fork is no member: in each of the three ways to run every call is refused there, the
 * object can be freed, and neither the parent nor the peers notice. */
#include "kit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void
ignore(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	(void)cluster;
	(void)code;
	(void)text;
	(void)reached;
	(void)arg;
	_exit(90); /* no callback of the parent's runs in the child */
}

/* 0, or the number of the call that was not refused. */
static int
call_all(struct shoal_cluster *cluster)
{
	const char *seeds[] = {"127.0.0.1:1"};
	struct shoal_counters counters;
	char text[SHOAL_ADDR_TEXT];
	size_t reached;
	struct shoal_id nobody = {{7}};
	int days;
	const int refused[] = {
	        shoal_cluster_start(cluster),
	        shoal_cluster_join(cluster, seeds, 1, 100, &reached),
	        shoal_cluster_join_async(cluster, seeds, 1, 100, ignore, NULL),
	        shoal_cluster_leave(cluster, 100),
	        shoal_cluster_leave_async(cluster, 100, ignore, NULL),
	        shoal_cluster_wait_async(cluster, 9, 100, ignore, NULL),
	        shoal_wait_members(cluster, 9, 100),
	        shoal_cluster_stop(cluster),
	        shoal_cluster_address(cluster, text, sizeof(text)),
	        shoal_cluster_bound(cluster, 0, text, sizeof(text)),
	        shoal_cluster_failure(cluster),
	        shoal_cluster_certificate_days(cluster, &days),
	        shoal_cluster_dispatch(cluster),
	        shoal_cluster_set(cluster, "relays", "1"),
	        shoal_cluster_reconfigure(cluster, NULL, NULL, NULL),
	        shoal_cluster_forget(cluster, &nobody),
	        shoal_cluster_record_dump(cluster, "/dev/null"),
	        shoal_on_member(cluster, SHOAL_EVENT_ALL, kit_on_member, NULL),
	        shoal_off_member(cluster, kit_on_member, NULL),
	};

	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		if (refused[i] != SHOAL_ERR_STATE) {
			return (int)i + 1;
		}
	}
	if (strstr(shoal_last_error(), "fork") == NULL) {
		return 30;
	}
	shoal_cluster_counters(cluster, &counters);
	if (counters.value[SHOAL_COUNTER_LOOP_TURNS] != 0 ||
	        shoal_cluster_state(cluster) != SHOAL_CLUSTER_STOPPED ||
	        shoal_cluster_self(cluster) != NULL || shoal_members(cluster, NULL) != NULL ||
	        shoal_cluster_base(cluster) != NULL || shoal_cluster_fd(cluster) != -1) {
		return 21;
	}
	return 0;
}

/* The child's life: what it may not do, then free. Ends the process. */
static void
be_child(struct shoal_cluster *cluster, struct event_base *base, bool frees)
{
	alarm(60);
	int wrong = call_all(cluster);

	if (base != NULL) {
		/* What is ready on the parent's sockets is not taken from it. */
		event_reinit(base);
		for (int i = 0; i < 200 && !frees; i++) {
			event_base_loop(base, EVLOOP_NONBLOCK);
			usleep(5000);
		}
	}
	if (wrong == 0 && frees && shoal_cluster_free(cluster) != 0) {
		wrong = 30;
	}
	if (!frees && base == NULL) {
		usleep(1000000);
	}
	_exit(wrong);
}

static bool
has_ended(void *arg)
{
	int *child = arg, status;

	if (waitpid((pid_t)*child, &status, WNOHANG) != (pid_t)*child) {
		return false;
	}
	*child = WIFEXITED(status) ? -WEXITSTATUS(status) : -99;
	return true;
}

static void
fork_from(enum shoal_run run)
{
	struct event_base *base = run == SHOAL_RUN_BASE ? event_base_new() : NULL;
	struct shoal_config config = kit_config("member"), seed_config = kit_config("seed");
	struct kit_events events = KIT_EVENTS;
	struct kit_done done = KIT_DONE;
	struct shoal_cluster *seed, *member;

	kit_steady(&seed_config); /* a fork takes its time */
	seed = kit_start(&seed_config);
	const char *seeds[] = {kit_address(seed)};
	config.run = run;
	config.base = base;
	member = kit_start(&config);
	assert_int_equal(shoal_on_member(seed, SHOAL_EVENT_ALL, kit_on_member, &events), 0);
	assert_int_equal(shoal_cluster_join_async(member, seeds, 1, 0, kit_on_done, &done), 0);
	kit_await_state(base, seed, "member", SHOAL_STATE_ALIVE);
	for (int frees = 0; frees < 2; frees++) {
		int child = (int)fork();

		assert_true(child >= 0);
		if (child == 0) {
			be_child(member, base, frees == 1);
		}
		assert_true(kit_until(base, has_ended, &child));
		assert_int_equal(child, 0);
	}
	/* The parent is what it was. */
	assert_int_equal(shoal_cluster_state(member), SHOAL_CLUSTER_RUNNING);
	assert_int_equal(kit_state(seed, "member"), SHOAL_STATE_ALIVE);
	assert_int_equal(kit_events_of(&events, SHOAL_EVENT_FAILED, NULL), 0);
	assert_int_equal(kit_events_of(&events, SHOAL_EVENT_LEFT, NULL), 0);
	assert_int_equal(kit_events_of(&events, SHOAL_EVENT_CONFLICT, NULL), 0);
	kit_free(member);
	kit_free(seed);
	if (base != NULL) {
		event_base_free(base);
	}
}

static void
a_child_of_a_member_with_threads_is_no_member(void **state)
{
	(void)state;
	fork_from(SHOAL_RUN_THREADS);
}

static void
a_child_of_a_member_that_is_dispatched_is_no_member(void **state)
{
	(void)state;
	fork_from(SHOAL_RUN_DISPATCH);
}

static void
a_child_of_a_member_on_a_base_is_no_member(void **state)
{
	(void)state;
	fork_from(SHOAL_RUN_BASE);
}

static void
an_object_that_was_not_started_can_be_started_in_the_child(void **state)
{
	struct shoal_config config = kit_config("member");
	struct shoal_cluster *member = kit_new(&config);
	int child = (int)fork();

	(void)state;
	if (child == 0) {
		alarm(60);
		int rc = shoal_cluster_start(member);
		_exit(rc != 0 || shoal_cluster_free(member) != 0);
	}
	assert_true(kit_until(NULL, has_ended, &child));
	assert_int_equal(child, 0);
	kit_free(member);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_child_of_a_member_with_threads_is_no_member),
	        cmocka_unit_test(a_child_of_a_member_that_is_dispatched_is_no_member),
	        cmocka_unit_test(a_child_of_a_member_on_a_base_is_no_member),
	        cmocka_unit_test(an_object_that_was_not_started_can_be_started_in_the_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
