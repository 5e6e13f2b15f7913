/* SPDX-License-Identifier: MIT */
/* What was begun and is not wanted any more: joins and waits end once, by whatever comes first. */
#include "kit.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static void
on_any_done(struct shoal_cluster *cluster, int code, const char *text, size_t reached, void *arg)
{
	/* In its own end nothing is under way. */
	assert_int_equal(shoal_cluster_cancel(cluster, on_any_done, arg), SHOAL_ERR_NOT_FOUND);
	kit_on_done(cluster, code, text, reached, arg);
}

/* One seed refuses the connection at once and is in the background, one does not answer. */
static void
what_was_begun_can_be_canceled_once(void **state)
{
	struct shoal_cluster *a = kit_member("a");
	const char *seeds[2] = {"127.0.0.1:1", NULL};
	struct kit_done join = KIT_DONE, wait = KIT_DONE, other = KIT_DONE, left = KIT_DONE;
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t len = sizeof(name);
	int mute = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char address[32];

	(void)state;
	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(mute, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(mute, 8), 0);
	assert_int_equal(getsockname(mute, (struct sockaddr *)&name, &len), 0);
	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(name.sin_port));
	seeds[1] = address;
	assert_int_equal(shoal_cluster_cancel(a, NULL, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_cluster_cancel(a, on_any_done, &join), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(
	        shoal_cluster_join_async(a, seeds, 2, KIT_PATIENCE_MS, on_any_done, &join), 0);
	assert_int_equal(shoal_cluster_wait_async(a, 9, KIT_PATIENCE_MS, on_any_done, &wait), 0);
	assert_int_equal(shoal_cluster_wait_async(a, 1, KIT_PATIENCE_MS, on_any_done, &other), 0);
	assert_int_equal(kit_await_done(NULL, &other), 0);
	assert_int_equal(shoal_cluster_cancel(a, on_any_done, &join), 0);
	assert_int_equal(shoal_cluster_cancel(a, on_any_done, &join), SHOAL_ERR_NOT_FOUND);
	assert_int_equal(kit_await_done(NULL, &join), SHOAL_ERR_CANCELED);
	assert_int_equal(wait.calls, 0);
	assert_int_equal(shoal_cluster_cancel(a, on_any_done, &wait), 0);
	assert_int_equal(kit_await_done(NULL, &wait), SHOAL_ERR_CANCELED);
	assert_int_equal(shoal_cluster_leave_async(a, KIT_PATIENCE_MS, kit_on_done, &left), 0);
	assert_int_equal(kit_await_done(NULL, &left), 0);
	kit_free(a);
	close(mute);
	assert_int_equal(join.calls, 1);
	assert_int_equal(wait.calls, 1);
	assert_int_equal(other.calls, 1);
}

/* It was said to the others. */
static void
a_leave_is_not_taken_back(void **state)
{
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b");
	struct kit_done left = KIT_DONE;

	(void)state;
	kit_join(b, kit_address(a));
	assert_int_equal(shoal_cluster_leave_async(a, KIT_PATIENCE_MS, kit_on_done, &left), 0);
	int rc = shoal_cluster_cancel(a, kit_on_done, &left);
	/* Where the machine was slow it has ended meanwhile. */
	assert_true(rc == SHOAL_ERR_STATE || rc == SHOAL_ERR_NOT_FOUND);
	assert_int_equal(kit_await_done(NULL, &left), 0);
	assert_int_equal(shoal_cluster_cancel(a, kit_on_done, &left), SHOAL_ERR_NOT_FOUND);
	kit_free(a);
	kit_free(b);
	assert_int_equal(left.calls, 1);
}

/* A wait that is met ends on the loop while it is canceled here. */
static void
whoever_got_0_is_told_that_it_was_canceled(void **state)
{
	enum {
		TIMES = 300
	};
	static struct kit_done wait[TIMES];
	struct shoal_cluster *a = kit_member("a");
	unsigned canceled = 0;

	(void)state;
	for (unsigned i = 0; i < TIMES; i++) {
		wait[i] = (struct kit_done)KIT_DONE;
		assert_int_equal(shoal_cluster_wait_async(
		                         a, i % 2 + 1, KIT_PATIENCE_MS, kit_on_done, &wait[i]),
		        0);
		int rc = shoal_cluster_cancel(a, kit_on_done, &wait[i]);
		assert_true(rc == 0 || rc == SHOAL_ERR_NOT_FOUND);
		assert_int_equal(kit_await_done(NULL, &wait[i]), rc == 0 ? SHOAL_ERR_CANCELED : 0);
		canceled += rc == 0;
	}
	assert_true(canceled >= TIMES / 2);
	kit_free(a);
	for (unsigned i = 0; i < TIMES; i++) {
		assert_int_equal(wait[i].calls, 1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_begun_can_be_canceled_once),
	        cmocka_unit_test(a_leave_is_not_taken_back),
	        cmocka_unit_test(whoever_got_0_is_told_that_it_was_canceled),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
