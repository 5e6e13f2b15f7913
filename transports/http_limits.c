/* SPDX-License-Identifier: MIT */
/* How many bytes, and how much is refused.
 *
 * Bytes of bodies and answers: four of the largest messages and a scratch for each connection; of
 * one source a quarter of that. A proxy is one source: what stands behind it shares a quarter. At
 * the limit the half message that holds most goes, unless it is the one that wants more. What peers
 * answer, and what waits to be sent to them, have as much each, and are not closed for each other.
 *
 * Refusals: a source may have so many at once, and then one a second; what is refused beyond that
 * is told to wait, and forgotten in as many seconds once it does. Who asks for what is allowed is
 * not: behind a proxy others would be shut out with whoever guesses tokens. */
#include <string.h>

#include "base/addr.h"
#include "transports/http.h"

#define BAN_BURST 16

static void
evict(struct shoal_crowd_member *member)
{
	struct shoal_http_link *link = SHOAL_LIST_ITEM(member, struct shoal_http_link, member);

	if (member->phase != SHOAL_HTTP_IDLE) {
		shoal_http_count(link->http, SHOAL_COUNTER_CONNECTIONS_REFUSED);
	}
	shoal_http_link_doom(link, SHOAL_ERR_LIMIT);
}

int
shoal_http_limits_init(struct shoal_http *http)
{
	size_t max = http->env.connections_max;
	uint64_t held_max = UINT64_C(4) * http->env.stream_max + (uint64_t)max * SHOAL_HTTP_SCRATCH;

	http->held_max = held_max < PTRDIFF_MAX ? (size_t)held_max : PTRDIFF_MAX;
	http->held = http->answers_held = http->jobs_held = 0;
	memset(http->ban, 0, sizeof(http->ban));
	memset(&http->said, 0, sizeof(http->said));
	return shoal_crowd_init(&http->crowd, &http->work, http->key, max, evict);
}

void
shoal_http_limits_place(struct shoal_http_link *link, enum shoal_http_phase phase)
{
	shoal_crowd_place(&link->http->crowd, &link->member, phase);
}

void
shoal_http_limits_remove(struct shoal_http_link *link)
{
	if (link->member.source != NULL) {
		link->member.source->held -= link->held; /* from now on what it holds is nobody's */
	}
	shoal_crowd_remove(&link->http->crowd, &link->member);
}

/* The half message that holds most. */
static struct shoal_http_link *
largest(struct shoal_crowd_side *side, bool of_source)
{
	struct shoal_http_link *most = NULL;

	SHOAL_LIST_FOREACH (node, &side->phase[SHOAL_HTTP_READING]) {
		struct shoal_http_link *link =
		        of_source ? SHOAL_LIST_ITEM(node, struct shoal_http_link, member.in_source)
		                  : shoal_http_limits_link(node);
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
	struct shoal_crowd_source *source = link->member.source;
	struct shoal_http_link *victim;

	if (more > http->held_max / 4) {
		return false;
	}
	while (source->held > http->held_max / 4 - more) {
		victim = largest(&source->side, true);
		if (victim == NULL || victim == link || victim->held <= link->held) {
			return false;
		}
		shoal_http_link_doom(victim, SHOAL_ERR_LIMIT);
	}
	if (http->held > http->held_max - more) {
		victim = largest(&http->crowd.inbound, false);
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
	if (size > 0 && !link->client && (link->member.source == NULL || !make_room(link, size))) {
		shoal_http_count(http, SHOAL_COUNTER_CONNECTIONS_REFUSED);
		return false;
	}
	/* Unsigned: to add what is below 0 takes it away. */
	*held += (size_t)more;
	link->held += (size_t)more;
	if (link->member.source != NULL) {
		link->member.source->held += (size_t)more;
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
