/* SPDX-License-Identifier: MIT */
/* Who is taken for the teller of what stands in a packet: whoever names itself first, also when its
 * own statement is what makes it known, and nobody when it is forgotten on the way. */
#include "unit.h"

#include "core/node.h"
#include "core_world.h"

static struct parcel parcel;

static void
set_up(struct core_world *world, uint32_t tombstones_max)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.tombstones_max = tombstones_max;
	world_add(world, &config);
	for (size_t i = 0; i < 3; i++) {
		world_meet(world, 0, PUPPET_DATAGRAMS);
	}
	world_run(world, SHOAL_SEC(3));
	world_clear(world);
}

static void
give(struct core_world *world, const struct shoal_addr *from)
{
	parcel_end(&parcel);
	world_clear(world);
	assert_int_equal(world_datagram(world, 0, from, &parcel), SHOAL_OK);
}

static unsigned
flags_of(const struct core_world *world, const struct shoal_id *id)
{
	const struct shoal_core *core = world_core(world, 0);
	return shoal_members_at(core, shoal_members_find(core, id))->flags;
}

static void
whoever_names_itself_first_tells_the_rest(void **state)
{
	(void)state;
	for (int kind = SHOAL_MESSAGE_SENDER; kind <= SHOAL_MESSAGE_RELAY; kind++) {
		struct core_world world;
		union shoal_wire_message m;

		set_up(&world, 100);
		const struct puppet *first = &world.puppet[0], *second = &world.puppet[1];
		struct shoal_msg_sender later = {.id = second->id};
		struct puppet *subject = world_puppet(&world);
		struct shoal_msg_member told = puppet_member(subject, SHOAL_STATE_ALIVE);
		memset(&m, 0, sizeof m);
		if (kind == SHOAL_MESSAGE_SENDER) {
			m.sender.id = first->id;
		} else if (kind == SHOAL_MESSAGE_PING) {
			m.ping = (struct shoal_msg_ping){
			        .seq = 1, .id = first->id, .target = world_id(&world, 0)};
		} else if (kind == SHOAL_MESSAGE_ACK) {
			m.ack = (struct shoal_msg_ack){.seq = 1, .id = first->id};
		} else if (kind == SHOAL_MESSAGE_NACK) {
			m.nack = (struct shoal_msg_nack){.seq = 1, .id = first->id};
		} else {
			m.relay = (struct shoal_msg_relay){
			        .seq = 1, .id = first->id, .target = second->id};
		}
		parcel_begin(&parcel, world.label);
		parcel_add(&parcel, (enum shoal_message_kind)kind, &m);
		parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &later);
		parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &told);
		give(&world, &first->addr);
		const struct shoal_event *event =
		        world_event(&world, 0, SHOAL_EVENT_JOIN, &subject->id, 0);
		assert_non_null(event);
		assert_memory_equal(&event->cause.from, &first->id, 16);
		world_done(&world);
	}
}

static void
a_newcomer_tells_from_its_own_statement_on(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 100);
	struct puppet *newcomer = world_puppet(&world);
	struct shoal_msg_sender sender = {.id = newcomer->id};
	struct shoal_msg_member itself = puppet_member(newcomer, SHOAL_STATE_ALIVE);
	struct shoal_msg_member hearsay = puppet_member(world_puppet(&world), SHOAL_STATE_ALIVE);
	struct shoal_msg_state old = {
	        .id = world_id(&world, 0), .incarnation = 1, .state = SHOAL_STATE_ALIVE};
	hearsay.age_ms = 100000;
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &hearsay);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &itself);
	give(&world, &newcomer->addr);
	/* Said before it was known: it counts for nothing. */
	assert_int_equal(world_state(&world, 0, &hearsay.id), SHOAL_STATES);

	newcomer = world_puppet(&world);
	sender.id = newcomer->id;
	itself = puppet_member(newcomer, SHOAL_STATE_ALIVE);
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &itself);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &hearsay);
	parcel_add(&parcel, SHOAL_MESSAGE_STATE, &old);
	give(&world, &newcomer->addr);
	assert_int_equal(world_state(&world, 0, &hearsay.id), SHOAL_STATE_UNKNOWN);
	assert_int_not_equal(flags_of(&world, &newcomer->id) & SHOAL_RECORD_REMIND, 0);
	world_done(&world);
}

static void
a_core_is_not_its_own_teller(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 100);
	struct shoal_msg_sender sender = {.id = world_id(&world, 0)};
	struct shoal_msg_state said = {
	        .id = sender.id, .incarnation = UINT64_C(1) << 63, .state = SHOAL_STATE_DEAD};
	struct shoal_msg_state old = {
	        .id = sender.id, .incarnation = 1, .state = SHOAL_STATE_ALIVE};
	struct shoal_msg_member hearsay = puppet_member(world_puppet(&world), SHOAL_STATE_ALIVE);
	hearsay.age_ms = 100000;
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(&parcel, SHOAL_MESSAGE_STATE, &said);
	parcel_add(&parcel, SHOAL_MESSAGE_STATE, &old);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &hearsay);
	give(&world, &world.node[0].addr);
	assert_int_equal(world_count_sent(&world, 0, &world.node[0].addr, 0), 0);
	assert_int_equal(flags_of(&world, &sender.id) & SHOAL_RECORD_REMIND, 0);
	assert_int_equal(world_state(&world, 0, &hearsay.id), SHOAL_STATES);
	world_done(&world);
}

/* The teller is a tombstone here, and the oldest; what it tells first costs it its place. reused:
 * another member gets its place while the packet is read. */
static void
check_forgotten(bool reused)
{
	struct core_world world;

	set_up(&world, 1);
	struct puppet *teller = world_puppet(&world), *other = world_puppet(&world);
	struct puppet *newcomer = world_puppet(&world);
	struct shoal_msg_member left = puppet_member(teller, SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &left);
	world_run(&world, SHOAL_SEC(1));
	struct shoal_id self = world_id(&world, 0);
	struct shoal_msg_sender sender = {.id = teller->id, .salt = puppet_salt(teller)};
	struct shoal_msg_member gone = puppet_member(other, SHOAL_STATE_LEFT);
	struct shoal_msg_member comes = puppet_member(newcomer, SHOAL_STATE_ALIVE);
	struct shoal_msg_state old = {.id = self, .incarnation = 1, .state = SHOAL_STATE_ALIVE};
	struct shoal_msg_state accused = {
	        .id = self, .incarnation = UINT64_C(1) << 63, .state = SHOAL_STATE_SUSPECT};
	struct shoal_msg_member hearsay = puppet_member(world_puppet(&world), SHOAL_STATE_ALIVE);
	hearsay.age_ms = 100000;
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &gone);
	if (reused) {
		parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &comes);
	}
	parcel_add(&parcel, SHOAL_MESSAGE_STATE, &old);
	if (!reused) {
		parcel_add(&parcel, SHOAL_MESSAGE_STATE, &accused);
	}
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &hearsay);
	give(&world, &teller->addr);
	assert_int_equal(world_state(&world, 0, &teller->id), SHOAL_STATES);
	assert_int_equal(world_state(&world, 0, &other->id), SHOAL_STATE_LEFT);
	assert_int_equal(world_state(&world, 0, &hearsay.id), SHOAL_STATES);
	if (reused) {
		assert_int_equal(world_state(&world, 0, &newcomer->id), SHOAL_STATE_ALIVE);
		assert_int_equal(flags_of(&world, &newcomer->id) & SHOAL_RECORD_REMIND, 0);
	}
	world_run(&world, SHOAL_SEC(1));
	world_done(&world);
}

static void
a_teller_that_is_forgotten_while_it_tells_does_no_harm(void **state)
{
	(void)state;
	check_forgotten(false);
	check_forgotten(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(whoever_names_itself_first_tells_the_rest),
	        cmocka_unit_test(a_newcomer_tells_from_its_own_statement_on),
	        cmocka_unit_test(a_core_is_not_its_own_teller),
	        cmocka_unit_test(a_teller_that_is_forgotten_while_it_tells_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
