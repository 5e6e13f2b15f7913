/* SPDX-License-Identifier: MIT */
/* Connections that peers make to the transport's own listener. A wake-up accepts fewer than one
 * source may have, and each is read before the next: what is silent goes first where room is
 * needed, so that those of a burst would displace each other with what they ask unread. Where
 * descriptors have run out, the one that is missed least goes for the next one; where none can,
 * accepting rests a while. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "transports/dialer.h"
#include "transports/http.h"

#define ACCEPTS_PER_WAKE 8
#define REST_MS          100

static void
welcome(struct shoal_http *http, int fd, const struct shoal_addr *addr)
{
	http->tired = false;
	struct shoal_http_source *source = shoal_http_limits_admit(http, addr);
	struct shoal_http_link *link = NULL;

	if (source == NULL) {
		close(fd);
	} else {
		shoal_socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		link = shoal_http_link_new(
		        http, fd, NULL, source, http->bind.tls ? http->tls : NULL);
	}
	if (link != NULL) {
		link->addr = *addr;
		shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_IN);
		shoal_http_link_read(link);
		return;
	}
	if (source != NULL) {
		shoal_http_limits_drop(http, source);
	}
	shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_REFUSED);
}

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval rest = {.tv_usec = REST_MS * 1000};
	struct shoal_http *http = arg;
	(void)fd;
	(void)what;

	if (event_add(&http->acceptable, NULL) != 0) {
		evtimer_add(&http->rest, &rest);
	}
}

static void
rest(struct shoal_http *http)
{
	const struct timeval in = {.tv_usec = REST_MS * 1000};

	if (evtimer_add(&http->rest, &in) != 0) {
		return;
	}
	event_del(&http->acceptable);
	if (!http->tired) {
		shoal_http_say(http, SHOAL_LOG_WARN,
		        "no descriptors left: connections wait until some are closed");
	}
	http->tired = true;
}

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_http *http = arg;
	(void)what;

	if (shoal_socket_is_forked(http->owner)) {
		(void)event_del(&http->acceptable);
		return;
	}
	for (unsigned i = 0; i < ACCEPTS_PER_WAKE && http->running; i++) {
		struct shoal_addr addr;
		int accepted = shoal_dialer_accept(&http->env.dialer, fd, &addr);

		if (accepted >= 0) {
			welcome(http, accepted, &addr);
		} else if (accepted == SHOAL_ERR_AGAIN) {
			return;
		} else if (accepted == SHOAL_ERR_LIMIT && !shoal_http_limits_evict(http)) {
			rest(http);
			return;
		}
	}
}

int
shoal_http_listen_start(struct shoal_http *http, char *why, size_t len)
{
	struct shoal_addr addr;
	char text[SHOAL_URL_HOST_MAX + 16];

	shoal_http_peer_host(&http->bind, text, sizeof(text));
	if (shoal_addr_parse(&addr, text) != SHOAL_OK) {
		snprintf(why, len,
		        "http %s: to bind to, the host must be an address of this machine, 0.0.0.0 or "
		        "[::]; set advertise to the URL by which others reach it",
		        http->env.web.bind);
		return SHOAL_ERR_INVALID;
	}
	int fd = shoal_dialer_listen(&http->env.dialer, "http", &addr, &http->bound, why, len);
	if (fd < 0) {
		return fd;
	}
	event_assign(
	        &http->acceptable, http->env.base, fd, EV_READ | EV_PERSIST, on_acceptable, http);
	evtimer_assign(&http->rest, http->env.base, on_rested, http);
	if (event_add(&http->acceptable, NULL) != 0) {
		close(fd);
		return shoal_socket_explain("http", &addr, ENOMEM, why, len);
	}
	http->listener = fd;
	return 0;
}

void
shoal_http_listen_stop(struct shoal_http *http)
{
	if (http->listener >= 0) {
		event_del(&http->acceptable);
		evtimer_del(&http->rest);
		close(http->listener);
		http->listener = -1;
	}
}
