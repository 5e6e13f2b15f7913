# SPDX-License-Identifier: MIT
"""An agent that can dial and cannot be dialled, behind a firewall that lets in what it asked for, or not even that where
it comes in datagrams: shown as such by all, alive, and failed when it is killed.

Needs what filter.py needs, and the packet filter's connection tracking; skipped otherwise.
"""
import signal
import subprocess

from filter import HERE, OPTIONS, THERE, Pair, inside_a_namespace
from agents import exchange
from harness import Skip, check, main

ANSWERS = ("-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "ACCEPT")


class Wall(Pair):
    """The other namespace behind a firewall."""

    def close(self, *refusal, datagrams=True):
        """New connections and datagrams that answer nothing meet this; datagrams False: all datagrams are dropped."""
        rule = ("iptables", "-A", "INPUT", "-i", "there")
        try:
            if not datagrams:
                self.run(*self.there, *rule, "-p", "udp", "-j", "DROP")
            self.run(*self.there, *rule, *ANSWERS)
            self.run(*self.there, *rule, *refusal)
        except subprocess.CalledProcessError as problem:
            raise Skip(f"no connection tracking here: {problem.stderr.strip()}") from None


def diagnoses(agent):
    return {name: member["diagnosis"] for name, member in agent.members().items()}


def admitted(cluster, agents, far):
    """All see all, and that this one is reached by its own links only; so does it itself."""
    cluster.expect_all(agents + [far], {a.name: "alive" for a in agents + [far]})
    wanted = {**{a.name: None for a in agents}, far.name: "inbound only"}
    for agent in agents + [far]:
        cluster.expect(lambda a=agent: diagnoses(a) == wanted, f"{agent.name} shows {wanted}")


def stays(cluster, agents, far, seconds=8):
    before = {a: a.counters()["probes_acked"] for a in agents}
    cluster.until(lambda: False, seconds)
    for agent in agents + [far]:
        cluster.expect_none("failed", observers=[agent])
        check(diagnoses(agent)[far.name] == "inbound only", f"{agent.name} has lost the diagnosis")
    check(all(a.counters()["probes_acked"] > before[a] for a in agents), "somebody's probes are not answered")
    check(sum(a.counters()["link_pings"] for a in agents) > 0, "nobody pinged down a link of it")


def complains(cluster, agent, what):
    """It says itself, in its log, in its info and as a metric, that peers cannot reach it, and in which ways."""
    states = {"datagrams": "no datagrams", "streams": "no streams", "datagrams or on streams": "not reached"}
    cluster.expect(lambda: agent.get("/v1/info")["reach"]["state"] == states[what], f"its info says {states[what]}")
    check(agent.get("/v1/info")["reach"]["peers"] >= 2, "two peers at least")
    line = f"peers cannot reach me at {agent.address}: "
    told = [text for text in agent.log().splitlines() if line in text]
    check(len(told) == 1 and f"{what}" in told[0] and "warn" in told[0], f"its log says so once: {told}")
    metrics = exchange(agent.socket_path, "/metrics")[1].decode()
    for way in "datagram", "stream":
        check(f'shoal_unreached{{by="{way}"}} {int(way in what)}\n' in metrics, f"the metric of {way}s says so")


def reached_again(cluster, agent):
    cluster.expect(lambda: f"peers reach me at {agent.address} again" in agent.log(), "its log says when it has ended")
    check(agent.get("/v1/info")["reach"] == {"state": "reached", "peers": 0}, "so does its info")


def an_agent_to_which_no_datagram_gets_says_so_and_when_that_has_ended(cluster):
    with Wall() as wall:
        agents = cluster.form(3, *OPTIONS, bind=HERE + ":0")
        far = cluster.start("far", *OPTIONS, bind=THERE + ":0", join=[agents[0].address], around=wall.there)
        cluster.expect_all(agents + [far], {a.name: "alive" for a in agents + [far]})
        wall.run(*wall.there, "iptables", "-A", "INPUT", "-i", "there", "-p", "udp", "-j", "DROP")
        complains(cluster, far, "datagrams")
        wall.heal()
        reached_again(cluster, far)
        for agent in agents + [far]:
            cluster.expect_none("failed", observers=[agent])
            check(agent is far or "cannot reach me" not in agent.log(), f"{agent.name} is reached")


def behind(cluster, wall, *refusal, datagrams=True):
    """Five agents, and one behind such a wall."""
    agents = cluster.form(5, *OPTIONS, bind=HERE + ":0")
    wall.close(*refusal, datagrams=datagrams)
    far = cluster.start("far", *OPTIONS, bind=THERE + ":0", join=[agents[0].address], around=wall.there)
    admitted(cluster, agents, far)
    complains(cluster, far, "streams" if datagrams else "datagrams or on streams")
    stays(cluster, agents, far)
    return agents, far


def killed(cluster, agents, far):
    far.expected_to_end = True
    far.signal(signal.SIGKILL)
    cluster.expect_all(agents, {far.name: "dead"})


def an_agent_behind_a_firewall_that_drops_is_shown_so_and_failed_when_killed(cluster):
    with Wall() as wall:
        killed(cluster, *behind(cluster, wall, "-j", "DROP"))


def an_agent_behind_a_firewall_that_rejects_is_shown_so_and_failed_when_killed(cluster):
    with Wall() as wall:
        killed(cluster, *behind(cluster, wall, "-j", "REJECT"))


def an_agent_to_which_no_datagram_gets_is_reached_by_its_own_links_and_failed_when_killed(cluster):
    with Wall() as wall:
        killed(cluster, *behind(cluster, wall, "-j", "DROP", datagrams=False))


def an_agent_to_which_no_datagram_gets_leaves(cluster):
    with Wall() as wall:
        agents, far = behind(cluster, wall, "-j", "DROP", datagrams=False)
        far.expected_to_end = True
        far.signal(signal.SIGTERM)
        cluster.expect(lambda: not far.running, "far ends")
        check(far.process.returncode == 0, f"far ended with {far.process.returncode}")
        cluster.expect_all(agents, {far.name: "left"})
        cluster.expect_none("failed", far.name)


def what_anybody_says_to_one_behind_a_firewall_gets_there(cluster):
    """Three have its links, two ask them for one."""
    with Wall() as wall:
        agents, far = behind(cluster, wall, "-j", "DROP")
        ends = []
        for agent in agents:
            done = subprocess.run(
                [cluster.program, "request", far.name, "200", "x", "--timeout", "100s", "--socket", agent.socket_path],
                capture_output=True, text=True, timeout=200, check=False)
            ends.append(done.stderr)
        check(all("nobody handles requests of this type there" in end for end in ends), f"all are answered: {ends}")
        check(far.counters()["calls_served"] == 2, "two asked for a link")
        check(sum(a.counters()["calls_up"] for a in agents) == 2, "and have one")
        large = "x" * 50000
        for agent in agents:
            for reliable in ([], ["--reliable"]):
                subprocess.run([cluster.program, "send", far.name, "200", large, *reliable, "--socket", agent.socket_path],
                               check=True, timeout=60)
        cluster.expect(lambda: far.counters()["messages_in"] >= 3 * len(agents), "all messages are taken")


def an_agent_whose_firewall_opens_can_be_dialled_again(cluster):
    with Wall() as wall:
        agents, far = behind(cluster, wall, "-j", "DROP")
        wall.heal()
        cluster.expect(lambda: all(diagnoses(a)[far.name] is None for a in agents + [far]),
                       "nobody shows the diagnosis", 150)
        reached_again(cluster, far)
        cluster.expect_none("failed", far.name)


if __name__ == "__main__":
    inside_a_namespace()
    main()
