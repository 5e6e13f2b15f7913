/* SPDX-License-Identifier: MIT */
/* What a member knows of its cluster, kept over a restart: SHOAL_INPUT_RESTORE takes what
 * shoal_core_save gave. */
#ifndef SHOAL_CORE_SAVE_H
#define SHOAL_CORE_SAVE_H

#include <shoal/core.h>

struct shoal_core;

/* SHOAL_INPUT_RESTORE. SHOAL_ERR_STATE: others are known here already; or why the packet is none of
 * this cluster's. On an error nothing changed. */
int shoal_save_restore(struct shoal_core *core, const struct shoal_input *input);

#endif
