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
 * Two without a kind of address in common ask through a member that has both kinds, and that told
 * them of each other (rival.c). Where none does, one says nothing of the other.
 *
 * New instances of other members are in rival.c.
 *
 * Bounds: TWINS_MAX at once, one question each for KEPT. */
#include "core/table/identity.h"

#include <string.h>

#include "base/addr.h"
#include "core/event.h"
#include "core/node.h"
#include "core/table/leave.h"
#include "core/table/rival.h"

#define TWINS_MAX  4
#define TWIN_TRIES 4
/* An instance is not asked again so soon. */
#define KEPT SHOAL_SEC(10)

struct twin {
	struct shoal_timer timer;
	struct shoal_addr to; /* where it is asked: there, or at a member that passes it on */
	struct shoal_addr at; /* where it is */
	char url[SHOAL_URL_MAX + 1]; /* what that stands for; "": no URL, or not known */
	uint64_t seq, salt;
	uint64_t sealed; /* the instance that what goes there is sealed for */
	uint64_t told;   /* the highest incarnation told of it that waits to be outbid; 0: none */
	uint8_t asked;
	bool open;  /* waits for the answer */
	bool known; /* the application has been told of it */
};

void
shoal_identity_init(struct shoal_core *core)
{
	struct shoal_identity *identity = &core->identity;

	identity->started_ms = core->wall_ns / SHOAL_MS(1);
	shoal_slab_init(&identity->twins, &core->mem, sizeof(struct twin), TWINS_MAX);
	shoal_rival_init(core);
}

void
shoal_identity_done(struct shoal_core *core)
{
	shoal_slab_done(&core->identity.twins);
	shoal_rival_done(core);
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
write_place(const struct shoal_place *place, struct shoal_text *text)
{
	char url[SHOAL_URL_MAX + 1];
	struct shoal_text copy;

	shoal_text_init(&copy, url, sizeof url);
	shoal_text_strn(&copy, (const char *)place->url.data, place->url.len);
	shoal_kind_write_place(&place->addr, url, text);
}

static void
describe(struct shoal_cause *cause, const struct shoal_place *other, const char *which)
{
	struct shoal_text text;

	shoal_text_init(&text, cause->detail, sizeof cause->detail);
	shoal_text_str(&text, "the other one is at ");
	write_place(other, &text);
	shoal_text_str(&text, which);
}

static struct shoal_place
place_of(const struct twin *twin)
{
	return (struct shoal_place){twin->at, {(const uint8_t *)twin->url, strlen(twin->url)}};
}

/* Through a member that both can talk to. */
static bool
is_passed_on(const struct twin *twin)
{
	return !shoal_addr_equal(&twin->to, &twin->at);
}

/* Where this member is for who sees no more of what it is sent than a made address. */
static void
name_url(const struct shoal_core *core, struct shoal_msg_conflict *said)
{
	const struct shoal_info *info = shoal_members_at(core, SHOAL_SELF)->info;

	for (unsigned i = 0; i < info->addrs; i++) {
		struct shoal_addr own = shoal_info_addr(info, i);
		if (shoal_addr_is_web(&own)) {
			said->addr = own;
			said->url = shoal_info_said(info).url;
		}
	}
}

/* A question (stop 0), an answer, or the notice of one that stops (its own salt). sealed: for whom,
 * 0: for the sender of what is answered. named: to a URL it says this member's own. */
static struct shoal_pending *
say(struct shoal_core *core, const struct shoal_addr *to, uint64_t sealed, uint64_t seq,
        uint64_t stop, bool named)
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
		if (named && shoal_addr_is_web(to)) {
			name_url(core, &said);
		}
		pending->salt = sealed != 0 ? sealed : pending->salt;
		shoal_send_primary(pending, SHOAL_MESSAGE_CONFLICT, &said);
	}
	return pending;
}

static void
say_to(struct shoal_core *core, const struct twin *twin, uint64_t seq, uint64_t stop)
{
	struct shoal_pending *pending = say(core, &twin->to, twin->sealed, seq, stop, true);

	if (pending != NULL && !is_passed_on(twin)) {
		shoal_send_url(pending, place_of(twin).url);
	}
}

void
shoal_identity_tell(
        struct shoal_core *core, uint32_t slot, const struct shoal_place *other, const char *which)
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
	struct shoal_place at = place_of(twin);
	struct shoal_log_line line;

	if (shoal_log_begin(core, &line, SHOAL_LOG_ERROR, "identity")) {
		shoal_text_str(&line.text, "stops: another live member at ");
		write_place(&at, &line.text);
		shoal_text_str(&line.text, " has this name or id; give one of the two another");
	}
	shoal_identity_tell(core, SHOAL_SELF, &at, " and goes on");
	say_to(core, twin, 0, own_salt(core));
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
	say_to(core, twin, twin->seq, 0);
	shoal_heap_arm(
	        &core->heap, &twin->timer, core->now + shoal_ms(core->profile.probe_timeout_ms));
}

static void
set_place(struct twin *twin, const struct shoal_place *at)
{
	struct shoal_text url;

	twin->at = at->addr;
	shoal_text_init(&url, twin->url, sizeof twin->url);
	shoal_text_strn(&url, (const char *)at->url.data, at->url.len);
}

/* to: where it is asked, in packets for the instance `sealed`. NULL: too many, or no memory. */
static struct twin *
begin_twin(struct shoal_core *core, uint64_t salt, const struct shoal_place *at,
        const struct shoal_addr *to, uint64_t sealed)
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
	twin->to = *to;
	twin->sealed = sealed;
	set_place(twin, at);
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
	/* Silent: a former run, or one that hangs and will stop when it returns; or who passes it
	 * on has gone. */
	twin->open = false;
	if (!is_passed_on(twin)) {
		core->took.salt = twin->salt;
	}
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
	struct shoal_place at = {*shoal_members_used(core, &member->addrs), member->url};
	if (is_own_address(core, &at.addr)) {
		return false;
	}
	struct twin *twin = find_twin(core, told->salt);
	if (twin == NULL && shoal_kind_is_own(core, &at.addr)) {
		twin = begin_twin(core, told->salt, &at, &at.addr, told->salt);
	}
	if (twin == NULL || !twin->open || told->incarnation < own) {
		return false;
	}
	if (told->incarnation > twin->told) {
		twin->told = told->incarnation;
	}
	return true;
}

static void
meet(struct shoal_core *core, uint64_t salt, const struct shoal_place *at,
        const struct shoal_addr *to, uint64_t sealed)
{
	if (core->leave.phase == SHOAL_LEAVE_NOT && salt != own_salt(core) &&
	        find_twin(core, salt) == NULL) {
		begin_twin(core, salt, at, to, sealed);
	}
}

void
shoal_identity_met(struct shoal_core *core, uint64_t salt, const struct shoal_addr *addr)
{
	struct shoal_place at = {.addr = *addr};

	meet(core, salt, &at, addr, salt);
}

/* Where the sender of a packet is by its own word, or by that of who passes it on. */
static struct shoal_place
place_said(const struct shoal_msg_conflict *said, const struct shoal_addr *from)
{
	return said->addr.port != 0 ? (struct shoal_place){said->addr, said->url}
	                            : (struct shoal_place){.addr = *from};
}

static void
on_answer(struct shoal_core *core, struct twin *twin, const struct shoal_msg_conflict *said)
{
	struct contender self = self_as_contender(core), other = contender_of(said);

	twin->open = false;
	twin->salt = said->salt;
	if (said->addr.port != 0) {
		struct shoal_place at = {said->addr, said->url};
		set_place(twin, &at);
	}
	shoal_heap_arm(&core->heap, &twin->timer, core->now + KEPT);
	if (stops(&self, &other)) {
		stop(core, twin);
		return;
	}
	outbid(core, twin);
	if (!twin->known) {
		twin->known = true;
		struct shoal_place at = place_of(twin);
		shoal_identity_tell(core, SHOAL_SELF, &at, " and stops");
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
	struct shoal_place at = place_said(said, from);

	if (said->stop == 0) {
		/* Answered with as many bytes; and asked in turn, for it may be the earlier one. */
		uint64_t stop = stops(&self, &other) ? self.salt : other.salt;
		struct shoal_pending *answer =
		        say(core, from, 0, said->seq, stop, said->addr.port != 0);
		if (answer != NULL) {
			meet(core, said->salt, &at, from, answer->salt);
		}
	} else if (said->seq == 0 && said->stop == said->salt && twin != NULL) {
		if (!twin->known) {
			twin->known = true;
			shoal_identity_tell(core, SHOAL_SELF, &at, " and stops");
		}
	} else if (asked == NULL || asked->seq != said->seq || !asked->open) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
	} else if (!shoal_addr_equal(&asked->to, from)) {
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

	if (path == SHOAL_INPUT_DATAGRAM && shoal_rival_passes_on(core, said, from)) {
		return;
	}
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
		struct shoal_place at = {said->addr, said->url};
		bool reached = shoal_kind_is_own(core, &at.addr);
		meet(core, said->other, &at, reached ? &at.addr : from,
		        reached ? said->other : said->salt);
	}
}
