/* SPDX-License-Identifier: MIT */
/* A process is told from its forks. */
#include "unit.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transports/process.h"

static void *
ask(void *arg)
{
	uint64_t *number = arg;

	*number = shoal_process_number();
	return NULL;
}

/* Runs first: all threads find no number yet. */
static void
all_threads_of_a_process_have_one_number(void **state)
{
	uint64_t number[8];
	pthread_t thread[8];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(thread); i++) {
		assert_int_equal(pthread_create(&thread[i], NULL, ask, &number[i]), 0);
	}
	for (size_t i = 0; i < COUNT_OF(thread); i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_true(number[i] != 0 && number[i] == shoal_process_number());
	}
}

/* In a child: whether it and a child of its own have numbers that nobody before them has. */
static int
is_new(uint64_t parent)
{
	uint64_t mine = shoal_process_number();
	int status;

	if (mine == 0 || mine == parent || mine != shoal_process_number()) {
		return 1;
	}
	pid_t child = fork();
	if (child == 0) {
		uint64_t last = shoal_process_number();
		_exit(last == mine || last == parent || last == 0);
	}
	return child < 0 || waitpid(child, &status, 0) != child || status != 0;
}

static void
a_child_has_another_number_than_all_before_it(void **state)
{
	uint64_t mine = shoal_process_number();
	int status;

	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		_exit(is_new(mine));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_true(shoal_process_number() == mine);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(all_threads_of_a_process_have_one_number),
	        cmocka_unit_test(a_child_has_another_number_than_all_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
