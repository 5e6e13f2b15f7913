/* SPDX-License-Identifier: MIT */
/* Names of the log levels, both ways. */
#include "unit.h"

#include <shoal/error.h>
#include <shoal/log.h>

static void
every_level_is_read_by_its_name(void **state)
{
	static const char *const names[] = {"error", "warn", "info", "debug"};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(names); i++) {
		enum shoal_log_level level = (enum shoal_log_level)0;

		assert_int_equal(shoal_log_level_parse(&level, names[i]), 0);
		assert_int_equal(level, SHOAL_LOG_ERROR + i);
		assert_string_equal(shoal_log_level_name(level), names[i]);
	}
}

static void
what_is_no_level_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = {"", "errors", "erro", "ERROR", " info", "1", "invalid"};
	enum shoal_log_level level = SHOAL_LOG_WARN;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(shoal_log_level_parse(&level, bad[i]), SHOAL_ERR_INVALID);
	}
	assert_int_equal(level, SHOAL_LOG_WARN);
	assert_string_equal(shoal_log_level_name((enum shoal_log_level)0), "invalid");
	assert_string_equal(shoal_log_level_name((enum shoal_log_level)5), "invalid");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_level_is_read_by_its_name),
	        cmocka_unit_test(what_is_no_level_is_refused_and_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
