/* SPDX-License-Identifier: MIT */
/* Budgets of received datagrams. Everybody draws on one bucket, which no cluster that behaves ever
 * empties: telling senders apart costs nothing until somebody floods. While it is empty, each
 * current member has a bucket of its own, and strangers get nothing; an ack that a probe waits for,
 * by a number that cannot be guessed, always counts. So a flood delays no failure detection among
 * members, and costs the receiver no more than the common bucket.
 *
 * The sender is read before the checksum or the tag is judged: it chooses the bucket and nothing
 * else. It is known by its id and by its address, or where the packet is sealed by its salt; who
 * can forge that, which takes somebody who reads what passes, can spend that member's bucket. */
#include "core/admission/budget.h"

#include "core/detect/probe.h"
#include "core/node.h"
#include "wire/message.h"
#include "wire/packet.h"

/* Sealed datagrams a second of senders that nothing is known of: each costs a subkey. */
#define NEWCOMER_RATE  2000
#define NEWCOMER_BURST 2000
/* Of each byte on a stream that did not open: 4 MB a second, of which four seconds at once. */
#define FAILED_BYTE  UINT64_C(250)
#define FAILED_BURST SHOAL_SEC(4)

static bool
take(uint64_t *spent_until, uint64_t now, uint32_t rate, uint32_t burst)
{
	uint64_t step = UINT32_C(1000000000) / rate; /* cheaper than in 64 bits */

	if (*spent_until < now) {
		*spent_until = now;
	}
	if (*spent_until - now > (uint64_t)(burst - 1) * step) {
		return false;
	}
	*spent_until += step;
	return true;
}

/* Of the first message, which names the sender. seq: 0 where the kind has none. false: it has no
 * sender, or is not understood. */
static bool
read_sender(const struct shoal_input *input, uint16_t *kind, uint64_t *seq, struct shoal_id *id)
{
	struct shoal_packet_header header;
	struct shoal_reader packet, body;

	shoal_reader_init(&packet, input->data, input->len);
	if (shoal_packet_header(&packet, &header) != SHOAL_OK ||
	        (header.flags & SHOAL_PACKET_SEALED) != 0 ||
	        shoal_message_next(&packet, kind, &body) <= 0) {
		return false;
	}
	switch (*kind) {
	case SHOAL_MESSAGE_PING:
	case SHOAL_MESSAGE_ACK:
	case SHOAL_MESSAGE_NACK:
	case SHOAL_MESSAGE_RELAY:
	case SHOAL_MESSAGE_GONE:
	case SHOAL_MESSAGE_CONFLICT:
	case SHOAL_MESSAGE_CHECK:
	case SHOAL_MESSAGE_REFUSED:
		*seq = shoal_reader_u64(&body);
		break;
	case SHOAL_MESSAGE_SENDER:
	case SHOAL_MESSAGE_PARTIAL:
	case SHOAL_MESSAGE_USER:
	case SHOAL_MESSAGE_RECEIPT:
		*seq = 0;
		break;
	default:
		return false;
	}
	return shoal_reader_copy(&body, id, sizeof *id);
}

static bool
is_awaited(struct shoal_core *core, uint64_t seq)
{
	if (SHOAL_NUMBER_KIND(seq) == SHOAL_NUMBER_RELAY) {
		return shoal_relay_awaits(core, seq);
	}
	if (SHOAL_NUMBER_KIND(seq) == SHOAL_NUMBER_INQUEST) {
		return shoal_inquest_awaits(core, seq);
	}
	return shoal_probe_find(core, seq) != NULL;
}

/* Of one that seals: a packet of its has been opened lately. */
static bool
take_sealed(struct shoal_core *core, const struct shoal_input *input, uint64_t now)
{
	struct shoal_packet_header header;
	struct shoal_reader packet;

	shoal_reader_init(&packet, input->data, input->len);
	return core->seal.ring != NULL && shoal_packet_header(&packet, &header) == SHOAL_OK &&
	       (header.flags & SHOAL_PACKET_SEALED) != 0 &&
	       shoal_keyring_knows(core->seal.ring, &header.by) &&
	       take(&core->budgets.member[header.by.salt % SHOAL_BUDGET_BUCKETS], now,
	               core->profile.member_rate, core->profile.member_burst);
}

bool
shoal_budget_takes(struct shoal_core *core, const struct shoal_input *input, uint64_t now)
{
	const struct shoal_profile *profile = &core->profile;
	struct shoal_id id;
	uint64_t seq;
	uint16_t kind;

#ifdef SHOAL_PLANT_BUDGET_UNSPENT
	return true;
#endif
	if (take(&core->budgets.common, now, profile->datagram_rate, profile->datagram_burst)) {
		return true;
	}
	if (!read_sender(input, &kind, &seq, &id)) {
		return take_sealed(core, input, now);
	}
#ifdef SHOAL_PLANT_BUDGET_SHARED
	return false;
#endif
	if (kind == SHOAL_MESSAGE_ACK && is_awaited(core, seq)) {
		return true;
	}
	uint32_t slot = shoal_members_find(core, &id);
	const struct shoal_record *record = shoal_members_at(core, slot);
	return record != NULL && slot != SHOAL_SELF &&
	       shoal_members_has_addr(record, &input->from) &&
	       (shoal_members_counts(record) || record->state == SHOAL_STATE_LEAVING) &&
	       take(&core->budgets.member[slot % SHOAL_BUDGET_BUCKETS], now, profile->member_rate,
	               profile->member_burst);
}

/* Its salt is of an instance that has the key; who repeats it has read what passes. */
static bool
is_known(const struct shoal_core *core, const struct shoal_sealed_by *by)
{
	struct shoal_sealed_by either = *by;

	either.stream = false;
	bool known = shoal_keyring_knows(core->seal.ring, &either);
	either.stream = true;
	return known || shoal_keyring_knows(core->seal.ring, &either);
}

static uint64_t *
failed_of(struct shoal_core *core, const struct shoal_sealed_by *by)
{
	struct shoal_budgets *budgets = &core->budgets;

	return is_known(core, by) ? &budgets->failed_of[by->salt % SHOAL_FAILED_BUCKETS]
	                          : &budgets->failed;
}

bool
shoal_budget_opens(struct shoal_core *core, const struct shoal_input *input,
        const struct shoal_sealed_by *by, uint64_t now)
{
	if (input->kind == SHOAL_INPUT_RESULT) {
		return true;
	}
	if (input->kind == SHOAL_INPUT_DATAGRAM) {
		return is_known(core, by) ||
		       take(&core->budgets.newcomers, now, NEWCOMER_RATE, NEWCOMER_BURST);
	}
	return *failed_of(core, by) <= now + FAILED_BURST;
}

void
shoal_budget_failed(struct shoal_core *core, const struct shoal_input *input,
        const struct shoal_sealed_by *by, uint64_t now)
{
	uint64_t *spent_until = failed_of(core, by);

	if (input->kind != SHOAL_INPUT_DATAGRAM && input->kind != SHOAL_INPUT_RESULT) {
		*spent_until = (*spent_until < now ? now : *spent_until) + input->len * FAILED_BYTE;
	}
}
