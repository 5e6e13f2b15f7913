/* SPDX-License-Identifier: MIT */
/* What outlasts a run of a node: its saved memory; and worlds that are born warm.
 *
 * A warm node is told of all others in one packet, as if it had saved it a moment before. The
 * statements are written once; the packet of one node is all but its own, so that none of them has
 * to refute what it is told of itself. */
#include "sim/world.h"

#include "base/alloc.h"
#include "wire/message.h"
#include "wire/packet.h"

#include <string.h>

#define STATEMENT_MAX 128 /* of a simulated node, whose name is short and whose address is one */
#define AROUND        16  /* around the messages of a clear packet */

int
shoal_sim_save(struct shoal_sim *sim, uint32_t number)
{
	struct shoal_core_member self;
	struct shoal_sim_node *node;
	const uint8_t *data;
	uint8_t *disk;
	size_t len;
	int rc;

	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	node = &sim->node[number];
	if (node->core == NULL || !shoal_core_member(node->core, 0, &self)) {
		return SHOAL_ERR_STATE;
	}
	rc = shoal_core_save(node->core, &data, &len);
	if (rc != 0) {
		return rc;
	}
	disk = shoal_alloc_resize(&sim->mem, node->disk, len, 1);
	if (disk == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	memcpy(disk, data, len);
	node->disk = disk;
	node->disk_len = len;
	node->disk_ns = sim->now;
	node->disk_epoch = self.incarnation >> 32;
	shoal_sim_fault(sim, "save", number, SHOAL_SIM_NOBODY, len);
	return 0;
}

static int
remember(struct shoal_sim_node *node, const uint8_t *data, size_t len, uint64_t age_ns)
{
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_RESTORE, .data = data, .len = len, .age_ns = age_ns};
	struct shoal_sim *sim = node->sim;
	int rc = shoal_sim_node_step(node, &input);

	(void)shoal_checker_that(&sim->checks, SHOAL_CHECKER_COMMANDS, rc == 0, node->number,
	        &node->id, "what a core saved was refused");
	return rc;
}

int
shoal_sim_restore(struct shoal_sim *sim, uint32_t number)
{
	struct shoal_sim_node *node;
	int rc;

	if (!shoal_sim_is_node(sim, number)) {
		return SHOAL_ERR_INVALID;
	}
	node = &sim->node[number];
	if (node->core != NULL) {
		return SHOAL_ERR_STATE;
	}
	if (node->disk == NULL) {
		return SHOAL_ERR_NOT_FOUND;
	}
	rc = shoal_sim_node_start(node, node->disk_epoch + 1);
	return rc == 0 ? remember(node, node->disk, node->disk_len, sim->now - node->disk_ns) : rc;
}

static void
write_statement(struct shoal_writer *writer, const struct shoal_core *core)
{
	struct shoal_msg_member statement;
	struct shoal_core_member self;

	if (!shoal_core_member(core, 0, &self)) {
		return;
	}
	memset(&statement, 0, sizeof(statement));
	statement.id = self.id;
	statement.salt = self.salt;
	statement.incarnation = self.incarnation;
	statement.state = SHOAL_STATE_ALIVE;
	statement.name = (struct shoal_span){(const uint8_t *)self.name, strlen(self.name)};
	statement.addrs.count = (uint8_t)self.addrs;
	memcpy(statement.addrs.item, self.addr, self.addrs * sizeof(self.addr[0]));
	statement.protocol_min = self.protocol_min;
	statement.protocol_max = self.protocol_max;
	statement.app_version = self.app_version;
	(void)shoal_message_append(writer, SHOAL_MESSAGE_MEMBER, &statement);
}

/* All of the statements but those from one place to another. */
static int
tell_all_but(struct shoal_sim_node *node, const struct shoal_writer *all, uint8_t *room,
        size_t from, size_t to)
{
	struct shoal_writer packet;

	shoal_writer_init(&packet, room, all->len + AROUND);
	shoal_packet_begin(&packet, (struct shoal_span){room, 0});
	shoal_writer_bytes(&packet, all->data, from);
	shoal_writer_bytes(&packet, all->data + to, all->len - to);
	shoal_packet_end(&packet);
	return remember(node, packet.data, packet.len, 0);
}

static int
tell_newborn(struct shoal_sim *sim, const bool *newborn, uint8_t *data, uint8_t *room, size_t *end)
{
	struct shoal_writer all;
	size_t from = 0;
	int rc = 0;

	shoal_writer_init(&all, data, (size_t)sim->nodes * STATEMENT_MAX);
	for (uint32_t i = 0; i < sim->nodes; i++) {
		if (sim->node[i].core != NULL) {
			write_statement(&all, sim->node[i].core);
		}
		end[i] = all.len;
	}
	for (uint32_t i = 0; i < sim->nodes && rc == 0; i++) {
		if (newborn[i] && all.len > end[i] - from) {
			rc = tell_all_but(&sim->node[i], &all, room, from, end[i]);
			sim->node[i].joined = true;
		}
		from = end[i];
	}
	return rc;
}

int
shoal_sim_warm(struct shoal_sim *sim)
{
	size_t most = (size_t)sim->nodes * STATEMENT_MAX;
	bool *newborn = shoal_alloc_zeroed(&sim->mem, sim->nodes, sizeof(*newborn));
	size_t *end = shoal_alloc_zeroed(&sim->mem, sim->nodes, sizeof(*end));
	uint8_t *data = shoal_alloc(&sim->mem, most);
	uint8_t *room = shoal_alloc(&sim->mem, most + AROUND);
	int rc = newborn != NULL && end != NULL && data != NULL && room != NULL ? 0
	                                                                        : SHOAL_ERR_NOMEM;

	for (uint32_t i = 0; i < sim->nodes && rc == 0; i++) {
		if (sim->node[i].core == NULL) {
			newborn[i] = true;
			rc = shoal_sim_node_start(&sim->node[i], 0);
		}
	}
	rc = rc == 0 ? tell_newborn(sim, newborn, data, room, end) : rc;
	shoal_alloc_free(&sim->mem, newborn);
	shoal_alloc_free(&sim->mem, end);
	shoal_alloc_free(&sim->mem, data);
	shoal_alloc_free(&sim->mem, room);
	return rc;
}
