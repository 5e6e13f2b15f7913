/* SPDX-License-Identifier: MIT */
/* Certificates, keys and authorities, and the rules of all sessions.
 *
 * What was read from the files is immutable and counted: a reload makes new material, and the
 * sessions that were opened before keep theirs until they end. Randomness is the kernel's, asked
 * for each time: so there is no state that a fork could double. mbedTLS takes its memory from libc.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <mbedtls/error.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

#include "base/alloc.h"
#include "base/hash.h"
#include "transports/tls_material.h"

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

/* Forward secrecy and authenticated encryption only (RFC 9325, 4.2). */
static const int ciphers[] = {
#if MBEDTLS_VERSION_NUMBER >= 0x03020000
        MBEDTLS_TLS1_3_AES_256_GCM_SHA384, MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
        MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
#endif
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, 0};

/* The library's own lists begin with what is slowest and take 192 bits, too: and of those that both
 * sides know the server's first counts, so that who dials would choose what a handshake costs. */
#if MBEDTLS_VERSION_NUMBER >= 0x03020000
static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
        MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
        MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
#else
static const mbedtls_ecp_group_id groups[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1,
        MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE};
/* 3.2 takes no other ones by itself. */
static const int hashes[] = {
        MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE};
#endif

static int
random_bytes(void *arg, unsigned char *out, size_t len)
{
	(void)arg;
	while (len > 0) {
		ssize_t got = getrandom(out, len, 0);
		if (got < 0 && errno != EINTR) {
			return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
		}
		if (got > 0) {
			out += got;
			len -= (size_t)got;
		}
	}
	return 0;
}

void
shoal_tls_material_give(struct shoal_tls_material *material)
{
	if (material == NULL || --material->holders > 0) {
		return;
	}
	mbedtls_ssl_config_free(&material->client);
	mbedtls_ssl_config_free(&material->server);
	mbedtls_pk_free(&material->key);
	mbedtls_x509_crt_free(&material->cert);
	mbedtls_x509_crt_free(&material->ca);
	struct shoal_allocator mem = material->mem;
	shoal_alloc_free(&mem, material);
}

/* Why the kernel does not give a file for reading; 0: it does. */
static int
fault_of(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		return errno;
	}
	close(fd);
	return 0;
}

/* What mbedTLS says of a file, and where it was the file itself, the kernel. Above 0: how many
 * certificates in it were not read. */
static int
wrong_file(const char *what, const char *path, int error, char *why, size_t len)
{
	int fault = fault_of(path);
	char text[128];

	if (fault != 0) {
		snprintf(why, len, "%s: %s: %s", what, path, strerrordesc_np(fault));
		return fault == EACCES                      ? SHOAL_ERR_PERMISSION
		       : fault == EMFILE || fault == ENFILE ? SHOAL_ERR_SYSTEM
		                                            : SHOAL_ERR_INVALID;
	}
	if (error > 0) {
		snprintf(why, len, "%s: %s: %d of the certificates in it cannot be read", what,
		        path, error);
		return SHOAL_ERR_INVALID;
	}
	mbedtls_strerror(error, text, sizeof(text));
	snprintf(why, len, "%s: %s: not in the form that is read here (PEM): %s", what, path, text);
	return SHOAL_ERR_INVALID;
}

/* What the other sides say of it by the rules above. */
static bool
is_key_taken(const mbedtls_pk_context *key)
{
	if (!mbedtls_pk_can_do(key, MBEDTLS_PK_ECDSA)) {
		return mbedtls_pk_get_bitlen(key) >= 2048;
	}
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	mbedtls_ecp_group_id curve = mbedtls_pk_ec(*key)->MBEDTLS_PRIVATE(grp).id;
#else
	mbedtls_ecp_group_id curve = mbedtls_pk_ec(*key)->grp.id;
#endif
	return curve == MBEDTLS_ECP_DP_SECP256R1 || curve == MBEDTLS_ECP_DP_SECP384R1;
}

static int
read_cert(struct shoal_tls_material *material, const struct shoal_tls_files *files, char *why,
        size_t len)
{
	struct stat status;
	int rc = mbedtls_x509_crt_parse_file(&material->cert, files->cert);

	if (rc != 0) {
		return wrong_file("tls_cert", files->cert, rc, why, len);
	}
	if (stat(files->key, &status) == 0 && (status.st_mode & S_IRWXO) != 0) {
		snprintf(why, len,
		        "tls_key: %s: everybody may read it or write it (mode %04o); chmod 600, or "
		        "640 with a group",
		        files->key, (unsigned)(status.st_mode & 07777));
		return SHOAL_ERR_PERMISSION;
	}
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	rc = mbedtls_pk_parse_keyfile(&material->key, files->key, NULL, random_bytes, NULL);
#else
	rc = mbedtls_pk_parse_keyfile(&material->key, files->key, NULL);
#endif
	if (rc != 0) {
		return wrong_file("tls_key", files->key, rc, why, len);
	}
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	rc = mbedtls_pk_check_pair(&material->cert.pk, &material->key, random_bytes, NULL);
#else
	rc = mbedtls_pk_check_pair(&material->cert.pk, &material->key);
#endif
	if (rc != 0) {
		snprintf(why, len, "tls_key: %s is not the key of the certificate in %s",
		        files->key, files->cert);
		return SHOAL_ERR_INVALID;
	}
	if (!is_key_taken(&material->key)) {
		snprintf(why, len,
		        "tls_key: %s: no side takes keys of this kind; allowed are P-256, P-384, "
		        "and RSA with 2048 bits or more",
		        files->key);
		return SHOAL_ERR_INVALID;
	}
	material->has_cert = true;
	return SHOAL_OK;
}

/* Of the many in a system's file some may be of a kind that mbedTLS does not know. */
static int
read_ca(struct shoal_tls_material *material, const struct shoal_tls_files *files, char *why,
        size_t len)
{
	const char *path = files->ca != NULL ? files->ca : SYSTEM_CA;
	int rc = mbedtls_x509_crt_parse_file(&material->ca, path);

	if (rc < 0 || (rc > 0 && files->ca != NULL) || material->ca.version == 0) {
		if (files->ca == NULL && fault_of(path) == ENOENT) {
			snprintf(why, len,
			        "tls_ca: this machine has no authorities in " SYSTEM_CA
			        " (package ca-certificates); install them, or name a file of "
			        "your own");
			return SHOAL_ERR_INVALID;
		}
		return wrong_file("tls_ca", path, rc, why, len);
	}
	return SHOAL_OK;
}

static int
make_config(mbedtls_ssl_config *config, struct shoal_tls_material *material,
        const struct shoal_tls_files *files, int endpoint)
{
	bool server = endpoint == MBEDTLS_SSL_IS_SERVER;
	bool asks = server ? files->client_certs : files->verify;
	int rc = mbedtls_ssl_config_defaults(
	        config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);

	if (rc != 0) {
		return SHOAL_ERR_NOMEM;
	}
	mbedtls_ssl_conf_rng(config, random_bytes, NULL);
	mbedtls_ssl_conf_ciphersuites(config, ciphers);
	mbedtls_ssl_conf_cert_profile(config, &mbedtls_x509_crt_profile_next);
#if MBEDTLS_VERSION_NUMBER >= 0x03020000
	mbedtls_ssl_conf_groups(config, groups);
#else
	mbedtls_ssl_conf_curves(config, groups);
	mbedtls_ssl_conf_sig_hashes(config, hashes);
#endif
	mbedtls_ssl_conf_min_version(
	        config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
	mbedtls_ssl_conf_authmode(
	        config, asks ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
#if defined(MBEDTLS_SSL_SESSION_TICKETS) && defined(MBEDTLS_SSL_CLI_C)
	mbedtls_ssl_conf_session_tickets(config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
#endif
	*(server ? &material->checks_clients : &material->checks_servers) = asks;
	if (asks) {
		mbedtls_ssl_conf_ca_chain(config, &material->ca, NULL);
	}
	if (material->has_cert &&
	        mbedtls_ssl_conf_own_cert(config, &material->cert, &material->key) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	return SHOAL_OK;
}

static int
read_material(struct shoal_tls_material **out, const struct shoal_allocator *mem,
        const struct shoal_tls_files *files, char *why, size_t len)
{
	struct shoal_tls_material *material = shoal_alloc_zeroed(mem, 1, sizeof(*material));
	int rc = SHOAL_OK;

	if (material == NULL) {
		snprintf(why, len, "%s", shoal_strerror(SHOAL_ERR_NOMEM));
		return SHOAL_ERR_NOMEM;
	}
	material->mem = *mem;
	material->holders = 1;
	mbedtls_x509_crt_init(&material->ca);
	mbedtls_x509_crt_init(&material->cert);
	mbedtls_pk_init(&material->key);
	mbedtls_ssl_config_init(&material->client);
	mbedtls_ssl_config_init(&material->server);
	if (files->cert != NULL) {
		rc = read_cert(material, files, why, len);
	}
	if (rc == SHOAL_OK && (files->verify || files->client_certs)) {
		rc = read_ca(material, files, why, len);
	}
	if (rc == SHOAL_OK) {
		rc = make_config(&material->client, material, files, MBEDTLS_SSL_IS_CLIENT);
	}
	if (rc == SHOAL_OK) {
		rc = make_config(&material->server, material, files, MBEDTLS_SSL_IS_SERVER);
	}
	if (rc != SHOAL_OK) {
		if (rc == SHOAL_ERR_NOMEM) {
			snprintf(why, len, "%s", shoal_strerror(rc));
		}
		shoal_tls_material_give(material);
		return rc;
	}
	*out = material;
	return SHOAL_OK;
}

static bool
copy_path(struct shoal_tls *tls, const char **copy, const char *path)
{
	*copy = path != NULL ? shoal_alloc_text(&tls->mem, path) : NULL;
	return path == NULL || *copy != NULL;
}

int
shoal_tls_new(struct shoal_tls **out, const struct shoal_allocator *mem,
        const struct shoal_tls_files *files, char *why, size_t len)
{
	struct shoal_allocator own = shoal_allocator_or_libc(mem);
	struct shoal_tls *tls;
	int rc;

	if ((files->cert == NULL) != (files->key == NULL)) {
		snprintf(why, len, "tls_cert and tls_key: one needs the other");
		return SHOAL_ERR_INVALID;
	}
	if (files->client_certs && files->ca == NULL) {
		snprintf(why, len,
		        "tls_client_certs needs tls_ca, an authority of your own: those of this "
		        "machine sign for everybody");
		return SHOAL_ERR_INVALID;
	}
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
	if (psa_crypto_init() != PSA_SUCCESS) {
		snprintf(why, len, "mbedTLS: its cryptography does not start");
		return SHOAL_ERR_SYSTEM;
	}
#endif
	tls = shoal_alloc_zeroed(&own, 1, sizeof(*tls));
	if (tls == NULL) {
		snprintf(why, len, "%s", shoal_strerror(SHOAL_ERR_NOMEM));
		return SHOAL_ERR_NOMEM;
	}
	tls->mem = own;
	tls->files.verify = files->verify;
	tls->files.client_certs = files->client_certs;
	if (!copy_path(tls, &tls->files.ca, files->ca) ||
	        !copy_path(tls, &tls->files.cert, files->cert) ||
	        !copy_path(tls, &tls->files.key, files->key)) {
		snprintf(why, len, "%s", shoal_strerror(SHOAL_ERR_NOMEM));
		shoal_tls_free(tls);
		return SHOAL_ERR_NOMEM;
	}
	rc = shoal_tls_reload(tls, why, len);
	if (rc != SHOAL_OK) {
		shoal_tls_free(tls);
		return rc;
	}
	*out = tls;
	return SHOAL_OK;
}

int
shoal_tls_reload(struct shoal_tls *tls, char *why, size_t len)
{
	struct shoal_tls_material *material;
	int rc = read_material(&material, &tls->mem, &tls->files, why, len);

	if (rc == SHOAL_OK) {
		shoal_tls_material_give(tls->material);
		tls->material = material;
	}
	return rc;
}

int64_t
shoal_tls_until(const struct shoal_tls *tls)
{
	const mbedtls_x509_time *to = &tls->material->cert.valid_to;
	struct tm end = {.tm_year = to->year - 1900,
	        .tm_mon = to->mon - 1,
	        .tm_mday = to->day,
	        .tm_hour = to->hour,
	        .tm_min = to->min,
	        .tm_sec = to->sec};

	return tls->material->has_cert ? (int64_t)timegm(&end) : INT64_MAX;
}

static void
digest_chain(const mbedtls_x509_crt *first, uint8_t digest[SHOAL_SHA256_LEN])
{
	struct shoal_sha256 sha;

	shoal_sha256_init(&sha);
	for (const mbedtls_x509_crt *one = first; one != NULL; one = one->next) {
		shoal_sha256_update(&sha, one->raw.p, one->raw.len);
	}
	shoal_sha256_final(&sha, digest);
}

void
shoal_tls_digest(const struct shoal_tls *tls, struct shoal_tls_digest *digest)
{
	const struct shoal_tls_material *material = tls->material;
	struct shoal_sha256 sha;

	digest_chain(&material->ca, digest->ca);
	digest_chain(&material->cert, digest->cert);
	/* It was found to be the key's. */
	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, material->cert.pk_raw.p, material->cert.pk_raw.len);
	shoal_sha256_final(&sha, digest->key);
}

void
shoal_tls_free(struct shoal_tls *tls)
{
	if (tls == NULL) {
		return;
	}
	struct shoal_allocator mem = tls->mem;
	shoal_tls_material_give(tls->material);
	shoal_alloc_free(&mem, (void *)(uintptr_t)tls->files.ca);
	shoal_alloc_free(&mem, (void *)(uintptr_t)tls->files.cert);
	shoal_alloc_free(&mem, (void *)(uintptr_t)tls->files.key);
	shoal_alloc_free(&mem, tls);
}
