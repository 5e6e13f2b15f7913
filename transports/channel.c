/* SPDX-License-Identifier: MIT */
#include "transports/channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int
shoal_channel_open(struct shoal_channel *channel, int fd, struct shoal_tls *tls, const char *host)
{
	int rc = SHOAL_OK;

	*channel = (struct shoal_channel){.fd = fd, .up = tls == NULL};
	if (tls != NULL) {
		rc = shoal_tls_open(&channel->tls, tls, host, fd);
	}
	if (rc != SHOAL_OK) {
		channel->tls = NULL;
		shoal_channel_close(channel);
	}
	return rc;
}

void
shoal_channel_close(struct shoal_channel *channel)
{
	if (channel->fd < 0) {
		return;
	}
	if (channel->tls != NULL) {
		shoal_tls_end(channel->tls);
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
	if (!channel->up) {
		rc = shoal_tls_handshake(channel->tls, want);
		channel->up = rc == SHOAL_OK && *want == SHOAL_TLS_DONE;
	}
	return rc;
}

ssize_t
shoal_channel_read(struct shoal_channel *channel, void *data, size_t len)
{
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
	return channel->tls != NULL ? shoal_tls_flush(channel->tls) : 0;
}

const char *
shoal_channel_why(const struct shoal_channel *channel)
{
	return channel->tls != NULL ? shoal_tls_why(channel->tls) : "";
}
