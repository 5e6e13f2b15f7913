/* SPDX-License-Identifier: MIT */
/* The keys of a cluster object: from the config to the core, and while it runs. */
#ifndef SHOAL_CLUSTER_KEYRING_H
#define SHOAL_CLUSTER_KEYRING_H

#include "cluster/cluster.h"
#include "cluster/loop/operation.h"

#include <shoal/core.h>

/* What the config says of keys, and of what is taken besides. SHOAL_ERR_INVALID, with a text. */
SHOAL_MUST_USE int shoal_keyring_check(const struct shoal_config *config);

/* Makes the core, with what the config says of keys and compression filled in; no key is left
 * behind in *core. The error has a text. */
SHOAL_MUST_USE int shoal_keyring_make_core(
        struct shoal_cluster *cluster, struct shoal_core_config *core);

/* The loop's thread: does something with the keys of this member; key: INSTALL; print: USE, REMOVE.
 */
int shoal_keyring_act(struct shoal_cluster *cluster, enum shoal_key_action action,
        const struct shoal_key *key, uint64_t print);
/* What other threads are told is what the core holds now. */
void shoal_keyring_publish(struct shoal_cluster *cluster);

/* The loop's thread: carries out an operation. */
void shoal_keyring_begin(struct shoal_op *op);

#endif
