/* SPDX-License-Identifier: MIT */
/* Tags: words that members carry, for groups of them. Here: who takes part in a canary release.
 *
 *     tags NAME ADDRESS [SEED]...
 *
 * A line of standard input "+canary" gives this member the tag, "-canary" takes it away; "canary"
 * may be any word. Each time that the group changes, its members are printed. */
#include <shoal/shoal.h>

#include <stdio.h>
#include <string.h>

#define TAG "canary"

static void
print_group(struct shoal_cluster *cluster)
{
	struct shoal_filter filter;

	shoal_filter_init(&filter);
	filter.states = 1 << SHOAL_STATE_ALIVE | 1 << SHOAL_STATE_SUSPECT;
	filter.tag = TAG;
	struct shoal_member_list *list = shoal_members(cluster, &filter);
	printf(TAG ":");
	for (size_t i = 0; i < shoal_member_list_count(list); i++) {
		printf(" %s", shoal_member_name(shoal_member_list_at(list, i)));
	}
	printf("\n");
	shoal_member_list_free(list);
}

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)arg;
	printf("%s %s (%s)\n", shoal_member_name(event->member), shoal_event_name(event->kind),
	        shoal_cause_text(&event->cause));
	if (event->kind != SHOAL_EVENT_UPDATE || (event->changed & SHOAL_CHANGE_TAGS) != 0) {
		print_group(cluster);
	}
}

/* "+word" or "-word". Taking away what is not there is no mistake here. */
static int
change(struct shoal_cluster *cluster, const char *line)
{
	if (line[0] == '+') {
		return shoal_tag_add(cluster, line + 1);
	}
	int rc = line[0] == '-' ? shoal_tag_remove(cluster, line + 1) : 0;
	return rc == SHOAL_ERR_NOT_FOUND ? 0 : rc;
}

static int
run(struct shoal_cluster *cluster, const char *name, const char *const *seeds, size_t count)
{
	char text[SHOAL_ADDR_TEXT], line[SHOAL_TAG_MAX + 3];
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
		line[strcspn(line, "\n")] = '\0';
		if (change(cluster, line) != 0) { /* no tag: the cluster goes on as it is */
			printf("%s\n", shoal_last_error());
		}
	}
	return shoal_cluster_leave(cluster, 3000);
}

int
main(int argc, char **argv)
{
	struct shoal_config config;
	struct shoal_cluster *cluster = NULL;
	unsigned mask = SHOAL_EVENT_JOIN | SHOAL_EVENT_UPDATE | SHOAL_EVENT_FAILED |
	                SHOAL_EVENT_ALIVE | SHOAL_EVENT_LEFT;

	if (argc < 3) {
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	shoal_config_init(&config);
	config.name = argv[1];
	config.bind = argv[2];
	config.tags = "example"; /* those that it has from the start, with commas between them */
	int rc = shoal_cluster_new(&cluster, &config);
	rc = rc != 0 ? rc : shoal_on_member(cluster, mask, on_member, NULL);
	rc = rc != 0 ? rc : run(cluster, argv[1], (const char *const *)argv + 3, (size_t)argc - 3);
	if (rc != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
	}
	shoal_cluster_free(cluster);
	return rc == 0 ? 0 : 1;
}
