/* SPDX-License-Identifier: MIT */
/* Helpers of the unit tests. A child process that meets a failed assertion leaves with a code of
 * its own from the panic hook, so that a crash of any other kind is not taken for it. */
#include "unit.h"

#include <sys/wait.h>
#include <unistd.h>

#include <shoal/error.h>

#define PANICKED 71

static void
leave(const char *expression, const char *file, int line)
{
	(void)expression;
	(void)file;
	(void)line;
	_exit(PANICKED);
}

bool
unit_panics(void (*fn)(void *arg), void *arg)
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		shoal_on_panic(leave);
		fn(arg);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == PANICKED);
	return WEXITSTATUS(status) == PANICKED;
}

uint64_t
unit_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}
