/* SPDX-License-Identifier: MIT */
/* From shoal_send on any thread to the core.
 *
 * What waits for a member is counted here, from the call to the end that the core tells, as the
 * core counts it: so a full queue is told to who fills it, and what was accepted has room in the
 * core.
 *
 * The loop takes a few hundred messages a turn, so that who sends without a pause stops nothing
 * else, and hands out what the core makes of them together: packets are full.
 *
 * A message that is not reliable has its end when it is with the transport. A reliable one is known
 * to the core by a number; its bytes are given back then, and its end needs no memory. While its
 * end waits to be told its head counts. */
#include "cluster/message/outbox.h"

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/loop.h"
#include "cluster/loop/mailbox.h"
#include "cluster/report/last_error.h"

#include <string.h>

/* A packet, its label and the head of a message; as the core has it. */
#define HEAD 256
/* Of one turn. */
#define TURN_MESSAGES 256
#define TURN_BYTES    262144

struct shoal_outgoing {
	struct shoal_list node;
	struct shoal_call call;
	struct shoal_line *line;
	uint64_t cost;
	shoal_sent_fn fn;
	void *arg;
	int code;
	uint32_t number; /* reliable: of its place in sent */
	uint16_t type;
	bool reliable;
	bool small; /* its data is the core's */
	size_t len;
	uint8_t data[];
};

void
shoal_outbox_init(struct shoal_cluster *cluster, const uint64_t key[2])
{
	struct shoal_outbox *outbox = &cluster->outbox;

	shoal_list_init(&outbox->waiting);
	shoal_slab_init(
	        &outbox->sent, cluster->mem, sizeof(struct shoal_outgoing *), UINT32_MAX - 1);
	shoal_lines_init(cluster, key);
	shoal_broadcast_init(cluster);
	shoal_request_init(cluster, key);
}

void
shoal_outbox_done(struct shoal_cluster *cluster)
{
	shoal_slab_done(&cluster->outbox.sent);
	shoal_lines_done(cluster);
	shoal_request_done(cluster);
}

uint64_t
shoal_outbox_limit(const struct shoal_cluster *cluster)
{
	const struct shoal_profile *profile = &cluster->settings.config.profile;
	uint64_t most = profile->message_max;
	uint64_t stream = profile->stream_max - HEAD;
	uint64_t queue = profile->queue_bytes - SHOAL_MESSAGE_COST;

	most = most < stream ? most : stream;
	return most < queue ? most : queue;
}

/* Under the lock: whether the message may wait with the others; it is counted then. *ring: the loop
 * has to hear of it, without the lock, for which it would wait at once. */
static int
admit(struct shoal_cluster *cluster, struct shoal_outgoing *out, const struct shoal_id *to,
        bool *ring)
{
	struct shoal_outbox *outbox = &cluster->outbox;
	struct shoal_line *line;
	int rc = shoal_lines_take(cluster, to, &line);

	if (cluster->state != SHOAL_CLUSTER_RUNNING) {
		return SHOAL_ERR_CANCELED;
	}
	if (rc != 0 || line->gone) {
		return rc != 0 ? rc : SHOAL_ERR_STATE;
	}
	if (!shoal_lines_fits(cluster, line, out->cost)) {
		line->wanted = out->cost;
		return SHOAL_ERR_AGAIN;
	}
	if (out->reliable) {
		struct shoal_outgoing **place = shoal_slab_take(&outbox->sent, &out->number);
		if (place == NULL) {
			return SHOAL_ERR_NOMEM;
		}
		*place = out;
	}
	line->cost += out->cost;
	out->line = line;
	*ring = shoal_list_empty(&outbox->waiting);
	shoal_list_push_back(&outbox->waiting, &out->node);
	return 0;
}

static int
refuse(int rc, const struct shoal_id *to)
{
	char id[SHOAL_ID_TEXT];

	shoal_id_print(to, id);
	switch (rc) {
	case SHOAL_ERR_NOT_FOUND:
		return shoal_last_error_set(rc, "send: no member %s is known", id);
	case SHOAL_ERR_STATE:
		return shoal_last_error_set(rc, "send: member %s is dead or has left", id);
	case SHOAL_ERR_INVALID:
		return shoal_last_error_set(rc, "send: %s is this member itself", id);
	case SHOAL_ERR_CANCELED:
		return shoal_last_error_set(SHOAL_ERR_STATE, "send: the cluster is not running");
	case SHOAL_ERR_AGAIN:
		return shoal_last_error_set(rc,
		        "send: too much waits for member %s (queue_bytes); go on when it is "
		        "writable",
		        id);
	default:
		return shoal_last_error_set(rc, "send: %s", shoal_strerror(rc));
	}
}

static int
check(const struct shoal_cluster *cluster, uint16_t type, const void *data, size_t len,
        unsigned flags)
{
	int rc = shoal_fork_check(cluster, "send");

	if (rc != 0) {
		return rc;
	}
	if (type < SHOAL_TYPE_SERVICE || (flags & ~(unsigned)SHOAL_RELIABLE) != 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "send: type %u, flags %#x; types begin at %d, of flags there is "
		        "SHOAL_RELIABLE",
		        type, flags, SHOAL_TYPE_SERVICE);
	}
	if (data == NULL && len > 0) {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "send: data is NULL, and %zu bytes of it", len);
	}
	if (len > shoal_outbox_limit(cluster)) {
		return shoal_last_error_set(SHOAL_ERR_TOO_BIG,
		        "send: %zu bytes; a message may have %llu (message_max)", len,
		        (unsigned long long)shoal_outbox_limit(cluster));
	}
	return 0;
}

static int
post(struct shoal_cluster *cluster, const struct shoal_id *to, uint16_t type, const void *data,
        size_t len, unsigned flags, shoal_sent_fn fn, void *arg)
{
	struct shoal_outgoing *out;
	int rc = check(cluster, type, data, len, flags);
	bool ring = false;

	if (rc != 0) {
		return rc;
	}
	out = shoal_alloc(cluster->mem, sizeof(*out) + len);
	if (out == NULL) {
		return refuse(SHOAL_ERR_NOMEM, to);
	}
	*out = (struct shoal_outgoing){.call.kind = SHOAL_CALL_SENT,
	        .cost = len + SHOAL_MESSAGE_COST,
	        .fn = fn,
	        .arg = arg,
	        .type = type,
	        .reliable = (flags & SHOAL_RELIABLE) != 0,
	        .len = len};
	if (len > 0) {
		memcpy(out->data, data, len);
	}
	pthread_mutex_lock(&cluster->lock);
	rc = admit(cluster, out, to, &ring);
	pthread_mutex_unlock(&cluster->lock);
	if (ring) {
		shoal_mailbox_ring(cluster->mailbox_fd);
	}
	if (rc == 0) {
		return 0;
	}
	shoal_alloc_free(cluster->mem, out);
	return refuse(rc, to);
}

int
shoal_send(struct shoal_cluster *cluster, const struct shoal_id *to, uint16_t type,
        const void *data, size_t len, unsigned flags)
{
	return post(cluster, to, type, data, len, flags, NULL, NULL);
}

int
shoal_send_confirmed(struct shoal_cluster *cluster, const struct shoal_id *to, uint16_t type,
        const void *data, size_t len, shoal_sent_fn fn, void *arg)
{
	return post(cluster, to, type, data, len, SHOAL_RELIABLE, fn, arg);
}

int
shoal_send_many(struct shoal_cluster *cluster, const struct shoal_id *to, size_t n, uint16_t type,
        const void *data, size_t len, unsigned flags, size_t *sent)
{
	size_t done = 0, failed = 0;
	int first = 0;

	for (size_t i = 0; i < n; i++) {
		int rc = post(cluster, &to[i], type, data, len, flags, NULL, NULL);

		done += rc == 0;
		if (rc != 0 && first == 0) {
			first = rc;
			failed = i;
		}
	}
	if (sent != NULL) {
		*sent = done;
	}
	/* Its text may have been followed by another one's. */
	return first == 0 || done + 1 == n ? first : refuse(first, &to[failed]);
}

int
shoal_on_writable(struct shoal_cluster *cluster, shoal_writable_fn fn, void *arg)
{
	int rc = shoal_fork_check(cluster, "on_writable");

	if (rc == 0) {
		pthread_mutex_lock(&cluster->lock);
		cluster->outbox.writable = fn;
		cluster->outbox.writable_arg = arg;
		pthread_mutex_unlock(&cluster->lock);
	}
	return rc;
}

/* What is kept until its end is told goes on counting. */
static void
end(struct shoal_cluster *cluster, struct shoal_outgoing *out, int code)
{
	uint64_t kept = out->small ? SHOAL_MESSAGE_COST : out->cost;

	if (out->reliable) {
		pthread_mutex_lock(&cluster->lock);
		shoal_slab_give(&cluster->outbox.sent, out->number);
		pthread_mutex_unlock(&cluster->lock);
	}
	if (out->fn == NULL || (code == 0 && shoal_request_taken(cluster, out->fn, out->arg))) {
		shoal_lines_release(cluster, out->line, out->cost);
		shoal_alloc_free(cluster->mem, out);
		return;
	}
	shoal_lines_release(cluster, out->line, out->cost - kept);
	out->cost = kept;
	out->code = code;
	shoal_callbacks_push(&cluster->callbacks, &out->call);
}

/* The core has a copy: what is kept until the end is its head. */
static void
shrink(struct shoal_cluster *cluster, struct shoal_outgoing *out)
{
	struct shoal_outgoing *small = shoal_alloc_resize(cluster->mem, out, 1, sizeof(*out));

	if (small != NULL) {
		small->small = true;
		pthread_mutex_lock(&cluster->lock);
		struct shoal_outgoing **place = shoal_slab_at(&cluster->outbox.sent, small->number);
		*place = small;
		pthread_mutex_unlock(&cluster->lock);
	}
}

static bool
is_short(int rc)
{
	return rc == SHOAL_ERR_AGAIN || rc == SHOAL_ERR_NOMEM;
}

/* false: the core has no memory for it, and it stays. What is not reliable goes to given. */
static bool
give(struct shoal_cluster *cluster, struct shoal_outgoing *out, struct shoal_list *given)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_SEND,
	        .id = out->line->id,
	        .type = out->type,
	        .flags = out->reliable ? SHOAL_RELIABLE : 0,
	        .exchange = out->reliable ? (uint64_t)out->number + 1 : 0,
	        .data = out->data,
	        .len = out->len};
	int rc = shoal_loop_step(cluster, &input);

	if (is_short(rc)) {
		shoal_loop_drain(cluster);
		rc = shoal_loop_step(cluster, &input);
	}
	if (is_short(rc) && out->reliable) {
		return false;
	}
	if (rc != 0) {
		cluster->extra.value[SHOAL_COUNTER_DROP_UNSENT] += !out->reliable;
		end(cluster, out, SHOAL_ERR_UNREACHABLE);
	} else if (out->reliable) {
		shrink(cluster, out);
	} else {
		shoal_lines_streamed(cluster, out->line);
		shoal_list_push_back(given, &out->node);
	}
	return true;
}

static struct shoal_outgoing *
first_of(struct shoal_list *list)
{
	struct shoal_list *first = shoal_list_first(list);

	shoal_list_remove(first);
	return SHOAL_LIST_ITEM(first, struct shoal_outgoing, node);
}

/* What one turn takes of what waits. false: there is more. */
static bool
next_turn(struct shoal_cluster *cluster, struct shoal_list *turn)
{
	struct shoal_list *waiting = &cluster->outbox.waiting;
	uint64_t bytes = 0;
	bool all;

	pthread_mutex_lock(&cluster->lock);
	for (size_t i = 0; i < TURN_MESSAGES && bytes < TURN_BYTES && !shoal_list_empty(waiting);
	        i++) {
		struct shoal_outgoing *out = first_of(waiting);

		bytes += out->cost;
		shoal_list_push_back(turn, &out->node);
	}
	all = shoal_list_empty(waiting);
	pthread_mutex_unlock(&cluster->lock);
	return all;
}

/* To the front of what waits, in their order. */
static void
put_back(struct shoal_cluster *cluster, struct shoal_list *turn)
{
	pthread_mutex_lock(&cluster->lock);
	while (!shoal_list_empty(turn)) {
		struct shoal_list *last = turn->prev;

		shoal_list_remove(last);
		shoal_list_push_front(&cluster->outbox.waiting, last);
	}
	pthread_mutex_unlock(&cluster->lock);
}

void
shoal_outbox_take(struct shoal_cluster *cluster)
{
	struct shoal_list turn, given;
	bool all;

	if (cluster->ended) {
		return;
	}
	shoal_list_init(&turn);
	shoal_list_init(&given);
	all = next_turn(cluster, &turn);
	if (shoal_list_empty(&turn)) {
		return;
	}
	cluster->outbox.stalled = false;
	while (!shoal_list_empty(&turn) && !cluster->outbox.stalled) {
		struct shoal_outgoing *out = first_of(&turn);

		if (!give(cluster, out, &given)) {
			shoal_list_push_front(&turn, &out->node);
			cluster->outbox.stalled = true; /* the next timer tries again */
		}
	}
	put_back(cluster, &turn);
	shoal_loop_drain(cluster);
	shoal_lines_measure(cluster);
	while (!shoal_list_empty(&given)) {
		end(cluster, first_of(&given), 0); /* what the transport has counts there now */
	}
	shoal_loop_events(cluster);
	if (!all && !cluster->outbox.stalled) {
		shoal_mailbox_ring(cluster->mailbox_fd);
	}
}

void
shoal_outbox_resume(struct shoal_cluster *cluster)
{
	if (cluster->outbox.stalled) {
		shoal_outbox_take(cluster);
	}
}

void
shoal_outbox_ended(struct shoal_cluster *cluster, uint64_t number, int code)
{
	struct shoal_outgoing **place, *out;

	pthread_mutex_lock(&cluster->lock);
	place = shoal_slab_at(&cluster->outbox.sent, (uint32_t)(number - 1));
	out = place != NULL ? *place : NULL;
	pthread_mutex_unlock(&cluster->lock);
	if (out != NULL) {
		end(cluster, out, code);
	}
}

void
shoal_outbox_finish(struct shoal_cluster *cluster)
{
	struct shoal_outbox *outbox = &cluster->outbox;
	struct shoal_list turn;

	shoal_list_init(&turn);
	while (!next_turn(cluster, &turn)) {
		continue;
	}
	while (!shoal_list_empty(&turn)) {
		end(cluster, first_of(&turn), SHOAL_ERR_UNREACHABLE);
	}
	for (uint32_t i = 0; i < outbox->sent.end; i++) {
		shoal_outbox_ended(cluster, (uint64_t)i + 1, SHOAL_ERR_CLOSED);
	}
	shoal_lines_finish(cluster);
}

void
shoal_outbox_call(struct shoal_cluster *cluster, struct shoal_call *call, bool dropped)
{
	struct shoal_line *line;
	struct shoal_id id;
	shoal_writable_fn fn;
	void *arg;

	if (call->kind == SHOAL_CALL_SENT) {
		struct shoal_outgoing *out = SHOAL_LIST_ITEM(call, struct shoal_outgoing, call);

		if (!dropped) {
			out->fn(cluster, out->code, out->arg);
		}
		shoal_lines_release(cluster, out->line, out->cost);
		shoal_alloc_free(cluster->mem, out);
		return;
	}
	line = SHOAL_LIST_ITEM(call, struct shoal_line, call);
	pthread_mutex_lock(&cluster->lock);
	id = line->id;
	fn = cluster->outbox.writable;
	arg = cluster->outbox.writable_arg;
	pthread_mutex_unlock(&cluster->lock);
	shoal_lines_called(cluster, line);
	if (fn != NULL && !dropped) {
		fn(cluster, &id, arg);
	}
}
