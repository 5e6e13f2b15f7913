# SPDX-License-Identifier: MIT
"""How a command finds the control socket of its agent."""
import json
import os
import signal

from command import FAST, LONG, check, complaint, expect_in, main, shoal


def start(cluster, name):
    """An agent whose control socket lies where commands look for it."""
    path = os.path.join(cluster.folder, f"shoal-{name}.sock")
    agent = cluster.spawn(name, *FAST, "--socket", path)
    agent.socket_path = path
    cluster.until_ready([agent], LONG)
    return agent


def asked(cluster, *options, **how):
    """The name of the agent that answers."""
    ended = shoal(cluster, "info", "--format", "json", *options, **how)
    check(ended.returncode == 0, f"{options} ended with {ended.returncode}: {ended.stderr}")
    return json.loads(ended.stdout)["name"]


def the_only_agent_is_found_without_an_option(cluster):
    expect_in([cluster.folder, "shoal agent", "--socket"], complaint(shoal(cluster, "info"), 1))
    start(cluster, "solo")
    check(asked(cluster) == "solo", "another agent answers")


def of_several_agents_one_must_be_chosen(cluster):
    agents = [start(cluster, name) for name in ("one", "two")]
    expect_in([a.socket_path for a in agents], complaint(shoal(cluster, "info"), 1))
    check(asked(cluster, "--name", "two") == "two", "--name found another")
    check(asked(cluster, "--socket", agents[0].socket_path) == "one", "--socket found another")
    check(asked(cluster, variables={"SHOAL_SOCKET": agents[1].socket_path}) == "two",
          "SHOAL_SOCKET found another")
    check(asked(cluster, variables={"SHOAL_NAME": "one"}) == "one", "SHOAL_NAME found another")
    check(asked(cluster, "--name", "one", variables={"SHOAL_NAME": "two"}) == "one",
          "the variable is stronger than the flag")


def the_socket_of_a_killed_agent_is_not_a_choice(cluster):
    dead, live = start(cluster, "dead"), start(cluster, "live")
    dead.signal(signal.SIGKILL)
    dead.process.wait(LONG)
    check(asked(cluster) == "live", "another agent answers")
    live.signal(signal.SIGKILL)
    live.process.wait(LONG)
    expect_in([dead.socket_path, "refused", "shoal agent"], complaint(shoal(cluster, "info"), 1))


def an_agent_that_is_not_there_is_named(cluster):
    expect_in(["shoal-nobody.sock", "No such file", "shoal agent"],
              complaint(shoal(cluster, "members", "--name", "nobody"), 1))
    expect_in(["longer than 107 bytes"],
              complaint(shoal(cluster, "members", "--socket", "/" + "x" * 200), 1))


def a_proxy_in_the_environment_is_not_asked(cluster):
    start(cluster, "solo")
    proxy = {name: "http://127.0.0.1:1" for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY")}
    check(asked(cluster, variables=proxy) == "solo", "another agent answers")


if __name__ == "__main__":
    main()
