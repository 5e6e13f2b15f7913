/* SPDX-License-Identifier: MIT */
/* A rival is a new instance of another member. At the known address it takes over unprobed: that is
 * a restart. Elsewhere the known one is asked, as a told death is checked, and stays meanwhile,
 * with all that is for it: else whoever can speak could move anybody by making up an instance. So
 * does one that is held leaving, left or dead, and whatever the new one is told to be: both may be
 * made up as well. Silent, the new one takes over, and the member is told of once more in full, so
 * that others ask in their turn. Where the known one answers, two that say so themselves are told
 * of each other; what others said is forgotten. A third one that answers in its place will say so
 * itself. Two that have no kind of address in common ask each other through this member as long as
 * it knows that it told them.
 *
 * Of what others say the first waits: what is told of a later incarnation may be made up, and comes
 * again where it is not. A word of the rival's own takes its place, and waits for the answer that
 * is awaited already: what is made up keeps nobody who speaks himself waiting.
 *
 * Bounds: RIVALS_MAX at once, of which HEARSAY_MAX by what others say, PER_TELLER by what one does;
 * a member's question again after ASKED_APART, a conflict is told again after TOLD_APART. */
#include "core/table/rival.h"

#include <string.h>

#include "core/node.h"
#include "core/table/kept.h"
#include "core/table/learn.h"
#include "core/table/move.h"

#define RIVALS_MAX  64
#define HEARSAY_MAX 32
#define PER_TELLER  4
#define ASKED_APART SHOAL_SEC(1)
#define TOLD_APART  SHOAL_SEC(10)

struct rival {
	struct shoal_id id;
	uint64_t salt, incarnation;
	uint64_t noted;     /* when it was told */
	uint64_t probe;     /* the number of that of the known one */
	uint64_t announced; /* when both were told of each other; 0: never */
	struct shoal_id by; /* who said it */
	struct shoal_addr from;
	bool own; /* it says itself that it lives */
	struct shoal_kept said;
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

/* Its question waits for the answer. */
static bool
is_open(struct shoal_core *core, const struct rival *rival)
{
	return shoal_probe_find(core, rival->probe) != NULL;
}

static bool
is_over(struct shoal_core *core, const struct rival *rival)
{
	return !is_open(core, rival) && core->now - rival->noted >= ASKED_APART &&
	       (rival->announced == 0 || core->now - rival->announced >= TOLD_APART);
}

static void
sweep(struct shoal_core *core)
{
	struct shoal_slab *rivals = &core->identity.rivals;

	for (uint32_t i = 0; i < rivals->end; i++) {
		const struct rival *rival = shoal_slab_at(rivals, i);
		if (rival != NULL && is_over(core, rival)) {
			shoal_slab_give(rivals, i);
		}
	}
}

static struct rival *
find(const struct shoal_core *core, const struct shoal_id *id, uint32_t *number)
{
	for (*number = 0; *number < core->identity.rivals.end; ++*number) {
		struct rival *rival = shoal_slab_at(&core->identity.rivals, *number);
		if (rival != NULL && memcmp(&rival->id, id, sizeof *id) == 0) {
			return rival;
		}
	}
	return NULL;
}

/* For one more by what this teller says, about this member. */
static bool
has_room(struct shoal_core *core, const struct shoal_id *about, const struct shoal_teller *teller)
{
	unsigned all = 0, by_it = 0;

	for (uint32_t i = 0; i < core->identity.rivals.end; i++) {
		const struct rival *rival = shoal_slab_at(&core->identity.rivals, i);
		if (rival != NULL && !rival->own && memcmp(&rival->id, about, sizeof *about) != 0) {
			all++;
			by_it += memcmp(&rival->by, &teller->id, sizeof teller->id) == 0;
		}
	}
	return all < HEARSAY_MAX && by_it < PER_TELLER && shoal_learn_teller(core, teller) != NULL;
}

static bool
has_all(const struct shoal_record *record, const struct shoal_addr_list *addrs)
{
	for (unsigned i = 0; i < addrs->count; i++) {
		struct shoal_addr own = i < record->info->addrs ? shoal_info_addr(record->info, i)
		                                                : (struct shoal_addr){.port = 0};
		if (!shoal_addr_equal(&own, &addrs->item[i])) {
			return false;
		}
	}
	return addrs->count == record->info->addrs;
}

/* The address that would be used counts: behind it anybody may list that of the known one. Who has
 * all of the same ones is there, also where the known one was used at a later one of them. */
static bool
is_known_address(const struct shoal_core *core, const struct shoal_record *record,
        const struct shoal_msg_member *member)
{
	return shoal_members_is_at(record, shoal_members_used(core, &member->addrs)) ||
	       has_all(record, &member->addrs);
}

/* Of another instance than the known one, and elsewhere. All of the salt counts: what is made up
 * may have half of that of the known one. */
static bool
is_elsewhere(const struct shoal_core *core, uint32_t slot, const struct shoal_msg_member *member,
        const struct shoal_teller *teller)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

#ifdef SHOAL_PLANT_LEAVE_UNASKED
	if (!shoal_members_counts(record) ||
	        (member != NULL && member->state == SHOAL_STATE_LEAVING)) {
		return false;
	}
#endif
	return member != NULL && !teller->checked && record->state != SHOAL_STATE_UNKNOWN &&
	       memcmp(&member->salt, &record->info->salt, sizeof member->salt) != 0 &&
	       !is_known_address(core, record, member);
}

/* Its own word that it lives. */
static bool
is_own(const struct shoal_core *core, const struct shoal_msg_member *member,
        const struct shoal_teller *teller)
{
	return member->state == SHOAL_STATE_ALIVE && shoal_move_is_own(core, member, teller);
}

/* The statement as it came, to be taken up again. false: it is too long. */
static bool
note(const struct shoal_core *core, struct rival *rival, const struct shoal_msg_member *member,
        const struct shoal_teller *teller)
{
	struct rival noted = {.id = member->id,
	        .salt = shoal_salt_short(&member->salt),
	        .incarnation = member->incarnation,
	        .noted = core->now,
	        .probe = rival->probe,
	        .announced = rival->announced,
	        .by = teller->id,
	        .from = teller->from,
	        .own = is_own(core, member, teller)};

	if (!shoal_kept_set(&noted.said, member)) {
		return false;
	}
	*rival = noted;
	return true;
}

/* false: it is too long, or there is no memory. */
static bool
ask(struct shoal_core *core, uint32_t slot, struct rival *rival,
        const struct shoal_msg_member *member, const struct shoal_teller *teller)
{
	struct shoal_probe *probe = note(core, rival, member, teller)
	                                    ? shoal_probe_begin(core, slot, SHOAL_PROBE_CONFLICT)
	                                    : NULL;

	if (probe == NULL) {
		return false;
	}
	struct shoal_record *record = shoal_members_at(core, slot);
	record->flags &= (uint8_t)~SHOAL_RECORD_ANSWERED;
	probe->tries = shoal_members_counts(record); /* who does not take part is missed already */
	rival->probe = probe->seq;
	return true;
}

static bool
begin(struct shoal_core *core, uint32_t slot, const struct shoal_msg_member *member,
        const struct shoal_teller *teller)
{
	uint32_t number;
	struct rival *rival = shoal_slab_take(&core->identity.rivals, &number);

	if (rival != NULL && !ask(core, slot, rival, member, teller)) {
		shoal_slab_give(&core->identity.rivals, number);
		return false;
	}
	return rival != NULL;
}

bool
shoal_rival_waits(struct shoal_core *core, uint32_t slot, const struct shoal_msg_member *member,
        const struct shoal_teller *teller, bool counts)
{
	if (!is_elsewhere(core, slot, member, teller)) {
		return false;
	}
	bool own = is_own(core, member, teller);
	if (!own && !counts) {
		return false;
	}
	sweep(core);
	uint32_t number;
	struct rival *rival = find(core, &member->id, &number);
	bool yields = rival != NULL && own && !rival->own;
	if (rival != NULL && is_open(core, rival)) {
		if (yields) {
			(void)note(core, rival, member, teller);
		}
		return true;
	}
	if (rival != NULL && !yields && core->now - rival->noted < ASKED_APART) {
		return true;
	}
	bool room = own || has_room(core, &member->id, teller);
	bool asked = room && (rival != NULL ? ask(core, slot, rival, member, teller)
	                                    : begin(core, slot, member, teller));
	if (!asked) {
		shoal_count(core, SHOAL_COUNTER_DROP_EXCESS);
	}
	return true;
}

/* One of two instances, and where it is. */
struct instance {
	uint64_t salt;
	struct shoal_place at; /* port 0: it is gone */
};

static struct instance
known_one(const struct shoal_record *record)
{
	return (struct instance){shoal_members_salt(record),
	        {shoal_members_addr(record), shoal_info_said(record->info).url}};
}

static struct instance
new_one(const struct shoal_core *core, const struct shoal_msg_member *member)
{
	return (struct instance){shoal_salt_short(&member->salt),
	        {*shoal_members_used(core, &member->addrs), member->url}};
}

/* What the address of an instance stands for, not another one of its own. */
static struct shoal_span
url_of(const struct instance *one)
{
	return shoal_addr_is_web(&one->at.addr) ? one->at.url : (struct shoal_span){NULL, 0};
}

static struct shoal_pending *
send_to(struct shoal_core *core, const struct instance *to)
{
	struct shoal_pending *pending =
	        shoal_send_queue(core, SHOAL_SEND_DATAGRAM, &to->at.addr, SHOAL_NONE, 0);

	if (pending != NULL) {
		pending->salt = to->salt;
		shoal_send_url(pending, url_of(to));
	}
	return pending;
}

/* Tells one of two instances where the other one is. */
static void
point_out(struct shoal_core *core, const struct shoal_id *id, uint64_t stop,
        const struct instance *to, const struct instance *other)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_conflict said = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = *id,
	        .stop = stop,
	        .other = other->salt,
	        .addr = other->at.addr,
	        .url = url_of(other)};
	struct shoal_pending *pending = send_to(core, to);

	if (pending != NULL) {
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
	const struct shoal_record *record = shoal_members_at(core, slot);

	if (record != NULL) {
		struct instance heir = known_one(record), gone = {.salt = salt};
		point_out(core, &record->info->id, salt, &heir, &gone);
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
	        .checked = true,
	        .sealed = rival->own};
	union shoal_wire_message message;

	if (shoal_kept_get(&rival->said, &message)) {
		message.member.age_ms += (core->now - rival->noted) / SHOAL_MS(1);
		shoal_learn_member(core, &message.member, &teller);
	}
}

void
shoal_rival_believe(struct shoal_core *core)
{
	struct shoal_slab *rivals = &core->identity.rivals;

	for (uint32_t i = 0; i < rivals->end; i++) {
		const struct rival *rival = shoal_slab_at(rivals, i);
		if (rival == NULL || !rival->own || !is_open(core, rival)) {
			continue;
		}
		struct rival heir = *rival;
		shoal_slab_give(rivals, i);
		take_over(core, &heir);
	}
}

/* Of two that live the later one is named, as both find out between themselves. */
static void
both_live(struct shoal_core *core, const struct shoal_probe *probe, const struct rival *rival)
{
	struct shoal_record *record = shoal_members_at(core, probe->slot);
	union shoal_wire_message message;

	if (!shoal_kept_get(&rival->said, &message)) {
		return;
	}
	struct instance known = known_one(record), other = new_one(core, &message.member);
	known.salt = probe->salt;
	uint64_t known_s = record->incarnation >> 32, new_s = rival->incarnation >> 32;
	bool earlier = known_s != new_s ? known_s < new_s : probe->salt < rival->salt;
	uint64_t later = earlier ? rival->salt : probe->salt;
	point_out(core, &rival->id, later, &known, &other);
	point_out(core, &rival->id, later, &other, &known);
	shoal_identity_tell(core, probe->slot, &other.at, "");
}

bool
shoal_rival_passes_on(struct shoal_core *core, const struct shoal_msg_conflict *said,
        const struct shoal_addr *from)
{
	uint32_t number, slot = shoal_members_find(core, &said->target);
	const struct shoal_record *record = shoal_members_at(core, slot);
	const struct rival *rival = find(core, &said->target, &number);
	union shoal_wire_message message;

	if (memcmp(&said->id, &said->target, sizeof said->id) != 0 || slot == SHOAL_SELF ||
	        record == NULL || rival == NULL || rival->announced == 0 ||
	        !shoal_kept_get(&rival->said, &message)) {
		return false;
	}
	struct instance known = known_one(record), other = new_one(core, &message.member);
	bool its = said->salt == known.salt && shoal_addr_equal(from, &known.at.addr);
	bool others = said->salt == other.salt && shoal_addr_equal(from, &other.at.addr);
	if (its == others ||
	        shoal_addr_is_web(&known.at.addr) == shoal_addr_is_web(&other.at.addr)) {
		return false;
	}
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};
	struct shoal_msg_conflict passed = *said;
	struct shoal_pending *pending = send_to(core, its ? &other : &known);
	passed.addr = its ? known.at.addr : other.at.addr;
	passed.url = url_of(its ? &known : &other);
	if (pending != NULL) {
		shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
		shoal_send_primary(pending, SHOAL_MESSAGE_CONFLICT, &passed);
	}
	return true;
}

void
shoal_rival_checked(struct shoal_core *core, const struct shoal_probe *probe, uint64_t answered)
{
	uint32_t number;
	struct rival *rival = find(core, &probe->target, &number);

	if (rival == NULL || rival->probe != probe->seq) {
		return;
	}
	bool known = answered == probe->salt;
	if (answered == 0 || (!known && answered == rival->salt)) {
		struct rival heir = *rival;
		shoal_slab_give(&core->identity.rivals, number);
		take_over(core, &heir);
		return;
	}
	bool live =
	        known && rival->own && shoal_members_counts(shoal_members_at(core, probe->slot));
	if (live && (rival->announced == 0 || core->now - rival->announced >= TOLD_APART)) {
		rival->announced = core->now;
		both_live(core, probe, rival);
	}
}
