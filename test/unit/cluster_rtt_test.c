/* SPDX-License-Identifier: MIT */
/* Round trips between members: asked of the one that measured them. */
#include "cluster_talk.h"

#include "cluster/message/request.h"

struct told {
	size_t calls;
	int code;
	uint64_t rtt_ns;
	char text[160];
};

static void
on_rtt(struct shoal_cluster *cluster, int code, const char *text, uint64_t rtt_ns, void *arg)
{
	struct told *told = arg;

	(void)cluster;
	told->calls++;
	told->code = code;
	told->rtt_ns = rtt_ns;
	snprintf(told->text, sizeof(told->text), "%s", text);
}

static void
begin(struct talk *talk)
{
	struct shoal_config config;

	shoal_config_init(&config);
	config.profile.probe_interval_ms = 100;
	config.profile.probe_timeout_ms = 50;
	talk_begin(talk, &config);
}

static void
ask(struct talk *talk, const struct shoal_id *to, struct told *told)
{
	size_t before = told->calls;

	assert_int_equal(
	        shoal_cluster_rtt_ask(talk->one, &talk->id_two, to, 10000, on_rtt, told), 0);
	talk_until(talk, &told->calls, before + 1);
}

static void
what_a_member_measured_is_asked_of_it(void **state)
{
	struct told told = {0};
	struct talk talk = {0};
	uint64_t own = 0;

	(void)state;
	begin(&talk);
	for (unsigned i = 0; own == 0; i++) {
		assert_true(i < 60000);
		talk_turn(&talk);
		assert_int_equal(shoal_cluster_rtt(talk.one, NULL, &talk.id_two, 1, &own), 0);
	}
	assert_int_equal(shoal_cluster_rtt(talk.one, &talk.id_one, &talk.id_two, 1, &own), 0);
	assert_true(own > 0);
	do {
		ask(&talk, &talk.id_one, &told);
		assert_int_equal(told.code, 0);
		assert_string_equal(told.text, "");
	} while (told.rtt_ns == 0 && told.calls < 10000);
	assert_true(told.rtt_ns > 0);
	talk_done(&talk);
}

static void
whom_the_other_does_not_know_it_has_not_measured(void **state)
{
	const struct shoal_id stranger = {{1, 2, 3}};
	struct told told = {0};
	struct talk talk = {0};

	(void)state;
	begin(&talk);
	ask(&talk, &stranger, &told);
	assert_int_equal(told.code, SHOAL_ERR_NOT_FOUND);
	assert_non_null(strstr(told.text, "does not know"));
	assert_int_equal(told.rtt_ns, 0);
	talk_done(&talk);
}

static void
a_question_that_makes_no_sense_is_refused(void **state)
{
	const struct shoal_id stranger = {{1, 2, 3}};
	struct told told = {0};
	struct talk talk = {0};
	uint64_t rtt_ns = 7;

	(void)state;
	begin(&talk);
	assert_int_equal(
	        shoal_cluster_rtt(talk.one, NULL, &talk.id_one, 1, &rtt_ns), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_cluster_rtt(talk.one, &talk.id_two, &talk.id_two, 1, &rtt_ns),
	        SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_cluster_rtt(talk.one, NULL, &stranger, 1, &rtt_ns), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(rtt_ns, 0);
	assert_int_equal(shoal_cluster_rtt_ask(talk.one, NULL, &talk.id_two, 1000, on_rtt, &told),
	        SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "shoal_member_rtt"));
	assert_int_equal(
	        shoal_cluster_rtt_ask(talk.one, &talk.id_two, &talk.id_one, 1000, NULL, &told),
	        SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_cluster_rtt_ask(talk.one, &stranger, &talk.id_two, 1000, on_rtt, &told),
	        SHOAL_ERR_NOT_FOUND);
	assert_int_equal(told.calls, 0);
	talk_done(&talk);
}

static void
on_reply(struct shoal_cluster *cluster, int code, const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	on_rtt(cluster, code, "", 0, arg);
}

static void
a_question_of_another_length_is_refused_by_the_other(void **state)
{
	struct told told = {0};
	struct talk talk = {0};

	(void)state;
	begin(&talk);
	for (size_t len = 0; len <= 17; len += len == 15 ? 2 : 1) {
		size_t before = told.calls;

		assert_int_equal(shoal_request(talk.one, &talk.id_two, SHOAL_TYPE_RTT,
		                         "abcdefghijklmnopq", len, 10000, on_reply, &told, NULL),
		        0);
		talk_until(&talk, &told.calls, before + 1);
		assert_int_equal(told.code, SHOAL_ERR_INVALID);
	}
	talk_done(&talk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_a_member_measured_is_asked_of_it),
	        cmocka_unit_test(whom_the_other_does_not_know_it_has_not_measured),
	        cmocka_unit_test(a_question_that_makes_no_sense_is_refused),
	        cmocka_unit_test(a_question_of_another_length_is_refused_by_the_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
