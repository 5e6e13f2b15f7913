/* SPDX-License-Identifier: MIT */
/* Packets of one that nobody knows, from an address where no node is: what is asked for in them
 * must not be done, and an answer must be no longer than they are. Of more than the budget allows
 * at one moment the rest is not read, and members are heard all the same. */
#include "base/addr.h"
#include "sim/swarm.h"
#include "wire/message.h"
#include "wire/packet.h"
#include "wire/structured.h"

#include <string.h>

#define PACKET_MOST 512

static struct shoal_addr
nowhere(void)
{
	const uint8_t ip[4] = {10, 9, 9, 9};
	struct shoal_addr addr;

	shoal_addr_from_ipv4(&addr, ip, 7946);
	return addr;
}

static uint64_t
salt_of(const struct shoal_swarm *swarm, uint32_t node)
{
	struct shoal_core_member self;
	struct shoal_reader reader;

	if (!shoal_core_member(shoal_sim_core(swarm->sim, node), 0, &self)) {
		return 0;
	}
	shoal_reader_init(&reader, self.salt.bytes, sizeof(self.salt.bytes));
	return shoal_reader_u64(&reader);
}

/* One message as a datagram, in the codec of the cluster, to a node that is up and runs. What the
 * core says to it. */
static int
feed(struct shoal_swarm *swarm, uint32_t node, const struct shoal_addr *from,
        enum shoal_message_kind kind, const void *message)
{
	uint8_t data[PACKET_MOST];
	struct shoal_writer writer;
	struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM, .from = *from, .data = data};

	shoal_writer_init(&writer, data, sizeof(data));
	shoal_packet_begin(&writer, (struct shoal_span){data, 0});
	if (swarm->plan.codec != NULL && swarm->plan.codec->id != SHOAL_CODEC_BINARY) {
		shoal_packet_set_codec(&writer, swarm->plan.codec->id);
		(void)shoal_structured_append(&writer, swarm->plan.codec, kind, message);
	} else {
		(void)shoal_message_append(&writer, kind, message);
	}
	shoal_packet_end(&writer);
	input.len = writer.len;
	return shoal_sim_step(swarm->sim, node, &input);
}

int
shoal_swarm_stranger(struct shoal_swarm *swarm, uint32_t node)
{
	uint32_t about = shoal_rng_below(&swarm->rng, swarm->plan.nodes);
	uint64_t seq = shoal_rng_u64(&swarm->rng) | 1, salt = shoal_rng_u64(&swarm->rng);
	uint32_t kind = shoal_rng_below(&swarm->rng, 5);
	const struct shoal_id *target = shoal_sim_id(swarm->sim, about);
	struct shoal_addr from = nowhere();
	struct shoal_id id = {{0x99}};

	if (!shoal_sim_is_up(swarm->sim, node) || shoal_sim_is_stalled(swarm->sim, node)) {
		return 0;
	}
	switch (kind) {
	case 0: {
		struct shoal_msg_ping ping = {
		        .seq = seq, .id = id, .salt = salt, .target = *target};
		return feed(swarm, node, &from, SHOAL_MESSAGE_PING, &ping);
	}
	case 1: {
		struct shoal_msg_relay relay = {
		        .seq = seq, .id = id, .salt = salt, .target = *target, .budget_ms = 1000};
		return feed(swarm, node, &from, SHOAL_MESSAGE_RELAY, &relay);
	}
	case 2: {
		/* A member's, for one that it thinks to live here. */
		struct shoal_msg_ping ping = {
		        .seq = seq, .id = *target, .salt = salt, .target = {{0x77}}};
		from = *shoal_sim_addr(swarm->sim, about);
		return feed(swarm, node, &from, SHOAL_MESSAGE_PING, &ping);
	}
	case 3: {
		uint64_t instance = shoal_sim_is_up(swarm->sim, about) ? salt_of(swarm, about) : 1;
		struct shoal_msg_check check = {.seq = seq,
		        .id = id,
		        .salt = salt,
		        .target = *target,
		        .instance = instance};
		return feed(swarm, node, &from, SHOAL_MESSAGE_CHECK, &check);
	}
	default: {
		struct shoal_msg_conflict said = {.seq = seq, .id = id, .salt = salt};
		said.target = *target;
		said.other = salt;
		said.addr = from;
		return feed(swarm, node, &from, SHOAL_MESSAGE_CONFLICT, &said);
	}
	}
}

int
shoal_swarm_flood(struct shoal_swarm *swarm)
{
	struct shoal_checkers *checks = shoal_sim_checkers(swarm->sim);
	uint32_t node = shoal_rng_below(&swarm->rng, swarm->plan.nodes - swarm->plan.late);
	uint32_t other = shoal_swarm_contact(swarm, node), read = 0;
	uint32_t budget = swarm->plan.profile.datagram_burst;
	struct shoal_msg_ping ping = {
	        .seq = 1, .id = {{0x99}}, .salt = 2, .target = *shoal_sim_id(swarm->sim, node)};
	struct shoal_addr from = nowhere();

	for (uint32_t i = 0; i < budget + swarm->plan.nodes && checks->fired == 0; i++) {
		ping.seq++;
		read += feed(swarm, node, &from, SHOAL_MESSAGE_PING, &ping) == 0;
	}
	(void)shoal_checker_that(checks, SHOAL_CHECKER_ANSWERS, read <= budget, node, NULL,
	        "more datagrams of strangers are read at once than their budget allows");
	if (other == node) {
		return 0;
	}
	ping.id = *shoal_sim_id(swarm->sim, other);
	ping.salt = salt_of(swarm, other);
	from = *shoal_sim_addr(swarm->sim, other);
	(void)shoal_checker_that(checks, SHOAL_CHECKER_ANSWERS,
	        feed(swarm, node, &from, SHOAL_MESSAGE_PING, &ping) == 0, node, &ping.id,
	        "a member is not heard for what strangers send");
	return 0;
}
