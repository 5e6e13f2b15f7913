/* SPDX-License-Identifier: MIT */
/* A salt names one run of a member. Two that live under one id are a mistake of those who run them
 * (one name given twice, a copied state directory, a replacement started while the old one hung),
 * and must end in one, always the same.
 *
 * A twin is another instance of this member's own id. Whoever hears of one asks it, and of two that
 * live each computes from the same four numbers, {time of the start, salt} and the salt that each
 * took over from, which one stops: an instance that was silent when the other one asked, and
 * otherwise the later. So nobody stops by another's word, only by its twin's own, under a number
 * that was drawn for the question. A former run at this member's own address cannot live, and is
 * outbid at once.
 *
 * A rival is a new instance of another member that says itself where it is. From the known address
 * it takes over unprobed: that is a restart. From elsewhere the known one is asked, as a probe
 * asks. Silent, the new one takes over; both alive, they are told of each other. Who only hears of
 * the new instance follows the higher incarnation.
 *
 * Bounds: TWINS_MAX and RIVALS_MAX at once, one question each for KEPT. */
#include "core/table/identity.h"

#include <string.h>

#include "base/addr.h"
#include "core/event.h"
#include "core/node.h"
#include "core/table/learn.h"
#include "core/table/leave.h"

#define TWINS_MAX  4
#define TWIN_TRIES 4
#define RIVALS_MAX 64
/* An instance is not asked again so soon. */
#define KEPT SHOAL_SEC(10)
/* The longest full statement of one that is alive. */
#define STATEMENT_MAX 400

struct twin {
	struct shoal_timer timer;
	struct shoal_addr addr;
	uint64_t seq, salt;
	uint64_t told; /* the highest incarnation told of it that waits to be outbid; 0: none */
	uint8_t asked;
	bool open;  /* waits for the answer */
	bool known; /* the application has been told of it */
};

struct rival {
	struct shoal_id id;
	uint64_t salt, begun;
	struct shoal_addr from;
	bool open;
	size_t len;
	uint8_t statement[STATEMENT_MAX];
};

void
shoal_identity_init(struct shoal_core *core)
{
	struct shoal_identity *identity = &core->identity;

	identity->started_ms = core->wall_ns / SHOAL_MS(1);
	shoal_slab_init(&identity->twins, &core->mem, sizeof(struct twin), TWINS_MAX);
	shoal_slab_init(&identity->rivals, &core->mem, sizeof(struct rival), RIVALS_MAX);
}

void
shoal_identity_done(struct shoal_core *core)
{
	shoal_slab_done(&core->identity.twins);
	shoal_slab_done(&core->identity.rivals);
}

static uint64_t
own_salt(const struct shoal_core *core)
{
	return shoal_members_salt(shoal_members_at(core, SHOAL_SELF));
}

bool
shoal_identity_may_outbid(struct shoal_core *core)
{
	struct shoal_identity *identity = &core->identity;

	if (identity->outbid != 0 && core->now - identity->outbid < SHOAL_SEC(1)) {
		return false;
	}
	identity->outbid = core->now;
	return true;
}

void
shoal_identity_rise(struct shoal_core *core, uint64_t told)
{
	struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);

	if (told >= self->incarnation && told != UINT64_MAX) {
		self->incarnation = told + 1;
#ifdef SHOAL_PLANT_RISEN_TOO_LITTLE
		self->incarnation = told;
#endif
		shoal_tree_touch(core, SHOAL_SELF);
	}
	shoal_count(core, SHOAL_COUNTER_SELF_REFUTATIONS);
}

/* What both instances compute alike, each of itself and of the other. */
struct contender {
	uint64_t started_ms, salt, took;
};

static bool
stops(const struct contender *one, const struct contender *other)
{
	bool beaten = other->took == one->salt, beat = one->took == other->salt;

	if (beaten != beat) {
		return beaten;
	}
	if (one->started_ms != other->started_ms) {
		return one->started_ms > other->started_ms;
	}
	return one->salt > other->salt;
}

static struct contender
self_as_contender(const struct shoal_core *core)
{
	return (struct contender){core->identity.started_ms, own_salt(core), shoal_took_salt(core)};
}

static struct contender
contender_of(const struct shoal_msg_conflict *said)
{
	return (struct contender){said->started_ms, said->salt, said->other};
}

static void
describe(struct shoal_cause *cause, const struct shoal_addr *other, const char *which)
{
	struct shoal_text text;

	shoal_text_init(&text, cause->detail, sizeof cause->detail);
	shoal_text_str(&text, "the other one is at ");
	shoal_text_addr(&text, other);
	shoal_text_str(&text, which);
}

/* A question (stop 0), an answer, or the notice of one that stops (its own salt). */
static void
say(struct shoal_core *core, const struct shoal_addr *to, uint64_t salt, uint64_t seq,
        uint64_t stop)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_conflict said = {.seq = seq,
	        .id = self->info->id,
	        .salt = own_salt(core),
	        .target = self->info->id,
	        .stop = stop,
	        .started_ms = core->identity.started_ms,
	        .other = shoal_took_salt(core)};
	struct shoal_pending *pending =
	        shoal_send_queue(core, SHOAL_SEND_DATAGRAM, to, SHOAL_NONE, 0);

	if (pending != NULL) {
		pending->salt = salt;
		shoal_send_primary(pending, SHOAL_MESSAGE_CONFLICT, &said);
	}
}

static void
tell_application(
        struct shoal_core *core, uint32_t slot, const struct shoal_addr *other, const char *which)
{
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_CONFLICT, NULL);
	enum shoal_state state = (enum shoal_state)shoal_members_at(core, slot)->state;

	describe(&cause, other, which);
	shoal_count(core, SHOAL_COUNTER_CONFLICTS);
	shoal_event_member(core, slot, SHOAL_EVENT_CONFLICT, state, 0, &cause);
}

/* The twin was there first. It hears that this one stops, and no leave is told: the member lives.
 */
static void
stop(struct shoal_core *core, const struct twin *twin)
{
	struct shoal_log_line line;

	if (shoal_log_begin(core, &line, SHOAL_LOG_ERROR, "identity")) {
		shoal_text_str(&line.text, "stops: another live member at ");
		shoal_text_addr(&line.text, &twin->addr);
		shoal_text_str(&line.text, " has this name or id; give one of the two another");
	}
	tell_application(core, SHOAL_SELF, &twin->addr, " and goes on");
	say(core, &twin->addr, twin->salt, 0, own_salt(core));
	shoal_leave_end(core, SHOAL_ERR_ID_CONFLICT);
}

static struct twin *
find_twin(const struct shoal_core *core, uint64_t salt)
{
	for (uint32_t i = 0; i < core->identity.twins.end; i++) {
		struct twin *twin = shoal_slab_at(&core->identity.twins, i);
		if (twin != NULL && twin->salt == salt) {
			return twin;
		}
	}
	return NULL;
}

static void
ask(struct shoal_core *core, struct twin *twin)
{
	twin->asked++;
	say(core, &twin->addr, twin->salt, twin->seq, 0);
	shoal_heap_arm(
	        &core->heap, &twin->timer, core->now + shoal_ms(core->profile.probe_timeout_ms));
}

/* NULL: too many, or no memory. */
static struct twin *
begin_twin(struct shoal_core *core, uint64_t salt, const struct shoal_addr *addr)
{
	uint32_t number;
	struct twin *twin = shoal_reserve_timers(core) == SHOAL_OK
	                            ? shoal_slab_take(&core->identity.twins, &number)
	                            : NULL;

	if (twin == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_EXCESS);
		return NULL;
	}
	twin->timer.kind = SHOAL_TIMER_TWIN;
	twin->timer.slot = number;
	twin->seq = shoal_probe_number(core, number, SHOAL_NUMBER_TWIN);
	twin->salt = salt;
	twin->addr = *addr;
	twin->open = true;
	ask(core, twin);
	return twin;
}

static void
outbid(struct shoal_core *core, struct twin *twin)
{
	if (twin->told != 0) {
		shoal_identity_rise(core, twin->told);
		shoal_gossip_add(core, SHOAL_SELF);
		twin->told = 0;
	}
}

void
shoal_identity_on_timer(struct shoal_core *core, uint32_t number)
{
	struct twin *twin = shoal_slab_at(&core->identity.twins, number);

	if (!twin->open) {
		shoal_slab_give(&core->identity.twins, number);
		return;
	}
	if (twin->asked < TWIN_TRIES) {
		ask(core, twin);
		return;
	}
	/* Silent: a former run, or one that hangs and will stop when it returns. */
	twin->open = false;
	core->took.salt = twin->salt;
	outbid(core, twin);
	shoal_heap_arm(&core->heap, &twin->timer, core->now + KEPT);
}

static bool
is_own_address(const struct shoal_core *core, const struct shoal_addr *addr)
{
	const struct shoal_info *info = shoal_members_at(core, SHOAL_SELF)->info;

	for (unsigned i = 0; i < info->addrs; i++) {
		struct shoal_addr own = shoal_info_addr(info, i);
		if (shoal_addr_equal(&own, addr)) {
			return true;
		}
	}
	return false;
}

/* Of a family that this member has, where there is one. */
static const struct shoal_addr *
reachable(const struct shoal_core *core, const struct shoal_addr_list *addrs)
{
	for (size_t i = 0; i < addrs->count; i++) {
		if (shoal_addr_is_ipv4(&addrs->item[i]) ? core->has_ipv4 : core->has_ipv6) {
			return &addrs->item[i];
		}
	}
	return &addrs->item[0];
}

bool
shoal_identity_asks(struct shoal_core *core, const struct shoal_claim *told,
        const struct shoal_msg_member *member)
{
	uint64_t own = shoal_members_at(core, SHOAL_SELF)->incarnation;
	bool lives = told->state == SHOAL_STATE_ALIVE || told->state == SHOAL_STATE_SUSPECT;

	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		return false;
	}
	if (shoal_state_is_gone(told->state)) {
		core->took.salt = told->salt;
	}
	if (member == NULL || !lives) {
		return false;
	}
	const struct shoal_addr *addr = reachable(core, &member->addrs);
	if (is_own_address(core, addr)) {
		return false;
	}
	struct twin *twin = find_twin(core, told->salt);
	if (twin == NULL) {
		twin = begin_twin(core, told->salt, addr);
	}
	if (twin == NULL || !twin->open || told->incarnation < own) {
		return false;
	}
	if (told->incarnation > twin->told) {
		twin->told = told->incarnation;
	}
	return true;
}

void
shoal_identity_met(struct shoal_core *core, uint64_t salt, const struct shoal_addr *addr)
{
	if (core->leave.phase == SHOAL_LEAVE_NOT && salt != own_salt(core) &&
	        find_twin(core, salt) == NULL) {
		begin_twin(core, salt, addr);
	}
}

static void
on_answer(struct shoal_core *core, struct twin *twin, const struct shoal_msg_conflict *said)
{
	struct contender self = self_as_contender(core), other = contender_of(said);

	twin->open = false;
	twin->salt = said->salt;
	shoal_heap_arm(&core->heap, &twin->timer, core->now + KEPT);
	if (stops(&self, &other)) {
		stop(core, twin);
		return;
	}
	outbid(core, twin);
	if (!twin->known) {
		twin->known = true;
		tell_application(core, SHOAL_SELF, &twin->addr, " and stops");
	}
}

/* A packet under this member's own id and another salt. */
static void
on_twin(struct shoal_core *core, const struct shoal_msg_conflict *said,
        const struct shoal_addr *from)
{
	struct twin *asked = shoal_slab_at(&core->identity.twins, SHOAL_NUMBER_SLOT(said->seq));
	struct contender self = self_as_contender(core), other = contender_of(said);
	struct twin *twin = find_twin(core, said->salt);

	if (said->stop == 0) {
		/* Answered with as many bytes; and asked in turn, for it may be the earlier one. */
		say(core, from, said->salt, said->seq,
		        stops(&self, &other) ? self.salt : other.salt);
		shoal_identity_met(core, said->salt, from);
	} else if (said->seq == 0 && said->stop == said->salt && twin != NULL) {
		if (!twin->known) {
			twin->known = true;
			tell_application(core, SHOAL_SELF, from, " and stops");
		}
	} else if (asked == NULL || asked->seq != said->seq || !asked->open) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
	} else if (!shoal_addr_equal(&asked->addr, from)) {
		shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
	} else {
		on_answer(core, asked, said);
	}
}

void
shoal_identity_on_conflict(struct shoal_core *core, const struct shoal_msg_conflict *said,
        const struct shoal_addr *from, enum shoal_input_kind path)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	uint32_t slot = shoal_members_find(core, &said->id);

	if (memcmp(&said->target, &self->info->id, sizeof said->target) != 0 ||
	        path != SHOAL_INPUT_DATAGRAM || said->salt == own_salt(core)) {
		shoal_count(core, SHOAL_COUNTER_DROP_MISDIRECTED);
	} else if (core->leave.phase != SHOAL_LEAVE_NOT) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
	} else if (slot == SHOAL_SELF) {
		on_twin(core, said, from);
	} else if (!shoal_took_is_member(core, &said->id, from) ||
	           is_own_address(core, &said->addr)) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		if (said->addr.port == 0) {
			shoal_took_early(core, &said->id, from, said->other);
		}
	} else if (said->addr.port == 0) {
		core->took.salt = said->other;
	} else {
		shoal_identity_met(core, said->other, &said->addr);
	}
}

static struct rival *
find_rival(struct shoal_core *core, const struct shoal_id *id, uint32_t *number)
{
	struct shoal_slab *rivals = &core->identity.rivals;
	struct rival *found = NULL;

	for (uint32_t i = 0; i < rivals->end; i++) {
		struct rival *rival = shoal_slab_at(rivals, i);
		if (rival == NULL) {
			continue;
		}
		/* Also one whose member was forgotten, and its probe with it. */
		if (core->now - rival->begun >= (rival->open ? 10 * KEPT : KEPT)) {
			shoal_slab_give(rivals, i);
		} else if (memcmp(&rival->id, id, sizeof *id) == 0) {
			*number = i;
			found = rival;
		}
	}
	return found;
}

static bool
is_known_address(const struct shoal_record *record, const struct shoal_msg_member *member)
{
	for (size_t i = 0; i < member->addrs.count; i++) {
		if (shoal_members_is_at(record, &member->addrs.item[i])) {
			return true;
		}
	}
	return false;
}

/* The statement as it came, to be taken up again. false: no room. */
static bool
keep(struct shoal_core *core, uint32_t slot, const struct shoal_msg_member *member,
        const struct shoal_teller *teller)
{
	struct shoal_writer writer;
	uint32_t number;
	struct rival *rival = shoal_slab_take(&core->identity.rivals, &number);

	if (rival == NULL) {
		return false;
	}
	shoal_writer_init(&writer, rival->statement, sizeof rival->statement);
	if (!shoal_message_append(&writer, SHOAL_MESSAGE_MEMBER, member) ||
	        shoal_probe_begin(core, slot, SHOAL_PROBE_CONFLICT) == NULL) {
		shoal_slab_give(&core->identity.rivals, number);
		return false;
	}
	rival->id = member->id;
	rival->salt = shoal_salt_short(&member->salt);
	rival->begun = core->now;
	rival->from = teller->from;
	rival->open = true;
	rival->len = writer.len;
	return true;
}

bool
shoal_identity_defers(struct shoal_core *core, uint32_t slot, const struct shoal_msg_member *member,
        const struct shoal_teller *teller)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	uint32_t number;

	if (member == NULL || teller->checked || member->state != SHOAL_STATE_ALIVE ||
	        !shoal_members_counts(record) ||
	        shoal_salt_short(&member->salt) == shoal_members_salt(record) ||
	        memcmp(&teller->id, &member->id, sizeof member->id) != 0 ||
	        is_known_address(record, member)) {
		return false;
	}
	return find_rival(core, &member->id, &number) != NULL || keep(core, slot, member, teller);
}

/* Tells one of two instances where the other one is; nowhere: it is gone. */
static void
point_out(struct shoal_core *core, const struct shoal_id *id, uint64_t stop,
        const struct shoal_addr *to, uint64_t salt, uint64_t other, const struct shoal_addr *at)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_conflict said = {.id = self->info->id,
	        .salt = own_salt(core),
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
shoal_identity_heritage(const struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_member *member, const struct shoal_teller *teller)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	bool itself = member != NULL && memcmp(&teller->id, &member->id, sizeof member->id) == 0;

	return itself && !is_known_address(record, member) ? shoal_members_salt(record) : 0;
}

void
shoal_identity_tell_heir(struct shoal_core *core, uint32_t slot, uint64_t salt)
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
take_over(struct shoal_core *core, uint32_t slot, const struct rival *rival)
{
	struct shoal_teller teller = {.id = rival->id,
	        .slot = slot,
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
	const struct shoal_addr *new_at = reachable(core, &message.member.addrs);
	struct contender known = {record->incarnation >> 32, probe->salt, 0};
	struct contender newer = {message.member.incarnation >> 32, rival->salt, 0};
	uint64_t later = stops(&known, &newer) ? known.salt : newer.salt;
	point_out(core, &rival->id, later, &known_at, known.salt, newer.salt, new_at);
	point_out(core, &rival->id, later, new_at, newer.salt, known.salt, &known_at);
	tell_application(core, probe->slot, new_at, "");
}

void
shoal_identity_checked(struct shoal_core *core, const struct shoal_probe *probe, bool answered)
{
	uint32_t number;
	struct rival *rival = find_rival(core, &probe->target, &number);

	if (rival == NULL || !rival->open) {
		return;
	}
	if (answered) {
		rival->open = false;
		both_live(core, probe, rival);
		return;
	}
	struct rival heir = *rival;
	shoal_slab_give(&core->identity.rivals, number);
	take_over(core, probe->slot, &heir);
}
