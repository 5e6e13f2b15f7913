/* SPDX-License-Identifier: MIT */
/* Infos: what goes in comes out, and a pool holds each content once. */
#include "base/alloc.h"
#include "core/table/info.h"

#include <stdio.h>

#include "heap_fault.h"
#include "unit.h"

static struct shoal_msg_member
member_of(const char *name)
{
	struct shoal_msg_member m = {.id.bytes = {7}, .salt.bytes = {1, 2, 3}};

	m.name = (struct shoal_span){(const uint8_t *)name, strlen(name)};
	m.protocol_max = 3;
	m.app_version = 0xfffffffe;
	m.addrs.count = 3;
	assert_int_equal(shoal_addr_parse(&m.addrs.item[0], "10.1.2.3:7946"), SHOAL_OK);
	assert_int_equal(shoal_addr_parse(&m.addrs.item[1], "[2001:db8::1]:65535"), SHOAL_OK);
	assert_int_equal(shoal_addr_parse(&m.addrs.item[2], "[fe80::1%70000]:1"), SHOAL_OK);
	return m;
}

static void
what_a_member_says_comes_out_as_it_went_in(void **state)
{
	const struct shoal_allocator mem = shoal_allocator_or_libc(NULL);
	struct shoal_info_source source = {.mem = &mem};
	struct shoal_msg_member m = member_of("web-1");
	struct shoal_info *info = shoal_info_take(&source, &m);

	(void)state;
	assert_non_null(info);
	assert_memory_equal(&info->id, &m.id, sizeof m.id);
	assert_memory_equal(&info->salt, &m.salt, sizeof m.salt);
	assert_string_equal(shoal_info_name(info), "web-1");
	assert_int_equal(info->name_len, 5);
	assert_int_equal(info->app_version, 0xfffffffe);
	assert_int_equal(info->protocol_min, 0);
	assert_int_equal(info->protocol_max, 3);
	assert_int_equal(info->addrs, 3);
	for (unsigned i = 0; i < 3; i++) {
		struct shoal_addr addr = shoal_info_addr(info, i);
		assert_true(shoal_addr_equal(&addr, &m.addrs.item[i]));
	}
	assert_int_equal(source.bytes, sizeof *info + 6 + 7 + 23 + 23);
	shoal_info_give(&source, info);
	assert_int_equal(source.bytes, 0);
}

/* Each thing that a statement says of its member. */
static struct shoal_msg_member
altered(int what)
{
	struct shoal_msg_member m = member_of(what == 0 ? "web-2" : what == 1 ? "web-10" : "web-1");

	m.id.bytes[15] = what == 2;
	m.salt.bytes[15] = what == 3;
	m.app_version -= what == 4;
	m.protocol_min = what == 5;
	m.protocol_max = what == 6 ? 4 : 3;
	m.addrs.count = what == 7 ? 2 : 3;
	m.addrs.item[0].port = (uint16_t)(7946 + (what == 8));
	m.addrs.item[1].ip[15] = (uint8_t)(1 + (what == 9));
	m.addrs.item[2].scope += what == 10;
	return m;
}

static void
whatever_differs_is_not_the_same(void **state)
{
	const struct shoal_allocator mem = shoal_allocator_or_libc(NULL);
	struct shoal_info_source source = {.mem = &mem};
	struct shoal_msg_member m = altered(-1);
	struct shoal_info *info = shoal_info_take(&source, &m);

	(void)state;
	assert_true(shoal_info_same(info, &m));
	m.incarnation = 9, m.state = SHOAL_STATE_DEAD, m.age_ms = 5;
	assert_true(shoal_info_same(info, &m));
	for (int what = 0; what <= 10; what++) {
		m = altered(what);
		assert_false(shoal_info_same(info, &m));
	}
	shoal_info_give(&source, info);
}

static void
what_differs_is_told(void **state)
{
	static const unsigned changes[] = {SHOAL_CHANGE_NAME, SHOAL_CHANGE_NAME, 0,
	        SHOAL_CHANGE_INSTANCE, SHOAL_CHANGE_VERSION, SHOAL_CHANGE_VERSION,
	        SHOAL_CHANGE_VERSION, SHOAL_CHANGE_ADDRESS, SHOAL_CHANGE_ADDRESS,
	        SHOAL_CHANGE_ADDRESS, 0 /* a scope is this machine's */};
	const struct shoal_allocator mem = shoal_allocator_or_libc(NULL);
	struct shoal_info_source source = {.mem = &mem};
	struct shoal_msg_member m = altered(-1);
	struct shoal_info *info = shoal_info_take(&source, &m);

	(void)state;
	assert_int_equal(shoal_info_changes(info, info), 0);
	for (int what = 0; what <= 10; what++) {
		m = altered(what);
		struct shoal_info *other = shoal_info_take(&source, &m);
		if (what != 2) { /* another member */
			assert_int_equal(shoal_info_changes(info, other), changes[what]);
		}
		shoal_info_give(&source, other);
	}
	shoal_info_give(&source, info);
}

static void
check_meta(const struct shoal_info *info, const struct shoal_meta *meta)
{
	struct shoal_meta held = shoal_info_meta(info);

	assert_true(held.version == meta->version && held.hash == meta->hash);
	assert_int_equal(held.body.len, meta->body.len);
	assert_memory_equal(held.body.data, meta->body.data, meta->body.len);
}

/* With a pool and without. */
static void
metadata_stays_with_a_member_that_says_something_else(void **state)
{
	const struct shoal_allocator mem = shoal_allocator_or_libc(NULL);
	static uint8_t body[SHOAL_META_MAX] = {1, 2, 3};
	struct shoal_meta meta = {.version = 5, .hash = 7, .body = {body, sizeof body}};

	(void)state;
	for (int pooled = 0; pooled < 2; pooled++) {
		struct shoal_info_source source = {.mem = &mem};
		if (pooled) {
			assert_int_equal(shoal_pool_new(&source.pool, NULL), SHOAL_OK);
		}
		struct shoal_msg_member m = altered(-1), other = altered(3);
		struct shoal_info *bare = shoal_info_take(&source, &m);
		assert_true(shoal_info_meta(bare).version == 0);
		assert_int_equal(shoal_info_meta(bare).body.len, 0);
		struct shoal_info *info = shoal_info_describe(&source, bare, &meta);
		check_meta(info, &meta);
		assert_true(shoal_info_same(info, &m));
		assert_false(shoal_info_same(info, &other));
		struct shoal_info *renewed = shoal_info_renew(&source, info, &other);
		check_meta(renewed, &meta);
		assert_true(shoal_info_same(renewed, &other));
		assert_string_equal(shoal_info_name(renewed), shoal_info_name(info));
		struct shoal_meta second = {.version = 6, .hash = 8, .body = {body, 0}};
		struct shoal_info *last = shoal_info_describe(&source, renewed, &second);
		check_meta(last, &second);
		shoal_info_give(&source, last);
		shoal_info_give(&source, renewed);
		shoal_info_give(&source, info);
		shoal_info_give(&source, bare);
		assert_int_equal(source.bytes, 0);
		shoal_pool_free(source.pool);
	}
}

static void
a_pool_holds_each_content_once(void **state)
{
	struct shoal_pool *pool;
	struct shoal_info_source source[2];
	struct shoal_info *info[12][2];

	(void)state;
	assert_int_equal(shoal_pool_new(&pool, NULL), SHOAL_OK);
	size_t empty = shoal_pool_memory(pool);
	source[0] = source[1] = (struct shoal_info_source){.pool = pool};
	for (int what = -1; what <= 10; what++) {
		struct shoal_msg_member m = altered(what);
		for (int i = 0; i < 2; i++) {
			info[what + 1][i] = shoal_info_take(&source[i], &m);
			assert_non_null(info[what + 1][i]);
			assert_true(shoal_info_same(info[what + 1][i], &m));
		}
		assert_ptr_equal(info[what + 1][0], info[what + 1][1]);
		for (int other = -1; other < what; other++) {
			assert_ptr_not_equal(info[what + 1][0], info[other + 1][0]);
		}
	}
	size_t full = shoal_pool_memory(pool);
	assert_true(full > empty);
	for (int i = 0; i < 12; i++) {
		shoal_info_give(&source[0], info[i][0]);
	}
	assert_int_equal(shoal_pool_memory(pool), full);
	for (int i = 0; i < 12; i++) {
		shoal_info_give(&source[1], info[i][1]);
	}
	assert_true(shoal_pool_memory(pool) < full);
	assert_int_equal(source[0].bytes, 0);
	shoal_pool_free(pool);
	shoal_pool_free(NULL);
}

static void
take_many(struct shoal_pool *pool)
{
	struct shoal_info_source source = {.pool = pool};
	struct shoal_info *info[100];
	char name[16];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "m-%d", i % 70);
		struct shoal_msg_member m = member_of(name);
		info[i] = shoal_info_take(&source, &m);
	}
	for (int i = 0; i < 100; i++) {
		if (info[i] != NULL) {
			shoal_info_give(&source, info[i]);
		}
	}
}

static int
a_pool_in_use(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_pool *pool;
	int rc = shoal_pool_new(&pool, mem);

	(void)arg;
	if (rc == SHOAL_OK) {
		take_many(pool);
		shoal_pool_free(pool);
	}
	return rc;
}

static void
a_failed_allocation_leaves_a_pool_as_it_was(void **state)
{
	(void)state;
	assert_true(heap_fault_sweep_tolerant(a_pool_in_use, NULL) > 70);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_a_member_says_comes_out_as_it_went_in),
	        cmocka_unit_test(whatever_differs_is_not_the_same),
	        cmocka_unit_test(what_differs_is_told),
	        cmocka_unit_test(metadata_stays_with_a_member_that_says_something_else),
	        cmocka_unit_test(a_pool_holds_each_content_once),
	        cmocka_unit_test(a_failed_allocation_leaves_a_pool_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
