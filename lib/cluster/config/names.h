/* SPDX-License-Identifier: MIT */
/* How names are resolved, in a config. */
#ifndef SHOAL_CLUSTER_NAMES_H
#define SHOAL_CLUSTER_NAMES_H

#include "cluster/config/config.h"

/* Reads dns and family. SHOAL_ERR_INVALID. */
SHOAL_MUST_USE int shoal_names_check(
        struct shoal_settings *settings, const struct shoal_config *config);

#endif
