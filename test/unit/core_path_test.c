/* SPDX-License-Identifier: MIT */
/* How large datagrams get: the first probe of a member is padded, what is lost lowers the size in
 * two steps, what is answered raises it, and what the host reports counts at once. A core and one
 * puppet that the test answers for, by the size of what came. */
#include "unit.h"

#include "core/node.h"
#include "core_world.h"

/* The puppet answers pings up to `most` bytes and no larger ones, as a black hole on the way does.
 */
struct path {
	struct core_world world;
	struct puppet *peer;
	size_t most;
};

static void
set_up(struct path *path, const struct shoal_core_config *config, bool ipv6)
{
	struct core_world *world = &path->world;

	memset(path, 0, sizeof *path);
	world_init(world);
	world_add(world, config);
	path->peer = world_puppet(world);
	path->peer->answers = 0;
	if (ipv6) {
		assert_int_equal(shoal_addr_parse(&path->peer->addr, "[2001:db8::7]:7946"), 0);
	}
	struct shoal_msg_member member = puppet_member(path->peer, SHOAL_STATE_ALIVE);
	assert_int_equal(world_tell(world, 0, path->peer, SHOAL_MESSAGE_MEMBER, &member), 0);
	path->most = SIZE_MAX;
}

/* Answers everything that arrives until the next probe is over; returns the size of its first ping.
 */
static size_t
probe(struct path *path)
{
	struct core_world *world = &path->world;
	const struct world_packet *packet = NULL;
	size_t first;

	world_clear(world);
	packet = world_await_sent(world, 0, &path->peer->addr, SHOAL_MESSAGE_PING, SHOAL_SEC(30));
	assert_non_null(packet);
	first = packet->len;
	while (packet != NULL) {
		struct shoal_msg_ack ack = {.seq = packet_has(packet, SHOAL_MESSAGE_PING)->ping.seq,
		        .id = path->peer->id,
		        .salt = puppet_salt(path->peer)};
		if (packet->kind == SHOAL_SEND_DATAGRAM && packet->len <= path->most) {
			world_send(world, 0, &path->peer->addr, SHOAL_MESSAGE_ACK, &ack);
			break;
		}
		const struct world_packet *last = packet;
		for (unsigned i = 0; i < 20 && packet == last; i++) {
			world_run(world, SHOAL_MS(50));
			packet = world_sent(world, last, 0, &path->peer->addr, SHOAL_MESSAGE_PING);
			packet = packet == NULL ? last : packet;
		}
		assert_ptr_not_equal(packet, last);
	}
	assert_int_equal(world_state(world, 0, &path->peer->id), SHOAL_STATE_ALIVE);
	return first;
}

/* The next padded probe; on the way small ones are answered. */
static size_t
padded(struct path *path)
{
	for (size_t i = 0; i < 5000; i++) {
		size_t size = probe(path);
		if (size > 200) {
			return size;
		}
	}
	fail();
	return 0;
}

static void
the_first_probe_of_a_member_is_padded_to_the_full_size_and_then_one_in_256(void **state)
{
	static const uint32_t sizes[] = {508, 1232, 1400, 9000};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		for (int ipv6 = 0; ipv6 <= 1; ipv6++) {
			struct path path;
			struct core_world world = {.now = 0};
			struct shoal_core_config config;
			size_t full = ipv6 && sizes[i] > 1232 ? 1232 : sizes[i], count = 0;

			world_config(&world, &config);
			config.profile.datagram_max = sizes[i];
			set_up(&path, &config, ipv6 != 0);
			assert_in_range(probe(&path), full - 1, full);
			for (size_t k = 0; k < 2560; k++) {
				size_t size = probe(&path);
				count += size > 200;
				assert_true(size < 200 || (size <= full && size + 1 >= full));
			}
			assert_in_range(count, 2, 25);
			assert_int_equal(
			        world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_LOWERED), 0);
			world_done(&path.world);
		}
	}
}

static void
a_black_hole_lowers_the_size_after_two_losses_and_again_after_one_more(void **state)
{
	struct path path;

	(void)state;
	set_up(&path, NULL, false);
	path.most = 1000;
	assert_in_range(probe(&path), 1399, 1400);
	assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_LOWERED), 0);
	assert_in_range(probe(&path), 1399, 1400);
	assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_LOWERED), 1);
	assert_in_range(probe(&path), 1231, 1232);
	assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_LOWERED), 2);
	assert_in_range(probe(&path), 50, 200);
	assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_SUSPICIONS), 0);
	world_done(&path.world);
}

static void
one_loss_lowers_nothing(void **state)
{
	struct path path;

	(void)state;
	set_up(&path, NULL, false);
	path.most = 1000;
	probe(&path);
	path.most = 1400;
	assert_in_range(probe(&path), 1399, 1400);
	path.most = 1000;
	assert_in_range(padded(&path), 1399, 1400);
	path.most = 1400;
	assert_in_range(probe(&path), 1399, 1400);
	assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_LOWERED), 0);
	world_done(&path.world);
}

static void
a_padded_probe_that_is_answered_raises_it_a_step_and_one_that_is_lost_does_no_harm(void **state)
{
	struct path path;

	(void)state;
	set_up(&path, NULL, false);
	path.most = 1000;
	for (size_t i = 0; i < 4; i++) {
		probe(&path);
	}
	assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_LOWERED), 2);
	for (size_t i = 0; i < 3; i++) {
		assert_in_range(padded(&path), 1231, 1232);
		assert_in_range(probe(&path), 50, 200);
	}
	path.most = 1400;
	assert_in_range(padded(&path), 1231, 1232);
	assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_RAISED), 1);
	assert_in_range(padded(&path), 1399, 1400);
	assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_RAISED), 2);
	assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_LOWERED), 2);
	world_done(&path.world);
}

static void
report(struct path *path, const struct shoal_addr *from, size_t size)
{
	assert_int_equal(
	        world_step(&path->world, 0,
	                (struct shoal_input){
	                        .kind = SHOAL_INPUT_TOO_LARGE, .from = *from, .size = size}),
	        SHOAL_OK);
}

static void
what_the_host_reports_counts_at_once_and_only_lowers(void **state)
{
	/* The sizes told one after the other, and how often the size had been lowered after each.
	 */
	static const struct {
		size_t told, lowered;
	} steps[][3] = {
	        {{1472, 0}, {1400, 0}, {1399, 1}},
	        {{1232, 1}, {1300, 1}, {1500, 1}},
	        {{1231, 1}, {508, 1}, {9000, 1}},
	        {{0, 1}, {0, 2}, {0, 2}},
	        {{1300, 1}, {1000, 2}, {1, 2}},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		struct path path;

		set_up(&path, NULL, false);
		probe(&path);
		for (size_t k = 0; k < 3; k++) {
			report(&path, &path.peer->addr, steps[i][k].told);
			assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_LOWERED),
			        steps[i][k].lowered);
		}
		world_done(&path.world);
	}
}

static void
a_report_about_an_address_that_nothing_large_went_to_is_nothing(void **state)
{
	struct path path;
	struct shoal_addr other;

	(void)state;
	set_up(&path, NULL, false);
	report(&path, &path.peer->addr, 600);
	assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_LOWERED), 0);
	probe(&path);
	other = path.peer->addr;
	for (uint16_t port = 1; port < 2000; port++) {
		other.port = port;
		if (port != path.peer->addr.port) {
			report(&path, &other, 600);
		}
	}
	assert_int_equal(world_counter(&path.world, 0, SHOAL_COUNTER_PATHS_LOWERED), 0);
	world_done(&path.world);
}

static void
no_datagram_to_a_member_is_longer_than_its_way_takes(void **state)
{
	(void)state;
	for (size_t told = 508; told <= 1232; told += 1232 - 508) {
		struct path path;
		struct core_world *world = &path.world;
		size_t longest = 0, elsewhere = 0;

		set_up(&path, NULL, false);
		probe(&path);
		report(&path, &path.peer->addr, told);
		struct puppet *second = world_meet(world, 0, PUPPET_DATAGRAMS);
		world_clear(world);
		for (size_t i = 0; i < 200; i++) {
			world_meet(world, 0, PUPPET_DATAGRAMS);
		}
		world_run(world, SHOAL_MS(400));
		for (const struct world_packet *packet = world->sent; packet != NULL;
		        packet = packet->next) {
			bool gossip = packet->kind == SHOAL_SEND_DATAGRAM &&
			              packet_has(packet, SHOAL_MESSAGE_PAD) == NULL;
			if (gossip && shoal_addr_equal(&packet->to, &path.peer->addr)) {
				longest = packet->len > longest ? packet->len : longest;
			} else if (gossip && shoal_addr_equal(&packet->to, &second->addr)) {
				elsewhere = packet->len > elsewhere ? packet->len : elsewhere;
			}
		}
		assert_true(longest <= told);
		assert_true(longest == 0 || longest > told - 100);
		assert_true(elsewhere <= 1400);
		world_done(world);
	}
}

/* A host may step a core again before it takes out what there is to send: a ping that was queued
 * for a smaller size is then filled for the larger one that was proved meanwhile. */
static void
a_ping_that_waits_while_its_size_is_raised_is_still_a_whole_packet(void **state)
{
	struct path path;
	struct core_world *world = &path.world;
	struct shoal_core *core;

	(void)state;
	set_up(&path, NULL, false);
	core = world_core(world, 0);
	probe(&path);
	report(&path, &path.peer->addr, 1232);
	for (size_t i = 0; i < 60; i++) {
		world_meet(world, 0, 0);
	}
	world_clear(world);
	uint32_t slot;
	assert_int_equal(shoal_core_find(core, &path.peer->id, &slot), SHOAL_OK);
	assert_non_null(shoal_probe_begin(core, slot, SHOAL_PROBE_ROUND));
	shoal_members_at(core, slot)->flags = SHOAL_PATH_PROVEN << SHOAL_PATH_SHIFT;
	world_drain(world, 0);
	const struct world_packet *ping =
	        world_sent(world, NULL, 0, &path.peer->addr, SHOAL_MESSAGE_PING);
	assert_non_null(ping);
	assert_in_range(ping->len, 1233, 1400);
	assert_null(packet_has(ping, SHOAL_MESSAGE_PAD));
	world_done(world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                the_first_probe_of_a_member_is_padded_to_the_full_size_and_then_one_in_256),
	        cmocka_unit_test(
	                a_black_hole_lowers_the_size_after_two_losses_and_again_after_one_more),
	        cmocka_unit_test(one_loss_lowers_nothing),
	        cmocka_unit_test(
	                a_padded_probe_that_is_answered_raises_it_a_step_and_one_that_is_lost_does_no_harm),
	        cmocka_unit_test(what_the_host_reports_counts_at_once_and_only_lowers),
	        cmocka_unit_test(a_report_about_an_address_that_nothing_large_went_to_is_nothing),
	        cmocka_unit_test(no_datagram_to_a_member_is_longer_than_its_way_takes),
	        cmocka_unit_test(
	                a_ping_that_waits_while_its_size_is_raised_is_still_a_whole_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
