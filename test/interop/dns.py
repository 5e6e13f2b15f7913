# SPDX-License-Identifier: MIT
"""Agents that find each other by name, and dnsmasq, which says where they are."""
import os
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../net"))
from harness import LOCAL, Failure, Skip, check, main  # noqa: E402

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


class NameServer:
    """A dnsmasq on a port of the loopback that was free; it knows its options and its hosts file, and nobody else to ask."""

    def __init__(self, cluster, *options, hosts=()):
        self._program = shutil.which("dnsmasq", path=PATH)
        if not self._program:
            raise Skip("dnsmasq is not here")
        self._hosts = os.path.join(cluster.folder, "hosts")
        self._log = os.path.join(cluster.folder, "dnsmasq.log")
        self.write(hosts)
        self._options = ("--no-daemon", "--conf-file=/dev/null", "--pid-file", "--no-resolv", "--no-hosts", "--no-negcache",
                         "--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/", "--log-queries",
                         f"--addn-hosts={self._hosts}", *options)
        for _ in range(10):  # the port that is free for UDP may be taken for TCP, or meanwhile
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
            command = ["setpriv", "--pdeathsig", "KILL", self._program, f"--port={self.port}", *self._options]
            with open(self._log, "wb") as log:
                self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            if cluster.until(lambda: self.listens() or self._process.poll() is not None, 30) and self.listens():
                return
            self.__exit__()
        raise Failure(f"dnsmasq does not run: {self.log()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def listens(self):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as link:
            return link.connect_ex(("127.0.0.1", self.port)) == 0

    def write(self, hosts):
        with open(self._hosts, "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in hosts)

    def tell(self, hosts):
        """Other addresses from now on."""
        self.write(hosts)
        self._process.send_signal(signal.SIGHUP)

    def log(self):
        with open(self._log, encoding="utf-8", errors="replace") as file:
            return file.read()

    @property
    def asks(self):
        """What makes an agent ask here."""
        return (*LOCAL, "--set", f"dns=127.0.0.1:{self.port}")


def an_agent_finds_the_others_by_the_records_of_a_service(cluster):
    first = cluster.start("first", *LOCAL)
    with NameServer(cluster,
                    # Nobody listens at the first two; the third has the higher number.
                    "--srv-host=_shoal._tcp.example.test,down.test,1,10,5", "--srv-host=_shoal._tcp.example.test,gone.test,1,10,5",
                    f"--srv-host=_shoal._tcp.example.test,up.test,{first.port},20,5", "--srv-host=_shoal._tcp.off.test",
                    hosts=["127.0.0.9 down.test", "127.0.0.1 up.test", "::1 up.test"]) as server:
        second = cluster.spawn("second", *server.asks, join=["srv+_shoal._tcp.example.test"])
        third = cluster.spawn("third", *server.asks, "--set", "family=ipv4-first", join=["srv+off.test", "srv+example.test"])
        agents = [second, third]
        cluster.until_ready(agents)
        cluster.expect_all([first, *agents], {a.name: "alive" for a in [first, *agents]})
        for kind in ("SRV", "A", "AAAA"):
            check(f"query[{kind}]" in server.log(), f"dnsmasq was not asked for {kind}: {server.log()}")


def an_agent_says_how_each_name_failed_and_joins_once_the_answer_is_another(cluster):
    first = cluster.start("first", *LOCAL)
    many = [f"127.1.{i >> 8}.{i & 255} huge.test" for i in range(2000)]
    with NameServer(cluster, hosts=["127.0.0.9 moving.test", *many]) as server:
        late = cluster.start("late", *server.asks, "--set", "heal_interval_ms=500")
        seeds = {
            f"moving.test:{first.port}": f" at 127.0.0.9:{first.port}: connection refused",
            "nobody.test": ": host name could not be resolved: there is no such name (NXDOMAIN)",
            "srv+_x._tcp.nobody.test": ": host name could not be resolved: there is no such name (NXDOMAIN)",
            "srv+moving.test": ": host name could not be resolved: ",
            "srv+abroad.example": ": host name could not be resolved: the name server refuses to answer (REFUSED)"}
        ended = cluster.run("join", "--socket", late.socket_path, *seeds)
        check(ended.returncode != 0, f"a join has succeeded: {ended.stdout}")
        for seed, reason in seeds.items():
            check(seed + reason in ended.stderr, f"{seed}{reason} is not in: {ended.stderr}")
        ended = cluster.run("join", "--socket", late.socket_path, "huge.test:1")
        check("huge.test:1 at 127.1." in ended.stderr, f"huge.test:1 is not in: {ended.stderr}")
        check("huge.test has 2000 addresses, of which the first 32 are tried" in late.log(), "the log says what is not tried")
        server.tell(["127.0.0.1 moving.test"])
        cluster.expect_all([first, late], {"first": "alive", "late": "alive"})


if __name__ == "__main__":
    main()
