/* SPDX-License-Identifier: MIT */
/* One of two ways to the same descriptor: recv and send, or a session of TLS. Nothing is kept here
 * but which; what waits is the session's, so that in clear a write is one call of the kernel.
 *
 * A child of fork has the same connection, and the same state of TLS: one byte of it, were it the
 * alert that says the end, and the peer closes, or finds the parent's next record forged.
 *
 * At the end TLS says that it is one, as far as the kernel takes that at once. A process that is
 * killed does not: the other side then reads ECONNRESET, in clear 0. A greeting that fails ends
 * with an alert, in the middle of what the other side has to say: were that left unread, the kernel
 * would reset the connection instead of ending it, and who reads late would not find the alert.
 * What is still on its way then does so all the same, but behind the alert; nothing is kept open
 * for it. */
#include "transports/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transports/process.h"
#include "transports/socket.h"

#define READS_AT_END 16

/* Then errno says that nothing can be sent or read here. */
static bool
is_of_parent(const struct shoal_channel *channel)
{
	if (!shoal_socket_is_forked(channel->owner)) {
		return false;
	}
	errno = EPIPE;
	return true;
}

int
shoal_channel_open(struct shoal_channel *channel, int fd, struct shoal_tls *tls, const char *host)
{
	int rc = SHOAL_OK;

	*channel = (struct shoal_channel){
	        .fd = fd, .owner = shoal_process_number(), .up = tls == NULL};
	if (tls != NULL) {
		rc = shoal_tls_open(&channel->tls, tls, host, fd);
	}
	if (rc != SHOAL_OK) {
		channel->tls = NULL;
		shoal_channel_close(channel);
	}
	return rc;
}

static void
discard_rest(int fd)
{
	uint8_t rest[4096];

	(void)shutdown(fd, SHUT_WR);
	for (unsigned i = 0; i < READS_AT_END; i++) {
		if (recv(fd, rest, sizeof(rest), MSG_DONTWAIT) <= 0) {
			return;
		}
	}
}

void
shoal_channel_close(struct shoal_channel *channel)
{
	if (channel->fd < 0) {
		return;
	}
	shoal_list_remove(&channel->waits);
	if (channel->tls != NULL) {
		if (!is_of_parent(channel)) {
			shoal_tls_end(channel->tls);
			if (channel->failed) {
				discard_rest(channel->fd);
			}
		}
		shoal_tls_close(channel->tls);
	}
	close(channel->fd);
	*channel = (struct shoal_channel){.fd = -1};
}

int
shoal_channel_greet(struct shoal_channel *channel, enum shoal_tls_want *want)
{
	int rc = SHOAL_OK;

	*want = SHOAL_TLS_DONE;
	if (channel->fd < 0 || is_of_parent(channel)) {
		return SHOAL_ERR_CLOSED;
	}
	if (!channel->up) {
		rc = shoal_tls_handshake(channel->tls, want);
		channel->up = rc == SHOAL_OK && *want == SHOAL_TLS_DONE;
		channel->failed = rc != SHOAL_OK;
	}
	return rc;
}

ssize_t
shoal_channel_read(struct shoal_channel *channel, void *data, size_t len)
{
	if (is_of_parent(channel)) {
		return -1;
	}
	if (channel->tls != NULL) {
		return shoal_tls_read(channel->tls, data, len);
	}
	for (;;) {
		ssize_t got = recv(channel->fd, data, len, 0);
		if (got >= 0 || errno != EINTR) {
			return got;
		}
	}
}

ssize_t
shoal_channel_write(struct shoal_channel *channel, const void *data, size_t len)
{
	if (is_of_parent(channel)) {
		return -1;
	}
	if (channel->tls != NULL) {
		return shoal_tls_write(channel->tls, data, len);
	}
	for (;;) {
		ssize_t sent = send(channel->fd, data, len, MSG_NOSIGNAL);
		if (sent >= 0 || errno != EINTR) {
			return sent;
		}
	}
}

int
shoal_channel_flush(struct shoal_channel *channel)
{
	if (is_of_parent(channel)) {
		return -1;
	}
	return channel->tls != NULL ? shoal_tls_flush(channel->tls) : 0;
}

size_t
shoal_channel_waiting(const struct shoal_channel *channel)
{
	return channel->tls != NULL ? shoal_tls_waiting(channel->tls) : 0;
}

int
shoal_channel_peer(const struct shoal_channel *channel, char *name, size_t len)
{
	const char *peer = channel->tls != NULL ? shoal_tls_peer(channel->tls) : "";

	if (*peer == '\0') {
		return SHOAL_ERR_NOT_FOUND;
	}
	if (strlen(peer) >= len) {
		return SHOAL_ERR_TOO_BIG;
	}
	memcpy(name, peer, strlen(peer) + 1);
	return SHOAL_OK;
}

const char *
shoal_channel_why(const struct shoal_channel *channel)
{
	return channel->tls != NULL ? shoal_tls_why(channel->tls) : "";
}

/* RFC 8446, 5.1: an alert, or of a handshake. */
bool
shoal_channel_is_tls(const struct shoal_channel *channel, const uint8_t *data, size_t len)
{
	return channel->tls == NULL && len >= 2 && (data[0] == 21 || data[0] == 22) && data[1] == 3;
}
