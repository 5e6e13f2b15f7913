/* SPDX-License-Identifier: MIT */
/* Requests of this member, until each has its end.
 *
 * One is known by a number that never comes twice, and ends once: by its reply, by the end of its
 * message where that was not taken, when the member is gone, when its time is over, or by who
 * asked. Whoever takes it out of the slab, under the lock, tells its end. It is freed when it has
 * ended and the end of its message was told. What is served here is in serve.c. */
#include "cluster/message/request.h"

#include "base/alloc.h"
#include "base/reader.h"
#include "base/writer.h"
#include "cluster/cluster.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/mailbox.h"
#include "cluster/loop/serve.h"
#include "cluster/report/last_error.h"

#include <string.h>

#define TIMEOUT_MOST 3600000
#define HEAD         18 /* of a request, at most */

struct shoal_asked {
	struct shoal_call call;
	struct shoal_timer timer;
	struct shoal_id id;
	uint64_t number;
	shoal_reply_fn fn;
	void *arg;
	int code;
	unsigned refs;
	bool taken; /* the member has it */
	bool gone;  /* and is gone */
	bool ended;
};

void
shoal_request_init(struct shoal_cluster *cluster, const uint64_t key[2])
{
	struct shoal_requests *requests = &cluster->requests;

	shoal_slab_init(
	        &requests->asked, cluster->mem, sizeof(struct shoal_asked *), SHOAL_REQUESTS_MAX);
	shoal_serve_init(cluster, key);
	shoal_heap_init(&requests->heap, cluster->mem);
	requests->armed = SHOAL_NEVER;
}

void
shoal_request_done(struct shoal_cluster *cluster)
{
	shoal_slab_done(&cluster->requests.asked);
	shoal_serve_done(cluster);
	shoal_heap_done(&cluster->requests.heap);
}

uint64_t
shoal_request_number(struct shoal_requests *requests, uint32_t slot)
{
	requests->round++;
	requests->round += requests->round == 0;
	return (uint64_t)requests->round << 32 | slot;
}

/* Under the lock. NULL: it has ended. */
static struct shoal_asked *
find(const struct shoal_cluster *cluster, uint64_t number)
{
	struct shoal_asked **place = shoal_slab_at(&cluster->requests.asked, (uint32_t)number);

	return place != NULL && (*place)->number == number ? *place : NULL;
}

/* Under the lock. false: it has its end. */
static bool
take_out(struct shoal_cluster *cluster, struct shoal_asked *asked, int code)
{
	if (asked->ended) {
		return false;
	}
	asked->ended = true;
	asked->code = code;
	shoal_heap_disarm(&cluster->requests.heap, &asked->timer);
	shoal_slab_give(&cluster->requests.asked, (uint32_t)asked->number);
	return true;
}

static void
unref(struct shoal_cluster *cluster, struct shoal_asked *asked)
{
	pthread_mutex_lock(&cluster->lock);
	bool last = --asked->refs == 0;
	pthread_mutex_unlock(&cluster->lock);
	if (last) {
		shoal_alloc_free(cluster->mem, asked);
	}
}

/* The callbacks' thread, for who took it out. */
static void
tell(struct shoal_cluster *cluster, struct shoal_asked *asked, const void *data, size_t len)
{
	asked->fn(cluster, asked->code, data, len, asked->arg);
	unref(cluster, asked);
}

void
shoal_request_call(struct shoal_cluster *cluster, struct shoal_call *call)
{
	tell(cluster, SHOAL_LIST_ITEM(call, struct shoal_asked, call), "", 0);
}

/* The end of its message. */
static void
on_sent(struct shoal_cluster *cluster, int code, void *arg)
{
	struct shoal_asked *asked = arg;
	bool mine = false;

	pthread_mutex_lock(&cluster->lock);
	asked->taken = code == 0;
	if (code != 0 || asked->gone) {
		mine = take_out(cluster, asked, code != 0 ? code : SHOAL_ERR_CLOSED);
	}
	pthread_mutex_unlock(&cluster->lock);
	if (mine) {
		tell(cluster, asked, "", 0);
	}
	unref(cluster, asked);
}

bool
shoal_request_taken(struct shoal_cluster *cluster, shoal_sent_fn fn, void *arg)
{
	struct shoal_asked *asked = arg;

	if (fn != on_sent) {
		return false;
	}
	pthread_mutex_lock(&cluster->lock);
	asked->taken = true;
	bool gone = asked->gone; /* then its end is told */
	pthread_mutex_unlock(&cluster->lock);
	if (!gone) {
		unref(cluster, asked);
	}
	return !gone;
}

/* Its own end and that of its message hold it. */
static int
register_one(struct shoal_cluster *cluster, struct shoal_asked *asked, unsigned timeout_ms)
{
	struct shoal_requests *requests = &cluster->requests;
	struct shoal_asked **place = NULL;
	uint32_t slot;
	int rc = 0;

	pthread_mutex_lock(&cluster->lock);
	if (requests->asked.count == SHOAL_REQUESTS_MAX) {
		rc = SHOAL_ERR_LIMIT;
	} else if (cluster->state != SHOAL_CLUSTER_RUNNING) {
		rc = SHOAL_ERR_STATE;
	} else if (shoal_heap_reserve(&requests->heap, requests->heap.count + 1) != 0 ||
	           (place = shoal_slab_take(&requests->asked, &slot)) == NULL) {
		rc = SHOAL_ERR_NOMEM;
	} else {
		*place = asked;
		asked->number = shoal_request_number(requests, slot);
		asked->timer.kind = SHOAL_REQUEST_ASKED;
		asked->timer.slot = slot;
		shoal_heap_arm(&requests->heap, &asked->timer, shoal_cluster_deadline(timeout_ms));
	}
	pthread_mutex_unlock(&cluster->lock);
	return rc;
}

/* The message with its head. NULL: no memory. */
static uint8_t *
wrap(struct shoal_cluster *cluster, const struct shoal_asked *asked, uint16_t type,
        unsigned timeout_ms, const void *data, size_t len, size_t *size)
{
	uint8_t *body = shoal_alloc(cluster->mem, HEAD + len);
	struct shoal_writer writer;

	if (body == NULL) {
		return NULL;
	}
	shoal_writer_init(&writer, body, HEAD + len);
	shoal_writer_u64(&writer, asked->number);
	shoal_writer_var(&writer, timeout_ms);
	shoal_writer_var(&writer, type);
	if (len > 0) {
		shoal_writer_bytes(&writer, data, len);
	}
	*size = writer.len;
	return body;
}

/* false: it was not sent; rc says why. Where it has its end already that is told. */
static int
send_one(struct shoal_cluster *cluster, struct shoal_asked *asked, uint16_t type,
        unsigned timeout_ms, const void *data, size_t len)
{
	size_t size = 0;
	uint8_t *body = wrap(cluster, asked, type, timeout_ms, data, len, &size);
	int rc = SHOAL_ERR_NOMEM;

	if (body != NULL) {
		rc = shoal_send_confirmed(
		        cluster, &asked->id, SHOAL_TYPE_REQUEST, body, size, on_sent, asked);
	}
	shoal_alloc_free(cluster->mem, body);
	if (rc == 0) {
		return 0;
	}
	pthread_mutex_lock(&cluster->lock);
	bool mine = take_out(cluster, asked, rc);
	asked->refs -= mine ? 2 : 1;
	bool last = asked->refs == 0; /* else the call that tells of its end is still to run */
	pthread_mutex_unlock(&cluster->lock);
	if (last) {
		shoal_alloc_free(cluster->mem, asked);
	}
	return mine ? rc : 0;
}

static int
check(const struct shoal_cluster *cluster, uint16_t type, unsigned timeout_ms, shoal_reply_fn fn)
{
	int rc = shoal_fork_check(cluster, "request");

	if (rc != 0) {
		return rc;
	}
	if (type < SHOAL_TYPE_SERVICE || timeout_ms == 0 || timeout_ms > TIMEOUT_MOST ||
	        fn == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "request: type %u, time-out %u ms, %s; types begin at %d, a time-out is 1 to "
		        "%d ms",
		        type, timeout_ms, fn == NULL ? "no function" : "a function",
		        SHOAL_TYPE_SERVICE, TIMEOUT_MOST);
	}
	return 0;
}

static int
check_data(const struct shoal_cluster *cluster, const void *data, size_t len)
{
	uint64_t most = shoal_outbox_limit(cluster);

	most = most > HEAD ? most - HEAD : 0;
	if (data == NULL && len > 0) {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "request: data is NULL, and %zu bytes of it", len);
	}
	return len <= most ? 0
	                   : shoal_last_error_set(SHOAL_ERR_TOO_BIG,
	                             "request: %zu bytes; one may have %llu (message_max less %d)",
	                             len, (unsigned long long)most, HEAD);
}

int
shoal_request(struct shoal_cluster *cluster, const struct shoal_id *to, uint16_t type,
        const void *data, size_t len, unsigned timeout_ms, shoal_reply_fn fn, void *arg,
        uint64_t *number)
{
	struct shoal_asked *asked;
	int rc = check(cluster, type, timeout_ms, fn);

	if (rc == 0) {
		rc = check_data(cluster, data, len);
	}
	if (rc != 0) {
		return rc;
	}
	asked = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*asked));
	if (asked == NULL) {
		return shoal_last_error_set(SHOAL_ERR_NOMEM, "request: out of memory");
	}
	asked->call.kind = SHOAL_CALL_REPLY;
	asked->id = *to;
	asked->fn = fn;
	asked->arg = arg;
	asked->refs = 2;
	rc = register_one(cluster, asked, timeout_ms);
	if (rc != 0) {
		shoal_alloc_free(cluster->mem, asked);
		return shoal_last_error_set(rc, "request: %s",
		        rc == SHOAL_ERR_LIMIT   ? "too many are under way (SHOAL_REQUESTS_MAX)"
		        : rc == SHOAL_ERR_STATE ? "the cluster is not running"
		                                : "out of memory");
	}
	if (number != NULL) {
		*number = asked->number;
	}
	return send_one(cluster, asked, type, timeout_ms, data, len);
}

int
shoal_request_cancel(struct shoal_cluster *cluster, uint64_t number)
{
	int rc = shoal_fork_check(cluster, "request_cancel");
	struct shoal_asked *asked;

	if (rc != 0) {
		return rc;
	}
	pthread_mutex_lock(&cluster->lock);
	asked = find(cluster, number);
	if (asked != NULL) {
		(void)take_out(cluster, asked, SHOAL_ERR_CANCELED);
	}
	pthread_mutex_unlock(&cluster->lock);
	if (asked == NULL) {
		return shoal_last_error_set(
		        SHOAL_ERR_NOT_FOUND, "request_cancel: the request has its end");
	}
	shoal_callbacks_push(&cluster->callbacks, &asked->call);
	return 0;
}

void
shoal_request_replied(struct shoal_cluster *cluster, const struct shoal_message *message)
{
	struct shoal_asked *asked;
	struct shoal_reader reader;

	shoal_reader_init(&reader, shoal_message_data(message), shoal_message_len(message));
	uint64_t number = shoal_reader_u64(&reader);
	int code = -(int)shoal_reader_var(&reader, UINT16_MAX);
	if (reader.failed) {
		return;
	}
	pthread_mutex_lock(&cluster->lock);
	asked = find(cluster, number);
	if (asked != NULL && (shoal_id_compare(&asked->id, shoal_message_sender(message)) != 0 ||
	                             !take_out(cluster, asked, code))) {
		asked = NULL;
	}
	pthread_mutex_unlock(&cluster->lock);
	if (asked != NULL) {
		tell(cluster, asked, reader.at, code == 0 ? reader.left : 0);
	}
}

/* Under the lock: those that a predicate of the caller's finds; they are chained by their calls. */
static void
collect(struct shoal_cluster *cluster, struct shoal_list *ended, const struct shoal_id *id)
{
	for (uint32_t i = 0; i < cluster->requests.asked.end; i++) {
		struct shoal_asked **place = shoal_slab_at(&cluster->requests.asked, i);
		struct shoal_asked *asked = place != NULL ? *place : NULL;

		if (asked == NULL || (id != NULL && shoal_id_compare(&asked->id, id) != 0)) {
			continue;
		}
		asked->gone = true;
		/* What was not taken ends when the core says so. */
		if ((asked->taken || id == NULL) && take_out(cluster, asked, SHOAL_ERR_CLOSED)) {
			shoal_list_push_back(ended, &asked->call.node);
		}
	}
}

static void
push_all(struct shoal_cluster *cluster, struct shoal_list *ended)
{
	SHOAL_LIST_FOREACH_SAFE (node, after, ended) {
		shoal_list_remove(node);
		shoal_callbacks_push(
		        &cluster->callbacks, SHOAL_LIST_ITEM(node, struct shoal_call, node));
	}
}

void
shoal_request_member(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	bool gone = event->state == SHOAL_STATE_DEAD || event->state == SHOAL_STATE_LEFT ||
	            (event->changed & SHOAL_CHANGE_INSTANCE) != 0;
	struct shoal_list ended;

	shoal_list_init(&ended);
	pthread_mutex_lock(&cluster->lock);
	if (gone && cluster->requests.asked.count > 0) {
		collect(cluster, &ended, &event->id);
	}
	shoal_serve_member(cluster, event);
	pthread_mutex_unlock(&cluster->lock);
	push_all(cluster, &ended);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_cluster *cluster = arg;
	struct shoal_requests *requests = &cluster->requests;
	uint64_t now = shoal_cluster_deadline(0);
	struct shoal_timer *timer;
	struct shoal_list ended;

	(void)fd;
	(void)what;
	if (shoal_fork_is_child(cluster)) {
		return;
	}
	shoal_list_init(&ended);
	pthread_mutex_lock(&cluster->lock);
	requests->armed = SHOAL_NEVER;
	while ((timer = shoal_heap_expire(&requests->heap, now)) != NULL) {
		if (timer->kind == SHOAL_REQUEST_SERVED) {
			shoal_serve_expired(requests, timer->slot);
			continue;
		}
		struct shoal_asked *asked =
		        *(struct shoal_asked **)shoal_slab_at(&requests->asked, timer->slot);
		(void)take_out(cluster, asked, SHOAL_ERR_TIMEOUT);
		shoal_list_push_back(&ended, &asked->call.node);
	}
	pthread_mutex_unlock(&cluster->lock);
	push_all(cluster, &ended);
	shoal_request_arm(cluster);
}

void
shoal_request_arm(struct shoal_cluster *cluster)
{
	uint64_t now = shoal_cluster_deadline(0), us;
	struct timeval in = {0};

	pthread_mutex_lock(&cluster->lock);
	uint64_t next = shoal_heap_next(&cluster->requests.heap);
	bool later = cluster->requests.timer == NULL || next >= cluster->requests.armed;
	cluster->requests.armed = later ? cluster->requests.armed : next;
	pthread_mutex_unlock(&cluster->lock);
	if (later) {
		return; /* it looks again when it fires */
	}
	us = next > now ? (next - now + 999) / 1000 : 0;
	in.tv_sec = (time_t)(us / 1000000);
	in.tv_usec = (suseconds_t)(us % 1000000);
	if (event_add(cluster->requests.timer, &in) != 0) {
		pthread_mutex_lock(&cluster->lock);
		cluster->requests.armed = SHOAL_NEVER; /* no memory: the next turn tries again */
		pthread_mutex_unlock(&cluster->lock);
	}
}

int
shoal_request_begin(struct shoal_cluster *cluster)
{
	cluster->requests.timer = event_new(cluster->base, -1, 0, on_timer, cluster);
	return cluster->requests.timer != NULL ? 0 : SHOAL_ERR_NOMEM;
}

void
shoal_request_finish(struct shoal_cluster *cluster)
{
	struct shoal_list ended;

	if (cluster->requests.timer != NULL) {
		event_free(cluster->requests.timer);
	}
	cluster->requests.timer = NULL;
	cluster->requests.armed = SHOAL_NEVER;
	shoal_list_init(&ended);
	pthread_mutex_lock(&cluster->lock);
	collect(cluster, &ended, NULL);
	pthread_mutex_unlock(&cluster->lock);
	push_all(cluster, &ended);
}
