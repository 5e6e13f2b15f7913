/* SPDX-License-Identifier: MIT */
/* Other numbers for a core that runs. */
#ifndef SHOAL_CORE_TUNE_H
#define SHOAL_CORE_TUNE_H

#include "wire/field.h"

struct shoal_core;

/* SHOAL_INPUT_TUNE. SHOAL_ERR_INVALID: nothing changed. */
int shoal_tune(struct shoal_core *core, struct shoal_span data);

#endif
