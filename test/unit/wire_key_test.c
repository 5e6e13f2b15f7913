/* SPDX-License-Identifier: MIT */
/* Keys as base64 and by their prints. */
#include "unit.h"

#include <stdio.h>

#include <shoal/keyring.h>

static struct shoal_key
draw(uint64_t *seed, uint8_t len)
{
	struct shoal_key key = {.len = len};

	for (size_t i = 0; i < len; i++) {
		key.bytes[i] = (uint8_t)unit_random(seed);
	}
	return key;
}

static void
a_key_comes_back_from_its_text(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (unsigned i = 0; i < 300; i++) {
		struct shoal_key key = draw(&seed, (uint8_t)(16 + i % 3 * 8)), back;
		char text[SHOAL_KEY_TEXT], spaced[SHOAL_KEY_TEXT + 8];

		memset(text, 'x', sizeof text);
		shoal_key_print(&key, text);
		assert_int_equal(strlen(text), (key.len + 2u) / 3 * 4);
		assert_int_equal(shoal_key_parse(&back, text, strlen(text)), SHOAL_OK);
		assert_memory_equal(&back, &key, sizeof key);
		snprintf(spaced, sizeof spaced, " \t%s\r\n", text);
		assert_int_equal(shoal_key_parse(&back, spaced, strlen(spaced)), SHOAL_OK);
		assert_memory_equal(&back, &key, sizeof key);
		assert_true(shoal_key_name(&back) == shoal_key_name(&key));
		key.bytes[i % key.len] ^= 1;
		assert_true(shoal_key_name(&back) != shoal_key_name(&key));
	}
}

static void
a_text_is_what_others_make_of_the_same_bytes(void **state)
{
	struct shoal_key key = {.len = 16};
	char text[SHOAL_KEY_TEXT];

	(void)state;
	for (uint8_t i = 0; i < 16; i++) {
		key.bytes[i] = (uint8_t)(0xf0 + i);
	}
	shoal_key_print(&key, text);
	assert_string_equal(text, "8PHy8/T19vf4+fr7/P3+/w==");
}

static void
what_is_no_key_is_refused_and_wiped(void **state)
{
	static const char *const wrong[] = {"", " ", "AAAA",
	        "8PHy8/T19vf4+fr7/P3+/w=", "8PHy8/T19vf4+fr7/P3+/w", "8PHy8/T19vf4+fr7/P3+/w===",
	        "8PHy8/T19vf4+fr7/P3+/x==", "8PHy8/T19vf4-fr7_P3-_w==", "8PHy8/T19vf4+fr7/P3+==w/",
	        "8PHy8/T1 9vf4+fr7/P3+/w==", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	        "====", "AAAAAAAAAAAAAAAAAAAAAAAAAA=="};
	static const struct shoal_key none;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct shoal_key key;
		memset(&key, 0xaa, sizeof key);
		if (shoal_key_parse(&key, wrong[i], strlen(wrong[i])) != SHOAL_ERR_INVALID) {
			fail_msg("\"%s\" is taken", wrong[i]);
		}
		assert_memory_equal(&key, &none, sizeof key);
	}
}

static void
a_key_is_wiped(void **state)
{
	uint64_t seed = 2;
	struct shoal_key key = draw(&seed, 32);
	static const struct shoal_key none;

	(void)state;
	shoal_key_wipe(&key, sizeof key);
	assert_memory_equal(&key, &none, sizeof key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_key_comes_back_from_its_text),
	        cmocka_unit_test(a_text_is_what_others_make_of_the_same_bytes),
	        cmocka_unit_test(what_is_no_key_is_refused_and_wiped),
	        cmocka_unit_test(a_key_is_wiped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
