/* SPDX-License-Identifier: MIT */
/* A core's life, recorded and run again: the same hashes, the same events; and what a reader does
 * with a record that is damaged, torn or somebody else's. */
#include "unit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/writer.h"
#include "core/record/record.h"
#include "core_tape.h"
#include "heap_fault.h"

#define CONFIG_BEFORE 196 /* the profile, which is a table */
#define CONFIG_BEHIND 88  /* allocator and all that follows */
#define INPUT_BYTES   176

/* Compares what the replayed core tells with what the recorded one told; returns how far it is. */
static size_t
compare_events(const struct tape *tape, struct shoal_core *core, size_t next)
{
	struct shoal_log_record record;
	struct shoal_event event;

	while (shoal_core_next_event(core, &event)) {
		while (next < tape->world.events && tape->world.event[next].node != 0) {
			next++;
		}
		assert_true(next < tape->world.events);
		assert_memory_equal(&event, &tape->world.event[next].event, sizeof event);
		next++;
	}
	while (shoal_core_next_log(core, &record)) {
		continue;
	}
	return next;
}

static void
a_core_that_is_replayed_tells_the_same_events_and_has_the_same_hashes(void **state)
{
	struct shoal_replay_entry entry;
	size_t events = 0, checkpoints = 0, inputs = 0;
	struct tape tape;

	(void)state;
	tape_begin(&tape, false, SHOAL_SEC(1));
	tape_live(&tape, SHOAL_SEC(90));
	assert_true(world_count_events(&tape.world, 0, SHOAL_EVENT_FAILED) > 0);
	tape_end(&tape);
	struct shoal_replay *replay = replay_of(tape.data, tape.len);
	while (shoal_replay_step(replay, &entry)) {
		assert_true(entry.inputs == inputs);
		inputs += entry.kind == SHOAL_REPLAY_INPUT;
		events = compare_events(&tape, shoal_replay_core(replay), events);
		if (entry.kind == SHOAL_REPLAY_CHECKPOINT || entry.kind == SHOAL_REPLAY_END) {
			assert_true(entry.hash == entry.is_hash);
			checkpoints++;
		}
	}
	assert_int_equal(shoal_replay_status(replay, NULL), 0);
	assert_int_equal(inputs, tape.inputs);
	assert_in_range(checkpoints, 60, 100);
	assert_true(shoal_core_hash(shoal_replay_core(replay)) ==
	            shoal_core_hash(world_core(&tape.world, 0)));
	shoal_replay_free(replay);
	tape_done(&tape);
}

/* Whoever adds a field to the config or to an input writes it into the record too, compares it in
 * the next test, and then changes the numbers. Only `counter` is of no use where nothing is sealed.
 */
static void
the_record_knows_every_field_of_config_and_input(void **state)
{
	(void)state;
#if UINTPTR_MAX == UINT64_MAX
	assert_int_equal(offsetof(struct shoal_core_config, profile), CONFIG_BEFORE);
	assert_int_equal(
	        sizeof(struct shoal_core_config) - offsetof(struct shoal_core_config, allocator),
	        CONFIG_BEHIND);
	assert_int_equal(sizeof(struct shoal_input), INPUT_BYTES);
#endif
}

static void
compare_configs(const struct shoal_core_config *read, const struct shoal_core_config *written)
{
	assert_string_equal(read->name, written->name);
	assert_string_equal(read->label, written->label);
	assert_string_equal(read->url, written->url);
	assert_true(read->seed == written->seed);
	assert_true(read->mono_ns == written->mono_ns && read->wall_ns == written->wall_ns);
	assert_memory_equal(&read->salt, &written->salt, sizeof written->salt);
	assert_memory_equal(&read->id, &written->id, sizeof written->id);
	assert_memory_equal(&read->profile, &written->profile, sizeof written->profile);
	assert_int_equal(read->addrs, written->addrs);
	assert_memory_equal(read->addr, written->addr, sizeof written->addr);
	assert_int_equal(read->app_version, written->app_version);
	assert_int_equal(read->log_level, written->log_level);
	assert_true(read->epoch_least == written->epoch_least);
	assert_true(read->sealed_sizes == written->sealed_sizes);
	assert_int_equal(read->accept_clear, written->accept_clear);
	assert_true(read->asks_accept == written->asks_accept);
	assert_true(read->unwatched == written->unwatched);
}

static void
every_field_of_an_input_and_of_the_config_comes_back(void **state)
{
	static const uint8_t bytes[] = {9, 8, 7};
	struct shoal_input input = {.kind = SHOAL_INPUT_SEND,
	        .mono_ns = SHOAL_SEC(7),
	        .wall_ns = SHOAL_SEC(5), /* the wall clock was set back */
	        .received_ns = SHOAL_SEC(8),
	        .from = {.ip = {1, 2}, .port = 3, .scope = UINT32_MAX},
	        .exchange = UINT64_MAX,
	        .code = SHOAL_ERR_TIMEOUT,
	        .timeout_ns = UINT64_MAX,
	        .age_ns = 1,
	        .size = SIZE_MAX,
	        .data = bytes,
	        .len = sizeof bytes,
	        .opened = SHOAL_OPENED_SEALED,
	        .sender = UINT64_MAX,
	        .id = {{1, 2, 3}},
	        .type = UINT16_MAX,
	        .flags = UINT16_MAX};
	struct shoal_recorder_config how;
	struct shoal_core_config config;
	struct shoal_replay_entry entry;
	struct shoal_core *core;
	struct core_world world;
	struct tape tape = {.len = 0};
	const uint8_t *data;
	size_t len;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	config.label = "blue";
	config.url = "https://a.example:8443/g";
	assert_int_equal(shoal_addr_from_url(&config.addr[config.addrs++], config.url), 0);
	config.app_version = 77;
	config.profile.members_max = 123;
	config.epoch_least = WORLD_EPOCH + 5;
	config.sealed_sizes = config.asks_accept = config.unwatched = true;
	config.accept_clear = 1;
	shoal_recorder_config_init(&how);
	how.checkpoint_ns = SHOAL_NEVER;
	assert_int_equal(shoal_core_new(&core, &config, NULL, 0), 0);
	assert_int_equal(shoal_recorder_new(&tape.recorder, &config, &how), 0);
	assert_int_equal(shoal_recorder_begin(tape.recorder, &data, &len), 0);
	keep(&tape, data, len);
	assert_int_equal(shoal_recorder_input(tape.recorder, core, &input, &data, &len), 0);
	keep(&tape, data, len);
	assert_int_equal(shoal_recorder_parts(tape.recorder), 1);

	struct shoal_replay *replay = replay_of(tape.data, tape.len);
	assert_true(shoal_replay_next(replay, &entry));
	assert_int_equal(entry.kind, SHOAL_REPLAY_BEGIN);
	compare_configs(&entry.config, &config);
	assert_true(shoal_replay_next(replay, &entry));
	assert_int_equal(entry.kind, SHOAL_REPLAY_INPUT);
	assert_memory_equal(entry.input.data, bytes, sizeof bytes);
	entry.input.data = bytes;
	assert_memory_equal(&entry.input, &input, sizeof input);
	assert_string_equal(shoal_input_name(entry.input.kind), "send");
	assert_string_equal(shoal_input_name((enum shoal_input_kind)0), "invalid");
	assert_false(shoal_replay_next(replay, &entry));
	assert_int_equal(shoal_replay_status(replay, NULL), SHOAL_ERR_CLOSED);
	shoal_replay_free(replay);
	shoal_recorder_free(tape.recorder);
	shoal_core_free(core);
	world_done(&world);
	free(tape.data);
}

/* How many entries can be read; *status: why no more. */
static size_t
entries_of(const uint8_t *data, size_t len, int *status)
{
	struct shoal_replay *replay = replay_of(data, len);
	struct shoal_replay_entry entry;
	uint64_t offset;
	size_t n = 0;

	while (shoal_replay_next(replay, &entry)) {
		n++;
	}
	*status = shoal_replay_status(replay, &offset);
	assert_true(offset <= len);
	shoal_replay_free(replay);
	return n;
}

static void
a_record_that_is_torn_is_read_up_to_the_last_whole_entry(void **state)
{
	int status;
	struct tape tape;
	size_t whole, before = 0;

	(void)state;
	tape_begin(&tape, false, SHOAL_SEC(1));
	tape_live(&tape, SHOAL_SEC(3));
	tape_end(&tape);
	whole = entries_of(tape.data, tape.len, &status);
	assert_int_equal(status, 0);
	for (size_t len = 0; len < tape.len; len++) {
		size_t n = entries_of(tape.data, len, &status);

		assert_true(n == before || n == before + 1);
		if (n == 0) {
			assert_true(status == SHOAL_ERR_MALFORMED || status == SHOAL_ERR_AGAIN);
		} else {
			assert_int_equal(
			        status, n == before + 1 ? SHOAL_ERR_CLOSED : SHOAL_ERR_AGAIN);
		}
		before = n;
	}
	assert_int_equal(before + 1, whole);
	tape_done(&tape);
}

static void
a_record_with_any_bit_changed_is_refused(void **state)
{
	struct tape tape;
	int status;

	(void)state;
	tape_begin(&tape, false, SHOAL_SEC(1));
	tape_live(&tape, SHOAL_SEC(1));
	tape_end(&tape);
	for (size_t i = 0; i < tape.len; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			tape.data[i] ^= (uint8_t)(1u << bit);
			entries_of(tape.data, tape.len, &status);
			assert_int_not_equal(status, 0);
			tape.data[i] ^= (uint8_t)(1u << bit);
		}
	}
	tape_done(&tape);
}

static void
an_entry_that_is_missing_doubled_or_moved_is_noticed(void **state)
{
	struct shoal_replay_entry entry;
	uint64_t at[4] = {0};
	struct tape tape;
	uint8_t *cut;
	int status;

	(void)state;
	tape_begin(&tape, false, SHOAL_SEC(1));
	tape_live(&tape, SHOAL_SEC(1));
	tape_end(&tape);
	struct shoal_replay *replay = replay_of(tape.data, tape.len);
	for (size_t i = 0; i < COUNT_OF(at); i++) {
		assert_true(shoal_replay_next(replay, &entry));
		at[i] = entry.offset;
	}
	shoal_replay_free(replay);
	cut = malloc(2 * tape.len);
	assert_non_null(cut);
	memcpy(cut, tape.data, at[1]);
	memcpy(cut + at[1], tape.data + at[2], tape.len - at[2]);
	assert_int_equal(entries_of(cut, tape.len - (at[2] - at[1]), &status), 1);
	assert_int_equal(status, SHOAL_ERR_CHECKSUM);
	memcpy(cut, tape.data, at[3]);
	memcpy(cut + at[3], tape.data + at[2], tape.len - at[2]);
	assert_int_equal(entries_of(cut, tape.len + (at[3] - at[2]), &status), 3);
	assert_int_equal(status, SHOAL_ERR_CHECKSUM);
	memcpy(cut, tape.data, tape.len);
	memcpy(cut + tape.len, tape.data + at[1], at[2] - at[1]);
	entries_of(cut, tape.len + (at[2] - at[1]), &status);
	assert_int_not_equal(status, 0); /* behind the end */
	free(cut);
	tape_done(&tape);
}

static void
what_is_left_of_a_record_without_its_first_part_is_a_listing(void **state)
{
	struct shoal_replay_entry entry;
	struct tape tape;
	size_t inputs = 0;

	(void)state;
	tape_begin(&tape, false, SHOAL_SEC(1));
	tape.parts_at = 20;
	tape_live(&tape, SHOAL_SEC(5));
	tape_end(&tape);
	struct shoal_replay *replay = replay_of(tape.data, tape.len);
	while (shoal_replay_step(replay, &entry)) {
		if (entry.kind == SHOAL_REPLAY_END) {
			assert_true(entry.hash == entry.is_hash); /* over the seam */
		}
	}
	assert_int_equal(shoal_replay_status(replay, NULL), 0);
	shoal_replay_free(replay);

	replay = replay_of(tape.data + tape.second, tape.len - tape.second);
	assert_true(shoal_replay_step(replay, &entry));
	assert_true(entry.kind == SHOAL_REPLAY_BEGIN && entry.part == 1 && entry.inputs == 20);
	while (shoal_replay_step(replay, &entry)) {
		inputs += entry.kind == SHOAL_REPLAY_INPUT;
	}
	assert_int_equal(shoal_replay_status(replay, NULL), 0);
	assert_null(shoal_replay_core(replay));
	assert_int_equal(inputs, tape.inputs - 20);
	shoal_replay_free(replay);
	tape_done(&tape);
}

static void
a_record_of_another_format_or_of_nothing_is_refused(void **state)
{
	static const uint8_t zeros[64];
	struct tape tape;
	int status;

	(void)state;
	entries_of(NULL, 0, &status);
	assert_int_equal(status, SHOAL_ERR_MALFORMED);
	entries_of(zeros, sizeof zeros, &status);
	assert_int_equal(status, SHOAL_ERR_MALFORMED);
	tape_begin(&tape, false, SHOAL_SEC(1));
	tape.data[SHOAL_RECORD_HEAD + 8]++; /* the format */
	size_t len = tape.len - SHOAL_RECORD_CRC;
	struct shoal_writer writer;
	shoal_writer_init(&writer, tape.data + len, SHOAL_RECORD_CRC);
	shoal_writer_u32(&writer, shoal_hash_crc32c(0, tape.data, len));
	assert_int_equal(entries_of(tape.data, tape.len, &status), 0);
	assert_int_equal(status, SHOAL_ERR_VERSION);
	tape_done(&tape);
}

static void
a_redacted_record_is_replayed_to_the_same_hashes(void **state)
{
	static const char secret[] = "the combination is 12345";
	struct shoal_replay_entry entry;
	struct parcel *parcel = malloc(sizeof *parcel);
	struct tape tape;

	(void)state;
	assert_non_null(parcel);
	tape_begin(&tape, true, SHOAL_SEC(1));
	tape_live(&tape, SHOAL_SEC(1));
	parcel_begin(parcel, (struct shoal_span){NULL, 0});
	shoal_writer_var(&parcel->writer, 128);
	shoal_writer_var(&parcel->writer, sizeof secret);
	shoal_writer_bytes(&parcel->writer, secret, sizeof secret);
	parcel_end(parcel);
	uint64_t skipped = world_counter(&tape.world, 0, SHOAL_COUNTER_DROP_UNKNOWN_KIND);
	assert_int_equal(
	        world_datagram(&tape.world, 0, &tape.world.node[1].addr, parcel), SHOAL_OK);
	assert_true(world_counter(&tape.world, 0, SHOAL_COUNTER_DROP_UNKNOWN_KIND) == skipped + 1);
	tape_end(&tape);
	assert_null(memmem(tape.data, tape.len, "12345", 5));
	struct shoal_replay *replay = replay_of(tape.data, tape.len);
	while (shoal_replay_step(replay, &entry)) {
		assert_true(entry.kind != SHOAL_REPLAY_BEGIN || entry.redacted);
		assert_true(entry.hash == entry.is_hash);
	}
	assert_int_equal(shoal_replay_status(replay, NULL), 0);
	shoal_replay_free(replay);
	tape_done(&tape);
	free(parcel);
}

static int
record_and_read(const struct shoal_allocator *mem, void *arg)
{
	static const uint8_t large[10000];
	struct shoal_input input = {
	        .kind = SHOAL_INPUT_STREAM, .mono_ns = 1, .data = large, .len = sizeof large};
	struct shoal_recorder *recorder;
	struct shoal_recorder_config how;
	struct shoal_core_config config;
	const struct tape *tape = arg;
	struct shoal_replay_entry entry;
	struct shoal_replay *replay;
	const uint8_t *data;
	size_t len;

	world_config(&tape->world, &config);
	shoal_recorder_config_init(&how);
	how.allocator = mem;
	how.checkpoint_ns = SHOAL_NEVER;
	int rc = shoal_recorder_new(&recorder, &config, &how);
	if (rc != 0) {
		return rc;
	}
	rc = shoal_recorder_input(recorder, world_core(&tape->world, 0), &input, &data, &len);
	shoal_recorder_free(recorder);
	if (rc != 0) {
		return rc;
	}
	rc = shoal_replay_new(&replay, tape->data, tape->len, mem);
	if (rc != 0) {
		return rc;
	}
	bool made = shoal_replay_step(replay, &entry);
	rc = made ? 0 : shoal_replay_status(replay, NULL);
	shoal_replay_free(replay);
	return rc;
}

static void
memory_that_is_short_is_told(void **state)
{
	struct tape tape;

	(void)state;
	tape_begin(&tape, false, SHOAL_SEC(1));
	assert_true(heap_fault_sweep(record_and_read, &tape) > 4);
	tape_done(&tape);
}

static void
a_recorder_refuses_configs_that_no_core_takes(void **state)
{
	char longer[SHOAL_NAME_MAX + 2];
	struct shoal_recorder *recorder = NULL;
	struct shoal_recorder_config how;
	struct shoal_core_config config, bad;
	struct core_world world;

	(void)state;
	world_init(&world);
	world_config(&world, &config);
	shoal_recorder_config_init(&how);
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	bad = config, bad.name = longer;
	assert_int_equal(shoal_recorder_new(&recorder, &bad, &how), SHOAL_ERR_INVALID);
	bad = config, bad.addrs = SHOAL_ADDRS_MAX + 1;
	assert_int_equal(shoal_recorder_new(&recorder, &bad, &how), SHOAL_ERR_INVALID);
	bad = config, bad.size = 0;
	assert_int_equal(shoal_recorder_new(&recorder, &bad, &how), SHOAL_ERR_INVALID);
	how.size = 0;
	assert_int_equal(shoal_recorder_new(&recorder, &config, &how), SHOAL_ERR_INVALID);
	assert_null(recorder);
	shoal_recorder_free(NULL);
	shoal_replay_free(NULL);
	world_done(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(
	                a_core_that_is_replayed_tells_the_same_events_and_has_the_same_hashes),
	        cmocka_unit_test(the_record_knows_every_field_of_config_and_input),
	        cmocka_unit_test(every_field_of_an_input_and_of_the_config_comes_back),
	        cmocka_unit_test(a_record_that_is_torn_is_read_up_to_the_last_whole_entry),
	        cmocka_unit_test(a_record_with_any_bit_changed_is_refused),
	        cmocka_unit_test(an_entry_that_is_missing_doubled_or_moved_is_noticed),
	        cmocka_unit_test(what_is_left_of_a_record_without_its_first_part_is_a_listing),
	        cmocka_unit_test(a_record_of_another_format_or_of_nothing_is_refused),
	        cmocka_unit_test(a_redacted_record_is_replayed_to_the_same_hashes),
	        cmocka_unit_test(memory_that_is_short_is_told),
	        cmocka_unit_test(a_recorder_refuses_configs_that_no_core_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
