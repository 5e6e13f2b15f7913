/* SPDX-License-Identifier: MIT */
/* shoal_broadcast and its kin: what is accepted arrives, what is not is refused with its reason, a
 * full queue says so and when it is not. */
#include "cluster_talk.h"

#include <stddef.h>
#include <stdlib.h>

#include <shoal/metadata.h>

struct told {
	size_t calls;
	unsigned flags, hops;
	struct shoal_id sender;
};

static void
on_told(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	struct told *told = arg;

	(void)cluster;
	told->flags = shoal_message_flags(message);
	told->hops = shoal_message_hops(message);
	told->sender = *shoal_message_sender(message);
	told->calls++;
}

static void
on_room(struct shoal_cluster *cluster, const struct shoal_id *to, void *arg)
{
	(void)cluster;
	assert_null(to);
	++*(size_t *)arg;
}

static void
a_broadcast_comes_to_the_others_and_not_to_its_sender(void **state)
{
	struct shoal_config config;
	struct told one = {0}, two = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.one, TALK_TYPE, on_told, &one), 0);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, on_told, &two), 0);
	assert_int_equal(shoal_broadcast(talk.one, TALK_TYPE, "x", 1, 0), 0);
	talk_until(&talk, &two.calls, 1);
	assert_int_equal(two.flags, SHOAL_BROADCAST);
	assert_int_equal(two.hops, 0);
	assert_int_equal(shoal_id_compare(&two.sender, &talk.id_one), 0);
	assert_int_equal(shoal_broadcast(talk.one, TALK_TYPE, NULL, 0, SHOAL_RELIABLE), 0);
	talk_until(&talk, &two.calls, 2);
	assert_int_equal(two.flags, SHOAL_BROADCAST | SHOAL_RELIABLE);
	assert_int_equal(one.calls, 0);
	assert_int_equal(shoal_broadcast(talk.two, TALK_TYPE, "y", 1, 0), 0);
	talk_until(&talk, &one.calls, 1);
	assert_int_equal(one.flags, SHOAL_BROADCAST);
	assert_int_equal(shoal_id_compare(&one.sender, &talk.id_two), 0);
	struct shoal_counters counters;
	shoal_cluster_counters(talk.one, &counters);
	assert_int_equal(counters.value[SHOAL_COUNTER_CASTS_REPAIRED], 0);
	shoal_cluster_counters(talk.two, &counters);
	assert_int_equal(counters.value[SHOAL_COUNTER_CASTS_REPAIRED], 0);
	talk_done(&talk);
}

static void
one_to_a_tag_comes_to_who_carries_it(void **state)
{
	struct shoal_config config;
	struct told two = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, on_told, &two), 0);
	assert_int_equal(shoal_tag_add(talk.two, "red"), 0);
	for (unsigned i = 0; i < 20; i++) {
		talk_turn(&talk);
	}
	assert_int_equal(shoal_broadcast_tag(talk.one, "blue", TALK_TYPE, "x", 1, 0), 0);
	assert_int_equal(shoal_broadcast_tag(talk.one, "red", TALK_TYPE, "x", 1, 0), 0);
	talk_until(&talk, &two.calls, 1);
	for (unsigned i = 0; i < 20; i++) {
		talk_turn(&talk);
	}
	assert_int_equal(two.calls, 1);
	talk_done(&talk);
}

static void
within_limits_it_comes_to_those_that_are_near_while_it_is_young(void **state)
{
	struct shoal_config config;
	struct told two = {0};
	struct talk talk = {0};
	struct shoal_reach reach;

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, on_told, &two), 0);
	shoal_reach_init(&reach);
	reach.hops = 1;
	reach.ttl_ms = UINT32_MAX;
	reach.flags = SHOAL_RELIABLE;
	assert_int_equal(shoal_broadcast_within(talk.one, &reach, TALK_TYPE, "x", 1), 0);
	talk_until(&talk, &two.calls, 1);
	assert_int_equal(two.flags, SHOAL_BROADCAST | SHOAL_RELIABLE);
	reach.tag = "blue";
	assert_int_equal(shoal_broadcast_within(talk.one, &reach, TALK_TYPE, "x", 1), 0);
	reach.size = offsetof(struct shoal_reach, flags); /* that of an older release */
	reach.tag = NULL;
	assert_int_equal(shoal_broadcast_within(talk.one, &reach, TALK_TYPE, "x", 1), 0);
	talk_until(&talk, &two.calls, 2);
	assert_int_equal(two.flags, SHOAL_BROADCAST);
	talk_done(&talk);
}

static void
a_reach_that_is_none_is_refused_and_the_field_is_named(void **state)
{
	struct {
		struct shoal_reach reach;
		uint8_t newer;
	} late;
	struct shoal_config config;
	struct talk talk = {0};
	struct shoal_reach reach;

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(
	        shoal_broadcast_within(talk.one, NULL, TALK_TYPE, "x", 1), SHOAL_ERR_INVALID);
	memset(&reach, 0, sizeof(reach));
	assert_int_equal(
	        shoal_broadcast_within(talk.one, &reach, TALK_TYPE, "x", 1), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "shoal_reach_init"));
	shoal_reach_init(&reach);
	reach.hops = SHOAL_HOPS_MAX + 1;
	assert_int_equal(
	        shoal_broadcast_within(talk.one, &reach, TALK_TYPE, "x", 1), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "hops 65; say 1 to 64"));
	reach.hops = SHOAL_HOPS_MAX;
	reach.tag = "";
	assert_int_equal(
	        shoal_broadcast_within(talk.one, &reach, TALK_TYPE, "x", 1), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "tag"));
	memset(&late, 0, sizeof(late));
	shoal_reach_init(&late.reach);
	late.reach.size = sizeof(late);
	assert_int_equal(shoal_broadcast_within(talk.one, &late.reach, TALK_TYPE, "x", 1), 0);
	late.newer = 1;
	assert_int_equal(shoal_broadcast_within(talk.one, &late.reach, TALK_TYPE, "x", 1),
	        SHOAL_ERR_INVALID);
	talk_done(&talk);
}

static void
what_cannot_be_broadcast_is_refused_with_its_reason(void **state)
{
	static uint8_t large[1001];
	char tag[SHOAL_TAG_MAX + 2];
	struct shoal_config config;
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	config.profile.message_max = 1000;
	talk_begin(&talk, &config);
	assert_int_equal(shoal_broadcast(talk.one, TALK_TYPE, large, 1000, 0), 0);
	assert_int_equal(shoal_broadcast(talk.one, TALK_TYPE, large, 1001, 0), SHOAL_ERR_TOO_BIG);
	assert_non_null(strstr(shoal_last_error(), "1000"));
	assert_int_equal(
	        shoal_broadcast(talk.one, SHOAL_TYPE_SERVICE - 1, "x", 1, 0), SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_broadcast(talk.one, TALK_TYPE, "x", 1, SHOAL_BROADCAST), SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_broadcast(talk.one, TALK_TYPE, "x", 1, SHOAL_RELIABLE | SHOAL_NO_FORWARD),
	        SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_broadcast_tag(talk.one, "", TALK_TYPE, "x", 1, 0), SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_broadcast_tag(talk.one, NULL, TALK_TYPE, "x", 1, 0), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_broadcast(talk.one, TALK_TYPE, NULL, 1, 0), SHOAL_ERR_INVALID);
	memset(tag, 't', sizeof(tag));
	tag[SHOAL_TAG_MAX + 1] = '\0';
	assert_int_equal(
	        shoal_broadcast_tag(talk.one, tag, TALK_TYPE, "x", 1, 0), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_cluster_stop(talk.one), 0);
	assert_int_equal(shoal_broadcast(talk.one, TALK_TYPE, "x", 1, 0), SHOAL_ERR_STATE);
	talk_done(&talk);
}

static void
a_full_queue_refuses_and_is_writable_again_and_nothing_is_lost(void **state)
{
	struct shoal_config config;
	struct told two = {0};
	size_t writable = 0, said = 0;
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	config.profile.queue_bytes = 50 * (SHOAL_MESSAGE_COST + 100);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, on_told, &two), 0);
	assert_int_equal(shoal_on_writable(talk.one, on_room, &writable), 0);
	for (size_t round = 0; round < 5; round++) {
		uint8_t data[100] = {0};

		while (shoal_broadcast(talk.one, TALK_TYPE, data, sizeof(data), 0) == 0) {
			said++;
		}
		assert_non_null(strstr(shoal_last_error(), "queue_bytes"));
		talk_until(&talk, &writable, round + 1);
	}
	assert_in_range(said, 50 + 4 * 25, 250);
	talk_until(&talk, &two.calls, said);
	talk_done(&talk);
}

static void
what_waits_when_the_cluster_is_freed_goes_with_it(void **state)
{
	struct shoal_config config;
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	for (size_t i = 0; i < 200; i++) {
		assert_int_equal(shoal_broadcast(talk.one, TALK_TYPE, "x", 1, 0), 0);
	}
	talk_done(&talk);
}

static void
what_was_accepted_waits_until_it_can_be_told_without_loss(void **state)
{
	struct shoal_config config;
	struct told two = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	assert_int_equal(shoal_config_profile(&config, SHOAL_PROFILE_LOCAL), 0);
	config.profile.casts_max = 20;
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, on_told, &two), 0);
	for (size_t i = 0; i < 50; i++) {
		assert_int_equal(shoal_broadcast(talk.one, TALK_TYPE, "x", 1, SHOAL_RELIABLE), 0);
	}
	for (size_t i = 0; i < 1500; i++) { /* behind which these do not wait */
		assert_int_equal(shoal_broadcast(talk.one, TALK_TYPE, "x", 1, 0), 0);
	}
	talk_until(&talk, &two.calls, 1550);
	talk_done(&talk);
}

/* Memory for what has this length is short a few times. */
#define SHORT 4321

static void *
short_realloc(void *old, size_t size, void *arg)
{
	size_t *left = arg;

	if (old == NULL && size == SHORT + 1 && *left > 0) {
		--*left;
		return NULL;
	}
	return realloc(old, size);
}

static void *
short_malloc(size_t size, void *arg)
{
	return short_realloc(NULL, size, arg);
}

static void
short_free(void *block, void *arg)
{
	(void)arg;
	free(block);
}

static void
a_reliable_one_waits_where_memory_is_short(void **state)
{
	size_t left = 3;
	struct shoal_allocator mem = {short_malloc, short_realloc, short_free, &left};
	struct shoal_config config;
	struct told two = {0};
	struct talk talk = {.mem = &mem};
	static char data[SHORT];

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, on_told, &two), 0);
	assert_int_equal(shoal_broadcast(talk.one, TALK_TYPE, data, SHORT, SHOAL_RELIABLE), 0);
	talk_until(&talk, &two.calls, 1);
	assert_int_equal(left, 0);
	talk_done(&talk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_broadcast_comes_to_the_others_and_not_to_its_sender),
	        cmocka_unit_test(one_to_a_tag_comes_to_who_carries_it),
	        cmocka_unit_test(within_limits_it_comes_to_those_that_are_near_while_it_is_young),
	        cmocka_unit_test(a_reach_that_is_none_is_refused_and_the_field_is_named),
	        cmocka_unit_test(what_cannot_be_broadcast_is_refused_with_its_reason),
	        cmocka_unit_test(a_full_queue_refuses_and_is_writable_again_and_nothing_is_lost),
	        cmocka_unit_test(what_waits_when_the_cluster_is_freed_goes_with_it),
	        cmocka_unit_test(what_was_accepted_waits_until_it_can_be_told_without_loss),
	        cmocka_unit_test(a_reliable_one_waits_where_memory_is_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
