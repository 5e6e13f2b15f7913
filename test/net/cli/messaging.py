# SPDX-License-Identifier: MIT
"""`shoal send`, `broadcast`, `request` and `monitor --messages`."""
import contextlib
import csv
import json
import subprocess

from command import FAST, LONG, ask, check, complaint, environment, expect_in, main, shoal
from monitoring import watched


def heard(monitor):
    return [json.loads(line) for line in monitor.lines]


def messages_are_shown_where_they_come(cluster):
    first, second, third = cluster.form(3, *FAST)
    ask(cluster, third, "tag", "add", "red")
    cluster.expect(lambda: first.members()["m03"]["tags"] == ["red"], "the tag is known")
    with contextlib.ExitStack() as stack:
        two, three = (watched(stack, cluster, agent, "--messages", "--format", "json") for agent in (second, third))
        text = watched(stack, cluster, third, "--messages", "--events")
        table = watched(stack, cluster, third, "--messages", "--format", "csv")
        check(ask(cluster, first, "send", "m02", "200", "hello you", "--reliable") == "", "send prints something")
        check(ask(cluster, first, "broadcast", "201", "hello all") == "", "broadcast prints something")
        ask(cluster, first, "broadcast", "202", "hello red", "--tag", "red", "--reliable")
        cluster.expect(lambda: len(two.lines) == 2 and len(three.lines) == 2 and len(table.lines) == 3, "they came")
        by_type = {event["type"]: event for event in heard(two)}
        check(set(by_type) == {200, 201}, f"m02 heard {by_type}")
        check(by_type[200]["data"] == "hello you" and by_type[200]["reliable"] and not by_type[200]["broadcast"],
              f"it is {by_type}")
        check(by_type[201]["broadcast"] and by_type[201]["name"] == "m01" and by_type[201]["id"] == first.id,
              f"it is {by_type}")
        check({event["type"] for event in heard(three)} == {201, 202}, f"m03 heard {three.lines}")
        cluster.expect(lambda: any("m01 message 201: hello all" in line for line in text.lines), "a line for people")
        rows = list(csv.DictReader(table.lines))
        check({(row["event"], row["name"], row["detail"]) for row in rows} ==
              {("message", "m01", "hello all"), ("message", "m01", "hello red")}, f"the rows are {rows}")


def bytes_that_are_no_text_come_as_digits(cluster):
    first, second = cluster.form(2, *FAST)
    with contextlib.ExitStack() as stack:
        monitor = watched(stack, cluster, second, "--messages", "--format", "json")
        sent = subprocess.run([cluster.program, "send", "m02", "200", "-", "--socket", first.socket_path],
                              input=b"\0\xff\n", timeout=LONG, check=False, env=environment(cluster, {}))
        check(sent.returncode == 0, "it was not sent")
        cluster.expect(lambda: monitor.lines, "it came")
        check(heard(monitor)[0]["data_hex"] == "00ff0a", f"it is {monitor.lines}")


def one_that_is_not_forwarded_comes_from_its_origin(cluster):
    first, second, third = cluster.form(3, *FAST)
    with contextlib.ExitStack() as stack:
        two, three = (watched(stack, cluster, agent, "--messages", "--format", "json") for agent in (second, third))
        ask(cluster, first, "broadcast", "201", "hello", "--no-forward")
        cluster.expect(lambda: two.lines and three.lines, "it came to so few")
        for monitor in (two, three):
            check([event["hops"] for event in heard(monitor)] == [0], f"it is {monitor.lines}")
        check(second.counters()["casts_out"] == 0 and third.counters()["casts_out"] == 0, "it was passed on")
        where = ("--socket", first.socket_path)
        expect_in(["--no-forward", "exclude"], complaint(shoal(cluster, "broadcast", "201", "x", "--no-forward", "--reliable", *where), 2))


def one_of_one_hop_is_not_passed_on(cluster):
    first, second, third = cluster.form(3, *FAST)
    where = ("--socket", first.socket_path)
    with contextlib.ExitStack() as stack:
        two, three = (watched(stack, cluster, agent, "--messages", "--format", "json") for agent in (second, third))
        ask(cluster, first, "broadcast", "201", "hello", "--hops", "1", "--ttl", "5m")
        cluster.expect(lambda: two.lines and three.lines, "it came to so few")
        for monitor in (two, three):
            check([event["hops"] for event in heard(monitor)] == [0], f"it is {monitor.lines}")
        check(second.counters()["casts_out"] == 0 and third.counters()["casts_out"] == 0, "it was passed on")
    for hops in ("0", "65", "x", "-1"):
        expect_in(["--hops", "1 to 64"], complaint(shoal(cluster, "broadcast", "201", "x", f"--hops={hops}", *where), 2))
    for ttl in ("0s", "2", "x"):
        expect_in(["--ttl", "500ms or 2s"], complaint(shoal(cluster, "broadcast", "201", "x", "--ttl", ttl, *where), 2))


def what_cannot_be_sent_is_refused_with_its_reason(cluster):
    first, _ = cluster.form(2, *FAST)
    where = ("--socket", first.socket_path)
    expect_in(["no such member"], complaint(shoal(cluster, "send", "nobody", "200", "x", *where), 1))
    expect_in(["member: say a name"], complaint(shoal(cluster, "send", "", "200", "x", *where), 1))
    expect_in(["itself"], complaint(shoal(cluster, "send", "m01", "200", "x", *where), 1))
    for number in ("127", "65536", "x", "-1"):
        expect_in(["TYPE"], complaint(shoal(cluster, "broadcast", *where, "--", number, "x"), 2))
    expect_in(["65537", "65536"], complaint(shoal(cluster, "broadcast", "200", "x" * 65537, *where), 1))
    expect_in(["tag"], complaint(shoal(cluster, "broadcast", "200", "x", "--tag", "t" * 65, *where), 1))
    expect_in(["nobody handles requests"], complaint(shoal(cluster, "request", "m02", "200", "x", *where), 1))


if __name__ == "__main__":
    main()
