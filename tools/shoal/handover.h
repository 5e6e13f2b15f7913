/* SPDX-License-Identifier: MIT */
/* Sockets that a service manager opened for the agent, in the protocol of sd_listen_fds(3): so that
 * commands find the control socket before the agent is up, and keep it over a restart. */
#ifndef SHOAL_CLI_HANDOVER_H
#define SHOAL_CLI_HANDOVER_H

struct cli_handover {
	int control; /* a Unix socket that listens; -1: none */
	int http;    /* the same by TCP */
};

/* Takes what $LISTEN_FDS says, if $LISTEN_PID is this process; each once. The descriptors are the
 * caller's. CLI_FAILED, with a complaint: it is something else. */
int cli_handover_take(struct cli_handover *handover);

#endif
