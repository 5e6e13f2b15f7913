/* SPDX-License-Identifier: MIT */
/* Who is let in and who goes, by number alone: members of a crowd without a connection. */
#include "heap_fault.h"
#include "unit.h"

#include <shoal/error.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "transports/crowd.h"

#define SILENT 0
#define IDLE   1
#define BUSY   (SHOAL_CROWD_PHASES - 1)
#define MAX    100

static const uint64_t key[2] = {3, 4};
static struct shoal_allocator mem;

static struct {
	struct shoal_crowd crowd;
	struct shoal_crowd_member member[200];
	size_t evicted;
	const struct shoal_crowd_member *last;
} town;

static void
evict(struct shoal_crowd_member *member)
{
	town.evicted++;
	town.last = member;
	shoal_crowd_remove(&town.crowd, member);
}

static void
begin(void)
{
	memset(&town, 0, sizeof(town));
	mem = shoal_allocator_or_libc(NULL);
	assert_int_equal(shoal_crowd_init(&town.crowd, &mem, key, MAX, evict), 0);
}

static void
done(void)
{
	for (size_t i = 0; i < COUNT_OF(town.member); i++) {
		shoal_crowd_remove(&town.crowd, &town.member[i]);
	}
	assert_int_equal(town.crowd.inbound.count + town.crowd.outbound.count, 0);
	shoal_crowd_done(&town.crowd);
	shoal_crowd_done(&town.crowd);
}

/* NULL: it was not let in. */
static struct shoal_crowd_member *
come(size_t i, const char *from, unsigned phase)
{
	struct shoal_addr addr;

	assert_int_equal(shoal_addr_parse(&addr, from), 0);
	town.member[i].source = shoal_crowd_admit(&town.crowd, &addr);
	if (town.member[i].source == NULL) {
		return NULL;
	}
	shoal_crowd_place(&town.crowd, &town.member[i], phase);
	return &town.member[i];
}

static void
of_one_source_the_cheapest_and_oldest_goes_and_no_other_ones(void **state)
{
	(void)state;
	begin();
	assert_non_null(come(0, "192.0.2.9:1", SILENT));
	for (size_t i = 1; i <= 25; i++) { /* a quarter */
		assert_non_null(come(i, "192.0.2.1:1", i == 7 || i == 9 ? SILENT : IDLE));
	}
	assert_int_equal(town.evicted, 0);
	assert_non_null(come(26, "192.0.2.1:2", BUSY));
	assert_ptr_equal(town.last, &town.member[7]);
	shoal_crowd_place(&town.crowd, &town.member[1], IDLE); /* used again */
	assert_non_null(come(27, "192.0.2.1:2", BUSY));
	assert_ptr_equal(town.last, &town.member[9]);
	assert_non_null(come(28, "192.0.2.1:2", BUSY));
	assert_ptr_equal(town.last, &town.member[2]);
	assert_int_equal(town.evicted, 3);
	for (size_t i = 0; i < COUNT_OF(town.member); i++) {
		if (shoal_list_linked(&town.member[i].in_side) && i > 0) {
			shoal_crowd_place(&town.crowd, &town.member[i], BUSY);
		}
	}
	assert_null(come(29, "192.0.2.1:3", SILENT));
	assert_non_null(come(29, "192.0.2.2:3", SILENT));
	assert_int_equal(town.evicted, 3);
	done();
}

static void
a_quarter_of_all_stays_for_those_that_are_dialled(void **state)
{
	char from[32];

	(void)state;
	begin();
	for (size_t i = 0; i < 75; i++) {
		snprintf(from, sizeof(from), "10.0.%zu.1:1", i / 10);
		assert_non_null(come(i, from, BUSY));
	}
	assert_null(come(75, "10.1.1.1:1", SILENT));
	for (size_t i = 100; i < 125; i++) {
		assert_true(shoal_crowd_dial(&town.crowd));
		shoal_crowd_place(&town.crowd, &town.member[i], BUSY);
	}
	assert_false(shoal_crowd_dial(&town.crowd));
	assert_false(shoal_crowd_evict(&town.crowd));
	/* For a dial those that were dialled go first; out of descriptors those that came. */
	shoal_crowd_place(&town.crowd, &town.member[3], IDLE);
	shoal_crowd_place(&town.crowd, &town.member[110], IDLE);
	assert_true(shoal_crowd_dial(&town.crowd));
	assert_ptr_equal(town.last, &town.member[110]);
	shoal_crowd_place(&town.crowd, &town.member[110], IDLE);
	assert_true(shoal_crowd_evict(&town.crowd));
	assert_ptr_equal(town.last, &town.member[3]);
	assert_true(shoal_crowd_evict(&town.crowd));
	assert_ptr_equal(town.last, &town.member[110]);
	done();
}

static int
one_comes(const struct shoal_allocator *heap, void *arg)
{
	struct shoal_crowd crowd;
	struct shoal_addr addr;
	int code = shoal_crowd_init(&crowd, heap, key, MAX, evict);
	(void)arg;

	assert_int_equal(shoal_addr_parse(&addr, "192.0.2.1:1"), 0);
	if (code == 0) {
		struct shoal_crowd_source *source = shoal_crowd_admit(&crowd, &addr);
		code = source != NULL ? 0 : SHOAL_ERR_NOMEM;
		if (source != NULL) {
			assert_ptr_equal(source, shoal_crowd_admit(&crowd, &addr));
			shoal_crowd_drop(&crowd, source);
		}
	}
	shoal_crowd_done(&crowd);
	return code;
}

static void
without_memory_nobody_is_let_in(void **state)
{
	(void)state;
	assert_int_equal(heap_fault_sweep(one_comes, NULL), 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(of_one_source_the_cheapest_and_oldest_goes_and_no_other_ones),
	        cmocka_unit_test(a_quarter_of_all_stays_for_those_that_are_dialled),
	        cmocka_unit_test(without_memory_nobody_is_let_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
