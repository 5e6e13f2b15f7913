/* SPDX-License-Identifier: MIT */
/* A client that finds backends through the cluster and asks them in turn, ten times a second.
 *
 *     discovery_client NAME ADDRESS SEED...
 *
 * Everything is on one thread: callbacks run in shoal_cluster_dispatch. The list of backends is
 * kept, and made anew when an event says that something has changed. It leaves when its input ends.
 */
#define _GNU_SOURCE
#include <shoal/shoal.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct shoal_member_list *backends;
static size_t turn;

static void
on_member(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *filter)
{
	struct shoal_member_list *now = shoal_members(cluster, filter);

	if (now != NULL) { /* else memory is short, and the one before serves on */
		shoal_member_list_free(backends);
		backends = now;
	}
	if (event->kind != SHOAL_EVENT_OVERFLOW) { /* that one is about no member */
		printf("%s %s (%s): %zu backends\n", shoal_member_name(event->member),
		        shoal_event_name(event->kind), shoal_cause_text(&event->cause),
		        shoal_member_list_count(backends));
	}
}

/* One request. Its length, or -1: nobody answers there. */
static ssize_t
ask(const char *serves, char *answer, size_t size)
{
	const struct timeval second = {.tv_sec = 1};
	struct sockaddr_in to = {.sin_family = AF_INET};
	struct shoal_addr addr;
	ssize_t len = -1;

	if (shoal_addr_parse(&addr, serves) != 0 || !shoal_addr_is_ipv4(&addr)) {
		return -1; /* what others say may be anything */
	}
	memcpy(&to.sin_addr, addr.ip + 12, 4);
	to.sin_port = htons(addr.port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof(second));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0) {
		len = recv(fd, answer, size, 0);
	}
	close(fd);
	return len > 0 ? len : -1;
}

/* The next backend in turn; where it does not answer the one after it, before its end is known. */
static void
request(void)
{
	char answer[SHOAL_NAME_MAX];
	size_t count = shoal_member_list_count(backends);

	for (size_t i = 0; i < count; i++) {
		struct shoal_member *member = shoal_member_list_at(backends, turn++ % count);
		ssize_t len = ask(shoal_member_meta_str(member, "serves"), answer, sizeof(answer));
		if (len > 0) {
			printf("answer from %.*s\n", (int)len, answer);
			return;
		}
		printf("%s does not answer\n", shoal_member_name(member));
	}
	printf("no backend\n");
}

int
main(int argc, char **argv)
{
	struct shoal_config config;
	struct shoal_filter filter;
	struct shoal_cluster *cluster = NULL;
	struct pollfd fds[] = {{.fd = 0, .events = POLLIN}, {.events = POLLIN}};

	if (argc < 4) {
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	shoal_filter_init(&filter);
	filter.states = 1 << SHOAL_STATE_ALIVE;
	filter.criteria = "role=backend,serves";
	shoal_config_init(&config);
	config.name = argv[1];
	config.bind = argv[2];
	config.run = SHOAL_RUN_DISPATCH;
	int rc = shoal_cluster_new(&cluster, &config);
	rc = rc != 0 ? rc : shoal_on_member(cluster, SHOAL_EVENT_ALL, on_member, &filter);
	rc = rc != 0 ? rc : shoal_cluster_start(cluster);
	rc = rc != 0 ? rc
	             : shoal_cluster_join(cluster, (const char *const *)argv + 3, (size_t)argc - 3,
	                       5000, NULL);
	fds[1].fd = rc == 0 ? shoal_cluster_fd(cluster) : -1;
	while (rc == 0 && fds[0].revents == 0) {
		if (poll(fds, 2, 100) == 0) {
			request();
		}
		shoal_cluster_dispatch(cluster);
	}
	rc = rc != 0 ? rc : shoal_cluster_leave(cluster, 3000);
	if (rc != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
	}
	shoal_cluster_free(cluster);
	shoal_member_list_free(backends);
	return rc == 0 ? 0 : 1;
}
