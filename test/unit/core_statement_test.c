/* SPDX-License-Identifier: MIT */
/* Merge and admission, exhaustively. Merge: all pairs and triples of incarnation {0, 1, 2} x salt
 * {1, 2, 3} x the five states. Admission: every such claim told, full or short, fresh or not,
 * against every view, compared with the table of docs/protocol.md, "States and statements", which
 * stands below in the words of its rows. */
#include "unit.h"

#include "core/table/statement.h"

#define CLAIMS (3 * 3 * 5)

static struct shoal_claim
claim_at(unsigned i)
{
	struct shoal_claim claim = {.incarnation = i / 15,
	        .salt = i / 5 % 3 + 1,
	        .state = (enum shoal_state)(SHOAL_STATE_ALIVE + i % 5)};

	return claim;
}

/* The claims are numbered in their order, but for the states. */
static int
expected_order(unsigned a, unsigned b)
{
	/* alive, suspect, dead, leaving, left: the order in which the enum has them. */
	return a < b ? -1 : a > b ? 1 : 0;
}

static int
sign(int value)
{
	return (value > 0) - (value < 0);
}

static bool
same(const struct shoal_claim *a, const struct shoal_claim *b)
{
	return a->incarnation == b->incarnation && a->salt == b->salt && a->state == b->state;
}

static void
statements_have_a_total_order(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CLAIMS; i++) {
		for (unsigned j = 0; j < CLAIMS; j++) {
			struct shoal_claim a = claim_at(i), b = claim_at(j);
			assert_int_equal(sign(shoal_claim_compare(&a, &b)), expected_order(i, j));
		}
	}
}

static void
the_order_looks_at_incarnation_then_salt_then_state(void **state)
{
	const struct shoal_claim low = {1, UINT64_MAX, SHOAL_STATE_LEFT},
	                         high = {2, 1, SHOAL_STATE_ALIVE},
	                         salted = {1, 1, SHOAL_STATE_LEFT},
	                         last = {UINT64_MAX, UINT64_MAX, SHOAL_STATE_LEFT};

	(void)state;
	assert_true(shoal_claim_compare(&low, &high) < 0);
	assert_true(shoal_claim_compare(&salted, &low) < 0);
	assert_true(shoal_claim_compare(&last, &low) > 0);
	assert_true(shoal_claim_compare(&high, &last) < 0);
}

static void
merge_takes_one_of_the_two_and_never_the_smaller(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CLAIMS; i++) {
		for (unsigned j = 0; j < CLAIMS; j++) {
			struct shoal_claim a = claim_at(i), b = claim_at(j);
			struct shoal_claim merged = shoal_claim_merge(&a, &b);
			struct shoal_claim greater = claim_at(i > j ? i : j);
			assert_true(same(&merged, &greater));
		}
	}
}

static void
merge_is_commutative_associative_and_idempotent(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CLAIMS; i++) {
		struct shoal_claim a = claim_at(i), aa = shoal_claim_merge(&a, &a);
		assert_true(same(&aa, &a));
		for (unsigned j = 0; j < CLAIMS; j++) {
			struct shoal_claim b = claim_at(j), ab = shoal_claim_merge(&a, &b);
			struct shoal_claim ba = shoal_claim_merge(&b, &a);
			assert_true(same(&ab, &ba));
			for (unsigned k = 0; k < CLAIMS; k++) {
				struct shoal_claim c = claim_at(k);
				struct shoal_claim bc = shoal_claim_merge(&b, &c);
				struct shoal_claim left = shoal_claim_merge(&ab, &c);
				struct shoal_claim right = shoal_claim_merge(&a, &bc);
				assert_true(same(&left, &right));
			}
		}
	}
}

/* A row of the table. Each cell is a set of letters, "*" is any.
 * who:   S the observer itself, U unknown or not confirmed, K known
 * held, told: states: A alive, S suspect, D dead, G leaving (going), L left
 * order: < smaller, = same, > greater
 * salt:  = the one held, x another; inc: = the one held, x another
 * full, fresh, doubted: y, n */
struct row {
	const char *who, *held, *order, *salt, *inc, *told, *full, *fresh, *doubted;
	enum shoal_verdict verdict;
};

/* clang-format off */
static const struct row table[] = {
	/* who  held   ord  salt inc  told   full fresh doubted */
	{ "S",  "*",   "=", "*", "*", "*",   "*", "*",  "*",  SHOAL_VERDICT_SAME },
	{ "S",  "*",   ">", "*", "*", "*",   "*", "*",  "*",  SHOAL_VERDICT_REFUTE },
	{ "S",  "*",   "<", "x", "=", "*",   "*", "*",  "*",  SHOAL_VERDICT_REFUTE },
	{ "S",  "*",   "<", "*", "*", "*",   "*", "*",  "*",  SHOAL_VERDICT_REMIND },

	{ "U",  "*",   "*", "*", "*", "*",   "n", "*",  "*",  SHOAL_VERDICT_IGNORE },
	{ "U",  "*",   "*", "*", "*", "AS",  "y", "y",  "*",  SHOAL_VERDICT_APPLY },
	{ "U",  "*",   "*", "*", "*", "AS",  "y", "n",  "*",  SHOAL_VERDICT_CHECK },
	{ "U",  "*",   "*", "*", "*", "G",   "y", "*",  "*",  SHOAL_VERDICT_APPLY },
	{ "U",  "*",   "*", "*", "*", "DL",  "y", "*",  "*",  SHOAL_VERDICT_BURY },

	{ "K",  "*",   "=", "*", "*", "*",   "*", "*",  "*",  SHOAL_VERDICT_SAME },
	{ "K",  "DL",  "<", "*", "*", "AS",  "*", "*",  "*",  SHOAL_VERDICT_ANSWER },
	{ "K",  "*",   "<", "*", "*", "*",   "*", "*",  "*",  SHOAL_VERDICT_STALE },
	{ "K",  "*",   ">", "x", "*", "*",   "n", "*",  "*",  SHOAL_VERDICT_IGNORE },
	{ "K",  "DL",  ">", "*", "*", "AS",  "*", "n",  "*",  SHOAL_VERDICT_CHECK },
	{ "K",  "L",   ">", "*", "*", "D",   "*", "*",  "*",  SHOAL_VERDICT_VERIFY },
	{ "K",  "DL",  ">", "*", "*", "*",   "*", "*",  "*",  SHOAL_VERDICT_APPLY },
	{ "K",  "ASG", ">", "=", "=", "D",   "*", "*",  "y",  SHOAL_VERDICT_APPLY },
	{ "K",  "ASG", ">", "*", "*", "D",   "*", "*",  "*",  SHOAL_VERDICT_VERIFY },
	{ "K",  "*",   ">", "*", "*", "*",   "*", "*",  "*",  SHOAL_VERDICT_APPLY },
};
/* clang-format on */

static bool
in(const char *cell, char letter)
{
	return cell[0] == '*' || strchr(cell, letter) != NULL;
}

static enum shoal_verdict
from_table(const struct shoal_view *view, const struct shoal_told *told)
{
	static const char states[] = "UASDGL";
	bool unknown = !view->known || view->held.state == SHOAL_STATE_UNKNOWN;
	int order = shoal_claim_compare(&told->claim, &view->held);
	char who = view->self ? 'S' : unknown ? 'U' : 'K';

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		const struct row *row = &table[i];
		if (in(row->who, who) && in(row->held, states[view->held.state]) &&
		        in(row->order, "<=>"[sign(order) + 1]) &&
		        in(row->salt, told->claim.salt == view->held.salt ? '=' : 'x') &&
		        in(row->inc,
		                told->claim.incarnation == view->held.incarnation ? '=' : 'x') &&
		        in(row->told, states[told->claim.state]) &&
		        in(row->full, told->full ? 'y' : 'n') &&
		        in(row->fresh, told->fresh ? 'y' : 'n') &&
		        in(row->doubted, view->doubted ? 'y' : 'n')) {
			return row->verdict;
		}
	}
	fail();
	return SHOAL_VERDICT_STALE;
}

#define VIEWS (1 + 4 * CLAIMS)

/* View 0: not known at all. Then: itself, known, known and doubted, known but not confirmed. */
static bool
view_at(unsigned i, struct shoal_view *view)
{
	memset(view, 0, sizeof *view);
	if (i == 0) {
		return true;
	}
	unsigned form = (i - 1) % 4, held = (i - 1) / 4;
	view->known = true;
	view->self = form == 0;
	view->doubted = form == 2;
	view->held = claim_at(held);
	if (form == 3) {
		view->held.state = SHOAL_STATE_UNKNOWN;
	}
	bool own = view->held.state == SHOAL_STATE_ALIVE ||
	           view->held.state == SHOAL_STATE_LEAVING || view->held.state == SHOAL_STATE_LEFT;
	return (form != 0 || own) && (form != 2 || view->held.state == SHOAL_STATE_SUSPECT);
}

static struct shoal_told
told_at(unsigned i)
{
	return (struct shoal_told){
	        .claim = claim_at(i / 4), .full = (i & 1) != 0, .fresh = (i & 2) != 0};
}

static void
every_statement_gets_the_verdict_of_the_table(void **state)
{
	size_t compared = 0;

	(void)state;
	for (unsigned v = 0; v < VIEWS; v++) {
		struct shoal_view view;
		if (!view_at(v, &view)) {
			continue;
		}
		for (unsigned t = 0; t < 4 * CLAIMS; t++) {
			struct shoal_told told = told_at(t);
			enum shoal_verdict verdict = shoal_statement_admit(&view, &told);
			enum shoal_verdict wanted = from_table(&view, &told);
			if (verdict != wanted) {
				fail_msg("self %d held %d@%d/%d doubted %d told %d@%d/%d full %d "
				         "fresh %d: %d, not %d",
				        view.self, (int)view.held.state, (int)view.held.incarnation,
				        (int)view.held.salt, view.doubted, (int)told.claim.state,
				        (int)told.claim.incarnation, (int)told.claim.salt,
				        told.full, told.fresh, (int)verdict, (int)wanted);
			}
			compared++;
		}
	}
	assert_true(compared > 20000);
}

static void
every_verdict_is_met(void **state)
{
	bool met[10] = {false};

	(void)state;
	for (unsigned v = 0; v < VIEWS; v++) {
		struct shoal_view view;
		for (unsigned t = 0; view_at(v, &view) && t < 4 * CLAIMS; t++) {
			struct shoal_told told = told_at(t);
			met[shoal_statement_admit(&view, &told)] = true;
		}
	}
	for (size_t i = 0; i < COUNT_OF(met); i++) {
		assert_true(met[i]);
	}
}

/* What must hold whatever the table says. */
static void
check_properties(const struct shoal_view *view, const struct shoal_told *told)
{
	enum shoal_verdict verdict = shoal_statement_admit(view, told);
	struct shoal_claim merged = shoal_claim_merge(&view->held, &told->claim);
	bool confirmed = view->known && view->held.state != SHOAL_STATE_UNKNOWN;
	bool takes = verdict == SHOAL_VERDICT_APPLY;

	/* What is taken over is what merge would take: nothing that is held is ever lowered. */
	if (takes && confirmed) {
		assert_true(same(&merged, &told->claim) && !same(&view->held, &told->claim));
	}
	if (view->self) {
		assert_true(verdict == SHOAL_VERDICT_SAME || verdict == SHOAL_VERDICT_REFUTE ||
		            verdict == SHOAL_VERDICT_REMIND);
	} else {
		assert_true(verdict != SHOAL_VERDICT_REFUTE && verdict != SHOAL_VERDICT_REMIND);
	}
	if (verdict == SHOAL_VERDICT_SAME) {
		assert_true(same(&view->held, &told->claim));
	}
	if (verdict == SHOAL_VERDICT_BURY) {
		assert_true(!confirmed);
	}
	/* No death counts without doubt of one's own, unless it is about a tombstone. */
	if (takes && told->claim.state == SHOAL_STATE_DEAD) {
		bool own = view->doubted && view->held.incarnation == told->claim.incarnation &&
		           view->held.salt == told->claim.salt;
		assert_true(own || view->held.state == SHOAL_STATE_DEAD ||
		            view->held.state == SHOAL_STATE_LEFT);
	}
	/* Nobody is created, and no instance taken over, from a short statement. */
	if (takes && !told->full) {
		assert_true(confirmed && view->held.salt == told->claim.salt);
	}
	/* Old hearsay revives nobody. */
	if (takes && told->claim.state == SHOAL_STATE_ALIVE && !told->fresh) {
		assert_true(confirmed && view->held.state != SHOAL_STATE_DEAD &&
		            view->held.state != SHOAL_STATE_LEFT);
	}
}

static void
admission_never_takes_what_merge_would_refuse(void **state)
{
	(void)state;
	for (unsigned v = 0; v < VIEWS; v++) {
		struct shoal_view view;
		for (unsigned t = 0; view_at(v, &view) && t < 4 * CLAIMS; t++) {
			struct shoal_told told = told_at(t);
			check_properties(&view, &told);
		}
	}
}

/* The two switches turn a check of a death into the death, and nothing else. */
static void
a_told_death_counts_at_once_for_the_credulous_and_where_it_was_tried_before(void **state)
{
	size_t met[2] = {0, 0};

	(void)state;
	for (unsigned v = 0; v < VIEWS; v++) {
		struct shoal_view view;
		for (unsigned t = 0; view_at(v, &view) && t < 4 * CLAIMS; t++) {
			struct shoal_told told = told_at(t);
			enum shoal_verdict plain = shoal_statement_admit(&view, &told);
			bool verify = plain == SHOAL_VERDICT_VERIFY;
			bool left = verify && view.held.state == SHOAL_STATE_LEFT;

			view.credulous = true;
			assert_int_equal(shoal_statement_admit(&view, &told),
			        verify ? SHOAL_VERDICT_APPLY : plain);
			view.credulous = false;
			view.settled = true;
			assert_int_equal(shoal_statement_admit(&view, &told),
			        left ? SHOAL_VERDICT_APPLY : plain);
			met[0] += verify;
			met[1] += left;
		}
	}
	assert_true(met[0] > met[1] && met[1] > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(statements_have_a_total_order),
	        cmocka_unit_test(the_order_looks_at_incarnation_then_salt_then_state),
	        cmocka_unit_test(merge_takes_one_of_the_two_and_never_the_smaller),
	        cmocka_unit_test(merge_is_commutative_associative_and_idempotent),
	        cmocka_unit_test(every_statement_gets_the_verdict_of_the_table),
	        cmocka_unit_test(every_verdict_is_met),
	        cmocka_unit_test(
	                a_told_death_counts_at_once_for_the_credulous_and_where_it_was_tried_before),
	        cmocka_unit_test(admission_never_takes_what_merge_would_refuse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
