#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual pages that a build made: mandoc finds nothing wrong with them, every public function and type has one, and it
is told of there. Usage: pages.py ROOT BUILD [MANDOC]. Prints a line a thing that was tried; exit status 1 where one failed."""
import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../house"))
import api_rules  # noqa: E402
from tree import Tree  # noqa: E402

failed = False


def tell(what, wrong):
    global failed
    print(("not ok - " if wrong else "ok - ") + what)
    for one in wrong[:30]:
        print("    " + one)
    failed = failed or bool(wrong)


def text(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def lint(mandoc, pages):
    """A page that leads to another one would be found from the folder above only; dates are left out of all."""
    whole = [path for path in pages if not text(path).startswith(".so ")]
    run = subprocess.run([mandoc, "-Tlint", "-Wwarning", *whole], capture_output=True, text=True, check=False)
    return [row for row in run.stdout.splitlines() + run.stderr.splitlines() if "missing date" not in row]


def functions_without(root, folder):
    wrong = []
    for name, path, _ in api_rules.functions(Tree(root)):
        page = "shoal_" + os.path.basename(path)[:-2]
        names = (name, name.removesuffix("_sized"))  # the macro of the plain name calls the _sized form
        for one in names:
            alias = os.path.join(folder, one + ".3")
            if not os.path.exists(alias) or one != page and text(alias) != f".so man3/{page}.3\n":
                wrong.append(f"{one} does not lead to {page}")
        if f"{name}(" not in text(os.path.join(folder, page + ".3")):
            wrong.append(f"{page} does not tell of {name}")
    return wrong


def types_without(root, folder):
    """Where a function has the name, its page has to lead on."""
    wrong = []
    for name, path, members in api_rules.types(Tree(root)):
        page = "shoal_" + os.path.basename(path)[:-2]
        alias = os.path.join(folder, name + ".3")
        there = text(alias) if os.path.exists(alias) else ""
        led = re.fullmatch(r"\.so man3/(\w+)\.3\n", there)
        target = text(os.path.join(folder, led[1] + ".3")) if led else there
        if not any(one in target for one in (f".TH {page.upper()} ", f".TH {name.upper()} ", f".BR {page} (3)")):
            wrong.append(f"{name} does not lead to {page}")
        whole = text(os.path.join(folder, page + ".3"))
        about = re.search(rf"^\.SS (?:struct |enum )?{name}\n(.*?)(?=^\.S[SH] |\Z)", whole, re.M | re.S)
        words = set(re.findall(r"\w+", re.sub(r"\\f[BR]", " ", about[1] if about else "")))
        wrong += [f"{page} does not tell of {one} of {name}" for one in members
                  if not any(word == one or word.endswith("_" + one) for word in words)]
    return wrong


def main(root, build, mandoc=None):
    commands = sorted(glob.glob(os.path.join(build, "tools/man1/*.1")))
    headers = sorted(glob.glob(os.path.join(build, "man3/*.3")))
    tell("pages of commands and headers were made", [] if commands and headers else [build])
    if mandoc:
        tell("mandoc finds nothing wrong with them", lint(mandoc, commands + headers))
    tell("every public function has one, which tells of it", functions_without(root, os.path.join(build, "man3")))
    tell("so has every public type, with all its members", types_without(root, os.path.join(build, "man3")))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
