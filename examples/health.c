/* SPDX-License-Identifier: MIT */
/* How a member is: what a service would answer to a load balancer or write to its log.
 *
 *     health NAME ADDRESS [SEED]...
 *
 * A line of standard input, whatever it says, asks; the end of the input is the end. */
#include <shoal/shoal.h>

#include <inttypes.h>
#include <stdio.h>

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)cluster, (void)arg;
	printf("%s %s (%s)\n", shoal_member_name(event->member), shoal_event_name(event->kind),
	        shoal_cause_text(&event->cause));
}

/* Members that live, and of which something is not right all the same. */
static void
print_diagnoses(const struct shoal_member_list *list)
{
	for (size_t i = 0; i < shoal_member_list_count(list); i++) {
		struct shoal_member *member = shoal_member_list_at(list, i);
		if (shoal_member_diagnosis(member) != SHOAL_DIAGNOSIS_NONE) {
			printf("%s: %s\n", shoal_member_name(member),
			        shoal_diagnosis_name(shoal_member_diagnosis(member)));
		}
	}
}

/* What was dropped, by reason; in a sound cluster nothing but stale statements and late answers. */
static void
print_drops(struct shoal_cluster *cluster)
{
	struct shoal_counters counters;

	shoal_cluster_counters(cluster, &counters);
	for (int i = 0; i < SHOAL_COUNTERS; i++) {
		const char *name = shoal_counter_name((enum shoal_counter)i);
		if (name[0] == 'd' && name[1] == 'r' && counters.value[i] > 0) {
			printf("%s: %" PRIu64 "\n", name, counters.value[i]);
		}
	}
}

static void
report(struct shoal_cluster *cluster)
{
	size_t count[SHOAL_STATES] = {0};
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	bool well = shoal_cluster_state(cluster) == SHOAL_CLUSTER_RUNNING;

	for (size_t i = 0; i < shoal_member_list_count(list); i++) {
		count[shoal_member_state(shoal_member_list_at(list, i))]++;
	}
	printf("%s: %zu alive, %zu suspect, %zu dead; own health %u of 8 (0 is good), "
	       "%" PRIu64 " ms behind\n",
	        well ? "ok" : "not ok", count[SHOAL_STATE_ALIVE], count[SHOAL_STATE_SUSPECT],
	        count[SHOAL_STATE_DEAD], shoal_cluster_health(cluster),
	        shoal_cluster_convergence_lag(cluster) / SHOAL_MS(1));
	print_diagnoses(list);
	print_drops(cluster);
	shoal_member_list_free(list);
}

static int
run(struct shoal_cluster *cluster, const char *name, const char *const *seeds, size_t count)
{
	char text[SHOAL_ADDR_TEXT], line[100];
	int rc = shoal_cluster_start(cluster);

	if (rc == 0 && count > 0) {
		rc = shoal_cluster_join(cluster, seeds, count, 5000, NULL);
	}
	if (rc != 0) {
		return rc;
	}
	shoal_cluster_address(cluster, text, sizeof(text));
	printf("%s is at %s\n", name, text);
	while (fgets(line, sizeof(line), stdin) != NULL) {
		report(cluster);
	}
	return shoal_cluster_leave(cluster, 3000);
}

int
main(int argc, char **argv)
{
	struct shoal_config config;
	struct shoal_cluster *cluster = NULL;

	if (argc < 3) {
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	shoal_config_init(&config);
	config.name = argv[1];
	config.bind = argv[2];
	int rc = shoal_cluster_new(&cluster, &config);
	rc = rc != 0 ? rc
	             : shoal_on_member(
	                       cluster, SHOAL_EVENT_ALL & ~SHOAL_EVENT_OVERFLOW, on_member, NULL);
	rc = rc != 0 ? rc : run(cluster, argv[1], (const char *const *)argv + 3, (size_t)argc - 3);
	if (rc != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
	}
	shoal_cluster_free(cluster);
	return rc == 0 ? 0 : 1;
}
