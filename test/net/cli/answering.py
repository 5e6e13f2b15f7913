# SPDX-License-Identifier: MIT
"""`shoal agent --on-request`."""
import os
import signal
import stat
import subprocess

from command import FAST, LONG, STEADY, ask, check, complaint, environment, expect_in, main, pause, shoal

HOLD = "touch {folder}/began.$$; while [ -e {folder}/hold ]; do sleep 0.05; done; echo done"


def program(cluster, name, script):
    path = os.path.join(cluster.folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n" + script.format(folder=cluster.folder) + "\n")
    os.chmod(path, stat.S_IRWXU)
    return path


def answering(cluster, *rows, how=FAST):
    """An agent that asks, and one that answers by these {type, name of the program, its script}."""
    options = [word for number, name, script in rows
               for word in ("--on-request", f"{number}={program(cluster, name, script)}")]
    first = cluster.start("m01", *how)
    second = cluster.start("m02", *how, *options, join=[first.address])
    cluster.expect_all([first, second], {"m01": "alive", "m02": "alive"})
    return first, second


def what_a_program_prints_is_the_reply(cluster):
    first, second = answering(
        cluster, (200, "shout", "tr a-z A-Z"), (201, "who", "echo $SHOAL_REQUEST $SHOAL_MEMBER $SHOAL_MEMBER_ID"),
        (202, "back", "cat"), (203, "silent", ":"))
    check(ask(cluster, first, "request", "m02", "200", "hello") == "HELLO\n", "it was not answered")
    check(ask(cluster, first, "request", "m02", "201", "") == f"201 m01 {first.id}\n", "it was not told who asks")
    check(ask(cluster, first, "request", "m02", "203", "x") == "\n", "a reply may be empty")
    data = bytes(range(256)) * 100
    done = subprocess.run([cluster.program, "request", "m02", "202", "-", "--socket", first.socket_path], input=data,
                          capture_output=True, timeout=LONG, check=False, env=environment(cluster, {}))
    check(done.returncode == 0 and done.stdout == data, "bytes came back otherwise")
    check(second.running, "it ended")


def what_is_not_answered_says_why(cluster):
    first, second = answering(cluster, (200, "fails", "echo no; exit 3"), (201, "talks", "yes"),
                              (202, "sleeps", "touch {folder}/began.0; sleep 100"))
    where = ("--socket", first.socket_path)
    expect_in(["nobody handles requests of this type there"],
              complaint(shoal(cluster, "request", "m02", "204", "x", *where), 1))
    expect_in(["failed"], complaint(shoal(cluster, "request", "m02", "200", "x", *where), 1))
    expect_in(["limit"], complaint(shoal(cluster, "request", "m02", "201", "x", *where), 1))
    expect_in(["timed out"], complaint(shoal(cluster, "request", "m02", "202", "x", "--timeout", "1s", *where), 1))
    cluster.expect(lambda: "fails ended with status 3" in second.log(), "its status is logged")
    cluster.expect(lambda: "talks prints more" in second.log(), "that it was stopped is logged")
    cluster.expect(lambda: "sleeps takes too long" in second.log(), "it is killed in the end")
    path = program(cluster, "gone", "yes")
    missing = cluster.start("m03", *FAST, "--on-request", f"200={path}", join=[first.address])
    os.unlink(path)
    cluster.expect_all([first], {"m03": "alive"})
    expect_in(["failed"], complaint(shoal(cluster, "request", "m03", "200", "x", *where), 1))
    cluster.expect(lambda: f"{path} cannot be run" in missing.log(), "it is logged")


def touch(cluster, name):
    path = os.path.join(cluster.folder, name)
    with open(path, "w", encoding="utf-8"):
        pass
    return path


def count(cluster, prefix):
    return len([name for name in os.listdir(cluster.folder) if name.startswith(prefix)])


def ask_times(cluster, agent, number, times):
    return [subprocess.Popen([cluster.program, "request", "m02", number, "x", "--socket", agent.socket_path,
                              "--timeout", "60s"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                             env=environment(cluster, {})) for _ in range(times)]


def so_many_run_at_once_and_no_more(cluster):
    hold = touch(cluster, "hold")
    first, _ = answering(cluster, (200, "hold.sh", HOLD), how=STEADY)
    third = cluster.start("m03", *STEADY, join=[first.address])
    cluster.expect_all([first, third], {"m02": "alive", "m03": "alive"})
    asked = ask_times(cluster, first, "200", 8)
    cluster.expect(lambda: count(cluster, "began.") == 8, "8 of one member run")
    more = ("request", "m02", "200", "x", "--socket", first.socket_path)
    expect_in(["too many requests"], complaint(shoal(cluster, *more), 1))
    check(count(cluster, "began.") == 8, "another one ran")
    asked += ask_times(cluster, third, "200", 4)
    cluster.expect(lambda: count(cluster, "began.") == 12, "4 of another one run")
    os.remove(hold)
    for one in asked:
        check(one.communicate(timeout=LONG)[0] == b"done\n", "one was not answered")
    check(ask(cluster, first, "request", "m02", "200", "x") == "done\n", "there is no room again")


def who_takes_no_replies_holds_no_places(cluster):
    """Longer than a program may run: a reply has the same time."""
    hold = touch(cluster, "hold")
    first, second = answering(cluster, (200, "hold.sh", HOLD), (201, "big.sh",
                              "touch {folder}/ran.$$; while [ ! -e {folder}/go ]; do sleep 0.05; done; "
                              "head -c 60000 /dev/zero"))
    third = cluster.start("m03", *FAST, join=[first.address])
    cluster.expect_all([second, third], {"m01": "alive", "m02": "alive", "m03": "alive"})
    asked = ask_times(cluster, first, "201", 8)
    cluster.expect(lambda: count(cluster, "ran.") == 8, "all run")
    pause(cluster, first)
    cluster.expect_all([second], {"m01": "dead"})
    touch(cluster, "go")
    served = []

    def all_began():
        """Who found no place is refused, and asks again."""
        served[:] = [one for one in served if one.poll() is None]
        served.extend(ask_times(cluster, third, "200", 8 - len(served)))
        return count(cluster, "began.") == 8

    cluster.expect(lambda: "big.sh printed is not taken" in second.log(), "they are given up")
    cluster.expect(all_began, "the other one has their places")
    os.remove(hold)
    for one in served:
        check(one.communicate(timeout=LONG)[0] == b"done\n", "one was not answered")
    first.signal(signal.SIGCONT)
    for one in asked:
        one.kill()
        one.communicate(timeout=LONG)


def what_is_no_type_and_program_is_refused(cluster):
    for value in ("200", "127=cat", "65536=cat", "cat", "200=", "=cat"):
        expect_in(["TYPE=PROGRAM", value], complaint(shoal(cluster, "agent", "--on-request", value), 2))
    expect_in(["200"], complaint(shoal(cluster, "agent", "--bind", "127.0.0.1:0", "--on-request", "200=cat",
                                       "--on-request", "200=tac"), 1))


if __name__ == "__main__":
    main()
