/* SPDX-License-Identifier: MIT */
/* The callbacks' queue without a loop: who gets what in which order, and what happens when
 * callbacks fall behind. */
#include "unit.h"

#include "cluster/loop/callbacks.h"
#include "heap_fault.h"

#include <sched.h>
#include <stdatomic.h>

struct rig {
	struct heap_fault fault;
	struct shoal_callbacks callbacks;
	unsigned woken;
};

/* What one subscriber saw. */
struct seen {
	struct rig *rig;
	size_t events, overflows;
	struct {
		enum shoal_event_kind kind;
		enum shoal_state was, state;
		uint8_t subject;
	} event[256];
	int code;
	void (*act)(struct seen *seen);
};

static void
wake(struct shoal_cluster *cluster)
{
	((struct rig *)cluster)->woken++;
}

/* Events that were coalesced or lost. */
static uint64_t
overflows(struct rig *rig)
{
	struct shoal_counters counters = {{0}};

	shoal_callbacks_count(&rig->callbacks, &counters);
	return counters.value[SHOAL_COUNTER_EVENTS_OVERFLOW];
}

struct done {
	struct shoal_call call;
	unsigned ran;
};

static void
run_done(struct shoal_cluster *cluster, struct shoal_call *call)
{
	(void)cluster;
	SHOAL_LIST_ITEM(call, struct done, call)->ran++;
}

static void
begin(struct rig *rig, size_t soft, size_t members)
{
	memset(rig, 0, sizeof(*rig));
	heap_fault_init(&rig->fault);
	assert_int_equal(shoal_callbacks_init(&rig->callbacks, &rig->fault.mem, soft, members), 0);
	rig->callbacks.cluster = (struct shoal_cluster *)rig;
	rig->callbacks.done = run_done;
	rig->callbacks.wake = wake;
}

static void
end(struct rig *rig)
{
	shoal_callbacks_close(&rig->callbacks);
	shoal_callbacks_fini(&rig->callbacks);
	assert_int_equal(rig->fault.live, 0);
}

static void
stage(struct rig *rig, uint8_t subject, enum shoal_event_kind kind, enum shoal_state was,
        enum shoal_state state)
{
	struct shoal_core_member from = {.name = "m", .addrs = 1, .state = state};
	struct shoal_event event = {
	        .kind = kind, .slot = subject, .was = was, .state = state, .wall_ns = 1};
	struct shoal_member *member;
	struct heap_fault none;

	event.id.bytes[0] = from.id.bytes[0] = subject;
	heap_fault_init(&none);
	member = shoal_member_new(&rig->fault.mem, &from, 1, NULL);
	if (member == NULL) {
		shoal_callbacks_lose(&rig->callbacks);
		return;
	}
	shoal_callbacks_stage(&rig->callbacks, subject, &event, member, NULL);
	shoal_member_unref(member);
}

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct seen *seen = arg;

	(void)cluster;
	if (event->kind == SHOAL_EVENT_OVERFLOW) {
		assert_null(event->member);
		seen->overflows++;
	} else {
		assert_in_range(seen->events, 0, COUNT_OF(seen->event) - 1);
		seen->event[seen->events].kind = event->kind;
		seen->event[seen->events].was = event->was;
		seen->event[seen->events].state = event->state;
		seen->event[seen->events].subject = shoal_member_id(event->member)->bytes[0];
		assert_int_equal(shoal_member_state(event->member), event->state);
		seen->events++;
	}
	if (seen->act != NULL) {
		seen->act(seen);
	}
}

static int
subscribe(struct rig *rig, unsigned mask, struct seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	seen->rig = rig;
	return shoal_callbacks_subscribe(&rig->callbacks, mask, on_member, seen);
}

static void
run_all(struct rig *rig)
{
	while (shoal_callbacks_waiting(&rig->callbacks) > 0) {
		assert_true(shoal_callbacks_run(&rig->callbacks, SIZE_MAX) >= 0);
	}
}

static void
events_are_ready_when_they_are_committed_and_come_in_order(void **state)
{
	struct seen all, failures;
	struct rig rig;

	(void)state;
	begin(&rig, 100, 100);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &all), 0);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_FAILED, &failures), 0);
	stage(&rig, 1, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	stage(&rig, 1, SHOAL_EVENT_SUSPECT, SHOAL_STATE_ALIVE, SHOAL_STATE_SUSPECT);
	stage(&rig, 2, SHOAL_EVENT_FAILED, SHOAL_STATE_SUSPECT, SHOAL_STATE_DEAD);
	assert_int_equal(shoal_callbacks_run(&rig.callbacks, SIZE_MAX), 0);
	assert_int_equal(rig.woken, 0);
	shoal_callbacks_commit(&rig.callbacks, 0);
	assert_int_equal(rig.woken, 1);
	assert_int_equal(shoal_callbacks_waiting(&rig.callbacks), 3);
	assert_int_equal(shoal_callbacks_run(&rig.callbacks, 1), 1);
	assert_int_equal(shoal_callbacks_run(&rig.callbacks, SIZE_MAX), 3);
	assert_int_equal(all.events, 3);
	assert_int_equal(all.event[0].kind, SHOAL_EVENT_JOIN);
	assert_int_equal(all.event[1].kind, SHOAL_EVENT_SUSPECT);
	assert_int_equal(all.event[2].subject, 2);
	assert_int_equal(failures.events, 1);
	assert_int_equal(all.overflows, 0);
	assert_int_equal(overflows(&rig), 0);
	end(&rig);
}

static void
a_subscriber_gets_what_becomes_ready_after_it_subscribed(void **state)
{
	struct seen early, late;
	struct rig rig;

	(void)state;
	begin(&rig, 100, 100);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &early), 0);
	stage(&rig, 1, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	shoal_callbacks_commit(&rig.callbacks, 0);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &late), 0);
	stage(&rig, 2, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	shoal_callbacks_commit(&rig.callbacks, 0);
	run_all(&rig);
	assert_int_equal(early.events, 2);
	assert_int_equal(late.events, 1);
	assert_int_equal(late.event[0].subject, 2);
	end(&rig);
}

static void
the_first_subscriber_in_the_middle_of_a_turn_gets_what_happens_in_it(void **state)
{
	struct seen seen;
	struct rig rig;

	(void)state;
	begin(&rig, 100, 100);
	stage(&rig, 1, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), 0);
	stage(&rig, 2, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	shoal_callbacks_commit(&rig.callbacks, 0);
	run_all(&rig);
	assert_int_equal(seen.events, 2);
	assert_int_equal(seen.event[0].subject, 1);
	assert_int_equal(seen.overflows, 0);
	end(&rig);
}

static void
where_too_much_happens_for_nobody_the_first_subscriber_is_told_to_look_at_the_list(void **state)
{
	struct seen seen;
	struct rig rig;

	(void)state;
	begin(&rig, 2, 100);
	for (uint8_t i = 1; i <= 3; i++) {
		stage(&rig, i, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	}
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), 0);
	shoal_callbacks_commit(&rig.callbacks, 0);
	run_all(&rig);
	assert_int_equal(seen.events, 2);
	assert_int_equal(seen.overflows, 1);
	end(&rig);
}

static void
events_that_nobody_asked_for_do_not_wait(void **state)
{
	struct seen seen;
	struct rig rig;

	(void)state;
	begin(&rig, 2, 2);
	for (uint8_t i = 0; i < 20; i++) {
		stage(&rig, i, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	}
	shoal_callbacks_commit(&rig.callbacks, 0);
	assert_int_equal(shoal_callbacks_waiting(&rig.callbacks), 0);
	assert_int_equal(overflows(&rig), 0);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_FAILED, &seen), 0);
	stage(&rig, 1, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	shoal_callbacks_commit(&rig.callbacks, 0);
	assert_int_equal(shoal_callbacks_waiting(&rig.callbacks), 0);
	end(&rig);
}

/* Three members come, and each fails and comes back over and over. */
static void
churn(struct rig *rig, unsigned rounds)
{
	for (uint8_t i = 1; i <= 3; i++) {
		stage(rig, i, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	}
	for (unsigned round = 0; round < rounds; round++) {
		for (uint8_t i = 1; i <= 3; i++) {
			stage(rig, i, SHOAL_EVENT_SUSPECT, SHOAL_STATE_ALIVE, SHOAL_STATE_SUSPECT);
			stage(rig, i, SHOAL_EVENT_ALIVE, SHOAL_STATE_SUSPECT, SHOAL_STATE_ALIVE);
			shoal_callbacks_commit(&rig->callbacks, 0);
		}
	}
}

static void
what_falls_behind_is_coalesced_by_subject_and_told_once(void **state)
{
	enum shoal_state last[4] = {0};
	struct seen seen;
	struct rig rig;

	(void)state;
	begin(&rig, 4, 10);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), 0);
	churn(&rig, 50);
	stage(&rig, 2, SHOAL_EVENT_FAILED, SHOAL_STATE_ALIVE, SHOAL_STATE_DEAD);
	shoal_callbacks_commit(&rig.callbacks, 0);
	/* Four of the first, and one more for each member that was not the last of those. */
	assert_in_range(shoal_callbacks_waiting(&rig.callbacks), 5, 8);
	run_all(&rig);
	assert_int_equal(seen.overflows, 1);
	assert_true(overflows(&rig) > 250);
	for (size_t i = 0; i < seen.events; i++) {
		uint8_t subject = seen.event[i].subject;

		assert_int_equal(seen.event[i].was, last[subject]);
		last[subject] = seen.event[i].state;
	}
	assert_int_equal(last[1], SHOAL_STATE_ALIVE);
	assert_int_equal(last[2], SHOAL_STATE_DEAD);
	assert_int_equal(last[3], SHOAL_STATE_ALIVE);

	/* The queue was empty again: the next time is told again. */
	churn(&rig, 5);
	run_all(&rig);
	assert_int_equal(seen.overflows, 2);
	end(&rig);
}

static void
members_that_do_not_wait_yet_get_one_place_each_above_the_limit(void **state)
{
	struct seen seen;
	struct rig rig;

	(void)state;
	begin(&rig, 4, 60);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), 0);
	for (uint8_t i = 0; i < 60; i++) {
		stage(&rig, i, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	}
	for (uint8_t i = 0; i < 60; i++) {
		stage(&rig, i, SHOAL_EVENT_FAILED, SHOAL_STATE_ALIVE, SHOAL_STATE_DEAD);
	}
	shoal_callbacks_commit(&rig.callbacks, 0);
	run_all(&rig);
	assert_int_equal(seen.events, 60);
	assert_int_equal(seen.overflows, 1);
	for (size_t i = 0; i < 60; i++) {
		assert_int_equal(seen.event[i].state, SHOAL_STATE_DEAD);
	}
	end(&rig);
}

static void
above_the_hard_limit_events_are_lost_and_that_is_told(void **state)
{
	struct seen seen;
	struct rig rig;

	(void)state;
	begin(&rig, 4, 4);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), 0);
	for (unsigned i = 0; i < 100; i++) {
		stage(&rig, (uint8_t)i, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	}
	shoal_callbacks_commit(&rig.callbacks, 0);
	assert_int_equal(shoal_callbacks_waiting(&rig.callbacks), 9);
	run_all(&rig);
	assert_int_equal(seen.events, 8);
	assert_int_equal(seen.overflows, 1);
	end(&rig);
}

static void
a_slot_that_another_member_took_is_not_mistaken_for_it(void **state)
{
	struct shoal_core_member from = {.name = "n", .addrs = 1, .state = SHOAL_STATE_ALIVE};
	struct shoal_event event = {
	        .kind = SHOAL_EVENT_JOIN, .slot = 1, .state = SHOAL_STATE_ALIVE};
	struct shoal_member *other;
	struct seen seen;
	struct rig rig;

	(void)state;
	begin(&rig, 1, 10);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), 0);
	stage(&rig, 1, SHOAL_EVENT_REAP, SHOAL_STATE_DEAD, SHOAL_STATE_DEAD);
	event.id.bytes[0] = from.id.bytes[0] = 9;
	other = shoal_member_new(&rig.fault.mem, &from, 1, NULL);
	shoal_callbacks_stage(&rig.callbacks, 1, &event, other, NULL);
	shoal_member_unref(other);
	shoal_callbacks_commit(&rig.callbacks, 0);
	run_all(&rig);
	assert_int_equal(seen.events, 2);
	assert_int_equal(seen.event[0].subject, 1);
	assert_int_equal(seen.event[1].subject, 9);
	end(&rig);
}

static void
leave_set(struct seen *seen)
{
	seen->code = shoal_callbacks_unsubscribe(&seen->rig->callbacks, on_member, seen);
}

static void
run_inside(struct seen *seen)
{
	assert_true(shoal_callbacks_inside(&seen->rig->callbacks));
	seen->code = shoal_callbacks_run(&seen->rig->callbacks, 1);
}

static void
a_callback_may_unsubscribe_itself_and_must_not_run_the_queue(void **state)
{
	struct seen leaver, runner;
	struct rig rig;

	(void)state;
	begin(&rig, 10, 10);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &leaver), 0);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &runner), 0);
	leaver.act = leave_set;
	leaver.code = 1;
	runner.act = run_inside;
	for (uint8_t i = 0; i < 3; i++) {
		stage(&rig, i, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	}
	shoal_callbacks_commit(&rig.callbacks, 0);
	assert_false(shoal_callbacks_inside(&rig.callbacks));
	assert_int_equal(shoal_callbacks_run(&rig.callbacks, SIZE_MAX), 4);
	assert_int_equal(leaver.events, 1);
	assert_int_equal(leaver.code, 0);
	assert_int_equal(runner.events, 3);
	assert_int_equal(runner.code, SHOAL_ERR_WOULD_BLOCK);
	assert_int_equal(shoal_callbacks_unsubscribe(&rig.callbacks, on_member, &leaver),
	        SHOAL_ERR_NOT_FOUND);
	end(&rig);
}

static void
sixty_four_may_subscribe(void **state)
{
	struct seen seen;
	struct rig rig;

	(void)state;
	begin(&rig, 10, 10);
	for (size_t i = 0; i < SHOAL_SUBSCRIBERS_MAX; i++) {
		assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), 0);
	}
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), SHOAL_ERR_LIMIT);
	assert_int_equal(shoal_callbacks_unsubscribe(&rig.callbacks, on_member, &seen), 0);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), 0);
	end(&rig);
}

static void
closing_drops_events_and_still_runs_what_has_ended(void **state)
{
	struct done done = {.call.kind = SHOAL_CALL_DONE}, after = done;
	struct seen seen;
	struct rig rig;

	(void)state;
	begin(&rig, 1, 10);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), 0);
	churn(&rig, 2);
	shoal_callbacks_push(&rig.callbacks, &done.call);
	assert_true(shoal_callbacks_wait(&rig.callbacks));
	shoal_callbacks_close(&rig.callbacks);
	stage(&rig, 1, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	shoal_callbacks_commit(&rig.callbacks, 0);
	shoal_callbacks_push(&rig.callbacks, &after.call);
	assert_int_equal(shoal_callbacks_waiting(&rig.callbacks), 2);
	run_all(&rig);
	assert_int_equal(done.ran, 1);
	assert_int_equal(after.ran, 1);
	assert_int_equal(seen.events + seen.overflows, 0);
	assert_false(shoal_callbacks_wait(&rig.callbacks));
	end(&rig);
}

static _Atomic int stopped_in;

static void
stop_here(struct seen *seen)
{
	(void)seen;
	atomic_store(&stopped_in, 1);
	while (atomic_load(&stopped_in) != 2) {
		sched_yield();
	}
	for (int i = 0; i < 1000; i++) {
		sched_yield();
	}
	atomic_store(&stopped_in, 3);
}

static void *
run_on_thread(void *arg)
{
	struct rig *rig = arg;

	run_all(rig);
	return NULL;
}

static void
unsubscribing_waits_for_a_callback_that_runs_on_another_thread(void **state)
{
	struct seen seen;
	struct rig rig;
	pthread_t thread;

	(void)state;
	begin(&rig, 10, 10);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), 0);
	seen.act = stop_here;
	stage(&rig, 1, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
	shoal_callbacks_commit(&rig.callbacks, 0);
	assert_int_equal(pthread_create(&thread, NULL, run_on_thread, &rig), 0);
	while (atomic_load(&stopped_in) != 1) {
		sched_yield();
	}
	assert_int_equal(shoal_callbacks_run(&rig.callbacks, 1), SHOAL_ERR_WOULD_BLOCK);
	atomic_store(&stopped_in, 2);
	assert_int_equal(shoal_callbacks_unsubscribe(&rig.callbacks, on_member, &seen), 0);
	assert_int_equal(atomic_load(&stopped_in), 3);
	pthread_join(thread, NULL);
	end(&rig);
}

static int
starve(const struct shoal_allocator *mem, void *arg)
{
	struct seen seen;
	struct rig rig;

	(void)arg;
	begin(&rig, 4, 10);
	rig.callbacks.mem = mem;
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &seen), 0);
	churn(&rig, 2);
	run_all(&rig);
	/* With six members' changes told, or the application told to look. */
	assert_true(seen.overflows == 1 || seen.events == 15);
	end(&rig);
	return 0;
}

static void
an_event_that_cannot_be_kept_is_told_as_overflow(void **state)
{
	(void)state;
	assert_true(heap_fault_sweep_tolerant(starve, NULL) > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(events_are_ready_when_they_are_committed_and_come_in_order),
	        cmocka_unit_test(a_subscriber_gets_what_becomes_ready_after_it_subscribed),
	        cmocka_unit_test(
	                the_first_subscriber_in_the_middle_of_a_turn_gets_what_happens_in_it),
	        cmocka_unit_test(
	                where_too_much_happens_for_nobody_the_first_subscriber_is_told_to_look_at_the_list),
	        cmocka_unit_test(events_that_nobody_asked_for_do_not_wait),
	        cmocka_unit_test(what_falls_behind_is_coalesced_by_subject_and_told_once),
	        cmocka_unit_test(members_that_do_not_wait_yet_get_one_place_each_above_the_limit),
	        cmocka_unit_test(above_the_hard_limit_events_are_lost_and_that_is_told),
	        cmocka_unit_test(a_slot_that_another_member_took_is_not_mistaken_for_it),
	        cmocka_unit_test(a_callback_may_unsubscribe_itself_and_must_not_run_the_queue),
	        cmocka_unit_test(sixty_four_may_subscribe),
	        cmocka_unit_test(closing_drops_events_and_still_runs_what_has_ended),
	        cmocka_unit_test(unsubscribing_waits_for_a_callback_that_runs_on_another_thread),
	        cmocka_unit_test(an_event_that_cannot_be_kept_is_told_as_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
