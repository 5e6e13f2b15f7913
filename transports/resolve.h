/* SPDX-License-Identifier: MIT */
/* Host names to addresses, on the loop: the hosts file and DNS, by c-ares. */
#ifndef SHOAL_TRANSPORTS_RESOLVE_H
#define SHOAL_TRANSPORTS_RESOLVE_H

#include <shoal/error.h>

struct event_base;
struct shoal_resolve;

/* Called once, on a later turn of the loop: code 0 with n addresses, or SHOAL_ERR_RESOLVE or _NOMEM
 * with why. The resolve is freed after the call. */
typedef void (*shoal_resolve_fn)(
        void *arg, int code, const char *why, const struct shoal_addr *addr, size_t n);

/* At most `most` addresses are reported, each with the port. SHOAL_ERR_NOMEM, SHOAL_ERR_SYSTEM. */
SHOAL_MUST_USE int shoal_resolve_begin(struct shoal_resolve **resolve,
        const struct shoal_allocator *mem, struct event_base *base, const char *host, uint16_t port,
        size_t most, shoal_resolve_fn fn, void *arg);
/* Ends it without the call. */
void shoal_resolve_cancel(struct shoal_resolve *resolve);

#endif
