/* SPDX-License-Identifier: MIT */
/* The subscribers of the control socket: a server with the real gate and the real streams, and a
 * cluster that is none. shoal_on_member is replaced, so the test tells as many events as it likes,
 * all of them without a member (overflow). Clients are blocking sockets; the server's loop runs
 * between. */
#include "agent_events.h"
#include "http_gate.h"
#include "log.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define TURNS_MAX 200000

static shoal_member_fn tell;
static void *tell_arg;

static char level[8];

/* In the place of the library's. */
int
shoal_cluster_set(struct shoal_cluster *cluster, const char *field, const char *value)
{
	(void)cluster;
	assert_string_equal(field, "log_level");
	snprintf(level, sizeof(level), "%s", value);
	return 0;
}

int
shoal_on_member(struct shoal_cluster *cluster, unsigned mask, shoal_member_fn fn, void *arg)
{
	(void)cluster;
	assert_int_equal(mask, SHOAL_EVENT_ALL);
	tell = fn;
	tell_arg = arg;
	return 0;
}

struct server {
	struct event_base *base;
	struct evhttp *http;
	struct cli_http_gate *gate;
	struct cli_events *events;
	struct sockaddr_un addr;
	int fd, refused;
};

static void
on_request(struct evhttp_request *request, void *arg)
{
	struct server *server = arg;

	if (cli_events_follow(server->events, request, false) < 0) {
		server->refused++;
		evhttp_send_error(request, HTTP_SERVUNAVAIL, NULL);
	}
}

static int
setup(void **state)
{
	struct server *server = calloc(1, sizeof(*server));
	struct evconnlistener *listener;
	socklen_t len;

	server->base = event_base_new();
	server->http = evhttp_new(server->base);
	server->addr.sun_family = AF_UNIX;
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	len = sizeof(sa_family_t); /* the kernel picks an abstract address */
	assert_int_equal(bind(server->fd, (struct sockaddr *)&server->addr, len), 0);
	assert_int_equal(listen(server->fd, 128), 0);
	listener = evconnlistener_new(server->base, NULL, NULL, 0, 0, server->fd);
	assert_non_null(evhttp_bind_listener(server->http, listener));
	server->gate = cli_http_gate_new(server->base, server->http, listener);
	evhttp_set_gencb(server->http, on_request, server);
	assert_int_equal(cli_events_new(&server->events, NULL), 0);
	*state = server;
	return 0;
}

static int
teardown(void **state)
{
	struct server *server = *state;

	evhttp_free(server->http);
	cli_http_gate_free(server->gate);
	assert_int_equal(cli_events_count(server->events), 0);
	cli_events_free(server->events);
	event_base_free(server->base);
	close(server->fd);
	free(server);
	return 0;
}

static void
turn(struct server *server)
{
	event_base_loop(server->base, EVLOOP_NONBLOCK);
}

static void
turn_until_count(struct server *server, unsigned count)
{
	int turns;

	for (turns = 0; cli_events_count(server->events) != count && turns < TURNS_MAX; turns++) {
		turn(server);
	}
	assert_int_equal(cli_events_count(server->events), count);
}

static int
client_of(struct server *server, const char *query)
{
	char request[80];
	struct sockaddr_un addr;
	socklen_t len = sizeof(addr);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, len), 0);
	snprintf(request, sizeof(request), "GET /v1/events%s HTTP/1.0\r\n\r\n", query);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	return fd;
}

static int
client(struct server *server)
{
	return client_of(server, "");
}

static void
tell_one(struct server *server)
{
	struct shoal_member_event event = {.kind = SHOAL_EVENT_OVERFLOW, .wall_ns = 1};

	tell(NULL, &event, tell_arg);
	turn(server);
}

struct text {
	char *bytes;
	size_t len, capacity;
	uint64_t overflows; /* events so far */
};

/* Reads what is there. false: the server ended the stream. */
static bool
take(int fd, struct text *text)
{
	static const char begin[] = "event: overflow\n";
	static char block[65536];
	ssize_t n = read(fd, block, sizeof(block));
	size_t seen = text->len < sizeof(begin) ? 0 : text->len - sizeof(begin) + 2;
	char *at;

	if (n <= 0) {
		return n != 0;
	}
	if (text->len + (size_t)n + 1 > text->capacity) {
		text->capacity = (text->len + (size_t)n + 1) * 2;
		text->bytes = realloc(text->bytes, text->capacity);
		assert_non_null(text->bytes);
	}
	memcpy(text->bytes + text->len, block, (size_t)n);
	text->len += (size_t)n;
	text->bytes[text->len] = '\0';
	for (at = text->bytes + seen; (at = strstr(at, begin)) != NULL; at++) {
		text->overflows++;
	}
	return true;
}

static void
read_to_end(struct server *server, int fd, struct text *text)
{
	int turns;

	for (turns = 0; take(fd, text) && turns < TURNS_MAX; turns++) {
		turn(server);
	}
	assert_true(turns < TURNS_MAX);
}

static void
a_subscriber_that_does_not_read_gets_its_queue_then_lagged_and_the_end(void **state)
{
	struct server *server = *state;
	int slow = client(server), fast = client(server);
	struct text late = {0}, prompt = {0};
	uint64_t told = 20000, i, lost;
	char *lagged;

	turn_until_count(server, 2);
	for (i = 0; i < told; i++) {
		tell_one(server);
		take(fast, &prompt);
	}
	assert_int_equal(cli_events_count(server->events), 2);
	read_to_end(server, slow, &late);
	assert_int_equal(cli_events_count(server->events), 1);
	assert_non_null(strstr(late.bytes, "200 OK"));
	lagged = strstr(late.bytes, "event: lagged\ndata: {\"n\":");
	assert_non_null(lagged);
	assert_int_equal(sscanf(lagged, "event: lagged\ndata: {\"n\":%" SCNu64 "}\n\n", &lost), 1);
	assert_int_equal(late.overflows + lost, told);
	/* The queue, and what the kernel holds for a Unix socket. */
	assert_true(late.len > CLI_SUBSCRIBER_BYTES / 2 && late.len < CLI_SUBSCRIBER_BYTES * 2);
	for (i = 0; prompt.overflows < told && i < TURNS_MAX; i++) {
		turn(server);
		take(fast, &prompt);
	}
	assert_int_equal(prompt.overflows, told);
	assert_null(strstr(prompt.bytes, "lagged"));
	close(slow);
	close(fast);
	turn_until_count(server, 0);
	free(late.bytes);
	free(prompt.bytes);
}

/* Turns until the text has the word. */
static void
take_until(struct server *server, int fd, struct text *text, const char *word)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		if (text->len > 0 && strstr(text->bytes, word) != NULL) {
			return;
		}
		turn(server);
		assert_true(take(fd, text) || strstr(text->bytes, word) != NULL);
	}
	fail_msg("%s does not come", word);
}

static void
log_one(enum shoal_log_level of)
{
	struct shoal_log_record record = {
	        .wall_ns = 1, .level = of, .room = "test", .text = "a line"};

	cli_log_record(&record, NULL);
}

static void
who_wants_the_log_gets_its_level_and_hears_what_is_lost(void **state)
{
	struct server *server = *state;
	int most = client_of(server, "?logs=debug&events=no");
	int less = client_of(server, "?logs=warn");
	struct text debug = {0}, warn = {0};
	int i;

	cli_log_set(CLI_LOG_TEXT, SHOAL_LOG_ERROR);
	turn_until_count(server, 2);
	assert_string_equal(level, "debug");
	log_one(SHOAL_LOG_DEBUG);
	log_one(SHOAL_LOG_WARN);
	tell_one(server);
	take_until(server, most, &debug, "warn");
	take_until(server, less, &warn, "event: log");
	assert_non_null(strstr(debug.bytes, "\"level\":\"debug\",\"room\":\"test\""));
	assert_null(strstr(warn.bytes, "debug"));
	assert_int_equal(debug.overflows, 0);
	assert_int_equal(warn.overflows, 1);
	/* The loop does not turn meanwhile. */
	log_one(SHOAL_LOG_WARN);
	for (i = 0; i < CLI_LOG_KEPT + 43; i++) {
		log_one(SHOAL_LOG_DEBUG);
	}
	log_one(SHOAL_LOG_ERROR);
	take_until(server, most, &debug, "\"level\":\"error\"");
	take_until(server, less, &warn, "\"level\":\"error\"");
	assert_non_null(strstr(debug.bytes, "\"text\":\"45 log lines were lost"));
	assert_non_null(strstr(warn.bytes, "\"text\":\"1 log lines were lost"));
	/* What is not theirs is no gap, and no stream has ended. */
	for (i = 0; i < CLI_LOG_KEPT + 44; i++) {
		log_one(SHOAL_LOG_DEBUG);
	}
	take_until(server, most, &debug, "\"text\":\"44 log lines were lost");
	tell_one(server);
	while (warn.overflows < 2) {
		turn(server);
		assert_true(take(less, &warn));
	}
	assert_null(strstr(strstr(warn.bytes, "lines were lost") + 1, "lines were lost"));
	assert_null(strstr(debug.bytes, "lagged"));
	assert_int_equal(cli_events_count(server->events), 2);
	close(most);
	close(less);
	turn_until_count(server, 0);
	assert_string_equal(level, "error");
	free(debug.bytes);
	free(warn.bytes);
}

static void
one_more_than_the_bound_is_refused(void **state)
{
	struct server *server = *state;
	int fds[CLI_SUBSCRIBERS_MAX + 1];
	int i, turns;

	for (i = 0; i <= CLI_SUBSCRIBERS_MAX; i++) {
		fds[i] = client(server);
	}
	for (turns = 0; server->refused == 0 && turns < TURNS_MAX; turns++) {
		turn(server);
	}
	assert_int_equal(server->refused, 1);
	assert_int_equal(cli_events_count(server->events), CLI_SUBSCRIBERS_MAX);
	for (i = 0; i <= CLI_SUBSCRIBERS_MAX; i++) {
		close(fds[i]);
	}
	turn_until_count(server, 0);
}

static void
count_done(struct evhttp_request *request, void *arg)
{
	(void)request;
	++*(unsigned *)arg;
}

static void
ending_tells_when_each_stream_is_sent_out(void **state)
{
	struct server *server = *state;
	int fds[3] = {client(server), client(server), client(server)};
	struct text text = {0};
	unsigned done = 0;
	int turns;
	size_t i;

	turn_until_count(server, 3);
	tell_one(server);
	cli_events_end(server->events, count_done, &done);
	assert_int_equal(cli_events_count(server->events), 0);
	for (turns = 0; done < 3 && turns < TURNS_MAX; turns++) {
		turn(server);
	}
	assert_int_equal(done, 3);
	for (i = 0; i < 3; i++) {
		read_to_end(server, fds[i], &text);
		close(fds[i]);
	}
	assert_int_equal(text.overflows, 3);
	free(text.bytes);
}

static void
a_server_that_is_taken_down_forgets_its_subscribers(void **state)
{
	struct server *server = *state;
	int fd = client(server);

	turn_until_count(server, 1);
	tell_one(server);
	close(fd); /* teardown asserts the rest */
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(a_subscriber_that_does_not_read_gets_its_queue_then_lagged_and_the_end),
	        TEST(who_wants_the_log_gets_its_level_and_hears_what_is_lost),
	        TEST(one_more_than_the_bound_is_refused),
	        TEST(ending_tells_when_each_stream_is_sent_out),
	        TEST(a_server_that_is_taken_down_forgets_its_subscribers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
