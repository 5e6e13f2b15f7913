/* SPDX-License-Identifier: MIT */
/* The protocol core alone, driven by poll(2) and one UDP socket: linked to libshoal-core only.
 *
 *     core_poll NAME ADDRESS [SEED]
 *
 * All that the core sends goes as a datagram, its kind and exchange in front, to hosts of this
 * kind. A request ends once: by a reply or its time-out. It leaves when its standard input ends. */
#define _GNU_SOURCE
#include <shoal/core.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#define HEADER   9
#define REQUESTS 128 /* the profile's exchanges_max */

static struct shoal_core *core;
static bool ended;
static uint8_t frame[65507];
static struct {
	uint64_t exchange, deadline; /* deadline 0: free */
} request[REQUESTS];

static uint64_t
now(clockid_t clock)
{
	struct timespec at;
	clock_gettime(clock, &at);
	return SHOAL_SEC(at.tv_sec) + (uint64_t)at.tv_nsec;
}

static struct sockaddr_in
socket_address(const struct shoal_addr *addr)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
	memcpy(&to.sin_addr, addr->ip + 12, 4);
	return to;
}

static void
transmit(int fd, const struct shoal_send *send)
{
	struct sockaddr_in to = socket_address(&send->to);
	if (send->len > sizeof(frame) - HEADER) {
		return;
	}
	frame[0] = (uint8_t)send->kind;
	memcpy(frame + 1, &send->exchange, 8);
	memcpy(frame + HEADER, send->data, send->len);
	sendto(fd, frame, send->len + HEADER, 0, (struct sockaddr *)&to, sizeof(to));
	for (int i = 0; send->kind == SHOAL_SEND_REQUEST && i < REQUESTS; i++) {
		if (request[i].deadline == 0) {
			request[i].exchange = send->exchange;
			request[i].deadline = now(CLOCK_BOOTTIME) + send->timeout_ns;
			break;
		}
	}
}

static void
step(int fd, struct shoal_input input)
{
	struct shoal_send send;
	struct shoal_event event;
	char why[200];
	input.mono_ns = now(CLOCK_BOOTTIME);
	input.wall_ns = now(CLOCK_REALTIME);
	shoal_core_step(core, &input);
	while (shoal_core_next_send(core, &send)) {
		transmit(fd, &send);
	}
	while (shoal_core_next_event(core, &event)) {
		ended = ended || event.kind == SHOAL_EVENT_ENDED;
		if ((event.kind & SHOAL_EVENT_ALL) != 0) {
			printf("%s %s (%s)\n", event.name, shoal_event_name(event.kind),
			        shoal_cause_print(&event.cause, why, sizeof(why)));
		}
	}
}

/* Ends the request of a number, or with a code each one whose time is over. */
static void
finish(int fd, struct shoal_input result)
{
	for (int i = 0; i < REQUESTS; i++) {
		bool late = request[i].deadline <= now(CLOCK_BOOTTIME);
		bool meant = result.code != 0 ? late : request[i].exchange == result.exchange;
		if (request[i].deadline == 0 || !meant) {
			continue;
		}
		request[i].deadline = 0;
		result.exchange = request[i].exchange;
		step(fd, result);
	}
}

static void
receive(int fd)
{
	struct shoal_input in = {.data = frame + HEADER, .from.ip = {[10] = 0xff, [11] = 0xff}};
	struct sockaddr_in from = {.sin_family = AF_INET};
	socklen_t size = sizeof(from);
	ssize_t len = recvfrom(fd, frame, sizeof(frame), 0, (struct sockaddr *)&from, &size);
	if (len < HEADER || frame[0] < SHOAL_SEND_DATAGRAM || frame[0] > SHOAL_SEND_REPLY) {
		return;
	}
	in.kind = (enum shoal_input_kind)(frame[0] - SHOAL_SEND_DATAGRAM + SHOAL_INPUT_DATAGRAM);
	in.len = (size_t)len - HEADER;
	memcpy(&in.exchange, frame + 1, 8);
	memcpy(in.from.ip + 12, &from.sin_addr, 4);
	in.from.port = ntohs(from.sin_port);
	(in.kind == SHOAL_INPUT_RESULT ? finish : step)(fd, in);
}

static void
turn(struct pollfd fds[2])
{
	uint64_t at = now(CLOCK_BOOTTIME), next = shoal_core_deadline(core);
	uint64_t wait = next > at ? (next - at) / SHOAL_MS(1) + 1 : 0;
	char bytes[64];
	poll(fds, 2, wait < 100 ? (int)wait : 100); /* requests time out too */
	if (fds[1].revents != 0) {
		receive(fds[1].fd); /* what has come is heard before deadlines are judged */
	} else if (now(CLOCK_BOOTTIME) >= shoal_core_deadline(core)) {
		step(fds[1].fd, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	}
	finish(fds[1].fd,
	        (struct shoal_input){.kind = SHOAL_INPUT_RESULT, .code = SHOAL_ERR_TIMEOUT});
	if (fds[0].revents != 0 && read(fds[0].fd, bytes, sizeof(bytes)) <= 0) {
		fds[0].fd = -1;
		step(fds[1].fd, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	}
}

int
main(int argc, char **argv)
{
	struct pollfd fds[2] = {{.events = POLLIN}, {.events = POLLIN}};
	struct shoal_input join = {.kind = SHOAL_INPUT_JOIN};
	struct shoal_core_config config;
	char text[200] = "";
	shoal_core_config_init(&config);
	if (argc < 3 || shoal_addr_parse(&config.addr[0], argv[2]) != 0 ||
	        (argc > 3 && shoal_addr_parse(&join.from, argv[3]) != 0)) {
		return 2;
	}
	struct sockaddr_in name = socket_address(&config.addr[0]);
	socklen_t len = sizeof(name);
	fds[1].fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(fds[1].fd, (struct sockaddr *)&name, sizeof(name)) != 0 ||
	        getsockname(fds[1].fd, (struct sockaddr *)&name, &len) != 0 ||
	        getrandom(&config.salt, sizeof(config.salt), 0) < 0) {
		return 1;
	}
	config.name = argv[1];
	config.addr[0].port = ntohs(name.sin_port);
	config.addrs = 1;
	config.mono_ns = now(CLOCK_BOOTTIME);
	config.wall_ns = now(CLOCK_REALTIME);
	if (shoal_core_new(&core, &config, text, sizeof(text)) != 0) {
		return fprintf(stderr, "%s\n", text), 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%s is at %s\n", argv[1], shoal_addr_print(&config.addr[0], text, sizeof(text)));
	if (argc > 3) {
		step(fds[1].fd, join);
	}
	while (!ended) {
		turn(fds);
	}
	shoal_core_free(core);
	close(fds[1].fd);
	return 0;
}
