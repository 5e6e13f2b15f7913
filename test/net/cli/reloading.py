# SPDX-License-Identifier: MIT
"""`shoal reload`, SIGHUP and `shoal forget`: what a running agent can be told anew."""
import json
import os
import signal

from command import FAST, STEADY, ask, check, complaint, expect_in, main, shoal


def write(cluster, **keys):
    path = os.path.join(cluster.folder, "agent.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(keys, file)
    return path


def reloaded(cluster, agent):
    """What a reload changed, and what needs a restart."""
    report = json.loads(ask(cluster, agent, "reload", "--format", "json"))
    return report["changed"], report["restart"]


def own(agent):
    member = agent.members()[agent.name]
    return member["meta"], member["tags"]


def what_may_change_is_taken_over_and_the_rest_is_named(cluster):
    path = write(cluster, meta=["role=web", "zone=1"], tag=["blue"], probe_interval_ms=5000, http="127.0.0.1:0")
    agent = cluster.start("a", *STEADY[:2], "--config", path)
    other = cluster.start("b", *STEADY)
    check(ask(cluster, agent, "reload") == "nothing has changed\n", "what is as it was was changed")
    write(cluster, meta=["role=db"], tag=["red", "hot"], probe_interval_ms=4000, log_level="error", watch_links=1,
          events_max=77, join=[other.address])
    check(reloaded(cluster, agent) == (["tag", "probe_interval_ms", "log_level", "meta", "join"],
                                       ["events_max", "watch_links", "http"]), "another report")
    cluster.expect(lambda: own(agent) == ({"role": "db"}, ["hot", "red"]), "metadata and tags changed")
    cluster.expect(lambda: "a" in other.members(), "it joined through the new seed")
    lines = agent.log().count("reloaded:")
    check(reloaded(cluster, agent) == ([], ["events_max", "watch_links", "http"]), "told twice")
    check(agent.log().count("reloaded:") == lines, "it logs as before")
    expect_in(["needs a restart: events_max, watch_links, http"], ask(cluster, agent, "reload"))
    expect_in(["key,effect", "http,restart"], ask(cluster, agent, "reload", "--format", "csv"))


def flags_and_commands_outlive_a_reload(cluster):
    path = write(cluster, meta=["role=web"], tag=["old", "blue"], gossip_fanout=2)
    agent = cluster.start("a", *STEADY, "--config", path, "--set", "gossip_fanout=4")
    ask(cluster, agent, "meta", "set", "role", "db", "own", "1")
    ask(cluster, agent, "tag", "add", "hot")
    ask(cluster, agent, "tag", "remove", "old")
    write(cluster, meta=["role=web", "zone=2"], tag=["old", "green"], gossip_fanout=3)
    check(reloaded(cluster, agent) == (["tag", "meta"], []), "the flag is weaker than the file")
    cluster.expect(lambda: own(agent) == ({"role": "db", "own": "1", "zone": "2"}, ["green", "hot"]),
                   "only what differs in the file")


def another_address_to_advertise_counts_for_all(cluster):
    path = write(cluster, advertise=["127.0.0.1"])
    agent = cluster.start("a", *STEADY, "--config", path, bind="127.0.0.1:0,127.0.0.2:0")
    other = cluster.start("b", *STEADY, join=[agent.address])
    cluster.expect_all([agent, other], {"a": "alive", "b": "alive"})
    write(cluster, advertise=["127.0.0.2"])
    check(reloaded(cluster, agent) == (["advertise"], []), "another report")
    cluster.expect(lambda: other.members()["a"]["address"].startswith("127.0.0.2:"), "the other one hears of it")
    cluster.expect(lambda: other.heard("update", "a"), "and tells it")
    check(other.heard("update", "a")[-1]["changed"] == ["address"], f"told as {other.heard('update', 'a')}")


def a_file_that_is_wrong_changes_nothing_and_says_where(cluster):
    path = write(cluster, probe_interval_ms=5000)
    agent = cluster.start("a", *STEADY[:2], "--config", path)
    for keys, words in (
            ({"probe_interval_ms": "fast", "meta": ["a=b"]}, ["$.probe_interval_ms", "10 to 600000"]),
            ({"meta": ["a=b", "c"]}, ["$.meta[1]", "KEY=VALUE"]),
            ({"meta": ["a=b", "=x"], "join": ["127.0.0.1:9"], "gossip_fanout": 2}, ["metadata"]),
            ({"meta": ["a=b", f"{'k' * 129}=x"], "tag": ["t"]}, ["128"]),
            ({"meta": ["a=b"], "tag": ["t" * 65]}, ["64"]),
            ({"wings": 2, "meta": ["a=b"]}, ["$.wings", "no such field"]),
            ({"join": ["127.0.0.1:99999"], "meta": ["a=b"]}, ["127.0.0.1:99999"]),
            ({"probe_timeout_ms": 4000, "probe_interval_ms": 3000}, ["probe_timeout_ms is 4000"])):
        write(cluster, **keys)
        expect_in(words, complaint(shoal(cluster, "reload", "--socket", agent.socket_path), 1))
    os.remove(path)
    expect_in([path, "No such file"], complaint(shoal(cluster, "reload", "--socket", agent.socket_path), 1))
    write(cluster, probe_interval_ms=5000)
    check(reloaded(cluster, agent) == ([], []), "something of it counts")
    check(own(agent) == ({}, []), "something of it is told")


def sighup_reads_the_file_again(cluster):
    path = write(cluster, meta=["role=web"])
    agent = cluster.start("a", *STEADY, "--config", path)
    write(cluster, meta=["role=db"])
    agent.signal(signal.SIGHUP)
    cluster.expect(lambda: own(agent) == ({"role": "db"}, []), "it counts")
    cluster.expect(lambda: 'reloaded: {"changed": ["meta"], "restart": []}' in agent.log(), "it is logged")
    write(cluster, meta="x")
    agent.signal(signal.SIGHUP)
    cluster.expect(lambda: "not reloaded: " in agent.log(), "what is wrong is logged")
    check(agent.get("/v1/info")["state"] == "running", "it does not run any more")


def a_dead_member_is_forgotten_by_all(cluster):
    first, second, third = cluster.form(3, *FAST)
    third.signal(signal.SIGKILL)
    third.process.wait()
    cluster.expect_all([first, second], {"m03": "dead"})
    check(ask(cluster, first, "forget", "m03") == "m03 is forgotten\n", "it said something else")
    cluster.expect(lambda: "m03" not in first.members() and "m03" not in second.members(), "nobody lists it")
    cluster.expect(lambda: [e["cause"]["kind"] for e in second.heard() if e["event"] == "reap"] == ["forgotten"],
                   "it is told why")
    expect_in(["is forgotten, it was dead"], ask(cluster, second, "why", "m03"))


def who_lives_or_is_not_known_is_not_forgotten(cluster):
    first, second = cluster.form(2, *STEADY)
    for word, words in (("m02", ["m02 is alive"]), ("m01", ["m01 is alive"]), ("m09", ["no such member"])):
        expect_in(words, complaint(shoal(cluster, "forget", word, "--socket", first.socket_path), 1))
    check(set(first.members()) == {"m01", "m02"} == set(second.members()), "one is gone")


def who_is_not_in_the_list_is_refused_until_a_reload_lets_it_in(cluster):
    path = write(cluster, allow=["10.0.0.0/8", "fd00::/8"])
    first = cluster.start("a", *STEADY, "--config", path)
    cluster.expect(lambda: f"allow does not name this member's own address {first.address}" in first.log(), "it is told")
    second = cluster.start("b", *STEADY)
    ended = shoal(cluster, "join", first.address, "--socket", second.socket_path)
    expect_in([first.address, "not allowed"], complaint(ended, 1))
    check("b" not in first.members() and first.counters()["drop_not_allowed"] > 0, "it was taken in")
    ended = shoal(cluster, "join", second.address, "--socket", first.socket_path)
    expect_in([second.address, "permission denied", "what allow names"], complaint(ended, 1))
    write(cluster, allow=["10.0.0.0/8", "127.0.0.1"])
    check(reloaded(cluster, first) == (["allow"], []), "another report")
    ask(cluster, second, "join", first.address)
    cluster.expect(lambda: "b" in first.members(), "it is taken in")
    for wrong in ("10.0.0.0/33", "10.0.0.1/8", "example.org"):
        ended = shoal(cluster, "agent", "--bind", "127.0.0.1:0", "--allow", wrong)
        expect_in(["allow", wrong], complaint(ended, 2))


if __name__ == "__main__":
    main()
