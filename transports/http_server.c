/* SPDX-License-Identifier: MIT */
/* What peers ask: by connections of the transport's own listener. A head is judged before its body
 * is read: by path, method, token, type and sender, in this order. Which of two tokens is compared
 * takes the same time. A source whose requests were refused too often is told to wait, before
 * anything of them is judged: so a token cannot be guessed at speed. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "transports/http.h"
#include "transports/process.h"

#define BACKLOG          1024
#define ACCEPTS_PER_WAKE 16
#define REST_MS          100
#define HEAD_ROOM        512
/* Refusals of one source: a second each, so many at once. */
#define BAN_BURST 16
#define BAN_S     10
#define BUSY_S    1

static const char *
word_of(const struct shoal_http *http, const char *path)
{
	size_t len = strlen(http->bind.path);

	return strncmp(path, http->bind.path, len) == 0 ? path + len : "";
}

static bool
find_kind(const struct shoal_http *http, const char *path, enum shoal_http_kind *kind)
{
	const char *word = word_of(http, path);

	for (*kind = 0; *kind < SHOAL_HTTP_KINDS; ++*kind) {
		if (strcmp(word, shoal_http_word[*kind]) == 0) {
			return true;
		}
	}
	return false;
}

static struct shoal_http_ban *
ban_of(struct shoal_http *http, const struct shoal_addr *source)
{
	struct shoal_addr host = *source;

	host.port = 0;
	if (!shoal_addr_is_ipv4(&host)) {
		memset(host.ip + 8, 0, 8); /* a /64 is one household */
	}
	struct shoal_http_ban *ban =
	        &http->ban[shoal_socket_hash(http->key, &host) % SHOAL_HTTP_BANS];
	if (!shoal_addr_equal(&ban->source, &host) && ban->spent <= shoal_socket_now()) {
		*ban = (struct shoal_http_ban){.source = host};
	}
	return shoal_addr_equal(&ban->source, &host) ? ban : NULL;
}

static bool
is_banned(struct shoal_http *http, const struct shoal_addr *source)
{
	const struct shoal_http_ban *ban = ban_of(http, source);
	uint64_t now = shoal_socket_now();

	return ban != NULL && ban->spent > now && ban->spent - now > SHOAL_SEC(BAN_BURST);
}

static void
ban(struct shoal_http *http, const struct shoal_addr *source)
{
	struct shoal_http_ban *held = ban_of(http, source);
	uint64_t now = shoal_socket_now();

	if (held != NULL) {
		held->spent = (held->spent > now ? held->spent : now) + SHOAL_SEC(1);
	}
}

unsigned
shoal_http_server_judge(const struct shoal_http_head *head, void *arg)
{
	struct shoal_http_link *link = arg;
	struct shoal_http *http = link->http;
	enum shoal_http_kind kind;
	struct shoal_url from;

	if (is_banned(http, &link->source)) {
		return 429;
	}
	if (!find_kind(http, head->path, &kind)) {
		return 404;
	}
	if (!head->is_post) {
		return 405;
	}
	if (http->token[0] != '\0' && !shoal_http_same_token(head->token, http->token)) {
		return 401;
	}
	if (!head->typed) {
		return 415;
	}
	if (shoal_url_parse(&from, head->from, strlen(head->from), NULL) != SHOAL_OK ||
	        from.port == 0) {
		return 400;
	}
	if (kind == SHOAL_HTTP_REQUEST && http->exchanges.count >= SHOAL_HTTP_EXCHANGES_MAX) {
		return 503;
	}
	if (head->expects) {
		char text[64];
		size_t len = shoal_http_write_answer(text, sizeof(text), 100, 0, 0, false);
		evbuffer_add(link->out, text, len);
	}
	return 0;
}

static void
answer(struct shoal_http_link *link, unsigned status, const uint8_t *data, size_t len)
{
	struct shoal_http *http = link->http;
	char head[HEAD_ROOM];
	uint32_t after = status == 429 ? BAN_S : status == 503 ? BUSY_S : 0;

	if (status >= 400 && status != 429 && status != 503) {
		ban(http, &link->source);
	}
	if (status >= 400) {
		shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_REFUSED);
	}
	size_t head_len =
	        shoal_http_write_answer(head, sizeof(head), status, after, len, link->last);
	if (evbuffer_add(link->out, head, head_len) != 0 ||
	        (len > 0 && evbuffer_add(link->out, data, len) != 0)) {
		shoal_http_link_doom(link, SHOAL_ERR_NOMEM);
		return;
	}
	/* What comes next is given its own time when it begins. */
	shoal_http_link_arm(
	        link, evbuffer_get_length(link->out) > 65536 ? http->patience_ns : http->idle_ns);
	shoal_http_link_write(link);
}

static bool
take_datagrams(
        struct shoal_http *http, const struct shoal_addr *from, const uint8_t *data, size_t len)
{
	while (len >= 2 && http->running) {
		size_t part = (size_t)data[0] << 8 | data[1];

		if (part == 0 || part > len - 2) {
			return false;
		}
		http->called = true;
		http->env.host.datagram(http->env.host.arg, from, data + 2, part, 0);
		data += 2 + part;
		len -= 2 + part;
	}
	return len == 0;
}

static uint64_t
register_request(struct shoal_http_link *link)
{
	struct shoal_http *http = link->http;
	uint32_t slot;
	struct shoal_http_exchange *exchange = shoal_slab_take(&http->exchanges, &slot);

	if (exchange == NULL) {
		return 0;
	}
	exchange->link = link;
	exchange->number = ((uint64_t)++http->serial << 32 | (slot + 1u)) % SHOAL_HTTP_NUMBERS;
	return exchange->number;
}

static struct shoal_http_exchange *
find_exchange(const struct shoal_http *http, uint64_t number, uint32_t *slot)
{
	*slot = (uint32_t)number - 1u;
	struct shoal_http_exchange *exchange = shoal_slab_at(&http->exchanges, *slot);

	return exchange != NULL && exchange->number == number ? exchange : NULL;
}

void
shoal_http_server_forget(struct shoal_http_link *link)
{
	uint32_t slot;

	if (link->exchange != 0 && find_exchange(link->http, link->exchange, &slot) != NULL) {
		shoal_slab_give(&link->http->exchanges, slot);
	}
	link->exchange = 0;
}

static unsigned
take(struct shoal_http_link *link, enum shoal_http_kind kind, const struct shoal_addr *from)
{
	struct shoal_http *http = link->http;
	const struct shoal_transport_host *host = &http->env.host;
	const struct shoal_http_input *input = &link->input;
	enum shoal_transport_verdict verdict;

	if (kind == SHOAL_HTTP_DATAGRAMS) {
		return take_datagrams(http, from, input->body, input->len) ? 204 : 400;
	}
	http->called = true;
	if (kind == SHOAL_HTTP_MESSAGE) {
		verdict = host->stream(host->arg, from, input->body, input->len);
		return verdict == SHOAL_TRANSPORT_REFUSED ? 403 : 204;
	}
	uint64_t number = register_request(link);
	if (number == 0) {
		return 503;
	}
	link->exchange = number;
	verdict = host->request(host->arg, from, number, input->body, input->len);
	if (link->exchange != number) {
		return 0; /* answered inside the call, or its connection ended there */
	}
	if (verdict == SHOAL_TRANSPORT_REFUSED) {
		shoal_http_server_forget(link);
		return 403;
	}
	return 0;
}

void
shoal_http_server_heard(struct shoal_http_link *link, unsigned status)
{
	struct shoal_http *http = link->http;
	enum shoal_http_kind kind;
	struct shoal_addr from;

	link->last = link->last || status != 0 || !link->input.keep_alive;
	if (status == 0 && find_kind(http, link->input.head.path, &kind) &&
	        shoal_addr_from_url(&from, link->input.head.from) == SHOAL_OK) {
		(void)shoal_http_peer_named(http, link->input.head.from);
		status = take(link, kind, &from);
	}
	if (link->doomed) {
		return;
	}
	shoal_http_input_reset(&link->input);
	if (status != 0) {
		answer(link, status, NULL, 0);
	}
}

int
shoal_http_server_reply(void *self, uint64_t number, const uint8_t *data, size_t len)
{
	struct shoal_http *http = self;
	uint32_t slot;
	struct shoal_http_exchange *exchange = find_exchange(http, number, &slot);

	if (!http->running) {
		return SHOAL_ERR_STATE;
	}
	if (exchange == NULL) {
		return SHOAL_ERR_NOT_FOUND;
	}
	if (len > http->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct shoal_http_link *link = exchange->link;
	shoal_http_server_forget(link);
	answer(link, 200, data, len);
	if (!link->doomed && event_add(&link->readable, NULL) != 0) {
		shoal_http_link_doom(link, SHOAL_ERR_NOMEM);
	}
	return 0;
}

int
shoal_http_server_peer(const void *self, uint64_t number, char *name, size_t len)
{
	const struct shoal_http *http = self;
	uint32_t slot;
	const struct shoal_http_exchange *exchange = find_exchange(http, number, &slot);

	return http->running && exchange != NULL
	               ? shoal_channel_peer(&exchange->link->channel, name, len)
	               : SHOAL_ERR_NOT_FOUND;
}

/* One that is at rest goes for another one to come. false: all are busy. */
static bool
evict(struct shoal_http *http)
{
	SHOAL_LIST_FOREACH (node, &http->inbound) {
		struct shoal_http_link *link = SHOAL_LIST_ITEM(node, struct shoal_http_link, node);

		if (link->exchange == 0 && !link->input.begun) {
			shoal_http_link_doom(link, SHOAL_ERR_LIMIT);
			return true;
		}
	}
	return false;
}

static void
welcome(struct shoal_http *http, int fd, const union shoal_sockaddr *name)
{
	struct shoal_addr source;
	struct shoal_http_link *link = NULL;

	if (shoal_socket_to_addr(&source, &name->any) &&
	        (http->inbound_count < http->env.connections_max || evict(http))) {
		link = shoal_http_link_new(http, fd, NULL, http->bind.tls ? http->tls : NULL);
		if (link != NULL) {
			link->source = source;
			return;
		}
	} else {
		close(fd);
	}
	shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_REFUSED);
}

static void
on_rested(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval rest = {.tv_usec = REST_MS * 1000};
	struct shoal_http *http = arg;
	(void)fd;
	(void)what;

	if (event_add(&http->acceptable, NULL) != 0) {
		evtimer_add(&http->rest, &rest);
	}
}

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval rest = {.tv_usec = REST_MS * 1000};
	struct shoal_http *http = arg;
	(void)what;

	if (shoal_socket_is_forked(http->owner)) {
		(void)event_del(&http->acceptable);
		return;
	}
	for (unsigned i = 0; i < ACCEPTS_PER_WAKE && http->running; i++) {
		union shoal_sockaddr name;
		socklen_t len = sizeof(name);
		int accepted = accept4(fd, &name.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (accepted >= 0) {
			welcome(http, accepted, &name);
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			return;
		} else if ((errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
		                   errno == ENOMEM) &&
		           !evict(http)) {
			if (evtimer_add(&http->rest, &rest) == 0) {
				event_del(&http->acceptable);
			}
			return;
		}
	}
}

int
shoal_http_server_start(struct shoal_http *http, char *why, size_t len)
{
	struct shoal_addr addr;
	char text[SHOAL_URL_HOST_MAX + 16];
	bool ipv6 = strchr(http->bind.host, ':') != NULL;

	snprintf(text, sizeof(text), ipv6 ? "[%s]:%u" : "%s:%u", http->bind.host, http->bind.port);
	if (shoal_addr_parse(&addr, text) != SHOAL_OK) {
		snprintf(why, len,
		        "http %s: to bind to, the host must be an address of this machine, 0.0.0.0 or "
		        "[::]; set advertise to the URL by which others reach it",
		        http->env.web.bind);
		return SHOAL_ERR_INVALID;
	}
	int fd = shoal_socket_open(&addr, SOCK_STREAM);
	if (fd < 0) {
		return shoal_socket_explain("http", &addr, errno, why, len);
	}
	shoal_socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	event_assign(
	        &http->acceptable, http->env.base, fd, EV_READ | EV_PERSIST, on_acceptable, http);
	evtimer_assign(&http->rest, http->env.base, on_rested, http);
	if (shoal_socket_bind(fd, &addr, &http->bound) != 0 || listen(fd, BACKLOG) != 0) {
		int error = errno;
		close(fd);
		return shoal_socket_explain("http", &addr, error, why, len);
	}
	if (event_add(&http->acceptable, NULL) != 0) {
		close(fd);
		return shoal_socket_explain("http", &addr, ENOMEM, why, len);
	}
	http->listener = fd;
	return 0;
}

void
shoal_http_server_stop(struct shoal_http *http)
{
	if (http->listener >= 0) {
		event_del(&http->acceptable);
		evtimer_del(&http->rest);
		close(http->listener);
		http->listener = -1;
	}
}
