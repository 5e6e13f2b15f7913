/* SPDX-License-Identifier: MIT */
/* Log lines on their way to the application: so many a second, and those that are left out are
 * counted and told. */
#ifndef SHOAL_CLUSTER_LOG_H
#define SHOAL_CLUSTER_LOG_H

#include <shoal/log.h>
#include <shoal/types.h>

#define SHOAL_LOG_ROWS  32 /* rooms and levels that are told apart; the others are one */
#define SHOAL_LOG_BURST 5  /* seconds' worth of lines at once */
#define SHOAL_LOG_NOTE  UINT64_C(1000000000) /* left out for so long before it is told */

struct shoal_cluster;

/* A room and a level. */
struct shoal_log_row {
	const char *room;
	enum shoal_log_level level;
	uint64_t at;       /* when it was filled last, nanoseconds */
	uint64_t lines;    /* that may come now, in billionths */
	uint64_t left_out; /* since this was told last */
};

struct shoal_log_gate {
	struct shoal_log_row row[SHOAL_LOG_ROWS];
	size_t rows;
	uint64_t due;     /* what was left out is told then; 0: nothing was */
	uint64_t dropped; /* of the core, that were told */
};

/* Whether a line may be told now: `rate` a second of each room and level, 0: all. One that may not
 * is counted. Errors always may. */
bool shoal_log_gate_takes(struct shoal_log_gate *gate, uint32_t rate,
        const struct shoal_log_record *record, uint64_t now);

/* The next row that lines of were left out of, once this is due or all: at once. false: there is
 * none. *record says how many; its time is not set. */
bool shoal_log_gate_left_out(struct shoal_log_gate *gate, uint32_t rate, uint64_t now, bool all,
        struct shoal_log_record *record);

/* A record for the application's sink. */
void shoal_log_tell(struct shoal_cluster *cluster, const struct shoal_log_record *record);
/* Once a turn: what was left out and is due is told, and what the core had no place for. */
void shoal_log_turn(struct shoal_cluster *cluster);
/* When a turn is wanted for it. SHOAL_NEVER: not at all. */
uint64_t shoal_log_due(const struct shoal_cluster *cluster);
/* The last ones: what was left out is told. */
void shoal_log_end(struct shoal_cluster *cluster);

#endif
