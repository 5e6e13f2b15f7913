/* SPDX-License-Identifier: MIT */
/* URLs of members: http or https, a host, a port, a path; nothing else (RFC 3986 with what a
 * member's address has no use for left out: user, query, fragment). */
#ifndef SHOAL_BASE_URL_H
#define SHOAL_BASE_URL_H

#include <shoal/types.h>

#define SHOAL_URL_HOST_MAX 253 /* RFC 1035 */

struct shoal_url {
	bool tls;                          /* https */
	uint16_t port;                     /* 0: to bind to, the kernel picks; no member is there */
	char host[SHOAL_URL_HOST_MAX + 1]; /* a name, or a number; IPv6 without brackets */
	char path[SHOAL_URL_MAX + 1];      /* "" or "/a/b" */
	char text[SHOAL_URL_MAX + 1];      /* all of it, in the one form that is compared */
};

/* Reads len bytes. SHOAL_ERR_INVALID: it is none, *why says in English what is wrong (static; why
 * may be NULL). The form that is compared: scheme and host in lower case, no dot behind the host,
 * no port where it is the scheme's, digits behind % in upper case, no slash at the end. */
int shoal_url_parse(struct shoal_url *url, const char *text, size_t len, const char **why);

/* The same at another host and port, which are an address of IP. SHOAL_ERR_TOO_BIG: it would be
 * longer than a URL may be; unchanged. */
int shoal_url_move(struct shoal_url *url, const struct shoal_addr *to);
/* Whether its host is 0.0.0.0 or ::. */
bool shoal_url_is_wildcard(const struct shoal_url *url);
/* Whether its host is this machine for whoever dials it: a loopback address, or localhost. */
bool shoal_url_is_loopback(const struct shoal_url *url);

#endif
