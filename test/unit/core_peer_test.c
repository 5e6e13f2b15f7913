/* SPDX-License-Identifier: MIT */
/* What is kept of a peer: the window of best-effort packets against a model, and that it lives as
 * long as its member and no number is given out twice. */
#include "core_talk_world.h"

static void
the_window_knows_what_came_and_what_is_too_old_to_tell(void **state)
{
	static uint64_t last[30000]; /* by number: whether it came */
	struct shoal_peer peer;
	uint64_t seed = 1;

	(void)state;
	for (uint64_t spread = 1; spread <= 16384; spread *= 4) {
		uint64_t highest = 0;

		memset(&peer, 0, sizeof peer);
		memset(last, 0, sizeof last);
		for (int i = 0; i < 20000; i++) {
			uint64_t back = unit_random(&seed) % (2 * spread);
			uint64_t number = highest + spread > back ? highest + spread - back : 1;
			if (number == 0 || number >= COUNT_OF(last)) {
				break;
			}
			if (shoal_peer_is_past(&peer, number)) {
				assert_true(highest - number >= 4096);
				continue;
			}
			bool seen = shoal_peer_saw(&peer, number);
			if (number > highest) {
				assert_false(seen);
				highest = number;
			} else {
				assert_int_equal(seen, last[number]);
			}
			last[number] = 1;
		}
	}
	memset(&peer, 0, sizeof peer);
	assert_false(shoal_peer_saw(&peer, UINT64_MAX));
	assert_true(shoal_peer_saw(&peer, UINT64_MAX));
	assert_true(shoal_peer_is_past(&peer, 1));
}

static void
a_peer_lives_as_long_as_its_member_and_no_number_comes_again(void **state)
{
	struct shoal_core_config config;
	struct core_world world;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.tombstone_ms = 1000;
	world_add(&world, &config);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_core *core = world_core(&world, 0);
	uint64_t before = 0;
	size_t memory = 0;
	for (int round = 0; round < 3; round++) {
		world_clear(&world);
		talk_say(&world, 0, &puppet->id, 0, 0, "once");
		talk_say(&world, 0, &puppet->id, SHOAL_RELIABLE, 1, "for sure");
		const struct world_packet *user =
		        world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_USER);
		const struct world_packet *batch =
		        world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_BATCH);
		uint64_t number = packet_has(user, SHOAL_MESSAGE_USER)->user.number;
		uint64_t first = packet_has(batch, SHOAL_MESSAGE_BATCH)->batch.first;
		assert_true(number > before && first > before);
		before = number > first ? number : first;
		assert_int_equal(core->talk.peers.count, 1);
		struct shoal_msg_state left = puppet_state(puppet, SHOAL_STATE_LEFT);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_STATE, &left);
		assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 1);
		world_run(&world, SHOAL_SEC(5));
		assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATES);
		assert_int_equal(core->talk.peers.count, 0);
		assert_int_equal(core->talk.flying, 0);
		puppet->incarnation += UINT64_C(10) << 32;
		struct shoal_msg_member back = puppet_member(puppet, SHOAL_STATE_ALIVE);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &back);
		assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_ALIVE);
		memory = memory == 0 ? shoal_peer_memory(core) : memory;
	}
	assert_int_equal(shoal_peer_memory(core), memory);
	world_done(&world);
}

static void
the_end_of_a_message_to_a_member_that_is_forgotten_is_told_all_the_same(void **state)
{
	struct core_world world;
	struct shoal_event event;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_core *core = world_core(&world, 0);
	talk_say(&world, 0, &puppet->id, SHOAL_RELIABLE, 77, "hello");
	shoal_members_remove(core, shoal_members_find(core, &puppet->id));
	assert_int_equal(core->talk.peers.count, 1);
	while (shoal_core_next_event(core, &event) && event.kind != SHOAL_EVENT_SENT) {
		continue;
	}
	assert_int_equal(event.kind, SHOAL_EVENT_SENT);
	assert_true(event.exchange == 77);
	assert_int_equal(event.code, SHOAL_ERR_CLOSED);
	assert_memory_equal(&event.id, &puppet->id, sizeof event.id);
	assert_int_equal(core->talk.peers.count, 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_window_knows_what_came_and_what_is_too_old_to_tell),
	        cmocka_unit_test(a_peer_lives_as_long_as_its_member_and_no_number_comes_again),
	        cmocka_unit_test(
	                the_end_of_a_message_to_a_member_that_is_forgotten_is_told_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
