/* SPDX-License-Identifier: MIT */
/* The permutation of the members that take part: each once a round whoever comes and goes, and the
 * random choice of several. The permutation is asked directly, the members come and go by what
 * puppets say. */
#include "unit.h"

#include "core/detect/order.h"
#include "core/node.h"
#include "core_world.h"

#define MEMBERS 40

static void
set_up(struct core_world *world, size_t puppets, uint64_t seed)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.seed = seed;
	world_add(world, &config);
	for (size_t i = 0; i < puppets; i++) {
		world_meet(world, 0, 0);
	}
}

static size_t
next_puppet(struct core_world *world)
{
	struct shoal_core *core = world_core(world, 0);
	uint32_t slot = shoal_order_next(core);

	assert_int_not_equal(slot, SHOAL_NONE);
	const struct shoal_id *id = &shoal_members_at(core, slot)->info->id;
	return (size_t)id->bytes[14] << 8 | id->bytes[15];
}

/* The permutation and the records agree. */
static void
check_order(struct core_world *world)
{
	const struct shoal_core *core = world_core(world, 0);
	const struct shoal_members *members = &core->members;
	uint32_t taking_part = 0;

	assert_true(members->cursor <= members->ordered);
	for (uint32_t i = 0; i < members->ordered; i++) {
		assert_int_equal(shoal_members_at(core, members->order[i])->place, i);
	}
	for (uint32_t slot = 0; slot < members->records.end; slot++) {
		const struct shoal_record *record = shoal_members_at(core, slot);
		if (record == NULL || slot == SHOAL_SELF) {
			continue;
		}
		bool counts =
		        record->state == SHOAL_STATE_ALIVE || record->state == SHOAL_STATE_SUSPECT;
		assert_true(shoal_members_counts(record) == counts);
		taking_part += counts;
	}
	assert_int_equal(members->ordered, taking_part);
	assert_int_equal(shoal_members_n(core), taking_part + 1);
}

static void
each_member_comes_once_a_round_in_an_order_that_changes(void **state)
{
	struct core_world world;
	size_t before[MEMBERS] = {0}, unchanged = 0;

	(void)state;
	set_up(&world, MEMBERS, 1);
	for (size_t round = 0; round < 20; round++) {
		bool seen[MEMBERS] = {false};
		for (size_t i = 0; i < MEMBERS; i++) {
			size_t puppet = next_puppet(&world);
			assert_false(seen[puppet]);
			seen[puppet] = true;
			unchanged += before[i] == puppet;
			before[i] = puppet;
		}
		check_order(&world);
	}
	/* One in forty stays by chance. */
	assert_true(unchanged < 60);
	world_done(&world);
}

static void
leave(struct core_world *world, size_t puppet)
{
	struct shoal_msg_state left = puppet_state(&world->puppet[puppet], SHOAL_STATE_LEFT);
	world_tell(world, 0, &world->puppet[puppet], SHOAL_MESSAGE_STATE, &left);
}

/* A round of probing as a member sees it: who was there all the time, and how often it came. */
struct round {
	bool here[WORLD_PUPPETS], steady[WORLD_PUPPETS];
	unsigned seen[WORLD_PUPPETS];
};

static void
begin_round(struct round *round, bool first)
{
	for (size_t i = 0; !first && i < WORLD_PUPPETS; i++) {
		assert_true(round->seen[i] == 1 || (!round->steady[i] && round->seen[i] == 0));
	}
	memcpy(round->steady, round->here, sizeof round->steady);
	memset(round->seen, 0, sizeof round->seen);
}

/* Somebody may leave, probed in this round or not, or somebody come. */
static void
change(struct core_world *world, struct round *round, uint64_t *draw)
{
	const struct shoal_members *members = &world_core(world, 0)->members;
	size_t i = unit_random(draw) % WORLD_PUPPETS;

	if (unit_random(draw) % 4 == 0 && round->here[i]) {
		leave(world, i);
		round->here[i] = round->steady[i] = false;
	} else if (unit_random(draw) % 8 == 0 && world->puppets < WORLD_PUPPETS &&
	           members->cursor < members->ordered) {
		round->here[world->puppets] = true;
		world_meet(world, 0, 0);
	}
}

static void
comers_and_goers_do_not_disturb_the_round_of_the_others(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct core_world world;
		struct round round = {{false}, {false}, {0}};
		uint64_t draw = seed;
		size_t rounds = 0;

		set_up(&world, MEMBERS, seed);
		memset(round.here, 1, MEMBERS);
		const struct shoal_members *members = &world_core(&world, 0)->members;
		for (unsigned step = 0; step < 1500; step++) {
			change(&world, &round, &draw);
			if (step == 0 || members->cursor >= members->ordered) {
				begin_round(&round, step == 0);
				rounds++;
			}
			round.seen[next_puppet(&world)]++;
			check_order(&world);
		}
		assert_true(rounds > 10 && world.puppets > 60);
		world_done(&world);
	}
}

static void
a_newcomer_takes_any_place_of_what_is_left_of_the_round(void **state)
{
	unsigned after[11] = {0};

	(void)state;
	for (uint64_t seed = 1; seed <= 220; seed++) {
		struct core_world world;
		size_t wait = 0;

		set_up(&world, 20, seed);
		for (size_t i = 0; i < 10; i++) {
			next_puppet(&world);
		}
		world_meet(&world, 0, 0);
		while (next_puppet(&world) != 20) {
			wait++;
		}
		assert_true(wait <= 10);
		after[wait]++;
		world_done(&world);
	}
	for (size_t i = 0; i < COUNT_OF(after); i++) {
		assert_in_range(after[i], 5, 45);
	}
}

static void
an_empty_order_gives_nobody(void **state)
{
	struct core_world world;
	uint32_t slot;

	(void)state;
	set_up(&world, 0, 1);
	assert_int_equal(shoal_order_next(world_core(&world, 0)), SHOAL_NONE);
	assert_int_equal(shoal_order_sample(world_core(&world, 0), SHOAL_NONE, 1, &slot), 0);
	world_meet(&world, 0, 0);
	assert_int_equal(next_puppet(&world), 0);
	leave(&world, 0);
	assert_int_equal(shoal_order_next(world_core(&world, 0)), SHOAL_NONE);
	world_done(&world);
}

static void
a_sample_holds_distinct_living_members_without_the_excepted_one(void **state)
{
	struct core_world world;
	unsigned chosen[MEMBERS + 1] = {0};
	uint32_t slots[MEMBERS];

	(void)state;
	set_up(&world, MEMBERS, 7);
	struct shoal_core *core = world_core(&world, 0);
	for (size_t i = 30; i < MEMBERS; i++) {
		struct shoal_msg_state suspect =
		        puppet_state(&world.puppet[i], SHOAL_STATE_SUSPECT);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &suspect);
	}
	uint32_t except = shoal_members_find(core, &world.puppet[0].id);
	for (unsigned draw = 0; draw < 2900; draw++) {
		if (draw % 10 == 0) {
			next_puppet(&world);
		}
		assert_int_equal(shoal_order_sample(core, except, 3, slots), 3);
		for (size_t i = 0; i < 3; i++) {
			assert_int_not_equal(slots[i], except);
			assert_int_not_equal(slots[i], SHOAL_SELF);
			assert_int_equal(
			        shoal_members_at(core, slots[i])->state, SHOAL_STATE_ALIVE);
			assert_true(i == 0 || (slots[i] != slots[0] && slots[i] != slots[i - 1]));
			chosen[slots[i]]++;
		}
	}
	for (uint32_t slot = 1; slot <= 30; slot++) {
		assert_true(slot == except || (chosen[slot] > 150 && chosen[slot] < 600));
	}
	/* All there are, where more are asked for. */
	assert_int_equal(shoal_order_sample(core, except, MEMBERS, slots), 29);
	assert_int_equal(shoal_order_sample(core, SHOAL_NONE, MEMBERS, slots), 30);
	world_done(&world);
}

static void
other_seeds_give_other_orders_and_the_same_seed_the_same(void **state)
{
	size_t order[3][MEMBERS];

	(void)state;
	for (size_t run = 0; run < 3; run++) {
		struct core_world world;
		set_up(&world, MEMBERS, run == 2 ? 2 : 1);
		for (size_t i = 0; i < MEMBERS; i++) {
			order[run][i] = next_puppet(&world);
		}
		world_done(&world);
	}
	assert_memory_equal(order[0], order[1], sizeof order[0]);
	assert_memory_not_equal(order[0], order[2], sizeof order[0]);
}

static void
one_member_is_pinged_each_interval_and_each_once_a_round(void **state)
{
	struct core_world world;
	const struct world_packet *packet = NULL;
	unsigned seen = 0, pings = 0;
	uint64_t before = 0;

	(void)state;
	world_begin(&world, NULL, 7, PUPPET_DATAGRAMS);
	world_run(&world, SHOAL_SEC(71));
	while ((packet = world_sent(&world, packet, 0, NULL, SHOAL_MESSAGE_PING)) != NULL) {
		const struct shoal_msg_ping *ping = &packet_has(packet, SHOAL_MESSAGE_PING)->ping;
		unsigned bit = 1u << ping->target.bytes[15];
		assert_true(before == 0 || packet->at == before + SHOAL_SEC(1));
		assert_int_equal(seen & bit, 0);
		seen = ++pings % 7 == 0 ? 0 : seen | bit;
		before = packet->at;
	}
	assert_in_range(pings, 70, 71);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_PROBES_FAILED), 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_member_comes_once_a_round_in_an_order_that_changes),
	        cmocka_unit_test(comers_and_goers_do_not_disturb_the_round_of_the_others),
	        cmocka_unit_test(a_newcomer_takes_any_place_of_what_is_left_of_the_round),
	        cmocka_unit_test(an_empty_order_gives_nobody),
	        cmocka_unit_test(a_sample_holds_distinct_living_members_without_the_excepted_one),
	        cmocka_unit_test(other_seeds_give_other_orders_and_the_same_seed_the_same),
	        cmocka_unit_test(one_member_is_pinged_each_interval_and_each_once_a_round),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
