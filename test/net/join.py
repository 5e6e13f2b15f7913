# SPDX-License-Identifier: MIT
"""How agents find each other, and what they say where they cannot start."""
import signal
import socket

from harness import LOCAL, LONG, Skip, check, main


def twenty_agents_join_through_one_seed_and_all_see_all(cluster):
    agents = cluster.form(20)
    for agent in agents:
        held = agent.members()
        check(len(held) == 20, f"{agent.name} holds {len(held)} members")
        check({m["address"] for m in held.values()} == {a.address for a in agents},
              f"{agent.name} holds other addresses than those that the agents told")
        check([n for n, m in held.items() if m["self"]] == [agent.name],
              f"{agent.name} takes another member for itself")
    cluster.expect_none("failed")


def an_agent_whose_seed_is_down_joins_when_it_comes_up(cluster):
    first = cluster.start("seed", *LOCAL)
    cluster.kill_and_hold(first)
    joiner = cluster.start("joiner", *LOCAL, join=[first.address])
    cluster.expect(lambda: first.address in joiner.log(), "the log names the seed that is down")
    check(set(joiner.states()) == {"joiner"}, "the joiner sees a member where none is")
    seed = cluster.start("seed", *LOCAL, bind=first.address)
    cluster.expect_all([joiner, seed], {"joiner": "alive", "seed": "alive"})


def agents_form_a_cluster_over_ipv6(cluster):
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError as problem:
        raise Skip(f"no ::1 here ({problem.strerror})") from None
    agents = cluster.form(5, *LOCAL, bind="[::1]:0")
    for member in agents[-1].members().values():
        check(member["address"].startswith("[::1]:"), f"an address is {member['address']}")
    agents[1].signal(signal.SIGKILL)
    agents[1].process.wait()
    cluster.expect(lambda: all(a.heard("failed", agents[1].name) for a in cluster.running),
                   "all others report the killed one over IPv6")


def refuses(cluster, taken):
    """An agent that is to bind a taken port says so in one line and ends with status 1."""
    address = "{}:{}".format(*taken.getsockname())
    ended = cluster.run("agent", "--name", "late", "--bind", address, "--log-level", "error",
                        "--socket", f"{cluster.folder}/late.sock", seconds=LONG)
    check(ended.returncode == 1, f"the status is {ended.returncode}, not 1: {ended.stderr}")
    lines = ended.stderr.strip().splitlines()
    check(len(lines) == 1 and address in lines[0] and "in use" in lines[0].lower(),
          f"not one clear line: {ended.stderr!r}")
    check(ended.stdout == "", f"it said that it is ready: {ended.stdout!r}")


def a_port_that_another_program_has_over_udp_is_refused_in_one_line(cluster):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        refuses(cluster, taken)


def a_port_that_another_program_has_over_tcp_is_refused_in_one_line(cluster):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refuses(cluster, taken)


if __name__ == "__main__":
    main()
