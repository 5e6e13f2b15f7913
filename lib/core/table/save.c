/* SPDX-License-Identifier: MIT */
/* The memory of a member: one packet of full statements, its own first, then those that take part,
 * then the tombstones, so that a table that does not fit loses the oldest news first. Who is
 * leaving or unconfirmed is not in it: neither outlasts a restart.
 *
 * What is restored is old word, and is held as such. It is no news, for the cluster knows better by
 * now. Who was heard within profile.hearsay_ms counts at once; the others are tried, as hearsay is,
 * as is everybody where the application is asked whom it takes in (accept.c): whoever answers is
 * told that this member lives, so that a cluster of which all members
 * restarted finds itself again. The dead are remembered with their ages, or an old statement about
 * them could revive them.
 *
 * Cost: O(members), at the start and when the host saves; no packet comes here. */
#include "core/table/save.h"

#include <string.h>

#include "core/detect/check.h"
#include "core/event.h"
#include "core/node.h"
#include "core/table/grave.h"
#include "core/table/learn.h"
#include "wire/message.h"
#include "wire/packet.h"

/* Those of one kind. false: the buffer is too small. */
static bool
write_all(const struct shoal_core *core, bool gone, struct shoal_writer *writer)
{
	for (uint32_t slot = 1; slot < core->members.records.end; slot++) {
		const struct shoal_record *record = shoal_members_at(core, slot);
		if (record == NULL) {
			continue;
		}
		bool wanted = gone ? shoal_state_is_gone((enum shoal_state)record->state)
		                   : shoal_members_counts(record);
		if (wanted && !shoal_gossip_write_full(core, slot, writer)) {
			return false;
		}
	}
	return true;
}

static int
save(struct shoal_core *core, const uint8_t **data, size_t *len)
{
	struct shoal_sends *sends = &core->sends;
	struct shoal_writer writer;
	bool grows = true;

	while (sends->stream == NULL && grows) {
		grows = shoal_sends_grow(core);
	}
	while (grows) {
		shoal_writer_init(&writer, sends->stream, sends->stream_capacity);
		shoal_packet_begin(&writer, core->label_span);
		if (!shoal_gossip_write_full(core, SHOAL_SELF, &writer)) {
			return SHOAL_ERR_TOO_BIG;
		}
		bool whole = write_all(core, false, &writer) && write_all(core, true, &writer);
		if (whole || sends->stream_capacity >= core->profile.stream_max) {
			shoal_packet_end(&writer);
			*data = writer.data;
			*len = writer.len;
			return SHOAL_OK;
		}
		grows = shoal_sends_grow(core);
	}
	return SHOAL_ERR_NOMEM;
}

int
shoal_core_save(struct shoal_core *core, const uint8_t **data, size_t *len)
{
	shoal_coding_write_compact(core);
	int rc = save(core, data, len);
	shoal_coding_write(core, NULL);
	return rc;
}

/* A former run of this member: whatever the clock says, this one is above it. */
static void
restore_self(struct shoal_core *core, const struct shoal_msg_member *saved)
{
	struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);

	if (saved->incarnation >= self->incarnation && saved->incarnation != UINT64_MAX) {
		self->incarnation = saved->incarnation + 1;
		shoal_tree_touch(core, SHOAL_SELF);
	}
}

static void
restore_grave(struct shoal_core *core, uint32_t slot, const struct shoal_msg_member *saved,
        uint64_t age_ns)
{
	if (shoal_grave_dig(core, slot, (enum shoal_state)saved->state, 0, NULL, age_ns)) {
		shoal_members_at(core, slot)->flags |= SHOAL_RECORD_SILENT;
	} else if (shoal_members_find(core, &saved->id) == slot) {
		shoal_members_remove(core, slot); /* for want of memory */
	}
}

/* Nobody in particular told of it, so that no teller's share of the unconfirmed is used. */
static void
restore_hearsay(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_id nobody = {{0}};
	struct shoal_claim told = shoal_members_claim(shoal_members_at(core, slot));
	struct shoal_hold *hold = shoal_members_hold_take(core, slot);

	if (hold == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		shoal_members_remove(core, slot);
		return;
	}
	hold->restored = true;
	shoal_members_hold_until(core, slot, core->now + SHOAL_UNKNOWN_KEPT);
	told.state = SHOAL_STATE_ALIVE;
	shoal_check_queue(core, slot, &nobody, &told);
}

static void
restore_member(struct shoal_core *core, const struct shoal_msg_member *saved, uint64_t age_ns)
{
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_RESTORED, NULL);
	bool gone = shoal_state_is_gone((enum shoal_state)saved->state);
	bool fresh = age_ns <= shoal_ms(core->profile.hearsay_ms) && !core->accept.asks;
	uint32_t slot;

	if (saved->state == SHOAL_STATE_LEAVING ||
	        shoal_members_find(core, &saved->id) != SHOAL_NONE ||
	        (saved->marks & SHOAL_MARK_FORGOTTEN) != 0 || !shoal_allow_member(core, saved)) {
		return;
	}
	if (gone && age_ns >= shoal_ms(core->profile.tombstone_ms)) {
		return;
	}
	if (!gone && !fresh &&
	        core->members.count[SHOAL_STATE_UNKNOWN] >= core->profile.unknown_max) {
		shoal_count(core, SHOAL_COUNTER_DROP_UNKNOWN_FULL);
		return;
	}
	int rc = shoal_members_add(core, saved, &slot);
	if (rc != SHOAL_OK) {
		shoal_count(core, rc == SHOAL_ERR_LIMIT ? SHOAL_COUNTER_DROP_MEMBERS_FULL
		                                        : SHOAL_COUNTER_DROP_NOMEM);
	} else if (gone) {
		restore_grave(core, slot, saved, age_ns);
	} else if (fresh) {
		shoal_members_hear(core, shoal_members_at(core, slot), core->now - age_ns);
		shoal_members_move(core, slot, SHOAL_STATE_ALIVE, SHOAL_EVENT_JOIN, &cause);
	} else {
		restore_hearsay(core, slot);
	}
}

static int
open_saved(const struct shoal_core *core, const struct shoal_input *input,
        struct shoal_reader *messages)
{
	struct shoal_packet_header header;
	union shoal_wire_message message;
	struct shoal_reader body;
	uint16_t kind;
	int rc = shoal_migrate_open(core, input->data, input->len, &header, messages);

	if (rc != SHOAL_OK) {
		return rc == SHOAL_ERR_UNSUPPORTED ? SHOAL_ERR_MALFORMED : rc;
	}
	struct shoal_reader look = *messages;
	while ((rc = shoal_message_next(&look, &kind, &body)) > 0) {
		if (shoal_message_decode(kind, body, &message) == SHOAL_ERR_MALFORMED) {
			return SHOAL_ERR_MALFORMED;
		}
	}
	return rc;
}

int
shoal_save_restore(struct shoal_core *core, const struct shoal_input *input)
{
	struct shoal_reader messages, body;
	union shoal_wire_message message;
	uint16_t kind;

	if (core->members.records.count != 1 || core->leave.phase != SHOAL_LEAVE_NOT) {
		return SHOAL_ERR_STATE;
	}
	int rc = open_saved(core, input, &messages);
	if (rc != SHOAL_OK) {
		return rc;
	}
	const struct shoal_id self = shoal_members_at(core, SHOAL_SELF)->info->id;
	while (shoal_message_next(&messages, &kind, &body) > 0) {
		if (shoal_message_decode(kind, body, &message) != SHOAL_OK ||
		        kind != SHOAL_MESSAGE_MEMBER) {
			continue;
		}
		struct shoal_msg_member *saved = &message.member;
		if (memcmp(&saved->id, &self, sizeof self) == 0) {
			restore_self(core, saved);
			continue;
		}
		uint64_t most = shoal_learn_age(UINT64_MAX);
		uint64_t since = input->age_ns < most ? input->age_ns : most;
		restore_member(core, saved, shoal_learn_age(saved->age_ms) + since);
	}
	return SHOAL_OK;
}
