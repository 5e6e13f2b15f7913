/* SPDX-License-Identifier: MIT */
/* A statement borrows from its packet; its bytes do not. They are of the compact codec, whatever
 * that of the cluster is. */
#include "core/table/kept.h"

#include <string.h>

bool
shoal_kept_set(struct shoal_kept *kept, const struct shoal_msg_member *member)
{
	struct shoal_kept made;
	struct shoal_writer writer;

	shoal_writer_init(&writer, made.bytes, sizeof made.bytes);
	if (!shoal_message_append(&writer, SHOAL_MESSAGE_MEMBER, member)) {
		return false;
	}
	memcpy(kept->bytes, made.bytes, writer.len);
	kept->len = writer.len;
	return true;
}

bool
shoal_kept_get(const struct shoal_kept *kept, union shoal_wire_message *message)
{
	struct shoal_reader reader, body;
	uint16_t kind;

	shoal_reader_init(&reader, kept->bytes, kept->len);
	return shoal_message_next(&reader, &kind, &body) > 0 &&
	       shoal_message_decode(kind, body, message) == SHOAL_OK;
}
