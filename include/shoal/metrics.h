/* SPDX-License-Identifier: MIT */
/* shoal/metrics.h - named counters and histograms. All only grow while the object lives. Every
 * packet, request or statement that is not used has a counter that says why. */
#ifndef SHOAL_METRICS_H
#define SHOAL_METRICS_H

#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(NAME, label, text). The label is the name in lower case; the order is ABI: append only. */
#define SHOAL_COUNTER_TABLE(X)                                                                     \
	X(DATAGRAMS_IN, datagrams_in, "datagrams received")                                        \
	X(DATAGRAMS_OUT, datagrams_out, "datagrams handed to the transport")                       \
	X(BYTES_IN, bytes_in, "bytes received, datagrams and streams")                             \
	X(BYTES_OUT, bytes_out, "bytes handed to the transport, datagrams and streams")            \
	X(STREAMS_IN, streams_in, "requests and one-way messages received on streams")             \
	X(STREAMS_OUT, streams_out, "requests, replies and one-way messages handed to streams")    \
	X(DROP_MALFORMED, drop_malformed, "packets dropped: bytes do not follow the format")       \
	X(DROP_CHECKSUM, drop_checksum, "packets dropped: checksum does not match")                \
	X(DROP_VERSION, drop_version,                                                              \
	        "packets dropped: of a version, or with flags, unknown here")                      \
	X(DROP_LABEL, drop_label, "packets dropped: another cluster's label")                      \
	X(DROP_SEALED, drop_sealed, "packets dropped: sealed, and not with a key that is here")    \
	X(DROP_TOO_BIG, drop_too_big, "packets dropped: above the size limit")                     \
	X(DROP_UNKNOWN_KIND, drop_unknown_kind, "messages skipped: kind not known here")           \
	X(DROP_MISDIRECTED, drop_misdirected,                                                      \
	        "pings, acks and answers dropped: of or for another member or instance")           \
	X(DROP_STRANGER, drop_stranger, "messages dropped: the sender is no current member")       \
	X(DROP_LATE, drop_late, "acks and results dropped: nothing waits for them any more")       \
	X(DROP_FORGED, drop_forged, "acks dropped: right number, wrong instance or address")       \
	X(DROP_RELAY_FULL, drop_relay_full,                                                        \
	        "relay requests answered without a record: the table is full")                     \
	X(DROP_MEMBERS_FULL, drop_members_full,                                                    \
	        "statements dropped: the limit of members is reached")                             \
	X(DROP_UNKNOWN_FULL, drop_unknown_full,                                                    \
	        "statements dropped: the limit of unconfirmed members is reached")                 \
	X(DROP_VERIFY_FULL, drop_verify_full,                                                      \
	        "death statements dropped: too many to verify at once")                            \
	X(DROP_TOMBSTONE_OLD, drop_tombstone_old,                                                  \
	        "statements dropped: older than the oldest tombstone kept")                        \
	X(DROP_STALE, drop_stale, "statements dropped: what is held here is newer")                \
	X(DROP_SENDS_FULL, drop_sends_full, "packets not sent: the queue of sends is full")        \
	X(DROP_EXCHANGES_FULL, drop_exchanges_full, "requests not sent: too many in flight")       \
	X(DROP_EVENTS_FULL, drop_events_full, "events dropped: the host did not fetch them")       \
	X(DROP_LOGS_FULL, drop_logs_full, "log records dropped: the host did not fetch them")      \
	X(DROP_NOMEM, drop_nomem, "statements dropped: out of memory")                             \
	X(PROBES, probes, "probes begun")                                                          \
	X(PROBES_ACKED, probes_acked, "probes answered, by any path")                              \
	X(PROBES_FAILED, probes_failed, "probes unanswered by every path")                         \
	X(PINGS_OUT, pings_out, "pings sent")                                                      \
	X(PINGS_IN, pings_in, "pings received for this member")                                    \
	X(ACKS_IN, acks_in, "acks received that something waited for")                             \
	X(NACKS_IN, nacks_in, "nacks received")                                                    \
	X(NACKS_OUT, nacks_out, "nacks sent")                                                      \
	X(RELAYS_ASKED, relays_asked, "relays asked to ping")                                      \
	X(RELAYS_SERVED, relays_served, "pings sent for others")                                   \
	X(STREAM_PINGS, stream_pings, "pings sent on a stream after a datagram went unanswered")   \
	X(STREAM_ACKS, stream_acks, "probes answered on a stream only")                            \
	X(SUSPICIONS, suspicions, "suspicions begun or learned")                                   \
	X(REFUTATIONS, refutations, "suspicions of others that were refuted")                      \
	X(SELF_REFUTATIONS, self_refutations, "statements about this member that it refuted")      \
	X(FAILURES, failures, "members found dead")                                                \
	X(VERIFICATIONS, verifications, "deaths told by others that were checked here first")      \
	X(VERIFIED_ALIVE, verified_alive, "deaths told by others and found untrue")                \
	X(HEARSAY_PROBES, hearsay_probes,                                                          \
	        "members known by hearsay only that were probed before they count")                \
	X(STATEMENTS_IN, statements_in, "statements about members received")                       \
	X(STATEMENTS_OUT, statements_out, "statements about members handed out")                   \
	X(GOSSIP_DEFERRED, gossip_deferred, "gossip packets held back by the byte budget")         \
	X(SYNCS, syncs, "table exchanges begun")                                                   \
	X(SYNCS_DONE, syncs_done, "table exchanges completed")                                     \
	X(JOINS_SERVED, joins_served, "join requests accepted")                                    \
	X(JOINS_REFUSED, joins_refused, "join requests refused")                                   \
	X(HEALS, heals, "dead members tried again")                                                \
	X(REFUSALS, refusals, "datagrams or connections refused by a peer's host")                 \
	X(KERNEL_DROPS, kernel_drops, "datagrams lost in the socket buffer (SO_RXQ_OVFL)")         \
	X(SEND_ERRORS, send_errors, "datagrams that the kernel did not take")                      \
	X(CONNECTIONS_IN, connections_in, "stream connections accepted")                           \
	X(CONNECTIONS_OUT, connections_out, "stream connections opened")                           \
	X(CONNECTIONS_REFUSED, connections_refused, "stream connections closed at once: too many") \
	X(CONNECTIONS_ABUSED, connections_abused,                                                  \
	        "stream connections closed: malformed, too slow or too large")                     \
	X(EVENTS_OVERFLOW, events_overflow,                                                        \
	        "member events coalesced because callbacks fell behind")                           \
	X(LOOP_TURNS, loop_turns, "turns of the event loop")                                       \
	X(DROP_EXCESS, drop_excess,                                                                \
	        "messages dropped: a second request in a packet, or too many instances to ask")    \
	X(DROP_ENDED, drop_ended, "inputs dropped: this member has left")                          \
	X(STALLS, stalls, "stalls of this member's own loop")                                      \
	X(CONFLICTS, conflicts, "times that two live instances of one id were found")              \
	X(GONES_IN, gones_in, "pings answered by another member at the address")                   \
	X(GONES_OUT, gones_out, "pings for another member at this address answered so")            \
	X(DROP_WALK, drop_walk,                                                                    \
	        "digest messages dropped: not asked for, or beyond what one packet may cost")      \
	X(DROP_ADDRESS_TRIED, drop_address_tried,                                                  \
	        "hearsay not probed: its address was, less than ten seconds ago")                  \
	X(PATHS_LOWERED, paths_lowered, "smaller datagrams to a member: the path took no larger")  \
	X(PATHS_RAISED, paths_raised, "larger datagrams to a member again")                        \
	X(DROP_BUDGET, drop_budget,                                                                \
	        "datagrams dropped unread: their sender has used up its budget")                   \
	X(PARTIALS_OUT, partials_out, "members told that they cannot be reached from here")        \
	X(PARTIALS_IN, partials_in, "members that told that they cannot reach this one")           \
	X(WATCH_DIALS, watch_dials, "watch links tried to open")                                   \
	X(WATCH_LINKS_UP, watch_links_up, "watch links that came up")                              \
	X(WATCH_LINKS_DOWN, watch_links_down, "watch links that came up and were ended for it")    \
	X(WATCH_CHECKS, watch_checks, "members checked because their watch link ended")            \
	X(WATCH_ANSWERED, watch_answered, "such members that answered somebody")                   \
	X(WATCH_VERDICTS, watch_verdicts, "such members found dead at once: refused")              \
	X(CHECKS_SERVED, checks_served, "members checked because another member asked")            \
	X(DROP_INQUESTS_FULL, drop_inquests_full, "checks of members not made: too many at once")  \
	X(HINTS, hints, "probes brought forward by a refused datagram or a silent watch link")     \
	X(SILENCES, silences, "times that nobody at all was heard, and nobody accused")            \
	X(INBOUND_ONLY, inbound_only, "times this member found that nobody can dial it")           \
	X(LINK_PINGS, link_pings, "pings down the watch links of members that cannot be dialled")  \
	X(METAS_IN, metas_in, "metadata of members told to this one")                              \
	X(METAS_OUT, metas_out, "metadata of members handed out")                                  \
	X(META_UPDATES, meta_updates, "metadata of other members taken over")                      \
	X(META_AHEAD, meta_ahead, "metadata taken over more than a minute ahead of the clock")     \
	X(PULLS, pulls, "members asked for metadata that is too long for gossip")                  \
	X(PULLS_SERVED, pulls_served, "requests for metadata answered with it")                    \
	X(PULLS_FAILED, pulls_failed, "metadata given up: nobody who told of it gave it")          \
	X(DROP_META, drop_meta, "metadata dropped: no document, or not what was told")             \
	X(DROP_META_AHEAD, drop_meta_ahead,                                                        \
	        "metadata dropped: its version is above what any clock says")                      \
	X(DROP_NOT_ALLOWED, drop_not_allowed,                                                      \
	        "packets and statements dropped: of or for an address that is not allowed here")   \
	X(DROP_AUTH, drop_auth, "packets dropped: sealed with another key, or changed on the way") \
	X(DROP_REPLAYED, drop_replayed, "packets dropped: sealed, and opened before")              \
	X(DROP_CLEAR, drop_clear, "packets dropped: not sealed, though keys are held here")        \
	X(DROP_REDIRECTED, drop_redirected,                                                        \
	        "packets dropped: sealed for another member or instance")                          \
	X(DROP_COMPRESSED, drop_compressed, "packets dropped: compressed, and no compressor here") \
	X(COMPRESSED, compressed, "packets on streams that were compressed")                       \
	X(BYTES_SAVED, bytes_saved, "bytes that compression saved")                                \
	X(MESSAGES_IN, messages_in, "user messages taken")                                         \
	X(MESSAGES_OUT, messages_out, "user messages handed out; reliable ones each time again")   \
	X(MESSAGES_TAKEN, messages_taken, "reliable user messages that their member has taken")    \
	X(MESSAGES_ENDED, messages_ended,                                                          \
	        "reliable user messages given up: their member was gone first")                    \
	X(BATCHES_FAILED, batches_failed, "requests with reliable messages that moved nothing")    \
	X(DROP_AGAIN, drop_again, "user messages dropped: taken before")                           \
	X(DROP_PASSED, drop_passed, "user messages dropped: too many later ones came first")       \
	X(DROP_NO_ROOM, drop_no_room,                                                              \
	        "user messages not taken: the host has no room; reliable ones come again")         \
	X(DROP_UNSENT, drop_unsent, "best-effort messages dropped: no room or memory to send")     \
	X(DROP_STREAMS, drop_streams,                                                              \
	        "packets dropped: no room for one on a stream, or its connection ended first")     \
	X(STAMPS_AHEAD, stamps_ahead, "user messages with a stamp a minute ahead of the clock")    \
	X(DROP_UNHANDLED, drop_unhandled, "user messages dropped: no handler for their type")      \
	X(CASTS_SENT, casts_sent, "broadcasts of this member")                                     \
	X(CASTS_IN, casts_in, "broadcasts of others heard, each once")                             \
	X(CASTS_OUT, casts_out, "broadcasts handed out, each time again")                          \
	X(CASTS_AGAIN, casts_again, "copies of broadcasts that were heard before")                 \
	X(CASTS_REPAIRED, casts_repaired, "reliable broadcasts that were missed and fetched")      \
	X(CASTS_EVICTED, casts_evicted,                                                            \
	        "reliable broadcasts given up before their time: too many are kept")               \
	X(CASTS_DEFERRED, casts_deferred, "bursts of broadcasts put off: their budget is used up") \
	X(DROP_CASTS_FULL, drop_casts_full,                                                        \
	        "broadcasts of others not passed on: the queue is full")                           \
	X(DROP_CAST_OLD, drop_cast_old, "broadcasts dropped: older than any is kept")              \
	X(FETCHES, fetches, "requests for reliable broadcasts that were missed")                   \
	X(FETCHES_SERVED, fetches_served, "requests for broadcasts answered")                      \
	X(EVENTS_MERGED, events_merged,                                                            \
	        "member events that became part of another one or nothing (coalesce_ms)")          \
	X(DROP_OFFERS, drop_offers,                                                                \
	        "offers of broadcasts dropped: no place, or nobody gave what it offered")          \
	X(CASTS_PASSED, casts_passed,                                                              \
	        "broadcasts dropped: too late to tell whether they were heard before")             \
	X(DROP_META_FULL, drop_meta_full, "metadata not held: above meta_bytes with all other")    \
	X(DROP_CODEC, drop_codec, "packets dropped: in another codec than this cluster's")         \
	X(CALLS, calls, "requests that a member which cannot be dialled dial this one")            \
	X(CALLS_PASSED, calls_passed, "requests to dial a member passed on")                       \
	X(CALLS_SERVED, calls_served, "members that this one dialled because it was asked to")     \
	X(CALLS_UP, calls_up, "members that dialled this one because it asked for it")             \
	X(DROP_CALLS, drop_calls,                                                                  \
	        "requests to dial a member dropped: too many, or it cannot be dialled")            \
	X(APPLICANTS, applicants, "instances of members that the application was asked about")     \
	X(APPLICANTS_REFUSED, applicants_refused, "such instances that it refused")                \
	X(DROP_NOT_ACCEPTED, drop_not_accepted,                                                    \
	        "packets and statements dropped: of or about an instance that was not accepted")   \
	X(DROP_CAST_EXPIRED, drop_cast_expired, "broadcasts dropped: their time to live was over") \
	X(WAYS_CHANGED, ways_changed,                                                              \
	        "times that another address of a member was used, for it answered only there")     \
	X(DROP_APART, drop_apart,                                                                  \
	        "packets not sent: no address of their member is of a kind that this one has")     \
	X(UNREACHED, unreached,                                                                    \
	        "times that peers could not reach this member at what it advertises")

enum shoal_counter {
#define SHOAL_X(name, label, text) SHOAL_COUNTER_##name,
	SHOAL_COUNTER_TABLE(SHOAL_X)
#undef SHOAL_X
	SHOAL_COUNTERS
};

struct shoal_counters {
	uint64_t value[SHOAL_COUNTERS];
};

/* "datagrams_in" ...; the text above; "invalid" for any other number. Static, never NULL. */
SHOAL_API const char *shoal_counter_name(enum shoal_counter counter);
SHOAL_API const char *shoal_counter_help(enum shoal_counter counter);

enum shoal_unit {
	SHOAL_UNIT_SECONDS = 0, /* counted in microseconds */
	SHOAL_UNIT_BYTES,
	SHOAL_UNIT_RATIO /* counted in thousandths */
};

/* X(NAME, label, unit, low, high, text): buckets of at most 2^low, 2^(low+1) ... 2^high
 * microseconds, bytes or thousandths, and what is above. The order is ABI: append only. */
#define SHOAL_HISTOGRAM_TABLE(X)                                                                   \
	X(PROBE_RTT, probe_rtt, SECONDS, 6, 24, "direct pings answered: how long it took")         \
	X(RELAY_RTT, relay_rtt, SECONDS, 6, 24,                                                    \
	        "probes answered through a relay: how long after relays were asked")               \
	X(STREAM_RTT, stream_rtt, SECONDS, 6, 24,                                                  \
	        "probes answered on a stream: how long after it was tried")                        \
	X(DETECTION, detection, SECONDS, 14, 30,                                                   \
	        "members found dead: since the first ping of this member that they missed, since " \
	        "the suspicion that was told, or since their watch link ended")                    \
	X(SUSPICION, suspicion, SECONDS, 14, 30, "suspicions that ended: how long they lasted")    \
	X(REFUTATION, refutation, SECONDS, 10, 30,                                                 \
	        "suspicions and deaths contradicted: how long after they were believed here")      \
	X(REFUTATION_OWN, refutation_own, SECONDS, 10, 30,                                         \
	        "accusations of this member contradicted: how long the accuser had not heard it")  \
	X(PACKET_FILL, packet_fill, RATIO, 3, 10, "datagrams sent: how full")                      \
	X(NEWS_FIRST, news_first, SECONDS, 6, 26, "news: its age when it was first sent")          \
	X(NEWS_SPENT, news_spent, SECONDS, 10, 30, "news: its age when it was sent often enough")  \
	X(LOOP_LAG, loop_lag, SECONDS, 6, 26, "timers: how late they were run")                    \
	X(SYNC_BYTES, sync_bytes, BYTES, 6, 24, "table exchanges: bytes of the answer")

enum shoal_histogram_kind {
#define SHOAL_X(name, label, unit, low, high, text) SHOAL_HISTOGRAM_##name,
	SHOAL_HISTOGRAM_TABLE(SHOAL_X)
#undef SHOAL_X
	SHOAL_HISTOGRAMS
};

#define SHOAL_HISTOGRAM_BUCKETS 24

/* bucket[i] counts what is above the bound of bucket i - 1 and not above that of bucket i; what is
 * above the last is in count only. sum is in the unit of the row. */
struct shoal_histogram {
	uint64_t count, sum;
	uint64_t bucket[SHOAL_HISTOGRAM_BUCKETS];
};

struct shoal_histograms {
	struct shoal_histogram item[SHOAL_HISTOGRAMS];
};

/* "probe_rtt" ...; the text above; "invalid" for any other number. Static, never NULL. */
SHOAL_API const char *shoal_histogram_name(enum shoal_histogram_kind kind);
SHOAL_API const char *shoal_histogram_help(enum shoal_histogram_kind kind);
SHOAL_API enum shoal_unit shoal_histogram_unit(enum shoal_histogram_kind kind);

/* Upper bound of bucket i, inclusive. 0: there is no such bucket. */
SHOAL_API uint64_t shoal_histogram_bound(enum shoal_histogram_kind kind, unsigned i);

#ifdef __cplusplus
}
#endif

#endif
