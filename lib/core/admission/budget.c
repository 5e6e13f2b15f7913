/* SPDX-License-Identifier: MIT */
/* Budgets of received datagrams. Everybody draws on one bucket, which no cluster that behaves ever
 * empties: telling senders apart costs nothing until somebody floods. While it is empty, each
 * current member has a bucket of its own, and strangers get nothing; an ack that a probe waits for,
 * by a number that cannot be guessed, always counts. So a flood delays no failure detection among
 * members, and costs the receiver no more than the common bucket.
 *
 * The sender is read before the checksum or the tag is judged: it chooses the bucket and nothing
 * else. It is known by its id, or where the packet is sealed by its salt, and by its address; who
 * can forge both, which takes somebody who reads what passes, can spend that member's bucket. */
#include "core/admission/budget.h"

#include <string.h>

#include "base/addr.h"
#include "base/hash.h"
#include "core/detect/probe.h"
#include "core/node.h"
#include "wire/coded.h"
#include "wire/message.h"
#include "wire/packet.h"

/* Sealed datagrams a second of senders that nothing is known of: each costs a subkey. */
#define NEWCOMER_RATE  2000
#define NEWCOMER_BURST 2000
/* As many that did not open of a sender that is known; then it counts as one that is not. */
#define FAILED_DATAGRAM SHOAL_US(500)
#define FAILED_SECOND   SHOAL_SEC(1)
/* Of each byte on a stream that did not open: 4 MB a second, of which four seconds at once. */
#define FAILED_BYTE  UINT64_C(250)
#define FAILED_BURST SHOAL_SEC(4)
/* Of each kind; both are below the window of streams in the time that a message on one may take.
 * The half of what may be taken at once is for addresses to which nothing was replied lately. */
#define REPLY_RATE  128
#define REPLY_BURST 1024
/* To one address, or one network of IPv6. */
#define REPLY_SHARE_RATE  64
#define REPLY_SHARE_BURST 512

/* Of one token; cheaper than in 64 bits. */
static uint64_t
step(uint32_t rate)
{
	return UINT32_C(1000000000) / rate;
}

bool
shoal_budget_affords(uint64_t spent, uint64_t now, uint32_t rate, uint32_t burst)
{
	return spent < now || spent - now <= (uint64_t)(burst - 1) * step(rate);
}

void
shoal_budget_spend(uint64_t *spent, uint64_t now, uint32_t rate)
{
	*spent = (*spent < now ? now : *spent) + step(rate);
}

static bool
take(uint64_t *spent, uint64_t now, uint32_t rate, uint32_t burst)
{
	bool affords = shoal_budget_affords(*spent, now, rate, burst);

	if (affords) {
		shoal_budget_spend(spent, now, rate);
	}
	return affords;
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
	        (header.flags & (SHOAL_PACKET_SEALED | SHOAL_PACKET_CODED)) != 0 ||
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
	case SHOAL_MESSAGE_CALL:
		*seq = 0;
		break;
	default:
		return false;
	}
	return shoal_reader_copy(&body, id, sizeof *id);
}

/* The same of a packet in the cluster's codec. */
static bool
read_coded(struct shoal_core *core, const struct shoal_input *input, uint16_t *kind, uint64_t *seq,
        struct shoal_id *id)
{
	struct shoal_coding *coding = &core->coding;
	union shoal_wire_message message;

	if (!shoal_seal_has_room(core, &coding->scratch, input->len) ||
	        !shoal_coded_first(input->data, input->len, coding->codec, coding->scratch.data,
	                kind, &message)) {
		return false;
	}
	const struct shoal_id *from = shoal_message_from(*kind, &message);
	if (from == NULL) {
		return false;
	}
	*id = *from;
	*seq = *kind == SHOAL_MESSAGE_ACK ? message.ack.seq : 0;
	return true;
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

/* Its salt is of an instance that has the key, and it comes from where that was heard last. */
static bool
is_known(const struct shoal_core *core, const struct shoal_sealed_by *by)
{
	struct shoal_sealed_by either = *by;

	either.stream = false;
	bool known = shoal_keyring_knows(core->seal.ring, &either);
	either.stream = true;
	return known || shoal_keyring_knows(core->seal.ring, &either);
}

/* Of one that seals and is known. */
static bool
take_sealed(struct shoal_core *core, const struct shoal_input *input, uint64_t now)
{
	struct shoal_packet_header header;
	struct shoal_reader packet;

	shoal_reader_init(&packet, input->data, input->len);
	if (core->seal.ring == NULL || shoal_packet_header(&packet, &header) != SHOAL_OK ||
	        (header.flags & SHOAL_PACKET_SEALED) == 0) {
		return false;
	}
	memcpy(header.by.from, input->from.ip, sizeof header.by.from);
	return is_known(core, &header.by) &&
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
	bool named = read_sender(input, &kind, &seq, &id) ||
	             (core->coding.codec != NULL && read_coded(core, input, &kind, &seq, &id));
	if (!named) {
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

static uint64_t *
failed_of(struct shoal_core *core, bool stream, const struct shoal_sealed_by *by)
{
	return &core->budgets.failed_of[stream ? 1 : 0][by->salt % SHOAL_FAILED_BUCKETS];
}

/* What is longer than all that may be tried at once is tried where nothing was lately. */
static bool
fits(uint64_t spent_until, size_t len, uint64_t now)
{
	return spent_until <= now || spent_until + len * FAILED_BYTE <= now + FAILED_BURST;
}

int
shoal_budget_opens(struct shoal_core *core, const struct shoal_input *input,
        const struct shoal_sealed_by *by, uint64_t now)
{
	struct shoal_budgets *budgets = &core->budgets;
	bool good, known = is_known(core, by);

	if (input->kind == SHOAL_INPUT_RESULT) {
		return SHOAL_OK;
	}
	if (input->kind == SHOAL_INPUT_DATAGRAM) {
		good = (known && *failed_of(core, false, by) <= now + FAILED_SECOND) ||
		       take(&budgets->newcomers, now, NEWCOMER_RATE, NEWCOMER_BURST);
	} else if (!known && input->len > SHOAL_FIRST_MAX) {
		return SHOAL_ERR_TOO_BIG;
	} else {
		good = fits(known ? *failed_of(core, true, by) : budgets->failed, input->len, now);
	}
	return good ? SHOAL_OK : SHOAL_ERR_LIMIT;
}

void
shoal_budget_failed(struct shoal_core *core, enum shoal_input_kind kind, size_t size,
        const struct shoal_sealed_by *by, uint64_t now)
{
	bool datagram = kind == SHOAL_INPUT_DATAGRAM, known = is_known(core, by);
	uint64_t *spent_until = known ? failed_of(core, !datagram, by) : &core->budgets.failed;

	/* Datagrams of others have paid before. */
	if (kind != SHOAL_INPUT_RESULT && (known || !datagram)) {
		*spent_until = *spent_until < now ? now : *spent_until;
		*spent_until += datagram ? FAILED_DATAGRAM : size * FAILED_BYTE;
	}
}

static uint64_t *
replies_to(struct shoal_core *core, const struct shoal_addr *to)
{
	size_t len = shoal_addr_is_ipv4(to) ? sizeof to->ip : sizeof to->ip / 2;
	uint64_t hash = shoal_hash_sip(core->members.by_id.key, to->ip, len);

	return &core->budgets.replies_to[hash % SHOAL_REPLY_SHARES];
}

bool
shoal_budget_replies(struct shoal_core *core, const struct shoal_addr *to, bool again)
{
	uint64_t *share = replies_to(core, to);
	uint32_t burst = *share <= core->now ? REPLY_BURST : REPLY_BURST / 2;

	return take(share, core->now, REPLY_SHARE_RATE, REPLY_SHARE_BURST) &&
	       take(&core->budgets.replies[again ? 0 : 1], core->now, REPLY_RATE, burst);
}
