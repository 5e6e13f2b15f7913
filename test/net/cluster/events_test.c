/* SPDX-License-Identifier: MIT */
/* Member events and the list: what is told of a death and a return, what happens to a callback that
 * is too slow, and that what was handed out never changes. */
#include "kit.h"

#include <poll.h>
#include <sched.h>
#include <stdatomic.h>

static void
a_death_and_a_return_are_told_with_their_causes_in_a_chain(void **state)
{
	struct kit_events seen = KIT_EVENTS;
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a, *b = kit_member("b");
	struct shoal_member_list *list;
	enum shoal_state last = SHOAL_STATE_UNKNOWN;
	uint64_t before;

	(void)state;
	config.profile.watchers =
	        0; /* a refused connection would be the end without a doubt before */
	a = kit_start(&config);
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_ALL, kit_on_member, &seen), 0);
	kit_join(b, kit_address(a));
	kit_await_event(NULL, &seen, SHOAL_EVENT_JOIN, "b");
	list = shoal_members(a, NULL);
	before = shoal_member_incarnation(shoal_member_list_find_by_name(list, "b"));
	shoal_member_list_free(list);
	kit_free(b);
	kit_await_event(NULL, &seen, SHOAL_EVENT_SUSPECT, "b");
	kit_await_event(NULL, &seen, SHOAL_EVENT_FAILED, "b");
	assert_int_equal(kit_state(a, "b"), SHOAL_STATE_DEAD);
	b = kit_member("b");
	kit_join(b, kit_address(a));
	kit_await_state(NULL, a, "b", SHOAL_STATE_ALIVE);
	kit_await_event(NULL, &seen, SHOAL_EVENT_ALIVE, "b");
	list = shoal_members(a, NULL);
	assert_int_equal(shoal_member_list_count(list), 2);
	assert_true(shoal_member_incarnation(shoal_member_list_find_by_name(list, "b")) > before);
	shoal_member_list_free(list);
	kit_free(a);
	kit_free(b);
	for (size_t i = 0; i < seen.count; i++) {
		assert_string_equal(seen.event[i].name, "b");
		assert_int_equal(seen.event[i].was, last);
		last = seen.event[i].state;
		if (seen.event[i].kind == SHOAL_EVENT_FAILED) {
			assert_int_equal(seen.event[i].cause, SHOAL_CAUSE_SUSPICION);
		}
		if (seen.event[i].kind == SHOAL_EVENT_SUSPECT) {
			assert_int_equal(seen.event[i].cause, SHOAL_CAUSE_UNANSWERED);
		}
	}
}

struct gate {
	struct kit_events seen;
	_Atomic bool inside, open;
};

static void
wait_at_the_gate(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct gate *gate = arg;

	atomic_store(&gate->inside, true);
	while (!atomic_load(&gate->open)) {
		sched_yield();
	}
	kit_on_member(cluster, event, &gate->seen);
}

static bool
is_inside(void *arg)
{
	return atomic_load(&((struct gate *)arg)->inside);
}

struct tally {
	struct gate *gate;
	size_t wanted;
};

static bool
all_told(void *arg)
{
	struct tally *tally = arg;

	return kit_events_of(&tally->gate->seen, SHOAL_EVENT_LEFT, NULL) >= tally->wanted;
}

static void
a_slow_callback_gets_the_latest_state_of_each_and_one_overflow(void **state)
{
	struct gate gate = {.seen = KIT_EVENTS};
	struct shoal_config config = kit_config("a");
	enum shoal_state last[8] = {0};
	struct shoal_counters counters;
	struct shoal_cluster *a;

	(void)state;
	config.events_max = 2;
	a = kit_start(&config);
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_ALL, wait_at_the_gate, &gate), 0);
	/* Each joins and leaves while the first callback does not return. */
	for (int i = 0; i < 8; i++) {
		char name[8];
		struct shoal_cluster *b;

		snprintf(name, sizeof(name), "m%d", i);
		b = kit_member(name);
		kit_join(b, kit_address(a));
		if (i == 0) {
			assert_true(kit_until(NULL, is_inside, &gate));
		}
		assert_int_equal(shoal_cluster_leave(b, KIT_PATIENCE_MS), 0);
		kit_await_state(NULL, a, name, SHOAL_STATE_LEFT);
		kit_free(b);
	}
	atomic_store(&gate.open, true);
	struct tally tally = {.gate = &gate, .wanted = 8};
	assert_true(kit_until(NULL, all_told, &tally));
	shoal_cluster_counters(a, &counters);
	assert_true(counters.value[SHOAL_COUNTER_EVENTS_OVERFLOW] > 0);
	kit_free(a);
	assert_int_equal(kit_events_of(&gate.seen, SHOAL_EVENT_OVERFLOW, ""), 1);
	assert_true(gate.seen.count < 24);
	for (size_t i = 0; i < gate.seen.count; i++) {
		const struct kit_event *event = &gate.seen.event[i];

		if (event->name[0] != 'm') {
			continue;
		}
		enum shoal_state *held = &last[event->name[1] - '0'];
		assert_int_equal(event->was, *held);
		*held = event->state;
	}
	for (int i = 0; i < 8; i++) {
		assert_int_equal(last[i], SHOAL_STATE_LEFT);
	}
}

static void
a_list_stays_as_it_was_while_members_come_and_go(void **state)
{
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b"), *c;
	struct shoal_member_list *before, *after;
	struct shoal_member *kept;

	(void)state;
	kit_join(b, kit_address(a));
	assert_int_equal(shoal_wait_members(a, 2, KIT_PATIENCE_MS), 0);
	before = shoal_members(a, NULL);
	kept = shoal_member_ref(shoal_member_list_find_by_name(before, "b"));
	c = kit_member("c");
	kit_join(c, kit_address(a));
	assert_int_equal(shoal_wait_members(a, 3, KIT_PATIENCE_MS), 0);
	assert_int_equal(shoal_cluster_leave(b, KIT_PATIENCE_MS), 0);
	kit_await_state(NULL, a, "b", SHOAL_STATE_LEFT);
	after = shoal_members(a, NULL);
	assert_int_equal(shoal_member_list_count(before), 2);
	assert_null(shoal_member_list_find_by_name(before, "c"));
	assert_int_equal(shoal_member_state(kept), SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_member_list_count(after), 3);
	assert_int_equal(
	        shoal_member_state(shoal_member_list_find_by_name(after, "b")), SHOAL_STATE_LEFT);
	kit_free(a);
	kit_free(b);
	kit_free(c);
	shoal_member_list_free(after);
	assert_string_equal(shoal_member_name(shoal_member_list_at(before, 0)), "a");
	shoal_member_list_free(before);
	assert_string_equal(shoal_member_name(kept), "b");
	shoal_member_unref(kept);
}

static bool
rtt_is_known(void *arg)
{
	struct shoal_member_list *list = shoal_members(arg, NULL);
	struct shoal_member *member = shoal_member_list_find_by_name(list, "b");
	bool known = member != NULL && shoal_member_rtt(member) > 0;

	shoal_member_list_free(list);
	return known;
}

static void
a_filter_is_checked_like_a_config(void **state)
{
	struct {
		struct shoal_filter known;
		unsigned newer;
	} wide;
	struct shoal_filter bare = {.states = 1u << SHOAL_STATE_ALIVE};
	struct shoal_cluster *a = kit_member("a");
	struct shoal_member_list *list;

	(void)state;
	assert_null(shoal_members(a, &bare));
	assert_non_null(strstr(shoal_last_error(), "shoal_filter_init"));
	shoal_filter_init_sized(&wide.known, sizeof(wide));
	wide.known.states = 1u << SHOAL_STATE_ALIVE;
	list = shoal_members(a, &wide.known);
	assert_int_equal(shoal_member_list_count(list), 1);
	shoal_member_list_free(list);
	wide.newer = 1;
	assert_null(shoal_members(a, &wide.known));
	kit_free(a);
}

static void
the_round_trip_time_follows_the_measurements(void **state)
{
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b");

	(void)state;
	kit_join(b, kit_address(a));
	assert_true(kit_until(NULL, rtt_is_known, a));
	kit_free(a);
	kit_free(b);
}

static void
ignore(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)cluster;
	(void)event;
	(void)arg;
}

static void
subscriptions_are_checked_counted_and_ended(void **state)
{
	struct shoal_cluster *a = kit_member("a");
	int args[65];

	(void)state;
	assert_int_equal(shoal_on_member(a, 0, ignore, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_JOINED, ignore, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_ALL, NULL, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_off_member(a, ignore, NULL), SHOAL_ERR_NOT_FOUND);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(shoal_on_member(a, SHOAL_EVENT_ALL, ignore, &args[i]), 0);
	}
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_ALL, ignore, &args[64]), SHOAL_ERR_LIMIT);
	assert_int_equal(shoal_off_member(a, ignore, &args[3]), 0);
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_ALL, ignore, &args[64]), 0);
	kit_free(a);
}

static void
a_subscription_that_has_ended_is_not_called_any_more(void **state)
{
	struct gate gate = {.seen = KIT_EVENTS};
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b"), *c;
	struct kit_events other = KIT_EVENTS;

	(void)state;
	atomic_store(&gate.open, true);
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_JOIN, wait_at_the_gate, &gate), 0);
	kit_join(b, kit_address(a));
	kit_await_event(NULL, &gate.seen, SHOAL_EVENT_JOIN, "b");
	assert_int_equal(shoal_off_member(a, wait_at_the_gate, &gate), 0);
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_JOIN, kit_on_member, &other), 0);
	c = kit_member("c");
	kit_join(c, kit_address(a));
	kit_await_event(NULL, &other, SHOAL_EVENT_JOIN, "c");
	assert_int_equal(gate.seen.count, 1);
	assert_int_equal(kit_events_of(&other, SHOAL_EVENT_JOIN, "b"), 0);
	kit_free(a);
	kit_free(b);
	kit_free(c);
}

/* One subscription that asked who is there: the state of each member that it knows of. */
struct ledger {
	struct {
		char name[8];
		enum shoal_state state;
	} known[8];
	size_t count, told;
	bool follows; /* an event came that was no view */
	_Atomic size_t wrong;
};

static enum shoal_state *
state_in(struct ledger *ledger, const char *name)
{
	size_t i = 0;

	while (i < ledger->count && strcmp(ledger->known[i].name, name) != 0) {
		i++;
	}
	assert_in_range(i, 0, COUNT_OF(ledger->known) - 1);
	if (i == ledger->count) {
		snprintf(ledger->known[i].name, sizeof(ledger->known[i].name), "%s", name);
		ledger->known[i].state = SHOAL_STATE_UNKNOWN;
		ledger->count++;
	}
	return &ledger->known[i].state;
}

/* Each event begins where the one before it ended: nothing is missed, and nothing comes twice. */
static void
keep_the_ledger(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct ledger *ledger = arg;
	enum shoal_state *state;

	(void)cluster;
	if (event->kind == SHOAL_EVENT_OVERFLOW) {
		ledger->wrong++;
		return;
	}
	state = state_in(ledger, shoal_member_name(event->member));
	ledger->wrong += event->was != *state || shoal_member_is_self(event->member) ||
	                 (event->current && ledger->follows);
	ledger->follows = ledger->follows || !event->current;
	*state = event->kind == SHOAL_EVENT_REAP ? SHOAL_STATE_UNKNOWN : event->state;
	ledger->told++;
}

struct asker {
	struct shoal_cluster *cluster;
	_Atomic bool over;
	size_t told, wrong;
};

static void *
ask_over_and_over(void *arg)
{
	const struct timespec moment = {.tv_nsec = 100000};
	struct asker *asker = arg;

	while (!atomic_load(&asker->over)) {
		struct ledger ledger = {.count = 0};

		assert_int_equal(
		        shoal_on_member(asker->cluster, SHOAL_EVENT_ALL | SHOAL_EVENT_CURRENT,
		                keep_the_ledger, &ledger),
		        0);
		nanosleep(&moment, NULL);
		assert_int_equal(shoal_off_member(asker->cluster, keep_the_ledger, &ledger), 0);
		asker->told += ledger.told;
		asker->wrong += ledger.wrong;
	}
	return NULL;
}

static void
who_asks_who_is_there_misses_nothing_while_members_come_and_go(void **state)
{
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a;
	struct asker asker[2] = {0};
	pthread_t thread[2];
	size_t told = 0;

	(void)state;
	config.profile.watchers = 0;
	a = kit_start(&config);
	for (int i = 0; i < 2; i++) {
		asker[i].cluster = a;
		assert_int_equal(pthread_create(&thread[i], NULL, ask_over_and_over, &asker[i]), 0);
	}
	for (int i = 0; i < 12; i++) {
		struct shoal_cluster *guest;
		char name[8];

		snprintf(name, sizeof(name), "g%d", i % 4);
		guest = kit_member(name);
		kit_join(guest, kit_address(a));
		kit_await_state(NULL, a, name, SHOAL_STATE_ALIVE);
		if (i < 6) { /* whoever leaves waits for those that ended without a word */
			assert_int_equal(shoal_cluster_leave(guest, KIT_PATIENCE_MS), 0);
			kit_await_state(NULL, a, name, SHOAL_STATE_LEFT);
		}
		kit_free(guest);
	}
	for (int i = 0; i < 2; i++) {
		atomic_store(&asker[i].over, true);
		pthread_join(thread[i], NULL);
		assert_int_equal(asker[i].wrong, 0);
		told += asker[i].told;
	}
	assert_true(told > 0);
	kit_free(a);
}

/* Runs callbacks where nobody else does, until one came. */
static void
await_told(struct shoal_cluster *cluster, struct event_base *base, struct kit_events *seen)
{
	if (shoal_cluster_fd(cluster) >= 0) {
		while (kit_events_of(seen, SHOAL_EVENT_JOIN, "b") == 0) {
			struct pollfd fd = {.fd = shoal_cluster_fd(cluster), .events = POLLIN};

			assert_int_equal(poll(&fd, 1, KIT_PATIENCE_MS), 1);
			assert_true(shoal_cluster_dispatch(cluster) >= 0);
		}
	}
	kit_await_event(base, seen, SHOAL_EVENT_JOIN, "b");
}

struct second {
	struct kit_events *seen;
	int rc;
};

static void
ask_from_inside(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct second *second = arg;

	(void)event;
	second->rc = shoal_off_member(cluster, ask_from_inside, second);
	second->rc = second->rc != 0
	                     ? second->rc
	                     : shoal_on_member(cluster, SHOAL_EVENT_JOIN | SHOAL_EVENT_CURRENT,
	                               kit_on_member, second->seen);
}

struct elsewhere {
	struct shoal_cluster *cluster;
	struct second *second;
};

static void *
ask_elsewhere(void *arg)
{
	struct elsewhere *elsewhere = arg;

	assert_int_equal(
	        shoal_on_member(elsewhere->cluster, SHOAL_EVENT_FAILED | SHOAL_EVENT_CURRENT,
	                ask_from_inside, elsewhere->second),
	        0);
	return NULL;
}

static void
who_is_there_is_told_in_each_way_to_run(void **state)
{
	const enum shoal_run way[] = {SHOAL_RUN_THREADS, SHOAL_RUN_DISPATCH, SHOAL_RUN_BASE};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(way); i++) {
		struct shoal_config config = kit_config("a");
		struct event_base *base = way[i] == SHOAL_RUN_BASE ? event_base_new() : NULL;
		struct kit_events seen = KIT_EVENTS;
		struct second second = {.seen = &seen, .rc = 1};
		struct kit_done done = KIT_DONE;
		struct shoal_cluster *a, *b = kit_member("b");
		struct elsewhere elsewhere;
		const char *seed;
		pthread_t thread;

		config.run = way[i];
		config.base = base;
		a = kit_start(&config);
		seed = kit_address(a);
		assert_int_equal(
		        shoal_cluster_join_async(b, &seed, 1, KIT_PATIENCE_MS, kit_on_done, &done),
		        0);
		assert_int_equal(kit_await_done(base, &done), 0);
		kit_await_members(base, a, 2);
		elsewhere = (struct elsewhere){.cluster = a, .second = &second};
		assert_int_equal(pthread_create(&thread, NULL, ask_elsewhere, &elsewhere), 0);
		await_told(a, base, &seen);
		pthread_join(thread, NULL);
		assert_int_equal(second.rc, 0);
		kit_free(a);
		kit_free(b);
		if (base != NULL) {
			event_base_free(base);
		}
		assert_int_equal(seen.count, 1);
		assert_true(seen.event[0].current);
		assert_int_equal(seen.event[0].cause, SHOAL_CAUSE_NONE);
		assert_int_equal(seen.event[0].was, SHOAL_STATE_UNKNOWN);
		assert_int_equal(seen.event[0].state, SHOAL_STATE_ALIVE);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_death_and_a_return_are_told_with_their_causes_in_a_chain),
	        cmocka_unit_test(a_slow_callback_gets_the_latest_state_of_each_and_one_overflow),
	        cmocka_unit_test(a_list_stays_as_it_was_while_members_come_and_go),
	        cmocka_unit_test(a_filter_is_checked_like_a_config),
	        cmocka_unit_test(the_round_trip_time_follows_the_measurements),
	        cmocka_unit_test(subscriptions_are_checked_counted_and_ended),
	        cmocka_unit_test(a_subscription_that_has_ended_is_not_called_any_more),
	        cmocka_unit_test(who_asks_who_is_there_misses_nothing_while_members_come_and_go),
	        cmocka_unit_test(who_is_there_is_told_in_each_way_to_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
