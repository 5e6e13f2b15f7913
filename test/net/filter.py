# SPDX-License-Identifier: MIT
"""Agents in two network namespaces that are made for the test, joined by a pair of virtual devices
that lead nowhere else; packet filter rules on the pair cut one agent off and let it back.

Needs the right to make namespaces and the programs unshare, nsenter, ip and iptables; skipped otherwise.
"""
import os
import shutil
import subprocess
import sys

from harness import LOCAL, Skip, check, main, skip

HERE, THERE = "10.77.0.1", "10.77.0.2"
OPTIONS = (*LOCAL, "--insecure")  # no loopback addresses, and no way out of the namespaces

def inside_a_namespace():
    """Runs this program again in a network namespace of its own, as root there."""
    if os.environ.get("SHOAL_TEST_NAMESPACE"):
        return
    for tool in ("unshare", "nsenter", "ip", "iptables"):
        if not shutil.which(tool):
            skip(f"no {tool} here")
    command = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
        skip("no right to make a network namespace")
    os.environ["SHOAL_TEST_NAMESPACE"] = "1"
    os.execvp(command[0], [*command, sys.executable, "-B", *sys.argv])


class Pair:
    """The second namespace and the devices between the two."""

    def __init__(self):
        self.holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c", "echo up; exec cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.holder.stdout.readline()
        self.there = ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]

    def __enter__(self):
        try:
            self.run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there")
            self.run("ip", "link", "set", "there", "netns", str(self.holder.pid))
        except subprocess.CalledProcessError as problem:
            raise Skip(f"no virtual devices here: {problem.stderr.strip()}") from None
        self.run("ip", "address", "add", HERE + "/30", "dev", "here")
        self.run("ip", "link", "set", "here", "up")
        self.run("ip", "link", "set", "lo", "up")
        self.run(*self.there, "ip", "address", "add", THERE + "/30", "dev", "there")
        self.run(*self.there, "ip", "link", "set", "there", "up")
        self.run(*self.there, "ip", "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        self.holder.kill()
        self.holder.wait()

    @staticmethod
    def run(*command, text=None):
        return subprocess.run(command, input=text, capture_output=True, text=True, check=True)

    def cut(self, *, towards_here, towards_there):
        """Drops what arrives at this end, at the other end, or at both."""
        if towards_here:
            self.run("iptables", "-A", "INPUT", "-i", "here", "-j", "DROP")
        if towards_there:
            self.run(*self.there, "iptables", "-A", "INPUT", "-i", "there", "-j", "DROP")

    def heal(self):
        self.run("iptables", "-F", "INPUT")
        self.run(*self.there, "iptables", "-F", "INPUT")


def an_agent_that_a_packet_filter_cuts_off_is_failed_and_comes_back_when_healed(cluster):
    with Pair() as pair:
        agents = cluster.form(3, *OPTIONS, bind=HERE + ":0")
        far = cluster.start("far", *OPTIONS, bind=THERE + ":0", join=[agents[0].address],
                            around=pair.there)
        everyone = {a.name: "alive" for a in agents + [far]}
        cluster.expect_all(agents + [far], everyone)
        before = {a: int(a.members()["far"]["incarnation"]) for a in agents}
        pair.cut(towards_here=True, towards_there=True)
        cluster.expect(lambda: all(a.heard("failed", "far") for a in agents), "all declare it failed")
        cluster.expect(lambda: all(far.heard("failed", a.name) for a in agents),
                       "it declares all others failed, which it cannot tell from itself")
        cluster.expect_all(agents, {**{a.name: "alive" for a in agents}, "far": "dead"})
        pair.heal()
        cluster.expect_all(agents + [far], everyone)
        cluster.expect(lambda: all(a.heard("alive", "far") for a in agents), "all tell that it is back")
        for agent in agents:
            held = int(agent.members()["far"]["incarnation"])
            check(held > before[agent], f"{agent.name} holds incarnation {held} after {before[agent]}")


def an_agent_that_hears_nothing_is_failed_and_takes_nobody_with_it(cluster):
    """A cut in one direction: what it says of the others arrives, and they contradict it."""
    with Pair() as pair:
        agents = cluster.form(3, *OPTIONS, bind=HERE + ":0")
        far = cluster.start("far", *OPTIONS, bind=THERE + ":0", join=[agents[0].address],
                            around=pair.there)
        everyone = {a.name: "alive" for a in agents + [far]}
        cluster.expect_all(agents + [far], everyone)
        pair.cut(towards_here=False, towards_there=True)
        cluster.expect(lambda: all(a.heard("failed", "far") for a in agents), "all declare it failed")
        for agent in agents:
            cluster.expect_none("failed", agent.name, observers=agents)
        pair.heal()
        cluster.expect_all(agents + [far], everyone)


if __name__ == "__main__":
    inside_a_namespace()
    main()
