# SPDX-License-Identifier: MIT
"""An agent behind a router that translates its address and its ports, as the one of a home or of a container network
does: it dials out, from another port each time, and nobody can dial it.

Needs what filter.py needs, and the packet filter's translation of addresses; skipped otherwise.
"""
import signal
import subprocess

from filter import HERE, OPTIONS, THERE, Pair, inside_a_namespace
from harness import LOCAL, Skip, check, main
from seal import keyring
from wall import diagnoses

INNER, ROUTER = "10.78.0.2", "10.78.0.1"
FORGETS = 3  # seconds after which the router forgets of what nothing came


class Router(Pair):
    """The other namespace is the router, a third one is behind it."""

    def __init__(self):
        super().__init__()
        self.inner = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", "echo up; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.inner.stdout.readline()
        self.inside = ["nsenter", f"--net=/proc/{self.inner.pid}/ns/net"]

    def __enter__(self):
        super().__enter__()
        self.run(*self.there, "ip", "link", "add", "home", "type", "veth", "peer", "name", "wan")
        self.run(*self.there, "ip", "link", "set", "wan", "netns", str(self.inner.pid))
        self.run(*self.there, "ip", "address", "add", ROUTER + "/30", "dev", "home")
        self.run(*self.there, "ip", "link", "set", "home", "up")
        self.run(*self.inside, "ip", "address", "add", INNER + "/30", "dev", "wan")
        self.run(*self.inside, "ip", "link", "set", "wan", "up")
        self.run(*self.inside, "ip", "link", "set", "lo", "up")
        self.run(*self.inside, "ip", "route", "add", "default", "via", ROUTER)
        # What is for the inner address comes to the router, and goes no further.
        self.run("ip", "route", "add", INNER + "/32", "via", THERE)
        try:
            self.set("net.ipv4.ip_forward", 1)
            for name in ("udp_timeout", "udp_timeout_stream"):
                self.set("net.netfilter.nf_conntrack_" + name, FORGETS)
            self.run(*self.there, "iptables", "-A", "FORWARD", "-i", "there", "-m", "conntrack", "--ctstate", "NEW",
                     "-j", "DROP")
            self.run(*self.there, "iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "there", "-j", "MASQUERADE",
                     "--random-fully")
        except subprocess.CalledProcessError as problem:
            raise Skip(f"no translation of addresses here: {problem.stderr.strip()}") from None
        return self

    def __exit__(self, *how):
        self.inner.kill()
        self.inner.wait()
        super().__exit__(*how)

    def set(self, name, value):
        self.run(*self.there, "sh", "-c", f"echo {value} > /proc/sys/{name.replace('.', '/')}")


    def forward(self, port):
        """What comes to this port of the router goes to the same one inside."""
        self.run(*self.there, "iptables", "-I", "FORWARD", "-m", "conntrack", "--ctstate", "DNAT", "-j", "ACCEPT")
        for protocol in "tcp", "udp":
            self.run(*self.there, "iptables", "-t", "nat", "-A", "PREROUTING", "-i", "there", "-p", protocol, "--dport",
                     str(port), "-j", "DNAT", "--to-destination", f"{INNER}:7946")


def admitted(cluster, agents, far):
    """All see all, and that this one is reached by its own links only; nobody is accused meanwhile."""
    everyone = agents + [far]
    cluster.expect_all(everyone, {a.name: "alive" for a in everyone})
    wanted = {a.name: None for a in agents} | {far.name: "inbound only"}
    for agent in everyone:
        cluster.expect(lambda a=agent: diagnoses(a) == wanted, f"{agent.name} shows {wanted}")
        cluster.expect_none("failed", observers=[agent])


def an_agent_behind_a_router_that_translates_it_takes_part_and_is_failed_when_killed(cluster):
    options = (*LOCAL, "--keyring", keyring(cluster))
    with Router() as router:
        agents = cluster.form(5, *options, bind=HERE + ":0")
        how = {"bind": INNER + ":0", "join": [agents[0].address], "around": router.inside}
        far = cluster.start("far", *options, "--meta", "place=home", **how)
        admitted(cluster, agents, far)
        check(all(a.members()["far"]["meta"] == {"place": "home"} for a in agents), "its metadata is told")
        for agent in agents:
            done = subprocess.run(
                [cluster.program, "request", "far", "200", "x", "--timeout", "60s", "--socket", agent.socket_path],
                capture_output=True, text=True, timeout=90, check=False)
            check("nobody handles requests of this type there" in done.stderr, f"{agent.name} asks: {done.stderr}")
        far.signal(signal.SIGKILL)
        cluster.expect_all(agents, {"far": "dead"})
        far = cluster.start("far", *options, **how)
        cluster.expect_all(agents + [far], {a.name: "alive" for a in agents + [far]})
        far.signal(signal.SIGTERM)
        cluster.expect(lambda: not far.running, "it leaves")
        cluster.expect_all(agents, {"far": "left"})


def an_agent_behind_a_forwarded_port_is_reached_at_what_it_advertises(cluster):
    with Router() as router:
        router.forward(17946)
        agents = cluster.form(3, *OPTIONS, bind=HERE + ":0")
        far = cluster.start("far", *OPTIONS, "--advertise", f"{THERE}:17946", bind=INNER + ":7946",
                            join=[agents[0].address], around=router.inside)
        everyone = agents + [far]
        cluster.expect_all(everyone, {a.name: "alive" for a in everyone})
        cluster.expect(lambda: all(a.members()["far"]["rtt_ms"] is not None for a in agents), "it is pinged at that port")
        cluster.until(lambda: False, 4)
        for agent in everyone:
            cluster.expect_none("suspect", observers=[agent])
            check(set(diagnoses(agent).values()) == {None}, f"{agent.name} finds nothing wrong")
        far.signal(signal.SIGKILL)
        cluster.expect_all(agents, {"far": "dead"})


def an_agent_without_keys_behind_a_router_is_reached_where_it_advertises_that(cluster):
    """Its links come from that address, and from whichever port."""
    with Router() as router:
        agents = cluster.form(4, *OPTIONS, bind=HERE + ":0")
        far = cluster.start("far", *OPTIONS, "--advertise", THERE, bind=INNER + ":0", join=[agents[0].address],
                            around=router.inside)
        admitted(cluster, agents, far)
        cluster.until(lambda: False, 4)
        for agent in agents + [far]:
            cluster.expect_none("failed", observers=[agent])
        far.signal(signal.SIGKILL)
        cluster.expect_all(agents, {"far": "dead"})


if __name__ == "__main__":
    inside_a_namespace()
    main()
