/* SPDX-License-Identifier: MIT */
/* A host of a try: its name, once its turn has come, becomes addresses, and what fails on the way
 * becomes a reason that names it. */
#include "cluster/join/target.h"

#include "base/alloc.h"
#include "cluster/loop/loop.h"

#include <stdio.h>
#include <string.h>

#define NOT_TRIED "not tried: the time was over"

bool
shoal_target_is_service(const struct shoal_try *try)
{
	return try->form == SHOAL_SEED_SERVICE || try->form == SHOAL_SEED_SERVICE_URL;
}

void
shoal_target_say(const struct shoal_target *target, const struct shoal_addr *addr, int code,
        const char *detail)
{
	struct shoal_try *try = target->try;
	const char *reason = detail != NULL && *detail != '\0' ? detail : shoal_strerror(code);
	const char *host = shoal_target_is_service(try) ? target->host : "";
	const char *colon = *host != '\0' ? ": " : "";
	char text[SHOAL_ADDR_TEXT];

	if (addr == NULL || shoal_addr_is_web(addr)) {
		shoal_reasons_add(&try->why, "%s%s%s: %s", try->seed, colon, host, reason);
		return;
	}
	shoal_addr_print(addr, text, sizeof(text));
	if (try->form == SHOAL_SEED_ADDRESS) {
		shoal_reasons_add(&try->why, "%s: %s", text, reason);
	} else {
		shoal_reasons_add(
		        &try->why, "%s%s%s at %s: %s", try->seed, colon, host, text, reason);
	}
}

static void
on_host(void *arg, const struct shoal_resolve_answer *answer)
{
	struct shoal_target *target = arg;
	struct shoal_try *try = target->try;

	target->lookup = NULL;
	if (answer->code != 0) {
		char text[200];

		snprintf(text, sizeof(text), "%s: %s", shoal_strerror(answer->code), answer->why);
		shoal_target_say(target, NULL, answer->code, text);
	} else {
		memcpy(target->addr, answer->addr, answer->n * sizeof(*answer->addr));
		target->count = answer->n;
	}
	if (answer->left_out > 0) {
		shoal_cluster_log(try->cluster, try->left_out, "join",
		        "seed %s: %s has %zu addresses, of which the first %zu are tried",
		        try->seed, target->host, answer->n + answer->left_out, answer->n);
	}
	shoal_try_wake(try);
}

/* The transport knows from now on what that address stands for. */
static int
know(struct shoal_target *target)
{
	const struct shoal_transport *web = target->try->cluster->web;
	int rc = shoal_addr_from_url(&target->addr[0], target->url);

	if (rc == 0) {
		rc = web->ops->know(web->self, &target->addr[0], target->url);
	}
	target->count = rc == 0;
	return rc;
}

void
shoal_target_enter(struct shoal_target *target)
{
	struct shoal_cluster *cluster = target->try->cluster;
	int rc = 0;

	target->entered = true;
	if (target->count > 0) {
		return;
	}
	if (target->url[0] != '\0') {
		rc = know(target);
	} else if (shoal_address_numeric(&target->addr[0], target->host, target->port) == 0) {
		target->count = 1;
	} else {
		rc = shoal_lookup_host(&target->lookup, cluster, target->host, target->port,
		        target->most, on_host, target);
	}
	if (rc != 0) {
		shoal_target_say(target, NULL, rc, NULL);
	}
}

struct shoal_target *
shoal_target_add(struct shoal_try *try, const char *host, uint16_t port, size_t most)
{
	const struct shoal_allocator *mem = try->cluster->mem;
	struct shoal_target *target =
	        shoal_alloc_zeroed(mem, 1, sizeof(*target) + most * sizeof(target->addr[0]));

	if (target == NULL) {
		return NULL;
	}
	target->try = try;
	memcpy(target->host, host, strlen(host) + 1);
	target->port = port;
	target->most = most;
	shoal_list_push_back(&try->targets, &target->node);
	return target;
}

void
shoal_target_expire(struct shoal_target *target)
{
	const char *reason = shoal_strerror(SHOAL_ERR_TIMEOUT);
	char text[200];

	if (target->lookup != NULL) {
		shoal_lookup_cancel(target->lookup);
		target->lookup = NULL;
		snprintf(text, sizeof(text), "%s: %s", shoal_strerror(SHOAL_ERR_RESOLVE), reason);
		shoal_target_say(target, NULL, SHOAL_ERR_TIMEOUT, text);
	} else if (!target->entered) {
		shoal_target_say(target, target->count > 0 ? &target->addr[0] : NULL,
		        SHOAL_ERR_TIMEOUT, NOT_TRIED);
		return;
	}
	while (target->next < target->count) {
		shoal_target_say(
		        target, &target->addr[target->next++], SHOAL_ERR_TIMEOUT, NOT_TRIED);
	}
}

void
shoal_target_free(struct shoal_target *target)
{
	if (target->lookup != NULL) {
		shoal_lookup_cancel(target->lookup);
	}
	shoal_alloc_free(target->try->cluster->mem, target);
}
