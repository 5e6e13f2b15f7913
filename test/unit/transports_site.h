/* SPDX-License-Identifier: MIT */
/* What the tests of transports share: a site is a transport with a host that keeps count of what it
 * is told, on one event_base. A host call from inside send, stream, request, reply or flush fails
 * the test, other than count and log; any call after stop does.
 *
 * UNTIL(world, condition) runs the loop until the condition holds; only a deadline that no load
 * comes near fails it. */
#ifndef SHOAL_TEST_TRANSPORTS_SITE_H
#define SHOAL_TEST_TRANSPORTS_SITE_H

#include "unit.h"

#include <event2/event.h>
#include <shoal/transport.h>
#include <stdio.h>
#include <stdlib.h>

#define DEADLINE 60 /* seconds */

/* libevent allocates by itself: after site_break_libevent, its allocation number `fail_at` fails.
 * Before its first use. */
static size_t event_calls, event_fail_at;

static inline void *
event_malloc(size_t size)
{
	return ++event_calls == event_fail_at ? NULL : malloc(size);
}

static inline void *
event_realloc(void *ptr, size_t size)
{
	return ++event_calls == event_fail_at ? NULL : realloc(ptr, size);
}

static inline void
site_break_libevent(void)
{
	event_set_mem_functions(event_malloc, event_realloc, free);
}

#define OTHER_TIMERS 7

struct world {
	struct event_base *base;
	struct event *guard, *alarm;
	bool expired, rang;
	size_t turns;
};

/* What came, and its first bytes. */
struct note {
	struct shoal_addr from;
	uint64_t exchange, age_ns;
	int code;
	size_t len;
	char text[64];
};

struct notes {
	size_t count, capacity;
	struct note *note;
};

struct site {
	struct world *world;
	struct shoal_transport transport;
	struct shoal_transport_env env;
	struct shoal_addr bind[4], addr[4];
	char why[256];
	struct notes datagrams, streams, requests, results, refusals;
	struct notes watched, unwatched, closed; /* watch links */
	size_t batches, logs;
	char log[512]; /* the last line */
	char peer[64]; /* of who sent what came last, by its certificate */
	uint64_t counted[SHOAL_COUNTERS];
	uint64_t sum; /* of all bytes of the last request or result */
	bool inside, stopped;
	enum shoal_transport_verdict verdict; /* on what comes on streams */
	bool echo;         /* requests are answered with what they carry, at once */
	size_t unanswered; /* for these the transport did not take the answer */
	unsigned agains; /* so many results are followed, from inside the call, by one more request
	                  */
	unsigned again_ms;       /* with this time */
	struct shoal_addr again; /* to this one */
	size_t stop_at; /* stops in this call (datagram, stream, request or result), 1 is the first
	                 */
	size_t calls;
};

static inline void
on_guard(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	*(bool *)arg = true;
}

static inline void
world_open(struct world *world)
{
	struct event_config *config = event_config_new();

	memset(world, 0, sizeof(*world));
	event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
	world->base = event_base_new_with_config(config);
	event_config_free(config);
	assert_non_null(world->base);
	world->guard = evtimer_new(world->base, on_guard, &world->expired);
	world->alarm = evtimer_new(world->base, on_guard, &world->rang);
}

static inline void
world_close(struct world *world)
{
	event_free(world->guard);
	event_free(world->alarm);
	event_base_free(world->base);
}

/* Runs a scenario in a new loop with the first allocation of libevent failing, then the second, and
 * so on; and all that with more and more timers of others, so that each timer of the scenario once
 * is the one for which libevent's heap (of 8 at first) has to grow. Returns how many allocations
 * failed. */
static inline size_t
world_sweep_libevent(void (*scenario)(struct world *world))
{
	size_t failed = 0;

	for (size_t others = 0; others <= OTHER_TIMERS; others++) {
		size_t k = 0;

		do {
			const struct timeval never = {.tv_sec = 3600};
			struct event *other[OTHER_TIMERS];
			struct world world;

			world_open(&world);
			for (size_t i = 0; i < others; i++) {
				other[i] = evtimer_new(world.base, on_guard, &world.rang);
				evtimer_add(other[i], &never);
			}
			event_calls = 0;
			event_fail_at = ++k;
			scenario(&world);
			event_fail_at = 0;
			for (size_t i = 0; i < others; i++) {
				event_free(other[i]);
			}
			world_close(&world);
		} while (event_calls >= k);
		failed += k - 1;
	}
	return failed;
}

static inline void
world_guard(struct world *world)
{
	const struct timeval deadline = {.tv_sec = DEADLINE};

	world->expired = false;
	evtimer_add(world->guard, &deadline);
}

static inline void
world_turn(struct world *world)
{
	event_base_loop(world->base, EVLOOP_ONCE);
	++world->turns;
}

#define UNTIL(world, condition)                                                                    \
	do {                                                                                       \
		bool met_;                                                                         \
		world_guard(world);                                                                \
		while (!(met_ = (condition)) && !(world)->expired)                                 \
			world_turn(world);                                                         \
		evtimer_del((world)->guard);                                                       \
		if (!met_)                                                                         \
			fail_msg("line %d: it never came to %s", __LINE__, #condition);            \
	} while (0)

/* Runs for a time, and returns how often the loop woke up in it. */
static inline size_t
world_rest(struct world *world, unsigned ms)
{
	const struct timeval in = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	size_t turns = world->turns;

	world->rang = false;
	evtimer_add(world->alarm, &in);
	UNTIL(world, world->rang);
	return world->turns - turns;
}

static inline struct note *
last(struct notes *notes)
{
	assert_true(notes->count > 0);
	return &notes->note[notes->count - 1];
}

static inline struct note *
keep(struct notes *notes, const struct shoal_addr *from, uint64_t exchange, const uint8_t *data,
        size_t len)
{
	if (notes->count == notes->capacity) {
		notes->capacity = notes->capacity > 0 ? 2 * notes->capacity : 16;
		notes->note = realloc(notes->note, notes->capacity * sizeof(*notes->note));
		assert_non_null(notes->note);
	}
	struct note *note = &notes->note[notes->count++];
	size_t n = len < sizeof(note->text) - 1 ? len : sizeof(note->text) - 1;

	memset(note, 0, sizeof(*note));
	if (from != NULL) {
		note->from = *from;
	}
	note->exchange = exchange;
	note->len = len;
	if (n > 0) {
		memcpy(note->text, data, n);
	}
	return note;
}

static inline uint64_t
sum_of(const uint8_t *data, size_t len)
{
	uint64_t sum = len;

	for (size_t i = 0; i < len; i++) {
		sum = sum * 31 + data[i];
	}
	return sum;
}

static inline void
site_stop(struct site *site)
{
	site->transport.ops->stop(site->transport.self);
	site->stopped = true;
}

static inline void
site_called(struct site *site)
{
	assert_false(site->inside);
	assert_false(site->stopped);
	if (++site->calls == site->stop_at) {
		site_stop(site);
	}
}

static inline int
site_send(struct site *site, const struct shoal_addr *to, const void *data, size_t len)
{
	bool inside = site->inside;

	site->inside = true;
	int code = site->transport.ops->send(site->transport.self, to, data, len);
	site->inside = inside;
	return code;
}

static inline void
site_flush(struct site *site)
{
	site->inside = true;
	if (site->transport.ops->flush != NULL) {
		site->transport.ops->flush(site->transport.self);
	}
	site->inside = false;
}

static inline int
site_stream(struct site *site, const struct shoal_addr *to, const void *data, size_t len)
{
	site->inside = true;
	int code = site->transport.ops->stream(site->transport.self, to, data, len);
	site->inside = false;
	return code;
}

static inline int
site_request(struct site *site, const struct shoal_addr *to, uint64_t exchange, const void *data,
        size_t len, unsigned timeout_ms)
{
	site->inside = true;
	int code = site->transport.ops->request(
	        site->transport.self, to, exchange, data, len, SHOAL_MS(timeout_ms));
	site->inside = false;
	return code;
}

static inline int
site_reply(struct site *site, uint64_t exchange, const void *data, size_t len)
{
	site->inside = true;
	int code = site->transport.ops->reply(site->transport.self, exchange, data, len);
	site->inside = false;
	return code;
}

static inline void
site_look_at_peer(struct site *site)
{
	const struct shoal_transport *by = &site->transport;

	if ((by->ops->caps & SHOAL_TRANSPORT_PEERS) == 0 ||
	        by->ops->peer(by->self, site->peer, sizeof(site->peer)) != 0) {
		site->peer[0] = '\0';
	}
}

static inline void
on_datagram(
        void *arg, const struct shoal_addr *from, const uint8_t *data, size_t len, uint64_t age_ns)
{
	struct site *site = arg;

	site_look_at_peer(site);
	keep(&site->datagrams, from, 0, data, len)->age_ns = age_ns;
	site_called(site);
}

static inline enum shoal_transport_verdict
on_stream(void *arg, const struct shoal_addr *from, const uint8_t *data, size_t len)
{
	struct site *site = arg;

	site_look_at_peer(site);
	keep(&site->streams, from, 0, data, len);
	site_called(site);
	return site->verdict;
}

static inline enum shoal_transport_verdict
on_request(void *arg, const struct shoal_addr *from, uint64_t exchange, const uint8_t *data,
        size_t len)
{
	struct site *site = arg;

	site_look_at_peer(site);
	assert_true(exchange != 0);
	keep(&site->requests, from, exchange, data, len);
	site_called(site);
	site->sum = sum_of(data, len); /* after a stop, too, the data is there */
	if (site->echo && !site->stopped) {
		site->unanswered += site_reply(site, exchange, data, len) != 0;
		assert_true(site->sum == sum_of(data, len)); /* nor does a reply end the data */
	}
	return site->verdict;
}

static inline enum shoal_transport_verdict
on_result(void *arg, uint64_t exchange, int code, const uint8_t *data, size_t len)
{
	struct site *site = arg;

	assert_true(code == 0 || len < 512); /* why */
	site_look_at_peer(site);
	keep(&site->results, NULL, exchange, data, len)->code = code;
	site_called(site);
	site->sum = sum_of(data, len);
	if (site->agains > 0 && !site->stopped) {
		--site->agains;
		assert_int_equal(
		        site_request(site, &site->again, exchange + 1, "x", 1, site->again_ms), 0);
		assert_true(site->sum == sum_of(data, len));
	}
	return site->verdict;
}

static inline void
on_refused(void *arg, const struct shoal_addr *peer)
{
	struct site *site = arg;

	assert_false(site->inside);
	assert_false(site->stopped);
	keep(&site->refusals, peer, 0, NULL, 0);
}

static inline void
on_batch_end(void *arg)
{
	struct site *site = arg;

	assert_false(site->inside);
	assert_false(site->stopped);
	++site->batches;
	site_flush(site);
}

static inline void
on_count(void *arg, enum shoal_counter counter, uint64_t n)
{
	struct site *site = arg;

	assert_false(site->stopped);
	assert_true((unsigned)counter < SHOAL_COUNTERS);
	site->counted[counter] += n;
}

static inline void
on_log(void *arg, enum shoal_log_level level, const char *room, const char *text)
{
	struct site *site = arg;

	assert_false(site->stopped);
	assert_true(level >= SHOAL_LOG_ERROR && level <= SHOAL_LOG_DEBUG);
	assert_true(strlen(room) > 0 && strlen(text) > 0);
	++site->logs;
	snprintf(site->log, sizeof(site->log), "%s", text);
}

static inline enum shoal_transport_verdict
on_watched(void *arg, const struct shoal_addr *from, uint64_t link, const uint8_t *data, size_t len)
{
	struct site *site = arg;

	site_look_at_peer(site);
	assert_true(link != 0);
	keep(&site->watched, from, link, data, len);
	site_called(site);
	if (site->echo && !site->stopped) {
		(void)site_reply(site, link, data, len);
	}
	return site->verdict;
}

static inline void
on_unwatched(void *arg, uint64_t link)
{
	struct site *site = arg;

	keep(&site->unwatched, NULL, link, NULL, 0);
	site_called(site);
}

static inline void
on_closed(void *arg, uint64_t link, int code)
{
	struct site *site = arg;

	assert_true(code < 0);
	keep(&site->closed, NULL, link, NULL, 0)->code = code;
	site_called(site);
}

static inline int
site_watch(struct site *site, const struct shoal_addr *to, uint64_t link, const char *text,
        unsigned timeout_ms)
{
	site->inside = true;
	int code = site->transport.ops->watch(site->transport.self, to, link, (const uint8_t *)text,
	        strlen(text), SHOAL_MS(timeout_ms));
	site->inside = false;
	return code;
}

static inline void
site_unwatch(struct site *site, uint64_t link)
{
	site->inside = true;
	site->transport.ops->unwatch(site->transport.self, link);
	site->inside = false;
}

static inline int
site_tell(struct site *site, uint64_t link, const char *text)
{
	site->inside = true;
	int code = site->transport.ops->tell(
	        site->transport.self, link, (const uint8_t *)text, strlen(text));
	site->inside = false;
	return code;
}

static inline void
site_drop(struct site *site, uint64_t link)
{
	site->inside = true;
	site->transport.ops->drop(site->transport.self, link);
	site->inside = false;
}

static inline struct shoal_addr
at(const char *text)
{
	struct shoal_addr addr;

	assert_int_equal(shoal_addr_parse(&addr, text), 0);
	return addr;
}

/* Made around a new transport; change env before site_start. */
static inline void
site_init(
        struct site *site, struct world *world, struct shoal_transport transport, const char *bind)
{
	memset(site, 0, sizeof(*site));
	site->world = world;
	site->transport = transport;
	site->bind[0] = at(bind);
	site->env = (struct shoal_transport_env){
	        .size = sizeof(site->env),
	        .base = world->base,
	        .host = {.datagram = on_datagram,
	                .stream = on_stream,
	                .request = on_request,
	                .result = on_result,
	                .refused = on_refused,
	                .batch_end = on_batch_end,
	                .count = on_count,
	                .log = on_log,
	                .arg = site,
	                .watched = on_watched,
	                .unwatched = on_unwatched,
	                .closed = on_closed},
	        .bind = site->bind,
	        .binds = 1,
	        .datagram_max = 1400,
	        .first_max = SIZE_MAX,
	        .stream_max = 1024 * 1024,
	        .connections_max = 64,
	        .idle_timeout_ms = 60000,
	        .exchange_timeout_ms = 30000,
	        .link_idle_ms = 60000,
	};
}

static inline int
site_start(struct site *site)
{
	int code = site->transport.ops->start(
	        site->transport.self, &site->env, site->why, sizeof(site->why));

	for (size_t i = 0; i < site->env.binds && code == 0; i++) {
		assert_int_equal(
		        site->transport.ops->address(site->transport.self, i, &site->addr[i]), 0);
		assert_true(site->addr[i].port != 0);
	}
	if (code == 0) {
		site->stopped = false;
	}
	return code;
}

static inline void
site_close(struct site *site)
{
	site_stop(site);
	site->transport.ops->free(site->transport.self);
	free(site->datagrams.note);
	free(site->streams.note);
	free(site->requests.note);
	free(site->results.note);
	free(site->refusals.note);
	free(site->watched.note);
	free(site->unwatched.note);
	free(site->closed.note);
}

static inline struct shoal_addr
with_port(const char *ip, uint16_t port)
{
	char text[SHOAL_ADDR_TEXT];

	snprintf(text, sizeof(text), strchr(ip, ':') != NULL ? "[%s]:%u" : "%s:%u", ip, port);
	return at(text);
}

#endif
