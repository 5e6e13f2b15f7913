/* SPDX-License-Identifier: MIT */
/* Checkers: what must hold of every core at any time, whoever drives it. A watch follows one core
 * through what it tells (events, sends, deadline) and compares that with what it holds; the
 * simulator keeps one per node and the fuzz targets one per core. Each checker has a name, a line
 * of text and a counter of how often it looked, so that a run in which a checker never looked is
 * noticed. The first failure is kept, with who saw it and about whom. */
#ifndef SHOAL_SIM_CHECK_H
#define SHOAL_SIM_CHECK_H

#include <shoal/core.h>

/* The first four are of one core; the others need to know what was done to the cluster (see
 * judge.h). */
#define SHOAL_CHECKER_TABLE(X)                                                                     \
	X(EVENTS, "events",                                                                        \
	        "was is the last state told, kinds fit states, the list is the events")            \
	X(RESURRECTION, "resurrection", "dead or left ends by a higher incarnation or a new salt") \
	X(INCARNATIONS, "incarnations", "incarnations never fall, states rise within one")         \
	X(BOUNDS, "bounds", "memory, members, packets and deadlines stay within their limits")     \
	X(PACKETS, "packets", "what a core sent is understood, what was damaged is refused")       \
	X(COMMANDS, "commands", "each command and each request ends once, a join in calm well")    \
	X(CALM, "calm", "nobody is suspected or dead while all are well and nothing is lost")      \
	X(ACCURACY, "accuracy", "nobody is dead to whom the way has been good for long")           \
	X(DETECTION, "detection", "a crash is known to all within the bound")                      \
	X(CONVERGENCE, "convergence", "all agree on who lives within the bound after the faults")  \
	X(LEAVE, "leave", "who leaves in calm is left everywhere and failed nowhere")              \
	X(DIGEST, "digest", "members that agree find within the bound that their digests do")      \
	X(HEAL, "heal", "a merge fails nobody whom the observer's side held alive")                \
	X(CHAINS, "chains",                                                                        \
	        "an answer and a word back to a datagram at most; what flies dies out")            \
	X(MEMORY, "memory", "a core holds what it says, and no more than its members need")        \
	X(PROBES, "probes", "who is accused was asked in every way, and had its time to answer")   \
	X(SUSPICIONS, "suspicions", "a suspicion lasts as long as its accusers and stalls ask")    \
	X(RELAYS, "relays", "members are served, in time and within limits, and strangers not")    \
	X(ANSWERS, "answers", "who is asked answers for itself, and strangers with no more bytes") \
	X(GOSSIP, "gossip", "statements go out in their order and at most up to their limit")      \
	X(AGES, "ages", "no age that is told falls")                                               \
	X(VERDICTS, "verdicts", "who is found refused refused enough members, and answered none")  \
	X(REASONS, "reasons", "what counts as told was told, and may count at once")               \
	X(SIZES, "sizes", "datagrams are as large as the way takes, and no larger")                \
	X(METADATA, "metadata", "all hold the metadata that each said last, once they agree")      \
	X(ADDRESSES, "addresses", "all know where each one is, once they agree")                   \
	X(FORGOTTEN, "forgotten", "by all who an operator says, and nobody else")                  \
	X(ADMITTED, "admitted", "nobody outside the list is held as living, or spoken to")         \
	X(ACCEPTED, "accepted", "nobody is held as living whom the host has not accepted")         \
	X(TUNED, "tuned", "what may change while it runs does, and what is fixed does not")        \
	X(MESSAGES, "messages",                                                                    \
	        "no message is taken twice, reliable ones in order, each ends once")               \
	X(BROADCASTS, "broadcasts",                                                                \
	        "none twice, reliable ones by all, others without loss, all end")

enum shoal_checker {
#define SHOAL_X(name, label, text) SHOAL_CHECKER_##name,
	SHOAL_CHECKER_TABLE(SHOAL_X)
#undef SHOAL_X
	SHOAL_CHECKERS
};

#define SHOAL_CHECKER_TEXT_MAX 200

struct shoal_checker_report {
	enum shoal_checker check;
	uint64_t at_ns;          /* virtual time */
	uint32_t observer;       /* number of the node that showed it */
	struct shoal_id subject; /* zero: nobody in particular */
	char text[SHOAL_CHECKER_TEXT_MAX];
};

struct shoal_checkers {
	uint64_t looked[SHOAL_CHECKERS];
	uint64_t fired;                    /* failures; only the first is kept */
	struct shoal_checker_report first; /* where fired is above 0 */
	const uint64_t *now_ns;            /* virtual time, for the report; may be NULL */
	bool unjudged;                     /* who lives may be found dead, see sim.h */
	bool one;                          /* only `which` may fire */
	enum shoal_checker which;
};

/* "events" ...; the text above. Static, never NULL. */
const char *shoal_checker_name(enum shoal_checker check);
const char *shoal_checker_help(enum shoal_checker check);
/* SHOAL_ERR_NOT_FOUND. */
int shoal_checker_parse(enum shoal_checker *check, const char *name);

/* subject may be NULL. */
void shoal_checker_fail(struct shoal_checkers *checks, enum shoal_checker check, uint32_t observer,
        const struct shoal_id *subject, const char *text);
/* Counts a look; where ok is false, fails with the text. Returns ok. */
bool shoal_checker_that(struct shoal_checkers *checks, enum shoal_checker check, bool ok,
        uint32_t observer, const struct shoal_id *subject, const char *text);

struct shoal_follow;

/* What a core last told about the member in one of its slots. Events name no salt; salt is the one
 * held when the last step that told something of this member began, next that at its end. */
struct shoal_watch_view {
	struct shoal_id id;
	struct shoal_salt salt, next;
	uint64_t step;
	uint64_t incarnation;
	enum shoal_state state;
	enum shoal_state grave; /* held dead or left without a word; else UNKNOWN */
	bool unsure;            /* events were lost: state may not have been told */
};

/* Follows one core. */
struct shoal_watch {
	const struct shoal_allocator *mem;
	struct shoal_checkers *checks;
	const struct shoal_profile *profile; /* that of the core */
	uint32_t observer;
	struct shoal_watch_view *view; /* by slot */
	size_t views;
	uint64_t step;
	uint64_t own;                /* highest incarnation of the core itself */
	size_t sends;                /* of the step */
	struct shoal_addr asker;     /* the step took a datagram from here; port 0: it did not */
	size_t answers;              /* datagrams of the step back to there */
	size_t allocated;            /* when memory was looked at last */
	struct shoal_follow *follow; /* NULL: it is not followed */
	bool lost;                   /* the step told that events were lost */
	bool limits_only; /* set by the driver: limits are looked at, what is told is not */
	bool forgets; /* set by the driver: tombstones may go for want of room or time, and silent
	                 ones go silently */
};

/* mem, checks and profile outlive the watch. */
void shoal_watch_init(struct shoal_watch *watch, const struct shoal_allocator *mem,
        struct shoal_checkers *checks, const struct shoal_profile *profile, uint32_t observer);
void shoal_watch_done(struct shoal_watch *watch);

/* From now on this core is followed too (follow.h): one that has taken no input yet, and whose
 * peers are honest. SHOAL_ERR_NOMEM. */
int shoal_watch_follow(struct shoal_watch *watch, const struct shoal_core *core);

/* Around one shoal_core_step: begin before it, with its input, taken after it, with what it
 * returned, where the core is followed; send for each packet taken, event for each event taken,
 * end when both are drained. SHOAL_ERR_NOMEM: no memory for the watch itself. */
void shoal_watch_begin(struct shoal_watch *watch, const struct shoal_input *input);
void shoal_watch_taken(struct shoal_watch *watch, int rc);
void shoal_watch_send(struct shoal_watch *watch, const struct shoal_send *send);
int shoal_watch_event(
        struct shoal_watch *watch, const struct shoal_core *core, const struct shoal_event *event);
int shoal_watch_end(
        struct shoal_watch *watch, const struct shoal_core *core, const struct shoal_input *input);

/* What the allocator of the core says that it holds, against what it says itself; looks where that
 * has changed. */
void shoal_watch_memory(struct shoal_watch *watch, const struct shoal_core *core, size_t allocated);

/* Compares all that the core holds with what it told. O(members). SHOAL_ERR_NOMEM as above. */
int shoal_watch_members(struct shoal_watch *watch, const struct shoal_core *core);

#endif
