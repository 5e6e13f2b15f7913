# SPDX-License-Identifier: MIT
"""`shoal agent --record` and `shoal replay`: what an agent went through, run again."""
import json
import os
import signal

from command import FAST, LONG, check, complaint, expect_in, main, shoal


def record_of(cluster, name="record"):
    return os.path.join(cluster.folder, name)


def replay(cluster, path, *options):
    """The summary, the members by name, and the events of a record."""
    ended = shoal(cluster, "replay", path, "--format", "json", *options)
    check(ended.returncode == 0 and ended.stderr == "", f"replay: {ended.returncode} {ended.stderr}")
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    last = lines[-1]
    return last["replay"], {m["name"]: m for m in last["members"]}, lines[:-1]


def recorded_cluster(cluster, *options):
    """Three agents, the first recorded; the third was killed and found dead. Returns the first."""
    path = record_of(cluster)
    doubting = (*FAST, "--watch-links", "0")  # a refused connection would be the end without a doubt before
    first = cluster.start("m01", *doubting, "--record", path, *options)
    rest = [cluster.start(n, *doubting, join=[first.address]) for n in ("m02", "m03")]
    cluster.expect_all([first, *rest], {n: "alive" for n in ("m01", "m02", "m03")})
    rest[1].signal(signal.SIGKILL)
    cluster.expect(lambda: first.heard("failed", "m03"), "m03 is found dead")
    return first


def end(cluster, agent, number=signal.SIGTERM):
    agent.signal(number)
    agent.process.wait(LONG)


def a_recorded_agent_is_replayed_to_the_same_events_and_the_same_hashes(cluster):
    first = recorded_cluster(cluster, "--set", "record_redact=1")
    told = [(e["event"], e["name"], e["state"], e["cause"]["accusers"]) for e in first.events]
    end(cluster, first)
    summary, members, events = replay(cluster, record_of(cluster))
    check(summary["same"] is True and summary["whole"] and summary["checkpoints"] >= 1,
          f"the summary is {summary}")
    check(members["m03"]["state"] == "dead", f"the members are {members}")
    again = [(e["event"], e["name"], e["state"], e["cause"]["accusers"]) for e in events
             if e["event"] not in ("joined", "ended", "health")]
    check(again[:len(told)] == told, f"told {told}, replayed {again}")
    table = shoal(cluster, "replay", record_of(cluster)).stdout
    expect_in(["m01 at 127.0.0.1:", "redacted", "m03", "failed (suspect to dead)", "all the same",
               "NAME", "dead"], table)


def a_replay_stops_at_an_event_or_at_a_time(cluster):
    end(cluster, recorded_cluster(cluster))
    path = record_of(cluster)
    summary, members, events = replay(cluster, path, "--until", "failed:m03")
    check(summary["stopped"] and events[-1]["event"] == "failed" and events[-1]["name"] == "m03",
          f"it stopped at {events[-1]}")
    # Whoever was kept waiting is suspect for a moment.
    check(members["m03"]["state"] == "dead" and members["m02"]["state"] in ("alive", "suspect"), f"{members}")
    at = events[-1]["at_s"]
    summary, members, _ = replay(cluster, path, "--until", f"{at - 0.001:.6f}")
    check(summary["stopped"] and members["m03"]["state"] == "suspect", f"{summary} {members}")
    summary, members, _ = replay(cluster, path, "--until", "2001-01-01T00:00:00.5Z")
    check(summary["stopped"] and summary["inputs"] == 0, f"{summary}")
    _, _, events = replay(cluster, path, "--member", "m02")
    check(events and {e["name"] for e in events} == {"m02"}, f"{events}")
    for wrong in ("sometimes", "12.", "2001-01-01T00:00:00", "failing:m03", "-1"):
        expect_in(["--until", wrong], complaint(shoal(cluster, "replay", path, "--until", wrong), 2))


def a_record_of_a_killed_agent_is_read_up_to_where_it_is_torn(cluster):
    first = recorded_cluster(cluster)
    cluster.expect(lambda: os.path.getsize(record_of(cluster)) > 4096, "some of it is written")
    end(cluster, first, signal.SIGKILL)
    summary, _, _ = replay(cluster, record_of(cluster))
    check(summary["same"] is (True if summary["checkpoints"] > 0 else None) and not summary["whole"],
          f"the summary is {summary}")
    with open(record_of(cluster), "rb") as file:
        data = file.read()
    torn = record_of(cluster, "torn")
    with open(torn, "wb") as file:
        file.write(data[:-3])
    ended = shoal(cluster, "replay", torn)
    check(ended.returncode == 0 and "is torn: read up to byte" in ended.stdout, ended.stdout[-300:])
    with open(torn, "wb") as file:
        file.write(data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])
    expect_in([torn, "checksum does not match at byte"], complaint(shoal(cluster, "replay", torn), 1))


def what_is_no_record_is_refused(cluster):
    expect_in(["No such file"], complaint(shoal(cluster, "replay", record_of(cluster)), 1))
    with open(record_of(cluster), "w", encoding="ascii") as file:
        file.write("{\"this\": \"is something else\"}")
    expect_in(["not a record of 'shoal agent --record'"], complaint(shoal(cluster, "replay", record_of(cluster)), 1))
    complaint(shoal(cluster, "replay"), 2)
    expect_in(["csv"], complaint(shoal(cluster, "replay", "x", "--format", "csv"), 2))


def a_record_whose_beginning_is_gone_is_listed(cluster):
    path = record_of(cluster)
    hasty = ("--set", "probe_interval_ms=20", "--set", "probe_timeout_ms=10")
    first = cluster.start("m01", *FAST, *hasty, "--record", path, "--set", "record_bytes=65536")
    second = cluster.start("m02", *FAST, join=[first.address])

    cluster.expect(lambda: "listed only" in shoal(cluster, "replay", path + ".1").stdout,
                   "the record has turned over twice")
    end(cluster, first)
    end(cluster, second)
    check(os.path.getsize(path) + os.path.getsize(path + ".1") < 65536 + 2048, "it is too large")
    ended = shoal(cluster, "replay", path)
    check(ended.returncode == 0, ended.stderr)
    expect_in(["The beginning is not there any more", "datagram 127.0.0.1:", "listed only"], ended.stdout)


def a_full_disk_ends_the_record_and_not_the_membership(cluster):
    first = cluster.start("m01", *FAST, "--record", "/dev/full")
    cluster.expect(lambda: "has stopped: No space left on device" in first.log(), "the warning")
    second = cluster.start("m02", *FAST, join=[first.address])
    cluster.expect_all([first, second], {"m01": "alive", "m02": "alive"})
    check(first.log().count("has stopped") == 1, "it was warned of more than once")
    unmade = shoal(cluster, "agent", "--bind", "127.0.0.1:0", "--record", "/nowhere/record")
    expect_in(["record: /nowhere/record: No such file"], complaint(unmade, 1))


if __name__ == "__main__":
    main()
