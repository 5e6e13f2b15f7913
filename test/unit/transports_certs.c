/* SPDX-License-Identifier: MIT */
/* Keys and certificates by mbedTLS, on the curve P-256, which is quick to make. */
#include "unit.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/ecp.h>
#include <mbedtls/entropy.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>

#include "transports_certs.h"

#define PEM_MOST 4096

struct certs_authority {
	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context rng;
	mbedtls_pk_context key;
	unsigned serial;
};

const char *
certs_path(const struct certs *certs, const char *name)
{
	static char path[16][160];
	static unsigned turn;
	char *at = path[turn++ % 16];

	snprintf(at, sizeof path[0], "%s/%s", certs->folder, name);
	return at;
}

static void
write_file(const struct certs *certs, const char *name, const char *ending, const void *text)
{
	char file[96];

	snprintf(file, sizeof file, "%s.%s", name, ending);
	FILE *out = fopen(certs_path(certs, file), "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(certs_path(certs, file), 0600), 0);
}

static void
make_key(struct certs_authority *authority, mbedtls_pk_context *key, bool p521)
{
	mbedtls_pk_init(key);
	assert_int_equal(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), 0);
	assert_int_equal(
	        mbedtls_ecp_gen_key(p521 ? MBEDTLS_ECP_DP_SECP521R1 : MBEDTLS_ECP_DP_SECP256R1,
	                mbedtls_pk_ec(*key), mbedtls_ctr_drbg_random, &authority->rng),
	        0);
}

/* SubjectAltName (RFC 5280, 4.2.1.6), short enough for lengths of one byte. */
static void
add_names(mbedtls_x509write_cert *cert, const struct certs_wish *wish)
{
	unsigned char der[100] = {0x30};
	size_t at = 2;
	struct in_addr v4;

	if (wish->dns != NULL) {
		size_t len = strlen(wish->dns);
		der[at++] = 0x82;
		der[at++] = (unsigned char)len;
		memcpy(der + at, wish->dns, len);
		at += len;
	}
	if (wish->ip != NULL) {
		assert_int_equal(inet_pton(AF_INET, wish->ip, &v4), 1);
		der[at++] = 0x87;
		der[at++] = 4;
		memcpy(der + at, &v4, 4);
		at += 4;
	}
	der[1] = (unsigned char)(at - 2);
	if (at > 2) {
		assert_int_equal(
		        mbedtls_x509write_crt_set_extension(cert, MBEDTLS_OID_SUBJECT_ALT_NAME,
		                MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, der, at),
		        0);
	}
}

/* ExtendedKeyUsage and KeyUsage (RFC 5280, 4.2.1.12 and 4.2.1.3): id-kp 1 and 2 are servers and
 * clients. */
static void
add_uses(mbedtls_x509write_cert *cert, const struct certs_wish *wish)
{
	unsigned char der[] = {0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1};

	if (wish->use != 0) {
		der[sizeof(der) - 1] = wish->use == 's' ? 1 : 2;
		assert_int_equal(
		        mbedtls_x509write_crt_set_extension(cert, MBEDTLS_OID_EXTENDED_KEY_USAGE,
		                MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, der,
		                sizeof(der)),
		        0);
	}
	if (wish->no_signing) {
		assert_int_equal(
		        mbedtls_x509write_crt_set_key_usage(cert, MBEDTLS_X509_KU_KEY_ENCIPHERMENT),
		        0);
	}
}

static void
sign(struct certs *certs, const char *name, mbedtls_pk_context *key, const struct certs_wish *wish,
        bool is_authority)
{
	struct certs_authority *authority = certs->authority;
	unsigned char pem[PEM_MOST];
	mbedtls_x509write_cert cert;
	char subject[128], serial[8];
	mbedtls_mpi number;
	bool own = is_authority || wish->self_signed;

	mbedtls_x509write_crt_init(&cert);
	mbedtls_mpi_init(&number);
	snprintf(serial, sizeof serial, "%u", ++authority->serial);
	assert_int_equal(mbedtls_mpi_read_string(&number, 10, serial), 0);
	snprintf(subject, sizeof subject, "CN=%s", wish->name);
	mbedtls_x509write_crt_set_version(&cert, MBEDTLS_X509_CRT_VERSION_3);
	mbedtls_x509write_crt_set_md_alg(&cert, MBEDTLS_MD_SHA256);
	assert_int_equal(mbedtls_x509write_crt_set_serial(&cert, &number), 0);
	assert_int_equal(mbedtls_x509write_crt_set_subject_name(&cert, subject), 0);
	assert_int_equal(
	        mbedtls_x509write_crt_set_issuer_name(&cert, own ? subject : "CN=shoal test"), 0);
	assert_int_equal(mbedtls_x509write_crt_set_validity(&cert,
	                         wish->from != NULL ? wish->from : "20200101000000",
	                         wish->to != NULL ? wish->to : "20991231235959"),
	        0);
	assert_int_equal(mbedtls_x509write_crt_set_basic_constraints(&cert, is_authority, -1), 0);
	mbedtls_x509write_crt_set_subject_key(&cert, key);
	mbedtls_x509write_crt_set_issuer_key(&cert, own ? key : &authority->key);
	add_names(&cert, wish);
	add_uses(&cert, wish);
	assert_int_equal(mbedtls_x509write_crt_pem(
	                         &cert, pem, sizeof pem, mbedtls_ctr_drbg_random, &authority->rng),
	        0);
	write_file(certs, name, "crt", pem);
	mbedtls_x509write_crt_free(&cert);
	mbedtls_mpi_free(&number);
}

void
certs_renew(struct certs *certs)
{
	const struct certs_wish wish = {.name = "shoal test"};

	mbedtls_pk_free(&certs->authority->key);
	make_key(certs->authority, &certs->authority->key, false);
	sign(certs, "ca", &certs->authority->key, &wish, true);
}

void
certs_begin(struct certs *certs)
{
	struct certs_authority *authority = calloc(1, sizeof *authority);

	assert_non_null(authority);
	snprintf(certs->folder, sizeof certs->folder, "/tmp/shoal-certs-XXXXXX");
	assert_non_null(mkdtemp(certs->folder));
	certs->authority = authority;
	mbedtls_entropy_init(&authority->entropy);
	mbedtls_ctr_drbg_init(&authority->rng);
	mbedtls_pk_init(&authority->key);
	assert_int_equal(mbedtls_ctr_drbg_seed(&authority->rng, mbedtls_entropy_func,
	                         &authority->entropy, NULL, 0),
	        0);
	certs_renew(certs);
}

void
certs_make(struct certs *certs, const char *name, const struct certs_wish *wish)
{
	unsigned char pem[PEM_MOST];
	mbedtls_pk_context key;

	make_key(certs->authority, &key, wish->p521);
	assert_int_equal(mbedtls_pk_write_key_pem(&key, pem, sizeof pem), 0);
	write_file(certs, name, "key", pem);
	sign(certs, name, &key, wish, false);
	mbedtls_pk_free(&key);
}

void
certs_end(struct certs *certs)
{
	char command[128];

	mbedtls_pk_free(&certs->authority->key);
	mbedtls_ctr_drbg_free(&certs->authority->rng);
	mbedtls_entropy_free(&certs->authority->entropy);
	free(certs->authority);
	snprintf(command, sizeof command, "rm -rf %s", certs->folder);
	assert_int_equal(system(command), 0);
}
