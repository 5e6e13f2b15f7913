/* SPDX-License-Identifier: MIT */
/* shoal/record.h - what went into a core, kept so that the core can be run again, bit for bit.
 *
 * A recorder turns the config of a core and its inputs into bytes; a replay reads them, and makes
 * and feeds a core of its own. Now and then the recorder adds shoal_core_hash as a checkpoint: a
 * replay whose core has the same hash is the same run. Neither does I/O: the host says where the
 * bytes go and brings them back.
 *
 * A record is made of parts. Every part opens with the config and can be read by itself; only part
 * 0, followed by all that was recorded since, can be replayed: a core cannot be started in the
 * middle of its life. A host that keeps the newest bytes only begins a new part now and then, and
 * what is left when part 0 is gone is a listing of inputs.
 *
 *     entry:  | kind 1 | length 4 | body | CRC32C 4 |     the CRC goes on from that of the entry
 *                                                         before it in its part, so that none can
 *                                                         be lost, moved or doubled unseen
 *
 * A record holds the core's seed and its salt, every packet with names, addresses and metadata,
 * and nothing of other processes. It holds no key: of a core that seals, packets are recorded as
 * shoal_core_open opened them, and can be read by whoever can read the record. With `redact`,
 * bodies of messages of kind 64 and above (those of services and of the application, into which no
 * core looks) are zeros of the same length. A record is replayed by the release that made it.
 *
 * Threads: an object is used by one thread at a time. */
#ifndef SHOAL_RECORD_H
#define SHOAL_RECORD_H

#include <shoal/core.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of the largest entry: one message on a stream at its upper bound, and what stands around
 * it. */
#define SHOAL_RECORD_ENTRY_MAX (UINT32_C(1) << 30 | UINT32_C(1) << 16)

struct shoal_recorder;

struct shoal_recorder_config {
	size_t size;            /* set by shoal_recorder_config_init */
	bool redact;            /* bodies of messages of kind 64 and above become zeros */
	uint64_t checkpoint_ns; /* between checkpoints, each O(members); SHOAL_NEVER: none.
	                         * Default 10 s */
	const struct shoal_allocator *allocator; /* NULL: malloc and free */
};

/* Defaults. The macro passes the size that the program was compiled with. */
SHOAL_API void shoal_recorder_config_init_sized(struct shoal_recorder_config *config, size_t size);
#define shoal_recorder_config_init(config)                                                         \
	shoal_recorder_config_init_sized((config), sizeof(*(config)))

/* A recorder for a core that is made from the same config. Copies everything. SHOAL_ERR_INVALID: a
 * size is not set, a text or the number of addresses is too large; SHOAL_ERR_NOMEM. *recorder is
 * written on success only; free it with shoal_recorder_free. */
SHOAL_API SHOAL_MUST_USE int shoal_recorder_new(struct shoal_recorder **recorder,
        const struct shoal_core_config *core, const struct shoal_recorder_config *config);

/* NULL is allowed. */
SHOAL_API void shoal_recorder_free(struct shoal_recorder *recorder);

/* The next three write into *data and *len what is to be kept, borrowed until the next call on the
 * recorder. SHOAL_ERR_NOMEM, SHOAL_ERR_TOO_BIG: nothing; the record cannot go on after it. */

/* Opens a part: at the start, and again wherever what follows shall be readable without what went
 * before. */
SHOAL_API SHOAL_MUST_USE int shoal_recorder_begin(
        struct shoal_recorder *recorder, const uint8_t **data, size_t *len);

/* One input, before the core is stepped with it and after all that the core gave out before was
 * taken; with a checkpoint in front of it where one is due. */
SHOAL_API SHOAL_MUST_USE int shoal_recorder_input(struct shoal_recorder *recorder,
        const struct shoal_core *core, const struct shoal_input *input, const uint8_t **data,
        size_t *len);

/* The end, with a last checkpoint: the record is whole. */
SHOAL_API SHOAL_MUST_USE int shoal_recorder_end(struct shoal_recorder *recorder,
        const struct shoal_core *core, const uint8_t **data, size_t *len);

/* Parts begun so far. */
SHOAL_API uint64_t shoal_recorder_parts(const struct shoal_recorder *recorder);

struct shoal_replay;

enum shoal_replay_kind {
	SHOAL_REPLAY_BEGIN = 1,  /* of a part: config, part */
	SHOAL_REPLAY_INPUT,      /* input */
	SHOAL_REPLAY_CHECKPOINT, /* hash */
	SHOAL_REPLAY_END         /* hash; the record was ended in order */
};

/* One entry of a record. Fields that a kind does not name are 0. */
struct shoal_replay_entry {
	enum shoal_replay_kind kind;
	uint64_t offset;           /* of its first byte */
	uint64_t inputs;           /* recorded before it, since the core began */
	uint64_t mono_ns, wall_ns; /* of the last input, this one included */
	uint64_t part;
	bool redacted;                   /* BEGIN */
	char version[32];                /* BEGIN: the release that recorded it */
	struct shoal_core_config config; /* BEGIN; texts live as long as the replay, no allocator */
	struct shoal_input input;        /* data borrowed from the record */
	uint64_t hash;
	uint64_t is_hash; /* shoal_replay_step: what the core has now; equal to hash or not */
};

/* Reads a record of len bytes, which are borrowed. SHOAL_ERR_NOMEM. */
SHOAL_API SHOAL_MUST_USE int shoal_replay_new(struct shoal_replay **replay, const uint8_t *data,
        size_t len, const struct shoal_allocator *allocator);

/* A codec that the core of a record may have spoken, before the first entry is read: a core of
 * another codec than binary is made with the one of its number only. At most SHOAL_CODECS_MAX; not
 * copied. SHOAL_ERR_INVALID: made for another version of codec.h; SHOAL_ERR_LIMIT. */
SHOAL_API SHOAL_MUST_USE int shoal_replay_codec(
        struct shoal_replay *replay, const struct shoal_codec_ops *codec);

/* Frees the core too. NULL is allowed. */
SHOAL_API void shoal_replay_free(struct shoal_replay *replay);

/* The next entry. false: there is none, and shoal_replay_status says why. */
SHOAL_API bool shoal_replay_next(struct shoal_replay *replay, struct shoal_replay_entry *entry);

/* The same, and carries it out: part 0 makes a core, an input steps it, and all that it wants to
 * send is taken and dropped. Its events and log records are left for the caller, who takes them
 * before the next call. Entries without a core to go into are only read. */
SHOAL_API bool shoal_replay_step(struct shoal_replay *replay, struct shoal_replay_entry *entry);

/* Why there is no further entry, once shoal_replay_next said so. 0: the record is whole.
 * SHOAL_ERR_CLOSED: it stops without an end: the process was killed, or still records; all that is
 * there was read. SHOAL_ERR_AGAIN: the same, in the middle of an entry. SHOAL_ERR_MALFORMED,
 * _CHECKSUM: damaged. SHOAL_ERR_VERSION: another release's. SHOAL_ERR_CODEC: it spoke a codec that
 * was not given. SHOAL_ERR_INVALID, _NOMEM: its core cannot be made. *offset (may be NULL): where
 * the last whole entry ends. */
SHOAL_API int shoal_replay_status(const struct shoal_replay *replay, uint64_t *offset);

/* The core of shoal_replay_step, owned by the replay; NULL: part 0 was not read, or an earlier one
 * is missing. */
SHOAL_API struct shoal_core *shoal_replay_core(const struct shoal_replay *replay);

/* "timer", "datagram", "stream" ...; "invalid" for a number that is none. Static, never NULL. */
SHOAL_API const char *shoal_input_name(enum shoal_input_kind kind);

#ifdef __cplusplus
}
#endif

#endif
