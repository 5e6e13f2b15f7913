/* SPDX-License-Identifier: MIT */
/* What waits on the link of a member that cannot be dialled counts among what waits for it. */
#include "cluster_talk.h"

#include "cluster/cluster.h"
#include "cluster_walls.h"

static size_t on_link;
static uint64_t links;

static size_t
on_told(const void *self, uint64_t link)
{
	(void)self;
	assert_true(link != 0);
	links = link;
	return on_link;
}

/* The memory transport's, and it says what waits on a link. */
static struct shoal_transport_ops
ops_that_tell(void)
{
	struct shoal_transport_ops ops = talk_memory_ops();

	ops.caps |= SHOAL_TRANSPORT_TOLD;
	ops.told = on_told;
	return ops;
}

static void
what_waits_on_the_link_of_a_member_counts_for_it(void **state)
{
	static const uint8_t data[2000];
	struct shoal_transport_ops ops = ops_that_tell();
	struct shoal_config config;
	struct talk talk = {.ops = &ops};
	struct heard heard = {0};
	size_t writable = 0;
	uint32_t slot;

	(void)state;
	shoal_config_init(&config);
	config.profile.queue_bytes = 4096;
	on_link = 0;
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, talk_heard, &heard), 0);
	assert_int_equal(shoal_on_writable(talk.one, talk_writable, &writable), 0);
	assert_int_equal(shoal_core_find(talk.one->core, &talk.id_two, &slot), 0);
	for (unsigned i = 0; !walls_put_up(talk.one->core, &talk.id_two); i++) {
		assert_true(i < 60000);
		talk_turn(&talk);
	}
	on_link = 3000;
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 2000, 0), 0);
	talk_until(&talk, &heard.calls, 1);
	assert_true(links == shoal_core_link(talk.one->core, slot, NULL));
	assert_int_equal(
	        shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 2000, 0), SHOAL_ERR_AGAIN);
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 2000, SHOAL_RELIABLE),
	        SHOAL_ERR_AGAIN);
	assert_int_equal(writable, 0);
	on_link = 0;
	talk_until(&talk, &writable, 1);
	assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 2000, 0), 0);
	talk_until(&talk, &heard.calls, 2);
	talk_done(&talk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_waits_on_the_link_of_a_member_counts_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
