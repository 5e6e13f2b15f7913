/* SPDX-License-Identifier: MIT */
/* What codecs that count do alike: a length or a count that a stranger declared is held against
 * what is left. */
#ifndef SHOAL_CODECS_TOKEN_H
#define SHOAL_CODECS_TOKEN_H

#include <shoal/codec.h>

#include "base/reader.h"

/* A STRING, BYTES or KEY whose content is the next len bytes. */
static inline void
shoal_token_take(struct shoal_token *token, struct shoal_reader *reader, enum shoal_token_type type,
        uint64_t len)
{
	token->type = type;
	if (len > reader->left) {
		shoal_reader_fail(reader);
		return;
	}
	token->is.len = token->data_len = (size_t)len;
	token->data = shoal_reader_bytes(reader, (size_t)len);
}

/* An ARRAY or a MAP. */
static inline void
shoal_token_begin(struct shoal_token *token, struct shoal_reader *reader,
        enum shoal_token_type type, uint64_t count)
{
	token->type = type;
	if (count > reader->left) {
		shoal_reader_fail(reader);
		return;
	}
	token->is.count = (size_t)count;
}

#endif
