/* SPDX-License-Identifier: MIT */
/* The three ways to run, what may be called where, and the life of a cluster object in every order.
 */
#include "kit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

/* What a callback found out about its thread, and what the calls that may not block said there. */
struct place {
	_Atomic int calls;
	pthread_t thread;
	char name[16];
	bool signals_blocked;
	int join, leave, wait, stop, free, dispatch, join_async, subscribe;
	struct kit_done done;
};

static bool
all_blocked(void)
{
	static const int some[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD, SIGALRM, SIGPIPE};
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	for (size_t i = 0; i < COUNT_OF(some); i++) {
		if (!sigismember(&mask, some[i])) {
			return false;
		}
	}
	return true;
}

static void
ignore(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	(void)cluster;
	(void)event;
	(void)arg;
}

static void
look_around(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	const char *seed = "127.0.0.1:1";
	struct place *place = arg;

	(void)event;
	if (atomic_load(&place->calls) == 0) {
		place->thread = pthread_self();
		pthread_getname_np(pthread_self(), place->name, sizeof(place->name));
		place->signals_blocked = all_blocked();
		place->join = shoal_cluster_join(cluster, &seed, 1, 100, NULL);
		place->leave = shoal_cluster_leave(cluster, 100);
		place->wait = shoal_wait_members(cluster, 1, 100);
		place->stop = shoal_cluster_stop(cluster);
		place->free = shoal_cluster_free(cluster);
		place->dispatch = shoal_cluster_dispatch(cluster);
		place->join_async = shoal_cluster_join_async(
		        cluster, &seed, 1, 1000, kit_on_done, &place->done);
		place->subscribe = shoal_on_member(cluster, SHOAL_EVENT_ALL, ignore, place);
	}
	atomic_fetch_add(&place->calls, 1);
}

static bool
was_called(void *arg)
{
	return atomic_load(&((struct place *)arg)->calls) > 0;
}

static void
nothing_blocked_in(const struct place *place)
{
	assert_int_equal(place->join, SHOAL_ERR_WOULD_BLOCK);
	assert_int_equal(place->leave, SHOAL_ERR_WOULD_BLOCK);
	assert_int_equal(place->wait, SHOAL_ERR_WOULD_BLOCK);
	assert_int_equal(place->stop, SHOAL_ERR_WOULD_BLOCK);
	assert_int_equal(place->free, SHOAL_ERR_WOULD_BLOCK);
	assert_int_equal(place->join_async, 0);
	assert_int_equal(place->subscribe, 0);
}

static void
own_threads_have_names_block_signals_and_refuse_to_block(void **state)
{
	struct place place = {.done = KIT_DONE};
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b");

	(void)state;
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_JOIN, look_around, &place), 0);
	kit_join(b, kit_address(a));
	assert_true(kit_until(NULL, was_called, &place));
	assert_int_equal(kit_await_done(NULL, &place.done), SHOAL_ERR_NO_SEED);
	nothing_blocked_in(&place);
	assert_int_equal(place.dispatch, SHOAL_ERR_STATE);
	assert_false(pthread_equal(place.thread, pthread_self()));
	assert_string_equal(place.name, "shoal-calls");
	assert_true(place.signals_blocked);
	assert_int_equal(shoal_cluster_state(a), SHOAL_CLUSTER_RUNNING);
	assert_int_equal(shoal_cluster_fd(a), -1);
	assert_non_null(strstr(shoal_last_error(), "SHOAL_RUN_DISPATCH"));
	kit_free(a);
	kit_free(b);
}

static void
callbacks_wait_behind_a_descriptor_until_they_are_dispatched(void **state)
{
	struct shoal_config config = kit_config("a");
	struct place place = {.done = KIT_DONE};
	struct shoal_cluster *a, *b = kit_member("b");
	struct pollfd fd = {.events = POLLIN};

	(void)state;
	config.run = SHOAL_RUN_DISPATCH;
	a = kit_start(&config);
	fd.fd = shoal_cluster_fd(a);
	assert_true(fd.fd >= 0);
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_JOIN, look_around, &place), 0);
	assert_int_equal(poll(&fd, 1, 0), 0);
	assert_int_equal(shoal_cluster_dispatch(a), 0);
	kit_join(a, kit_address(b));
	assert_int_equal(atomic_load(&place.calls), 0);
	assert_int_equal(poll(&fd, 1, KIT_PATIENCE_MS), 1);
	assert_int_equal(shoal_cluster_dispatch(a), 1);
	nothing_blocked_in(&place);
	assert_int_equal(place.dispatch, SHOAL_ERR_WOULD_BLOCK);
	assert_true(pthread_equal(place.thread, pthread_self()));
	assert_int_equal(poll(&fd, 1, KIT_PATIENCE_MS), 1);
	assert_int_equal(shoal_cluster_dispatch(a), 1);
	assert_int_equal(place.done.calls, 1);
	assert_int_equal(place.done.code, SHOAL_ERR_NO_SEED);
	assert_int_equal(poll(&fd, 1, 0), 0);
	kit_free(a);
	kit_free(b);
}

static void
operations_that_nobody_dispatched_end_in_free(void **state)
{
	struct shoal_config config = kit_config("a");
	struct kit_done done = KIT_DONE, leave = KIT_DONE;
	const char *seed = "no..name";
	struct shoal_cluster *a;

	(void)state;
	config.run = SHOAL_RUN_DISPATCH;
	a = kit_start(&config);
	assert_int_equal(shoal_cluster_join_async(a, &seed, 1, 1000, kit_on_done, &done), 0);
	assert_int_equal(shoal_cluster_leave_async(a, 1000, kit_on_done, &leave), 0);
	assert_int_equal(done.calls, 0);
	kit_free(a);
	assert_int_equal(done.calls, 1);
	assert_int_equal(leave.calls, 1);
}

static void
a_cluster_that_never_ran_answers_and_can_be_freed(void **state)
{
	struct shoal_config config = kit_config("a");
	struct shoal_member_list *list;
	const char *seed = "127.0.0.1:1";
	struct shoal_counters counters;
	char text[SHOAL_ADDR_TEXT] = "x";
	struct shoal_cluster *a;

	(void)state;
	config.label = NULL;
	a = kit_new(&config);
	assert_int_equal(shoal_cluster_state(a), SHOAL_CLUSTER_CREATED);
	assert_int_equal(shoal_cluster_address(a, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_null(shoal_cluster_self(a));
	assert_null(shoal_cluster_base(a));
	assert_string_equal(shoal_cluster_label(a), "");
	assert_int_equal(shoal_cluster_health(a), 0);
	assert_true(shoal_cluster_convergence_lag(a) == 0);
	unsigned unreached = 1;
	assert_int_equal(shoal_cluster_access(a, &unreached), SHOAL_ACCESS_GOOD);
	assert_int_equal(unreached, 0);
	uint64_t most;
	assert_true(shoal_cluster_meta_held(a, NULL) == 0);
	assert_true(shoal_cluster_meta_held(a, &most) == 0 && most == 67108864);
	list = shoal_members(a, NULL);
	assert_non_null(list);
	assert_int_equal(shoal_member_list_count(list), 0);
	shoal_member_list_free(list);
	shoal_cluster_counters(a, &counters);
	assert_int_equal(counters.value[SHOAL_COUNTER_LOOP_TURNS], 0);
	assert_int_equal(shoal_cluster_join(a, &seed, 1, 100, NULL), SHOAL_ERR_STATE);
	assert_non_null(strstr(shoal_last_error(), "created"));
	assert_int_equal(shoal_cluster_leave(a, 100), SHOAL_ERR_STATE);
	assert_int_equal(shoal_wait_members(a, 1, 100), SHOAL_ERR_STATE);
	kit_free(a);
	assert_int_equal(shoal_cluster_free(NULL), 0);
	assert_int_equal(shoal_cluster_new(NULL, &config), SHOAL_ERR_INVALID);
}

static void
a_cluster_starts_once_and_stops_for_ever(void **state)
{
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a = kit_start(&config);
	const char *seed = "127.0.0.1:1";

	(void)state;
	assert_int_equal(shoal_cluster_start(a), SHOAL_ERR_STATE);
	assert_int_equal(shoal_cluster_state(a), SHOAL_CLUSTER_RUNNING);
	assert_int_equal(shoal_cluster_stop(a), 0);
	assert_int_equal(shoal_cluster_state(a), SHOAL_CLUSTER_STOPPED);
	assert_int_equal(shoal_cluster_stop(a), 0);
	assert_int_equal(shoal_cluster_start(a), SHOAL_ERR_STATE);
	assert_int_equal(shoal_cluster_join(a, &seed, 1, 100, NULL), SHOAL_ERR_STATE);
	assert_int_equal(shoal_cluster_leave(a, 100), SHOAL_ERR_STATE);
	assert_int_equal(shoal_wait_members(a, 1, 100), SHOAL_ERR_STATE);
	kit_free(a);

	a = kit_new(&config);
	assert_int_equal(shoal_cluster_stop(a), 0);
	assert_int_equal(shoal_cluster_start(a), SHOAL_ERR_STATE);
	kit_free(a);
}

static void
a_running_cluster_tells_of_itself(void **state)
{
	struct shoal_config config = kit_config("a");
	struct shoal_member_list *list;
	struct shoal_counters counters;
	struct shoal_member *self;
	struct shoal_cluster *a;
	char text[SHOAL_ADDR_TEXT], bound[SHOAL_ADDR_TEXT];

	(void)state;
	config.label = "blue";
	config.app_version = 9;
	a = kit_start(&config);
	self = shoal_cluster_self(a);
	assert_string_equal(shoal_member_name(self), "a");
	assert_true(shoal_member_is_self(self));
	assert_int_equal(shoal_member_state(self), SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_member_app_version(self), 9);
	assert_int_equal(shoal_cluster_address(a, text, sizeof(text)), 0);
	shoal_addr_print(shoal_member_address(self), bound, sizeof(bound));
	assert_string_equal(text, bound);
	assert_int_equal(shoal_cluster_address(a, text, 5), SHOAL_ERR_TOO_BIG);
	assert_string_equal(shoal_cluster_label(a), "blue");
	assert_non_null(shoal_cluster_base(a));
	list = shoal_members(a, NULL);
	assert_int_equal(shoal_member_list_count(list), 1);
	assert_ptr_equal(shoal_member_list_find_by_id(list, shoal_member_id(self)),
	        shoal_member_list_at(list, 0));
	shoal_member_list_free(list);
	assert_int_equal(shoal_wait_members(a, 1, 0), 0);
	const char *seed = "no..name";
	assert_int_equal(shoal_cluster_join(a, &seed, 1, 1000, NULL), SHOAL_ERR_NO_SEED);
	shoal_cluster_counters(a, &counters);
	assert_true(counters.value[SHOAL_COUNTER_LOOP_TURNS] > 0);
	kit_free(a);
	/* What was taken out lives on. */
	assert_string_equal(shoal_member_name(self), "a");
	shoal_member_unref(self);
}

static void
states_have_names(void **state)
{
	(void)state;
	assert_string_equal(shoal_cluster_state_name(SHOAL_CLUSTER_CREATED), "created");
	assert_string_equal(shoal_cluster_state_name(SHOAL_CLUSTER_RUNNING), "running");
	assert_string_equal(shoal_cluster_state_name(SHOAL_CLUSTER_LEAVING), "leaving");
	assert_string_equal(shoal_cluster_state_name(SHOAL_CLUSTER_STOPPED), "stopped");
	assert_string_equal(shoal_cluster_state_name((enum shoal_cluster_state)9), "invalid");
}

static void
a_taken_port_is_named_in_the_error(void **state)
{
	struct shoal_config config = kit_config("b");
	struct shoal_cluster *a = kit_member("a"), *b;
	char address[SHOAL_ADDR_TEXT];
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t len = sizeof(name);
	int fd;

	(void)state;
	snprintf(address, sizeof(address), "%s", kit_address(a));
	config.bind = address;
	b = kit_new(&config);
	assert_int_equal(shoal_cluster_start(b), SHOAL_ERR_IN_USE);
	assert_non_null(strstr(shoal_last_error(), address));
	assert_int_equal(shoal_cluster_state(b), SHOAL_CLUSTER_STOPPED);
	assert_int_equal(shoal_cluster_start(b), SHOAL_ERR_STATE);
	kit_free(b);
	kit_free(a);

	/* Free for streams, taken for datagrams. */
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(name.sin_port));
	b = kit_new(&config);
	assert_int_equal(shoal_cluster_start(b), SHOAL_ERR_IN_USE);
	assert_non_null(strstr(shoal_last_error(), address));
	kit_free(b);
	close(fd);
}

static void
a_leave_is_seen_as_left_and_ends_stopped(void **state)
{
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b"), *c = kit_member("c");
	struct kit_events seen = KIT_EVENTS;

	(void)state;
	assert_int_equal(shoal_on_member(a, SHOAL_EVENT_ALL, kit_on_member, &seen), 0);
	kit_join(b, kit_address(a));
	kit_join(c, kit_address(a));
	assert_int_equal(shoal_wait_members(a, 3, KIT_PATIENCE_MS), 0);
	assert_int_equal(shoal_cluster_leave(b, KIT_PATIENCE_MS), 0);
	assert_int_equal(shoal_cluster_state(b), SHOAL_CLUSTER_STOPPED);
	assert_int_equal(shoal_cluster_leave(b, 100), SHOAL_ERR_STATE);
	kit_await_event(NULL, &seen, SHOAL_EVENT_LEFT, "b");
	kit_await_state(NULL, c, "b", SHOAL_STATE_LEFT);
	assert_int_equal(kit_state(a, "b"), SHOAL_STATE_LEFT);
	assert_int_equal(kit_events_of(&seen, SHOAL_EVENT_FAILED, "b"), 0);
	kit_free(a);
	kit_free(b);
	kit_free(c);
}

static void
a_leave_that_nobody_confirms_ends_at_its_timeout(void **state)
{
	struct shoal_config config = kit_config("b");
	struct shoal_cluster *a = kit_member("a"), *b;
	uint64_t began;

	(void)state;
	kit_steady(&config); /* a is not found dead before the leave has ended */
	config.profile.watchers = 0;
	b = kit_start(&config);
	kit_join(b, kit_address(a));
	assert_int_equal(shoal_cluster_stop(a), 0);
	began = kit_now_ms();
	assert_int_equal(shoal_cluster_leave(b, 300), SHOAL_ERR_TIMEOUT);
	assert_true(kit_now_ms() - began >= 290);
	assert_int_equal(shoal_cluster_state(b), SHOAL_CLUSTER_STOPPED);
	kit_free(a);
	kit_free(b);

	/* Alone there is nobody to tell. */
	a = kit_member("a");
	assert_int_equal(shoal_cluster_leave(a, 0), 0);
	kit_free(a);
}

static void
a_second_leave_and_a_late_join_are_refused(void **state)
{
	struct shoal_config config = kit_config("b");
	struct shoal_cluster *a = kit_member("a"), *b;
	struct kit_done first = KIT_DONE, second = KIT_DONE, join = KIT_DONE;
	const char *seed = kit_address(a);
	int codes[2];

	(void)state;
	kit_steady(&config); /* a is not found dead before the leave has ended */
	config.profile.watchers = 0;
	b = kit_start(&config);
	kit_join(b, seed);
	assert_int_equal(shoal_cluster_stop(a), 0);
	assert_int_equal(shoal_cluster_leave_async(b, 200, kit_on_done, &first), 0);
	codes[0] = shoal_cluster_leave_async(b, 200, kit_on_done, &second);
	codes[1] = shoal_cluster_join_async(b, &seed, 1, 1000, kit_on_done, &join);
	/* Taken while the loop had not begun to leave, or refused at once. */
	for (size_t i = 0; i < 2; i++) {
		assert_true(codes[i] == 0 || codes[i] == SHOAL_ERR_STATE);
	}
	assert_int_equal(kit_await_done(NULL, &first), SHOAL_ERR_TIMEOUT);
	if (codes[0] == 0) {
		assert_int_equal(kit_await_done(NULL, &second), SHOAL_ERR_STATE);
	}
	if (codes[1] == 0) {
		assert_int_equal(kit_await_done(NULL, &join), SHOAL_ERR_CANCELED);
	}
	kit_free(a);
	kit_free(b);
}

/* A listener that accepts nothing: a request to it stays open. */
static int
silent_listener(char *address, size_t len)
{
	struct sockaddr_in name = {
	        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &size), 0);
	snprintf(address, len, "127.0.0.1:%u", ntohs(name.sin_port));
	return fd;
}

struct waiter {
	struct shoal_cluster *cluster;
	const char *seed;
	_Atomic int begun;
	int join, wait;
};

static void *
join_forever(void *arg)
{
	struct waiter *waiter = arg;

	atomic_fetch_add(&waiter->begun, 1);
	waiter->join = shoal_cluster_join(waiter->cluster, &waiter->seed, 1, 600000, NULL);
	return NULL;
}

static void *
wait_forever(void *arg)
{
	struct waiter *waiter = arg;

	atomic_fetch_add(&waiter->begun, 1);
	waiter->wait = shoal_wait_members(waiter->cluster, 9, 600000);
	return NULL;
}

static void
stop_ends_what_is_pending_with_canceled(void **state)
{
	struct shoal_config config = kit_config("a");
	struct kit_done done = KIT_DONE;
	struct waiter waiter = {0};
	pthread_t threads[2];
	char address[64];
	const char *seed = address;
	int fd = silent_listener(address, sizeof(address));

	(void)state;
	config.profile.exchange_timeout_ms = 600000;
	waiter.cluster = kit_start(&config);
	waiter.seed = address;
	assert_int_equal(pthread_create(&threads[0], NULL, join_forever, &waiter), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, wait_forever, &waiter), 0);
	assert_int_equal(
	        shoal_cluster_join_async(waiter.cluster, &seed, 1, 600000, kit_on_done, &done), 0);
	while (atomic_load(&waiter.begun) != 2) {
		sched_yield();
	}
	usleep(20000);
	assert_int_equal(shoal_cluster_stop(waiter.cluster), 0);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	assert_true(waiter.join == SHOAL_ERR_CANCELED || waiter.join == SHOAL_ERR_STATE);
	assert_int_equal(waiter.wait, SHOAL_ERR_STATE);
	assert_int_equal(kit_await_done(NULL, &done), SHOAL_ERR_CANCELED);
	kit_free(waiter.cluster);
	assert_int_equal(done.calls, 1);
	close(fd);
}

static void
waiting_for_members_ends_at_its_timeout(void **state)
{
	struct shoal_cluster *a = kit_member("a");

	(void)state;
	assert_int_equal(shoal_wait_members(a, 2, 50), SHOAL_ERR_TIMEOUT);
	assert_non_null(strstr(shoal_last_error(), "1 of 2"));
	kit_free(a);
}

struct logged {
	pthread_mutex_t lock;
	unsigned records, too_fine, members;
};

static void
on_log(const struct shoal_log_record *record, void *arg)
{
	struct logged *logged = arg;

	pthread_mutex_lock(&logged->lock);
	logged->records++;
	logged->too_fine += record->level > SHOAL_LOG_INFO;
	logged->members += strcmp(record->room, "members") == 0;
	pthread_mutex_unlock(&logged->lock);
}

static void
the_sink_gets_records_up_to_its_level(void **state)
{
	struct logged logged = {.lock = PTHREAD_MUTEX_INITIALIZER};
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a, *b = kit_member("b");

	(void)state;
	config.log = on_log;
	config.log_arg = &logged;
	a = kit_start(&config);
	kit_join(a, kit_address(b));
	kit_free(a);
	kit_free(b);
	assert_true(logged.members > 0);
	assert_int_equal(logged.too_fine, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(own_threads_have_names_block_signals_and_refuse_to_block),
	        cmocka_unit_test(callbacks_wait_behind_a_descriptor_until_they_are_dispatched),
	        cmocka_unit_test(operations_that_nobody_dispatched_end_in_free),
	        cmocka_unit_test(a_cluster_that_never_ran_answers_and_can_be_freed),
	        cmocka_unit_test(a_cluster_starts_once_and_stops_for_ever),
	        cmocka_unit_test(a_running_cluster_tells_of_itself),
	        cmocka_unit_test(states_have_names),
	        cmocka_unit_test(a_taken_port_is_named_in_the_error),
	        cmocka_unit_test(a_leave_is_seen_as_left_and_ends_stopped),
	        cmocka_unit_test(a_leave_that_nobody_confirms_ends_at_its_timeout),
	        cmocka_unit_test(a_second_leave_and_a_late_join_are_refused),
	        cmocka_unit_test(stop_ends_what_is_pending_with_canceled),
	        cmocka_unit_test(waiting_for_members_ends_at_its_timeout),
	        cmocka_unit_test(the_sink_gets_records_up_to_its_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
