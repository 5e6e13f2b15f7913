/* SPDX-License-Identifier: MIT */
/* A small world of cores, the first of which is recorded. */
#ifndef SHOAL_TEST_UNIT_CORE_TAPE_H
#define SHOAL_TEST_UNIT_CORE_TAPE_H

#include "unit.h"

#include <stdlib.h>

#include "core_world.h"
#include <shoal/record.h>

struct tape {
	struct core_world world;
	struct shoal_recorder *recorder;
	uint8_t *data;
	size_t len;
	size_t inputs;
	size_t parts_at; /* a new part each so many inputs; 0: one part */
	size_t second;   /* where part 1 begins */
};

static inline void
keep(struct tape *tape, const uint8_t *data, size_t len)
{
	tape->data = realloc(tape->data, tape->len + len);
	assert_non_null(tape->data);
	memcpy(tape->data + tape->len, data, len);
	tape->len += len;
}

static inline void
on_input(struct core_world *world, size_t node, const struct shoal_input *input)
{
	struct tape *tape = world->arg;
	const uint8_t *data;
	size_t len;

	if (node != 0 || tape->recorder == NULL) {
		return;
	}
	if (tape->parts_at != 0 && tape->inputs == tape->parts_at) {
		assert_int_equal(shoal_recorder_begin(tape->recorder, &data, &len), 0);
		tape->second = tape->len;
		keep(tape, data, len);
	}
	tape->inputs++;
	assert_int_equal(
	        shoal_recorder_input(tape->recorder, world_core(world, 0), input, &data, &len), 0);
	keep(tape, data, len);
}

/* A world of two cores, the first of which is recorded, and of puppets that fall silent. */
static inline void
tape_begin(struct tape *tape, bool redact, uint64_t checkpoint_ns)
{
	struct shoal_recorder_config how;
	struct shoal_core_config config;
	const uint8_t *data;
	size_t len;

	memset(tape, 0, sizeof *tape);
	world_init(&tape->world);
	tape->world.on_input = on_input;
	tape->world.arg = tape;
	world_config(&tape->world, &config);
	shoal_recorder_config_init(&how);
	how.redact = redact;
	how.checkpoint_ns = checkpoint_ns;
	assert_int_equal(shoal_recorder_new(&tape->recorder, &config, &how), 0);
	assert_int_equal(shoal_recorder_begin(tape->recorder, &data, &len), 0);
	keep(tape, data, len);
	world_add(&tape->world, &config);
	world_add(&tape->world, NULL);
}

static inline void
tape_live(struct tape *tape, uint64_t ns)
{
	static const uint8_t own[] = "\0\4role\6\3web", other[] = "\1\1t";

	world_join(&tape->world, 0, 1);
	world_run(&tape->world, SHOAL_MS(50));
	assert_int_equal(
	        world_step(&tape->world, 0,
	                (struct shoal_input){
	                        .kind = SHOAL_INPUT_META, .data = own, .len = sizeof own - 1}),
	        SHOAL_OK);
	assert_int_equal(
	        world_step(&tape->world, 1,
	                (struct shoal_input){
	                        .kind = SHOAL_INPUT_META, .data = other, .len = sizeof other - 1}),
	        SHOAL_OK);
	struct shoal_addr addr[2] = {tape->world.node[0].addr, tape->world.node[0].addr};
	addr[1].port++;
	assert_int_equal(world_step(&tape->world, 0,
	                         (struct shoal_input){.kind = SHOAL_INPUT_ADDRESS,
	                                 .data = (const uint8_t *)addr,
	                                 .len = sizeof addr}),
	        SHOAL_OK);
	world_meet(&tape->world, 0, PUPPET_DATAGRAMS);
	world_meet(&tape->world, 1, 0);
	world_run(&tape->world, ns);
}

static inline void
tape_end(struct tape *tape)
{
	const uint8_t *data;
	size_t len;

	assert_int_equal(
	        shoal_recorder_end(tape->recorder, world_core(&tape->world, 0), &data, &len), 0);
	keep(tape, data, len);
}

static inline void
tape_done(struct tape *tape)
{
	shoal_recorder_free(tape->recorder);
	world_done(&tape->world);
	free(tape->data);
}

static inline struct shoal_replay *
replay_of(const uint8_t *data, size_t len)
{
	struct shoal_replay *replay;

	assert_int_equal(shoal_replay_new(&replay, data, len, NULL), 0);
	return replay;
}

#endif
