/* SPDX-License-Identifier: MIT */
/* Forms of addresses in a config, and the transports that carry them. */
#ifndef SHOAL_CLUSTER_FORMS_H
#define SHOAL_CLUSTER_FORMS_H

#include "cluster/config/config.h"

/* Reads bind and advertise, and checks that there is a transport for each form in them.
 * SHOAL_ERR_INVALID. */
SHOAL_MUST_USE int shoal_forms_check(
        struct shoal_settings *settings, const struct shoal_config *config);

/* Whether these settings want UDP beside TCP. */
bool shoal_forms_want_udp(const struct shoal_settings *settings);

#endif
