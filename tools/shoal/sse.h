/* SPDX-License-Identifier: MIT */
/* Reads server-sent events (the agent's /v1/events) out of a stream of bytes.
 *
 * Fields "event" and "data" are kept, a comment line (":...") is an event of kind ":", everything
 * else is skipped. Bounded: more than CLI_SSE_MAX bytes that wait end the stream. */
#ifndef SHOAL_CLI_SSE_H
#define SHOAL_CLI_SSE_H

#include <stdbool.h>
#include <stddef.h>

#define CLI_SSE_MAX ((size_t)64 << 20)

struct cli_sse {
	char *bytes;
	size_t taken, len, capacity; /* bytes[taken, len) wait */
};

/* Texts live until the next call on the reader. */
struct cli_sse_event {
	const char *kind; /* "message" where the stream does not say */
	const char *data; /* "" where there is none */
};

/* false: what waits would grow above the bound. */
bool cli_sse_feed(struct cli_sse *sse, const char *bytes, size_t len);

/* Takes the next whole event; false: more bytes are needed. */
bool cli_sse_next(struct cli_sse *sse, struct cli_sse_event *event);

void cli_sse_free(struct cli_sse *sse);

#endif
