/* SPDX-License-Identifier: MIT */
/* Packets of one that nobody knows, from an address where no node is: what is asked for in them
 * must not be done, and an answer must be no longer than they are. Of more than the budget allows
 * at one moment the rest is not read, and members are heard all the same. And what a member makes
 * up of another one: that moves nobody who answers. */
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

static void
append(const struct shoal_swarm *swarm, struct shoal_writer *writer, enum shoal_message_kind kind,
        const void *message)
{
	const struct shoal_codec_ops *codec = swarm->plan.codec;

	if (codec != NULL && codec->id != SHOAL_CODEC_BINARY) {
		(void)shoal_structured_append(writer, codec, kind, message);
	} else {
		(void)shoal_message_append(writer, kind, message);
	}
}

/* One message as a datagram, in the codec of the cluster, to a node that is up and runs; behind a
 * SENDER, or NULL. What the core says to it. */
static int
feed(struct shoal_swarm *swarm, uint32_t node, const struct shoal_addr *from,
        const struct shoal_msg_sender *by, enum shoal_message_kind kind, const void *message)
{
	uint8_t data[PACKET_MOST];
	struct shoal_writer writer;
	struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM, .from = *from, .data = data};

	shoal_writer_init(&writer, data, sizeof(data));
	shoal_packet_begin(&writer, (struct shoal_span){data, 0});
	if (swarm->plan.codec != NULL && swarm->plan.codec->id != SHOAL_CODEC_BINARY) {
		shoal_packet_set_codec(&writer, swarm->plan.codec->id);
	}
	if (by != NULL) {
		append(swarm, &writer, SHOAL_MESSAGE_SENDER, by);
	}
	append(swarm, &writer, kind, message);
	shoal_packet_end(&writer);
	input.len = writer.len;
	return shoal_sim_step(swarm->sim, node, &input);
}

void
shoal_swarm_ghost(struct shoal_swarm *swarm, uint32_t node)
{
	struct shoal_msg_sender sender = {.id = {{0x98}}, .salt = UINT64_C(0x98) << 56};
	const struct shoal_addr from = nowhere();
	const struct shoal_msg_member member = {.id = sender.id,
	        .salt = {{0x98}},
	        .incarnation = UINT64_C(1) << 32,
	        .state = SHOAL_STATE_ALIVE,
	        .name = {(const uint8_t *)"ghost", 5},
	        .addrs = {.count = 1, .item = {from}}};

	for (unsigned i = 0; i < 2 && swarm->plan.asks; i++) {
		if (shoal_sim_is_up(swarm->sim, node) && !shoal_sim_is_stalled(swarm->sim, node)) {
			(void)feed(swarm, node, &from, &sender, SHOAL_MESSAGE_MEMBER, &member);
		}
		sender.id.bytes[0]++; /* another one tells of it */
	}
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
		return feed(swarm, node, &from, NULL, SHOAL_MESSAGE_PING, &ping);
	}
	case 1: {
		struct shoal_msg_relay relay = {
		        .seq = seq, .id = id, .salt = salt, .target = *target, .budget_ms = 1000};
		return feed(swarm, node, &from, NULL, SHOAL_MESSAGE_RELAY, &relay);
	}
	case 2: {
		/* A member's, for one that it thinks to live here. */
		struct shoal_msg_ping ping = {
		        .seq = seq, .id = *target, .salt = salt, .target = {{0x77}}};
		from = *shoal_sim_addr(swarm->sim, about);
		return feed(swarm, node, &from, NULL, SHOAL_MESSAGE_PING, &ping);
	}
	case 3: {
		uint64_t instance = shoal_sim_is_up(swarm->sim, about) ? salt_of(swarm, about) : 1;
		struct shoal_msg_check check = {.seq = seq,
		        .id = id,
		        .salt = salt,
		        .target = *target,
		        .instance = instance};
		return feed(swarm, node, &from, NULL, SHOAL_MESSAGE_CHECK, &check);
	}
	default: {
		struct shoal_msg_conflict said = {.seq = seq, .id = id, .salt = salt};
		said.target = *target;
		said.other = salt;
		said.addr = from;
		return feed(swarm, node, &from, NULL, SHOAL_MESSAGE_CONFLICT, &said);
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
		read += feed(swarm, node, &from, NULL, SHOAL_MESSAGE_PING, &ping) == 0;
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
	        feed(swarm, node, &from, NULL, SHOAL_MESSAGE_PING, &ping) == 0, node, &ping.id,
	        "a member is not heard for what strangers send");
	return 0;
}

/* A member makes up what it tells of another one, by salts that nobody drew and from where nobody
 * is: that it leaves, and then that it is back. */
static void
make_up(struct shoal_swarm *swarm, uint32_t node, uint32_t by, uint32_t about,
        enum shoal_state state, uint64_t above)
{
	struct shoal_msg_sender sender = {.id = *shoal_sim_id(swarm->sim, by)};
	struct shoal_msg_member said = {.state = (uint8_t)state};
	struct shoal_core_member held;

	if (!shoal_core_member(shoal_sim_core(swarm->sim, about), 0, &held)) {
		return;
	}
	sender.salt = salt_of(swarm, by);
	said.id = held.id;
	said.salt = held.salt;
	said.salt.bytes[0] ^= (uint8_t)above;
	said.incarnation = held.incarnation + above;
	said.name = (struct shoal_span){(const uint8_t *)held.name, strlen(held.name)};
	said.addrs.item[said.addrs.count++] = nowhere();
	(void)feed(
	        swarm, node, shoal_sim_addr(swarm->sim, by), &sender, SHOAL_MESSAGE_MEMBER, &said);
}

int
shoal_swarm_forge(struct shoal_swarm *swarm)
{
	uint32_t early = swarm->plan.nodes - swarm->plan.late;
	struct shoal_rng rng;
	int rc = 0;

	shoal_rng_init(&rng, swarm->plan.seed, 16);
	uint32_t node = shoal_rng_below(&rng, early);
	uint32_t by = (node + 1) % early, about = (node + 2) % early;
	for (uint32_t i = 0; i < 4 && rc == 0; i++) {
		make_up(swarm, node, by, about, SHOAL_STATE_LEAVING, 2 * i + 1);
		make_up(swarm, node, by, about, SHOAL_STATE_ALIVE, 2 * i + 2);
		(void)shoal_checker_that(shoal_sim_checkers(swarm->sim), SHOAL_CHECKER_ADDRESSES,
		        shoal_swarm_knows(swarm, node, about), node,
		        shoal_sim_id(swarm->sim, about), "is moved by what a member made up");
		rc = shoal_swarm_run_for(swarm, shoal_swarm_interval(swarm));
	}
	return rc;
}
