# SPDX-License-Identifier: MIT
"""What `shoal monitor` prints as members come, fail, return and go."""
import contextlib
import csv
import datetime
import json
import os
import re
import signal

from command import FAST, LONG, STEADY, Beside, ask, check, complaint, expect_in, following, main, shoal

KEYS = {"time", "event", "id", "name", "address", "state", "cause"}


def told(monitor, kind, name):
    """The events of one kind about one member, as the monitor printed them."""
    events = [json.loads(line) for line in monitor.lines]
    return [e for e in events if (e["event"], e["name"]) == (kind, name)]


def watched(stack, cluster, agent, *options):
    """A monitor that has subscribed."""
    before = following(agent)
    monitor = stack.enter_context(Beside(cluster, "monitor", *options, "--socket", agent.socket_path))
    cluster.expect(lambda: following(agent) == before + 1, "the monitor follows")
    return monitor


def a_monitor_tells_join_suspect_failed_alive_and_left_with_their_causes(cluster):
    doubting = (*FAST, "--watch-links", "0")  # a refused connection would be the end without a doubt before
    first, second = cluster.form(2, *doubting)
    with contextlib.ExitStack() as stack:
        monitor = watched(stack, cluster, first, "--format", "json")
        third = cluster.start("m03", *doubting, join=[first.address])
        cluster.expect(lambda: told(monitor, "join", "m03"), "join")
        cluster.expect_all([second], {"m03": "alive"})
        cluster.kill_and_hold(third)
        cluster.expect(lambda: told(monitor, "failed", "m03"), "failed")
        again = cluster.start("m03", *doubting, bind=third.address, join=[first.address])
        cluster.expect_all([first], {"m03": "alive"})
        again.signal(signal.SIGTERM)
        again.process.wait(LONG)
        cluster.expect(lambda: told(monitor, "left", "m03"), "left")
        check(monitor.end() == 0, "Ctrl-C is no failure")
        events = [json.loads(line) for line in monitor.lines]
    for event in events:
        check(KEYS <= set(event), f"keys are missing: {event}")
        check({"kind", "accusers", "detail"} <= set(event["cause"]), f"the cause is {event['cause']}")
        check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"]),
              f"the time is {event['time']}")
    suspect, failed = told(monitor, "suspect", "m03")[0], told(monitor, "failed", "m03")[0]
    check(suspect["state"] == "suspect" and failed["state"] == "dead", f"{suspect} {failed}")
    check(failed["id"] == third.id and failed["address"] == third.address, f"it is {failed}")
    accusers = set(failed["cause"]["accusers"])
    check(accusers and accusers <= {"m01", "m02"}, f"the accusers are {accusers}")
    check(failed["cause"]["after_ms"] > 0 and failed["cause"]["detail"], f"it is {failed['cause']}")
    times = [datetime.datetime.fromisoformat(e["time"]) for e in (suspect, failed)]
    check(times[0] <= times[1], "it failed before it was suspect")


def a_monitor_for_people_prints_one_line_each(cluster):
    first, second = cluster.form(2, *FAST)
    with contextlib.ExitStack() as stack:
        monitor = watched(stack, cluster, first)
        second.signal(signal.SIGKILL)
        second.process.wait(LONG)
        cluster.expect(lambda: any(" failed: " in line for line in monitor.lines), "failed")
        check(monitor.end(signal.SIGTERM) == 0, "SIGTERM is no failure")
    for line in monitor.lines:  # on a busy machine it was suspected, and refuted that, before
        check(re.match(r"\d\d:\d\d:\d\d\.\d{3} m02 (suspect: .*no answer|failed: .*m01|alive: .)", line),
              f"a line is {line!r}")


def a_monitor_as_csv_has_its_columns(cluster):
    first = cluster.start("m01", *FAST)
    with contextlib.ExitStack() as stack:
        monitor = watched(stack, cluster, first, "--format", "csv", "--events")
        cluster.start("m02", *FAST, join=[first.address])
        cluster.expect(lambda: len(monitor.lines) >= 2, "a row")
        monitor.end()
    row = next(csv.DictReader(monitor.lines))
    check((row["event"], row["name"], row["state"]) == ("join", "m02", "alive"), f"it is {row}")
    check(json.loads(row["accusers"]) == [] and row["cause"], f"it is {row}")


def logged(monitor):
    return [event for event in map(json.loads, list(monitor.lines)) if event["event"] == "log"]


def a_monitor_shows_the_log_up_to_a_level_of_its_own(cluster):
    path = os.path.join(cluster.folder, "quiet.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"log_level": "error"}, file)
    first = cluster.start("m01", *FAST, "--config", path)
    with contextlib.ExitStack() as stack:
        all_of_it, people, table = (watched(stack, cluster, first, "--logs", *how) for how in (
            ("debug", "--format", "json"), ("info", "--events"), ("info", "--format", "csv")))
        second = cluster.start("m02", *FAST, join=[first.address])
        cluster.expect(lambda: any(" m02 join" in line for line in people.lines), "events beside it")
        ask(cluster, second, "meta", "set", "a", "1")
        cluster.expect(lambda: any(event["level"] == "debug" for event in logged(all_of_it)), "debug")
        check(ask(cluster, first, "reload") == "nothing has changed\n", "the level of a monitor counts as a change")
        cluster.expect(lambda: any(re.match(r"\d\d:\d\d:\d\d\.\d{3} info  agent: reloaded", line)
                                   for line in people.lines), "a line for people")
        seen = len(logged(all_of_it))
        ask(cluster, second, "meta", "set", "a", "2")
        cluster.expect(lambda: any(event["level"] == "debug" for event in logged(all_of_it)[seen:]), "still after it")
        events = [json.loads(line) for line in all_of_it.lines]
        check(all(set(event) == {"time", "event", "level", "room", "text"} for event in events), f"it is {events}")
        rows = list(csv.DictReader(table.lines))
        check(rows and {(row["event"], row["cause"]) for row in rows} <= {("log", "info"), ("log", "warn")} and
              all(row["detail"] for row in rows), f"it is {rows}")
        check(not any(" debug " in line for line in people.lines), "more than was wanted")
    check(not re.search("(info|debug|warn) ", first.log()), f"standard error has more: {first.log()}")
    ended = shoal(cluster, "monitor", "--logs", "all", "--socket", first.socket_path)
    expect_in(["--logs all", "debug"], complaint(ended, 2))


def a_monitor_ends_with_its_agent(cluster):
    first = cluster.start("m01", *FAST)
    with contextlib.ExitStack() as stack:
        monitor = watched(stack, cluster, first)
        first.signal(signal.SIGTERM)
        check(monitor.wait() == 1, "the end of the agent is a failure")
        expect_in([first.socket_path, "has ended"], monitor.process.stderr.read())
    check(first.process.wait(LONG) == 0, "the agent did not end well")


def top_shows_rates_events_and_trouble_first(cluster):
    first, second = cluster.form(2, *FAST)
    looks = [json.loads(line) for line in
             ask(cluster, first, "top", "--count", "2", "--interval", "1s", "--format", "json").splitlines()]
    check([m["name"] for m in looks[1]["members"]] == ["m01", "m02"] and looks[0]["info"]["name"] == "m01", "another list")
    check(looks[0]["per_second"]["probes"] == 0 < looks[1]["per_second"]["probes"], f"rates {looks[1]['per_second']}")
    with Beside(cluster, "top", "--interval", "100ms", "--socket", first.socket_path) as top:
        cluster.expect(lambda: any(re.match(r"packets in +[1-9]", line) for line in top.lines), "it shows a rate")
        second.signal(signal.SIGKILL)
        second.process.wait()
        cluster.expect(lambda: any(re.search(r"^[0-9:]{8} m02 failed: ", line) for line in top.lines), "it shows the event")
        cluster.expect(lambda: "members: 1 alive 1 dead" in top.lines, "it counts")
        check(top.end() == 0, "it ended otherwise")
    lines = ask(cluster, first, "top", "--count", "1").splitlines()
    names = [line.split()[0] for line in lines[lines.index("members: 1 alive 1 dead"):] if line.startswith("m0")]
    check(names == ["m02", "m01"], f"who is in trouble is not first: {lines}")
    lines = ask(cluster, first, "top", "--count", "3", "--interval", "10ms", "--format", "csv").splitlines()
    check(len(lines) == 4 and lines[0].startswith("time,packets_in,"), f"{lines}")
    for wrong in ("0", "-1", "x", "1x"):
        expect_in(["--count", wrong], complaint(shoal(cluster, "top", "--count", wrong, "--socket", first.socket_path), 2))


def events_of_a_member_are_told_as_one_where_the_agent_coalesces(cluster):
    path = os.path.join(cluster.folder, "slow.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"coalesce_ms": 60000}, file)
    first = cluster.start("m01", *STEADY, "--config", path)
    with contextlib.ExitStack() as stack:
        monitor = watched(stack, cluster, first, "--format", "json")
        second = cluster.start("m02", *STEADY, join=[first.address])
        cluster.expect(lambda: first.states().get("m02") == "alive", "m02 is known")
        second.signal(signal.SIGTERM)
        second.process.wait(LONG)
        cluster.expect(lambda: first.states()["m02"] == "left", "m02 has left")
        cluster.expect(lambda: first.counters()["events_merged"] > 0, "its events are merged")
        check(not monitor.lines, f"told already: {monitor.lines}")

if __name__ == "__main__":
    main()
