# SPDX-License-Identifier: MIT
"""An agent whose machine gets another address while it runs, and that is told so by a reload: all reach it there.

Needs what filter.py needs; skipped otherwise.
"""
import signal

from filter import HERE, THERE, Pair, inside_a_namespace
from harness import check, main

NEW = "10.77.0.9"


def at(agents, name):
    return [a.members()[name]["address"].rsplit(":", 1)[0] for a in agents]


def an_agent_whose_machine_gets_another_address_is_reached_there_after_a_reload(cluster):
    with Pair() as pair:
        pair.run("ip", "address", "add", HERE + "/24", "dev", "here")
        agents = cluster.form(3, "--insecure", bind=HERE + ":0")
        far = cluster.start("far", "--insecure", bind="0.0.0.0:0", join=[agents[0].address], around=pair.there)
        everyone = {a.name: "alive" for a in agents + [far]}
        cluster.expect_all(agents + [far], everyone)
        check(at(agents, "far") == [THERE] * 3, f"it is shown at {at(agents, 'far')}")
        pair.run(*pair.there, "ip", "address", "add", NEW + "/24", "dev", "there")
        pair.run(*pair.there, "ip", "address", "delete", THERE + "/30", "dev", "there")
        far.signal(signal.SIGHUP)
        cluster.expect(lambda: at(agents + [far], "far") == [NEW] * 4, "all show the new address")
        check(far.get("/v1/info")["address"].startswith(NEW + ":"), "it does not know where it is")
        # Each has asked it there, and was answered.
        cluster.expect(lambda: all(a.members()["far"]["rtt_ms"] is not None for a in agents), "all reach it")
        cluster.until(lambda: False, 8)
        cluster.expect_all(agents + [far], everyone)
        for agent in agents + [far]:
            cluster.expect_none("failed", observers=[agent])
        far.expected_to_end = True
        far.signal(signal.SIGKILL)
        cluster.expect_all(agents, {"far": "dead"})


if __name__ == "__main__":
    inside_a_namespace()
    main()
