/* SPDX-License-Identifier: MIT */
/* TLS for streams, with mbedTLS: what a side has of certificates (struct shoal_tls), and one
 * connection's end of it (struct shoal_tls_session).
 *
 *     tls.c          certificates, keys, authorities and rules, read from files and read anew
 *     tls_session.c  handshake, reading, writing, the other side's name, and reasons in English
 *
 * One TLS layer is beneath the TCP transport and the HTTP transport. It works on the descriptor
 * itself: bytes that TLS has made and the kernel does not take wait in the session, one record at
 * most, so that a write is taken whole or not at all, and nobody above has to offer the same bytes
 * twice. TLS 1.2 with forward secrecy and authenticated encryption, and 1.3 where mbedTLS has it;
 * no renegotiation, no tickets.
 *
 * Without SHOAL_MBEDTLS in the build shoal_tls_new says SHOAL_ERR_UNSUPPORTED. All calls for one
 * struct shoal_tls and its sessions are made on one thread. */
#ifndef SHOAL_TRANSPORTS_TLS_H
#define SHOAL_TRANSPORTS_TLS_H

#include <shoal/error.h>
#include <shoal/types.h>

#define SHOAL_TLS_NAME_MAX 255 /* of a peer, without the zero */
#define SHOAL_TLS_WHY      320 /* buffer for a reason */

struct shoal_tls;
struct shoal_tls_session;

struct shoal_tls_files {
	const char *ca; /* PEM: who is trusted; NULL: the authorities of this machine */
	const char
	        *cert;   /* PEM: this side's, with those between it and its authority; NULL: none */
	const char *key; /* PEM: of cert; NULL with it */
	bool verify;     /* the other side's certificate is asked for and checked */
	bool client_certs; /* a server asks clients for theirs: without one of ca, which may not be
	                    * NULL then, there is no connection */
};

struct shoal_tls_digest {
	uint8_t ca[32], cert[32], key[32];
};

/* Strings are copied. SHOAL_ERR_INVALID, _PERMISSION, _SYSTEM, _NOMEM, _UNSUPPORTED: why (len
 * bytes) names the file, what is wrong and what to do. */
SHOAL_MUST_USE int shoal_tls_new(struct shoal_tls **tls, const struct shoal_allocator *mem,
        const struct shoal_tls_files *files, char *why, size_t len);
/* Reads the same files again: sessions from now on have what is in them then. On failure all stays
 * as it was. Errors as above. */
SHOAL_MUST_USE int shoal_tls_reload(struct shoal_tls *tls, char *why, size_t len);
/* When the certificate ends, in seconds since 1970; INT64_MAX: there is none. */
int64_t shoal_tls_until(const struct shoal_tls *tls);
/* What was read, by SHA-256 of the certificates and of the key's public half: files that are
 * written anew with the same in them are the same. */
void shoal_tls_digest(const struct shoal_tls *tls, struct shoal_tls_digest *digest);
/* Sessions may outlive it. NULL is allowed. */
void shoal_tls_free(struct shoal_tls *tls);

/* What to wait for at the descriptor before the call is made again. */
enum shoal_tls_want {
	SHOAL_TLS_DONE = 0,
	SHOAL_TLS_READ = 1,
	SHOAL_TLS_WRITE = 2
};

/* A client's end: host is the name or IP address that the server's certificate must have, and the
 * name that it is told (SNI, RFC 6066: not where it is an address). A server's end: host NULL; it
 * needs a certificate. fd stays the caller's. SHOAL_ERR_INVALID: no certificate; SHOAL_ERR_NOMEM.
 */
SHOAL_MUST_USE int shoal_tls_open(
        struct shoal_tls_session **session, struct shoal_tls *tls, const char *host, int fd);
/* Releases it; what waits is lost. NULL is allowed. */
void shoal_tls_close(struct shoal_tls_session *session);

/* Goes on with the handshake. SHOAL_OK with *want: DONE, or what it waits for. SHOAL_ERR_CLOSED:
 * the other side ended the connection; SHOAL_ERR_AUTH: a certificate was not what it should be,
 * here or, by its word, there; SHOAL_ERR_MALFORMED: what came is no TLS; SHOAL_ERR_NOMEM.
 * shoal_tls_why says more. */
SHOAL_MUST_USE int shoal_tls_handshake(
        struct shoal_tls_session *session, enum shoal_tls_want *want);

/* After the handshake. > 0: bytes read; 0: the other side ended it in the way that TLS has for
 * that; -1 and errno: EAGAIN; ECONNRESET also where it ended in any other way, EPROTO. Reads as
 * long as there is something: after fewer bytes than were asked for, more may be there. */
ptrdiff_t shoal_tls_read(struct shoal_tls_session *session, void *data, size_t len);
/* > 0: bytes taken, perhaps fewer than len: they leave before later ones do, see shoal_tls_flush.
 * -1 and errno: EAGAIN: the kernel takes no more; ECONNRESET, EPIPE, ENOMEM, EPROTO. */
ptrdiff_t shoal_tls_write(struct shoal_tls_session *session, const void *data, size_t len);
/* Sends what was taken and has not left. 0: all has; -1 and errno as above. */
int shoal_tls_flush(struct shoal_tls_session *session);
/* Bytes that wait for shoal_tls_flush. */
size_t shoal_tls_waiting(const struct shoal_tls_session *session);
/* Tells the other side that nothing more comes; as much of it as the kernel takes at once. */
void shoal_tls_end(struct shoal_tls_session *session);

/* The name in the other side's certificate: its first DNS name, else its common name; "": none, or
 * it was not checked. Lives as long as the session. */
const char *shoal_tls_peer(const struct shoal_tls_session *session);
/* Why the last call failed, in English: "its certificate expired", "its certificate is not for
 * node-1.example.org". */
const char *shoal_tls_why(const struct shoal_tls_session *session);
/* "TLSv1.2", and the name of what encrypts. */
const char *shoal_tls_version(const struct shoal_tls_session *session);
const char *shoal_tls_cipher(const struct shoal_tls_session *session);

#endif
