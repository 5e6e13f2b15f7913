/* SPDX-License-Identifier: MIT */
/* What waits for a peer, and what becomes of it: messages and requests as they came, datagrams
 * collected until a connection can take them. What all peers have waiting is bounded in bytes. */
#include <string.h>

#include "transports/http.h"

#define FRESH SHOAL_SEC(2) /* datagrams are */

static void
uncount(struct shoal_http_job *job)
{
	struct shoal_http_peer *peer = job->peer;

	job->http->jobs_held -= job->size;
	peer->job_count--;
	if (job->kind == SHOAL_HTTP_MESSAGE) {
		peer->waiting -= job->len;
	}
	if (peer->telling == job) {
		peer->telling = NULL;
	} else if (peer->batching == job) {
		peer->batching = NULL;
	}
	job->peer = NULL;
}

void
shoal_http_job_release(struct shoal_http_job *job)
{
	struct shoal_http *http = job->http;

	if (job->peer != NULL) {
		uncount(job);
	}
	shoal_list_remove(&job->node);
	event_del(&job->timer);
	shoal_alloc_free(&http->work, job);
}

/* Its end is told, or it is released, on a turn of its own. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
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
		(void)shoal_http_job_end(job, SHOAL_ERR_TIMEOUT, NULL, 0);
		return;
	}
	uint64_t exchange = job->exchange;
	int code = job->code;
	uint8_t why[SHOAL_TLS_WHY];
	size_t len = job->why;
	memcpy(why, job->body, len);
	shoal_http_job_release(job);
	if (http->running) {
		http->called = true;
		(void)http->env.host.result(http->env.host.arg, exchange, code, why, len);
		shoal_http_batch_end(http);
	}
}

enum shoal_transport_verdict
shoal_http_job_end(struct shoal_http_job *job, int code, const uint8_t *data, size_t len)
{
	struct shoal_http *http = job->http;
	uint64_t exchange = job->exchange;

	shoal_list_remove(&job->node);
	if (code != 0 && job->kind == SHOAL_HTTP_REQUEST) {
		uncount(job);
		job->code = code; /* from inside a call of the host nothing is told */
		job->why = len < SHOAL_TLS_WHY ? len : SHOAL_TLS_WHY; /* for which there is room */
		if (job->why > 0) {
			memcpy(job->body, data, job->why);
		}
		shoal_list_push_back(&http->doomed_jobs, &job->node);
		shoal_socket_soon(&job->timer);
		return SHOAL_TRANSPORT_TAKEN;
	}
	if (code != 0 && job->kind == SHOAL_HTTP_MESSAGE) {
		shoal_http_count(http, SHOAL_COUNTER_DROP_STREAMS);
	}
	bool told = job->kind == SHOAL_HTTP_REQUEST;
	shoal_http_job_release(job);
	if (!told) {
		return SHOAL_TRANSPORT_TAKEN;
	}
	http->called = true;
	return http->env.host.result(http->env.host.arg, exchange, 0, data, len);
}

void
shoal_http_job_end_all(struct shoal_http_peer *peer, int code, const char *why)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, &peer->jobs) {
		(void)shoal_http_job_end(SHOAL_LIST_ITEM(node, struct shoal_http_job, node), code,
		        (const uint8_t *)why, strlen(why));
	}
}

void
shoal_http_job_again(struct shoal_http_job *job)
{
	struct shoal_http_peer *peer = job->peer;

	if (peer->telling == job) {
		peer->telling = NULL;
	}
	shoal_list_push_front(&peer->jobs, &job->node);
}

static struct shoal_http_job *
make_job(struct shoal_http_peer *peer, enum shoal_http_kind kind, const uint8_t *data, size_t len)
{
	struct shoal_http *http = peer->http;
	bool ends = kind == SHOAL_HTTP_REQUEST && len < SHOAL_TLS_WHY; /* perhaps for a reason */
	size_t size = sizeof(struct shoal_http_job) + (ends ? SHOAL_TLS_WHY : len);
	struct shoal_http_job *job = shoal_alloc_zeroed(&http->work, 1, size);

	if (job == NULL) {
		return NULL;
	}
	job->http = http;
	job->peer = peer;
	job->kind = kind;
	job->len = len;
	job->size = size;
	job->since = shoal_socket_now();
	if (data != NULL) {
		memcpy(job->body, data, len);
	}
	evtimer_assign(&job->timer, http->env.base, on_timer, job);
	http->jobs_held += size;
	peer->job_count++;
	shoal_list_push_back(&peer->jobs, &job->node);
	return job;
}

void
shoal_http_job_drain(struct shoal_http_peer *peer)
{
	size_t len = evbuffer_get_length(peer->batch);

	evbuffer_drain(peer->batch, len);
	peer->http->jobs_held -= len;
	peer->flushed = false;
	shoal_list_remove(&peer->in_unflushed);
}

/* What the protocol says of now is of no use much later. */
void
shoal_http_job_refresh(struct shoal_http_peer *peer, uint64_t now)
{
	uint64_t most = peer->http->patience_ns < FRESH ? peer->http->patience_ns : FRESH;

	if (evbuffer_get_length(peer->batch) > 0 && now - peer->batch_since >= most) {
		shoal_http_job_drain(peer);
	}
}

static struct shoal_http_job *
first_message(const struct shoal_http_peer *peer)
{
	SHOAL_LIST_FOREACH (node, &peer->jobs) {
		struct shoal_http_job *job = SHOAL_LIST_ITEM(node, struct shoal_http_job, node);
		if (job->kind == SHOAL_HTTP_MESSAGE) {
			return job;
		}
	}
	return NULL;
}

uint64_t
shoal_http_job_due(const struct shoal_http_peer *peer)
{
	const struct shoal_http_job *job = first_message(peer);

	return job != NULL ? job->since + peer->http->patience_ns : UINT64_MAX;
}

void
shoal_http_job_expire(struct shoal_http_peer *peer, uint64_t now)
{
	while (shoal_http_job_due(peer) <= now) {
		(void)shoal_http_job_end(first_message(peer), SHOAL_ERR_TIMEOUT, NULL, 0);
	}
}

int
shoal_http_job_send(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct shoal_http *http = self;
	struct shoal_http_peer *peer = http->running ? shoal_http_peer_find(http, to) : NULL;
	const uint8_t head[2] = {(uint8_t)(len >> 8), (uint8_t)len};
	size_t more = len + sizeof(head);

	if (peer == NULL || len == 0 || len > UINT16_MAX) {
		return http->running ? 0 : SHOAL_ERR_STATE; /* loss is no error */
	}
	shoal_http_peer_use(peer);
	uint64_t now = shoal_socket_now();
	shoal_http_job_refresh(peer, now);
	if (evbuffer_get_length(peer->batch) + more > SHOAL_HTTP_BATCH_MAX ||
	        http->jobs_held + more > http->held_max ||
	        evbuffer_expand(peer->batch, more) != 0) {
		return 0;
	}
	if (evbuffer_get_length(peer->batch) == 0) {
		peer->batch_since = now;
	}
	/* There is room: neither fails. */
	(void)evbuffer_add(peer->batch, head, sizeof(head));
	(void)evbuffer_add(peer->batch, data, len);
	http->jobs_held += more;
	if (!peer->flushed && !shoal_list_linked(&peer->in_unflushed)) {
		shoal_list_push_back(&http->unflushed, &peer->in_unflushed);
	}
	return 0;
}

void
shoal_http_job_flush(void *self)
{
	struct shoal_http *http = self;
	struct shoal_list *node;

	while (http->running && (node = shoal_list_first(&http->unflushed)) != NULL) {
		struct shoal_http_peer *peer =
		        SHOAL_LIST_ITEM(node, struct shoal_http_peer, in_unflushed);
		shoal_list_remove(node);
		peer->flushed = true;
		shoal_http_peer_tend(peer);
	}
}

/* Whether a peer can take a message or a request. */
static int
check(const struct shoal_http *http, const struct shoal_http_peer *peer, size_t len)
{
	if (!http->running) {
		return SHOAL_ERR_STATE;
	}
	if (len > http->env.stream_max) {
		return SHOAL_ERR_TOO_BIG;
	}
	if (peer == NULL) {
		return SHOAL_ERR_UNREACHABLE;
	}
	return peer->job_count >= SHOAL_HTTP_JOBS_MAX || http->jobs_held + len > http->held_max
	               ? SHOAL_ERR_LIMIT
	               : 0;
}

int
shoal_http_job_stream(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct shoal_http *http = self;
	struct shoal_http_peer *peer = http->running ? shoal_http_peer_find(http, to) : NULL;
	int code = check(http, peer, len);

	if (code != 0) {
		return code;
	}
	shoal_http_peer_use(peer);
	if (make_job(peer, SHOAL_HTTP_MESSAGE, data, len) == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	peer->waiting += len;
	shoal_http_peer_tend(peer);
	return 0;
}

int
shoal_http_job_request(void *self, const struct shoal_addr *to, uint64_t exchange,
        const uint8_t *data, size_t len, uint64_t timeout_ns)
{
	struct shoal_http *http = self;
	struct shoal_http_peer *peer = http->running ? shoal_http_peer_find(http, to) : NULL;
	const struct timeval in = shoal_socket_until(0, timeout_ns);
	int code = check(http, peer, len);

	if (code != 0) {
		return code;
	}
	shoal_http_peer_use(peer);
	uint64_t now = shoal_socket_now();
	if (peer->asked_until > now && peer->asked_until - now >= timeout_ns) {
		return SHOAL_ERR_LIMIT; /* it would end before it could be sent */
	}
	struct shoal_http_job *job = make_job(peer, SHOAL_HTTP_REQUEST, data, len);
	if (job == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	if (event_add(&job->timer, &in) != 0) {
		shoal_http_job_release(job);
		return SHOAL_ERR_NOMEM;
	}
	job->exchange = exchange;
	peer->rests_until = 0; /* the host paces its requests itself */
	shoal_http_peer_tend(peer);
	return 0;
}

size_t
shoal_http_job_waiting(const void *self, const struct shoal_addr *to)
{
	const struct shoal_http *http = self;
	const struct shoal_http_peer *peer = http->running ? shoal_http_peer_find(http, to) : NULL;

	return peer != NULL ? peer->waiting : 0;
}

static bool
has_batch(const struct shoal_http_peer *peer)
{
	return peer->flushed && peer->batching == NULL && evbuffer_get_length(peer->batch) > 0;
}

/* Requests may wait long for their answers: one connection is left to datagrams and messages. */
static bool
may_ask(const struct shoal_http_peer *peer)
{
	unsigned asking = 0;

	SHOAL_LIST_FOREACH (node, &peer->links) {
		const struct shoal_http_job *job =
		        SHOAL_LIST_ITEM(node, struct shoal_http_link, node)->job;
		asking += job != NULL && job->kind == SHOAL_HTTP_REQUEST;
	}
	return asking < SHOAL_HTTP_LINKS_TO_PEER - 1;
}

/* The first that may go now: messages one by one, and what is long behind the messages that were
 * before it. */
static struct shoal_http_job *
next_job(const struct shoal_http_peer *peer)
{
	bool telling = peer->telling != NULL, asks = may_ask(peer);

	SHOAL_LIST_FOREACH (node, &peer->jobs) {
		struct shoal_http_job *job = SHOAL_LIST_ITEM(node, struct shoal_http_job, node);
		bool waits =
		        job->kind == SHOAL_HTTP_MESSAGE || job->len > peer->http->env.first_max;
		bool may = job->kind != SHOAL_HTTP_REQUEST || asks;
		if (may && (!telling || !waits)) {
			return job;
		}
	}
	return NULL;
}

bool
shoal_http_job_waits(const struct shoal_http_peer *peer)
{
	return has_batch(peer) || next_job(peer) != NULL;
}

/* The datagrams that wait, as a job before all others: what is in them is the protocol's. */
static struct shoal_http_job *
make_batch(struct shoal_http_peer *peer)
{
	size_t len = evbuffer_get_length(peer->batch);
	struct shoal_http_job *job = make_job(peer, SHOAL_HTTP_DATAGRAMS, NULL, len);

	if (job == NULL) {
		shoal_http_job_drain(peer); /* loss is no error */
		return NULL;
	}
	evbuffer_remove(peer->batch, job->body, len);
	peer->http->jobs_held -= len;
	peer->flushed = false;
	peer->batching = job;
	return job;
}

struct shoal_http_job *
shoal_http_job_next(struct shoal_http_peer *peer)
{
	struct shoal_http_job *job = has_batch(peer) ? make_batch(peer) : NULL;

	if (job == NULL) {
		job = next_job(peer);
	}
	if (job != NULL && job->kind == SHOAL_HTTP_MESSAGE) {
		peer->telling = job;
	}
	if (job != NULL) {
		shoal_list_remove(&job->node);
	}
	return job;
}
