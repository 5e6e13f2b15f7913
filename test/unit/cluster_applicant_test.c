/* SPDX-License-Identifier: MIT */
/* Questions to the accept callback: how many wait for the callbacks' thread, and which of them are
 * still asked. */
#include "cluster_talk.h"

#include "cluster/cluster.h"
#include "cluster/members/applicant.h"

#define PLACES 1152
/* The first that a core asks about. */
#define FIRST (UINT64_C(1) << 32)

struct door {
	size_t asked;
	uint64_t ticket; /* of the latest */
};

static void
on_accept(struct shoal_cluster *cluster, const struct shoal_applicant *applicant, void *arg)
{
	struct door *door = arg;

	(void)cluster;
	door->asked++;
	door->ticket = applicant->ticket;
}

/* One asks, and two waits for the answer. */
static void
begin(struct talk *talk, struct door *door, size_t *joined)
{
	char address[SHOAL_ADDR_TEXT];
	const char *seeds[] = {address};
	struct shoal_config config;

	memset(talk, 0, sizeof(*talk));
	memset(door, 0, sizeof(*door));
	*joined = 0;
	talk->base = event_base_new();
	assert_int_equal(shoal_memory_net_new(&talk->net, NULL), 0);
	shoal_config_init(&config);
	config.accept = on_accept;
	config.accept_arg = door;
	talk->one = talk_make(talk, "one", &config);
	shoal_config_init(&config);
	talk->two = talk_make(talk, "two", &config);
	assert_int_equal(shoal_cluster_address(talk->one, address, sizeof(address)), 0);
	assert_int_equal(
	        shoal_cluster_join_async(talk->two, seeds, 1, 20000, talk_joined, joined), 0);
	talk_until(talk, &door->asked, 1);
}

/* The core asks again and again about the one that waits, and callbacks do not run meanwhile. */
static size_t
ask(struct shoal_cluster *cluster, size_t times)
{
	const struct shoal_event event = {.kind = SHOAL_EVENT_APPLICANT, .exchange = FIRST};
	size_t queued = 0;

	for (size_t i = 0; i < times; i++) {
		shoal_applicant_asked(cluster, &event);
	}
	for (const struct shoal_list *at = cluster->callbacks.staged.next;
	        at != &cluster->callbacks.staged; at = at->next) {
		queued++;
	}
	return queued;
}

static void
run(struct talk *talk)
{
	shoal_callbacks_commit(&talk->one->callbacks, SHOAL_NEVER);
	while (shoal_callbacks_waiting(&talk->one->callbacks) > 0) {
		talk_turn(talk);
	}
}

static void
no_more_questions_wait_than_there_are_places_however_long_callbacks_take(void **state)
{
	struct talk talk;
	struct door door;
	size_t joined;

	(void)state;
	begin(&talk, &door, &joined);
	talk.one->applicants.asked_ms = 0; /* over at once */
	assert_int_equal(ask(talk.one, PLACES + 100), PLACES - 1);
	assert_int_equal(talk.one->applicants.asked.count, PLACES);
	run(&talk);
	assert_int_equal(door.asked, 1); /* what is over is not asked */
	assert_int_equal(talk.one->applicants.asked.count, 1);
	talk.one->applicants.asked_ms = 30000;
	assert_int_equal(ask(talk.one, 2), 2);
	run(&talk);
	assert_int_equal(door.asked, 3);
	assert_int_equal(shoal_accept(talk.one, door.ticket), 0);
	talk_until(&talk, &joined, 1);
	talk_done(&talk);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                no_more_questions_wait_than_there_are_places_however_long_callbacks_take),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
