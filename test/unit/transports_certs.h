/* SPDX-License-Identifier: MIT */
/* Certificates that a test makes: an authority, and what it signs, in files that go with the test.
 */
#ifndef SHOAL_TEST_TRANSPORTS_CERTS_H
#define SHOAL_TEST_TRANSPORTS_CERTS_H

#include <stdbool.h>

struct certs_wish {
	const char *name;      /* common name */
	const char *dns;       /* NULL: no such name in it */
	const char *ip;        /* IPv4 as text; NULL: none */
	const char *from, *to; /* "20200101000000"; NULL: now valid */
	bool self_signed;
	bool p521;       /* a key of that curve */
	bool no_signing; /* it is for key encipherment */
	char use;        /* 's': for servers only, 'c': for clients only; 0: it does not say */
};

/* An authority of a folder of its own: path ends with 0. */
struct certs {
	char folder[64];
	struct certs_authority *authority;
};

void certs_begin(struct certs *certs);
void certs_end(struct certs *certs);
/* Another authority from now on. */
void certs_renew(struct certs *certs);
/* Writes NAME.crt and NAME.key. */
void certs_make(struct certs *certs, const char *name, const struct certs_wish *wish);
/* "FOLDER/NAME", in one of sixteen buffers in turn; "ca.crt" is the authority. */
const char *certs_path(const struct certs *certs, const char *name);

#endif
