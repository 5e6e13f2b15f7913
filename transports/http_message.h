/* SPDX-License-Identifier: MIT */
/* HTTP/1.1 messages as bytes: what comes in is read within bounds (with libhttp-parser), what goes
 * out is written. No socket, no clock. RFC 9110 and 9112. */
#ifndef SHOAL_TRANSPORTS_HTTP_MESSAGE_H
#define SHOAL_TRANSPORTS_HTTP_MESSAGE_H

#include <http_parser.h>
#include <stddef.h>

#include <shoal/error.h>
#include <shoal/types.h>

#define SHOAL_HTTP_HEAD_MAX  8192 /* bytes of the first line and all headers */
#define SHOAL_HTTP_PATH_MAX  1024 /* of what is asked for, as it came */
#define SHOAL_HTTP_TOKEN_MAX 512  /* bytes of a bearer token */
#define SHOAL_HTTP_TYPE      "application/vnd.shoal"

/* What the head of a request says. */
struct shoal_http_head {
	bool is_post, is_get;
	char path[SHOAL_HTTP_PATH_MAX + 1];   /* plain (shoal_http_plain_path), without a query */
	char from[SHOAL_URL_MAX + 1];         /* of Shoal-From */
	char token[SHOAL_HTTP_TOKEN_MAX + 1]; /* of Authorization: Bearer */
	bool typed;                           /* Content-Type is ours */
	bool encoded;                         /* Content-Encoding says that it is packed */
	bool expects;                         /* wants 100 before it sends the body */
};

/* Why a request is not taken, as a status; 0: it is. Called when its head is there and nothing of
 * its body is. */
typedef unsigned (*shoal_http_judge_fn)(const struct shoal_http_head *head, void *arg);

/* A body needs so many bytes more, or gives them back (more < 0, returns true). false: they are not
 * to be had. */
typedef bool (*shoal_http_hold_fn)(void *arg, ptrdiff_t more);

/* One message that comes in. All fields are read-only. */
struct shoal_http_input {
	struct shoal_http_head head;
	/* Answers. */
	unsigned status;
	uint32_t retry_after_s;  /* 0: not said */
	uint64_t retry_at, date; /* the same as a date, and what the answerer's clock says: seconds
	                          * since 1970; 0: not said */
	/* Both. */
	bool begun, complete, keep_alive;
	bool continues; /* a body is waited for that comes when 100 was said */
	uint8_t *body;
	size_t len;

	/* The reader's own. */
	http_parser parser;
	const struct shoal_allocator *mem;
	shoal_http_judge_fn judge;
	shoal_http_hold_fn hold; /* NULL: nobody is asked */
	void *arg;
	size_t body_max, room, head_len;
	unsigned refused, seen, hosts;
	bool in_value, headed;
	size_t line_len; /* of the head's line that is being read */
	bool lines;      /* one of them was not empty */
	bool in_name;    /* it is a header's, and its ':' did not come yet */
	bool after_cr;
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
 * refused: 400, 405, 411, 413, 414, 431, 503 (no memory), 505, or what judge said. Then the
 * connection must be closed behind the answer: where its body ends is not known. len 0: the
 * connection has ended; *status 400 where that cuts a message off. */
size_t shoal_http_input_feed(
        struct shoal_http_input *input, const void *data, size_t len, unsigned *status);

/* What a request says that somebody else has read: a header, and what is asked for. */
void shoal_http_input_header(struct shoal_http_input *input, const char *name, const char *value);
void shoal_http_input_target(struct shoal_http_input *input, const char *target);

/* Writes the head of a POST; returns its length, 0: room is too small. token may be "". */
size_t shoal_http_write_post(char *out, size_t room, const char *host, uint16_t port,
        const char *path, const char *from, const char *token, size_t body_len);
/* The head of an answer. retry_after_s 0: not said. body_len: with a body of ours; close: it is the
 * last one. */
size_t shoal_http_write_answer(char *out, size_t room, unsigned status, uint32_t retry_after_s,
        size_t body_len, bool close);

/* For how long its sender wants to be left alone, in seconds; 0: it did not say. wall_s: this
 * machine's clock, asked where the answer does not tell that of its sender. */
uint32_t shoal_http_retry_s(const struct shoal_http_input *input, uint64_t wall_s);

/* Paths that are the same become equal (RFC 3986, 6.2.2): what is %-encoded stands for itself but
 * for '/', '%' and zero, and those are written in capitals. In place. */
void shoal_http_plain_path(char *path);

/* Whether two tokens are equal, in a time that tells nothing of either: both are padded with zeros.
 */
bool shoal_http_same_token(
        const char a[SHOAL_HTTP_TOKEN_MAX + 1], const char b[SHOAL_HTTP_TOKEN_MAX + 1]);

#endif
