/* SPDX-License-Identifier: MIT */
/* shoal/core.h - the IO-free node: the whole protocol without a socket, a clock or a thread.
 *
 * Received bytes, commands and the time go in by shoal_core_step; packets, events, log records and
 * the next deadline come out. Same inputs, same outputs, byte for byte, on any machine. The host
 *
 *     1. steps the core with one input;
 *     2. takes every send (shoal_core_next_send) and hands it to its
 *        transports, which send or copy at once;
 *     3. takes every event and log record, and only then runs the
 *        application's code;
 *     4. calls shoal_core_step with SHOAL_INPUT_TIMER at or after shoal_core_deadline.
 *
 * Threads: a core is used by one thread at a time; distinct cores are independent. A child of fork
 * may not go on with one that seals: it would seal under the counters of its parent. */
#ifndef SHOAL_CORE_H
#define SHOAL_CORE_H

#include <shoal/codec.h>
#include <shoal/error.h>
#include <shoal/keyring.h>
#include <shoal/log.h>
#include <shoal/metrics.h>
#include <shoal/profile.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_core;

/* What members say of themselves, shared by several cores of one process: each distinct name,
 * address and instance is held once, however many cores know it. For worlds of many cores (see
 * sim.h); a single core needs none. */
struct shoal_pool;

/* Start with shoal_core_config_init, set what has no default, pass to shoal_core_new, which copies
 * everything. */
struct shoal_core_config {
	size_t size;            /* set by shoal_core_config_init */
	uint64_t seed;          /* drives every random choice; any value */
	struct shoal_salt salt; /* REQUIRED, not zero: secret random bytes, new at every start */
	uint64_t mono_ns;       /* now, on the scale of every later input */
	uint64_t wall_ns;       /* now, nanoseconds since 1970: the epoch of the incarnation */
	struct shoal_id id;     /* all zero: from the name, or without a name a new UUIDv7 */
	const char *name;       /* UTF-8; NULL or "": the text of the id */
	const char *label;      /* NULL or "": none. Members of another label are not understood */
	struct shoal_addr addr[SHOAL_ADDRS_MAX]; /* advertised; at least one, the best first */
	size_t addrs;
	const char *url; /* what the address that is made from a URL stands for (one at most, see
	                  * shoal_addr_from_url); NULL: there is none */
	uint32_t app_version; /* the application's own number, told to everyone */
	struct shoal_profile profile;
	enum shoal_log_level log_level;          /* records above are not made */
	const struct shoal_allocator *allocator; /* NULL: malloc and free */
	struct shoal_pool *pool;                 /* NULL: none; outlives the core */
	uint64_t epoch_least; /* seconds since 1970: where wall_ns is earlier, the epoch is this;
	                         one above that of the last run, where the host remembers it */
	const struct shoal_cipher_ops *cipher; /* NULL: packets are not sealed. Not copied */
	const struct shoal_key *key;           /* with cipher: key_count keys, the first in use */
	size_t key_count;                      /* with cipher: 1 to SHOAL_KEYS_MAX */
	uint32_t accept_clear; /* with cipher. 0: what is not sealed is dropped; 1: it counts; 2:
	                        * and this member seals nothing yet */
	bool sealed_sizes;     /* without cipher: fills packets as if they were sealed, as a replay
	                        * of a core that seals must */
	const struct shoal_compressor_ops *compressor; /* for packets on streams; NULL: none. Not
	                                                * copied */
	uint32_t compress_min; /* bytes of a packet from which on that is tried. Default 1024 */
	const struct shoal_codec_ops *codec; /* of the cluster's packets; NULL: binary. One of one's
	                                      * own has a number of SHOAL_CODEC_APPLICATION or
	                                      * above. Not copied */
	bool asks_accept; /* no instance of another member counts before the host has been asked,
	                   * by SHOAL_EVENT_APPLICANT, and has said yes, by SHOAL_INPUT_ACCEPT */
	bool unwatched;   /* refuses watchers, whose connections may end at something in between, as
	                   * where the advertised address is not bound here; it watches others */
};

enum shoal_input_kind {
	SHOAL_INPUT_TIMER = 1, /* the deadline has come, or any other moment */
	SHOAL_INPUT_DATAGRAM,  /* data came from `from` in one datagram, at received_ns */
	SHOAL_INPUT_STREAM,    /* data came from `from` on a stream, and no reply is expected */
	SHOAL_INPUT_REQUEST,   /* the same; `exchange` is the host's number for the reply */
	SHOAL_INPUT_RESULT,    /* of our request `exchange`: code 0 and the reply, or an error */
	SHOAL_INPUT_REFUSED,   /* the host of `from` refused a datagram (ICMP): a hint, no proof */
	SHOAL_INPUT_JOIN,      /* command: join through `from`; ends in a JOINED event */
	SHOAL_INPUT_LEAVE,     /* command: leave; ends in an ENDED event */
	SHOAL_INPUT_RESTORE,   /* data is what shoal_core_save gave, age_ns ago; before any other */
	SHOAL_INPUT_TOO_LARGE, /* a datagram to `from` did not fit the path; size: nothing above
	                          it does, 0: not known */
	SHOAL_INPUT_WATCHED,   /* a peer opened a watch link with data; `exchange` is the host's
	                          number of the link, for REPLY, TELL and DROP */
	SHOAL_INPUT_UNWATCHED, /* that link, `exchange`, has ended */
	SHOAL_INPUT_CLOSED, /* our watch link `exchange` has ended: code CLOSED: by the other end;
	                       TIMEOUT: it fell silent; another error */
	SHOAL_INPUT_META,   /* command: data is this member's metadata and tags from now on, see
	                       shoal_document_is_valid */
	SHOAL_INPUT_TUNE,   /* command: data is what shoal_core_tuning gave: other numbers from now
	                       on. SHOAL_ERR_INVALID: not valid, or a fixed one differs */
	SHOAL_INPUT_FORGET, /* command: the dead or left member whose id is data shall be forgotten
	                       here and by all who hear of it. SHOAL_ERR_NOT_FOUND: nobody of that
	                       id is known; SHOAL_ERR_STATE: it lives */
	SHOAL_INPUT_ALLOW,  /* command: data is an array of at most SHOAL_ALLOW_MAX struct
	                       shoal_cidr: from now on only packets from these ranges and members
	                       with addresses in them are taken; none: all. SHOAL_ERR_INVALID */
	SHOAL_INPUT_SEND,   /* command: data is a message of `type` to the member `id`; flags; where
	                       RELIABLE is one of them and `exchange` is not 0, SENT tells its end
	                       under this number */
	SHOAL_INPUT_ROOM,   /* command: the host takes messages of `size` bytes in all from now on,
	                       each counted with SHOAL_MESSAGE_COST more. Without it, and of
	                       SIZE_MAX bytes: any */
	SHOAL_INPUT_BROADCAST, /* command: data is a message of `type` to all members, or where
	                       `tag` is given to those that carry it; flags; where `exchange` is
	                       not 0, SENT tells under this number that it was told as often as it
	                       is, or with CLOSED that this member left first */
	SHOAL_INPUT_KEYS, /* command: the member whose id is data is told what shoal_core_key_order
	                    said; it ends with SHOAL_EVENT_KEYS. SHOAL_ERR_NOT_FOUND: no such
	                    member, or this one; SHOAL_ERR_UNREACHABLE: it cannot be dialled;
	                    SHOAL_ERR_UNSUPPORTED: nothing is sealed here; SHOAL_ERR_LIMIT */
	SHOAL_INPUT_ADDRESS, /* command: data is an array of 1 to SHOAL_ADDRS_MAX struct shoal_addr,
	                       the addresses of this member from now on, the best first.
	                       SHOAL_ERR_INVALID: none, or one that nobody can send to, or that
	                       is made from another URL than the config's;
	                       SHOAL_ERR_STATE while leaving; SHOAL_ERR_NOMEM */
	SHOAL_INPUT_ACCEPT,  /* the host has decided about the applicant with the number `exchange`.
	                         code 0: it is taken in; REJECTED: it is not, and data is why, a text
	                         of at most SHOAL_ACCEPT_REASON_MAX bytes, or none.
	                        SHOAL_ERR_INVALID;  SHOAL_ERR_NOT_FOUND: it does not wait (any more)
	                      */
	SHOAL_INPUT_MIGRATE  /* command: data is what shoal_core_migration gave: what is taken
	                        besides from now on. SHOAL_ERR_INVALID: not valid, or there are no
	                        keys, or there is no label */
};

/* Bytes of the reason of a refusal. */
#define SHOAL_ACCEPT_REASON_MAX 100

/* What shoal_core_open found. */
enum shoal_opened {
	SHOAL_OPENED_NOT = 0, /* it was not asked */
	SHOAL_OPENED_CLEAR,   /* the packet came clear */
	SHOAL_OPENED_SEALED   /* it came sealed */
};

/* One struct for all that comes in: this is also what a recorder keeps. Fields that a kind does not
 * name are 0. */
struct shoal_input {
	enum shoal_input_kind kind;
	uint64_t mono_ns;     /* never smaller than in the call before: SHOAL_ERR_INVALID */
	uint64_t wall_ns;     /* for event times and epochs */
	uint64_t received_ns; /* DATAGRAM: when the kernel had it, on the mono scale; 0: mono_ns */
	struct shoal_addr from;
	uint64_t exchange;
	int code;
	/* LEAVE: at most so long; 0, or above the profile's: the profile's. BROADCAST: nobody is
	 * told when it is so old or older, counted up to whole milliseconds; 0: no limit */
	uint64_t timeout_ns;
	uint64_t age_ns; /* RESTORE */
	/* TOO_LARGE; opened: bytes of the packet as it came. BROADCAST: steps from member to member
	 * that it goes at most, up to SHOAL_HOPS_MAX; 0: that many */
	size_t size;
	const uint8_t *data; /* borrowed for the call */
	size_t len;
	enum shoal_opened
	        opened;       /* of a packet, by shoal_core_open; code: it could not be opened */
	uint64_t sender;      /* opened, sealed: the first half of its sender's salt */
	uint64_t counter;     /* the same: its counter, to which an answer is bound; not recorded */
	struct shoal_id id;   /* SEND */
	uint16_t type, flags; /* SEND, BROADCAST */
	const uint8_t *tag;   /* BROADCAST: borrowed for the call */
	size_t tag_len;       /* 0: to all; at most SHOAL_TAG_MAX */
};

/* Types of messages: below this the protocol's; to 127 the library's services'; from 128 on the
 * application's. */
#define SHOAL_TYPE_SERVICE     64
#define SHOAL_TYPE_APPLICATION 128

/* What a message in a queue counts besides its bytes. */
#define SHOAL_MESSAGE_COST 64

enum shoal_message_flag {
	SHOAL_RELIABLE = 1, /* again and again until the member has it, in order, exactly once while
	                      both instances live. A broadcast: kept by all for
	                      profile.cast_keep_ms, so that who was cut off gets it later */
	SHOAL_NO_FORWARD = 2, /* a broadcast that nobody passes on: it comes to those that its
	                         origin tells itself, a few more than ln n; not with RELIABLE */
	SHOAL_BROADCAST = 4   /* of a message that came: it was sent to more than one */
};

/* Bytes. A core that seals never sends a longer message as the first on a stream: a short one goes
 * to the same address before it, so that a host may refuse what is longer on a connection on which
 * it has taken nothing, as the core does where it does not know the sender. */
#define SHOAL_FIRST_MAX 65536

enum shoal_send_kind {
	SHOAL_SEND_DATAGRAM = 1, /* one datagram; loss is no error */
	SHOAL_SEND_STREAM,       /* too large for a datagram: one-way message on a stream */
	SHOAL_SEND_REQUEST, /* message on a stream; answer with SHOAL_INPUT_RESULT, always once */
	SHOAL_SEND_REPLY,   /* the answer to the host's request, or watch link, number `exchange` */
	SHOAL_SEND_WATCH,   /* opens a watch link: a connection of its own, with data as its first
	                       message. RESULT, once: code 0 and the reply, and it stays until CLOSED
	                       comes, once; or an error */
	SHOAL_SEND_UNWATCH, /* ends our link `exchange`; nothing more comes of it */
	SHOAL_SEND_TELL,    /* a one-way message to the watcher on its link `exchange` */
	SHOAL_SEND_DROP     /* ends the watcher's link `exchange`; nothing more comes of it */
};

struct shoal_send {
	enum shoal_send_kind kind;
	struct shoal_addr to;
	const char
	        *url; /* what `to` stands for, where it is made from a URL and that is known here:
	               * as data. Else NULL, and the host knows it from who sent something */
	uint64_t exchange;
	uint64_t timeout_ns; /* REQUEST, WATCH: the host gives up after this */
	bool fresh; /* REQUEST: on a connection that is made now: a refusal proves something */
	const uint8_t *data; /* owned by the core, valid until the next call on it */
	size_t len;
};

enum shoal_cause_kind {
	SHOAL_CAUSE_NONE = 0,
	SHOAL_CAUSE_JOIN,        /* it joined through this member, or this member through it */
	SHOAL_CAUSE_GOSSIP,      /* a statement from `from` */
	SHOAL_CAUSE_SYNC,        /* the table of `from` */
	SHOAL_CAUSE_CONFIRMED,   /* known by hearsay, it answered */
	SHOAL_CAUSE_UNANSWERED,  /* this member's probe: direct, relays and stream unanswered */
	SHOAL_CAUSE_SUSPICION,   /* suspected, and not refuted in time */
	SHOAL_CAUSE_VERIFIED,    /* told dead by `from`, and it did not answer here either */
	SHOAL_CAUSE_REFUTED,     /* it contradicted with a higher incarnation */
	SHOAL_CAUSE_RESTARTED,   /* another instance under the same id */
	SHOAL_CAUSE_LEAVE,       /* it said so */
	SHOAL_CAUSE_UNCONFIRMED, /* it was leaving and did not say left in time */
	SHOAL_CAUSE_EXPIRED,     /* remembered long enough */
	SHOAL_CAUSE_RESTORED,    /* known from the memory of a former run of this member */
	SHOAL_CAUSE_REPLACED,    /* another member answers at its address */
	SHOAL_CAUSE_CONFLICT,    /* two instances live under its id */
	SHOAL_CAUSE_REFUSED, /* its host refuses connections to the accusers: the process is gone */
	SHOAL_CAUSE_FORGOTTEN,  /* an operator let it be forgotten, here or at another member */
	SHOAL_CAUSE_NOT_ALLOWED /* its address is outside of the ranges that are allowed here */
};

#define SHOAL_DETAIL_TEXT (SHOAL_URL_MAX + 160) /* the longest URL, and what is said of it */

/* Why something changed: who said so, by which path, what was measured at that moment. */
struct shoal_cause {
	enum shoal_cause_kind kind;
	struct shoal_id from; /* the member that told; zero: this one */
	size_t accusers;      /* how many of the next two are filled in */
	struct shoal_id accuser[SHOAL_ACCUSERS_MAX];
	char accuser_name[SHOAL_ACCUSERS_MAX][32]; /* cut to 31 bytes; "" where unknown */
	uint64_t after_ns; /* FAILED: time as suspect; ALIVE: time that the refutation took */
	char detail[SHOAL_DETAIL_TEXT]; /* English, may be empty: what no other field says */
};

enum shoal_event_kind {
	SHOAL_EVENT_JOIN = 1 << 0,    /* a member is new here */
	SHOAL_EVENT_UPDATE = 1 << 1,  /* metadata, tags, address, name, version or instance changed,
	                                 or whether it can be dialled */
	SHOAL_EVENT_SUSPECT = 1 << 2, /* it may have failed */
	SHOAL_EVENT_ALIVE = 1 << 3,   /* it was suspect, dead or left, and is not */
	SHOAL_EVENT_FAILED = 1 << 4,  /* it is dead */
	SHOAL_EVENT_LEAVING = 1 << 5, /* it is about to leave */
	SHOAL_EVENT_LEFT = 1 << 6,    /* it left */
	SHOAL_EVENT_REAP = 1 << 7,    /* a dead or left member is forgotten */
	SHOAL_EVENT_CONFLICT =
	        1 << 8, /* two instances live under its id; of this member: see ENDED */
	SHOAL_EVENT_OVERFLOW = 1 << 9, /* events were lost or coalesced; look at the list again */
	SHOAL_EVENT_ALL = (1 << 10) - 1,

	SHOAL_EVENT_CURRENT = 1 << 15, /* no event, and not in ALL: see shoal_on_member */

	/* From the core to its host only. */
	SHOAL_EVENT_JOINED = 1 << 16, /* a JOIN command ended: code, addr, answered, cause.detail */
	SHOAL_EVENT_ENDED = 1 << 17,  /* this member has left: code 0, or TIMEOUT; or another
	                                 instance goes on in its place: ID_CONFLICT */
	SHOAL_EVENT_MEASURED = 1 << 18, /* rtt_ns of the member in slot */
	SHOAL_EVENT_HEALTH = 1 << 19,   /* the local health score changed: code */
	SHOAL_EVENT_MESSAGE = 1 << 20,  /* id, in slot, sent a message: type, flags, stamp, data */
	SHOAL_EVENT_SENT = 1 << 21, /* the end of the reliable message number `exchange` to id. code
	                               0: it was taken; UNREACHABLE: the member was gone before it
	                               was sent; CLOSED: it was sent, and nobody said that it was
	                               taken before the member was gone; TOO_BIG: the member takes
	                               none of this length */
	SHOAL_EVENT_WRITABLE = 1 << 22, /* a queue to id that was full (SHOAL_ERR_AGAIN) has room;
	                                  id all zero: that of broadcasts */
	SHOAL_EVENT_KEYS = 1 << 23, /* id, code, and shoal_core_key_said: what a member answered to
	                              KEYS. Of this member: another one has told it something
	                              about keys, and its keys may have changed */
	SHOAL_EVENT_APPLICANT = 1 << 24 /* whether this instance is to be taken in: number
	                                   `exchange`, for ACCEPT within 30 s; id, name, addr,
	                                   incarnation, cause.from: who told of it; the rest by
	                                   shoal_core_applicant */
};

/* One change. Events of one member chain: `was` is the `state` of the event before. */
struct shoal_event {
	enum shoal_event_kind kind;
	uint32_t slot; /* the member's number in shoal_core_member */
	enum shoal_state was, state;
	struct shoal_id id;
	char name[SHOAL_NAME_MAX + 1];
	struct shoal_addr addr;
	uint64_t incarnation;
	uint64_t mono_ns, wall_ns;
	uint64_t rtt_ns;
	int code;
	struct shoal_cause cause;
	uint64_t lag_ns;   /* how late this member's own loop was in its last stall, where that was
	                      within ten probe intervals before; 0: there was none */
	unsigned changed;  /* UPDATE: what, enum shoal_change; others but JOIN: what else did */
	uint64_t exchange; /* SENT, APPLICANT */
	uint16_t type, flags; /* MESSAGE; flags: how it was sent */
	uint8_t hops;         /* MESSAGE: members that passed it on */
	uint64_t stamp;       /* MESSAGE: the sender's hybrid logical clock when it was sent: 48
	                         bits of milliseconds since 1970, 16 of a counter */
	const uint8_t *data;  /* MESSAGE: owned by the core, valid until the next call on it */
	size_t len;
	bool answered; /* JOINED: the code is the seed's, in an answer that opened; otherwise
	                * anybody who is at its address may have brought it about */
};

/* What was found out about the way to a member, besides its state. */
enum shoal_diagnosis {
	SHOAL_DIAGNOSIS_NONE = 0,
	SHOAL_DIAGNOSIS_PARTIAL,        /* not reachable from here, and it refuted */
	SHOAL_DIAGNOSIS_SHARED_ADDRESS, /* another member answers at its address, and it refuted */
	SHOAL_DIAGNOSIS_INBOUND_ONLY    /* only connections that it opens get through, by its own
	                                   word: that it has watch links and nobody has one to it */
};

/* How others reach this member at what it advertises, as far as what comes in and what they say
 * tells it. */
enum shoal_access {
	SHOAL_ACCESS_GOOD = 0,
	SHOAL_ACCESS_NO_DATAGRAMS = 1, /* they get no answer to datagrams */
	SHOAL_ACCESS_NO_STREAMS = 2,   /* they cannot connect */
	SHOAL_ACCESS_NONE = 3          /* neither */
};

/* What the core holds of one member; borrowed until the next call on the core. */
struct shoal_core_member {
	struct shoal_id id;
	struct shoal_salt salt;
	const char *name;
	struct shoal_addr addr[SHOAL_ADDRS_MAX];
	size_t addrs;
	const char *url; /* what that of the addresses stands for that is made from a URL, or "" */
	enum shoal_state state;
	uint64_t incarnation;
	uint64_t since_ns; /* mono time at which it became suspect, dead, leaving or left; else 0 */
	uint64_t heard_ns; /* mono time at which it was last heard, here or as told, cut to whole
	                    * milliseconds; 0: never */
	uint64_t rtt_ns;   /* smoothed, 0: never measured */
	uint32_t app_version;
	uint8_t protocol_min, protocol_max;
	bool self;
	bool forgotten; /* dead, left: by an operator; only what is told of it is judged by it */
	enum shoal_diagnosis diagnosis;
	uint64_t meta_version; /* a stamp of its hybrid clock; 0: it never said any */
	uint64_t meta_hash;    /* which of two under one version, see docs/protocol.md */
	const uint8_t *meta;   /* its metadata and tags, see document.h */
	size_t meta_len;
};

/* Makes an empty pool. Cores with one pool, and the calls on it, belong to one thread.
 * SHOAL_ERR_NOMEM; *pool is written on success only. allocator is copied, NULL: malloc and free. */
SHOAL_API SHOAL_MUST_USE int shoal_pool_new(
        struct shoal_pool **pool, const struct shoal_allocator *allocator);

/* After every core that was made with it was freed. NULL is allowed. */
SHOAL_API void shoal_pool_free(struct shoal_pool *pool);

/* Bytes that the pool holds, by its own count. They are in no core's shoal_core_memory. */
SHOAL_API size_t shoal_pool_memory(const struct shoal_pool *pool);

/* Defaults with the LAN profile. The macro passes the size that the program was compiled with. */
SHOAL_API void shoal_core_config_init_sized(struct shoal_core_config *config, size_t size);
#define shoal_core_config_init(config) shoal_core_config_init_sized((config), sizeof(*(config)))

/* Makes a node that knows itself only. SHOAL_ERR_INVALID: a field is wrong, why (len bytes, may be
 * NULL with len 0) names it. SHOAL_ERR_NOMEM. *core is written on success only; free it with
 * shoal_core_free. */
SHOAL_API SHOAL_MUST_USE int shoal_core_new(
        struct shoal_core **core, const struct shoal_core_config *config, char *why, size_t len);

/* NULL is allowed. Peers are not told: leave first. */
SHOAL_API void shoal_core_free(struct shoal_core *core);

/* Feeds one input. Never blocks, never calls back but through the allocator. Every consequence is
 * queued.
 *
 * SHOAL_ERR_INVALID: time went backwards, or the kind is none; nothing changed.
 * SHOAL_ERR_STATE:   the command does not fit (JOIN or LEAVE while leaving), or this member has
 * left: the ENDED event was queued; nothing changed. SHOAL_ERR_LIMIT:   JOIN: too many requests in
 * flight; DATAGRAM: its sender's budget is used up, counted; nothing changed. RESTORE:
 * SHOAL_ERR_STATE where others are known already. JOIN: SHOAL_ERR_PERMISSION: that address is
 * not allowed. META: SHOAL_ERR_STATE while leaving;
 * SHOAL_ERR_NOMEM; SHOAL_ERR_TOO_BIG: above SHOAL_META_MAX, or what profile.stream_max allows;
 * SHOAL_ERR_MALFORMED: no document. SEND: SHOAL_ERR_NOT_FOUND: no such member;
 * SHOAL_ERR_STATE: it is gone, or this one leaves; SHOAL_ERR_TOO_BIG: above profile.message_max, or
 * what profile.stream_max allows; SHOAL_ERR_AGAIN: the queue to it is full, WRITABLE follows;
 * SHOAL_ERR_NOMEM: no memory, or sends have to be taken first: nobody tells when that is better;
 * SHOAL_ERR_INVALID: to this member itself, or a type or flag that is none. BROADCAST: the same but
 * NOT_FOUND; AGAIN too where a reliable one would push out one that somebody may still miss.
 * MALFORMED, CHECKSUM, VERSION, LABEL, TOO_BIG, KEY, AUTH, REPLAYED, MISDIRECTED, CLEAR,
 * UNSUPPORTED: the packet was dropped and counted; nothing changed. Out of memory never ends a
 * core: what could not be kept is dropped and counted. */
SHOAL_API int shoal_core_step(struct shoal_core *core, const struct shoal_input *input);

/* Bytes of a tuning: the log level, and every field of the profile. */
#define SHOAL_TUNING_BYTES (1 + sizeof(struct shoal_profile))

/* Fills in what SHOAL_INPUT_TUNE takes, and returns its length; 0: len is too small for it. It
 * counts from the step on: intervals begin anew, time-outs that run end as they would have. */
SHOAL_API size_t shoal_core_tuning(
        const struct shoal_profile *profile, enum shoal_log_level level, uint8_t *data, size_t len);

/* Bytes of a migration. */
#define SHOAL_MIGRATION_BYTES 10

/* Fills in what SHOAL_INPUT_MIGRATE takes, and returns its length; 0: len is too small for it. */
SHOAL_API size_t shoal_core_migration(
        const struct shoal_migration *migration, uint8_t *data, size_t len);

/* What is taken besides at the time of the last input, and how long still. */
SHOAL_API void shoal_core_migrating(
        const struct shoal_core *core, struct shoal_migration *migration);

/* Opens a packet as shoal_core_step would: *opened is the input in a form that needs no key, to be
 * recorded and then given to shoal_core_step in the place of the other one. Other inputs, and those
 * of a core that neither seals nor compresses, are as they were. Data of *opened is valid until the
 * next call on the core. Returns what shoal_core_step will say of a packet that cannot be opened;
 * that is to be given to it all the same. Remembers only that a sealed packet was there. */
SHOAL_API int shoal_core_open(
        struct shoal_core *core, const struct shoal_input *input, struct shoal_input *opened);

/* Keys of a core that was made with a cipher, while it runs; no input, and in no record.
 * SHOAL_ERR_UNSUPPORTED: it was made without. */

/* Opens with it from now on; one that is held already stays. *print (may be NULL) names it.
 * SHOAL_ERR_INVALID: not of 16, 24 or 32 bytes; SHOAL_ERR_STATE: another key has the same id, so
 * make a new one; SHOAL_ERR_LIMIT: SHOAL_KEYS_MAX are held; SHOAL_ERR_NOMEM. */
SHOAL_API SHOAL_MUST_USE int shoal_core_key_install(
        struct shoal_core *core, const struct shoal_key *key, uint64_t *print);

/* Seals with it from now on. SHOAL_ERR_NOT_FOUND; SHOAL_ERR_NOMEM: unchanged. */
SHOAL_API SHOAL_MUST_USE int shoal_core_key_use(struct shoal_core *core, uint64_t print);

/* Wipes it. SHOAL_ERR_NOT_FOUND; SHOAL_ERR_STATE: it is in use. */
SHOAL_API SHOAL_MUST_USE int shoal_core_key_remove(struct shoal_core *core, uint64_t print);

/* What the next SHOAL_INPUT_KEYS tell; key: INSTALL, print: USE and REMOVE. Stays until the next
 * order; LIST wipes it. SHOAL_ERR_UNSUPPORTED; SHOAL_ERR_INVALID: no key of 16, 24 or 32 bytes. */
SHOAL_API int shoal_core_key_order(struct shoal_core *core, enum shoal_key_action action,
        const struct shoal_key *key, uint64_t print);

/* The i-th key that the member of the latest SHOAL_EVENT_KEYS holds, before the next step. false:
 * there are fewer. */
SHOAL_API bool shoal_core_key_said(
        const struct shoal_core *core, size_t i, struct shoal_key_info *info);

/* The i-th key. false: there are fewer. */
SHOAL_API bool shoal_core_key(const struct shoal_core *core, size_t i, struct shoal_key_info *info);

/* Writes what this member knows of the cluster, itself and the dead included, for
 * SHOAL_INPUT_RESTORE of a later run. *data belongs to the core and is valid until the next call on
 * it. What does not fit profile.stream_max is left out, tombstones first. O(members). The core is
 * otherwise unchanged; it may have ended. SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_core_save(struct shoal_core *core, const uint8_t **data, size_t *len);

/* Takes the next packet to send. false: none is left. The packet is filled at this moment with the
 * gossip most worth sending to its addressee, so take them all before the next input. */
SHOAL_API bool shoal_core_next_send(struct shoal_core *core, struct shoal_send *send);

/* Makes of the DATAGRAM that was taken last the STREAM message that says the same, for a host whose
 * transport takes no datagram of its length: where packets are sealed, the one is no other with
 * another way to travel. Its data is valid until the next call on the core. SHOAL_ERR_INVALID: it
 * is none, or not the last one; SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_core_as_stream(struct shoal_core *core, struct shoal_send *send);

/* Takes the next event. false: none is left. */
SHOAL_API bool shoal_core_next_event(struct shoal_core *core, struct shoal_event *event);

/* Right behind a MESSAGE that the host could not take: it, and those behind it, are told again
 * after the next step. */
SHOAL_API void shoal_core_keep_message(struct shoal_core *core);

/* Takes the next log record. false: none is left. */
SHOAL_API bool shoal_core_next_log(struct shoal_core *core, struct shoal_log_record *record);

/* When the core wants SHOAL_INPUT_TIMER. Later than the time of the last input, once a TIMER input
 * was given at that time; SHOAL_NEVER: only when something comes in. */
SHOAL_API uint64_t shoal_core_deadline(const struct shoal_core *core);

/* Members live in slots 0 to shoal_core_slots - 1; slot 0 is this member. false: an empty slot. */
SHOAL_API uint32_t shoal_core_slots(const struct shoal_core *core);
SHOAL_API bool shoal_core_member(
        const struct shoal_core *core, uint32_t slot, struct shoal_core_member *member);

/* The host's number of the link by which the member in slot is reached, where it cannot be dialled;
 * 0: there is none. *waits (may be NULL): bytes of messages that are not reliable and wait in the
 * core, for such a link above all. */
SHOAL_API uint64_t shoal_core_link(const struct shoal_core *core, uint32_t slot, uint64_t *waits);

/* What is known of an applicant that waits: what it says of itself, without metadata and tags,
 * which are not asked for before it is a member. Borrowed until the next call on the core. false:
 * it does not wait (any more). */
SHOAL_API bool shoal_core_applicant(
        struct shoal_core *core, uint64_t number, struct shoal_core_member *member);

/* The slot of an id. SHOAL_ERR_NOT_FOUND. */
SHOAL_API int shoal_core_find(
        const struct shoal_core *core, const struct shoal_id *id, uint32_t *slot);

/* Members in a state, this one included; O(1). */
SHOAL_API size_t shoal_core_count(const struct shoal_core *core, enum shoal_state state);

/* 0 (good) to profile.health_max: how much this member distrusts its own failure detection
 * (Lifeguard). */
SHOAL_API unsigned shoal_core_health(const struct shoal_core *core);

/* Anti-entropy: nanoseconds for which this member has known of another one that holds other
 * statements than it does, at the time of the last input; 0: of none. It rises while news is under
 * way; where it goes on rising, members hear of each other and cannot settle what differs. */
SHOAL_API uint64_t shoal_core_convergence_lag(const struct shoal_core *core);

/* How others reach this member. *peers (may be NULL): how many of them said that they do not, or
 * tried and did not; at least. */
SHOAL_API enum shoal_access shoal_core_access(const struct shoal_core *core, unsigned *peers);

/* Bytes of the metadata of all other members that are held, each counted with 64 more: what
 * profile.meta_bytes bounds. */
SHOAL_API uint64_t shoal_core_meta_held(const struct shoal_core *core);

/* What was counted since shoal_core_new; lives as long as the core. */
SHOAL_API const struct shoal_counters *shoal_core_counters(const struct shoal_core *core);

/* What was measured since shoal_core_new; lives as long as the core. */
SHOAL_API const struct shoal_histograms *shoal_core_histograms(const struct shoal_core *core);

/* A number over everything that the core holds; two cores with the same inputs have the same.
 * O(members). */
SHOAL_API uint64_t shoal_core_hash(const struct shoal_core *core);

/* Bytes that the core holds in all, by its own count. */
SHOAL_API size_t shoal_core_memory(const struct shoal_core *core);

/* "join", "update", "suspect", "alive", "failed", "leaving", "left", "reap", "conflict",
 * "overflow"; others for the core's own kinds; "invalid" for a number that is none. Static, never
 * NULL. */
SHOAL_API const char *shoal_event_name(enum shoal_event_kind kind);

/* "none", "partial", "shared address", "inbound only"; "invalid". Static, never NULL. */
SHOAL_API const char *shoal_diagnosis_name(enum shoal_diagnosis diagnosis);
/* "reached", "no datagrams", "no streams", "not reached"; "invalid". Static, never NULL. */
SHOAL_API const char *shoal_access_name(enum shoal_access reach);

/* "gossip", "suspicion" ...: the bare name of a cause. Static, never NULL. */
SHOAL_API const char *shoal_cause_name(enum shoal_cause_kind kind);

/* Writes a cause as an English phrase ("suspected by web-2, web-3 and not refuted for 4.1 s"), cut
 * to fit len. Returns text. */
SHOAL_API const char *shoal_cause_print(const struct shoal_cause *cause, char *text, size_t len);

#ifdef __cplusplus
}
#endif

#endif
