/* SPDX-License-Identifier: MIT */
/* The accept callback: decided at once, later, on another thread, or by nobody; what the joiner is
 * told, and who else is asked about. */
#include "kit.h"

/* What one member's application was asked, and how it answers. */
struct door {
	pthread_mutex_t lock;
	unsigned asked;
	uint64_t ticket; /* of the latest */
	char name[32], from_itself[32];
	uint32_t app_version;
	bool later;         /* somebody else decides */
	const char *refuse; /* the name of one that is refused */
	int first, second;  /* what decisions returned */
};
#define DOOR                                                                                       \
	{                                                                                          \
		.lock = PTHREAD_MUTEX_INITIALIZER                                                  \
	}

static void
on_accept(struct shoal_cluster *cluster, const struct shoal_applicant *applicant, void *arg)
{
	const char *name = shoal_member_name(applicant->member);
	struct door *door = arg;

	pthread_mutex_lock(&door->lock);
	door->asked++;
	door->ticket = applicant->ticket;
	door->app_version = shoal_member_app_version(applicant->member);
	snprintf(door->name, sizeof(door->name), "%s", name);
	if (shoal_id_compare(&applicant->cause.from, shoal_member_id(applicant->member)) == 0) {
		snprintf(door->from_itself, sizeof(door->from_itself), "%s", name);
	}
	if (!door->later) {
		bool no = door->refuse != NULL && strcmp(door->refuse, name) == 0;
		door->first =
		        no ? shoal_refuse(cluster, applicant->ticket, "app version 3 is too old")
		           : shoal_accept(cluster, applicant->ticket);
		door->second = shoal_accept(cluster, applicant->ticket);
	}
	pthread_mutex_unlock(&door->lock);
}

static unsigned
asked(struct door *door)
{
	pthread_mutex_lock(&door->lock);
	unsigned n = door->asked;
	pthread_mutex_unlock(&door->lock);
	return n;
}

static bool
was_asked(void *arg)
{
	return asked(arg) > 0;
}

static bool
was_asked_twice(void *arg)
{
	return asked(arg) > 1;
}

static struct shoal_cluster *
start_with(const char *name, struct door *door)
{
	struct shoal_config config = kit_config(name);

	config.accept = on_accept;
	config.accept_arg = door;
	return kit_start(&config);
}

struct decider {
	struct shoal_cluster *cluster;
	struct door *door;
	int rc;
};

static void *
decide(void *arg)
{
	struct decider *decider = arg;

	decider->rc = shoal_accept(decider->cluster, decider->door->ticket);
	return NULL;
}

static void
a_joiner_is_accepted_later_from_another_thread(void **state)
{
	struct door door = DOOR;
	struct kit_done done = KIT_DONE;

	(void)state;
	door.later = true;
	struct shoal_cluster *seed = start_with("seed", &door);
	struct shoal_config config = kit_config("joiner");
	config.app_version = 7;
	struct shoal_cluster *joiner = kit_start(&config);
	const char *address = kit_address(seed);
	struct decider decider = {seed, &door, -1};
	pthread_t thread;

	assert_int_equal(
	        shoal_cluster_join_async(joiner, &address, 1, KIT_PATIENCE_MS, kit_on_done, &done),
	        0);
	assert_true(kit_until(NULL, was_asked, &door));
	assert_int_equal(kit_state(seed, "joiner"), SHOAL_STATE_UNKNOWN);
	assert_int_equal(kit_done_calls(&done), 0);
	assert_string_equal(door.name, "joiner");
	assert_string_equal(door.from_itself, "joiner");
	assert_int_equal(door.app_version, 7);
	assert_int_equal(pthread_create(&thread, NULL, decide, &decider), 0);
	assert_int_equal(kit_await_done(NULL, &done), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(decider.rc, 0);
	assert_int_equal(done.reached, 1);
	kit_await_state(NULL, seed, "joiner", SHOAL_STATE_ALIVE);
	kit_await_state(NULL, joiner, "seed", SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_accept(seed, door.ticket), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(asked(&door), 1);
	kit_free(joiner);
	kit_free(seed);
}

static void
a_joiner_that_is_refused_is_told_why(void **state)
{
	struct door door = DOOR;
	char expected[SHOAL_ADDR_TEXT + 64];

	(void)state;
	door.refuse = "joiner";
	struct shoal_cluster *seed = start_with("seed", &door);
	struct shoal_cluster *joiner = kit_member("joiner");
	const char *address = kit_address(seed);

	assert_int_equal(
	        shoal_cluster_join(joiner, &address, 1, KIT_PATIENCE_MS, NULL), SHOAL_ERR_REJECTED);
	snprintf(expected, sizeof(expected), "%s: refused: app version 3 is too old", address);
	assert_string_equal(shoal_last_error(), expected);
	assert_int_equal(kit_state(seed, "joiner"), SHOAL_STATE_UNKNOWN);
	assert_int_equal(kit_state(joiner, "seed"), SHOAL_STATE_UNKNOWN);
	assert_int_equal(asked(&door), 1); /* the callback that answered has returned */
	assert_int_equal(door.first, 0);
	assert_int_equal(door.second, SHOAL_ERR_NOT_FOUND);
	kit_free(joiner);
	kit_free(seed);
}

/* It joins through one that asks nobody; the other one hears of it in gossip. */
static void
one_that_joins_elsewhere_is_asked_about_too(void **state)
{
	struct door door = DOOR;

	(void)state;
	door.refuse = "c";
	struct shoal_cluster *a = start_with("a", &door);
	struct shoal_cluster *b = kit_member("b");
	struct shoal_cluster *c = kit_member("c");
	struct shoal_cluster *d = kit_member("d");

	kit_join(b, kit_address(a));
	assert_int_equal(asked(&door), 1);
	kit_join(c, kit_address(b));
	assert_true(kit_until(NULL, was_asked_twice, &door));
	kit_join(d, kit_address(b));
	kit_await_state(NULL, a, "d", SHOAL_STATE_ALIVE);
	assert_int_equal(kit_state(a, "c"), SHOAL_STATE_UNKNOWN);
	assert_int_equal(kit_state(b, "c"), SHOAL_STATE_ALIVE);
	assert_int_equal(asked(&door), 3);
	kit_free(d);
	kit_free(c);
	kit_free(b);
	kit_free(a);
}

/* The one that joins asks about those that are there. */
static void
a_joiner_asks_about_all_of_the_table(void **state)
{
	struct door door = DOOR;

	(void)state;
	door.refuse = "b";
	struct shoal_cluster *a = kit_member("a");
	struct shoal_cluster *b = kit_member("b");
	kit_join(b, kit_address(a));
	struct shoal_cluster *c = start_with("c", &door);

	kit_join(c, kit_address(a));
	kit_await_state(NULL, c, "a", SHOAL_STATE_ALIVE);
	assert_true(kit_until(NULL, was_asked_twice, &door));
	assert_int_equal(kit_state(c, "b"), SHOAL_STATE_UNKNOWN);
	kit_free(c);
	kit_free(b);
	kit_free(a);
}

static void
what_nobody_decides_ends_with_the_cluster(void **state)
{
	struct door door = DOOR;
	struct kit_done done = KIT_DONE;

	(void)state;
	door.later = true;
	struct shoal_cluster *seed = start_with("seed", &door);
	struct shoal_cluster *joiner = kit_member("joiner");
	const char *address = kit_address(seed);

	assert_int_equal(
	        shoal_cluster_join_async(joiner, &address, 1, KIT_PATIENCE_MS, kit_on_done, &done),
	        0);
	assert_true(kit_until(NULL, was_asked, &door));
	assert_int_equal(shoal_refuse(seed, door.ticket, "a\nb"), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_accept(seed, door.ticket + 1), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_cluster_stop(seed), 0);
	assert_int_equal(shoal_refuse(seed, door.ticket, NULL), SHOAL_ERR_STATE);
	kit_free(seed);
	assert_int_not_equal(kit_await_done(NULL, &done), 0);
	kit_free(joiner);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_joiner_is_accepted_later_from_another_thread),
	        cmocka_unit_test(a_joiner_that_is_refused_is_told_why),
	        cmocka_unit_test(one_that_joins_elsewhere_is_asked_about_too),
	        cmocka_unit_test(a_joiner_asks_about_all_of_the_table),
	        cmocka_unit_test(what_nobody_decides_ends_with_the_cluster),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
