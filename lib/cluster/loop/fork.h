/* SPDX-License-Identifier: MIT */
/* A cluster object in a child of fork(): it belongs to the parent, whose salt it would speak under.
 */
#ifndef SHOAL_CLUSTER_FORK_H
#define SHOAL_CLUSTER_FORK_H

#include <stdbool.h>

struct shoal_cluster;

/* Whether this process is not the one that started it. */
bool shoal_fork_is_child(const struct shoal_cluster *cluster);
/* SHOAL_ERR_STATE, with a text, in a child; 0 elsewhere. Takes no lock: another thread of the
 * parent may have held it. */
int shoal_fork_check(const struct shoal_cluster *cluster, const char *call);

/* In a child, before the object is taken apart: nobody else has it any more, and nothing of it
 * reaches the parent. */
void shoal_fork_adopt(struct shoal_cluster *cluster);

#endif
