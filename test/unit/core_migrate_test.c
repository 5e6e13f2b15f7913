/* SPDX-License-Identifier: MIT */
/* A cluster that runs gets a label, or keys: in each round all hear each other, and what was opened
 * for that closes again, by an order or by itself. */
#include "core_opened_tape.h"
#include "core_sealed.h"

#include "core/node.h"

#define NODES 3

static int
migrate(struct core_world *world, size_t node, uint32_t clear, uint32_t unlabelled,
        uint64_t left_ms)
{
	struct shoal_migration migration = {clear, unlabelled, left_ms};
	uint8_t data[SHOAL_MIGRATION_BYTES];

	assert_int_equal(shoal_core_migration(&migration, data, sizeof data - 1), 0);
	assert_int_equal(shoal_core_migration(&migration, data, sizeof data), sizeof data);
	return world_step(world, node,
	        (struct shoal_input){
	                .kind = SHOAL_INPUT_MIGRATE, .data = data, .len = sizeof data});
}

static struct shoal_migration
now(const struct core_world *world, size_t node)
{
	struct shoal_migration migration;

	shoal_core_migrating(world_core(world, node), &migration);
	return migration;
}

/* Another run of a node at its address, with its id, and with this label. */
static void
restart(struct core_world *world, size_t node, const char *label, uint32_t unlabelled)
{
	struct core_world before = *world;
	struct shoal_core_config config;

	before.nodes = node;
	world_config(&before, &config);
	config.id = world_id(world, node);
	config.label = label;
	config.salt.bytes[3] = 77;
	config.wall_ns += world->now;
	config.mono_ns = world->now;
	shoal_core_free(world->node[node].core);
	assert_int_equal(shoal_core_new(&world->node[node].core, &config, NULL, 0), SHOAL_OK);
	assert_int_equal(migrate(world, node, 0, unlabelled, 0), SHOAL_OK);
	assert_int_equal(world_join(world, node, (node + 1) % NODES), SHOAL_OK);
}

static void
expect_whole(struct core_world *world)
{
	world_run(world, SHOAL_SEC(20));
	for (size_t i = 0; i < NODES; i++) {
		assert_int_equal(shoal_core_count(world_core(world, i), SHOAL_STATE_ALIVE), NODES);
		assert_int_equal(world_counter(world, i, SHOAL_COUNTER_DROP_LABEL), 0);
		assert_int_equal(world_counter(world, i, SHOAL_COUNTER_DROP_CLEAR), 0);
		assert_int_equal(world_count_events(world, i, SHOAL_EVENT_FAILED), 0);
		assert_int_equal(world_count_events(world, i, SHOAL_EVENT_SUSPECT), 0);
	}
}

static bool
says_label(const struct core_world *world, size_t node)
{
	const struct world_packet *packet = world_sent(world, NULL, node, NULL, 0);

	assert_non_null(packet);
	return packet->data[2] != 0;
}

static void
a_cluster_gets_a_label_round_by_round(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	for (size_t i = 0; i < NODES; i++) {
		world_add(&world, NULL);
		assert_int_equal(i == 0 ? SHOAL_OK : join_code(&world, i), SHOAL_OK);
	}
	for (size_t i = 0; i < NODES; i++) {
		restart(&world, i, "blue", 2);
		expect_whole(&world);
		world_clear(&world);
		world_run(&world, SHOAL_SEC(2));
		assert_false(says_label(&world, i));
	}
	for (uint32_t mode = 1; mode < 2; mode--) {
		for (size_t i = 0; i < NODES; i++) {
			assert_int_equal(migrate(&world, i, 0, mode, 0), SHOAL_OK);
			expect_whole(&world);
			world_clear(&world);
			world_run(&world, SHOAL_SEC(2));
			assert_true(says_label(&world, i));
		}
	}
	/* The door is shut. */
	world_add(&world, NULL);
	assert_int_equal(join_code(&world, NODES), SHOAL_ERR_LABEL);
	world_done(&world);
}

/* What they held in rounds of the digest must have been placed alike under both. */
static void
tables_are_the_same_with_the_label_and_without(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	world_add(&world, NULL);
	world_config(&world, &config);
	config.label = "blue";
	world_add(&world, &config);
	assert_int_equal(migrate(&world, 1, 0, 2, 0), SHOAL_OK);
	assert_int_equal(join_code(&world, 1), SHOAL_OK);
	world_run(&world, SHOAL_SEC(60));
	assert_true(
	        shoal_tree_root(world_core(&world, 0)) == shoal_tree_root(world_core(&world, 1)));
	world_done(&world);
}

static void
a_cluster_begins_to_seal_and_no_member_is_restarted_for_it_twice(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	for (size_t i = 0; i < NODES; i++) {
		add_accepting(&world, 2);
		assert_int_equal(i == 0 ? SHOAL_OK : join_code(&world, i), SHOAL_OK);
	}
	for (uint32_t mode = 1; mode < 2; mode--) {
		for (size_t i = 0; i < NODES; i++) {
			assert_int_equal(migrate(&world, i, mode, 0, 0), SHOAL_OK);
			expect_whole(&world);
			world_clear(&world);
			world_run(&world, SHOAL_SEC(2));
			const struct world_packet *packet = world_sent(&world, NULL, i, NULL, 0);
			assert_true((packet->data[1] & SHOAL_PACKET_SEALED) != 0);
		}
	}
	world_add(&world, NULL);
	assert_int_equal(join_code(&world, NODES), SHOAL_ERR_CLEAR);
	world_done(&world);
}

static char text[SHOAL_LOG_TEXT_MAX];
static size_t texts;

static void
on_log(struct core_world *world, size_t node, const struct shoal_log_record *log)
{
	(void)world;
	if (node == 0 && strcmp(log->room, "migrate") == 0) {
		assert_int_equal(log->level, SHOAL_LOG_WARN);
		memcpy(text, log->text, sizeof text);
		texts++;
	}
}

/* Since it was last asked; the latest is in text. */
static size_t
said(void)
{
	size_t n = texts;

	texts = 0;
	return n;
}

static void
what_is_taken_besides_ends_by_itself_and_the_log_says_so_before(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	world.on_log = on_log;
	(void)said();
	sealed_config(&world, &config, 0);
	config.label = "blue";
	world_add(&world, &config);
	assert_int_equal(migrate(&world, 0, 2, 2, 100000), SHOAL_OK);
	uint64_t begun = world.now;
	assert_int_equal(said(), 1);
	assert_string_equal(text, "packets that are not sealed, or without the label, are taken "
	                          "too, for 100 s");
	world_add(&world, NULL);
	assert_int_equal(join_code(&world, 1), SHOAL_OK);
	world_run(&world, begun + SHOAL_SEC(89) - world.now);
	assert_int_equal(said(), 0);
	assert_in_range(now(&world, 0).left_ms, 11000, 13000); /* at the last input */
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(said(), 1);
	assert_string_equal(text, "packets that are not sealed, or without the label, are taken "
	                          "too, for 10 s, then no more");
	world_run(&world, SHOAL_SEC(8));
	assert_int_equal(now(&world, 0).accept_clear, 2);
	assert_int_equal(now(&world, 0).accept_unlabelled, 2);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CLEAR), 0);
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(said(), 1);
	assert_string_equal(text, "packets that are not sealed, or without the label, are taken "
	                          "no more");
	assert_int_equal(now(&world, 0).accept_clear, 0);
	assert_int_equal(now(&world, 0).accept_unlabelled, 0);
	assert_int_equal(now(&world, 0).left_ms, 0);
	world_run(&world, SHOAL_SEC(30));
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_CLEAR) > 0);
	assert_int_equal(said(), 0);
	world_done(&world);
}

static void
begin_labelled(struct core_world *world)
{
	struct shoal_core_config config;

	world_init(world);
	world->on_log = on_log;
	world_config(world, &config);
	config.label = "blue";
	world_add(world, &config);
}

/* As after a suspend: nothing is warned of that is over. */
static void
what_is_over_when_the_warning_is_due_ends_at_once(void **state)
{
	struct core_world world;

	(void)state;
	begin_labelled(&world);
	assert_int_equal(migrate(&world, 0, 0, 1, 10000), SHOAL_OK);
	(void)said();
	world.now += SHOAL_SEC(60);
	world_run(&world, SHOAL_MS(1));
	assert_int_equal(said(), 1);
	assert_string_equal(text, "packets that are not sealed, or without the label, are taken "
	                          "no more");
	assert_int_equal(now(&world, 0).accept_unlabelled, 0);
	world_done(&world);
}

/* Another order begins the time anew, or ends it; none is there where nothing is taken besides. */
static void
an_order_takes_the_place_of_the_one_before(void **state)
{
	struct core_world world;

	(void)state;
	begin_labelled(&world);
	assert_int_equal(migrate(&world, 0, 0, 1, 10000), SHOAL_OK);
	world_run(&world, SHOAL_MS(9500));
	assert_int_equal(migrate(&world, 0, 0, 1, 10000), SHOAL_OK);
	world_run(&world, SHOAL_SEC(8));
	assert_int_equal(now(&world, 0).accept_unlabelled, 1);
	assert_int_equal(migrate(&world, 0, 0, 1, 0), SHOAL_OK);
	world_run(&world, SHOAL_SEC(100));
	assert_int_equal(now(&world, 0).accept_unlabelled, 1);
	assert_int_equal(migrate(&world, 0, 0, 0, 10000), SHOAL_OK);
	assert_int_equal(now(&world, 0).left_ms, 0);
	(void)said();
	assert_int_equal(migrate(&world, 0, 0, 0, 10000), SHOAL_OK);
	world_run(&world, SHOAL_SEC(30));
	assert_int_equal(said(), 0);
	world_done(&world);
}

static void
an_order_that_is_not_valid_changes_nothing(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	uint8_t data[SHOAL_MIGRATION_BYTES + 1] = {0};

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.label = "blue";
	world_add(&world, &config);
	sealed_config(&world, &config, 0);
	world_add(&world, &config);
	assert_int_equal(migrate(&world, 0, 0, 1, 0), SHOAL_OK);
	assert_int_equal(migrate(&world, 1, 1, 0, 0), SHOAL_OK);
	assert_int_equal(migrate(&world, 0, 1, 0, 0), SHOAL_ERR_INVALID); /* no keys */
	assert_int_equal(migrate(&world, 1, 0, 1, 0), SHOAL_ERR_INVALID); /* no label */
	assert_int_equal(migrate(&world, 0, 0, 3, 0), SHOAL_ERR_INVALID);
	assert_int_equal(migrate(&world, 1, 3, 0, 0), SHOAL_ERR_INVALID);
	assert_int_equal(migrate(&world, 1, 2, 0, UINT64_C(1) << 32), SHOAL_ERR_INVALID);
	for (size_t len = 0; len <= sizeof data; len++) {
		int rc = world_step(&world, 0,
		        (struct shoal_input){
		                .kind = SHOAL_INPUT_MIGRATE, .data = data, .len = len});
		assert_int_equal(rc == SHOAL_OK, len == SHOAL_MIGRATION_BYTES);
		assert_int_equal(now(&world, 0).accept_unlabelled, rc != SHOAL_OK && len < 10);
	}
	assert_int_equal(now(&world, 1).accept_clear, 1);
	world_done(&world);
}

static void
a_record_of_a_migration_replays_without_the_keys(void **state)
{
	struct shoal_recorder_config how;
	struct shoal_core_config config;
	struct shoal_replay_entry entry;
	struct shoal_replay *replay;
	struct core_world world;
	const uint8_t *data;
	size_t len, checked = 0;

	(void)state;
	tape_len = 0;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	for (size_t i = 0; i < NODES; i++) {
		sealed_config(&world, &config, 0);
		config.label = "blue";
		config.accept_clear = 2;
		world_add(&world, &config);
		if (i == 1) {
			shoal_recorder_config_init(&how);
			how.checkpoint_ns = SHOAL_SEC(1);
			assert_int_equal(shoal_recorder_new(&recorder, &config, &how), 0);
			assert_int_equal(shoal_recorder_begin(recorder, &data, &len), 0);
			keep(data, len);
			world.on_input = record;
		}
		assert_int_equal(migrate(&world, i, 2, 2, i == 1 ? 90000 : 0), SHOAL_OK);
		assert_int_equal(i == 0 ? SHOAL_OK : join_code(&world, i), SHOAL_OK);
	}
	world_run(&world, SHOAL_SEC(5));
	for (size_t i = 0; i < NODES; i++) {
		assert_int_equal(migrate(&world, i, 1, 1, i == 1 ? 90000 : 0), SHOAL_OK);
		world_run(&world, SHOAL_SEC(5));
	}
	world.node[2].up = false;
	world_run(&world, SHOAL_SEC(100));
	assert_int_equal(shoal_core_count(world_core(&world, 1), SHOAL_STATE_ALIVE), 2);
	assert_int_equal(now(&world, 1).accept_clear, 0);
	assert_int_equal(shoal_recorder_end(recorder, world_core(&world, 1), &data, &len), 0);
	keep(data, len);
	assert_int_equal(shoal_replay_new(&replay, tape, tape_len, NULL), 0);
	while (shoal_replay_step(replay, &entry)) {
		assert_true(entry.hash == entry.is_hash);
		checked += entry.kind == SHOAL_REPLAY_CHECKPOINT;
	}
	assert_int_equal(shoal_replay_status(replay, NULL), 0);
	assert_true(checked > 50);
	shoal_replay_free(replay);
	shoal_recorder_free(recorder);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_cluster_gets_a_label_round_by_round),
	        cmocka_unit_test(tables_are_the_same_with_the_label_and_without),
	        cmocka_unit_test(a_cluster_begins_to_seal_and_no_member_is_restarted_for_it_twice),
	        cmocka_unit_test(what_is_taken_besides_ends_by_itself_and_the_log_says_so_before),
	        cmocka_unit_test(what_is_over_when_the_warning_is_due_ends_at_once),
	        cmocka_unit_test(an_order_takes_the_place_of_the_one_before),
	        cmocka_unit_test(an_order_that_is_not_valid_changes_nothing),
	        cmocka_unit_test(a_record_of_a_migration_replays_without_the_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
