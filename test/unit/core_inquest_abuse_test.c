/* SPDX-License-Identifier: MIT */
/* What forged and stale words of the death watch do: nothing, or what a told death does without
 * them. */
#include "unit.h"

#include "core_world.h"

/* A core and six members that answer. */
static void
set_up(struct core_world *world)
{
	world_begin(world, NULL, 6, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	world_run(world, SHOAL_SEC(20));
	world_clear(world);
}

static void
a_check_is_served_only_from_an_address_of_the_member_that_asks(void **state)
{
	/* What is added to that address; whether another member names itself first; and which
	 * counts: on a connection it comes from any port. */
	static const struct {
		bool stream;
		uint16_t port;
		uint8_t net;
		bool other, served;
	} cases[] = {{.served = true}, {.port = 1000},
	        {.stream = true, .port = 1000, .served = true},
	        {.stream = true, .port = 1000, .net = 1}, {.stream = true, .net = 1},
	        {.stream = true, .port = 1000, .other = true}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		static struct parcel parcel;
		struct core_world world;

		set_up(&world);
		const struct puppet *asker = &world.puppet[0], *other = &world.puppet[2];
		struct puppet *target = &world.puppet[1];
		struct shoal_addr from = cases[i].other ? other->addr : asker->addr;
		struct shoal_msg_sender sender = {.id = other->id, .salt = puppet_salt(other)};
		struct shoal_msg_check check = {.seq = 7,
		        .id = asker->id,
		        .salt = puppet_salt(asker),
		        .target = target->id,
		        .instance = puppet_salt(target)};
		target->answers = PUPPET_REFUSES;
		from.port = (uint16_t)(from.port + cases[i].port);
		from.ip[14] = (uint8_t)(from.ip[14] + cases[i].net);
		parcel_begin(&parcel, world.label);
		if (cases[i].other) {
			parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
		}
		parcel_add(&parcel, SHOAL_MESSAGE_CHECK, &check);
		parcel_end(&parcel);
		world.streams = cases[i].stream;
		world_datagram(&world, 0, &from, &parcel);
		world.streams = false;
		assert_int_equal(world_count_sent(&world, 0, &target->addr, SHOAL_MESSAGE_PING),
		        cases[i].served ? 2 : 0);
		assert_int_equal(
		        world_counter(&world, 0, SHOAL_COUNTER_DROP_STRANGER), !cases[i].served);
		world_run(&world, SHOAL_MS(500)); /* it is answered where the member listens */
		size_t told = cases[i].served ? 2 : 0;
		assert_int_equal(world_count_sent(&world, 0, NULL, SHOAL_MESSAGE_REFUSED), told);
		assert_int_equal(
		        world_count_sent(&world, 0, &asker->addr, SHOAL_MESSAGE_REFUSED), told);
		world_done(&world);
	}
}

/* Member 1 is told dead with a verdict. */
static enum shoal_state
told(struct core_world *world, const struct shoal_id *accusers, uint8_t count, uint64_t refused_ms)
{
	struct shoal_msg_state said = puppet_state(&world->puppet[1], SHOAL_STATE_DEAD);

	said.accusers.count = count;
	memcpy(said.accusers.item, accusers, count * sizeof accusers[0]);
	said.refused_ms = refused_ms;
	world_tell(world, 0, &world->puppet[0], SHOAL_MESSAGE_STATE, &said);
	return world_state(world, 0, &world->puppet[1].id);
}

static void
a_verdict_counts_by_the_members_that_it_names_each_once(void **state)
{
	static const size_t names[][3] = {{0, 2, 3}, {0, 2, 2}, {0, 2, 1}, {0, 2, 9}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct core_world world;
		struct shoal_id id[3];

		set_up(&world);
		for (size_t k = 0; k < 3; k++) {
			struct shoal_id stranger = {{0xee, 7}};
			id[k] = names[i][k] < 9 ? world.puppet[names[i][k]].id : stranger;
		}
		assert_int_equal(told(&world, id, 2, 1), SHOAL_STATE_ALIVE);
		world_done(&world);
		set_up(&world);
		assert_int_equal(
		        told(&world, id, 3, 1), i == 0 ? SHOAL_STATE_DEAD : SHOAL_STATE_ALIVE);
		world_run(&world, SHOAL_SEC(4));
		assert_int_equal(world_state(&world, 0, &world.puppet[1].id),
		        i == 0 ? SHOAL_STATE_DEAD : SHOAL_STATE_ALIVE);
		world_done(&world);
	}
}

/* In a large cluster most have not heard of a member for minutes: that the other side of a cut was
 * refused then must not fail it on this one. */
static void
a_verdict_that_is_older_than_three_seconds_is_verified(void **state)
{
	static const uint64_t ages_ms[] = {1, 3000, 3001, 180000};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(ages_ms); i++) {
		struct core_world world;
		struct shoal_id id[3];

		world_init(&world);
		world_add(&world, NULL);
		for (size_t k = 0; k < 6; k++) {
			struct puppet *puppet = world_puppet(&world);
			struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_LEAVING);
			puppet->answers = PUPPET_DATAGRAMS;
			member.state = SHOAL_STATE_ALIVE;
			member.age_ms = k == 1 ? 29999 : 0;
			world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &member);
		}
		id[0] = world.puppet[0].id;
		id[1] = world.puppet[2].id;
		id[2] = world.puppet[3].id;
		bool counts = ages_ms[i] <= 3000;
		assert_int_equal(told(&world, id, 3, ages_ms[i]),
		        counts ? SHOAL_STATE_DEAD : SHOAL_STATE_ALIVE);
		if (!counts) {
			world_run(&world, SHOAL_SEC(5));
			assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
			assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFIED_ALIVE), 1);
		}
		world_done(&world);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_check_is_served_only_from_an_address_of_the_member_that_asks),
	        cmocka_unit_test(a_verdict_counts_by_the_members_that_it_names_each_once),
	        cmocka_unit_test(a_verdict_that_is_older_than_three_seconds_is_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
