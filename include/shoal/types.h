/* SPDX-License-Identifier: MIT */
/* shoal/types.h - the small values that every other header speaks of: identifiers, addresses,
 * states, times, the allocator.
 *
 * Threads: everything here is a plain value; the functions keep no state and may be called from any
 * thread. */
#ifndef SHOAL_TYPES_H
#define SHOAL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHOAL_API      __attribute__((visibility("default")))
#define SHOAL_MUST_USE __attribute__((warn_unused_result))

#ifdef __cplusplus
extern "C" {
#endif

/* Times of the core are nanoseconds on a scale that the host chooses (CLOCK_BOOTTIME in libshoal);
 * only differences matter. SHOAL_NEVER is "no deadline". */
#define SHOAL_NEVER  UINT64_MAX
#define SHOAL_US(n)  ((uint64_t)(n)*UINT64_C(1000))
#define SHOAL_MS(n)  ((uint64_t)(n)*UINT64_C(1000000))
#define SHOAL_SEC(n) ((uint64_t)(n)*UINT64_C(1000000000))

#define SHOAL_NAME_MAX     128   /* bytes of a member's name, without the terminating zero */
#define SHOAL_LABEL_MAX    64    /* bytes of a cluster's label */
#define SHOAL_ADDRS_MAX    4     /* addresses that one member advertises */
#define SHOAL_ACCUSERS_MAX 4     /* accusers that a statement and an event carry */
#define SHOAL_META_MAX     65536 /* bytes of a member's metadata and tags, encoded */
#define SHOAL_META_KEY_MAX 128   /* bytes of a key of metadata */
#define SHOAL_TAG_MAX      64    /* bytes of a tag */
#define SHOAL_HOPS_MAX     64    /* steps from member to member that a broadcast goes at most */
#define SHOAL_ALLOW_MAX    64    /* ranges of addresses that members may have */
#define SHOAL_ID_TEXT      37    /* buffer for shoal_id_print: 36 characters and a zero */
#define SHOAL_ADDR_TEXT    64    /* buffer that holds any printed address of IP */
#define SHOAL_URL_MAX      200   /* bytes of a member's URL, without the terminating zero */
#define SHOAL_URL_TEXT     (SHOAL_URL_MAX + 1) /* buffer for one, or for a printed address */

/* A member's identity, stable across restarts where it comes from a name. All zero is "no id". */
struct shoal_id {
	uint8_t bytes[16];
};

/* Random bytes that name one run ("instance") of a member; new at every start. */
struct shoal_salt {
	uint8_t bytes[16];
};

/* The one form of an address: IPv4 is stored mapped (::ffff:a.b.c.d), port in host order, scope is
 * the interface index of a link-local IPv6 address and 0 otherwise. All zero is "no address". */
struct shoal_addr {
	uint8_t ip[16];
	uint16_t port;
	uint32_t scope;
};

/* What an observer holds of a member. unknown: heard of by hearsay only, not confirmed yet. */
enum shoal_state {
	SHOAL_STATE_UNKNOWN = 0,
	SHOAL_STATE_ALIVE = 1,
	SHOAL_STATE_SUSPECT = 2,
	SHOAL_STATE_DEAD = 3,
	SHOAL_STATE_LEAVING = 4,
	SHOAL_STATE_LEFT = 5
};
#define SHOAL_STATES 6

/* What an update of a member changed. */
enum shoal_change {
	SHOAL_CHANGE_METADATA = 1,
	SHOAL_CHANGE_TAGS = 2,
	SHOAL_CHANGE_ADDRESS = 4,
	SHOAL_CHANGE_NAME = 8,
	SHOAL_CHANGE_VERSION = 16,  /* of the application or the protocol */
	SHOAL_CHANGE_INSTANCE = 32, /* it was started again */
	SHOAL_CHANGE_INBOUND = 64   /* whether it can be dialled */
};

/* What a member takes for a time besides, while its cluster gets keys or a label: see
 * docs/security.md. */
struct shoal_migration {
	uint32_t accept_clear;      /* what is not sealed. 0: no; 1: yes; 2: and it seals nothing */
	uint32_t accept_unlabelled; /* what has no label. 0: no; 1: yes; 2: and it writes none */
	uint64_t left_ms;           /* then both are 0; 0: not by itself. At most UINT32_MAX */
};

/* What became of a key of metadata. */
enum shoal_key_change {
	SHOAL_KEY_ADDED = 1,
	SHOAL_KEY_CHANGED = 2,
	SHOAL_KEY_REMOVED = 3
};

/* Memory functions of an object. All three are REQUIRED; semantics are those of malloc, realloc and
 * free, with arg passed through. A struct shoal_allocator must outlive the object that it was given
 * to. */
struct shoal_allocator {
	void *(*malloc)(size_t size, void *arg);
	void *(*realloc)(void *ptr, size_t size, void *arg);
	void (*free)(void *ptr, void *arg);
	void *arg;
};

/* "unknown", "alive", "suspect", "dead", "leaving", "left"; "invalid" for any other number. Never
 * NULL. */
SHOAL_API const char *shoal_state_name(enum shoal_state state);

/* Writes the 36 characters of an id (8-4-4-4-12, RFC 9562) and a zero. */
SHOAL_API void shoal_id_print(const struct shoal_id *id, char text[SHOAL_ID_TEXT]);

/* Reads 36 characters with dashes or 32 without, either case. SHOAL_ERR_INVALID: anything else; *id
 * untouched. */
SHOAL_API int shoal_id_parse(struct shoal_id *id, const char *text);

/* The id that belongs to a name under a cluster's label (UUIDv8 over SHA-256), the same on every
 * machine. label may be NULL or "" for none. SHOAL_ERR_INVALID: the name is empty or too long, or
 * the label too long. */
SHOAL_API int shoal_id_from_name(struct shoal_id *id, const char *label, const char *name);

/* <0, 0, >0 in the order of the bytes. */
SHOAL_API int shoal_id_compare(const struct shoal_id *a, const struct shoal_id *b);

/* All zero: "no id". */
SHOAL_API bool shoal_id_is_zero(const struct shoal_id *id);

/* Reads "1.2.3.4:7946", "[2001:db8::1]:7946" or "[fe80::1%2]:7946" (numeric scope). Host names,
 * missing ports and trailing characters are SHOAL_ERR_INVALID; *addr untouched. */
SHOAL_API int shoal_addr_parse(struct shoal_addr *addr, const char *text);

/* Writes the address in the form that shoal_addr_parse reads (IPv6 as in RFC 5952) with a zero, cut
 * to fit len; SHOAL_ADDR_TEXT bytes hold any. Returns text. */
SHOAL_API const char *shoal_addr_print(const struct shoal_addr *addr, char *text, size_t len);

/* Equal in ip, port and scope. */
SHOAL_API bool shoal_addr_equal(const struct shoal_addr *a, const struct shoal_addr *b);

/* An IPv4 address in its mapped form. */
SHOAL_API bool shoal_addr_is_ipv4(const struct shoal_addr *addr);

/* The address that stands for a member's URL, "http://host[:port][/path]" or https: where packets
 * go by HTTP, no address of IP tells where. The first byte is 1 (0100::/8 is no network's, RFC
 * 6666), the others are of SHA-256 over the URL in the form that is compared: scheme and host in
 * lower case, no dot behind the host, no port where it is the scheme's, digits behind % in upper
 * case, no slash at the end. The port is the URL's. SHOAL_ERR_INVALID: it is no such URL, longer
 * than SHOAL_URL_MAX, or of a wildcard or port 0, where nobody is; *addr untouched. */
SHOAL_API int shoal_addr_from_url(struct shoal_addr *addr, const char *url);

/* Whether it stands for a URL. */
SHOAL_API bool shoal_addr_is_web(const struct shoal_addr *addr);

/* A range of addresses: those whose first bits are the same. IPv4 in its mapped form: a /8 has 104
 * bits. */
struct shoal_cidr {
	uint8_t ip[16];
	uint8_t bits; /* 0 to 128 */
};

/* Reads "10.0.0.0/8", "fd00::/8", or one address without a length. SHOAL_ERR_INVALID: it is none of
 * these, or has a bit set behind the length; *cidr untouched. */
SHOAL_API int shoal_cidr_parse(struct shoal_cidr *cidr, const char *text);

/* Whether the address is in the range, whatever its port and scope. */
SHOAL_API bool shoal_cidr_contains(const struct shoal_cidr *cidr, const struct shoal_addr *addr);

#ifdef __cplusplus
}
#endif

#endif
