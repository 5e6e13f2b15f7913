/* SPDX-License-Identifier: MIT */
/* Nodes of chaotic seeds, recorded and replayed: every checkpoint is the same, and the replayed
 * cores tell what the simulated ones told. */
#include "record.h"

#include "sim/swarm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SEEDS 12

struct told {
	uint32_t node;
	size_t events;
	uint64_t sum;
};

static void
add(struct told *told, enum shoal_event_kind kind, enum shoal_state was, enum shoal_state state,
        uint64_t incarnation)
{
	told->events++;
	told->sum = told->sum * 31 + (uint64_t)kind + 7 * (uint64_t)was + 11 * (uint64_t)state +
	            13 * incarnation;
}

static void
on_note(const struct shoal_sim_note *note, void *arg)
{
	struct told *told = arg;

	if (note->kind == SHOAL_SIM_NOTE_EVENT && note->node == told->node) {
		add(told, note->event, note->was, note->state, note->incarnation);
	}
}

static void
take_events(struct shoal_core *core, struct told *told)
{
	struct shoal_log_record record;
	struct shoal_event event;

	while (shoal_core_next_event(core, &event)) {
		if (event.kind != SHOAL_EVENT_MEASURED && event.kind < SHOAL_EVENT_MESSAGE) {
			add(told, event.kind, event.was, event.state, event.incarnation);
		}
	}
	while (shoal_core_next_log(core, &record)) {
		continue;
	}
}

static uint8_t *
read_file(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	struct stat status;

	assert_non_null(file);
	assert_int_equal(fstat(fileno(file), &status), 0);
	*len = (size_t)status.st_size;
	uint8_t *data = malloc(*len);
	assert_non_null(data);
	assert_int_equal(fread(data, 1, *len, file), *len);
	fclose(file);
	return data;
}

/* Returns how many checkpoints were compared. */
static size_t
replay(const char *path, struct told *told)
{
	struct shoal_replay_entry entry;
	struct shoal_replay *replay;
	size_t len, checkpoints = 0;
	uint8_t *data = read_file(path, &len);

	assert_int_equal(shoal_replay_new(&replay, data, len, NULL), 0);
	while (shoal_replay_step(replay, &entry)) {
		take_events(shoal_replay_core(replay), told);
		assert_true(entry.hash == entry.is_hash);
		checkpoints += entry.hash != 0;
	}
	int status = shoal_replay_status(replay, NULL);
	assert_true(status == 0 || status == SHOAL_ERR_CLOSED);
	shoal_replay_free(replay);
	free(data);
	assert_int_equal(unlink(path), 0);
	return checkpoints;
}

static size_t
record_and_replay(uint64_t seed, uint32_t node, const char *folder)
{
	struct told simulated = {.node = node}, replayed = {.node = node};
	char path[256], one[300];
	struct sim_record record;
	struct shoal_swarm swarm;
	struct shoal_plan plan;
	size_t checkpoints = 0;

	shoal_plan_draw(&plan, seed, 0);
	plan.fail_ppm = 0; /* memory that fails is no input */
	node %= plan.nodes;
	simulated.node = node;
	assert_int_equal(shoal_swarm_init(&swarm, &plan, on_note, &simulated), 0);
	snprintf(path, sizeof(path), "%s/record", folder);
	sim_record_begin(&record, swarm.sim, node, path);
	assert_int_equal(shoal_swarm_run(&swarm), 0);
	sim_record_end(&record);
	shoal_swarm_done(&swarm);
	for (uint32_t start = 1; start <= record.starts; start++) {
		snprintf(one, sizeof(one), start == 1 ? "%s" : "%s.%u", path, (unsigned)start);
		checkpoints += replay(one, &replayed);
	}
	assert_int_equal(replayed.events, simulated.events);
	assert_true(replayed.sum == simulated.sum);
	return checkpoints;
}

static void
a_node_of_a_chaotic_seed_is_replayed_to_the_same_hashes_and_events(void **state)
{
	char folder[] = "/tmp/shoal-record.XXXXXX";
	size_t checkpoints = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		checkpoints += record_and_replay(seed, (uint32_t)seed, folder);
	}
	assert_true(checkpoints > 100);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                a_node_of_a_chaotic_seed_is_replayed_to_the_same_hashes_and_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
