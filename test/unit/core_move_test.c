/* SPDX-License-Identifier: MIT */
/* Members that take other addresses while they run: all reach them there, nobody is found dead, an
 * old address never comes back, whoever missed the news finds it, and what a member never said of
 * its addresses it contradicts. */
#include "unit.h"

#include <stdio.h>

#include "base/addr.h"
#include "core_world.h"
#include "heap_fault.h"

static struct shoal_addr
addr_of(const char *text)
{
	struct shoal_addr addr;

	assert_int_equal(shoal_addr_parse(&addr, text), 0);
	return addr;
}

static int
say(struct core_world *world, size_t node, const struct shoal_addr *addr, size_t n)
{
	return world_step(world, node,
	        (struct shoal_input){.kind = SHOAL_INPUT_ADDRESS,
	                .data = (const uint8_t *)addr,
	                .len = n * sizeof *addr});
}

/* From now on nobody is at the old one. */
static void
move(struct core_world *world, size_t node, const char *text)
{
	world->node[node].addr = addr_of(text);
	assert_int_equal(say(world, node, &world->node[node].addr, 1), SHOAL_OK);
}

static struct shoal_core_member
held(const struct core_world *world, size_t node, const struct shoal_id *id)
{
	struct shoal_core_member member;

	assert_true(world_holds(world, node, id, &member));
	return member;
}

static bool
is_at(const struct core_world *world, size_t node, const struct shoal_id *id, const char *text)
{
	struct shoal_core_member member = held(world, node, id);
	struct shoal_addr addr = addr_of(text);

	return member.addrs == 1 && shoal_addr_equal(&member.addr[0], &addr);
}

static void
set_up(struct core_world *world, size_t nodes)
{
	world_init(world);
	for (size_t i = 0; i < nodes; i++) {
		world_add(world, NULL);
		if (i > 0) {
			world_join(world, i, 0);
		}
	}
	world_run(world, SHOAL_SEC(5));
	world_clear(world);
}

static void
one_that_moves_is_reached_there_by_all_and_suspected_by_nobody(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 5);
	struct shoal_id id = world_id(&world, 2);
	uint64_t incarnation = held(&world, 0, &id).incarnation;
	move(&world, 2, "10.9.9.9:700");
	world_run(&world, SHOAL_SEC(1));
	for (size_t i = 0; i < 5; i++) {
		const struct shoal_event *event =
		        world_event(&world, i, SHOAL_EVENT_UPDATE, &id, 0);
		assert_true(is_at(&world, i, &id, "10.9.9.9:700"));
		assert_int_equal(held(&world, i, &id).incarnation, incarnation + 1);
		assert_true((event != NULL) == (i != 2));
		if (event != NULL) {
			assert_int_equal(event->changed, SHOAL_CHANGE_ADDRESS);
			assert_true(shoal_addr_equal(&event->addr, &world.node[2].addr));
			assert_int_equal(event->cause.kind, SHOAL_CAUSE_GOSSIP);
			assert_null(world_event(&world, i, SHOAL_EVENT_UPDATE, &id, 1));
		}
	}
	world_run(&world, SHOAL_SEC(60));
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_SUSPECT), 0);
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_FAILED), 0);
	}
	world_done(&world);
}

static size_t deaf;

static bool
is_deaf(const struct core_world *world, const struct world_packet *packet)
{
	return packet->node == deaf || shoal_addr_equal(&packet->to, &world->node[deaf].addr);
}

/* It hears nothing of the move, and then a short statement, which tells the incarnation alone. */
static void
who_missed_a_move_and_heard_a_refutation_finds_it_in_a_walk(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 4);
	struct shoal_id id = world_id(&world, 1);
	deaf = 3;
	world.loses = is_deaf;
	move(&world, 1, "10.9.9.9:700");
	world_run(&world, SHOAL_MS(1500));
	struct shoal_core_member now = held(&world, 0, &id);
	struct shoal_msg_state said = {
	        .id = id, .incarnation = now.incarnation, .state = SHOAL_STATE_ALIVE};
	for (size_t i = 0; i < 8; i++) {
		said.salt = said.salt << 8 | now.salt.bytes[i];
	}
	struct puppet *teller = world_meet(&world, 3, PUPPET_DATAGRAMS);
	world_tell(&world, 3, teller, SHOAL_MESSAGE_STATE, &said);
	assert_int_equal(held(&world, 3, &id).incarnation, now.incarnation);
	assert_false(is_at(&world, 3, &id, "10.9.9.9:700"));
	world.loses = NULL;
	world_run(&world, SHOAL_SEC(20));
	assert_true(is_at(&world, 3, &id, "10.9.9.9:700"));
	for (size_t i = 0; i < 4; i++) {
		assert_null(world_event(&world, i, SHOAL_EVENT_FAILED, &id, 0));
	}
	world_done(&world);
}

static void
tell(struct core_world *world, size_t by, const struct puppet *about, uint64_t incarnation,
        uint64_t moved, const char *text)
{
	struct shoal_msg_member member = puppet_member(about, SHOAL_STATE_ALIVE);

	member.incarnation = incarnation;
	member.moved = moved;
	member.addrs.item[0] = addr_of(text);
	if (&world->puppet[by] == about) {
		world->puppet[by].addr = member.addrs.item[0]; /* it speaks from there */
	}
	world_tell(world, 0, &world->puppet[by], SHOAL_MESSAGE_MEMBER, &member);
}

static void
an_old_address_that_is_told_late_is_not_taken(void **state)
{
	static struct core_world world;
	const char *now = "10.7.7.7:1", *later = "10.7.7.7:2", *old = "10.1.0.1:7";

	(void)state;
	set_up(&world, 1);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	uint64_t at = puppet->incarnation;
	tell(&world, 0, puppet, at + 1, at + 1, now);
	assert_true(is_at(&world, 0, &puppet->id, now));
	/* A newer incarnation and the address of before, as who missed the move tells it. */
	tell(&world, 1, puppet, at + 5, 0, old);
	assert_int_equal(held(&world, 0, &puppet->id).incarnation, at + 5);
	assert_true(is_at(&world, 0, &puppet->id, now));
	tell(&world, 1, puppet, at + 6, at, old);
	tell(&world, 1, puppet, at + 6, at + 1, old);
	assert_true(is_at(&world, 0, &puppet->id, now));
	/* A newer address under an incarnation that is passed. */
	tell(&world, 0, puppet, at + 3, at + 3, later);
	assert_int_equal(held(&world, 0, &puppet->id).incarnation, at + 6);
	assert_true(is_at(&world, 0, &puppet->id, later));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 2);
	/* Another instance says all anew. */
	puppet->salt.bytes[0] ^= 0xff;
	tell(&world, 0, puppet, at + 7, 0, later);
	assert_int_equal(held(&world, 0, &puppet->id).incarnation, at + 7);
	world_done(&world);
}

/* Anybody may name an address: it is asked who is there, once in ten seconds, and nothing else goes
 * there before the member itself has answered. */
static void
what_another_tells_of_a_move_counts_when_the_member_answers_there(void **state)
{
	static struct core_world world;
	struct shoal_addr hole = addr_of("10.66.6.6:6");
	const struct world_packet *packet = NULL;
	size_t pings = 0;

	(void)state;
	set_up(&world, 2);
	struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_run(&world, SHOAL_SEC(3));
	struct shoal_addr at = puppet->addr;
	world_forget_sent(&world);
	for (uint64_t i = 1; i <= 8; i++) {
		tell(&world, 1, puppet, puppet->incarnation, puppet->incarnation + i,
		        "10.66.6.6:6");
		world_run(&world, SHOAL_MS(1000));
	}
	struct shoal_core_member member = held(&world, 0, &puppet->id);
	assert_true(shoal_addr_equal(&member.addr[0], &at));
	while ((packet = world_sent(&world, packet, 0, &hole, 0)) != NULL) {
		assert_non_null(packet_has(packet, SHOAL_MESSAGE_PING));
		pings++;
	}
	assert_int_equal(pings, 1);
	struct shoal_msg_state dead = {
	        .id = puppet->id, .incarnation = puppet->incarnation, .state = SHOAL_STATE_DEAD};
	for (size_t i = 0; i < 8; i++) {
		dead.salt = dead.salt << 8 | puppet->salt.bytes[i];
	}
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_STATE, &dead);
	world_run(&world, SHOAL_SEC(10));
	assert_null(world_event(&world, 0, SHOAL_EVENT_FAILED, &puppet->id, 0));
	world_done(&world);
}

/* It told nobody but one, and is asked where that says that it is. */
static void
one_that_moved_is_found_by_what_another_tells(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct shoal_id id = world_id(&world, 1);
	deaf = 2;
	world.loses = is_deaf;
	move(&world, 1, "10.9.9.9:700");
	world_run(&world, SHOAL_MS(700));
	world.loses = NULL;
	assert_false(is_at(&world, 2, &id, "10.9.9.9:700"));
	struct puppet *teller = world_meet(&world, 2, PUPPET_DATAGRAMS);
	struct shoal_core_member now = held(&world, 0, &id);
	struct shoal_msg_member told = {.id = id,
	        .salt = now.salt,
	        .incarnation = now.incarnation,
	        .moved = now.incarnation,
	        .state = SHOAL_STATE_ALIVE,
	        .name = {(const uint8_t *)now.name, strlen(now.name)},
	        .addrs = {.count = 1, .item = {now.addr[0]}}};
	world_tell(&world, 2, teller, SHOAL_MESSAGE_MEMBER, &told);
	world_run(&world, SHOAL_MS(100));
	assert_true(is_at(&world, 2, &id, "10.9.9.9:700"));
	world_done(&world);
}

/* Where a dead one is tried, and where one that is suspected is asked. */
static void
the_address_of_one_that_is_suspect_or_dead_is_learnt_too(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 1);
	struct puppet *puppet = world_meet(&world, 0, 0);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	uint64_t at = puppet->incarnation;
	assert_non_null(world_await(&world, 0, SHOAL_EVENT_SUSPECT, SHOAL_SEC(30)));
	tell(&world, 0, puppet, at, at - 1, "10.7.7.7:1");
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_SUSPECT);
	assert_true(is_at(&world, 0, &puppet->id, "10.7.7.7:1"));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 1);
	assert_non_null(world_await(&world, 0, SHOAL_EVENT_FAILED, SHOAL_SEC(60)));
	tell(&world, 0, puppet, at, at, "10.7.7.7:2");
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_DEAD);
	assert_true(is_at(&world, 0, &puppet->id, "10.7.7.7:2"));
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_UPDATE), 1);
	world_done(&world);
}

static const struct shoal_msg_member *
said_of_itself(const struct core_world *world, size_t node)
{
	const struct world_packet *packet = NULL;
	struct shoal_id id = world_id(world, node);

	while ((packet = world_sent(world, packet, node, NULL, SHOAL_MESSAGE_MEMBER)) != NULL) {
		for (size_t i = 0; i < packet->messages; i++) {
			const struct shoal_msg_member *member = &packet->message[i].m.member;
			if (packet->message[i].kind == SHOAL_MESSAGE_MEMBER &&
			        shoal_id_compare(&member->id, &id) == 0) {
				return member;
			}
		}
	}
	return NULL;
}

static void
addresses_that_it_never_took_are_contradicted_under_a_higher_incarnation(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 1);
	for (size_t i = 0; i < 3; i++) {
		world_meet(&world, 0, PUPPET_DATAGRAMS);
	}
	world_run(&world, SHOAL_SEC(3));
	for (uint64_t ahead = 0; ahead < 3; ahead++) {
		struct shoal_id id = world_id(&world, 0);
		struct shoal_core_member self = held(&world, 0, &id);
		struct shoal_msg_member told = {.id = id,
		        .salt = self.salt,
		        .incarnation = self.incarnation + ahead,
		        .state = SHOAL_STATE_ALIVE,
		        .name = {(const uint8_t *)self.name, strlen(self.name)},
		        .addrs = {.count = 1, .item = {addr_of("10.66.6.6:6")}}};
		/* A holder may know of the move, and not yet that the incarnation counts. */
		told.moved = ahead == 0 ? 0 : told.incarnation + 2 * ahead;
		world_forget_sent(&world);
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &told);
		world_run(&world, SHOAL_SEC(1));
		const struct shoal_msg_member *said = said_of_itself(&world, 0);
		assert_non_null(said);
		assert_true(said->incarnation > told.incarnation && said->moved > told.moved);
		assert_true(shoal_addr_equal(&said->addrs.item[0], &world.node[0].addr));
	}
	world_done(&world);
}

/* A forger's: it could not be contradicted by a higher one. */
static void
moved_far_above_the_incarnation_counts_nowhere(void **state)
{
	static const uint64_t moved[] = {UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 40};
	static struct core_world world;

	(void)state;
	set_up(&world, 2);
	struct shoal_id id = world_id(&world, 0);
	for (size_t i = 0; i < COUNT_OF(moved); i++) {
		struct shoal_core_member self = held(&world, 0, &id);
		struct puppet forger = {.id = id,
		        .salt = self.salt,
		        .addr = addr_of("10.66.6.6:6"),
		        .incarnation = self.incarnation};
		memcpy(forger.name, self.name, strlen(self.name) + 1);
		struct shoal_msg_member told = puppet_member(&forger, SHOAL_STATE_ALIVE);
		told.moved = self.incarnation + moved[i];
		told.moved = told.moved < moved[i] ? UINT64_MAX : told.moved;
		struct puppet *teller = world_meet(&world, 0, PUPPET_DATAGRAMS);
		world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &told);
		world_tell(&world, 1, &forger, SHOAL_MESSAGE_MEMBER, &told);
		world_run(&world, SHOAL_SEC(1));
		assert_true(held(&world, 0, &id).incarnation < self.incarnation + 100);
		assert_false(is_at(&world, 1, &id, "10.66.6.6:6"));
	}
	move(&world, 0, "10.9.9.9:700");
	world_run(&world, SHOAL_SEC(2));
	assert_true(is_at(&world, 1, &id, "10.9.9.9:700"));
	world_done(&world);
}

static void
it_insists_once_a_second_at_most(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 1);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_run(&world, SHOAL_SEC(3));
	struct shoal_id id = world_id(&world, 0);
	struct shoal_core_member self = held(&world, 0, &id);
	char name[SHOAL_NAME_MAX + 1];
	snprintf(name, sizeof name, "%s", self.name);
	struct shoal_msg_member told = {.id = id,
	        .salt = self.salt,
	        .incarnation = self.incarnation,
	        .state = SHOAL_STATE_ALIVE,
	        .name = {(const uint8_t *)name, strlen(name)},
	        .addrs = {.count = 1, .item = {addr_of("10.66.6.6:6")}}};
	for (int i = 0; i < 20; i++) {
		struct shoal_core_member now = held(&world, 0, &id);
		told.moved = now.incarnation + 1;
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &told);
		world_run(&world, SHOAL_MS(100));
	}
	assert_in_range(held(&world, 0, &id).incarnation - self.incarnation, 2, 10);
	world_done(&world);
}

/* Its statement came first, by another one, and was told on; where it is is no other statement. */
static void
an_address_that_is_learnt_late_does_not_restart_the_statement(void **state)
{
	static struct core_world world;
	const struct world_packet *packet = NULL;
	size_t sent = 0, late = 0;

	(void)state;
	set_up(&world, 1);
	for (int i = 0; i < 8; i++) {
		world_meet(&world, 0, PUPPET_DATAGRAMS);
	}
	world_run(&world, SHOAL_SEC(5));
	struct puppet *puppet = &world.puppet[0];
	struct shoal_addr before = puppet->addr;
	uint64_t at = puppet->incarnation + 1;
	world_forget_sent(&world);
	tell(&world, 1, puppet, at, at, "10.66.0.9:7");
	world_run(&world, SHOAL_MS(5));
	uint64_t then = world.now;
	tell(&world, 0, puppet, at, at, "10.66.0.9:7");
	assert_true(is_at(&world, 0, &puppet->id, "10.66.0.9:7"));
	world_run(&world, SHOAL_SEC(2));
	while ((packet = world_sent(&world, packet, 0, NULL, 0)) != NULL) {
		bool told = packet_state_of(packet, &puppet->id) == SHOAL_STATE_ALIVE &&
		            !shoal_addr_equal(&packet->to, &before) &&
		            !shoal_addr_equal(&packet->to, &puppet->addr);
		sent += told;
		late += told && packet->at > then && packet_has(packet, SHOAL_MESSAGE_MEMBER);
	}
	assert_int_equal(sent, 8); /* of nine members, each hears it once */
	assert_in_range(late, 1, 7);
	world_done(&world);
}

/* Somebody introduced it, and lied about where it is. */
static void
its_own_word_repairs_an_address_that_it_started_with(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 1);
	struct puppet *puppet = world_puppet(&world);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_addr at = puppet->addr;
	tell(&world, 1, puppet, puppet->incarnation, 0, "10.66.6.6:6");
	assert_true(is_at(&world, 0, &puppet->id, "10.66.6.6:6"));
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	struct shoal_core_member member = held(&world, 0, &puppet->id);
	assert_true(member.addrs == 1 && shoal_addr_equal(&member.addr[0], &at));
	/* Not by what another one tells. */
	tell(&world, 1, puppet, puppet->incarnation, 0, "10.66.6.6:6");
	assert_false(is_at(&world, 0, &puppet->id, "10.66.6.6:6"));
	world_done(&world);
}

/* The accuser may be one that asks at the old address. */
static void
who_has_moved_refutes_with_its_address(void **state)
{
	static struct core_world world;

	(void)state;
	set_up(&world, 1);
	for (size_t i = 0; i < 3; i++) {
		world_meet(&world, 0, PUPPET_DATAGRAMS);
	}
	move(&world, 0, "10.9.9.9:700");
	world_run(&world, SHOAL_SEC(10));
	world_forget_sent(&world);
	struct shoal_id id = world_id(&world, 0);
	struct shoal_core_member self = held(&world, 0, &id);
	struct shoal_msg_state accused = {
	        .id = id, .incarnation = self.incarnation, .state = SHOAL_STATE_SUSPECT};
	for (size_t i = 0; i < 8; i++) {
		accused.salt = accused.salt << 8 | self.salt.bytes[i];
	}
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_STATE, &accused);
	world_run(&world, SHOAL_SEC(2));
	size_t told = 0;
	for (size_t i = 0; i < 3; i++) {
		const struct world_packet *packet = NULL;
		bool heard = false;
		while ((packet = world_sent(&world, packet, 0, &world.puppet[i].addr,
		                SHOAL_MESSAGE_MEMBER)) != NULL) {
			heard = heard || packet_state_of(packet, &id) == SHOAL_STATE_ALIVE;
		}
		told += heard;
	}
	assert_int_equal(told, 3);
	world_done(&world);
}

static void
what_is_no_address_is_refused_and_changes_nothing(void **state)
{
	static struct core_world world;
	struct shoal_addr addr[SHOAL_ADDRS_MAX + 1];

	(void)state;
	set_up(&world, 2);
	struct shoal_id id = world_id(&world, 0);
	struct shoal_core_member before = held(&world, 0, &id);
	for (size_t i = 0; i <= SHOAL_ADDRS_MAX; i++) {
		addr[i] = addr_of("10.3.3.3:3");
	}
	assert_int_equal(say(&world, 0, addr, 0), SHOAL_ERR_INVALID);
	assert_int_equal(say(&world, 0, addr, SHOAL_ADDRS_MAX + 1), SHOAL_ERR_INVALID);
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_ADDRESS,
	                                 .data = (const uint8_t *)addr,
	                                 .len = sizeof addr[0] - 1}),
	        SHOAL_ERR_INVALID);
	addr[1].port = 0;
	assert_int_equal(say(&world, 0, addr, 2), SHOAL_ERR_INVALID);
	addr[0] = addr_of("0.0.0.0:7");
	assert_int_equal(say(&world, 0, addr, 1), SHOAL_ERR_INVALID);
	/* As it is. */
	assert_int_equal(say(&world, 0, &world.node[0].addr, 1), SHOAL_OK);
	struct shoal_core_member after = held(&world, 0, &id);
	assert_true(after.incarnation == before.incarnation && after.addrs == 1 &&
	            shoal_addr_equal(&after.addr[0], &world.node[0].addr));
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	addr[0] = addr_of("10.3.3.3:3");
	assert_int_equal(say(&world, 0, addr, 1), SHOAL_ERR_STATE);
	world_done(&world);
}

static void
without_memory_it_stays_where_it_is(void **state)
{
	static struct core_world world;
	struct heap_fault fault;
	struct shoal_addr addr = addr_of("10.3.3.3:3");

	(void)state;
	world_init(&world);
	heap_fault_init(&fault);
	assert_int_equal(world_add_pair(&world, &fault.mem), SHOAL_OK);
	struct shoal_id id = world_id(&world, 0);
	uint64_t incarnation = held(&world, 0, &id).incarnation;
	fault.fail_at = fault.calls + 1;
	assert_int_equal(say(&world, 0, &addr, 1), SHOAL_ERR_NOMEM);
	assert_int_equal(held(&world, 0, &id).incarnation, incarnation);
	assert_false(is_at(&world, 0, &id, "10.3.3.3:3"));
	fault.fail_at = 0;
	assert_int_equal(say(&world, 0, &addr, 1), SHOAL_OK);
	world_done(&world);
	assert_int_equal(fault.live, 0);
}

static void
one_that_moves_to_another_family_uses_what_others_have_of_it(void **state)
{
	static struct core_world world;
	struct shoal_addr six = addr_of("[2001:db8::9]:7946");

	(void)state;
	set_up(&world, 1);
	struct puppet *puppet = world_puppet(&world);
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	member.addrs.count = 2;
	member.addrs.item[1] = addr_of("[2001:db8::1]:7946");
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member);
	assert_non_null(world_await_sent(
	        &world, 0, &member.addrs.item[0], SHOAL_MESSAGE_PING, SHOAL_SEC(5)));
	assert_int_equal(say(&world, 0, &six, 1), SHOAL_OK);
	world_forget_sent(&world);
	assert_non_null(world_await_sent(
	        &world, 0, &member.addrs.item[1], SHOAL_MESSAGE_PING, SHOAL_SEC(5)));
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(one_that_moves_is_reached_there_by_all_and_suspected_by_nobody),
	        cmocka_unit_test(who_missed_a_move_and_heard_a_refutation_finds_it_in_a_walk),
	        cmocka_unit_test(an_old_address_that_is_told_late_is_not_taken),
	        cmocka_unit_test(what_another_tells_of_a_move_counts_when_the_member_answers_there),
	        cmocka_unit_test(one_that_moved_is_found_by_what_another_tells),
	        cmocka_unit_test(the_address_of_one_that_is_suspect_or_dead_is_learnt_too),
	        cmocka_unit_test(
	                addresses_that_it_never_took_are_contradicted_under_a_higher_incarnation),
	        cmocka_unit_test(moved_far_above_the_incarnation_counts_nowhere),
	        cmocka_unit_test(it_insists_once_a_second_at_most),
	        cmocka_unit_test(an_address_that_is_learnt_late_does_not_restart_the_statement),
	        cmocka_unit_test(its_own_word_repairs_an_address_that_it_started_with),
	        cmocka_unit_test(who_has_moved_refutes_with_its_address),
	        cmocka_unit_test(what_is_no_address_is_refused_and_changes_nothing),
	        cmocka_unit_test(without_memory_it_stays_where_it_is),
	        cmocka_unit_test(one_that_moves_to_another_family_uses_what_others_have_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
