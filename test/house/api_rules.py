# SPDX-License-Identifier: MIT
"""Rules about the public headers: every function is documented, tested, and each header compiles alone."""
import os
import re
import subprocess

from tree import line_of, strip_comments

_DECLARATION = re.compile(r"^SHOAL_API\b[^;{]*?\b(shoal_\w+)\s*\(", re.M | re.S)


def functions(tree, headers=None):
    """(name, path, line) of every function that a public header declares with SHOAL_API."""
    for path in tree.under("include/shoal"):
        if headers is None or os.path.basename(path)[:-2] in headers:
            code = strip_comments(tree.text(path))
            for match in _DECLARATION.finditer(code):
                yield match.group(1), path, line_of(code, match.start())


def types(tree):
    """(name, path, members) of every struct, enumeration and type of a callback in a public header. Members are names;
    those that a table X(...) makes are their rows' first words."""
    for path in tree.under("include/shoal"):
        code = strip_comments(tree.text(path))
        tables = {match[1]: re.findall(r"\bX\(\s*(\w+)", match[2])
                  for match in re.finditer(r"^#define (\w+)\(X\)((?:.*\\\n)*.*)", code, re.M)}
        for match in re.finditer(r"^typedef\b[^;]*?\(\*(shoal_\w+)\)|^struct (shoal_\w+);", code, re.M):
            yield match[1] or match[2], path, []
        for match in re.finditer(r"^(struct|enum) (shoal_\w+) \{\n(.*?)^\};", code, re.M | re.S):
            names = [row for table in re.findall(r"^\s*(\w+)\(SHOAL_X\)", match[3], re.M) for row in tables[table]]
            body = re.sub(r"^#.*|^\s*\w+\(SHOAL_X\)", "", match[3], flags=re.M)
            form = r"^\s*(SHOAL_\w+)" if match[1] == "enum" else r"\(\*(\w+)\)\s*\(|(\w+)(?:\[[^\]]*\])*\s*[,;](?![^(]*\)\s*;)"
            names += ["".join(found) for found in re.findall(form, body, re.M)]
            yield match[2], path, names


def documented(tree, found):
    """Right above every public function, or above the group without an empty line that it stands in, is a comment."""
    for name, path, line in functions(tree):
        lines = tree.text(path).split("\n")
        above = line - 2
        while above >= 0 and re.match(r"[^#}\s]|\s+\S", lines[above]) and not lines[above].endswith("*/"):
            above -= 1
        if above < 0 or not lines[above].endswith("*/"):
            found.add("documented", f"{path}:{line}", f"{name} has no comment")


def tested(tree, found):
    """Every public function is called in at least one test."""
    words = set()
    for path in tree.under("test"):
        words |= set(re.findall(r"\bshoal_\w+", tree.code(path)))
    for name, path, line in functions(tree):
        # The macro of the plain name calls the _sized form.
        plain = name[:-len("_sized")] if name.endswith("_sized") else name
        if name not in words and plain not in words:
            found.add("tested", f"{path}:{line}", f"no test calls {name}")


def compile_alone(tree, found):
    """Every public header compiles alone, as C11 and as C++11."""
    forms = (("cc", "c", "c11"), ("c++", "c++", "c++11"))
    for path in tree.under("include/shoal"):
        for compiler, language, standard in forms:
            command = [compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                       "-fsyntax-only", "-I", tree.full("include"), "-"]
            source = f"#include <{path[len('include/'):]}>\n"
            run = subprocess.run(command, input=source, capture_output=True, text=True)
            if run.returncode != 0:
                lines = run.stderr.strip().split("\n")
                error = next((one for one in lines if "error:" in one), lines[0])
                found.add("compile alone", path, f"as {standard}: {error}")
