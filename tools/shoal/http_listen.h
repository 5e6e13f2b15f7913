/* SPDX-License-Identifier: MIT */
/* The socket of --http: a TCP address that is listened on for HTTP. */
#ifndef SHOAL_CLI_HTTP_LISTEN_H
#define SHOAL_CLI_HTTP_LISTEN_H

/* Listens at "ip:port", which may be "[v6]:port"; port 0: the kernel chooses one, and the log names
 * it. The descriptor, non-blocking, which is the caller's; -1, with a complaint. */
int cli_http_listen(const char *address);

#endif
