/* SPDX-License-Identifier: MIT */
/* So many lines a second of each room and level; what is left out is counted and told. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "cluster/cluster.h"
#include "cluster/report/log.h"

#define RATE 20

static struct shoal_log_record
line(const char *room, enum shoal_log_level level)
{
	struct shoal_log_record record = {.level = level, .room = room};

	return record;
}

struct told {
	unsigned lines;
	struct shoal_log_record last;
};

static void
on_line(const struct shoal_log_record *record, void *arg)
{
	struct told *told = arg;

	told->lines++;
	told->last = *record;
}

/* How many of n lines may be told. */
static size_t
taken(struct shoal_log_gate *gate, const struct shoal_log_record *record, size_t n, uint64_t now)
{
	size_t told = 0;

	for (size_t i = 0; i < n; i++) {
		told += shoal_log_gate_takes(gate, RATE, record, now);
	}
	return told;
}

static void
a_flood_is_cut_to_the_burst_and_then_to_the_rate(void **state)
{
	struct shoal_log_record record = line("members", SHOAL_LOG_INFO), note;
	struct shoal_log_gate gate = {.rows = 0};
	uint64_t now = SHOAL_SEC(1000);

	(void)state;
	assert_int_equal(taken(&gate, &record, 1000, now), SHOAL_LOG_BURST * RATE);
	assert_int_equal(gate.due, now + SHOAL_LOG_NOTE);
	assert_int_equal(taken(&gate, &record, 1000, now + SHOAL_MS(500)), RATE / 2);
	assert_false(shoal_log_gate_left_out(&gate, RATE, gate.due - 1, false, &note));
	assert_int_equal(taken(&gate, &record, 1000, now + SHOAL_MS(1500)), RATE);
	/* A quiet time gives back a burst, and no more. */
	now += SHOAL_SEC(3600);
	assert_true(shoal_log_gate_left_out(&gate, RATE, now, false, &note));
	assert_string_equal(note.room, "members");
	assert_int_equal(note.level, SHOAL_LOG_INFO);
	assert_string_equal(note.text, "2870 lines of this room and level were left out: more than "
	                               "log_rate, 20 a second");
	assert_false(shoal_log_gate_left_out(&gate, RATE, now, true, &note));
	assert_int_equal(gate.due, 0);
	assert_int_equal(taken(&gate, &record, 1000, now), SHOAL_LOG_BURST * RATE);
}

static void
a_flood_of_one_room_and_level_leaves_room_for_the_others(void **state)
{
	struct shoal_log_record flood = line("members", SHOAL_LOG_DEBUG), note;
	struct shoal_log_record level = line("members", SHOAL_LOG_WARN);
	struct shoal_log_record room = line("seal", SHOAL_LOG_DEBUG);
	struct shoal_log_record error = line("members", SHOAL_LOG_ERROR);
	struct shoal_log_gate gate = {.rows = 0};
	uint64_t now = SHOAL_SEC(7);

	(void)state;
	assert_int_equal(taken(&gate, &flood, 10000, now), SHOAL_LOG_BURST * RATE);
	assert_int_equal(taken(&gate, &level, 50, now), 50);
	assert_int_equal(taken(&gate, &room, 50, now), 50);
	assert_int_equal(taken(&gate, &error, 10000, now), 10000);
	assert_true(shoal_log_gate_left_out(&gate, RATE, now, true, &note));
	assert_int_equal(note.level, SHOAL_LOG_DEBUG);
	assert_false(shoal_log_gate_left_out(&gate, RATE, now, true, &note));
}

static void
without_a_rate_all_lines_are_told(void **state)
{
	struct shoal_log_record record = line("members", SHOAL_LOG_INFO);
	struct shoal_log_gate gate = {.rows = 0};

	(void)state;
	for (size_t i = 0; i < 10000; i++) {
		assert_true(shoal_log_gate_takes(&gate, 0, &record, SHOAL_SEC(1)));
	}
}

static void
more_rooms_than_there_are_rows_share_one(void **state)
{
	static char names[2 * SHOAL_LOG_ROWS][8];
	struct shoal_log_gate gate = {.rows = 0};
	size_t told = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		snprintf(names[i], sizeof(names[i]), "r%zu", i);
		struct shoal_log_record record = line(names[i], SHOAL_LOG_INFO);
		told += taken(&gate, &record, 1000, SHOAL_SEC(1));
	}
	assert_int_equal(told, SHOAL_LOG_ROWS * SHOAL_LOG_BURST * RATE);
	assert_int_equal(gate.rows, SHOAL_LOG_ROWS);
}

static struct shoal_core *
make_core(void)
{
	struct shoal_core_config config;
	struct shoal_core *core;

	shoal_core_config_init(&config);
	config.salt.bytes[0] = 1;
	config.mono_ns = SHOAL_SEC(1);
	config.wall_ns = SHOAL_SEC(1700000000);
	config.name = "a";
	config.addr[0].ip[15] = 1;
	config.addr[0].port = 1;
	config.addrs = 1;
	assert_int_equal(shoal_core_new(&core, &config, NULL, 0), 0);
	return core;
}

/* The core is one that has counted: no step that fills its ring is needed. */
static void
what_the_core_has_no_place_for_is_told_once(void **state)
{
	static struct shoal_cluster cluster;
	struct told told = {0};
	struct shoal_counters *counters;

	(void)state;
	cluster.settings.config.log = on_line;
	cluster.settings.config.log_arg = &told;
	cluster.settings.config.log_level = SHOAL_LOG_INFO;
	cluster.core = make_core();
	counters = (struct shoal_counters *)shoal_core_counters(cluster.core);
	shoal_log_turn(&cluster);
	assert_int_equal(told.lines, 0);
	counters->value[SHOAL_COUNTER_DROP_LOGS_FULL] = 64;
	shoal_log_turn(&cluster);
	shoal_log_turn(&cluster);
	assert_int_equal(told.lines, 1);
	assert_int_equal(told.last.level, SHOAL_LOG_WARN);
	assert_non_null(strstr(told.last.text, "64 lines were lost"));
	counters->value[SHOAL_COUNTER_DROP_LOGS_FULL] = 81;
	shoal_log_turn(&cluster);
	assert_int_equal(told.lines, 2);
	assert_non_null(strstr(told.last.text, "17 lines were lost"));
	shoal_core_free(cluster.core);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_flood_is_cut_to_the_burst_and_then_to_the_rate),
	        cmocka_unit_test(a_flood_of_one_room_and_level_leaves_room_for_the_others),
	        cmocka_unit_test(without_a_rate_all_lines_are_told),
	        cmocka_unit_test(more_rooms_than_there_are_rows_share_one),
	        cmocka_unit_test(what_the_core_has_no_place_for_is_told_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
