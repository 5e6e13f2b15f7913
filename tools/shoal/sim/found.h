/* SPDX-License-Identifier: MIT */
/* Seeds that show a bug, each planted in lib under SHOAL_PLANT_<NAME> for test/sim/plants.sh, which
 * reads this table too: with the bug, the checker fires at that seed; without, all are content. A
 * change of what seeds draw, or of the packets that are sent, moves bugs to other seeds:
 * `plants.sh --update` finds them.
 *
 * Rules whose violation no such run shows, since it costs time or packets only, or since there each
 * node has an address and an id of its own, and the unit tests that hold them:
 *
 *     a hint begins a probe early, and how often           core_hint
 *     time-outs are SRTT + 4 RTTVAR, of peer or network    core_rtt
 *     relays are at distinct addresses, once a round       core_property
 *     bursts and ticks keep to their bytes and credit      core_gossip_budget, core_gossip_credit
 *     members that cannot be dialled                       core_inbound, sim_wall
 *     accusers that are mostly refuted lose weight         core_weight
 *     local health rises by missing nacks                  core_probe_health
 *     the end of a watch link begins an inquest            core_inquest, sim_watch
 *     two members share an address                         core_gone
 *     intervals that are tuned begin anew                  core_tune
 *     two instances of one member                          core_identity, core_identity_rival */
#ifndef SHOAL_CLI_SIM_FOUND_H
#define SHOAL_CLI_SIM_FOUND_H

/* clang-format off */
#define SIM_FOUND_TABLE(X) \
	X(EVENT_WAS, "events", 1, "an event tells another former state than the one before it") \
	X(RESURRECTION, "resurrection", 13, "the dead come back under the incarnation that died") \
	X(OLDER_WORD, "incarnations", 2, "an older statement takes the place of a newer one") \
	X(BUSY_LOOP, "bounds", 2, "who has left asks to be woken at once, for ever") \
	X(CHECKSUM_UNREAD, "packets", 6, "a damaged packet is taken") \
	X(LEAVE_WAITS, "commands", 49, "a leave that nobody confirms does not end") \
	X(JOIN_UNENDED, "commands", 8, "a join that found nobody is never told as failed") \
	X(PING_UNANSWERED, "calm", 1, "every fourth ping gets no answer") \
	X(BURY_UNVERIFIED, "heal", 14, "a told death counts without a try") \
	X(SUSPICION_STAYS, "detection", 1, "a suspicion does not run out") \
	X(NEVER_HEALS, "convergence", 13, "the dead are never tried again") \
	X(UNREFUTED, "accuracy", 5, "who is accused says nothing") \
	X(LEAVE_UNSAID, "leave", 4, "who leaves tells nobody") \
	X(INSTANCE_UNSEEN, "convergence", 2, "a new instance passes for the old one") \
	X(RETURN_UNPROBED, "convergence", 186, "who comes back from the dead is never probed") \
	X(NEVER_SYNCS, "convergence", 10, "no walk is ever begun") \
	X(LIST_UNWALKED, "convergence", 10, "a walk ends before it names the statements that differ") \
	X(TREE_UNTOUCHED, "digest", 1, "a change is not in the digest") \
	X(TABLE_BURIES, "heal", 14, "a death in a table counts without a try") \
	X(LATE_ACK_ANSWERED, "chains", 3, "an answer that comes late is answered") \
	X(SENDS_UNCOUNTED, "memory", 1, "packets that wait are not in the memory that is told") \
	X(SUSPICION_HASTY, "suspicions", 6, "a suspicion ends after its shortest time") \
	X(LAG_SPARES_SUSPICIONS, "suspicions", 73, "a stall does not lengthen suspicions") \
	X(DIAGNOSED_HASTY, "suspicions", 62, "accusers shorten the suspicion of who is reached by others") \
	X(RELAYS_UNASKED, "probes", 4, "one relay is asked, however many there are") \
	X(ACCUSED_EARLY, "probes", 1, "a probe ends before its interval") \
	X(LATE_MEASURED, "probes", 3, "a late answer counts as a round trip") \
	X(FLOOR_IGNORED, "probes", 2, "a time-out falls below its floor") \
	X(LAG_SPARES_PROBES, "probes", 3, "a stall does not lengthen probes") \
	X(JUDGES_FIRST, "probes", 347, "who was stalled judges before it reads") \
	X(VERIFIED_ONCE, "probes", 58, "a told death is tried once") \
	X(DIAGNOSED_ACCUSED, "suspicions", 6, "who is reached by others is accused all the same") \
	X(SILENCE_ACCUSES, "probes", 3, "who hears nobody accuses all the same") \
	X(STRANGERS_SERVED, "relays", 7, "a relay pings for whoever asks") \
	X(NACK_UNSENT, "relays", 2, "a relay never says that the target is silent") \
	X(RELAYS_UNBOUNDED, "relays", 32, "a relay takes as much as it is asked for") \
	X(ANSWERS_FOR_OTHERS, "answers", 66, "who is asked for another member says that it is there") \
	X(GONE_UNSAID, "answers", 189, "a ping for another member gets no answer") \
	X(STRANGER_TOLD, "answers", 3, "an answer to a stranger carries a statement") \
	X(LIMIT_PASSED, "gossip", 2, "a statement is sent without a limit") \
	X(CLASSES_MIXED, "gossip", 2, "failures do not go first") \
	X(SENDS_UNSORTED, "gossip", 5, "what was sent often goes before what was not") \
	X(ACCUSED_UNTOLD, "gossip", 1, "who is accused does not hear it with a ping") \
	X(AGE_UNTOLD, "ages", 2, "hearsay is told as just heard") \
	X(AGE_LOWERED, "ages", 2, "a tombstone grows younger") \
	X(VERDICT_OF_FEW, "verdicts", 4, "two members are enough for a verdict") \
	X(VERDICT_INSIDE, "verdicts", 26, "a verdict needs nobody but watchers") \
	X(VERDICT_OLD, "verdicts", 58, "a verdict counts however old") \
	X(ANSWER_UNHEEDED, "verdicts", 31, "an answer does not end an inquest") \
	X(HOLD_SHORT, "verdicts", 4, "two refusals at one moment prove an end") \
	X(DEATH_UNDOUBTED, "reasons", 18, "a told death counts for whoever is suspect") \
	X(HEARSAY_COUNTS, "reasons", 170, "hearsay counts at once, however old") \
	X(LEAVING_STAYS, "leave", 14, "who is leaving never counts as left") \
	X(LEAVE_OFF_LINKS, "leave", 2, "a leave is not told on watch links") \
	X(BUDGET_UNSPENT, "answers", 3, "strangers are read however much they send") \
	X(BUDGET_SHARED, "answers", 3, "who floods takes the budget of members too") \
	X(SIZE_FIRST_SMALL, "sizes", 1, "the first probe of a member is a short one") \
	X(SIZE_NEVER_FALLS, "sizes", 20, "probes that are too large for the way go on") \
	X(SIZE_NEVER_RISES, "sizes", 15, "a way that takes more again is never found out") \
	X(TOO_LARGE_UNHEARD, "sizes", 15, "what the network says of sizes is not heard") \
	X(COPY_TAKEN, "messages", 24, "a second copy of a packet with messages is taken") \
	X(TAKEN_AGAIN, "messages", 40, "a reliable message that comes again is taken again") \
	X(BATCH_ONCE, "messages", 18, "a request with messages that failed is not repeated") \
	X(TAKEN_UNTOLD, "messages", 4, "a message that was taken is told as not sent") \
	X(GIVEN_UP, "messages", 4, "messages are given up though their member is there") \
	X(NEVER_SENT, "messages", 4, "a message that goes once does not go at all") \
	X(WALLED_EXCUSED, "detection", 8, "whoever cannot be dialled is never accused") \
	X(LINK_UNASKED, "messages", 8, "of a member behind a wall nobody asks for a link") \
	X(CAST_AGAIN, "broadcasts", 13, "a second copy of a broadcast counts again") \
	X(CAST_UNREPAIRED, "broadcasts", 13, "who missed a reliable broadcast asks for none") \
	X(CAST_ONCE, "broadcasts", 24, "a broadcast is told to one member and no other") \
	X(CAST_HELD, "broadcasts", 13, "a broadcast that was told goes on to count") \
	X(RISEN_TOO_LITTLE, "convergence", 3, "a refutation is no newer than what it contradicts") \
	X(META_STAYS, "digest", 27, "newer metadata does not take the place of older") \
	X(META_UNDIGESTED, "metadata", 27, "metadata is not in the digest") \
	X(MOVES_UNDIGESTED, "addresses", 58, "that a member has moved is not in the digest") \
	X(LEAVE_UNASKED, "addresses", 4, "a made-up leave lets a made-up return count at once") \
	X(FORGET_UNTOLD, "forgotten", 5, "that somebody is to be forgotten is told to nobody") \
	X(FORGET_UNANSWERED, "digest", 65, "who missed it is not told who is forgotten") \
	X(TOLD_INTO_LIST, "admitted", 11, "others tell of whom the list does not admit, and are believed") \
	X(OUTSIDE_SPOKEN_TO, "admitted", 21, "who is not admitted any more gets what was on its way") \
	X(OUTSIDE_LINKED, "admitted", 8, "the link of one who is not admitted any more stays") \
	X(REFUSED_COUNTS, "accepted", 6, "who was refused is taken in when it is heard of again") \
	X(INSTANCE_UNASKED, "accepted", 6, "another instance of one that was accepted counts unasked") \
	X(FIXED_TUNED, "tuned", 5, "what is fixed changes while it runs")
/* clang-format on */

/* Seeds at which the swarm found what nobody had planted, in the protocol or in the simulator. They
 * show it as long as packets and draws stay what they were. */
#define SIM_FOUND_BY_SWARM(X)                                                                      \
	X("chains", 2493, "a host that retries its join is taken for packets that never end")      \
	X("gossip", 20329, "a suspicion that a seed's table refutes is told on in its class")

#endif
