/* SPDX-License-Identifier: MIT */
/* The network inside a process: what is sent arrives on a later turn and in order, ports are
 * picked, nobody is waited for in vain, and every queue ends somewhere. */
#include "transports_site.h"

#include "heap_fault.h"

#define MINUTE 60000

static void
make_site(struct site *site, struct world *world, struct shoal_memory_net *net, const char *bind)
{
	struct shoal_transport transport;

	assert_int_equal(shoal_transport_memory(&transport, net), 0);
	site_init(site, world, transport, bind);
}

struct scene {
	struct world world;
	struct shoal_memory_net *net;
	struct site a, b;
};

static void
open_scene(struct scene *scene)
{
	world_open(&scene->world);
	assert_int_equal(shoal_memory_net_new(&scene->net, NULL), 0);
	make_site(&scene->a, &scene->world, scene->net, "10.0.0.1:0");
	make_site(&scene->b, &scene->world, scene->net, "10.0.0.2:7946");
	assert_int_equal(site_start(&scene->a), 0);
	assert_int_equal(site_start(&scene->b), 0);
	scene->b.echo = true;
}

static void
close_scene(struct scene *scene)
{
	site_close(&scene->a);
	site_close(&scene->b);
	shoal_memory_net_free(scene->net);
	world_close(&scene->world);
}

static void
datagrams_and_messages_arrive_in_order_on_a_later_turn(void **state)
{
	struct scene scene;
	char text[16];

	(void)state;
	open_scene(&scene);
	for (unsigned i = 0; i < 600; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(site_send(&scene.a, &scene.b.addr[0], text, strlen(text)), 0);
		assert_int_equal(site_stream(&scene.a, &scene.b.addr[0], text, strlen(text)), 0);
	}
	assert_int_equal(scene.b.datagrams.count, 0);
	UNTIL(&scene.world, scene.b.streams.count == 600);
	assert_int_equal(scene.b.datagrams.count, 600);
	for (unsigned i = 0; i < 600; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_string_equal(scene.b.datagrams.note[i].text, text);
		assert_string_equal(scene.b.streams.note[i].text, text);
	}
	assert_true(shoal_addr_equal(&last(&scene.b.datagrams)->from, &scene.a.addr[0]));
	assert_true(scene.b.batches >= 3);
	close_scene(&scene);
}

static void
a_request_is_answered_by_others_and_by_itself(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	scene.a.echo = true;
	assert_int_equal(site_request(&scene.a, &scene.b.addr[0], 7, "question", 8, MINUTE), 0);
	assert_int_equal(site_request(&scene.a, &scene.a.addr[0], 8, "myself", 6, MINUTE), 0);
	UNTIL(&scene.world, scene.a.results.count == 2);
	assert_int_equal(scene.b.requests.count, 1);
	for (size_t i = 0; i < 2; i++) {
		const struct note *note = &scene.a.results.note[i];

		assert_int_equal(note->code, 0);
		assert_string_equal(note->text, note->exchange == 7 ? "question" : "myself");
	}
	close_scene(&scene);
}

static void
two_that_answer_each_other_leave_the_timers_their_turn(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	scene.a.again = scene.b.addr[0];
	scene.a.again_ms = MINUTE;
	scene.a.agains = UINT32_MAX;
	assert_int_equal(site_request(&scene.a, &scene.b.addr[0], 1, "x", 1, MINUTE), 0);
	world_rest(&scene.world, 5);
	assert_true(scene.a.results.count > 0);
	assert_true(scene.a.agains > 0);
	close_scene(&scene);
}

static void
nobody_there_loses_datagrams_and_refuses_requests(void **state)
{
	struct scene scene;
	struct shoal_addr nobody = at("10.0.0.3:7946");

	(void)state;
	open_scene(&scene);
	assert_int_equal(site_send(&scene.a, &nobody, "x", 1), 0);
	assert_int_equal(site_stream(&scene.a, &nobody, "x", 1), 0);
	assert_int_equal(site_request(&scene.a, &nobody, 1, "x", 1, MINUTE), 0);
	assert_int_equal(scene.a.results.count, 0);
	UNTIL(&scene.world, scene.a.results.count == 1);
	assert_int_equal(last(&scene.a.results)->code, SHOAL_ERR_REFUSED);

	/* A request without time ends before its refusal is delivered, and another takes its place.
	 */
	scene.a.again = nobody;
	scene.a.agains = 20;
	assert_int_equal(site_request(&scene.a, &nobody, 2, "x", 1, 0), 0);
	UNTIL(&scene.world, scene.a.results.count == 22);
	world_rest(&scene.world, 1);
	assert_int_equal(scene.a.results.count, 22);
	close_scene(&scene);
}

static void
an_unanswered_request_times_out_and_a_late_reply_finds_nobody(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	scene.b.echo = false;
	site_request(&scene.a, &scene.b.addr[0], 1, "x", 1, 500);
	UNTIL(&scene.world, scene.a.results.count == 1);
	assert_int_equal(last(&scene.a.results)->code, SHOAL_ERR_TIMEOUT);
	assert_int_equal(scene.b.requests.count, 1);
	assert_int_equal(site_reply(&scene.b, last(&scene.b.requests)->exchange, "", 0),
	        SHOAL_ERR_NOT_FOUND);
	assert_int_equal(site_reply(&scene.b, 999, "", 0), SHOAL_ERR_NOT_FOUND);

	/* A reply is given once, also before it is delivered. */
	site_request(&scene.a, &scene.b.addr[0], 2, "x", 1, MINUTE);
	UNTIL(&scene.world, scene.b.requests.count == 2);
	assert_int_equal(site_reply(&scene.b, last(&scene.b.requests)->exchange, "y", 1), 0);
	assert_int_equal(site_reply(&scene.b, last(&scene.b.requests)->exchange, "z", 1),
	        SHOAL_ERR_NOT_FOUND);
	UNTIL(&scene.world, scene.a.results.count == 2);
	assert_string_equal(last(&scene.a.results)->text, "y");
	close_scene(&scene);
}

static void
a_member_that_stops_closes_what_it_was_asked(void **state)
{
	struct scene scene;

	(void)state;
	open_scene(&scene);
	for (uint64_t i = 0; i < 10; i++) {
		site_request(&scene.a, &scene.b.addr[0], i, "x", 1, MINUTE);
	}
	scene.b.stop_at = 3; /* in its third call, with two answered */
	UNTIL(&scene.world, scene.a.results.count == 10);
	assert_int_equal(scene.b.requests.count, 3);
	assert_int_equal(scene.a.results.note[1].code, 0);
	for (size_t i = 2; i < 10; i++) {
		assert_int_equal(scene.a.results.note[i].code, SHOAL_ERR_CLOSED);
	}
	assert_int_equal(site_send(&scene.b, &scene.a.addr[0], "x", 1), SHOAL_ERR_STATE);

	/* It may start again; and what is under way to one that asks and stops is dropped. */
	assert_int_equal(site_start(&scene.b), 0);
	site_request(&scene.a, &scene.b.addr[0], 20, "x", 1, MINUTE);
	site_send(&scene.b, &scene.a.addr[0], "x", 1);
	site_stop(&scene.a);
	world_rest(&scene.world, 1);
	assert_int_equal(scene.a.results.count, 10);
	assert_int_equal(scene.b.requests.count, 3);
	close_scene(&scene);
}

static void
ports_are_picked_and_a_taken_one_is_named(void **state)
{
	struct scene scene;
	struct site c;

	(void)state;
	open_scene(&scene);
	make_site(&c, &scene.world, scene.net, "10.0.0.1:0");
	c.bind[1] = at("10.0.0.2:7946");
	c.env.binds = 2;
	assert_int_equal(site_start(&c), SHOAL_ERR_IN_USE);
	assert_string_equal(c.why,
	        "memory 10.0.0.2:7946: address already in use; choose another port "
	        "or stop the program that has it");
	c.bind[1] = at("[fd00::1]:0");
	assert_int_equal(site_start(&c), 0);
	assert_true(c.addr[0].port != scene.a.addr[0].port);
	site_send(&c, &scene.b.addr[0], "four", 4);
	UNTIL(&scene.world, scene.b.datagrams.count == 1);
	assert_true(shoal_addr_equal(&last(&scene.b.datagrams)->from, &c.addr[0]));
	site_send(&scene.b, &c.addr[1], "six", 3);
	UNTIL(&scene.world, c.datagrams.count == 1);
	site_close(&c);
	close_scene(&scene);
}

static void
queues_and_sizes_are_bounded(void **state)
{
	static uint8_t data[70000];
	struct scene scene;
	size_t taken = 0;
	int code;

	(void)state;
	world_open(&scene.world);
	assert_int_equal(shoal_memory_net_new(&scene.net, NULL), 0);
	make_site(&scene.a, &scene.world, scene.net, "10.0.0.1:0");
	make_site(&scene.b, &scene.world, scene.net, "10.0.0.2:7946");
	scene.a.env.stream_max = 65536;
	scene.b.env.stream_max = 65535;
	assert_int_equal(site_start(&scene.a), 0);
	assert_int_equal(site_start(&scene.b), 0);
	assert_int_equal(site_send(&scene.a, &scene.b.addr[0], data, 1401), SHOAL_ERR_TOO_BIG);
	assert_int_equal(site_stream(&scene.a, &scene.b.addr[0], data, 65537), SHOAL_ERR_TOO_BIG);
	assert_int_equal(site_request(&scene.a, &scene.b.addr[0], 1, data, 65537, MINUTE),
	        SHOAL_ERR_TOO_BIG);
	assert_int_equal(site_request(&scene.a, &scene.b.addr[0], 1, data, 65536, MINUTE), 0);
	UNTIL(&scene.world, scene.a.results.count == 1);
	assert_int_equal(
	        last(&scene.a.results)->code, SHOAL_ERR_CLOSED); /* above the limit there */
	assert_int_equal(scene.b.requests.count, 0);

	/* And so above the limit of who asked. */
	assert_int_equal(site_request(&scene.b, &scene.a.addr[0], 1, data, 1, MINUTE), 0);
	UNTIL(&scene.world, scene.a.requests.count == 1);
	uint64_t asked = last(&scene.a.requests)->exchange;
	assert_int_equal(site_reply(&scene.a, asked, data, 65537), SHOAL_ERR_TOO_BIG);
	assert_int_equal(site_reply(&scene.a, asked, data, 65536), 0);
	UNTIL(&scene.world, scene.b.results.count == 1);
	assert_int_equal(last(&scene.b.results)->code, SHOAL_ERR_CLOSED);

	while ((code = site_stream(&scene.a, &scene.b.addr[0], data, 60000)) == 0) {
		assert_true(++taken < 100);
	}
	assert_int_equal(code, SHOAL_ERR_LIMIT);
	assert_int_equal(
	        site_request(&scene.a, &scene.b.addr[0], 2, data, 60000, MINUTE), SHOAL_ERR_LIMIT);
	for (size_t i = 0; i < 100; i++) {
		assert_int_equal(site_send(&scene.a, &scene.b.addr[0], data, 1400), 0);
	}
	UNTIL(&scene.world,
	        scene.b.streams.count == taken && scene.b.counted[SHOAL_COUNTER_KERNEL_DROPS] > 0);
	world_rest(&scene.world, 1);
	assert_int_equal(
	        scene.b.datagrams.count + scene.b.counted[SHOAL_COUNTER_KERNEL_DROPS], 100);
	assert_int_equal(scene.a.results.count, 1);
	close_scene(&scene);
}

static void
members_of_a_net_share_one_loop(void **state)
{
	struct scene scene;
	struct world other;
	struct site c;

	(void)state;
	open_scene(&scene);
	world_open(&other);
	make_site(&c, &other, scene.net, "10.0.0.9:0");
	assert_int_equal(site_start(&c), SHOAL_ERR_INVALID);
	assert_non_null(strstr(c.why, "event_base"));
	c.env.connections_max = 0;
	assert_int_equal(site_start(&c), SHOAL_ERR_INVALID);
	assert_string_equal(c.why, "memory: connections_max is 0");
	site_close(&c);
	world_close(&other);
	close_scene(&scene);
}

static int
start_and_ask(const struct shoal_allocator *mem, void *arg)
{
	struct world *world = arg;
	struct shoal_memory_net *net = NULL;
	struct shoal_transport transport;
	struct site site;
	int code = shoal_memory_net_new(&net, mem);

	if (code == 0) {
		code = shoal_transport_memory(&transport, net);
	}
	if (code != 0) {
		shoal_memory_net_free(net);
		return code;
	}
	site_init(&site, world, transport, "10.0.0.1:0");
	site.echo = true;
	code = site_start(&site);
	if (code == 0) {
		code = site_send(&site, &site.addr[0], "x", 1);
	}
	if (code == 0) {
		code = site_request(&site, &site.addr[0], 1, "x", 1, MINUTE);
	}
	if (code == 0) {
		UNTIL(world, site.results.count == 1 || site.unanswered > 0);
		code = site.unanswered > 0 ? SHOAL_ERR_NOMEM : 0;
	}
	site_close(&site);
	shoal_memory_net_free(net);
	return code;
}

static void
every_allocation_may_fail(void **state)
{
	struct world world;

	(void)state;
	world_open(&world);
	assert_true(heap_fault_sweep_tolerant(start_and_ask, &world) >= 7);
	world_close(&world);
}

static void
start_and_ask_in(struct world *world)
{
	(void)start_and_ask(NULL, world);
}

static void
libevent_may_run_out_of_memory_too(void **state)
{
	(void)state;
	assert_true(world_sweep_libevent(start_and_ask_in) >= 3);
}

int
main(void)
{
	site_break_libevent();

	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(datagrams_and_messages_arrive_in_order_on_a_later_turn),
	        cmocka_unit_test(a_request_is_answered_by_others_and_by_itself),
	        cmocka_unit_test(two_that_answer_each_other_leave_the_timers_their_turn),
	        cmocka_unit_test(nobody_there_loses_datagrams_and_refuses_requests),
	        cmocka_unit_test(an_unanswered_request_times_out_and_a_late_reply_finds_nobody),
	        cmocka_unit_test(a_member_that_stops_closes_what_it_was_asked),
	        cmocka_unit_test(ports_are_picked_and_a_taken_one_is_named),
	        cmocka_unit_test(queues_and_sizes_are_bounded),
	        cmocka_unit_test(members_of_a_net_share_one_loop),
	        cmocka_unit_test(every_allocation_may_fail),
	        cmocka_unit_test(libevent_may_run_out_of_memory_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
