/* SPDX-License-Identifier: MIT */
/* Who waits to be taken in, and what was decided of late.
 *
 * Bounds: JOINS_MAX that asked to join, HOST_MAX of them from one host, and WAITING_MAX others, of
 * which STRANGERS_MAX told by nobody who is a member here, and TOLD_MAX by one member; the table of
 * a seed that this member asked has no share. So whoever makes up datagrams takes no place of those
 * that join, who are where their connections come from. DECIDED_MAX decisions of the last KEPT, the
 * oldest makes room: who is heard of after that is asked about again. Cost: O(both), where somebody
 * is told of who was not accepted.
 */
#include "core/admission/applicant.h"

#include <string.h>

#include "core/node.h"
#include "core/table/move.h"

#define JOINS_MAX     128
#define HOST_MAX      32
#define WAITING_MAX   1024
#define STRANGERS_MAX 64
#define TOLD_MAX      256
#define DECIDED_MAX   256
#define KEPT          SHOAL_SEC(60)

void
shoal_waiting_init(struct shoal_core *core)
{
	struct shoal_accept *accept = &core->accept;

	shoal_slab_init(&accept->waiting, &core->mem, sizeof(struct shoal_applicant),
	        JOINS_MAX + WAITING_MAX);
	shoal_slab_init(&accept->decided, &core->mem, sizeof(struct shoal_decision), DECIDED_MAX);
}

static bool
is_instance(const struct shoal_id *a, uint64_t a_salt, const struct shoal_id *b, uint64_t b_salt)
{
	return a_salt == b_salt && memcmp(a, b, sizeof *a) == 0;
}

/* NULL: nothing was decided about it of late. */
const struct shoal_decision *
shoal_decision_find(struct shoal_core *core, const struct shoal_id *id, uint64_t salt)
{
	struct shoal_slab *decided = &core->accept.decided;

	for (uint32_t i = 0; i < decided->end; i++) {
		const struct shoal_decision *decision = shoal_slab_at(decided, i);
		if (decision == NULL) {
			continue;
		}
		if (decision->until <= core->now) {
			shoal_slab_give(decided, i);
		} else if (is_instance(&decision->id, decision->salt, id, salt)) {
			return decision;
		}
	}
	return NULL;
}

void
shoal_decision_keep(struct shoal_core *core, const struct shoal_applicant *applicant, bool accepted,
        struct shoal_span reason)
{
	struct shoal_slab *decided = &core->accept.decided;
	uint32_t number, oldest = 0;
	uint64_t until = UINT64_MAX;

	for (uint32_t i = 0; i < decided->end && decided->count == decided->limit; i++) {
		const struct shoal_decision *decision = shoal_slab_at(decided, i);
		if (decision->until < until) {
			until = decision->until;
			oldest = i;
		}
	}
	if (until != UINT64_MAX) {
		shoal_slab_give(decided, oldest);
	}
	struct shoal_decision *decision = shoal_slab_take(decided, &number);
	if (decision == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOMEM);
		return;
	}
	decision->id = applicant->id;
	decision->salt = applicant->salt;
	decision->until = core->now + KEPT;
	decision->accepted = accepted;
	if (reason.len > 0) {
		memcpy(decision->reason, reason.data, reason.len);
	}
}

static bool
is_host(const struct shoal_addr *a, const struct shoal_addr *b)
{
	return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* Only a request comes from where it says. */
static bool
joins(const struct shoal_id *id, const struct shoal_teller *teller)
{
	return teller->path == SHOAL_PATH_JOIN && memcmp(&teller->id, id, sizeof *id) == 0;
}

/* How many wait, by whose places they take. */
struct places {
	unsigned joins, host, others, strangers, told;
};

static void
count_place(struct places *places, const struct shoal_applicant *applicant,
        const struct shoal_teller *teller)
{
	places->joins += applicant->joins;
	places->others += !applicant->joins;
	places->strangers += applicant->stranger;
	if (teller == NULL) {
		return;
	}
	places->host += applicant->joins && is_host(&applicant->from_host, &teller->from);
	places->told += !applicant->joins && applicant->path != SHOAL_PATH_ASKED &&
	                memcmp(&applicant->by, &teller->id, sizeof applicant->by) == 0;
}

static bool
are_taken(struct shoal_core *core, const struct places *places, const struct shoal_id *id,
        const struct shoal_teller *teller)
{
	if (teller != NULL && joins(id, teller)) {
		return places->joins >= JOINS_MAX || places->host >= HOST_MAX;
	}
	if (teller == NULL || teller->path == SHOAL_PATH_ASKED || places->others >= WAITING_MAX) {
		return places->others >= WAITING_MAX;
	}
	return shoal_learn_teller(core, teller) == NULL ? places->strangers >= STRANGERS_MAX
	                                                : places->told >= TOLD_MAX;
}

struct shoal_applicant *
shoal_waiting_find(struct shoal_core *core, const struct shoal_id *id, uint64_t salt,
        const struct shoal_teller *teller, bool *full)
{
	struct shoal_slab *waiting = &core->accept.waiting;
	struct places places = {0};

	for (uint32_t i = 0; i < waiting->end; i++) {
		struct shoal_applicant *applicant = shoal_slab_at(waiting, i);
		if (applicant == NULL) {
			continue;
		}
		if (is_instance(&applicant->id, applicant->salt, id, salt)) {
			return applicant;
		}
		count_place(&places, applicant, teller);
	}
	*full = are_taken(core, &places, id, teller);
	return NULL;
}

/* NULL: no room. */
struct shoal_applicant *
shoal_waiting_take(struct shoal_core *core, const struct shoal_id *id, uint64_t salt)
{
	uint32_t slot;
	struct shoal_applicant *applicant = shoal_slab_take(&core->accept.waiting, &slot);

	if (applicant == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_EXCESS);
		return NULL;
	}
	applicant->number = slot;
	shoal_waiting_renumber(core, applicant);
	applicant->id = *id;
	applicant->salt = salt;
	applicant->begun = core->now;
	return applicant;
}

void
shoal_waiting_renumber(struct shoal_core *core, struct shoal_applicant *applicant)
{
	core->accept.round++;
	applicant->number = (uint64_t)core->accept.round << 32 | (uint32_t)applicant->number;
}

void
shoal_waiting_give(struct shoal_core *core, const struct shoal_applicant *applicant)
{
	shoal_slab_give(&core->accept.waiting, (uint32_t)applicant->number);
}

/* The statement as it came, to be taken up again. false: it is too long. */
bool
shoal_waiting_note(struct shoal_core *core, struct shoal_applicant *applicant,
        const struct shoal_msg_member *member, const struct shoal_teller *teller)
{
	if (!shoal_kept_set(&applicant->said, member)) {
		return false;
	}
	applicant->incarnation = member->incarnation;
	applicant->told = core->now;
	applicant->by = teller->id;
	applicant->from = teller->from;
	applicant->path = teller->path;
	applicant->sealed = core->seal.sealed || teller->sealed;
	applicant->checked = applicant->checked || teller->checked;
	applicant->own = shoal_move_is_own(core, member, teller);
	if (joins(&member->id, teller)) {
		applicant->joins = true;
		applicant->from_host = teller->from;
	}
	applicant->stranger = !applicant->joins && teller->path != SHOAL_PATH_ASKED &&
	                      shoal_learn_teller(core, teller) == NULL;
	return true;
}

bool
shoal_core_applicant(struct shoal_core *core, uint64_t number, struct shoal_core_member *member)
{
	const struct shoal_applicant *applicant =
	        shoal_slab_at(&core->accept.waiting, (uint32_t)number);
	union shoal_wire_message message;

	if (applicant == NULL || applicant->number != number) {
		return false;
	}
	if (!shoal_kept_get(&applicant->said, &message)) {
		return shoal_core_member(core, shoal_members_find(core, &applicant->id), member) &&
		       shoal_salt_short(&member->salt) == applicant->salt;
	}
	const struct shoal_msg_member *said = &message.member;
	memset(core->accept.name, 0, sizeof core->accept.name);
	memcpy(core->accept.name, said->name.data, said->name.len);
	*member = (struct shoal_core_member){.id = said->id,
	        .salt = said->salt,
	        .name = core->accept.name,
	        .addrs = said->addrs.count,
	        .state = (enum shoal_state)said->state,
	        .incarnation = said->incarnation,
	        .app_version = (uint32_t)said->app_version,
	        .protocol_min = (uint8_t)said->protocol_min,
	        .protocol_max = (uint8_t)said->protocol_max};
	memcpy(member->addr, said->addrs.item, said->addrs.count * sizeof member->addr[0]);
	return true;
}
