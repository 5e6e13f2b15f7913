/* SPDX-License-Identifier: MIT */
/* The reading half of what all codecs share: a document becomes tokens, with what a stranger can
 * get wrong in any of them looked at here.
 *
 * `owed` is what the counts of all open arrays and maps promise, one byte an item and two a pair:
 * never more than what is left, so that nobody who makes room by a count makes more of it than the
 * document is long. No memory, no recursion; linear in the document.
 *
 * A codec of the application's own may be wrong about bytes that its author did not think of. What
 * it says is held against what it took: it always goes on, and strings stand in the document. */
#include <shoal/codec.h>

#include <string.h>

#include "base/reader.h"
#include "base/text.h"

void
shoal_decoder_init(struct shoal_decoder *decoder, const struct shoal_codec_ops *codec,
        const uint8_t *data, size_t len)
{
	decoder->codec = codec;
	shoal_reader_init(&decoder->reader, data, len);
	decoder->error = SHOAL_OK;
	decoder->done = false;
	decoder->depth = 0;
	decoder->owed = 0;
}

static int
fail(struct shoal_decoder *decoder, int error)
{
	decoder->error = error;
	shoal_reader_fail(&decoder->reader);
	return error;
}

static int
close_nest(struct shoal_decoder *decoder, struct shoal_token *token)
{
	token->type = SHOAL_TOKEN_END;
	decoder->done = --decoder->depth == 0;
	return 1;
}

static int
open_nest(struct shoal_decoder *decoder, const struct shoal_token *token)
{
	size_t count = token->is.count, each = token->type == SHOAL_TOKEN_MAP ? 2 : 1;

	if (count != SHOAL_COUNT_UNKNOWN) {
		if (count > (decoder->reader.left - decoder->owed) / each) {
			return fail(decoder, SHOAL_ERR_MALFORMED);
		}
		decoder->owed += count * each;
	}
	if (decoder->depth == SHOAL_DEPTH_MAX) {
		return fail(decoder, SHOAL_ERR_TOO_BIG);
	}
	decoder->nest[decoder->depth++] = (struct shoal_nest){.left = count, .type = token->type};
	return 1;
}

/* What comes next in the open array or map. 0: an item; 1: its end was there. */
static int
begin_item(struct shoal_decoder *decoder, struct shoal_nest *nest)
{
	int rc = 0;

	if (nest->keyed) {
		return 0;
	}
	if (nest->left != SHOAL_COUNT_UNKNOWN) {
		if (nest->left == 0) {
			return 1;
		}
		nest->left--;
	} else {
		size_t before = decoder->reader.left;
		rc = decoder->codec->read_end(&decoder->reader, nest->type, !nest->begun);
		rc = decoder->reader.left > before ? SHOAL_ERR_MALFORMED : rc;
	}
	nest->begun = true;
	return rc;
}

/* Whether a token can be what stood between `from` and the cursor. */
static bool
is_sound(const struct shoal_decoder *decoder, const uint8_t *from, size_t took, bool key,
        const struct shoal_token *token)
{
	switch (token->type) {
	case SHOAL_TOKEN_STRING:
	case SHOAL_TOKEN_BYTES:
	case SHOAL_TOKEN_KEY:
		if (token->data_len > 0 &&
		        (token->data < from || token->data > from + took ||
		                token->data_len > (size_t)(from + took - token->data))) {
			return false;
		}
		return key == (token->type == SHOAL_TOKEN_KEY) &&
		       (token->escaped ? decoder->codec->copy != NULL &&
		                                 token->is.len <= token->data_len
		                       : token->is.len == token->data_len);
	case SHOAL_TOKEN_ARRAY:
	case SHOAL_TOKEN_MAP:
		return !key &&
		       (token->is.count != SHOAL_COUNT_UNKNOWN || decoder->codec->read_end != NULL);
	default:
		return !key && token->type < SHOAL_TOKEN_END;
	}
}

static int
read_token(struct shoal_decoder *decoder, struct shoal_token *token, bool key)
{
	const struct shoal_codec_ops *codec = decoder->codec;
	const uint8_t *from = decoder->reader.at;
	size_t before = decoder->reader.left;
	int rc;

	memset(token, 0, sizeof *token);
	token->type = key ? SHOAL_TOKEN_KEY : SHOAL_TOKEN_NULL;
	rc = key ? codec->read_key(&decoder->reader, token) : codec->read(&decoder->reader, token);
	size_t left = decoder->reader.left;
	bool taken = rc == SHOAL_OK && !decoder->reader.failed && left >= decoder->owed;
	if (rc > 0 ||
	        (rc == SHOAL_OK && (!taken || left >= before ||
	                                   !is_sound(decoder, from, before - left, key, token)))) {
		rc = SHOAL_ERR_MALFORMED;
	}
	if (rc != SHOAL_OK) {
		return fail(decoder, rc);
	}
	switch (token->type) {
	case SHOAL_TOKEN_ARRAY:
	case SHOAL_TOKEN_MAP:
		return open_nest(decoder, token);
	case SHOAL_TOKEN_STRING:
	case SHOAL_TOKEN_KEY:
		/* What is escaped is UTF-8 if and only if it was before. */
		return shoal_text_is_utf8(token->data, token->data_len)
		               ? 1
		               : fail(decoder, SHOAL_ERR_MALFORMED);
	case SHOAL_TOKEN_UINT64:
		if (token->is.uint64 <= INT64_MAX) {
			token->type = SHOAL_TOKEN_INT64;
			token->is.int64 = (int64_t)token->is.uint64;
		}
		return 1;
	default:
		return 1;
	}
}

static int
end_document(struct shoal_decoder *decoder)
{
	if (decoder->codec->read_rest != NULL) {
		decoder->codec->read_rest(&decoder->reader);
	}
	return decoder->reader.left == 0 ? 0 : fail(decoder, SHOAL_ERR_MALFORMED);
}

int
shoal_decoder_next(struct shoal_decoder *decoder, struct shoal_token *token)
{
	struct shoal_nest *nest;
	bool key = false;
	int rc;

	if (decoder->error != SHOAL_OK) {
		return decoder->error;
	}
	if (decoder->depth == 0) {
		if (decoder->done) {
			return end_document(decoder);
		}
		rc = read_token(decoder, token, false);
		decoder->done = decoder->depth == 0;
		return rc;
	}
	nest = &decoder->nest[decoder->depth - 1];
	rc = begin_item(decoder, nest);
	if (rc < 0) {
		return fail(decoder, rc);
	}
	if (rc > 0) {
		return close_nest(decoder, token);
	}
	if (nest->type == SHOAL_TOKEN_MAP) {
		nest->keyed = key = !nest->keyed;
	}
	if (nest->left != SHOAL_COUNT_UNKNOWN) {
		decoder->owed--;
	}
	return read_token(decoder, token, key);
}

int
shoal_decoder_skip(struct shoal_decoder *decoder, const struct shoal_token *token)
{
	struct shoal_token inner;
	uint32_t depth = decoder->depth;
	int rc = 1;

	if (token->type == SHOAL_TOKEN_KEY) {
		rc = shoal_decoder_next(decoder, &inner);
	} else if (token->type == SHOAL_TOKEN_ARRAY || token->type == SHOAL_TOKEN_MAP) {
		depth--;
	}
	while (rc > 0 && decoder->depth > depth) {
		rc = shoal_decoder_next(decoder, &inner);
	}
	return rc > 0 ? SHOAL_OK : decoder->error;
}

void
shoal_decoder_copy(const struct shoal_decoder *decoder, const struct shoal_token *token, void *dst)
{
	if (token->escaped) {
		decoder->codec->copy(token, dst);
	} else if (token->is.len > 0) {
		memcpy(dst, token->data, token->is.len);
	}
}
