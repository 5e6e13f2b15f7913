/* SPDX-License-Identifier: MIT */
/* Admission by address: of packets by where they come from, of members by where they are, whoever
 * tells of them; and what a list may be. */
#include "unit.h"

#include "core_world.h"
#include "heap_fault.h"

static int
allow(struct core_world *world, size_t node, const char *const *texts, size_t n)
{
	struct shoal_cidr range[SHOAL_ALLOW_MAX];

	for (size_t i = 0; i < n; i++) {
		assert_int_equal(shoal_cidr_parse(&range[i], texts[i]), SHOAL_OK);
	}
	return world_step(world, node,
	        (struct shoal_input){.kind = SHOAL_INPUT_ALLOW,
	                .data = (const uint8_t *)range,
	                .len = n * sizeof range[0]});
}

/* All but the address itself. */
static void
allow_others(struct core_world *world, size_t node, const struct shoal_addr *addr)
{
	struct shoal_cidr range[SHOAL_ALLOW_MAX];
	size_t n = 0;

	for (unsigned bit = 96; bit < 128; bit++, n++) {
		range[n].bits = (uint8_t)(bit + 1);
		memset(range[n].ip, 0, sizeof range[n].ip);
		for (unsigned i = 0; i <= bit; i++) {
			unsigned value = addr->ip[i / 8] >> (7 - i % 8) & 1;
			value = i == bit ? !value : value;
			range[n].ip[i / 8] = (uint8_t)(range[n].ip[i / 8] | value << (7 - i % 8));
		}
	}
	assert_int_equal(world_step(world, node,
	                         (struct shoal_input){.kind = SHOAL_INPUT_ALLOW,
	                                 .data = (const uint8_t *)range,
	                                 .len = n * sizeof range[0]}),
	        SHOAL_OK);
}

static void
who_asks_from_elsewhere_is_told_and_not_taken_in(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_add(&world, NULL);
	struct shoal_id id = world_id(&world, 1);
	allow_others(&world, 0, &world.node[1].addr);
	assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
	const struct shoal_event *event = world_await(&world, 1, SHOAL_EVENT_JOINED, SHOAL_SEC(20));
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_REJECTED);
	assert_non_null(strstr(event->cause.detail, "not allowed"));
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATES);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_NOT_ALLOWED) >= 1);
	assert_int_equal(allow(&world, 0, NULL, 0), SHOAL_OK); /* all again */
	assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
	world_run(&world, SHOAL_SEC(1));
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
a_seed_that_is_not_allowed_is_not_asked(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_add(&world, NULL);
	allow_others(&world, 1, &world.node[0].addr);
	world_clear(&world);
	assert_int_equal(world_join(&world, 1, 0), SHOAL_ERR_PERMISSION);
	assert_null(world.sent);
	world_done(&world);
}

static void
nobody_is_told_of_into_the_list(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < 3; i++) {
		world_add(&world, NULL);
	}
	struct shoal_id outside = world_id(&world, 2);
	allow_others(&world, 0, &world.node[2].addr);
	world_join(&world, 1, 0);
	world_join(&world, 2, 1);
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(world_state(&world, 1, &outside), SHOAL_STATE_ALIVE);
	assert_int_equal(world_state(&world, 0, &outside), SHOAL_STATES);
	for (const struct world_packet *sent = world.sent; sent != NULL; sent = sent->next) {
		if (sent->node == 0 && shoal_addr_equal(&sent->to, &world.node[2].addr)) {
			assert_int_equal(sent->kind, SHOAL_SEND_REPLY); /* refusals */
		}
	}
	world_done(&world);
}

static void
a_member_that_is_not_allowed_any_more_is_lost_and_stays_so(void **state)
{
	static struct core_world world;
	const size_t nodes = 4;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < nodes; i++) {
		world_add(&world, NULL);
		if (i > 0) {
			world_join(&world, i, 0);
		}
	}
	world_run(&world, SHOAL_SEC(3));
	struct shoal_id id = world_id(&world, 3);
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATE_ALIVE);
	allow_others(&world, 0, &world.node[3].addr);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_FAILED, &id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_NOT_ALLOWED);
	assert_non_null(world_event(&world, 0, SHOAL_EVENT_REAP, &id, 0));
	world_clear(&world);
	world_run(&world, SHOAL_SEC(300));
	assert_int_equal(world_state(&world, 0, &id), SHOAL_STATES);
	assert_null(world_event(&world, 0, SHOAL_EVENT_JOIN, &id, 0));
	for (size_t i = 1; i < nodes; i++) {
		assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_FAILED), 0);
		assert_true(i == 3 || world_state(&world, i, &id) == SHOAL_STATE_ALIVE);
	}
	world_done(&world);
}

/* What was asked for before the list came is not answered. */
static void
who_is_not_allowed_any_more_is_not_spoken_to(void **state)
{
	static struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *origin = world_meet(&world, 0, 0), *target = world_meet(&world, 0, 0);
	struct shoal_msg_relay relay = {.seq = UINT64_C(1) << 63,
	        .id = origin->id,
	        .salt = puppet_salt(origin),
	        .target = target->id,
	        .budget_ms = 500};
	assert_int_equal(world_tell(&world, 0, origin, SHOAL_MESSAGE_RELAY, &relay), SHOAL_OK);
	allow_others(&world, 0, &origin->addr);
	world_clear(&world);
	world_run(&world, SHOAL_SEC(5));
	assert_non_null(world_sent(&world, NULL, 0, &target->addr, 0));
	assert_null(world_sent(&world, NULL, 0, &origin->addr, 0));
	world_done(&world);
}

/* A relay that is asked for it says at once that it does not know it. */
static void
who_falls_out_of_a_list_is_gone_at_once_also_without_memory(void **state)
{
	static struct core_world world;
	struct shoal_core_config config;
	struct heap_fault fault;

	(void)state;
	heap_fault_init(&fault);
	world_init(&world);
	world_config(&world, &config);
	config.allocator = &fault.mem;
	world_add(&world, &config);
	struct puppet *origin = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct puppet *outside = world_meet(&world, 0, PUPPET_DATAGRAMS);
	world_run(&world, SHOAL_SEC(3));
	world_clear(&world);
	fault.fail_at = fault.calls + 1;
	fault.fail_on = true;
	allow_others(&world, 0, &outside->addr);
	fault.fail_at = 0;
	assert_int_equal(world_state(&world, 0, &outside->id), SHOAL_STATES);
	const struct shoal_event *event =
	        world_event(&world, 0, SHOAL_EVENT_FAILED, &outside->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_NOT_ALLOWED);
	assert_non_null(world_event(&world, 0, SHOAL_EVENT_REAP, &outside->id, 0));
	struct shoal_msg_relay relay = {.seq = UINT64_C(1) << 63,
	        .id = origin->id,
	        .salt = puppet_salt(origin),
	        .target = outside->id,
	        .budget_ms = 500};
	assert_int_equal(world_tell(&world, 0, origin, SHOAL_MESSAGE_RELAY, &relay), SHOAL_OK);
	const struct world_packet *nack =
	        world_sent(&world, NULL, 0, &origin->addr, SHOAL_MESSAGE_NACK);
	assert_non_null(nack);
	assert_int_equal(packet_has(nack, SHOAL_MESSAGE_NACK)->nack.reason, SHOAL_NACK_UNKNOWN);
	world_done(&world);
	assert_int_equal(fault.live, 0);
}

static void
a_list_that_is_none_changes_nothing(void **state)
{
	static struct core_world world;
	struct shoal_cidr range[SHOAL_ALLOW_MAX + 1] = {{{0}, 0}};

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	allow_others(&world, 0, &world.node[0].addr);
	for (size_t len = 1; len <= sizeof range; len++) {
		range[0].bits = len == sizeof range[0] ? 129 : 128;
		bool valid = len % 17 == 0 && len <= 64 * 17 && len != 17;
		if (valid) {
			continue;
		}
		int rc = world_step(&world, 0,
		        (struct shoal_input){.kind = SHOAL_INPUT_ALLOW,
		                .data = (const uint8_t *)range,
		                .len = len});
		assert_int_equal(rc, SHOAL_ERR_INVALID);
	}
	struct shoal_addr elsewhere = world.node[0].addr; /* the one that the list leaves out */
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = elsewhere}),
	        SHOAL_ERR_PERMISSION);
	world_done(&world);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_asks_from_elsewhere_is_told_and_not_taken_in),
	        cmocka_unit_test(a_seed_that_is_not_allowed_is_not_asked),
	        cmocka_unit_test(nobody_is_told_of_into_the_list),
	        cmocka_unit_test(a_member_that_is_not_allowed_any_more_is_lost_and_stays_so),
	        cmocka_unit_test(who_is_not_allowed_any_more_is_not_spoken_to),
	        cmocka_unit_test(who_falls_out_of_a_list_is_gone_at_once_also_without_memory),
	        cmocka_unit_test(a_list_that_is_none_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
