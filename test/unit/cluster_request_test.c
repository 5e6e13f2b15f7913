/* SPDX-License-Identifier: MIT */
/* Requests: each has one end, and which. */
#include "cluster_talk.h"

#include "cluster/cluster.h"

#include <pthread.h>
#include <stdlib.h>

/* What a handler does with requests, and what it saw. */
struct server {
	size_t calls;
	bool holds; /* answers none itself */
	int code;
	uint64_t ticket;
	uint16_t type;
};

struct ended {
	size_t calls;
	int code;
	size_t len;
	char data[64];
};

static void
on_request(struct shoal_cluster *cluster, const struct shoal_message *message, uint64_t ticket,
        void *arg)
{
	struct server *server = arg;
	char reply[64];
	size_t len = shoal_message_len(message);

	server->calls++;
	server->ticket = ticket;
	server->type = shoal_message_type(message);
	assert_true(len < sizeof(reply) - 4);
	memcpy(reply, "re: ", 4);
	memcpy(reply + 4, shoal_message_data(message), len);
	if (!server->holds) {
		assert_int_equal(shoal_reply(cluster, ticket, server->code, reply, len + 4), 0);
		assert_int_equal(shoal_reply(cluster, ticket, 0, "x", 1), SHOAL_ERR_NOT_FOUND);
	}
}

static void
on_end(struct shoal_cluster *cluster, int code, const void *data, size_t len, void *arg)
{
	struct ended *ended = arg;

	(void)cluster;
	assert_true(len < sizeof(ended->data));
	ended->calls++;
	ended->code = code;
	ended->len = len;
	memcpy(ended->data, data, len);
	ended->data[len] = '\0';
}

static void
ask(struct talk *talk, const char *text, unsigned timeout_ms, struct ended *ended, uint64_t *number)
{
	assert_int_equal(shoal_request(talk->one, &talk->id_two, TALK_TYPE, text, strlen(text),
	                         timeout_ms, on_end, ended, number),
	        0);
}

static void
a_request_is_answered_once(void **state)
{
	struct shoal_config config;
	struct server server = {0};
	struct ended ended = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), 0);
	ask(&talk, "hello", 10000, &ended, NULL);
	talk_until(&talk, &ended.calls, 1);
	assert_int_equal(ended.code, 0);
	assert_string_equal(ended.data, "re: hello");
	assert_int_equal(server.type, TALK_TYPE);
	server.code = SHOAL_ERR_PERMISSION;
	ask(&talk, "no", 10000, &ended, NULL);
	talk_until(&talk, &ended.calls, 2);
	assert_int_equal(ended.code, SHOAL_ERR_PERMISSION);
	assert_int_equal(ended.len, 0);
	talk_done(&talk);
	assert_int_equal(ended.calls, 2);
}

static void *
answer_later(void *arg)
{
	struct shoal_cluster **cluster = arg;
	struct server *server = *(struct server **)(cluster + 1);

	assert_int_equal(shoal_reply(*cluster, server->ticket, 0, "later", 5), 0);
	return NULL;
}

static void
a_handler_may_answer_later_and_from_another_thread(void **state)
{
	struct shoal_config config;
	struct server server = {.holds = true};
	struct ended ended = {0};
	struct talk talk = {0};
	pthread_t thread;

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), 0);
	ask(&talk, "hello", 10000, &ended, NULL);
	talk_until(&talk, &server.calls, 1);
	assert_int_equal(shoal_unhandle(talk.two, TALK_TYPE), 0);
	void *arg[] = {talk.two, &server};
	assert_int_equal(pthread_create(&thread, NULL, answer_later, arg), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	talk_until(&talk, &ended.calls, 1);
	assert_string_equal(ended.data, "later");
	talk_done(&talk);
}

static void
without_a_handler_or_an_answer_the_end_says_so(void **state)
{
	struct shoal_config config;
	struct server server = {.holds = true};
	struct ended ended = {0};
	struct heard heard = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	ask(&talk, "x", 10000, &ended, NULL);
	talk_until(&talk, &ended.calls, 1);
	assert_int_equal(ended.code, SHOAL_ERR_UNSUPPORTED);
	/* One for messages is none for requests, and the other way round. */
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, talk_heard, &heard), 0);
	assert_int_equal(
	        shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), SHOAL_ERR_IN_USE);
	ask(&talk, "x", 10000, &ended, NULL);
	talk_until(&talk, &ended.calls, 2);
	assert_int_equal(ended.code, SHOAL_ERR_UNSUPPORTED);
	assert_int_equal(heard.calls, 0);
	assert_int_equal(shoal_unhandle(talk.two, TALK_TYPE), 0);
	assert_int_equal(shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), 0);
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, "x", 1, SHOAL_RELIABLE), 0);
	ask(&talk, "x", 50, &ended, NULL);
	talk_until(&talk, &ended.calls, 3);
	assert_int_equal(ended.code, SHOAL_ERR_TIMEOUT);
	assert_int_equal(server.calls, 1);
	/* Its ticket is over, too. */
	for (unsigned i = 0; shoal_reply(talk.two, server.ticket, 0, "x", 1) == 0; i++) {
		assert_true(i == 0);
	}
	assert_int_equal(shoal_reply(talk.two, server.ticket, 0, "x", 1), SHOAL_ERR_NOT_FOUND);
	talk_done(&talk);
	assert_int_equal(ended.calls, 3);
}

static void
one_that_is_canceled_ends_so(void **state)
{
	struct shoal_config config;
	struct server server = {.holds = true};
	struct ended ended = {0};
	struct talk talk = {0};
	uint64_t number = 0;

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), 0);
	ask(&talk, "x", 10000, &ended, &number);
	assert_int_equal(shoal_request_cancel(talk.one, number), 0);
	assert_int_equal(shoal_request_cancel(talk.one, number), SHOAL_ERR_NOT_FOUND);
	talk_until(&talk, &ended.calls, 1);
	assert_int_equal(ended.code, SHOAL_ERR_CANCELED);
	talk_until(&talk, &server.calls, 1);
	assert_int_equal(shoal_reply(talk.two, server.ticket, 0, "x", 1), 0);
	for (unsigned i = 0; i < 20; i++) {
		talk_turn(&talk);
	}
	assert_int_equal(ended.calls, 1);
	talk_done(&talk);
}

static void
when_the_member_dies_or_this_one_stops_the_end_is_closed(void **state)
{
	struct shoal_config config;
	struct server server = {.holds = true};
	struct ended ended = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_LOCAL), 0);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), 0);
	ask(&talk, "x", 3600000, &ended, NULL);
	talk_until(&talk, &server.calls, 1);
	for (unsigned i = 0; i < 20; i++) { /* it is told as taken */
		talk_turn(&talk);
	}
	assert_int_equal(shoal_cluster_stop(talk.two), 0);
	talk_until(&talk, &ended.calls, 1);
	assert_int_equal(ended.code, SHOAL_ERR_CLOSED);
	talk_done(&talk);

	talk_begin(&talk, &config);
	ended.calls = 0;
	assert_int_equal(shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), 0);
	for (unsigned i = 0; i < 5; i++) {
		ask(&talk, "x", 3600000, &ended, NULL);
	}
	talk_done(&talk);
	assert_int_equal(ended.calls, 5);
	assert_true(ended.code == SHOAL_ERR_CLOSED || ended.code == SHOAL_ERR_UNREACHABLE);
}

static void
what_cannot_be_asked_is_refused_and_there_are_so_many_at_once(void **state)
{
	struct shoal_config config;
	struct server server = {.holds = true};
	struct ended ended = {0};
	struct talk talk = {0};
	struct shoal_id nobody = {{9}};
	static char large[1 << 20];
	char text[80];

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), 0);
	assert_int_equal(
	        shoal_request(talk.one, &nobody, TALK_TYPE, "x", 1, 1000, on_end, &ended, NULL),
	        SHOAL_ERR_NOT_FOUND);
	assert_int_equal(
	        shoal_request(talk.one, &talk.id_two, 9, "x", 1, 1000, on_end, &ended, NULL),
	        SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_request(talk.one, &talk.id_two, TALK_TYPE, "x", 1, 0, on_end, &ended, NULL),
	        SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_request(talk.one, &talk.id_two, TALK_TYPE, "x", 1, 1000, NULL, NULL, NULL),
	        SHOAL_ERR_INVALID);
	assert_int_equal(shoal_request(talk.one, &talk.id_two, TALK_TYPE, NULL, 1, 1000, on_end,
	                         &ended, NULL),
	        SHOAL_ERR_INVALID);
	size_t most = shoal_outbox_limit(talk.one);
	assert_int_equal(shoal_request(talk.one, &talk.id_two, TALK_TYPE, large, most, 1000, on_end,
	                         &ended, NULL),
	        SHOAL_ERR_TOO_BIG);
	/* In bytes of the caller's. */
	snprintf(text, sizeof(text), "request: %zu bytes; one may have %zu ", most, most - 18);
	assert_ptr_equal(strstr(shoal_last_error(), text), shoal_last_error());
	assert_int_equal(shoal_reply(talk.two, 0, 1, "x", 1), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_reply(talk.two, 0, 0, "x", 1), SHOAL_ERR_NOT_FOUND);
	for (unsigned i = 0; i < SHOAL_REQUESTS_MAX; i++) {
		ask(&talk, "x", 2000, &ended, NULL);
	}
	assert_int_equal(shoal_request(talk.one, &talk.id_two, TALK_TYPE, "x", 1, 1000, on_end,
	                         &ended, NULL),
	        SHOAL_ERR_LIMIT);
	talk_until(&talk, &ended.calls, SHOAL_REQUESTS_MAX);
	assert_int_equal(ended.code, SHOAL_ERR_TIMEOUT);
	talk_done(&talk);
	assert_int_equal(ended.calls, SHOAL_REQUESTS_MAX);
}

/* Whether the member takes part, as far as the cluster knows. */
static bool
knows(struct shoal_cluster *cluster, const struct shoal_id *id)
{
	struct shoal_member_list *list = shoal_members(cluster, NULL);
	struct shoal_member *member = shoal_member_list_find_by_id(list, id);
	bool alive = member != NULL && (shoal_member_state(member) == SHOAL_STATE_ALIVE ||
	                                       shoal_member_state(member) == SHOAL_STATE_SUSPECT);

	shoal_member_list_free(list);
	return alive;
}

static void
one_asker_leaves_half_of_the_places_to_others_and_all_when_it_is_dead(void **state)
{
	struct shoal_config config;
	struct server server = {.holds = true};
	struct ended ended = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_LOCAL), 0);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), 0);
	for (unsigned i = 0; i < SHOAL_REQUESTS_MAX; i++) {
		ask(&talk, "x", 3600000, &ended, NULL);
	}
	talk_until(&talk, &ended.calls, SHOAL_REQUESTS_MAX / 2);
	assert_int_equal(ended.code, SHOAL_ERR_LIMIT);
	assert_int_equal(server.calls, SHOAL_REQUESTS_MAX / 2);
	assert_int_equal(shoal_cluster_stop(talk.one), 0);
	for (unsigned i = 0; knows(talk.two, &talk.id_one); i++) {
		assert_true(i < 60000);
		talk_turn(&talk);
	}
	assert_int_equal(shoal_reply(talk.two, server.ticket, 0, "x", 1), SHOAL_ERR_STATE);
	/* Another one needs a place. */
	struct shoal_cluster *three = talk_make(&talk, "three", &config);
	size_t ends = 0, calls = server.calls;
	char address[SHOAL_ADDR_TEXT];
	const char *seeds[] = {address};
	assert_int_equal(shoal_cluster_address(talk.two, address, sizeof(address)), 0);
	assert_int_equal(shoal_cluster_join_async(three, seeds, 1, 5000, talk_joined, &ends), 0);
	talk_until(&talk, &ends, 1);
	assert_int_equal(shoal_request(three, &talk.id_two, TALK_TYPE, "x", 1, 3600000, on_end,
	                         &ended, NULL),
	        0);
	uint64_t of_one = server.ticket;
	talk_until(&talk, &server.calls, calls + 1);
	assert_int_equal(shoal_reply(talk.two, of_one, 0, "x", 1), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_reply(talk.two, server.ticket, 0, "x", 1), 0);
	assert_int_equal(shoal_cluster_free(three), 0);
	talk_done(&talk);
}

static uint64_t
turns(const struct talk *talk)
{
	struct shoal_counters one, two;

	shoal_cluster_counters(talk->one, &one);
	shoal_cluster_counters(talk->two, &two);
	return one.value[SHOAL_COUNTER_LOOP_TURNS] + two.value[SHOAL_COUNTER_LOOP_TURNS];
}

/* The request, its receipt, the reply and its receipt are a turn each, and one is for the call. */
static void
one_at_a_time_the_loop_turns_for_little_else_than_what_it_carries(void **state)
{
	enum {
		COUNT = 200
	};
	struct shoal_config config;
	struct server server = {0};
	struct ended ended = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), 0);
	for (unsigned i = 0; i < 100; i++) {
		talk_turn(&talk);
	}
	uint64_t before = turns(&talk);
	for (size_t i = 0; i < COUNT; i++) {
		ask(&talk, "x", 30000, &ended, NULL);
		talk_until(&talk, &ended.calls, i + 1);
	}
	uint64_t each = (turns(&talk) - before) * 10 / COUNT;
	print_message("%u.%u turns a request\n", (unsigned)(each / 10), (unsigned)(each % 10));
	assert_true(each <= 55);
	talk_done(&talk);
}

/* The timer may be set to the deadline of one that was answered since. */
static void
a_time_out_is_kept_behind_one_that_was_answered(void **state)
{
	struct shoal_config config;
	struct server server = {0};
	struct ended ended = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), 0);
	ask(&talk, "x", 300, &ended, NULL);
	talk_until(&talk, &ended.calls, 1);
	server.holds = true;
	ask(&talk, "x", 600, &ended, NULL);
	talk_until(&talk, &ended.calls, 2);
	assert_int_equal(ended.code, SHOAL_ERR_TIMEOUT);
	for (unsigned i = 0; i < 1000 && talk.two->requests.served.count > 0; i++) {
		talk_turn(&talk);
	}
	assert_int_equal(talk.two->requests.served.count, 0);
	talk_done(&talk);
}

/* What two hears of one. */
static void
tell_of_one(struct talk *talk, enum shoal_state state, unsigned changed)
{
	const struct shoal_event event = {.kind = SHOAL_EVENT_UPDATE,
	        .id = talk->id_one,
	        .state = (uint8_t)state,
	        .changed = changed};

	shoal_lines_member(talk->two, &event);
	shoal_request_member(talk->two, &event);
}

static void
one_that_was_held_dead_for_a_time_gets_its_answer(void **state)
{
	struct shoal_config config;
	struct server server = {.holds = true};
	struct ended ended = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle_request(talk.two, TALK_TYPE, on_request, &server), 0);
	ask(&talk, "x", 60000, &ended, NULL);
	talk_until(&talk, &server.calls, 1);
	/* Lines are made of whom something was sent to. */
	assert_int_equal(shoal_send(talk.two, &talk.id_one, TALK_TYPE, "x", 1, 0), 0);
	tell_of_one(&talk, SHOAL_STATE_DEAD, 0);
	assert_int_equal(shoal_reply(talk.two, server.ticket, 0, "x", 1), SHOAL_ERR_STATE);
	tell_of_one(&talk, SHOAL_STATE_ALIVE, 0);
	assert_int_equal(shoal_reply(talk.two, server.ticket, 0, "x", 1), 0);
	talk_until(&talk, &ended.calls, 1);
	assert_int_equal(ended.code, 0);
	ask(&talk, "x", 60000, &ended, NULL);
	ask(&talk, "x", 60000, &ended, NULL);
	talk_until(&talk, &server.calls, 3);
	uint64_t ticket = server.ticket;
	tell_of_one(&talk, SHOAL_STATE_ALIVE, SHOAL_CHANGE_INSTANCE);
	assert_int_equal(shoal_reply(talk.two, ticket, 0, "x", 1), SHOAL_ERR_NOT_FOUND);
	ask(&talk, "x", 60000, &ended, NULL);
	talk_until(&talk, &server.calls, 4);
	tell_of_one(&talk, SHOAL_STATE_LEFT, 0);
	assert_int_equal(shoal_reply(talk.two, server.ticket, 0, "x", 1), SHOAL_ERR_NOT_FOUND);
	talk_done(&talk);
}

/* Memory for a message of this length is short, and it takes long to find out. */
#define SLOW 54321

struct slow {
	struct talk talk;
	struct ended ended;
	uint64_t number;
	size_t blocks;
};

static void *
slow_realloc(void *old, size_t size, void *arg)
{
	struct slow *slow = arg;

	if (old == NULL && size >= SLOW && size < SLOW + 64) {
		assert_int_equal(shoal_request_cancel(slow->talk.one, slow->number), 0);
		talk_until(&slow->talk, &slow->ended.calls, 1);
		return NULL;
	}
	void *made = realloc(old, size);
	slow->blocks += old == NULL && made != NULL;
	return made;
}

static void *
slow_malloc(size_t size, void *arg)
{
	return slow_realloc(NULL, size, arg);
}

static void
slow_free(void *block, void *arg)
{
	struct slow *slow = arg;

	slow->blocks -= block != NULL;
	free(block);
}

static void
one_that_ends_before_it_could_be_sent_has_one_end_and_leaves_nothing(void **state)
{
	struct shoal_config config;
	struct slow slow = {.blocks = 0};
	struct shoal_allocator mem = {slow_malloc, slow_realloc, slow_free, &slow};
	static char data[SLOW];

	(void)state;
	shoal_config_init(&config);
	slow.talk.mem = &mem;
	talk_begin(&slow.talk, &config);
	assert_int_equal(shoal_request(slow.talk.one, &slow.talk.id_two, TALK_TYPE, data, SLOW,
	                         10000, on_end, &slow.ended, &slow.number),
	        0);
	assert_int_equal(slow.ended.code, SHOAL_ERR_CANCELED);
	talk_done(&slow.talk);
	assert_int_equal(slow.ended.calls, 1);
	assert_int_equal(slow.blocks, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_request_is_answered_once),
	        cmocka_unit_test(a_handler_may_answer_later_and_from_another_thread),
	        cmocka_unit_test(without_a_handler_or_an_answer_the_end_says_so),
	        cmocka_unit_test(one_that_is_canceled_ends_so),
	        cmocka_unit_test(when_the_member_dies_or_this_one_stops_the_end_is_closed),
	        cmocka_unit_test(what_cannot_be_asked_is_refused_and_there_are_so_many_at_once),
	        cmocka_unit_test(
	                one_asker_leaves_half_of_the_places_to_others_and_all_when_it_is_dead),
	        cmocka_unit_test(one_at_a_time_the_loop_turns_for_little_else_than_what_it_carries),
	        cmocka_unit_test(a_time_out_is_kept_behind_one_that_was_answered),
	        cmocka_unit_test(one_that_was_held_dead_for_a_time_gets_its_answer),
	        cmocka_unit_test(
	                one_that_ends_before_it_could_be_sent_has_one_end_and_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
