/* SPDX-License-Identifier: MIT */
/* The node as its host sees it: what a config may hold, what an input may be, time, deadlines, and
 * that the same inputs give the same outputs. */
#include "unit.h"

#include <stdlib.h>

#include "core/node.h"
#include "core_world.h"

static void
good_config(struct shoal_core_config *config)
{
	struct core_world world;

	world_init(&world);
	world_config(&world, config);
}

/* The text with which a config is refused; NULL: it is taken. */
static const char *
refusal(const struct shoal_core_config *config)
{
	static char why[200];
	struct shoal_core *core = NULL;
	int rc = shoal_core_new(&core, config, why, sizeof why);

	if (rc == SHOAL_OK) {
		shoal_core_free(core);
		return NULL;
	}
	assert_int_equal(rc, SHOAL_ERR_INVALID);
	assert_null(core);
	/* Where it is not asked for, the text is not written. */
	assert_int_equal(shoal_core_new(&core, config, NULL, 0), SHOAL_ERR_INVALID);
	return why;
}

static void
assert_refused(const struct shoal_core_config *config, const char *text)
{
	const char *why = refusal(config);

	if (why == NULL) {
		fail_msg("taken, not refused with \"%s\"", text);
	} else if (strncmp(why, text, strlen(text)) != 0) {
		fail_msg("\"%s\" is not \"%s\"", why, text);
	}
}

static void
a_config_is_refused_with_the_name_of_the_field(void **state)
{
	static char longer[SHOAL_NAME_MAX + 2];
	struct shoal_core_config good, bad;

	(void)state;
	good_config(&good);
	assert_null(refusal(&good));
	bad = good, memset(&bad.salt, 0, sizeof bad.salt);
	assert_refused(&bad, "salt: ");
	bad = good, bad.addrs = 0;
	assert_refused(&bad, "addrs: ");
	bad = good, bad.addrs = SHOAL_ADDRS_MAX + 1;
	assert_refused(&bad, "addrs: ");
	bad = good, bad.addr[0].port = 0;
	assert_refused(&bad, "addr: ");
	bad = good, bad.addrs = 2;
	assert_refused(&bad, "addr: ");
	bad = good, bad.mono_ns = UINT64_MAX / 2 + 1;
	assert_refused(&bad, "mono_ns: ");
	memset(longer, 'x', SHOAL_NAME_MAX + 1);
	bad = good, bad.name = longer;
	assert_refused(
	        &bad, "name: must be UTF-8 without control characters, of at most 128 bytes");
	bad = good, bad.name = "\xff";
	assert_refused(&bad, "name: ");
	bad = good, bad.label = longer;
	assert_refused(
	        &bad, "label: must be UTF-8 without control characters, of at most 64 bytes");
	bad = good, bad.label = "\xc0\xaf";
	assert_refused(&bad, "label: ");
	bad = good, bad.profile.probe_interval_ms = 0;
	assert_refused(&bad, "probe_interval_ms is 0, allowed is 10 to 600000");
	bad = good, bad.profile.probe_timeout_ms = 1000;
	assert_refused(&bad, "probe_timeout_ms is 1000, must be below probe_interval_ms");
	bad = good, bad.profile.verify_rate = 0;
	assert_refused(&bad, "verify_rate is 0");
	bad = good, bad.size = 0;
	assert_refused(&bad, "size: ");
	bad = good, bad.size = (1 << 16) + 1;
	assert_refused(&bad, "size: ");
}

static void
a_config_is_taken_at_its_limits(void **state)
{
	static char longest[SHOAL_NAME_MAX + 1];
	struct shoal_core_config good, edge;

	(void)state;
	memset(longest, 'x', SHOAL_NAME_MAX);
	good_config(&good);
	edge = good, edge.name = longest;
	assert_null(refusal(&edge));
	edge = good, edge.label = longest + SHOAL_NAME_MAX - SHOAL_LABEL_MAX;
	assert_null(refusal(&edge));
	edge = good, edge.mono_ns = UINT64_MAX / 2;
	assert_null(refusal(&edge));
	edge = good, edge.mono_ns = 0, edge.wall_ns = 0;
	assert_null(refusal(&edge));
	edge = good, edge.addrs = SHOAL_ADDRS_MAX;
	for (size_t i = 0; i < SHOAL_ADDRS_MAX; i++) {
		edge.addr[i] = good.addr[0];
	}
	assert_null(refusal(&edge));
	edge = good, edge.name = NULL, edge.label = NULL, edge.allocator = NULL;
	assert_null(refusal(&edge));
}

static void
the_defaults_are_those_of_the_lan_whatever_the_size(void **state)
{
	struct shoal_core_config config;
	struct shoal_profile lan;
	uint8_t larger[sizeof config + 64];

	(void)state;
	assert_int_equal(shoal_profile_init(&lan, SHOAL_PROFILE_LAN), 0);
	shoal_core_config_init(&config);
	assert_int_equal(config.size, sizeof config);
	assert_memory_equal(&config.profile, &lan, sizeof lan);
	assert_int_equal(config.log_level, SHOAL_LOG_INFO);
	/* A program of a newer release: what is not known here is zero. */
	memset(larger, 0xee, sizeof larger);
	shoal_core_config_init_sized((struct shoal_core_config *)(void *)larger, sizeof larger);
	assert_int_equal(((struct shoal_core_config *)(void *)larger)->size, sizeof larger);
	for (size_t i = sizeof config; i < sizeof larger; i++) {
		assert_int_equal(larger[i], 0);
	}
}

static void
the_shorter_config_of_an_older_program_is_filled_with_defaults(void **state)
{
	/* The compiler must not see how short the memory is; the address sanitizer does. */
	volatile size_t size = offsetof(struct shoal_core_config, app_version);
	struct shoal_core_config good, *older = malloc(size);
	size_t own = size;
	struct shoal_core *core;

	(void)state;
	assert_non_null(older);
	good_config(&good);
	shoal_core_config_init_sized(older, size);
	assert_int_equal(older->size, size);
	memcpy(older, &good, size);
	memcpy(older, &own, sizeof own);
	assert_int_equal(shoal_core_new(&core, older, NULL, 0), SHOAL_OK);
	free(older);
	assert_int_equal(core->profile.probe_interval_ms, 1000);
	struct shoal_core_member self;
	assert_true(shoal_core_member(core, 0, &self));
	assert_int_equal(self.app_version, 0);
	shoal_core_free(core);
	shoal_core_free(NULL);
}

static void
the_id_comes_from_the_config_or_the_name_or_the_time(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_id named;
	char text[SHOAL_ID_TEXT];

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.label = "prod";
	world_add(&world, &config);
	assert_int_equal(shoal_id_from_name(&named, "prod", "node-0"), 0);
	struct shoal_id id = world_id(&world, 0);
	assert_memory_equal(&id, &named, 16);
	world_config(&world, &config);
	memset(config.id.bytes, 0x42, 16);
	world_add(&world, &config);
	id = world_id(&world, 1);
	assert_memory_equal(&id, &config.id, 16);
	/* Neither: a new one, of which the name is the text. */
	for (size_t i = 2; i < 4; i++) {
		struct shoal_core_member self;
		world_config(&world, &config);
		config.name = i == 2 ? "" : NULL;
		world_add(&world, &config);
		assert_true(shoal_core_member(world_core(&world, i), 0, &self));
		assert_int_equal(self.id.bytes[6] >> 4, 7);
		shoal_id_print(&self.id, text);
		assert_string_equal(self.name, text);
	}
	id = world_id(&world, 2);
	struct shoal_id other = world_id(&world, 3);
	assert_memory_not_equal(&id, &other, 16);
	world_done(&world);
}

static void
the_incarnation_begins_at_the_second_of_the_start(void **state)
{
	struct core_world world;
	struct shoal_core_member self;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	assert_true(shoal_core_member(world_core(&world, 0), 0, &self));
	assert_true(self.incarnation == (WORLD_EPOCH + 1000) << 32);
	assert_int_equal(self.state, SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
time_that_goes_backwards_is_refused_and_changes_nothing(void **state)
{
	struct core_world world;
	struct shoal_core *core;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_meet(&world, 0, 0);
	world_run(&world, SHOAL_SEC(3));
	core = world_core(&world, 0);
	for (int kind = SHOAL_INPUT_TIMER; kind <= SHOAL_INPUT_LEAVE; kind++) {
		uint64_t before = shoal_core_hash(core), deadline = shoal_core_deadline(core);
		struct shoal_input input = {.kind = (enum shoal_input_kind)kind,
		        .mono_ns = core->now - SHOAL_TIME_ORIGIN - 1};
		assert_int_equal(shoal_core_step(core, &input), SHOAL_ERR_INVALID);
		assert_true(shoal_core_hash(core) == before);
		assert_true(shoal_core_deadline(core) == deadline);
	}
	struct shoal_input input = {.kind = SHOAL_INPUT_TIMER, .mono_ns = UINT64_MAX / 2 + 1};
	assert_int_equal(shoal_core_step(core, &input), SHOAL_ERR_INVALID);
	world_done(&world);
}

static void
an_input_of_no_kind_is_refused(void **state)
{
	static const int kinds[] = {-1, 0, SHOAL_INPUT_MIGRATE + 1, 1000};
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	uint64_t before = shoal_core_hash(world_core(&world, 0));
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		assert_int_equal(
		        world_step(&world, 0,
		                (struct shoal_input){.kind = (enum shoal_input_kind)kinds[i]}),
		        SHOAL_ERR_INVALID);
	}
	assert_true(shoal_core_hash(world_core(&world, 0)) == before);
	world_done(&world);
}

static void
a_refused_datagram_is_counted_and_proves_nothing(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	const struct puppet *puppet = world_meet(&world, 0, PUPPET_DATAGRAMS);
	assert_int_equal(
	        world_step(&world, 0,
	                (struct shoal_input){.kind = SHOAL_INPUT_REFUSED, .from = puppet->addr}),
	        SHOAL_OK);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_REFUSALS), 1);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

/* world_run asserts after each timer input that the deadline lies ahead. */
static void
the_deadline_lies_ahead_after_each_timer_also_when_the_host_is_late(void **state)
{
	struct core_world world;
	uint64_t draw = 3;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	for (size_t i = 0; i < 20; i++) {
		world_meet(&world, 0, i % 2 == 0 ? PUPPET_DATAGRAMS : 0);
	}
	struct shoal_core *core = world_core(&world, 0);
	for (int i = 0; i < 3000; i++) {
		world.now += unit_random(&draw) % SHOAL_SEC(1);
		world.now += i % 100 == 0 ? SHOAL_SEC(3600) : 0;
		assert_int_equal(
		        world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER}),
		        SHOAL_OK);
		assert_true(shoal_core_deadline(core) > world.now);
	}
	world_done(&world);
}

struct outputs {
	size_t packets, bytes, events;
	uint64_t sums, hashes;
};

/* A small cluster through joins, a crash, a restart and a leave. */
static struct outputs
live(uint64_t seed)
{
	struct outputs out = {0, 0, 0, 0, 0};
	struct core_world world;
	struct shoal_core_config config;

	world_init(&world);
	for (size_t i = 0; i < 6; i++) {
		world_config(&world, &config);
		config.seed += seed;
		world_add(&world, &config);
	}
	for (size_t i = 1; i < 6; i++) {
		world_join(&world, i, 0);
	}
	world_run(&world, SHOAL_SEC(5));
	world.node[2].up = false;
	world_run(&world, SHOAL_SEC(50));
	world_restart(&world, 2);
	world_join(&world, 2, 1);
	world_run(&world, SHOAL_SEC(5));
	world_step(&world, 4, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	world_run(&world, SHOAL_SEC(20));
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		out.packets++;
		out.bytes += packet->len;
		for (size_t i = 0; i < packet->len; i++) {
			out.sums = out.sums * 31 + packet->data[i];
		}
	}
	for (size_t i = 0; i < 6; i++) {
		out.hashes = out.hashes * 31 + shoal_core_hash(world_core(&world, i));
	}
	out.events = world.events;
	world_done(&world);
	return out;
}

static void
the_same_inputs_give_the_same_outputs_and_another_seed_others(void **state)
{
	struct outputs first = live(0), second = live(0), other = live(100);

	(void)state;
	assert_memory_equal(&first, &second, sizeof first);
	assert_true(first.packets > 300 && first.events > 30);
	assert_true(first.sums != other.sums && first.hashes != other.hashes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_config_is_refused_with_the_name_of_the_field),
	        cmocka_unit_test(a_config_is_taken_at_its_limits),
	        cmocka_unit_test(the_defaults_are_those_of_the_lan_whatever_the_size),
	        cmocka_unit_test(the_shorter_config_of_an_older_program_is_filled_with_defaults),
	        cmocka_unit_test(the_id_comes_from_the_config_or_the_name_or_the_time),
	        cmocka_unit_test(the_incarnation_begins_at_the_second_of_the_start),
	        cmocka_unit_test(time_that_goes_backwards_is_refused_and_changes_nothing),
	        cmocka_unit_test(an_input_of_no_kind_is_refused),
	        cmocka_unit_test(a_refused_datagram_is_counted_and_proves_nothing),
	        cmocka_unit_test(
	                the_deadline_lies_ahead_after_each_timer_also_when_the_host_is_late),
	        cmocka_unit_test(the_same_inputs_give_the_same_outputs_and_another_seed_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
