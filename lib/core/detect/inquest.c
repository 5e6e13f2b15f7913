/* SPDX-License-Identifier: MIT */
/* Each try is a ping and a connection that is made for it, with the same ping on it: at once, after
 * 20 ms, and 300 ms after the first refusal. The kernel of a dying process may close the link
 * before the listener, so a connection that is taken and closed again says nothing; and a process
 * that is started anew within the 300 ms answers. This member says refused when two connects that
 * were begun at least 300 ms apart were refused with none between them that was not, and no ping
 * was answered. Whoever answers, to whomever, under whichever salt, ends it.
 *
 * The verdict needs min(3, n - 1) members who say so, and from n = 5 on one of them who is no
 * watcher of the target: what lies between it and its watchers must not be taken for it. Without a
 * verdict in two seconds the ordinary failure detection goes on, with a probe right now.
 *
 * A watcher asks with each of its first two tries, a relay tells twice: one lost datagram does not
 * delay a verdict. */
#include "core/detect/inquest.h"

#include <string.h>

#include "core/detect/hint.h"
#include "core/detect/order.h"
#include "core/detect/suspicion.h"
#include "core/detect/watch.h"
#include "core/event.h"
#include "core/node.h"
#include "core/sync/exchange.h"

#define SECOND_TRY SHOAL_MS(20)
#define APART      SHOAL_MS(300)
/* For answers that are on their way when the last refusal comes. */
#define GRACE         SHOAL_MS(20)
#define TOLD_AGAIN    SHOAL_MS(60)
#define PATIENCE      SHOAL_SEC(2)
#define CONNECT       SHOAL_SEC(1)
#define TRIES_MOST    8
#define OUTSIDER_FROM 5

void
shoal_inquest_init(struct shoal_core *core)
{
	shoal_slab_init(
	        &core->inquests, &core->mem, sizeof(struct shoal_inquest), SHOAL_INQUESTS_MAX);
}

void
shoal_inquest_done(struct shoal_core *core)
{
	shoal_slab_done(&core->inquests);
}

static bool
is_own(const struct shoal_inquest *inquest)
{
	return inquest->origin_seq == 0;
}

static struct shoal_inquest *
find(const struct shoal_core *core, uint64_t seq)
{
	struct shoal_inquest *inquest = shoal_slab_at(&core->inquests, SHOAL_NUMBER_SLOT(seq));
	return inquest != NULL && inquest->seq == seq ? inquest : NULL;
}

bool
shoal_inquest_awaits(const struct shoal_core *core, uint64_t seq)
{
	return find(core, seq) != NULL;
}

static void
end(struct shoal_core *core, struct shoal_inquest *inquest)
{
	shoal_heap_disarm(&core->heap, &inquest->timer);
	shoal_slab_give(&core->inquests, SHOAL_NUMBER_SLOT(inquest->seq));
}

/* The target's record; NULL: the question has settled itself: it left, restarted, spoke, or was
 * found dead otherwise. */
static struct shoal_record *
target_of(struct shoal_core *core, const struct shoal_inquest *inquest)
{
	struct shoal_record *record = shoal_members_at(core, inquest->slot);
	bool open = record != NULL &&
	            memcmp(&record->info->id, &inquest->target, sizeof inquest->target) == 0 &&
	            shoal_members_counts(record) && shoal_members_salt(record) == inquest->salt &&
	            record->incarnation == inquest->incarnation &&
	            shoal_members_heard(core, record) <= inquest->begun;
	return open ? record : NULL;
}

static struct shoal_inquest *
make(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_inquest *inquest = NULL;
	uint32_t number;

	if (shoal_reserve_timers(core) == SHOAL_OK) {
		inquest = shoal_slab_take(&core->inquests, &number);
	}
	if (inquest == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_INQUESTS_FULL);
		return NULL;
	}
	inquest->timer.kind = SHOAL_TIMER_INQUEST;
	inquest->timer.slot = number;
	inquest->seq = shoal_probe_number(core, number, SHOAL_NUMBER_INQUEST);
	inquest->begun = core->now;
	inquest->target = record->info->id;
	inquest->salt = shoal_members_salt(record);
	inquest->incarnation = record->incarnation;
	inquest->slot = slot;
	return inquest;
}

static void
connect_to(struct shoal_core *core, const struct shoal_inquest *inquest)
{
	uint64_t number = shoal_exchange_begin(core, SHOAL_EXCHANGE_INQUEST, inquest->slot, NULL);
	struct shoal_exchange unsent;

	if (number == 0) {
		return;
	}
	struct shoal_pending *pending = shoal_probe_ping(
	        core, SHOAL_SEND_REQUEST, inquest->slot, inquest->seq, NULL, 0, number);
	if (pending == NULL) {
		(void)shoal_exchange_end(core, number, &unsent);
		return;
	}
	shoal_exchange_about(core, number, inquest->seq);
	pending->fresh = true;
	pending->timeout_ns = CONNECT;
}

static void
ask_relays(struct shoal_core *core, const struct shoal_inquest *inquest)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_check check = {.seq = inquest->seq,
	        .id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = inquest->target,
	        .instance = inquest->salt};

	for (uint32_t i = 0; i < inquest->asked; i++) {
		const struct shoal_record *relay = shoal_members_at(core, inquest->relay[i]);
		if (relay == NULL) {
			continue;
		}
		struct shoal_addr to = shoal_members_addr(relay);
		struct shoal_pending *pending = shoal_send_queue(core, SHOAL_SEND_DATAGRAM, &to,
		        inquest->relay[i], SHOAL_FILL_GOSSIP | SHOAL_FILL_BELIEF);
		if (pending != NULL) {
			shoal_send_primary(pending, SHOAL_MESSAGE_CHECK, &check);
		}
	}
}

/* The next try is due: 20 ms after the first one; else 300 ms after the first refusal, or after
 * this try where there was none. */
static void
try_once(struct shoal_core *core, struct shoal_inquest *inquest)
{
	if (inquest->tries == TRIES_MOST || core->now - inquest->begun >= PATIENCE) {
		bool own = is_own(inquest);
		uint32_t slot = inquest->slot;
		end(core, inquest);
		if (own) {
			shoal_hint_about(core, slot);
		}
		return;
	}
	inquest->tries++;
	(void)shoal_probe_ping(core, SHOAL_SEND_DATAGRAM, inquest->slot, inquest->seq, NULL, 0, 0);
	shoal_ways_ping(core, inquest->slot, inquest->seq);
	connect_to(core, inquest);
	if (inquest->tries <= 2) {
		ask_relays(core, inquest);
	}
	uint64_t next = core->now + APART;
	if (inquest->tries == 1) {
		next = core->now + SECOND_TRY;
	} else if (inquest->tries == 2 && inquest->refused_at != 0) {
		next = inquest->tried + APART;
	}
	shoal_heap_arm(&core->heap, &inquest->timer, next);
}

/* Those that are no watchers of the target first, then any. */
static void
choose_relays(struct shoal_core *core, struct shoal_inquest *inquest)
{
	uint32_t found[2 * SHOAL_INQUEST_RELAYS];
	uint32_t most = core->profile.relays;
	most = most < SHOAL_INQUEST_RELAYS ? most : SHOAL_INQUEST_RELAYS;
	uint32_t n = shoal_order_sample(core, inquest->slot, most + core->profile.watchers, found);

	for (unsigned outside = 2; outside-- > 0;) {
		for (uint32_t i = 0; i < n && inquest->asked < most; i++) {
			if (shoal_watch_is_watcher(core, inquest->slot, found[i]) == outside) {
				continue;
			}
			inquest->outside |= (uint16_t)(outside << inquest->asked);
			inquest->relay[inquest->asked++] = found[i];
		}
	}
}

void
shoal_inquest_open(struct shoal_core *core, uint32_t slot)
{
	const struct shoal_record *record = shoal_members_at(core, slot);

	for (uint32_t i = 0; i < core->inquests.end; i++) {
		const struct shoal_inquest *other = shoal_slab_at(&core->inquests, i);
		if (other != NULL && is_own(other) && other->slot == slot &&
		        memcmp(&other->target, &record->info->id, sizeof other->target) == 0) {
			return;
		}
	}
	struct shoal_inquest *inquest = make(core, slot);
	if (inquest == NULL) {
		shoal_hint_about(core, slot);
		return;
	}
	choose_relays(core, inquest);
	shoal_count(core, SHOAL_COUNTER_WATCH_CHECKS);
	try_once(core, inquest);
}

static unsigned
count_bits(unsigned bits)
{
	unsigned count = 0;
	for (; bits != 0; bits &= bits - 1) {
		count++;
	}
	return count;
}

static void
describe(const struct shoal_core *core, const struct shoal_inquest *inquest, uint32_t sayers,
        struct shoal_cause *cause)
{
	struct shoal_text text;

	cause->after_ns = core->now - inquest->begun;
	shoal_text_init(&text, cause->detail, sizeof cause->detail);
	shoal_text_u64(&text, sayers);
	shoal_text_str(&text, " of ");
	shoal_text_u64(&text, inquest->asked + 1u);
	shoal_text_str(&text, " members, the first refusal ");
	shoal_text_duration(&text, core->now - inquest->refused_at);
	shoal_text_str(&text, " ago");
}

/* Enough have said so: the member has failed. */
static void
judge(struct shoal_core *core, struct shoal_inquest *inquest)
{
	uint32_t n = shoal_members_n(core);
	uint32_t sayers = inquest->said + count_bits(inquest->refused_by);
	bool outsider = n < OUTSIDER_FROM || (inquest->refused_by & inquest->outside) != 0;
#ifdef SHOAL_PLANT_VERDICT_INSIDE
	outsider = true;
#endif
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_REFUSED, NULL);
	struct shoal_id_list names = {
	        .count = 1, .item = {shoal_members_at(core, SHOAL_SELF)->info->id}};

#ifdef SHOAL_PLANT_VERDICT_OF_FEW
	n = 2;
	outsider = true;
#endif
	if (!inquest->said || sayers < shoal_inquest_needs(n) || !outsider ||
	        target_of(core, inquest) == NULL) {
		return;
	}
	for (uint32_t i = 0; i < inquest->asked && names.count < SHOAL_ACCUSERS_MAX; i++) {
		const struct shoal_record *relay = shoal_members_at(core, inquest->relay[i]);
		if ((inquest->refused_by >> i & 1) != 0 && relay != NULL) {
			names.item[names.count++] = relay->info->id;
		}
	}
	uint32_t slot = inquest->slot;
	uint64_t refused_at = inquest->refused_at;
	describe(core, inquest, sayers, &cause);
	shoal_observe_ns(core, SHOAL_HISTOGRAM_DETECTION, core->now - inquest->begun);
	end(core, inquest);
	shoal_count(core, SHOAL_COUNTER_WATCH_VERDICTS);
	shoal_suspicion_convict(core, slot, refused_at, &names, &cause);
}

static void
tell_origin(struct shoal_core *core, const struct shoal_inquest *inquest)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_refused refused = {.seq = inquest->origin_seq,
	        .id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .target = inquest->target,
	        .instance = inquest->salt,
	        .refused_ms = (core->now - inquest->refused_at) / SHOAL_MS(1) + 1};
	struct shoal_pending *pending = shoal_send_queue(core, SHOAL_SEND_DATAGRAM,
	        &inquest->origin, shoal_members_find(core, &inquest->origin_id),
	        SHOAL_FILL_GOSSIP | SHOAL_FILL_BELIEF);

	if (pending != NULL) {
		shoal_send_primary(pending, SHOAL_MESSAGE_REFUSED, &refused);
	}
}

/* No answer came in the time that one takes. */
static void
say_refused(struct shoal_core *core, struct shoal_inquest *inquest)
{
	bool again = inquest->said;

	inquest->said = true;
	if (!is_own(inquest)) {
		tell_origin(core, inquest);
		if (again) {
			end(core, inquest);
			return;
		}
		shoal_heap_arm(&core->heap, &inquest->timer, core->now + TOLD_AGAIN);
		return;
	}
	uint64_t until = inquest->begun + PATIENCE;
	inquest->tries = TRIES_MOST;
	shoal_heap_arm(&core->heap, &inquest->timer, until > core->now ? until : core->now);
	judge(core, inquest);
}

void
shoal_inquest_on_timer(struct shoal_core *core, uint32_t number)
{
	struct shoal_inquest *inquest = shoal_slab_at(&core->inquests, number);

	if (target_of(core, inquest) == NULL || core->leave.phase != SHOAL_LEAVE_NOT) {
		end(core, inquest);
	} else if (inquest->proved && (!inquest->said || !is_own(inquest))) {
		say_refused(core, inquest);
	} else {
		try_once(core, inquest);
	}
}

void
shoal_inquest_on_connect(struct shoal_core *core, uint64_t seq, uint64_t begun, int code)
{
	struct shoal_inquest *inquest = find(core, seq);

	if (inquest == NULL || inquest->proved) {
		return;
	}
	if (code == SHOAL_ERR_CLOSED || code == SHOAL_ERR_TIMEOUT || code == SHOAL_OK) {
		/* Somebody took it, or nobody said no. */
		inquest->refused_at = 0;
		return;
	}
	if (code != SHOAL_ERR_REFUSED) {
		return; /* this host could not even try */
	}
	if (inquest->refused_at == 0) {
		inquest->refused_at = core->now;
		inquest->tried = begun;
		if (inquest->tries >= 2) {
			shoal_heap_arm(&core->heap, &inquest->timer,
			        begun + APART > core->now ? begun + APART : core->now);
		}
#ifdef SHOAL_PLANT_HOLD_SHORT
	} else if (begun > inquest->tried) {
		inquest->proved = true;
		shoal_heap_arm(&core->heap, &inquest->timer, core->now + GRACE);
#endif
	} else if (begun >= inquest->tried + APART) {
		inquest->proved = true;
		shoal_heap_arm(&core->heap, &inquest->timer, core->now + GRACE);
	}
}

/* Whether an ack in a datagram comes from where one may: the target, or a relay that was asked. */
static bool
may_answer(const struct shoal_core *core, const struct shoal_inquest *inquest,
        const struct shoal_addr *from)
{
	if (core->seal.sealed || shoal_members_may_be(core, inquest->slot, from)) {
		return true;
	}
	for (uint32_t i = 0; i < inquest->asked; i++) {
		if (shoal_members_may_be(core, inquest->relay[i], from)) {
			return true;
		}
	}
	return false;
}

static void
pass_on(struct shoal_core *core, const struct shoal_inquest *inquest,
        const struct shoal_msg_ack *ack)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};
	struct shoal_msg_ack passed = {
	        .seq = inquest->origin_seq, .id = ack->id, .salt = ack->salt};
	struct shoal_pending *pending = shoal_send_queue(core, SHOAL_SEND_DATAGRAM,
	        &inquest->origin, shoal_members_find(core, &inquest->origin_id),
	        SHOAL_FILL_GOSSIP | SHOAL_FILL_BELIEF);

	if (pending != NULL) {
		shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
		shoal_send_primary(pending, SHOAL_MESSAGE_ACK, &passed);
	}
}

void
shoal_inquest_on_ack(struct shoal_core *core, const struct shoal_msg_ack *ack,
        const struct shoal_addr *from, enum shoal_input_kind path)
{
	struct shoal_inquest *inquest = find(core, ack->seq);

	if (inquest == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
		return;
	}
	if (memcmp(&ack->id, &inquest->target, sizeof ack->id) != 0 ||
	        (path == SHOAL_INPUT_DATAGRAM && !may_answer(core, inquest, from))) {
		shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
		return;
	}
#ifdef SHOAL_PLANT_ANSWER_UNHEEDED
	return;
#endif
	shoal_count(core, SHOAL_COUNTER_ACKS_IN);
	struct shoal_record *record = target_of(core, inquest);
	if (!is_own(inquest)) {
		pass_on(core, inquest, ack);
	} else {
		shoal_count(core, SHOAL_COUNTER_WATCH_ANSWERED);
	}
	if (record != NULL && ack->salt == inquest->salt) {
		shoal_members_hear(core, record, core->now);
	} else if (record != NULL) {
		/* Its successor: it is told what is held of it, and will say what is newer. */
		shoal_send_gossip(
		        core, inquest->slot, SHOAL_FILL_SELF | SHOAL_FILL_ABOUT, inquest->slot);
	}
	end(core, inquest);
}

/* The slab is small and bounded, so that a pass over it is cheaper than keeping counts. */
static bool
may_serve(struct shoal_core *core, const struct shoal_msg_check *check)
{
	unsigned held = 0;

	for (uint32_t i = 0; i < core->inquests.end; i++) {
		const struct shoal_inquest *inquest = shoal_slab_at(&core->inquests, i);
		if (inquest == NULL || is_own(inquest) ||
		        memcmp(&inquest->origin_id, &check->id, sizeof check->id) != 0) {
			continue;
		}
		if (inquest->origin_seq == check->seq) {
			return false; /* asked again */
		}
		held++;
	}
	if (held >= SHOAL_INQUESTS_PER_ORIGIN) {
		shoal_count(core, SHOAL_COUNTER_DROP_INQUESTS_FULL);
	}
	return held < SHOAL_INQUESTS_PER_ORIGIN;
}

void
shoal_inquest_on_check(
        struct shoal_core *core, const struct shoal_msg_check *check, const struct shoal_addr *from)
{
	uint32_t origin = shoal_members_find(core, &check->id);
	uint32_t slot = shoal_members_find(core, &check->target);

	if (origin == SHOAL_NONE || slot == SHOAL_NONE || slot == SHOAL_SELF ||
	        !shoal_members_counts(shoal_members_at(core, origin)) ||
	        !shoal_members_may_be(core, origin, from) ||
	        !shoal_members_counts(shoal_members_at(core, slot))) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		return;
	}
	if (shoal_members_salt(shoal_members_at(core, slot)) != check->instance) {
		shoal_count(core, SHOAL_COUNTER_DROP_MISDIRECTED);
		return;
	}
	struct shoal_inquest *inquest = may_serve(core, check) ? make(core, slot) : NULL;
	if (inquest == NULL) {
		return;
	}
	inquest->origin_id = check->id;
	inquest->origin = *from;
	inquest->origin_seq = check->seq;
	shoal_count(core, SHOAL_COUNTER_CHECKS_SERVED);
	try_once(core, inquest);
}

void
shoal_inquest_on_refused(struct shoal_core *core, const struct shoal_msg_refused *refused,
        const struct shoal_addr *from)
{
	struct shoal_inquest *inquest = find(core, refused->seq);

	if (inquest == NULL || !is_own(inquest)) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
		return;
	}
	for (uint32_t i = 0; i < inquest->asked; i++) {
		const struct shoal_record *relay = shoal_members_at(core, inquest->relay[i]);
		if (relay != NULL && shoal_members_may_be(core, inquest->relay[i], from) &&
		        memcmp(&relay->info->id, &refused->id, sizeof refused->id) == 0 &&
		        memcmp(&inquest->target, &refused->target, sizeof refused->target) == 0 &&
		        inquest->salt == refused->instance) {
			inquest->refused_by |= (uint16_t)(1u << i);
			judge(core, inquest);
			return;
		}
	}
	shoal_count(core, SHOAL_COUNTER_DROP_FORGED);
}
