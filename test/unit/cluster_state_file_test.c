/* SPDX-License-Identifier: MIT */
/* The state file: what was written is read, whatever is not whole or not this member's is refused
 * with a word on what to do, a write that fails leaves the old file, and one directory has one
 * owner. */
#include "unit.h"

#include "base/alloc.h"
#include "cluster/join/state_file.h"
#include "heap_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/cluster.h>

struct place {
	char root[64], dir[80], file[96];
	struct shoal_state_dir state;
};

static const struct shoal_id nobody;
static const struct shoal_saved sample = {.id = {{1, 2, 3}},
        .epoch_s = 1700000000,
        .saved_ns = 42,
        .state = (const uint8_t *)"table",
        .len = 5};

static void
set_up(struct place *place)
{
	memset(place, 0, sizeof(*place));
	snprintf(place->root, sizeof(place->root), "/tmp/shoal-state.XXXXXX");
	assert_non_null(mkdtemp(place->root));
	snprintf(place->dir, sizeof(place->dir), "%s/dir", place->root);
	snprintf(place->file, sizeof(place->file), "%s/state", place->dir);
	assert_int_equal(shoal_state_dir_open(&place->state, &shoal_allocator_libc, place->dir), 0);
}

static void
tear_down(struct place *place)
{
	char command[128];

	shoal_state_dir_close(&place->state);
	snprintf(command, sizeof(command), "rm -rf %s", place->root);
	assert_int_equal(system(command), 0);
}

static void
put(struct place *place, const char *label, const struct shoal_saved *saved)
{
	size_t len;
	uint8_t *data = shoal_state_file_make(&shoal_allocator_libc, label, saved, &len);

	assert_non_null(data);
	assert_int_equal(shoal_state_dir_write(&place->state, data, len), 0);
	free(data);
}

static int
get(struct place *place, const char *label, const struct shoal_id *id)
{
	struct shoal_saved saved;
	int rc = shoal_state_dir_read(&place->state, label, id, &saved);

	assert_true((saved.file != NULL) == (rc == 0));
	free(saved.file);
	return rc;
}

static size_t
slurp(const char *path, uint8_t *data, size_t most)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t len = fread(data, 1, most, file);
	fclose(file);
	return len;
}

static void
spill(const char *path, const uint8_t *data, size_t len)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	fclose(file);
}

static void
what_was_written_is_read(void **state)
{
	struct shoal_saved saved;
	struct place place;
	struct stat stat_of;

	(void)state;
	set_up(&place);
	assert_int_equal(get(&place, "blue", &nobody), SHOAL_ERR_NOT_FOUND);
	for (int turn = 0; turn < 2; turn++) { /* the second replaces */
		put(&place, "blue", &sample);
		assert_int_equal(shoal_state_dir_read(&place.state, "blue", &sample.id, &saved), 0);
		assert_memory_equal(&saved.id, &sample.id, sizeof(saved.id));
		assert_true(saved.epoch_s == sample.epoch_s && saved.saved_ns == sample.saved_ns);
		assert_int_equal(saved.len, sample.len);
		assert_memory_equal(saved.state, sample.state, sample.len);
		free(saved.file);
	}
	assert_int_equal(get(&place, "blue", &nobody), 0);
	assert_int_equal(stat(place.file, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 0777, 0600);
	assert_int_equal(stat(place.dir, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 0777, 0700);
	tear_down(&place);
}

/* Of an incarnation that others told, and that this member went above. */
static void
an_epoch_at_the_end_of_time_can_be_read_again_and_outbid(void **state)
{
	struct shoal_saved late = sample, saved;
	struct place place;

	(void)state;
	set_up(&place);
	late.epoch_s = UINT32_MAX;
	put(&place, "blue", &late);
	assert_int_equal(shoal_state_dir_read(&place.state, "blue", &sample.id, &saved), 0);
	assert_true(saved.epoch_s == UINT32_MAX - 1);
	free(saved.file);
	tear_down(&place);
}

static void
what_belongs_to_another_is_refused_and_says_whose_it_is(void **state)
{
	const struct shoal_id other = {{9}};
	struct place place;

	(void)state;
	set_up(&place);
	put(&place, "blue", &sample);
	assert_int_equal(get(&place, "", &nobody), SHOAL_ERR_LABEL);
	assert_non_null(strstr(shoal_last_error(), "\"blue\""));
	assert_int_equal(get(&place, "blues", &nobody), SHOAL_ERR_LABEL);
	assert_int_equal(get(&place, "blue", &other), SHOAL_ERR_INVALID);
	assert_non_null(strstr(shoal_last_error(), "01020300-0000"));
	assert_non_null(strstr(shoal_last_error(), "move it away"));
	assert_non_null(strstr(shoal_last_error(), place.dir));
	tear_down(&place);
}

static void
every_bit_that_is_flipped_and_every_byte_that_is_missing_or_too_many_is_seen(void **state)
{
	struct place place;
	uint8_t good[256], bad[256];

	(void)state;
	set_up(&place);
	put(&place, "blue", &sample);
	size_t len = slurp(place.file, good, sizeof(good) - 1);
	for (size_t i = 0; i < len * 8; i++) {
		memcpy(bad, good, len);
		bad[i / 8] ^= (uint8_t)(1 << i % 8);
		spill(place.file, bad, len);
		int rc = get(&place, "blue", &nobody);
		assert_true(rc == SHOAL_ERR_MALFORMED || rc == SHOAL_ERR_CHECKSUM ||
		            rc == SHOAL_ERR_VERSION);
		assert_non_null(strstr(shoal_last_error(), "move it away"));
	}
	for (size_t cut = 0; cut < len; cut++) {
		spill(place.file, good, cut);
		assert_true(get(&place, "blue", &nobody) < 0);
	}
	good[len] = 0;
	spill(place.file, good, len + 1);
	assert_int_equal(get(&place, "blue", &nobody), SHOAL_ERR_CHECKSUM);
	spill(place.file, good, len);
	assert_int_equal(get(&place, "blue", &nobody), 0);
	tear_down(&place);
}

static void
another_version_is_named_as_such(void **state)
{
	struct place place;
	uint8_t data[256];

	(void)state;
	set_up(&place);
	put(&place, "", &sample);
	size_t len = slurp(place.file, data, sizeof(data));
	data[11]++;
	spill(place.file, data, len);
	assert_int_equal(get(&place, "", &nobody), SHOAL_ERR_VERSION);
	tear_down(&place);
}

static void
what_is_no_plain_file_is_refused(void **state)
{
	struct place place;

	(void)state;
	set_up(&place);
	assert_int_equal(mkdir(place.file, 0700), 0);
	assert_int_equal(get(&place, "", &nobody), SHOAL_ERR_MALFORMED);
	assert_int_equal(rmdir(place.file), 0);
	assert_int_equal(mkfifo(place.file, 0600), 0);
	assert_int_equal(get(&place, "", &nobody), SHOAL_ERR_MALFORMED);
	assert_int_equal(unlink(place.file), 0);
	assert_int_equal(symlink("/etc/passwd", place.file), 0);
	assert_int_equal(get(&place, "", &nobody), SHOAL_ERR_SYSTEM);
	tear_down(&place);
}

static void
a_directory_has_one_owner_until_it_is_closed(void **state)
{
	struct shoal_state_dir second;
	struct place place;

	(void)state;
	set_up(&place);
	assert_int_equal(
	        shoal_state_dir_open(&second, &shoal_allocator_libc, place.dir), SHOAL_ERR_IN_USE);
	char pid[32];
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_non_null(strstr(shoal_last_error(), pid));
	shoal_state_dir_close(&second);
	shoal_state_dir_close(&place.state);
	assert_int_equal(shoal_state_dir_open(&second, &shoal_allocator_libc, place.dir), 0);
	shoal_state_dir_close(&second);
	shoal_state_dir_close(&second); /* harmless */
	tear_down(&place);
}

static void
a_write_that_fails_leaves_the_old_file(void **state)
{
	struct place place;
	uint8_t before[256], after[256];
	char aside[128];

	(void)state;
	set_up(&place);
	put(&place, "", &sample);
	size_t len = slurp(place.file, before, sizeof(before));
	/* What cannot be made aside, and what cannot be renamed over. */
	snprintf(aside, sizeof(aside), "%s/state.new", place.dir);
	assert_int_equal(mkdir(aside, 0700), 0);
	assert_int_equal(shoal_state_dir_write(&place.state, (const uint8_t *)"x", 1), EISDIR);
	assert_int_equal(slurp(place.file, after, sizeof(after)), len);
	assert_memory_equal(before, after, len);
	assert_int_equal(rmdir(aside), 0);
	assert_int_equal(unlink(place.file), 0);
	assert_int_equal(mkdir(place.file, 0700), 0);
	assert_int_equal(shoal_state_dir_write(&place.state, (const uint8_t *)"x", 1), EISDIR);
	assert_int_equal(access(aside, F_OK), -1); /* nothing is left behind */
	tear_down(&place);
}

static void
a_directory_that_cannot_be_is_an_error_that_names_it(void **state)
{
	struct shoal_state_dir dir;

	(void)state;
	assert_int_equal(shoal_state_dir_open(&dir, &shoal_allocator_libc, "/tmp/shoal-no/such"),
	        SHOAL_ERR_SYSTEM);
	assert_non_null(strstr(shoal_last_error(), "/tmp/shoal-no/such"));
	shoal_state_dir_close(&dir);
	assert_int_equal(
	        shoal_state_dir_open(&dir, &shoal_allocator_libc, "/dev/null"), SHOAL_ERR_SYSTEM);
	shoal_state_dir_close(&dir);
}

static int
use_it(const struct shoal_allocator *mem, void *arg)
{
	struct shoal_state_dir dir;
	struct shoal_saved saved = {.file = NULL};
	size_t len;
	int rc = shoal_state_dir_open(&dir, mem, arg);

	if (rc == 0) {
		uint8_t *data = shoal_state_file_make(mem, "", &sample, &len);
		rc = data != NULL ? shoal_state_dir_write(&dir, data, len) : SHOAL_ERR_NOMEM;
		shoal_alloc_free(mem, data);
	}
	if (rc == 0) {
		rc = shoal_state_dir_read(&dir, "", &nobody, &saved);
		shoal_alloc_free(mem, saved.file);
	}
	shoal_state_dir_close(&dir);
	return rc;
}

static void
without_memory_it_says_so_and_holds_nothing(void **state)
{
	struct place place;

	(void)state;
	set_up(&place);
	shoal_state_dir_close(&place.state);
	assert_int_equal(heap_fault_sweep(use_it, place.dir), 3);
	tear_down(&place);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_was_written_is_read),
	        cmocka_unit_test(an_epoch_at_the_end_of_time_can_be_read_again_and_outbid),
	        cmocka_unit_test(what_belongs_to_another_is_refused_and_says_whose_it_is),
	        cmocka_unit_test(
	                every_bit_that_is_flipped_and_every_byte_that_is_missing_or_too_many_is_seen),
	        cmocka_unit_test(another_version_is_named_as_such),
	        cmocka_unit_test(what_is_no_plain_file_is_refused),
	        cmocka_unit_test(a_directory_has_one_owner_until_it_is_closed),
	        cmocka_unit_test(a_write_that_fails_leaves_the_old_file),
	        cmocka_unit_test(a_directory_that_cannot_be_is_an_error_that_names_it),
	        cmocka_unit_test(without_memory_it_says_so_and_holds_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
