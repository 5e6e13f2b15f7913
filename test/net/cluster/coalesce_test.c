/* SPDX-License-Identifier: MIT */
/* Coalescing of member events on real sockets, in the three ways to run: the list is not late, the
 * events are, and what is held is told when the cluster ends. */
#include "kit.h"

struct scene {
	enum shoal_run run;
	struct event_base *base; /* SHOAL_RUN_BASE */
	struct shoal_cluster *cluster;
	struct kit_events seen;
	const char *name;
	enum shoal_state state;
};

/* Callbacks that wait for this thread are run. */
static void
pump(struct scene *scene)
{
	if (scene->run == SHOAL_RUN_DISPATCH) {
		assert_true(shoal_cluster_dispatch(scene->cluster) >= 0);
	}
}

static bool
holds(void *arg)
{
	struct scene *scene = arg;

	pump(scene);
	return kit_state(scene->cluster, scene->name) == scene->state;
}

static void
await_state(struct scene *scene, const char *name, enum shoal_state state)
{
	scene->name = name;
	scene->state = state;
	assert_true(kit_until(scene->base, holds, scene));
}

static bool
has_joined(void *arg)
{
	struct scene *scene = arg;

	pump(scene);
	return kit_events_of(&scene->seen, SHOAL_EVENT_JOIN, scene->name) == 1;
}

static void
begin(struct scene *scene, enum shoal_run run, uint32_t coalesce_ms)
{
	struct shoal_config config = kit_config("a");
	const struct scene fresh = {.run = run, .seen = KIT_EVENTS};

	kit_steady(&config);
	*scene = fresh;
	if (run == SHOAL_RUN_BASE) {
		scene->base = event_base_new();
	}
	config.run = run;
	config.base = scene->base;
	config.coalesce_ms = coalesce_ms;
	scene->cluster = kit_start(&config);
	assert_int_equal(
	        shoal_on_member(scene->cluster, SHOAL_EVENT_ALL, kit_on_member, &scene->seen), 0);
}

static void
end(struct scene *scene)
{
	kit_free(scene->cluster);
	if (scene->base != NULL) {
		event_base_free(scene->base);
	}
}

static void
join(struct scene *scene, struct shoal_cluster *other)
{
	struct kit_done done = KIT_DONE;
	const char *seed = kit_address(scene->cluster);

	assert_int_equal(
	        shoal_cluster_join_async(other, &seed, 1, KIT_PATIENCE_MS, kit_on_done, &done), 0);
	assert_int_equal(kit_await_done(scene->base, &done), 0);
}

static void
nothing_is_told_early_and_all_at_the_end(enum shoal_run run)
{
	struct shoal_cluster *b, *c;
	struct kit_done left = KIT_DONE, ended = KIT_DONE;
	struct scene scene;

	begin(&scene, run, 60000);
	b = kit_member("b");
	c = kit_member("c");
	join(&scene, b);
	await_state(&scene, "b", SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_cluster_leave_async(b, KIT_PATIENCE_MS, kit_on_done, &left), 0);
	await_state(&scene, "b", SHOAL_STATE_LEFT);
	join(&scene, c);
	await_state(&scene, "c", SHOAL_STATE_ALIVE);
	assert_int_equal(scene.seen.count, 0);
	assert_int_equal(shoal_cluster_leave_async(scene.cluster, 1, kit_on_done, &ended), 0);
	scene.name = "c";
	assert_true(kit_until(scene.base, has_joined, &scene));
	assert_int_equal(kit_events_of(&scene.seen, SHOAL_EVENT_JOIN, "b"), 0);
	assert_int_equal(kit_events_of(&scene.seen, SHOAL_EVENT_LEFT, "b"), 0);
	end(&scene);
	assert_int_equal(ended.calls, 1);
	kit_free(b);
	kit_free(c);
}

static void
with_own_threads_nothing_is_told_early_and_all_at_the_end(void **state)
{
	(void)state;
	nothing_is_told_early_and_all_at_the_end(SHOAL_RUN_THREADS);
}

static void
with_dispatch_nothing_is_told_early_and_all_at_the_end(void **state)
{
	(void)state;
	nothing_is_told_early_and_all_at_the_end(SHOAL_RUN_DISPATCH);
}

static void
on_a_base_nothing_is_told_early_and_all_at_the_end(void **state)
{
	(void)state;
	nothing_is_told_early_and_all_at_the_end(SHOAL_RUN_BASE);
}

static void
the_window_ends_by_itself_in_each_way_to_run(void **state)
{
	static const enum shoal_run runs[] = {
	        SHOAL_RUN_THREADS, SHOAL_RUN_DISPATCH, SHOAL_RUN_BASE};
	struct shoal_counters counters;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(runs); i++) {
		struct shoal_cluster *b = kit_member("b");
		struct scene scene;

		begin(&scene, runs[i], 50);
		join(&scene, b);
		scene.name = "b";
		assert_true(kit_until(scene.base, has_joined, &scene));
		shoal_cluster_counters(scene.cluster, &counters);
		assert_int_equal(counters.value[SHOAL_COUNTER_EVENTS_OVERFLOW], 0);
		end(&scene);
		kit_free(b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(with_own_threads_nothing_is_told_early_and_all_at_the_end),
	        cmocka_unit_test(with_dispatch_nothing_is_told_early_and_all_at_the_end),
	        cmocka_unit_test(on_a_base_nothing_is_told_early_and_all_at_the_end),
	        cmocka_unit_test(the_window_ends_by_itself_in_each_way_to_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
