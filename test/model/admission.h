/* SPDX-License-Identifier: MIT */
/* The bridge between the model and the library: a statement is one byte there and a struct
 * shoal_claim here, and the verdicts are those of lib/core/table/statement.c, which is linked into
 * the verifier. The model has no table of its own that could fall behind: what admission becomes,
 * the model is checked with. Also here: the bag of packets in flight. Read by the verifier that
 * spin writes. */
#ifndef SHOAL_TEST_MODEL_ADMISSION_H
#define SHOAL_TEST_MODEL_ADMISSION_H

#include "core/table/statement.h"

#include <string.h>

/* The byte of swim.pml: incarnation in 3 bits, salt in 2, state in 3. 0: nothing is known. */
static struct shoal_claim
claim_of(int byte)
{
	return (struct shoal_claim){.incarnation = (unsigned)byte >> 5,
	        .salt = (unsigned)byte >> 3 & 3,
	        .state = (enum shoal_state)(byte & 7)};
}

/* A told death of it is verified: it takes part, or left and may have come back unheard. */
static int
is_open(int held)
{
	int state = held & 7;

	return state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT ||
	       state == SHOAL_STATE_LEFT;
}

/* What an observer that holds `held` does with `told`; `self`: it is about the observer. */
static int
admit(int self, int held, int doubted, int told, int full, int fresh)
{
	struct shoal_view view = {.known = held != 0,
	        .self = self != 0,
	        .held = claim_of(held),
	        .doubted = doubted != 0};
	struct shoal_told what = {.claim = claim_of(told), .full = full != 0, .fresh = fresh != 0};

	return (int)shoal_statement_admit(&view, &what);
}

static int
greater(int a, int b)
{
	struct shoal_claim one = claim_of(a), other = claim_of(b);

	if (a == 0 || b == 0) {
		return a != 0;
	}
	return shoal_claim_compare(&one, &other) > 0;
}

/* Every claim of the model's domain. */
static int
is_claim(int byte)
{
	return (byte & 7) >= SHOAL_STATE_ALIVE && (byte & 7) <= SHOAL_STATE_LEFT &&
	       (byte >> 3 & 3) != 0;
}

/* Merge, over all pairs of the domain: the greater byte. What the model reads off the bytes is then
 * what the library would say. */
static int
merge_is_the_greater_byte(void)
{
	for (int a = 0; a < 256; a++) {
		for (int b = 0; b < 256; b++) {
			struct shoal_claim one = claim_of(a), other = claim_of(b);
			struct shoal_claim merged = shoal_claim_merge(&one, &other);
			struct shoal_claim most = claim_of(a > b ? a : b);
			if (is_claim(a) && is_claim(b) &&
			        shoal_claim_compare(&merged, &most) != 0) {
				return 0;
			}
		}
	}
	return 1;
}

/* Whether the subject, which says `self`, says something newer when it is told `told`. It does not
 * while it leaves and is told of another instance, or that it left. */
static int
contradicts(int self, int told)
{
	int leaves = (self & 7) != SHOAL_STATE_ALIVE;
	int other = ((self ^ told) >> 3 & 3) != 0;

	return told != 0 && admit(1, self, 0, told, 0, 0) == SHOAL_VERDICT_REFUTE &&
	       !(leaves && (other || (told & 7) == SHOAL_STATE_LEFT));
}

/* Whether asking a subject that runs leads further: its answer is newer than what it was asked
 * with, or will be. */
static int
settles(int self, int told)
{
#ifdef NO_RAISE
	return greater(self, told);
#endif
	return greater(self, told) || contradicts(self, told);
}

/* Whether a statement changes anything at an observer. What does not is left out once the cluster
 * is calm: it would be sent again and again by timers that the model does not have. */
static int
matters(int held, int checking, int told, int full, int fresh, int up, int self)
{
	switch (admit(0, held, 0, told, full, fresh)) {
	case SHOAL_VERDICT_APPLY:
	case SHOAL_VERDICT_BURY:
		return 1;
	case SHOAL_VERDICT_VERIFY:
		return checking == 0 && is_open(held) && (!up || settles(self, told));
	case SHOAL_VERDICT_CHECK:
		return up && settles(self, held);
	default:
		return 0;
	}
}

/* The statements that were said: a byte for each incarnation and salt, a bit a state. */
#define SAID_BYTES 32

static void
said_add(unsigned char *said, int byte)
{
	said[byte >> 3] |= (unsigned char)(1 << (byte & 7));
}

/* The smallest that is greater; 0: none. */
static int
said_next(const unsigned char *said, int byte)
{
	for (int next = byte + 1; next < SAID_BYTES * 8; next++) {
		if (said[next >> 3] == 0) {
			next |= 7;
		} else if ((said[next >> 3] >> (next & 7) & 1) != 0) {
			return next;
		}
	}
	return 0;
}

/* What may arrive from the network of chaos: a statement that was said, in one of its forms. */
#define ARRIVAL_FRESH   1
#define ARRIVAL_FULL    2
#define ARRIVAL_DOUBTED 4
#define ARRIVAL_FORMS   8

/* Who is alive is told of in full, others in either form; only of those who take part an age is
 * told that can be too great; a doubt of one's own matters to deaths. */
static int
is_form(int held, int told, int form)
{
	int state = told & 7, lives = state == SHOAL_STATE_ALIVE || state == SHOAL_STATE_SUSPECT;

	return ((form & ARRIVAL_FULL) != 0 || state != SHOAL_STATE_ALIVE) &&
	       ((form & ARRIVAL_FRESH) != 0 || lives) &&
	       ((form & ARRIVAL_DOUBTED) == 0 ||
	               (state == SHOAL_STATE_DEAD && (held & 7) == SHOAL_STATE_SUSPECT));
}

static int
verdict_on(int held, int told, int form)
{
	return admit(
	        0, held, form & ARRIVAL_DOUBTED, told, form & ARRIVAL_FULL, form & ARRIVAL_FRESH);
}

/* The next arrival that the verdict says makes a difference, {statement, form}; 0: none. Of forms
 * that the verdict does not tell apart, one. */
static int
arrival_next(const unsigned char *said, int held, int check, int arrival)
{
	int after = arrival / ARRIVAL_FORMS, form = arrival % ARRIVAL_FORMS + 1;
	int applied = arrival != 0 &&
	              verdict_on(held, after, arrival % ARRIVAL_FORMS) != SHOAL_VERDICT_VERIFY;
	int verified = arrival != 0 && !applied;

	for (int told = after != 0 ? after : said_next(said, 0); told != 0;
	        told = said_next(said, told), form = 0, applied = 0, verified = 0) {
		for (; form < ARRIVAL_FORMS; form++) {
			int verdict = verdict_on(held, told, form);
			if (!is_form(held, told, form)) {
				continue;
			}
			if (!applied &&
			        (verdict == SHOAL_VERDICT_APPLY || verdict == SHOAL_VERDICT_BURY)) {
				return told * ARRIVAL_FORMS + form;
			}
			if (!verified && verdict == SHOAL_VERDICT_VERIFY && check == 0 &&
			        is_open(held)) {
				return told * ARRIVAL_FORMS + form;
			}
		}
	}
	return 0;
}

/* The next that the subject contradicts. */
static int
belief_next(const unsigned char *said, int self, int told)
{
	do {
		told = said_next(said, told);
	} while (told != 0 && !contradicts(self, told));
	return told;
}

static void
said_clear(unsigned char *said)
{
	memset(said, 0, SAID_BYTES);
}

/* The bag of packets in flight: a set in descending order, so that one set is one state. */
static void
bag_add(short *bag, int size, int packet)
{
	int i = 0;

	if (packet == 0) {
		return;
	}
	while (i < size && bag[i] > packet) {
		i++;
	}
	if (i == size || bag[i] == packet) {
		return;
	}
	for (int j = size - 1; j > i; j--) {
		bag[j] = bag[j - 1];
	}
	bag[i] = (short)packet;
}

static void
bag_remove(short *bag, int size, int i)
{
	for (; i + 1 < size; i++) {
		bag[i] = bag[i + 1];
	}
	bag[size - 1] = 0;
}

#endif
