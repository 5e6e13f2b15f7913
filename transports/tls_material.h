/* SPDX-License-Identifier: MIT */
/* Between tls.c and tls_session.c: what sessions hold of the certificates of their side. */
#ifndef SHOAL_TRANSPORTS_TLS_MATERIAL_H
#define SHOAL_TRANSPORTS_TLS_MATERIAL_H

#include <mbedtls/ssl.h>

#include "transports/tls.h"

/* What was in the files at one time. The sessions of that time hold it. */
struct shoal_tls_material {
	struct shoal_allocator mem;
	unsigned holders;
	mbedtls_x509_crt ca, cert;
	mbedtls_pk_context key;
	mbedtls_ssl_config client, server;
	bool has_cert;
	bool checks_servers, checks_clients; /* the certificates of those */
};

struct shoal_tls {
	struct shoal_allocator mem;
	struct shoal_tls_files files; /* its strings are owned */
	struct shoal_tls_material *material;
};

void shoal_tls_material_give(struct shoal_tls_material *material);

#endif
