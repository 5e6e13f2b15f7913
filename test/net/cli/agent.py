# SPDX-License-Identifier: MIT
"""The life of `shoal agent`: its ready line, its control socket, its signals, its log."""
import contextlib
import datetime
import fcntl
import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import urllib.request

from command import (FAST, LONG, STEADY, Beside, check, complaint, environment, expect_in,
                     following, main, pause, shoal)


def an_agent_prints_one_ready_line_and_nothing_else(cluster):
    agent = cluster.start("web-1", *FAST)
    with open(agent.output_path, encoding="utf-8") as output:
        text = output.read()
    match = re.fullmatch(r"shoal: ready name=web-1 id=([0-9a-f-]{36}) address=(127\.0\.0\.1:\d+)\n",
                         text)
    check(match, f"the output is {text!r}")
    info = agent.get("/v1/info")
    check((info["id"], info["address"]) == match.groups(), f"the agent says {info}")


def an_agent_without_a_name_is_named_by_its_id(cluster):
    with Beside(cluster, "agent", "--bind", "127.0.0.1:0") as agent:
        cluster.expect(lambda: agent.lines, "the ready line")
        match = re.match(r"shoal: ready name=(\S+) id=(\S+) ", agent.lines[0])
        check(match and match[1] == match[2], f"the ready line is {agent.lines}")
        path = os.path.join(cluster.folder, f"shoal-{match[1]}.sock")
        check(stat.S_ISSOCK(os.stat(path).st_mode), f"{path} is no socket")
        check(agent.end(signal.SIGTERM) == 0, "it did not end well")
        check(not os.path.exists(path) and not os.path.exists(path + ".lock"),
              "it left files behind")


def a_service_manager_is_told_when_it_is_ready_and_when_it_stops(cluster):
    for path in (os.path.join(cluster.folder, "notify"), f"@shoal-{os.getpid()}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path.replace("@", "\0"))
            manager.settimeout(LONG)
            with Beside(cluster, "agent", "--bind", "127.0.0.1:0", variables={"NOTIFY_SOCKET": path}) as agent:
                check(manager.recv(1000) == b"READY=1", "it does not say that it is ready")
                cluster.expect(lambda: agent.lines, "the ready line")
                check(agent.end(signal.SIGTERM) == 0, "it did not end well")
                check(manager.recv(1000).startswith(b"STOPPING=1\n"), "it does not say that it stops")


def a_service_manager_that_is_not_there_is_told_of_and_ends_nothing(cluster):
    for path in (os.path.join(cluster.folder, "nowhere"), "relative", "/" + "x" * 200):
        with Beside(cluster, "agent", "--bind", "127.0.0.1:0", variables={"NOTIFY_SOCKET": path}) as agent:
            cluster.expect(lambda: agent.lines, "the ready line")
            check(agent.end(signal.SIGTERM) == 0, "it did not end well")
            check("NOTIFY_SOCKET" in agent.process.stderr.read(), f"no warning about {path}")


def sigterm_leaves_and_the_others_see_left(cluster):
    agents = cluster.form(3, *STEADY)
    agents[2].signal(signal.SIGTERM)
    check(agents[2].process.wait(LONG) == 0, f"it ended with {agents[2].process.returncode}")
    cluster.expect_all(agents[:2], {agents[2].name: "left"})
    check(not os.path.exists(agents[2].socket_path), "its socket is still there")
    cluster.expect_none("failed")


def a_second_sigint_stops_at_once(cluster):
    # The other one cannot confirm the leave, and is not taken for dead either while that lasts.
    first, second = cluster.form(2, *FAST, "--set", "leave_timeout_ms=600000", "--set",
                                 "suspicion_mult=100")
    pause(cluster, first)
    try:
        second.signal(signal.SIGINT)
        cluster.expect(lambda: "leaving the cluster" in second.log(), "it begins to leave")
        check(second.running, "it did not wait for the other one")
        cluster.until(lambda: False, 0.4)  # sooner, the same signal counts as the first
        second.signal(signal.SIGINT)
        status = second.process.wait(LONG)
    finally:
        first.signal(signal.SIGKILL)  # its own leave would wait for the second one as long
        first.process.wait(LONG)
    check(status == 1 and "again: stopped" in second.log(), f"ended with {status}: {second.log()}")
    check(not os.path.exists(second.socket_path), "its socket is still there")


def the_same_signal_twice_at_once_is_one(cluster):
    # As timeout(1) sends it: to the process, and then to its group.
    first = cluster.start("first", *STEADY)
    for _ in range(10):
        other = cluster.start("other", *STEADY, join=[first.address])
        cluster.expect_all([first, other], {"first": "alive", "other": "alive"})
        other.signal(signal.SIGTERM)
        other.signal(signal.SIGTERM)
        other.process.wait(LONG)
        between = [seconds(line) for line in other.log().splitlines() if "leaving" in line or "again" in line]
        if between[-1] - between[0] < 0.2:
            break  # or else the agent had no turn in between
    check(other.process.returncode == 0, f"it ended with {other.process.returncode}")
    check("again" not in other.log(), f"it stopped without its leave: {other.log()}")
    cluster.expect_all([first], {"other": "left"})
    cluster.expect_none("failed", "other")


def seconds(line):
    """When a line was written to the log."""
    return datetime.datetime.fromisoformat(line.split()[0]).timestamp()


def another_signal_stops_at_once(cluster):
    first, second = cluster.form(2, *FAST, "--set", "leave_timeout_ms=600000", "--set",
                                 "suspicion_mult=100")
    pause(cluster, first)
    try:
        second.signal(signal.SIGINT)
        cluster.expect(lambda: "leaving the cluster" in second.log(), "it begins to leave")
        second.signal(signal.SIGTERM)
        status = second.process.wait(LONG)
    finally:
        first.signal(signal.SIGKILL)
        first.process.wait(LONG)
    check(status == 1 and "again: stopped" in second.log(), f"ended with {status}: {second.log()}")


def handed(cluster, sockets, *arguments):
    """An agent that is handed descriptors from 3 on, as a service manager does."""
    numbers = " ".join(f"{3 + i}<&{s.fileno()}" for i, s in enumerate(sockets))
    script = f'exec {numbers}; export LISTEN_PID=$$ LISTEN_FDS={len(sockets)}; exec "$0" agent --bind 127.0.0.1:0 "$@"'
    return subprocess.Popen(["sh", "-c", script, cluster.program, *arguments], text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, env=environment(cluster), pass_fds=[s.fileno() for s in sockets])


def sockets_of_a_service_manager_are_served_and_stay(cluster):
    path = os.path.join(cluster.folder, "lent.sock")
    with contextlib.ExitStack() as stack:
        control = stack.enter_context(socket.socket(socket.AF_UNIX))
        control.bind(path)
        web = stack.enter_context(socket.socket())
        web.bind(("127.0.0.1", 0))
        for each in (control, web):
            each.listen()
        for _ in range(2):  # the second one finds the same sockets
            agent = stack.enter_context(handed(cluster, [control, web], "--name", "a", "--log-level", "error"))
            check(agent.stdout.readline().startswith("shoal: ready name=a"), "it is not ready")
            check(json.loads(shoal(cluster, "info", "--socket", path, "--format", "json").stdout)["pid"] == agent.pid,
                  "another one answers")
            port = web.getsockname()[1]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
                check(answer.status == 200, f"health {answer.status}")
            ended = shoal(cluster, "leave", "--socket", path)
            check(ended.returncode == 0 and ended.stdout == "left\n", f"leave: {ended}")
            check(agent.wait(LONG) == 0 and agent.stderr.read() == "", "it complains")
            check(os.path.exists(path), "the socket is gone")


def what_is_no_socket_that_listens_is_refused(cluster):
    with socket.socket() as plain, socket.socket() as one, socket.socket() as two:
        for each in (one, two):
            each.bind(("127.0.0.1", 0))
            each.listen()
        for sockets, words in (([plain], ["descriptor 3", "no socket that listens"]),
                               ([one, two], ["descriptor 4", "second"])):
            with handed(cluster, sockets) as agent:
                check(agent.wait(LONG) == 1, "it began")
                expect_in(["LISTEN_FDS", *words], agent.stderr.read())


def a_bind_address_in_use_is_refused(cluster):
    agent = cluster.start("a", *FAST)
    ended = shoal(cluster, "agent", "--name", "b", "--bind", agent.address)
    expect_in([agent.address, "in use", "--bind"], complaint(ended, 1))
    check(ended.stdout == "", f"it said {ended.stdout!r}")
    check(not os.path.exists(os.path.join(cluster.folder, "shoal-b.sock")), "it left a socket")


def a_control_socket_in_use_is_refused(cluster):
    agent = cluster.start("a", *FAST)
    ended = shoal(cluster, "agent", "--name", "b", "--bind", "127.0.0.1:0", "--socket",
                  agent.socket_path)
    expect_in([agent.socket_path, "in use", f"process {agent.process.pid}", "--socket"],
              complaint(ended, 1))
    check(agent.get("/v1/info")["name"] == "a", "the first agent lost its socket")


def the_socket_of_a_killed_agent_is_taken_over(cluster):
    agent = cluster.start("a", *FAST)
    agent.signal(signal.SIGKILL)
    agent.process.wait(LONG)
    check(os.path.exists(agent.socket_path), "SIGKILL left no socket: nothing is tested here")
    again = cluster.start("a", *FAST)
    check(again.socket_path == agent.socket_path, "another path")
    check(again.get("/v1/info")["pid"] == again.process.pid, "the socket is not that of the new one")


def an_ending_agent_lets_its_successors_socket_be(cluster):
    path = os.path.join(cluster.folder, "shared.sock")
    options = ("agent", *FAST, "--bind", "127.0.0.1:0", "--socket", path)
    with Beside(cluster, *options, "--name", "old") as old:
        cluster.expect(lambda: old.lines, "the ready line")
        os.unlink(path)
        os.unlink(path + ".lock")
        with Beside(cluster, *options, "--name", "new") as new:
            cluster.expect(lambda: new.lines, "the ready line of the next one")
            check(old.end() == 0, "the old one did not end well")
            check(os.path.exists(path + ".lock"), "the lock of the next one is gone")
            listed = shoal(cluster, "members", "--socket", path)
            check(listed.returncode == 0 and "new *" in listed.stdout, f"it is {listed}")
            check(new.end() == 0, "the new one did not end well")
    check(not os.path.exists(path) and not os.path.exists(path + ".lock"), "files are left")


def an_empty_socket_path_is_wrong_usage(cluster):
    # The kernel would make an abstract name of it, which whoever likes may connect to.
    for command in (("agent", "--name", "a", "--bind", "127.0.0.1:0"), ("members",), ("leave",)):
        ended = shoal(cluster, *command, "--socket", "")
        expect_in(["--socket", "empty"], complaint(ended, 2))
        check(ended.stdout == "", f"it said {ended.stdout!r}")
    # An empty variable is as none.
    with Beside(cluster, "agent", *FAST, "--name", "a", "--bind", "127.0.0.1:0",
                variables={"SHOAL_SOCKET": ""}) as agent:
        cluster.expect(lambda: agent.lines, "the ready line")
        check(os.path.exists(os.path.join(cluster.folder, "shoal-a.sock")), "the socket is elsewhere")
        check(agent.end() == 0, "it did not end well")


def a_low_limit_of_open_files_is_raised(cluster):
    def limits(agent):
        return resource.prlimit(agent.process.pid, resource.RLIMIT_NOFILE)

    low = cluster.start("low", *FAST, around=("prlimit", "--nofile=64:2048"))
    check(limits(low) == (2048, 2048), f"the limits are {limits(low)}")
    enough = cluster.start("enough", *FAST, "--set", "connections_max=100",
                           around=("prlimit", "--nofile=300:2048"))
    check(limits(enough) == (300, 2048), f"the limits are {limits(enough)}")
    tight = cluster.start("tight", *FAST, around=("prlimit", "--nofile=64:100"))
    check(limits(tight) == (100, 100), f"the limits are {limits(tight)}")
    expect_in(["limit of open files", "384"], tight.log())


def what_is_no_socket_is_not_removed(cluster):
    path = os.path.join(cluster.folder, "precious")
    with open(path, "w", encoding="utf-8") as file:
        file.write("mine")
    ended = shoal(cluster, "agent", "--name", "a", "--bind", "127.0.0.1:0", "--socket", path)
    expect_in([path, "no socket"], complaint(ended, 1))
    with open(path, encoding="utf-8") as file:
        check(file.read() == "mine", "the file was changed")
    check(not os.path.exists(path + ".lock"), "a lock file is left")


def the_socket_of_another_program_is_not_removed(cluster):
    path = os.path.join(cluster.folder, "other.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(path)
        other.listen()
        ended = shoal(cluster, "agent", "--name", "a", "--bind", "127.0.0.1:0", "--socket", path)
        expect_in([path, "another program"], complaint(ended, 1))
        check(os.path.exists(path), "the socket was removed")


def a_socket_path_that_cannot_be_made_says_what_to_do(cluster):
    ended = shoal(cluster, "agent", "--name", "a", "--bind", "127.0.0.1:0",
                  variables={"XDG_RUNTIME_DIR": os.path.join(cluster.folder, "absent")})
    expect_in(["absent", "--socket"], complaint(ended, 1))
    ended = shoal(cluster, "agent", "--name", "a", "--bind", "127.0.0.1:0", "--socket", "/" + "x" * 120)
    expect_in(["longer than 107 bytes"], complaint(ended, 1))
    ended = shoal(cluster, "agent", "--name", "a/b", "--bind", "127.0.0.1:0")
    expect_in(["a/b", "--socket"], complaint(ended, 1))


def the_control_socket_is_for_its_user_or_for_a_group(cluster):
    own = cluster.start("own", *FAST)
    check(stat.S_IMODE(os.stat(own.socket_path).st_mode) == 0o600, "the mode is not 0600")
    group = cluster.start("group", *FAST, "--socket-group", str(os.getgid()))
    there = os.stat(group.socket_path)
    check((stat.S_IMODE(there.st_mode), there.st_gid) == (0o660, os.getgid()),
          f"the mode is {there.st_mode:o}, the group {there.st_gid}")
    ended = shoal(cluster, "agent", "--name", "x", "--bind", "127.0.0.1:0", "--socket-group", "no such")
    expect_in(["--socket-group", "no such"], complaint(ended, 1))


def an_address_beyond_this_machine_needs_insecure(cluster):
    for bind in ("0.0.0.0:0", "[::]:0", "192.0.2.1:7946", "127.0.0.1:0,0.0.0.0:0", "[::ffff:1.2.3.4]:7"):
        ended = shoal(cluster, "agent", "--name", "a", "--bind", bind)
        expect_in(["--insecure", "loopback", bind.rpartition(",")[2]], complaint(ended, 2))
    for bind in ("127.0.0.1:0", "127.9.8.7:0"):
        agent = cluster.start(f"a{bind[4]}", *FAST, bind=bind)
        check(agent.address.startswith(bind[:-1]), f"it bound {agent.address}")
    wide = cluster.start("wide", *FAST, "--insecure", bind="0.0.0.0:0")
    check(wide.get("/v1/info")["state"] == "running", "it does not run")


def an_agent_that_cannot_print_its_ready_line_ends(cluster):
    with open("/dev/full", "w", encoding="utf-8") as full:
        ended = shoal(cluster, "agent", "--name", "a", "--bind", "127.0.0.1:0",
                      capture_output=False, stdout=full, stderr=subprocess.PIPE)
    expect_in(["standard output"], complaint(ended, 1))


def a_log_that_nobody_reads_does_not_stop_the_agent(cluster):
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, 1031, 4096)  # F_SETPIPE_SZ
    os.set_blocking(write_end, False)
    try:
        while os.write(write_end, b"x" * 1024):
            pass
    except BlockingIOError:
        os.set_blocking(write_end, True)
    path = os.path.join(cluster.folder, "mute.sock")
    agent = subprocess.Popen([cluster.program, "agent", "--name", "mute", "--bind", "127.0.0.1:0",
                              "--socket", path, *STEADY, "--set", "leave_timeout_ms=60000"], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=write_end, env=environment(cluster))
    try:
        check(agent.stdout.readline().startswith(b"shoal: ready"), "it is not ready")
        other = cluster.start("other", *STEADY)
        joined = shoal(cluster, "join", other.address, "--socket", path)
        check(joined.returncode == 0, f"it does not work with a full log: {joined.stderr}")
        cluster.expect_all([other], {"mute": "alive"})
        os.read(read_end, 65536)
        left = shoal(cluster, "leave", "--socket", path)
        check(left.returncode == 0, f"it does not leave: {left.stderr}")
        check(agent.wait(LONG) == 0, "it did not end well")
        os.close(write_end)
        write_end = -1
        rest = os.read(read_end, 65536).decode()
        check(re.search(r"agent: \d+ log lines were lost", rest), f"the log goes on with {rest!r}")
    finally:
        agent.kill()
        agent.wait()
        agent.stdout.close()
        os.close(read_end)
        if write_end >= 0:
            os.close(write_end)


def the_log_is_text_or_json(cluster):
    first = cluster.start("first", *FAST, "--log-format", "json")
    second = cluster.start("second", *FAST, join=[first.address])
    cluster.expect_all([first, second], {"first": "alive", "second": "alive"})
    cluster.expect(lambda: first.log() and "joined through 1 of 1" in second.log(), "log lines")
    for line in first.log().splitlines():
        record = json.loads(line)
        check(set(record) == {"time", "level", "room", "text"}, f"a record is {record}")
        check(record["level"] in ("error", "warn", "info"), f"a level is {record}")
    for line in second.log().splitlines():
        check(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn|info) +\w+: .", line),
              f"a line is {line!r}")
    quiet = cluster.start("quiet", *FAST, "--log-level", "error", join=[first.address])
    cluster.expect_all([quiet], {"first": "alive"})
    check(quiet.log() == "", f"level error logged {quiet.log()!r}")


def standard_descriptors_that_are_closed_do_no_harm(cluster):
    path = os.path.join(cluster.folder, "closed.sock")
    agent = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", cluster.program, "agent",
                              "--name", "closed", "--bind", "127.0.0.1:0", "--socket", path],
                             env=environment(cluster))
    try:
        # The file is there before anybody listens.
        cluster.expect(lambda: "closed" in shoal(cluster, "members", "--socket", path).stdout, "it lists itself")
        agent.send_signal(signal.SIGTERM)
        check(agent.wait(LONG) == 0, "it did not end well")
    finally:
        agent.kill()
        agent.wait()


def a_seed_that_is_no_address_is_wrong_usage(cluster):
    # Judged before anything is bound: that the address is taken does not come first.
    taken = cluster.start("taken", *FAST)
    for seed in ("host:99999", "127.0.0.1:0", "srv+host:1", "http://127.0.0.1:1/?q", "ftp://host", "a b:1", ""):
        ended = shoal(cluster, "agent", "--name", "a", "--bind", taken.address, "--join", seed)
        expect_in(["--join", f'"{seed}"'], complaint(ended, 2))
        check(ended.stdout == "", f"it said that it is ready: {ended.stdout!r}")


def the_agent_counts_who_follows_it(cluster):
    agent = cluster.start("a", *FAST)
    with Beside(cluster, "monitor", "--socket", agent.socket_path) as monitor:
        cluster.expect(lambda: following(agent) == 1, "one follows")
        monitor.end()
    cluster.expect(lambda: following(agent) == 0, "nobody follows")


if __name__ == "__main__":
    main()
