/* SPDX-License-Identifier: MIT */
/* Members that cannot be dialled, for tests of clusters. */
#ifndef SHOAL_TEST_CLUSTER_WALLS_H
#define SHOAL_TEST_CLUSTER_WALLS_H

#include <shoal/core.h>

/* Whether the member keeps a link to this one; then it counts as one that cannot be dialled. */
bool walls_put_up(struct shoal_core *core, const struct shoal_id *id);

#endif
