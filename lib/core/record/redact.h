/* SPDX-License-Identifier: MIT */
/* Packets without what applications sent in them. */
#ifndef SHOAL_CORE_REDACT_H
#define SHOAL_CORE_REDACT_H

#include <stddef.h>
#include <stdint.h>

/* Messages from this kind on belong to services and applications; so does what is said in USER and
 * BATCH. */
#define SHOAL_REDACT_KIND 64

/* Overwrites bodies of such messages in place, so that a core takes or refuses the packet as it
 * would have before, for the same reason. A packet that cannot be read loses all that might be one;
 * a sealed one stays: it is encrypted. */
void shoal_redact_packet(uint8_t *data, size_t len);

#endif
