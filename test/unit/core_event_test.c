/* SPDX-License-Identifier: MIT */
/* Events and log records: their order, their bound, and what is said when some were lost. */
#include "unit.h"

#include "base/hash.h"
#include "core/event.h"
#include "core_world.h"

#define ROOM 8 /* four events a member, two members */

static void
set_up(struct core_world *world, enum shoal_log_level level)
{
	struct shoal_core_config config;

	world_init(world);
	world_config(world, &config);
	config.profile.members_max = 2;
	config.profile.tombstones_max = 2;
	config.log_level = level;
	world_add(world, &config);
	world_meet(world, 0, PUPPET_DATAGRAMS);
	world_clear(world);
}

/* Its word that it lives at a new incarnation and address: an event. Not drained. */
static void
change(struct core_world *world)
{
	static struct parcel parcel;
	struct puppet *puppet = &world->puppet[0];

	puppet->moved = ++puppet->incarnation;
	puppet->addr.port++;
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	struct shoal_msg_sender sender = {.id = puppet->id};
	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &member);
	parcel_end(&parcel);
	struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
	        .mono_ns = world->now,
	        .wall_ns = UINT64_C(123456789),
	        .from = puppet->addr,
	        .data = parcel.data,
	        .len = parcel.writer.len};
	assert_int_equal(shoal_core_step(world_core(world, 0), &input), SHOAL_OK);
}

static void
events_come_in_their_order_with_the_times_of_their_input(void **state)
{
	struct core_world world;
	struct shoal_event event;

	(void)state;
	set_up(&world, SHOAL_LOG_ERROR);
	uint64_t first = world.puppet[0].incarnation;
	for (unsigned i = 0; i < ROOM; i++) {
		change(&world);
	}
	for (unsigned i = 0; i < ROOM; i++) {
		assert_true(shoal_core_next_event(world_core(&world, 0), &event));
		assert_int_equal(event.kind, SHOAL_EVENT_UPDATE);
		assert_true(event.incarnation == first + 1 + i);
		assert_int_equal(event.mono_ns, world.now);
		assert_int_equal(event.wall_ns, 123456789);
	}
	assert_false(shoal_core_next_event(world_core(&world, 0), &event));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EVENTS_FULL), 0);
	world_done(&world);
}

static void
lost_events_are_counted_and_followed_by_one_overflow(void **state)
{
	struct core_world world;
	struct shoal_event event;

	(void)state;
	set_up(&world, SHOAL_LOG_ERROR);
	for (unsigned i = 0; i < ROOM + 3; i++) {
		change(&world);
	}
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_EVENTS_FULL), 3);
	for (unsigned i = 0; i < ROOM; i++) {
		assert_true(shoal_core_next_event(world_core(&world, 0), &event));
		assert_int_equal(event.kind, SHOAL_EVENT_UPDATE);
	}
	assert_true(shoal_core_next_event(world_core(&world, 0), &event));
	assert_int_equal(event.kind, SHOAL_EVENT_OVERFLOW);
	assert_int_equal(event.mono_ns, world.now);
	assert_true(shoal_id_is_zero(&event.id));
	assert_false(shoal_core_next_event(world_core(&world, 0), &event));
	/* And again when it happens again. */
	for (unsigned i = 0; i < ROOM + 1; i++) {
		change(&world);
	}
	for (unsigned i = 0; i < ROOM; i++) {
		assert_true(shoal_core_next_event(world_core(&world, 0), &event));
	}
	assert_true(shoal_core_next_event(world_core(&world, 0), &event));
	assert_int_equal(event.kind, SHOAL_EVENT_OVERFLOW);
	world_done(&world);
}

static void
the_list_is_right_also_when_events_were_lost(void **state)
{
	struct core_world world;
	struct shoal_core_member held;

	(void)state;
	set_up(&world, SHOAL_LOG_ERROR);
	for (unsigned i = 0; i < ROOM + 3; i++) {
		change(&world);
	}
	assert_true(world_holds(&world, 0, &world.puppet[0].id, &held));
	assert_true(held.incarnation == world.puppet[0].incarnation);
	assert_true(shoal_addr_equal(&held.addr[0], &world.puppet[0].addr));
	world_done(&world);
}

static void
records_tell_what_happened_and_stop_at_their_bound(void **state)
{
	struct core_world world;
	struct shoal_log_record record;
	size_t records = 0;

	(void)state;
	set_up(&world, SHOAL_LOG_DEBUG);
	change(&world);
	assert_true(shoal_core_next_log(world_core(&world, 0), &record));
	assert_int_equal(record.level, SHOAL_LOG_DEBUG);
	assert_string_equal(record.room, "members");
	assert_string_equal(record.text, "puppet-000 at 10.1.0.0:7947: update, told by gossip");
	assert_int_equal(record.wall_ns, 123456789);
	for (unsigned i = 0; i < 300; i++) {
		struct shoal_event event;
		change(&world);
		while (shoal_core_next_event(world_core(&world, 0), &event)) {
		}
	}
	while (shoal_core_next_log(world_core(&world, 0), &record)) {
		records++;
	}
	assert_int_equal(records, 256);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LOGS_FULL), 300 - 256);
	world_done(&world);
}

static void
records_above_the_level_are_not_made(void **state)
{
	static const size_t made[] = {0, 0, 1, 2};

	(void)state;
	for (int level = SHOAL_LOG_ERROR; level <= SHOAL_LOG_DEBUG; level++) {
		struct core_world world;
		struct shoal_log_record record;
		size_t records = 0;

		set_up(&world, (enum shoal_log_level)level);
		change(&world); /* debug */
		struct shoal_msg_state left = puppet_state(&world.puppet[0], SHOAL_STATE_LEFT);
		static struct parcel parcel;
		struct shoal_msg_sender sender = {.id = world.puppet[0].id};
		parcel_begin(&parcel, world.label);
		parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
		parcel_add(&parcel, SHOAL_MESSAGE_STATE, &left); /* info */
		parcel_end(&parcel);
		struct shoal_input input = {.kind = SHOAL_INPUT_DATAGRAM,
		        .mono_ns = world.now,
		        .from = world.puppet[0].addr,
		        .data = parcel.data,
		        .len = parcel.writer.len};
		shoal_core_step(world_core(&world, 0), &input);
		while (shoal_core_next_log(world_core(&world, 0), &record)) {
			assert_true((int)record.level <= level);
			records++;
		}
		assert_int_equal(records, made[level - 1]);
		assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_LOGS_FULL), 0);
		world_done(&world);
	}
}

/* Of those in the table that answers a join there may be thousands. */
static void
who_comes_in_the_table_of_a_seed_is_logged_more_quietly_than_who_joins(void **state)
{
	static struct parcel parcel;
	struct core_world world;
	struct shoal_log_record record;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct shoal_core *core = world_core(&world, 0);
	struct puppet *seed = world_puppet(&world), *other = world_puppet(&world);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = seed->addr});
	uint64_t exchange = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_JOIN)->exchange;
	struct shoal_msg_answer answer = {.id = seed->id};
	struct shoal_msg_member in_table = puppet_member(other, SHOAL_STATE_ALIVE);
	struct shoal_msg_member itself = puppet_member(seed, SHOAL_STATE_ALIVE);
	parcel_begin(&parcel, world.label);
	parcel_add(&parcel, SHOAL_MESSAGE_ANSWER, &answer);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &in_table);
	parcel_add(&parcel, SHOAL_MESSAGE_MEMBER, &itself);
	parcel_end(&parcel);
	struct shoal_input result = {.kind = SHOAL_INPUT_RESULT,
	        .mono_ns = world.now,
	        .exchange = exchange,
	        .data = parcel.data,
	        .len = parcel.writer.len};
	assert_int_equal(shoal_core_step(core, &result), SHOAL_OK);
	assert_true(shoal_core_next_log(core, &record));
	assert_int_equal(record.level, SHOAL_LOG_DEBUG);
	assert_non_null(strstr(record.text, other->name));
	assert_true(shoal_core_next_log(core, &record));
	assert_int_equal(record.level, SHOAL_LOG_INFO);
	assert_non_null(strstr(record.text, seed->name));
	world_drain(&world, 0);
	world_done(&world);
}

static void
why_a_seed_could_not_be_asked_is_told_in_the_words_of_the_transport(void **state)
{
	static const char why[] = "its certificate expired";
	struct core_world world;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	struct puppet *seed = world_puppet(&world);
	world_step(&world, 0, (struct shoal_input){.kind = SHOAL_INPUT_JOIN, .from = seed->addr});
	world_step(&world, 0,
	        (struct shoal_input){.kind = SHOAL_INPUT_RESULT,
	                .exchange = world_sent(&world, NULL, 0, NULL, SHOAL_MESSAGE_JOIN)->exchange,
	                .code = SHOAL_ERR_UNREACHABLE,
	                .data = (const uint8_t *)why,
	                .len = strlen(why)});
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_JOINED, NULL, 0);
	assert_int_equal(event->code, SHOAL_ERR_UNREACHABLE);
	assert_string_equal(event->cause.detail, why);
	world_done(&world);
}

/* Before that, at most: SUSPECT, or FAILED. Its next instance is elsewhere and says other things.
 */
static void
start_again_after(enum shoal_event_kind kind, enum shoal_state was)
{
	static const uint8_t document[] = "\0\4role\6\3web";
	struct shoal_msg_meta meta = {.version = (uint64_t)WORLD_EPOCH * 1000 << 16,
	        .len = sizeof document - 1,
	        .body = {document, sizeof document - 1}};
	struct shoal_sha256 sha;
	uint8_t digest[32];
	struct core_world world;
	bool dead = was == SHOAL_STATE_DEAD;

	set_up(&world, SHOAL_LOG_ERROR);
	struct puppet *puppet = &world.puppet[0];
	puppet->answers = 0;
	assert_non_null(world_await(&world, 0, kind, SHOAL_SEC(120)));
	/* Metadata of one who is dead is kept, and told by no event of its own. */
	shoal_sha256_init(&sha);
	shoal_sha256_update(&sha, document, sizeof document - 1);
	shoal_sha256_final(&sha, digest);
	for (size_t i = 0; i < 8; i++) {
		meta.hash = meta.hash << 8 | digest[i];
	}
	meta.id = puppet->id;
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_META, &meta);
	assert_true((world_event(&world, 0, SHOAL_EVENT_UPDATE, NULL, 0) == NULL) == dead);
	puppet->salt.bytes[0] ^= 1;
	puppet->incarnation += UINT64_C(1) << 32;
	/* What comes from elsewhere counts once the instance before has been asked. */
	puppet->addr.port = (uint16_t)(puppet->addr.port + dead);
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member);
	world_run(&world, dead ? SHOAL_SEC(10) : 0);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_ALIVE, NULL, 0);
	assert_non_null(event);
	assert_int_equal(event->was, was);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_RESTARTED);
	unsigned more = dead ? SHOAL_CHANGE_ADDRESS | SHOAL_CHANGE_METADATA : 0u;
	assert_int_equal(event->changed, SHOAL_CHANGE_INSTANCE | more);
	world_done(&world);
}

static void
who_returns_is_told_with_all_that_changed_meanwhile(void **state)
{
	(void)state;
	start_again_after(SHOAL_EVENT_SUSPECT, SHOAL_STATE_SUSPECT);
	start_again_after(SHOAL_EVENT_FAILED, SHOAL_STATE_DEAD);
}

/* A death, or a farewell, that is the first word of another instance. */
static void
what_changed_is_told_also_where_the_same_word_ends_the_member(void **state)
{
	static const enum shoal_state states[] = {
	        SHOAL_STATE_LEFT, SHOAL_STATE_LEAVING, SHOAL_STATE_DEAD};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct core_world world;

		set_up(&world, SHOAL_LOG_ERROR);
		struct puppet *puppet = &world.puppet[0];
		puppet->answers = 0;
		if (states[i] == SHOAL_STATE_DEAD) {
			assert_non_null(world_await(&world, 0, SHOAL_EVENT_FAILED, SHOAL_SEC(120)));
		}
		puppet->salt.bytes[0] ^= 1;
		puppet->incarnation += UINT64_C(1) << 32;
		struct shoal_msg_member member = puppet_member(
		        puppet, states[i] == SHOAL_STATE_DEAD ? SHOAL_STATE_LEFT : states[i]);
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member);
		const struct shoal_event *event = world_event(&world, 0,
		        states[i] == SHOAL_STATE_DEAD ? SHOAL_EVENT_LEFT : SHOAL_EVENT_UPDATE, NULL,
		        0);
		assert_non_null(event);
		assert_int_equal(event->changed, SHOAL_CHANGE_INSTANCE);
		world_done(&world);
	}
}

static void
a_cause_names_at_most_four_accusers_with_their_names_cut(void **state)
{
	struct core_world world;
	struct shoal_core_config config;
	struct shoal_cause cause;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	world_add(&world, &config);
	struct puppet *puppet = world_puppet(&world);
	static const char name[] = "a name of more than thirty bytes \xe2\x82\xac";
	struct shoal_msg_member member = puppet_member(puppet, SHOAL_STATE_ALIVE);
	member.name = (struct shoal_span){(const uint8_t *)name, sizeof name - 1};
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &member);
	cause = shoal_cause_of(SHOAL_CAUSE_SUSPICION, &puppet->id);
	assert_memory_equal(&cause.from, &puppet->id, 16);
	for (uint8_t i = 0; i < 6; i++) {
		struct shoal_id accuser = puppet->id;
		accuser.bytes[0] = (uint8_t)(accuser.bytes[0] + i);
		shoal_cause_accuse(world_core(&world, 0), &cause, &accuser);
	}
	assert_int_equal(cause.accusers, SHOAL_ACCUSERS_MAX);
	assert_string_equal(cause.accuser_name[0], "a name of more than thirty byte");
	assert_string_equal(cause.accuser_name[1], "");
	cause = shoal_cause_of(SHOAL_CAUSE_EXPIRED, NULL);
	assert_true(shoal_id_is_zero(&cause.from));
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(events_come_in_their_order_with_the_times_of_their_input),
	        cmocka_unit_test(lost_events_are_counted_and_followed_by_one_overflow),
	        cmocka_unit_test(the_list_is_right_also_when_events_were_lost),
	        cmocka_unit_test(records_tell_what_happened_and_stop_at_their_bound),
	        cmocka_unit_test(records_above_the_level_are_not_made),
	        cmocka_unit_test(who_returns_is_told_with_all_that_changed_meanwhile),
	        cmocka_unit_test(what_changed_is_told_also_where_the_same_word_ends_the_member),
	        cmocka_unit_test(a_cause_names_at_most_four_accusers_with_their_names_cut),
	        cmocka_unit_test(
	                why_a_seed_could_not_be_asked_is_told_in_the_words_of_the_transport),
	        cmocka_unit_test(
	                who_comes_in_the_table_of_a_seed_is_logged_more_quietly_than_who_joins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
