/* SPDX-License-Identifier: MIT */
/* A name server inside of a test: UDP and TCP on one loopback port that the kernel chose, on the
 * test's event_base. It knows what is in its records, and misbehaves as it is told. */
#ifndef SHOAL_UNIT_DNS_H
#define SHOAL_UNIT_DNS_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <shoal/types.h>

enum {
	DNS_A = 1,
	DNS_CNAME = 5,
	DNS_AAAA = 28,
	DNS_SRV = 33
};
enum {
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_REFUSED = 5
};

struct dns_record {
	const char *name;
	uint16_t type;
	const char *data; /* "127.0.0.1", "::1", or the target of an SRV or a CNAME record */
	uint16_t priority, weight, port;
};

struct dns {
	const struct dns_record *record;
	size_t records;
	unsigned many;  /* so many A records of any name besides */
	unsigned rcode; /* of every answer */
	bool silent;    /* answers nothing */
	bool garbled;   /* answers end inside of a record */
	/* What was asked. */
	unsigned by_udp, by_tcp;
	char last[256];
	/* Its own. */
	struct shoal_addr addr;
	struct event *readable;
	struct evconnlistener *listener;
	struct bufferevent *stream[8];
	size_t streams;
};

void dns_start(struct dns *dns, struct event_base *base);
void dns_stop(struct dns *dns);

#endif
