/* SPDX-License-Identifier: MIT */
/* Of a head only what is used is kept, each field cut at its bound and then not believed; all of it
 * is counted against one bound, so that whoever sends headers without end is stopped. A body whose
 * length is told and too long is refused before a byte of it is read; one in chunks when it grows
 * past the bound. The buffer of a body grows with what came, not with what was promised.
 *
 * What two readers between here and there could read differently is refused of requests: two
 * lengths, a length and chunks, a space in a header's name or behind it, a header's value that goes
 * on on the next line, a line that ends by CR alone, more or fewer hosts than one (RFC 9112: 2.2,
 * 3.2, 5.1, 5.2, 6.1, 6.3). The parser, as it is commonly built, lets pass most of these. It does
 * not look at the ends of the lines of chunks either, and takes chunks of what is packed: a request
 * says its length (411), as members do and proxies keep it. Answers may come in chunks; what stands
 * behind those is read and means nothing. */
#include "transports/http_message.h"

#include "base/alloc.h"
#include "base/text.h"

#include <string.h>

#define BODY_STEP    4096
#define START_LEN    16 /* "HTTP/1.1 100 \r\n\r\n", or so */
#define RETRY_MOST_S 86400

/* Headers that may be there once. */
#define SEEN_FROM  1u
#define SEEN_TOKEN 2u
#define SEEN_TYPE  4u

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
	struct shoal_http_input *input = input_of(parser);

	input->begun = true;
	/* Of answers, also those that come before the last one, and have no headers to count. */
	return parser->type == HTTP_RESPONSE ? count_head(input, START_LEN) : 0;
}

static int
on_url(http_parser *parser, const char *at, size_t len)
{
	struct shoal_http_input *input = input_of(parser);
	size_t have = strlen(input->head.path);

	if (have + len > SHOAL_HTTP_PATH_MAX) {
		return refuse(input, 414);
	}
	memcpy(input->head.path + have, at, len);
	input->head.path[have + len] = '\0';
	return count_head(input, len);
}

static char
lower(char c)
{
	if (c >= 'A' && c <= 'Z') {
		c = (char)(c - 'A' + 'a');
	}
	return c;
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

static bool
is_leap(unsigned year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool
read_number(const char *text, size_t digits, unsigned *number)
{
	*number = 0;
	for (size_t i = 0; i < digits; i++) {
		if (text[i] < '0' || text[i] > '9') {
			return false;
		}
		*number = *number * 10 + (unsigned)(text[i] - '0');
	}
	return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7) in seconds since 1970; 0: it is none. */
static uint64_t
read_date(const char *text)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	static const unsigned before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
	unsigned day, year, hour, minute, second, month = 0;

	if (strlen(text) != 29 || !read_number(text + 5, 2, &day) ||
	        !read_number(text + 12, 4, &year) || !read_number(text + 17, 2, &hour) ||
	        !read_number(text + 20, 2, &minute) || !read_number(text + 23, 2, &second)) {
		return 0;
	}
	while (month < 12 && memcmp(text + 8, months + (size_t)3 * month, 3) != 0) {
		month++;
	}
	if (month == 12 || day == 0 || year < 1970) {
		return 0;
	}
	uint64_t days = before[month] + day - 1 + (month > 1 && is_leap(year) ? 1 : 0);
	unsigned last = year - 1; /* leap years up to it, of which 477 were before 1970 */
	days += UINT64_C(365) * (year - 1970) + last / 4 - last / 100 + last / 400 - 477;
	return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

static void
take_retry_after(struct shoal_http_input *input)
{
	size_t digits = strspn(input->value, "0123456789");
	uint64_t seconds;

	if (digits == 0 || digits != input->value_len) {
		input->retry_at = read_date(input->value);
	} else if (shoal_text_parse_u64(input->value, RETRY_MOST_S, &seconds)) {
		input->retry_after_s = (uint32_t)seconds;
	} else {
		input->retry_after_s = RETRY_MOST_S;
	}
}

/* Whether this is the first header of its kind. */
static bool
first(struct shoal_http_input *input, unsigned kind)
{
	bool is_first = (input->seen & kind) == 0;

	input->seen |= kind;
	return is_first;
}

static void
take_token(struct shoal_http_input *input)
{
	const size_t word = sizeof("bearer ") - 1;
	bool is_first = first(input, SEEN_TOKEN);
	char scheme[sizeof("bearer ")] = "";

	memset(input->head.token, 0, sizeof(input->head.token));
	if (!is_first || input->value_cut || input->value_len <= word ||
	        input->value_len - word > SHOAL_HTTP_TOKEN_MAX) {
		return;
	}
	memcpy(scheme, input->value, word);
	if (same(scheme, "bearer ")) {
		memcpy(input->head.token, input->value + word, input->value_len - word);
	}
}

/* A header is there as a whole. One that was cut, or comes twice, says nothing. */
static void
take_header(struct shoal_http_input *input)
{
	char *value = input->value;

	while (input->value_len > 0 && strchr(" \t", value[input->value_len - 1]) != NULL) {
		input->value_len--;
	}
	value[input->value_len] = '\0';
	input->name[input->name_len] = '\0';
	if (same(input->name, "host")) {
		input->hosts++;
	} else if (same(input->name, "shoal-from")) {
		bool says = first(input, SEEN_FROM) && !input->value_cut &&
		            input->value_len <= SHOAL_URL_MAX;
		memcpy(input->head.from, says ? value : "", says ? input->value_len + 1 : 1);
	} else if (same(input->name, "authorization")) {
		take_token(input);
	} else if (same(input->name, "content-type")) {
		value[strcspn(value, "; ")] = '\0';
		input->head.typed = first(input, SEEN_TYPE) && same(value, SHOAL_HTTP_TYPE);
	} else if (same(input->name, "content-encoding")) {
		input->head.encoded = input->head.encoded || !same(value, "identity");
	} else if (same(input->name, "expect")) {
		input->head.expects = same(value, "100-continue");
	} else if (same(input->name, "date")) {
		input->date = read_date(value);
	} else if (same(input->name, "retry-after")) {
		take_retry_after(input);
	}
	input->name_len = input->value_len = 0;
	input->value_cut = input->in_value = false;
}

static int
on_name(http_parser *parser, const char *at, size_t len)
{
	struct shoal_http_input *input = input_of(parser);

	if (input->headed) {
		return count_head(input, len);
	}
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

	if (input->headed) {
		return count_head(input, len);
	}
	input->in_value = true;
	input->value_cut = input->value_cut || kept < len;
	memcpy(input->value + input->value_len, at, kept);
	input->value_len += kept;
	return count_head(input, len);
}

/* The path of what a request names, which may be a whole URL (RFC 9112, 3.2.2). */
static void
take_path(struct shoal_http_head *head)
{
	char *path = head->path;
	const char *host = strstr(path, "://");

	path[strcspn(path, "?#")] = '\0';
	if (path[0] != '/' && host != NULL) {
		const char *from = host + 3 + strcspn(host + 3, "/");
		memmove(path, from, strlen(from) + 1);
	}
	shoal_http_plain_path(path);
}

/* What must be so of a request, whoever sent it. */
static unsigned
check_request(struct shoal_http_input *input)
{
	http_parser *parser = &input->parser;

	if (parser->http_major != 1) {
		return 505;
	}
	if (parser->method == HTTP_CONNECT) {
		return 405;
	}
	parser->upgrade = 0; /* to another protocol: the wish is ignored (RFC 9110, 7.8) */
	return input->hosts > 1 || (input->hosts == 0 && parser->http_minor > 0) ? 400 : 0;
}

static int
on_head(http_parser *parser)
{
	struct shoal_http_input *input = input_of(parser);
	bool request = parser->type == HTTP_REQUEST;

	if (input->in_value) {
		take_header(input);
	}
	input->headed = true;
	take_path(&input->head);
	input->head.is_post = request && parser->method == HTTP_POST;
	input->head.is_get = request && parser->method == HTTP_GET;
	input->status = parser->status_code;
	input->keep_alive = http_should_keep_alive(parser) != 0 && parser->http_minor > 0;
	unsigned wrong = request ? check_request(input) : input->status == 101 ? 400 : 0;
	if (parser->http_minor == 0 && (parser->flags & F_CHUNKED) != 0) {
		wrong = 400;
	}
	if (wrong == 0 && input->judge != NULL) {
		wrong = input->judge(&input->head, input->arg);
	}
	if (wrong == 0 && request && parser->uses_transfer_encoding != 0) {
		wrong = 411;
	}
	if (wrong != 0) {
		return refuse(input, wrong);
	}
	bool told = (parser->flags & F_CONTENTLENGTH) != 0;
	if (told && parser->content_length > input->body_max) {
		return refuse(input, 413);
	}
	input->continues = request && input->head.expects && parser->http_minor > 0;
	return 0;
}

static int
on_body(http_parser *parser, const char *at, size_t len)
{
	struct shoal_http_input *input = input_of(parser);

	input->continues = false;
	if (len > input->body_max - input->len) {
		return refuse(input, 413);
	}
	if (len > input->room - input->len) {
		size_t room = input->len + len;
		room = room < 2 * input->room ? 2 * input->room : room;
		room = room < BODY_STEP ? BODY_STEP : room;
		room = room < input->body_max ? room : input->body_max;
		ptrdiff_t more = (ptrdiff_t)(room - input->room);
		if (input->hold != NULL && !input->hold(input->arg, more)) {
			return refuse(input, 503);
		}
		uint8_t *larger = shoal_alloc_resize(input->mem, input->body, room, 1);
		if (larger == NULL) {
			(void)(input->hold != NULL && input->hold(input->arg, -more));
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
	struct shoal_http_input *input = input_of(parser);

	/* 1xx: the answer is still to come. */
	input->complete = parser->type == HTTP_REQUEST || parser->status_code >= 200;
	input->continues = false;
	input->headed = input->complete;
	if (input->complete) {
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
	shoal_http_hold_fn hold = input->hold;

	shoal_alloc_free(input->mem, input->body);
	if (hold != NULL && input->room > 0) {
		(void)hold(input->arg, -(ptrdiff_t)input->room);
	}
	shoal_http_input_init(input, input->mem, input->body_max, input->judge, input->arg);
	input->hold = hold;
}

/* Whether a head has lines that end in two ways: by a CR alone, which the parser takes for an end,
 * or not at all, since the next one goes on; or a header's name with spaces, which it forgets. The
 * first line may have empty ones before it. */
static bool
is_ambiguous(struct shoal_http_input *input, const char *data, size_t len)
{
	for (size_t i = 0; i < len && !input->headed; i++) {
		char c = data[i];
		bool follows = input->line_len == 0 && input->lines;

		if (c == '\n') {
			input->after_cr = false;
			if (follows) {
				return false;
			}
			input->in_name = input->lines;
			input->line_len = 0;
		} else if (input->after_cr || (input->in_name && (c == ' ' || c == '\t'))) {
			return true;
		} else if (c == '\r') {
			input->after_cr = true;
		} else {
			input->line_len++;
			input->lines = true;
			input->in_name = input->in_name && c != ':';
		}
	}
	return false;
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
	if (input->judge != NULL && is_ambiguous(input, data, len)) {
		*status = input->refused = 400;
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

static size_t
copy(char *to, size_t room, const char *text)
{
	size_t len = strlen(text);

	len = len < room - 1 ? len : room - 1;
	memcpy(to, text, len);
	to[len] = '\0';
	return len;
}

void
shoal_http_input_header(struct shoal_http_input *input, const char *name, const char *value)
{
	input->name_len = copy(input->name, sizeof(input->name), name);
	input->value_len = copy(input->value, sizeof(input->value), value);
	input->value_cut = value[input->value_len] != '\0';
	take_header(input);
}

void
shoal_http_input_target(struct shoal_http_input *input, const char *target)
{
	(void)copy(input->head.path, sizeof(input->head.path), target);
	take_path(&input->head);
}

uint32_t
shoal_http_retry_s(const struct shoal_http_input *input, uint64_t wall_s)
{
	uint64_t now = input->date != 0 ? input->date : wall_s;
	uint64_t rest = input->retry_at > now ? input->retry_at - now : 0;

	rest = rest < RETRY_MOST_S ? rest : RETRY_MOST_S;
	return input->retry_after_s > 0 ? input->retry_after_s : (uint32_t)rest;
}

static int
hex_of(char c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10
	                                            : -1;
}

void
shoal_http_plain_path(char *path)
{
	char *to = path;

	for (const char *at = path; *at != '\0';) {
		int high = *at == '%' ? hex_of(at[1]) : -1;
		int low = high >= 0 ? hex_of(at[2]) : -1;
		char c = (char)(high * 16 + low);
		if (low < 0) {
			*to++ = *at++;
		} else if (c == '\0' || c == '/' || c == '%') {
			*to++ = '%';
			*to++ = "0123456789ABCDEF"[high];
			*to++ = "0123456789ABCDEF"[low];
			at += 3;
		} else {
			*to++ = c;
			at += 3;
		}
	}
	*to = '\0';
}

bool
shoal_http_same_token(
        const char a[SHOAL_HTTP_TOKEN_MAX + 1], const char b[SHOAL_HTTP_TOKEN_MAX + 1])
{
	unsigned differ = 0;

	for (size_t i = 0; i <= SHOAL_HTTP_TOKEN_MAX; i++) {
		differ |= (unsigned char)a[i] ^ (unsigned char)b[i];
	}
	return differ == 0;
}
