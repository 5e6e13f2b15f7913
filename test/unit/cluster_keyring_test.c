/* SPDX-License-Identifier: MIT */
/* Keyring files: which are read, which are refused and with which word; and the keys of a cluster
 * that runs. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/cluster.h>

#include "cluster/cluster.h"
#include "heap_fault.h"

#define ONE   "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=" /* 32 bytes of 1 */
#define TWO   "AgICAgICAgICAgICAgICAg=="                     /* 16 bytes of 2 */
#define THREE "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD"             /* 24 bytes of 3 */

static char path[64];

static int
set_up(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "/tmp/shoal-keyring.XXXXXX");
	int fd = mkstemp(path);
	return fd < 0 || close(fd) != 0 ? -1 : 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

static void
put(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
}

static struct shoal_key
key_of(uint8_t byte, uint8_t len)
{
	struct shoal_key key = {.len = len};

	memset(key.bytes, byte, len);
	return key;
}

static void
keys_are_read_in_order_without_empty_lines_and_comments(void **state)
{
	struct shoal_key keys[SHOAL_KEYS_MAX], one = key_of(1, 32), two = key_of(2, 16),
	                                       three = key_of(3, 24);
	size_t count = 9;

	(void)state;
	put("# in use\n" ONE "\n\n  " TWO " \r\n   # old\n" THREE);
	assert_int_equal(shoal_keys_load(path, keys, &count), 0);
	assert_int_equal(count, 3);
	assert_memory_equal(&keys[0], &one, sizeof one);
	assert_memory_equal(&keys[1], &two, sizeof two);
	assert_memory_equal(&keys[2], &three, sizeof three);
}

static void
expect_refused(int rc, const char *word)
{
	struct shoal_key keys[SHOAL_KEYS_MAX], none[SHOAL_KEYS_MAX];
	size_t count = 9;

	memset(none, 0, sizeof none);
	memset(keys, 0xaa, sizeof keys);
	assert_int_equal(shoal_keys_load(path, keys, &count), rc);
	assert_int_equal(count, 0);
	if (strstr(shoal_last_error(), word) == NULL || strstr(shoal_last_error(), path) == NULL) {
		fail_msg("\"%s\" does not say \"%s\"", shoal_last_error(), word);
	}
	assert_memory_equal(keys, none, sizeof none);
}

static void
a_file_that_is_no_keyring_is_refused_with_its_line(void **state)
{
	static char many[10 * sizeof ONE], large[5000];

	(void)state;
	put("");
	expect_refused(SHOAL_ERR_INVALID, "no key in it");
	put("# nothing\n\n");
	expect_refused(SHOAL_ERR_INVALID, "no key in it");
	put(ONE "\n" ONE "x\n");
	expect_refused(SHOAL_ERR_INVALID, "line 2");
	for (size_t i = 0; i < 9; i++) {
		memcpy(many + i * (sizeof ONE), ONE "\n", sizeof ONE);
	}
	put(many);
	expect_refused(SHOAL_ERR_INVALID, "line 9: more than 8");
	memset(large, '\n', sizeof large - 1);
	put(large);
	expect_refused(SHOAL_ERR_INVALID, "longer");
}

static void
a_file_that_others_may_touch_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0601, 0666};
	struct shoal_key keys[SHOAL_KEYS_MAX];
	size_t count;

	(void)state;
	put(ONE "\n");
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		assert_int_equal(chmod(path, modes[i]), 0);
		expect_refused(SHOAL_ERR_PERMISSION, "chmod 600");
	}
	assert_int_equal(chmod(path, 0400), 0);
	assert_int_equal(shoal_keys_load(path, keys, &count), 0);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(shoal_keys_load(path, keys, &count), 0);
	assert_int_equal(shoal_keys_load("/nowhere/keyring", keys, &count), SHOAL_ERR_SYSTEM);
	assert_int_equal(shoal_keys_load("/tmp", keys, &count), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_keys_load(NULL, keys, &count), SHOAL_ERR_INVALID);
}

static struct shoal_cluster *
start(struct shoal_config *config)
{
	struct shoal_cluster *cluster;

	config->bind = "127.0.0.1:0";
	assert_int_equal(shoal_cluster_new(&cluster, config), 0);
	assert_int_equal(shoal_cluster_start(cluster), 0);
	return cluster;
}

static void
keys_of_a_cluster_are_installed_used_and_removed(void **state)
{
	struct shoal_key one = key_of(1, 32), two = key_of(2, 16), odd = key_of(3, 20);
	struct shoal_key_info info[SHOAL_KEYS_MAX];
	struct shoal_config config;
	uint64_t print = 0;

	(void)state;
	shoal_config_init(&config);
	put(ONE "\n");
	config.keyring = path;
	struct shoal_cluster *cluster = start(&config);
	assert_int_equal(shoal_cluster_keys(cluster, info), 1);
	assert_true(info[0].print == shoal_key_name(&one) && info[0].in_use && info[0].len == 32);
	assert_int_equal(shoal_cluster_key_install(cluster, &odd, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_cluster_key_install(cluster, NULL, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_cluster_key_install(cluster, &two, &print), 0);
	assert_true(print == shoal_key_name(&two));
	assert_int_equal(shoal_cluster_key_remove(cluster, info[0].print), SHOAL_ERR_STATE);
	assert_non_null(strstr(shoal_last_error(), "in use"));
	assert_int_equal(shoal_cluster_key_use(cluster, print), 0);
	assert_int_equal(shoal_cluster_key_remove(cluster, info[0].print), 0);
	assert_int_equal(shoal_cluster_key_use(cluster, info[0].print), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(shoal_cluster_keys(cluster, info), 1);
	assert_true(info[0].print == print && info[0].in_use && info[0].len == 16);
	shoal_cluster_stop(cluster);
	assert_int_equal(shoal_cluster_key_use(cluster, print), SHOAL_ERR_STATE);
	assert_int_equal(shoal_cluster_free(cluster), 0);
}

static void
without_keys_a_cluster_takes_none(void **state)
{
	struct shoal_key one = key_of(1, 32);
	struct shoal_key_info info[SHOAL_KEYS_MAX];
	struct shoal_config config;

	(void)state;
	shoal_config_init(&config);
	struct shoal_cluster *cluster = start(&config);
	assert_int_equal(shoal_cluster_keys(cluster, info), 0);
	assert_int_equal(shoal_cluster_key_install(cluster, &one, NULL), SHOAL_ERR_UNSUPPORTED);
	assert_non_null(strstr(shoal_last_error(), "without keys"));
	assert_int_equal(shoal_cluster_free(cluster), 0);
}

static void
two_clusters_with_keys_in_memory_join(void **state)
{
	struct shoal_key keys[2] = {key_of(1, 32), key_of(2, 16)};
	struct shoal_config config;
	char address[SHOAL_ADDR_TEXT];
	const char *seed = address;
	size_t reached = 0;

	(void)state;
	shoal_config_init(&config);
	config.keys = keys;
	config.key_count = 2;
	struct shoal_cluster *first = start(&config);
	config.keys = &keys[1]; /* the one that the first one opens with, too */
	config.key_count = 1;
	config.name = "second";
	struct shoal_cluster *second = start(&config);
	assert_int_equal(shoal_cluster_key_install(second, &keys[0], NULL), 0);
	assert_int_equal(shoal_cluster_address(first, address, sizeof address), 0);
	assert_int_equal(shoal_cluster_join(second, &seed, 1, 60000, &reached), 0);
	assert_int_equal(reached, 1);
	assert_int_equal(shoal_wait_members(first, 2, 60000), 0);
	assert_int_equal(shoal_cluster_free(second), 0);
	assert_int_equal(shoal_cluster_free(first), 0);
}

static void
a_cluster_keeps_no_copy_of_the_keys_that_its_core_has(void **state)
{
	static const struct shoal_key none[SHOAL_KEYS_MAX];
	struct shoal_key key = key_of(1, 32);
	struct shoal_config config;

	(void)state;
	shoal_config_init(&config);
	config.keys = &key;
	config.key_count = 1;
	struct shoal_cluster *cluster = start(&config);
	assert_memory_equal(cluster->settings.keys, none, sizeof none);
	assert_int_equal(shoal_cluster_free(cluster), 0);
}

static void
a_start_without_its_keyring_fails_with_its_reason(void **state)
{
	struct shoal_config config;
	struct shoal_cluster *cluster;

	(void)state;
	shoal_config_init(&config);
	config.bind = "127.0.0.1:0";
	config.keyring = "/nowhere/keyring";
	assert_int_equal(shoal_cluster_new(&cluster, &config), 0);
	assert_int_equal(shoal_cluster_start(cluster), SHOAL_ERR_SYSTEM);
	assert_non_null(strstr(shoal_last_error(), "/nowhere/keyring"));
	assert_int_equal(shoal_cluster_free(cluster), 0);
}

static void
expect_wrong(const struct shoal_config *config, const char *field)
{
	assert_int_equal(shoal_config_check(config), SHOAL_ERR_INVALID);
	if (strncmp(shoal_last_error(), field, strlen(field)) != 0) {
		fail_msg("\"%s\" does not begin with %s", shoal_last_error(), field);
	}
}

static void
a_wrong_config_is_told_by_its_field(void **state)
{
	struct shoal_key odd = key_of(1, 31);
	struct shoal_config config;

	(void)state;
	shoal_config_init(&config);
	config.accept_clear = 1;
	expect_wrong(&config, "accept_clear:");
	config.accept_clear = 0;
	config.keyring = "";
	expect_wrong(&config, "keyring:");
	config.keyring = NULL;
	config.key_count = 1;
	expect_wrong(&config, "key_count:");
	config.keys = &odd;
	expect_wrong(&config, "keys[0]:");
	config.keyring = path;
	expect_wrong(&config, "key_count:");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(keys_are_read_in_order_without_empty_lines_and_comments),
	        cmocka_unit_test(a_file_that_is_no_keyring_is_refused_with_its_line),
	        cmocka_unit_test(a_file_that_others_may_touch_is_refused),
	        cmocka_unit_test(keys_of_a_cluster_are_installed_used_and_removed),
	        cmocka_unit_test(without_keys_a_cluster_takes_none),
	        cmocka_unit_test(two_clusters_with_keys_in_memory_join),
	        cmocka_unit_test(a_cluster_keeps_no_copy_of_the_keys_that_its_core_has),
	        cmocka_unit_test(a_start_without_its_keyring_fails_with_its_reason),
	        cmocka_unit_test(a_wrong_config_is_told_by_its_field),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
