/* SPDX-License-Identifier: MIT */
/* What a service manager is told of an agent, in the protocol of sd_notify(3): a datagram to the
 * socket that $NOTIFY_SOCKET names. Nothing happens where it names none. */
#ifndef SHOAL_CLI_NOTIFY_H
#define SHOAL_CLI_NOTIFY_H

/* Lines of NAME=VALUE: "READY=1". What cannot be told is logged; it ends nothing. */
void cli_notify(const char *state);

/* That the configuration is read again; READY=1 ends it. */
void cli_notify_reloading(void);

#endif
