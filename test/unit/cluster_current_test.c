/* SPDX-License-Identifier: MIT */
/* Who is there, told to a new subscriber: before all that follows, with neither a gap nor a double
 * wherever in a turn of the loop it comes, and also when callbacks fall behind. */
#include "unit.h"

#include "cluster/loop/callbacks.h"
#include "cluster/members/snapshot.h"
#include "heap_fault.h"

#include <stdio.h>
#include <string.h>

struct rig {
	struct heap_fault fault;
	struct shoal_callbacks callbacks;
	struct shoal_view view;
	unsigned woken;
};

/* What one subscriber was told, a letter each: j of who was there, J, S, F, ! for OVERFLOW, and the
 * number of the member. */
struct told {
	struct rig *rig;
	char text[128];
	void (*act)(struct told *told);
};

static void
wake(struct shoal_cluster *cluster)
{
	((struct rig *)cluster)->woken++;
}

static struct shoal_member *
member_of(struct rig *rig, uint8_t slot, enum shoal_state state)
{
	struct shoal_core_member from = {.name = "m", .addrs = 1, .state = state};

	from.id.bytes[0] = slot;
	from.self = slot == 0;
	return shoal_member_new(&rig->fault.mem, &from, 1000 + slot, NULL);
}

static void
begin(struct rig *rig, size_t soft)
{
	static const uint64_t key[2] = {1, 2};
	struct shoal_member *self;

	memset(rig, 0, sizeof(*rig));
	heap_fault_init(&rig->fault);
	assert_int_equal(shoal_callbacks_init(&rig->callbacks, &rig->fault.mem, soft, 100), 0);
	rig->callbacks.cluster = (struct shoal_cluster *)rig;
	rig->callbacks.wake = wake;
	shoal_view_init(&rig->view, &rig->fault.mem, key);
	self = member_of(rig, 0, SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_view_set(&rig->view, 0, self), 0);
	shoal_member_unref(self);
}

static void
end(struct rig *rig)
{
	shoal_callbacks_close(&rig->callbacks);
	shoal_callbacks_fini(&rig->callbacks);
	shoal_view_done(&rig->view);
	assert_int_equal(rig->fault.live, 0);
}

static void
change(struct rig *rig, uint8_t slot, enum shoal_event_kind kind, enum shoal_state was,
        enum shoal_state state)
{
	struct shoal_member *member = member_of(rig, slot, state);
	struct shoal_event event = {
	        .kind = kind, .slot = slot, .was = was, .state = state, .wall_ns = 1};

	event.id.bytes[0] = slot;
	shoal_callbacks_stage(&rig->callbacks, slot, &event, member, NULL);
	assert_int_equal(shoal_view_set(&rig->view, slot, member), 0);
	shoal_member_unref(member);
}

static void
join(struct rig *rig, uint8_t slot)
{
	change(rig, slot, SHOAL_EVENT_JOIN, SHOAL_STATE_UNKNOWN, SHOAL_STATE_ALIVE);
}

static void
suspect(struct rig *rig, uint8_t slot)
{
	change(rig, slot, SHOAL_EVENT_SUSPECT, SHOAL_STATE_ALIVE, SHOAL_STATE_SUSPECT);
}

static void
die(struct rig *rig, uint8_t slot)
{
	change(rig, slot, SHOAL_EVENT_FAILED, SHOAL_STATE_SUSPECT, SHOAL_STATE_DEAD);
}

/* The end of a turn. */
static void
turn(struct rig *rig)
{
	struct shoal_member_list *list = shoal_view_publish(&rig->view);

	shoal_callbacks_show(&rig->callbacks, list);
	shoal_member_list_free(list);
	shoal_callbacks_commit(&rig->callbacks, 0);
}

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct told *told = arg;
	char *at = told->text + strlen(told->text);
	char kind = '!';

	(void)cluster;
	if (event->kind != SHOAL_EVENT_OVERFLOW) {
		kind = event->kind == SHOAL_EVENT_JOIN      ? 'J'
		       : event->kind == SHOAL_EVENT_SUSPECT ? 'S'
		                                            : 'F';
	}
	if (event->current) {
		assert_int_equal(event->kind, SHOAL_EVENT_JOIN);
		assert_int_equal(event->was, SHOAL_STATE_UNKNOWN);
		assert_int_equal(event->state, shoal_member_state(event->member));
		assert_int_equal(event->cause.kind, SHOAL_CAUSE_NONE);
		assert_int_equal(event->wall_ns, shoal_member_since(event->member));
		kind = 'j';
	}
	snprintf(at, sizeof(told->text) - (size_t)(at - told->text), "%c%u ", kind,
	        event->member != NULL ? shoal_member_id(event->member)->bytes[0] : 0u);
	if (told->act != NULL) {
		told->act(told);
	}
}

static int
subscribe(struct rig *rig, unsigned mask, struct told *told)
{
	memset(told, 0, sizeof(*told));
	told->rig = rig;
	return shoal_callbacks_subscribe(&rig->callbacks, mask, on_member, told);
}

static int
ask(struct rig *rig, struct told *told)
{
	return subscribe(rig, SHOAL_EVENT_ALL | SHOAL_EVENT_CURRENT, told);
}

static void
run_all(struct rig *rig)
{
	while (shoal_callbacks_waiting(&rig->callbacks) > 0) {
		assert_true(shoal_callbacks_run(&rig->callbacks, SIZE_MAX) >= 0);
	}
}

static void
who_asks_is_told_who_is_there_and_then_what_follows(void **state)
{
	struct told early, asker, deaths;
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &early), 0);
	join(&rig, 1);
	join(&rig, 2);
	suspect(&rig, 2);
	turn(&rig);
	rig.woken = 0;
	assert_int_equal(ask(&rig, &asker), 0);
	assert_int_equal(rig.woken, 1);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_FAILED | SHOAL_EVENT_CURRENT, &deaths), 0);
	die(&rig, 2);
	join(&rig, 3);
	turn(&rig);
	run_all(&rig);
	assert_string_equal(early.text, "J1 J2 S2 F2 J3 ");
	assert_string_equal(asker.text, "j1 j2 F2 J3 ");
	assert_string_equal(deaths.text, "j1 j2 F2 ");
	end(&rig);
}

static void
before_the_first_turn_nobody_is_there(void **state)
{
	struct told asker;
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	assert_int_equal(ask(&rig, &asker), 0);
	assert_int_equal(shoal_callbacks_waiting(&rig.callbacks), 0);
	join(&rig, 1);
	turn(&rig);
	run_all(&rig);
	assert_string_equal(asker.text, "J1 ");
	end(&rig);
}

/* The view has it already, and the event is on its way: it is told once. */
static void
what_happens_in_the_turn_in_which_one_asks_is_told_once(void **state)
{
	struct shoal_member_list *list;
	struct told in_turn, published;
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	join(&rig, 1);
	turn(&rig);
	join(&rig, 2);
	assert_int_equal(ask(&rig, &in_turn), 0);
	list = shoal_view_publish(&rig.view);
	shoal_callbacks_show(&rig.callbacks, list);
	shoal_member_list_free(list);
	assert_int_equal(ask(&rig, &published), 0);
	shoal_callbacks_commit(&rig.callbacks, 0);
	run_all(&rig);
	assert_string_equal(in_turn.text, "j1 J2 ");
	assert_string_equal(published.text, "j1 J2 ");
	end(&rig);
}

static void
what_a_window_holds_is_in_what_one_is_told(void **state)
{
	struct told early, asker;
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	rig.callbacks.window = 1000;
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &early), 0);
	join(&rig, 1);
	turn(&rig);
	assert_int_equal(ask(&rig, &asker), 0);
	suspect(&rig, 1);
	turn(&rig);
	shoal_callbacks_commit(&rig.callbacks, SHOAL_NEVER);
	run_all(&rig);
	assert_string_equal(early.text, "J1 S1 ");
	assert_string_equal(asker.text, "j1 S1 ");
	end(&rig);
}

/* A newer event takes the place of an older one, which is ahead of who is told who is there. */
static void
who_asks_when_callbacks_have_fallen_behind_is_told_to_look_at_the_list(void **state)
{
	struct told early, asker, later;
	struct rig rig;

	(void)state;
	begin(&rig, 2);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &early), 0);
	join(&rig, 1);
	join(&rig, 2);
	turn(&rig);
	assert_int_equal(ask(&rig, &asker), 0);
	suspect(&rig, 1);
	assert_int_equal(ask(&rig, &later), 0);
	turn(&rig);
	run_all(&rig);
	assert_string_equal(early.text, "S1 J2 !0 ");
	assert_string_equal(asker.text, "j1 j2 !0 ");
	assert_string_equal(later.text, "j1 j2 !0 ");
	end(&rig);
}

/* The OVERFLOW has run in the middle of the turn, when the list did not show yet what it is about.
 */
static void
an_overflow_that_came_too_early_comes_again(void **state)
{
	struct told early, asker;
	struct rig rig;

	(void)state;
	begin(&rig, 2);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &early), 0);
	join(&rig, 1);
	join(&rig, 2);
	turn(&rig);
	suspect(&rig, 1);
	assert_int_equal(ask(&rig, &asker), 0);
	run_all(&rig);
	assert_string_equal(asker.text, "j1 j2 !0 ");
	turn(&rig);
	run_all(&rig);
	assert_string_equal(asker.text, "j1 j2 !0 !0 ");
	end(&rig);
}

static void
leave_after_the_first(struct told *told)
{
	(void)shoal_callbacks_unsubscribe(&told->rig->callbacks, on_member, told);
}

static void
ask_again(struct told *told)
{
	told->act = NULL;
	assert_int_equal(shoal_callbacks_unsubscribe(&told->rig->callbacks, on_member, told), 0);
	assert_int_equal(shoal_callbacks_subscribe(&told->rig->callbacks,
	                         SHOAL_EVENT_ALL | SHOAL_EVENT_CURRENT, on_member, told),
	        0);
}

static void
who_has_left_before_or_meanwhile_is_told_no_more_and_may_ask_again(void **state)
{
	struct told gone, first, again, other;
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	join(&rig, 1);
	join(&rig, 2);
	turn(&rig);
	assert_int_equal(ask(&rig, &gone), 0);
	assert_int_equal(shoal_callbacks_unsubscribe(&rig.callbacks, on_member, &gone), 0);
	assert_int_equal(ask(&rig, &first), 0);
	first.act = leave_after_the_first;
	assert_int_equal(ask(&rig, &again), 0);
	again.act = ask_again;
	run_all(&rig);
	assert_string_equal(gone.text, "");
	assert_string_equal(first.text, "j1 ");
	assert_string_equal(again.text, "j1 j1 j2 ");

	/* An event that another one handles first: who asks in between has it in its list. */
	assert_int_equal(shoal_callbacks_unsubscribe(&rig.callbacks, on_member, &again), 0);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &other), 0);
	other.act = ask_again;
	join(&rig, 3);
	turn(&rig);
	run_all(&rig);
	assert_string_equal(other.text, "J3 j1 j2 j3 ");
	end(&rig);
}

static struct told *asks_meanwhile;

static void
let_the_other_ask(struct told *told)
{
	told->act = NULL;
	ask_again(asks_meanwhile);
}

static void
who_asks_while_an_event_is_told_is_not_told_of_it_again(void **state)
{
	struct told one, two;
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &one), 0);
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &two), 0);
	asks_meanwhile = &two;
	one.act = let_the_other_ask;
	join(&rig, 1);
	turn(&rig);
	run_all(&rig);
	assert_string_equal(one.text, "J1 ");
	assert_string_equal(two.text, "j1 ");
	end(&rig);
}

static void
what_waits_goes_with_its_subscription_and_at_the_end(void **state)
{
	struct told told, last, early;
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	join(&rig, 1);
	turn(&rig);
	assert_int_equal(ask(&rig, &told), 0);
	assert_int_equal(shoal_callbacks_waiting(&rig.callbacks), 1);
	assert_int_equal(shoal_callbacks_unsubscribe(&rig.callbacks, on_member, &told), 0);
	assert_int_equal(shoal_callbacks_waiting(&rig.callbacks), 0);
	assert_string_equal(told.text, "");

	/* An OVERFLOW that was to come when nothing waits any more still comes. */
	assert_int_equal(subscribe(&rig, SHOAL_EVENT_ALL, &early), 0);
	shoal_callbacks_lose(&rig.callbacks);
	assert_int_equal(shoal_callbacks_run(&rig.callbacks, 1), 1);
	assert_int_equal(ask(&rig, &told), 0);
	shoal_callbacks_lose(&rig.callbacks);
	assert_int_equal(shoal_callbacks_unsubscribe(&rig.callbacks, on_member, &told), 0);
	run_all(&rig);
	assert_string_equal(early.text, "!0 !0 ");
	assert_int_equal(shoal_callbacks_unsubscribe(&rig.callbacks, on_member, &early), 0);
	assert_int_equal(ask(&rig, &last), 0);
	shoal_callbacks_close(&rig.callbacks);
	assert_int_equal(shoal_callbacks_waiting(&rig.callbacks), 0);
	assert_int_equal(ask(&rig, &told), 0);
	assert_int_equal(shoal_callbacks_waiting(&rig.callbacks), 0);
	assert_string_equal(last.text, "");
	end(&rig);
}

static void
without_memory_nobody_is_subscribed(void **state)
{
	struct told told;
	struct rig rig;

	(void)state;
	begin(&rig, 100);
	join(&rig, 1);
	turn(&rig);
	rig.fault.fail_at = rig.fault.calls + 1;
	assert_int_equal(ask(&rig, &told), SHOAL_ERR_NOMEM);
	assert_int_equal(rig.callbacks.subscribers, 0);
	/* Nor where the list with the last events could not be made. */
	join(&rig, 2);
	shoal_callbacks_show(&rig.callbacks, NULL);
	shoal_callbacks_commit(&rig.callbacks, 0);
	assert_int_equal(ask(&rig, &told), SHOAL_ERR_NOMEM);
	turn(&rig);
	assert_int_equal(ask(&rig, &told), 0);
	run_all(&rig);
	assert_string_equal(told.text, "j1 j2 ");
	end(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_asks_is_told_who_is_there_and_then_what_follows),
	        cmocka_unit_test(before_the_first_turn_nobody_is_there),
	        cmocka_unit_test(what_happens_in_the_turn_in_which_one_asks_is_told_once),
	        cmocka_unit_test(what_a_window_holds_is_in_what_one_is_told),
	        cmocka_unit_test(
	                who_asks_when_callbacks_have_fallen_behind_is_told_to_look_at_the_list),
	        cmocka_unit_test(an_overflow_that_came_too_early_comes_again),
	        cmocka_unit_test(
	                who_has_left_before_or_meanwhile_is_told_no_more_and_may_ask_again),
	        cmocka_unit_test(who_asks_while_an_event_is_told_is_not_told_of_it_again),
	        cmocka_unit_test(what_waits_goes_with_its_subscription_and_at_the_end),
	        cmocka_unit_test(without_memory_nobody_is_subscribed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
