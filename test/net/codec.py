# SPDX-License-Identifier: MIT
"""Agents that speak MessagePack or JSON: they live as others do, and who speaks another codec is told which to set."""
import json
import os
import signal
import subprocess

from harness import LOCAL, LONG, check, main
from seal import Tap, keyring, place

CODECS = ("binary", "msgpack", "json")


def coded(codec):
    return (*LOCAL, "--codec", codec)


def three_agents_speak_msgpack_and_one_that_speaks_json_is_told_which_codec_to_set(cluster):
    agents = cluster.form(3, *coded("msgpack"))
    check(all(a.get("/v1/info")["codec"] == "msgpack" for a in agents), "an agent does not say what it speaks")
    for codec in ("json", "binary"):
        other = cluster.start(codec, *coded(codec), join=[agents[0].address])
        told = f"the cluster speaks msgpack, this node {codec}: set codec to msgpack"
        cluster.expect(lambda a=other, t=told: t in a.log(), f"{codec} hears why")
        check(list(other.states()) == [codec], f"it holds {other.states()}")
    check(agents[0].counters()["joins_refused"] >= 2, agents[0].counters())
    check(all(sorted(a.states()) == ["m01", "m02", "m03"] for a in agents), "somebody took in a stranger")
    cluster.expect_none("failed")
    cluster.kill_and_hold(agents[2])
    cluster.expect_all(agents[:2], {"m03": "dead"})
    again = cluster.start("m03", *coded("msgpack"), join=[agents[0].address])
    cluster.expect_all([*agents[:2], again], {"m01": "alive", "m02": "alive", "m03": "alive"})


def a_sealed_cluster_in_json_finds_a_killed_agent_dead_and_passes_messages_and_metadata(cluster):
    options = (*coded("json"), "--keyring", keyring(cluster))
    agents = cluster.form(3, *options, "--meta", "role=web")
    cluster.expect(lambda: all(
        m["meta"].get("role") == "web" for m in agents[0].members().values()), "metadata is told")
    ended = subprocess.run([cluster.program, "broadcast", "201", "hello", "--reliable", "--socket", agents[0].socket_path], capture_output=True,
                           text=True, timeout=LONG, check=False)
    check(ended.returncode == 0, ended.stderr)
    agents[2].signal(signal.SIGKILL)
    cluster.expect_all(agents[:2], {"m03": "dead"})
    check(sum(a.counters()["drop_codec"] + a.counters()["drop_malformed"] for a in agents[:2]) == 0, "something was wrong")


def what_agents_say_in_each_codec_is_decoded_sealed_or_not(cluster):
    for codec in CODECS:
        for sealed in (False, True):
            name = f"{codec}{int(sealed)}"
            ring = keyring(cluster, name)
            options = (*coded(codec), *(("--keyring", ring) if sealed else ()))
            tap = Tap()
            first = cluster.start(f"{name}a", *options)
            tap.target = place(first)
            other = cluster.start(f"{name}b", *options, join=[f"127.0.0.1:{tap.address[1]}"])
            cluster.expect_all([first, other], {first.name: "alive", other.name: "alive"})
            cluster.expect(lambda t=tap: sum(len(s[1]) for s in t.streams) > 200, "streams pass")
            tap.close()
            # What the first said on streams, frame by frame: its answers, whose first is compact where it refuses.
            path = os.path.join(cluster.folder, name + ".hex")
            with open(path, "w", encoding="ascii") as file:
                for _, segment in tap.streams[:1]:
                    file.write(segment[21:].hex() + "\n")
            ended = subprocess.run([cluster.program, "decode", "--hex", "--key", ring, "--format", "json", path],
                                   capture_output=True, text=True, timeout=LONG, check=False)
            check(ended.returncode == 0, ended.stdout + ended.stderr)
            got = json.loads(ended.stdout.splitlines()[0])
            check(got["packet"]["messages"][0]["message"] == "join", got)
            number = got["packet"]["messages"][0]["fields"]["codec"]
            check(number == CODECS.index(codec), got)
            for agent in (first, other):
                agent.expected_to_end = True
                agent.signal(signal.SIGTERM)
            cluster.expect(lambda a=first, b=other: not a.running and not b.running, "they leave")


def what_an_agent_recorded_in_msgpack_replays(cluster):
    record = os.path.join(cluster.folder, "record")
    first = cluster.start("first", *coded("msgpack"))
    recorded = cluster.start("recorded", *coded("msgpack"), "--record", record, join=[first.address])
    cluster.expect_all([first, recorded], {"first": "alive", "recorded": "alive"})
    cluster.expect(lambda: recorded.counters()["probes_acked"] >= 5, "probes are answered")
    recorded.expected_to_end = True
    recorded.signal(signal.SIGTERM)
    cluster.expect(lambda: not recorded.running, "it leaves")
    ended = subprocess.run([cluster.program, "replay", record], capture_output=True, text=True, timeout=LONG, check=False)
    check(ended.returncode == 0, ended.stdout[-2000:] + ended.stderr)


if __name__ == "__main__":
    main()
