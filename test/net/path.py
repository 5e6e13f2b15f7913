# SPDX-License-Identifier: MIT
"""Agents in two network namespaces between which large datagrams do not pass: because the devices say so, or, as
where a filter on the way drops what routers have to say about it, without a word.

Needs what filter.py needs; skipped otherwise.
"""
import subprocess

from filter import HERE, OPTIONS, THERE, Pair, inside_a_namespace
from harness import Skip, check, main

MTU = 900  # less than a datagram of 1,400 and of 1,232 bytes, more than one of 508


def probed(cluster, agents, rounds):
    """Waits until each has begun so many probes more."""
    goal = {a: a.counters()["probes"] + rounds for a in agents}
    cluster.expect(lambda: all(a.counters()["probes"] >= n for a, n in goal.items()), "probes go on")


def forms_and_stays(cluster, pair):
    """Two agents on either side; nobody is lost, and each finds out what the way to the others takes."""
    near = cluster.form(2, *OPTIONS, bind=HERE + ":0")
    far = [cluster.start(f"far-{i}", *OPTIONS, bind=THERE + ":0", join=[near[0].address], around=pair.there)
           for i in range(2)]
    agents = near + far
    everyone = {a.name: "alive" for a in agents}
    cluster.expect_all(agents, everyone)
    # Two agents on the other side, each in two steps or at once.
    cluster.expect(lambda: all(a.counters()["paths_lowered"] >= 2 for a in agents),
                   "all send smaller datagrams to the other side")
    probed(cluster, agents, 12)
    cluster.expect_all(agents, everyone)
    for agent in agents:
        cluster.expect_none("failed", agent.name, observers=agents)
    # A newcomer is known to all, whatever else they have to tell.
    agents.append(cluster.start("late", *OPTIONS, bind=THERE + ":0", join=[near[1].address], around=pair.there))
    everyone["late"] = "alive"
    cluster.expect_all(agents, everyone)


def agents_form_a_cluster_over_a_link_with_a_small_mtu(cluster):
    with Pair() as pair:
        pair.run("ip", "link", "set", "here", "mtu", str(MTU))
        pair.run(*pair.there, "ip", "link", "set", "there", "mtu", str(MTU))
        forms_and_stays(cluster, pair)


def agents_form_a_cluster_over_a_black_hole_for_large_datagrams(cluster):
    with Pair() as pair:
        drop = ("iptables", "-A", "INPUT", "-p", "udp", "-m", "length", "--length", f"{MTU + 1}:65535", "-j", "DROP")
        try:
            pair.run(*drop)
            pair.run(*pair.there, *drop)
        except subprocess.CalledProcessError as problem:
            raise Skip(f"the packet filter cannot match lengths: {problem.stderr.strip()}") from None
        forms_and_stays(cluster, pair)
        check(pair.run("iptables", "-L", "INPUT", "-v", "-n").stdout.count("DROP") == 1, "the rule is gone")


if __name__ == "__main__":
    inside_a_namespace()
    main()
