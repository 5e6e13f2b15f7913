/* SPDX-License-Identifier: MIT */
/* Packets that are dropped as a whole: each reason has a counter, and who asked something hears it,
 * as long as that is no more than it sent. */
#include "core/admission/reject.h"

#include "core/node.h"
#include "core/sync/exchange.h"
#include "wire/packet.h"

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
refusal(int rc)
{
	switch (rc) {
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
	default:
		return NULL;
	}
}

/* The answer is never longer than what it answers: few that are sealed are as short as it. */
static void
tell_instance(struct shoal_core *core, const struct shoal_input *input)
{
	const struct shoal_record *self = shoal_members_at(core, SHOAL_SELF);
	struct shoal_msg_sender sender = {.id = self->info->id, .salt = shoal_members_salt(self)};
	size_t len = shoal_packet_sealed_overhead(core->label_span.len) + 2 + sizeof sender.id +
	             sizeof sender.salt;

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
	const char *reason = refusal(rc);

	shoal_reject_count(core, rc);
	shoal_seal_complain(core, input, rc);
	if (input->kind == SHOAL_INPUT_REQUEST && reason != NULL) {
		if (rc != SHOAL_ERR_MISDIRECTED) {
			shoal_count(core, SHOAL_COUNTER_JOINS_REFUSED);
		}
		shoal_exchange_answer(core, input->exchange, &input->from, SHOAL_NONE, rc,
		        shoal_exchange_text(reason));
	} else if (input->kind == SHOAL_INPUT_WATCHED) {
		shoal_watch_on_watched(core, input, NULL);
	} else if (rc == SHOAL_ERR_MISDIRECTED && input->kind == SHOAL_INPUT_DATAGRAM) {
		tell_instance(core, input);
	}
}
