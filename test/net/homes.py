# SPDX-License-Identifier: MIT
"""Agents with an address of either family, beside agents with one of IPv4 only: all reach each other by what both have,
and by the other family where the first one fails.

Needs what filter.py needs, and IPv6; skipped otherwise.
"""
import subprocess

from filter import HERE, OPTIONS, THERE, Pair, inside_a_namespace
from harness import Skip, main

HERE6, THERE6 = "fd77::1", "fd77::2"


def agents_with_two_addresses_lose_nobody_when_one_network_fails(cluster):
    with Pair() as pair:
        try:
            for where, address, device in ((), HERE6, "here"), (pair.there, THERE6, "there"):
                pair.run(*where, "ip", "address", "add", address + "/64", "dev", device, "nodad")
        except subprocess.CalledProcessError as problem:
            raise Skip(f"no IPv6 here: {problem.stderr.strip()}") from None
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


if __name__ == "__main__":
    inside_a_namespace()
    main()
