/* SPDX-License-Identifier: MIT */
/* Broadcasts and requests between processes: who was stopped for so long that it was found dead
 * gets each reliable broadcast once when it is back; it is asked by requests what it heard. */
#include "kit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TYPE_NEWS  300
#define TYPE_COUNT 301
#define TYPE_ECHO  302
#define NEWS       300
#define BYTES      500

static char label[32]; /* of all processes */

/* What a process heard: how many different ones, and how often the one that came most often. */
struct count {
	uint32_t different, most;
};

struct tally {
	uint32_t times[NEWS];
};

static void
on_news(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	struct tally *tally = arg;
	uint32_t number = NEWS;

	(void)cluster;
	memcpy(&number, shoal_message_data(message), sizeof(number));
	if (number < NEWS && shoal_message_len(message) == BYTES) {
		tally->times[number]++;
	}
}

static void
on_count(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	const struct tally *tally = arg;
	struct count count = {0};

	(void)message;
	for (size_t i = 0; i < NEWS; i++) {
		count.different += tally->times[i] > 0;
		count.most = tally->times[i] > count.most ? tally->times[i] : count.most;
	}
	(void)shoal_reply(cluster, ticket, 0, &count, sizeof(count));
}

static void
on_echo(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	(void)arg;
	(void)shoal_reply(
	        cluster, ticket, 0, shoal_message_data(message), shoal_message_len(message));
}

static struct shoal_cluster *
member(const char *name, struct tally *tally)
{
	struct shoal_config config = kit_config(name);
	struct shoal_cluster *cluster;

	config.label = label;
	cluster = kit_new(&config);
	if (shoal_handle(cluster, TYPE_NEWS, on_news, tally) != 0 ||
	        shoal_handle_request(cluster, TYPE_COUNT, on_count, tally) != 0 ||
	        shoal_handle_request(cluster, TYPE_ECHO, on_echo, NULL) != 0 ||
	        shoal_cluster_start(cluster) != 0) {
		fail_msg("%s: %s", name, shoal_last_error());
	}
	return cluster;
}

/* The other process: its input is a seed; until that ends. */
static void
run_child(int commands)
{
	struct tally tally = {{0}};
	struct shoal_cluster *cluster = member("three", &tally);
	char seed[SHOAL_ADDR_TEXT], command;

	if (read(commands, seed, sizeof(seed)) != sizeof(seed)) {
		_exit(1);
	}
	kit_join(cluster, seed);
	while (read(commands, &command, 1) == 1) {
		continue;
	}
	_exit(0);
}

struct asked {
	struct shoal_cluster *cluster;
	struct shoal_id id;
	struct count count;
};

static bool
has_all(void *arg)
{
	struct asked *asked = arg;
	size_t len;

	return shoal_request_wait(asked->cluster, &asked->id, TYPE_COUNT, NULL, 0, 2000,
	               &asked->count, sizeof(asked->count), &len) == 0 &&
	       asked->count.different == NEWS;
}

static void
broadcast_all(struct shoal_cluster *one, struct shoal_cluster *two)
{
	uint8_t data[BYTES] = {0};

	for (uint32_t i = 0; i < NEWS; i++) {
		memcpy(data, &i, sizeof(i));
		assert_int_equal(shoal_broadcast(i % 2 == 0 ? one : two, TYPE_NEWS, data,
		                         sizeof(data), SHOAL_RELIABLE),
		        0);
	}
}

static void
who_was_stopped_gets_each_reliable_broadcast_once_when_it_is_back(void **state)
{
	const struct timespec moment = {.tv_sec = 2};
	struct tally tallies[2] = {{{0}}, {{0}}};
	char seed[SHOAL_ADDR_TEXT] = "";
	int commands[2], status;

	(void)state;
	snprintf(label, sizeof(label), "broadcast-%d", (int)getpid());
	assert_int_equal(pipe(commands), 0);
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(commands[1]);
		run_child(commands[0]);
	}
	close(commands[0]);
	struct shoal_cluster *one = member("one", &tallies[0]), *two = member("two", &tallies[1]);
	snprintf(seed, sizeof(seed), "%s", kit_address(one));
	kit_join(two, seed);
	assert_int_equal(write(commands[1], seed, sizeof(seed)), sizeof(seed));
	kit_await_members(NULL, one, 3);
	kit_await_members(NULL, two, 3);
	struct asked asked = {.cluster = one, .id = kit_id_of(one, "three")};
	kill(child, SIGSTOP);
	kit_await_state(NULL, one, "three", SHOAL_STATE_DEAD);
	kit_await_state(NULL, two, "three", SHOAL_STATE_DEAD);
	broadcast_all(one, two);
	kill(child, SIGCONT);
	assert_true(kit_until(NULL, has_all, &asked));
	nanosleep(&moment, NULL); /* none comes again, late */
	assert_true(has_all(&asked));
	assert_int_equal(asked.count.most, 1);
	kit_free(two);
	kit_free(one);
	for (size_t i = 0; i < NEWS; i++) {
		assert_int_equal(tallies[i % 2 == 0 ? 1 : 0].times[i], 1);
	}
	close(commands[1]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

struct asker {
	struct shoal_cluster *cluster;
	struct shoal_id to;
	uint32_t number;
	pthread_t thread;
	_Atomic uint32_t wrong;
};

static void *
ask_many(void *arg)
{
	struct asker *asker = arg;

	for (uint32_t i = 0; i < 200; i++) {
		uint32_t said[2] = {asker->number, i}, heard[2] = {0};
		size_t len = 0;
		int rc = shoal_request_wait(asker->cluster, &asker->to, TYPE_ECHO, said,
		        sizeof(said), KIT_PATIENCE_MS, heard, sizeof(heard), &len);

		asker->wrong +=
		        rc != 0 || len != sizeof(said) || memcmp(said, heard, sizeof(said)) != 0;
	}
	return NULL;
}

static void
each_of_many_threads_gets_its_own_replies(void **state)
{
	struct tally tallies[2] = {{{0}}, {{0}}};
	struct asker askers[8];
	uint8_t reply[4];
	size_t len = 0;

	(void)state;
	snprintf(label, sizeof(label), "requests-%d", (int)getpid());
	struct shoal_cluster *one = member("one", &tallies[0]), *two = member("two", &tallies[1]);
	kit_join(two, kit_address(one));
	kit_await_members(NULL, one, 2);
	for (uint32_t i = 0; i < COUNT_OF(askers); i++) {
		askers[i] = (struct asker){.cluster = i % 2 == 0 ? one : two,
		        .to = i % 2 == 0 ? kit_id_of(one, "two") : kit_id_of(two, "one"),
		        .number = i};
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_many, &askers[i]), 0);
	}
	for (size_t i = 0; i < COUNT_OF(askers); i++) {
		assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
		assert_int_equal(askers[i].wrong, 0);
	}
	assert_int_equal(shoal_request_wait(one, &askers[0].to, TYPE_ECHO, "too long", 8,
	                         KIT_PATIENCE_MS, reply, sizeof(reply), &len),
	        SHOAL_ERR_TOO_BIG);
	assert_int_equal(len, 8);
	assert_memory_equal(reply, "too ", 4);
	kit_free(two);
	kit_free(one);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_was_stopped_gets_each_reliable_broadcast_once_when_it_is_back),
	        cmocka_unit_test(each_of_many_threads_gets_its_own_replies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
