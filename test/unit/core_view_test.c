/* SPDX-License-Identifier: MIT */
/* What a host may ask of a core, and that the hash sees what the core holds. */
#include "unit.h"

#include "core/node.h"
#include "core_world.h"
#include "heap_fault.h"

static void
a_member_is_shown_as_it_is_held(void **state)
{
	struct core_world world;
	struct shoal_core_member held;
	struct shoal_msg_member member;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *puppet = world_puppet(&world);
	puppet->answers = PUPPET_DATAGRAMS;
	member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	member.protocol_min = 2, member.protocol_max = 4, member.app_version = UINT32_MAX;
	member.age_ms = 100;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member);
	assert_true(world_holds(&world, 0, &puppet->id, &held));
	assert_memory_equal(&held.id, &puppet->id, 16);
	assert_memory_equal(&held.salt, &puppet->salt, 16);
	assert_string_equal(held.name, puppet->name);
	assert_int_equal(held.addrs, 1);
	assert_true(shoal_addr_equal(&held.addr[0], &puppet->addr));
	assert_int_equal(held.state, SHOAL_STATE_ALIVE);
	assert_true(held.incarnation == puppet->incarnation);
	assert_true(held.since_ns == 0);
	assert_true(held.heard_ns == world.now - SHOAL_MS(100));
	assert_true(held.rtt_ns == 0);
	assert_int_equal(held.app_version, UINT32_MAX);
	assert_int_equal(held.protocol_min, 2);
	assert_int_equal(held.protocol_max, 4);
	assert_false(held.self);
	world_run(&world, SHOAL_SEC(2));
	struct shoal_msg_state suspect = puppet_state(puppet, SHOAL_STATE_SUSPECT);
	world_tell(&world, 0, world_puppet(&world), SHOAL_MESSAGE_STATE, &suspect);
	assert_true(world_holds(&world, 0, &puppet->id, &held));
	assert_true(held.since_ns == world.now);
	world_done(&world);
}

/* Heard before the host's clock began: the time is shown as 0. */
static void
a_time_before_the_hosts_clock_began_is_shown_as_never(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_core_member held;

	(void)state;
	world_init(&world);
	world.now = SHOAL_SEC(1);
	world_config(&world, &config);
	world_add(&world, &config);
	struct puppet *puppet = world_puppet(&world);
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	member.age_ms = 20000;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member);
	assert_true(world_holds(&world, 0, &puppet->id, &held));
	assert_true(held.heard_ns == 0);
	world_done(&world);
}

static void
slots_without_a_member_and_ids_that_are_not_known_are_told_apart(void **state)
{
	struct core_world world;
	struct shoal_core_member held;
	uint32_t slot = 4711;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	const struct shoal_core *core = world_core(&world, 0);
	assert_int_equal(shoal_core_slots(core), 1);
	assert_true(shoal_core_member(core, 0, &held));
	assert_true(held.self);
	assert_false(shoal_core_member(core, 1, &held));
	assert_false(shoal_core_member(core, UINT32_MAX, &held));
	const struct puppet *stranger = world_puppet(&world);
	assert_int_equal(shoal_core_find(core, &stranger->id, &slot), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(slot, 4711);
	struct shoal_id id = world_id(&world, 0);
	assert_int_equal(shoal_core_find(core, &id, &slot), SHOAL_OK);
	assert_int_equal(slot, 0);
	assert_int_equal(shoal_core_count(core, SHOAL_STATE_ALIVE), 1);
	assert_int_equal(shoal_core_count(core, (enum shoal_state)SHOAL_STATES), 0);
	assert_int_equal(shoal_core_count(core, (enum shoal_state) - 1), 0);
	world_done(&world);
}

static void
the_hash_sees_every_part_of_a_member(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	const struct puppet *puppet = world_meet(&world, 0, 0);
	struct shoal_core *core = world_core(&world, 0);
	struct shoal_record *record = shoal_members_at(core, shoal_members_find(core, &puppet->id));
	struct shoal_record kept = *record;
	uint64_t before = shoal_core_hash(core);

	assert_true(shoal_core_hash(core) == before);
	for (int what = 0; what < 8; what++) {
		record->incarnation += what == 0;
		record->info->salt.bytes[3] ^= what == 1;
		record->info->app_version ^= what == 2;
		record->heard_ms += what == 3;
		record->state ^= what == 4;
		record->flags ^= what == 5;
		record->srtt_us += what == 6;
		record->rttvar_us += what == 7;
		assert_true(shoal_core_hash(core) != before);
		*record = kept;
		record->info->salt.bytes[3] ^= what == 1;
		record->info->app_version ^= what == 2;
	}
	assert_true(shoal_core_hash(core) == before);
	record->info->bytes[1]++; /* of its address */
	assert_true(shoal_core_hash(core) != before);
	record->info->bytes[1]--;
	core->counters.value[SHOAL_COUNTER_PROBES]++;
	assert_true(shoal_core_hash(core) != before);
	core->counters.value[SHOAL_COUNTER_PROBES]--;
	core->rng.state++;
	assert_true(shoal_core_hash(core) != before);
	world_done(&world);
}

static void
the_memory_that_a_core_counts_is_what_it_holds(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;
	struct heap_fault fault;

	(void)state;
	heap_fault_init(&fault);
	world_init(&world);
	world_config(&world, &config);
	config.allocator = &fault.mem;
	world_add(&world, &config);
	for (size_t i = 0; i < 200; i++) {
		world_meet(&world, 0, i % 3 == 0 ? 0 : PUPPET_DATAGRAMS);
		if (i % 20 == 0) {
			world_run(&world, SHOAL_SEC(5));
			size_t memory = shoal_core_memory(world_core(&world, 0));
			assert_in_range(memory, fault.bytes - fault.bytes / 50,
			        fault.bytes + fault.bytes / 50);
		}
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_member_is_shown_as_it_is_held),
	        cmocka_unit_test(a_time_before_the_hosts_clock_began_is_shown_as_never),
	        cmocka_unit_test(slots_without_a_member_and_ids_that_are_not_known_are_told_apart),
	        cmocka_unit_test(the_hash_sees_every_part_of_a_member),
	        cmocka_unit_test(the_memory_that_a_core_counts_is_what_it_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
