/* SPDX-License-Identifier: MIT */
/* Of a head only what is used is kept, each field cut at its bound and then not believed; all of it
 * is counted against one bound, so that whoever sends headers without end is stopped. A body whose
 * length is told and too long is refused before a byte of it is read; one in chunks when it grows
 * past the bound. The buffer of a body grows with what came, not with what was promised. */
#include "transports/http_message.h"

#include "base/alloc.h"
#include "base/text.h"

#include <string.h>

#define BODY_STEP 4096

static struct shoal_http_input *
input_of(http_parser *parser)
{
	return parser->data;
}

/* Stops the parser: this is why. */
static int
refuse(struct shoal_http_input *input, unsigned status)
{
	if (input->refused == 0) {
		input->refused = status;
	}
	return -1;
}

static int
count_head(struct shoal_http_input *input, size_t len)
{
	input->head_len += len;
	return input->head_len > SHOAL_HTTP_HEAD_MAX ? refuse(input, 431) : 0;
}

static int
on_begin(http_parser *parser)
{
	input_of(parser)->begun = true;
	return 0;
}

static int
on_url(http_parser *parser, const char *at, size_t len)
{
	struct shoal_http_input *input = input_of(parser);
	size_t have = strlen(input->head.path);

	if (have + len > SHOAL_HTTP_PATH_MAX) {
		return refuse(input, 404);
	}
	memcpy(input->head.path + have, at, len);
	input->head.path[have + len] = '\0';
	return count_head(input, len);
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool
same(const char *a, const char *lower_case)
{
	for (; lower(*a) == *lower_case; a++, lower_case++) {
		if (*a == '\0') {
			return true;
		}
	}
	return false;
}

/* A header is there as a whole. One that was cut, or comes twice, says nothing. */
static void
take_header(struct shoal_http_input *input)
{
	char *value = input->value;
	uint64_t seconds;

	while (input->value_len > 0 && value[input->value_len - 1] == ' ') {
		input->value_len--;
	}
	value[input->value_len] = '\0';
	input->name[input->name_len] = '\0';
	if (same(input->name, "shoal-from") && input->value_len <= SHOAL_URL_MAX) {
		bool twice = input->head.from[0] != '\0';
		memcpy(input->head.from, twice || input->value_cut ? "" : value,
		        twice || input->value_cut ? 1 : input->value_len + 1);
	} else if (same(input->name, "authorization") && !input->value_cut &&
	           input->value_len > 7 && input->value_len - 7 <= SHOAL_HTTP_TOKEN_MAX) {
		char scheme[8];
		memcpy(scheme, value, 7);
		scheme[7] = '\0';
		bool takes = same(scheme, "bearer ") && input->head.token[0] == '\0';
		memcpy(input->head.token, takes ? value + 7 : "", takes ? input->value_len - 6 : 1);
	} else if (same(input->name, "content-type")) {
		value[strcspn(value, "; ")] = '\0';
		input->head.typed = same(value, SHOAL_HTTP_TYPE);
	} else if (same(input->name, "expect")) {
		input->head.expects = same(value, "100-continue");
	} else if (same(input->name, "retry-after") &&
	           shoal_text_parse_u64(value, 86400, &seconds)) {
		input->retry_after_s = (uint32_t)seconds;
	}
	input->name_len = input->value_len = 0;
	input->value_cut = input->in_value = false;
}

static int
on_name(http_parser *parser, const char *at, size_t len)
{
	struct shoal_http_input *input = input_of(parser);

	if (input->in_value) {
		take_header(input);
	}
	for (size_t i = 0; i < len && input->name_len < sizeof(input->name) - 1; i++) {
		input->name[input->name_len++] = at[i];
	}
	return count_head(input, len);
}

static int
on_value(http_parser *parser, const char *at, size_t len)
{
	struct shoal_http_input *input = input_of(parser);
	size_t room = sizeof(input->value) - 1 - input->value_len;
	size_t kept = len < room ? len : room;

	input->in_value = true;
	input->value_cut = input->value_cut || kept < len;
	memcpy(input->value + input->value_len, at, kept);
	input->value_len += kept;
	return count_head(input, len);
}

static int
on_head(http_parser *parser)
{
	struct shoal_http_input *input = input_of(parser);

	if (input->in_value) {
		take_header(input);
	}
	input->head.path[strcspn(input->head.path, "?#")] = '\0';
	input->head.is_post = parser->type == HTTP_REQUEST && parser->method == HTTP_POST;
	input->head.is_get = parser->type == HTTP_REQUEST && parser->method == HTTP_GET;
	input->status = parser->status_code;
	input->keep_alive = http_should_keep_alive(parser) != 0;
	if (parser->upgrade != 0) {
		return refuse(input, 405); /* CONNECT, or another protocol */
	}
	unsigned judged = input->judge != NULL ? input->judge(&input->head, input->arg) : 0;
	if (judged != 0) {
		return refuse(input, judged);
	}
	bool told = (parser->flags & F_CONTENTLENGTH) != 0;
	return told && parser->content_length > input->body_max ? refuse(input, 413) : 0;
}

static int
on_body(http_parser *parser, const char *at, size_t len)
{
	struct shoal_http_input *input = input_of(parser);

	if (len > input->body_max - input->len) {
		return refuse(input, 413);
	}
	if (len > input->room - input->len) {
		size_t room = input->len + len;
		room = room < 2 * input->room ? 2 * input->room : room;
		room = room < BODY_STEP ? BODY_STEP : room;
		room = room < input->body_max ? room : input->body_max;
		uint8_t *larger = shoal_alloc_resize(input->mem, input->body, room, 1);
		if (larger == NULL) {
			return refuse(input, 503);
		}
		input->body = larger;
		input->room = room;
	}
	memcpy(input->body + input->len, at, len);
	input->len += len;
	return 0;
}

static int
on_complete(http_parser *parser)
{
	/* 1xx: the answer is still to come. */
	input_of(parser)->complete = parser->type == HTTP_REQUEST || parser->status_code >= 200;
	if (input_of(parser)->complete) {
		http_parser_pause(parser, 1);
	}
	return 0;
}

static const http_parser_settings settings = {.on_message_begin = on_begin,
        .on_url = on_url,
        .on_header_field = on_name,
        .on_header_value = on_value,
        .on_headers_complete = on_head,
        .on_body = on_body,
        .on_message_complete = on_complete};

void
shoal_http_input_init(struct shoal_http_input *input, const struct shoal_allocator *mem,
        size_t body_max, shoal_http_judge_fn judge, void *arg)
{
	memset(input, 0, sizeof(*input));
	http_parser_init(&input->parser, judge != NULL ? HTTP_REQUEST : HTTP_RESPONSE);
	input->parser.data = input;
	input->mem = mem;
	input->body_max = body_max;
	input->judge = judge;
	input->arg = arg;
}

void
shoal_http_input_reset(struct shoal_http_input *input)
{
	shoal_alloc_free(input->mem, input->body);
	shoal_http_input_init(input, input->mem, input->body_max, input->judge, input->arg);
}

size_t
shoal_http_input_feed(
        struct shoal_http_input *input, const void *data, size_t len, unsigned *status)
{
	size_t read = 0;

	*status = input->refused;
	if (input->complete || input->refused != 0) {
		return 0;
	}
	read = http_parser_execute(&input->parser, &settings, data, len);
	enum http_errno error = HTTP_PARSER_ERRNO(&input->parser);
	if (input->complete && error == HPE_PAUSED) {
		http_parser_pause(&input->parser, 0);
		return read; /* with the byte at which it paused, the message's last */
	}
	if (input->refused == 0 && error != HPE_OK) {
		input->refused = error == HPE_HEADER_OVERFLOW ? 431 : 400;
	}
	*status = input->refused;
	return read;
}

size_t
shoal_http_write_post(char *out, size_t room, const char *host, uint16_t port, const char *path,
        const char *from, const char *token, size_t body_len)
{
	struct shoal_text text;
	bool ipv6 = strchr(host, ':') != NULL;

	shoal_text_init(&text, out, room);
	shoal_text_str(&text, "POST ");
	shoal_text_str(&text, path[0] != '\0' ? path : "/");
	shoal_text_str(&text, " HTTP/1.1\r\nHost: ");
	shoal_text_str(&text, ipv6 ? "[" : "");
	shoal_text_str(&text, host);
	shoal_text_str(&text, ipv6 ? "]" : "");
	if (port != 0) {
		shoal_text_char(&text, ':');
		shoal_text_u64(&text, port);
	}
	if (token[0] != '\0') {
		shoal_text_str(&text, "\r\nAuthorization: Bearer ");
		shoal_text_str(&text, token);
	}
	shoal_text_str(&text, "\r\nShoal-From: ");
	shoal_text_str(&text, from);
	shoal_text_str(&text, "\r\nContent-Type: " SHOAL_HTTP_TYPE "\r\nContent-Length: ");
	shoal_text_u64(&text, body_len);
	shoal_text_str(&text, "\r\n\r\n");
	return text.cut ? 0 : text.len;
}

static const char *
reason_of(unsigned status)
{
	switch (status) {
#define REASON(number, name, text)                                                                 \
	case number:                                                                               \
		return #text;
		HTTP_STATUS_MAP(REASON)
#undef REASON
	default:
		return "Status";
	}
}

size_t
shoal_http_write_answer(char *out, size_t room, unsigned status, uint32_t retry_after_s,
        size_t body_len, bool close)
{
	struct shoal_text text;

	shoal_text_init(&text, out, room);
	shoal_text_str(&text, "HTTP/1.1 ");
	shoal_text_u64(&text, status);
	shoal_text_char(&text, ' ');
	shoal_text_str(&text, reason_of(status));
	if (status == 405) {
		shoal_text_str(&text, "\r\nAllow: POST");
	} else if (status == 401) {
		shoal_text_str(&text, "\r\nWWW-Authenticate: Bearer");
	} else if (status == 415) {
		shoal_text_str(&text, "\r\nAccept: " SHOAL_HTTP_TYPE);
	}
	if (retry_after_s > 0) {
		shoal_text_str(&text, "\r\nRetry-After: ");
		shoal_text_u64(&text, retry_after_s);
	}
	if (close) {
		shoal_text_str(&text, "\r\nConnection: close");
	}
	if (body_len > 0) {
		shoal_text_str(&text, "\r\nContent-Type: " SHOAL_HTTP_TYPE);
	}
	if (status >= 200 && status != 204) { /* RFC 9110, 8.6 */
		shoal_text_str(&text, "\r\nContent-Length: ");
		shoal_text_u64(&text, body_len);
	}
	shoal_text_str(&text, "\r\n\r\n");
	return text.cut ? 0 : text.len;
}

bool
shoal_http_same_token(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	unsigned differ = a_len != b_len;

	for (size_t i = 0; i < a_len; i++) {
		differ |= (unsigned char)a[i] ^ (unsigned char)b[b_len > 0 ? i % b_len : 0];
	}
	return differ == 0;
}
