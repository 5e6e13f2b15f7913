/* SPDX-License-Identifier: MIT */
/* Snapshots: they never change, they share what did not change, and they outlive the view. */
#include "unit.h"

#include "cluster/members/snapshot.h"
#include "heap_fault.h"

#include <stdio.h>

static const uint64_t index_key[2] = {1, 2};

static struct shoal_core_member
held(unsigned number, enum shoal_state state, char *name, size_t len)
{
	struct shoal_core_member member = {.addrs = 1,
	        .state = state,
	        .incarnation = number + 1,
	        .app_version = 7,
	        .protocol_min = 1,
	        .protocol_max = 2};

	snprintf(name, len, "m%u", number);
	memcpy(member.id.bytes, &number, sizeof(number));
	member.id.bytes[15] = 1;
	member.addr[0].port = (uint16_t)number;
	member.name = name;
	return member;
}

static int
put(struct shoal_view *view, uint32_t slot, unsigned number, enum shoal_state state)
{
	char name[16];
	struct shoal_core_member from = held(number, state, name, sizeof(name));
	struct shoal_member *member = shoal_member_new(view->mem, &from, 1000 + number, NULL);
	int rc;

	if (member == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	rc = shoal_view_set(view, slot, member);
	shoal_member_unref(member);
	return rc;
}

static const struct shoal_allocator *
plain(void)
{
	static struct heap_fault fault;

	heap_fault_init(&fault);
	return &fault.mem;
}

static struct heap_fault *
fault_of(const struct shoal_view *view)
{
	return (struct heap_fault *)(uintptr_t)view->mem;
}

static void
a_snapshot_does_not_change_while_members_come_and_go(void **state)
{
	struct shoal_member_list *before, *after;
	struct shoal_view view;

	(void)state;
	shoal_view_init(&view, plain(), index_key);
	for (uint32_t i = 0; i < 200; i++) {
		assert_int_equal(put(&view, i, i, SHOAL_STATE_ALIVE), 0);
	}
	before = shoal_view_publish(&view);
	assert_non_null(before);
	for (uint32_t i = 1; i < 150; i++) {
		assert_int_equal(shoal_view_remove(&view, i), 0);
	}
	assert_int_equal(put(&view, 170, 170, SHOAL_STATE_DEAD), 0);
	assert_int_equal(put(&view, 5, 1005, SHOAL_STATE_ALIVE), 0);
	after = shoal_view_publish(&view);
	assert_non_null(after);

	assert_int_equal(shoal_member_list_count(before), 200);
	for (size_t i = 0; i < 200; i++) {
		struct shoal_member *member = shoal_member_list_at(before, i);

		assert_int_equal(shoal_member_address(member)->port, i);
		assert_int_equal(shoal_member_state(member), SHOAL_STATE_ALIVE);
	}
	assert_int_equal(shoal_member_list_count(after), 52);
	assert_null(shoal_member_list_find_by_name(after, "m100"));
	assert_int_equal(shoal_member_state(shoal_member_list_find_by_name(after, "m170")),
	        SHOAL_STATE_DEAD);
	assert_non_null(shoal_member_list_find_by_name(after, "m1005"));
	assert_ptr_equal(shoal_member_list_at(after, 0), shoal_member_list_at(before, 0));
	assert_null(shoal_member_list_at(after, 52));

	shoal_view_done(&view);
	shoal_member_list_free(after);
	assert_int_equal(shoal_member_list_count(before), 200);
	assert_string_equal(shoal_member_name(shoal_member_list_at(before, 199)), "m199");
	shoal_member_list_free(before);
	assert_int_equal(fault_of(&view)->live, 0);
}

static void
a_change_copies_one_page_and_shares_the_others(void **state)
{
	struct shoal_member_list *one, *two;
	struct shoal_view view;
	size_t calls;

	(void)state;
	shoal_view_init(&view, plain(), index_key);
	for (uint32_t i = 0; i < 640; i++) {
		assert_int_equal(put(&view, i, i, SHOAL_STATE_ALIVE), 0);
	}
	one = shoal_view_publish(&view);
	calls = fault_of(&view)->calls;
	assert_int_equal(put(&view, 100, 100, SHOAL_STATE_SUSPECT), 0);
	assert_int_equal(put(&view, 101, 101, SHOAL_STATE_SUSPECT), 0);
	two = shoal_view_publish(&view);
	/* Two members, one page, one list. */
	assert_int_equal(fault_of(&view)->calls - calls, 4);
	shoal_member_list_free(one);
	shoal_member_list_free(two);
	calls = fault_of(&view)->calls;
	assert_int_equal(put(&view, 102, 102, SHOAL_STATE_SUSPECT), 0);
	assert_int_equal(fault_of(&view)->calls - calls, 1);
	shoal_view_done(&view);
	assert_int_equal(fault_of(&view)->live, 0);
}

static void
members_are_found_by_id_and_by_name_with_the_living_first(void **state)
{
	struct shoal_member_list *list;
	struct shoal_member *found;
	struct shoal_view view;
	struct shoal_id id = {{0}};
	char name[16];

	(void)state;
	shoal_view_init(&view, plain(), index_key);
	assert_int_equal(put(&view, 0, 0, SHOAL_STATE_ALIVE), 0);
	assert_int_equal(put(&view, 3, 7, SHOAL_STATE_DEAD), 0);
	struct shoal_core_member twin = held(7, SHOAL_STATE_ALIVE, name, sizeof(name));
	twin.id.bytes[9] = 1;
	struct shoal_member *member = shoal_member_new(view.mem, &twin, 1, NULL);
	assert_int_equal(shoal_view_set(&view, 4, member), 0);
	shoal_member_unref(member);
	list = shoal_view_publish(&view);
	found = shoal_member_list_find_by_name(list, "m7");
	assert_int_equal(shoal_member_state(found), SHOAL_STATE_ALIVE);
	assert_ptr_equal(shoal_member_list_find_by_id(list, &twin.id), found);
	assert_null(shoal_member_list_find_by_id(list, &id));
	shoal_member_list_free(list);
	shoal_view_done(&view);
}

static void
a_filter_keeps_the_states_that_it_names(void **state)
{
	struct shoal_member_list *all, *some;
	struct shoal_filter filter;
	struct shoal_view view;

	(void)state;
	shoal_view_init(&view, plain(), index_key);
	for (uint32_t i = 0; i < 150; i++) {
		assert_int_equal(
		        put(&view, i, i, i % 3 == 0 ? SHOAL_STATE_DEAD : SHOAL_STATE_ALIVE), 0);
	}
	all = shoal_view_publish(&view);
	shoal_filter_init(&filter);
	some = shoal_member_list_filter(all, &filter);
	assert_ptr_equal(some, all);
	shoal_member_list_free(some);
	filter.states = 1u << SHOAL_STATE_ALIVE;
	some = shoal_member_list_filter(all, &filter);
	assert_int_equal(shoal_member_list_count(some), 100);
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(
		        shoal_member_state(shoal_member_list_at(some, i)), SHOAL_STATE_ALIVE);
	}
	shoal_member_list_free(some);
	filter.states = 1u << SHOAL_STATE_LEFT;
	some = shoal_member_list_filter(all, &filter);
	assert_int_equal(shoal_member_list_count(some), 0);
	shoal_member_list_free(some);
	shoal_member_list_free(all);
	shoal_view_done(&view);
	assert_int_equal(fault_of(&view)->live, 0);
}

/* A model beside the view: what is in it must be what was put in, whatever fails. */
/* Every member of a list by its id, and nobody by another one. */
static void
assert_all_found(const struct shoal_member_list *list, unsigned numbers)
{
	size_t found = 0;

	for (size_t i = 0; i < shoal_member_list_count(list); i++) {
		struct shoal_member *member = shoal_member_list_at(list, i);

		assert_ptr_equal(
		        shoal_member_list_find_by_id(list, shoal_member_id(member)), member);
	}
	for (unsigned number = 0; number < numbers; number++) {
		char name[16];
		struct shoal_core_member member =
		        held(number, SHOAL_STATE_ALIVE, name, sizeof(name));

		found += shoal_member_list_find_by_id(list, &member.id) != NULL;
	}
	assert_int_equal(found, shoal_member_list_count(list));
}

static void
each_is_found_by_its_id_in_the_list_of_its_time(void **state)
{
	struct shoal_member_list *list[4], *some;
	struct shoal_filter filter;
	struct shoal_view view;

	(void)state;
	shoal_view_init(&view, plain(), index_key);
	list[0] = shoal_view_publish(&view);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(put(&view, i, i, SHOAL_STATE_ALIVE), 0);
	}
	list[1] = shoal_view_publish(&view);
	for (uint32_t i = 1; i < 1000; i += 3) {
		assert_int_equal(shoal_view_remove(&view, i), 0);
		assert_int_equal(put(&view, i + 1, 2000 + i, SHOAL_STATE_ALIVE), 0);
	}
	list[2] = shoal_view_publish(&view);
	for (uint32_t i = 0; i < 200; i++) {
		assert_int_equal(put(&view, 1000 + i, 1000 + i, SHOAL_STATE_DEAD), 0);
	}
	list[3] = shoal_view_publish(&view);
	shoal_view_done(&view);
	shoal_filter_init(&filter);
	filter.states = 1 << SHOAL_STATE_DEAD;
	some = shoal_member_list_filter(list[3], &filter);
	assert_int_equal(shoal_member_list_count(some), 200);
	assert_all_found(some, 3000);
	shoal_member_list_free(some);
	for (size_t i = 0; i < COUNT_OF(list); i++) {
		assert_all_found(list[i], 3000);
		shoal_member_list_free(list[i]);
	}
	assert_int_equal(fault_of(&view)->live, 0);
}

static int
walk(const struct shoal_allocator *mem, void *arg)
{
	static const uint32_t slots[] = {0, 1, 2, 70, 130, 3, 64, 1, 70, 0, 2};
	struct shoal_member_list *list[2] = {NULL, NULL};
	struct shoal_view view;
	int rc = 0;

	(void)arg;
	shoal_view_init(&view, mem, index_key);
	for (size_t i = 0; i < COUNT_OF(slots) && rc == 0; i++) {
		size_t count = view.count;

		rc = put(&view, slots[i], slots[i], SHOAL_STATE_ALIVE);
		if (rc != 0) {
			assert_int_equal(view.count, count);
		} else {
			assert_string_equal(shoal_member_name(shoal_view_at(&view, 0)), "m0");
		}
		if (i == 5 && rc == 0) {
			list[0] = shoal_view_publish(&view);
			if (list[0] == NULL) {
				rc = SHOAL_ERR_NOMEM;
			}
		}
	}
	for (uint32_t slot = 1; slot < 131 && rc == 0; slot++) {
		rc = shoal_view_remove(&view, slot);
		assert_true(rc == 0 ? shoal_view_at(&view, slot) == NULL : view.count > 1);
	}
	if (rc == 0) {
		assert_int_equal(view.count, 1);
		list[1] = shoal_view_publish(&view);
		if (list[1] == NULL) {
			rc = SHOAL_ERR_NOMEM;
		}
	}
	if (list[0] != NULL) {
		assert_int_equal(shoal_member_list_count(list[0]), 6);
	}
	shoal_member_list_free(list[0]);
	shoal_member_list_free(list[1]);
	shoal_view_done(&view);
	return rc;
}

static void
any_failed_allocation_leaves_the_view_whole(void **state)
{
	(void)state;
	assert_true(heap_fault_sweep(walk, NULL) > 12);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_snapshot_does_not_change_while_members_come_and_go),
	        cmocka_unit_test(a_change_copies_one_page_and_shares_the_others),
	        cmocka_unit_test(members_are_found_by_id_and_by_name_with_the_living_first),
	        cmocka_unit_test(each_is_found_by_its_id_in_the_list_of_its_time),
	        cmocka_unit_test(a_filter_keeps_the_states_that_it_names),
	        cmocka_unit_test(any_failed_allocation_leaves_the_view_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
