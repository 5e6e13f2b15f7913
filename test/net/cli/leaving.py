# SPDX-License-Identifier: MIT
"""`shoal join` and `shoal leave`."""
import contextlib
import json
import os
import signal
import socket

from command import FAST, LONG, STEADY, Beside, ask, check, complaint, expect_in, main, pause, shoal

UNHURRIED = ("--set", "leave_timeout_ms=60000")  # for a leave that must be confirmed


def leave_returns_when_the_agent_has_ended(cluster):
    agents = cluster.form(2, *STEADY)
    leaver = cluster.start("m03", *STEADY, *UNHURRIED, join=[agents[0].address])
    cluster.expect_all(agents, {"m03": "alive"})
    check(ask(cluster, leaver, "leave") == "left\n", "it did not say left")
    check(leaver.process.wait(LONG) == 0, f"the agent ended with {leaver.process.returncode}")
    check(not os.path.exists(leaver.socket_path), "the socket is still there")
    cluster.expect_all(agents, {"m03": "left"})
    cluster.expect_none("failed")
    cluster.hold(leaver)
    # Its name, its address and its socket are free.
    again = cluster.start("m03", *STEADY, *UNHURRIED, bind=leaver.address, join=[agents[0].address])
    cluster.expect_all(agents, {"m03": "alive"})
    check(json.loads(ask(cluster, again, "leave", "--format", "json")) == {"left": True}, "no JSON")
    check(again.process.wait(LONG) == 0, f"the agent ended with {again.process.returncode}")


def a_lone_agent_leaves_at_once(cluster):
    agent = cluster.start("m01", *FAST, "--set", "leave_timeout_ms=600000")
    ask(cluster, agent, "leave")
    check(agent.process.wait(LONG) == 0, f"the agent ended with {agent.process.returncode}")


def a_leave_that_nobody_confirms_says_so(cluster):
    stopped, leaver = cluster.form(2, *FAST, "--set", "suspicion_mult=100")
    pause(cluster, stopped)
    try:
        ended = shoal(cluster, "leave", "--timeout", "300ms", "--socket", leaver.socket_path)
    finally:
        stopped.signal(signal.SIGCONT)
    expect_in(["timed out", "left"], complaint(ended, 1))
    check(leaver.process.wait(LONG) == 0, f"the agent ended with {leaver.process.returncode}")


def join_reports_how_many_were_reached(cluster):
    first, second = cluster.start("m01", *STEADY), cluster.start("m02", *STEADY)
    with closed_address() as dead:
        said = ask(cluster, second, "join", first.address, dead)
    check(said == "joined through 1 of 2\n", f"it said {said!r}")
    cluster.expect_all([first, second], {"m01": "alive", "m02": "alive"})
    said = json.loads(ask(cluster, second, "join", first.address, "--format", "json"))
    check(said == {"reached": 1, "asked": 1}, f"it said {said}")


def a_join_that_reaches_nobody_lists_every_seed(cluster):
    agent = cluster.start("m01", *FAST)
    with closed_address() as one, closed_address() as other:
        ended = shoal(cluster, "join", one, other, "--timeout", "2s", "--socket", agent.socket_path)
    expect_in([one, other], complaint(ended, 1))
    check(agent.get("/v1/info")["members"]["alive"] == 1, "it sees somebody")


def a_join_under_way_ends_when_the_agent_leaves(cluster):
    agent = cluster.start("m01", *FAST)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = "{}:{}".format(*silent.getsockname())
        with Beside(cluster, "join", address, "--timeout", "10m", "--socket",
                    agent.socket_path) as joining:
            silent.settimeout(LONG)
            link, _ = silent.accept()
            with link:
                ask(cluster, agent, "leave")
                check(joining.wait() == 1, "it joined a silent seed")
                check(len(joining.process.stderr.read().splitlines()) == 1, "not one line")
    check(agent.process.wait(LONG) == 0, "the agent did not end well")


def a_join_that_the_agents_own_leave_ends_is_not_said_to_be_tried_again(cluster):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        agent = cluster.start("m01", *FAST, join=["{}:{}".format(*silent.getsockname())])
        agent.signal(signal.SIGTERM)
        check(agent.process.wait(LONG) == 0, f"it ended with {agent.process.returncode}")
    _, leaving, after = agent.log().partition("leaving the cluster")
    check(leaving and "trying again" not in after, f"it logged {agent.log()!r}")


def a_join_of_no_address_is_refused(cluster):
    agent = cluster.start("m01", *FAST)
    ended = shoal(cluster, "join", "1.2.3.4:99999", "--socket", agent.socket_path)
    expect_in(["1.2.3.4:99999"], complaint(ended, 1))
    expect_in(["ADDR"], complaint(shoal(cluster, "join", "--socket", agent.socket_path), 2))
    expect_in(["--timeout", "500ms"], complaint(shoal(
        cluster, "join", "127.0.0.1:1", "--timeout", "5", "--socket", agent.socket_path), 2))


@contextlib.contextmanager
def closed_address():
    """An address that refuses: it is bound, so that nobody else gets it, and nobody listens there."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield "{}:{}".format(*bound.getsockname())


if __name__ == "__main__":
    main()
