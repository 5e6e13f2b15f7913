/* SPDX-License-Identifier: MIT */
/* A packet is checked as a whole before anything of it counts: opened, every message decoded, and
 * only then handled one after the other. So a packet that is damaged or hostile changes nothing,
 * wherever in it the damage is. */
#include "core/receive.h"

#include <string.h>

#include "core/admission/reject.h"
#include "core/answer.h"
#include "core/event.h"
#include "core/message/reliable.h"
#include "core/message/user.h"
#include "core/node.h"
#include "core/sync/exchange.h"
#include "core/table/learn.h"
#include "core/unpack.h"
#include "wire/message.h"

/* One packet while it is handled. */
struct arrival {
	const struct shoal_input *input;
	uint64_t arrived;
	struct shoal_teller teller;
	const struct shoal_exchange *exchange; /* of ours that this answers, or NULL */
	bool answered;          /* the exchange has got what it asked for             */
	bool asks_table;        /* a request that is answered with the table          */
	uint64_t joins;         /* a join: of this instance                           */
	bool refused;           /* a request or an answer that brings no statements   */
	uint8_t asked;          /* so many pings or relay requests were served         */
	uint64_t salt;          /* of the instance that names itself in it; 0: none does */
	struct shoal_id marked; /* the member whose digest has the mark that came */
	uint32_t mark;          /* 0: none came */
	bool walked;            /* it ends a step of a walk of ours */
};

/* Whoever names itself first is the teller of what follows. */
static void
name_teller(struct shoal_core *core, struct arrival *arrival, const struct shoal_id *id)
{
	if (shoal_id_is_zero(&arrival->teller.id)) {
		arrival->teller.id = *id;
		core->members.sender = SHOAL_NONE; /* that of another packet */
		uint32_t slot = shoal_members_find(core, id);
		arrival->teller.slot = slot == SHOAL_SELF ? SHOAL_NONE : slot;
		core->members.sender = slot;
	}
}

/* A newcomer's own statement makes it a member that may tell of others. */
static void
meet_teller(struct shoal_core *core, struct arrival *arrival, const struct shoal_id *id)
{
	struct shoal_teller *teller = &arrival->teller;
	if (teller->slot == SHOAL_NONE && memcmp(&teller->id, id, sizeof *id) == 0) {
		uint32_t slot = shoal_members_find(core, id);
		teller->slot = slot == SHOAL_SELF ? SHOAL_NONE : slot;
	}
}

static void
on_join(struct shoal_core *core, struct arrival *arrival, const struct shoal_msg_join *join)
{
	const struct shoal_input *input = arrival->input;
	struct shoal_span reason = {NULL, 0};

	if (input->kind != SHOAL_INPUT_REQUEST || arrival->asks_table) {
		shoal_count(core, SHOAL_COUNTER_DROP_MALFORMED);
		return;
	}
	int rc = shoal_exchange_judge_join(core, join, &reason);
	if (rc != SHOAL_OK) {
		shoal_count(core, SHOAL_COUNTER_JOINS_REFUSED);
		if (rc == SHOAL_ERR_CODEC || rc == SHOAL_ERR_VERSION) {
			shoal_reject_count(core, rc); /* as its other packets would be */
		}
		shoal_seal_refused(core, &input->from, &reason);
		shoal_exchange_answer(core, input->exchange, &input->from, SHOAL_NONE, rc, reason);
		arrival->refused = true;
		return;
	}
	arrival->asks_table = true;
	arrival->joins = join->salt;
	arrival->teller.path = SHOAL_PATH_JOIN;
}

static void
on_sync(struct shoal_core *core, struct arrival *arrival, const struct shoal_msg_sync *sync)
{
	const struct shoal_input *input = arrival->input;

	if (input->kind != SHOAL_INPUT_REQUEST || arrival->asks_table) {
		shoal_count(core, SHOAL_COUNTER_DROP_MALFORMED);
		return;
	}
	if (arrival->teller.slot == SHOAL_NONE) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		shoal_exchange_answer(core, input->exchange, &input->from, SHOAL_NONE,
		        SHOAL_ERR_NOT_FOUND, shoal_exchange_text("not a member here: join first"));
		arrival->refused = true;
		return;
	}
	arrival->asks_table = true;
	arrival->teller.path = SHOAL_PATH_SYNC;
	shoal_walk_open(core, sync->walk);
	if (sync->root != 0 && sync->root != shoal_tree_root(core)) {
		shoal_walk_start(core);
	}
}

static void
note_mark(struct arrival *arrival, const struct shoal_id *id, uint32_t mark)
{
	arrival->marked = *id;
	arrival->mark = mark;
}

static void
on_answer(struct shoal_core *core, struct arrival *arrival, const struct shoal_msg_answer *answer)
{
	const struct shoal_exchange *exchange = arrival->exchange;

	if (exchange != NULL && (exchange->purpose == SHOAL_EXCHANGE_PULL ||
	                                exchange->purpose == SHOAL_EXCHANGE_FETCH)) {
		return; /* it has not what it was asked for */
	}
	if (exchange == NULL || exchange->purpose == SHOAL_EXCHANGE_PING ||
	        exchange->purpose == SHOAL_EXCHANGE_INQUEST ||
	        exchange->purpose == SHOAL_EXCHANGE_BATCH || arrival->answered) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
		return;
	}
	if (!shoal_exchange_is_of_asked(exchange, answer)) {
		shoal_count(core, SHOAL_COUNTER_DROP_MISDIRECTED);
		arrival->refused = true;
		return;
	}
	bool join = exchange->purpose == SHOAL_EXCHANGE_JOIN;
	arrival->answered = true;
	if (exchange->purpose == SHOAL_EXCHANGE_KEYS) {
		int code = -(int)answer->code;
		shoal_keys_failed(core, exchange, code != SHOAL_OK ? code : SHOAL_ERR_MALFORMED);
		arrival->refused = true;
		return;
	}
	bool trusted = core->seal.sealed || core->seal.accept_clear != 0;
	if (join && trusted && answer->code == (uint64_t)-SHOAL_ERR_MISDIRECTED &&
	        exchange->salt == 0 && answer->salt != 0) {
		shoal_exchange_join_again(core, &exchange->to, answer->salt, false);
		arrival->refused = true;
		return;
	}
	if (exchange->purpose == SHOAL_EXCHANGE_WATCH) {
		shoal_watch_on_answer(core, exchange->number, answer);
		return;
	}
	arrival->refused = answer->code != 0;
	arrival->teller.path = join ? SHOAL_PATH_ASKED : SHOAL_PATH_SYNC;
	if (join) {
		shoal_event_answered(core, &exchange->to, -(int)answer->code, answer->reason);
		if (answer->code == 0) {
			shoal_watch_joined(core);
		}
		if (answer->code == (uint64_t)-SHOAL_ERR_ID_CONFLICT) {
			shoal_identity_met(core, answer->salt, &exchange->to);
		}
	} else if (answer->code == 0 && answer->root != 0) {
		arrival->walked = true;
		note_mark(arrival, &answer->id, shoal_tree_mark(answer->root));
		shoal_walk_open(core, exchange->walk);
	} else if (answer->code == 0) {
		shoal_count(core, SHOAL_COUNTER_SYNCS_DONE); /* its table follows */
	}
	struct shoal_record *record = shoal_learn_teller(core, &arrival->teller);
	if (answer->code == 0 && record != NULL) {
		shoal_members_hear(core, record, core->now);
		record->flags |= SHOAL_RECORD_ANSWERED;
	} else if (!join && answer->code == (uint64_t)-SHOAL_ERR_NOT_FOUND && record != NULL) {
		/* A member here that does not know this one: it is told. */
		shoal_send_gossip(core, arrival->teller.slot, SHOAL_FILL_SELF, SHOAL_NONE);
	}
}

static void
on_ack(struct shoal_core *core, struct arrival *arrival, const struct shoal_msg_ack *ack)
{
	const struct shoal_input *input = arrival->input;
	struct shoal_addr from = shoal_members_source(core, arrival->teller.slot, input);
	bool same = shoal_addr_equal(&from, &input->from);
	enum shoal_input_kind path = same ? input->kind : SHOAL_INPUT_DATAGRAM; /* in its place */

	if (SHOAL_NUMBER_KIND(ack->seq) == SHOAL_NUMBER_RELAY) {
		shoal_relay_on_ack(core, ack, &from);
	} else if (SHOAL_NUMBER_KIND(ack->seq) == SHOAL_NUMBER_INQUEST) {
		shoal_inquest_on_ack(core, ack, &from, path);
	} else if (same || !shoal_probe_hears(core, ack, arrival->teller.slot, arrival->arrived)) {
		shoal_probe_on_ack(core, ack, &from, path, arrival->arrived);
	}
}

/* One request is served a packet, and of pings that a poll brings a few: each answer in a datagram
 * takes gossip with it, which counts as told. */
static bool
may_ask_so_often(struct shoal_core *core, struct arrival *arrival, unsigned most)
{
	if (arrival->asked >= most || arrival->input->kind == SHOAL_INPUT_WATCHED) {
		shoal_count(core, SHOAL_COUNTER_DROP_EXCESS);
		return false;
	}
	arrival->asked++;
	return true;
}

static bool
may_ask(struct shoal_core *core, struct arrival *arrival)
{
	return may_ask_so_often(core, arrival, 1);
}

/* The same of what the answer to a poll brings. */
static bool
may_bring(struct shoal_core *core, struct arrival *arrival)
{
	return may_ask_so_often(core, arrival, shoal_poll_brings(arrival->exchange));
}

/* Who opens a link asks for nothing else with it. */
static void
on_watch(struct shoal_core *core, struct arrival *arrival, const struct shoal_msg_watch *watch)
{
	if (arrival->input->kind == SHOAL_INPUT_WATCHED && arrival->asked == 0) {
		arrival->asked = 1;
		shoal_watch_on_watched(core, arrival->input, watch);
	} else {
		shoal_count(core, SHOAL_COUNTER_DROP_MALFORMED);
	}
}

/* A statement counts for somebody: a nameless one, or one in this member's own name, does not.
 * about: whom it is about, NULL: not only its sender. */
static bool
may_tell(struct shoal_core *core, const struct arrival *arrival, const struct shoal_id *about)
{
	const struct shoal_id *self = &shoal_members_at(core, SHOAL_SELF)->info->id;
	const struct shoal_id *by = &arrival->teller.id;
	bool itself = about != NULL && memcmp(about, by, sizeof *by) == 0;
	bool asked = arrival->exchange != NULL && arrival->exchange->purpose == SHOAL_EXCHANGE_JOIN;

	if (shoal_id_is_zero(by) || memcmp(by, self, sizeof *self) == 0) {
		shoal_count(core, SHOAL_COUNTER_DROP_STRANGER);
		return false;
	}
	return itself || asked || !shoal_accept_mutes(core, arrival->teller.slot, arrival->salt);
}

static void
on_statement(struct shoal_core *core, struct arrival *arrival, uint16_t kind,
        union shoal_wire_message *m)
{
	bool shortly = kind == SHOAL_MESSAGE_STATE;

	if (!may_tell(core, arrival, shortly ? &m->state.id : &m->member.id)) {
		return;
	}
	if (shortly) {
		shoal_learn_state(core, &m->state, &arrival->teller);
		return;
	}
	shoal_learn_member(core, &m->member, &arrival->teller);
	meet_teller(core, arrival, &m->member.id);
	/* Who is not taken in, or not yet, tells of nobody else. */
	arrival->refused = core->accept.asks && arrival->exchange == NULL &&
	                   arrival->teller.slot == SHOAL_NONE &&
	                   memcmp(&arrival->teller.id, &m->member.id, sizeof m->member.id) == 0;
}

static void
on_pull(struct shoal_core *core, struct arrival *arrival, const struct shoal_msg_pull *pull)
{
	if (arrival->input->kind != SHOAL_INPUT_REQUEST) {
		shoal_count(core, SHOAL_COUNTER_DROP_MALFORMED);
	} else if (may_ask(core, arrival)) {
		shoal_pull_on_request(core, pull, arrival->teller.slot, arrival->input);
	}
}

static void
on_broadcast(struct shoal_core *core, struct arrival *arrival, uint16_t kind,
        union shoal_wire_message *m)
{
	if (kind == SHOAL_MESSAGE_CAST ? may_tell(core, arrival, NULL)
	                               : kind != SHOAL_MESSAGE_FETCH || may_ask(core, arrival)) {
		shoal_repair_on_message(
		        core, kind, m, &arrival->teller, arrival->exchange, arrival->input);
	}
}

/* What comes with a walk down the digest, with the death watch, with metadata, with trouble, and
 * from applications. */
static void
on_rare(struct shoal_core *core, struct arrival *arrival, uint16_t kind,
        union shoal_wire_message *m)
{
	struct shoal_addr from = shoal_members_source(core, arrival->teller.slot, arrival->input);

	switch (kind) {
	case SHOAL_MESSAGE_SENDER:
		shoal_seal_on_sender(core, arrival->teller.slot, m->sender.salt);
		break;
	case SHOAL_MESSAGE_TREE:
		shoal_walk_on_tree(core, &m->tree);
		break;
	case SHOAL_MESSAGE_NODES:
		shoal_walk_on_nodes(core, &m->nodes);
		break;
	case SHOAL_MESSAGE_WANT:
		shoal_walk_on_want(core, &m->want);
		break;
	case SHOAL_MESSAGE_PARTIAL:
		shoal_partial_on_message(core, &m->partial);
		break;
	case SHOAL_MESSAGE_WATCH:
		on_watch(core, arrival, &m->watch);
		break;
	case SHOAL_MESSAGE_CHECK:
		if (may_ask(core, arrival)) {
			shoal_inquest_on_check(core, &m->check, &from);
		}
		break;
	case SHOAL_MESSAGE_REFUSED:
		shoal_inquest_on_refused(core, &m->refused, &from);
		break;
	case SHOAL_MESSAGE_META:
		if (may_tell(core, arrival, NULL)) {
			shoal_meta_on_message(core, &m->meta, &arrival->teller);
		}
		break;
	case SHOAL_MESSAGE_PULL:
		on_pull(core, arrival, &m->pull);
		break;
	case SHOAL_MESSAGE_CALL:
		if (may_bring(core, arrival)) {
			shoal_call_on_message(core, arrival->teller.slot, &m->call, arrival->input);
		}
		break;
	case SHOAL_MESSAGE_USER:
		shoal_user_on_message(core, arrival->teller.slot, &m->user);
		break;
	case SHOAL_MESSAGE_KEYS:
		if (may_ask(core, arrival)) {
			shoal_keys_serve(core, &m->keys, arrival->teller.slot, arrival->input);
		}
		break;
	case SHOAL_MESSAGE_KEYRING:
		shoal_keys_on_keyring(core, arrival->exchange, &arrival->answered, &m->keyring);
		break;
	case SHOAL_MESSAGE_BATCH:
		if (may_bring(core, arrival)) {
			shoal_reliable_on_batch(
			        core, arrival->teller.slot, &m->batch, arrival->input);
		}
		break;
	case SHOAL_MESSAGE_RECEIPT:
		shoal_reliable_on_receipt(core, arrival->teller.slot, &m->receipt);
		break;
	default:
		on_broadcast(core, arrival, kind, m);
	}
}

static void
on_message(struct shoal_core *core, struct arrival *arrival, struct shoal_received *received)
{
	uint16_t kind = received->kind;
	union shoal_wire_message *m = &received->m;
	const struct shoal_input *input = arrival->input;

	if (!received->known) {
		shoal_count(core, SHOAL_COUNTER_DROP_UNKNOWN_KIND);
		return;
	}
	const struct shoal_id *sender = shoal_message_from(kind, m);
	if (sender != NULL) {
		uint64_t salt = shoal_message_salt(kind, m);
		arrival->salt = arrival->salt != 0 ? arrival->salt : salt;
		name_teller(core, arrival, sender);
		shoal_seal_named(core, salt);
		if (arrival->exchange == NULL &&
		        shoal_accept_turns_away(core, sender, salt, input)) {
			arrival->refused = true;
			return;
		}
	}
	switch (kind) {
	case SHOAL_MESSAGE_PING:
		if (may_bring(core, arrival)) {
			shoal_answer_ping(
			        core, &m->ping, &input->from, input->kind, input->exchange);
			note_mark(arrival, &m->ping.id, m->ping.mark);
		}
		break;
	case SHOAL_MESSAGE_ACK:
		on_ack(core, arrival, &m->ack);
		note_mark(arrival, &m->ack.id, m->ack.mark);
		break;
	case SHOAL_MESSAGE_NACK:
		shoal_probe_on_nack(core, &m->nack);
		break;
	case SHOAL_MESSAGE_RELAY:
		if (may_ask(core, arrival)) {
			shoal_relay_on_request(core, &m->relay, arrival->teller.slot, input);
		}
		break;
	case SHOAL_MESSAGE_MEMBER:
	case SHOAL_MESSAGE_STATE:
		on_statement(core, arrival, kind, m);
		break;
	case SHOAL_MESSAGE_JOIN:
		on_join(core, arrival, &m->join);
		break;
	case SHOAL_MESSAGE_SYNC:
		on_sync(core, arrival, &m->sync);
		break;
	case SHOAL_MESSAGE_ANSWER:
		on_answer(core, arrival, &m->answer);
		break;
	case SHOAL_MESSAGE_GONE:
		shoal_gone_on_gone(core, &m->gone, &input->from);
		break;
	case SHOAL_MESSAGE_CONFLICT:
		if (may_ask(core, arrival)) {
			shoal_identity_on_conflict(core, &m->conflict, &input->from, input->kind);
		}
		break;
	default:
		on_rare(core, arrival, kind, m);
		break;
	}
}

/* When all of the packet has been taken over: whether it was heard from a member, what it is
 * answered with, and whether its sender now holds the same. */
static void
finish(struct shoal_core *core, struct arrival *arrival)
{
	const struct shoal_input *input = arrival->input;
	uint32_t slot = shoal_members_find(core, &arrival->teller.id);

	slot = slot == SHOAL_SELF ? SHOAL_NONE : slot;
	if (slot != SHOAL_NONE && !arrival->refused) {
		shoal_silence_heard(core);
		if (input->kind == SHOAL_INPUT_REQUEST) {
			shoal_inbound_dialled(core);
		}
		shoal_poll_again(core, slot);
	}
	bool joins = arrival->joins != 0;
	if (joins && shoal_accept_holds(core, &arrival->teller.id, arrival->joins, input)) {
		return;
	}
	core->counters.value[SHOAL_COUNTER_JOINS_SERVED] += joins;
	if (arrival->asks_table) {
		shoal_exchange_answer(core, input->exchange, &input->from, slot, SHOAL_OK,
		        (struct shoal_span){NULL, 0});
	} else if (arrival->walked) {
		shoal_sync_answered(core, arrival->exchange, slot, arrival->mark);
	} else if (arrival->mark != 0) {
		shoal_sync_heard(core, shoal_members_find(core, &arrival->marked), arrival->mark);
	}
}

static void
handle(struct shoal_core *core, struct arrival *arrival, struct shoal_unpacked *opened)
{
	struct shoal_received *received = &opened->message[0];
	struct shoal_reader body;

	for (size_t i = 0; i < opened->kept && !arrival->refused; i++) {
		on_message(core, arrival, &opened->message[i]);
	}
	while (!arrival->refused && shoal_message_next(&opened->rest, &received->kind, &body) > 0) {
		received->known =
		        shoal_message_decode(received->kind, body, &received->m) == SHOAL_OK;
		on_message(core, arrival, received);
	}
	finish(core, arrival);
}

static void
begin(struct shoal_core *core, struct arrival *arrival, const struct shoal_input *input)
{
	memset(arrival, 0, sizeof *arrival);
	arrival->input = input;
	arrival->teller.slot = SHOAL_NONE;
	arrival->teller.from = input->from;
	arrival->arrived = core->now;
	uint64_t received = input->received_ns + SHOAL_TIME_ORIGIN;
	if (input->received_ns != 0 && received < core->now) {
		arrival->arrived = received;
	}
}

static int
take(struct shoal_core *core, const struct shoal_input *input)
{
	struct shoal_unpacked opened;
	struct arrival arrival;

	int rc = shoal_unpack(core, input, &opened);
	if (rc != SHOAL_OK) {
		shoal_reject(core, input, rc);
		return rc;
	}
	begin(core, &arrival, input);
	handle(core, &arrival, &opened);
	if (input->kind == SHOAL_INPUT_WATCHED && arrival.asked == 0) {
		shoal_watch_on_watched(core, input, NULL);
	}
	return SHOAL_OK;
}

static size_t
bytes_of(const struct shoal_input *input)
{
	return input->opened != SHOAL_OPENED_NOT ? input->size : input->len;
}

int
shoal_receive(struct shoal_core *core, const struct shoal_input *input)
{
	shoal_count(core, input->kind == SHOAL_INPUT_DATAGRAM ? SHOAL_COUNTER_DATAGRAMS_IN
	                                                      : SHOAL_COUNTER_STREAMS_IN);
	core->counters.value[SHOAL_COUNTER_BYTES_IN] += bytes_of(input);
	shoal_seal_arrive(core, input);
	int rc;
	if (!shoal_allow_addr(core, &input->from)) {
		rc = shoal_reject_outsider(core, input);
	} else if (input->kind == SHOAL_INPUT_DATAGRAM && input->opened == SHOAL_OPENED_NOT &&
	           !shoal_budget_takes(core, input, core->now)) {
		shoal_count(core, SHOAL_COUNTER_DROP_BUDGET);
		rc = SHOAL_ERR_LIMIT;
	} else {
		rc = take(core, input);
	}
	shoal_seal_depart(core);
	return rc;
}

int
shoal_receive_result(struct shoal_core *core, const struct shoal_input *input)
{
	struct shoal_exchange exchange;
	struct shoal_unpacked opened;
	struct arrival arrival;

	if (!shoal_exchange_end(core, input->exchange, &exchange)) {
		shoal_count(core, SHOAL_COUNTER_DROP_LATE);
		return SHOAL_OK;
	}
	int rc = input->code;
	bool came = rc == SHOAL_OK || input->opened != SHOAL_OPENED_NOT;
	if (came && !shoal_allow_addr(core, &exchange.to)) {
		shoal_count(core, SHOAL_COUNTER_DROP_NOT_ALLOWED);
		rc = SHOAL_ERR_PERMISSION; /* the list has changed meanwhile */
	} else if (came) {
		core->counters.value[SHOAL_COUNTER_BYTES_IN] += bytes_of(input);
		rc = shoal_unpack(core, input, &opened);
		if (rc != SHOAL_OK) {
			shoal_reject_count(core, rc);
			struct shoal_input said = *input;
			said.from = exchange.to;
			shoal_seal_complain(core, &said, rc);
		} else if (exchange.purpose == SHOAL_EXCHANGE_SYNC) {
			shoal_observe(core, SHOAL_HISTOGRAM_SYNC_BYTES, bytes_of(input));
		}
	}
	/* The host does not say from whom a result is: from whom we asked. */
	struct shoal_input answer = *input;
	answer.from = exchange.to;
	begin(core, &arrival, &answer);
	arrival.exchange = &exchange;
	if (rc == SHOAL_ERR_REFUSED && !came) {
		shoal_silence_heard(core);
	}
	if (rc == SHOAL_OK) {
		shoal_seal_arrive(core, &answer);
		handle(core, &arrival, &opened);
		shoal_seal_depart(core);
	}
#ifdef SHOAL_PLANT_JOIN_UNENDED
	arrival.answered = true;
#endif
	shoal_exchange_ended(core, &exchange, input, rc, came, arrival.answered);
	return came ? rc : SHOAL_OK;
}
