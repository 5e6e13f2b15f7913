/* SPDX-License-Identifier: MIT */
/* The agent's log: one record a line on standard error, as text or JSON.
 *
 * Any thread may write. A line is one write(2) of at most 4096 bytes, which a pipe takes whole, and
 * only when poll(2) says that there is room: a reader that does not read loses lines, which the
 * next line counts, and never stops the agent. */
#ifndef SHOAL_CLI_LOG_H
#define SHOAL_CLI_LOG_H

#include <shoal/log.h>

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

/* The sink for struct shoal_config. */
void cli_log_record(const struct shoal_log_record *record, void *arg);

#endif
