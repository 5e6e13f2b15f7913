# SPDX-License-Identifier: MIT
"""`shoal meta` and `shoal tag`: what is set on one is seen on all, in lists, filters and events."""
import contextlib
import json
import re

from command import STEADY, Beside, ask, check, complaint, expect_in, following, main, shoal
from control import request, send, status_of


def listed(cluster, agent, *options):
    return [m["name"] for m in json.loads(ask(cluster, agent, "members", "--format", "json", *options))]


def described(agent, name):
    """What an agent holds of a member: metadata and tags."""
    member = agent.members().get(name, {})
    return member.get("meta"), member.get("tags")


def what_an_agent_is_started_with_is_seen_by_all(cluster):
    first = cluster.start("m01", *STEADY, "--tag", "db", "--tag", "hot", "--meta", "role=db", "--meta", "a=b=c")
    second = cluster.start("m02", *STEADY, join=[first.address])
    wanted = ({"a": "b=c", "role": "db"}, ["db", "hot"])
    cluster.expect(lambda: described(second, "m01") == wanted, "the other one holds it")
    check(described(first, "m01") == wanted, "it does not hold its own")
    check(described(first, "m02") == ({}, []), "the other one says something")
    ended = shoal(cluster, "agent", "--bind", "127.0.0.1:0", "--meta", "role")
    expect_in(["--meta role", "KEY=VALUE"], complaint(ended, 2))
    ended = shoal(cluster, "agent", "--bind", "127.0.0.1:0", "--meta", "=x")
    expect_in(["--meta"], complaint(ended, 2))
    ended = shoal(cluster, "agent", "--bind", "127.0.0.1:0", "--tag", "t" * 65)
    expect_in(["tags", "64"], complaint(ended, 2))


def keys_are_set_unset_and_shown(cluster):
    first, second = cluster.form(2, *STEADY)
    check(ask(cluster, first, "meta", "set", "role", "web", "zone", "a b") == "", "it said something")
    ask(cluster, first, "meta", "set", "--type", "uint64", "port", "80")
    ask(cluster, first, "meta", "set", "--type", "bool", "ready", "true")
    ask(cluster, first, "meta", "set", "--type", "double", "weight", "0.5")
    ask(cluster, first, "meta", "set", "--type", "time", "since", "2026-01-02T03:04:05.678Z")
    ask(cluster, first, "meta", "set", "--type", "bytes", "key", "01ff")
    ask(cluster, first, "tag", "add", "hot", "db")
    wanted = {"role": "web", "zone": "a b", "port": 80, "ready": True, "weight": 0.5,
              "since": "2026-01-02T03:04:05.678Z", "key": "01ff"}
    cluster.expect(lambda: described(second, "m01") == (wanted, ["db", "hot"]), "the other one holds it")
    check(json.loads(ask(cluster, second, "meta", "get", "m01", "--format", "json")) == wanted, "get shows another")
    table = ask(cluster, first, "meta", "get")
    check(re.search(r"^role +web$", table, re.M) and re.search(r"^port +80$", table, re.M), table)
    expect_in(["key,value", "zone,a b"], ask(cluster, second, "meta", "get", "m01", "--format", "csv"))
    ask(cluster, first, "meta", "unset", "zone", "never there")
    ask(cluster, first, "tag", "remove", "hot")
    del wanted["zone"]
    cluster.expect(lambda: described(second, "m01") == (wanted, ["db"]), "the other one holds the rest")


def members_are_filtered_by_tag_and_metadata(cluster):
    first, second, third = cluster.form(3, *STEADY)
    ask(cluster, first, "meta", "set", "role", "web", "zone", "a")
    ask(cluster, second, "meta", "set", "role", "web", "zone", "b,c")
    ask(cluster, third, "tag", "add", "spare")
    cluster.expect(lambda: described(first, "m02")[0] and described(first, "m03")[1], "the first one holds it")
    for options, names in ((["--where", "role=web"], ["m01", "m02"]), (["--where", "zone"], ["m01", "m02"]),
                           (["--where", "role=web,zone=a"], ["m01"]), (["--where", "role", "--where", "zone~b"], ["m02"]),
                           (["--tag", "spare"], ["m03"]), (["--tag", "spare", "--where", "role"], []),
                           (["--state", "alive", "--where", "zone=a"], ["m01"]), (["--state", "dead", "--tag", "spare"], [])):
        check(listed(cluster, first, *options) == names, f"{options} gave {listed(cluster, first, *options)}")
    ended = shoal(cluster, "members", "--where", "=x", "--socket", first.socket_path)
    expect_in(["criteria"], complaint(ended, 1))


def a_monitor_names_the_keys_of_an_update(cluster):
    first, second = cluster.form(2, *STEADY)
    ask(cluster, second, "meta", "set", "old", "1", "same", "1")
    cluster.expect(lambda: described(first, "m02")[0], "the first one holds it")
    with contextlib.ExitStack() as stack:
        before = following(first)
        monitor = stack.enter_context(Beside(cluster, "monitor", "--format", "json", "--socket", first.socket_path))
        table = stack.enter_context(Beside(cluster, "monitor", "--socket", first.socket_path))
        cluster.expect(lambda: following(first) == before + 2, "the monitors follow")
        body = {"set": {"new": 1, "same": "2", "old": None}, "add_tags": ["t"]}
        answer = send(second, request("POST", "/v1/meta", json.dumps(body).encode()))
        check(status_of(answer) == 200, f"the answer is {answer!r}")
        cluster.expect(lambda: monitor.lines and table.lines, "the update is told")
        event = json.loads(monitor.lines[0])
        check((event["event"], event["name"]) == ("update", "m02"), f"it is {event}")
        check(event["changed"] == ["metadata", "tags"], f"changed is {event['changed']}")
        check(event["keys"] == {"added": ["new"], "changed": ["same"], "removed": ["old"]}, f"it is {event['keys']}")
        expect_in(["m02 update: metadata tags, +new, *same, -old"], table.lines[0])


def what_cannot_be_set_is_refused_in_one_line(cluster):
    agent = cluster.start("m01", *STEADY)
    for arguments, status, word in (
            (["set", "role"], 2, "KEY VALUE"), (["set", "--type", "color", "a", "b"], 2, "color"),
            (["set", "a=b", "x"], 1, "a=b"), (["set", "", "x"], 1, "metadata"),
            (["set", "k" * 129, "x"], 1, "128"), (["get", "nobody"], 1, "no such member"), (["clear"], 2, "unset"),
            (["unset"], 2, "unset"), (["set", "big", "x" * 65000, "more", "x" * 600], 1, "65536")):
        ended = shoal(cluster, "meta", *arguments, "--socket", agent.socket_path)
        expect_in([word], complaint(ended, status))
    for kind, value, wanted in (("int64", "12x", "whole number"), ("int64", "9223372036854775808", "whole number"),
                                ("uint64", "1.5", "18446744073709551615"), ("double", "half", "number"),
                                ("bool", "maybe", "true or false"), ("time", "noon", "2026-01-02T03:04:05Z"),
                                ("bytes", "0xyz", "hexadecimal"), ("bytes", "abc", "hexadecimal")):
        ended = shoal(cluster, "meta", "set", "--type", kind, "w", value, "--socket", agent.socket_path)
        expect_in(["w:", f"'{value}'", kind, wanted], complaint(ended, 2))
    ended = shoal(cluster, "tag", "add", "a,b", "--socket", agent.socket_path)
    expect_in(["'a,b'", "comma"], complaint(ended, 1))
    ended = shoal(cluster, "tag", "add", "t" * 65, "--socket", agent.socket_path)
    expect_in(["64"], complaint(ended, 1))
    ended = shoal(cluster, "tag", "paint", "red", "--socket", agent.socket_path)
    expect_in(["add TAG"], complaint(ended, 2))
    check(described(agent, "m01") == ({}, []), "something was set")


if __name__ == "__main__":
    main()
