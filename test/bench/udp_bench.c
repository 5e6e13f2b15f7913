/* SPDX-License-Identifier: MIT */
/* Ping to ack over loopback UDP: a whole cluster object on its own threads, beside a bare recvmmsg
 * and sendmmsg echo of the same packets in the same run, which is the limit of the machine. The
 * client keeps a window of pings in flight and counts answers; the processor time of the server is
 * that of the process without the client's thread. */
#include <shoal/shoal.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "wire/message.h"
#include "wire/packet.h"

#define WINDOW 32
#define BYTES  256

struct batch {
	struct mmsghdr header[WINDOW];
	struct iovec part[WINDOW];
	struct sockaddr_storage peer[WINDOW];
	uint8_t bytes[WINDOW][BYTES];
};

static void
prepare(struct batch *batch, bool named)
{
	memset(batch->header, 0, sizeof batch->header);
	for (size_t i = 0; i < WINDOW; i++) {
		batch->part[i] = (struct iovec){batch->bytes[i], BYTES};
		batch->header[i].msg_hdr.msg_iov = &batch->part[i];
		batch->header[i].msg_hdr.msg_iovlen = 1;
		if (named) {
			batch->header[i].msg_hdr.msg_name = &batch->peer[i];
			batch->header[i].msg_hdr.msg_namelen = sizeof batch->peer[i];
		}
	}
}

static int
bind_loopback(struct sockaddr_in *addr)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof *addr;

	memset(addr, 0, sizeof *addr);
	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)addr, len) != 0 ||
	        getsockname(fd, (struct sockaddr *)addr, &len) != 0) {
		perror("udp_bench: socket");
		exit(1);
	}
	return fd;
}

struct echo {
	int fd;
	atomic_bool stop;
};

static void *
run_echo(void *arg)
{
	struct echo *echo = arg;
	static struct batch batch;

	while (!atomic_load(&echo->stop)) {
		struct pollfd wait = {.fd = echo->fd, .events = POLLIN};

		if (poll(&wait, 1, 100) <= 0) {
			continue;
		}
		prepare(&batch, true);
		int n = recvmmsg(echo->fd, batch.header, WINDOW, MSG_DONTWAIT, NULL);
		for (int i = 0; i < n; i++) {
			batch.part[i].iov_len = batch.header[i].msg_len;
		}
		for (int sent = 0; n > 0 && sent < n;) {
			int rc = sendmmsg(echo->fd, batch.header + sent, (unsigned)(n - sent), 0);
			if (rc <= 0) {
				break;
			}
			sent += rc;
		}
	}
	return NULL;
}

struct result {
	double rate, cpu_us;
};

/* Answers a second, and the server's processor time for each. A window that was lost is sent again
 * after a pause. */
static struct result
drive(const struct bench *bench, const struct sockaddr_in *to, const uint8_t *ping, size_t len)
{
	struct sockaddr_in self;
	int fd = bind_loopback(&self);
	static struct batch out, in;
	uint64_t answers = 0;

	if (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0) {
		perror("udp_bench: connect");
		exit(1);
	}
	prepare(&out, false);
	for (size_t i = 0; i < WINDOW; i++) {
		memcpy(out.bytes[i], ping, len);
		out.part[i].iov_len = len;
	}
	uint64_t begin = bench_now_ns(), cpu = bench_cpu_ns();
	uint64_t mine = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	while (bench_running(bench, begin)) {
		int waiting = sendmmsg(fd, out.header, WINDOW, 0);
		while (waiting > 0) {
			struct pollfd wait = {.fd = fd, .events = POLLIN};
			if (poll(&wait, 1, 20) <= 0) {
				break;
			}
			prepare(&in, false);
			int n = recvmmsg(fd, in.header, WINDOW, MSG_DONTWAIT, NULL);
			if (n > 0) {
				answers += (uint64_t)n;
				waiting -= n;
			}
		}
	}
	double seconds = (double)(bench_now_ns() - begin) / 1e9;
	mine = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) - mine;
	cpu = bench_cpu_ns() - cpu;
	close(fd);
	if (answers == 0) {
		fprintf(stderr, "udp_bench: no answers\n");
		exit(1);
	}
	return (struct result){
	        (double)answers / seconds, (double)(cpu - mine) / 1e3 / (double)answers};
}

static struct result
measure_echo(const struct bench *bench, const uint8_t *ping, size_t len)
{
	struct sockaddr_in addr;
	struct echo echo = {.fd = bind_loopback(&addr)};
	pthread_t thread;

	atomic_init(&echo.stop, false);
	if (pthread_create(&thread, NULL, run_echo, &echo) != 0) {
		exit(1);
	}
	struct result result = drive(bench, &addr, ping, len);
	atomic_store(&echo.stop, true);
	pthread_join(thread, NULL);
	close(echo.fd);
	return result;
}

static size_t
make_ping(struct shoal_cluster *cluster, uint8_t bytes[BYTES])
{
	struct shoal_member *self = shoal_cluster_self(cluster);
	struct shoal_msg_ping ping = {.seq = 1, .id.bytes[0] = 1, .salt = 1};
	struct shoal_writer writer;

	ping.target = *shoal_member_id(self);
	shoal_member_unref(self);
	shoal_writer_init(&writer, bytes, BYTES);
	shoal_packet_begin(&writer, (struct shoal_span){bytes, 0});
	shoal_message_append(&writer, SHOAL_MESSAGE_PING, &ping);
	shoal_packet_end(&writer);
	return writer.len;
}

static struct sockaddr_in
address_of(struct shoal_cluster *cluster)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	struct shoal_addr bound;
	char text[SHOAL_ADDR_TEXT];

	if (shoal_cluster_address(cluster, text, sizeof text) != SHOAL_OK ||
	        shoal_addr_parse(&bound, text) != SHOAL_OK) {
		exit(1);
	}
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	addr.sin_port = htons(bound.port);
	return addr;
}

int
main(int argc, char **argv)
{
	struct bench bench;
	struct shoal_config config;
	struct shoal_cluster *cluster;
	uint8_t ping[BYTES];

	bench_start(&bench, "udp", argc, argv);
	shoal_config_init(&config);
	config.name = "bench";
	config.bind = "127.0.0.1:0";
	if (shoal_cluster_new(&cluster, &config) != SHOAL_OK ||
	        shoal_cluster_start(cluster) != SHOAL_OK) {
		fprintf(stderr, "udp_bench: %s\n", shoal_last_error());
		return 1;
	}
	size_t len = make_ping(cluster, ping);
	struct sockaddr_in addr = address_of(cluster);
	struct result bare = measure_echo(&bench, ping, len);
	struct result ours = drive(&bench, &addr, ping, len);
	bench_figure(&bench, "bare recvmmsg and sendmmsg echo", bare.rate, "pings/s");
	bench_figure(&bench, "  its processor time", bare.cpu_us, "us a ping");
	bench_figure(&bench, "ping to ack by a cluster object", ours.rate, "pings/s");
	bench_figure(&bench, "  its processor time", ours.cpu_us, "us a ping");
	bench_ratio(&bench, "of the bare echo's rate", ours.rate, bare.rate);
	shoal_cluster_free(cluster);
	return 0;
}
