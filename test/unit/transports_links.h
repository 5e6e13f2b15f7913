/* SPDX-License-Identifier: MIT */
/* What every transport with watch links must do, told as functions of two sites that run on one
 * loop: `a` watches, `b` is watched and answers at once (echo). */
#ifndef SHOAL_TEST_TRANSPORTS_LINKS_H
#define SHOAL_TEST_TRANSPORTS_LINKS_H

#include "transports_site.h"

#define LINK 77

/* A link that both sides know; returns b's number of it. */
static inline uint64_t
links_open(struct world *world, struct site *a, struct site *b)
{
	size_t results = a->results.count, watched = b->watched.count;

	assert_int_equal(site_watch(a, &b->addr[0], LINK, "watch", 60000), 0);
	UNTIL(world, a->results.count == results + 1);
	assert_int_equal(last(&a->results)->code, 0);
	assert_int_equal(last(&a->results)->exchange, LINK);
	assert_string_equal(last(&a->results)->text, "watch");
	assert_int_equal(b->watched.count, watched + 1);
	return last(&b->watched)->exchange;
}

static inline void
links_carry_what_is_told(struct world *world, struct site *a, struct site *b)
{
	uint64_t link = links_open(world, a, b);

	assert_int_equal(site_tell(b, link, "one"), 0);
	assert_int_equal(site_tell(b, link, "two"), 0);
	UNTIL(world, a->streams.count == 2);
	assert_string_equal(a->streams.note[0].text, "one");
	assert_string_equal(a->streams.note[1].text, "two");
	assert_int_equal(site_tell(b, link + 1, "nobody"), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(a->closed.count, 0);
	assert_int_equal(b->requests.count, 0);
}

static inline void
links_end_for_the_watched_when_the_watcher_ends_them(
        struct world *world, struct site *a, struct site *b)
{
	uint64_t link = links_open(world, a, b);

	site_unwatch(a, LINK + 1);
	site_unwatch(a, LINK);
	site_unwatch(a, LINK);
	UNTIL(world, b->unwatched.count == 1);
	assert_int_equal(last(&b->unwatched)->exchange, link);
	assert_int_equal(site_tell(b, link, "late"), SHOAL_ERR_NOT_FOUND);
	site_drop(b, link);
	assert_int_equal(a->closed.count, 0);
	assert_int_equal(a->results.count, 1);
}

static inline void
links_end_for_the_watcher_when_the_watched_drops_them(
        struct world *world, struct site *a, struct site *b)
{
	uint64_t link = links_open(world, a, b);

	assert_int_equal(site_tell(b, link, "farewell"), 0);
	site_drop(b, link);
	site_drop(b, link);
	UNTIL(world, a->closed.count == 1);
	assert_int_equal(last(&a->closed)->exchange, LINK);
	assert_int_equal(last(&a->closed)->code, SHOAL_ERR_CLOSED);
	assert_string_equal(last(&a->streams)->text, "farewell");
	site_unwatch(a, LINK);
	assert_int_equal(b->unwatched.count, 0);
}

static inline void
links_end_for_the_watcher_when_the_watched_stops(
        struct world *world, struct site *a, struct site *b)
{
	links_open(world, a, b);
	site_stop(b);
	UNTIL(world, a->closed.count == 1);
	assert_int_equal(last(&a->closed)->code, SHOAL_ERR_CLOSED);
	assert_int_equal(site_watch(a, &b->addr[0], LINK, "again", 60000), 0);
	UNTIL(world, a->results.count == 2);
	assert_int_equal(last(&a->results)->code, SHOAL_ERR_REFUSED);
	assert_int_equal(a->closed.count, 1);
}

static inline void
links_end_for_the_watched_when_the_watcher_stops(
        struct world *world, struct site *a, struct site *b)
{
	uint64_t link = links_open(world, a, b);

	site_stop(a);
	UNTIL(world, b->unwatched.count == 1);
	assert_int_equal(last(&b->unwatched)->exchange, link);
}

static inline void
links_that_nobody_answers_end_with_the_time(struct world *world, struct site *a, struct site *b)
{
	b->echo = false;
	/* Under load a time may end before the handshake has. */
	for (unsigned ms = 250; b->watched.count == 0; ms *= 2) {
		size_t ended = a->results.count;

		assert_int_equal(site_watch(a, &b->addr[0], LINK, "watch", ms), 0);
		UNTIL(world, a->results.count > ended);
		assert_int_equal(last(&a->results)->code, SHOAL_ERR_TIMEOUT);
	}
	UNTIL(world, b->unwatched.count == b->watched.count);
	assert_int_equal(
	        site_reply(b, last(&b->watched)->exchange, "late", 4), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(a->closed.count, 0);
}

static inline void
links_that_are_ended_before_their_answer_have_no_result(
        struct world *world, struct site *a, struct site *b)
{
	b->echo = false;
	assert_int_equal(site_watch(a, &b->addr[0], LINK, "watch", 60000), 0);
	UNTIL(world, b->watched.count == 1);
	site_unwatch(a, LINK);
	UNTIL(world, b->unwatched.count == 1);
	assert_int_equal(a->results.count, 0);
	assert_int_equal(a->closed.count, 0);
}

/* Once with the stop in each of the calls that a scenario makes. */
static inline void
links_survive_a_stop_in_the_call(struct world *world, struct site *a, struct site *b)
{
	a->stop_at = a->calls + 1; /* the result of the opening */
	assert_int_equal(site_watch(a, &b->addr[0], LINK, "watch", 60000), 0);
	UNTIL(world, a->stopped);
	UNTIL(world, b->unwatched.count == 1);
	assert_int_equal(a->closed.count, 0);
}

#endif
