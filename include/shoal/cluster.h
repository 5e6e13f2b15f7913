/* SPDX-License-Identifier: MIT */
/* shoal/cluster.h - the cluster object: this process as a member.
 *
 * Threads: every function may be called from any thread but shoal_cluster_free, which needs
 * exclusive use; with SHOAL_RUN_BASE, start, stop and free are called on the thread of the base
 * (elsewhere stop and free return SHOAL_ERR_STATE from start on, also when the cluster has
 * stopped). A blocking form (join, leave, wait) called on the loop's or the callbacks' thread
 * returns SHOAL_ERR_WOULD_BLOCK and does nothing; join and leave need the loop to turn, and return
 * SHOAL_ERR_TIMEOUT up to 10 s after their time where it does not. Every failure leaves a text in
 * shoal_last_error. A cluster that is passed is not NULL, but to shoal_cluster_free.
 *
 * fork: a cluster that was started belongs to the process that started it. In a child every call
 * returns SHOAL_ERR_STATE (or what it returns for nothing: NULL, no counters, STOPPED), with
 * SHOAL_RUN_BASE what runs of it on a base in the child does nothing, and nothing is sent. A child
 * that does not exec soon calls shoal_cluster_free: it closes the child's descriptors and releases
 * its memory, and neither the parent nor the peers notice; no callback runs. With
 * SHOAL_RUN_BASE that makes the base the child's own (event_reinit). With the library's threads
 * POSIX allows only async-signal-safe calls before exec in a child, and free is as safe as the
 * others that take memory back: fork from a callback, or before threads are made, where that
 * matters. An object that was not started can be started in the child. */
#ifndef SHOAL_CLUSTER_H
#define SHOAL_CLUSTER_H

#include <shoal/config.h>
#include <shoal/member.h>
#include <shoal/metrics.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shoal_cluster_state {
	SHOAL_CLUSTER_CREATED = 0,
	SHOAL_CLUSTER_RUNNING = 1,
	SHOAL_CLUSTER_LEAVING = 2,
	SHOAL_CLUSTER_STOPPED = 3
};

/* "created", "running", "leaving", "stopped"; "invalid" for any other number. */
SHOAL_API const char *shoal_cluster_state_name(enum shoal_cluster_state state);

/* Text of the last failure of a call on this thread, "" where there was none. Valid until the next
 * call. */
SHOAL_API const char *shoal_last_error(void);

/* Validates the whole config and makes a cluster that does nothing yet. SHOAL_ERR_INVALID: the text
 * names the field. SHOAL_ERR_NOMEM, SHOAL_ERR_SYSTEM. *cluster is written on success only. */
SHOAL_API SHOAL_MUST_USE int shoal_cluster_new(
        struct shoal_cluster **cluster, const struct shoal_config *config);

/* Binds and begins. SHOAL_ERR_IN_USE, _PERMISSION, _SYSTEM: the text names the address.
 * SHOAL_ERR_STATE: it was started or stopped before. SHOAL_ERR_CANCELED: it was stopped meanwhile.
 * SHOAL_ERR_INVALID, _NOMEM. After a failure the cluster can only be freed. */
SHOAL_API int shoal_cluster_start(struct shoal_cluster *cluster);

/* Whether join would take these texts: SHOAL_ERR_INVALID or _UNSUPPORTED as it would return; the
 * text names the one that is wrong. Nothing is asked of anybody. */
SHOAL_API int shoal_seeds_check(const char *const *addrs, size_t n);

/* Joins through the seeds, which are tried at once; it ends when all have answered, or after
 * timeout_ms (0: the profile's exchange_timeout_ms). 0 when at least one was reached; *reached (may
 * be NULL) says how many, and what they told is in shoal_members. A seed is one of
 *
 *     1.2.3.4:7946  [2001:db8::1]:7946  [fe80::1%eth0]:7946    without a port: that of bind
 *     db1.example.com:7946                                     the same
 *     srv+example.com         the SRV records of _shoal._tcp.example.com say where; a name that
 *                             begins with an underscore is taken as it is
 *     https://db1.example.com/gossip    a member at a URL, http or https
 *     srv+https://example.com/gossip    the same at the hosts of _shoal-https._tcp.example.com
 *                                       (or _shoal-http), for whose names certificates must be
 *
 * The addresses of a name are tried in turn, 32 at most, in the order that config.family asks for:
 * the next one when the one before has answered, or has said nothing for a quarter of a second (or
 * less, so that all have their turn in time). All are, also behind one that was reached: they may
 * be several members. Of hosts with SRV records 16 are, drawn by priority and weight (RFC 2782), 4
 * addresses of each; those of the next priority where none of those before was reached: all have
 * failed, or have said nothing for their share of the time (of two priorities, a third of it).
 *
 * A seed that is this member itself counts neither as reached nor as an error, so that all members
 * may have the same list; where every seed is this member, it is the first of its cluster: 0 with
 * *reached 0. Seeds that were not reached are tried again in the background while this member
 * lives, also when others were reached, about every heal_interval_ms and sooner at first, names
 * resolved anew: one at a time, or all at once while no other member is alive here. One that
 * refuses is asked ever more seldom, after heal_interval_ms at first and 16 times that in the end,
 * and the log says so once, as a warning; it is asked soon after a change of this member's keys,
 * accept_* or heal_interval_ms.
 *
 * SHOAL_ERR_NO_SEED: none was reached; the text lists each address with its reason, and says how
 * many more there are where it has no place for all.
 * SHOAL_ERR_REJECTED: none was reached, and somebody answered with a refusal, because of another
 * label, protocol, codec or key for example. SHOAL_ERR_INVALID, _UNSUPPORTED: the
 * text names the seed, nothing was tried. SHOAL_ERR_CANCELED: the cluster leaves or has stopped.
 * SHOAL_ERR_AGAIN: 1,024 operations have not ended. SHOAL_ERR_TIMEOUT: the loop does not run.
 * SHOAL_ERR_STATE, _WOULD_BLOCK, _NOMEM. */
SHOAL_API int shoal_cluster_join(struct shoal_cluster *cluster, const char *const *addrs, size_t n,
        unsigned timeout_ms, size_t *reached);

/* The end of an operation that was begun by an _async form: its code, the text of an error and, for
 * joins, the number of seeds reached, for waits that of members alive. Runs where callbacks run. */
typedef void (*shoal_done_fn)(
        struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg);

/* As join, but returns at once; fn (may be NULL) is called exactly once if 0 was returned, in
 * shoal_cluster_free at the latest. */
SHOAL_API int shoal_cluster_join_async(struct shoal_cluster *cluster, const char *const *addrs,
        size_t n, unsigned timeout_ms, shoal_done_fn fn, void *arg);

/* Tells the others that this member leaves, and ends: the state is then stopped. timeout_ms 0: the
 * profile's, which is also the longest. SHOAL_ERR_TIMEOUT: nobody confirmed in time; it was said
 * and has ended all the same. SHOAL_ERR_CANCELED: it was stopped meanwhile. SHOAL_ERR_STATE: not
 * running. SHOAL_ERR_AGAIN, _WOULD_BLOCK, _NOMEM. */
SHOAL_API int shoal_cluster_leave(struct shoal_cluster *cluster, unsigned timeout_ms);
SHOAL_API int shoal_cluster_leave_async(
        struct shoal_cluster *cluster, unsigned timeout_ms, shoal_done_fn fn, void *arg);

/* As shoal_wait_members, but returns at once; fn as in join_async, with the members that are alive
 * as reached. SHOAL_ERR_TIMEOUT, _CANCELED, _NOMEM come to fn; SHOAL_ERR_STATE, _AGAIN, _NOMEM are
 * returned. */
SHOAL_API int shoal_cluster_wait_async(
        struct shoal_cluster *cluster, size_t n, unsigned timeout_ms, shoal_done_fn fn, void *arg);

/* Ends the joins and waits that were begun with this function and argument: fn is called for each
 * with SHOAL_ERR_CANCELED, once and where callbacks run, as ever. Seeds of such a join that it did
 * not reach are not tried again in the background, unless another join named them; what was asked
 * of a seed already may still be answered, and then this member is in. SHOAL_ERR_NOT_FOUND: none is
 * under way: fn was called, or will be, with how it ended. SHOAL_ERR_STATE: only a leave or an
 * order about keys is, which cannot be taken back. SHOAL_ERR_INVALID: fn is NULL. From any thread
 * and from callbacks. */
SHOAL_API int shoal_cluster_cancel(struct shoal_cluster *cluster, shoal_done_fn fn, void *arg);

/* Ends at once without telling anyone: to the others it has failed. Operations that have not ended
 * end with SHOAL_ERR_CANCELED. Idempotent. SHOAL_ERR_WOULD_BLOCK: from a callback or the library's
 * loop thread. */
SHOAL_API int shoal_cluster_stop(struct shoal_cluster *cluster);

/* Stops and releases; NULL is allowed. Callbacks have ended when it returns: those of operations
 * were all called, member events that still waited were dropped. SHOAL_ERR_WOULD_BLOCK: it was
 * called from a callback; nothing happened. */
SHOAL_API int shoal_cluster_free(struct shoal_cluster *cluster);

/* The advertised address as text, the URL of a member that has nothing else, "" before start.
 * SHOAL_ERR_TOO_BIG: len is too small, SHOAL_URL_TEXT fits. */
SHOAL_API int shoal_cluster_address(struct shoal_cluster *cluster, char *text, size_t len);

/* The i-th of the addresses that this member listens on, from 0 on, as text, with the port that the
 * kernel chose: those of sockets, and then its URL. What others are told may be something else: see
 * shoal_member_addresses of shoal_cluster_self. SHOAL_ERR_NOT_FOUND: there is none, or it was not
 * started. SHOAL_ERR_TOO_BIG: len is too small, SHOAL_URL_TEXT fits. */
SHOAL_API int shoal_cluster_bound(struct shoal_cluster *cluster, size_t i, char *text, size_t len);

/* This member; unref it. NULL before start. */
SHOAL_API struct shoal_member *shoal_cluster_self(struct shoal_cluster *cluster);

/* Where the cluster stands between new and free; STOPPED is final. */
SHOAL_API enum shoal_cluster_state shoal_cluster_state(struct shoal_cluster *cluster);

/* Why the cluster stopped by itself, 0: it did not, or not by itself. SHOAL_ERR_ID_CONFLICT:
 * another live process has the same name or id, and was there first; the others were told nothing,
 * for the member lives. SHOAL_ERR_SYSTEM: its loop failed. shoal_last_error says more. */
SHOAL_API int shoal_cluster_failure(struct shoal_cluster *cluster);

/* 0 (good) to 8: how much this member distrusts its own failure detection (Lifeguard's local
 * health). */
SHOAL_API unsigned shoal_cluster_health(struct shoal_cluster *cluster);

/* Nanoseconds for which this member has known of another one that holds other statements than it
 * does, 0: of none (shoal_core_convergence_lag); a probe interval old at most. */
SHOAL_API uint64_t shoal_cluster_convergence_lag(struct shoal_cluster *cluster);

/* How others reach this member at what it advertises (shoal_core_access); a probe interval old at
 * most. The log says what to do. */
SHOAL_API enum shoal_access shoal_cluster_access(struct shoal_cluster *cluster, unsigned *peers);

/* Bytes of the metadata of all other members that this one holds, each counted with 64 more; a few
 * milliseconds old at most. *most, unless NULL: their bound, meta_bytes of the profile; what would
 * go beyond it is refused (drop_meta_full). */
SHOAL_API uint64_t shoal_cluster_meta_held(struct shoal_cluster *cluster, uint64_t *most);

/* Whole days until this member's certificate (tls_cert) ends; below 0: it has ended. From 14 days
 * on the log says so once a day. SHOAL_ERR_NOT_FOUND: it has none, or was not started. */
SHOAL_API int shoal_cluster_certificate_days(struct shoal_cluster *cluster, int *days);

/* A copy of all counters, core and transports; a few milliseconds old at most. The macro passes the
 * size that the program was compiled with: of a library that has more counters it gets those that
 * it knows, and 0 for those that an older library has not. */
SHOAL_API void shoal_cluster_counters_sized(
        struct shoal_cluster *cluster, struct shoal_counters *counters, size_t size);
#define shoal_cluster_counters(cluster, counters)                                                  \
	shoal_cluster_counters_sized((cluster), (counters), sizeof(*(counters)))

/* A copy of all histograms, in the same way; a few milliseconds old at most. */
SHOAL_API void shoal_cluster_histograms_sized(
        struct shoal_cluster *cluster, struct shoal_histograms *histograms, size_t size);
#define shoal_cluster_histograms(cluster, histograms)                                              \
	shoal_cluster_histograms_sized((cluster), (histograms), sizeof(*(histograms)))

/* For one field that differs: whether the new value is in force, or needs a restart. The name is
 * that of shoal_config_set. */
typedef void (*shoal_reconfigured_fn)(const char *field, bool in_force, void *arg);

/* Compares config with the one in force, and takes over what may change while a cluster runs: the
 * profile but for the fields of SHOAL_PROFILE_FIXED_TABLE, log_level, allow, advertise, token, and
 * tags (what differs between the former config and this one; what else was changed stays). All of
 * it or, on an error, nothing. With bind a wildcard and advertise NULL the address of the default
 * route is looked up again, whatever differs; who is at another address tells all, and each is told
 * SHOAL_EVENT_UPDATE. An advertise that is not bound here, as behind a NAT, needs a restart where
 * the former one was, and the other way round, unless watchers is 0. A token that ends does so with
 * a restart: keys in its place need one, too. It counts from the loop's next turn on: intervals
 * begin anew, time-outs that run end as they would have. fn (may be NULL) is called during this
 * call, once for each field that differs. Pointers of config are not compared. The files of tls_ca,
 * tls_cert and tls_key are read again: connections that are made from then on have what is in them,
 * those that are there stay; one that cannot be used is an error, and named. fn is called, too, for
 * each of the three whose file has something else in it than before, unless config names another
 * file. SHOAL_ERR_INVALID: as
 * shoal_cluster_new. SHOAL_ERR_PERMISSION: of a file. SHOAL_ERR_STATE: it does not run.
 * SHOAL_ERR_TOO_BIG: the tags are too much beside the metadata. SHOAL_ERR_NOMEM. From any thread
 * and from callbacks. */
SHOAL_API int shoal_cluster_reconfigure(struct shoal_cluster *cluster,
        const struct shoal_config *config, shoal_reconfigured_fn fn, void *arg);

/* The same for one field, by name and as text, see shoal_config_set. SHOAL_ERR_NOT_FOUND: no such
 * field. SHOAL_ERR_STATE, too: this one needs a restart. */
SHOAL_API int shoal_cluster_set(
        struct shoal_cluster *cluster, const char *field, const char *value);

/* Lets a dead or left member be forgotten before its time, here and by all who hear of it: it is in
 * no list any more, and each is told SHOAL_EVENT_REAP, cause SHOAL_CAUSE_FORGOTTEN. If it returns
 * it joins as new. SHOAL_ERR_NOT_FOUND: no member of that id is listed. SHOAL_ERR_STATE: it is not
 * dead or left, or the cluster does not run. SHOAL_ERR_AGAIN, _NOMEM. It happens on the loop's next
 * turn. From any thread and from callbacks. */
SHOAL_API int shoal_cluster_forget(struct shoal_cluster *cluster, const struct shoal_id *id);

/* Writes what is recorded in memory (record_bytes without record) to a file, which is replaced.
 * While no more than half of record_bytes was recorded it can be replayed from the start; later it
 * lists the newest inputs. Copies it, during which the loop may wait. SHOAL_ERR_STATE: nothing is
 * recorded in memory. SHOAL_ERR_INVALID, _PERMISSION, _SYSTEM, _NOMEM. */
SHOAL_API int shoal_cluster_record_dump(struct shoal_cluster *cluster, const char *path);

/* Reads keys from a file: base64, one a line, at most SHOAL_KEYS_MAX; empty lines and those that
 * begin with # do not count. "-" is standard input. SHOAL_ERR_PERMISSION: others may read or write
 * it, or it is another user's; SHOAL_ERR_INVALID: no keys; SHOAL_ERR_SYSTEM. keys is wiped then. */
SHOAL_API int shoal_keys_load(
        const char *path, struct shoal_key keys[SHOAL_KEYS_MAX], size_t *count);

/* The keys of this member, while it runs; the others are not told. Blocking,
 * but for a moment only; not from callbacks (SHOAL_ERR_WOULD_BLOCK). SHOAL_ERR_UNSUPPORTED: it was
 * started without keys; SHOAL_ERR_STATE: it is not running. */

/* Opens packets with it from now on; one that is held already stays. *print (may be NULL) names it.
 * SHOAL_ERR_INVALID; SHOAL_ERR_LIMIT: SHOAL_KEYS_MAX are held; SHOAL_ERR_STATE: another one has the
 * same id by chance; SHOAL_ERR_NOMEM. */
SHOAL_API int shoal_cluster_key_install(
        struct shoal_cluster *cluster, const struct shoal_key *key, uint64_t *print);

/* Seals with it from now on. SHOAL_ERR_NOT_FOUND. */
SHOAL_API int shoal_cluster_key_use(struct shoal_cluster *cluster, uint64_t print);

/* Wipes it. SHOAL_ERR_NOT_FOUND; SHOAL_ERR_STATE: it is in use. */
SHOAL_API int shoal_cluster_key_remove(struct shoal_cluster *cluster, uint64_t print);

/* What a member said to an order about keys. Borrowed for the call. */
struct shoal_key_answer {
	struct shoal_id id;
	const char *name;
	int code;                          /* 0: done; to REMOVE SHOAL_ERR_NOT_FOUND: it does not
	                                    * hold the key, which is no failure of the order */
	const struct shoal_key_info *keys; /* that it holds now, where it said so */
	size_t key_count;
	size_t answered, asked; /* members so far, this one included; and in all */
};
typedef void (*shoal_key_answer_fn)(
        struct shoal_cluster *cluster, const struct shoal_key_answer *answer, void *arg);

/* The same at all members that are alive or suspect here, this one included: LIST does nothing but
 * ask. key: INSTALL; print: USE, REMOVE. Before USE and REMOVE all are asked which keys they hold,
 * and nothing is done unless all have answered, hold the key, or do not use it. A key that nobody
 * holds cannot be removed: SHOAL_ERR_NOT_FOUND. each (may be NULL)
 * is told of every answer, and of those that are in the way; done once, after them: 0 and how many
 * did it; else a code of one that did not, and a text that names them. Both are called where
 * callbacks run. Sent sealed only, see docs/security.md; SHOAL_ERR_UNSUPPORTED: this member seals
 * nothing; SHOAL_ERR_AGAIN: another order has not ended. From any thread and from callbacks. The
 * call itself: SHOAL_ERR_INVALID, _STATE: it is not running, _AGAIN, _NOMEM. */
SHOAL_API int shoal_cluster_keys_order(struct shoal_cluster *cluster, enum shoal_key_action action,
        const struct shoal_key *key, uint64_t print, shoal_key_answer_fn each, shoal_done_fn done,
        void *arg);

/* The keys that are held; returns how many, 0: none, packets are not sealed. */
SHOAL_API size_t shoal_cluster_keys(
        struct shoal_cluster *cluster, struct shoal_key_info info[SHOAL_KEYS_MAX]);

/* What is taken besides, while the cluster gets keys or a label, and for how long still; as old as
 * shoal_cluster_convergence_lag. */
SHOAL_API void shoal_cluster_migration(
        struct shoal_cluster *cluster, struct shoal_migration *migration);

/* The label of the config, "" for none. Lives as long as the cluster. */
SHOAL_API const char *shoal_cluster_label(struct shoal_cluster *cluster);

/* The event_base in use, for the application's own events on its thread; NULL before start. */
SHOAL_API struct event_base *shoal_cluster_base(struct shoal_cluster *cluster);

/* SHOAL_RUN_DISPATCH: a descriptor that is readable while callbacks wait and once
 * when the cluster has stopped, and the call that runs
 * them, on the caller's thread; it returns how many ran. -1 and SHOAL_ERR_STATE in the other ways
 * to run. SHOAL_ERR_WOULD_BLOCK: a callback is running, on this thread or on another one. */
SHOAL_API int shoal_cluster_fd(struct shoal_cluster *cluster);
SHOAL_API int shoal_cluster_dispatch(struct shoal_cluster *cluster);

#ifdef __cplusplus
}
#endif

#endif
