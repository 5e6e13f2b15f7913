# SPDX-License-Identifier: MIT
"""The ways by which the members of neutral.py reach each other.

Members have numbers, and each number an address of its own, on a loopback address that no other test has: so a restart is
at the same place, and what stands in front of the members is told beforehand where they are.
"""
import os

from harness import Cluster, skip
from certificate import certificate
from nginx import Nginx, page_block, placed

MOST = 6  # members that a test has at once


def name_of(number):
    return f"m{number:02}"


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

    def socket(self, number):
        return f"{self.host}:{7000 + number}"

    def url(self, number, scheme="http"):
        return f"{scheme}://{self.host}:{8000 + number}/{name_of(number)}"

    def bind(self, number):
        """What a member is told to listen on."""
        return self.socket(number)

    def seed(self, number, joiner):
        """How another one joins through it."""
        del joiner
        return self.bind(number)

    def options(self, number):
        """What it is told besides."""
        del number
        return ()

    def token(self):
        """Options of members that have the token."""
        path = os.path.join(self.folder, "token")
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w", encoding="ascii") as file:
            file.write("a-word-that-all-of-them-have\n")
        return ("--token-file", path)

    def said(self):
        """The log of what stands in front of the members."""
        return ""

    def secured(self):
        """Options of members that show a certificate, and take that of the others."""
        crt, key = certificate(self.folder, "own", self.host)
        return ("--tls-cert", crt, "--tls-key", key, "--tls-ca", crt)


class Tcp(Way):
    """Streams only."""

    def options(self, number):
        return ("--transport", "tcp")


class Tls(Way):
    """Streams only, under TLS."""

    def __enter__(self):
        self.more = ("--transport", "tcp", "--tls", *self.secured())
        return self

    def options(self, number):
        return self.more


class Http(Way):
    """Each member at a URL, with a token."""

    def bind(self, number):
        return self.url(number)

    def options(self, number):
        return ("--transport", "http", *self.token())


class Https(Http):
    """The same, each member under TLS by itself."""

    def __enter__(self):
        self.more = self.secured()
        return self

    def bind(self, number):
        return self.url(number, "https")

    def options(self, number):
        return (*super().options(number), *self.more)


class BehindNginx(Http):
    """Members that listen on HTTP behind the nginx of docs/web.md, which ends TLS and gives each of them a path."""

    def __init__(self, folder):
        super().__init__(folder)
        if missing := Nginx.missing():
            skip(f"not here: {missing}")

    def __enter__(self):
        crt, key = certificate(self.folder, "gossip", self.host)
        members = {name_of(n): f"{self.host}:{8000 + n}" for n in range(1, MOST + 1)}
        self.nginx = Nginx(self.folder, placed(page_block(), f"{self.host}:8443", crt, key, members))
        self.nginx.start((self.host, 8443))
        self.ca = crt
        return self

    def __exit__(self, *_):
        self.nginx.stop()

    def seed(self, number, joiner=0):
        return f"https://{self.host}:8443/{name_of(number)}"

    def options(self, number):
        return (*super().options(number), "--advertise", self.seed(number), "--tls-ca", self.ca)

    def said(self):
        return self.nginx.said()


class Mixed(Way):
    """One with sockets only, one with a URL only, and the others with both."""

    def forms(self, number):
        return {2: ("socket",), 3: ("url",)}.get(number, ("socket", "url"))

    def bind(self, number):
        return ",".join(getattr(self, form)(number) for form in self.forms(number))

    def seed(self, number, joiner):
        return self.url(number) if joiner == 3 else self.socket(number)

    def options(self, number):
        return self.token() if "url" in self.forms(number) else ()


WAYS = {"socket": Way, "tcp": Tcp, "tls": Tls, "http": Http, "https": Https, "nginx": BehindNginx, "mixed": Mixed}
# At the end of a test all leave at once, and the last of them finds nobody who confirms it.
HASTY = ("--set", "leave_timeout_ms=300")


class Members(Cluster):
    """Agents m01, m02, and so on, that reach each other in one of these ways."""

    def __init__(self, way, program, folder):
        super().__init__(program, folder)
        self._way = WAYS[way](folder)
        self.streams = way in ("tcp", "tls")  # no datagrams, and watch links

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
        self.spawn(name_of(1), *options, **how)
        for number in range(2, count + 1):
            self.spawn(name_of(number), *options, join=[self._way.seed(1, number)], **how)
        self.until_ready(self.every)
        self.expect_all(self.every, {a.name: "alive" for a in self.every})
        return list(self.every)

    def show(self):
        super().show()
        for line in self._way.said().splitlines()[-40:]:
            print("  in front:", line)

    def add(self, number, *options, through=1, **how):
        """One more, or one once more."""
        return self.start(name_of(number), *options, join=[self._way.seed(through, number)], **how)
