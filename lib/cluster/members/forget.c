/* SPDX-License-Identifier: MIT */
/* Forgetting a dead or left member on request. The call judges by the list that the caller sees, so
 * that it need not wait for the loop; that the member has returned meanwhile is seen anyway. */
#include "cluster/members/forget.h"

#include "cluster/loop/fork.h"
#include "cluster/loop/loop.h"
#include "cluster/report/last_error.h"

static int
check(struct shoal_cluster *cluster, const struct shoal_id *id)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	const struct shoal_member *member;
	char text[SHOAL_ID_TEXT];
	int rc = 0;

	if (list == NULL) {
		return shoal_fork_check(cluster, "forget") != 0 ? SHOAL_ERR_STATE : SHOAL_ERR_NOMEM;
	}
	member = shoal_member_list_find_by_id(list, id);
	if (member == NULL) {
		shoal_id_print(id, text);
		rc = shoal_last_error_set(
		        SHOAL_ERR_NOT_FOUND, "forget: no member has the id %s", text);
	} else if (shoal_member_state(member) != SHOAL_STATE_DEAD &&
	           shoal_member_state(member) != SHOAL_STATE_LEFT) {
		rc = shoal_last_error_set(SHOAL_ERR_STATE,
		        "forget: %s is %s; only who is dead or left can be forgotten",
		        shoal_member_name(member), shoal_state_name(shoal_member_state(member)));
	}
	shoal_member_list_free(list);
	return rc;
}

int
shoal_cluster_forget(struct shoal_cluster *cluster, const struct shoal_id *id)
{
	struct shoal_op *op;
	int rc = id == NULL ? shoal_last_error_set(SHOAL_ERR_INVALID, "forget: NULL")
	                    : check(cluster, id);

	if (rc == 0) {
		rc = shoal_op_new(&op, cluster, SHOAL_OP_FORGET, 0, NULL, NULL);
	}
	if (rc == 0) {
		op->id = *id;
		rc = shoal_op_post(op);
	}
	return rc;
}

void
shoal_forget_begin(struct shoal_op *op)
{
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_FORGET, .data = op->id.bytes, .len = sizeof(op->id.bytes)};

	shoal_op_finish(op, shoal_loop_input(op->cluster, &input));
}
