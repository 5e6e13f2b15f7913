/* SPDX-License-Identifier: MIT */
/* Lists of members that nobody reads: a server with the real gate and the real answers, and a
 * cluster that is none, whose one list is larger than what may wait. Clients are sockets that do
 * not block; the server's loop runs between. */
#include "agent_members.h"
#include "document.h"
#include "http_gate.h"

#include <event2/event.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define MEMBERS   2000
#define NAME_LEN  ((size_t)10 << 10)
#define TURNS_MAX 200000

struct shoal_member {
	struct shoal_id id;
};

static struct shoal_member one;
static char name[NAME_LEN + 1];

/* In the place of the library's, and of the tool's document. */
struct shoal_member_list *
shoal_members(struct shoal_cluster *cluster, const struct shoal_filter *filter)
{
	(void)cluster;
	(void)filter;
	return (struct shoal_member_list *)&one;
}

struct shoal_member *
shoal_cluster_self(struct shoal_cluster *cluster)
{
	(void)cluster;
	return &one;
}

void
shoal_member_unref(struct shoal_member *member)
{
	(void)member;
}

size_t
shoal_member_list_count(const struct shoal_member_list *list)
{
	(void)list;
	return MEMBERS;
}

struct shoal_member *
shoal_member_list_at(const struct shoal_member_list *list, size_t i)
{
	(void)list;
	assert_true(i < MEMBERS);
	return &one;
}

void
shoal_member_list_free(struct shoal_member_list *list)
{
	(void)list;
}

const char *
shoal_member_name(const struct shoal_member *member)
{
	(void)member;
	return name;
}

const struct shoal_id *
shoal_member_id(const struct shoal_member *member)
{
	return &member->id;
}

json_t *
cli_document_member(const struct shoal_member *member, uint64_t wall_ns)
{
	(void)wall_ns;
	return json_pack("{s:s}", "name", shoal_member_name(member));
}

json_t *
cli_document_way(const struct shoal_member *from, const struct shoal_member *to)
{
	(void)from;
	(void)to;
	return json_null();
}

json_t *
cli_document_error(int code, const char *text)
{
	return json_pack("{s:s, s:s}", "error", text, "code", shoal_error_name(code));
}

struct server {
	struct event_base *base;
	struct evhttp *http;
	struct cli_http_gate *gate;
	int fd;
	unsigned served;
};

static void
on_request(struct evhttp_request *request, void *arg)
{
	struct server *server = arg;

	cli_agent_members(NULL, request);
	server->served++;
}

static int
setup(void **state)
{
	struct server *server = calloc(1, sizeof(*server));
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct evconnlistener *listener;

	signal(SIGPIPE, SIG_IGN); /* as the agent does */
	memset(name, 'n', NAME_LEN);
	server->base = event_base_new();
	server->http = evhttp_new(server->base);
	server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	/* The kernel picks an abstract address. */
	assert_int_equal(bind(server->fd, (struct sockaddr *)&addr, sizeof(sa_family_t)), 0);
	assert_int_equal(listen(server->fd, 16), 0);
	listener = evconnlistener_new(server->base, NULL, NULL, 0, 0, server->fd);
	assert_non_null(evhttp_bind_listener(server->http, listener));
	server->gate = cli_http_gate_new(server->base, server->http, listener);
	evhttp_set_gencb(server->http, on_request, server);
	*state = server;
	return 0;
}

static int
teardown(void **state)
{
	struct server *server = *state;

	evhttp_free(server->http);
	cli_http_gate_free(server->gate);
	event_base_free(server->base);
	close(server->fd);
	free(server);
	return 0;
}

/* A client whose request was answered, as far as the server is concerned. */
static int
client(struct server *server)
{
	static const char request[] = "GET /v1/members HTTP/1.0\r\n\r\n";
	struct sockaddr_un addr;
	socklen_t len = sizeof(addr);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), turns;
	unsigned before = server->served;

	assert_int_equal(getsockname(server->fd, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(write(fd, request, sizeof(request) - 1), sizeof(request) - 1);
	for (turns = 0; server->served == before && turns < TURNS_MAX; turns++) {
		event_base_loop(server->base, EVLOOP_ONCE);
	}
	assert_int_equal(server->served, before + 1);
	return fd;
}

/* Reads to the end; returns the bytes of all, with the first of them in text. */
static size_t
read_all(struct server *server, int fd, char *text, size_t len)
{
	static char block[1 << 16];
	size_t all = 0;
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) != 0) {
		if (n < 0) {
			event_base_loop(server->base, EVLOOP_NONBLOCK);
			continue;
		}
		if (all < len - 1) {
			size_t room = len - 1 - all, part = (size_t)n < room ? (size_t)n : room;

			memcpy(text + all, block, part);
			text[all + part] = '\0';
		}
		all += (size_t)n;
	}
	close(fd);
	return all;
}

static void
expect_busy(struct server *server)
{
	char text[512];

	read_all(server, client(server), text, sizeof(text));
	assert_non_null(strstr(text, " 503 "));
	assert_non_null(strstr(text, "{\"error\":\"busy: "));
}

/* Asks until lists are made again, and reads one. */
static void
expect_served(struct server *server)
{
	char text[512];
	int tries = 0;

	do {
		read_all(server, client(server), text, sizeof(text));
	} while (strstr(text, " 503 ") != NULL && ++tries < TURNS_MAX);
	assert_non_null(strstr(text, " 200 "));
}

static void
no_list_is_made_while_too_much_waits_to_be_read(void **state)
{
	struct server *server = *state;
	char text[512];
	int slow = client(server);

	expect_busy(server);
	expect_busy(server);
	assert_true(read_all(server, slow, text, sizeof(text)) > CLI_LISTS_BYTES_MAX);
	assert_non_null(strstr(text, " 200 "));
	expect_served(server);
}

static void
a_reader_that_breaks_off_gives_its_room_back(void **state)
{
	struct server *server = *state;
	int slow = client(server);

	expect_busy(server);
	close(slow);
	expect_served(server);
}

static void
a_list_that_waits_is_released_with_the_server(void **state)
{
	struct server *server = *state;
	int slow = client(server);

	expect_busy(server);
	teardown(state);
	setup(state);
	close(slow);
	expect_served(*state);
}

int
main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	        TEST(no_list_is_made_while_too_much_waits_to_be_read),
	        TEST(a_reader_that_breaks_off_gives_its_room_back),
	        TEST(a_list_that_waits_is_released_with_the_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
