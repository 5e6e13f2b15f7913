/* SPDX-License-Identifier: MIT */
/* The codec of a cluster: its members speak it, values in messages are in it, and one of another
 * codec hears which one to set. */
#include "cluster_talk.h"

#include "cluster/config/encoding.h"

#include <stdlib.h>

static const struct shoal_codec_ops *
codec_at(size_t i)
{
	return i == 0 ? shoal_codec_binary() : i == 1 ? shoal_codec_msgpack() : shoal_codec_json();
}

#define CODECS 3

struct received {
	size_t calls;
	struct shoal_value *value;
};

static void
on_value(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	struct received *received = arg;

	assert_int_equal(shoal_decode(cluster, shoal_message_data(message),
	                         shoal_message_len(message), &received->value),
	        0);
	received->calls++;
}

static struct shoal_value *
some_value(void)
{
	struct shoal_value *map = shoal_value_map(NULL);

	assert_int_equal(shoal_value_put(map, "port", shoal_value_int64(NULL, 7946)), 0);
	assert_int_equal(shoal_value_put(map, "role", shoal_value_string(NULL, "web", 3)), 0);
	assert_int_equal(shoal_value_put(map, "key", shoal_value_bytes(NULL, "\0\1", 2)), 0);
	return map;
}

static void
a_value_goes_from_member_to_member_in_the_codec_of_the_cluster(void **state)
{
	(void)state;
	for (size_t k = 0; k < CODECS; k++) {
		struct shoal_value *value = some_value(), *read = NULL;
		struct received received = {0, NULL};
		struct talk talk = {NULL};
		struct shoal_config config;
		uint8_t *data;
		size_t len;

		shoal_config_init(&config);
		(void)shoal_config_profile(&config, SHOAL_PROFILE_LOCAL);
		config.codec = codec_at(k)->name;
		talk_begin(&talk, &config);
		assert_ptr_equal(shoal_cluster_codec(talk.one), codec_at(k));
		assert_int_equal(shoal_handle(talk.two, TALK_TYPE, on_value, &received), 0);
		assert_int_equal(shoal_encode(talk.one, value, &data, &len), 0);
		assert_int_equal(shoal_value_decode(codec_at(k), data, len, NULL, NULL, &read), 0);
		assert_true(shoal_value_equal(value, read));
		assert_int_equal(
		        shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, len, SHOAL_RELIABLE),
		        0);
		talk_until(&talk, &received.calls, 1);
		assert_true(shoal_value_equal(value, received.value));
		shoal_value_free(received.value);
		shoal_value_free(value);
		shoal_value_free(read);
		free(data);
		talk_done(&talk);
	}
}

static void
what_is_no_value_or_too_long_is_refused_with_a_text(void **state)
{
	struct shoal_config config;
	struct shoal_cluster *cluster;
	struct shoal_value *value, *none = NULL;
	uint8_t *data = NULL;
	size_t len = 0;

	(void)state;
	shoal_config_init(&config);
	config.codec = "json";
	config.profile.message_max = 100;
	assert_int_equal(shoal_cluster_new(&cluster, &config), 0);
	value = shoal_value_string(NULL,
	        "01234567890123456789012345678901234567890123456789"
	        "01234567890123456789012345678901234567890123456789",
	        100);
	assert_int_equal(shoal_encode(cluster, value, &data, &len), SHOAL_ERR_TOO_BIG);
	assert_non_null(strstr(shoal_last_error(), "100 bytes (message_max)"));
	shoal_value_free(value);
	value = shoal_value_double(NULL, 1e308 * 10);
	assert_int_equal(shoal_encode(cluster, value, &data, &len), SHOAL_ERR_UNSUPPORTED);
	assert_non_null(strstr(shoal_last_error(), "json"));
	assert_int_equal(shoal_encode(cluster, value, NULL, &len), SHOAL_ERR_INVALID);
	shoal_value_free(value);
	assert_int_equal(shoal_decode(cluster, "{\"a\":", 5, &none), SHOAL_ERR_MALFORMED);
	assert_non_null(strstr(shoal_last_error(), "5 bytes: no value in json"));
	assert_int_equal(shoal_decode(cluster, NULL, 1, &none), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_decode(cluster, "1", 1, NULL), SHOAL_ERR_INVALID);
	assert_null(none);
	assert_int_equal(shoal_cluster_free(cluster), 0);
}

static void
metadata_is_refused_where_it_would_fit_no_packet_in_the_codec(void **state)
{
	struct shoal_config config;
	uint8_t *data = calloc(1, 60000);

	(void)state;
	assert_non_null(data);
	for (size_t k = 0; k < CODECS; k++) {
		struct shoal_cluster *cluster;
		shoal_config_init(&config);
		config.codec = codec_at(k)->name;
		config.profile.stream_max = 65536;
		assert_int_equal(shoal_cluster_new(&cluster, &config), 0);
		assert_int_equal(shoal_meta_set_bytes(cluster, "blob", data, 60000),
		        k == 2 ? SHOAL_ERR_TOO_BIG : 0);
		assert_int_equal(shoal_meta_set_bytes(cluster, "blob", data, 48000), 0);
		assert_int_equal(shoal_cluster_free(cluster), 0);
	}
	free(data);
}

static size_t compressed, uncompressed;

static size_t
bound(size_t len)
{
	return len;
}

/* Bytes that are all the same, as which and how many of them. */
static int
compress_same(const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	size_t same = 1;

	while (same < len && data[len - 1 - same] == data[len - 1]) {
		same++;
	}
	if (len - same + 5 > cap) {
		return SHOAL_ERR_TOO_BIG;
	}
	memcpy(out, data, len - same);
	out[len - same] = data[len - 1];
	memcpy(out + len - same + 1, &(uint32_t){(uint32_t)same}, 4);
	*out_len = len - same + 5;
	compressed++;
	return 0;
}

static int
uncompress_same(const uint8_t *data, size_t len, uint8_t *out, size_t cap, size_t *out_len)
{
	uint32_t same;

	if (len < 5) {
		return SHOAL_ERR_MALFORMED;
	}
	memcpy(&same, data + len - 4, 4);
	if (same > cap || len - 5 > cap - same) {
		return SHOAL_ERR_TOO_BIG;
	}
	memcpy(out, data, len - 5);
	memset(out + len - 5, data[len - 5], same);
	*out_len = len - 5 + same;
	uncompressed++;
	return 0;
}

static void
on_zeros(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	static const uint8_t zeros[3000];

	(void)cluster;
	assert_int_equal(shoal_message_len(message), sizeof(zeros));
	assert_memory_equal(shoal_message_data(message), zeros, sizeof(zeros));
	++*(size_t *)arg;
}

static void
packets_are_compressed_with_the_applications_own_compressor(void **state)
{
	static const struct shoal_compressor_ops own = {
	        .abi = SHOAL_COMPRESSOR_ABI,
	        .name = "same",
	        .bound = bound,
	        .compress = compress_same,
	        .uncompress = uncompress_same,
	};
	static const uint8_t zeros[3000];
	struct talk talk = {NULL};
	struct shoal_config config;
	size_t calls = 0;

	(void)state;
	shoal_config_init(&config);
	(void)shoal_config_profile(&config, SHOAL_PROFILE_LOCAL);
	config.compressor = &own;
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, on_zeros, &calls), 0);
	assert_int_equal(
	        shoal_send(talk.one, &talk.id_two, TALK_TYPE, zeros, sizeof(zeros), SHOAL_RELIABLE),
	        0);
	talk_until(&talk, &calls, 1);
	assert_true(compressed > 0);
	assert_true(uncompressed > 0);
	talk_done(&talk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_value_goes_from_member_to_member_in_the_codec_of_the_cluster),
	        cmocka_unit_test(packets_are_compressed_with_the_applications_own_compressor),
	        cmocka_unit_test(what_is_no_value_or_too_long_is_refused_with_a_text),
	        cmocka_unit_test(metadata_is_refused_where_it_would_fit_no_packet_in_the_codec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
