/* SPDX-License-Identifier: MIT */
/* User messages inside USER and BATCH: one after the other, each { type VAR, stamp U64, data: VAR
 * length, bytes }. */
#ifndef SHOAL_WIRE_ENTRY_H
#define SHOAL_WIRE_ENTRY_H

#include "base/reader.h"
#include "base/writer.h"
#include "wire/field.h"

/* What an entry takes besides its data, at most. */
#define SHOAL_ENTRY_HEAD 16

struct shoal_entry {
	uint16_t type;
	uint64_t stamp; /* of the sender's hybrid logical clock */
	struct shoal_span data;
};

/* Bytes that it takes. */
size_t shoal_entry_size(const struct shoal_entry *entry);
void shoal_entry_write(struct shoal_writer *writer, const struct shoal_entry *entry);

/* The next one; its data points into what is read. 1; 0: the end; SHOAL_ERR_MALFORMED. */
int shoal_entry_next(struct shoal_reader *reader, struct shoal_entry *entry);

/* How many there are; 0: none, or they are not well formed. */
size_t shoal_entry_count(struct shoal_span entries);

#endif
