/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 messages as bytes: what comes in is read within bounds (with libhttp-parser), what goes
 * out is written. No socket, no clock. RFC 9110 and 9112. */
#ifndef SHOAL_TRANSPORTS_HTTP_MESSAGE_H
#define SHOAL_TRANSPORTS_HTTP_MESSAGE_H

#include <http_parser.h>

#include <shoal/error.h>
#include <shoal/types.h>

#define SHOAL_HTTP_HEAD_MAX  8192 /* bytes of the first line and all headers */
#define SHOAL_HTTP_PATH_MAX  (SHOAL_URL_MAX + 32)
#define SHOAL_HTTP_TOKEN_MAX 512 /* bytes of a bearer token */
#define SHOAL_HTTP_TYPE      "application/vnd.shoal"

/* What the head of a request says. */
struct shoal_http_head {
	bool is_post, is_get;
	char path[SHOAL_HTTP_PATH_MAX + 1];   /* without a query */
	char from[SHOAL_URL_MAX + 1];         /* of Shoal-From */
	char token[SHOAL_HTTP_TOKEN_MAX + 1]; /* of Authorization: Bearer */
	bool typed;                           /* Content-Type is ours */
	bool expects;                         /* wants 100 before it sends the body */
};

/* Why a request is not taken, as a status; 0: it is. Called when its head is there and nothing of
 * its body is. */
typedef unsigned (*shoal_http_judge_fn)(const struct shoal_http_head *head, void *arg);

/* One message that comes in. All fields are read-only. */
struct shoal_http_input {
	struct shoal_http_head head;
	/* Answers. */
	unsigned status;
	uint32_t retry_after_s; /* 0: not said */
	/* Both. */
	bool begun, complete, keep_alive;
	uint8_t *body;
	size_t len;

	/* The reader's own. */
	http_parser parser;
	const struct shoal_allocator *mem;
	shoal_http_judge_fn judge;
	void *arg;
	size_t body_max, room, head_len;
	unsigned refused;
	bool in_value;
	char name[24];
	size_t name_len;
	char value[SHOAL_HTTP_TOKEN_MAX + 8];
	size_t value_len;
	bool value_cut;
};

/* Ready for the first message of a connection. judge: requests are read; NULL: answers. */
void shoal_http_input_init(struct shoal_http_input *input, const struct shoal_allocator *mem,
        size_t body_max, shoal_http_judge_fn judge, void *arg);
/* Releases what a message holds; the next one may follow. */
void shoal_http_input_reset(struct shoal_http_input *input);
/* Reads up to the end of a message. Returns the bytes that were read; *status: 0, or why it is
 * refused: 400, 413, 431, 503 (no memory), or what judge said. Then the connection must be closed
 * behind the answer: where its body ends is not known. len 0: the connection has ended; *status 400
 * where that cuts a message off. */
size_t shoal_http_input_feed(
        struct shoal_http_input *input, const void *data, size_t len, unsigned *status);

/* Writes the head of a POST; returns its length, 0: room is too small. token may be "". */
size_t shoal_http_write_post(char *out, size_t room, const char *host, uint16_t port,
        const char *path, const char *from, const char *token, size_t body_len);
/* The head of an answer. retry_after_s 0: not said. body_len: with a body of ours; close: it is the
 * last one. */
size_t shoal_http_write_answer(char *out, size_t room, unsigned status, uint32_t retry_after_s,
        size_t body_len, bool close);

/* Whether two texts are equal, in a time that tells nothing of where they differ. */
bool shoal_http_same_token(const char *a, const char *b);

#endif
