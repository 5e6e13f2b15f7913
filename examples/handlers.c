/* SPDX-License-Identifier: MIT */
/* Handlers of your own: a service that members ask of each other, and that answers later.
 *
 *     handlers NAME ADDRESS [SEED]...
 *
 * Each member counts words for the others. A handler must not take long, so the request goes to a
 * worker thread, which answers it by its ticket. Each line of standard input is counted by all
 * other members, whose answers are printed. */
#define _POSIX_C_SOURCE 200809L

#include <shoal/shoal.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TYPE_COUNT SHOAL_TYPE_APPLICATION
#define TEXT_MAX   1000

/* What the handler hands to the worker, through a pipe: it fits PIPE_BUF, so it goes as a whole. */
struct job {
	struct shoal_cluster *cluster;
	uint64_t ticket;
	char text[TEXT_MAX + 1];
};

static int jobs[2]; /* the ends for reading and writing */

/* One that is not answered here is not lost: it has a ticket until its time is over. */
static void
on_request(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	struct job job = {.cluster = cluster, .ticket = ticket};

	(void)arg;
	if (shoal_message_len(message) > TEXT_MAX) {
		shoal_reply(cluster, ticket, SHOAL_ERR_TOO_BIG, NULL, 0);
		return;
	}
	memcpy(job.text, shoal_message_data(message), shoal_message_len(message));
	if (write(jobs[1], &job, sizeof(job)) != sizeof(job)) { /* it is full */
		shoal_reply(cluster, ticket, SHOAL_ERR_LIMIT, NULL, 0);
	}
}

static void *
work(void *arg)
{
	struct job job;
	char reply[32];

	(void)arg;
	while (read(jobs[0], &job, sizeof(job)) == sizeof(job)) {
		size_t words = 0;

		for (const char *at = job.text; *at != '\0'; at++) {
			words += *at != ' ' && (at == job.text || at[-1] == ' ');
		}
		snprintf(reply, sizeof(reply), "%zu words", words);
		/* SHOAL_ERR_NOT_FOUND: its time is over, or who asked is gone. */
		shoal_reply(job.cluster, job.ticket, 0, reply, strlen(reply));
	}
	return NULL;
}

static void
ask_all(struct shoal_cluster *cluster, const char *line)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	char reply[64];
	size_t len;

	for (size_t i = 0; i < shoal_member_list_count(list); i++) {
		struct shoal_member *member = shoal_member_list_at(list, i);
		if (shoal_member_is_self(member)) {
			continue;
		}
		int rc = shoal_request_wait(cluster, shoal_member_id(member), TYPE_COUNT, line,
		        strlen(line), 5000, reply, sizeof(reply), &len);
		printf("%s: %.*s\n", shoal_member_name(member), rc == 0 ? (int)len : 200,
		        rc == 0 ? reply : shoal_last_error());
	}
	shoal_member_list_free(list);
}

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)cluster;
	(void)arg;
	if (event->member != NULL) { /* not OVERFLOW */
		printf("%s %s (%s)\n", shoal_member_name(event->member),
		        shoal_event_name(event->kind), shoal_cause_text(&event->cause));
	}
}

static int
run(struct shoal_cluster *cluster, const char *name, const char *const *seeds, size_t count)
{
	char text[SHOAL_ADDR_TEXT], line[TEXT_MAX + 1];
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
		ask_all(cluster, line);
	}
	return shoal_cluster_leave(cluster, 3000);
}

int
main(int argc, char **argv)
{
	struct shoal_config config;
	struct shoal_cluster *cluster = NULL;
	pthread_t worker;

	if (argc < 3 || pipe(jobs) != 0 || fcntl(jobs[1], F_SETFL, O_NONBLOCK) != 0 ||
	        pthread_create(&worker, NULL, work, NULL) != 0) {
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	shoal_config_init(&config);
	config.name = argv[1];
	config.bind = argv[2];
	int rc = shoal_cluster_new(&cluster, &config);
	rc = rc != 0 ? rc : shoal_on_member(cluster, SHOAL_EVENT_ALL, on_member, NULL);
	rc = rc != 0 ? rc : shoal_handle_request(cluster, TYPE_COUNT, on_request, NULL);
	rc = rc != 0 ? rc : run(cluster, argv[1], (const char *const *)argv + 3, (size_t)argc - 3);
	if (rc != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
	}
	/* No request comes any more, the worker ends, and then nobody has the cluster but us. */
	(void)(cluster != NULL && shoal_unhandle(cluster, TYPE_COUNT));
	close(jobs[1]);
	pthread_join(worker, NULL);
	shoal_cluster_free(cluster);
	return rc == 0 ? 0 : 1;
}
