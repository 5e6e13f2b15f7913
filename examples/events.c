/* SPDX-License-Identifier: MIT */
/* What happens to the members of a cluster, and what each of them says of itself.
 *
 *     events NAME ADDRESS [SEED]...
 *
 * Each line of standard input becomes what this member says (the key "said" of its metadata), which
 * the others print; the end of the input is the end of the program. */
#include <shoal/shoal.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Callbacks fell behind, and events were lost: the list says how things are now. */
static void
look_again(struct shoal_cluster *cluster)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);

	for (size_t i = 0; i < shoal_member_list_count(list); i++) {
		struct shoal_member *member = shoal_member_list_at(list, i);
		printf("%s is %s\n", shoal_member_name(member),
		        shoal_state_name(shoal_member_state(member)));
	}
	shoal_member_list_free(list);
}

static void
print_keys(const struct shoal_member_event *event)
{
	char before[64], now[64];
	enum shoal_key_change change;
	const char *key;

	for (uint64_t at = 0; shoal_event_key(event, &at, &key, &change);) {
		before[0] = now[0] = '\0'; /* as they stay where the key was not there */
		(void)shoal_member_meta_text(event->before, key, before, sizeof(before));
		(void)shoal_member_meta_text(event->member, key, now, sizeof(now));
		printf("  %s: \"%s\", was \"%s\"\n", key, now, before);
	}
}

/* Borrowed for this call: the event, and the members in it. */
static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)arg;
	if (event->kind == SHOAL_EVENT_OVERFLOW) { /* it is about no member */
		look_again(cluster);
		return;
	}
	printf("%s %s (%s), %s after %s\n", shoal_member_name(event->member),
	        shoal_event_name(event->kind), shoal_cause_text(&event->cause),
	        shoal_state_name(event->state), shoal_state_name(event->was));
	if (event->kind == SHOAL_EVENT_UPDATE) {
		print_keys(event);
	}
	if (event->kind == SHOAL_EVENT_FAILED) {
		printf("  its round trip was %" PRIu64 " us\n",
		        shoal_member_rtt(event->member) / 1000);
	}
}

static int
run(struct shoal_cluster *cluster, const char *name, const char *const *seeds, size_t count)
{
	char text[SHOAL_ADDR_TEXT], line[200];
	int rc = shoal_cluster_start(cluster);

	if (rc == 0 && count > 0) {
		rc = shoal_cluster_join(cluster, seeds, count, 5000, NULL);
	}
	if (rc != 0) {
		return rc;
	}
	shoal_cluster_address(cluster, text, sizeof(text));
	printf("%s is at %s\n", name, text);
	while (rc == 0 && fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		rc = shoal_meta_set_str(cluster, "said", line);
	}
	return rc != 0 ? rc : shoal_cluster_leave(cluster, 3000);
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
	/* Before start, so that nothing is missed. */
	rc = rc != 0 ? rc : shoal_on_member(cluster, SHOAL_EVENT_ALL, on_member, NULL);
	rc = rc != 0 ? rc : run(cluster, argv[1], (const char *const *)argv + 3, (size_t)argc - 3);
	if (rc != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
	}
	shoal_cluster_free(cluster);
	return rc == 0 ? 0 : 1;
}
