/* SPDX-License-Identifier: MIT */
/* What a host has no room for, and whose it is. */
#include "core_talk_world.h"

#define ROOM   65536
#define BYTES  500
#define COUNT  100
#define STEP   SHOAL_MS(10)
#define HANDLE 100 /* bytes a step: 10 kB/s */

/* A host that handles messages slowly, and tells of room as handlers do: when a quarter of it is
 * back, or where the largest message takes more than half of it, which here none does, when nothing
 * waits. So up to a quarter of it may be back of which the core does not know. */
struct host {
	size_t seen; /* events */
	uint64_t waits, told,
	        budget; /* what waits, what the core believes that waits, time to handle */
	uint64_t queue[ROOM / SHOAL_MESSAGE_COST];
	size_t first, last;
	size_t of_two; /* messages of node 2 */
};

static void
hear(struct core_world *world, struct host *host)
{
	struct shoal_id two = world_id(world, 2);

	for (; host->seen < world->events; host->seen++) {
		const struct world_event *heard = &world->event[host->seen];
		if (heard->node != 0 || heard->event.kind != SHOAL_EVENT_MESSAGE) {
			continue;
		}
		uint64_t cost = heard->event.len + SHOAL_MESSAGE_COST;
		host->queue[host->last++ % (ROOM / SHOAL_MESSAGE_COST)] = cost;
		host->waits += cost;
		host->told += cost;
		host->of_two += memcmp(&heard->event.id, &two, sizeof(two)) == 0;
	}
	assert_true(host->waits <= ROOM);
}

static void
handle(struct core_world *world, struct host *host)
{
	host->budget += HANDLE;
	while (host->first < host->last) {
		uint64_t cost = host->queue[host->first % (ROOM / SHOAL_MESSAGE_COST)];
		if (cost > host->budget) {
			break;
		}
		host->budget -= cost;
		host->waits -= cost;
		host->first++;
	}
	if (host->told - host->waits >= ROOM / 4) {
		host->told = host->waits;
		talk_room(world, 0, ROOM - host->waits);
	}
}

static void
begin(struct core_world *world, size_t nodes)
{
	world_init(world);
	for (size_t i = 0; i < nodes; i++) {
		world_add(world, NULL);
		if (i > 0) {
			world_join(world, i, 0);
			world_run(world, SHOAL_SEC(1));
		}
	}
	world_run(world, SHOAL_SEC(2));
	world_clear(world);
}

static void
one_that_floods_leaves_room_for_the_reliable_messages_of_another(void **state)
{
	static const uint8_t data[BYTES];
	static struct host host;
	struct core_world world;

	(void)state;
	begin(&world, 3);
	struct shoal_id to = world_id(&world, 0);
	talk_room(&world, 0, ROOM);
	for (uint64_t i = 0; host.of_two < COUNT; i++) {
		assert_true(i < SHOAL_SEC(30) / STEP);
		for (size_t n = 0; n < 20; n++) {
			(void)talk_add(&world, 1, &to, 0, 0, data, BYTES);
		}
		world_drain(&world, 1);
		if (i >= 20 && i < 20 + COUNT) { /* the room is full by now */
			assert_int_equal(
			        talk_add(&world, 2, &to, SHOAL_RELIABLE, i, data, 100), SHOAL_OK);
			world_drain(&world, 2);
		}
		hear(&world, &host);
		handle(&world, &host);
		world_forget_sent(&world);
		world_run(&world, STEP);
	}
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_NO_ROOM) > COUNT);
	world_done(&world);
}

#define UNIT (SHOAL_MESSAGE_COST + 1)

/* Messages of one byte that node 0 has heard of another one. */
static size_t
heard_of(const struct core_world *world, size_t node)
{
	struct shoal_id id = world_id(world, node);
	size_t n = 0;

	for (size_t i = 0; i < world->events; i++) {
		const struct world_event *heard = &world->event[i];
		n += heard->node == 0 && heard->event.kind == SHOAL_EVENT_MESSAGE &&
		     memcmp(&heard->event.id, &id, sizeof(id)) == 0;
	}
	return n;
}

static void
say_many(struct core_world *world, size_t node, unsigned flags, size_t count)
{
	struct shoal_id to = world_id(world, 0);

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(talk_add(world, node, &to, flags, 0, "x", 1), SHOAL_OK);
	}
	world_drain(world, node);
	world_run(world, SHOAL_MS(10));
}

static void
each_has_half_of_the_room_that_the_others_leave(void **state)
{
	struct core_world world;

	(void)state;
	begin(&world, 4);
	talk_room(&world, 0, 16 * UNIT);
	for (size_t node = 1; node < 4; node++) {
		say_many(&world, node, 0, 20);
		assert_int_equal(heard_of(&world, node), 16 >> node);
	}
	/* The eight of node 1 have been handled, six of the others wait. */
	talk_room(&world, 0, 10 * UNIT);
	say_many(&world, 1, 0, 20);
	assert_int_equal(heard_of(&world, 1), 8 + 5);
	say_many(&world, 2, 0, 20);
	assert_int_equal(heard_of(&world, 2), 4 + 1);
	say_many(&world, 3, 0, 20);
	assert_int_equal(heard_of(&world, 3), 2 + 1);
	/* All has: also one that takes the whole room is taken. */
	talk_room(&world, 0, 16 * UNIT);
	uint8_t data[15 * UNIT + 1] = {0};
	struct shoal_id to = world_id(&world, 0);
	talk_add(&world, 2, &to, 0, 0, data, sizeof(data));
	world_drain(&world, 2);
	world_run(&world, SHOAL_MS(50));
	assert_int_equal(heard_of(&world, 2), 6);
	world_done(&world);
}

static bool
loses_receipts(const struct core_world *world, const struct world_packet *packet)
{
	(void)world;
	return packet->kind == SHOAL_SEND_DATAGRAM &&
	       packet_has(packet, SHOAL_MESSAGE_RECEIPT) != NULL;
}

static void
who_is_turned_away_hears_when_there_is_room_and_counts_no_failure(void **state)
{
	struct core_world world;

	(void)state;
	begin(&world, 3);
	talk_room(&world, 0, 10 * UNIT);
	say_many(&world, 1, SHOAL_RELIABLE, 100);
	assert_int_equal(heard_of(&world, 1), 5);
	for (size_t n = 1; n <= 5; n++) {
		world_run(&world, SHOAL_MS(1000 + 300 * n));
		world_run(&world, SHOAL_MS(700 - 300 * (n % 3)));
		assert_int_equal(heard_of(&world, 1), 5 * n);
		talk_room(&world, 0, 10 * UNIT);
		world_run(&world, SHOAL_MS(20));
		assert_int_equal(heard_of(&world, 1), 5 * (n + 1));
	}
	assert_int_equal(world_counter(&world, 1, SHOAL_COUNTER_BATCHES_FAILED), 0);
	/* Where it does not hear of it, it comes by itself. */
	world.loses = loses_receipts;
	talk_room(&world, 0, 10 * UNIT);
	world_run(&world, SHOAL_MS(20));
	assert_int_equal(heard_of(&world, 1), 30);
	world_run(&world, SHOAL_MS(2100));
	assert_int_equal(heard_of(&world, 1), 35);
	world_done(&world);
}

static void
a_reliable_broadcast_that_waits_counts_once(void **state)
{
	struct core_world world;
	struct shoal_input input = {.kind = SHOAL_INPUT_BROADCAST,
	        .type = SHOAL_TYPE_APPLICATION,
	        .flags = SHOAL_RELIABLE,
	        .data = (const uint8_t *)"x",
	        .len = 1};

	(void)state;
	begin(&world, 3);
	talk_room(&world, 0, 10 * UNIT);
	for (size_t i = 0; i < 15; i++) {
		assert_int_equal(world_step(&world, 1, input), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(heard_of(&world, 1), 5);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_NO_ROOM), 10);
	world_run(&world, SHOAL_SEC(30)); /* its share is used up, and the host has room */
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_NO_ROOM), 10);
	talk_room(&world, 0, 10 * UNIT);
	assert_int_equal(heard_of(&world, 1), 10);
	talk_room(&world, 0, 10 * UNIT);
	assert_int_equal(heard_of(&world, 1), 15);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_NO_ROOM), 10);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(each_has_half_of_the_room_that_the_others_leave),
	        cmocka_unit_test(one_that_floods_leaves_room_for_the_reliable_messages_of_another),
	        cmocka_unit_test(a_reliable_broadcast_that_waits_counts_once),
	        cmocka_unit_test(who_is_turned_away_hears_when_there_is_room_and_counts_no_failure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
