/* SPDX-License-Identifier: MIT */
/* Bytes lie in one queue and what is known of each message in another. A host takes all events
 * after each input, so both hold what one packet brought; one that has no memory for more leaves
 * here what it was told to take, within the room that it gave.
 *
 * A host takes messages in the order in which it hears of them, so it is known whose room comes
 * back. Nobody has more of it than half of what the others leave: who sends faster than the host
 * takes leaves some to each of them. Cost: 8 bytes a member, and as much a message that waits. */
#include "core/message/inbox.h"

#include <string.h>

#include "core/node.h"

/* Memory that an empty queue keeps. */
#define HEADS_KEPT 256
#define BYTES_KEPT 65536

struct head {
	struct shoal_id id;
	uint64_t stamp;
	size_t len;
	uint32_t slot;
	uint16_t type, flags;
	uint8_t hops;
};

struct lent {
	uint32_t slot, cost;
};

void
shoal_inbox_init(struct shoal_core *core)
{
	size_t most = (size_t)core->profile.stream_max + core->profile.inbox_bytes;

	core->inbox.room = UINT64_MAX;
	shoal_ring_init(&core->inbox.heads, &core->mem, sizeof(struct head), most);
	shoal_fifo_init(&core->inbox.data, &core->mem, most);
	shoal_ring_init(&core->inbox.lent, &core->mem, sizeof(struct lent), most);
}

void
shoal_inbox_done(struct shoal_core *core)
{
	shoal_ring_done(&core->inbox.heads);
	shoal_fifo_done(&core->inbox.data);
	shoal_ring_done(&core->inbox.lent);
	shoal_alloc_free(&core->mem, core->inbox.share);
}

void
shoal_inbox_set_room(struct shoal_core *core, size_t room)
{
	struct shoal_inbox *inbox = &core->inbox;
	uint64_t before = inbox->room;
	const struct lent *lent;

	if (room == SIZE_MAX) { /* there is no end of it */
		inbox->room = UINT64_MAX;
		inbox->lent.count = 0;
		inbox->back = 0;
		if (inbox->shares > 0) {
			memset(inbox->share, 0, inbox->shares * sizeof(*inbox->share));
		}
		return;
	}
	inbox->room = room > inbox->held ? room - inbox->held : 0;
	inbox->back += inbox->room > before ? inbox->room - before : 0;
	while ((lent = shoal_ring_front(&inbox->lent)) != NULL && lent->cost <= inbox->back) {
		inbox->back -= lent->cost;
		inbox->share[lent->slot] -= lent->cost;
		shoal_ring_pop(&inbox->lent);
	}
	if (lent == NULL) {
		inbox->back = 0;
		shoal_ring_shrink(&inbox->lent, HEADS_KEPT);
	}
}

bool
shoal_inbox_has_room(const struct shoal_core *core, uint32_t slot, uint64_t cost)
{
	const struct shoal_inbox *inbox = &core->inbox;
	uint64_t its = slot < inbox->shares ? inbox->share[slot] : 0;

	return its + cost <= inbox->room;
}

/* Memory for one more in lent, and for the share of the member. */
static bool
reserve(struct shoal_core *core, uint32_t slot)
{
	struct shoal_inbox *inbox = &core->inbox;
	uint32_t shares = (core->members.records.end + 63) & ~UINT32_C(63);

	if (slot >= inbox->shares) {
		uint64_t *share =
		        shoal_alloc_resize(&core->mem, inbox->share, shares, sizeof(*share));
		if (share == NULL) {
			return false;
		}
		memset(share + inbox->shares, 0, (shares - inbox->shares) * sizeof(*share));
		inbox->share = share;
		inbox->shares = shares;
	}
	if (shoal_ring_room(&inbox->lent) == NULL) {
		return false;
	}
	inbox->lent.count--;
	return true;
}

bool
shoal_inbox_fits(const struct shoal_core *core, size_t len)
{
	uint64_t most = core->profile.inbox_bytes;
	uint64_t largest = (uint64_t)core->profile.message_max + SHOAL_MESSAGE_COST;

	return len + SHOAL_MESSAGE_COST <= (most > largest ? most : largest);
}

static bool
put(struct shoal_core *core, uint32_t slot, unsigned flags, unsigned hops,
        const struct shoal_entry *entry)
{
	struct shoal_inbox *inbox = &core->inbox;
	uint64_t cost = entry->data.len + SHOAL_MESSAGE_COST;
	struct head *head = NULL;
	uint8_t *data = NULL;

	bool lends = inbox->room != UINT64_MAX; /* there is an end of it */
	if (!shoal_inbox_has_room(core, slot, cost) || (lends && !reserve(core, slot)) ||
	        (head = shoal_ring_room(&inbox->heads)) == NULL) {
		return false;
	}
	if (entry->data.len > 0) {
		data = shoal_fifo_push(&inbox->data, entry->data.len);
		if (data == NULL) {
			inbox->heads.count--;
			return false;
		}
		memcpy(data, entry->data.data, entry->data.len);
	}
	*head = (struct head){.id = shoal_members_at(core, slot)->info->id,
	        .stamp = entry->stamp,
	        .len = entry->data.len,
	        .slot = slot,
	        .type = entry->type,
	        .flags = (uint16_t)flags,
	        .hops = (uint8_t)hops};
	inbox->held += cost;
	if (lends) {
		struct lent *lent = shoal_ring_room(&inbox->lent);
		*lent = (struct lent){slot, (uint32_t)cost};
		inbox->share[slot] += cost;
		inbox->room -= cost;
	}
	return true;
}

bool
shoal_inbox_put(
        struct shoal_core *core, uint32_t slot, unsigned flags, const struct shoal_entry *entry)
{
	return shoal_inbox_put_cast(core, slot, flags, 0, entry);
}

bool
shoal_inbox_put_cast(struct shoal_core *core, uint32_t slot, unsigned flags, unsigned hops,
        const struct shoal_entry *entry)
{
	if (entry->type < SHOAL_TYPE_SERVICE) {
		shoal_count(core, SHOAL_COUNTER_DROP_UNKNOWN_KIND);
		return true;
	}
	if (!put(core, slot, flags, hops, entry)) {
		shoal_count(core, SHOAL_COUNTER_DROP_NO_ROOM);
		return false;
	}
	if (!shoal_hlc_merge(&core->meta.clock, entry->stamp, core->wall_ns)) {
		shoal_count(core, SHOAL_COUNTER_STAMPS_AHEAD);
	}
	shoal_count(core, SHOAL_COUNTER_MESSAGES_IN);
	return true;
}

static void
pop(struct shoal_inbox *inbox)
{
	const struct head *head = shoal_ring_front(&inbox->heads);

	if (!inbox->told) {
		return;
	}
	inbox->told = false;
	inbox->held -= head->len + SHOAL_MESSAGE_COST;
	shoal_fifo_drop(&inbox->data, head->len, BYTES_KEPT);
	shoal_ring_pop(&inbox->heads);
	shoal_ring_shrink(&inbox->heads, HEADS_KEPT);
}

void
shoal_inbox_release(struct shoal_core *core)
{
	pop(&core->inbox);
	core->inbox.kept = false;
}

void
shoal_core_keep_message(struct shoal_core *core)
{
	core->inbox.kept = core->inbox.told;
	core->inbox.told = false;
}

bool
shoal_inbox_next(struct shoal_core *core, struct shoal_event *event)
{
	struct shoal_inbox *inbox = &core->inbox;
	const struct head *head;

	pop(inbox);
	head = shoal_ring_front(&inbox->heads);
	if (head == NULL || inbox->kept) {
		return false;
	}
	inbox->told = true;
	event->kind = SHOAL_EVENT_MESSAGE;
	event->slot = head->slot;
	event->id = head->id;
	event->type = head->type;
	event->flags = head->flags;
	event->hops = head->hops;
	event->stamp = head->stamp;
	event->data = shoal_fifo_data(&inbox->data);
	event->len = head->len;
	return true;
}

size_t
shoal_inbox_memory(const struct shoal_core *core)
{
	const struct shoal_inbox *inbox = &core->inbox;

	return shoal_ring_memory(&inbox->heads) + shoal_fifo_memory(&inbox->data) +
	       shoal_ring_memory(&inbox->lent) + inbox->shares * sizeof(*inbox->share);
}
