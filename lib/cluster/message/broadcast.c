/* SPDX-License-Identifier: MIT */
/* From shoal_broadcast on any thread to the core.
 *
 * What it costs is counted from the call until the core has told it as often as it does, as the
 * core counts it: so who fills the queue is told. The core takes no more than it can see to,
 * reliable ones and the others apart; the rest waits here, in two queues. It knows each by a number
 * that holds its cost; nothing of it is kept here then. */
#include "cluster/message/broadcast.h"

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/loop.h"
#include "cluster/loop/mailbox.h"
#include "cluster/report/last_error.h"

#include <stddef.h>
#include <string.h>

/* A packet, its label and the head of a broadcast; as the core has it. */
#define HEAD 512
/* Numbers of broadcasts are above those of messages to one member. */
#define NUMBER (UINT64_C(1) << 63)
/* What one turn of the loop takes. */
#define TURN_MESSAGES 64
#define TURN_BYTES    262144
/* Bytes of a reach of any release. */
#define REACH_MOST 65536

struct shoal_broadcast {
	struct shoal_list node;
	uint64_t cost;
	uint16_t type, flags;
	uint8_t hops;
	uint32_t ttl_ms;
	size_t tag_len, len;
	uint8_t data[]; /* tag and bytes */
};

void
shoal_broadcast_init(struct shoal_cluster *cluster)
{
	shoal_list_init(&cluster->broadcasts.waiting[0]);
	shoal_list_init(&cluster->broadcasts.waiting[1]);
	cluster->broadcasts.call.kind = SHOAL_CALL_ROOM;
}

static size_t
limit_of(const struct shoal_cluster *cluster)
{
	const struct shoal_profile *profile = &cluster->settings.config.profile;
	size_t most = profile->message_max, stream = profile->stream_max - HEAD;
	size_t queue = profile->queue_bytes - SHOAL_MESSAGE_COST - SHOAL_TAG_MAX;

	most = most < stream ? most : stream;
	return most < queue ? most : queue;
}

static int
check(const struct shoal_cluster *cluster, const struct shoal_reach *reach, uint16_t type,
        const void *data, size_t len)
{
	const unsigned both = SHOAL_RELIABLE | SHOAL_NO_FORWARD;
	const unsigned flags = reach->flags;
	size_t tag_len = reach->tag != NULL ? strlen(reach->tag) : 1;
	int rc = shoal_fork_check(cluster, "broadcast");

	if (rc != 0) {
		return rc;
	}
	if (type < SHOAL_TYPE_SERVICE || (flags & ~both) != 0 || (flags & both) == both) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "broadcast: type %u, flags %#x; types begin at %d, flags are SHOAL_RELIABLE "
		        "or SHOAL_NO_FORWARD",
		        type, flags, SHOAL_TYPE_SERVICE);
	}
	if (tag_len == 0 || tag_len > SHOAL_TAG_MAX) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "broadcast: a tag of %zu bytes; it has 1 to %d", tag_len, SHOAL_TAG_MAX);
	}
	if (reach->hops > SHOAL_HOPS_MAX) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "broadcast: hops %u; say 1 to %d, or 0: no limit of your own", reach->hops,
		        SHOAL_HOPS_MAX);
	}
	if (data == NULL && len > 0) {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "broadcast: data is NULL, and %zu bytes of it", len);
	}
	if (len > limit_of(cluster)) {
		return shoal_last_error_set(SHOAL_ERR_TOO_BIG,
		        "broadcast: %zu bytes; one may have %zu (message_max)", len,
		        limit_of(cluster));
	}
	return 0;
}

static struct shoal_broadcast *
make(struct shoal_cluster *cluster, const struct shoal_reach *reach, uint16_t type,
        const void *data, size_t len)
{
	size_t tag_len = reach->tag != NULL ? strlen(reach->tag) : 0;
	struct shoal_broadcast *made = shoal_alloc(cluster->mem, sizeof(*made) + tag_len + len);

	if (made == NULL) {
		return NULL;
	}
	*made = (struct shoal_broadcast){.cost = SHOAL_MESSAGE_COST + tag_len + len,
	        .type = type,
	        .flags = (uint16_t)reach->flags,
	        .hops = (uint8_t)reach->hops,
	        .ttl_ms = reach->ttl_ms,
	        .tag_len = tag_len,
	        .len = len};
	if (tag_len > 0) {
		memcpy(made->data, reach->tag, tag_len);
	}
	if (len > 0) {
		memcpy(made->data + tag_len, data, len);
	}
	return made;
}

static bool
is_reliable(const struct shoal_broadcast *made)
{
	return (made->flags & SHOAL_RELIABLE) != 0;
}

/* Under the lock. */
static int
admit(struct shoal_cluster *cluster, struct shoal_broadcast *made)
{
	struct shoal_broadcasts *broadcasts = &cluster->broadcasts;

	if (cluster->state != SHOAL_CLUSTER_RUNNING) {
		return SHOAL_ERR_STATE;
	}
	if (broadcasts->cost + made->cost > cluster->settings.config.profile.queue_bytes) {
		broadcasts->refused =
		        made->cost > broadcasts->refused ? made->cost : broadcasts->refused;
		return SHOAL_ERR_AGAIN;
	}
	broadcasts->cost += made->cost;
	struct shoal_list *waiting = &broadcasts->waiting[is_reliable(made)];
	bool was_empty = shoal_list_empty(waiting);
	shoal_list_push_back(waiting, &made->node);
	if (was_empty) {
		shoal_mailbox_ring(cluster->mailbox_fd);
	}
	return 0;
}

static int
post(struct shoal_cluster *cluster, const struct shoal_reach *reach, uint16_t type,
        const void *data, size_t len)
{
	struct shoal_broadcast *made;
	int rc = check(cluster, reach, type, data, len);

	if (rc != 0) {
		return rc;
	}
	made = make(cluster, reach, type, data, len);
	if (made == NULL) {
		return shoal_last_error_set(SHOAL_ERR_NOMEM, "broadcast: out of memory");
	}
	pthread_mutex_lock(&cluster->lock);
	rc = admit(cluster, made);
	pthread_mutex_unlock(&cluster->lock);
	if (rc == 0) {
		return 0;
	}
	shoal_alloc_free(cluster->mem, made);
	return shoal_last_error_set(rc,
	        rc == SHOAL_ERR_AGAIN ? "broadcast: too many are on their way (queue_bytes); go on "
	                                "when it is writable"
	                              : "broadcast: the cluster is not running");
}

void
shoal_reach_init_sized(struct shoal_reach *reach, size_t size)
{
	memset(reach, 0, size);
	reach->size = size;
}

/* What the caller's struct says: nothing where it ends early, and nothing that is not known here.
 */
static int
widen(struct shoal_reach *wide, const struct shoal_reach *reach)
{
	const uint8_t *bytes = (const uint8_t *)reach;

	if (reach == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "broadcast: reach is NULL");
	}
	if (reach->size <= offsetof(struct shoal_reach, tag) || reach->size > REACH_MOST) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "broadcast: reach of size %zu; shoal_reach_init was not called",
		        reach->size);
	}
	for (size_t i = sizeof(*wide); i < reach->size; i++) {
		if (bytes[i] != 0) {
			return shoal_last_error_set(SHOAL_ERR_INVALID,
			        "broadcast: reach of size %zu; a field is set that this version "
			        "does not know",
			        reach->size);
		}
	}
	shoal_reach_init(wide);
	memcpy(wide, reach, reach->size < sizeof(*wide) ? reach->size : sizeof(*wide));
	return 0;
}

int
shoal_broadcast_within(struct shoal_cluster *cluster, const struct shoal_reach *reach,
        uint16_t type, const void *data, size_t len)
{
	struct shoal_reach wide;
	int rc = widen(&wide, reach);

	return rc != 0 ? rc : post(cluster, &wide, type, data, len);
}

int
shoal_broadcast(
        struct shoal_cluster *cluster, uint16_t type, const void *data, size_t len, unsigned flags)
{
	struct shoal_reach reach = {.size = sizeof(reach), .flags = flags};

	return post(cluster, &reach, type, data, len);
}

int
shoal_broadcast_tag(struct shoal_cluster *cluster, const char *tag, uint16_t type, const void *data,
        size_t len, unsigned flags)
{
	struct shoal_reach reach = {
	        .size = sizeof(reach), .tag = tag != NULL ? tag : "", .flags = flags};

	return post(cluster, &reach, type, data, len);
}

/* Whoever waits for room is told, without the lock. */
static void
release(struct shoal_cluster *cluster, uint64_t cost)
{
	uint64_t most = cluster->settings.config.profile.queue_bytes;
	struct shoal_broadcasts *broadcasts = &cluster->broadcasts;
	bool tell;

	pthread_mutex_lock(&cluster->lock);
	broadcasts->cost -= cost;
	tell = broadcasts->refused != 0 && !broadcasts->called && broadcasts->cost <= most / 2 &&
	       broadcasts->cost + broadcasts->refused <= most;
	if (tell) {
		broadcasts->refused = 0;
		broadcasts->called = true;
	}
	pthread_mutex_unlock(&cluster->lock);
	if (tell) {
		shoal_callbacks_push(&cluster->callbacks, &broadcasts->call);
	}
}

static void
put_back(struct shoal_cluster *cluster, struct shoal_broadcast *made)
{
	pthread_mutex_lock(&cluster->lock);
	shoal_list_push_front(&cluster->broadcasts.waiting[is_reliable(made)], &made->node);
	pthread_mutex_unlock(&cluster->lock);
}

static void
give(struct shoal_cluster *cluster, struct shoal_broadcast *made)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_BROADCAST,
	        .type = made->type,
	        .flags = made->flags,
	        .exchange = NUMBER | made->cost,
	        .size = made->hops,
	        .timeout_ns = SHOAL_MS(made->ttl_ms),
	        .tag = made->data,
	        .tag_len = made->tag_len,
	        .data = made->data + made->tag_len,
	        .len = made->len};

	int rc = shoal_loop_input(cluster, &input);
	if (rc == SHOAL_ERR_AGAIN || (rc == SHOAL_ERR_NOMEM && is_reliable(made))) {
		cluster->broadcasts.stalled[is_reliable(made)] = rc;
		put_back(cluster, made);
		return;
	}
	if (rc != 0) {
		cluster->extra.value[SHOAL_COUNTER_DROP_UNSENT]++;
		release(cluster, made->cost);
	}
	shoal_alloc_free(cluster->mem, made);
}

/* NULL: there is none. */
static struct shoal_broadcast *
next_waiting(struct shoal_cluster *cluster, size_t row)
{
	struct shoal_list *first;

	pthread_mutex_lock(&cluster->lock);
	first = shoal_list_first(&cluster->broadcasts.waiting[row]);
	if (first != NULL) {
		shoal_list_remove(first);
	}
	pthread_mutex_unlock(&cluster->lock);
	return first != NULL ? SHOAL_LIST_ITEM(first, struct shoal_broadcast, node) : NULL;
}

/* false: there is more. */
static bool
take_row(struct shoal_cluster *cluster, size_t row)
{
	size_t bytes = 0;

	for (size_t i = 0; i < TURN_MESSAGES && bytes < TURN_BYTES; i++) {
		if (cluster->ended || cluster->broadcasts.stalled[row] != 0) {
			return true;
		}
		struct shoal_broadcast *made = next_waiting(cluster, row);
		if (made == NULL) {
			return true;
		}
		bytes += made->cost;
		give(cluster, made);
	}
	return false;
}

void
shoal_broadcast_take(struct shoal_cluster *cluster)
{
	bool once = take_row(cluster, 0), reliable = take_row(cluster, 1);

	if (!once || !reliable) {
		shoal_mailbox_ring(cluster->mailbox_fd);
	}
}

void
shoal_broadcast_resume(struct shoal_cluster *cluster, int reason)
{
	int *stalled = cluster->broadcasts.stalled;

	for (size_t row = 0; row < 2; row++) {
		if (stalled[row] == reason) {
			stalled[row] = 0;
			shoal_mailbox_ring(cluster->mailbox_fd);
		}
	}
}

bool
shoal_broadcast_ended(struct shoal_cluster *cluster, uint64_t number)
{
	if ((number & NUMBER) == 0) {
		return false;
	}
	release(cluster, number & ~NUMBER);
	return true;
}

void
shoal_broadcast_finish(struct shoal_cluster *cluster)
{
	struct shoal_broadcasts *broadcasts = &cluster->broadcasts;
	struct shoal_broadcast *made;
	bool tell;

	while ((made = next_waiting(cluster, 0)) != NULL ||
	        (made = next_waiting(cluster, 1)) != NULL) {
		cluster->extra.value[SHOAL_COUNTER_DROP_UNSENT]++;
		shoal_alloc_free(cluster->mem, made);
	}
	pthread_mutex_lock(&cluster->lock);
	tell = broadcasts->refused != 0 && !broadcasts->called;
	broadcasts->called = broadcasts->called || tell;
	pthread_mutex_unlock(&cluster->lock);
	if (tell) { /* whoever waits hears that it has stopped */
		shoal_callbacks_push(&cluster->callbacks, &broadcasts->call);
	}
}

void
shoal_broadcast_call(struct shoal_cluster *cluster, bool dropped)
{
	shoal_writable_fn fn;
	void *arg;

	pthread_mutex_lock(&cluster->lock);
	cluster->broadcasts.called = false;
	fn = cluster->outbox.writable;
	arg = cluster->outbox.writable_arg;
	pthread_mutex_unlock(&cluster->lock);
	if (fn != NULL && !dropped) {
		fn(cluster, NULL, arg);
	}
}
