/* SPDX-License-Identifier: MIT */
/* Profiles: defaults, fields by name, bounds and relations, all from the one table of
 * shoal/profile.h. Linear in the number of fields; used at start only. The time until a crash is
 * known everywhere is the core's (it needs the formula of the suspicion timer). */
#include <shoal/error.h>
#include <shoal/profile.h>

#include "base/text.h"
#include <string.h>

/* Bounds as constants, for what can be settled while compiling. */
enum {
#define SHOAL_X(field, min, max, lan, wan, local, text) LEAST_##field = (min), MOST_##field = (max),
	SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
};

/* A message that fits a datagram must fit a stream: no relation to check, the bounds see to it. */
_Static_assert((int)MOST_datagram_max <= (int)LEAST_stream_max, "stream_max >= datagram_max");

/* Programs that were compiled with another release have one of this size, too. */
_Static_assert(sizeof(struct shoal_profile) == SHOAL_PROFILE_ROOM * sizeof(uint32_t), "its size");

struct field {
	const char *name;
	size_t offset;
	uint32_t min, max;
};

static const struct field fields[] = {
#define SHOAL_X(field, min, max, lan, wan, local, text)                                            \
	{#field, offsetof(struct shoal_profile, field), (min), (max)},
        SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

int
shoal_profile_init(struct shoal_profile *profile, enum shoal_profile_kind kind)
{
	static const struct shoal_profile set[] = {
#define SHOAL_X(field, min, max, lan, wan, local, text) .field = (lan),
	        [SHOAL_PROFILE_LAN] = {SHOAL_PROFILE_TABLE(SHOAL_X)},
#undef SHOAL_X
#define SHOAL_X(field, min, max, lan, wan, local, text) .field = (wan),
	        [SHOAL_PROFILE_WAN] = {SHOAL_PROFILE_TABLE(SHOAL_X)},
#undef SHOAL_X
#define SHOAL_X(field, min, max, lan, wan, local, text) .field = (local),
	        [SHOAL_PROFILE_LOCAL] = {SHOAL_PROFILE_TABLE(SHOAL_X)},
#undef SHOAL_X
	};

	if ((unsigned)kind >= sizeof(set) / sizeof(set[0])) {
		return SHOAL_ERR_INVALID;
	}
	*profile = set[kind];
	return 0;
}

int
shoal_profile_parse(enum shoal_profile_kind *kind, const char *name)
{
	static const char *const names[] = {[SHOAL_PROFILE_LAN] = "lan",
	        [SHOAL_PROFILE_WAN] = "wan",
	        [SHOAL_PROFILE_LOCAL] = "local"};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0) {
			*kind = (enum shoal_profile_kind)i;
			return 0;
		}
	}
	return SHOAL_ERR_INVALID;
}

int
shoal_profile_set(struct shoal_profile *profile, const char *field, const char *value)
{
	size_t i;

	for (i = 0; i < FIELDS; i++) {
		uint64_t parsed;
		uint32_t number;

		if (strcmp(field, fields[i].name) != 0) {
			continue;
		}
		if (!shoal_text_parse_u64(value, fields[i].max, &parsed) ||
		        parsed < fields[i].min) {
			return SHOAL_ERR_INVALID;
		}
		number = (uint32_t)parsed;
		memcpy((char *)profile + fields[i].offset, &number, sizeof(number));
		return 0;
	}
	return SHOAL_ERR_NOT_FOUND;
}

static void
explain(struct shoal_text *why, const char *field, uint32_t value)
{
	shoal_text_str(why, field);
	shoal_text_str(why, " is ");
	shoal_text_u64(why, value);
}

static int
check_bounds(const struct shoal_profile *profile, struct shoal_text *why)
{
	size_t i;

	for (i = 0; i < FIELDS; i++) {
		uint32_t value;

		memcpy(&value, (const char *)profile + fields[i].offset, sizeof(value));
		if (value >= fields[i].min && value <= fields[i].max) {
			continue;
		}
		explain(why, fields[i].name, value);
		shoal_text_str(why, ", allowed is ");
		shoal_text_u64(why, fields[i].min);
		shoal_text_str(why, " to ");
		shoal_text_u64(why, fields[i].max);
		return SHOAL_ERR_INVALID;
	}
	return 0;
}

/* They may be settings in the next release: what a program left in them would be taken for one. */
static int
check_spare(const struct shoal_profile *profile, struct shoal_text *why)
{
	for (size_t i = 0; i < sizeof(profile->spare) / sizeof(profile->spare[0]); i++) {
		if (profile->spare[i] != 0) {
			explain(why, "spare", profile->spare[i]);
			shoal_text_str(why, ", allowed is 0");
			return SHOAL_ERR_INVALID;
		}
	}
	return 0;
}

int
shoal_profile_check(const struct shoal_profile *profile, char *why, size_t len)
{
	struct shoal_text text;

	shoal_text_init(&text, why, len);
	if (check_bounds(profile, &text) != 0 || check_spare(profile, &text) != 0) {
		return SHOAL_ERR_INVALID;
	}
	if (profile->probe_timeout_ms >= profile->probe_interval_ms) {
		explain(&text, "probe_timeout_ms", profile->probe_timeout_ms);
		explain(&text, ", must be below probe_interval_ms, which",
		        profile->probe_interval_ms);
		return SHOAL_ERR_INVALID;
	}
	return 0;
}

bool
shoal_profile_is_fixed(const char *field)
{
	static const char *const names[] = {
#define SHOAL_X(field) #field,
	        SHOAL_PROFILE_FIXED_TABLE(SHOAL_X)
#undef SHOAL_X
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(field, names[i]) == 0) {
			return true;
		}
	}
	return false;
}
