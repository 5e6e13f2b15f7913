# SPDX-License-Identifier: MIT
"""Rules about what was built: symbols that objects need, symbols that the libraries export."""
import glob
import os
import re
import subprocess

import api_rules
from tree import CORE_HEADERS, IO_FREE, LINKED_FUNCTIONS, ROOMS

# Memory and string functions of libc; the second row is what compilers make of them or of plain C.
LIBC = set(("memchr memcmp memcpy memmove memset strchr strcmp strlen strncmp strnlen strrchr strspn strcspn strstr "
            "malloc calloc realloc free").split())
COMPILER = re.compile(r"_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__mem\w+_chk|__(?:u?div|u?mod|u?divmod|mul)ti[34]"
                      r"|__(?:popcount|clz|ctz|ffs|parity)[sdt]i2")
ALLOCATES = {"malloc", "calloc", "realloc", "free"}


def nm(paths, *options):
    """(path, name) of every symbol that nm tells of the files."""
    run = subprocess.run(["nm", "-A", *options, *paths], capture_output=True, text=True, check=True)
    for line in run.stdout.split("\n"):
        path, _, rest = line.partition(":")
        words = rest.split()
        # The name of a version script's node is an absolute symbol, and no symbol of ours.
        if words and words[-2:-1] != ["A"]:
            yield path, words[-1]


def room_objects(build, room):
    return sorted(glob.glob(f"{build}/**/CMakeFiles/shoal-{room}.dir/**/*.o", recursive=True))


def check_objects(objects, found):
    """objects: {room: [paths]}. Base, codecs, wire, core and sim need memory and string functions of libc only; a room
    uses symbols of the rooms that it sees only; every external name begins with shoal_."""
    owner = {}
    for room, paths in objects.items():
        for path, name in nm(paths, "-g", "--defined-only") if paths else ():
            owner[name] = room
            if not name.startswith("shoal_"):
                found.add("objects", path, f"{name} is external and does not begin with shoal_")
    for room in set(IO_FREE) & set(objects):
        # The simulator drives cores through their public functions.
        rooms = ROOMS[room][1] | ({"core"} if room == "sim" else set())
        for path, name in nm(objects[room], "-u") if objects[room] else ():
            place = os.path.basename(path)
            if name in owner:
                if owner[name] not in rooms:
                    found.add("objects", place, f"{room} uses {name} of {owner[name]}")
            elif name in ALLOCATES and place != "alloc.c.o":
                found.add("objects", place, f"{name}: only base/alloc.c calls it")
            elif name not in LIBC and not COMPILER.fullmatch(name):
                found.add("objects", place, f"{room} needs {name}")


def objects(tree, found, build):
    """nm -u of base, codecs, wire, core and sim shows memory and string functions of libc only."""
    by_room = {room: room_objects(build, room) for room in ROOMS}
    for room, paths in by_room.items():
        if not paths:
            found.add("objects", room, f"no objects of this room under {build}")
    check_objects(by_room, found)
    return f"{sum(map(len, by_room.values()))} objects"


def paths(tree, found, build):
    """The include path of a room holds itself and the rooms that it sees: a wrong include does not compile."""
    for room, (_, rooms, _) in ROOMS.items():
        held = set(os.listdir(f"{build}/rooms/{room}"))
        if held != rooms:
            found.add("paths", f"rooms/{room}", f"holds {sorted(held)}, {room} sees {sorted(rooms)}")


def compare_exports(library, declared, found):
    exported = {name.split("@")[0] for _, name in nm([library], "-D", "-g", "--defined-only")}
    for name in sorted(exported - declared):
        found.add("exports", os.path.basename(library), f"{name} is exported and in no header")
    for name in sorted(declared - exported):
        found.add("exports", os.path.basename(library), f"{name} is in a header and not exported")


def exports(tree, found, build):
    """The shared libraries export what the headers declare, no more and no less."""
    everything = {name for name, _, _ in api_rules.functions(tree)}
    core = {name for name, _, _ in api_rules.functions(tree, CORE_HEADERS)} - LINKED_FUNCTIONS
    compare_exports(f"{build}/libshoal.so", everything, found)
    compare_exports(f"{build}/libshoal-core.so", core, found)
    return f"{len(everything)} functions, {len(core)} of them in libshoal-core"
