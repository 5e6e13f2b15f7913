/* SPDX-License-Identifier: MIT */
/* Base64: the examples of RFC 4648, every length there and back, and what is not the one form of
 * its bytes. */
#include "unit.h"

#include "base/writer.h"
#include "codecs/base64.h"

static void
encode(const void *data, size_t len, char *text, size_t cap)
{
	struct shoal_writer writer;

	shoal_writer_init(&writer, (uint8_t *)text, cap - 1);
	shoal_base64_write(&writer, data, len);
	assert_false(writer.failed);
	text[writer.len] = 0;
}

static void
the_published_examples_come_out(void **state)
{
	static const struct {
		const char *data, *text;
	} examples[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
	        {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
	        {"\xff\xef\xbe", "/+++"}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(examples); i++) {
		char text[16];
		encode(examples[i].data, strlen(examples[i].data), text, sizeof text);
		assert_string_equal(text, examples[i].text);
	}
}

static void
bytes_of_every_length_come_back(void **state)
{
	uint8_t data[100], back[101];
	char text[200];
	uint64_t seed = 1;
	size_t bytes;

	(void)state;
	for (size_t len = 0; len <= sizeof data; len++) {
		for (size_t i = 0; i < len; i++) {
			data[i] = (uint8_t)unit_random(&seed);
		}
		encode(data, len, text, sizeof text);
		assert_true(shoal_base64_check((uint8_t *)text, strlen(text), &bytes));
		assert_int_equal(bytes, len);
		memset(back, 0x55, sizeof back);
		shoal_base64_decode((uint8_t *)text, strlen(text), back);
		assert_memory_equal(back, data, len);
		assert_int_equal(back[len], 0x55);
	}
}

static void
what_is_not_the_one_form_is_refused(void **state)
{
	static const char *const wrong[] = {"A", "AA", "AAA", "AAAAA", "====", "A===", "AA=A",
	        "=AAA", "AB==", "AAB=", "AA==AAAA", "AA-A", "AA_A", "AAA ", "AA\nA", "AA==\n",
	        "AAAA====", "AA\200A"};
	size_t bytes;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		if (shoal_base64_check((const uint8_t *)wrong[i], strlen(wrong[i]), &bytes)) {
			fail_msg("%s was taken", wrong[i]);
		}
	}
}

static void
what_does_not_fit_shows_in_the_writer(void **state)
{
	uint8_t text[7];
	struct shoal_writer writer;

	(void)state;
	shoal_writer_init(&writer, text, sizeof text);
	shoal_base64_write(&writer, (const uint8_t *)"foob", 4);
	assert_true(writer.failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_published_examples_come_out),
	        cmocka_unit_test(bytes_of_every_length_come_back),
	        cmocka_unit_test(what_is_not_the_one_form_is_refused),
	        cmocka_unit_test(what_does_not_fit_shows_in_the_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
