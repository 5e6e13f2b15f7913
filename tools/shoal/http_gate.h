/* SPDX-License-Identifier: MIT */
/* Bounds the connections of an evhttp server: their number, and the bytes that wait to be read on
 * each.
 *
 * evhttp has no limit of its own and tells nobody when it closes a connection. The gate makes the
 * bufferevent of every connection, keeps a reference, and takes it back once evhttp has let go (it
 * then has no event callback any more). While all places are taken, nothing is accepted. */
#ifndef SHOAL_CLI_HTTP_GATE_H
#define SHOAL_CLI_HTTP_GATE_H

#include <event2/http.h>
#include <event2/listener.h>

#define CLI_GATE_PLACES 64

struct cli_http_gate;

/* Puts the gate before http, which serves what listener accepts. NULL: out of memory. */
struct cli_http_gate *cli_http_gate_new(
        struct event_base *base, struct evhttp *http, struct evconnlistener *listener);

/* After evhttp_free. NULL is allowed. */
void cli_http_gate_free(struct cli_http_gate *gate);

#endif
