/* SPDX-License-Identifier: MIT */
/* Members that live and cannot be reached from here: this member's own diagnosis, told to nobody
 * but the member that it is about. */
#ifndef SHOAL_CORE_PARTIAL_H
#define SHOAL_CORE_PARTIAL_H

#include <shoal/core.h>

#include "base/slab.h"
#include "wire/message.h"

/* Members with refuted accusations of ours that are remembered. */
#define SHOAL_PARTIALS_MAX 64
/* Most reports that a suspicion can want, and tellers that are remembered. */
#define SHOAL_REPORTS_MAX 9

struct shoal_core;
struct shoal_probe;

struct shoal_partial {
	struct shoal_id id;
	uint64_t used;          /* the one that was not for longest goes first */
	uint64_t refuted_at;    /* last time that it refuted us */
	uint64_t well_since;    /* direct pings answered since, 0: none was lately */
	uint64_t failing_since; /* probes unanswered since, 0: the last was answered */
	uint64_t again;         /* the number of the probe that tries it again */
	uint8_t refuted;        /* times that it did */
	uint8_t reports;
	struct shoal_id reporter[SHOAL_REPORTS_MAX]; /* could not reach it either, since then */
};

struct shoal_partials {
	struct shoal_slab slab;                    /* struct shoal_partial */
	struct shoal_id teller[SHOAL_REPORTS_MAX]; /* cannot reach this member; the newest last */
	uint32_t tellers;
};

/* SHOAL_ERR_NOMEM; shoal_partial_done may follow all the same. */
int shoal_partial_init(struct shoal_core *core);
void shoal_partial_done(struct shoal_core *core);

/* A member that this one accused said that it lives, or (restarted) another instance did. */
void shoal_partial_refuted(struct shoal_core *core, const struct shoal_id *id, bool restarted);

/* A probe of failure detection was answered, directly or by another way. */
void shoal_partial_answered(struct shoal_core *core, const struct shoal_id *id, bool direct);

/* A probe of failure detection, which has ended, failed. true: nobody is accused for that yet; the
 * subject was told, and is probed again. */
bool shoal_partial_withholds(struct shoal_core *core, const struct shoal_probe *probe);

bool shoal_partial_is(const struct shoal_core *core, const struct shoal_id *id);

void shoal_partial_on_message(struct shoal_core *core, const struct shoal_msg_partial *partial);

#endif
