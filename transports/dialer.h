/* SPDX-License-Identifier: MIT */
/* Who makes the connections of a stream transport: the kernel, or the functions of struct
 * shoal_transport_dialer where it has them. A descriptor or, below 0, a code; descriptors are
 * non-blocking, close-on-exec, and the caller's. */
#ifndef SHOAL_TRANSPORTS_DIALER_H
#define SHOAL_TRANSPORTS_DIALER_H

#include <shoal/transport.h>

/* Connected, or on its way, which its becoming writable and SO_ERROR tell. SHOAL_ERR_UNREACHABLE,
 * _REFUSED, _LIMIT: no descriptors, _TIMEOUT, _CLOSED, _SYSTEM. from: the address, whatever its
 * port, that the kernel's own comes from where it can; NULL: the kernel's choice. */
int shoal_dialer_dial(const struct shoal_transport_dialer *dialer, const struct shoal_addr *to,
        const struct shoal_addr *from);

/* The code is that of start() in transport.h; why says it in English, for this transport. */
int shoal_dialer_listen(const struct shoal_transport_dialer *dialer, const char *transport,
        const struct shoal_addr *at, struct shoal_addr *bound, char *why, size_t len);

/* SHOAL_ERR_AGAIN: none waits; _LIMIT: no descriptors; another: one that waited is lost. */
int shoal_dialer_accept(
        const struct shoal_transport_dialer *dialer, int listener, struct shoal_addr *from);

#endif
