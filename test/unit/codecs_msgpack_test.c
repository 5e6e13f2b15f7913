/* SPDX-License-Identifier: MIT */
/* MessagePack: the shortest form of everything on writing, every form on reading, and what is no
 * value of ours. */
#include "unit.h"

#include <stdlib.h>

#include "codecs_draw.h"

static const struct shoal_codec_ops *
msgpack(void)
{
	return shoal_codec_msgpack();
}

static void
everything_is_written_in_its_shortest_form(void **state)
{
	static const struct {
		const char *json, *hex;
	} examples[] = {
	        {"null", "c0"},
	        {"false", "c2"},
	        {"true", "c3"},
	        {"0", "00"},
	        {"127", "7f"},
	        {"128", "cc80"},
	        {"255", "ccff"},
	        {"256", "cd0100"},
	        {"65535", "cdffff"},
	        {"65536", "ce00010000"},
	        {"4294967295", "ceffffffff"},
	        {"4294967296", "cf0000000100000000"},
	        {"18446744073709551615", "cfffffffffffffffff"},
	        {"-1", "ff"},
	        {"-32", "e0"},
	        {"-33", "d0df"},
	        {"-128", "d080"},
	        {"-129", "d1ff7f"},
	        {"-32768", "d18000"},
	        {"-32769", "d2ffff7fff"},
	        {"-2147483648", "d280000000"},
	        {"-2147483649", "d3ffffffff7fffffff"},
	        {"-9223372036854775808", "d38000000000000000"},
	        {"1.5", "cb3ff8000000000000"},
	        {"\"\"", "a0"},
	        {"\"abc\"", "a3616263"},
	        {"\"0123456789012345678901234567890\"",
	                "bf30313233343536373839303132333435363738393031323334353637383930"},
	        {"\"01234567890123456789012345678901\"",
	                "d9203031323334353637383930313233343536373839303132333435363738393031"},
	        {"\"data:;base64,\"", "c400"},
	        {"\"data:;base64,AQID\"", "c403010203"},
	        {"[]", "90"},
	        {"[1,[2],{}]", "9301910280"},
	        {"[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", "dc001000000000000000000000000000000000"},
	        {"{}", "80"},
	        {"{\"a\":null,\"\":{\"b\":1}}", "82a161c0a081a16201"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(examples); i++) {
		draw_expect_both(msgpack(), examples[i].json, examples[i].hex);
	}
}

static void
longer_forms_are_read_too(void **state)
{
	static const struct {
		const char *json, *hex;
	} examples[] = {
	        {"1", "cc01"},
	        {"1", "cd0001"},
	        {"1", "ce00000001"},
	        {"1", "cf0000000000000001"},
	        {"1", "d001"},
	        {"1", "d10001"},
	        {"1", "d200000001"},
	        {"1", "d30000000000000001"},
	        {"-1", "d0ff"},
	        {"-1", "d1ffff"},
	        {"-1", "d2ffffffff"},
	        {"-1", "d3ffffffffffffffff"},
	        {"127", "d07f"},
	        {"9223372036854775807", "d37fffffffffffffff"},
	        {"1.5", "ca3fc00000"},
	        {"-0.0", "ca80000000"},
	        {"\"a\"", "d90161"},
	        {"\"a\"", "da000161"},
	        {"\"a\"", "db0000000161"},
	        {"\"data:;base64,AQ==\"", "c5000101"},
	        {"\"data:;base64,AQ==\"", "c60000000101"},
	        {"[1]", "dc000101"},
	        {"[1]", "dd0000000101"},
	        {"{\"a\":1}", "de0001d9016101"},
	        {"{\"a\":1}", "df00000001a16101"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(examples); i++) {
		draw_expect_value(msgpack(), examples[i].json, examples[i].hex);
	}
}

static void
extensions_and_keys_that_are_no_strings_are_no_values_of_ours(void **state)
{
	static const char *const wrong[] = {"c70100 00", "c8000100 00", "c900000001 0000", "d40000",
	        "d5000000", "d60000000000", "d7ff0000000000000000",
	        "d80000000000000000000000000000000000", "8101a161", "81c0c0", "81c40161c0",
	        "818080", "9100 c1"};

	(void)state;
	for (size_t i = 0; i + 1 < COUNT_OF(wrong); i++) {
		draw_expect_error(msgpack(), SHOAL_ERR_UNSUPPORTED, wrong[i]);
	}
	draw_expect_error(msgpack(), SHOAL_ERR_MALFORMED, wrong[COUNT_OF(wrong) - 1]);
}

/* Among these is what libraries of others take, or make gigabytes of. */
static void
what_is_cut_or_claims_more_than_is_there_is_refused(void **state)
{
	static const char *const wrong[] = {"", "c1", "cc", "cd00", "ce000000", "cf00000000000000",
	        "d0", "d1ff", "ca000000", "cb00000000000000", "a1", "a261", "d9", "d9016161",
	        "da00", "db00000002 61", "db ffffffff 61", "c4", "c401", "c5 0001", "c6 ffffffff",
	        "91", "92 00", "dc 0001", "dd 00100000", "dd 7fffffff", "dd ffffffff",
	        "dd 80000000", "df 80000000", "df 04000000", "81", "81a161", "82a16100a16101",
	        "00 00", "a1 ff", "a1 00", "81a1ff00", "dd 00000002 dd 00000001"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		draw_expect_error(msgpack(), SHOAL_ERR_MALFORMED, wrong[i]);
	}
}

static void
lengths_about_the_borders_of_the_forms_come_back(void **state)
{
	static const size_t lengths[] = {15, 16, 31, 32, 255, 256, 65535};
	static const size_t heads[3][7] = {
	        {1, 1, 1, 2, 2, 3, 3}, {2, 2, 2, 2, 2, 3, 3}, {1, 3, 3, 3, 3, 3, 3}};
	char *text = malloc(65536);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', 65536);
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		struct shoal_value *value[3] = {shoal_value_string(NULL, text, lengths[i]),
		        shoal_value_bytes(NULL, text, lengths[i]), shoal_value_array(NULL)};

		for (size_t k = 0; k < lengths[i]; k++) {
			assert_int_equal(shoal_value_add(value[2], shoal_value_null(NULL)), 0);
		}
		for (size_t k = 0; k < 3; k++) {
			assert_int_equal(
			        draw_round_trip(msgpack(), value[k]), lengths[i] + heads[k][i]);
			shoal_value_free(value[k]);
		}
	}
	struct shoal_value *value = shoal_value_string(NULL, text, 65536);
	assert_int_equal(draw_round_trip(msgpack(), value), 65536 + 5);
	shoal_value_free(value);
	free(text);
}

static void
it_says_what_it_is(void **state)
{
	(void)state;
	assert_string_equal(msgpack()->name, "msgpack");
	assert_int_equal(msgpack()->abi, SHOAL_CODEC_ABI);
	assert_int_equal(msgpack()->id, SHOAL_CODEC_MSGPACK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(everything_is_written_in_its_shortest_form),
	        cmocka_unit_test(longer_forms_are_read_too),
	        cmocka_unit_test(extensions_and_keys_that_are_no_strings_are_no_values_of_ours),
	        cmocka_unit_test(what_is_cut_or_claims_more_than_is_there_is_refused),
	        cmocka_unit_test(lengths_about_the_borders_of_the_forms_come_back),
	        cmocka_unit_test(it_says_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
