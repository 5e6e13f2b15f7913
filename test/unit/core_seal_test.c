/* SPDX-License-Identifier: MIT */
/* Members that seal do what others do; keys are exchanged, and a cluster begins to seal, while it
 * lives. */
#include "core_sealed.h"

#include "core/node.h"

static void
members_with_the_key_join_and_live_as_others_do(void **state)
{
	struct core_world world;
	size_t datagrams = 0;

	(void)state;
	form(&world, 5);
	world_run(&world, SHOAL_SEC(60));
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(shoal_core_count(world_core(&world, i), SHOAL_STATE_ALIVE), 5);
		assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_SUSPICIONS), 0);
		assert_true(world_counter(&world, i, SHOAL_COUNTER_PROBES_ACKED) > 50);
		/* The first word to a seed was for nobody in particular. */
		assert_true(dropped(&world, i) ==
		            world_counter(&world, i, SHOAL_COUNTER_DROP_REDIRECTED));
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_REDIRECTED), 4);
	for (const struct world_packet *packet = world.sent; packet; packet = packet->next) {
		assert_true((packet->data[1] & SHOAL_PACKET_SEALED) != 0);
		datagrams += packet->kind == SHOAL_SEND_DATAGRAM;
		if (packet->kind == SHOAL_SEND_DATAGRAM) {
			assert_true(packet->len <= 1400);
		}
	}
	assert_true(datagrams > 500);
	world_done(&world);
}

static void
one_that_ends_is_found_dead_and_one_that_leaves_has_left(void **state)
{
	struct core_world world;

	(void)state;
	form(&world, 4);
	world_step(&world, 3, (struct shoal_input){.kind = SHOAL_INPUT_LEAVE});
	world_run(&world, SHOAL_SEC(2));
	struct shoal_id left = world_id(&world, 3), gone = world_id(&world, 2);
	assert_int_equal(world_state(&world, 0, &left), SHOAL_STATE_LEFT);
	world.node[2].up = false;
	world_run(&world, SHOAL_SEC(60));
	assert_int_equal(world_state(&world, 0, &gone), SHOAL_STATE_DEAD);
	assert_int_equal(world_state(&world, 1, &gone), SHOAL_STATE_DEAD);
	world_done(&world);
}

static void
without_the_key_nobody_joins_and_is_told_why_at_once(void **state)
{
	struct core_world world;

	(void)state;
	form(&world, 2);
	size_t other = add(&world, 1), none = world_add(&world, NULL);
	uint64_t before = world.now;
	assert_int_equal(join_code(&world, other), SHOAL_ERR_KEY);
	assert_int_equal(join_code(&world, none), SHOAL_ERR_CLEAR);
	assert_true(world.now - before < SHOAL_MS(100));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_SEALED), 1);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CLEAR), 1);
	/* One with a key to one without. */
	assert_int_equal(world_join(&world, 1, none), SHOAL_OK);
	const struct shoal_event *event = world_await(&world, 1, SHOAL_EVENT_JOINED, SHOAL_SEC(30));
	assert_true(event != NULL);
	world_run(&world, SHOAL_SEC(30));
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 2);
	assert_int_equal(shoal_core_count(world_core(&world, other), SHOAL_STATE_ALIVE), 1);
	assert_int_equal(shoal_core_count(world_core(&world, none), SHOAL_STATE_ALIVE), 1);
	world_done(&world);
}

static void
dispose(struct core_world *world, size_t node)
{
	shoal_core_free(world->node[node].core);
	world->node[node].core = NULL;
}

/* Without a seed: the others still seal for the instance before, and are told. */
static void
a_member_that_restarts_is_known_again_from_the_first_packet_to_it(void **state)
{
	struct core_world world, before;
	struct shoal_core_config config;

	(void)state;
	form(&world, 3);
	struct world_packet old = overheard(&world, 1, 2);
	before = world;
	before.nodes = 2;
	sealed_config(&before, &config, 0);
	config.salt.bytes[3] = 77;
	config.wall_ns += SHOAL_SEC(1);
	dispose(&world, 2);
	assert_int_equal(shoal_core_new(&world.node[2].core, &config, NULL, 0), SHOAL_OK);
	world_clear(&world);
	world_run(&world, SHOAL_SEC(20));
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(shoal_core_count(world_core(&world, i), SHOAL_STATE_ALIVE), 3);
	}
	struct shoal_id id = world_id(&world, 2);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
	assert_int_equal(world_state(&world, 1, &id), SHOAL_STATE_ALIVE);
	/* What was meant for the instance before is nothing to this one. */
	int rc = world_step(&world, 2,
	        (struct shoal_input){.kind = SHOAL_INPUT_DATAGRAM,
	                .from = world.node[1].addr,
	                .data = old.data,
	                .len = old.len});
	assert_true(rc == SHOAL_ERR_MISDIRECTED || rc == SHOAL_ERR_REPLAYED);
	free(old.data);
	world_done(&world);
}

static void
a_key_is_exchanged_on_live_members(void **state)
{
	struct core_world world;
	struct shoal_key_info info;
	uint64_t print[2];

	(void)state;
	form(&world, 3);
	assert_true(shoal_core_key(world_core(&world, 0), 0, &info));
	print[0] = info.print;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(
		        shoal_core_key_install(world_core(&world, i), &keys[1], &print[1]), 0);
		world_run(&world, SHOAL_SEC(1));
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(shoal_core_key_use(world_core(&world, i), print[1]), 0);
		world_run(&world, SHOAL_SEC(1));
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(shoal_core_key_remove(world_core(&world, i), print[0]), 0);
		assert_int_equal(
		        shoal_core_key_remove(world_core(&world, i), print[1]), SHOAL_ERR_STATE);
		world_run(&world, SHOAL_SEC(5));
	}
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(shoal_core_count(world_core(&world, i), SHOAL_STATE_ALIVE), 3);
		assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_SUSPICIONS), 0);
		assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_DROP_SEALED), 0);
		assert_true(shoal_core_key(world_core(&world, i), 0, &info));
		assert_true(info.print == print[1] && info.in_use && info.len == 16);
		assert_false(shoal_core_key(world_core(&world, i), 1, &info));
	}
	world_done(&world);
}

static void
a_core_without_a_cipher_has_no_keys(void **state)
{
	struct core_world world;
	struct shoal_key_info info;
	uint64_t print;

	(void)state;
	world_init(&world);
	struct shoal_core *core = world_core(&world, world_add(&world, NULL));
	assert_int_equal(shoal_core_key_install(core, &keys[0], &print), SHOAL_ERR_UNSUPPORTED);
	assert_int_equal(shoal_core_key_use(core, 1), SHOAL_ERR_UNSUPPORTED);
	assert_int_equal(shoal_core_key_remove(core, 1), SHOAL_ERR_UNSUPPORTED);
	assert_false(shoal_core_key(core, 0, &info));
	world_done(&world);
}

/* Clear, then reading both, then sealing and reading both, then sealed: each lives with the next.
 */
static void
a_cluster_begins_to_seal_step_by_step(void **state)
{
	(void)state;
	for (uint32_t step = 0; step < 3; step++) {
		struct core_world world;
		world_init(&world);
		world.latency = SHOAL_MS(1);
		if (step == 0) {
			world_add(&world, NULL);
		} else {
			add_accepting(&world, 3 - step);
		}
		size_t next = add_accepting(&world, 2 - step);
		assert_int_equal(join_code(&world, next), SHOAL_OK);
		world_run(&world, SHOAL_SEC(30));
		for (size_t i = 0; i < 2; i++) {
			assert_int_equal(
			        shoal_core_count(world_core(&world, i), SHOAL_STATE_ALIVE), 2);
			assert_int_equal(world_counter(&world, i, SHOAL_COUNTER_SUSPICIONS), 0);
		}
		world_done(&world);
	}
}

static void
one_without_the_label_is_refused_also_while_a_cluster_begins_to_seal(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	for (uint32_t i = 0; i < 3; i++) {
		sealed_config(&world, &config, 0);
		config.accept_clear = i;
		config.label = i == 1 ? "prod" : NULL;
		world_add(&world, &config);
	}
	for (size_t i = 0; i < 3; i += 2) {
		assert_int_equal(world_join(&world, i, 1), SHOAL_OK);
		const struct shoal_event *event =
		        world_await(&world, i, SHOAL_EVENT_JOINED, SHOAL_SEC(30));
		assert_non_null(event);
		/* Who takes only what is sealed does not believe it, and is told. */
		assert_int_equal(event->code, i == 0 ? SHOAL_ERR_CLEAR : SHOAL_ERR_LABEL);
		assert_true(i != 0 || strstr(event->cause.detail, "label") != NULL);
	}
	assert_int_equal(shoal_core_count(world_core(&world, 1), SHOAL_STATE_ALIVE), 1);
	world_done(&world);
}

/* A first member of a cluster that begins to seal, which came too late for it. */
static void
one_that_seals_nothing_is_told_so_by_who_takes_only_what_is_sealed(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	add(&world, 0);
	add_accepting(&world, 2);
	assert_int_equal(join_code(&world, 1), SHOAL_ERR_CLEAR);
	world_done(&world);
}

/* Without a seed: the other one seals for the instance before, and is told in clear. */
static void
a_member_that_does_not_seal_yet_is_known_again_when_it_restarts(void **state)
{
	struct core_world world, before;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	for (uint32_t i = 1; i <= 2; i++) {
		add_accepting(&world, i);
	}
	assert_int_equal(join_code(&world, 1), SHOAL_OK);
	world_run(&world, SHOAL_SEC(2));
	before = world;
	before.nodes = 1;
	sealed_config(&before, &config, 0);
	config.accept_clear = 2;
	config.salt.bytes[3] = 77;
	config.wall_ns += SHOAL_SEC(1);
	dispose(&world, 1);
	assert_int_equal(shoal_core_new(&world.node[1].core, &config, NULL, 0), SHOAL_OK);
	world_clear(&world);
	world_run(&world, SHOAL_SEC(60));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(shoal_core_count(world_core(&world, i), SHOAL_STATE_ALIVE), 2);
	}
	world_done(&world);
}

/* A transport may take no datagram of its length. */
static void
a_datagram_is_made_again_as_a_message_on_a_stream(void **state)
{
	struct core_world world;
	struct shoal_send send = {.kind = SHOAL_SEND_STREAM};
	struct shoal_input input = {.kind = SHOAL_INPUT_TIMER};
	uint8_t datagram[1400];
	size_t len = 0;

	(void)state;
	form(&world, 2);
	struct shoal_core *core = world_core(&world, 0);
	assert_int_equal(shoal_core_as_stream(core, &send), SHOAL_ERR_INVALID);
	while (len == 0) {
		input.mono_ns = shoal_core_deadline(core);
		input.wall_ns = SHOAL_SEC(WORLD_EPOCH) + input.mono_ns;
		assert_int_equal(shoal_core_step(core, &input), SHOAL_OK);
		while (len == 0 && shoal_core_next_send(core, &send)) {
			len = send.kind == SHOAL_SEND_DATAGRAM ? send.len : 0;
		}
	}
	memcpy(datagram, send.data, len);
	assert_int_equal(shoal_core_as_stream(core, &send), SHOAL_OK);
	assert_int_equal(send.kind, SHOAL_SEND_STREAM);
	assert_int_equal(send.len, len);
	assert_int_equal(shoal_core_as_stream(core, &send), SHOAL_ERR_INVALID);
	struct shoal_input came = {.kind = SHOAL_INPUT_STREAM,
	        .from = world.node[0].addr,
	        .data = datagram,
	        .len = len};
	world.now = input.mono_ns;
	assert_int_not_equal(
	        world_step(&world, 1, came), SHOAL_OK); /* it is sealed as a datagram */
	came.data = send.data;
	assert_int_equal(world_step(&world, 1, came), SHOAL_OK);
	world_done(&world);
}

/* It would ask for ever. */
static void
a_seed_that_says_no_salt_is_not_asked_again(void **state)
{
	struct core_world world;

	(void)state;
	world_init(&world);
	add_accepting(&world, 2);
	struct puppet *seed = world_puppet(&world);
	assert_int_equal(
	        world_step(&world, 0,
	                (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = seed->addr}),
	        SHOAL_OK);
	struct shoal_msg_answer answer = {.id = seed->id, .code = (uint64_t)-SHOAL_ERR_MISDIRECTED};
	assert_int_equal(world_answer(&world, world.last, SHOAL_OK, SHOAL_MESSAGE_ANSWER, &answer),
	        SHOAL_OK);
	assert_int_equal(world_count_sent(&world, 0, &seed->addr, SHOAL_MESSAGE_JOIN), 1);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_JOINED, NULL, 0);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_MISDIRECTED);
	world_done(&world);
}

static int
seals_nothing(void *self, const uint8_t *nonce, const uint8_t *ad, size_t ad_len, uint8_t *data,
        size_t len)
{
	(void)self, (void)nonce, (void)ad, (void)ad_len, (void)data, (void)len;
	return SHOAL_ERR_NOMEM;
}

static void
where_the_cipher_fails_nothing_is_sent_and_the_core_goes_on(void **state)
{
	struct shoal_cipher_ops cipher = *unit_cipher();
	struct shoal_core_config config;
	struct core_world world;

	(void)state;
	world_init(&world);
	add(&world, 0);
	sealed_config(&world, &config, 0);
	cipher.seal = seals_nothing;
	config.cipher = &cipher;
	world_add(&world, &config);
	assert_int_equal(join_code(&world, 1), SHOAL_ERR_NOMEM);
	assert_null(world.sent);
	assert_true(world_counter(&world, 1, SHOAL_COUNTER_DROP_NOMEM) > 0);
	world_done(&world);
}

/* Opens the watch link that `node` asks for; its number. */
static uint64_t
link_up(struct core_world *world, size_t node, size_t watched)
{
	world_run(world, SHOAL_SEC(5));
	const struct world_packet *opening = world->sent;
	while (opening != NULL && (opening->kind != SHOAL_SEND_WATCH || opening->node != node)) {
		opening = opening->next;
	}
	assert_non_null(opening);
	assert_int_equal(world_step(world, watched,
	                         (struct shoal_input){.kind = SHOAL_INPUT_WATCHED,
	                                 .from = world->node[node].addr,
	                                 .exchange = 1000,
	                                 .data = opening->data,
	                                 .len = opening->len}),
	        SHOAL_OK);
	const struct world_packet *reply = opening;
	while (reply != NULL && (reply->kind != SHOAL_SEND_REPLY || reply->exchange != 1000)) {
		reply = reply->next;
	}
	assert_non_null(reply);
	assert_true((reply->data[1] & SHOAL_PACKET_SEALED) != 0);
	assert_int_equal(world_step(world, node,
	                         (struct shoal_input){.kind = SHOAL_INPUT_RESULT,
	                                 .exchange = opening->exchange,
	                                 .data = reply->data,
	                                 .len = reply->len}),
	        SHOAL_OK);
	assert_int_equal(world_counter(world, node, SHOAL_COUNTER_WATCH_LINKS_UP), 1);
	return opening->exchange;
}

/* A seals, B reads what is sealed and does not seal yet. */
static void
what_asks_in_clear_is_answered_sealed_for_its_instance(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	for (uint32_t i = 0; i < 3; i++) {
		sealed_config(&world, &config, 0);
		config.accept_clear = i == 0 ? 1 : 2;
		config.profile.watchers = 3;
		config.name = i == 2 ? "node-0" : config.name;
		world_add(&world, &config);
	}
	assert_int_equal(join_code(&world, 2), SHOAL_ERR_ID_CONFLICT);
	assert_int_equal(join_code(&world, 1), SHOAL_OK);
	(void)link_up(&world, 1, 0);
	world_done(&world);
}

/* What node 0 sends to node 2. */
static bool
loses_one_way(const struct core_world *world, const struct world_packet *packet)
{
	return packet->node == 0 && shoal_addr_equal(&packet->to, &world->node[2].addr);
}

/* Three members, of which only node 0 probes. */
static void
begin_with_one_prober(struct core_world *world)
{
	struct shoal_core_config config;

	world_init(world);
	world->latency = SHOAL_MS(1);
	for (size_t i = 0; i < 3; i++) {
		sealed_config(world, &config, 0);
		config.profile.probe_interval_ms = i == 0 ? 1000 : 600000;
		world_add(world, &config);
		assert_int_equal(i == 0 ? SHOAL_OK : join_code(world, i), SHOAL_OK);
	}
	world_run(world, SHOAL_SEC(2));
}

static void
a_relay_without_room_has_the_origin_answered_under_its_salt(void **state)
{
	struct core_world world;

	(void)state;
	begin_with_one_prober(&world);
	uint64_t redirected = world_counter(&world, 0, SHOAL_COUNTER_DROP_REDIRECTED);
	world_core(&world, 1)->relays.slab.limit = 0;
	world.loses = loses_one_way;
	world_run(&world, SHOAL_SEC(60));
	assert_true(world_counter(&world, 1, SHOAL_COUNTER_DROP_RELAY_FULL) > 10);
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_REDIRECTED) == redirected);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SUSPICIONS), 0);
	world_done(&world);
}

/* What others get from the last node comes from an address that is not its own. */
static void
comes_from_elsewhere(struct core_world *world, size_t node, const struct shoal_input *input)
{
	size_t last = world->nodes - 1;

	if (node != last && input->kind == SHOAL_INPUT_DATAGRAM &&
	        shoal_addr_equal(&input->from, &world->node[last].addr)) {
		((struct shoal_input *)(uintptr_t)input)->from.port++;
	}
}

static void
a_relay_takes_a_sealed_ack_from_wherever_it_comes(void **state)
{
	struct core_world world;

	(void)state;
	begin_with_one_prober(&world);
	world.loses = loses_one_way;
	world.on_input = comes_from_elsewhere;
	world_run(&world, SHOAL_SEC(60));
	assert_true(world_counter(&world, 1, SHOAL_COUNTER_RELAYS_SERVED) > 10);
	assert_int_equal(world_counter(&world, 1, SHOAL_COUNTER_DROP_FORGED), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SUSPICIONS), 0);
	world_done(&world);
}

static bool
loses_requests(const struct core_world *world, const struct world_packet *packet)
{
	(void)world;
	return packet->kind == SHOAL_SEND_REQUEST;
}

static void
and_so_does_who_asks_whether_a_member_is_dead(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world.latency = SHOAL_MS(1);
	for (size_t i = 0; i < 2; i++) {
		sealed_config(&world, &config, 0);
		config.profile.probe_interval_ms = 600000;
		config.profile.watchers = 3;
		world_add(&world, &config);
	}
	assert_int_equal(join_code(&world, 1), SHOAL_OK);
	uint64_t number = link_up(&world, 0, 1);
	world.loses = loses_requests;
	world.on_input = comes_from_elsewhere;
	world_step(&world, 0,
	        (struct shoal_input){
	                .kind = SHOAL_INPUT_CLOSED, .exchange = number, .code = SHOAL_ERR_CLOSED});
	world_run(&world, SHOAL_SEC(3));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_FORGED), 0);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_WATCH_ANSWERED), 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_FAILED), 0);
	world_done(&world);
}

static void
expect_invalid(struct shoal_core_config *config, const char *field)
{
	struct shoal_core *core = NULL;
	char why[200] = "";

	assert_int_equal(shoal_core_new(&core, config, why, sizeof why), SHOAL_ERR_INVALID);
	if (strncmp(why, field, strlen(field)) != 0) {
		fail_msg("%s is not said to be wrong: %s", field, why);
	}
}

static void
a_wrong_config_is_told_by_its_field(void **state)
{
	struct shoal_cipher_ops cipher = *unit_cipher();
	struct shoal_core_config config;
	struct core_world world;
	struct shoal_key odd = {.len = 20};

	(void)state;
	world_init(&world);
	sealed_config(&world, &config, 0);
	config.key_count = 0;
	expect_invalid(&config, "key:");
	config.key_count = SHOAL_KEYS_MAX + 1;
	expect_invalid(&config, "key:");
	config.key_count = 1;
	config.key = &odd;
	expect_invalid(&config, "key:");
	config.key = &keys[0];
	config.accept_clear = 3;
	expect_invalid(&config, "accept_clear:");
	config.accept_clear = 0;
	config.cipher = NULL;
	expect_invalid(&config, "cipher:");
	cipher.overhead = 8;
	config.cipher = &cipher;
	expect_invalid(&config, "cipher:");
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(members_with_the_key_join_and_live_as_others_do),
	        cmocka_unit_test(one_that_ends_is_found_dead_and_one_that_leaves_has_left),
	        cmocka_unit_test(without_the_key_nobody_joins_and_is_told_why_at_once),
	        cmocka_unit_test(a_member_that_restarts_is_known_again_from_the_first_packet_to_it),
	        cmocka_unit_test(a_key_is_exchanged_on_live_members),
	        cmocka_unit_test(a_core_without_a_cipher_has_no_keys),
	        cmocka_unit_test(a_cluster_begins_to_seal_step_by_step),
	        cmocka_unit_test(what_asks_in_clear_is_answered_sealed_for_its_instance),
	        cmocka_unit_test(where_the_cipher_fails_nothing_is_sent_and_the_core_goes_on),
	        cmocka_unit_test(
	                one_without_the_label_is_refused_also_while_a_cluster_begins_to_seal),
	        cmocka_unit_test(
	                one_that_seals_nothing_is_told_so_by_who_takes_only_what_is_sealed),
	        cmocka_unit_test(a_member_that_does_not_seal_yet_is_known_again_when_it_restarts),
	        cmocka_unit_test(a_datagram_is_made_again_as_a_message_on_a_stream),
	        cmocka_unit_test(a_seed_that_says_no_salt_is_not_asked_again),
	        cmocka_unit_test(a_relay_without_room_has_the_origin_answered_under_its_salt),
	        cmocka_unit_test(a_relay_takes_a_sealed_ack_from_wherever_it_comes),
	        cmocka_unit_test(and_so_does_who_asks_whether_a_member_is_dead),
	        cmocka_unit_test(a_wrong_config_is_told_by_its_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
