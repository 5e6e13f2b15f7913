/* SPDX-License-Identifier: MIT */
/* shoal/codec.h - how values become bytes, and what may be done with the bytes: codecs, a streaming
 * encoder and decoder over any codec, compressors, ciphers. codecs/ implements them; applications
 * may bring their own.
 *
 * A codec knows the form of single values only. What all codecs have in common is done once, by the
 * encoder and the decoder: the order of keys and values, counts, depth, UTF-8. shoal/value.h has
 * trees of values on top of them.
 *
 * The values are null, booleans, integers, doubles, strings, bytes, arrays, and maps with strings
 * for keys. An integer is one from -2^63 to 2^64 - 1; INT64 wherever it fits, UINT64 only above. A
 * string is UTF-8 without zero bytes.
 *
 * A vtable begins with an ABI number and is never changed or freed. Nothing here keeps a state
 * beyond its arguments, and nothing but a cipher's context is allocated.
 *
 * Threads: every function may be called from any thread; an encoder, a decoder and the context of a
 * cipher are used by one thread at a time. */
#ifndef SHOAL_CODEC_H
#define SHOAL_CODEC_H

#include <shoal/cursor.h>
#include <shoal/error.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHOAL_CODEC_ABI      1
#define SHOAL_COMPRESSOR_ABI 1
#define SHOAL_CIPHER_ABI     1

#define SHOAL_DEPTH_MAX     32       /* arrays and maps inside each other */
#define SHOAL_COUNT_UNKNOWN SIZE_MAX /* the end of an array or map is marked, not counted */

/* A codec's number on the wire. */
enum shoal_codec_id {
	SHOAL_CODEC_BINARY = 0,
	SHOAL_CODEC_MSGPACK = 1,
	SHOAL_CODEC_JSON = 2,
	SHOAL_CODEC_APPLICATION = 128 /* from here to 255: the application's own */
};

enum shoal_token_type {
	SHOAL_TOKEN_NULL,
	SHOAL_TOKEN_BOOL,
	SHOAL_TOKEN_INT64,
	SHOAL_TOKEN_UINT64,
	SHOAL_TOKEN_DOUBLE,
	SHOAL_TOKEN_STRING,
	SHOAL_TOKEN_BYTES,
	SHOAL_TOKEN_ARRAY, /* its items follow, then END */
	SHOAL_TOKEN_MAP,   /* KEY and its value, and so on, then END */
	SHOAL_TOKEN_KEY,
	SHOAL_TOKEN_END
};

/* One step of a document. */
struct shoal_token {
	enum shoal_token_type type;
	bool escaped; /* STRING, BYTES, KEY: `data` is not the content yet, see
	               * shoal_decoder_copy */
	union {
		bool boolean;
		int64_t int64;
		uint64_t uint64;
		double number;
		size_t count; /* ARRAY, MAP: items or pairs, or SHOAL_COUNT_UNKNOWN */
		size_t len;   /* STRING, BYTES, KEY: length of the content */
	} is;
	const uint8_t *data; /* STRING, BYTES, KEY: as it stands in the document, borrowed */
	size_t data_len;
};

enum shoal_codec_flag {
	SHOAL_CODEC_FINITE = 1 /* has no form for infinities and NaN */
};

/* A codec. The writing functions append and show that there is no room in the writer; they are only
 * called with values and in an order that are right. The reading functions take one value off what
 * a peer sent, of at least one byte: 0, SHOAL_ERR_MALFORMED, or SHOAL_ERR_UNSUPPORTED for what is
 * well formed and no value of ours; a length is held against what is left before anything else is
 * done with it. A string stands in what was taken, and is never shorter there than its content. */
struct shoal_codec_ops {
	uint32_t abi;     /* SHOAL_CODEC_ABI */
	uint8_t id;       /* number on the wire, enum shoal_codec_id */
	uint8_t flags;    /* SHOAL_CODEC_* bits */
	const char *name; /* "binary", "msgpack", "json"; static */

	/* REQUIRED, all of them. write_int64 is only called with what is below zero. */
	void (*write_null)(struct shoal_writer *writer);
	void (*write_bool)(struct shoal_writer *writer, bool value);
	void (*write_int64)(struct shoal_writer *writer, int64_t value);
	void (*write_uint64)(struct shoal_writer *writer, uint64_t value);
	void (*write_double)(struct shoal_writer *writer, double value);
	void (*write_string)(struct shoal_writer *writer, const char *text, size_t len);
	void (*write_bytes)(struct shoal_writer *writer, const uint8_t *data, size_t len);
	void (*write_array)(struct shoal_writer *writer, size_t count);
	void (*write_map)(struct shoal_writer *writer, size_t count);
	void (*write_key)(struct shoal_writer *writer, const char *text, size_t len);

	/* OPTIONAL. Before every item of an array and every key of a map but the first. */
	void (*write_next)(struct shoal_writer *writer);

	/* OPTIONAL. Behind the last item; type is ARRAY or MAP. */
	void (*write_end)(struct shoal_writer *writer, enum shoal_token_type type);

	/* REQUIRED. Any value but KEY and END; fills in what the type says, and of an ARRAY or a
	 * MAP its beginning only. Each item of a counted array takes at least one byte, each pair
	 * of a counted map at least two. UTF-8 is not its business. */
	int (*read)(struct shoal_reader *reader, struct shoal_token *token);

	/* REQUIRED. The key of a pair; token->type is KEY already. */
	int (*read_key)(struct shoal_reader *reader, struct shoal_token *token);

	/* REQUIRED where read() gives SHOAL_COUNT_UNKNOWN. What stands before an item or behind the
	 * last one. 1: the end of the array or map was taken; 0: an item follows; or an error. */
	int (*read_end)(struct shoal_reader *reader, enum shoal_token_type type, bool first);

	/* OPTIONAL. Takes what may stand behind a document: white space. */
	void (*read_rest)(struct shoal_reader *reader);

	/* REQUIRED where read() gives escaped tokens. Writes the content, token->is.len bytes. */
	void (*copy)(const struct shoal_token *token, uint8_t *dst);

	/* REQUIRED where write_bytes takes more than 16 bytes besides the content: how many it
	 * takes at most for len of them. Grows with len. */
	size_t (*bytes_bound)(size_t len);
};

/* With a codec other than binary datagram_max is this at least. */
#define SHOAL_CODEC_DATAGRAM 1200
#define SHOAL_CODEC_NAME_MAX 31 /* bytes of a codec's name */
#define SHOAL_CODECS_MAX     8  /* codecs that a replay or an opener of packets is given */

/* The codecs of the library. Static, never NULL. */
SHOAL_API const struct shoal_codec_ops *shoal_codec_binary(void);
SHOAL_API const struct shoal_codec_ops *shoal_codec_msgpack(void);
SHOAL_API const struct shoal_codec_ops *shoal_codec_json(void);

/* The longest bytes that take no more than `room` in the codec; 0: not even none. */
SHOAL_API size_t shoal_codec_holds(const struct shoal_codec_ops *codec, size_t room);

/* What an encoder or a decoder holds of an open array or map. */
struct shoal_nest {
	size_t left; /* items or pairs to come, or SHOAL_COUNT_UNKNOWN */
	enum shoal_token_type type;
	bool begun; /* an item was there */
	bool keyed; /* a key was there, its value comes next */
};

/* Writes one document. Its fields are its own. */
struct shoal_encoder {
	const struct shoal_codec_ops *codec;
	struct shoal_writer *writer;
	int error;
	bool done;
	uint32_t depth;
	struct shoal_nest nest[SHOAL_DEPTH_MAX];
};

/* codec and writer are borrowed until the end. The document is appended to what the writer holds.
 */
SHOAL_API void shoal_encoder_init(struct shoal_encoder *encoder,
        const struct shoal_codec_ops *codec, struct shoal_writer *writer);

/* Write one value. After a failure they do nothing; shoal_encoder_end tells of it. A string or a
 * key with len SIZE_MAX ends at its zero byte. */
SHOAL_API void shoal_encoder_null(struct shoal_encoder *encoder);
SHOAL_API void shoal_encoder_bool(struct shoal_encoder *encoder, bool value);
SHOAL_API void shoal_encoder_int64(struct shoal_encoder *encoder, int64_t value);
SHOAL_API void shoal_encoder_uint64(struct shoal_encoder *encoder, uint64_t value);
SHOAL_API void shoal_encoder_double(struct shoal_encoder *encoder, double value);
SHOAL_API void shoal_encoder_string(struct shoal_encoder *encoder, const char *text, size_t len);
SHOAL_API void shoal_encoder_bytes(struct shoal_encoder *encoder, const void *data, size_t len);

/* Begins an array of so many items, or a map of so many pairs, which follow; it ends by itself
 * behind the last one. */
SHOAL_API void shoal_encoder_array(struct shoal_encoder *encoder, size_t count);
SHOAL_API void shoal_encoder_map(struct shoal_encoder *encoder, size_t count);

/* The key of the next value. That no key comes twice is the caller's business. */
SHOAL_API void shoal_encoder_key(struct shoal_encoder *encoder, const char *text, size_t len);

/* 0: the writer holds one whole document; else the first failure, and what the writer holds of the
 * document is of no use. SHOAL_ERR_TOO_BIG: no room in the writer, or deeper than SHOAL_DEPTH_MAX;
 * SHOAL_ERR_INVALID: a string that is not UTF-8, or holds a zero; SHOAL_ERR_UNSUPPORTED: an
 * infinity or NaN, and the codec has no form for it; SHOAL_ERR_STATE: keys and values do not come
 * in turn, an array or map has more or fewer items than it said, or there is not one document. */
SHOAL_API int shoal_encoder_end(const struct shoal_encoder *encoder);

/* Reads one document, which may be hostile. Its fields are its own. A copy goes on by itself. */
struct shoal_decoder {
	const struct shoal_codec_ops *codec;
	struct shoal_reader reader;
	int error;
	bool done;
	uint32_t depth;
	size_t owed; /* bytes that the counts of open arrays and maps need at least */
	struct shoal_nest nest[SHOAL_DEPTH_MAX];
};

/* codec and data are borrowed for as long as decoder and tokens are used. */
SHOAL_API void shoal_decoder_init(struct shoal_decoder *decoder,
        const struct shoal_codec_ops *codec, const uint8_t *data, size_t len);

/* The next token. 1: *token is set; 0: the document has ended and nothing is behind it; else an
 * error, which stays: SHOAL_ERR_MALFORMED, SHOAL_ERR_TOO_BIG: deeper than SHOAL_DEPTH_MAX,
 * SHOAL_ERR_UNSUPPORTED: well formed, and no value of ours. Takes no memory; that a key comes twice
 * is not seen here. */
SHOAL_API int shoal_decoder_next(struct shoal_decoder *decoder, struct shoal_token *token);

/* Goes past what a token began: behind the END of an ARRAY or MAP, past the value of a KEY; nothing
 * to do for others. 0 or an error of shoal_decoder_next. */
SHOAL_API int shoal_decoder_skip(struct shoal_decoder *decoder, const struct shoal_token *token);

/* Writes the content of a STRING, BYTES or KEY, token->is.len bytes, to dst. */
SHOAL_API void shoal_decoder_copy(
        const struct shoal_decoder *decoder, const struct shoal_token *token, void *dst);

/* Compresses without a state. */
struct shoal_compressor_ops {
	uint32_t abi;     /* SHOAL_COMPRESSOR_ABI */
	const char *name; /* "snappy"; static */

	/* REQUIRED. Room that compress() wants for len bytes. */
	size_t (*bound)(size_t len);

	/* REQUIRED. Writes at most cap bytes to out and sets *out_len. That the result may be
	 * longer than the input is the caller's business. SHOAL_ERR_TOO_BIG: cap is below
	 * bound(len). */
	int (*compress)(const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *out_len);

	/* REQUIRED. The inverse, of bytes that may be hostile: never writes more than cap bytes,
	 * nor works for longer than a result of that size takes. SHOAL_ERR_MALFORMED;
	 * SHOAL_ERR_TOO_BIG: the result is longer than cap. out is undefined then. */
	int (*uncompress)(
	        const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *out_len);
};

/* Google's snappy. Static; NULL in a build without it (SHOAL_SNAPPY=OFF). compress() takes some
 * memory of its own from the library's allocator. */
SHOAL_API const struct shoal_compressor_ops *shoal_compressor_snappy(void);

/* An authenticated cipher (AEAD). A key's context is made once and used for all packets of the key.
 * No nonce may come twice under one key: that is the caller's to see to. */
struct shoal_cipher_ops {
	uint32_t abi;       /* SHOAL_CIPHER_ABI */
	const char *name;   /* "aes-gcm"; static */
	uint8_t key_len[4]; /* lengths that a key may have, in bytes, ascending, then 0 */
	uint8_t nonce_len;  /* bytes of a nonce */
	uint8_t overhead;   /* bytes that a sealed text is longer than the clear one: the tag */

	/* REQUIRED. Makes the context of a key, whose bytes are not needed afterwards.
	 * SHOAL_ERR_INVALID: no such key length; SHOAL_ERR_NOMEM. allocator: NULL for malloc. */
	int (*init)(void **context, const uint8_t *key, size_t key_len,
	        const struct shoal_allocator *allocator);

	/* REQUIRED. Wipes the key and releases the context. NULL is allowed. */
	void (*free)(void *context);

	/* REQUIRED. Encrypts data[0 .. len) in place and writes the tag behind it, for which
	 * overhead bytes of room are there. ad: authenticated with it and not encrypted; may be
	 * NULL where ad_len is 0. 0; SHOAL_ERR_TOO_BIG: more than the cipher can take under one
	 * nonce. */
	int (*seal)(void *context, const uint8_t *nonce, const uint8_t *ad, size_t ad_len,
	        uint8_t *data, size_t len);

	/* REQUIRED. The inverse; len is that of the sealed text, the clear one is overhead bytes
	 * shorter. SHOAL_ERR_AUTH: data, tag, ad, nonce or key is another one, or len is shorter
	 * than a tag; data holds no clear text then, and is of no use. */
	int (*open)(void *context, const uint8_t *nonce, const uint8_t *ad, size_t ad_len,
	        uint8_t *data, size_t len);
};

/* AES-GCM of mbedTLS with keys of 16, 24 or 32 bytes, nonces of 12 and tags of 16. Static; NULL in
 * a build without it (SHOAL_MBEDTLS=OFF). Besides the context, mbedTLS takes memory of its own for
 * a key; sealing and opening take none. */
SHOAL_API const struct shoal_cipher_ops *shoal_cipher_aes_gcm(void);

#ifdef __cplusplus
}
#endif

#endif
