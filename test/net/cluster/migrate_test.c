/* SPDX-License-Identifier: MIT */
/* A cluster of live members gets a label and keys, round by round, and nobody is lost. */
#include "kit.h"

#include <stdio.h>
#include <string.h>

#define NODES 3

static const struct shoal_key key = {32, {7}};
static const char *const names[NODES] = {"a", "b", "c"};

/* Ids stay, and so do the addresses. */
static struct shoal_config
config_of(size_t i, const char *address)
{
	static const char *const ids[NODES] = {"11111111-1111-4111-8111-111111111111",
	        "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"};
	struct shoal_config config = kit_config(names[i]);

	config.id = ids[i];
	config.label = NULL;
	config.bind = address != NULL ? address : config.bind;
	return config;
}

static uint64_t
counted(struct shoal_cluster *cluster, enum shoal_counter counter)
{
	struct shoal_counters counters;

	shoal_cluster_counters(cluster, &counters);
	return counters.value[counter];
}

static void
expect_whole(struct shoal_cluster *node[NODES])
{
	for (size_t i = 0; i < NODES; i++) {
		kit_await_members(NULL, node[i], NODES);
		assert_int_equal(counted(node[i], SHOAL_COUNTER_DROP_LABEL), 0);
		assert_int_equal(counted(node[i], SHOAL_COUNTER_DROP_CLEAR), 0);
	}
}

/* How often probes of the first member were answered grows: of all others in turn. */
static bool
is_answered(void *arg)
{
	struct shoal_cluster **node = arg;
	static uint64_t before;
	uint64_t now = 0;
	bool passed;

	for (size_t i = 0; i < NODES; i++) {
		now += counted(node[i], SHOAL_COUNTER_PROBES_ACKED);
	}
	before = before == 0 ? now : before;
	passed = now >= before + 6;
	before = passed ? 0 : before;
	return passed;
}

static void
set_all(struct shoal_cluster *node[NODES], const char *value)
{
	for (size_t i = 0; i < NODES; i++) {
		assert_int_equal(shoal_cluster_set(node[i], "accept_clear", value), 0);
		assert_int_equal(shoal_cluster_set(node[i], "accept_unlabelled", value), 0);
		assert_true(kit_until(NULL, is_answered, node));
		expect_whole(node);
	}
}

static void
a_cluster_gets_a_label_and_keys_while_it_runs(void **state)
{
	struct shoal_cluster *node[NODES], *stranger;
	char address[NODES][SHOAL_ADDR_TEXT];
	struct shoal_migration migration;
	struct shoal_config config;
	const char *seed;

	(void)state;
	for (size_t i = 0; i < NODES; i++) {
		config = config_of(i, NULL);
		node[i] = kit_start(&config);
		snprintf(address[i], sizeof(address[i]), "%s", kit_address(node[i]));
		if (i > 0) {
			kit_join(node[i], address[0]);
		}
	}
	expect_whole(node);
	for (size_t i = 0; i < NODES; i++) {
		assert_int_equal(shoal_cluster_leave(node[i], 5000), 0);
		kit_free(node[i]);
		config = config_of(i, address[i]);
		config.label = "blue";
		config.keys = &key;
		config.key_count = 1;
		config.accept_clear = config.accept_unlabelled = 2;
		node[i] = kit_start(&config);
		kit_join(node[i], address[(i + 1) % NODES]);
		assert_true(kit_until(NULL, is_answered, node));
		expect_whole(node);
	}
	shoal_cluster_migration(node[0], &migration);
	assert_int_equal(migration.accept_clear, 2);
	assert_int_equal(migration.accept_unlabelled, 2);
	assert_int_equal(migration.left_ms, 0);
	set_all(node, "1");
	set_all(node, "0");
	config = config_of(0, NULL);
	config.id = NULL;
	stranger = kit_start(&config);
	seed = address[0];
	assert_int_not_equal(shoal_cluster_join(stranger, &seed, 1, 5000, NULL), 0);
	kit_await_members(NULL, node[0], NODES);
	kit_free(stranger);
	for (size_t i = 0; i < NODES; i++) {
		kit_free(node[i]);
	}
}

static bool
has_ended(void *arg)
{
	struct shoal_migration migration;

	shoal_cluster_migration(arg, &migration);
	return migration.accept_unlabelled == 0;
}

static bool
is_open(void *arg)
{
	return !has_ended(arg);
}

static _Atomic unsigned lines;

static void
on_line(const struct shoal_log_record *record, void *arg)
{
	(void)arg;
	lines += strcmp(record->room, "migrate") == 0;
}

static void
what_is_taken_besides_ends_by_itself(void **state)
{
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a;

	(void)state;
	config.label = "blue";
	config.accept_unlabelled = 1;
	config.accept_for_ms = 3600000;
	config.log = on_line;
	a = kit_start(&config);
	assert_true(kit_until(NULL, is_open, a));
	assert_int_equal(
	        shoal_cluster_set(a, "accept_clear", "1"), SHOAL_ERR_INVALID); /* no keys */
	assert_int_equal(shoal_cluster_set(a, "accept_unlabelled", "3"), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_cluster_set(a, "accept_for_ms", "1"), 0);
	assert_true(kit_until(NULL, has_ended, a));
	unsigned told = lines;
	/* It stays ended, whatever else is set. */
	assert_int_equal(shoal_cluster_set(a, "accept_unlabelled", "1"), 0);
	assert_int_equal(shoal_cluster_set(a, "probe_interval_ms", "150"), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(shoal_cluster_key_use(a, 1), SHOAL_ERR_UNSUPPORTED);
		assert_true(has_ended(a));
		assert_int_equal(lines, told);
	}
	/* Another time opens it anew. */
	assert_int_equal(shoal_cluster_set(a, "accept_for_ms", "3600000"), 0);
	assert_true(kit_until(NULL, is_open, a));
	kit_free(a);
	config.label = NULL;
	assert_int_equal(shoal_config_check(&config), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "accept_unlabelled"));
}

/* Which modes are open. */
struct modes {
	struct shoal_cluster *cluster;
	unsigned clear, unlabelled;
};

static bool
are_modes(void *arg)
{
	const struct modes *modes = arg;
	struct shoal_migration migration;

	shoal_cluster_migration(modes->cluster, &migration);
	return migration.accept_clear == modes->clear &&
	       migration.accept_unlabelled == modes->unlabelled;
}

static void
closing_one_of_two_that_have_ended_opens_not_the_other(void **state)
{
	struct shoal_config config = kit_config("a");

	(void)state;
	config.label = "blue";
	config.keys = &key;
	config.key_count = 1;
	config.accept_clear = 1;
	config.accept_unlabelled = 1;
	config.accept_for_ms = 3600000;
	struct shoal_cluster *a = kit_start(&config);
	struct modes begun = {a, 1, 1}, none = {a, 0, 0}, clear = {a, 2, 0}, both = {a, 2, 1};

	assert_true(kit_until(NULL, are_modes, &begun));
	assert_int_equal(shoal_cluster_set(a, "accept_for_ms", "1"), 0);
	assert_true(kit_until(NULL, are_modes, &none));
	assert_int_equal(shoal_cluster_set(a, "accept_for_ms", "0"), 0);
	assert_int_equal(shoal_cluster_set(a, "accept_clear", "0"), 0);
	/* Whatever is told the loop after it is told behind it. */
	assert_int_equal(shoal_cluster_set(a, "accept_clear", "2"), 0);
	assert_true(kit_until(NULL, are_modes, &clear));
	assert_int_equal(shoal_cluster_set(a, "accept_for_ms", "3600000"), 0);
	assert_true(kit_until(NULL, are_modes, &both));
	kit_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_cluster_gets_a_label_and_keys_while_it_runs),
	        cmocka_unit_test(what_is_taken_besides_ends_by_itself),
	        cmocka_unit_test(closing_one_of_two_that_have_ended_opens_not_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
