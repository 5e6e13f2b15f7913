/* SPDX-License-Identifier: MIT */
/* shoal/profile.h - the numbers of the protocol: intervals, multipliers, limits; and the three sets
 * of them. */
#ifndef SHOAL_PROFILE_H
#define SHOAL_PROFILE_H

#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_profile_kind {
	SHOAL_PROFILE_LAN = 0,   /* one data centre: a crash is known in seconds */
	SHOAL_PROFILE_WAN = 1,   /* several sites: slower, patient with loss and latency */
	SHOAL_PROFILE_LOCAL = 2, /* one machine, development and tests */
};

/* X(field, minimum, maximum, lan, wan, local, text): every field is a uint32_t. One row is the
 * field, its bounds, its defaults, its name for shoal_config_set and its line in the documents. */
#define SHOAL_PROFILE_TABLE(X)                                                                     \
	X(probe_interval_ms, 10, 600000, 1000, 5000, 250, "one member is probed each interval")    \
	X(probe_timeout_ms, 1, 599999, 500, 3000, 100,                                             \
	        "a direct ping unanswered for so long asks relays; below the interval")            \
	X(relays, 0, 16, 3, 3, 3, "members asked to ping when a direct ping is unanswered")        \
	X(suspicion_mult, 1, 100, 4, 6, 3,                                                         \
	        "shortest suspicion: this times max(1, log10 n) intervals (Lifeguard alpha)")      \
	X(suspicion_max_mult, 1, 100, 6, 6, 6,                                                     \
	        "longest suspicion: this times the shortest (Lifeguard beta)")                     \
	X(health_max, 0, 16, 8, 8, 8, "upper end of the local health score (Lifeguard S)")         \
	X(gossip_interval_ms, 10, 60000, 200, 500, 100, "periodic gossip while there is news")     \
	X(gossip_fanout, 1, 16, 3, 4, 3, "members told in one burst or tick")                      \
	X(burst_step_ms, 1, 1000, 3, 20, 2, "pause between the bursts of news")                    \
	X(burst_credit, 1, 100000, 192, 48, 384,                                                   \
	        "packets of gossip that bursts may send as fast as they can")                      \
	X(burst_rate, 1, 100000, 25, 10, 400,                                                      \
	        "packets a second by which that credit is renewed; a full one costs nothing")      \
	X(gossip_rate, 1024, 1000000000, 256000, 64000, 1000000, "gossip bytes a second")          \
	X(gossip_burst, 1024, 1000000000, 64000, 32000, 256000, "gossip bytes at once")            \
	X(sync_interval_ms, 100, 86400000, 30000, 60000, 15000,                                    \
	        "table exchange with a random member (anti-entropy)")                              \
	X(digest_interval_ms, 100, 86400000, 5000, 10000, 1000,                                    \
	        "pause before tables that were seen to differ are compared, and between two "      \
	        "comparisons")                                                                     \
	X(heal_interval_ms, 100, 86400000, 10000, 20000, 2000,                                     \
	        "a dead member or a seed is tried again")                                          \
	X(exchange_timeout_ms, 10, 600000, 10000, 30000, 3000,                                     \
	        "a request on a stream is given up")                                               \
	X(leave_timeout_ms, 10, 600000, 5000, 15000, 2000,                                         \
	        "a leave may take so long; it is told with the statement")                         \
	X(tombstone_ms, 1000, 604800000, 86400000, 86400000, 86400000,                             \
	        "dead and left members are remembered")                                            \
	X(hearsay_ms, 100, 86400000, 30000, 60000, 30000,                                          \
	        "an alive statement counts at once when its subject was heard within")             \
	X(datagram_max, 508, 65000, 1400, 1232, 1400, "bytes of a datagram; more goes by stream")  \
	X(stream_max, 65536, 1073741824, 16777216, 16777216, 16777216,                             \
	        "bytes of one message on a stream")                                                \
	X(members_max, 2, 1000000, 100000, 100000, 10000,                                          \
	        "members held, with tombstones and unconfirmed ones")                              \
	X(tombstones_max, 1, 1000000, 20000, 20000, 5000, "dead and left members held")            \
	X(unknown_max, 0, 65536, 1024, 1024, 1024, "unconfirmed members held")                     \
	X(sends_max, 16, 1000000, 8192, 8192, 8192, "packets queued for one turn of the host")     \
	X(exchanges_max, 1, 65536, 128, 128, 128, "requests in flight")                            \
	X(relayed_max, 0, 1024, 256, 256, 256, "pings forwarded for others at once")               \
	X(verify_rate, 1, 10000, 20, 20, 20, "told deaths and hearsay checked a second")           \
	X(adaptive_timeout, 0, 1, 1, 1, 1,                                                         \
	        "1: time-outs follow the round trips that were measured")                          \
	X(probe_floor_ms, 1, 600000, 100, 500, 20,                                                 \
	        "shortest time-out that a measurement leads to")                                   \
	X(nacks, 0, 1, 1, 1, 1, "1: relays say that they got no answer (Lifeguard LHA-Probe)")     \
	X(belief, 0, 1, 1, 1, 1,                                                                   \
	        "1: pings tell their addressee what is believed of it (Lifeguard)")                \
	X(verify_deaths, 0, 1, 1, 1, 1, "1: a told death is tried out before it counts")           \
	X(bursts, 0, 1, 1, 1, 1, "1: news goes out at once; 0: with the periodic gossip only")     \
	X(stream_pings, 0, 1, 1, 1, 1, "1: an unanswered ping is sent on a stream too")            \
	X(watchers, 0, 8, 3, 0, 3, "members that keep a watch link to each; 0: no death watch")    \
	X(link_idle_ms, 1000, 86400000, 120000, 120000, 120000,                                    \
	        "silence after which a watch link is tried")                                       \
	X(stall_ms, 0, 60000, 50, 50, 50,                                                          \
	        "lag of the own loop that moves deadlines, at least 5 % of the interval; 0: none") \
	X(datagram_rate, 1, 1000000000, 100000, 50000, 200000, "datagrams a second that are read") \
	X(datagram_burst, 1, 1000000000, 100000, 50000, 200000, "datagrams at once that are read") \
	X(member_rate, 1, 1000000000, 20000, 10000, 40000,                                         \
	        "datagrams a second of each member that are read whatever others send")            \
	X(member_burst, 1, 1000000000, 20000, 10000, 40000, "the same, at once")                   \
	X(partial, 0, 1, 1, 1, 1, "1: who refutes twice is not accused lightly any more")          \
	X(silence, 0, 1, 1, 1, 1, "1: who hears nobody at all accuses nobody")                     \
	X(message_max, 1, 536870912, 1048576, 1048576, 1048576, "bytes of one user message")       \
	X(queue_bytes, 1024, 1073741824, 4194304, 4194304, 4194304,                                \
	        "bytes of user messages queued for one member, each counted with 64 more")         \
	X(batch_max, 1024, 16777216, 131072, 131072, 131072,                                       \
	        "bytes of reliable messages in one request; one that is longer goes alone")        \
	X(inbox_bytes, 1024, 1073741824, 4194304, 4194304, 4194304,                                \
	        "bytes of user messages that wait for the application's callbacks, counted so")    \
	X(cast_rate, 1024, 1000000000, 1000000, 250000, 8000000, "bytes of broadcasts a second")   \
	X(cast_burst, 1024, 1000000000, 256000, 64000, 1000000, "bytes of broadcasts at once")     \
	X(cast_keep_ms, 1000, 600000, 300000, 300000, 300000,                                      \
	        "reliable broadcasts are kept for members that missed them")                       \
	X(casts_max, 1, 1000, 1000, 1000, 1000, "reliable broadcasts kept")                        \
	X(cast_bytes, 1024, 1073741824, 4194304, 4194304, 4194304,                                 \
	        "bytes of reliable broadcasts kept, each counted with 64 more")                    \
	X(meta_bytes, 65600, 1073741824, 67108864, 67108864, 67108864,                             \
	        "bytes of metadata of all other members held, each counted with 64 more")

/* Fields by which memory is laid out, or what others were told: fixed from the start of a core.
 * The others may change while it runs. */
#define SHOAL_PROFILE_FIXED_TABLE(X)                                                               \
	X(datagram_max)                                                                            \
	X(stream_max)                                                                              \
	X(members_max)                                                                             \
	X(sends_max)                                                                               \
	X(exchanges_max)                                                                           \
	X(exchange_timeout_ms)                                                                     \
	X(relayed_max)                                                                             \
	X(tombstone_ms)                                                                            \
	X(link_idle_ms)                                                                            \
	X(watchers)                                                                                \
	X(message_max)                                                                             \
	X(queue_bytes)                                                                             \
	X(batch_max)                                                                               \
	X(inbox_bytes)

/* Numbers that a profile has room for. A field that is appended takes the place of a spare one, so
 * that a profile is as long in every release, and what stands behind it in another struct stays
 * where it is. A program that was compiled before never sets it: who calls shoal_profile_init gets
 * its default. Spare ones are 0, which shoal_profile_check sees to. */
#define SHOAL_PROFILE_ROOM 128

struct shoal_profile {
#define SHOAL_X(field, min, max, lan, wan, local, text) uint32_t field;
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
#define SHOAL_X(field, min, max, lan, wan, local, text) +1
	uint32_t spare[SHOAL_PROFILE_ROOM - (0 SHOAL_PROFILE_TABLE(SHOAL_X))]; /* 0 */
#undef SHOAL_X
};

/* Fills in one of the three sets. SHOAL_ERR_INVALID: no such kind. */
SHOAL_API int shoal_profile_init(struct shoal_profile *profile, enum shoal_profile_kind kind);

/* "lan", "wan", "local". SHOAL_ERR_INVALID: no such name; *kind untouched. */
SHOAL_API int shoal_profile_parse(enum shoal_profile_kind *kind, const char *name);

/* Sets one field by its name to a decimal number. SHOAL_ERR_NOT_FOUND: no such field.
 * SHOAL_ERR_INVALID: no number, or out of the field's bounds. On an error *profile is untouched. */
SHOAL_API int shoal_profile_set(
        struct shoal_profile *profile, const char *field, const char *value);

/* Checks every field's bounds and the relations between fields. On SHOAL_ERR_INVALID why (len
 * bytes, cut to fit) names the field, its value and what is allowed. */
SHOAL_API int shoal_profile_check(const struct shoal_profile *profile, char *why, size_t len);

/* Whether a field of this name is fixed, see SHOAL_PROFILE_FIXED_TABLE. */
SHOAL_API bool shoal_profile_is_fixed(const char *field);

/* Longest time, in nanoseconds, from the crash of one of n members until every other holds it dead,
 * while the network delivers and nobody else fails: the formula of docs/protocol.md, "Bounds". */
SHOAL_API uint64_t shoal_profile_detection_bound(const struct shoal_profile *profile, size_t n);

#ifdef __cplusplus
}
#endif

#endif
