/* SPDX-License-Identifier: MIT */
/* How many connections, from whom, and how many bytes.
 *
 * Connections as in tcp_limits.c: those of both sides together are at most connections_max, those
 * that peers made three quarters of it, those of one source a quarter but at least 16. At a limit
 * the newcomer is let in and the cheapest goes, see enum shoal_http_phase: who holds many
 * connections open with half a message each loses them to those who come after. A proxy is one
 * source: what stands behind it shares a quarter.
 *
 * Bytes of bodies and answers: four of the largest messages and a scratch for each connection; of
 * one source a quarter of that. At the limit the half message that holds most goes, unless it is
 * the one that wants more. What peers answer, and what waits to be sent to them, have as much each,
 * and are not closed for each other.
 *
 * Refusals: a source may have so many at once, and then one a second; what is refused beyond that
 * is told to wait, and forgotten in as many seconds once it does. Who asks for what is allowed is
 * not: behind a proxy others would be shut out with whoever guesses tokens. */
#include <string.h>

#include "base/addr.h"
#include "transports/http.h"

#define BUCKETS    1024
#define SOURCE_MIN 16
#define BAN_BURST  16

static void
crowd_init(struct shoal_http_crowd *crowd)
{
	for (unsigned i = 0; i < SHOAL_HTTP_PHASES; i++) {
		shoal_list_init(&crowd->phase[i]);
	}
	crowd->count = 0;
}

int
shoal_http_limits_init(struct shoal_http *http)
{
	size_t max = http->env.connections_max;
	uint64_t held_max = UINT64_C(4) * http->env.stream_max + (uint64_t)max * SHOAL_HTTP_SCRATCH;

	http->inbound_max = max - max / 4;
	http->source_max = max / 4 > SOURCE_MIN ? max / 4 : SOURCE_MIN;
	http->held_max = held_max < PTRDIFF_MAX ? (size_t)held_max : PTRDIFF_MAX;
	http->held = http->answers_held = http->jobs_held = http->outbound_count = 0;
	memset(http->ban, 0, sizeof(http->ban));
	memset(&http->said, 0, sizeof(http->said));
	memset(&http->handshakes, 0, sizeof(http->handshakes));
	crowd_init(&http->inbound);
	shoal_list_init(&http->at_rest);
	http->source = shoal_alloc_zeroed(&http->work, BUCKETS, sizeof(*http->source));
	if (http->source == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	for (size_t i = 0; i < BUCKETS; i++) {
		shoal_list_init(&http->source[i]);
	}
	return 0;
}

void
shoal_http_limits_done(struct shoal_http *http)
{
	for (size_t i = 0; i < BUCKETS && http->source != NULL; i++) {
		SHOAL_LIST_FOREACH_SAFE (node, after, &http->source[i]) {
			shoal_alloc_free(
			        &http->work, SHOAL_LIST_ITEM(node, struct shoal_http_source, node));
		}
	}
	shoal_alloc_free(&http->work, http->source);
	http->source = NULL;
}

static struct shoal_http_source *
find_source(struct shoal_http *http, const struct shoal_addr *addr, bool make)
{
	struct shoal_addr key = shoal_socket_source(addr);
	struct shoal_list *bucket = &http->source[shoal_socket_hash(http->key, &key) % BUCKETS];

	SHOAL_LIST_FOREACH (node, bucket) {
		struct shoal_http_source *source =
		        SHOAL_LIST_ITEM(node, struct shoal_http_source, node);
		if (shoal_addr_equal(&source->key, &key)) {
			return source;
		}
	}
	struct shoal_http_source *source =
	        make ? shoal_alloc_zeroed(&http->work, 1, sizeof(*source)) : NULL;
	if (source != NULL) {
		source->key = key;
		crowd_init(&source->crowd);
		shoal_list_push_back(bucket, &source->node);
	}
	return source;
}

void
shoal_http_limits_drop(struct shoal_http *http, struct shoal_http_source *source)
{
	if (source->crowd.count == 0) {
		shoal_list_remove(&source->node);
		shoal_alloc_free(&http->work, source);
	}
}

static struct shoal_http_link *
from_all(struct shoal_list *node)
{
	return SHOAL_LIST_ITEM(node, struct shoal_http_link, node);
}

static struct shoal_http_link *
from_source(struct shoal_list *node)
{
	return SHOAL_LIST_ITEM(node, struct shoal_http_link, in_source);
}

/* Closes the cheapest of a crowd, whose lists run through one of the nodes of a link. */
static bool
evict(struct shoal_http_crowd *crowd, struct shoal_http_link *(*from)(struct shoal_list *))
{
	for (unsigned phase = 0; phase < SHOAL_HTTP_BUSY; phase++) {
		struct shoal_list *node = shoal_list_first(&crowd->phase[phase]);

		if (node != NULL) {
			struct shoal_http_link *link = from(node);
			if (phase != SHOAL_HTTP_IDLE) {
				shoal_http_count(link->http, SHOAL_COUNTER_CONNECTIONS_REFUSED);
			}
			shoal_http_link_doom(link, SHOAL_ERR_LIMIT);
			return true;
		}
	}
	return false;
}

static bool
evict_outbound(struct shoal_http *http)
{
	struct shoal_list *node = shoal_list_first(&http->at_rest);

	if (node != NULL) {
		shoal_http_link_doom(
		        SHOAL_LIST_ITEM(node, struct shoal_http_link, in_rest), SHOAL_ERR_LIMIT);
	}
	return node != NULL;
}

bool
shoal_http_limits_evict(struct shoal_http *http)
{
	return evict(&http->inbound, from_all) || evict_outbound(http);
}

static bool
is_full(const struct shoal_http *http)
{
	return http->inbound.count + http->outbound_count >= http->env.connections_max;
}

struct shoal_http_source *
shoal_http_limits_admit(struct shoal_http *http, const struct shoal_addr *addr)
{
	struct shoal_http_source *source = find_source(http, addr, false);

	if (source != NULL && source->crowd.count >= http->source_max &&
	        !evict(&source->crowd, from_source)) {
		return NULL;
	}
	if (http->inbound.count >= http->inbound_max && !evict(&http->inbound, from_all)) {
		return NULL;
	}
	if (is_full(http) && !shoal_http_limits_evict(http)) {
		return NULL;
	}
	return find_source(http, addr, true); /* it may have gone with its last connection */
}

bool
shoal_http_limits_dial(struct shoal_http *http)
{
	return !is_full(http) || evict_outbound(http) || evict(&http->inbound, from_all);
}

void
shoal_http_limits_place(struct shoal_http_link *link, enum shoal_http_phase phase)
{
	struct shoal_http_crowd *crowds[] = {&link->http->inbound, &link->source->crowd};
	struct shoal_list *nodes[] = {&link->node, &link->in_source};

	for (unsigned i = 0; i < 2; i++) {
		crowds[i]->count += !shoal_list_linked(nodes[i]);
		shoal_list_remove(nodes[i]);
		shoal_list_push_back(&crowds[i]->phase[phase], nodes[i]);
	}
	link->phase = phase;
}

void
shoal_http_limits_remove(struct shoal_http_link *link)
{
	struct shoal_http_source *source = link->source;

	shoal_list_remove(&link->node);
	shoal_list_remove(&link->in_source);
	link->http->inbound.count--;
	source->crowd.count--;
	source->held -= link->held;
	link->source = NULL; /* from now on what it holds is nobody's */
	shoal_http_limits_drop(link->http, source);
}

/* The half message that holds most. */
static struct shoal_http_link *
largest(struct shoal_http_crowd *crowd, struct shoal_http_link *(*from)(struct shoal_list *))
{
	struct shoal_http_link *most = NULL;

	SHOAL_LIST_FOREACH (node, &crowd->phase[SHOAL_HTTP_READING]) {
		struct shoal_http_link *link = from(node);
		if (most == NULL || link->held > most->held) {
			most = link;
		}
	}
	return most;
}

/* Makes room among bytes that are bounded. What is doomed gives its bytes back when it is released:
 * so many more may be held for a turn of the loop. */
static bool
make_room(struct shoal_http_link *link, size_t more)
{
	struct shoal_http *http = link->http;
	struct shoal_http_source *source = link->source;
	struct shoal_http_link *victim;

	if (more > http->held_max / 4) {
		return false;
	}
	while (source->held > http->held_max / 4 - more) {
		victim = largest(&source->crowd, from_source);
		if (victim == NULL || victim == link || victim->held <= link->held) {
			return false;
		}
		shoal_http_link_doom(victim, SHOAL_ERR_LIMIT);
	}
	if (http->held > http->held_max - more) {
		victim = largest(&http->inbound, from_all);
		if (victim == NULL || victim == link || victim->held <= link->held) {
			return false;
		}
		shoal_http_link_doom(victim, SHOAL_ERR_LIMIT);
	}
	return true;
}

bool
shoal_http_limits_hold(void *arg, ptrdiff_t more)
{
	struct shoal_http_link *link = arg;
	struct shoal_http *http = link->http;
	size_t *held = link->client ? &http->answers_held : &http->held;
	size_t size = more > 0 ? (size_t)more : 0;

	if (size > 0 && link->client && *held > http->held_max - size) {
		return false;
	}
	if (size > 0 && !link->client && (link->source == NULL || !make_room(link, size))) {
		shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_REFUSED);
		return false;
	}
	/* Unsigned: to add what is below 0 takes it away. */
	*held += (size_t)more;
	link->held += (size_t)more;
	if (link->source != NULL) {
		link->source->held += (size_t)more;
	}
	return true;
}

static struct shoal_http_ban *
ban_of(struct shoal_http *http, const struct shoal_addr *addr)
{
	struct shoal_addr key = shoal_socket_source(addr);
	struct shoal_http_ban *ban =
	        &http->ban[shoal_socket_hash(http->key, &key) % SHOAL_HTTP_BANS];

	if (!shoal_addr_equal(&ban->source, &key) && ban->spent <= shoal_socket_now()) {
		*ban = (struct shoal_http_ban){.source = key};
	}
	return shoal_addr_equal(&ban->source, &key) ? ban : NULL;
}

bool
shoal_http_limits_is_banned(struct shoal_http *http, const struct shoal_addr *addr)
{
	const struct shoal_http_ban *ban = ban_of(http, addr);
	uint64_t now = shoal_socket_now();

	return ban != NULL && ban->spent > now && ban->spent - now > SHOAL_SEC(BAN_BURST);
}

void
shoal_http_limits_ban(struct shoal_http *http, const struct shoal_addr *addr)
{
	struct shoal_http_ban *ban = ban_of(http, addr);
	uint64_t now = shoal_socket_now();

	if (ban != NULL) {
		uint64_t spent = (ban->spent > now ? ban->spent : now) + SHOAL_SEC(1);
		uint64_t most = now + SHOAL_SEC(2 * BAN_BURST);
		ban->spent = spent < most ? spent : most;
	}
}
