/* SPDX-License-Identifier: MIT */
/* Members by their URL: who is known, and who is dialled.
 *
 * A name is looked up when the first connection is made, and anew when none of its addresses could
 * be reached; its addresses are tried in turn. Where all have failed and no connection is up, what
 * waits ends, and the peer is left alone for a time that doubles, less up to a quarter of it by
 * chance; a request of the host is tried all the same, for the protocol paces those itself. Nothing
 * is tried while the peer asked to be left alone (Retry-After): what waits meanwhile ends where it
 * grows old, messages after the transport's patience, datagrams after two seconds.
 *
 * Peers are found by the address that is made of their URL. Those used longest ago are forgotten,
 * where nothing waits for them and no connection is up; those of which only something came, among
 * themselves. */
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "transports/http.h"
#include "transports/resolve.h"

#define REST_FIRST SHOAL_MS(100)
#define REST_MOST  SHOAL_SEC(10)

void
shoal_http_peer_host(const struct shoal_url *url, char *text, size_t len)
{
	bool ipv6 = strchr(url->host, ':') != NULL;

	snprintf(text, len, ipv6 ? "[%s]:%u" : "%s:%u", url->host, url->port);
}

int
shoal_http_peer_init(struct shoal_http *http)
{
	if (!shoal_socket_random_key(http->key)) {
		return SHOAL_ERR_SYSTEM;
	}
	shoal_rng_init(&http->rng, http->key[0], http->key[1]);
	http->buckets = 1024;
	http->peer_count = http->heard_count = 0;
	http->bucket = shoal_alloc_zeroed(&http->work, http->buckets, sizeof(*http->bucket));
	shoal_list_init(&http->peers);
	shoal_list_init(&http->heard);
	shoal_list_init(&http->unflushed);
	if (http->bucket == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	for (size_t i = 0; i < http->buckets; i++) {
		shoal_list_init(&http->bucket[i]);
	}
	return 0;
}

static struct shoal_list *
bucket_of(const struct shoal_http *http, const struct shoal_addr *addr)
{
	return &http->bucket[shoal_socket_hash(http->key, addr) & (http->buckets - 1)];
}

struct shoal_http_peer *
shoal_http_peer_find(const struct shoal_http *http, const struct shoal_addr *addr)
{
	SHOAL_LIST_FOREACH (node, bucket_of(http, addr)) {
		struct shoal_http_peer *peer =
		        SHOAL_LIST_ITEM(node, struct shoal_http_peer, in_bucket);
		if (shoal_addr_equal(&peer->addr, addr)) {
			return peer;
		}
	}
	return NULL;
}

static void
forget(struct shoal_http_peer *peer)
{
	struct shoal_http *http = peer->http;

	SHOAL_LIST_FOREACH_SAFE (node, after, &peer->links) {
		struct shoal_http_link *link = SHOAL_LIST_ITEM(node, struct shoal_http_link, node);
		if (link->job != NULL) {
			shoal_http_job_release(link->job);
			link->job = NULL;
		}
		shoal_http_link_close(link);
		shoal_http_link_release(link);
	}
	SHOAL_LIST_FOREACH_SAFE (node, after, &peer->jobs) {
		shoal_http_job_release(SHOAL_LIST_ITEM(node, struct shoal_http_job, node));
	}
	if (peer->resolve != NULL) {
		shoal_resolve_cancel(peer->resolve);
	}
	evtimer_del(&peer->timer);
	shoal_http_job_drain(peer);
	evbuffer_free(peer->batch);
	shoal_list_remove(&peer->in_bucket);
	shoal_list_remove(&peer->in_use);
	peer->known ? http->peer_count-- : http->heard_count--;
	shoal_alloc_free(&http->work, peer);
}

void
shoal_http_peer_done(struct shoal_http *http)
{
	struct shoal_list *const lists[] = {&http->peers, &http->heard};

	if (http->bucket == NULL) {
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		SHOAL_LIST_FOREACH_SAFE (node, after, lists[i]) {
			forget(SHOAL_LIST_ITEM(node, struct shoal_http_peer, in_use));
		}
	}
	SHOAL_LIST_FOREACH_SAFE (node, after, &http->doomed_jobs) {
		shoal_http_job_release(SHOAL_LIST_ITEM(node, struct shoal_http_job, node));
	}
	shoal_alloc_free(&http->work, http->bucket);
	http->bucket = NULL;
}

static void
close_one(struct shoal_http_peer *peer)
{
	SHOAL_LIST_FOREACH (at, &peer->links) {
		struct shoal_http_link *link = SHOAL_LIST_ITEM(at, struct shoal_http_link, node);
		if (link->job != NULL) {
			event_del(&link->job->timer);
		}
		shoal_http_link_close(link);
	}
	SHOAL_LIST_FOREACH (at, &peer->jobs) {
		event_del(&SHOAL_LIST_ITEM(at, struct shoal_http_job, node)->timer);
	}
	if (peer->resolve != NULL) {
		shoal_resolve_cancel(peer->resolve);
		peer->resolve = NULL;
	}
	evtimer_del(&peer->timer);
}

void
shoal_http_peer_close_all(struct shoal_http *http)
{
	struct shoal_list *const lists[] = {&http->peers, &http->heard};

	for (size_t i = 0; i < 2; i++) {
		SHOAL_LIST_FOREACH (node, lists[i]) {
			close_one(SHOAL_LIST_ITEM(node, struct shoal_http_peer, in_use));
		}
	}
	SHOAL_LIST_FOREACH (node, &http->doomed_jobs) {
		event_del(&SHOAL_LIST_ITEM(node, struct shoal_http_job, node)->timer);
	}
}

/* Forgets one of a list, the one used longest ago of those that can be. */
static void
make_room(struct shoal_list *list)
{
	SHOAL_LIST_FOREACH (node, list) {
		struct shoal_http_peer *peer =
		        SHOAL_LIST_ITEM(node, struct shoal_http_peer, in_use);
		if (peer->link_count == 0 && peer->job_count == 0 && peer->resolve == NULL) {
			forget(peer);
			return;
		}
	}
}

/* Puts it where it belongs, behind all others. */
static void
place(struct shoal_http_peer *peer, bool known)
{
	struct shoal_http *http = peer->http;
	bool is_new = !shoal_list_linked(&peer->in_use);

	shoal_list_remove(&peer->in_use);
	if (!is_new && known && !peer->known) {
		http->heard_count--;
		is_new = true;
	}
	peer->known = peer->known || known;
	if (is_new && peer->known && ++http->peer_count > SHOAL_HTTP_PEERS_MAX) {
		make_room(&http->peers);
	} else if (is_new && !peer->known && ++http->heard_count > SHOAL_HTTP_HEARD_MAX) {
		make_room(&http->heard);
	}
	shoal_list_push_back(peer->known ? &http->peers : &http->heard, &peer->in_use);
}

void
shoal_http_peer_use(struct shoal_http_peer *peer)
{
	place(peer, true);
}

/* It rested long enough, or one of its connections ended. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_http_peer *peer = arg;
	(void)fd;
	(void)what;

	uint64_t now = shoal_socket_now();

	if (shoal_socket_is_forked(peer->http->owner)) {
		return;
	}
	if (peer->asked_until > now) {
		shoal_http_job_expire(peer, now);
	}
	shoal_http_peer_tend(peer);
}

struct shoal_http_peer *
shoal_http_peer_named(struct shoal_http *http, const char *text, bool known)
{
	struct shoal_addr addr;
	struct shoal_http_peer *peer;

	if (shoal_addr_from_url(&addr, text) != SHOAL_OK) {
		return NULL;
	}
	peer = shoal_http_peer_find(http, &addr);
	if (peer != NULL) {
		place(peer, known);
		return peer;
	}
	peer = shoal_alloc_zeroed(&http->work, 1, sizeof(*peer));
	if (peer == NULL || (peer->batch = evbuffer_new()) == NULL) {
		shoal_alloc_free(&http->work, peer);
		return NULL;
	}
	peer->http = http;
	peer->addr = addr;
	(void)shoal_url_parse(&peer->url, text, strlen(text), NULL);
	shoal_list_init(&peer->jobs);
	shoal_list_init(&peer->links);
	evtimer_assign(&peer->timer, http->env.base, on_timer, peer);
	shoal_list_push_back(bucket_of(http, &addr), &peer->in_bucket);
	place(peer, known);
	return peer;
}

int
shoal_http_peer_know(void *self, const struct shoal_addr *addr, const char *url)
{
	struct shoal_http *http = self;
	struct shoal_http_peer *peer;

	if (!http->running) {
		return SHOAL_ERR_STATE;
	}
	peer = shoal_http_peer_find(http, addr);
	if (peer != NULL) {
		shoal_http_peer_use(peer);
		return 0;
	}
	peer = shoal_http_peer_named(http, url, true);
	return peer == NULL                          ? SHOAL_ERR_NOMEM
	       : shoal_addr_equal(&peer->addr, addr) ? 0
	                                             : SHOAL_ERR_INVALID;
}

static struct shoal_http_link *
idle_link(struct shoal_http_peer *peer)
{
	SHOAL_LIST_FOREACH (node, &peer->links) {
		struct shoal_http_link *link = SHOAL_LIST_ITEM(node, struct shoal_http_link, node);
		if (shoal_http_limits_rests(link)) {
			return link;
		}
	}
	return NULL;
}

static void
on_resolved(void *arg, const struct shoal_resolve_answer *answer)
{
	struct shoal_http_peer *peer = arg;

	peer->resolve = NULL;
	peer->found_count = answer->n;
	peer->next = 0;
	if (answer->code != 0) {
		shoal_http_peer_failed(peer, SHOAL_ERR_UNREACHABLE, answer->why);
		return;
	}
	memcpy(peer->found, answer->addr, answer->n * sizeof(*answer->addr));
	shoal_http_peer_tend(peer);
}

/* Whether its addresses are known; else they are looked up. */
static bool
is_found(struct shoal_http_peer *peer)
{
	struct shoal_http *http = peer->http;
	char text[SHOAL_URL_HOST_MAX + 16];

	if (peer->found_count > 0 || peer->resolve != NULL) {
		return peer->resolve == NULL;
	}
	shoal_http_peer_host(&peer->url, text, sizeof(text));
	if (shoal_addr_parse(&peer->found[0], text) == SHOAL_OK) {
		peer->found_count = 1;
		return true;
	}
	const struct shoal_resolve_how how = {
	        .mem = &http->work, .base = http->env.base, .names = &http->env.names};
	int rc = shoal_resolve_host(&peer->resolve, &how, peer->url.host, peer->url.port,
	        SHOAL_HTTP_ADDRS_MAX, on_resolved, peer);
	if (rc != 0) {
		peer->resolve = NULL;
		shoal_http_peer_failed(peer, rc, shoal_strerror(rc));
	}
	return false;
}

static void
wake_at(struct shoal_http_peer *peer, uint64_t at)
{
	struct timeval in = shoal_socket_until(shoal_socket_now(), at);

	(void)evtimer_add(&peer->timer, &in);
}

void
shoal_http_peer_wake(struct shoal_http_peer *peer)
{
	if (peer->http->running && shoal_http_job_waits(peer)) {
		shoal_socket_soon(&peer->timer);
	}
}

/* Whether a connection to it is being made, or (up) can be used. */
static bool
has_link(const struct shoal_http_peer *peer, bool up)
{
	SHOAL_LIST_FOREACH (node, &peer->links) {
		const struct shoal_http_link *link =
		        SHOAL_LIST_ITEM(node, struct shoal_http_link, node);
		if (up == (!link->connecting && link->channel.up)) {
			return true;
		}
	}
	return false;
}

void
shoal_http_peer_tend(struct shoal_http_peer *peer)
{
	struct shoal_http *http = peer->http;
	struct shoal_http_link *link;
	uint64_t now = shoal_socket_now();
	int code;

	if (shoal_socket_is_forked(http->owner)) {
		return;
	}
	if (peer->asked_until > now) {
		uint64_t due = shoal_http_job_due(peer);
		wake_at(peer, due < peer->asked_until ? due : peer->asked_until);
		return;
	}
	shoal_http_job_refresh(peer, now);
	while (http->running && shoal_http_job_waits(peer) && (link = idle_link(peer)) != NULL) {
		struct shoal_http_job *job = shoal_http_job_next(peer);
		if (job == NULL) {
			return;
		}
		shoal_http_client_ask(link, job);
	}
	if (!http->running || !shoal_http_job_waits(peer) || has_link(peer, false) ||
	        peer->link_count >= SHOAL_HTTP_LINKS_TO_PEER) {
		return;
	}
	if (peer->rests_until > now) {
		wake_at(peer, peer->rests_until);
		return;
	}
	if (is_found(peer) && shoal_http_client_dial(peer, &code) == NULL) {
		shoal_http_peer_failed(peer, code, shoal_strerror(code));
	}
}

void
shoal_http_peer_rest(struct shoal_http_peer *peer, uint64_t ns)
{
	uint64_t until = shoal_socket_now() + ns;

	peer->asked_until = peer->asked_until > until ? peer->asked_until : until;
}

void
shoal_http_peer_reached(struct shoal_http_peer *peer)
{
	peer->failures = 0;
	peer->rests_until = 0;
}

void
shoal_http_peer_say(struct shoal_http_peer *peer, const char *why)
{
	char text[SHOAL_URL_MAX + SHOAL_TLS_WHY + 8];

	if (shoal_said_may(&peer->http->said.dialled, peer->http->key, &peer->addr)) {
		snprintf(text, sizeof(text), "%s: %s", peer->url.text, why);
		shoal_http_say(peer->http, SHOAL_LOG_WARN, text);
	}
}

void
shoal_http_peer_failed(struct shoal_http_peer *peer, int code, const char *why)
{
	struct shoal_http *http = peer->http;

	shoal_http_peer_say(peer, why);
	peer->next++;
	if (peer->next < peer->found_count && code != SHOAL_ERR_LIMIT) {
		shoal_http_peer_wake(peer);
		return;
	}
	if (code != SHOAL_ERR_LIMIT) {
		peer->found_count = peer->next = 0; /* looked up anew */
	}
	uint64_t rest = REST_FIRST << (peer->failures < 7 ? peer->failures : 7);
	rest = rest < REST_MOST ? rest : REST_MOST;
	rest -= shoal_rng_between(&http->rng, 0, rest / 4);
	peer->failures++;
	peer->rests_until = shoal_socket_now() + rest;
	if (has_link(peer, true)) {
		shoal_http_peer_wake(peer);
		return; /* it goes by that one, when it can */
	}
	shoal_http_job_drain(peer);
	shoal_http_job_end_all(peer, code, why);
}
