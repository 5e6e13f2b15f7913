/* SPDX-License-Identifier: MIT */
/* shoal/config.h - what a cluster object is made from. */
#ifndef SHOAL_CONFIG_H
#define SHOAL_CONFIG_H

#include <shoal/codec.h>
#include <shoal/error.h>
#include <shoal/keyring.h>
#include <shoal/log.h>
#include <shoal/member.h>
#include <shoal/profile.h>
#include <shoal/resolver.h>
#include <shoal/transport.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SHOAL_TRANSPORTS_MAX 4
#define SHOAL_TOKEN_MAX      512 /* bytes of config.token */

/* Who runs the loop and the callbacks; see README.md, "Three ways to run". */
enum shoal_run {
	SHOAL_RUN_THREADS = 0,  /* the library's threads: one for the loop, one for callbacks */
	SHOAL_RUN_DISPATCH = 1, /* the library's loop thread; callbacks in shoal_cluster_dispatch */
	SHOAL_RUN_BASE = 2      /* everything on the application's event_base */
};

/* Set by shoal_config_init, then change what you need. shoal_cluster_new copies strings and arrays;
 * what a pointer of this struct names must live until it returns (allocator, log_arg, accept_arg,
 * resolver_arg, base: as long as the cluster). */
struct shoal_config {
	size_t size;           /* set by shoal_config_init */
	const char *id;        /* NULL: from state_dir; else from the name; without both: a
	                        * new one each start */
	const char *name;      /* NULL: the text of the id */
	const char *label;     /* NULL: none. Separates clusters that can reach each other */
	const char *bind;      /* "ip:port[,ip:port...]" for UDP and TCP, "http://ip:port/path" or
	                        * https for HTTP: one URL at most, alone or beside the others; port
	                        * 0: the kernel picks. Members reach each other by what both have.
	                        * Default 127.0.0.1:7946 */
	const char *advertise; /* "ip[:port][,...]", and a URL where bind has one; NULL, and for a
	                        * form that it does not name: what was bound (a wildcard: the
	                        * address of the interface that the default route uses). A URL is
	                        * what others dial, and may be that of a proxy which ends TLS and
	                        * has another name and path. But for the URL it may change while it
	                        * runs, see shoal_cluster_reconfigure */
	uint32_t app_version;  /* the application's own number, told to everyone */
	struct shoal_profile profile;
	uint32_t connections_max; /* streams open at once. Default 256 */
	uint32_t idle_timeout_ms; /* an unused stream is closed. Default 60000 */
	uint32_t events_max;      /* member events that wait for callbacks. Default 4096 */
	enum shoal_run run;
	struct event_base *base;                  /* REQUIRED with SHOAL_RUN_BASE, NULL otherwise */
	const struct shoal_transport *transports; /* n of them, owned by the cluster from the moment
	                                           * that new succeeds; NULL: udp and tcp */
	size_t transport_count;
	shoal_log_fn log; /* NULL: no log */
	void *log_arg;
	enum shoal_log_level log_level;
	const struct shoal_allocator *allocator; /* NULL: malloc and free. Any thread calls it, for
	                                          * all that this library takes; those beneath it
	                                          * (libevent, c-ares, mbedTLS, libc) do not */
	uint64_t seed;          /* 0: random. Other: the core's random choices repeat (tests) */
	const char *record;     /* NULL: no file. The inputs of the core are kept in it, mode 0600,
	                         * for 'shoal replay'; see shoal/record.h. What was in it goes to
	                         * FILE.1. A file that cannot be made is an error of start; one that
	                         * cannot be written any more is a warning */
	uint32_t record_bytes;  /* kept at most, and one input: in halves, so at least half of it.
	                         * 0: 64 MiB in a file; without a file nothing. Other, without a
	                         * file: in memory, for shoal_cluster_record_dump. At least 65536 */
	uint32_t history_max;   /* transitions kept for shoal_why. Default 4096, 0: none */
	uint32_t record_redact; /* 1: without the bodies of messages of kind 64 and above */
	const char *state_dir;  /* NULL: none. A directory of this member's own, made where it is
	                         * missing: its id, and the members that it knows, are kept in it,
	                         * so that a restart is the same member and finds the others without
	                         * seeds. start refuses one that is in use (SHOAL_ERR_IN_USE), or
	                         * whose file is damaged or another member's, and says what to do */
	uint32_t state_interval_ms; /* the file is written at most so often. Default 10000 */
	const char *tags;    /* NULL: none; "db,spare": tags of this member, see metadata.h */
	const char *allow;   /* NULL: everybody. "10.0.0.0/8,fd00::/8": ranges, at most
	                      * SHOAL_ALLOW_MAX, of the addresses of sockets that members may have:
	                      * packets from elsewhere are dropped, members elsewhere are not taken
	                      * in. Addresses can be forged where packets are not sealed. It says
	                      * nothing of URLs, nor of who sends a request over HTTP, often a proxy:
	                      * token, keys and the proxy's own rules do */
	const char *keyring; /* NULL: packets are not sealed, and can be forged by whoever reaches
	                      * the port. A file with a key a line, the one in use first, read by
	                      * start as shoal_keys_load does */
	const struct shoal_key *keys; /* the same in memory, without keyring: key_count of them */
	size_t key_count;
	uint32_t accept_clear; /* with keys. 1: takes packets that are not sealed, too; 2:
	                        * and seals nothing yet: see docs/security.md. Default 0 */
	const struct shoal_cipher_ops *cipher; /* NULL: AES-GCM */
	uint32_t compress_min; /* packets on streams of so many bytes are compressed, see
	                        * compressor; 0: none. Default 1024 */
	uint32_t coalesce_ms;  /* member events are told so late at most, those of one member that
	                        * fall together as one: see shoal_on_member. Default 0: at once */
	const char *codec; /* of the cluster's packets and of shoal_encode: "binary", "msgpack" or
	                    * "json"; all members have the same. NULL: binary, which is the shortest
	                    * and the fastest */
	const struct shoal_codec_ops *codec_ops; /* NULL; or a codec of your own, see shoal/codec.h,
	                                          * of a number from SHOAL_CODEC_APPLICATION on. It
	                                          * lives as long as the cluster */
	shoal_accept_fn accept; /* NULL: whoever may reach this member may be one. Is asked about
	                         * each instance of another member before it is one here, see
	                         * shoal/member.h */
	void *accept_arg;
	uint32_t accept_unlabelled; /* with label, as accept_clear: 1: takes packets without a
	                             * label, too; 2: and writes none yet. A state_dir of before
	                             * the label is taken over. Default 0 */
	uint32_t accept_for_ms; /* accept_clear and accept_unlabelled are 0 again so long after the
	                         * start, or after one of the three was changed; the log says so
	                         * before, too. Default 0: not by themselves */
	uint32_t log_rate; /* lines a second that log gets of each room and level, and five times as
	                    * many at once; what is left out is counted, and told in a line. Errors
	                    * are never left out. Default 20; 0: all */
	const struct shoal_compressor_ops *compressor; /* NULL: snappy, where the build has it; or
	                                                * one of your own, see shoal/codec.h, which
	                                                * lives as long as the cluster. All members
	                                                * have the same: packets do not name it */
	const char *transport; /* NULL: what the forms in bind need. "socket": UDP and TCP; "tcp":
	                        * streams only, for networks that let no UDP pass, of all members of
	                        * a cluster alike; "http": URLs only. A bind with another form is an
	                        * error then */
	const char *token;  /* NULL: none. What HTTP requests must have to be read at all, a bearer
	                     * token, and what those of this member have: all members that have a
	                     * URL have the same. Up to SHOAL_TOKEN_MAX visible characters of ASCII.
	                     * "one two": two of them with a space between, while it is changed: the
	                     * first is sent, and both are taken; shoal_cluster_reconfigure
	                     * takes another one, unless the transport of the application cannot;
	                     * that there is none any more needs a restart.
	                     * Whoever sees a request has it: keys protect what is said */
	const char *dns;    /* NULL: the name servers of the machine, as /etc/resolv.conf has them.
	                     * "10.0.0.2,10.0.0.3:8600": these, at most SHOAL_ADDRS_MAX; port 53
	                     * where none stands there. /etc/hosts is looked at before, either way */
	const char *family; /* of the addresses that a name has. "any": all, in the order of RFC
	                     * 6724; "ipv4-first" and "ipv6-first": all, those first; "ipv4" and
	                     * "ipv6": no others. NULL: any. Addresses written as numbers are tried
	                     * as they are */
	uint32_t tls; /* 1: TLS on all streams of the TCP transport, both ways; all members have
	               * it, or none. Datagrams are not protected by it: keys are for that, see
	               * docs/security.md. URLs with https have TLS whatever this says. Default 0 */
	const char *tls_ca;    /* PEM file: whose certificates are trusted. NULL: the authorities of
	                        * this machine. These files are read at the start, and anew by
	                        * shoal_cluster_reconfigure */
	const char *tls_cert;  /* PEM file: this member's certificate, with those between it and its
	                        * authority. It shows it to whoever dials it, and to whom it dials */
	const char *tls_key;   /* PEM file: the key of it; refused where everybody may read it */
	const char *tls_name;  /* NULL: a member that is dialled by an IP address must have that
	                        * address in its certificate; else this name instead */
	uint32_t tls_insecure; /* 1: takes any certificate of whom it dials: for tests. Default 0 */
	uint32_t tls_client_certs; /* 1: who dials this member must have a certificate of tls_ca,
	                            * which is needed then, and so is tls or https in bind. Default
	                            * 0 */
	const struct shoal_transport_dialer *dialer; /* NULL: the kernel makes connections. Else
	                                              * these functions do, as over an overlay
	                                              * network, and there are no datagrams: all
	                                              * members speak over streams. Its arg lives as
	                                              * long as the cluster */
	shoal_resolver_fn resolver; /* NULL: dns and family say how. Is asked instead for the names
	                             * of seeds, and of hosts in URLs of members; what it answers
	                             * counts as it is, in its order. See shoal/resolver.h */
	void *resolver_arg;
};

/* Defaults with the LAN profile. The macro passes the size that the program was compiled with. */
SHOAL_API void shoal_config_init_sized(struct shoal_config *config, size_t size);
#define shoal_config_init(config) shoal_config_init_sized((config), sizeof(*(config)))

/* Takes another profile's numbers. SHOAL_ERR_INVALID: no such profile. */
SHOAL_API int shoal_config_profile(struct shoal_config *config, enum shoal_profile_kind kind);

/* Sets one field by its name, as text: every field above that is a string, a number or a level,
 * "profile" with "lan", "wan" or "local", "run" with "threads" or "dispatch", and every field of
 * profile.h. Strings are not copied: value must live until shoal_cluster_new. SHOAL_ERR_NOT_FOUND:
 * no such field. SHOAL_ERR_INVALID: not a value of that field. shoal_last_error names both; the
 * config is untouched. */
SHOAL_API int shoal_config_set(struct shoal_config *config, const char *field, const char *value);

/* What shoal_cluster_new checks, without making one. SHOAL_ERR_INVALID: shoal_last_error names the
 * field, its value and what is allowed. */
SHOAL_API int shoal_config_check(const struct shoal_config *config);

#ifdef __cplusplus
}
#endif

#endif
