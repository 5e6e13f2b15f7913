/* SPDX-License-Identifier: MIT */
/* Broadcasts among members of which one says what is not so: what it can do to others is bounded.
 */
#include "core_cast_world.h"

#include <stdlib.h>

/* Three cores, and a member that says what the test says. */
static struct puppet *
begin(struct core_world *world, size_t nodes)
{
	cast_begin(world, nodes, NULL);
	struct puppet *puppet = world_meet(world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	world_run(world, SHOAL_SEC(2));
	world_clear(world);
	return puppet;
}

static struct shoal_msg_cast
of_node(struct core_world *world, size_t node, uint64_t number, unsigned flags)
{
	return (struct shoal_msg_cast){.id = world_id(world, node),
	        .salt = cast_salt(world, node),
	        .number = number,
	        .hops = 1,
	        .flags = (uint8_t)flags,
	        .type = CAST_TYPE,
	        .body = {(const uint8_t *)"false", 5}};
}

static void
who_speaks_in_the_name_of_another_one_does_not_silence_it(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = begin(&world, 3);
	for (unsigned reliable = 0; reliable < 2; reliable++) {
		struct shoal_msg_cast cast = of_node(&world, 1, UINT64_MAX, reliable);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
		assert_int_equal(
		        world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 2 * reliable + 1);
		cast.hops = 0; /* only its origin says it first */
		cast.number = 1;
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
		assert_int_equal(
		        world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 2 * reliable + 2);
		cast.hops = 1;
		cast.number = UINT64_C(1) << 62; /* nobody has heard of it yet */
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
		world_run(&world, SHOAL_SEC(1));
	}
	world_run(&world, SHOAL_SEC(5));
	world_clear(&world);
	assert_int_equal(cast_say(&world, 1, 0, "once"), SHOAL_OK);
	assert_int_equal(cast_say(&world, 1, SHOAL_RELIABLE, "kept"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	cast_heard(&world, 1, "once", 1);
	cast_heard(&world, 1, "kept", 1);
	/* Nor does it where something was heard. */
	struct shoal_msg_cast cast = of_node(&world, 1, 3000, 0);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(cast_say(&world, 1, 0, "again"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	cast_heard(&world, 1, "again", 1);
	world_done(&world);
}

/* Of all that are held each is found by its key, and nothing else is. */
static void
each_is_held_once(struct core_world *world)
{
	for (size_t i = 0; i < world->nodes; i++) {
		const struct shoal_casts *casts = &world_core(world, i)->casts;
		size_t held = 0;

		SHOAL_LIST_FOREACH (node, &casts->all) {
			struct shoal_cast *cast = SHOAL_LIST_ITEM(node, struct shoal_cast, all);
			assert_ptr_equal(shoal_cast_find(world_core(world, i), &cast->key), cast);
			held++;
		}
		assert_int_equal(casts->slab.count, held);
		assert_int_equal(casts->by_key.count, held);
	}
}

static void
what_was_told_in_the_name_of_another_one_is_held_once_though_its_number_is_taken_back(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = begin(&world, 2);
	assert_int_equal(cast_say(&world, 1, SHOAL_RELIABLE, "first"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	cast_heard(&world, 1, "first", 1);
	struct shoal_msg_cast cast = of_node(&world, 1, 2000, SHOAL_RELIABLE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	cast.number = 4000;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	cast_heard(&world, 1, "false", 2);
	each_is_held_once(&world);
	assert_int_equal(cast_say(&world, 1, SHOAL_RELIABLE, "second"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	cast_heard(&world, 1, "second", 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 1);
	each_is_held_once(&world);
	assert_int_equal(world_core(&world, 0)->keep.others_count, 2);
	cast.age_ms = 290000;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	each_is_held_once(&world);
	for (size_t i = 0; i < 400; i++) { /* it is over after ten seconds */
		world_run(&world, SHOAL_MS(50));
		each_is_held_once(&world);
	}
	assert_in_range(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 3, 4);
	world_done(&world);
}

static bool
to_0(const struct core_world *world, const struct world_packet *packet)
{
	return packet->node > 0 && shoal_addr_equal(&packet->to, &world->node[0].addr) &&
	       (packet_has(packet, SHOAL_MESSAGE_CAST) != NULL ||
	               packet_has(packet, SHOAL_MESSAGE_OFFER) != NULL);
}

static void
what_was_missed_when_a_higher_number_was_made_up_is_repaired_and_nothing_is_heard_twice(
        void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = begin(&world, 3);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(cast_say(&world, 1, SHOAL_RELIABLE, "before"), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(5));
	world.loses = to_0;
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(cast_say(&world, 1, SHOAL_RELIABLE, "missed"), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(1));
	struct shoal_msg_cast cast = of_node(&world, 1, 2000, SHOAL_RELIABLE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	cast.number = 4000;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	world.loses = NULL;
	assert_int_equal(cast_say(&world, 1, SHOAL_RELIABLE, "after"), SHOAL_OK);
	world_run(&world, SHOAL_MS(10));
	for (uint64_t number = 1; number <= 31; number++) {
		struct shoal_cast_key key = {cast.id, cast.salt, number, true};
		assert_int_equal(
		        shoal_seen_has(world_core(&world, 0), &key), number <= 10 || number == 31);
	}
	world_run(&world, SHOAL_SEC(60));
	cast_heard(&world, 1, "before", 10);
	cast_heard(&world, 1, "missed", 20);
	cast_heard(&world, 1, "after", 1);
	world_done(&world);
}

static bool
casts_from_1_to_2(const struct core_world *world, const struct world_packet *packet)
{
	return packet->node == 1 && packet->kind == SHOAL_SEND_DATAGRAM &&
	       shoal_addr_equal(&packet->to, &world->node[2].addr) &&
	       packet_has(packet, SHOAL_MESSAGE_CAST) != NULL;
}

static void
who_never_hears_it_directly_has_the_reliable_ones_in_the_end(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = begin(&world, 3);
	world.loses = casts_from_1_to_2;
	assert_int_equal(cast_say(&world, 1, SHOAL_RELIABLE, "before"), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	struct shoal_msg_cast cast = of_node(&world, 1, 2000, SHOAL_RELIABLE);
	world_tell(&world, 2, puppet, SHOAL_MESSAGE_CAST, &cast);
	cast.number = 4000;
	world_tell(&world, 2, puppet, SHOAL_MESSAGE_CAST, &cast);
	for (size_t i = 0; i < 10; i++) {
		assert_int_equal(cast_say(&world, 1, SHOAL_RELIABLE, "hidden"), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(1));
	assert_true(world_counter(&world, 2, SHOAL_COUNTER_CASTS_PASSED) > 0);
	world_run(&world, SHOAL_SEC(120));
	cast_heard(&world, 1, "before", 1);
	cast_heard(&world, 1, "hidden", 10);
	world_done(&world);
}

/* What is heard is forgotten, as where very many instances say something. */
static void
what_is_held_is_not_heard_again_though_it_was_forgotten_that_it_was(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = begin(&world, 2);
	struct shoal_msg_cast cast = of_node(&world, 1, 7, SHOAL_RELIABLE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	struct shoal_core *core = world_core(&world, 0);
	for (uint64_t i = 0; i < SHOAL_SEEN_MAX; i++) {
		struct shoal_cast_key key = {{{9}}, i, 1, true};
		assert_int_equal(shoal_seen_add(core, &key, true, false), SHOAL_OK);
	}
	struct shoal_cast_key key = {cast.id, cast.salt, cast.number, true};
	assert_false(shoal_seen_has(core, &key));
	uint64_t again = world_counter(&world, 0, SHOAL_COUNTER_CASTS_AGAIN);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CASTS_AGAIN), again + 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 1);
	assert_true(shoal_seen_has(core, &key));
	each_is_held_once(&world);
	world_done(&world);
}

static void
made_up_instances_make_nobody_forget_what_was_heard(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = begin(&world, 2);
	struct shoal_msg_cast cast = of_node(&world, 1, 1, 0);
	cast.id = puppet->id;
	cast.salt = puppet_salt(puppet);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 1);
	struct shoal_msg_cast other = of_node(&world, 1, 1, 0);
	for (size_t i = 0; i < 20000; i++) {
		other.salt = i + 1;
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &other);
		world_forget_sent(&world);
	}
	assert_in_range(world_core(&world, 0)->seen.slab.count, 1, 16);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
	assert_in_range(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 1, 1 + 4);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_CASTS_AGAIN), 1);
	world_done(&world);
}

static bool
from_0_to_1(const struct core_world *world, const struct world_packet *packet)
{
	return packet->node == 0 && shoal_addr_equal(&packet->to, &world->node[1].addr) &&
	       packet_has(packet, SHOAL_MESSAGE_CAST) != NULL &&
	       packet->kind == SHOAL_SEND_DATAGRAM;
}

static void
who_offers_and_never_answers_stops_no_repair(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = begin(&world, 2);
	struct shoal_msg_offer offer = {.id = puppet->id, .salt = puppet_salt(puppet)};
	world_tell(&world, 1, puppet, SHOAL_MESSAGE_OFFER, &offer);
	world.loses = from_0_to_1;
	bool heard = false;
	for (size_t i = 0; i < 2400 && !heard; i++) { /* two minutes */
		offer.sum = i + 2;
		world_tell(&world, 1, puppet, SHOAL_MESSAGE_OFFER, &offer);
		if (i == 20) {
			assert_int_equal(cast_say(&world, 0, SHOAL_RELIABLE, "rare"), SHOAL_OK);
		}
		world_run(&world, SHOAL_MS(50));
		world_forget_sent(&world);
		heard = world_count_events(&world, 1, SHOAL_EVENT_MESSAGE) > 0;
	}
	assert_true(heard);
	world_done(&world);
}

static void
who_offers_what_it_does_not_give_is_not_in_the_way_of_others(void **state)
{
	struct core_world world;
	uint8_t data[40 * SHOAL_CAST_KEY_BYTES];
	uint8_t body[5000] = {0};
	struct shoal_writer keys;

	(void)state;
	struct puppet *puppet = begin(&world, 2);
	shoal_writer_init(&keys, data, sizeof data);
	for (uint64_t i = 0; i < 40; i++) { /* the first is what will be said */
		struct shoal_cast_key key = {world_id(&world, 0), cast_salt(&world, 0), i + 1, 0};
		shoal_cast_key_write(&keys, &key);
	}
	struct shoal_msg_offer offer = {
	        .id = puppet->id, .salt = puppet_salt(puppet), .keys = {data, keys.len}};
	world_tell(&world, 1, puppet, SHOAL_MESSAGE_OFFER, &offer);
	assert_int_equal(
	        world_step(&world, 0, cast_input(0, NULL, 0, body, sizeof body)), SHOAL_OK);
	world_run(&world, SHOAL_SEC(3));
	assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_MESSAGE), 1);
	world_run(&world, SHOAL_SEC(60));
	assert_true(world_counter(&world, 1, SHOAL_COUNTER_DROP_OFFERS) > 0);
	world_done(&world);
}

static void
who_offers_what_is_known_is_told_so_in_few_packets(void **state)
{
	struct core_world world;
	uint8_t data[30 * SHOAL_CAST_KEY_BYTES];
	struct shoal_writer keys;

	(void)state;
	struct puppet *puppet = begin(&world, 2);
	shoal_writer_init(&keys, data, sizeof data);
	for (uint64_t i = 1; i <= 30; i++) {
		struct shoal_msg_cast cast = of_node(&world, 0, i, 0);
		cast.id = puppet->id;
		cast.salt = puppet_salt(puppet);
		cast.hops = 0;
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_CAST, &cast);
		struct shoal_cast_key key = {cast.id, cast.salt, i, 0};
		shoal_cast_key_write(&keys, &key);
	}
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 30);
	world_clear(&world);
	struct shoal_msg_offer offer = {
	        .id = puppet->id, .salt = puppet_salt(puppet), .keys = {data, keys.len}};
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_OFFER, &offer);
	world_run(&world, SHOAL_MS(10));
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_OFFER), 5);
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_FETCH), 0);
	world_done(&world);
}

static void
what_comes_slowly_is_fetched_from_two_at_once_at_most(void **state)
{
	struct core_world world;
	struct puppet *puppet[6];
	uint8_t data[SHOAL_CAST_KEY_BYTES];
	struct shoal_writer keys;

	(void)state;
	puppet[0] = begin(&world, 2);
	for (size_t i = 1; i < 6; i++) {
		puppet[i] = world_meet(&world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	}
	world_run(&world, SHOAL_SEC(2));
	world_clear(&world);
	struct shoal_cast_key key = {world_id(&world, 1), cast_salt(&world, 1), 1, 0};
	shoal_writer_init(&keys, data, sizeof data);
	shoal_cast_key_write(&keys, &key);
	for (size_t i = 0; i < 90; i++) { /* a request ends after ten seconds */
		struct puppet *teller = puppet[i % 6];
		struct shoal_msg_offer offer = {
		        .id = teller->id, .salt = puppet_salt(teller), .keys = {data, keys.len}};
		world_tell(&world, 0, teller, SHOAL_MESSAGE_OFFER, &offer);
		world_run(&world, SHOAL_MS(100));
	}
	assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_FETCH), 2);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_OFFERS), 0);
	world_run(&world, SHOAL_SEC(60)); /* then the last one has its turn */
	assert_in_range(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_FETCH), 3, 6);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_OFFERS), 1);
	assert_int_equal(world_core(&world, 0)->wants.slab.count, 0);
	world_done(&world);
}

#define MANY 300

static void
a_burst_of_large_ones_comes_over_a_long_way_and_each_once(void **state)
{
	struct core_world world;
	uint8_t body[2000] = {0};

	(void)state;
	cast_begin(&world, 3, NULL);
	world.latency = SHOAL_MS(100);
	for (size_t i = 0; i < MANY; i++) {
		memcpy(body, &i, sizeof i);
		assert_int_equal(
		        world_step(&world, 0, cast_input(0, NULL, 0, body, sizeof body)), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(60));
	for (size_t node = 1; node < 3; node++) {
		size_t heard[MANY] = {0}, missed = 0, number;
		const struct shoal_event *event;
		for (size_t n = 0;
		        (event = world_event(&world, node, SHOAL_EVENT_MESSAGE, NULL, n)) != NULL;
		        n++) {
			memcpy(&number, event->data, sizeof number);
			assert_in_range(number, 0, MANY - 1);
			assert_int_equal(heard[number]++, 0);
		}
		for (size_t i = 0; i < MANY; i++) {
			missed += heard[i] == 0;
		}
		assert_int_equal(missed, 0);
		assert_int_equal(world_counter(&world, node, SHOAL_COUNTER_DROP_OFFERS), 0);
	}
	world_done(&world);
}

/* Nothing of the joiner's is told to the first one, and nothing about it. */
static bool
hides_the_joiner(const struct core_world *world, const struct world_packet *packet)
{
	struct shoal_id id = world_id(world, 3);
	bool to_first = shoal_addr_equal(&packet->to, &world->node[0].addr);

	if (packet->kind != SHOAL_SEND_DATAGRAM && (packet->node == 0 || to_first)) {
		return packet_has(packet, SHOAL_MESSAGE_OFFER) == NULL &&
		       packet_has(packet, SHOAL_MESSAGE_FETCH) == NULL;
	}
	return to_first && (packet->node == 3 || packet_state_of(packet, &id) != 0);
}

static void
what_cannot_be_taken_yet_is_asked_for_again(void **state)
{
	struct core_world world;

	(void)state;
	cast_begin(&world, 3, NULL);
	world_add(&world, NULL);
	world.loses = hides_the_joiner;
	assert_int_equal(world_join(&world, 3, 1), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(cast_say(&world, 3, SHOAL_RELIABLE, "here"), SHOAL_OK);
	for (size_t i = 0; i < 400 && world_counter(&world, 0, SHOAL_COUNTER_FETCHES) == 0; i++) {
		world_run(&world, SHOAL_MS(100));
	}
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_FETCHES) > 0);
	struct shoal_id joiner = world_id(&world, 3);
	assert_int_equal(shoal_members_find(world_core(&world, 0), &joiner), SHOAL_NONE);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), 0);
	world.loses = NULL;
	world_run(&world, SHOAL_SEC(60));
	cast_heard(&world, 3, "here", 1);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_speaks_in_the_name_of_another_one_does_not_silence_it),
	        cmocka_unit_test(
	                what_was_told_in_the_name_of_another_one_is_held_once_though_its_number_is_taken_back),
	        cmocka_unit_test(
	                what_was_missed_when_a_higher_number_was_made_up_is_repaired_and_nothing_is_heard_twice),
	        cmocka_unit_test(who_never_hears_it_directly_has_the_reliable_ones_in_the_end),
	        cmocka_unit_test(
	                what_is_held_is_not_heard_again_though_it_was_forgotten_that_it_was),
	        cmocka_unit_test(made_up_instances_make_nobody_forget_what_was_heard),
	        cmocka_unit_test(who_offers_and_never_answers_stops_no_repair),
	        cmocka_unit_test(who_offers_what_it_does_not_give_is_not_in_the_way_of_others),
	        cmocka_unit_test(who_offers_what_is_known_is_told_so_in_few_packets),
	        cmocka_unit_test(what_comes_slowly_is_fetched_from_two_at_once_at_most),
	        cmocka_unit_test(a_burst_of_large_ones_comes_over_a_long_way_and_each_once),
	        cmocka_unit_test(what_cannot_be_taken_yet_is_asked_for_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
