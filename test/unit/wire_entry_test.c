/* SPDX-License-Identifier: MIT */
/* Messages inside a message: what is written comes back, and what is cut or wrong is refused. */
#include "unit.h"

#include <shoal/error.h>
#include <stdlib.h>

#include "wire/entry.h"
#include "wire/message.h"
#include "wire_fill.h"

static size_t
write_two(uint8_t *data, size_t room)
{
	struct shoal_entry first = {.type = 128, .stamp = 7, .data = {(const uint8_t *)"abc", 3}};
	struct shoal_entry last = {.type = UINT16_MAX, .stamp = UINT64_MAX};
	struct shoal_writer writer;

	shoal_writer_init(&writer, data, room);
	shoal_entry_write(&writer, &first);
	assert_int_equal(writer.len, shoal_entry_size(&first));
	shoal_entry_write(&writer, &last);
	assert_int_equal(writer.len, shoal_entry_size(&first) + shoal_entry_size(&last));
	assert_false(writer.failed);
	return writer.len;
}

static void
entries_come_back_as_they_were_written(void **state)
{
	struct shoal_reader reader;
	struct shoal_entry entry;
	uint8_t data[64];
	size_t len = write_two(data, sizeof data);

	(void)state;
	shoal_reader_init(&reader, data, len);
	assert_int_equal(shoal_entry_next(&reader, &entry), 1);
	assert_int_equal(entry.type, 128);
	assert_true(entry.stamp == 7);
	assert_int_equal(entry.data.len, 3);
	assert_memory_equal(entry.data.data, "abc", 3);
	assert_int_equal(shoal_entry_next(&reader, &entry), 1);
	assert_int_equal(entry.type, UINT16_MAX);
	assert_true(entry.stamp == UINT64_MAX);
	assert_int_equal(entry.data.len, 0);
	assert_int_equal(shoal_entry_next(&reader, &entry), 0);
	assert_int_equal(shoal_entry_count((struct shoal_span){data, len}), 2);
}

static void
what_is_cut_anywhere_but_between_two_counts_as_none(void **state)
{
	uint8_t data[64];
	size_t len = write_two(data, sizeof data);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *exact = fill_exact(data, cut);
		size_t count = shoal_entry_count((struct shoal_span){exact, cut});
		assert_int_equal(count, cut == 14 ? 1 : 0);
		free(exact);
	}
	assert_int_equal(shoal_entry_count((struct shoal_span){NULL, 0}), 0);
}

static int
judge(uint64_t number, struct shoal_span entries, bool named, uint16_t kind)
{
	struct shoal_msg_batch batch = {.id = {{named}}, .first = number, .entries = entries};
	struct shoal_msg_user user = {.id = {{named}}, .number = number, .entries = entries};
	const void *m = kind == SHOAL_MESSAGE_USER ? (const void *)&user : &batch;
	struct shoal_writer writer;
	struct shoal_reader packet, body;
	union shoal_wire_message read;
	uint8_t data[256];

	shoal_writer_init(&writer, data, sizeof data);
	assert_true(shoal_message_append(&writer, (enum shoal_message_kind)kind, m));
	shoal_reader_init(&packet, data, writer.len);
	assert_int_equal(shoal_message_next(&packet, &kind, &body), 1);
	return shoal_message_decode(kind, body, &read);
}

static void
messages_without_a_name_a_number_or_whole_entries_are_malformed(void **state)
{
	static const uint16_t kinds[] = {SHOAL_MESSAGE_USER, SHOAL_MESSAGE_BATCH};
	uint8_t data[64];
	struct shoal_span two = {data, write_two(data, sizeof data)};
	struct shoal_span cut = {data, two.len - 1};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		assert_int_equal(judge(1, two, true, kinds[i]), SHOAL_OK);
		assert_int_equal(judge(0, two, true, kinds[i]), SHOAL_ERR_MALFORMED);
		assert_int_equal(judge(1, two, false, kinds[i]), SHOAL_ERR_MALFORMED);
		assert_int_equal(judge(1, cut, true, kinds[i]), SHOAL_ERR_MALFORMED);
		cut.len = 0;
		assert_int_equal(judge(1, cut, true, kinds[i]), SHOAL_ERR_MALFORMED);
		cut.len = two.len - 1;
	}
	/* Its last message would have no number behind it. */
	assert_int_equal(
	        judge(UINT64_MAX - 1, two, true, SHOAL_MESSAGE_BATCH), SHOAL_ERR_MALFORMED);
	assert_int_equal(judge(UINT64_MAX - 2, two, true, SHOAL_MESSAGE_BATCH), SHOAL_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(entries_come_back_as_they_were_written),
	        cmocka_unit_test(what_is_cut_anywhere_but_between_two_counts_as_none),
	        cmocka_unit_test(messages_without_a_name_a_number_or_whole_entries_are_malformed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
