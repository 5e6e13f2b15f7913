/* SPDX-License-Identifier: MIT */
/* Statements that do not count before this observer has tried for itself: a death that it has no
 * doubt of its own about ("verify before burying"), and hearsay about somebody unknown or dead. */
#ifndef SHOAL_CORE_CHECK_H
#define SHOAL_CORE_CHECK_H

#include <shoal/core.h>

#include "core/table/statement.h"
#include "wire/field.h"

#define SHOAL_CHECKS_MAX 1024

struct shoal_core;
struct shoal_probe;
struct shoal_teller;

void shoal_check_init(struct shoal_core *core);
void shoal_check_done(struct shoal_core *core);

/* Queues a check of what `from` told of a member: that it is dead (alive or suspect here), or by
 * hearsay that it lives (unknown, dead or left here). Does nothing where one waits or runs. */
void shoal_check_queue(struct shoal_core *core, uint32_t slot, const struct shoal_id *from,
        const struct shoal_claim *told);

/* Whether one that is left here may become dead without a check: nobody was told that it left, or
 * it did not answer a check of late. */
bool shoal_check_is_settled(const struct shoal_core *core, uint32_t slot);

/* Asks a member where it has moved to by what a member told, at addr (url: what that stands for,
 * where it is made from one); what it says itself then counts. To each address at most once in ten
 * seconds, to four of a host and to 256 in that time. */
void shoal_check_move(struct shoal_core *core, uint32_t slot, const struct shoal_teller *teller,
        const struct shoal_addr *addr, struct shoal_span url);

void shoal_check_on_timer(struct shoal_core *core);

/* The probe of a check has ended. */
void shoal_check_ended(struct shoal_core *core, const struct shoal_probe *probe, bool answered);

#endif
