/* SPDX-License-Identifier: MIT */
/* The codec of a cluster, by its name or as the application's own, and its compressor. */
#ifndef SHOAL_CLUSTER_CONFIG_ENCODING_H
#define SHOAL_CLUSTER_CONFIG_ENCODING_H

#include <shoal/config.h>

/* SHOAL_ERR_INVALID: the last error's text names the field and what is allowed. */
int shoal_encoding_check(const struct shoal_config *config);

/* Of a config that was checked. Static or the application's, never NULL. */
const struct shoal_codec_ops *shoal_encoding_codec(const struct shoal_config *config);

#endif
