/* SPDX-License-Identifier: MIT */
/* Pulls. Whoever told of a version that is wanted is asked for it, one after the other, the owner
 * last, so that news about a long document costs the owner a few copies and not one a member. What
 * nobody gave is given up: whoever holds it tells of it again, by gossip or in a walk.
 *
 * Bounds: one a member, SHOAL_PULLS_OPEN in flight, and SHOAL_PULLS_FROM of a teller: who tells
 * much and does not answer holds up none of what others tell. All O(1). */
#include "core/sync/pull.h"

#include <string.h>

#include "core/node.h"
#include "core/sync/exchange.h"
#include "core/table/learn.h"

#define LATER     SHOAL_MS(100)
#define LOOKED_AT 64 /* of those that wait, at once, for one whose teller is not busy */

static bool
is_of_slot(const void *owner, uint32_t number, const void *key)
{
	const struct shoal_pulls *pulls = owner;
	const struct shoal_pull *pull = shoal_slab_at(&pulls->slab, number);

	return memcmp(&pull->slot, key, sizeof pull->slot) == 0;
}

void
shoal_pull_init(struct shoal_core *core)
{
	struct shoal_pulls *pulls = &core->pulls;
	uint32_t limit = core->profile.members_max;

	shoal_slab_init(&pulls->slab, &core->mem, sizeof(struct shoal_pull), limit);
	shoal_table_init(
	        &pulls->by_slot, &core->mem, core->members.by_id.key, limit, is_of_slot, pulls);
	shoal_list_init(&pulls->waiting);
	shoal_list_init(&pulls->opened);
	pulls->timer.kind = SHOAL_TIMER_PULL;
}

void
shoal_pull_done(struct shoal_core *core)
{
	shoal_table_done(&core->pulls.by_slot);
	shoal_slab_done(&core->pulls.slab);
}

static uint64_t
hash_of(const struct shoal_pulls *pulls, uint32_t slot)
{
	return shoal_table_hash(&pulls->by_slot, &slot, sizeof slot);
}

/* SHOAL_NONE: nothing of the member is wanted. */
static uint32_t
find(const struct shoal_pulls *pulls, uint32_t slot)
{
	return pulls->slab.count == 0
	               ? SHOAL_NONE
	               : shoal_table_find(&pulls->by_slot, hash_of(pulls, slot), &slot);
}

static void
wait(struct shoal_core *core, struct shoal_pull *pull)
{
	shoal_list_push_back(&core->pulls.waiting, &pull->node);
	shoal_heap_arm(&core->heap, &core->pulls.timer, core->now);
}

static void
drop(struct shoal_core *core, uint32_t number)
{
	struct shoal_pulls *pulls = &core->pulls;
	struct shoal_pull *pull = shoal_slab_at(&pulls->slab, number);

	shoal_list_remove(&pull->node);
	pulls->open -= pull->exchange != 0;
	shoal_table_remove(&pulls->by_slot, hash_of(pulls, pull->slot), number);
	shoal_slab_give(&pulls->slab, number);
}

void
shoal_pull_forget(struct shoal_core *core, uint32_t slot)
{
	uint32_t number = find(&core->pulls, slot);

	if (number != SHOAL_NONE) {
		drop(core, number);
	}
}

void
shoal_pull_settled(struct shoal_core *core, uint32_t slot)
{
	uint32_t number = find(&core->pulls, slot);
	const struct shoal_pull *pull = shoal_slab_at(&core->pulls.slab, number);

	if (pull != NULL &&
	        !shoal_meta_is_newer(shoal_members_at(core, slot), pull->version, pull->hash)) {
		drop(core, number);
	}
}

static bool
is_same(const struct shoal_id *a, const struct shoal_id *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static void
add_teller(struct shoal_pull *pull, const struct shoal_id *owner, const struct shoal_id *teller)
{
	bool known = is_same(teller, owner); /* it comes last */

	for (uint8_t i = 0; i < pull->tellers; i++) {
		known = known || is_same(&pull->teller[i], teller);
	}
	if (!known && pull->tellers < SHOAL_PULL_TELLERS && pull->asked <= pull->tellers) {
		pull->teller[pull->tellers++] = *teller;
	}
}

static struct shoal_pull *
begin(struct shoal_core *core, uint32_t slot)
{
	struct shoal_pulls *pulls = &core->pulls;
	uint32_t number;
	struct shoal_pull *pull = shoal_slab_take(&pulls->slab, &number);

	if (pull != NULL &&
	        shoal_table_put(&pulls->by_slot, hash_of(pulls, slot), number) != SHOAL_OK) {
		shoal_slab_give(&pulls->slab, number);
		pull = NULL;
	}
	if (pull == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return NULL;
	}
	pull->slot = slot;
	wait(core, pull);
	return pull;
}

void
shoal_pull_want(struct shoal_core *core, uint32_t slot, const struct shoal_msg_meta *message,
        const struct shoal_teller *teller)
{
	struct shoal_pull *pull = shoal_slab_at(&core->pulls.slab, find(&core->pulls, slot));

	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		return;
	}
	pull = pull != NULL ? pull : begin(core, slot);
	if (pull == NULL) {
		return;
	}
	bool newer = message->version != pull->version ? message->version > pull->version
	                                               : message->hash > pull->hash;
	if (newer) {
		pull->version = message->version;
		pull->hash = message->hash;
		pull->tellers = pull->asked = 0;
	}
	if (message->version == pull->version && message->hash == pull->hash) {
		add_teller(pull, &message->id, &teller->id);
	}
}

static bool
is_busy(const struct shoal_pulls *pulls, uint32_t slot)
{
	unsigned asked = 0;

	SHOAL_LIST_FOREACH (node, &pulls->opened) {
		asked += SHOAL_LIST_ITEM(node, struct shoal_pull, node)->from == slot;
	}
	return asked >= SHOAL_PULLS_FROM;
}

/* The slot of a teller, or behind them of the owner. SHOAL_NONE: it cannot be asked. */
static uint32_t
slot_of(const struct shoal_core *core, const struct shoal_pull *pull, unsigned i)
{
	uint32_t slot = i < pull->tellers ? shoal_members_find(core, &pull->teller[i]) : pull->slot;
	const struct shoal_record *record = shoal_members_at(core, slot);

	return record != NULL && slot != SHOAL_SELF && shoal_members_counts(record) &&
	                       !shoal_members_inbound(record)
	               ? slot
	               : SHOAL_NONE;
}

/* Brings the first teller that is not busy to the front of those that were not asked yet; the owner
 * stays the last. SHOAL_NONE: nobody is left, or *busy: all who are have enough to do. */
static uint32_t
next_to_ask(const struct shoal_core *core, struct shoal_pull *pull, bool *busy)
{
	*busy = false;
	for (unsigned i = pull->asked; i <= pull->tellers; i++) {
		uint32_t slot = i == pull->tellers && *busy ? SHOAL_NONE : slot_of(core, pull, i);

		if (slot == SHOAL_NONE) {
			continue;
		}
		if (is_busy(&core->pulls, slot)) {
			*busy = true;
			continue;
		}
		if (i < pull->tellers) {
			struct shoal_id chosen = pull->teller[i];
			pull->teller[i] = pull->teller[pull->asked];
			pull->teller[pull->asked] = chosen;
		} else {
			pull->asked = pull->tellers;
		}
		return slot;
	}
	return SHOAL_NONE;
}

enum asked {
	ASKED,
	ASK_LATER,  /* there is no room for a request now */
	ASK_OTHERS, /* who would be asked is being asked for another one */
	ASK_NOBODY
};

static enum asked
ask(struct shoal_core *core, struct shoal_pull *pull)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_pull message = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = shoal_members_at(core, pull->slot)->info->id,
	        .version = pull->version};
	bool busy;
	uint32_t slot = next_to_ask(core, pull, &busy);

	if (slot == SHOAL_NONE && busy) {
		return ASK_OTHERS;
	}
	if (slot == SHOAL_NONE) {
		shoal_count(core, SHOAL_COUNTER_PULLS_FAILED);
		return ASK_NOBODY;
	}
	if (!shoal_exchange_pull(core, slot, &message, pull->slot, &pull->exchange)) {
		return ASK_LATER;
	}
	pull->asked++;
	pull->from = slot;
	shoal_list_remove(&pull->node);
	shoal_list_push_back(&core->pulls.opened, &pull->node);
	core->pulls.open++;
	shoal_count(core, SHOAL_COUNTER_PULLS);
	return ASKED;
}

/* Those that wait for their teller go to the end; the end of its request looks again. */
void
shoal_pull_on_timer(struct shoal_core *core)
{
	struct shoal_pulls *pulls = &core->pulls;
	bool leaves = core->leave.phase != SHOAL_LEAVE_NOT;

	for (unsigned i = 0; i < LOOKED_AT && pulls->open < SHOAL_PULLS_OPEN &&
	                     !shoal_list_empty(&pulls->waiting);
	        i++) {
		struct shoal_pull *pull =
		        SHOAL_LIST_ITEM(shoal_list_first(&pulls->waiting), struct shoal_pull, node);

		switch (leaves ? ASK_NOBODY : ask(core, pull)) {
		case ASKED:
			break;
		case ASK_OTHERS:
			shoal_list_remove(&pull->node);
			shoal_list_push_back(&pulls->waiting, &pull->node);
			break;
		case ASK_LATER:
			shoal_heap_arm(&core->heap, &pulls->timer, core->now + LATER);
			return;
		case ASK_NOBODY:
			drop(core, find(pulls, pull->slot));
			break;
		}
	}
	if (pulls->open < SHOAL_PULLS_OPEN && !shoal_list_empty(&pulls->waiting)) {
		shoal_heap_arm(&core->heap, &pulls->timer, core->now + LATER);
	}
}

void
shoal_pull_ended(struct shoal_core *core, const struct shoal_exchange *exchange)
{
	struct shoal_pulls *pulls = &core->pulls;
	uint32_t number = find(pulls, (uint32_t)exchange->about);
	struct shoal_pull *pull = shoal_slab_at(&pulls->slab, number);

	if (pull != NULL && pull->exchange == exchange->number) {
		pulls->open--;
		pull->exchange = 0;
		shoal_list_remove(&pull->node);
		wait(core, pull);
	}
	if (!shoal_list_empty(&pulls->waiting)) {
		shoal_heap_arm(&core->heap, &pulls->timer, core->now);
	}
}

/* Whatever is held is the answer, also where more was wanted: it may be newer than what the other
 * one has, and what it was told of may be a forger's. */
void
shoal_pull_on_request(struct shoal_core *core, const struct shoal_msg_pull *pull, uint32_t from,
        const struct shoal_input *input)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};
	uint32_t slot = shoal_members_find(core, &pull->target);
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (from == SHOAL_NONE) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
	}
	if (from == SHOAL_NONE || record == NULL || shoal_info_meta(record->info).version == 0) {
		shoal_exchange_reply(core, input->exchange, &input->from, SHOAL_ERR_NOT_FOUND,
		        shoal_exchange_text("not held here"));
		return;
	}
	struct shoal_pending *pending =
	        shoal_send_queue(core, SHOAL_SEND_REPLY, &input->from, from, SHOAL_FILL_META);
	if (pending != NULL) {
		pending->exchange = input->exchange;
		pending->about = slot;
		shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
		shoal_count(core, SHOAL_COUNTER_PULLS_SERVED);
	}
}
