/* SPDX-License-Identifier: MIT */
/* `order` holds the slots of all members that take part; [0, cursor) were probed in this round. The
 * shuffle is done one step a probe (Fisher and Yates, forward): the next member is drawn from the
 * rest and swapped to the cursor, so that no round ever costs a pass over the members, and each
 * member is probed exactly once a round. A newcomer is put at a random place of the rest. */
#include "core/detect/order.h"

#include "core/node.h"

static void
put(struct shoal_core *core, uint32_t place, uint32_t slot)
{
	core->members.order[place] = slot;
	shoal_members_at(core, slot)->place = place;
}

static void
swap(struct shoal_core *core, uint32_t a, uint32_t b)
{
	uint32_t slot = core->members.order[a];
	put(core, a, core->members.order[b]);
	put(core, b, slot);
}

int
shoal_order_reserve(struct shoal_core *core, uint32_t n)
{
	struct shoal_members *members = &core->members;
	if (n <= members->order_capacity) {
		return SHOAL_OK;
	}
	uint32_t capacity = members->order_capacity == 0
	                            ? 16
	                            : members->order_capacity + members->order_capacity / 4;
	uint32_t *order =
	        shoal_alloc_resize(&core->mem, members->order, capacity, sizeof *members->order);
	if (order == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	members->order = order;
	members->order_capacity = capacity;
	return SHOAL_OK;
}

void
shoal_order_insert(struct shoal_core *core, uint32_t slot)
{
	struct shoal_members *members = &core->members;
	if (shoal_members_at(core, slot)->place == SHOAL_NONE) {
		SHOAL_ASSERT(members->ordered < members->order_capacity);
		put(core, members->ordered++, slot);
		/* Gossip walks along the order: if it were that of arrival, latecomers would hear
		 * least, of everyone. */
		swap(core, members->ordered - 1,
		        members->cursor +
		                shoal_rng_below(&core->rng, members->ordered - members->cursor));
	}
}

void
shoal_order_remove(struct shoal_core *core, uint32_t slot)
{
	struct shoal_members *members = &core->members;
	struct shoal_record *record = shoal_members_at(core, slot);
	uint32_t hole = record->place;

	if (hole == SHOAL_NONE) {
		return;
	}
	if (hole < members->cursor) {
		members->cursor--;
		put(core, hole, members->order[members->cursor]);
		hole = members->cursor;
	}
	members->ordered--;
	if (hole != members->ordered) {
		put(core, hole, members->order[members->ordered]);
	}
	record->place = SHOAL_NONE; /* last: it may have moved itself */
}

uint32_t
shoal_order_next(struct shoal_core *core)
{
	struct shoal_members *members = &core->members;

	if (members->ordered == 0) {
		return SHOAL_NONE;
	}
	if (members->cursor >= members->ordered) {
		members->cursor = 0;
	}
	uint32_t rest = members->ordered - members->cursor;
	swap(core, members->cursor, members->cursor + shoal_rng_below(&core->rng, rest));
	return members->order[members->cursor++];
}

bool
shoal_order_is_chosen(
        const struct shoal_core *core, const uint32_t *slots, uint32_t n, uint32_t slot)
{
	struct shoal_addr addr = shoal_members_addr(shoal_members_at(core, slot));
	for (uint32_t i = 0; i < n; i++) {
		if (shoal_members_is_at(shoal_members_at(core, slots[i]), &addr)) {
			return true;
		}
	}
	return false;
}

/* A walk from a random place: the permutation is random and changes with each probe, so that
 * neighbours in it are a random choice without replacement. It goes on past those that are suspect
 * or cannot be dialled, from here or by the one that is excepted, and so always finds n where there
 * are n. Where those are few, as for one at a URL among members at sockets, that is O(members),
 * once for a probe that was not answered in time: fewer steps would miss them, and accuse. */
uint32_t
shoal_order_fill(
        struct shoal_core *core, uint32_t except, uint32_t n, uint32_t *slots, uint32_t found)
{
	const struct shoal_members *members = &core->members;

	if (members->ordered == 0) {
		return found;
	}
	uint32_t start = shoal_rng_below(&core->rng, members->ordered);
	for (uint32_t i = 0; i < members->ordered && found < n; i++) {
		uint32_t slot = members->order[(start + i) % members->ordered];
		const struct shoal_record *record = shoal_members_at(core, slot);
		if (slot != except && record->state == SHOAL_STATE_ALIVE &&
		        !shoal_members_inbound(record) && !shoal_kind_parts(core, record) &&
		        (except == SHOAL_NONE ||
		                shoal_kind_joins(shoal_members_at(core, except), record)) &&
		        !shoal_order_is_chosen(core, slots, found, slot)) {
			slots[found++] = slot;
		}
	}
	return found;
}

uint32_t
shoal_order_sample(struct shoal_core *core, uint32_t except, uint32_t n, uint32_t *slots)
{
	return shoal_order_fill(core, except, n, slots, 0);
}

uint32_t
shoal_order_turn(struct shoal_core *core, uint32_t *turn, uint32_t n, uint32_t *slots)
{
	const struct shoal_members *members = &core->members;
	uint32_t steps = n + SHOAL_ORDER_PAST, found = 0;

	for (uint32_t i = 0; i < steps && i < members->ordered && found < n; i++) {
		*turn = *turn < members->ordered ? *turn : 0;
		uint32_t slot = members->order[(*turn)++];
		const struct shoal_record *record = shoal_members_at(core, slot);
		if (!shoal_kind_parts(core, record) && !shoal_send_is_polled(core, record)) {
			slots[found++] = slot;
		}
	}
	return found;
}
