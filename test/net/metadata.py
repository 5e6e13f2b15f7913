# SPDX-License-Identifier: MIT
"""Metadata of real agents: it reaches all, those that join later and those that were away, also where it is long."""
import json
import signal

from harness import LOCAL, STEADY, check, main


def says(agent, name):
    return agent.members().get(name, {}).get("meta")


def tell(cluster, agent, *arguments):
    ended = cluster.run("meta", *arguments, "--socket", agent.socket_path)
    check(ended.returncode == 0, f"{arguments[:2]} ended with {ended.returncode}: {ended.stderr}")


def metadata_that_is_set_on_one_is_seen_on_all_and_by_one_that_joins_later(cluster):
    agents = cluster.form(5, *STEADY)
    tell(cluster, agents[3], "set", "role", "web", "zone", "a")
    wanted = {"role": "web", "zone": "a"}
    cluster.expect(lambda: all(says(a, "m04") == wanted for a in agents), "all hold it")
    late = cluster.start("late", *STEADY, join=[agents[0].address])
    cluster.expect(lambda: says(late, "m04") == wanted, "one that joins later holds it")
    tell(cluster, agents[3], "unset", "zone")
    cluster.expect(lambda: all(says(a, "m04") == {"role": "web"} for a in [*agents, late]), "all hold less")
    cluster.expect_none("failed")


def sixty_kilobytes_of_metadata_are_pulled_by_all(cluster):
    agents = cluster.form(4, *STEADY)
    wanted = {"blob": "x" * 60 * 1024}
    tell(cluster, agents[0], "set", "blob", wanted["blob"])
    cluster.expect(lambda: all(says(a, "m01") == wanted for a in agents), "all hold it")
    late = cluster.start("late", *STEADY, join=[agents[1].address])
    cluster.expect(lambda: says(late, "m01") == wanted, "one that joins later holds it")
    # Each pulls it once or twice, from whoever told of it: the last one from the seed, not from its owner.
    pulls = sum(a.counters()["pulls"] for a in [*agents, late])
    check(4 <= pulls <= 20, f"it was asked for {pulls} times")
    check(sum(a.counters()["pulls_served"] for a in agents[1:]) > 0, "all of them asked its owner")


def a_member_that_was_away_hears_what_was_said_meanwhile_and_says_its_own(cluster):
    agents = cluster.form(3, *LOCAL)
    tell(cluster, agents[2], "set", "v", "1")
    cluster.expect(lambda: all(says(a, "m03") == {"v": "1"} for a in agents), "all hold it")
    agents[2].signal(signal.SIGSTOP)
    cluster.expect_all(agents[:2], {"m03": "dead"})
    tell(cluster, agents[0], "set", "news", "2")
    agents[2].signal(signal.SIGCONT)
    cluster.expect_all(agents, {"m01": "alive", "m02": "alive", "m03": "alive"})
    cluster.expect(lambda: says(agents[2], "m01") == {"news": "2"}, "it hears what was said meanwhile")
    cluster.expect(lambda: all(says(a, "m03") == {"v": "1"} for a in agents), "what it said is there again")


def a_restart_without_metadata_takes_it_back(cluster):
    agents = cluster.form(2, *STEADY)
    third = cluster.start("m03", *STEADY, "--meta", "role=web", join=[agents[0].address])
    cluster.expect(lambda: all(says(a, "m03") == {"role": "web"} for a in agents), "all hold it")
    cluster.kill_and_hold(third)
    again = cluster.start("m03", *STEADY, bind=third.address, join=[agents[1].address])
    cluster.expect(lambda: all(says(a, "m03") == {} for a in [*agents, again]), "nothing is left of it")
    check(json.dumps(again.members()["m03"]["tags"]) == "[]", "it has tags")


if __name__ == "__main__":
    main()
