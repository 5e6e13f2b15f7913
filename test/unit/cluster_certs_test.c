/* SPDX-License-Identifier: MIT */
/* Clusters whose streams have TLS, over sockets: who is let in and who is told what, by which name
 * the application hears of who joins, new certificates without a restart, and what is said before
 * one ends. */
#include "cluster_talk.h"

#include "cluster/cluster.h"
#include "cluster/loop/clock.h"
#include "cluster/report/log.h"
#include "transports_certs.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400

struct side {
	struct shoal_cluster *cluster;
	struct shoal_config config;
	char ca[160], cert[160], key[160];
	size_t lines;
	char line[4096]; /* all warnings and errors, one behind the other */
	size_t asked;
	char peer[256];
};

struct yard {
	struct talk talk; /* its base */
	struct certs certs;
	struct side one, two;
	size_t ends;
	int code;
	char text[512];
};

static void
on_log(const struct shoal_log_record *record, void *arg)
{
	struct side *side = arg;
	size_t len = strlen(side->line);

	if (record->level <= SHOAL_LOG_WARN) {
		side->lines++;
		snprintf(side->line + len, sizeof(side->line) - len, "%s\n", record->text);
	}
}

static void
on_accept(struct shoal_cluster *cluster, const struct shoal_applicant *applicant, void *arg)
{
	struct side *side = arg;

	side->asked++;
	snprintf(side->peer, sizeof(side->peer), "%s", applicant->peer);
	assert_int_equal(shoal_accept(cluster, applicant->ticket), 0);
}

/* A certificate in the files of a side. */
static void
give(struct yard *yard, struct side *side, const char *name, time_t to)
{
	char until[32] = "20991231235959", dns[64], file[64];
	struct certs_wish wish = {.name = name, .dns = dns, .ip = "127.0.0.1", .to = until};
	struct tm tm;

	if (to != 0) {
		strftime(until, sizeof(until), "%Y%m%d%H%M%S", gmtime_r(&to, &tm));
	}
	snprintf(dns, sizeof(dns), "%s.example", name);
	certs_make(&yard->certs, name, &wish);
	snprintf(file, sizeof(file), "%s.crt", name);
	snprintf(side->cert, sizeof(side->cert), "%s", certs_path(&yard->certs, file));
	snprintf(file, sizeof(file), "%s.key", name);
	snprintf(side->key, sizeof(side->key), "%s", certs_path(&yard->certs, file));
	snprintf(side->ca, sizeof(side->ca), "%s", certs_path(&yard->certs, "ca.crt"));
}

static void
prepare(struct yard *yard, struct side *side, const char *name, time_t to)
{
	struct shoal_config *config = &side->config;

	give(yard, side, name, to);
	shoal_config_init(config);
	config->name = name;
	config->bind = "127.0.0.1:0";
	config->run = SHOAL_RUN_BASE;
	config->base = yard->talk.base;
	config->log = on_log;
	config->log_arg = side;
	config->log_rate = 0;
	config->tls = 1;
	config->tls_client_certs = 1;
	config->tls_ca = side->ca;
	config->tls_cert = side->cert;
	config->tls_key = side->key;
}

static void
begin(struct yard *yard)
{
	memset(yard, 0, sizeof(*yard));
	yard->talk.base = event_base_new();
	certs_begin(&yard->certs);
	prepare(yard, &yard->one, "one", 0);
	prepare(yard, &yard->two, "two", 0);
}

static void
start(struct side *side)
{
	assert_int_equal(shoal_cluster_new(&side->cluster, &side->config), 0);
	if (shoal_cluster_start(side->cluster) != 0) {
		fail_msg("%s", shoal_last_error());
	}
}

static void
done(struct yard *yard)
{
	assert_int_equal(shoal_cluster_free(yard->one.cluster), 0);
	assert_int_equal(shoal_cluster_free(yard->two.cluster), 0);
	event_base_free(yard->talk.base);
	certs_end(&yard->certs);
}

static void
on_joined(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct yard *yard = arg;

	(void)cluster;
	(void)reached;
	yard->code = code;
	snprintf(yard->text, sizeof(yard->text), "%s", text != NULL ? text : "");
	yard->ends++;
}

/* The code of two's join through one. */
static int
join(struct yard *yard)
{
	char address[SHOAL_ADDR_TEXT];
	const char *seeds[] = {address};
	size_t wanted = yard->ends + 1;

	assert_int_equal(shoal_cluster_address(yard->one.cluster, address, sizeof(address)), 0);
	assert_int_equal(
	        shoal_cluster_join_async(yard->two.cluster, seeds, 1, 20000, on_joined, yard), 0);
	talk_until(&yard->talk, &yard->ends, wanted);
	return yard->code;
}

static void
has(const char *text, const char *words)
{
	if (strstr(text, words) == NULL) {
		fail_msg("\"%s\" has no \"%s\"", text, words);
	}
}

static void
who_joins_over_tls_is_known_by_the_name_in_its_certificate(void **state)
{
	struct yard yard;

	(void)state;
	begin(&yard);
	yard.one.config.accept = on_accept;
	yard.one.config.accept_arg = &yard.one;
	yard.two.config.accept = on_accept;
	yard.two.config.accept_arg = &yard.two;
	start(&yard.one);
	start(&yard.two);
	assert_int_equal(join(&yard), 0);
	assert_int_equal(yard.one.asked, 1);
	assert_string_equal(yard.one.peer, "two.example");
	/* Of whom it asked two hears by the answer. */
	talk_until(&yard.talk, &yard.two.asked, 1);
	assert_string_equal(yard.two.peer, "one.example");
	done(&yard);
}

static const struct shoal_transport_ops *honest;

static int
request_one_way(void *self, const struct shoal_addr *to, uint64_t exchange, const uint8_t *data,
        size_t len, uint64_t timeout_ns)
{
	(void)exchange;
	(void)timeout_ns;
	return honest->stream(self, to, data, len);
}

/* What it says of itself comes in a message that asks for nothing. */
static void
who_says_that_it_is_there_and_does_not_ask_is_known_by_its_certificate_too(void **state)
{
	struct shoal_transport_ops sly;
	struct yard yard;

	(void)state;
	begin(&yard);
	yard.one.config.transport = yard.two.config.transport = "tcp";
	yard.one.config.accept = on_accept;
	yard.one.config.accept_arg = &yard.one;
	start(&yard.one);
	start(&yard.two);
	struct shoal_transport *by = (struct shoal_transport *)(uintptr_t)yard.two.cluster->stream;
	honest = by->ops;
	sly = *honest;
	sly.request = request_one_way;
	by->ops = &sly;
	char address[SHOAL_ADDR_TEXT];
	const char *seeds[] = {address};
	assert_int_equal(shoal_cluster_address(yard.one.cluster, address, sizeof(address)), 0);
	assert_int_equal(
	        shoal_cluster_join_async(yard.two.cluster, seeds, 1, 20000, on_joined, &yard), 0);
	talk_until(&yard.talk, &yard.one.asked, 1);
	assert_string_equal(yard.one.peer, "two.example");
	by->ops = honest;
	done(&yard);
}

static void
who_has_no_certificate_of_the_authority_is_kept_out_and_both_sides_say_why(void **state)
{
	struct yard yard;

	(void)state;
	begin(&yard);
	start(&yard.one);
	certs_renew(&yard.certs);
	give(&yard, &yard.two, "two", 0);
	yard.two.config.tls_insecure = 1;
	start(&yard.two);
	assert_int_not_equal(join(&yard), 0);
	has(yard.text, "it refused the connection: it may want a certificate");
	has(yard.two.line, "it refused the connection: it may want a certificate");
	has(yard.one.line, "TLS from 127.0.0.1:");
	has(yard.one.line, "is of no authority that is trusted here (tls_ca)");
	assert_int_equal(yard.one.cluster->alive, 1);
	done(&yard);

	/* And where it is the one that is not trusted. */
	begin(&yard);
	start(&yard.two);
	certs_renew(&yard.certs);
	give(&yard, &yard.one, "one", 0);
	start(&yard.one);
	assert_int_not_equal(join(&yard), 0);
	has(yard.text, "its certificate is of no authority that is trusted here");
	done(&yard);

	/* And where the other one has no TLS at all. */
	begin(&yard);
	yard.two.config.tls = yard.two.config.tls_client_certs = 0;
	start(&yard.one);
	start(&yard.two);
	assert_int_not_equal(join(&yard), 0);
	has(yard.text, "it speaks TLS, and this member does not");
	has(yard.one.line, "what it sent is no TLS");
	done(&yard);
}

static void
copy(const char *from, const char *to)
{
	char bytes[8192];
	FILE *in = fopen(from, "r"), *out = fopen(to, "w");
	size_t n = fread(bytes, 1, sizeof(bytes), in);

	assert_in_range(n, 1, sizeof(bytes) - 1);
	assert_int_equal(fwrite(bytes, 1, n, out), n);
	fclose(in);
	assert_int_equal(fclose(out), 0);
}

static void
on_field(const char *field, bool in_force, void *arg)
{
	char *text = arg;

	snprintf(text + strlen(text), 64 - strlen(text), "%s%s;", field, in_force ? "" : "!");
}

static void
new_certificates_are_taken_over_without_a_restart(void **state)
{
	struct yard yard;
	char fields[64] = "", before[160];
	int days;

	(void)state;
	begin(&yard);
	start(&yard.one);
	certs_renew(&yard.certs);
	prepare(&yard, &yard.two, "two", 0);
	start(&yard.two);
	assert_int_not_equal(join(&yard), 0);
	give(&yard, &yard.one, "one", time(NULL) + 20 * DAY + DAY / 2);
	assert_int_equal(
	        shoal_cluster_reconfigure(yard.one.cluster, &yard.one.config, on_field, fields), 0);
	assert_string_equal(fields, "tls_ca;tls_cert;tls_key;");
	assert_int_equal(shoal_cluster_certificate_days(yard.one.cluster, &days), 0);
	assert_int_equal(days, 20);
	assert_int_equal(join(&yard), 0);

	/* What is in them counts, not when they were written. */
	fields[0] = '\0';
	snprintf(before, sizeof(before), "%s", certs_path(&yard.certs, "one.crt.before"));
	copy(yard.one.cert, before);
	copy(before, yard.one.cert);
	assert_int_equal(
	        shoal_cluster_reconfigure(yard.one.cluster, &yard.one.config, on_field, fields), 0);
	assert_string_equal(fields, "");

	/* Where another file is wanted, that is what is told of. */
	fields[0] = '\0';
	give(&yard, &yard.one, "one", time(NULL) + 20 * DAY + DAY / 2);
	yard.one.config.tls_cert = before;
	assert_int_equal(
	        shoal_cluster_reconfigure(yard.one.cluster, &yard.one.config, on_field, fields), 0);
	assert_string_equal(fields, "tls_cert!;tls_key;");
	yard.one.config.tls_cert = yard.one.cert;

	/* What cannot be used is named, and changes nothing. */
	give(&yard, &yard.one, "one", time(NULL) + DAY + DAY / 2);
	assert_int_equal(unlink(yard.one.key), 0);
	assert_int_equal(shoal_cluster_reconfigure(yard.one.cluster, &yard.one.config, NULL, NULL),
	        SHOAL_ERR_INVALID);
	has(shoal_last_error(), yard.one.key);
	assert_int_equal(shoal_cluster_certificate_days(yard.one.cluster, &days), 0);
	assert_int_equal(days, 20);
	done(&yard);
}

/* A file of this machine that no field names is none that was changed. */
static void
authorities_that_are_not_named_are_not_told_of(void **state)
{
	struct yard yard;
	char fields[64] = "";

	(void)state;
	begin(&yard);
	yard.one.config.tls_client_certs = 0;
	yard.one.config.tls_insecure = 1;
	yard.one.config.tls_ca = NULL;
	start(&yard.one);
	struct shoal_certs_held held = yard.one.cluster->certs.held;
	held.digest.ca[0] ^= 1;
	held.digest.key[0] ^= 1;
	shoal_certs_renew(yard.one.cluster, &held, &yard.one.config, on_field, fields);
	assert_string_equal(fields, "tls_key;");
	done(&yard);
}

/* By this thread, while the loops shake hands. */
static void
files_are_read_anew_while_connections_are_made(void **state)
{
	char address[SHOAL_ADDR_TEXT];
	const char *seeds[] = {address};
	struct yard yard;
	int days;

	(void)state;
	begin(&yard);
	yard.one.config.run = yard.two.config.run = SHOAL_RUN_THREADS;
	yard.one.config.base = yard.two.config.base = NULL;
	start(&yard.one);
	start(&yard.two);
	assert_int_equal(shoal_cluster_address(yard.one.cluster, address, sizeof(address)), 0);
	for (unsigned i = 0; i < 8; i++) {
		struct side *side = i % 2 == 0 ? &yard.one : &yard.two;

		if (i == 3) {
			assert_int_equal(
			        shoal_cluster_join(yard.two.cluster, seeds, 1, 20000, NULL), 0);
		}
		assert_int_equal(
		        shoal_cluster_reconfigure(side->cluster, &side->config, NULL, NULL), 0);
		assert_int_equal(shoal_cluster_certificate_days(side->cluster, &days), 0);
	}
	assert_int_equal(shoal_wait_members(yard.one.cluster, 2, 20000), 0);
	done(&yard);
}

static void
a_certificate_that_ends_soon_is_told_of_once_a_day(void **state)
{
	static const struct {
		long left;
		size_t lines;
		const char *words;
	} cases[] = {{14 * DAY + DAY / 2, 0, ""}, {13 * DAY + DAY / 2, 1, "ends in 13 days"},
	        {-DAY / 2, 1, "has ended"}};
	struct yard yard;
	int days = 0;

	(void)state;
	begin(&yard);
	yard.two.config.tls = 0;
	yard.two.config.tls_client_certs = 0;
	yard.two.config.tls_cert = yard.two.config.tls_key = yard.two.config.tls_ca = NULL;
	assert_int_equal(shoal_cluster_new(&yard.two.cluster, &yard.one.config), 0);
	assert_int_equal(/* not started */
	        shoal_cluster_certificate_days(yard.two.cluster, &days), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_cluster_free(yard.two.cluster), 0);
	start(&yard.two);
	assert_int_equal(
	        shoal_cluster_certificate_days(yard.two.cluster, &days), SHOAL_ERR_NOT_FOUND);
	has(shoal_last_error(), "has no certificate");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct side *one = &yard.one;

		prepare(&yard, one, "one", time(NULL) + cases[i].left);
		one->lines = 0;
		one->line[0] = '\0';
		start(one);
		struct shoal_cluster *cluster = one->cluster;
		uint64_t now = shoal_clock_mono(&cluster->clock);
		for (uint64_t hour = 0; hour < 23; hour++) {
			shoal_certs_turn(cluster, now + hour * SHOAL_SEC(3600));
		}
		shoal_log_turn(cluster);
		assert_int_equal(one->lines, cases[i].lines);
		has(one->line, cases[i].words);
		shoal_certs_turn(cluster, now + SHOAL_SEC(25 * 3600));
		assert_int_equal(one->lines, 2 * cases[i].lines);
		if (i + 1 < COUNT_OF(cases)) {
			assert_int_equal(shoal_cluster_free(cluster), 0);
		}
	}
	done(&yard);
}

static void
what_is_wrong_with_the_config_is_said_before_a_start(void **state)
{
	static const struct {
		const char *field, *value, *words;
	} cases[] = {
	        {"tls_cert", "", "tls_cert: \"\""},
	        {"tls_key", "other.key", "tls_cert and tls_key: one needs the other"},
	        {"tls", "1", "tls: 1; it needs this member's certificate"},
	        {"tls_name", "", "tls_name: \"\""},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct shoal_config config;

		shoal_config_init(&config);
		assert_int_equal(shoal_config_set(&config, cases[i].field, cases[i].value), 0);
		assert_int_equal(shoal_config_check(&config), SHOAL_ERR_INVALID);
		has(shoal_last_error(), cases[i].words);
	}
}

/* Somebody may count on it. */
static void
what_would_be_without_effect_is_refused(void **state)
{
	static const struct {
		const char *bind;
		uint32_t tls, client_certs;
		const char *ca, *cert, *words; /* NULL: it is good */
	} cases[] = {
	        {"127.0.0.1:1", 1, 1, "a", "b", NULL},
	        {"127.0.0.1:1", 1, 1, NULL, "b", "tls_client_certs: 1; it needs tls_ca"},
	        {"127.0.0.1:1", 0, 1, "a", "b",
	                "tls_client_certs: 1; nothing that is bound has TLS"},
	        {"http://127.0.0.1:1", 0, 1, "a", "b", "nothing that is bound has TLS"},
	        {"http://127.0.0.1:1", 1, 0, "a", "b", "tls: 1; it is for ip:port in bind"},
	        {"https://127.0.0.1:1", 1, 0, "a", "b", "tls: 1; it is for ip:port in bind"},
	        {"127.0.0.1:1,http://127.0.0.1:1", 1, 1, "a", "b", NULL},
	        {"https://127.0.0.1:1", 0, 1, "a", "b", NULL},
	        {"https://127.0.0.1:1", 0, 1, NULL, "b", "it needs tls_ca"},
	        {"https://127.0.0.1:1", 0, 0, NULL, NULL, "needs tls_cert and tls_key"},
	        {"http://127.0.0.1:1", 0, 0, "a", "b", NULL}, /* for whom it dials */
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct shoal_config config;

		shoal_config_init(&config);
		config.bind = cases[i].bind;
		config.tls = cases[i].tls;
		config.tls_client_certs = cases[i].client_certs;
		config.tls_ca = cases[i].ca;
		config.tls_cert = config.tls_key = cases[i].cert;
		assert_int_equal(shoal_config_check(&config),
		        cases[i].words == NULL ? 0 : SHOAL_ERR_INVALID);
		if (cases[i].words != NULL) {
			has(shoal_last_error(), cases[i].words);
		}
	}
}

static void
a_file_that_cannot_be_used_is_named_by_the_start(void **state)
{
	struct yard yard;

	(void)state;
	begin(&yard);
	start(&yard.two);
	assert_int_equal(unlink(yard.one.ca), 0);
	assert_int_equal(shoal_cluster_new(&yard.one.cluster, &yard.one.config), 0);
	assert_int_equal(shoal_cluster_start(yard.one.cluster), SHOAL_ERR_INVALID);
	has(shoal_last_error(), yard.one.ca);
	has(shoal_last_error(), "tls_ca: ");
	done(&yard);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_joins_over_tls_is_known_by_the_name_in_its_certificate),
	        cmocka_unit_test(
	                who_says_that_it_is_there_and_does_not_ask_is_known_by_its_certificate_too),
	        cmocka_unit_test(
	                who_has_no_certificate_of_the_authority_is_kept_out_and_both_sides_say_why),
	        cmocka_unit_test(new_certificates_are_taken_over_without_a_restart),
	        cmocka_unit_test(authorities_that_are_not_named_are_not_told_of),
	        cmocka_unit_test(files_are_read_anew_while_connections_are_made),
	        cmocka_unit_test(a_certificate_that_ends_soon_is_told_of_once_a_day),
	        cmocka_unit_test(what_is_wrong_with_the_config_is_said_before_a_start),
	        cmocka_unit_test(what_would_be_without_effect_is_refused),
	        cmocka_unit_test(a_file_that_cannot_be_used_is_named_by_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
