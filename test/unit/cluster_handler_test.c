/* SPDX-License-Identifier: MIT */
/* Handlers by type: who is called with what, who is not any more, and that what waits for them is
 * bounded. */
#include "cluster_talk.h"

struct seen {
	size_t calls;
	const struct talk *talk;
	uint64_t stamp;
	bool ends; /* takes itself away */
};

static void
on_seen(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	struct seen *seen = arg;

	assert_int_equal(shoal_message_type(message), TALK_TYPE);
	assert_int_equal(shoal_id_compare(shoal_message_sender(message), &seen->talk->id_one), 0);
	assert_int_equal(shoal_message_len(message), 5);
	assert_memory_equal(shoal_message_data(message), "hello", 5);
	assert_int_equal(shoal_message_flags(message), SHOAL_RELIABLE);
	assert_int_equal(shoal_message_hops(message), 0);
	assert_true(shoal_message_stamp(message) > seen->stamp);
	seen->stamp = shoal_message_stamp(message);
	seen->calls++;
	if (seen->ends) {
		assert_int_equal(shoal_unhandle(cluster, TALK_TYPE), 0);
	}
}

static void
say(struct talk *talk, uint16_t type)
{
	assert_int_equal(shoal_send(talk->one, &talk->id_two, type, "hello", 5, SHOAL_RELIABLE), 0);
}

static void
a_handler_is_called_with_what_was_sent_until_it_takes_itself_away(void **state)
{
	struct shoal_config config;
	struct talk talk = {0};
	struct seen seen = {.talk = &talk};
	struct shoal_counters counters;

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, on_seen, &seen), 0);
	say(&talk, TALK_TYPE);
	say(&talk, TALK_TYPE + 1); /* for which there is none */
	say(&talk, TALK_TYPE);
	talk_until(&talk, &seen.calls, 2);
	seen.ends = true;
	say(&talk, TALK_TYPE);
	say(&talk, TALK_TYPE);
	talk_until(&talk, &seen.calls, 3);
	do {
		talk_turn(&talk);
		shoal_cluster_counters(talk.two, &counters);
	} while (counters.value[SHOAL_COUNTER_DROP_UNHANDLED] < 2);
	assert_int_equal(seen.calls, 3);
	talk_done(&talk);
}

static void
a_type_has_one_handler_and_there_are_so_many(void **state)
{
	struct shoal_config config;
	struct seen seen;
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.one, TALK_TYPE, NULL, NULL), SHOAL_ERR_INVALID);
	assert_int_equal(
	        shoal_handle(talk.one, SHOAL_TYPE_SERVICE - 1, on_seen, &seen), SHOAL_ERR_INVALID);
	assert_int_equal(shoal_unhandle(talk.one, TALK_TYPE), SHOAL_ERR_NOT_FOUND);
	for (unsigned i = 0; i < SHOAL_HANDLERS_MAX; i++) {
		uint16_t type = (uint16_t)(1000 + i * 7919 % 20011);
		assert_int_equal(shoal_handle(talk.one, type, on_seen, &seen), 0);
		assert_int_equal(shoal_handle(talk.one, type, on_seen, NULL), SHOAL_ERR_IN_USE);
	}
	assert_int_equal(shoal_handle(talk.one, 999, on_seen, &seen), SHOAL_ERR_LIMIT);
	for (unsigned i = 0; i < SHOAL_HANDLERS_MAX; i++) {
		assert_int_equal(shoal_unhandle(talk.one, (uint16_t)(1000 + i * 7919 % 20011)), 0);
	}
	assert_int_equal(shoal_unhandle(talk.one, 1000), SHOAL_ERR_NOT_FOUND);
	talk_done(&talk);
}

static void
what_waits_for_handlers_is_bounded_and_all_of_it_arrives_all_the_same(void **state)
{
	struct shoal_config config;
	struct heard heard = {0};
	struct talk talk = {0};

	(void)state;
	shoal_config_init(&config);
	config.profile.inbox_bytes = 8192;
	config.profile.message_max = 1024;
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, talk_heard, &heard), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, &i, sizeof(i),
		                         SHOAL_RELIABLE),
		        0);
	}
	talk_until(&talk, &heard.calls, 1000);
	assert_int_equal(heard.wrong, 0);
	struct shoal_counters counters;
	shoal_cluster_counters(talk.two, &counters);
	assert_true(counters.value[SHOAL_COUNTER_DROP_NO_ROOM] > 0);
	talk_done(&talk);
}

static void
on_length(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	size_t *bytes = arg;

	(void)cluster;
	*bytes += shoal_message_len(message);
}

/* It needs all the room that there is, also where little was handled before it. */
static void
the_longest_message_is_taken_behind_a_short_one(void **state)
{
	static const uint8_t data[8000];
	struct shoal_config config;
	struct talk talk = {0};
	size_t bytes = 0;

	(void)state;
	shoal_config_init(&config);
	config.profile.inbox_bytes = 8192;
	config.profile.message_max = sizeof(data);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, on_length, &bytes), 0);
	for (size_t i = 1; i <= 3; i++) {
		assert_int_equal(
		        shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, 100, SHOAL_RELIABLE),
		        0);
		talk_until(&talk, &bytes, (i - 1) * (100 + sizeof(data)) + 100);
		assert_int_equal(shoal_send(talk.one, &talk.id_two, TALK_TYPE, data, sizeof(data),
		                         SHOAL_RELIABLE),
		        0);
		talk_until(&talk, &bytes, i * (100 + sizeof(data)));
	}
	talk_done(&talk);
}

struct guest {
	struct shoal_cluster *cluster;
	size_t joins, messages;
};

static void
on_join(struct shoal_cluster *cluster, const struct shoal_member_event *event, void *arg)
{
	struct guest *guests = arg;

	(void)cluster;
	(void)event;
	guests->joins++;
}

/* Its sender is known, and was told of, when a handler runs. */
static void
on_guest(struct shoal_cluster *cluster, const struct shoal_message *message, void *arg)
{
	struct guest *guests = arg;

	assert_int_equal(
	        shoal_send(cluster, shoal_message_sender(message), TALK_TYPE, "welcome", 7, 0), 0);
	guests->messages++;
	assert_true(guests->joins >= guests->messages);
}

static void
who_sends_as_soon_as_it_joins_is_known_to_the_handler(void **state)
{
	struct shoal_config config;
	struct guest guests = {0};
	struct talk talk = {0};
	struct shoal_cluster *guest[20];
	char address[SHOAL_ADDR_TEXT];
	const char *seeds[] = {address};
	size_t ends = 0;

	(void)state;
	shoal_config_init(&config);
	talk_begin(&talk, &config);
	assert_int_equal(shoal_on_member(talk.two, SHOAL_EVENT_JOIN, on_join, &guests), 0);
	assert_int_equal(shoal_handle(talk.two, TALK_TYPE, on_guest, &guests), 0);
	assert_int_equal(shoal_cluster_address(talk.two, address, sizeof(address)), 0);
	for (size_t i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "guest-%zu", i);
		guest[i] = talk_make(&talk, name, &config);
		assert_int_equal(
		        shoal_cluster_join_async(guest[i], seeds, 1, 5000, talk_joined, &ends), 0);
		while (shoal_send(guest[i], &talk.id_two, TALK_TYPE, "hello", 5, SHOAL_RELIABLE) !=
		        0) {
			assert_true(event_base_loop(talk.base, EVLOOP_ONCE) >= 0);
		}
	}
	talk_until(&talk, &guests.messages, 20);
	for (size_t i = 0; i < 20; i++) {
		assert_int_equal(shoal_cluster_free(guest[i]), 0);
	}
	talk_done(&talk);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_handler_is_called_with_what_was_sent_until_it_takes_itself_away),
	        cmocka_unit_test(the_longest_message_is_taken_behind_a_short_one),
	        cmocka_unit_test(who_sends_as_soon_as_it_joins_is_known_to_the_handler),
	        cmocka_unit_test(a_type_has_one_handler_and_there_are_so_many),
	        cmocka_unit_test(
	                what_waits_for_handlers_is_bounded_and_all_of_it_arrives_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
