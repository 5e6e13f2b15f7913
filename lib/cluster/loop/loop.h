/* SPDX-License-Identifier: MIT */
/* The loop: everything that happens on the thread of the event_base. */
#ifndef SHOAL_CLUSTER_LOOP_H
#define SHOAL_CLUSTER_LOOP_H

#include "cluster/cluster.h"

/* Makes the events of the loop and begins to listen to them. SHOAL_ERR_NOMEM. Undo with
 * shoal_loop_finish. */
SHOAL_MUST_USE int shoal_loop_begin(struct shoal_cluster *cluster);

/* Ends everything on the loop: transports stop, operations end with `code`, state is stopped.
 * Idempotent. Not from inside the core's outputs. */
void shoal_loop_finish(struct shoal_cluster *cluster, int code);

/* Steps the core with the times filled in and takes what it put out. */
int shoal_loop_input(struct shoal_cluster *cluster, struct shoal_input *input);

/* The parts of that: several commands may go before what they put out is taken. */
int shoal_loop_step(struct shoal_cluster *cluster, struct shoal_input *input);
void shoal_loop_drain(struct shoal_cluster *cluster);
void shoal_loop_events(struct shoal_cluster *cluster);

/* Asks for a turn: what has to be done once after a batch of inputs. */
void shoal_loop_touch(struct shoal_cluster *cluster);
/* Asks for a turn after the sockets were looked at again. */
void shoal_loop_later(struct shoal_cluster *cluster);

/* Brings view and core together: this member's entry always, another one in turn, all of them after
 * a change was missed. */
void shoal_loop_refresh(struct shoal_cluster *cluster);

#endif
