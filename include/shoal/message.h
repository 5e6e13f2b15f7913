/* SPDX-License-Identifier: MIT */
/* shoal/message.h - messages of the application from member to member.
 *
 * Each has a type: SHOAL_TYPE_APPLICATION (128) and above are the application's. A member hears
 * those types for which it has a handler. Handlers and the other functions that are called back run
 * where all callbacks run (see config.h), one at a time.
 *
 * Order: reliable messages from one member to another arrive in the order in which shoal_send was
 * called, each exactly once while both processes live. Messages that are not reliable may be lost
 * and may pass each other and reliable ones; none arrives twice. Between two senders there is no
 * order.
 *
 * Bounds: so many bytes wait for one member (profile.queue_bytes, each message counted with
 * SHOAL_MESSAGE_COST more, which goes on counting until the function of shoal_send_confirmed has
 * run); above that shoal_send returns SHOAL_ERR_AGAIN, and when half of it is free again, and what
 * was refused fits, the function of shoal_on_writable is called. Where handlers fall behind, so that
 * profile.inbox_bytes wait for them, reliable messages stay with their senders, and others are
 * dropped and counted (drop_no_room). Messages that are not reliable are handed to the network as it
 * takes them: what it does not take is dropped and counted (drop_streams).
 *
 * To a member that cannot be dialled (inbound only) messages go down a link that it keeps. Each such
 * member has a few, to members of its choice: nobody else reaches it. Their reliable messages to it
 * end, after some tries, as if it were gone, and others are lost.
 *
 * shoal_cluster_leave waits for nothing that is queued: who wants it to arrive waits for its ends.
 *
 * Threads: any, for every function; none of them blocks but shoal_unhandle. A cluster that is
 * passed is not NULL. In a child of fork they return SHOAL_ERR_STATE. */
#ifndef SHOAL_MESSAGE_H
#define SHOAL_MESSAGE_H

#include <shoal/core.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_cluster;

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

/* A handler: a message has come. */
typedef void (*shoal_message_fn)(
        struct shoal_cluster *cluster, const struct shoal_message *message, void *arg);

/* Calls fn for each message of the type that arrives from now on. SHOAL_ERR_INVALID: type below
 * SHOAL_TYPE_SERVICE, or fn NULL. SHOAL_ERR_IN_USE: the type has a handler. SHOAL_ERR_LIMIT:
 * SHOAL_HANDLERS_MAX types have one. */
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
 * sent: it may have arrived. SHOAL_ERR_TOO_BIG: the member takes none of this length (its
 * message_max and inbox_bytes). */
typedef void (*shoal_sent_fn)(struct shoal_cluster *cluster, int code, void *arg);

/* shoal_send with SHOAL_RELIABLE; where it returns 0, fn is called exactly once, in
 * shoal_cluster_free at the latest. */
SHOAL_API int shoal_send_confirmed(struct shoal_cluster *cluster, const struct shoal_id *to,
        uint16_t type, const void *data, size_t len, shoal_sent_fn fn, void *arg);

/* shoal_send to each of n members. *sent (may be NULL): how many took it. 0: all; else the error of
 * the first that did not, the others were tried all the same. */
SHOAL_API int shoal_send_many(struct shoal_cluster *cluster, const struct shoal_id *to, size_t n,
        uint16_t type, const void *data, size_t len, unsigned flags, size_t *sent);

/* Called when there is room again for a member to which shoal_send returned SHOAL_ERR_AGAIN, once
 * for any number of those; other threads may have filled it meanwhile. Called too when the cluster
 * has stopped, or the member is gone: shoal_send then says so. */
typedef void (*shoal_writable_fn)(
        struct shoal_cluster *cluster, const struct shoal_id *to, void *arg);

/* One function for all members; NULL: none. */
SHOAL_API int shoal_on_writable(struct shoal_cluster *cluster, shoal_writable_fn fn, void *arg);

#ifdef __cplusplus
}
#endif

#endif
