/* SPDX-License-Identifier: MIT */
/* Members by their URL: what waits for them, and who is dialled.
 *
 * A name is looked up when the first connection is made, and anew when none of its addresses could
 * be reached, or the last one did long ago; its addresses are tried in turn. Where all have failed,
 * what waits ends, and the peer is left alone for a time that doubles; a request of the host is
 * tried all the same, for the protocol paces those itself.
 *
 * Peers are found by the address that is made of their URL. Those used longest ago are forgotten,
 * where nothing waits for them and no connection is up. */
#include <stdio.h>
#include <string.h>

#include "transports/http.h"
#include "transports/resolve.h"

#define REST_FIRST SHOAL_MS(100)
#define REST_MOST  SHOAL_SEC(10)
#define SAID_APART SHOAL_SEC(60)

int
shoal_http_peer_init(struct shoal_http *http)
{
	http->buckets = 1024;
	http->bucket = shoal_alloc_zeroed(&http->work, http->buckets, sizeof(*http->bucket));
	shoal_list_init(&http->peers);
	if (http->bucket == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	for (size_t i = 0; i < http->buckets; i++) {
		shoal_list_init(&http->bucket[i]);
	}
	return shoal_socket_random_key(http->key) ? 0 : SHOAL_ERR_SYSTEM;
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
release_job(struct shoal_http *http, struct shoal_http_job *job)
{
	shoal_list_remove(&job->node);
	event_del(&job->timer);
	shoal_alloc_free(&http->work, job);
}

static void
forget(struct shoal_http_peer *peer)
{
	struct shoal_http *http = peer->http;

	SHOAL_LIST_FOREACH_SAFE (node, after, &peer->links) {
		struct shoal_http_link *link = SHOAL_LIST_ITEM(node, struct shoal_http_link, node);
		if (link->job != NULL) {
			release_job(http, link->job);
			link->job = NULL;
		}
		shoal_channel_close(&link->channel);
		event_del(&link->readable);
		event_del(&link->writable);
		shoal_http_input_reset(&link->input);
		http->outbound_count--;
		shoal_http_link_release(link);
	}
	SHOAL_LIST_FOREACH_SAFE (node, after, &peer->jobs) {
		release_job(http, SHOAL_LIST_ITEM(node, struct shoal_http_job, node));
	}
	if (peer->resolve != NULL) {
		shoal_resolve_cancel(peer->resolve);
	}
	evtimer_del(&peer->timer);
	evbuffer_free(peer->batch);
	shoal_list_remove(&peer->in_bucket);
	shoal_list_remove(&peer->in_use);
	http->peer_count--;
	shoal_alloc_free(&http->work, peer);
}

void
shoal_http_peer_done(struct shoal_http *http)
{
	if (http->bucket == NULL) {
		return;
	}
	SHOAL_LIST_FOREACH_SAFE (node, after, &http->peers) {
		forget(SHOAL_LIST_ITEM(node, struct shoal_http_peer, in_use));
	}
	SHOAL_LIST_FOREACH_SAFE (node, after, &http->doomed_jobs) {
		release_job(http, SHOAL_LIST_ITEM(node, struct shoal_http_job, node));
	}
	shoal_alloc_free(&http->work, http->bucket);
	http->bucket = NULL;
}

void
shoal_http_peer_close_all(struct shoal_http *http)
{
	SHOAL_LIST_FOREACH (node, &http->peers) {
		struct shoal_http_peer *peer =
		        SHOAL_LIST_ITEM(node, struct shoal_http_peer, in_use);

		SHOAL_LIST_FOREACH (at, &peer->links) {
			struct shoal_http_link *link =
			        SHOAL_LIST_ITEM(at, struct shoal_http_link, node);
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
	SHOAL_LIST_FOREACH (node, &http->doomed_jobs) {
		event_del(&SHOAL_LIST_ITEM(node, struct shoal_http_job, node)->timer);
	}
}

static void
make_room(struct shoal_http *http)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &http->peers) {
		struct shoal_http_peer *peer =
		        SHOAL_LIST_ITEM(node, struct shoal_http_peer, in_use);
		if (http->peer_count < SHOAL_HTTP_PEERS_MAX) {
			return;
		}
		if (peer->link_count == 0 && peer->job_count == 0 && peer->resolve == NULL) {
			forget(peer);
		}
	}
}

/* It rested long enough, or a flush was asked for. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	shoal_http_peer_tend(arg);
}

struct shoal_http_peer *
shoal_http_peer_named(struct shoal_http *http, const char *text)
{
	struct shoal_addr addr;
	struct shoal_http_peer *peer;

	if (shoal_addr_from_url(&addr, text) != SHOAL_OK) {
		return NULL;
	}
	peer = shoal_http_peer_find(http, &addr);
	if (peer != NULL) {
		shoal_list_remove(&peer->in_use);
		shoal_list_push_back(&http->peers, &peer->in_use);
		return peer;
	}
	make_room(http);
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
	shoal_list_push_back(&http->peers, &peer->in_use);
	http->peer_count++;
	return peer;
}

int
shoal_http_peer_know(void *self, const struct shoal_addr *addr, const char *url)
{
	struct shoal_http *http = self;

	if (!http->running) {
		return SHOAL_ERR_STATE;
	}
	if (shoal_http_peer_find(http, addr) != NULL) {
		return 0;
	}
	struct shoal_http_peer *peer = shoal_http_peer_named(http, url);
	return peer == NULL                          ? SHOAL_ERR_NOMEM
	       : shoal_addr_equal(&peer->addr, addr) ? 0
	                                             : SHOAL_ERR_INVALID;
}

/* Its end is told, or it is released, on a turn of its own. */
static void
on_job_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_http_job *job = arg;
	struct shoal_http *http = job->http;
	(void)fd;
	(void)what;

	if (shoal_socket_is_forked(http->owner)) {
		return;
	}
	if (job->code == 0) {
		/* Its time is over: what the connection that carries it hears later is nothing. */
		struct shoal_http_link *link = job->link;
		if (link != NULL) {
			link->job = NULL;
			job->link = NULL;
			shoal_http_link_doom(link, SHOAL_ERR_TIMEOUT);
		}
		shoal_http_job_end(job, SHOAL_ERR_TIMEOUT, NULL, 0);
		return;
	}
	uint64_t exchange = job->exchange;
	int code = job->code;
	release_job(http, job);
	if (exchange != 0 && http->running) {
		http->called = true;
		(void)http->env.host.result(http->env.host.arg, exchange, code, NULL, 0);
		shoal_http_batch_end(http);
	}
}

static void
uncount(struct shoal_http_job *job)
{
	struct shoal_http_peer *peer = job->peer;

	peer->job_count--;
	if (job->kind == SHOAL_HTTP_MESSAGE) {
		peer->waiting -= job->len;
		peer->telling = false;
	} else if (job->kind == SHOAL_HTTP_DATAGRAMS) {
		peer->batching = false;
	}
}

void
shoal_http_job_end(struct shoal_http_job *job, int code, const uint8_t *data, size_t len)
{
	struct shoal_http *http = job->http;

	uncount(job);
	shoal_list_remove(&job->node);
	if (job->kind == SHOAL_HTTP_MESSAGE && code != 0) {
		shoal_http_count(http, SHOAL_COUNTER_DROP_STREAMS);
	}
	if (code == 0 || job->kind != SHOAL_HTTP_REQUEST) {
		uint64_t exchange = job->exchange;
		event_del(&job->timer);
		shoal_list_init(&job->node);
		shoal_alloc_free(&http->work, job);
		if (exchange != 0) {
			http->called = true;
			(void)http->env.host.result(http->env.host.arg, exchange, 0, data, len);
		}
		return;
	}
	job->code = code; /* from inside a call of the host nothing is told */
	shoal_list_push_back(&http->doomed_jobs, &job->node);
	shoal_socket_soon(&job->timer);
}

void
shoal_http_job_again(struct shoal_http_job *job)
{
	struct shoal_http_peer *peer = job->peer;

	if (job->kind == SHOAL_HTTP_MESSAGE) {
		peer->telling = false;
	} else if (job->kind == SHOAL_HTTP_DATAGRAMS) {
		peer->batching = false;
	}
	shoal_list_push_front(&peer->jobs, &job->node);
}

static struct shoal_http_job *
make_job(struct shoal_http_peer *peer, enum shoal_http_kind kind, const uint8_t *data, size_t len)
{
	struct shoal_http *http = peer->http;
	struct shoal_http_job *job = shoal_alloc_zeroed(&http->work, 1, sizeof(*job) + len);

	if (job == NULL) {
		return NULL;
	}
	job->http = http;
	job->peer = peer;
	job->kind = kind;
	job->len = len;
	if (data != NULL) {
		memcpy(job->body, data, len);
	}
	evtimer_assign(&job->timer, http->env.base, on_job_timer, job);
	peer->job_count++;
	shoal_list_push_back(&peer->jobs, &job->node);
	return job;
}

int
shoal_http_peer_send(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct shoal_http *http = self;
	struct shoal_http_peer *peer = http->running ? shoal_http_peer_find(http, to) : NULL;
	uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};

	if (peer == NULL || len > UINT16_MAX) {
		return http->running ? 0 : SHOAL_ERR_STATE; /* loss is no error */
	}
	if (evbuffer_get_length(peer->batch) + len + 2 > SHOAL_HTTP_BATCH_MAX) {
		return 0;
	}
	if (evbuffer_add(peer->batch, head, sizeof(head)) == 0 &&
	        evbuffer_add(peer->batch, data, len) != 0) {
		evbuffer_drain(peer->batch, evbuffer_get_length(peer->batch));
	}
	shoal_list_remove(&peer->in_use);
	shoal_list_push_back(&http->peers, &peer->in_use);
	return 0;
}

/* Those with something to flush were used last. */
void
shoal_http_peer_flush(void *self)
{
	struct shoal_http *http = self;

	for (struct shoal_list *node = http->peers.prev; http->running && node != &http->peers;
	        node = node->prev) {
		struct shoal_http_peer *peer =
		        SHOAL_LIST_ITEM(node, struct shoal_http_peer, in_use);
		if (peer->flushed || evbuffer_get_length(peer->batch) == 0) {
			break;
		}
		peer->flushed = true;
		shoal_http_peer_tend(peer);
	}
}

int
shoal_http_peer_stream(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct shoal_http *http = self;
	struct shoal_http_peer *peer = http->running ? shoal_http_peer_find(http, to) : NULL;

	if (peer == NULL) {
		return http->running ? SHOAL_ERR_UNREACHABLE : SHOAL_ERR_STATE;
	}
	if (len > http->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	if (peer->job_count >= SHOAL_HTTP_JOBS_MAX) {
		return SHOAL_ERR_LIMIT;
	}
	if (make_job(peer, SHOAL_HTTP_MESSAGE, data, len) == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	peer->waiting += len;
	shoal_http_peer_tend(peer);
	return 0;
}

int
shoal_http_peer_request(void *self, const struct shoal_addr *to, uint64_t exchange,
        const uint8_t *data, size_t len, uint64_t timeout_ns)
{
	struct shoal_http *http = self;
	struct shoal_http_peer *peer = http->running ? shoal_http_peer_find(http, to) : NULL;
	struct timeval in = shoal_socket_until(0, timeout_ns);

	if (peer == NULL) {
		return http->running ? SHOAL_ERR_UNREACHABLE : SHOAL_ERR_STATE;
	}
	if (len > http->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	if (peer->job_count >= SHOAL_HTTP_JOBS_MAX) {
		return SHOAL_ERR_LIMIT;
	}
	struct shoal_http_job *job = make_job(peer, SHOAL_HTTP_REQUEST, data, len);
	if (job == NULL || event_add(&job->timer, &in) != 0) {
		if (job != NULL) {
			uncount(job);
			release_job(http, job);
		}
		return SHOAL_ERR_NOMEM;
	}
	job->exchange = exchange;
	peer->rests_until = 0; /* the host paces its requests itself */
	shoal_http_peer_tend(peer);
	return 0;
}

size_t
shoal_http_peer_waiting(const void *self, const struct shoal_addr *to)
{
	const struct shoal_http *http = self;
	const struct shoal_http_peer *peer = http->running ? shoal_http_peer_find(http, to) : NULL;

	return peer != NULL ? peer->waiting : 0;
}

/* The datagrams that wait, as a job. */
static void
make_batch(struct shoal_http_peer *peer)
{
	size_t len = evbuffer_get_length(peer->batch);

	if (len == 0 || peer->batching || !peer->flushed) {
		return;
	}
	struct shoal_http_job *job = make_job(peer, SHOAL_HTTP_DATAGRAMS, NULL, len);
	if (job != NULL) {
		evbuffer_remove(peer->batch, job->body, len);
		peer->batching = true;
		peer->flushed = false;
		/* Before all others: what is in datagrams is the protocol's. */
		shoal_list_remove(&job->node);
		shoal_list_push_front(&peer->jobs, &job->node);
	}
}

struct shoal_http_job *
shoal_http_peer_next(struct shoal_http_peer *peer)
{
	make_batch(peer);
	SHOAL_LIST_FOREACH (node, &peer->jobs) {
		struct shoal_http_job *job = SHOAL_LIST_ITEM(node, struct shoal_http_job, node);
		if (job->kind == SHOAL_HTTP_MESSAGE && peer->telling) {
			continue; /* in order, one by one */
		}
		peer->telling = peer->telling || job->kind == SHOAL_HTTP_MESSAGE;
		shoal_list_remove(&job->node);
		shoal_list_init(&job->node);
		return job;
	}
	return NULL;
}

static struct shoal_http_link *
idle_link(struct shoal_http_peer *peer)
{
	SHOAL_LIST_FOREACH (node, &peer->links) {
		struct shoal_http_link *link = SHOAL_LIST_ITEM(node, struct shoal_http_link, node);
		if (link->job == NULL && link->channel.up && !link->connecting) {
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
	bool ipv6 = strchr(peer->url.host, ':') != NULL;

	if (peer->found_count > 0 || peer->resolve != NULL) {
		return peer->resolve == NULL;
	}
	snprintf(text, sizeof(text), ipv6 ? "[%s]:%u" : "%s:%u", peer->url.host, peer->url.port);
	if (shoal_addr_parse(&peer->found[0], text) == SHOAL_OK) {
		peer->found_count = 1;
		return true;
	}
	const struct shoal_resolve_how how = {.mem = &http->work, .base = http->env.base};
	int rc = shoal_resolve_host(&peer->resolve, &how, peer->url.host, peer->url.port,
	        SHOAL_HTTP_ADDRS_MAX, on_resolved, peer);
	if (rc != 0) {
		peer->resolve = NULL;
		shoal_http_peer_failed(peer, rc, shoal_strerror(rc));
	}
	return false;
}

static bool
has_work(const struct shoal_http_peer *peer)
{
	bool batch = evbuffer_get_length(peer->batch) > 0 && peer->flushed && !peer->batching;

	return batch || !shoal_list_empty(&peer->jobs);
}

static void
wake_at(struct shoal_http_peer *peer, uint64_t at)
{
	struct timeval in = shoal_socket_until(shoal_socket_now(), at);

	(void)evtimer_add(&peer->timer, &in);
}

static bool
is_dialling(const struct shoal_http_peer *peer)
{
	SHOAL_LIST_FOREACH (node, &peer->links) {
		const struct shoal_http_link *link =
		        SHOAL_LIST_ITEM(node, struct shoal_http_link, node);
		if (link->job == NULL && (link->connecting || !link->channel.up)) {
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
	int code;

	while (http->running && has_work(peer) && (link = idle_link(peer)) != NULL) {
		struct shoal_http_job *job = shoal_http_peer_next(peer);
		if (job == NULL) {
			return;
		}
		shoal_http_client_ask(link, job);
	}
	if (!http->running || !has_work(peer) || is_dialling(peer) ||
	        peer->link_count >= SHOAL_HTTP_LINKS_TO_PEER) {
		return;
	}
	if (peer->rests_until > shoal_socket_now()) {
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

	peer->rests_until = peer->rests_until > until ? peer->rests_until : until;
}

void
shoal_http_peer_reached(struct shoal_http_peer *peer)
{
	peer->failures = 0;
	peer->rests_until = 0;
}

static void
say_failure(struct shoal_http_peer *peer, const char *why)
{
	uint64_t now = shoal_socket_now();
	char text[SHOAL_URL_MAX + SHOAL_TLS_WHY + 8];

	if (peer->said_at == 0 || now - peer->said_at >= SAID_APART) {
		peer->said_at = now;
		snprintf(text, sizeof(text), "%s: %s", peer->url.text, why);
		shoal_http_say(peer->http, SHOAL_LOG_WARN, text);
	}
}

void
shoal_http_peer_failed(struct shoal_http_peer *peer, int code, const char *why)
{
	say_failure(peer, why);
	if (code == 0) {
		return; /* it answered, and not what was asked for */
	}
	peer->next++;
	if (peer->next < peer->found_count) {
		shoal_http_peer_tend(peer);
		return;
	}
	peer->found_count = peer->next = 0; /* looked up anew */
	uint64_t rest = REST_FIRST << (peer->failures < 7 ? peer->failures : 7);
	peer->failures++;
	shoal_http_peer_rest(peer, rest < REST_MOST ? rest : REST_MOST);
	evbuffer_drain(peer->batch, evbuffer_get_length(peer->batch));
	peer->flushed = false;
	SHOAL_LIST_FOREACH_SAFE (node, after, &peer->jobs) {
		shoal_http_job_end(
		        SHOAL_LIST_ITEM(node, struct shoal_http_job, node), code, NULL, 0);
	}
}
