/* SPDX-License-Identifier: MIT */
/* What a member says of where it listens and of what others are told, over the loopback. */
#include "unit.h"

#include <shoal/shoal.h>

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

struct stage {
	struct event_base *base;
	struct shoal_cluster *cluster;
	size_t ends;
	char log[4096]; /* warnings behind a ! */
};

static void
on_log(const struct shoal_log_record *record, void *arg)
{
	struct stage *stage = arg;
	size_t len = strlen(stage->log);

	snprintf(stage->log + len, sizeof(stage->log) - len, "%s%s\n",
	        record->level <= SHOAL_LOG_WARN ? "! " : "", record->text);
}

static void
on_end(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct stage *stage = arg;

	(void)cluster;
	(void)code;
	(void)text;
	(void)reached;
	stage->ends++;
}

static void
make(struct stage *stage, const char *bind, const char *advertise)
{
	struct shoal_config config;

	memset(stage, 0, sizeof(*stage));
	stage->base = event_base_new();
	shoal_config_init(&config);
	config.name = "a";
	config.bind = bind;
	config.advertise = advertise;
	config.run = SHOAL_RUN_BASE;
	config.base = stage->base;
	config.log = on_log;
	config.log_arg = stage;
	config.log_rate = 0;
	assert_int_equal(shoal_cluster_new(&stage->cluster, &config), 0);
}

static void
open_stage(struct stage *stage, const char *bind, const char *advertise)
{
	make(stage, bind, advertise);
	assert_int_equal(shoal_cluster_start(stage->cluster), 0);
}

static void
close_stage(struct stage *stage)
{
	assert_int_equal(shoal_cluster_free(stage->cluster), 0);
	event_base_free(stage->base);
}

static void
turn(struct stage *stage)
{
	const struct timeval step = {.tv_usec = 1000};

	event_base_loopexit(stage->base, &step);
	event_base_dispatch(stage->base);
}

/* The i-th address that is bound. */
static const char *
bound(const struct stage *stage, size_t i, char text[SHOAL_URL_TEXT])
{
	assert_int_equal(shoal_cluster_bound(stage->cluster, i, text, SHOAL_URL_TEXT), 0);
	return text;
}

static void
has_line(const struct stage *stage, const char *form, const char *one, const char *two)
{
	char line[600];

	snprintf(line, sizeof(line), form, one, two);
	if (strstr(stage->log, line) == NULL) {
		fail_msg("\"%s\" is not in\n%s", line, stage->log);
	}
}

static void
every_address_that_is_bound_is_told_with_its_port(void **state)
{
	char text[SHOAL_URL_TEXT];
	struct shoal_addr first, second;
	struct shoal_member *self;
	struct stage stage;

	(void)state;
	make(&stage, "127.0.0.1:0,127.0.0.2:0,http://127.0.0.1:0/g", NULL);
	assert_int_equal(
	        shoal_cluster_bound(stage.cluster, 0, text, sizeof(text)), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_cluster_start(stage.cluster), 0);
	has_line(&stage, "%s is bound\n%s", bound(&stage, 0, text), "");
	assert_int_equal(shoal_addr_parse(&first, text), 0);
	has_line(&stage, "%s is bound\n%s", bound(&stage, 1, text), "");
	assert_int_equal(shoal_addr_parse(&second, text), 0);
	assert_int_not_equal(first.port, 0);
	assert_int_equal(first.port, second.port);
	has_line(&stage, "%s is bound\n%s", bound(&stage, 2, text), "");
	self = shoal_cluster_self(stage.cluster);
	assert_string_equal(shoal_member_url(self), text);
	shoal_member_unref(self);
	assert_null(strchr(stage.log, '!'));
	assert_int_equal(shoal_cluster_bound(stage.cluster, 2, text, 10), SHOAL_ERR_TOO_BIG);
	assert_int_equal(
	        shoal_cluster_bound(stage.cluster, 3, text, sizeof(text)), SHOAL_ERR_NOT_FOUND);
	close_stage(&stage);
}

static void
what_others_are_told_in_its_place_stands_beside_it(void **state)
{
	char text[SHOAL_URL_TEXT];
	struct stage stage;

	(void)state;
	open_stage(
	        &stage, "0.0.0.0:0,http://0.0.0.0:0/g", "10.1.2.3:4567,https://members.example/a");
	has_line(&stage, "%s is bound, peers are told %s\n", bound(&stage, 0, text),
	        "10.1.2.3:4567");
	has_line(&stage, "%s is bound, peers are told %s\n", bound(&stage, 1, text),
	        "https://members.example/a");
	close_stage(&stage);
}

/* As of sockets: a slip that is seen at the start, or when a member elsewhere is asked. */
static void
a_url_that_only_this_machine_reaches_is_warned_of(void **state)
{
	const char *here = "http://localhost:1/g", *there = "http://192.0.2.1:9/g";
	char text[SHOAL_URL_TEXT];
	struct stage stage;

	(void)state;
	open_stage(&stage, "http://0.0.0.0:0/g", "http://localhost:8001/g");
	has_line(&stage, "! peers are told %s, where only those on this machine reach it%s",
	        "http://localhost:8001/g", "");
	close_stage(&stage);

	open_stage(&stage, "http://127.0.0.1:0/g", NULL);
	assert_int_equal(shoal_cluster_join_async(stage.cluster, &here, 1, 100, on_end, &stage), 0);
	for (unsigned i = 0; stage.ends == 0; i++) {
		assert_true(i < 30000);
		turn(&stage);
	}
	assert_null(strstr(stage.log, "does not reach it"));
	assert_int_equal(
	        shoal_cluster_join_async(stage.cluster, &there, 1, 100, on_end, &stage), 0);
	for (unsigned i = 0; strstr(stage.log, "does not reach it") == NULL; i++) {
		assert_true(i < 30000);
		turn(&stage);
	}
	has_line(&stage,
	        "! this member is at %s, where a member at %s does not reach it, "
	        "unless that is on this machine",
	        bound(&stage, 0, text), there);
	close_stage(&stage);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_address_that_is_bound_is_told_with_its_port),
	        cmocka_unit_test(what_others_are_told_in_its_place_stands_beside_it),
	        cmocka_unit_test(a_url_that_only_this_machine_reaches_is_warned_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
