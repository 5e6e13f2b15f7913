/* SPDX-License-Identifier: MIT */
/* Pings that others send to this member. */
#ifndef SHOAL_CORE_ANSWER_H
#define SHOAL_CORE_ANSWER_H

#include <shoal/core.h>

#include "wire/message.h"

struct shoal_core;

/* A ping came by `path`; exchange: the host's number where that is SHOAL_INPUT_REQUEST. */
void shoal_answer_ping(struct shoal_core *core, const struct shoal_msg_ping *ping,
        const struct shoal_addr *from, enum shoal_input_kind path, uint64_t exchange);

#endif
