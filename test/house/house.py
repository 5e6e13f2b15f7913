#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The rules of the house, checked. Usage: house.py ROOT [BUILD]

Without BUILD the rules that the source can break; with BUILD those that objects and libraries can break (a build
without sanitizers). Prints one line a rule, "ok - what it says" or "not ok - what it says" with every place that
breaks it. Exit status 1 where one is broken."""
import sys

import api_rules
import object_rules
import text_rules
from tree import Findings, Tree

SOURCE_RULES = {
    "lengths": text_rules.lengths,
    "includes": text_rules.includes,
    "identifiers": text_rules.identifiers,
    "first lines": text_rules.first_lines,
    "marks": text_rules.marks,
    "run bits": text_rules.run_bits,
    "top level": text_rules.top_level,
    "documented": api_rules.documented,
    "tested": api_rules.tested,
    "compile alone": api_rules.compile_alone,
}
BUILD_RULES = {
    "objects": object_rules.objects,
    "paths": object_rules.paths,
    "exports": object_rules.exports,
}


def report(rules, tree, *more):
    broken = 0
    for name, rule in rules.items():
        found = Findings()
        note = rule(tree, found, *more)
        sentence = " ".join(rule.__doc__.split())
        print(("not ok - " if found.list else "ok - ") + sentence + (f" ({note})" if note else ""))
        for place, text in found.of(name):
            print(f"    {place}: {text}")
        broken += bool(found.list)
    return broken


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    tree = Tree(sys.argv[1])
    broken = report(BUILD_RULES, tree, sys.argv[2]) if len(sys.argv) == 3 else report(SOURCE_RULES, tree)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
