/* SPDX-License-Identifier: MIT */
/* The host's side of core.h around one real core.
 *
 * After every input all sends go to the network, then events and log records are taken, as the
 * contract of core.h asks; everything that goes in and comes out enters the trace. A stalled node
 * takes nothing: packets wait in its socket, at most socket_max, and are fed with their time of
 * arrival when it runs again, before any timer, as a host does that drains its socket first. */
#include "sim/world.h"

#include "base/text.h"

/* A budget of datagrams that no cluster uses up. */
#define BURST_LARGE 10000

static bool
is_wrong(const struct shoal_sim_node *node, const struct shoal_event *event, uint32_t subject)
{
	return (event->kind == SHOAL_EVENT_SUSPECT || event->kind == SHOAL_EVENT_FAILED) &&
	       shoal_sim_same_instance(node->sim, node->number, subject);
}

static void
note_event(struct shoal_sim_node *node, const struct shoal_event *event)
{
	struct shoal_sim_note note = {.kind = SHOAL_SIM_NOTE_EVENT,
	        .at_ns = node->sim->now,
	        .node = node->number,
	        .other = shoal_sim_find(node->sim, &event->id),
	        .event = event->kind,
	        .was = event->was,
	        .state = event->state,
	        .incarnation = event->incarnation,
	        .cause = event->cause.kind,
	        .told_by = shoal_sim_find(node->sim, &event->cause.from),
	        .code = event->code};

	note.wrong = is_wrong(node, event, note.other);
	shoal_sim_add_note(node->sim, &note);
}

static void
on_joined(struct shoal_sim_node *node, const struct shoal_event *event)
{
	struct shoal_sim *sim = node->sim;

	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS,
	        node->joins_open + node->joins_lost > 0, node->number, &node->id,
	        "a join ended twice");
	node->joins_lost -= node->joins_open == 0 && node->joins_lost > 0;
	node->joins_open -= node->joins_open > 0;
	if (sim->calm && node->joins_in_calm) {
		(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS, event->code == 0,
		        node->number, &node->id, "a join failed, though all is well");
	}
	node->joined = node->joined || event->code == 0;
	if (event->code == 0 && node->asked == node->seed) {
		node->seed = SHOAL_SIM_NOBODY;
	} else if (!node->leaving) {
		shoal_heap_arm(&sim->heap, &node->retry,
		        sim->now + SHOAL_MS(sim->config.profile.heal_interval_ms));
	}
}

/* Among the lost events may be the end of a join: the host tries again. */
static void
on_overflow(struct shoal_sim_node *node)
{
	struct shoal_sim *sim = node->sim;

	if (node->joins_open > 0) {
		node->joins_lost += node->joins_open;
		node->joins_open = 0;
		shoal_heap_arm(&sim->heap, &node->retry,
		        sim->now + SHOAL_MS(sim->config.profile.exchange_timeout_ms));
	}
}

static void
on_event(struct shoal_sim_node *node, const struct shoal_event *event)
{
	struct shoal_sim *sim = node->sim;

	if (!sim->config.untraced) {
		shoal_trace_event(&sim->trace, event);
	}
	if (sim->config.on_event != NULL) {
		sim->config.on_event(node->number, event, sim->config.arg);
	}
	if (event->kind == SHOAL_EVENT_MEASURED) { /* one a probe, and no change of anything */
		(void)shoal_watch_event(&node->watch, node->core, event);
		return;
	}
	if (event->kind == SHOAL_EVENT_APPLICANT) {
		shoal_sim_accepted_event(node, event);
		return;
	}
	if (event->kind >= SHOAL_EVENT_MESSAGE) {
		if (shoal_sim_is_cast(event)) {
			shoal_sim_cast_event(node, event);
		} else {
			shoal_sim_talk_event(node, event);
		}
		return;
	}
	note_event(node, event);
	if (event->kind == SHOAL_EVENT_JOINED) {
		on_joined(node, event);
	} else if (event->kind == SHOAL_EVENT_ENDED) {
		(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS,
		        node->leaving && !node->ended, node->number, &node->id,
		        "ended without or twice for one leave");
		node->ended = true;
	} else if (shoal_watch_event(&node->watch, node->core, event) != 0) {
		shoal_sim_error(sim, SHOAL_ERR_NOMEM);
	}
	if (event->kind == SHOAL_EVENT_OVERFLOW) {
		on_overflow(node);
	}
	shoal_sim_verdict(node, event);
	shoal_sim_ordered_event(node, event);
	shoal_sim_accepted_event(node, event);
}

static void
drain(struct shoal_sim_node *node)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_send send, clear;
	struct shoal_event event;
	struct shoal_log_record record;
	bool traced = !sim->config.untraced;

	while (shoal_core_next_send(node->core, &send)) {
		if (traced) {
			shoal_trace_send(&sim->trace, &send);
		}
		if (!sim->config.unchecked) {
			shoal_sim_sealed_send(node, &send, &clear);
			shoal_watch_send(&node->watch, &clear);
		}
		shoal_sim_net_send(node, &send);
	}
	while (shoal_core_next_event(node->core, &event)) {
		on_event(node, &event);
	}
	while (shoal_core_next_log(node->core, &record)) {
		if (traced) {
			shoal_trace_log(&sim->trace, &record);
		}
	}
}

void
shoal_sim_node_arm(struct shoal_sim_node *node)
{
	struct shoal_sim *sim = node->sim;
	uint64_t deadline = shoal_core_deadline(node->core);
	uint64_t lag = sim->config.timer_lag_ns == 0
	                       ? 0
	                       : shoal_rng_between(&sim->rng, 0, sim->config.timer_lag_ns);
	uint64_t now = sim->now + node->mono_shift;

	if (deadline == SHOAL_NEVER) {
		shoal_heap_disarm(&sim->heap, &node->timer);
	} else {
		uint64_t wait = deadline > now ? deadline - now : 0;

		shoal_heap_arm(&sim->heap, &node->timer, sim->now + wait + lag + node->slow_ns);
	}
}

static void
check_step(struct shoal_sim_node *node, const struct shoal_input *input)
{
	if (shoal_watch_end(&node->watch, node->core, input) != 0) {
		shoal_sim_error(node->sim, SHOAL_ERR_NOMEM);
	}
	shoal_watch_memory(&node->watch, node->core, node->memory.held);
}

int
shoal_sim_node_step(struct shoal_sim_node *node, struct shoal_input *input)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_input opened;
	int rc;

	input->mono_ns = sim->now + node->mono_shift;
	input->wall_ns = sim->config.wall_ns + sim->now + node->wall_shift;
	if (input->received_ns != 0) {
		input->received_ns += node->mono_shift;
	}
	if (sim->opener != NULL) {
		(void)shoal_core_open(node->core, input, &opened);
		input = &opened;
	}
	if (sim->on_record != NULL) {
		sim->on_record(node->number, NULL, input, sim->record_arg);
	}
	if (!sim->config.untraced) {
		shoal_trace_u64(&sim->trace, node->number);
		shoal_trace_input(&sim->trace, input);
	}
	if (!sim->config.unchecked) {
		shoal_watch_begin(&node->watch, input);
	}
	sim->steps++;
	rc = shoal_core_step(node->core, input);
	shoal_watch_taken(&node->watch, rc);
	shoal_trace_u64(&sim->trace, (uint64_t)(int64_t)rc);
	drain(node);
	if (!sim->config.unchecked) {
		check_step(node, input);
	}
	if (node->ended) {
		shoal_sim_fault(sim, "left", node->number, SHOAL_SIM_NOBODY, node->instance);
		shoal_sim_node_stop(node, false);
	} else {
		shoal_sim_node_arm(node);
	}
	shoal_sim_own_look(sim, node->number);
	shoal_sim_accepted_decide(node);
	return rc;
}

/* What the core said to a packet: only a damaged one may be refused, and it must be. */
static void
check_taken(struct shoal_sim_node *node, const struct shoal_sim_packet *packet, int rc)
{
	static const char *const way[] = {[SHOAL_INPUT_DATAGRAM] = "datagram",
	        [SHOAL_INPUT_STREAM] = "stream",
	        [SHOAL_INPUT_REQUEST] = "request",
	        [SHOAL_INPUT_RESULT] = "reply",
	        [SHOAL_INPUT_WATCHED] = "watch link"};
	bool right = packet->damaged == (rc != 0);
	char line[SHOAL_CHECKER_TEXT_MAX];
	struct shoal_text text;

	if (!packet->damaged && packet->from != node->number &&
	        !shoal_sim_admits(node, &packet->source)) {
		/* What was asked before the list came is answered. */
		right = rc == SHOAL_ERR_PERMISSION || packet->kind == SHOAL_INPUT_RESULT;
	}
	/* Sealed, what was meant for another instance is refused, and so is a second copy. */
	if (!packet->damaged && shoal_sim_sealed_for_other(node, packet->data, packet->len)) {
		right = rc == SHOAL_ERR_MISDIRECTED;
	} else if (!packet->damaged && packet->twin && node->sim->opener != NULL) {
		right = right || rc == SHOAL_ERR_REPLAYED;
	}
	shoal_text_init(&text, line, sizeof(line));
	if (!right) {
		shoal_text_str(&text, packet->damaged ? "a damaged " : "a good ");
		shoal_text_str(&text, way[packet->kind]);
		shoal_text_str(&text, packet->damaged ? " was taken" : " was refused: ");
		shoal_text_str(&text, packet->damaged ? "" : shoal_error_name(rc));
	}
	if (rc == SHOAL_ERR_LIMIT && node->sim->config.profile.datagram_burst < BURST_LARGE) {
		return; /* for strangers and for what is too much there is a budget */
	}
	bool opened = node->sim->opener != NULL || node->sim->config.codec != NULL;
	if (rc == SHOAL_ERR_NOMEM && opened && node->sim->fail_ppm > 0) {
		return; /* what is sealed or in a codec needs room to be opened */
	}
	(void)shoal_checker_that(&node->sim->checks, SHOAL_CHECKER_PACKETS, right, node->number,
	        &node->sim->node[packet->from].id, line);
}

/* Whether it is still wanted; the numbers of exchanges are those of this node. */
static bool
take(struct shoal_sim_node *node, const struct shoal_sim_packet *packet, struct shoal_input *input)
{
	switch (packet->kind) {
	case SHOAL_INPUT_DATAGRAM:
		node->traffic.received++;
		input->received_ns = packet->arrived_ns;
		return true;
	case SHOAL_INPUT_REQUEST:
		input->exchange = packet->exchange;
		return true;
	case SHOAL_INPUT_REFUSED:
	case SHOAL_INPUT_TOO_LARGE:
		return true;
	case SHOAL_INPUT_STREAM:
		return !packet->connected || shoal_sim_stream_take(node, packet, input);
	default:
		return shoal_sim_stream_take(node, packet, input);
	}
}

/* Into the core; the packet is done with. */
static void
feed(struct shoal_sim_node *node, struct shoal_sim_packet *packet)
{
	struct shoal_sim *sim = node->sim;
	struct shoal_input input = {.kind = packet->kind,
	        .from = packet->source,
	        .code = packet->code,
	        .size = packet->size,
	        .data = packet->data,
	        .len = packet->len};

	if (take(node, packet, &input)) {
		int rc = shoal_sim_node_step(node, &input);

		if (packet->code == 0 && packet->len != 0) {
			check_taken(node, packet, rc);
		}
		if (packet->kind == SHOAL_INPUT_WATCHED && rc != 0) {
			struct shoal_sim_exchange *link =
			        shoal_sim_stream_find(sim, packet->exchange);

			if (link != NULL && link->server_open) {
				shoal_sim_watch_end(sim, link, false, true);
			}
		}
	}
	shoal_sim_net_free(sim, packet);
}

void
shoal_sim_node_receive(struct shoal_sim_node *node, struct shoal_sim_packet *packet)
{
	if (!node->stalled) {
		feed(node, packet);
	} else if (node->waiting < node->sim->config.socket_max ||
	           packet->kind != SHOAL_INPUT_DATAGRAM) {
		shoal_list_remove(&packet->link);
		shoal_list_push_back(&node->socket, &packet->link);
		node->waiting++;
	} else {
		shoal_sim_net_free(node->sim, packet);
	}
}

void
shoal_sim_node_drain(struct shoal_sim_node *node)
{
	while (!shoal_list_empty(&node->socket)) {
		struct shoal_list *first = shoal_list_first(&node->socket);

		shoal_list_remove(first);
		shoal_list_push_back(&node->sim->flying, first);
		node->waiting--;
		feed(node, SHOAL_LIST_ITEM(first, struct shoal_sim_packet, link));
	}
}

int
shoal_sim_step(struct shoal_sim *sim, uint32_t number, const struct shoal_input *input)
{
	struct shoal_input copy = *input;

	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	if (sim->node[number].core == NULL || sim->node[number].stalled) {
		return SHOAL_ERR_STATE;
	}
	copy.received_ns = 0;
	return shoal_sim_node_step(&sim->node[number], &copy);
}
