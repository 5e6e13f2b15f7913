/* SPDX-License-Identifier: MIT */
/* What nodes that seal say, opened for the checkers: the world holds their key. What they hear is
 * opened by their cores. */
#include "sim/read.h"
#include "sim/world.h"
#include "wire/packet.h"

int
shoal_sim_sealed_init(struct shoal_sim *sim)
{
	if (sim->config.cipher == NULL) {
		return 0;
	}
	return shoal_packet_opener_new(
	        &sim->opener, sim->config.key, 1, sim->config.cipher, NULL, &sim->mem);
}

static bool
read_header(const uint8_t *data, size_t len, struct shoal_packet_header *header)
{
	struct shoal_reader reader;

	shoal_reader_init(&reader, data, len);
	return shoal_packet_header(&reader, header) == 0 &&
	       (header->flags & SHOAL_PACKET_SEALED) != 0;
}

uint64_t
shoal_sim_sealed_counter(const uint8_t *data, size_t len)
{
	struct shoal_packet_header header;

	return read_header(data, len, &header) ? header.by.counter : 0;
}

bool
shoal_sim_sealed_for_other(const struct shoal_sim_node *node, const uint8_t *data, size_t len)
{
	struct shoal_packet_header header;

	return read_header(data, len, &header) && header.addressee != shoal_read_salt(&node->salt);
}

static enum shoal_packet_way
way_of(enum shoal_send_kind kind)
{
	switch (kind) {
	case SHOAL_SEND_DATAGRAM:
		return SHOAL_WAY_DATAGRAM;
	case SHOAL_SEND_REQUEST:
		return SHOAL_WAY_REQUEST;
	case SHOAL_SEND_WATCH:
		return SHOAL_WAY_WATCH;
	case SHOAL_SEND_REPLY:
		return SHOAL_WAY_ANSWER;
	default:
		return SHOAL_WAY_ONE_WAY;
	}
}

/* A refusal, which says nothing of who refuses, is all that is not sealed. */
static bool
is_refusal(const struct shoal_send *send)
{
	struct shoal_read read;

	return send->kind == SHOAL_SEND_REPLY && shoal_read_packet(&read, send->data, send->len) &&
	       read.kind == SHOAL_MESSAGE_ANSWER && read.message.answer.code != 0 &&
	       read.message.answer.salt == 0 && shoal_id_is_zero(&read.message.answer.id);
}

void
shoal_sim_sealed_send(
        struct shoal_sim_node *node, const struct shoal_send *send, struct shoal_send *clear)
{
	struct shoal_sim *sim = node->sim;
	bool reply = send->kind == SHOAL_SEND_REPLY;
	const struct shoal_sim_exchange *exchange =
	        reply ? shoal_sim_stream_find(sim, send->exchange) : NULL;
	struct shoal_packet_opened opened;

	*clear = *send;
	if (sim->opener == NULL || send->len == 0 || (reply && exchange == NULL)) {
		return;
	}
	int rc = shoal_packet_opener_open(sim->opener, way_of(send->kind),
	        reply ? exchange->counter : 0, send->data, send->len, &opened);
	if (rc == SHOAL_ERR_NOMEM) {
		shoal_sim_error(sim, rc);
		return;
	}
	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_PACKETS,
	        rc == 0 && (opened.sealed || is_refusal(send)), node->number, &node->id,
	        "what a node sends is not sealed, or opens under no key");
	clear->data = opened.data;
	clear->len = opened.len;
}
