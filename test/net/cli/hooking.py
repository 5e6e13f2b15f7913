# SPDX-License-Identifier: MIT
"""`shoal agent --on-event`."""
import json
import os
import stat
import time

from command import FAST, STEADY, ask, check, complaint, expect_in, main, shoal

PROGRAM = """#!/bin/sh
cat > {folder}/members.$SHOAL_EVENT.$SHOAL_MEMBER
echo "$SHOAL_EVENT $SHOAL_MEMBER $SHOAL_MEMBER_ID" >> {folder}/events
while [ -e {folder}/hold ]; do sleep 0.05; done
[ "$SHOAL_EVENT" != failed ]
"""


def program(where):
    path = os.path.join(where.folder, "hook")
    with open(path, "w", encoding="utf-8") as file:
        file.write(PROGRAM.format(folder=where.folder))
    os.chmod(path, stat.S_IRWXU)
    return path


def events(where):
    path = os.path.join(where.folder, "events")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return [line.split() for line in file]


def a_program_runs_for_each_event_with_the_members_on_its_input(cluster):
    first = cluster.start("m01", *FAST, "--on-event", program(cluster))
    second = cluster.start("m02", *FAST, join=[first.address])
    cluster.expect(lambda: ["join", "m02", second.id] in events(cluster), "the program ran")
    with open(os.path.join(cluster.folder, "members.join.m02"), encoding="utf-8") as file:
        members = json.load(file)
    check([(member["name"], member["state"]) for member in members] == [("m01", "alive"), ("m02", "alive")],
          f"it got {members}")
    second.process.kill()
    cluster.expect(lambda: ["failed", "m02", second.id] in events(cluster), "it failed")
    cluster.expect(lambda: "ended with status 1" in first.log(), "its status is logged")


def while_it_runs_events_of_a_member_become_one(cluster):
    hold = os.path.join(cluster.folder, "hold")
    with open(hold, "w", encoding="utf-8"):
        pass
    first = cluster.start("m01", *STEADY, "--on-event", program(cluster))
    second = cluster.start("m02", *STEADY, join=[first.address])
    cluster.expect(lambda: len(events(cluster)) == 1, "it runs")
    third = cluster.start("m03", *STEADY, join=[first.address])
    cluster.expect_all([first], {"m02": "alive", "m03": "alive"})
    for tag in range(5):
        ask(cluster, third, "tag", "add", f"t{tag}")
    cluster.expect(lambda: len(first.members()["m03"]["tags"]) == 5, "all tags are known")
    check(len(events(cluster)) == 1, "two ran at once")
    os.remove(hold)
    cluster.expect(lambda: len(events(cluster)) >= 2, "the next one")
    kinds = [event[0] for event in events(cluster) if event[1] == "m03"]
    check(kinds == ["update"], f"it ran for {kinds}")
    check(events(cluster)[0] == ["join", "m02", second.id], "another one was first")


def one_that_cannot_be_run_is_logged(cluster):
    path = program(cluster)
    first = cluster.start("m01", *FAST, "--on-event", path)
    os.unlink(path)
    second = cluster.start("m02", *FAST, join=[first.address])
    cluster.expect(lambda: f"{path} cannot be run" in first.log(), "it is logged")
    expect_in(["m02"], first.members())
    began = time.monotonic()
    for tag in range(5):
        ask(cluster, second, "tag", "add", f"t{tag}")
        cluster.expect(lambda tag=tag: f"t{tag}" in first.members()["m02"]["tags"], "each is an event")
    lines = first.log().count("cannot be run")
    # Six events: a line for each minute that this took.
    check(lines <= 1 + (time.monotonic() - began) // 60 + 1, f"it is logged {lines} times")


def one_that_is_not_there_is_refused_at_the_start(cluster):
    for option, value, path in (("--on-event", "/nonexistent/hook", "/nonexistent/hook"),
                                ("--on-event", "no-such-program", "no-such-program"),
                                ("--on-event", cluster.folder, cluster.folder), ("--on-event", __file__, __file__),
                                ("--on-request", "200=/nonexistent/hook", "/nonexistent/hook")):
        line = complaint(shoal(cluster, "agent", "--bind", "127.0.0.1:0", option, value), 2)
        expect_in([option, f"cannot run {path}: "], line)


if __name__ == "__main__":
    main()
