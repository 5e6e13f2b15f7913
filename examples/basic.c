/* SPDX-License-Identifier: MIT */
/* A member of a cluster, with the library's own threads.
 *
 *     basic NAME ADDRESS [SEED]...
 *
 * Binds ADDRESS ("127.0.0.1:0": the kernel picks the port), joins through the seeds, tells who
 * comes and goes, and leaves when its standard input ends. */
#include <shoal/shoal.h>

#include <stdio.h>

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)cluster, (void)arg;
	if (event->member != NULL) {
		printf("%s %s (%s)\n", shoal_member_name(event->member),
		        shoal_event_name(event->kind), shoal_cause_text(&event->cause));
	}
}

int
main(int argc, char **argv)
{
	struct shoal_config config;
	struct shoal_cluster *cluster;
	char address[SHOAL_URL_TEXT];

	if (argc < 3) {
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	shoal_config_init(&config);
	config.name = argv[1];
	config.bind = argv[2];
	if (shoal_cluster_new(&cluster, &config) != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
		return 1;
	}
	shoal_on_member(cluster, SHOAL_EVENT_ALL, on_member, NULL);
	int rc = shoal_cluster_start(cluster);
	if (rc == 0 && argc > 3) {
		rc = shoal_cluster_join(
		        cluster, (const char *const *)argv + 3, (size_t)argc - 3, 5000, NULL);
	}
	if (rc == 0) {
		shoal_cluster_address(cluster, address, sizeof(address));
		printf("%s is at %s\n", config.name, address);
		while (getchar() != EOF) {
			continue;
		}
		rc = shoal_cluster_leave(cluster, 3000);
	}
	if (rc != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
	}
	shoal_cluster_free(cluster);
	return rc == 0 ? 0 : 1;
}
