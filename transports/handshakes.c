/* SPDX-License-Identifier: MIT */
/* The timer fires once in a turn, and is set anew for the next one while there is a queue: the loop
 * looks in between at what became readable. */
#define _GNU_SOURCE
#include "transports/handshakes.h"

#include <event2/event.h>

#include "transports/socket.h"

/* The next one, by turns of their sources. NULL: none waits. */
static struct shoal_channel *
next(struct shoal_handshakes *handshakes)
{
	struct shoal_list *node;

	while ((node = shoal_list_first(&handshakes->sources)) != NULL) {
		struct shoal_crowd_source *source =
		        SHOAL_LIST_ITEM(node, struct shoal_crowd_source, in_turn);
		struct shoal_list *first = shoal_list_first(&source->waiting);
		shoal_list_remove(node);
		if (first != NULL) {
			shoal_list_remove(first);
			shoal_list_push_back(&handshakes->sources, node);
			return SHOAL_LIST_ITEM(first, struct shoal_channel, waits);
		}
	}
	return NULL;
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_handshakes *handshakes = arg;
	struct shoal_channel *channel;
	(void)fd;
	(void)what;

	for (unsigned i = 0; i < SHOAL_HANDSHAKES_A_TURN; i++) {
		channel = next(handshakes);
		if (channel == NULL) {
			return;
		}
		handshakes->turn = channel;
		handshakes->go_on(channel);
		handshakes->turn = NULL;
	}
	if (!shoal_list_empty(&handshakes->sources)) {
		shoal_socket_soon(&handshakes->timer);
	}
}

void
shoal_handshakes_init(struct shoal_handshakes *handshakes, struct event_base *base,
        void (*go_on)(struct shoal_channel *channel))
{
	*handshakes = (struct shoal_handshakes){.go_on = go_on};
	shoal_list_init(&handshakes->sources);
	evtimer_assign(&handshakes->timer, base, on_turn, handshakes);
}

void
shoal_handshakes_stop(struct shoal_handshakes *handshakes)
{
	struct shoal_list *node;

	/* on_turn, where this is inside one, must find none: it would set the timer anew. */
	while ((node = shoal_list_first(&handshakes->sources)) != NULL) {
		shoal_list_remove(node);
	}
	event_del(&handshakes->timer);
}

bool
shoal_handshakes_wait(struct shoal_handshakes *handshakes, struct shoal_crowd_source *source,
        struct shoal_channel *channel)
{
	if (channel->up || handshakes->turn == channel) {
		return false;
	}
	if (!shoal_list_linked(&channel->waits)) {
		shoal_list_push_back(&source->waiting, &channel->waits);
	}
	if (!shoal_list_linked(&source->in_turn)) {
		if (shoal_list_empty(&handshakes->sources)) {
			shoal_socket_soon(&handshakes->timer);
		}
		shoal_list_push_back(&handshakes->sources, &source->in_turn);
	}
	return true;
}
