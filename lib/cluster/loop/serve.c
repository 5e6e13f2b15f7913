/* SPDX-License-Identifier: MIT */
/* Requests of others. Each has a ticket from the moment its handler is called until it is answered
 * or its time is over, which both ends count, or its asker has left, is forgotten or was replaced:
 * so nothing that is never answered stays. One that is held dead may come back for its answers:
 * what it asked waits, until the places are needed. Where too many wait, half of those that others
 * leave free of one asker, or there is no handler, the asker is told at once. */
#include "cluster/loop/serve.h"

#include "base/alloc.h"
#include "base/reader.h"
#include "base/writer.h"
#include "cluster/cluster.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/mailbox.h"
#include "cluster/message/handler.h"
#include "cluster/message/rtt.h"
#include "cluster/report/last_error.h"

#define TIMEOUT_MOST 3600000
#define HEAD         11 /* of a reply, at most */

static bool
has_id(const void *owner, uint32_t value, const void *key)
{
	const struct shoal_requests *requests = owner;
	const struct shoal_asker *asker = shoal_slab_at(&requests->askers, value);

	return shoal_id_compare(&asker->id, key) == 0;
}

void
shoal_serve_init(struct shoal_cluster *cluster, const uint64_t key[2])
{
	struct shoal_requests *requests = &cluster->requests;

	shoal_slab_init(
	        &requests->served, cluster->mem, sizeof(struct shoal_served), SHOAL_REQUESTS_MAX);
	shoal_slab_init(
	        &requests->askers, cluster->mem, sizeof(struct shoal_asker), SHOAL_REQUESTS_MAX);
	shoal_table_init(&requests->by_id, cluster->mem, key, SHOAL_REQUESTS_MAX, has_id, requests);
	shoal_list_init(&requests->dead);
}

void
shoal_serve_done(struct shoal_cluster *cluster)
{
	shoal_slab_done(&cluster->requests.served);
	shoal_slab_done(&cluster->requests.askers);
	shoal_table_done(&cluster->requests.by_id);
}

static uint64_t
hash_of(const struct shoal_requests *requests, const struct shoal_id *id)
{
	return shoal_table_hash(&requests->by_id, id, sizeof(*id));
}

/* Under the lock. NULL: nothing of it waits. */
static struct shoal_asker *
find_asker(const struct shoal_requests *requests, const struct shoal_id *id)
{
	if (requests->by_id.count == 0) {
		return NULL;
	}
	return shoal_slab_at(
	        &requests->askers, shoal_table_find(&requests->by_id, hash_of(requests, id), id));
}

/* Under the lock. NULL: no memory. */
static struct shoal_asker *
take_asker(struct shoal_requests *requests, const struct shoal_id *id)
{
	struct shoal_asker *asker = find_asker(requests, id);
	uint32_t slot;

	if (asker != NULL || (asker = shoal_slab_take(&requests->askers, &slot)) == NULL) {
		return asker;
	}
	asker->id = *id;
	asker->slot = slot;
	shoal_list_init(&asker->served);
	if (shoal_table_put(&requests->by_id, hash_of(requests, id), slot) != 0) {
		shoal_slab_give(&requests->askers, slot);
		return NULL;
	}
	return asker;
}

/* Under the lock. Nothing of it waits any more. */
static void
drop_asker(struct shoal_requests *requests, struct shoal_asker *asker)
{
	shoal_list_remove(&asker->dead);
	(void)shoal_table_remove(&requests->by_id, hash_of(requests, &asker->id), asker->slot);
	shoal_slab_give(&requests->askers, asker->slot);
}

/* Under the lock. */
static void
drop(struct shoal_requests *requests, struct shoal_served *served)
{
	struct shoal_asker *asker = served->asker;

	shoal_heap_disarm(&requests->heap, &served->timer);
	shoal_list_remove(&served->node);
	shoal_slab_give(&requests->served, (uint32_t)served->ticket);
	if (--asker->count == 0) {
		drop_asker(requests, asker);
	}
}

/* Under the lock. All that it asked. */
static void
forget(struct shoal_requests *requests, struct shoal_asker *asker)
{
	for (uint32_t i = asker->count; i > 0; i--) {
		struct shoal_list *first = shoal_list_first(&asker->served);
		drop(requests, SHOAL_LIST_ITEM(first, struct shoal_served, node));
	}
}

/* Under the lock. NULL: there is none. */
static struct shoal_served *
find(const struct shoal_cluster *cluster, uint64_t ticket)
{
	struct shoal_served *served = shoal_slab_at(&cluster->requests.served, (uint32_t)ticket);

	return served != NULL && served->ticket == ticket ? served : NULL;
}

static int
send_reply(struct shoal_cluster *cluster, const struct shoal_id *to, uint64_t number, int code,
        const void *data, size_t len)
{
	uint8_t *body = shoal_alloc(cluster->mem, HEAD + len);
	struct shoal_writer writer;
	int rc;

	if (body == NULL) {
		return shoal_last_error_set(SHOAL_ERR_NOMEM, "reply: out of memory");
	}
	shoal_writer_init(&writer, body, HEAD + len);
	shoal_writer_u64(&writer, number);
	shoal_writer_var(&writer, (uint64_t)-code);
	if (len > 0) {
		shoal_writer_bytes(&writer, data, len);
	}
	rc = shoal_send(cluster, to, SHOAL_TYPE_REPLY, body, writer.len, SHOAL_RELIABLE);
	shoal_alloc_free(cluster->mem, body);
	return rc;
}

/* It is answered, or can be answered still. */
static void
settle(struct shoal_cluster *cluster, uint64_t ticket, bool answered)
{
	struct shoal_served *served;

	pthread_mutex_lock(&cluster->lock);
	served = find(cluster, ticket);
	if (served != NULL && answered) {
		drop(&cluster->requests, served);
	} else if (served != NULL) {
		served->replying = false;
	}
	pthread_mutex_unlock(&cluster->lock);
}

int
shoal_reply(struct shoal_cluster *cluster, uint64_t ticket, int code, const void *data, size_t len)
{
	int rc = shoal_fork_check(cluster, "reply");
	struct shoal_id id = {{0}};
	uint64_t number = 0;

	if (rc != 0) {
		return rc;
	}
	if (code > 0 || code < -UINT16_MAX) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "reply: code %d is none", code);
	}
	pthread_mutex_lock(&cluster->lock);
	struct shoal_served *served = find(cluster, ticket);
	bool mine = served != NULL && !served->replying;
	if (mine) {
		served->replying = true;
		id = served->asker->id;
		number = served->number;
	}
	pthread_mutex_unlock(&cluster->lock);
	if (!mine) {
		return shoal_last_error_set(SHOAL_ERR_NOT_FOUND,
		        "reply: the request has been answered, or its time is over");
	}
	rc = send_reply(cluster, &id, number, code, data, code == 0 ? len : 0);
	settle(cluster, ticket, rc == 0);
	return rc;
}

/* Under the lock. Whether a member may have one more: as many as it leaves free. Where places are
 * scarce the dead have none. */
static bool
has_share(struct shoal_requests *requests, const struct shoal_id *id)
{
	struct shoal_list *dead;

	while (requests->served.count >= SHOAL_REQUESTS_MAX / 2 &&
	        (dead = shoal_list_first(&requests->dead)) != NULL) {
		forget(requests, SHOAL_LIST_ITEM(dead, struct shoal_asker, dead));
	}
	const struct shoal_asker *asker = find_asker(requests, id);
	return requests->served.count < SHOAL_REQUESTS_MAX / 2 || asker == NULL ||
	       asker->count < SHOAL_REQUESTS_MAX - requests->served.count;
}

void
shoal_serve_drop(struct shoal_cluster *cluster, uint64_t ticket)
{
	pthread_mutex_lock(&cluster->lock);
	struct shoal_served *served = find(cluster, ticket);
	if (served != NULL) {
		drop(&cluster->requests, served);
	}
	pthread_mutex_unlock(&cluster->lock);
}

void
shoal_serve_expired(struct shoal_requests *requests, uint32_t slot)
{
	drop(requests, shoal_slab_at(&requests->served, slot));
}

void
shoal_serve_member(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	struct shoal_requests *requests = &cluster->requests;
	struct shoal_asker *asker = find_asker(requests, &event->id);

	if (asker == NULL) {
		return;
	}
	shoal_list_remove(&asker->dead);
	if (event->kind == SHOAL_EVENT_REAP || event->state == SHOAL_STATE_LEFT ||
	        (event->changed & SHOAL_CHANGE_INSTANCE) != 0) {
		forget(requests, asker);
	} else if (event->state == SHOAL_STATE_DEAD) {
		shoal_list_push_back(&requests->dead, &asker->dead);
	}
}

/* Under the lock. NULL: too many wait, or no memory. */
static struct shoal_served *
take_place(struct shoal_requests *requests, const struct shoal_id *id)
{
	struct shoal_asker *asker;
	struct shoal_served *served;
	uint32_t slot;

	if (!has_share(requests, id) ||
	        shoal_heap_reserve(&requests->heap, requests->heap.count + 1) != 0 ||
	        (asker = take_asker(requests, id)) == NULL) {
		return NULL;
	}
	served = shoal_slab_take(&requests->served, &slot);
	if (served == NULL) {
		if (asker->count == 0) {
			drop_asker(requests, asker);
		}
		return NULL;
	}
	asker->count++;
	served->asker = asker;
	served->ticket = shoal_request_number(requests, slot);
	served->timer.slot = slot;
	shoal_list_push_back(&asker->served, &served->node);
	return served;
}

/* 0: too many wait, or no memory. */
static uint64_t
open_ticket(struct shoal_cluster *cluster, const struct shoal_id *id, uint64_t number,
        unsigned timeout_ms)
{
	struct shoal_requests *requests = &cluster->requests;
	bool ring = false;

	pthread_mutex_lock(&cluster->lock);
	struct shoal_served *served = take_place(requests, id);
	if (served != NULL) {
		served->number = number;
		served->timer.kind = SHOAL_REQUEST_SERVED;
		shoal_heap_arm(&requests->heap, &served->timer, shoal_cluster_deadline(timeout_ms));
		ring = cluster->state == SHOAL_CLUSTER_RUNNING &&
		       served->timer.at < requests->armed;
	}
	uint64_t ticket = served != NULL ? served->ticket : 0;
	pthread_mutex_unlock(&cluster->lock);
	if (ring) {
		shoal_mailbox_ring(cluster->mailbox_fd);
	}
	return ticket;
}

static enum shoal_request_what
on_request(struct shoal_cluster *cluster, struct shoal_message *message, uint64_t *ticket)
{
	const struct shoal_id *from = shoal_message_sender(message);
	size_t len = shoal_message_len(message);
	struct shoal_reader reader;

	shoal_reader_init(&reader, shoal_message_data(message), len);
	uint64_t number = shoal_reader_u64(&reader);
	unsigned timeout_ms = (unsigned)shoal_reader_var(&reader, TIMEOUT_MOST);
	uint16_t type = (uint16_t)shoal_reader_var(&reader, UINT16_MAX);
	if (reader.failed) {
		return SHOAL_REQUEST_TAKEN;
	}
	*ticket = open_ticket(cluster, from, number, timeout_ms);
	if (*ticket == 0) {
		(void)send_reply(cluster, from, number, SHOAL_ERR_LIMIT, NULL, 0);
		return SHOAL_REQUEST_TAKEN;
	}
	shoal_handler_unwrap(message, type, len - reader.left);
	if (type == SHOAL_TYPE_RTT) {
		shoal_rtt_serve(cluster, message, *ticket);
		return SHOAL_REQUEST_TAKEN;
	}
	return SHOAL_REQUEST_OPENED;
}

enum shoal_request_what
shoal_request_on_message(
        struct shoal_cluster *cluster, struct shoal_message *message, uint64_t *ticket)
{
	bool reliable = shoal_message_flags(message) == SHOAL_RELIABLE;

	switch (shoal_message_type(message)) {
	case SHOAL_TYPE_REQUEST:
		return reliable ? on_request(cluster, message, ticket) : SHOAL_REQUEST_TAKEN;
	case SHOAL_TYPE_REPLY:
		if (reliable) {
			shoal_request_replied(cluster, message);
		}
		return SHOAL_REQUEST_TAKEN;
	default:
		return SHOAL_REQUEST_NONE;
	}
}
