/* SPDX-License-Identifier: MIT */
/* Ping to ack over loopback UDP: a whole cluster object on its own threads, beside a bare recvmmsg
 * and sendmmsg echo of the same packets in the same run, which is the limit of the machine. The
 * client keeps a window of pings in flight and counts answers; the processor time of the server is
 * that of the process without the client's thread. Then the same with both sealing: the client
 * seals each ping anew, since no packet counts twice. */
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

/* What the client sends: the same ping always, or one that it seals. */
struct pinger {
	struct shoal_msg_ping ping;
	uint8_t bytes[BYTES];
	size_t len;
	struct shoal_keyring *ring; /* NULL: clear */
	uint64_t addressee;
};

static size_t
next_ping(struct pinger *pinger, uint8_t bytes[BYTES])
{
	struct shoal_writer writer;

	if (pinger->ring == NULL) {
		memcpy(bytes, pinger->bytes, pinger->len);
		return pinger->len;
	}
	shoal_writer_init(&writer, bytes, BYTES);
	shoal_packet_begin_sealed(&writer, (struct shoal_span){bytes, 0});
	shoal_message_append(&writer, SHOAL_MESSAGE_PING, &pinger->ping);
	struct shoal_packet_frame frame = {SHOAL_PACKET_DATAGRAM, 0};
	if (shoal_packet_seal(&writer, pinger->ring, &frame, pinger->addressee) != SHOAL_OK) {
		exit(1);
	}
	return writer.len;
}

/* Answers a second, and the server's processor time for each. A window that was lost is sent again
 * after a pause. */
static struct result
drive(const struct bench *bench, const struct sockaddr_in *to, struct pinger *pinger)
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
	uint64_t begin = bench_now_ns(), cpu = bench_cpu_ns();
	uint64_t mine = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID);
	while (bench_running(bench, begin)) {
		for (size_t i = 0; i < WINDOW; i++) {
			out.part[i].iov_len = next_ping(pinger, out.bytes[i]);
		}
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
measure_echo(const struct bench *bench, struct pinger *pinger)
{
	struct sockaddr_in addr;
	struct echo echo = {.fd = bind_loopback(&addr)};
	pthread_t thread;

	atomic_init(&echo.stop, false);
	if (pthread_create(&thread, NULL, run_echo, &echo) != 0) {
		exit(1);
	}
	struct result result = drive(bench, &addr, pinger);
	atomic_store(&echo.stop, true);
	pthread_join(thread, NULL);
	close(echo.fd);
	return result;
}

static void
make_ping(struct shoal_cluster *cluster, struct pinger *pinger)
{
	struct shoal_member *self = shoal_cluster_self(cluster);
	struct shoal_writer writer;

	*pinger = (struct pinger){.ping = {.seq = 1, .id.bytes[0] = 1, .salt = 1}};
	pinger->ping.target = *shoal_member_id(self);
	shoal_member_unref(self);
	shoal_writer_init(&writer, pinger->bytes, BYTES);
	shoal_packet_begin(&writer, (struct shoal_span){pinger->bytes, 0});
	shoal_message_append(&writer, SHOAL_MESSAGE_PING, &pinger->ping);
	shoal_packet_end(&writer);
	pinger->len = writer.len;
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

static struct shoal_cluster *
start(const struct shoal_key *key)
{
	struct shoal_config config;
	struct shoal_cluster *cluster;

	shoal_config_init(&config);
	config.name = "bench";
	config.bind = "127.0.0.1:0";
	config.keys = key;
	config.key_count = key != NULL ? 1 : 0;
	if (shoal_cluster_new(&cluster, &config) != SHOAL_OK ||
	        shoal_cluster_start(cluster) != SHOAL_OK) {
		fprintf(stderr, "udp_bench: %s\n", shoal_last_error());
		exit(1);
	}
	return cluster;
}

/* The salt of the instance that is pinged: it answers what is for nobody, and its salt stands in
 * the header of the answer. */
static uint64_t
ask_salt(const struct sockaddr_in *to, struct pinger *pinger)
{
	struct pollfd wait = {.events = POLLIN};
	struct shoal_packet_header header = {.version = 0};
	struct shoal_reader reader;
	struct sockaddr_in self;
	uint8_t bytes[2 * BYTES];

	wait.fd = bind_loopback(&self);
	size_t len = next_ping(pinger, bytes);
	ssize_t n = sendto(wait.fd, bytes, len, 0, (const struct sockaddr *)to, sizeof *to);
	if (n > 0 && poll(&wait, 1, 5000) > 0) {
		n = recv(wait.fd, bytes, sizeof bytes, 0);
	}
	close(wait.fd);
	shoal_reader_init(&reader, bytes, n > 0 ? (size_t)n : 0);
	if (shoal_packet_header(&reader, &header) != SHOAL_OK) {
		fprintf(stderr, "udp_bench: no salt\n");
		exit(1);
	}
	return header.by.salt;
}

static void
measure_sealed(const struct bench *bench)
{
	const struct shoal_key key = {.len = 32, .bytes = {1}};
	struct shoal_keyring_config ring = {
	        .cipher = shoal_cipher_aes_gcm(), .salt = {.bytes = {2}}};
	struct pinger pinger;

	if (ring.cipher == NULL) {
		return;
	}
	struct shoal_cluster *cluster = start(&key);
	struct sockaddr_in addr = address_of(cluster);
	make_ping(cluster, &pinger);
	if (shoal_keyring_new(&pinger.ring, &ring) != SHOAL_OK ||
	        shoal_keyring_install(pinger.ring, key.bytes, key.len, NULL) != SHOAL_OK) {
		exit(1);
	}
	pinger.addressee = ask_salt(&addr, &pinger);
	struct result bare = measure_echo(bench, &pinger);
	struct result ours = drive(bench, &addr, &pinger);
	bench_figure(bench, "bare echo of pings that the client seals", bare.rate, "pings/s");
	bench_figure(bench, "the same with AES-256-GCM", ours.rate, "pings/s");
	bench_figure(bench, "  its processor time", ours.cpu_us, "us a ping");
	bench_ratio(bench, "of the bare echo's rate", ours.rate, bare.rate);
	shoal_keyring_free(pinger.ring);
	shoal_cluster_free(cluster);
}

int
main(int argc, char **argv)
{
	struct bench bench;
	struct pinger pinger;

	bench_start(&bench, "udp", argc, argv);
	struct shoal_cluster *cluster = start(NULL);
	make_ping(cluster, &pinger);
	struct sockaddr_in addr = address_of(cluster);
	struct result bare = measure_echo(&bench, &pinger);
	struct result ours = drive(&bench, &addr, &pinger);
	bench_figure(&bench, "bare recvmmsg and sendmmsg echo", bare.rate, "pings/s");
	bench_figure(&bench, "  its processor time", bare.cpu_us, "us a ping");
	bench_figure(&bench, "ping to ack by a cluster object", ours.rate, "pings/s");
	bench_figure(&bench, "  its processor time", ours.cpu_us, "us a ping");
	bench_ratio(&bench, "of the bare echo's rate", ours.rate, bare.rate);
	shoal_cluster_free(cluster);
	measure_sealed(&bench);
	return 0;
}
