# SPDX-License-Identifier: MIT
"""The ways by which the members of neutral.py reach each other.

Members have numbers, and each number an address of its own, on a loopback address that no other test has: so a restart is
at the same place, and what stands in front of the members is told beforehand where they are.
"""
import os

from harness import Cluster


class Way:
    """UDP and TCP by size of the packet: what a member without a word about it has."""

    def __init__(self, folder):
        self.folder = folder
        pid = os.getpid()
        self.host = f"127.{1 + (pid >> 16)}.{pid >> 8 & 255}.{pid & 255}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def port(self, number):
        return 7000 + number

    def bind(self, number):
        """What a member is told to listen on."""
        return f"{self.host}:{self.port(number)}"

    def seed(self, number):
        """How others join through it."""
        return self.bind(number)

    def options(self, number):
        """What it is told besides."""
        del number
        return ()


WAYS = {"socket": Way}
# At the end of a test all leave at once, and the last of them finds nobody who confirms it.
HASTY = ("--set", "leave_timeout_ms=300")


class Members(Cluster):
    """Agents m01, m02, and so on, that reach each other in one of these ways."""

    def __init__(self, way, program, folder):
        super().__init__(program, folder)
        self._way = WAYS[way](folder)

    def __enter__(self):
        self._way.__enter__()
        return super().__enter__()

    def __exit__(self, *how):
        super().__exit__(*how)
        self._way.__exit__(*how)

    def spawn(self, name, *options, join=(), **how):
        number = int(name[1:])
        return super().spawn(name, *self._way.options(number), *HASTY, *options, bind=self._way.bind(number), join=join, **how)

    def form(self, count, *options, **how):
        """The same as of any agents; each joins through the first one."""
        self.spawn("m01", *options, **how)
        for number in range(2, count + 1):
            self.spawn(f"m{number:02}", *options, join=[self._way.seed(1)], **how)
        self.until_ready(self.every)
        self.expect_all(self.every, {a.name: "alive" for a in self.every})
        return list(self.every)

    def add(self, number, *options, through=1, **how):
        """One more, or one once more."""
        return self.start(f"m{number:02}", *options, join=[self._way.seed(through)], **how)
