/* SPDX-License-Identifier: MIT */
/* What this member says of itself, between the threads that change it and the loop that tells it to
 * the core. */
#ifndef SHOAL_CLUSTER_METADATA_H
#define SHOAL_CLUSTER_METADATA_H

#include <shoal/metadata.h>

#include <pthread.h>

/* A lock of its own: an edit copies the document. */
struct shoal_own_document {
	pthread_mutex_t lock;
	uint8_t *data; /* NULL: empty */
	size_t len;
	bool changed;   /* the core has not heard of it */
	uint64_t edits; /* how often it was changed */
};

/* tags: of the config, checked. SHOAL_ERR_NOMEM, SHOAL_ERR_TOO_BIG; shoal_metadata_done frees what
 * there is. */
SHOAL_MUST_USE int shoal_metadata_init(struct shoal_cluster *cluster, const char *tags);
void shoal_metadata_done(struct shoal_cluster *cluster);

/* Whether text is a list of tags. SHOAL_ERR_INVALID with a text. */
SHOAL_MUST_USE int shoal_metadata_check_tags(const char *text);

/* The loop's thread: tells the core what was changed, if anything was. */
void shoal_metadata_push(struct shoal_cluster *cluster);

#endif
