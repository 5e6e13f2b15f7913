# SPDX-License-Identifier: MIT
"""Flags, variables and the file; wrong usage."""
import json
import os

from command import FAST, STEADY, Beside, check, complaint, expect_in, main, shoal
from agents import exchange

def wrong_usage_ends_with_2_and_says_what_is_wrong(cluster):
    for arguments, words in (
            ((), ["command", "shoal --help"]),
            (("nonsense",), ["nonsense", "shoal --help"]),
            (("members", "--nonsense"), ["--nonsense", "shoal members --help"]),
            (("members", "-x"), ["-x"]),
            (("members", "extra"), ["extra"]),
            (("members", "--format", "xml"), ["xml", "csv"]),
            (("members", "--format"), ["--format", "value"]),
            (("members", "--watch=yes"), ["--watch", "no value"]),
            (("info", "--watch"), ["--watch"]),
            (("join",), ["ADDR"]),
            (("manual", "nonsense"), ["nonsense", "shoal manual --help"]),
            (("agent", "--set", "relays"), ["relays", "KEY=VALUE"]),
            (("agent", "--set", "relays=99"), ["--set relays", "99", "16"]),
            (("agent", "--set", "nonsense=1"), ["nonsense", "no such field"]),
            (("agent", "--set", "run=threads"), ["run"]),
            (("agent", "--set", "insecure=true"), ["--insecure"]),
            (("agent", "--bind", "nowhere"), ["bind", "nowhere"]),
            (("agent", "--id", "12"), ["id", "12"]),
            (("agent", "--profile", "moon"), ["--profile", "moon", "lan"]),
            (("agent", "--log-level", "loud"), ["--log-level", "loud", "debug"]),
            (("agent", "--log-format", "xml"), ["--log-format", "xml", "json"]),
            (("agent", "--name", "a\nb"), ["name", "control"]),
            (("agent", "--config", "/nonexistent/file"), ["/nonexistent/file", "No such file"])):
        expect_in(words, complaint(shoal(cluster, *arguments), 2))


def wrong_variables_are_named(cluster):
    for name, value, words in (
            ("SHOAL_BIND", "nowhere", ["bind", "nowhere"]),
            ("SHOAL_INSECURE", "perhaps", ["SHOAL_INSECURE", "perhaps", "true"]),
            ("SHOAL_SET", "relays=2", ["SHOAL_SET", "SHOAL_PROBE_INTERVAL_MS=500"]),
            ("SHOAL_LOG_LEVEL", "loud", ["SHOAL_LOG_LEVEL", "loud"]),
            ("SHOAL_PROBE_INTERVAL_MS", "soon", ["SHOAL_PROBE_INTERVAL_MS", "soon"])):
        expect_in(words, complaint(shoal(cluster, "agent", variables={name: value}), 2))
    expect_in(["xml"], complaint(shoal(cluster, "info", variables={"SHOAL_FORMAT": "xml"}), 2))


def file(cluster, content):
    path = os.path.join(cluster.folder, "agent.json")
    with open(path, "w", encoding="utf-8") as output:
        output.write(content if isinstance(content, str) else json.dumps(content))
    return path


def a_wrong_file_is_refused_with_the_place(cluster):
    for content, words in (
            ('{\n"name": }', ["line 2"]),
            ('{"name": "a", "name": "b"}', ["duplicate"]),
            ([], ["$: must be an object"]),
            ({"nonsense": 1}, ["$.nonsense", "no such field"]),
            ({"relays": 99}, ["$.relays", "99"]),
            ({"relays": "many"}, ["$.relays", "many"]),
            ({"relays": 1.5}, ["$.relays", "whole number"]),
            ({"name": None}, ["$.name"]),
            ({"name": ["a"]}, ["$.name"]),
            ({"insecure": "yes"}, ["$.insecure", "true or false"]),
            ({"join": ["127.0.0.1:1", 5]}, ["$.join[1]", "text"]),
            ({"join": {"a": 1}}, ["$.join"]),
            ({"set": ["relays=2"]}, ["$.set", "KEYs"]),
            ({"set": {"relays": 2}}, ["$.set", "KEYs"]),
            ({"set": "relays=2"}, ["$.set", "KEYs"]),
            ({"help": True}, ["$.help"]),
            ({"config": "other.json"}, ["$.config"]),
            ({"socket": ""}, ["$.socket", "empty"]),
            ({"name": 5}, ["$.name", "text"]), ({"label": True}, ["$.label", "text"]),
            ({"tag": 5}, ["$.tag", "list of texts"]), ({"tag": ["a", ""]}, ["$.tag[1]", "empty"]),
            ({"allow": ["127.0.0.0/8", "10.0.0.0/33"]}, ["$.allow[1]", "10.0.0.0/33"]),
            ({"allow": "10.0.0.0/33"}, ["$.allow", "10.0.0.0/33"]),
            ({"codec": "xml"}, ["$.codec", "xml"]), ({"http": "1.2.3"}, ["$.http", "1.2.3"]),
            ({"join": ["127.0.0.1:1", "127.0.0.1:zz"]}, ["$.join[1]", "127.0.0.1:zz"]),
            ({"bind": ["127.0.0.1:0", "127.0.0.1:zz"]}, ["$.bind[1]", "127.0.0.1:zz"]),
            ({"tag": ["ok", "t" * 65]}, ["$.tag[1]", "64"]),
            ({"meta": {"a": 1}}, ["$.meta.a", "text"]), ({"meta": {"a=b": "1"}}, ["$.meta.a=b", "'='"]),
            ({"on_event": "/nonexistent"}, ["$.on_event", "/nonexistent"]),
            ({"on_request": ["200=/nonexistent"]}, ["$.on_request[0]", "/nonexistent"]),
            ({"bind": "192.0.2.1:7946"}, ["192.0.2.1:7946", "--insecure"]),
            ({"log_format": "xml"}, ["$.log_format", "xml"])):
        path = file(cluster, content)
        line = complaint(shoal(cluster, "agent", "--config", path), 2)
        expect_in(words, line)
        check("--insecure" in words or path in line, f"the file is not named: {line}")


def started(cluster, *options, variables=None):
    """What an agent says of itself that was started with these options."""
    path = os.path.join(cluster.folder, "started.sock")
    with Beside(cluster, "agent", "--name", "x", "--bind", "127.0.0.1:0", "--socket", path,
                *FAST, *options, variables={"SHOAL_LABEL": None, **(variables or {})}) as agent:
        cluster.expect(lambda: agent.lines or not agent.running, "the ready line")
        check(agent.lines, "it did not become ready")
        status, body = exchange(path, "/v1/info")
        check(agent.end() == 0, "it did not end well")
    check(status == 200, f"it answered {status}")
    return json.loads(body)


def a_flag_is_stronger_than_a_variable_and_a_variable_than_the_file(cluster):
    path = file(cluster, {"label": "file", "app_version": 1, "insecure": True})
    check(started(cluster, "--config", path)["label"] == "file", "the file was not heard")
    variables = {"SHOAL_LABEL": "variable", "SHOAL_APP_VERSION": "2", "SHOAL_CONFIG": path}
    info = started(cluster, variables=variables)
    check((info["label"], info["app_version"]) == ("variable", 2), f"the variable: {info}")
    info = started(cluster, "--label", "flag", "--set", "app_version=3", variables=variables)
    check((info["label"], info["app_version"]) == ("flag", 3), f"the flag: {info}")


def a_stronger_list_replaces_a_weaker_one(cluster):
    first, second = cluster.start("first", *STEADY), cluster.start("second", *STEADY)
    path = file(cluster, {"join": [second.address]})
    joiner = cluster.start("joiner", *STEADY, "--config", path, join=[first.address])
    cluster.expect_all([first, joiner], {"first": "alive", "joiner": "alive"})
    cluster.expect(lambda: "joined through 1 of 1" in joiner.log(), "it joined through one")
    check("second" not in joiner.states(), "the file's list was added")


def metadata_may_be_a_map_in_the_file(cluster):
    agent = cluster.start("a", *STEADY, "--config", file(cluster, {"meta": {"role": "db", "zone": "1=2"}}))
    check(agent.members()["a"]["meta"] == {"role": "db", "zone": "1=2"}, f"it says {agent.members()}")


def the_profile_is_set_before_the_numbers_whatever_its_source(cluster):
    # The numbers of the file and of the flags hold, although the profile comes from a flag.
    path = file(cluster, {"probe_timeout_ms": 99})
    ended = shoal(cluster, "agent", "--config", path, "--profile", "lan", "--set",
                  "probe_interval_ms=99")
    expect_in(["probe_timeout_ms", "99"], complaint(ended, 2))


def an_unknown_variable_is_named_and_not_used(cluster):
    path = os.path.join(cluster.folder, "warned.sock")
    known = {"SHOAL_PROBE_INTERVAL_MS": "5000", "SHOAL_FORMAT": "json", "SHOAL_EVENT": "x", "SHOAL_CODEC": "binary",
             "SHOAL_NOTHING": ""}
    unknown = {"SHOAL_SERVICE_HOST": "10.0.0.1", "SHOAL_RUN": "1", "SHOAL_PROBE_INTERVALL_MS": "5"}
    with Beside(cluster, "agent", "--name", "x", "--bind", "127.0.0.1:0", "--socket", path,
                variables={**known, **unknown}) as agent:
        cluster.expect(lambda: agent.lines or not agent.running, "the ready line")
        check(agent.end() == 0, "it did not run and end well")
        text = agent.process.stderr.read()
    named = {word.rstrip(":") for word in text.split() if word.startswith("SHOAL_")}
    check(named == set(unknown), f"it warns of {named}: {text}")


def keys_may_come_from_a_variable_and_are_taken_out_of_it(cluster):
    keys = [shoal(cluster, "keygen", "--bits", bits).stdout.strip() for bits in ("256", "128")]
    ring = os.path.join(cluster.folder, "ring")
    with open(ring, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as out:
        out.write(keys[0] + "\n")
    hook = os.path.join(cluster.folder, "hook")
    with open(hook, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o700)) as out:
        out.write(f"#!/bin/sh\nenv > {hook}.tmp\nmv {hook}.tmp {hook}.env\n")
    path = file(cluster, {"app_version": 1})
    holder = cluster.start("holder", *FAST, "--keyring", ring)
    control = os.path.join(cluster.folder, "keyed.sock")
    with Beside(cluster, "agent", "--name", "x", "--bind", "127.0.0.1:0", "--socket", control, *FAST, "--insecure",
                "--config", path, "--on-event", hook, "--join", holder.address,
                variables={"SHOAL_KEY": ",".join(keys), "SHOAL_LABEL": cluster.label}) as agent:
        cluster.expect(lambda: holder.states().get("x") == "alive", "it has the key of the others")
        held = json.loads(exchange(control, "/v1/keys")[1])
        check([(key["bits"], key["in_use"]) for key in held] == [(256, True), (128, False)], f"it holds {held}")
        cluster.expect(lambda: os.path.exists(hook + ".env"), "the hook ran")
        with open(hook + ".env", encoding="utf-8") as env:
            check("SHOAL_KEY" not in env.read(), "programs that it runs have the key")
        with open(f"/proc/{agent.process.pid}/environ", "rb") as env:
            check(keys[0].encode() not in env.read(), "its environment shows the key")
        file(cluster, {"app_version": 1, "gossip_fanout": 5})
        ended = shoal(cluster, "reload", "--socket", control)
        check(ended.returncode == 0 and "nothing" not in ended.stdout, f"no reload: {ended.stdout} {ended.stderr}")
        check(agent.end() == 0, "it did not end well")


def a_wrong_key_in_a_variable_is_refused_and_not_shown(cluster):
    key = shoal(cluster, "keygen").stdout.strip()
    for value, words in (("", ["no key"]), (",", ["no key"]), (key[:-3], ["key 1", "base64"]),
                         (key + "," + "secret!", ["key 2", "base64"]), (",".join([key] * 9), ["more than 8"])):
        line = complaint(shoal(cluster, "agent", "--bind", "127.0.0.1:0", variables={"SHOAL_KEY": value}), 2)
        expect_in(["SHOAL_KEY", *words], line)
        check(key[:8] not in line and "secret" not in line, f"it is shown: {line}")
    line = complaint(shoal(cluster, "agent", "--bind", "127.0.0.1:0", "--keyring", "f", variables={"SHOAL_KEY": key}), 2)
    expect_in(["SHOAL_KEY", "--keyring"], line)
    shown = shoal(cluster, "decode", "/dev/null", variables={"SHOAL_KEY": key})
    check(key not in shown.stdout + shown.stderr, f"decode takes it for a file and shows it: {shown.stderr}")


if __name__ == "__main__":
    main()
