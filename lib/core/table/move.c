/* SPDX-License-Identifier: MIT */
/* Addresses that change while an instance runs.
 *
 * They are a register beside the state: {moved, addresses}, where moved is the incarnation under
 * which the subject took them, 0 for those that it started with. Of two the higher one counts, of
 * whatever incarnation the statements were. So a short statement, which raises the incarnation and
 * tells no address, cannot make an old address look new, and an old one that comes late, even under
 * a newer incarnation, is never taken. Only the subject sets moved; it is in the digest (tree.c),
 * so that a walk finds who missed the change. A new instance says all anew, by whomever it is told.
 *
 * Only the subject's own word counts, from where it would be found: else whoever can speak could
 * move anybody to where nobody is, or all members to one victim. What another one tells, or it from
 * another address, makes this member ask there, within the bounds of hearsay, and the subject's
 * answer says where it is. Its own word also replaces what somebody else said under the same moved,
 * when it was not known yet.
 *
 * Cost: O(1) for what is told; a change of this member's own looks at all members once, for it may
 * be of another family. */
#include "core/table/move.h"

#include <string.h>

#include "base/addr.h"
#include "core/detect/check.h"
#include "core/event.h"
#include "core/node.h"
#include "core/table/apply.h"

/* How far `moved` may be above the incarnation that is told with it, and that is held: nobody gets
 * there, and what is further could not be contradicted by a higher one. */
#define AHEAD_MAX (UINT64_C(1) << 32)

static bool
is_forged(uint64_t moved, uint64_t incarnation)
{
	return moved > incarnation && moved - incarnation > AHEAD_MAX;
}

bool
shoal_move_is_forged(const struct shoal_msg_member *told)
{
	return is_forged(told->moved, told->incarnation);
}

static bool
are_equal(const struct shoal_addr_list *a, const struct shoal_addr_list *b)
{
	bool equal = shoal_info_same_addrs(a, b);

	for (size_t i = 0; i < a->count && equal; i++) {
		equal = a->item[i].scope == b->item[i].scope;
	}
	return equal;
}

static bool
is_this_instance(const struct shoal_record *record, const struct shoal_msg_member *member)
{
	return memcmp(&record->info->salt, &member->salt, sizeof member->salt) == 0;
}

static bool
are_usable(const struct shoal_addr_list *addrs)
{
	for (size_t i = 0; i < addrs->count; i++) {
		if (addrs->item[i].port == 0 || shoal_addr_is_wildcard(&addrs->item[i])) {
			return false;
		}
	}
	return addrs->count > 0;
}

static void
log_move(struct shoal_core *core)
{
	struct shoal_log_line line;

	if (shoal_log_begin(core, &line, SHOAL_LOG_INFO, "members")) {
		shoal_text_str(&line.text, "this member is at ");
		shoal_kind_write(shoal_members_at(core, SHOAL_SELF), &line.text);
		shoal_text_str(&line.text, " now");
	}
}

/* What the address among them stands for that is made from a URL: the config's. */
static struct shoal_span
url_of(const struct shoal_core *core, const struct shoal_addr_list *addrs)
{
	for (size_t i = 0; i < addrs->count; i++) {
		if (shoal_addr_is_web(&addrs->item[i])) {
			return (struct shoal_span){(const uint8_t *)core->url, strlen(core->url)};
		}
	}
	return (struct shoal_span){NULL, 0};
}

/* Its present addresses or other ones, under the next incarnation. */
static int
say(struct shoal_core *core, const struct shoal_addr_list *addrs)
{
	struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);

	if (self->incarnation == UINT64_MAX) {
		return SHOAL_ERR_LIMIT;
	}
	int rc = shoal_members_readdress(
	        core, SHOAL_SELF, addrs, url_of(core, addrs), self->incarnation + 1);
	if (rc == SHOAL_OK) {
#ifndef SHOAL_PLANT_MOVES_UNDIGESTED
		self->incarnation++;
#endif
		shoal_gossip_add(core, SHOAL_SELF);
	}
	return rc;
}

int
shoal_move_set(struct shoal_core *core, struct shoal_span data)
{
	struct shoal_addr_list addrs = {.count = data.len / sizeof addrs.item[0]};
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_addr_list held = shoal_info_addrs(self->info);

	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		return SHOAL_ERR_STATE;
	}
	if (data.len % sizeof addrs.item[0] != 0 || addrs.count > SHOAL_ADDRS_MAX) {
		return SHOAL_ERR_INVALID;
	}
	memcpy(addrs.item, data.data, data.len);
	if (!are_usable(&addrs) || !shoal_message_is_url_of(&addrs, url_of(core, &addrs))) {
		return SHOAL_ERR_INVALID;
	}
	if (are_equal(&addrs, &held)) {
		return SHOAL_OK;
	}
	int rc = say(core, &addrs);
	if (rc == SHOAL_OK) {
		shoal_members_prefer(core, addrs.item, addrs.count);
		shoal_reach_moved(core);
		log_move(core);
	}
	return rc;
}

static bool
is_host(const struct shoal_addr *a, const struct shoal_addr *b)
{
	return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* By whom it is said where a member is. */
enum word {
	WORD_OTHER,
	WORD_CLAIMED, /* in its name, from another address that it lists */
	WORD_OWN      /* its own: sealed, or from where it would be found */
};

/* Only IP addresses are compared: ports are those of connections. */
bool
shoal_move_is_own(const struct shoal_core *core, const struct shoal_msg_member *told,
        const struct shoal_teller *teller)
{
	return memcmp(&teller->id, &told->id, sizeof told->id) == 0 &&
	       (core->seal.sealed || teller->sealed ||
	               is_host(shoal_members_used(core, &told->addrs), &teller->from));
}

static enum word
whose_word(const struct shoal_core *core, const struct shoal_said *said,
        const struct shoal_teller *teller)
{
	const struct shoal_addr_list *addrs = &said->member->addrs;

	if (memcmp(&teller->id, said->id, sizeof *said->id) != 0) {
		return WORD_OTHER;
	}
	if (shoal_move_is_own(core, said->member, teller)) {
		return WORD_OWN;
	}
	for (size_t i = 0; i < addrs->count; i++) {
		if (is_host(&addrs->item[i], &teller->from)) {
			return WORD_CLAIMED;
		}
	}
	return WORD_OTHER;
}

/* Whether they take the place of those that are held. Scopes alone do where none was known, or the
 * member was doubted by the one that is held: over another link it may be told with another one, or
 * with none. */
static bool
replaces(const struct shoal_said *said, const struct shoal_info *info, enum word word,
        struct shoal_addr_list *addrs)
{
	struct shoal_addr_list held = shoal_info_addrs(info);
	uint64_t moved = shoal_info_moved(info);
	bool newer = said->member->moved > moved;
	bool doubted = word != WORD_OTHER && said->was != SHOAL_STATE_ALIVE;

	*addrs = said->member->addrs;
	shoal_info_keep_scopes(addrs, &held, !newer && !doubted);
	if (newer || said->member->moved < moved) {
		return newer;
	}
	return shoal_info_same_addrs(&held, addrs) ? !are_equal(&held, addrs) : word != WORD_OTHER;
}

void
shoal_move_told(
        struct shoal_core *core, const struct shoal_said *said, const struct shoal_teller *teller)
{
	const struct shoal_msg_member *told = said->member;
	uint32_t slot = told != NULL ? shoal_members_find(core, said->id) : SHOAL_NONE;
	struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_addr_list addrs;

	if (told == NULL || record == NULL || slot == SHOAL_SELF ||
	        !is_this_instance(record, told)) {
		return;
	}
	struct shoal_addr_list held = shoal_info_addrs(record->info);
	bool newer = told->moved > shoal_info_moved(record->info);
	if (is_forged(told->moved, record->incarnation)) {
		shoal_count(core, SHOAL_COUNTER_DROP_STALE);
		return;
	}
	enum word word = whose_word(core, said, teller);
	if (!replaces(said, record->info, word, &addrs)) {
		return;
	}
	bool elsewhere = !shoal_info_same_addrs(&held, &addrs);
	if ((newer || elsewhere) && word != WORD_OWN) {
		shoal_check_move(core, slot, teller, shoal_members_used(core, &addrs), told->url);
		return;
	}
	if (shoal_members_readdress(core, slot, &addrs, told->url, told->moved) != SHOAL_OK) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	enum shoal_state state = (enum shoal_state)record->state;
	if (elsewhere && shoal_state_is_gone(state)) {
		shoal_members_owe(core, slot, SHOAL_CHANGE_ADDRESS);
	} else if (elsewhere && state != SHOAL_STATE_UNKNOWN) {
		struct shoal_cause cause = shoal_apply_cause(teller);
		shoal_event_update(core, slot, SHOAL_CHANGE_ADDRESS, &cause);
	}
	if (newer) {
		shoal_gossip_fill_in(core, slot);
	}
}

bool
shoal_move_denies(const struct shoal_core *core, const struct shoal_msg_member *told)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);

	if (!is_this_instance(self, told)) {
		return false;
	}
	struct shoal_addr_list held = shoal_info_addrs(self->info);
	uint64_t moved = shoal_info_moved(self->info);
	return told->moved > moved ||
	       (told->moved == moved && !shoal_info_same_addrs(&held, &told->addrs));
}

void
shoal_move_insist(struct shoal_core *core, const struct shoal_msg_member *told)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_addr_list held = shoal_info_addrs(self->info);
	struct shoal_identity *identity = &core->identity;

	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		return;
	}
	if (is_forged(told->moved, self->incarnation) ||
	        (identity->insisted != 0 && core->now - identity->insisted < SHOAL_SEC(1))) {
		shoal_count(core, SHOAL_COUNTER_DROP_STALE);
		return;
	}
	identity->insisted = core->now;
	shoal_identity_rise(
	        core, told->moved > told->incarnation ? told->moved : told->incarnation);
	int rc = say(core, &held);
	if (rc != SHOAL_OK) {
		shoal_count(core, rc == SHOAL_ERR_LIMIT ? SHOAL_COUNTER_DROP_STALE
		                                        : SHOAL_COUNTER_DROP_NOMEM);
	}
}
