/* SPDX-License-Identifier: MIT */
/* Binding: all transports of sockets listen on the same port, the web transport at its URL, and
 * members are told addresses that can be dialled.
 *
 * Where the kernel picks the port, it picks one that is free for the first transport (streams
 * first: their ports are the scarcer ones); another transport may find that port taken, and then
 * all begin anew with another one. With several addresses to bind, the port that the first one got
 * is asked for on all. A port that the user named is tried once.
 *
 * What is advertised: what the user said, else what was bound, else what a wildcard stands for
 * (address.c). */
#include "cluster/loop/listen.h"

#include "base/addr.h"
#include "base/url.h"
#include "cluster/config/certs.h"
#include "cluster/config/forms.h"
#include "cluster/join/address.h"
#include "cluster/join/lookup.h"
#include "cluster/loop/host.h"
#include "cluster/report/last_error.h"

#include <stdio.h>
#include <string.h>

#define PORT_TRIES 16

static size_t
transports_of(const struct shoal_cluster *cluster)
{
	return cluster->settings.config.transport_count;
}

static const struct shoal_transport *
transport_at(const struct shoal_cluster *cluster, size_t i)
{
	return &cluster->settings.config.transports[i];
}

static bool
is_web(const struct shoal_transport *transport)
{
	return (transport->ops->caps & SHOAL_TRANSPORT_WEB) != 0;
}

static const struct shoal_transport *
first_with(const struct shoal_cluster *cluster, uint32_t cap, bool web)
{
	for (size_t i = 0; i < transports_of(cluster); i++) {
		const struct shoal_transport *one = transport_at(cluster, i);

		if (is_web(one) == web && (one->ops->caps & cap) != 0) {
			return one;
		}
	}
	return NULL;
}

void
shoal_listen_stop(struct shoal_cluster *cluster)
{
	for (size_t i = 0; i < transports_of(cluster); i++) {
		transport_at(cluster, i)->ops->stop(transport_at(cluster, i)->self);
	}
}

/* bind: for sockets; web: for the transport that has WEB. */
static int
start_one(struct shoal_cluster *cluster, const struct shoal_transport *transport,
        const struct shoal_addr *bind, const struct shoal_transport_web *web, char *why, size_t len)
{
	const struct shoal_config *config = &cluster->settings.config;
	struct shoal_host_port *port = &cluster->port[transport - config->transports];
	bool keys = config->keyring != NULL || config->key_count > 0;
	bool sealed = keys && config->accept_clear == 0; /* who does not seal sends at once */
	struct shoal_transport_env env = {.size = sizeof(env),
	        .base = cluster->base,
	        .allocator = cluster->mem,
	        .host = shoal_host_functions(port),
	        .bind = bind,
	        .binds = bind != NULL ? cluster->settings.binds : 0,
	        .datagram_max = config->profile.datagram_max,
	        .stream_max = config->profile.stream_max,
	        .first_max = sealed ? SHOAL_FIRST_MAX : config->profile.stream_max,
	        .connections_max = config->connections_max,
	        .idle_timeout_ms = config->idle_timeout_ms,
	        .exchange_timeout_ms = config->profile.exchange_timeout_ms,
	        .link_idle_ms = config->profile.link_idle_ms,
	        .tls = shoal_certs_env(config),
	        .names = shoal_lookup_names(cluster)};

	if (web != NULL) {
		env.web = *web;
	}
	env.dialer = cluster->settings.dialer;
	port->cluster = cluster;
	port->place = (uint64_t)(transport - config->transports);
	return transport->ops->start(transport->self, &env, why, len);
}

/* Reads what was bound. true: all of the ports that the kernel picked are the same. */
static bool
read_bound(struct shoal_cluster *cluster, const struct shoal_transport *transport, uint16_t *port)
{
	bool same = true;

	*port = 0;
	for (size_t i = 0; i < cluster->settings.binds; i++) {
		struct shoal_addr *bound = &cluster->bound[i];

		*bound = cluster->settings.bind[i];
		if (transport->ops->address(transport->self, i, bound) != 0) {
			return false;
		}
		if (cluster->settings.bind[i].port != 0) {
			continue;
		}
		if (*port == 0) {
			*port = bound->port;
		}
		same = same && bound->port == *port;
	}
	return same;
}

/* Starts the first transport so that all its addresses that may have any port have the same. */
static int
start_first(
        struct shoal_cluster *cluster, const struct shoal_transport *first, char *why, size_t len)
{
	struct shoal_addr bind[SHOAL_ADDRS_MAX];
	uint16_t port;
	int rc = start_one(cluster, first, cluster->settings.bind, NULL, why, len);

	if (rc != 0 || read_bound(cluster, first, &port)) {
		return rc;
	}
	first->ops->stop(first->self);
	memcpy(bind, cluster->settings.bind, sizeof(bind));
	for (size_t i = 0; i < cluster->settings.binds; i++) {
		if (bind[i].port == 0) {
			bind[i].port = port;
		}
	}
	rc = start_one(cluster, first, bind, NULL, why, len);
	if (rc != 0 || read_bound(cluster, first, &port)) {
		return rc;
	}
	first->ops->stop(first->self);
	snprintf(why, len, "the transport does not bind the port that it was asked for");
	return SHOAL_ERR_SYSTEM;
}

static int
start_sockets(struct shoal_cluster *cluster, char *why, size_t len)
{
	const struct shoal_transport *first = cluster->stream;
	int rc = first != NULL ? start_first(cluster, first, why, len) : 0;

	for (size_t i = 0; i < transports_of(cluster) && rc == 0; i++) {
		const struct shoal_transport *one = transport_at(cluster, i);

		if (one != first && !is_web(one)) {
			rc = start_one(cluster, one, cluster->bound, NULL, why, len);
		}
	}
	return rc;
}

/* Puts the address of the default route in the place of a wildcard. */
static int
route_of(struct shoal_cluster *cluster, struct shoal_url *url, char *why, size_t len)
{
	bool ipv6 = strchr(url->host, ':') != NULL;
	struct shoal_addr at = {.port = url->port};

	if (!ipv6) {
		at.ip[10] = at.ip[11] = 0xff;
	}
	if (shoal_address_of_route(&at, &at) != 0) {
		snprintf(why, len,
		        "bind: \"%.100s\" has a wildcard and this machine has no address but the "
		        "loopback; set advertise to the URL that peers reach this member by",
		        cluster->settings.web.text);
		return SHOAL_ERR_INVALID;
	}
	if (shoal_url_move(url, &at) != 0) {
		snprintf(why, len, "bind: \"%.100s\" is too long for a URL of a member", url->text);
		return SHOAL_ERR_INVALID;
	}
	return 0;
}

/* A wildcard that may have any port: which one it is has to be known before it can be told. */
static int
pick_port(struct shoal_cluster *cluster, struct shoal_url *url, char *why, size_t len)
{
	const struct shoal_transport *web = cluster->web;
	struct shoal_transport_web at = {.bind = url->text};
	struct shoal_addr bound = {.port = 0};
	int rc = start_one(cluster, web, NULL, &at, why, len);

	if (rc == 0) {
		rc = web->ops->address(web->self, 0, &bound);
		web->ops->stop(web->self);
	}
	if (rc == 0 && strchr(url->host, ':') == NULL) {
		memset(bound.ip, 0, sizeof(bound.ip));
		bound.ip[10] = bound.ip[11] = 0xff;
	} else {
		memset(bound.ip, 0, sizeof(bound.ip));
	}
	return rc != 0 ? rc : shoal_url_move(url, &bound);
}

/* Where it listens, with the port that the kernel picked. */
static void
note_url(struct shoal_cluster *cluster, const struct shoal_url *bind)
{
	const struct shoal_transport *web = cluster->web;
	struct shoal_url url = *bind;
	struct shoal_addr bound;

	if (url.port == 0 && web->ops->address(web->self, 0, &bound) == 0) {
		(void)shoal_url_move(&url, &bound);
	}
	memcpy(cluster->bound_url, url.text, sizeof(url.text));
}

static int
start_web(struct shoal_cluster *cluster, char *why, size_t len)
{
	const struct shoal_settings *settings = &cluster->settings;
	const struct shoal_transport *web = cluster->web;
	struct shoal_url bind = settings->web, told = bind;
	bool named = settings->web_advertise[0] != '\0';
	bool route = !named && shoal_url_is_wildcard(&bind);
	struct shoal_transport_web at = {.bind = bind.text,
	        .url = named ? settings->web_advertise : NULL,
	        .token = settings->config.token};
	int rc = 0;

	if (route && bind.port == 0) {
		rc = pick_port(cluster, &bind, why, len);
	}
	if (rc == 0 && route) {
		told = bind;
		rc = route_of(cluster, &told, why, len);
		at.url = told.text;
	}
	if (rc == 0) {
		rc = start_one(cluster, web, NULL, &at, why, len);
	}
	if (rc == 0) {
		rc = web->ops->url(web->self, cluster->url, sizeof(cluster->url));
	}
	if (rc == 0) {
		note_url(cluster, &bind);
	}
	return rc;
}

static int
start_all(struct shoal_cluster *cluster, char *why, size_t len)
{
	int rc = start_sockets(cluster, why, len);

	if (rc == 0 && cluster->web != NULL) {
		rc = start_web(cluster, why, len);
	}
	if (rc != 0) {
		shoal_listen_stop(cluster);
	}
	return rc;
}

static bool
picks_port(const struct shoal_cluster *cluster)
{
	for (size_t i = 0; i < cluster->settings.binds; i++) {
		if (cluster->settings.bind[i].port == 0) {
			return true;
		}
	}
	return cluster->settings.web.text[0] != '\0' && cluster->settings.web.port == 0;
}

/* The port of the bound address of the same family, else of the first one. */
static uint16_t
port_like(const struct shoal_cluster *cluster, const struct shoal_addr *addr)
{
	for (size_t i = 0; i < cluster->settings.binds; i++) {
		if (shoal_addr_is_ipv4(&cluster->bound[i]) == shoal_addr_is_ipv4(addr)) {
			return cluster->bound[i].port;
		}
	}
	return cluster->bound[0].port;
}

bool
shoal_listen_follows_route(const struct shoal_cluster *cluster)
{
	for (size_t i = 0; i < cluster->settings.binds; i++) {
		if (shoal_addr_is_wildcard(&cluster->settings.bind[i])) {
			return true;
		}
	}
	return false;
}

/* The i-th address that the settings advertise by name. */
static struct shoal_addr
named(const struct shoal_cluster *cluster, const struct shoal_settings *settings, size_t i)
{
	struct shoal_addr addr = settings->advertise[i];

	addr.port = addr.port != 0 ? addr.port : port_like(cluster, &addr);
	return addr;
}

static int
advertise_sockets(struct shoal_cluster *cluster)
{
	const struct shoal_settings *settings = &cluster->settings;

	cluster->advertiseds = 0;
	if (settings->advertises > 0) {
		cluster->advertiseds = settings->advertises;
		for (size_t i = 0; i < settings->advertises; i++) {
			cluster->advertised[i] = named(cluster, settings, i);
		}
		return 0;
	}
	for (size_t i = 0; i < cluster->bounds; i++) {
		struct shoal_addr *addr = &cluster->advertised[cluster->advertiseds];

		*addr = cluster->bound[i];
		if (!shoal_addr_is_wildcard(addr) || shoal_address_of_route(addr, addr) == 0) {
			cluster->advertiseds++;
		}
	}
	if (cluster->advertiseds > 0 || cluster->bounds == 0) {
		return 0;
	}
	return shoal_last_error_set(SHOAL_ERR_INVALID,
	        "bind: \"%s\" is a wildcard and this machine has no address but the loopback; set "
	        "advertise to the address that peers reach this member at",
	        settings->config.bind);
}

/* The URL behind the others: where two members have both, sockets are the shorter way. */
int
shoal_listen_advertise(struct shoal_cluster *cluster)
{
	int rc;

	rc = advertise_sockets(cluster);
	if (rc == 0 && cluster->web != NULL) {
		rc = shoal_addr_from_url(
		        &cluster->advertised[cluster->advertiseds++], cluster->url);
	}
	return rc;
}

void
shoal_listen_print(const struct shoal_cluster *cluster, char text[SHOAL_URL_TEXT])
{
	if (shoal_addr_is_web(&cluster->advertised[0])) {
		memcpy(text, cluster->url, sizeof(cluster->url));
	} else {
		shoal_addr_print(&cluster->advertised[0], text, SHOAL_URL_TEXT);
	}
}

int
shoal_listen_start(struct shoal_cluster *cluster)
{
	char why[400] = "";
	int rc, tries = picks_port(cluster) ? PORT_TRIES : 1;

	cluster->datagram = first_with(cluster, SHOAL_TRANSPORT_DATAGRAM, false);
	cluster->stream = first_with(cluster, SHOAL_TRANSPORT_STREAM, false);
	cluster->web = first_with(cluster, SHOAL_TRANSPORT_WEB, true);
	do {
		rc = start_all(cluster, why, sizeof(why));
	} while (rc == SHOAL_ERR_IN_USE && --tries > 0);
	if (rc != 0) {
		return shoal_last_error_set(rc, "%s", *why != '\0' ? why : shoal_strerror(rc));
	}
	cluster->bounds = cluster->settings.binds;
	rc = shoal_listen_advertise(cluster);
	if (rc != 0) {
		shoal_listen_stop(cluster);
	}
	return rc;
}

static bool
is_bound(const struct shoal_cluster *cluster, const struct shoal_addr *addr)
{
	for (size_t i = 0; i < cluster->bounds; i++) {
		const struct shoal_addr *bound = &cluster->bound[i];

		if (shoal_addr_equal(bound, addr)) {
			return true;
		}
		if (bound->port == addr->port && shoal_addr_is_wildcard(bound) &&
		        shoal_address_is_local(addr)) {
			return true;
		}
	}
	return false;
}

bool
shoal_listen_is_self(const struct shoal_cluster *cluster, const struct shoal_addr *addr)
{
	for (size_t i = 0; i < cluster->advertiseds; i++) {
		if (shoal_addr_equal(&cluster->advertised[i], addr)) {
			return true;
		}
	}
	return is_bound(cluster, addr);
}

bool
shoal_listen_has_links(const struct shoal_cluster *cluster)
{
	return cluster->stream != NULL && (cluster->stream->ops->caps & SHOAL_TRANSPORT_WATCH) != 0;
}

bool
shoal_listen_may_be_watched(const struct shoal_cluster *cluster)
{
	bool bound = shoal_listen_has_links(cluster);

	for (size_t i = 0; i < cluster->advertiseds && bound; i++) {
		bound = shoal_addr_is_web(&cluster->advertised[i]) ||
		        is_bound(cluster, &cluster->advertised[i]);
	}
	return bound;
}

/* What is bound is advertised where nothing is by name. */
bool
shoal_listen_might_be_watched(
        const struct shoal_cluster *cluster, const struct shoal_settings *settings)
{
	bool bound = shoal_listen_has_links(cluster);

	for (size_t i = 0; i < settings->advertises && bound; i++) {
		struct shoal_addr addr = named(cluster, settings, i);
		bound = is_bound(cluster, &addr);
	}
	return bound;
}

/* Makes one more of them. */
static int
make(struct shoal_cluster *cluster,
        int (*fn)(struct shoal_transport *transport, const struct shoal_allocator *allocator))
{
	struct shoal_config *config = &cluster->settings.config;
	struct shoal_transport *at = (struct shoal_transport *)(uintptr_t)config->transports;
	int rc = fn(&at[config->transport_count], cluster->mem);

	config->transport_count += rc == 0;
	return rc;
}

int
shoal_listen_default(struct shoal_cluster *cluster)
{
	const struct shoal_settings *settings = &cluster->settings;
	struct shoal_config *config = &cluster->settings.config;
	int rc = 0;

	if (config->transport_count > 0) {
		return 0;
	}
	if (settings->binds > 0) {
		rc = make(cluster, shoal_transport_tcp);
	}
	if (rc == 0 && settings->binds > 0 && shoal_forms_want_udp(settings)) {
		rc = make(cluster, shoal_transport_udp);
	}
	if (rc == 0 && settings->web.text[0] != '\0') {
		rc = make(cluster, shoal_transport_http);
	}
	if (rc == 0) {
		return 0;
	}
	while (config->transport_count > 0) {
		const struct shoal_transport *one =
		        transport_at(cluster, --config->transport_count);

		one->ops->free(one->self);
	}
	return rc == SHOAL_ERR_UNSUPPORTED
	               ? shoal_last_error_set(rc,
	                         "bind: %s is a URL, and this build has no HTTP; build it with "
	                         "-DSHOAL_HTTP=ON",
	                         settings->web.text)
	               : shoal_last_error_set(rc, "transports: %s", shoal_strerror(rc));
}
