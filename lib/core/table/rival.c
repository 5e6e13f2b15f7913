/* SPDX-License-Identifier: MIT */
/* A rival is a new instance of another member. At the known address it takes over unprobed: that is
 * a restart. Elsewhere the known one is asked, as a probe asks, and stays meanwhile, with all that
 * is for it: else whoever can speak could move anybody by making up an instance. Silent, the new
 * one takes over, and the member is told of once more in full, so that others ask in their turn.
 * Where the known one answers, two that say so themselves are told of each other; what others said
 * is forgotten.
 *
 * A word of the rival's own takes the place of what others said of the member, and waits for the
 * answer that is awaited already: what is made up keeps nobody who speaks himself waiting.
 *
 * Bounds: RIVALS_MAX at once, of which HEARSAY_MAX by what others say; a member's question again
 * after KEPT. */
#include "core/table/rival.h"

#include <string.h>

#include "core/node.h"
#include "core/table/learn.h"

#define RIVALS_MAX  64
#define HEARSAY_MAX 32
/* A member is not asked again so soon. */
#define KEPT SHOAL_SEC(10)
/* The longest full statement of one that takes part. */
#define STATEMENT_MAX 512

struct rival {
	struct shoal_id id;
	uint64_t salt, incarnation, begun;
	struct shoal_id by; /* who said it */
	struct shoal_addr from;
	bool open; /* waits for the answer */
	size_t len;
	uint8_t statement[STATEMENT_MAX];
};

void
shoal_rival_init(struct shoal_core *core)
{
	shoal_slab_init(&core->identity.rivals, &core->mem, sizeof(struct rival), RIVALS_MAX);
}

void
shoal_rival_done(struct shoal_core *core)
{
	shoal_slab_done(&core->identity.rivals);
}

static bool
is_hearsay(const struct rival *rival)
{
	return memcmp(&rival->by, &rival->id, sizeof rival->by) != 0;
}

/* *hearsay: how many there are of those. */
static struct rival *
find(struct shoal_core *core, const struct shoal_id *id, uint32_t *number, unsigned *hearsay)
{
	struct shoal_slab *rivals = &core->identity.rivals;
	struct rival *found = NULL;

	*hearsay = 0;
	for (uint32_t i = 0; i < rivals->end; i++) {
		struct rival *rival = shoal_slab_at(rivals, i);
		if (rival == NULL) {
			continue;
		}
		/* Also one whose member was forgotten, and its probe with it. */
		if (core->now - rival->begun >= (rival->open ? 10 * KEPT : KEPT)) {
			shoal_slab_give(rivals, i);
			continue;
		}
		*hearsay += is_hearsay(rival);
		if (memcmp(&rival->id, id, sizeof *id) == 0) {
			*number = i;
			found = rival;
		}
	}
	return found;
}

/* The address that would be used counts: behind it anybody may list that of the known one. */
static bool
is_known_address(const struct shoal_core *core, const struct shoal_record *record,
        const struct shoal_msg_member *member)
{
	return shoal_members_is_at(record, shoal_members_used(core, &member->addrs));
}

/* Of another instance than the known one, which takes part, and elsewhere. */
static bool
is_elsewhere(const struct shoal_core *core, uint32_t slot, const struct shoal_msg_member *member,
        const struct shoal_teller *teller)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	return member != NULL && !teller->checked && shoal_members_counts(record) &&
	       shoal_salt_short(&member->salt) != shoal_members_salt(record) &&
	       !is_known_address(core, record, member);
}

/* The statement as it came, to be taken up again. false: it is too long. */
static bool
note(struct rival *rival, const struct shoal_msg_member *member, const struct shoal_teller *teller)
{
	struct rival noted = {.id = member->id,
	        .salt = shoal_salt_short(&member->salt),
	        .incarnation = member->incarnation,
	        .begun = rival->begun,
	        .by = teller->id,
	        .from = teller->from,
	        .open = true};
	struct shoal_writer writer;

	shoal_writer_init(&writer, noted.statement, sizeof noted.statement);
	if (!shoal_message_append(&writer, SHOAL_MESSAGE_MEMBER, member)) {
		return false;
	}
	noted.len = writer.len;
	*rival = noted;
	return true;
}

/* Asks the known one. false: no room. */
static bool
keep(struct shoal_core *core, uint32_t slot, const struct shoal_msg_member *member,
        const struct shoal_teller *teller)
{
	uint32_t number;
	struct rival *rival = shoal_slab_take(&core->identity.rivals, &number);

	if (rival == NULL) {
		return false;
	}
	rival->begun = core->now;
	if (!note(rival, member, teller) ||
	        shoal_probe_begin(core, slot, SHOAL_PROBE_CONFLICT) == NULL) {
		shoal_slab_give(&core->identity.rivals, number);
		return false;
	}
	return true;
}

bool
shoal_rival_defers(struct shoal_core *core, uint32_t slot, const struct shoal_msg_member *member,
        const struct shoal_teller *teller)
{
	uint32_t number;
	unsigned hearsay;

	if (!is_elsewhere(core, slot, member, teller) || member->state != SHOAL_STATE_ALIVE ||
	        memcmp(&teller->id, &member->id, sizeof member->id) != 0) {
		return false;
	}
	struct rival *rival = find(core, &member->id, &number, &hearsay);
	if (rival != NULL && is_hearsay(rival)) {
		if (rival->open && note(rival, member, teller)) {
			return true;
		}
		shoal_slab_give(&core->identity.rivals, number);
		rival = NULL;
	}
	return rival != NULL || keep(core, slot, member, teller);
}

bool
shoal_rival_doubts(struct shoal_core *core, uint32_t slot, const struct shoal_msg_member *member,
        const struct shoal_teller *teller)
{
	bool lives = member != NULL &&
	             (member->state == SHOAL_STATE_ALIVE || member->state == SHOAL_STATE_SUSPECT);
	uint32_t number;
	unsigned hearsay;

	if (!lives || !is_elsewhere(core, slot, member, teller)) {
		return false;
	}
	struct rival *rival = find(core, &member->id, &number, &hearsay);
	if (rival == NULL) {
		if (hearsay >= HEARSAY_MAX || !keep(core, slot, member, teller)) {
			shoal_count(core, SHOAL_COUNTER_DROP_EXCESS);
		}
	} else if (rival->open && is_hearsay(rival) && member->incarnation > rival->incarnation) {
		(void)note(rival, member, teller);
	}
	return true;
}

/* Tells one of two instances where the other one is; nowhere: it is gone. */
static void
point_out(struct shoal_core *core, const struct shoal_id *id, uint64_t stop,
        const struct shoal_addr *to, uint64_t salt, uint64_t other, const struct shoal_addr *at)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_conflict said = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = *id,
	        .stop = stop,
	        .other = other,
	        .addr = *at};
	struct shoal_pending *pending =
	        shoal_send_queue(core, SHOAL_SEND_DATAGRAM, to, SHOAL_NONE, 0);

	if (pending != NULL) {
		pending->salt = salt;
		shoal_send_primary(pending, SHOAL_MESSAGE_CONFLICT, &said);
	}
}

uint64_t
shoal_rival_heritage(const struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_member *member, const struct shoal_teller *teller)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	bool itself = member != NULL && memcmp(&teller->id, &member->id, sizeof member->id) == 0;

	return itself && !is_known_address(core, record, member) ? shoal_members_salt(record) : 0;
}

void
shoal_rival_tell_heir(struct shoal_core *core, uint32_t slot, uint64_t salt)
{
	const struct shoal_addr nowhere = {.port = 0};
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record != NULL) {
		struct shoal_addr to = shoal_members_addr(record);
		point_out(core, &record->info->id, salt, &to, salt, salt, &nowhere);
	}
}

/* The known instance is silent: the new one takes over. */
static void
take_over(struct shoal_core *core, const struct rival *rival)
{
	struct shoal_teller teller = {.id = rival->by,
	        .slot = shoal_members_find(core, &rival->by),
	        .from = rival->from,
	        .path = SHOAL_PATH_GOSSIP,
	        .checked = true};
	struct shoal_reader reader, body;
	union shoal_wire_message message;
	uint16_t kind;

	shoal_reader_init(&reader, rival->statement, rival->len);
	if (shoal_message_next(&reader, &kind, &body) > 0 &&
	        shoal_message_decode(kind, body, &message) == SHOAL_OK) {
		message.member.age_ms += (core->now - rival->begun) / SHOAL_MS(1);
		shoal_learn_member(core, &message.member, &teller);
	}
}

/* Of two that live the later one is named, as both find out between themselves. */
static void
both_live(struct shoal_core *core, const struct shoal_probe *probe, const struct rival *rival)
{
	struct shoal_record *record = shoal_members_at(core, probe->slot);
	struct shoal_addr known_at = shoal_members_addr(record);
	struct shoal_reader reader, body;
	union shoal_wire_message message;
	uint16_t kind;

	shoal_reader_init(&reader, rival->statement, rival->len);
	if (shoal_message_next(&reader, &kind, &body) <= 0 ||
	        shoal_message_decode(kind, body, &message) != SHOAL_OK) {
		return;
	}
	const struct shoal_addr *new_at = shoal_members_used(core, &message.member.addrs);
	uint64_t known_s = record->incarnation >> 32, new_s = rival->incarnation >> 32;
	bool earlier = known_s != new_s ? known_s < new_s : probe->salt < rival->salt;
	uint64_t later = earlier ? rival->salt : probe->salt;
	point_out(core, &rival->id, later, &known_at, probe->salt, rival->salt, new_at);
	point_out(core, &rival->id, later, new_at, rival->salt, probe->salt, &known_at);
	shoal_identity_tell(core, probe->slot, new_at, "");
}

void
shoal_rival_checked(struct shoal_core *core, const struct shoal_probe *probe, bool answered)
{
	uint32_t number;
	unsigned hearsay;
	struct rival *rival = find(core, &probe->target, &number, &hearsay);

	if (rival == NULL || !rival->open) {
		return;
	}
	if (answered) {
		rival->open = false;
		if (!is_hearsay(rival)) {
			both_live(core, probe, rival);
		}
		return;
	}
	struct rival heir = *rival;
	shoal_slab_give(&core->identity.rivals, number);
	take_over(core, &heir);
}
