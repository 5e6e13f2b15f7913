/* SPDX-License-Identifier: MIT */
/* A loop that stands still: two members over loopback in one thread, each on an event_base of its
 * own, so that the test decides who runs. */
#include "unit.h"

#include <shoal/shoal.h>

#include <event2/event.h>
#include <time.h>

#define INTERVAL_MS 1000

struct side {
	struct event_base *base;
	struct shoal_cluster *cluster;
	unsigned suspected;
};

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct side *side = arg;

	(void)cluster;
	(void)event;
	side->suspected++;
}

static void
begin(struct side *side, const char *name)
{
	struct shoal_config config;

	memset(side, 0, sizeof *side);
	side->base = event_base_new();
	shoal_config_init(&config);
	assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_LOCAL), 0);
	config.name = name;
	config.bind = "127.0.0.1:0";
	config.run = SHOAL_RUN_BASE;
	config.base = side->base;
	config.profile.probe_interval_ms = INTERVAL_MS;
	assert_int_equal(shoal_cluster_new(&side->cluster, &config), 0);
	assert_int_equal(shoal_cluster_start(side->cluster), 0);
	assert_int_equal(shoal_on_member(side->cluster, SHOAL_EVENT_SUSPECT | SHOAL_EVENT_FAILED,
	                         on_member, side),
	        0);
}

static void
end(struct side *side)
{
	assert_int_equal(shoal_cluster_free(side->cluster), 0);
	event_base_free(side->base);
}

static void
turn(struct side *side)
{
	event_base_loop(side->base, EVLOOP_NONBLOCK);
}

static void
pause_ms(unsigned ms)
{
	struct timespec wait = {.tv_nsec = (long)ms * 1000000};

	nanosleep(&wait, NULL);
}

static uint64_t
counted(struct side *side, enum shoal_counter counter)
{
	struct shoal_counters counters;

	shoal_cluster_counters(side->cluster, &counters);
	return counters.value[counter];
}

static size_t
alive(struct side *side)
{
	struct shoal_member_list *list = shoal_members(side->cluster, NULL);
	size_t count = shoal_member_list_count(list);

	shoal_member_list_free(list);
	return count;
}

/* a has sent a ping and does not run for longer than a probe takes; the answer waits in its socket.
 */
static void
an_answer_that_came_while_the_loop_stood_still_counts(void **state)
{
	struct side a, b;
	char address_text[SHOAL_ADDR_TEXT];
	const char *seed = address_text;

	(void)state;
	begin(&a, "a");
	begin(&b, "b");
	assert_int_equal(shoal_cluster_address(b.cluster, address_text, sizeof address_text), 0);
	assert_int_equal(shoal_cluster_join_async(a.cluster, &seed, 1, 5000, NULL, NULL), 0);
	for (unsigned i = 0; alive(&a) < 2 || alive(&b) < 2; i++) {
		assert_true(i < 10000);
		turn(&a);
		turn(&b);
		pause_ms(1);
	}
	uint64_t pings = counted(&a, SHOAL_COUNTER_PROBES);
	for (unsigned i = 0; counted(&a, SHOAL_COUNTER_PROBES) == pings; i++) {
		assert_true(i < 10000);
		turn(&a);
		pause_ms(1);
	}
	uint64_t acked = counted(&a, SHOAL_COUNTER_PROBES_ACKED);
	uint64_t stalls = counted(&a, SHOAL_COUNTER_STALLS);
	for (unsigned i = 0; i < 2 * INTERVAL_MS; i++) {
		turn(&b);
		pause_ms(1);
	}
	for (unsigned i = 0; counted(&a, SHOAL_COUNTER_PROBES_ACKED) == acked; i++) {
		assert_true(i < 10000);
		turn(&a);
		turn(&b);
		pause_ms(1);
	}
	assert_true(counted(&a, SHOAL_COUNTER_STALLS) > stalls);
	assert_int_equal(counted(&a, SHOAL_COUNTER_PROBES_FAILED), 0);
	assert_int_equal(a.suspected, 0);
	end(&a);
	end(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_answer_that_came_while_the_loop_stood_still_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
