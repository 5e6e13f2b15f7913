/* SPDX-License-Identifier: MIT */
/* Names of the log levels, both ways. */
#include <shoal/error.h>
#include <shoal/log.h>

#include <string.h>

const char *
shoal_log_level_name(enum shoal_log_level level)
{
	switch (level) {
	case SHOAL_LOG_ERROR:
		return "error";
	case SHOAL_LOG_WARN:
		return "warn";
	case SHOAL_LOG_INFO:
		return "info";
	case SHOAL_LOG_DEBUG:
		return "debug";
	}
	return "invalid";
}

int
shoal_log_level_parse(enum shoal_log_level *level, const char *name)
{
	enum shoal_log_level i;

	for (i = SHOAL_LOG_ERROR; i <= SHOAL_LOG_DEBUG; i++) {
		if (strcmp(name, shoal_log_level_name(i)) == 0) {
			*level = i;
			return 0;
		}
	}
	return SHOAL_ERR_INVALID;
}
