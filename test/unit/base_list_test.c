/* SPDX-License-Identifier: MIT */
/* Intrusive lists: order, removal while walking, nodes that know whether they are in a list. */
#include "unit.h"

#include "base/list.h"

struct thing {
	int number;
	struct shoal_list node;
};

static void
check(const struct shoal_list *head, const int *numbers, size_t count)
{
	size_t i = 0;

	SHOAL_LIST_FOREACH (node, (struct shoal_list *)(uintptr_t)head) {
		assert_true(i < count);
		assert_int_equal(SHOAL_LIST_ITEM(node, struct thing, node)->number, numbers[i]);
		assert_ptr_equal(node->next->prev, node);
		assert_ptr_equal(node->prev->next, node);
		i++;
	}
	assert_int_equal(i, count);
}

static void
nodes_stand_where_they_were_put(void **state)
{
	struct thing thing[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
	struct shoal_list head;

	(void)state;
	shoal_list_init(&head);
	assert_true(shoal_list_empty(&head));
	assert_null(shoal_list_first(&head));
	shoal_list_push_back(&head, &thing[1].node);
	shoal_list_push_back(&head, &thing[2].node);
	shoal_list_push_front(&head, &thing[0].node);
	shoal_list_insert_before(&thing[2].node, &thing[3].node);
	check(&head, (const int[]){0, 1, 3, 2}, 4);
	assert_ptr_equal(shoal_list_first(&head), &thing[0].node);
	assert_false(shoal_list_empty(&head));
}

static void
a_node_knows_whether_it_is_in_a_list(void **state)
{
	struct thing thing = {.number = 1};
	struct shoal_list head;

	(void)state;
	shoal_list_init(&head);
	assert_false(shoal_list_linked(&thing.node));
	shoal_list_remove(&thing.node);
	shoal_list_push_back(&head, &thing.node);
	assert_true(shoal_list_linked(&thing.node));
	shoal_list_remove(&thing.node);
	assert_false(shoal_list_linked(&thing.node));
	assert_true(shoal_list_empty(&head));
	shoal_list_remove(&thing.node);
	shoal_list_push_front(&head, &thing.node);
	check(&head, (const int[]){1}, 1);
}

static void
any_node_can_be_removed_while_walking(void **state)
{
	int out;

	(void)state;
	for (out = 0; out < 16; out++) {
		struct thing thing[4] = {
		        {.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
		struct shoal_list head;
		int left[4], seen = 0;
		size_t i, count = 0;

		shoal_list_init(&head);
		for (i = 0; i < 4; i++) {
			shoal_list_push_back(&head, &thing[i].node);
			if ((out >> i & 1) == 0) {
				left[count++] = (int)i;
			}
		}
		SHOAL_LIST_FOREACH_SAFE (node, after, &head) {
			if (out >> SHOAL_LIST_ITEM(node, struct thing, node)->number & 1) {
				shoal_list_remove(node);
			}
			seen++;
		}
		assert_int_equal(seen, 4);
		check(&head, left, count);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(nodes_stand_where_they_were_put),
	        cmocka_unit_test(a_node_knows_whether_it_is_in_a_list),
	        cmocka_unit_test(any_node_can_be_removed_while_walking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
