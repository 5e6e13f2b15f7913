# SPDX-License-Identifier: MIT
"""The code blocks of the documents, and what is done with them.

A block of C that has an #include is a whole program. One that has functions is compiled behind those before it in its
document; any other is the inside of a function that has `cluster`, `config` and `rc`. Blocks of sh are run; what cannot be run has no language.
"""
import os
import re
import shlex
import subprocess

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
STRICT = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]
HEAD = """#include <shoal/shoal.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
"""


class Block:
    """One block: its language, its text and where it begins, for complaints."""

    def __init__(self, document, language, text, line):
        self.language, self.text, self.place = language, text, f"{document}:{line}"

    @property
    def is_program(self):
        return "#include" in self.text

    @property
    def is_outside(self):
        return "\n{\n" in self.text


def blocks_of(document, language):
    """The fenced blocks of a document in one language."""
    with open(os.path.join(ROOT, document), encoding="utf-8") as file:
        text = file.read()
    return [Block(document, match[1], match[2], text.count("\n", 0, match.start()) + 2)
            for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.M | re.S) if match[1] == language]


def indented(document, first):
    """The block of indented lines that begins with such a line, as shell commands."""
    with open(os.path.join(ROOT, document), encoding="utf-8") as file:
        text = file.read()
    match = re.search(r"^    " + re.escape(first) + r".*\n(?:    .*\n)*", text, re.M)
    lines = re.sub(r"^    ", "", match[0], flags=re.M)
    return Block(document, "sh", lines, text.count("\n", 0, match.start()) + 1)


def sources(document):
    """What the blocks of C of a document are compiled as: programs, and last of all the pieces as one file."""
    outside, inside = [], []
    for block in blocks_of(document, "c"):
        mark = f"#line {block.place.rpartition(':')[2]} \"{document}\"\n"
        if block.is_program:
            yield block.place, mark + block.text
        elif block.is_outside:
            outside.append(mark + block.text)
        else:
            inside.append(f"int block_{len(inside)}(struct shoal_cluster *, struct shoal_config, int);\nint\n"
                          f"block_{len(inside)}(struct shoal_cluster *cluster, struct shoal_config config, int rc)\n"
                          f"{{\n(void)cluster, (void)config;\n{mark}{block.text}return rc;\n}}\n")
    if outside or inside:
        yield document, HEAD + "".join(outside) + "".join(inside)


def compile_to(path, source, link=True):
    """Compiles a program as a user would, with the sanitizers of this build. Returns what the compiler says."""
    with open(path + ".c", "w", encoding="utf-8") as output:
        output.write(source)
    command = [os.environ.get("CC") or "cc", *STRICT, "-Wno-unused-function", "-g",
               *shlex.split(os.environ.get("DOCS_FLAGS", "")), "-I", os.path.join(ROOT, "include"), path + ".c"]
    library = os.environ["SHOAL_LIBRARY"]
    command += ["-o", path, library, "-levent", "-Wl,-rpath," + os.path.dirname(library)] if link else ["-fsyntax-only"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr
