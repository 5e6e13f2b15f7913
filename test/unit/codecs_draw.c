/* SPDX-License-Identifier: MIT */
/* See codecs_draw.h. Numbers and lengths lie often where a form ends and the next begins. */
#include "codecs_draw.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "unit.h"
#include "wire_fill.h"

static uint64_t
draw_number(uint64_t *seed)
{
	uint64_t edge = UINT64_C(1) << unit_random(seed) % 64;

	switch (unit_random(seed) % 3) {
	case 0:
		return edge;
	case 1:
		return edge - 1;
	default:
		return unit_random(seed) >> unit_random(seed) % 64;
	}
}

static double
draw_double(uint64_t *seed, bool finite)
{
	static const double some[] = {0.0, -0.0, 1.0, -1.5, 1e300, 5e-324, 0.1};
	uint64_t bits = unit_random(seed);
	double value;

	memcpy(&value, &bits, sizeof value);
	if (bits % 3 == 0 || (finite && !isfinite(value))) {
		return some[bits % COUNT_OF(some)];
	}
	return bits % 7 == 0 && !finite ? (bits % 2 == 0 ? INFINITY : NAN) : value;
}

static size_t
draw_text(uint64_t *seed, char *text, size_t cap)
{
	static const char *const parts[] = {"a", "z", "0", " ", "\"", "\\", "/", "\b", "\f", "\n",
	        "\r", "\t", "\x01", "\x1f", "\x7f", "\xc2\x80", "\u07ff", "\u0800", "\uffff",
	        "\U00010000", "\U0010ffff", "\u20ac", "data:;base64,", "\u2028"};
	size_t parts_wanted = unit_random(seed) % 8 == 0 ? 40 : unit_random(seed) % 6, len = 0;

	while (parts_wanted-- > 0) {
		const char *part = parts[unit_random(seed) % COUNT_OF(parts)];
		if (len + strlen(part) >= cap) {
			break;
		}
		memcpy(text + len, part, strlen(part));
		len += strlen(part);
	}
	text[len] = 0;
	return len;
}

static struct shoal_value *
draw_container(uint64_t *seed, unsigned depth, bool finite)
{
	bool map = unit_random(seed) % 2 == 0;
	struct shoal_value *value = map ? shoal_value_map(NULL) : shoal_value_array(NULL);
	size_t count = unit_random(seed) % 12 == 0 ? 20 : unit_random(seed) % 4;
	char key[256];

	for (size_t i = 0; i < count; i++) {
		struct shoal_value *item =
		        draw_value(seed, count > 4 || depth == 0 ? 0 : depth - 1, finite);
		draw_text(seed, key, sizeof key);
		assert_int_equal(
		        map ? shoal_value_put(value, key, item) : shoal_value_add(value, item), 0);
	}
	return value;
}

struct shoal_value *
draw_value(uint64_t *seed, unsigned depth, bool finite)
{
	char text[256];
	size_t len;

	switch (unit_random(seed) % (depth > 0 ? 12 : 8)) {
	case 0:
		return shoal_value_null(NULL);
	case 1:
		return shoal_value_bool(NULL, unit_random(seed) % 2 == 0);
	case 2:
		return shoal_value_int64(NULL, -(int64_t)(draw_number(seed) >> 1) - 1);
	case 3:
		return shoal_value_uint64(NULL, draw_number(seed));
	case 4:
	case 5:
		return shoal_value_double(NULL, draw_double(seed, finite));
	case 6:
		len = draw_text(seed, text, sizeof text);
		return shoal_value_string(NULL, text, len);
	case 7:
		memset(text, (int)unit_random(seed), sizeof text);
		return shoal_value_bytes(NULL, text, unit_random(seed) % sizeof text);
	default:
		return draw_container(seed, depth, finite);
	}
}

size_t
draw_hex(const char *text, uint8_t *data, size_t cap)
{
	size_t len = 0;
	unsigned byte;
	int taken;

	while (sscanf(text, " %2x%n", &byte, &taken) == 1) {
		assert_true(len < cap);
		data[len++] = (uint8_t)byte;
		text += taken;
	}
	return len;
}

struct shoal_value *
draw_json(const char *text)
{
	struct shoal_value *value;

	if (draw_decode(shoal_codec_json(), text, strlen(text), &value) != 0) {
		fail_msg("%s is no JSON", text);
	}
	return value;
}

int
draw_decode(const struct shoal_codec_ops *codec, const void *data, size_t len,
        struct shoal_value **value)
{
	uint8_t *exact = fill_exact(data, len);
	int rc = shoal_value_decode(codec, exact, len, NULL, NULL, value);

	free(exact);
	assert_true((rc == 0) == (*value != NULL));
	return rc;
}

static int
decode_hex(const struct shoal_codec_ops *codec, const char *hex, struct shoal_value **value)
{
	uint8_t data[512];
	size_t len = draw_hex(hex, data, sizeof data);

	return draw_decode(codec, data, len, value);
}

void
draw_expect_value(const struct shoal_codec_ops *codec, const char *json, const char *hex)
{
	struct shoal_value *value = draw_json(json), *back;
	int rc = decode_hex(codec, hex, &back);

	if (rc != 0 || !shoal_value_equal(value, back)) {
		fail_msg("%s is not %s: %s", hex, json, shoal_strerror(rc));
	}
	shoal_value_free(value);
	shoal_value_free(back);
}

void
draw_expect_both(const struct shoal_codec_ops *codec, const char *json, const char *hex)
{
	struct shoal_value *value = draw_json(json);
	uint8_t expected[512], *data;
	size_t expected_len = draw_hex(hex, expected, sizeof expected), len;

	assert_int_equal(shoal_value_encode(codec, value, SIZE_MAX, NULL, &data, &len), 0);
	if (len != expected_len || memcmp(data, expected, len) != 0) {
		fail_msg("%s does not become %s", json, hex);
	}
	free(data);
	shoal_value_free(value);
	draw_expect_value(codec, json, hex);
}

void
draw_expect_error(const struct shoal_codec_ops *codec, int error, const char *hex)
{
	struct shoal_value *value;
	int rc = decode_hex(codec, hex, &value);

	if (rc != error) {
		fail_msg("%s: %s, not %s", hex, shoal_strerror(rc), shoal_strerror(error));
	}
}

size_t
draw_round_trip(const struct shoal_codec_ops *codec, const struct shoal_value *value)
{
	struct shoal_value *back;
	uint8_t *data;
	size_t len;

	assert_int_equal(shoal_value_encode(codec, value, SIZE_MAX, NULL, &data, &len), 0);
	assert_int_equal(draw_decode(codec, data, len, &back), 0);
	assert_true(shoal_value_equal(value, back));
	free(data);
	shoal_value_free(back);
	return len;
}
