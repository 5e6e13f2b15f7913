# SPDX-License-Identifier: MIT
"""`shoal why`: what an agent knows of how a member came to its state."""
import json
import signal

from command import FAST, STEADY, ask, check, complaint, expect_in, main, shoal

ID = "1111111{}-0000-4000-8000-000000000000"


def why(cluster, agent, member):
    return json.loads(ask(cluster, agent, "why", member, "--format", "json"))


def killed(cluster, *options):
    """Four agents, of which the last was killed and found dead by all. Returns the others."""
    # Without watch links: a refused connection would be the end without a doubt before.
    agents = cluster.form(4, *FAST, "--watch-links", "0", *options)
    agents[3].signal(signal.SIGKILL)
    cluster.expect(lambda: all(a.heard("failed", "m04") for a in agents[:3]), "m04 is found dead")
    return agents[:3]


def why_tells_who_accused_a_killed_agent_and_what_was_measured(cluster):
    agents = killed(cluster)
    accusers = set()
    for agent in agents:
        document = why(cluster, agent, "m04")
        steps = document["transitions"]
        check(steps[0]["event"] == "join", f"it does not begin with the join: {steps[0]}")
        last = steps[-1]
        check(last["event"] == "failed" and last["state"] == "dead", f"the last is {last}")
        check([s["was"] for s in steps[1:]] == [s["state"] for s in steps[:-1]],
              f"the states do not chain: {steps}")
        (event,) = agent.heard("failed", "m04")
        check(event["cause"]["accusers"] == last["cause"]["accusers"]
              and event["cause"]["kind"] == last["cause"]["kind"], f"{event} is not {last}")
        accusers |= {a for s in steps for a in s["cause"]["accusers"]}
        check(all(isinstance(s["lag_ms"], float) for s in steps), "no lag is told")
        expect_in(["m04 is dead since 20"], document["why"])
        check(document["member"]["state"] == "dead", f"the member is {document['member']}")
    check(accusers and accusers <= {a.name for a in agents}, f"the accusers are {accusers}")
    table = ask(cluster, agents[0], "why", agents[0].members()["m04"]["id"])
    expect_in(["m04 is dead since", "TIME", "EVENT", "WHY", "failed", "suspect", "dead"], table)
    rows = ask(cluster, agents[0], "why", "m04", "--format", "csv").splitlines()
    check(rows[0].startswith("time,event,id,name,was,state") and ",failed," in rows[-1], f"{rows}")


def why_knows_a_member_that_is_forgotten_meanwhile(cluster):
    agents = killed(cluster, "--set", "tombstone_ms=1000")
    cluster.expect(lambda: agents[0].heard("reap", "m04"), "m04 is forgotten")
    check("m04" not in agents[0].members(), "it is still listed")
    document = why(cluster, agents[0], "m04")
    check(document["member"] is None and document["transitions"][-1]["event"] == "reap",
          f"{document}")
    expect_in(["m04 is forgotten, it was"], document["why"])


def why_refuses_nobody_and_several_and_lists_them(cluster):
    first = cluster.start("m01", *STEADY, "--id", ID.format(1))
    second = cluster.start("m02", *STEADY, "--id", ID.format(2), join=[first.address])
    cluster.expect_all([first, second], {"m01": "alive", "m02": "alive"})
    where = ("--socket", first.socket_path)
    expect_in(["m01", "m02", ID.format(1), ID.format(2), "2 members are meant"],
              complaint(shoal(cluster, "why", "1111111", *where), 1))
    expect_in(["no such member"], complaint(shoal(cluster, "why", "m03 & m04?", *where), 1))
    complaint(shoal(cluster, "why", *where), 2)
    check(why(cluster, first, ID.format(2)[:8])["name"] == "m02", "a unique beginning is enough")
    expect_in(["this agent itself"], why(cluster, first, "m01")["why"])
    check("alive" in why(cluster, first, "m02")["why"], "it does not say that it is alive")


if __name__ == "__main__":
    main()
