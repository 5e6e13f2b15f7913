/* SPDX-License-Identifier: MIT */
/* Which broadcasts: keys inside OFFER and FETCH, one after the other, each { id 16, salt U64,
 * number VAR, reliable U8 }. */
#ifndef SHOAL_WIRE_CAST_KEY_H
#define SHOAL_WIRE_CAST_KEY_H

#include "base/reader.h"
#include "base/writer.h"
#include "wire/field.h"

/* What a key takes, at most. */
#define SHOAL_CAST_KEY_BYTES 35

/* The numbers of reliable broadcasts of an instance are one row, those of the others another. */
struct shoal_cast_key {
	struct shoal_id id;
	uint64_t salt;
	uint64_t number;
	bool reliable;
};

bool shoal_cast_key_equal(const struct shoal_cast_key *a, const struct shoal_cast_key *b);

void shoal_cast_key_write(struct shoal_writer *writer, const struct shoal_cast_key *key);

/* 1; 0: the end; SHOAL_ERR_MALFORMED. */
int shoal_cast_key_next(struct shoal_reader *reader, struct shoal_cast_key *key);

bool shoal_cast_key_are_valid(struct shoal_span keys);

#endif
