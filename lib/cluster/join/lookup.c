/* SPDX-License-Identifier: MIT */
/* Names as the config says they are resolved: by which servers, of which family. */
#include "cluster/join/lookup.h"

#include "base/alloc.h"
#include "cluster/cluster.h"

struct shoal_lookup {
	struct shoal_cluster *cluster;
	struct shoal_resolve *resolve;
	shoal_resolve_fn fn;
	void *arg;
};

static void
on_resolved(void *arg, const struct shoal_resolve_answer *answer)
{
	struct shoal_lookup *lookup = arg;
	shoal_resolve_fn fn = lookup->fn;
	void *fn_arg = lookup->arg;

	shoal_alloc_free(lookup->cluster->mem, lookup);
	fn(fn_arg, answer);
}

static struct shoal_lookup *
make(struct shoal_cluster *cluster, shoal_resolve_fn fn, void *arg)
{
	struct shoal_lookup *lookup = shoal_alloc_zeroed(cluster->mem, 1, sizeof(*lookup));

	if (lookup != NULL) {
		lookup->cluster = cluster;
		lookup->fn = fn;
		lookup->arg = arg;
	}
	return lookup;
}

static struct shoal_resolve_how
how_of(struct shoal_cluster *cluster)
{
	const struct shoal_settings *settings = &cluster->settings;

	return (struct shoal_resolve_how){.mem = cluster->mem,
	        .base = cluster->base,
	        .server = settings->dns,
	        .servers = settings->dns_count,
	        .family = settings->family,
	        .rng = &cluster->rng};
}

int
shoal_lookup_host(struct shoal_lookup **out, struct shoal_cluster *cluster, const char *host,
        uint16_t port, size_t most, shoal_resolve_fn fn, void *arg)
{
	const struct shoal_resolve_how how = how_of(cluster);
	struct shoal_lookup *lookup = make(cluster, fn, arg);
	int rc = SHOAL_ERR_NOMEM;

	if (lookup != NULL) {
		rc = shoal_resolve_host(
		        &lookup->resolve, &how, host, port, most, on_resolved, lookup);
	}
	if (rc != 0) {
		shoal_alloc_free(cluster->mem, lookup);
		return rc;
	}
	*out = lookup;
	return 0;
}

int
shoal_lookup_service(struct shoal_lookup **out, struct shoal_cluster *cluster, const char *name,
        size_t most, shoal_resolve_fn fn, void *arg)
{
	const struct shoal_resolve_how how = how_of(cluster);
	struct shoal_lookup *lookup = make(cluster, fn, arg);
	int rc = SHOAL_ERR_NOMEM;

	if (lookup != NULL) {
		rc = shoal_resolve_service(&lookup->resolve, &how, name, most, on_resolved, lookup);
	}
	if (rc != 0) {
		shoal_alloc_free(cluster->mem, lookup);
		return rc;
	}
	*out = lookup;
	return 0;
}

void
shoal_lookup_cancel(struct shoal_lookup *lookup)
{
	shoal_resolve_cancel(lookup->resolve);
	shoal_alloc_free(lookup->cluster->mem, lookup);
}
