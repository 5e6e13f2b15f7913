/* SPDX-License-Identifier: MIT */
/* The agent's control socket, and where it is asked for a TCP address that serves the same to read:
 * HTTP/1.1 and JSON.
 *
 *     GET  /v1/members[?state=S,S]   members, sorted by name
 *     GET  /v1/info                  this agent
 *     GET  /v1/why?member=M          the history of a member's states (agent_why.h)
 *     GET  /metrics                  counters and histograms, as Prometheus reads them
 *     GET  /health                   200 while it is a member, 503 while it leaves or has ended
 *     GET  /v1/events                server-sent events (agent_events.h)
 *     POST /v1/join                  {"addresses": [...], "timeout_ms": n} -> {"reached": n}
 *     POST /v1/leave                 {"timeout_ms": n} or nothing -> {"left": true, "confirmed":
 *                                    bool, "lent": bool}
 *     POST /v1/meta                  changes of metadata and tags (agent_meta.h)
 *     POST /v1/forget                {"member": M} -> {"id": id, "name": name}
 *     POST /v1/reload                -> {"changed": [keys], "restart": [keys]} (agent_reload.h)
 *
 * Failures are {"error": text, "code": name} with a status of 400 and above. Bounded: connections
 * (http_gate.h), header and body bytes, idle time, subscribers. */
#ifndef SHOAL_CLI_AGENT_HTTP_H
#define SHOAL_CLI_AGENT_HTTP_H

#include "agent_reload.h"

#include <event2/event.h>
#include <shoal/shoal.h>

struct cli_http;

/* What requests ask of the agent. */
struct cli_http_agent {
	/* To leave; the end is told by cli_http_finish. A code of the library: it cannot. */
	int (*leave)(unsigned timeout_ms, void *arg);
	/* To read its configuration again; see cli_reload_again. */
	json_t *(*reload)(char why[CLI_RELOAD_TEXT], void *arg);
	void *arg;
	bool lent; /* the control socket is a service manager's, and stays when the agent ends */
};

/* Serves the listening sockets, which stay the caller's: fd, and public_fd (-1: none), which only
 * answers what changes nothing. NULL: out of memory, or as shoal_last_error says. */
struct cli_http *cli_http_new(struct event_base *base, struct shoal_cluster *cluster, int fd,
        int public_fd, const struct cli_http_agent *agent);

/* The configuration is about to be read again, or was. */
void cli_http_reloading(struct cli_http *http, bool begins);

/* The member has left (0), or nobody confirmed it (SHOAL_ERR_TIMEOUT): answers who asked for it,
 * ends the streams, and calls drained once all of that was sent, at once where there is nothing to
 * send. */
void cli_http_finish(
        struct cli_http *http, int code, const char *text, void (*drained)(void *), void *arg);

/* After the cluster was freed, on the thread of base. NULL is allowed. */
void cli_http_free(struct cli_http *http);

#endif
