/* SPDX-License-Identifier: MIT */
/* Exact counts, whatever the numbers: who is probed in a round, how many relays are asked, how many
 * packets one message causes, and that two cores never answer each other for ever. */
#include "unit.h"

#include "core/detect/order.h"
#include "core/node.h"
#include "core_world.h"

#define CHAIN_MAX 64

static void
set_up(struct core_world *world, uint32_t relays, size_t puppets, unsigned answers)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.relays = relays;
	world_add(world, &config);
	for (size_t i = 0; i < puppets; i++) {
		world_meet(world, 0, answers);
	}
}

static void
each_member_is_probed_once_a_round(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 40; n += 3) {
		struct core_world world;

		set_up(&world, 3, n, PUPPET_DATAGRAMS);
		/* A round is over when the cursor stands at its end. */
		while (world_core(&world, 0)->members.cursor != n) {
			world_run(&world, SHOAL_SEC(1));
		}
		for (size_t round = 0; round < 3; round++) {
			world_clear(&world);
			world_run(&world, n * SHOAL_SEC(1));
			for (size_t i = 0; i < n; i++) {
				assert_int_equal(world_count_sent(&world, 0, &world.puppet[i].addr,
				                         SHOAL_MESSAGE_PING),
				        1);
			}
		}
		world_done(&world);
	}
}

static void
min_of_k_and_the_candidates_are_asked_each_once(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 20; n++) {
		for (uint32_t k = 0; k <= SHOAL_RELAYS_MOST; k++) {
			struct core_world world;
			size_t asked = 0;

			set_up(&world, k, n, 0);
			assert_non_null(world_await_sent(
			        &world, 0, NULL, SHOAL_MESSAGE_PING, SHOAL_SEC(9)));
			world_run(&world, SHOAL_MS(600));
			for (size_t i = 0; i < n; i++) {
				size_t to_one = world_count_sent(
				        &world, 0, &world.puppet[i].addr, SHOAL_MESSAGE_RELAY);
				assert_true(to_one <= 1);
				asked += to_one;
			}
			assert_int_equal(asked, k < n - 1 ? k : n - 1);
			world_done(&world);
		}
	}
}

/* Two that share an address, as behind one gateway that lost its mapping, are one way only. */
static void
relays_at_one_address_are_one_candidate(void **state)
{
	struct core_world world;
	size_t relays = 0;

	(void)state;
	set_up(&world, 3, 1, 0);
	for (size_t i = 0; i < 4; i++) {
		struct puppet *puppet = world_puppet(&world);
		puppet->addr = world.puppet[1].addr;
		puppet->answers = PUPPET_DATAGRAMS;
		struct shoal_msg_member alive = puppet_member(puppet, SHOAL_STATE_ALIVE);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &alive);
	}
	uint32_t slots[SHOAL_RELAYS_MOST], slot;
	shoal_core_find(world_core(&world, 0), &world.puppet[0].id, &slot);
	for (int i = 0; i < 20; i++) {
		relays = shoal_order_sample(world_core(&world, 0), slot, 3, slots);
		assert_int_equal(relays, 1);
	}
	world_done(&world);
}

static void
a_question_causes_one_packet(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 3, 4, PUPPET_DATAGRAMS);
	world_run(&world, SHOAL_SEC(30));
	const struct puppet *asker = &world.puppet[0];
	struct shoal_msg_ping ping = {.seq = 5,
	        .id = asker->id,
	        .salt = puppet_salt(asker),
	        .target = world_id(&world, 0)};
	struct shoal_msg_relay relay = {.seq = 6,
	        .id = asker->id,
	        .salt = puppet_salt(asker),
	        .target = world.puppet[1].id,
	        .budget_ms = 500};
	struct shoal_msg_relay unknown = relay;
	unknown.target.bytes[0] ^= 1;
	struct shoal_msg_nack nack = {.seq = 7, .id = asker->id};
	struct shoal_msg_ack ack = {.seq = 8, .id = asker->id};
	struct shoal_msg_partial partial = {.id = asker->id, .target = world_id(&world, 0)};
	const struct {
		enum shoal_message_kind kind;
		const void *message;
		size_t packets;
	} rows[] = {{SHOAL_MESSAGE_PING, &ping, 1}, {SHOAL_MESSAGE_RELAY, &relay, 1},
	        {SHOAL_MESSAGE_RELAY, &unknown, 1}, {SHOAL_MESSAGE_NACK, &nack, 0},
	        {SHOAL_MESSAGE_ACK, &ack, 0}, {SHOAL_MESSAGE_PARTIAL, &partial, 0}};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		world_clear(&world);
		world_tell(&world, 0, asker, rows[i].kind, rows[i].message);
		assert_int_equal(world_count_sent(&world, 0, NULL, 0), rows[i].packets);
		world_run(&world, 0);
	}
	world_done(&world);
}

/* Packets that arrive in answer to each other at one moment; past the bound they are lost, so that
 * a chain without an end shows as a number. */
static size_t chain;

static bool
counts_the_chain(const struct core_world *world, const struct world_packet *packet)
{
	(void)world;
	(void)packet;
	return ++chain > CHAIN_MAX;
}

static void
say(struct core_world *world, size_t to, const struct shoal_core_member *subject,
        enum shoal_state said, int raise, bool foreign)
{
	struct shoal_msg_state message = {.id = subject->id, .state = (uint8_t)said};

	for (size_t i = 0; i < 8; i++) {
		message.salt = message.salt << 8 | subject->salt.bytes[i];
	}
	message.salt += foreign;
	message.incarnation = subject->incarnation + (uint64_t)(int64_t)raise;
	world_tell(world, to, &world->puppet[0], SHOAL_MESSAGE_STATE, &message);
}

static void
two_cores_come_to_an_end_whatever_they_believe_of_each_other(void **state)
{
	(void)state;
	for (int beliefs = 0; beliefs < 900; beliefs++) {
		struct core_world world;
		struct shoal_core_member member[2];
		int left = beliefs;

		world_init(&world);
		world.latency = 0;
		world_add(&world, NULL);
		world_add(&world, NULL);
		world_join(&world, 1, 0);
		world_run(&world, SHOAL_SEC(2));
		for (size_t i = 0; i < 2; i++) {
			assert_true(shoal_core_member(world_core(&world, i), 0, &member[i]));
			world_core(&world, i)->profile.verify_deaths = 0;
		}
		world_puppet(&world);
		chain = 0;
		world.loses = counts_the_chain;
		for (size_t i = 0; i < 2; i++) {
			int one = left % 30;
			left /= 30;
			say(&world, i, &member[1 - i], (enum shoal_state)(1 + one % 5),
			        one / 5 % 3 - 1, one / 15 != 0);
		}
		uint32_t slot = 1;
		shoal_probe_begin(world_core(&world, 0), slot, SHOAL_PROBE_ROUND);
		world_drain(&world, 0);
		world_run(&world, 0);
		assert_true(chain < CHAIN_MAX / 2);
		world_done(&world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_member_is_probed_once_a_round),
	        cmocka_unit_test(min_of_k_and_the_candidates_are_asked_each_once),
	        cmocka_unit_test(relays_at_one_address_are_one_candidate),
	        cmocka_unit_test(a_question_causes_one_packet),
	        cmocka_unit_test(two_cores_come_to_an_end_whatever_they_believe_of_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
