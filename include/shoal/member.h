/* SPDX-License-Identifier: MIT */
/* shoal/member.h - members and the list of them, as the application sees them.
 *
 * A struct shoal_member is immutable but for its measured round trip time, and reference counted; a
 * list is an immutable snapshot. Both may outlive their cluster, and then its allocator must too.
 * Threads: every function may be called from any thread, callbacks included. */
#ifndef SHOAL_MEMBER_H
#define SHOAL_MEMBER_H

#include <shoal/core.h>
#include <shoal/error.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_cluster;
struct shoal_member;
struct shoal_member_list;

/* One change of one member; borrowed for the callback. OVERFLOW: member is NULL. */
struct shoal_member_event {
	enum shoal_event_kind kind;
	struct shoal_member *member; /* as it is after the change; keep it with shoal_member_ref */
	enum shoal_state was, state;
	uint64_t wall_ns; /* when it was noticed here, nanoseconds since 1970 */
	struct shoal_cause cause;
	unsigned changed;            /* UPDATE: what, enum shoal_change; see shoal_event_key */
	struct shoal_member *before; /* UPDATE: as it was before; else NULL */
	bool current; /* JOIN: it was here when this one subscribed, see SHOAL_EVENT_CURRENT */
};

/* Called for each event in the mask, one at a time, in order; see shoal_run for the thread. May
 * call everything but shoal_cluster_free and the blocking forms.
 *
 * With config.coalesce_ms, what happens to a member within so long a time is told as one event, or
 * as two: a change of its state, `was` what it was first and `state` what it is last, and behind it
 * an UPDATE with all that changed, `before` as it was first. Nothing is told where the state came
 * back to what it was (an UPDATE where something else did not, as of one that was started again).
 * Who came and is gone again is not told of at all: should it return later, that is its JOIN. JOIN,
 * and ALIVE of one that was dead or left, stay what they are whatever followed, and need no UPDATE.
 * REAP and CONFLICT are told at once, behind what is held of their member; and all that is held
 * where more than half of events_max wait, or somebody subscribes. The list is not late, and
 * neither are messages: one may be handled before the JOIN of its sender. */
typedef void (*shoal_member_fn)(
        struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg);

/* Subscribes. The events of shoal_members before the call are not repeated. fn and arg until the
 * cluster is freed or shoal_off_member returns. The same fn and arg may be there several times:
 * each is called, and shoal_off_member ends them all.
 *
 * With SHOAL_EVENT_CURRENT in the mask, whether JOIN is or not, fn is first told of each other
 * member that shoal_members shows at this moment, as JOIN: `current` is set, `was` is UNKNOWN,
 * `state` what it is (also DEAD or LEFT), wall_ns when that began, and there is no cause. Nothing
 * else comes before or between, and what follows goes on from there: no change is missed, none is
 * told twice. (With config.coalesce_ms, one that is DEAD or LEFT and was not told of to others
 * comes as JOIN again if it returns.) Before start nobody is there yet.
 *
 * SHOAL_ERR_INVALID: no event is in the mask, or NULL fn. SHOAL_ERR_LIMIT: 64 are there.
 * SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_on_member(
        struct shoal_cluster *cluster, unsigned mask, shoal_member_fn fn, void *arg);

/* Ends a subscription. Unless it is called from a callback itself, fn does not run any more once it
 * returned. SHOAL_ERR_NOT_FOUND. */
SHOAL_API int shoal_off_member(struct shoal_cluster *cluster, shoal_member_fn fn, void *arg);

/* Waits until n members (this one included) are alive here. SHOAL_ERR_TIMEOUT, _WOULD_BLOCK,
 * _STATE. */
SHOAL_API int shoal_wait_members(struct shoal_cluster *cluster, size_t n, unsigned timeout_ms);

/* Whom the application accepts. With config.accept no instance of another member (each start of
 * one is another) is a member here before that function was called with it and it was accepted:
 * whether it joins through this member, is told of by others, or was known to a former run. So a
 * member that joins is asked about all that are there. Who is refused and asks to join hears the
 * reason; whatever else it says, and what others say of it, is dropped (drop_not_accepted). A
 * decision counts for as long as the instance is known here, a refusal for a minute: who is heard
 * of after that is asked about again, and so is one about whom nobody decided within 30 s; its join
 * ends earlier, by the joiner's time-out.
 *
 * Each member asks its own application, so this is for rules by which all decide alike, such as a
 * version; where they differ, so do the lists, for good. It is no protection: that is by keys, and
 * anything here is the applicant's own word, but for `peer`. To let in only who has a certificate:
 * see docs/security.md, "TLS". */
struct shoal_applicant {
	uint64_t ticket;
	struct shoal_member *member; /* what it says of itself, ALIVE; its tags and metadata come
	                              * when it is a member. Keep it with shoal_member_ref */
	struct shoal_cause cause;    /* JOIN: it joins here, or this one where it is; who told of it
	                              * is `from`, often itself */
	const char *peer;            /* the name in the certificate of whose message this is, the
	                              * applicant's or that of who tells of it: its first DNS name,
	                              * else its common name; "": it came by UDP, in clear, from who
	                              * was not asked for one (tls_client_certs) or not checked
	                              * (tls_insecure), or this member remembers it itself. Lives as
	                              * long as the callback */
};

/* Whether this one is taken in: shoal_accept and shoal_refuse answer. */
typedef void (*shoal_accept_fn)(
        struct shoal_cluster *cluster, const struct shoal_applicant *applicant, void *arg);

/* Decide about an applicant, once: from its callback, which runs where callbacks run, or later and
 * from any thread. reason: UTF-8 without control characters, at most SHOAL_ACCEPT_REASON_MAX bytes,
 * or NULL: none. SHOAL_ERR_NOT_FOUND: it was decided before, or 30 s have passed. SHOAL_ERR_STATE:
 * the cluster is not running. SHOAL_ERR_INVALID: the reason is none. */
SHOAL_API int shoal_accept(struct shoal_cluster *cluster, uint64_t ticket);
SHOAL_API int shoal_refuse(struct shoal_cluster *cluster, uint64_t ticket, const char *reason);

/* Which members a list holds; every criterion must be met. */
struct shoal_filter {
	size_t size;     /* set by shoal_filter_init */
	unsigned states; /* bits 1 << enum shoal_state; 0: all */
	const char *tag; /* it has this tag; NULL: whatever its tags */
	/* "role=web,zone,version~1.": the key has this value, is there, has a value with this part
	 * in it. Values are compared as text, see shoal_member_meta_text; NULL: whatever it says.
	 */
	const char *criteria;
};

/* A filter that every member passes. */
SHOAL_API void shoal_filter_init_sized(struct shoal_filter *filter, size_t size);
#define shoal_filter_init(filter) shoal_filter_init_sized((filter), sizeof(*(filter)))

/* A snapshot, in no particular order; filter may be NULL: all. Those that are dead or left are in
 * it while they are remembered, if this object showed them before: not those that were only told of
 * as dead, nor those of a former run (config.state_dir). NULL: out of memory, the filter was not
 * initialised or its criteria are none, or this is a child of fork (see cluster.h). Free with
 * shoal_member_list_free; members of it live as long as it, or until unref. */
SHOAL_API struct shoal_member_list *shoal_members(
        struct shoal_cluster *cluster, const struct shoal_filter *filter);
/* How many it holds. */
SHOAL_API size_t shoal_member_list_count(const struct shoal_member_list *list);
/* NULL: i is not below the count. */
SHOAL_API struct shoal_member *shoal_member_list_at(const struct shoal_member_list *list, size_t i);
/* NULL: none. By name: one that is alive before one that is not. By id O(1) where no filter made
 * the list, else O(members). */
SHOAL_API struct shoal_member *shoal_member_list_find_by_id(
        const struct shoal_member_list *list, const struct shoal_id *id);
SHOAL_API struct shoal_member *shoal_member_list_find_by_name(
        const struct shoal_member_list *list, const char *name);
/* NULL is allowed. */
SHOAL_API void shoal_member_list_free(struct shoal_member_list *list);

/* Takes one more reference. Returns member. */
SHOAL_API struct shoal_member *shoal_member_ref(struct shoal_member *member);
/* Gives one up. NULL is allowed. */
SHOAL_API void shoal_member_unref(struct shoal_member *member);

/* Accessors. Pointers live as long as the member. */
SHOAL_API const struct shoal_id *shoal_member_id(const struct shoal_member *member);
SHOAL_API const char *shoal_member_name(const struct shoal_member *member);
SHOAL_API const struct shoal_addr *shoal_member_address(const struct shoal_member *member);
/* One that is made from a URL (shoal_addr_is_web) is no address of IP. */
SHOAL_API size_t shoal_member_addresses(
        const struct shoal_member *member, const struct shoal_addr **addrs);
/* What the one of its addresses stands for that is made from a URL (shoal_addr_is_web); "": there
 * is none. */
SHOAL_API const char *shoal_member_url(const struct shoal_member *member);
/* Writes its address as text, or its URL where that is its address, cut to fit len; SHOAL_URL_TEXT
 * bytes hold either. Returns text. */
SHOAL_API const char *shoal_member_address_print(
        const struct shoal_member *member, char *text, size_t len);
SHOAL_API enum shoal_state shoal_member_state(const struct shoal_member *member);
/* What this member found out about the way to it. */
SHOAL_API enum shoal_diagnosis shoal_member_diagnosis(const struct shoal_member *member);
/* Nanoseconds since 1970 at which the state began here. */
SHOAL_API uint64_t shoal_member_since(const struct shoal_member *member);
SHOAL_API uint64_t shoal_member_incarnation(const struct shoal_member *member);
/* Smoothed round trip time in nanoseconds, 0: not measured yet. Follows the measurements. */
SHOAL_API uint64_t shoal_member_rtt(const struct shoal_member *member);
SHOAL_API uint32_t shoal_member_app_version(const struct shoal_member *member);
/* Lowest and highest protocol version that the member speaks. */
SHOAL_API void shoal_member_protocol(
        const struct shoal_member *member, unsigned *lowest, unsigned *highest);
SHOAL_API bool shoal_member_is_self(const struct shoal_member *member);

/* shoal_cause_print into a buffer of the calling thread, valid until its next call. */
SHOAL_API const char *shoal_cause_text(const struct shoal_cause *cause);

#ifdef __cplusplus
}
#endif

#endif
