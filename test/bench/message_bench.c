/* SPDX-License-Identifier: MIT */
/* Messages of 100 bytes between two processes on loopback: reliable ones, those that may be lost,
 * and requests; each beside what hashicorp/memberlist does of the same in the same run. It has no
 * requests: there a message goes and another one comes back, each by a connection of its own.
 *
 * One process sends as fast as it is let, and waits where it is refused; the other one counts.
 * Rates are those of what arrived, until the last has. */
#include <shoal/shoal.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define TYPE   200
#define COUNT  201 /* a request: how many messages have come */
#define ASK    202 /* a request that is answered with what it brings */
#define BYTES  100
#define WINDOW 64

#define FIGURES 8 /* of the peer, at most */

static void
check(bool ok, const char *why)
{
	if (!ok) {
		fprintf(stderr, "message_bench: %s\n", why);
		exit(1);
	}
}

/* The process that receives. */

static _Atomic uint64_t heard;

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
	uint64_t n = atomic_load(&heard);

	(void)message;
	(void)arg;
	(void)shoal_reply(cluster, ticket, 0, &n, sizeof(n));
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
start(const char *name)
{
	struct shoal_cluster *cluster;
	struct shoal_config config;

	shoal_config_init(&config);
	config.name = name;
	config.bind = "127.0.0.1:0";
	check(shoal_cluster_new(&cluster, &config) == 0 &&
	                shoal_handle(cluster, TYPE, on_message, NULL) == 0 &&
	                shoal_handle_request(cluster, COUNT, on_count, NULL) == 0 &&
	                shoal_handle_request(cluster, ASK, on_ask, NULL) == 0 &&
	                shoal_cluster_start(cluster) == 0,
	        shoal_last_error());
	return cluster;
}

/* Until its input is closed. */
static void
receive(int commands, int address)
{
	struct shoal_cluster *cluster = start("receiver");
	char text[SHOAL_ADDR_TEXT] = "", byte;

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

static uint64_t
arrived(struct sender *sender)
{
	uint64_t n;
	size_t len;
	int rc = shoal_request_wait(
	        sender->cluster, &sender->to, COUNT, NULL, 0, 30000, &n, sizeof(n), &len);

	check(rc == 0 && len == sizeof(n), "the receiver does not answer");
	return n;
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

/* So many requests under way all the time. Their rate. */
static double
ask(struct sender *sender, unsigned window)
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
	double rate = (double)sender->done * 1e9 / (double)(bench_now_ns() - begin);
	check(sender->failed == 0, "a request failed");
	pthread_mutex_unlock(&sender->lock);
	return rate;
}

/* What the peer measured, by name; none of them where it is not here. */

struct peer {
	char name[FIGURES][32];
	double value[FIGURES];
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
	while (peer->count < FIGURES &&
	        fscanf(out, "%31s %lf", peer->name[peer->count], &peer->value[peer->count]) == 2) {
		peer->count++;
	}
	check(pclose(out) == 0, "memberlist's part has failed");
}

static void
compare(const struct bench *bench, const struct peer *peer, const char *name, const char *what,
        double ours)
{
	bench_figure(bench, what, ours, "/s");
	if (of_peer(peer, name) > 0) {
		bench_figure(bench, "  memberlist", of_peer(peer, name), "/s");
		bench_ratio(bench, "  of memberlist's", ours, of_peer(peer, name));
	}
}

static void
measure(struct sender *sender, const struct peer *peer)
{
	const struct bench *bench = sender->bench;
	uint64_t sent, ns, came, cpu = bench_cpu_ns();

	came = flood(sender, SHOAL_RELIABLE, &sent, &ns);
	check(came == sent, "reliable messages did not arrive");
	compare(bench, peer, "reliable", "reliable messages of 100 bytes",
	        (double)came * 1e9 / (double)ns);
	bench_figure(bench, "  the sender's processor time for each",
	        (double)(bench_cpu_ns() - cpu) / (double)came, "ns");
	came = flood(sender, 0, &sent, &ns);
	compare(bench, peer, "best_effort", "messages that may be lost, those that arrived",
	        (double)came * 1e9 / (double)ns);
	bench_figure(bench, "  of those that were sent",
	        100 * (double)came / (double)(sent > 0 ? sent : 1), "%");
	if (of_peer(peer, "sent") > 0) {
		bench_figure(bench, "  memberlist, of those that were sent",
		        100 * of_peer(peer, "best_effort") / of_peer(peer, "sent"), "%");
	}
	compare(bench, peer, "request", "requests answered, one at a time", ask(sender, 1));
	compare(bench, peer, "requests", "requests answered, 64 at a time", ask(sender, WINDOW));
}

int
main(int argc, char **argv)
{
	struct sender sender = {
	        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	char address[SHOAL_ADDR_TEXT];
	const char *seed = address;
	int commands[2], reports[2];
	struct bench bench;
	struct peer peer;
	size_t reached;

	bench_start(&bench, "messages", argc, argv);
	check(pipe(commands) == 0 && pipe(reports) == 0, strerror(errno));
	pid_t child = fork();
	check(child >= 0, strerror(errno));
	if (child == 0) {
		close(commands[1]);
		receive(commands[0], reports[1]);
	}
	close(commands[0]);
	close(reports[1]);
	check(read(reports[0], address, sizeof(address)) == sizeof(address), "no receiver");
	sender.bench = &bench;
	sender.cluster = start("sender");
	check(shoal_on_writable(sender.cluster, on_writable, &sender) == 0 &&
	                shoal_cluster_join(sender.cluster, &seed, 1, 30000, &reached) == 0 &&
	                shoal_wait_members(sender.cluster, 2, 30000) == 0,
	        shoal_last_error());
	struct shoal_member_list *list = shoal_members(sender.cluster, NULL);
	sender.to = *shoal_member_id(shoal_member_list_find_by_name(list, "receiver"));
	shoal_member_list_free(list);

	run_peer(&bench, &peer);
	measure(&sender, &peer);
	close(commands[1]);
	(void)shoal_cluster_free(sender.cluster);
	return waitpid(child, NULL, 0) == child ? 0 : 1;
}
