/* SPDX-License-Identifier: MIT */
/* `shoal agent --on-event PROGRAM`: a program of the user's is run for member events, one at a
 * time, with the members as JSON on its standard input and the event in its environment.
 *
 * While it runs, events wait: at most CLI_HOOK_EVENTS, of each member the newest only; what is
 * above becomes one overflow. Everything runs on the tool's loop. */
#ifndef SHOAL_CLI_AGENT_HOOK_H
#define SHOAL_CLI_AGENT_HOOK_H

#include <event2/event.h>
#include <shoal/shoal.h>

#define CLI_HOOK_EVENTS 256

struct cli_hook;

/* Subscribes to the cluster. Free it after the cluster. program is kept, not copied. NULL: no
 * memory, or the cluster takes no more subscribers. */
struct cli_hook *cli_hook_new(
        struct event_base *base, struct shoal_cluster *cluster, const char *program);
/* Before the loop's base. A program that runs goes on; NULL is allowed. */
void cli_hook_free(struct cli_hook *hook);

#endif
