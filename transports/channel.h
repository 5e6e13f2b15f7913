/* SPDX-License-Identifier: MIT */
/* A stream's descriptor, in clear or with TLS on it: the same calls for both. The descriptor is
 * non-blocking and the channel's own. In a child of fork a channel of before is closed without a
 * word and takes nothing: the connection is still the parent's. */
#ifndef SHOAL_TRANSPORTS_CHANNEL_H
#define SHOAL_TRANSPORTS_CHANNEL_H

#include <sys/types.h>

#include "base/list.h"
#include "transports/tls.h"

struct shoal_channel {
	int fd;                        /* -1: closed */
	struct shoal_tls_session *tls; /* NULL: in clear */
	uint64_t owner;                /* the process that it is of, as in process.h */
	bool up;                       /* bytes may pass */
	bool failed;                   /* the greeting did, and the other side is told */
	struct shoal_list waits;       /* for its turn, see handshakes.h */
};

/* Takes a descriptor over, on failure too. tls NULL: in clear. host: as in shoal_tls_open.
 * SHOAL_ERR_NOMEM, SHOAL_ERR_INVALID. */
SHOAL_MUST_USE int shoal_channel_open(
        struct shoal_channel *channel, int fd, struct shoal_tls *tls, const char *host);
void shoal_channel_close(struct shoal_channel *channel);

/* Before bytes may pass; as shoal_tls_handshake. In clear: DONE at once. */
SHOAL_MUST_USE int shoal_channel_greet(struct shoal_channel *channel, enum shoal_tls_want *want);

/* As recv and send of a non-blocking socket, without signals; see shoal_tls_read: reads until it is
 * told EAGAIN. */
ssize_t shoal_channel_read(struct shoal_channel *channel, void *data, size_t len);
ssize_t shoal_channel_write(struct shoal_channel *channel, const void *data, size_t len);
/* 0: nothing that was written waits here; -1 and errno. */
int shoal_channel_flush(struct shoal_channel *channel);
/* Bytes that were written and wait here. */
size_t shoal_channel_waiting(const struct shoal_channel *channel);
/* The name in the other side's certificate, where it was checked; as an op peer of transport.h. */
int shoal_channel_peer(const struct shoal_channel *channel, char *name, size_t len);
/* Whether what came first on a connection in clear is a record of TLS. */
bool shoal_channel_is_tls(const struct shoal_channel *channel, const uint8_t *data, size_t len);
/* What went wrong with TLS; "" in clear. */
const char *shoal_channel_why(const struct shoal_channel *channel);

#endif
