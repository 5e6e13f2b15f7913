/* SPDX-License-Identifier: MIT */
/* The log has a line for each address that is bound, since the kernel chose what nobody wrote down.
 * A loopback address that others are told is a slip only where there are others elsewhere: it is
 * warned of where more than the loopback is bound, or once a member elsewhere is dialled. */
#include "cluster/loop/bound.h"

#include "base/addr.h"
#include "base/url.h"
#include "cluster/loop/fork.h"
#include "cluster/loop/listen.h"
#include "cluster/report/last_error.h"

#include <stdio.h>
#include <string.h>

#define TOLD_TEXT (SHOAL_ADDRS_MAX * (SHOAL_ADDR_TEXT + 2))

/* What others are told for an address that is bound: all that is advertised by name, else what it
 * stands for itself. false: nothing. */
static bool
told_for(const struct shoal_cluster *cluster, const struct shoal_addr *bound, char text[TOLD_TEXT])
{
	bool named = cluster->settings.advertises > 0, ipv4 = shoal_addr_is_ipv4(bound);
	char at[SHOAL_ADDR_TEXT];

	text[0] = '\0';
	for (size_t i = 0; i < cluster->advertiseds; i++) {
		const struct shoal_addr *addr = &cluster->advertised[i];
		bool same = shoal_addr_is_wildcard(bound)
		                    ? shoal_addr_is_ipv4(addr) == ipv4 && addr->port == bound->port
		                    : shoal_addr_equal(addr, bound);
		size_t len = strlen(text);

		if (!shoal_addr_is_web(addr) && (named || same)) {
			shoal_addr_print(addr, at, sizeof(at));
			snprintf(text + len, TOLD_TEXT - len, "%s%s", len > 0 ? ", " : "", at);
		}
	}
	return text[0] != '\0';
}

static void
say_line(struct shoal_cluster *cluster, const char *at, const char *told)
{
	bool same = strcmp(at, told) == 0;

	shoal_cluster_log(cluster, SHOAL_LOG_INFO, "listen", "%s is bound%s%s", at,
	        same ? "" : ", peers are told ", same ? "" : told);
}

static void
say_address(struct shoal_cluster *cluster, const struct shoal_addr *bound)
{
	char at[SHOAL_ADDR_TEXT], told[TOLD_TEXT];

	shoal_addr_print(bound, at, sizeof(at));
	if (told_for(cluster, bound, told)) {
		say_line(cluster, at, told);
	} else {
		shoal_cluster_log(cluster, SHOAL_LOG_WARN, "listen",
		        "%s is bound, and this machine has no such address but the loopback: peers "
		        "are told none of %s",
		        at, shoal_addr_is_ipv4(bound) ? "IPv4" : "IPv6");
	}
}

static bool
is_local_url(const char *text)
{
	struct shoal_url url;

	return shoal_url_parse(&url, text, strlen(text), NULL) == 0 && shoal_url_is_loopback(&url);
}

/* Whether peers on this machine only reach it, by what it advertises. */
static bool
is_of_this_machine(const struct shoal_cluster *cluster)
{
	bool only = cluster->advertiseds > 0;

	for (size_t i = 0; i < cluster->advertiseds && only; i++) {
		const struct shoal_addr *addr = &cluster->advertised[i];

		only = shoal_addr_is_web(addr) ? is_local_url(cluster->url)
		                               : shoal_addr_is_loopback(addr);
	}
	return only;
}

void
shoal_bound_say(struct shoal_cluster *cluster)
{
	bool beyond = cluster->bound_url[0] != '\0' && !is_local_url(cluster->bound_url);

	for (size_t i = 0; i < cluster->bounds; i++) {
		beyond = beyond || !shoal_addr_is_loopback(&cluster->bound[i]);
		say_address(cluster, &cluster->bound[i]);
	}
	if (cluster->bound_url[0] != '\0') {
		say_line(cluster, cluster->bound_url, cluster->url);
	}
	if (beyond && is_of_this_machine(cluster)) {
		char at[SHOAL_URL_TEXT];

		shoal_listen_print(cluster, at);
		shoal_cluster_log(cluster, SHOAL_LOG_WARN, "listen",
		        "peers are told %s, where only those on this machine reach it: advertise "
		        "another address",
		        at);
	}
}

void
shoal_bound_dials(struct shoal_cluster *cluster, const struct shoal_addr *to, const char *url)
{
	char at[SHOAL_URL_TEXT], there[SHOAL_ADDR_TEXT];
	bool here = url[0] != '\0' ? is_local_url(url) : shoal_addr_is_loopback(to);

	if (cluster->loopback_said || here || !is_of_this_machine(cluster)) {
		return;
	}
	cluster->loopback_said = true;
	shoal_listen_print(cluster, at);
	shoal_addr_print(to, there, sizeof(there));
	shoal_cluster_log(cluster, SHOAL_LOG_WARN, "listen",
	        "this member is at %s, where a member at %s does not reach it%s: bind or advertise "
	        "another address",
	        at, url[0] != '\0' ? url : there,
	        url[0] != '\0' ? ", unless that is on this machine" : "");
}

int
shoal_cluster_bound(struct shoal_cluster *cluster, size_t i, char *text, size_t len)
{
	char at[SHOAL_URL_TEXT] = "";
	int rc = shoal_fork_check(cluster, "bound");
	bool started;

	if (rc != 0) {
		return rc;
	}
	/* What is bound is written before the address is, and never again. */
	pthread_mutex_lock(&cluster->lock);
	started = cluster->address[0] != '\0';
	pthread_mutex_unlock(&cluster->lock);
	if (started && i < cluster->bounds) {
		shoal_addr_print(&cluster->bound[i], at, sizeof(at));
	} else if (started && i == cluster->bounds) {
		memcpy(at, cluster->bound_url, sizeof(at));
	}
	if (at[0] == '\0') {
		return shoal_last_error_set(
		        SHOAL_ERR_NOT_FOUND, "bound: no address %zu is bound", i);
	}
	if (strlen(at) >= len) {
		return shoal_last_error_set(
		        SHOAL_ERR_TOO_BIG, "bound: %zu bytes; SHOAL_URL_TEXT is enough", len);
	}
	memcpy(text, at, strlen(at) + 1);
	return 0;
}
