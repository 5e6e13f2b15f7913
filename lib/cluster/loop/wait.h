/* SPDX-License-Identifier: MIT */
/* Waiting for members without blocking: the public call, and what the loop does with it. */
#ifndef SHOAL_CLUSTER_WAIT_H
#define SHOAL_CLUSTER_WAIT_H

#include "cluster/loop/operation.h"

void shoal_wait_begin(struct shoal_op *op);
/* Ends all. */
void shoal_wait_cancel(struct shoal_cluster *cluster, int code);
/* Ends those that the application has canceled. */
void shoal_wait_cancel_marked(struct shoal_cluster *cluster);
/* Once a turn, after publication: ends what has ended. */
void shoal_wait_reap(struct shoal_cluster *cluster);

#endif
