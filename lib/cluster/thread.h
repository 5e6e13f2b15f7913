/* SPDX-License-Identifier: MIT */
/* The library's own threads. */
#ifndef SHOAL_CLUSTER_THREAD_H
#define SHOAL_CLUSTER_THREAD_H

#include "cluster/cluster.h"

/* Starts those that the way to run asks for. On failure none runs; SHOAL_ERR_SYSTEM with a text. */
SHOAL_MUST_USE int shoal_thread_start(struct shoal_cluster *cluster);
/* Waits for their end: the loop has finished and the callbacks are closed. */
void shoal_thread_join(struct shoal_cluster *cluster);
/* Whether the calling thread is the loop's own thread. */
bool shoal_thread_is_loop(const struct shoal_cluster *cluster);

#endif
