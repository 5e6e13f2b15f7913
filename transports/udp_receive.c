/* SPDX-License-Identifier: MIT */
/* Reading: what a wake-up of a UDP socket does.
 *
 * First the error queue is drained to its end, then datagrams are read. The order matters: an entry
 * that stays in the queue keeps the socket ready, and the loop would spin; and what the queue says
 * (this peer refuses) is older than what is read after it. ICMP errors can be forged by anyone who
 * saw a packet, so a refusal is handed on as a hint.
 *
 * A wake-up reads a bounded number of batches and returns to the loop, which comes back at once
 * where more waits: timers are not starved by a flood. The host hears the end of every batch, so
 * that its answers go out as one batch too.
 *
 * age_ns is realtime now minus the kernel's stamp, taken for each datagram when it is handed over,
 * so that time spent on those before it is counted. Outside 0 to 10 s one of the two clocks was set
 * in between, and the age is unknown. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <time.h>

#include <linux/errqueue.h>

#include "base/addr.h"
#include "base/text.h"
#include "transports/udp.h"

#define BATCHES_PER_WAKE 8
#define ERRORS_PER_WAKE                                                                            \
	4096 /* above what a socket buffer holds: ends a loop that a flood would keep alive */
#define AGE_MAX SHOAL_SEC(10)

/* What the control messages of a datagram said. */
struct notes {
	uint64_t stamp_ns; /* 0: none */
	bool counted;
	uint32_t drops;
	uint8_t local[16];
};

static void
read_notes(struct notes *notes, struct msghdr *header)
{
	memset(notes, 0, sizeof(*notes));
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			struct timespec stamp;
			memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
			notes->stamp_ns = SHOAL_SEC(stamp.tv_sec) + (uint64_t)stamp.tv_nsec;
		} else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			memcpy(&notes->drops, CMSG_DATA(c), sizeof(notes->drops));
			notes->counted = true;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			struct shoal_addr addr;
			uint8_t ip[4];
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			memcpy(ip, &info.ipi_spec_dst, sizeof(ip));
			shoal_addr_from_ipv4(&addr, ip, 0);
			memcpy(notes->local, addr.ip, sizeof(notes->local));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			if (!IN6_IS_ADDR_MULTICAST(&info.ipi6_addr)) {
				memcpy(notes->local, &info.ipi6_addr, sizeof(notes->local));
			}
		}
	}
}

static uint64_t
age_of(uint64_t stamp_ns)
{
	struct timespec now;
	if (stamp_ns == 0) {
		return 0;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t now_ns = SHOAL_SEC(now.tv_sec) + (uint64_t)now.tv_nsec;
	return now_ns >= stamp_ns && now_ns - stamp_ns <= AGE_MAX ? now_ns - stamp_ns : 0;
}

static void
count(struct shoal_udp *udp, enum shoal_counter counter, uint64_t n)
{
	udp->env.host.count(udp->env.host.arg, counter, n);
}

static void
refuse_large(struct shoal_udp *udp, const struct shoal_addr *from)
{
	count(udp, SHOAL_COUNTER_DROP_TOO_BIG, 1);
	if (udp->warned) {
		return;
	}
	udp->warned = true;
	char line[SHOAL_LOG_TEXT_MAX];
	struct shoal_text text;
	shoal_text_init(&text, line, sizeof(line));
	shoal_text_str(&text, "dropped a datagram of ");
	shoal_text_addr(&text, from);
	shoal_text_str(&text, ": above ");
	shoal_text_u64(&text, udp->inbox->slot);
	shoal_text_str(&text, " bytes; datagram_max is smaller here than there (told once)");
	udp->env.host.log(udp->env.host.arg, SHOAL_LOG_WARN, "udp", line);
}

static void
deliver(struct shoal_udp_socket *socket, struct mmsghdr *header)
{
	struct shoal_udp *udp = socket->udp;
	struct shoal_addr from;
	struct notes notes;
	read_notes(&notes, &header->msg_hdr);
	if (notes.counted && notes.drops != socket->drops) {
		count(udp, SHOAL_COUNTER_KERNEL_DROPS, (uint32_t)(notes.drops - socket->drops));
		socket->drops = notes.drops;
	}
	if (!shoal_socket_to_addr(&from, header->msg_hdr.msg_name)) {
		return;
	}
	if ((header->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
		refuse_large(udp, &from);
		return;
	}
	shoal_udp_route_remember(udp, &from, socket, notes.local);
	udp->called = true;
	udp->env.host.datagram(udp->env.host.arg, &from, header->msg_hdr.msg_iov->iov_base,
	        header->msg_len, age_of(notes.stamp_ns));
}

static void
prepare(struct shoal_udp_inbox *inbox)
{
	for (unsigned i = 0; i < inbox->slots; ++i) {
		inbox->piece[i].iov_base = inbox->bytes + i * inbox->slot;
		inbox->piece[i].iov_len = inbox->slot;
		inbox->header[i].msg_hdr = (struct msghdr){
		        .msg_name = &inbox->from[i],
		        .msg_namelen = sizeof(inbox->from[i]),
		        .msg_iov = &inbox->piece[i],
		        .msg_iovlen = 1,
		        .msg_control = inbox->control[i],
		        .msg_controllen = sizeof(inbox->control[i]),
		};
	}
}

/* The host may stop the transport in any of its calls. */
void
shoal_udp_receive_end(struct shoal_udp *udp)
{
	if (udp->running) {
		shoal_udp_send_report(udp);
	}
	if (udp->running && udp->called) {
		udp->called = false;
		udp->env.host.batch_end(udp->env.host.arg);
	}
}

/* Whether more may wait. */
static bool
receive_batch(struct shoal_udp_socket *socket)
{
	struct shoal_udp *udp = socket->udp;
	struct shoal_udp_inbox *inbox = udp->inbox;
	prepare(inbox);
	int n = recvmmsg(socket->fd, inbox->header, inbox->slots, MSG_DONTWAIT, NULL);
	if (n < 0) { /* other than "nothing there", it was an ICMP error, which this call has
		      * cleared
		      */
		return errno != EAGAIN && errno != EWOULDBLOCK;
	}
	for (int i = 0; i < n && udp->running; ++i) {
		deliver(socket, &inbox->header[i]);
	}
	shoal_udp_receive_end(udp);
	return (unsigned)n == inbox->slots;
}

static const struct sock_extended_err *
find_error(struct msghdr *header)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
			return (const void *)CMSG_DATA(c);
		}
	}
	return NULL;
}

/* mtu: of the link that was too narrow, as a router on the way says. */
static void
report_large(struct shoal_udp *udp, const struct shoal_addr *peer, uint32_t mtu)
{
	uint32_t headers = shoal_addr_is_ipv4(peer) ? 20 + 8 : 40 + 8;

	if (udp->env.host.too_large != NULL) {
		udp->called = true;
		udp->env.host.too_large(udp->env.host.arg, peer, mtu > headers ? mtu - headers : 0);
	}
}

static void
handle_error(struct shoal_udp *udp, struct msghdr *header)
{
	const struct sock_extended_err *error = find_error(header);
	struct shoal_addr peer;
	if (error == NULL) {
		return;
	}
	if (error->ee_origin == SO_EE_ORIGIN_LOCAL) {
		return; /* the send that it belongs to was told as well, and to which port it was */
	}
	if (error->ee_errno == EMSGSIZE && shoal_socket_to_addr(&peer, header->msg_name)) {
		report_large(udp, &peer, error->ee_info);
		return;
	}
	if (error->ee_errno != ECONNREFUSED || !shoal_socket_to_addr(&peer, header->msg_name)) {
		count(udp, SHOAL_COUNTER_SEND_ERRORS, 1);
		return;
	}
	udp->called = true; /* the host counts what it is told */
	udp->env.host.refused(udp->env.host.arg, &peer);
}

static void
drain_errors(struct shoal_udp_socket *socket)
{
	struct shoal_udp *udp = socket->udp;
	_Alignas(struct cmsghdr) char control[512];
	union shoal_sockaddr to;
	char data[1]; /* the start of the datagram that was refused: not looked at */
	for (unsigned i = 0; i < ERRORS_PER_WAKE && udp->running; ++i) {
		struct iovec piece = {.iov_base = data, .iov_len = sizeof(data)};
		struct msghdr header = {
		        .msg_name = &to,
		        .msg_namelen = sizeof(to),
		        .msg_iov = &piece,
		        .msg_iovlen = 1,
		        .msg_control = control,
		        .msg_controllen = sizeof(control),
		};
		memset(&to, 0, sizeof(to));
		if (recvmsg(socket->fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
			break;
		}
		handle_error(udp, &header);
	}
}

void
shoal_udp_receive_ready(evutil_socket_t fd, short what, void *arg)
{
	struct shoal_udp_socket *socket = arg;
	struct shoal_udp *udp = socket->udp;
	(void)fd;
	(void)what;
	if (shoal_socket_is_forked(udp->owner)) {
		(void)event_del(&socket->readable);
		return;
	}
	drain_errors(socket);
	for (unsigned i = 0; i < BATCHES_PER_WAKE && udp->running; ++i) {
		if (!receive_batch(socket)) {
			break;
		}
	}
	shoal_udp_receive_end(udp);
}
