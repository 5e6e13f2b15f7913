/* SPDX-License-Identifier: MIT */
/* The seam between the core, which does no I/O, and the transports, which understand nothing.
 *
 * In: a transport reports a packet, its age is turned into a moment on the core's scale, the core
 * is stepped, and what it wants to send is handed out before the next packet is looked at, because
 * the core fills each packet with what is worth sending at that moment. Out: datagrams go to the
 * transport for datagrams, and by stream where they turn out too large for the path; the core
 * already sends by stream what is above its own limit.
 *
 * A transport that does not take a request at once is the same to the core as one that fails later:
 * its end is kept in a ring, as long as the core may have requests open, and reported on a later
 * turn, never from inside. */
#include "cluster/loop/host.h"

#include "cluster/loop/fork.h"
#include "cluster/loop/loop.h"

/* A packet that the core refuses is counted there. */
static enum shoal_transport_verdict
feed(struct shoal_cluster *cluster, struct shoal_input *input)
{
	switch (shoal_loop_input(cluster, input)) {
	case SHOAL_OK:
		return SHOAL_TRANSPORT_TAKEN;
	case SHOAL_ERR_MALFORMED:
	case SHOAL_ERR_CHECKSUM:
	case SHOAL_ERR_VERSION:
	case SHOAL_ERR_LABEL:
	case SHOAL_ERR_TOO_BIG:
	case SHOAL_ERR_KEY:
	case SHOAL_ERR_AUTH:
	case SHOAL_ERR_CLEAR:
	case SHOAL_ERR_UNSUPPORTED:
	case SHOAL_ERR_LIMIT:
	case SHOAL_ERR_PERMISSION:
		return SHOAL_TRANSPORT_REFUSED;
	default:
		/* REPLAYED: sent once more where it was not known to have come; MISDIRECTED: by a
		 * member that does not know this instance. */
		return SHOAL_TRANSPORT_PASSED;
	}
}

static void
on_datagram(
        void *arg, const struct shoal_addr *from, const uint8_t *data, size_t len, uint64_t age_ns)
{
	struct shoal_cluster *cluster = arg;
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_DATAGRAM, .from = *from, .data = data, .len = len};

	cluster->arrived = true;
	input.received_ns = shoal_clock_before(shoal_clock_mono(&cluster->clock), age_ns);
	(void)feed(cluster, &input);
}

static enum shoal_transport_verdict
on_stream(void *arg, const struct shoal_addr *from, const uint8_t *data, size_t len)
{
	struct shoal_cluster *cluster = arg;
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_STREAM, .from = *from, .data = data, .len = len};

	cluster->arrived = true;
	return feed(cluster, &input);
}

static enum shoal_transport_verdict
on_request(void *arg, const struct shoal_addr *from, uint64_t exchange, const uint8_t *data,
        size_t len)
{
	struct shoal_cluster *cluster = arg;
	struct shoal_input input = {.kind = SHOAL_INPUT_REQUEST,
	        .from = *from,
	        .exchange = exchange,
	        .data = data,
	        .len = len};

	cluster->arrived = true;
	return feed(cluster, &input);
}

static enum shoal_transport_verdict
on_result(void *arg, uint64_t exchange, int code, const uint8_t *data, size_t len)
{
	struct shoal_cluster *cluster = arg;
	struct shoal_input input = {.kind = SHOAL_INPUT_RESULT,
	        .exchange = exchange,
	        .code = code,
	        .data = data,
	        .len = len};

	cluster->arrived = true;
	return feed(cluster, &input);
}

static enum shoal_transport_verdict
on_watched(void *arg, const struct shoal_addr *from, uint64_t link, const uint8_t *data, size_t len)
{
	struct shoal_cluster *cluster = arg;
	struct shoal_input input = {.kind = SHOAL_INPUT_WATCHED,
	        .from = *from,
	        .exchange = link,
	        .data = data,
	        .len = len};

	cluster->arrived = true;
	return feed(cluster, &input);
}

static void
on_unwatched(void *arg, uint64_t link)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_UNWATCHED, .exchange = link};

	(void)feed(arg, &input);
}

static void
on_closed(void *arg, uint64_t link, int code)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_CLOSED, .exchange = link, .code = code};

	(void)feed(arg, &input);
}

static void
on_refused(void *arg, const struct shoal_addr *peer)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_REFUSED, .from = *peer};

	(void)feed(arg, &input);
}

static void
on_too_large(void *arg, const struct shoal_addr *peer, size_t size)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_TOO_LARGE, .from = *peer, .size = size};

	(void)feed(arg, &input);
}

static void
on_batch_end(void *arg)
{
	shoal_host_flush(arg);
}

static void
on_count(void *arg, enum shoal_counter counter, uint64_t n)
{
	struct shoal_cluster *cluster = arg;

	if ((unsigned)counter < SHOAL_COUNTERS) {
		cluster->extra.value[counter] += n;
		if (cluster->turn != NULL) {
			shoal_loop_touch(cluster);
		}
	}
}

static void
on_log(void *arg, enum shoal_log_level level, const char *room, const char *text)
{
	shoal_cluster_log(arg, level, room, "%s", text);
}

struct shoal_transport_host
shoal_host_functions(struct shoal_cluster *cluster)
{
	return (struct shoal_transport_host){.datagram = on_datagram,
	        .stream = on_stream,
	        .request = on_request,
	        .result = on_result,
	        .refused = on_refused,
	        .too_large = on_too_large,
	        .batch_end = on_batch_end,
	        .count = on_count,
	        .log = on_log,
	        .watched = on_watched,
	        .unwatched = on_unwatched,
	        .closed = on_closed,
	        .arg = cluster};
}

/* Loss is no error here either. */
static void
send_stream(struct shoal_cluster *cluster, const struct shoal_send *send)
{
	const struct shoal_transport *by = cluster->stream;

	if (by->ops->stream(by->self, &send->to, send->data, send->len) != 0) {
		cluster->extra.value[SHOAL_COUNTER_DROP_STREAMS]++;
	}
}

static void
send_datagram(struct shoal_cluster *cluster, const struct shoal_send *send)
{
	const struct shoal_transport *by = cluster->datagram;
	struct shoal_send stream = *send;

	if (by->ops->send(by->self, &send->to, send->data, send->len) != SHOAL_ERR_TOO_BIG) {
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
	const struct shoal_transport *by = cluster->stream;
	bool watch = (by->ops->caps & SHOAL_TRANSPORT_WATCH) != 0;

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
	const struct shoal_transport *by = cluster->stream;

	if ((by->ops->caps & SHOAL_TRANSPORT_WATCH) == 0) {
		return;
	}
	if (send->kind == SHOAL_SEND_UNWATCH) {
		by->ops->unwatch(by->self, send->exchange);
	} else if (send->kind == SHOAL_SEND_TELL) {
		/* The watcher may have gone: its loss. */
		if (by->ops->tell(by->self, send->exchange, send->data, send->len) != 0) {
			cluster->extra.value[SHOAL_COUNTER_DROP_STREAMS]++;
		}
	} else {
		by->ops->drop(by->self, send->exchange);
	}
}

void
shoal_host_drain(struct shoal_cluster *cluster)
{
	const struct shoal_transport *stream = cluster->stream;
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
			/* The requester may have gone: its loss. */
			(void)stream->ops->reply(stream->self, send.exchange, send.data, send.len);
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

void
shoal_host_fail_requests(struct shoal_cluster *cluster)
{
	for (size_t n = cluster->failed.count; n > 0; n--) {
		const struct shoal_failed *failed = shoal_ring_front(&cluster->failed);
		struct shoal_input input = {.kind = SHOAL_INPUT_RESULT,
		        .exchange = failed->exchange,
		        .code = failed->code};

		shoal_ring_pop(&cluster->failed);
		(void)feed(cluster, &input);
	}
}
