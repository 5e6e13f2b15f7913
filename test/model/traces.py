#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs seeds of the simulator and holds their traces to the allowed steps (trace_check.py); then mutates them in every
way below, as often as a trace has room for it, and expects each mutation to be refused.

    traces.py PROGRAM PROTOCOL FIRST LAST"""
import random
import re
import subprocess
import sys

import trace_check

MUTATED_SEEDS = 10  # of those that were run
TRIES = 5           # places a kind and trace
INCARNATION = re.compile(r"incarnation (\d+)\.(\d+)")


def parts(line):
    return trace_check.CHANGE.match(line)


def changes(lines, test):
    """Places of the events for which test(groups) holds."""
    found = []
    for place, line in enumerate(lines):
        change = parts(line)
        if change is not None and change.group(3) in trace_check.EVENTS and test(change):
            found.append(place)
    return found


def at(lines, place, line):
    return lines[:place] + [line] + lines[place + 1:]


def other(lines, place):
    """The next event of the same observer about the same subject."""
    change = parts(lines[place])
    for later in range(place + 1, len(lines)):
        next_one = parts(lines[later])
        if next_one is not None and next_one.group(2, 4) == change.group(2, 4):
            return later
        if re.match(rf"\S+ {change.group(2)}: (crash|lose host|left \d+$|overflow)", lines[later]):
            return None
    return None


def swap(lines, place):
    """Two events of one pair change places; the times stay."""
    later = other(lines, place)
    if later is None:
        return None
    one, two = lines[place].split(" ", 1), lines[later].split(" ", 1)
    if parts(lines[place]).groups()[1:8] == parts(lines[later]).groups()[1:8]:
        return None  # they differ in their causes only, and either may come first
    return at(at(lines, place, f"{one[0]} {two[1]}"), later, f"{two[0]} {one[1]}")


def drop(lines, place):
    """An event is missing, and the next does not go on from it."""
    later = other(lines, place)
    if later is None or parts(lines[place]).group(5) == parts(lines[place]).group(6):
        return None
    return lines[:place] + lines[place + 1:]


def twice(lines, place):
    change = parts(lines[place])
    return None if change.group(5) == change.group(6) else lines[:place + 1] + lines[place:]


def revive(lines, place):
    """Back from the dead in the incarnation of the death, without a goodbye after it."""
    change, pair = parts(lines[place]), None
    for before in range(place - 1, -1, -1):
        pair = parts(lines[before])
        if pair is not None and pair.group(2, 4) == change.group(2, 4):
            break
    later = other(lines, place)
    if pair is None or (later is not None and parts(lines[later]).group(6) == "leaving"):
        return None
    same = INCARNATION.sub(f"incarnation {pair.group(7)}.{pair.group(8)}", lines[place])
    return at(lines, place, same)


def lower(lines, place):
    """Revived, in an incarnation below the one that died."""
    return at(lines, place, INCARNATION.sub("incarnation 1.0", lines[place]))


def unsuspected(lines, place):
    """Found dead without an own suspicion: it was alive the moment before."""
    return at(lines, place, lines[place].replace(": suspect -> dead", ": alive -> dead"))


def unheard(lines, place):
    """A suspicion from elsewhere, in an incarnation in which nobody began one."""
    return at(lines, place, INCARNATION.sub("incarnation 3999999999.9", lines[place]))


def cause(name):
    return lambda lines, place: at(lines, place, re.sub(r", (\w+)( from \S+)?$", f", {name}\\2", lines[place]))


def too_early(lines, place):
    """Time runs backwards."""
    begun = place > 5 and not lines[place - 1].startswith("0.000000 ")
    return at(lines, place, "0.000000 " + lines[place].split(" ", 1)[1]) if begun else None


def by_nobody(lines, place):
    """By an observer that does not run."""
    return at(lines, place, re.sub(r"^(\S+) \d+:", r"\1 4000:", lines[place]))


def left_unsaid(lines, place):
    """It left without having begun to."""
    subject = parts(lines[place]).group(4)
    return [line for line in lines if not re.match(rf"\S+ {subject}: leave$", line)]


def unborn(lines, place):
    """A second run that was never started."""
    subject = parts(lines[place]).group(4)
    return [line for line in lines
            if not re.match(rf"\S+ {subject}: (start|crash|lose host|left) \d*$|\S+ {subject}: (crash|lose host)$", line)]


def step(source, target, *causes):
    return lambda change: change.group(5) == source and change.group(6) == target and (
        not causes or change.group(9) in causes)


# (name, events that it can be done to, how)
MUTATIONS = [
    ("two steps change places", lambda change: True, swap),
    ("a step is missing", lambda change: True, drop),
    ("a step is told twice", lambda change: True, twice),
    ("back from the dead, the same incarnation", step("dead", "alive", "refuted"), revive),
    ("back from the dead, a lower incarnation", step("dead", "alive", "refuted"), lower),
    ("refuted, a lower incarnation", step("suspect", "alive", "refuted"), lower),
    ("restarted, a lower incarnation", lambda change: change.group(5) != "unknown" and change.group(9) == "restarted",
     lower),
    ("dead without a suspicion", step("suspect", "dead", "suspicion", "gossip"), unsuspected),
    ("suspected by gossip of nobody", step("alive", "suspect", "gossip"), unheard),
    ("a death of another incarnation", step("suspect", "dead", "suspicion", "gossip"), unheard),
    ("dead because it left", step("suspect", "dead"), cause("leave")),
    ("alive because it was suspected", step("suspect", "alive"), cause("suspicion")),
    ("left by gossip", step("leaving", "left"), cause("gossip")),
    ("left and never said so", step("leaving", "left"), left_unsaid),
    ("a second run that never began", lambda change: change.group(5) != "unknown" and change.group(9) == "restarted",
     unborn),
    ("time runs backwards", lambda change: True, too_early),
    ("an observer that does not run", lambda change: True, by_nobody),
]


def run(program, seed):
    text = subprocess.run([program, "--seed", str(seed), "--verbose"], stdout=subprocess.PIPE, text=True, check=True)
    return text.stdout.split("\n")


def refused(lines, table):
    try:
        trace_check.replay(lines, table)
    except trace_check.Refused:
        return True
    return False


def main():
    program, protocol, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    table = trace_check.read_table(protocol)
    steps, accepted, done = 0, [], {name: 0 for name, _, _ in MUTATIONS}
    good = True
    for seed in range(first, last + 1):
        lines = run(program, seed)
        try:
            steps += trace_check.replay(lines, table)[1]
        except trace_check.Refused as why:
            print(f"not ok - seed {seed}: {why}")
            good = False
            continue
        rng = random.Random(seed)
        for name, test, mutate in MUTATIONS if seed < first + MUTATED_SEEDS else []:
            places = changes(lines, test)
            for place in rng.sample(places, min(TRIES, len(places))):
                mutated = mutate(lines, place)
                if mutated is None:
                    continue
                done[name] += 1
                if not refused(mutated, table):
                    accepted.append(f"seed {seed}, {name}: {lines[place]}")
    print(f"{'ok' if good else 'not ok'} - seeds {first} to {last}: {steps} steps, all allowed")
    for name, count in done.items():
        taken = [line for line in accepted if f", {name}: " in line]
        print(f"{'ok' if count > 0 and not taken else 'not ok'} - refused {count - len(taken)} of {count}: {name}")
        for line in taken:
            print("    accepted: " + line)
        good = good and count > 0 and not taken
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
