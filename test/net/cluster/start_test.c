/* SPDX-License-Identifier: MIT */
/* Starts that go wrong: no descriptors left, fewer than the config asks for, a stop
 * meanwhile. */
#include "kit.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static struct rlimit
limit_files(rlim_t most)
{
	struct rlimit before, now;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	now = before;
	now.rlim_cur = most < before.rlim_max ? most : before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
	return before;
}

static rlim_t
first_free_descriptor(void)
{
	int fd = dup(STDIN_FILENO);

	assert_true(fd >= 0);
	close(fd);
	return (rlim_t)fd;
}

/* libevent ends the process where a base finds no descriptor for its signals. How many a start
 * takes differs with what libevent was built with and found: from some number on it works, below it
 * fails with a reason. */
static void
too_few_descriptors_fail_the_start_and_not_the_process(void **state)
{
	bool worked = false;

	(void)state;
	for (unsigned spare = 0; spare < 16; spare++) {
		struct shoal_config config = kit_config("a");
		struct shoal_cluster *a = kit_new(&config);
		struct rlimit before = limit_files(first_free_descriptor() + spare);
		int rc = shoal_cluster_start(a);

		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		if (rc == 0) {
			worked = true;
		} else {
			assert_false(worked);
			assert_int_equal(rc, SHOAL_ERR_SYSTEM);
			assert_non_null(strstr(shoal_last_error(), "open files"));
			assert_int_equal(shoal_cluster_state(a), SHOAL_CLUSTER_STOPPED);
		}
		assert_true(spare > 0 || !worked);
		kit_free(a);
	}
	assert_true(worked);
}

static void
count_warnings(const struct shoal_log_record *record, void *arg)
{
	unsigned *count = arg;

	/* Those of the start, and so of this thread. */
	if (strcmp(record->room, "cluster") == 0 && record->level == SHOAL_LOG_WARN) {
		assert_non_null(strstr(record->text, "connections_max"));
		++*count;
	}
}

static unsigned
warnings_with(uint32_t connections_max)
{
	struct shoal_config config = kit_config("a");
	struct rlimit before;
	unsigned count = 0;

	config.log = count_warnings;
	config.log_arg = &count;
	config.connections_max = connections_max;
	before = limit_files(512);
	kit_free(kit_start(&config));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	return count;
}

static void
a_limit_of_open_files_below_the_connections_is_told_once(void **state)
{
	(void)state;
	assert_int_equal(warnings_with(16), 0);
	assert_int_equal(warnings_with(512), 1);
}

/* Stops a cluster from another thread while this one allocates. */
struct stopper {
	struct shoal_cluster *cluster; /* NULL: not now */
	int stop;
	enum shoal_cluster_state state;
};

static void *
stop_it(void *arg)
{
	struct stopper *stopper = arg;

	stopper->stop = shoal_cluster_stop(stopper->cluster);
	stopper->state = shoal_cluster_state(stopper->cluster);
	return NULL;
}

static void *
stop_and_allocate(size_t size, void *arg)
{
	struct stopper *stopper = arg;
	pthread_t thread;

	if (stopper->cluster != NULL) {
		assert_int_equal(pthread_create(&thread, NULL, stop_it, stopper), 0);
		pthread_join(thread, NULL);
		stopper->cluster = NULL;
	}
	return malloc(size);
}

static void *
resize(void *ptr, size_t size, void *arg)
{
	(void)arg;
	return realloc(ptr, size);
}

static void
release(void *ptr, void *arg)
{
	(void)arg;
	free(ptr);
}

static void
a_stop_during_start_is_final(void **state)
{
	struct stopper stopper = {.stop = -1};
	const struct shoal_allocator allocator = {
	        .malloc = stop_and_allocate, .realloc = resize, .free = release, .arg = &stopper};
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a;

	(void)state;
	config.allocator = &allocator;
	a = kit_new(&config);
	stopper.cluster = a;
	assert_int_equal(shoal_cluster_start(a), SHOAL_ERR_CANCELED);
	assert_non_null(strstr(shoal_last_error(), "stopped"));
	assert_null(stopper.cluster);
	assert_int_equal(stopper.stop, 0);
	assert_int_equal(stopper.state, SHOAL_CLUSTER_STOPPED);
	assert_int_equal(shoal_cluster_state(a), SHOAL_CLUSTER_STOPPED);
	kit_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(too_few_descriptors_fail_the_start_and_not_the_process),
	        cmocka_unit_test(a_limit_of_open_files_below_the_connections_is_told_once),
	        cmocka_unit_test(a_stop_during_start_is_final),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
