/* SPDX-License-Identifier: MIT */
/* Two sides of a large cluster, cut for a time and healed. Usage: halves NODES SIDE SECONDS LOSS
 *
 * SIDE nodes are cut from the others for SECONDS of virtual time, with LOSS in a hundred of all
 * datagrams lost and a tenth doubled. From the heal on nobody may be found dead by its own side.
 * Prints how long agreement took; exit status 1 where it did not come, or somebody was. */
#include <shoal/sim.h>

#include <stdio.h>
#include <stdlib.h>

struct count {
	uint32_t side;
	bool healed;
	unsigned parted, wrong;
};

static void
on_note(const struct shoal_sim_note *note, void *arg)
{
	struct count *count = arg;

	if (note->kind != SHOAL_SIM_NOTE_EVENT || note->event != SHOAL_EVENT_FAILED) {
		return;
	}
	if ((note->node < count->side) != (note->other < count->side)) {
		count->parted++;
	} else if (count->healed) {
		count->wrong++;
	}
}

static bool
agreed(struct shoal_sim *sim, void *arg)
{
	(void)arg;
	return shoal_sim_agreed(sim, NULL);
}

static int
play(struct shoal_sim *sim, struct count *count, uint64_t cut_ns,
        const struct shoal_profile *profile)
{
	uint64_t begin, bound = shoal_sim_convergence_bound(profile, shoal_sim_nodes(sim));
	int rc = shoal_sim_warm(sim);

	rc = rc == 0 ? shoal_sim_run(sim, SHOAL_SEC(10)) : rc;
	for (uint32_t i = 0; i < count->side; i++) {
		(void)shoal_sim_group(sim, i, 1);
	}
	rc = rc == 0 ? shoal_sim_run(sim, shoal_sim_now(sim) + cut_ns) : rc;
	shoal_sim_heal(sim);
	count->healed = true;
	begin = shoal_sim_now(sim);
	rc = rc == 0 ? shoal_sim_run_until(sim, begin + bound, SHOAL_SEC(1), agreed, NULL) : rc;
	printf("%u failed across the cut; agreed %.0f s after the heal, bound %.0f s; %u failed by "
	       "their own side since\n",
	        count->parted, (double)(shoal_sim_now(sim) - begin) / 1e9, (double)bound / 1e9,
	        count->wrong);
	return rc;
}

int
main(int argc, char **argv)
{
	struct shoal_sim_config config;
	struct shoal_sim_failure failure;
	struct count count = {0};
	struct shoal_sim *sim;
	int rc;

	if (argc != 5) {
		fprintf(stderr, "usage: %s NODES SIDE SECONDS LOSS\n", argv[0]);
		return 2;
	}
	shoal_sim_config_init(&config);
	config.nodes = (uint32_t)strtoul(argv[1], NULL, 10);
	config.followed_max = 16;
	config.untraced = true;
	config.link.loss_ppm = (uint32_t)strtoul(argv[4], NULL, 10) * 10000;
	config.link.duplicate_ppm = 100000;
	config.on_note = on_note;
	config.arg = &count;
	count.side = (uint32_t)strtoul(argv[2], NULL, 10);
	if (shoal_sim_new(&sim, &config) != 0) {
		return 2;
	}
	rc = play(sim, &count, SHOAL_SEC(strtoul(argv[3], NULL, 10)), &config.profile);
	if (rc != 0) {
		printf("FAILED: %s\n", shoal_strerror(rc));
	}
	if (shoal_sim_failure(sim, &failure)) {
		printf("checker %s at %.6f s, node %u about %d: %s\n", failure.check,
		        (double)failure.at_ns / 1e9, failure.observer, (int)failure.subject,
		        failure.why);
	}
	shoal_sim_free(sim);
	return rc == 0 && count.wrong == 0 ? 0 : 1;
}
