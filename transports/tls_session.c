/* SPDX-License-Identifier: MIT */
/* One connection's end of TLS.
 *
 * mbedTLS writes into the session's own buffer, which always takes all of it: nothing is offered to
 * mbedTLS while bytes wait there, so it holds one record, or one flight of a handshake. Reading
 * goes to the descriptor. A record is decrypted whole, so that what was asked for may be shorter
 * than what is there: the caller reads until it is told EAGAIN.
 *
 * The name that a certificate must have is looked at by mbedTLS, but for IP addresses, which
 * version 2.28 does not look at: those are compared here (RFC 6125, RFC 2818 3.1: an address must
 * stand in the certificate as an address). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <mbedtls/error.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/oid.h>
#include <mbedtls/version.h>

#include "base/alloc.h"
#include "base/text.h"
#include "transports/tls_material.h"

#define SAN_DNS (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2)
#define SAN_IP  (MBEDTLS_ASN1_CONTEXT_SPECIFIC | 7)
#define WAITS   2048 /* bytes of the buffer that is kept */
/* A flight of a handshake, or a record and answers to what the other side should not have sent. */
#define WAITS_MAX 131072
#define READS     64 /* of the kernel, in one call from above: see give_bytes */

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#define BAD_CERTIFICATE MBEDTLS_ERR_SSL_BAD_CERTIFICATE
#define NO_CIPHER       MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE
#define NO_USE          MBEDTLS_ERR_SSL_BAD_INPUT_DATA /* told as the one above */
#else
#define BAD_CERTIFICATE MBEDTLS_ERR_SSL_BAD_HS_CERTIFICATE
#define NO_CIPHER       MBEDTLS_ERR_SSL_NO_CIPHER_CHOSEN
#define NO_USE          MBEDTLS_ERR_SSL_NO_USABLE_CIPHERSUITE
#endif

/* Of TLS 1.3: of no use here, and no failure. */
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
#define NEW_TICKET MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
#else
#define NEW_TICKET INT_MIN
#endif

struct shoal_tls_session {
	struct shoal_tls_material *material;
	mbedtls_ssl_context ssl;
	int fd;
	bool client, up;
	uint8_t first;  /* byte that came; 0: none */
	unsigned reads; /* that this call may make */
	uint8_t ip[16]; /* the host, where it is an address */
	size_t ip_len;
	char host[SHOAL_TLS_NAME_MAX + 1];
	char peer[SHOAL_TLS_NAME_MAX + 1];
	char why[SHOAL_TLS_WHY];
	uint8_t *waits; /* what mbedTLS wrote and the kernel has not taken */
	size_t at, end, room;
};

/* For mbedTLS: takes all. */
static int
take_bytes(void *arg, const unsigned char *data, size_t len)
{
	struct shoal_tls_session *session = arg;
	size_t waiting = session->end - session->at;

	if (session->at > 0) {
		memmove(session->waits, session->waits + session->at, waiting);
		session->at = 0;
		session->end = waiting;
	}
	if (waiting + len > WAITS_MAX) {
		return MBEDTLS_ERR_SSL_ALLOC_FAILED;
	}
	if (session->room - waiting < len) {
		size_t room = waiting + len > WAITS ? waiting + len : WAITS;
		uint8_t *larger =
		        shoal_alloc_resize(&session->material->mem, session->waits, room, 1);
		if (larger == NULL) {
			return MBEDTLS_ERR_SSL_ALLOC_FAILED;
		}
		session->waits = larger;
		session->room = room;
	}
	memcpy(session->waits + session->end, data, len);
	session->end += len;
	return (int)len;
}

/* For mbedTLS: what the kernel has. An end is told apart from a failure by errno. Some records give
 * nothing to who reads, as alerts do, and mbedTLS goes on to the next one: a peer that sends them
 * without end must not keep the loop's thread. */
static int
give_bytes(void *arg, unsigned char *data, size_t len)
{
	struct shoal_tls_session *session = arg;
	ssize_t got;

	if (session->reads == 0) {
		return MBEDTLS_ERR_SSL_WANT_READ;
	}
	session->reads--;
	do {
		got = recv(session->fd, data, len, 0);
	} while (got < 0 && errno == EINTR);
	if (got > 0) {
		session->first = session->first != 0 ? session->first : data[0];
		return (int)got;
	}
	if (got == 0) {
		return MBEDTLS_ERR_SSL_CONN_EOF;
	}
	return errno == EAGAIN || errno == EWOULDBLOCK ? MBEDTLS_ERR_SSL_WANT_READ
	                                               : MBEDTLS_ERR_NET_RECV_FAILED;
}

static bool
has_address(const mbedtls_x509_crt *cert, const uint8_t *ip, size_t len)
{
	for (const mbedtls_x509_sequence *name = &cert->subject_alt_names; name != NULL;
	        name = name->next) {
		if (name->buf.tag == SAN_IP && name->buf.len == len &&
		        memcmp(name->buf.p, ip, len) == 0) {
			return true;
		}
	}
	return false;
}

/* mbedTLS looks at the chain; asked for each certificate in it, the peer's own last. */
static int
on_verify(void *arg, mbedtls_x509_crt *cert, int depth, uint32_t *flags)
{
	const struct shoal_tls_session *session = arg;

	if (depth == 0 && session->ip_len > 0 && !has_address(cert, session->ip, session->ip_len)) {
		*flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
	}
	return 0;
}

static int
name_host(struct shoal_tls_session *session, const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (strlen(host) > SHOAL_TLS_NAME_MAX) {
		return SHOAL_ERR_INVALID;
	}
	memcpy(session->host, host, strlen(host) + 1);
	if (inet_pton(AF_INET, host, &v4) == 1) {
		session->ip_len = sizeof(v4);
		memcpy(session->ip, &v4, sizeof(v4));
	} else if (inet_pton(AF_INET6, host, &v6) == 1) {
		session->ip_len = sizeof(v6);
		memcpy(session->ip, &v6, sizeof(v6));
	}
	mbedtls_ssl_set_verify(&session->ssl, on_verify, session);
	const char *name = session->ip_len > 0 ? NULL : host;
	return mbedtls_ssl_set_hostname(&session->ssl, name) == 0 ? SHOAL_OK : SHOAL_ERR_NOMEM;
}

int
shoal_tls_open(struct shoal_tls_session **out, struct shoal_tls *tls, const char *host, int fd)
{
	struct shoal_tls_material *material = tls->material;
	struct shoal_tls_session *session;
	int rc = SHOAL_OK;

	if (host == NULL && !material->has_cert) {
		return SHOAL_ERR_INVALID;
	}
	session = shoal_alloc_zeroed(&material->mem, 1, sizeof(*session));
	if (session == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	session->material = material;
	material->holders++;
	session->fd = fd;
	session->client = host != NULL;
	mbedtls_ssl_init(&session->ssl);
	if (mbedtls_ssl_setup(
	            &session->ssl, host != NULL ? &material->client : &material->server) != 0) {
		rc = SHOAL_ERR_NOMEM;
	} else if (host != NULL) {
		rc = name_host(session, host);
	}
	if (rc != SHOAL_OK) {
		shoal_tls_close(session);
		return rc;
	}
	mbedtls_ssl_set_bio(&session->ssl, session, take_bytes, give_bytes, NULL);
	*out = session;
	return SHOAL_OK;
}

void
shoal_tls_close(struct shoal_tls_session *session)
{
	if (session == NULL) {
		return;
	}
	struct shoal_tls_material *material = session->material;
	struct shoal_allocator mem = material->mem;
	mbedtls_ssl_free(&session->ssl);
	shoal_alloc_free(&mem, session->waits);
	shoal_alloc_free(&mem, session);
	shoal_tls_material_give(material);
}

int
shoal_tls_flush(struct shoal_tls_session *session)
{
	while (session->at < session->end) {
		ssize_t sent = send(session->fd, session->waits + session->at,
		        session->end - session->at, MSG_NOSIGNAL);
		if (sent < 0 && errno != EINTR) {
			return -1;
		}
		session->at += sent > 0 ? (size_t)sent : 0;
	}
	if (session->room > WAITS) {
		shoal_alloc_free(&session->material->mem, session->waits);
		session->waits = NULL;
		session->room = 0;
	}
	session->at = session->end = 0;
	return 0;
}

size_t
shoal_tls_waiting(const struct shoal_tls_session *session)
{
	return session->end - session->at;
}

/* What is wrong with the other side's certificate, the weightiest thing first. */
static void
explain_certificate(struct shoal_tls_session *session, uint32_t flags)
{
	const char *whose = session->client ? "its certificate" : "the certificate that it gave";
	const char *what = "is not what it should be";

	if ((flags & MBEDTLS_X509_BADCERT_EXPIRED) != 0) {
		what = "expired";
	} else if ((flags & MBEDTLS_X509_BADCERT_FUTURE) != 0) {
		what = "is not valid yet; are the clocks right?";
	} else if ((flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED) != 0) {
		what = "is of no authority that is trusted here (tls_ca), or signed by itself";
	} else if ((flags & MBEDTLS_X509_BADCERT_EXT_KEY_USAGE) != 0) {
		what = session->client
		               ? "is for clients only: members need extendedKeyUsage serverAuth "
		                 "and clientAuth, or none"
		               : "is for servers only: members need extendedKeyUsage serverAuth "
		                 "and clientAuth, or none";
	} else if ((flags & MBEDTLS_X509_BADCERT_KEY_USAGE) != 0) {
		what = "may not be used for this: members need keyUsage digitalSignature, or none";
	} else if ((flags & MBEDTLS_X509_BADCERT_BAD_KEY) != 0) {
		what = "has, or its authority has, a key that is not taken: allowed are P-256, "
		       "P-384, and RSA with 2048 bits or more";
	} else if ((flags & (MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK)) != 0) {
		what = "is signed in a way that is too weak: it takes SHA-256 or more";
	} else if ((flags & MBEDTLS_X509_BADCERT_CN_MISMATCH) != 0) {
		snprintf(session->why, sizeof(session->why), "%s is not for %s", whose,
		        session->host);
		return;
	} else if ((flags & MBEDTLS_X509_BADCERT_MISSING) != 0) {
		snprintf(session->why, sizeof(session->why), "it gave no certificate");
		return;
	}
	snprintf(session->why, sizeof(session->why), "%s %s", whose, what);
}

/* What came does not begin as TLS does. */
static bool
is_foreign(const struct shoal_tls_session *session)
{
	return session->first != 0 && session->first != MBEDTLS_SSL_MSG_HANDSHAKE &&
	       session->first != MBEDTLS_SSL_MSG_ALERT;
}

static int
explain(struct shoal_tls_session *session, int error)
{
	uint32_t flags = mbedtls_ssl_get_verify_result(&session->ssl);
	const char *what = NULL;
	int code = SHOAL_ERR_MALFORMED;
	char text[128];

	if (!session->up && is_foreign(session)) {
		snprintf(session->why, sizeof(session->why), "what it sent is no TLS");
		return code;
	}
	if (error == BAD_CERTIFICATE && flags != 0 && flags != UINT32_MAX) {
		error = MBEDTLS_ERR_X509_CERT_VERIFY_FAILED; /* the use that it is for, or its curve
		                                              */
	}
	switch (error) {
	case MBEDTLS_ERR_X509_CERT_VERIFY_FAILED:
		explain_certificate(session, flags);
		return SHOAL_ERR_AUTH;
	case MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE:
		what = "it gave no certificate";
		code = SHOAL_ERR_AUTH;
		break;
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		what = session->client
		               ? "it refused the connection: it may want a certificate (tls_cert), "
		                 "or another one; its log says why"
		               : "it refused the certificate of this side, or what this side speaks";
		code = SHOAL_ERR_AUTH;
		break;
	case NO_CIPHER:
	case NO_USE:
		what = "nothing that it offers is taken here (TLS 1.2 or later, ECDHE on x25519, "
		       "P-256 or P-384), or the certificate of this side (tls_cert) may not be "
		       "used by servers";
		code = SHOAL_ERR_AUTH;
		break;
	case MBEDTLS_ERR_SSL_CONN_EOF:
		what = "it closed the connection in the handshake";
		code = SHOAL_ERR_CLOSED;
		break;
	case MBEDTLS_ERR_NET_RECV_FAILED:
		what = strerrordesc_np(errno);
		code = SHOAL_ERR_CLOSED;
		break;
	case MBEDTLS_ERR_SSL_ALLOC_FAILED:
		what = shoal_strerror(SHOAL_ERR_NOMEM);
		code = SHOAL_ERR_NOMEM;
		break;
	case MBEDTLS_ERR_SSL_INVALID_RECORD:
	case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
		what = "what it sent is no TLS";
		break;
	default:
		mbedtls_strerror(error, text, sizeof(text));
		what = text;
		break;
	}
	snprintf(session->why, sizeof(session->why), "%s", what != NULL ? what : "failed");
	return code;
}

/* Names are shown: bytes that are no name are not taken. */
static void
take_name(struct shoal_tls_session *session, const unsigned char *name, size_t len)
{
	if (len > 0 && len <= SHOAL_TLS_NAME_MAX && shoal_text_is_name(name, len)) {
		memcpy(session->peer, name, len);
		session->peer[len] = '\0';
	}
}

static void
read_peer(struct shoal_tls_session *session)
{
	const struct shoal_tls_material *material = session->material;
	bool checked = session->client ? material->checks_servers : material->checks_clients;
	const mbedtls_x509_crt *cert = mbedtls_ssl_get_peer_cert(&session->ssl);

	if (!checked || cert == NULL || mbedtls_ssl_get_verify_result(&session->ssl) != 0) {
		return;
	}
	for (const mbedtls_x509_sequence *name = &cert->subject_alt_names;
	        name != NULL && session->peer[0] == '\0'; name = name->next) {
		if (name->buf.tag == SAN_DNS) {
			take_name(session, name->buf.p, name->buf.len);
		}
	}
	for (const mbedtls_x509_name *name = &cert->subject;
	        name != NULL && session->peer[0] == '\0'; name = name->next) {
		if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &name->oid) == 0) {
			take_name(session, name->val.p, name->val.len);
		}
	}
}

/* What a peer that speaks something else is sent: an alert, unexpected_message. */
static const unsigned char unexpected[] = {MBEDTLS_SSL_MSG_ALERT, 3, 3, 0, 2, 2, 10};

int
shoal_tls_handshake(struct shoal_tls_session *session, enum shoal_tls_want *want)
{
	session->reads = READS;
	int rc = session->up ? 0 : mbedtls_ssl_handshake(&session->ssl);
	int error = errno;
	if (rc != 0 && rc != MBEDTLS_ERR_SSL_WANT_READ && is_foreign(session)) {
		(void)take_bytes(session, unexpected, sizeof(unexpected));
	}
	if (rc == MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE) {
		/* Of which mbedTLS tells nobody (RFC 5246, 7.4.6). */
		(void)mbedtls_ssl_send_alert_message(&session->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
		        MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
	}
	bool blocked = shoal_tls_flush(session) != 0;

	*want = SHOAL_TLS_DONE;
	if (rc == MBEDTLS_ERR_SSL_WANT_READ) {
		*want = blocked ? SHOAL_TLS_WRITE : SHOAL_TLS_READ;
	} else if (rc != 0) {
		errno = error;
		return explain(session, rc);
	} else if (blocked) {
		*want = SHOAL_TLS_WRITE;
	}
	if (blocked && errno != EAGAIN && errno != EWOULDBLOCK) {
		snprintf(session->why, sizeof(session->why), "%s", strerrordesc_np(errno));
		return SHOAL_ERR_CLOSED;
	}
	if (rc == 0 && !session->up) {
		session->up = true;
		read_peer(session);
	}
	return SHOAL_OK;
}

static ptrdiff_t
fail(struct shoal_tls_session *session, int error)
{
	int before = errno;

	(void)explain(session, error);
	errno = error == MBEDTLS_ERR_SSL_ALLOC_FAILED          ? ENOMEM
	        : error == MBEDTLS_ERR_SSL_CONN_EOF            ? ECONNRESET
	        : error == MBEDTLS_ERR_NET_RECV_FAILED         ? before
	        : error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE ? ECONNRESET
	                                                       : EPROTO;
	return -1;
}

ptrdiff_t
shoal_tls_read(struct shoal_tls_session *session, void *data, size_t len)
{
	int rc;

	session->reads = READS;
	do {
		rc = mbedtls_ssl_read(&session->ssl, data, len);
	} while (rc == NEW_TICKET);
	if (shoal_tls_waiting(session) > 0) {
		int error = errno;
		(void)shoal_tls_flush(session);
		errno = error;
	}
	if (rc == MBEDTLS_ERR_SSL_WANT_READ) {
		errno = EAGAIN;
		return -1;
	}
	if (rc == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
		return 0;
	}
	/* 0: the end of the bytes below, without the end that TLS has for it. */
	return rc > 0 ? rc : fail(session, rc == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : rc);
}

ptrdiff_t
shoal_tls_write(struct shoal_tls_session *session, const void *data, size_t len)
{
	if (shoal_tls_flush(session) != 0) {
		return -1;
	}
	int rc = mbedtls_ssl_write(&session->ssl, data, len);
	if (rc < 0) {
		return fail(session, rc);
	}
	if (shoal_tls_flush(session) != 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
		return -1;
	}
	return rc;
}

void
shoal_tls_end(struct shoal_tls_session *session)
{
	if (session->up && shoal_tls_waiting(session) == 0) {
		(void)mbedtls_ssl_close_notify(&session->ssl);
		(void)shoal_tls_flush(session);
	}
}

const char *
shoal_tls_peer(const struct shoal_tls_session *session)
{
	return session->peer;
}

const char *
shoal_tls_why(const struct shoal_tls_session *session)
{
	return session->why;
}

const char *
shoal_tls_version(const struct shoal_tls_session *session)
{
	return mbedtls_ssl_get_version(&session->ssl);
}

const char *
shoal_tls_cipher(const struct shoal_tls_session *session)
{
	return mbedtls_ssl_get_ciphersuite(&session->ssl);
}
