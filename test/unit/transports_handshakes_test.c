/* SPDX-License-Identifier: MIT */
/* Handshakes that can go on do so in order, a few in a turn of the loop, which has time for all
 * else in between. */
#include "unit.h"

#include <event2/event.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transports/handshakes.h"

#define MANY   10
#define A_TURN SHOAL_HANDSHAKES_A_TURN

static struct {
	struct event_base *base;
	struct shoal_handshakes handshakes;
	struct shoal_channel channel[MANY];
	struct shoal_crowd_source source[2];
	unsigned of_second; /* so many of the last ones are of the second source */
	struct event *other;
	int end[2]; /* the other one reads here, and is never done */
	unsigned order[2 * MANY], went, others;
	struct shoal_channel *closes; /* by the next one whose turn it is */
	bool again;                   /* whose turn it was waits anew */
	unsigned stops_at;            /* the turn that has a stop inside; 0: none */
} here;

static bool
wait_for(struct shoal_channel *channel)
{
	bool second = channel - here.channel >= (ptrdiff_t)(MANY - here.of_second);

	return shoal_handshakes_wait(&here.handshakes, &here.source[second], channel);
}

static void
stop(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		shoal_channel_close(&here.channel[i]);
	}
	shoal_handshakes_stop(&here.handshakes);
}

static void
go_on(struct shoal_channel *channel)
{
	assert_false(wait_for(channel));
	assert_true(here.went < COUNT_OF(here.order));
	here.order[here.went++] = (unsigned)(channel - here.channel);
	if (here.closes != NULL) {
		shoal_channel_close(here.closes);
		here.closes = NULL;
	}
	if (here.went == here.stops_at) {
		stop();
	}
}

static void
on_other(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	here.others++;
	if (here.again && here.went > 0) {
		here.again = false;
		assert_true(wait_for(&here.channel[here.order[here.went - 1]]));
	}
}

static void
begin(void)
{
	memset(&here, 0, sizeof(here));
	here.base = event_base_new();
	shoal_handshakes_init(&here.handshakes, here.base, go_on);
	shoal_list_init(&here.source[0].waiting);
	shoal_list_init(&here.source[1].waiting);
	for (unsigned i = 0; i < MANY; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(shoal_channel_open(&here.channel[i], fd, NULL, NULL), 0);
		assert_false(wait_for(&here.channel[i]));
		here.channel[i].up = false;
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, here.end), 0);
	close(here.end[1]);
	here.other = event_new(here.base, here.end[0], EV_READ | EV_PERSIST, on_other, NULL);
	event_add(here.other, NULL);
}

static void
all_wait(void)
{
	for (unsigned i = 0; i < MANY; i++) {
		assert_true(wait_for(&here.channel[i]));
		assert_true(wait_for(&here.channel[i])); /* once */
	}
	assert_int_equal(here.went, 0);
}

static void
turn(void)
{
	event_base_loop(here.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

static void
done(void)
{
	stop();
	event_free(here.other);
	close(here.end[0]);
	/* Nothing is left that would wake the loop. */
	assert_int_equal(event_base_loop(here.base, EVLOOP_NONBLOCK), 1);
	event_base_free(here.base);
}

static void
more_than_a_turn_takes_go_on_in_order_and_others_have_their_turns_between(void **state)
{
	(void)state;
	begin();
	all_wait();
	for (unsigned i = 1; here.went < MANY; i++) {
		turn();
		assert_int_equal(here.others, i);
		assert_int_equal(here.went, i * A_TURN < MANY ? i * A_TURN : MANY);
	}
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(here.order[i], i);
	}
	turn();
	assert_false(event_pending(&here.handshakes.timer, EV_TIMEOUT, NULL));
	done();
}

static void
one_source_has_as_many_turns_as_another_that_has_more_to_do(void **state)
{
	static const unsigned order[] = {0, 8, 1, 9, 2, 3, 4, 5, 6, 7};

	(void)state;
	begin();
	here.of_second = 2;
	all_wait();
	while (here.went < MANY) {
		turn();
	}
	assert_memory_equal(here.order, order, sizeof(order));
	done();
}

static void
who_was_there_and_comes_again_is_behind_all_that_wait(void **state)
{
	(void)state;
	begin();
	all_wait();
	turn();
	here.again = true;
	while (here.went <= MANY) {
		turn();
	}
	assert_int_equal(here.order[MANY - 1], MANY - 1);
	assert_int_equal(here.order[MANY], A_TURN - 1);
	done();
}

static void
one_that_is_closed_while_it_waits_has_no_turn(void **state)
{
	(void)state;
	begin();
	all_wait();
	shoal_channel_close(&here.channel[1]);
	here.closes = &here.channel[2]; /* by the first one, in the turn that would be its own */
	for (unsigned i = 0; i < MANY; i++) {
		turn();
	}
	assert_int_equal(here.went, MANY - 2);
	assert_int_equal(here.order[0], 0);
	assert_int_equal(here.order[1], 3);
	done();
}

static void
a_stop_leaves_nothing_and_a_start_begins_anew(void **state)
{
	(void)state;
	begin();
	all_wait();
	assert_true(event_pending(&here.handshakes.timer, EV_TIMEOUT, NULL));
	stop();
	assert_false(event_pending(&here.handshakes.timer, EV_TIMEOUT, NULL));
	turn();
	assert_int_equal(here.went, 0);
	shoal_handshakes_init(&here.handshakes, here.base, go_on);
	assert_true(wait_for(&here.channel[3]));
	turn();
	assert_int_equal(here.went, 1);
	done();
}

/* By whichever turn of those that one call of the timer has: nothing is set anew behind it. */
static void
a_stop_inside_a_turn_leaves_nothing(void **state)
{
	(void)state;
	for (unsigned at = 1; at <= A_TURN; at++) {
		begin();
		here.of_second = 2;
		here.stops_at = at;
		all_wait();
		turn();
		assert_int_equal(here.went, at);
		assert_false(event_pending(&here.handshakes.timer, EV_TIMEOUT, NULL));
		done();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                more_than_a_turn_takes_go_on_in_order_and_others_have_their_turns_between),
	        cmocka_unit_test(one_source_has_as_many_turns_as_another_that_has_more_to_do),
	        cmocka_unit_test(who_was_there_and_comes_again_is_behind_all_that_wait),
	        cmocka_unit_test(one_that_is_closed_while_it_waits_has_no_turn),
	        cmocka_unit_test(a_stop_leaves_nothing_and_a_start_begins_anew),
	        cmocka_unit_test(a_stop_inside_a_turn_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
