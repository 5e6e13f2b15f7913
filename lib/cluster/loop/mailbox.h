/* SPDX-License-Identifier: MIT */
/* The only way from other threads into the loop: a list under the cluster's lock and an eventfd. */
#ifndef SHOAL_CLUSTER_MAILBOX_H
#define SHOAL_CLUSTER_MAILBOX_H

#include "cluster/loop/operation.h"

/* A non-blocking, close-on-exec eventfd. SHOAL_ERR_SYSTEM with a text. */
SHOAL_MUST_USE int shoal_mailbox_eventfd(int *fd);
/* Makes an eventfd readable, and not readable. */
void shoal_mailbox_ring(int fd);
void shoal_mailbox_clear(int fd);

/* Puts an operation in; lock held. */
void shoal_mailbox_put(struct shoal_cluster *cluster, struct shoal_op *op);
/* Asks the loop to stop; lock held. */
void shoal_mailbox_stop(struct shoal_cluster *cluster);

/* The loop's thread: begins what is in it. */
void shoal_mailbox_take(struct shoal_cluster *cluster);
/* The loop's thread: ends what is in it. */
void shoal_mailbox_cancel(struct shoal_cluster *cluster, int code);

#endif
