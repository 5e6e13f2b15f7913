/* SPDX-License-Identifier: MIT */
/* The member table from inside: adding, finding, changing, moving and forgetting many records, with
 * every structure in step. */
#include "unit.h"

#include "core/detect/order.h"
#include "core/node.h"
#include "core_world.h"
#include "heap_fault.h"

#define MANY 3000

static struct shoal_msg_member
member(uint32_t number, const char *name)
{
	struct shoal_msg_member made = {.incarnation = number + 1,
	        .state = SHOAL_STATE_ALIVE,
	        .name = {(const uint8_t *)name, strlen(name)},
	        .addrs = {.count = 1}};

	memset(made.id.bytes, 0xdd, sizeof made.id.bytes);
	memcpy(made.id.bytes, &number, sizeof number);
	memcpy(made.salt.bytes, &number, sizeof number);
	made.salt.bytes[15] = 1;
	assert_int_equal(shoal_addr_parse(&made.addrs.item[0], "10.2.3.4:5"), 0);
	return made;
}

static struct shoal_core *
set_up(struct core_world *world, uint32_t members_max)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.members_max = members_max;
	config.profile.tombstones_max = members_max;
	world_add(world, &config);
	return world_core(world, 0);
}

static void
as_many_as_the_limit_are_added_and_found(void **state)
{
	static uint32_t slots[MANY];
	struct core_world world;
	struct shoal_core *core = set_up(&world, MANY + 1);
	uint32_t extra;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		struct shoal_msg_member m = member(i, "somebody");
		assert_int_equal(shoal_members_add(core, &m, &slots[i]), SHOAL_OK);
	}
	struct shoal_msg_member m = member(MANY, "one too many");
	assert_int_equal(shoal_members_add(core, &m, &extra), SHOAL_ERR_LIMIT);
	assert_int_equal(shoal_members_find(core, &m.id), SHOAL_NONE);
	for (uint32_t i = 0; i < MANY; i++) {
		m = member(i, "");
		assert_int_equal(shoal_members_find(core, &m.id), slots[i]);
		const struct shoal_record *record = shoal_members_at(core, slots[i]);
		assert_string_equal(shoal_members_name(record), "somebody");
		assert_true(record->incarnation == i + 1);
		assert_int_equal(record->state, SHOAL_STATE_UNKNOWN);
	}
	/* Every other one goes; the rest stays, and their place can be had again. */
	for (uint32_t i = 0; i < MANY; i += 2) {
		shoal_members_remove(core, slots[i]);
	}
	for (uint32_t i = 0; i < MANY; i++) {
		m = member(i, "");
		assert_int_equal(
		        shoal_members_find(core, &m.id), i % 2 == 0 ? SHOAL_NONE : slots[i]);
	}
	for (uint32_t i = 0; i < MANY; i += 2) {
		m = member(i + MANY, "another");
		assert_int_equal(shoal_members_add(core, &m, &extra), SHOAL_OK);
		assert_int_equal(shoal_members_find(core, &m.id), extra);
	}
	assert_int_equal(core->members.records.end, MANY + 1);
	world_done(&world);
}

/* The expected effect of a state on a record. */
static void
check_state(const struct shoal_core *core, uint32_t slot, enum shoal_state state)
{
	const struct shoal_record *record = shoal_members_at(core, slot);
	bool takes_part = state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT;

	assert_int_equal(record->state, state);
	assert_true(shoal_members_counts(record) == takes_part);
	assert_int_equal(shoal_members_n(core), takes_part ? 2 : 1);
	assert_int_equal(core->members.count[state], state == SHOAL_STATE_ALIVE ? 2 : 1);
	if (state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_UNKNOWN) {
		assert_int_equal(record->hold, SHOAL_NONE);
		assert_int_equal(core->members.graves.count, 0);
	}
}

static void
every_move_between_states_keeps_order_holds_and_counts_in_step(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world, 100);
	struct shoal_msg_member m = member(1, "mover");
	uint32_t slot;

	(void)state;
	assert_int_equal(shoal_members_add(core, &m, &slot), SHOAL_OK);
	for (int from = SHOAL_STATE_UNKNOWN; from <= SHOAL_STATE_LEFT; from++) {
		for (int to = SHOAL_STATE_UNKNOWN; to <= SHOAL_STATE_LEFT; to++) {
			int path[2] = {from, to};
			for (int i = 0; i < 2; i++) {
				enum shoal_state next = (enum shoal_state)path[i];
				assert_non_null(shoal_members_hold_take(core, slot));
				shoal_members_move(
				        core, slot, next, (enum shoal_event_kind)0, NULL);
				check_state(core, slot, next);
				if (next != SHOAL_STATE_ALIVE && next != SHOAL_STATE_UNKNOWN) {
					bool grave = next == SHOAL_STATE_DEAD ||
					             next == SHOAL_STATE_LEFT;
					size_t timers = core->heap.count;
					shoal_members_hold_until(core, slot, core->now + 1);
					assert_int_equal(core->members.graves.count, grave ? 1 : 0);
					assert_true(core->heap.count == timers + !grave);
				}
			}
		}
	}
	struct shoal_event event;
	assert_false(shoal_core_next_event(core, &event));
	world_done(&world);
}

static void
a_change_is_seen_only_where_something_changed(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world, 100);
	struct shoal_msg_member m = member(1, "web-1"), changed;
	uint32_t slot;
	unsigned seen;

	(void)state;
	assert_int_equal(shoal_members_add(core, &m, &slot), SHOAL_OK);
	struct shoal_record *record = shoal_members_at(core, slot);
	record->srtt_us = record->rttvar_us = 7;
	const struct shoal_info *info = record->info;
	changed = m, changed.incarnation = 99;
	assert_int_equal(shoal_members_update(core, slot, &changed, &seen), SHOAL_OK);
	assert_int_equal(seen, 0);
	assert_ptr_equal(record->info, info);
	assert_int_equal(record->incarnation, 99);
	for (int what = 0; what < 5; what++) {
		changed = m;
		changed.name.len -= what == 0;
		changed.name.data = what == 1 ? (const uint8_t *)"web-2" : m.name.data;
		changed.protocol_max = what == 2;
		changed.app_version = what == 3;
		changed.salt.bytes[15] = what == 4 ? 2 : 1;
		assert_int_equal(shoal_members_update(core, slot, &changed, &seen), SHOAL_OK);
		assert_true(seen != 0);
		assert_int_equal(record->srtt_us, what == 4 ? 0 : 7);
		assert_memory_equal(&record->info->salt, &changed.salt, 16);
		assert_int_equal(shoal_members_update(core, slot, &changed, &seen), SHOAL_OK);
		assert_int_equal(seen, 0);
		assert_int_equal(shoal_members_update(core, slot, &m, &seen), SHOAL_OK);
		assert_true(seen != 0);
	}
	assert_string_equal(shoal_members_name(record), "web-1");
	/* Addresses of an instance have a version of their own. */
	changed = m;
	changed.addrs.item[0].port = 9;
	record->srtt_us = 7;
	assert_int_equal(shoal_members_update(core, slot, &changed, &seen), SHOAL_OK);
	assert_int_equal(seen, 0);
	assert_true(shoal_members_is_at(record, &m.addrs.item[0]));
	assert_int_equal(record->srtt_us, 7);
	assert_int_equal(
	        shoal_members_readdress(core, slot, &changed.addrs, changed.url, 5), SHOAL_OK);
	assert_true(shoal_members_is_at(record, &changed.addrs.item[0]));
	assert_true(shoal_info_moved(record->info) == 5);
	assert_int_equal(record->srtt_us, 0);
	assert_string_equal(shoal_members_name(record), "web-1");
	world_done(&world);
}

static void
without_memory_a_record_stays_as_it_was(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct heap_fault fault;
	struct shoal_msg_member m = member(1, "before"), changed = member(1, "after");
	uint32_t slot;
	unsigned seen;

	(void)state;
	heap_fault_init(&fault);
	world_init(&world);
	world_config(&world, &config);
	config.allocator = &fault.mem;
	world_add(&world, &config);
	struct shoal_core *core = world_core(&world, 0);
	assert_int_equal(shoal_members_add(core, &m, &slot), SHOAL_OK);
	size_t live = fault.live, bytes = fault.bytes;
	fault.fail_at = fault.calls + 1;
	changed.incarnation = 50;
	assert_int_equal(shoal_members_update(core, slot, &changed, &seen), SHOAL_ERR_NOMEM);
	assert_string_equal(shoal_members_name(shoal_members_at(core, slot)), "before");
	assert_int_equal(shoal_members_at(core, slot)->incarnation, 2);
	assert_true(fault.live == live && fault.bytes == bytes);
	world_done(&world);
	assert_int_equal(fault.live, 0);
}

static void
what_is_forgotten_gives_its_memory_back(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world, 1000);
	uint32_t slot[100];

	(void)state;
	size_t before = core->members.infos.bytes;
	for (uint32_t i = 0; i < 100; i++) {
		struct shoal_msg_member m = member(i, "somebody with a name");
		assert_int_equal(shoal_members_add(core, &m, &slot[i]), SHOAL_OK);
		shoal_members_move(core, slot[i], SHOAL_STATE_ALIVE, 0, NULL);
		assert_non_null(shoal_members_hold_take(core, slot[i]));
		shoal_members_move(core, slot[i], SHOAL_STATE_DEAD, 0, NULL);
		shoal_members_hold_until(core, slot[i], core->now + SHOAL_SEC(i));
	}
	assert_true(core->members.infos.bytes > before);
	size_t memory = shoal_core_memory(core);
	for (uint32_t i = 0; i < 100; i++) {
		shoal_members_remove(core, slot[i]);
	}
	assert_int_equal(core->members.infos.bytes, before);
	assert_true(shoal_core_memory(core) < memory);
	assert_int_equal(core->members.holds.count, 0);
	assert_int_equal(core->members.graves.count, 0);
	assert_int_equal(core->members.ordered, 0);
	assert_int_equal(core->gossip.entries.count, 0);
	/* One that takes part leaves no trace in the order either. */
	struct shoal_msg_member m = member(1, "here today");
	assert_int_equal(shoal_members_add(core, &m, &slot[0]), SHOAL_OK);
	shoal_members_move(core, slot[0], SHOAL_STATE_ALIVE, (enum shoal_event_kind)0, NULL);
	assert_int_equal(core->members.ordered, 1);
	shoal_members_remove(core, slot[0]);
	assert_int_equal(core->members.ordered, 0);
	assert_int_equal(shoal_order_next(core), SHOAL_NONE);
	world_done(&world);
}

/* Where a member with an IPv4 and an IPv6 address is pinged. */
static void
the_first_address_of_a_family_that_is_here_too_is_used(void **state)
{
	static const char *const addrs[2] = {"10.9.9.9:9", "[2001:db8::9]:9"};
	static const struct {
		const char *own[2];
		size_t used[2]; /* where IPv4 stands first, where IPv6 does */
	} rows[] = {{{"10.0.0.1:1", NULL}, {0, 1}}, {{"[2001:db8::1]:1", NULL}, {1, 0}},
	        {{"[2001:db8::1]:1", "10.0.0.1:1"}, {0, 0}}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		for (size_t six_first = 0; six_first <= 1; six_first++) {
			struct core_world world;
			struct shoal_core_config config;
			struct shoal_msg_member m = member(1, "both");

			world_init(&world);
			world_config(&world, &config);
			config.addrs = rows[i].own[1] != NULL ? 2 : 1;
			for (size_t k = 0; k < config.addrs; k++) {
				shoal_addr_parse(&config.addr[k], rows[i].own[k]);
			}
			world_add(&world, &config);
			m.addrs.count = 2;
			shoal_addr_parse(&m.addrs.item[six_first], addrs[0]);
			shoal_addr_parse(&m.addrs.item[1 - six_first], addrs[1]);
			struct puppet *teller = world_puppet(&world);
			world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &m);
			const struct shoal_addr *used = &m.addrs.item[rows[i].used[six_first]];
			const struct shoal_event *event =
			        world_event(&world, 0, SHOAL_EVENT_JOIN, &m.id, 0);
			assert_true(shoal_addr_equal(&event->addr, used));
			const struct world_packet *packet =
			        world_await_sent(&world, 0, NULL, SHOAL_MESSAGE_PING, SHOAL_SEC(2));
			assert_true(shoal_addr_equal(&packet->to, used));
			/* Also when it tells of other addresses later. */
			struct puppet itself = {.id = m.id, .salt = m.salt, .addr = *used};
			m.moved = ++m.incarnation;
			m.addrs.item[0].port = m.addrs.item[1].port = 99;
			world_tell(&world, 0, &itself, SHOAL_MESSAGE_MEMBER, &m);
			event = world_event(&world, 0, SHOAL_EVENT_UPDATE, &m.id, 0);
			assert_true(shoal_addr_equal(&event->addr, used));
			m.moved = ++m.incarnation;
			m.addrs.item[0] = m.addrs.item[1 - rows[i].used[six_first]];
			m.addrs.count = 1;
			itself.addr = m.addrs.item[0];
			world_tell(&world, 0, &itself, SHOAL_MESSAGE_MEMBER, &m);
			event = world_event(&world, 0, SHOAL_EVENT_UPDATE, &m.id, 1);
			assert_true(shoal_addr_equal(&event->addr, &m.addrs.item[0]));
			world_done(&world);
		}
	}
}

static void
remove_self(void *arg)
{
	shoal_members_remove(arg, SHOAL_SELF);
}

static void
no_core_forgets_itself(void **state)
{
	struct core_world world;

	(void)state;
	assert_true(unit_panics(remove_self, set_up(&world, 10)));
	world_done(&world);
}

/* Cut to the millisecond of the host's scale, the latest counts, and an age of 49 days still holds.
 */
static void
when_a_member_was_heard_is_kept_to_the_millisecond(void **state)
{
	struct core_world world;
	struct shoal_core *core = set_up(&world, 10);
	struct shoal_msg_member m = member(1, "somebody");
	const uint64_t days = SHOAL_SEC(49 * 24 * 3600);
	uint32_t slot;

	(void)state;
	assert_true(sizeof(struct shoal_record) <= 48);
	assert_int_equal(shoal_members_add(core, &m, &slot), SHOAL_OK);
	struct shoal_record *record = shoal_members_at(core, slot);
	assert_true(shoal_members_heard(core, record) == 0);
	uint64_t begun = core->now;
	core->now = begun + SHOAL_MS(7) + 123456;
	shoal_members_hear(core, record, core->now);
	uint64_t heard = shoal_members_heard(core, record);
	assert_true(heard <= core->now && core->now - heard < SHOAL_MS(1));
	assert_true((heard - SHOAL_TIME_ORIGIN) % SHOAL_MS(1) == 0);
	shoal_members_hear(core, record, begun);
	assert_true(shoal_members_heard(core, record) == heard);
	core->now += days;
	assert_true(shoal_members_heard(core, record) == heard);
	shoal_members_hear(core, record, begun - SHOAL_SEC(1));
	assert_true(shoal_members_heard(core, record) == heard);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(when_a_member_was_heard_is_kept_to_the_millisecond),
	        cmocka_unit_test(as_many_as_the_limit_are_added_and_found),
	        cmocka_unit_test(every_move_between_states_keeps_order_holds_and_counts_in_step),
	        cmocka_unit_test(a_change_is_seen_only_where_something_changed),
	        cmocka_unit_test(without_memory_a_record_stays_as_it_was),
	        cmocka_unit_test(what_is_forgotten_gives_its_memory_back),
	        cmocka_unit_test(no_core_forgets_itself),
	        cmocka_unit_test(the_first_address_of_a_family_that_is_here_too_is_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
