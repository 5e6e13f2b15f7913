/* SPDX-License-Identifier: MIT */
/* An order about keys for all members. */
#ifndef SHOAL_CLUSTER_REKEY_H
#define SHOAL_CLUSTER_REKEY_H

#include "cluster/loop/operation.h"

struct shoal_rekey;

/* The loop's thread. */
void shoal_rekey_begin(struct shoal_op *op);
/* SHOAL_EVENT_KEYS. */
void shoal_rekey_answered(struct shoal_cluster *cluster, const struct shoal_event *event);
/* Asks further members, and ends; once a turn. */
void shoal_rekey_pump(struct shoal_cluster *cluster);
/* The cluster leaves or has stopped. */
void shoal_rekey_cancel(struct shoal_cluster *cluster, int code);

#endif
