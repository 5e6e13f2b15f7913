/* SPDX-License-Identifier: MIT */
/* Forgetting a member on request, as the application sees it, also where memory is short. */
#include "cluster_talk.h"

#include "heap_fault.h"

struct ends {
	size_t reaped, lost;
};

static void
on_end(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct ends *ends = arg;

	(void)cluster;
	ends->reaped += event->kind == SHOAL_EVENT_REAP;
	ends->lost += event->kind == SHOAL_EVENT_OVERFLOW;
}

/* SHOAL_STATES: it is not shown. */
static enum shoal_state
shown(const struct talk *talk)
{
	struct shoal_member_list *list = shoal_members(talk->one, NULL);
	const struct shoal_member *member = shoal_member_list_find_by_id(list, &talk->id_two);
	enum shoal_state state = member != NULL ? shoal_member_state(member) : SHOAL_STATES;

	shoal_member_list_free(list);
	return state;
}

static void
until(struct talk *talk, enum shoal_state state)
{
	for (unsigned i = 0; shown(talk) != state; i++) {
		assert_true(i < 10000);
		talk_turn(talk);
	}
}

/* The second one is dead, and the first one is told to forget it. */
static void
begin(struct talk *talk, struct ends *ends)
{
	struct shoal_config config;

	shoal_config_init(&config);
	assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_LOCAL), 0);
	talk_begin(talk, &config);
	assert_int_equal(
	        shoal_on_member(talk->one, SHOAL_EVENT_REAP | SHOAL_EVENT_OVERFLOW, on_end, ends),
	        0);
	assert_int_equal(shoal_cluster_stop(talk->two), 0);
	until(talk, SHOAL_STATE_DEAD);
	assert_int_equal(shoal_cluster_forget(talk->one, &talk->id_two), 0);
	assert_int_equal(shown(talk), SHOAL_STATE_DEAD);
}

static void
one_that_was_forgotten_is_told_of_and_shown_no_more(void **state)
{
	struct talk talk = {0};
	struct ends ends = {0};

	(void)state;
	begin(&talk, &ends);
	talk_until(&talk, &ends.reaped, 1);
	assert_int_equal(shown(&talk), SHOAL_STATES);
	assert_int_equal(shoal_cluster_forget(talk.one, &talk.id_two), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(ends.lost, 0);
	talk_done(&talk);
}

/* Its tombstone is held on: what the loop makes good of shows nobody by it. */
static void
one_whose_end_was_lost_for_want_of_memory_is_not_shown_for_its_tombstone(void **state)
{
	struct heap_fault fault;
	struct talk talk = {.mem = &fault.mem};
	struct ends ends = {0};

	(void)state;
	heap_fault_init(&fault);
	begin(&talk, &ends);
	fault.fail_at = fault.calls + 1;
	fault.fail_on = true;
	talk_turn(&talk);
	assert_true(fault.failed > 0);
	fault.fail_at = 0;
	fault.fail_on = false;
	talk_until(&talk, &ends.lost, 1);
	until(&talk, SHOAL_STATES);
	assert_int_equal(ends.reaped, 0);
	talk_done(&talk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_that_was_forgotten_is_told_of_and_shown_no_more),
	        cmocka_unit_test(
	                one_whose_end_was_lost_for_want_of_memory_is_not_shown_for_its_tombstone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
