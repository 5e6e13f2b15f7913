/* SPDX-License-Identifier: MIT */
/* shoal/metadata.h - what members say of themselves: tags, and keys with typed values.
 *
 * What this member says reaches all others, those that join later too; what others say is read from
 * a struct shoal_member. All of it is at most SHOAL_META_MAX bytes a member, encoded as in
 * document.h. Each change is one update, told with one SHOAL_EVENT_UPDATE; a transaction makes one
 * of several.
 *
 * Keys are UTF-8 without control characters, 1 to SHOAL_META_KEY_MAX bytes; tags the same, 1 to
 * SHOAL_TAG_MAX bytes. The state directory does not keep metadata: say it at every start.
 *
 * Threads: every function may be called from any thread, callbacks included, and blocks for nothing
 * but a short lock. */
#ifndef SHOAL_METADATA_H
#define SHOAL_METADATA_H

#include <shoal/document.h>
#include <shoal/member.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Set a key of this member. Before shoal_cluster_start too: it is then told beside the first word
 * of this member, which is not always in the same packet. So SHOAL_EVENT_JOIN shows it to others,
 * or SHOAL_EVENT_UPDATE behind that tells it; what is above some 300 bytes, which is fetched,
 * always the latter. shoal_cluster_self shows it after the loop's next turn. Setting what is there
 * already is no update. SHOAL_ERR_INVALID: key or value are no UTF-8, or the key is empty, too long
 * or has control characters; SHOAL_ERR_TOO_BIG: it would be more than SHOAL_META_MAX bytes, or than
 * profile.stream_max allows; SHOAL_ERR_STATE: the cluster is leaving or has stopped;
 * SHOAL_ERR_NOMEM. On an error nothing has changed, and shoal_last_error says why. */
SHOAL_API int shoal_meta_set_bool(struct shoal_cluster *cluster, const char *key, bool value);
SHOAL_API int shoal_meta_set_int64(struct shoal_cluster *cluster, const char *key, int64_t value);
SHOAL_API int shoal_meta_set_uint64(struct shoal_cluster *cluster, const char *key, uint64_t value);
SHOAL_API int shoal_meta_set_double(struct shoal_cluster *cluster, const char *key, double value);
SHOAL_API int shoal_meta_set_time(struct shoal_cluster *cluster, const char *key, int64_t time_ms);
SHOAL_API int shoal_meta_set_str(struct shoal_cluster *cluster, const char *key, const char *value);
SHOAL_API int shoal_meta_set_bytes(
        struct shoal_cluster *cluster, const char *key, const void *data, size_t len);

/* Removes a key of this member. SHOAL_ERR_NOT_FOUND: it is not there. Else as above. */
SHOAL_API int shoal_meta_delete(struct shoal_cluster *cluster, const char *key);

/* Adds a tag to this member, or removes one. Adding one that is there is no update; removing one
 * that is not: SHOAL_ERR_NOT_FOUND. Else as above. */
SHOAL_API int shoal_tag_add(struct shoal_cluster *cluster, const char *tag);
SHOAL_API int shoal_tag_remove(struct shoal_cluster *cluster, const char *tag);

/* Several changes as one. They are kept until commit, which makes them on what this member says
 * then: transactions of several threads do not undo each other. Of a key that is changed more than
 * once the last change counts, and only what comes of all of them is measured: it does not matter
 * in which order keys are set and removed. */
struct shoal_meta_edit;

/* SHOAL_ERR_NOMEM. *edit is written on success only; it is used by one thread at a time. */
SHOAL_API SHOAL_MUST_USE int shoal_meta_begin(
        struct shoal_cluster *cluster, struct shoal_meta_edit **edit);
/* Sets a key, or with value NULL removes it where it is there. SHOAL_ERR_INVALID, SHOAL_ERR_TOO_BIG
 * as above, SHOAL_ERR_NOMEM: the transaction stays as it was. */
SHOAL_API int shoal_meta_edit_set(
        struct shoal_meta_edit *edit, const char *key, const struct shoal_meta_value *value);
SHOAL_API int shoal_meta_edit_str(struct shoal_meta_edit *edit, const char *key, const char *value);
/* Adds a tag, or removes it where it is there. */
SHOAL_API int shoal_meta_edit_tag(struct shoal_meta_edit *edit, const char *tag, bool wanted);
/* Makes all of them or, on an error, none: those of shoal_meta_set_str, with SHOAL_ERR_TOO_BIG for
 * what comes of all of them; shoal_last_error names the key with which it was too much. Frees edit
 * in any case. */
SHOAL_API int shoal_meta_commit(struct shoal_meta_edit *edit);
/* Frees it. NULL is allowed. */
SHOAL_API void shoal_meta_abort(struct shoal_meta_edit *edit);

/* Values of a member. SHOAL_ERR_NOT_FOUND: it has no such key; SHOAL_ERR_TYPE: the value cannot be
 * given in this type without loss. *value is written on success only. Conversions: whole numbers
 * between int64, uint64, time and double where they fit; a string that is a whole number in
 * decimal; bool as 0 and 1, and from those, "true" and "false". */
SHOAL_API int shoal_member_meta_bool(
        const struct shoal_member *member, const char *key, bool *value);
SHOAL_API int shoal_member_meta_int64(
        const struct shoal_member *member, const char *key, int64_t *value);
SHOAL_API int shoal_member_meta_uint64(
        const struct shoal_member *member, const char *key, uint64_t *value);
SHOAL_API int shoal_member_meta_double(
        const struct shoal_member *member, const char *key, double *value);
SHOAL_API int shoal_member_meta_time(
        const struct shoal_member *member, const char *key, int64_t *time_ms);
/* The bytes of a STRING or BYTES, borrowed from the member. */
SHOAL_API int shoal_member_meta_bytes(
        const struct shoal_member *member, const char *key, const uint8_t **data, size_t *len);
/* A string, borrowed from the member; NULL: there is none under this key, or it is of another type:
 * shoal_last_error says which. */
SHOAL_API const char *shoal_member_meta_str(const struct shoal_member *member, const char *key);
/* Any value as text, cut to fit len: numbers in decimal, "true", "false", times as RFC 3339 in UTC
 * with milliseconds, bytes in hex. SHOAL_ERR_NOT_FOUND; SHOAL_ERR_TOO_BIG: it was cut. */
SHOAL_API int shoal_member_meta_text(
        const struct shoal_member *member, const char *key, char *text, size_t len);
/* As it was set; strings and bytes are borrowed from the member. */
SHOAL_API int shoal_member_meta(
        const struct shoal_member *member, const char *key, struct shoal_meta_value *value);

/* The keys of a member in the order of their bytes, 0 to count - 1. value may be NULL. NULL: i is
 * not below the count. */
SHOAL_API size_t shoal_member_meta_count(const struct shoal_member *member);
SHOAL_API const char *shoal_member_meta_key(
        const struct shoal_member *member, size_t i, struct shoal_meta_value *value);
/* The stamp of what it says, which grows with each update; 0: it never said anything. */
SHOAL_API uint64_t shoal_member_meta_version(const struct shoal_member *member);

/* The tags of a member in the order of their bytes, 0 to count - 1. NULL: i is not below it. */
SHOAL_API size_t shoal_member_tags(const struct shoal_member *member);
SHOAL_API const char *shoal_member_tag(const struct shoal_member *member, size_t i);
SHOAL_API bool shoal_member_has_tag(const struct shoal_member *member, const char *tag);

/* Of an UPDATE that changed metadata: the keys that changed, one a call; *at is 0 in the first call
 * and moved by each. *key is borrowed from the event. false: there are no more. Updates that were
 * coalesced are one difference; of one that a JOIN or ALIVE event showed already there are none. */
SHOAL_API bool shoal_event_key(const struct shoal_member_event *event, uint64_t *at,
        const char **key, enum shoal_key_change *change);

#ifdef __cplusplus
}
#endif

#endif
