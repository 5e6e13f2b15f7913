#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks swim.pml with spin: each configuration to its end, without an error; and each broken model, which must
fail by the property that it breaks. Prints the states explored.

    run.py [--long] [--cc CC]    --long: the large configurations too
    run.py --show NAME           the steps that lead to the failure of a broken model

The verifier that spin writes is compiled together with lib/core/table/statement.c."""
import argparse
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

# Two observers and the subject are three members. {name: switches}
CONFIGURATIONS = {
    "one restart": ["DOUBTS=0"],
    "false suspicions": ["RESTARTS=0"],
}
LONG = {
    "one restart among false suspicions": [],
    "false suspicions, twice": ["RESTARTS=0", "DOUBTS=2", "LEFTOVERS=2"],
    "three observers": ["OBSERVERS=3", "DOUBTS=0", "RESTARTS=0"],
}
# (name, switches, property that must fail). SHOAL_PLANT_ ones are bugs planted in lib/core/table/statement.c.
BROKEN = [
    ("an old word revives the dead", ["DOUBTS=0", "SHOAL_PLANT_RESURRECTION"], "resurrection"),
    ("a told death is not verified", ["DOUBTS=0", "SHOAL_PLANT_BURY_UNVERIFIED"], "reason"),
    ("an older word counts", ["DOUBTS=0", "SHOAL_PLANT_OLDER_WORD"], "monotony"),
    ("another instance is not contradicted", ["DOUBTS=0", "SHOAL_PLANT_INSTANCE_UNSEEN"], "refutation"),
    ("a refutation does not raise the incarnation", ["RESTARTS=0", "NO_RAISE"], "refutation"),
    ("a refutation raises it without need", ["RESTARTS=0", "RAISE=2"], "bounded"),
    ("a reply is replied to", ["RESTARTS=0", "REPLY_TO_REPLY"], "settles"),
    ("who is leaving never counts as left", ["RESTARTS=0", "LEAVING_STAYS"], "farewell"),
    ("a suspicion never ends", ["RESTARTS=0", "SUSPICION_STAYS"], "burial"),
    ("tables are not exchanged", ["RESTARTS=0", "NO_TABLES"], "agreement"),
]


def command(line, folder):
    run = subprocess.run(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return run.returncode, run.stdout


def verify(switches, folder, cc, optimise):
    """(property that failed or "", states, transitions, what pan printed)"""
    defines = ["-D" + switch for switch in switches]
    code, text = command(["spin", *defines, "-a", os.path.join(HERE, "swim.pml")], folder)
    if code != 0 or "Error" in text:
        raise SystemExit(f"spin: {text}")
    # No partial order reduction: nearly every step touches what others read. No fairness: none is assumed.
    code, text = command([cc, "-std=gnu11", optimise, "-w", "-DNOREDUCE", "-DNOFAIR", "-DMEMLIM=12000", *defines,
                          "-I", HERE, "-I", os.path.join(ROOT, "lib"), "-I", os.path.join(ROOT, "include"),
                          "-o", "pan", "pan.c", os.path.join(ROOT, "lib/core/table/statement.c")], folder)
    if code != 0:
        raise SystemExit(f"{cc}: {text}")
    _, text = command(["./pan", "-a", "-m1000000", "-w20"], folder)
    states, steps = re.search(r"(\S+) states, stored", text), re.search(r"(\S+) transitions", text)
    failed = re.search(r"pan:1: (?:assertion violated (\w+)|(acceptance cycle)|(.*))", text)
    name = "" if failed is None else failed.group(1) or (failed.group(2) and "settles") or failed.group(3)
    if states is None or (name == "" and ("errors: 0" not in text or "Search not completed" in text)):
        name = "the search did not end"
    return name, int(float(states.group(1))) if states else 0, int(float(steps.group(1))) if steps else 0, text


def show(name, cc):
    for broken, switches, _ in BROKEN:
        if broken == name:
            with tempfile.TemporaryDirectory() as folder:
                verify(switches, folder, cc, "-O0")
                print(command(["./pan", "-r", "swim.pml.trail"], folder)[1])
                return 0
    print("no such broken model; there are:\n    " + "\n    ".join(broken for broken, _, _ in BROKEN))
    return 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--cc", default="cc")
    parser.add_argument("--show")
    arguments = parser.parse_args()
    if arguments.show:
        return show(arguments.show, arguments.cc)
    good = True
    for name, switches in (LONG if arguments.long else CONFIGURATIONS).items():
        with tempfile.TemporaryDirectory() as folder:
            failed, states, steps, text = verify(switches, folder, arguments.cc, "-O2")
        good = good and failed == ""
        print(f"{'ok' if failed == '' else 'not ok'} - {name}: {states} states, {steps} steps"
              + (f"; fails by {failed}\n{text}" if failed else ""), flush=True)
    for name, switches, expected in [] if arguments.long else BROKEN:
        with tempfile.TemporaryDirectory() as folder:
            # It fails within few states: to optimise its verifier would take longer than to run it.
            failed, states, _, _ = verify(switches, folder, arguments.cc, "-O0")
        good = good and failed == expected
        print(f"{'ok' if failed == expected else 'not ok'} - broken, {name}: fails by {failed or 'nothing'}"
              f" after {states} states" + ("" if failed == expected else f", not by {expected}"), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
