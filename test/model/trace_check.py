#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Replays what `shoal-sim-test --verbose` printed against the allowed steps: the table "Transitions" of
docs/protocol.md, per observer and subject, and what has to have happened elsewhere before.

    trace_check.py steps --protocol docs/protocol.md [TRACE...]    standard input without a TRACE
    trace_check.py causes --protocol docs/protocol.md CAUSE.C      every cause that the core knows is in the table

A trace is that of one seed; a new "plan:" line begins the next. Lines that are no notes are skipped. Prints what was
replayed, or the first step that is not allowed, and fails. O(lines), memory O(nodes squared)."""
import argparse
import re
import sys

EVENTS = {"join", "update", "suspect", "alive", "failed", "leaving", "left", "reap"}
CHANGE = re.compile(r"^(\d+\.\d{6}) (\d+): (\w+) (\d+): (\w+) -> (\w+), incarnation (\d+)\.(\d+), (\w+)"
                    r"(?: from (\d+|-))?$")
NOTE = re.compile(r"^(\d+\.\d{6}) (?:(\d+|-): (.*)|---- .*)$")
# The kind of an event follows from the states.
KIND = {("unknown", "alive"): {"join"}, ("alive", "alive"): {"update"}, ("alive", "suspect"): {"suspect"},
        ("suspect", "suspect"): {"update"}, ("leaving", "leaving"): {"update"}}
KIND_TO = {"alive": {"alive"}, "dead": {"failed"}, "leaving": {"leaving"}, "left": {"left"}, "unknown": {"reap"}}
# Accusations that begin at the observer itself; causes of events that are no step.
OWN_DOUBTS = {"unanswered", "replaced"}
NO_STEPS = {"none", "conflict"}
NEEDS = {"", "started", "started again", "leave", "suspected elsewhere", "dead elsewhere", "dead in it elsewhere",
         "leaving at once"}


class Refused(Exception):
    """A step that the table does not have."""


def words(cell):
    return [word.strip() for word in cell.split(",")]


def read_table(path):
    """{(from, to, cause): [(incarnation, need)]} of the section "Transitions"."""
    with open(path, encoding="utf-8") as file:
        section = file.read().split("### Transitions\n", 1)[1].split("\n#", 1)[0]
    table = {}
    for line in section.split("\n"):
        if not line.startswith("| ") or line.startswith("| from "):
            continue
        sources, targets, causes, incarnation, need = (cell.strip() for cell in line.strip("|").split("|"))
        if incarnation not in {"=", ">", ">=", "*"} or need not in NEEDS:
            raise SystemExit(f"{path}: a row of Transitions with an unknown word: {line}")
        for source in words(sources):
            for target in words(targets):
                for cause in words(causes):
                    table.setdefault((source, target, cause), []).append((incarnation, need))
    return table


def compare(relation, now, before):
    return {"=": now == before, ">": now > before, ">=": now >= before, "*": True}[relation]


class World:
    """One run: which nodes run, what each told last of each other, and what was seen of each subject."""

    def __init__(self, table):
        self.table = table
        self.at = 0.0
        self.running, self.unsure = set(), set()
        self.view = {}  # (observer, subject): (state, incarnation)
        self.starts, self.leaves = {}, set()
        self.suspected, self.dead, self.buried = set(), set(), set()
        self.goodbye = set()  # (observer, subject): leaving must follow in this moment
        self.steps = 0

    def take(self, line):
        """One line of the trace."""
        note = NOTE.match(line)
        if note is None:
            return
        if float(note.group(1)) < self.at:
            raise Refused("time runs backwards")
        if float(note.group(1)) > self.at:
            self.moment_ends()
        self.at = float(note.group(1))
        change = CHANGE.match(line)
        if change is not None and change.group(3) in EVENTS:
            self.step(change)
        elif note.group(2) not in (None, "-"):
            self.fault(int(note.group(2)), note.group(3))

    def moment_ends(self):
        if self.goodbye:
            raise Refused(f"{min(self.goodbye)} was back from the dead in its old incarnation, and not to say goodbye")

    def fault(self, node, what):
        """What was done to a node, or what a core told of itself."""
        start = re.match(r"start (\d+)$", what)
        if start:
            number = int(start.group(1))
            if node in self.running or number != self.starts.get(node, 0) + 1:
                raise Refused("a start of one that runs, or not its next")
            self.running.add(node)
            self.starts[node] = number
        elif re.match(r"(crash|lose host|left)\b", what) and ":" not in what:
            if node not in self.running:
                raise Refused("the end of one that does not run")
            self.running.discard(node)
            self.unsure.discard(node)
            for pair in [pair for pair in self.view if pair[0] == node]:
                del self.view[pair]
            self.goodbye = {pair for pair in self.goodbye if pair[0] != node}
        elif what == "leave":
            self.leaves.add(node)
        elif what.startswith("overflow"):
            self.unsure.add(node)
            for pair in [pair for pair in self.view if pair[0] == node]:
                del self.view[pair]

    def met(self, need, observer, subject, incarnation):
        """Whether what a row needs has happened."""
        starts = self.starts.get(subject, 0)
        return {"": True, "started": starts > 0, "started again": starts > 1, "leave": subject in self.leaves,
                "suspected elsewhere": (subject, incarnation) in self.suspected,
                "dead elsewhere": subject in self.dead,
                "dead in it elsewhere": (subject, incarnation) in self.buried, "leaving at once": True}[need]

    def step(self, change):
        """One event: an observer holds something else of a subject."""
        _, observer, kind, subject, source, target, epoch, count, cause, _ = change.groups()
        pair, incarnation = (int(observer), int(subject)), (int(epoch), int(count))
        subject = pair[1]
        if pair[0] not in self.running:
            raise Refused("an event of one that does not run")
        held, before = self.view.get(pair, ("unknown", (0, 0)))
        if source != held and not (held == "unknown" and pair[0] in self.unsure):
            raise Refused(f"it told {held} last, not {source}")
        if kind == "reap":  # shows what it was last, and is not known any more
            if source != target:
                raise Refused(f"reap is no event from {source} to {target}")
            target = "unknown"
        if kind not in KIND.get((source, target), KIND_TO.get(target, set())):
            raise Refused(f"{kind} is no event from {source} to {target}")
        rows = self.table.get((source, target, cause), [])
        if not rows:
            raise Refused("no row of the table has this step with this cause")
        known = held != "unknown"
        fits = [need for relation, need in rows if not known or compare(relation, incarnation, before)]
        if not fits:
            raise Refused(f"incarnation {incarnation} after {before}")
        fits = [need for need in fits if self.met(need, *pair, incarnation)]
        if not fits:
            raise Refused("what the row needs has not happened: " + ", ".join(need for _, need in rows))
        self.note(pair, target, incarnation, cause, "leaving at once" in fits and len(fits) == 1)

    def note(self, pair, target, incarnation, cause, goodbye):
        """What this step is to later ones."""
        self.steps += 1
        if target == "leaving":
            self.goodbye.discard(pair)
        if goodbye:
            self.goodbye.add(pair)
        if target == "suspect" and cause in OWN_DOUBTS:
            self.suspected.add((pair[1], incarnation))
        if target == "left" and cause == "replaced":
            self.leaves.add(pair[1])
        if target == "dead" and cause in {"suspicion", "refused"}:
            self.dead.add(pair[1])
            self.buried.add((pair[1], incarnation))
        if target == "unknown":
            self.view.pop(pair, None)
        else:
            self.view[pair] = (target, incarnation)


def replay(lines, table):
    """(traces, steps); raises Refused with the line in front."""
    world, traces, steps = World(table), 0, 0
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\n")
        if line.startswith("plan:"):
            world.moment_ends()
            steps += world.steps
            traces += 1
            world = World(table)
        try:
            world.take(line)
        except Refused as refused:
            raise Refused(f"line {number}: {line}\n    {refused}") from None
    world.moment_ends()
    return max(traces, 1), steps + world.steps


def check_causes(table, path):
    with open(path, encoding="utf-8") as file:
        known = set(re.findall(r'\[SHOAL_CAUSE_\w+\] = \{"(\w+)"', file.read())) - NO_STEPS
    listed = {cause for _, _, cause in table}
    if len(known) == 0 or known != listed:
        print(f"docs/protocol.md, Transitions: lacks {sorted(known - listed)}, "
              f"has no such cause as {sorted(listed - known)}")
        return 1
    print(f"{len(known)} causes, each in a transition")
    return 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["steps", "causes"])
    parser.add_argument("--protocol", required=True)
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_intermixed_args()
    table = read_table(arguments.protocol)
    if arguments.mode == "causes":
        return check_causes(table, arguments.files[0])
    lines = sys.stdin if not arguments.files else (line for path in arguments.files for line in open(path))
    try:
        traces, steps = replay(lines, table)
    except Refused as refused:
        print(f"refused: {refused}")
        return 1
    print(f"{traces} traces, {steps} steps, all allowed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
