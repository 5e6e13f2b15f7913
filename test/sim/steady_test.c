/* SPDX-License-Identifier: MIT */
/* The steady path allocates nothing, and looks at few members.
 *
 * Cores on a network of this file's own, in memory that is all taken beforehand: after a warm-up, a
 * minute with loss, members that stop, are suspected and refute, table exchanges and probes must
 * pass without one call of malloc, calloc, realloc or mmap in the whole process (under the address
 * sanitizer, which has them for itself: without one call of the allocator that the cores were
 * given); with AES-GCM, too, as long as no more speak than contexts are kept for. And whatever
 * comes in, a core visits a number of members that does not grow with how many it knows, but for
 * tables, which hold all of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <shoal/codec.h>
#include <shoal/core.h>

#include "base/heap.h"
#include "base/rng.h"
#include "core/node.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODES   250 /* at most; the minute without allocations has 64 */
#define FLIGHTS 4096
#define SLOT    32768
/* A packet holds some forty statements at most, and each is looked up a few times. For a member
 * that may not be dialled three neighbours in the ring are looked for: a leaf of the tree each. */
#define VISITS_MOST 400
/* No datagram is so large: a table. */
#define TABLE_LEAST 1401
#define WALL        SHOAL_SEC(1700000000)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INTERPOSED 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INTERPOSED 0
#endif
#endif
#ifndef INTERPOSED
#define INTERPOSED 1
#endif

static struct {
	size_t core;    /* calls of the allocator of the cores */
	size_t process; /* calls of malloc and its like */
} calls;

#if INTERPOSED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *ptr, size_t size);

void *
malloc(size_t size)
{
	calls.process++;
	return __libc_malloc(size);
}

void *
calloc(size_t n, size_t size)
{
	calls.process++;
	return __libc_calloc(n, size);
}

void *
realloc(void *ptr, size_t size)
{
	calls.process++;
	return __libc_realloc(ptr, size);
}

void *
mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	calls.process++;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel gives an address as a number */
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, offset);
}
#endif

struct flight {
	struct shoal_timer timer;
	uint32_t next_free;
	uint32_t to;
	struct shoal_input input;
	uint8_t data[SLOT];
};

struct node {
	struct shoal_core *core;
	struct shoal_addr addr;
	struct shoal_timer timer;
	uint64_t stalled_until;
	size_t suspected, revived; /* events that it told */
};

/* A request is known to the server by {client, number of the client}. */
struct exchange {
	uint32_t client;
	uint64_t theirs;
};

#define EXCHANGES 4096

static struct net {
	struct shoal_heap heap;
	struct shoal_rng rng;
	struct shoal_allocator heap_mem, core_mem;
	uint64_t now;
	uint32_t loss_ppm, free_head, nodes;
	bool sealed;
	struct node node[NODES];
	struct exchange exchange[EXCHANGES];
	uint64_t exchanges;
	size_t inputs;
	uint64_t visited[SHOAL_INPUT_CLOSED + 1]; /* by the kind of an input: the most */
} net;

static struct flight flights[FLIGHTS];

static void *
count_malloc(size_t size, void *arg)
{
	(void)arg;
	calls.core++;
	return malloc(size);
}

static void *
count_realloc(void *ptr, size_t size, void *arg)
{
	(void)arg;
	calls.core++;
	return realloc(ptr, size);
}

static void
count_free(void *ptr, void *arg)
{
	(void)arg;
	free(ptr);
}

static void
begin_net(void)
{
	memset(&net, 0, sizeof net);
	net.now = SHOAL_SEC(100);
	net.core_mem = (struct shoal_allocator){count_malloc, count_realloc, count_free, NULL};
	net.heap_mem = net.core_mem;
	shoal_rng_init(&net.rng, 11, 1);
	shoal_heap_init(&net.heap, &net.heap_mem);
	assert_int_equal(shoal_heap_reserve(&net.heap, FLIGHTS + NODES), 0);
	for (uint32_t i = 0; i < FLIGHTS; i++) {
		flights[i].next_free = i + 1;
		flights[i].timer = (struct shoal_timer){0};
	}
}

static void
end_net(void)
{
	for (uint32_t i = 0; i < net.nodes; i++) {
		shoal_core_free(net.node[i].core);
	}
	shoal_heap_done(&net.heap);
}

static void
add_node(void)
{
	static const struct shoal_key key = {32, {1, 2, 3}};
	struct node *node = &net.node[net.nodes];
	struct shoal_core_config config;
	char name[16], why[128] = "";

	shoal_core_config_init(&config);
	snprintf(name, sizeof name, "steady-%u", net.nodes);
	config.seed = net.nodes + 1;
	config.salt.bytes[0] = (uint8_t)(net.nodes + 1);
	config.mono_ns = net.now;
	config.wall_ns = WALL + net.now;
	config.name = name;
	config.log_level = SHOAL_LOG_ERROR;
	config.allocator = &net.core_mem;
	config.profile.watchers = 0; /* this network has no links */
	config.addr[0].ip[10] = config.addr[0].ip[11] = 0xff;
	config.addr[0].ip[12] = 10;
	config.addr[0].ip[15] = (uint8_t)(net.nodes + 1);
	config.addr[0].port = 7946;
	config.addrs = 1;
	if (net.sealed) {
		config.cipher = shoal_cipher_aes_gcm();
		config.key = &key;
		config.key_count = 1;
	}
	assert_int_equal(shoal_core_new(&node->core, &config, why, sizeof why), 0);
	node->addr = config.addr[0];
	node->timer.kind = 1;
	node->timer.slot = net.nodes++;
	shoal_heap_arm(&net.heap, &node->timer, net.now);
}

/* NOBODY on a network that knows only its own nodes cannot happen. */
static uint32_t
node_at(const struct shoal_addr *addr)
{
	uint32_t number = addr->ip[15] - 1u;

	assert_true(number < net.nodes && shoal_addr_equal(addr, &net.node[number].addr));
	return number;
}

static void
fly(uint32_t from, uint32_t to, struct shoal_input input)
{
	uint32_t number = net.free_head;
	struct flight *flight;

	assert_true(number < FLIGHTS && input.len <= SLOT);
	flight = &flights[number];
	net.free_head = flight->next_free;
	flight->to = to;
	flight->input = input;
	flight->input.from = net.node[from].addr;
	if (input.len > 0) {
		memcpy(flight->data, input.data, input.len);
	}
	flight->input.data = flight->data;
	flight->timer.kind = 2;
	flight->timer.slot = number;
	shoal_heap_arm(&net.heap, &flight->timer,
	        net.now + shoal_rng_between(&net.rng, SHOAL_US(300), SHOAL_MS(2)));
}

static void
carry(uint32_t from, const struct shoal_send *send)
{
	struct shoal_input input = {.data = send->data, .len = send->len};
	struct exchange *exchange;

	switch (send->kind) {
	case SHOAL_SEND_DATAGRAM:
		input.kind = SHOAL_INPUT_DATAGRAM;
		if (shoal_rng_below(&net.rng, 1000000) >= net.loss_ppm) {
			fly(from, node_at(&send->to), input);
		}
		break;
	case SHOAL_SEND_STREAM:
		input.kind = SHOAL_INPUT_STREAM;
		fly(from, node_at(&send->to), input);
		break;
	case SHOAL_SEND_REQUEST:
		input.kind = SHOAL_INPUT_REQUEST;
		input.exchange = ++net.exchanges;
		exchange = &net.exchange[input.exchange % EXCHANGES];
		*exchange = (struct exchange){from, send->exchange};
		fly(from, node_at(&send->to), input);
		break;
	case SHOAL_SEND_REPLY:
		exchange = &net.exchange[send->exchange % EXCHANGES];
		input.kind = SHOAL_INPUT_RESULT;
		input.exchange = exchange->theirs;
		fly(from, exchange->client, input);
		break;
	default:
		fail_msg("a link on a network without links");
	}
}

static void
step(uint32_t number, struct shoal_input input)
{
	struct node *node = &net.node[number];
	struct shoal_send send;
	struct shoal_event event;
	struct shoal_log_record record;
	bool table = false;

	input.mono_ns = net.now;
	input.wall_ns = WALL + net.now;
	net.inputs++;
	uint64_t visited = node->core->visited;
	int rc = shoal_core_step(node->core, &input);
	/* A seed that was asked for its salt. */
	assert_true(rc == 0 || (net.sealed && rc == SHOAL_ERR_MISDIRECTED));
	while (shoal_core_next_send(node->core, &send)) {
		table = table || send.len > TABLE_LEAST;
		carry(number, &send);
	}
	while (shoal_core_next_event(node->core, &event)) {
		node->suspected += event.kind == SHOAL_EVENT_SUSPECT;
		node->revived +=
		        event.kind == SHOAL_EVENT_ALIVE && event.was == SHOAL_STATE_SUSPECT;
		assert_int_not_equal(event.kind, SHOAL_EVENT_FAILED);
	}
	while (shoal_core_next_log(node->core, &record)) {
	}
	shoal_heap_arm(&net.heap, &node->timer, shoal_core_deadline(node->core));
	visited = node->core->visited - visited;
	if (!table && visited > net.visited[input.kind]) {
		net.visited[input.kind] = visited;
	}
}

/* A stalled node takes nothing until it runs again, and then what came first. */
static void
on_timer(struct shoal_timer *timer)
{
	uint32_t number = timer->kind == 1 ? timer->slot : flights[timer->slot].to;
	uint64_t until = net.node[number].stalled_until;

	if (until > net.now) {
		shoal_heap_arm(&net.heap, timer, until + (timer->kind == 1));
	} else if (timer->kind == 1) {
		step(number, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	} else {
		step(number, flights[timer->slot].input);
		flights[timer->slot].next_free = net.free_head;
		net.free_head = timer->slot;
	}
}

static void
run_for(uint64_t ns)
{
	uint64_t until = net.now + ns;
	struct shoal_timer *timer;

	while (shoal_heap_next(&net.heap) <= until) {
		net.now =
		        shoal_heap_next(&net.heap) > net.now ? shoal_heap_next(&net.heap) : net.now;
		timer = shoal_heap_expire(&net.heap, net.now);
		on_timer(timer);
	}
	net.now = until;
}

static size_t
alive_at(uint32_t number)
{
	return shoal_core_count(net.node[number].core, SHOAL_STATE_ALIVE);
}

static void
join_all(uint32_t nodes)
{
	for (uint32_t i = 0; i < nodes; i++) {
		add_node();
		if (i > 0) {
			step(i, (struct shoal_input){
			                .kind = SHOAL_INPUT_JOIN, .from = net.node[0].addr});
		}
		run_for(SHOAL_MS(5));
	}
	run_for(SHOAL_SEC(10));
	for (uint32_t i = 0; i < nodes; i++) {
		assert_int_equal(alive_at(i), nodes);
	}
}

/* Long enough to be suspected by several, too short to be found dead. */
static void
stop_for_a_while(uint32_t number)
{
	net.node[number].stalled_until = net.now + SHOAL_SEC(5);
	run_for(SHOAL_SEC(15));
}

/* Of so many nodes, a third of which stop for a while before it. */
static void
pass_a_minute(uint32_t nodes)
{
	size_t suspected = 0, revived = 0;

	join_all(nodes);
	net.loss_ppm = 10000;
	/* A context is made for each two when they first talk on a stream, which is seldom. */
	run_for(net.sealed ? SHOAL_SEC(7200) : SHOAL_SEC(60));
	for (uint32_t number = nodes / 3; number < nodes / 2; number++) {
		stop_for_a_while(number);
	}
	run_for(SHOAL_SEC(60));
	for (uint32_t i = 0; i < net.nodes; i++) {
		net.node[i].suspected = net.node[i].revived = 0;
	}
	calls.core = calls.process = 0;
	net.inputs = 0;

	run_for(SHOAL_SEC(20));
	for (uint32_t number = 7; number < 11; number++) {
		stop_for_a_while(number);
	}

	size_t of_cores = calls.core, of_process = calls.process;
	for (uint32_t i = 0; i < net.nodes; i++) {
		suspected += net.node[i].suspected;
		revived += net.node[i].revived;
	}
	assert_true(net.inputs > nodes * 150);
	assert_true(suspected > 0);
	assert_int_equal(suspected, revived);
	assert_int_equal(of_cores, 0);
	if (INTERPOSED) {
		assert_int_equal(of_process, 0);
	}
	end_net();
}

static void
a_warm_cluster_allocates_nothing(void **state)
{
	(void)state;
	begin_net();
	pass_a_minute(64);
}

static void
a_warm_cluster_that_seals_allocates_nothing(void **state)
{
	(void)state;
	if (shoal_cipher_aes_gcm() == NULL) {
		skip();
	}
	begin_net();
	net.sealed = true;
	pass_a_minute(SHOAL_KEYRING_WARM / 3);
}

/* The most that one datagram and one timer looked at, among so many members, in a minute with loss
 * and a member that stops. */
static void
measure_visits(uint32_t nodes, uint64_t *datagram, uint64_t *timer)
{
	begin_net();
	join_all(nodes);
	run_for(SHOAL_SEC(20));
	net.loss_ppm = 10000;
	memset(net.visited, 0, sizeof net.visited);
	stop_for_a_while(3);
	run_for(SHOAL_SEC(45));
	*datagram = net.visited[SHOAL_INPUT_DATAGRAM];
	*timer = net.visited[SHOAL_INPUT_TIMER];
	end_net();
}

static void
an_input_looks_at_few_members_however_many_there_are(void **state)
{
	uint64_t datagram[2], timer[2];

	(void)state;
	measure_visits(25, &datagram[0], &timer[0]);
	measure_visits(250, &datagram[1], &timer[1]);
	print_message("members visited at most, of 25 and of 250: by a datagram %u and %u, by a "
	              "timer %u and %u\n",
	        (unsigned)datagram[0], (unsigned)datagram[1], (unsigned)timer[0],
	        (unsigned)timer[1]);
	assert_in_range(datagram[1], 1, VISITS_MOST);
	assert_in_range(timer[1], 1, VISITS_MOST);
}

/* The counting works: a join allocates. */
static void
a_newcomer_is_seen_to_allocate(void **state)
{
	(void)state;
	begin_net();
	join_all(2);
	calls.core = calls.process = 0;
	add_node();
	assert_true(calls.core > 0);
	if (INTERPOSED) {
		assert_true(calls.process >= calls.core);
	}
	end_net();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_warm_cluster_allocates_nothing),
	        cmocka_unit_test(a_warm_cluster_that_seals_allocates_nothing),
	        cmocka_unit_test(an_input_looks_at_few_members_however_many_there_are),
	        cmocka_unit_test(a_newcomer_is_seen_to_allocate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
