/* SPDX-License-Identifier: MIT */
/* shoal/message.h - messages of the application from member to member.
 *
 * Each has a type: SHOAL_TYPE_APPLICATION (128) and above are the application's. A member hears
 * those types for which it has a handler. Handlers and the other functions that are called back run
 * where all callbacks run (see config.h), one at a time.
 *
 * Order: reliable messages from one member to another arrive in the order in which shoal_send was
 * called, each exactly once while both processes live and neither is held dead or gone where the
 * other one is: then what waits ends, of which shoal_send_confirmed tells. Messages that are not
 * reliable may be lost
 * and may pass each other and reliable ones; none arrives twice. Between two senders there is no
 * order.
 *
 * Bounds: so many bytes wait for one member (profile.queue_bytes, each message counted with
 * SHOAL_MESSAGE_COST more, which goes on counting until the function of shoal_send_confirmed has
 * run); above that shoal_send returns SHOAL_ERR_AGAIN, and when half of it is free again, and what
 * was refused fits, the function of shoal_on_writable is called. Where handlers fall behind, so
 * that profile.inbox_bytes wait for them, or as many of one member as it leaves to others, reliable
 * messages stay with their senders, and others are dropped and counted (drop_no_room). Messages
 * that are not reliable are handed to the network; those that fit no datagram count among
 * queue_bytes until it has taken them, and among drop_streams where their connection ends before.
 *
 * To a member that cannot be dialled (inbound only) messages go down a link that it opened. Each
 * such member keeps a few, and is asked for one where there is something for it; where none are
 * kept (at URLs, and without watchers) it asks others what there is for it. What waits for that
 * counts among queue_bytes, and so does what waits on it for the network. Where it does not come,
 * as between two such members, reliable messages and requests end with SHOAL_ERR_WALLED after some
 * seconds (with the wan profile up to a minute), and other messages are lost (drop_unsent): let one
 * that both reach pass them on, or broadcast. The same holds between a member that has a URL only
 * and one that has none, where they end at once.
 *
 * shoal_cluster_leave waits for nothing that is queued: who wants it to arrive waits for its ends.
 *
 * Threads: any, for every function; none of them blocks but shoal_unhandle. A cluster that is
 * passed is not NULL. In a child of fork they return SHOAL_ERR_STATE. */
#ifndef SHOAL_MESSAGE_H
#define SHOAL_MESSAGE_H

#include <shoal/core.h>
#include <shoal/value.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_cluster;

/* For shoal_handle: messages of all types of the application's that have no handler of their own.
 */
#define SHOAL_TYPE_ANY 0

/* Types that have a handler at once, at most. */
#define SHOAL_HANDLERS_MAX 256

/* A message that was received; valid while its handler runs. */
struct shoal_message;

/* The type under which it was sent. */
SHOAL_API uint16_t shoal_message_type(const struct shoal_message *message);
/* The id of the member that sent it. */
SHOAL_API const struct shoal_id *shoal_message_sender(const struct shoal_message *message);
/* Never NULL. */
SHOAL_API const void *shoal_message_data(const struct shoal_message *message);
/* Bytes of it. */
SHOAL_API size_t shoal_message_len(const struct shoal_message *message);
/* How it was sent, enum shoal_message_flag. */
SHOAL_API unsigned shoal_message_flags(const struct shoal_message *message);
/* How many members passed it on; 0: it came from its sender. */
SHOAL_API unsigned shoal_message_hops(const struct shoal_message *message);
/* The sender's hybrid logical clock when it was sent: 48 bits of milliseconds since 1970, 16 of a
 * counter. While a sender lives its stamps rise; one that was sent after another one was received
 * is higher than that one's, unless that was more than a minute ahead of the receiver's clock. */
SHOAL_API uint64_t shoal_message_stamp(const struct shoal_message *message);

/* A value as the content of a message, in the codec of the cluster, so that members in any language
 * can read it. *data is the caller's, to be freed with the allocator's free, or free(3) where the
 * config had none. SHOAL_ERR_TOO_BIG: longer than message_max, or deeper than SHOAL_DEPTH_MAX;
 * SHOAL_ERR_INVALID: a string is not UTF-8 or holds a zero; SHOAL_ERR_UNSUPPORTED: a number that
 * the codec has no form for; SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_encode(const struct shoal_cluster *cluster, const struct shoal_value *value,
        uint8_t **data, size_t *len);

/* The inverse, of bytes that may be hostile. *value is the caller's, to be freed with
 * shoal_value_free. Limits and errors are those of shoal_value_decode without limits of its own. */
SHOAL_API int shoal_decode(const struct shoal_cluster *cluster, const void *data, size_t len,
        struct shoal_value **value);

/* That codec. Never NULL. */
SHOAL_API const struct shoal_codec_ops *shoal_cluster_codec(const struct shoal_cluster *cluster);

/* A handler: a message has come. */
typedef void (*shoal_message_fn)(
        struct shoal_cluster *cluster, const struct shoal_message *message, void *arg);

/* Calls fn for each message of the type that arrives from now on. SHOAL_ERR_INVALID: type below
 * SHOAL_TYPE_SERVICE that is not SHOAL_TYPE_ANY, or fn NULL. SHOAL_ERR_IN_USE: the type has a
 * handler. SHOAL_ERR_LIMIT: SHOAL_HANDLERS_MAX types have one. */
SHOAL_API int shoal_handle(
        struct shoal_cluster *cluster, uint16_t type, shoal_message_fn fn, void *arg);

/* No more calls for the type; when it returns the handler does not run any more, unless it is the
 * caller. SHOAL_ERR_NOT_FOUND: there was none. */
SHOAL_API int shoal_unhandle(struct shoal_cluster *cluster, uint16_t type);

/* Sends a copy of len bytes to a member; flags: 0 or SHOAL_RELIABLE. 0: it is on its way, and may
 * still be lost where it is not reliable.
 *
 * SHOAL_ERR_NOT_FOUND: no such member is known. SHOAL_ERR_TOO_BIG: the text says how long a message
 * may be. SHOAL_ERR_AGAIN: too much waits for the member. SHOAL_ERR_INVALID: a type below
 * SHOAL_TYPE_SERVICE, unknown flags, or this member itself. SHOAL_ERR_STATE: the member is dead or
 * has left, or the cluster is not running. SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_send(struct shoal_cluster *cluster, const struct shoal_id *to, uint16_t type,
        const void *data, size_t len, unsigned flags);

/* The end of a reliable message. code 0: the member's process has taken it, for its handler, if
 * there is one and it does not stop first. SHOAL_ERR_UNREACHABLE: the member died, left or was
 * replaced, or this cluster stopped, before it was sent. SHOAL_ERR_CLOSED: the same after it was
 * sent: it may have arrived. SHOAL_ERR_WALLED: the member cannot be dialled, and did not dial
 * this one; it may have arrived where it had one before. SHOAL_ERR_TOO_BIG: the member takes
 * none of this length (its message_max and inbox_bytes). */
typedef void (*shoal_sent_fn)(struct shoal_cluster *cluster, int code, void *arg);

/* shoal_send with SHOAL_RELIABLE; where it returns 0, fn is called exactly once, in
 * shoal_cluster_free at the latest. */
SHOAL_API int shoal_send_confirmed(struct shoal_cluster *cluster, const struct shoal_id *to,
        uint16_t type, const void *data, size_t len, shoal_sent_fn fn, void *arg);

/* shoal_send to each of n members. *sent (may be NULL): how many took it. 0: all; else the error of
 * the first that did not, the others were tried all the same. */
SHOAL_API int shoal_send_many(struct shoal_cluster *cluster, const struct shoal_id *to, size_t n,
        uint16_t type, const void *data, size_t len, unsigned flags, size_t *sent);

/* Sends a copy of len bytes to all other members, each of which passes it on; flags: 0,
 * SHOAL_RELIABLE or SHOAL_NO_FORWARD: it is told by this member alone, and comes to some 10 of
 * many. 0: it is on its way, and comes to nearly everyone, where little waits within milliseconds,
 * to each once. A reliable one is kept by all for profile.cast_keep_ms, so that a member that was
 * cut off gets it when it is back; who joins gets those that were sent after its start. Each keeps
 * the last profile.casts_max of a member at most, of profile.cast_bytes. They go no faster than so
 * many in two digest intervals (profile.digest_interval_ms), so that who is not cut off misses
 * none: what is said faster waits here, and who is cut off for longer than two intervals meanwhile
 * may miss some. Broadcasts have no order, and their handlers see SHOAL_BROADCAST among the flags.
 *
 * SHOAL_ERR_TOO_BIG: the text says how long one may be. SHOAL_ERR_AGAIN: too many wait or are on
 * their way (profile.queue_bytes); one that fits no datagram counts until all to whom it was
 * offered have had it, or for 10 seconds. SHOAL_ERR_INVALID: a type below SHOAL_TYPE_SERVICE, or
 * unknown flags, or both. SHOAL_ERR_STATE: the cluster is not running. SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_broadcast(
        struct shoal_cluster *cluster, uint16_t type, const void *data, size_t len, unsigned flags);

/* The same to the members that carry a tag when it comes to them. SHOAL_ERR_INVALID: the tag is
 * empty or above SHOAL_TAG_MAX bytes. */
SHOAL_API int shoal_broadcast_tag(struct shoal_cluster *cluster, const char *tag, uint16_t type,
        const void *data, size_t len, unsigned flags);

/* To whom a broadcast goes, how far and for how long. */
struct shoal_reach {
	size_t size;     /* set by shoal_reach_init */
	const char *tag; /* to the members that carry it when it comes to them; NULL: to all */
	unsigned flags;  /* 0, SHOAL_RELIABLE or SHOAL_NO_FORWARD, as of shoal_broadcast */
	/* Steps from member to member that it goes at most, 1 to SHOAL_HOPS_MAX; 0: that many. 1:
	 * to those alone that this member tells itself, of many some 10, as with SHOAL_NO_FORWARD.
	 * A reliable one is given to others by those that it may go on from, so in time it comes to
	 * all whom these reach. */
	unsigned hops;
	/* Its time to live, in milliseconds; 0: no limit. When it is so old it is told nobody any
	 * more, and a reliable one is kept no longer: a member that was cut off until then does not
	 * get it. It ages from when it goes out on, not while it waits for room here or on its way
	 * through the network. */
	unsigned ttl_ms;
};

/* To all, without limits, not reliable. */
SHOAL_API void shoal_reach_init_sized(struct shoal_reach *reach, size_t size);
#define shoal_reach_init(reach) shoal_reach_init_sized((reach), sizeof(*(reach)))

/* As shoal_broadcast, within these limits. SHOAL_ERR_INVALID, too: reach is NULL or was not
 * initialised, its tag is empty or above SHOAL_TAG_MAX bytes, or its hops are above SHOAL_HOPS_MAX;
 * the text names the field. Members of a version that does not know limits pass it on without. */
SHOAL_API int shoal_broadcast_within(struct shoal_cluster *cluster, const struct shoal_reach *reach,
        uint16_t type, const void *data, size_t len);

/* Called when there is room again for a member to which shoal_send returned SHOAL_ERR_AGAIN, once
 * for any number of those, or to NULL for broadcasts; other threads may have filled it meanwhile.
 * Called too when the cluster has stopped, or the member is gone: the call then says so. */
typedef void (*shoal_writable_fn)(
        struct shoal_cluster *cluster, const struct shoal_id *to, void *arg);

/* One function for all members; NULL: none. */
SHOAL_API int shoal_on_writable(struct shoal_cluster *cluster, shoal_writable_fn fn, void *arg);

/* Requests: a message to one member that is answered. Each has one end, a reply or a code, within
 * its time-out; they travel as reliable messages do, and wait in the same queues. */

/* At once, those of this member and those that its handlers have not answered, of which one member
 * has no more than it leaves to others. */
#define SHOAL_REQUESTS_MAX 4096

/* A request was received. It is answered by shoal_reply with its ticket, here or later and from any
 * thread; when its time is over, or its sender has left or was replaced, the ticket is. A sender
 * that is held dead may come back: its tickets last while less than half of all are out. */
typedef void (*shoal_request_fn)(struct shoal_cluster *cluster, const struct shoal_message *message,
        uint64_t ticket, void *arg);

/* As shoal_handle, for requests of the type: a type has messages or requests, not both.
 * shoal_unhandle ends it; what has not been answered can be all the same. */
SHOAL_API int shoal_handle_request(
        struct shoal_cluster *cluster, uint16_t type, shoal_request_fn fn, void *arg);

/* Answers a request, once. code 0: with a copy of len bytes; else that code, which is negative, and
 * no bytes, are the end of the request. SHOAL_ERR_NOT_FOUND: it has been answered, or its time is
 * over. SHOAL_ERR_AGAIN, SHOAL_ERR_NOMEM: as shoal_send; SHOAL_ERR_STATE: its sender is held dead,
 * or this cluster is not running; it can be answered still. SHOAL_ERR_TOO_BIG. */
SHOAL_API int shoal_reply(
        struct shoal_cluster *cluster, uint64_t ticket, int code, const void *data, size_t len);

/* The end of a request. code 0: its reply, valid while the function runs. SHOAL_ERR_UNSUPPORTED:
 * the member has no handler for it. SHOAL_ERR_TIMEOUT. SHOAL_ERR_UNREACHABLE: the member was gone
 * before it was sent. SHOAL_ERR_CLOSED: the member died, left or was replaced, or this cluster
 * stopped: it may have been handled. SHOAL_ERR_WALLED: as of a message. SHOAL_ERR_LIMIT: too many
 * wait for an answer there. SHOAL_ERR_CANCELED. Another one: that of shoal_reply. */
typedef void (*shoal_reply_fn)(
        struct shoal_cluster *cluster, int code, const void *data, size_t len, void *arg);

/* Asks a member; timeout_ms: 1 to 3,600,000. *number (may be NULL): for shoal_request_cancel. Where
 * it returns 0, fn is called exactly once, in shoal_cluster_free at the latest. SHOAL_ERR_LIMIT:
 * SHOAL_REQUESTS_MAX are under way. Else as shoal_send. */
SHOAL_API int shoal_request(struct shoal_cluster *cluster, const struct shoal_id *to, uint16_t type,
        const void *data, size_t len, unsigned timeout_ms, shoal_reply_fn fn, void *arg,
        uint64_t *number);

/* Ends a request with SHOAL_ERR_CANCELED; it may have been handled. SHOAL_ERR_NOT_FOUND: it has its
 * end, of which fn is told or was. */
SHOAL_API int shoal_request_cancel(struct shoal_cluster *cluster, uint64_t number);

/* The same as shoal_request, and waits for the end, which it returns. The reply, cut to cap bytes,
 * goes to reply; *reply_len (may be NULL): its length, uncut; above cap: SHOAL_ERR_TOO_BIG.
 * SHOAL_ERR_WOULD_BLOCK: on the loop's thread or in a callback. Where the application runs the
 * callbacks (SHOAL_RUN_DISPATCH), another thread has to. */
SHOAL_API int shoal_request_wait(struct shoal_cluster *cluster, const struct shoal_id *to,
        uint16_t type, const void *data, size_t len, unsigned timeout_ms, void *reply, size_t cap,
        size_t *reply_len);

/* The end of shoal_cluster_rtt_ask: code 0 and nanoseconds, 0: not measured yet; else a code, as of
 * shoal_cluster_rtt, and a text. */
typedef void (*shoal_rtt_fn)(
        struct shoal_cluster *cluster, int code, const char *text, uint64_t rtt_ns, void *arg);

/* How long a ping from one member to another and its answer take, smoothed, as the pings of `from`
 * measured it; *rtt_ns 0: it has not measured it yet. Nothing is pinged for it. from NULL or this
 * member: what this one measured, as shoal_member_rtt, at once. Another one is asked, which waits
 * timeout_ms at most and returns SHOAL_ERR_WOULD_BLOCK on the loop's thread or in a callback; the
 * other's application must run its callbacks. SHOAL_ERR_NOT_FOUND: one of the two is not known,
 * here or to `from`. SHOAL_ERR_INVALID: both are the same, or the answer cannot be read.
 * SHOAL_ERR_UNSUPPORTED: `from` is of a version that answers no such question. SHOAL_ERR_STATE:
 * `from` is dead or has left, or the cluster is not running. Else as shoal_request. */
SHOAL_API int shoal_cluster_rtt(struct shoal_cluster *cluster, const struct shoal_id *from,
        const struct shoal_id *to, unsigned timeout_ms, uint64_t *rtt_ns);

/* The same of another member, and returns at once; where it returns 0, fn is called exactly once,
 * in shoal_cluster_free at the latest. SHOAL_ERR_INVALID, too: from is this member. */
SHOAL_API int shoal_cluster_rtt_ask(struct shoal_cluster *cluster, const struct shoal_id *from,
        const struct shoal_id *to, unsigned timeout_ms, shoal_rtt_fn fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif
