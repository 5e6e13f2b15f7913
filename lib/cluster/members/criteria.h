/* SPDX-License-Identifier: MIT */
/* The criteria of a filter: "role=web,zone,version~1." */
#ifndef SHOAL_CLUSTER_CRITERIA_H
#define SHOAL_CLUSTER_CRITERIA_H

#include "cluster/members/described.h"

/* Whether text is a list of criteria. SHOAL_ERR_INVALID with a text. NULL and "": none. */
SHOAL_MUST_USE int shoal_criteria_check(const char *text);

/* Whether all are met; text was checked. O(criteria * log keys). */
bool shoal_criteria_meet(const char *text, const struct shoal_described *described);

#endif
