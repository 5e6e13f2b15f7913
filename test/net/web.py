# SPDX-License-Identifier: MIT
"""Agents that reach each other by URLs, and such among others that have sockets."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket as sockets
import urllib.parse

from harness import LOCAL, LONG, STEADY, check, main
from seal import keyring

URL = "http://127.0.0.1:0/gossip"


def token(cluster, *tokens, name="token"):
    """The options of agents that share a file with these tokens."""
    path = f"{cluster.folder}/{name}"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write("".join(text + "\n" for text in tokens or ("a-token",)))
    return "--transport", "http", "--token-file", path


def agents_at_urls_join_one_is_killed_and_one_leaves(cluster):
    agents = cluster.form(4, *LOCAL, *token(cluster, "a-token"), bind=URL)
    for agent in agents:
        check({m["address"] for m in agent.members().values()} == {a.address for a in agents},
              f"{agent.name} shows other addresses than those that the agents told")
    check(all(a.address.startswith("http://127.0.0.1:") for a in agents), "they are no URLs")
    cluster.expect(lambda: agents[1].address in agents[0].log(), "the log names a member by its URL")
    agents[2].signal(signal.SIGTERM)
    cluster.expect_all(agents[:2], {"m03": "left"})
    cluster.expect(lambda: not agents[2].running, "the one that leaves ends")
    agents[3].signal(signal.SIGKILL)
    agents[3].process.wait()
    cluster.expect_all(agents[:2], {"m01": "alive", "m02": "alive", "m04": "dead"})


def one_nobody_dials(cluster, *options, bind, told):
    """Four, and one that tells an address at which nobody answers: shown so, accused by nobody, dead when killed. What
    they say to it comes with what it polls, and so do replies to it."""
    options = (*LOCAL, "--set", "probe_interval_ms=100", "--set", "probe_timeout_ms=50", "--set", "suspicion_mult=20",
               *options)
    with sockets.socket() as streams, sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as datagrams:
        streams.bind(("127.0.0.1", 0))  # bound, so that nobody else gets it, and never read
        datagrams.bind(streams.getsockname())
        agents = cluster.form(4, *options, bind=bind)
        far = cluster.start("far", *options, "--advertise", told % streams.getsockname()[1], bind=bind,
                            join=[agents[0].address])
        cluster.expect(lambda: all(a.members().get("far", {}).get("diagnosis") == "inbound only"
                                   for a in agents + [far]), "all show that it is inbound only")
        for asks, of in [(a, far) for a in agents] + [(far, agents[0])]:
            done = cluster.run("request", of.name, "200", "x", "--timeout", "60s", "--socket", asks.socket_path)
            check("nobody handles requests of this type there" in done.stderr, f"{asks.name} asks: {done.stderr}")
        cluster.run("send", "far", "200", "x", "--socket", agents[0].socket_path)
        cluster.expect(lambda: far.counters()["messages_in"] == len(agents) + 2, "all that was said to it is taken")
        check(sum(a.counters()["calls_up"] for a in agents) > 0, "one whom it does not poll of itself asked it to")
        before = {a: a.counters()["probes_acked"] for a in agents}
        cluster.expect(lambda: all(a.counters()["probes_acked"] >= n + 8 for a, n in before.items()),
                       "each has probed every other twice")
        cluster.expect_none("failed")
        far.signal(signal.SIGKILL)
        far.process.wait()
        cluster.expect_all(agents, {"far": "dead"})


def an_agent_at_a_url_that_nobody_reaches_takes_part_and_is_failed_when_killed(cluster):
    one_nobody_dials(cluster, *token(cluster, "a-token"), bind=URL, told="http://127.0.0.1:%d/gossip")


def an_agent_that_nobody_reaches_takes_part_without_watch_links_too(cluster):
    one_nobody_dials(cluster, "--watch-links", "0", bind="127.0.0.1:0", told="127.0.0.1:%d")


def agents_at_sockets_and_at_urls_are_one_cluster(cluster):
    record = f"{cluster.folder}/record"
    both = cluster.start("both", *LOCAL, "--record", record, bind=f"127.0.0.1:0,{URL}")
    url = next(place for place in [m["url"] for m in both.members().values()])
    info = both.get("/v1/info")
    told = [{"address": both.address, "kind": "sockets"}, {"address": url, "kind": "http"}]
    check(info["addresses"] == told and info["bound"] == told, f"it is at {info['addresses']}, bound {info['bound']}")
    rows = cluster.run("info", "--socket", both.socket_path).stdout.splitlines()
    check([row.split() for row in rows[2:4]] == [["address", both.address], ["and", url]], f"it shows {rows}")
    socket = cluster.start("socket", *LOCAL, join=[both.address])
    web = cluster.start("web", *LOCAL, bind=URL, join=[url])
    cluster.expect_all([both, socket, web], {"both": "alive", "socket": "alive", "web": "alive"})
    for agent, place in ((web, url), (socket, both.address)):
        rows = cluster.run("members", "--socket", agent.socket_path).stdout.splitlines()
        check(any(row.split()[0] == "both" and place in row for row in rows), f"{agent.name} shows {rows}")
        check(agent.members()["both"]["used"] == place, f"{agent.name} uses {agent.members()['both']}")
    check(web.members()["socket"]["used"] is None, "it uses an address of a kind that it has none of")
    apart = cluster.run("rtt", "socket", "web", "--socket", both.socket_path)
    check(apart.returncode == 1 and "no kind of address in common" in apart.stderr, f"it said: {apart.stderr}")
    ended = cluster.run("agent", "--name", "lost", "--bind", URL, "--join", socket.address,
                        "--socket", f"{cluster.folder}/lost.sock", seconds=LONG)
    check(ended.returncode != 0 and "bind ip:port too" in ended.stderr, f"it said: {ended.stderr}")
    web.signal(signal.SIGKILL)
    web.process.wait()
    cluster.expect_all([both, socket], {"web": "dead"})
    both.signal(signal.SIGTERM)
    both.process.wait(LONG)
    for form in ("table", "json"):
        told = cluster.run("replay", record, "--format", form).stdout
        check(told.count(web.address) >= 2 and not re.search(r"a URL|\[1[0-9a-f]{2}:", told), told)


def started_twice(cluster, seed, first, *options, **where):
    """A second agent under the name of the first, which ends by itself and says where the first one is."""
    second = cluster.spawn(first.name, *STEADY, *options, "--socket", f"{cluster.folder}/second.sock", **where)
    second.expected_to_end = True
    cluster.expect(lambda: not second.running, "the second ends by itself")
    check(second.process.returncode == 1, f"it ended with {second.process.returncode}")
    why = [line for line in second.log().splitlines() if line.startswith("shoal: stopped: ")]
    check(len(why) == 1 and "another live member has this name or id" in why[0] and first.address in why[0],
          f"why it stopped: {why}")
    cluster.every.remove(second)
    check(first.running, "the first ended, too")
    for agent in (seed, first):
        held = agent.members()[first.name]
        check(held["state"] == "alive" and first.address in (held["address"], held["url"]), f"{agent.name}: {held}")
    cluster.expect(lambda: first.heard("conflict", first.name), "the first tells of the conflict")
    return first.heard("conflict", first.name)[-1]["cause"]["detail"]


def of_two_agents_under_one_name_at_urls_the_later_stops_and_says_why(cluster):
    agents = cluster.form(2, *STEADY, *token(cluster, "a-token"), bind=URL)
    for through in agents:
        detail = started_twice(cluster, *agents, *token(cluster, "a-token"), bind=URL, join=[through.address])
        check("http://127.0.0.1:" in detail and agents[1].address not in detail, f"the first says {detail}")
    cluster.expect_none("suspect", about=agents[1].name)


def of_one_name_at_a_socket_and_at_a_url_the_later_stops(cluster):
    both = cluster.start("both", *STEADY, bind=f"127.0.0.1:0,{URL}")
    url = next(place for place in [m["url"] for m in both.members().values()])
    socket = cluster.start("socket", *STEADY, join=[both.address])
    web = cluster.start("web", *STEADY, bind=URL, join=[url])
    cluster.expect_all([both, socket, web], {"both": "alive", "socket": "alive", "web": "alive"})
    started_twice(cluster, both, socket, bind=URL, join=[url])
    started_twice(cluster, both, web, join=[both.address])


def reloaded(cluster, agent):
    return cluster.run("reload", "--socket", agent.socket_path).stdout.splitlines()


def a_token_changes_in_three_rounds_and_the_old_one_is_refused_then(cluster):
    options = token(cluster, "old")
    agents = cluster.form(2, *LOCAL, "--set", "suspicion_mult=100", *options, bind=URL)
    for i, tokens in enumerate((("old", "new"), ("new", "old"), ("new",)), 1):
        token(cluster, *tokens)
        for agent in agents:
            agent.signal(signal.SIGHUP)
        cluster.expect(lambda: all(a.log().count('reloaded: {"changed": ["token_file"], "restart": []}') == i for a in agents),
                       f"both take {tokens}")
        acked = {a: a.counters()["probes_acked"] for a in agents}
        cluster.expect(lambda: all(a.counters()["probes_acked"] >= n + 2 for a, n in acked.items()),
                       f"they reach each other with {tokens}")
    check(reloaded(cluster, agents[0]) == ["nothing has changed"], "it takes what it has")
    check(not any("401" in a.log() for a in agents), "they refused each other meanwhile")
    late = cluster.start("late", *LOCAL, *token(cluster, "old", name="former"), bind=URL, join=[agents[0].address])
    cluster.expect(lambda: "401" in late.log(), "the log says that the token is another one")
    check(set(agents[0].states()) == {"m01", "m02"}, "it was taken in all the same")


def a_token_that_ends_is_asked_for_until_the_restart(cluster):
    path = os.path.join(cluster.folder, "agent.json")

    def write(**fields):
        with open(path, "w", encoding="ascii") as file:
            json.dump({"transport": "http", **fields}, file)

    write(token_file=token(cluster)[-1])
    agent = cluster.start("alone", *LOCAL, "--config", path, bind=URL)
    place = urllib.parse.urlsplit(agent.address)

    def status(**headers):
        link = http.client.HTTPConnection(place.hostname, place.port, timeout=LONG)
        with contextlib.closing(link):
            link.request("POST", place.path + "/message", b"x", {"Shoal-From": agent.address, **headers})
            return link.getresponse().status

    check(status() == 401 and status(Authorization="Bearer a-token") != 401, "it does not ask for its token")
    check(agent.get("/v1/info")["reach"]["state"] is None, "one that is alone knows whether it is reached")
    check("no other member tells" in cluster.run("info", "--socket", agent.socket_path).stdout, "it says so")
    write(keyring=keyring(cluster))
    check(reloaded(cluster, agent) == ["needs a restart: keyring, token_file"], "its token ends now")
    check(status() == 401 and status(Authorization="Bearer a-token") != 401, "its token has ended")


def a_token_is_not_taken_from_a_file_that_others_read_nor_shown(cluster):
    options = token(cluster)
    agent = cluster.start("alone", *LOCAL, *options, bind=URL)
    token(cluster, "a word", "too many")
    refused = cluster.run("reload", "--socket", agent.socket_path)
    check(refused.returncode == 1 and "--token-file" in refused.stderr and "a word" not in refused.stderr,
          f"{refused.returncode}: {refused.stderr}")
    os.chmod(options[-1], 0o644)
    ended = cluster.run("agent", *options, "--bind", URL, seconds=LONG)
    check(ended.returncode == 2 and "mode 0644" in ended.stderr, f"it said: {ended.stderr}")
    ended = cluster.run("agent", "--set", "token=another-token", "--bind", URL, seconds=LONG)
    check(ended.returncode == 2 and "another-token" not in ended.stderr, f"it said: {ended.stderr}")


if __name__ == "__main__":
    main()
