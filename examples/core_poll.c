/* SPDX-License-Identifier: MIT */
/* core_poll NAME ADDRESS [SEED]: the protocol core alone (libshoal-core), poll(2) and a UDP socket.
 *
 * All that the core sends goes as a datagram, its kind and exchange in front, to hosts of this
 * kind. A request ends by its reply or its time-out: the core passes over what comes second. It
 * leaves when its standard input ends, or says anything. */
#define _GNU_SOURCE
#include <shoal/core.h>

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define HEADER   9
#define REQUESTS 1024 /* within one time-out; of more, the oldest are forgotten */

static struct shoal_core *core;
static bool ended;
static char text[200];
static struct pollfd fds[] = {{.events = POLLIN}, {.events = POLLIN}}; /* input, socket */
static uint8_t frame[65507];
static uint64_t request[REQUESTS][2]; /* numbers and deadlines; a shorter one waits its turn */
static unsigned oldest, newest;

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
step(struct shoal_input input)
{
	struct shoal_send send;
	struct shoal_event event;
	input.mono_ns = now(CLOCK_BOOTTIME);
	input.wall_ns = now(CLOCK_REALTIME);
	shoal_core_step(core, &input);
	while (shoal_core_next_send(core, &send)) {
		struct sockaddr_in to = socket_address(&send.to);
		if (send.kind == SHOAL_SEND_REQUEST) {
			request[newest % REQUESTS][0] = send.exchange;
			request[newest++ % REQUESTS][1] = input.mono_ns + send.timeout_ns;
			oldest += newest - oldest > REQUESTS;
		}
		if (send.len <= sizeof(frame) - HEADER) {
			frame[0] = (uint8_t)send.kind;
			memcpy(frame + 1, &send.exchange, 8);
			memcpy(frame + HEADER, send.data, send.len);
			sendto(fds[1].fd, frame, send.len + HEADER, 0, (void *)&to, sizeof(to));
		}
	}
	while (shoal_core_next_event(core, &event)) {
		ended = ended || event.kind == SHOAL_EVENT_ENDED;
		if ((event.kind & SHOAL_EVENT_ALL) != 0) {
			printf("%s %s (%s)\n", event.name, shoal_event_name(event.kind),
			        shoal_cause_print(&event.cause, text, sizeof(text)));
		}
	}
}

/* What has come; nothing: a look at the time. */
static struct shoal_input
receive(void)
{
	struct shoal_input in = {.kind = SHOAL_INPUT_TIMER};
	struct sockaddr_in from = {.sin_family = AF_INET};
	socklen_t size = sizeof(from);
	ssize_t len = recvfrom(fds[1].fd, frame, sizeof(frame), MSG_DONTWAIT, (void *)&from, &size);
	if (len >= HEADER && frame[0] >= SHOAL_SEND_DATAGRAM && frame[0] <= SHOAL_SEND_REPLY) {
		in.kind = SHOAL_INPUT_DATAGRAM + frame[0] - SHOAL_SEND_DATAGRAM;
		in.data = frame + HEADER;
		in.len = (size_t)len - HEADER;
		memcpy(&in.exchange, frame + 1, 8);
		in.from.ip[10] = in.from.ip[11] = 0xff;
		memcpy(in.from.ip + 12, &from.sin_addr, 4);
		in.from.port = ntohs(from.sin_port);
	}
	return in;
}

static void
turn(void)
{
	uint64_t at = now(CLOCK_BOOTTIME), next = shoal_core_deadline(core);
	uint64_t wait = next > at ? (next - at) / SHOAL_MS(1) + 1 : 0;
	poll(fds, 2, wait < 100 ? (int)wait : 100); /* requests time out too */
	step(receive()); /* deadlines are judged when nothing more has come */
	while (oldest != newest && request[oldest % REQUESTS][1] <= now(CLOCK_BOOTTIME)) {
		step((struct shoal_input){.kind = SHOAL_INPUT_RESULT,
		        .code = SHOAL_ERR_TIMEOUT,
		        .exchange = request[oldest++ % REQUESTS][0]});
	}
	if (fds[0].revents != 0) {
		fds[0].fd = -1;
		step((struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	}
}

int
main(int argc, char **argv)
{
	struct shoal_input join = {.kind = SHOAL_INPUT_JOIN};
	struct shoal_core_config config;
	shoal_core_config_init(&config);
	if (argc < 3 || shoal_addr_parse(&config.addr[0], argv[2]) != 0 ||
	        (argc > 3 && shoal_addr_parse(&join.from, argv[3]) != 0)) {
		return 2;
	}
	struct sockaddr_in name = socket_address(&config.addr[0]);
	socklen_t len = sizeof(name);
	fds[1].fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(fds[1].fd, (void *)&name, len) != 0 ||
	        getsockname(fds[1].fd, (void *)&name, &len) != 0 ||
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
		step(join);
	}
	while (!ended) {
		turn();
	}
	shoal_core_free(core);
	return 0;
}
