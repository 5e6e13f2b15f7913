/* SPDX-License-Identifier: MIT */
/* What the rooms need of addresses beyond shoal/types.h. */
#ifndef SHOAL_BASE_ADDR_H
#define SHOAL_BASE_ADDR_H

#include <shoal/types.h>

/* 4 bytes in network order, as a mapped address. */
void shoal_addr_from_ipv4(struct shoal_addr *addr, const uint8_t ip[4], uint16_t port);
bool shoal_addr_is_zero(const struct shoal_addr *addr);
/* Same ip and scope, whatever the port. */
bool shoal_addr_same_host(const struct shoal_addr *a, const struct shoal_addr *b);
/* 0.0.0.0 or ::, with any port. */
bool shoal_addr_is_wildcard(const struct shoal_addr *addr);
bool shoal_addr_is_loopback(const struct shoal_addr *addr);

#endif
