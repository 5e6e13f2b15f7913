/* SPDX-License-Identifier: MIT */
/* Files of certificates: what is refused, in words that say what to do, and when one ends. */
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transports/tls.h"
#include "transports_certs.h"

static const struct certs_wish good = {.name = "server", .to = "20300101000000"};

static void
fails(const struct shoal_tls_files *files, int code, const char *words)
{
	char why[SHOAL_TLS_WHY] = "";
	struct shoal_tls *tls;

	assert_int_equal(shoal_tls_new(&tls, NULL, files, why, sizeof why), code);
	if (strstr(why, words) == NULL) {
		fail_msg("\"%s\" has no \"%s\"", why, words);
	}
}

static void
files_that_are_not_right_are_named(void **state)
{
	struct certs certs;

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "a", &good);
	certs_make(&certs, "b", &good);
	struct shoal_tls_files files = {.cert = certs_path(&certs, "a.crt"), .key = NULL};
	fails(&files, SHOAL_ERR_INVALID, "one needs the other");
	files.key = certs_path(&certs, "b.key");
	fails(&files, SHOAL_ERR_INVALID, "is not the key of the certificate in");
	files.key = certs_path(&certs, "none.key");
	fails(&files, SHOAL_ERR_INVALID, "none.key: No such file");
	files.key = certs_path(&certs, "a.crt");
	fails(&files, SHOAL_ERR_INVALID, "not in the form that is read here (PEM)");
	files.key = certs_path(&certs, "a.key");
	assert_int_equal(chmod(files.key, 0644), 0);
	fails(&files, SHOAL_ERR_PERMISSION, "chmod 600");
	assert_int_equal(chmod(files.key, 0640), 0);
	files.verify = true;
	files.ca = certs_path(&certs, "nobody.crt");
	fails(&files, SHOAL_ERR_INVALID, "tls_ca: ");
	files.ca = files.key;
	fails(&files, SHOAL_ERR_INVALID, "tls_ca: ");
	certs_end(&certs);
}

/* As one who is not root. */
static void
a_key_that_may_not_be_read_is_said_to_be_that(void **state)
{
	bool root = geteuid() == 0;
	struct certs certs;

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "a", &good);
	assert_int_equal(chmod(certs.folder, 0711), 0);
	struct shoal_tls_files files = {
	        .cert = certs_path(&certs, "a.crt"), .key = certs_path(&certs, "a.key")};
	assert_int_equal(chmod(files.cert, 0644), 0);
	assert_int_equal(chmod(files.key, root ? 0600 : 0), 0);
	assert_int_equal(root ? seteuid(65534) : 0, 0);
	fails(&files, SHOAL_ERR_PERMISSION, "a.key: Permission denied");
	assert_int_equal(root ? seteuid(0) : 0, 0);
	certs_end(&certs);
}

static void
a_key_that_nobody_takes_is_refused_here(void **state)
{
	const struct certs_wish wish = {.name = "server", .p521 = true};
	struct certs certs;

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "a", &wish);
	struct shoal_tls_files files = {
	        .cert = certs_path(&certs, "a.crt"), .key = certs_path(&certs, "a.key")};
	fails(&files, SHOAL_ERR_INVALID, "no side takes keys of this kind");
	certs_end(&certs);
}

static void
a_server_asks_for_certificates_of_an_authority_that_is_named(void **state)
{
	struct certs certs;

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "a", &good);
	struct shoal_tls_files files = {.cert = certs_path(&certs, "a.crt"),
	        .key = certs_path(&certs, "a.key"),
	        .client_certs = true};
	fails(&files, SHOAL_ERR_INVALID, "tls_client_certs needs tls_ca");
	certs_end(&certs);
}

static void
a_reload_that_fails_changes_nothing_and_the_end_is_told(void **state)
{
	struct certs certs;
	struct shoal_tls *tls;
	char why[SHOAL_TLS_WHY];

	(void)state;
	certs_begin(&certs);
	certs_make(&certs, "a", &good);
	struct shoal_tls_files files = {
	        .cert = certs_path(&certs, "a.crt"), .key = certs_path(&certs, "a.key")};
	assert_int_equal(shoal_tls_new(&tls, NULL, &files, why, sizeof why), SHOAL_OK);
	const int64_t end = 1893456000; /* 2030-01-01 */
	assert_true(shoal_tls_until(tls) == end);
	assert_int_equal(remove(certs_path(&certs, "a.key")), 0);
	assert_int_equal(shoal_tls_reload(tls, why, sizeof why), SHOAL_ERR_INVALID);
	assert_true(shoal_tls_until(tls) == end);
	shoal_tls_free(tls);
	files.cert = files.key = NULL;
	assert_int_equal(shoal_tls_new(&tls, NULL, &files, why, sizeof why), SHOAL_OK);
	assert_true(shoal_tls_until(tls) == INT64_MAX);
	struct shoal_tls_session *session;
	assert_int_equal(shoal_tls_open(&session, tls, NULL, -1), SHOAL_ERR_INVALID);
	shoal_tls_free(tls);
	shoal_tls_free(NULL);
	certs_end(&certs);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(files_that_are_not_right_are_named),
	        cmocka_unit_test(a_key_that_may_not_be_read_is_said_to_be_that),
	        cmocka_unit_test(a_key_that_nobody_takes_is_refused_here),
	        cmocka_unit_test(a_server_asks_for_certificates_of_an_authority_that_is_named),
	        cmocka_unit_test(a_reload_that_fails_changes_nothing_and_the_end_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
