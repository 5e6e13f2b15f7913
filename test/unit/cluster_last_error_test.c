/* SPDX-License-Identifier: MIT */
/* The text of the last failure belongs to the thread that failed. */
#include "unit.h"

#include "cluster/report/last_error.h"

#include <shoal/cluster.h>

#include <pthread.h>

static void *
fail_elsewhere(void *arg)
{
	(void)arg;
	assert_string_equal(shoal_last_error(), "");
	shoal_last_error_say("elsewhere");
	return NULL;
}

static void
each_thread_has_its_own_text(void **state)
{
	pthread_t thread;

	(void)state;
	assert_string_equal(shoal_last_error(), "");
	assert_int_equal(
	        shoal_last_error_set(SHOAL_ERR_LIMIT, "%s %d", "here", 1), SHOAL_ERR_LIMIT);
	assert_int_equal(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_string_equal(shoal_last_error(), "here 1");
}

static void
a_long_text_is_cut(void **state)
{
	char text[2 * SHOAL_LAST_ERROR_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	shoal_last_error_say("%s", text);
	assert_int_equal(strlen(shoal_last_error()), SHOAL_LAST_ERROR_MAX - 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_thread_has_its_own_text),
	        cmocka_unit_test(a_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
