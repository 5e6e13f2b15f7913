/* SPDX-License-Identifier: MIT */
/* Where the record of the core goes (shoal/record.h): a pair of files, or a pair of buffers. */
#ifndef SHOAL_CLUSTER_RECORDING_H
#define SHOAL_CLUSTER_RECORDING_H

#include "cluster/cluster.h"

#include <shoal/record.h>

struct shoal_recording;

/* Begins where the config asks for it, with what the core was made from. SHOAL_ERR_SYSTEM,
 * _PERMISSION: the file cannot be made, with a text; SHOAL_ERR_NOMEM. */
SHOAL_MUST_USE int shoal_recording_start(
        struct shoal_cluster *cluster, const struct shoal_core_config *core);

/* Before the core is stepped with it. Never fails: what cannot be kept ends the record, with one
 * warning. */
void shoal_recording_input(struct shoal_cluster *cluster, const struct shoal_input *input);

/* The core is about to be freed. Idempotent. */
void shoal_recording_end(struct shoal_cluster *cluster);

/* After shoal_recording_end; NULL is allowed. */
void shoal_recording_free(struct shoal_recording *recording);

#endif
