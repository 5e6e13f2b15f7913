/* SPDX-License-Identifier: MIT */
/* The protocol's messages, each described once. Kinds below 64 are the protocol's, 64 to 127 the
 * library's services', from 128 on the application's.
 *
 * In a packet a message is { kind: VAR, length: VAR, body }, so that a receiver skips kinds that it
 * does not know. */
#ifndef SHOAL_WIRE_MESSAGE_H
#define SHOAL_WIRE_MESSAGE_H

#include <shoal/error.h>
#include <shoal/keyring.h>

#include "base/reader.h"
#include "base/writer.h"
#include "wire/field.h"

#define SHOAL_BUDGET_MAX_MS 600000
#define SHOAL_REASON_MAX    160
#define SHOAL_PROTOCOL_LOW  0
#define SHOAL_PROTOCOL_HIGH 0
#define SHOAL_VAR_MAX       UINT64_MAX
#define SHOAL_ENTRIES_MAX   (1 << 30)
#define SHOAL_CAST_AGE_MAX  UINT32_MAX

/* Which leg failed. */
enum shoal_nack_reason {
	SHOAL_NACK_UNTOLD = 0,
	SHOAL_NACK_SILENT = 1,  /* the target did not answer the relay */
	SHOAL_NACK_UNKNOWN = 2, /* the relay does not know the target */
	SHOAL_NACK_LEFT = 3     /* to the relay the target is leaving or has left */
};

#define SHOAL_MESSAGE_KINDS 64

/* X(TYPE, field, limit). `salt` of type U64 is the short form: the first 8 bytes of an instance's
 * salt. */

/* Opens a packet that has no other message naming its sender. */
#define SHOAL_SENDER_FIELDS(X)                                                                     \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)

/* "Are you there?" The addressee answers with an ack to the packet's source, or to `origin` where
 * that is given, which is of the instance origin_salt: a relay whose records are full lets the
 * target answer the member that asked. mark: of the root of the sender's digest, 0: none. */
#define SHOAL_PING_FIELDS(X)                                                                       \
	X(U64, seq, 0)                                                                             \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(ID, target, 0)                                                                           \
	X(ADDR, origin, 0)                                                                         \
	X(U32, mark, 0)                                                                            \
	X(LONG, origin_salt, 0)

/* "I am", or passed on by a relay, "it is": id, salt and mark are those of the member that was
 * pinged. */
#define SHOAL_ACK_FIELDS(X)                                                                        \
	X(U64, seq, 0)                                                                             \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(U32, mark, 0)

/* From a relay: it is there, and why it passes no ack on. */
#define SHOAL_NACK_FIELDS(X)                                                                       \
	X(U64, seq, 0)                                                                             \
	X(ID, id, 0)                                                                               \
	X(U8, reason, 255)

/* "Ping this member for me, and answer within budget_ms." */
#define SHOAL_RELAY_FIELDS(X)                                                                      \
	X(U64, seq, 0)                                                                             \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(ID, target, 0)                                                                           \
	X(VAR, budget_ms, SHOAL_BUDGET_MAX_MS)

enum shoal_mark {
	SHOAL_MARK_INBOUND = 1,  /* it cannot be dialled, and is reached by links that it opened */
	SHOAL_MARK_FORGOTTEN = 2 /* dead and left: an operator let it be forgotten */
};

/* A full statement about a member. age_ms: alive and suspect: since it was last heard directly,
 * summed over hops; leaving: what is left of its timeout; dead and left: since then. refused_ms:
 * dead by the verdict of the accusers, to whom its host refused connections since then; 0: no
 * verdict. marks: enum shoal_mark. moved: the incarnation under which it took these addresses,
 * which only its subject sets; 0: it has had them since its start. url: what the one of the
 * addresses that stands for a URL stands for (shoal_addr_from_url), in the form that is compared.
 */
#define SHOAL_MEMBER_FIELDS(X)                                                                     \
	X(ID, id, 0)                                                                               \
	X(SALT, salt, 0)                                                                           \
	X(U64, incarnation, 0)                                                                     \
	X(U8, state, SHOAL_STATE_LEFT)                                                             \
	X(VAR, age_ms, SHOAL_VAR_MAX)                                                              \
	X(IDS, accusers, SHOAL_ACCUSERS_MAX)                                                       \
	X(TEXT, name, SHOAL_NAME_MAX)                                                              \
	X(ADDRS, addrs, SHOAL_ADDRS_MAX)                                                           \
	X(U8, protocol_min, 255)                                                                   \
	X(U8, protocol_max, 255)                                                                   \
	X(VAR, app_version, UINT32_MAX)                                                            \
	X(VAR, refused_ms, SHOAL_VAR_MAX)                                                          \
	X(FLAG, marks, 3)                                                                          \
	X(LONG, moved, 0)                                                                          \
	X(WORD, url, SHOAL_URL_MAX)

/* A short statement about a member that the receiver is thought to know. */
#define SHOAL_STATE_FIELDS(X)                                                                      \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(U64, incarnation, 0)                                                                     \
	X(U8, state, SHOAL_STATE_LEFT)                                                             \
	X(VAR, age_ms, SHOAL_VAR_MAX)                                                              \
	X(IDS, accusers, SHOAL_ACCUSERS_MAX)                                                       \
	X(VAR, refused_ms, SHOAL_VAR_MAX)                                                          \
	X(FLAG, marks, 3)

/* Opens a join request; the joiner's member statement follows. codec 0: the compact binary one. */
#define SHOAL_JOIN_FIELDS(X)                                                                       \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(VAR, epoch_s, UINT32_MAX)                                                                \
	X(U8, protocol_min, 255)                                                                   \
	X(U8, protocol_max, 255)                                                                   \
	X(U8, codec, 255)                                                                          \
	X(VAR, app_version, UINT32_MAX)

/* Opens a step of a walk down the digest; walk: its number, 0: an exchange of whole tables, of
 * which the sender's follows. root: of the sender's digest in the first step, 0: a later one. */
#define SHOAL_SYNC_FIELDS(X)                                                                       \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(U64, walk, 0)                                                                            \
	X(U64, root, 0)

/* Answers a join or a sync. code 0: what was asked for follows; else the number of an error
 * (without its sign) and a reason for people. root: in a walk, of the sender's digest after all
 * that it was told; 0: the table follows. */
#define SHOAL_ANSWER_FIELDS(X)                                                                     \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(VAR, code, 499)                                                                          \
	X(TEXT, reason, SHOAL_REASON_MAX)                                                          \
	X(U64, root, 0)

/* The digest of the parts of a range of hashes. A range is named by the first bits that all in it
 * share, as a number. sums: 4 bytes a part, in order. */
#define SHOAL_TREE_FIELDS(X)                                                                       \
	X(U8, bits, 54)                                                                            \
	X(VAR, prefix, SHOAL_VAR_MAX)                                                              \
	X(BYTES, sums, 256)

/* A short range: 4 bytes for each statement that its sender holds. */
#define SHOAL_NODES_FIELDS(X)                                                                      \
	X(U8, bits, 60)                                                                            \
	X(VAR, prefix, SHOAL_VAR_MAX)                                                              \
	X(BYTES, sums, 256)

/* Those of a range's statements that the sender has not, and wants to be told. */
#define SHOAL_WANT_FIELDS(X)                                                                       \
	X(U8, bits, 60)                                                                            \
	X(VAR, prefix, SHOAL_VAR_MAX)                                                              \
	X(BYTES, sums, 256)

/* "At the address that you pinged lives another member, I: not the target." */
#define SHOAL_GONE_FIELDS(X)                                                                       \
	X(U64, seq, 0)                                                                             \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(U64, incarnation, 0)                                                                     \
	X(ID, target, 0)

/* Of two instances under the id `target`. From one to the other (id is target): a question, stop 0,
 * and its answer, under the same seq; or with seq 0 and its own salt in stop: "I stop". other: the
 * instance that the sender took over from. From a third member: the instance `other` is at addr, or
 * without an address: you took over from it. stop: the salt of the one that is to stop. Between the
 * two addr is where the sender is: what goes to a URL says so, and what a third member passes on.
 * url: what addr stands for, where it is made from a URL. */
#define SHOAL_CONFLICT_FIELDS(X)                                                                   \
	X(U64, seq, 0)                                                                             \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(ID, target, 0)                                                                           \
	X(U64, stop, 0)                                                                            \
	X(U64, started_ms, 0)                                                                      \
	X(U64, other, 0)                                                                           \
	X(ADDR, addr, 0)                                                                           \
	X(WORD, url, SHOAL_URL_MAX)

/* Opens a watch link: "I watch this instance of you", or with asked 1 "you have called me".
 * Answered with ANSWER. */
#define SHOAL_WATCH_FIELDS(X)                                                                      \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(ID, target, 0)                                                                           \
	X(U64, instance, 0)                                                                        \
	X(FLAG, asked, 1)

/* "My link to this instance has ended: find out whether its host refuses you too"; of the sender
 * itself: "can you dial me?" */
#define SHOAL_CHECK_FIELDS(X)                                                                      \
	X(U64, seq, 0)                                                                             \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(ID, target, 0)                                                                           \
	X(U64, instance, 0)

/* "It does", for so long. One that answered is told by an ACK. */
#define SHOAL_REFUSED_FIELDS(X)                                                                    \
	X(U64, seq, 0)                                                                             \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(ID, target, 0)                                                                           \
	X(U64, instance, 0)                                                                        \
	X(VAR, refused_ms, SHOAL_VAR_MAX)

/* Makes a packet longer, to try how long one may be. Any number of zero bytes. */
#define SHOAL_PAD_FIELDS(X) X(U8, zero, 0)

/* "I cannot reach you, target, since then; so many of my relays cannot either." */
#define SHOAL_PARTIAL_FIELDS(X)                                                                    \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(ID, target, 0)                                                                           \
	X(VAR, since_ms, SHOAL_VAR_MAX)                                                            \
	X(U8, reports, 255)

/* A member's metadata. hash: the first 8 bytes of the SHA-256 of its body, which is len bytes long.
 * Without a body where len is above 0: whoever sends this holds it, and can be asked. */
#define SHOAL_META_FIELDS(X)                                                                       \
	X(ID, id, 0)                                                                               \
	X(U64, version, 0)                                                                         \
	X(U64, hash, 0)                                                                            \
	X(VAR, len, SHOAL_META_MAX)                                                                \
	X(BYTES, body, SHOAL_META_MAX)

/* "Tell me the metadata of target, of this version or a newer one." Answered with META. */
#define SHOAL_PULL_FIELDS(X)                                                                       \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(ID, target, 0)                                                                           \
	X(U64, version, 0)

/* Best-effort messages of the application to one member, this instance of it: entries, see entry.h.
 * number: of the packet, from this sender to this instance; no two have the same. */
#define SHOAL_USER_FIELDS(X)                                                                       \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(U64, instance, 0)                                                                        \
	X(VAR, number, SHOAL_VAR_MAX)                                                              \
	X(BYTES, entries, SHOAL_ENTRIES_MAX)

/* Reliable ones. seq: drawn for each, and echoed by its answer. first: the number of the first
 * entry; each further one has the next. */
#define SHOAL_BATCH_FIELDS(X)                                                                      \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(U64, instance, 0)                                                                        \
	X(U64, seq, 0)                                                                             \
	X(VAR, first, SHOAL_VAR_MAX)                                                               \
	X(BYTES, entries, SHOAL_ENTRIES_MAX)

/* Answers the BATCH seq, to `instance`: all below `next` are taken. code: the number of an error
 * (without its sign). TOO_BIG: that at `next` never will be; another one: none were looked at. */
#define SHOAL_RECEIPT_FIELDS(X)                                                                    \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(U64, instance, 0)                                                                        \
	X(U64, seq, 0)                                                                             \
	X(VAR, next, SHOAL_VAR_MAX)                                                                \
	X(VAR, code, 499)

/* A broadcast of the application, told by whoever heard it. number: of its origin's instance, in
 * the one row of its reliable ones or in that of the others. age_ms: since it was sent, summed over
 * hops. flags: enum shoal_message_flag. tag: it is for the members that carry this one; empty: for
 * all. hops_max: it goes no further; 0: 64. ttl_ms: who is told must be told before it is so old;
 * at most SHOAL_CAST_AGE_MAX, 0: whenever. */
#define SHOAL_CAST_FIELDS(X)                                                                       \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(VAR, number, SHOAL_VAR_MAX)                                                              \
	X(VAR, age_ms, SHOAL_CAST_AGE_MAX)                                                         \
	X(U64, stamp, 0)                                                                           \
	X(U8, hops, 255)                                                                           \
	X(U8, flags, 255)                                                                          \
	X(VAR, type, UINT16_MAX)                                                                   \
	X(BYTES, tag, SHOAL_TAG_MAX)                                                               \
	X(BYTES, body, SHOAL_ENTRIES_MAX)                                                          \
	X(FLAG, hops_max, SHOAL_HOPS_MAX)                                                          \
	X(LONG, ttl_ms, 0)

/* "These broadcasts are held here": keys, see cast_key.h. sum: of all reliable ones that are held,
 * 0: not told. */
#define SHOAL_OFFER_FIELDS(X)                                                                      \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(U64, sum, 0)                                                                             \
	X(BYTES, keys, SHOAL_ENTRIES_MAX)

/* "Tell me these broadcasts", or with others 1 "the reliable ones beside these, which are younger
 * than age_ms". Answered with OFFER and any number of CAST. */
#define SHOAL_FETCH_FIELDS(X)                                                                      \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(U8, others, 1)                                                                           \
	X(VAR, age_ms, SHOAL_CAST_AGE_MAX)                                                         \
	X(BYTES, keys, SHOAL_ENTRIES_MAX)

/* "Do this with your keys", enum shoal_key_action: install `key`, use or remove the one that print
 * names, or only say which they are. Answered with KEYRING. Counts only sealed. */
#define SHOAL_KEYS_FIELDS(X)                                                                       \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(U8, action, 3)                                                                           \
	X(U64, print, 0)                                                                           \
	X(BYTES, key, SHOAL_KEY_MOST)

/* What became of it, and the keys that the sender holds now: of each its print (8 bytes), its
 * length and whether it is in use. */
#define SHOAL_HELD_KEY 10
#define SHOAL_KEYRING_FIELDS(X)                                                                    \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(VAR, code, 499)                                                                          \
	X(BYTES, keys, SHOAL_KEYS_MAX *SHOAL_HELD_KEY)

/* "Let target, this instance, open a link to me": to one to which the target keeps a link, which
 * passes it on as it came, behind a SENDER. */
#define SHOAL_CALL_FIELDS(X)                                                                       \
	X(ID, id, 0)                                                                               \
	X(U64, salt, 0)                                                                            \
	X(ID, target, 0)                                                                           \
	X(U64, instance, 0)

/* X(KIND, struct, number) */
#define SHOAL_MESSAGES(X)                                                                          \
	X(SENDER, sender, 1)                                                                       \
	X(PING, ping, 2)                                                                           \
	X(ACK, ack, 3)                                                                             \
	X(NACK, nack, 4)                                                                           \
	X(RELAY, relay, 5)                                                                         \
	X(MEMBER, member, 6)                                                                       \
	X(STATE, state, 7)                                                                         \
	X(JOIN, join, 8)                                                                           \
	X(SYNC, sync, 9)                                                                           \
	X(ANSWER, answer, 10)                                                                      \
	X(GONE, gone, 11)                                                                          \
	X(CONFLICT, conflict, 12)                                                                  \
	X(TREE, tree, 13)                                                                          \
	X(NODES, nodes, 14)                                                                        \
	X(WANT, want, 15)                                                                          \
	X(WATCH, watch, 16)                                                                        \
	X(CHECK, check, 17)                                                                        \
	X(REFUSED, refused, 18)                                                                    \
	X(PARTIAL, partial, 19)                                                                    \
	X(PAD, pad, 20)                                                                            \
	X(META, meta, 21)                                                                          \
	X(PULL, pull, 22)                                                                          \
	X(USER, user, 24)                                                                          \
	X(BATCH, batch, 25)                                                                        \
	X(RECEIPT, receipt, 26)                                                                    \
	X(CAST, cast, 27)                                                                          \
	X(OFFER, offer, 28)                                                                        \
	X(FETCH, fetch, 29)                                                                        \
	X(KEYS, keys, 32)                                                                          \
	X(KEYRING, keyring, 33)                                                                    \
	X(CALL, call, 34)

#define SHOAL_X(type, name, limit) shoal_field_##type name;
#define SHOAL_M(KIND, struct_name, number)                                                         \
	struct shoal_msg_##struct_name {                                                           \
		SHOAL_##KIND##_FIELDS(SHOAL_X)                                                     \
	};
SHOAL_MESSAGES(SHOAL_M)
#undef SHOAL_M
#undef SHOAL_X

enum shoal_message_kind {
#define SHOAL_M(KIND, struct_name, number) SHOAL_MESSAGE_##KIND = (number),
	SHOAL_MESSAGES(SHOAL_M)
#undef SHOAL_M
};

/* Room for any message's struct. */
union shoal_wire_message {
#define SHOAL_M(KIND, struct_name, number) struct shoal_msg_##struct_name struct_name;
	SHOAL_MESSAGES(SHOAL_M)
#undef SHOAL_M
};

/* NULL: not one of the protocol's kinds. */
const struct shoal_layout *shoal_message_layout(uint16_t kind);

/* The next message of a packet's body. 1: *kind and *body are set; 0: the end; SHOAL_ERR_MALFORMED.
 */
int shoal_message_next(struct shoal_reader *packet, uint16_t *kind, struct shoal_reader *body);

/* Decodes a body into the struct of its kind; spans point into the packet. Values that the core
 * could not use are refused here: past this line everything is valid. SHOAL_ERR_MALFORMED;
 * SHOAL_ERR_UNSUPPORTED: the kind is not known. */
int shoal_message_decode(
        uint16_t kind, struct shoal_reader body, union shoal_wire_message *message);

/* Who sent a packet that holds this message: every message but a statement, metadata, a
 * broadcast, or one that says nothing, names its sender. NULL: this one does not. */
const struct shoal_id *shoal_message_from(uint16_t kind, const union shoal_wire_message *m);

/* The salt that such a message names with its sender; 0: none. */
uint64_t shoal_message_salt(uint16_t kind, const union shoal_wire_message *m);

/* Whether url is what the one of these addresses stands for that is made from a URL, in the form
 * that is compared; without one, whether it is empty. */
bool shoal_message_is_url_of(const struct shoal_addr_list *addrs, struct shoal_span url);

/* Whether the core can use the values of a message, each of which is well formed: a decoder of
 * bodies asks this last. */
bool shoal_message_is_usable(uint16_t kind, const union shoal_wire_message *message);

/* Appends a message. false: it does not fit, nothing was written. message is the struct of the
 * kind. */
bool shoal_message_append(
        struct shoal_writer *writer, enum shoal_message_kind kind, const void *message);

/* The two halves of appending, for who writes the body in another way: begins a message and returns
 * where its body begins; ends the message that begins at start. false: something of it did not fit,
 * and nothing was written. */
size_t shoal_message_begin(struct shoal_writer *writer, uint16_t kind);
bool shoal_message_end(struct shoal_writer *writer, size_t start, size_t body);

/* Fills the room of the writer, or all but one byte of it, with a PAD. */
void shoal_message_pad(struct shoal_writer *writer);

#endif
