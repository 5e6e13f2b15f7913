/* SPDX-License-Identifier: MIT */
/* Heads of HTTP messages, as they go out. What stands in them was checked where it came from: URLs
 * by their reader, the token at the start. */
#include "base/text.h"
#include "transports/http_message.h"

#include <string.h>

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
	if (status == 200) { /* also where the reply is empty */
		shoal_text_str(&text, "\r\nContent-Type: " SHOAL_HTTP_TYPE);
	}
	if (status >= 200 && status != 204) { /* RFC 9110, 8.6 */
		shoal_text_str(&text, "\r\nContent-Length: ");
		shoal_text_u64(&text, body_len);
	}
	shoal_text_str(&text, "\r\n\r\n");
	return text.cut ? 0 : text.len;
}
