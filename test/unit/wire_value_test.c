/* SPDX-License-Identifier: MIT */
/* Trees of values in memory: building, keys in their order, what is taken over, what is refused,
 * and memory that ends at any moment. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <shoal/value.h>

#include "heap_fault.h"

static void
the_content_is_given_as_any_type_that_holds_it(void **state)
{
	struct shoal_value *five = shoal_value_int64(NULL, 5), *below = shoal_value_int64(NULL, -5);
	struct shoal_value *most = shoal_value_uint64(NULL, UINT64_MAX);
	struct shoal_value *odd = shoal_value_int64(NULL, (INT64_C(1) << 53) + 1);
	struct shoal_value *half = shoal_value_double(NULL, 0.5),
	                   *yes = shoal_value_bool(NULL, true);
	int64_t i = 0;
	uint64_t u = 0;
	double d = 0;
	bool b = false;

	(void)state;
	assert_int_equal(shoal_value_get_int64(five, &i), 0);
	assert_int_equal(shoal_value_get_uint64(five, &u), 0);
	assert_int_equal(shoal_value_get_double(five, &d), 0);
	assert_true(i == 5 && u == 5 && d == 5.0);
	assert_int_equal(shoal_value_get_uint64(below, &u), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_value_get_double(below, &d), 0);
	assert_true(u == 5 && d == -5.0);
	assert_int_equal(shoal_value_get_int64(most, &i), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_value_get_uint64(most, &u), 0);
	assert_int_equal(shoal_value_get_double(most, &d), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_value_get_double(odd, &d), SHOAL_ERR_TYPE);
	assert_true(u == UINT64_MAX && d == -5.0);
	assert_int_equal(shoal_value_get_int64(half, &i), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_value_get_double(half, &d), 0);
	assert_int_equal(shoal_value_get_bool(yes, &b), 0);
	assert_true(d == 0.5 && b);
	assert_int_equal(shoal_value_get_bool(half, &b), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_value_get_int64(NULL, &i), SHOAL_ERR_TYPE);
	shoal_value_free(five);
	shoal_value_free(below);
	shoal_value_free(most);
	shoal_value_free(odd);
	shoal_value_free(half);
	shoal_value_free(yes);
	shoal_value_free(NULL);
	struct shoal_value *edge = shoal_value_uint64(NULL, UINT64_C(1) << 63);
	assert_int_equal(shoal_value_get_double(edge, &d), 0);
	assert_true(d == 9223372036854775808.0);
	shoal_value_free(edge);
	edge = shoal_value_int64(NULL, INT64_MIN);
	assert_int_equal(shoal_value_get_double(edge, &d), 0);
	assert_true(d == -9223372036854775808.0);
	shoal_value_free(edge);
}

static void
an_integer_has_one_type_wherever_it_fits(void **state)
{
	struct shoal_value *a = shoal_value_uint64(NULL, INT64_MAX);
	struct shoal_value *b = shoal_value_int64(NULL, INT64_MAX);
	struct shoal_value *c = shoal_value_uint64(NULL, (uint64_t)INT64_MAX + 1);

	(void)state;
	assert_int_equal(shoal_value_type(a), SHOAL_VALUE_INT64);
	assert_int_equal(shoal_value_type(c), SHOAL_VALUE_UINT64);
	assert_true(shoal_value_equal(a, b));
	assert_false(shoal_value_equal(a, c));
	shoal_value_free(a);
	shoal_value_free(b);
	shoal_value_free(c);
}

static void
texts_and_bytes_of_every_length_are_kept_with_a_zero_behind(void **state)
{
	char data[64];
	const char *text;
	const uint8_t *bytes;
	size_t len;

	(void)state;
	memset(data, 'x', sizeof data);
	for (size_t n = 0; n < sizeof data; n++) {
		struct shoal_value *string = shoal_value_string(NULL, data, n);
		struct shoal_value *blob = shoal_value_bytes(NULL, data, n);

		assert_int_equal(shoal_value_get_string(string, &text, &len), 0);
		assert_true(len == n && strlen(text) == n);
		assert_int_equal(shoal_value_get_string(string, &text, NULL), 0);
		assert_int_equal(shoal_value_get_bytes(string, &bytes, &len), SHOAL_ERR_TYPE);
		assert_int_equal(shoal_value_get_bytes(blob, &bytes, &len), 0);
		assert_int_equal(shoal_value_get_bytes(blob, &bytes, NULL), 0);
		assert_true(len == n && bytes[n] == 0);
		assert_memory_equal(bytes, data, n);
		assert_int_equal(shoal_value_get_string(blob, &text, &len), SHOAL_ERR_TYPE);
		assert_false(shoal_value_equal(string, blob));
		shoal_value_free(string);
		shoal_value_free(blob);
	}
}

static void
a_map_keeps_its_keys_as_they_came_and_finds_each(void **state)
{
	struct shoal_value *map = shoal_value_map(NULL);
	uint64_t seed = 1;
	char key[3000][12];
	int64_t n;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		snprintf(key[i], sizeof key[i], "%x", (unsigned)(unit_random(&seed) >> 36));
		if (shoal_value_find(map, key[i]) != NULL) {
			i--;
			continue;
		}
		assert_int_equal(shoal_value_put(map, key[i], shoal_value_int64(NULL, i)), 0);
	}
	assert_int_equal(shoal_value_count(map), 3000);
	for (size_t i = 0; i < 3000; i++) {
		assert_string_equal(shoal_value_key(map, i), key[i]);
		assert_ptr_equal(shoal_value_find(map, key[i]), shoal_value_at(map, i));
		assert_int_equal(shoal_value_get_int64(shoal_value_at(map, i), &n), 0);
		assert_int_equal(n, i);
	}
	assert_null(shoal_value_find(map, "not there"));
	assert_null(shoal_value_key(map, 3000));
	assert_null(shoal_value_at(map, 3000));
	shoal_value_free(map);
}

static void
a_key_that_is_there_gets_the_new_value_in_its_old_place(void **state)
{
	struct shoal_value *map = shoal_value_map(NULL);
	const char *text;

	(void)state;
	assert_int_equal(shoal_value_put(map, "a", shoal_value_text(NULL, "a long first one")), 0);
	assert_int_equal(shoal_value_put(map, "b", shoal_value_null(NULL)), 0);
	assert_int_equal(shoal_value_put(map, "a", shoal_value_text(NULL, "second")), 0);
	assert_int_equal(shoal_value_count(map), 2);
	assert_string_equal(shoal_value_key(map, 0), "a");
	assert_int_equal(shoal_value_get_string(shoal_value_at(map, 0), &text, NULL), 0);
	assert_string_equal(text, "second");
	shoal_value_free(map);
}

static void
what_is_no_container_holds_nothing(void **state)
{
	struct shoal_value *null = shoal_value_null(NULL), *array = shoal_value_array(NULL);

	(void)state;
	assert_int_equal(shoal_value_type(NULL), SHOAL_VALUE_NULL);
	assert_int_equal(shoal_value_count(null), 0);
	assert_int_equal(shoal_value_count(NULL), 0);
	assert_null(shoal_value_at(NULL, 0));
	assert_null(shoal_value_find(null, "a"));
	assert_null(shoal_value_find(array, "a"));
	assert_null(shoal_value_key(array, 0));
	assert_int_equal(shoal_value_add(null, shoal_value_null(NULL)), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_value_put(array, "a", shoal_value_null(NULL)), SHOAL_ERR_TYPE);
	assert_int_equal(shoal_value_add(array, NULL), SHOAL_ERR_NOMEM);
	assert_int_equal(shoal_value_add(NULL, shoal_value_null(NULL)), SHOAL_ERR_NOMEM);
	assert_int_equal(shoal_value_add(array, array), SHOAL_ERR_INVALID);
	assert_true(shoal_value_equal(NULL, null));
	shoal_value_free(null);
	shoal_value_free(array);
}

static void
values_of_another_allocator_are_refused_and_freed(void **state)
{
	struct heap_fault fault;
	struct shoal_value *array = shoal_value_array(NULL);

	(void)state;
	heap_fault_init(&fault);
	assert_int_equal(shoal_value_add(array, shoal_value_null(&fault.mem)), SHOAL_ERR_INVALID);
	assert_int_equal(fault.live, 0);
	shoal_value_free(array);
}

static void
nothing_is_built_deeper_than_the_limit(void **state)
{
	struct shoal_value *value = shoal_value_array(NULL), *map;

	(void)state;
	for (int i = 1; i < SHOAL_DEPTH_MAX; i++) {
		map = shoal_value_map(NULL);
		assert_int_equal(shoal_value_put(map, "deeper", value), 0);
		value = map;
	}
	map = shoal_value_map(NULL);
	assert_int_equal(shoal_value_put(map, "too deep", value), SHOAL_ERR_TOO_BIG);
	assert_int_equal(shoal_value_count(map), 0);
	shoal_value_free(map);
}

static void
equal_maps_may_have_their_keys_in_any_order(void **state)
{
	struct shoal_value *a = shoal_value_map(NULL), *b = shoal_value_map(NULL);
	struct shoal_value *nan[2] = {
	        shoal_value_double(NULL, (double)NAN), shoal_value_double(NULL, (double)NAN)};
	struct shoal_value *zero[2] = {
	        shoal_value_double(NULL, 0.0), shoal_value_double(NULL, -0.0)};

	(void)state;
	assert_int_equal(shoal_value_put(a, "x", shoal_value_int64(NULL, 1)), 0);
	assert_int_equal(shoal_value_put(a, "yy", shoal_value_int64(NULL, 2)), 0);
	assert_int_equal(shoal_value_put(b, "yy", shoal_value_int64(NULL, 2)), 0);
	assert_false(shoal_value_equal(a, b));
	assert_int_equal(shoal_value_put(b, "x", shoal_value_int64(NULL, 1)), 0);
	assert_true(shoal_value_equal(a, b));
	assert_int_equal(shoal_value_put(b, "x", shoal_value_int64(NULL, 3)), 0);
	assert_false(shoal_value_equal(a, b));
	assert_true(shoal_value_equal(nan[0], nan[1]));
	assert_false(shoal_value_equal(zero[0], zero[1]));
	shoal_value_free(a);
	shoal_value_free(b);
	for (int i = 0; i < 2; i++) {
		shoal_value_free(nan[i]);
		shoal_value_free(zero[i]);
	}
}

/* Builds a tree, copies it, changes the original. */
static int
build_and_copy(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_value *map = shoal_value_map(mem), *array = shoal_value_array(mem),
	                   *copy = NULL;
	char key[32];
	int rc = SHOAL_OK;

	(void)arg;
	for (int i = 0; i < 10 && rc == SHOAL_OK; i++) {
		snprintf(key, sizeof key, "key number %d", i);
		rc = shoal_value_put(map, key, shoal_value_text(mem, "a text that is long"));
		if (rc == SHOAL_OK) {
			rc = shoal_value_add(array, shoal_value_bytes(mem, "123456789", 9));
		}
	}
	if (rc == SHOAL_OK) {
		rc = shoal_value_put(map, "array", array);
		array = NULL;
	}
	rc = rc == SHOAL_OK ? shoal_value_copy(&copy, map, mem) : rc;
	if (rc == SHOAL_OK) {
		assert_true(shoal_value_equal(copy, map));
		rc = shoal_value_put(copy, "key number 3", shoal_value_null(mem));
	}
	if (rc == SHOAL_OK) {
		assert_false(shoal_value_equal(copy, map));
		assert_int_equal(shoal_value_count(copy), shoal_value_count(map));
		rc = shoal_value_put(copy, "one more", shoal_value_array(mem));
	}
	shoal_value_free(map);
	shoal_value_free(array);
	shoal_value_free(copy);
	return rc;
}

static void
memory_may_end_at_any_moment(void **state)
{
	(void)state;
	assert_true(heap_fault_sweep(build_and_copy, NULL) > 80);
}

static void
a_part_can_be_copied_to_a_tree_of_its_own(void **state)
{
	struct shoal_value *map = shoal_value_map(NULL), *array = shoal_value_array(NULL), *copy;

	(void)state;
	assert_int_equal(shoal_value_add(array, shoal_value_text(NULL, "in the array")), 0);
	assert_int_equal(shoal_value_put(map, "a", array), 0);
	assert_int_equal(shoal_value_copy(&copy, shoal_value_find(map, "a"), NULL), 0);
	assert_true(shoal_value_equal(copy, shoal_value_find(map, "a")));
	shoal_value_free(map);
	assert_int_equal(shoal_value_add(copy, shoal_value_null(NULL)), 0);
	assert_int_equal(shoal_value_count(copy), 2);
	shoal_value_free(copy);
	assert_int_equal(shoal_value_copy(&copy, NULL, NULL), 0);
	assert_int_equal(shoal_value_type(copy), SHOAL_VALUE_NULL);
	shoal_value_free(copy);
}

static void
types_have_names(void **state)
{
	(void)state;
	assert_string_equal(shoal_value_type_name(SHOAL_VALUE_NULL), "null");
	assert_string_equal(shoal_value_type_name(SHOAL_VALUE_MAP), "map");
	assert_string_equal(shoal_value_type_name((enum shoal_value_type)99), "invalid");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_content_is_given_as_any_type_that_holds_it),
	        cmocka_unit_test(an_integer_has_one_type_wherever_it_fits),
	        cmocka_unit_test(texts_and_bytes_of_every_length_are_kept_with_a_zero_behind),
	        cmocka_unit_test(a_map_keeps_its_keys_as_they_came_and_finds_each),
	        cmocka_unit_test(a_key_that_is_there_gets_the_new_value_in_its_old_place),
	        cmocka_unit_test(what_is_no_container_holds_nothing),
	        cmocka_unit_test(values_of_another_allocator_are_refused_and_freed),
	        cmocka_unit_test(nothing_is_built_deeper_than_the_limit),
	        cmocka_unit_test(equal_maps_may_have_their_keys_in_any_order),
	        cmocka_unit_test(memory_may_end_at_any_moment),
	        cmocka_unit_test(a_part_can_be_copied_to_a_tree_of_its_own),
	        cmocka_unit_test(types_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
