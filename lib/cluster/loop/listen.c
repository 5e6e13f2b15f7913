/* SPDX-License-Identifier: MIT */
/* Binding: all transports listen on the same port, and members are told an address that can be
 * dialled.
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
#include "cluster/join/address.h"
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

static const struct shoal_transport *
first_with(const struct shoal_cluster *cluster, uint32_t cap)
{
	for (size_t i = 0; i < transports_of(cluster); i++) {
		if (transport_at(cluster, i)->ops->caps & cap) {
			return transport_at(cluster, i);
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

static int
start_one(struct shoal_cluster *cluster, const struct shoal_transport *transport,
        const struct shoal_addr *bind, char *why, size_t len)
{
	const struct shoal_config *config = &cluster->settings.config;
	bool keys = config->keyring != NULL || config->key_count > 0;
	bool sealed = keys && config->accept_clear == 0; /* who does not seal sends at once */
	struct shoal_transport_env env = {.size = sizeof(env),
	        .base = cluster->base,
	        .allocator = cluster->mem,
	        .host = shoal_host_functions(cluster),
	        .bind = bind,
	        .binds = cluster->settings.binds,
	        .datagram_max = config->profile.datagram_max,
	        .stream_max = config->profile.stream_max,
	        .first_max = sealed ? SHOAL_FIRST_MAX : config->profile.stream_max,
	        .connections_max = config->connections_max,
	        .idle_timeout_ms = config->idle_timeout_ms,
	        .exchange_timeout_ms = config->profile.exchange_timeout_ms,
	        .link_idle_ms = config->profile.link_idle_ms};

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
	int rc = start_one(cluster, first, cluster->settings.bind, why, len);

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
	rc = start_one(cluster, first, bind, why, len);
	if (rc != 0 || read_bound(cluster, first, &port)) {
		return rc;
	}
	first->ops->stop(first->self);
	snprintf(why, len, "the transport does not bind the port that it was asked for");
	return SHOAL_ERR_SYSTEM;
}

static int
start_all(struct shoal_cluster *cluster, char *why, size_t len)
{
	const struct shoal_transport *first = cluster->stream;
	int rc = start_first(cluster, first, why, len);

	if (rc != 0) {
		return rc;
	}
	for (size_t i = 0; i < transports_of(cluster) && rc == 0; i++) {
		if (transport_at(cluster, i) != first) {
			rc = start_one(cluster, transport_at(cluster, i), cluster->bound, why, len);
		}
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
	return false;
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

int
shoal_listen_advertise(struct shoal_cluster *cluster)
{
	const struct shoal_settings *settings = &cluster->settings;

	cluster->bounds = settings->binds;
	if (settings->advertises > 0) {
		cluster->advertiseds = settings->advertises;
		for (size_t i = 0; i < settings->advertises; i++) {
			cluster->advertised[i] = named(cluster, settings, i);
		}
		return 0;
	}
	cluster->advertiseds = 0;
	for (size_t i = 0; i < cluster->bounds; i++) {
		struct shoal_addr *addr = &cluster->advertised[cluster->advertiseds];

		*addr = cluster->bound[i];
		if (!shoal_addr_is_wildcard(addr) || shoal_address_of_route(addr, addr) == 0) {
			cluster->advertiseds++;
		}
	}
	if (cluster->advertiseds > 0) {
		return 0;
	}
	return shoal_last_error_set(SHOAL_ERR_INVALID,
	        "bind: \"%s\" is a wildcard and this machine has no address but the loopback; set "
	        "advertise to the address that peers reach this member at",
	        settings->config.bind);
}

int
shoal_listen_start(struct shoal_cluster *cluster)
{
	char why[256] = "";
	int rc, tries = picks_port(cluster) ? PORT_TRIES : 1;

	cluster->datagram = first_with(cluster, SHOAL_TRANSPORT_DATAGRAM);
	cluster->stream = first_with(cluster, SHOAL_TRANSPORT_STREAM);
	do {
		rc = start_all(cluster, why, sizeof(why));
	} while (rc == SHOAL_ERR_IN_USE && --tries > 0);
	if (rc != 0) {
		return shoal_last_error_set(rc, "%s", *why != '\0' ? why : shoal_strerror(rc));
	}
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

static bool
has_watch_links(const struct shoal_cluster *cluster)
{
	return (cluster->stream->ops->caps & SHOAL_TRANSPORT_WATCH) != 0;
}

bool
shoal_listen_may_be_watched(const struct shoal_cluster *cluster)
{
	bool bound = has_watch_links(cluster);

	for (size_t i = 0; i < cluster->advertiseds && bound; i++) {
		bound = is_bound(cluster, &cluster->advertised[i]);
	}
	return bound;
}

/* What is bound is advertised where nothing is by name. */
bool
shoal_listen_might_be_watched(
        const struct shoal_cluster *cluster, const struct shoal_settings *settings)
{
	bool bound = has_watch_links(cluster);

	for (size_t i = 0; i < settings->advertises && bound; i++) {
		struct shoal_addr addr = named(cluster, settings, i);
		bound = is_bound(cluster, &addr);
	}
	return bound;
}

int
shoal_listen_default(struct shoal_cluster *cluster)
{
	struct shoal_config *config = &cluster->settings.config;
	struct shoal_transport made[2];
	struct shoal_transport *at = (struct shoal_transport *)(uintptr_t)config->transports;
	int rc;

	if (config->transport_count > 0) {
		return 0;
	}
	rc = shoal_transport_tcp(&made[0], cluster->mem);
	if (rc == 0) {
		rc = shoal_transport_udp(&made[1], cluster->mem);
		if (rc != 0) {
			made[0].ops->free(made[0].self);
		}
	}
	if (rc != 0) {
		return shoal_last_error_set(rc, "transports: %s", shoal_strerror(rc));
	}
	memcpy(at, made, sizeof(made));
	config->transport_count = 2;
	return 0;
}
