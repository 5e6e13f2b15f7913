/* SPDX-License-Identifier: MIT */
/* A network inside the process: several clusters on one event_base, without sockets.
 *
 * A net holds the bound addresses. Each transport has an inbox, a bounded queue in the order in
 * which things were sent, which a timer of its own empties on a later turn of the loop; a turn
 * delivers what was there when it began, up to a batch, so that two members that answer each other
 * do not keep the loop from its other work. (event_active would run in the same turn: a timer of
 * zero does not.)
 *
 * Nothing is lost but what goes to an address that nobody bound, or to a full inbox. Everything
 * comes from the allocator of the net. Finding an address is O(1). */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "base/text.h"
#include "transports/memory.h"

#define INBOX_PACKETS 65536
#define BATCH         256
#define DATAGRAM_MAX  65507 /* as on UDP over IPv4 */
#define FIRST_PORT    1024

static struct shoal_list *
bucket_of(struct shoal_memory_net *net, const struct shoal_addr *addr)
{
	static const uint64_t key[2]; /* nobody outside the process chooses an address */
	return &net->bucket[shoal_socket_hash(key, addr) % SHOAL_MEMORY_BUCKETS];
}

struct shoal_memory_endpoint *
shoal_memory_find(struct shoal_memory_net *net, const struct shoal_addr *addr)
{
	SHOAL_LIST_FOREACH (node, bucket_of(net, addr)) {
		struct shoal_memory_endpoint *endpoint =
		        SHOAL_LIST_ITEM(node, struct shoal_memory_endpoint, node);
		if (shoal_addr_equal(&endpoint->addr, addr)) {
			return endpoint;
		}
	}
	return NULL;
}

/* The address by which others can answer a datagram to addr. */
const struct shoal_addr *
shoal_memory_source(const struct shoal_memory *memory, const struct shoal_addr *addr)
{
	for (size_t i = 0; i < memory->endpoints; ++i) {
		if (shoal_addr_is_ipv4(&memory->endpoint[i].addr) == shoal_addr_is_ipv4(addr)) {
			return &memory->endpoint[i].addr;
		}
	}
	return &memory->endpoint[0].addr;
}

void
shoal_memory_unqueue(struct shoal_memory *memory, struct shoal_memory_packet *packet)
{
	shoal_list_remove(&packet->node);
	--memory->packets;
	memory->bytes -= packet->len;
}

void
shoal_memory_enqueue(struct shoal_memory *memory, struct shoal_memory_packet *packet)
{
	if (shoal_list_empty(&memory->inbox)) {
		shoal_socket_soon(&memory->timer);
	}
	shoal_list_push_back(&memory->inbox, &packet->node);
	++memory->packets;
	memory->bytes += packet->len;
}

/* Copies into the inbox of a transport. SHOAL_ERR_LIMIT: it is full. */
int
shoal_memory_post(struct shoal_memory *to, enum shoal_memory_packet_kind kind,
        const struct shoal_addr *from, uint64_t exchange, const uint8_t *data, size_t len)
{
	const struct shoal_allocator *mem = &to->net->mem;
	if (to->packets >= INBOX_PACKETS || len > to->bytes_max - to->bytes) {
		return SHOAL_ERR_LIMIT;
	}
	struct shoal_memory_packet *packet = shoal_alloc(mem, sizeof(*packet) + len);
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
	shoal_memory_enqueue(to, packet);
	return 0;
}
static void
deliver(struct shoal_memory *memory, const struct shoal_memory_packet *packet)
{
	const struct shoal_transport_host *host = &memory->env.host;
	if (packet->kind == SHOAL_MEMORY_DATAGRAM) {
		host->datagram(host->arg, &packet->from, packet->data, packet->len, 0);
	} else if (packet->kind == SHOAL_MEMORY_STREAM) {
		(void)host->stream(host->arg, &packet->from, packet->data, packet->len);
	} else {
		shoal_memory_exchange_deliver(memory, packet);
	}
}

static void
deliver_first(struct shoal_memory *memory)
{
	const struct shoal_allocator *mem = &memory->net->mem;
	struct shoal_memory_packet *packet =
	        SHOAL_LIST_ITEM(memory->inbox.next, struct shoal_memory_packet, node);
	struct shoal_memory_packet copy = *packet;
	shoal_memory_unqueue(memory, packet);
	deliver(memory, &copy);
	/* Those two were part of their exchange, which has ended. */
	if (copy.kind != SHOAL_MEMORY_FAILURE && copy.kind != SHOAL_MEMORY_UNWATCH) {
		shoal_alloc_free(mem, packet);
	}
}

static void
on_inbox(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_memory *memory = arg;
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
	struct shoal_memory *memory = self;
	if (!memory->running) {
		return SHOAL_ERR_STATE;
	}
	if (len > memory->env.datagram_max || len > DATAGRAM_MAX) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct shoal_memory_endpoint *endpoint = shoal_memory_find(memory->net, to);
	if (endpoint != NULL && shoal_memory_post(endpoint->owner, SHOAL_MEMORY_DATAGRAM,
	                                shoal_memory_source(memory, to), 0, data, len) != 0) {
		++endpoint->owner->dropped;
	}
	return 0;
}

static int
memory_stream(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct shoal_memory *memory = self;
	if (!memory->running) {
		return SHOAL_ERR_STATE;
	}
	if (len > memory->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct shoal_memory_endpoint *endpoint = shoal_memory_find(memory->net, to);
	if (endpoint == NULL || len > endpoint->owner->env.stream_max) {
		return 0; /* as with a connection that is refused or closed: nobody is told */
	}
	return shoal_memory_post(endpoint->owner, SHOAL_MEMORY_STREAM,
	        shoal_memory_source(memory, to), 0, data, len);
}

/* The address with a port that is free; port 0 where it is taken, or where all are. */
static struct shoal_addr
pick(struct shoal_memory_net *net, const struct shoal_addr *wanted)
{
	struct shoal_addr addr = *wanted;
	for (unsigned i = 0; wanted->port == 0 && i <= UINT16_MAX - FIRST_PORT; ++i) {
		addr.port = net->port;
		net->port = net->port < UINT16_MAX ? (uint16_t)(net->port + 1) : FIRST_PORT;
		if (shoal_memory_find(net, &addr) == NULL) {
			return addr;
		}
	}
	if (shoal_memory_find(net, &addr) != NULL) {
		addr.port = 0;
	}
	return addr;
}

static bool
bind_one(struct shoal_memory *memory, const struct shoal_addr *wanted)
{
	struct shoal_memory_endpoint *endpoint = &memory->endpoint[memory->endpoints];
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
unbind_all(struct shoal_memory *memory)
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
	struct shoal_memory *memory = self;
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
	const struct shoal_memory *memory = self;
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
	struct shoal_memory *memory = self;
	struct shoal_list *node;
	if (!memory->running) {
		return;
	}
	memory->running = false;
	--memory->net->running;
	shoal_memory_exchange_stop(memory);
	while ((node = shoal_list_first(&memory->inbox)) != NULL) {
		struct shoal_memory_packet *packet =
		        SHOAL_LIST_ITEM(node, struct shoal_memory_packet, node);
		shoal_memory_unqueue(memory, packet);
		shoal_alloc_free(&memory->net->mem, packet);
	}
	evtimer_del(&memory->timer);
	unbind_all(memory);
}

static void
memory_free(void *self)
{
	struct shoal_memory *memory = self;
	memory_stop(memory);
	shoal_alloc_free(&memory->net->mem, memory);
}

static const struct shoal_transport_ops ops = {
        .abi = SHOAL_TRANSPORT_ABI,
        .caps = SHOAL_TRANSPORT_DATAGRAM | SHOAL_TRANSPORT_STREAM | SHOAL_TRANSPORT_WATCH,
        .name = "memory",
        .start = memory_start,
        .address = memory_address,
        .send = memory_send,
        .stream = memory_stream,
        .request = shoal_memory_exchange_request,
        .reply = shoal_memory_exchange_reply,
        .fresh = shoal_memory_exchange_request, /* there are no connections that could be kept */
        .watch = shoal_memory_exchange_watch,
        .unwatch = shoal_memory_exchange_unwatch,
        .tell = shoal_memory_exchange_tell,
        .drop = shoal_memory_exchange_drop,
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
	for (size_t i = 0; i < SHOAL_MEMORY_BUCKETS; ++i) {
		shoal_list_init(&net->bucket[i]);
	}
	shoal_slab_init(&net->exchanges, &net->mem, sizeof(struct shoal_memory_exchange),
	        SHOAL_MEMORY_EXCHANGES_MAX);
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
	struct shoal_memory *memory = shoal_alloc_zeroed(&net->mem, 1, sizeof(*memory));
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
