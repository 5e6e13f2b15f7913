/* SPDX-License-Identifier: MIT */
/* The HTTP transport: starts and stops, and its own address. See http.h for its parts and rules. */
#include <stdio.h>
#include <string.h>

#include "base/wipe.h"
#include "transports/http.h"
#include "transports/process.h"

#define NO_TLS SHOAL_SEC(60)

const char *const shoal_http_word[SHOAL_HTTP_KINDS] = {"/datagrams", "/message", "/request"};

void
shoal_http_count(struct shoal_http *http, enum shoal_counter counter)
{
	http->env.host.count(http->env.host.arg, counter, 1);
}

void
shoal_http_batch_end(struct shoal_http *http)
{
	if (http->running && http->called) {
		http->called = false;
		http->env.host.batch_end(http->env.host.arg);
	}
}

void
shoal_http_say(struct shoal_http *http, enum shoal_log_level level, const char *text)
{
	http->env.host.log(http->env.host.arg, level, "http", text);
}

/* Connections that peers made, and those that have ended, one after the other. */
static void
each_link(struct shoal_http *http, void (*fn)(struct shoal_http_link *))
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &http->doomed_links) {
		fn(SHOAL_LIST_ITEM(node, struct shoal_http_link, node));
	}
	for (size_t i = 0; i < SHOAL_CROWD_PHASES; i++) {
		SHOAL_LIST_FOREACH_SAFE (node, after, &http->crowd.inbound.phase[i]) {
			fn(shoal_http_limits_link(node));
		}
	}
}

static void
release(struct shoal_http *http)
{
	if (!http->prepared) {
		return;
	}
	if (http->crowd.source != NULL) {
		each_link(http, shoal_http_link_release);
	}
	shoal_http_peer_done(http);
	shoal_crowd_done(&http->crowd);
	shoal_acceptor_done(&http->acceptor);
	shoal_slab_done(&http->exchanges);
	shoal_tls_free(http->tls);
	shoal_alloc_free(&http->work, http->scratch);
	http->tls = NULL;
	http->scratch = NULL;
	http->prepared = false;
	memset(http->token, 0, sizeof(http->token));
	memset(http->also, 0, sizeof(http->also));
}

/* Where others reach it: as it was told, else where it listens. */
static int
name_self(struct shoal_http *http, char *why, size_t len)
{
	const struct shoal_transport_web *web = &http->env.web;
	struct shoal_url url = http->bind;
	char text[SHOAL_URL_MAX + 64];
	bool ipv6 = strchr(url.host, ':') != NULL;

	if (web->url != NULL) {
		snprintf(text, sizeof(text), "%s", web->url);
	} else {
		snprintf(text, sizeof(text), ipv6 ? "%s://[%s]:%u%s" : "%s://%s:%u%s",
		        url.tls ? "https" : "http", url.host, http->bound.port, url.path);
	}
	if (shoal_url_parse(&url, text, strlen(text), NULL) != SHOAL_OK || url.port == 0) {
		snprintf(why, len, "http: \"%s\" is no URL of a member", text);
		return SHOAL_ERR_INVALID;
	}
	memcpy(http->self, url.text, sizeof(http->self));
	return 0;
}

static int
read_token(char token[SHOAL_HTTP_TOKEN_MAX + 1], const char *text, size_t n, char *why, size_t len)
{
	memset(token, 0, SHOAL_HTTP_TOKEN_MAX + 1);
	if (n > SHOAL_HTTP_TOKEN_MAX) {
		snprintf(why, len, "http: the token is longer than %d bytes", SHOAL_HTTP_TOKEN_MAX);
		return SHOAL_ERR_INVALID;
	}
	for (size_t i = 0; i < n; i++) {
		if (text[i] <= ' ' || text[i] > '~') { /* it becomes a part of a header */
			snprintf(why, len, "http: the token has a space, or what is no ASCII");
			return SHOAL_ERR_INVALID;
		}
	}
	memcpy(token, text, n);
	return 0;
}

/* Both, or on an error none. */
static int
read_tokens(struct shoal_http *http, const char *text, char *why, size_t len)
{
	char token[sizeof(http->token)], also[sizeof(http->also)];
	const char *first = text != NULL ? text : "", *second = strchr(first, ' ');

	second = second != NULL ? second + 1 : "";
	int code = read_token(token, first, strcspn(first, " "), why, len);
	if (code == 0) {
		code = read_token(also, second, strlen(second), why, len);
	}
	if (code == 0) {
		memcpy(http->token, token, sizeof(token));
		memcpy(http->also, also, sizeof(also));
	}
	shoal_wipe(token, sizeof(token));
	shoal_wipe(also, sizeof(also));
	return code;
}

static const struct shoal_transport_ops ops;

static int
read_env(struct shoal_http *http, const struct shoal_transport_env *env, char *why, size_t len)
{
	const struct shoal_transport_web *web = &env->web;
	const char *wrong;
	int code = shoal_socket_check_env(&ops, env, why, len);

	if (code != 0) {
		return code;
	}
	if (web->bind == NULL) {
		snprintf(why, len, "http: web.bind is not set");
		return SHOAL_ERR_INVALID;
	}
	if (shoal_url_parse(&http->bind, web->bind, strlen(web->bind), &wrong) != SHOAL_OK) {
		snprintf(why, len, "http: \"%s\": %s", web->bind, wrong);
		return SHOAL_ERR_INVALID;
	}
	if (http->bind.tls && env->tls.cert == NULL && http->evhttp == NULL) {
		snprintf(why, len,
		        "http: \"%s\" needs tls_cert and tls_key; or bind to http:// behind what "
		        "speaks TLS for it",
		        web->bind);
		return SHOAL_ERR_INVALID;
	}
	code = read_tokens(http, web->token, why, len);
	if (code != 0) {
		return code;
	}
	memcpy(http->path, http->bind.path, sizeof(http->path));
	shoal_http_plain_path(http->path);
	return 0;
}

/* The text of a failure stays, and what was missing is looked for again a minute later: the file of
 * the machine's authorities takes its time to be read. */
int
shoal_http_need_tls(struct shoal_http *http)
{
	const struct shoal_transport_tls *tls = &http->env.tls;
	const struct shoal_tls_files files = {.ca = tls->ca,
	        .cert = tls->cert,
	        .key = tls->key,
	        .verify = !tls->insecure,
	        .client_certs = tls->client_certs};

	uint64_t now = shoal_socket_now();

	if (http->tls != NULL) {
		return 0;
	}
	if (http->no_tls_code == 0 || now >= http->no_tls_until) {
		http->no_tls_until = now + NO_TLS;
		http->no_tls_code = shoal_tls_new(
		        &http->tls, &http->work, &files, http->no_tls, sizeof(http->no_tls));
	}
	return http->no_tls_code;
}

static int
prepare(struct shoal_http *http, const struct shoal_transport_env *env, char *why, size_t len)
{
	http->env = *env;
	http->work = shoal_socket_allocator(env, &http->own);
	http->prepared = true;
	http->called = false;
	http->patience_ns = SHOAL_MS(env->exchange_timeout_ms);
	http->idle_ns = SHOAL_MS(env->idle_timeout_ms);
	shoal_list_init(&http->mounted);
	shoal_list_init(&http->doomed_links);
	shoal_list_init(&http->doomed_jobs);
	shoal_handshakes_init(&http->handshakes, env->base, shoal_http_link_turn);
	shoal_slab_init(&http->exchanges, &http->work, sizeof(struct shoal_http_exchange),
	        SHOAL_HTTP_EXCHANGES_MAX);
	http->scratch = shoal_alloc(&http->work, SHOAL_HTTP_SCRATCH);
	int code = http->scratch != NULL ? shoal_http_limits_init(http) : SHOAL_ERR_NOMEM;
	if (code == 0) {
		code = shoal_http_peer_init(http);
	}
	if (code != 0) {
		snprintf(why, len, "http: %s", shoal_strerror(code));
		return code;
	}
	/* The authorities of the machine are many: they are read when the first peer is https. */
	http->no_tls_code = 0;
	bool needs = http->bind.tls || env->tls.ca != NULL || env->tls.cert != NULL;
	code = needs ? shoal_http_need_tls(http) : 0;
	if (code != 0) {
		snprintf(why, len, "%s", http->no_tls);
	}
	return code;
}

static void
stop_server(struct shoal_http *http)
{
	shoal_acceptor_stop(&http->acceptor);
	shoal_http_mount_stop(http);
}

static int
http_start(void *self, const struct shoal_transport_env *env, char *why, size_t len)
{
	struct shoal_http *http = self;

	if (http->running) {
		return SHOAL_ERR_STATE;
	}
	release(http);
	int code = read_env(http, env, why, len);
	if (code != 0) {
		return code;
	}
	code = prepare(http, env, why, len);
	if (code == 0) {
		code = http->evhttp != NULL ? shoal_http_mount_start(http, why, len)
		                            : shoal_http_listen_start(http, why, len);
	}
	if (code == 0) {
		code = name_self(http, why, len);
	}
	if (code != 0) {
		stop_server(http);
		release(http);
		return code;
	}
	http->running = true;
	http->owner = shoal_process_number();
	return 0;
}

static int
http_address(const void *self, size_t i, struct shoal_addr *addr)
{
	const struct shoal_http *http = self;

	if (!http->running) {
		return SHOAL_ERR_STATE;
	}
	if (i > 0) {
		return SHOAL_ERR_INVALID;
	}
	*addr = http->bound;
	return 0;
}

static void
http_stop(void *self)
{
	struct shoal_http *http = self;

	if (!http->running) {
		return;
	}
	if (!shoal_socket_is_forked(http->owner)) {
		shoal_http_job_flush(http);
	}
	/* What a call of the host is below of is released by free, or by the next start. */
	http->running = false;
	stop_server(http);
	shoal_http_peer_close_all(http);
	each_link(http, shoal_http_link_close);
	shoal_handshakes_stop(&http->handshakes);
}

static void
http_free(void *self)
{
	struct shoal_http *http = self;
	struct shoal_allocator own = http->own;

	http_stop(http);
	release(http);
	shoal_alloc_free(&own, http);
}

static int
http_url(const void *self, char *text, size_t len)
{
	const struct shoal_http *http = self;

	if (!http->running) {
		return SHOAL_ERR_STATE;
	}
	if (len <= strlen(http->self)) {
		return SHOAL_ERR_TOO_BIG;
	}
	memcpy(text, http->self, strlen(http->self) + 1);
	return 0;
}

static int
http_reload(void *self, char *why, size_t len)
{
	struct shoal_http *http = self;

	if (!http->running) {
		return SHOAL_ERR_STATE;
	}
	http->no_tls_code = 0;
	return http->tls != NULL ? shoal_tls_reload(http->tls, why, len) : 0;
}

static int
http_token(void *self, const char *token)
{
	struct shoal_http *http = self;
	char why[80];

	return http->running ? read_tokens(http, token, why, sizeof(why)) : SHOAL_ERR_STATE;
}

static const struct shoal_transport_ops ops = {
        .abi = SHOAL_TRANSPORT_ABI,
        .caps = SHOAL_TRANSPORT_DATAGRAM | SHOAL_TRANSPORT_STREAM | SHOAL_TRANSPORT_WAITING |
                SHOAL_TRANSPORT_WEB | SHOAL_TRANSPORT_PEERS,
        .name = "http",
        .start = http_start,
        .address = http_address,
        .send = shoal_http_job_send,
        .stream = shoal_http_job_stream,
        .request = shoal_http_job_request,
        .reply = shoal_http_server_reply,
        .flush = shoal_http_job_flush,
        .waiting = shoal_http_job_waiting,
        .know = shoal_http_peer_know,
        .url = http_url,
        .peer = shoal_http_server_peer,
        .reload = http_reload,
        .token = http_token,
        .stop = http_stop,
        .free = http_free,
};

int
shoal_transport_http(struct shoal_transport *transport, const struct shoal_allocator *allocator)
{
	struct shoal_allocator own = shoal_allocator_or_libc(allocator);
	struct shoal_http *http = shoal_alloc_zeroed(&own, 1, sizeof(*http));

	if (http == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	http->own = own;
	transport->ops = &ops;
	transport->self = http;
	return 0;
}

int
shoal_transport_http_mount(const struct shoal_transport *transport, struct evhttp *evhttp)
{
	struct shoal_http *http = transport->self;

	if (transport->ops != &ops) {
		return SHOAL_ERR_INVALID;
	}
	if (http->running && (evhttp != NULL || !http->is_mounted)) {
		return SHOAL_ERR_STATE;
	}
	shoal_http_mount_stop(http);
	if (evhttp != NULL) {
		shoal_http_mount_bound(evhttp);
	}
	http->evhttp = evhttp;
	return 0;
}
