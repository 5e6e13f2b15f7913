/* SPDX-License-Identifier: MIT */
/* A member that polls asks three, and each of them hears of a broadcast as all do. There it stands
 * in a row for WAIT intervals, in which it is polled eight times; of whoever polls is known up to
 * where in the row it is, so that each has each once, the oldest first. What a lost reply held
 * comes from the two others. A reply holds more than a datagram: else what is said at once would
 * not all be taken in time. One that fits none is offered, and fetched in a request.
 *
 * It needs no timer: what is too old goes when the next one comes, or with a digest. Nobody waits
 * for those who poll: where more is said than they take, the oldest go. */
#include "core/message/shelf.h"

#include <string.h>

#include "core/message/limit.h"
#include "core/message/told.h"
#include "core/node.h"

/* In probe intervals: so long one waits, and so long after a poll another one is expected. */
#define WAIT 2
/* A reply is filled to so much: the least limit of a stream. */
#define REPLY_MOST 65536

static uint64_t
wait_of(const struct shoal_core *core)
{
	return WAIT * shoal_ms(core->profile.probe_interval_ms);
}

void
shoal_shelf_init(struct shoal_core *core)
{
	shoal_list_init(&core->shelf.casts);
}

void
shoal_shelf_done(struct shoal_core *core)
{
	shoal_alloc_free(&core->mem, core->shelf.taken);
}

static struct shoal_cast *
oldest(const struct shoal_shelf *shelf)
{
	struct shoal_list *first = shoal_list_first(&shelf->casts);

	return first == NULL ? NULL : SHOAL_LIST_ITEM(first, struct shoal_cast, shelf);
}

void
shoal_shelf_remove(struct shoal_core *core, struct shoal_cast *cast)
{
	struct shoal_shelf *shelf = &core->shelf;

	if (shoal_list_linked(&cast->shelf)) {
		shoal_list_remove(&cast->shelf);
		shelf->bytes -= shoal_cast_cost(cast);
		shelf->count--;
	}
}

static void
drop(struct shoal_core *core, struct shoal_cast *cast)
{
	shoal_shelf_remove(core, cast);
	shoal_cast_free(core, cast);
}

void
shoal_shelf_expire(struct shoal_core *core)
{
	struct shoal_cast *cast;

	while ((cast = oldest(&core->shelf)) != NULL && core->now - cast->put >= wait_of(core)) {
		drop(core, cast);
	}
}

void
shoal_shelf_clear(struct shoal_core *core)
{
	struct shoal_cast *cast;

	while ((cast = oldest(&core->shelf)) != NULL) {
		drop(core, cast);
	}
}

void
shoal_shelf_add(struct shoal_core *core, struct shoal_cast *cast)
{
	struct shoal_shelf *shelf = &core->shelf;
	uint64_t cost = shoal_cast_cost(cast), polled = core->gossip.polled;

	shoal_shelf_expire(core);
	if (polled == 0 || core->now - polled >= wait_of(core)) {
		return;
	}
	while (shelf->count > 0 && (shelf->count == SHOAL_SHELF_MOST ||
	                                   shelf->bytes + cost > core->profile.queue_bytes)) {
		drop(core, oldest(shelf));
	}
	cast->put = core->now;
	cast->place = ++shelf->place;
	shelf->bytes += cost;
	shelf->count++;
	shoal_list_push_back(&shelf->casts, &cast->shelf);
}

/* NULL: no memory. */
static uint64_t *
taken_of(struct shoal_core *core, uint32_t slot)
{
	struct shoal_shelf *shelf = &core->shelf;

	if (slot >= shelf->slots) {
		uint32_t slots = core->members.records.end;
		uint64_t *taken =
		        shoal_alloc_resize(&core->mem, shelf->taken, slots, sizeof *shelf->taken);
		if (taken == NULL) {
			shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
			return NULL;
		}
		memset(taken + shelf->slots, 0, (slots - shelf->slots) * sizeof *taken);
		shelf->taken = taken;
		shelf->slots = slots;
	}
	return &shelf->taken[slot];
}

void
shoal_shelf_reserve(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (core->shelf.count > 0 && record != NULL && shoal_send_is_polled(core, record)) {
		while (core->sends.stream_capacity < REPLY_MOST && shoal_sends_grow(core)) {
		}
	}
}

/* Whether it is nothing for the member: it said it, or told it here, or its time is over. */
static bool
is_passed(const struct shoal_core *core, const struct shoal_cast *cast, uint32_t slot)
{
	return cast->from == slot || shoal_limit_is_over(core, cast) ||
	       shoal_members_find(core, &cast->key.id) == slot;
}

/* The first of a reply is offered where it does not fit. false: there is no room any more. */
static bool
put(struct shoal_core *core, struct shoal_cast *cast, bool first, struct shoal_writer *writer)
{
	return shoal_cast_write(core, cast, writer) ||
	       (first && shoal_repair_write_offer(core, &cast->key, writer));
}

void
shoal_shelf_fill(struct shoal_core *core, uint32_t slot, struct shoal_writer *writer)
{
	struct shoal_shelf *shelf = &core->shelf;
	size_t cap = writer->cap;
	bool first = true;
	uint64_t *taken;

	shoal_shelf_expire(core);
	if (shelf->count == 0 || (taken = taken_of(core, slot)) == NULL) {
		return;
	}
	writer->cap = cap < REPLY_MOST ? cap : REPLY_MOST;
	SHOAL_LIST_FOREACH (node, &shelf->casts) {
		struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, shelf);
		if (cast->place <= *taken) {
			continue;
		}
		if (!is_passed(core, cast, slot)) {
			if (!put(core, cast, first, writer)) {
				break;
			}
			first = false;
		}
		*taken = cast->place;
	}
	writer->cap = cap;
}

size_t
shoal_shelf_memory(const struct shoal_core *core)
{
	return core->shelf.slots * sizeof *core->shelf.taken;
}
