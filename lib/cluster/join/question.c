/* SPDX-License-Identifier: MIT */
/* The resolver of the application: from a lookup over a ticket to the answer that comes back, which
 * any thread may give.
 *
 * A ticket is there from the moment the lookup asks until it was answered, or nobody waits for it
 * any more. One whose question still waits for the callbacks' thread keeps its place until it has
 * left that queue, so that there are never more questions in it than places, however long callbacks
 * take; nobody is asked it then. */
#include "cluster/join/question.h"

#include "base/alloc.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "cluster/join/seed.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/loop.h"
#include "cluster/loop/mailbox.h"
#include "cluster/report/last_error.h"

#include <string.h>

#define ASKED_MAX 4096

struct asked {
	uint64_t ticket;
	enum shoal_name_kind kind;
	struct shoal_lookup *lookup; /* NULL: it was given up. Of the loop's thread */
	bool queued;                 /* its question waits for the callbacks' thread */
	bool answered;
};

/* A question on its way to the application. */
struct question {
	struct shoal_call call;
	struct shoal_name_question question;
	char name[];
};

/* What the application said, on its way to the loop. */
struct answer {
	struct shoal_list node;
	uint64_t ticket;
	struct shoal_question_answer is;
	char why[SHOAL_RESOLVED_REASON + 1];
	struct shoal_service after[]; /* or addresses: what it points to */
};

void
shoal_question_init(struct shoal_cluster *cluster)
{
	shoal_slab_init(&cluster->questions.asked, cluster->mem, sizeof(struct asked), ASKED_MAX);
	shoal_list_init(&cluster->questions.answers);
	shoal_list_init(&cluster->questions.waiting[0]);
	shoal_list_init(&cluster->questions.waiting[1]);
	cluster->questions.asked_ms = SHOAL_RESOLVED_MS;
}

void
shoal_question_done(struct shoal_cluster *cluster)
{
	struct shoal_list *node;

	while ((node = shoal_list_first(&cluster->questions.answers)) != NULL) {
		shoal_list_remove(node);
		shoal_alloc_free(cluster->mem, SHOAL_LIST_ITEM(node, struct answer, node));
	}
	shoal_slab_done(&cluster->questions.asked);
}

/* Under the lock. NULL: it is over. */
static struct asked *
find(struct shoal_cluster *cluster, uint64_t ticket)
{
	struct asked *asked = shoal_slab_at(&cluster->questions.asked, (uint32_t)ticket);

	return asked != NULL && asked->ticket == ticket ? asked : NULL;
}

int
shoal_question_ask(struct shoal_cluster *cluster, struct shoal_lookup *lookup,
        enum shoal_name_kind kind, const char *name, uint64_t *ticket)
{
	struct shoal_questions *questions = &cluster->questions;
	size_t len = strlen(name) + 1;
	struct question *question = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*question) + len);
	struct asked *asked;
	uint32_t slot;
	int rc = 0;

	if (question == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	pthread_mutex_lock(&cluster->lock);
	rc = questions->asked.count == ASKED_MAX ? SHOAL_ERR_LIMIT : SHOAL_ERR_NOMEM;
	asked = shoal_slab_take(&questions->asked, &slot);
	if (asked != NULL) {
		questions->round++;
		questions->round += questions->round == 0;
		asked->ticket = *ticket = (uint64_t)questions->round << 32 | slot;
		asked->kind = kind;
		asked->lookup = lookup;
		asked->queued = true;
		asked->answered = false;
		rc = 0;
	}
	pthread_mutex_unlock(&cluster->lock);
	if (rc != 0) {
		shoal_alloc_free(cluster->mem, question);
		return rc;
	}
	memcpy(question->name, name, len);
	question->call.kind = SHOAL_CALL_NAME;
	question->question.ticket = *ticket;
	question->question.kind = kind;
	question->question.name = question->name;
	shoal_callbacks_stage_message(&cluster->callbacks, &question->call);
	shoal_loop_touch(cluster);
	return 0;
}

void
shoal_question_forget(struct shoal_cluster *cluster, uint64_t ticket)
{
	struct asked *asked;

	pthread_mutex_lock(&cluster->lock);
	asked = find(cluster, ticket);
	if (asked != NULL) {
		asked->lookup = NULL;
		if (!asked->queued) {
			shoal_slab_give(&cluster->questions.asked, (uint32_t)ticket);
		}
	}
	pthread_mutex_unlock(&cluster->lock);
}

/* Its question has left the queue. false: nobody is to be asked. */
static bool
leave_queue(struct shoal_cluster *cluster, uint64_t ticket)
{
	struct asked *asked;
	bool asks = false;

	pthread_mutex_lock(&cluster->lock);
	asked = find(cluster, ticket);
	if (asked != NULL) {
		asked->queued = false;
		asks = asked->lookup != NULL;
		if (!asks) {
			shoal_slab_give(&cluster->questions.asked, (uint32_t)ticket);
		}
	}
	pthread_mutex_unlock(&cluster->lock);
	return asks;
}

void
shoal_question_call(struct shoal_cluster *cluster, struct shoal_call *call, bool dropped)
{
	struct question *question = SHOAL_LIST_ITEM(call, struct question, call);
	const struct shoal_config *config = &cluster->settings.config;

	if (leave_queue(cluster, question->question.ticket) && !dropped) {
		config->resolver(cluster, &question->question, config->resolver_arg);
	}
	shoal_alloc_free(cluster->mem, question);
}

/* kind 0: any. */
static int
may_answer(struct shoal_cluster *cluster, const struct asked *asked, unsigned kind)
{
	if (cluster->state != SHOAL_CLUSTER_RUNNING && cluster->state != SHOAL_CLUSTER_LEAVING) {
		return SHOAL_ERR_STATE;
	}
	if (asked == NULL || asked->lookup == NULL || asked->answered) {
		return SHOAL_ERR_NOT_FOUND;
	}
	return kind != 0 && asked->kind != kind ? SHOAL_ERR_INVALID : 0;
}

static const char *
complaint(int code, unsigned kind)
{
	switch (code) {
	case SHOAL_ERR_STATE:
		return "the cluster is not running";
	case SHOAL_ERR_NOT_FOUND:
		return "it was answered before, or nobody waits for the answer any more";
	default:
		return kind == SHOAL_NAME_HOST
		               ? "the question is for a service: shoal_resolved_services"
		               : "the question is for the addresses of a host: shoal_resolved";
	}
}

/* Takes the answer over. */
static int
post(struct shoal_cluster *cluster, struct answer *answer, unsigned kind)
{
	struct shoal_questions *questions = &cluster->questions;
	struct asked *asked;
	int rc;

	pthread_mutex_lock(&cluster->lock);
	asked = find(cluster, answer->ticket);
	rc = may_answer(cluster, asked, kind);
	if (rc == 0) {
		bool first = shoal_list_empty(&questions->answers);

		asked->answered = true;
		shoal_list_push_back(&questions->answers, &answer->node);
		if (first) {
			shoal_mailbox_ring(cluster->mailbox_fd);
		}
	}
	pthread_mutex_unlock(&cluster->lock);
	if (rc == 0) {
		return 0;
	}
	shoal_alloc_free(cluster->mem, answer);
	return shoal_last_error_set(rc, "resolved: %s", complaint(rc, kind));
}

static int
no_memory(void)
{
	return shoal_last_error_set(
	        SHOAL_ERR_NOMEM, "resolved: %s", shoal_strerror(SHOAL_ERR_NOMEM));
}

static int
check_count(const void *list, size_t n)
{
	if (list != NULL && n > 0 && n <= SHOAL_RESOLVED_MAX) {
		return 0;
	}
	return shoal_last_error_set(SHOAL_ERR_INVALID,
	        "resolved: %zu answers; allowed are 1 to %d, and shoal_unresolved for none", n,
	        SHOAL_RESOLVED_MAX);
}

static int
check_addr(const struct shoal_addr *addr, size_t i)
{
	if (shoal_addr_is_web(addr)) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "resolved: addresses[%zu]: what begins with 01 stands for a URL, and is "
		        "no address of a host",
		        i);
	}
	return 0;
}

int
shoal_resolved(
        struct shoal_cluster *cluster, uint64_t ticket, const struct shoal_addr *addr, size_t n)
{
	int rc = shoal_fork_check(cluster, "resolved");
	struct answer *answer;

	rc = rc == 0 ? check_count(addr, n) : rc;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = check_addr(&addr[i], i);
	}
	if (rc != 0) {
		return rc;
	}
	answer = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*answer) + n * sizeof(*addr));
	if (answer == NULL) {
		return no_memory();
	}
	answer->ticket = ticket;
	answer->is.n = n;
	answer->is.addr = memcpy(answer->after, addr, n * sizeof(*addr));
	return post(cluster, answer, SHOAL_NAME_HOST);
}

static int
check_service(const struct shoal_service *service, size_t i)
{
	if (service->host == NULL || !shoal_seed_is_host(service->host) || service->port == 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "resolved: services[%zu]: the name of a host, of 1 to %d bytes, or an "
		        "address without a port, and a port above 0 are needed",
		        i, SHOAL_HOST_MAX);
	}
	return 0;
}

int
shoal_resolved_services(struct shoal_cluster *cluster, uint64_t ticket,
        const struct shoal_service *service, size_t n)
{
	int rc = shoal_fork_check(cluster, "resolved");
	size_t bytes = 0;
	struct answer *answer;
	char *at;

	rc = rc == 0 ? check_count(service, n) : rc;
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = check_service(&service[i], i);
		bytes += rc == 0 ? strlen(service[i].host) + 1 : 0;
	}
	if (rc != 0) {
		return rc;
	}
	answer =
	        shoal_alloc_zeroed(cluster->mem, 1, sizeof(*answer) + n * sizeof(*service) + bytes);
	if (answer == NULL) {
		return no_memory();
	}
	answer->ticket = ticket;
	answer->is.n = n;
	answer->is.service = memcpy(answer->after, service, n * sizeof(*service));
	at = (char *)(answer->is.service + n);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(service[i].host) + 1;

		answer->is.service[i].host = memcpy(at, service[i].host, len);
		at += len;
	}
	return post(cluster, answer, SHOAL_NAME_SERVICE);
}

int
shoal_unresolved(struct shoal_cluster *cluster, uint64_t ticket, const char *reason)
{
	int rc = shoal_fork_check(cluster, "unresolved");
	size_t len = reason != NULL ? strlen(reason) : 0;
	struct answer *answer;

	if (rc != 0) {
		return rc;
	}
	if (len == 0 || len > SHOAL_RESOLVED_REASON ||
	        !shoal_text_is_name((const uint8_t *)reason, len)) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "unresolved: the reason must be UTF-8 without control characters, of 1 to "
		        "%d bytes",
		        SHOAL_RESOLVED_REASON);
	}
	answer = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*answer));
	if (answer == NULL) {
		return no_memory();
	}
	answer->ticket = ticket;
	answer->is.code = SHOAL_ERR_RESOLVE;
	answer->is.why = memcpy(answer->why, reason, len + 1);
	return post(cluster, answer, 0);
}

/* NULL: there is none. */
static struct answer *
next(struct shoal_cluster *cluster, struct shoal_lookup **lookup)
{
	struct shoal_questions *questions = &cluster->questions;
	struct shoal_list *first;
	struct answer *answer = NULL;

	*lookup = NULL;
	pthread_mutex_lock(&cluster->lock);
	first = shoal_list_first(&questions->answers);
	if (first != NULL) {
		struct asked *asked;

		shoal_list_remove(first);
		answer = SHOAL_LIST_ITEM(first, struct answer, node);
		asked = find(cluster, answer->ticket);
		if (asked != NULL) {
			*lookup = asked->lookup;
			shoal_slab_give(&questions->asked, (uint32_t)answer->ticket);
		}
	}
	pthread_mutex_unlock(&cluster->lock);
	return answer;
}

void
shoal_question_take(struct shoal_cluster *cluster)
{
	struct shoal_lookup *lookup;
	struct answer *answer;

	while ((answer = next(cluster, &lookup)) != NULL) {
		if (lookup != NULL) {
			shoal_lookup_answered(lookup, &answer->is);
		}
		shoal_alloc_free(cluster->mem, answer);
	}
}
