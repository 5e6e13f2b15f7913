/* SPDX-License-Identifier: MIT */
/* Reliable messages to one member: in order, exactly once while both instances live. */
#ifndef SHOAL_CORE_RELIABLE_H
#define SHOAL_CORE_RELIABLE_H

#include <shoal/core.h>

#include "base/writer.h"
#include "core/message/peer.h"
#include "wire/entry.h"
#include "wire/message.h"

struct shoal_pending;

/* Queues a message. SHOAL_ERR_AGAIN. */
int shoal_reliable_send(struct shoal_core *core, struct shoal_peer *peer,
        const struct shoal_entry *entry, uint64_t token);

/* The request in flight, if there is one, counts no more. */
void shoal_reliable_land(struct shoal_core *core, struct shoal_peer *peer);

void shoal_reliable_on_timer(struct shoal_core *core, uint32_t number);

/* The member in slot has opened a link to this one: what waits for it need not wait for its turn.
 */
void shoal_reliable_linked(struct shoal_core *core, uint32_t slot);
/* Whether messages wait for it. */
bool shoal_reliable_waits(const struct shoal_core *core, uint32_t slot);
/* It polls this member, and cannot be dialled: whether what waits goes with the answer. */
bool shoal_reliable_polled(struct shoal_core *core, uint32_t slot);
/* Its link has ended: no receipt of what was told by it need be waited for. */
void shoal_reliable_unlinked(struct shoal_core *core, uint32_t slot);
/* The link that was asked for did not come. What has just begun to wait for it goes on to. */
void shoal_reliable_uncalled(struct shoal_core *core, uint32_t slot);

/* A request of the peer under this number has ended, whatever came of it. */
void shoal_reliable_ended(struct shoal_core *core, uint64_t number, uint64_t exchange);

/* Whether the packet that was queued is still to be made. */
bool shoal_reliable_is_due(const struct shoal_core *core, const struct shoal_pending *pending);
/* Writes what goes with it; writer->failed: it does not fit. */
void shoal_reliable_write(
        struct shoal_core *core, const struct shoal_pending *pending, struct shoal_writer *writer);
/* It was handed out. */
void shoal_reliable_sent(struct shoal_core *core, const struct shoal_pending *pending);

/* There is more room for messages. */
void shoal_reliable_on_room(struct shoal_core *core);

/* From the member in slot, SHOAL_NONE: from none. */
void shoal_reliable_on_batch(struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_batch *batch, const struct shoal_input *input);
void shoal_reliable_on_receipt(
        struct shoal_core *core, uint32_t slot, const struct shoal_msg_receipt *receipt);

#endif
