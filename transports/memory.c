/* SPDX-License-Identifier: MIT */
/* A network inside the process: several clusters on one event_base, without sockets.
 *
 * A net holds the bound addresses. Each transport has an inbox, a bounded queue in the order in
 * which things were sent, which a timer of its own empties on a later turn of the loop; a turn
 * delivers what was there when it began, up to a batch, so that two members that answer each other
 * do not keep the loop from its other work. (event_active would run in the same turn: a timer of
 * zero does not.)
 *
 * Nothing is lost but what goes to an address that nobody bound, or to a full inbox. A request is
 * an object of the net from request() to result(); its failure is delivered by a packet that is
 * part of it, so that a result never needs memory. Everything comes from the allocator of the net.
 * Finding an address and an exchange is O(1). */
#define _GNU_SOURCE
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "base/list.h"
#include "base/slab.h"
#include "base/text.h"
#include "transports/socket.h"

#define BUCKETS       256
#define EXCHANGES_MAX 65536
#define INBOX_PACKETS 65536
#define BATCH         256
#define DATAGRAM_MAX  65507 /* as on UDP over IPv4 */
#define FIRST_PORT    1024

struct shoal_memory_net {
	struct shoal_allocator mem;
	struct shoal_list bucket[BUCKETS]; /* endpoints by address */
	struct shoal_slab exchanges;
	struct event_base *base; /* of those that run */
	size_t running;
	uint32_t serial;
	uint16_t port; /* the next to try where the kernel would pick */
};

enum packet_kind {
	PACKET_DATAGRAM,
	PACKET_STREAM,
	PACKET_REQUEST,
	PACKET_REPLY,
	PACKET_FAILURE /* part of its exchange */
};

struct packet {
	struct shoal_list node; /* in an inbox */
	enum packet_kind kind;
	struct shoal_addr from;
	uint64_t exchange; /* the net's number */
	int code;
	uint8_t *data;
	size_t len;
};

struct memory;

struct endpoint {
	struct shoal_list node;
	struct memory *owner;
	struct shoal_addr addr;
};

struct memory {
	struct shoal_memory_net *net;
	struct shoal_transport_env env;
	bool running;
	struct endpoint *endpoint;
	size_t endpoints;
	struct event timer; /* armed while the inbox holds something */
	struct shoal_list inbox;
	size_t packets, bytes, bytes_max;
	uint64_t dropped;                    /* for want of room in the inbox, not told yet */
	struct shoal_list asked, unanswered; /* exchanges, by their two ends */
};

struct exchange {
	struct shoal_list by_asker, by_answerer;
	struct memory *asker;
	struct event timer;
	uint64_t number; /* the net's */
	uint64_t theirs; /* the asker's */
	struct packet failure;
};

static struct shoal_list *
bucket_of(struct shoal_memory_net *net, const struct shoal_addr *addr)
{
	static const uint64_t key[2]; /* nobody outside the process chooses an address */
	return &net->bucket[shoal_socket_hash(key, addr) % BUCKETS];
}

static struct endpoint *
find_endpoint(struct shoal_memory_net *net, const struct shoal_addr *addr)
{
	SHOAL_LIST_FOREACH (node, bucket_of(net, addr)) {
		struct endpoint *endpoint = SHOAL_LIST_ITEM(node, struct endpoint, node);
		if (shoal_addr_equal(&endpoint->addr, addr)) {
			return endpoint;
		}
	}
	return NULL;
}

/* The address by which others can answer a datagram to addr. */
static const struct shoal_addr *
source_for(const struct memory *memory, const struct shoal_addr *addr)
{
	for (size_t i = 0; i < memory->endpoints; ++i) {
		if (shoal_addr_is_ipv4(&memory->endpoint[i].addr) == shoal_addr_is_ipv4(addr)) {
			return &memory->endpoint[i].addr;
		}
	}
	return &memory->endpoint[0].addr;
}

static void
unqueue(struct memory *memory, struct packet *packet)
{
	shoal_list_remove(&packet->node);
	--memory->packets;
	memory->bytes -= packet->len;
}

static void
enqueue(struct memory *memory, struct packet *packet)
{
	if (shoal_list_empty(&memory->inbox)) {
		shoal_socket_soon(&memory->timer);
	}
	shoal_list_push_back(&memory->inbox, &packet->node);
	++memory->packets;
	memory->bytes += packet->len;
}

/* Copies into the inbox of a transport. SHOAL_ERR_LIMIT: it is full. */
static int
post(struct memory *to, enum packet_kind kind, const struct shoal_addr *from, uint64_t exchange,
        const uint8_t *data, size_t len)
{
	const struct shoal_allocator *mem = &to->net->mem;
	if (to->packets >= INBOX_PACKETS || len > to->bytes_max - to->bytes) {
		return SHOAL_ERR_LIMIT;
	}
	struct packet *packet = shoal_alloc(mem, sizeof(*packet) + len);
	if (packet == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	memset(packet, 0, sizeof(*packet));
	packet->kind = kind;
	packet->from = *from;
	packet->exchange = exchange;
	packet->data = (uint8_t *)(packet + 1);
	packet->len = len;
	if (len > 0) {
		memcpy(packet->data, data, len);
	}
	enqueue(to, packet);
	return 0;
}

static struct exchange *
find_exchange(const struct shoal_memory_net *net, uint64_t number)
{
	struct exchange *exchange = shoal_slab_at(&net->exchanges, (uint32_t)number);
	return exchange != NULL && exchange->number == number ? exchange : NULL;
}

static void
forget(struct shoal_memory_net *net, struct exchange *exchange)
{
	evtimer_del(&exchange->timer);
	shoal_list_remove(&exchange->by_asker);
	shoal_list_remove(&exchange->by_answerer);
	if (shoal_list_linked(&exchange->failure.node)) {
		unqueue(exchange->asker, &exchange->failure);
	}
	shoal_slab_give(&net->exchanges, (uint32_t)exchange->number);
}

static void
end(struct exchange *exchange, int code, const uint8_t *data, size_t len)
{
	struct memory *asker = exchange->asker;
	uint64_t theirs = exchange->theirs;
	forget(asker->net, exchange);
	asker->env.host.result(asker->env.host.arg, theirs, code, data, len);
}

/* Lets the asker know on a later turn. */
static void
post_failure(struct exchange *exchange, int code)
{
	shoal_list_remove(&exchange->by_answerer);
	exchange->failure.kind = PACKET_FAILURE;
	exchange->failure.code = code;
	exchange->failure.exchange = exchange->number;
	enqueue(exchange->asker, &exchange->failure);
}

static void
deliver(struct memory *memory, const struct packet *packet)
{
	const struct shoal_transport_host *host = &memory->env.host;
	struct exchange *exchange = NULL;
	if (packet->kind != PACKET_DATAGRAM && packet->kind != PACKET_STREAM) {
		exchange = find_exchange(memory->net, packet->exchange);
	}
	switch (packet->kind) {
	case PACKET_DATAGRAM:
		host->datagram(host->arg, &packet->from, packet->data, packet->len, 0);
		break;
	case PACKET_STREAM:
		host->stream(host->arg, &packet->from, packet->data, packet->len);
		break;
	case PACKET_REQUEST:
		if (exchange != NULL) { /* else the asker has given up or gone */
			host->request(host->arg, &packet->from, packet->exchange, packet->data,
			        packet->len);
		}
		break;
	case PACKET_REPLY:
	case PACKET_FAILURE:
		if (exchange != NULL) {
			end(exchange, packet->code, packet->data, packet->len);
		}
		break;
	}
}

/* Delivers the first packet of the inbox. */
static void
deliver_first(struct memory *memory)
{
	const struct shoal_allocator *mem = &memory->net->mem;
	struct packet *packet = SHOAL_LIST_ITEM(memory->inbox.next, struct packet, node);
	struct packet copy = *packet;
	unqueue(memory, packet);
	deliver(memory, &copy);
	if (copy.kind != PACKET_FAILURE) { /* else it was part of its exchange, which has ended */
		shoal_alloc_free(mem, packet);
	}
}

static void
on_inbox(evutil_socket_t fd, short what, void *arg)
{
	struct memory *memory = arg;
	const struct shoal_transport_host *host = &memory->env.host;
	(void)fd;
	(void)what;
	if (memory->dropped > 0) {
		host->count(host->arg, SHOAL_COUNTER_KERNEL_DROPS, memory->dropped);
	}
	memory->dropped = 0;
	size_t n = memory->packets < BATCH ? memory->packets : BATCH;
	for (; n > 0 && memory->running && !shoal_list_empty(&memory->inbox); --n) {
		deliver_first(memory);
	}
	if (memory->running && !shoal_list_empty(&memory->inbox)) {
		shoal_socket_soon(&memory->timer);
	}
	if (memory->running) {
		host->batch_end(host->arg);
	}
}

static int
memory_send(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct memory *memory = self;
	if (!memory->running) {
		return SHOAL_ERR_STATE;
	}
	if (len > memory->env.datagram_max || len > DATAGRAM_MAX) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct endpoint *endpoint = find_endpoint(memory->net, to);
	if (endpoint != NULL &&
	        post(endpoint->owner, PACKET_DATAGRAM, source_for(memory, to), 0, data, len) != 0) {
		++endpoint->owner->dropped;
	}
	return 0;
}

static int
memory_stream(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct memory *memory = self;
	if (!memory->running) {
		return SHOAL_ERR_STATE;
	}
	if (len > memory->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct endpoint *endpoint = find_endpoint(memory->net, to);
	if (endpoint == NULL || len > endpoint->owner->env.stream_max) {
		return 0; /* as with a connection that is refused or closed: nobody is told */
	}
	return post(endpoint->owner, PACKET_STREAM, source_for(memory, to), 0, data, len);
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct exchange *exchange = arg;
	struct memory *asker = exchange->asker;
	(void)fd;
	(void)what;
	end(exchange, SHOAL_ERR_TIMEOUT, NULL, 0);
	if (asker->running) {
		asker->env.host.batch_end(asker->env.host.arg);
	}
}

static int
put_question(struct memory *memory, struct exchange *exchange, const struct shoal_addr *to,
        const uint8_t *data, size_t len)
{
	struct endpoint *endpoint = find_endpoint(memory->net, to);
	if (endpoint == NULL || len > endpoint->owner->env.stream_max) {
		post_failure(exchange, endpoint == NULL ? SHOAL_ERR_REFUSED : SHOAL_ERR_CLOSED);
		return 0;
	}
	shoal_list_push_back(&endpoint->owner->unanswered, &exchange->by_answerer);
	return post(endpoint->owner, PACKET_REQUEST, source_for(memory, to), exchange->number, data,
	        len);
}

static int
memory_request(void *self, const struct shoal_addr *to, uint64_t theirs, const uint8_t *data,
        size_t len, uint64_t timeout_ns)
{
	struct memory *memory = self;
	struct shoal_memory_net *net = memory->net;
	struct timeval in = shoal_socket_until(0, timeout_ns);
	uint32_t slot;
	if (!memory->running) {
		return SHOAL_ERR_STATE;
	}
	if (len > memory->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct exchange *exchange = shoal_slab_take(&net->exchanges, &slot);
	if (exchange == NULL) {
		return net->exchanges.count >= EXCHANGES_MAX ? SHOAL_ERR_LIMIT : SHOAL_ERR_NOMEM;
	}
	if (++net->serial == 0) {
		++net->serial;
	}
	exchange->number = (uint64_t)net->serial << 32 | slot;
	exchange->theirs = theirs;
	exchange->asker = memory;
	shoal_list_push_back(&memory->asked, &exchange->by_asker);
	evtimer_assign(&exchange->timer, memory->env.base, on_timeout, exchange);
	int code = evtimer_add(&exchange->timer, &in) == 0 ? 0 : SHOAL_ERR_NOMEM;
	if (code == 0) {
		code = put_question(memory, exchange, to, data, len);
	}
	if (code != 0) {
		forget(net, exchange);
	}
	return code;
}

static int
memory_reply(void *self, uint64_t number, const uint8_t *data, size_t len)
{
	struct memory *memory = self;
	if (!memory->running) {
		return SHOAL_ERR_STATE;
	}
	if (len > memory->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct exchange *exchange = find_exchange(memory->net, number);
	if (exchange == NULL || !shoal_list_linked(&exchange->by_answerer)) {
		return SHOAL_ERR_NOT_FOUND;
	}
	if (len > exchange->asker->env.stream_max) {
		post_failure(exchange, SHOAL_ERR_CLOSED);
		return 0;
	}
	int code =
	        post(exchange->asker, PACKET_REPLY, &memory->endpoint[0].addr, number, data, len);
	if (code == 0) {
		shoal_list_remove(&exchange->by_answerer);
	}
	return code;
}

/* The address with a port that is free; port 0 where it is taken, or where all are. */
static struct shoal_addr
pick(struct shoal_memory_net *net, const struct shoal_addr *wanted)
{
	struct shoal_addr addr = *wanted;
	for (unsigned i = 0; wanted->port == 0 && i <= UINT16_MAX - FIRST_PORT; ++i) {
		addr.port = net->port;
		net->port = net->port < UINT16_MAX ? (uint16_t)(net->port + 1) : FIRST_PORT;
		if (find_endpoint(net, &addr) == NULL) {
			return addr;
		}
	}
	if (find_endpoint(net, &addr) != NULL) {
		addr.port = 0;
	}
	return addr;
}

static bool
bind_one(struct memory *memory, const struct shoal_addr *wanted)
{
	struct endpoint *endpoint = &memory->endpoint[memory->endpoints];
	endpoint->owner = memory;
	endpoint->addr = pick(memory->net, wanted);
	if (endpoint->addr.port == 0) {
		return false;
	}
	shoal_list_push_back(bucket_of(memory->net, &endpoint->addr), &endpoint->node);
	++memory->endpoints;
	return true;
}

static void
unbind_all(struct memory *memory)
{
	for (size_t i = 0; i < memory->endpoints; ++i) {
		shoal_list_remove(&memory->endpoint[i].node);
	}
	shoal_alloc_free(&memory->net->mem, memory->endpoint);
	memory->endpoint = NULL;
	memory->endpoints = 0;
}

static const struct shoal_transport_ops ops;

static int
memory_start(void *self, const struct shoal_transport_env *env, char *why, size_t len)
{
	struct memory *memory = self;
	struct shoal_memory_net *net = memory->net;
	if (memory->running) {
		return SHOAL_ERR_STATE;
	}
	int code = shoal_socket_check_env(&ops, env, why, len);
	if (code != 0) {
		return code;
	}
	if (net->running > 0 && net->base != env->base) {
		struct shoal_text text;
		shoal_text_init(&text, why, len);
		shoal_text_str(
		        &text, "memory: every member of a net must be on the same event_base");
		return SHOAL_ERR_INVALID;
	}
	memory->endpoint = shoal_alloc_zeroed(&net->mem, env->binds, sizeof(*memory->endpoint));
	if (memory->endpoint == NULL) {
		return shoal_socket_explain("memory", env->bind, ENOMEM, why, len);
	}
	for (size_t i = 0; i < env->binds; ++i) {
		if (bind_one(memory, &env->bind[i])) {
			continue;
		}
		unbind_all(memory);
		return shoal_socket_explain("memory", &env->bind[i], EADDRINUSE, why, len);
	}
	memory->env = *env;
	memory->bytes_max = 4 * env->stream_max;
	memory->dropped = 0;
	evtimer_assign(&memory->timer, env->base, on_inbox, memory);
	net->base = env->base;
	++net->running;
	memory->running = true;
	return 0;
}

static int
memory_address(const void *self, size_t i, struct shoal_addr *addr)
{
	const struct memory *memory = self;
	if (!memory->running) {
		return SHOAL_ERR_STATE;
	}
	if (i >= memory->endpoints) {
		return SHOAL_ERR_INVALID;
	}
	*addr = memory->endpoint[i].addr;
	return 0;
}

static void
memory_stop(void *self)
{
	struct memory *memory = self;
	struct shoal_list *node;
	if (!memory->running) {
		return;
	}
	memory->running = false;
	--memory->net->running;
	while ((node = shoal_list_first(&memory->asked)) != NULL) {
		forget(memory->net, SHOAL_LIST_ITEM(node, struct exchange, by_asker));
	}
	while ((node = shoal_list_first(&memory->unanswered)) != NULL) {
		post_failure(SHOAL_LIST_ITEM(node, struct exchange, by_answerer), SHOAL_ERR_CLOSED);
	}
	while ((node = shoal_list_first(&memory->inbox)) != NULL) {
		struct packet *packet = SHOAL_LIST_ITEM(node, struct packet, node);
		unqueue(memory, packet);
		shoal_alloc_free(&memory->net->mem, packet);
	}
	evtimer_del(&memory->timer);
	unbind_all(memory);
}

static void
memory_free(void *self)
{
	struct memory *memory = self;
	memory_stop(memory);
	shoal_alloc_free(&memory->net->mem, memory);
}

static const struct shoal_transport_ops ops = {
        .abi = SHOAL_TRANSPORT_ABI,
        .caps = SHOAL_TRANSPORT_DATAGRAM | SHOAL_TRANSPORT_STREAM,
        .name = "memory",
        .start = memory_start,
        .address = memory_address,
        .send = memory_send,
        .stream = memory_stream,
        .request = memory_request,
        .reply = memory_reply,
        .stop = memory_stop,
        .free = memory_free,
};

int
shoal_memory_net_new(struct shoal_memory_net **result, const struct shoal_allocator *allocator)
{
	struct shoal_allocator mem = shoal_allocator_or_libc(allocator);
	struct shoal_memory_net *net = shoal_alloc_zeroed(&mem, 1, sizeof(*net));
	if (net == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	net->mem = mem;
	net->port = FIRST_PORT;
	for (size_t i = 0; i < BUCKETS; ++i) {
		shoal_list_init(&net->bucket[i]);
	}
	shoal_slab_init(&net->exchanges, &net->mem, sizeof(struct exchange), EXCHANGES_MAX);
	*result = net;
	return 0;
}

void
shoal_memory_net_free(struct shoal_memory_net *net)
{
	if (net == NULL) {
		return;
	}
	struct shoal_allocator mem = net->mem;
	shoal_slab_done(&net->exchanges);
	shoal_alloc_free(&mem, net);
}

int
shoal_transport_memory(struct shoal_transport *transport, struct shoal_memory_net *net)
{
	struct memory *memory = shoal_alloc_zeroed(&net->mem, 1, sizeof(*memory));
	if (memory == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	memory->net = net;
	shoal_list_init(&memory->inbox);
	shoal_list_init(&memory->asked);
	shoal_list_init(&memory->unanswered);
	transport->ops = &ops;
	transport->self = memory;
	return 0;
}
