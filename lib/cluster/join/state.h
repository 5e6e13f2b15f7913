/* SPDX-License-Identifier: MIT */
/* The memory of a cluster object over restarts: what it reads at its start, and the thread that
 * writes. */
#ifndef SHOAL_CLUSTER_STATE_H
#define SHOAL_CLUSTER_STATE_H

#include "cluster/join/state_file.h"

#include <shoal/core.h>

#include <pthread.h>
#include <stdbool.h>

struct event;
struct shoal_cluster;

struct shoal_state_keeper {
	bool used; /* config.state_dir is set; else nothing of this is */
	struct shoal_state_dir dir;
	struct shoal_saved saved; /* of the former run, until it is restored */

	/* The loop's thread. */
	struct event *timer;
	bool dirty;
	uint64_t saved_at;  /* last handed to the writer, mono; 0: never */
	uint64_t warned_at; /* mono; 0: never */

	/* The writer. */
	pthread_t thread;
	bool has_thread, has_lock;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	uint8_t *next; /* under lock, as the rest: what is to be written; NULL: nothing */
	size_t next_len;
	bool end, writing;
	int error; /* errno of the last write that failed since it was asked */
};

/* Opens the directory and reads the file; nothing where no directory is configured. The last
 * error's text says what is wrong. Undo with shoal_state_close. */
int shoal_state_open(struct shoal_cluster *cluster);
/* Fills in the id and the least epoch, where there is a former run. */
void shoal_state_configure(struct shoal_cluster *cluster, struct shoal_core_config *core);
/* Gives the core its memory and the seeds in it to the background, and begins to write. Before the
 * loop runs. */
int shoal_state_begin(struct shoal_cluster *cluster);
/* Something that the file holds has changed. */
void shoal_state_touch(struct shoal_cluster *cluster);
/* Writes for the last time and waits for that. The core is still there. */
void shoal_state_end(struct shoal_cluster *cluster);
void shoal_state_close(struct shoal_cluster *cluster);

#endif
