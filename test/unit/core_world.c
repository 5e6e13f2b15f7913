/* SPDX-License-Identifier: MIT */
/* The world's time, network and memory of what happened; see the header. What a node sends is kept
 * in the order of sending; what is under way is a list in the order of arrival, and what arrives at
 * the same moment comes in the order of sending. Cores are stepped one input at a time and drained
 * after each, as a host does. */
#include "core_world.h"

#include <stdlib.h>

#include "unit.h"

#include "base/addr.h"
#include "wire/packet.h"

/* A packet or a result under way. */
struct world_flight {
	struct world_flight *next;
	uint64_t at;
	size_t node;
	struct shoal_input input; /* data is owned */
};

void
world_init(struct core_world *world)
{
	memset(world, 0, sizeof *world);
	world->now = SHOAL_SEC(1000);
	world->latency = SHOAL_MS(1);
}

void
world_forget_sent(struct core_world *world)
{
	while (world->sent != NULL) {
		struct world_packet *packet = world->sent;
		world->sent = packet->next;
		free(packet->message);
		free(packet->data);
		free(packet);
	}
	world->last = NULL;
}

void
world_clear(struct core_world *world)
{
	world_forget_sent(world);
	for (; world->events > 0; world->events--) {
		free((void *)(uintptr_t)world->event[world->events - 1].event.data);
	}
}

static void
free_flight(struct world_flight *flight)
{
	free((void *)(uintptr_t)flight->input.data);
	free(flight);
}

void
world_drop_flights(struct core_world *world)
{
	while (world->flight != NULL) {
		struct world_flight *flight = world->flight;
		world->flight = flight->next;
		free_flight(flight);
	}
}

void
world_done(struct core_world *world)
{
	for (size_t i = 0; i < world->nodes; i++) {
		shoal_core_free(world->node[i].core);
	}
	world_clear(world);
	world_drop_flights(world);
	free(world->event);
	free(world->request);
}

void
world_config(const struct core_world *world, struct shoal_core_config *config)
{
	static char names[WORLD_NODES][8];
	size_t number = world->nodes;
	const uint8_t ip[4] = {10, 0, 0, (uint8_t)(number + 1)};

	assert_true(number < WORLD_NODES);
	memcpy(names[number], "node-0", 7);
	names[number][5] = (char)('0' + number);
	shoal_core_config_init(config);
	config->seed = number + 1;
	config->salt.bytes[0] = (uint8_t)(number + 1);
	config->salt.bytes[15] = 1;
	config->mono_ns = world->now;
	config->wall_ns = SHOAL_SEC(WORLD_EPOCH) + world->now;
	config->name = names[number];
	config->log_level = SHOAL_LOG_DEBUG;
	config->profile.watchers = 0; /* a world of its own tests: core_watch_test.c */
	config->profile.silence = 0;  /* most puppets say nothing: core_silence_test.c */
	config->addrs = 1;
	shoal_addr_from_ipv4(&config->addr[0], ip, 7946);
}

size_t
world_add(struct core_world *world, const struct shoal_core_config *config)
{
	struct world_node *node = &world->node[world->nodes];
	struct shoal_core_config usual;
	char why[200] = "";

	if (config == NULL) {
		world_config(world, &usual);
		config = &usual;
	}
	assert_true(world->nodes < WORLD_NODES);
	if (shoal_core_new(&node->core, config, why, sizeof why) != SHOAL_OK) {
		fail_msg("no core: %s", why);
	}
	node->addr = config->addr[0];
	node->other = config->addr[1];
	node->up = true;
	return world->nodes++;
}

int
world_add_pair(struct core_world *world, const struct shoal_allocator *mem)
{
	struct shoal_core_config config;

	world_config(world, &config);
	config.allocator = mem;
	int rc = shoal_core_new(&world->node[0].core, &config, NULL, 0);
	if (rc == SHOAL_OK) {
		world->node[0].addr = config.addr[0];
		world->node[0].up = true;
		world->nodes = 1;
		world_add(world, NULL);
	}
	return rc;
}

void
world_restart(struct core_world *world, size_t node)
{
	struct core_world before = *world;
	struct shoal_core_config config;

	before.nodes = node;
	world_config(&before, &config);
	config.seed += world->now;
	memcpy(config.salt.bytes + 1, &world->now, sizeof world->now);
	shoal_core_free(world->node[node].core);
	world->node[node].core = NULL;
	world->node[node].urls = 0;
	assert_int_equal(shoal_core_new(&world->node[node].core, &config, NULL, 0), SHOAL_OK);
	world->node[node].up = true;
}

struct shoal_core *
world_core(const struct core_world *world, size_t node)
{
	return world->node[node].core;
}

struct shoal_id
world_id(const struct core_world *world, size_t node)
{
	struct shoal_core_member self;

	assert_true(shoal_core_member(world->node[node].core, 0, &self));
	return self.id;
}

/* Queues an input for a node; data is copied. */
static struct world_flight *
fly(struct core_world *world, size_t node, uint64_t at, const uint8_t *data, size_t len)
{
	struct world_flight *flight = calloc(1, sizeof *flight);
	struct world_flight **place = &world->flight;
	uint8_t *copy = malloc(len + 1);

	assert_true(flight != NULL && copy != NULL);
	if (len > 0) {
		memcpy(copy, data, len);
	}
	flight->at = at;
	flight->node = node;
	flight->input.data = copy;
	flight->input.len = len;
	while (*place != NULL && (*place)->at <= at) {
		place = &(*place)->next;
	}
	flight->next = *place;
	*place = flight;
	return flight;
}

static size_t
node_at(const struct core_world *world, const struct shoal_addr *addr)
{
	size_t i = 0;

	while (i < world->nodes && !shoal_addr_equal(&world->node[i].addr, addr) &&
	        !shoal_addr_equal(&world->node[i].other, addr)) {
		i++;
	}
	return i;
}

/* Where a node sends from: its address of the kind that it sends to. */
static struct shoal_addr
from_of(const struct core_world *world, const struct world_packet *packet)
{
	const struct world_node *node = &world->node[packet->node];
	bool web = shoal_addr_is_web(&packet->to);

	return shoal_addr_is_web(&node->addr) == web || shoal_addr_is_zero(&node->other)
	               ? node->addr
	               : node->other;
}

/* The number under which a request is known to the node that answers it. */
static uint64_t
note_request(struct core_world *world, const struct world_packet *packet)
{
	if (world->requests == world->requests_room) {
		world->requests_room = 2 * world->requests_room + 16;
		world->request =
		        realloc(world->request, world->requests_room * sizeof world->request[0]);
		assert_non_null(world->request);
	}
	world->request[world->requests].node = packet->node;
	world->request[world->requests].exchange = packet->exchange;
	world->request[world->requests].timeout = packet->timeout_ns;
	return ++world->requests;
}

static void
send_to_node(struct core_world *world, const struct world_packet *packet, size_t node)
{
	static const enum shoal_input_kind kinds[] = {
	        [SHOAL_SEND_DATAGRAM] = SHOAL_INPUT_DATAGRAM,
	        [SHOAL_SEND_STREAM] = SHOAL_INPUT_STREAM,
	        [SHOAL_SEND_REQUEST] = SHOAL_INPUT_REQUEST,
	        [SHOAL_SEND_REPLY] = SHOAL_INPUT_RESULT,
	};
	uint64_t at = world->now + world->latency;
	bool request = packet->kind == SHOAL_SEND_REQUEST;
	struct world_flight *flight;

	if (!world->node[node].up || (world->loses != NULL && world->loses(world, packet))) {
		if (request) {
			flight = fly(world, packet->node, at, NULL, 0);
			flight->input.kind = SHOAL_INPUT_RESULT;
			flight->input.exchange = packet->exchange;
			flight->input.code = SHOAL_ERR_REFUSED;
		}
		return;
	}
	flight = fly(world, node, at, packet->data, packet->len);
	flight->input.kind = kinds[packet->kind];
	flight->input.from = from_of(world, packet);
	if (world->streams && packet->kind == SHOAL_SEND_STREAM) {
		flight->input.from.port = 50000;
	}
	if (request) {
		flight->input.exchange = note_request(world, packet);
	}
}

static void
send_reply(struct core_world *world, const struct world_packet *packet)
{
	uint64_t number = packet->exchange;
	struct world_flight *flight;

	if (number == 0 || number > world->requests) {
		return; /* the test's own request */
	}
	uint64_t took = world->latency + world->ns_per_byte * packet->len;
	uint64_t most = world->request[number - 1].timeout;
	bool late = world->ns_per_byte != 0 && took > most;
	flight = fly(world, world->request[number - 1].node, world->now + (late ? most : took),
	        late ? NULL : packet->data, late ? 0 : packet->len);
	flight->input.code = late ? SHOAL_ERR_TIMEOUT : SHOAL_OK;
	flight->input.kind = SHOAL_INPUT_RESULT;
	flight->input.exchange = world->request[number - 1].exchange;
}

/* What a puppet does by itself: it answers pings, and its requests time out. */
static void
send_to_puppet(
        struct core_world *world, const struct world_packet *packet, const struct puppet *puppet)
{
	const union shoal_wire_message *ping = packet_has(packet, SHOAL_MESSAGE_PING);
	bool request = packet->kind == SHOAL_SEND_REQUEST;
	unsigned wanted = request ? PUPPET_STREAMS : PUPPET_DATAGRAMS;
	bool also = !shoal_addr_equal(&packet->to, &puppet->addr);
	unsigned how = also ? puppet->answers_also : puppet->answers;
	bool answers = ping != NULL && (how & wanted) != 0 &&
	               shoal_id_compare(&ping->ping.target, &puppet->id) == 0;
	struct parcel *parcel = calloc(1, sizeof *parcel);
	uint64_t at = world->now + 2 * world->latency;
	struct world_flight *flight;

	assert_non_null(parcel);
	if (answers) {
		struct shoal_msg_ack ack = {
		        .seq = ping->ping.seq, .id = puppet->id, .salt = puppet_salt(puppet)};
		parcel_begin(parcel, world->label);
		parcel_add(parcel, SHOAL_MESSAGE_ACK, &ack);
		parcel_end(parcel);
		flight = fly(world, packet->node, at, parcel->data, parcel->writer.len);
		flight->input.kind = request ? SHOAL_INPUT_RESULT : SHOAL_INPUT_DATAGRAM;
		flight->input.from = request ? (struct shoal_addr){.port = 0} : packet->to;
		flight->input.exchange = packet->exchange;
		if (world->streams && !request) {
			flight->input.kind = SHOAL_INPUT_STREAM;
			flight->input.from.port = 50000;
		}
	} else if (request) {
		bool refused = (how & PUPPET_REFUSES) != 0;
		flight = fly(world, packet->node, refused ? at : world->now + packet->timeout_ns,
		        NULL, 0);
		flight->input.kind = SHOAL_INPUT_RESULT;
		flight->input.exchange = packet->exchange;
		flight->input.code = refused ? SHOAL_ERR_REFUSED : SHOAL_ERR_TIMEOUT;
	}
	free(parcel);
}

static void
dispatch(struct core_world *world, const struct world_packet *packet)
{
	size_t node = node_at(world, &packet->to);

	if (packet->kind == SHOAL_SEND_REPLY) {
		send_reply(world, packet);
	} else if (node < world->nodes && packet->kind <= SHOAL_SEND_REQUEST) {
		send_to_node(world, packet, node);
	}
	for (size_t i = 0; i < world->puppets; i++) {
		const struct puppet *puppet = &world->puppet[i];
		if (shoal_addr_equal(&puppet->addr, &packet->to) ||
		        (puppet->also.port != 0 && shoal_addr_equal(&puppet->also, &packet->to))) {
			send_to_puppet(world, packet, puppet);
			break;
		}
	}
}

/* Every packet that leaves a core must be one that a receiver takes. Of one that is sealed no
 * message is seen here. */
static void
decode(struct world_packet *packet, const struct shoal_send *send)
{
	struct shoal_packet_header header;
	struct shoal_reader reader, look, body;
	uint16_t kind;
	size_t count = 0;

	if (send->kind == SHOAL_SEND_UNWATCH || send->kind == SHOAL_SEND_DROP) {
		assert_int_equal(send->len, 0);
		return;
	}
	packet->data = malloc(send->len);
	assert_non_null(packet->data);
	memcpy(packet->data, send->data, send->len);
	packet->len = send->len;
	if ((packet->data[1] & (SHOAL_PACKET_SEALED | SHOAL_PACKET_CODED)) != 0) {
		return;
	}
	int rc = shoal_packet_open(packet->data, packet->len,
	        (struct shoal_span){packet->data + 3, packet->data[2]}, &header, &reader);
	assert_int_equal(rc, SHOAL_OK);
	look = reader;
	while (shoal_message_next(&look, &kind, &body) > 0) {
		count++;
	}
	assert_false(look.failed);
	packet->message = calloc(count + 1, sizeof *packet->message);
	assert_non_null(packet->message);
	while (shoal_message_next(&reader, &kind, &body) > 0) {
		struct world_message *message = &packet->message[packet->messages++];
		message->kind = kind;
		assert_int_equal(shoal_message_decode(kind, body, &message->m), SHOAL_OK);
	}
}

static void
keep_event(struct core_world *world, size_t node, const struct shoal_event *event)
{
	if (world->events == world->events_room) {
		world->events_room = 2 * world->events_room + 64;
		world->event = realloc(world->event, world->events_room * sizeof world->event[0]);
		assert_non_null(world->event);
	}
	struct world_event *kept = &world->event[world->events++];
	kept->node = node;
	kept->event = *event;
	if (event->len > 0) {
		uint8_t *data = malloc(event->len);
		assert_non_null(data);
		memcpy(data, event->data, event->len);
		kept->event.data = data;
	}
}

void
world_drain(struct core_world *world, size_t node)
{
	struct shoal_core *core = world->node[node].core;
	struct shoal_log_record record;
	struct shoal_event event;
	struct shoal_send send;

	while (shoal_core_next_send(core, &send)) {
		struct world_packet *packet = calloc(1, sizeof *packet);
		assert_non_null(packet);
		if (world->streams && send.kind == SHOAL_SEND_DATAGRAM) {
			assert_int_equal(shoal_core_as_stream(core, &send), SHOAL_OK);
		}
		packet->node = node;
		packet->at = world->now;
		packet->kind = send.kind;
		packet->to = send.to;
		packet->named = send.url != NULL;
		packet->exchange = send.exchange;
		packet->timeout_ns = send.timeout_ns;
		decode(packet, &send);
		*(world->last != NULL ? &world->last->next : &world->sent) = packet;
		world->last = packet;
		if (world_leaves(&world->node[node], &send)) {
			dispatch(world, packet);
		}
	}
	while (shoal_core_next_event(core, &event)) {
		keep_event(world, node, &event);
	}
	while (shoal_core_next_log(core, &record)) {
		assert_true(strlen(record.text) > 0 && record.room != NULL);
		if (world->on_log != NULL) {
			world->on_log(world, node, &record);
		}
	}
}

int
world_step(struct core_world *world, size_t node, struct shoal_input input)
{
	input.mono_ns = world->now;
	input.wall_ns = SHOAL_SEC(WORLD_EPOCH) + world->now;
	if (world->on_input != NULL) {
		world->on_input(world, node, &input);
	}
	world_hears(&world->node[node], &input.from);
	int rc = shoal_core_step(world->node[node].core, &input);
	world_drain(world, node);
	return rc;
}

int
world_join(struct core_world *world, size_t node, size_t seed)
{
	return world_step(world, node,
	        (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = world->node[seed].addr});
}

/* The next moment at which something happens, not after `end`; *node: who has a deadline then, or
 * the number of nodes: something arrives. */
static uint64_t
next_moment(const struct core_world *world, uint64_t end, size_t *node)
{
	uint64_t at = end;

	*node = SIZE_MAX;
	if (world->flight != NULL && world->flight->at <= at) {
		at = world->flight->at;
		*node = world->nodes;
	}
	for (size_t i = 0; i < world->nodes; i++) {
		uint64_t deadline =
		        world->node[i].up ? shoal_core_deadline(world->node[i].core) : SHOAL_NEVER;
		if (deadline < at || (deadline == at && *node == SIZE_MAX)) {
			at = deadline;
			*node = i;
		}
	}
	return at;
}

/* One arrival or one timer, not after `end`. false: nothing is left until then. */
static bool
advance(struct core_world *world, uint64_t end)
{
	size_t node;
	uint64_t at = next_moment(world, end, &node);

	if (at > world->now) {
		world->now = at;
	}
	if (node == SIZE_MAX) {
		return false;
	}
	if (node < world->nodes) {
		world->node[node].wakes++;
		world_step(world, node, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
		assert_true(shoal_core_deadline(world->node[node].core) > world->now);
		return true;
	}
	struct world_flight *flight = world->flight;
	world->flight = flight->next;
	if (world->node[flight->node].up) {
		world_step(world, flight->node, flight->input);
	}
	free_flight(flight);
	return true;
}

void
world_run(struct core_world *world, uint64_t ns)
{
	uint64_t end = world->now + ns;

	while (advance(world, end)) {
	}
}

const struct shoal_event *
world_await(struct core_world *world, size_t node, enum shoal_event_kind kind, uint64_t ns)
{
	uint64_t end = world->now + ns;
	const struct shoal_event *event;

	while ((event = world_event(world, node, kind, NULL, 0)) == NULL && advance(world, end)) {
	}
	return event;
}

const struct world_packet *
world_await_sent(struct core_world *world, size_t node, const struct shoal_addr *to, unsigned kind,
        uint64_t ns)
{
	uint64_t end = world->now + ns;
	const struct world_packet *packet;

	while ((packet = world_sent(world, NULL, node, to, kind)) == NULL && advance(world, end)) {
	}
	return packet;
}

int
world_result(struct core_world *world, const struct world_packet *request, int code,
        const struct parcel *parcel)
{
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_RESULT, .exchange = request->exchange, .code = code};

	for (struct world_flight **at = &world->flight; *at != NULL; at = &(*at)->next) {
		if ((*at)->node == request->node && (*at)->input.kind == SHOAL_INPUT_RESULT &&
		        (*at)->input.exchange == request->exchange) {
			struct world_flight *flight = *at;
			*at = flight->next;
			free_flight(flight);
			break;
		}
	}
	if (parcel != NULL) {
		input.data = parcel->data;
		input.len = parcel->writer.len;
	}
	return world_step(world, request->node, input);
}
