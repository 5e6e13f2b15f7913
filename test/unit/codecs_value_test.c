/* SPDX-License-Identifier: MIT */
/* Trees of values through all codecs: drawn ones come back, what is damaged is refused or is
 * another value, memory may end at any moment, and no document makes much more of it than it is
 * long. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "codecs_draw.h"
#include "heap_fault.h"
#include "wire_fill.h"

#define CODECS 3

static const struct shoal_codec_ops *
codec_at(size_t i)
{
	return i == 0 ? shoal_codec_binary() : i == 1 ? shoal_codec_msgpack() : shoal_codec_json();
}

static void
drawn_values_come_back_through_every_codec(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (int i = 0; i < 1500; i++) {
		for (size_t k = 0; k < CODECS; k++) {
			struct shoal_value *value = draw_value(&seed, 5, k == 2);
			draw_round_trip(codec_at(k), value);
			shoal_value_free(value);
		}
	}
}

/* From one codec to the next and back, as between programs. */
static void
a_value_is_the_same_in_every_codec(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (int i = 0; i < 300; i++) {
		struct shoal_value *first = draw_value(&seed, 4, true), *value = NULL, *next;

		assert_int_equal(shoal_value_copy(&value, first, NULL), 0);
		for (size_t k = 0; k < CODECS; k++) {
			uint8_t *data;
			size_t len;

			assert_int_equal(
			        shoal_value_encode(codec_at(k), value, SIZE_MAX, NULL, &data, &len),
			        0);
			shoal_value_free(value);
			assert_int_equal(draw_decode(codec_at(k), data, len, &next), 0);
			free(data);
			value = next;
		}
		assert_true(shoal_value_equal(first, value));
		shoal_value_free(first);
		shoal_value_free(value);
	}
}

static bool
is_number(const struct shoal_value *value)
{
	enum shoal_value_type type = shoal_value_type(value);

	return type == SHOAL_VALUE_INT64 || type == SHOAL_VALUE_UINT64 ||
	       type == SHOAL_VALUE_DOUBLE;
}

static void
a_document_cut_anywhere_is_refused(void **state)
{
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 150; i++) {
		for (size_t k = 0; k < CODECS; k++) {
			struct shoal_value *value = draw_value(&seed, 4, true), *back;
			uint8_t *data;
			size_t len;

			assert_int_equal(
			        shoal_value_encode(codec_at(k), value, SIZE_MAX, NULL, &data, &len),
			        0);
			for (size_t cut = 0; cut < len && !is_number(value); cut++) {
				assert_int_equal(draw_decode(codec_at(k), data, cut, &back),
				        SHOAL_ERR_MALFORMED);
			}
			shoal_value_free(value);
			free(data);
		}
	}
}

/* What damage leaves readable is a value, and comes back as such. */
static void
a_damaged_document_is_refused_or_is_another_value(void **state)
{
	uint64_t seed = 4;
	size_t taken = 0, refused = 0;

	(void)state;
	for (int i = 0; i < 200; i++) {
		for (size_t k = 0; k < CODECS; k++) {
			struct shoal_value *value = draw_value(&seed, 4, true), *back;
			uint8_t *data;
			size_t len;

			assert_int_equal(
			        shoal_value_encode(codec_at(k), value, SIZE_MAX, NULL, &data, &len),
			        0);
			for (int turn = 0; turn < 30; turn++) {
				uint64_t draw = unit_random(&seed);
				data[draw % len] = (uint8_t)(draw >> 32);
				if (draw_decode(codec_at(k), data, len, &back) == 0) {
					draw_round_trip(codec_at(k), back);
					shoal_value_free(back);
					taken++;
				} else {
					refused++;
				}
			}
			shoal_value_free(value);
			free(data);
		}
	}
	assert_true(taken > 500 && refused > 500);
}

static void
the_limits_of_a_document_hold(void **state)
{
	static const struct shoal_value_limits flat = {.depth = 1, .elements = 4};
	static const struct {
		const char *json;
		int rc;
	} examples[] = {{"1", 0}, {"[1,2,3]", 0}, {"[1,2,3,4]", SHOAL_ERR_TOO_BIG}, {"[]", 0},
	        {"[[]]", SHOAL_ERR_TOO_BIG}, {"{\"a\":1,\"b\":2,\"c\":3}", 0},
	        {"{\"a\":1,\"b\":2,\"c\":3,\"d\":4}", SHOAL_ERR_TOO_BIG}};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(examples); i++) {
		struct shoal_value *value = draw_json(examples[i].json), *back;

		for (size_t k = 0; k < CODECS; k++) {
			uint8_t *data;
			size_t len;
			assert_int_equal(
			        shoal_value_encode(codec_at(k), value, SIZE_MAX, NULL, &data, &len),
			        0);
			assert_int_equal(
			        shoal_value_decode(codec_at(k), data, len, &flat, NULL, &back),
			        examples[i].rc);
			shoal_value_free(back);
			free(data);
		}
		shoal_value_free(value);
	}
}

static void
an_encoding_is_no_longer_than_it_may_be(void **state)
{
	struct shoal_value *array = shoal_value_array(NULL);
	uint8_t *data = NULL;
	size_t len = 0;

	(void)state;
	for (int i = 0; i < 400; i++) {
		assert_int_equal(shoal_value_add(array, shoal_value_int64(NULL, i)), 0);
	}
	for (size_t k = 0; k < CODECS; k++) {
		size_t whole = draw_round_trip(codec_at(k), array);
		for (size_t limit = 0; limit < whole; limit += limit < 8 ? 1 : 97) {
			assert_int_equal(
			        shoal_value_encode(codec_at(k), array, limit, NULL, &data, &len),
			        SHOAL_ERR_TOO_BIG);
		}
		assert_int_equal(
		        shoal_value_encode(codec_at(k), array, whole, NULL, &data, &len), 0);
		assert_int_equal(len, whole);
		free(data);
	}
	shoal_value_free(array);
}

static void
a_string_that_is_none_is_not_encoded(void **state)
{
	struct shoal_value *value = shoal_value_string(NULL, "a\xff", 2);
	struct shoal_value *map = shoal_value_map(NULL);
	uint8_t *data;
	size_t len;

	(void)state;
	assert_int_equal(shoal_value_put(map, "\xc0", shoal_value_null(NULL)), 0);
	for (size_t k = 0; k < CODECS; k++) {
		assert_int_equal(
		        shoal_value_encode(codec_at(k), value, SIZE_MAX, NULL, &data, &len),
		        SHOAL_ERR_INVALID);
		assert_int_equal(shoal_value_encode(codec_at(k), map, SIZE_MAX, NULL, &data, &len),
		        SHOAL_ERR_INVALID);
	}
	shoal_value_free(value);
	shoal_value_free(map);
}

static const char document[] =
        "{\"a text that is longer\":\"another text\",\"array\":[1,2,3,4,5,[6,7,{\"x\":null}],[]],"
        "\"bytes\":\"data:;base64,AAAAAAAAAAAAAAAAAAAA\",\"map\":{\"1\":1,\"2\":2,\"3\":3,"
        "\"4\":4,\"5\":5,\"long, long, long key\":[[],{}]}}";

/* Reads the document, writes it in the codec of *arg, reads that. */
static int
there_and_back(const struct shoal_allocator *mem, void *arg)
{
	const struct shoal_codec_ops *codec = arg;
	struct shoal_value *value = NULL, *back = NULL;
	uint8_t *data = NULL;
	size_t len;
	int rc = shoal_value_decode(shoal_codec_json(), (const uint8_t *)document,
	        sizeof document - 1, NULL, mem, &value);

	if (rc == SHOAL_OK) {
		rc = shoal_value_encode(codec, value, SIZE_MAX, mem, &data, &len);
	}
	if (rc == SHOAL_OK) {
		rc = shoal_value_decode(codec, data, len, NULL, mem, &back);
		mem->free(data, mem->arg);
	}
	assert_true(rc != SHOAL_OK || shoal_value_equal(value, back));
	shoal_value_free(value);
	shoal_value_free(back);
	return rc;
}

/* That a block could not be made smaller is no failure: the sweep tolerates it. */
static void
memory_may_end_at_any_moment(void **state)
{
	(void)state;
	for (size_t k = 0; k < CODECS; k++) {
		assert_true(heap_fault_sweep_tolerant(
		                    there_and_back, (void *)(uintptr_t)codec_at(k)) > 30);
	}
}

/* The most memory that decoding held for a byte of the document, whatever came of it. */
static double
amplification(const struct shoal_codec_ops *codec, const uint8_t *data, size_t len)
{
	static const struct shoal_value_limits all = {SHOAL_DEPTH_MAX, UINT32_MAX};
	struct heap_fault fault;
	struct shoal_value *value;

	heap_fault_init(&fault);
	(void)shoal_value_decode(codec, data, len, &all, &fault.mem, &value);
	shoal_value_free(value);
	assert_int_equal(fault.live, 0);
	return (double)fault.peak / (double)len;
}

struct filling {
	size_t codec;
	const char *head, *part; /* a document: head, then part again and again */
	size_t head_len, part_len;
};

#define FILLING(codec, head, part)                                                                 \
	{                                                                                          \
		codec, head, part, sizeof(head) - 1, sizeof(part) - 1                              \
	}

/* Many small things in many ways; the counts are more than there is of them, so some are refused
 * before and some behind what costs memory. */
static void
no_document_takes_much_more_memory_than_it_is_long(void **state)
{
	static const struct filling fillings[] = {
	        FILLING(0, "\x08\x80\x80\x04", "\x00"),
	        FILLING(0, "\x08\x80\x80\x02", "\x61\x00"),
	        FILLING(0, "\x08\x80\x80\x02", "\x70"),
	        FILLING(0, "\x09\x80\x80\x02", "\x00\x00"),
	        FILLING(0, "\x08\x80\xab\x01", "\x71\x00\x00"),
	        FILLING(1, "\xdd\x00\x01\x00\x00", "\xc0"),
	        FILLING(1, "\xdd\x00\x00\x80\x00", "\x91\xc0"),
	        FILLING(1, "\xdd\x00\x00\x55\x55", "\x81\xa0\xc0"),
	        FILLING(1, "\xdd\x00\x00\x71\xc8",
	                "\xa8"
	                "12345678"),
	        FILLING(1, "", "\xdd\x00\x10\x00\x00"),
	        FILLING(1, "", "\xdf\x00\x00\x01\x00"),
	        FILLING(1, "", "\x91"),
	        FILLING(2, "[0", ",0"),
	        FILLING(2, "[[]", ",[]"),
	        FILLING(2, "[[0]", ",[0]"),
	        FILLING(2, "[{}", ",{}"),
	        FILLING(2, "[{\"\":0}", ",{\"\":0}"),
	        FILLING(2, "[\"\"", ",\"\""),
	        FILLING(2, "", "["),
	        FILLING(2, "", "{\"\":"),
	};
	static uint8_t data[65536 + 16];
	double most = 0;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(fillings); i++) {
		const struct filling *f = &fillings[i];
		/* Lengths just above those at which a block doubles are the worst. */
		for (size_t len = 65536; len > 16384; len = len * 15 / 16) {
			double factor;
			size_t at = f->head_len;

			memcpy(data, f->head, at);
			while (at < len) {
				memcpy(data + at, f->part, f->part_len);
				at += f->part_len;
			}
			if (f->codec == 2 && f->head_len > 0) {
				data[at++] = ']';
			}
			factor = amplification(codec_at(f->codec), data, at);
			if (factor > 24) {
				fail_msg("filling %zu takes %.1f bytes a byte", i, factor);
			}
			most = factor > most ? factor : most;
		}
	}
	printf("at most %.1f bytes of memory for a byte of a document\n", most);
	assert_true(most > 15);
}

/* Distinct keys in the order that a simple sort is slowest with, and in none. */
static void
many_keys_are_ordered_and_found(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int turn = 0; turn < 3; turn++) {
		struct shoal_value *map = shoal_value_map(NULL), *back;
		uint8_t *data;
		size_t len;

		for (int i = 0; i < 20000; i++) {
			char key[24];
			int n = turn == 0 ? i : turn == 1 ? 20000 - i : i * 7919 % 20011;
			snprintf(key, sizeof key, "%08d", n);
			assert_int_equal(shoal_value_put(map, key, shoal_value_int64(NULL, n)), 0);
		}
		assert_int_equal(
		        shoal_value_encode(shoal_codec_msgpack(), map, SIZE_MAX, NULL, &data, &len),
		        0);
		assert_int_equal(draw_decode(shoal_codec_msgpack(), data, len, &back), 0);
		assert_true(shoal_value_equal(map, back));
		for (int i = 0; i < 1000; i++) {
			size_t at = unit_random(&seed) % 20000;
			assert_ptr_equal(shoal_value_find(back, shoal_value_key(map, at)),
			        shoal_value_at(back, at));
		}
		free(data);
		shoal_value_free(map);
		shoal_value_free(back);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(drawn_values_come_back_through_every_codec),
	        cmocka_unit_test(a_value_is_the_same_in_every_codec),
	        cmocka_unit_test(a_document_cut_anywhere_is_refused),
	        cmocka_unit_test(a_damaged_document_is_refused_or_is_another_value),
	        cmocka_unit_test(the_limits_of_a_document_hold),
	        cmocka_unit_test(an_encoding_is_no_longer_than_it_may_be),
	        cmocka_unit_test(a_string_that_is_none_is_not_encoded),
	        cmocka_unit_test(memory_may_end_at_any_moment),
	        cmocka_unit_test(no_document_takes_much_more_memory_than_it_is_long),
	        cmocka_unit_test(many_keys_are_ordered_and_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
