/* SPDX-License-Identifier: MIT */
/* The config as the cluster object keeps it: checked, complete, and with strings and arrays of its
 * own. */
#ifndef SHOAL_CLUSTER_CONFIG_H
#define SHOAL_CLUSTER_CONFIG_H

#include "base/url.h"
#include "transports/resolve.h"

#include <shoal/config.h>

struct shoal_settings {
	struct shoal_config config; /* its strings and its transports are owned */
	struct shoal_id id; /* zero: none given                                              */
	struct shoal_addr bind[SHOAL_ADDRS_MAX];
	size_t binds;
	struct shoal_addr advertise[SHOAL_ADDRS_MAX]; /* port 0: that of bind */
	size_t advertises;
	struct shoal_url web;                   /* to bind to; text "": none */
	char web_advertise[SHOAL_URL_TEXT];     /* "": what is bound */
	struct shoal_addr dns[SHOAL_ADDRS_MAX]; /* none: the machine's */
	size_t dns_count;
	enum shoal_family family;
	struct shoal_cidr allow[SHOAL_ALLOW_MAX];
	size_t allows;
	struct shoal_key keys[SHOAL_KEYS_MAX]; /* config.keys; wiped once the core has them */
	struct shoal_transport_dialer dialer;  /* *config.dialer */
	const struct shoal_allocator *mem;
};

/* Checks and copies. SHOAL_ERR_INVALID: the last error's text names the field. SHOAL_ERR_NOMEM.
 * Undo with shoal_settings_done, which leaves the transports alone. */
SHOAL_MUST_USE int shoal_settings_init(
        struct shoal_settings *settings, const struct shoal_config *config);
void shoal_settings_done(struct shoal_settings *settings);

/* Calls fn for each text, number and level that differs; fixed: it cannot change while a cluster
 * runs. Pointers are not compared. */
void shoal_settings_differ(const struct shoal_config *a, const struct shoal_config *b,
        void (*fn)(const char *field, bool fixed, void *arg), void *arg);

#endif
