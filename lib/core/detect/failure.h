/* SPDX-License-Identifier: MIT */
/* What it means that a probe has failed. */
#ifndef SHOAL_CORE_FAILURE_H
#define SHOAL_CORE_FAILURE_H

struct shoal_core;
struct shoal_probe;
struct shoal_record;

/* A probe of failure detection ended unanswered; record: of its target. */
void shoal_failure_of(struct shoal_core *core, const struct shoal_probe *probe,
        const struct shoal_record *record);

#endif
