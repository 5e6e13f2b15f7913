/* SPDX-License-Identifier: MIT */
/* Leaving: the public calls, and what the loop does with them. */
#ifndef SHOAL_CLUSTER_DEPART_H
#define SHOAL_CLUSTER_DEPART_H

#include "cluster/loop/operation.h"

void shoal_depart_begin(struct shoal_op *op);
/* The loop ends; the leave that waits for it, if there is one, ends with code. */
void shoal_depart_end(struct shoal_cluster *cluster, int code);

#endif
