/* SPDX-License-Identifier: MIT */
/* What tls.h offers in a build without mbedTLS: a refusal that says so. No session can be opened.
 */
#include <stdio.h>
#include <string.h>

#include "transports/tls.h"

int
shoal_tls_new(struct shoal_tls **tls, const struct shoal_allocator *mem,
        const struct shoal_tls_files *files, char *why, size_t len)
{
	(void)tls;
	(void)mem;
	(void)files;
	snprintf(why, len, "tls: this build has no mbedTLS; build it with -DSHOAL_MBEDTLS=ON");
	return SHOAL_ERR_UNSUPPORTED;
}

int
shoal_tls_reload(struct shoal_tls *tls, char *why, size_t len)
{
	(void)tls;
	(void)why;
	(void)len;
	return SHOAL_ERR_UNSUPPORTED;
}

int64_t
shoal_tls_until(const struct shoal_tls *tls)
{
	(void)tls;
	return INT64_MAX;
}

void
shoal_tls_digest(const struct shoal_tls *tls, struct shoal_tls_digest *digest)
{
	(void)tls;
	memset(digest, 0, sizeof(*digest));
}

void
shoal_tls_free(struct shoal_tls *tls)
{
	(void)tls;
}

int
shoal_tls_open(struct shoal_tls_session **session, struct shoal_tls *tls, const char *host, int fd)
{
	(void)session;
	(void)tls;
	(void)host;
	(void)fd;
	return SHOAL_ERR_UNSUPPORTED;
}

void
shoal_tls_close(struct shoal_tls_session *session)
{
	(void)session;
}

int
shoal_tls_handshake(struct shoal_tls_session *session, enum shoal_tls_want *want)
{
	(void)session;
	(void)want;
	return SHOAL_ERR_UNSUPPORTED;
}

ptrdiff_t
shoal_tls_read(struct shoal_tls_session *session, void *data, size_t len)
{
	(void)session;
	(void)data;
	(void)len;
	return -1;
}

ptrdiff_t
shoal_tls_write(struct shoal_tls_session *session, const void *data, size_t len)
{
	(void)session;
	(void)data;
	(void)len;
	return -1;
}

int
shoal_tls_flush(struct shoal_tls_session *session)
{
	(void)session;
	return 0;
}

size_t
shoal_tls_waiting(const struct shoal_tls_session *session)
{
	(void)session;
	return 0;
}

void
shoal_tls_end(struct shoal_tls_session *session)
{
	(void)session;
}

const char *
shoal_tls_peer(const struct shoal_tls_session *session)
{
	(void)session;
	return "";
}

const char *
shoal_tls_why(const struct shoal_tls_session *session)
{
	(void)session;
	return "";
}

const char *
shoal_tls_version(const struct shoal_tls_session *session)
{
	(void)session;
	return "";
}

const char *
shoal_tls_cipher(const struct shoal_tls_session *session)
{
	(void)session;
	return "";
}
