/* SPDX-License-Identifier: MIT */
/* Starting the transports on one port, and the addresses that follow from it. */
#ifndef SHOAL_CLUSTER_LISTEN_H
#define SHOAL_CLUSTER_LISTEN_H

#include "cluster/cluster.h"

/* Where the config gave no transports: what the forms in bind need. SHOAL_ERR_NOMEM,
 * _UNSUPPORTED, with a text. */
SHOAL_MUST_USE int shoal_listen_default(struct shoal_cluster *cluster);

/* Starts all transports; fills in bound and advertised. On failure none runs and the last error's
 * text says why. SHOAL_ERR_IN_USE, _PERMISSION, _INVALID, _SYSTEM, _NOMEM. */
SHOAL_MUST_USE int shoal_listen_start(struct shoal_cluster *cluster);
void shoal_listen_stop(struct shoal_cluster *cluster);

/* Where members are to find this one now: what the settings say, and the address of the default
 * route as it is now. SHOAL_ERR_INVALID, with a text: nowhere. The loop's thread. */
SHOAL_MUST_USE int shoal_listen_advertise(struct shoal_cluster *cluster);

/* The first of those addresses as text, the URL where it stands for one. */
void shoal_listen_print(const struct shoal_cluster *cluster, char text[SHOAL_URL_TEXT]);

/* Whether a wildcard is bound: where nothing is advertised by name, the address follows the default
 * route. */
bool shoal_listen_follows_route(const struct shoal_cluster *cluster);

/* Whether an address leads to this member. */
bool shoal_listen_is_self(const struct shoal_cluster *cluster, const struct shoal_addr *addr);

/* Whether the transport of streams has watch links. */
bool shoal_listen_has_links(const struct shoal_cluster *cluster);

/* Whether a watch link that ends can tell that this process has gone: the transport has such links,
 * and what is advertised is bound here, not by something in between. */
bool shoal_listen_may_be_watched(const struct shoal_cluster *cluster);
/* The same with what these settings advertise. From any thread while it runs. */
bool shoal_listen_might_be_watched(
        const struct shoal_cluster *cluster, const struct shoal_settings *settings);

#endif
