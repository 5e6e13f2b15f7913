/* SPDX-License-Identifier: MIT */
/* Operations of the loop: join, leave, wait, forget and keys, from the call to the end that is told
 * exactly once. */
#ifndef SHOAL_CLUSTER_OPERATION_H
#define SHOAL_CLUSTER_OPERATION_H

#include "cluster/cluster.h"
#include "cluster/report/reasons.h"

#define SHOAL_OPERATIONS_MAX 1024

enum shoal_op_kind {
	SHOAL_OP_JOIN,
	SHOAL_OP_LEAVE,
	SHOAL_OP_WAIT,
	SHOAL_OP_FORGET,
	SHOAL_OP_KEY,
	SHOAL_OP_KEYS,
	SHOAL_OP_ANSWER /* of a member to KEYS: is only told */
};

struct shoal_op {
	struct shoal_list node; /* the mailbox, then a list of the loop */
	struct shoal_call call; /* the callbacks' queue */
	struct shoal_cluster *cluster;
	enum shoal_op_kind kind;
	unsigned timeout_ms;
	shoal_done_fn fn;
	void *arg;
	struct shoal_list
	        begun; /* under the cluster's lock, as the next: see shoal_cluster_cancel */
	bool canceled;
	bool waited; /* somebody blocks until the end                                       */
	bool done, abandoned; /* under the cluster's lock: it ended; nobody waits any more */
	int code;
	size_t reached;
	struct shoal_reasons why;

	/* JOIN, the loop's thread. */
	char **seed; /* one allocation with the strings */
	size_t seeds;
	struct shoal_try **try;
	bool *again; /* that this join gave to the background */
	size_t open; /* tries that have not ended */
	size_t self, rejected;
	struct event *timer; /* JOIN and WAIT */

	/* WAIT, the loop's thread. */
	size_t wanted;
	bool late;

	struct shoal_id id; /* FORGET, ANSWER */

	/* KEY and KEYS. */
	enum shoal_key_action key_action;
	struct shoal_key key; /* wiped once it was carried out, or the operation is freed */
	uint64_t key_print;

	/* ANSWER, and each also of KEYS. reached, wanted: how many have answered, and will have. */
	shoal_key_answer_fn each;
	char name[SHOAL_NAME_MAX + 1];
	struct shoal_key_info held[SHOAL_KEYS_MAX];
	size_t keys;
};

/* SHOAL_ERR_AGAIN: too many exist. SHOAL_ERR_NOMEM. Both with a text. */
SHOAL_MUST_USE int shoal_op_new(struct shoal_op **op, struct shoal_cluster *cluster,
        enum shoal_op_kind kind, unsigned timeout_ms, shoal_done_fn fn, void *arg);
void shoal_op_free(struct shoal_op *op);

/* Hands it to the loop; on failure it is freed. SHOAL_ERR_STATE: the cluster is not running. */
SHOAL_MUST_USE int shoal_op_post(struct shoal_op *op);

/* Its timeout; where none was given, that of the profile. */
unsigned shoal_op_timeout_ms(const struct shoal_op *op);

/* Blocks until the end, at most until slack after its timeout; frees it. The code, with its text.
 */
int shoal_op_wait(struct shoal_op *op, size_t *reached);

/* Whether the application has canceled it. */
bool shoal_op_canceled(struct shoal_op *op);
/* From now on it cannot be canceled any more; whether it was. */
bool shoal_op_close(struct shoal_op *op);

/* The loop's thread: the end, whatever the code as CANCELED where it was. The operation is not to
 * be used any more. Its text was set with shoal_op_say. */
void shoal_op_finish(struct shoal_op *op, int code);
/* Adds a reason to the text of the end. */
void shoal_op_say(struct shoal_op *op, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* The callbacks' thread: runs fn and frees. */
void shoal_op_done(struct shoal_cluster *cluster, struct shoal_call *call);

#endif
