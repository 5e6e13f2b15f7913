/* SPDX-License-Identifier: MIT */
/* Packets that are dropped as a whole: each reason has a counter, and who asked something hears it.
 *
 * Nothing is sealed for who has not shown the key: that would say this member's salt, and which key
 * it uses, to anybody who dials, and move its counter. */
#include "core/admission/reject.h"

#include "base/text.h"
#include "core/event.h"
#include "core/node.h"
#include "core/sync/exchange.h"
#include "core/unpack.h"
#include "wire/packet.h"

#define REFUSED_TEXT 200 /* bytes */

static enum shoal_counter
drop_counter(int rc)
{
	switch (rc) {
	case SHOAL_ERR_CHECKSUM:
		return SHOAL_COUNTER_DROP_CHECKSUM;
	case SHOAL_ERR_VERSION:
		return SHOAL_COUNTER_DROP_VERSION;
	case SHOAL_ERR_LABEL:
		return SHOAL_COUNTER_DROP_LABEL;
	case SHOAL_ERR_KEY:
		return SHOAL_COUNTER_DROP_SEALED;
	case SHOAL_ERR_AUTH:
		return SHOAL_COUNTER_DROP_AUTH;
	case SHOAL_ERR_REPLAYED:
		return SHOAL_COUNTER_DROP_REPLAYED;
	case SHOAL_ERR_MISDIRECTED:
		return SHOAL_COUNTER_DROP_REDIRECTED;
	case SHOAL_ERR_CLEAR:
		return SHOAL_COUNTER_DROP_CLEAR;
	case SHOAL_ERR_UNSUPPORTED:
		return SHOAL_COUNTER_DROP_COMPRESSED;
	case SHOAL_ERR_CODEC:
		return SHOAL_COUNTER_DROP_CODEC;
	case SHOAL_ERR_LIMIT:
		return SHOAL_COUNTER_DROP_BUDGET;
	case SHOAL_ERR_NOMEM:
		return SHOAL_COUNTER_DROP_NOMEM;
	case SHOAL_ERR_TOO_BIG:
		return SHOAL_COUNTER_DROP_TOO_BIG;
	default:
		return SHOAL_COUNTER_DROP_MALFORMED;
	}
}

void
shoal_reject_count(struct shoal_core *core, int rc)
{
	shoal_count(core, drop_counter(rc));
}

/* What a request gets that was not taken: the asker learns why at once. */
static const char *
refusal(struct shoal_core *core, const struct shoal_input *input, int rc)
{
	switch (rc) {
	case SHOAL_ERR_CODEC:
		return shoal_coding_refusal(core, shoal_coding_of(input));
	case SHOAL_ERR_LABEL:
		return "another cluster's label";
	case SHOAL_ERR_KEY:
		return "sealed with a key that is not held here";
	case SHOAL_ERR_AUTH:
		return "sealed with another key, or changed on the way";
	case SHOAL_ERR_REPLAYED:
		return "opened before, or too late to tell: ask again";
	case SHOAL_ERR_CLEAR:
		return "not sealed, and only what is sealed is taken here: give it the keys";
	case SHOAL_ERR_MISDIRECTED:
		return "sealed for another instance";
	case SHOAL_ERR_UNSUPPORTED:
		return "compressed, and no compressor here";
	case SHOAL_ERR_VERSION:
		return shoal_packet_newer(input->data, input->len);
	default:
		return NULL;
	}
}

/* Copies of what passes are answered sealed, and few of them: see shoal_budget_replies. */
static void
answer(struct shoal_core *core, const struct shoal_input *input, int rc, const char *reason)
{
	bool shown = !core->seal.asks || input->sender != 0;
	bool again = rc == SHOAL_ERR_REPLAYED;
	bool copy = again || rc == SHOAL_ERR_MISDIRECTED;

	if (!shown) {
		shoal_exchange_refuse(core, input, rc, shoal_exchange_text(reason));
	} else if (copy && core->seal.asks && !shoal_budget_replies(core, &input->from, again)) {
		shoal_exchange_refuse(core, input, SHOAL_ERR_LIMIT,
		        shoal_exchange_text("too many ask at once: ask again later"));
	} else {
		shoal_exchange_answer(core, input->exchange, &input->from, SHOAL_NONE, rc,
		        shoal_exchange_text(reason));
	}
}

/* The answer is never longer than what it answers: few that are sealed are as short as it. */
static void
tell_instance(struct shoal_core *core, const struct shoal_input *input)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};
	size_t len = shoal_packet_sealed_overhead(shoal_migrate_label(core).len) + 2 +
	             sizeof sender.id + sizeof sender.salt;

	if (input->size < len || !shoal_seal_may_answer(core, input->sender)) {
		return;
	}
	struct shoal_pending *pending = shoal_send_queue(
	        core, SHOAL_SEND_DATAGRAM, &input->from, SHOAL_NONE, SHOAL_FILL_BARE);
	if (pending != NULL) {
		shoal_send_primary(pending, SHOAL_MESSAGE_SENDER, &sender);
	}
}

/* A packet that is dropped as a whole. One that was sealed for another instance came from a member
 * that does not know this one: it is told. */
void
shoal_reject(struct shoal_core *core, const struct shoal_input *input, int rc)
{
	const char *reason = refusal(core, input, rc);

	shoal_reject_count(core, rc);
	shoal_seal_complain(core, input, rc);
	if (input->kind == SHOAL_INPUT_REQUEST && reason != NULL) {
		if (rc != SHOAL_ERR_MISDIRECTED) {
			shoal_count(core, SHOAL_COUNTER_JOINS_REFUSED);
		}
		answer(core, input, rc, reason);
	} else if (input->kind == SHOAL_INPUT_WATCHED) {
		shoal_watch_on_watched(core, input, NULL);
	} else if (rc == SHOAL_ERR_MISDIRECTED && input->kind == SHOAL_INPUT_DATAGRAM) {
		tell_instance(core, input);
	}
}

int
shoal_reject_outsider(struct shoal_core *core, const struct shoal_input *input)
{
	struct shoal_unpacked opened;
	int rc = SHOAL_OK;

	shoal_count(core, SHOAL_COUNTER_DROP_NOT_ALLOWED);
	if (input->kind == SHOAL_INPUT_REQUEST) {
		rc = shoal_unpack(core, input, &opened);
	} else if (input->kind == SHOAL_INPUT_WATCHED) {
		shoal_watch_on_watched(core, input, NULL);
	}
	if (rc != SHOAL_OK) {
		shoal_reject(core, input, rc);
	} else if (input->kind == SHOAL_INPUT_REQUEST) {
		bool join = opened.kept > 0 && opened.message[0].kind == SHOAL_MESSAGE_JOIN;

		core->counters.value[SHOAL_COUNTER_JOINS_REFUSED] += join;
		shoal_exchange_answer(core, input->exchange, &input->from, SHOAL_NONE,
		        SHOAL_ERR_REJECTED,
		        shoal_exchange_text("its address is not allowed here (allow)"));
	}
	return SHOAL_ERR_PERMISSION;
}

/* What a refusal in clear says, as text for people; which key is missing, and that nobody decided
 * yet, is told by the code too. false: it is none. */
static bool
read_refusal(const struct shoal_input *result, int *rc, struct shoal_text *text)
{
	struct shoal_packet_header header;
	struct shoal_reader messages, body;
	union shoal_wire_message said;
	uint16_t kind;

	int opened = shoal_packet_open(
	        result->data, result->len, (struct shoal_span){NULL, 0}, &header, &messages);
	if ((opened != SHOAL_OK && opened != SHOAL_ERR_LABEL) ||
	        shoal_message_next(&messages, &kind, &body) <= 0 || kind != SHOAL_MESSAGE_ANSWER ||
	        shoal_message_decode(kind, body, &said) != SHOAL_OK || said.answer.code == 0) {
		return false;
	}
	int code = -(int)said.answer.code;
	bool told = code == SHOAL_ERR_KEY || code == SHOAL_ERR_AUTH || code == SHOAL_ERR_LIMIT;
	*rc = told ? code : *rc;
	shoal_text_str(text, "an answer that is not sealed says: ");
	shoal_text_strn(text, (const char *)said.answer.reason.data, said.answer.reason.len);
	return true;
}

void
shoal_reject_join(struct shoal_core *core, const struct shoal_exchange *exchange,
        const struct shoal_input *result, int rc)
{
	char line[REFUSED_TEXT] = "";
	struct shoal_text text;

	if (rc == SHOAL_ERR_CLOSED && exchange->salt != 0 && !exchange->last) {
		shoal_exchange_join_again(core, &exchange->to, exchange->salt, true);
		return;
	}
	shoal_text_init(&text, line, sizeof line);
	if (result->code != SHOAL_OK && result->opened == SHOAL_OPENED_NOT) {
		shoal_text_strn(&text, (const char *)result->data, result->len); /* why */
	} else if (rc != SHOAL_ERR_CLEAR || !read_refusal(result, &rc, &text)) {
		line[0] = '\0';
	}
	shoal_event_joined(core, &exchange->to, rc, shoal_exchange_text(line));
}
