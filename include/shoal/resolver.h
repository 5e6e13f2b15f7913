/* SPDX-License-Identifier: MIT */
/* shoal/resolver.h - names that the application resolves itself: those of seeds, and those in URLs
 * of members. */
#ifndef SHOAL_RESOLVER_H
#define SHOAL_RESOLVER_H

#include <shoal/error.h>
#include <shoal/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_cluster;

/* What an answer may hold, and how long a question waits for it. */
#define SHOAL_RESOLVED_MAX    256
#define SHOAL_RESOLVED_MS     30000
#define SHOAL_RESOLVED_REASON 100 /* bytes of the text of a failure */
#define SHOAL_HOST_MAX        253 /* bytes of a host name (RFC 1035) */

enum shoal_name_kind {
	SHOAL_NAME_HOST = 1,   /* addresses are wanted: shoal_resolved */
	SHOAL_NAME_SERVICE = 2 /* hosts with ports are, as SRV records have them:
	                        * shoal_resolved_services */
};

/* A host that offers a service (RFC 2782): of those with the lowest priority that can be reached,
 * one with a greater weight is tried first more often. */
struct shoal_service {
	const char *host; /* a name, or an address without a port */
	uint16_t port, priority, weight;
};

/* What the application is asked with config.resolver; valid during the call. */
struct shoal_name_question {
	uint64_t ticket; /* for the answer */
	enum shoal_name_kind kind;
	const char *name; /* "db1.example.com", "_shoal._tcp.example.com" */
};

/* Called where callbacks are. It answers inside the call, or later and from any thread; what it has
 * not answered after SHOAL_RESOLVED_MS counts as failed. With SHOAL_RUN_DISPATCH and SHOAL_RUN_BASE
 * use shoal_cluster_join_async: a join that blocks the thread of the callbacks finds no names,
 * since nobody is asked meanwhile. */
typedef void (*shoal_resolver_fn)(
        struct shoal_cluster *cluster, const struct shoal_name_question *question, void *arg);

/* Answers a question for a HOST with 1 to SHOAL_RESOLVED_MAX addresses, in the order in which they
 * are to be tried; port 0: that of the seed. They are copied. SHOAL_ERR_NOT_FOUND: it was answered
 * before, or nobody waits for the answer any more: the join has ended, or SHOAL_RESOLVED_MS are
 * over. SHOAL_ERR_INVALID: it is for a SERVICE, there are none or too many, or one stands for a URL
 * (shoal_addr_is_web). SHOAL_ERR_STATE: the cluster is not running. SHOAL_ERR_NOMEM. After an error
 * but NOT_FOUND the question stays open. */
SHOAL_API int shoal_resolved(
        struct shoal_cluster *cluster, uint64_t ticket, const struct shoal_addr *addr, size_t n);

/* The same for a SERVICE. Names among the hosts are asked for in turn. SHOAL_ERR_INVALID: also
 * where a host is no name and no address, or a port is 0. */
SHOAL_API int shoal_resolved_services(struct shoal_cluster *cluster, uint64_t ticket,
        const struct shoal_service *service, size_t n);

/* There is no answer, and this is why: UTF-8 without control characters, 1 to
 * SHOAL_RESOLVED_REASON bytes. It stands in the error of the join. Errors as above. */
SHOAL_API int shoal_unresolved(struct shoal_cluster *cluster, uint64_t ticket, const char *reason);

#ifdef __cplusplus
}
#endif

#endif
