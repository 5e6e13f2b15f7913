/* SPDX-License-Identifier: MIT */
/* Changes of metadata that are kept for one transaction: the last one of each name, and no more. */
#include "unit.h"

#include "base/alloc.h"
#include "cluster/cluster.h"
#include "cluster/members/edit.h"
#include "heap_fault.h"

static struct shoal_cluster cluster;
static uint8_t value[60000];

static int
keep(struct shoal_edit_list *list, const char *name, bool wanted, size_t len)
{
	struct shoal_edit_change change = {.wanted = wanted,
	        .lenient = true,
	        .name = name,
	        .name_len = strlen(name),
	        .value = {.type = wanted ? SHOAL_META_BYTES : SHOAL_META_NONE}};

	if (wanted) {
		change.value.is.bytes.data = value;
		change.value.is.bytes.len = len;
	}
	return shoal_edit_keep(&cluster, list, &change);
}

static void
what_is_set_again_and_again_is_kept_once(void **state)
{
	struct shoal_edit_list list = {0};
	struct heap_fault fault;
	size_t once;

	(void)state;
	heap_fault_init(&fault);
	cluster.mem = &fault.mem;
	shoal_config_init(&cluster.settings.config);
	assert_int_equal(keep(&list, "other", true, 10), 0);
	assert_int_equal(keep(&list, "blob", true, sizeof(value)), 0);
	assert_int_equal(keep(&list, "last", false, 0), 0);
	once = list.len;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(keep(&list, i % 2 == 0 ? "blob" : "other", true, 10), 0);
		assert_int_equal(keep(&list, "blob", true, sizeof(value)), 0);
		assert_true(list.len == once);
	}
	assert_true(fault.peak < 6 * sizeof(value) + SHOAL_META_MAX);
	assert_int_equal(keep(&list, "blob", false, 0), 0);
	assert_true(list.len < 400);
	shoal_alloc_free(&fault.mem, list.data);
	assert_int_equal(fault.live, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_set_again_and_again_is_kept_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
