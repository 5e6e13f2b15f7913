# SPDX-License-Identifier: MIT
"""Agents with an address of either family, beside agents with one of IPv4 only: all reach each other by what both have,
and by the other family where the first one fails.

Needs what filter.py needs, and IPv6; skipped otherwise.
"""
import subprocess

from filter import HERE, OPTIONS, THERE, Pair, inside_a_namespace
from harness import Skip, check, main

HERE6, THERE6 = "fd77::1", "fd77::2"


def with_ipv6(pair):
    try:
        for where, address, device in ((), HERE6, "here"), (pair.there, THERE6, "there"):
            pair.run(*where, "ip", "address", "add", address + "/64", "dev", device, "nodad")
    except subprocess.CalledProcessError as problem:
        raise Skip(f"no IPv6 here: {problem.stderr.strip()}") from None


def agents_with_two_addresses_lose_nobody_when_one_network_fails(cluster):
    with Pair() as pair:
        with_ipv6(pair)
        both = f"{HERE}:0,[{HERE6}]:0"
        agents = cluster.form(3, *OPTIONS, bind=both)
        one = cluster.start("one", *OPTIONS, bind=HERE + ":0", join=[agents[0].address])
        far = cluster.start("far", *OPTIONS, bind=f"{THERE}:0,[{THERE6}]:0", join=[agents[0].address],
                            around=pair.there)
        everyone = {a.name: "alive" for a in agents + [one, far]}
        cluster.expect_all(agents + [one, far], everyone)
        pair.cut(towards_here=True, towards_there=True)  # of IPv4
        cluster.expect(lambda: all(a.counters()["ways_changed"] == 1 for a in agents), "those with two use the other one")
        cluster.expect(lambda: far.counters()["ways_changed"] == len(agents), "so does it")
        cluster.until(lambda: False, 3)
        cluster.expect_all(agents + [one], everyone)
        for agent in agents + [one, far]:
            cluster.expect_none("failed", observers=[agent])
        for agent in agents + [far]:
            cluster.expect_none("suspect", "far", observers=[agent])
        pair.heal()


def a_wildcard_says_what_peers_are_told_and_a_loopback_that_they_do_not_reach_it(cluster):
    """On a machine without a default route."""
    with Pair() as pair:
        with_ipv6(pair)
        first = cluster.start("first", *OPTIONS, bind="0.0.0.0:0,[::]:0")
        for told in (f"0.0.0.0:{first.port} is bound, peers are told {HERE}:{first.port}",
                     f"[::]:{first.port} is bound, peers are told [{HERE6}]:{first.port}"):
            check(told in first.log(), f"its log says: {told}")
        lost = cluster.start("lost", *OPTIONS, "--advertise", "127.0.0.1", bind="0.0.0.0:0")
        check("where only those on this machine reach it" in lost.log(), "a loopback address is warned of")
        alone = cluster.start("alone", *OPTIONS, bind="127.0.0.1:0")
        subprocess.run([cluster.program, "join", first.address, "--socket", alone.socket_path], capture_output=True,
                       timeout=60, check=False)
        check(f"where a member at {first.address} does not reach it" in alone.log(), "so is joining from one")
        pair.run(*pair.there, "ip", "-6", "address", "flush", "dev", "there")
        six = cluster.start("six", *OPTIONS, bind="0.0.0.0:0,[::]:0", around=pair.there)
        check("peers are told none of IPv6" in six.log(), "it says what it lacks")


if __name__ == "__main__":
    inside_a_namespace()
    main()
