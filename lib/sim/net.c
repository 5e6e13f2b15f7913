/* SPDX-License-Identifier: MIT */
/* The virtual network: datagrams, streams and exchanges between the nodes' sockets.
 *
 * A datagram may be lost, doubled, held back or damaged. A stream loses time only: a lost segment
 * is repeated after 200 ms, 400 ms and so on, and after five losses in a row the message is gone. A
 * way that is cut swallows everything, at the departure and at the arrival. Where the host is up
 * and the process is not, a datagram is answered with a refusal and a request ends refused.
 *
 * Invariant: every exchange ends exactly once, by the first of reply, refusal, close and time-out;
 * whatever comes later finds the number gone. Cost: O(log packets) a packet. */
#include "sim/world.h"

#include "base/alloc.h"

#include <string.h>

#define RETRANSMIT_NS    SHOAL_MS(200)
#define RETRANSMIT_TRIES 5

static struct shoal_sim_packet *
packet_of(struct shoal_list *node)
{
	return SHOAL_LIST_ITEM(node, struct shoal_sim_packet, link);
}

static bool
draw(struct shoal_sim *sim, uint32_t ppm)
{
	return ppm != 0 && shoal_rng_below(&sim->rng, 1000000) < ppm;
}

bool
shoal_sim_net_reaches(const struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	return from == to || (sim->node[from].group == sim->node[to].group &&
	                             sim->cut[(size_t)from * sim->nodes + to] == 0);
}

/* The pair's own latency is a mix of seed and pair, so that it needs no memory and stays when the
 * link changes. */
static uint64_t
latency(struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	const struct shoal_sim_link *link = &sim->link;
	struct shoal_rng pair;
	uint64_t ns;

	if (from == to) {
		return SHOAL_US(10);
	}
	shoal_rng_init(&pair, sim->config.seed, (uint64_t)from << 32 | to);
	ns = shoal_rng_between(&pair, link->latency_min_ns, link->latency_max_ns);
	return ns + shoal_rng_between(&sim->rng, 0, link->jitter_ns);
}

static struct shoal_sim_packet *
packet_new(struct shoal_sim *sim, enum shoal_input_kind kind, uint32_t from, uint32_t to,
        const uint8_t *data, size_t len)
{
	struct shoal_sim_packet *packet = shoal_alloc(&sim->mem, sizeof(*packet) + len);

	if (packet == NULL || shoal_heap_reserve(&sim->heap,
	                              sim->timers + sim->packets + 1 + sim->exchange.count) != 0) {
		shoal_alloc_free(&sim->mem, packet);
		shoal_sim_error(sim, SHOAL_ERR_NOMEM);
		return NULL;
	}
	memset(packet, 0, sizeof(*packet));
	packet->timer.kind = SHOAL_SIM_TIMER_PACKET;
	packet->kind = kind;
	packet->from = from;
	packet->to = to;
	packet->len = len;
	if (len != 0) {
		memcpy(packet->data, data, len);
	}
	shoal_list_push_back(&sim->flying, &packet->link);
	sim->packets++;
	return packet;
}

void
shoal_sim_net_free(struct shoal_sim *sim, struct shoal_sim_packet *packet)
{
	shoal_heap_disarm(&sim->heap, &packet->timer);
	shoal_list_remove(&packet->link);
	sim->packets--;
	shoal_alloc_free(&sim->mem, packet);
}

static void
fly(struct shoal_sim *sim, struct shoal_sim_packet *packet, uint64_t delay)
{
	shoal_heap_arm(&sim->heap, &packet->timer, sim->now + delay);
}

static void
damage(struct shoal_sim *sim, struct shoal_sim_packet *packet)
{
	if (packet->len != 0 && draw(sim, sim->link.corrupt_ppm)) {
		uint32_t at = shoal_rng_below(&sim->rng, (uint32_t)packet->len);

		packet->data[at] ^= (uint8_t)(1 + shoal_rng_below(&sim->rng, 255));
		packet->damaged = true;
	}
}

static void
send_datagram(struct shoal_sim *sim, uint32_t from, uint32_t to, const struct shoal_send *send)
{
	unsigned copies = draw(sim, sim->link.duplicate_ppm) ? 2 : 1;

	for (; copies > 0; copies--) {
		uint64_t delay = latency(sim, from, to);
		struct shoal_sim_packet *packet;

		if (draw(sim, sim->link.reorder_ppm)) {
			delay += shoal_rng_between(&sim->rng, 0, sim->link.reorder_ns);
		}
		if (draw(sim, sim->link.loss_ppm) || !shoal_sim_net_reaches(sim, from, to)) {
			continue;
		}
		packet = packet_new(sim, SHOAL_INPUT_DATAGRAM, from, to, send->data, send->len);
		if (packet != NULL) {
			damage(sim, packet);
			fly(sim, packet, delay);
		}
	}
}

/* How long a message on a stream takes: half of the time the connection must be made first. It
 * needs both directions. false: it is lost, with its connection. */
static bool
stream_delay(struct shoal_sim *sim, uint32_t from, uint32_t to, uint64_t *delay)
{
	unsigned lost = 0;

	*delay = latency(sim, from, to);
	if (shoal_rng_below(&sim->rng, 2) == 0) {
		*delay += latency(sim, to, from) + latency(sim, from, to);
	}
	while (lost < RETRANSMIT_TRIES && draw(sim, sim->link.loss_ppm)) {
		*delay += RETRANSMIT_NS << lost++;
	}
	return lost < RETRANSMIT_TRIES && shoal_sim_net_reaches(sim, from, to) &&
	       shoal_sim_net_reaches(sim, to, from);
}

static struct shoal_sim_packet *
send_stream(struct shoal_sim *sim, enum shoal_input_kind kind, uint32_t from, uint32_t to,
        const uint8_t *data, size_t len)
{
	struct shoal_sim_packet *packet;
	uint64_t delay;

	if (!stream_delay(sim, from, to, &delay)) {
		return NULL;
	}
	packet = packet_new(sim, kind, from, to, data, len);
	if (packet != NULL) {
		fly(sim, packet, delay);
	}
	return packet;
}

static void
send_request(struct shoal_sim_node *node, uint32_t to, const struct shoal_send *send)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_sim_exchange *exchange;
	struct shoal_sim_packet *packet;
	uint64_t number;
	uint32_t slot;

	exchange = shoal_slab_take(&sim->exchange, &slot);
	if (exchange == NULL || shoal_heap_reserve(&sim->heap,
	                                sim->timers + sim->packets + sim->exchange.count) != 0) {
		shoal_sim_error(sim, SHOAL_ERR_NOMEM);
		return;
	}
	exchange->generation = ++sim->generation;
	exchange->client = node->number;
	exchange->client_instance = node->instance;
	exchange->server = to;
	exchange->theirs = send->exchange;
	exchange->timer.kind = SHOAL_SIM_TIMER_EXCHANGE;
	exchange->timer.slot = slot;
	shoal_heap_arm(&sim->heap, &exchange->timer, sim->now + send->timeout_ns);
	number = (uint64_t)exchange->generation << 32 | slot;
	if (to == SHOAL_SIM_NOBODY) {
		return;
	}
	packet = send_stream(sim, SHOAL_INPUT_REQUEST, node->number, to, send->data, send->len);
	if (packet != NULL) {
		packet->exchange = number;
	}
}

static struct shoal_sim_exchange *
find_exchange(struct shoal_sim *sim, uint64_t number)
{
	struct shoal_sim_exchange *exchange = shoal_slab_at(&sim->exchange, (uint32_t)number);

	return exchange != NULL && exchange->generation == number >> 32 ? exchange : NULL;
}

/* Lets the end of an exchange travel from its server to its client. */
static void
send_result(struct shoal_sim *sim, struct shoal_sim_exchange *exchange, int code,
        const uint8_t *data, size_t len)
{
	struct shoal_sim_packet *packet =
	        send_stream(sim, SHOAL_INPUT_RESULT, exchange->server, exchange->client, data, len);

	if (packet != NULL) {
		packet->exchange = (uint64_t)exchange->generation << 32 | exchange->timer.slot;
		packet->instance = exchange->client_instance;
		packet->code = code;
	}
}

static void
send_reply(struct shoal_sim_node *node, const struct shoal_send *send)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_sim_exchange *exchange = find_exchange(sim, send->exchange);
	bool known = exchange == NULL || (exchange->server == node->number && !exchange->answered);

	if (shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS, known, node->number, NULL,
	            "a reply to what was no open request here") &&
	        exchange != NULL) {
		exchange->answered = true;
		send_result(sim, exchange, 0, send->data, send->len);
	}
}

static uint32_t
node_at(const struct shoal_sim *sim, const struct shoal_addr *addr)
{
	uint32_t number = (uint32_t)addr->ip[14] << 8 | addr->ip[15];

	return number < sim->nodes && shoal_addr_equal(addr, &sim->node[number].addr)
	               ? number
	               : SHOAL_SIM_NOBODY;
}

void
shoal_sim_net_send(struct shoal_sim_node *node, const struct shoal_send *send)
{
	struct shoal_sim *sim = node->sim;
	uint32_t to = send->kind == SHOAL_SEND_REPLY ? 0 : node_at(sim, &send->to);

	switch (send->kind) {
	case SHOAL_SEND_DATAGRAM:
		if (to != SHOAL_SIM_NOBODY) {
			send_datagram(sim, node->number, to, send);
		}
		break;
	case SHOAL_SEND_STREAM:
		if (to != SHOAL_SIM_NOBODY) {
			(void)send_stream(
			        sim, SHOAL_INPUT_STREAM, node->number, to, send->data, send->len);
		}
		break;
	case SHOAL_SEND_REQUEST:
		send_request(node, to, send);
		break;
	case SHOAL_SEND_REPLY:
		send_reply(node, send);
		break;
	case SHOAL_SEND_WATCH:
	case SHOAL_SEND_UNWATCH:
	case SHOAL_SEND_TELL:
	case SHOAL_SEND_DROP:
		break;
	}
}

/* What a host answers where nobody listens. */
static void
refuse(struct shoal_sim *sim, const struct shoal_sim_packet *packet)
{
	struct shoal_sim_node *client = &sim->node[packet->from];
	struct shoal_sim_packet *answer;

	if (packet->kind == SHOAL_INPUT_REQUEST) {
		struct shoal_sim_exchange *exchange = find_exchange(sim, packet->exchange);

		if (exchange != NULL) {
			send_result(sim, exchange, SHOAL_ERR_REFUSED, NULL, 0);
		}
	} else if (packet->kind == SHOAL_INPUT_DATAGRAM && !draw(sim, sim->link.loss_ppm) &&
	           shoal_sim_net_reaches(sim, packet->to, packet->from)) {
		answer = packet_new(sim, SHOAL_INPUT_REFUSED, packet->to, packet->from, NULL, 0);
		if (answer != NULL) {
			answer->instance = client->instance;
			fly(sim, answer, latency(sim, packet->to, packet->from));
		}
	}
}

void
shoal_sim_net_arrive(struct shoal_sim *sim, struct shoal_sim_packet *packet)
{
	struct shoal_sim_node *node = &sim->node[packet->to];
	bool other_run = packet->instance != 0 && packet->instance != node->instance;

	if (!shoal_sim_net_reaches(sim, packet->from, packet->to) ||
	        (node->core == NULL && node->host_down)) {
		shoal_sim_net_free(sim, packet);
	} else if (node->core == NULL) {
		refuse(sim, packet);
		shoal_sim_net_free(sim, packet);
	} else if (other_run) {
		shoal_sim_net_free(sim, packet);
	} else {
		struct shoal_sim_exchange *exchange = find_exchange(sim, packet->exchange);

		if (packet->kind == SHOAL_INPUT_REQUEST && exchange != NULL) {
			exchange->server_instance = node->instance;
		}
		packet->arrived_ns = sim->now;
		shoal_sim_node_receive(node, packet);
	}
}

bool
shoal_sim_net_close(struct shoal_sim *sim, uint64_t number, uint64_t *theirs)
{
	struct shoal_sim_exchange *exchange = find_exchange(sim, number);

	if (exchange == NULL) {
		return false;
	}
	*theirs = exchange->theirs;
	shoal_heap_disarm(&sim->heap, &exchange->timer);
	shoal_slab_give(&sim->exchange, (uint32_t)number);
	return true;
}

/* The client's own timer: the result is there at once, behind what waits in the socket. */
void
shoal_sim_net_expire(struct shoal_sim *sim, struct shoal_sim_exchange *exchange)
{
	struct shoal_sim_node *client = &sim->node[exchange->client];
	struct shoal_sim_packet *packet = packet_new(sim, SHOAL_INPUT_RESULT,
	        exchange->server == SHOAL_SIM_NOBODY ? client->number : exchange->server,
	        client->number, NULL, 0);

	if (packet != NULL) {
		packet->exchange = (uint64_t)exchange->generation << 32 | exchange->timer.slot;
		packet->code = SHOAL_ERR_TIMEOUT;
		packet->arrived_ns = sim->now;
		shoal_sim_node_receive(client, packet);
	}
}

void
shoal_sim_net_down(struct shoal_sim_node *node, bool silent)
{
	struct shoal_sim *sim = node->sim;
	uint64_t theirs;

	for (uint32_t slot = 0; slot < sim->exchange.end; slot++) {
		struct shoal_sim_exchange *exchange = shoal_slab_at(&sim->exchange, slot);

		if (exchange == NULL) {
			continue;
		}
		if (exchange->client == node->number) {
			(void)shoal_sim_net_close(
			        sim, (uint64_t)exchange->generation << 32 | slot, &theirs);
		} else if (!silent && exchange->server == node->number && !exchange->answered &&
		           exchange->server_instance == node->instance) {
			send_result(sim, exchange, SHOAL_ERR_CLOSED, NULL, 0);
		}
	}
	while (!shoal_list_empty(&node->socket)) {
		shoal_sim_net_free(sim, packet_of(shoal_list_first(&node->socket)));
	}
	node->waiting = 0;
}
