/* SPDX-License-Identifier: MIT */
/* Who waits to be taken in, and what was decided of late. */
#ifndef SHOAL_CORE_APPLICANT_H
#define SHOAL_CORE_APPLICANT_H

#include <shoal/core.h>

#include "core/table/kept.h"
#include "core/table/learn.h"
#include "wire/message.h"

/* The request of a join that waits, and what its answer is bound to. */
struct shoal_join {
	bool waits;
	uint64_t exchange;
	struct shoal_addr from;
	enum shoal_opened opened;
	uint64_t sender, counter;
};

struct shoal_applicant {
	uint64_t number;
	struct shoal_id id;
	uint64_t salt, incarnation, begun;
	uint64_t told; /* when the statement came */
	struct shoal_id by;
	struct shoal_addr from;
	enum shoal_path path;
	bool own;      /* its own word */
	bool sealed;   /* it came sealed */
	bool checked;  /* the instance that is known was found silent */
	bool joins;    /* it has asked to join, from `from_host` */
	bool stranger; /* whom no member told of, and that has not asked either */
	struct shoal_addr from_host;
	struct shoal_join join;
	struct shoal_kept said; /* none: it is held unconfirmed, and nothing newer was told */
};

struct shoal_decision {
	struct shoal_id id;
	uint64_t salt, until;
	bool accepted;
	char reason[SHOAL_ACCEPT_REASON_MAX + 1];
};

void shoal_waiting_init(struct shoal_core *core);

/* NULL: nothing was decided about it of late. */
const struct shoal_decision *shoal_decision_find(
        struct shoal_core *core, const struct shoal_id *id, uint64_t salt);
void shoal_decision_keep(struct shoal_core *core, const struct shoal_applicant *applicant,
        bool accepted, struct shoal_span reason);

/* NULL: it does not wait. *full: it would have no place, told by this teller (NULL: by nobody). */
struct shoal_applicant *shoal_waiting_find(struct shoal_core *core, const struct shoal_id *id,
        uint64_t salt, const struct shoal_teller *teller, bool *full);
/* NULL: no place, counted. */
struct shoal_applicant *shoal_waiting_take(
        struct shoal_core *core, const struct shoal_id *id, uint64_t salt);
/* The host was asked about something else: what it says to that counts no more. */
void shoal_waiting_renumber(struct shoal_core *core, struct shoal_applicant *applicant);
void shoal_waiting_give(struct shoal_core *core, const struct shoal_applicant *applicant);

/* Keeps a statement as it came, to be taken up again. false: it is too long. */
bool shoal_waiting_note(struct shoal_core *core, struct shoal_applicant *applicant,
        const struct shoal_msg_member *member, const struct shoal_teller *teller);

#endif
