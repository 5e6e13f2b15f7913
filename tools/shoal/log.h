/* SPDX-License-Identifier: MIT */
/* The agent's log: one record a line on standard error, as text or JSON.
 *
 * Any thread may write. A line is one write(2) of at most 4096 bytes, which a pipe takes whole, and
 * only when poll(2) says that there is room: a reader that does not read loses lines, which the
 * next line counts, and never stops the agent. */
#ifndef SHOAL_CLI_LOG_H
#define SHOAL_CLI_LOG_H

#include <shoal/log.h>
#include <stdbool.h>

enum cli_log_form {
	CLI_LOG_TEXT = 0,
	CLI_LOG_JSON
};

void cli_log_set(enum cli_log_form form, enum shoal_log_level level);

/* "text" or "json"; -1: neither. */
int cli_log_form_parse(enum cli_log_form *form, const char *word);

/* One record of the agent itself, room "agent". */
void cli_log(enum shoal_log_level level, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* The same of what goes wrong again and again: a text once a minute, with how often it was left out
 * since; 16 texts are told apart. The main thread only. */
void cli_log_rarely(enum shoal_log_level level, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* The sink for struct shoal_config. */
void cli_log_record(const struct shoal_log_record *record, void *arg);

/* The level of what is written to standard error. */
enum shoal_log_level cli_log_level(void);

/* Records for others than standard error: from now on those of at most this level are kept (0:
 * none), the newest CLI_LOG_KEPT at most, until cli_log_next takes them. */
#define CLI_LOG_KEPT 256
void cli_log_keep(unsigned level);

/* A descriptor that is readable while there are some. -1: there is none. */
int cli_log_fd(void);

/* Of each level, how many were lost for want of room. */
struct cli_log_missed {
	uint64_t of[SHOAL_LOG_DEBUG + 1];
};

/* Takes the oldest; *missed: what was lost before it. false: there is none. */
bool cli_log_next(struct shoal_log_record *record, struct cli_log_missed *missed);

#endif
