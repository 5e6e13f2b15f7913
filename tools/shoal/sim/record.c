/* SPDX-License-Identifier: MIT */
/* The simulator's hook, wired to a recorder. The record of a node that crashed has no end, as that
 * of a process that was killed has none. */
#include "record.h"

#include <stdlib.h>

#define PATH_BYTES 4096

static void
need(bool fact, const char *path)
{
	if (!fact) {
		perror(path);
		exit(2);
	}
}

static void
put(struct sim_record *record, int rc, const uint8_t *data, size_t len)
{
	need(rc == 0 && fwrite(data, 1, len, record->file) == len, record->path);
}

static void
close_file(struct sim_record *record)
{
	if (record->file != NULL) {
		need(fclose(record->file) == 0, record->path);
	}
	record->file = NULL;
	shoal_recorder_free(record->recorder);
	record->recorder = NULL;
}

static void
on_start(struct sim_record *record, const struct shoal_core_config *config)
{
	struct shoal_recorder_config how;
	char path[PATH_BYTES];
	const uint8_t *data;
	size_t len;

	close_file(record);
	record->starts++;
	snprintf(path, sizeof(path), record->starts == 1 ? "%s" : "%s.%u", record->path,
	        (unsigned)record->starts);
	record->file = fopen(path, "wb");
	need(record->file != NULL, path);
	shoal_recorder_config_init(&how);
	how.checkpoint_ns = SHOAL_SEC(1);
	need(shoal_recorder_new(&record->recorder, config, &how) == 0, path);
	int rc = shoal_recorder_begin(record->recorder, &data, &len);
	put(record, rc, data, len);
}

static void
on_record(uint32_t node, const struct shoal_core_config *config, const struct shoal_input *input,
        void *arg)
{
	struct sim_record *record = arg;
	const uint8_t *data = NULL;
	size_t len = 0;

	if (node != record->node) {
		return;
	}
	if (config != NULL) {
		on_start(record, config);
		return;
	}
	int rc = shoal_recorder_input(
	        record->recorder, shoal_sim_core(record->sim, node), input, &data, &len);
	put(record, rc, data, len);
}

void
sim_record_begin(struct sim_record *record, struct shoal_sim *sim, uint32_t node, const char *path)
{
	*record = (struct sim_record){.sim = sim, .node = node, .path = path};
	shoal_sim_set_record(sim, on_record, record);
}

void
sim_record_end(struct sim_record *record)
{
	const struct shoal_core *core = record->node < shoal_sim_nodes(record->sim)
	                                        ? shoal_sim_core(record->sim, record->node)
	                                        : NULL;
	const uint8_t *data = NULL;
	size_t len = 0;

	shoal_sim_set_record(record->sim, NULL, NULL);
	if (core != NULL && record->recorder != NULL) {
		int rc = shoal_recorder_end(record->recorder, core, &data, &len);
		put(record, rc, data, len);
	}
	close_file(record);
}
