/* SPDX-License-Identifier: MIT */
/* Forgetting a dead or left member on request. */
#ifndef SHOAL_CLUSTER_FORGET_H
#define SHOAL_CLUSTER_FORGET_H

#include "cluster/loop/operation.h"

void shoal_forget_begin(struct shoal_op *op);

#endif
