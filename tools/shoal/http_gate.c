/* SPDX-License-Identifier: MIT */
/* The gate before the control socket's HTTP server; see http_gate.h. It looks which connections
 * evhttp has let go of when one is accepted, and on a timer while there is any: O(places) each
 * time. Until then such a connection keeps its descriptor; its peer has the end of file already,
 * because evhttp shuts down its side. */
#include "http_gate.h"

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>

/* A body is at most half of this (agent_http.c), so it always fits. */
#define WAITING_MAX ((size_t)128 << 10)
#define SWEEP_MS    200

struct cli_http_gate {
	struct evconnlistener *listener;
	struct event *timer; /* pending while a place is taken */
	bool shut;
	struct bufferevent *places[CLI_GATE_PLACES];
};

static const struct timeval soon = {.tv_usec = SWEEP_MS * 1000};

static bool
let_go(struct bufferevent *connection)
{
	bufferevent_data_cb read, write;
	bufferevent_event_cb event;
	void *arg;

	bufferevent_getcb(connection, &read, &write, &event, &arg);
	return event == NULL;
}

/* How many places are taken. */
static size_t
sweep(struct cli_http_gate *gate)
{
	size_t i, taken = 0;

	for (i = 0; i < CLI_GATE_PLACES; i++) {
		if (gate->places[i] != NULL && let_go(gate->places[i])) {
			bufferevent_decref(gate->places[i]);
			gate->places[i] = NULL;
		}
		taken += gate->places[i] != NULL;
	}
	return taken;
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct cli_http_gate *gate = arg;
	size_t taken = sweep(gate);

	(void)fd;
	(void)what;
	if (gate->shut && taken < CLI_GATE_PLACES) {
		gate->shut = false;
		evconnlistener_enable(gate->listener);
	}
	if (taken > 0) {
		event_add(gate->timer, &soon);
	}
}

static void
accept_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	evconnlistener_enable(arg);
}

/* Out of descriptors: the connection stays in the backlog, and trying at once would keep the loop
 * busy. The listener's argument is evhttp's, not ours. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	if (event_base_once(evconnlistener_get_base(listener), -1, EV_TIMEOUT, accept_again,
	            listener, &soon) == 0) {
		evconnlistener_disable(listener);
	}
}

static struct bufferevent *
on_connection(struct event_base *base, void *arg)
{
	struct cli_http_gate *gate = arg;
	struct bufferevent *connection = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	size_t taken, i = 0;

	if (connection == NULL) {
		return NULL;
	}
	/* evhttp reads on while it answers, to notice an end: what arrives then must not pile up.
	 */
	bufferevent_setwatermark(connection, EV_READ, 0, WAITING_MAX);
	taken = sweep(gate);
	while (i < CLI_GATE_PLACES && gate->places[i] != NULL) {
		i++;
	}
	if (i < CLI_GATE_PLACES) {
		bufferevent_incref(connection);
		gate->places[i] = connection;
		taken++;
	}
	if (taken == CLI_GATE_PLACES) {
		gate->shut = true;
		evconnlistener_disable(gate->listener);
	}
	if (!event_pending(gate->timer, EV_TIMEOUT, NULL)) {
		event_add(gate->timer, &soon);
	}
	return connection;
}

struct cli_http_gate *
cli_http_gate_new(struct event_base *base, struct evhttp *http, struct evconnlistener *listener)
{
	struct cli_http_gate *gate = calloc(1, sizeof(*gate));

	if (gate == NULL) {
		return NULL;
	}
	gate->listener = listener;
	gate->timer = event_new(base, -1, 0, on_timer, gate);
	if (gate->timer == NULL) {
		free(gate);
		return NULL;
	}
	evconnlistener_set_error_cb(listener, on_accept_error);
	evhttp_set_bevcb(http, on_connection, gate);
	return gate;
}

void
cli_http_gate_free(struct cli_http_gate *gate)
{
	if (gate == NULL) {
		return;
	}
	sweep(gate);
	event_free(gate->timer);
	free(gate);
}
