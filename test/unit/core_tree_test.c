/* SPDX-License-Identifier: MIT */
/* The digest tree against a naive model: a pass over all records. Members come, change, age and go
 * at random, and every question is asked of both. */
#include "unit.h"

#include "base/hash.h"
#include "core/node.h"
#include "core/table/grave.h"
#include "core_world.h"
#include "heap_fault.h"

#define MANY 3000

static struct shoal_msg_member
member(uint32_t number)
{
	struct shoal_msg_member made = {.incarnation = 1,
	        .state = SHOAL_STATE_ALIVE,
	        .name = {(const uint8_t *)"somebody", 8},
	        .addrs = {.count = 1}};

	memset(made.id.bytes, 0xdd, sizeof made.id.bytes);
	memcpy(made.id.bytes, &number, sizeof number);
	memcpy(made.salt.bytes, &number, sizeof number);
	made.salt.bytes[15] = 1;
	/* Each at an address of its own: an address has few tombstones. */
	assert_int_equal(shoal_addr_parse(&made.addrs.item[0], "10.2.3.4:5"), 0);
	memcpy(made.addrs.item[0].ip + 13, &number, 3);
	return made;
}

static struct shoal_core *
set_up(struct core_world *world, const char *label)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.label = label;
	config.profile.members_max = MANY + 2;
	config.profile.tombstones_max = MANY + 2;
	world_add(world, &config);
	return world_core(world, 0);
}

static uint64_t
place(const struct shoal_core *core, uint32_t slot)
{
	return shoal_hash_sip(core->tree.key, &shoal_members_at(core, slot)->info->id, 16);
}

static bool
is_in(struct shoal_tree_range range, uint64_t at)
{
	for (unsigned i = 0; i < range.bits; i++) {
		if (((at ^ range.prefix) >> (63 - i) & 1) != 0) {
			return false;
		}
	}
	return true;
}

static bool
lives(const struct shoal_core *core, uint32_t slot)
{
	unsigned state = shoal_members_at(core, slot)->state;
	return state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT;
}

static struct shoal_tree_total
naive_total(const struct shoal_core *core, struct shoal_tree_range range)
{
	struct shoal_tree_total total = {0, 0, 0};

	for (uint32_t slot = 0; slot < core->members.records.end; slot++) {
		const struct shoal_record *record = shoal_members_at(core, slot);
		if (record == NULL || !is_in(range, place(core, slot))) {
			continue;
		}
		if (shoal_tree_tells(core, record)) {
			total.sum += shoal_tree_statement(core, slot);
			total.told++;
		}
		total.living += lives(core, slot);
	}
	return total;
}

/* Whether the way from one to another, onwards, is shorter than to a third. */
static uint32_t
naive_neighbour(const struct shoal_core *core, uint32_t from, bool onwards)
{
	uint32_t best = SHOAL_NONE;
	uint64_t least = 0;

	for (uint32_t slot = 0; slot < core->members.records.end; slot++) {
		if (shoal_members_at(core, slot) == NULL || slot == from || !lives(core, slot)) {
			continue;
		}
		uint64_t way = place(core, slot) - place(core, from);
		way = onwards ? way : 0 - way;
		if (best == SHOAL_NONE || way < least) {
			best = slot;
			least = way;
		}
	}
	return best != SHOAL_NONE ? best : lives(core, from) ? from : SHOAL_NONE;
}

struct seen {
	const struct shoal_core *core;
	uint64_t sum;
	uint32_t count, stop;
};

static bool
see(void *arg, uint32_t slot)
{
	struct seen *seen = arg;

	seen->sum += shoal_tree_statement(seen->core, slot);
	return ++seen->count != seen->stop;
}

static void
check_range(struct shoal_core *core, struct shoal_tree_range range)
{
	struct shoal_tree_total want = naive_total(core, range);
	struct shoal_tree_total got = shoal_tree_total(core, range);
	struct seen seen = {.core = core};

	assert_true(got.sum == want.sum);
	assert_int_equal(got.told, want.told);
	assert_int_equal(got.living, want.living);
	assert_true(shoal_tree_each(core, range, see, &seen));
	assert_int_equal(seen.count, want.told);
	assert_true(seen.sum == want.sum);
	if (want.told > 1) {
		seen = (struct seen){.core = core, .stop = want.told - 1};
		assert_false(shoal_tree_each(core, range, see, &seen));
		assert_int_equal(seen.count, want.told - 1);
	}
}

static void
check_tree(struct shoal_core *core, struct shoal_rng *rng)
{
	struct shoal_tree_range range = {0, 0};
	uint32_t slot = shoal_rng_below(rng, core->members.records.end);

	assert_true(shoal_tree_root(core) == naive_total(core, range).sum);
	check_range(core, range);
	for (unsigned depth = 0; depth < 9; depth++) {
		unsigned part = shoal_rng_below(rng, SHOAL_TREE_PARTS);
		if (shoal_members_at(core, slot) != NULL) {
			part = (unsigned)(place(core, slot) << range.bits >> 58);
		}
		range = shoal_tree_part(range, part);
		assert_int_equal(range.bits, 6 * (depth + 1));
		if (depth < 4) {
			check_range(core, range);
		}
	}
	if (shoal_members_at(core, slot) != NULL) {
		assert_int_equal(shoal_tree_total(core, range).told,
		        shoal_tree_tells(core, shoal_members_at(core, slot)));
		assert_int_equal(shoal_tree_next(core, slot), naive_neighbour(core, slot, true));
		assert_int_equal(shoal_tree_prev(core, slot), naive_neighbour(core, slot, false));
	}
}

/* A record changes, or ages, or goes. */
static void
change(struct shoal_core *core, struct shoal_rng *rng, uint32_t slot)
{
	struct shoal_msg_member m = member(shoal_rng_below(rng, 1000000));
	struct shoal_record *record = shoal_members_at(core, slot);
	uint64_t day = shoal_ms(core->profile.tombstone_ms);
	unsigned changed;

	switch (shoal_rng_below(rng, 8)) {
	case 0:
		m.id = record->info->id;
		assert_int_equal(shoal_members_update(core, slot, &m, &changed), SHOAL_OK);
		break;
	case 1:
		record->incarnation++;
		shoal_tree_touch(core, slot);
		break;
	case 2:
		shoal_members_move(core, slot, SHOAL_STATE_UNKNOWN, 0, NULL);
		break;
	case 3:
		assert_non_null(shoal_members_hold_take(core, slot));
		shoal_members_move(core, slot, SHOAL_STATE_SUSPECT, 0, NULL);
		break;
	case 4:
		assert_true(shoal_grave_dig(core, slot,
		        shoal_rng_below(rng, 2) == 0 ? SHOAL_STATE_DEAD : SHOAL_STATE_LEFT, 0, NULL,
		        shoal_rng_between(rng, 0, day - 1)));
		break;
	case 5:
		if (slot != SHOAL_SELF) {
			shoal_members_remove(core, slot);
		}
		break;
	default:
		shoal_members_move(core, slot, SHOAL_STATE_ALIVE, 0, NULL);
		break;
	}
}

static void
the_tree_says_what_a_pass_over_all_records_says(void **state)
{
	(void)state;
	for (uint32_t most = 3; most <= MANY; most = most * 10 / 3) {
		struct core_world world;
		struct shoal_core *core = set_up(&world, "a label");
		struct shoal_rng rng;
		uint32_t number = 0, slot;

		shoal_rng_init(&rng, most, 1);
		for (uint32_t turn = 0; turn < 4 * most + 100; turn++) {
			struct shoal_msg_member m = member(number++);
			bool grows = turn < 3 * most;
			/* First it grows, then it falls to nothing. */
			if (core->members.records.count < most && grows) {
				assert_int_equal(shoal_members_add(core, &m, &slot), SHOAL_OK);
				shoal_members_move(core, slot, SHOAL_STATE_ALIVE, 0, NULL);
			}
			slot = shoal_rng_below(&rng, core->members.records.end);
			if (shoal_members_at(core, slot) != NULL && slot != SHOAL_SELF) {
				change(core, &rng, slot);
			}
			slot = shoal_rng_below(&rng, core->members.records.end);
			if (!grows && slot != SHOAL_SELF && shoal_members_at(core, slot) != NULL) {
				shoal_members_remove(core, slot);
			}
			if (turn % (1 + most / 100) == 0) {
				check_tree(core, &rng);
			}
		}
		for (slot = 1; slot < core->members.records.end; slot++) {
			if (shoal_members_at(core, slot) != NULL) {
				shoal_members_remove(core, slot);
			}
		}
		check_tree(core, &rng);
		/* Nothing is kept for those who went. */
		assert_int_equal(core->tree.leaves.count, 1);
		assert_int_equal(core->tree.nodes.count, 0);
		world_done(&world);
	}
}

/* Cut together the same way, told in another order, one forgotten in between. */
static void
who_holds_the_same_has_the_same_root_and_the_same_ring(void **state)
{
	struct core_world a, b;
	struct shoal_core *one = set_up(&a, "same"), *two = set_up(&b, "same");
	struct shoal_core *cores[2] = {one, two};
	uint32_t slot;

	(void)state;
	for (uint32_t i = 0; i < 2 * MANY; i++) {
		bool second = i >= MANY;
		struct shoal_msg_member m = member(second ? 2 * MANY - 1 - i : i);
		assert_int_equal(shoal_members_add(cores[second], &m, &slot), SHOAL_OK);
		shoal_members_move(cores[second], slot, SHOAL_STATE_ALIVE, 0, NULL);
		if (slot % 7 == 3) {
			assert_true(shoal_tree_root(one) != shoal_tree_root(two));
			shoal_members_remove(cores[second], slot);
			assert_int_equal(shoal_members_add(cores[second], &m, &slot), SHOAL_OK);
			shoal_members_move(cores[second], slot, SHOAL_STATE_ALIVE, 0, NULL);
		}
	}
	assert_true(shoal_tree_root(one) == shoal_tree_root(two));
	for (uint32_t i = 0; i < MANY; i += 97) {
		struct shoal_id id = member(i).id;
		uint32_t x = shoal_tree_next(one, shoal_members_find(one, &id));
		uint32_t y = shoal_tree_next(two, shoal_members_find(two, &id));
		assert_memory_equal(&shoal_members_at(one, x)->info->id,
		        &shoal_members_at(two, y)->info->id, 16);
		assert_memory_equal(
		        &shoal_members_at(one, shoal_tree_prev(one, x))->info->id, &id, 16);
	}
	world_done(&a);
	world_done(&b);
}

static void
the_ring_goes_around_all_who_live(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world, NULL);
	uint32_t slot, living = 1;

	(void)state;
	assert_int_equal(shoal_tree_next(core, SHOAL_SELF), SHOAL_SELF);
	assert_int_equal(shoal_tree_prev(core, SHOAL_SELF), SHOAL_SELF);
	for (uint32_t i = 0; i < MANY; i++) {
		struct shoal_msg_member m = member(i);
		assert_int_equal(shoal_members_add(core, &m, &slot), SHOAL_OK);
		if (i % 3 == 0) {
			shoal_members_move(core, slot, SHOAL_STATE_ALIVE, 0, NULL);
			living++;
		}
	}
	slot = SHOAL_SELF;
	for (uint32_t i = 0; i < living; i++) {
		assert_true(i == 0 || slot != SHOAL_SELF);
		slot = shoal_tree_next(core, slot);
	}
	assert_int_equal(slot, SHOAL_SELF);
	world_done(&world);
}

static void
another_label_is_another_order(void **state)
{
	struct core_world a, b;
	struct shoal_core *one = set_up(&a, "one"), *two = set_up(&b, "two");

	(void)state;
	assert_true(place(one, SHOAL_SELF) != place(two, SHOAL_SELF));
	assert_true(shoal_tree_root(one) != shoal_tree_root(two));
	world_done(&a);
	world_done(&b);
}

static void
a_tombstone_is_in_the_sum_for_half_of_its_time(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world, NULL);
	struct puppet *puppet = world_meet(&world, 0, 0);
	struct shoal_msg_member left = puppet_member(puppet, SHOAL_STATE_LEFT);
	struct shoal_tree_range all = {0, 0};

	(void)state;
	world_run(&world, SHOAL_SEC(10));
	left.age_ms = 12 * 3600 * 1000 - 5000;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &left);
	assert_int_equal(shoal_tree_total(core, all).told, 2);
	uint64_t root = shoal_tree_root(core);
	world_run(&world, SHOAL_SEC(5) - 1);
	assert_int_equal(shoal_tree_total(core, all).told, 2);
	assert_true(shoal_tree_root(core) == root);
	world_run(&world, 1);
	assert_int_equal(shoal_tree_total(core, all).told, 1);
	assert_true(shoal_tree_root(core) != root);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_LEFT);
	world_done(&world);
}

/* Whatever changes a record's statement changes the root: what others say of a member, and what
 * this one says of itself. */
static void
every_statement_that_is_taken_over_changes_the_root(void **state)
{
	static const enum shoal_state told[] = {SHOAL_STATE_SUSPECT, SHOAL_STATE_ALIVE,
	        SHOAL_STATE_LEAVING, SHOAL_STATE_LEFT, SHOAL_STATE_ALIVE};
	struct core_world world;
	struct shoal_core *core = set_up(&world, NULL);
	struct puppet *subject = world_meet(&world, 0, 0), *teller = world_meet(&world, 0, 0);
	struct shoal_tree_range all = {0, 0};
	uint64_t root = shoal_tree_root(core);

	(void)state;
	for (size_t i = 0; i < COUNT_OF(told); i++) {
		struct shoal_msg_member m = puppet_member(subject, told[i]);
		m.incarnation += i;
		world_tell(&world, 0, told[i] == SHOAL_STATE_SUSPECT ? teller : subject,
		        SHOAL_MESSAGE_MEMBER, &m);
		assert_int_equal(world_state(&world, 0, &subject->id), told[i]);
		assert_true(shoal_tree_root(core) != root);
		root = shoal_tree_root(core);
		assert_true(root == naive_total(core, all).sum);
	}
	struct shoal_msg_state newer = puppet_state(subject, SHOAL_STATE_ALIVE);
	newer.incarnation += 9;
	world_tell(&world, 0, subject, SHOAL_MESSAGE_STATE, &newer);
	assert_true(shoal_tree_root(core) == naive_total(core, all).sum);
	assert_true(shoal_tree_root(core) != root);
	root = shoal_tree_root(core);
	struct shoal_core_member self;
	assert_true(shoal_core_member(core, 0, &self));
	struct shoal_msg_state doubt = {
	        .id = self.id, .incarnation = self.incarnation, .state = SHOAL_STATE_SUSPECT};
	doubt.salt = shoal_salt_short(&self.salt);
	world_tell(&world, 0, teller, SHOAL_MESSAGE_STATE, &doubt);
	assert_true(shoal_tree_root(core) != root);
	assert_true(shoal_tree_root(core) == naive_total(core, all).sum);
	world_done(&world);
}

static int
add_and_remove(const struct shoal_allocator *mem, void *arg)
{
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_tree_range all = {0, 0};
	uint32_t added = 0, slot;
	int rc = SHOAL_OK;

	(void)arg;
	world_init(&world);
	world_config(&world, &config);
	config.allocator = mem;
	struct shoal_core *core;
	rc = shoal_core_new(&core, &config, NULL, 0);
	if (rc != SHOAL_OK) {
		return rc;
	}
	for (uint32_t i = 0; i < 300 && rc == SHOAL_OK; i++) {
		struct shoal_msg_member m = member(i);
		rc = shoal_members_add(core, &m, &slot);
		if (rc == SHOAL_OK) {
			shoal_members_move(core, slot, SHOAL_STATE_ALIVE, 0, NULL);
			added++;
		}
		assert_int_equal(core->members.records.count, added + 1);
	}
	assert_int_equal(shoal_tree_total(core, all).told, added + 1);
	assert_true(shoal_tree_root(core) == naive_total(core, all).sum);
	for (slot = 1; slot < core->members.records.end; slot++) {
		if (shoal_members_at(core, slot) != NULL) {
			shoal_members_remove(core, slot);
		}
	}
	assert_int_equal(shoal_tree_total(core, all).told, 1);
	shoal_core_free(core);
	return rc;
}

static void
a_member_that_has_no_room_in_the_tree_is_not_added(void **state)
{
	(void)state;
	heap_fault_sweep(add_and_remove, NULL);
}

static void
the_tree_costs_about_twelve_bytes_a_member(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world, NULL);
	uint32_t slot;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		struct shoal_msg_member m = member(i);
		assert_int_equal(shoal_members_add(core, &m, &slot), SHOAL_OK);
		if (i >= 1000) {
			assert_true(shoal_tree_memory(core) <= 15 * (i + 1) + 8192);
		}
	}
	assert_true(core->tree.leaves.count * core->tree.leaves.item_size +
	                    core->tree.nodes.count * core->tree.nodes.item_size <=
	            13 * MANY);
	size_t tree = shoal_tree_memory(core);
	assert_true(shoal_core_memory(core) >= tree + shoal_members_memory(core));
	world_done(&world);
}

/* Ids that share the first bits of their hash: found by trying, as an attacker would. */
static void
ids_chosen_to_share_their_first_bits_are_held_all_the_same(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world, NULL);
	struct shoal_rng rng;
	uint32_t number = 0, slot, slots[40];

	(void)state;
	shoal_rng_init(&rng, 1, 1);
	for (size_t i = 0; i < COUNT_OF(slots);) {
		struct shoal_msg_member m = member(number++);
		if (shoal_hash_sip(core->tree.key, &m.id, 16) >> 52 != 0x5a5) {
			continue;
		}
		assert_int_equal(shoal_members_add(core, &m, &slot), SHOAL_OK);
		shoal_members_move(core, slot, SHOAL_STATE_ALIVE, 0, NULL);
		slots[i++] = slot;
		check_tree(core, &rng);
	}
	struct shoal_tree_range shared = {UINT64_C(0x5a5) << 52, 12};
	assert_int_equal(shoal_tree_total(core, shared).told, COUNT_OF(slots));
	for (size_t i = 0; i < COUNT_OF(slots); i++) {
		shoal_members_remove(core, slots[i]);
		check_tree(core, &rng);
	}
	assert_int_equal(core->tree.nodes.count, 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_tree_says_what_a_pass_over_all_records_says),
	        cmocka_unit_test(who_holds_the_same_has_the_same_root_and_the_same_ring),
	        cmocka_unit_test(the_ring_goes_around_all_who_live),
	        cmocka_unit_test(another_label_is_another_order),
	        cmocka_unit_test(a_tombstone_is_in_the_sum_for_half_of_its_time),
	        cmocka_unit_test(every_statement_that_is_taken_over_changes_the_root),
	        cmocka_unit_test(a_member_that_has_no_room_in_the_tree_is_not_added),
	        cmocka_unit_test(the_tree_costs_about_twelve_bytes_a_member),
	        cmocka_unit_test(ids_chosen_to_share_their_first_bits_are_held_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
