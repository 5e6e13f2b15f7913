/* SPDX-License-Identifier: MIT */
/* Messages of your own between members. Here: a line for all, and thanks from each.
 *
 *     messages NAME ADDRESS [SEED]...
 *
 * Each line of standard input goes to all members, reliably: who is cut off gets it later. Each one
 * prints it, and thanks its sender with a message of its own, which arrives once and in order. */
#include <shoal/shoal.h>

#include <stdio.h>
#include <string.h>

/* The application's own numbers; one has a meaning for all members alike. */
enum {
	TYPE_LINE = SHOAL_TYPE_APPLICATION,
	TYPE_THANKS
};

/* The name of who sent a message; "?" where it is not in the list any more. */
static void
name_of(struct shoal_cluster *cluster, const struct shoal_message *message, char name[64])
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	const struct shoal_member *member =
	        shoal_member_list_find_by_id(list, shoal_message_sender(message));

	snprintf(name, 64, "%s", member != NULL ? shoal_member_name(member) : "?");
	shoal_member_list_free(list);
}

/* The end of a reliable message: the other process has it, or is gone. */
static void
on_sent(struct shoal_cluster *cluster, int code, void *arg)
{
	(void)cluster;
	(void)arg;
	if (code != 0) {
		printf("no thanks: %s\n", shoal_strerror(code));
	}
}

/* Handlers do not block: what takes long belongs to a thread of the application. */
static void
on_line(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	char name[64];

	(void)arg;
	name_of(cluster, message, name);
	printf("%s says: %.*s\n", name, (int)shoal_message_len(message),
	        (const char *)shoal_message_data(message));
	if (shoal_send_confirmed(cluster, shoal_message_sender(message), TYPE_THANKS,
	            shoal_message_data(message), shoal_message_len(message), on_sent, NULL) != 0) {
		printf("no thanks: %s\n", shoal_last_error());
	}
}

static void
on_thanks(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	char name[64];

	(void)arg;
	name_of(cluster, message, name);
	printf("%s thanks for: %.*s\n", name, (int)shoal_message_len(message),
	        (const char *)shoal_message_data(message));
}

/* SHOAL_ERR_AGAIN: more waits to be sent than profile.queue_bytes. Here the line is given up; who
 * must not lose it waits for the function of shoal_on_writable and tries again. */
static void
say(struct shoal_cluster *cluster, const char *line)
{
	if (shoal_broadcast(cluster, TYPE_LINE, line, strlen(line), SHOAL_RELIABLE) != 0) {
		printf("not sent: %s\n", shoal_last_error());
	}
}

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)cluster;
	(void)arg;
	printf("%s %s (%s)\n", shoal_member_name(event->member), shoal_event_name(event->kind),
	        shoal_cause_text(&event->cause));
}

static int
run(struct shoal_cluster *cluster, const char *name, const char *const *seeds, size_t count)
{
	char text[SHOAL_ADDR_TEXT], line[1024];
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
		say(cluster, line);
	}
	return shoal_cluster_leave(cluster, 3000);
}

int
main(int argc, char **argv)
{
	struct shoal_config config;
	struct shoal_cluster *cluster = NULL;
	unsigned mask =
	        SHOAL_EVENT_JOIN | SHOAL_EVENT_FAILED | SHOAL_EVENT_ALIVE | SHOAL_EVENT_LEFT;

	if (argc < 3) {
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	shoal_config_init(&config);
	config.name = argv[1];
	config.bind = argv[2];
	int rc = shoal_cluster_new(&cluster, &config);
	rc = rc != 0 ? rc : shoal_on_member(cluster, mask, on_member, NULL);
	rc = rc != 0 ? rc : shoal_handle(cluster, TYPE_LINE, on_line, NULL);
	rc = rc != 0 ? rc : shoal_handle(cluster, TYPE_THANKS, on_thanks, NULL);
	rc = rc != 0 ? rc : run(cluster, argv[1], (const char *const *)argv + 3, (size_t)argc - 3);
	if (rc != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
	}
	shoal_cluster_free(cluster);
	return rc == 0 ? 0 : 1;
}
