/* SPDX-License-Identifier: MIT */
/* Joining: operations, the tries of their seeds, and the seeds that are tried again in the
 * background. */
#ifndef SHOAL_CLUSTER_JOIN_H
#define SHOAL_CLUSTER_JOIN_H

#include "cluster/loop/operation.h"

#define SHOAL_SEEDS_MAX 256 /* of one join                                                    */
#define SHOAL_BACKGROUND_MAX                                                                       \
	256 /* remembered for the background                                  */

/* join.c: operations */
void shoal_join_begin(struct shoal_op *op);
/* Ends all joins, and the background. */
void shoal_join_cancel(struct shoal_cluster *cluster, int code);
/* Ends those that the application has canceled. */
void shoal_join_cancel_marked(struct shoal_cluster *cluster);
/* Once a turn, after publication: ends what has ended. */
void shoal_join_reap(struct shoal_cluster *cluster);

/* background.c */
void shoal_background_init(struct shoal_cluster *cluster);
/* Other numbers count from now on. */
void shoal_background_tuned(struct shoal_cluster *cluster);
/* What may have been a reason for refusals has changed here: who refused is asked soon. */
void shoal_background_hurry(struct shoal_cluster *cluster);
/* Remembers a seed that was not reached. Whether one more reason for it has to be taken back with
 * shoal_background_remove, if it comes to that. */
bool shoal_background_add(struct shoal_cluster *cluster, const char *seed);
/* The same for one that answered with a refusal: it is asked more seldom. */
bool shoal_background_add_refused(struct shoal_cluster *cluster, const char *seed);
/* Takes one reason back: a seed that no other join named is forgotten. */
void shoal_background_remove(struct shoal_cluster *cluster, const char *seed);
/* The same for one from the memory of a former run: all of these are forgotten when any is reached.
 */
void shoal_background_remember(struct shoal_cluster *cluster, const char *seed);
/* Forgets all. */
void shoal_background_stop(struct shoal_cluster *cluster);

#endif
