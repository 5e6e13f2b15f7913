/* SPDX-License-Identifier: MIT */
/* A receiver that stands still while it is sent messages that are not reliable and go on streams:
 * its sender refuses more before long, says when there is room again, and loses none. */
#include "kit.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define TYPE        300
#define BYTES       32768
#define QUEUE_BYTES 262144
#define INBOX_BYTES 268435456
/* What the kernel keeps in sockets at both ends, at most. */
#define KERNEL_BYTES 12582912
#define GIVE_UP      67108864

static char label[32]; /* of both processes */

static void
on_message(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	(void)cluster;
	(void)message;
	atomic_fetch_add((_Atomic uint64_t *)arg, 1);
}

static void
on_writable(struct shoal_cluster *cluster, const struct shoal_id *to, void *arg)
{
	(void)cluster;
	(void)to;
	atomic_fetch_add((_Atomic uint64_t *)arg, 1);
}

/* The other process: says where it is, and once a byte has come how many it has heard, when there
 * are so many as it is told. */
static void
receive(int commands, int reports)
{
	struct shoal_config config = kit_config("receiver");
	_Atomic uint64_t heard = 0;
	char address[SHOAL_ADDR_TEXT] = "";
	uint64_t wanted = 0, got;

	kit_steady(&config);
	config.label = label;
	config.profile.inbox_bytes = INBOX_BYTES;
	struct shoal_cluster *cluster = kit_new(&config);
	if (shoal_handle(cluster, TYPE, on_message, &heard) != 0 ||
	        shoal_cluster_start(cluster) != 0 ||
	        shoal_cluster_address(cluster, address, sizeof(address)) != 0 ||
	        write(reports, address, sizeof(address)) != sizeof(address) ||
	        read(commands, &wanted, sizeof(wanted)) != sizeof(wanted)) {
		_exit(1);
	}
	for (unsigned i = 0; i < 3000 && atomic_load(&heard) < wanted; i++) {
		usleep(10000);
	}
	got = atomic_load(&heard);
	_exit(write(reports, &got, sizeof(got)) == sizeof(got) ? 0 : 1);
}

static bool
is_refused(void *arg)
{
	return atomic_load((_Atomic uint64_t *)arg) > 0;
}

/* Until it is refused for good: what waits for the loop is refused too. */
static uint64_t
send_until_refused(
        struct shoal_cluster *cluster, const struct shoal_id *to, _Atomic uint64_t *writable)
{
	static const uint8_t data[BYTES];
	uint64_t count = 0;

	for (unsigned idle = 0; idle < 50 && count * BYTES < GIVE_UP;) {
		int rc = shoal_send(cluster, to, TYPE, data, sizeof(data), 0);
		assert_true(rc == 0 || rc == SHOAL_ERR_AGAIN);
		idle = rc == 0 ? 0 : idle + 1;
		count += rc == 0;
		if (rc != 0) {
			atomic_store(writable, 0);
			usleep(2000);
		}
	}
	return count;
}

static void
who_stands_still_is_sent_no_more_than_its_queue_and_all_of_it_later(void **state)
{
	struct shoal_config config = kit_config("sender");
	char address[SHOAL_ADDR_TEXT];
	int commands[2], reports[2], status;
	_Atomic uint64_t writable = 0;
	struct shoal_counters counters;
	uint64_t heard = 0;

	(void)state;
	snprintf(label, sizeof(label), "stalled-%d", (int)getpid());
	assert_int_equal(pipe(commands), 0);
	assert_int_equal(pipe(reports), 0);
	fflush(NULL);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(commands[1]); /* it ends with this process */
		receive(commands[0], reports[1]);
	}
	close(commands[0]);
	close(reports[1]);
	assert_int_equal(read(reports[0], address, sizeof(address)), sizeof(address));
	kit_steady(&config);
	config.label = label;
	config.profile.queue_bytes = QUEUE_BYTES;
	config.profile.message_max = QUEUE_BYTES / 2;
	struct shoal_cluster *cluster = kit_start(&config);
	kit_join(cluster, address);
	kit_await_members(NULL, cluster, 2);
	assert_int_equal(shoal_on_writable(cluster, on_writable, &writable), 0);
	struct shoal_id to = kit_id_of(cluster, "receiver");
	kill(child, SIGSTOP);
	uint64_t count = send_until_refused(cluster, &to, &writable);
	kill(child, SIGCONT);
	printf("%llu messages of 32 KiB before it was refused\n", (unsigned long long)count);
	assert_true(count * BYTES < KERNEL_BYTES + 4 * QUEUE_BYTES);
	assert_true(kit_until(NULL, is_refused, &writable));
	assert_int_equal(write(commands[1], &count, sizeof(count)), sizeof(count));
	assert_int_equal(read(reports[0], &heard, sizeof(heard)), sizeof(heard));
	assert_true(heard == count);
	shoal_cluster_counters(cluster, &counters);
	assert_true(counters.value[SHOAL_COUNTER_DROP_STREAMS] == 0);
	kit_free(cluster);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(commands[1]);
	close(reports[0]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                who_stands_still_is_sent_no_more_than_its_queue_and_all_of_it_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
