# SPDX-License-Identifier: MIT
"""The files of the project as the house rules see them, and the list of what was found."""
import os
import re

IGNORED_DIRS = {".git", "build", "__pycache__", ".cache"}
BINARY_DIRS = ("test/fuzz/corpus",)

# Rooms from the bottom up: folder, rooms that it may include, public headers that belong to it.
ROOMS = {
    "base": ("lib/base", {"base"}, {"types", "error", "log", "version", "metrics", "profile", "cursor"}),
    "codecs": ("codecs", {"base", "codecs"}, {"codec"}),
    "wire": ("lib/wire", {"base", "wire"}, {"value", "packet", "document", "keyring"}),
    "core": ("lib/core", {"base", "wire", "core"}, {"core", "record"}),
    "sim": ("lib/sim", {"base", "wire", "sim"}, {"sim", "swarm"}),
    "transports": ("transports", {"base", "transports"}, {"transport", "resolver"}),
    "cluster": ("lib/cluster", {"base", "transports", "cluster"}, {"config", "member", "message", "metadata", "cluster", "shoal", "why"}),
}
# Public headers that a room may include: its own and those of the rooms named here.
SEES_HEADERS_OF = {
    "base": {"base"},
    "codecs": {"base", "codecs"},
    "wire": {"base", "codecs", "wire"},
    "core": {"base", "codecs", "wire", "core"},
    "sim": {"base", "wire", "core", "sim"},
    "transports": {"base", "transports"},
    "cluster": {"base", "codecs", "wire", "core", "transports", "cluster"},
}
IO_FREE = ("base", "codecs", "wire", "core", "sim")
# What stands on libraries of others, in libshoal only.
LINKED = ("codecs/snappy.c", "codecs/aes_gcm.c")
LINKED_FUNCTIONS = {"shoal_compressor_snappy", "shoal_cipher_aes_gcm"}
# Doubles are values of applications, which the protocol hands on and never reckons with.
DOUBLES_ROOM = "codecs"
DOUBLES = ("include/shoal/codec.h", "include/shoal/document.h", "include/shoal/metadata.h",
           "include/shoal/value.h", "lib/wire/decoder.c", "lib/wire/encoder.c", "lib/wire/value.h",
           "lib/wire/value_access.c")
# What libshoal-core is made of: these rooms export exactly what their headers declare.
CORE_HEADERS = {header for room in IO_FREE for header in ROOMS[room][2]}


class Findings:
    """What breaks a rule: (rule, place, text)."""

    def __init__(self):
        self.list = []

    def add(self, rule, place, text):
        self.list.append((rule, place, text))

    def of(self, rule):
        return [(place, text) for name, place, text in self.list if name == rule]


class Tree:
    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.paths = sorted(self._walk())
        self._text = {}

    def _walk(self):
        for folder, folders, files in os.walk(self.root):
            folders[:] = [f for f in folders if f not in IGNORED_DIRS and not f.startswith("cmake-build-")]
            for name in files:
                path = os.path.relpath(os.path.join(folder, name), self.root)
                if not name.endswith(".pyc") and name != "compile_commands.json":
                    yield path

    def full(self, path):
        return os.path.join(self.root, path)

    def text(self, path):
        if path not in self._text:
            with open(self.full(path), encoding="utf-8", errors="surrogateescape") as file:
                self._text[path] = file.read()
        return self._text[path]

    def under(self, *folders, ext=(".c", ".h")):
        return [p for p in self.paths if p.endswith(ext) and p.startswith(tuple(f + "/" for f in folders))]

    def sources(self):
        """Every text file that somebody wrote."""
        return [p for p in self.paths if not p.startswith(BINARY_DIRS)]

    def room_files(self, room):
        return self.under(ROOMS[room][0])

    def code(self, path):
        """The text without comments and the insides of strings; lines keep their numbers."""
        return strip_comments(self.text(path))


_TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def strip_comments(text):
    def blank(match):
        token = match.group(0)
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        return token[0] + token[0]
    return _TOKEN.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1
