/* SPDX-License-Identifier: MIT */
/* The library's own threads. */
#ifndef SHOAL_CLUSTER_THREAD_H
#define SHOAL_CLUSTER_THREAD_H

#include "cluster/cluster.h"

/* Starts those that the way to run asks for. On failure none runs; SHOAL_ERR_SYSTEM with a text. */
SHOAL_MUST_USE int shoal_thread_start(struct shoal_cluster *cluster);
/* Waits for the end of the loop's thread: the loop has finished. */
void shoal_thread_join_loop(struct shoal_cluster *cluster);
/* Waits for the end of the callbacks' thread: the callbacks are closed. */
void shoal_thread_join_callbacks(struct shoal_cluster *cluster);
/* Whether the calling thread is the loop's own thread. */
bool shoal_thread_is_loop(const struct shoal_cluster *cluster);

#endif
