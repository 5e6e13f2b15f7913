/* SPDX-License-Identifier: MIT */
/* Puppets, the packets that tests write in their name, and the questions that tests ask of what the
 * cores sent and told. */
#include "core_world.h"

#include <stdlib.h>

#include "unit.h"

#include "base/addr.h"
#include "wire/packet.h"

uint64_t
puppet_salt(const struct puppet *puppet)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 8; i++) {
		value |= (uint64_t)puppet->salt.bytes[i] << (56 - 8 * i);
	}
	return value;
}

struct puppet *
world_puppet(struct core_world *world)
{
	struct puppet *puppet = &world->puppet[world->puppets];
	size_t number = world->puppets++;
	const uint8_t ip[4] = {10, 1, (uint8_t)(number >> 8), (uint8_t)number};

	assert_true(number < WORLD_PUPPETS);
	memset(puppet, 0, sizeof *puppet);
	memset(puppet->id.bytes, 0xb0, sizeof puppet->id.bytes);
	puppet->id.bytes[14] = (uint8_t)(number >> 8);
	puppet->id.bytes[15] = (uint8_t)number;
	puppet->salt.bytes[0] = 0xa0;
	puppet->salt.bytes[7] = (uint8_t)number;
	puppet->salt.bytes[15] = 2;
	puppet->incarnation = WORLD_EPOCH << 32;
	memcpy(puppet->name, "puppet-000", 11);
	puppet->name[7] = (char)('0' + number / 100);
	puppet->name[8] = (char)('0' + number / 10 % 10);
	puppet->name[9] = (char)('0' + number % 10);
	shoal_addr_from_ipv4(&puppet->addr, ip, 7946);
	return puppet;
}

struct puppet *
world_meet(struct core_world *world, size_t node, unsigned answers)
{
	struct puppet *puppet = world_puppet(world);
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);

	puppet->answers = answers;
	assert_int_equal(world_tell(world, node, puppet, SHOAL_MESSAGE_MEMBER, &member), SHOAL_OK);
	assert_int_equal(world_state(world, node, &puppet->id), SHOAL_STATE_ALIVE);
	return puppet;
}

void
world_begin(struct core_world *world, const struct shoal_core_config *config, size_t puppets,
        unsigned answers)
{
	world_init(world);
	world_add(world, config);
	for (size_t i = 0; i < puppets; i++) {
		world_meet(world, 0, answers);
	}
}

struct shoal_msg_member
puppet_member(const struct puppet *puppet, enum shoal_state state)
{
	struct shoal_msg_member member = {.id = puppet->id,
	        .salt = puppet->salt,
	        .incarnation = puppet->incarnation,
	        .state = (uint8_t)state,
	        .name = {(const uint8_t *)puppet->name, strlen(puppet->name)},
	        .addrs = {.count = 1, .item = {puppet->addr}},
	        .moved = puppet->moved};

	if (puppet->also.port != 0) {
		member.addrs.item[member.addrs.count++] = puppet->also;
	}
	return member;
}

struct shoal_msg_state
puppet_state(const struct puppet *puppet, enum shoal_state state)
{
	struct shoal_msg_state said = {.id = puppet->id,
	        .salt = puppet_salt(puppet),
	        .incarnation = puppet->incarnation,
	        .state = (uint8_t)state};

	return said;
}

void
parcel_begin(struct parcel *parcel, struct shoal_span label)
{
	shoal_writer_init(&parcel->writer, parcel->data, sizeof parcel->data);
	shoal_packet_begin(&parcel->writer, label);
}

void
parcel_add(struct parcel *parcel, enum shoal_message_kind kind, const void *message)
{
	assert_true(shoal_message_append(&parcel->writer, kind, message));
}

void
parcel_end(struct parcel *parcel)
{
	shoal_packet_end(&parcel->writer);
}

/* A packet with one message, opened by its sender where `from` is given. */
static struct parcel *
wrap(const struct core_world *world, const struct puppet *from, enum shoal_message_kind kind,
        const void *message)
{
	struct parcel *parcel = calloc(1, sizeof *parcel);

	assert_non_null(parcel);
	parcel_begin(parcel, world->label);
	if (from != NULL) {
		struct shoal_msg_sender sender = {.id = from->id, .salt = puppet_salt(from)};
		parcel_add(parcel, SHOAL_MESSAGE_SENDER, &sender);
	}
	parcel_add(parcel, kind, message);
	parcel_end(parcel);
	return parcel;
}

int
world_tell(struct core_world *world, size_t node, const struct puppet *from,
        enum shoal_message_kind kind, const void *message)
{
	bool nameless = kind == SHOAL_MESSAGE_MEMBER || kind == SHOAL_MESSAGE_STATE ||
	                kind == SHOAL_MESSAGE_META || kind == SHOAL_MESSAGE_CAST;
	struct parcel *parcel = wrap(world, nameless ? from : NULL, kind, message);
	int rc = world_datagram(world, node, &from->addr, parcel);

	free(parcel);
	return rc;
}

int
world_send(struct core_world *world, size_t node, const struct shoal_addr *from,
        enum shoal_message_kind kind, const void *message)
{
	struct parcel *parcel = wrap(world, NULL, kind, message);
	int rc = world_datagram(world, node, from, parcel);

	free(parcel);
	return rc;
}

int
world_answer(struct core_world *world, const struct world_packet *request, int code,
        enum shoal_message_kind kind, const void *message)
{
	struct parcel *parcel = message != NULL ? wrap(world, NULL, kind, message) : NULL;
	int rc = world_result(world, request, code, parcel);

	free(parcel);
	return rc;
}

int
world_datagram(struct core_world *world, size_t node, const struct shoal_addr *from,
        const struct parcel *parcel)
{
	return world_step(world, node,
	        (struct shoal_input){
	                .kind = world->streams ? SHOAL_INPUT_STREAM : SHOAL_INPUT_DATAGRAM,
	                .from = *from,
	                .data = parcel->data,
	                .len = parcel->writer.len});
}

int
world_request(struct core_world *world, size_t node, const struct shoal_addr *from,
        uint64_t exchange, const struct parcel *parcel)
{
	return world_step(world, node,
	        (struct shoal_input){.kind = SHOAL_INPUT_REQUEST,
	                .from = *from,
	                .exchange = exchange,
	                .data = parcel->data,
	                .len = parcel->writer.len});
}

const union shoal_wire_message *
packet_has(const struct world_packet *packet, unsigned kind)
{
	for (size_t i = 0; i < packet->messages; i++) {
		if (packet->message[i].kind == kind) {
			return &packet->message[i].m;
		}
	}
	return NULL;
}

enum shoal_state
packet_state_of(const struct world_packet *packet, const struct shoal_id *id)
{
	for (size_t i = 0; i < packet->messages; i++) {
		const struct world_message *message = &packet->message[i];
		if (message->kind == SHOAL_MESSAGE_MEMBER &&
		        shoal_id_compare(&message->m.member.id, id) == 0) {
			return (enum shoal_state)message->m.member.state;
		}
		if (message->kind == SHOAL_MESSAGE_STATE &&
		        shoal_id_compare(&message->m.state.id, id) == 0) {
			return (enum shoal_state)message->m.state.state;
		}
	}
	return SHOAL_STATE_UNKNOWN;
}

const struct world_packet *
world_sent(const struct core_world *world, const struct world_packet *after, size_t node,
        const struct shoal_addr *to, unsigned kind)
{
	const struct world_packet *packet = after != NULL ? after->next : world->sent;

	for (; packet != NULL; packet = packet->next) {
		if (packet->node == node && (to == NULL || shoal_addr_equal(&packet->to, to)) &&
		        (kind == 0 || packet_has(packet, kind) != NULL)) {
			return packet;
		}
	}
	return NULL;
}

size_t
world_count_sent(
        const struct core_world *world, size_t node, const struct shoal_addr *to, unsigned kind)
{
	const struct world_packet *packet = NULL;
	size_t count = 0;

	while ((packet = world_sent(world, packet, node, to, kind)) != NULL) {
		count++;
	}
	return count;
}

const struct shoal_event *
world_event(const struct core_world *world, size_t node, enum shoal_event_kind kind,
        const struct shoal_id *id, size_t n)
{
	for (size_t i = 0; i < world->events; i++) {
		const struct world_event *kept = &world->event[i];
		if (kept->node == node && kept->event.kind == kind &&
		        (id == NULL || shoal_id_compare(&kept->event.id, id) == 0) && n-- == 0) {
			return &kept->event;
		}
	}
	return NULL;
}

size_t
world_count_events(const struct core_world *world, size_t node, enum shoal_event_kind kind)
{
	size_t count = 0;

	while (world_event(world, node, kind, NULL, count) != NULL) {
		count++;
	}
	return count;
}

uint64_t
world_counter(const struct core_world *world, size_t node, enum shoal_counter counter)
{
	return shoal_core_counters(world->node[node].core)->value[counter];
}

bool
world_holds(const struct core_world *world, size_t node, const struct shoal_id *id,
        struct shoal_core_member *member)
{
	uint32_t slot;

	return shoal_core_find(world->node[node].core, id, &slot) == SHOAL_OK &&
	       shoal_core_member(world->node[node].core, slot, member);
}

enum shoal_state
world_state(const struct core_world *world, size_t node, const struct shoal_id *id)
{
	struct shoal_core_member member;

	return world_holds(world, node, id, &member) ? member.state
	                                             : (enum shoal_state)SHOAL_STATES;
}
