/* SPDX-License-Identifier: MIT */
/* The subscribers of /v1/events: every member event of the cluster, as server-sent events; messages
 * and log records where they are wanted.
 *
 * Bounded: CLI_SUBSCRIBERS_MAX of them, CLI_SUBSCRIBER_BYTES queued for each. One that reads too
 * slowly gets what was queued, then "event: lagged" with the number of events that it missed, and
 * its end: it shall look at /v1/members and follow again. Costs a document an event, whoever
 * listens. */
#ifndef SHOAL_CLI_AGENT_EVENTS_H
#define SHOAL_CLI_AGENT_EVENTS_H

#include <event2/http.h>
#include <shoal/shoal.h>
#include <stdbool.h>

#define CLI_SUBSCRIBERS_MAX  32
#define CLI_SUBSCRIBER_BYTES ((size_t)1 << 20)

struct cli_events;

/* Subscribes to the cluster. Free it after the cluster. SHOAL_ERR_NOMEM and those of
 * shoal_on_member. */
int cli_events_new(struct cli_events **events, struct shoal_cluster *cluster);
void cli_events_free(struct cli_events *events);

unsigned cli_events_count(const struct cli_events *events);

/* A message came; arg: the events. A handler of SHOAL_TYPE_ANY. */
void cli_events_message(
        struct shoal_cluster *cluster, const struct shoal_message *message, void *arg);

/* Answers a request with the stream, beginning now: member events, but with "events=no" in its
 * query; with "messages=also" messages too, with "messages=only" nothing else of the two; with
 * "logs=LEVEL" log records up to that level, whatever standard error gets, unless reads_only.
 * SHOAL_ERR_LIMIT: too many; _INVALID: no such query; _PERMISSION: no log for this one; nothing was
 * sent. */
int cli_events_follow(struct cli_events *events, struct evhttp_request *request, bool reads_only);

/* While the configuration is read again the library's log has the level of standard error, as it
 * is compared; behind it (false) that which the followers want. */
void cli_events_hold_level(struct cli_events *events, bool hold);

/* Ends every stream. done runs for each that was sent out whole, perhaps before this returns. */
void cli_events_end(
        struct cli_events *events, void (*done)(struct evhttp_request *, void *), void *arg);

#endif
