/* SPDX-License-Identifier: MIT */
/* A key is exchanged at all members by one of them: each answers, nobody is cut off, and what would
 * cut somebody off is not done. */
#include "kit.h"

#include <pthread.h>

#define MEMBERS 3

static const struct shoal_key first = {32, {1}}, second = {16, {2}}, other = {24, {3}};

struct order {
	pthread_mutex_t lock;
	bool done;
	int code;
	size_t reached, answers, failed, asked, keys;
	char text[512], failing[64];
};

static void
on_answer(struct shoal_cluster *cluster, const struct shoal_key_answer *answer, void *arg)
{
	struct order *order = arg;

	(void)cluster;
	pthread_mutex_lock(&order->lock);
	order->answers++;
	order->keys += answer->key_count;
	order->asked = answer->asked;
	if (answer->code != 0) {
		order->failed++;
		snprintf(order->failing, sizeof(order->failing), "%s", answer->name);
	}
	pthread_mutex_unlock(&order->lock);
}

static void
on_done(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	struct order *order = arg;

	(void)cluster;
	pthread_mutex_lock(&order->lock);
	order->done = true;
	order->code = code;
	order->reached = reached;
	snprintf(order->text, sizeof(order->text), "%s", text);
	pthread_mutex_unlock(&order->lock);
}

static bool
is_done(void *arg)
{
	struct order *order = arg;

	pthread_mutex_lock(&order->lock);
	bool done = order->done;
	pthread_mutex_unlock(&order->lock);
	return done;
}

static struct order
tell(struct shoal_cluster *cluster, enum shoal_key_action action, const struct shoal_key *key)
{
	static struct order order;

	memset(&order, 0, sizeof(order));
	pthread_mutex_init(&order.lock, NULL);
	assert_int_equal(shoal_cluster_keys_order(cluster, action, key,
	                         key != NULL ? shoal_key_name(key) : 0, on_answer, on_done, &order),
	        0);
	assert_true(kit_until(NULL, is_done, &order));
	pthread_mutex_destroy(&order.lock);
	return order;
}

struct cluster {
	struct shoal_cluster *member[MEMBERS];
};

static void
form(struct cluster *cluster)
{
	static const char *const names[MEMBERS] = {"a", "b", "c"};

	for (size_t i = 0; i < MEMBERS; i++) {
		struct shoal_config config = kit_config(names[i]);

		config.keys = &first;
		config.key_count = 1;
		cluster->member[i] = kit_start(&config);
		if (i > 0) {
			kit_join(cluster->member[i], kit_address(cluster->member[0]));
		}
	}
	for (size_t i = 0; i < MEMBERS; i++) {
		kit_await_members(NULL, cluster->member[i], MEMBERS);
	}
}

static void
dissolve(struct cluster *cluster)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		kit_free(cluster->member[i]);
	}
}

struct expected {
	struct shoal_cluster *cluster;
	const struct shoal_key *in_use;
	size_t n;
};

static bool
holds(void *arg)
{
	const struct expected *expected = arg;
	struct shoal_key_info info[SHOAL_KEYS_MAX];
	size_t n = shoal_cluster_keys(expected->cluster, info), used = 0;

	for (size_t k = 0; k < n; k++) {
		used += info[k].in_use && info[k].print == shoal_key_name(expected->in_use);
	}
	return n == expected->n && used == 1;
}

/* A member's answer may be here before another thread sees there what it has done. */
static void
expect_keys(struct cluster *cluster, size_t n, const struct shoal_key *in_use)
{
	for (size_t i = 0; i < MEMBERS; i++) {
		struct expected expected = {cluster->member[i], in_use, n};

		assert_true(kit_until(NULL, holds, &expected));
	}
}

static void
a_key_is_exchanged_at_all_by_one(void **state)
{
	struct cluster cluster;
	struct order order;

	(void)state;
	form(&cluster);
	struct shoal_cluster *a = cluster.member[0];
	order = tell(a, SHOAL_KEY_LIST, NULL);
	assert_int_equal(order.code, 0);
	assert_int_equal(order.answers, MEMBERS);
	assert_int_equal(order.asked, MEMBERS);
	assert_int_equal(order.keys, MEMBERS);
	order = tell(a, SHOAL_KEY_INSTALL, &second);
	assert_int_equal(order.code, 0);
	assert_int_equal(order.reached, MEMBERS);
	expect_keys(&cluster, 2, &first);
	order = tell(cluster.member[1], SHOAL_KEY_USE, &second);
	assert_int_equal(order.code, 0);
	assert_int_equal(order.answers, MEMBERS);
	expect_keys(&cluster, 2, &second);
	order = tell(cluster.member[2], SHOAL_KEY_REMOVE, &first);
	assert_int_equal(order.code, 0);
	assert_int_equal(order.reached, MEMBERS);
	expect_keys(&cluster, 1, &second);
	for (size_t i = 0; i < MEMBERS; i++) {
		kit_await_members(NULL, cluster.member[i], MEMBERS);
	}
	dissolve(&cluster);
}

static void
what_would_cut_somebody_off_is_not_done(void **state)
{
	struct cluster cluster;
	struct order order;
	uint64_t print;

	(void)state;
	form(&cluster);
	struct shoal_cluster *a = cluster.member[0];
	/* Only two hold it. */
	assert_int_equal(shoal_cluster_key_install(a, &second, &print), 0);
	assert_int_equal(shoal_cluster_key_install(cluster.member[1], &second, NULL), 0);
	order = tell(a, SHOAL_KEY_USE, &second);
	assert_int_equal(order.code, SHOAL_ERR_NOT_FOUND);
	assert_int_equal(order.reached, 0);
	assert_int_equal(order.failed, 1);
	assert_string_equal(order.failing, "c");
	assert_non_null(strstr(order.text, "c: does not hold the key"));
	assert_int_equal(tell(a, SHOAL_KEY_INSTALL, &second).code, 0);
	expect_keys(&cluster, 2, &first);
	/* All use it. */
	order = tell(a, SHOAL_KEY_REMOVE, &first);
	assert_int_equal(order.code, SHOAL_ERR_STATE);
	assert_int_equal(order.reached, 0);
	assert_non_null(strstr(order.text, "this member: uses the key"));
	assert_int_equal(shoal_cluster_key_use(a, print), 0);
	order = tell(a, SHOAL_KEY_REMOVE, &first);
	assert_int_equal(order.code, SHOAL_ERR_STATE);
	assert_int_equal(order.failed, 2);
	order = tell(a, SHOAL_KEY_REMOVE, &other);
	assert_int_equal(order.code, SHOAL_ERR_NOT_FOUND);
	assert_int_equal(order.reached, 0);
	assert_int_equal(order.answers, MEMBERS);
	assert_non_null(strstr(order.text, "no member holds this key"));
	/* One has it. */
	assert_int_equal(shoal_cluster_key_install(a, &other, NULL), 0);
	order = tell(a, SHOAL_KEY_REMOVE, &other);
	assert_int_equal(order.code, 0);
	assert_int_equal(order.reached, 1);
	assert_int_equal(order.failed, MEMBERS - 1);
	assert_int_equal(tell(a, SHOAL_KEY_USE, &other).code, SHOAL_ERR_NOT_FOUND);
	dissolve(&cluster);
}

static void
without_keys_nothing_is_told_and_wrong_orders_are_refused(void **state)
{
	struct shoal_cluster *bare = kit_member("bare");
	const struct shoal_key odd = {.len = 7};
	struct order order;

	(void)state;
	order = tell(bare, SHOAL_KEY_INSTALL, &second);
	assert_int_equal(order.code, SHOAL_ERR_UNSUPPORTED);
	assert_int_equal(order.reached, 0);
	assert_int_equal(
	        shoal_cluster_keys_order(bare, SHOAL_KEY_INSTALL, &odd, 0, NULL, on_done, &order),
	        SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_cluster_keys_order(bare, SHOAL_KEY_INSTALL, NULL, 0, NULL, on_done, &order),
	        SHOAL_ERR_INVALID);
	assert_int_equal(shoal_cluster_keys_order(bare, SHOAL_KEY_LIST, NULL, 0, NULL, NULL, NULL),
	        SHOAL_ERR_INVALID);
	kit_free(bare);
}

/* With a member that does not answer: the order ends, in its own time or with the cluster. */
static void
an_order_ends_with_its_cluster(void **state)
{
	static struct order order;
	struct cluster cluster;

	(void)state;
	form(&cluster);
	memset(&order, 0, sizeof(order));
	pthread_mutex_init(&order.lock, NULL);
	assert_int_equal(shoal_cluster_keys_order(cluster.member[0], SHOAL_KEY_LIST, NULL, 0,
	                         on_answer, on_done, &order),
	        0);
	kit_free(cluster.member[0]);
	assert_true(is_done(&order));
	assert_true(order.code == 0 || order.code == SHOAL_ERR_CANCELED);
	kit_free(cluster.member[1]);
	kit_free(cluster.member[2]);
	pthread_mutex_destroy(&order.lock);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_key_is_exchanged_at_all_by_one),
	        cmocka_unit_test(what_would_cut_somebody_off_is_not_done),
	        cmocka_unit_test(without_keys_nothing_is_told_and_wrong_orders_are_refused),
	        cmocka_unit_test(an_order_ends_with_its_cluster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
