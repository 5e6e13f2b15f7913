/* SPDX-License-Identifier: MIT */
/* Connections of an application's listen hook, of which there is always one more: how many are
 * taken in a turn, who is refused, and a stop from inside of the call that is told of them. */
#include "unit.h"

#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/alloc.h"
#include "transports/acceptor.h"

#define A_TURN 8 /* fewer than one source may have */

static const uint64_t key[2] = {5, 6};

static struct {
	struct shoal_allocator mem;
	struct shoal_transport_env env;
	struct shoal_crowd crowd;
	struct shoal_acceptor acceptor;
	struct shoal_crowd_member member[64];
	struct shoal_addr at;
	unsigned welcomed, refused, stop_at;
	unsigned phase;
	int listener;
} here;

static void
no_eviction(struct shoal_crowd_member *member)
{
	(void)member;
	fail();
}

static int
listen_hook(void *arg, const struct shoal_addr *at, struct shoal_addr *bound)
{
	int fd[2];
	(void)arg;

	*bound = *at;
	bound->port = 7;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(close(fd[1]), 0); /* readable for ever */
	here.listener = fd[0];
	return fd[0];
}

static int
accept_hook(void *arg, int listener, struct shoal_addr *from)
{
	int fd[2];
	(void)arg;

	assert_int_equal(listener, here.listener);
	*from = here.at;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	assert_int_equal(close(fd[1]), 0);
	return fd[0];
}

static void
count(void *arg, enum shoal_counter counter, uint64_t n)
{
	(void)arg;
	assert_int_equal(counter, SHOAL_COUNTER_CONNECTIONS_REFUSED);
	here.refused += (unsigned)n;
}

static void
open_acceptor(void)
{
	char why[160];

	assert_int_equal(shoal_acceptor_init(&here.acceptor, 1), 0);
	assert_int_equal(shoal_acceptor_listen(&here.acceptor, &here.at, why, sizeof(why)), 0);
	assert_int_equal(here.acceptor.port[0].addr.port, 7);
}

static void
welcome(void *arg, int fd, const struct shoal_addr *peer, struct shoal_crowd_source *source)
{
	assert_ptr_equal(arg, &here);
	assert_true(shoal_addr_equal(peer, &here.at));
	close(fd);
	here.member[here.welcomed].source = source;
	shoal_crowd_place(&here.crowd, &here.member[here.welcomed], here.phase);
	if (++here.welcomed == here.stop_at) {
		shoal_acceptor_stop(&here.acceptor);
	}
}

static void
begin(void)
{
	memset(&here, 0, sizeof(here));
	assert_int_equal(shoal_addr_parse(&here.at, "192.0.2.1:9"), 0);
	here.mem = shoal_allocator_or_libc(NULL);
	here.phase = SHOAL_CROWD_PHASES - 1;
	here.env.base = event_base_new();
	here.env.host.count = count;
	here.env.dialer.listen = listen_hook;
	here.env.dialer.accept = accept_hook;
	assert_int_equal(shoal_crowd_init(&here.crowd, &here.mem, key, 64, no_eviction), 0);
	here.acceptor = (struct shoal_acceptor){.env = &here.env,
	        .mem = &here.mem,
	        .crowd = &here.crowd,
	        .transport = "test",
	        .welcome = welcome,
	        .arg = &here};
	open_acceptor();
}

static void
done(void)
{
	shoal_acceptor_stop(&here.acceptor);
	shoal_acceptor_stop(&here.acceptor);
	shoal_acceptor_done(&here.acceptor);
	for (size_t i = 0; i < COUNT_OF(here.member); i++) {
		shoal_crowd_remove(&here.crowd, &here.member[i]);
	}
	shoal_crowd_done(&here.crowd);
	event_base_free(here.env.base);
}

static void
a_turn_takes_fewer_than_one_source_may_have_and_no_more_are_let_in(void **state)
{
	(void)state;
	begin();
	for (unsigned turn = 1; turn <= 3; turn++) {
		event_base_loop(here.env.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
		assert_int_equal(here.welcomed + here.refused, turn * A_TURN);
	}
	assert_int_equal(here.welcomed, 2 * A_TURN); /* 16: the share of a source */
	assert_true(here.crowd.source_max > A_TURN);
	done();
}

static void
nothing_is_taken_after_a_stop_inside(void **state)
{
	(void)state;
	begin();
	here.stop_at = 3;
	event_base_loop(here.env.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	assert_int_equal(here.welcomed, 3);
	event_base_loop(here.env.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	assert_int_equal(here.welcomed, 3);
	shoal_acceptor_done(&here.acceptor);
	here.stop_at = 0;
	open_acceptor();
	event_base_loop(here.env.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
	assert_int_equal(here.welcomed, 3 + A_TURN);
	done();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                a_turn_takes_fewer_than_one_source_may_have_and_no_more_are_let_in),
	        cmocka_unit_test(nothing_is_taken_after_a_stop_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
