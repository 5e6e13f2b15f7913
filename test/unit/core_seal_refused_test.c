/* SPDX-License-Identifier: MIT */
/* What who has not shown the key gets: a reason, and nothing of the member, its salt or its
 * counter; and what it takes from those who have. */
#include "core_sealed.h"

#include "base/addr.h"
#include "core/node.h"
#include "wire/window.h"

static const struct shoal_addr *
stranger(void)
{
	static struct shoal_addr addr;

	assert_int_equal(shoal_addr_parse(&addr, "10.9.9.9:1"), 0);
	return &addr;
}

static int
feed(struct core_world *world, enum shoal_input_kind kind, const struct shoal_addr *from,
        const uint8_t *data, size_t len)
{
	return world_step(world, 0,
	        (struct shoal_input){
	                .kind = kind, .from = *from, .exchange = 1000, .data = data, .len = len});
}

/* A packet that is sealed by nobody: under the key of node 0, and this salt as it is on the wire.
 */
static uint8_t *
forged(const struct core_world *world, const uint8_t salt[8], size_t len)
{
	uint8_t *data = calloc(1, len);
	struct shoal_key_info key;

	assert_non_null(data);
	assert_true(shoal_core_key(world_core(world, 0), 0, &key));
	data[0] = 0xc1;
	data[1] = SHOAL_PACKET_SEALED;
	data[3] = (uint8_t)(key.print >> 56);
	memcpy(data + 4, salt, 8);
	return data;
}

/* As it is on the wire. */
static void
salt_of(struct core_world *world, size_t node, uint8_t salt[8])
{
	struct world_packet packet = overheard(world, node, 1 - node);

	memcpy(salt, packet.data + 4, 8);
	free(packet.data);
}

static uint64_t
stream_counter(const struct core_world *world)
{
	return shoal_keyring_next(world_core(world, 0)->seal.ring, true).counter;
}

static void
nothing_is_sealed_for_what_did_not_open(void **state)
{
	static const int codes[] = {
	        SHOAL_ERR_AUTH, SHOAL_ERR_KEY, SHOAL_ERR_LABEL, SHOAL_ERR_CLEAR};
	static struct parcel parcel;
	struct core_world world;
	uint8_t own[8], salt[8] = {9};

	(void)state;
	form(&world, 2);
	salt_of(&world, 0, own);
	struct shoal_id id = world_id(&world, 0);
	parcel_begin(&parcel, world.label);
	parcel_end(&parcel);
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		uint8_t *data = forged(&world, salt, 60);
		data[3] ^= codes[i] == SHOAL_ERR_KEY ? 0xff : 0;
		data[2] = codes[i] == SHOAL_ERR_LABEL ? 1 : 0;
		bool clear = codes[i] == SHOAL_ERR_CLEAR;
		world_clear(&world);
		uint64_t before = stream_counter(&world);
		assert_int_equal(
		        feed(&world, SHOAL_INPUT_REQUEST, stranger(), clear ? parcel.data : data,
		                clear ? parcel.writer.len : 60),
		        codes[i]);
		const struct world_packet *reply = world.sent;
		assert_non_null(reply);
		assert_ptr_equal(reply, world.last);
		assert_int_equal(reply->kind, SHOAL_SEND_REPLY);
		assert_int_equal(reply->data[1] & SHOAL_PACKET_SEALED, 0);
		assert_null(memmem(reply->data, reply->len, own, sizeof own));
		assert_null(memmem(reply->data, reply->len, &id, sizeof id));
		const union shoal_wire_message *answer = packet_has(reply, SHOAL_MESSAGE_ANSWER);
		assert_non_null(answer);
		assert_int_equal(answer->answer.code, -codes[i]);
		assert_true(answer->answer.reason.len > 10);
		assert_true(stream_counter(&world) == before + 1);
		free(data);
	}
	world_done(&world);
}

/* Node 1 has sealed a join for node 0, which served it; the answer was lost. */
static const struct world_packet *
unanswered(struct core_world *world)
{
	const struct world_packet *request = NULL;
	size_t asked = 0;

	world_init(world);
	world->latency = SHOAL_MS(1);
	add(world, 0);
	add(world, 0);
	assert_int_equal(world_join(world, 1, 0), SHOAL_OK);
	world_run(world, SHOAL_MS(3)); /* it has come, and its answer is on the way */
	world_drop_flights(world);
	/* Behind the one that asked for the salt. */
	for (const struct world_packet *packet = world->sent; packet; packet = packet->next) {
		bool asks = packet->kind == SHOAL_SEND_REQUEST && packet->node == 1;
		if (asks && ++asked == 2) {
			request = packet;
		}
	}
	assert_non_null(request);
	assert_int_equal(world_counter(world, 0, SHOAL_COUNTER_JOINS_SERVED), 1);
	return request;
}

static void
who_asks_again_can_read_that_it_did(void **state)
{
	struct core_world world;

	(void)state;
	const struct world_packet *request = unanswered(&world);
	assert_int_equal(
	        feed(&world, SHOAL_INPUT_REQUEST, &world.node[1].addr, request->data, request->len),
	        SHOAL_ERR_REPLAYED);
	const struct world_packet *reply = world.last;
	assert_int_equal(reply->kind, SHOAL_SEND_REPLY);
	assert_true((reply->data[1] & SHOAL_PACKET_SEALED) != 0);
	assert_int_equal(world_step(&world, 1,
	                         (struct shoal_input){.kind = SHOAL_INPUT_RESULT,
	                                 .exchange = request->exchange,
	                                 .data = reply->data,
	                                 .len = reply->len}),
	        SHOAL_OK);
	const struct shoal_event *event = world_event(&world, 1, SHOAL_EVENT_JOINED, NULL, 0);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_REPLAYED);
	world_done(&world);
}

/* Whoever has read one request repeats it, from connections of its own. */
static void
copies_move_no_counter_out_of_a_window(void **state)
{
	struct core_world world;
	size_t sealed = 0, clear = 0;

	(void)state;
	const struct world_packet *request = unanswered(&world);
	world.now += SHOAL_SEC(20);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_TIMER});
	uint64_t before = stream_counter(&world);
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(
		        feed(&world, SHOAL_INPUT_REQUEST, stranger(), request->data, request->len),
		        SHOAL_ERR_REPLAYED);
		bool is_sealed = (world.last->data[1] & SHOAL_PACKET_SEALED) != 0;
		sealed += is_sealed;
		clear += !is_sealed;
	}
	assert_in_range(sealed, 100, SHOAL_REPLAY_STREAMS / 4);
	assert_int_equal(sealed + clear, 3000);
	assert_true(stream_counter(&world) - before == sealed + 1);
	/* One that was changed does not open, and costs as much as any. */
	uint8_t *changed = malloc(request->len);
	assert_non_null(changed);
	memcpy(changed, request->data, request->len);
	changed[request->len - 1] ^= 1;
	assert_int_equal(feed(&world, SHOAL_INPUT_REQUEST, stranger(), changed, request->len),
	        SHOAL_ERR_AUTH);
	assert_int_equal(world.last->data[1] & SHOAL_PACKET_SEALED, 0);
	free(changed);
	world_done(&world);
}

/* Whoever has once seen a joiner ask for the salt repeats that from `hosts` addresses: it is for no
 * instance, so no window refuses it. */
static void
repeat_first_question(
        struct core_world *world, const struct world_packet *question, size_t hosts, size_t times)
{
	for (size_t i = 0; i < times; i++) {
		struct shoal_addr from = *stranger();

		from.ip[15] = (uint8_t)(1 + i % hosts);
		assert_int_equal(
		        feed(world, SHOAL_INPUT_REQUEST, &from, question->data, question->len),
		        SHOAL_ERR_MISDIRECTED);
	}
}

static void
a_repeated_first_question_shuts_no_newcomer_out(void **state)
{
	static const size_t hosts[] = {1, 20};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(hosts); i++) {
		struct core_world world;

		world_init(&world);
		world.latency = SHOAL_MS(1);
		add(&world, 0);
		add(&world, 0);
		assert_int_equal(world_join(&world, 1, 0), SHOAL_OK);
		struct world_packet question = *world.last;
		question.data = malloc(question.len);
		assert_non_null(question.data);
		memcpy(question.data, world.last->data, question.len);
		world_run(&world, SHOAL_SEC(20));
		for (int n = 0; n < 50; n++) {
			world_clear(&world);
			repeat_first_question(&world, &question, hosts[i], 400);
			world_run(&world, SHOAL_MS(100));
		}
		repeat_first_question(&world, &question, hosts[i], 4000);
		assert_int_equal(join_code(&world, add(&world, 0)), SHOAL_OK);
		free(question.data);
		world_done(&world);
	}
}

/* Nobody decided anything: the joiner asks again. */
static void
who_is_told_to_ask_later_is_told_just_that(void **state)
{
	struct core_world world;

	(void)state;
	form(&world, 2);
	struct shoal_core *seed = world_core(&world, 0);
	for (size_t i = 0; i < COUNT_OF(seed->budgets.replies); i++) {
		seed->budgets.replies[i] = seed->now + SHOAL_SEC(100);
	}
	size_t node = add(&world, 0);
	assert_int_equal(join_code(&world, node), SHOAL_ERR_LIMIT);
	const struct shoal_event *event = world_event(&world, node, SHOAL_EVENT_JOINED, NULL, 0);
	assert_non_null(strstr(event->cause.detail, "ask again later"));
	world_done(&world);
}

static void
who_is_refused_in_clear_reads_why_and_believes_nothing_else(void **state)
{
	struct core_world world;
	static struct parcel parcel;

	(void)state;
	form(&world, 2);
	size_t other = add(&world, 1), none = world_add(&world, NULL);
	static const struct {
		int code;
		const char *text;
	} want[] = {
	        {SHOAL_ERR_KEY,
	                "an answer that is not sealed says: sealed with a key that is not held here"},
	        {SHOAL_ERR_CLEAR, "give it the keys"}};
	for (size_t i = 0; i < 2; i++) {
		size_t node = i == 0 ? other : none;
		assert_int_equal(join_code(&world, node), want[i].code);
		const struct shoal_event *event =
		        world_event(&world, node, SHOAL_EVENT_JOINED, NULL, 0);
		if (strstr(event->cause.detail, want[i].text) == NULL) {
			fail_msg("%s", event->cause.detail);
		}
	}
	/* Whoever is at the address of a seed may say it: it ends nothing for good. */
	assert_int_equal(world_join(&world, other, 1), SHOAL_OK);
	uint64_t exchange = world.last->exchange;
	struct shoal_msg_answer answer = {.id = world_id(&world, 1),
	        .code = (uint64_t)-SHOAL_ERR_REJECTED,
	        .reason = {(const uint8_t *)"go away", 7}};
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_ANSWER, &answer);
	parcel_end(&parcel);
	world_clear(&world);
	assert_int_equal(world_step(&world, other,
	                         (struct shoal_input){.kind = SHOAL_INPUT_RESULT,
	                                 .exchange = exchange,
	                                 .data = parcel.data,
	                                 .len = parcel.writer.len}),
	        SHOAL_ERR_CLEAR);
	const struct shoal_event *event = world_event(&world, other, SHOAL_EVENT_JOINED, NULL, 0);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_CLEAR);
	assert_string_equal(event->cause.detail, "an answer that is not sealed says: go away");
	world_done(&world);
}

/* Whatever service is at a seed's address by now, or who puts another label before it. */
static void
what_did_not_open_is_no_answer_of_a_seed(void **state)
{
	static const char http[] = "HTTP/1.1 400 Bad Request";
	static const int codes[] = {SHOAL_ERR_VERSION, SHOAL_ERR_LABEL};
	struct core_world world;
	uint8_t salt[8] = {9};

	(void)state;
	form(&world, 2);
	uint8_t *data = forged(&world, salt, 60);
	data[2] = 1; /* the length of a label */
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		bool version = codes[i] == SHOAL_ERR_VERSION;
		size_t node = add(&world, 0);
		assert_int_equal(world_join(&world, node, 0), SHOAL_OK);
		uint64_t exchange = world.last->exchange;
		assert_int_equal(world_step(&world, node,
		                         (struct shoal_input){.kind = SHOAL_INPUT_RESULT,
		                                 .exchange = exchange,
		                                 .data = version ? (const uint8_t *)http : data,
		                                 .len = version ? sizeof http : 60}),
		        codes[i]);
		const struct shoal_event *event =
		        world_event(&world, node, SHOAL_EVENT_JOINED, NULL, 0);
		assert_non_null(event);
		assert_int_equal(event->code, codes[i]);
		assert_false(event->answered);
	}
	size_t node = add(&world, 0);
	assert_int_equal(join_code(&world, node), SHOAL_OK);
	assert_true(world_event(&world, node, SHOAL_EVENT_JOINED, NULL, 0)->answered);
	free(data);
	world_done(&world);
}

/* Its salt stands in every packet that it sends. */
static void
who_claims_the_salt_of_a_member_from_elsewhere_is_a_stranger(void **state)
{
	struct core_world world;
	uint8_t salt[8];
	size_t tried = 0;

	(void)state;
	form(&world, 2);
	salt_of(&world, 1, salt);
	uint8_t *data = forged(&world, salt, 60);
	for (int i = 0; i < 5000; i++) {
		int rc = feed(&world, SHOAL_INPUT_DATAGRAM, stranger(), data, 60);
		tried += rc == SHOAL_ERR_AUTH;
		assert_true(rc == SHOAL_ERR_AUTH || rc == SHOAL_ERR_LIMIT);
	}
	assert_in_range(tried, 1990, 2000);
	/* While the common bucket is empty, too. */
	uint64_t acked = world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED);
	for (int i = 0; i < 100; i++) {
		world_core(&world, 0)->budgets.common = world_core(&world, 0)->now + SHOAL_SEC(100);
		for (int n = 0; n < 1000; n++) {
			assert_int_equal(feed(&world, SHOAL_INPUT_DATAGRAM, stranger(), data, 60),
			        SHOAL_ERR_LIMIT);
		}
		world_run(&world, SHOAL_MS(25));
	}
	assert_true(world_counter(&world, 0, SHOAL_COUNTER_PROBES_ACKED) >= acked + 2);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SUSPICIONS), 0);
	free(data);
	world_done(&world);
}

static void
what_fails_from_a_members_address_is_paid_for_as_well(void **state)
{
	struct core_world world;
	uint8_t salt[8];
	size_t tried = 0;

	(void)state;
	form(&world, 2);
	salt_of(&world, 1, salt);
	uint8_t *data = forged(&world, salt, 60);
	for (int i = 0; i < 5000; i++) {
		int rc = feed(&world, SHOAL_INPUT_DATAGRAM, &world.node[1].addr, data, 60);
		tried += rc == SHOAL_ERR_AUTH;
		assert_true(rc == SHOAL_ERR_AUTH || rc == SHOAL_ERR_LIMIT);
	}
	/* As many as of one that is known, and then of one that is not. */
	assert_in_range(tried, 3990, 4002);
	world_run(&world, SHOAL_SEC(10));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_SUSPICIONS), 0);
	assert_int_equal(
	        feed(&world, SHOAL_INPUT_DATAGRAM, &world.node[1].addr, data, 60), SHOAL_ERR_AUTH);
	free(data);
	world_done(&world);
}

static void
junk_on_streams_in_a_members_name_leaves_it_its_budget(void **state)
{
	enum {
		LEN = 60000
	};
	struct core_world world;
	uint8_t salt[8];

	(void)state;
	form(&world, 2);
	salt_of(&world, 1, salt);
	/* What node 1 says meanwhile, and at the very moment. */
	world.node[0].up = false;
	world_clear(&world);
	const struct world_packet *request = NULL;
	for (int i = 0; i < 100 && request == NULL; i++) {
		world_run(&world, SHOAL_MS(100));
		request = world.sent;
		while (request != NULL &&
		        (request->kind != SHOAL_SEND_REQUEST || request->node != 1)) {
			request = request->next;
		}
	}
	assert_non_null(request);
	uint8_t *data = forged(&world, salt, LEN);
	for (size_t len = LEN; len >= 60; len /= 10) {
		int rc = SHOAL_ERR_AUTH;
		for (int i = 0; i < 400 && rc == SHOAL_ERR_AUTH; i++) {
			rc = feed(&world, SHOAL_INPUT_STREAM, stranger(), data, len);
		}
		assert_int_equal(rc, SHOAL_ERR_LIMIT);
	}
	assert_int_equal(
	        feed(&world, SHOAL_INPUT_REQUEST, &world.node[1].addr, request->data, request->len),
	        SHOAL_OK);
	free(data);
	world_done(&world);
}

static void
nothing_long_is_opened_of_one_that_is_not_known(void **state)
{
	(void)state;
	for (uint32_t accept_clear = 0; accept_clear < 2; accept_clear++) {
		struct core_world world;
		uint8_t salt[8] = {9};

		world_init(&world);
		add_accepting(&world, accept_clear);
		uint8_t *data = forged(&world, salt, SHOAL_FIRST_MAX + 1);
		size_t opened = unit_cipher_seen.opened;
		static const enum shoal_input_kind kinds[] = {
		        SHOAL_INPUT_STREAM, SHOAL_INPUT_REQUEST, SHOAL_INPUT_WATCHED};
		for (size_t i = 0; i < COUNT_OF(kinds); i++) {
			assert_int_equal(
			        feed(&world, kinds[i], stranger(), data, SHOAL_FIRST_MAX + 1),
			        SHOAL_ERR_TOO_BIG);
			assert_int_equal(unit_cipher_seen.opened, opened);
		}
		assert_int_equal(
		        feed(&world, SHOAL_INPUT_STREAM, stranger(), data, SHOAL_FIRST_MAX),
		        SHOAL_ERR_AUTH);
		assert_int_equal(unit_cipher_seen.opened, opened + 1);
		free(data);
		world_done(&world);
	}
}

static void
only_requests_are_opened_of_an_address_that_is_not_allowed(void **state)
{
	static const enum shoal_input_kind kinds[] = {
	        SHOAL_INPUT_DATAGRAM, SHOAL_INPUT_STREAM, SHOAL_INPUT_WATCHED, SHOAL_INPUT_REQUEST};
	struct core_world world;
	uint8_t salt[8] = {9};
	struct shoal_cidr range;

	(void)state;
	form(&world, 2);
	assert_int_equal(shoal_cidr_parse(&range, "10.0.0.0/24"), 0);
	assert_int_equal(world_step(&world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_ALLOW,
	                                 .data = (const uint8_t *)&range,
	                                 .len = sizeof range}),
	        SHOAL_OK);
	uint8_t *data = forged(&world, salt, 60);
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		size_t opened = unit_cipher_seen.opened;
		uint64_t before = world_counter(&world, 0, SHOAL_COUNTER_DROP_NOT_ALLOWED);
		assert_int_equal(
		        feed(&world, kinds[i], stranger(), data, 60), SHOAL_ERR_PERMISSION);
		assert_int_equal(unit_cipher_seen.opened - opened, kinds[i] == SHOAL_INPUT_REQUEST);
		assert_true(world_counter(&world, 0, SHOAL_COUNTER_DROP_NOT_ALLOWED) == before + 1);
	}
	free(data);
	world_done(&world);
}

/* The short message that goes before a long one may have been lost with the connection. */
static void
a_join_whose_connection_is_closed_is_begun_anew_once(void **state)
{
	struct core_world world;

	(void)state;
	const struct world_packet *request = unanswered(&world);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(world_count_events(&world, 1, SHOAL_EVENT_JOINED), 0);
		assert_int_equal(world_step(&world, 1,
		                         (struct shoal_input){.kind = SHOAL_INPUT_RESULT,
		                                 .exchange = request->exchange,
		                                 .code = SHOAL_ERR_CLOSED}),
		        SHOAL_OK);
		if (i == 0) {
			assert_ptr_not_equal(request, world.last);
			assert_int_equal(world.last->kind, SHOAL_SEND_REQUEST);
			request = world.last;
		}
	}
	const struct shoal_event *event = world_event(&world, 1, SHOAL_EVENT_JOINED, NULL, 0);
	assert_non_null(event);
	assert_int_equal(event->code, SHOAL_ERR_CLOSED);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(nothing_is_sealed_for_what_did_not_open),
	        cmocka_unit_test(who_asks_again_can_read_that_it_did),
	        cmocka_unit_test(copies_move_no_counter_out_of_a_window),
	        cmocka_unit_test(a_repeated_first_question_shuts_no_newcomer_out),
	        cmocka_unit_test(who_is_told_to_ask_later_is_told_just_that),
	        cmocka_unit_test(who_is_refused_in_clear_reads_why_and_believes_nothing_else),
	        cmocka_unit_test(what_did_not_open_is_no_answer_of_a_seed),
	        cmocka_unit_test(who_claims_the_salt_of_a_member_from_elsewhere_is_a_stranger),
	        cmocka_unit_test(what_fails_from_a_members_address_is_paid_for_as_well),
	        cmocka_unit_test(junk_on_streams_in_a_members_name_leaves_it_its_budget),
	        cmocka_unit_test(nothing_long_is_opened_of_one_that_is_not_known),
	        cmocka_unit_test(only_requests_are_opened_of_an_address_that_is_not_allowed),
	        cmocka_unit_test(a_join_whose_connection_is_closed_is_begun_anew_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
