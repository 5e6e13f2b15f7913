/* SPDX-License-Identifier: MIT */
/* Where a record goes: two halves that are never larger than they may be, in memory and on disk;
 * and what a disk without room costs. The cluster is only what this file's subject needs of one. */
#include "unit.h"

#include "base/alloc.h"
#include "cluster/report/recording.h"
#include "heap_fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BOUND 65536u

struct site {
	struct shoal_cluster cluster;
	struct shoal_core_config core;
	struct shoal_input input;
	char folder[64], path[80], older[84];
	unsigned warnings;
};

static void
on_log(const struct shoal_log_record *record, void *arg)
{
	struct site *site = arg;

	site->warnings += record->level == SHOAL_LOG_WARN;
}

static void
site_init(struct site *site, const struct shoal_allocator *mem)
{
	memset(site, 0, sizeof(*site));
	snprintf(site->folder, sizeof(site->folder), "/tmp/shoal-recording.XXXXXX");
	assert_non_null(mkdtemp(site->folder));
	snprintf(site->path, sizeof(site->path), "%s/record", site->folder);
	snprintf(site->older, sizeof(site->older), "%s.1", site->path);
	site->cluster.mem = mem;
	assert_int_equal(pthread_mutex_init(&site->cluster.lock, NULL), 0);
	shoal_config_init(&site->cluster.settings.config);
	site->cluster.settings.config.record_bytes = BOUND;
	site->cluster.settings.config.log = on_log;
	site->cluster.settings.config.log_arg = site;
	shoal_core_config_init(&site->core);
	site->core.salt.bytes[0] = 1;
	site->core.mono_ns = SHOAL_SEC(1);
	site->core.wall_ns = SHOAL_SEC(1700000000);
	site->core.name = "a";
	site->core.addr[0].ip[15] = 1;
	site->core.addr[0].port = 1;
	site->core.addrs = 1;
	assert_int_equal(shoal_core_new(&site->cluster.core, &site->core, NULL, 0), 0);
	site->input.kind = SHOAL_INPUT_TIMER;
	site->input.mono_ns = site->core.mono_ns;
	site->input.wall_ns = site->core.wall_ns;
}

static void
site_done(struct site *site)
{
	shoal_recording_free(site->cluster.recording);
	shoal_core_free(site->cluster.core);
	pthread_mutex_destroy(&site->cluster.lock);
	(void)unlink(site->path);
	(void)unlink(site->older);
	assert_int_equal(rmdir(site->folder), 0);
}

static void
live(struct site *site, unsigned inputs)
{
	struct shoal_event event;
	struct shoal_send send;

	for (unsigned i = 0; i < inputs; i++) {
		site->input.mono_ns += SHOAL_MS(100);
		site->input.wall_ns += SHOAL_MS(100);
		shoal_recording_input(&site->cluster, &site->input);
		(void)shoal_core_step(site->cluster.core, &site->input);
		while (shoal_core_next_send(site->cluster.core, &send)) {
			continue;
		}
		while (shoal_core_next_event(site->cluster.core, &event)) {
			continue;
		}
	}
}

static size_t
size_of(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 ? (size_t)status.st_size : 0;
}

/* Inputs in a file, whose first part is *part; every checkpoint that can be compared is the same.
 */
static uint64_t
inputs_of(const char *path, uint64_t *part, int *status)
{
	struct shoal_replay_entry entry;
	struct shoal_replay *replay;
	size_t len = size_of(path), n;
	uint8_t *data = malloc(len + 1);
	FILE *file = fopen(path, "rb");
	uint64_t inputs = 0;

	assert_true(data != NULL && file != NULL);
	n = fread(data, 1, len, file);
	assert_int_equal(n, len);
	fclose(file);
	assert_int_equal(shoal_replay_new(&replay, data, len, NULL), 0);
	assert_true(shoal_replay_step(replay, &entry));
	*part = entry.part;
	while (shoal_replay_step(replay, &entry)) {
		inputs += entry.kind == SHOAL_REPLAY_INPUT;
		assert_true(shoal_replay_core(replay) == NULL || entry.hash == entry.is_hash);
	}
	*status = shoal_replay_status(replay, NULL);
	shoal_replay_free(replay);
	free(data);
	return inputs;
}

static void
a_dump_of_memory_can_be_replayed_while_its_beginning_is_there(void **state)
{
	struct site site;
	uint64_t part;
	int status;

	(void)state;
	site_init(&site, &shoal_allocator_libc);
	assert_int_equal(shoal_recording_start(&site.cluster, &site.core), 0);
	live(&site, 300);
	assert_int_equal(shoal_cluster_record_dump(&site.cluster, site.path), 0);
	assert_int_equal(inputs_of(site.path, &part, &status), 300);
	assert_true(part == 0 && status == SHOAL_ERR_CLOSED);
	shoal_recording_end(&site.cluster);
	shoal_recording_end(&site.cluster);
	assert_int_equal(shoal_cluster_record_dump(&site.cluster, site.path), 0);
	inputs_of(site.path, &part, &status);
	assert_int_equal(status, 0);
	site_done(&site);
}

static void
a_ring_in_memory_keeps_at_least_half_and_at_most_all_of_its_bound(void **state)
{
	uint64_t part = 0, last = 0;
	struct site site;
	int status;

	(void)state;
	site_init(&site, &shoal_allocator_libc);
	assert_int_equal(shoal_recording_start(&site.cluster, &site.core), 0);
	for (unsigned i = 0; i < 40; i++) {
		live(&site, 700);
		assert_int_equal(shoal_cluster_record_dump(&site.cluster, site.path), 0);
		inputs_of(site.path, &part, &status);
		assert_int_equal(status, SHOAL_ERR_CLOSED);
		assert_true(size_of(site.path) <= BOUND + 64);
		assert_true(part == 0 || size_of(site.path) >= BOUND / 2);
		assert_true(part >= last);
		last = part;
	}
	assert_true(last > 3);
	site_done(&site);
}

static void
a_ring_in_memory_takes_no_more_memory_than_its_bound(void **state)
{
	struct heap_fault fault;
	struct site site;

	(void)state;
	heap_fault_init(&fault);
	site_init(&site, &fault.mem);
	assert_int_equal(shoal_recording_start(&site.cluster, &site.core), 0);
	size_t before = fault.bytes;
	live(&site, 8000);
	assert_in_range(fault.bytes, before + BOUND / 2, before + BOUND + 1024);
	site_done(&site);
	assert_int_equal(fault.live, 0);
}

static void
a_file_turns_over_at_half_of_its_bound(void **state)
{
	uint64_t part, before;
	struct site site;
	int status;

	(void)state;
	site_init(&site, &shoal_allocator_libc);
	site.cluster.settings.config.record = site.path;
	assert_int_equal(shoal_recording_start(&site.cluster, &site.core), 0);
	assert_int_equal(shoal_cluster_record_dump(&site.cluster, site.path), SHOAL_ERR_STATE);
	live(&site, 10000);
	shoal_recording_end(&site.cluster);
	assert_int_equal(site.warnings, 0);
	assert_in_range(size_of(site.older), BOUND / 2, BOUND / 2 + 64);
	assert_true(size_of(site.path) <= BOUND / 2 + 64);
	inputs_of(site.path, &part, &status);
	assert_int_equal(status, 0);
	inputs_of(site.older, &before, &status);
	assert_int_equal(status, SHOAL_ERR_CLOSED);
	assert_true(part > 1 && before == part - 1);
	struct stat seen;
	assert_int_equal(stat(site.path, &seen), 0);
	assert_int_equal(seen.st_mode & 0777, 0600);
	site_done(&site);
}

static void
what_was_in_the_file_before_is_kept_beside_it(void **state)
{
	struct site site;
	FILE *file;

	(void)state;
	site_init(&site, &shoal_allocator_libc);
	site.cluster.settings.config.record = site.path;
	file = fopen(site.path, "w");
	assert_non_null(file);
	fputs("of the last run", file);
	fclose(file);
	assert_int_equal(shoal_recording_start(&site.cluster, &site.core), 0);
	assert_int_equal(size_of(site.older), strlen("of the last run"));
	site_done(&site);
}

static void
a_full_disk_ends_the_record_with_one_warning(void **state)
{
	struct site site;

	(void)state;
	site_init(&site, &shoal_allocator_libc);
	site.cluster.settings.config.record = "/dev/full";
	assert_int_equal(shoal_recording_start(&site.cluster, &site.core), 0);
	live(&site, 1000);
	assert_int_equal(site.warnings, 1);
	shoal_recording_end(&site.cluster);
	assert_int_equal(site.warnings, 1);
	site_done(&site);
}

static void
a_file_that_cannot_be_made_is_an_error_with_its_name(void **state)
{
	struct site site;

	(void)state;
	site_init(&site, &shoal_allocator_libc);
	site.cluster.settings.config.record = "/nowhere/record";
	assert_int_equal(shoal_recording_start(&site.cluster, &site.core), SHOAL_ERR_SYSTEM);
	assert_non_null(strstr(shoal_last_error(), "/nowhere/record: No such file"));
	assert_null(site.cluster.recording);
	site.cluster.settings.config.record = NULL;
	assert_int_equal(shoal_recording_start(&site.cluster, &site.core), 0);
	assert_int_equal(
	        shoal_cluster_record_dump(&site.cluster, "/nowhere/dump"), SHOAL_ERR_SYSTEM);
	assert_int_equal(shoal_cluster_record_dump(&site.cluster, NULL), SHOAL_ERR_INVALID);
	site.cluster.settings.config.record_bytes = 0;
	shoal_recording_free(site.cluster.recording);
	site.cluster.recording = NULL;
	assert_int_equal(shoal_recording_start(&site.cluster, &site.core), 0);
	assert_null(site.cluster.recording);
	site_done(&site);
}

static int
record_some(const struct shoal_allocator *mem, void *arg)
{
	struct site site;
	int rc;

	(void)arg;
	site_init(&site, mem);
	rc = shoal_recording_start(&site.cluster, &site.core);
	if (rc == 0) {
		live(&site, 500);
		rc = shoal_cluster_record_dump(&site.cluster, site.path);
		rc = site.warnings != 0 ? SHOAL_ERR_NOMEM : rc;
	}
	site_done(&site);
	return rc;
}

static void
memory_that_is_short_ends_the_record_and_nothing_else(void **state)
{
	(void)state;
	assert_true(heap_fault_sweep(record_some, NULL) > 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_dump_of_memory_can_be_replayed_while_its_beginning_is_there),
	        cmocka_unit_test(a_ring_in_memory_keeps_at_least_half_and_at_most_all_of_its_bound),
	        cmocka_unit_test(a_ring_in_memory_takes_no_more_memory_than_its_bound),
	        cmocka_unit_test(a_file_turns_over_at_half_of_its_bound),
	        cmocka_unit_test(what_was_in_the_file_before_is_kept_beside_it),
	        cmocka_unit_test(a_full_disk_ends_the_record_with_one_warning),
	        cmocka_unit_test(a_file_that_cannot_be_made_is_an_error_with_its_name),
	        cmocka_unit_test(memory_that_is_short_ends_the_record_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
