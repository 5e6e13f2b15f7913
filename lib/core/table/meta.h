/* SPDX-License-Identifier: MIT */
/* Metadata of members: this member's own, and what others tell of theirs. */
#ifndef SHOAL_CORE_META_H
#define SHOAL_CORE_META_H

#include <shoal/core.h>

#include "base/hlc.h"
#include "base/writer.h"
#include "core/table/info.h"
#include "core/table/unheld.h"
#include "wire/message.h"

/* A body that is longer is announced by version and hash, and pulled (pull.h). With what a sealed
 * packet adds, its sender and the longest label, one of this length fits the smallest datagram that
 * a way may take, see path.h. */
#define SHOAL_META_INLINE 300

struct shoal_own_meta {
	struct shoal_hlc clock;
	uint64_t outbid; /* when a version of a former run was outbid last; 0: never */
	uint64_t warned; /* when a version ahead of the clock was logged last; 0: never */
	uint64_t full;   /* the same of one for which there was no room */
	struct shoal_unheld unheld;
};

struct shoal_core;
struct shoal_record;
struct shoal_teller;

/* SHOAL_INPUT_META: this member's metadata from now on. */
int shoal_meta_set(struct shoal_core *core, struct shoal_span body);

void shoal_meta_on_message(struct shoal_core *core, const struct shoal_msg_meta *message,
        const struct shoal_teller *teller);

/* Whether {version, hash} is newer than what is held. */
bool shoal_meta_is_newer(const struct shoal_record *record, uint64_t version, uint64_t hash);

/* What the digest covers of it: 0 where there is none, and of the dead and left. */
uint64_t shoal_meta_sum(const struct shoal_core *core, uint32_t slot);

/* Now and then: what found no room, and may have some now, is no longer in the digest, so that
 * walks bring it. */
void shoal_meta_retry(struct shoal_core *core);

/* Appends the metadata of a member; a long body only where it is told whole. Nothing is to be told
 * of one without any, and of the dead and left. false: it does not fit. */
bool shoal_meta_write(
        struct shoal_core *core, uint32_t slot, bool whole, struct shoal_writer *writer);

#endif
