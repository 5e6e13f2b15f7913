/* SPDX-License-Identifier: MIT */
/* One of several backends, which clients find through the cluster. It answers each connection with
 * its name.
 *
 *     discovery_backend NAME ADDRESS SERVES [SEED]...
 *
 * ADDRESS is that of the member, SERVES (IPv4) that of the service; with port 0 the kernel picks.
 * It leaves when its standard input ends. */
#define _GNU_SOURCE
#include <shoal/shoal.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket that listens; text is written anew, with the port that was bound. -1: it cannot. */
static int
listen_at(const char *serves, char *text, size_t size)
{
	struct shoal_addr addr;
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (shoal_addr_parse(&addr, serves) != 0 || !shoal_addr_is_ipv4(&addr)) {
		return -1;
	}
	memcpy(&name.sin_addr, addr.ip + 12, 4);
	name.sin_port = htons(addr.port);
	if (bind(fd, (struct sockaddr *)&name, len) != 0 || listen(fd, SOMAXCONN) != 0 ||
	        getsockname(fd, (struct sockaddr *)&name, &len) != 0) {
		return -1;
	}
	addr.port = ntohs(name.sin_port);
	shoal_addr_print(&addr, text, size);
	return fd;
}

static void
serve(int fd, const char *name)
{
	struct pollfd fds[] = {{.fd = fd, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	char byte;

	while (poll(fds, 2, -1) > 0) {
		if (fds[0].revents != 0) {
			int client = accept(fd, NULL, NULL);
			(void)send(client, name, strlen(name), MSG_NOSIGNAL);
			close(client);
		}
		if (fds[1].revents != 0 && read(0, &byte, 1) <= 0) {
			return;
		}
	}
}

int
main(int argc, char **argv)
{
	struct shoal_config config;
	struct shoal_cluster *cluster = NULL;
	char serves[SHOAL_ADDR_TEXT], address[SHOAL_URL_TEXT];
	int fd = argc < 4 ? -1 : listen_at(argv[3], serves, sizeof(serves));

	if (fd < 0) {
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	shoal_config_init(&config);
	config.name = argv[1];
	config.bind = argv[2];
	int rc = shoal_cluster_new(&cluster, &config);
	/* Before start: whoever hears of this member hears this too. */
	rc = rc != 0 ? rc : shoal_meta_set_str(cluster, "role", "backend");
	rc = rc != 0 ? rc : shoal_meta_set_str(cluster, "serves", serves);
	rc = rc != 0 ? rc : shoal_cluster_start(cluster);
	if (rc == 0 && argc > 4) {
		rc = shoal_cluster_join(
		        cluster, (const char *const *)argv + 4, (size_t)argc - 4, 5000, NULL);
	}
	if (rc == 0) {
		shoal_cluster_address(cluster, address, sizeof(address));
		printf("%s is at %s, serves at %s\n", argv[1], address, serves);
		serve(fd, argv[1]);
		rc = shoal_cluster_leave(cluster, 3000); /* first nobody finds it, then it closes */
	}
	if (rc != 0) {
		fprintf(stderr, "%s\n", shoal_last_error());
	}
	close(fd);
	shoal_cluster_free(cluster);
	return rc == 0 ? 0 : 1;
}
