/* SPDX-License-Identifier: MIT */
/* The way in: bytes to messages to handlers. */
#ifndef SHOAL_CORE_RECEIVE_H
#define SHOAL_CORE_RECEIVE_H

#include <shoal/core.h>

struct shoal_core;

/* A packet by any path. MALFORMED, CHECKSUM, VERSION, LABEL, AUTH, TOO_BIG: dropped, counted,
 * nothing changed. */
int shoal_receive(struct shoal_core *core, const struct shoal_input *input);

/* The end of a request of ours. */
int shoal_receive_result(struct shoal_core *core, const struct shoal_input *input);

#endif
