/* SPDX-License-Identifier: MIT */
/* Streams of events; see agent_events.h.
 *
 * A subscriber owns a request that is being answered. evhttp closes its connection in its own time:
 * when the peer has gone, the request is on no connection any more and is freed here; when the
 * server is taken down, evhttp frees it. */
#include "agent_events.h"

#include "agent_message.h"
#include "document.h"
#include "log.h"
#include "text.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/keyvalq_struct.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STALLED_SECONDS 60 /* nothing could be written for so long: the peer has stopped */

struct subscriber {
	struct cli_events *events;
	struct evhttp_request *request; /* NULL: the place is free */
	bool members, messages;         /* what it is told */
	unsigned logs;                  /* records up to this level, 0: none */
	uint64_t lost; /* events that did not fit; from the first on nothing is queued */
};

struct cli_events {
	struct shoal_cluster *cluster;
	struct event *logs;         /* made for the first who wants them */
	enum shoal_log_level level; /* that the library was given for them, 0: none */
	unsigned count;
	struct subscriber subscribers[CLI_SUBSCRIBERS_MAX];
};

static unsigned
wanted_level(const struct cli_events *events)
{
	unsigned wanted = 0;

	for (size_t i = 0; i < CLI_SUBSCRIBERS_MAX; i++) {
		if (events->subscribers[i].logs > wanted) {
			wanted = events->subscribers[i].logs;
		}
	}
	return wanted;
}

/* The library makes no records that nobody wants. */
void
cli_events_hold_level(struct cli_events *events, bool hold)
{
	enum shoal_log_level own = cli_log_level(), level = own;
	unsigned wanted = wanted_level(events);

	if (!hold && wanted > level) {
		level = (enum shoal_log_level)wanted;
	}
	cli_log_keep(wanted);
	if (level != (events->level != 0 ? events->level : own)) {
		(void)shoal_cluster_set(events->cluster, "log_level", shoal_log_level_name(level));
	}
	events->level = level == own ? 0 : level;
}

static void
forget(struct subscriber *subscriber)
{
	subscriber->request = NULL;
	subscriber->lost = 0;
	subscriber->events->count--;
	if (subscriber->logs > 0) {
		subscriber->logs = 0;
		cli_events_hold_level(subscriber->events, false);
	}
}

static struct bufferevent *
stream_of(const struct subscriber *subscriber)
{
	return evhttp_connection_get_bufferevent(
	        evhttp_request_get_connection(subscriber->request));
}

static void
on_close(struct evhttp_connection *connection, void *arg)
{
	struct subscriber *subscriber = arg;
	struct evhttp_request *request = subscriber->request;

	(void)connection;
	forget(subscriber);
	if (evhttp_request_get_connection(request) == NULL) {
		evhttp_request_free(request);
	}
}

static void
end(struct subscriber *subscriber)
{
	struct evhttp_request *request = subscriber->request;

	evhttp_connection_set_closecb(evhttp_request_get_connection(request), NULL, NULL);
	forget(subscriber);
	evhttp_send_reply_end(request);
}

static void on_drained(struct evhttp_connection *connection, void *arg);

static void
send_text(struct subscriber *subscriber, const char *text, size_t len)
{
	struct evbuffer *buffer = evbuffer_new();

	if (buffer == NULL || evbuffer_add(buffer, text, len) < 0) {
		subscriber->lost++;
	} else {
		evhttp_send_reply_chunk_with_cb(
		        subscriber->request, buffer, on_drained, subscriber);
	}
	if (buffer != NULL) {
		evbuffer_free(buffer);
	}
}

/* All that was queued has been read: now it can be told what is missing. */
static void
on_drained(struct evhttp_connection *connection, void *arg)
{
	struct subscriber *subscriber = arg;
	char text[80];
	int n;

	(void)connection;
	if (subscriber->lost == 0) {
		return;
	}
	n = snprintf(text, sizeof(text), "event: lagged\ndata: {\"n\":%" PRIu64 "}\n\n",
	        subscriber->lost);
	send_text(subscriber, text, (size_t)n);
	end(subscriber);
}

static void
queue_event(struct subscriber *subscriber, const char *text, size_t len)
{
	size_t queued = evbuffer_get_length(bufferevent_get_output(stream_of(subscriber)));

	if (subscriber->lost > 0 || queued + len > CLI_SUBSCRIBER_BYTES) {
		subscriber->lost++;
	} else {
		send_text(subscriber, text, len);
	}
}

/* "event: NAME\ndata: DOCUMENT\n\n", or NULL. Takes the document. */
static char *
event_text(const char *name, json_t *document, size_t *len)
{
	char *data = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(9)), *text = NULL;
	int n = -1;

	json_decref(document);
	if (data != NULL) {
		n = asprintf(&text, "event: %s\ndata: %s\n\n", name, data);
	}
	free(data);
	if (n < 0) {
		return NULL;
	}
	*len = (size_t)n;
	return text;
}

/* To those that are told of messages, or of members. Takes the document. */
static void
tell(struct cli_events *events, bool message, const char *name, json_t *document)
{
	size_t i, len = 0;
	char *text = event_text(name, document, &len);

	for (i = 0; i < CLI_SUBSCRIBERS_MAX; i++) {
		struct subscriber *subscriber = &events->subscribers[i];

		if (subscriber->request == NULL ||
		        !(message ? subscriber->messages : subscriber->members)) {
			continue;
		}
		if (text != NULL) {
			queue_event(subscriber, text, len);
		} else {
			subscriber->lost++; /* out of memory */
		}
	}
	free(text);
}

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct cli_events *events = arg;

	if (events->count > 0) {
		tell(events, false, shoal_event_name(event->kind),
		        cli_document_event(cluster, event));
	}
}

void
cli_events_message(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	struct cli_events *events = arg;

	for (size_t i = 0; i < CLI_SUBSCRIBERS_MAX; i++) {
		if (events->subscribers[i].request != NULL && events->subscribers[i].messages) {
			tell(events, true, "message", cli_document_message(cluster, message));
			return;
		}
	}
}

static json_t *
document_of_log(const struct shoal_log_record *record)
{
	char time[CLI_TIME_TEXT];

	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "time", cli_text_time(record->wall_ns, time),
	        "event", "log", "level", shoal_log_level_name(record->level), "room", record->room,
	        "text", cli_document_text(record->text));
}

static void
queue_log(struct subscriber *subscriber, const struct shoal_log_record *record)
{
	size_t len = 0;
	char *text = event_text("log", document_of_log(record), &len);

	if (text != NULL) {
		queue_event(subscriber, text, len);
	} else {
		subscriber->lost++; /* out of memory */
	}
	free(text);
}

/* A gap is a line like others, in its place: the stream goes on, and the member events in it. */
static void
tell_missed(struct subscriber *subscriber, const struct cli_log_missed *missed)
{
	struct shoal_log_record note = {
	        .wall_ns = cli_text_wall_ns(), .level = SHOAL_LOG_WARN, .room = "agent"};
	uint64_t n = 0;

	for (unsigned level = 0; level <= subscriber->logs; level++) {
		n += missed->of[level];
	}
	if (n > 0) {
		snprintf(note.text, sizeof(note.text),
		        "%" PRIu64 " log lines were lost: more came than are kept for one turn", n);
		queue_log(subscriber, &note);
	}
}

static void
tell_log(struct cli_events *events, const struct shoal_log_record *record,
        const struct cli_log_missed *missed)
{
	for (size_t i = 0; i < CLI_SUBSCRIBERS_MAX; i++) {
		struct subscriber *subscriber = &events->subscribers[i];

		if (subscriber->request == NULL || subscriber->logs == 0) {
			continue;
		}
		tell_missed(subscriber, missed);
		if (record->level <= subscriber->logs) {
			queue_log(subscriber, record);
		}
	}
}

/* What comes while it is told waits for the next turn. */
static void
on_logs(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_log_record record;
	struct cli_log_missed missed;

	(void)fd;
	(void)what;
	for (size_t i = 0; i < CLI_LOG_KEPT && cli_log_next(&record, &missed); i++) {
		tell_log(arg, &record, &missed);
	}
}

static int
begin_logs(struct cli_events *events, struct evhttp_request *request)
{
	struct event_base *base =
	        evhttp_connection_get_base(evhttp_request_get_connection(request));

	if (events->logs == NULL && cli_log_fd() >= 0) {
		events->logs = event_new(base, cli_log_fd(), EV_READ | EV_PERSIST, on_logs, events);
	}
	return events->logs != NULL && event_add(events->logs, NULL) == 0 ? 0 : SHOAL_ERR_NOMEM;
}

int
cli_events_new(struct cli_events **events, struct shoal_cluster *cluster)
{
	struct cli_events *made = calloc(1, sizeof(*made));
	size_t i;
	int rc;

	if (made == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	made->cluster = cluster;
	for (i = 0; i < CLI_SUBSCRIBERS_MAX; i++) {
		made->subscribers[i].events = made;
	}
	rc = shoal_on_member(cluster, SHOAL_EVENT_ALL, on_member, made);
	if (rc < 0) {
		free(made);
		return rc;
	}
	*events = made;
	return 0;
}

void
cli_events_free(struct cli_events *events)
{
	if (events != NULL && events->logs != NULL) {
		event_free(events->logs);
	}
	free(events);
}

unsigned
cli_events_count(const struct cli_events *events)
{
	return events->count;
}

static int
choose_one(struct subscriber *chosen, const char *key, const char *value)
{
	enum shoal_log_level level;
	bool only = strcmp(value, "only") == 0;

	if (strcmp(key, "messages") == 0 && (only || strcmp(value, "also") == 0)) {
		chosen->messages = true;
		chosen->members = chosen->members && !only;
		return 0;
	}
	if (strcmp(key, "events") == 0 && strcmp(value, "no") == 0) {
		chosen->members = false;
		return 0;
	}
	if (strcmp(key, "logs") == 0 && shoal_log_level_parse(&level, value) == 0) {
		chosen->logs = level;
		return 0;
	}
	return SHOAL_ERR_INVALID;
}

/* What a query asks for. */
static int
choose(struct subscriber *chosen, const struct evhttp_request *request)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(request));
	struct evkeyvalq pairs = {0};
	const struct evkeyval *pair;
	int rc = 0;

	chosen->members = true;
	if (query == NULL || query[0] == '\0') {
		return 0;
	}
	if (evhttp_parse_query_str(query, &pairs) < 0) {
		return SHOAL_ERR_INVALID;
	}
	for (pair = pairs.tqh_first; rc == 0 && pair != NULL; pair = pair->next.tqe_next) {
		rc = choose_one(chosen, pair->key, pair->value);
	}
	evhttp_clear_headers(&pairs);
	return rc;
}

int
cli_events_follow(struct cli_events *events, struct evhttp_request *request, bool reads_only)
{
	static const struct timeval stalled = {.tv_sec = STALLED_SECONDS};
	static const char hello[] = ": every member event from now on\n\n";
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct subscriber *subscriber = events->subscribers, chosen = {.events = events};
	int rc = choose(&chosen, request);

	if (rc == 0 && chosen.logs > 0) {
		rc = reads_only ? SHOAL_ERR_PERMISSION : begin_logs(events, request);
	}
	if (rc == 0 && events->count == CLI_SUBSCRIBERS_MAX) {
		rc = SHOAL_ERR_LIMIT;
	}
	if (rc < 0) {
		return rc;
	}
	while (subscriber->request != NULL) {
		subscriber++;
	}
	*subscriber = chosen;
	subscriber->request = request;
	events->count++;
	if (subscriber->logs > 0) {
		cli_events_hold_level(events, false);
	}
	evhttp_add_header(headers, "Content-Type", "text/event-stream");
	evhttp_add_header(headers, "Cache-Control", "no-cache");
	evhttp_add_header(headers, "Connection", "close");
	evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_close, subscriber);
	bufferevent_set_timeouts(stream_of(subscriber), NULL, &stalled);
	evhttp_send_reply_start(request, HTTP_OK, "OK");
	send_text(subscriber, hello, sizeof(hello) - 1);
	return 0;
}

void
cli_events_end(struct cli_events *events, void (*done)(struct evhttp_request *, void *), void *arg)
{
	size_t i;

	for (i = 0; i < CLI_SUBSCRIBERS_MAX; i++) {
		struct subscriber *subscriber = &events->subscribers[i];

		if (subscriber->request == NULL) {
			continue;
		}
		evhttp_request_set_on_complete_cb(subscriber->request, done, arg);
		end(subscriber);
	}
}
