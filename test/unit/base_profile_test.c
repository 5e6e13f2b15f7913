/* SPDX-License-Identifier: MIT */
/* Profiles, each field driven from the table: defaults, bounds to the unit, texts of refusals,
 * relations. */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <shoal/error.h>
#include <shoal/profile.h>

static const struct {
	const char *name;
	size_t offset;
	uint32_t min, max, preset[3];
} fields[] = {
#define SHOAL_X(field, min, max, lan, wan, local, text)                                            \
	{#field, offsetof(struct shoal_profile, field), min, max, {lan, wan, local}},
        SHOAL_PROFILE_TABLE(SHOAL_X)
#undef SHOAL_X
};

static uint32_t
value_of(const struct shoal_profile *profile, size_t field)
{
	uint32_t value;

	memcpy(&value, (const char *)profile + fields[field].offset, sizeof(value));
	return value;
}

/* A profile of which each field can be moved between its bounds without breaking a relation. */
static struct shoal_profile
relaxed(size_t field)
{
	struct shoal_profile profile;

	assert_int_equal(shoal_profile_init(&profile, SHOAL_PROFILE_LAN), 0);
	profile.probe_interval_ms = 600000;
	profile.members_max = 1000000;
	if (strcmp(fields[field].name, "probe_interval_ms") == 0) {
		profile.probe_timeout_ms = 1;
	}
	if (strcmp(fields[field].name, "members_max") == 0) {
		profile.tombstones_max = 1;
	}
	return profile;
}

static void
the_three_profiles_hold_the_numbers_of_the_table_and_pass(void **state)
{
	int kind;
	size_t i;

	(void)state;
	for (kind = 0; kind < 3; kind++) {
		struct shoal_profile profile;
		char why[100] = "untouched";

		memset(&profile, 0xee, sizeof(profile));
		assert_int_equal(shoal_profile_init(&profile, (enum shoal_profile_kind)kind), 0);
		for (i = 0; i < COUNT_OF(fields); i++) {
			assert_int_equal(value_of(&profile, i), fields[i].preset[kind]);
		}
		assert_int_equal(shoal_profile_check(&profile, why, sizeof(why)), 0);
		assert_string_equal(why, "");
	}
}

static void
a_kind_that_is_none_is_refused_and_changes_nothing(void **state)
{
	struct shoal_profile profile, before;

	(void)state;
	memset(&profile, 0xee, sizeof(profile));
	before = profile;
	assert_int_equal(
	        shoal_profile_init(&profile, (enum shoal_profile_kind)3), SHOAL_ERR_INVALID);
	assert_memory_equal(&profile, &before, sizeof(profile));
}

static void
profiles_are_read_by_their_names(void **state)
{
	static const char *const names[] = {"lan", "wan", "local"};
	static const char *const bad[] = {"", "LAN", "la", "lans", " lan"};
	enum shoal_profile_kind kind;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(names); i++) {
		assert_int_equal(shoal_profile_parse(&kind, names[i]), 0);
		assert_int_equal(kind, i);
	}
	for (i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(shoal_profile_parse(&kind, bad[i]), SHOAL_ERR_INVALID);
	}
	assert_int_equal(kind, SHOAL_PROFILE_LOCAL);
}

/* Sets a field to a value by name and tells whether that was taken; it must then, and only then,
 * also pass the check. */
static bool
takes(size_t field, uint64_t value)
{
	struct shoal_profile profile = relaxed(field), before = profile;
	uint32_t direct = (uint32_t)value;
	char text[32], why[200];
	int err;

	snprintf(text, sizeof(text), "%" PRIu64, value);
	err = shoal_profile_set(&profile, fields[field].name, text);
	if (err == 0) {
		assert_int_equal(value_of(&profile, field), value);
		memcpy((char *)&before + fields[field].offset, &direct, sizeof(direct));
	} else {
		assert_int_equal(err, SHOAL_ERR_INVALID);
	}
	/* No other field moved. */
	assert_memory_equal(&profile, &before, sizeof(profile));
	if (value > UINT32_MAX) {
		return err == 0;
	}
	memcpy((char *)&profile + fields[field].offset, &direct, sizeof(direct));
	assert_int_equal(shoal_profile_check(&profile, why, sizeof(why)), err);
	if (err != 0) {
		char expected[200];

		snprintf(expected, sizeof(expected), "%s is %" PRIu64 ", allowed is %u to %u",
		        fields[field].name, value, fields[field].min, fields[field].max);
		assert_string_equal(why, expected);
	}
	return err == 0;
}

static void
every_field_takes_its_bounds_and_nothing_outside(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(fields); i++) {
		assert_true(fields[i].min < fields[i].max);
		assert_true(takes(i, fields[i].min));
		assert_true(takes(i, fields[i].max));
		assert_true(takes(i, fields[i].min + (fields[i].max - fields[i].min) / 2));
		assert_false(takes(i, fields[i].max + UINT64_C(1)));
		assert_false(takes(i, UINT32_MAX));
		assert_false(takes(i, (UINT64_C(1) << 32) + fields[i].min));
		if (fields[i].min > 0) {
			assert_false(takes(i, fields[i].min - 1));
			assert_false(takes(i, 0));
		}
	}
}

static void
what_is_no_field_or_no_number_is_refused(void **state)
{
	static const char *const bad[] = {"", " 5", "5 ", "-5", "+5", "5ms", "0x10", "1e1", "five"};
	struct shoal_profile profile, before;
	size_t i;

	(void)state;
	assert_int_equal(shoal_profile_init(&profile, SHOAL_PROFILE_LAN), 0);
	before = profile;
	for (i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(shoal_profile_set(&profile, "relays", bad[i]), SHOAL_ERR_INVALID);
	}
	assert_int_equal(shoal_profile_set(&profile, "relay", "5"), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_profile_set(&profile, "RELAYS", "5"), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_profile_set(&profile, "", "5"), SHOAL_ERR_NOT_FOUND);
	assert_memory_equal(&profile, &before, sizeof(profile));
}

static void
the_timeout_of_a_probe_is_below_its_interval(void **state)
{
	struct shoal_profile profile;
	char why[200];

	(void)state;
	assert_int_equal(shoal_profile_init(&profile, SHOAL_PROFILE_LAN), 0);
	profile.probe_timeout_ms = profile.probe_interval_ms - 1;
	assert_int_equal(shoal_profile_check(&profile, why, sizeof(why)), 0);
	profile.probe_timeout_ms++;
	assert_int_equal(shoal_profile_check(&profile, why, sizeof(why)), SHOAL_ERR_INVALID);
	assert_string_equal(why,
	        "probe_timeout_ms is 1000, must be below probe_interval_ms, which is "
	        "1000");
}

static void
a_message_that_fits_a_datagram_fits_a_stream(void **state)
{
	struct shoal_profile profile;
	char why[200];

	(void)state;
	assert_int_equal(shoal_profile_init(&profile, SHOAL_PROFILE_LAN), 0);
	assert_int_equal(shoal_profile_set(&profile, "datagram_max", "65000"), 0);
	assert_int_equal(shoal_profile_set(&profile, "stream_max", "65536"), 0);
	assert_int_equal(shoal_profile_check(&profile, why, sizeof(why)), 0);
	profile.stream_max = profile.datagram_max - 1;
	assert_int_equal(shoal_profile_check(&profile, why, sizeof(why)), SHOAL_ERR_INVALID);
}

/* It may be a setting in the next release. */
static void
a_number_that_is_no_field_yet_is_refused(void **state)
{
	struct shoal_profile profile;
	char why[200];

	(void)state;
	for (size_t i = 0; i < sizeof(profile.spare) / sizeof(profile.spare[0]); i++) {
		assert_int_equal(shoal_profile_init(&profile, SHOAL_PROFILE_LAN), 0);
		assert_int_equal(shoal_profile_check(&profile, why, sizeof(why)), 0);
		profile.spare[i] = 7;
		assert_int_equal(
		        shoal_profile_check(&profile, why, sizeof(why)), SHOAL_ERR_INVALID);
		assert_string_equal(why, "spare is 7, allowed is 0");
	}
}

static void
the_reason_is_cut_to_fit_every_buffer(void **state)
{
	static const char whole[] = "relays is 17, allowed is 0 to 16";
	struct shoal_profile profile;
	size_t len;

	(void)state;
	assert_int_equal(shoal_profile_init(&profile, SHOAL_PROFILE_LAN), 0);
	profile.relays = 17;
	assert_int_equal(shoal_profile_check(&profile, NULL, 0), SHOAL_ERR_INVALID);
	for (len = 1; len <= sizeof(whole) + 1; len++) {
		char *why = malloc(len);
		size_t shown = len < sizeof(whole) ? len - 1 : sizeof(whole) - 1;

		assert_non_null(why);
		assert_int_equal(shoal_profile_check(&profile, why, len), SHOAL_ERR_INVALID);
		assert_int_equal(strlen(why), shown);
		assert_memory_equal(why, whole, shown);
		free(why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_three_profiles_hold_the_numbers_of_the_table_and_pass),
	        cmocka_unit_test(a_kind_that_is_none_is_refused_and_changes_nothing),
	        cmocka_unit_test(profiles_are_read_by_their_names),
	        cmocka_unit_test(every_field_takes_its_bounds_and_nothing_outside),
	        cmocka_unit_test(what_is_no_field_or_no_number_is_refused),
	        cmocka_unit_test(the_timeout_of_a_probe_is_below_its_interval),
	        cmocka_unit_test(a_message_that_fits_a_datagram_fits_a_stream),
	        cmocka_unit_test(a_number_that_is_no_field_yet_is_refused),
	        cmocka_unit_test(the_reason_is_cut_to_fit_every_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
