# SPDX-License-Identifier: MIT
"""Agents with keys: they live as others do, and whoever has no key, or repeats, changes, cuts or redirects what
passes, reaches nothing but a counter."""
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import threading

from harness import LOCAL, LONG, check, main, pause

DROPS = ("drop_auth", "drop_sealed", "drop_replayed", "drop_redirected", "drop_clear", "drop_malformed",
         "drop_version", "drop_checksum", "drop_label", "drop_budget", "kernel_drops")


def keyring(cluster, name="keyring", bits="256"):
    """A file with a new key."""
    made = subprocess.run([cluster.program, "keygen", "--bits", bits], capture_output=True, text=True, timeout=LONG,
                          check=True)
    path = os.path.join(cluster.folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
        file.write(made.stdout)
    return path


def dropped(agent):
    counters = agent.counters()
    return sum(counters.get(name, 0) for name in DROPS)


class Tap:
    """An address in front of an agent of two: hands on what comes for it and what it says, and keeps the datagrams
    that came for it, and what was said on streams."""

    def __init__(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.tcp.bind(("127.0.0.1", 0))
        self.tcp.listen()
        self.address = self.tcp.getsockname()
        self.udp.bind(self.address)
        self.target = self.peer = None
        self.kept = []
        self.streams = []  # (way, one segment that was read)
        for work in (self.datagrams, self.connections):
            threading.Thread(target=work, daemon=True).start()

    def datagrams(self):
        try:
            while True:
                data, source = self.udp.recvfrom(65536)
                if source == self.target and self.peer:
                    self.udp.sendto(data, self.peer)
                elif source != self.target and self.target:
                    self.peer = source
                    self.kept.append(data)
                    self.udp.sendto(data, self.target)
        except OSError:
            pass  # it was closed

    def connections(self):
        while True:
            try:
                near, _ = self.tcp.accept()
                far = socket.create_connection(self.target)
            except OSError:
                return
            for way, ends in enumerate(((near, far), (far, near))):
                threading.Thread(target=self.pump, args=(way, *ends), daemon=True).start()

    def pump(self, way, near, far):
        try:
            while data := near.recv(65536):
                self.streams.append((way, data))
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        self.udp.close()
        self.tcp.close()


def place(agent):
    host, _, port = agent.address.rpartition(":")
    return host, int(port)


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def agents_with_the_key_form_a_cluster_and_the_others_stay_out(cluster):
    options = (*LOCAL, "--keyring", keyring(cluster))
    agents = cluster.form(3, *options)
    check(all(a.get("/v1/info")["encrypted"] for a in agents), "an agent does not say that it seals")
    other = cluster.start("other", *LOCAL, "--keyring", keyring(cluster, "other", "128"), join=[agents[0].address])
    bare = cluster.start("bare", *LOCAL, join=[agents[0].address])
    # The words of who refuses, not of who was: "an answer that is not sealed says: " stands before what nobody vouches for.
    for agent, why in ((other, "an answer that is not sealed says: sealed with a key that is not held here"),
                       (bare, "only what is sealed is taken here: give it the keys")):
        cluster.expect(lambda a=agent, w=why: w in a.log(), f"{agent.name} hears why")
        check(list(agent.states()) == [agent.name], f"{agent.name} holds {agent.states()}")
    check(not bare.get("/v1/info")["encrypted"], "an agent without keys says that it seals")
    for name in ("drop_sealed", "drop_clear"):
        cluster.expect(lambda n=name: agents[0].counters()[n] > 0, f"{name} is counted")
    cluster.expect(lambda: "seal: dropped what came from" in agents[0].log(), "the seed says so")
    check(all(sorted(a.states()) == ["m01", "m02", "m03"] for a in agents), "somebody took in a stranger")
    cluster.expect_none("failed")


def a_killed_agent_is_found_dead_and_known_again_under_its_name(cluster):
    options = (*LOCAL, "--keyring", keyring(cluster))
    agents = cluster.form(3, *options)
    cluster.kill_and_hold(agents[2])
    cluster.expect_all(agents[:2], {"m03": "dead"})
    again = cluster.start("m03", *options, join=[agents[0].address])
    cluster.expect_all([*agents[:2], again], {"m01": "alive", "m02": "alive", "m03": "alive"})


def what_is_repeated_changed_cut_or_redirected_reaches_nothing(cluster):
    options = (*LOCAL, "--keyring", keyring(cluster))
    tap = Tap()
    first = cluster.start("first", *options)
    tap.target = ("127.0.0.1", free_port())
    behind = cluster.start("behind", *options, "--advertise", f"127.0.0.1:{tap.address[1]}",
                           bind=f"127.0.0.1:{tap.target[1]}", join=[first.address])
    cluster.expect_all([first, behind], {"first": "alive", "behind": "alive"})
    cluster.expect(lambda: len(tap.kept) >= 20, "datagrams pass")
    kept = tap.kept[-20:]
    check(all(data[0] == 0xc1 and data[1] & 1 for data in kept), "a datagram is not sealed")
    check(not any(b"first" in data or b"behind" in data for data in tap.kept), "a name can be read")
    before = {a.name: (dropped(a), a.members()) for a in (first, behind)}
    attacker = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sent = 0
    for data in kept:
        counter = 3 + data[2] + 9
        for forged in (data, data[:-1], data[:30], data + b"\0", data[:70] + bytes([data[70] ^ 1]) + data[71:],
                       b"\xc1\1\0" + data[3 + data[2]:], data[:counter] + b"\0" * 8 + data[counter + 8:]):
            attacker.sendto(forged, tap.target)
            sent += 1
        attacker.sendto(data, place(first))
    attacker.close()
    cluster.expect(lambda: dropped(behind) - before["behind"][0] >= sent, "each is dropped and counted")
    cluster.expect(lambda: dropped(first) - before["first"][0] >= len(kept), "what was redirected, too")
    check(first.counters()["drop_redirected"] > 0, first.counters())
    check(behind.counters()["drop_replayed"] >= len(kept), behind.counters())
    lines = [line for line in behind.log().splitlines() if "seal: dropped what came from" in line]
    check(1 <= len(lines) <= 3, f"it is said {len(lines)} times")
    for agent in (first, behind):
        held = agent.members()
        for name, member in before[agent.name][1].items():
            check(held[name]["state"] == "alive" and held[name]["incarnation"] == member["incarnation"],
                  f"{agent.name} holds {held[name]}")
    for kind in ("suspect", "failed", "left", "conflict"):
        cluster.expect_none(kind)
    tap.close()


def a_connection_of_a_stranger_is_closed_with_its_first_packet(cluster):
    agent = cluster.start("first", *LOCAL, "--keyring", keyring(cluster))

    def closed(frame):
        with socket.create_connection(place(agent), timeout=LONG) as stranger:
            stranger.sendall(b"SHOAL\0\0\0" + frame)
            said = b""
            while data := stranger.recv(4096):
                said += data
            return said

    def frame(kind, packet, length=None):
        return struct.pack("!IBQ", len(packet) if length is None else length, kind, 1) + packet

    before = agent.counters()["connections_abused"]
    clear = b"\xc1\0\0\0\0\0\0"
    said = closed(frame(1, clear))
    check(said[4:5] == b"\2", "a request is not answered before it ends")
    check(said[13:15] == b"\xc1\0", "it is answered sealed")
    check(closed(frame(3, clear)) == b"", "something is said")
    check(closed(frame(3, b"\xc1\1\0" + bytes(60))) == b"", "something is said")
    check(closed(frame(3, b"", 65537)) == b"", "something is said")
    cluster.expect(lambda: agent.counters()["connections_abused"] == before + 4, "each is counted")


def a_key_is_exchanged_beside_every_agent_while_all_live(cluster):
    old, new = keyring(cluster), keyring(cluster, "new", "192")
    agents = cluster.form(3, *LOCAL, "--keyring", old)

    def keys(agent, *words):
        ended = subprocess.run([cluster.program, "keys", *words, "--socket", agent.socket_path, "--format", "json"],
                               capture_output=True, text=True, timeout=LONG, check=False)
        return json.loads(ended.stdout) if ended.returncode == 0 else ended.stderr

    before = keys(agents[0], "list", "--local")
    check(len(before) == 1 and before[0]["bits"] == 256 and before[0]["in_use"], before)
    for agent in agents:
        held = keys(agent, "install", "--local", new)
        check(len(held) == 2 and [k["in_use"] for k in held] == [True, False], held)
    print_new = held[1]["print"]
    check("in use" in keys(agents[0], "remove", "--local", before[0]["print"]), "the key in use was removed")
    for agent in agents:
        held = keys(agent, "use", "--local", new)
        check([k["in_use"] for k in held] == [False, True], held)
    for agent in agents:
        held = keys(agent, "remove", "--local", before[0]["print"])
        check([k["print"] for k in held] == [print_new] and held[0]["bits"] == 192, held)
    check("no such key" in keys(agents[0], "use", "--local", before[0]["print"]), "a key that is gone is used")
    acked = [a.counters()["probes_acked"] for a in agents]
    cluster.expect(lambda: all(a.counters()["probes_acked"] > n + 5 for a, n in zip(agents, acked)), "all are probed")
    check(all(set(a.states().values()) == {"alive"} for a in agents), "somebody is not alive")
    for kind in ("suspect", "failed"):
        cluster.expect_none(kind)
    late = cluster.start("late", *LOCAL, "--keyring", old, join=[agents[0].address])
    cluster.expect(lambda: "not held here" in late.log(), "the old key is of no use")


def who_gives_an_order_about_keys_sees_how_many_have_answered(cluster):
    """On a terminal, while one does not answer; nothing of it is left in the answer."""
    agents = cluster.form(3, *LOCAL, "--keyring", keyring(cluster))
    screen, terminal = os.openpty()
    pause(cluster, agents[2])
    with subprocess.Popen([cluster.program, "keys", "list", "--socket", agents[0].socket_path, "--format", "json"],
                          stdout=subprocess.PIPE, stderr=terminal, text=True) as order:
        os.close(terminal)
        shown = ""

        def told():
            nonlocal shown
            while select.select([screen], [], [], 0)[0]:
                shown += os.read(screen, 4096).decode()
            return re.search(r"\r[12] of [23] members have answered", shown)

        cluster.expect(told, "it is told while it waits")
        check(order.poll() is None, "it has ended already")
        agents[2].signal(signal.SIGCONT)
        answer = json.loads(order.communicate(timeout=LONG)[0])
    os.close(screen)
    check(len(answer["members"]) == answer["asked"], answer)


def a_keyring_that_others_may_read_is_refused(cluster):
    path = keyring(cluster)
    for mode, words in ((0o644, "chmod 600"), (0o620, "chmod 600")):
        os.chmod(path, mode)
        ended = subprocess.run([cluster.program, "agent", "--bind", "127.0.0.1:0", "--keyring", path],
                               capture_output=True, text=True, timeout=LONG, check=False)
        check(ended.returncode != 0 and words in ended.stderr and path in ended.stderr, ended.stderr)
    os.chmod(path, 0o600)
    for text, words in (("", "no key in it"), ("abcd\n", "line 1"), ("\n# one\n\nAAAA\n", "line 4")):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        ended = subprocess.run([cluster.program, "agent", "--bind", "127.0.0.1:0", "--keyring", path],
                               capture_output=True, text=True, timeout=LONG, check=False)
        check(ended.returncode != 0 and words in ended.stderr, ended.stderr)


def with_keys_an_agent_may_bind_beyond_this_machine(cluster):
    path = keyring(cluster)
    wide = cluster.start("wide", *LOCAL, "--keyring", path, bind="0.0.0.0:0")
    check(wide.get("/v1/info")["encrypted"], "it does not seal")
    ended = subprocess.run([cluster.program, "agent", "--bind", "0.0.0.0:0", "--keyring", path, "--set",
                            "accept_clear=1"], capture_output=True, text=True, timeout=LONG, check=False)
    check(ended.returncode == 2 and "--insecure" in ended.stderr, ended.stderr)


def what_a_sealed_agent_recorded_replays_without_the_key(cluster):
    path = keyring(cluster)
    record = os.path.join(cluster.folder, "record")
    first = cluster.start("first", *LOCAL, "--keyring", path)
    recorded = cluster.start("recorded", *LOCAL, "--keyring", path, "--record", record, join=[first.address])
    cluster.expect_all([first, recorded], {"first": "alive", "recorded": "alive"})
    cluster.expect(lambda: recorded.counters()["probes_acked"] >= 5, "probes are answered")
    recorded.expected_to_end = True
    recorded.signal(signal.SIGTERM)
    cluster.expect(lambda: not recorded.running, "it leaves")
    ended = subprocess.run([cluster.program, "replay", record], capture_output=True, text=True, timeout=LONG, check=False)
    check(ended.returncode == 0, ended.stdout[-2000:] + ended.stderr)
    with open(record, "rb") as file:
        held = file.read()
    with open(path, "rb") as file:
        check(file.read().strip() not in held, "the record holds the key")
    check(b"first" in held, "the record holds no opened packet")


if __name__ == "__main__":
    main()
