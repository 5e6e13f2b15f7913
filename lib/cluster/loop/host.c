/* SPDX-License-Identifier: MIT */
/* The seam between the core, which does no I/O, and the transports, which understand nothing: what
 * comes in. A transport reports a packet, its age is turned into a moment on the core's scale, the
 * core is stepped, and what it wants to send is handed out (host_send.c) before the next packet is
 * looked at, because the core fills each packet with what is worth sending at that moment.
 *
 * Each transport numbers what its peers ask by itself. To the core these are one space of numbers:
 * the transport's place stands in the two bits above those that it uses. */
#include "cluster/loop/host.h"

#include "cluster/loop/loop.h"

_Static_assert(SHOAL_TRANSPORTS_MAX <= UINT64_C(1) << (64 - SHOAL_HOST_PLACE_SHIFT),
        "a place fits above a number");

/* A transport of the application's may not keep what its contract says of numbers: no other
 * transport is to answer for it. */
static bool
is_number(struct shoal_cluster *cluster, uint64_t number)
{
	if (number == shoal_host_inner(number)) {
		return true;
	}
	cluster->extra.value[SHOAL_COUNTER_DROP_EXCESS]++;
	return false;
}

static uint64_t
outer(const struct shoal_host_port *port, uint64_t number)
{
	return number | port->place << SHOAL_HOST_PLACE_SHIFT;
}

static struct shoal_cluster *
cluster_of(void *arg)
{
	return ((struct shoal_host_port *)arg)->cluster;
}

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

/* While the core is stepped the transport knows who sent this. */
static enum shoal_transport_verdict
deliver(const struct shoal_host_port *port, struct shoal_input *input)
{
	struct shoal_cluster *cluster = port->cluster;

	cluster->arrived = true;
	cluster->delivers = &cluster->settings.config.transports[port->place];
	enum shoal_transport_verdict verdict = feed(cluster, input);
	cluster->delivers = NULL;
	return verdict;
}

static void
on_datagram(
        void *arg, const struct shoal_addr *from, const uint8_t *data, size_t len, uint64_t age_ns)
{
	struct shoal_cluster *cluster = cluster_of(arg);
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_DATAGRAM, .from = *from, .data = data, .len = len};

	input.received_ns = shoal_clock_before(shoal_clock_mono(&cluster->clock), age_ns);
	(void)deliver(arg, &input);
}

static enum shoal_transport_verdict
on_stream(void *arg, const struct shoal_addr *from, const uint8_t *data, size_t len)
{
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_STREAM, .from = *from, .data = data, .len = len};

	return deliver(arg, &input);
}

static enum shoal_transport_verdict
on_request(void *arg, const struct shoal_addr *from, uint64_t exchange, const uint8_t *data,
        size_t len)
{
	const struct shoal_host_port *port = arg;
	struct shoal_input input = {.kind = SHOAL_INPUT_REQUEST,
	        .from = *from,
	        .exchange = outer(port, exchange),
	        .data = data,
	        .len = len};

	return is_number(port->cluster, exchange) ? deliver(port, &input) : SHOAL_TRANSPORT_REFUSED;
}

static enum shoal_transport_verdict
on_result(void *arg, uint64_t exchange, int code, const uint8_t *data, size_t len)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_RESULT,
	        .exchange = exchange,
	        .code = code,
	        .data = data,
	        .len = len};

	return deliver(arg, &input);
}

static enum shoal_transport_verdict
on_watched(void *arg, const struct shoal_addr *from, uint64_t link, const uint8_t *data, size_t len)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_WATCHED,
	        .from = *from,
	        .exchange = outer(arg, link),
	        .data = data,
	        .len = len};

	return is_number(cluster_of(arg), link) ? deliver(arg, &input) : SHOAL_TRANSPORT_REFUSED;
}

static void
on_unwatched(void *arg, uint64_t link)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_UNWATCHED, .exchange = outer(arg, link)};

	(void)feed(cluster_of(arg), &input);
}

static void
on_closed(void *arg, uint64_t link, int code)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_CLOSED, .exchange = link, .code = code};

	(void)feed(cluster_of(arg), &input);
}

static void
on_refused(void *arg, const struct shoal_addr *peer)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_REFUSED, .from = *peer};

	(void)feed(cluster_of(arg), &input);
}

static void
on_too_large(void *arg, const struct shoal_addr *peer, size_t size)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_TOO_LARGE, .from = *peer, .size = size};

	(void)feed(cluster_of(arg), &input);
}

static void
on_batch_end(void *arg)
{
	shoal_host_flush(cluster_of(arg));
}

static void
on_count(void *arg, enum shoal_counter counter, uint64_t n)
{
	struct shoal_cluster *cluster = cluster_of(arg);

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
	shoal_cluster_log(cluster_of(arg), level, room, "%s", text);
}

struct shoal_transport_host
shoal_host_functions(struct shoal_host_port *port)
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
	        .arg = port};
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
