/* SPDX-License-Identifier: MIT */
/* TLS between two ends of a socket pair: what passes, what is refused and in which words, and that
 * nothing is lost where the kernel takes little at a time. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transports/tls.h"
#include "transports_certs.h"

struct pair {
	struct certs certs;
	struct shoal_tls *server, *client;
	struct shoal_tls_session *at_server, *at_client;
	int fd[2], server_code, client_code;
};

static struct shoal_tls *
side(const struct certs *certs, const char *name, bool verify, bool client_certs)
{
	char crt[32], key[32], why[SHOAL_TLS_WHY] = "";
	struct shoal_tls *tls;

	snprintf(crt, sizeof crt, "%s.crt", name != NULL ? name : "");
	snprintf(key, sizeof key, "%s.key", name != NULL ? name : "");
	struct shoal_tls_files files = {.ca = certs_path(certs, "ca.crt"),
	        .cert = name != NULL ? certs_path(certs, crt) : NULL,
	        .key = name != NULL ? certs_path(certs, key) : NULL,
	        .verify = verify,
	        .client_certs = client_certs};
	if (shoal_tls_new(&tls, NULL, &files, why, sizeof why) != SHOAL_OK) {
		fail_msg("%s", why);
	}
	return tls;
}

static void
connect_pair(struct pair *pair, const char *host)
{
	int small = 4096;

	assert_int_equal(
	        socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair->fd), 0);
	for (int i = 0; i < 2; i++) {
		setsockopt(pair->fd[i], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
	}
	assert_int_equal(shoal_tls_open(&pair->at_server, pair->server, NULL, pair->fd[0]), 0);
	assert_int_equal(shoal_tls_open(&pair->at_client, pair->client, host, pair->fd[1]), 0);
}

static void
shake_hands(struct pair *pair)
{
	enum shoal_tls_want server = SHOAL_TLS_READ, client = SHOAL_TLS_READ;

	pair->server_code = pair->client_code = 0;
	for (unsigned i = 0; i < 200 && (server != SHOAL_TLS_DONE || client != SHOAL_TLS_DONE);
	        i++) {
		if (pair->client_code == 0 && client != SHOAL_TLS_DONE) {
			pair->client_code = shoal_tls_handshake(pair->at_client, &client);
		}
		if (pair->server_code == 0 && server != SHOAL_TLS_DONE) {
			pair->server_code = shoal_tls_handshake(pair->at_server, &server);
		}
		if (pair->client_code != 0 && pair->server_code != 0) {
			return;
		}
	}
}

static void
hang_up(struct pair *pair)
{
	shoal_tls_close(pair->at_server);
	shoal_tls_close(pair->at_client);
	close(pair->fd[0]);
	close(pair->fd[1]);
}

static void
begin(struct pair *pair, const struct certs_wish *wish)
{
	certs_begin(&pair->certs);
	certs_make(&pair->certs, "server", wish);
	pair->server = side(&pair->certs, "server", false, false);
	pair->client = side(&pair->certs, NULL, true, false);
}

static void
done(struct pair *pair)
{
	shoal_tls_free(pair->server);
	shoal_tls_free(pair->client);
	certs_end(&pair->certs);
}

static const struct certs_wish good = {.name = "server", .dns = "node.example", .ip = "127.0.0.1"};

static void
a_server_is_who_its_certificate_says(void **state)
{
	struct pair pair;

	(void)state;
	begin(&pair, &good);
	connect_pair(&pair, "node.example");
	shake_hands(&pair);
	assert_int_equal(pair.client_code, 0);
	assert_int_equal(pair.server_code, 0);
	assert_string_equal(shoal_tls_peer(pair.at_client), "node.example");
	assert_string_equal(shoal_tls_peer(pair.at_server), "");
	assert_non_null(strstr(shoal_tls_version(pair.at_client), "TLSv1."));
	assert_non_null(strstr(shoal_tls_cipher(pair.at_client), "GCM"));
	hang_up(&pair);
	connect_pair(&pair, "127.0.0.1");
	shake_hands(&pair);
	assert_int_equal(pair.client_code, 0);
	hang_up(&pair);
	done(&pair);
}

static void
refuses(struct pair *pair, const char *host, const char *words)
{
	connect_pair(pair, host);
	shake_hands(pair);
	assert_int_equal(pair->client_code, SHOAL_ERR_AUTH);
	if (strstr(shoal_tls_why(pair->at_client), words) == NULL) {
		fail_msg("\"%s\" has no \"%s\"", shoal_tls_why(pair->at_client), words);
	}
	/* The server is told, and does not wait. */
	assert_int_not_equal(pair->server_code, 0);
	assert_true(strlen(shoal_tls_why(pair->at_server)) > 0);
	hang_up(pair);
}

static void
a_certificate_for_another_name_is_refused(void **state)
{
	struct pair pair;

	(void)state;
	begin(&pair, &good);
	refuses(&pair, "other.example", "not for other.example");
	refuses(&pair, "127.0.0.2", "not for 127.0.0.2");
	refuses(&pair, "::1", "not for ::1");
	refuses(&pair, "server", "not for server"); /* names count, where there are some */
	done(&pair);
}

static void
a_certificate_is_refused_for_what_is_wrong_with_it(void **state)
{
	static const struct {
		struct certs_wish wish;
		const char *words;
	} cases[] = {
	        {{.name = "s",
	                 .dns = "node.example",
	                 .from = "20200101000000",
	                 .to = "20210101000000"},
	                "expired"},
	        {{.name = "s", .dns = "node.example", .from = "20980101000000"}, "not valid yet"},
	        {{.name = "s", .dns = "node.example", .self_signed = true}, "signed by itself"},
	};
	struct pair pair;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		begin(&pair, &cases[i].wish);
		refuses(&pair, "node.example", cases[i].words);
		done(&pair);
	}
}

static void
another_authority_is_not_trusted_and_after_a_reload_it_is(void **state)
{
	struct pair pair;
	char why[SHOAL_TLS_WHY];

	(void)state;
	begin(&pair, &good);
	connect_pair(&pair, "node.example"); /* of the time before */
	certs_renew(&pair.certs);
	certs_make(&pair.certs, "server", &good);
	assert_int_equal(shoal_tls_reload(pair.server, why, sizeof why), SHOAL_OK);
	shake_hands(&pair);
	assert_int_equal(pair.client_code, 0);
	hang_up(&pair);
	refuses(&pair, "node.example", "no authority that is trusted");
	assert_int_equal(shoal_tls_reload(pair.client, why, sizeof why), SHOAL_OK);
	connect_pair(&pair, "node.example");
	shake_hands(&pair);
	assert_int_equal(pair.client_code, 0);
	hang_up(&pair);
	done(&pair);
}

static void
a_client_is_asked_for_its_certificate_and_known_by_it(void **state)
{
	const struct certs_wish web = {.name = "web-1"};
	struct pair pair;

	(void)state;
	certs_begin(&pair.certs);
	certs_make(&pair.certs, "server", &good);
	certs_make(&pair.certs, "web", &web);
	pair.server = side(&pair.certs, "server", false, true);
	pair.client = side(&pair.certs, "web", true, false);
	connect_pair(&pair, "node.example");
	shake_hands(&pair);
	assert_int_equal(pair.server_code, 0);
	assert_string_equal(shoal_tls_peer(pair.at_server), "web-1");
	hang_up(&pair);
	shoal_tls_free(pair.client);
	pair.client = side(&pair.certs, NULL, true, false);
	connect_pair(&pair, "node.example");
	shake_hands(&pair);
	assert_int_equal(pair.server_code, SHOAL_ERR_AUTH);
	assert_string_equal(shoal_tls_why(pair.at_server), "it gave no certificate");
	hang_up(&pair);
	done(&pair);
}

static void
a_client_with_a_certificate_for_servers_only_is_told_which_use_is_missing(void **state)
{
	const struct certs_wish web = {.name = "web-1", .use = 's'};
	struct pair pair;

	(void)state;
	certs_begin(&pair.certs);
	certs_make(&pair.certs, "server", &good);
	certs_make(&pair.certs, "web", &web);
	pair.server = side(&pair.certs, "server", false, true);
	pair.client = side(&pair.certs, "web", true, false);
	connect_pair(&pair, "node.example");
	shake_hands(&pair);
	assert_int_equal(pair.server_code, SHOAL_ERR_AUTH);
	assert_string_equal(shoal_tls_why(pair.at_server),
	        "the certificate that it gave is for servers only: members need extendedKeyUsage "
	        "serverAuth and clientAuth, or none");
	hang_up(&pair);
	done(&pair);
}

static void
a_server_says_so_where_its_own_certificate_is_for_clients_only_or_may_not_sign(void **state)
{
	static const struct certs_wish wishes[] = {{.name = "s", .dns = "node.example", .use = 'c'},
	        {.name = "s", .dns = "node.example", .no_signing = true}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wishes); i++) {
		struct pair pair;

		begin(&pair, &wishes[i]);
		connect_pair(&pair, "node.example");
		shake_hands(&pair);
		assert_int_equal(pair.server_code, SHOAL_ERR_AUTH);
		assert_non_null(strstr(shoal_tls_why(pair.at_server),
		        "the certificate of this side (tls_cert) may not be used by servers"));
		assert_int_equal(pair.client_code, SHOAL_ERR_AUTH);
		hang_up(&pair);
		done(&pair);
	}
}

static void
who_was_not_checked_has_no_name(void **state)
{
	struct pair pair;

	(void)state;
	begin(&pair, &good);
	shoal_tls_free(pair.client);
	pair.client = side(&pair.certs, NULL, false, false);
	connect_pair(&pair, "node.example");
	shake_hands(&pair);
	assert_int_equal(pair.client_code, 0);
	assert_string_equal(shoal_tls_peer(pair.at_client), "");
	hang_up(&pair);
	done(&pair);
}

/* The group that a server takes for a hello of TLS 1.2 with these two groups and one way to sign
 * (RFC 5246, 7.4.1.2 and 7.4.3; RFC 8422, 5.4); 0: it takes none. */
static unsigned
group_for(struct pair *pair, unsigned group, unsigned other, unsigned scheme)
{
	static const uint8_t head[] = {22, 3, 1, 0, 71, 1, 0, 0, 67, 3, 3}; /* then 32 of random */
	const uint8_t rest[] = {0, 0, 2, 0xc0, 0x2b, 1, 0, /* session, cipher, compression */
	        0, 24, 0, 10, 0, 6, 0, 4, 0, (uint8_t)group, 0, (uint8_t)other, /* groups */
	        0, 11, 0, 2, 1, 0,                                              /* points */
	        0, 13, 0, 4, 0, 2, (uint8_t)(scheme >> 8), (uint8_t)scheme};
	uint8_t hello[sizeof head + 32 + sizeof rest] = {0}, flight[4096];
	enum shoal_tls_want want;
	unsigned taken = 0;

	memcpy(hello, head, sizeof head);
	memcpy(hello + sizeof head + 32, rest, sizeof rest);
	connect_pair(pair, "node.example");
	assert_int_equal(write(pair->fd[1], hello, sizeof hello), sizeof hello);
	int code = shoal_tls_handshake(pair->at_server, &want);
	ssize_t len = read(pair->fd[1], flight, sizeof flight);
	/* A message a record: ServerKeyExchange is 12, and its curve a named one, 3. */
	for (ssize_t i = 0; i + 12 < len; i += 5 + (flight[i + 3] << 8 | flight[i + 4])) {
		if (flight[i] == 22 && flight[i + 5] == 12 && flight[i + 9] == 3) {
			taken = (unsigned)(flight[i + 10] << 8 | flight[i + 11]);
		}
	}
	assert_true((code == 0) == (taken != 0));
	hang_up(pair);
	return taken;
}

static void
a_client_does_not_choose_curves_that_cost_much_or_protect_little(void **state)
{
	enum {
		P192 = 19,
		P256 = 23,
		P384 = 24,
		P521 = 25,
		BRAINPOOL_512 = 28,
		X25519 = 29,
		ECDSA_SHA1 = 0x0203,
		ECDSA_SHA256 = 0x0403
	};
	struct pair pair;

	(void)state;
	begin(&pair, &good);
	assert_int_equal(group_for(&pair, P256, X25519, ECDSA_SHA256), X25519);
	assert_int_equal(group_for(&pair, P384, P256, ECDSA_SHA256), P256);
	assert_int_equal(group_for(&pair, P521, P256, ECDSA_SHA256), P256);
	assert_int_equal(group_for(&pair, BRAINPOOL_512, P256, ECDSA_SHA256), P256);
	assert_int_equal(group_for(&pair, P192, P256, ECDSA_SHA256), P256);
	assert_int_equal(group_for(&pair, P521, BRAINPOOL_512, ECDSA_SHA256), 0);
	assert_int_equal(group_for(&pair, X25519, P256, ECDSA_SHA1), 0);
	done(&pair);
}

/* 1 MB through a socket that takes 4 kB, in pieces of all sizes, in both directions. */
static void
all_arrives_in_order_where_little_is_taken_at_a_time(void **state)
{
	enum {
		MOST = 1 << 20
	};
	static uint8_t sent[MOST], got[MOST];
	struct pair pair;
	uint64_t seed = 7;

	(void)state;
	for (size_t i = 0; i < MOST; i++) {
		sent[i] = (uint8_t)unit_random(&seed);
	}
	begin(&pair, &good);
	connect_pair(&pair, "node.example");
	shake_hands(&pair);
	for (int way = 0; way < 2; way++) {
		struct shoal_tls_session *from = way ? pair.at_client : pair.at_server;
		struct shoal_tls_session *to = way ? pair.at_server : pair.at_client;
		size_t out = 0, in = 0, full = 0;

		memset(got, 0, sizeof got);
		while (in < MOST) {
			size_t part = 1 + unit_random(&seed) % 40000;
			part = part < MOST - out ? part : MOST - out;
			ptrdiff_t n = part > 0 ? shoal_tls_write(from, sent + out, part)
			                       : shoal_tls_flush(from);
			if (n < 0) {
				assert_int_equal(errno, EAGAIN);
				full++;
			}
			assert_true(shoal_tls_waiting(from) < 17000); /* a record */
			out += n > 0 ? (size_t)n : 0;
			while ((n = shoal_tls_read(to, got + in, MOST - in)) > 0) {
				in += (size_t)n;
			}
			if (in < MOST) {
				assert_int_equal(errno, EAGAIN);
			}
		}
		assert_true(full > 10);
		assert_memory_equal(sent, got, MOST);
		assert_int_equal(shoal_tls_waiting(from), 0);
	}
	hang_up(&pair);
	done(&pair);
}

static void
an_end_is_told_apart_from_a_connection_that_broke(void **state)
{
	struct pair pair;
	uint8_t byte;

	(void)state;
	begin(&pair, &good);
	connect_pair(&pair, "node.example");
	shake_hands(&pair);
	shoal_tls_end(pair.at_server);
	assert_int_equal(shoal_tls_read(pair.at_client, &byte, 1), 0);
	hang_up(&pair);
	connect_pair(&pair, "node.example");
	shake_hands(&pair);
	shutdown(pair.fd[0], SHUT_RDWR);
	assert_int_equal(shoal_tls_read(pair.at_client, &byte, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_int_equal(shoal_tls_write(pair.at_server, "x", 1), -1); /* and no signal */
	assert_int_equal(errno, EPIPE);
	hang_up(&pair);
	done(&pair);
}

static void
what_is_no_tls_is_said_to_be_none(void **state)
{
	struct pair pair;

	(void)state;
	begin(&pair, &good);
	connect_pair(&pair, "node.example");
	assert_int_equal(write(pair.fd[1], "GET / HTTP/1.1\r\n\r\n", 18), 18);
	enum shoal_tls_want want;
	assert_int_equal(shoal_tls_handshake(pair.at_server, &want), SHOAL_ERR_MALFORMED);
	assert_true(strlen(shoal_tls_why(pair.at_server)) > 0);
	hang_up(&pair);
	connect_pair(&pair, "node.example");
	shutdown(pair.fd[1], SHUT_RDWR);
	assert_int_equal(shoal_tls_handshake(pair.at_server, &want), SHOAL_ERR_CLOSED);
	hang_up(&pair);
	done(&pair);
}

/* Of each such record mbedTLS goes on to the next one. */
static void
records_without_end_that_say_nothing_do_not_keep_the_thread(void **state)
{
	static const uint8_t warning[] = {21, 3, 3, 0, 2, 1, 90};
	uint8_t many[300 * sizeof warning];
	enum shoal_tls_want want;
	struct pair pair;
	int left = 0;

	(void)state;
	begin(&pair, &good);
	connect_pair(&pair, "node.example");
	for (size_t i = 0; i < sizeof many; i++) {
		many[i] = warning[i % sizeof warning];
	}
	assert_int_equal(write(pair.fd[0], many, sizeof many), sizeof many);
	assert_int_equal(shoal_tls_handshake(pair.at_client, &want), 0);
	assert_int_equal(want, SHOAL_TLS_READ);
	assert_int_equal(ioctl(pair.fd[1], FIONREAD, &left), 0);
	assert_true(left > 0 && left < (int)sizeof many);
	hang_up(&pair);
	done(&pair);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_server_is_who_its_certificate_says),
	        cmocka_unit_test(a_certificate_for_another_name_is_refused),
	        cmocka_unit_test(a_certificate_is_refused_for_what_is_wrong_with_it),
	        cmocka_unit_test(another_authority_is_not_trusted_and_after_a_reload_it_is),
	        cmocka_unit_test(a_client_is_asked_for_its_certificate_and_known_by_it),
	        cmocka_unit_test(
	                a_client_with_a_certificate_for_servers_only_is_told_which_use_is_missing),
	        cmocka_unit_test(
	                a_server_says_so_where_its_own_certificate_is_for_clients_only_or_may_not_sign),
	        cmocka_unit_test(who_was_not_checked_has_no_name),
	        cmocka_unit_test(a_client_does_not_choose_curves_that_cost_much_or_protect_little),
	        cmocka_unit_test(all_arrives_in_order_where_little_is_taken_at_a_time),
	        cmocka_unit_test(an_end_is_told_apart_from_a_connection_that_broke),
	        cmocka_unit_test(what_is_no_tls_is_said_to_be_none),
	        cmocka_unit_test(records_without_end_that_say_nothing_do_not_keep_the_thread),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
