/* SPDX-License-Identifier: MIT */
/* What happens on a bug of ours: the hook hears of it, then the process ends, hook or not. Each
 * case is a child. */
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/panic.h"

static int report[2];

static void
tell(const char *expression, const char *file, int line)
{
	const char *name = strrchr(file, '/');

	if (line > 0 && write(report[1], expression, strlen(expression)) > 0) {
		(void)!write(
		        report[1], name != NULL ? name : file, strlen(name != NULL ? name : file));
	}
}

/* Runs a failing assertion with the hook; the child's status in *status, what the hook wrote in
 * text. */
static void
fail_with(shoal_panic_fn hook, int *status, char *text, size_t size)
{
	ssize_t len;
	pid_t child;

	assert_int_equal(pipe(report), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int two = 2;

		/* Not a report of a sanitizer: the end of the process itself is looked at. */
		signal(SIGILL, SIG_DFL);
		signal(SIGTRAP, SIG_DFL);
		shoal_on_panic(tell);
		shoal_on_panic(hook);
		SHOAL_ASSERT(two == 2);
		SHOAL_ASSERT(two == 3);
		_exit(0);
	}
	close(report[1]);
	assert_int_equal(waitpid(child, status, 0), child);
	len = read(report[0], text, size - 1);
	assert_true(len >= 0);
	text[len] = 0;
	close(report[0]);
}

static void
the_hook_hears_of_it_and_the_process_ends(void **state)
{
	char text[200];
	int status;

	(void)state;
	fail_with(tell, &status, text, sizeof(text));
	assert_string_equal(text, "two == 3/base_panic_test.c");
	assert_true(WIFSIGNALED(status));
	assert_true(WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGTRAP);
}

static void
without_a_hook_the_process_ends_as_well(void **state)
{
	char text[200];
	int status;

	(void)state;
	fail_with(NULL, &status, text, sizeof(text));
	assert_string_equal(text, "");
	assert_true(WIFSIGNALED(status));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_hook_hears_of_it_and_the_process_ends),
	        cmocka_unit_test(without_a_hook_the_process_ends_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
