/* SPDX-License-Identifier: MIT */
/* A URL is read strictly, since members compare them byte for byte, and since what is written here
 * becomes the first line of a request: nothing passes that could end one. Cost: O(length). */
#include "base/url.h"

#include <shoal/error.h>

#include "base/hash.h"
#include "base/text.h"

#include <string.h>

#define WEB_PREFIX                                                                                 \
	0x01 /* 0100::/8, which the IETF keeps; beside 0100::/64, whose use it discards */

struct reading {
	const char *at, *end;
	const char *why;
};

static bool
fail(struct reading *in, const char *why)
{
	in->why = why;
	return false;
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
starts(struct reading *in, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(in->end - in->at) < len) {
		return false;
	}
	for (size_t i = 0; i < len; i++) {
		if (lower(in->at[i]) != word[i]) {
			return false;
		}
	}
	in->at += len;
	return true;
}

static bool
is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool
is_in(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* An IPv6 address is checked by the reader of addresses, and written as that writes it. */
static bool
read_bracketed(struct reading *in, struct shoal_url *url)
{
	const char *close = memchr(in->at, ']', (size_t)(in->end - in->at));
	char text[SHOAL_ADDR_TEXT];
	size_t len = close != NULL ? (size_t)(close - in->at) : 0;
	struct shoal_addr addr;

	if (close == NULL || len + sizeof("]:1") + 1 > sizeof text) {
		return fail(in, "a [ has no address and ] behind it");
	}
	memcpy(text, in->at, len);
	memcpy(text + len, "]:1", sizeof("]:1"));
	if (memchr(in->at, '%', len) != NULL || shoal_addr_parse(&addr, text) != SHOAL_OK ||
	        shoal_addr_is_ipv4(&addr)) {
		return fail(in, "what stands in brackets is no IPv6 address without a scope");
	}
	shoal_addr_print(&addr, text, sizeof text);
	len = (size_t)(strchr(text, ']') - text) - 1;
	memcpy(url->host, text + 1, len);
	url->host[len] = '\0';
	in->at = close + 1;
	return true;
}

static bool
read_host(struct reading *in, struct shoal_url *url)
{
	size_t len = 0;

	if (in->at < in->end && *in->at == '[') {
		return read_bracketed(in, url);
	}
	while (in->at < in->end && (is_alnum(*in->at) || is_in(*in->at, ".-_"))) {
		if (len == SHOAL_URL_HOST_MAX) {
			return fail(in, "the host is longer than 253 characters");
		}
		url->host[len++] = lower(*in->at++);
	}
	url->host[len] = '\0';
	if (len == 0) {
		return fail(in, "it has no host");
	}
	if (url->host[0] == '.' || url->host[0] == '-' || strstr(url->host, "..") != NULL) {
		return fail(in, "its host is no name");
	}
	/* The dot at the end of a full name is in no certificate. */
	len -= url->host[len - 1] == '.';
	url->host[len] = '\0';
	return true;
}

/* Others are told a URL, and a password in it with it: a token is for that. */
static bool
has_user(const struct reading *in)
{
	const char *at = in->at;

	while (at < in->end && *at != '/' && *at != '@') {
		at++;
	}
	return at < in->end && *at == '@';
}

static bool
read_port(struct reading *in, struct shoal_url *url)
{
	uint32_t port = 0;
	const char *from;

	url->port = url->tls ? 443 : 80;
	if (in->at == in->end || *in->at != ':') {
		return true;
	}
	in->at++;
	for (from = in->at;
	        in->at < in->end && *in->at >= '0' && *in->at <= '9' && in->at - from < 6;
	        in->at++) {
		port = port * 10 + (uint32_t)(*in->at - '0');
	}
	if (in->at == from || port > UINT16_MAX) {
		return fail(in, "its port is none of 1 to 65535");
	}
	url->port = (uint16_t)port;
	return true;
}

static bool
is_hex(char c)
{
	return (c >= '0' && c <= '9') || is_in(c, "abcdefABCDEF");
}

static int
value_of(char digit)
{
	return digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}

/* The two digits behind a %, in upper case. What is a character of a path itself, or would end a
 * part of one, may not be written so: proxies take "%2e%2e" for "..", and write "%7e" as "~". */
static bool
read_escape(struct reading *in, char digits[2])
{
	char c;

	if (in->end - in->at < 2 || !is_hex(in->at[0]) || !is_hex(in->at[1])) {
		return fail(in, "a % in its path has no two hexadecimal digits behind it");
	}
	c = (char)(value_of(in->at[0]) * 16 + value_of(in->at[1]));
	if (is_alnum(c) || is_in(c, "-._~/\\")) {
		return fail(in, "a % in its path stands for a letter, a digit or one of -._~/\\");
	}
	for (size_t i = 0; i < 2; i++) {
		digits[i] = *in->at++;
		if (digits[i] >= 'a') {
			digits[i] = (char)(digits[i] - 'a' + 'A');
		}
	}
	return true;
}

/* "." and ".." would be something else to whom they are sent through. */
static bool
is_dots(const char *segment, size_t len)
{
	return len == 0 || (len <= 2 && segment[0] == '.' && segment[len - 1] == '.');
}

static bool
read_path(struct reading *in, struct shoal_url *url)
{
	size_t len = 0, from = 1;

	if (in->at < in->end && *in->at != '/') {
		return fail(in, "behind the host stands neither a port nor a path");
	}
	while (in->at < in->end) {
		char c = *in->at++;

		if (!is_alnum(c) && !is_in(c, "-._~!$&'()*+,;=:@/%")) {
			return fail(in,
			        "its path has a character that does not belong there; query "
			        "and fragment are not allowed");
		}
		if (c == '/' && len > 0) {
			if (is_dots(url->path + from, len - from)) {
				return fail(in, "its path has an empty part, \".\" or \"..\"");
			}
			from = len + 1;
		}
		url->path[len++] = c;
		if (c == '%') {
			if (!read_escape(in, url->path + len)) {
				return false;
			}
			len += 2;
		}
	}
	bool ends = len == from; /* with a slash */
	url->path[len - (ends && len > 0 ? 1 : 0)] = '\0';
	return ends || len == 0 || !is_dots(url->path + from, len - from) ||
	       fail(in, "its path ends in \".\" or \"..\"");
}

static bool
write_text(struct shoal_url *url)
{
	struct shoal_text out;
	bool ipv6 = strchr(url->host, ':') != NULL;

	shoal_text_init(&out, url->text, sizeof url->text);
	shoal_text_str(&out, url->tls ? "https://" : "http://");
	shoal_text_str(&out, ipv6 ? "[" : "");
	shoal_text_str(&out, url->host);
	shoal_text_str(&out, ipv6 ? "]" : "");
	if (url->port != (url->tls ? 443 : 80)) {
		shoal_text_char(&out, ':');
		shoal_text_u64(&out, url->port);
	}
	shoal_text_str(&out, url->path);
	return !out.cut;
}

int
shoal_url_parse(struct shoal_url *url, const char *text, size_t len, const char **why)
{
	struct reading in = {.at = text, .end = text + len, .why = ""};
	bool good;

	memset(url, 0, sizeof *url);
	url->tls = starts(&in, "https://");
	if (!url->tls && !starts(&in, "http://")) {
		good = fail(&in, "it begins with neither http:// nor https://");
	} else if (len > SHOAL_URL_MAX) {
		good = fail(&in, "it is longer than 200 characters");
	} else if (has_user(&in)) {
		good = fail(
		        &in, "a user and a password are not allowed in it; a token is for that");
	} else {
		good = read_host(&in, url) && read_port(&in, url) && read_path(&in, url) &&
		       (write_text(url) || fail(&in, "it is longer than 200 characters"));
	}
	if (why != NULL) {
		*why = in.why;
	}
	return good ? SHOAL_OK : SHOAL_ERR_INVALID;
}

static void
host_of(const struct shoal_addr *addr, char host[SHOAL_ADDR_TEXT])
{
	char text[SHOAL_ADDR_TEXT], *first = text, *end;

	shoal_addr_print(addr, text, sizeof text);
	end = strrchr(text, ':');
	if (*text == '[') {
		first++;
		end--;
	}
	*end = '\0';
	memcpy(host, first, (size_t)(end - first) + 1);
}

int
shoal_url_move(struct shoal_url *url, const struct shoal_addr *to)
{
	struct shoal_url moved = *url;
	char host[SHOAL_ADDR_TEXT];

	host_of(to, host);
	memcpy(moved.host, host, strlen(host) + 1);
	moved.port = to->port;
	if (!write_text(&moved)) {
		return SHOAL_ERR_TOO_BIG;
	}
	*url = moved;
	return SHOAL_OK;
}

bool
shoal_url_is_wildcard(const struct shoal_url *url)
{
	return strcmp(url->host, "0.0.0.0") == 0 || strcmp(url->host, "::") == 0;
}

bool
shoal_url_is_loopback(const struct shoal_url *url)
{
	const char *host = url->host;

	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       (strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == strlen(host));
}

int
shoal_addr_from_url(struct shoal_addr *addr, const char *text)
{
	uint8_t digest[SHOAL_SHA256_LEN];
	struct shoal_sha256 sha;
	struct shoal_url url;

	if (shoal_url_parse(&url, text, strlen(text), NULL) != SHOAL_OK || url.port == 0 ||
	        shoal_url_is_wildcard(&url)) {
		return SHOAL_ERR_INVALID;
	}
	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, url.text, strlen(url.text));
	shoal_sha256_final(&sha, digest);
	*addr = (struct shoal_addr){.port = url.port};
	memcpy(addr->ip, digest, sizeof addr->ip);
	addr->ip[0] = WEB_PREFIX;
	return SHOAL_OK;
}

bool
shoal_addr_is_web(const struct shoal_addr *addr)
{
	return addr->ip[0] == WEB_PREFIX;
}
