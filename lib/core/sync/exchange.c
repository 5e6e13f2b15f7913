/* SPDX-License-Identifier: MIT */
/* Exchanges on streams. At most profile.exchanges_max are in flight; the host ends each one with a
 * result. A join is a table exchange with a question before it; the seed judges protocol, codec and
 * clock once, here, and says why it refuses. */
#include "core/sync/exchange.h"

#include <string.h>

#include "core/admission/reject.h"
#include "core/detect/watch.h"
#include "core/event.h"
#include "core/message/reliable.h"
#include "core/node.h"

/* A joiner whose clock is further ahead than this would outbid every later restart of its own. Its
 * clock is judged and not its incarnation: that may be above what somebody told of it. */
#define EPOCH_AHEAD_MAX (24 * 3600)

void
shoal_exchange_init(struct shoal_core *core)
{
	shoal_slab_init(&core->exchanges, &core->mem, sizeof(struct shoal_exchange),
	        core->profile.exchanges_max);
}

void
shoal_exchange_done(struct shoal_core *core)
{
	shoal_slab_done(&core->exchanges);
}

/* The host ends each request; one that it lost, for want of memory, must not take its place for
 * ever. */
static void
reclaim(struct shoal_core *core)
{
	uint64_t patience = 2 * shoal_ms(core->profile.exchange_timeout_ms);

	for (uint32_t i = 0; i < core->exchanges.end; i++) {
		const struct shoal_exchange *exchange = shoal_slab_at(&core->exchanges, i);
		struct shoal_exchange lost;
		if (exchange == NULL || core->now - exchange->begun < patience) {
			continue;
		}
		if (!shoal_exchange_end(core, exchange->number, &lost)) {
			continue;
		}
		if (lost.purpose == SHOAL_EXCHANGE_JOIN) {
			shoal_event_joined(
			        core, &lost.to, SHOAL_ERR_TIMEOUT, (struct shoal_span){NULL, 0});
		} else if (lost.purpose == SHOAL_EXCHANGE_WATCH) {
			shoal_watch_failed(core, lost.number, true);
		} else if (lost.purpose == SHOAL_EXCHANGE_PULL) {
			shoal_pull_ended(core, &lost);
		} else if (lost.purpose == SHOAL_EXCHANGE_BATCH) {
			shoal_reliable_ended(core, lost.about, lost.number);
		} else if (lost.purpose == SHOAL_EXCHANGE_FETCH) {
			shoal_repair_ended(core, &lost);
		} else if (lost.purpose == SHOAL_EXCHANGE_KEYS) {
			shoal_keys_failed(core, &lost, SHOAL_ERR_TIMEOUT);
		}
	}
}

void
shoal_exchange_cancel_joins(struct shoal_core *core)
{
	for (uint32_t i = 0; i < core->exchanges.end; i++) {
		const struct shoal_exchange *exchange = shoal_slab_at(&core->exchanges, i);
		struct shoal_exchange ended;
		if (exchange != NULL && exchange->purpose == SHOAL_EXCHANGE_JOIN &&
		        shoal_exchange_end(core, exchange->number, &ended)) {
			shoal_event_joined(
			        core, &ended.to, SHOAL_ERR_CANCELED, (struct shoal_span){NULL, 0});
		}
	}
}

uint64_t
shoal_exchange_begin(struct shoal_core *core, enum shoal_exchange_purpose purpose, uint32_t slot,
        const struct shoal_addr *to)
{
	uint32_t number;

	if (core->exchanges.count >= core->exchanges.limit) {
		reclaim(core);
	}
	struct shoal_exchange *exchange = shoal_slab_take(&core->exchanges, &number);
	if (exchange == NULL) {
		shoal_count(core, SHOAL_COUNTER_DROP_EXCHANGES_FULL);
		return 0;
	}
	exchange->number = shoal_probe_number(core, number, SHOAL_NUMBER_EXCHANGE);
	exchange->purpose = (uint8_t)purpose;
	exchange->begun = core->now;
	if (slot != SHOAL_NONE) {
		exchange->asked = shoal_members_at(core, slot)->info->id;
	}
	exchange->to = to != NULL ? *to : shoal_members_addr(shoal_members_at(core, slot));
	return exchange->number;
}

void
shoal_exchange_sealed(struct shoal_core *core, uint64_t number, uint64_t counter)
{
	struct shoal_exchange *exchange =
	        shoal_slab_at(&core->exchanges, SHOAL_NUMBER_SLOT(number));

	if (exchange != NULL && exchange->number == number) {
		exchange->counter = counter;
	}
}

uint64_t
shoal_exchange_counter(const struct shoal_core *core, uint64_t number)
{
	const struct shoal_exchange *exchange =
	        shoal_slab_at(&core->exchanges, SHOAL_NUMBER_SLOT(number));

	return exchange != NULL && exchange->number == number ? exchange->counter : 0;
}

struct shoal_addr
shoal_exchange_to(const struct shoal_core *core, uint64_t number)
{
	const struct shoal_exchange *exchange =
	        shoal_slab_at(&core->exchanges, SHOAL_NUMBER_SLOT(number));

	return exchange != NULL && exchange->number == number ? exchange->to
	                                                      : (struct shoal_addr){.port = 0};
}

void
shoal_exchange_about(struct shoal_core *core, uint64_t number, uint64_t about)
{
	struct shoal_exchange *exchange =
	        shoal_slab_at(&core->exchanges, SHOAL_NUMBER_SLOT(number));

	SHOAL_ASSERT(exchange != NULL && exchange->number == number);
	exchange->about = about;
}

bool
shoal_exchange_end(struct shoal_core *core, uint64_t number, struct shoal_exchange *exchange)
{
	const struct shoal_exchange *held =
	        shoal_slab_at(&core->exchanges, SHOAL_NUMBER_SLOT(number));

	if (held == NULL || held->number != number) {
		return false;
	}
	*exchange = *held;
	shoal_slab_give(&core->exchanges, SHOAL_NUMBER_SLOT(number));
	return true;
}

void
shoal_exchange_ended(struct shoal_core *core, const struct shoal_exchange *exchange,
        const struct shoal_input *input, int rc, bool came, bool answered)
{
	int why = rc != SHOAL_OK ? rc : SHOAL_ERR_MALFORMED;

	switch ((enum shoal_exchange_purpose)exchange->purpose) {
	case SHOAL_EXCHANGE_JOIN:
		if (!answered) {
			shoal_reject_join(core, exchange, input, why);
		}
		break;
	case SHOAL_EXCHANGE_WATCH:
		if (!answered) {
			shoal_watch_failed(core, exchange->number, came);
		}
		break;
	case SHOAL_EXCHANGE_INQUEST:
		shoal_inquest_on_connect(
		        core, exchange->about, exchange->begun, came ? SHOAL_OK : input->code);
		break;
	case SHOAL_EXCHANGE_PULL:
		shoal_pull_ended(core, exchange);
		break;
	case SHOAL_EXCHANGE_BATCH:
		shoal_reliable_ended(core, exchange->about, exchange->number);
		break;
	case SHOAL_EXCHANGE_FETCH:
		shoal_repair_ended(core, exchange);
		break;
	case SHOAL_EXCHANGE_KEYS:
		if (!answered) {
			shoal_keys_failed(core, exchange, why);
		}
		break;
	case SHOAL_EXCHANGE_SYNC:
	case SHOAL_EXCHANGE_PING:
		break;
	}
}

bool
shoal_exchange_is_of_asked(
        const struct shoal_exchange *exchange, const struct shoal_msg_answer *answer)
{
	const struct shoal_id *asked = &exchange->asked;
	bool same = shoal_id_is_zero(asked) || memcmp(asked, &answer->id, sizeof *asked) == 0;
	bool instance = exchange->salt == 0 || exchange->salt == answer->salt;

	return same && (instance || answer->code != 0);
}

void
shoal_exchange_unsent(struct shoal_core *core, const struct shoal_pending *pending)
{
	struct shoal_exchange exchange;
	struct shoal_span none = {NULL, 0};

	if ((pending->kind != SHOAL_SEND_REQUEST && pending->kind != SHOAL_SEND_WATCH) ||
	        !shoal_exchange_end(core, pending->exchange, &exchange)) {
		return;
	}
	if (exchange.purpose == SHOAL_EXCHANGE_JOIN) {
		shoal_event_joined(core, &exchange.to, SHOAL_ERR_NOMEM, none);
	} else if (exchange.purpose == SHOAL_EXCHANGE_WATCH) {
		shoal_watch_failed(core, exchange.number, false);
	} else if (exchange.purpose == SHOAL_EXCHANGE_PULL) {
		shoal_pull_ended(core, &exchange);
	} else if (exchange.purpose == SHOAL_EXCHANGE_BATCH) {
		shoal_reliable_ended(core, exchange.about, exchange.number);
	} else if (exchange.purpose == SHOAL_EXCHANGE_FETCH) {
		shoal_repair_ended(core, &exchange);
	} else if (exchange.purpose == SHOAL_EXCHANGE_KEYS) {
		shoal_keys_failed(core, &exchange, SHOAL_ERR_NOMEM);
	}
}

static struct shoal_pending *
request(struct shoal_core *core, uint64_t exchange, const struct shoal_addr *to, uint32_t slot,
        unsigned flags)
{
	struct shoal_pending *pending = shoal_send_queue(core, SHOAL_SEND_REQUEST, to, slot, flags);
	struct shoal_exchange ended;

	if (pending == NULL) {
		shoal_exchange_end(core, exchange, &ended);
		return NULL;
	}
	pending->exchange = exchange;
	pending->timeout_ns = shoal_ms(core->profile.exchange_timeout_ms);
	return pending;
}

static int
ask_to_join(struct shoal_core *core, const struct shoal_addr *seed, uint64_t salt, bool last)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_join join = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .epoch_s = core->identity.started_ms / 1000 & UINT32_MAX,
	        .protocol_min = SHOAL_PROTOCOL_LOW,
	        .protocol_max = SHOAL_PROTOCOL_HIGH,
	        .codec = shoal_coding_id(core),
	        .app_version = self->info->app_version};
	uint64_t number = shoal_exchange_begin(core, SHOAL_EXCHANGE_JOIN, SHOAL_NONE, seed);
	/* A seed that is not known takes no sealed packet before it has said its salt. */
	bool asks = salt == 0 && core->seal.asks;

	if (number == 0) {
		return SHOAL_ERR_LIMIT;
	}
	struct shoal_pending *pending = request(
	        core, number, seed, SHOAL_NONE, asks ? 0 : SHOAL_FILL_SELF | SHOAL_FILL_TABLE);
	if (pending == NULL) {
		return SHOAL_ERR_LIMIT;
	}
	struct shoal_exchange *exchange =
	        shoal_slab_at(&core->exchanges, SHOAL_NUMBER_SLOT(number));
	exchange->salt = pending->salt = salt;
	exchange->last = last;
	shoal_send_primary(pending, SHOAL_MESSAGE_JOIN, &join);
	return SHOAL_OK;
}

int
shoal_exchange_join(struct shoal_core *core, const struct shoal_addr *seed)
{
	return ask_to_join(core, seed, 0, false);
}

void
shoal_exchange_join_again(
        struct shoal_core *core, const struct shoal_addr *seed, uint64_t salt, bool last)
{
	int rc = ask_to_join(core, seed, salt, last);

	if (rc != SHOAL_OK) {
		shoal_event_joined(core, seed, rc, (struct shoal_span){NULL, 0});
	}
}

bool
shoal_exchange_pull(struct shoal_core *core, uint32_t slot, const struct shoal_msg_pull *pull,
        uint64_t about, uint64_t *number)
{
	uint64_t exchange = shoal_exchange_begin(core, SHOAL_EXCHANGE_PULL, slot, NULL);
	struct shoal_addr to = shoal_members_addr(shoal_members_at(core, slot));
	struct shoal_pending *pending =
	        exchange != 0 ? request(core, exchange, &to, slot, 0) : NULL;

	if (pending == NULL) {
		return false;
	}
	shoal_exchange_about(core, exchange, about);
	shoal_send_primary(pending, SHOAL_MESSAGE_PULL, pull);
	*number = exchange;
	return true;
}

bool
shoal_exchange_keys(struct shoal_core *core, uint32_t slot)
{
	uint64_t exchange = shoal_exchange_begin(core, SHOAL_EXCHANGE_KEYS, slot, NULL);
	struct shoal_addr to = shoal_members_addr(shoal_members_at(core, slot));

	return exchange != 0 && request(core, exchange, &to, slot, SHOAL_FILL_KEYS) != NULL;
}

bool
shoal_exchange_step(struct shoal_core *core, uint32_t slot, const struct shoal_addr *to,
        uint64_t walk, unsigned step)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sync sync = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .walk = walk,
	        .root = step == 1 ? shoal_tree_root(core) : 0};
	uint64_t number = shoal_exchange_begin(core, SHOAL_EXCHANGE_SYNC, slot, to);
	struct shoal_pending *pending = NULL;

	if (number != 0) {
		struct shoal_exchange *exchange =
		        shoal_slab_at(&core->exchanges, SHOAL_NUMBER_SLOT(number));
		exchange->walk = walk;
		exchange->step = (uint8_t)step;
		pending = request(core, number, to, slot, step == 1 ? 0 : SHOAL_FILL_WALK);
	}
	if (pending == NULL) {
		if (step > 1) {
			shoal_walk_sent(core);
		}
		return false;
	}
	shoal_send_primary(pending, SHOAL_MESSAGE_SYNC, &sync);
	return true;
}

uint64_t
shoal_exchange_batch(struct shoal_core *core, uint32_t slot, uint32_t peer, bool fresh)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	struct shoal_addr to = shoal_members_addr(record);
	uint64_t number = shoal_exchange_begin(core, SHOAL_EXCHANGE_BATCH, slot, &to);
	struct shoal_pending *pending =
	        number != 0 ? request(core, number, &to, slot, SHOAL_FILL_BATCH) : NULL;

	if (pending == NULL) {
		return 0;
	}
	pending->fresh = fresh;
	if (shoal_members_inbound(record)) {
		/* It is dialled in case that it can be by now. */
		uint64_t most = shoal_ms(core->profile.probe_interval_ms);
		pending->timeout_ns = pending->timeout_ns < most ? pending->timeout_ns : most;
	}
	shoal_exchange_about(core, number, peer);
	return number;
}

uint64_t
shoal_exchange_fetch(struct shoal_core *core, uint32_t slot, struct shoal_span keys)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_addr to = shoal_members_addr(shoal_members_at(core, slot));
	uint64_t number = shoal_exchange_begin(core, SHOAL_EXCHANGE_FETCH, slot, &to);
	struct shoal_msg_fetch fetch = {
	        .id = self->info->id, .salt = shoal_members_salt(self), .keys = keys};
	struct shoal_pending *pending =
	        number != 0 ? request(core, number, &to, slot, keys.len == 0 ? SHOAL_FILL_FETCH : 0)
	                    : NULL;

	if (pending == NULL) {
		return 0;
	}
	if (keys.len > 0) {
		shoal_send_primary(pending, SHOAL_MESSAGE_FETCH, &fetch);
	}
	return number;
}

struct shoal_span
shoal_exchange_text(const char *text)
{
	return (struct shoal_span){(const uint8_t *)text, strlen(text)};
}

static bool
overlap(uint8_t low, uint8_t high, const struct shoal_info *info)
{
	return low <= info->protocol_max && high >= info->protocol_min;
}

int
shoal_exchange_judge_join(
        struct shoal_core *core, const struct shoal_msg_join *join, struct shoal_span *reason)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	uint64_t wall_s = core->wall_ns / SHOAL_SEC(1);
	bool mine = memcmp(&join->id, &self->info->id, sizeof join->id) == 0;

	if (!overlap(join->protocol_min, join->protocol_max, self->info)) {
		*reason = shoal_exchange_text("no protocol version that both speak");
		return SHOAL_ERR_VERSION;
	}
	if (join->codec != shoal_coding_id(core)) {
		*reason = shoal_exchange_text(shoal_coding_refusal(core, join->codec));
		return SHOAL_ERR_CODEC;
	}
	if (mine && join->salt != shoal_members_salt(self)) {
		*reason = shoal_exchange_text(
		        "this id is my own: two members have the same name or id");
		return SHOAL_ERR_ID_CONFLICT;
	}
	if (join->epoch_s > wall_s + EPOCH_AHEAD_MAX) {
		*reason =
		        shoal_exchange_text("your clock is more than a day ahead of mine: set it");
		return SHOAL_ERR_REJECTED;
	}
	if (core->leave.phase != SHOAL_LEAVE_NOT) {
		*reason = shoal_exchange_text("this member is leaving: join through another one");
		return SHOAL_ERR_STATE;
	}
	if (shoal_members_find(core, &join->id) == SHOAL_NONE &&
	        core->members.records.count - core->members.graves.count >=
	                core->members.records.limit) {
		*reason = shoal_exchange_text("the limit of members is reached (members_max)");
		return SHOAL_ERR_LIMIT;
	}
	if (join->salt == 0) {
		*reason = shoal_exchange_text("a join names the instance that joins");
		return SHOAL_ERR_MALFORMED;
	}
	return SHOAL_OK;
}

void
shoal_exchange_answer(struct shoal_core *core, uint64_t request, const struct shoal_addr *to,
        uint32_t slot, int code, struct shoal_span reason)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_answer answer = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .code = (uint64_t)-code,
	        .reason = reason};
	/* It can be read under any label. */
	unsigned flags = code == SHOAL_ERR_LABEL ? SHOAL_FILL_UNLABELLED : 0u;

	if (code == SHOAL_OK) {
		bool walk = core->walk.open && core->walk.number != 0;
		answer.root = walk ? shoal_tree_root(core) : 0;
		flags = SHOAL_FILL_BELIEF | (walk ? 0u : SHOAL_FILL_TABLE);
		flags |= shoal_walk_close(core) ? SHOAL_FILL_WALK : 0u;
	}
	struct shoal_pending *pending = shoal_send_queue(core, SHOAL_SEND_REPLY, to, slot, flags);
	if (pending == NULL && (flags & SHOAL_FILL_WALK) != 0) {
		shoal_walk_sent(core);
	} else if (pending != NULL) {
		pending->exchange = request;
		shoal_send_primary(pending, SHOAL_MESSAGE_ANSWER, &answer);
	}
}

void
shoal_exchange_refuse(struct shoal_core *core, const struct shoal_input *input, int code,
        struct shoal_span reason)
{
	struct shoal_msg_answer answer = {.code = (uint64_t)-code, .reason = reason};
	unsigned unlabelled = code == SHOAL_ERR_LABEL ? SHOAL_FILL_UNLABELLED : 0u;
	struct shoal_pending *pending = shoal_send_queue(
	        core, SHOAL_SEND_REPLY, &input->from, SHOAL_NONE, SHOAL_FILL_CLEAR | unlabelled);

	if (pending != NULL) {
		pending->exchange = input->exchange;
		shoal_send_primary(pending, SHOAL_MESSAGE_ANSWER, &answer);
	}
}

void
shoal_exchange_reply(struct shoal_core *core, uint64_t request, const struct shoal_addr *to,
        int code, struct shoal_span reason)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_answer answer = {.id = self->info->id,
	        .salt = shoal_members_salt(self),
	        .code = (uint64_t)-code,
	        .reason = reason};
	struct shoal_pending *pending = shoal_send_queue(core, SHOAL_SEND_REPLY, to, SHOAL_NONE, 0);

	if (pending != NULL) {
		pending->exchange = request;
		shoal_send_primary(pending, SHOAL_MESSAGE_ANSWER, &answer);
	}
}
