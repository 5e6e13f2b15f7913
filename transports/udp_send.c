/* SPDX-License-Identifier: MIT */
/* Sending: send() copies into a batch, flush() hands the batch to the kernel with one sendmmsg for
 * each run of datagrams that share a socket; a full batch flushes itself.
 *
 * An ICMP error that came in for one peer is reported by the kernel to whatever the socket sends
 * next, to whichever peer: that datagram was not sent, although nothing is wrong with it. The
 * failed call clears the pending error, so the send is repeated; only an error that stays is the
 * datagram's own, and then it alone is dropped. ECONNREFUSED is never its own: a datagram cannot be
 * refused before it has left. The repeats are bounded, as new errors may come in meanwhile.
 *
 * Nothing here calls the host; errors are counted and reported from the loop. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "transports/udp.h"

#define TRIES         4
#define TRIES_REFUSED 64
#define TRIES_LARGE   2

static void
add_source(struct shoal_udp_outbox *outbox, unsigned at, bool ipv4, const uint8_t local[16])
{
	struct msghdr *header = &outbox->header[at].msg_hdr;
	size_t len = ipv4 ? sizeof(struct in_pktinfo) : sizeof(struct in6_pktinfo);
	memset(outbox->control[at], 0, sizeof(outbox->control[at]));
	header->msg_control = outbox->control[at];
	header->msg_controllen = CMSG_SPACE(len);
	struct cmsghdr *c = CMSG_FIRSTHDR(header);
	c->cmsg_len = CMSG_LEN(len);
	c->cmsg_level = ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
	c->cmsg_type = ipv4 ? IP_PKTINFO : IPV6_PKTINFO;
	if (ipv4) {
		struct in_pktinfo info = {0};
		memcpy(&info.ipi_spec_dst, local + 12, 4);
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	} else {
		struct in6_pktinfo info = {0};
		memcpy(&info.ipi6_addr, local, 16);
		memcpy(CMSG_DATA(c), &info, sizeof(info));
	}
}

static void
add(struct shoal_udp_outbox *outbox, struct shoal_udp_socket *socket, const uint8_t *local,
        const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	unsigned at = outbox->count++;
	uint8_t *bytes = outbox->bytes + outbox->used;
	memcpy(bytes, data, len);
	outbox->used += len;
	outbox->socket[at] = socket;
	outbox->piece[at] = (struct iovec){.iov_base = bytes, .iov_len = len};
	outbox->header[at].msg_hdr = (struct msghdr){
	        .msg_name = &outbox->to[at],
	        .msg_namelen = shoal_socket_from_addr(&outbox->to[at], to),
	        .msg_iov = &outbox->piece[at],
	        .msg_iovlen = 1,
	};
	if (local != NULL && socket->wildcard) {
		add_source(outbox, at, shoal_addr_is_ipv4(to), local);
	}
}

/* Counts what the kernel did not take, and sees to it that the host hears of it on a later turn. */
static void
lose(struct shoal_udp *udp, uint64_t n)
{
	if (udp->send_errors == 0) {
		shoal_socket_soon(&udp->report);
	}
	udp->send_errors += n;
}

/* The source address may have been taken from this machine since the peer used it: without it the
 * kernel chooses. false: it had none. */
static bool
drop_source(struct shoal_udp *udp, struct msghdr *header)
{
	struct shoal_addr peer;
	if (header->msg_controllen == 0) {
		return false;
	}
	header->msg_control = NULL;
	header->msg_controllen = 0;
	if (shoal_socket_to_addr(&peer, header->msg_name)) {
		shoal_udp_route_forget(udp, &peer);
	}
	return true;
}

/* The host hears of it on a later turn, as of every error. */
static void
note_large(struct shoal_udp *udp, unsigned at)
{
	struct shoal_udp_outbox *outbox = udp->outbox;
	struct shoal_udp_large *large = &udp->large[udp->larges];

	if (udp->larges < SHOAL_UDP_BATCH &&
	        shoal_socket_to_addr(&large->to, outbox->header[at].msg_hdr.msg_name)) {
		large->len = outbox->piece[at].iov_len;
		++udp->larges;
	}
}

/* Datagrams `at` to `end` leave by one socket. */
static void
send_run(struct shoal_udp *udp, unsigned at, unsigned end)
{
	struct shoal_udp_outbox *outbox = udp->outbox;
	unsigned tries = 0;
	while (at < end) {
		int sent = sendmmsg(
		        outbox->socket[at]->fd, outbox->header + at, end - at, MSG_NOSIGNAL);
		if (sent > 0) {
			at += (unsigned)sent;
			tries = 0;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			lose(udp, end - at); /* the socket's buffer is full for the others too */
			return;
		} else if (++tries >= (errno == ECONNREFUSED      ? TRIES_REFUSED
		                              : errno == EMSGSIZE ? TRIES_LARGE
		                                                  : TRIES)) {
			tries = 0;
			if (errno == EMSGSIZE) {
				note_large(udp, at);
				lose(udp, 1);
				++at;
			} else if (!drop_source(udp, &outbox->header[at].msg_hdr)) {
				lose(udp, 1);
				++at;
			}
		}
	}
}

void
shoal_udp_send_flush(void *self)
{
	struct shoal_udp *udp = self;
	if (!udp->running) {
		return;
	}
	struct shoal_udp_outbox *outbox = udp->outbox;
	unsigned count = shoal_socket_is_forked(udp->owner) ? 0 : outbox->count;
	for (unsigned at = 0, end; at < count; at = end) {
		for (end = at + 1; end < count; ++end) {
			if (outbox->socket[end] != outbox->socket[at]) {
				break;
			}
		}
		send_run(udp, at, end);
	}
	outbox->count = 0;
	outbox->used = 0;
}

int
shoal_udp_send(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct shoal_udp *udp = self;
	const uint8_t *local;
	if (!udp->running) {
		return SHOAL_ERR_STATE;
	}
	if (len > udp->env.datagram_max || len > SHOAL_UDP_PAYLOAD_MAX) {
		return SHOAL_ERR_TOO_BIG;
	}
	struct shoal_udp_socket *socket = shoal_udp_route_find(udp, to, &local);
	if (socket == NULL) {
		lose(udp, 1); /* nothing is bound of its family */
		return 0;
	}
	struct shoal_udp_outbox *outbox = udp->outbox;
	if (outbox->count == SHOAL_UDP_BATCH || outbox->size - outbox->used < len) {
		shoal_udp_send_flush(udp);
	}
	add(outbox, socket, local, to, data, len);
	return 0;
}

void
shoal_udp_send_report(struct shoal_udp *udp)
{
	uint64_t n = udp->send_errors;
	if (n == 0) {
		return;
	}
	udp->send_errors = 0;
	evtimer_del(&udp->report);
	udp->env.host.count(udp->env.host.arg, SHOAL_COUNTER_SEND_ERRORS, n);
	for (unsigned i = 0; i < udp->larges && udp->running && udp->env.host.too_large != NULL;
	        ++i) {
		udp->called = true;
		udp->env.host.too_large(
		        udp->env.host.arg, &udp->large[i].to, udp->large[i].len - 1);
	}
	udp->larges = 0;
}
