/* SPDX-License-Identifier: MIT */
/* A record of node 1 of a world whose packets have to be opened: as a host does, it is opened first
 * and written down then. */
#ifndef SHOAL_TEST_UNIT_CORE_OPENED_TAPE_H
#define SHOAL_TEST_UNIT_CORE_OPENED_TAPE_H

#include "unit.h"

#include <string.h>

#include "core_world.h"
#include <shoal/record.h>

static struct shoal_recorder *recorder;
static uint8_t tape[1 << 20];
static size_t tape_len;

static inline void
keep(const uint8_t *data, size_t len)
{
	assert_true(tape_len + len <= sizeof tape);
	memcpy(tape + tape_len, data, len);
	tape_len += len;
}

static inline void
record(struct core_world *world, size_t node, const struct shoal_input *input)
{
	struct shoal_input opened;
	const uint8_t *data;
	size_t len;

	if (node == 1) {
		(void)shoal_core_open(world_core(world, 1), input, &opened);
		*(struct shoal_input *)(uintptr_t)input = opened;
		assert_int_equal(
		        shoal_recorder_input(recorder, world_core(world, 1), &opened, &data, &len),
		        0);
		keep(data, len);
	}
}

#endif
