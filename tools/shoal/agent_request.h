/* SPDX-License-Identifier: MIT */
/* `shoal agent --on-request TYPE=PROGRAM`: a program of the user's answers the requests of a type:
 * what was sent is its standard input, what it prints is the reply.
 *
 * CLI_REQUESTS_RUNNING run at once, in all types, and of one member no more than it leaves to
 * others; above, an asker is told so. One that takes more than CLI_REQUEST_MS is killed, and so is
 * one that prints more than CLI_REPLY_MAX bytes; a reply that is not taken for so long is dropped.
 */
#ifndef SHOAL_CLI_AGENT_REQUEST_H
#define SHOAL_CLI_AGENT_REQUEST_H

#include "options.h"

#include <event2/event.h>
#include <shoal/shoal.h>

#define CLI_REQUESTS_RUNNING 16
#define CLI_REQUEST_MS       10000
#define CLI_REPLY_MAX        65536

struct cli_requests;

/* The type of a setting, and where its program begins; -1: it is no TYPE=PROGRAM. */
int cli_requests_parse(const char *value, const char **program);

/* Handles the types of the settings "on_request", which were parsed before. Free it after the
 * cluster. NULL: no memory, or a type was there twice. */
struct cli_requests *cli_requests_new(
        struct event_base *base, struct shoal_cluster *cluster, const struct cli_options *options);
/* Before the loop's base. Programs that run are killed; NULL is allowed. */
void cli_requests_free(struct cli_requests *requests);

#endif
