/* SPDX-License-Identifier: MIT */
/* Between core and transports, with memory transports behind a wrapper that refuses what it is told
 * to: datagrams that are too large for the path, and requests that cannot be taken. */
#include "unit.h"

#include <shoal/shoal.h>

#include <event2/event.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cluster/cluster.h"
#include "cluster/loop/fork.h"

struct wrapper {
	struct shoal_transport inner;
	struct shoal_transport_env env;
	bool small_path, full;
	unsigned sends, streams, requests, replies, flushes;
};

static int
start(void *self, const struct shoal_transport_env *env, char *why, size_t len)
{
	struct wrapper *wrapper = self;

	wrapper->env = *env;
	return wrapper->inner.ops->start(wrapper->inner.self, env, why, len);
}

static int
address(const void *self, size_t i, struct shoal_addr *addr)
{
	const struct wrapper *wrapper = self;

	return wrapper->inner.ops->address(wrapper->inner.self, i, addr);
}

static int
send_one(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct wrapper *wrapper = self;

	wrapper->sends++;
	if (wrapper->small_path) {
		return SHOAL_ERR_TOO_BIG;
	}
	return wrapper->inner.ops->send(wrapper->inner.self, to, data, len);
}

static int
stream(void *self, const struct shoal_addr *to, const uint8_t *data, size_t len)
{
	struct wrapper *wrapper = self;

	wrapper->streams++;
	return wrapper->inner.ops->stream(wrapper->inner.self, to, data, len);
}

static int
request(void *self, const struct shoal_addr *to, uint64_t exchange, const uint8_t *data, size_t len,
        uint64_t timeout_ns)
{
	struct wrapper *wrapper = self;

	wrapper->requests++;
	if (wrapper->full) {
		return SHOAL_ERR_LIMIT;
	}
	return wrapper->inner.ops->request(
	        wrapper->inner.self, to, exchange, data, len, timeout_ns);
}

static int
reply(void *self, uint64_t exchange, const uint8_t *data, size_t len)
{
	struct wrapper *wrapper = self;

	wrapper->replies++;
	return wrapper->inner.ops->reply(wrapper->inner.self, exchange, data, len);
}

static void
flush(void *self)
{
	((struct wrapper *)self)->flushes++;
}

static void
stop(void *self)
{
	struct wrapper *wrapper = self;

	wrapper->inner.ops->stop(wrapper->inner.self);
}

static void
release(void *self)
{
	struct wrapper *wrapper = self;

	wrapper->inner.ops->free(wrapper->inner.self);
}

static const struct shoal_transport_ops ops = {.abi = SHOAL_TRANSPORT_ABI,
        .caps = SHOAL_TRANSPORT_DATAGRAM | SHOAL_TRANSPORT_STREAM,
        .name = "wrapper",
        .start = start,
        .address = address,
        .send = send_one,
        .stream = stream,
        .request = request,
        .reply = reply,
        .flush = flush,
        .stop = stop,
        .free = release};

struct world {
	struct event_base *base;
	struct shoal_memory_net *net;
	struct wrapper wrapper[2];
	struct shoal_cluster *member[2];
};

static void
begin_with(struct world *world, size_t key_count, uint32_t accept_clear)
{
	static const struct shoal_key key = {32, {1}};
	static const char *const names[] = {"a", "b"};

	memset(world, 0, sizeof(*world));
	world->base = event_base_new();
	assert_int_equal(shoal_memory_net_new(&world->net, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct shoal_transport transport = {.ops = &ops, .self = &world->wrapper[i]};
		struct shoal_config config;

		assert_int_equal(shoal_transport_memory(&world->wrapper[i].inner, world->net), 0);
		shoal_config_init(&config);
		assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_LOCAL), 0);
		config.name = names[i];
		config.bind = "127.0.0.1:0";
		config.run = SHOAL_RUN_BASE;
		config.base = world->base;
		config.transports = &transport;
		config.transport_count = 1;
		config.keys = key_count > 0 ? &key : NULL;
		config.key_count = key_count;
		config.accept_clear = accept_clear;
		config.profile.probe_interval_ms = 20;
		config.profile.probe_timeout_ms = 10;
		assert_int_equal(shoal_cluster_new(&world->member[i], &config), 0);
		assert_int_equal(shoal_cluster_start(world->member[i]), 0);
	}
}

static void
begin(struct world *world)
{
	begin_with(world, 0, 0);
}

static void
end(struct world *world)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(shoal_cluster_free(world->member[i]), 0);
	}
	event_base_free(world->base);
	shoal_memory_net_free(world->net);
}

struct ended {
	unsigned calls;
	int code;
	char text[200];
};

static void
on_done(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct ended *ended = arg;

	(void)cluster;
	(void)reached;
	ended->calls++;
	ended->code = code;
	snprintf(ended->text, sizeof(ended->text), "%s", text);
}

static void
turn(struct world *world)
{
	const struct timeval step = {.tv_usec = 2000};

	event_base_loopexit(world->base, &step);
	event_base_dispatch(world->base);
}

static void
join(struct world *world, struct ended *ended)
{
	char address_text[SHOAL_ADDR_TEXT];
	const char *seed = address_text;

	memset(ended, 0, sizeof(*ended));
	assert_int_equal(
	        shoal_cluster_address(world->member[0], address_text, sizeof(address_text)), 0);
	assert_int_equal(
	        shoal_cluster_join_async(world->member[1], &seed, 1, 5000, on_done, ended), 0);
	for (unsigned i = 0; ended->calls == 0; i++) {
		assert_true(i < 5000);
		turn(world);
	}
	assert_int_equal(ended->calls, 1);
}

static uint64_t
acks(struct shoal_cluster *cluster)
{
	struct shoal_counters counters;

	shoal_cluster_counters(cluster, &counters);
	return counters.value[SHOAL_COUNTER_PROBES_ACKED];
}

static void
expect_datagrams_by_stream(size_t keys)
{
	struct ended ended;
	struct world world;

	begin_with(&world, keys, 0);
	world.wrapper[0].small_path = world.wrapper[1].small_path = true;
	join(&world, &ended);
	assert_int_equal(ended.code, 0);
	for (unsigned i = 0; acks(world.member[0]) < 3 || acks(world.member[1]) < 3; i++) {
		assert_true(i < 5000);
		turn(&world);
	}
	assert_true(world.wrapper[0].streams >= world.wrapper[0].sends);
	assert_true(world.wrapper[0].sends > 0);
	for (int i = 0; i < 2; i++) {
		struct shoal_counters counters;
		shoal_cluster_counters(world.member[i], &counters);
		assert_int_equal(counters.value[SHOAL_COUNTER_DROP_AUTH], 0);
	}
	end(&world);
}

static void
a_datagram_that_is_too_large_for_the_path_goes_by_stream(void **state)
{
	(void)state;
	expect_datagrams_by_stream(0);
}

static void
and_is_sealed_anew_for_it(void **state)
{
	(void)state;
	expect_datagrams_by_stream(1);
}

static void
a_request_that_no_transport_takes_ends_on_a_later_turn(void **state)
{
	struct ended ended;
	struct world world;

	(void)state;
	begin(&world);
	world.wrapper[1].full = true;
	join(&world, &ended);
	assert_int_equal(ended.code, SHOAL_ERR_NO_SEED);
	assert_non_null(strstr(ended.text, shoal_strerror(SHOAL_ERR_LIMIT)));
	assert_true(world.wrapper[1].requests > 0);
	world.wrapper[1].full = false;
	join(&world, &ended);
	assert_int_equal(ended.code, 0);
	end(&world);
}

static void
what_was_sent_is_flushed(void **state)
{
	struct ended ended;
	struct world world;

	(void)state;
	begin(&world);
	join(&world, &ended);
	assert_true(world.wrapper[0].flushes > 0);
	assert_true(world.wrapper[1].flushes > 0);
	end(&world);
}

static void
counters_of_core_and_transports_are_told_together(void **state)
{
	static struct shoal_histograms histograms;
	struct shoal_counters counters;
	struct ended ended;
	struct world world;

	(void)state;
	begin(&world);
	join(&world, &ended);
	shoal_cluster_counters(world.member[0], &counters);
	assert_int_equal(counters.value[SHOAL_COUNTER_JOINS_SERVED], 1);
	assert_true(counters.value[SHOAL_COUNTER_STREAMS_IN] >= 1);
	assert_true(counters.value[SHOAL_COUNTER_BYTES_IN] > 0);
	assert_true(counters.value[SHOAL_COUNTER_LOOP_TURNS] > 0);
	/* A program that knows fewer counters gets those, and no more bytes than it has. */
	struct {
		uint64_t value[SHOAL_COUNTER_LOOP_TURNS + 1], behind;
	} older = {.behind = 7};
	struct {
		struct shoal_counters known;
		uint64_t later[3];
	} newer;
	shoal_cluster_counters_sized(
	        world.member[0], (struct shoal_counters *)(void *)&older, sizeof(older.value));
	assert_true(older.value[SHOAL_COUNTER_LOOP_TURNS] > 0);
	assert_int_equal(older.behind, 7);
	memset(&newer, 0xff, sizeof(newer));
	shoal_cluster_counters_sized(world.member[0], &newer.known, sizeof(newer));
	assert_int_equal(newer.known.value[SHOAL_COUNTER_JOINS_SERVED], 1);
	assert_int_equal(newer.later[0] | newer.later[1] | newer.later[2], 0);
	for (unsigned i = 0; histograms.item[SHOAL_HISTOGRAM_PACKET_FILL].count == 0; i++) {
		assert_true(i < 5000);
		turn(&world);
		shoal_cluster_histograms(world.member[0], &histograms);
	}
	struct shoal_histogram first[2];
	first[1].count = 7;
	shoal_cluster_histograms_sized(
	        world.member[0], (struct shoal_histograms *)(void *)first, sizeof(first[0]));
	assert_true(first[0].count <= histograms.item[0].count);
	assert_int_equal(first[1].count, 7);
	end(&world);
}

static void
what_happened_to_a_member_is_kept_with_its_cause(void **state)
{
	struct shoal_history *history;
	struct shoal_member *other;
	struct shoal_id id;
	struct ended ended;
	struct world world;

	(void)state;
	begin(&world);
	join(&world, &ended);
	other = shoal_cluster_self(world.member[0]);
	id = *shoal_member_id(other);
	shoal_member_unref(other);
	history = shoal_why(world.member[1], &id);
	assert_int_equal(shoal_history_count(history), 1);
	assert_int_equal(shoal_history_at(history, 0)->kind, SHOAL_EVENT_JOIN);
	assert_int_equal(shoal_history_at(history, 0)->cause.kind, SHOAL_CAUSE_JOIN);
	assert_string_equal(shoal_history_at(history, 0)->name, "a");
	shoal_history_free(history);
	history = shoal_why_all(world.member[1]);
	assert_int_equal(shoal_history_count(history), 1);
	shoal_history_free(history);
	end(&world);
}

/* What a transport of member 0 says came on a stream from nowhere. */
static enum shoal_transport_verdict
come(struct world *world, const char *data, size_t len)
{
	const struct shoal_transport_host *host = &world->wrapper[0].env.host;
	const struct shoal_addr from = {.ip = {[10] = 0xff, 0xff, 127, 0, 0, 1}, .port = 9};

	return host->request(host->arg, &from, 77, (const uint8_t *)data, len);
}

static void
what_is_no_packet_of_the_cluster_closes_its_connection(void **state)
{
	static const char clear[] = {(char)0xc1, 0, 0, 0, 0, 0, 0};
	struct world world;

	(void)state;
	for (size_t keys = 0; keys < 2; keys++) {
		for (uint32_t accepts = 0; accepts <= 2 * keys; accepts++) {
			begin_with(&world, keys, accepts);
			const struct shoal_transport_env *env = &world.wrapper[0].env;
			assert_int_equal(
			        env->first_max, keys > 0 && accepts == 0 ? 65536 : env->stream_max);
			assert_int_equal(come(&world, "", 0), SHOAL_TRANSPORT_REFUSED);
			assert_int_equal(
			        come(&world, clear, sizeof(clear)), SHOAL_TRANSPORT_REFUSED);
			assert_int_equal(come(&world, "\200\1\0", 3), SHOAL_TRANSPORT_REFUSED);
			end(&world);
		}
	}
}

/* Above a number stands the place of its transport: one that reaches there would be answered by
 * another. */
static void
a_number_that_is_too_high_is_refused(void **state)
{
	static const char clear[] = {(char)0xc1, 0, 0, 0, 0, 0, 0};
	struct shoal_addr from = {.port = 7};
	uint64_t number = UINT64_C(1) << 62;
	struct world world;

	(void)state;
	begin_with(&world, 0, 0);
	const struct shoal_transport_host *host = &world.wrapper[0].env.host;
	uint64_t before = world.member[0]->extra.value[SHOAL_COUNTER_DROP_EXCESS];
	assert_int_equal(
	        host->request(host->arg, &from, number, (const uint8_t *)clear, sizeof(clear)),
	        SHOAL_TRANSPORT_REFUSED);
	assert_int_equal(
	        host->watched(host->arg, &from, number, (const uint8_t *)clear, sizeof(clear)),
	        SHOAL_TRANSPORT_REFUSED);
	assert_int_equal(world.member[0]->extra.value[SHOAL_COUNTER_DROP_EXCESS], before + 2);
	end(&world);
}

/* Whatever a transport of its own tells a member in a child of fork: it would be sealed under the
 * counters of the parent. */
static void
a_child_seals_and_sends_nothing(void **state)
{
	static const char clear[] = {(char)0xc1, 0, 0, 0, 0, 0, 0};
	struct world world;
	int status;

	(void)state;
	begin_with(&world, 1, 0);
	const struct wrapper *wrapper = &world.wrapper[0];
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int came = (int)come(&world, clear, sizeof(clear));
		wrapper->env.host.batch_end(wrapper->env.host.arg);
		_exit(came == SHOAL_TRANSPORT_REFUSED || wrapper->replies > 0 ||
		        wrapper->flushes > 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	/* The parent answers. */
	assert_int_equal(come(&world, clear, sizeof(clear)), SHOAL_TRANSPORT_REFUSED);
	assert_int_equal(wrapper->replies, 1);
	end(&world);
}

/* A seed chooses what is drawn, and never the salt: two runs of one seed would seal different
 * packets under one nonce. */
static void
two_runs_with_one_seed_have_two_salts(void **state)
{
	struct shoal_salt salt[2];
	struct event_base *base = event_base_new();

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct shoal_config config;
		struct shoal_cluster *cluster;
		struct shoal_core_member self;

		shoal_config_init(&config);
		config.name = "a";
		config.bind = "127.0.0.1:0";
		config.seed = 7;
		config.run = SHOAL_RUN_BASE;
		config.base = base;
		assert_int_equal(shoal_cluster_new(&cluster, &config), 0);
		assert_int_equal(shoal_cluster_start(cluster), 0);
		assert_true(shoal_core_member(cluster->core, 0, &self));
		assert_true(self.self);
		salt[i] = self.salt;
		assert_int_equal(shoal_cluster_free(cluster), 0);
	}
	event_base_free(base);
	assert_memory_not_equal(salt[0].bytes, salt[1].bytes, 8);
	assert_memory_not_equal(salt[0].bytes + 8, salt[1].bytes + 8, 8);
}

/* As where the child is the first process of a PID namespace, as its parent was of another. */
static void
nor_does_one_that_has_the_number_of_its_parent(void **state)
{
	struct world world;
	int status;

	(void)state;
	begin_with(&world, 1, 0);
	assert_false(shoal_fork_is_child(world.member[0]));
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		world.member[0]->owner = getpid();
		_exit(!shoal_fork_is_child(world.member[0]));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_false(shoal_fork_is_child(world.member[0]));
	end(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_datagram_that_is_too_large_for_the_path_goes_by_stream),
	        cmocka_unit_test(and_is_sealed_anew_for_it),
	        cmocka_unit_test(a_request_that_no_transport_takes_ends_on_a_later_turn),
	        cmocka_unit_test(what_was_sent_is_flushed),
	        cmocka_unit_test(counters_of_core_and_transports_are_told_together),
	        cmocka_unit_test(what_happened_to_a_member_is_kept_with_its_cause),
	        cmocka_unit_test(what_is_no_packet_of_the_cluster_closes_its_connection),
	        cmocka_unit_test(a_number_that_is_too_high_is_refused),
	        cmocka_unit_test(a_child_seals_and_sends_nothing),
	        cmocka_unit_test(two_runs_with_one_seed_have_two_salts),
	        cmocka_unit_test(nor_does_one_that_has_the_number_of_its_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
