/* SPDX-License-Identifier: MIT */
/* Bytes lie in one queue and what is known of each message in another. A host takes all events
 * after each input, so both hold what one packet brought; one that has no memory for more leaves
 * here what it was told to take, within the room that it gave. */
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

void
shoal_inbox_init(struct shoal_core *core)
{
	size_t most = (size_t)core->profile.stream_max + core->profile.inbox_bytes;

	core->inbox.room = UINT64_MAX;
	shoal_ring_init(&core->inbox.heads, &core->mem, sizeof(struct head), most);
	shoal_fifo_init(&core->inbox.data, &core->mem, most);
}

void
shoal_inbox_done(struct shoal_core *core)
{
	shoal_ring_done(&core->inbox.heads);
	shoal_fifo_done(&core->inbox.data);
}

void
shoal_inbox_set_room(struct shoal_core *core, size_t room)
{
	uint64_t held = core->inbox.held;

	core->inbox.room = room > held ? room - held : 0;
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

	if (cost > inbox->room || (head = shoal_ring_room(&inbox->heads)) == NULL) {
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
	inbox->room -= inbox->room != UINT64_MAX ? cost : 0;
	inbox->held += cost;
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
	return shoal_ring_memory(&core->inbox.heads) + shoal_fifo_memory(&core->inbox.data);
}
