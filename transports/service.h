/* SPDX-License-Identifier: MIT */
/* Which of the hosts that offer a service is tried first (RFC 2782). */
#ifndef SHOAL_TRANSPORTS_SERVICE_H
#define SHOAL_TRANSPORTS_SERVICE_H

#include <shoal/resolver.h>

struct shoal_rng;

/* Brings the first `most` of n into the order in which they are to be tried; returns how many these
 * are. The others stand behind them. */
size_t shoal_service_order(
        struct shoal_service *service, size_t n, size_t most, struct shoal_rng *rng);

#endif
