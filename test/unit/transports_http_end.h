/* SPDX-License-Identifier: MIT */
/* What the tests of the HTTP transport share: a site that is reached by its URL, and a client that
 * sends bytes as a test writes them. */
#ifndef SHOAL_TEST_TRANSPORTS_HTTP_END_H
#define SHOAL_TEST_TRANSPORTS_HTTP_END_H

#include "transports_site.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define MINUTE 60000

struct end {
	struct site site;
	struct shoal_addr addr; /* made of its URL */
	char url[SHOAL_URL_MAX + 1];
};

static inline void
open_end(struct end *end, struct world *world, const char *bind, const char *token)
{
	struct shoal_transport transport;

	assert_int_equal(shoal_transport_http(&transport, NULL), 0);
	site_init(&end->site, world, transport, "127.0.0.1:0");
	end->site.env.web.bind = bind;
	end->site.env.web.token = token;
	end->site.env.bind = NULL; /* as a cluster of URLs only has it */
	if (site_start(&end->site) != 0) {
		fail_msg("%s", end->site.why);
	}
	assert_int_equal(transport.ops->url(transport.self, end->url, sizeof end->url), 0);
	assert_int_equal(shoal_addr_from_url(&end->addr, end->url), 0);
}

static inline void
know(struct end *end, const struct end *other)
{
	const struct shoal_transport *by = &end->site.transport;

	assert_int_equal(by->ops->know(by->self, &other->addr, other->url), 0);
}

/* A client's connection, from an address of this machine. */
static inline int
dial_from(const struct end *end, const char *from)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
	        .sin_port = htons(end->site.addr[0].port),
	        .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(inet_pton(AF_INET, from, &at.sin_addr), 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
	return fd;
}

static inline void
say(int fd, const char *bytes)
{
	assert_int_equal(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), strlen(bytes));
}

/* What comes until the server closes or `enough` is in it; *torn: it ended with an error. */
static inline const char *
listen_to(struct world *world, int fd, const char *enough, bool *torn)
{
	static char text[4096];
	size_t len = 0;

	world_guard(world);
	*torn = false;
	for (;;) {
		ssize_t got = recv(fd, text + len, sizeof text - 1 - len, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN)) {
			*torn = got < 0;
			break;
		}
		len += got > 0 ? (size_t)got : 0;
		text[len] = '\0';
		if (got > 0 && enough != NULL && strstr(text, enough) != NULL) {
			break;
		}
		assert_false(world->expired);
		event_base_loop(world->base, EVLOOP_NONBLOCK);
	}
	evtimer_del(world->guard);
	text[len] = '\0';
	return text;
}

/* The same of one connection from its beginning to its end. */
static inline const char *
told(struct world *world, const struct end *end, const char *bytes, const char *enough)
{
	int fd = dial_from(end, "127.0.0.1");
	bool torn;

	say(fd, bytes);
	const char *text = listen_to(world, fd, enough, &torn);
	close(fd);
	return text;
}

#define HEAD "Host: h\r\nAuthorization: Bearer t\r\nShoal-From: http://c.example\r\n"
#define TYPE "Content-Type: application/vnd.shoal\r\n"

#endif
