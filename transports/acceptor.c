/* SPDX-License-Identifier: MIT */
/* Listening sockets, and what comes of them. They have SO_REUSEADDR, so that a restart is not held
 * up by connections of the run before that the kernel still remembers; a port that another program
 * listens on is refused all the same. */
#include "transports/acceptor.h"

#include <errno.h>
#include <event2/event.h>
#include <unistd.h>

#include "base/alloc.h"
#include "transports/dialer.h"
#include "transports/process.h"
#include "transports/socket.h"

#define ACCEPTS_PER_WAKE 8
#define REST_MS          100

static const struct timeval a_while = {.tv_usec = REST_MS * 1000};

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_acceptor *acceptor = arg;
	(void)fd;
	(void)what;

	for (size_t i = 0; i < acceptor->ports; ++i) {
		if (event_add(&acceptor->port[i].readable, NULL) != 0) {
			evtimer_add(&acceptor->rest, &a_while);
		}
	}
}

/* Where the timer cannot be set, the ports stay: better to be woken in vain than never. */
static void
rest(struct shoal_acceptor *acceptor)
{
	const struct shoal_transport_host *host = &acceptor->env->host;

	if (evtimer_add(&acceptor->rest, &a_while) != 0) {
		return;
	}
	for (size_t i = 0; i < acceptor->ports; ++i) {
		event_del(&acceptor->port[i].readable);
	}
	if (!acceptor->tired) {
		host->log(host->arg, SHOAL_LOG_WARN, acceptor->transport,
		        "no descriptors left: connections wait until some are closed");
	}
	acceptor->tired = true;
}

static void
welcome(struct shoal_acceptor *acceptor, int fd, const struct shoal_addr *peer)
{
	const struct shoal_transport_host *host = &acceptor->env->host;
	struct shoal_crowd_source *source = shoal_crowd_admit(acceptor->crowd, peer);

	acceptor->tired = false;
	if (source != NULL) {
		acceptor->welcome(acceptor->arg, fd, peer, source);
		return;
	}
	close(fd);
	host->count(host->arg, SHOAL_COUNTER_CONNECTIONS_REFUSED, 1);
}

static void
on_acceptable(evutil_socket_t listening, short what, void *arg)
{
	struct shoal_acceptor_port *port = arg;
	struct shoal_acceptor *acceptor = port->acceptor;
	(void)what;

	if (shoal_socket_is_forked(acceptor->owner)) {
		(void)event_del(&port->readable);
		return;
	}
	for (unsigned i = 0; i < ACCEPTS_PER_WAKE && acceptor->ports > 0; ++i) {
		struct shoal_addr peer;
		int fd = shoal_dialer_accept(&acceptor->env->dialer, listening, &peer);
		if (fd >= 0) {
			welcome(acceptor, fd, &peer);
		} else if (fd == SHOAL_ERR_AGAIN) {
			return;
		} else if (fd == SHOAL_ERR_LIMIT && !shoal_crowd_evict(acceptor->crowd)) {
			rest(acceptor);
			return;
		} /* else: that connection ended before it was accepted */
	}
}

int
shoal_acceptor_init(struct shoal_acceptor *acceptor, size_t ports)
{
	evtimer_assign(&acceptor->rest, acceptor->env->base, on_rested, acceptor);
	acceptor->owner = shoal_process_number();
	acceptor->tired = false;
	acceptor->port = shoal_alloc_zeroed(acceptor->mem, ports, sizeof(*acceptor->port));
	return acceptor->port != NULL ? SHOAL_OK : SHOAL_ERR_NOMEM;
}

int
shoal_acceptor_listen(
        struct shoal_acceptor *acceptor, const struct shoal_addr *addr, char *why, size_t len)
{
	struct shoal_acceptor_port *port = &acceptor->port[acceptor->ports];
	int fd = shoal_dialer_listen(
	        &acceptor->env->dialer, acceptor->transport, addr, &port->addr, why, len);

	if (fd < 0) {
		return fd;
	}
	port->acceptor = acceptor;
	port->fd = fd;
	event_assign(&port->readable, acceptor->env->base, fd, EV_READ | EV_PERSIST, on_acceptable,
	        port);
	if (event_add(&port->readable, NULL) != 0) {
		close(fd);
		return shoal_socket_explain(acceptor->transport, addr, ENOMEM, why, len);
	}
	++acceptor->ports;
	return SHOAL_OK;
}

void
shoal_acceptor_stop(struct shoal_acceptor *acceptor)
{
	if (acceptor->ports == 0) {
		return;
	}
	evtimer_del(&acceptor->rest);
	for (size_t i = 0; i < acceptor->ports; ++i) {
		event_del(&acceptor->port[i].readable);
		close(acceptor->port[i].fd);
	}
	acceptor->ports = 0;
}

void
shoal_acceptor_done(struct shoal_acceptor *acceptor)
{
	if (acceptor->port != NULL) {
		shoal_alloc_free(acceptor->mem, acceptor->port);
		acceptor->port = NULL;
	}
}
