/* SPDX-License-Identifier: MIT */
/* Other settings for a cluster that runs: what may change counts at once, what is fixed is named,
 * nothing is half taken; and members that are to be forgotten. */
#include "kit.h"

#include <stdlib.h>

static uint64_t
pings(struct shoal_cluster *cluster)
{
	struct shoal_counters counters;

	shoal_cluster_counters(cluster, &counters);
	return counters.value[SHOAL_COUNTER_PROBES];
}

struct look {
	struct shoal_cluster *cluster;
	uint64_t wanted;
};

static bool
has_probed(void *arg)
{
	const struct look *look = arg;

	return pings(look->cluster) >= look->wanted;
}

static void
a_field_that_may_change_counts_at_once(void **state)
{
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a, *b = kit_member("b");

	(void)state;
	config.profile.probe_interval_ms = 600000;
	a = kit_start(&config);
	kit_join(a, kit_address(b));
	kit_await_members(NULL, a, 2);
	struct look look = {a, pings(a) + 5};
	assert_int_equal(shoal_cluster_set(a, "probe_interval_ms", "150"), 0);
	assert_true(kit_until(NULL, has_probed, &look));
	assert_int_equal(shoal_cluster_set(a, "log_level", "debug"), 0);
	kit_free(a);
	kit_free(b);
}

static void
what_is_fixed_unknown_or_not_valid_is_refused_and_says_why(void **state)
{
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a = kit_new(&config);

	(void)state;
	assert_int_equal(shoal_cluster_set(a, "probe_interval_ms", "150"), SHOAL_ERR_STATE);
	assert_int_equal(shoal_cluster_reconfigure(a, &config, NULL, NULL), SHOAL_ERR_STATE);
	assert_int_equal(shoal_cluster_start(a), 0);
	assert_int_equal(shoal_cluster_set(a, "bind", "127.0.0.1:1"), SHOAL_ERR_STATE);
	assert_non_null(strstr(shoal_last_error(), "bind: cannot change"));
	assert_int_equal(shoal_cluster_set(a, "members_max", "77"), SHOAL_ERR_STATE);
	assert_non_null(strstr(shoal_last_error(), "members_max"));
	assert_int_equal(shoal_cluster_set(a, "profile", "wan"), SHOAL_ERR_STATE);
	assert_int_equal(shoal_cluster_set(a, "probe_interval_ms", "250"), 0); /* as it was */
	assert_int_equal(shoal_cluster_set(a, "wings", "2"), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_cluster_set(a, "probe_interval_ms", "0"), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "probe_interval_ms"));
	assert_int_equal(shoal_cluster_set(a, "probe_timeout_ms", "500000"), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_cluster_set(a, "name", "a"), 0); /* as it is */
	assert_int_equal(shoal_cluster_stop(a), 0);
	assert_int_equal(shoal_cluster_set(a, "gossip_fanout", "2"), SHOAL_ERR_STATE);
	kit_free(a);
}

struct report {
	char text[512];
};

static void
on_field(const char *field, bool in_force, void *arg)
{
	struct report *report = arg;
	size_t len = strlen(report->text);

	snprintf(report->text + len, sizeof(report->text) - len, "%s%s ", in_force ? "" : "!",
	        field);
}

static void
tags_of(struct shoal_cluster *cluster, char *text, size_t len)
{
	struct shoal_member *self = shoal_cluster_self(cluster);

	text[0] = '\0';
	for (size_t i = 0; i < shoal_member_tags(self); i++) {
		snprintf(text + strlen(text), len - strlen(text), "%s ", shoal_member_tag(self, i));
	}
	shoal_member_unref(self);
}

static bool
has_tags(void *arg)
{
	char text[128];

	tags_of(((struct look *)arg)->cluster, text, sizeof(text));
	return strcmp(text, "blue hot own ") == 0;
}

static void
a_whole_config_is_taken_over_and_what_needs_a_restart_is_named(void **state)
{
	struct shoal_config config = kit_config("a"), next;
	struct report report = {""};
	struct shoal_cluster *a;

	(void)state;
	config.tags = "red,hot";
	a = kit_start(&config);
	assert_int_equal(shoal_tag_add(a, "own"), 0);
	next = config;
	next.tags = "blue,hot";
	next.bind = "127.0.0.1:7";
	next.events_max = 17;
	next.profile.gossip_fanout = 5;
	next.profile.watchers = 1;
	next.log_level = SHOAL_LOG_ERROR;
	assert_int_equal(shoal_cluster_reconfigure(a, &next, on_field, &report), 0);
	assert_string_equal(
	        report.text, "!bind tags !events_max gossip_fanout !watchers log_level ");
	struct look look = {a, 0};
	assert_true(kit_until(NULL, has_tags, &look));
	/* What is in force is so; what was not taken is told again. */
	memset(&report, 0, sizeof(report));
	assert_int_equal(shoal_cluster_reconfigure(a, &next, on_field, &report), 0);
	assert_string_equal(report.text, "!bind !events_max !watchers ");
	/* Nothing of what is not valid as a whole counts. */
	memset(&report, 0, sizeof(report));
	next.profile.gossip_fanout = 2;
	next.profile.relays = 99;
	assert_int_equal(shoal_cluster_reconfigure(a, &next, on_field, &report), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "relays"));
	next.profile.relays = config.profile.relays;
	next.profile.gossip_fanout = 5;
	assert_int_equal(shoal_cluster_reconfigure(a, &next, on_field, &report), 0);
	assert_string_equal(report.text, "!bind !events_max !watchers ");
	kit_free(a);
}

static void
a_dead_member_is_forgotten_by_all(void **state)
{
	struct kit_events events = KIT_EVENTS;
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b"), *c = kit_member("c");
	struct shoal_id id, nobody = {{7}};

	(void)state;
	assert_int_equal(shoal_on_member(b, SHOAL_EVENT_ALL, kit_on_member, &events), 0);
	kit_join(b, kit_address(a));
	kit_join(c, kit_address(a));
	kit_await_members(NULL, a, 3);
	kit_await_members(NULL, b, 3);
	id = kit_id_of(a, "c");
	assert_int_equal(shoal_cluster_forget(a, &id), SHOAL_ERR_STATE);
	assert_non_null(strstr(shoal_last_error(), "c is alive"));
	assert_int_equal(shoal_cluster_forget(a, &nobody), SHOAL_ERR_NOT_FOUND);
	kit_free(c);
	kit_await_state(NULL, a, "c", SHOAL_STATE_DEAD);
	kit_await_state(NULL, b, "c", SHOAL_STATE_DEAD);
	assert_int_equal(shoal_cluster_forget(a, &id), 0);
	kit_await_event(NULL, &events, SHOAL_EVENT_REAP, "c");
	kit_await_state(NULL, a, "c", SHOAL_STATE_UNKNOWN);
	kit_await_state(NULL, b, "c", SHOAL_STATE_UNKNOWN);
	for (size_t i = 0; i < events.count; i++) {
		if (events.event[i].kind == SHOAL_EVENT_REAP) {
			assert_int_equal(events.event[i].cause, SHOAL_CAUSE_FORGOTTEN);
		}
	}
	kit_free(a);
	kit_free(b);
}

static void
whatever(const char *field, bool taken, void *arg)
{
	(void)field;
	(void)taken;
	++*(size_t *)arg;
}

static void
a_member_with_keys_takes_other_settings_too(void **state)
{
	static const struct shoal_key key = {32, {7}};
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a;
	size_t told = 0;

	(void)state;
	config.keys = &key;
	config.key_count = 1;
	config.accept_clear = 1;
	a = kit_start(&config);
	assert_int_equal(shoal_cluster_set(a, "probe_interval_ms", "150"), 0);
	config.profile.probe_interval_ms = 150;
	assert_int_equal(shoal_cluster_reconfigure(a, &config, whatever, &told), 0);
	assert_int_equal(told, 0);
	assert_int_equal(shoal_cluster_set(a, "compress_min", "0"), SHOAL_ERR_STATE);
	kit_free(a);
}

/* Lines of a kind that were told, and that were said to be left out. */
struct lines {
	_Atomic unsigned long told, left_out;
};

static bool
some_were_left_out(void *arg)
{
	return ((struct lines *)arg)->left_out > 0;
}

static void
on_line(const struct shoal_log_record *record, void *arg)
{
	struct lines *lines = arg;

	if (strcmp(record->room, "config") == 0 && strstr(record->text, "left out") != NULL) {
		lines->left_out += strtoul(record->text, NULL, 10);
	} else if (strstr(record->text, "allow does not name") != NULL) {
		lines->told++;
	}
}

static void
lines_above_the_rate_are_left_out_and_counted(void **state)
{
	static const char *const lists[] = {"10.0.0.0/8", "192.168.0.0/16"};
	struct shoal_config config = kit_config("a");
	struct lines lines = {0, 0};
	uint64_t begun = kit_now_ms();
	struct shoal_cluster *a;

	(void)state;
	config.log = on_line;
	config.log_arg = &lines;
	config.log_rate = 1;
	a = kit_start(&config);
	for (size_t i = 0; i < 60; i++) {
		assert_int_equal(shoal_cluster_set(a, "allow", lists[i % 2]), 0);
		/* The loop has most probably taken it when it has done this. */
		assert_int_equal(shoal_cluster_key_use(a, 1), SHOAL_ERR_UNSUPPORTED);
	}
	/* No other line comes meanwhile. */
	uint64_t flooded = kit_now_ms() - begun;
	assert_true(kit_until(NULL, some_were_left_out, &lines) || flooded > 10000);
	kit_free(a);
	uint64_t seconds = (kit_now_ms() - begun) / 1000;
	assert_true(lines.told > 0 && lines.told <= 5 + seconds + 1);
	assert_true(lines.told + lines.left_out <= 60);
}

/* What one member saw of the addresses of another. */
struct moves {
	pthread_mutex_t lock;
	unsigned changed; /* of all updates */
	char address[SHOAL_ADDR_TEXT];
};

static void
on_update(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct moves *moves = arg;

	(void)cluster;
	pthread_mutex_lock(&moves->lock);
	moves->changed |= event->changed;
	shoal_addr_print(
	        shoal_member_address(event->member), moves->address, sizeof(moves->address));
	pthread_mutex_unlock(&moves->lock);
}

static bool
has_moved(void *arg)
{
	struct moves *moves = arg;
	bool moved;

	pthread_mutex_lock(&moves->lock);
	moved = strncmp(moves->address, "127.0.0.2:", 10) == 0;
	pthread_mutex_unlock(&moves->lock);
	return moved;
}

static void
a_member_that_advertises_another_address_is_reached_there(void **state)
{
	struct shoal_config config = kit_config("a");
	struct moves moves = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct report report = {""};
	struct shoal_cluster *a, *b = kit_member("b"), *c = kit_member("c");

	(void)state;
	config.bind = "127.0.0.1:0,127.0.0.2:0";
	config.advertise = "127.0.0.1";
	a = kit_start(&config);
	kit_join(b, kit_address(a));
	kit_await_members(NULL, b, 2);
	assert_int_equal(shoal_on_member(b, SHOAL_EVENT_UPDATE, on_update, &moves), 0);
	assert_int_equal(shoal_cluster_set(a, "advertise", "0.0.0.0"), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "advertise"));
	assert_int_equal(shoal_cluster_set(a, "advertise", "127.0.0.2"), 0);
	assert_true(kit_until(NULL, has_moved, &moves));
	assert_int_equal(moves.changed, SHOAL_CHANGE_ADDRESS);
	assert_string_equal(moves.address, kit_address(a));
	/* Nobody was told of the first one any more. */
	kit_join(c, kit_address(a));
	kit_await_members(NULL, c, 3);
	config.advertise = NULL;
	assert_int_equal(shoal_cluster_reconfigure(a, &config, on_field, &report), 0);
	assert_string_equal(report.text, "advertise ");
	kit_await_state(NULL, b, "a", SHOAL_STATE_ALIVE);
	kit_free(a);
	kit_free(b);
	kit_free(c);
}

/* Its watchers' links end where it binds: behind a forwarder they would say nothing of its death.
 */
static void
an_address_that_is_not_bound_needs_a_restart_where_it_is_watched(void **state)
{
	struct shoal_config config = kit_config("a");
	struct report report = {""};
	char before[SHOAL_ADDR_TEXT];
	struct shoal_cluster *a;

	(void)state;
	config.profile.watchers = 0;
	a = kit_start(&config);
	assert_int_equal(shoal_cluster_set(a, "advertise", "127.0.0.9:9"), 0);
	kit_free(a);
	config.profile.watchers = 3;
	a = kit_start(&config);
	snprintf(before, sizeof(before), "%s", kit_address(a));
	assert_int_equal(shoal_cluster_set(a, "advertise", "127.0.0.9:9"), SHOAL_ERR_STATE);
	assert_non_null(strstr(shoal_last_error(), "advertise"));
	config.advertise = "127.0.0.9:9";
	config.tags = "hot";
	assert_int_equal(shoal_cluster_reconfigure(a, &config, on_field, &report), 0);
	assert_non_null(strstr(report.text, "!advertise "));
	assert_non_null(strstr(report.text, "tags "));
	assert_string_equal(kit_address(a), before);
	kit_free(a);
	/* From one behind a forwarder to another one, and back to what is bound. */
	a = kit_start(&config);
	assert_int_equal(shoal_cluster_set(a, "advertise", "127.0.0.9:10"), 0);
	config.advertise = NULL;
	report.text[0] = '\0';
	assert_int_equal(shoal_cluster_reconfigure(a, &config, on_field, &report), 0);
	assert_string_equal(report.text, "!advertise ");
	kit_free(a);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_field_that_may_change_counts_at_once),
	        cmocka_unit_test(what_is_fixed_unknown_or_not_valid_is_refused_and_says_why),
	        cmocka_unit_test(a_whole_config_is_taken_over_and_what_needs_a_restart_is_named),
	        cmocka_unit_test(a_dead_member_is_forgotten_by_all),
	        cmocka_unit_test(lines_above_the_rate_are_left_out_and_counted),
	        cmocka_unit_test(a_member_with_keys_takes_other_settings_too),
	        cmocka_unit_test(a_member_that_advertises_another_address_is_reached_there),
	        cmocka_unit_test(an_address_that_is_not_bound_needs_a_restart_where_it_is_watched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
