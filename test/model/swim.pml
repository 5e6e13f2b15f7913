/* SPDX-License-Identifier: MIT */
/* What a cluster comes to hold of one of its members: states, incarnations, instances, refutation,
 * admission, checks and table exchange, for spin. run.py checks it, and that what is broken on
 * purpose fails; `run.py --show NAME` prints the steps that lead to such a failure.
 *
 * ONE SUBJECT. A statement is about one member, and what an observer does with it looks at nothing
 * that it holds of others. So a cluster is a product of as many copies of this model as it has
 * members, and one copy, with one member as the subject and the others as its observers, is enough.
 * What is given up: who may speak to whom does not depend here on what the two hold of each other,
 * which only allows more than a real cluster does.
 *
 * NO TIME. A timer is a step that may be taken whenever the real timer could be armed, so every
 * order of expiries and arrivals is tried, those included that the profiles make rare. What only
 * spares packets (rates, bursts, the order of probes) is not there, nor is a step that would change
 * nothing (a probe that is answered, a table that tells nothing new).
 *
 * CHAOS. The subject crashes, is started again as another instance, leaves; observers miss its
 * answers while it runs and accuse it (below incarnation DOUBTS, which bounds the numbers and
 * nothing else). The network keeps for ever whatever anybody held at any time, and delivers it to
 * anybody, in full or short, as fresh or old, in any order, any number of times or never. That is
 * loss, duplication and reordering without a limit, and every cut of every set of ways in either
 * direction for any time: a one-way cut is the run in which nothing of one end reaches the other.
 *
 * CALM. At any moment, whatever is held then, chaos ends; LEFTOVERS packets, any of those ever
 * said, are still in flight. From there on the subject and its observers do by themselves what the
 * protocol lets them do, packets arrive once and in any order, and timers that send wait until none
 * is in flight. Two things are looked at, and together they are "at last, and then for ever" with no
 * other fairness than that somebody moves:
 *
 *   settles       calm has no cycle: every run of it ends. Replies to replies, two members that
 *                 correct each other for ever, a check that is begun again and again would be one
 *                 (an acceptance cycle at the label accept_calm).
 *   agreement     where it ends all observers hold the same; and
 *   refutation    of a subject that runs, exactly what it says of itself: alive, its incarnation,
 *                 its instance, however it was suspected or buried before; and
 *   burial        of one that does not run: dead or left, or they never heard of it; and
 *   farewell      left, where anybody heard it say that it leaves, but where a former instance
 *                 outranks it: one that was started with a clock behind and leaves before it
 *                 learned of its predecessor is buried as that.
 *
 * Looked at in every step, of both:
 *
 *   monotony      what is held only rises in the order of statements
 *   resurrection  nobody comes back from dead or left but by a higher incarnation or as another
 *                 instance
 *   reason        nobody holds a member dead that it did not suspect in that very incarnation, or
 *                 ask in vain
 *   bounded       incarnations are raised only as often as there is something to contradict
 *
 * Each of them is broken by a switch of this file or a bug planted in the library: run.py has the
 * list.
 *
 * ADMISSION is not modelled: the verdicts are those of lib/core/table/statement.c, which is compiled into
 * the verifier (admission.h). A change there is a change here, and the bugs that can be planted
 * there (SHOAL_PLANT_...) must break what is listed above. What follows a verdict is modelled, after
 * lib/core/table/learn.c, check.c and suspicion.c; trace_check.py holds the simulator's runs to it. */

#ifndef OBSERVERS
#define OBSERVERS 2
#endif
#ifndef DOUBTS
#define DOUBTS 1
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef LEFTOVERS
#define LEFTOVERS 1
#endif
#ifndef RAISE
#define RAISE 1 /* how far above what it contradicts a subject goes */
#endif
#define FLIGHT 3 /* packets in flight in calm */

c_decl {
\#include "admission.h"
};

/* A statement about the subject in a byte: the order of the numbers is that of statements (`merge`
 * looks). The states are those of shoal/types.h; 0 is nothing known. */
#define ALIVE   1
#define SUSPECT 2
#define DEAD    3
#define LEAVING 4
#define LEFT    5
#define CLAIM(incarnation, salt, state) ((incarnation) << 5 | (salt) << 3 | (state))
#define INCARNATION(claim)              ((claim) >> 5)
#define SALT(claim)                     ((claim) >> 3 & 3)
#define STATE(claim)                    ((claim) & 7)
#define AS(claim, state)                ((claim) - STATE(claim) + (state))
#define COUNTS(claim)                   (STATE(claim) == ALIVE || STATE(claim) == SUSPECT)
/* A told death of it is verified: it takes part, or left and may have come back unheard. */
#define IS_OPEN(claim)                  (COUNTS(claim) || STATE(claim) == LEFT)
#define IS_GONE(claim)                  (STATE(claim) == DEAD || STATE(claim) == LEFT)

/* The first instance has the salt in the middle: the next may be smaller or greater. */
#define FIRST CLAIM(0, 2, ALIVE)
/* The subject as an end of a packet; observers are 0, 1, 2. */
#define SUBJECT 3

byte held[OBSERVERS];  /* what each observer holds; 0: nothing                               */
byte check[OBSERVERS]; /* the death that each was told and verifies; 0: none                 */
byte self = FIRST;     /* what the subject says of itself                                    */
bool up = true;        /* it runs                                                            */
byte restarts;         /* so far                                                             */
bool heard;            /* somebody heard this instance say leaving or left                   */
bool calm;
byte said[32];         /* chaos: the set of statements that anybody ever held                */
short net[FLIGHT];     /* calm: packets in flight                                            */

#define PACKET(to, from, claim) (1 << 12 | (to) << 10 | (from) << 8 | (claim))
#define IS_TO(i, whom)          (net[i] != 0 && (net[i] >> 10 & 3) == whom)
#define IS_QUIET                (net[0] == 0)

/* Scratch of one step, no part of the state: each step sets what it reads. */
hidden short packet, arrival;
hidden byte was, told, from, verdict, slot, doubted, verified;
/* A name for each property, for the report of a violation. */
hidden byte monotony, resurrection, reason, bounded, agreement, refutation, burial, farewell, merge;

/* In chaos the network has it already. */
inline post(whom, sender, claim)
{
	if
	:: calm ->
		packet = PACKET(whom, sender, claim);
		c_code { bag_add(now.net, FLIGHT, packet); }
	:: else
	fi
}

inline say(claim)
{
	was = claim;
	if
	:: !calm -> c_code { said_add(now.said, was); }
	:: else
	fi
}

/* Whether a packet of calm is for `whom`, and taking one of them. */
#define ARRIVES(whom) (calm && (IS_TO(0, whom) || IS_TO(1, whom) || IS_TO(2, whom)))

inline take(whom)
{
	if
	:: IS_TO(0, whom) -> slot = 0
	:: IS_TO(1, whom) -> slot = 1
	:: IS_TO(2, whom) -> slot = 2
	fi;
	told = net[slot] & 255;
	from = net[slot] >> 8 & 3;
	c_code { bag_remove(now.net, FLIGHT, slot); }
}

/* The only writer of what is held, and where all that must hold in every step is looked at. */
inline hold(i, claim)
{
	was = held[i];
	held[i] = claim;
	monotony = (was == 0 || held[i] > was);
	resurrection = (!IS_GONE(was) || !COUNTS(held[i]) || SALT(held[i]) != SALT(was) ||
	        INCARNATION(held[i]) > INCARNATION(was));
	reason = (was == 0 || IS_GONE(was) || STATE(held[i]) != DEAD || verified ||
	        (STATE(was) == SUSPECT && SALT(was) == SALT(held[i]) &&
	                INCARNATION(was) == INCARNATION(held[i])));
	assert(resurrection);
	assert(reason);
	assert(monotony);
	heard = heard || (STATE(held[i]) >= LEAVING && SALT(held[i]) == SALT(self));
	/* A check of what is old by now decides nothing. */
	if
	:: check[i] != 0 && (!IS_OPEN(held[i]) || check[i] <= held[i]) -> check[i] = 0
	:: else
	fi;
	say(held[i])
}

/* What an observer does with a statement. */
inline hear(i)
{
	verified = false;
	if
	:: verdict == c_expr { SHOAL_VERDICT_APPLY } || verdict == c_expr { SHOAL_VERDICT_BURY } ->
		hold(i, told)
	:: verdict == c_expr { SHOAL_VERDICT_VERIFY } && check[i] == 0 && IS_OPEN(held[i]) ->
		check[i] = told;
		post(SUBJECT, i, told) /* who is said to be dead hears it */
	:: verdict == c_expr { SHOAL_VERDICT_CHECK } ->
		post(SUBJECT, i, held[i])
	:: else ->
#ifdef REPLY_TO_REPLY
		if
		:: from == SUBJECT -> post(SUBJECT, i, held[i])
		:: else
		fi
#else
		skip
#endif
	fi
}

/* Chaos: one of all the arrivals that make a difference to an observer. */
inline chaos_brings(i)
{
	was = held[i];
	arrival = c_expr { arrival_next (now.said, was, now.check[Pobserver->i], 0) };
	do
	:: c_expr { arrival_next (now.said, was, now.check[Pobserver->i], arrival) } != 0 ->
		arrival = c_expr { arrival_next (now.said, was, now.check[Pobserver->i], arrival) }
	:: break
	od;
	told = arrival >> 3;
	verdict = c_expr { verdict_on (was, told, arrival & 7) };
	from = i;
	hear(i)
}

/* Calm: what others tell is old by now, which asks for more than if it were fresh. */
inline calm_brings(i)
{
	take(i);
	if
	:: from == SUBJECT -> check[i] = 0 /* it answers: the death that was told is dropped */
	:: else
	fi;
	doubted = false;
	if
	:: STATE(held[i]) == SUSPECT && STATE(told) == DEAD -> doubted = true
	:: true
	fi;
	was = held[i];
	verdict = c_expr { admit (0, was, doubted, told, 1, from == SUBJECT) };
	hear(i)
}

/* Calm: observer i tells its neighbour, `step` places on, what makes a difference there. */
#define TELLS(step)                                                                                \
	:: atomic {                                                                                \
		calm && IS_QUIET && held[i] != 0 && c_expr {                                       \
			matters (now.held[(Pobserver->i + step) % OBSERVERS],                      \
			        now.check[(Pobserver->i + step) % OBSERVERS],                      \
			        now.held[Pobserver->i], 1, 0, now.up, now.self) } ->               \
		post(((i + step) % OBSERVERS), i, held[i])                                         \
	}

active [OBSERVERS] proctype observer()
{
	byte i = _pid;

end:
	do
	:: atomic {
		!calm && c_expr { arrival_next (now.said, now.held[Pobserver->i],
		                now.check[Pobserver->i], 0) } != 0 ->
		chaos_brings(i)
	}
	:: atomic { ARRIVES(i) -> calm_brings(i) }

	/* A probe was not answered: the subject is down, or packets are lost. */
	:: atomic {
		STATE(held[i]) == ALIVE && (!up || (!calm && INCARNATION(held[i]) < DOUBTS)) ->
		verified = false;
		hold(i, AS(held[i], SUSPECT))
	}
#ifndef SUSPICION_STAYS
	/* A suspicion ends. */
	:: atomic { STATE(held[i]) == SUSPECT -> verified = false; hold(i, AS(held[i], DEAD)) }
#endif
#ifndef LEAVING_STAYS
	/* It was leaving, and never said left. */
	:: atomic { STATE(held[i]) == LEAVING -> verified = false; hold(i, AS(held[i], LEFT)) }
#endif

	/* A check ends without an answer. Of another instance only its full word can be held; of one
	 * that left, the next copy counts, which comes at once here. */
	:: atomic {
		check[i] != 0 && (!up || !calm) ->
		told = check[i];
		check[i] = 0;
		verified = true;
		if
		:: SALT(told) == SALT(held[i]) || STATE(held[i]) == LEFT -> hold(i, told)
		:: else -> hold(i, AS(held[i], DEAD))
		fi
	}
	:: atomic { check[i] != 0 && up && !calm -> check[i] = 0 } /* with one */
	/* Its second try. */
	:: atomic {
		calm && IS_QUIET && up && check[i] != 0 &&
		        c_expr { settles (now.self, now.check[Pobserver->i]) } ->
		post(SUBJECT, i, check[i])
	}
	/* Pings, answers to the subject's own, and tables tell it what is believed of it; the dead
	 * are pinged to heal. */
	:: atomic {
		calm && IS_QUIET && up && held[i] != 0 &&
		        c_expr { settles (now.self, now.held[Pobserver->i]) } ->
		post(SUBJECT, i, held[i])
	}
#ifndef NO_TABLES
	TELLS(1)
#if OBSERVERS > 2
	TELLS(2)
#endif
#endif
	od
}

/* Calm: the subject says what it is, in full and first hand. */
#define SAYS(whom)                                                                                 \
	:: atomic {                                                                                \
		calm && IS_QUIET && up && c_expr { matters (now.held[whom], now.check[whom],       \
		                now.self, 1, 1, now.up, now.self) } ->                             \
		post(whom, SUBJECT, self)                                                          \
	}

/* The subject hears what is believed of it and answers with what it is. */
inline answer()
{
	if
	:: c_expr { contradicts (now.self, told) } ->
#ifndef NO_RAISE
		if
		:: INCARNATION(told) >= INCARNATION(self) ->
			bounded = (INCARNATION(told) + RAISE <= DOUBTS + restarts);
			assert(bounded);
			self = CLAIM(INCARNATION(told) + RAISE, SALT(self), STATE(self));
			say(self)
		:: else
		fi
#else
		skip
#endif
	:: else
	fi;
	post(from, SUBJECT, self)
}

active proctype subject()
{
	atomic { say(self) }
end:
	do
	/* It hears what is believed of it, and answers with what it is. It alone raises its
	 * incarnation (SWIM 4.2). */
	:: atomic { up && ARRIVES(SUBJECT) -> take(SUBJECT); answer() }
	:: atomic {
		up && !calm && c_expr { belief_next (now.said, now.self, 0) } != 0 ->
		told = c_expr { belief_next (now.said, now.self, 0) };
		do
		:: c_expr { belief_next (now.said, now.self, told) } != 0 ->
			told = c_expr { belief_next (now.said, now.self, told) }
		:: break
		od;
		answer()
	}
	SAYS(0)
	SAYS(1)
#if OBSERVERS > 2
	SAYS(2)
#endif
	:: atomic { up && STATE(self) == ALIVE && !calm -> self = AS(self, LEAVING); say(self) }
	:: atomic { up && STATE(self) == LEAVING -> self = AS(self, LEFT); say(self) }
	:: atomic { up && STATE(self) == LEFT && IS_QUIET -> up = false }
	:: atomic { up && STATE(self) == ALIVE && !calm -> up = false }

	/* Another run. Its clock has gone on, or stands where the first run found it and is below
	 * what that one refuted with. */
	:: atomic {
		!up && restarts < RESTARTS && !calm ->
		restarts++;
		up = true;
		heard = false;
		if
		:: self = CLAIM(INCARNATION(self) + 1, SALT(FIRST) + 1, ALIVE)
		:: self = CLAIM(0, SALT(FIRST) + 1, ALIVE)
		:: self = CLAIM(0, SALT(FIRST) - 1, ALIVE)
		fi;
		say(self)
	}

	/* What arrives for one that does not run. */
	:: atomic { !up && ARRIVES(SUBJECT) -> take(SUBJECT) }
	od
}

/* A packet that is still in flight when calm begins: any, or none where it would say nothing new. */
inline leave_over()
{
	told = c_expr { said_next (now.said, 0) };
	do
	:: c_expr { said_next (now.said, told) } != 0 ->
		told = c_expr { said_next (now.said, told) }
	:: break
	od;
	was = told;
	if
	:: c_expr { contradicts (now.self, was) } -> packet = PACKET(SUBJECT, 0, told)
	:: told > held[0] -> packet = PACKET(0, 1, told)
	:: told > held[1] -> packet = PACKET(1, 0, told)
#if OBSERVERS > 2
	:: told > held[2] -> packet = PACKET(2, 0, told)
#endif
	:: packet = 0
	fi;
	c_code { bag_add(now.net, FLIGHT, packet); }
}

active proctype world()
{
	byte i;

	atomic {
		merge = c_expr { merge_is_the_greater_byte () };
		assert(merge)
	}
	atomic {
		leave_over();
#if LEFTOVERS > 1
		leave_over();
#endif
		c_code { said_clear(now.said); };
		calm = true
	}
accept_calm: /* until nobody moves any more */
	atomic {
		timeout ->
		for (i : 0 .. OBSERVERS - 1) {
			refutation = (!up || held[i] == self);
			burial = (up || held[i] == 0 || IS_GONE(held[i]));
			farewell = (!heard || up || STATE(held[i]) == LEFT ||
			        SALT(held[i]) != SALT(self));
			agreement = (held[i] == held[0]);
			assert(refutation);
			assert(farewell);
			assert(burial);
			assert(agreement)
		}
	}
}
