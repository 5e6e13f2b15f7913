/* SPDX-License-Identifier: MIT */
/* A bucket for each room and level, so that a flood of one leaves room for the others: a second's
 * worth of lines comes back each second, and at most SHOAL_LOG_BURST of them wait. What was left
 * out is told a second after the first of it, so that a flood has one line a second more, and at
 * the end. Cost: O(rooms) a line. The loop's thread, and start's. */
#include "cluster/report/log.h"

#include "cluster/cluster.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE UINT64_C(1000000000)

static struct shoal_log_row *
row_of(struct shoal_log_gate *gate, const struct shoal_log_record *record)
{
	struct shoal_log_row *row;

	for (size_t i = 0; i < gate->rows; i++) {
		row = &gate->row[i];
		if (row->level == record->level && strcmp(row->room, record->room) == 0) {
			return row;
		}
	}
	if (gate->rows == SHOAL_LOG_ROWS) {
		return &gate->row[SHOAL_LOG_ROWS - 1];
	}
	row = &gate->row[gate->rows++];
	*row = (struct shoal_log_row){
	        .room = record->room, .level = record->level, .lines = UINT64_MAX};
	return row;
}

static void
fill(struct shoal_log_row *row, uint32_t rate, uint64_t now)
{
	uint64_t most = SHOAL_LOG_BURST * rate * LINE;
	uint64_t waited = now > row->at ? now - row->at : 0;

	waited = waited < SHOAL_LOG_BURST * LINE ? waited : SHOAL_LOG_BURST * LINE;
	row->lines = row->lines < most ? row->lines + waited * rate : most;
	row->lines = row->lines < most ? row->lines : most;
	row->at = now;
}

bool
shoal_log_gate_takes(struct shoal_log_gate *gate, uint32_t rate,
        const struct shoal_log_record *record, uint64_t now)
{
	struct shoal_log_row *row;

	if (rate == 0 || record->level == SHOAL_LOG_ERROR) {
		return true;
	}
	row = row_of(gate, record);
	fill(row, rate, now);
	if (row->lines < LINE) {
		row->left_out++;
		gate->due = gate->due != 0 ? gate->due : now + SHOAL_LOG_NOTE;
		return false;
	}
	row->lines -= LINE;
	return true;
}

bool
shoal_log_gate_left_out(struct shoal_log_gate *gate, uint32_t rate, uint64_t now, bool all,
        struct shoal_log_record *record)
{
	if (gate->due == 0 || (now < gate->due && !all)) {
		return false;
	}
	for (size_t i = 0; i < gate->rows; i++) {
		struct shoal_log_row *row = &gate->row[i];

		if (row->left_out > 0) {
			record->room = row->room;
			record->level = row->level;
			snprintf(record->text, sizeof(record->text),
			        "%" PRIu64 " lines of this room and level were left out: more than "
			        "log_rate, %" PRIu32 " a second",
			        row->left_out, rate);
			row->left_out = 0;
			return true;
		}
	}
	gate->due = 0;
	return false;
}

static void
tell_left_out(struct shoal_cluster *cluster, uint64_t now, bool all)
{
	const struct shoal_config *config = &cluster->settings.config;
	struct shoal_log_record record;

	while (shoal_log_gate_left_out(&cluster->log_gate, config->log_rate, now, all, &record)) {
		record.wall_ns = shoal_clock_wall();
		config->log(&record, config->log_arg);
	}
}

void
shoal_log_tell(struct shoal_cluster *cluster, const struct shoal_log_record *record)
{
	const struct shoal_config *config = &cluster->settings.config;
	uint64_t now = shoal_clock_mono(&cluster->clock);

	if (config->log == NULL || record->level > config->log_level ||
	        !shoal_log_gate_takes(&cluster->log_gate, config->log_rate, record, now)) {
		return;
	}
	config->log(record, config->log_arg);
}

void
shoal_log_turn(struct shoal_cluster *cluster)
{
	struct shoal_log_gate *gate = &cluster->log_gate;
	uint64_t dropped = shoal_core_counters(cluster->core)->value[SHOAL_COUNTER_DROP_LOGS_FULL];

	if (dropped != gate->dropped) {
		shoal_cluster_log(cluster, SHOAL_LOG_WARN, "log",
		        "%" PRIu64 " lines were lost: more came of one step than are kept",
		        dropped - gate->dropped);
		gate->dropped = dropped;
	}
	if (gate->due != 0 && cluster->settings.config.log != NULL) {
		tell_left_out(cluster, shoal_clock_mono(&cluster->clock), false);
	}
}

uint64_t
shoal_log_due(const struct shoal_cluster *cluster)
{
	return cluster->log_gate.due != 0 ? cluster->log_gate.due : SHOAL_NEVER;
}

void
shoal_log_end(struct shoal_cluster *cluster)
{
	if (cluster->settings.config.log != NULL) {
		tell_left_out(cluster, shoal_clock_mono(&cluster->clock), true);
	}
}

void
shoal_cluster_log(struct shoal_cluster *cluster, enum shoal_log_level level, const char *room,
        const char *format, ...)
{
	struct shoal_log_record record = {.level = level, .room = room};
	va_list args;

	if (level > cluster->settings.config.log_level) {
		return;
	}
	record.wall_ns = shoal_clock_wall();
	va_start(args, format);
	vsnprintf(record.text, sizeof(record.text), format, args);
	va_end(args);
	shoal_log_tell(cluster, &record);
}
