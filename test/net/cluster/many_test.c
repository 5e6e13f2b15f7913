/* SPDX-License-Identifier: MIT */
/* Sixty-four cluster objects in one process, on one event_base, over UDP and TCP of loopback,
 * through one seed: they see each other, and when one is killed all others find it dead. The times
 * are printed; the test ends them only at many times the bound of docs/protocol.md. */
#include "kit.h"

#include <sys/resource.h>

#define N      64
#define VICTIM 17

static struct shoal_cluster *member[N];

static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	/* 64 members, each with two sockets, an eventfd and streams to some of the others. */
	assert_true(limit.rlim_cur >= 4096);
}

static size_t
count(struct shoal_cluster *observer, enum shoal_state state)
{
	struct shoal_member_list *list;
	struct shoal_filter filter;
	size_t n;

	shoal_filter_init(&filter);
	filter.states = 1u << state;
	list = shoal_members(observer, &filter);
	n = shoal_member_list_count(list);
	shoal_member_list_free(list);
	return n;
}

/* How many members hold n others in a state. */
static unsigned
agree(enum shoal_state state, size_t n)
{
	unsigned agreed = 0;

	for (unsigned i = 0; i < N; i++) {
		agreed += member[i] != NULL && count(member[i], state) == n;
	}
	return agreed;
}

static unsigned
run_until_agreed(struct event_base *base, enum shoal_state state, size_t n, unsigned wanted,
        uint64_t limit_ms)
{
	uint64_t began = kit_now_ms(), now = began;
	const struct timeval step = {.tv_usec = 2000};

	while (agree(state, n) < wanted && now - began < limit_ms) {
		event_base_loopexit(base, &step);
		event_base_dispatch(base);
		now = kit_now_ms();
	}
	if (agree(state, n) < wanted) {
		fail_msg("only %u of %u agree after %u ms", agree(state, n), wanted,
		        (unsigned)(now - began));
	}
	return (unsigned)(now - began);
}

static void
sixty_four_members_in_one_process_see_each_other_and_a_death(void **state)
{
	struct event_base *base = event_base_new();
	struct shoal_config config;
	uint64_t bound_ms;
	unsigned took;

	(void)state;
	raise_descriptor_limit();
	for (unsigned i = 0; i < N; i++) {
		char name[8];

		snprintf(name, sizeof(name), "m%02u", i);
		config = kit_config(name);
		config.run = SHOAL_RUN_BASE;
		config.base = base;
		member[i] = kit_start(&config);
	}
	const char *seed = kit_address(member[0]);
	for (unsigned i = 1; i < N; i++) {
		assert_int_equal(
		        shoal_cluster_join_async(member[i], &seed, 1, KIT_PATIENCE_MS, NULL, NULL),
		        0);
	}
	took = run_until_agreed(base, SHOAL_STATE_ALIVE, N, N, 120000);
	print_message("all %d members see all after %u ms\n", N, took);

	bound_ms = shoal_profile_detection_bound(&config.profile, N) / SHOAL_MS(1);
	kit_free(member[VICTIM]);
	member[VICTIM] = NULL;
	took = run_until_agreed(base, SHOAL_STATE_DEAD, 1, N - 1, 10 * bound_ms + 60000);
	print_message("a killed one is dead to all %d others after %u ms, the bound is %u ms\n",
	        N - 1, took, (unsigned)bound_ms);
	for (unsigned i = 0; i < N; i++) {
		if (member[i] != NULL) {
			assert_int_equal(kit_state(member[i], "m17"), SHOAL_STATE_DEAD);
		}
	}
	for (unsigned i = 0; i < N; i++) {
		kit_free(member[i]);
	}
	event_base_free(base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(sixty_four_members_in_one_process_see_each_other_and_a_death),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
