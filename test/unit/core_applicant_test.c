/* SPDX-License-Identifier: MIT */
/* Who waits to be accepted, and what was decided: how much of it is kept, and that a recording has
 * it all. */
#include "unit.h"

#include "core_accept_world.h"
#include "core_sealed.h"
#include "core_tape.h"

/* More than there are puppets. */
static struct shoal_msg_member
one_of_many(const struct core_world *world, size_t i)
{
	struct shoal_msg_member said = puppet_member(&world->puppet[0], SHOAL_STATE_ALIVE);

	said.id.bytes[0] = (uint8_t)(i >> 8);
	said.id.bytes[1] = (uint8_t)i;
	said.id.bytes[2] ^= 0xff;
	return said;
}

static void
who_waits_is_bounded_by_a_share_of_strangers_and_one_of_each_teller(void **state)
{
	static struct core_world world;
	const size_t told = 264;

	(void)state;
	world_init(&world);
	add_asking(&world);
	struct puppet *teller = world_puppet(&world);
	struct shoal_msg_member said = puppet_member(teller, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
	decide(&world, 0, asked(&world, 0, &teller->id, 0)->exchange, SHOAL_OK, "");
	world_clear(&world);
	for (size_t i = 0; i < 100; i++) { /* themselves */
		struct puppet *puppet = world_puppet(&world);
		said = puppet_member(puppet, SHOAL_STATE_ALIVE);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	}
	assert_int_equal(count_asked(&world, 0), 64);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCESS), 36);
	for (size_t i = 0; i < told; i++) {
		said = one_of_many(&world, i);
		world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
	}
	assert_int_equal(count_asked(&world, 0), 64 + 256);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCESS), 36 + told - 256);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_APPLICANTS), 1 + 64 + 256);
	/* A place that is free again is used again. */
	said = one_of_many(&world, 0);
	decide(&world, 0, asked(&world, 0, &said.id, 0)->exchange, SHOAL_ERR_REJECTED, "");
	said = one_of_many(&world, told - 1);
	assert_null(asked(&world, 0, &said.id, 0));
	world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
	assert_non_null(asked(&world, 0, &said.id, 0));
	world_done(&world);
}

/* As a join from this host; others may be at the same. */
static void
join_from(struct core_world *world, size_t i, uint8_t host, uint64_t exchange)
{
	struct puppet puppet = world->puppet[0];
	struct shoal_msg_member said = one_of_many(world, i);

	puppet.id = said.id;
	puppet.addr.ip[15] = host;
	puppet.addr.port = (uint16_t)(1000 + i);
	said.addrs.item[0] = puppet.addr;
	join_as(world, 0, &puppet, &said, NULL, exchange);
}

static void
joins_have_places_that_datagrams_cannot_fill_and_each_host_its_share_of_them(void **state)
{
	static struct core_world world;
	size_t n = 0;

	(void)state;
	world_init(&world);
	add_asking(&world);
	world_puppet(&world);
	for (size_t i = 0; i < 100; i++) {
		struct puppet puppet = world.puppet[0];
		struct shoal_msg_member said = one_of_many(&world, 1000 + i);
		puppet.id = said.id;
		world_tell(&world, 0, &puppet, SHOAL_MESSAGE_MEMBER, &said);
	}
	assert_int_equal(count_asked(&world, 0), 64);
	for (uint8_t host = 0; host < 5; host++) {
		for (size_t i = 0; i < 33; i++, n++) {
			world_forget_sent(&world);
			join_from(&world, n, host, n);
			bool place = host < 4 && i < 32;
			assert_int_equal(code_of(&world, 0, n), place ? 1 : SHOAL_ERR_LIMIT);
		}
	}
	assert_int_equal(count_asked(&world, 0), 64 + 128);
	/* One that was decided makes room for one of its host. */
	struct shoal_msg_member said = one_of_many(&world, 0);
	decide(&world, 0, asked(&world, 0, &said.id, 0)->exchange, SHOAL_ERR_REJECTED, "");
	world_forget_sent(&world);
	join_from(&world, n, 1, n);
	join_from(&world, n + 1, 0, n + 1);
	assert_int_equal(code_of(&world, 0, n), SHOAL_ERR_LIMIT);
	assert_int_equal(code_of(&world, 0, n + 1), 1);
	world_done(&world);
}

/* Whoever joins and then speaks in datagrams keeps the place of a join. */
static void
a_join_stays_one_whatever_comes_after_it(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	add_asking(&world);
	world_puppet(&world);
	for (size_t i = 0; i < 40; i++) {
		struct puppet puppet = world.puppet[0];
		struct shoal_msg_member said = one_of_many(&world, i);
		join_from(&world, i, 0, i);
		puppet.id = said.id;
		puppet.addr.ip[15] = 0;
		puppet.addr.port = (uint16_t)(1000 + i);
		said.addrs.item[0] = puppet.addr;
		said.incarnation++;
		if (i < 32) {
			world_tell(&world, 0, &puppet, SHOAL_MESSAGE_MEMBER, &said);
		}
	}
	assert_int_equal(count_asked(&world, 0), 32);
	world_done(&world);
}

static void
decisions_are_remembered_up_to_a_number(void **state)
{
	static struct core_world world;
	struct puppet *first = NULL;

	(void)state;
	world_init(&world);
	add_asking(&world);
	for (size_t i = 0; i < 256; i++) {
		struct puppet *puppet = world_puppet(&world);
		struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
		first = i == 0 ? puppet : first;
		said.id.bytes[0] = (uint8_t)i;
		said.id.bytes[1] = 1;
		puppet->id = said.id;
		world_run(&world, SHOAL_MS(1));
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
		decide(&world, 0, asked(&world, 0, &puppet->id, 0)->exchange, SHOAL_ERR_REJECTED,
		        "");
	}
	struct shoal_msg_member said = puppet_member(first, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, first, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(count_asked(&world, 0), 256);
	struct puppet other = *first;
	other.id.bytes[1] = 2;
	said.id = other.id;
	world_tell(&world, 0, &other, SHOAL_MESSAGE_MEMBER, &said);
	decide(&world, 0, asked(&world, 0, &other.id, 0)->exchange, SHOAL_ERR_REJECTED, "");
	said.id = first->id;
	world_tell(&world, 0, first, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(count_asked(&world, 0), 258);
	world_done(&world);
}

/* The answer is bound to the request, which came long before. */
static void
a_sealed_join_is_answered_sealed_when_it_is_decided(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;

	(void)state;
	for (size_t refuse = 0; refuse < 2; refuse++) {
		world_init(&world);
		sealed_config(&world, &config, 0);
		config.asks_accept = true;
		world_add(&world, &config);
		add(&world, 0);
		struct shoal_id id = world_id(&world, 1);
		assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
		world_run(&world, SHOAL_SEC(5));
		assert_int_equal(count_asked(&world, 0), 1);
		assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_JOINED), 0);
		decide(&world, 0, asked(&world, 0, &id, 0)->exchange,
		        refuse ? SHOAL_ERR_REJECTED : SHOAL_OK, refuse ? "no" : "");
		world_run(&world, SHOAL_SEC(1));
		const struct shoal_event *event =
		        world_event(&world, 1, SHOAL_EVENT_JOINED, NULL, 0);
		assert_non_null(event);
		assert_int_equal(event->code, refuse ? SHOAL_ERR_REJECTED : SHOAL_OK);
		assert_string_equal(event->cause.detail, refuse ? "refused: no" : "");
		assert_true(event->answered);
		assert_int_equal(dropped(&world, 1), 0);
		world_done(&world);
	}
}

static void
decisions_are_recorded_and_run_again(void **state)
{
	struct shoal_recorder_config how;
	struct shoal_core_config config;
	struct shoal_replay_entry entry;
	const uint8_t *data;
	size_t len, decisions = 0;
	static struct tape tape;

	(void)state;
	memset(&tape, 0, sizeof tape);
	world_init(&tape.world);
	tape.world.on_input = on_input;
	tape.world.arg = &tape;
	world_config(&tape.world, &config);
	config.asks_accept = true;
	shoal_recorder_config_init(&how);
	how.checkpoint_ns = SHOAL_SEC(1);
	assert_int_equal(shoal_recorder_new(&tape.recorder, &config, &how), 0);
	assert_int_equal(shoal_recorder_begin(tape.recorder, &data, &len), 0);
	keep(&tape, data, len);
	world_add(&tape.world, &config);
	world_add(&tape.world, NULL);
	world_add(&tape.world, NULL);
	struct shoal_id refused = world_id(&tape.world, 2);
	world_join(&tape.world, 1, 0);
	world_join(&tape.world, 2, 0);
	run_accepting(&tape.world, 0, &refused, 20);
	tape_end(&tape);
	struct shoal_replay *replay = replay_of(tape.data, tape.len);
	while (shoal_replay_step(replay, &entry)) {
		bool decision =
		        entry.kind == SHOAL_REPLAY_INPUT && entry.input.kind == SHOAL_INPUT_ACCEPT;
		decisions += decision;
		assert_true(!decision || strcmp(shoal_input_name(entry.input.kind), "accept") == 0);
		assert_true(entry.kind == SHOAL_REPLAY_INPUT || entry.kind == SHOAL_REPLAY_BEGIN ||
		            entry.hash == entry.is_hash);
	}
	assert_int_equal(shoal_replay_status(replay, NULL), 0);
	assert_true(decisions >= 2);
	assert_int_equal(shoal_core_count(shoal_replay_core(replay), SHOAL_STATE_ALIVE), 2);
	shoal_replay_free(replay);
	tape_done(&tape);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                who_waits_is_bounded_by_a_share_of_strangers_and_one_of_each_teller),
	        cmocka_unit_test(
	                joins_have_places_that_datagrams_cannot_fill_and_each_host_its_share_of_them),
	        cmocka_unit_test(a_join_stays_one_whatever_comes_after_it),
	        cmocka_unit_test(decisions_are_remembered_up_to_a_number),
	        cmocka_unit_test(a_sealed_join_is_answered_sealed_when_it_is_decided),
	        cmocka_unit_test(decisions_are_recorded_and_run_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
