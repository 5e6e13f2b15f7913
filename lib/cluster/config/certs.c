/* SPDX-License-Identifier: MIT */
/* Certificates of streams. The transports read the files by themselves; they are read here before
 * that, by whoever starts a cluster or reloads it, so that what is wrong with one is an error of
 * that call and not a line in a log, and changes nothing. */
#include "cluster/config/certs.h"

#include "base/hash.h"
#include "cluster/cluster.h"
#include "cluster/loop/clock.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/mailbox.h"
#include "cluster/report/last_error.h"
#include "cluster/report/log.h"

#include <inttypes.h>
#include <string.h>

#define DAY_S      86400
#define WARN_DAYS  14
#define LOOK_EVERY SHOAL_SEC(3600)
#define WARN_EVERY SHOAL_SEC(DAY_S)

static bool
reads_files(const struct shoal_config *config)
{
	return config->tls != 0 || config->tls_cert != NULL || config->tls_ca != NULL;
}

/* What would be without effect is no protection that somebody may count on. */
static int
check_use(const struct shoal_settings *settings, const struct shoal_config *config)
{
	bool https = settings->web.text[0] != '\0' && settings->web.tls;

	if (config->tls != 0 && settings->binds == 0) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "tls: 1; it is for ip:port in bind, which names a URL only: there https "
		        "says it");
	}
	if (config->tls != 0 && config->tls_cert == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "tls: 1; it needs this member's certificate: tls_cert and tls_key");
	}
	if (https && config->tls_cert == NULL && config->transports == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "bind: \"%s\" needs tls_cert and tls_key; or bind to http:// behind what "
		        "speaks TLS for it",
		        settings->web.text);
	}
	if (config->tls_client_certs != 0 && config->tls == 0 && !https) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "tls_client_certs: 1; nothing that is bound has TLS: it needs tls, or https "
		        "in bind; behind a proxy the proxy asks for certificates");
	}
	if (config->tls_client_certs != 0 && config->tls_ca == NULL) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "tls_client_certs: 1; it needs tls_ca, an authority of your own: those of "
		        "this machine sign for everybody");
	}
	return 0;
}

int
shoal_certs_check(const struct shoal_settings *settings, const struct shoal_config *config)
{
	const struct {
		const char *field, *value;
	} files[] = {{"tls_ca", config->tls_ca}, {"tls_cert", config->tls_cert},
	        {"tls_key", config->tls_key}, {"tls_name", config->tls_name}};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].value != NULL && files[i].value[0] == '\0') {
			return shoal_last_error_set(SHOAL_ERR_INVALID, "%s: \"\"; allowed is a %s",
			        files[i].field, i == 3 ? "name" : "name of a file");
		}
	}
	if (config->tls_name != NULL && strlen(config->tls_name) > SHOAL_TLS_NAME_MAX) {
		return shoal_last_error_set(SHOAL_ERR_INVALID,
		        "tls_name: %zu bytes; allowed are at most %d", strlen(config->tls_name),
		        SHOAL_TLS_NAME_MAX);
	}
	if ((config->tls_cert == NULL) != (config->tls_key == NULL)) {
		return shoal_last_error_set(
		        SHOAL_ERR_INVALID, "tls_cert and tls_key: one needs the other");
	}
	return check_use(settings, config);
}

struct shoal_transport_tls
shoal_certs_env(const struct shoal_config *config)
{
	return (struct shoal_transport_tls){.on = config->tls != 0,
	        .insecure = config->tls_insecure != 0,
	        .client_certs = config->tls_client_certs != 0,
	        .ca = config->tls_ca,
	        .cert = config->tls_cert,
	        .key = config->tls_key,
	        .name = config->tls_name};
}

int
shoal_certs_read(struct shoal_cluster *cluster, struct shoal_certs_held *held)
{
	const struct shoal_config *config = &cluster->settings.config;
	const struct shoal_tls_files files = {.ca = config->tls_ca,
	        .cert = config->tls_cert,
	        .key = config->tls_key,
	        .verify = config->tls_insecure == 0,
	        .client_certs = config->tls_client_certs != 0};
	char why[SHOAL_TLS_WHY];
	struct shoal_tls *tls;

	*held = (struct shoal_certs_held){.until = INT64_MAX};
	if (reads_files(config)) {
		int rc = shoal_tls_new(&tls, cluster->mem, &files, why, sizeof(why));

		if (rc != 0) {
			return shoal_last_error_set(rc, "%s", why);
		}
		held->until = shoal_tls_until(tls);
		shoal_tls_digest(tls, &held->digest);
		shoal_tls_free(tls);
	}
	return 0;
}

int
shoal_certs_begin(struct shoal_cluster *cluster)
{
	struct shoal_certs_held held;
	int rc = shoal_certs_read(cluster, &held);

	if (rc == 0) {
		pthread_mutex_lock(&cluster->lock);
		cluster->certs.held = held;
		pthread_mutex_unlock(&cluster->lock);
	}
	return rc;
}

/* One that is to be another file was told of as what needs a restart. */
static bool
is_anew(const char *held, const char *wanted, const uint8_t was[SHOAL_SHA256_LEN],
        const uint8_t is[SHOAL_SHA256_LEN])
{
	return held != NULL && wanted != NULL && strcmp(held, wanted) == 0 &&
	       memcmp(was, is, SHOAL_SHA256_LEN) != 0;
}

void
shoal_certs_renew(struct shoal_cluster *cluster, const struct shoal_certs_held *held,
        const struct shoal_config *wanted, shoal_reconfigured_fn fn, void *arg)
{
	const struct shoal_config *config = &cluster->settings.config;
	struct shoal_tls_digest was;

	/* Also where no file is named: those of the machine's authorities may have come, or
	 * changed.
	 */
	pthread_mutex_lock(&cluster->lock);
	was = cluster->certs.held.digest;
	cluster->certs.held = *held;
	cluster->certs.anew = true;
	pthread_mutex_unlock(&cluster->lock);
	shoal_mailbox_ring(cluster->mailbox_fd);
	if (fn == NULL) {
		return;
	}
	if (is_anew(config->tls_ca, wanted->tls_ca, was.ca, held->digest.ca)) {
		fn("tls_ca", true, arg);
	}
	if (is_anew(config->tls_cert, wanted->tls_cert, was.cert, held->digest.cert)) {
		fn("tls_cert", true, arg);
	}
	if (is_anew(config->tls_key, wanted->tls_key, was.key, held->digest.key)) {
		fn("tls_key", true, arg);
	}
}

void
shoal_certs_push(struct shoal_cluster *cluster)
{
	const struct shoal_config *config = &cluster->settings.config;
	char why[SHOAL_TLS_WHY] = "";

	pthread_mutex_lock(&cluster->lock);
	bool anew = cluster->certs.anew;
	cluster->certs.anew = false;
	pthread_mutex_unlock(&cluster->lock);
	for (size_t i = 0; anew && i < config->transport_count; i++) {
		const struct shoal_transport *one = &config->transports[i];

		/* They were good a moment ago. */
		if (one->ops->reload != NULL &&
		        one->ops->reload(one->self, why, sizeof(why)) != 0) {
			shoal_cluster_log(cluster, SHOAL_LOG_ERROR, "config",
			        "the certificates of before stay: %s", why);
		}
	}
	if (anew) {
		cluster->certs.next_look = 0;
	}
}

static int64_t
end_of(struct shoal_cluster *cluster)
{
	pthread_mutex_lock(&cluster->lock);
	int64_t at = cluster->certs.held.until;
	pthread_mutex_unlock(&cluster->lock);
	return at;
}

/* Rounded down: 0 is the last day, and what has ended is below. */
static int64_t
days_left(int64_t end)
{
	int64_t left = end - (int64_t)(shoal_clock_wall() / SHOAL_SEC(1));

	return left < 0 ? -((-left + DAY_S - 1) / DAY_S) : left / DAY_S;
}

void
shoal_certs_turn(struct shoal_cluster *cluster, uint64_t now)
{
	if (now < cluster->certs.next_look) {
		return;
	}
	int64_t end = end_of(cluster);

	cluster->certs.next_look = now + LOOK_EVERY;
	if (end == INT64_MAX || days_left(end) >= WARN_DAYS) {
		return;
	}
	cluster->certs.next_look = now + WARN_EVERY;
	if (days_left(end) < 0) {
		shoal_cluster_log(cluster, SHOAL_LOG_ERROR, "config",
		        "this member's certificate has ended: others refuse it; put a new one into "
		        "%s, and reload",
		        cluster->settings.config.tls_cert);
	} else {
		shoal_cluster_log(cluster, SHOAL_LOG_WARN, "config",
		        "this member's certificate ends in %" PRId64 " days: put a new one into "
		        "%s, and reload",
		        days_left(end), cluster->settings.config.tls_cert);
	}
}

int
shoal_cluster_certificate_days(struct shoal_cluster *cluster, int *days)
{
	int rc = shoal_fork_check(cluster, "certificate_days");

	if (rc != 0) {
		return rc;
	}
	int64_t end = end_of(cluster);
	if (end == INT64_MAX) {
		return shoal_last_error_set(SHOAL_ERR_NOT_FOUND,
		        "certificate_days: this member has no certificate, or was not started");
	}
	*days = (int)days_left(end);
	return 0;
}
