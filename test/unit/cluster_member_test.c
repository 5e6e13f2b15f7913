/* SPDX-License-Identifier: MIT */
/* One member: what the accessors tell, who frees it, and the one value that moves. */
#include "unit.h"

#include "cluster/members/member.h"
#include "heap_fault.h"

static struct shoal_core_member
sample(void)
{
	struct shoal_core_member from = {.id = {{1, 2, 3}},
	        .name = "web-1",
	        .addrs = 2,
	        .state = SHOAL_STATE_SUSPECT,
	        .incarnation = UINT64_C(7) << 32,
	        .rtt_ns = 500,
	        .app_version = 42,
	        .protocol_min = 1,
	        .protocol_max = 3,
	        .self = true,
	        .diagnosis = SHOAL_DIAGNOSIS_PARTIAL};

	from.addr[0].port = 80;
	from.addr[1].port = 81;
	return from;
}

static void
a_member_tells_what_the_core_held(void **state)
{
	struct shoal_core_member from = sample();
	struct shoal_member *member;
	const struct shoal_addr *addrs;
	struct heap_fault fault;
	unsigned low, high;

	(void)state;
	heap_fault_init(&fault);
	member = shoal_member_new(&fault.mem, &from, 1234, NULL);
	assert_non_null(member);
	assert_memory_equal(shoal_member_id(member), &from.id, sizeof(from.id));
	assert_string_equal(shoal_member_name(member), "web-1");
	assert_int_equal(shoal_member_address(member)->port, 80);
	assert_int_equal(shoal_member_addresses(member, &addrs), 2);
	assert_int_equal(addrs[1].port, 81);
	assert_int_equal(shoal_member_addresses(member, NULL), 2);
	assert_int_equal(shoal_member_state(member), SHOAL_STATE_SUSPECT);
	assert_int_equal(shoal_member_diagnosis(member), SHOAL_DIAGNOSIS_PARTIAL);
	assert_int_equal(shoal_member_since(member), 1234);
	assert_true(shoal_member_incarnation(member) == UINT64_C(7) << 32);
	assert_int_equal(shoal_member_rtt(member), 500);
	assert_int_equal(shoal_member_app_version(member), 42);
	shoal_member_protocol(member, &low, &high);
	assert_int_equal(low, 1);
	assert_int_equal(high, 3);
	shoal_member_protocol(member, NULL, NULL);
	assert_true(shoal_member_is_self(member));
	shoal_member_measured(member, 600);
	assert_int_equal(shoal_member_rtt(member), 600);
	shoal_member_unref(member);
	assert_int_equal(fault.live, 0);
}

static void
a_member_lives_until_its_last_reference(void **state)
{
	struct shoal_core_member from = sample();
	struct shoal_member *member, *copy;
	struct heap_fault fault;

	(void)state;
	heap_fault_init(&fault);
	member = shoal_member_new(&fault.mem, &from, 1, NULL);
	assert_ptr_equal(shoal_member_ref(member), member);
	copy = shoal_member_copy(member, SHOAL_STATE_DEAD, 2);
	shoal_member_unref(member);
	assert_string_equal(shoal_member_name(member), "web-1");
	assert_int_equal(shoal_member_state(member), SHOAL_STATE_SUSPECT);
	shoal_member_unref(member);
	assert_int_equal(fault.live, 1);
	assert_int_equal(shoal_member_state(copy), SHOAL_STATE_DEAD);
	assert_int_equal(shoal_member_since(copy), 2);
	assert_int_equal(shoal_member_addresses(copy, NULL), 2);
	shoal_member_unref(copy);
	assert_int_equal(fault.live, 0);
	assert_null(shoal_member_ref(NULL));
	shoal_member_unref(NULL);
}

static void
a_cause_is_told_as_text(void **state)
{
	struct shoal_cause cause = {.kind = SHOAL_CAUSE_LEAVE};
	char text[200];

	(void)state;
	assert_string_equal(
	        shoal_cause_text(&cause), shoal_cause_print(&cause, text, sizeof(text)));
	assert_true(strlen(text) > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_member_tells_what_the_core_held),
	        cmocka_unit_test(a_member_lives_until_its_last_reference),
	        cmocka_unit_test(a_cause_is_told_as_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
