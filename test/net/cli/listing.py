# SPDX-License-Identifier: MIT
"""What `shoal members`, `info` and `version` print, for people and for programs."""
import contextlib
import csv
import errno
import io
import json
import os
import pty
import re
import signal
import socket
import subprocess
import termios
import unicodedata

from command import (FAST, LONG, STEADY, Beside, ask, check, complaint, environment, expect_in,
                     following, main, shoal)

MEMBER = ["id", "name", "address", "state", "diagnosis", "incarnation", "state_age_ms", "rtt_ms",
          "tags", "meta", "app_version", "protocol", "self", "url", "used"]
STATES = {"unknown", "alive", "suspect", "dead", "leaving", "left"}


def members_as_json_hold_what_the_contract_names(cluster):
    agents = cluster.form(3, *STEADY, "--set", "app_version=7")
    cluster.expect(lambda: all(m["rtt_ms"] is not None for m in agents[0].members().values()
                               if not m["self"]), "round trip times")
    members = json.loads(ask(cluster, agents[0], "members", "--format", "json"))
    check([m["name"] for m in members] == ["m01", "m02", "m03"], f"not sorted: {members}")
    for member, agent in zip(members, agents):
        check(list(member) == MEMBER, f"the keys are {list(member)}")
        check((member["id"], member["address"]) == (agent.id, agent.address), f"it is {member}")
        check(member["state"] == "alive" and member["diagnosis"] is None, f"it is {member}")
        check(re.fullmatch(r"[1-9]\d*", member["incarnation"]), "the incarnation is no digits")
        check(type(member["state_age_ms"]) is int and 0 <= member["state_age_ms"] < 1000 * LONG,
              f"the age is {member['state_age_ms']!r}")
        check(member["self"] is (agent is agents[0]), f"self is {member['self']!r}")
        rtt = member["rtt_ms"]
        check(rtt is None if member["self"] else 0 < rtt < 1000 * LONG, f"the rtt is {rtt!r}")
        check((member["tags"], member["meta"], member["app_version"]) == ([], {}, 7), f"it is {member}")
        check(type(member["protocol"]) is int, f"the protocol is {member['protocol']!r}")


def a_diagnosis_stands_beside_the_state(cluster):
    """One advertises an address at which nobody answers, another that of somebody else."""
    # Time enough to refute, and that nobody can dial it is soonest found out without links.
    patient = (*FAST, "--set", "suspicion_mult=30", "--watch-links", "0")
    agents = cluster.form(3, *patient)
    with silent_address() as nobody:
        cluster.start("far", *patient, "--advertise", nobody, join=[agents[0].address])
        cluster.start("twin", *patient, "--advertise", agents[1].address, join=[agents[0].address])
        expected = {"far": "inbound only", "twin": "shared address", "m02": None}
        cluster.expect(lambda: all(agents[0].members().get(name, {}).get("diagnosis", "") == diagnosis
                                   for name, diagnosis in expected.items()), f"the diagnoses {expected}")
        table = ask(cluster, agents[0], "members")
        check(re.search(r"^far +\w+ \(inbound only\) ", table, re.M), table)
        expect_in(["(inbound only) since"], ask(cluster, agents[0], "why", "far"))
        check(re.search(r"^twin +\w+ \(shared address\) ", table, re.M), table)


@contextlib.contextmanager
def silent_address():
    """Bound, so that nobody else gets it, and never read."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream, \
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        stream.bind(("127.0.0.1", 0))
        datagrams.bind(stream.getsockname())
        yield "127.0.0.1:%d" % stream.getsockname()[1]


def members_as_csv_hold_the_same(cluster):
    agents = cluster.form(2, *STEADY)
    rows = list(csv.DictReader(io.StringIO(ask(cluster, agents[0], "members", "--format", "csv"))))
    check(list(rows[0]) == MEMBER, f"the columns are {list(rows[0])}")
    check([(r["name"], r["id"], r["state"], r["self"]) for r in rows] ==
          [("m01", agents[0].id, "alive", "true"), ("m02", agents[1].id, "alive", "false")],
          f"the rows are {rows}")


def members_as_a_table_are_aligned_and_plain(cluster):
    names = ["quay", "北京-1", 'with, comma "q"']
    first = cluster.start("m01", *STEADY)
    with contextlib.ExitStack() as stack:
        others = [stack.enter_context(Beside(
            cluster, "agent", *STEADY, "--name", name, "--bind", "127.0.0.1:0", "--socket",
            os.path.join(cluster.folder, f"{i}.sock"), "--join", first.address))
            for i, name in enumerate(names)]
        cluster.expect_all([first], {n: "alive" for n in names})
        lines = ask(cluster, first, "members").splitlines()
        check(lines[0].split() == ["NAME", "STATE", "ADDRESS", "AGE", "RTT", "INCARNATION", "ID"],
              f"the head is {lines[0]!r}")
        check(len(lines) == 5 and not any("\033" in line for line in lines), f"it is {lines}")
        check([line.startswith("m01 *") for line in lines].count(True) == 1, "self is not marked")
        check(len({columns_before(line, "alive") for line in lines[1:]}) == 1, f"not aligned: {lines}")
        rows = list(csv.DictReader(io.StringIO(ask(cluster, first, "members", "--format", "csv"))))
        check({r["name"] for r in rows} == {"m01", *names}, f"CSV lost a name: {rows}")
        for other in others:
            check(other.end(signal.SIGTERM) == 0, "it did not end well")


def columns_before(line, word):
    """Columns of a terminal that stand before the word."""
    before = line[:line.index(word)]
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in before)


def members_are_chosen_by_state(cluster):
    agents = cluster.form(3, *STEADY)
    agents[2].signal(signal.SIGTERM)
    agents[2].process.wait(LONG)
    cluster.expect_all(agents[:1], {"m03": "left"})
    for states, names in ((["left"], ["m03"]), (["alive"], ["m01", "m02"]), (["dead"], []),
                          (["alive", "left"], ["m01", "m02", "m03"])):
        options = [word for state in states for word in ("--state", state)]
        members = json.loads(ask(cluster, agents[0], "members", "--format", "json", *options))
        check([m["name"] for m in members] == names, f"{states} gave {members}")
    members = json.loads(ask(cluster, agents[0], "members", "--format", "json", "--state", "left,dead"))
    check([m["name"] for m in members] == ["m03"], f"a list with a comma gave {members}")
    ended = shoal(cluster, "members", "--state", "gone", "--socket", agents[0].socket_path)
    expect_in(["gone", "alive"], complaint(ended, 2))


def members_watched_on_a_pipe_are_printed_at_every_change(cluster):
    first = cluster.start("m01", *STEADY)
    with Beside(cluster, "members", "--watch", "--format", "json", "--socket",
                first.socket_path) as watch:
        cluster.expect(lambda: len(watch.lines) == 1, "the first list")
        second = cluster.start("m02", *STEADY, join=[first.address])
        seen = lambda: [{m["name"]: m["state"] for m in json.loads(line)} for line in watch.lines]
        cluster.expect(lambda: {"m01": "alive", "m02": "alive"} in seen(), "a list with the second")
        second.signal(signal.SIGTERM)
        second.process.wait(LONG)
        cluster.expect(lambda: seen()[-1].get("m02") == "left", "a list in which it left")
        check(watch.end() == 0, "Ctrl-C is no failure")
    with Beside(cluster, "members", "--watch", "--socket", first.socket_path) as watch:
        cluster.expect(lambda: watch.lines[-1:] == [""], "a table and an empty line")
        check(watch.lines[0].startswith("NAME"), f"it printed {watch.lines}")
        check(watch.end(signal.SIGTERM) == 0, "SIGTERM is no failure")


def on_a_terminal(cluster, *arguments, until=None, variables=None, size=None):
    """What a command writes to a terminal until the condition holds, and then Ctrl-C; or until it ends. Returns text
    and status."""
    controller, terminal = pty.openpty()
    if size:
        termios.tcsetwinsize(terminal, size)
    command = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", cluster.program, *arguments],
                               stdin=terminal, stdout=terminal, stderr=terminal,
                               start_new_session=True,
                               env=environment(cluster, {"TERM": "xterm", **(variables or {})}))
    os.close(terminal)
    os.set_blocking(controller, False)
    text = b""

    def read():
        nonlocal text
        try:
            text += os.read(controller, 65536)
        except BlockingIOError:
            pass
        except OSError as problem:
            if problem.errno != errno.EIO:
                raise
            return until is None  # the terminal's other end is closed
        return until is not None and until(text.decode(errors="replace"))

    try:
        cluster.expect(read, f"{arguments} on a terminal: {text!r}")
        if until:
            command.send_signal(signal.SIGINT)
        status = command.wait(LONG)
    finally:
        command.kill()
        command.wait()
        os.close(controller)
    return text.decode(), status


def members_watched_on_a_terminal_are_drawn_in_place(cluster):
    first = cluster.start("m01", *STEADY)
    options = ("members", "--watch", "--socket", first.socket_path)
    # Drawn again without any change: ages grow.
    text, status = on_a_terminal(cluster, *options, until=lambda t: t.count("\033[H") >= 2)
    check(status == 0, f"Ctrl-C ended it with {status}")
    check("\033[2J" not in text, "the screen was cleared: it flickers")
    expect_in(["\033[H", "\033[32malive\033[0m", "Ctrl-C"], text)
    text, _ = on_a_terminal(cluster, *options, until=lambda t: "alive" in t,
                            variables={"NO_COLOR": "1"})
    check("\033[32m" not in text, f"NO_COLOR was not heard: {text!r}")


def members_watched_on_a_terminal_fit_on_it(cluster):
    first = cluster.start("m01", *STEADY)
    seen = [first]
    for i in range(6):
        seen.append(cluster.start("long-" * 12 + str(i), *STEADY, join=[first.address]))
    cluster.expect_all([first], {agent.name: "alive" for agent in seen})
    options = ("members", "--watch", "--socket", first.socket_path)
    for size, shown, hidden, rows in (
            ((24, 200), {"NAME", "STATE", "ADDRESS", "AGE", "RTT", "INCARNATION", "ID"}, set(), 7),
            ((24, 80), {"NAME", "STATE", "ADDRESS"}, {"INCARNATION", "ID"}, 7),
            ((8, 30), {"NAME", "STATE"}, {"ADDRESS"}, 3),
            ((5, 8), {"NAME"}, {"STATE"}, 0)):
        text, _ = on_a_terminal(cluster, *options, size=size,
                                until=lambda t: t.count("\033[H") >= 2 and t.endswith("\033[J"))
        screen = text.split("\033[H")[1]
        check(screen.count("\033[K") == screen.count("\n"), f"a line is not cleared: {screen!r}")
        lines = re.sub(r"\033\[\d*[a-zA-Z]", "", screen).replace("\r", "").split("\n")
        check(all(len(line) <= size[1] for line in lines), f"too wide for {size}: {lines}")
        check(len(lines) <= size[0], f"too many lines for {size}: {lines}")
        head = set(lines[0].split())
        check(shown <= head and not hidden & head, f"on {size} the head is {lines[0]!r}")
        check(sum(line.startswith(("m01", "long")) for line in lines) == rows, f"on {size}: {lines}")
        check(rows == 7 or any(line.startswith("and ") for line in lines), f"on {size}: {lines}")


def a_table_on_a_terminal_has_colours(cluster):
    agent = cluster.start("m01", *STEADY)
    text, status = on_a_terminal(cluster, "members", "--socket", agent.socket_path)
    check(status == 0 and "\033[32malive\033[0m" in text, f"{status}: {text!r}")


def a_watch_ends_with_its_agent(cluster):
    agent = cluster.start("m01", *FAST)
    with Beside(cluster, "members", "--watch", "--socket", agent.socket_path) as watch:
        cluster.expect(lambda: following(agent) == 1 and watch.lines, "the first list")
        agent.signal(signal.SIGKILL)
        agent.process.wait(LONG)
        check(watch.wait() == 1, "the end of the agent is a failure")
        expect_in(["the agent", "has ended"], watch.process.stderr.read())


def info_holds_what_the_contract_names(cluster):
    agents = cluster.form(2, *STEADY, "--label", "blue")
    cluster.expect(lambda: agents[0].counters()["datagrams_in"] > 0, "a datagram is counted")
    info = json.loads(ask(cluster, agents[0], "info", "--format", "json"))
    check((info["id"], info["name"], info["address"]) == (agents[0].id, "m01", agents[0].address),
          f"it is {info}")
    check(info["health"] in range(9) and info["state"] == "running", f"it is {info}")
    check(type(info["convergence_lag_ms"]) is int, f"it is {info}")
    check(set(info["members"]) == STATES and info["members"]["alive"] == 2, f"it is {info}")
    check(type(info["uptime_ms"]) is int and 0 < info["uptime_ms"] < 1000 * LONG, f"it is {info}")
    check((info["label"], info["encrypted"], info["codec"]) == ("blue", False, "binary"), f"it is {info}")
    check(re.fullmatch(r"\d+\.\d+\.\d+", info["version"]), f"the version is {info['version']}")
    check(type(info["protocol"]) is int and info["pid"] == agents[0].process.pid, f"it is {info}")
    check(info["counters"]["datagrams_in"] > 0, "no datagram was counted")
    row, = csv.DictReader(io.StringIO(ask(cluster, agents[0], "info", "--format", "csv")))
    check((row["name"], row["members_alive"], row["label"]) == ("m01", "2", "blue"), f"it is {row}")
    table = dict(line.split(None, 1) for line in ask(cluster, agents[0], "info").splitlines())
    check((table["name"], table["members"], table["label"]) == ("m01", "2 alive", "blue"),
          f"it is {table}")


def output_that_cannot_be_written_is_a_failure(cluster):
    agent = cluster.start("m01", *FAST)
    for arguments in (["members"], ["info", "--format", "json"], ["version"], ["--help"]):
        if arguments[0] in ("members", "info"):
            arguments += ["--socket", agent.socket_path]
        with open("/dev/full", "w", encoding="utf-8") as full:
            ended = shoal(cluster, *arguments, capture_output=False, stdout=full,
                          stderr=subprocess.PIPE)
        expect_in(["standard output", "No space"], complaint(ended, 1))


def the_version_needs_no_agent(cluster):
    expect_in(["shoal ", "libshoal "], shoal(cluster, "version").stdout)
    check(shoal(cluster, "--version").stdout == shoal(cluster, "version").stdout, "two versions")
    version = json.loads(shoal(cluster, "version", "--format", "json").stdout)
    check(set(version) == {"version", "library"}, f"it is {version}")


if __name__ == "__main__":
    main()
