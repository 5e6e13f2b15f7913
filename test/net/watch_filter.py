# SPDX-License-Identifier: MIT
"""The death watch between network namespaces: nothing that a packet filter, a firewall that forgets, or forged ICMP
does to a living process looks like its death.

Needs what filter.py needs; skipped otherwise.
"""
import signal
import socket
import struct
import time

from filter import HERE, OPTIONS, THERE, Pair, inside_a_namespace
from harness import check, main
from watch import killed, links_up

QUICK_LINKS = ("--set", "link_idle_ms=1000")  # the kernel tries a silent link after one second


def far_among_three(cluster, pair, *options):
    """Three agents on this side and one on the other, with their links."""
    near = cluster.form(3, *OPTIONS, *QUICK_LINKS, *options, bind=HERE + ":0")
    far = cluster.start("far", *OPTIONS, *QUICK_LINKS, *options, bind=THERE + ":0", join=[near[0].address],
                        around=pair.there)
    cluster.expect_all(near + [far], {a.name: "alive" for a in near + [far]})
    return near, far


def lives_on(cluster, agents, seconds):
    cluster.until(lambda: False, seconds)
    for agent in agents:
        cluster.expect_none("failed", agent.name)


def an_agent_behind_a_pair_of_devices_is_known_by_refusals_when_killed(cluster):
    """With the kernel's own limit on ICMP: what counts are the answers to connects, which it does not limit."""
    with Pair() as pair:
        near, far = far_among_three(cluster, pair)
        links_up(cluster, near + [far])
        causes = killed(cluster, near + [far], far)
        check("refused" in causes, f"nobody was refused: {causes}")


def an_agent_whose_host_rejects_udp_and_serves_tcp_is_never_dead(cluster):
    with Pair() as pair:
        near, far = far_among_three(cluster, pair)
        links_up(cluster, near + [far])
        pair.run(*pair.there, "iptables", "-A", "INPUT", "-i", "there", "-p", "udp", "-j", "REJECT")
        cluster.expect(lambda: any(a.counters()["refusals"] > 0 for a in near), "datagrams are refused")
        lives_on(cluster, near + [far], 10)
        pair.heal()
        cluster.expect_all(near + [far], {a.name: "alive" for a in near + [far]})


def an_agent_whose_host_rejects_tcp_and_serves_udp_is_never_dead(cluster):
    """While its links are up, which are reset so; and from the start, when none comes up."""
    reset = ("-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
    with Pair() as pair:
        near, far = far_among_three(cluster, pair)
        links_up(cluster, near + [far])
        pair.run(*pair.there, "iptables", "-A", "INPUT", "-i", "there", *reset)
        cluster.expect(lambda: sum(a.counters()["watch_answered"] for a in near) > 0,
                       "a watcher checks, and gets an answer")
        lives_on(cluster, near + [far], 10)
        check(all(a.counters()["watch_verdicts"] == 0 for a in near), "there was a verdict")
        pair.heal()
        links_up(cluster, near + [far])
        far.expected_to_end = True
        far.signal(signal.SIGTERM)
        cluster.expect(lambda: not far.running, "far ends")
        pair.run(*pair.there, "iptables", "-A", "INPUT", "-i", "there", *reset[:2], "--syn", *reset[2:])
        shut = cluster.start("shut", *OPTIONS, *QUICK_LINKS, bind=THERE + ":0", join=[near[0].address],
                             around=pair.there)
        cluster.expect_all(near + [shut], {a.name: "alive" for a in near + [shut]})
        lives_on(cluster, near + [shut], 10)


def an_expired_firewall_state_ends_links_and_nobody(cluster):
    """Links whose packets are lost without a word: the kernel's keep-alive ends them, which is a hint only."""
    with Pair() as pair:
        near, far = far_among_three(cluster, pair)
        links_up(cluster, near + [far])
        drop = ("iptables", "-A", "INPUT", "-p", "tcp", "!", "--syn", "-j", "DROP")
        pair.run(*drop[:3], "-i", "here", *drop[3:])
        pair.run(*pair.there, *drop)
        cluster.expect(lambda: any(a.counters()["watch_links_down"] > 0 for a in near), "links fall silent and end")
        pair.heal()
        links_up(cluster, near + [far])
        check(all(a.counters()["watch_verdicts"] == 0 for a in near + [far]), "there was a verdict")
        for agent in near + [far]:
            cluster.expect_none("failed", agent.name)


def refusal(of, at):
    """An ICMP port unreachable, as if `of` had refused a datagram of `at`: both {ip, port}."""
    def checksum(data):
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        total = (total & 0xffff) + (total >> 16)
        return ~(total + (total >> 16)) & 0xffff

    udp = struct.pack("!HHHH", at[1], of[1], 36, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 56, 1, 0, 64, 17, 0, socket.inet_aton(at[0]), socket.inet_aton(of[0]))
    body = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:] + udp
    head = struct.pack("!BBHI", 3, 3, 0, 0)
    return struct.pack("!BBHI", 3, 3, checksum(head + body), 0) + body


def a_thousand_forged_refusals_of_every_agent_to_every_agent_do_nothing(cluster):
    with Pair():
        agents = cluster.form(5, *OPTIONS, bind=HERE + ":0")
        links_up(cluster, agents)
        begun = time.monotonic()
        before = {a: a.counters() for a in agents}
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
            for _ in range(1000 // (len(agents) - 1) + 1):
                for at in agents:
                    for of in agents:
                        if of is not at:
                            raw.sendto(refusal((HERE, of.port), (HERE, at.port)), (HERE, 0))
        cluster.expect(lambda: all(a.counters()["refusals"] - before[a]["refusals"] >= 100 for a in agents),
                       "all have heard of refusals")
        lives_on(cluster, agents, 3)
        for agent in agents:
            after = agent.counters()
            seconds = time.monotonic() - begun
            hints = after["hints"] - before[agent]["hints"]
            check(hints <= 20 * seconds + 1, f"{agent.name} followed {hints} hints in {seconds:.1f} s")
            check(after["watch_verdicts"] == 0, f"{agent.name} came to a verdict")
            print(f"{agent.name}: {after['refusals'] - before[agent]['refusals']} refusals, {hints} hints")


if __name__ == "__main__":
    inside_a_namespace()
    main()
