/* SPDX-License-Identifier: MIT */
/* shoal_send and its kin: what is accepted arrives, what is not is refused with its reason, a full
 * queue says so and when it is not, and each end is told once. */
#include "cluster_talk.h"

#include "cluster/cluster.h"

#include <pthread.h>
#include <stdlib.h>

static void
a_message_arrives_with_its_type_its_sender_and_its_bytes(void **state)
{
	struct shoal_config config;
	struct heard heard = {0};
	struct talk talk = {0};
	uint32_t number = 0;

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, talk_heard, &heard), 0);
	assert_int_equal(
	        shoal_send(talk.one, &talk.id_two, TALK_TYPE, &number, sizeof(number), 0), 0);
	talk_until(&talk, &heard.calls, 1);
	assert_int_equal(heard.wrong, 0);
	talk_done(&talk);
}

static void
reliable_messages_arrive_in_order_and_each_end_is_told_once(void **state)
{
	struct shoal_config config;
	struct heard heard = {0}, sent = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, talk_heard, &heard), 0);
	for (uint32_t i = 0; i < 3000; i++) {
		assert_int_equal(shoal_send_confirmed(talk.one, &talk.id_two, TALK_TYPE, &i,
		                         sizeof(i), talk_sent, &sent),
		        0);
	}
	talk_until(&talk, &heard.calls, 3000);
	talk_until(&talk, &sent.calls, 3000);
	assert_int_equal(heard.wrong, 0);
	assert_int_equal(sent.code, 0);
	talk_done(&talk);
}

static void
what_cannot_be_sent_is_refused_with_its_reason(void **state)
{
	static uint8_t large[2000];
	struct shoal_config config;
	struct shoal_id nobody = {{9}};
	struct shoal_id both[2];
	struct talk talk = {0};
	size_t sent = 9;

	(void)state;
	shoal_config_init(&config);
	config.profile.message_max = 1000;
	talk_begin(&talk, &config);
	assert_int_equal(shoal_send(talk.one, &nobody, TALK_TYPE, "x", 1, 0), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(
	        shoal_send(talk.one, &talk.id_one, TALK_TYPE, "x", 1, 0), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "itself"));
	assert_int_equal(shoal_send(talk.one, &talk.id_two, SHOAL_TYPE_SERVICE - 1, "x", 1, 0),
	        SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_send(talk.one, &talk.id_two, TALK_TYPE, "x", 1, 8), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, large, 1000, 0), 0);
	assert_int_equal(
	        shoal_send(talk.one, &talk.id_two, TALK_TYPE, NULL, 1, 0), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "data is NULL"));
	assert_int_equal(
	        shoal_send(talk.one, &talk.id_two, TALK_TYPE, large, 1001, 0), SHOAL_ERR_TOO_BIG);
	assert_non_null(strstr(shoal_last_error(), "1000"));
	both[0] = nobody;
	both[1] = talk.id_two;
	assert_int_equal(shoal_send_many(talk.one, both, 2, TALK_TYPE, "x", 1, 0, &sent),
	        SHOAL_ERR_NOT_FOUND);
	assert_int_equal(sent, 1);
	assert_int_equal(shoal_send_many(talk.one, both + 1, 1, TALK_TYPE, "x", 1, 0, NULL), 0);
	assert_int_equal(shoal_cluster_stop(talk.one), 0);
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, "x", 1, 0), SHOAL_ERR_STATE);
	talk_done(&talk);
}

static void
a_full_queue_refuses_and_is_writable_again_and_nothing_is_lost(void **state)
{
	struct shoal_config config;
	struct heard heard = {0};
	size_t writable = 0;
	struct talk talk = {0};
	uint32_t number = 0;

	(void)state;
	shoal_config_init(&config);
	config.profile.queue_bytes = 50 * (SHOAL_MESSAGE_COST + sizeof(number));
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, talk_heard, &heard), 0);
	assert_int_equal(shoal_on_writable(talk.one, talk_writable, &writable), 0);
	for (size_t round = 0; round < 10; round++) {
		while (shoal_send(talk.one, &talk.id_two, TALK_TYPE, &number, sizeof(number),
		               SHOAL_RELIABLE) == 0) {
			number++;
		}
		assert_non_null(strstr(shoal_last_error(), "queue_bytes"));
		talk_until(&talk, &writable, round + 1);
	}
	assert_in_range(number, 50 + 9 * 25, 500);
	talk_until(&talk, &heard.calls, number);
	assert_int_equal(heard.wrong, 0);
	talk_done(&talk);
}

static void
messages_to_one_that_leaves_or_of_one_that_is_freed_have_their_ends(void **state)
{
	struct shoal_config config;
	struct heard sent = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_LOCAL), 0);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_cluster_stop(talk.two), 0);
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(shoal_send_confirmed(talk.one, &talk.id_two, TALK_TYPE, &i,
		                         sizeof(i), talk_sent, &sent),
		        0);
	}
	/* It is found dead. */
	talk_until(&talk, &sent.calls, 5);
	assert_true(sent.code == SHOAL_ERR_CLOSED || sent.code == SHOAL_ERR_UNREACHABLE);
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, "x", 1, 0), SHOAL_ERR_STATE);
	talk_done(&talk);
	assert_int_equal(sent.calls, 5);

	talk_begin(&talk, &config);
	sent.calls = 0;
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(shoal_send_confirmed(talk.one, &talk.id_two, TALK_TYPE, &i,
		                         sizeof(i), talk_sent, &sent),
		        0);
	}
	talk_done(&talk);
	assert_int_equal(sent.calls, 5);
	assert_int_equal(sent.code, SHOAL_ERR_UNREACHABLE);
}

/* Who sends much at once: other things have their turn between, and packets are full. */
static void
a_turn_takes_so_many_messages_and_hands_them_out_together(void **state)
{
	struct shoal_config config;
	struct heard heard = {0};
	struct shoal_counters before, after;
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, talk_heard, &heard), 0);
	shoal_cluster_counters(talk.one, &before);
	for (uint32_t i = 0; i < 5000; i++) {
		assert_int_equal(
		        shoal_send(talk.one, &talk.id_two, TALK_TYPE, &i, sizeof(i), 0), 0);
	}
	assert_true(event_base_loop(talk.base, EVLOOP_ONCE | EVLOOP_NONBLOCK) >= 0);
	shoal_cluster_counters(talk.one, &after);
	assert_in_range(after.value[SHOAL_COUNTER_MESSAGES_OUT], 1, 512);
	talk_until(&talk, &heard.calls, 5000);
	assert_int_equal(heard.wrong, 0);
	shoal_cluster_counters(talk.one, &after);
	assert_true(after.value[SHOAL_COUNTER_DATAGRAMS_OUT] <
	            before.value[SHOAL_COUNTER_DATAGRAMS_OUT] + 500);
	talk_done(&talk);
}

struct listener {
	struct talk *talk;
	bool armed;
	size_t calls;
};

static void *
send_one(void *arg)
{
	const struct talk *talk = arg;

	assert_int_equal(
	        shoal_send(talk->one, &talk->id_two, TALK_TYPE, "x", 1, 0), SHOAL_ERR_STATE);
	return NULL;
}

/* Between an event and the list that shows it another thread sends. */
static void
on_log(const struct shoal_log_record *record, void *arg)
{
	struct listener *listener = arg;
	pthread_t thread;

	if (listener->armed && strstr(record->text, "two at ") != NULL) {
		listener->armed = false;
		listener->calls++;
		assert_int_equal(pthread_create(&thread, NULL, send_one, listener->talk), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
}

static void
what_an_older_list_says_of_a_member_is_not_believed_for_long(void **state)
{
	struct shoal_config config;
	struct talk talk = {0};
	struct listener listener = {.talk = &talk};
	enum shoal_state held;
	size_t ends = 0;

	(void)state;
	shoal_config_init(&config);
	assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_LOCAL), 0);
	config.log = on_log;
	config.log_arg = &listener;
	config.log_level = SHOAL_LOG_INFO;
	talk_begin(&talk, &config);
	assert_int_equal(shoal_cluster_stop(talk.two), 0);
	do {
		struct shoal_member_list *list = shoal_members(talk.one, NULL);

		held = shoal_member_state(shoal_member_list_find_by_id(list, &talk.id_two));
		shoal_member_list_free(list);
		talk_turn(&talk);
	} while (held != SHOAL_STATE_DEAD);
	assert_int_equal(shoal_cluster_free(talk.two), 0);
	listener.armed = true;
	char address[SHOAL_ADDR_TEXT];
	const char *seeds[] = {address};
	assert_int_equal(shoal_cluster_address(talk.one, address, sizeof(address)), 0);
	talk.two = talk_make(&talk, "two", &config);
	assert_int_equal(shoal_cluster_join_async(talk.two, seeds, 1, 5000, talk_joined, &ends), 0);
	talk_until(&talk, &listener.calls, 1);
	talk_until(&talk, &ends, 1);
	talk_turn(&talk);
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, "x", 1, 0), 0);
	talk_done(&talk);
}

struct scarce {
	uint64_t seed;
	bool on;
	size_t failed;
};

static void *
scarce_malloc(size_t size, void *arg)
{
	struct scarce *scarce = arg;

	if (scarce->on && unit_random(&scarce->seed) % 3 == 0) {
		scarce->failed++;
		return NULL;
	}
	return malloc(size);
}

static void *
scarce_realloc(void *block, size_t size, void *arg)
{
	struct scarce *scarce = arg;

	if (scarce->on && unit_random(&scarce->seed) % 3 == 0) {
		scarce->failed++;
		return NULL;
	}
	return realloc(block, size);
}

static void
scarce_free(void *block, void *arg)
{
	(void)arg;
	free(block);
}

static void
where_memory_is_short_what_was_accepted_arrives_in_order_all_the_same(void **state)
{
	struct scarce scarce = {.seed = 7};
	const struct shoal_allocator mem = {.malloc = scarce_malloc,
	        .realloc = scarce_realloc,
	        .free = scarce_free,
	        .arg = &scarce};
	struct heard heard = {0}, sent = {0};
	struct talk talk = {.mem = &mem};
	struct shoal_config config;
	uint32_t number = 0;
	size_t accepted = 0;

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, talk_heard, &heard), 0);
	for (unsigned round = 0; round < 300; round++) {
		scarce.on = round % 3 != 0;
		for (unsigned i = 0; i < 10; i++) {
			accepted += shoal_send_confirmed(talk.one, &talk.id_two, TALK_TYPE, &number,
			                    sizeof(number), talk_sent, &sent) == 0;
			number = (uint32_t)accepted;
		}
		talk_turn(&talk);
	}
	scarce.on = false;
	assert_true(scarce.failed > 100 && accepted > 500);
	talk_until(&talk, &sent.calls, accepted);
	talk_until(&talk, &heard.calls, accepted);
	assert_int_equal(heard.wrong, 0);
	assert_int_equal(sent.bad, 0);
	talk_done(&talk);
}

static size_t in_transport; /* bytes, to whomever */

static size_t
on_waiting(const void *self, const struct shoal_addr *to)
{
	(void)self;
	assert_true(to->port != 0);
	return in_transport;
}

/* The memory transport's, and it says what waits. */
static struct shoal_transport_ops
ops_that_wait(void)
{
	struct shoal_transport_ops ops = talk_memory_ops();

	ops.caps |= SHOAL_TRANSPORT_WAITING;
	ops.waiting = on_waiting;
	return ops;
}

static void
what_waits_in_the_transport_counts_for_its_member(void **state)
{
	static const uint8_t data[2000];
	struct shoal_transport_ops ops = ops_that_wait();
	struct shoal_config config;
	struct talk talk = {.ops = &ops};
	struct heard heard = {0};
	size_t writable = 0;

	(void)state;
	shoal_config_init(&config);
	config.profile.queue_bytes = 4096;
	in_transport = 0;
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, talk_heard, &heard), 0);
	assert_int_equal(shoal_on_writable(talk.one, talk_writable, &writable), 0);
	in_transport = 3000;
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 2000, 0), 0);
	talk_until(&talk, &heard.calls, 1);
	assert_int_equal(
	        shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 2000, 0), SHOAL_ERR_AGAIN);
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 2000, SHOAL_RELIABLE),
	        SHOAL_ERR_AGAIN);
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 900, 0), 0);
	talk_until(&talk, &heard.calls, 2);
	for (unsigned i = 0; i < 50; i++) {
		talk_turn(&talk);
	}
	assert_int_equal(writable, 0);
	in_transport = 0;
	talk_until(&talk, &writable, 1);
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 2000, 0), 0);
	talk_until(&talk, &heard.calls, 3);
	/* It ends while some waits. */
	in_transport = 4000;
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 2000, 0), 0);
	talk_until(&talk, &heard.calls, 4);
	assert_int_equal(
	        shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 100, 0), SHOAL_ERR_AGAIN);
	assert_int_equal(shoal_cluster_stop(talk.one), 0);
	talk_until(&talk, &writable, 2);
	talk_done(&talk);
}

/* A line whose member is forgotten and which only its WRITABLE, and what was in the transport,
 * keep. */
static struct shoal_line *
forget_streamed(struct shoal_cluster *cluster, const struct shoal_id *id)
{
	const struct shoal_event event = {
	        .kind = SHOAL_EVENT_REAP, .id = *id, .state = SHOAL_STATE_DEAD};
	struct shoal_line *line;

	pthread_mutex_lock(&cluster->lock);
	assert_int_equal(shoal_lines_take(cluster, id, &line), 0);
	line->called = true;
	pthread_mutex_unlock(&cluster->lock);
	shoal_lines_streamed(cluster, line);
	shoal_lines_member(cluster, &event);
	return line;
}

/* Where another thread has its turn: after the lock was given up so many times from now. */
static struct {
	struct shoal_cluster *cluster;
	struct shoal_line *line;
	unsigned left; /* 0: it has none */
} meeting;

int __real_pthread_mutex_unlock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_unlock(pthread_mutex_t *mutex);

int
__wrap_pthread_mutex_unlock(pthread_mutex_t *mutex)
{
	int rc = __real_pthread_mutex_unlock(mutex);

	if (meeting.left > 0 && mutex == &meeting.cluster->lock && --meeting.left == 0) {
		shoal_lines_called(meeting.cluster, meeting.line);
	}
	return rc;
}

static void
a_line_whose_last_ends_meet_is_given_back_once(void **state)
{
	struct shoal_transport_ops ops = ops_that_wait();
	struct shoal_config config;
	struct talk talk = {.ops = &ops};
	unsigned met = 0;

	(void)state;
	shoal_config_init(&config);
	in_transport = 0;
	talk_begin(&talk, &config);
	size_t lines = talk.one->outbox.lines.slab.count;
	for (unsigned at = 1; at < 5; at++) {
		struct shoal_line *line = forget_streamed(talk.one, &talk.id_two);

		meeting.cluster = talk.one;
		meeting.line = line;
		meeting.left = at;
		shoal_lines_measure(talk.one);
		met += meeting.left == 0;
		if (meeting.left > 0) {
			meeting.left = 0;
			shoal_lines_called(talk.one, line);
		}
		assert_int_equal(talk.one->outbox.lines.slab.count, lines);
	}
	assert_true(met > 0);
	talk_done(&talk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_message_arrives_with_its_type_its_sender_and_its_bytes),
	        cmocka_unit_test(reliable_messages_arrive_in_order_and_each_end_is_told_once),
	        cmocka_unit_test(what_cannot_be_sent_is_refused_with_its_reason),
	        cmocka_unit_test(a_full_queue_refuses_and_is_writable_again_and_nothing_is_lost),
	        cmocka_unit_test(a_turn_takes_so_many_messages_and_hands_them_out_together),
	        cmocka_unit_test(what_an_older_list_says_of_a_member_is_not_believed_for_long),
	        cmocka_unit_test(
	                where_memory_is_short_what_was_accepted_arrives_in_order_all_the_same),
	        cmocka_unit_test(
	                messages_to_one_that_leaves_or_of_one_that_is_freed_have_their_ends),
	        cmocka_unit_test(what_waits_in_the_transport_counts_for_its_member),
	        cmocka_unit_test(a_line_whose_last_ends_meet_is_given_back_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
