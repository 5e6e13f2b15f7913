/* SPDX-License-Identifier: MIT */
/* Nothing of a packet counts before all of it was decoded. */
#include "core/unpack.h"

#include "core/node.h"
#include "wire/packet.h"

static int
decode_all(struct shoal_unpacked *unpacked)
{
	struct shoal_reader look = unpacked->rest, body;
	struct shoal_received last;
	uint16_t kind;
	int rc;

	while ((rc = shoal_message_next(&look, &kind, &body)) > 0) {
		bool keeps = unpacked->kept < SHOAL_UNPACKED_MAX;
		struct shoal_received *received =
		        keeps ? &unpacked->message[unpacked->kept++] : &last;
		received->kind = kind;
		rc = shoal_message_decode(kind, body, &received->m);
		if (rc == SHOAL_ERR_MALFORMED) {
			return rc;
		}
		received->known = rc == SHOAL_OK;
		if (keeps) {
			unpacked->rest = look;
		}
	}
	return rc;
}

int
shoal_unpack(
        struct shoal_core *core, const struct shoal_input *input, struct shoal_unpacked *unpacked)
{
	struct shoal_packet_header header;
	int rc;

	if (input->opened != SHOAL_OPENED_NOT && input->code != SHOAL_OK) {
		return input->code;
	}
	if (input->len > core->profile.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	rc = shoal_migrate_open(core, input->data, input->len, &header, &unpacked->rest);
	if (rc != SHOAL_OK) {
		return rc;
	}
	unpacked->kept = 0;
	return decode_all(unpacked);
}
