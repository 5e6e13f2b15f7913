/* SPDX-License-Identifier: MIT */
/* Complaints, memory and the end of standard output; see cli.h for the contract. */
#include "cli.h"

#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAINT_MAX 2048

/* Where the next complaints go instead of standard error; NULL: there. */
static char *caught;
static size_t caught_len;

void
cli_catch(char *text, size_t len)
{
	caught = text;
	caught_len = len;
	if (text != NULL) {
		text[0] = '\0';
	}
}

/* One line, whatever the text holds: a library's text may have lines of its own, and names of
 * others. */
static void
complain(const char *who, const char *text, const char *hint)
{
	char line[COMPLAINT_MAX * 2], *safe;
	size_t n = 0;

	while (*text != '\0' && n + 3 < sizeof(line)) {
		if (*text == '\n') {
			if (text[1] != '\0') {
				line[n++] = ';';
				line[n++] = ' ';
			}
		} else {
			line[n++] = *text;
		}
		text++;
	}
	line[n] = '\0';
	if (caught != NULL) {
		snprintf(caught, caught_len, "%s", line);
		return;
	}
	safe = cli_text_safe(line);
	fprintf(stderr, "shoal%s%s: %s%s\n", who[0] == '\0' ? "" : " ", who, safe, hint);
	free(safe);
}

int
cli_error(const char *format, ...)
{
	char text[COMPLAINT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	complain("", text, "");
	return CLI_FAILED;
}

int
cli_usage(const struct cli_command *command, const char *format, ...)
{
	const char *name = command == NULL ? "" : command->name;
	char text[COMPLAINT_MAX], hint[64];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(hint, sizeof(hint), "; see 'shoal%s%s --help'", name[0] == '\0' ? "" : " ", name);
	complain(name, text, hint);
	return CLI_USAGE;
}

static void *
need(void *ptr)
{
	if (ptr == NULL) {
		fputs("shoal: out of memory\n", stderr);
		exit(CLI_FAILED);
	}
	return ptr;
}

void *
cli_alloc(size_t count, size_t size)
{
	return need(calloc(count, size));
}

void *
cli_grow(void *ptr, size_t count, size_t size)
{
	return need(reallocarray(ptr, count, size));
}

char *
cli_copy(const char *text)
{
	return need(strdup(text));
}

char *
cli_format(const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	return need(n < 0 ? NULL : text);
}

int
cli_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout)) {
		return CLI_DONE;
	}
	return cli_error("cannot write to standard output: %s", strerror(errno));
}
