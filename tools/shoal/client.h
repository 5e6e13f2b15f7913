/* SPDX-License-Identifier: MIT */
/* The commands' side of the control socket: requests with a JSON answer, and the stream of events.
 *
 * One client runs one stream and one request at a time, on one thread. With signals on, SIGINT and
 * SIGTERM do not end the process but every wait, as CLI_CLIENT_INTERRUPTED. */
#ifndef SHOAL_CLI_CLIENT_H
#define SHOAL_CLI_CLIENT_H

#include "options.h"
#include "sse.h"

#include <jansson.h>

#define CLI_CLIENT_INTERRUPTED (-1)

struct cli_client;

/* A client of the agent that the options name. CLI_FAILED or
 * CLI_USAGE, with a complaint; free it otherwise. */
int cli_client_new(struct cli_client **client, const struct cli_options *options, bool signals);
void cli_client_free(struct cli_client *client);

const char *cli_client_path(const struct cli_client *client);

/* GET, or POST with a body. CLI_DONE: *document is the caller's reference. CLI_FAILED, with a
 * complaint, when nobody answered or the answer is an error. CLI_CLIENT_INTERRUPTED. */
int cli_client_get(struct cli_client *client, const char *target, json_t **document);
int cli_client_post(struct cli_client *client, const char *target, const json_t *body,
        unsigned timeout_ms, json_t **document);

/* What has come of an answer so far, called whenever it is more. NULL: nobody is. */
typedef void (*cli_client_partly_fn)(const char *bytes, size_t len);
void cli_client_watch(struct cli_client *client, cli_client_partly_fn partly);

/* What the stream of events holds: a query as of agent_events.h, "": member events. */
void cli_client_choose(struct cli_client *client, const char *query);

/* Begins the stream of events; a stream before it is closed. */
int cli_client_follow(struct cli_client *client);

/* After the stream closed: begins it anew where the agent had said that this reader lagged, which
 * *lagged tells and forgets. CLI_FAILED, with a complaint: the agent has ended. */
int cli_client_follow_again(struct cli_client *client, bool *lagged);

enum cli_client_turn {
	CLI_CLIENT_EVENT = 1, /* one event; its texts live until the next call on the client */
	CLI_CLIENT_TIMEOUT,
	CLI_CLIENT_SIGNAL,
	CLI_CLIENT_CLOSED,    /* the agent ended the stream */
	CLI_CLIENT_COMPLAINED /* it could not begin or broke; the complaint is printed */
};

/* Waits for the next event; timeout_ms -1: as long as it takes. */
enum cli_client_turn cli_client_next(
        struct cli_client *client, int timeout_ms, struct cli_sse_event *event);

#endif
