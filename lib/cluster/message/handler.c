/* SPDX-License-Identifier: MIT */
/* Handlers by type, and the messages that wait for them.
 *
 * The core is told how many bytes it may take, and counts them itself; when a quarter of that has
 * been handled it is told anew. So what waits here is bounded, and what has no place stays with its
 * sender. The handler is looked up when its turn has come: one that was taken away meanwhile is not
 * called. Cost: one allocation a message, a search among the handlers by halves. */
#include "cluster/message/handler.h"

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/loop.h"
#include "cluster/loop/mailbox.h"
#include "cluster/loop/serve.h"
#include "cluster/report/last_error.h"

#include <string.h>

struct shoal_message {
	struct shoal_call call;
	struct shoal_id sender;
	uint64_t stamp;
	uint16_t type, flags;
	uint8_t hops;
	size_t head; /* bytes that are not shown */
	size_t len;
	uint8_t data[];
};

uint16_t
shoal_message_type(const struct shoal_message *message)
{
	return message->type;
}

const struct shoal_id *
shoal_message_sender(const struct shoal_message *message)
{
	return &message->sender;
}

const void *
shoal_message_data(const struct shoal_message *message)
{
	return message->data + message->head;
}

size_t
shoal_message_len(const struct shoal_message *message)
{
	return message->len - message->head;
}

void
shoal_handler_unwrap(struct shoal_message *message, uint16_t type, size_t head)
{
	message->type = type;
	message->head = head;
}

unsigned
shoal_message_flags(const struct shoal_message *message)
{
	return message->flags;
}

unsigned
shoal_message_hops(const struct shoal_message *message)
{
	return message->hops;
}

uint64_t
shoal_message_stamp(const struct shoal_message *message)
{
	return message->stamp;
}

/* Under the lock: where the type stands, or would. */
static size_t
place_of(const struct shoal_handlers *handlers, uint16_t type)
{
	size_t low = 0, high = handlers->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (handlers->item[middle].type < type) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

static bool
is_at(const struct shoal_handlers *handlers, size_t place, uint16_t type)
{
	return place < handlers->count && handlers->item[place].type == type;
}

/* Under the lock. */
static int
add(struct shoal_handlers *handlers, const struct shoal_handler *handler)
{
	size_t place = place_of(handlers, handler->type);

	if (is_at(handlers, place, handler->type)) {
		return SHOAL_ERR_IN_USE;
	}
	if (handlers->count == SHOAL_HANDLERS_MAX) {
		return SHOAL_ERR_LIMIT;
	}
	memmove(&handlers->item[place + 1], &handlers->item[place],
	        (handlers->count - place) * sizeof(*handler));
	handlers->item[place] = *handler;
	handlers->count++;
	return 0;
}

static int
handle(struct shoal_cluster *cluster, const struct shoal_handler *handler)
{
	bool none = handler->fn == NULL && handler->request == NULL;
	uint16_t type = handler->type;
	int rc = shoal_fork_check(cluster, "handle");

	if (rc != 0) {
		return rc;
	}
	bool any = type == SHOAL_TYPE_ANY && handler->fn != NULL;
	if (none || (type < SHOAL_TYPE_SERVICE && !any)) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "handle: type %u with %s; types begin at %d", type,
		        none ? "no function" : "a function", SHOAL_TYPE_SERVICE);
	}
	pthread_mutex_lock(&cluster->lock);
	rc = add(&cluster->handlers, handler);
	pthread_mutex_unlock(&cluster->lock);
	if (rc == SHOAL_ERR_IN_USE) {
		return shoal_last_error_set(
		        rc, "handle: type %u has a handler; take that away first", type);
	}
	return rc == 0 ? 0
	               : shoal_last_error_set(
	                         rc, "handle: %d types have a handler", SHOAL_HANDLERS_MAX);
}

int
shoal_handle(struct shoal_cluster *cluster, uint16_t type, shoal_message_fn fn, void *arg)
{
	const struct shoal_handler handler = {.type = type, .fn = fn, .arg = arg};

	return handle(cluster, &handler);
}

int
shoal_handle_request(struct shoal_cluster *cluster, uint16_t type, shoal_request_fn fn, void *arg)
{
	const struct shoal_handler handler = {.type = type, .request = fn, .arg = arg};

	return handle(cluster, &handler);
}

int
shoal_unhandle(struct shoal_cluster *cluster, uint16_t type)
{
	struct shoal_handlers *handlers = &cluster->handlers;
	int rc = shoal_fork_check(cluster, "unhandle");

	if (rc != 0) {
		return rc;
	}
	pthread_mutex_lock(&cluster->lock);
	size_t place = place_of(handlers, type);
	bool there = is_at(handlers, place, type);
	if (there) {
		handlers->count--;
		memmove(&handlers->item[place], &handlers->item[place + 1],
		        (handlers->count - place) * sizeof(handlers->item[0]));
	}
	while (handlers->running && handlers->type == type &&
	        !pthread_equal(handlers->runner, pthread_self())) {
		pthread_cond_wait(&cluster->changed, &cluster->lock);
	}
	pthread_mutex_unlock(&cluster->lock);
	return there ? 0
	             : shoal_last_error_set(
	                       SHOAL_ERR_NOT_FOUND, "unhandle: type %u has no handler", type);
}

/* Room for one message of any length, whatever the limit. */
static uint64_t
most(const struct shoal_cluster *cluster)
{
	const struct shoal_profile *profile = &cluster->settings.config.profile;
	uint64_t largest = (uint64_t)profile->message_max + SHOAL_MESSAGE_COST;

	return profile->inbox_bytes > largest ? profile->inbox_bytes : largest;
}

void
shoal_handler_room(struct shoal_cluster *cluster)
{
	struct shoal_input input = {.kind = SHOAL_INPUT_ROOM};
	struct shoal_handlers *handlers = &cluster->handlers;
	uint64_t limit = most(cluster);

	pthread_mutex_lock(&cluster->lock);
	handlers->asked = false;
	handlers->told = handlers->held;
	input.size = handlers->held < limit ? (size_t)(limit - handlers->held) : 0;
	pthread_mutex_unlock(&cluster->lock);
	(void)shoal_loop_input(cluster, &input);
}

void
shoal_handler_message(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	struct shoal_message *message = shoal_alloc(cluster->mem, sizeof(*message) + event->len);

	if (message == NULL) {
		shoal_core_keep_message(cluster->core); /* its sender was told that it is here */
		return;
	}
	*message = (struct shoal_message){.call.kind = SHOAL_CALL_MESSAGE,
	        .sender = event->id,
	        .stamp = event->stamp,
	        .type = event->type,
	        .flags = event->flags,
	        .hops = event->hops,
	        .len = event->len};
	if (event->len > 0) {
		memcpy(message->data, event->data, event->len);
	}
	pthread_mutex_lock(&cluster->lock);
	cluster->handlers.held += event->len + SHOAL_MESSAGE_COST;
	cluster->handlers.told += event->len + SHOAL_MESSAGE_COST;
	pthread_mutex_unlock(&cluster->lock);
	shoal_callbacks_stage_message(&cluster->callbacks, &message->call);
}

/* What has been handled makes room; the core hears of it when it is a quarter of all. Until then
 * each message finds room that is no longer than half of it; where there are longer ones the core
 * hears of it too when nothing waits. To tell it costs a turn of the loop. */
static void
release(struct shoal_cluster *cluster, const struct shoal_message *message)
{
	struct shoal_handlers *handlers = &cluster->handlers;
	uint64_t largest =
	        (uint64_t)cluster->settings.config.profile.message_max + SHOAL_MESSAGE_COST;
	bool ring;

	pthread_mutex_lock(&cluster->lock);
	handlers->running = false;
	handlers->held -= message->len + SHOAL_MESSAGE_COST;
	ring = !handlers->asked && cluster->state == SHOAL_CLUSTER_RUNNING &&
	       (handlers->told - handlers->held >= most(cluster) / 4 ||
	               (handlers->held == 0 && largest > most(cluster) / 2));
	handlers->asked = handlers->asked || ring;
	pthread_cond_broadcast(&cluster->changed);
	pthread_mutex_unlock(&cluster->lock);
	if (ring) {
		shoal_mailbox_ring(cluster->mailbox_fd);
	}
}

/* Under the lock. NULL: there is none. */
static const struct shoal_handler *
find(const struct shoal_handlers *handlers, uint16_t type, bool request)
{
	size_t place = place_of(handlers, type);

	if (!is_at(handlers, place, type)) {
		place = 0;
		if (request || type < SHOAL_TYPE_APPLICATION ||
		        !is_at(handlers, place, SHOAL_TYPE_ANY)) {
			return NULL;
		}
	}
	const struct shoal_handler *found = &handlers->item[place];
	return (found->request != NULL) == request ? found : NULL;
}

static void
call_handler(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket)
{
	struct shoal_handlers *handlers = &cluster->handlers;
	struct shoal_handler handler = {.fn = NULL};

	pthread_mutex_lock(&cluster->lock);
	const struct shoal_handler *found = find(handlers, message->type, ticket != 0);
	if (found != NULL) {
		handler = *found;
		handlers->running = true;
		handlers->type = handler.type;
		handlers->runner = pthread_self();
	} else {
		handlers->unhandled++;
	}
	pthread_mutex_unlock(&cluster->lock);
	if (handler.fn != NULL) {
		handler.fn(cluster, message, handler.arg);
	} else if (handler.request != NULL) {
		handler.request(cluster, message, ticket, handler.arg);
	} else if (ticket != 0) {
		(void)shoal_reply(cluster, ticket, SHOAL_ERR_UNSUPPORTED, NULL, 0);
		shoal_serve_drop(cluster, ticket); /* where that has no room nobody answers it */
	}
}

static void
run(struct shoal_cluster *cluster, struct shoal_message *message, bool dropped)
{
	uint64_t ticket = 0;

	if (!dropped &&
	        shoal_request_on_message(cluster, message, &ticket) != SHOAL_REQUEST_TAKEN) {
		call_handler(cluster, message, ticket);
	}
	release(cluster, message);
	shoal_alloc_free(cluster->mem, message);
}

void
shoal_handler_run(struct shoal_cluster *cluster, struct shoal_call *call, bool dropped)
{
	if (call->kind == SHOAL_CALL_MESSAGE) {
		run(cluster, SHOAL_LIST_ITEM(call, struct shoal_message, call), dropped);
	} else if (call->kind == SHOAL_CALL_ROOM) {
		shoal_broadcast_call(cluster, dropped);
	} else if (call->kind == SHOAL_CALL_REPLY) {
		shoal_request_call(cluster, call);
	} else if (call->kind == SHOAL_CALL_APPLICANT) {
		shoal_applicant_call(cluster, call, dropped);
	} else if (call->kind == SHOAL_CALL_NAME) {
		shoal_question_call(cluster, call, dropped);
	} else {
		shoal_outbox_call(cluster, call, dropped);
	}
}
