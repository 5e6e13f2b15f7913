/* SPDX-License-Identifier: MIT */
/* Worlds of members that speak a codec. */
#ifndef SHOAL_TEST_CORE_CODED_H
#define SHOAL_TEST_CORE_CODED_H

#include "core_sealed.h"

#define CODECS 3

static inline const struct shoal_codec_ops *
codec_at(size_t i)
{
	return i == 0 ? shoal_codec_binary() : i == 1 ? shoal_codec_msgpack() : shoal_codec_json();
}

static inline size_t
add_coded(struct core_world *world, const struct shoal_codec_ops *codec, bool sealed)
{
	struct shoal_core_config config;

	if (sealed) {
		sealed_config(world, &config, 0);
	} else {
		world_config(world, &config);
	}
	config.codec = codec;
	return world_add(world, &config);
}

static inline void
form_coded(struct core_world *world, const struct shoal_codec_ops *codec, bool sealed, size_t n)
{
	world_init(world);
	world->latency = SHOAL_MS(1);
	for (size_t i = 0; i < n; i++) {
		add_coded(world, codec, sealed);
		if (i > 0) {
			assert_int_equal(join_code(world, i), SHOAL_OK);
		}
	}
	world_run(world, SHOAL_SEC(2));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(shoal_core_count(world_core(world, i), SHOAL_STATE_ALIVE), n);
	}
}

#endif
