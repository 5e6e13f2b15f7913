/* SPDX-License-Identifier: MIT */
/* Answers are made record by record, behind the question as it came; one that is longer than a
 * datagram may be is cut to nothing, with the bit that says so. */
#include "unit_dns.h"

#include "unit.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <stdio.h>
#include <unistd.h>

#define UDP_MAX 512
#define TCP_MAX 65535
#define HEAD    12

struct out {
	uint8_t data[TCP_MAX];
	size_t len;
	unsigned answers;
};

static void
put16(struct out *out, unsigned value)
{
	assert_true(out->len + 2 <= sizeof(out->data));
	out->data[out->len++] = (uint8_t)(value >> 8);
	out->data[out->len++] = (uint8_t)value;
}

static void
put_name(struct out *out, const char *name)
{
	while (*name != '\0') {
		size_t len = strcspn(name, ".");

		if (len > 0) {
			out->data[out->len++] = (uint8_t)len;
			memcpy(out->data + out->len, name, len);
			out->len += len;
		}
		name += len + (name[len] == '.');
	}
	out->data[out->len++] = 0;
}

/* Its owner is the name that was asked for, or stands there in full. */
static void
put_record(struct out *out, const char *owner, const struct dns_record *record)
{
	size_t at;

	if (owner != NULL) {
		put_name(out, owner);
	} else {
		put16(out, 0xc000 | HEAD);
	}
	put16(out, record->type);
	put16(out, 1);
	put16(out, 0);
	put16(out, 0); /* TTL */
	at = out->len;
	put16(out, 0);
	if (record->type == DNS_A) {
		assert_int_equal(inet_pton(AF_INET, record->data, out->data + out->len), 1);
		out->len += 4;
	} else if (record->type == DNS_AAAA) {
		assert_int_equal(inet_pton(AF_INET6, record->data, out->data + out->len), 1);
		out->len += 16;
	} else {
		if (record->type == DNS_SRV) {
			put16(out, record->priority);
			put16(out, record->weight);
			put16(out, record->port);
		}
		put_name(out, record->data);
	}
	out->data[at] = (uint8_t)((out->len - at - 2) >> 8);
	out->data[at + 1] = (uint8_t)(out->len - at - 2);
	out->answers++;
}

static void
put_records(struct dns *dns, struct out *out, const char *name, unsigned type, bool owned)
{
	for (size_t i = 0; i < dns->records; i++) {
		const struct dns_record *record = &dns->record[i];

		if (strcmp(record->name, name) != 0) {
			continue;
		}
		if (record->type == DNS_CNAME) {
			put_record(out, owned ? name : NULL, record);
			put_records(dns, out, record->data, type, true);
		} else if (record->type == type) {
			put_record(out, owned ? name : NULL, record);
		}
	}
}

/* Reads the question's name, in lower case; returns where its type stands. */
static size_t
read_name(const uint8_t *data, size_t len, char *name)
{
	size_t at = HEAD, n = 0;

	while (at < len && data[at] != 0) {
		size_t label = data[at++];

		for (size_t i = 0; i < label && at < len; i++) {
			char c = (char)data[at++];
			name[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		}
		name[n++] = '.';
	}
	name[n > 0 ? n - 1 : 0] = '\0';
	return at + 1;
}

static bool
knows(const struct dns *dns, const char *name)
{
	for (size_t i = 0; i < dns->records; i++) {
		if (strcmp(dns->record[i].name, name) == 0) {
			return true;
		}
	}
	return dns->many > 0;
}

static void
answer(struct dns *dns, struct out *out, const uint8_t *data, size_t len, size_t most)
{
	char name[256];
	size_t at = read_name(data, len, name);
	unsigned type = (unsigned)data[at] << 8 | data[at + 1];
	unsigned flags = 0x8180 | (dns->rcode != 0           ? dns->rcode
	                                  : knows(dns, name) ? 0
	                                                     : DNS_NXDOMAIN);

	snprintf(dns->last, sizeof(dns->last), "%s", name);
	memcpy(out->data, data, at + 4);
	out->len = at + 4;
	out->answers = 0;
	if (dns->rcode == 0) {
		put_records(dns, out, name, type, false);
	}
	for (unsigned i = 0; dns->rcode == 0 && type == DNS_A && i < dns->many; i++) {
		char ip[32];

		snprintf(ip, sizeof(ip), "127.1.%u.%u", i >> 8 & 255, i & 255);
		put_record(out, NULL, &(struct dns_record){.type = DNS_A, .data = ip});
	}
	if (out->len > most) {
		flags |= 0x0200; /* cut: ask by TCP */
		out->len = at + 4;
		out->answers = 0;
	}
	if (dns->garbled && out->answers > 0) {
		out->len -= 3;
	}
	size_t end = out->len;
	out->len = 2;
	put16(out, flags);
	put16(out, 1);
	put16(out, out->answers);
	put16(out, 0);
	put16(out, 0);
	out->len = end;
}

static void
on_datagram(evutil_socket_t fd, short what, void *arg)
{
	struct dns *dns = arg;
	static struct out out;
	struct sockaddr_in from;
	socklen_t from_len = sizeof(from);
	uint8_t data[UDP_MAX];
	ssize_t len = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_len);

	(void)what;
	if (len < HEAD) {
		return;
	}
	dns->by_udp++;
	if (!dns->silent) {
		answer(dns, &out, data, (size_t)len, UDP_MAX);
		(void)sendto(fd, out.data, out.len, 0, (struct sockaddr *)&from, from_len);
	}
}

static void
on_stream(struct bufferevent *stream, void *arg)
{
	struct dns *dns = arg;
	static struct out out;
	struct evbuffer *in = bufferevent_get_input(stream);
	uint8_t data[2 + UDP_MAX];
	size_t len = evbuffer_get_length(in);

	if (len < 2 || evbuffer_copyout(in, data, len < sizeof(data) ? len : sizeof(data)) < 2) {
		return;
	}
	size_t want = (size_t)data[0] << 8 | data[1];
	if (len < 2 + want || want > UDP_MAX) {
		return;
	}
	evbuffer_drain(in, 2 + want);
	dns->by_tcp++;
	answer(dns, &out, data + 2, want, TCP_MAX);
	uint8_t head[2] = {(uint8_t)(out.len >> 8), (uint8_t)out.len};
	bufferevent_write(stream, head, sizeof(head));
	bufferevent_write(stream, out.data, out.len);
	on_stream(stream, arg);
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *from, int len,
        void *arg)
{
	struct dns *dns = arg;

	(void)from;
	(void)len;
	assert_true(dns->streams < sizeof(dns->stream) / sizeof(dns->stream[0]));
	struct bufferevent *stream = bufferevent_socket_new(
	        evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
	dns->stream[dns->streams++] = stream;
	bufferevent_setcb(stream, on_stream, NULL, NULL, dns);
	bufferevent_enable(stream, EV_READ | EV_WRITE);
}

/* The port that is free for one may be taken for the other. */
static bool
try_port(struct dns *dns, struct event_base *base)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	dns->listener = evconnlistener_new_bind(base, on_accept, dns,
	        LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 8, (struct sockaddr *)&at,
	        sizeof(at));
	if (dns->listener == NULL) {
		close(fd);
		return false;
	}
	memset(&dns->addr, 0, sizeof(dns->addr));
	dns->addr.ip[10] = dns->addr.ip[11] = 0xff;
	memcpy(dns->addr.ip + 12, &at.sin_addr, 4);
	dns->addr.port = ntohs(at.sin_port);
	dns->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_datagram, dns);
	assert_int_equal(event_add(dns->readable, NULL), 0);
	return true;
}

void
dns_start(struct dns *dns, struct event_base *base)
{
	dns->streams = 0;
	while (!try_port(dns, base)) {
	}
}

void
dns_stop(struct dns *dns)
{
	close(event_get_fd(dns->readable));
	event_free(dns->readable);
	evconnlistener_free(dns->listener);
	for (size_t i = 0; i < dns->streams; i++) {
		bufferevent_free(dns->stream[i]);
	}
}
