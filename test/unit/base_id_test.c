/* SPDX-License-Identifier: MIT */
/* Ids: text both ways, ids of names against values that another implementation computed, UUIDv7
 * against RFC 9562. */
#include "unit.h"

#include "base/id.h"
#include <shoal/error.h>

static const struct shoal_id sample = {{0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3, 0x98, 0xc4,
        0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f}};
static const char sample_text[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

static void
an_id_is_read_with_dashes_or_without_in_either_case(void **state)
{
	static const char *const forms[] = {
	        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
	        "017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
	        "017f22e279b07cc398c4dc0c0c07398f",
	        "017F22e279B07cc398c4dC0c0c07398F",
	};
	struct shoal_id id;
	char text[SHOAL_ID_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(forms); i++) {
		memset(&id, 0, sizeof(id));
		assert_int_equal(shoal_id_parse(&id, forms[i]), 0);
		assert_memory_equal(&id, &sample, sizeof(id));
	}
	shoal_id_print(&sample, text);
	assert_string_equal(text, sample_text);
}

static void
what_is_no_id_is_refused_and_changes_nothing(void **state)
{
	static const char *const bad[] = {
	        "",
	        "-",
	        "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
	        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0",
	        "017f22e279b07cc398c4dc0c0c07398",
	        "017f22e279b07cc398c4dc0c0c07398f0",
	        "017f22e279b07cc398c4dc0c0c07398fabcd",
	        "017f22e-279b0-7cc3-98c4-dc0c0c07398f",
	        "{17f22e2-79b0-7cc3-98c4-dc0c0c07398}",
	        "017f22e2-79b0-7cc3-98c4dc0c0c07398f-",
	        " 17f22e279b07cc398c4dc0c0c07398f",
	        "+17f22e279b07cc398c4dc0c0c07398f",
	};
	struct shoal_id id = sample;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(shoal_id_parse(&id, bad[i]), SHOAL_ERR_INVALID);
	}
	assert_memory_equal(&id, &sample, sizeof(id));
}

static void
no_other_byte_can_stand_at_any_place_of_an_id(void **state)
{
	size_t place;
	unsigned byte;

	(void)state;
	for (place = 0; place < sizeof(sample_text) - 1; place++) {
		for (byte = 1; byte < 256; byte++) {
			char text[sizeof(sample_text)];
			struct shoal_id id;
			bool digit = strchr("0123456789abcdefABCDEF", (int)byte) != NULL;
			bool fits = sample_text[place] == '-' ? byte == '-' : digit;

			memcpy(text, sample_text, sizeof(text));
			text[place] = (char)byte;
			assert_int_equal(shoal_id_parse(&id, text), fits ? 0 : SHOAL_ERR_INVALID);
		}
	}
}

static void
any_id_survives_print_and_parse(void **state)
{
	uint64_t seed = 3;
	unsigned round;

	(void)state;
	for (round = 0; round < 1000; round++) {
		struct shoal_id id, back;
		char text[SHOAL_ID_TEXT];
		size_t i;

		for (i = 0; i < sizeof(id.bytes); i++) {
			id.bytes[i] = (uint8_t)unit_random(&seed);
		}
		shoal_id_print(&id, text);
		assert_int_equal(strlen(text), SHOAL_ID_TEXT - 1);
		assert_int_equal(shoal_id_parse(&back, text), 0);
		assert_int_equal(shoal_id_compare(&id, &back), 0);
	}
}

static void
a_name_under_a_label_has_the_same_id_everywhere(void **state)
{
	static const struct {
		const char *label, *name, *id;
	} table[] = {
	        {NULL, "web-1", "731a52c3-6c1c-8208-a36e-38706c4d4048"},
	        {"", "web-1", "731a52c3-6c1c-8208-a36e-38706c4d4048"},
	        {"prod", "web-1", "0ce1ad73-5482-8598-aeb5-38ffe3106b67"},
	        {"a", "bc", "ea1cc672-b17a-8c99-9273-503a298965ef"},
	        {"ab", "c", "c150b536-a0d7-850f-9d04-0d8dac8f6924"},
	        {NULL,
	                "gr\xc3\xb6\xc3\x9f"
	                "e",
	                "48651621-716a-8450-8291-d3d46372375d"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(table); i++) {
		struct shoal_id id;
		char text[SHOAL_ID_TEXT];

		assert_int_equal(shoal_id_from_name(&id, table[i].label, table[i].name), 0);
		shoal_id_print(&id, text);
		assert_string_equal(text, table[i].id);
	}
}

static void
a_name_and_a_label_may_be_as_long_as_stated_and_no_longer(void **state)
{
	char label[SHOAL_LABEL_MAX + 2], name[SHOAL_NAME_MAX + 2], text[SHOAL_ID_TEXT];
	struct shoal_id id;

	(void)state;
	memset(label, 'L', sizeof(label));
	memset(name, 'N', sizeof(name));
	label[SHOAL_LABEL_MAX] = 0;
	name[SHOAL_NAME_MAX] = 0;
	assert_int_equal(shoal_id_from_name(&id, label, name), 0);
	shoal_id_print(&id, text);
	assert_string_equal(text, "fdc7e53d-6274-87e1-9d29-e3a58c2fff25");
	assert_int_equal(shoal_id_from_name(&id, label, ""), SHOAL_ERR_INVALID);
	name[SHOAL_NAME_MAX] = 'N';
	name[SHOAL_NAME_MAX + 1] = 0;
	assert_int_equal(shoal_id_from_name(&id, "", name), SHOAL_ERR_INVALID);
	label[SHOAL_LABEL_MAX] = 'L';
	label[SHOAL_LABEL_MAX + 1] = 0;
	assert_int_equal(shoal_id_from_name(&id, label, "a"), SHOAL_ERR_INVALID);
	shoal_id_print(&id, text);
	assert_string_equal(text, "fdc7e53d-6274-87e1-9d29-e3a58c2fff25");
}

static void
an_id_from_time_is_a_version_7_uuid(void **state)
{
	/* RFC 9562, A.6. */
	static const uint8_t random[16] = {0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xaa, 0xfc, 0xc3, 0xd8,
	        0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
	static const uint8_t ones[16] = {
	        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
	struct shoal_id id, later;

	(void)state;
	shoal_id_from_time(&id, UINT64_C(1645557742000) * 1000000 + 999999, random);
	assert_memory_equal(&id, &sample, sizeof(id));
	shoal_id_from_time(&id, SHOAL_MS(41), ones);
	shoal_id_from_time(&later, SHOAL_MS(42), (const uint8_t[16]){0});
	assert_true(shoal_id_compare(&id, &later) < 0);
	assert_int_equal(id.bytes[6], 0x7f);
	assert_int_equal(id.bytes[8], 0xbf);
	assert_int_equal(later.bytes[6], 0x70);
	assert_int_equal(later.bytes[8], 0x80);
}

static void
ids_are_ordered_by_their_bytes(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < 16; i++) {
		struct shoal_id low = sample, high = sample, zero = {{0}};

		low.bytes[i] = 0x7f;
		high.bytes[i] = 0x80;
		assert_true(shoal_id_compare(&low, &high) < 0);
		assert_true(shoal_id_compare(&high, &low) > 0);
		assert_int_equal(shoal_id_compare(&low, &low), 0);
		assert_true(shoal_id_is_zero(&zero));
		zero.bytes[i] = 1;
		assert_false(shoal_id_is_zero(&zero));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(an_id_is_read_with_dashes_or_without_in_either_case),
	        cmocka_unit_test(what_is_no_id_is_refused_and_changes_nothing),
	        cmocka_unit_test(no_other_byte_can_stand_at_any_place_of_an_id),
	        cmocka_unit_test(any_id_survives_print_and_parse),
	        cmocka_unit_test(a_name_under_a_label_has_the_same_id_everywhere),
	        cmocka_unit_test(a_name_and_a_label_may_be_as_long_as_stated_and_no_longer),
	        cmocka_unit_test(an_id_from_time_is_a_version_7_uuid),
	        cmocka_unit_test(ids_are_ordered_by_their_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
