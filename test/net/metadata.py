# SPDX-License-Identifier: MIT
"""Metadata of real agents that were away, or start again; that it reaches all is in transports/neutral.py."""
import json
import signal

from harness import LOCAL, STEADY, check, main


def says(agent, name):
    return agent.members().get(name, {}).get("meta")


def tell(cluster, agent, *arguments):
    ended = cluster.run("meta", *arguments, "--socket", agent.socket_path)
    check(ended.returncode == 0, f"{arguments[:2]} ended with {ended.returncode}: {ended.stderr}")


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
