# SPDX-License-Identifier: MIT
"""What needs minutes of quiet wall time: run by `tools/test --long`, on the build that users have."""
import signal
import statistics
import time

from harness import LONG, check, main, pause

MANY = 32


def share(values, part):
    """The smallest value that so large a part of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * part // 100) - 1)]


def failures_of(agents, names):
    """What was told failed of these members."""
    return [f"{a.name} told {e['name']} failed: {e['cause']}" for a in agents
            for e in a.heard("failed") if e["name"] in names]


def healthy_members_are_never_declared_failed_while_others_stop_and_go(cluster):
    agents = cluster.form(MANY)
    sick, healthy = agents[4:8], agents[:4] + agents[8:]
    names = {a.name for a in healthy}
    end = time.monotonic() + 120
    rounds = 0
    while time.monotonic() < end:
        for agent in sick:
            pause(cluster, agent)
        until = time.monotonic() + 5
        cluster.until(lambda: time.monotonic() >= until, LONG)
        for agent in sick:
            agent.signal(signal.SIGCONT)
        until = time.monotonic() + 1
        cluster.until(lambda: time.monotonic() >= until, LONG)
        rounds += 1
        wrong = failures_of(agents, names)
        check(not wrong, "; ".join(wrong[:5]))
    cluster.expect_all(agents, {a.name: "alive" for a in agents}, 120)
    wrong = failures_of(agents, names)
    check(not wrong, "; ".join(wrong[:5]))
    suspected = sum(len(a.heard("suspect", n)) for a in agents for n in names)
    found = sum(len(a.heard("failed", s.name)) for a in healthy for s in sick)
    print(f"measured: {rounds} rounds of 5 s stopped and 1 s running, {len(sick)} of {MANY} agents: healthy members "
          f"declared failed 0 times, suspected {suspected} times; stopped ones declared failed {found} times")


def fifty_killed_processes_are_known_dead_to_all(cluster):
    agents = {a.name: a for a in cluster.form(MANY)}
    first, last, causes = [], [], {}
    for kill in range(50):
        name = f"m{2 + kill % (MANY - 1):02}"
        victim = agents[name]
        others = [a for a in agents.values() if a is not victim]
        seen = {a: len(a.heard("failed", name)) for a in others}
        killed_at = time.time()
        victim.signal(signal.SIGKILL)
        victim.process.wait()
        cluster.expect(lambda: all(len(a.heard("failed", name)) > seen[a] for a in others),
                       f"all report {name} failed, kill {kill + 1}")
        told = [a.heard("failed", name)[-1] for a in others]
        first.append(min(e.at for e in told) - killed_at)
        last.append(max(e.at for e in told) - killed_at)
        for event in told:
            causes[event["cause"]["kind"]] = causes.get(event["cause"]["kind"], 0) + 1
        agents[name] = cluster.start(name, join=[agents["m01"].address])
        cluster.expect_all(agents.values(), {n: "alive" for n in agents})
    wrong = [f"{a.name}: {e['name']}" for a in agents.values() for e in a.heard("failed", "m01")]
    check(not wrong, f"the one that was never killed was declared failed: {wrong[:5]}")
    print(f"measured: 50 kills among {MANY} agents, seconds until known: to the first median "
          f"{statistics.median(first):.3f}, 95 % {share(first, 95):.3f}; to all median "
          f"{statistics.median(last):.3f} (goal 0.5), 95 % {share(last, 95):.3f} (goal 1.0), "
          f"longest {max(last):.3f}; causes {causes}")


if __name__ == "__main__":
    main()
