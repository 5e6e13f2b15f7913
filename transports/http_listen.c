/* SPDX-License-Identifier: MIT */
/* Connections that peers make to the transport's own listener. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include "base/addr.h"
#include "transports/http.h"

static void
welcome(void *arg, int fd, const struct shoal_addr *addr, struct shoal_crowd_source *source)
{
	struct shoal_http *http = arg;

	shoal_socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	struct shoal_http_link *link =
	        shoal_http_link_new(http, fd, NULL, source, http->bind.tls ? http->tls : NULL);
	if (link == NULL) {
		shoal_crowd_drop(&http->crowd, source);
		shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_REFUSED);
		return;
	}
	link->addr = *addr;
	shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_IN);
	shoal_http_link_read(link);
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
	http->acceptor = (struct shoal_acceptor){.env = &http->env,
	        .mem = &http->work,
	        .crowd = &http->crowd,
	        .transport = "http",
	        .welcome = welcome,
	        .arg = http};
	int code = shoal_acceptor_init(&http->acceptor, 1);
	if (code != 0) {
		return shoal_socket_explain("http", &addr, ENOMEM, why, len);
	}
	code = shoal_acceptor_listen(&http->acceptor, &addr, why, len);
	if (code == 0) {
		http->bound = http->acceptor.port[0].addr;
	}
	return code;
}
