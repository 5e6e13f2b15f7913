/* SPDX-License-Identifier: MIT */
/* Messages between processes and from many threads: all of a flood arrives once and in order,
 * whatever becomes of connections and of the receiver meanwhile, and so do requests; queues fill,
 * refuse and empty, and memory stays what it was; who sends without a pause stops nothing else.
 *
 * MESSAGES in the environment: how many; else 50,000. */
#include "kit.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TYPE    300
#define ASK     301
#define BYTES   100
#define RESETS  20
#define THREADS 4
#define EACH    2000
/* Of the queues at both ends: so few of all messages that they are full most of the time. */
#define QUEUE_BYTES 65536
/* All messages at once are 8 MB: a queue without a bound is more than this. Sanitizers keep what is
 * freed. */
#if defined(__SANITIZE_ADDRESS__)
#define RSS_GROWTH_KB (1024 * 1024)
#elif defined(__SANITIZE_THREAD__)
#define RSS_GROWTH_KB 16384 /* some bytes of shadow for each */
#else
#define RSS_GROWTH_KB 4096
#endif

struct tally {
	_Atomic uint64_t heard, wrong, confirmed, lost, refused, resets;
	_Atomic unsigned
	        reset; /* times: all connections, when a message is heard: more follow it */
	_Atomic uint64_t asked, answered, unanswered; /* requests */
	uint64_t next[THREADS];
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t writable; /* how often there was room again */
};

static char label[32]; /* of both processes */

struct report {
	uint64_t heard, wrong, resets, grown_kb;
};

static uint64_t
rss_kb(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	unsigned long long kb = 0;
	char line[200];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		(void)sscanf(line, "VmRSS: %llu", &kb);
	}
	fclose(file);
	return kb;
}

/* Every TCP connection of this process is reset, behind the back of the thread that uses it: not by
 * the function that ThreadSanitizer watches. */
static unsigned
reset_connections(void)
{
	const struct sockaddr none = {.sa_family = AF_UNSPEC};
	unsigned count = 0;

	for (int fd = 3; fd < 1024; fd++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer), size = sizeof(int);
		int type = 0;

		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM &&
		        getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
		        (peer.ss_family == AF_INET || peer.ss_family == AF_INET6)) {
			count += syscall(SYS_connect, fd, &none, sizeof(none)) == 0;
		}
	}
	return count;
}

static void
on_message(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	struct tally *tally = arg;
	const uint8_t *data = shoal_message_data(message);
	uint64_t number;

	(void)cluster;
	memcpy(&number, data + 1, sizeof(number));
	if (shoal_message_len(message) != BYTES || data[0] >= THREADS ||
	        number != tally->next[data[0]]++) {
		atomic_fetch_add(&tally->wrong, 1);
	}
	atomic_fetch_add(&tally->heard, 1);
	if (atomic_load(&tally->reset) > 0 && reset_connections() > 0) {
		atomic_fetch_sub(&tally->reset, 1);
		atomic_fetch_add(&tally->resets, 1);
	}
}

/* Answered with its own number. */
static void
on_ask(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	(void)arg;
	(void)shoal_reply(
	        cluster, ticket, 0, shoal_message_data(message), shoal_message_len(message));
}

static void
on_answer(struct shoal_cluster *cluster, int code, const void *data, size_t len, void *arg)
{
	struct tally *tally = arg;
	uint64_t number = UINT64_MAX;

	(void)cluster;
	memcpy(&number, data, len < sizeof(number) ? len : sizeof(number));
	bool right = code == 0 && len == sizeof(number) && number == atomic_load(&tally->answered);
	atomic_fetch_add(right ? &tally->answered : &tally->unanswered, 1);
}

static void
on_sent(struct shoal_cluster *cluster, int code, void *arg)
{
	struct tally *tally = arg;

	(void)cluster;
	atomic_fetch_add(code == 0 ? &tally->confirmed : &tally->lost, 1);
}

static void
on_writable(struct shoal_cluster *cluster, const struct shoal_id *to, void *arg)
{
	struct tally *tally = arg;

	(void)cluster;
	(void)to;
	pthread_mutex_lock(&tally->lock);
	tally->writable++;
	pthread_cond_broadcast(&tally->changed);
	pthread_mutex_unlock(&tally->lock);
}

static uint64_t
times_writable(struct tally *tally)
{
	uint64_t n;

	pthread_mutex_lock(&tally->lock);
	n = tally->writable;
	pthread_mutex_unlock(&tally->lock);
	return n;
}

static void
await_writable(struct tally *tally, uint64_t before)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += KIT_PATIENCE_MS / 1000;
	pthread_mutex_lock(&tally->lock);
	while (tally->writable == before) {
		if (pthread_cond_timedwait(&tally->changed, &tally->lock, &until) != 0) {
			fail_msg("refused, and nobody tells of room");
		}
	}
	pthread_mutex_unlock(&tally->lock);
}

/* Sends one, and waits for room where there is none. */
static void
say(struct shoal_cluster *cluster, const struct shoal_id *to, struct tally *tally, uint8_t thread,
        uint64_t number)
{
	uint8_t data[BYTES] = {thread};
	int rc;

	memcpy(data + 1, &number, sizeof(number));
	for (;;) {
		uint64_t before = times_writable(tally);

		rc = shoal_send_confirmed(cluster, to, TYPE, data, sizeof(data), on_sent, tally);
		if (rc != SHOAL_ERR_AGAIN) {
			break;
		}
		atomic_fetch_add(&tally->refused, 1);
		await_writable(tally, before);
	}
	if (rc != 0) {
		fail_msg("message %llu: %s", (unsigned long long)number, shoal_last_error());
	}
}

/* One more request under way. */
static void
ask(struct shoal_cluster *cluster, const struct shoal_id *to, struct tally *tally)
{
	uint64_t number = atomic_load(&tally->asked), before;
	int rc;

	do {
		before = times_writable(tally);
		rc = shoal_request(cluster, to, ASK, &number, sizeof(number), KIT_PATIENCE_MS,
		        on_answer, tally, NULL);
		if (rc == SHOAL_ERR_AGAIN) {
			await_writable(tally, before);
		}
	} while (rc == SHOAL_ERR_AGAIN);
	if (rc != 0) {
		fail_msg("request: %s", shoal_last_error());
	}
	atomic_fetch_add(&tally->asked, 1);
}

static uint64_t
wanted(void)
{
	const char *given = getenv("MESSAGES");

	return given != NULL ? strtoull(given, NULL, 10) : 50000;
}

static void
rest_ms(long ms)
{
	const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&pause, NULL);
}

/* The other process: receives; told by single bytes to reset its connections, and to end. */
static void
receive(int commands, int reports)
{
	struct shoal_config config = kit_config("receiver");
	struct tally tally = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct report report = {0};
	char address[SHOAL_ADDR_TEXT] = "", command;

	kit_steady(&config);
	config.label = label;
	config.profile.inbox_bytes = QUEUE_BYTES;
	config.profile.message_max = QUEUE_BYTES / 2;
	struct shoal_cluster *cluster = kit_new(&config);
	if (shoal_handle(cluster, TYPE, on_message, &tally) != 0 ||
	        shoal_handle_request(cluster, ASK, on_ask, NULL) != 0 ||
	        shoal_cluster_start(cluster) != 0 ||
	        shoal_cluster_address(cluster, address, sizeof(address)) != 0 ||
	        write(reports, address, sizeof(address)) != sizeof(address)) {
		_exit(1);
	}
	uint64_t base_kb = 0;
	while (read(commands, &command, 1) == 1 && command == 'r') {
		base_kb = base_kb == 0 ? rss_kb() : base_kb;
		atomic_fetch_add(&tally.reset, 1);
	}
	for (unsigned i = 0; i < 3000 && atomic_load(&tally.heard) < wanted(); i++) {
		rest_ms(10);
	}
	rest_ms(1000); /* none comes again, late */
	report.heard = atomic_load(&tally.heard);
	report.wrong = atomic_load(&tally.wrong);
	report.resets = atomic_load(&tally.resets);
	report.grown_kb = rss_kb() - (base_kb < rss_kb() ? base_kb : rss_kb());
	_exit(write(reports, &report, sizeof(report)) == sizeof(report) ? 0 : 1);
}

struct wait {
	struct tally *tally;
	uint64_t wanted;
};

static bool
all_confirmed(void *arg)
{
	const struct wait *wait = arg;

	return atomic_load(&wait->tally->confirmed) + atomic_load(&wait->tally->lost) >=
	               wait->wanted &&
	       atomic_load(&wait->tally->answered) + atomic_load(&wait->tally->unanswered) >=
	               atomic_load(&wait->tally->asked);
}

/* Stops the receiver for two seconds while others go on sending. */
static void *
stop_for_two_seconds(void *arg)
{
	const pid_t *child = arg;

	kill(*child, SIGSTOP);
	rest_ms(2000);
	kill(*child, SIGCONT);
	return NULL;
}

/* What memory grew to between the first messages and the last ones. */
static uint64_t
send_all(const char *address, pid_t child, int commands, struct tally *tally, uint64_t count)
{
	struct shoal_config config = kit_config("sender");
	struct wait wait = {tally, count};

	uint64_t base_kb = 0, most_kb = 0;
	pthread_t stopper;

	kit_steady(&config);
	config.label = label;
	config.profile.queue_bytes = QUEUE_BYTES;
	config.profile.message_max = QUEUE_BYTES / 2;
	struct shoal_cluster *cluster = kit_start(&config);
	kit_join(cluster, address);
	kit_await_members(NULL, cluster, 2);
	assert_int_equal(shoal_on_writable(cluster, on_writable, tally), 0);
	struct shoal_id to = kit_id_of(cluster, "receiver");
	uint64_t began = kit_now_ms();
	for (uint64_t i = 0; i < count; i++) {
		say(cluster, &to, tally, 0, i);
		if (i % (count / RESETS) == count / RESETS / 2) {
			ask(cluster, &to, tally);
			assert_int_equal(write(commands, "r", 1), 1);
			base_kb = base_kb == 0 ? rss_kb() : base_kb;
			most_kb = rss_kb() > most_kb ? rss_kb() : most_kb;
		}
		if (i == count / 2) {
			ask(cluster, &to, tally);
			assert_int_equal(
			        pthread_create(&stopper, NULL, stop_for_two_seconds, &child), 0);
		}
	}
	assert_int_equal(pthread_join(stopper, NULL), 0);
	assert_true(kit_until(NULL, all_confirmed, &wait));
	uint64_t ms = kit_now_ms() - began;
	struct shoal_counters counters;
	shoal_cluster_counters(cluster, &counters);
	printf("%llu messages in %llu ms, %llu requests failed, %llu connections\n",
	        (unsigned long long)count, (unsigned long long)ms,
	        (unsigned long long)counters.value[SHOAL_COUNTER_BATCHES_FAILED],
	        (unsigned long long)counters.value[SHOAL_COUNTER_CONNECTIONS_OUT]);
	assert_true(counters.value[SHOAL_COUNTER_CONNECTIONS_OUT] > RESETS / 2);
	kit_free(cluster);
	return most_kb - base_kb;
}

static void
all_messages_arrive_once_and_in_order_while_connections_break_and_the_receiver_stops(void **state)
{
	struct tally tally = {
	        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	char address[SHOAL_ADDR_TEXT];
	int commands[2], reports[2], status;
	uint64_t count = wanted();
	struct report report;

	(void)state;
	snprintf(label, sizeof(label), "messages-%d", (int)getpid());
	assert_int_equal(pipe(commands), 0);
	assert_int_equal(pipe(reports), 0);
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(commands[1]);
		receive(commands[0], reports[1]);
	}
	close(commands[0]);
	close(reports[1]);
	assert_int_equal(read(reports[0], address, sizeof(address)), sizeof(address));
	uint64_t grown_kb = send_all(address, child, commands[1], &tally, count);
	assert_true(atomic_load(&tally.confirmed) == count && atomic_load(&tally.lost) == 0);
	assert_true(atomic_load(&tally.answered) == RESETS + 1);
	assert_int_equal(write(commands[1], "q", 1), 1);
	assert_int_equal(read(reports[0], &report, sizeof(report)), sizeof(report));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	printf("memory grew: sender %llu kB, receiver %llu kB; refused %llu times, writable %llu "
	       "times, %llu resets\n",
	        (unsigned long long)grown_kb, (unsigned long long)report.grown_kb,
	        (unsigned long long)atomic_load(&tally.refused), (unsigned long long)tally.writable,
	        (unsigned long long)report.resets);
	assert_true(report.heard == count && report.wrong == 0);
	assert_true(report.resets == RESETS);
	assert_true(atomic_load(&tally.refused) > 0 && times_writable(&tally) > 0);
	assert_true(report.grown_kb < RSS_GROWTH_KB && grown_kb < RSS_GROWTH_KB);
	close(commands[1]);
	close(reports[0]);
}

struct caller {
	struct shoal_cluster *cluster;
	struct shoal_id to;
	struct tally *tally;
	uint8_t number;
};

static void *
call(void *arg)
{
	const struct caller *caller = arg;

	for (uint64_t i = 0; i < EACH; i++) {
		say(caller->cluster, &caller->to, caller->tally, caller->number, i);
	}
	return NULL;
}

static bool
all_heard(void *arg)
{
	const struct tally *tally = arg;

	return atomic_load(&tally->heard) >= THREADS * EACH;
}

static void
what_many_threads_send_arrives_in_the_order_of_each(void **state)
{
	struct tally tally = {
	        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	struct shoal_config config = kit_config("one");
	struct shoal_cluster *two = kit_member("two");
	struct wait wait = {&tally, THREADS * EACH};
	struct caller caller[THREADS];
	pthread_t thread[THREADS];

	(void)state;
	config.profile.queue_bytes = QUEUE_BYTES;
	config.profile.message_max = QUEUE_BYTES / 2;
	struct shoal_cluster *one = kit_start(&config);
	assert_int_equal(shoal_handle(two, TYPE, on_message, &tally), 0);
	assert_int_equal(shoal_on_writable(one, on_writable, &tally), 0);
	kit_join(one, kit_address(two));
	kit_await_members(NULL, one, 2);
	for (uint8_t i = 0; i < THREADS; i++) {
		caller[i] = (struct caller){one, kit_id_of(one, "two"), &tally, i};
		assert_int_equal(pthread_create(&thread[i], NULL, call, &caller[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	}
	assert_true(kit_until(NULL, all_heard, &tally));
	assert_true(kit_until(NULL, all_confirmed, &wait));
	assert_int_equal(atomic_load(&tally.wrong), 0);
	assert_true(atomic_load(&tally.refused) > 0);
	assert_int_equal(shoal_unhandle(two, TYPE), 0);
	kit_free(one);
	kit_free(two);
}

struct flood {
	struct shoal_cluster *cluster;
	struct shoal_id to;
	_Atomic uint64_t sent;
	_Atomic int end; /* the error that ended it */
};

/* Sends without a pause until the cluster says that it is not running. */
static void *
flood(void *arg)
{
	struct flood *flood = arg;
	int rc = 0;

	while (rc != SHOAL_ERR_STATE) {
		rc = shoal_send(flood->cluster, &flood->to, TYPE, "flood", 5, 0);
		atomic_fetch_add(&flood->sent, rc == 0);
	}
	atomic_store(&flood->end, rc);
	return NULL;
}

static bool
has_flooded(void *arg)
{
	struct flood *flood = arg;

	return atomic_load(&flood->sent) > 200000;
}

static void
one_that_sends_without_a_pause_goes_on_probing_and_stops_when_it_is_told(void **state)
{
	struct shoal_config config = kit_config("one");
	struct shoal_cluster *two = kit_member("two");
	struct shoal_counters before, after;
	struct flood flooding = {.sent = 0};
	pthread_t thread;

	(void)state;
	kit_steady(&config);
	struct shoal_cluster *one = kit_start(&config);
	kit_join(one, kit_address(two));
	kit_await_members(NULL, one, 2);
	flooding.cluster = one;
	flooding.to = kit_id_of(one, "two");
	shoal_cluster_counters(one, &before);
	assert_int_equal(pthread_create(&thread, NULL, flood, &flooding), 0);
	assert_true(kit_until(NULL, has_flooded, &flooding));
	assert_int_equal(shoal_cluster_stop(one), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	shoal_cluster_counters(one, &after);
	assert_true(after.value[SHOAL_COUNTER_LOOP_TURNS] >
	            before.value[SHOAL_COUNTER_LOOP_TURNS] + 100);
	kit_free(one);
	kit_free(two);
}

struct stuck {
	_Atomic bool open;
	_Atomic uint64_t ended;
};

static void
on_sent_stuck(struct shoal_cluster *cluster, int code, void *arg)
{
	struct stuck *stuck = arg;

	(void)cluster;
	assert_int_equal(code, 0);
	while (!atomic_load(&stuck->open)) {
		rest_ms(1);
	}
	atomic_fetch_add(&stuck->ended, 1);
}

static void
what_is_confirmed_is_bounded_where_callbacks_stand_still(void **state)
{
	struct shoal_config config = kit_config("one");
	struct shoal_cluster *two = kit_member("two");
	struct stuck stuck = {.open = false};
	uint64_t accepted = 0;

	(void)state;
	config.profile.queue_bytes = QUEUE_BYTES;
	config.profile.message_max = 1000;
	struct shoal_cluster *one = kit_start(&config);
	kit_join(one, kit_address(two));
	kit_await_members(NULL, one, 2);
	struct shoal_id to = kit_id_of(one, "two");
	/* For as long as a queue without a bound needs to pass it many times. */
	for (unsigned i = 0; i < 1000; i++) {
		while (shoal_send_confirmed(one, &to, TYPE, "x", 1, on_sent_stuck, &stuck) == 0) {
			accepted++;
			assert_true(accepted <= QUEUE_BYTES / SHOAL_MESSAGE_COST);
		}
		rest_ms(1);
	}
	assert_true(accepted > 100);
	atomic_store(&stuck.open, true);
	kit_free(one);
	assert_true(atomic_load(&stuck.ended) == accepted);
	kit_free(two);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                all_messages_arrive_once_and_in_order_while_connections_break_and_the_receiver_stops),
	        cmocka_unit_test(what_many_threads_send_arrives_in_the_order_of_each),
	        cmocka_unit_test(
	                one_that_sends_without_a_pause_goes_on_probing_and_stops_when_it_is_told),
	        cmocka_unit_test(what_is_confirmed_is_bounded_where_callbacks_stand_still),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
