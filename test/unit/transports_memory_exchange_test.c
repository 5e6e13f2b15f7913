/* SPDX-License-Identifier: MIT */
/* Watch links inside a process. */
#include "transports_links.h"

#define OVER_A_PAIR(what)                                                                          \
	static void in_memory_##what(void **state)                                                 \
	{                                                                                          \
		struct pair pair;                                                                  \
                                                                                                   \
		(void)state;                                                                       \
		open_pair(&pair);                                                                  \
		what(&pair.world, &pair.a, &pair.b);                                               \
		close_pair(&pair);                                                                 \
	}

struct pair {
	struct world world;
	struct shoal_memory_net *net;
	struct site a, b;
};

static void
open_one(struct pair *pair, struct site *site, const char *bind)
{
	struct shoal_transport transport;

	assert_int_equal(shoal_transport_memory(&transport, pair->net), 0);
	site_init(site, &pair->world, transport, bind);
	assert_int_equal(site_start(site), 0);
}

static void
open_pair(struct pair *pair)
{
	world_open(&pair->world);
	assert_int_equal(shoal_memory_net_new(&pair->net, NULL), 0);
	open_one(pair, &pair->a, "10.0.0.1:0");
	open_one(pair, &pair->b, "10.0.0.2:0");
	pair->b.echo = true;
}

static void
close_pair(struct pair *pair)
{
	site_close(&pair->a);
	site_close(&pair->b);
	shoal_memory_net_free(pair->net);
	world_close(&pair->world);
}

OVER_A_PAIR(links_carry_what_is_told)
OVER_A_PAIR(links_end_for_the_watched_when_the_watcher_ends_them)
OVER_A_PAIR(links_end_for_the_watcher_when_the_watched_drops_them)
OVER_A_PAIR(links_end_for_the_watcher_when_the_watched_stops)
OVER_A_PAIR(links_end_for_the_watched_when_the_watcher_stops)
OVER_A_PAIR(links_that_nobody_answers_end_with_the_time)
OVER_A_PAIR(links_that_are_ended_before_their_answer_have_no_result)
OVER_A_PAIR(links_survive_a_stop_in_the_call)

static void
both_ends_of_a_link_may_end_it_in_the_same_turn(void **state)
{
	struct pair pair;

	(void)state;
	open_pair(&pair);
	uint64_t link = links_open(&pair.world, &pair.a, &pair.b);
	site_drop(&pair.b, link);
	site_unwatch(&pair.a, LINK);
	link = links_open(&pair.world, &pair.a, &pair.b);
	site_unwatch(&pair.a, LINK);
	site_drop(&pair.b, link);
	link = links_open(&pair.world, &pair.a, &pair.b);
	site_stop(&pair.b);
	site_stop(&pair.a);
	assert_int_equal(pair.a.closed.count + pair.b.unwatched.count, 0);
	close_pair(&pair);
}

static void
a_link_to_itself_ends_when_it_stops(void **state)
{
	struct pair pair;

	(void)state;
	open_pair(&pair);
	pair.a.echo = true;
	links_open(&pair.world, &pair.a, &pair.a);
	site_stop(&pair.a);
	close_pair(&pair);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(in_memory_links_carry_what_is_told),
	        cmocka_unit_test(in_memory_links_end_for_the_watched_when_the_watcher_ends_them),
	        cmocka_unit_test(in_memory_links_end_for_the_watcher_when_the_watched_drops_them),
	        cmocka_unit_test(in_memory_links_end_for_the_watcher_when_the_watched_stops),
	        cmocka_unit_test(in_memory_links_end_for_the_watched_when_the_watcher_stops),
	        cmocka_unit_test(in_memory_links_that_nobody_answers_end_with_the_time),
	        cmocka_unit_test(in_memory_links_that_are_ended_before_their_answer_have_no_result),
	        cmocka_unit_test(in_memory_links_survive_a_stop_in_the_call),
	        cmocka_unit_test(both_ends_of_a_link_may_end_it_in_the_same_turn),
	        cmocka_unit_test(a_link_to_itself_ends_when_it_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
