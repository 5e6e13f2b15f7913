/* SPDX-License-Identifier: MIT */
/* The seam between core and transports: what goes out. An address that stands for a URL is the web
 * transport's, any other one the sockets'. There datagrams go to the transport for datagrams, and
 * by stream where they turn out too large for the path, or where there is no such transport; the
 * core already sends by stream what is above its own limit.
 *
 * A transport that does not take a request at once is the same to the core as one that fails later:
 * its end is kept in a ring, as long as the core may have requests open, and reported on a later
 * turn, never from inside. */
#include "cluster/loop/host.h"

#include "cluster/loop/fork.h"
#include "cluster/loop/loop.h"

/* Who takes what goes to this address; NULL: nobody here. */
static const struct shoal_transport *
way_to(struct shoal_cluster *cluster, const struct shoal_send *send)
{
	const struct shoal_transport *web = cluster->web;

	if (!shoal_addr_is_web(&send->to)) {
		return cluster->stream;
	}
	if (web != NULL && send->url != NULL &&
	        web->ops->know(web->self, &send->to, send->url) != 0) {
		return NULL;
	}
	return web;
}

/* A peer that asked is answered by the transport that it asked. */
static const struct shoal_transport *
asked_by(const struct shoal_cluster *cluster, uint64_t number)
{
	return &cluster->settings.config.transports[number >> SHOAL_HOST_PLACE_SHIFT];
}

/* Loss is no error here either. */
static void
send_stream(struct shoal_cluster *cluster, const struct shoal_send *send)
{
	const struct shoal_transport *by = way_to(cluster, send);

	if (by == NULL || by->ops->stream(by->self, &send->to, send->data, send->len) != 0) {
		cluster->extra.value[SHOAL_COUNTER_DROP_STREAMS]++;
	}
}

static void
send_datagram(struct shoal_cluster *cluster, const struct shoal_send *send)
{
	bool web = shoal_addr_is_web(&send->to);
	const struct shoal_transport *by = web ? way_to(cluster, send) : cluster->datagram;
	struct shoal_send stream = *send;

	if (by != NULL &&
	        by->ops->send(by->self, &send->to, send->data, send->len) != SHOAL_ERR_TOO_BIG) {
		return;
	}
	if (by == NULL && (web || cluster->stream == NULL)) {
		bool apart = !web || cluster->web == NULL; /* no address of a kind that is here */
		cluster->extra
		        .value[apart ? SHOAL_COUNTER_DROP_APART : SHOAL_COUNTER_DROP_STREAMS]++;
		return;
	}
	if (shoal_core_as_stream(cluster->core, &stream) == SHOAL_OK) {
		send_stream(cluster, &stream);
	} else {
		cluster->extra.value[SHOAL_COUNTER_DROP_STREAMS]++;
	}
}

/* A core that is told of no watch links opens none; where the transport cannot tell a connection
 * that is made now from one that was there, no refusal ever counts. */
static int
ask(struct shoal_cluster *cluster, const struct shoal_send *send)
{
	const struct shoal_transport *by = way_to(cluster, send);
	bool watch = by != NULL && (by->ops->caps & SHOAL_TRANSPORT_WATCH) != 0;

	if (by == NULL) {
		return SHOAL_ERR_UNREACHABLE;
	}
	if (send->kind == SHOAL_SEND_WATCH) {
		return watch ? by->ops->watch(by->self, &send->to, send->exchange, send->data,
		                       send->len, send->timeout_ns)
		             : SHOAL_ERR_UNSUPPORTED;
	}
	return (watch && send->fresh ? by->ops->fresh : by->ops->request)(
	        by->self, &send->to, send->exchange, send->data, send->len, send->timeout_ns);
}

static void
send_request(struct shoal_cluster *cluster, const struct shoal_send *send)
{
	struct shoal_failed *failed;
	int rc = ask(cluster, send);

	if (rc == 0) {
		return;
	}
	failed = shoal_ring_push(&cluster->failed);
	if (failed == NULL) {
		return; /* the core takes the place back when it needs it */
	}
	failed->exchange = send->exchange;
	failed->code = rc;
	shoal_loop_later(cluster);
}

/* Only links that there are end: the core hears of none without the capability. */
static void
send_on_link(struct shoal_cluster *cluster, const struct shoal_send *send)
{
	bool own = send->kind == SHOAL_SEND_UNWATCH;
	const struct shoal_transport *by =
	        own ? cluster->stream : asked_by(cluster, send->exchange);

	if (by == NULL || (by->ops->caps & SHOAL_TRANSPORT_WATCH) == 0) {
		return;
	}
	if (own) {
		by->ops->unwatch(by->self, send->exchange);
	} else if (send->kind == SHOAL_SEND_TELL) {
		/* The watcher may have gone: its loss. */
		if (by->ops->tell(by->self, shoal_host_inner(send->exchange), send->data,
		            send->len) != 0) {
			cluster->extra.value[SHOAL_COUNTER_DROP_STREAMS]++;
		}
	} else {
		by->ops->drop(by->self, shoal_host_inner(send->exchange));
	}
}

/* The requester may have gone: its loss. */
static void
send_reply(struct shoal_cluster *cluster, const struct shoal_send *send)
{
	const struct shoal_transport *by = asked_by(cluster, send->exchange);

	(void)by->ops->reply(by->self, shoal_host_inner(send->exchange), send->data, send->len);
}

void
shoal_host_drain(struct shoal_cluster *cluster)
{
	struct shoal_send send;

	while (shoal_core_next_send(cluster->core, &send)) {
		switch (send.kind) {
		case SHOAL_SEND_DATAGRAM:
			send_datagram(cluster, &send);
			break;
		case SHOAL_SEND_STREAM:
			send_stream(cluster, &send);
			break;
		case SHOAL_SEND_REQUEST:
		case SHOAL_SEND_WATCH:
			send_request(cluster, &send);
			break;
		case SHOAL_SEND_REPLY:
			send_reply(cluster, &send);
			break;
		case SHOAL_SEND_UNWATCH:
		case SHOAL_SEND_TELL:
		case SHOAL_SEND_DROP:
			send_on_link(cluster, &send);
			break;
		}
	}
}

void
shoal_host_flush(struct shoal_cluster *cluster)
{
	const struct shoal_config *config = &cluster->settings.config;

	if (shoal_fork_is_child(cluster)) {
		return;
	}
	for (size_t i = 0; i < config->transport_count; i++) {
		const struct shoal_transport *one = &config->transports[i];

		if (one->ops->flush != NULL) {
			one->ops->flush(one->self);
		}
	}
}
