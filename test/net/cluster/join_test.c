/* SPDX-License-Identifier: MIT */
/* Joining: by address and by name, through several seeds, through none, and through seeds that come
 * up later. */
#include "kit.h"

#include <ares.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *
port_of(const char *address)
{
	return strrchr(address, ':') + 1;
}

/* A port of loopback that nobody listens on: bound for the time of the test, so that the kernel
 * gives it to nobody else, and shared with a member that asks for it. *fd is to be closed. */
static unsigned
closed_port(int *fd)
{
	struct sockaddr_in name = {
	        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(name);

	const int yes = 1;

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(*fd >= 0);
	assert_int_equal(setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&name, &len), 0);
	return ntohs(name.sin_port);
}

static void
a_member_joins_by_address_and_each_sees_the_other(void **state)
{
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b");

	(void)state;
	kit_join(b, kit_address(a));
	/* What a join has returned is in the list. */
	assert_int_equal(kit_state(b, "a"), SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_wait_members(a, 2, KIT_PATIENCE_MS), 0);
	assert_int_equal(kit_state(a, "b"), SHOAL_STATE_ALIVE);
	kit_free(a);
	kit_free(b);
}

static void
a_member_joins_by_host_name_and_every_answer_is_tried(void **state)
{
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b");
	char seed[64];

	(void)state;
	/* localhost may be ::1 too, where nobody listens: one answer is enough. */
	snprintf(seed, sizeof(seed), "localhost:%s", port_of(kit_address(a)));
	kit_join(b, seed);
	assert_int_equal(kit_state(b, "a"), SHOAL_STATE_ALIVE);
	kit_free(a);
	kit_free(b);
}

static void
one_reached_seed_is_enough_and_the_others_do_not_matter(void **state)
{
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b");
	char closed[64];
	size_t reached = 9;
	int fd;

	(void)state;
	snprintf(closed, sizeof(closed), "127.0.0.1:%u", closed_port(&fd));
	const char *seeds[] = {closed, kit_address(a), "no..name", kit_address(b)};
	assert_int_equal(
	        shoal_cluster_join(b, seeds, COUNT_OF(seeds), KIT_PATIENCE_MS, &reached), 0);
	assert_int_equal(reached, 1);
	close(fd);
	kit_free(a);
	kit_free(b);
}

static void
each_address_that_fails_is_listed_with_its_reason(void **state)
{
	struct shoal_cluster *a = kit_member("a");
	char closed[2][64];
	size_t reached = 9;
	int fd[2];

	(void)state;
	snprintf(closed[0], sizeof(closed[0]), "127.0.0.1:%u", closed_port(&fd[0]));
	snprintf(closed[1], sizeof(closed[1]), "localhost:%u", closed_port(&fd[1]));
	const char *seeds[] = {closed[0], "no..name:7", closed[1]};
	assert_int_equal(shoal_cluster_join(a, seeds, COUNT_OF(seeds), KIT_PATIENCE_MS, &reached),
	        SHOAL_ERR_NO_SEED);
	assert_int_equal(reached, 0);
	const char *text = shoal_last_error();
	char expected[128];
	snprintf(expected, sizeof(expected), "%s: connection refused", closed[0]);
	assert_non_null(strstr(text, expected));
	assert_non_null(strstr(text, "no..name:7: host name could not be resolved: "));
	snprintf(expected, sizeof(expected), "%s at 127.0.0.1:%s: connection refused", closed[1],
	        port_of(closed[1]));
	assert_non_null(strstr(text, expected));
	close(fd[0]);
	close(fd[1]);
	kit_free(a);
}

static void
a_seed_that_never_answers_ends_the_join_at_its_timeout(void **state)
{
	struct sockaddr_in name = {
	        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(name);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a;
	char silent[64];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &len), 0);
	snprintf(silent, sizeof(silent), "127.0.0.1:%u", ntohs(name.sin_port));
	config.profile.exchange_timeout_ms = 600000;
	a = kit_start(&config);
	const char *seeds[] = {silent};
	assert_int_equal(shoal_cluster_join(a, seeds, 1, 100, NULL), SHOAL_ERR_NO_SEED);
	snprintf(silent + strlen(silent), sizeof(silent) - strlen(silent), ": timed out");
	assert_non_null(strstr(shoal_last_error(), silent));
	close(fd);
	kit_free(a);
}

static void
seeds_are_checked_before_anything_is_done(void **state)
{
	static const char *const bad[] = {"", "a b:7", "a:0", "a:70000", ":7", "[::1",
	        "foo:bar:baz", "1.2.3.4.5:1", "127.1:1", "1.2.3:", "7946", "[fe80::1%nosuch]:5",
	        "0.0.0.0:1", "[::]:1", "255.255.255.255:1", "224.0.0.1:1", "239.255.255.255",
	        "[ff02::1]:1", "[::ffff:0.0.0.0]:1"};
	struct shoal_cluster *a = kit_member("a");
	const char *seed = "127.0.0.1:1", *none = NULL;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		const char *seeds[] = {seed, bad[i]};

		assert_int_equal(shoal_cluster_join(a, seeds, 2, 1000, NULL), SHOAL_ERR_INVALID);
		assert_non_null(strstr(shoal_last_error(), bad[i]));
	}
	const char *zero = "127.0.0.1:0";
	assert_int_equal(shoal_cluster_join(a, &zero, 1, 1000, NULL), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "port 0"));
	assert_int_equal(shoal_cluster_join(a, &seed, 0, 1000, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_cluster_join(a, NULL, 1, 1000, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_cluster_join(a, &none, 1, 1000, NULL), SHOAL_ERR_INVALID);
	const char *later = "https://example.org/gossip";
	assert_int_equal(shoal_cluster_join(a, &later, 1, 1000, NULL), SHOAL_ERR_UNSUPPORTED);
	kit_free(a);
}

static void
a_list_that_names_only_this_member_makes_it_the_first(void **state)
{
	struct shoal_cluster *a = kit_member("a");
	const char *self[] = {kit_address(a), kit_address(a)};
	char local[64], closed[64];
	size_t reached = 9;
	int fd;

	(void)state;
	assert_int_equal(shoal_cluster_join(a, self, 2, KIT_PATIENCE_MS, &reached), 0);
	assert_int_equal(reached, 0);
	snprintf(closed, sizeof(closed), "127.0.0.1:%u", closed_port(&fd));
	snprintf(local, sizeof(local), "%s", kit_address(a));
	const char *mixed[] = {local, closed};
	assert_int_equal(
	        shoal_cluster_join(a, mixed, 2, KIT_PATIENCE_MS, &reached), SHOAL_ERR_NO_SEED);
	assert_non_null(strstr(shoal_last_error(), closed));
	assert_null(strstr(shoal_last_error(), local));
	close(fd);
	kit_free(a);
}

static void
a_wildcard_knows_itself_under_every_local_address(void **state)
{
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a;
	size_t reached = 9;
	char local[64];

	(void)state;
	config.bind = "0.0.0.0:0";
	config.advertise = "127.0.0.1";
	a = kit_start(&config);
	snprintf(local, sizeof(local), "127.0.0.1:%s", port_of(kit_address(a)));
	assert_string_equal(kit_address(a), local);
	const char *seeds[] = {local};
	assert_int_equal(shoal_cluster_join(a, seeds, 1, KIT_PATIENCE_MS, &reached), 0);
	assert_int_equal(reached, 0);
	kit_free(a);
}

static void
a_seed_that_refuses_is_told_apart_from_one_that_is_down(void **state)
{
	struct shoal_config config = kit_config("b");
	struct shoal_cluster *a = kit_member("a"), *b;
	const char *seed = kit_address(a);

	(void)state;
	config.label = "another";
	b = kit_start(&config);
	assert_int_equal(
	        shoal_cluster_join(b, &seed, 1, KIT_PATIENCE_MS, NULL), SHOAL_ERR_REJECTED);
	assert_non_null(strstr(shoal_last_error(), seed));
	assert_non_null(strstr(shoal_last_error(), "label"));
	kit_free(a);
	kit_free(b);
}

/* Who it was is not known: the seed itself may come back to its address. */
static void
an_answer_that_does_not_open_ends_no_join_for_good(void **state)
{
	struct shoal_config config = kit_config("b"), seed_config = kit_config("seed");
	struct shoal_config other = kit_config("other");
	struct shoal_cluster *a, *b, *seed;
	char address[64];

	(void)state;
	config.profile.heal_interval_ms = 100;
	b = kit_start(&config);
	other.label = "another";
	a = kit_start(&other);
	snprintf(address, sizeof(address), "%s", kit_address(a));
	const char *seeds[] = {address};
	assert_int_equal(
	        shoal_cluster_join(b, seeds, 1, KIT_PATIENCE_MS, NULL), SHOAL_ERR_REJECTED);
	kit_free(a);
	seed_config.bind = address;
	seed = kit_start(&seed_config);
	assert_int_equal(shoal_wait_members(b, 2, KIT_PATIENCE_MS), 0);
	assert_int_equal(kit_state(b, "seed"), SHOAL_STATE_ALIVE);
	kit_free(b);
	kit_free(seed);
}

static void
a_seed_that_comes_up_later_is_joined_in_the_background(void **state)
{
	struct shoal_config config = kit_config("b"), seed_config = kit_config("seed");
	struct shoal_cluster *b, *seed;
	char address[64];
	int fd;

	(void)state;
	config.profile.heal_interval_ms = 100;
	b = kit_start(&config);
	snprintf(address, sizeof(address), "127.0.0.1:%u", closed_port(&fd));
	const char *seeds[] = {address};
	assert_int_equal(shoal_cluster_join(b, seeds, 1, KIT_PATIENCE_MS, NULL), SHOAL_ERR_NO_SEED);
	seed_config.bind = address;
	seed = kit_start(&seed_config);
	assert_int_equal(shoal_wait_members(b, 2, KIT_PATIENCE_MS), 0);
	assert_int_equal(kit_state(b, "seed"), SHOAL_STATE_ALIVE);
	assert_int_equal(shoal_wait_members(seed, 2, KIT_PATIENCE_MS), 0);
	close(fd);
	kit_free(b);
	kit_free(seed);
}

/* What the log said of a seed that refuses, and when. */
struct refusals {
	_Atomic unsigned warned, heard;
	_Atomic uint64_t fifth_ms;
};

static void
on_refusal(const struct shoal_log_record *record, void *arg)
{
	struct refusals *refusals = arg;

	if (strstr(record->text, "refuses") == NULL) {
		return;
	}
	refusals->warned += record->level == SHOAL_LOG_WARN;
	if (++refusals->heard == 5) {
		refusals->fifth_ms = kit_now_ms();
	}
}

static bool
five_were_heard(void *arg)
{
	return ((struct refusals *)arg)->fifth_ms != 0;
}

/* The join's own ask, then one after an interval, two, four ... */
static void
asked_ever_more_seldom(bool named)
{
	struct shoal_config config = kit_config("b"), other = kit_config("a");
	struct refusals refusals = {0};
	struct shoal_cluster *a, *b;
	char name[32];
	uint64_t began;

	other.label = "another";
	a = kit_start(&other);
	config.profile.heal_interval_ms = 100;
	config.log = on_refusal;
	config.log_arg = &refusals;
	config.log_level = SHOAL_LOG_DEBUG;
	b = kit_start(&config);
	snprintf(name, sizeof(name), "two.test:%s", port_of(kit_address(a)));
	const char *seeds[] = {named ? name : kit_address(a)};
	began = kit_now_ms();
	assert_int_equal(
	        shoal_cluster_join(b, seeds, 1, KIT_PATIENCE_MS, NULL), SHOAL_ERR_REJECTED);
	if (named) {
		assert_non_null(strstr(shoal_last_error(), " at 127.0.0.2:"));
	}
	assert_true(kit_until(NULL, five_were_heard, &refusals));
	assert_true(refusals.fifth_ms - began >= (1 + 2 + 4 + 8 + 16) * 100);
	assert_int_equal(refusals.warned, 1);
	kit_free(a);
	kit_free(b);
}

static void
a_seed_that_refuses_is_asked_ever_more_seldom_and_said_once(void **state)
{
	(void)state;
	asked_ever_more_seldom(false);
}

void __real_ares_getaddrinfo(ares_channel channel, const char *name, const char *service,
        const struct ares_addrinfo_hints *hints, ares_addrinfo_callback callback, void *arg);
void __wrap_ares_getaddrinfo(ares_channel channel, const char *name, const char *service,
        const struct ares_addrinfo_hints *hints, ares_addrinfo_callback callback, void *arg);

/* A hosts file of the test's counts where CARES_HOSTS names one. */
void
__wrap_ares_getaddrinfo(ares_channel channel, const char *name, const char *service,
        const struct ares_addrinfo_hints *hints, ares_addrinfo_callback callback, void *arg)
{
	struct ares_addrinfo_hints asked = *hints;

	asked.ai_flags |= ARES_AI_ENVHOSTS;
	__real_ares_getaddrinfo(channel, name, service, &asked, callback, arg);
}

/* Nobody listens at the other one. */
static void
so_is_one_that_refuses_at_one_of_its_addresses(void **state)
{
	static const char hosts[] = "127.0.0.1 two.test\n127.0.0.2 two.test\n";
	char path[] = "/tmp/shoal-hosts.XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, hosts, sizeof(hosts) - 1), sizeof(hosts) - 1);
	close(fd);
	assert_int_equal(setenv("CARES_HOSTS", path, 1), 0);
	asked_ever_more_seldom(true);
	assert_int_equal(unsetenv("CARES_HOSTS"), 0);
	assert_int_equal(unlink(path), 0);
}

static bool
one_was_heard(void *arg)
{
	return ((struct refusals *)arg)->heard > 0;
}

/* Without the changes it would be asked after a minute. */
static void
a_seed_that_refused_is_asked_soon_once_something_changes_here(void **state)
{
	static const struct shoal_key key = {32, {1}}, another = {32, {2}};
	struct shoal_config config = kit_config("b"), other = kit_config("a");
	struct refusals refusals = {0};
	struct shoal_cluster *a, *b;

	(void)state;
	other.keys = &key;
	other.key_count = 1;
	a = kit_start(&other);
	config.keys = &another;
	config.key_count = 1;
	config.profile.heal_interval_ms = 60000;
	config.log = on_refusal;
	config.log_arg = &refusals;
	config.log_level = SHOAL_LOG_DEBUG;
	b = kit_start(&config);
	const char *seeds[] = {kit_address(a)};
	assert_int_equal(
	        shoal_cluster_join(b, seeds, 1, KIT_PATIENCE_MS, NULL), SHOAL_ERR_REJECTED);
	assert_int_equal(shoal_cluster_set(b, "heal_interval_ms", "59000"), 0);
	assert_true(kit_until(NULL, one_was_heard, &refusals));
	refusals.heard = 0;
	assert_int_equal(shoal_cluster_set(b, "accept_unlabelled", "1"), 0);
	assert_true(kit_until(NULL, one_was_heard, &refusals));
	assert_int_equal(shoal_cluster_key_install(b, &key, NULL), 0);
	assert_int_equal(shoal_cluster_key_use(b, shoal_key_name(&key)), 0);
	assert_int_equal(shoal_wait_members(b, 2, KIT_PATIENCE_MS), 0);
	assert_int_equal(refusals.warned, 1);
	kit_free(a);
	kit_free(b);
}

/* One at a time, with pauses that double, the last one would be tried after minutes. */
static void
a_member_that_is_alone_tries_all_its_seeds_at_once(void **state)
{
	static const char *const down[] = {"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3",
	        "127.0.0.1:4", "127.0.0.1:5", "127.0.0.1:6", "127.0.0.1:8", "127.0.0.1:10"};
	struct shoal_config config = kit_config("b"), seed_config = kit_config("seed");
	const char *seeds[COUNT_OF(down) + 1];
	struct shoal_cluster *b, *seed;
	char address[64];
	int fd;

	(void)state;
	config.profile.heal_interval_ms = 60000;
	b = kit_start(&config);
	memcpy(seeds, down, sizeof(down));
	snprintf(address, sizeof(address), "127.0.0.1:%u", closed_port(&fd));
	seeds[COUNT_OF(down)] = address;
	assert_int_equal(shoal_cluster_join(b, seeds, COUNT_OF(seeds), KIT_PATIENCE_MS, NULL),
	        SHOAL_ERR_NO_SEED);
	seed_config.bind = address;
	seed = kit_start(&seed_config);
	assert_int_equal(shoal_wait_members(b, 2, KIT_PATIENCE_MS), 0);
	close(fd);
	kit_free(b);
	kit_free(seed);
}

static void
reasons_that_have_no_place_are_counted(void **state)
{
	struct shoal_cluster *a = kit_member("a");
	char text[100][32];
	const char *seeds[100], *tail;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(seeds); i++) {
		snprintf(text[i], sizeof(text[i]), "127.0.%zu.1:1", i);
		seeds[i] = text[i];
	}
	assert_int_equal(shoal_cluster_join(a, seeds, COUNT_OF(seeds), KIT_PATIENCE_MS, NULL),
	        SHOAL_ERR_NO_SEED);
	tail = strstr(shoal_last_error(), "; and ");
	assert_non_null(tail);
	assert_non_null(strstr(tail, " more"));
	kit_free(a);
}

static void
an_asynchronous_join_ends_exactly_once_with_code_and_number(void **state)
{
	struct shoal_cluster *a = kit_member("a"), *b = kit_member("b");
	struct kit_done good = KIT_DONE, bad = KIT_DONE;
	const char *seed = kit_address(a), *wrong = "no..name";

	(void)state;
	assert_int_equal(
	        shoal_cluster_join_async(b, &seed, 1, KIT_PATIENCE_MS, kit_on_done, &good), 0);
	assert_int_equal(
	        shoal_cluster_join_async(b, &wrong, 1, KIT_PATIENCE_MS, kit_on_done, &bad), 0);
	assert_int_equal(shoal_cluster_join_async(b, &seed, 1, KIT_PATIENCE_MS, NULL, NULL), 0);
	assert_int_equal(kit_await_done(NULL, &good), 0);
	assert_int_equal(good.reached, 1);
	assert_string_equal(good.text, "");
	assert_int_equal(kit_await_done(NULL, &bad), SHOAL_ERR_NO_SEED);
	assert_int_equal(bad.reached, 0);
	assert_non_null(strstr(bad.text, "no..name"));
	kit_free(a);
	kit_free(b);
	assert_int_equal(good.calls, 1);
	assert_int_equal(bad.calls, 1);
}

static void
members_meet_over_ipv6_and_over_both_families_on_one_port(void **state)
{
	struct shoal_config config = kit_config("a");
	struct shoal_cluster *a, *b, *c;
	struct shoal_member *self;
	const struct shoal_addr *addrs;
	char seed[64];

	(void)state;
	kit_needs_ipv6();
	config.bind = "127.0.0.1:0,[::1]:0";
	a = kit_start(&config);
	self = shoal_cluster_self(a);
	assert_int_equal(shoal_member_addresses(self, &addrs), 2);
	assert_int_equal(addrs[0].port, addrs[1].port);
	shoal_member_unref(self);
	config = kit_config("b");
	config.bind = "[::1]:0";
	b = kit_start(&config);
	snprintf(seed, sizeof(seed), "[::1]:%s", port_of(kit_address(a)));
	kit_join(b, seed);
	c = kit_member("c");
	kit_join(c, kit_address(a));
	assert_int_equal(shoal_wait_members(a, 3, KIT_PATIENCE_MS), 0);
	kit_free(a);
	kit_free(b);
	kit_free(c);
}

static void
texts_of_seeds_are_judged_without_asking_anybody(void **state)
{
	const char *good[] = {"127.0.0.1:1", "[::1]:7946", "host", "host:7"};
	const char *bad[] = {"127.0.0.1:1", "127.0.0.1:99999"};

	(void)state;
	assert_int_equal(shoal_seeds_check(good, COUNT_OF(good)), 0);
	assert_int_equal(shoal_seeds_check(bad, COUNT_OF(bad)), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "127.0.0.1:99999"));
	assert_int_equal(shoal_seeds_check(good, 0), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_seeds_check(NULL, 1), SHOAL_ERR_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_member_joins_by_address_and_each_sees_the_other),
	        cmocka_unit_test(a_member_joins_by_host_name_and_every_answer_is_tried),
	        cmocka_unit_test(one_reached_seed_is_enough_and_the_others_do_not_matter),
	        cmocka_unit_test(each_address_that_fails_is_listed_with_its_reason),
	        cmocka_unit_test(a_seed_that_never_answers_ends_the_join_at_its_timeout),
	        cmocka_unit_test(seeds_are_checked_before_anything_is_done),
	        cmocka_unit_test(a_list_that_names_only_this_member_makes_it_the_first),
	        cmocka_unit_test(a_wildcard_knows_itself_under_every_local_address),
	        cmocka_unit_test(a_seed_that_refuses_is_told_apart_from_one_that_is_down),
	        cmocka_unit_test(an_answer_that_does_not_open_ends_no_join_for_good),
	        cmocka_unit_test(a_seed_that_comes_up_later_is_joined_in_the_background),
	        cmocka_unit_test(a_seed_that_refuses_is_asked_ever_more_seldom_and_said_once),
	        cmocka_unit_test(so_is_one_that_refuses_at_one_of_its_addresses),
	        cmocka_unit_test(a_seed_that_refused_is_asked_soon_once_something_changes_here),
	        cmocka_unit_test(a_member_that_is_alone_tries_all_its_seeds_at_once),
	        cmocka_unit_test(reasons_that_have_no_place_are_counted),
	        cmocka_unit_test(an_asynchronous_join_ends_exactly_once_with_code_and_number),
	        cmocka_unit_test(members_meet_over_ipv6_and_over_both_families_on_one_port),
	        cmocka_unit_test(texts_of_seeds_are_judged_without_asking_anybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
