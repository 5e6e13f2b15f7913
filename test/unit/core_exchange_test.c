/* SPDX-License-Identifier: MIT */
/* Joins and table exchanges: served, refused for each reason with its text, bounded, ended exactly
 * once; and what the tables bring to both sides. */
#include "unit.h"

#include "core/node.h"
#include "core_world.h"
#include "heap_fault.h"

#define REQUEST (UINT64_C(1) << 60) /* a number that the world does not hand out */

static void
set_up(struct core_world *world, size_t puppets)
{
	world_begin(world, NULL, puppets, PUPPET_DATAGRAMS | PUPPET_STREAMS);
	world_clear(world);
}

static struct shoal_msg_join
join_of(const struct puppet *puppet)
{
	return (struct shoal_msg_join){
	        .id = puppet->id, .salt = puppet_salt(puppet), .epoch_s = WORLD_EPOCH};
}

/* A join request of a puppet, with its statement; returns the answer. */
static const struct shoal_msg_answer *
ask_to_join(
        struct core_world *world, const struct puppet *puppet, const struct shoal_msg_join *join)
{
	static struct parcel parcel;
	struct shoal_msg_member self = puppet_member(puppet, SHOAL_STATE_ALIVE);

	world_clear(world);
	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_JOIN, join);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &self);
	parcel_end(&parcel);
	assert_int_equal(world_request(world, 0, &puppet->addr, REQUEST, &parcel), SHOAL_OK);
	const struct world_packet *packet = world_sent(world, NULL, 0, NULL, SHOAL_MESSAGE_ANSWER);
	assert_non_null(packet);
	assert_int_equal(packet->kind, SHOAL_SEND_REPLY);
	assert_true(packet->exchange == REQUEST);
	assert_true(shoal_addr_equal(&packet->to, &puppet->addr));
	return &packet_has(packet, SHOAL_MESSAGE_ANSWER)->answer;
}

static void
assert_refused(struct core_world *world, const struct puppet *puppet,
        const struct shoal_msg_join *join, int code, const char *text)
{
	uint64_t refused = world_counter(world, 0, SHOAL_COUNTER_JOINS_REFUSED);
	const struct shoal_msg_answer *answer = ask_to_join(world, puppet, join);
	const struct world_packet *packet = world_sent(world, NULL, 0, NULL, SHOAL_MESSAGE_ANSWER);

	assert_int_equal(-(int)answer->code, code);
	assert_int_equal(answer->reason.len, strlen(text));
	assert_memory_equal(answer->reason.data, text, strlen(text));
	assert_int_equal(packet->messages, 1);
	assert_int_equal(world_counter(world, 0, SHOAL_COUNTER_JOINS_REFUSED), refused + 1);
	assert_int_equal(world_counter(world, 0, SHOAL_COUNTER_JOINS_SERVED), 0);
	assert_int_equal(world_state(world, 0, &puppet->id), SHOAL_STATES);
}

static void
a_join_is_served_with_the_whole_table(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 5);
	struct puppet *joiner = world_puppet(&world);
	struct shoal_msg_join join = join_of(joiner);
	assert_int_equal(ask_to_join(&world, joiner, &join)->code, 0);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_JOIN, &joiner->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_JOIN);
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_ANSWER);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(packet_state_of(packet, &world.puppet[i].id), SHOAL_STATE_ALIVE);
	}
	struct shoal_id self = world_id(&world, 0);
	assert_int_equal(packet_state_of(packet, &self), SHOAL_STATE_ALIVE);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_JOINS_SERVED), 1);
	/* The others hear of it. */
	world_run(&world, SHOAL_MS(100));
	for (size_t i = 0; i < 5; i++) {
		bool told = false;
		packet = NULL;
		while ((packet = world_sent(&world, packet, 0, &world.puppet[i].addr, 0)) != NULL) {
			told = told || packet_state_of(packet, &joiner->id) == SHOAL_STATE_ALIVE;
		}
		assert_true(told);
	}
	world_done(&world);
}

static void
a_join_is_refused_with_its_reason(void **state)
{
	struct core_world world;
	struct shoal_core_member self;

	(void)state;
	set_up(&world, 2);
	struct puppet *joiner = world_puppet(&world);
	struct shoal_msg_join join = join_of(joiner);
	join.protocol_min = join.protocol_max = 1;
	assert_refused(
	        &world, joiner, &join, SHOAL_ERR_VERSION, "no protocol version that both speak");
	join = join_of(joiner);
	join.codec = 1;
	assert_refused(&world, joiner, &join, SHOAL_ERR_CODEC,
	        "the cluster speaks binary, this node msgpack: set codec to binary");
	join = join_of(joiner);
	join.epoch_s = WORLD_EPOCH + world.now / SHOAL_SEC(1) + 24 * 3600 + 1;
	assert_refused(&world, joiner, &join, SHOAL_ERR_REJECTED,
	        "your clock is more than a day ahead of mine: set it");
	join = join_of(joiner);
	assert_true(shoal_core_member(world_core(&world, 0), 0, &self));
	join.id = self.id;
	assert_refused(&world, joiner, &join, SHOAL_ERR_ID_CONFLICT,
	        "this id is my own: two members have the same name or id");
	world_done(&world);
}

static void
the_last_second_of_a_day_ahead_and_any_time_behind_are_served(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	struct puppet *joiner = world_puppet(&world);
	struct shoal_msg_join join = join_of(joiner);
	join.epoch_s = WORLD_EPOCH + world.now / SHOAL_SEC(1) + 24 * 3600;
	assert_int_equal(ask_to_join(&world, joiner, &join)->code, 0);
	joiner = world_puppet(&world);
	join = join_of(joiner);
	join.epoch_s = 0;
	join.protocol_max = 9;
	assert_int_equal(ask_to_join(&world, joiner, &join)->code, 0);
	world_done(&world);
}

static void
a_full_seed_refuses_newcomers_and_serves_members(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.members_max = 4;
	config.profile.tombstones_max = 4;
	world_add(&world, &config);
	for (size_t i = 0; i < 3; i++) {
		world_meet(&world, 0, PUPPET_DATAGRAMS);
	}
	struct puppet *joiner = world_puppet(&world);
	struct shoal_msg_join join = join_of(joiner);
	assert_refused(&world, joiner, &join, SHOAL_ERR_LIMIT,
	        "the limit of members is reached (members_max)");
	join = join_of(&world.puppet[0]);
	assert_int_equal(ask_to_join(&world, &world.puppet[0], &join)->code, 0);
	/* A tombstone makes room. */
	struct shoal_msg_state left = puppet_state(&world.puppet[1], SHOAL_STATE_LEFT);
	world_tell(&world, 0, &world.puppet[1], SHOAL_MESSAGE_STATE, &left);
	join = join_of(joiner);
	assert_int_equal(ask_to_join(&world, joiner, &join)->code, 0);
	assert_int_equal(world_state(&world, 0, &joiner->id), SHOAL_STATE_ALIVE);
	world_done(&world);
}

static void
a_join_outside_of_a_request_is_not_served(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	struct puppet *joiner = world_puppet(&world);
	struct shoal_msg_join join = join_of(joiner);
	world_send(&world, 0, &joiner->addr, SHOAL_MESSAGE_JOIN, &join);
	struct shoal_msg_sync sync_request = {.id = world.puppet[0].id};
	world_send(&world, 0, &world.puppet[0].addr, SHOAL_MESSAGE_SYNC, &sync_request);
	assert_null(world.sent);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_MALFORMED), 2);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_JOINS_SERVED), 0);
	world_done(&world);
}

static const struct shoal_event *
joined(const struct core_world *world, size_t node)
{
	assert_true(world_count_events(world, node, SHOAL_EVENT_JOINED) <= 1);
	return world_event(world, node, SHOAL_EVENT_JOINED, NULL, 0);
}

/* Whether the core tells others, after it joined, of a member that started so many seconds before
 * it. */
static bool
tells_after_join(uint64_t seconds)
{
	static struct parcel parcel;
	struct core_world world;

	set_up(&world, 0);
	struct puppet *seed = world_puppet(&world), *other = world_puppet(&world);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = seed->addr});
	struct world_packet request = *world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_JOIN);
	uint64_t mine = (WORLD_EPOCH + 1000) << 32;
	other->incarnation = seed->incarnation = mine - (seconds << 32);
	struct shoal_msg_answer answer = {.id = seed->id};
	struct shoal_msg_member members[] = {
	        puppet_member(seed, SHOAL_STATE_ALIVE), puppet_member(other, SHOAL_STATE_ALIVE)};
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_ANSWER, &answer);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &members[0]);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &members[1]);
	parcel_end(&parcel);
	world_clear(&world);
	world_result(&world, &request, SHOAL_OK, &parcel);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOIN), 2);
	world_run(&world, SHOAL_MS(300));
	bool told = false;
	for (const struct world_packet *packet = world.sent; packet != NULL;
	        packet = packet->next) {
		told = told || packet_state_of(packet, &other->id) != SHOAL_STATE_UNKNOWN;
	}
	world_done(&world);
	return told;
}

static void
a_joiner_tells_on_only_who_started_about_when_it_did(void **state)
{
	(void)state;
	assert_true(tells_after_join(0));
	assert_true(tells_after_join(60));
	assert_false(tells_after_join(61));
	assert_false(tells_after_join(100000));
}

/* The table of a seed is no news, but what contradicts what this member tells takes its place. */
static void
what_a_table_refutes_is_told_no_more(void **state)
{
	static struct parcel parcel;
	struct core_world world;

	(void)state;
	set_up(&world, 3);
	struct puppet *seed = &world.puppet[0], *other = &world.puppet[1];
	struct shoal_core *core = world_core(&world, 0);
	struct shoal_msg_state suspect = puppet_state(other, SHOAL_STATE_SUSPECT);
	world_tell(&world, 0, &world.puppet[2], SHOAL_MESSAGE_STATE, &suspect);
	const struct shoal_record *record =
	        shoal_members_at(core, shoal_members_find(core, &other->id));
	const struct shoal_news *news = shoal_slab_at(&core->gossip.entries, record->news);
	assert_int_equal(news->rank, SHOAL_NEWS_SUSPICION);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = seed->addr});
	struct world_packet request = *world_sent(&world, NULL, 0, &seed->addr, SHOAL_MESSAGE_JOIN);
	struct shoal_msg_answer answer = {.id = seed->id};
	other->incarnation++;
	struct shoal_msg_member refuted = puppet_member(other, SHOAL_STATE_ALIVE);
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_ANSWER, &answer);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &refuted);
	parcel_end(&parcel);
	world_result(&world, &request, SHOAL_OK, &parcel);
	assert_int_equal(record->state, SHOAL_STATE_ALIVE);
	news = shoal_slab_at(&core->gossip.entries, record->news);
	assert_non_null(news);
	assert_int_equal(news->rank, SHOAL_NEWS_ALIVE);
	world_done(&world);
}

/* A join of the core through a seed that the test plays; returns the request. */
static const struct world_packet *
begin_join(struct core_world *world, struct puppet **seed)
{
	*seed = world_puppet(world);
	assert_int_equal(
	        world_step(world, 0,
	                (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = (*seed)->addr}),
	        SHOAL_OK);
	const struct world_packet *packet =
	        world_sent(world, NULL, 0, &(*seed)->addr, SHOAL_MESSAGE_JOIN);
	assert_non_null(packet);
	return packet;
}

static void
a_join_ends_with_the_error_of_its_transport(void **state)
{
	static const int codes[] = {SHOAL_ERR_TIMEOUT, SHOAL_ERR_REFUSED, SHOAL_ERR_UNREACHABLE,
	        SHOAL_ERR_CLOSED, SHOAL_ERR_SYSTEM};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		struct core_world world;
		struct puppet *seed;

		set_up(&world, 0);
		const struct world_packet *request = begin_join(&world, &seed);
		assert_null(joined(&world, 0));
		assert_int_equal(world_result(&world, request, codes[i], NULL), SHOAL_OK);
		assert_int_equal(joined(&world, 0)->code, codes[i]);
		assert_true(shoal_addr_equal(&joined(&world, 0)->addr, &seed->addr));
		assert_int_equal(world_core(&world, 0)->exchanges.count, 0);
		/* A second end is late. */
		assert_int_equal(world_result(&world, request, codes[i], NULL), SHOAL_OK);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LATE), 1);
		world_done(&world);
	}
}

static void
an_answer_that_is_none_ends_the_join_as_malformed(void **state)
{
	static struct parcel parcel;
	struct core_world world;
	struct puppet *seed;

	(void)state;
	set_up(&world, 0);
	const struct world_packet *request = begin_join(&world, &seed);
	struct shoal_msg_ack ack = {.seq = 1, .id = seed->id};
	world_answer(&world, request, SHOAL_OK, SHOAL_MESSAGE_ACK, &ack);
	assert_int_equal(joined(&world, 0)->code, SHOAL_ERR_MALFORMED);
	world_clear(&world);
	request = begin_join(&world, &seed);
	parcel_begin(&parcel, world.label);
	parcel_end(&parcel);
	parcel.data[parcel.writer.len - 1] ^= 1;
	assert_int_equal(world_result(&world, request, SHOAL_OK, &parcel), SHOAL_ERR_CHECKSUM);
	assert_int_equal(joined(&world, 0)->code, SHOAL_ERR_CHECKSUM);
	world_done(&world);
}

static void
a_refusal_brings_no_statements(void **state)
{
	static struct parcel parcel;

	(void)state;
	for (int refused = 0; refused <= 1; refused++) {
		struct core_world world;
		struct puppet *seed;

		set_up(&world, 0);
		const struct world_packet *request = begin_join(&world, &seed);
		struct puppet *other = world_puppet(&world);
		struct shoal_msg_answer answer = {.id = seed->id,
		        .code = refused ? 15 : 0,
		        .reason = {(const uint8_t *)"no room", 7}};
		struct shoal_msg_member member = puppet_member(other, SHOAL_STATE_ALIVE);
		member.age_ms = UINT64_C(5000000000);
		parcel_begin(&parcel, world.label);
		parcel_add(&parcel, SHOAL_MESSAGE_ANSWER, &answer);
		parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &member);
		parcel_end(&parcel);
		world_result(&world, request, SHOAL_OK, &parcel);
		assert_int_equal(joined(&world, 0)->code, refused ? SHOAL_ERR_REJECTED : 0);
		assert_string_equal(joined(&world, 0)->cause.detail, "no room");
		/* In the table that we asked for ourselves no age is too old. */
		assert_int_equal(world_state(&world, 0, &other->id),
		        refused ? (int)SHOAL_STATES : SHOAL_STATE_ALIVE);
		world_done(&world);
	}
}

static void
there_is_a_bound_on_the_requests_in_flight(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct puppet *seed[4];

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.exchanges_max = 3;
	world_add(&world, &config);
	const struct world_packet *first = begin_join(&world, &seed[0]);
	begin_join(&world, &seed[1]);
	begin_join(&world, &seed[2]);
	seed[3] = world_puppet(&world);
	struct shoal_input join = {.kind = SHOAL_INPUT_JOIN, .from = seed[3]->addr};
	assert_int_equal(world_step(&world, 0, join), SHOAL_ERR_LIMIT);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EXCHANGES_FULL), 1);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOINED), 0);
	world_result(&world, first, SHOAL_ERR_REFUSED, NULL);
	assert_int_equal(world_step(&world, 0, join), SHOAL_OK);
	world_done(&world);
}

/* The host owes a result and never gives it. */
static void
a_request_that_the_host_lost_gives_its_place_back(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct puppet *seed[2];

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.exchanges_max = 2;
	config.profile.exchange_timeout_ms = 1000;
	world_add(&world, &config);
	begin_join(&world, &seed[0]);
	begin_join(&world, &seed[1]);
	struct shoal_input join = {.kind = SHOAL_INPUT_JOIN, .from = seed[0]->addr};
	world_drop_flights(&world);
	world_run(&world, SHOAL_SEC(2) - 1);
	assert_int_equal(world_step(&world, 0, join), SHOAL_ERR_LIMIT);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOINED), 0);
	world_run(&world, 1);
	assert_int_equal(world_step(&world, 0, join), SHOAL_OK);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOINED), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(world_event(&world, 0, SHOAL_EVENT_JOINED, NULL, i)->code,
		        SHOAL_ERR_TIMEOUT);
	}
	world_done(&world);
}

static void
a_joiner_hears_what_is_held_of_it_also_when_no_table_tells_it(void **state)
{
	struct core_world world;

	(void)state;
	set_up(&world, 2);
	struct puppet *joiner = world_meet(&world, 0, PUPPET_DATAGRAMS);
	struct shoal_msg_state left = puppet_state(joiner, SHOAL_STATE_LEFT);
	left.age_ms = 13 * 3600 * 1000;
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_STATE, &left);
	struct shoal_msg_join join = join_of(joiner);
	assert_int_equal(ask_to_join(&world, joiner, &join)->code, 0);
	const struct world_packet *packet = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_ANSWER);
	assert_int_equal(packet_state_of(packet, &joiner->id), SHOAL_STATE_LEFT);
	world_done(&world);
}

static void
a_join_that_cannot_be_sent_for_want_of_memory_ends_so(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct heap_fault fault;

	(void)state;
	heap_fault_init(&fault);
	world_init(&world);
	world_config(&world, &config);
	config.allocator = &fault.mem;
	world_add(&world, &config);
	struct shoal_core *core = world_core(&world, 0);
	const struct puppet *seed = world_puppet(&world);
	struct shoal_input join = {
	        .kind = SHOAL_INPUT_JOIN, .from = seed->addr, .mono_ns = world.now};
	assert_int_equal(shoal_core_step(core, &join), SHOAL_OK);
	fault.fail_at = fault.calls + 1; /* the buffer for streams */
	world_drain(&world, 0);
	assert_null(world.sent);
	assert_int_equal(joined(&world, 0)->code, SHOAL_ERR_NOMEM);
	assert_int_equal(core->exchanges.count, 0);
	world_done(&world);
	assert_int_equal(fault.live, 0);
}

static void
a_full_queue_of_sends_refuses_a_join_and_keeps_no_request_open(void **state)
{
	struct core_world world;
	struct shoal_core_config config;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.sends_max = 16;
	world_add(&world, &config);
	struct puppet *seed = world_puppet(&world);
	struct shoal_core *core = world_core(&world, 0);
	struct shoal_input join = {
	        .kind = SHOAL_INPUT_JOIN, .from = seed->addr, .mono_ns = world.now};
	for (int i = 0; i < 16; i++) {
		assert_int_equal(shoal_core_step(core, &join), SHOAL_OK);
	}
	assert_int_equal(shoal_core_step(core, &join), SHOAL_ERR_LIMIT);
	assert_int_equal(core->exchanges.count, 16);
	world_drain(&world, 0);
	assert_int_equal(shoal_core_step(core, &join), SHOAL_OK);
	world_drain(&world, 0);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_join_is_served_with_the_whole_table),
	        cmocka_unit_test(a_join_is_refused_with_its_reason),
	        cmocka_unit_test(the_last_second_of_a_day_ahead_and_any_time_behind_are_served),
	        cmocka_unit_test(a_full_seed_refuses_newcomers_and_serves_members),
	        cmocka_unit_test(a_join_outside_of_a_request_is_not_served),
	        cmocka_unit_test(a_join_ends_with_the_error_of_its_transport),
	        cmocka_unit_test(an_answer_that_is_none_ends_the_join_as_malformed),
	        cmocka_unit_test(a_refusal_brings_no_statements),
	        cmocka_unit_test(there_is_a_bound_on_the_requests_in_flight),
	        cmocka_unit_test(a_request_that_the_host_lost_gives_its_place_back),
	        cmocka_unit_test(a_joiner_hears_what_is_held_of_it_also_when_no_table_tells_it),
	        cmocka_unit_test(a_join_that_cannot_be_sent_for_want_of_memory_ends_so),
	        cmocka_unit_test(a_full_queue_of_sends_refuses_a_join_and_keeps_no_request_open),
	        cmocka_unit_test(a_joiner_tells_on_only_who_started_about_when_it_did),
	        cmocka_unit_test(what_a_table_refutes_is_told_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
