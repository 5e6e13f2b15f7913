/* SPDX-License-Identifier: MIT */
/* An overlay network of socket pairs inside of this process: what dial, listen and accept of struct
 * shoal_transport_dialer make, without a socket of the kernel's network. */
#ifndef SHOAL_TEST_TRANSPORTS_OVERLAY_H
#define SHOAL_TEST_TRANSPORTS_OVERLAY_H

#include "unit.h"

#include <fcntl.h>
#include <shoal/transport.h>
#include <sys/socket.h>
#include <unistd.h>

#define PLACES 4

/* Members have the addresses [fd00::1]:1, [fd00::1]:2, ... of the overlay. */
struct place {
	struct shoal_addr addr;
	int listener, bell; /* a pair: the bell makes the listener readable */
	int waiting[8];     /* the other ends of who dialled */
	struct shoal_addr from[8];
	size_t count;
};

struct overlay {
	struct place place[PLACES];
	size_t count, dialled;
	bool blocks; /* gives descriptors that block */
	int fails;   /* what dial, listen and accept tell; 0: nothing */
	bool lies;   /* gives what is no stream socket, and no port */
};

static inline struct shoal_addr
overlay_addr(size_t number)
{
	return (struct shoal_addr){.ip = {0xfd, [15] = 1}, .port = (uint16_t)number};
}

/* What one member dials by. */
struct exit {
	struct overlay *overlay;
	struct shoal_addr own;
};

static inline int
overlay_listen(void *arg, const struct shoal_addr *at, struct shoal_addr *bound)
{
	struct exit *exit = arg;
	struct overlay *overlay = exit->overlay;
	struct place *place = &overlay->place[overlay->count];
	int pair[2];

	assert_int_equal(bound->port, at->port);
	if (overlay->fails != 0) {
		return overlay->fails;
	}
	memset(place, 0, sizeof(*place));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	place->listener = pair[0];
	place->bell = pair[1];
	*bound = overlay_addr(overlay->lies ? 0 : ++overlay->count);
	place->addr = exit->own = *bound;
	if (overlay->lies) {
		close(pair[1]);
	}
	return pair[0];
}

static inline int
overlay_dial(void *arg, const struct shoal_addr *to)
{
	struct exit *exit = arg;
	struct overlay *overlay = exit->overlay;
	int pair[2];

	overlay->dialled++;
	if (overlay->fails != 0) {
		return overlay->fails;
	}
	if (overlay->lies) {
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	}
	for (size_t i = 0; i < overlay->count; i++) {
		struct place *place = &overlay->place[i];

		if (shoal_addr_equal(&place->addr, to)) {
			int type = SOCK_STREAM | (overlay->blocks ? 0 : SOCK_NONBLOCK);

			assert_int_equal(socketpair(AF_UNIX, type, 0, pair), 0);
			place->from[place->count] = exit->own;
			place->waiting[place->count++] = pair[1];
			assert_int_equal(write(place->bell, "x", 1), 1);
			return pair[0];
		}
	}
	return SHOAL_ERR_REFUSED;
}

static inline int
overlay_accept(void *arg, int listener, struct shoal_addr *from)
{
	struct exit *exit = arg;
	char rings[8];

	for (size_t i = 0; i < exit->overlay->count; i++) {
		struct place *place = &exit->overlay->place[i];

		if (place->listener != listener) {
			continue;
		}
		(void)!recv(listener, rings, sizeof(rings), MSG_DONTWAIT);
		if (place->count > 0) {
			*from = place->from[--place->count];
			return place->waiting[place->count];
		}
	}
	return SHOAL_ERR_AGAIN;
}

static inline void
overlay_hang_up(struct overlay *overlay)
{
	for (size_t i = 0; i < overlay->count; i++) {
		close(overlay->place[i].bell);
	}
}

#endif
