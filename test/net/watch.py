# SPDX-License-Identifier: MIT
"""The death watch with real processes: a killed one is known at once by its host's refusals, one that is back soon or
was only stopped is not found dead by them."""
import signal
import time

from harness import LOCAL, Skip, check, main, pause, tells_of_restart


def links_up(cluster, agents):
    """Waits until each keeps its links and is kept some: as many came up as the ring asks for, none is down, and the
    others have looked at the ring since the last one came, which they do within 2.5 s."""
    wanted = min(3, len(agents) - 1)
    looked = max(a.started_at for a in agents) + 3

    def up(agent):
        counters = agent.counters()
        return counters["watch_links_up"] - counters["watch_links_down"] >= wanted

    cluster.expect(lambda: time.time() > looked and all(up(a) for a in agents), f"each keeps {wanted} watch links")


def killed(cluster, agents, victim):
    """Kills one, and returns how the others told of it and after how long the last one did."""
    others = [a for a in agents if a is not victim]
    begun = time.time()
    victim.signal(signal.SIGKILL)
    victim.process.wait()
    cluster.expect(lambda: all(o.heard("failed", victim.name) for o in others), f"all report {victim.name} failed")
    seconds = time.time() - begun
    causes = [o.heard("failed", victim.name)[0]["cause"]["kind"] for o in others]
    print(f"{len(agents)} agents: known to all after {seconds:.3f} s, {', '.join(causes)}")
    return causes


def a_killed_agent_is_known_by_refusals_whatever_the_number(cluster):
    for count in (2, 3, 4, 6):
        agents = cluster.form(count, *LOCAL, "--label", f"{cluster.label}.{count}")
        links_up(cluster, agents)
        causes = killed(cluster, agents, agents[count // 2])
        check("refused" in causes, f"nobody was refused: {causes}")
        for agent in agents:
            cluster.expect_none("failed", agent.name if agent.running else "nobody")
        cluster.kill()
        cluster.every.clear()


def an_agent_that_is_back_within_200_ms_has_not_failed_and_one_after_3_s_has(cluster):
    agents = cluster.form(4, *LOCAL)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        victim = agents[-1]
        links_up(cluster, agents)
        begun = time.monotonic()
        victim.signal(signal.SIGKILL)
        victim.process.wait()
        agents[-1] = cluster.start(victim.name, *LOCAL, bind=victim.address, join=[agents[0].address])
        if time.monotonic() - begun > 0.25:
            # Too slow a machine for this: whatever was told of it, it comes back.
            cluster.expect_all(agents, {a.name: "alive" for a in agents})
            agents = agents[:3]
            agents.append(cluster.start(f"{victim.name}x", *LOCAL, join=[agents[0].address]))
            cluster.expect_all(agents, {a.name: "alive" for a in agents})
            continue
        told = [o for o in agents[:3] if o.heard("failed", victim.name)]
        cluster.expect(lambda: all(tells_of_restart(o, victim.name) for o in agents[:3]),
                       "all tell that it is another instance")
        check(not told, f"{[o.name for o in told]} told that {victim.name} failed")
        break
    else:
        raise Skip("no agent starts within 250 ms here")
    links_up(cluster, agents)
    victim = agents[-1]
    check("refused" in killed(cluster, agents, victim), "nobody was refused")
    cluster.hold(victim)
    cluster.until(lambda: False, 3)
    agents[-1] = cluster.start(victim.name, *LOCAL, bind=victim.address, join=[agents[0].address])
    cluster.expect_all(agents, {a.name: "alive" for a in agents})


def a_stopped_agent_whose_links_stay_is_not_found_dead_by_them(cluster):
    agents = cluster.form(5)
    links_up(cluster, agents)
    for watcher in agents[1:4]:
        pause(cluster, watcher)
    cluster.until(lambda: False, 2.5)  # less than the shortest suspicion of this profile, 4 s
    for watcher in agents[1:4]:
        watcher.signal(signal.SIGCONT)
    cluster.expect_all(agents, {a.name: "alive" for a in agents})
    check(all(a.counters()["watch_verdicts"] == 0 for a in agents), "there was a verdict")


if __name__ == "__main__":
    main()
