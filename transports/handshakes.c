/* SPDX-License-Identifier: MIT */
/* The timer fires once in a turn, and is set anew for the next one while there is a queue: the loop
 * looks in between at what became readable. */
#define _GNU_SOURCE
#include "transports/handshakes.h"

#include <event2/event.h>

#include "transports/socket.h"

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_handshakes *handshakes = arg;
	struct shoal_list *node;
	(void)fd;
	(void)what;

	for (unsigned i = 0; i < SHOAL_HANDSHAKES_A_TURN; i++) {
		node = shoal_list_first(&handshakes->waiting);
		if (node == NULL) {
			return;
		}
		shoal_list_remove(node);
		struct shoal_channel *channel = SHOAL_LIST_ITEM(node, struct shoal_channel, waits);
		handshakes->turn = channel;
		handshakes->go_on(channel);
		handshakes->turn = NULL;
	}
	if (!shoal_list_empty(&handshakes->waiting)) {
		shoal_socket_soon(&handshakes->timer);
	}
}

void
shoal_handshakes_init(struct shoal_handshakes *handshakes, struct event_base *base,
        void (*go_on)(struct shoal_channel *channel))
{
	*handshakes = (struct shoal_handshakes){.go_on = go_on};
	shoal_list_init(&handshakes->waiting);
	evtimer_assign(&handshakes->timer, base, on_turn, handshakes);
}

void
shoal_handshakes_stop(struct shoal_handshakes *handshakes)
{
	event_del(&handshakes->timer);
}

bool
shoal_handshakes_wait(struct shoal_handshakes *handshakes, struct shoal_channel *channel)
{
	if (channel->up || handshakes->turn == channel) {
		return false;
	}
	if (!shoal_list_linked(&channel->waits)) {
		if (shoal_list_empty(&handshakes->waiting)) {
			shoal_socket_soon(&handshakes->timer);
		}
		shoal_list_push_back(&handshakes->waiting, &channel->waits);
	}
	return true;
}
