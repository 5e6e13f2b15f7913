/* SPDX-License-Identifier: MIT */
/* Members that can dial and cannot be dialled, behind a firewall. Such a member says so in its
 * statement, and is reached by the watch links that it opens itself, as the watcher: to those that
 * follow it in the ring, its anchors. Who those are all compute alike. */
#ifndef SHOAL_CORE_INBOUND_H
#define SHOAL_CORE_INBOUND_H

#include <shoal/types.h>

#include "base/heap.h"

/* Most members that keep a link to each: the limit of profile.watchers. */
#define SHOAL_ANCHORS_MAX 8

struct shoal_inbound {
	struct shoal_timer timer;
	uint64_t alone; /* nobody has had a link to this member since; 0: somebody has one */
	uint64_t next;  /* not asked for a connection before */
	bool dialled;   /* somebody has dialled this member since it started */
	uint8_t asked;  /* times in a row that others were asked to */
	uint32_t peers; /* how many at once, at most */
};

struct shoal_core;
struct shoal_probe;
struct shoal_record;

void shoal_inbound_init(struct shoal_core *core);

/* A link of this member to another is up, so others should have theirs to it; or time has passed.
 */
void shoal_inbound_doubt(struct shoal_core *core);
/* A member has dialled this one; has a link to it; and nobody has one any more. */
void shoal_inbound_dialled(struct shoal_core *core);
void shoal_inbound_watched(struct shoal_core *core);
void shoal_inbound_alone(struct shoal_core *core);

/* Asks others to connect to this member, which says that it cannot be dialled where they were asked
 * in vain three times; when to call it again, 0: soon. And: where it has no links, somebody got in.
 */
uint64_t shoal_inbound_ask(struct shoal_core *core);
void shoal_inbound_reached(struct shoal_core *core);

/* Whether a member may be reached by a link that it opened, and perhaps in no other way: it says
 * so, or has never answered a direct ping of this member. */
bool shoal_inbound_maybe(const struct shoal_record *record);

/* Whether what comes from there in its name may be taken for its own: it was sealed, for on the way
 * its address may have been translated; or it came from a host that it advertises. */
bool shoal_inbound_is_from(const struct shoal_core *core, const struct shoal_record *record,
        const struct shoal_addr *from);

/* The link, opened by the instance that is held, from its host. 0: there is none. */
uint64_t shoal_inbound_link(const struct shoal_core *core, uint32_t slot);

/* Pings a member by its link too, where that is perhaps the only way. */
void shoal_inbound_ping(struct shoal_core *core, uint32_t slot, uint64_t seq);

/* Whether it is one of those that all look for in the ring for the links of another member, going
 * past the others: it can be dialled, at a socket. A URL is a way to more than one process, and
 * bears no links. */
bool shoal_inbound_holds_links(const struct shoal_record *record);

/* Those others to whom a member has its links, or whom it polls, that are alive and can be sent to;
 * how many. */
uint32_t shoal_inbound_anchors(
        struct shoal_core *core, uint32_t slot, uint32_t anchors[SHOAL_ANCHORS_MAX]);

/* Whom to ask to ping a member: its anchors, where they may be the only ones who can, then any; at
 * most n, alive and on distinct addresses. */
uint32_t shoal_inbound_relays(struct shoal_core *core, uint32_t slot, uint32_t n, uint32_t *relays);

/* Whether one of those by whom a member is reached was asked in a probe of it, where it cannot be
 * dialled. */
bool shoal_inbound_asked(struct shoal_core *core, const struct shoal_probe *probe);

/* Whether a failed probe of it proves nothing: neither can be dialled, or it is not known yet
 * whether they can, and there are others to judge it. */
bool shoal_inbound_excuses(struct shoal_core *core, uint32_t slot);

#endif
