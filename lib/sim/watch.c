/* SPDX-License-Identifier: MIT */
/* Watch links: connections that stay, so that their end tells of the end of a process.
 *
 * A link is an exchange with two ends, the watcher's (its client) and that of the watched (its
 * server); it is forgotten when both are closed. A process that dies closes its ends, and the other
 * end hears of it like of any packet, if a packet can pass. A lost host closes nothing: after
 * link_idle_ms of silence the watcher's host tries the link, after twice that the other's, and a
 * link whose packets do not pass ends there some seconds later; where the other host is up and does
 * not know the connection, it ends at once. Messages of one link arrive in their order.
 *
 * Cost: O(log packets) a message; two timers a link. */
#include "sim/world.h"

/* Further tries of a keep-alive before the connection is given up. */
#define KEEP_TRIES_NS SHOAL_SEC(15)

static void
release(struct shoal_sim *sim, struct shoal_sim_exchange *link)
{
	if (!link->client_open && !link->server_open) {
		shoal_sim_stream_close(sim, link);
	}
}

static uint64_t
idle(const struct shoal_sim *sim)
{
	return SHOAL_MS(sim->config.profile.link_idle_ms);
}

/* To the watcher, behind what is on its way to it. Only the end passes on a connection that was
 * reset, and nothing where a firewall forgot it. */
static void
tell(struct shoal_sim *sim, struct shoal_sim_exchange *link, enum shoal_input_kind kind, int code,
        const uint8_t *data, size_t len)
{
	struct shoal_sim_packet *packet;

	if (link->forgotten || (link->reset && kind != SHOAL_INPUT_CLOSED)) {
		return;
	}
	packet = shoal_sim_stream_send(sim, kind, link->server, link->client, data, len);
	if (packet == NULL) {
		return;
	}
	if (packet->timer.at <= link->last_ns) {
		shoal_heap_arm(&sim->heap, &packet->timer, link->last_ns + 1);
	}
	link->last_ns = packet->timer.at;
	packet->exchange = shoal_sim_stream_number(link);
	packet->instance = link->client_instance;
	packet->code = code;
	packet->connected = true;
}

static void
tell_watched(struct shoal_sim *sim, struct shoal_sim_exchange *link)
{
	struct shoal_sim_packet *packet = NULL;

	if (!link->forgotten) {
		packet = shoal_sim_stream_send(
		        sim, SHOAL_INPUT_UNWATCHED, link->client, link->server, NULL, 0);
	}
	if (packet != NULL) {
		packet->exchange = shoal_sim_stream_number(link);
		packet->instance = link->server_instance;
		packet->connected = true;
	}
}

void
shoal_sim_watch_open(struct shoal_sim_node *node, uint32_t to, const struct shoal_send *send)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_sim_exchange *link = shoal_sim_stream_open(node, to, send);
	struct shoal_sim_packet *packet;

	if (link == NULL) {
		return;
	}
	link->link = true;
	link->client_open = true;
	if (to == SHOAL_SIM_NOBODY) {
		return;
	}
	if (shoal_sim_net_draw(sim, sim->link.reset_ppm)) {
		shoal_sim_watch_reset(sim, link);
		return;
	}
	packet = shoal_sim_stream_send(
	        sim, SHOAL_INPUT_WATCHED, node->number, to, send->data, send->len);
	if (packet != NULL) {
		packet->exchange = shoal_sim_stream_number(link);
	}
}

bool
shoal_sim_watch_arrive(struct shoal_sim_node *node, const struct shoal_sim_packet *packet)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_sim_exchange *link = shoal_sim_stream_find(sim, packet->exchange);

	if (link == NULL || !link->client_open || link->reset) {
		return false;
	}
	link->server_open = true;
	link->server_instance = node->instance;
	shoal_list_push_back(&node->servers, &link->of_server);
	shoal_heap_arm(&sim->heap, &link->watched, sim->now + 2 * idle(sim));
	return true;
}

void
shoal_sim_watch_reply(
        struct shoal_sim *sim, struct shoal_sim_exchange *link, const struct shoal_send *send)
{
	if (!link->server_open) {
		return;
	}
	if (shoal_sim_net_draw(sim, sim->link.reset_ppm)) {
		shoal_sim_watch_reset(sim, link);
		return;
	}
	link->answered = true;
	tell(sim, link, SHOAL_INPUT_RESULT, 0, send->data, send->len);
}

void
shoal_sim_watch_end(struct shoal_sim *sim, struct shoal_sim_exchange *link, bool client, bool told)
{
	if (client) {
		shoal_list_remove(&link->of_client);
		shoal_heap_disarm(&sim->heap, &link->timer);
		link->client_open = false;
		if (told && link->server_open && !link->reset) {
			tell_watched(sim, link);
		}
	} else {
		shoal_list_remove(&link->of_server);
		shoal_heap_disarm(&sim->heap, &link->watched);
		link->server_open = false;
		if (told && link->client_open && !link->reset) {
			tell(sim, link, SHOAL_INPUT_CLOSED, SHOAL_ERR_CLOSED, NULL, 0);
		}
	}
	release(sim, link);
}

void
shoal_sim_watch_reset(struct shoal_sim *sim, struct shoal_sim_exchange *link)
{
	if (link->reset) {
		return;
	}
	link->reset = true;
	if (link->client_open && link->server != SHOAL_SIM_NOBODY) {
		tell(sim, link, SHOAL_INPUT_CLOSED, SHOAL_ERR_CLOSED, NULL, 0);
	}
	if (link->server_open) {
		tell_watched(sim, link);
	}
}

static struct shoal_sim_exchange *
find_own(struct shoal_sim_node *node, uint64_t theirs)
{
	SHOAL_LIST_FOREACH (one, &node->clients) {
		struct shoal_sim_exchange *link =
		        SHOAL_LIST_ITEM(one, struct shoal_sim_exchange, of_client);

		if (link->link && link->theirs == theirs) {
			return link;
		}
	}
	return NULL;
}

static void
tell_or_reset(struct shoal_sim *sim, struct shoal_sim_exchange *link, const struct shoal_send *send)
{
	if (shoal_sim_net_draw(sim, sim->link.reset_ppm)) {
		shoal_sim_watch_reset(sim, link);
	} else {
		tell(sim, link, SHOAL_INPUT_STREAM, 0, send->data, send->len);
	}
}

/* Of a link that has ended on the way to its core, nothing is left to do. */
void
shoal_sim_watch_send(struct shoal_sim_node *node, const struct shoal_send *send)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_sim_exchange *link = send->kind == SHOAL_SEND_UNWATCH
	                                          ? find_own(node, send->exchange)
	                                          : shoal_sim_stream_find(sim, send->exchange);

	if (link == NULL || !link->link) {
		return;
	}
	if (send->kind == SHOAL_SEND_UNWATCH) {
		shoal_sim_watch_end(sim, link, true, true);
	} else if (link->server != node->number || !link->server_open) {
		return;
	} else if (send->kind == SHOAL_SEND_DROP) {
		shoal_sim_watch_end(sim, link, false, true);
	} else {
		node->told++;
		tell_or_reset(sim, link, send);
	}
}

static bool
take_result(struct shoal_sim *sim, struct shoal_sim_exchange *link, int code)
{
	if (!link->client_open || link->up) {
		return false;
	}
	if (code != 0) {
		shoal_sim_watch_end(sim, link, true, true);
		return true;
	}
	link->up = true;
	shoal_heap_arm(&sim->heap, &link->timer, sim->now + idle(sim));
	return true;
}

bool
shoal_sim_watch_take(struct shoal_sim *sim, struct shoal_sim_exchange *link,
        const struct shoal_sim_packet *packet, struct shoal_input *input)
{
	bool open = packet->kind == SHOAL_INPUT_WATCHED || packet->kind == SHOAL_INPUT_UNWATCHED
	                    ? link->server_open
	                    : link->client_open;

	input->exchange = link->theirs;
	if (!open) {
		return false;
	}
	switch (packet->kind) {
	case SHOAL_INPUT_RESULT:
		return take_result(sim, link, packet->code);
	case SHOAL_INPUT_CLOSED:
		input->kind = link->up ? SHOAL_INPUT_CLOSED : SHOAL_INPUT_RESULT;
		shoal_sim_watch_end(sim, link, true, false);
		return true;
	case SHOAL_INPUT_UNWATCHED:
		input->exchange = packet->exchange;
		shoal_sim_watch_end(sim, link, false, false);
		return true;
	case SHOAL_INPUT_WATCHED:
		input->exchange = packet->exchange;
		return true;
	default:
		input->exchange = 0;
		return true;
	}
}

/* The host tells its own core, behind what waits in its socket. */
static void
end_here(struct shoal_sim *sim, struct shoal_sim_exchange *link, bool client, int code)
{
	struct shoal_sim_node *node = &sim->node[client ? link->client : link->server];
	enum shoal_input_kind kind = client ? SHOAL_INPUT_CLOSED : SHOAL_INPUT_UNWATCHED;
	struct shoal_sim_packet *packet = shoal_sim_net_packet(
	        sim, kind, client ? link->server : link->client, node->number, NULL, 0);

	if (packet != NULL) {
		packet->exchange = shoal_sim_stream_number(link);
		packet->instance = node->instance;
		packet->code = client ? code : 0;
		packet->arrived_ns = sim->now;
		shoal_sim_node_receive(node, packet);
	}
}

void
shoal_sim_watch_timer(struct shoal_sim *sim, struct shoal_sim_exchange *link, bool client)
{
	const struct shoal_sim_node *other = &sim->node[client ? link->server : link->client];
	bool passes = !link->forgotten && shoal_sim_reaches(sim, link->client, link->server) &&
	              shoal_sim_reaches(sim, link->server, link->client) &&
	              (other->core != NULL || !other->host_down);
	bool knows = !link->reset && (client ? link->server_open : link->client_open);
	bool *trying = client ? &link->trying : &link->watched_trying;
	struct shoal_timer *timer = client ? &link->timer : &link->watched;

	if (sim->timeless) {
		return; /* a link that is found broken by its silence is news of the time */
	}
	if (passes && knows) {
		*trying = false;
		shoal_heap_arm(&sim->heap, timer, sim->now + (client ? 1 : 2) * idle(sim));
		if (client) {
			shoal_heap_arm(&sim->heap, &link->watched, sim->now + 2 * idle(sim));
		}
	} else if (!passes && !*trying) {
		*trying = true;
		shoal_heap_arm(&sim->heap, timer, sim->now + KEEP_TRIES_NS);
	} else {
		end_here(sim, link, client, passes ? SHOAL_ERR_CLOSED : SHOAL_ERR_TIMEOUT);
	}
}

int
shoal_sim_forget_links(struct shoal_sim *sim, uint32_t a, uint32_t b)
{
	const uint32_t ends[2][2] = {{a, b}, {b, a}};

	if (!shoal_sim_is_node(sim, a) || !shoal_sim_is_node(sim, b)) {
		return SHOAL_ERR_INVALID;
	}
	shoal_sim_fault(sim, "firewall forgets links to", a, b, 0);
	for (size_t i = 0; i < 2; i++) {
		SHOAL_LIST_FOREACH (one, &sim->node[ends[i][0]].clients) {
			struct shoal_sim_exchange *link =
			        SHOAL_LIST_ITEM(one, struct shoal_sim_exchange, of_client);

			link->forgotten =
			        link->forgotten || (link->link && link->server == ends[i][1]);
		}
	}
	return 0;
}

void
shoal_sim_links(const struct shoal_sim *sim, uint32_t node, uint32_t *watches, uint32_t *watched)
{
	*watches = *watched = 0;
	if (!shoal_sim_is_node(sim, node)) {
		return;
	}
	SHOAL_LIST_FOREACH (one, &sim->node[node].clients) {
		*watches += SHOAL_LIST_ITEM(one, struct shoal_sim_exchange, of_client)->up;
	}
	SHOAL_LIST_FOREACH (one, &sim->node[node].servers) {
		*watched += SHOAL_LIST_ITEM(one, struct shoal_sim_exchange, of_server)->link;
	}
}
