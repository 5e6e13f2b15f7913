/* SPDX-License-Identifier: MIT */
/* Who is there, told to a new subscriber. */
#ifndef SHOAL_CLUSTER_CURRENT_H
#define SHOAL_CLUSTER_CURRENT_H

#include "cluster/loop/callbacks.h"

/* Under the lock. *call is left alone where nobody is there yet. SHOAL_ERR_NOMEM. */
SHOAL_MUST_USE int shoal_current_new(struct shoal_callbacks *callbacks, struct shoal_call **call);
/* Under the lock. It is in no list. */
void shoal_current_free(struct shoal_callbacks *callbacks, struct shoal_call *call);
/* Tells and frees; returns how many were told of. */
int shoal_current_run(struct shoal_callbacks *callbacks, struct shoal_call *call);

#endif
