# SPDX-License-Identifier: MIT
"""The death watch when its links are cut, one of them or all three of a member's: nobody is found dead by that, and
who dies meanwhile is found.

Needs what filter.py needs; skipped otherwise.
"""
import os

from filter import HERE, OPTIONS, THERE, Pair, inside_a_namespace
from harness import check, main
from watch import killed, links_up
from watch_filter import QUICK_LINKS, lives_on

# The order of these ids in the ring: each is watched by the three before it.
RING = (4, 8, 1, 6, 7, 3, 2, 5)
SUBJECT = 2


def connections(agent):
    """Its established connections: {(its own port, the other's port)}."""
    folder = f"/proc/{agent.process.pid}"
    held = set()
    for entry in os.listdir(f"{folder}/fd"):
        try:
            held.add(os.readlink(f"{folder}/fd/{entry}"))
        except FileNotFoundError:
            pass
    found = set()
    with open(f"{folder}/net/tcp", encoding="ascii") as table:
        for line in table.readlines()[1:]:
            fields = line.split()
            if fields[3] == "01" and f"socket:[{fields[9]}]" in held:
                found.add(tuple(int(end.rpartition(":")[2], 16) for end in fields[1:3]))
    return found


def lasting(cluster, agents):
    """Of each, what outlives other exchanges, whose connections are closed after a second: the watch links."""
    before = [connections(a) for a in agents]
    cluster.until(lambda: False, 4)
    return [held & connections(a) for held, a in zip(before, agents)]


def watched_by(cluster, subject, watchers):
    def all_are(held):
        return all(any(end[1] == subject.port for end in ends) for ends in held)

    cluster.expect(lambda: all_are(map(connections, watchers)) and all_are(lasting(cluster, watchers)),
                   f"{subject.name} is watched by {', '.join(a.name for a in watchers)}")


def watchers_of(subject, ring):
    at = ring.index(subject)
    return [ring[at - back] for back in (1, 2, 3)]


def a_member_whose_three_watchers_are_cut_off_lives_on_and_is_found_when_killed(cluster):
    watchers = watchers_of(SUBJECT, RING)
    with Pair() as pair:
        agents = {}
        for number in RING:
            far = number in watchers
            agents[number] = cluster.spawn(
                f"n{number}", *OPTIONS, *QUICK_LINKS, "--set", "idle_timeout_ms=1000",
                "--id", f"{number:02x}" * 4 + ("-" + f"{number:02x}" * 2) * 3 + "-" + f"{number:02x}" * 6,
                bind=(THERE if far else HERE) + ":0", around=pair.there if far else (),
                join=[agents[RING[0]].address] if agents else [])
            cluster.until_ready([agents[number]])
        everyone = list(agents.values())
        cluster.expect_all(everyone, {a.name: "alive" for a in everyone})
        subject = agents[SUBJECT]
        gone = [agents[number] for number in watchers]
        near = [a for a in everyone if a not in gone]
        watched_by(cluster, subject, gone)
        pair.cut(towards_here=True, towards_there=True)
        cluster.expect(lambda: all(near[0].states()[a.name] == "dead" for a in gone), "the watchers are declared failed")
        cluster.expect_none("failed", subject.name, observers=near)
        check(all(a.counters()["watch_verdicts"] == 0 for a in everyone), "there was a verdict on the living")
        left = [number for number in RING if number not in watchers]
        watched_by(cluster, subject, [agents[number] for number in watchers_of(SUBJECT, left)])
        causes = killed(cluster, near, subject)
        check("refused" in causes, f"nobody was refused: {causes}")
        pair.heal()
        living = [a for a in everyone if a is not subject]
        cluster.expect_all(living, {**{a.name: "alive" for a in living}, subject.name: "dead"})
        for agent in near:
            cluster.expect_none("failed", agent.name if agent.running else "nobody", observers=near)


def a_link_dropped_between_two_healthy_members_is_made_anew_and_ends_nobody(cluster):
    with Pair() as pair:
        agents = cluster.form(5, *OPTIONS, *QUICK_LINKS, "--set", "idle_timeout_ms=1000", bind=HERE + ":0")
        links_up(cluster, agents)
        ports = {a.port for a in agents}
        own, other = next(end for end in sorted(lasting(cluster, agents[:1])[0]) if end[1] in ports)
        down = agents[0].counters()["watch_links_down"]
        pair.run("iptables", "-A", "INPUT", "-p", "tcp", "--sport", str(own), "--dport", str(other),
                 "-j", "REJECT", "--reject-with", "tcp-reset")
        cluster.expect(lambda: agents[0].counters()["watch_links_down"] > down, "the link ends")
        cluster.expect(lambda: agents[0].counters()["watch_answered"] > 0, "its watcher checks, and gets an answer")
        cluster.expect(lambda: any(end[1] == other for end in connections(agents[0]) if end[0] != own),
                       "the watcher makes another one")
        lives_on(cluster, agents, 5)
        check(all(a.counters()["watch_verdicts"] == 0 for a in agents), "there was a verdict")
        links_up(cluster, agents)


if __name__ == "__main__":
    inside_a_namespace()
    main()
