# SPDX-License-Identifier: MIT
"""One name has one live agent, and one address one member."""
import signal

from harness import LOCAL, STEADY, check, main


def of_two_agents_under_one_name_the_later_stops_and_says_why(cluster):
    seed = cluster.start("seed", *STEADY)
    first = cluster.start("twin", *STEADY, join=[seed.address])
    cluster.expect_all([seed, first], {"seed": "alive", "twin": "alive"})
    address = first.address
    for through in (seed, first):
        second = cluster.spawn("twin", *STEADY, "--socket", f"{cluster.folder}/second.sock", join=[through.address])
        second.expected_to_end = True
        cluster.expect(lambda: not second.running, "the second ends by itself")
        check(second.process.returncode == 1, f"it ended with {second.process.returncode}")
        why = [line for line in second.log().splitlines() if line.startswith("shoal: stopped: ")]
        check(len(why) == 1 and "another live member has this name or id" in why[0] and address in why[0],
              f"why it stopped: {why}")
        check(second.log().endswith(why[0] + "\n"), "the reason is not the last line")
        cluster.every.remove(second)
    check(first.running, "the first ended, too")
    for agent in (seed, first):
        held = agent.members()["twin"]
        check(held["state"] == "alive" and held["address"] == address, f"{agent.name} holds {held}")
        cluster.expect(lambda a=agent: a.heard("conflict", "twin"), f"{agent.name} tells of the conflict")
    cluster.expect_none("left", about="twin")
    cluster.expect_none("failed", about="twin")
    cluster.expect_none("suspect", about="twin")


def a_restart_on_another_port_takes_over(cluster):
    agents = cluster.form(3, *LOCAL)
    gone = agents[2]
    gone.signal(signal.SIGKILL)
    gone.process.wait()
    again = cluster.start(gone.name, *LOCAL, join=[agents[0].address])
    cluster.expect(lambda: all(a.members()[gone.name]["address"] == again.address and
                               a.states()[gone.name] == "alive" for a in (*agents[:2], again)),
                   "all hold it alive at its new address")
    check(again.running, "the new one stopped")


def an_agent_that_hung_while_another_took_its_name_stops_when_it_returns(cluster):
    agents = cluster.form(3, *LOCAL)
    hung = agents[2]
    hung.signal(signal.SIGSTOP)
    hung.expected_to_end = True
    cluster.expect_all(agents[:2], {hung.name: "dead"})
    heir = cluster.spawn(hung.name, *LOCAL, "--socket", f"{cluster.folder}/heir.sock", join=[agents[0].address])
    heir.socket_path = f"{cluster.folder}/heir.sock"
    cluster.until_ready([heir])
    cluster.expect_all(agents[:2], {hung.name: "alive"})
    hung.signal(signal.SIGCONT)
    cluster.expect(lambda: not hung.running, "the one that hung ends by itself")
    check(hung.process.returncode == 1, f"it ended with {hung.process.returncode}")
    cluster.every.remove(hung)
    check(heir.running, "the one that took over ended")
    cluster.expect(lambda: all(a.members()[hung.name]["address"] == heir.address and
                               a.states()[hung.name] == "alive" for a in agents[:2]),
                   "the others hold the one that took over")


def the_address_of_a_killed_agent_taken_by_another_name_makes_it_left(cluster):
    # lan: the ordinary way to dead takes far longer; refused connections would be the end before the heir is there.
    agents = cluster.form(4, "--watch-links", "0")
    gone = agents[3]
    cluster.kill_and_hold(gone)
    heir = cluster.start("heir", "--watch-links", "0", bind=gone.address, join=[agents[0].address])
    cluster.expect_all([*agents[:3], heir], {"heir": "alive"})
    cluster.expect(lambda: all(a.states().get(gone.name) in ("left", "dead") for a in agents[:3]),
                   "the killed one is gone for all")
    cluster.expect(lambda: any(e["cause"]["kind"] == "replaced" for a in (*agents[:3], heir)
                               for e in a.heard(about=gone.name)), "somebody tells that it was replaced")


if __name__ == "__main__":
    main()
