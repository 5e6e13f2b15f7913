/* SPDX-License-Identifier: MIT */
/* What is dropped, and who is refused, is told in the log: once a minute of each address, and of so
 * many addresses at once as there is room for. */
#include "core_coded.h"

#include "core/node.h"

static size_t texts;
static char text[SHOAL_LOG_TEXT_MAX];

static void
on_log(struct core_world *world, size_t node, const struct shoal_log_record *log)
{
	(void)world;
	if (node == 0 && log->level == SHOAL_LOG_WARN) {
		memcpy(text, log->text, sizeof text);
		texts++;
	}
}

static void
begin(struct core_world *world)
{
	world_init(world);
	world->latency = SHOAL_MS(1);
	world->on_log = on_log;
	texts = 0;
}

static struct shoal_addr
stranger(uint8_t number)
{
	struct shoal_addr addr = {.ip = {[10] = 0xff, 0xff, 10, 9, 9, number}, .port = 7946};

	return addr;
}

static int
damaged(struct core_world *world, const struct shoal_addr *from)
{
	static struct parcel parcel;
	struct shoal_msg_sender sender = {.id = {{7}}, .salt = 7};

	parcel_begin(&parcel, world->label);
	parcel_add(&parcel, SHOAL_MESSAGE_SENDER, &sender);
	parcel_end(&parcel);
	parcel.data[parcel.writer.len - 1] ^= 1;
	return world_datagram(world, 0, from, &parcel);
}

static void
a_cluster_without_keys_says_what_it_drops_once_a_minute_of_each_address(void **state)
{
	struct shoal_addr one = stranger(1), two = stranger(2);
	struct core_world world;

	(void)state;
	begin(&world);
	world_add(&world, NULL);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(damaged(&world, &one), SHOAL_ERR_CHECKSUM);
	}
	assert_int_equal(texts, 1);
	assert_string_equal(text, "dropped what came from 10.9.9.1:7946: checksum does not match "
	                          "(said once a minute)");
	one.port++;
	assert_int_equal(damaged(&world, &one), SHOAL_ERR_CHECKSUM);
	assert_int_equal(texts, 1);
	assert_int_equal(damaged(&world, &two), SHOAL_ERR_CHECKSUM);
	assert_int_equal(texts, 2);
	world_run(&world, SHOAL_SEC(59));
	assert_int_equal(damaged(&world, &one), SHOAL_ERR_CHECKSUM);
	assert_int_equal(texts, 2);
	world_run(&world, SHOAL_SEC(2));
	assert_int_equal(damaged(&world, &one), SHOAL_ERR_CHECKSUM);
	assert_int_equal(texts, 3);
	world_done(&world);
}

static void
of_more_than_64_addresses_a_minute_the_counters_alone_tell(void **state)
{
	struct core_world world;

	(void)state;
	begin(&world);
	world_add(&world, NULL);
	for (uint8_t i = 0; i < 100; i++) {
		struct shoal_addr from = stranger(i);
		assert_int_equal(damaged(&world, &from), SHOAL_ERR_CHECKSUM);
	}
	assert_int_equal(texts, 64);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_DROP_CHECKSUM), 100);
	world_done(&world);
}

/* How often a node of this config was refused by the first one, which tried it three times. */
static void
expect_refused(const struct shoal_core_config *held, struct shoal_core_config *other, int code,
        enum shoal_counter counter, const char *words)
{
	struct core_world world;

	begin(&world);
	world_add(&world, held);
	other->addr[0] = stranger(1);
	world_add(&world, other);
	for (int i = 0; i < 3; i++) {
		world_clear(&world);
		assert_int_equal(join_code(&world, 1), code);
	}
	assert_int_equal(world_counter(&world, 0, counter), 3);
	assert_int_equal(world_counter(&world, 0, SHOAL_COUNTER_JOINS_REFUSED), 3);
	assert_int_equal(texts, 1);
	assert_non_null(strstr(text, words));
	assert_non_null(strstr(text, " 10.9.9.1:7946: "));
	world_done(&world);
}

/* The config of the second node. */
static struct shoal_core_config
config_of_second(void)
{
	struct core_world world;
	struct shoal_core_config config;

	world_init(&world);
	world.nodes = 1;
	world_config(&world, &config);
	return config;
}

static void
a_join_of_another_codec_label_or_key_is_counted_as_such_and_told(void **state)
{
	struct shoal_core_config config = config_of_second(), sealed;
	struct core_world world;

	(void)state;
	config.codec = shoal_codec_json();
	expect_refused(NULL, &config, SHOAL_ERR_CODEC, SHOAL_COUNTER_DROP_CODEC,
	        "the cluster speaks binary, this node json: set codec to binary");
	config = config_of_second();
	config.label = "blue";
	expect_refused(NULL, &config, SHOAL_ERR_LABEL, SHOAL_COUNTER_DROP_LABEL, "label");
	world_init(&world);
	sealed_config(&world, &sealed, 0);
	world.nodes = 1;
	sealed_config(&world, &config, 1);
	expect_refused(&sealed, &config, SHOAL_ERR_KEY, SHOAL_COUNTER_DROP_SEALED, "key");
	config = config_of_second();
	expect_refused(&sealed, &config, SHOAL_ERR_CLEAR, SHOAL_COUNTER_DROP_CLEAR, "not sealed");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                a_cluster_without_keys_says_what_it_drops_once_a_minute_of_each_address),
	        cmocka_unit_test(of_more_than_64_addresses_a_minute_the_counters_alone_tell),
	        cmocka_unit_test(a_join_of_another_codec_label_or_key_is_counted_as_such_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
