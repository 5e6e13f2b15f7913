/* SPDX-License-Identifier: MIT */
/* sim [SEED]: a program's own code under test, in a simulated cluster of 16 (libshoal-core).
 *
 * The code elects: every node follows the member with the lowest id, and learns from events only
 * when that changes. The simulator starts the cluster, parts it in two, loses the leader's host and
 * heals it, all within a minute or two of virtual time. A checker holds what each node follows
 * against its list of members after every step; in the end all follow the same. The same seed gives
 * the same run. */
#include <shoal/sim.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NODES 16

static struct shoal_sim *sim;
static struct shoal_id leader[NODES];

static bool
takes_part(enum shoal_state state)
{
	return state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT;
}

/* The lowest of the list, the node itself included. */
static struct shoal_id
lowest(uint32_t node)
{
	const struct shoal_core *core = shoal_sim_core(sim, node);
	struct shoal_core_member member;
	struct shoal_id best = *shoal_sim_id(sim, node);
	for (uint32_t slot = 0; slot < shoal_core_slots(core); slot++) {
		if (shoal_core_member(core, slot, &member) && takes_part(member.state) &&
		        shoal_id_compare(&member.id, &best) < 0) {
			best = member.id;
		}
	}
	return best;
}

/* The code under test: one node hears of a member. */
static void
on_event(uint32_t node, const struct shoal_event *event, void *arg)
{
	(void)arg;
	if (event->kind > SHOAL_EVENT_ALL || shoal_id_is_zero(&event->id)) {
		return;
	}
	if (takes_part(event->state) && shoal_id_compare(&event->id, &leader[node]) < 0) {
		leader[node] = event->id;
	} else if (!takes_part(event->state) && shoal_id_compare(&event->id, &leader[node]) == 0) {
		leader[node] = lowest(node);
	}
}

/* The checker. */
static bool
follows_the_lowest(struct shoal_sim *world, uint32_t node, char *why, size_t len, void *arg)
{
	struct shoal_id right;
	(void)arg;
	if (!shoal_sim_is_up(world, node)) {
		return true; /* nobody, or it went down in its step */
	}
	right = lowest(node);
	snprintf(why, len, "follows node %" PRIu32 " and not %" PRIu32,
	        shoal_sim_find(world, &leader[node]), shoal_sim_find(world, &right));
	return shoal_id_compare(&leader[node], &right) == 0;
}

static bool
agreed(struct shoal_sim *world, void *arg)
{
	(void)arg;
	return shoal_sim_agreed(world, NULL);
}

static int
play(void)
{
	uint32_t first;
	int rc = shoal_sim_add_check(
	        sim, "lowest", "a node follows the lowest id", follows_the_lowest, NULL);
	rc = rc == 0 ? shoal_sim_gather(sim) : rc;
	rc = rc == 0 ? shoal_sim_run_until(sim, SHOAL_SEC(60), SHOAL_MS(10), agreed, NULL) : rc;
	if (rc != 0) {
		return rc;
	}
	first = shoal_sim_find(sim, &leader[0]);
	printf("node %" PRIu32 " leads; now two sides, and its host is lost\n", first);
	for (uint32_t i = 0; i < NODES; i++) {
		(void)shoal_sim_group(sim, i, i % 2);
	}
	(void)shoal_sim_crash(sim, first, SHOAL_SIM_CRASH_HOST);
	rc = shoal_sim_run(sim, shoal_sim_now(sim) + SHOAL_SEC(60));
	if (rc != 0) {
		return rc;
	}
	for (uint32_t i = 0; i < 2; i++) {
		printf("side %" PRIu32 " follows node %" PRIu32 "\n", i,
		        shoal_sim_find(sim, &leader[first < 2 && first == i ? i + 2 : i]));
	}
	shoal_sim_heal(sim);
	return shoal_sim_run_until(
	        sim, shoal_sim_now(sim) + SHOAL_SEC(600), SHOAL_SEC(1), agreed, NULL);
}

int
main(int argc, char **argv)
{
	struct shoal_sim_config config;
	struct shoal_sim_failure failure;
	int rc;

	shoal_sim_config_init(&config);
	config.seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	config.nodes = NODES;
	config.on_event = on_event;
	rc = shoal_sim_new(&sim, &config);
	if (rc != 0) {
		return fprintf(stderr, "%s\n", shoal_strerror(rc)), 1;
	}
	for (uint32_t i = 0; i < NODES; i++) {
		leader[i] = *shoal_sim_id(sim, i);
	}
	rc = play();
	if (shoal_sim_failure(sim, &failure)) {
		printf("checker %s, node %" PRIu32 ": %s\n", failure.check, failure.observer,
		        failure.why);
	}
	if (rc == 0) {
		printf("healed: all follow one again, after %" PRIu64 " s\n",
		        shoal_sim_now(sim) / SHOAL_SEC(1));
	}
	printf("%" PRIu64 " steps, trace %016" PRIx64 "\n", shoal_sim_steps(sim),
	        shoal_sim_trace(sim));
	shoal_sim_free(sim);
	return rc == 0 ? 0 : 1;
}
