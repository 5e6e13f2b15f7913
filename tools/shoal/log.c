/* SPDX-License-Identifier: MIT */
/* Log lines; see log.h. The form is set once, before other threads are. */
#include "log.h"

#include "text.h"

#include <jansson.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096 /* PIPE_BUF on Linux */

static _Atomic enum cli_log_form log_form;
static _Atomic enum shoal_log_level log_level = SHOAL_LOG_INFO;
static atomic_ulong lost;

void
cli_log_set(enum cli_log_form form, enum shoal_log_level level)
{
	log_form = form;
	log_level = level;
}

int
cli_log_form_parse(enum cli_log_form *form, const char *word)
{
	if (strcmp(word, "text") == 0) {
		*form = CLI_LOG_TEXT;
	} else if (strcmp(word, "json") == 0) {
		*form = CLI_LOG_JSON;
	} else {
		return -1;
	}
	return 0;
}

static size_t
text_line(const struct shoal_log_record *record, char *line)
{
	char time[CLI_TIME_TEXT], text[SHOAL_LOG_TEXT_MAX * 2];
	int n;

	cli_text_printable(record->text, text, sizeof(text));
	n = snprintf(line, LINE_MAX_BYTES, "%s %-5s %s: %s\n", cli_text_time(record->wall_ns, time),
	        shoal_log_level_name(record->level), record->room, text);
	return n < 0 ? 0 : (size_t)n;
}

static size_t
json_line(const struct shoal_log_record *record, char *line)
{
	char time[CLI_TIME_TEXT], text[SHOAL_LOG_TEXT_MAX * 2];
	json_t *document;
	size_t n;

	cli_text_printable(record->text, text, sizeof(text));
	document = json_pack("{s:s, s:s, s:s, s:s}", "time", cli_text_time(record->wall_ns, time),
	        "level", shoal_log_level_name(record->level), "room", record->room, "text", text);
	n = json_dumpb(document, line, LINE_MAX_BYTES - 1, JSON_COMPACT);
	json_decref(document);
	if (n == 0 || n > LINE_MAX_BYTES - 1) {
		return 0;
	}
	line[n] = '\n';
	return n + 1;
}

static void
write_line(const struct shoal_log_record *record)
{
	struct pollfd room = {.fd = STDERR_FILENO, .events = POLLOUT};
	char line[LINE_MAX_BYTES];
	size_t n = log_form == CLI_LOG_JSON ? json_line(record, line) : text_line(record, line);

	if (n == 0 || poll(&room, 1, 0) != 1 || (room.revents & POLLOUT) == 0 ||
	        write(STDERR_FILENO, line, n) != (ssize_t)n) {
		atomic_fetch_add(&lost, 1);
	}
}

void
cli_log_record(const struct shoal_log_record *record, void *arg)
{
	unsigned long n = atomic_exchange(&lost, 0);

	(void)arg;
	if (record->level > log_level) {
		return;
	}
	if (n > 0) {
		struct shoal_log_record note = {
		        .wall_ns = record->wall_ns, .level = SHOAL_LOG_WARN, .room = "agent"};

		snprintf(note.text, sizeof(note.text),
		        "%lu log lines were lost: nobody read standard error", n);
		write_line(&note);
	}
	write_line(record);
}

void
cli_log(enum shoal_log_level level, const char *format, ...)
{
	struct shoal_log_record record = {
	        .wall_ns = cli_text_wall_ns(), .level = level, .room = "agent"};
	va_list args;

	va_start(args, format);
	vsnprintf(record.text, sizeof(record.text), format, args);
	va_end(args);
	cli_log_record(&record, NULL);
}
