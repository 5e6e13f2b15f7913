/* SPDX-License-Identifier: MIT */
/* Messages of members that seal: nobody else reads them, nor sends any in their name. */
#include "core_sealed.h"
#include "core_talk_world.h"

#include "core/message/reliable.h"
#include "core/message/user.h"

static void
both_kinds_arrive_and_stand_in_no_packet(void **state)
{
	struct core_world world;

	(void)state;
	form(&world, 2);
	world_clear(&world);
	struct shoal_id to = world_id(&world, 1);
	assert_int_equal(talk_say(&world, 0, &to, 0, 0, "the combination is 12345"), SHOAL_OK);
	assert_int_equal(
	        talk_say(&world, 0, &to, SHOAL_RELIABLE, 1, "the combination is 67890"), SHOAL_OK);
	for (const struct world_packet *packet = world.sent; packet; packet = packet->next) {
		assert_null(memmem(packet->data, packet->len, "combination", 11));
	}
	world_run(&world, SHOAL_SEC(2));
	talk_heard(&world, 1, 0, "the combination is 12345");
	talk_heard(&world, 1, 1, "the combination is 67890");
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_SENT), 1);
	world_done(&world);
}

/* Whoever holds the key can open a packet and write another one, but not seal as somebody else. */
static void
one_member_cannot_speak_for_another_one(void **state)
{
	struct core_world world;
	uint8_t data[64];

	(void)state;
	form(&world, 3);
	world_clear(&world);
	struct shoal_core *core = world_core(&world, 0);
	struct shoal_id id = world_id(&world, 1);
	uint32_t slot = shoal_members_find(core, &id);
	struct shoal_msg_user user = {.id = id,
	        .salt = talk_salt(&world, 1),
	        .instance = talk_salt(&world, 0),
	        .number = 1,
	        .entries = talk_entries(data, sizeof data, 0, 1)};
	struct shoal_msg_batch batch = {.id = id,
	        .salt = user.salt,
	        .instance = user.instance,
	        .first = 1,
	        .entries = user.entries};
	struct shoal_input input = {.kind = SHOAL_INPUT_REQUEST, .exchange = 7};
	for (size_t of = 2; of >= 1; of--) {
		core->seal.sealed = true;
		core->seal.salt = talk_salt(&world, of);
		shoal_user_on_message(core, slot, &user);
		shoal_reliable_on_batch(core, slot, &batch, &input);
		world_drain(&world, 0);
		assert_int_equal(
		        world_count_events(&world, 0, SHOAL_EVENT_MESSAGE), of == 1 ? 2 : 0);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 2);
	}
	core->seal.sealed = false;
	core->seal.salt = 0;
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(both_kinds_arrive_and_stand_in_no_packet),
	        cmocka_unit_test(one_member_cannot_speak_for_another_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
