/* SPDX-License-Identifier: MIT */
/* A broadcast is held while something holds it: a bucket of spread.c, the list of reliable ones
 * until it is cast_keep_ms old or too many are kept, an offer of a moment ago, those who poll
 * (shelf.h), or its end, which the host has not heard. What spreads or was offered counts in a
 * queue, what is kept or waits for polls elsewhere: so all bytes that are held are bounded. Ages
 * are told and summed over hops, so that no clock has to be right.
 *
 * It counts once at each member, by seen.h, whatever becomes of it then: also where its tag is not
 * carried here, its type is not known, or the host has no room. A reliable one for which there is
 * no room waits. */
#include "core/message/cast.h"

#include <string.h>

#include <shoal/document.h>

#include "base/hash.h"
#include "core/event.h"
#include "core/message/limit.h"
#include "core/node.h"
#include "core/table/apply.h"

/* What a packet needs besides the body of a broadcast, its tag and the label included. */
#define PACKET_HEAD 512

/* Numbers of this member's that are on their way at once and go once: half a window, so that one
 * that others pass on later is still above what counts as heard. */
#define FLYING_MOST 512

/* Between two warnings that somebody speaks in another one's name. */
#define FORGED_PAUSE SHOAL_SEC(60)

static bool
has_key(const void *owner, uint32_t value, const void *key)
{
	const struct shoal_casts *casts = owner;
	const struct shoal_cast *cast = shoal_slab_at(&casts->slab, value);

	return shoal_cast_key_equal(&cast->key, key);
}

uint64_t
shoal_cast_sum(const struct shoal_cast_key *key)
{
	static const uint64_t nothing[2];
	uint8_t data[SHOAL_CAST_KEY_BYTES];
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, sizeof data);
	shoal_cast_key_write(&writer, key);
	return shoal_hash_sip(nothing, data, writer.len);
}

static uint64_t
hash_of(const struct shoal_casts *casts, const struct shoal_cast_key *key)
{
	uint64_t sum = shoal_cast_sum(key);

	return shoal_table_hash(&casts->by_key, &sum, sizeof sum);
}

void
shoal_cast_init(struct shoal_core *core)
{
	struct shoal_casts *casts = &core->casts;
	uint32_t most = 2 * (core->profile.queue_bytes / SHOAL_MESSAGE_COST) +
	                2 * SHOAL_CASTS_MOST + SHOAL_SHELF_MOST;

	shoal_slab_init(&casts->slab, &core->mem, sizeof(struct shoal_cast), most);
	shoal_table_init(&casts->by_key, &core->mem, core->members.by_id.key, most, has_key, casts);
	shoal_list_init(&casts->all);
	shoal_list_init(&casts->ended);
	shoal_list_init(&casts->flying);
	shoal_keep_init(core);
}

void
shoal_cast_done(struct shoal_core *core)
{
	if (core->casts.all.next != NULL) {
		SHOAL_LIST_FOREACH (node, &core->casts.all) {
			shoal_alloc_free(
			        &core->mem, SHOAL_LIST_ITEM(node, struct shoal_cast, all)->data);
		}
	}
	shoal_table_done(&core->casts.by_key);
	shoal_slab_done(&core->casts.slab);
}

size_t
shoal_cast_most(const struct shoal_core *core)
{
	size_t most = core->profile.message_max;
	size_t stream = shoal_coding_most(core, core->profile.stream_max - PACKET_HEAD);
	size_t queue = core->profile.queue_bytes - SHOAL_MESSAGE_COST - SHOAL_TAG_MAX;

	most = most < stream ? most : stream;
	return most < queue ? most : queue;
}

struct shoal_cast *
shoal_cast_find(const struct shoal_core *core, const struct shoal_cast_key *key)
{
	const struct shoal_casts *casts = &core->casts;

	return casts->by_key.count == 0
	               ? NULL
	               : shoal_slab_at(&casts->slab,
	                         shoal_table_find(&casts->by_key, hash_of(casts, key), key));
}

uint64_t
shoal_cast_cost(const struct shoal_cast *cast)
{
	return SHOAL_MESSAGE_COST + cast->tag_len + cast->len;
}

void
shoal_cast_free(struct shoal_core *core, struct shoal_cast *cast)
{
	struct shoal_casts *casts = &core->casts;

	if (cast->counted || shoal_list_linked(&cast->kept) || shoal_list_linked(&cast->ended) ||
	        shoal_list_linked(&cast->shelf)) {
		return;
	}
	if (cast->untaken) {
		casts->untaken--;
		shoal_count(core, SHOAL_COUNTER_DROP_NO_ROOM);
	}
	casts->bytes -= cast->tag_len + cast->len;
	shoal_table_remove(&casts->by_key, hash_of(casts, &cast->key), cast->number);
	shoal_list_remove(&cast->all);
	shoal_list_remove(&cast->asked);
	shoal_list_remove(&cast->flying);
	shoal_alloc_free(&core->mem, cast->data);
	shoal_slab_give(&casts->slab, cast->number);
}

/* Room for one more, of which the key is not held; its key, tag and body are set, and it is in no
 * list but that of all. NULL: no memory. */
static struct shoal_cast *
add(struct shoal_core *core, const struct shoal_cast_key *key, struct shoal_span tag,
        struct shoal_span body)
{
	struct shoal_casts *casts = &core->casts;
	uint32_t number;
	struct shoal_cast *cast = shoal_slab_take(&casts->slab, &number);
	uint8_t *data = cast != NULL ? shoal_alloc(&core->mem, tag.len + body.len + 1) : NULL;

	if (data != NULL) {
		cast->key = *key;
		cast->number = number;
		if (shoal_table_put(&casts->by_key, hash_of(casts, key), number) == SHOAL_OK) {
			struct shoal_writer writer;
			shoal_writer_init(&writer, data, tag.len + body.len);
			shoal_writer_bytes(&writer, tag.data, tag.len);
			shoal_writer_bytes(&writer, body.data, body.len);
			cast->data = data;
			cast->tag_len = (uint8_t)tag.len;
			cast->len = body.len;
			casts->bytes += tag.len + body.len;
			shoal_list_push_back(&casts->all, &cast->all);
			shoal_repair_arm(core);
			return cast;
		}
		shoal_alloc_free(&core->mem, data);
	}
	if (cast != NULL) {
		shoal_slab_give(&casts->slab, number);
	}
	return NULL;
}

/* Numbers of this member's that go once, from the first that is not told yet. */
static uint64_t
span_of(const struct shoal_casts *casts)
{
	const struct shoal_list *first = shoal_list_first(&casts->flying);

	return first == NULL
	               ? 0
	               : casts->number[0] + 1 -
	                         SHOAL_LIST_ITEM(first, struct shoal_cast, flying)->key.number;
}

/* For one of this cost, where the queue has as much as `bytes`. */
static bool
has_room(const struct shoal_core *core, bool reliable, uint64_t cost, uint64_t bytes, uint64_t span)
{
	if (!shoal_spread_has_room(core, true, bytes)) {
		return false;
	}
	return reliable ? shoal_keep_has_room(core, cost) : span_of(&core->casts) < span;
}

int
shoal_cast_send(struct shoal_core *core, const struct shoal_input *input)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	bool reliable = (input->flags & SHOAL_RELIABLE) != 0;
	uint64_t *number = &core->casts.number[reliable ? 1 : 0];
	struct shoal_cast_key key = {
	        self->info->id, shoal_members_salt(self), *number + 1, reliable};
	uint64_t cost = SHOAL_MESSAGE_COST + input->tag_len + input->len;
	struct shoal_cast *cast;
	int rc = shoal_limit_check(core, input);

	if (rc != SHOAL_OK) {
		return rc;
	}
	if (!has_room(core, reliable, cost, cost, FLYING_MOST)) {
		uint64_t *refused = &core->casts.refused[reliable ? 1 : 0];
		*refused = cost > *refused ? cost : *refused;
		return SHOAL_ERR_AGAIN;
	}
	cast = add(core, &key, (struct shoal_span){input->tag, input->tag_len},
	        (struct shoal_span){input->data, input->len});
	if (cast == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	*number = key.number;
	cast->born = core->now;
	cast->stamp = shoal_hlc_now(&core->meta.clock, core->wall_ns);
	cast->token = input->exchange;
	cast->from = SHOAL_NONE;
	cast->type = input->type;
	cast->flags = (uint8_t)input->flags;
	shoal_limit_set(cast, input);
	cast->own = true;
	shoal_count(core, SHOAL_COUNTER_CASTS_SENT);
	if (reliable) {
		shoal_keep_add(core, cast);
		shoal_repair_hurry(core);
	} else {
		shoal_list_push_back(&core->casts.flying, &cast->flying);
	}
	shoal_spread_add(core, cast);
	return SHOAL_OK;
}

static bool
is_for_self(const struct shoal_core *core, struct shoal_span tag)
{
	struct shoal_span held = shoal_info_meta(shoal_members_at(core, SHOAL_SELF)->info).body;

	return tag.len == 0 ||
	       shoal_document_has_tag(held.data, held.len, (const char *)tag.data, tag.len);
}

/* false: the host has no room for it. */
static bool
hand_over(struct shoal_core *core, const struct shoal_msg_cast *message, unsigned hops)
{
	struct shoal_entry entry = {
	        .type = (uint16_t)message->type, .stamp = message->stamp, .data = message->body};
	uint32_t slot = shoal_members_find(core, &message->id);

	if (!is_for_self(core, message->tag) || slot == SHOAL_NONE || slot == SHOAL_SELF) {
		return true;
	}
	return shoal_inbox_put_cast(core, slot, message->flags | SHOAL_BROADCAST, hops, &entry);
}

/* Somebody speaks in its name. */
static void
tell_forged(struct shoal_core *core, const struct shoal_record *origin)
{
	struct shoal_log_line line;

	shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
	if (core->now - core->casts.warned >= FORGED_PAUSE &&
	        shoal_log_begin(core, &line, SHOAL_LOG_WARN, "broadcasts")) {
		core->casts.warned = core->now;
		shoal_text_str(&line.text, "somebody broadcasts in the name of ");
		shoal_text_str(&line.text, shoal_members_name(origin));
	}
}

/* What is held in its origin's name above the number was made up, and its number comes anew; what
 * is held below it was heard. */
static void
sort_out(struct shoal_core *core, const struct shoal_cast_key *key)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &core->casts.all) {
		struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, all);
		struct shoal_cast_key same = *key;
		same.number = cast->key.number;
		if (!shoal_cast_key_equal(&cast->key, &same)) {
			continue;
		}
		if (same.number > key->number) {
			shoal_keep_remove(core, cast);
			shoal_spread_drop(core, cast);
		} else {
			(void)shoal_seen_add(core, &same, false, false);
		}
	}
}

/* Whether its origin can have said it: at its own instance's word alone, or so that no word of
 * another one silences it. */
static bool
is_credible(struct shoal_core *core, const struct shoal_msg_cast *message,
        const struct shoal_teller *teller, const struct shoal_cast_key *key,
        enum shoal_cast_way way)
{
	uint32_t origin = shoal_members_find(core, &key->id);
	const struct shoal_record *record = shoal_members_at(core, origin);
	bool ok = shoal_seen_is_credible(core, key);

	if (message->hops == 0) {
		ok = teller->slot == origin && shoal_peer_may_say(core, key->salt) &&
		     key->number <= SHOAL_SEEN_NUMBER_MOST;
		if (ok && way != SHOAL_CAST_FETCHED && shoal_seen_correct(core, key)) {
			sort_out(core, key);
			tell_forged(core, record);
		}
	}
	if (!ok) {
		tell_forged(core, record);
	}
	return ok;
}

/* It counts as heard. false: it cannot. */
static bool
note_heard(struct shoal_core *core, const struct shoal_msg_cast *message,
        const struct shoal_cast_key *key)
{
	const struct shoal_record *origin =
	        shoal_members_at(core, shoal_members_find(core, &key->id));
	bool told = key->salt == shoal_members_salt(origin);
	int rc = shoal_seen_add(core, key, told, message->hops == 0);

	if (rc == SHOAL_ERR_LIMIT) {
		tell_forged(core, origin);
	} else if (rc != SHOAL_OK) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
	}
	return rc == SHOAL_OK;
}

static bool
is_acceptable(struct shoal_core *core, const struct shoal_msg_cast *message,
        const struct shoal_teller *teller, const struct shoal_cast_key *key,
        enum shoal_cast_way way)
{
	uint32_t origin = shoal_members_find(core, &message->id);

	if (teller->slot == SHOAL_NONE || origin == SHOAL_NONE) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		return false;
	}
	if (origin == SHOAL_SELF) {
		shoal_count(core, SHOAL_COUNTER_CASTS_AGAIN);
		return false;
	}
	if (!is_credible(core, message, teller, key, way)) {
		return false;
	}
	if (shoal_seen_is_past(core, key)) {
		shoal_count(core, SHOAL_COUNTER_CASTS_PASSED);
		return false;
	}
	struct shoal_cast *held = shoal_cast_find(core, key);
	bool seen = shoal_seen_has(core, key);
	if (seen || held != NULL) {
		shoal_count(core, SHOAL_COUNTER_CASTS_AGAIN);
		if (!seen) {
			/* That it was heard is forgotten, or was taken back. */
			note_heard(core, message, key);
		} else if (message->hops == 0) {
			shoal_seen_direct(core, key);
		}
		if (held != NULL) {
			shoal_spread_heard(core, held, teller->slot);
		}
		return false;
	}
	return shoal_limit_admits(core, message);
}

/* It is held so that it can be passed on or fetched. NULL: no memory. */
static struct shoal_cast *
hold(struct shoal_core *core, const struct shoal_msg_cast *message,
        const struct shoal_teller *teller, const struct shoal_cast_key *key)
{
	struct shoal_cast *cast = add(core, key, message->tag, message->body);

	if (cast == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return NULL;
	}
	cast->born = core->now - SHOAL_MS(message->age_ms);
	cast->stamp = message->stamp;
	cast->from = teller->slot;
	cast->hops = message->hops < UINT8_MAX ? message->hops + 1u : UINT8_MAX;
	cast->type = (uint16_t)message->type;
	cast->flags = message->flags;
	cast->hops_max = message->hops_max;
	cast->ttl_ms = (uint32_t)message->ttl_ms;
	return cast;
}

static bool
is_passed_on(struct shoal_core *core, const struct shoal_msg_cast *message,
        const struct shoal_teller *teller)
{
	uint64_t cost = SHOAL_MESSAGE_COST + message->tag.len + message->body.len;

	if ((message->flags & SHOAL_NO_FORWARD) != 0 ||
	        shoal_limit_ends_at(message->hops + 1u, message->hops_max) ||
	        shoal_spread_reach(core, &message->id, teller->slot) == 0) {
		return false;
	}
	if (!shoal_spread_has_room(core, false, cost)) {
		shoal_count(core, SHOAL_COUNTER_DROP_CASTS_FULL);
		return false;
	}
	return true;
}

/* A reliable one that cannot be held was not heard: it comes again. */
bool
shoal_cast_on_message(struct shoal_core *core, const struct shoal_msg_cast *message,
        const struct shoal_teller *teller, enum shoal_cast_way way)
{
	struct shoal_cast_key key = {message->id, message->salt, message->number,
	        (message->flags & SHOAL_RELIABLE) != 0};
	struct shoal_cast *cast = NULL;

	if (!is_acceptable(core, message, teller, &key, way)) {
		return false;
	}
	bool spreads = way != SHOAL_CAST_REPAIRED && is_passed_on(core, message, teller);
	if (spreads || key.reliable) {
		cast = hold(core, message, teller, &key);
	}
	if (cast == NULL && key.reliable) {
		return false;
	}
	if (!note_heard(core, message, &key)) {
		if (cast != NULL) {
			shoal_cast_free(core, cast);
		}
		return false;
	}
	shoal_count(core, SHOAL_COUNTER_CASTS_IN);
	bool taken = hand_over(core, message, message->hops);
	if (key.reliable) {
		/* One that the host never has room for is lost at once. */
		cast->untaken = !taken && shoal_inbox_fits(core, message->body.len);
		core->casts.untaken += cast->untaken;
		shoal_keep_add(core, cast);
		if (shoal_keep_is_pressed(core)) {
			shoal_repair_hurry(core);
		}
	}
	if (spreads && cast != NULL) {
		shoal_spread_add(core, cast);
	}
	return true;
}

static struct shoal_msg_cast
message_of(const struct shoal_core *core, const struct shoal_cast *cast)
{
	uint64_t age = (core->now - cast->born) / SHOAL_MS(1);

	return (struct shoal_msg_cast){.id = cast->key.id,
	        .salt = cast->key.salt,
	        .number = cast->key.number,
	        .age_ms = age < SHOAL_CAST_AGE_MAX ? age : SHOAL_CAST_AGE_MAX,
	        .stamp = cast->stamp,
	        .hops = (uint8_t)cast->hops,
	        .flags = cast->flags,
	        .type = cast->type,
	        .tag = {cast->data, cast->tag_len},
	        .body = {cast->data + cast->tag_len, cast->len},
	        .hops_max = cast->hops_max,
	        .ttl_ms = cast->ttl_ms};
}

bool
shoal_cast_write(
        struct shoal_core *core, const struct shoal_cast *cast, struct shoal_writer *writer)
{
	struct shoal_msg_cast message = message_of(core, cast);

	if (!shoal_coding_append(core, writer, SHOAL_MESSAGE_CAST, &message)) {
		return false;
	}
	shoal_count(core, SHOAL_COUNTER_CASTS_OUT);
	return true;
}

void
shoal_cast_spent(struct shoal_core *core, struct shoal_cast *cast)
{
	shoal_list_remove(&cast->flying);
	if (cast->token != 0) {
		shoal_list_push_back(&core->casts.ended, &cast->ended);
	}
	shoal_cast_free(core, cast);
}

void
shoal_cast_expire(struct shoal_core *core)
{
	struct shoal_casts *casts = &core->casts;

	SHOAL_LIST_FOREACH_SAFE (node, after, &casts->all) {
		struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, all);
		uint64_t age = core->now - cast->born;
		if (age >= shoal_ms(core->profile.cast_keep_ms)) {
			shoal_seen_gone(core, &cast->key);
		}
		if (age >= shoal_limit_keep(core, cast)) {
			shoal_keep_remove(core, cast);
		}
		if (cast->counted && cast->until <= core->now) {
			shoal_spread_release(core, cast);
		} else {
			shoal_cast_free(core, cast);
		}
	}
}

void
shoal_cast_on_room(struct shoal_core *core)
{
	struct shoal_casts *casts = &core->casts;

	SHOAL_LIST_FOREACH (node, &core->keep.others) {
		struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, kept);
		if (casts->untaken == 0) {
			return;
		}
		uint32_t slot = shoal_members_find(core, &cast->key.id);
		if (cast->untaken &&
		        shoal_inbox_has_room(core, slot, cast->len + SHOAL_MESSAGE_COST)) {
			struct shoal_msg_cast message = message_of(core, cast);
			bool taken = hand_over(core, &message, cast->hops - 1);
			cast->untaken = !taken;
			casts->untaken -= taken;
		}
	}
}

void
shoal_cast_end_all(struct shoal_core *core)
{
	core->casts.refused[0] = core->casts.refused[1] = 0;
	core->casts.end_code = SHOAL_ERR_CLOSED;
	shoal_spread_end_all(core);
}

bool
shoal_cast_next_event(struct shoal_core *core, struct shoal_event *event)
{
	struct shoal_casts *casts = &core->casts;
	struct shoal_list *first = shoal_list_first(&casts->ended);

	if (first != NULL) {
		struct shoal_cast *cast = SHOAL_LIST_ITEM(first, struct shoal_cast, ended);
		event->kind = SHOAL_EVENT_SENT;
		event->exchange = cast->token;
		event->code = casts->end_code;
		shoal_list_remove(first);
		shoal_cast_free(core, cast);
		return true;
	}
	uint64_t half = core->profile.queue_bytes / 2;
	for (size_t i = 0; i < 2; i++) {
		uint64_t cost = casts->refused[i];
		if (cost != 0 &&
		        has_room(core, i == 1, cost, cost > half ? cost : half, FLYING_MOST / 2)) {
			casts->refused[i] = 0;
			event->kind = SHOAL_EVENT_WRITABLE;
			return true;
		}
	}
	return false;
}

size_t
shoal_cast_memory(const struct shoal_core *core)
{
	const struct shoal_casts *casts = &core->casts;

	return shoal_slab_memory(&casts->slab) + shoal_table_memory(&casts->by_key) + casts->bytes +
	       casts->slab.count + shoal_shelf_memory(core) + shoal_seen_memory(core) +
	       shoal_want_memory(core);
}
