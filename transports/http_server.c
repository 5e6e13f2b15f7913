/* SPDX-License-Identifier: MIT */
/* What peers ask. A head is judged before its body is read: by path, method, token, type and
 * sender, in this order; whether a token is the right one takes the same time for all.
 *
 * What is refused costs its source: see http_limits.c. A message that the host refused, or many
 * that it did not take, close their connection behind the answer, as on tcp. */
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/text.h"
#include "transports/http.h"

#define HEAD_ROOM 512
/* Seconds to stay away. */
#define BAN_S  10
#define BUSY_S 1

static bool
find_kind(const struct shoal_http *http, const char *path, enum shoal_http_kind *kind)
{
	size_t len = strlen(http->path);
	const char *word = strncmp(path, http->path, len) == 0 ? path + len : "";

	for (*kind = 0; *kind < SHOAL_HTTP_KINDS; ++*kind) {
		if (strcmp(word, shoal_http_word[*kind]) == 0) {
			return true;
		}
	}
	return false;
}

/* Whichever token it has, all that are taken are looked at. */
static bool
is_let_in(const struct shoal_http *http, const struct shoal_http_head *head)
{
	bool first = shoal_http_same_token(head->token, http->token);
	bool also = shoal_http_same_token(head->token, http->also) && http->also[0] != '\0';

	return http->token[0] == '\0' || first || also;
}

static unsigned
judge(const struct shoal_http *http, const struct shoal_http_head *head)
{
	enum shoal_http_kind kind;
	struct shoal_url from;

	if (!find_kind(http, head->path, &kind)) {
		return 404;
	}
	if (!head->is_post) {
		return 405;
	}
	if (!is_let_in(http, head)) {
		return 401;
	}
	if (!head->typed || head->encoded) {
		return 415;
	}
	if (shoal_url_parse(&from, head->from, strlen(head->from), NULL) != SHOAL_OK ||
	        from.port == 0) {
		return 400;
	}
	return kind == SHOAL_HTTP_REQUEST && http->exchanges.count >= SHOAL_HTTP_EXCHANGES_MAX ? 503
	                                                                                       : 0;
}

unsigned
shoal_http_server_judge_from(
        struct shoal_http *http, const struct shoal_http_head *head, const struct shoal_addr *addr)
{
	unsigned status = judge(http, head);
	bool refused = status != 0 && status != 503;

	return refused && shoal_http_limits_is_banned(http, addr) ? 429 : status;
}

unsigned
shoal_http_server_judge(const struct shoal_http_head *head, void *arg)
{
	const struct shoal_http_link *link = arg;

	return shoal_http_server_judge_from(link->http, head, &link->addr);
}

uint32_t
shoal_http_server_note(struct shoal_http *http, const struct shoal_addr *addr, unsigned status)
{
	if (status >= 400) {
		shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_REFUSED);
	}
	if (status >= 400 && status != 429 && status != 503) {
		shoal_http_limits_ban(http, addr);
	}
	return status == 429 ? BAN_S : status == 503 ? BUSY_S : 0;
}

static void
answer(struct shoal_http_link *link, unsigned status, const uint8_t *data, size_t len)
{
	struct shoal_http *http = link->http;
	char head[HEAD_ROOM];

	if (len > 0 && !shoal_http_limits_hold(link, (ptrdiff_t)len)) {
		status = 503;
		len = 0;
	}
	link->out_held += len;
	uint32_t after = shoal_http_server_note(http, &link->addr, status);
	size_t head_len =
	        shoal_http_write_answer(head, sizeof(head), status, after, len, link->last);
	if (evbuffer_add(link->out, head, head_len) != 0 ||
	        (len > 0 && evbuffer_add(link->out, data, len) != 0)) {
		shoal_http_link_doom(link, SHOAL_ERR_NOMEM);
		return;
	}
	/* Until it has left; what comes next is given its own time when it begins. */
	shoal_http_limits_place(link, SHOAL_HTTP_BUSY);
	shoal_http_link_arm(link, http->patience_ns);
	shoal_http_link_write(link);
}

/* Whether a body is datagrams with their lengths, and nothing else. */
static bool
are_datagrams(const uint8_t *data, size_t len)
{
	while (len >= 2) {
		size_t part = (size_t)data[0] << 8 | data[1];

		if (part == 0 || part > len - 2) {
			return false;
		}
		data += 2 + part;
		len -= 2 + part;
	}
	return len == 0;
}

static void
take_datagrams(
        struct shoal_http *http, const struct shoal_addr *from, const uint8_t *data, size_t len)
{
	while (len >= 2 && http->running) {
		size_t part = (size_t)data[0] << 8 | data[1];

		http->env.host.datagram(http->env.host.arg, from, data + 2, part, 0);
		data += 2 + part;
		len -= 2 + part;
	}
}

static struct shoal_http_exchange *
find_exchange(const struct shoal_http *http, uint64_t number, uint32_t *slot)
{
	*slot = (uint32_t)number - 1u;
	struct shoal_http_exchange *exchange = shoal_slab_at(&http->exchanges, *slot);

	return exchange != NULL && exchange->number == number ? exchange : NULL;
}

void
shoal_http_server_forget(struct shoal_http *http, uint64_t *waits)
{
	uint32_t slot;

	if (*waits != 0 && find_exchange(http, *waits, &slot) != NULL) {
		shoal_slab_give(&http->exchanges, slot);
	}
	*waits = 0;
}

static unsigned
ask_host(struct shoal_http *http, const struct shoal_addr *from, const uint8_t *body, size_t len,
        const struct shoal_http_exchange *who, uint64_t *waits,
        enum shoal_transport_verdict *verdict)
{
	const struct shoal_transport_host *host = &http->env.host;
	uint32_t slot;
	struct shoal_http_exchange *exchange = shoal_slab_take(&http->exchanges, &slot);

	if (exchange == NULL) {
		return 503;
	}
	*exchange = *who;
	exchange->number = ((uint64_t)++http->serial << 32 | (slot + 1u)) % SHOAL_HTTP_NUMBERS;
	uint64_t number = *waits = exchange->number;
	*verdict = host->request(host->arg, from, number, body, len);
	if (*waits == number && *verdict == SHOAL_TRANSPORT_REFUSED && http->running) {
		shoal_http_server_forget(http, waits);
		return 403;
	}
	return 0; /* it is answered later, or was inside the call, or nobody waits any more */
}

/* The host knows no name for who calls itself so. That may be a lie, so it does not use up what is
 * said of the one who has that URL. */
static void
say_refused(struct shoal_http *http, const struct shoal_addr *from, struct shoal_addr source)
{
	const struct shoal_http_peer *peer = shoal_http_peer_find(http, from);
	char line[SHOAL_URL_MAX + 128];
	struct shoal_text text;

	shoal_text_init(&text, line, sizeof(line));
	shoal_text_str(&text, "what came from ");
	shoal_text_addr(&text, &source);
	shoal_text_str(&text, " in the name of ");
	shoal_text_str(&text, peer != NULL ? peer->url.text : "a URL that is not known");
	shoal_text_str(&text, " was refused");
	source.port = 0; /* who comes again is the same */
	if (shoal_said_may(&http->said.came, http->key, &source)) {
		shoal_http_say(http, SHOAL_LOG_WARN, line);
	}
}

unsigned
shoal_http_server_take(struct shoal_http *http, const struct shoal_http_head *head,
        const uint8_t *body, size_t len, const struct shoal_http_exchange *who, uint64_t *waits,
        enum shoal_transport_verdict *verdict)
{
	const struct shoal_transport_host *host = &http->env.host;
	enum shoal_http_kind kind;
	struct shoal_addr from;
	unsigned status;

	*verdict = SHOAL_TRANSPORT_TAKEN;
	if (!find_kind(http, head->path, &kind) ||
	        shoal_addr_from_url(&from, head->from) != SHOAL_OK) {
		return 400;
	}
	if (kind == SHOAL_HTTP_DATAGRAMS && !are_datagrams(body, len)) {
		return 400;
	}
	body = len > 0 ? body : (const uint8_t *)"";
	(void)shoal_http_peer_named(http, head->from, false);
	http->called = true;
	switch (kind) {
	case SHOAL_HTTP_DATAGRAMS:
		take_datagrams(http, &from, body, len);
		return 204;
	case SHOAL_HTTP_MESSAGE:
		*verdict = host->stream(host->arg, &from, body, len);
		status = *verdict == SHOAL_TRANSPORT_REFUSED ? 403 : 204;
		break;
	default:
		status = ask_host(http, &from, body, len, who, waits, verdict);
		break;
	}
	if (*verdict == SHOAL_TRANSPORT_REFUSED && http->running) {
		say_refused(http, &from, *who->source);
	}
	return status;
}

/* Whether its connection has told enough that was not taken. */
static bool
is_abused(struct shoal_http_link *link, enum shoal_transport_verdict verdict)
{
	if (verdict == SHOAL_TRANSPORT_TAKEN) {
		link->passed = 0;
		return false;
	}
	return verdict == SHOAL_TRANSPORT_REFUSED || ++link->passed >= SHOAL_HTTP_PASSED;
}

void
shoal_http_server_heard(struct shoal_http_link *link, unsigned status)
{
	struct shoal_http *http = link->http;
	struct shoal_http_input *input = &link->input;
	const struct shoal_http_exchange who = {.link = link, .source = &link->addr};
	enum shoal_transport_verdict verdict = SHOAL_TRANSPORT_TAKEN;
	bool taken = status == 0;

	link->last = link->last || !taken || !input->keep_alive;
	shoal_http_limits_place(link, SHOAL_HTTP_BUSY);
	if (taken) {
		http->delivers = link;
		status = shoal_http_server_take(http, &input->head, input->body, input->len, &who,
		        &link->exchange, &verdict);
		http->delivers = NULL;
	}
	if (link->doomed) {
		return;
	}
	bool abused = is_abused(link, verdict);
	if (abused) {
		shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_ABUSED);
		link->last = true;
	}
	shoal_http_input_reset(input);
	if (status != 0) {
		answer(link, status, NULL, 0);
	} else if (abused && link->exchange == 0) {
		shoal_http_link_write(link); /* it was answered inside the call: that was all */
	}
}

int
shoal_http_server_reply(void *self, uint64_t number, const uint8_t *data, size_t len)
{
	struct shoal_http *http = self;
	uint32_t slot;

	if (!http->running) {
		return SHOAL_ERR_STATE;
	}
	const struct shoal_http_exchange *exchange = find_exchange(http, number, &slot);
	if (exchange == NULL) {
		return SHOAL_ERR_NOT_FOUND;
	}
	if (len > http->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct shoal_http_link *link = exchange->link;
	if (link == NULL) {
		shoal_http_mount_answer(exchange->mounted, 200, data, len);
		return 0;
	}
	shoal_http_server_forget(http, &link->exchange);
	answer(link, 200, data, len);
	return 0;
}

int
shoal_http_server_peer(const void *self, char *name, size_t len)
{
	const struct shoal_http *http = self;

	return http->delivers != NULL ? shoal_channel_peer(&http->delivers->channel, name, len)
	                              : SHOAL_ERR_NOT_FOUND;
}
