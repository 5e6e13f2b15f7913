/* SPDX-License-Identifier: MIT */
/* Forgetting before the time: it is told once, reaches all, also those who missed the gossip, and a
 * member that returns is as new. */
#include "unit.h"

#include "core_world.h"

#define NODES 5

static int
forget(struct core_world *world, size_t node, const struct shoal_id *id)
{
	return world_step(world, node,
	        (struct shoal_input){
	                .kind = SHOAL_INPUT_FORGET, .data = id->bytes, .len = sizeof id->bytes});
}

/* Five that know each other, and the last is down and found dead. */
static struct shoal_id
set_up(struct core_world *world)
{
	world_init(world);
	for (size_t i = 0; i < NODES; i++) {
		world_add(world, NULL);
		if (i > 0) {
			world_join(world, i, 0);
		}
	}
	world_run(world, SHOAL_SEC(5));
	struct shoal_id id = world_id(world, NODES - 1);
	world->node[NODES - 1].up = false;
	world_run(world, SHOAL_SEC(120));
	for (size_t i = 0; i < NODES - 1; i++) {
		assert_int_equal(world_state(world, i, &id), SHOAL_STATE_DEAD);
	}
	world_clear(world);
	return id;
}

static void
all_forget_and_are_told_once_why(void **state)
{
	static struct core_world world;

	(void)state;
	struct shoal_id id = set_up(&world);
	assert_int_equal(forget(&world, 1, &id), SHOAL_OK);
	world_run(&world, SHOAL_SEC(300));
	for (size_t i = 0; i < NODES - 1; i++) {
		const struct shoal_event *event = world_event(&world, i, SHOAL_EVENT_REAP, &id, 0);
		assert_non_null(event);
		assert_int_equal(event->cause.kind, SHOAL_CAUSE_FORGOTTEN);
		assert_int_equal(event->state, SHOAL_STATE_DEAD);
		assert_null(world_event(&world, i, SHOAL_EVENT_REAP, &id, 1));
		assert_int_equal(shoal_core_convergence_lag(world_core(&world, i)), 0);
	}
	assert_int_equal(forget(&world, 1, &id), SHOAL_OK); /* again: nothing more is told */
	assert_null(world_event(&world, 1, SHOAL_EVENT_REAP, &id, 1));
	world_done(&world);
}

static size_t deaf; /* hears nothing */

static bool
loses_to_deaf(const struct core_world *world, const struct world_packet *packet)
{
	const struct shoal_addr *addr = &world->node[deaf].addr;

	return packet->node == deaf || shoal_addr_equal(&packet->to, addr);
}

static void
one_that_missed_it_forgets_when_tables_are_compared(void **state)
{
	static struct core_world world;

	(void)state;
	struct shoal_id id = set_up(&world);
	deaf = 0;
	world.loses = loses_to_deaf;
	assert_int_equal(forget(&world, 1, &id), SHOAL_OK);
	world_run(&world, SHOAL_SEC(3));
	assert_non_null(world_event(&world, 3, SHOAL_EVENT_REAP, &id, 0));
	assert_null(world_event(&world, 0, SHOAL_EVENT_REAP, &id, 0));
	world.loses = NULL;
	const struct shoal_event *event = world_await(&world, 0, SHOAL_EVENT_REAP, SHOAL_SEC(600));
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_FORGOTTEN);
	world_run(&world, SHOAL_SEC(300));
	for (size_t i = 0; i < NODES - 1; i++) {
		assert_null(world_event(&world, i, SHOAL_EVENT_REAP, &id, 1));
		assert_int_equal(shoal_core_convergence_lag(world_core(&world, i)), 0);
	}
	world_done(&world);
}

/* It heard that the member left, the others that it is dead, which is the older statement. */
static void
one_that_holds_an_older_tombstone_forgets_too(void **state)
{
	static struct core_world world;
	struct shoal_core_member held;

	(void)state;
	struct shoal_id id = set_up(&world);
	deaf = 1;
	world.loses = loses_to_deaf;
	struct puppet *teller = world_meet(&world, 1, PUPPET_DATAGRAMS);
	assert_true(world_holds(&world, 1, &id, &held));
	struct shoal_msg_state left = {.id = id,
	        .salt = puppet_salt(&(struct puppet){.salt = held.salt}),
	        .incarnation = held.incarnation,
	        .state = SHOAL_STATE_LEFT};
	world_tell(&world, 1, teller, SHOAL_MESSAGE_STATE, &left);
	assert_int_equal(world_state(&world, 1, &id), SHOAL_STATE_LEFT);
	assert_int_equal(forget(&world, 1, &id), SHOAL_OK);
	world_run(&world, SHOAL_SEC(3));
	world.loses = NULL;
	const struct shoal_event *event = world_await(&world, 0, SHOAL_EVENT_REAP, SHOAL_SEC(600));
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_FORGOTTEN);
	world_done(&world);
}

static void
the_tombstone_turns_old_statements_away_until_its_time_is_over(void **state)
{
	static struct core_world world;

	(void)state;
	struct shoal_id id = set_up(&world);
	struct shoal_core_member member;
	assert_int_equal(forget(&world, 1, &id), SHOAL_OK);
	world_run(&world, SHOAL_SEC(3));
	/* Nobody's word but a member's makes others forget, and no age that is told with it counts.
	 */
	assert_true(world_holds(&world, 2, &id, &member));
	assert_int_equal(member.state, SHOAL_STATE_DEAD);
	world_run(&world, SHOAL_SEC(600));
	for (size_t i = 0; i < NODES - 1; i++) {
		assert_int_equal(world_state(&world, i, &id), SHOAL_STATE_DEAD);
	}
	world_done(&world);
}

/* Those of the last statement about it that the node sent. */
static int
marks_told(const struct core_world *world, const struct shoal_id *id)
{
	int marks = -1;

	for (const struct world_packet *sent = world->sent; sent != NULL; sent = sent->next) {
		for (size_t i = 0; i < sent->messages; i++) {
			const union shoal_wire_message *m = &sent->message[i].m;
			if (sent->message[i].kind == SHOAL_MESSAGE_MEMBER &&
			        shoal_id_compare(&m->member.id, id) == 0) {
				marks = m->member.marks;
			} else if (sent->message[i].kind == SHOAL_MESSAGE_STATE &&
			           shoal_id_compare(&m->state.id, id) == 0) {
				marks = m->state.marks;
			}
		}
	}
	return marks;
}

static void
a_stranger_makes_nobody_forget(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *teller = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *gone = world_meet(&world, 0, 0);
	struct shoal_msg_state left = puppet_state(gone, SHOAL_STATE_LEFT);
	struct shoal_msg_member whole = puppet_member(gone, SHOAL_STATE_LEFT);
	world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &whole);
	assert_int_equal(world_state(&world, 0, &gone->id), SHOAL_STATE_LEFT);
	left.marks = SHOAL_MARK_FORGOTTEN;
	world_tell(&world, 0, world_puppet(&world), SHOAL_MESSAGE_STATE, &left);
	assert_null(world_event(&world, 0, SHOAL_EVENT_REAP, &gone->id, 0));
	world_tell(&world, 0, teller, SHOAL_MESSAGE_STATE, &left);
	assert_non_null(world_event(&world, 0, SHOAL_EVENT_REAP, &gone->id, 0));
	/* A newer word that it left, and is forgotten, is both; of one that is not known it is
	 * nothing. */
	struct puppet *other = world_meet(&world, 0, 0), *unknown = world_puppet(&world);
	whole = puppet_member(other, SHOAL_STATE_LEFT);
	world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &whole);
	left = puppet_state(other, SHOAL_STATE_LEFT);
	left.incarnation++;
	left.marks = SHOAL_MARK_FORGOTTEN;
	world_tell(&world, 0, teller, SHOAL_MESSAGE_STATE, &left);
	assert_non_null(world_event(&world, 0, SHOAL_EVENT_REAP, &other->id, 0));
	whole = puppet_member(unknown, SHOAL_STATE_LEFT);
	whole.marks = SHOAL_MARK_FORGOTTEN;
	world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &whole);
	assert_int_equal(world_state(&world, 0, &unknown->id), SHOAL_STATES);
	world_done(&world);
}

/* It came back unheard, and left again. */
static void
a_later_instance_is_not_forgotten_with_the_one_before(void **state)
{
	static struct core_world world;

	(void)state;
	for (int same = 0; same < 2; same++) {
		world_init(&world);
		world_add(&world, NULL);
		struct puppet *teller = world_meet(&world, 0, PUPPET_DATAGRAMS);
		struct puppet *gone = world_meet(&world, 0, 0);
		struct shoal_msg_member left = puppet_member(gone, SHOAL_STATE_LEFT);
		world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &left);
		assert_int_equal(forget(&world, 0, &gone->id), SHOAL_OK);
		left.incarnation += UINT64_C(1) << 32;
		left.salt.bytes[0] ^= same ? 0 : 1;
		world_run(&world, SHOAL_SEC(5));
		world_forget_sent(&world);
		world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &left);
		world_run(&world, SHOAL_SEC(5));
		assert_int_equal(marks_told(&world, &gone->id), same ? SHOAL_MARK_FORGOTTEN : 0);
		world_done(&world);
	}
}

static void
a_member_that_returns_is_as_new(void **state)
{
	static struct core_world world;

	(void)state;
	struct shoal_id id = set_up(&world);
	assert_int_equal(forget(&world, 2, &id), SHOAL_OK);
	world_run(&world, SHOAL_SEC(3));
	world_clear(&world);
	world_restart(&world, NODES - 1);
	world_join(&world, NODES - 1, 0);
	world_run(&world, SHOAL_SEC(5));
	for (size_t i = 0; i < NODES - 1; i++) {
		assert_non_null(world_event(&world, i, SHOAL_EVENT_JOIN, &id, 0));
		assert_int_equal(world_state(&world, i, &id), SHOAL_STATE_ALIVE);
	}
	world_done(&world);
}

/* Nobody was told of a death that it refutes. */
static void
one_that_refutes_after_it_was_forgotten_is_as_new_too(void **state)
{
	static struct core_world world;
	struct shoal_core_member held;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *teller = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *gone = world_meet(&world, 0, 0);
	assert_non_null(world_await(&world, 0, SHOAL_EVENT_FAILED, SHOAL_SEC(100)));
	assert_true(world_holds(&world, 0, &gone->id, &held) && !held.forgotten);
	assert_int_equal(forget(&world, 0, &gone->id), SHOAL_OK);
	assert_true(world_holds(&world, 0, &gone->id, &held) && held.forgotten);
	world_clear(&world);
	uint64_t before = world_counter(&world, 0, SHOAL_COUNTER_REFUTATIONS);
	gone->incarnation += 2;
	struct shoal_msg_member said = puppet_member(gone, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_JOIN, &gone->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_GOSSIP);
	assert_int_equal(event->cause.after_ns, 0);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_REFUTATIONS) == before);
	assert_true(world_holds(&world, 0, &gone->id, &held) && !held.forgotten);
	world_done(&world);
}

/* It may have come back unheard all the same. */
static void
one_that_left_and_was_forgotten_is_not_dead_by_a_word(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *teller = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *gone = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_msg_member said = puppet_member(gone, SHOAL_STATE_LEFT);
	world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(forget(&world, 0, &gone->id), SHOAL_OK);
	said.incarnation++;
	said.state = SHOAL_STATE_DEAD;
	world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(world_state(&world, 0, &gone->id), SHOAL_STATE_LEFT);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_VERIFICATIONS), 1);
	world_done(&world);
}

static void
who_lives_or_is_unknown_is_not_forgotten(void **state)
{
	static struct core_world world;
	struct shoal_id nobody = {{1}};

	(void)state;
	struct shoal_id dead = set_up(&world), living = world_id(&world, 1);
	assert_int_equal(forget(&world, 0, &living), SHOAL_ERR_STATE);
	living = world_id(&world, 0);
	assert_int_equal(forget(&world, 0, &living), SHOAL_ERR_STATE);
	assert_int_equal(forget(&world, 0, &nobody), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(
	        world_step(&world, 0,
	                (struct shoal_input){
	                        .kind = SHOAL_INPUT_FORGET, .data = dead.bytes, .len = 15}),
	        SHOAL_ERR_INVALID);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_REAP), 0);
	world_done(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(all_forget_and_are_told_once_why),
	        cmocka_unit_test(one_that_missed_it_forgets_when_tables_are_compared),
	        cmocka_unit_test(one_that_holds_an_older_tombstone_forgets_too),
	        cmocka_unit_test(the_tombstone_turns_old_statements_away_until_its_time_is_over),
	        cmocka_unit_test(a_stranger_makes_nobody_forget),
	        cmocka_unit_test(a_later_instance_is_not_forgotten_with_the_one_before),
	        cmocka_unit_test(a_member_that_returns_is_as_new),
	        cmocka_unit_test(one_that_refutes_after_it_was_forgotten_is_as_new_too),
	        cmocka_unit_test(one_that_left_and_was_forgotten_is_not_dead_by_a_word),
	        cmocka_unit_test(who_lives_or_is_unknown_is_not_forgotten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
