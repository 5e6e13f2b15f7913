/* SPDX-License-Identifier: MIT */
/* The credit of bursts: news that comes drop by drop uses it up and then waits; a death does not.
 */
#include "unit.h"

#include "core/detect/suspicion.h"
#include "core/event.h"
#include "core/node.h"
#include "core/sync/gossip.h"
#include "core_world.h"

#define OTHERS 60

/* A core that sends nothing but bursts, and has credit for `credit` packets. */
static void
set_up(struct core_world *world, uint32_t credit)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.burst_credit = credit;
	config.profile.burst_rate = 10;
	config.profile.gossip_interval_ms = 60000;
	config.profile.probe_interval_ms = 600000;
	config.profile.sync_interval_ms = config.profile.heal_interval_ms = 86400000;
	world_add(world, &config);
	for (size_t i = 0; i < OTHERS; i++) {
		world_meet(world, 0, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	}
	/* Nothing is left to tell, and the credit is whole. */
	for (uint32_t slot = 1; slot <= OTHERS; slot++) {
		shoal_gossip_forget(world_core(world, 0), slot);
	}
	shoal_gossip_forget(world_core(world, 0), SHOAL_SELF);
	world_core(world, 0)->gossip.paid = 0;
	world_clear(world);
}

static uint32_t
slot_of(const struct core_world *world, size_t puppet)
{
	uint32_t slot;

	assert_int_equal(
	        shoal_core_find(world_core(world, 0), &world->puppet[puppet].id, &slot), SHOAL_OK);
	return slot;
}

/* It says something new of itself. */
static void
refute(struct core_world *world, size_t puppet)
{
	shoal_gossip_raise(world_core(world, 0), slot_of(world, puppet));
}

static void
die(struct core_world *world, size_t puppet)
{
	struct shoal_cause cause = shoal_cause_of(SHOAL_CAUSE_VERIFIED, NULL);

	shoal_suspicion_bury(world_core(world, 0), slot_of(world, puppet), &cause);
}

/* Packets of gossip, or those among them that tell of a puppet. */
static size_t
count(const struct core_world *world, const struct puppet *about, enum shoal_state state)
{
	size_t packets = 0;

	for (const struct world_packet *packet = world->sent; packet != NULL;
	        packet = packet->next) {
		bool gossip = packet->message[0].kind == SHOAL_MESSAGE_SENDER;
		packets +=
		        gossip && (about == NULL || packet_state_of(packet, &about->id) == state);
	}
	return packets;
}

/* Lets one member after the other say something, until the core has to wait. */
static void
use_up(struct core_world *world)
{
	for (size_t i = 0; world_counter(world, 0, SHOAL_COUNTER_GOSSIP_DEFERRED) == 0; i++) {
		assert_true(i < OTHERS / 2);
		refute(world, i);
		world_run(world, SHOAL_MS(40));
	}
	world_clear(world);
}

static void
news_that_comes_drop_by_drop_goes_at_the_rate_of_the_credit(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 40);
	uint64_t begun = world.now;
	for (size_t i = 0; i < OTHERS; i++) {
		refute(&world, i);
		world_run(&world, SHOAL_MS(50));
	}
	double seconds = (double)(world.now - begun) / 1e9;
	/* A packet that is partly full costs less than a whole one. */
	assert_in_range(count(&world, NULL, SHOAL_STATE_ALIVE), 40, 1.2 * (40 + 10 * seconds));
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_GOSSIP_DEFERRED) > 0);
	world_done(&world);
}

static void
a_death_does_not_wait_for_credit_and_a_suspicion_does(void **state)
{
	(void)state;
	for (int death = 0; death <= 1; death++) {
		struct core_world world;
		const struct puppet *subject = &world.puppet[OTHERS - 1];

		set_up(&world, 20);
		use_up(&world);
		if (death != 0) {
			die(&world, OTHERS - 1);
		} else {
			struct shoal_msg_state said = puppet_state(subject, SHOAL_STATE_SUSPECT);
			world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &said);
			world_clear(&world); /* the accused hears it apart from gossip */
		}
		world_run(&world, SHOAL_MS(20));
		assert_in_range(count(&world, subject, SHOAL_STATE_DEAD), death != 0 ? 3 : 0,
		        death != 0 ? 6 : 0);
		world_run(&world, SHOAL_MS(60));
		assert_in_range(
		        count(&world, subject, SHOAL_STATE_DEAD), death != 0 ? 6 : 0, 9 * death);
		assert_int_equal(count(&world, subject, SHOAL_STATE_SUSPECT), 0);
		world_done(&world);
	}
}

static void
deaths_without_credit_stay_within_the_bytes(void **state)
{
	struct core_world world;
	size_t bytes = 0;

	(void)state;
	set_up(&world, 20);
	use_up(&world);
	struct shoal_core *core = world_core(&world, 0);
	core->profile.gossip_rate = 1024;
	core->profile.gossip_burst = 1024;
	core->gossip.tokens = 1024;
	for (size_t i = 0; i < 20; i++) {
		die(&world, OTHERS - 1 - i);
		world_run(&world, SHOAL_MS(50));
	}
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		bytes += packet->message[0].kind == SHOAL_MESSAGE_SENDER ? packet->len : 0;
	}
	assert_in_range(bytes, 1024, 1024 + 1024 + 3 * 1400);
	world_done(&world);
}

static void
what_deaths_overdrew_holds_other_news_back_for_a_second_at_most(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 20);
	for (size_t i = 0; i < 25; i++) {
		die(&world, OTHERS - 1 - i);
		world_run(&world, SHOAL_MS(30));
	}
	world_clear(&world);
	refute(&world, 0);
	/* And a quarter, by which every pause may be longer. */
	world_run(&world, SHOAL_MS(1300));
	assert_true(count(&world, &world.puppet[0], SHOAL_STATE_ALIVE) >= 3);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(news_that_comes_drop_by_drop_goes_at_the_rate_of_the_credit),
	        cmocka_unit_test(a_death_does_not_wait_for_credit_and_a_suspicion_does),
	        cmocka_unit_test(deaths_without_credit_stay_within_the_bytes),
	        cmocka_unit_test(what_deaths_overdrew_holds_other_news_back_for_a_second_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
