/* SPDX-License-Identifier: MIT */
/* Messages of 100 bytes between two processes on loopback: reliable ones, those that may be lost,
 * and requests; each beside what hashicorp/memberlist does of the same in the same run. It has no
 * requests: there a message goes and another one comes back, each by a connection of its own. Then
 * the same by the other transports, beside the sockets of the same run.
 *
 * One process sends as fast as it is let, and waits where it is refused; the other one counts.
 * Rates are those of what arrived, until the last has; processor time is that of both processes. */
#include <shoal/shoal.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#ifdef SHOAL_HAVE_MBEDTLS
#include "transports_certs.h"
#endif

#define TYPE   200
#define COUNT  201 /* a request: how many messages have come */
#define ASK    202 /* a request that is answered with what it brings */
#define BYTES  100
#define WINDOW 64

#define PEER_FIGURES 8 /* of the peer, at most */

static void
check(bool ok, const char *why)
{
	if (!ok) {
		fprintf(stderr, "message_bench: %s\n", why);
		exit(1);
	}
}

/* How the two reach each other. */
static const struct way {
	const char *name; /* NULL: by what a member without a word about it has */
	const char *transport, *bind;
	bool tls;
} ways[] = {
        {NULL, NULL, "127.0.0.1:0", false},
        {"tcp", "tcp", "127.0.0.1:0", false},
        {"http", "http", "http://127.0.0.1:0/gossip", false},
#ifdef SHOAL_HAVE_MBEDTLS
        {"tcp with TLS", "tcp", "127.0.0.1:0", true},
        {"https", "http", "https://127.0.0.1:0/gossip", true},
#endif
};

#ifdef SHOAL_HAVE_MBEDTLS
static struct certs certs;
#endif

#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* The process that receives. */

static _Atomic uint64_t heard;

/* What it tells of itself. */
struct told {
	uint64_t heard, cpu_ns;
};

static void
on_message(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	(void)cluster;
	(void)message;
	(void)arg;
	atomic_fetch_add_explicit(&heard, 1, memory_order_relaxed);
}

static void
on_count(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	struct told told = {atomic_load(&heard), bench_cpu_ns()};

	(void)message;
	(void)arg;
	(void)shoal_reply(cluster, ticket, 0, &told, sizeof(told));
}

static void
on_ask(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	(void)arg;
	(void)shoal_reply(
	        cluster, ticket, 0, shoal_message_data(message), shoal_message_len(message));
}

static struct shoal_cluster *
start(const char *name, const struct way *way)
{
	struct shoal_cluster *cluster;
	struct shoal_config config;

	shoal_config_init(&config);
	config.name = name;
	config.bind = way->bind;
	config.transport = way->transport;
#ifdef SHOAL_HAVE_MBEDTLS
	if (way->tls) {
		config.tls = strncmp(way->bind, "https", 5) != 0;
		config.tls_ca = certs_path(&certs, "ca.crt");
		config.tls_cert = certs_path(&certs, "bench.crt");
		config.tls_key = certs_path(&certs, "bench.key");
	}
#endif
	check(shoal_cluster_new(&cluster, &config) == 0 &&
	                shoal_handle(cluster, TYPE, on_message, NULL) == 0 &&
	                shoal_handle_request(cluster, COUNT, on_count, NULL) == 0 &&
	                shoal_handle_request(cluster, ASK, on_ask, NULL) == 0 &&
	                shoal_cluster_start(cluster) == 0,
	        shoal_last_error());
	return cluster;
}

/* From the first byte of its input until that is closed. */
static void
receive(int commands, int address, const struct way *way)
{
	char text[SHOAL_URL_TEXT] = "", byte;

	if (read(commands, &byte, 1) <= 0) {
		exit(0);
	}
	struct shoal_cluster *cluster = start("receiver", way);
	(void)shoal_cluster_address(cluster, text, sizeof(text));
	check(write(address, text, sizeof(text)) == sizeof(text), "the sender is gone");
	while (read(commands, &byte, 1) > 0) {
	}
	(void)shoal_cluster_free(cluster);
	exit(0);
}

/* The process that sends. */

struct sender {
	const struct bench *bench;
	struct shoal_cluster *cluster;
	struct shoal_id to;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t writable, flying, done, failed;
};

static void
on_writable(struct shoal_cluster *cluster, const struct shoal_id *to, void *arg)
{
	struct sender *sender = arg;

	(void)cluster;
	(void)to;
	pthread_mutex_lock(&sender->lock);
	sender->writable++;
	pthread_cond_signal(&sender->changed);
	pthread_mutex_unlock(&sender->lock);
}

static void
await_room(struct sender *sender, uint64_t before)
{
	pthread_mutex_lock(&sender->lock);
	while (sender->writable == before) {
		pthread_cond_wait(&sender->changed, &sender->lock);
	}
	pthread_mutex_unlock(&sender->lock);
}

static struct told
ask_told(struct sender *sender)
{
	struct told told;
	size_t len;
	int rc = shoal_request_wait(
	        sender->cluster, &sender->to, COUNT, NULL, 0, 30000, &told, sizeof(told), &len);

	check(rc == 0 && len == sizeof(told), "the receiver does not answer");
	return told;
}

static uint64_t
arrived(struct sender *sender)
{
	return ask_told(sender).heard;
}

/* Of both. */
static uint64_t
cpu_ns(struct sender *sender)
{
	return bench_cpu_ns() + ask_told(sender).cpu_ns;
}

/* Sends for a while. *sent: how many; what it returns came, and *ns is the time until the last had.
 */
static uint64_t
flood(struct sender *sender, unsigned flags, uint64_t *sent, uint64_t *ns)
{
	static const uint8_t data[BYTES];
	uint64_t base = arrived(sender), begin = bench_now_ns(), last, now;

	*sent = 0;
	while (bench_running(sender->bench, begin)) {
		for (unsigned i = 0; i < 64; i++) {
			pthread_mutex_lock(&sender->lock);
			uint64_t before = sender->writable;
			pthread_mutex_unlock(&sender->lock);
			int rc = shoal_send(sender->cluster, &sender->to, TYPE, data, BYTES, flags);

			check(rc == 0 || rc == SHOAL_ERR_AGAIN, shoal_last_error());
			*sent += rc == 0;
			if (rc != 0) {
				await_room(sender, before);
			}
		}
	}
	last = arrived(sender); /* behind the reliable ones; others may be on their way still */
	*ns = bench_now_ns() - begin;
	while (last - base < *sent && (now = arrived(sender)) != last) {
		last = now;
		*ns = bench_now_ns() - begin;
	}
	return last - base;
}

static void
on_reply(struct shoal_cluster *cluster, int code, const void *data, size_t len, void *arg)
{
	struct sender *sender = arg;

	(void)cluster;
	(void)data;
	(void)len;
	pthread_mutex_lock(&sender->lock);
	sender->flying--;
	sender->done++;
	sender->failed += code != 0;
	pthread_cond_signal(&sender->changed);
	pthread_mutex_unlock(&sender->lock);
}

/* So many requests under way all the time. How many were answered. */
static uint64_t
ask(struct sender *sender, unsigned window, uint64_t *ns)
{
	static const uint8_t data[BYTES];
	uint64_t begin = bench_now_ns();

	pthread_mutex_lock(&sender->lock);
	sender->done = 0;
	while (bench_running(sender->bench, begin) || sender->flying > 0) {
		bool more = bench_running(sender->bench, begin) && sender->flying < window;

		sender->flying += more;
		if (!more) {
			pthread_cond_wait(&sender->changed, &sender->lock);
			continue;
		}
		pthread_mutex_unlock(&sender->lock);
		check(shoal_request(sender->cluster, &sender->to, ASK, data, BYTES, 30000, on_reply,
		              sender, NULL) == 0,
		        shoal_last_error());
		pthread_mutex_lock(&sender->lock);
	}
	uint64_t done = sender->done;
	*ns = bench_now_ns() - begin;
	check(sender->failed == 0, "a request failed");
	pthread_mutex_unlock(&sender->lock);
	return done;
}

/* What the peer measured, by name; none of them where it is not here. */

struct peer {
	char name[PEER_FIGURES][32];
	double value[PEER_FIGURES];
	size_t count;
};

static double
of_peer(const struct peer *peer, const char *name)
{
	for (size_t i = 0; i < peer->count; i++) {
		if (strcmp(peer->name[i], name) == 0) {
			return peer->value[i];
		}
	}
	return 0;
}

static void
run_peer(const struct bench *bench, struct peer *peer)
{
	char command[4096];

	peer->count = 0;
	if (access(MEMBERLIST_PEER, X_OK) != 0) {
		fprintf(stderr, "message_bench: memberlist is not here: install golang-go and "
		                "golang-github-hashicorp-memberlist-dev, configure, and build the "
		                "target benchmarks\n");
		return;
	}
	snprintf(command, sizeof(command), "'%s' %g", MEMBERLIST_PEER, bench->seconds);
	FILE *out = popen(command, "re");
	check(out != NULL, strerror(errno));
	while (peer->count < PEER_FIGURES &&
	        fscanf(out, "%31s %lf", peer->name[peer->count], &peer->value[peer->count]) == 2) {
		peer->count++;
	}
	check(pclose(out) == 0, "memberlist's part has failed");
}

/* What is measured, in this order. */
static const struct figure {
	const char *what, *peer;
	bool asks;
	unsigned flags, window;
} figures[] = {
        {"reliable messages of 100 bytes", "reliable", false, SHOAL_RELIABLE, 0},
        {"messages that may be lost, those that arrived", "best_effort", false, 0, 0},
        {"requests answered, one at a time", "request", true, 0, 1},
        {"requests answered, 64 at a time", "requests", true, 0, WINDOW},
};

#define FIGURES (sizeof(figures) / sizeof(figures[0]))

struct result {
	double rate, cpu_us;
	double came; /* of what was sent, a hundredth */
};

static struct result
measure_one(struct sender *sender, const struct figure *figure)
{
	uint64_t sent, ns, cpu = cpu_ns(sender);
	uint64_t n = figure->asks ? ask(sender, figure->window, &ns)
	                          : flood(sender, figure->flags, &sent, &ns);

	cpu = cpu_ns(sender) - cpu;
	sent = figure->asks ? n : sent;
	check(n > 0 && (n == sent || figure->flags == 0), "messages did not arrive");
	return (struct result){(double)n * 1e9 / (double)ns, (double)cpu / 1e3 / (double)n,
	        100 * (double)n / (double)sent};
}

/* By sockets, beside the peer. */
static void
compare(const struct bench *bench, const struct peer *peer, const struct figure *figure,
        const struct result *ours)
{
	double theirs = of_peer(peer, figure->peer);

	bench_figure(bench, figure->what, ours->rate, "/s");
	bench_figure(bench, "  processor time of both for each", ours->cpu_us, "us");
	if (theirs > 0) {
		bench_figure(bench, "  memberlist", theirs, "/s");
		bench_ratio(bench, "  of memberlist's", ours->rate, theirs);
	}
	if (ours->came < 100 || !(figure->asks || figure->flags)) {
		bench_figure(bench, "  of those that were sent", ours->came, "%");
	}
	if (strcmp(figure->peer, "best_effort") == 0 && of_peer(peer, "sent") > 0) {
		bench_figure(bench, "  memberlist, of those that were sent",
		        100 * theirs / of_peer(peer, "sent"), "%");
	}
}

/* By another transport, beside sockets. */
static void
compare_way(const struct bench *bench, const struct way *way, const struct figure *figure,
        const struct result *ours, const struct result *sockets)
{
	char what[80];

	snprintf(what, sizeof(what), "%s: %s", way->name, figure->what);
	bench_figure(bench, what, ours->rate, "/s");
	bench_ratio(bench, "  of the sockets' rate", ours->rate, sockets->rate);
	bench_figure(bench, "  processor time of both for each", ours->cpu_us, "us");
	bench_ratio(bench, "  of the sockets'", ours->cpu_us, sockets->cpu_us);
}

static void
meet(struct sender *sender, const struct way *way, const char *seed)
{
	size_t reached;

	sender->cluster = start("sender", way);
	check(shoal_on_writable(sender->cluster, on_writable, sender) == 0 &&
	                shoal_cluster_join(sender->cluster, &seed, 1, 30000, &reached) == 0 &&
	                shoal_wait_members(sender->cluster, 2, 30000) == 0,
	        shoal_last_error());
	struct shoal_member_list *list = shoal_members(sender->cluster, NULL);
	sender->to = *shoal_member_id(shoal_member_list_find_by_name(list, "receiver"));
	shoal_member_list_free(list);
}

/* A receiver of each way, made before there are threads; it begins when it is told. */
struct receiver {
	pid_t process;
	int commands, reports;
};

static void
make_receivers(struct receiver receiver[WAYS])
{
	for (size_t i = 0; i < WAYS; i++) {
		int commands[2], reports[2];

		check(pipe(commands) == 0 && pipe(reports) == 0, strerror(errno));
		pid_t child = fork();
		check(child >= 0, strerror(errno));
		if (child == 0) {
			close(commands[1]);
			for (size_t j = 0; j < i; j++) { /* or those before it never end */
				close(receiver[j].commands);
			}
			receive(commands[0], reports[1], &ways[i]);
		}
		close(commands[0]);
		close(reports[1]);
		receiver[i] = (struct receiver){child, commands[1], reports[0]};
	}
}

int
main(int argc, char **argv)
{
	struct sender sender = {
	        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	struct result sockets[FIGURES];
	struct receiver receiver[WAYS];
	char address[SHOAL_URL_TEXT];
	struct bench bench;
	struct peer peer;

	bench_start(&bench, "messages", argc, argv);
	sender.bench = &bench;
#ifdef SHOAL_HAVE_MBEDTLS
	const struct certs_wish wish = {.name = "bench", .ip = "127.0.0.1"};

	certs_begin(&certs);
	certs_make(&certs, "bench", &wish);
#endif
	make_receivers(receiver);
	run_peer(&bench, &peer);
	for (size_t i = 0; i < WAYS; i++) {
		check(write(receiver[i].commands, "g", 1) == 1 &&
		                read(receiver[i].reports, address, sizeof(address)) ==
		                        sizeof(address),
		        "no receiver");
		meet(&sender, &ways[i], address);
		for (size_t j = 0; j < FIGURES; j++) {
			struct result got = measure_one(&sender, &figures[j]);

			if (i == 0) {
				sockets[j] = got;
				compare(&bench, &peer, &figures[j], &got);
			} else {
				compare_way(&bench, &ways[i], &figures[j], &got, &sockets[j]);
			}
		}
		(void)shoal_cluster_free(sender.cluster);
		close(receiver[i].commands);
		check(waitpid(receiver[i].process, NULL, 0) == receiver[i].process, "no child");
	}
#ifdef SHOAL_HAVE_MBEDTLS
	certs_end(&certs);
#endif
	return 0;
}
