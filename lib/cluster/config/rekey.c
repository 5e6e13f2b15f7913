/* SPDX-License-Identifier: MIT */
/* Orders about keys for all members, with an answer of each.
 *
 * A key that some do not hold must not be used, and one that some use must not be removed: they
 * would be cut off. So before either all are asked which keys they hold, and only if nobody is in
 * the way, and everybody has answered, the order goes out. This member is the first to install and
 * to use a key, and the last to remove one, which it needs to read what those say who still have
 * it.
 *
 * One order at a time, a few members at once. Answers come as events of the core, from inside of an
 * input; what follows from them waits for the turn. */
#include "cluster/config/rekey.h"

#include "base/alloc.h"
#include "cluster/config/keyring.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/loop.h"

#include <string.h>

#define OPEN_MAX 8
#define SELF     0

struct target {
	struct shoal_id id;
	char name[SHOAL_NAME_MAX + 1];
	struct shoal_op *answer; /* under way: what its answer will be told by */
};

struct shoal_rekey {
	struct shoal_op *op;
	bool checks; /* all are asked for their keys first */
	size_t next, open, answered, failed;
	int code;       /* of the first that failed */
	bool nobody;    /* holds the key that is to go */
	size_t lacking; /* had not got it when they were told */
	size_t holders; /* of the key that goes, among those that were asked */
	size_t count;
	struct target target[];
};

static const char *
why(enum shoal_key_action action, int code)
{
	switch (code) {
	case SHOAL_ERR_NOT_FOUND:
		return "does not hold the key, or does not know this member";
	case SHOAL_ERR_STATE:
		return action == SHOAL_KEY_REMOVE ? "uses the key: use another one first"
		                                  : "holds another key with the same id by chance";
	case SHOAL_ERR_LIMIT:
		return "holds 8 keys, or too much is under way";
	default:
		return shoal_strerror(code);
	}
}

/* The memory for one answer. */
static struct shoal_op *
make_answer(const struct shoal_rekey *rekey)
{
	struct shoal_op *answer, *op = rekey->op;

	if (shoal_op_new(&answer, op->cluster, SHOAL_OP_ANSWER, 0, NULL, op->arg) != 0) {
		return NULL;
	}
	answer->each = op->each;
	return answer;
}

static void
tell(struct shoal_rekey *rekey, struct shoal_op *answer, const struct target *target, int code)
{
	answer->id = target->id;
	memcpy(answer->name, target->name, sizeof(answer->name));
	answer->code = code;
	answer->reached = rekey->answered;
	answer->wanted = rekey->count + 1;
	if (answer->each != NULL) {
		shoal_callbacks_push(&rekey->op->cluster->callbacks, &answer->call);
	} else {
		shoal_op_free(answer);
	}
}

static void
fail(struct shoal_rekey *rekey, const char *name, int code)
{
	rekey->failed++;
	rekey->code = rekey->code == 0 ? code : rekey->code;
	shoal_op_say(rekey->op, "%s: %s", name, why(rekey->op->key_action, code));
}

/* What a member that was only asked for its keys is in the way with. */
static int
judge(struct shoal_rekey *rekey, const struct shoal_op *answer)
{
	const struct shoal_op *op = rekey->op;
	bool holds = false, uses = false;

	for (size_t i = 0; i < answer->keys; i++) {
		if (answer->held[i].print == op->key_print) {
			holds = true;
			uses = answer->held[i].in_use;
		}
	}
	rekey->holders += holds;
	if (op->key_action == SHOAL_KEY_USE) {
		return holds ? 0 : SHOAL_ERR_NOT_FOUND;
	}
	return uses ? SHOAL_ERR_STATE : 0;
}

/* Whoever has not got the key need not remove it: that is told, and no failure. */
static bool
is_gone(const struct shoal_rekey *rekey, int code)
{
	return rekey->op->key_action == SHOAL_KEY_REMOVE && code == SHOAL_ERR_NOT_FOUND;
}

static void
take(struct shoal_rekey *rekey, struct target *target, struct shoal_op *answer, int code)
{
	if (rekey->checks) {
		code = code == 0 ? judge(rekey, answer) : code;
	} else if (is_gone(rekey, code)) {
		rekey->lacking++;
	}
	if (code != 0 && !is_gone(rekey, code)) {
		fail(rekey, target->name, code);
	}
	if (code == 0 && rekey->checks) {
		shoal_op_free(answer); /* the order itself comes later */
		return;
	}
	rekey->answered++;
	tell(rekey, answer, target, code);
}

static void
read_held(struct shoal_op *answer,
        bool (*key)(const struct shoal_core *, size_t, struct shoal_key_info *))
{
	while (answer->keys < SHOAL_KEYS_MAX &&
	        key(answer->cluster->core, answer->keys, &answer->held[answer->keys])) {
		answer->keys++;
	}
}

void
shoal_rekey_answered(struct shoal_cluster *cluster, const struct shoal_event *event)
{
	struct shoal_rekey *rekey = cluster->rekey;

	if (event->slot == SELF) {
		shoal_keyring_publish(cluster);
		return;
	}
	for (size_t i = 0; rekey != NULL && i < rekey->count; i++) {
		struct target *target = &rekey->target[i];
		struct shoal_op *answer = target->answer;
		if (answer == NULL || shoal_id_compare(&target->id, &event->id) != 0) {
			continue;
		}
		target->answer = NULL;
		rekey->open--;
		read_held(answer, shoal_core_key_said);
		take(rekey, target, answer, event->code);
		return;
	}
}

static void
ask(struct shoal_rekey *rekey, struct target *target)
{
	struct shoal_cluster *cluster = rekey->op->cluster;
	struct shoal_input input = {.kind = SHOAL_INPUT_KEYS,
	        .data = target->id.bytes,
	        .len = sizeof(target->id.bytes)};
	struct shoal_op *answer = make_answer(rekey);
	int rc = SHOAL_ERR_NOMEM;

	if (answer != NULL) {
		target->answer = answer;
		rekey->open++;
		rc = shoal_loop_input(cluster, &input);
	}
	if (rc == 0 || target->answer != answer) {
		return;
	}
	if (answer == NULL) {
		rekey->answered++;
		fail(rekey, target->name, rc);
		return;
	}
	target->answer = NULL;
	rekey->open--;
	take(rekey, target, answer, rc);
}

static void
finish(struct shoal_rekey *rekey, int code)
{
	struct shoal_op *op = rekey->op;
	struct shoal_cluster *cluster = op->cluster;

	for (size_t i = 0; i < rekey->count; i++) {
		if (rekey->target[i].answer != NULL) {
			shoal_op_free(rekey->target[i].answer);
		}
	}
	if (cluster->core != NULL) {
		(void)shoal_core_key_order(cluster->core, SHOAL_KEY_LIST, NULL, 0);
	}
	shoal_key_wipe(&op->key, sizeof(op->key));
	op->reached = rekey->answered - rekey->failed - rekey->lacking;
	cluster->rekey = NULL;
	shoal_alloc_free(cluster->mem, rekey);
	shoal_op_finish(op, code);
}

/* What other members log of the order, here. */
static void
note(const struct shoal_rekey *rekey, const char *self, int code)
{
	static const char *const words[] = {"list", "install", "use", "remove"};
	enum shoal_key_action action = rekey->op->key_action;

	if (action != SHOAL_KEY_LIST) {
		shoal_cluster_log(rekey->op->cluster, SHOAL_LOG_INFO, "keys",
		        "%s a key, says %s: %s", words[action], self,
		        code == 0                     ? "done"
		        : code == SHOAL_ERR_NOT_FOUND ? "the key is not held here"
		                                      : why(action, code));
	}
}

/* The order, where it is this member's turn. */
static void
act_here(struct shoal_rekey *rekey)
{
	struct shoal_op *op = rekey->op, *answer = make_answer(rekey);
	struct shoal_core_member self;
	struct target target = {.answer = NULL};
	int rc = shoal_keyring_act(op->cluster, op->key_action, &op->key, op->key_print);

	if (shoal_core_member(op->cluster->core, SELF, &self)) {
		target.id = self.id;
		memcpy(target.name, self.name, strlen(self.name) + 1);
	}
	rekey->answered++;
	if (is_gone(rekey, rc)) {
		rekey->lacking++;
	} else if (rc != 0) {
		fail(rekey, target.name, rc);
	}
	note(rekey, target.name, rc);
	if (answer != NULL) {
		read_held(answer, shoal_core_key);
		tell(rekey, answer, &target, rc);
	}
}

/* Whether this member itself is in the way. */
static void
check_here(struct shoal_rekey *rekey)
{
	struct shoal_op *op = rekey->op;
	struct shoal_key_info info;
	bool holds = false, uses = false;

	for (size_t i = 0; shoal_core_key(op->cluster->core, i, &info); i++) {
		holds = holds || info.print == op->key_print;
		uses = uses || (info.print == op->key_print && info.in_use);
	}
	rekey->holders += holds;
	if (op->key_action == SHOAL_KEY_USE ? !holds : uses) {
		fail(rekey, "this member", holds ? SHOAL_ERR_STATE : SHOAL_ERR_NOT_FOUND);
		rekey->answered++;
	}
}

/* Sends the order out, or the question before it. */
static void
begin_round(struct shoal_rekey *rekey)
{
	struct shoal_op *op = rekey->op;
	enum shoal_key_action action = rekey->checks ? SHOAL_KEY_LIST : op->key_action;

	rekey->next = 0;
	rekey->answered = 0;
	if (rekey->checks) {
		check_here(rekey);
	}
	if (!rekey->checks && op->key_action != SHOAL_KEY_REMOVE) {
		act_here(rekey);
	}
	if (rekey->code != 0) {
		rekey->next = rekey->count; /* nobody is told */
		return;
	}
	int rc = shoal_core_key_order(op->cluster->core, action, &op->key, op->key_print);
	if (rc != 0) {
		shoal_op_say(op, "%s",
		        rc == SHOAL_ERR_UNSUPPORTED
		                ? "this member seals nothing: keys are not sent in clear"
		                : shoal_strerror(rc));
		rekey->code = rc;
		rekey->next = rekey->count;
	}
}

void
shoal_rekey_pump(struct shoal_cluster *cluster)
{
	struct shoal_rekey *rekey = cluster->rekey;

	if (rekey == NULL) {
		return;
	}
	while (rekey->open < OPEN_MAX && rekey->next < rekey->count) {
		ask(rekey, &rekey->target[rekey->next++]);
	}
	if (rekey->open > 0) {
		return;
	}
	if (rekey->checks && rekey->code == 0) {
		rekey->checks = false;
		rekey->nobody = rekey->op->key_action == SHOAL_KEY_REMOVE && rekey->holders == 0;
		begin_round(rekey);
		shoal_loop_later(cluster);
		return;
	}
	if (!rekey->checks && rekey->op->key_action == SHOAL_KEY_REMOVE) {
		if (rekey->code == 0) {
			act_here(rekey);
		} else {
			shoal_op_say(rekey->op, "here it stays until all others have removed it");
		}
	}
	if (rekey->nobody && rekey->code == 0) {
		shoal_op_say(rekey->op, "no member holds this key");
		rekey->code = SHOAL_ERR_NOT_FOUND;
	}
	finish(rekey, rekey->code);
}

/* Who takes part. false: no memory. */
static struct shoal_rekey *
collect(struct shoal_cluster *cluster)
{
	size_t slots = shoal_core_slots(cluster->core), count = 0;
	struct shoal_core_member held;
	struct shoal_rekey *rekey;

	for (uint32_t slot = 1; slot < slots; slot++) {
		count += shoal_core_member(cluster->core, slot, &held) &&
		         (held.state == SHOAL_STATE_ALIVE || held.state == SHOAL_STATE_SUSPECT);
	}
	rekey = shoal_alloc_zeroed(
	        cluster->mem, 1, sizeof(*rekey) + count * sizeof(rekey->target[0]));
	for (uint32_t slot = 1; rekey != NULL && slot < slots; slot++) {
		if (shoal_core_member(cluster->core, slot, &held) &&
		        (held.state == SHOAL_STATE_ALIVE || held.state == SHOAL_STATE_SUSPECT)) {
			struct target *target = &rekey->target[rekey->count++];
			target->id = held.id;
			memcpy(target->name, held.name, strlen(held.name) + 1);
		}
	}
	return rekey;
}

void
shoal_rekey_begin(struct shoal_op *op)
{
	struct shoal_cluster *cluster = op->cluster;
	struct shoal_rekey *rekey = NULL;
	int rc = cluster->leave != NULL || cluster->ended ? SHOAL_ERR_CANCELED
	         : cluster->rekey != NULL                 ? SHOAL_ERR_AGAIN
	                                                  : 0;

	if (rc == 0) {
		rekey = collect(cluster);
		rc = rekey != NULL ? 0 : SHOAL_ERR_NOMEM;
	}
	if (rc != 0) {
		shoal_op_say(op, "%s",
		        rc == SHOAL_ERR_AGAIN ? "another order about keys has not ended"
		                              : shoal_strerror(rc));
		shoal_op_finish(op, rc);
		return;
	}
	rekey->op = op;
	rekey->checks = op->key_action == SHOAL_KEY_USE || op->key_action == SHOAL_KEY_REMOVE;
	cluster->rekey = rekey;
	begin_round(rekey);
	shoal_loop_touch(cluster);
}

void
shoal_rekey_cancel(struct shoal_cluster *cluster, int code)
{
	if (cluster->rekey != NULL) {
		shoal_op_say(cluster->rekey->op, "the cluster is leaving or has stopped");
		finish(cluster->rekey, code);
	}
}

int
shoal_cluster_keys_order(struct shoal_cluster *cluster, enum shoal_key_action action,
        const struct shoal_key *key, uint64_t print, shoal_key_answer_fn each, shoal_done_fn done,
        void *arg)
{
	struct shoal_op *op;
	bool odd = key != NULL && key->len != 16 && key->len != 24 && key->len != 32;

	if ((unsigned)action > SHOAL_KEY_REMOVE || (action == SHOAL_KEY_INSTALL && key == NULL) ||
	        odd || done == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID, "keys: %s",
		        odd ? "a key has 16, 24 or 32 bytes" : "no such order, no key, or no done");
	}
	int rc = shoal_op_new(&op, cluster, SHOAL_OP_KEYS, 0, done, arg);
	if (rc != 0) {
		return rc;
	}
	op->each = each;
	op->key_action = action;
	op->key_print = print;
	if (action == SHOAL_KEY_INSTALL) {
		op->key = *key;
	}
	return shoal_op_post(op);
}
