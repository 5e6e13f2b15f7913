# SPDX-License-Identifier: MIT
"""Rules that the text of one file can break: lengths, includes, identifiers, first lines, marks, run bits."""
import os
import re

from tree import DOUBLES, DOUBLES_ROOM, IO_FREE, LINKED, ROOMS, SEES_HEADERS_OF, line_of

FUNCTION_AIM, FUNCTION_END, FILE_END = 40, 70, 600
C_FOLDERS = ("include", "lib", "transports", "codecs", "tools", "examples", "test")
LIBRARY = ("lib", "transports", "codecs")

TOP_LEVEL = {
    "CMakeLists.txt", "CMakePresets.json", "CONTRIBUTING.md", "LICENSE", "README.md",
    "cmake", "codecs", "docs", "examples", "include", "lib", "test", "tools", "transports",
}
IO_FREE_SYSTEM_HEADERS = {"stdbool.h", "stddef.h", "stdint.h", "string.h", "limits.h"}
# The compiler's own: no function of libc stands behind them.
IO_FREE_SYSTEM_HEADERS |= {"cpuid.h", "stdatomic.h"}


def functions(text):
    """(name, first line, lines) of each function of a formatted file: braces in the first column."""
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if line != "{":
            continue
        first = i
        while first > 0 and not re.search(r"^\s*$|\*/\s*$|^#|^}|;\s*$", lines[first - 1]):
            first -= 1
        last = i
        while last < len(lines) - 1 and lines[last] != "}":
            last += 1
        head = re.search(r"(\w+)\s*\(", " ".join(lines[first:i]))
        yield (head.group(1) if head else "?"), first + 1, last - first + 1


def lengths(tree, found):
    """Functions end at 70 lines, files at 600."""
    above_aim = total = 0
    for path in tree.under(*C_FOLDERS):
        for name, line, length in functions(tree.text(path)):
            total += 1
            above_aim += length > FUNCTION_AIM
            if length > FUNCTION_END:
                found.add("lengths", f"{path}:{line}", f"{name} has {length} lines, {FUNCTION_END} is the end")
    for path in tree.under(*C_FOLDERS, ext=(".c", ".h", ".py", ".sh")):
        length = tree.text(path).count("\n")
        if length > FILE_END:
            found.add("lengths", path, f"{length} lines, {FILE_END} is the end")
    return f"{above_aim} of {total} functions above {FUNCTION_AIM} lines"


def includes(tree, found):
    """A room includes only rooms below it, and base, codecs, wire, core and sim only plain headers of libc."""
    owner = {header: room for room, (_, _, headers) in ROOMS.items() for header in headers}
    for room, (_, rooms, _) in ROOMS.items():
        for path in tree.room_files(room):
            for line, form, name in included(tree, path):
                public = re.fullmatch(r"shoal/(\w+)\.h", name)
                place = f"{path}:{line}"
                if form == '"':
                    below = name.split("/")[0] if "/" in name else "(a file beside it)"
                    if below not in rooms:
                        found.add("includes", place, f'"{name}": {room} does not see {below}')
                elif public:
                    if owner.get(public.group(1)) not in SEES_HEADERS_OF[room]:
                        found.add("includes", place, f"<{name}> belongs to a higher room than {room}")
                elif room in IO_FREE and path not in LINKED and not (
                        name in IO_FREE_SYSTEM_HEADERS or (name, path) == ("stdlib.h", "lib/base/alloc.c")):
                    found.add("includes", place, f"<{name}> is not on the list of {room}")
    for path in tree.under("include/shoal"):
        room = owner.get(os.path.basename(path)[:-2])
        if room is None:
            found.add("includes", path, "this public header belongs to no room: name it in test/house/tree.py")
            continue
        for line, form, name in included(tree, path):
            public = re.fullmatch(r"shoal/(\w+)\.h", name)
            if form == '"' or (public and owner.get(public.group(1)) not in SEES_HEADERS_OF[room]):
                found.add("includes", f"{path}:{line}", f"{name} belongs to a higher room than {room}")


def included(tree, path):
    # The names stand inside quotes, which code() empties: look at the text, at lines that code() kept.
    for i, line in enumerate(tree.text(path).split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            yield i, match.group(1), match.group(2)


_EVERYWHERE = "strcpy strcat strncpy strncat sprintf vsprintf gets strtok alloca atoi atol atoll rand srand random srandom drand48 tmpnam mktemp"
_LIBRARY = ("printf fprintf vprintf vfprintf dprintf puts fputs putchar perror fork vfork system popen exit _exit "
            "signal sigaction malloc calloc realloc free strdup strndup")
_IO_FREE = ("snprintf vsnprintf time clock clock_gettime gettimeofday getrandom getentropy sleep usleep nanosleep "
            "qsort strerror getenv fopen open close read write socket abort")


def identifiers(tree, found):
    """No banned function, no assert.h, no typedef of a struct, no float where machines must agree."""
    io_free = [ROOMS[room][0] for room in IO_FREE]
    integers = [ROOMS[room][0] for room in IO_FREE if room != DOUBLES_ROOM]
    rules = [
        (C_FOLDERS, (), calls(_EVERYWHERE), "has a safer form"),
        (C_FOLDERS, (), r"<assert\.h>", "SHOAL_ASSERT, or an assertion of the test"),
        (C_FOLDERS, (), r"\btypedef\s+(?:struct|union|enum)\b", "name structs by their tag"),
        (LIBRARY, ("lib/base/alloc.c",), calls(_LIBRARY), "not in the library"),
        (io_free, (), calls(_IO_FREE), "no I/O, no clock, no printf family here"),
        (io_free, (), r"\b(?:_GNU_SOURCE|errno|pthread_\w+)\b", "not in what must be deterministic"),
        (integers, DOUBLES, r"\b(?:float|double)\b", "not in what must be deterministic"),
        (("include",), DOUBLES, r"\b(?:float|double)\b", "not in a public header"),
        (("include",), (), r"\b_GNU_SOURCE\b", "not in a public header"),
    ]
    for folders, but, pattern, why in rules:
        for path in tree.under(*folders):
            if path in but:
                continue
            # Names of headers are strings to the stripper only in their quoted form.
            code = tree.code(path)
            for match in re.finditer(pattern, code):
                found.add("identifiers", f"{path}:{line_of(code, match.start())}", f"{match.group(0).strip()} {why}")


def calls(names):
    """Matches a call of one of the names, not a member of a struct by that name."""
    return r"(?<![\w>.*])(?:" + "|".join(names.split()) + r")(?=\()"


def first_lines(tree, found):
    """Every source and script opens with its SPDX line, and C files go on with a comment."""
    for path in tree.sources():
        text = tree.text(path)
        lines = text.split("\n")
        script = lines[0].startswith("#!")
        name = os.path.basename(path)
        if path.endswith((".c", ".h")):
            if lines[0] != "/* SPDX-License-Identifier: MIT */":
                found.add("first lines", path, "the first line is not the SPDX line")
            elif not lines[1].startswith("/*"):
                found.add("first lines", path, "no comment says what the file is")
        elif script or path.endswith((".py", ".sh", ".cmake")) or name == "CMakeLists.txt":
            if lines[1 if script else 0] != "# SPDX-License-Identifier: MIT":
                found.add("first lines", path, "no SPDX line at the top")


def marks(tree, found):
    """No marks of unfinished work, no white space at the end of a line, one newline at the end of a file."""
    words = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
    for path in tree.sources():
        text = tree.text(path)
        for match in words.finditer(text):
            found.add("marks", f"{path}:{line_of(text, match.start())}", f"{match.group(0)}")
        for match in re.finditer(r"[ \t\r]+$", text, re.M):
            if not path.endswith(".md"):
                found.add("marks", f"{path}:{line_of(text, match.start())}", "white space at the end of the line")
        if text and (not text.endswith("\n") or text.endswith("\n\n")):
            found.add("marks", path, "does not end with one newline")


def run_bits(tree, found):
    """What begins with #! may run, nothing else may; the commands of the README may."""
    for path in tree.sources():
        script = tree.text(path).startswith("#!")
        runs = os.access(tree.full(path), os.X_OK)
        if script != runs:
            found.add("run bits", path, "may run but has no #! line" if runs else "has a #! line but may not run")
    for path in ("tools/test", "tools/demo", ".ci/run"):
        if path not in tree.paths:
            found.add("run bits", path, "is not there")


def top_level(tree, found):
    """The top level holds what the architecture names, and dot files."""
    for name in sorted({path.split("/")[0] for path in tree.paths}):
        if not name.startswith(".") and name not in TOP_LEVEL:
            found.add("top level", name, "does not belong at the top level")
