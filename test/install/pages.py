#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual pages that a build made: mandoc finds nothing wrong with them, every public function has one, and it is
told of there. Usage: pages.py ROOT BUILD [MANDOC]. Prints a line a thing that was tried; exit status 1 where one failed."""
import glob
import os
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


def main(root, build, mandoc=None):
    commands = sorted(glob.glob(os.path.join(build, "tools/man1/*.1")))
    headers = sorted(glob.glob(os.path.join(build, "man3/*.3")))
    tell("pages of commands and headers were made", [] if commands and headers else [build])
    if mandoc:
        tell("mandoc finds nothing wrong with them", lint(mandoc, commands + headers))
    tell("every public function has one, which tells of it", functions_without(root, os.path.join(build, "man3")))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
