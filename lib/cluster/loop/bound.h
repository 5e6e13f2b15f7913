/* SPDX-License-Identifier: MIT */
/* What is said of the addresses that a member listens on, and of those that others are told. */
#ifndef SHOAL_CLUSTER_BOUND_H
#define SHOAL_CLUSTER_BOUND_H

#include "cluster/cluster.h"

/* Tells the log of each address that is bound, what others are told in its place, and where that is
 * one which only this machine reaches. Behind shoal_listen_start, on its thread. */
void shoal_bound_say(struct shoal_cluster *cluster);

/* A member there is asked next, at a URL where that is not "": where it is elsewhere, and others
 * are told a loopback address, the log says so, once. The loop's thread. */
void shoal_bound_dials(struct shoal_cluster *cluster, const struct shoal_addr *to, const char *url);

#endif
