/* SPDX-License-Identifier: MIT */
/* The public calls from many threads at once while members come and go: for the thread sanitizer,
 * which is the judge here, and for deadlocks. */
#include "kit.h"

#include <stdatomic.h>
#include <unistd.h>

#define CALLERS 6
#define ROUNDS  6

struct stage {
	struct shoal_cluster *cluster;
	char seed[64];
	_Atomic bool over;
	_Atomic unsigned events, rounds;
};

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct stage *stage = arg;
	struct shoal_member_list *list = shoal_members(cluster, NULL);

	/* The list is never older than the event. */
	if (event->member != NULL) {
		assert_true(
		        event->kind == SHOAL_EVENT_REAP ||
		        shoal_member_list_find_by_id(list, shoal_member_id(event->member)) != NULL);
	}
	shoal_member_list_free(list);
	atomic_fetch_add(&stage->events, 1);
}

static void
ignore(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)cluster;
	(void)event;
	(void)arg;
}

static void
ask_everything(struct stage *stage, void *tag)
{
	struct shoal_cluster *cluster = stage->cluster;
	const char *seeds[] = {stage->seed, "no..name"};
	struct shoal_member_list *list;
	struct shoal_counters counters;
	struct shoal_member *self;
	char text[SHOAL_ADDR_TEXT];
	uint64_t sum = 0;

	list = shoal_members(cluster, NULL);
	for (size_t i = 0; i < shoal_member_list_count(list); i++) {
		struct shoal_member *member = shoal_member_list_at(list, i);

		sum += shoal_member_rtt(member) + shoal_member_incarnation(member);
		assert_ptr_equal(
		        shoal_member_list_find_by_id(list, shoal_member_id(member)), member);
		shoal_member_unref(shoal_member_ref(member));
	}
	shoal_member_list_free(list);
	self = shoal_cluster_self(cluster);
	sum += strlen(shoal_member_name(self));
	shoal_member_unref(self);
	assert_true(sum > 0);
	shoal_cluster_counters(cluster, &counters);
	assert_int_equal(shoal_cluster_address(cluster, text, sizeof(text)), 0);
	assert_true(shoal_cluster_health(cluster) <= 8);
	assert_true(shoal_cluster_convergence_lag(cluster) < SHOAL_SEC(600));
	assert_int_equal(shoal_cluster_state(cluster), SHOAL_CLUSTER_RUNNING);
	assert_int_equal(shoal_on_member(cluster, SHOAL_EVENT_ALL, ignore, tag), 0);
	(void)shoal_wait_members(cluster, 3, 5);
	assert_int_equal(shoal_off_member(cluster, ignore, tag), 0);
	(void)shoal_cluster_join_async(cluster, seeds, 2, 500, NULL, NULL);
	(void)shoal_cluster_join(cluster, seeds, 1, 500, NULL);
}

static void *
call(void *arg)
{
	struct stage *stage = arg;

	while (!atomic_load(&stage->over)) {
		int tag;

		ask_everything(stage, &tag);
		atomic_fetch_add(&stage->rounds, 1);
		usleep(1000);
	}
	return NULL;
}

static void
many_threads_call_everything_while_members_come_and_go(void **state)
{
	struct stage stage = {0};
	pthread_t caller[CALLERS];
	struct shoal_cluster *seed = kit_member("seed");

	(void)state;
	stage.cluster = kit_member("a");
	snprintf(stage.seed, sizeof(stage.seed), "%s", kit_address(seed));
	assert_int_equal(shoal_on_member(stage.cluster, SHOAL_EVENT_ALL, on_member, &stage), 0);
	kit_join(stage.cluster, stage.seed);
	for (unsigned i = 0; i < CALLERS; i++) {
		assert_int_equal(pthread_create(&caller[i], NULL, call, &stage), 0);
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		char name[8];
		struct shoal_config config = kit_config(name);
		struct shoal_cluster *guest;

		snprintf(name, sizeof(name), "g%u", i % 3);
		/* A leave waits so long for the guest before, which may be thought alive. */
		config.profile.leave_timeout_ms = 5000;
		guest = kit_start(&config);
		kit_join(guest, stage.seed);
		kit_await_state(NULL, stage.cluster, name, SHOAL_STATE_ALIVE);
		if (i % 2 == 0) {
			assert_int_equal(shoal_cluster_leave(guest, KIT_PATIENCE_MS), 0);
		}
		kit_free(guest);
	}
	atomic_store(&stage.over, true);
	for (unsigned i = 0; i < CALLERS; i++) {
		pthread_join(caller[i], NULL);
	}
	assert_true(atomic_load(&stage.rounds) >= CALLERS);
	assert_true(atomic_load(&stage.events) > 0);
	kit_free(stage.cluster);
	kit_free(seed);
}

static void *
stop_it(void *arg)
{
	assert_int_equal(shoal_cluster_stop(arg), 0);
	return NULL;
}

static void *
leave_it(void *arg)
{
	int rc = shoal_cluster_leave(arg, 1000);

	assert_true(rc == 0 || rc == SHOAL_ERR_CANCELED || rc == SHOAL_ERR_STATE ||
	            rc == SHOAL_ERR_TIMEOUT);
	return NULL;
}

static void
stop_and_leave_from_several_threads_end_in_stopped(void **state)
{
	struct shoal_cluster *seed = kit_member("seed");

	(void)state;
	for (unsigned round = 0; round < 10; round++) {
		struct shoal_cluster *a = kit_member("a");
		pthread_t thread[4];

		kit_join(a, kit_address(seed));
		for (unsigned i = 0; i < COUNT_OF(thread); i++) {
			assert_int_equal(pthread_create(&thread[i], NULL,
			                         i % 2 == round % 2 ? stop_it : leave_it, a),
			        0);
		}
		for (unsigned i = 0; i < COUNT_OF(thread); i++) {
			pthread_join(thread[i], NULL);
		}
		assert_int_equal(shoal_cluster_state(a), SHOAL_CLUSTER_STOPPED);
		kit_free(a);
	}
	kit_free(seed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(many_threads_call_everything_while_members_come_and_go),
	        cmocka_unit_test(stop_and_leave_from_several_threads_end_in_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
