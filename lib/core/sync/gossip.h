/* SPDX-License-Identifier: MIT */
/* The news: statements and metadata on their way to everyone. One slot a member for each, so that
 * the queue is bounded by the members; newer news takes the place of the older. */
#ifndef SHOAL_CORE_GOSSIP_H
#define SHOAL_CORE_GOSSIP_H

#include <shoal/types.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/slab.h"
#include "base/table.h"
#include "base/writer.h"
#include "core/table/members.h"

/* In the order in which they go into a packet; broadcasts of the application follow (spread.h). */
enum shoal_news_class {
	SHOAL_NEWS_DEATH = 0, /* goes out whatever the credit of bursts */
	SHOAL_NEWS_SUSPICION,
	SHOAL_NEWS_ALIVE,
	SHOAL_NEWS_LEAVING, /* leaving, left */
	SHOAL_NEWS_META,    /* metadata: in a slot of its own */
	SHOAL_NEWS_CLASSES
};

/* A statement is sent at most ceil(ln n) + 10 times: below 32 for any n that fits 32 bits. */
#define SHOAL_NEWS_SENDS_MAX 33

/* 32 bytes, of which there are as many as members when all is news. */
struct shoal_news {
	struct shoal_list node;
	uint64_t since; /* when it became news */
	uint32_t slot;
	uint8_t rank, sends;
	bool known; /* all are thought to know the instance: its state alone is told */
};

struct shoal_gossip {
	struct shoal_slab entries;
	struct shoal_table
	        metas; /* a slot to its entry of class META, of which few members have one */
	uint64_t used[SHOAL_NEWS_CLASSES]; /* bit i: bucket i may hold something */
	uint32_t turn;  /* place in the order where the next burst goes on        */
	int64_t tokens; /* bytes that may be sent; below 0: sent ahead of the budget */
	uint64_t refilled;
	uint64_t
	        paid; /* until when packets are paid for; above now: by so much ahead of the rate */
	uint32_t passed; /* members in turn, since one was told something */
	uint64_t polled; /* when a member that hears news with its polls did so; 0: never */
	struct shoal_timer burst, tick;
	struct shoal_list bucket[SHOAL_NEWS_CLASSES][SHOAL_NEWS_SENDS_MAX];
};

void shoal_gossip_init(struct shoal_core *core);
void shoal_gossip_done(struct shoal_core *core);

/* The state of the member is news, from now on and from the beginning. One that is alive is told in
 * full: its instance, name or addresses may be news too. */
void shoal_gossip_add(struct shoal_core *core, uint32_t slot);
/* The same where only the incarnation of one that is alive has risen, as in a refutation: told in
 * the short form, unless something fuller about it is still on its way, or it has moved. */
void shoal_gossip_raise(struct shoal_core *core, uint32_t slot);
/* What is still to be told of one that is alive is told in full, as often as it would have been:
 * where it is was learnt after the statement. */
void shoal_gossip_fill_in(struct shoal_core *core, uint32_t slot);
/* Its metadata is news. */
void shoal_gossip_describe(struct shoal_core *core, uint32_t slot);
void shoal_gossip_forget(struct shoal_core *core, uint32_t slot);

/* How often a piece of news is sent at most. */
uint32_t shoal_gossip_sends(const struct shoal_core *core);

/* Appends news to a packet until the writer is full, without that about the addressee and about
 * `told` (SHOAL_NONE: nobody), which is in the packet already; each counts as sent. Returns how
 * many. */
size_t shoal_gossip_fill(
        struct shoal_core *core, uint32_t addressee, uint32_t told, struct shoal_writer *writer);

/* Appends the statement about a member, in full or in the short form. false: it does not fit. */
bool shoal_gossip_write(
        struct shoal_core *core, uint32_t slot, bool full, struct shoal_writer *writer);

/* The full statement about a member; counts nothing. false: it does not fit. */
bool shoal_gossip_write_full(
        const struct shoal_core *core, uint32_t slot, struct shoal_writer *writer);

/* Whether the byte budget has something left. */
bool shoal_gossip_affords(struct shoal_core *core);
/* Counts bytes of gossip against it. */
void shoal_gossip_spend(struct shoal_core *core, size_t bytes);

void shoal_gossip_on_burst(struct shoal_core *core);
void shoal_gossip_on_tick(struct shoal_core *core);

#endif
