/* SPDX-License-Identifier: MIT */
/* What comes in sealed or compressed becomes a clear packet.
 *
 * A packet is opened before the core takes it as an input, by shoal_core_open: shoal_core_step does
 * so by itself, a host that records does it before, so that a record holds what a core without keys
 * can replay, and no secret. What opening decides depends on keys and windows only, what follows
 * from it (counters, answers, records of the log) is done in the step.
 *
 * Opening works on a copy, since the bytes of an input are borrowed. Cost: the copy, the cipher,
 * and a checksum over the clear packet. */
#include "core/admission/seal.h"

#include <string.h>

#include "base/wipe.h"
#include "core/admission/budget.h"
#include "core/node.h"
#include "core/sync/exchange.h"
#include "wire/packet.h"

#define SHOWN       16 /* bytes of a packet of another protocol that are kept */
#define SHOWN_CODED (SHOAL_PACKET_HEAD + SHOAL_LABEL_MAX + 1 + SHOAL_PACKET_SEAL) /* a header */
#define REFUSAL_MAX 512

static bool
is_packet(const struct shoal_input *input)
{
	switch (input->kind) {
	case SHOAL_INPUT_DATAGRAM:
	case SHOAL_INPUT_STREAM:
	case SHOAL_INPUT_REQUEST:
	case SHOAL_INPUT_WATCHED:
		return true;
	case SHOAL_INPUT_RESULT:
		return input->code == SHOAL_OK;
	default:
		return false;
	}
}

bool
shoal_seal_opens(const struct shoal_core *core, const struct shoal_input *input)
{
	return is_packet(input) && input->opened == SHOAL_OPENED_NOT &&
	       (core->seal.ring != NULL || core->seal.compressor != NULL ||
	               core->coding.codec != NULL);
}

static struct shoal_packet_frame
came_as(const struct shoal_core *core, const struct shoal_input *input)
{
	struct shoal_packet_frame frame = {SHOAL_PACKET_DATAGRAM, 0};

	switch (input->kind) {
	case SHOAL_INPUT_STREAM:
		frame.kind = SHOAL_PACKET_ONE_WAY;
		break;
	case SHOAL_INPUT_REQUEST:
		frame.kind = SHOAL_PACKET_REQUEST;
		break;
	case SHOAL_INPUT_WATCHED:
		frame.kind = SHOAL_PACKET_WATCH;
		break;
	case SHOAL_INPUT_RESULT:
		frame.kind = SHOAL_PACKET_ANSWER;
		frame.request = shoal_exchange_counter(core, input->exchange);
		break;
	default:
		break;
	}
	return frame;
}

/* The host does not say from whom a result is: from whom we asked, which may speak to others from
 * another address than the one at which it is dialled. */
static void
note_source(
        const struct shoal_core *core, const struct shoal_input *input, struct shoal_sealed_by *by)
{
	struct shoal_addr from = input->kind == SHOAL_INPUT_RESULT
	                                 ? shoal_exchange_to(core, input->exchange)
	                                 : input->from;

	memcpy(by->from, from.ip, sizeof by->from);
	by->asked = input->kind == SHOAL_INPUT_RESULT;
}

/* What is for another instance, or a request that has come before, is opened all the same, so that
 * its sender can be told; nothing else of it counts. */
static int
unseal(struct shoal_core *core, uint64_t now, struct shoal_input *opened,
        struct shoal_packet_header *header)
{
	struct shoal_seal *seal = &core->seal;
	size_t members = core->members.records.count - core->members.graves.count;
	bool mine = header->addressee == shoal_members_salt(shoal_members_at(core, SHOAL_SELF));
	struct shoal_packet_frame frame = came_as(core, opened);
	size_t clear_len;

	opened->opened = SHOAL_OPENED_SEALED;
	if (!shoal_migrate_takes(core, &header->label)) {
		return SHOAL_ERR_LABEL;
	}
	note_source(core, opened, &header->by);
	int rc = shoal_budget_opens(core, opened, &header->by, now);
	if (rc != SHOAL_OK) {
		return rc;
	}
	if (!shoal_seal_has_room(core, &seal->in, opened->len)) {
		return SHOAL_ERR_NOMEM;
	}
	memcpy(seal->in.data, opened->data, opened->len);
	shoal_keyring_expect(seal->ring, (uint32_t)(2 * members));
	rc = shoal_packet_unseal(
	        seal->in.data, opened->len, header, &frame, seal->ring, mine, &clear_len);
	bool again = rc == SHOAL_ERR_REPLAYED && opened->kind == SHOAL_INPUT_REQUEST;
	if (again) {
		rc = shoal_packet_unseal(
		        seal->in.data, opened->len, header, &frame, seal->ring, false, &clear_len);
	}
	if (rc == SHOAL_OK) {
		opened->sender = header->by.salt;
		opened->counter = header->by.counter;
		opened->data = seal->in.data + SHOAL_PACKET_SEAL;
		opened->len = clear_len;
		rc = again ? SHOAL_ERR_REPLAYED : mine ? SHOAL_OK : SHOAL_ERR_MISDIRECTED;
	}
	if (rc == SHOAL_ERR_AUTH || rc == SHOAL_ERR_MISDIRECTED || again) {
		shoal_budget_failed(core, opened->kind, opened->size, &header->by, now);
	}
	return rc;
}

/* The room grows with what the packet says that it holds, within what its length allows. */
static int
uncompress(struct shoal_core *core, struct shoal_input *opened)
{
	struct shoal_seal *seal = &core->seal;
	size_t most = shoal_packet_expands(opened->len), want = opened->len, len;
	int rc = SHOAL_ERR_TOO_BIG;

	if (seal->compressor == NULL) {
		return SHOAL_ERR_UNSUPPORTED;
	}
	if (opened->kind == SHOAL_INPUT_DATAGRAM) {
		return SHOAL_ERR_MALFORMED;
	}
	most = most < core->profile.stream_max ? most : core->profile.stream_max;
	while (rc == SHOAL_ERR_TOO_BIG && want < most) {
		want = want < most / 4 ? want * 4 : most;
		if (!shoal_seal_has_room(core, &seal->plain, want)) {
			return SHOAL_ERR_NOMEM;
		}
		rc = shoal_packet_uncompress(
		        opened->data, opened->len, seal->compressor, seal->plain.data, want, &len);
	}
	if (rc == SHOAL_OK) {
		opened->data = seal->plain.data;
		opened->len = len;
	}
	return rc;
}

static int
open_whole(struct shoal_core *core, uint64_t now, struct shoal_input *opened)
{
	struct shoal_packet_header header;
	struct shoal_reader reader;

	if (opened->len > core->profile.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	/* A request is opened all the same: it is told; of results the host does not say from whom.
	 */
	bool told = opened->kind == SHOAL_INPUT_REQUEST || opened->kind == SHOAL_INPUT_RESULT;
	if (!told && !shoal_allow_addr(core, &opened->from)) {
		return SHOAL_ERR_PERMISSION;
	}
	shoal_reader_init(&reader, opened->data, opened->len);
	int rc = shoal_packet_header(&reader, &header);
	if (opened->kind == SHOAL_INPUT_DATAGRAM && !shoal_budget_takes(core, opened, now)) {
		return SHOAL_ERR_LIMIT;
	}
	if (rc != SHOAL_OK) {
		return rc;
	}
	if ((header.flags & SHOAL_PACKET_SEALED) != 0) {
		rc = core->seal.ring != NULL ? unseal(core, now, opened, &header) : SHOAL_ERR_KEY;
	} else if (core->seal.ring != NULL && core->seal.accept_clear == 0) {
		rc = SHOAL_ERR_CLEAR;
	}
	if (rc == SHOAL_OK && (header.flags & SHOAL_PACKET_COMPRESSED) != 0) {
		rc = uncompress(core, opened);
	}
	return rc == SHOAL_OK && core->coding.codec != NULL ? shoal_coding_open(core, opened) : rc;
}

/* Bytes that are kept of a packet which was not opened, for people. */
static size_t
shown(const struct shoal_input *input, int rc)
{
	if (rc == SHOAL_ERR_VERSION) {
		return input->len < SHOWN ? input->len : SHOWN;
	}
	if (rc == SHOAL_ERR_CODEC) {
		return input->len < SHOWN_CODED ? input->len : SHOWN_CODED;
	}
	/* A refusal in clear: see shoal_reject_join. */
	bool refusal = rc == SHOAL_ERR_CLEAR && input->kind == SHOAL_INPUT_RESULT;
	return refusal && input->len <= REFUSAL_MAX ? input->len : 0;
}

/* Where the packet was in another form before, what was made of it on the way holds the key, too.
 */
static void
take_key(struct shoal_core *core, uint8_t *data, size_t len)
{
	if (shoal_keys_take(core, data, len) && core->coding.codec != NULL) {
		shoal_wipe(core->seal.in.data, core->seal.in.cap);
		shoal_wipe(core->seal.plain.data, core->seal.plain.cap);
		shoal_wipe(core->coding.scratch.data, core->coding.scratch.cap);
	}
}

int
shoal_core_open(
        struct shoal_core *core, const struct shoal_input *input, struct shoal_input *opened)
{
	*opened = *input;
	shoal_seal_trim(core, &core->seal.in);
	shoal_seal_trim(core, &core->seal.plain);
	if (!shoal_seal_opens(core, input)) {
		return SHOAL_OK;
	}
	opened->opened = SHOAL_OPENED_CLEAR;
	opened->size = input->len;
	int rc = open_whole(core, input->mono_ns + SHOAL_TIME_ORIGIN, opened);
	if (rc == SHOAL_OK && opened->opened == SHOAL_OPENED_SEALED &&
	        opened->kind != SHOAL_INPUT_DATAGRAM) {
		/* It is in a room of this core's. */
		take_key(core, (uint8_t *)(uintptr_t)opened->data, opened->len);
	}
	if (rc != SHOAL_OK) {
		opened->code = rc;
		opened->data = input->data;
		opened->len = shown(input, rc);
	}
	return rc;
}
