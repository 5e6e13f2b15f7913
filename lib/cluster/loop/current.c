/* SPDX-License-Identifier: MIT */
/* SHOAL_EVENT_CURRENT: one call in the callbacks' queue that tells one subscriber who is there.
 *
 * The list is the one that belongs to the events that were ready when it subscribed, taken under
 * the lock under which events become ready: what is in it is told by nothing else, what is not in
 * it comes behind. Cost: one reference to the list, whatever it holds. */
#include "cluster/loop/current.h"

#include "base/alloc.h"
#include "cluster/members/snapshot.h"

struct shoal_current {
	struct shoal_call call;
	struct shoal_member_list *list;
};

int
shoal_current_new(struct shoal_callbacks *callbacks, struct shoal_call **call)
{
	struct shoal_current *current;

	if (callbacks->closing || (callbacks->shown == NULL && !callbacks->unseen)) {
		return 0;
	}
	current =
	        callbacks->unseen ? NULL : shoal_alloc_zeroed(callbacks->mem, 1, sizeof(*current));
	if (current == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	current->call.kind = SHOAL_CALL_CURRENT;
	current->list = shoal_member_list_ref(callbacks->shown);
	*call = &current->call;
	return 0;
}

void
shoal_current_free(struct shoal_callbacks *callbacks, struct shoal_call *call)
{
	struct shoal_current *current = SHOAL_LIST_ITEM(call, struct shoal_current, call);

	shoal_member_list_free(current->list);
	shoal_alloc_free(callbacks->mem, current);
}

/* Under the lock. NULL: it has ended, or all end. */
static struct shoal_subscriber *
viewer(struct shoal_callbacks *callbacks, const struct shoal_call *call)
{
	for (size_t i = 0; i < callbacks->subscribers && !callbacks->closing; i++) {
		if (callbacks->subscriber[i].current == call) {
			return &callbacks->subscriber[i];
		}
	}
	return NULL;
}

int
shoal_current_run(struct shoal_callbacks *callbacks, struct shoal_call *call)
{
	struct shoal_current *current = SHOAL_LIST_ITEM(call, struct shoal_current, call);
	struct shoal_subscriber *one;
	int ran = 0;

	pthread_mutex_lock(&callbacks->lock);
	for (size_t i = 0; i < shoal_member_list_count(current->list); i++) {
		struct shoal_member *member = shoal_member_list_at(current->list, i);
		struct shoal_member_event event = {.kind = SHOAL_EVENT_JOIN,
		        .member = member,
		        .state = member->state,
		        .wall_ns = member->since_wall_ns,
		        .current = true};

		one = viewer(callbacks, call);
		if (one != NULL && !member->self) {
			shoal_callbacks_tell(callbacks, *one, &event);
			ran++;
		}
	}
	one = viewer(callbacks, call);
	if (one != NULL) {
		one->current = NULL;
	}
	shoal_current_free(callbacks, call);
	pthread_mutex_unlock(&callbacks->lock);
	return ran;
}
