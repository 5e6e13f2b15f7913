/* SPDX-License-Identifier: MIT */
/* The order of statements and the admission of one, as docs/protocol.md, "States and statements",
 * tells them.
 *
 * Merge is a maximum over a total order, so that members who heard the same statements hold the
 * same whatever the order of arrival (SWIM 4.2 with salts as tie-break). Admission may delay what
 * merge would take: a death that this observer has no doubt of its own about is verified, unless
 * several members found the process gone after anything that was heard of it; and
 * hearsay about somebody unknown or dead is probed. It never takes what merge would refuse. */
#include "core/table/statement.h"

static int
rank(enum shoal_state state)
{
	switch (state) {
	case SHOAL_STATE_ALIVE:
		return 1;
	case SHOAL_STATE_SUSPECT:
		return 2;
	case SHOAL_STATE_DEAD:
		return 3;
	case SHOAL_STATE_LEAVING:
		return 4;
	case SHOAL_STATE_LEFT:
		return 5;
	case SHOAL_STATE_UNKNOWN:
		break;
	}
	return 0;
}

int
shoal_claim_compare(const struct shoal_claim *a, const struct shoal_claim *b)
{
	if (a->incarnation != b->incarnation) {
		return a->incarnation < b->incarnation ? -1 : 1;
	}
	if (a->salt != b->salt) {
		return a->salt < b->salt ? -1 : 1;
	}
	return rank(a->state) - rank(b->state);
}

struct shoal_claim
shoal_claim_merge(const struct shoal_claim *a, const struct shoal_claim *b)
{
	return shoal_claim_compare(a, b) >= 0 ? *a : *b;
}

/* Only its subject raises an incarnation. Whatever others believe beyond what it said last, under
 * its own salt or a foreign one, is answered with a higher incarnation. */
static enum shoal_verdict
admit_about_self(const struct shoal_view *view, const struct shoal_told *told)
{
	int order = shoal_claim_compare(&told->claim, &view->held);

	if (order == 0) {
		return SHOAL_VERDICT_SAME;
	}
#ifdef SHOAL_PLANT_INSTANCE_UNSEEN
	if (told->claim.salt != view->held.salt) {
		return SHOAL_VERDICT_REMIND;
	}
#endif
	if (order > 0 || (told->claim.incarnation == view->held.incarnation &&
	                         told->claim.salt != view->held.salt)) {
		return SHOAL_VERDICT_REFUTE;
	}
	return SHOAL_VERDICT_REMIND;
}

static enum shoal_verdict
admit_unknown(const struct shoal_told *told)
{
	if (!told->full) {
		return SHOAL_VERDICT_IGNORE;
	}
	if (shoal_state_is_gone(told->claim.state)) {
		return SHOAL_VERDICT_BURY;
	}
	return told->fresh || told->claim.state == SHOAL_STATE_LEAVING ? SHOAL_VERDICT_APPLY
	                                                               : SHOAL_VERDICT_CHECK;
}

/* A newer statement about somebody who is remembered as dead or left: a return must be fresh, or it
 * is probed. Who left, came back unheard and is told dead has failed only if that is so here. */
static enum shoal_verdict
admit_return(const struct shoal_view *view, const struct shoal_told *told)
{
	if (told->claim.state == SHOAL_STATE_DEAD && view->held.state == SHOAL_STATE_LEFT &&
	        !view->settled && !view->credulous) {
		return SHOAL_VERDICT_VERIFY;
	}
	if (shoal_state_is_gone(told->claim.state) || told->claim.state == SHOAL_STATE_LEAVING) {
		return SHOAL_VERDICT_APPLY;
	}
	return told->fresh ? SHOAL_VERDICT_APPLY : SHOAL_VERDICT_CHECK;
}

/* A doubt about an older incarnation or another instance says nothing about this one. */
static bool
has_own_doubt(const struct shoal_view *view, const struct shoal_claim *claim)
{
	return view->doubted && view->held.incarnation == claim->incarnation &&
	       view->held.salt == claim->salt;
}

enum shoal_verdict
shoal_statement_admit(const struct shoal_view *view, const struct shoal_told *told)
{
	if (view->self) {
		return admit_about_self(view, told);
	}
	if (!view->known || view->held.state == SHOAL_STATE_UNKNOWN) {
		return admit_unknown(told);
	}
#ifdef SHOAL_PLANT_RESURRECTION
	if (told->full && told->claim.state == SHOAL_STATE_ALIVE &&
	        shoal_state_is_gone(view->held.state) &&
	        told->claim.incarnation == view->held.incarnation) {
		return SHOAL_VERDICT_APPLY;
	}
#endif
#ifdef SHOAL_PLANT_OLDER_WORD
	if (told->full && told->claim.state == SHOAL_STATE_ALIVE &&
	        view->held.state == SHOAL_STATE_ALIVE) {
		return SHOAL_VERDICT_APPLY;
	}
#endif
#ifdef SHOAL_PLANT_BURY_UNVERIFIED
	if (told->claim.state == SHOAL_STATE_DEAD &&
	        shoal_claim_compare(&told->claim, &view->held) > 0) {
		return SHOAL_VERDICT_APPLY;
	}
#endif
#ifdef SHOAL_PLANT_DEATH_UNDOUBTED
	if (told->claim.state == SHOAL_STATE_DEAD && view->held.state == SHOAL_STATE_SUSPECT &&
	        shoal_claim_compare(&told->claim, &view->held) > 0) {
		return SHOAL_VERDICT_APPLY;
	}
#endif
#ifdef SHOAL_PLANT_TABLE_BURIES
	if (told->full && told->claim.state == SHOAL_STATE_DEAD &&
	        shoal_claim_compare(&told->claim, &view->held) > 0) {
		return SHOAL_VERDICT_APPLY;
	}
#endif
	int order = shoal_claim_compare(&told->claim, &view->held);
	if (order == 0) {
		return SHOAL_VERDICT_SAME;
	}
	if (order > 0 && !told->full && told->claim.salt != view->held.salt) {
		return SHOAL_VERDICT_IGNORE; /* an instance that is not known yet */
	}
	if (order < 0) {
		bool lives = told->claim.state == SHOAL_STATE_ALIVE ||
		             told->claim.state == SHOAL_STATE_SUSPECT;
		return shoal_state_is_gone(view->held.state) && lives ? SHOAL_VERDICT_ANSWER
		                                                      : SHOAL_VERDICT_STALE;
	}
	if (shoal_state_is_gone(view->held.state)) {
		return admit_return(view, told);
	}
	if (told->claim.state == SHOAL_STATE_DEAD && !view->credulous && !told->refused &&
	        !has_own_doubt(view, &told->claim)) {
		return SHOAL_VERDICT_VERIFY;
	}
	return SHOAL_VERDICT_APPLY;
}
