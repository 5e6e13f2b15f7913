/* SPDX-License-Identifier: MIT */
/* What outlasts a restart: who is in the memory of a core, what of it counts at once, what is tried
 * first and how fast, that none of it is told on as news, and that a memory of something else is
 * refused. */
#include "unit.h"

#include <stdlib.h>

#include "core_world.h"
#include "heap_fault.h"

#define HEARSAY   SHOAL_SEC(30)
#define TOMBSTONE SHOAL_SEC(24 * 3600)

struct memory {
	uint8_t data[65536];
	size_t len;
};

static void
save(struct core_world *world, size_t node, struct memory *memory)
{
	const uint8_t *data;

	assert_int_equal(shoal_core_save(world_core(world, node), &data, &memory->len), SHOAL_OK);
	assert_true(memory->len <= sizeof memory->data);
	memcpy(memory->data, data, memory->len);
}

static int
restore(struct core_world *world, size_t node, const struct memory *memory, uint64_t age_ns)
{
	return world_step(world, node,
	        (struct shoal_input){.kind = SHOAL_INPUT_RESTORE,
	                .data = memory->data,
	                .len = memory->len,
	                .age_ns = age_ns});
}

/* One statement as the memory of a core. */
static void
write_memory(struct memory *memory, struct shoal_msg_member *said, size_t count, uint64_t age_ms)
{
	struct parcel *parcel = calloc(1, sizeof *parcel);

	assert_non_null(parcel);
	parcel_begin(parcel, (struct shoal_span){NULL, 0});
	for (size_t i = 0; i < count; i++) {
		said[i].age_ms = age_ms;
		parcel_add(parcel, SHOAL_MESSAGE_MEMBER, &said[i]);
	}
	parcel_end(parcel);
	assert_true(parcel->writer.len <= sizeof memory->data);
	memcpy(memory->data, parcel->data, parcel->writer.len);
	memory->len = parcel->writer.len;
	free(parcel);
}

/* A new core that remembers one puppet in a state, heard or dead for age_ns. */
static struct puppet *
remember(struct core_world *world, enum shoal_state state, uint64_t age_ns, unsigned answers)
{
	struct memory memory;

	world_init(world);
	world_add(world, NULL);
	struct puppet *puppet = world_puppet(world);
	struct shoal_msg_member said = puppet_member(puppet, state);
	puppet->answers = answers;
	write_memory(&memory, &said, 1, 0);
	assert_int_equal(restore(world, 0, &memory, age_ns), SHOAL_OK);
	return puppet;
}

static size_t
count_statements(const struct core_world *world)
{
	return world_count_sent(world, 0, NULL, SHOAL_MESSAGE_MEMBER) +
	       world_count_sent(world, 0, NULL, SHOAL_MESSAGE_STATE);
}

static void
who_takes_part_and_who_is_dead_or_left_is_in_the_memory(void **state)
{
	static const enum shoal_state states[] = {SHOAL_STATE_ALIVE, SHOAL_STATE_SUSPECT,
	        SHOAL_STATE_LEAVING, SHOAL_STATE_DEAD, SHOAL_STATE_LEFT};
	struct core_world world, later;
	struct shoal_id id[COUNT_OF(states)];
	struct memory memory;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		struct puppet *puppet = world_puppet(&world);
		struct shoal_msg_member said = puppet_member(puppet, states[i]);
		id[i] = puppet->id;
		world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &said);
		assert_int_equal(world_state(&world, 0, &id[i]), states[i]);
	}
	struct puppet *unknown = world_puppet(&world);
	struct shoal_msg_member hearsay = puppet_member(unknown, SHOAL_STATE_ALIVE);
	hearsay.age_ms = HEARSAY / SHOAL_MS(1) + 1;
	world_tell(&world, 0, &world.puppet[0], SHOAL_MESSAGE_MEMBER, &hearsay);
	assert_int_equal(world_state(&world, 0, &unknown->id), SHOAL_STATE_UNKNOWN);

	uint64_t hash = shoal_core_hash(world_core(&world, 0));
	save(&world, 0, &memory);
	assert_true(shoal_core_hash(world_core(&world, 0)) == hash);

	world_init(&later);
	world_add(&later, NULL);
	assert_int_equal(restore(&later, 0, &memory, 0), SHOAL_OK);
	assert_int_equal(world_state(&later, 0, &id[0]), SHOAL_STATE_ALIVE);
	/* The doubt was another's, and its proof has been lost. */
	assert_int_equal(world_state(&later, 0, &id[1]), SHOAL_STATE_ALIVE);
	assert_int_equal(world_state(&later, 0, &id[2]), SHOAL_STATES);
	assert_int_equal(world_state(&later, 0, &id[3]), SHOAL_STATE_DEAD);
	assert_int_equal(world_state(&later, 0, &id[4]), SHOAL_STATE_LEFT);
	assert_int_equal(world_state(&later, 0, &unknown->id), SHOAL_STATES);
	assert_int_equal(shoal_core_count(world_core(&later, 0), SHOAL_STATE_ALIVE), 3);
	world_done(&later);
	world_done(&world);
}

static void
one_heard_within_the_hearsay_time_counts_at_once_and_one_heard_before_is_tried(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = remember(&world, SHOAL_STATE_ALIVE, HEARSAY, PUPPET_DATAGRAMS);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_ALIVE);
	const struct shoal_event *event = world_event(&world, 0, SHOAL_EVENT_JOIN, &puppet->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_RESTORED);
	assert_int_equal(event->was, SHOAL_STATE_UNKNOWN);
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(count_statements(&world), 0);
	world_done(&world);

	puppet = remember(&world, SHOAL_STATE_ALIVE, HEARSAY + 1, PUPPET_DATAGRAMS);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_UNKNOWN);
	assert_int_equal(world_count_events(&world, 0, SHOAL_EVENT_JOIN), 0);
	world_run(&world, SHOAL_MS(5));
	event = world_event(&world, 0, SHOAL_EVENT_JOIN, &puppet->id, 0);
	assert_non_null(event);
	assert_int_equal(event->cause.kind, SHOAL_CAUSE_CONFIRMED);
	assert_true(shoal_id_is_zero(&event->cause.from));
	/* Everybody knows it: that it was found is no news. */
	world_run(&world, SHOAL_SEC(5));
	assert_int_equal(count_statements(&world), 0);
	world_done(&world);
}

static void
the_time_before_the_save_counts_as_well(void **state)
{
	struct core_world world, later;
	struct memory memory;

	(void)state;
	for (uint64_t more = 0; more < 2; more++) {
		world_init(&world);
		world_add(&world, NULL);
		struct puppet *puppet = world_puppet(&world);
		struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
		said.age_ms = 20000;
		world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
		save(&world, 0, &memory);
		world_init(&later);
		world_add(&later, NULL);
		assert_int_equal(restore(&later, 0, &memory, SHOAL_SEC(10) + more), SHOAL_OK);
		assert_int_equal(world_state(&later, 0, &puppet->id),
		        more == 0 ? SHOAL_STATE_ALIVE : SHOAL_STATE_UNKNOWN);
		world_done(&later);
		world_done(&world);
	}
}

static void
one_that_does_not_answer_is_forgotten_and_nobody_is_accused(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet = remember(&world, SHOAL_STATE_ALIVE, HEARSAY + 1, 0);
	world_run(&world, SHOAL_SEC(600) - 1);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_UNKNOWN);
	world_run(&world, 1);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATES);
	assert_int_equal(world.events, 0);
	assert_int_equal(count_statements(&world), 0);
	world_done(&world);
}

static void
those_heard_before_are_tried_at_the_rate_of_checks(void **state)
{
	struct core_world world;
	struct shoal_msg_member said[40];
	struct memory memory;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		said[i] = puppet_member(world_puppet(&world), SHOAL_STATE_ALIVE);
	}
	write_memory(&memory, said, COUNT_OF(said), HEARSAY / SHOAL_MS(1));
	assert_int_equal(restore(&world, 0, &memory, 1), SHOAL_OK);
	/* More than one teller's share: nobody told. */
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_UNKNOWN), 40);
	uint64_t begun = world.now;
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_HEARSAY_PROBES), 40);
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		const struct world_packet *ping =
		        world_sent(&world, NULL, 0, &world.puppet[i].addr, SHOAL_MESSAGE_PING);
		assert_non_null(ping);
		assert_true(ping->at == begun + i * SHOAL_MS(50));
	}
	world_done(&world);
}

static void
more_than_the_limit_of_unconfirmed_members_are_not_remembered(void **state)
{
	struct shoal_core_config config;
	struct core_world world;
	struct shoal_msg_member said[9];
	struct memory memory;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.profile.unknown_max = 8;
	world_add(&world, &config);
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		said[i] = puppet_member(world_puppet(&world), SHOAL_STATE_ALIVE);
	}
	write_memory(&memory, said, COUNT_OF(said), HEARSAY / SHOAL_MS(1) + 1);
	assert_int_equal(restore(&world, 0, &memory, 0), SHOAL_OK);
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_UNKNOWN), 8);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_UNKNOWN_FULL), 1);
	world_done(&world);
}

static void
tombstones_keep_their_age(void **state)
{
	static const enum shoal_state states[] = {SHOAL_STATE_DEAD, SHOAL_STATE_LEFT};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(states); i++) {
		struct core_world world;
		/* Past half of its time, where another's word would not be taken. */
		struct puppet *puppet =
		        remember(&world, states[i], TOMBSTONE - SHOAL_SEC(60), PUPPET_DATAGRAMS);
		struct shoal_msg_member old = puppet_member(puppet, SHOAL_STATE_ALIVE);
		struct puppet *teller = world_meet(&world, 0, PUPPET_DATAGRAMS);

		assert_int_equal(world_state(&world, 0, &puppet->id), states[i]);
		world_tell(&world, 0, teller, SHOAL_MESSAGE_MEMBER, &old);
		assert_int_equal(world_state(&world, 0, &puppet->id), states[i]);
		world_run(&world, SHOAL_SEC(60) - 1);
		assert_int_equal(world_state(&world, 0, &puppet->id), states[i]);
		world_run(&world, 1);
		assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATES);
		/* No event told of it, and so none tells of its end. */
		assert_null(world_event(&world, 0, SHOAL_EVENT_REAP, NULL, 0));
		world_done(&world);

		puppet = remember(&world, states[i], TOMBSTONE - 1, 0);
		assert_int_equal(world_state(&world, 0, &puppet->id), states[i]);
		world_done(&world);
		puppet = remember(&world, states[i], TOMBSTONE, 0);
		assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATES);
		world_done(&world);
	}
}

static void
a_remembered_death_is_tried_again_and_its_subject_can_refute(void **state)
{
	struct core_world world;

	(void)state;
	struct puppet *puppet =
	        remember(&world, SHOAL_STATE_DEAD, SHOAL_SEC(3600), PUPPET_DATAGRAMS);
	assert_non_null(
	        world_await_sent(&world, 0, &puppet->addr, SHOAL_MESSAGE_PING, SHOAL_SEC(13)));
	puppet->incarnation++;
	struct shoal_msg_member said = puppet_member(puppet, SHOAL_STATE_ALIVE);
	world_tell(&world, 0, puppet, SHOAL_MESSAGE_MEMBER, &said);
	assert_int_equal(world_state(&world, 0, &puppet->id), SHOAL_STATE_ALIVE);
	/* New to whoever watches this run. */
	assert_non_null(world_event(&world, 0, SHOAL_EVENT_JOIN, &puppet->id, 0));
	world_done(&world);
}

static uint64_t
incarnation_of(const struct core_world *world, size_t node)
{
	struct shoal_core_member self;

	assert_true(shoal_core_member(world_core(world, node), 0, &self));
	return self.incarnation;
}

static void
the_next_run_is_above_the_saved_one_whatever_the_clock_says(void **state)
{
	struct shoal_core_config config;
	struct core_world world, later;
	struct memory memory;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.wall_ns += SHOAL_SEC(7200);
	world_add(&world, &config);
	uint64_t saved = incarnation_of(&world, 0);
	save(&world, 0, &memory);
	world_init(&later);
	world_add(&later, NULL);
	assert_true(incarnation_of(&later, 0) < saved);
	assert_int_equal(restore(&later, 0, &memory, 0), SHOAL_OK);
	assert_true(incarnation_of(&later, 0) == saved + 1);
	world_done(&later);
	world_done(&world);
}

static void
the_epoch_is_the_later_of_the_clock_and_the_least(void **state)
{
	const uint64_t wall_s = WORLD_EPOCH + 1000;

	(void)state;
	for (uint64_t ahead = 0; ahead < 3; ahead++) {
		struct shoal_core_config config;
		struct core_world world;

		world_init(&world);
		world_config(&world, &config);
		config.epoch_least = wall_s - 1 + ahead;
		world_add(&world, &config);
		assert_true(incarnation_of(&world, 0) == (wall_s + (ahead > 1)) << 32);
		world_done(&world);
	}
	struct shoal_core_config config;
	struct core_world world;
	struct shoal_core *core;
	char why[100];
	world_init(&world);
	world_config(&world, &config);
	config.epoch_least = (uint64_t)UINT32_MAX + 1;
	assert_int_equal(shoal_core_new(&core, &config, why, sizeof why), SHOAL_ERR_INVALID);
	assert_non_null(strstr(why, "epoch_least"));
	config.epoch_least = UINT32_MAX;
	world_add(&world, &config);
	world_done(&world);
}

static void
a_core_that_knows_others_takes_no_memory(void **state)
{
	struct core_world world;
	struct memory memory;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	save(&world, 0, &memory);
	world_meet(&world, 0, PUPPET_DATAGRAMS);
	uint64_t hash = shoal_core_hash(world_core(&world, 0));
	assert_int_equal(restore(&world, 0, &memory, 0), SHOAL_ERR_STATE);
	assert_true(shoal_core_hash(world_core(&world, 0)) == hash);
	world_done(&world);
}

static void
a_memory_that_is_damaged_or_of_another_cluster_changes_nothing(void **state)
{
	struct shoal_core_config config;
	struct core_world world;
	struct shoal_msg_member said;
	struct memory memory, wrong;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	said = puppet_member(world_puppet(&world), SHOAL_STATE_ALIVE);
	write_memory(&memory, &said, 1, 0);
	uint64_t hash = shoal_core_hash(world_core(&world, 0));
	for (size_t i = 0; i < memory.len; i++) {
		wrong = memory;
		wrong.data[i] ^= 0x10;
		assert_true(restore(&world, 0, &wrong, 0) < 0);
		wrong = memory;
		wrong.len = i;
		assert_true(restore(&world, 0, &wrong, 0) < 0);
		assert_true(shoal_core_hash(world_core(&world, 0)) == hash);
	}
	said.state = 9;
	write_memory(&wrong, &said, 1, 0);
	assert_int_equal(restore(&world, 0, &wrong, 0), SHOAL_ERR_MALFORMED);
	world_config(&world, &config);
	config.label = "another";
	world_add(&world, &config);
	assert_int_equal(restore(&world, 1, &memory, 0), SHOAL_ERR_LABEL);
	assert_int_equal(shoal_core_count(world_core(&world, 1), SHOAL_STATE_ALIVE), 1);
	/* The whole one is taken all the same. */
	assert_int_equal(restore(&world, 0, &memory, 0), SHOAL_OK);
	assert_int_equal(shoal_core_count(world_core(&world, 0), SHOAL_STATE_ALIVE), 2);
	world_done(&world);
}

static void
a_cluster_of_which_all_restart_with_memory_finds_itself_again(void **state)
{
	static const uint64_t ages[] = {SHOAL_SEC(1), SHOAL_SEC(3600)};

	(void)state;
	for (size_t k = 0; k < COUNT_OF(ages); k++) {
		struct core_world world;
		struct memory memory[4];

		world_init(&world);
		for (size_t i = 0; i < 4; i++) {
			world_add(&world, NULL);
			if (i > 0) {
				assert_int_equal(world_join(&world, i, 0), SHOAL_OK);
			}
			world_run(&world, SHOAL_SEC(1));
		}
		for (size_t i = 0; i < 4; i++) {
			assert_int_equal(
			        shoal_core_count(world_core(&world, i), SHOAL_STATE_ALIVE), 4);
			save(&world, i, &memory[i]);
			world.node[i].up = false;
		}
		world_drop_flights(&world);
		for (size_t i = 0; i < 4; i++) {
			world_restart(&world, i);
			assert_int_equal(restore(&world, i, &memory[i], ages[k]), SHOAL_OK);
		}
		world_run(&world, SHOAL_SEC(10));
		for (size_t i = 0; i < 4; i++) {
			for (size_t j = 0; j < 4; j++) {
				struct shoal_core_member held, self;
				struct shoal_id id = world_id(&world, j);
				assert_true(shoal_core_member(world_core(&world, j), 0, &self));
				assert_true(world_holds(&world, i, &id, &held));
				assert_int_equal(held.state, SHOAL_STATE_ALIVE);
				assert_memory_equal(&held.salt, &self.salt, sizeof self.salt);
			}
			assert_int_equal(world_count_events(&world, i, SHOAL_EVENT_FAILED), 0);
		}
		world_done(&world);
	}
}

static void
whoever_answers_in_the_place_of_a_remembered_one_is_told_who_asked(void **state)
{
	struct core_world world;
	struct memory memory;

	(void)state;
	world_init(&world);
	world_add(&world, NULL);
	world_add(&world, NULL); /* the successor: it knows nobody */
	struct shoal_core_member other;
	assert_true(shoal_core_member(world_core(&world, 1), 0, &other));
	struct shoal_msg_member said = {.id = other.id,
	        .salt = {{99}},
	        .incarnation = other.incarnation - 1,
	        .state = SHOAL_STATE_ALIVE,
	        .name = {(const uint8_t *)other.name, strlen(other.name)},
	        .addrs = {1, {world.node[1].addr}}};
	write_memory(&memory, &said, 1, HEARSAY / SHOAL_MS(1) + 1);
	assert_int_equal(restore(&world, 0, &memory, 0), SHOAL_OK);
	world_run(&world, SHOAL_MS(20));
	struct shoal_id id[2] = {world_id(&world, 0), world_id(&world, 1)};
	assert_int_equal(world_state(&world, 0, &id[1]), SHOAL_STATE_ALIVE);
	assert_int_equal(world_state(&world, 1, &id[0]), SHOAL_STATE_ALIVE);
	world_done(&world);
}

/* A member with one of each kind in its memory, on short memory. */
static int
live_with_memory(const struct shoal_allocator *mem, void *arg)
{
	const struct memory *memory = arg;
	struct shoal_core_config config;
	struct core_world world;
	const uint8_t *data;
	size_t len;

	world_init(&world);
	world_config(&world, &config);
	config.allocator = mem;
	int rc = shoal_core_new(&world.node[0].core, &config, NULL, 0);
	if (rc != SHOAL_OK) {
		return rc;
	}
	world.nodes = 1;
	assert_int_equal(restore(&world, 0, memory, HEARSAY), SHOAL_OK);
	rc = shoal_core_save(world_core(&world, 0), &data, &len);
	world_run(&world, SHOAL_SEC(3));
	if (rc == SHOAL_OK && world_counter(&world, 0, SHOAL_COUNTER_DROP_NOMEM) > 0) {
		rc = SHOAL_ERR_NOMEM;
	}
	world_done(&world);
	return rc;
}

static void
what_there_is_no_memory_for_is_dropped_and_counted(void **state)
{
	struct core_world world;
	struct shoal_msg_member said[4];
	struct memory memory;

	(void)state;
	world_init(&world);
	for (size_t i = 0; i < COUNT_OF(said); i++) {
		said[i] = puppet_member(world_puppet(&world), SHOAL_STATE_ALIVE);
	}
	said[2].state = SHOAL_STATE_DEAD;
	said[3].state = SHOAL_STATE_LEFT;
	write_memory(&memory, said, COUNT_OF(said), 0);
	assert_true(heap_fault_sweep_tolerant(live_with_memory, &memory) > 15);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_there_is_no_memory_for_is_dropped_and_counted),
	        cmocka_unit_test(who_takes_part_and_who_is_dead_or_left_is_in_the_memory),
	        cmocka_unit_test(
	                one_heard_within_the_hearsay_time_counts_at_once_and_one_heard_before_is_tried),
	        cmocka_unit_test(the_time_before_the_save_counts_as_well),
	        cmocka_unit_test(one_that_does_not_answer_is_forgotten_and_nobody_is_accused),
	        cmocka_unit_test(those_heard_before_are_tried_at_the_rate_of_checks),
	        cmocka_unit_test(more_than_the_limit_of_unconfirmed_members_are_not_remembered),
	        cmocka_unit_test(tombstones_keep_their_age),
	        cmocka_unit_test(a_remembered_death_is_tried_again_and_its_subject_can_refute),
	        cmocka_unit_test(the_next_run_is_above_the_saved_one_whatever_the_clock_says),
	        cmocka_unit_test(the_epoch_is_the_later_of_the_clock_and_the_least),
	        cmocka_unit_test(a_core_that_knows_others_takes_no_memory),
	        cmocka_unit_test(a_memory_that_is_damaged_or_of_another_cluster_changes_nothing),
	        cmocka_unit_test(a_cluster_of_which_all_restart_with_memory_finds_itself_again),
	        cmocka_unit_test(
	                whoever_answers_in_the_place_of_a_remembered_one_is_told_who_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
