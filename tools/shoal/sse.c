/* SPDX-License-Identifier: MIT */
/* The reader of server-sent events: whole events (up to an empty line) are cut out of one buffer,
 * and their lines are ended in place. Of several data lines the first counts: the agent writes one.
 */
#include "sse.h"

#include "cli.h"

#include <stdlib.h>
#include <string.h>

bool
cli_sse_feed(struct cli_sse *sse, const char *bytes, size_t len)
{
	if (sse->taken > 0) {
		memmove(sse->bytes, sse->bytes + sse->taken, sse->len - sse->taken);
		sse->len -= sse->taken;
		sse->taken = 0;
	}
	if (len > CLI_SSE_MAX || sse->len + len > CLI_SSE_MAX) {
		return false;
	}
	if (sse->len + len > sse->capacity) {
		sse->capacity = (sse->len + len) * 2;
		sse->bytes = cli_grow(sse->bytes, sse->capacity, 1);
	}
	memcpy(sse->bytes + sse->len, bytes, len);
	sse->len += len;
	return true;
}

/* The length of the first event with its empty line; 0: it is not whole. */
static size_t
whole(const char *bytes, size_t len)
{
	size_t i;

	for (i = 1; i < len; i++) {
		if (bytes[i] == '\n' && bytes[i - 1] == '\n') {
			return i + 1;
		}
	}
	return 0;
}

static const char *
value_of(char *line, const char *field)
{
	size_t n = strlen(field);

	if (strncmp(line, field, n) != 0 || line[n] != ':') {
		return NULL;
	}
	return line + n + (line[n + 1] == ' ' ? 2 : 1);
}

bool
cli_sse_next(struct cli_sse *sse, struct cli_sse_event *event)
{
	char *text = sse->bytes == NULL ? NULL : sse->bytes + sse->taken, *line;
	size_t len = text == NULL ? 0 : whole(text, sse->len - sse->taken);
	const char *value;

	if (len == 0) {
		return false;
	}
	sse->taken += len;
	text[len - 1] = '\0'; /* the empty line's end; the event's last line ends before it */
	event->kind = "message";
	event->data = NULL;
	while ((line = strsep(&text, "\n")) != NULL) {
		if (line[0] == ':') {
			event->kind = ":";
		} else if ((value = value_of(line, "event")) != NULL) {
			event->kind = value;
		} else if (event->data == NULL && (value = value_of(line, "data")) != NULL) {
			event->data = value;
		}
	}
	if (event->data == NULL) {
		event->data = "";
	}
	return true;
}

void
cli_sse_free(struct cli_sse *sse)
{
	free(sse->bytes);
	memset(sse, 0, sizeof(*sse));
}
