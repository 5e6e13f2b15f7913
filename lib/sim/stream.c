/* SPDX-License-Identifier: MIT */
/* Streams: one-way messages, requests and their answers.
 *
 * A stream loses time only: a lost segment is repeated after 200 ms, 400 ms and so on, and after
 * five losses in a row the message is gone. A connection that is reset takes its message with it,
 * and who waits for the answer is told.
 *
 * Invariant: every exchange ends exactly once, by the first of reply, refusal, close and time-out;
 * whatever comes later finds the number gone. An exchange stands in the list of its client, and of
 * its server from its arrival there, so that a crash visits its own only. O(log packets) each. */
#include "sim/world.h"

#include <string.h>

#define RETRANSMIT_NS    SHOAL_MS(200)
#define RETRANSMIT_TRIES 5

/* How long a message on a stream takes: half of the time the connection must be made first. It
 * needs both directions. false: it is lost, with its connection. */
static bool
stream_delay(struct shoal_sim *sim, uint32_t from, uint32_t to, uint64_t *delay)
{
	unsigned lost = 0;

	*delay = shoal_sim_latency(sim, from, to);
	if (shoal_rng_below(&sim->rng, 2) == 0) {
		*delay += shoal_sim_latency(sim, to, from) + shoal_sim_latency(sim, from, to);
	}
	while (lost < RETRANSMIT_TRIES && shoal_sim_net_loses(sim, from, to)) {
		*delay += RETRANSMIT_NS << lost++;
	}
	return lost < RETRANSMIT_TRIES && shoal_sim_reaches(sim, from, to) &&
	       shoal_sim_reaches(sim, to, from);
}

struct shoal_sim_packet *
shoal_sim_stream_send(struct shoal_sim *sim, enum shoal_input_kind kind, uint32_t from, uint32_t to,
        const uint8_t *data, size_t len)
{
	struct shoal_sim_packet *packet;
	uint64_t delay;

	if (!stream_delay(sim, from, to, &delay)) {
		return NULL;
	}
	packet = shoal_sim_net_packet(sim, kind, from, to, data, len);
	if (packet != NULL) {
		shoal_sim_net_fly(sim, packet, delay);
	}
	return packet;
}

uint64_t
shoal_sim_stream_number(const struct shoal_sim_exchange *exchange)
{
	return (uint64_t)exchange->generation << 32 | exchange->timer.slot;
}

struct shoal_sim_exchange *
shoal_sim_stream_find(struct shoal_sim *sim, uint64_t number)
{
	struct shoal_sim_exchange *exchange = shoal_slab_at(&sim->exchange, (uint32_t)number);

	return exchange != NULL && exchange->generation == number >> 32 ? exchange : NULL;
}

void
shoal_sim_stream_close(struct shoal_sim *sim, struct shoal_sim_exchange *exchange)
{
	shoal_heap_disarm(&sim->heap, &exchange->timer);
	shoal_heap_disarm(&sim->heap, &exchange->watched);
	shoal_list_remove(&exchange->of_client);
	shoal_list_remove(&exchange->of_server);
	shoal_slab_give(&sim->exchange, exchange->timer.slot);
}

struct shoal_sim_exchange *
shoal_sim_stream_open(struct shoal_sim_node *node, uint32_t to, const struct shoal_send *send)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_sim_exchange *exchange;
	uint32_t slot;

	exchange = shoal_slab_take(&sim->exchange, &slot);
	if (exchange == NULL || shoal_sim_room(sim) != 0) {
		if (exchange != NULL) {
			shoal_slab_give(&sim->exchange, slot);
		}
		shoal_sim_error(sim, SHOAL_ERR_NOMEM);
		return NULL;
	}
	exchange->generation = ++sim->generation;
	exchange->client = node->number;
	exchange->client_instance = node->instance;
	exchange->from = node->addr;
	exchange->server = to;
	exchange->theirs = send->exchange;
	exchange->counter = shoal_sim_sealed_counter(send->data, send->len);
	exchange->timer.kind = SHOAL_SIM_TIMER_EXCHANGE;
	exchange->watched.kind = SHOAL_SIM_TIMER_WATCHED;
	exchange->timer.slot = exchange->watched.slot = slot;
	shoal_list_push_back(&node->clients, &exchange->of_client);
	shoal_heap_arm(&sim->heap, &exchange->timer, sim->now + send->timeout_ns);
	return exchange;
}

void
shoal_sim_stream_request(struct shoal_sim_node *node, uint32_t to, const struct shoal_send *send)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_sim_exchange *exchange = shoal_sim_stream_open(node, to, send);
	struct shoal_sim_packet *packet;

	if (exchange == NULL || to == SHOAL_SIM_NOBODY) {
		return;
	}
	if (shoal_sim_net_draw(sim, sim->link.reset_ppm)) {
		shoal_sim_stream_result(sim, exchange, SHOAL_ERR_CLOSED, NULL, 0);
		return;
	}
	packet = shoal_sim_stream_send(
	        sim, SHOAL_INPUT_REQUEST, node->number, to, send->data, send->len);
	if (packet != NULL) {
		packet->exchange = shoal_sim_stream_number(exchange);
	}
}

void
shoal_sim_stream_result(struct shoal_sim *sim, struct shoal_sim_exchange *exchange, int code,
        const uint8_t *data, size_t len)
{
	bool reset = shoal_sim_net_draw(sim, sim->link.reset_ppm);
	struct shoal_sim_packet *packet = shoal_sim_stream_send(
	        sim, SHOAL_INPUT_RESULT, exchange->server, exchange->client, data, reset ? 0 : len);

	if (packet != NULL) {
		packet->exchange = shoal_sim_stream_number(exchange);
		packet->instance = exchange->client_instance;
		packet->code = reset && code == 0 ? SHOAL_ERR_CLOSED : code;
		packet->connected = true;
	}
}

void
shoal_sim_stream_reply(struct shoal_sim_node *node, const struct shoal_send *send)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_sim_exchange *exchange = shoal_sim_stream_find(sim, send->exchange);
	bool known = exchange == NULL || (exchange->server == node->number && !exchange->answered);

	if (!shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS, known, node->number, NULL,
	            "a reply to what was no open request here") ||
	        exchange == NULL) {
		return;
	}
	if (exchange->link) {
		shoal_sim_watch_reply(sim, exchange, send);
	} else if (!exchange->reset) {
		exchange->answered = true;
		shoal_sim_stream_result(sim, exchange, 0, send->data, send->len);
	}
}

bool
shoal_sim_stream_take(struct shoal_sim_node *node, const struct shoal_sim_packet *packet,
        struct shoal_input *input)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_sim_exchange *exchange = shoal_sim_stream_find(sim, packet->exchange);

	if (exchange == NULL) {
		return false;
	}
	if (exchange->link) {
		return shoal_sim_watch_take(sim, exchange, packet, input);
	}
	input->exchange = exchange->theirs;
	shoal_sim_stream_close(sim, exchange);
	return true;
}

/* The client's own timer: the result is there at once, behind what waits in the socket. */
void
shoal_sim_stream_expire(struct shoal_sim *sim, struct shoal_sim_exchange *exchange)
{
	struct shoal_sim_node *client = &sim->node[exchange->client];
	struct shoal_sim_packet *packet = shoal_sim_net_packet(sim, SHOAL_INPUT_RESULT,
	        exchange->server == SHOAL_SIM_NOBODY ? client->number : exchange->server,
	        client->number, NULL, 0);

	if (packet != NULL) {
		packet->exchange = shoal_sim_stream_number(exchange);
		packet->code = SHOAL_ERR_TIMEOUT;
		packet->arrived_ns = sim->now;
		shoal_sim_node_receive(client, packet);
	}
}

static void
client_down(struct shoal_sim_node *node, bool silent)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_list *first;

	while ((first = shoal_list_first(&node->clients)) != NULL) {
		struct shoal_sim_exchange *exchange =
		        SHOAL_LIST_ITEM(first, struct shoal_sim_exchange, of_client);

		if (exchange->link) {
			shoal_sim_watch_end(sim, exchange, true, !silent);
		} else {
			shoal_sim_stream_close(sim, exchange);
		}
	}
}

/* Requests that it was to answer end; those that are answered already are on their way. */
static void
server_down(struct shoal_sim_node *node, bool silent)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_list *first;

	while ((first = shoal_list_first(&node->servers)) != NULL) {
		struct shoal_sim_exchange *exchange =
		        SHOAL_LIST_ITEM(first, struct shoal_sim_exchange, of_server);

		shoal_list_remove(first);
		if (exchange->link) {
			shoal_sim_watch_end(sim, exchange, false, !silent);
		} else if (!silent && !exchange->answered && !exchange->reset) {
			shoal_sim_stream_result(sim, exchange, SHOAL_ERR_CLOSED, NULL, 0);
		}
	}
}

void
shoal_sim_stream_down(struct shoal_sim_node *node, bool silent)
{
	struct shoal_list *first;

	client_down(node, silent);
	server_down(node, silent);
	while ((first = shoal_list_first(&node->socket)) != NULL) {
		shoal_sim_net_free(
		        node->sim, SHOAL_LIST_ITEM(first, struct shoal_sim_packet, link));
	}
	node->waiting = 0;
}

static void
reset(struct shoal_sim *sim, struct shoal_sim_exchange *exchange)
{
	if (exchange->link) {
		shoal_sim_watch_reset(sim, exchange);
	} else if (!exchange->answered && !exchange->reset &&
	           exchange->server != SHOAL_SIM_NOBODY) {
		exchange->reset = true;
		shoal_sim_stream_result(sim, exchange, SHOAL_ERR_CLOSED, NULL, 0);
	}
}

int
shoal_sim_reset(struct shoal_sim *sim, uint32_t number)
{
	struct shoal_sim_node *node;

	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	node = &sim->node[number];
	shoal_sim_fault(sim, "reset connections", number, SHOAL_SIM_NOBODY, 0);
	SHOAL_LIST_FOREACH_SAFE (one, after, &node->clients) {
		reset(sim, SHOAL_LIST_ITEM(one, struct shoal_sim_exchange, of_client));
	}
	SHOAL_LIST_FOREACH_SAFE (one, after, &node->servers) {
		reset(sim, SHOAL_LIST_ITEM(one, struct shoal_sim_exchange, of_server));
	}
	return 0;
}
