/* SPDX-License-Identifier: MIT */
/* Requests and watch links of the memory transport.
 *
 * A request is an object of the net from request() to result(); its failure is delivered by a
 * packet that is part of it, so that a result never needs memory. A watch link is an exchange that
 * stays after its reply, until either side ends it; the same packet then tells the other. Finding
 * an exchange is O(1); a link of this host is found among those of the transport. */
#define _GNU_SOURCE
#include "transports/memory.h"

static struct shoal_memory_exchange *
find_exchange(const struct shoal_memory_net *net, uint64_t number)
{
	struct shoal_memory_exchange *exchange = shoal_slab_at(&net->exchanges, (uint32_t)number);
	return exchange != NULL && exchange->number == number ? exchange : NULL;
}

static void
forget(struct shoal_memory_net *net, struct shoal_memory_exchange *exchange)
{
	evtimer_del(&exchange->timer);
	shoal_list_remove(&exchange->by_asker);
	shoal_list_remove(&exchange->by_answerer);
	if (shoal_list_linked(&exchange->failure.node)) {
		shoal_memory_unqueue(exchange->failure_at, &exchange->failure);
	}
	shoal_slab_give(&net->exchanges, (uint32_t)exchange->number);
}

static void
end(struct shoal_memory_exchange *exchange, int code, const uint8_t *data, size_t len)
{
	struct shoal_memory *asker = exchange->asker;
	uint64_t theirs = exchange->theirs;
	forget(asker->net, exchange);
	(void)asker->env.host.result(asker->env.host.arg, theirs, code, data, len);
}

/* Lets the asker know on a later turn. */
static void
post_failure(struct shoal_memory_exchange *exchange, int code)
{
	shoal_list_remove(&exchange->by_answerer);
	exchange->failure.kind = SHOAL_MEMORY_FAILURE;
	exchange->failure.code = code;
	exchange->failure.exchange = exchange->number;
	exchange->failure_at = exchange->asker;
	shoal_memory_enqueue(exchange->asker, &exchange->failure);
}

/* The asker of a link has ended it: the other side hears so on a later turn, where it knows it. */
static void
post_unwatch(struct shoal_memory_exchange *exchange)
{
	bool posted = shoal_list_linked(&exchange->failure.node);

	if (posted || !exchange->known || !shoal_list_linked(&exchange->by_answerer)) {
		forget(exchange->asker->net, exchange);
		return;
	}
	evtimer_del(&exchange->timer);
	shoal_list_remove(&exchange->by_asker);
	exchange->failure.kind = SHOAL_MEMORY_UNWATCH;
	exchange->failure.exchange = exchange->number;
	exchange->failure_at = exchange->answerer;
	shoal_memory_enqueue(exchange->answerer, &exchange->failure);
}

static void
end_link(struct shoal_memory_exchange *exchange, int code)
{
	struct shoal_memory *asker = exchange->asker;
	uint64_t theirs = exchange->theirs;
	forget(asker->net, exchange);
	asker->env.host.closed(asker->env.host.arg, theirs, code);
}

static void
deliver_reply(struct shoal_memory_exchange *exchange, const struct shoal_memory_packet *packet)
{
	const struct shoal_transport_host *host = &exchange->asker->env.host;
	if (!exchange->link) {
		end(exchange, packet->code, packet->data, packet->len);
	} else if (!exchange->up) {
		evtimer_del(&exchange->timer);
		exchange->up = true;
		(void)host->result(host->arg, exchange->theirs, 0, packet->data, packet->len);
	}
}

static void
deliver_unwatch(struct shoal_memory *memory, struct shoal_memory_exchange *exchange)
{
	uint64_t number = exchange->number;
	forget(memory->net, exchange);
	memory->env.host.unwatched(memory->env.host.arg, number);
}

void
shoal_memory_exchange_deliver(struct shoal_memory *memory, const struct shoal_memory_packet *packet)
{
	const struct shoal_transport_host *host = &memory->env.host;
	struct shoal_memory_exchange *exchange = find_exchange(memory->net, packet->exchange);
	if (exchange == NULL) {
		return; /* one of the two sides has given up or gone */
	}
	switch (packet->kind) {
	case SHOAL_MEMORY_TOLD:
		if (exchange->up) {
			(void)host->stream(host->arg, &packet->from, packet->data, packet->len);
		}
		break;
	case SHOAL_MEMORY_WATCH:
		exchange->known = true;
		(void)host->watched(
		        host->arg, &packet->from, packet->exchange, packet->data, packet->len);
		break;
	case SHOAL_MEMORY_REQUEST:
		(void)host->request(
		        host->arg, &packet->from, packet->exchange, packet->data, packet->len);
		break;
	case SHOAL_MEMORY_REPLY:
		deliver_reply(exchange, packet);
		break;
	case SHOAL_MEMORY_FAILURE:
		if (exchange->up) {
			end_link(exchange, packet->code);
		} else {
			end(exchange, packet->code, packet->data, packet->len);
		}
		break;
	case SHOAL_MEMORY_UNWATCH:
		deliver_unwatch(memory, exchange);
		break;
	case SHOAL_MEMORY_DATAGRAM:
	case SHOAL_MEMORY_STREAM:
		break;
	}
}

static void
on_timeout(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_memory_exchange *exchange = arg;
	struct shoal_memory *asker = exchange->asker;
	(void)fd;
	(void)what;
	if (exchange->link) {
		uint64_t theirs = exchange->theirs;
		post_unwatch(exchange);
		(void)asker->env.host.result(
		        asker->env.host.arg, theirs, SHOAL_ERR_TIMEOUT, NULL, 0);
	} else {
		end(exchange, SHOAL_ERR_TIMEOUT, NULL, 0);
	}
	if (asker->running) {
		asker->env.host.batch_end(asker->env.host.arg);
	}
}

static int
put_question(struct shoal_memory *memory, struct shoal_memory_exchange *exchange,
        const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct shoal_memory_endpoint *endpoint = shoal_memory_find(memory->net, to);
	if (endpoint == NULL || len > endpoint->owner->env.stream_max) {
		post_failure(exchange, endpoint == NULL ? SHOAL_ERR_REFUSED : SHOAL_ERR_CLOSED);
		return 0;
	}
	exchange->answerer = endpoint->owner;
	shoal_list_push_back(&endpoint->owner->unanswered, &exchange->by_answerer);
	return shoal_memory_post(endpoint->owner,
	        exchange->link ? SHOAL_MEMORY_WATCH : SHOAL_MEMORY_REQUEST,
	        shoal_memory_source(memory, to), exchange->number, data, len);
}

static int
ask(struct shoal_memory *memory, const struct shoal_addr *to, uint64_t theirs, bool link,
        const uint8_t *data, size_t len, uint64_t timeout_ns)
{
	struct shoal_memory_net *net = memory->net;
	struct timeval in = shoal_socket_until(0, timeout_ns);
	uint32_t slot;
	if (!memory->running) {
		return SHOAL_ERR_STATE;
	}
	if (len > memory->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct shoal_memory_exchange *exchange = shoal_slab_take(&net->exchanges, &slot);
	if (exchange == NULL) {
		return net->exchanges.count >= SHOAL_MEMORY_EXCHANGES_MAX ? SHOAL_ERR_LIMIT
		                                                          : SHOAL_ERR_NOMEM;
	}
	if (++net->serial == 0) {
		++net->serial;
	}
	exchange->number = (uint64_t)net->serial << 32 | slot;
	exchange->theirs = theirs;
	exchange->asker = memory;
	exchange->link = link;
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

int
shoal_memory_exchange_request(void *self, const struct shoal_addr *to, uint64_t theirs,
        const uint8_t *data, size_t len, uint64_t timeout_ns)
{
	return ask(self, to, theirs, false, data, len, timeout_ns);
}

int
shoal_memory_exchange_watch(void *self, const struct shoal_addr *to, uint64_t link,
        const uint8_t *data, size_t len, uint64_t timeout_ns)
{
	return ask(self, to, link, true, data, len, timeout_ns);
}

void
shoal_memory_exchange_unwatch(void *self, uint64_t link)
{
	struct shoal_memory *memory = self;
	SHOAL_LIST_FOREACH (node, &memory->asked) {
		struct shoal_memory_exchange *exchange =
		        SHOAL_LIST_ITEM(node, struct shoal_memory_exchange, by_asker);
		if (exchange->link && exchange->theirs == link) {
			post_unwatch(exchange);
			return;
		}
	}
}

/* A link that a peer opened to this transport, and that neither side has ended; or NULL. */
static struct shoal_memory_exchange *
find_link(const struct shoal_memory *memory, uint64_t link)
{
	struct shoal_memory_exchange *exchange =
	        memory->running ? find_exchange(memory->net, link) : NULL;
	bool open = exchange != NULL && exchange->link && exchange->answerer == memory &&
	            shoal_list_linked(&exchange->by_answerer) &&
	            shoal_list_linked(&exchange->by_asker);
	return open ? exchange : NULL;
}

int
shoal_memory_exchange_tell(void *self, uint64_t link, const uint8_t *data, size_t len)
{
	struct shoal_memory *memory = self;
	struct shoal_memory_exchange *exchange = find_link(memory, link);
	if (len > memory->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	return exchange == NULL ? SHOAL_ERR_NOT_FOUND
	                        : shoal_memory_post(exchange->asker, SHOAL_MEMORY_TOLD,
	                                  &memory->endpoint[0].addr, link, data, len);
}

void
shoal_memory_exchange_drop(void *self, uint64_t link)
{
	struct shoal_memory *memory = self;
	struct shoal_memory_exchange *exchange = find_exchange(memory->net, link);
	if (exchange == NULL || !exchange->link || exchange->answerer != memory) {
		return;
	}
	if (!shoal_list_linked(&exchange->by_asker)) {
		forget(memory->net, exchange); /* its end is on the way here */
	} else if (shoal_list_linked(&exchange->by_answerer)) {
		post_failure(exchange, SHOAL_ERR_CLOSED);
	}
}

int
shoal_memory_exchange_reply(void *self, uint64_t number, const uint8_t *data, size_t len)
{
	struct shoal_memory *memory = self;
	if (!memory->running) {
		return SHOAL_ERR_STATE;
	}
	if (len > memory->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct shoal_memory_exchange *exchange = find_exchange(memory->net, number);
	if (exchange == NULL || !shoal_list_linked(&exchange->by_answerer) ||
	        !shoal_list_linked(&exchange->by_asker)) {
		return SHOAL_ERR_NOT_FOUND;
	}
	if (len > exchange->asker->env.stream_max) {
		post_failure(exchange, SHOAL_ERR_CLOSED);
		return 0;
	}
	int code = shoal_memory_post(
	        exchange->asker, SHOAL_MEMORY_REPLY, &memory->endpoint[0].addr, number, data, len);
	if (code == 0 && !exchange->link) {
		shoal_list_remove(&exchange->by_answerer);
	}
	return code;
}

void
shoal_memory_exchange_stop(struct shoal_memory *memory)
{
	struct shoal_list *node;
	while ((node = shoal_list_first(&memory->asked)) != NULL) {
		post_unwatch(SHOAL_LIST_ITEM(node, struct shoal_memory_exchange, by_asker));
	}
	while ((node = shoal_list_first(&memory->unanswered)) != NULL) {
		struct shoal_memory_exchange *exchange =
		        SHOAL_LIST_ITEM(node, struct shoal_memory_exchange, by_answerer);
		if (shoal_list_linked(&exchange->by_asker)) {
			post_failure(exchange, SHOAL_ERR_CLOSED);
		} else {
			forget(memory->net, exchange); /* its asker has ended it */
		}
	}
}
