/* SPDX-License-Identifier: MIT */
/* Entries are as the field types of their names, but stand in one field of their message: there may
 * be thousands of them, and a struct has no room for so many. */
#include "wire/entry.h"

#include <shoal/error.h>

size_t
shoal_entry_size(const struct shoal_entry *entry)
{
	return shoal_writer_var_len(entry->type) + 8 + shoal_writer_var_len(entry->data.len) +
	       entry->data.len;
}

void
shoal_entry_write(struct shoal_writer *writer, const struct shoal_entry *entry)
{
	shoal_writer_var(writer, entry->type);
	shoal_writer_u64(writer, entry->stamp);
	shoal_writer_var(writer, entry->data.len);
	if (entry->data.len > 0) {
		shoal_writer_bytes(writer, entry->data.data, entry->data.len);
	}
}

int
shoal_entry_next(struct shoal_reader *reader, struct shoal_entry *entry)
{
	if (reader->left == 0) {
		return reader->failed ? SHOAL_ERR_MALFORMED : 0;
	}
	entry->type = (uint16_t)shoal_reader_var(reader, UINT16_MAX);
	entry->stamp = shoal_reader_u64(reader);
	entry->data.len = (size_t)shoal_reader_var(reader, SIZE_MAX);
	entry->data.data = shoal_reader_bytes(reader, entry->data.len);
	return reader->failed ? SHOAL_ERR_MALFORMED : 1;
}

size_t
shoal_entry_count(struct shoal_span entries)
{
	struct shoal_reader reader;
	struct shoal_entry entry;
	size_t count = 0;
	int rc;

	shoal_reader_init(&reader, entries.data, entries.len);
	while ((rc = shoal_entry_next(&reader, &entry)) > 0) {
		count++;
	}
	return rc == 0 ? count : 0;
}
