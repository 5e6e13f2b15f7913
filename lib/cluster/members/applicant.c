/* SPDX-License-Identifier: MIT */
/* The accept callback: from the core's question over a ticket to the decision that comes back.
 *
 * A ticket is there from the moment the core asks until it was answered, or the core has given up.
 * Answering needs no memory: the ticket's own place waits in a list for the loop. Tickets that are
 * not answered are forgotten when their places are needed, but not before their questions have left
 * the callbacks' queue, so that there are never more of those than places, however long callbacks
 * take. A question whose time is over when its turn comes is not asked. */
#include "cluster/members/applicant.h"

#include "base/alloc.h"
#include "base/text.h"
#include "cluster/cluster.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/loop.h"
#include "cluster/loop/mailbox.h"
#include "cluster/report/last_error.h"
#include "transports/tls.h"

#include <string.h>

/* As many as wait in the core, and as long. */
#define ASKED_MAX 1152
#define ASKED_MS  30000

struct asked {
	struct shoal_list node; /* in decided */
	uint64_t ticket, number;
	uint64_t until;
	bool queued; /* its question waits for the callbacks' thread */
	bool decided;
	int code;
	char reason[SHOAL_ACCEPT_REASON_MAX + 1];
};

/* A question on its way to the application. */
struct question {
	struct shoal_call call;
	struct shoal_applicant applicant;
	char peer[SHOAL_TLS_NAME_MAX + 1];
};

void
shoal_applicant_init(struct shoal_cluster *cluster)
{
	shoal_slab_init(&cluster->applicants.asked, cluster->mem, sizeof(struct asked), ASKED_MAX);
	shoal_list_init(&cluster->applicants.decided);
	cluster->applicants.asked_ms = ASKED_MS;
}

void
shoal_applicant_done(struct shoal_cluster *cluster)
{
	shoal_slab_done(&cluster->applicants.asked);
}

/* Under the lock. */
static void
give_up_old(struct shoal_applicants *applicants)
{
	uint64_t now = shoal_cluster_deadline(0);

	for (uint32_t i = 0; i < applicants->asked.end; i++) {
		const struct asked *asked = shoal_slab_at(&applicants->asked, i);

		if (asked != NULL && !asked->queued && !asked->decided && asked->until <= now) {
			shoal_slab_give(&applicants->asked, i);
		}
	}
}

/* 0: no place, or no memory. */
static uint64_t
open_ticket(struct shoal_cluster *cluster, uint64_t number)
{
	struct shoal_applicants *applicants = &cluster->applicants;
	struct asked *asked;
	uint64_t ticket = 0;
	uint32_t slot;

	pthread_mutex_lock(&cluster->lock);
	if (applicants->asked.count == ASKED_MAX) {
		give_up_old(applicants);
	}
	asked = shoal_slab_take(&applicants->asked, &slot);
	if (asked != NULL) {
		applicants->round++;
		applicants->round += applicants->round == 0;
		ticket = asked->ticket = (uint64_t)applicants->round << 32 | slot;
		asked->number = number;
		asked->until = shoal_cluster_deadline(applicants->asked_ms);
		asked->queued = true;
	}
	pthread_mutex_unlock(&cluster->lock);
	return ticket;
}

/* Of whom the word is that the core was stepped with: whether it asks to join or only says, or
 * tells of another one, nobody comes to a list by a message of who has another name. */
static void
read_peer(const struct shoal_cluster *cluster, struct question *question)
{
	const struct shoal_transport *by = cluster->delivers;

	question->applicant.peer = question->peer;
	if (by == NULL || (by->ops->caps & SHOAL_TRANSPORT_PEERS) == 0 ||
	        by->ops->peer(by->self, question->peer, sizeof(question->peer)) != 0) {
		question->peer[0] = '\0';
	}
}

/* Whom nobody is asked about for want of memory is refused by nobody: the core asks again. */
void
shoal_applicant_asked(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	struct shoal_core_member held;
	struct question *question;

	if (!shoal_core_applicant(cluster->core, event->exchange, &held)) {
		return;
	}
	question = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*question));
	if (question == NULL) {
		return;
	}
	question->call.kind = SHOAL_CALL_APPLICANT;
	question->applicant.cause = event->cause;
	read_peer(cluster, question);
	question->applicant.member = shoal_member_new(cluster->mem, &held, event->wall_ns, NULL);
	if (question->applicant.member != NULL) {
		question->applicant.ticket = open_ticket(cluster, event->exchange);
	}
	if (question->applicant.ticket == 0) {
		shoal_applicant_call(cluster, &question->call, true);
		return;
	}
	shoal_callbacks_stage_message(&cluster->callbacks, &question->call);
}

/* Its question has left the queue. false: nobody is to be asked. */
static bool
leave_queue(struct shoal_cluster *cluster, uint64_t ticket, bool dropped)
{
	struct shoal_slab *slab = &cluster->applicants.asked;
	bool asks = false;

	pthread_mutex_lock(&cluster->lock);
	struct asked *asked = shoal_slab_at(slab, (uint32_t)ticket);
	if (asked != NULL && asked->ticket == ticket) {
		asks = !dropped && !asked->decided && asked->until > shoal_cluster_deadline(0);
		asked->queued = false;
		if (!asks && !asked->decided) {
			shoal_slab_give(slab, (uint32_t)ticket);
		}
	}
	pthread_mutex_unlock(&cluster->lock);
	return asks;
}

void
shoal_applicant_call(struct shoal_cluster *cluster, struct shoal_call *call, bool dropped)
{
	struct question *question = SHOAL_LIST_ITEM(call, struct question, call);
	const struct shoal_config *config = &cluster->settings.config;

	if (leave_queue(cluster, question->applicant.ticket, dropped)) {
		config->accept(cluster, &question->applicant, config->accept_arg);
	}
	shoal_member_unref(question->applicant.member);
	shoal_alloc_free(cluster->mem, question);
}

static int
decide(struct shoal_cluster *cluster, uint64_t ticket, int code, const char *reason)
{
	struct shoal_applicants *applicants = &cluster->applicants;
	int rc = 0;

	pthread_mutex_lock(&cluster->lock);
	struct asked *asked = shoal_slab_at(&applicants->asked, (uint32_t)ticket);
	if (asked == NULL || asked->ticket != ticket || asked->decided ||
	        asked->until <= shoal_cluster_deadline(0)) {
		rc = SHOAL_ERR_NOT_FOUND;
	} else if (cluster->state != SHOAL_CLUSTER_RUNNING &&
	           cluster->state != SHOAL_CLUSTER_LEAVING) {
		rc = SHOAL_ERR_STATE;
	} else {
		bool first = shoal_list_empty(&applicants->decided);

		asked->decided = true;
		asked->code = code;
		memcpy(asked->reason, reason, strlen(reason) + 1);
		shoal_list_push_back(&applicants->decided, &asked->node);
		if (first) {
			shoal_mailbox_ring(cluster->mailbox_fd);
		}
	}
	pthread_mutex_unlock(&cluster->lock);
	return rc == 0 ? 0
	               : shoal_last_error_set(rc, "%s: %s", code == 0 ? "accept" : "refuse",
	                         rc == SHOAL_ERR_STATE
	                                 ? "the cluster is not running"
	                                 : "it was decided before, or its time is over");
}

int
shoal_accept(struct shoal_cluster *cluster, uint64_t ticket)
{
	int rc = shoal_fork_check(cluster, "accept");

	return rc != 0 ? rc : decide(cluster, ticket, 0, "");
}

int
shoal_refuse(struct shoal_cluster *cluster, uint64_t ticket, const char *reason)
{
	int rc = shoal_fork_check(cluster, "refuse");
	size_t len = reason != NULL ? strlen(reason) : 0;

	if (rc != 0) {
		return rc;
	}
	if (len > SHOAL_ACCEPT_REASON_MAX ||
	        (len > 0 && !shoal_text_is_name((const uint8_t *)reason, len))) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "refuse: the reason must be UTF-8 without control characters, of at most "
		        "%d bytes",
		        SHOAL_ACCEPT_REASON_MAX);
	}
	return decide(cluster, ticket, SHOAL_ERR_REJECTED, len > 0 ? reason : "");
}

/* false: there is none. */
static bool
next(struct shoal_cluster *cluster, struct asked *decided)
{
	struct shoal_list *first;

	pthread_mutex_lock(&cluster->lock);
	first = shoal_list_first(&cluster->applicants.decided);
	if (first != NULL) {
		shoal_list_remove(first);
		*decided = *SHOAL_LIST_ITEM(first, struct asked, node);
		shoal_slab_give(&cluster->applicants.asked, (uint32_t)decided->ticket);
	}
	pthread_mutex_unlock(&cluster->lock);
	return first != NULL;
}

void
shoal_applicant_take(struct shoal_cluster *cluster)
{
	struct asked decided;

	while (next(cluster, &decided)) {
		struct shoal_input input = {.kind = SHOAL_INPUT_ACCEPT,
		        .exchange = decided.number,
		        .code = decided.code,
		        .data = (const uint8_t *)decided.reason,
		        .len = strlen(decided.reason)};

		(void)shoal_loop_input(cluster, &input);
	}
}
