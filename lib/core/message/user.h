/* SPDX-License-Identifier: MIT */
/* Messages of the application to one member: the command, and those that go once. */
#ifndef SHOAL_CORE_USER_H
#define SHOAL_CORE_USER_H

#include <shoal/core.h>

#include "base/writer.h"
#include "wire/message.h"

struct shoal_core;

/* SHOAL_INPUT_SEND. */
int shoal_user_send(struct shoal_core *core, const struct shoal_input *input);

/* Bytes of the longest message that can be sent. */
size_t shoal_user_most(const struct shoal_core *core);

/* Whether there is something for the member in slot, which may take it along itself. */
bool shoal_user_waits(const struct shoal_core *core, uint32_t slot);

/* Whether there is something for the packet that was queued for the member in slot. */
bool shoal_user_is_due(struct shoal_core *core, uint32_t slot);
/* Writes what goes with it; writer->failed: not even the first fits. */
void shoal_user_write(struct shoal_core *core, uint32_t slot, struct shoal_writer *writer);
/* It was handed out, or could not be made; another one is queued for what is left. */
void shoal_user_sent(struct shoal_core *core, uint32_t slot, bool made);

/* The member in slot has a link to this one, for which what fits no datagram waits; and it did not
 * come: what waits is lost. */
void shoal_user_linked(struct shoal_core *core, uint32_t slot);
void shoal_user_unlinked(struct shoal_core *core, uint32_t slot);

/* From the member in slot, SHOAL_NONE: from none. */
void shoal_user_on_message(
        struct shoal_core *core, uint32_t slot, const struct shoal_msg_user *message);

#endif
