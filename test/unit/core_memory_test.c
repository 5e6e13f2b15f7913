/* SPDX-License-Identifier: MIT */
/* A core without memory: every allocation of a new core, and of a life with a hundred members, a
 * suspicion, a death, checks, relays, tables and a leave, fails once, and once with all that
 * follow. It never crashes, never leaks, counts what it could not keep, and goes on where memory is
 * back. */
#include "unit.h"

#include "core_world.h"
#include "heap_fault.h"

static int
make_and_free(const struct shoal_allocator *mem, void *arg)
{
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_core *core = NULL;

	(void)arg;
	world_init(&world);
	world_config(&world, &config);
	config.allocator = mem;
	int rc = shoal_core_new(&core, &config, NULL, 0);
	assert_true((core != NULL) == (rc == SHOAL_OK));
	shoal_core_free(core);
	return rc;
}

static void
a_core_that_cannot_be_made_says_so_and_leaves_nothing(void **state)
{
	(void)state;
	assert_in_range(heap_fault_sweep(make_and_free, NULL), 8, 30);
}

/* Everything that says that something could not be kept. */
static uint64_t
count_drops(const struct core_world *world)
{
	static const enum shoal_counter drops[] = {SHOAL_COUNTER_DROP_NOMEM,
	        SHOAL_COUNTER_DROP_EVENTS_FULL, SHOAL_COUNTER_DROP_LOGS_FULL,
	        SHOAL_COUNTER_DROP_SENDS_FULL, SHOAL_COUNTER_DROP_EXCHANGES_FULL,
	        SHOAL_COUNTER_DROP_VERIFY_FULL, SHOAL_COUNTER_DROP_RELAY_FULL};
	uint64_t sum = 0;

	for (size_t i = 0; i < COUNT_OF(drops); i++) {
		sum += world_counter(world, 0, drops[i]);
	}
	return sum;
}

static void
tell(struct core_world *world, size_t teller, size_t subject, enum shoal_state state,
        uint64_t age_ms)
{
	struct shoal_msg_member member = puppet_member(&world->puppet[subject], state);
	member.age_ms = age_ms;
	world_tell(world, 0, &world->puppet[teller], SHOAL_MESSAGE_MEMBER, &member);
}

static void
meet_all(struct core_world *world, size_t members)
{
	for (size_t i = 0; i < members; i++) {
		struct puppet *puppet = world_puppet(world);
		puppet->answers = PUPPET_DATAGRAMS | PUPPET_STREAMS;
		tell(world, i, i, SHOAL_STATE_ALIVE, 0);
	}
}

/* Every room of the core gets something to do. */
static void
live(struct core_world *world)
{
	static struct parcel parcel;
	struct shoal_msg_relay relay = {.seq = 5,
	        .id = world->puppet[0].id,
	        .target = world->puppet[1].id,
	        .budget_ms = 300};
	struct shoal_msg_sync sync_request = {.id = world->puppet[0].id};

	tell(world, 0, 5, SHOAL_STATE_SUSPECT, 0);
	world->puppet[6].answers = 0;
	tell(world, 0, 6, SHOAL_STATE_DEAD, 0);
	tell(world, 0, 7, SHOAL_STATE_LEAVING, 2000);
	tell(world, 0, 8, SHOAL_STATE_LEFT, 0);
	world_puppet(world);
	tell(world, 0, world->puppets - 1, SHOAL_STATE_ALIVE, 60000);
	world_puppet(world);
	tell(world, 0, world->puppets - 1, SHOAL_STATE_LEFT, 1000);
	world_tell(world, 0, &world->puppet[0], SHOAL_MESSAGE_RELAY, &relay);
	world_step(world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = world->puppet[1].addr});
	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_SYNC, &sync_request);
	parcel_end(&parcel);
	world_request(world, 0, &world->puppet[0].addr, UINT64_C(1) << 60, &parcel);
	world_run(world, SHOAL_SEC(40));
	world_step(world, 0, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	world_run(world, SHOAL_SEC(6));
}

/* members: how many it meets. */
static int
whole_life(const struct shoal_allocator *mem, void *arg)
{
	static struct core_world world;
	const struct heap_fault *fault = mem->arg;
	struct shoal_core_config config;
	const size_t *members = arg;

	world_init(&world);
	world_config(&world, &config);
	config.allocator = mem;
	int rc = shoal_core_new(&world.node[0].core, &config, NULL, 0);
	if (rc != SHOAL_OK) {
		return rc;
	}
	world.nodes = 1;
	world.node[0].up = true;
	world.node[0].addr = config.addr[0];
	meet_all(&world, *members);
	live(&world);
	if (fault->failed > 0) {
		assert_true(count_drops(&world) > 0);
	} else {
		assert_int_equal(count_drops(&world), 0);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOIN), *members);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOINED), 1);
		assert_in_range(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 1, 2);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_ENDED), 1);
	}
	world_done(&world);
	return SHOAL_OK;
}

static void
a_life_with_few_members_survives_every_failure(void **state)
{
	size_t members = 12;

	(void)state;
	assert_true(heap_fault_sweep_tolerant(whole_life, &members) > 40);
}

static void
a_life_with_a_hundred_members_survives_every_failure(void **state)
{
	size_t members = 100;

	(void)state;
	assert_true(heap_fault_sweep_tolerant(whole_life, &members) > 130);
}

static void
what_was_dropped_for_want_of_memory_is_learned_when_it_is_told_again(void **state)
{
	static struct core_world world;
	struct heap_fault fault;
	struct shoal_core_config config;

	(void)state;
	heap_fault_init(&fault);
	world_init(&world);
	world_config(&world, &config);
	config.allocator = &fault.mem;
	world_add(&world, &config);
	meet_all(&world, 10);
	fault.fail_at = 1;
	fault.fail_on = true;
	meet_all(&world, 100);
	world_run(&world, SHOAL_SEC(1));
	assert_true(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE) < 50);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_NOMEM) > 50);
	fault.fail_at = 0;
	for (size_t i = 0; i < world.puppets; i++) {
		tell(&world, 0, i, SHOAL_STATE_ALIVE, 0);
	}
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 111);
	live(&world);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_ENDED), 1);
	world_done(&world);
	assert_int_equal(fault.live, 0);
}

static void
a_core_that_has_settled_allocates_nothing(void **state)
{
	static struct core_world world;
	struct heap_fault fault;
	struct shoal_core_config config;

	(void)state;
	heap_fault_init(&fault);
	world_init(&world);
	world_config(&world, &config);
	config.allocator = &fault.mem;
	world_add(&world, &config);
	meet_all(&world, 60);
	for (int round = 0; round < 2; round++) {
		size_t calls = fault.calls;
		/* A suspicion and its refutation, probes, gossip and tables. */
		tell(&world, 0, 5, SHOAL_STATE_SUSPECT, 0);
		world_run(&world, SHOAL_SEC(2));
		world.puppet[5].incarnation++;
		tell(&world, 5, 5, SHOAL_STATE_ALIVE, 0);
		world_run(&world, SHOAL_SEC(100));
		assert_true(round == 0 || fault.calls == calls);
	}
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_core_that_cannot_be_made_says_so_and_leaves_nothing),
	        cmocka_unit_test(a_life_with_few_members_survives_every_failure),
	        cmocka_unit_test(a_life_with_a_hundred_members_survives_every_failure),
	        cmocka_unit_test(
	                what_was_dropped_for_want_of_memory_is_learned_when_it_is_told_again),
	        cmocka_unit_test(a_core_that_has_settled_allocates_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
