/* SPDX-License-Identifier: MIT */
/* Coalescing of member events, with a clock that stands still until it is told otherwise. */
#include "cluster_coalesce.h"

static void
one_event_alone_is_told_as_it_is_when_the_window_ends(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	assert_true(shoal_callbacks_due(&rig.callbacks) == SHOAL_NEVER);
	happen(&rig, 1, JOIN, NEW, UP, 0);
	commit(&rig, 1000);
	assert_int_equal(shoal_callbacks_due(&rig.callbacks), 1000 + WINDOW);
	happen(&rig, 2, LEFT, DOWN, GONE, 0);
	happen(&rig, 3, UPDATE, UP, UP, 2);
	commit(&rig, 1050);
	commit(&rig, 1099);
	told(&rig, "");
	assert_int_equal(shoal_callbacks_due(&rig.callbacks), 1000 + WINDOW);
	commit(&rig, 1100);
	told(&rig, "join 1 0>1; left 2 3>5; update 3 1>1 2 since 2; ");
	assert_true(shoal_callbacks_due(&rig.callbacks) == SHOAL_NEVER);
	assert_int_equal(merged(&rig), 0);
	end(&rig);
}

static void
what_comes_and_goes_within_a_window_is_not_told(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	happen(&rig, 1, SUSPECT, UP, ODD, 0);
	happen(&rig, 2, JOIN, NEW, UP, 0);
	commit(&rig, 0);
	happen(&rig, 1, RETURN, ODD, UP, 0);
	happen(&rig, 2, UPDATE, UP, UP, 1);
	happen(&rig, 2, LEFT, UP, GONE, 0);
	commit(&rig, 50);
	commit(&rig, 100);
	told(&rig, "");
	assert_int_equal(rig.events, 0);
	assert_int_equal(merged(&rig), 5);
	/* The window is over: the next event begins another one. */
	happen(&rig, 1, FAILED, UP, DOWN, 0);
	commit(&rig, 500);
	assert_int_equal(shoal_callbacks_due(&rig.callbacks), 500 + WINDOW);
	commit(&rig, 600);
	told(&rig, "failed 1 1>3; ");
	end(&rig);
}

static void
updates_become_one_with_all_that_changed_since_the_first(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	happen(&rig, 1, UPDATE, UP, UP, 1);
	happen(&rig, 1, UPDATE, UP, UP, 2);
	commit(&rig, 0);
	happen(&rig, 1, UPDATE, UP, UP, 4);
	commit(&rig, 100);
	told(&rig, "update 1 1>1 7 since 0; ");
	end(&rig);
}

static void
changes_become_one_and_an_update_stands_behind_it(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	happen(&rig, 1, UPDATE, UP, UP, 1);
	happen(&rig, 1, SUSPECT, UP, ODD, 0);
	happen(&rig, 2, SUSPECT, UP, ODD, 0);
	commit(&rig, 0);
	happen(&rig, 1, UPDATE, ODD, ODD, 2);
	happen(&rig, 1, FAILED, ODD, DOWN, 0);
	happen(&rig, 2, UPDATE, ODD, ODD, 1);
	commit(&rig, 100);
	told(&rig, "failed 1 1>3; update 1 3>3 3 since 0; suspect 2 1>2; update 2 2>2 1 since 2; ");
	end(&rig);
}

static void
who_joined_or_returned_is_told_so_whatever_followed(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	happen(&rig, 1, JOIN, NEW, UP, 0);
	happen(&rig, 1, UPDATE, UP, UP, 1);
	happen(&rig, 1, SUSPECT, UP, ODD, 0);
	happen(&rig, 2, RETURN, DOWN, UP, 32);
	happen(&rig, 2, SUSPECT, UP, ODD, 0);
	happen(&rig, 2, UPDATE, ODD, ODD, 1);
	commit(&rig, 0);
	commit(&rig, 100);
	told(&rig, "join 1 0>2; alive 2 3>2; ");
	end(&rig);
}

static void
who_failed_and_started_again_within_a_window_is_told_as_another_instance(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	happen(&rig, 1, FAILED, UP, DOWN, 0);
	happen(&rig, 1, RETURN, DOWN, UP, SHOAL_CHANGE_INSTANCE);
	commit(&rig, 0);
	happen(&rig, 2, FAILED, UP, DOWN, 0);
	happen(&rig, 2, RETURN, DOWN, UP, SHOAL_CHANGE_INSTANCE);
	happen(&rig, 2, UPDATE, UP, UP, SHOAL_CHANGE_TAGS);
	commit(&rig, 100);
	told(&rig, "update 1 1>1 32 since 0; update 2 1>1 34 since 2; ");
	end(&rig);
}

static void
what_ends_a_member_is_told_at_once_behind_what_is_held_of_it(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	happen(&rig, 1, FAILED, UP, DOWN, 0);
	happen(&rig, 2, SUSPECT, UP, ODD, 0);
	commit(&rig, 0);
	happen(&rig, 1, REAP, DOWN, DOWN, 0);
	happen(&rig, 2, SHOAL_EVENT_CONFLICT, ODD, ODD, 0);
	commit(&rig, 10);
	told(&rig, "failed 1 1>3; reap 1 3>3; suspect 2 1>2; conflict 2 2>2; ");
	/* Another member in the slot of one that is held does not get mixed up with it. */
	happen(&rig, 3, SUSPECT, UP, ODD, 0);
	commit(&rig, 200);
	rig.callbacks.held_at.item[4] = rig.callbacks.held_at.item[3];
	rig.callbacks.held_at.item[4].event->slot = 4;
	rig.callbacks.held_at.item[3].event = NULL;
	happen(&rig, 4, RETURN, ODD, UP, 0);
	commit(&rig, 210);
	told(&rig, "suspect 3 1>2; ");
	commit(&rig, 310);
	told(&rig, "alive 4 2>1; ");
	end(&rig);
}

static void
a_subscriber_and_the_end_of_the_loop_end_the_window(void **state)
{
	struct rig rig, late;

	(void)state;
	begin(&rig, 100);
	memset(&late, 0, sizeof(late));
	happen(&rig, 1, JOIN, NEW, UP, 0);
	commit(&rig, 0);
	assert_int_equal(
	        shoal_callbacks_subscribe(&rig.callbacks, SHOAL_EVENT_ALL, on_member, &late), 0);
	commit(&rig, 1);
	told(&rig, "join 1 0>1; ");
	happen(&rig, 1, LEFT, UP, GONE, 0);
	commit(&rig, 2);
	commit(&rig, SHOAL_NEVER);
	told(&rig, "left 1 1>5; ");
	told(&late, "left 1 1>5; ");
	/* What is held when nobody may hear of it any more is dropped. */
	happen(&rig, 2, JOIN, NEW, UP, 0);
	happen(&rig, 3, SUSPECT, UP, ODD, 0);
	happen(&rig, 3, UPDATE, ODD, ODD, 1);
	commit(&rig, 3);
	end(&rig);
	told(&rig, "");
}

static void
a_full_queue_ends_the_window_and_overflow_is_told(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 8);
	for (uint8_t i = 1; i <= 5; i++) {
		happen(&rig, i, SUSPECT, UP, ODD, 0);
	}
	commit(&rig, 0);
	assert_int_equal(rig.events, 5);
	for (uint8_t i = 1; i <= 20; i++) {
		happen(&rig, i, i <= 5 ? RETURN : FAILED, i <= 5 ? ODD : UP, i <= 5 ? UP : DOWN, 0);
	}
	commit(&rig, 1);
	assert_int_equal(rig.overflows, 1);
	assert_int_equal(rig.events, 25);
	end(&rig);
}

static void
a_refutation_does_not_hide_the_update_behind_it(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	happen(&rig, 1, RETURN, ODD, UP, 0);
	happen(&rig, 1, UPDATE, UP, UP, 1);
	/* What came with a change of state is told, too, where that is not told by itself. */
	happen(&rig, 2, SUSPECT, UP, ODD, 0);
	happen(&rig, 2, RETURN, ODD, UP, SHOAL_CHANGE_INSTANCE);
	happen(&rig, 2, SUSPECT, UP, ODD, 0);
	commit(&rig, 0);
	commit(&rig, 100);
	told(&rig, "alive 1 2>1; update 1 1>1 1 since 0; suspect 2 1>2; update 2 2>2 32 since 2; ");
	end(&rig);
}

static void
who_was_never_told_of_joins_whenever_it_lives_at_the_end(void **state)
{
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	happen(&rig, 1, JOIN, NEW, UP, 0);
	happen(&rig, 1, LEFT, UP, GONE, 0);
	happen(&rig, 1, RETURN, GONE, UP, 0);
	for (uint8_t i = 2; i <= 4; i++) {
		happen(&rig, i, JOIN, NEW, UP, 0);
		happen(&rig, i, FAILED, UP, DOWN, 0);
	}
	commit(&rig, 0);
	commit(&rig, 100);
	told(&rig, "join 1 0>1; ");
	happen(&rig, 2, RETURN, DOWN, UP, 0);
	happen(&rig, 3, LEFT, DOWN, GONE, 0);
	happen(&rig, 4, REAP, DOWN, DOWN, 0);
	commit(&rig, 200);
	commit(&rig, 300);
	told(&rig, "join 2 0>1; ");
	/* Another one in the place of one that was never told of. */
	happen(&rig, 3, REAP, GONE, GONE, 0);
	happen(&rig, 3, JOIN, NEW, UP, 0);
	happen(&rig, 2, FAILED, UP, DOWN, 0);
	commit(&rig, 400);
	commit(&rig, 500);
	told(&rig, "join 3 0>1; failed 2 1>3; ");
	end(&rig);
}

#define SUBJECTS 4

struct walk {
	struct rig rig;
	int state[SUBJECTS];       /* in the core */
	int told[SUBJECTS];        /* to the application */
	unsigned untold[SUBJECTS]; /* of updates since an event of it was told */
	unsigned seed;
};

static unsigned
draw(struct walk *walk, unsigned n)
{
	walk->seed = walk->seed * 1103515245u + 12345u;
	return (walk->seed >> 16) % n;
}

static bool
is_there(int state)
{
	return state == UP || state == ODD || state == SHOAL_STATE_LEAVING;
}

static void
on_walk(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct walk *walk = arg;
	unsigned subject = shoal_member_id(event->member)->bytes[0];

	(void)cluster;
	assert_int_equal(event->was, walk->told[subject]);
	assert_int_equal(shoal_member_state(event->member), event->state);
	assert_true((event->kind == JOIN) == ((int)event->was == NEW));
	assert_true(event->kind != JOIN || is_there((int)event->state));
	assert_true(event->kind != UPDATE || event->was == event->state);
	if (event->kind == UPDATE) {
		walk->untold[subject] &= ~event->changed;
	} else if (!is_there((int)event->was)) {
		walk->untold[subject] = 0; /* all of it is new */
	}
	walk->told[subject] = event->kind == REAP ? NEW : (int)event->state;
}

/* What the core may tell of a member next. */
static void
go_on(struct walk *walk, uint8_t subject)
{
	static const struct {
		unsigned kind;
		int was, state;
		unsigned changed;
	} steps[] = {
	        {JOIN, NEW, UP, 0},
	        {SUSPECT, UP, ODD, 0},
	        {SHOAL_EVENT_LEAVING, UP, SHOAL_STATE_LEAVING, 0},
	        {SHOAL_EVENT_LEAVING, ODD, SHOAL_STATE_LEAVING, 0},
	        {LEFT, UP, GONE, 0},
	        {LEFT, SHOAL_STATE_LEAVING, GONE, 0},
	        {LEFT, DOWN, GONE, 0},
	        {FAILED, UP, DOWN, 0},
	        {FAILED, ODD, DOWN, 0},
	        {RETURN, ODD, UP, 0},
	        {RETURN, ODD, UP, SHOAL_CHANGE_INSTANCE},
	        {RETURN, DOWN, UP, 0},
	        {RETURN, DOWN, UP, SHOAL_CHANGE_INSTANCE | SHOAL_CHANGE_ADDRESS},
	        {RETURN, GONE, UP, SHOAL_CHANGE_INSTANCE},
	        {UPDATE, UP, UP, SHOAL_CHANGE_TAGS},
	        {UPDATE, UP, UP, SHOAL_CHANGE_METADATA},
	        {UPDATE, ODD, ODD, SHOAL_CHANGE_ADDRESS},
	        {REAP, DOWN, DOWN, 0},
	        {REAP, GONE, GONE, 0},
	};
	unsigned i;

	do {
		i = draw(walk, COUNT_OF(steps));
	} while (steps[i].was != walk->state[subject]);
	happen(&walk->rig, subject, steps[i].kind, steps[i].was, steps[i].state, steps[i].changed);
	walk->state[subject] = steps[i].kind == REAP ? NEW : steps[i].state;
	if (steps[i].kind == UPDATE) {
		walk->untold[subject] |= steps[i].changed;
	}
}

static void
what_is_told_chains_from_unknown_to_the_state_that_is_held(void **state)
{
	static struct walk walk;

	(void)state;
	for (unsigned seed = 1; seed <= 300; seed++) {
		memset(&walk, 0, sizeof(walk));
		walk.seed = seed;
		begin(&walk.rig, 1000);
		assert_int_equal(
		        shoal_callbacks_unsubscribe(&walk.rig.callbacks, on_member, &walk.rig), 0);
		assert_int_equal(shoal_callbacks_subscribe(
		                         &walk.rig.callbacks, SHOAL_EVENT_ALL, on_walk, &walk),
		        0);
		for (uint64_t now = 0; now < 40 * WINDOW; now += 1 + draw(&walk, WINDOW)) {
			go_on(&walk, (uint8_t)draw(&walk, SUBJECTS));
			commit(&walk.rig, now);
		}
		commit(&walk.rig, SHOAL_NEVER);
		for (size_t i = 0; i < SUBJECTS; i++) {
			bool is_new = walk.told[i] == NEW && !is_there(walk.state[i]);
			assert_true(is_new || walk.told[i] == walk.state[i]);
			assert_true(is_new || walk.untold[i] == 0);
		}
		end(&walk.rig);
	}
}

static int
starve(const struct shoal_allocator *mem, void *arg)
{
	struct rig rig;

	(void)arg;
	memset(&rig, 0, sizeof(rig));
	if (begin_with(&rig, 100, mem) != 0) {
		return SHOAL_ERR_NOMEM;
	}
	happen(&rig, 40, SUSPECT, UP, ODD, 0);
	happen(&rig, 40, UPDATE, ODD, ODD, 1);
	commit(&rig, 0);
	happen(&rig, 40, FAILED, ODD, DOWN, 0);
	commit(&rig, SHOAL_NEVER);
	/* What is not as it should be was announced. */
	assert_true(
	        rig.overflows > 0 ||
	        strcmp(rig.text, "failed 40 1>3; update 40 3>3 1 since 0; ") == 0 ||
	        strcmp(rig.text, "suspect 40 1>2; failed 40 2>3; update 40 3>3 1 since 1; ") == 0);
	shoal_callbacks_close(&rig.callbacks);
	shoal_callbacks_fini(&rig.callbacks);
	return rig.short_of_memory ? SHOAL_ERR_NOMEM : 0;
}

static void
without_memory_events_are_told_at_once_or_lost_with_a_word(void **state)
{
	(void)state;
	assert_true(heap_fault_sweep_tolerant(starve, NULL) > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_event_alone_is_told_as_it_is_when_the_window_ends),
	        cmocka_unit_test(what_comes_and_goes_within_a_window_is_not_told),
	        cmocka_unit_test(updates_become_one_with_all_that_changed_since_the_first),
	        cmocka_unit_test(changes_become_one_and_an_update_stands_behind_it),
	        cmocka_unit_test(who_joined_or_returned_is_told_so_whatever_followed),
	        cmocka_unit_test(
	                who_failed_and_started_again_within_a_window_is_told_as_another_instance),
	        cmocka_unit_test(what_ends_a_member_is_told_at_once_behind_what_is_held_of_it),
	        cmocka_unit_test(a_subscriber_and_the_end_of_the_loop_end_the_window),
	        cmocka_unit_test(a_full_queue_ends_the_window_and_overflow_is_told),
	        cmocka_unit_test(a_refutation_does_not_hide_the_update_behind_it),
	        cmocka_unit_test(who_was_never_told_of_joins_whenever_it_lives_at_the_end),
	        cmocka_unit_test(what_is_told_chains_from_unknown_to_the_state_that_is_held),
	        cmocka_unit_test(without_memory_events_are_told_at_once_or_lost_with_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
