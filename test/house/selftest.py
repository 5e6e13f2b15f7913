#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plants one violation at a time in a copy of a few files of the project and looks whether the rule reports it, at its
place and with its words. Usage: selftest.py ROOT. One line a violation; exit status 1 where one went unnoticed.

What the project itself breaks at the moment is house.py's to say: only what a plant adds counts here."""
import os
import shutil
import subprocess
import sys
import tempfile

import api_rules
import object_rules
import text_rules
from tree import Findings, Tree

SPDX = "/* SPDX-License-Identifier: MIT */\n/* A planted file. */\n"
MARK = "TO" + "DO"

# What a plant is written into or compiles with; a rule reads all there is, again for each plant.
COPIED = ("include/shoal/core.h", "include/shoal/types.h", "include/shoal/version.h")


def body(lines):
    return "int\nplanted(void)\n{\n" + "\treturn 0;\n" * lines + "}\n"


# (rule, file to write or to append to, text, what the report must say, mode)
PLANTS = [
    (text_rules.lengths, "lib/core/planted.c", SPDX + body(80), "planted has 84 lines"),
    (text_rules.lengths, "lib/core/planted.c", SPDX + "\n" * 700, "lines, 600 is the end"),
    (text_rules.includes, "lib/base/planted.c", SPDX + '#include "core/member.h"\n', "base does not see core"),
    (text_rules.includes, "lib/core/planted.c", SPDX + '#include "cluster/x.h"\n', "core does not see cluster"),
    (text_rules.includes, "lib/core/planted.c", SPDX + "#include <sys/socket.h>\n", "<sys/socket.h> is not on the list"),
    (text_rules.includes, "lib/wire/planted.c", SPDX + "#include <stdlib.h>\n", "<stdlib.h> is not on the list"),
    (text_rules.includes, "lib/wire/planted.c", SPDX + "#include <shoal/core.h>\n", "higher room than wire"),
    (text_rules.includes, "transports/planted.c", SPDX + "#include <shoal/cluster.h>\n", "higher room than transports"),
    (text_rules.includes, "include/shoal/core.h", "#include <shoal/cluster.h>\n", "higher room than core"),
    (text_rules.includes, "include/shoal/planted.h", SPDX, "belongs to no room"),
    (text_rules.identifiers, "tools/planted.c", SPDX + "void f(char *a) { strcpy(a, a); }\n", "strcpy has a safer form"),
    (text_rules.identifiers, "lib/cluster/planted.c", SPDX + 'void f(void) { printf("x"); }\n', "printf not in the library"),
    (text_rules.identifiers, "lib/cluster/planted.c", SPDX + "void *f(void) { return malloc(1); }\n", "malloc not in the library"),
    (text_rules.identifiers, "lib/core/planted.c", SPDX + "long f(void) { return time(0); }\n", "time no I/O, no clock"),
    (text_rules.identifiers, "lib/core/planted.c", SPDX + "double f(void);\n", "double not in what must be deterministic"),
    (text_rules.identifiers, "lib/wire/planted.c", SPDX + "double f(void);\n", "double not in what must be deterministic"),
    (text_rules.identifiers, "include/shoal/error.h", "double f(void);\n", "double not in a public header"),
    (text_rules.includes, "codecs/planted.c", SPDX + "#include <snappy-c.h>\n", "<snappy-c.h> is not on the list of codecs"),
    (text_rules.includes, "codecs/planted.c", SPDX + '#include "wire/message.h"\n', "codecs does not see wire"),
    (text_rules.identifiers, "lib/core/planted.c", SPDX + "#include <assert.h>\n", "assert.h"),
    (text_rules.identifiers, "lib/core/planted.h", SPDX + "typedef struct a b;\n", "name structs by their tag"),
    (text_rules.first_lines, "lib/core/planted.c", "int x;\n", "the first line is not the SPDX line"),
    (text_rules.first_lines, "lib/core/planted.c", SPDX.split("\n")[0] + "\nint x;\n", "no comment says"),
    (text_rules.first_lines, "tools/planted.py", "import sys\n", "no SPDX line"),
    (text_rules.first_lines, "tools/planted", "#!/bin/sh\necho\n", "no SPDX line"),
    (text_rules.marks, "docs/planted.md", MARK + "\n", MARK),
    (text_rules.marks, "lib/core/planted.c", SPDX + "int x; \n", "white space at the end"),
    (text_rules.marks, "lib/core/planted.c", SPDX + "int x;", "does not end with one newline"),
    (text_rules.run_bits, "tools/planted", "#!/bin/sh\n", "may not run"),
    (text_rules.run_bits, "docs/planted.md", "text\n", "has no #! line", 0o755),
    (text_rules.top_level, "planted/planted.md", "text\n", "does not belong at the top level"),
    (api_rules.documented, "include/shoal/version.h", "\nSHOAL_API int shoal_planted(void);\n", "shoal_planted has no comment"),
    (api_rules.tested, "include/shoal/version.h", "\n/* X. */\nSHOAL_API int shoal_planted(void);\n", "no test calls shoal_planted"),
    (api_rules.compile_alone, "include/shoal/version.h", "size_t planted(struct);\n", "as c11"),
    (api_rules.compile_alone, "include/shoal/version.h", "int planted(int class);\n", "as c++11"),
]

# (room, C text, what the report must say)
OBJECT_PLANTS = [
    ("core", "long time(long *); long shoal_p(void); long shoal_p(void) { return time(0); }", "core needs time"),
    ("codecs", "double strtod(const char *, char **); int shoal_p(void); int shoal_p(void) { return (int)strtod(0, 0); }",
     "codecs needs strtod"),
    ("base", "int puts(const char *); int shoal_p(void); int shoal_p(void) { return puts(0); }", "base needs puts"),
    ("wire", "void *malloc(unsigned long); void *shoal_p(void); void *shoal_p(void) { return malloc(1); }", "malloc: only base/alloc.c"),
    ("sim", "int planted(void); int planted(void) { return 0; }", "does not begin with shoal_"),
    ("base", "int shoal_core_planted(void); int shoal_p(void); int shoal_p(void) { return shoal_core_planted(); }",
     "base uses shoal_core_planted of core"),
]


def findings(rule, root):
    found = Findings()
    rule(Tree(root), found)
    return {f"{place}: {text}" for _, place, text in found.list}


def tell(noticed, what):
    print(("ok - " if noticed else "not ok - ") + what)
    return 0 if noticed else 1


def try_plant(root, before, rule, path, text, words, mode=None):
    full = os.path.join(root, path)
    old = None
    if os.path.exists(full):
        with open(full, encoding="utf-8") as file:
            old = file.read()
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, "w", encoding="utf-8") as file:
        file.write((old or "") + text)
    if mode is not None:
        os.chmod(full, mode)
    new = findings(rule, root) - before
    if old is None:
        os.remove(full)
    else:
        with open(full, "w", encoding="utf-8") as file:
            file.write(old)
    return tell(any(words in one for one in new), f"notices in {path}: {words}")


def compile_object(folder, name, text):
    path = os.path.join(folder, name + ".o")
    subprocess.run(["cc", "-x", "c", "-c", "-fPIC", "-fno-builtin", "-o", path, "-"], input=text, text=True, check=True)
    return path


def try_objects(folder):
    missed = 0
    core = compile_object(folder, "core", "int shoal_core_planted(void); int shoal_core_planted(void) { return 0; }")
    for room, text, words in OBJECT_PLANTS:
        objects = {"core": [core]}
        objects[room] = objects.get(room, []) + [compile_object(folder, "planted", text)]
        found = Findings()
        object_rules.check_objects(objects, found)
        missed += tell(any(words in one for _, one in found.of("objects")), f"notices in an object of {room}: {words}")
    library = os.path.join(folder, "planted.so")
    subprocess.run(["cc", "-shared", "-o", library, core], check=True)
    for declared, words in ((set(), "is exported and in no header"),
                            ({"shoal_core_planted", "shoal_gone"}, "shoal_gone is in a header and not exported")):
        found = Findings()
        object_rules.compare_exports(library, declared, found)
        missed += tell(any(words in one for _, one in found.of("exports")), f"notices in a library: {words}")
    return missed


def main():
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "copy")
        for path in COPIED:
            os.makedirs(os.path.dirname(os.path.join(copy, path)), exist_ok=True)
            shutil.copy(os.path.join(sys.argv[1], path), os.path.join(copy, path))
        before = {plant[0]: findings(plant[0], copy) for plant in PLANTS}
        for plant in PLANTS:
            missed += try_plant(copy, before[plant[0]], *plant)
        missed += try_objects(folder)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
