/* SPDX-License-Identifier: MIT */
/* Servers that answer to the HTTP transport what a test writes. */
#ifndef SHOAL_TEST_TRANSPORTS_HTTP_ANSWERS_H
#define SHOAL_TEST_TRANSPORTS_HTTP_ANSWERS_H

#include "transports_http_end.h"

#include <event2/listener.h>

#define OK_TYPED                                                                                   \
	"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.shoal\r\nContent-Length: 1\r\n\r\ny"
#define EMPTY "Content-Length: 0\r\n\r\n"

/* Answers each request with the next text, the last one from then on. NULL: closes without a word.
 * A text that begins with '-' is answered without its first byte, and behind it the end. */
struct server {
	struct world *world;
	struct evconnlistener *listener;
	const char *const *answer;
	size_t answers, heard, connections, opened;
	size_t together; /* so many first requests are answered when the last of them is there */
	int waits[8];
	char first, text[8192]; /* of all connections */
	struct event *event[64];
	char url[64];
	struct shoal_addr addr;
};

static inline void
on_bytes(evutil_socket_t fd, short what, void *arg)
{
	struct server *server = arg;
	static char bytes[200000];
	ssize_t got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
	(void)what;

	if (got <= 0) {
		shutdown(fd, SHUT_RDWR); /* its event tells no more */
		for (size_t i = 0; i < server->opened; i++) {
			if (server->event[i] != NULL && event_get_fd(server->event[i]) == fd) {
				event_free(server->event[i]);
				server->event[i] = NULL;
				close(fd);
			}
		}
		return;
	}
	server->first = bytes[0];
	size_t len = strlen(server->text), part = (size_t)got < sizeof server->text - len - 1
	                                                  ? (size_t)got
	                                                  : sizeof server->text - len - 1;
	memcpy(server->text + len, bytes, part);
	server->text[len + part] = '\0';
	size_t at = server->heard < server->answers ? server->heard : server->answers - 1;
	const char *answer = server->answer[at];
	if (server->heard < server->together) {
		server->waits[server->heard++] = fd;
		for (size_t i = 0; server->heard == server->together && i < server->heard; i++) {
			say(server->waits[i], answer);
		}
		return;
	}
	server->heard++;
	if (answer == NULL) {
		shutdown(fd, SHUT_RDWR);
		return;
	}
	bool ends = answer[0] == '-';
	say(fd, answer + ends);
	if (ends) {
		shutdown(fd, SHUT_WR);
	}
}

static inline void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len,
        void *arg)
{
	struct server *server = arg;
	(void)listener;
	(void)from;
	(void)len;

	assert_true(server->opened < COUNT_OF(server->event));
	server->event[server->opened] =
	        event_new(server->world->base, fd, EV_READ | EV_PERSIST, on_bytes, server);
	event_add(server->event[server->opened++], NULL);
	server->connections++;
}

static inline void
serve(struct server *server, struct world *world, struct end *end, const char *scheme,
        const char *const *answer, size_t answers)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof at;

	memset(server, 0, sizeof *server);
	server->world = world;
	server->answer = answer;
	server->answers = answers;
	server->listener = evconnlistener_new_bind(world->base, on_accept, server,
	        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16, (struct sockaddr *)&at,
	        sizeof at);
	assert_non_null(server->listener);
	assert_int_equal(
	        getsockname(evconnlistener_get_fd(server->listener), (struct sockaddr *)&at, &len),
	        0);
	snprintf(
	        server->url, sizeof server->url, "%s://127.0.0.1:%u/x", scheme, ntohs(at.sin_port));
	assert_int_equal(shoal_addr_from_url(&server->addr, server->url), 0);
	const struct shoal_transport *by = &end->site.transport;
	assert_int_equal(by->ops->know(by->self, &server->addr, server->url), 0);
}

static inline void
serve_no_more(struct server *server)
{
	evconnlistener_free(server->listener);
	for (size_t i = 0; i < server->opened; i++) {
		if (server->event[i] != NULL) {
			close(event_get_fd(server->event[i]));
			event_free(server->event[i]);
		}
	}
}

static inline int
ask(struct world *world, struct end *end, const struct server *server)
{
	size_t before = end->site.results.count;

	assert_int_equal(site_request(&end->site, &server->addr, before + 1, "x", 1, MINUTE), 0);
	UNTIL(world, end->site.results.count == before + 1);
	return last(&end->site.results)->code;
}

#endif
