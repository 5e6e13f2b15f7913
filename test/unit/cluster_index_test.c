/* SPDX-License-Identifier: MIT */
/* The index by id: it finds what is there and nothing else, at a cost that does not grow, and those
 * who share it see no change. */
#include "unit.h"

#include "cluster/members/index.h"
#include "heap_fault.h"

#include <shoal/error.h>

#include <stdlib.h>

#define MANY 10000

static const uint64_t key[2] = {3, 4};

struct places {
	struct shoal_id id[MANY];
	size_t count, looked;
};

static const struct shoal_id *
id_at(const void *owner, uint32_t place)
{
	struct places *places = (struct places *)(uintptr_t)owner;

	assert_true(place < places->count);
	places->looked++;
	return &places->id[place];
}

static struct shoal_id
numbered(uint32_t number)
{
	struct shoal_id id = {{0}};

	memcpy(id.bytes, &number, sizeof(number));
	return id;
}

static int
add(struct shoal_index **index, struct places *places, uint32_t number)
{
	struct shoal_index_owner owner = {.id_at = id_at, .owner = places};
	struct shoal_id id = numbered(number);
	uint32_t *entry = shoal_index_room(index, &owner, places->count, &id);

	if (entry == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	places->id[places->count++] = id;
	*entry = (uint32_t)places->count;
	return 0;
}

/* The last takes its place. */
static int
take(struct shoal_index **index, struct places *places, size_t place)
{
	size_t last = places->count - 1;
	uint32_t *entry = shoal_index_entry(index, &places->id[place], place);
	uint32_t *moved = shoal_index_entry(index, &places->id[last], last);

	if (entry == NULL || moved == NULL) {
		return SHOAL_ERR_NOMEM;
	}
	*moved = (uint32_t)place + 1;
	*entry = SHOAL_INDEX_GONE;
	places->id[place] = places->id[last];
	places->count--;
	return 0;
}

static uint32_t
found(const struct shoal_index *index, struct places *places, uint32_t number)
{
	struct shoal_index_owner owner = {.id_at = id_at, .owner = places};
	struct shoal_id id = numbered(number);

	return shoal_index_find(index, &owner, &id);
}

static void
an_id_among_ten_thousand_is_found_by_looking_at_two(void **state)
{
	struct places *places = calloc(1, sizeof(*places));
	struct heap_fault fault;
	struct shoal_index *index;

	(void)state;
	heap_fault_init(&fault);
	index = shoal_index_new(&fault.mem, key);
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(add(&index, places, i), 0);
	}
	places->looked = 0;
	for (uint32_t i = 0; i < MANY; i++) {
		assert_int_equal(found(index, places, i), i);
	}
	assert_true(places->looked < 2 * MANY);
	places->looked = 0;
	for (uint32_t i = MANY; i < 2 * MANY; i++) {
		assert_int_equal(found(index, places, i), SHOAL_INDEX_NONE);
	}
	assert_true(places->looked < 6 * MANY);
	assert_true(index->pages * sizeof(uint32_t) * 256 <= 11 * MANY); /* bytes */
	shoal_index_unref(index);
	assert_int_equal(fault.live, 0);
	free(places);
}

static void
whoever_comes_and_goes_is_found_while_there(void **state)
{
	struct places *places = calloc(1, sizeof(*places));
	struct heap_fault fault;
	struct shoal_index *index;
	uint32_t next = 0;

	(void)state;
	heap_fault_init(&fault);
	index = shoal_index_new(&fault.mem, key);
	for (uint32_t turn = 0; turn < 5000; turn++) {
		uint32_t gone;
		size_t place;

		assert_int_equal(add(&index, places, next++), 0);
		if (turn % 8 == 0) {
			continue;
		}
		place = (size_t)(turn * 7919u) % places->count;
		memcpy(&gone, places->id[place].bytes, sizeof(gone));
		assert_int_equal(take(&index, places, place), 0);
		assert_int_equal(found(index, places, gone), SHOAL_INDEX_NONE);
	}
	assert_int_equal(places->count, 625);
	for (size_t i = 0; i < places->count; i++) {
		uint32_t number;

		memcpy(&number, places->id[i].bytes, sizeof(number));
		assert_int_equal(found(index, places, number), i);
	}
	/* Emptied entries do not pile up. */
	assert_true(index->pages < 16);
	shoal_index_unref(index);
	assert_int_equal(fault.live, 0);
	free(places);
}

static void
a_change_copies_one_page_for_those_who_share(void **state)
{
	struct places *places = calloc(1, sizeof(*places));
	struct shoal_index *index, *shared;
	struct heap_fault fault;
	size_t calls, same = 0;

	(void)state;
	heap_fault_init(&fault);
	index = shoal_index_new(&fault.mem, key);
	for (uint32_t i = 0; i < 3000; i++) {
		assert_int_equal(add(&index, places, i), 0);
	}
	shared = shoal_index_ref(index);
	calls = fault.calls;
	assert_int_equal(take(&index, places, 2999), 0);
	assert_int_equal(fault.calls - calls, 2); /* the directory, the page */
	places->count++;
	assert_int_equal(found(shared, places, 2999), 2999);
	assert_int_equal(found(index, places, 2999), SHOAL_INDEX_NONE);
	for (size_t i = 0; i < index->pages; i++) {
		same += index->page[i] == shared->page[i];
	}
	assert_int_equal(same, index->pages - 1);
	shoal_index_unref(shared);
	shoal_index_unref(index);
	assert_int_equal(fault.live, 0);
	free(places);
}

static int
walk(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_index *index = shoal_index_new(mem, key), *shared = NULL;
	struct places *places = arg;
	uint32_t number = 0;
	int rc = index == NULL ? SHOAL_ERR_NOMEM : 0;

	places->count = 0;
	while (rc == 0 && number < 400) {
		rc = add(&index, places, number++);
		if (number == 150) {
			shared = shoal_index_ref(index);
		}
	}
	for (uint32_t i = 0; i < places->count; i++) {
		assert_int_equal(found(index, places, i), i);
	}
	shoal_index_unref(shared);
	shoal_index_unref(index);
	return rc;
}

static void
without_memory_all_is_found_as_before(void **state)
{
	struct places *places = calloc(1, sizeof(*places));

	(void)state;
	assert_true(heap_fault_sweep(walk, places) >= 6);
	free(places);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_id_among_ten_thousand_is_found_by_looking_at_two),
	        cmocka_unit_test(whoever_comes_and_goes_is_found_while_there),
	        cmocka_unit_test(a_change_copies_one_page_for_those_who_share),
	        cmocka_unit_test(without_memory_all_is_found_as_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
