/* SPDX-License-Identifier: MIT */
/* The virtual network: packets, datagrams, and what a host does with a packet that arrives.
 *
 * A datagram may be lost, doubled, held back, damaged or too large. A way that is cut swallows
 * everything, at the departure and at the arrival. Where the host is up and the process is not, a
 * datagram is answered with a refusal and a request ends refused; a packet filter of the host comes
 * before that. Cost: O(log packets) a packet. */
#include "sim/world.h"

#include "base/alloc.h"

#include <string.h>

#define PPM 1000000

/* Packets in flight for each node, beside those in sockets. */
#define FLYING_MOST 512

bool
shoal_sim_net_is_link(const struct shoal_sim_link *link)
{
	return link->latency_min_ns <= link->latency_max_ns && link->loss_ppm <= PPM &&
	       link->duplicate_ppm <= PPM && link->reorder_ppm <= PPM && link->corrupt_ppm <= PPM &&
	       link->reset_ppm <= PPM && link->burst_loss_ppm <= PPM &&
	       link->latency <= SHOAL_SIM_LATENCY_TAIL &&
	       (link->burst_loss_ppm == 0 || (link->burst_good_ns > 0 && link->burst_bad_ns > 0));
}

int
shoal_sim_set_link(struct shoal_sim *sim, const struct shoal_sim_link *link)
{
	if (!shoal_sim_net_is_link(link)) {
		return SHOAL_ERR_INVALID;
	}
	shoal_sim_good_mark(sim);
	sim->link = *link;
	shoal_sim_fault(
	        sim, "link, loss in a million", SHOAL_SIM_NOBODY, SHOAL_SIM_NOBODY, link->loss_ppm);
	return 0;
}

bool
shoal_sim_net_draw(struct shoal_sim *sim, uint32_t ppm)
{
	return ppm != 0 && shoal_rng_below(&sim->rng, PPM) < ppm;
}

bool
shoal_sim_net_loses(struct shoal_sim *sim, uint32_t from, uint32_t to)
{
	return shoal_sim_net_draw(sim, sim->link.loss_ppm) ||
	       shoal_sim_net_draw(sim, sim->node[from].lost_out_ppm) ||
	       shoal_sim_net_draw(sim, sim->node[to].lost_in_ppm) ||
	       (shoal_sim_way_is_bad(sim, from, to) &&
	               shoal_sim_net_draw(sim, sim->link.burst_loss_ppm));
}

struct shoal_sim_packet *
shoal_sim_net_packet(struct shoal_sim *sim, enum shoal_input_kind kind, uint32_t from, uint32_t to,
        const uint8_t *data, size_t len)
{
	struct shoal_sim_packet *packet = shoal_alloc(&sim->mem, sizeof(*packet) + len);

	if (packet == NULL || shoal_sim_room(sim) != 0) {
		shoal_alloc_free(&sim->mem, packet);
		shoal_sim_error(sim, SHOAL_ERR_NOMEM);
		return NULL;
	}
	memset(packet, 0, sizeof(*packet));
	packet->timer.kind = SHOAL_SIM_TIMER_PACKET;
	packet->kind = kind;
	packet->from = from;
	packet->to = to;
	packet->source = shoal_sim_source(sim, from, to);
	packet->len = len;
	if (len != 0) {
		memcpy(packet->data, data, len);
	}
	shoal_list_push_back(&sim->flying, &packet->link);
	sim->packets++;
	if (sim->packets > (size_t)sim->nodes * (sim->config.socket_max + FLYING_MOST)) {
		shoal_checker_fail(&sim->checks, SHOAL_CHECKER_CHAINS, from, NULL,
		        "packets become more and more");
	}
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

static uint64_t
blocked_for(const struct shoal_sim *sim, uint32_t number)
{
	uint64_t until = sim->node[number].blocked_until;
	return until > sim->now ? until - sim->now : 0;
}

void
shoal_sim_net_fly(struct shoal_sim *sim, struct shoal_sim_packet *packet, uint64_t delay_ns)
{
	if (!packet->arrived) {
		delay_ns += blocked_for(sim, packet->from);
	}
	shoal_heap_arm(&sim->heap, &packet->timer, sim->now + delay_ns);
}

static void
damage(struct shoal_sim *sim, struct shoal_sim_packet *packet)
{
	if (packet->len != 0 && shoal_sim_net_draw(sim, sim->link.corrupt_ppm)) {
		uint32_t at = shoal_rng_below(&sim->rng, (uint32_t)packet->len);

		packet->data[at] ^= (uint8_t)(1 + shoal_rng_below(&sim->rng, 255));
		packet->damaged = true;
	}
}

/* Whether it is above what the way takes; whoever is told of it hears it after one latency. */
static bool
too_large(struct shoal_sim *sim, uint32_t from, uint32_t to, size_t len)
{
	struct shoal_sim_packet *packet;
	bool told;
	uint32_t mtu = shoal_sim_way_mtu(sim, from, to, &told);

	if (mtu == 0 || len <= mtu) {
		return false;
	}
	packet = told ? shoal_sim_net_packet(sim, SHOAL_INPUT_TOO_LARGE, to, from, NULL, 0) : NULL;
	if (packet != NULL) {
		packet->instance = sim->node[from].instance;
		packet->size = mtu;
		shoal_sim_net_fly(sim, packet, shoal_sim_latency(sim, from, to));
	}
	return true;
}

static void
send_datagram(struct shoal_sim_node *node, uint32_t to, const struct shoal_send *send)
{
	struct shoal_sim *sim = node->sim;
	uint32_t from = node->number;
	unsigned copies = shoal_sim_net_draw(sim, sim->link.duplicate_ppm) ? 2 : 1;
	bool large, twin = copies == 2;

	node->traffic.datagrams++;
	node->traffic.datagram_bytes += send->len;
	large = to != SHOAL_SIM_NOBODY && too_large(sim, from, to, send->len);
	if (to != SHOAL_SIM_NOBODY) {
		shoal_sim_size_sent(sim, from, to, send->len, large);
	}
	if (to == SHOAL_SIM_NOBODY || large) {
		node->traffic.lost++;
		return;
	}
	for (; copies > 0; copies--) {
		uint64_t delay = shoal_sim_latency(sim, from, to);
		struct shoal_sim_packet *packet;

		if (shoal_sim_net_draw(sim, sim->link.reorder_ppm)) {
			delay += shoal_rng_between(&sim->rng, 0, sim->link.reorder_ns);
		}
		if (shoal_sim_net_loses(sim, from, to) || !shoal_sim_reaches(sim, from, to)) {
			node->traffic.lost++;
			continue;
		}
		packet = shoal_sim_net_packet(
		        sim, SHOAL_INPUT_DATAGRAM, from, to, send->data, send->len);
		if (packet != NULL) {
			packet->twin = twin;
			damage(sim, packet);
			shoal_sim_net_fly(sim, packet, delay);
		}
	}
}

void
shoal_sim_net_send(struct shoal_sim_node *node, const struct shoal_send *send)
{
	struct shoal_sim *sim = node->sim;
	bool by_number = send->kind == SHOAL_SEND_REPLY || send->kind >= SHOAL_SEND_UNWATCH;
	uint32_t to =
	        by_number ? SHOAL_SIM_NOBODY : shoal_sim_node_at(sim, node->number, &send->to);

	shoal_sim_ordered_send(node, send);
	if (send->kind != SHOAL_SEND_DATAGRAM && send->len != 0) {
		node->traffic.streams++;
		node->traffic.stream_bytes += send->len;
	}
	switch (send->kind) {
	case SHOAL_SEND_DATAGRAM:
		send_datagram(node, to, send);
		break;
	case SHOAL_SEND_STREAM:
		if (to != SHOAL_SIM_NOBODY && !shoal_sim_net_draw(sim, sim->link.reset_ppm)) {
			(void)shoal_sim_stream_send(
			        sim, SHOAL_INPUT_STREAM, node->number, to, send->data, send->len);
		}
		break;
	case SHOAL_SEND_REQUEST:
		shoal_sim_stream_request(node, to, send);
		break;
	case SHOAL_SEND_REPLY:
		shoal_sim_stream_reply(node, send);
		break;
	case SHOAL_SEND_WATCH:
		shoal_sim_watch_open(node, to, send);
		break;
	case SHOAL_SEND_UNWATCH:
	case SHOAL_SEND_TELL:
	case SHOAL_SEND_DROP:
		shoal_sim_watch_send(node, send);
		break;
	}
}

static bool
opens(const struct shoal_sim_packet *packet)
{
	return packet->kind == SHOAL_INPUT_REQUEST || packet->kind == SHOAL_INPUT_WATCHED;
}

/* What a host answers where nobody listens. */
static void
refuse(struct shoal_sim *sim, const struct shoal_sim_packet *packet)
{
	struct shoal_sim_packet *answer;

	if (opens(packet)) {
		struct shoal_sim_exchange *exchange = shoal_sim_stream_find(sim, packet->exchange);

		if (exchange != NULL) {
			shoal_sim_stream_result(sim, exchange, SHOAL_ERR_REFUSED, NULL, 0);
		}
	} else if (packet->kind == SHOAL_INPUT_DATAGRAM &&
	           !shoal_sim_net_loses(sim, packet->to, packet->from) &&
	           shoal_sim_reaches(sim, packet->to, packet->from)) {
		answer = shoal_sim_net_packet(
		        sim, SHOAL_INPUT_REFUSED, packet->to, packet->from, NULL, 0);
		if (answer != NULL) {
			answer->instance = sim->node[packet->from].instance;
			shoal_sim_net_fly(
			        sim, answer, shoal_sim_latency(sim, packet->to, packet->from));
		}
	}
}

/* The filter of the host, for what it did not ask for. */
static enum shoal_sim_filter
filter_of(const struct shoal_sim_node *node, const struct shoal_sim_packet *packet)
{
	if (packet->kind == SHOAL_INPUT_DATAGRAM) {
		return node->datagrams;
	}
	return opens(packet) || (packet->kind == SHOAL_INPUT_STREAM && !packet->connected)
	               ? node->streams
	               : SHOAL_SIM_FILTER_PASS;
}

static void
deliver(struct shoal_sim_node *node, struct shoal_sim_packet *packet)
{
	struct shoal_sim *sim = node->sim;

	if (!packet->arrived) {
		packet->arrived_ns = sim->now;
	}
	uint64_t later = node->slow_ns + blocked_for(sim, node->number);
	if (later != 0 && !packet->arrived) {
		packet->arrived = true;
		packet->instance = node->instance;
		shoal_sim_net_fly(sim, packet, later);
		return;
	}
	if (packet->kind == SHOAL_INPUT_WATCHED) {
		if (!shoal_sim_watch_arrive(node, packet)) {
			shoal_sim_net_free(sim, packet);
			return;
		}
	} else if (packet->kind == SHOAL_INPUT_REQUEST) {
		struct shoal_sim_exchange *exchange = shoal_sim_stream_find(sim, packet->exchange);

		if (exchange != NULL) {
			exchange->server_instance = node->instance;
			shoal_list_push_back(&node->servers, &exchange->of_server);
		}
	}
	shoal_sim_node_receive(node, packet);
}

void
shoal_sim_net_arrive(struct shoal_sim *sim, struct shoal_sim_packet *packet)
{
	struct shoal_sim_node *node = &sim->node[packet->to];
	bool other_run = packet->instance != 0 && packet->instance != node->instance;
	enum shoal_sim_filter filter =
	        packet->from == packet->to ? SHOAL_SIM_FILTER_PASS : filter_of(node, packet);
	bool gone = !packet->arrived && packet->kind != SHOAL_INPUT_TOO_LARGE &&
	            !shoal_sim_reaches(sim, packet->from, packet->to);

	if (gone || (node->core == NULL && node->host_down) ||
	        (!packet->arrived && filter == SHOAL_SIM_FILTER_DROP)) {
		sim->node[packet->from].traffic.lost += packet->kind == SHOAL_INPUT_DATAGRAM;
		shoal_sim_net_free(sim, packet);
	} else if (node->core == NULL || (!packet->arrived && filter == SHOAL_SIM_FILTER_REJECT)) {
		refuse(sim, packet);
		shoal_sim_net_free(sim, packet);
	} else if (other_run) {
		shoal_sim_net_free(sim, packet);
	} else {
		deliver(node, packet);
	}
}
