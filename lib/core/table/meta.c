/* SPDX-License-Identifier: MIT */
/* Metadata. Each member's is one document under a version, a stamp of its owner's hybrid clock, and
 * only the owner makes a new one. Of two the one with the higher {version, hash} counts, whichever
 * instance it was of: a restart outbids what its former run said, however wrong its clock.
 *
 * A version far ahead of the clock here counts all the same, moves the clock here by a minute at
 * most and is logged.
 *
 * What is held here is told on while its subject takes part or leaves. All of it together is
 * bounded: the dead and left give theirs up first, once what needs it is here, and what finds no
 * room even so is not held. That of before stays. What was told last and found none is named in the
 * digest instead of it, so that walks agree, until there is room: then they bring it. Cost: O(size)
 * where it is taken over, O(1) where it is not, O(graves) where the dead make room, and a look
 * through all that found none. */
#include "core/table/meta.h"

#include <string.h>

#include <shoal/document.h>

#include "base/hash.h"
#include "core/event.h"
#include "core/node.h"
#include "core/table/apply.h"

/* No clock says more. A version is not judged by the clock here, which may be the one that is
 * wrong. */
#define VERSION_MOST (UINT64_MAX >> 1)
/* A former run of this member is outbid, and a clock that is wrong logged, at most so often. */
#define OUTBID_APART SHOAL_SEC(1)
#define WARNED_APART SHOAL_SEC(60)
/* What a packet needs besides a body. */
#define PACKET_REST 1024

static uint64_t
hash_of(struct shoal_span body)
{
	struct shoal_sha256 sha;
	uint8_t digest[32];
	uint64_t hash = 0;

	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, body.data, body.len);
	shoal_sha256_final(&sha, digest);
	for (size_t i = 0; i < 8; i++) {
		hash = hash << 8 | digest[i];
	}
	return hash;
}

static bool
is_told(const struct shoal_record *record)
{
	return record->info->described != 0 && record->state != SHOAL_STATE_UNKNOWN &&
	       !shoal_state_is_gone((enum shoal_state)record->state);
}

uint64_t
shoal_meta_sum(const struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	enum shoal_state state = (enum shoal_state)record->state;
	uint64_t sum;

#ifdef SHOAL_PLANT_META_UNDIGESTED
	return 0;
#endif
	if (state != SHOAL_STATE_UNKNOWN && !shoal_state_is_gone(state) &&
	        shoal_unheld_sum(core, slot, &sum)) {
		return sum;
	}
	if (!is_told(record)) {
		return 0;
	}
	struct shoal_meta meta = shoal_info_meta(record->info);
	return meta.version ^ meta.hash;
}

bool
shoal_meta_is_newer(const struct shoal_record *record, uint64_t version, uint64_t hash)
{
	struct shoal_meta held = shoal_info_meta(record->info);

#ifdef SHOAL_PLANT_META_STAYS
	return held.version == 0;
#endif
	return version != held.version ? version > held.version
	                               : held.version != 0 && hash > held.hash;
}

bool
shoal_meta_write(struct shoal_core *core, uint32_t slot, bool whole, struct shoal_writer *writer)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (!is_told(record)) {
		return true;
	}
	struct shoal_meta meta = shoal_info_meta(record->info);
	struct shoal_msg_meta message = {.id = record->info->id,
	        .version = meta.version,
	        .hash = meta.hash,
	        .len = meta.body.len};
	if (whole || meta.body.len <= SHOAL_META_INLINE) {
		message.body = meta.body;
	}
	if (!shoal_coding_append(core, writer, SHOAL_MESSAGE_META, &message)) {
		return false;
	}
	shoal_count(core, SHOAL_COUNTER_METAS_OUT);
	return true;
}

/* This member's own, under a version above its clock and above `least`. */
static int
publish(struct shoal_core *core, struct shoal_span body, uint64_t least)
{
	struct shoal_hlc *clock = &core->meta.clock;
	struct shoal_meta meta = {.hash = hash_of(body), .body = body};

	meta.version = shoal_hlc_now(clock, core->wall_ns);
	if (meta.version < least) {
		meta.version = clock->last = least;
	}
	if (shoal_members_describe(core, SHOAL_SELF, &meta) != SHOAL_OK) {
		return SHOAL_ERR_NOMEM;
	}
	shoal_gossip_describe(core, SHOAL_SELF);
	return SHOAL_OK;
}

int
shoal_meta_set(struct shoal_core *core, struct shoal_span body)
{
	struct shoal_meta held = shoal_info_meta(shoal_members_at(core, SHOAL_SELF)->info);

	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		return SHOAL_ERR_STATE;
	}
	if (body.len > SHOAL_META_MAX ||
	        body.len > shoal_coding_most(core, core->profile.stream_max - PACKET_REST)) {
		return SHOAL_ERR_TOO_BIG;
	}
	if (!shoal_document_is_valid(body.data, body.len)) {
		return SHOAL_ERR_MALFORMED;
	}
	if (held.body.len == body.len &&
	        (body.len == 0 || memcmp(held.body.data, body.data, body.len) == 0)) {
		return SHOAL_OK;
	}
	return publish(core, body, 0);
}

/* Others hold a version of a former run of this member, or of one who took its name: it goes above
 * that, whatever its clock says. */
static void
outbid(struct shoal_core *core, const struct shoal_msg_meta *told)
{
	struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_own_meta *meta = &core->meta;

	if (!shoal_meta_is_newer(self, told->version, told->hash) ||
	        core->leave.phase != SHOAL_LEAVE_NOT ||
	        (meta->outbid != 0 && core->now - meta->outbid < OUTBID_APART)) {
		return;
	}
	struct shoal_span body = shoal_info_meta(self->info).body;
	if (publish(core, body, told->version + 1) != SHOAL_OK) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
	}
	meta->outbid = core->now;
}

/* false: no clock says so. */
static bool
judge_version(struct shoal_core *core, const struct shoal_msg_meta *told)
{
	struct shoal_log_line line;

	if (told->version > VERSION_MOST) {
		shoal_count(core, SHOAL_COUNTER_DROP_META_AHEAD);
		return false;
	}
	if (shoal_hlc_merge(&core->meta.clock, told->version, core->wall_ns)) {
		return true;
	}
	shoal_count(core, SHOAL_COUNTER_META_AHEAD);
	if ((core->meta.warned == 0 || core->now - core->meta.warned >= WARNED_APART) &&
	        shoal_log_begin(core, &line, SHOAL_LOG_WARN, "meta")) {
		char id[SHOAL_ID_TEXT];
		core->meta.warned = core->now;
		shoal_id_print(&told->id, id);
		shoal_text_str(&line.text, "the metadata of ");
		shoal_text_str(&line.text, id);
		shoal_text_str(&line.text, " is more than a minute ahead of the clock here: set "
		                           "the clocks");
	}
	return true;
}

/* Less than before always fits: the bound may have been lowered since. */
static bool
is_room(const struct shoal_core *core, uint32_t slot, uint64_t cost)
{
	const struct shoal_members *members = &core->members;
	uint64_t own = shoal_members_meta_cost(shoal_members_at(core, slot));

	return cost <= own || members->meta_bytes - own + cost <= core->profile.meta_bytes;
}

/* The same once the dead and left, but for this one, have given theirs up. */
static bool
may_have_room(const struct shoal_core *core, uint32_t slot, uint64_t cost)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct shoal_members *members = &core->members;
	uint64_t own = shoal_members_meta_cost(record);
	uint64_t others = members->meta_bytes - members->meta_gone;

	if (!shoal_state_is_gone((enum shoal_state)record->state)) {
		others -= own;
	}
	return cost <= own || others + cost <= core->profile.meta_bytes;
}

/* What cannot go for want of memory stays. */
static void
give_up(struct shoal_core *core, uint32_t grave)
{
	struct shoal_span held = shoal_info_meta(shoal_members_at(core, grave)->info).body;
	unsigned changed = shoal_document_changes(held.data, held.len, NULL, 0);

	if (shoal_members_undescribe(core, grave) == SHOAL_OK) {
		shoal_members_owe(core, grave, changed);
	}
}

/* Of the dead and left, but for the one that it is for. */
static void
make_room(struct shoal_core *core, uint32_t slot, uint64_t cost)
{
	const struct shoal_heap *graves = &core->members.graves;

	for (size_t i = 0; i < graves->count && core->members.meta_gone > 0; i++) {
		uint32_t grave = graves->item[i].timer->slot;

		if (is_room(core, slot, cost)) {
			break;
		}
		if (grave != slot && shoal_members_at(core, grave)->info->described != 0) {
			give_up(core, grave);
		}
	}
}

/* Once a minute is enough: it comes again until there is room. */
static void
log_full(struct shoal_core *core, uint32_t slot, uint64_t len)
{
	struct shoal_own_meta *meta = &core->meta;
	struct shoal_log_line line;

	if ((meta->full == 0 || core->now - meta->full >= WARNED_APART) &&
	        shoal_log_begin(core, &line, SHOAL_LOG_WARN, "meta")) {
		meta->full = core->now;
		shoal_text_str(&line.text, "the metadata of ");
		shoal_text_str(&line.text, shoal_members_name(shoal_members_at(core, slot)));
		shoal_text_str(&line.text, " (");
		shoal_text_u64(&line.text, len);
		shoal_text_str(&line.text, " bytes) is not held: all of it would be above "
		                           "meta_bytes, ");
		shoal_text_u64(&line.text, core->profile.meta_bytes);
		shoal_text_str(&line.text, "; raise that, or let members say less");
	}
}

/* Whether so many bytes of one member can be held; said and counted where they cannot. Only for
 * those that are here, and fit then, do the dead make room. */
static bool
fits(struct shoal_core *core, uint32_t slot, const struct shoal_msg_meta *told, bool here)
{
	uint64_t len = here ? told->body.len : told->len;
	uint64_t cost = len + SHOAL_META_COST;
	bool may = may_have_room(core, slot, cost);

	if (may && here) {
		make_room(core, slot, cost);
	}
	if (may && (!here || is_room(core, slot, cost))) {
		return true;
	}
	shoal_count(core, SHOAL_COUNTER_DROP_META_FULL);
	log_full(core, slot, len);
	shoal_unheld_note(core, slot, told, len);
	return false;
}

void
shoal_meta_retry(struct shoal_core *core)
{
	struct shoal_unheld *unheld = &core->meta.unheld;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < unheld->count;) {
		struct shoal_unheld_item item = unheld->item[i];
		uint64_t cost = item.len + SHOAL_META_COST;

		if (shoal_members_at(core, item.slot) == NULL ||
		        may_have_room(core, item.slot, bytes + cost)) {
			bytes += cost;
			shoal_unheld_forget(core, item.slot); /* the last one is here now */
		} else {
			i++;
		}
	}
}

static void
take_over(struct shoal_core *core, uint32_t slot, const struct shoal_msg_meta *told,
        const struct shoal_teller *teller)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_meta meta = {.version = told->version, .hash = told->hash, .body = told->body};
	struct shoal_span held = shoal_info_meta(record->info).body;
	struct shoal_cause cause = shoal_apply_cause(teller);

	if (hash_of(told->body) != told->hash ||
	        !shoal_document_is_valid(told->body.data, told->body.len)) {
		shoal_count(core, SHOAL_COUNTER_DROP_META);
		return;
	}
	if (!fits(core, slot, told, true)) {
		return;
	}
	unsigned changed =
	        shoal_document_changes(held.data, held.len, told->body.data, told->body.len);
	if (shoal_members_describe(core, slot, &meta) != SHOAL_OK) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	shoal_count(core, SHOAL_COUNTER_META_UPDATES);
	shoal_unheld_forget(core, slot);
	shoal_pull_settled(core, slot);
	if (!is_told(record)) {
		shoal_members_owe(core, slot, changed);
		return;
	}
	if (changed != 0) {
		shoal_event_update(core, slot, changed, &cause);
	}
	if (shoal_apply_spreads(core, record, teller)) {
		shoal_gossip_describe(core, slot);
	}
}

/* A newer version of the very bytes that are held, as a restart makes it: nobody is asked for them.
 */
static bool
is_stamp(const struct shoal_record *record, const struct shoal_msg_meta *told)
{
	struct shoal_meta held = shoal_info_meta(record->info);

	return held.version != 0 && held.hash == told->hash && held.body.len == told->len;
}

static void
stamp(struct shoal_core *core, uint32_t slot, const struct shoal_msg_meta *told,
        const struct shoal_teller *teller)
{
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_meta meta = shoal_info_meta(record->info);

	meta.version = told->version;
	if (shoal_members_describe(core, slot, &meta) != SHOAL_OK) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	shoal_unheld_forget(core, slot);
	shoal_pull_settled(core, slot);
	if (is_told(record) && shoal_apply_spreads(core, record, teller)) {
		shoal_gossip_describe(core, slot);
	}
}

/* Only a member's word that there is more makes anybody ask for it. */
static void
want(struct shoal_core *core, uint32_t slot, const struct shoal_msg_meta *told,
        const struct shoal_teller *teller)
{
	const struct shoal_record *record =
	        shoal_members_at(core, shoal_members_find(core, &teller->id));

	/* The table that this one asked for may name its sender last. */
	if (teller->path != SHOAL_PATH_ASKED && (record == NULL || !shoal_members_counts(record))) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		return;
	}
	if (fits(core, slot, told, false)) {
		shoal_pull_want(core, slot, told, teller);
	}
}

void
shoal_meta_on_message(struct shoal_core *core, const struct shoal_msg_meta *message,
        const struct shoal_teller *teller)
{
	uint32_t slot = shoal_members_find(core, &message->id);
	const struct shoal_record *record = shoal_members_at(core, slot);

	shoal_count(core, SHOAL_COUNTER_METAS_IN);
	if (record == NULL || !shoal_meta_is_newer(record, message->version, message->hash)) {
		shoal_count(core, SHOAL_COUNTER_DROP_STALE);
	} else if (!judge_version(core, message)) {
		return;
	} else if (slot == SHOAL_SELF) {
		outbid(core, message);
	} else if (is_stamp(record, message)) {
		stamp(core, slot, message, teller);
	} else if (message->body.len < message->len) {
		want(core, slot, message, teller);
	} else {
		take_over(core, slot, message, teller);
	}
}
