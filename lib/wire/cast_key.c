/* SPDX-License-Identifier: MIT */
/* Keys stand in one field of their message, as entries do: there may be a thousand of them. */
#include "wire/cast_key.h"

#include <string.h>

#include <shoal/error.h>

bool
shoal_cast_key_equal(const struct shoal_cast_key *a, const struct shoal_cast_key *b)
{
	return a->number == b->number && a->salt == b->salt && a->reliable == b->reliable &&
	       memcmp(&a->id, &b->id, sizeof a->id) == 0;
}

void
shoal_cast_key_write(struct shoal_writer *writer, const struct shoal_cast_key *key)
{
	shoal_writer_bytes(writer, &key->id, sizeof key->id);
	shoal_writer_u64(writer, key->salt);
	shoal_writer_var(writer, key->number);
	shoal_writer_u8(writer, key->reliable ? 1 : 0);
}

int
shoal_cast_key_next(struct shoal_reader *reader, struct shoal_cast_key *key)
{
	if (reader->left == 0) {
		return reader->failed ? SHOAL_ERR_MALFORMED : 0;
	}
	shoal_reader_copy(reader, &key->id, sizeof key->id);
	key->salt = shoal_reader_u64(reader);
	key->number = shoal_reader_var(reader, UINT64_MAX);
	uint8_t reliable = shoal_reader_u8(reader);
	key->reliable = reliable == 1;
	return reader->failed || reliable > 1 || key->number == 0 ? SHOAL_ERR_MALFORMED : 1;
}

bool
shoal_cast_key_are_valid(struct shoal_span keys)
{
	struct shoal_reader reader;
	struct shoal_cast_key key;
	int rc;

	shoal_reader_init(&reader, keys.data, keys.len);
	while ((rc = shoal_cast_key_next(&reader, &key)) > 0) {
	}
	return rc == 0;
}
