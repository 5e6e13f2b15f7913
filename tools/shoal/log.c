/* SPDX-License-Identifier: MIT */
/* Log lines; see log.h. What is kept for others waits in a ring: who does not take it loses the
 * oldest, and no writer ever waits for more than another one's copy. */
#include "log.h"

#include "text.h"

#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096 /* PIPE_BUF on Linux */
#define TEXTS          16
#define RARELY_S       60

static _Atomic enum cli_log_form log_form;
static _Atomic enum shoal_log_level log_level = SHOAL_LOG_INFO;
static atomic_ulong lost;

static struct {
	pthread_mutex_t lock;
	struct shoal_log_record record[CLI_LOG_KEPT];
	size_t first, count;
	struct cli_log_missed missed;
	int fd; /* 0: not made yet */
	atomic_uint level;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER};

enum shoal_log_level
cli_log_level(void)
{
	return log_level;
}

void
cli_log_keep(unsigned level)
{
	pthread_mutex_lock(&kept.lock);
	kept.level = level;
	if (level == 0) {
		kept.count = 0;
		memset(&kept.missed, 0, sizeof(kept.missed));
	}
	pthread_mutex_unlock(&kept.lock);
}

int
cli_log_fd(void)
{
	if (kept.fd == 0) {
		kept.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	}
	return kept.fd;
}

bool
cli_log_next(struct shoal_log_record *record, struct cli_log_missed *missed)
{
	eventfd_t ignored;
	bool some;

	pthread_mutex_lock(&kept.lock);
	some = kept.count > 0;
	if (some) {
		*record = kept.record[kept.first];
		kept.first = (kept.first + 1) % CLI_LOG_KEPT;
		kept.count--;
		*missed = kept.missed;
		memset(&kept.missed, 0, sizeof(kept.missed));
	}
	if (kept.count == 0 && kept.fd > 0) {
		(void)eventfd_read(kept.fd, &ignored);
	}
	pthread_mutex_unlock(&kept.lock);
	return some;
}

static void
keep(const struct shoal_log_record *record)
{
	if (record->level > kept.level) {
		return;
	}
	pthread_mutex_lock(&kept.lock);
	if (record->level <= kept.level) {
		if (kept.count == CLI_LOG_KEPT) {
			kept.missed.of[kept.record[kept.first].level]++;
			kept.first = (kept.first + 1) % CLI_LOG_KEPT;
			kept.count--;
		}
		kept.record[(kept.first + kept.count++) % CLI_LOG_KEPT] = *record;
		if (kept.fd > 0) {
			(void)eventfd_write(kept.fd, 1);
		}
	}
	pthread_mutex_unlock(&kept.lock);
}

struct rare {
	char text[SHOAL_LOG_TEXT_MAX];
	time_t until; /* it is not told again before */
	unsigned long left_out;
};

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
	unsigned long n;

	(void)arg;
	keep(record);
	if (record->level > log_level) {
		return;
	}
	n = atomic_exchange(&lost, 0);
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

/* The place of a text; a new one takes that of the one that was told longest ago. */
static struct rare *
rare_of(const char *text)
{
	static struct rare rare[TEXTS];
	struct rare *oldest = &rare[0];
	size_t i;

	for (i = 0; i < TEXTS; i++) {
		if (strcmp(rare[i].text, text) == 0) {
			return &rare[i];
		}
		oldest = rare[i].until < oldest->until ? &rare[i] : oldest;
	}
	memset(oldest, 0, sizeof(*oldest));
	snprintf(oldest->text, sizeof(oldest->text), "%s", text);
	return oldest;
}

void
cli_log_rarely(enum shoal_log_level level, const char *format, ...)
{
	char text[SHOAL_LOG_TEXT_MAX], more[64] = "";
	struct timespec now;
	struct rare *rare;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	clock_gettime(CLOCK_BOOTTIME, &now);
	rare = rare_of(text);
	if (rare->until > now.tv_sec) {
		rare->left_out++;
		return;
	}
	if (rare->left_out > 0) {
		snprintf(more, sizeof(more), " (and %lu times since it was told)", rare->left_out);
	}
	rare->until = now.tv_sec + RARELY_S;
	rare->left_out = 0;
	cli_log(level, "%s%s", text, more);
}
