/* SPDX-License-Identifier: MIT */
/* shoal/log.h - log records. The library never prints: the core queues records, the cluster object
 * hands them to the application's sink. */
#ifndef SHOAL_LOG_H
#define SHOAL_LOG_H

#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_log_level {
	SHOAL_LOG_ERROR = 1, /* something asked for did not happen, and stays so */
	SHOAL_LOG_WARN = 2,  /* something is wrong outside, the library copes */
	SHOAL_LOG_INFO = 3,  /* changes that an operator wants to see: joined, failed, left */
	SHOAL_LOG_DEBUG = 4  /* the protocol's single steps */
};

#define SHOAL_LOG_TEXT_MAX 640

struct shoal_log_record {
	uint64_t wall_ns; /* time of the record, nanoseconds since 1970 (UTC) */
	enum shoal_log_level level;
	const char *room; /* part of the library: "probe", "sync", "udp" ...; static */
	char text[SHOAL_LOG_TEXT_MAX];
};

/* Called with one record, borrowed for the call, on the loop's thread, and by shoal_cluster_start
 * on its caller's; must not block and must not call the library, other than the functions of
 * types.h and error.h. */
typedef void (*shoal_log_fn)(const struct shoal_log_record *record, void *arg);

/* "error", "warn", "info", "debug"; "invalid" for any other number. */
SHOAL_API const char *shoal_log_level_name(enum shoal_log_level level);

/* The inverse. SHOAL_ERR_INVALID: no such name; *level untouched. */
SHOAL_API int shoal_log_level_parse(enum shoal_log_level *level, const char *name);

#ifdef __cplusplus
}
#endif

#endif
