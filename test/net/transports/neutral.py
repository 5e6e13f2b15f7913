# SPDX-License-Identifier: MIT
"""What five members do for each other whatever carries it: the list that holds for every transport. The second and the third
need not reach each other.

    python3 neutral.py WAY [NAME...]        a way of ways.py; without names all of the list
"""
import contextlib
import functools
import json
import os
import signal
import subprocess
import sys
import time

sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), folder) for folder in ("..", "../cli")]
from answering import program  # noqa: E402
from command import Beside, ask, complaint, expect_in, following, shoal  # noqa: E402
from harness import LOCAL, LONG, STEADY, check, expect_round, kill, main, others, tells_of_restart  # noqa: E402
from seal import keyring  # noqa: E402
from watch import links_up  # noqa: E402
from ways import Members  # noqa: E402

# Probes are many, and who does not answer is not failed for it.
PATIENT = (*LOCAL, "--set", "suspicion_mult=100", "--set", "probe_interval_ms=100", "--set", "probe_timeout_ms=50")


def five_members_join_through_one_and_all_see_all(cluster):
    agents = cluster.form(5, *PATIENT)
    addresses = {a.name: a.address for a in agents}
    for agent in agents:
        held = agent.members()
        check({n: m["address"] for n, m in held.items()} == addresses, f"{agent.name} holds {held}, not {addresses}")
        check([n for n, m in held.items() if m["self"]] == [agent.name], f"{agent.name} takes another member for itself")
    expect_round(cluster, agents)
    cluster.expect_all(agents, dict.fromkeys(addresses, "alive"))
    cluster.expect_none("failed")


def a_killed_member_is_failed_with_its_cause_and_alive_again_once_restarted(cluster):
    """Over streams alone at once: a suspicion would take ten seconds."""
    options = (*LOCAL, "--set", "suspicion_mult=50") if cluster.streams else LOCAL
    agents = cluster.form(5, *options)
    if cluster.streams:
        links_up(cluster, agents)
    victim = agents[3]
    before = int(agents[0].members()[victim.name]["incarnation"])
    kill(victim)
    survivors = others(cluster, victim)
    names = {a.name for a in survivors}
    cluster.expect(lambda: all(o.heard("failed", victim.name) for o in survivors), f"all others report {victim.name} failed")
    for observer in survivors:
        (event,) = observer.heard("failed", victim.name)
        check(event["id"] == victim.id and event["address"] == victim.address
              and event["state"] == "dead", f"the event names another: {event}")
        check(event["cause"]["kind"] in ("refused", "suspicion", "verified", "gossip", "sync"),
              f"the cause is {event['cause']}")
        check(set(event.accusers) <= names, f"an accuser is none of the others: {event}")
        if event["cause"]["kind"] in ("refused", "suspicion"):
            check(event.accusers, f"{observer.name} names no accuser: {event}")
    causes = [o.heard("failed", victim.name)[0]["cause"]["kind"] for o in survivors]
    check("refused" in causes or not cluster.streams, f"nobody was refused: {causes}")
    cluster.expect_all(survivors, {victim.name: "dead"})
    # Within the second in which it started, the two instances may differ by salt only: see the next test.
    cluster.expect(lambda: int(time.time()) > before >> 32, "another second has begun")
    again = cluster.add(4, *options)
    check(again.id == victim.id, "the same name gave another id")
    cluster.expect_all(cluster.running, {a.name: "alive" for a in cluster.running})
    cluster.expect(lambda: all(o.heard("alive", victim.name) for o in survivors), "all others tell that it is alive")
    for observer in survivors:
        member = observer.members()[victim.name]
        check(int(member["incarnation"]) > before, f"{observer.name} holds incarnation {member['incarnation']} after {before}")
        check(member["address"] == again.address, f"{observer.name} holds another address")


def a_member_that_restarts_at_once_is_not_declared_failed(cluster):
    """Also within the second that its incarnation counts, where the two instances differ by salt only. Without watch
    links: with them it would have 300 ms (watch.py). A busy machine needs many seconds to start a process."""
    patient = (*PATIENT, "--watch-links", "0")
    agents = cluster.form(5, *patient)
    victim = agents[2]
    before = int(agents[0].members()[victim.name]["incarnation"])
    kill(victim)
    again = cluster.add(3, *patient)
    survivors = others(cluster, again)
    cluster.expect(lambda: all(tells_of_restart(o, victim.name) for o in survivors),
                   "all others tell that it is another instance")
    cluster.expect_all(cluster.running, {a.name: "alive" for a in cluster.running})
    for observer in survivors:
        cluster.expect(lambda o=observer: o.members()[victim.name]["incarnation"]
                       == again.get("/v1/info")["incarnation"], f"{observer.name} holds its incarnation")
        check(int(observer.members()[victim.name]["incarnation"]) >= before, "its incarnation fell")
    expect_round(cluster, cluster.running)
    cluster.expect_none("failed")


def goes(cluster, leaver):
    """The others hear of its leave, and of nothing else."""
    leaver.expected_to_end = True
    cluster.expect(lambda: all(o.heard("left", leaver.name) for o in others(cluster, leaver)),
                   f"all others report {leaver.name} left")
    cluster.expect(lambda: not leaver.running, f"{leaver.name} ends")
    check(leaver.process.returncode == 0, f"{leaver.name} ended with {leaver.process.returncode}")
    cluster.expect_all(others(cluster, leaver), {leaver.name: "left"})


def a_member_that_leaves_is_left_and_not_failed(cluster):
    cluster.form(2, *PATIENT)
    # Those that leave with others around end once these have heard of it, however long that takes on a busy machine.
    interrupted, terminated, asked = [cluster.add(n, *PATIENT, "--set", "leave_timeout_ms=60000") for n in (3, 4, 5)]
    cluster.expect_all(cluster.running, {a.name: "alive" for a in cluster.running})
    ask(cluster, asked, "leave")
    goes(cluster, asked)
    interrupted.signal(signal.SIGINT)
    goes(cluster, interrupted)
    terminated.signal(signal.SIGTERM)
    goes(cluster, terminated)
    again = cluster.add(5, *PATIENT)
    cluster.expect_all(cluster.running, {a.name: "alive" for a in cluster.running})
    check(again.id == asked.id, "the same name gave another id")
    cluster.expect_none("failed")


def says(agent, name):
    return agent.members().get(name, {}).get("meta")


def metadata_of_any_length_is_seen_by_all_and_by_one_that_joins_later(cluster):
    agents = cluster.form(5, *STEADY)
    wanted = {"role": "web", "zone": "a"}
    ask(cluster, agents[3], "meta", "set", "role", "web", "zone", "a")
    cluster.expect(lambda: all(says(a, "m04") == wanted for a in agents), "all hold it")
    blob = {"blob": "x" * 60 * 1024}
    ask(cluster, agents[1], "meta", "set", "blob", blob["blob"])
    ask(cluster, agents[2], "tag", "add", "red")
    late = cluster.add(6, *STEADY, through=2)
    cluster.expect(lambda: says(late, "m04") == wanted, "one that joins later holds it")
    ask(cluster, agents[3], "meta", "unset", "zone")
    agents.append(late)
    cluster.expect(lambda: all(says(a, "m04") == {"role": "web"} for a in agents), "all hold less")
    cluster.expect(lambda: all(says(a, "m02") == blob for a in agents), "all hold what is long")
    cluster.expect(lambda: all(a.members()["m03"]["tags"] == ["red"] for a in agents), "all hold the tag")
    # Each pulls it once or twice, from whoever told of it: the last one from the seed, which is its owner.
    pulls = sum(a.counters()["pulls"] for a in agents)
    check(5 <= pulls <= 20, f"it was asked for {pulls} times")
    cluster.expect_none("failed")


def messages_come_once_to_whom_they_are_for_and_in_order(cluster):
    agents = cluster.form(5, *STEADY, "--tag", "all")
    first, rest = agents[0], agents[1:]
    long = "x" * 50000
    with contextlib.ExitStack() as stack:
        monitors = [stack.enter_context(Beside(cluster, "monitor", "--messages", "--format", "json", "--socket", a.socket_path))
                    for a in rest]
        cluster.expect(lambda: all(following(a) for a in rest), "the monitors follow")

        def heard(i):
            return [json.loads(line) for line in monitors[i].lines]

        for agent in rest:
            ask(cluster, first, "send", agent.name, "200", "to " + agent.name)
        for text in ("one", long, "three", "four"):
            ask(cluster, first, "send", "m03", "201", text, "--reliable")
        ask(cluster, rest[-1], "broadcast", "202", "to all")
        ask(cluster, first, "broadcast", "203", long, "--reliable")
        ask(cluster, first, "broadcast", "204", "to the tag", "--tag", "all", "--reliable")
        # The last one hears all but its own.
        wanted = [{200: 1, 202: 1, 203: 1, 204: 1} for _ in rest]
        wanted[1][201] = 4
        del wanted[3][202]
        cluster.expect(lambda: all(len(m.lines) >= sum(w.values()) for m, w in zip(monitors, wanted)), "all of it came")
        for i, agent in enumerate(rest):
            events = heard(i)
            types = [e["type"] for e in events]
            check({t: types.count(t) for t in types} == wanted[i], f"{agent.name} heard {types}")
            texts = {e["type"]: e["data"] for e in events}
            check(texts[200] == "to " + agent.name and texts[203] == long and texts[204] == "to the tag",
                  f"{agent.name} heard {texts}")
            check({e["name"] for e in events if e["type"] == 202} <= {"m05"}, f"another one sent it: {events}")
        order = [e["data"] for e in heard(1) if e["type"] == 201]
        check(order == ["one", long, "three", "four"], f"the order is {[text[:9] for text in order]}")
    cluster.expect_none("failed")


def every_member_answers_requests(cluster):
    shout = program(cluster, "shout", "tr a-z A-Z; echo from $SHOAL_MEMBER")
    agents = cluster.form(5, *STEADY, "--on-request", f"200={shout}")
    for asker, agent in [(agents[0], agent) for agent in agents[1:]] + [(agents[4], agents[0])]:
        said = ask(cluster, asker, "request", agent.name, "200", "hello ")
        check(said == f"HELLO from {asker.name}\n", f"{agent.name} answered {said!r}")
    said = ask(cluster, agents[0], "request", "m05", "200", "x" * 50000)
    check(said == "X" * 50000 + "from m01\n", f"what is long is answered with {len(said)} bytes")
    why = complaint(shoal(cluster, "request", "m02", "201", "x", "--socket", agents[0].socket_path), 1)
    expect_in(["nobody handles requests of this type there"], why)
    cluster.expect_none("failed")


def a_key_is_exchanged_at_all_members_by_one_command(cluster):
    old, new = keyring(cluster), keyring(cluster, "new", "192")
    agents = cluster.form(5, *PATIENT, "--keyring", old)

    def keys(agent, *words, status=0):
        ended = subprocess.run([cluster.program, "keys", *words, "--socket", agent.socket_path, "--format", "json"],
                               capture_output=True, text=True, timeout=LONG, check=False)
        check(ended.returncode == status, f"{words}: {ended.returncode} {ended.stdout} {ended.stderr}")
        if not ended.stdout:
            return {}, ended.stderr
        answer = json.loads(ended.stdout)
        check(answer["ok"] == (status == 0), answer)
        return {m["name"]: (m["result"], [k["print"] + "*" * k["in_use"] for k in m["keys"]])
                for m in answer["members"]}, ended.stderr

    names = [a.name for a in agents]
    held, _ = keys(agents[0], "list")
    first = held["m01"][1][0][:-1]
    check(held == {name: ("done", [first + "*"]) for name in names}, held)
    held, _ = keys(agents[3], "install", new)
    second = held["m01"][1][1]
    check(held == {name: ("done", [first + "*", second]) for name in names}, held)
    _, why = keys(agents[3], "remove", first, status=1)
    check("uses the key" in why, why)
    held, _ = keys(agents[4], "use", new)
    check(held == {name: ("done", [first, second + "*"]) for name in names}, held)
    held, _ = keys(agents[0], "remove", first)
    check(held == {name: ("done", [second + "*"]) for name in names}, held)
    for who in agents:
        told = "keys: remove a key, says m01: done"
        check(told in who.log(), f"{who.name} does not log it: {who.log()}")
    held, why = keys(agents[0], "remove", "deadbeefdeadbeef", status=1)
    check(held == {name: ("does not hold it", [second + "*"]) for name in names}, held)
    check("no member holds this key" in why, why)
    check("remove a key, says m01: the key is not held here" in agents[1].log(), agents[1].log())
    local = subprocess.run([cluster.program, "keys", "install", "--local", old, "--socket", agents[2].socket_path],
                           capture_output=True, text=True, timeout=LONG, check=False)
    check(local.returncode == 0, local.stderr)
    held, _ = keys(agents[0], "remove", first)
    check(held == {name: ("done" if name == "m03" else "does not hold it", [second + "*"]) for name in names}, held)
    text = subprocess.run([cluster.program, "keys", "list", "--socket", agents[0].socket_path],
                          capture_output=True, text=True, timeout=LONG, check=True).stdout
    check("MEMBER" in text and text.count(second + "*") == 5, text)
    acked = [a.counters()["probes_acked"] for a in agents]
    cluster.expect(lambda: all(a.counters()["probes_acked"] > n + 2 for a, n in zip(agents, acked)), "all are probed")
    cluster.expect_none("failed")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(functools.partial(Members, sys.argv.pop(1)))
