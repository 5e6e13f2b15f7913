/* SPDX-License-Identifier: MIT */
/* The member table. A record lives in a slab slot, is found by id in O(1), and while it counts
 * (alive or suspect) stands in `order`, a permutation that gives both the shuffled probe order and
 * random choice in O(1). What is needed only of those that are not plainly alive is a `hold`, of
 * which most members have none. */
#ifndef SHOAL_CORE_MEMBERS_H
#define SHOAL_CORE_MEMBERS_H

#include <shoal/core.h>

#include "base/heap.h"
#include "base/slab.h"
#include "base/table.h"
#include "core/table/info.h"
#include "core/table/statement.h"
#include "wire/message.h"

#define SHOAL_NONE UINT32_MAX
#define SHOAL_SELF 0u

/* Accusers that a suspicion counts; a statement and an event show SHOAL_ACCUSERS_MAX of them. */
#define SHOAL_DOUBTERS_MAX 8

enum shoal_record_flag {
	SHOAL_RECORD_REMIND = 1,   /* its view of this member is old: the next packet tells it   */
	SHOAL_RECORD_CHECKING = 2, /* a check of it is queued or open */
	SHOAL_RECORD_SILENT =
	        4, /* a tombstone that came from elsewhere: no event ever told of it */
	SHOAL_RECORD_ANSWERED = 8, /* it answered this member while a check of it is open */
	SHOAL_RECORD_FLAGS = 15
};

/* 48 bytes, of which there are many. */
struct shoal_record {
	struct shoal_info *info;
	uint64_t incarnation;
	uint32_t place;              /* in order, SHOAL_NONE: not there */
	uint32_t news;               /* its entry in the gossip queue, SHOAL_NONE: none */
	uint32_t hold;               /* SHOAL_NONE: none */
	uint32_t heard_ms;           /* see shoal_members_heard */
	uint32_t srtt_us, rttvar_us; /* 0: not measured (RFC 6298) */
	uint32_t sampled_ms;         /* when it was measured last, cut to 32 bits, see rtt.c */
	uint8_t state;
	uint8_t flags;   /* the low half; the high one is of path.h */
	uint8_t samples; /* close enough together to count, see rtt.c */
	uint8_t both;    /* which of its addresses is used, what it reported, and more: see below */
};

#define SHOAL_RECORD_ADDR     3u   /* in both: which of its addresses is used, see where.c */
#define SHOAL_RECORD_REPORTED 4u   /* in both: one of the unconfirmed members that it told of */
#define SHOAL_RECORD_INBOUND  128u /* in both: it cannot be dialled, by its own word */

/* suspect: until it is dead; leaving: until it counts as left; dead and left: until it is
 * forgotten; unknown: until the hearsay is forgotten. */
struct shoal_hold {
	struct shoal_timer timer;
	struct shoal_timer fade; /* dead, left: told no more from then on */
	uint64_t since;          /* of the state */
	uint64_t begun;
	uint64_t told_end;    /* leaving: of the time-out that it gave */
	uint64_t told_self;   /* dead, left: when it was told so last, on a ping of its own */
	uint64_t refused_at;  /* dead by a verdict: its host refuses connections since; 0: not */
	uint64_t least, most; /* suspicion: bounds of its length */
	uint64_t moved;       /* suspicion: by stalls of this member */
	uint64_t missed;      /* suspicion: when the first ping that it missed was sent */
	uint8_t wanted;  /* suspicion: further accusers that bring it to `least` (Lifeguard k)  */
	uint8_t rearmed; /* suspicion: how often an accuser made it news again */
	bool checked;    /* unknown, left: it was probed, at `begun` */
	bool restored;   /* unknown: from the memory of a former run */
	bool replaced;   /* suspicion: another member answered at its address */
	bool forgotten;  /* dead, left: by an operator, here or elsewhere: told of to nobody */
	bool unasked;    /* dead, left: nobody was asked about this instance, see accept.c */
	uint8_t untold;  /* what changed that no event told yet: enum shoal_change */
	uint8_t doubters;
	uint32_t weight; /* suspicion: of the accusers that count, in Q8 */
	struct shoal_id doubter[SHOAL_DOUBTERS_MAX];
	struct shoal_id from; /* who told first; unknown: the reporter */
};

/* The short form of a salt. */
static inline uint64_t
shoal_salt_short(const struct shoal_salt *salt)
{
	const uint8_t *at = salt->bytes;

	return (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 |
	       (uint64_t)at[3] << 32 | (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 |
	       (uint64_t)at[6] << 8 | at[7];
}

struct shoal_members {
	struct shoal_slab records, holds;
	struct shoal_table by_id;
	uint32_t sender; /* a guess at whom shoal_members_find is asked for: the packet's sender */
	uint32_t *order;
	uint32_t ordered, order_capacity, cursor;
	struct shoal_heap graves; /* holds of dead and left members, the oldest first */
	uint32_t count[SHOAL_STATES];
	uint64_t meta_bytes; /* metadata of others, each with SHOAL_META_COST more */
	uint64_t meta_gone;  /* of these, of the dead and left */
	struct shoal_info_source infos;
};

struct shoal_core;

int shoal_members_init(struct shoal_core *core);
void shoal_members_done(struct shoal_core *core);

struct shoal_record *shoal_members_at(const struct shoal_core *core, uint32_t slot);
/* SHOAL_NONE: not known. */
uint32_t shoal_members_find(const struct shoal_core *core, const struct shoal_id *id);
/* Where it is reached from here. */
static inline struct shoal_addr
shoal_members_addr(const struct shoal_record *record)
{
	return shoal_info_addr(record->info, record->both & SHOAL_RECORD_ADDR);
}

/* Whether it is reached from here at this address. */
static inline bool
shoal_members_is_at(const struct shoal_record *record, const struct shoal_addr *addr)
{
	struct shoal_addr own = shoal_members_addr(record);
	return shoal_addr_equal(&own, addr);
}

/* Whether it is one of those that it advertises. */
bool shoal_members_has_addr(const struct shoal_record *record, const struct shoal_addr *addr);
/* The same, whatever the port. */
bool shoal_members_has_host(const struct shoal_record *record, const struct shoal_addr *addr);

/* Whether what came from there in a datagram in its name may be its own word: it was sealed, for
 * the address may have been translated on the way; it came from an address that it advertises; or
 * from such a host, where it cannot be dialled or keeps a link to this member, for then its ports
 * alone may have been. */
bool shoal_members_may_be(
        const struct shoal_core *core, uint32_t slot, const struct shoal_addr *from);
/* Where what a member says can be answered. What it says on a connection comes from no port that
 * it listens on, and where no datagrams pass all of it comes so. */
struct shoal_addr shoal_members_source(
        const struct shoal_core *core, uint32_t slot, const struct shoal_input *input);

/* Whether it is reached by links that it opened itself, and in no other way. */
static inline bool
shoal_members_inbound(const struct shoal_record *record)
{
	return (record->both & SHOAL_RECORD_INBOUND) != 0;
}

static inline void
shoal_members_set_inbound(struct shoal_record *record, bool inbound)
{
	record->both = (uint8_t)((record->both & ~SHOAL_RECORD_INBOUND) |
	                         (inbound ? SHOAL_RECORD_INBOUND : 0));
}

/* What a statement about it says beside its state: enum shoal_mark. */
uint8_t shoal_members_marks(const struct shoal_core *core, const struct shoal_record *record);

/* Unconfirmed members that it told of. */
static inline unsigned
shoal_members_reported(const struct shoal_record *record)
{
	return (record->both & ~SHOAL_RECORD_INBOUND) / SHOAL_RECORD_REPORTED;
}

static inline const char *
shoal_members_name(const struct shoal_record *record)
{
	return shoal_info_name(record->info);
}

/* The short form of its salt. */
static inline uint64_t
shoal_members_salt(const struct shoal_record *record)
{
	return shoal_salt_short(&record->info->salt);
}

struct shoal_hold *shoal_members_hold(
        const struct shoal_core *core, const struct shoal_record *record);

/* When there was a direct exchange with it last, ours or as told, to the millisecond; 0: never. */
uint64_t shoal_members_heard(const struct shoal_core *core, const struct shoal_record *record);
/* It was heard at a time that may have passed: the latest counts. */
void shoal_members_hear(const struct shoal_core *core, struct shoal_record *record, uint64_t time);

/* Nanoseconds for which it has been in its state; 0 where it is alive, or only heard of. */
uint64_t shoal_members_age(const struct shoal_core *core, const struct shoal_record *record);

/* What is held of it, in the order of statements. */
struct shoal_claim shoal_members_claim(const struct shoal_record *record);

/* Whether it takes part: alive or suspect, and not this member. */
bool shoal_members_counts(const struct shoal_record *record);
/* Members that take part, this one included. */
uint32_t shoal_members_n(const struct shoal_core *core);

/* A new record in state unknown, from what a member says of itself. SHOAL_ERR_LIMIT, _NOMEM:
 * nothing changed. */
int shoal_members_add(
        struct shoal_core *core, const struct shoal_msg_member *member, uint32_t *slot);

/* Takes over what a newer statement says: instance, incarnation, name, of another instance the
 * addresses. *changed: what is new of what an application sees, enum shoal_change. SHOAL_ERR_NOMEM:
 * nothing changed. */
int shoal_members_update(struct shoal_core *core, uint32_t slot,
        const struct shoal_msg_member *member, unsigned *changed);

/* The same instance is at other addresses, which it took under the incarnation moved. What was
 * measured of the way to it is forgotten. SHOAL_ERR_NOMEM: nothing changed. */
int shoal_members_readdress(struct shoal_core *core, uint32_t slot,
        const struct shoal_addr_list *addrs, struct shoal_span url, uint64_t moved);
/* Which of the addresses of members are used follows from those of this one. O(members). */
void shoal_members_prefer(struct shoal_core *core, const struct shoal_addr *addr, size_t n);
/* Where links are opened to it: at the socket that is used, or the first one that is of use. */
struct shoal_addr shoal_members_socket(
        const struct shoal_core *core, const struct shoal_record *record);
/* The one of them that would be used: the first of a family, or by HTTP, that this member has an
 * address of. */
const struct shoal_addr *shoal_members_used(
        const struct shoal_core *core, const struct shoal_addr_list *addrs);

/* Of those that a member advertises the first that is of use; that is used from now on. */
uint8_t shoal_members_first(const struct shoal_core *core, const struct shoal_info *info);
void shoal_members_choose(struct shoal_core *core, struct shoal_record *record);
/* Those that are of use beside the one that is used, in the order in which they are tried. How
 * many. */
unsigned shoal_members_others(const struct shoal_core *core, const struct shoal_record *record,
        struct shoal_addr other[SHOAL_ADDRS_MAX]);
/* This one of its addresses is used from now on. */
void shoal_members_turn_to(struct shoal_core *core, uint32_t slot, const struct shoal_addr *addr);
/* Forgets what was measured of the way to it. */
void shoal_members_forget_way(struct shoal_core *core, struct shoal_record *record);

/* Takes over newer metadata. SHOAL_ERR_NOMEM: nothing changed. */
int shoal_members_describe(struct shoal_core *core, uint32_t slot, const struct shoal_meta *meta);
/* Forgets it, as if the member had never said any. The same. */
int shoal_members_undescribe(struct shoal_core *core, uint32_t slot);

/* What metadata counts in meta_bytes besides its bytes. */
#define SHOAL_META_COST 64
/* What that of a member counts; 0: it has none. */
uint64_t shoal_members_meta_cost(const struct shoal_record *record);

/* What changed of one that is not plainly alive goes with the next event of its state. */
void shoal_members_owe(struct shoal_core *core, uint32_t slot, unsigned changed);

/* The only writer of a record's state: keeps order, holds, graves, counts and gossip in step, and
 * queues the event where `kind` is not 0. Deadlines of the new state are set with
 * shoal_members_hold_until. */
void shoal_members_move(struct shoal_core *core, uint32_t slot, enum shoal_state state,
        enum shoal_event_kind kind, const struct shoal_cause *cause);

/* A hold for the record, kept if it has one. NULL: no memory. */
struct shoal_hold *shoal_members_hold_take(struct shoal_core *core, uint32_t slot);
void shoal_members_hold_until(struct shoal_core *core, uint32_t slot, uint64_t at);

/* Forgets a record. */
void shoal_members_remove(struct shoal_core *core, uint32_t slot);

size_t shoal_members_memory(const struct shoal_core *core);

#endif
